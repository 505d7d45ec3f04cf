"""Test persons: how a plan spreads them over the members, and with which certainty they show that matches are left out."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Any, Final

from raakvlak_protocol.canary import MAX_CANARIES, PLAN_ID_BYTES, Order, plan_id
from raakvlak_protocol.covenant import NEVER_DIRECT, Covenant, Member
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.identifier import TEST_PERSON_BYTES, TestPerson
from raakvlak_protocol.identity import checked_id
from raakvlak_protocol.relation import Relation

PLAN_FORMAT: Final = "raakvlak-canary-plan/1"
MAX_COUNT: Final = 10_000
"""Test persons in one plan."""
_COORDINATOR: Final = "coordinator"

Pair = tuple[str, str]
"""Two members, in the order of their ids."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A test person and the two or more members that publish it."""

    person: TestPerson
    members: frozenset[str]

    def pairs(self) -> list[Pair]:
        return list(combinations(sorted(self.members), 2))


@dataclass(frozen=True, slots=True)
class Plan:
    """The officer's secret: who knows which test person. In a report a test person is its place here, from 1."""

    covenant_id: str
    id: bytes
    made: date
    valid_until: date
    canaries: tuple[Canary, ...]

    @property
    def members(self) -> list[str]:
        return sorted(frozenset[str]().union(*(each.members for each in self.canaries)))

    def persons_of(self, member: str) -> frozenset[TestPerson]:
        return frozenset(each.person for each in self.canaries if member in each.members)

    def orders(self) -> list[Order]:
        """What each member is to be handed."""
        return [Order(self.covenant_id, self.id, member, self.valid_until, self.persons_of(member)) for member in self.members]

    def encode(self) -> bytes:
        """The plan's file: ASCII JSON, the same bytes for the same plan."""
        canaries = [{"id": each.person.reveal(), "members": sorted(each.members)} for each in self.canaries]
        record = {
            "format": PLAN_FORMAT,
            "covenant": self.covenant_id,
            "plan": self.id.hex(),
            "made": self.made.isoformat(),
            "valid_until": self.valid_until.isoformat(),
            "canaries": canaries,
        }
        return json.dumps(record, indent=1).encode("ascii") + b"\n"


def parse_plan(raw: bytes) -> Plan:
    """The plan in a file; raises Malformed for anything that `Plan.encode` would not write so, byte for byte."""
    try:
        found = json.loads(raw)
        plan = _plan(found)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, Malformed):
        raise Malformed("this is no plan of test persons: give the file plan.json that 'canary plan' wrote") from None
    if plan.encode() != raw:
        raise Malformed("this plan is not written as the program writes it: a character was changed or added")
    return plan


def _plan(found: Mapping[str, Any]) -> Plan:
    if found["format"] != PLAN_FORMAT:
        raise Malformed("another format")
    canaries = tuple(
        Canary(TestPerson.parse(each["id"]), frozenset(checked_id(member) for member in each["members"]))
        for each in found["canaries"]
    )
    if (
        not canaries
        or any(len(each.members) < 2 for each in canaries)
        or len({each.person for each in canaries}) != len(canaries)
    ):
        raise Malformed("a test person is missing, doubled or of one member")
    made, until = (date.fromisoformat(found[name]) for name in ("made", "valid_until"))
    return Plan(checked_id(found["covenant"]), plan_id(found["plan"]), made, until, canaries)


# --- spreading --------------------------------------------------------------------------------------------------------


def fit(covenant: Covenant, member: Member) -> bool:
    """Whether a member publishes clients whose matches others see directly."""
    return member.kind not in {*NEVER_DIRECT, _COORDINATOR} and Relation.CLIENT in covenant.may_publish(member.kind)


def chosen(covenant: Covenant, named: Sequence[str]) -> list[str]:
    """The members to plan for: those that were named, or all that are fit. Raises Refused naming one that is not."""
    for each in named:
        if not fit(covenant, covenant.member(each)):
            raise Refused(
                f"the covenant lets {each} publish no clients that others see directly: no match could be expected of it"
            )
    members = sorted(set(named)) or sorted(each.id for each in covenant.members.values() if fit(covenant, each))
    if not direct_pairs(covenant, members):
        raise Refused("among these members no two see each other's matches directly: name two or more that do")
    return members


def direct_pairs(covenant: Covenant, members: Iterable[str]) -> list[Pair]:
    """Every two of the members that see each other's matches directly; a member that takes part no more sees none."""
    known = [each for each in sorted(members) if each in covenant.members]
    return [
        (one, other)
        for one, other in combinations(known, 2)
        if covenant.direct_for(covenant.members[one].kind, covenant.members[other].kind)
    ]


def spread(pairs: Sequence[Pair], count: int) -> list[frozenset[str]]:
    """`count` sets of members in which every two see each other, covering the pairs as evenly as can be.

    Sets of two where these suffice, so that one match does not hang on another; larger ones where there are more pairs
    than test persons. All pairs are covered where any size does so.
    """
    most = len({member for pair in pairs for member in pair})
    for size in range(2, most + 1):
        sets = _spread(pairs, count, size)
        if len({pair for each in sets for pair in combinations(sorted(each), 2)}) == len(pairs):
            return sets
    return sets


def _spread(pairs: Sequence[Pair], count: int, size: int) -> list[frozenset[str]]:
    allowed, covered = frozenset(pairs), Counter(dict.fromkeys(pairs, 0))
    members = sorted({member for pair in pairs for member in pair})
    sets = []
    for _ in range(count):
        least: Pair = min(pairs, key=lambda pair: (covered[pair], pair))
        chosen = list(least)
        while len(chosen) < size:
            fitting = [
                (sum(covered[_pair(each, other)] == 0 for other in chosen), each)
                for each in members
                if each not in chosen and all(_pair(each, other) in allowed for other in chosen)
            ]
            gained = max((gain for gain, _ in fitting), default=0)
            if not gained:
                break
            chosen.append(next(each for gain, each in fitting if gain == gained))
        covered.update(combinations(sorted(chosen), 2))
        sets.append(frozenset(chosen))
    return sets


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def draw(
    covenant: Covenant, members: Sequence[str], count: int, made: date, valid_until: date, random: Callable[[int], bytes]
) -> Plan:
    """A new plan. Raises Refused where a member would get more test persons than an order holds."""
    sets = spread(direct_pairs(covenant, members), count)
    plan = Plan(
        covenant.id,
        random(PLAN_ID_BYTES),
        made,
        valid_until,
        tuple(Canary(TestPerson.of(random(TEST_PERSON_BYTES)), each) for each in sets),
    )
    largest = max(len(plan.persons_of(member)) for member in plan.members)
    if largest > MAX_CANARIES:
        raise Refused(f"a member would get {largest} test persons and an order holds {MAX_CANARIES}: plan fewer")
    return plan


# --- certainty --------------------------------------------------------------------------------------------------------


def certainty(share: float, count: int) -> float:
    """The chance that of `count` matches at least one is missing, where each is left out with chance `share`.

    Where the index leaves out a fixed number of all matches instead, picked blindly, the chance is higher (drawing without
    putting back): this is the cautious figure.
    """
    return 1.0 - (1.0 - share) ** count


def needed(share: float, wanted: float) -> int:
    """The fewest test persons with which leaving out that share shows with at least that certainty."""
    # Down from below by a little: the quotient of logarithms may fall just under a whole number.
    count = max(1, math.floor(math.log(1.0 - wanted) / math.log(1.0 - share)) - 1)
    while certainty(share, count) < wanted:
        count += 1
    return count


def smallest_share(count: int, wanted: float) -> float:
    """The share that would have shown with this certainty among `count` matches, all of which were told."""
    return 1.0 - (1.0 - wanted) ** (1.0 / count) if count else 1.0


def percent(chance: float) -> float:
    """In hundredths with one decimal, rounded down and never 100.0: no certainty is told as whole."""
    return min(99.9, math.floor(chance * 1000.0 + 1e-9) / 10.0)


def percent_up(chance: float) -> float:
    """The same rounded up: no share is told as smaller than it is."""
    return math.ceil(chance * 1000.0 - 1e-9) / 10.0
