"""Signed notes: one writing for each, and one that Go's own documentation shows."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_protocol import note
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.note import COSIGNATURE, ED25519, MAX_NOTE_BYTES, MAX_SIGNATURES, Line, Note, NoteKey
from raakvlak_protocol.secret import SecretBytes

# The example in the documentation of Go's golang.org/x/mod/sumdb/note.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PROBLEM = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()

SEED = SecretBytes(b"\1" * 32)
KEY = note.key_of("log.example", ED25519, SEED)
SIGNED = note.signed("first\nsecond\n", "log.example", SEED)
LINE = SIGNED.lines[0].text


def test_a_note_that_others_signed() -> None:
    key = NoteKey.parse(NEUMANN)
    assert (key.name, key.id.hex(), key.vkey) == ("PeterNeumann", "c74f20a3", NEUMANN)
    read = note.parse(PROBLEM)
    assert read.verified_by(key)
    assert read.encode() == PROBLEM
    assert not replace(read, text=read.text.replace("your", "my")).verified_by(key)


def test_a_note_comes_back() -> None:
    read = note.parse(SIGNED.encode())
    assert read == SIGNED
    assert read.verified_by(KEY)
    assert list(note.lines_of(read.text)) == ["first", "second"]


@given(st.text(st.characters(codec="utf-8", min_codepoint=0x20, exclude_characters="\x7f") | st.just("\n"), min_size=1))
def test_any_text_comes_back(text: str) -> None:
    read = note.parse(note.signed(text + "\n", "log.example", SEED).encode())
    assert read.text == text + "\n"
    assert read.verified_by(KEY)


@pytest.mark.parametrize("other", ["other key", "other name", "other algorithm"])
def test_a_key_verifies_its_own_line_only(other: str) -> None:
    keys = {
        "other key": note.key_of("log.example", ED25519, SecretBytes(b"\2" * 32)),
        "other name": replace(KEY, name="log.example2"),
        "other algorithm": replace(KEY, algorithm=COSIGNATURE),
    }
    assert SIGNED.line_of(keys[other]) is None
    assert not SIGNED.verified_by(keys[other])
    forged = replace(SIGNED.lines[0], name=keys[other].name, key_id=keys[other].id)
    assert not Note(SIGNED.text, (forged,)).verified_by(keys[other]) or other == "other name"


def test_a_new_line_takes_the_place_of_the_same_key_s() -> None:
    other = Line("witness.example", b"abcd", bytes(72))
    both = SIGNED.with_line(other)
    assert both.lines == (SIGNED.lines[0], other)
    renewed = replace(other, signature=bytes(71) + b"\1")
    assert both.with_line(renewed).lines == (SIGNED.lines[0], renewed)
    assert both.with_line(renewed).verified_by(KEY)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("empty", ""),
        ("no signature", "first\n"),
        ("an empty line and no signature", "first\n\n"),
        ("no text", "\n\n" + LINE),
        ("no text and one newline", "\n" + LINE),
        ("no empty line", "first\n" + LINE),
        ("no newline at the end", "first\n\n" + LINE[:-1]),
        ("an empty line at the end", "first\n\n" + LINE + "\n"),
        ("CR LF", ("first\n\n" + LINE).replace("\n", "\r\n")),
        ("CR in the text", "first\r\n\n" + LINE),
        ("NUL in the text", "fi\0rst\n\n" + LINE),
        ("tab in the text", "fi\trst\n\n" + LINE),
        ("DEL in the text", "fi\x7frst\n\n" + LINE),
        ("hyphen in place of the dash", "first\n\n" + LINE.replace("—", "-")),
        ("en dash", "first\n\n" + LINE.replace("—", "–")),
        ("no blank behind the dash", "first\n\n" + LINE.replace("— ", "—")),
        ("two blanks behind the dash", "first\n\n" + LINE.replace("— ", "—  ")),
        ("no-break space behind the dash", "first\n\n" + LINE.replace("— ", "—\u00a0")),
        ("two blanks behind the name", "first\n\n" + LINE.replace("example ", "example  ")),
        ("a blank at the end", "first\n\n" + LINE[:-1] + " \n"),
        ("plus in the name", "first\n\n" + LINE.replace("log.", "log+")),
        ("no-break space in the name", "first\n\n" + LINE.replace("log.", "log\u00a0")),
        ("zero-width space in the name", "first\n\n" + LINE.replace("log.", "log\u200b")),
        ("no name", "first\n\n" + LINE.replace("log.example ", "")),
        ("no signature behind the name", "first\n\n— log.example\n"),
        ("the key id only", "first\n\n— log.example " + base64.b64encode(b"abcd").decode() + "\n"),
        ("a signature of 73 bytes", "first\n\n— log.example " + base64.b64encode(bytes(77)).decode() + "\n"),
        ("the same line twice", "first\n\n" + LINE + LINE),
        ("two lines of one key", "first\n\n" + LINE + Line(KEY.name, KEY.id, bytes(64)).text),
        ("too many lines", "first\n\n" + "".join(Line(f"n{at}", b"abcd", b"s").text for at in range(MAX_SIGNATURES + 1))),
        ("too long", "a" * MAX_NOTE_BYTES + "\n\n" + LINE),
    ],
)
def test_what_is_no_note(name: str, raw: str) -> None:
    with pytest.raises(Malformed):
        note.parse(raw.encode())


def test_the_last_empty_line_ends_the_text() -> None:
    """So that a text may hold what looks like a signature line; it is then signed over, and not a signature."""
    read = note.parse(("first\nsecond\n\n" + LINE + "\n" + LINE).encode())
    assert read.text == "first\nsecond\n\n" + LINE
    assert not read.verified_by(KEY)


@pytest.mark.parametrize("raw", [b"\xff\n\n" + LINE.encode(), b"\xef\xbb\xbf\xed\xa0\x80\n\n" + LINE.encode(), b"\xc0\x80"])
def test_what_is_no_utf_8(raw: bytes) -> None:
    with pytest.raises(Malformed):
        note.parse(raw)


def test_as_many_lines_as_allowed() -> None:
    raw = "first\n\n" + "".join(Line(f"n{at}", b"abcd", b"s").text for at in range(MAX_SIGNATURES))
    assert note.parse(raw.encode()).encode() == raw.encode()


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_whatever_parses_is_written_so(raw: bytes) -> None:
    for whole in (raw, b"text\n\n" + raw, raw + b"\n\n" + LINE.encode()):
        try:
            read = note.parse(whole)
        except Malformed:
            continue
        assert read.encode() == whole


@pytest.mark.parametrize(
    "vkey",
    [
        "", "+", "++", "log.example", NEUMANN[:-1], NEUMANN + "=", NEUMANN + "\n", " " + NEUMANN, NEUMANN.replace("c7", "C7"),
        NEUMANN.replace("c74f20a3", "c74f20a4"), NEUMANN.replace("c74f20a3", "0c74f20a3"), NEUMANN.replace("Peter", "peter"),
        NEUMANN.replace("Peter", ""), NEUMANN.replace("PeterNeumann", ""), NEUMANN.replace("+ARpc", "+AR+c"),
        NEUMANN.replace("PeterNeumann", "Peter Neumann"), NEUMANN.replace("/LDE", "_LDE"), NEUMANN[:-4],
        "log.example+" + KEY.id.hex() + "+" + base64.b64encode(b"\2" + KEY.public_key).decode(),
    ],
)  # fmt: skip
def test_what_is_no_verifier_key(vkey: str) -> None:
    with pytest.raises(Malformed):
        NoteKey.parse(vkey)


@pytest.mark.parametrize("algorithm", [ED25519, COSIGNATURE])
def test_a_verifier_key_comes_back(algorithm: int) -> None:
    key = note.key_of("witness.example", algorithm, SEED)
    assert NoteKey.parse(key.vkey) == key
    assert key.id != note.key_of("witness.example", ED25519 + COSIGNATURE - algorithm, SEED).id


@pytest.mark.parametrize("text", ["aGk", "aGk=\n", "aG k=", "aGl=", "aGk==", "aGk=!!", "_-8=", "aGk=aGk=", "=", "aGké"])
def test_another_writing_of_base64_is_refused(text: str) -> None:
    """`aGl=` differs from `aGk=` in bits that nobody reads."""
    with pytest.raises(Malformed):
        note.decode_base64(text)


@given(st.binary(max_size=50))
def test_base64_comes_back(raw: bytes) -> None:
    assert note.decode_base64(base64.b64encode(raw).decode()) == raw


@pytest.mark.parametrize(
    "text",
    ["", "00", "01", "-1", "+1", "1_0", " 1", "1 ", "1\n", "1.0", "0x1", "1e3", "٣", "²", "9" * 19, "1" * 5000, str(2**63)],
)
def test_another_writing_of_a_number_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        note.decimal(text)


@given(st.integers(0, 2**63 - 1))
def test_numbers_come_back(number: int) -> None:
    assert note.decimal(str(number)) == number


@pytest.mark.parametrize("text", ["", "\n", "no newline", "CR\r\n", "NUL\0\n"])
def test_no_such_text_is_signed(text: str) -> None:
    with pytest.raises(Malformed):
        note.signed(text, "log.example", SEED)


def test_no_line_without_its_newline() -> None:
    with pytest.raises(Malformed):
        note.lines_of("first\nsecond")
