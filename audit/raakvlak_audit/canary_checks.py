"""The judgement over what nodes report of test persons: who published, which matches are missing, which are too many."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Final

from raakvlak_audit.canary import Pair, Plan, certainty, direct_pairs, needed, percent, percent_up, smallest_share
from raakvlak_audit.report import Check, Figure, Table, Verdict
from raakvlak_audit.sentences import canary as words
from raakvlak_audit.wording import Cell, Said
from raakvlak_protocol.canary import Kept, Report, Seen, last_moment
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.identifier import TestPerson

SHARES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
COUNTS: Final = (10, 20, 50, 100, 200, 500)
CERTAINTIES: Final = (0.9, 0.95, 0.99)
USUAL_CERTAINTY: Final = 0.95
MOST_SENTENCES: Final = 20


@dataclass(frozen=True, slots=True)
class File:
    """A report that was handed in; `report` is None where it can't be believed, for the reason in `problem`."""

    name: str
    report: Report | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """A match that the plan makes two members expect: of the test person with this number, told to `member`, with
    `other`. `seen` is what the member reports of it."""

    number: int
    member: str
    other: str
    due: bool
    seen: Seen | None

    @property
    def pair(self) -> Pair:
        return (self.member, self.other) if self.member < self.other else (self.other, self.member)


@dataclass(slots=True)
class Findings:
    """The plan held against the newest believable report of each member."""

    reports: dict[str, Report]
    expected: list[Expected] = field(default_factory=list)
    silent: list[tuple[str, int, bool]] = field(default_factory=list)
    """(member, how many test persons it has not published, whether it should have by now)."""
    surplus: list[tuple[int, str, Seen]] = field(default_factory=list)
    """(test person's number, member, a match that the plan does not make)."""


def findings(plan: Plan, covenant: Covenant, reports: Iterable[Report], grace: timedelta) -> Findings:
    """Compares. A match is due when both members had published for `grace` before either reported."""
    newest: dict[str, Report] = {}
    for report in sorted(reports, key=lambda each: each.made):
        newest[report.member] = report
    found = Findings(newest)
    kept = {member: {each.person: each for each in report.canaries} for member, report in newest.items()}
    direct = frozenset(direct_pairs(covenant, plan.members))
    for number, canary in enumerate(plan.canaries, 1):
        for one, other in canary.pairs():
            if (one, other) in direct:
                found.expected += _expected(number, canary.person, (one, other), kept, newest, grace)
    numbers = {each.person: number for number, each in enumerate(plan.canaries, 1)}
    for member, report in newest.items():
        unpublished = sum(_published(kept[member].get(person)) is None for person in plan.persons_of(member))
        if unpublished:
            found.silent.append((member, unpublished, _day(report) >= plan.made + grace))
        for each in report.canaries:
            others = plan.canaries[numbers[each.person] - 1].members - {member}
            for seen in each.matches:
                if not _explained(each.person, seen, others, kept):
                    found.surplus.append((numbers[each.person], member, seen))
    return found


def _expected(
    number: int,
    person: TestPerson,
    pair: Pair,
    kept: Mapping[str, Mapping[TestPerson, Kept]],
    reports: Mapping[str, Report],
    grace: timedelta,
) -> list[Expected]:
    """Both sides of a match of two members that have published and reported; none where one has not."""
    sides = [kept.get(member, {}).get(person) for member in pair]
    days = [day for day in map(_published, sides) if day is not None]
    if len(days) < 2:
        return []
    due = max(days) + grace <= min(_day(reports[member]) for member in pair)
    return [
        Expected(number, member, other, due, next((seen for seen in side.matches if seen.member == other), None))
        for member, other, side in zip(pair, reversed(pair), sides, strict=True)
        if side is not None
    ]


def _explained(person: TestPerson, seen: Seen, others: frozenset[str], kept: Mapping[str, Mapping[TestPerson, Kept]]) -> bool:
    """A match with a member of the plan that did not say, in a report of its own, that no row of it stands. A row that
    was ended meanwhile has left its proof."""
    if seen.member not in others:
        return False
    other = kept.get(seen.member)
    return seen.proved or other is None or _published(other.get(person)) is not None


def _published(kept: Kept | None) -> date | None:
    return None if kept is None else kept.published


def _day(report: Report) -> date:
    return report.made.astimezone(UTC).date()


# --- checks -----------------------------------------------------------------------------------------------------------


def files(given: Sequence[File], plan: Plan) -> Check:
    """Each report is its member's own; each member has reported, while the plan went on."""
    believed = [each.report for each in given if each.report is not None]
    late = [each for each in believed if over(each, plan)]
    missing = sorted(set(plan.members) - {each.member for each in believed})
    said: list[Said] = [words.FILE_WRONG(file=each.name, problem=each.problem) for each in given if each.report is None]
    verdict = Verdict.WRONG if said else Verdict.UNKNOWN if missing or late else Verdict.OK
    said += [words.FILE_LATE(member=each.member, day=_day(each), until=plan.valid_until) for each in late]
    said += [words.FILE_MISSING(member=each) for each in missing]
    if believed:
        first, last = (choose(map(_day, believed)) for choose in (min, max))
        members = len({each.member for each in believed})
        said.append(words.FILES_FOUND(members=members, all=len(plan.members), first=first, last=last))
    return Check("reports", words.FILES_NAME(), words.FILES_HOW(), verdict, tuple(said))


def over(report: Report, plan: Plan) -> bool:
    """Whether the node had to forget the plan before it reported."""
    return report.made >= last_moment(plan.valid_until)


def published(found: Findings, grace: timedelta) -> Check:
    """Every member published what it was handed."""
    how = words.PUBLISHED_HOW(days=grace.days)
    if not found.reports:
        return Check("published", words.PUBLISHED_NAME(), how, Verdict.UNKNOWN, (words.NOTHING_TO_GO_BY(),))
    if not found.silent:
        return Check("published", words.PUBLISHED_NAME(), how, Verdict.OK, (words.PUBLISHED_ALL(),))
    wrong = any(due for _, _, due in found.silent)
    said = tuple(
        (words.PUBLISHED_NOT if due else words.PUBLISHED_NOT_YET)(member=member, count=count)
        for member, count, due in sorted(found.silent)
    )
    return Check("published", words.PUBLISHED_NAME(), how, Verdict.WRONG if wrong else Verdict.UNKNOWN, said)


def matches(found: Findings, plan: Plan, covenant: Covenant, grace: timedelta) -> Check:
    """Every match that both members should have been told was told to both."""
    how = words.MATCHES_HOW(days=grace.days) if grace else words.MATCHES_HOW_AT_ONCE()
    missing = [each for each in found.expected if each.seen is None]
    wrong = [each for each in missing if each.due]
    table = (pairs_table(found, plan, covenant),)
    if wrong:
        told = {(each.number, each.pair) for each in found.expected if each.seen is not None}
        # What neither side was told is one match, not two.
        said = list(dict.fromkeys(_missing(each, (each.number, each.pair) in told) for each in wrong))
        more = len(said) - MOST_SENTENCES
        said = said[:MOST_SENTENCES] + ([words.MORE(count=more)] if more > 0 else [])
        return Check("matches", words.MATCHES_NAME(), how, Verdict.WRONG, tuple(said), table)
    judged = _judged(found)
    if missing or not judged:
        said = [words.MATCHES_EARLY(count=len(missing))] if missing else [words.NOTHING_TO_GO_BY()]
        return Check("matches", words.MATCHES_NAME(), how, Verdict.UNKNOWN, tuple(said), table)
    count = len({(each.number, each.pair) for each in found.expected})
    return Check("matches", words.MATCHES_NAME(), how, Verdict.OK, (words.MATCHES_ALL(count=count),), table)


def _missing(each: Expected, other_was_told: bool) -> Said:
    if other_was_told:
        return words.MISSING_ONE(number=each.number, member=each.member, other=each.other)
    one, other = each.pair
    return words.MISSING(number=each.number, one=one, other=other)


def letters(found: Findings, grace: timedelta) -> Check:
    """Every match that was told was proved by the other side's letter."""
    how = words.LETTERS_HOW()
    told = [each for each in found.expected if each.seen is not None]
    unproved = [each for each in told if each.seen is not None and not each.seen.proved]
    wrong = [
        each
        for each in unproved
        if each.seen is not None and each.seen.since + grace <= min(_day(found.reports[side]) for side in each.pair)
    ]
    if not told:
        return Check("letters", words.LETTERS_NAME(), how, Verdict.UNKNOWN, (words.NOTHING_TO_GO_BY(),))
    if not unproved:
        return Check("letters", words.LETTERS_NAME(), how, Verdict.OK, (words.LETTERS_ALL(count=len(told)),))
    said = tuple(
        words.UNPROVED(number=each.number, member=each.member, other=each.other)
        for each in (wrong or unproved)[:MOST_SENTENCES]
    )
    return Check("letters", words.LETTERS_NAME(), how, Verdict.WRONG if wrong else Verdict.UNKNOWN, said)


def surplus(found: Findings) -> Check:
    """No member was told a match that the plan does not make."""
    how = words.SURPLUS_HOW()
    if not found.reports:
        return Check("surplus", words.SURPLUS_NAME(), how, Verdict.UNKNOWN, (words.NOTHING_TO_GO_BY(),))
    if not found.surplus:
        return Check("surplus", words.SURPLUS_NAME(), how, Verdict.OK, (words.SURPLUS_NONE(),))
    said = tuple(
        (words.SURPLUS_PROVED if seen.proved else words.SURPLUS_INVENTED)(number=number, member=member, other=seen.member)
        for number, member, seen in found.surplus[:MOST_SENTENCES]
    )
    return Check("surplus", words.SURPLUS_NAME(), how, Verdict.WRONG, said)


def _judged(found: Findings) -> frozenset[int]:
    """The test persons of whom at least one match was due, or was told before."""
    return frozenset(each.number for each in found.expected if each.due or each.seen is not None)


def pairs_table(found: Findings, plan: Plan, covenant: Covenant) -> Table:
    """For each two members how many matches were expected and how many told."""
    headings = (
        words.MEMBERS(), words.PLANNED(), words.BOTH_PUBLISHED(), words.TOLD_BOTH(), words.TOLD_ONE(), words.TOLD_NONE(),
        words.TOO_EARLY(), words.WOULD_SHOW(),
    )  # fmt: skip
    rows = []
    for pair in direct_pairs(covenant, plan.members):
        planned = sum(pair in each.pairs() for each in plan.canaries)
        if planned:
            rows.append(_pair_row(pair, planned, [each for each in found.expected if each.pair == pair]))
    return Table(headings, tuple(rows), title=words.PAIRS_TITLE(percent=percent(USUAL_CERTAINTY)))


def _pair_row(pair: Pair, planned: int, expected: Sequence[Expected]) -> tuple[Cell, ...]:
    sides: dict[int, list[Expected]] = {}
    for each in expected:
        sides.setdefault(each.number, []).append(each)
    told = {number: sum(each.seen is not None for each in both) for number, both in sides.items()}
    early = sum(told[number] < 2 and not both[0].due for number, both in sides.items())
    both = sum(count == 2 for count in told.values())
    late = {number: told[number] for number, each in sides.items() if each[0].due}
    one, none = (sum(count == wanted for count in late.values()) for wanted in (1, 0))
    shows: Cell = percent_up(smallest_share(both, USUAL_CERTAINTY)) if both and not one + none else words.NO_FIGURE()
    return " – ".join(pair), planned, len(sides), both, one, none, early, shows


def would_show(found: Findings) -> tuple[Figure, ...]:
    """What share of left-out matches would have shown. Nothing where something is missing: then it did show."""
    judged = _judged(found)
    if not judged or any(each.seen is None and each.due for each in found.expected):
        return ()
    value = percent_up(smallest_share(len(judged), USUAL_CERTAINTY))
    meaning = words.WOULD_SHOW_MEANS(count=len(judged), percent=percent(USUAL_CERTAINTY))
    return (Figure("would_show", words.WOULD_SHOW_FIGURE(), value, meaning),)


# --- figures of a plan ------------------------------------------------------------------------------------------------


def spread(plan: Plan, covenant: Covenant, members: Sequence[str]) -> Check:
    """Whether each two members that see each other have a test person in common."""
    pairs = direct_pairs(covenant, members)
    per_pair = {pair: sum(pair in each.pairs() for each in plan.canaries) for pair in pairs}
    bare = [pair for pair, count in per_pair.items() if not count]
    rows = tuple(
        (" – ".join(pair), count, percent_up(smallest_share(count, USUAL_CERTAINTY))) for pair, count in per_pair.items()
    )
    headings = (words.MEMBERS(), words.TEST_PERSONS(), words.WOULD_SHOW())
    tables = (
        Table(headings, rows, title=words.PAIRS_TITLE(percent=percent(USUAL_CERTAINTY))),
        Table(
            (words.MEMBER(), words.TEST_PERSONS(), words.DAILY()),
            tuple((each, len(plan.persons_of(each)), covenant.quota(each, "bsn").daily) for each in plan.members),
            title=words.COST_TITLE(),
        ),
    )
    said = [words.BARE(pair=" – ".join(pair)) for pair in bare[:MOST_SENTENCES]]
    said += [words.SPREAD_FOUND(count=len(plan.canaries), pairs=len(pairs) - len(bare), all=len(pairs))]
    return Check("spread", words.SPREAD_NAME(), words.SPREAD_HOW(), Verdict.NOTE if bare else Verdict.OK, tuple(said), tables)


def chances(count: int | None) -> Check:
    """How many test persons show which share of left-out matches with which certainty."""
    counts = sorted({*COUNTS, count}) if count else list(COUNTS)
    rows = tuple((percent(share), *(percent(certainty(share, each)) for each in counts)) for share in SHARES)
    headings = (words.SHARE(), *(words.WITH_COUNT(count=each) for each in counts))
    wanted = tuple((percent(share), *(needed(share, each) for each in CERTAINTIES)) for share in SHARES)
    needed_headings = (words.SHARE(), *(words.FOR_CERTAINTY(percent=percent(each)) for each in CERTAINTIES))
    tables = (
        Table(headings, rows, title=words.CHANCES_TITLE()),
        Table(needed_headings, wanted, title=words.NEEDED_TITLE()),
    )
    said = [words.CHANCES_EXAMPLE(count=needed(0.05, USUAL_CERTAINTY), share=5.0, percent=percent(USUAL_CERTAINTY))]
    if count:
        share = percent_up(smallest_share(count, USUAL_CERTAINTY))
        said.insert(0, words.CHANCES_COUNT(count=count, share=share, percent=percent(USUAL_CERTAINTY)))
    return Check("chances", words.CHANCES_NAME(), words.CHANCES_HOW(), Verdict.NOTE, tuple(said), tables)
