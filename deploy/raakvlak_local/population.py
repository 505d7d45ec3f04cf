"""A believable synthetic population for a whole federation, and the matches that must be found in it.

`write` fills a folder with `federation.toml`, a caseload file per organisation, `truth.csv`, `showcase.csv` and
`people.csv`, in which stands who signs in to the pages. The same (cases, organisations, seed, today) gives the same bytes.
Nobody in it exists; the numbers pass the 11-proof all the same, so never type one into a real system.
"""

import csv
import random
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from raakvlak_local import names, spelling, staff
from raakvlak_local.names import Organisation
from raakvlak_local.town import Family, Person, Town
from raakvlak_local.truth import Address, Case, Match, Touch, Worker, matches, touches
from raakvlak_protocol.errors import Malformed, Refused

HOUSEHOLD_LIMIT = 8  # cases of one organisation at one address; another limit than the covenant's default
_MARK = "# A synthetic population, written by raakvlak-local: nobody in it exists.\n"
_CASES_PER_STUDENT_HOUSE = 400
_CASES_PER_WORKER = 25

# From which age which kinds of organisation come to know somebody, and how often.
_KNOWN_BY: tuple[tuple[int, dict[str, float]], ...] = (
    (23, {"municipality": 6, "police": 2, "health": 2, "justice": 1, "shelter": 1}),
    (18, {"municipality": 4, "police": 3, "education": 3, "health": 2, "justice": 2, "shelter": 1.5, "youth_care": 1}),
    (12, {"education": 5, "youth_care": 3, "municipality": 2, "police": 2, "health": 1, "justice": 1, "shelter": 0.3}),
    (4, {"education": 5, "youth_care": 3, "municipality": 2, "health": 1.5, "police": 0.3}),
    (0, {"youth_care": 4, "municipality": 3, "health": 3}),
)
# How likely it is that a kind's file names a given parent or child of the client; siblings are named less often.
_THOROUGH = {
    "education": 0.85, "municipality": 0.85, "youth_care": 0.9, "health": 0.7, "justice": 0.6, "police": 0.5,
    "shelter": 0.5,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written. `matches` counts both sides; `showcase` is one family's (organisation id, case_ref) list."""

    cases: int
    organisations: int
    matches: int
    touched: int
    showcase: tuple[tuple[str, str], ...]


def write(
    folder: Path,
    *,
    cases: int,
    organisations: int,
    seed: int,
    today: date,
    coordinator: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Write a population of exactly `cases` rows over `organisations` caseload files into `folder`.

    With `coordinator` one more member takes part, who has no cases and changes nothing about who matches.

    `progress` is told how many cases were added since it was last told; together that is `cases`. Raises Malformed
    for a number out of bounds, and Refused where the folder holds files that this function did not write.
    """
    if cases < 1:
        raise Malformed("a population needs at least one case", field="cases")
    if not 2 <= organisations <= len(names.ORGANISATIONS):
        limit = len(names.ORGANISATIONS)
        raise Malformed(f"a population has from 2 to {limit} organisations, not {organisations}", field="organisations")
    members = names.ORGANISATIONS[:organisations]
    _claim(folder, members)

    rng = random.Random(f"raakvlak {cases} {organisations} {seed} {today.isoformat()}")  # noqa: S311 (no secret)
    schools = sum(member.kind == "education" for member in members)
    caseloads = _Caseloads(Town(rng, today, schools), members, cases)
    caseloads.fill(progress or (lambda _: None))
    shelters = {member.id for member in members if member.kind == "shelter"}
    found = touches(caseloads.cases, shelters=shelters, household_limit=HOUSEHOLD_LIMIT, today=today)
    truth = matches(caseloads.cases, found)
    shown = _showcase(caseloads.cases, caseloads.families, found)
    chosen = {member.id: caseloads.workers_of(member, shown) for member in members}
    made = caseloads.reachable({each for workers in chosen.values() for each in workers})

    (folder / "federation.toml").write_text(_federation(members, coordinator=coordinator), encoding="utf-8")
    for member in members:
        own = sorted((case for case in made if case.organisation == member.id), key=lambda case: case.reference)
        spelling.write_caseload(folder / f"{member.id}.csv", own, rng)
    _write_csv(folder / "truth.csv", Match._fields, truth)
    worker_of = {(each.organisation, each.reference): each.worker.email for each in made}
    _write_csv(folder / "showcase.csv", ("node", "case_ref", "worker"), [(*each, worker_of[each]) for each in shown])
    people = [caseloads.whole[each] for workers in chosen.values() for each in workers]
    taken = {each.email for each in caseloads.whole.values()}
    everybody = members + ((names.COORDINATOR,) if coordinator else ())
    staff.write(folder, staff.invented(everybody, people, taken))
    touched = len({place for pair in found for place in pair})
    return Summary(len(made), organisations, len(truth), touched, shown)


class _Caseloads:
    """Who is known where: draws families from a town and lets organisations open cases on their members."""

    def __init__(self, town: Town, members: Sequence[Organisation], wanted: int) -> None:
        self.cases: list[Case] = []
        self.families: list[int] = []  # of each case the number of its family; -1 for people who only share a house
        self._town, self._rng, self._members, self._wanted = town, town.rng, members, wanted
        self._by_kind: dict[str, list[Organisation]] = {}
        for member in members:
            self._by_kind.setdefault(member.kind, []).append(member)
        count = max(3, wanted // len(members) // _CASES_PER_WORKER)
        self.whole: dict[Worker, Worker] = {}  # of each worker what the caseload may leave out, too
        self._workers = {member.id: [self._worker(member) for _ in range(count)] for member in members}
        self._shelters = {member.id: town.address() for member in members if member.kind == "shelter"}
        self._references: set[tuple[str, int]] = set()

    def fill(self, progress: Callable[[int], None]) -> None:
        """Open cases until there are exactly as many as wanted."""
        houses = 0
        while (before := len(self.cases)) < self._wanted:
            if before >= (houses + 0.5) * _CASES_PER_STUDENT_HOUSE:
                self._student_house(houses)
                houses += 1
            else:
                self._family(self._town.family(), before)
            del self.cases[self._wanted :], self.families[self._wanted :]
            progress(len(self.cases) - before)

    def _family(self, family: Family, number: int) -> None:
        """Mostly one case; where there are more, they tend to be about the same child, at one organisation or at many.

        A family has its own organisation of each kind, and each child its own school.
        """
        rng = self._rng
        local = {kind: rng.choice(members) for kind, members in self._by_kind.items()}
        people = family.children + family.adults + family.kin
        weights = [1.0] * len(family.children) + [0.22] * len(family.adults) + [0.4] * len(family.kin)
        known: set[tuple[Person, str]] = set()
        for _ in range(rng.choices((1, 2, 3, 4, 5), (82, 11, 4, 2, 1))[0]):
            place = rng.choices(range(len(people)), weights)[0]
            weights[place] *= 1.5
            member = self._known_by(people[place], local)
            if (people[place], member.id) in known and rng.random() < 0.8:
                member = self._known_by(people[place], local)
            known.add((people[place], member.id))
            home = self._shelters.get(member.id, people[place].home)
            home_on_file = rng.choices((home, family.former, None), (91, 3, 6))[0]
            self._open(people[place], member, home_on_file, number)

    def _known_by(self, person: Person, local: dict[str, Organisation]) -> Organisation:
        age = person.age(self._town.today)
        often = next(often for from_age, often in _KNOWN_BY if age >= from_age)
        kinds = [kind for kind in often if kind in local]
        kind = self._rng.choices(kinds, [often[kind] for kind in kinds])[0]
        return self._by_kind["education"][person.school] if kind == "education" else local[kind]

    def _student_house(self, nth: int) -> None:
        """Strangers at one front door: one organisation has just as many cases there as a household may have (the
        first house) or up to four more, another a few, and some of those about the same people."""
        rng, town = self._rng, self._town
        door = town.address()
        crowd, few = rng.sample([member for member in self._members if member.id not in self._shelters], 2)
        residents = [town.student(door) for _ in range(HOUSEHOLD_LIMIT + nth % 5 + rng.randrange(3))]
        for student in residents[: HOUSEHOLD_LIMIT + nth % 5]:
            self._open(student, crowd, door, -1)
        for student in rng.sample(residents, rng.randrange(1, 5)):
            self._open(student, few, door, -1)

    def _open(self, person: Person, member: Organisation, home: Address | None, number: int) -> None:
        """A new case with what this organisation happens to have on file about the client, and `home` for sure."""
        rng = self._rng
        thorough = _THOROUGH[member.kind]
        since = max(self._town.today - timedelta(days=rng.randrange(1, 600)), person.born)
        discreet = member.kind in ("police", "justice")
        self.cases.append(
            Case(
                organisation=member.id,
                reference=self._reference(member, since.year),
                client=person.number,
                born=person.born if rng.random() < 0.96 else None,
                parents=self._some(person.parents, thorough),
                children=self._some(person.children, thorough),
                siblings=self._some(person.siblings(), thorough * 0.7),
                home=home,
                worker=rng.choice(self._workers[member.id]),
                since=since,
                confidential=rng.random() < (0.08 if discreet else 0.01),
                protected=rng.random() < 0.01,
            )
        )
        self.families.append(number)

    def _some(self, people: list[Person], thorough: float) -> tuple[int, ...]:
        return tuple(person.number for person in people if self._rng.random() < thorough)

    def _reference(self, member: Organisation, year: int) -> str:
        while True:
            number = self._rng.randrange(1, 1000 + 10 * self._wanted)
            if (member.id, number) not in self._references:
                self._references.add((member.id, number))
                return names.REFERENCES[member.kind].format(year=year, number=number)

    def _worker(self, member: Organisation) -> Worker:
        """Somebody to call, at a number and an address that cannot be anybody's."""
        rng = self._rng
        name = f"{rng.choice(names.FIRST_NAMES)} {rng.choice(names.SURNAMES)}"
        phone = rng.choice(("0118-000{:03}", "0118 000 {:03}")).format(rng.randrange(1000))
        email = names.email(name, member.id)
        reach = rng.choice(((phone, email), (phone, email), (phone, ""), ("", email)))
        known = name if rng.random() < 0.95 else ""
        function = rng.choice(names.FUNCTIONS[member.kind])
        worker = Worker(known, *reach, function)
        self.whole[worker] = Worker(name, phone, email, function)
        return worker

    def workers_of(self, member: Organisation, cases: Iterable[tuple[str, str]]) -> tuple[Worker, ...]:
        """Whose cases these are at this organisation, by e-mail address; one of its workers where none are."""
        wanted = set(cases)
        own = (each for each in self.cases if each.organisation == member.id)
        found = {each.worker for each in own if (member.id, each.reference) in wanted} or {self._workers[member.id][0]}
        return tuple(sorted(found, key=lambda each: self.whole[each].email))

    def reachable(self, workers: Container[Worker]) -> list[Case]:
        """All cases; those of these workers name them in full: who signs in is found by the address in his cases."""
        return [replace(each, worker=self.whole[each.worker]) if each.worker in workers else each for each in self.cases]


def _showcase(
    cases: Sequence[Case], families: Sequence[int], found: dict[tuple[int, int], Touch]
) -> tuple[tuple[str, str], ...]:
    """The family whose touching cases are spread over most organisations, in most ways and then in fewest cases."""
    places: dict[int, set[int]] = {}
    ways: dict[int, set[str]] = {}
    for (ours, theirs), touch in found.items():
        family = families[ours]
        if family >= 0 and family == families[theirs]:
            places.setdefault(family, set()).update((ours, theirs))
            ways.setdefault(family, set()).update(touch.ours, touch.theirs, (touch.kind,))

    def rank(family: int) -> tuple[int, int, int, int]:
        spread = len({cases[place].organisation for place in places[family]})
        return spread, len(ways[family]), -len(places[family]), -family

    best = max(places, key=rank, default=-1)
    return tuple(sorted((cases[place].organisation, cases[place].reference) for place in places.get(best, ())))


def _claim(folder: Path, members: Iterable[Organisation]) -> None:
    """Make the folder, or take one that holds an earlier population; somebody's own caseloads are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    federation = folder / "federation.toml"
    if federation.exists() and federation.read_bytes().startswith(_MARK.encode()):
        return
    for name in ("federation.toml", "truth.csv", "showcase.csv", staff.FILE, *(f"{member.id}.csv" for member in members)):
        if (folder / name).exists():
            raise Refused(f"{name} is already there and would be lost: give another folder or move it away")


def _federation(members: Iterable[Organisation], *, coordinator: bool) -> str:
    parts = [f"{_MARK}\n[covenant]\nadult_clients = true\nhousehold_limit = {HOUSEHOLD_LIMIT}\n"]
    parts += [_organisation(each) + f'caseload = "{each.id}.csv"\n' for each in members]
    parts += [_organisation(names.COORDINATOR)] if coordinator else []
    return "".join(parts)


def _organisation(member: Organisation) -> str:
    return f'\n[[organisation]]\nid = "{member.id}"\nname = "{member.name}"\nkind = "{member.kind}"\n'


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
