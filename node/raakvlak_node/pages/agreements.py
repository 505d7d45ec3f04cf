"""An agreement, written by one side: who does what by when, who leads, when to look back, and who knows of it. Whoever
proposes it has signed it with that."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Response

from raakvlak_node import workdays
from raakvlak_node.access import Event
from raakvlak_node.follow_ups import FollowUp, Overtaken, Terms
from raakvlak_node.followup import Step
from raakvlak_node.node import Node
from raakvlak_node.pages import follow_up_words
from raakvlak_node.pages.door import At, Filled, Page
from raakvlak_node.pages.following import MAX_SEEN, Opened, note, opened_by_worker
from raakvlak_node.pages.forms import Form
from raakvlak_node.whom import whom
from raakvlak_protocol.act import MAX_PARTIES, MAX_TASKS, Agreement, Informed, Task
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.text import MAX_TEXT_CHARACTERS, MAX_WRITTEN_CHARACTERS

routes: Final = APIRouter()

FIRST_ROWS: Final = 2
MORE_ROWS: Final = 2
USUAL_DAYS: Final = 30
"""Working days after which one usually looks back: six weeks."""


@dataclass(frozen=True, slots=True)
class Also:
    """Another follow-up of the same case that the agreement can be for too."""

    found: FollowUp
    name: str

    @property
    def id(self) -> str:
        return self.found.known.id


@routes.get("/follow-ups/{follow_up}/agreement")
def write(page: At, follow_up: str) -> Response:
    """The form, filled in with the agreement that there is."""
    with page.node() as own:
        found = opened_by_worker(page, own, follow_up)
        if "proposed" not in found.found.allowed:
            return page.see(f"/follow-ups/{found.id}", page.words("No agreement can be proposed here now."), "warning")
        note(own, found, Event.READ, page)
        return _page(page, own, found, _prefilled(page, own, found))


@routes.post("/follow-ups/{follow_up}/agreement")
def propose(page: At, follow_up: str, form: Filled) -> Response:
    """Proposes and signs it; or gives more rows for tasks, where those are asked for."""
    with page.node() as own:
        found = opened_by_worker(page, own, follow_up)
        rows = _rows(form)
        if form.has("more"):
            return _page(page, own, found, form, rows=rows + MORE_ROWS)
        also = {each.id: each for each in _also(page, own, found)}
        covered = [found.id, *form.some_of("covers", also)]
        seen = {found.id: form.number("seen", 0, MAX_SEEN)}
        seen |= {each: form.number(f"seen_{each}", 0, MAX_SEEN) for each in covered[1:]}
        terms = _terms(form, rows, [value for value, _ in _leads(own, found, list(also.values()))])
        if not form.ok or terms is None:
            return _page(page, own, found, form, status=422)
        follow_ups = own.follow_ups()
        try:
            with own.store.transaction():
                for id in covered:
                    follow_ups.demand_seen(follow_ups.find(id, page.now), seen[id] or 0)
                follow_ups.propose(covered, terms, found.actor, page.now)
        except Overtaken as error:
            fresh = opened_by_worker(page, own, follow_up)
            return _page(page, own, fresh, form, status=409, since=error.since)
        except Malformed as error:
            named = error.field or ""
            form.reject(_FIELDS.get(named, named if form.has(named) else ""), page.words.refusal(error.message))
            return _page(page, own, found, form, status=422)
        except Refused as error:
            form.reject("", page.words.refusal(error.message))
            return _page(page, own, opened_by_worker(page, own, follow_up), form, status=409)
        names = [own.name_of(found.others[0]), *(also[each].name for each in covered[1:])]
    page.wake()
    others = page.words(" and ").join(dict.fromkeys(names))
    said = page.words("You have proposed and signed it. %(others)s gets it today, to sign.", others=others)
    return page.see(f"/follow-ups/{found.id}", said)


_FIELDS: Final = {"tasks": "what_0", "what": "what_0", "who": "who_0", "day": "evaluate_on"}


def _rows(form: Form) -> int:
    """How many rows for tasks the form has."""
    return max(FIRST_ROWS, sum(form.has(f"what_{number}") for number in range(MAX_TASKS)))


def _terms(form: Form, rows: int, leads: list[str]) -> Terms | None:
    """What was filled in; None where something is wrong with it, which the form then says."""
    tasks = [each for number in range(rows) if (each := _task(form, number)) is not None]
    if not tasks:
        form.text("what_0", MAX_WRITTEN_CHARACTERS, required=True, lines=True)
    lead = form.one_of("lead", leads)
    evaluate_on = form.day("evaluate_on", required=True)
    told = [each.name.lower() for each in Informed]
    parents, youth = form.one_of("parents", told), form.one_of("youth", told)
    because = form.text(
        "because", MAX_WRITTEN_CHARACTERS, required="not_informed" in (parents, youth), lines=True
    )  # fmt: skip
    if not form.ok or evaluate_on is None:
        return None
    return Terms(lead, tuple(tasks), evaluate_on, Informed[parents.upper()], Informed[youth.upper()], because)


def _task(form: Form, number: int) -> Task | None:
    """The task of a row; None for one in which nothing stands, or something is wrong."""
    names = [f"{part}_{number}" for part in ("who", "what", "by")]
    if not form.value(names[1]) and not form.value(names[2]):
        return None  # Somebody is always chosen.
    who = form.text(names[0], MAX_TEXT_CHARACTERS, required=True)
    what = form.text(names[1], MAX_WRITTEN_CHARACTERS, required=True, lines=True)
    by = form.day(names[2], required=True)
    return Task(who, what, by) if who and what and by else None


# --- the form ---------------------------------------------------------------------------------------------------------


def _page(
    page: Page, own: Node, opened: Opened, form: Form, *, status: int = 200, rows: int = 0, since: list[Step] | None = None
) -> Response:
    words = page.words
    also = _also(page, own, opened)

    return page.html(
        "agreement.html",
        status,
        title=words("Agreements with %(organisation)s", organisation=own.name_of(opened.others[0])),
        opened=opened,
        form=form,
        rows=min(rows or _rows(form), MAX_TASKS),
        most=MAX_TASKS,
        who=_who(words, own, opened, also, form),
        leads=_leads(own, opened, also),
        also=also,
        told=[
            ("agrees", words("They agree with it")),
            ("informed_only", words("They have been told")),
            ("not_informed", words("They have not been told")),
        ],
        latest=workdays.after(own.today(page.now), own.covenant.follow_up.evaluation_days),
        newer=_newest(opened.found) is not None,
        since=None if since is None else follow_up_words.items(words, opened.found, since, own.name_of),
    )


def _also(page: Page, own: Node, opened: Opened) -> list[Also]:
    """The other follow-ups of the same case in which the same can be proposed."""
    follow_ups, case = own.follow_ups(), opened.found.known.own_case
    assert case is not None
    known = [each for each in follow_ups.pairs.of_case(case) if each.ended is None and each.handle != opened.found.known.handle]
    found = [follow_ups.of(each, page.now) for each in known[: 4 * MAX_PARTIES]]
    can = [each for each in found if "proposed" in each.allowed]
    return [Also(each, own.name_of(each.known.pair.opposite(own.member.id).member)) for each in can[: MAX_PARTIES - 2]]


def _leads(own: Node, opened: Opened, also: list[Also]) -> list[tuple[str, str]]:
    """Who can be put in the lead: the parties, or the coordinator."""
    found = [opened.member, *opened.others, *(each.found.known.pair.opposite(opened.member).member for each in also)]
    found += filter(None, [opened.found.standing.coordinator])
    return [(each, own.name_of(each)) for each in dict.fromkeys(found)]


def _who(words: Words, own: Node, opened: Opened, also: list[Also], form: Form) -> list[tuple[str, str]]:
    """Who can be given a task: the people to call, the parents, the youth; and whoever had one before."""
    known = opened.found.known
    case = None if known.own_case is None else own.store.case(known.own_case)
    names = [_called("" if case is None else case.worker_name, own.member.name)]
    for each in (known, *(one.found.known for one in also)):
        names += [_called(contact.name, contact.member_name) for contact in whom(own, each)]
    names += [words("the parents"), words("the youth")]
    names += [form.value(f"who_{number}") for number in range(MAX_TASKS)]
    return [(each, each) for each in dict.fromkeys(names) if each]


def _called(name: str, organisation: str) -> str:
    whole = f"{name} ({organisation})" if name else organisation
    return whole if len(whole) <= MAX_TEXT_CHARACTERS else (name or organisation)[:MAX_TEXT_CHARACTERS]


def _newest(found: FollowUp) -> Agreement | None:
    """The text to go on from: what waits for signatures, or else what is in force."""
    hashes = [each for each in (found.standing.proposal, found.standing.agreement) if each is not None]
    return next((found.records.agreements[each] for each in hashes if each in found.records.agreements), None)


def _prefilled(page: Page, own: Node, opened: Opened) -> Form:
    today: date = own.today(page.now)
    days = min(USUAL_DAYS, own.covenant.follow_up.evaluation_days)
    values: dict[str, Any] = {"evaluate_on": workdays.after(today, days).isoformat()}
    newest = _newest(opened.found)
    if newest is not None:
        values |= {"lead": newest.lead, "parents": newest.parents.name.lower(), "youth": newest.youth.name.lower()}
        values["because"] = newest.because
        if newest.evaluate_on > today:
            values["evaluate_on"] = newest.evaluate_on.isoformat()
        for number, task in enumerate(newest.tasks):
            values |= {f"who_{number}": task.who, f"what_{number}": task.what, f"by_{number}": task.by.isoformat()}
        parties = {each for each in newest.parties if each.member not in opened.found.known.pair.members}
        values["covers"] = [
            each.id for each in _also(page, own, opened) if each.found.known.pair.opposite(opened.member) in parties
        ]
    return Form.of(page.words, **values)
