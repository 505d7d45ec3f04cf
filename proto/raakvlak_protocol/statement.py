"""What a key holder states each day, under its signature: how many evaluations it charged to whom.

    raakvlak/v1/evaluations
    <the key holder's DNS name>
    <day, YYYY-MM-DD, UTC>
    <member> <namespace> <epoch> <charged that day> <charged in the epoch until the day's end>      for each account
                                                                                                    an empty line
    — <the key holder's DNS name> <signature>

The accounts stand in order of member, namespace and epoch number, each once. A day without evaluations has its statement
too, so that a day that is missing shows. The statement itself goes to officers only. The log gets its hash, in a
submission that is signed the same way, so that the index learns no counts and a statement can't be changed afterwards:

    raakvlak/v1/statement
    <the key holder's DNS name>
    <day>
    <base64 of the SHA-256 of the whole statement file>

Each is a signed note that bears one signature line and no other: further lines would change the hash and say nothing.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from raakvlak_protocol import note
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.identity import checked_id
from raakvlak_protocol.note import NoteKey
from raakvlak_protocol.secret import SecretBytes

HASH_BYTES: Final = 32
MAX_STATEMENT_BYTES: Final = 2**20
"""Room for some 30,000 accounts."""
MAX_SUBMISSION_BYTES: Final = 2048

Account = tuple[str, str, int]
"""Member, namespace, epoch: what is counted on its own."""

_EVALUATIONS: Final = "raakvlak/v1/evaluations"
_SUBMISSION: Final = "raakvlak/v1/statement"


@dataclass(frozen=True, slots=True)
class Charged:
    """Evaluations: those of the `day`, and the `total` in the epoch until the day's end, the day's own among them."""

    day: int
    total: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A key holder's counts of one day (UTC). `holder` is its DNS name, which is its signing key's name too."""

    holder: str
    day: date
    counts: Mapping[Account, Charged]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The statement in a note's text; raises Malformed for any other writing of it, with the wrong line as `item`."""
        lines = note.lines_of(text)
        holder, day = _head(lines, _EVALUATIONS, "a statement of evaluations")
        counts: dict[Account, Charged] = {}
        before: Account = ("", "", -1)
        for item, line in enumerate(lines[3:], 3):
            try:
                account, charged = _counted(line)
                if account <= before:
                    raise Malformed("the accounts do not stand in order, each once")
            except Malformed as error:
                raise Malformed(f"line {item + 1} of this statement: {error.message}", item=item) from None
            counts[account] = charged
            before = account
        return cls(holder, day, counts)

    @property
    def text(self) -> str:
        """What is signed."""
        accounts = "".join(
            f"{member} {namespace} {epoch} {charged.day} {charged.total}\n"
            for (member, namespace, epoch), charged in sorted(self.counts.items(), key=lambda each: each[0])
        )
        return f"{_EVALUATIONS}\n{self.holder}\n{self.day.isoformat()}\n{accounts}"


@dataclass(frozen=True, slots=True)
class Submission:
    """A statement's hash, 32 bytes, for the log."""

    holder: str
    day: date
    hash: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """The submission in a note's text; raises Malformed for any other writing of it."""
        lines = note.lines_of(text)
        holder, day = _head(lines, _SUBMISSION, "a submission of a statement")
        if len(lines) != 4:
            raise Malformed("a submission has four lines: its kind, the key holder, the day, the hash")
        hash = note.decode_base64(lines[3])
        if len(hash) != HASH_BYTES:
            raise Malformed(f"a submission holds a hash of {HASH_BYTES} bytes, this one {len(hash)}")
        return cls(holder, day, hash)

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{_SUBMISSION}\n{self.holder}\n{self.day.isoformat()}\n{base64.b64encode(self.hash).decode()}\n"


def sign(statement: Statement, seed: SecretBytes) -> bytes:
    """The statement's file; the same for the same counts and seed. Raises Malformed for counts that can't be stated."""
    if Statement.parse(statement.text) != statement:
        raise Malformed("these counts can't be stated")
    return _within(note.signed(statement.text, statement.holder, seed).encode(), MAX_STATEMENT_BYTES)


def verify(raw: bytes, key: NoteKey) -> Statement:
    """The statement that the holder of `key` signed. Checks it alone: not against the day before, nor against the log.

    Raises Malformed where `raw` is none, or another key holder's; Evidence where it bears this one's name and not its
    signature: whoever handed it over made it or changed it.
    """
    signed = note.parse(raw, limit=MAX_STATEMENT_BYTES)
    statement = Statement.parse(signed.text)
    _demand_signature(signed, statement.holder, key, "statement")
    return statement


def statement_hash(raw: bytes) -> bytes:
    """By which the log knows a statement: SHA-256 of the whole file, 32 bytes."""
    return hashlib.sha256(raw).digest()


def submission(raw: bytes, name: str, seed: SecretBytes) -> bytes:
    """What is handed in to the log for the statement file `raw`. Raises Malformed where it is no statement of `name`
    that this seed signed."""
    statement = verify(raw, note.key_of(name, note.ED25519, seed))
    handed_in = Submission(name, statement.day, statement_hash(raw))
    return note.signed(handed_in.text, name, seed).encode()


def verify_submission(raw: bytes, key: NoteKey) -> Submission:
    """The submission that the holder of `key` signed; raises as `verify` does."""
    signed = note.parse(raw, limit=MAX_SUBMISSION_BYTES)
    handed_in = Submission.parse(signed.text)
    _demand_signature(signed, handed_in.holder, key, "submission")
    return handed_in


def submitter(raw: bytes) -> str:
    """The DNS name that a submission claims to come from, by which its key is found. Says nothing about its signature."""
    return Submission.parse(note.parse(raw, limit=MAX_SUBMISSION_BYTES).text).holder


def _head(lines: Sequence[str], kind: str, what: str) -> tuple[str, date]:
    """Key holder and day, from the first three lines."""
    if len(lines) < 3 or lines[0] != kind:
        raise Malformed(f"{what} begins with the line {kind!r}, the key holder and the day")
    if not lines[1]:
        raise Malformed(f"{what} names its key holder", item=1)
    return lines[1], _day(lines[2])


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Malformed("a day is written as YYYY-MM-DD", item=2) from None
    # Python also reads 20260302 and 2026-W10-1.
    if day.isoformat() != text:
        raise Malformed("a day is written as YYYY-MM-DD", item=2)
    return day


def _counted(line: str) -> tuple[Account, Charged]:
    parts = line.split(" ")
    if len(parts) != 5:
        raise Malformed("an account has five fields, one space apart: member, namespace, epoch, charged that day, in the epoch")
    member, namespace = checked_id(parts[0], "member"), checked_id(parts[1], "namespace")
    epoch, day, total = map(note.decimal, parts[2:])
    if epoch >= 2**32:
        raise Malformed("an epoch's number lies below 2^32")
    if not 0 < total >= day:
        raise Malformed("an account was charged in its epoch at least once, and no less than on this day")
    return (member, namespace, epoch), Charged(day, total)


def _demand_signature(signed: note.Note, holder: str, key: NoteKey, what: str) -> None:
    if holder != key.name:
        raise Malformed(f"this is a {what} of another key holder than {key.name}")
    if len(signed.lines) != 1:
        raise Malformed(f"a {what} bears one signature line, its key holder's; this one {len(signed.lines)}")
    if not signed.verified_by(key):
        raise Evidence(f"this {what} is not signed by the key of {holder}: it was made or changed by another", party=holder)


def _within(raw: bytes, limit: int) -> bytes:
    if len(raw) > limit:
        raise Malformed(f"a statement has at most {limit} bytes, this one {len(raw)}: too many accounts for one day")
    return raw
