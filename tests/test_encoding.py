"""Fixed layouts never run into each other, and a message with anything unknown in it is refused."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st

from raakvlak_protocol import contract
from raakvlak_protocol.encoding import parse, prefixed, u8, u16, u32, u64
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.v1 import covenant_pb2, letter_pb2

SOME = settings(deadline=None)

UNKNOWN = b"\xf8\xff\xff\xff\x0f\x01"  # the highest field number, a varint
MESSAGES = list(contract.messages())
VALUES: dict[int, object] = {
    FieldDescriptor.TYPE_BOOL: True,
    FieldDescriptor.TYPE_BYTES: b"\0\xff",
    FieldDescriptor.TYPE_STRING: "text",
    FieldDescriptor.TYPE_UINT32: 2**32 - 1,
    FieldDescriptor.TYPE_UINT64: 2**64 - 1,
    FieldDescriptor.TYPE_ENUM: 1,
}

parts = st.lists(st.binary(max_size=20), max_size=5)


@SOME
@given(parts, parts)
def test_prefixed_parts_never_run_into_each_other(one: list[bytes], other: list[bytes]) -> None:
    same = b"".join(map(prefixed, one)) == b"".join(map(prefixed, other))
    assert same is (one == other)


@SOME
@given(st.binary(max_size=300))
def test_prefixed_is_the_length_and_the_part(part: bytes) -> None:
    assert prefixed(part) == len(part).to_bytes(2, "big") + part


@SOME
@given(st.text(max_size=50))
def test_text_counts_in_bytes_of_utf8(text: str) -> None:
    assert prefixed(text) == prefixed(text.encode())


def test_the_longest_part() -> None:
    assert len(prefixed(bytes(2**16 - 1))) == 2**16 + 1
    with pytest.raises(OverflowError):
        prefixed(bytes(2**16))


@pytest.mark.parametrize(("number", "size"), [(u8, 1), (u16, 2), (u32, 4), (u64, 8)])
def test_numbers_are_big_endian_and_never_cut(number: Any, size: int) -> None:
    assert number(1) == bytes(size - 1) + b"\x01"
    assert number(256**size - 1) == b"\xff" * size
    for outside in (-1, 256**size):
        with pytest.raises(OverflowError):
            number(outside)


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: str(kind.name))
def test_a_message_with_every_field_is_read_back(kind: Descriptor) -> None:
    full = filled(kind)
    assert parse(type(full), full.SerializeToString()) == full


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: str(kind.name))
def test_an_unknown_field_is_refused_at_any_depth(kind: Descriptor) -> None:
    full = filled(kind)
    for place in range(sum(1 for _ in everything_in(full))):
        spoilt = filled(kind)
        next(islice(everything_in(spoilt), place, None)).MergeFromString(UNKNOWN)
        with pytest.raises(Malformed, match="does not know"):
            parse(type(spoilt), spoilt.SerializeToString())


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: str(kind.name))
def test_an_unknown_field_is_refused_alone(kind: Descriptor) -> None:
    with pytest.raises(Malformed, match="does not know"):
        parse(GetMessageClass(kind), UNKNOWN)


@SOME
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed(raw: bytes) -> None:
    for message in (covenant_pb2.CovenantHistory, covenant_pb2.Covenant, letter_pb2.LetterContent):
        try:
            parse(message, raw)
        except Malformed as error:
            assert error.__cause__ is None
            assert error.__suppress_context__ or error.__context__ is None


def filled(kind: Descriptor) -> Message:
    """A message in which every field is set; of a oneof the last one."""
    message = GetMessageClass(kind)()
    for field in kind.fields:
        if field.message_type is None:
            value = VALUES[field.type]
            setattr(message, field.name, value) if not field.is_repeated else getattr(message, field.name).append(value)
        elif field.is_repeated:
            getattr(message, field.name).append(filled(field.message_type))
        else:
            getattr(message, field.name).CopyFrom(filled(field.message_type))
    return message


def everything_in(message: Message) -> Iterator[Message]:
    """The message and every one within it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else (value,):
                yield from everything_in(inner)
