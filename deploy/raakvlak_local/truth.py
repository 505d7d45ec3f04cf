"""Which cases touch: the matches that a federation must find, from what each organisation recorded.

Written from the rules of the domain alone and on purpose sharing no code with the node: persons are numbers and
addresses are values of the population's own model, so nothing is parsed here, nothing is hashed, and a mistake in the
node's reading of a file, in a token or in a letter cannot repeat itself in the truth.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from typing import NamedTuple

ADULT = 23  # years; from this birthday on a client is no youth


class Address(NamedTuple):
    """One front door. Two values are equal if and only if the doors are the same, however they are spelled."""

    postcode: str
    number: int
    addition: str


class Worker(NamedTuple):
    """Whom to call; one of `phone` and `email` may be empty, `name` too."""

    name: str
    phone: str
    email: str
    function: str


@dataclass(frozen=True, slots=True)
class Case:
    """One row of a caseload: what `organisation` recorded, which may be less than there is to know.

    Persons are whole BSNs as numbers. `born` and `home` are None where the organisation does not know them.
    """

    organisation: str
    reference: str
    client: int
    born: date | None
    parents: tuple[int, ...]
    children: tuple[int, ...]
    siblings: tuple[int, ...]
    home: Address | None
    worker: Worker
    since: date
    confidential: bool = False
    protected: bool = False


@dataclass(slots=True)
class Touch:
    """Two cases of two organisations touch: the relations of what they share to the one's and the other's case."""

    ours: set[str] = field(default_factory=set)
    theirs: set[str] = field(default_factory=set)
    kind: str = "family"


class Match(NamedTuple):
    """A touch as one side sees it, a row of `truth.csv`; `via` is sorted and separated by spaces."""

    node: str
    case_ref: str
    other: str
    reference: str
    kind: str
    via: str


def _both_ways(*pairs: tuple[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(pairs) | {(theirs, ours) for ours, theirs in pairs}


# A parent here who is a sibling there makes an uncle, a parent here who is a child there a grandparent: no match.
TOUCHING = _both_ways(
    ("client", "client"), ("client", "parent"), ("client", "child"), ("client", "sibling"),
    ("parent", "parent"), ("child", "child"), ("sibling", "sibling"), ("sibling", "child"),
    ("address", "address"),
)  # fmt: skip


def is_adult(born: date | None, today: date) -> bool:
    """Whether the 23rd birthday is on or before `today`; who was born on 29 February has it on 1 March at the latest.

    An unknown birth date counts as a youth's.
    """
    return born is not None and (born.year + ADULT, born.month, born.day) <= (today.year, today.month, today.day)


def _withheld(case: Case) -> bool:
    """Whether nothing of it may be told without a coordinator."""
    return case.confidential or case.protected


def published(case: Case, today: date) -> Iterator[tuple[str, int | Address]]:
    """The (relation, person or address) pairs that others may hear of, before the household limit."""
    if _withheld(case):
        return
    yield "client", case.client
    yield from (("child", child) for child in case.children)
    if not is_adult(case.born, today):
        yield from (("parent", parent) for parent in case.parents)
        yield from (("sibling", sibling) for sibling in case.siblings)
    if case.home is not None:
        yield "address", case.home


def touches(
    cases: Sequence[Case], *, shelters: Container[str], household_limit: int, today: date
) -> dict[tuple[int, int], Touch]:
    """Every pair of places in `cases`, lower first, that touch.

    `shelters` are the ids of organisations whose cases are never matched. An organisation with more than
    `household_limit` cases at an address publishes that address for none of them. Those that only a coordinator hears of
    don't count: others would see by the limit that they are there.
    """
    at_home = Counter((case.organisation, case.home) for case in cases if not _withheld(case))
    involved: defaultdict[int | Address, list[tuple[int, str]]] = defaultdict(list)
    for place, case in enumerate(cases):
        if case.organisation in shelters:
            continue
        for relation, shared in published(case, today):
            if relation != "address" or at_home[case.organisation, case.home] <= household_limit:
                involved[shared].append((place, relation))

    found: defaultdict[tuple[int, int], Touch] = defaultdict(Touch)
    for involvements in involved.values():
        for (ours, our_relation), (theirs, their_relation) in combinations(involvements, 2):
            if cases[ours].organisation == cases[theirs].organisation:
                continue
            if (our_relation, their_relation) in TOUCHING:
                touch = found[ours, theirs]
                touch.ours.add(our_relation)
                touch.theirs.add(their_relation)
                if our_relation == their_relation == "client":
                    touch.kind = "client"
    return dict(found)


def matches(cases: Sequence[Case], found: dict[tuple[int, int], Touch]) -> list[Match]:
    """Both sides of every touch, sorted: what all nodes together must show, no more and no less."""
    both = []
    for (one, other), touch in found.items():
        for ours, theirs, via in ((cases[one], cases[other], touch.ours), (cases[other], cases[one], touch.theirs)):
            ends = (ours.organisation, ours.reference, theirs.organisation, theirs.reference)
            both.append(Match(*ends, touch.kind, " ".join(sorted(via))))
    return sorted(both)
