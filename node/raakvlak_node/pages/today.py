"""What needs somebody today, the most urgent first, each with the one thing to do next.

Only what is shown is opened: what a follow-up asks lies beside it in the store, and the database does the selecting and
the counting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from fastapi import APIRouter, Response

from raakvlak_node import workdays
from raakvlak_node.access import Event
from raakvlak_node.followup import Phase, Turn, waits_for_others
from raakvlak_node.node import Node
from raakvlak_node.pages import follow_up_words, parts
from raakvlak_node.pages.door import At, Page
from raakvlak_node.pages.follow_up_words import Badge
from raakvlak_node.pages.questions import questions_for
from raakvlak_node.pages.scope import Scope
from raakvlak_node.pairs import Known
from raakvlak_node.people import People
from raakvlak_node.standing import REMINDER_DAYS
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.term import month_of, month_of_day, start_of

routes: Final = APIRouter()

SHOWN: Final = 25
"""Lines of a group on a page."""
MINE: Final = "mine"
TEAM: Final = "team"


class Group(StrEnum):
    """What is together on the page, the most urgent first. A follow-up is in one of them at most."""

    QUESTIONS = "questions"
    LATE = "late"
    SIGN = "sign"
    NEW = "new"
    SOON = "soon"
    EVALUATE = "evaluate"
    ESCALATED = "escalated"
    TERMS = "terms"
    GOING_ON = "going-on"


_MATCHES: Final = (Group.LATE, Group.SIGN, Group.NEW, Group.SOON, Group.EVALUATE, Group.ESCALATED, Group.GOING_ON)
_OTHERS_TURN: Final = (Group.ESCALATED, Group.GOING_ON)
"""Nothing in these waits for who looks."""
# Who has seen the match is not late where the other has not: that term is the other's.
_DUE: Final = "CASE WHEN pair.turn = 'call' AND pair.due_term = 'acknowledge' THEN '' ELSE pair.due_on END"
# What waits for others is late for them, and what is escalated is the coordinator's.
_GROUP: Final = (
    "CASE WHEN pair.phase = 'escalated' AND pair.turn <> 'sign' THEN 'escalated'"
    " WHEN pair.turn IN ('', 'wait') THEN ''"
    f" WHEN {_DUE} <> '' AND {_DUE} < :today THEN 'late'"
    " WHEN pair.turn = 'sign' THEN 'sign'"
    " WHEN pair.turn = 'acknowledge' THEN 'new'"
    f" WHEN pair.turn = 'evaluate' THEN CASE WHEN {_DUE} <= :until THEN 'evaluate' ELSE '' END"
    f" WHEN {_DUE} <> '' AND {_DUE} <= :until THEN 'soon'"
    " ELSE 'going-on' END"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to do: why, about which case, by when, and the button."""

    href: str
    title: str
    about: str
    due: Badge | None
    act: str
    meets: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A group with its first lines; `count` is how many there are in all."""

    group: Group
    title: str
    count: int
    lines: list[Line]
    more: str


@dataclass(frozen=True, slots=True)
class Days:
    """Today, and until when something is near."""

    today: date
    until: date

    @property
    def lapses(self) -> int:
        """The month by which terms of cases are near."""
        return month_of_day(self.today + timedelta(days=REMINDER_DAYS))


@routes.get("/today")
def show(page: At, of: str = "", show: str = "", after: int = 0) -> Response:
    """What needs me, or my team; one group alone where `show` names it, behind the first `after` of its lines."""
    with page.node() as own:
        team = page.scope(own)
        mine = Scope(own.store, own_workers(page, own))
        today = own.today(page.now)
        days = Days(today, workdays.after(today, own.covenant.follow_up.reminder_days))
        counts = {MINE: _counts(own, mine, days)}
        counts[TEAM] = _counts(own, team, days) if team.workers != mine.workers else counts[MINE]
        # Who has no cases of their own begins with the team's.
        first = MINE if mine.count() or not team.count() else TEAM
        chosen = of if of in counts else first
        scope = mine if chosen == MINE else team
        only = Group(show) if show in list(Group) else None
        after = parts.clamped(after) if only else 0
        groups = [
            _shown(page, own, scope, each, counts[chosen][each], days, chosen, after, alone=only is not None)
            for each in Group
            if counts[chosen].get(each) and only in (None, each)
        ]
        if any(each.lines for each in groups):
            page.note(own, Event.SEARCH, "follow-up")
        totals = {
            name: sum(count for group, count in each.items() if group not in _OTHERS_TURN) for name, each in counts.items()
        }
        before, further = parts.links(_link(chosen, only), after, SHOWN, counts[chosen].get(only, 0)) if only else ("", "")
        return page.html(
            "today.html",
            title=page.words("Today"),
            day=page.words.day(today),
            groups=groups,
            count=totals[chosen],
            quiet=not any(counts[chosen].values()),
            of=chosen,
            tabs=_tabs(page.words, chosen, totals) if len(team.workers) > len(mine.workers) else [],
            team_waits=totals[TEAM] if chosen == MINE else 0,
            cases=scope.count(),
            only=only,
            before=before,
            after=further,
        )


def own_workers(page: Page, own: Node) -> tuple[bytes, ...]:
    """The handles of this user alone, without the team's."""
    return tuple(sorted(People(own.store, own.random).handles([page.user]) & set(page.scope(own).workers)))


def _tabs(words: Words, chosen: str, totals: dict[str, int]) -> list[tuple[str, str, bool, int]]:
    names = {MINE: words("Mine"), TEAM: words("My team's")}
    return [(f"/today?of={each}", name, each == chosen, totals[each]) for each, name in names.items()]


def _link(of: str, group: Group) -> str:
    return f"/today?of={of}&show={group}"


def _counts(own: Node, scope: Scope, days: Days) -> dict[Group, int]:
    found = {Group.QUESTIONS: len(questions_for(own, scope)), Group.TERMS: _terms_count(scope, days)}
    sql = (
        f"SELECT {_GROUP} AS part, count(*) FROM own_case JOIN pair ON pair.own_case = own_case.handle"  # noqa: S608
        f" WHERE own_case.worker IN ({_names(scope)}) AND pair.ended IS NULL GROUP BY part"
    )
    rows = scope.store.database.execute(sql, _values(scope, days)).fetchall()
    return found | {Group(row[0]): row[1] for row in rows if row[0]}


def _names(scope: Scope) -> str:
    return ", ".join(f":w{number}" for number in range(len(scope.workers)))


def _values(scope: Scope, days: Days, **more: Any) -> dict[str, Any]:
    workers = {f"w{number}": each for number, each in enumerate(scope.workers)}
    return {"today": days.today.isoformat(), "until": days.until.isoformat(), **workers, **more}


def _shown(
    page: Page, own: Node, scope: Scope, group: Group, count: int, days: Days, of: str, after: int, *, alone: bool
) -> Shown:
    words = page.words
    lines: Sequence[Line]
    if group is Group.QUESTIONS:
        lines = _questions(words, own, scope)[after : after + SHOWN]
    elif group is Group.TERMS:
        lines = _terms(page, own, scope, days, after)
    else:
        lines = _matches(page, own, scope, group, days, after)
    more = "" if alone or count <= SHOWN else _link(of, group)
    return Shown(group, _titles(words)[group], count, list(lines), more)


def _titles(words: Words) -> dict[Group, str]:
    return {
        Group.QUESTIONS: words("A coordinator asks you something"),
        Group.LATE: words("Overdue"),
        Group.SIGN: words("To sign"),
        Group.NEW: words("New"),
        Group.SOON: words("Nearly due"),
        Group.EVALUATE: words("To evaluate"),
        Group.ESCALATED: words("With the coordinator"),
        Group.TERMS: words("Cases whose term ends"),
        Group.GOING_ON: words("Going on, with time left"),
    }


# --- follow-ups -----------------------------------------------------------------------------------------------------------


def _matches(page: Page, own: Node, scope: Scope, group: Group, days: Days, after: int) -> list[Line]:
    sql = (
        f"SELECT pair.handle, pair.turn FROM own_case JOIN pair ON pair.own_case = own_case.handle"  # noqa: S608
        f" WHERE own_case.worker IN ({_names(scope)}) AND pair.ended IS NULL AND {_GROUP} = :part"
        f" ORDER BY {_DUE} = '', {_DUE}, pair.began, pair.handle LIMIT :most OFFSET :after"
    )
    rows = scope.store.database.execute(sql, _values(scope, days, part=str(group), most=SHOWN, after=after)).fetchall()
    pairs, found = own.follow_ups().pairs, []
    for handle, turn in rows:
        known = pairs.known(bytes(handle))
        if known is not None:
            found.append(_line(page.words, own, known, Turn(turn), days))
    return found


def _line(words: Words, own: Node, known: Known, turn: Turn, days: Days) -> Line:
    name = own.name_of(known.pair.opposite(own.member.id).member)
    theirs = waits_for_others(turn, known.due_term)
    on = date.fromisoformat(known.due_on) if known.due_on and not theirs else None
    return Line(
        href=f"/follow-ups/{known.id}",
        title=follow_up_words.why(words, turn, name, known.match_kind),
        about=words("Your case %(reference)s", reference=known.pair.party(own.member.id).reference),
        due=None if on is None else follow_up_words.by_when(words, on, days.today),
        act=follow_up_words.asked(words, turn, name),
        meets="agreed" if known.phase in (Phase.AGREED, Phase.EVALUATION_DUE) else "apart" if turn in _APART else "touching",
    )


_APART: Final = (Turn.ACKNOWLEDGE, Turn.CALL)


# --- what else asks something ---------------------------------------------------------------------------------------------


def _terms_where(scope: Scope) -> str:
    return f"FROM own_case WHERE worker IN ({scope.among}) AND lapses <= ?"


def _terms_count(scope: Scope, days: Days) -> int:
    sql = f"SELECT count(*) {_terms_where(scope)}"
    return int(scope.store.database.execute(sql, (*scope.workers, days.lapses)).fetchone()[0])


def _terms(page: Page, own: Node, scope: Scope, days: Days, after: int) -> list[Line]:
    sql = f"SELECT handle, lapses {_terms_where(scope)} ORDER BY lapses, handle LIMIT ? OFFSET ?"
    rows = scope.store.database.execute(sql, (*scope.workers, days.lapses, SHOWN, after)).fetchall()
    words, found = page.words, []
    for handle, lapses in rows:
        case = own.store.case(bytes(handle))
        if case is None:
            continue
        ends, over = start_of(lapses).date(), lapses <= month_of(page.now)
        found.append(
            Line(
                href=f"/cases/{bytes(handle).hex()}",
                title=words("Nobody hears of case %(reference)s any more.", reference=case.reference)
                if over
                else words("The term of case %(reference)s ends.", reference=case.reference),
                about=words("Since %(day)s", day=words.day(ends)) if over else words("On %(day)s", day=words.day(ends)),
                due=None,
                act=words("Renew or end it"),
                meets="",
            )
        )
    return found


def _questions(words: Words, own: Node, scope: Scope) -> list[Line]:
    return [
        Line(
            href="/questions",
            title=words(
                "%(coordinator)s asks about %(reference)s.",
                coordinator=own.name_of(each.question.asked.party),
                reference=", ".join(reference for _, reference in each.cases),
            ),
            about=each.question.asked.ask.name,
            due=None,
            act=words("Read and answer"),
            meets="",
        )
        for each in questions_for(own, scope)
    ]
