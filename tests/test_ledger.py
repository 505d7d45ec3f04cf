"""An exported ledger: what it says is read strictly, and nothing that was changed in it is accepted."""

import hashlib
import io
import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from raakvlak_protocol import ledger
from raakvlak_protocol.errors import Evidence, Malformed, RaakvlakError
from raakvlak_protocol.ledger import Call, Evaluation, Head, Header, Line, Posting, Publication, Withdrawal
from tests.vectors.make_ledger import COVENANT, ERASED, MEMBER, MESSAGES, NOON, SEED, export

Vector = dict[str, Any]
VECTORS: Vector = json.loads((Path(__file__).parents[1] / "proto" / "vectors" / "ledger.json").read_text("ascii"))
KEY = bytes.fromhex(VECTORS["signing_key"])


def verified(records: Iterable[ledger.Record], earlier: Head | None = None) -> list[Line]:
    return list(ledger.verify(records, COVENANT, MEMBER, KEY, earlier))


def file_of(records: Iterable[ledger.Record]) -> bytes:
    return b"".join(map(ledger.encode_record, records))


def read(raw: bytes) -> list[Line]:
    return verified(ledger.parse_records(io.BytesIO(raw)))


def named(line: int) -> str:
    return f"^line {line} of the ledger" if line else "header|format"


def each(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", VECTORS[name], ids=lambda vector: str(vector.get("class") or vector.get("name")))


@each("messages")
def test_a_message(vector: Vector) -> None:
    raw = bytes.fromhex(vector["encoded"])
    message = ledger.parse_message(raw)
    assert type(message).__name__ == vector["name"]
    for name in message.__slots__:
        value = getattr(message, name)
        shown = json.loads(json.dumps(value.hex() if isinstance(value, bytes) else value))
        assert shown == vector[name]
    assert message.encode() == raw


def test_the_messages_by_the_text() -> None:
    """PROTOCOL §13, written a second time."""

    def text(*parts: str) -> bytes:
        return b"".join(struct.pack(">H", len(part)) + part.encode() for part in parts)

    opened, evaluated, published, posted, brought, withdrawn, fetched = VECTORS["messages"]
    raw = bytes.fromhex
    expected = [
        struct.pack(">BQ", 5, opened["time"]) + text("index", "index", opened["path"]) + struct.pack(">IBIQ", 34, 1, 1, 32),
        struct.pack(">BQ", 4, evaluated["time"]) + text("keyholder-1", "bsn") + struct.pack(">II", 7, 3)
        + hashlib.sha256(
            text("raakvlak/v1/evaluate", COVENANT, "bsn") + struct.pack(">IH", 7, 3) + b"\x01" * 96
        ).digest(),
        struct.pack(">BQIQQB", 1, published["time"], 7, 3, 41, 1) + raw(published["token"]),
        struct.pack(">BQQ", 3, posted["time"], 3) + raw(posted["match_id"]) + text("") + struct.pack(">II", 1, 1024)
        + raw(posted["hash"]),
        struct.pack(">BQQ", 3, brought["time"], 3) + raw(brought["match_id"]) + text("coordinator")
        + struct.pack(">II", 1, 4096) + raw(brought["hash"]),
        struct.pack(">BQIQQ", 2, withdrawn["time"], 7, 3, 42) + raw(withdrawn["reference"]),
        struct.pack(">BQ", 5, fetched["time"]) + text("index", "index", "GET /checkpoint") + struct.pack(">IB", 0, 0),
    ]  # fmt: skip
    assert [each["encoded"] for each in VECTORS["messages"]] == [each.hex() for each in expected]


def test_the_chain_by_the_text() -> None:
    def text(*parts: str) -> bytes:
        return b"".join(struct.pack(">H", len(part)) + part.encode() for part in parts)

    hash = hashlib.sha256(text("raakvlak/v1/ledger-begin", COVENANT, MEMBER)).digest()
    assert hash.hex() == VECTORS["begin"]
    for message, salt, line in zip(VECTORS["messages"], VECTORS["salts"], VECTORS["export"][1:], strict=True):
        committed = hashlib.sha256(text("raakvlak/v1/ledger-message") + bytes.fromhex(salt + message["encoded"])).digest()
        hash = hashlib.sha256(text("raakvlak/v1/ledger") + hash + committed).digest()
        assert (line["commitment"], line["hash"]) == (committed.hex(), hash.hex())
    header = VECTORS["export"][0]
    assert (header["lines"], header["head"]) == (len(MESSAGES), hash.hex())


@each("invalid_messages")
def test_a_message_that_is_none(vector: Vector) -> None:
    with pytest.raises(Malformed):
        ledger.parse_message(bytes.fromhex(vector["message"]))


def test_an_export_that_holds() -> None:
    lines = verified(VECTORS["export"])
    assert [ledger.parse_message(line.message) for line in lines if line.message] == [
        message for place, message in enumerate(MESSAGES, 1) if place != ERASED
    ]
    assert read(file_of(VECTORS["export"])) == lines
    assert verified(export(0)) == []


@each("invalid_exports")
def test_an_export_that_must_be_refused(vector: Vector) -> None:
    with pytest.raises((Malformed, Evidence), match="empty" if not vector["export"] else named(vector["line"])):
        verified(vector["export"])


def test_no_byte_of_an_export_can_be_changed() -> None:
    raw = file_of(VECTORS["export"])
    line = 0
    for place, byte in enumerate(raw):
        for mask in (0x01, 0x20, 0x80):
            with pytest.raises((Malformed, Evidence), match=named(line)):
                read(raw[:place] + bytes([byte ^ mask]) + raw[place + 1 :])
        line += byte == ord("\n")


def test_a_file_that_breaks_off_is_found() -> None:
    raw = file_of(VECTORS["export"])
    for size in range(0, len(raw), 7):
        with pytest.raises((Malformed, Evidence)):
            read(raw[:size])


@pytest.mark.parametrize(
    "text", [b"[1]\n", b"null\n", b"{\n", b"\xff\n", b"[" * 100_000 + b"\n", b'{"a":1,"a":1}\n', b"\n", b'{"a":NaN}']
)
def test_what_is_no_record_is_never_a_traceback(text: bytes) -> None:
    with pytest.raises(RaakvlakError):
        read(text)
    header, rest = file_of(VECTORS["export"][:1]), file_of(VECTORS["export"][1:])
    with pytest.raises(Malformed, match=named(1)):
        read(header + text + rest)


def test_a_ledger_continues_an_earlier_export_or_shows_that_it_does_not() -> None:
    heads = [Head(number, bytes.fromhex(export(number)[0]["head"])) for number in range(len(MESSAGES) + 1)]
    for head in heads:
        verified(VECTORS["export"], head)
        other = Head(head.lines, hashlib.sha256(head.hash).digest())
        with pytest.raises(Evidence, match=f"^line {head.lines} of the ledger: or one before it differs from the earlier"):
            verified(VECTORS["export"], other)
    with pytest.raises(Evidence, match="has 2 lines and had 7 in the earlier export"):
        verified(export(2), heads[-1])


def test_an_export_is_its_member_s_own() -> None:
    for covenant, member, key in ((COVENANT, "town", KEY), ("utrecht", MEMBER, KEY), (COVENANT, MEMBER, bytes(31) + b"\x01")):
        with pytest.raises(Evidence, match="header of the ledger"):
            list(ledger.verify(VECTORS["export"], covenant, member, key))


u8, u32, u64 = (some.integers(0, 2**bits - 1) for bits in (8, 32, 64))
words = some.text(some.characters(min_codepoint=32, max_codepoint=126), max_size=70)
fields = some.dictionaries(u32, u64, max_size=9).map(lambda found: tuple(sorted(found.items())))


def sized(size: int) -> some.SearchStrategy[bytes]:
    return some.binary(min_size=size, max_size=size)


messages: some.SearchStrategy[ledger.Message] = some.one_of(
    some.builds(Publication, u64, u32, u64, u64, u8, sized(32)),
    some.builds(Withdrawal, u64, u32, u64, u64, sized(16)),
    some.builds(Posting, u64, u64, sized(16), words, u32, u32, sized(32)),
    some.builds(Evaluation, u64, words, words, u32, u32, sized(32)),
    some.builds(Call, u64, words, words, words, u32, fields),
)


@given(messages, some.binary(max_size=3))
def test_messages_are_read_as_they_were_written_and_in_no_other_way(message: ledger.Message, more: bytes) -> None:
    raw = message.encode()
    assert ledger.parse_message(raw) == message
    if more:
        with pytest.raises(Malformed):
            ledger.parse_message(raw + more)
    for size in range(len(raw)):
        with pytest.raises(Malformed):
            ledger.parse_message(raw[:size])


@given(some.binary(max_size=120))
def test_whatever_is_read_is_written_the_same(raw: bytes) -> None:
    try:
        message = ledger.parse_message(raw)
    except Malformed:
        return
    assert message.encode() == raw


def records_of(chosen: list[tuple[ledger.Message, bytes, bool]]) -> Iterator[dict[str, object]]:
    """An export; each message has its salt, and may have been erased."""
    head, lines = Head.begin(COVENANT, MEMBER), []
    for message, salt, erased in chosen:
        committed = ledger.commitment(salt, message.encode())
        head = head.then(committed)
        lines.append(Line(head.lines, head.hash, committed, *((b"", b"") if erased else (salt, message.encode()))))
    yield Header(COVENANT, MEMBER, b"c" * 32, NOON, head).signed(SEED).record()
    yield from (line.record() for line in lines)


@given(some.lists(some.tuples(messages, sized(32), some.booleans()), min_size=1, max_size=8), some.data())
def test_any_change_is_found_at_the_first_line_that_is_wrong(
    chosen: list[tuple[ledger.Message, bytes, bool]], data: some.DataObject
) -> None:
    records = list(records_of(chosen))
    assert [bool(line.salt) for line in verified(records)] == [not erased for _, _, erased in chosen]
    count = len(chosen)
    place = data.draw(some.integers(1, count), "line")
    other = data.draw(some.integers(1, count), "other")
    changed, wrong = list(records), place
    match data.draw(some.sampled_from(["flip", "remove", "repeat", "swap"]), "change"):
        case "flip":
            raw = bytearray(file_of(records))
            at = data.draw(some.integers(0, len(raw) - 1), "byte")
            wrong = raw[:at].count(b"\n")
            raw[at] ^= data.draw(some.integers(1, 255), "mask")
            with pytest.raises((Malformed, Evidence), match=named(wrong)):
                read(bytes(raw))
            return
        case "remove":
            del changed[place]
        case "repeat":
            changed.insert(place, records[place])
            wrong = place + 1
        case "swap" if place != other:
            changed[place], changed[other] = changed[other], changed[place]
            wrong = min(place, other)
        case _:
            return
    with pytest.raises((Malformed, Evidence), match=named(wrong)):
        verified(changed)
