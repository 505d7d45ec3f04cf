"""Who else is involved: matches as they change, and the client picture of a case."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal, Protocol, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from raakvlak_node.access import Event
from raakvlak_node.followup import Phase
from raakvlak_node.node import Node
from raakvlak_node.pairs import Pairs
from raakvlak_node.picture import Entry
from raakvlak_node.rest.door import At, Caller, no_such_case, note, reference
from raakvlak_node.rest.manners import MAX_NUMBER, problems
from raakvlak_node.status import status

MAX_PAGE: Final = 500

ChangedAfter = Annotated[int, Query(ge=0, le=MAX_NUMBER, description="only what changed after this number")]


class ContactBody(BaseModel):
    """Whom to call at the other organisation."""

    name: str
    function: str
    phone: str
    email: str
    reference: str
    since: date


class PersonBody(BaseModel):
    """A shared person, as it stands to the own case: `parent` 1, `sibling` 2 …"""

    relation: Literal["client", "parent", "child", "sibling", "address"]
    place: int


class MatchBody(BaseModel):
    """Another organisation's case that touches an own one. `contact`, `follow_up` and `phase` are null until its card has
    come."""

    case_ref: str
    other: str
    other_name: str
    kind: Literal["client", "family"]
    via: list[str]
    persons: list[PersonBody]
    contact: ContactBody | None
    follow_up: str | None = Field(description="the id of what is done about it: GET /v1/follow-ups/{id}")
    phase: Phase | None = Field(description="how far that has come; `already_in_contact` asks for nothing")
    changed: int = Field(description="rises with every change; the highest one seen is the next 'after'")


class MatchesBody(BaseModel):
    """Matches that changed after a number, in the order of their changes."""

    matches: list[MatchBody]
    next: int = Field(description="the 'after' of the next call")


class PictureBody(BaseModel):
    """The client picture of one case."""

    case_ref: str
    matches: list[MatchBody]


class Changing(Protocol):
    """What changes, and then has a higher number."""

    @property
    def changed(self) -> int: ...


_Changing = TypeVar("_Changing", bound=Changing)


def match_body(node: Node, case_ref: str, entry: Entry) -> MatchBody:
    """An entry of the client picture as the API, and `--json`, tell it."""
    contact = entry.contact
    member = node.covenant.members.get(entry.other)
    known = Pairs(node.store, node.covenant.id).of_entry(node.member.id, case_ref, entry)
    return MatchBody(
        case_ref=case_ref,
        other=entry.other,
        # A member that has left the covenant is still to be called while the match stands.
        other_name=entry.other if member is None else member.name,
        kind=entry.kind.value,
        via=entry.via,
        persons=[PersonBody(relation=relation.value, place=place) for relation, place in sorted(entry.persons)],
        contact=None
        if contact is None
        else ContactBody(
            name=contact.name,
            function=contact.function,
            phone=contact.phone,
            email=contact.email,
            reference=contact.reference,
            since=contact.since,
        ),
        follow_up=None if known is None else known.id,
        phase=None if known is None or not known.phase else Phase(known.phase),
        changed=entry.changed,
    )


def page(found: Sequence[_Changing], after: int) -> tuple[list[_Changing], int]:
    """At most MAX_PAGE of what changed after a number, but never only some of those that changed at once; and the next
    'after'."""
    shown = sorted((each for each in found if each.changed > after), key=lambda each: each.changed)
    if len(shown) > MAX_PAGE:
        last = shown[MAX_PAGE - 1].changed
        shown = [each for each in shown if each.changed <= last]
    return shown, shown[-1].changed if shown else after


routes = APIRouter(tags=["matches"])


@routes.get("/v1/pictures/{case_ref:path}", responses=problems(404))
def get_picture(case_ref: str, door: At, actor: Caller) -> PictureBody:
    """Who else is involved with the family of this case, and whom to call."""
    with door.own_node() as own:
        own_ref = reference(case_ref)
        if own.store.case(own.store.case_handle(own_ref)) is None:
            raise no_such_case()
        case, entries = own.picture(own_ref)
        note(own, actor, Event.READ, "picture", case.reference)
        return PictureBody(case_ref=own_ref, matches=[match_body(own, own_ref, each) for each in entries])


@routes.get("/v1/matches")
def get_matches(door: At, actor: Caller, after: ChangedAfter = 0) -> MatchesBody:
    """Matches that are new or changed since `after`; call again with `next` until none come."""
    with door.own_node() as own:
        found = [match_body(own, reference, each) for reference, each in own.all_entries() if each.changed > after]
        shown, following = page(found, after)
        if shown:
            note(own, actor, Event.SEARCH, "match")
    return MatchesBody(matches=shown, next=following)


class HealthBody(BaseModel):
    """Whether the node serves, and how much of its work is open."""

    status: Literal["ok"]
    pending: int


operation = APIRouter(tags=["operation"])


@operation.get("/v1/status")
def get_status(door: At, actor: Caller) -> dict[str, Any]:
    """The counts of 'raakvlak-node status'."""
    with door.own_node() as own:
        return status(own)


@operation.get("/healthz")
def healthz(door: At) -> HealthBody:
    """Whether the node serves. Needs no access token and tells a count only."""
    with door.own_node() as own:
        return HealthBody(status="ok", pending=sum(own.open_work().values()))
