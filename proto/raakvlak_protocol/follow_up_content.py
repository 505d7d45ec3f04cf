"""What a follow-up letter says, as strict frozen types (PROTOCOL §19): records of one pair, in and out of protobuf."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from raakvlak_protocol.act import (
    HASH_BYTES,
    MAX_AFTER,
    NOTHING,
    SALT_BYTES,
    Act,
    ActKind,
    Agreement,
    Cause,
    Informed,
    Pair,
    Party,
    Signature,
    Task,
    Written,
)
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identity import checked_id
from raakvlak_protocol.text import (
    MAX_EMAIL_CHARACTERS,
    MAX_PHONE_CHARACTERS,
    MAX_REFERENCE_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_WRITTEN_CHARACTERS,
    iso_date,
    shown_lines,
    shown_text,
)
from raakvlak_protocol.v1 import letter_pb2 as pb

MAX_RECORDS: Final = 64
"""Records in one letter; more go in the next one."""

E = TypeVar("E", ActKind, Cause, Informed)


@dataclass(frozen=True, slots=True, repr=False)
class PairContact:
    """Whom a coordinator can call at one side."""

    party: Party
    name: str
    function: str
    phone: str
    email: str

    def __repr__(self) -> str:
        return f"PairContact({self.party!r})"


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Records of one pair; `contacts` and `began` only in letters to a coordinator."""

    pair: Pair
    acts: tuple[Act, ...] = ()
    texts: tuple[Written, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    signatures: tuple[Signature, ...] = ()
    contacts: tuple[PairContact, ...] = ()
    began: date | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Ask:
    """A coordinator asks about the receiver's row of this reference. At least one of phone and email is filled."""

    reference: bytes
    epoch: int
    name: str
    phone: str
    email: str
    text: str

    def __repr__(self) -> str:
        return "Ask(…)"


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What the asked member decided."""

    released: bool
    text: str

    def __repr__(self) -> str:
        return f"Answer(released={self.released}, …)"


@dataclass(frozen=True, slots=True)
class Again:
    """The sender was restored and asks for everything of the match."""


def encode(letter: FollowUp | Ask | Answer | Again) -> bytes:
    """The content of a letter; the same bytes for the same letter."""
    match letter:
        case FollowUp():
            content = pb.LetterContent(follow_up=_encode_follow_up(letter))
        case Ask():
            content = pb.LetterContent(
                ask=pb.Ask(
                    reference=letter.reference,
                    epoch=letter.epoch,
                    name=letter.name,
                    phone=letter.phone,
                    email=letter.email,
                    text=letter.text,
                )
            )
        case Answer():
            content = pb.LetterContent(answer=pb.Answer(released=letter.released, text=letter.text))
        case Again():
            content = pb.LetterContent(again=pb.Again())
    return content.SerializeToString(deterministic=True)


def decode(content: pb.LetterContent) -> FollowUp | Ask | Answer | Again | None:
    """The follow-up letter in a content that was parsed strictly; None for one of another sort. Raises Malformed.

    Checks the form of all that a person will read; whether the records hold and follow is `Act.verify`'s to say.
    """
    match content.WhichOneof("body"):
        case "follow_up":
            return _decode_follow_up(content.follow_up)
        case "ask":
            return _decode_ask(content.ask)
        case "answer":
            return Answer(content.answer.released, shown_lines(content.answer.text, MAX_WRITTEN_CHARACTERS, "text"))
        case "again":
            return Again()
        case _:
            return None


def _encode_follow_up(letter: FollowUp) -> pb.FollowUp:
    return pb.FollowUp(
        pair=pb.Pair(one=_encode_party(letter.pair.one), other=_encode_party(letter.pair.other)),
        acts=[encode_act(each) for each in letter.acts],
        texts=[pb.ActText(salt=each.salt, text=each.text) for each in letter.texts],
        agreements=[encode_agreement(each) for each in letter.agreements],
        signatures=[encode_signature(each) for each in letter.signatures],
        contacts=[
            pb.PairContact(
                party=_encode_party(each.party), name=each.name, function=each.function, phone=each.phone, email=each.email
            )
            for each in letter.contacts
        ],
        began="" if letter.began is None else letter.began.isoformat(),
    )


def _decode_follow_up(letter: pb.FollowUp) -> FollowUp:
    groups: Sequence[Sequence[object]] = (letter.acts, letter.texts, letter.agreements, letter.signatures, letter.contacts)
    if sum(map(len, groups)) > MAX_RECORDS:
        raise Malformed(f"a letter holds at most {MAX_RECORDS} records")
    pair = Pair.of(_decode_party(letter.pair.one), _decode_party(letter.pair.other))
    return FollowUp(
        pair=pair,
        acts=tuple(decode_act(pair, each) for each in letter.acts),
        texts=tuple(decode_text(each) for each in letter.texts),
        agreements=tuple(decode_agreement(each) for each in letter.agreements),
        signatures=tuple(decode_signature(each) for each in letter.signatures),
        contacts=tuple(_decode_contact(each) for each in letter.contacts),
        began=iso_date(letter.began, "began") if letter.began else None,
    )


# --- records ----------------------------------------------------------------------------------------------------------


def encode_act(act: Act) -> pb.Act:
    return pb.Act(
        author=act.author,
        number=act.number,
        after=act.after,
        at=act.at,
        kind=pb.ActKind.Name(act.kind),
        cause=int(act.cause),  # type: ignore[arg-type]  # the generated stub names a class of its own
        day="" if act.day is None else act.day.isoformat(),
        lead=act.lead,
        about=_short(act.about),
        text_hash=_short(act.text_hash),
        signature=act.signature,
    )


def decode_act(pair: Pair, act: pb.Act) -> Act:
    if len(act.after) > MAX_AFTER:  # Here already: it could not even be hashed.
        raise Malformed(f"an act names at most {MAX_AFTER} acts that it follows on", field="after")
    return Act(
        pair=pair,
        author=checked_id(act.author, "author"),
        number=act.number,
        after=tuple(act.after),
        at=act.at,
        kind=_member(ActKind, act.kind, "kind"),
        cause=_member(Cause, act.cause, "cause"),
        day=iso_date(act.day, "day") if act.day else None,
        lead=act.lead,
        about=_long(act.about),
        text_hash=_long(act.text_hash),
        signature=act.signature,
    )


def decode_text(text: pb.ActText) -> Written:
    if len(text.salt) != SALT_BYTES:
        raise Malformed(f"a salt has {SALT_BYTES} bytes", field="salt")
    return Written(text.salt, shown_lines(text.text, MAX_WRITTEN_CHARACTERS, "text", required=True))


def encode_agreement(agreement: Agreement) -> pb.Agreement:
    return pb.Agreement(
        salt=agreement.salt,
        version=agreement.version,
        replaces=_short(agreement.replaces),
        parties=[_encode_party(each) for each in agreement.parties],
        lead=agreement.lead,
        tasks=[pb.Task(who=each.who, what=each.what, by=each.by.isoformat()) for each in agreement.tasks],
        evaluate_on=agreement.evaluate_on.isoformat(),
        parents=pb.Informed.Name(agreement.parents),
        youth=pb.Informed.Name(agreement.youth),
        because=agreement.because,
    )


def decode_agreement(agreement: pb.Agreement) -> Agreement:
    found = Agreement(
        salt=agreement.salt,
        version=agreement.version,
        replaces=_long(agreement.replaces),
        parties=tuple(_decode_party(each) for each in agreement.parties),
        lead=agreement.lead,
        tasks=tuple(Task(each.who, each.what, iso_date(each.by, "by")) for each in agreement.tasks),
        evaluate_on=iso_date(agreement.evaluate_on, "evaluate_on"),
        parents=_member(Informed, agreement.parents, "parents"),
        youth=_member(Informed, agreement.youth, "youth"),
        because=agreement.because,
    )
    found.demand_sound()
    return found


def encode_signature(signature: Signature) -> pb.AgreementSignature:
    return pb.AgreementSignature(
        agreement=signature.agreement,
        party=_encode_party(signature.party),
        at=signature.at,
        signature=signature.signature,
    )


def decode_signature(signature: pb.AgreementSignature) -> Signature:
    if len(signature.agreement) != HASH_BYTES:
        raise Malformed("a hash has another length", field="agreement")
    return Signature(signature.agreement, _decode_party(signature.party), signature.at, signature.signature)


def _encode_party(party: Party) -> pb.Party:
    return pb.Party(member=party.member, reference=party.reference)


def _decode_party(party: pb.Party) -> Party:
    reference = shown_text(party.reference, MAX_REFERENCE_CHARACTERS, "reference", required=True)
    return Party(checked_id(party.member, "member"), reference)


def _decode_contact(contact: pb.PairContact) -> PairContact:
    return PairContact(_decode_party(contact.party), *_person(contact.name, contact.phone, contact.email, contact.function))


def _person(name: str, phone: str, email: str, function: str) -> tuple[str, str, str, str]:
    """(name, function, phone, email) of somebody who can be called."""
    if not phone and not email:
        raise Malformed("neither a telephone number nor an e-mail address", field="phone")
    return (
        shown_text(name, MAX_TEXT_CHARACTERS, "name"),
        shown_text(function, MAX_TEXT_CHARACTERS, "function"),
        shown_text(phone, MAX_PHONE_CHARACTERS, "phone"),
        shown_text(email, MAX_EMAIL_CHARACTERS, "email"),
    )


def _decode_ask(ask: pb.Ask) -> Ask:
    name, _, phone, email = _person(ask.name, ask.phone, ask.email, "")
    text = shown_lines(ask.text, MAX_WRITTEN_CHARACTERS, "text", required=True)
    return Ask(ask.reference, ask.epoch, name, phone, email, text)


def _member(kind: type[E], number: int, field: str) -> E:
    try:
        return kind(number)
    except ValueError:
        raise Malformed("this version knows no such value", field=field) from None


def _short(hash: bytes) -> bytes:
    """On the wire nothing stands for nothing."""
    return b"" if hash == NOTHING else hash


def _long(hash: bytes) -> bytes:
    if len(hash) not in {0, HASH_BYTES} or hash == NOTHING:
        raise Malformed("a hash has another length", field="hash")
    return hash or NOTHING
