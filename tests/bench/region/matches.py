"""The region: the project's own invented population, read as nodes read it, and the matches that are truly in it.

The matches come from the population's truth; that the relations which nodes would publish give the very same ones is
checked. Proof letters and contact cards are those of each shared person or address, with their real contents.
"""

import csv
import itertools
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from raakvlak_local import names, population
from raakvlak_node import caseload, tokens, workdays
from raakvlak_node.case import Case
from raakvlak_protocol import letter, letter_content
from raakvlak_protocol.act import Pair, Party
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.letter_content import CardCase, Proof
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import MatchKind, Relation, match_kind, matching
from tests.covenants import Sandbox, make_covenant

YEAR: Final = 2026
CASES: Final = 20_000
ORGANISATIONS: Final = 20
SEED: Final = 1
MEMBERS: Final[Mapping[str, str]] = {each.id: each.kind for each in (*names.ORGANISATIONS[:ORGANISATIONS], names.COORDINATOR)}
_LAST: Final = date(YEAR, 12, 31)


@dataclass(frozen=True)
class Encounter:
    """Two cases that touch, from the day on which the later of them was reported."""

    pair: Pair
    on: date
    kind: MatchKind


@dataclass(frozen=True)
class Posted:
    """A proof letter or contact card: what is written without anybody doing anything."""

    on: date
    sender: str
    bytes: int


@dataclass(frozen=True)
class Region:
    """`workers` tells who is to be called about a case, `cards` how many cards name it, and on which day for the last
    time one came to."""

    sandbox: Sandbox
    cases: Mapping[Party, Case]
    encounters: Sequence[Encounter]
    posted: Sequence[Posted]
    workers: Mapping[Party, str]
    cards: Mapping[Party, Sequence[date]]


def padded(content: bytes) -> int:
    """How large a letter of this content is, locks and padding included."""
    around = letter.SIZES[-1] - letter.MAX_CONTENT_BYTES
    return next(size for size in letter.SIZES if len(content) + around <= size)


def make(cases: int) -> Region:
    """A region with so many cases that were open at the end of the year."""
    sandbox = make_covenant(
        members=MEMBERS, change=lambda payload: setattr(payload.rules, "household_limit", population.HOUSEHOLD_LIMIT)
    )
    with TemporaryDirectory() as made:
        folder = Path(made)
        population.write(folder, cases=cases, organisations=ORGANISATIONS, seed=SEED, today=_LAST)
        truth = _truth(folder / "truth.csv")
        read = dict(_cases(folder))
    reported = _reported(read, truth)
    encounters = [Encounter(pair, max(reported[pair.one], reported[pair.other]), kind) for pair, kind in sorted_items(truth)]
    letters = _Letters(sandbox.covenant, read, reported)
    assert letters.found == truth, "the relations that nodes publish give other matches than there are"
    workers = {party: _worker(party, case) for party, case in read.items()}
    return Region(sandbox, read, encounters, letters.posted, workers, letters.cards)


def sorted_items(truth: Mapping[Pair, MatchKind]) -> list[tuple[Pair, MatchKind]]:
    return sorted(truth.items(), key=lambda each: (each[0].one, each[0].other))


def _truth(path: Path) -> dict[Pair, MatchKind]:
    with path.open(encoding="utf-8", newline="") as file:
        return {
            Pair.of(Party(row["node"], row["case_ref"]), Party(row["other"], row["reference"])): MatchKind(row["kind"])
            for row in csv.DictReader(file)
        }


def _cases(folder: Path) -> Iterator[tuple[Party, Case]]:
    for member in MEMBERS:
        path = folder / f"{member}.csv"
        if not path.exists():
            continue  # a coordinator has no cases
        with path.open("rb") as file:
            for row in caseload.rows(file, today=_LAST, adults=True):
                assert row.case is not None, row.reasons
                yield Party(member, row.case.reference), row.case


def _worker(party: Party, case: Case) -> str:
    return f"{party.member} {case.worker_name} {case.worker_phone} {case.worker_email}"


def _reported(cases: Mapping[Party, Case], truth: Mapping[Pair, MatchKind]) -> dict[Party, date]:
    """The working day on which each case was reported: in the order in which they began.

    What is older than the year is there on its first day. The rest is spread so that matches come at an even pace: the
    population holds only what is open at its end, of which little is old, and a pace that rises all year would be seen
    in every figure.
    """
    first = date(YEAR, 1, 1)
    later = sorted(max(cases[pair.one].since, cases[pair.other].since) for pair in truth)
    fresh = [since for since in later if since > first]
    days = [day for day in (first + timedelta(days=each) for each in range(365)) if workdays.is_working(day)]
    return {
        party: days[0]
        if case.since <= first or not fresh
        else days[bisect_right(fresh, case.since) * (len(days) - 1) // len(fresh)]
        for party, case in cases.items()
    }


class _Letters:
    """Goes through every identifier that two organisations share."""

    def __init__(self, covenant: Covenant, cases: Mapping[Party, Case], reported: Mapping[Party, date]) -> None:
        self.found: dict[Pair, MatchKind] = {}
        self.posted: list[Posted] = []
        self.cards: defaultdict[Party, list[date]] = defaultdict(list)
        self._cases, self._reported = cases, reported
        shared: defaultdict[tuple[str, bytes], list[tuple[Party, Relation]]] = defaultdict(list)
        homes = Counter((party.member, case.address.canonical.reveal()) for party, case in cases.items() if case.address)
        for party, case in cases.items():
            for each in tokens.involvements(case, covenant, covenant.member(party.member), _LAST):
                canonical = each.identifier.canonical.reveal()
                crowd = each.relation is Relation.ADDRESS and homes[party.member, canonical] > covenant.household_limit
                if each.visibility is Visibility.DIRECT and not crowd:
                    shared[each.identifier.namespace, canonical].append((party, each.relation))
        for involved in shared.values():
            self._between(involved)

    def _between(self, involved: Sequence[tuple[Party, Relation]]) -> None:
        for one, other in itertools.combinations(sorted({party.member for party, _ in involved}), 2):
            sides = [[each for each in involved if each[0].member == member] for member in (one, other)]
            both = max(min(self._reported[party] for party, _ in side) for side in sides)
            for side in sides:
                proof = letter_content.encode_proof(Proof(frozenset(relation for _, relation in side)))
                self.posted.append(Posted(both, side[0][0].member, padded(proof)))
            for (party, relation), (their, their_relation) in itertools.product(*sides):
                self._match(Pair.of(party, their), match_kind(relation, their_relation))
            for own, others in (sides, sides[::-1]):
                self._cards(own, [relation for _, relation in others], both)

    def _match(self, pair: Pair, kind: MatchKind | None) -> None:
        if kind is not None and self.found.get(pair) is not MatchKind.CLIENT:
            self.found[pair] = kind

    def _cards(self, own: Sequence[tuple[Party, Relation]], others: Sequence[Relation], both: date) -> None:
        """A card as the match begins, and one more on each day on which a case joins it."""
        named = [(party, relation) for party, relation in own if matching((relation,), others)]
        joined = {party: max(both, self._reported[party]) for party, _ in named}
        for day in sorted(set(joined.values())):
            cards = [self._card(party, relation) for party, relation in named if joined[party] <= day]
            self.posted.append(Posted(day, named[0][0].member, padded(letter_content.encode_card(cards))))
        for party, day in joined.items():
            self.cards[party].append(day)

    def _card(self, party: Party, relation: Relation) -> CardCase:
        case = self._cases[party]
        reach = (case.worker_name, case.function, case.worker_phone, case.worker_email)
        return CardCase(case.reference, frozenset({relation}), *reach, case.since)
