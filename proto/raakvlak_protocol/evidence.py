"""Evidence: what was kept when the log, or the index that writes it, broke its word. A file that whoever holds the
covenant can check, without trusting the one who kept it or the one whom it accuses (PROTOCOL §17).

    convicts by itself (signatures of the log's key that can't both be honest)
      rewritten         two checkpoints, of which the later does not begin with the earlier
      broken_receipt    a receipt, and a checkpoint under which other leaves stand at the positions that it promised
    shows what one side says that it received, and convicts nobody
      bad_receipt       a receipt that is not signed, or promises other removals than were asked for
      wrong_opening     a row of the member's that is not there, or opens to something else than what it published
      removed_unasked   a removal in the log of a row that the member says it had neither withdrawn nor let lapse
      unverifiable      an answer that does not fit what was signed: it may have been changed on its way, or on a disk

A document is JSON in exactly one writing; bytes are lower-case hex. A convicting one holds nothing that is not signed or
proven, so that a changed byte either makes it unreadable or takes its force away.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from raakvlak_protocol import checkpoint, entry, merkle, note, receipt, tile
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.entry import SALT_BYTES
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.identity import checked_id
from raakvlak_protocol.merkle import EMPTY_ROOT
from raakvlak_protocol.note import Note, NoteKey
from raakvlak_protocol.receipt import Receipt
from raakvlak_protocol.tile import MAX_ENTRY_BYTES, TiledLog

FORMAT: Final = "raakvlak-evidence/1"
MAX_DOCUMENT_BYTES: Final = 16 * 2**20
"""Larger than what a request of the most items makes."""
DIGEST_BYTES: Final = 16
MAX_TEXT: Final = 1000
"""Characters of what a reader of the log says was wrong."""
MAX_MONTH: Final = 2**16 - 1
MAX_EPOCH: Final = 2**32 - 1
MAX_COUNT: Final = 2**32 - 1
MAX_VISIBILITY: Final = 2**8 - 1

_Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a document shows. Only where `convicts` is it certain who broke the protocol: the holder of the log's key."""

    kind: str
    convicts: bool
    shows: str
    not_shown: str
    """What it does not prove."""
    numbers: Mapping[str, int]
    """Sizes and positions that it is about, for a report."""


class Document(Protocol):
    """One kind of evidence. `finding` raises Malformed where what it holds shows nothing."""

    kind: ClassVar[str]

    def record(self) -> _Json: ...

    def finding(self, log_key: NoteKey) -> Finding: ...


def encode(document: Document) -> bytes:
    """The file's content."""
    return json.dumps({"format": FORMAT, "kind": document.kind, **document.record()}, indent=1).encode() + b"\n"


def read(raw: bytes) -> Document:
    """The document in a file; raises Malformed for anything that `encode` would not write so, byte for byte."""
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise Malformed(f"a file of evidence has at most {MAX_DOCUMENT_BYTES} bytes")
    try:
        content = _Fields(json.loads(raw))
        if content.text("format") != FORMAT:
            raise Malformed(f"this is no evidence of the form {FORMAT}", field="format")
        kind = content.text("kind")
        if kind not in _READERS:
            raise Malformed("this is evidence of no kind that this version knows: a newer one may", field="kind")
        document = _READERS[kind](content)
    except (ValueError, RecursionError):
        raise Malformed("this is no evidence: it is not readable as JSON") from None
    if encode(document) != raw:
        raise Malformed("this evidence is not written in the one way in which it is made: it was changed")
    return document


def check(raw: bytes, log_key: NoteKey) -> Finding:
    """What a file shows to one who knows the log's key from the covenant; raises Malformed where it shows nothing."""
    try:
        return read(raw).finding(log_key)
    except Evidence as error:
        raise Malformed(f"this shows nothing: {error.message}") from None


# --- two histories ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """The hash over a complete subtree of the later tree, and its inclusion proof there."""

    hash: bytes
    proof: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Two notes that the log has signed. `parts` are the subtrees of the later tree that make up the leaves of the
    earlier one, the first first; none where both have one size."""

    kind: ClassVar[str] = "rewritten"
    old: bytes
    new: bytes
    parts: Sequence[Part] = ()

    def record(self) -> _Json:
        parts = [{"hash": each.hash.hex(), "proof": _hex(each.proof)} for each in self.parts]
        return {"old": self.old.decode(), "new": self.new.decode(), "parts": parts}

    @classmethod
    def read(cls, content: "_Fields") -> "Rewritten":
        parts = [Part(each.raw("hash"), each.hashes("proof")) for each in content.inners("parts")]
        return cls(content.text("old").encode(), content.text("new").encode(), tuple(parts))

    def finding(self, log_key: NoteKey) -> Finding:
        old, new = _signed_alone(self.old, log_key), _signed_alone(self.new, log_key)
        if old.size > new.size:
            raise Malformed("the earlier of two checkpoints stands first")
        if self._beginning(old, new) == old.root:
            raise Malformed("this shows nothing: the later checkpoint begins with the earlier one")
        return Finding(
            self.kind,
            True,
            f"the log's key has signed two histories: what it signed for {old.size} entries is not how what it signed for "
            f"{new.size} entries begins",
            "which of the two histories is the true one, and whether its holder did it or somebody who stole the key",
            {"old_size": old.size, "size": new.size},
        )

    def _beginning(self, old: Checkpoint, new: Checkpoint) -> bytes:
        """The root over the first `old.size` leaves of the later tree."""
        subtrees = list(tile.subtrees(0, old.size)) if old.size < new.size else []
        if len(subtrees) != len(self.parts):
            raise Malformed("this evidence holds more or fewer subtrees than make up the earlier tree", field="parts")
        if old.size == new.size:
            return new.root
        for (position, height), part in zip(subtrees, self.parts, strict=True):
            _demand_subtree(part.hash, position, height, new, part.proof)
        return _folded([part.hash for part in self.parts])


def rewritten(old: bytes, new: bytes, log: TiledLog, log_key: NoteKey) -> Rewritten:
    """From two notes and the tiles under the later one. Raises Evidence or Malformed where the tiles do not bear it out:
    then they are what is wrong, and nobody is convicted."""
    earlier, later = checkpoint.verify(old, log_key), checkpoint.verify(new, log_key)
    subtrees = list(tile.subtrees(0, earlier.size)) if earlier.size < later.size else []
    parts = [
        Part(log.subtree(height, position >> height), _subtree_proof(log, position, height)) for position, height in subtrees
    ]
    made = Rewritten(alone(old, log_key), alone(new, log_key), parts)
    made.finding(log_key)
    return made


# --- promises ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BrokenReceipt:
    """A signed promise, a checkpoint that reaches behind its positions, and the leaves that stand there. `proofs` are
    the inclusion proofs of the complete subtrees that these leaves make up, in order."""

    kind: ClassVar[str] = "broken_receipt"
    receipt: Receipt
    signature: bytes
    checkpoint: bytes
    entries: Sequence[bytes]
    proofs: Sequence[Sequence[bytes]]

    def record(self) -> _Json:
        return {
            "receipt": _receipt_record(self.receipt),
            "signature": self.signature.hex(),
            "checkpoint": self.checkpoint.decode(),
            "entries": _hex(self.entries),
            "proofs": [_hex(each) for each in self.proofs],
        }

    @classmethod
    def read(cls, content: "_Fields") -> "BrokenReceipt":
        return cls(
            _read_receipt(content.inner("receipt")),
            content.raw("signature"),
            content.text("checkpoint").encode(),
            content.hashes("entries"),
            tuple(_byte_list(each, "proofs") for each in content.items("proofs")),
        )

    def finding(self, log_key: NoteKey) -> Finding:
        receipt.verify(self.receipt, self.signature, log_key)
        signed = _signed_alone(self.checkpoint, log_key)
        first, count = self.receipt.first_position, self.receipt.count
        if not 1 <= count == len(self.entries) or first + count > signed.size:
            raise Malformed("this shows nothing: the checkpoint does not reach behind all that was promised")
        if any(not 1 <= len(each) <= MAX_ENTRY_BYTES for each in self.entries):
            raise Malformed("a leaf of this evidence has an impossible length", field="entries")
        subtrees = list(tile.subtrees(first, first + count))
        if len(subtrees) != len(self.proofs):
            raise Malformed("this evidence holds more or fewer proofs than its leaves need", field="proofs")
        for (position, height), proof in zip(subtrees, self.proofs, strict=True):
            leaves = self.entries[position - first : position - first + (1 << height)]
            _demand_subtree(merkle.root(map(merkle.leaf_hash, leaves)), position, height, signed, proof)
        if receipt.hash_of(self.entries) == self.receipt.entries_hash:
            raise Malformed("this shows nothing: what was promised stands in the log")
        return Finding(
            self.kind,
            True,
            f"the log's key has signed a receipt to member {self.receipt.member} for {count} entries from position {first} "
            f"on, and a checkpoint of {signed.size} entries under which other entries stand there",
            "what the member had asked for, and whether the key's holder did it or somebody who stole the key. An index that "
            "was restored from a backup, after a write that it had acknowledged and not yet published, looks the same: its "
            "operator has to explain it",
            {"first_position": first, "count": count, "size": signed.size},
        )


def broken_receipt(promise: Receipt, signature: bytes, note: bytes, log: TiledLog, log_key: NoteKey) -> BrokenReceipt:
    """From a receipt, a checkpoint's note and the tiles under it. Raises as `rewritten` where they don't bear it out."""
    first, last = promise.first_position, promise.first_position + promise.count
    if last > log.size:
        raise Malformed(f"what was promised is not due yet: the log has {log.size} entries, and it begins at {first}")
    proofs = [_subtree_proof(log, position, height) for position, height in tile.subtrees(first, last)]
    made = BrokenReceipt(promise, signature, alone(note, log_key), tuple(log.entries(first, last)), proofs)
    made.finding(log_key)
    return made


@dataclass(frozen=True, slots=True)
class BadReceipt:
    """A receipt as the member expected it, with what came of it from the index. `removed` are the positions whose removal
    the member had asked for and been told of; empty where that is not what is wrong."""

    kind: ClassVar[str] = "bad_receipt"
    receipt: Receipt
    signature: bytes
    removed: Sequence[int] = ()

    def record(self) -> _Json:
        promise = _receipt_record(self.receipt)
        return {"receipt": promise, "signature": self.signature.hex(), "removed": list(self.removed)}

    @classmethod
    def read(cls, content: "_Fields") -> "BadReceipt":
        removed = tuple(_number(each, "removed") for each in content.items("removed"))
        return cls(_read_receipt(content.inner("receipt")), content.raw("signature"), removed)

    def finding(self, log_key: NoteKey) -> Finding:
        numbers = {"first_position": self.receipt.first_position, "count": self.receipt.count}
        try:
            receipt.verify(self.receipt, self.signature, log_key)
        except Evidence:
            return Finding(
                self.kind,
                False,
                f"a receipt that member {self.receipt.member} says it was given does not bear the signature of the log",
                "that the index sent it: without a signature anybody can have made it",
                numbers,
            )
        if receipt.hash_of([entry.removed(each) for each in self.removed]) == self.receipt.entries_hash:
            raise Malformed("this shows nothing: the receipt promises what was asked for")
        if len(self.removed) != self.receipt.count:
            raise Malformed("this shows nothing: nobody can tell from it what should have been promised")
        return Finding(
            self.kind,
            False,
            f"the log has signed a receipt to member {self.receipt.member} for other removals than the member says it had "
            "asked for",
            "that the member asked for these: which row stands at which position only the two of them know",
            numbers,
        )


# --- openings ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opening:
    """What the index says opens the leaf of a row. The digest is its name for a token, which nobody else can check."""

    position: int
    salt: bytes
    digest: bytes
    removal_month: int
    visibility: int

    def leaf(self, member: str, epoch: int) -> bytes:
        return entry.published(self.salt, entry.record(member, epoch, self.removal_month, self.visibility, self.digest))


@dataclass(frozen=True, slots=True)
class Expected:
    """What a member holds about a row of its own: `position` where it was promised one, and the months between which the
    row may be removed (months since 2000-01; one month where that was promised too)."""

    position: int | None
    earliest_month: int
    latest_month: int
    visibility: int

    def promise_broken(self, opening: Opening | None) -> str:
        """In which way an opening is not what was promised; empty where it is, as far as it shows without the log."""
        if opening is None:
            return "the index has no row where the member believes one to stand"
        if len(opening.salt) != SALT_BYTES or len(opening.digest) != DIGEST_BYTES:
            return "salt or digest of the opening has an impossible length"
        if self.position is not None and opening.position != self.position:
            return f"the opening is for position {opening.position}, and {self.position} was promised"
        if not self.earliest_month <= opening.removal_month <= self.latest_month:
            return "the row is to be removed in another month than was promised and the covenant allows"
        if opening.visibility != self.visibility:
            return "the row is visible in another way than was asked for"
        return ""


@dataclass(frozen=True, slots=True)
class WrongOpening:
    """A row as the member knows it, the opening that it got (None: an empty one), and the leaf at that position with its
    inclusion proof under a checkpoint. No leaf is needed where the opening is wrong without it."""

    kind: ClassVar[str] = "wrong_opening"
    member: str
    epoch: int
    reference: bytes
    expected: Expected
    opening: Opening | None
    checkpoint: bytes
    entry: bytes = b""
    proof: Sequence[bytes] = ()

    def record(self) -> _Json:
        return {
            "member": self.member,
            "epoch": self.epoch,
            "reference": self.reference.hex(),
            "expected": {
                "position": self.expected.position,
                "earliest_month": self.expected.earliest_month,
                "latest_month": self.expected.latest_month,
                "visibility": self.expected.visibility,
            },
            "opening": None
            if self.opening is None
            else {
                "position": self.opening.position,
                "salt": self.opening.salt.hex(),
                "digest": self.opening.digest.hex(),
                "removal_month": self.opening.removal_month,
                "visibility": self.opening.visibility,
            },
            "checkpoint": self.checkpoint.decode(),
            "entry": self.entry.hex(),
            "proof": _hex(self.proof),
        }

    @classmethod
    def read(cls, content: "_Fields") -> "WrongOpening":
        expected = content.inner("expected")
        position = None if expected.value("position") is None else expected.number("position")
        months = expected.number("earliest_month", MAX_MONTH), expected.number("latest_month", MAX_MONTH)
        return cls(
            checked_id(content.text("member")),
            content.number("epoch", MAX_EPOCH),
            content.raw("reference"),
            Expected(position, *months, expected.number("visibility", MAX_VISIBILITY)),
            None if content.value("opening") is None else _read_opening(content.inner("opening")),
            content.text("checkpoint").encode(),
            content.raw("entry"),
            content.hashes("proof"),
        )

    def finding(self, log_key: NoteKey) -> Finding:
        signed = _signed_alone(self.checkpoint, log_key)
        wrong = self.expected.promise_broken(self.opening) or self._leaf_differs(signed)
        if not wrong:
            raise Malformed("this shows nothing: the opening is of the leaf that stands in the log")
        position = self.opening.position if self.opening else self.expected.position
        return Finding(
            self.kind,
            False,
            f"member {self.member} says of a row of its own: {wrong}",
            "that the index gave this opening, or promised anything else: openings are not signed",
            {"size": signed.size} | ({} if position is None else {"position": position}),
        )

    def _leaf_differs(self, signed: Checkpoint) -> str:
        opening = self.opening
        if opening is None:
            raise Malformed("this shows nothing: there is no opening")
        merkle.verify_inclusion(merkle.leaf_hash(self.entry), opening.position, signed.size, self.proof, signed.root)
        differs = opening.leaf(self.member, self.epoch) != self.entry
        return f"what the index gave does not open the leaf at position {opening.position} of the log" if differs else ""


@dataclass(frozen=True, slots=True)
class RemovedUnasked:
    """A removal that stands at `place` of the log, with its inclusion proof, of a member's row at `position`. The member
    says that it had not withdrawn that row, and that it was to stand until `removal_month`."""

    kind: ClassVar[str] = "removed_unasked"
    member: str
    position: int
    removal_month: int
    place: int
    checkpoint: bytes
    proof: Sequence[bytes]

    def record(self) -> _Json:
        return {
            "member": self.member,
            "position": self.position,
            "removal_month": self.removal_month,
            "place": self.place,
            "checkpoint": self.checkpoint.decode(),
            "proof": _hex(self.proof),
        }

    @classmethod
    def read(cls, content: "_Fields") -> "RemovedUnasked":
        return cls(
            checked_id(content.text("member")),
            content.number("position"),
            content.number("removal_month", MAX_MONTH),
            content.number("place"),
            content.text("checkpoint").encode(),
            content.hashes("proof"),
        )

    def finding(self, log_key: NoteKey) -> Finding:
        signed = _signed_alone(self.checkpoint, log_key)
        leaf = merkle.leaf_hash(entry.removed(self.position))
        merkle.verify_inclusion(leaf, self.place, signed.size, self.proof, signed.root)
        return Finding(
            self.kind,
            False,
            f"the log ends the row at position {self.position}, and member {self.member} says that it was its own and that it "
            "had not withdrawn it",
            "whose row it was, and that nobody had asked for this: the index may hold a withdrawal that the member signed. An "
            "index that was restored from a backup marks the rows that it lost as removed, and the member has to reconcile",
            {"position": self.position, "place": self.place, "size": signed.size},
        )


@dataclass(frozen=True, slots=True)
class Unverifiable:
    """An answer that did not fit: the newest checkpoint as it came, and what was wrong, in words of the one who asked."""

    kind: ClassVar[str] = "unverifiable"
    received: bytes
    says: str

    def record(self) -> _Json:
        return {"received": self.received.hex(), "says": self.says}

    @classmethod
    def read(cls, content: "_Fields") -> "Unverifiable":
        says = content.text("says")
        if not says.isprintable() or len(says) > MAX_TEXT:
            raise Malformed(f"what was wrong is told in at most {MAX_TEXT} printable characters", field="says")
        return cls(content.raw("received"), says)

    def finding(self, log_key: NoteKey) -> Finding:
        try:
            size = checkpoint.verify(self.received, log_key).size
            signed = f"the checkpoint that came with it, of {size} entries, is signed by the log"
            numbers = {"size": size}
        except (Malformed, Evidence):
            signed, numbers = "the checkpoint that came with it is not one that the log has signed", {}
        return Finding(
            self.kind,
            False,
            f"somebody who read the log says: {self.says}; {signed}",
            "who is at fault: what was served may have been changed on its way or on a disk",
            numbers,
        )


# --- trees ------------------------------------------------------------------------------------------------------------


def _subtree_proof(log: TiledLog, position: int, height: int) -> Sequence[bytes]:
    """The upper part of the path of any leaf below the subtree."""
    return tuple(log.tree.inclusion_proof(position)[height:])


def _demand_subtree(hash: bytes, position: int, height: int, tree: Checkpoint, proof: Sequence[bytes]) -> None:
    """Returns when the hash is that of the complete subtree under the root; else raises Evidence. Seen from its height on,
    the tree is one whose leaves are the subtrees."""
    merkle.verify_inclusion(hash, position >> height, (tree.size - 1 >> height) + 1, proof, tree.root)


def _folded(hashes: Iterable[bytes]) -> bytes:
    """The root over complete subtrees, the largest first."""
    rest = list(hashes)
    computed = rest.pop() if rest else EMPTY_ROOT
    while rest:
        computed = merkle.node_hash(rest.pop(), computed)
    return computed


# --- notes ------------------------------------------------------------------------------------------------------------


def alone(raw: bytes, log_key: NoteKey) -> bytes:
    """The note with the log's own line only: others could be changed without harm to it."""
    whole = note.parse(raw)
    line = whole.line_of(log_key)
    return Note(whole.text, () if line is None else (line,)).encode()


def _signed_alone(raw: bytes, log_key: NoteKey) -> Checkpoint:
    found = checkpoint.verify(raw, log_key)
    if alone(raw, log_key) != raw:
        raise Malformed("a checkpoint in evidence bears the log's signature and no other line", field="checkpoint")
    return found


# --- reading ----------------------------------------------------------------------------------------------------------


class _Fields:
    """A JSON object that is read strictly; raises Malformed naming the field."""

    def __init__(self, content: object, name: str = "") -> None:
        if not isinstance(content, dict):
            raise Malformed("this evidence holds something else where an object is due", field=name)
        self._content = content

    def value(self, name: str) -> object:
        if name not in self._content:
            raise Malformed(f"this evidence lacks {name}", field=name)
        return self._content[name]

    def text(self, name: str) -> str:
        found = self.value(name)
        if not isinstance(found, str) or any(0xD800 <= ord(each) < 0xE000 for each in found):
            raise Malformed(f"{name} is a text", field=name)
        return found

    def number(self, name: str, most: int = 2**63 - 1) -> int:
        return _number(self.value(name), name, most)

    def raw(self, name: str) -> bytes:
        return _bytes(self.value(name), name)

    def items(self, name: str) -> list[object]:
        found = self.value(name)
        if not isinstance(found, list):
            raise Malformed(f"{name} is a list", field=name)
        return found

    def hashes(self, name: str) -> tuple[bytes, ...]:
        return _byte_list(self.value(name), name)

    def inner(self, name: str) -> "_Fields":
        return _Fields(self.value(name), name)

    def inners(self, name: str) -> "Sequence[_Fields]":
        return [_Fields(each, name) for each in self.items(name)]


def _number(found: object, name: str, most: int = 2**63 - 1) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= most:
        raise Malformed(f"{name} is a number from 0 to {most}", field=name)
    return found


def _bytes(found: object, name: str) -> bytes:
    try:
        return bytes.fromhex(found) if isinstance(found, str) else _no_bytes(name)
    except ValueError:
        return _no_bytes(name)


def _no_bytes(name: str) -> bytes:
    raise Malformed(f"{name} is written in hexadecimal", field=name)


def _byte_list(found: object, name: str) -> tuple[bytes, ...]:
    if not isinstance(found, list):
        raise Malformed(f"{name} is a list", field=name)
    return tuple(_bytes(each, name) for each in found)


def _hex(items: Iterable[bytes]) -> list[str]:
    return [each.hex() for each in items]


def _receipt_record(promise: Receipt) -> _Json:
    return {
        "covenant": promise.covenant_id,
        "member": promise.member,
        "epoch": promise.epoch,
        "sequence": promise.sequence,
        "request_hash": promise.request_hash.hex(),
        "first_position": promise.first_position,
        "count": promise.count,
        "entries_hash": promise.entries_hash.hex(),
    }


def _read_receipt(content: _Fields) -> Receipt:
    hashes = content.raw("request_hash"), content.raw("entries_hash")
    # A bad receipt may hold one that is too long; the layout has room for two bytes of length.
    if max(map(len, hashes)) >= 2**16:
        raise Malformed("a receipt holds no hashes of this length", field="receipt")
    return Receipt(
        checked_id(content.text("covenant")),
        checked_id(content.text("member")),
        content.number("epoch", MAX_EPOCH),
        content.number("sequence"),
        hashes[0],
        content.number("first_position"),
        content.number("count", MAX_COUNT),
        hashes[1],
    )


def _read_opening(content: _Fields) -> Opening:
    return Opening(
        content.number("position"),
        content.raw("salt"),
        content.raw("digest"),
        content.number("removal_month"),
        content.number("visibility"),
    )


_READERS: Final[Mapping[str, Callable[[_Fields], Document]]] = {
    Rewritten.kind: Rewritten.read,
    BrokenReceipt.kind: BrokenReceipt.read,
    BadReceipt.kind: BadReceipt.read,
    WrongOpening.kind: WrongOpening.read,
    RemovedUnasked.kind: RemovedUnasked.read,
    Unverifiable.kind: Unverifiable.read,
}
