"""A follow-up as the API, and `--json`, tell it: where it stands, what is due, whom to call, and its whole history."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from raakvlak_node.follow_ups import FollowUp
from raakvlak_node.followup import Phase, Step, Term
from raakvlak_node.node import Node
from raakvlak_node.pairs import Known
from raakvlak_node.rest.agreements import AgreementBody, agreement_body
from raakvlak_node.whom import whom
from raakvlak_node.workdays import moment
from raakvlak_protocol.act import NOTHING, Act, Cause


class DueBody(BaseModel):
    """What is to be done next: `on` is the last day on which it is in time. From `escalates_on` the coordinator is called
    in by itself; null where nobody serves the two."""

    term: Term
    on: date
    escalates_on: date | None
    whose: list[str] = Field(description="the members that are to act")


class StepBody(BaseModel):
    """A step in the history. One that does not count crossed with another, and has no effect."""

    at: datetime
    by: str
    what: str
    counted: bool
    phase: Phase = Field(description="to which it led")
    day: date | None
    lead: str
    cause: str = Field(description="why the coordinator was called in: term or request; else empty")
    text: str | None = Field(description="null where nothing was written, or where it is not for this organisation to read")


class WhomBody(BaseModel):
    """Whom to call at a side."""

    member: str
    member_name: str
    case_ref: str
    name: str
    function: str
    phone: str
    email: str


def whom_bodies(node: Node, known: Known) -> list[WhomBody]:
    """Whom to call about a follow-up."""
    return [WhomBody.model_validate(each, from_attributes=True) for each in whom(node, known)]


class FollowUpItem(BaseModel):
    """A follow-up in a list."""

    id: str
    case_ref: str | None = Field(description="the own case; null at a coordinator")
    other: str
    other_name: str
    other_case_ref: str
    sides: list[str]
    kind: str | None = Field(description="`client` or `family`; null at a coordinator, who is not told")
    phase: Phase
    due_term: Term | None
    due_on: date | None
    overdue: bool
    changed: int = Field(description="rises with every step; the highest one seen is the next 'after'")


class FollowUpsBody(BaseModel):
    """Follow-ups that changed after a number, in the order of their changes. A term that passes changes nothing: ask for
    `overdue`."""

    follow_ups: list[FollowUpItem]
    next: int = Field(description="the 'after' of the next call")


class FollowUpBody(FollowUpItem):
    """A follow-up in full."""

    began: datetime
    due: DueBody | None
    allowed: list[str] = Field(description="what can be done now: kinds of acts, `proposed` and `sign`")
    seen: int = Field(description="to be given back with a step: who is second is told so")
    acknowledged: dict[str, datetime]
    contacted_on: date | None
    silenced: bool
    lead: str
    evaluate_on: date | None
    agreement: AgreementBody | None = Field(description="the one in force")
    proposal: AgreementBody | None = Field(description="the one that waits for signatures")
    coordinator: str = Field(description="who serves the two; empty where nobody does")
    coordinated: bool = Field(description="whether the coordinator is involved")
    released: bool = Field(description="whether the coordinator may read what this side has written")
    contacts: list[WhomBody]
    steps: list[StepBody]


def item(node: Node, known: Known, today: date) -> FollowUpItem:
    """A pair in a list, as it stood when it was last looked at."""
    at_desk = known.own_case is None
    pair = known.pair
    own = pair.one if at_desk else pair.party(node.member.id)
    their = pair.other if at_desk else pair.opposite(node.member.id)
    due_on = date.fromisoformat(known.due_on) if known.due_on and known.ended is None else None
    return FollowUpItem(
        id=known.id,
        case_ref=None if at_desk else own.reference,
        other=their.member,
        other_name=node.name_of(their.member),
        other_case_ref=their.reference,
        sides=list(pair.members),
        kind=None if at_desk else str(known.match_kind),
        phase=Phase(known.phase or Phase.SIGNALLED),
        due_term=Term(known.due_term) if due_on else None,
        due_on=due_on,
        overdue=due_on is not None and due_on < today,
        changed=known.changed,
    )


def listed(
    node: Node, *, case_ref: str = "", phase: str = "", overdue: bool | None = None, after: int = 0
) -> list[FollowUpItem]:
    """The follow-ups that fit, oldest first."""
    pairs, today = node.follow_ups().pairs, node.today(node.clock())
    found = pairs.of_case(node.store.case_handle(case_ref)) if case_ref else pairs.all()
    items = (item(node, each, today) for each in found if each.changed > after)
    return [each for each in items if phase in {"", each.phase} and overdue in {None, each.overdue}]


def follow_up_body(node: Node, found: FollowUp) -> FollowUpBody:
    """A follow-up as the API, and `--json`, tell it."""
    standing, due = found.standing, found.due
    today = node.today(node.clock())
    head = item(node, found.known, today).model_dump()
    head |= {
        "phase": found.phase,
        "due_term": None if due is None else due.term,
        "due_on": None if due is None else due.on,
        "overdue": due is not None and due.on < today,
    }
    return FollowUpBody(
        **head,
        began=moment(found.known.began),
        due=None if due is None else DueBody(term=due.term, on=due.on, escalates_on=due.escalates_on, whose=sorted(due.whose)),
        allowed=list(found.allowed),
        seen=found.known.changed,
        acknowledged={member: moment(at) for member, at in sorted(standing.acknowledged.items())},
        contacted_on=standing.contacted_on,
        silenced=standing.silenced,
        lead=standing.lead,
        evaluate_on=standing.evaluate_on,
        agreement=agreement_body(found.records, standing.agreement),
        proposal=agreement_body(found.records, standing.proposal),
        coordinator=standing.coordinator,
        coordinated=standing.coordinated,
        released=found.known.released,
        contacts=whom_bodies(node, found.known),
        steps=[step_body(found, each) for each in standing.steps],
    )


def step_body(found: FollowUp, step: Step) -> StepBody:
    record = step.record
    if not isinstance(record, Act):
        return StepBody(
            at=moment(record.at), by=record.party.member, what="signed", counted=step.counted, phase=step.phase,
            day=None, lead="", cause="", text=None,
        )  # fmt: skip
    written = None if record.text_hash == NOTHING else found.records.texts.get(record.text_hash)
    return StepBody(
        at=moment(record.at),
        by=record.author,
        what=record.kind.name.lower(),
        counted=step.counted,
        phase=step.phase,
        day=record.day,
        lead=record.lead,
        cause="" if record.cause is Cause.NONE else record.cause.name.lower(),
        text=None if written is None else written.text,
    )
