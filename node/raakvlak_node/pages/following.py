"""Who may open a follow-up, and what a page shows of it."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from raakvlak_node.access import AccessLog, Actor, Event
from raakvlak_node.follow_ups import FollowUp
from raakvlak_node.followup import Phase
from raakvlak_node.node import Node
from raakvlak_node.pages.door import Gone, Page, Turned
from raakvlak_node.people.user import Role
from raakvlak_node.vault import handle_in
from raakvlak_node.workdays import moment
from raakvlak_protocol.act import Agreement

MAX_SEEN: Final = 999_999_999


@dataclass(frozen=True, slots=True)
class Opened:
    """A follow-up that somebody may look at, in which role, and whether this one may act in it too."""

    found: FollowUp
    actor: Actor
    acts: bool
    member: str

    @property
    def id(self) -> str:
        return self.found.known.id

    @property
    def at_desk(self) -> bool:
        """Whether this node is the coordinator between the two."""
        return self.found.known.own_case is None

    @property
    def reference(self) -> str:
        """The own case's; empty at a coordinator."""
        return self.found.known.own_reference(self.member)

    @property
    def others(self) -> list[str]:
        """The organisations that are not this one."""
        return [each for each in self.found.known.pair.members if each != self.member]


def opened(page: Page, own: Node, id: str) -> Opened:
    """The follow-up with this number on a path, where it is this user's to see; raises Gone otherwise, and writes down
    what was refused.

    A side's follow-up is for whoever sees its case; at a coordinator's node it is for coordinators. A coordinator elsewhere
    may look at what is stuck.
    """
    follow_ups = own.follow_ups()
    handle = handle_in(id)
    known = None if handle is None else follow_ups.pairs.known(handle)
    if known is None:
        raise Gone
    found = follow_ups.of(known, page.now)
    coordinates = Role.COORDINATOR in page.user.roles
    in_scope = known.own_case is not None and page.scope(own).holds(known.own_case)
    if in_scope:
        role = Role.CASE_WORKER if Role.CASE_WORKER in page.user.roles else Role.TEAM_LEAD
    elif coordinates and (known.own_case is None or _is_stuck(page, own, found)):
        role = Role.COORDINATOR
    else:
        page.refused(own, "follow-up", case=known.own_reference(own.member.id))
        raise Gone
    actor = Actor.page(page.user.email, str(role))
    return Opened(found, actor, in_scope or known.own_case is None, own.member.id)


def opened_to_act(page: Page, own: Node, id: str) -> Opened:
    """The same for whoever is about to act; raises Turned for one who may look alone."""
    found = opened(page, own, id)
    if not found.acts:
        page.refused(own, "follow-up", case=found.reference)
        raise Turned(HTTPStatus.FORBIDDEN)
    return found


def opened_by_worker(page: Page, own: Node, id: str) -> Opened:
    """The same for what only a side does."""
    found = opened_to_act(page, own, id)
    if found.at_desk:
        raise Gone
    return found


def _is_stuck(page: Page, own: Node, found: FollowUp) -> bool:
    late = found.due is not None and found.due.on < own.today(page.now)
    return found.phase is Phase.ESCALATED or late


def note(own: Node, found: Opened, event: Event, page: Page) -> None:
    """A line in the access log of whoever looks at a follow-up."""
    AccessLog(own.store, own.random).write(found.actor, event, page.now, kind="follow-up", case=found.reference)


@dataclass(frozen=True, slots=True, repr=False)
class Paper:
    """An agreement as a page shows it: `text` is None where it is not here, or not for this organisation. `signers` are
    (organisation, when in UTC or None)."""

    hash: bytes
    text: Agreement | None
    lead: str
    signers: list[tuple[str, object]]

    @property
    def signed_by_all(self) -> bool:
        return all(at is not None for _, at in self.signers)


def paper(own: Node, found: FollowUp, hash: bytes | None) -> Paper | None:
    """The agreement of this hash."""
    if hash is None:
        return None
    text = found.records.agreements.get(hash)
    signed = {each.party: each.at for each in reversed(found.records.signatures) if each.agreement == hash}
    parties = sorted(signed) if text is None else text.parties
    signers: list[tuple[str, object]] = [
        (own.name_of(each.member), moment(signed[each]) if each in signed else None) for each in parties
    ]
    return Paper(hash, text, "" if text is None else own.name_of(text.lead), signers)
