"""Evidence by a third party's eyes: only the log's key is needed, and no changed byte convicts."""

import json
from collections.abc import Iterator
from typing import Final

import nacl.utils
import pytest

from raakvlak_protocol import checkpoint as checkpoints
from raakvlak_protocol import entry, evidence, merkle, receipt
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.evidence import BadReceipt, Document, Expected, Opening, RemovedUnasked, Unverifiable, WrongOpening
from raakvlak_protocol.merkle import leaf_hash
from raakvlak_protocol.note import ED25519, NoteKey, key_of
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.receipt import Receipt
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.tile import TiledLog
from tests.attacks.lying_log import Forged, replaced

ORIGIN: Final = "index.index.zeeland.raakvlak"
SEED: Final = SecretBytes(bytes(range(32)))
KEY: Final = key_of(ORIGIN, ED25519, SEED)
MONTH: Final = 300


def entries(count: int) -> list[bytes]:
    return [entry.removed(position) for position in range(count)]


def log(leaves: list[bytes]) -> Forged:
    return Forged(leaves, ORIGIN, SEED)


def tiles(of: Forged) -> TiledLog:
    return TiledLog(of, len(of.entries))


def rewritten(old_size: int, size: int, changed: int) -> Document:
    """The log of `size` leaves, in which one is another than when it had `old_size`."""
    old, new = log(entries(old_size)), log(replaced(entries(size), changed, entry.removed(10**6)))
    return evidence.rewritten(old.note, new.note, tiles(new), KEY)


def promise(first: int, leaves: list[bytes], *, signed: bool = True) -> tuple[Receipt, bytes]:
    made = Receipt("zeeland", "school", 1, 7, bytes(32), first, len(leaves), receipt.hash_of(leaves))
    return made, receipt.sign(made, SEED) if signed else bytes(64)


def broken(first: int, count: int, size: int) -> Document:
    """A promise of leaves of which the last is another in the log."""
    kept = log(entries(size))
    made, signature = promise(first, [*kept.entries[first : first + count - 1], entry.removed(10**6)])
    return evidence.broken_receipt(made, signature, kept.note, tiles(kept), KEY)


def wrong_opening(size: int = 5) -> WrongOpening:
    of = log(entries(size))
    proof = tuple(tiles(of).tree.inclusion_proof(3))
    expected = Expected(3, MONTH, MONTH, Visibility.DIRECT)
    opening = Opening(3, bytes(32), bytes(16), MONTH, Visibility.DIRECT)
    return WrongOpening("school", 1, bytes(16), expected, opening, of.note, of.entries[3], proof)


def removed_unasked(position: int = 3, place: int = 3) -> RemovedUnasked:
    of = log(entries(5))
    return RemovedUnasked("school", position, MONTH, place, of.note, tuple(tiles(of).tree.inclusion_proof(place)))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8, 13, 300])
def test_two_histories_convict_at_every_pair_of_sizes(size: int) -> None:
    for old_size in range(1, min(size, 40) + 1):
        for changed in {0, old_size // 2, old_size - 1}:
            found = evidence.check(evidence.encode(rewritten(old_size, size, changed)), KEY)
            assert found.convicts
            assert found.numbers == {"old_size": old_size, "size": size}


def test_a_log_that_goes_on_is_no_evidence() -> None:
    for old_size in range(13):
        with pytest.raises(Malformed):
            evidence.rewritten(log(entries(old_size)).note, log(entries(12)).note, tiles(log(entries(12))), KEY)


def test_a_root_signed_for_an_empty_log_convicts() -> None:
    empty = checkpoints.sign(Checkpoint(ORIGIN, 0, bytes(32)), SEED)
    of = log(entries(3))
    assert evidence.check(evidence.encode(evidence.rewritten(empty, of.note, tiles(of), KEY)), KEY).convicts


def test_changed_tiles_convict_nobody() -> None:
    """Whoever stands between the log and its reader could otherwise make evidence."""
    old, new = log(entries(5)), log(entries(12))
    served = log(replaced(entries(12), 2, entry.removed(10**6)))
    with pytest.raises((Evidence, Malformed)):
        evidence.rewritten(old.note, new.note, tiles(served), KEY)
    made, signature = promise(2, entries(12)[2:4])
    with pytest.raises((Evidence, Malformed)):
        evidence.broken_receipt(made, signature, new.note, tiles(served), KEY)


@pytest.mark.parametrize(("first", "count", "size"), [(0, 1, 1), (0, 8, 8), (3, 1, 9), (3, 9, 20), (255, 3, 300), (1, 7, 8)])
def test_a_broken_promise_convicts(first: int, count: int, size: int) -> None:
    found = evidence.check(evidence.encode(broken(first, count, size)), KEY)
    assert found.convicts
    assert found.numbers == {"first_position": first, "count": count, "size": size}


def test_a_promise_that_is_kept_or_not_due_is_no_evidence() -> None:
    of = log(entries(9))
    for first, leaves in ((3, entries(9)[3:6]), (8, [entry.removed(1), entry.removed(2)])):
        made, signature = promise(first, leaves)
        with pytest.raises(Malformed):
            evidence.broken_receipt(made, signature, of.note, tiles(of), KEY)


def test_nobody_is_convicted_by_a_receipt_that_is_not_signed_or_of_other_removals() -> None:
    made, signature = promise(3, entries(2), signed=False)
    unsigned = evidence.check(evidence.encode(BadReceipt(made, signature)), KEY)
    made, signature = promise(3, [entry.removed(8)])
    other = evidence.check(evidence.encode(BadReceipt(made, signature, (9,))), KEY)
    assert not unsigned.convicts
    assert not other.convicts
    with pytest.raises(Malformed, match="shows nothing"):
        evidence.check(evidence.encode(BadReceipt(made, signature, (8,))), KEY)


def test_an_opening_convicts_nobody() -> None:
    made = wrong_opening()
    found = evidence.check(evidence.encode(made), KEY)
    assert "does not open the leaf" in found.shows
    assert not found.convicts
    right = Opening(3, bytes(32), bytes(16), MONTH, Visibility.DIRECT)
    leaves = replaced(entries(5), 3, right.leaf("school", 1))
    of = log(leaves)
    proof = tuple(tiles(of).tree.inclusion_proof(3))
    fits = WrongOpening("school", 1, bytes(16), made.expected, right, of.note, leaves[3], proof)
    with pytest.raises(Malformed, match="shows nothing"):
        evidence.check(evidence.encode(fits), KEY)


def test_a_removal_convicts_nobody_and_must_stand_in_the_log() -> None:
    found = evidence.check(evidence.encode(removed_unasked()), KEY)
    assert not found.convicts
    assert found.numbers == {"position": 3, "place": 3, "size": 5}
    for wrong in (removed_unasked(position=2), removed_unasked(place=2)):
        with pytest.raises(Malformed, match="shows nothing"):
            evidence.check(evidence.encode(wrong), KEY)


def test_a_receipt_of_another_covenant_convicts_nobody_though_one_key_signs_in_both() -> None:
    of, promised = log(entries(5)), [entry.removed(10**6)]
    for covenant in ("friesland", "raakvlak", "index.zeeland", ""):
        made = Receipt(covenant, "school", 1, 7, bytes(32), 3, 1, receipt.hash_of(promised))
        signature = receipt.sign(made, SEED)
        with pytest.raises(Evidence):
            receipt.verify(made, signature, KEY)
        with pytest.raises(Evidence):
            evidence.broken_receipt(made, signature, of.note, tiles(of), KEY)


def test_what_did_not_fit_convicts_nobody() -> None:
    for received in (b"", b"nonsense", log(entries(3)).note):
        assert not evidence.check(evidence.encode(Unverifiable(received, "the tiles differ")), KEY).convicts


def test_another_logs_key_is_not_convicted() -> None:
    other = NoteKey(ORIGIN, ED25519, key_of(ORIGIN, ED25519, SecretBytes(nacl.utils.random(32))).public_key)
    for document in (rewritten(5, 12, 2), broken(3, 4, 9)):
        with pytest.raises(Malformed):
            evidence.check(evidence.encode(document), other)


def changes(raw: bytes) -> Iterator[bytes]:
    """Every byte in three other ways, cut off at every place of the last hundred, and one byte too many."""
    for place in range(len(raw)):
        for changed in (raw[place] ^ 1, raw[place] ^ 0x20, raw[place] ^ 0x80):
            yield raw[:place] + bytes([changed]) + raw[place + 1 :]
    for end in range(len(raw) - 100, len(raw)):
        yield raw[:end]
    yield raw + b"\n"


@pytest.mark.parametrize(
    "document", [rewritten(5, 6, 1), rewritten(4, 4, 1), broken(3, 3, 8)], ids=["longer", "same", "receipt"]
)
def test_no_changed_byte_convicts(document: Document) -> None:
    raw = evidence.encode(document)
    assert evidence.check(raw, KEY).convicts
    for changed in changes(raw):
        with pytest.raises(Malformed):
            evidence.check(changed, KEY)


def test_no_changed_byte_of_the_others_convicts_or_breaks_the_reader() -> None:
    made, signature = promise(3, entries(2), signed=False)
    for document in (
        BadReceipt(made, signature),
        wrong_opening(),
        removed_unasked(),
        Unverifiable(log(entries(3)).note, "differs"),
    ):
        for changed in changes(evidence.encode(document)):
            try:
                assert not evidence.check(changed, KEY).convicts
            except Malformed:
                continue


def test_another_writing_of_the_same_is_refused() -> None:
    raw = evidence.encode(rewritten(5, 6, 1))
    content = json.loads(raw)
    for changed in (
        json.dumps(content).encode(),
        json.dumps({**content, "more": 1}, indent=1).encode() + b"\n",
        raw.upper(),
        raw[:-1],
        b"\xef\xbb\xbf" + raw,
        b"[" * 100_000,
        b'{"format": ' + b"9" * 5000 + b"}",
    ):
        with pytest.raises(Malformed):
            evidence.check(changed, KEY)


def test_hashes_of_the_test_logs_are_those_of_the_protocol() -> None:
    of = log(entries(700))
    assert tiles(of).tree.root() == merkle.root(map(leaf_hash, of.entries))
