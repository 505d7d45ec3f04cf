"""A member's account is read strictly: nothing that was changed in it is accepted, and the first wrong line is named."""

import hashlib
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from raakvlak_protocol import account, ledger
from raakvlak_protocol.account import Ended, Header, Held, Part, Row
from raakvlak_protocol.errors import Evidence, Malformed, RaakvlakError
from raakvlak_protocol.ledger import Head, Line, encode_record
from tests.vectors.make_account import ENDED, HEADER, HELD, ROWS

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "proto" / "vectors" / "account.json").read_text("ascii"))
COVENANT, MEMBER = VECTORS["covenant_id"], VECTORS["member"]
SEED = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTORS["signing_seed"]))
KEY = SEED.public_key().public_bytes_raw()


def read(lines: Iterable[bytes], earlier: Head | None = None) -> list[Part]:
    return list(account.read(lines, COVENANT, {MEMBER: KEY}, earlier))


def lines_of(records: Iterable[dict[str, Any]]) -> list[bytes]:
    return [encode_record(each) for each in records]


def test_an_account_that_holds() -> None:
    parts = read(lines_of(VECTORS["account"]))
    assert [each for each in parts if isinstance(each, (Header, Row, Ended, Held))] == [HEADER, *ROWS, *ENDED, *HELD]
    inner = next(each for each in parts if isinstance(each, ledger.Header))
    assert sum(isinstance(each, Line) for each in parts) == inner.head.lines
    read(lines_of(VECTORS["account"]), inner.head)
    with pytest.raises(Evidence, match="differs from the earlier"):
        read(lines_of(VECTORS["account"]), Head(inner.head.lines, bytes(32)))


def test_the_end_by_the_text() -> None:
    """PROTOCOL §18, written a second time."""

    def part(raw: bytes) -> bytes:
        return struct.pack(">H", len(raw)) + raw

    *before, end = lines_of(VECTORS["account"])
    hash = hashlib.sha256(b"".join(before)).digest()
    signed = b"".join(map(part, (b"raakvlak/v1/account", COVENANT.encode(), MEMBER.encode(), hash)))
    told = json.loads(end)
    assert (told["end"], told["hash"]) == (len(before), hash.hex())
    SEED.public_key().verify(bytes.fromhex(told["signature"]), signed)


def test_the_leaf_that_a_row_opens_by_the_text() -> None:
    row = next(each for each in VECTORS["account"] if each.get("row") == 1)
    record = struct.pack(">H", 18) + b"raakvlak/v1/record" + struct.pack(">H", len(MEMBER)) + MEMBER.encode()
    record += struct.pack(">IHB", row["epoch"], row["removal_month"], row["visibility"]) + bytes.fromhex(row["digest"])
    assert VECTORS["leaf"] == "01" + hashlib.sha256(bytes.fromhex(row["salt"]) + record).hexdigest()


@pytest.mark.parametrize("vector", VECTORS["invalid_accounts"], ids=lambda vector: str(vector["class"]))
def test_an_account_that_must_be_refused(vector: dict[str, Any]) -> None:
    named = f"^line {vector['line']} of the account" if vector["line"] else "of the ledger"
    with pytest.raises((Malformed, Evidence), match=named):
        read(lines_of(vector["account"]))


def test_no_byte_can_be_changed() -> None:
    raw = b"".join(lines_of(VECTORS["account"]))
    for place, byte in enumerate(raw):
        for mask in (0x01, 0x20, 0x80):
            with pytest.raises((Malformed, Evidence)):
                read((raw[:place] + bytes([byte ^ mask]) + raw[place + 1 :]).splitlines(keepends=True))


def test_a_file_that_breaks_off_is_found() -> None:
    raw = b"".join(lines_of(VECTORS["account"]))
    for size in range(0, len(raw), 7):
        with pytest.raises((Malformed, Evidence)):
            read(raw[:size].splitlines(keepends=True))


def test_an_account_is_its_member_s_own() -> None:
    for covenant, keys in (("utrecht", {MEMBER: KEY}), (COVENANT, {"town": KEY}), (COVENANT, {MEMBER: bytes(31) + b"\x01"})):
        with pytest.raises((Malformed, Evidence)):
            list(account.read(lines_of(VECTORS["account"]), covenant, keys))


@pytest.mark.parametrize(
    "text", [b"", b"[1]\n", b"null\n", b"{\n", b"\xff\n", b"[" * 100_000 + b"\n", b'{"a":1,"a":1}\n', b"9" * 5000]
)
def test_what_is_no_record_is_never_a_traceback(text: bytes) -> None:
    with pytest.raises(RaakvlakError, match="line 1 of the account"):
        read([text])
