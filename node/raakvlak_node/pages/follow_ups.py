"""A follow-up: where it stands in plain words, whom to call, what was done, and the steps that can be taken now."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from fastapi import APIRouter, Response

from raakvlak_node import followup
from raakvlak_node.access import Event
from raakvlak_node.follow_ups import FollowUp, FollowUps, Overtaken
from raakvlak_node.followup import Phase, Step, Turn
from raakvlak_node.node import Node
from raakvlak_node.pages import follow_up_words
from raakvlak_node.pages.door import At, Filled, Page
from raakvlak_node.pages.follow_up_steps import KINDS, Offer
from raakvlak_node.pages.follow_up_steps import offer as step_offer
from raakvlak_node.pages.follow_up_steps import told as step_told
from raakvlak_node.pages.following import (
    MAX_SEEN,
    Opened,
    note,
    opened,
    opened_by_worker,
    opened_to_act,
    paper,
)
from raakvlak_node.pages.forms import Form
from raakvlak_node.whom import whom
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.text import MAX_WRITTEN_CHARACTERS

routes: Final = APIRouter()

_MEETINGS: Final = {
    Phase.SIGNALLED: "apart",
    Phase.ACKNOWLEDGED: "apart",
    Phase.AGREED: "agreed",
    Phase.EVALUATION_DUE: "agreed",
    Phase.CLOSED: "ended",
    Phase.WITHDRAWN: "ended",
    Phase.EXPIRED: "ended",
}


@routes.get("/follow-ups/{follow_up}")
def show(page: At, follow_up: str) -> Response:
    """Where it stands."""
    with page.node() as own:
        found = opened(page, own, follow_up)
        note(own, found, Event.READ, page)
        return _page(page, own, found)


@routes.post("/follow-ups/{follow_up}/acts")
def act(page: At, follow_up: str, form: Filled) -> Response:
    """A step that somebody takes."""
    with page.node() as own:
        found = opened_to_act(page, own, follow_up)
        kind = KINDS.get(form.one_of("kind", KINDS))
        seen = form.number("seen", 0, MAX_SEEN)
        if kind is None or seen is None:
            return _page(page, own, found, form, status=422)
        offer = step_offer(page.words, kind, "")
        text = form.text(f"{offer.kind}_text", MAX_WRITTEN_CHARACTERS, required=offer.text_needed, lines=True)
        day = form.day(f"{offer.kind}_day", required=offer.day_needed) if offer.day else None
        lead = form.one_of(f"{offer.kind}_lead", _leads(own, found)) if offer.lead else ""
        if not form.ok:
            return _page(page, own, found, form, status=422)

        def take(follow_ups: FollowUps) -> None:
            follow_ups.act(
                found.id, kind, found.actor, page.now,
                seen=seen, day=day, text=text if offer.text else "", lead=lead,
            )  # fmt: skip

        refused = taken(page, own, found, form, take, prefix=f"{offer.kind}_")
        if refused is not None:
            return refused
        names = [own.name_of(each) for each in found.others]
    page.wake()
    return page.see(f"/follow-ups/{found.id}", step_told(page.words, kind, page.words(" and ").join(names)))


@routes.post("/follow-ups/{follow_up}/sign")
def sign(page: At, follow_up: str, form: Filled) -> Response:
    """Signing the agreement that waits, of which the whole text stood above the button."""
    with page.node() as own:
        found = opened_by_worker(page, own, follow_up)
        seen = form.number("seen", 0, MAX_SEEN)
        if seen is None:
            return _page(page, own, found, form, status=422)
        refused = taken(page, own, found, form, lambda each: each.sign(found.id, found.actor, page.now, seen=seen))
        if refused is not None:
            return refused
    page.wake()
    return page.see(f"/follow-ups/{found.id}", page.words("You have signed. The others hear of it today."))


@routes.post("/follow-ups/{follow_up}/release")
def release(page: At, follow_up: str, form: Filled) -> Response:
    """Whether the coordinator may read what this side has written."""
    with page.node() as own:
        found = opened_by_worker(page, own, follow_up)
        released = form.one_of("released", ("yes", "no")) == "yes"
        because = form.text("release_because", MAX_WRITTEN_CHARACTERS, required=True, lines=True)
        if not form.ok:
            return _page(page, own, found, form, status=422)
        refused = taken(
            page, own, found, form,
            lambda each: each.release(found.id, released, because, found.actor, page.now), prefix="release_",
        )  # fmt: skip
        if refused is not None:
            return refused
    page.wake()
    words = page.words
    said = words("The coordinator can read it from today.") if released else words("The coordinator gets nothing more to read.")
    return page.see(f"/follow-ups/{found.id}", said)


def taken(
    page: Page, own: Node, found: Opened, form: Form, take: Callable[[FollowUps], object], prefix: str = ""
) -> Response | None:
    """Takes a step; the page again, with what is wrong or what somebody else has done, where it was not taken. `prefix`
    stands before the names of the fields in this form."""
    try:
        take(own.follow_ups())
    except Overtaken as error:
        return _page(page, own, opened(page, own, found.id), form, status=409, since=error.since)
    except Malformed as error:
        field = f"{prefix}{error.field}" if form.has(f"{prefix}{error.field}") else ""
        form.reject(field, page.words.refusal(error.message))
        return _page(page, own, found, form, status=422)
    except Refused as error:
        form.reject("", page.words.refusal(error.message))
        return _page(page, own, opened(page, own, found.id), form, status=409)
    return None


# --- what the page shows ----------------------------------------------------------------------------------------------


def _page(
    page: Page, own: Node, opened: Opened, form: Form | None = None, *, status: int = 200, since: Iterable[Step] | None = None
) -> Response:
    words, found, member = page.words, opened.found, opened.member
    today = own.today(page.now)
    said = own.name_of
    coordinator = said(found.standing.coordinator) if found.standing.coordinator else ""
    offers = [step_offer(words, kind, coordinator) for name, kind in KINDS.items() if opened.acts and name in found.allowed]
    filled = _filled(words, offers, form, today.isoformat())
    turn = followup.turn(found.standing, member)
    ours = opened.acts and found.due is not None and (opened.at_desk or member in found.due.whose)
    first = _first(found.phase, turn, offers) if opened.acts else None
    others = words(" and ").join(map(said, opened.others))
    contacts = whom(own, found.known)
    known = {name for each in offers for name in each.fields}
    return page.html(
        "follow_up.html",
        status,
        title=words("Follow-up with %(organisation)s", organisation=others) if not opened.at_desk else others,
        opened=opened,
        found=found,
        form=filled,
        crumbs=_crumbs(words, opened),
        badge=follow_up_words.badge(words, found.phase),
        stands=follow_up_words.stands(words, found, member, said),
        due=follow_up_words.by_when(words, found.due.on, today) if ours and found.due else None,
        ours=ours,
        term="" if found.due is None else follow_up_words.term_said(words, found.due.term, found.due.on),
        whose="" if opened.at_desk else follow_up_words.whose_turn(words, found.due, member, said),
        meets=_MEETINGS.get(found.phase, "touching"),
        stage=_stage(found),
        stages=[words("Seen"), words("Contact"), words("Agreements"), words("Evaluation")],
        turn=turn,
        next_title=_next_title(words, found.phase, turn, contacts[0].name if contacts else "", others, first),
        first=first,
        offers=[each for each in offers if each is not first],
        may_propose=opened.acts and "proposed" in found.allowed,
        may_sign=opened.acts and "sign" in found.allowed,
        propose_first=turn is Turn.AGREE and opened.acts,
        leads=[(each, said(each)) for each in _leads(own, opened)],
        contacts=contacts,
        agreement=paper(own, found, found.standing.agreement),
        proposal=paper(own, found, found.standing.proposal),
        told=lambda informed: follow_up_words.told(words, informed),
        lead=said(found.standing.lead) if found.standing.lead else "",
        history=follow_up_words.items(words, found, reversed(found.standing.steps), said),
        since=None if since is None else follow_up_words.items(words, found, since, said),
        lost=_lost(form, known),
        coordinator=coordinator,
        may_release=opened.acts and not opened.at_desk and coordinator != "" and found.known.ended is None,
    )


def _stage(found: FollowUp) -> int | None:
    """How many of the stages lie behind the two; None where it is over."""
    standing = found.standing
    if found.phase in (Phase.CLOSED, Phase.WITHDRAWN, Phase.EXPIRED):
        return None
    if standing.agreement is not None:
        return 3
    if standing.contacted_on is not None or standing.silenced:
        return 2
    return 1 if len(standing.acknowledged) == 2 else 0


def _leads(own: Node, opened: Opened) -> list[str]:
    """Who can be put in the lead: the two, or their coordinator."""
    return [*opened.found.known.pair.members, *filter(None, [opened.found.standing.coordinator])]


def _filled(words: Words, offers: list[Offer], form: Form | None, today: str) -> Form:
    """All forms of the page, with what was typed in one of them and what is wrong with it."""
    names = [*(name for each in offers for name in each.fields), "release_because"]
    values: dict[str, Any] = {name: form.values(name) for name in names if form is not None and form.has(name)}
    made = Form.of(words, **({"contacted_day": today} | values))
    made.errors.update({} if form is None else form.errors)
    return made


def _lost(form: Form | None, known: set[str]) -> list[str]:
    """What was typed for a step that can't be taken any more: shown, so that it can be copied."""
    names = [f"{each}_text" for each in KINDS] if form is not None else []
    return [form.value(name) for name in names if form is not None and name not in known and form.value(name)]


def _first(phase: Phase, turn: Turn | None, offers: list[Offer]) -> Offer | None:
    """The most natural step; none where nothing is asked."""
    wanted = {Turn.ACKNOWLEDGE: "acknowledged", Turn.CALL: "contacted"}.get(turn) if turn else "decided"
    if phase is Phase.EVALUATION_DUE and turn is Turn.EVALUATE:
        wanted = "evaluated"
    return next((each for each in offers if each.kind == wanted), None)


def _next_title(words: Words, phase: Phase, turn: Turn | None, name: str, organisation: str, first: Offer | None) -> str:
    """The one act of the page, in words; empty where nothing is asked now."""
    if turn in (Turn.ACKNOWLEDGE, Turn.CALL):
        return (
            words("Call %(name)s of %(organisation)s", name=name, organisation=organisation)
            if name
            else words("Call %(organisation)s", organisation=organisation)
        )
    if turn is Turn.SIGN:
        return words("Read the proposal and sign it")
    if turn is Turn.AGREE:
        return words("Agree on who does what")
    return "" if first is None else first.title


def _crumbs(words: Words, opened: Opened) -> list[tuple[str, str]]:
    case = opened.found.known.own_case
    if case is None or not opened.acts:
        return [("/desk", words("Desk"))]
    return [("/today", words("Today")), (f"/cases/{case.hex()}", opened.reference)]
