"""Whom to call about a follow-up."""

from dataclasses import dataclass

from raakvlak_node.desk import Desk
from raakvlak_node.node import Node
from raakvlak_node.pairs import Known
from raakvlak_node.picture import Contact
from raakvlak_protocol.follow_up_content import PairContact


@dataclass(frozen=True, slots=True, repr=False)
class Whom:
    """Whom to call at a side, as that side has told; `case_ref` is its own reference."""

    member: str
    member_name: str
    case_ref: str
    name: str
    function: str
    phone: str
    email: str


def whom(node: Node, known: Known) -> list[Whom]:
    """At the other side, or at a coordinator at both; nobody where no card has come."""
    if known.own_case is None:
        told = Desk(node.store).contacts(known.handle, known.pair)
        return [_at(node, member, each.party.reference, each) for member, each in told.items()]
    their = known.pair.opposite(node.member.id)
    for entry in node.entries(node.store.matches_of_case(known.own_case)):
        contact = entry.contact
        if contact is not None and (entry.other, contact.reference) == (their.member, their.reference):
            return [_at(node, their.member, contact.reference, contact)]
    return []


def _at(node: Node, member: str, reference: str, person: Contact | PairContact) -> Whom:
    return Whom(member, node.name_of(member), reference, person.name, person.function, person.phone, person.email)
