"""The synthetic population: its truth against a second, slower opinion, and that it holds what it promises.

The second opinion reads the written files, as a node would, with a reading of its own, and asks of every pair of cases
in turn what the domain says. It shares nothing with `raakvlak_local` but the folder.
"""

import csv
import itertools
import re
import time
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from raakvlak_local import population, spelling, truth
from raakvlak_local.staff import Person
from raakvlak_local.truth import Address, Case, Worker
from raakvlak_protocol.errors import Malformed, Refused

TODAY = date(2026, 11, 23)
TruthRow = tuple[str, ...]


@dataclass(frozen=True)
class Read:
    """One row of a written caseload, read by this test's own rules."""

    organisation: str
    kind: str
    row: dict[str, str]
    client: str
    parents: frozenset[str]
    children: frozenset[str]
    siblings: frozenset[str]
    home: str
    adult: bool
    silent: bool


def nine_digits(text: str) -> str:
    assert re.fullmatch(r"[0-9]{8,9}", text), text
    number = text.rjust(9, "0")
    *digits, last = (int(digit) for digit in number)
    assert sum(d * w for d, w in zip(digits, range(9, 1, -1), strict=True)) % 11 == last, number
    assert number != "000000000"
    return number


def front_door(row: dict[str, str]) -> str:
    """One spelling for each door, empty where the address is not known; half an address is a mistake."""
    if not row["postcode"]:
        assert not row["house_number"] and not row["house_addition"]
        return ""
    postcode = row["postcode"].replace(" ", "").upper()
    assert re.fullmatch(r"[1-9][0-9]{3}(?!SA|SD|SS)[A-Z]{2}", postcode)
    number = re.fullmatch(r"([1-9][0-9]{0,4})([A-Za-z]?)", row["house_number"])
    assert number
    addition = unicodedata.normalize("NFKC", number[2] + row["house_addition"]).upper()
    return f"{postcode} {number[1]} {re.sub('[^A-Z0-9]', '', addition)}"


def read(folder: Path) -> list[Read]:
    """Every case of every caseload that `federation.toml` names."""
    cases = []
    for member in tomllib.loads((folder / "federation.toml").read_text())["organisation"]:
        if member["kind"] == "coordinator":
            continue
        with (folder / member["caseload"]).open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file, strict=True):
                assert set(row) == set(spelling.COLUMNS)
                born = row["birth_date"]
                cases.append(
                    Read(
                        organisation=member["id"],
                        kind=member["kind"],
                        row=row,
                        client=nine_digits(row["bsn"]),
                        parents=frozenset(nine_digits(row[c]) for c in ("parent_bsn_1", "parent_bsn_2") if row[c]),
                        children=frozenset(map(nine_digits, row["child_bsns"].split())),
                        siblings=frozenset(map(nine_digits, row["sibling_bsns"].split())),
                        home=front_door(row),
                        adult=bool(born) and f"{int(born[:4]) + 23}{born[4:]}" <= TODAY.isoformat(),
                        silent="yes" in (row["confidential"], row["protected"]) or member["kind"] == "shelter",
                    )
                )
    return cases


def said(case: Read) -> dict[str, frozenset[str]]:
    """What others may hear of a case, but for the address."""
    if case.silent:
        return {}
    heard = {"client": frozenset({case.client}), "child": case.children}
    return heard if case.adult else heard | {"parent": case.parents, "sibling": case.siblings}


def both_sides(one: Read, other: Read, crowded: set[tuple[str, str]]) -> tuple[str, set[str], set[str]]:
    """Kind, and the relations on either side; ("", …) for two cases that don't touch."""
    table = {
        "client": {"client", "parent", "child", "sibling"},
        "parent": {"client", "parent"},
        "child": {"client", "child", "sibling"},
        "sibling": {"client", "child", "sibling"},
    }
    ours, theirs, kind = set(), set(), ""
    for (here, mine), (there, yours) in itertools.product(said(one).items(), said(other).items()):
        if mine & yours and there in table[here]:
            ours.add(here)
            theirs.add(there)
            kind = "client" if "client" == here == there or kind == "client" else "family"
    same_door = one.home and one.home == other.home and not (one.silent or other.silent)
    if same_door and not {(one.organisation, one.home), (other.organisation, other.home)} & crowded:
        ours.add("address")
        theirs.add("address")
        kind = kind or "family"
    return kind, ours, theirs


def crowded_doors(cases: list[Read]) -> set[tuple[str, str]]:
    doors = Counter((case.organisation, case.home) for case in cases if case.home)
    return {door for door, count in doors.items() if count > 8}


def second_opinion(cases: list[Read]) -> Iterator[TruthRow]:
    crowded = crowded_doors(cases)
    for one, other in itertools.combinations(cases, 2):
        if one.organisation != other.organisation:
            kind, ours, theirs = both_sides(one, other, crowded)
            if kind:
                here, there = (one.organisation, one.row["case_ref"]), (other.organisation, other.row["case_ref"])
                yield (*here, *there, kind, " ".join(sorted(ours)))
                yield (*there, *here, kind, " ".join(sorted(theirs)))


def rows(path: Path) -> list[TruthRow]:
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 cases at five organisations, as in the demo."""
    folder = tmp_path_factory.mktemp("town")
    population.write(folder, cases=2000, organisations=5, seed=1, today=TODAY)
    return folder


@pytest.mark.parametrize(("cases", "organisations", "seed"), [(500, 2, 1), (700, 5, 2), (700, 8, 3), (600, 20, 4)])
def test_truth_is_what_a_second_reading_finds(cases: int, organisations: int, seed: int, tmp_path: Path) -> None:
    summary = population.write(tmp_path, cases=cases, organisations=organisations, seed=seed, today=TODAY)
    made = read(tmp_path)
    expected = sorted(second_opinion(made))
    assert rows(tmp_path / "truth.csv") == expected
    assert summary.matches == len(expected) > cases / 20
    assert summary.touched == len({row[:2] for row in expected})
    assert summary.cases == len(made) == cases


# In order: the relation of one person to our client and to theirs, and what comes of it.
RELATIONS = [
    ("client", "client", "client"), ("client", "parent", "family"), ("client", "child", "family"),
    ("client", "sibling", "family"), ("parent", "parent", "family"), ("child", "child", "family"),
    ("sibling", "sibling", "family"), ("sibling", "child", "family"), ("child", "sibling", "family"),
    ("parent", "client", "family"), ("child", "client", "family"), ("sibling", "client", "family"),
    ("parent", "sibling", ""), ("sibling", "parent", ""), ("parent", "child", ""), ("child", "parent", ""),
]  # fmt: skip

DOOR = Address("4331AB", 12, "A2")
FIELDS = {"parent": "parents", "child": "children", "sibling": "siblings"}


def case(organisation: str, reference: str, **known: object) -> Case:
    """A youth's case with a client of its own, but for what is `known`."""
    nobody: dict[str, object] = {
        "client": int.from_bytes(f"{organisation}{reference}".encode()),
        "born": date(2012, 5, 1),
        "parents": (),
        "children": (),
        "siblings": (),
        "home": None,
        "worker": Worker("", "0118-000000", "", "mentor"),
        "since": TODAY,
    }
    return Case(organisation, reference, **(nobody | known))  # type: ignore[arg-type]  # the fields are named above


def sharing(organisation: str, relation: str) -> Case:
    """A case to which person 7 stands in `relation`."""
    known: dict[str, object] = {"client": 7} if relation == "client" else {FIELDS[relation]: (7,)}
    return case(organisation, "1", **known)


def found(*cases: Case, today: date = TODAY) -> list[TruthRow]:
    pairs = truth.touches(cases, shelters={"shelter"}, household_limit=2, today=today)
    return [tuple(match) for match in truth.matches(cases, pairs)]


@pytest.mark.parametrize(("ours", "theirs", "kind"), RELATIONS)
def test_each_pair_of_relations(ours: str, theirs: str, kind: str) -> None:
    expected = [("a", "1", "b", "1", kind, ours), ("b", "1", "a", "1", kind, theirs)] if kind else []
    assert found(sharing("a", ours), sharing("b", theirs)) == expected
    assert found(sharing("a", ours), sharing("a", theirs)) == []


def test_via_names_only_relations_that_make_a_match() -> None:
    """The nephew's parent is the uncle's brother, which counts for nothing beside the door that they share."""
    nephew, uncle = case("a", "1", parents=(7,), home=DOOR), case("b", "1", siblings=(7,), home=DOOR)
    assert [match[4:] for match in found(nephew, uncle)] == [("family", "address")] * 2


@pytest.mark.parametrize(
    ("born", "heard"),
    [(None, True), (date(2003, 11, 24), True), (date(2003, 11, 23), False), (date(1980, 1, 1), False)],
)
def test_of_an_adult_only_children_and_door(born: date | None, heard: bool) -> None:
    for relation, both in (("parent", heard), ("sibling", heard), ("child", True)):
        assert bool(found(case("a", "1", born=born, **{FIELDS[relation]: (7,)}), case("b", "1", client=7))) == both
    assert found(case("a", "1", born=born, home=DOOR), case("b", "1", home=DOOR))


def test_withheld_cases_and_shelters_touch_nothing() -> None:
    youth = case("b", "1", client=7, home=DOOR)
    assert found(case("a", "1", client=7, home=DOOR), youth)
    assert not found(case("a", "1", client=7, home=DOOR, confidential=True), youth)
    assert not found(case("a", "1", client=7, home=DOOR, protected=True), youth)
    assert not found(case("shelter", "1", client=7, home=DOOR), youth)


def test_a_crowded_door_is_silent_for_that_organisation_only() -> None:
    two, elsewhere = [case("a", ref, home=DOOR) for ref in "12"], [case("b", "1", home=DOOR), case("c", "1", home=DOOR)]
    assert len(found(*two, *elsewhere)) == 2 * (2 * 2 + 1)
    third = case("a", "3", home=DOOR)
    assert [match[:4] for match in found(*two, third, *elsewhere)] == [("b", "1", "c", "1"), ("c", "1", "b", "1")]


@pytest.mark.parametrize("why", ["confidential", "protected"])
def test_a_withheld_case_does_not_tell_of_itself_by_a_door_that_falls_silent(why: str) -> None:
    two, elsewhere = [case("a", ref, home=DOOR) for ref in "12"], case("b", "1", home=DOOR)
    third = case("a", "3", home=DOOR, **{why: True})
    assert found(*two, third, elsewhere) == found(*two, elsewhere)


def test_same_arguments_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("again", 5), ("other", 6)):
        population.write(tmp_path / name, cases=300, organisations=4, seed=seed, today=TODAY)
    assert contents(tmp_path / "one") == contents(tmp_path / "again")
    assert contents(tmp_path / "one") != contents(tmp_path / "other")


@pytest.mark.parametrize("cases", [1, 2, 17, 1001])
def test_exactly_as_many_rows_as_asked_for(cases: int, tmp_path: Path) -> None:
    told: list[int] = []
    population.write(tmp_path, cases=cases, organisations=3, seed=9, today=TODAY, progress=told.append)
    assert len(read(tmp_path)) == cases == sum(told)
    assert min(told) >= 0


MATCHING = (
    "client and client", "client and parent", "child and client", "client and sibling", "parent and parent",
    "child and child", "sibling and sibling", "child and sibling",
)  # fmt: skip
OTHERWISE = (
    "parent and sibling: no match",
    "child and parent: no match",
    "a shared door that is not published",
    "two cases of one person at one organisation",
    "brothers and sisters at one organisation",
)


def test_the_demo_holds_every_situation(town: Path) -> None:
    cases, expected = read(town), rows(town / "truth.csv")
    assert len({(case.organisation, case.row["case_ref"]) for case in cases}) == len(cases) == 2000
    assert 0.2 < len({row[:2] for row in expected}) / 2000 < 0.35
    assert {row[4] for row in expected} == {"client", "family"}
    assert {row[5] for row in expected} >= {"address", "child", "client", "parent", "sibling", "client parent"}

    seen = situations(cases, {frozenset((row[:2], row[2:4])) for row in expected})
    for relations in MATCHING:
        assert seen[f"{relations}: match"] and not seen[f"{relations}: no match"], relations
    for situation in OTHERWISE:
        assert seen[situation], situation
    doors = Counter((case.organisation, case.home) for case in cases if case.home)
    crowded = crowded_doors(cases)
    assert any((other, home) in doors and (other, home) not in crowded for _, home in crowded for other, _ in doors)
    assert 8 in doors.values()


def situations(cases: list[Read], matched: set[frozenset[TruthRow]]) -> Counter[str]:
    """How often each way for two cases to have something in common occurs, and whether the truth has it as a match."""
    seen: Counter[str] = Counter()
    known = [(case, {case.client, case.home or case.client, *case.parents, *case.siblings, *case.children}) for case in cases]
    for (one, mine), (other, yours) in itertools.combinations(known, 2):
        if mine.isdisjoint(yours):
            continue
        if one.organisation == other.organisation:
            seen["two cases of one person at one organisation"] += one.client == other.client
            seen["brothers and sisters at one organisation"] += one.client in other.siblings
            continue
        ends = frozenset(((one.organisation, one.row["case_ref"]), (other.organisation, other.row["case_ref"])))
        verdict = "match" if ends in matched else "no match"
        for (here, ours), (there, theirs) in itertools.product(said(one).items(), said(other).items()):
            if ours & theirs:
                seen[f"{min(here, there)} and {max(here, there)}: {verdict}"] += 1
        if one.home and one.home == other.home and verdict == "no match" and not (one.silent or other.silent):
            seen["a shared door that is not published"] += 1
    return seen


def test_the_demo_is_spelled_in_every_way(town: Path) -> None:
    cases = read(town)
    assert any(len(case.row["bsn"]) == 8 for case in cases)
    assert any(case.row["bsn"].startswith("0") for case in cases)
    assert any(re.search("[a-z]", case.row["postcode"]) for case in cases)
    assert any(" " not in case.row["postcode"] for case in cases if case.home)
    assert any(case.row["house_number"][-1].isalpha() for case in cases if case.home)
    assert any("²" in case.row["house_addition"] for case in cases)
    for column in ("birth_date", "parent_bsn_1", "postcode", "worker_phone", "worker_email", "worker_name"):
        assert any(not case.row[column] for case in cases), column
    for column in ("confidential", "protected"):
        assert 0 < sum(case.row[column] == "yes" for case in cases) < 100
    assert any(case.adult and case.children for case in cases)
    assert any(case.adult and case.parents for case in cases)
    spellings: dict[str, set[tuple[str, ...]]] = {}
    for case_ in cases:
        columns = ("postcode", "house_number", "house_addition")
        spellings.setdefault(case_.home, set()).add(tuple(case_.row[column] for column in columns))
    assert any(len(ways) > 2 for home, ways in spellings.items() if home)


def test_every_row_is_fit_to_import(town: Path) -> None:
    for case in read(town):
        row, relatives = case.row, [*case.parents, *case.children, *case.siblings]
        assert case.client not in relatives and len(relatives) == len(set(relatives)) <= 20
        assert row["function"] and (row["worker_phone"] or row["worker_email"])
        born = date.fromisoformat(row["birth_date"] or "2000-01-01")
        assert born <= date.fromisoformat(row["since"]) <= TODAY
        assert row["worker_email"] == "" or re.fullmatch(r"[a-z.]+@[a-z-]+\.example", row["worker_email"])
        assert row["worker_phone"] == "" or re.fullmatch(r"0118[ -]000 ?[0-9]{3}", row["worker_phone"])


def test_nobody_comes_of_age_around_today(town: Path) -> None:
    """So the truth of a folder made today is still the truth when it is run in another week."""
    for case in read(town):
        if born := case.row["birth_date"]:
            passed = (TODAY - date.fromisoformat(born)).days - 23 * 365.25
            assert not -90 < passed < 30


def test_the_showcase_is_one_family_that_several_know(town: Path) -> None:
    shown = rows(town / "showcase.csv")
    assert len({row[0] for row in shown}) >= 3
    expected = {row[:4] for row in rows(town / "truth.csv")}
    for end in shown:
        assert any((*end[:2], *other[:2]) in expected for other in shown)


@pytest.mark.parametrize(("folder_of", "coordinators"), [("town", 1), ("lonely", 0)])
def test_somebody_signs_in_in_each_role_and_the_family_is_theirs(
    folder_of: str, coordinators: int, town: Path, tmp_path: Path
) -> None:
    folder = town
    if folder_of == "lonely":  # of a few cases none may touch, and nobody is called in
        folder = tmp_path
        population.write(folder, cases=3, organisations=3, seed=1, today=TODAY, coordinator=False)
    cases, people = read(folder), [Person._make(row) for row in rows(folder / "people.csv")]
    emails = Counter(person.email for person in people)
    assert set(emails.values()) == {1}
    assert all(email.endswith(f"@{person.node}.example") for person in people for email in [person.email])
    for organisation in {case.organisation for case in cases}:
        own = [person for person in people if person.node == organisation]
        assert {person.role for person in own} == {"case-worker", "team-lead", "privacy-officer", "administrator"}
        workers = [person for person in own if person.role == "case-worker"]
        assert {person.team for person in own if person.role in ("case-worker", "team-lead")} == {workers[0].team} != {""}
        for worker in workers:
            named = {
                (case.row["worker_name"], case.row["function"]) for case in cases if case.row["worker_email"] == worker.email
            }
            assert all(name == worker.name for name, _ in named)
    assert sum(person.role == "coordinator" for person in people) == coordinators
    worker_of = {(case.organisation, case.row["case_ref"]): case.row["worker_email"] for case in cases}
    for node, case_ref, email in rows(folder / "showcase.csv"):
        assert worker_of[node, case_ref] == email
        assert [person.role for person in people if (person.node, person.email) == (node, email)] == ["case-worker"]


def test_federation_file_and_the_kinds(tmp_path: Path) -> None:
    population.write(tmp_path, cases=60, organisations=20, seed=1, today=TODAY)
    federation = tomllib.loads((tmp_path / "federation.toml").read_text(encoding="utf-8"))
    assert federation["covenant"] == {"adult_clients": True, "household_limit": 8}
    *members, coordinator = federation["organisation"]
    assert coordinator == {"id": "veiligheidshuis", "name": "Veiligheidshuis Kreekland", "kind": "coordinator"}
    assert [member["kind"] for member in members[:5]] == [
        "education", "municipality", "youth_care", "police", "education",
    ]  # fmt: skip
    assert [member["kind"] for member in members].index("shelter") == 5
    assert {member["kind"] for member in members} == {
        "education", "municipality", "police", "justice", "youth_care", "health", "shelter",
    }  # fmt: skip
    assert len({member["id"] for member in members}) == 20
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", member["id"]) for member in members)
    assert all(member["caseload"] == f"{member['id']}.csv" for member in members)


def test_a_coordinator_changes_nothing_about_who_matches(tmp_path: Path) -> None:
    """Only the description differs, by one organisation without a file and its people."""
    for name in ("with", "without"):
        population.write(
            tmp_path / name, cases=300, organisations=6, seed=5, today=TODAY, coordinator=name == "with"
        )  # fmt: skip
    with_, without = contents(tmp_path / "with"), contents(tmp_path / "without")
    for name in ("federation.toml", "people.csv"):
        assert with_.pop(name).startswith(without.pop(name))
    assert with_ == without


def test_refuses_impossible_numbers(tmp_path: Path) -> None:
    for cases, organisations in ((0, 5), (10, 1), (10, 21)):
        with pytest.raises(Malformed):
            population.write(tmp_path / "new", cases=cases, organisations=organisations, seed=1, today=TODAY)
    assert not (tmp_path / "new").exists()


def test_writes_over_its_own_population_but_never_over_a_caseload(tmp_path: Path) -> None:
    for seed in (1, 2):
        population.write(tmp_path / "ours", cases=10, organisations=2, seed=seed, today=TODAY)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "de-zoute-wind.csv").write_text("case_ref\n")
    with pytest.raises(Refused, match=r"de-zoute-wind\.csv"):
        population.write(theirs, cases=10, organisations=2, seed=1, today=TODAY)
    assert contents(theirs) == {"de-zoute-wind.csv": b"case_ref\n"}


def test_two_thousand_cases_in_a_blink(tmp_path: Path) -> None:
    began = time.process_time()
    population.write(tmp_path, cases=2000, organisations=5, seed=3, today=TODAY)
    assert time.process_time() - began < 1.5


def test_ten_thousand_cases_cost_no_more_each(tmp_path: Path) -> None:
    """A tenth of a hundred thousand in a tenth of their minute."""
    began = time.process_time()
    population.write(tmp_path, cases=10_000, organisations=5, seed=3, today=TODAY)
    assert time.process_time() - began < 6
