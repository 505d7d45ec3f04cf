"""Checkpoints and cosignatures: what is signed, byte for byte, and what is not taken for it."""

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from raakvlak_protocol import checkpoint, note
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.note import COSIGNATURE, ED25519, Line
from raakvlak_protocol.secret import SecretBytes

LOG, WITNESS = "index.index.zeeland.raakvlak", "officer.witness.zeeland.raakvlak"
LOG_SEED, WITNESS_SEED = SecretBytes(b"\1" * 32), SecretBytes(b"\2" * 32)
LOG_KEY = note.key_of(LOG, ED25519, LOG_SEED)
WITNESS_KEY = note.key_of(WITNESS, COSIGNATURE, WITNESS_SEED)
ROOT = bytes(range(32))
SIGNED = checkpoint.sign(Checkpoint(LOG, 1234, ROOT), LOG_SEED)
NOW = datetime(2026, 3, 2, 9, 30, 15, 999_999, tzinfo=UTC)
COSIGNED = checkpoint.cosign(SIGNED, WITNESS, WITNESS_SEED, NOW)


def test_the_bytes() -> None:
    text = f"{LOG}\n1234\n{base64.b64encode(ROOT).decode()}\n"
    signature = Ed25519PrivateKey.from_private_bytes(b"\1" * 32).sign(text.encode())
    line = base64.b64encode(LOG_KEY.id + signature).decode()
    assert SIGNED.decode() == f"{text}\n— {LOG} {line}\n"
    assert checkpoint.verify(SIGNED, LOG_KEY) == Checkpoint(LOG, 1234, ROOT)


def test_the_bytes_of_a_cosignature() -> None:
    time = int(NOW.timestamp())
    text = f"cosignature/v1\ntime {time}\n{LOG}\n1234\n{base64.b64encode(ROOT).decode()}\n"
    signature = Ed25519PrivateKey.from_private_bytes(b"\2" * 32).sign(text.encode())
    line = base64.b64encode(WITNESS_KEY.id + time.to_bytes(8, "big") + signature).decode()
    assert SIGNED + f"— {WITNESS} {line}\n".encode() == COSIGNED


def test_a_cosigned_checkpoint_tells_when() -> None:
    assert checkpoint.verify(COSIGNED, LOG_KEY).size == 1234
    assert checkpoint.cosigned(COSIGNED, WITNESS_KEY) == NOW.replace(microsecond=0)
    assert checkpoint.cosigned(SIGNED, WITNESS_KEY) is None


def test_cosigning_again_replaces_the_line() -> None:
    later = NOW.replace(hour=10)
    again = checkpoint.cosign(COSIGNED, WITNESS, WITNESS_SEED, later)
    assert checkpoint.cosigned(again, WITNESS_KEY) == later.replace(microsecond=0)
    assert len(note.parse(again).lines) == 2


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65536, 2**63 - 1])
def test_sizes_come_back(size: int) -> None:
    assert checkpoint.verify(checkpoint.sign(Checkpoint(LOG, size, ROOT), LOG_SEED), LOG_KEY).size == size


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no lines", "\n"),
        ("two lines", f"{LOG}\n1234\n"),
        ("an extension line", f"{LOG}\n1234\n{base64.b64encode(ROOT).decode()}\nmore\n"),
        ("an empty line more", f"{LOG}\n1234\n{base64.b64encode(ROOT).decode()}\n\n"),
        ("no origin", f"\n1234\n{base64.b64encode(ROOT).decode()}\n"),
        ("leading zero", f"{LOG}\n01234\n{base64.b64encode(ROOT).decode()}\n"),
        ("a sign", f"{LOG}\n+1234\n{base64.b64encode(ROOT).decode()}\n"),
        ("negative", f"{LOG}\n-1\n{base64.b64encode(ROOT).decode()}\n"),
        ("underscore", f"{LOG}\n1_234\n{base64.b64encode(ROOT).decode()}\n"),
        ("a blank", f"{LOG}\n1234 \n{base64.b64encode(ROOT).decode()}\n"),
        ("other digits", f"{LOG}\n١٢٣٤\n{base64.b64encode(ROOT).decode()}\n"),
        ("too large", f"{LOG}\n{2**63}\n{base64.b64encode(ROOT).decode()}\n"),
        ("root of 31 bytes", f"{LOG}\n1234\n{base64.b64encode(ROOT[:31]).decode()}\n"),
        ("root of 33 bytes", f"{LOG}\n1234\n{base64.b64encode(ROOT + bytes(1)).decode()}\n"),
        ("no padding", f"{LOG}\n1234\n{base64.b64encode(ROOT).decode().rstrip('=')}\n"),
        ("URL base64", f"{LOG}\n1234\n{base64.urlsafe_b64encode(bytes([255] * 32)).decode()}\n"),
        ("hex", f"{LOG}\n1234\n{ROOT.hex()}\n"),
        ("no newline at the end", f"{LOG}\n1234\n{base64.b64encode(ROOT).decode()}"),
        ("another end than a newline", f"{LOG}\n1234\n{base64.b64encode(ROOT).decode()}x"),
    ],
)
def test_what_is_no_checkpoint(name: str, text: str) -> None:
    with pytest.raises(Malformed):
        Checkpoint.parse(text)
    if text.endswith("\n") and len(text) > 1:
        with pytest.raises(Malformed):
            checkpoint.verify(note.signed(text, LOG, LOG_SEED).encode(), LOG_KEY)


def test_another_log_s_is_no_evidence_against_this_one() -> None:
    other = checkpoint.sign(Checkpoint("index.index.limburg.raakvlak", 1234, ROOT), LOG_SEED)
    with pytest.raises(Malformed, match="another log"):
        checkpoint.verify(other, LOG_KEY)


def test_a_checkpoint_under_another_key_is_evidence() -> None:
    with pytest.raises(Evidence, match="not signed by the key"):
        checkpoint.verify(checkpoint.sign(Checkpoint(LOG, 1234, ROOT), WITNESS_SEED), LOG_KEY)


def test_the_line_of_another_checkpoint_does_not_fit() -> None:
    other = note.parse(checkpoint.sign(Checkpoint(LOG, 1235, ROOT), LOG_SEED))
    with pytest.raises(Evidence):
        checkpoint.verify(replace(other, lines=note.parse(SIGNED).lines).encode(), LOG_KEY)
    cosigned = note.parse(COSIGNED).line_of(WITNESS_KEY)
    assert cosigned is not None
    with pytest.raises(Evidence, match=WITNESS):
        checkpoint.cosigned(other.with_line(cosigned).encode(), WITNESS_KEY)


def test_a_witness_s_plain_signature_is_no_cosignature() -> None:
    """The text is signed, without the time: what an ordinary signature of the same key would be."""
    signature = Ed25519PrivateKey.from_private_bytes(b"\2" * 32).sign(note.parse(SIGNED).text.encode())
    for made in (signature, bytes(8) + signature):
        raw = note.parse(SIGNED).with_line(Line(WITNESS, WITNESS_KEY.id, made)).encode()
        with pytest.raises(Evidence):
            checkpoint.cosigned(raw, WITNESS_KEY)


def test_a_cosignature_of_another_time_is_evidence() -> None:
    line = note.parse(COSIGNED).lines[1]
    moved = replace(line, signature=(int.from_bytes(line.signature[:8], "big") + 1).to_bytes(8, "big") + line.signature[8:])
    with pytest.raises(Evidence):
        checkpoint.cosigned(note.parse(SIGNED).with_line(moved).encode(), WITNESS_KEY)


def test_a_signed_time_outside_any_calendar_is_malformed() -> None:
    for time in (2**64 - 1, 2**40):
        text = f"cosignature/v1\ntime {time}\n{note.parse(SIGNED).text}"
        signature = Ed25519PrivateKey.from_private_bytes(b"\2" * 32).sign(text.encode())
        line = Line(WITNESS, WITNESS_KEY.id, time.to_bytes(8, "big") + signature)
        with pytest.raises(Malformed):
            checkpoint.cosigned(note.parse(SIGNED).with_line(line).encode(), WITNESS_KEY)


def test_the_log_can_not_cosign_for_a_witness() -> None:
    raw = checkpoint.cosign(SIGNED, WITNESS, LOG_SEED, NOW)
    assert checkpoint.cosigned(raw, WITNESS_KEY) is None
