"""What the administration page knows of the node but must not wait for: counts over all that is stored, and a look at the
others. Both are made in threads of their own, one at a time, and told with their moment."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from raakvlak_node.doctor import Check, Finding, enough, outside
from raakvlak_node.node import Node
from raakvlak_node.pages.unassigned import Unassigned, case_users
from raakvlak_node.people import People
from raakvlak_node.status import status

KEPT_SECONDS: Final = 60
"""So old counts may be; the next one who looks has them made anew."""
WAIT_SECONDS: Final = 0.05
"""So long a page waits for counts: as long as a small store takes."""
LOOK_SECONDS: Final = 10.0
"""What has not answered by then does not."""
OwnNode = Callable[[], AbstractContextManager[Node]]
Failed = Callable[[Exception, str], None]


@dataclass(frozen=True, slots=True)
class Counted:
    """How much there was of everything, when it was counted: the counts of `status`, and those about users."""

    at: datetime
    counts: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.counts[name]


class Counter:
    """Counts when somebody asks and what is known is old. `failed` is told what went wrong meanwhile."""

    def __init__(self, own_node: OwnNode, failed: Failed) -> None:
        self._own_node = own_node
        self._failed = failed
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._done.set()
        self._kept: Counted | None = None

    @property
    def at_work(self) -> bool:
        return not self._done.is_set()

    def of(self, now: datetime) -> Counted | None:
        """The newest counts; None where the first ones are still being made."""
        kept = self._kept
        if kept is None or not 0 <= (now - kept.at).total_seconds() < KEPT_SECONDS:
            self._begin(now)
            self._done.wait(WAIT_SECONDS)
        return self._kept

    def _begin(self, now: datetime) -> None:
        with self._lock:
            if self.at_work:
                return
            self._done.clear()
        threading.Thread(target=self._count, args=(now,), name="counts", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Waits at most so long until nothing is being counted; whether that is so."""
        return self._done.wait(seconds)

    def _count(self, now: datetime) -> None:
        try:
            with self._own_node() as own:
                self._kept = Counted(now, counts(own))
        except Exception as error:
            self._failed(error, "counting for the administration page")
        finally:
            self._done.set()


def counts(own: Node) -> dict[str, Any]:
    """Those of `status`; active users, those among them who can't sign in, and cases that are nobody's here."""
    people = People(own.store, own.random)
    active = [each for each in people.users() if each.active]
    return status(own) | {
        "users": len(active),
        "outside": sum(not people.can_sign_in(each.id) for each in active),
        "unassigned": Unassigned(own, case_users(active)).count(),
    }


@dataclass(frozen=True, slots=True)
class Look:
    """A look at the others: when it began, what was found, and how many checks have not answered yet."""

    began: datetime
    found: list[Finding]
    left: int


class Checker:
    """Asks key holders, index and mail server, all at the same time; what was found stays until somebody looks again."""

    def __init__(self, own_node: OwnNode, failed: Failed) -> None:
        self._own_node = own_node
        self._failed = failed
        self._lock = threading.Lock()
        self._began: datetime | None = None
        self._ends = 0.0
        self._names: list[str] = []
        self._found: dict[str, list[Finding]] = {}
        self._round = 0

    def begin(self, own: Node, now: datetime) -> None:
        """Looks, unless somebody is looking."""
        checks = outside(own)
        with self._lock:
            if self._left():
                return
            self._round += 1
            self._began, self._ends = now, time.monotonic() + LOOK_SECONDS
            self._names, self._found = [name for name, _ in checks], {}
        for name, check in checks:
            threading.Thread(target=self._ask, args=(self._round, name, check), name="check", daemon=True).start()

    def _ask(self, round: int, name: str, check: Check) -> None:
        try:
            with self._own_node() as own:
                found = list(check(own))
        except Exception as error:
            self._failed(error, "looking at the others for the administration page")
            found = [Finding(name, "bad", f"could not be looked at: {type(error).__name__}", "see the node's log")]
        with self._lock:
            # One that comes too late says nothing about a later look.
            if round == self._round and time.monotonic() < self._ends:
                self._found[name] = found

    def _left(self) -> list[str]:
        return [each for each in self._names if each not in self._found] if time.monotonic() < self._ends else []

    def look(self, own: Node) -> Look | None:
        """What was found so far; None where nobody has looked."""
        with self._lock:
            if self._began is None:
                return None
            left = self._left()
            found = [finding for name in self._names for finding in self._found.get(name, self._silent(name, left))]
            began = self._began
        if not left:
            found.append(enough(own, found))
        return Look(began, found, len(left))

    def _silent(self, name: str, left: list[str]) -> list[Finding]:
        if name in left:
            return []
        return [
            Finding(name, "bad", f"did not answer within {LOOK_SECONDS:.0f} s", "look again; if it lasts, call its operator")
        ]

    def wait(self, seconds: float) -> bool:
        """Waits at most so long until everybody has answered; whether that is so."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            with self._lock:
                if not self._left():
                    return True
            time.sleep(0.01)
        return False
