"""What the people of the demo have done about one family before somebody looks: `first`, then, once that has arrived,
`then`. All of it is done at the nodes, by their REST APIs, each act by the user who has the case.

Of the matches between the family's cases one is waiting for its second signature, one has been seen by one side, one is
before the coordinator, and the others are new, as far as there are so many.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from raakvlak_local.calling import Overtaken, call
from raakvlak_local.description import Organisation
from raakvlak_local.federation import Federation

LOOKS: Final = 3
_HERE: Final = ZoneInfo("Europe/Amsterdam")


class Place(NamedTuple):
    """One of the family's cases; `worker` is the e-mail address of whose case it is."""

    node: str
    case_ref: str
    worker: str


SPOKEN: Final = (
    "Gebeld. We maken ons allebei zorgen: het is thuis spannend, en dat merk je aan de kinderen. "
    "We willen dat één van ons met de ouders praat, en niet wij allebei."
)
STUCK: Final = "Drie keer gebeld en twee keer gemaild, en geen reactie. Kun jij zorgen dat we met elkaar aan tafel komen?"


@dataclass(frozen=True, slots=True)
class Course:
    """Which two cases are at which point; None where there are too few matches for that."""

    federation: Federation
    agreeing: tuple[Place, Place] | None
    seen: tuple[Place, Place] | None
    stuck: tuple[Place, Place] | None
    today: date

    @classmethod
    def of(cls, federation: Federation, showcase: Sequence[Place]) -> "Course":
        """A school and a municipality agree, where both know the family. Only cases of somebody who signs in are touched."""
        users = {each.email for each in federation.people}
        showcase = [each for each in showcase if each.worker in users]
        pairs = list(_pairs(federation, showcase))
        kinds = {each.id: each.kind for each in federation.organisations}

        def rank(pair: tuple[Place, Place]) -> bool:
            return {kinds[each.node] for each in pair} != {"education", "municipality"}

        pairs.sort(key=rank)
        agreeing, rest = (pairs[0], pairs[1:]) if pairs else (None, [])
        seen = rest[0] if len(rest) > 1 else None
        stuck = rest[-1] if len(rest) > 2 else None
        return cls(federation, agreeing, seen, stuck, datetime.now(_HERE).date())

    @property
    def waits(self) -> Place | None:
        """Whose signature is waited for under the agreement that this left unsigned."""
        if self.agreeing is None or "sign" not in self._found(self.agreeing[1], self.agreeing[0])["allowed"]:
            return None
        return self.agreeing[1]

    def first(self) -> None:
        """They have seen each other's match."""
        if self.agreeing:
            for ours, theirs in (self.agreeing, self.agreeing[::-1]):
                self._act(ours, theirs, "acknowledged")
        if self.seen:
            self._act(self.seen[1], self.seen[0], "acknowledged")
        if self.stuck:
            self._act(self.stuck[0], self.stuck[1], "acknowledged")

    def then(self) -> None:
        """They have spoken, and one side has written down what they agreed; another calls in the coordinator."""
        if self.agreeing:
            self._act(*self.agreeing, "contacted", day=self.today.isoformat(), text=SPOKEN)
            self._propose(*self.agreeing)
        if self.stuck:
            self._act(*self.stuck, "escalated", text=STUCK)

    def _act(self, ours: Place, theirs: Place, kind: str, **further: str) -> None:
        """One step, if it can be taken and this side has not taken it yet: a run that was cut off is gone on with."""

        def act(found: dict[str, Any]) -> None:
            done = any(each["by"] == ours.node and each["what"] == kind for each in found["steps"])
            if kind in found["allowed"] and not done:
                path = f"/v1/follow-ups/{found['id']}/acts"
                call(self.federation, self._at(ours), path, {"kind": kind, "seen": found["seen"], **further}, user=ours.worker)

        self._decide(ours, theirs, act)

    def _propose(self, ours: Place, theirs: Place) -> None:
        terms = {
            "lead": ours.node,
            "tasks": [
                {"who": self._name(ours), "what": "praat elke week met de jongere", "by": self._in_weeks(1)},
                {"who": self._name(theirs), "what": "gaat bij de ouders langs en belt daarna", "by": self._in_weeks(2)},
            ],
            "evaluate_on": self._in_weeks(6),
            "parents": "agrees",
            "youth": "informed_only",
        }

        def propose(found: dict[str, Any]) -> None:
            if "proposed" in found["allowed"] and not found["proposal"] and not found["agreement"]:
                body = {"follow_ups": [{"id": found["id"], "seen": found["seen"]}], **terms}
                call(self.federation, self._at(ours), "/v1/agreements", body, user=ours.worker)

        self._decide(ours, theirs, propose)

    def _decide(self, ours: Place, theirs: Place, act: Callable[[dict[str, Any]], None]) -> None:
        """Looks, then acts; where a letter of the other side came in between, looks again, as a person would."""
        for _ in range(LOOKS):
            try:
                return act(self._found(ours, theirs))
            except Overtaken:
                continue
        return act(self._found(ours, theirs))

    def _in_weeks(self, weeks: int) -> str:
        return (self.today + timedelta(weeks=weeks)).isoformat()

    def _found(self, ours: Place, theirs: Place) -> dict[str, Any]:
        id = next(each["id"] for each in _follow_ups(self.federation, ours) if _end(each) == theirs[:2])
        return call(self.federation, self._at(ours), f"/v1/follow-ups/{id}", user=ours.worker)

    def _at(self, place: Place) -> Organisation:
        return next(each for each in self.federation.organisations if each.id == place.node)

    def _name(self, place: Place) -> str:
        return next(each.name for each in self.federation.people if each.email == place.worker)


def _pairs(federation: Federation, showcase: Sequence[Place]) -> Iterator[tuple[Place, Place]]:
    """Each match between two of the family's cases, once, in the family's order."""
    for at, ours in enumerate(showcase):
        found = {_end(each) for each in _follow_ups(federation, ours)}
        yield from ((ours, theirs) for theirs in showcase[at + 1 :] if theirs[:2] in found)


def _end(follow_up: dict[str, Any]) -> tuple[str, str]:
    return follow_up["other"], follow_up["other_case_ref"]


def _follow_ups(federation: Federation, place: Place) -> list[dict[str, Any]]:
    """Those of one case, at its own node."""
    member = next(each for each in federation.organisations if each.id == place.node)
    found: list[dict[str, Any]] = []
    after = 0
    while page := call(federation, member, f"/v1/follow-ups?case_ref={quote(place.case_ref, safe='')}&after={after}")[
        "follow_ups"
    ]:
        found += page
        after = page[-1]["changed"]
    return found
