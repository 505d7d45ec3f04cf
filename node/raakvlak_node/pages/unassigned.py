"""Cases of which nobody here hears: their worker is no active user who sees cases, nor the shared address of a team.

The administrator lets the worker in, or hands such cases over. Of a case he sees its reference and its worker as the case
system has them, and nothing else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Response

from raakvlak_node.access import Event
from raakvlak_node.case import Case, Rejected
from raakvlak_node.hand_over import Worker, hand_over
from raakvlak_node.node import Node
from raakvlak_node.pages.door import At, Filled, Page
from raakvlak_node.pages.forms import Form
from raakvlak_node.people import People, User
from raakvlak_node.vault import HANDLE_BYTES, handle_in
from raakvlak_protocol.errors import Refused

routes: Final = APIRouter()

UNASSIGNED: Final = "/administration/unassigned"
ROWS: Final = 50
MAX_PHONE: Final = 40
TOLD: Final = 3
"""Of so many cases that could not be handed over it is said why."""
_HEX: Final = f"[0-9a-f]{{{2 * HANDLE_BYTES}}}"
_CURSOR: Final = re.compile(rf"({_HEX})?-([0-9]{{1,12}})-({_HEX})")

Place = tuple[bytes, int, bytes]
"""Where a case stands in the list: whose it is, the second of its last change, and its handle."""


class Unassigned:
    """The cases of one node that are nobody's here. What it costs to find them grows with how many workers there are, not
    with how many cases; none is opened but those of a page."""

    def __init__(self, own: Node, users: Sequence[User]) -> None:
        self._own = own
        known = known_workers(own, users)
        self._workers = [each for each in self._all_workers() if each not in known]

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._own.store.database.execute(sql, values)

    def _all_workers(self) -> list[bytes]:
        """From one to the next by the index: a plain DISTINCT may read them all."""
        rows = self._run(
            "WITH RECURSIVE one (worker) AS (SELECT min(worker) FROM own_case UNION ALL"
            " SELECT (SELECT min(worker) FROM own_case WHERE worker > one.worker) FROM one WHERE one.worker IS NOT NULL)"
            " SELECT worker FROM one WHERE worker IS NOT NULL ORDER BY worker"
        )
        return [bytes(row[0]) for row in rows.fetchall()]

    def count(self) -> int:
        marks = ", ".join("?" * len(self._workers))
        sql = f"SELECT count(*) FROM own_case WHERE worker IN ({marks})"  # noqa: S608 question marks alone
        return int(self._run(sql, self._workers).fetchone()[0])

    def holds(self, case: bytes) -> bool:
        row = self._run("SELECT worker FROM own_case WHERE handle = ?", (case,)).fetchone()
        return row is not None and bytes(row[0]) in self._workers

    def page(self, after: Place | None) -> list[Place]:
        """The cases behind a place, those of one worker together; one more than a page has."""
        found: list[Place] = []
        for worker in self._workers:
            if len(found) > ROWS:
                break
            if after is None or worker >= after[0]:
                found += self._of(worker, after if after is not None and worker == after[0] else None)
        return found[: ROWS + 1]

    def _of(self, worker: bytes, after: Place | None) -> list[Place]:
        behind = "AND (changed, handle) > (?, ?)" if after else ""
        rows = self._run(
            f"SELECT changed, handle FROM own_case WHERE worker = ? {behind} ORDER BY changed, handle LIMIT {ROWS + 1}",  # noqa: S608
            (worker, *(after[1:] if after else ())),
        )
        return [(worker, int(row[0]), bytes(row[1])) for row in rows.fetchall()]


def known_workers(own: Node, users: Sequence[User]) -> frozenset[bytes]:
    """The handles of all whose cases somebody here sees by himself: of these users, and of teams."""
    people = People(own.store, own.random)
    shared = {own.store.worker_handle(email=each.email) for each in people.teams() if each.email}
    return frozenset(people.handles(users) | shared)


def case_users(users: Sequence[User]) -> list[User]:
    """Those who can have a case."""
    return [each for each in users if each.sees_cases]


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """A case in the list."""

    id: str
    reference: str
    name: str
    email: str


@routes.get(UNASSIGNED)
def show(page: At, after: str = "") -> Response:
    """A page of them."""
    with page.node() as own:
        return _page(page, own, after, Form({}, page.words))


@routes.post(UNASSIGNED)
def give(page: At, form: Filled) -> Response:
    """Hands over what was chosen, as far as it is still nobody's; the others hear by the next card whom to call."""
    with page.node() as own:
        users = _colleagues(own)
        colleagues = {each.id: each for each in users}
        chosen = _chosen(page, form)
        colleague = colleagues.get(form.one_of("colleague", colleagues))
        phone = form.text("phone", MAX_PHONE)
        if not form.ok or colleague is None:
            return _page(page, own, form.value("after"), form, 422)
        done, failed, first = _hand_over(page, own, Unassigned(own, users), chosen, colleague, phone)
        if not done and first is not None:
            for each in first.reasons:
                form.reject("phone" if each.column == "phone" else "case", page.words.refusal(each.message))
            return _page(page, own, form.value("after"), form, 422)
    page.wake()
    return page.see(_back(form), *_told(page, len(chosen), done, failed, colleague))


def _chosen(page: Page, form: Form) -> list[bytes]:
    listed = form.values("listed") if form.value("act") == "all" else form.values("case")
    chosen = [handle for each in dict.fromkeys(listed) if (handle := handle_in(each)) is not None]
    if not chosen:
        form.reject("case", page.words("Tick the cases that you hand over."))
    if len(chosen) > ROWS:
        form.reject("case", page.words("Hand over one page of cases at a time."))
    return chosen


def _hand_over(
    page: Page, own: Node, nobodys: Unassigned, chosen: Sequence[bytes], colleague: User, phone: str
) -> tuple[int, list[str], Rejected | None]:
    """(how many were handed over, the references of those that could not be, why the first of them could not)."""
    done, failed, first = 0, list[str](), None
    for handle in chosen:
        case = own.store.case(handle)
        # Another administrator, or the case system, may have been first.
        if case is None or not nobodys.holds(handle):
            continue
        try:
            hand_over(own, case.reference, Worker(colleague.name, case.function, phone, colleague.email), page.actor)
            done += 1
        except Rejected as error:
            failed.append(case.reference)
            first = first or error
        except Refused:
            continue  # It ended at this very moment.
    return done, failed, first


def _told(page: Page, wanted: int, done: int, failed: Sequence[str], colleague: User) -> tuple[str, str]:
    """What is said of it, and in which tone."""
    words = page.words
    said = [
        words.plural(
            "%(who)s has one case more. The others will be told.",
            "%(who)s has %(count)s cases more. The others will be told.",
            done,
            who=colleague.name,
        )
    ]
    taken = wanted - done - len(failed)
    if taken:
        said.append(words.plural("One case was somebody's already.", "%(count)s cases were somebody's already.", taken))
    if failed:
        names = ", ".join(failed[:TOLD]) + (" …" if len(failed) > TOLD else "")
        said.append(words("Not handed over: %(references)s. Mend them in the case system first.", references=names))
    return " ".join(said), "ok" if done == wanted else "warning"


def _back(form: Form) -> str:
    """The same page of the list: what was handed over no longer stands on it."""
    after = form.value("after")
    return f"{UNASSIGNED}?after={after}" if _CURSOR.fullmatch(after) else UNASSIGNED


def _page(page: Page, own: Node, after: str, form: Form, status: int = 200) -> Response:
    colleagues = _colleagues(own)
    nobodys = Unassigned(own, colleagues)
    start = _place(after)
    places = nobodys.page(start)
    shown = places[:ROWS]
    rows = [_row(handle, case) for _, _, handle in shown if (case := own.store.case(handle)) is not None]
    page.note(own, Event.SEARCH, "case", reason="cases whose worker is nobody here")
    return page.html(
        "unassigned.html",
        status,
        title=page.words("Cases that are nobody's here"),
        counted=_counted(page, nobodys.count()),
        rows=rows,
        colleagues=[("", page.words("Choose a colleague"))] + [(each.id, f"{each.name}, {each.email}") for each in colleagues],
        nobody=not colleagues,
        at=after if start else "",
        first=UNASSIGNED if start else "",
        further=f"{UNASSIGNED}?after={_cursor(shown[-1])}" if len(places) > ROWS else "",
        form=form,
    )


def _counted(page: Page, count: int) -> str:
    if not count:
        return page.words("Every case has somebody here who sees it.")
    return page.words.plural(
        "One case has a worker who can't see it here.", "%(count)s cases have a worker who can't see them here.", count
    )


def _colleagues(own: Node) -> list[User]:
    return case_users(People(own.store, own.random).users())


def _row(handle: bytes, case: Case) -> Row:
    return Row(handle.hex(), case.reference, case.worker_name, case.worker_email)


def _cursor(place: Place) -> str:
    return f"{place[0].hex()}-{place[1]}-{place[2].hex()}"


def _place(cursor: str) -> Place | None:
    found = _CURSOR.fullmatch(cursor)
    return None if found is None else (bytes.fromhex(found[1] or ""), int(found[2]), bytes.fromhex(found[3]))
