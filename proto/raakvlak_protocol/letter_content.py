"""What letters say: the proof letter and the contact card, as strict frozen types (PROTOCOL §7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import cast

from raakvlak_protocol import follow_up_content
from raakvlak_protocol.encoding import parse
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.follow_up_content import Again, Answer, Ask, FollowUp
from raakvlak_protocol.letter import MAX_CONTENT_BYTES
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.text import (
    MAX_EMAIL_CHARACTERS,
    MAX_PHONE_CHARACTERS,
    MAX_REFERENCE_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    iso_date,
    shown_text,
)
from raakvlak_protocol.v1 import letter_pb2 as pb


@dataclass(frozen=True, slots=True)
class Proof:
    """What the shared person or address is to the sender's own cases. `write_again` asks for everything anew."""

    relations: frozenset[Relation]
    write_again: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class CardCase:
    """Whom to call about one case of the sender. At least one of phone and email is filled."""

    reference: str
    relations: frozenset[Relation]
    name: str
    function: str
    phone: str
    email: str
    since: date

    def __repr__(self) -> str:
        return "CardCase(…)"


@dataclass(frozen=True, slots=True)
class Card:
    """The sender's cases that make a match, in the order of their references; `left_out` more did not fit."""

    cases: tuple[CardCase, ...]
    left_out: int = 0


def encode_proof(proof: Proof) -> bytes:
    letter = pb.ProofLetter(relations=_encode_relations(proof.relations), write_again=proof.write_again)
    return pb.LetterContent(proof=letter).SerializeToString(deterministic=True)


def encode_card(cases: Iterable[CardCase]) -> bytes:
    """The card with as many cases as the largest letter holds; how many did not fit is said in it."""
    ordered = sorted(cases, key=lambda case: case.reference)
    kept = [_encode_case(case) for case in ordered]
    while True:
        card = pb.ContactCard(cases=kept, left_out=len(ordered) - len(kept))
        raw = pb.LetterContent(card=card).SerializeToString(deterministic=True)
        if len(raw) <= MAX_CONTENT_BYTES:
            return raw
        kept.pop()


Content = Proof | Card | FollowUp | Ask | Answer | Again


def decode(content: bytes) -> Content:
    """The letter's content; raises Malformed for anything that this version does not fully understand."""
    message = parse(pb.LetterContent, content)
    if message.HasField("proof"):
        return Proof(_decode_relations(message.proof.relations), message.proof.write_again)
    if message.HasField("card"):
        return Card(tuple(_decode_case(case) for case in message.card.cases), message.card.left_out)
    followed = follow_up_content.decode(message)
    if followed is None:
        raise Malformed("the letter is of a kind that this version does not know")
    return followed


def _encode_relations(relations: Iterable[Relation]) -> list[pb.Relation]:
    # The generated stub names a class of its own for what are plain numbers at run time.
    return cast(list[pb.Relation], sorted(pb.Relation.Value(relation.name) for relation in relations))


def _decode_relations(numbers: Iterable[int]) -> frozenset[Relation]:
    found = list(numbers)
    known = {pb.Relation.Value(relation.name): relation for relation in Relation}
    if not found or len(set(found)) != len(found) or not set(found) <= known.keys():
        raise Malformed("a relation is missing, doubled or unknown", field="relations")
    return frozenset(known[number] for number in found)


def _encode_case(case: CardCase) -> pb.CardCase:
    return pb.CardCase(
        reference=case.reference,
        relations=_encode_relations(case.relations),
        name=case.name,
        function=case.function,
        phone=case.phone,
        email=case.email,
        since=case.since.isoformat(),
    )


def _decode_case(case: pb.CardCase) -> CardCase:
    if not case.phone and not case.email:
        raise Malformed("neither a telephone number nor an e-mail address", field="phone")
    return CardCase(
        reference=shown_text(case.reference, MAX_REFERENCE_CHARACTERS, "reference", required=True),
        relations=_decode_relations(case.relations),
        name=shown_text(case.name, MAX_TEXT_CHARACTERS, "name"),
        function=shown_text(case.function, MAX_TEXT_CHARACTERS, "function", required=True),
        phone=shown_text(case.phone, MAX_PHONE_CHARACTERS, "phone"),
        email=shown_text(case.email, MAX_EMAIL_CHARACTERS, "email"),
        since=iso_date(case.since, "since"),
    )
