"""The coordinator's desk: what is stuck, with whom and since when; and the matches that nobody else hears of.

At an organisation that is no coordinator it tells whoever coordinates there which of the own follow-ups are stuck. The
database selects, by what was found when a follow-up was last looked at; only what is shown is opened.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from fastapi import APIRouter, Response

from raakvlak_node import followup, workdays
from raakvlak_node.access import Event
from raakvlak_node.follow_ups import FollowUp
from raakvlak_node.followup import Phase
from raakvlak_node.mediating import Heard, Mediating
from raakvlak_node.node import Node
from raakvlak_node.pages import parts
from raakvlak_node.pages.door import At, Page
from raakvlak_node.pages.follow_up_words import Badge, badge, by_when
from raakvlak_node.pairs import Known
from raakvlak_node.people import People
from raakvlak_node.whom import Whom, whom
from raakvlak_protocol.act import Act, ActKind, Cause
from raakvlak_protocol.party.look.words import Words

routes: Final = APIRouter()

SHOWN: Final = 20
"""Rows on a page."""


class Part(StrEnum):
    """What is together at a coordinator's desk."""

    STUCK = "stuck"
    ALONE = "alone"
    GOING_ON = "going-on"


_STUCK: Final = "own_case IS NULL AND ended IS NULL AND phase = 'escalated'"
_GOING_ON: Final = "own_case IS NULL AND ended IS NULL AND phase NOT IN ('escalated', 'closed')"
_ESCALATED: Final = "own_case IS NOT NULL AND ended IS NULL AND phase = 'escalated'"
_LATE: Final = (
    "own_case IS NOT NULL AND ended IS NULL AND phase NOT IN ('escalated', 'closed') AND due_on <> '' AND due_on < :today"
)
_OLDEST: Final = "began, handle"
_LATEST: Final = "due_on, handle"
"""Both stand in the index that finds them: however many are late, none but those on the page is looked up."""


@dataclass(frozen=True, slots=True, repr=False)
class Side:
    """An organisation of a follow-up, and whom to call there: None until it has told."""

    name: str
    reference: str
    contact: Whom | None


@dataclass(frozen=True, slots=True, repr=False)
class Stuck:
    """A follow-up before this coordinator. `why` says why it was called in, `written` what was written with that."""

    id: str
    sides: list[Side]
    badge: Badge
    due: Badge | None
    since: date
    why: str
    written: str
    lead: str


@dataclass(frozen=True, slots=True, repr=False)
class Own:
    """A stuck follow-up of an own case: whose it is, and for whom it waits."""

    id: str
    reference: str
    other: str
    worker: str
    function: str
    team: str
    badge: Badge
    due: Badge | None
    since: date | None
    waits: str


@dataclass(frozen=True, slots=True, repr=False)
class Alone:
    """A match that only this coordinator hears of."""

    id: str
    names: tuple[str, str]
    since: date
    state: Badge


@routes.get("/desk")
def show(page: At, show: str = "", after: int = 0) -> Response:
    """What is stuck."""
    after = parts.clamped(after)
    with page.node() as own:
        if Mediating(own).at_desk:
            part = Part(show) if show in list(Part) else Part.STUCK
            return _coordinator(page, own, part, after)
        return _side(page, own, after)


def _coordinator(page: Page, own: Node, part: Part, after: int) -> Response:
    words = page.words
    matches = Mediating(own).matches()
    counts = {Part.STUCK: _count(own, _STUCK), Part.ALONE: len(matches), Part.GOING_ON: _count(own, _GOING_ON)}
    rows: list[Any] = []
    if part is Part.ALONE:
        rows = [_alone(words, own, each) for each in matches[after : after + SHOWN]]
    else:
        where = _STUCK if part is Part.STUCK else _GOING_ON
        rows = [_stuck(page, own, known) for known, _ in _found(own, where, _OLDEST, after)]
    if rows:
        page.note(own, Event.SEARCH, "match" if part is Part.ALONE else "follow-up")
    names = {
        Part.STUCK: words("Stuck"),
        Part.ALONE: words("Only you hear of it"),
        Part.GOING_ON: words("Going on"),
    }
    before, further = parts.links(f"/desk?show={part}", after, SHOWN, counts[part])
    return page.html(
        "desk.html",
        title=words("Your desk"),
        part=part,
        rows=rows,
        tabs=[(f"/desk?show={each}", name, each is part, counts[each]) for each, name in names.items()],
        before=before,
        after=further,
    )


def _side(page: Page, own: Node, after: int) -> Response:
    today = own.today(page.now).isoformat()
    escalated = _count(own, _ESCALATED)
    count = escalated + _count(own, _LATE, today=today)
    found = _found(own, _ESCALATED, _OLDEST, after)
    if len(found) < SHOWN:
        found += _found(own, _LATE, _LATEST, max(0, after - escalated), SHOWN - len(found), today=today)
    rows = [_own(page, own, known, turn) for known, turn in found]
    if rows:
        page.note(own, Event.SEARCH, "follow-up")
    before, further = parts.links("/desk?show=stuck", after, SHOWN, count)
    return page.html(
        "desk_own.html",
        title=page.words("What is stuck"),
        rows=rows,
        count=count,
        before=before,
        after=further,
    )


def _count(own: Node, where: str, **values: str) -> int:
    return int(own.store.database.execute(f"SELECT count(*) FROM pair WHERE {where}", values).fetchone()[0])  # noqa: S608


def _found(own: Node, where: str, order: str, after: int, most: int = SHOWN, **values: str) -> list[tuple[Known, str]]:
    """(pair, turn) on this page of the list."""
    sql = f"SELECT handle, turn FROM pair WHERE {where} ORDER BY {order} LIMIT {most} OFFSET {after}"  # noqa: S608 constants
    pairs = own.follow_ups().pairs
    found = [(pairs.known(bytes(handle)), turn) for handle, turn in own.store.database.execute(sql, values).fetchall()]
    return [(known, turn) for known, turn in found if known is not None]


# --- at a coordinator -----------------------------------------------------------------------------------------------------


def _stuck(page: Page, own: Node, known: Known) -> Stuck:
    words = page.words
    found = own.follow_ups().of(known, page.now)
    contacts = {each.member: each for each in whom(own, known)}
    began = workdays.local_day(known.began)
    # A coordinator's own node keeps no term of it; what the covenant sets is the same for everybody.
    due = followup.due(found.standing, own.covenant.follow_up, began)
    why, written = _called_in(words, own, found)
    return Stuck(
        known.id,
        [
            Side(own.name_of(each.member), each.reference, contacts.get(each.member))
            for each in (known.pair.one, known.pair.other)
        ],
        badge(words, found.phase),
        None if due is None or found.phase is Phase.ESCALATED else by_when(words, due.on, own.today(page.now)),
        found.standing.since or began,
        why,
        written,
        own.name_of(found.standing.lead) if found.standing.lead else "",
    )


def _called_in(words: Words, own: Node, found: FollowUp) -> tuple[str, str]:
    """Why the coordinator was called in last, and what was written with it."""
    acts = [
        each.record
        for each in found.standing.steps
        if each.counted and isinstance(each.record, Act) and each.record.kind in (ActKind.ESCALATED, ActKind.DISAGREED)
    ]
    if not acts:
        return "", ""
    last = acts[-1]
    who = own.name_of(last.author)
    written = found.records.texts.get(last.text_hash)
    if last.kind is ActKind.DISAGREED:
        why = words("%(who)s doesn't reach an agreement.", who=who)
    elif last.cause is Cause.TERM:
        why = words("A term has passed, and nothing was done.")
    else:
        why = words("%(who)s called you in.", who=who)
    return why, "" if written is None else written.text


def _alone(words: Words, own: Node, heard: Heard) -> Alone:
    found = heard.mediation
    names = (own.name_of(found.one), own.name_of(found.other))
    return Alone(heard.id, names, workdays.local_day(found.began), _state(words, heard))


def _state(words: Words, heard: Heard) -> Badge:
    if any(each.answered is None for each in heard.asked):
        return Badge(words("asked, no answer yet"), "due")
    if heard.asked:
        return Badge(words("answered"), "quiet")
    return Badge(words("not asked yet"), "new") if heard.askable else Badge(words("nobody may be asked"), "quiet")


# --- at a side ------------------------------------------------------------------------------------------------------------


def _own(page: Page, own: Node, known: Known, turn: str) -> Own:
    words, today = page.words, own.today(page.now)
    escalated = known.phase == Phase.ESCALATED
    case = None if known.own_case is None else own.store.case(known.own_case)
    other = own.name_of(known.pair.opposite(own.member.id).member)
    due = None if escalated or not known.due_on else date.fromisoformat(known.due_on)
    since = own.follow_ups().of(known, page.now).standing.since if escalated else due
    theirs = followup.waits_for_others(turn, known.due_term)
    return Own(
        known.id,
        known.pair.party(own.member.id).reference,
        other,
        "" if case is None else case.worker_name or case.worker_email,
        "" if case is None else case.function,
        "" if case is None else _team(own, case.worker_email),
        badge(words, Phase(known.phase or Phase.SIGNALLED)),
        None if due is None else by_when(words, due, today),
        since,
        words("the coordinator") if escalated else other if theirs else words("us"),
    )


def _team(own: Node, email: str) -> str:
    """The names of the teams of a worker; of the team itself, where the address is its own."""
    if not email:
        return ""
    people = People(own.store, own.random)
    user = people.by_email(email)
    if user is not None:
        found = (people.team(each) for each in sorted(user.teams))
        return ", ".join(sorted(each.name for each in found if each is not None))
    return ", ".join(each.name for each in people.teams() if each.email.casefold() == email.casefold())
