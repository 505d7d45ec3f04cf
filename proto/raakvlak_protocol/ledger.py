"""The ledger of all that leaves a node: what its lines say, how they are chained, and how an export is verified
(PROTOCOL §13). An officer verifies with this module alone.

A line commits to one message under a salt of 32 random bytes, and is chained to all lines before it:

    commitment = H(["raakvlak/v1/ledger-message"] ‖ salt ‖ message)
    hash       = H(["raakvlak/v1/ledger"] ‖ hash of the line before ‖ commitment)

Salt and message can be destroyed, line by line; commitment and hash stay, and with them the whole chain. Without the
salt a commitment can be compared with nothing, however few messages it may stand for. What an export proves: that the
node stands for exactly these lines, and that no line that an earlier export held was changed or taken away. Not that
nothing left beside the ledger: that is the node's open code, and a look at its network.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Final, Self

from raakvlak_protocol import publication
from raakvlak_protocol.encoding import prefixed, u8, u16, u32, u64
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.letter import MATCH_ID_BYTES
from raakvlak_protocol.publication import REFERENCE_BYTES, SIGNATURE_BYTES
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import TOKEN_BYTES

SALT_BYTES: Final = 32
HASH_BYTES: Final = 32
FORMAT: Final = "raakvlak-ledger/1"
MAX_MESSAGE_BYTES: Final = 4096
"""No message of a line comes near it."""


# --- what a line says -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Publication:
    """A token left in a Publish; its signatures follow from it."""

    KIND: ClassVar = 1
    time: int
    """Unix seconds by the node's clock, as in every message."""
    epoch: int
    generation: int
    sequence: int
    visibility: int
    token: bytes

    def encode(self) -> bytes:
        numbers = u32(self.epoch) + u64(self.generation) + u64(self.sequence) + u8(self.visibility)
        return u8(self.KIND) + u64(self.time) + numbers + self.token

    @classmethod
    def read(cls, raw: "_Bytes") -> Self:
        return cls(raw.number(8), raw.number(4), raw.number(8), raw.number(8), raw.number(1), raw.take(TOKEN_BYTES))


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A reference left in a Withdraw."""

    KIND: ClassVar = 2
    time: int
    epoch: int
    generation: int
    sequence: int
    reference: bytes

    def encode(self) -> bytes:
        numbers = u32(self.epoch) + u64(self.generation) + u64(self.sequence)
        return u8(self.KIND) + u64(self.time) + numbers + self.reference

    @classmethod
    def read(cls, raw: "_Bytes") -> Self:
        return cls(raw.number(8), raw.number(4), raw.number(8), raw.number(8), raw.take(REFERENCE_BYTES))


@dataclass(frozen=True, slots=True)
class Posting:
    """A letter left in a PostLetter; `hash` is the SHA-256 of its ciphertext, `size` that one's length in bytes, `to` empty
    for the other side of the match, else the coordinator that it went to, or the side that a coordinator wrote to."""

    KIND: ClassVar = 3
    time: int
    generation: int
    match_id: bytes
    to: str
    number: int
    size: int
    hash: bytes

    def encode(self) -> bytes:
        head = u8(self.KIND) + u64(self.time) + u64(self.generation) + self.match_id + prefixed(self.to)
        return head + u32(self.number) + u32(self.size) + self.hash

    @classmethod
    def read(cls, raw: "_Bytes") -> Self:
        named = raw.number(8), raw.number(8), raw.take(MATCH_ID_BYTES), raw.text()
        return cls(*named, raw.number(4), raw.number(4), raw.take(HASH_BYTES))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Blinded elements left for a key holder. `hash` is `evaluation_hash`, by which the holder knows the request too.

    A hash is enough: each element is uniformly random under a blind that never leaves the node, so that the elements
    themselves would tell an officer nothing; that they are the ones that were sent is all there is to compare.
    """

    KIND: ClassVar = 4
    time: int
    key_holder: str
    namespace: str
    epoch: int
    count: int
    hash: bytes

    def encode(self) -> bytes:
        named = prefixed(self.key_holder) + prefixed(self.namespace)
        return u8(self.KIND) + u64(self.time) + named + u32(self.epoch) + u32(self.count) + self.hash

    @classmethod
    def read(cls, raw: "_Bytes") -> Self:
        named = raw.number(8), raw.text(), raw.text()
        return cls(*named, raw.number(4), raw.number(4), raw.take(HASH_BYTES))


@dataclass(frozen=True, slots=True)
class Call:
    """Any other request left: to whom, for what, how many bytes, and its fields as numbers.

    `numbers` holds (field, value) for each field of the request that is set, by rising field number: an integer's value,
    the length in bytes of bytes and text, the number of items of a repeated field. A request that repeats another one of
    the same UTC day byte for byte has no line of its own.
    """

    KIND: ClassVar = 5
    time: int
    role: str
    id: str
    path: str
    """As on the wire: "/raakvlak.v1.Index/Watch", "GET /checkpoint"."""
    size: int
    numbers: tuple[tuple[int, int], ...]

    def encode(self) -> bytes:
        named = prefixed(self.role) + prefixed(self.id) + prefixed(self.path)
        fields = u8(len(self.numbers)) + b"".join(u32(field) + u64(value) for field, value in self.numbers)
        return u8(self.KIND) + u64(self.time) + named + u32(self.size) + fields

    @classmethod
    def read(cls, raw: "_Bytes") -> Self:
        named = raw.number(8), raw.text(), raw.text(), raw.text(), raw.number(4)
        numbers = tuple((raw.number(4), raw.number(8)) for _ in range(raw.number(1)))
        if any(one >= other for (one, _), (other, _) in pairwise(numbers)):
            raise Malformed("a call's fields do not rise")
        return cls(*named, numbers)


Message = Publication | Withdrawal | Posting | Evaluation | Call
_KINDS: Final[Mapping[int, type[Message]]] = {kind.KIND: kind for kind in (Publication, Withdrawal, Posting, Evaluation, Call)}


def parse_message(raw: bytes) -> Message:
    """The message in a line; raises Malformed for an unknown kind, or bytes too few or too many."""
    kind = _KINDS.get(raw[0]) if raw else None
    if kind is None or len(raw) > MAX_MESSAGE_BYTES:
        raise Malformed("the message is of no known kind")
    rest = _Bytes(raw, 1)
    message = kind.read(rest)
    rest.demand_end()
    return message


def evaluation_hash(covenant_id: str, namespace: str, epoch: int, elements: Sequence[bytes]) -> bytes:
    """Of a request to evaluate, as in PROTOCOL §3.4: 32 bytes."""
    head = prefixed("raakvlak/v1/evaluate") + prefixed(covenant_id) + prefixed(namespace) + u32(epoch)
    return hashlib.sha256(head + u16(len(elements)) + b"".join(elements)).digest()


class _Bytes:
    """Reads a message from left to right; raises Malformed where it ends too early, or too late."""

    def __init__(self, raw: bytes, place: int) -> None:
        self._raw = raw
        self._place = place

    def take(self, size: int) -> bytes:
        found = self._raw[self._place : self._place + size]
        if len(found) != size:
            raise Malformed("the message ends too early")
        self._place += size
        return found

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def text(self) -> str:
        raw = self.take(self.number(2))
        if not raw.isascii() or not raw.decode("ascii").isprintable():
            raise Malformed("the message holds a text that is not printable ASCII")
        return raw.decode("ascii")

    def demand_end(self) -> None:
        if self._place != len(self._raw):
            raise Malformed("the message goes on behind its end")


# --- the chain --------------------------------------------------------------------------------------------------------


def commitment(salt: bytes, message: bytes) -> bytes:
    """What a line keeps of its message for good; the salt has SALT_BYTES."""
    return hashlib.sha256(prefixed("raakvlak/v1/ledger-message") + salt + message).digest()


def next_hash(before: bytes, commitment: bytes) -> bytes:
    """The hash of the line behind the one with the hash `before`."""
    return hashlib.sha256(prefixed("raakvlak/v1/ledger") + before + commitment).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """How far a ledger goes: so many lines, the last of which has this hash. Keep one to hold later exports against."""

    lines: int
    hash: bytes

    @classmethod
    def begin(cls, covenant_id: str, member: str) -> Self:
        """Before the first line; another one for each member of each covenant."""
        begun = prefixed("raakvlak/v1/ledger-begin") + prefixed(covenant_id) + prefixed(member)
        return cls(0, hashlib.sha256(begun).digest())

    def then(self, commitment: bytes) -> "Head":
        """After one more line."""
        return Head(self.lines + 1, next_hash(self.hash, commitment))


# --- an export --------------------------------------------------------------------------------------------------------

Record = Mapping[str, object]
"""One JSON object of an export."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first record of an export: whose ledger it is, how far it goes, and the member's signature over that."""

    covenant_id: str
    member: str
    covenant_hash: bytes
    exported: int
    """Unix seconds."""
    head: Head
    signature: bytes = b""

    @property
    def statement(self) -> bytes:
        """What the member signs: two exports whose heads lie on no one chain convict it."""
        return (
            prefixed("raakvlak/v1/ledger-export")
            + prefixed(self.covenant_id)
            + prefixed(self.member)
            + prefixed(self.covenant_hash)
            + u64(self.exported)
            + u64(self.head.lines)
            + prefixed(self.head.hash)
        )

    def signed(self, seed: SecretBytes) -> "Header":
        """The same under the member's signing key."""
        return replace(self, signature=publication.sign(seed, self.statement))

    def record(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "covenant": self.covenant_id,
            "member": self.member,
            "covenant_hash": self.covenant_hash.hex(),
            "exported": self.exported,
            "lines": self.head.lines,
            "head": self.head.hash.hex(),
            "signature": self.signature.hex(),
        }


def parse_header(record: Record) -> Header:
    """The header in the first record; raises Malformed. Its signature is not looked at."""
    where = "the header of the ledger"
    if record.get("format") != FORMAT:
        raise Malformed(f"this is no ledger of the format {FORMAT}")
    texts = [_text(record, name, where) for name in ("covenant", "member")]
    head = Head(_number(record, "lines", where), _hex(record, "head", where, HASH_BYTES))
    hash, exported = _hex(record, "covenant_hash", where, HASH_BYTES), _number(record, "exported", where)
    found = Header(texts[0], texts[1], hash, exported, head, _hex(record, "signature", where, SIGNATURE_BYTES))
    _demand_exact(record, found.record(), where)
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `salt` and `message` are empty where they were destroyed."""

    number: int
    hash: bytes
    commitment: bytes
    salt: bytes = b""
    message: bytes = b""

    def record(self) -> dict[str, object]:
        fixed: dict[str, object] = {"line": self.number, "hash": self.hash.hex(), "commitment": self.commitment.hex()}
        return fixed | ({"salt": self.salt.hex(), "message": self.message.hex()} if self.salt else {})


def parse_line(record: Record, number: int) -> Line:
    """The line in a record, which must be this one; raises Malformed naming it."""
    where = f"line {number} of the ledger"
    if _number(record, "line", where) != number:
        raise Malformed(f"{where}: another line stands in its place")
    found = Line(
        number,
        _hex(record, "hash", where, HASH_BYTES),
        _hex(record, "commitment", where, HASH_BYTES),
        _hex(record, "salt", where, SALT_BYTES) if "salt" in record else b"",
        _hex(record, "message", where) if "message" in record else b"",
    )
    _demand_exact(record, found.record(), where)
    return found


class Verifier:
    """The verdict on an export, a line at a time. Nothing holds before `finish` has returned."""

    def __init__(self, header: Header, covenant_id: str, member: str, signing_key: bytes, earlier: Head | None = None) -> None:
        """`signing_key` is the member's in the covenant; `earlier` the head of an export that was verified before.
        Raises Evidence where the header is not that member's, or the ledger is shorter than it was."""
        if (header.covenant_id, header.member) != (covenant_id, member):
            raise Evidence("the header of the ledger names another member or covenant", party=member)
        if not publication.verified(signing_key, header.statement, header.signature):
            raise Evidence("the header of the ledger does not bear the member's signature", party=member)
        if earlier is not None and earlier.lines > header.head.lines:
            raise Evidence(
                f"the ledger has {header.head.lines} lines and had {earlier.lines} in the earlier export: it was restored "
                "from a backup, or rewritten",
                party=member,
            )
        self._header = header
        self._earlier = earlier
        self._head = Head.begin(covenant_id, member)
        self._compare()

    def take(self, record: Record) -> Line:
        """The next line, when it continues the chain; raises Malformed or Evidence naming it. `message`, where there is
        one, can be parsed."""
        number = self._head.lines + 1
        if number > self._header.head.lines:
            raise self._wrong(number, "stands behind the ledger's end")
        line = parse_line(record, number)
        if line.salt:
            if commitment(line.salt, line.message) != line.commitment:
                raise self._wrong(number, "the message is not the one that the line commits to")
            try:
                parse_message(line.message)
            except Malformed as error:
                raise Malformed(f"line {number} of the ledger: {error.message}") from None
        following = self._head.then(line.commitment)
        if following.hash != line.hash:
            raise self._wrong(number, "does not follow on the lines before it: it, or one of them, was changed")
        self._head = following
        self._compare()
        return line

    def finish(self) -> None:
        """Returns when all lines have come, and end where the member said; raises Evidence otherwise."""
        if self._head.lines < self._header.head.lines:
            raise self._wrong(self._head.lines + 1, "is missing: the ledger ends before it")
        if self._head != self._header.head:
            raise self._wrong(self._head.lines, "is not the last one that the member signed for")

    def _compare(self) -> None:
        if self._earlier is not None and self._head.lines == self._earlier.lines and self._head != self._earlier:
            raise self._wrong(
                self._head.lines, "or one before it differs from the earlier export: the node was restored, or rewrote it"
            )

    def _wrong(self, number: int, what: str) -> Evidence:
        return Evidence(f"line {number} of the ledger: {what}", party=self._header.member)


def verify(
    records: Iterable[Record], covenant_id: str, member: str, signing_key: bytes, earlier: Head | None = None
) -> Iterator[Line]:
    """The lines of a whole export as they are verified; the verdict stands when the last one has been taken.

    Raises as Verifier does, naming the first wrong line.
    """
    each = iter(records)
    first = next(each, None)
    if first is None:
        raise Malformed("the ledger is empty: not even its header is there")
    verifier = Verifier(parse_header(first), covenant_id, member, signing_key, earlier)
    yield from map(verifier.take, each)
    verifier.finish()


def encode_record(record: Record) -> bytes:
    """A record as it stands in a file: one line of ASCII JSON without spaces, its names in the order given."""
    return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"


def parse_records(raw: Iterable[bytes]) -> Iterator[Record]:
    """The records in the lines of a file, each with its line end; raises Malformed where one is not exactly as
    `encode_record` writes it."""
    for number, each in enumerate(raw):
        where = f"line {number} of the ledger" if number else "the header of the ledger"
        try:
            found = json.loads(each)
            exact = isinstance(found, dict) and encode_record(found) == each
        except (ValueError, RecursionError):
            exact = False
        if not exact:
            raise Malformed(f"{where}: not one JSON object, written as an export writes it")
        yield found


def _text(record: Record, name: str, where: str) -> str:
    found = record.get(name)
    if not isinstance(found, str) or not found.isascii():
        raise Malformed(f"{where}: {name} is no text")
    return found


def _number(record: Record, name: str, where: str) -> int:
    found = record.get(name)
    if type(found) is not int or not 0 <= found < 2**63:
        raise Malformed(f"{where}: {name} is no number")
    return found


def _hex(record: Record, name: str, where: str, size: int | None = None) -> bytes:
    found = record.get(name)
    if isinstance(found, str):
        try:
            raw = bytes.fromhex(found)
        except ValueError:
            raw = b""
        if raw and raw.hex() == found and size in (None, len(raw)):
            return raw
    raise Malformed(f"{where}: {name} is not the hex that stands there")


def _demand_exact(record: Record, expected: Record, where: str) -> None:
    """Also the order of the names, which is the file's."""
    if list(record.items()) != list(expected.items()):
        raise Malformed(f"{where}: it holds something that this version does not know")
