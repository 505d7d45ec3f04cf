"""The cases that somebody sees, a page at a time: what each list shows of a case, without looking into any other.

However many cases there are, a page costs the same: the index gives the handles of its rows, one query what stands beside
them, and only these rows are opened.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import nlargest, nsmallest
from typing import Any, Final

from raakvlak_node.case import Case
from raakvlak_node.followup import Phase
from raakvlak_node.node import Node
from raakvlak_node.pages.scope import Scope
from raakvlak_node.standing import REMINDER_DAYS
from raakvlak_node.store import reference_words
from raakvlak_node.vault import HANDLE_BYTES
from raakvlak_protocol.term import month_of, month_of_day, start_of

ROWS: Final = 50
_CURSOR: Final = re.compile(rf"([0-9]{{1,12}})-([0-9a-f]{{{2 * HANDLE_BYTES}}})")
_OPEN: Final = (
    Phase.ESCALATED,
    Phase.SIGNALLED,
    Phase.EVALUATION_DUE,
    Phase.ACKNOWLEDGED,
    Phase.IN_CONTACT,
    Phase.AGREED,
    Phase.ALREADY_IN_CONTACT,
    Phase.CLOSED,
)
"""Where no term presses, the first of these is told; what is escalated comes before a term that has time left."""

Place = tuple[int, bytes]
"""Where a case stands in the list: the second of its last change, and its handle."""


@dataclass(frozen=True, slots=True)
class Touch:
    """What presses most of what is done about a case's matches. `term` and `due` are empty where no term runs; `phase` is
    empty until the match was looked at."""

    phase: str
    term: str
    due: date | None
    late: bool


@dataclass(frozen=True, slots=True, repr=False)
class Listed:
    """A row of the list. `others` is how many organisations touch the case; `ends` the day on which its own term is over,
    where that is near or has passed."""

    id: str
    case: Case
    others: int
    touch: Touch | None
    released: bool
    ends: date | None
    lapsed: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of the list. `newer` and `older` are the cursors of the pages beside it, empty where there is none."""

    rows: list[Listed]
    newer: str = ""
    older: str = ""


class CaseList:
    """The lists of one user's cases."""

    def __init__(self, own: Node, scope: Scope, now: datetime) -> None:
        self._own = own
        self._scope = scope
        self._now = now
        self._today = own.today(now)

    def _run(self, sql: str, values: Sequence[Any]) -> list[Any]:
        found: list[Any] = self._own.store.database.execute(sql, values).fetchall()
        return found

    def page(self, older: str = "", newer: str = "") -> Rows:
        """The cases that were changed last, or those behind or before a cursor of an earlier page."""
        before, after = _place(older), _place(newer)
        if after is not None:
            places = self._places(">", after)
            more = len(places) > ROWS
            places = sorted(places[:ROWS], reverse=True)
            return self._rows(places, newer=more, older=True)
        places = self._places("<", before)
        return self._rows(places[:ROWS], newer=before is not None, older=len(places) > ROWS)

    def _places(self, side: str, cursor: Place | None) -> list[Place]:
        """One more than a page holds. Each worker's cases are read in the order of the index, so that none is read but
        those that may stand on this page."""
        order = "DESC" if side == "<" else "ASC"
        where = f"AND (changed, handle) {side} (?, ?)" if cursor else ""
        sql = (
            f"SELECT changed, handle FROM own_case WHERE worker = ? {where} "  # noqa: S608 two constants
            f"ORDER BY changed {order}, handle {order} LIMIT {ROWS + 1}"
        )
        found = [
            (int(row[0]), bytes(row[1])) for worker in self._scope.workers for row in self._run(sql, (worker, *(cursor or ())))
        ]
        return (nlargest if side == "<" else nsmallest)(ROWS + 1, found)

    def _rows(self, places: list[Place], *, newer: bool, older: bool) -> Rows:
        if not places:
            return Rows([])
        return Rows(
            self.listed([handle for _, handle in places]),
            _cursor(places[0]) if newer else "",
            _cursor(places[-1]) if older else "",
        )

    def found(self, text: str) -> Rows:
        """The cases whose reference is this, or ends so: at most a page of them."""
        words = reference_words(text)
        if not words or not self._scope.workers:
            return Rows([])
        store = self._own.store
        rows = self._run(
            f"SELECT handle FROM case_word JOIN own_case ON handle = own_case WHERE word = ? AND worker IN "  # noqa: S608
            f"({self._scope.among}) ORDER BY changed DESC, handle LIMIT {ROWS}",
            (store.vault.handle("word", words[0]), *self._scope.workers),
        )
        return Rows(self.listed([bytes(row[0]) for row in rows]))

    def listed(self, handles: list[bytes]) -> list[Listed]:
        """These cases as rows, in this order."""
        marks = ", ".join("?" * len(handles))
        rows = self._run(
            "SELECT c.handle, c.lapses, release.own_case IS NOT NULL, pair.handle, pair.phase, pair.due_term, pair.due_on,"  # noqa: S608 question marks
            " match.other FROM own_case AS c LEFT JOIN release ON release.own_case = c.handle"
            " LEFT JOIN pair ON pair.own_case = c.handle AND pair.ended IS NULL"
            " LEFT JOIN carry ON carry.pair = pair.handle LEFT JOIN match ON match.match_id = carry.match_id"
            f" WHERE c.handle IN ({marks})",
            handles,
        )
        by_case: dict[bytes, list[Any]] = {}
        for row in rows:
            by_case.setdefault(bytes(row[0]), []).append(row)
        found = (self._listed(handle, by_case[handle]) for handle in handles if handle in by_case)
        return [each for each in found if each is not None]

    def _listed(self, handle: bytes, rows: list[Any]) -> Listed | None:
        case = self._own.store.case(handle)
        if case is None:
            return None
        lapses, released = int(rows[0][1]), bool(rows[0][2])
        near = lapses <= month_of_day(self._today + timedelta(days=REMINDER_DAYS))
        pairs = {bytes(row[3]): (row[4], row[5], row[6]) for row in rows if row[3] is not None}
        return Listed(
            handle.hex(),
            case,
            len({row[7] for row in rows if row[7] is not None}),
            self._pressing(list(pairs.values())),
            released,
            start_of(lapses).date() if near else None,
            lapses <= month_of(self._now),
        )

    def _pressing(self, pairs: list[tuple[str, str, str]]) -> Touch | None:
        due = sorted((on, term, phase) for phase, term, on in pairs if on)
        phases = {phase for phase, _, _ in pairs}
        late = bool(due) and date.fromisoformat(due[0][0]) < self._today
        if due and (late or Phase.ESCALATED not in phases):
            on, term, phase = due[0]
            day = date.fromisoformat(on)
            return Touch(phase, term, day, late)
        return Touch(next((str(each) for each in _OPEN if each in phases), ""), "", None, False) if pairs else None

    def last_of(self, email: str) -> Case | None:
        """The case of this worker that was changed last."""
        rows = self._run(
            "SELECT handle FROM own_case WHERE worker = ? ORDER BY changed DESC, handle DESC LIMIT 1",
            (self._own.store.worker_handle(email=email),),
        )
        return self._own.store.case(bytes(rows[0][0])) if rows else None


def seen_as(own: Node, handle: bytes) -> str:
    """Tells the case as it stands from any later one; empty where there is none."""
    return (own.store.stored_fingerprint(handle) or b"").hex()


def _cursor(place: Place) -> str:
    return f"{place[0]}-{place[1].hex()}"


def _place(cursor: str) -> Place | None:
    found = _CURSOR.fullmatch(cursor)
    return None if found is None else (int(found[1]), bytes.fromhex(found[2]))
