"""The account that a member gives an officer: its ledger, and what of it stands at the index (PROTOCOL §16).

One file: a header, an export of the ledger, each own row with what opens it in the log, which withdrawal ended which
token, each row that the index says it holds for this member, and an end that the member signs over all of it.

It tells how many own cases want a row, and of no case which; no identifier, no relation. It does hold salts: whoever keeps
the file can recognise the involvements in it in the log after they were erased. Hence it is destroyed after the audit.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from raakvlak_protocol import entry, ledger, note, publication
from raakvlak_protocol.encoding import prefixed
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.evidence import DIGEST_BYTES, Opening
from raakvlak_protocol.ledger import Head, Line, Record, Verifier, encode_record
from raakvlak_protocol.publication import REFERENCE_BYTES, SIGNATURE_BYTES
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import TOKEN_BYTES

FORMAT: Final = "raakvlak-account/1"
MAX_LINE_BYTES: Final = 2 * note.MAX_NOTE_BYTES + 4096
"""A longer line is none: room for a header with the largest note."""


@dataclass(frozen=True, slots=True)
class Header:
    """Whose account it is, of when, and what follows."""

    covenant_id: str
    member: str
    covenant_hash: bytes
    made: int
    """Unix seconds by the node's clock."""
    last_sequence: int
    """The member's last write of which it knows that the index carried it out."""
    unproven: int
    """Rows that the node has not yet seen in the log."""
    alarms: int
    """Open alarms of the node about index or log."""
    checkpoint: bytes
    """The note that the node saw last, as the log signed it; empty where it follows no log."""
    rows: int
    ended: int
    held: int

    def record(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "covenant": self.covenant_id,
            "member": self.member,
            "covenant_hash": self.covenant_hash.hex(),
            "made": self.made,
            "last_sequence": self.last_sequence,
            "unproven": self.unproven,
            "alarms": self.alarms,
            "checkpoint": self.checkpoint.hex(),
            "rows": self.rows,
            "ended": self.ended,
            "held": self.held,
        }

    @classmethod
    def read(cls, each: "_Fields") -> Self:
        each.demand("format", FORMAT)
        return cls(
            each.text("covenant"),
            each.text("member"),
            each.hex("covenant_hash", ledger.HASH_BYTES),
            each.number("made", 40),
            each.number("last_sequence"),
            each.number("unproven"),
            each.number("alarms"),
            each.hex("checkpoint"),
            each.number("rows"),
            each.number("ended"),
            each.number("held"),
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A row that the node believes to stand. `cases` counts the own cases that want it published. `opening` is what the
    index gave for it when it was asked for this account; None where it said that no such row stands."""

    number: int
    epoch: int
    token: bytes
    reference: bytes
    cases: int
    opening: Opening | None

    def record(self) -> dict[str, object]:
        found: dict[str, object] = {
            "row": self.number,
            "epoch": self.epoch,
            "token": self.token.hex(),
            "reference": self.reference.hex(),
            "cases": self.cases,
        }
        if self.opening is None:
            return found
        return found | {
            "position": self.opening.position,
            "salt": self.opening.salt.hex(),
            "digest": self.opening.digest.hex(),
            "removal_month": self.opening.removal_month,
            "visibility": self.opening.visibility,
        }

    @classmethod
    def read(cls, each: "_Fields") -> Self:
        named = each.number("row"), each.number("epoch", 32), each.hex("token", TOKEN_BYTES)
        row = cls(*named, each.hex("reference", REFERENCE_BYTES), each.number("cases"), None)
        if "position" not in each.record:
            return row
        opening = Opening(
            each.number("position"),
            each.hex("salt", entry.SALT_BYTES),
            each.hex("digest", DIGEST_BYTES),
            each.number("removal_month", 16),
            each.number("visibility", 8),
        )
        return replace(row, opening=opening)


@dataclass(frozen=True, slots=True)
class Ended:
    """The line of the ledger in which a withdrawal left, and the token whose row that ended."""

    number: int
    epoch: int
    token: bytes
    line: int

    def record(self) -> dict[str, object]:
        return {"ended": self.number, "epoch": self.epoch, "token": self.token.hex(), "line": self.line}

    @classmethod
    def read(cls, each: "_Fields") -> Self:
        return cls(each.number("ended"), each.number("epoch", 32), each.hex("token", TOKEN_BYTES), each.number("line"))


@dataclass(frozen=True, slots=True)
class Held:
    """A row that the index says it holds in this member's name, when it was asked for its inventory."""

    number: int
    epoch: int
    reference: bytes
    removal_month: int
    visibility: int

    def record(self) -> dict[str, object]:
        return {
            "held": self.number,
            "epoch": self.epoch,
            "reference": self.reference.hex(),
            "removal_month": self.removal_month,
            "visibility": self.visibility,
        }

    @classmethod
    def read(cls, each: "_Fields") -> Self:
        named = each.number("held"), each.number("epoch", 32), each.hex("reference", REFERENCE_BYTES)
        return cls(*named, each.number("removal_month", 16), each.number("visibility", 8))


Part = Header | ledger.Header | Line | Row | Ended | Held


def statement(covenant_id: str, member: str, hash: bytes) -> bytes:
    """What the member signs; `hash` is the SHA-256 of the file up to its last line."""
    return prefixed("raakvlak/v1/account") + prefixed(covenant_id) + prefixed(member) + prefixed(hash)


def written(
    header: Header,
    export: Iterable[Record],
    rows: Iterable[Row],
    ended: Iterable[Ended],
    held: Iterable[Held],
    seed: SecretBytes,
) -> Iterator[bytes]:
    """The lines of the file, each with its line end; `seed` is the member's signing seed, `export` of its ledger."""
    hash, count = hashlib.sha256(), 0
    for record in _records(header, export, rows, ended, held):
        line = encode_record(record)
        hash.update(line)
        count += 1
        yield line
    signature = publication.sign(seed, statement(header.covenant_id, header.member, hash.digest()))
    yield encode_record({"end": count, "hash": hash.hexdigest(), "signature": signature.hex()})


def _records(
    header: Header, export: Iterable[Record], rows: Iterable[Row], ended: Iterable[Ended], held: Iterable[Held]
) -> Iterator[Record]:
    yield header.record()
    yield from export
    for part in (rows, ended, held):
        yield from (each.record() for each in part)


def read(
    raw: Iterable[bytes], covenant_id: str, signing_keys: Mapping[str, bytes], earlier: Head | None = None
) -> Iterator[Part]:
    """The parts of an account in order, from the lines of its file. The verdict stands when the last one was taken.

    `signing_keys` are the members' in the covenant, `earlier` the head of a ledger that was verified before. Raises Malformed
    or Evidence naming the first wrong line: of the file, or of the ledger in it.
    """
    lines = _Lines(raw)
    header = Header.read(lines.next())
    lines.demand_exact(header.record())
    if header.covenant_id != covenant_id:
        raise Malformed("this account was made under another covenant")
    if header.member not in signing_keys:
        raise Malformed("the covenant has no such member as this account names")
    yield header
    key = signing_keys[header.member]
    yield from _ledger(lines, header, key, earlier)
    for kind, count in ((Row, header.rows), (Ended, header.ended), (Held, header.held)):
        for number in range(1, count + 1):
            part = kind.read(lines.next())
            lines.demand_exact(part.record())
            if part.number != number:
                raise Malformed(f"{lines.where}: another part of the account stands in its place")
            yield part
    _demand_end(lines, header, key)


def _ledger(lines: "_Lines", header: Header, key: bytes, earlier: Head | None) -> Iterator[Part]:
    inner = ledger.parse_header(lines.next().record)
    verifier = Verifier(inner, header.covenant_id, header.member, key, earlier)
    yield inner
    for _ in range(inner.head.lines):
        yield verifier.take(lines.next().record)
    verifier.finish()


def _demand_end(lines: "_Lines", header: Header, key: bytes) -> None:
    before, count = lines.hash, lines.count
    end = lines.next()
    hash, signature = end.hex("hash", ledger.HASH_BYTES), end.hex("signature", SIGNATURE_BYTES)
    lines.demand_exact({"end": end.number("end"), "hash": hash.hex(), "signature": signature.hex()})
    if end.number("end") != count or hash != before:
        raise Evidence(f"{lines.where}: the account is not the one that was closed: something in it was changed or left out",
                       party=header.member)  # fmt: skip
    if not publication.verified(key, statement(header.covenant_id, header.member, hash), signature):
        raise Evidence(f"{lines.where}: it does not bear the member's signature", party=header.member)
    lines.demand_over()


class _Lines:
    """The lines of a file, one after the other, and the hash of those that were taken."""

    def __init__(self, raw: Iterable[bytes]) -> None:
        self._raw = iter(raw)
        self._hash = hashlib.sha256()
        self._record: Record = {}
        self.count = 0

    @property
    def where(self) -> str:
        return f"line {self.count} of the account"

    @property
    def hash(self) -> bytes:
        return self._hash.digest()

    def next(self) -> "_Fields":
        raw = next(self._raw, None)
        self.count += 1
        if raw is None:
            raise Malformed(f"{self.where} is missing: the file ends before it")
        try:
            found = json.loads(raw)
            exact = len(raw) <= MAX_LINE_BYTES and isinstance(found, dict) and encode_record(found) == raw
        except (ValueError, RecursionError):
            exact = False
        if not exact:
            raise Malformed(f"{self.where}: not one JSON object, written as an account writes it")
        self._hash.update(raw)
        self._record = found
        return _Fields(found, self.where)

    def demand_exact(self, expected: Record) -> None:
        """Returns when the line holds exactly this, in this order."""
        if list(self._record.items()) != list(expected.items()):
            raise Malformed(f"{self.where}: it holds something that this version does not know")

    def demand_over(self) -> None:
        if next(self._raw, None) is not None:
            raise Malformed(f"line {self.count + 1} of the account: the file goes on behind its end")


@dataclass(frozen=True, slots=True)
class _Fields:
    """One record, read strictly."""

    record: Record
    where: str

    def demand(self, name: str, value: str) -> None:
        if self.record.get(name) != value:
            raise Malformed(f"{self.where}: this is nothing of the format {value}")

    def text(self, name: str) -> str:
        found = self.record.get(name)
        if not isinstance(found, str) or not found.isascii():
            raise Malformed(f"{self.where}: {name} is no text")
        return found

    def number(self, name: str, bits: int = 63) -> int:
        found = self.record.get(name)
        if type(found) is not int or not 0 <= found < 2**bits:
            raise Malformed(f"{self.where}: {name} is no number")
        return found

    def hex(self, name: str, size: int | None = None) -> bytes:
        found = self.record.get(name)
        if isinstance(found, str):
            try:
                raw = bytes.fromhex(found)
            except ValueError:
                raw = b"\0"
            if raw.hex() == found and size in (None, len(raw)):
                return raw
        raise Malformed(f"{self.where}: {name} is not the hex that stands there")
