"""Signed notes: a short text that people can read, with signature lines below it (C2SP signed-note).

    <text, one or more lines>
                                       an empty line
    — <key name> <base64(key id ‖ signature)>

A key is named by its holder and known by its id, the first four bytes of SHA-256(name ‖ "\\n" ‖ algorithm ‖ public key).
Lines under keys that the reader does not know are kept and mean nothing.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from nacl.bindings import crypto_sign_seed_keypair

from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.publication import SIGNATURE_BYTES, sign, verified
from raakvlak_protocol.secret import SecretBytes

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
"""Ed25519 with a timestamp: the signature of a witness (C2SP tlog-cosignature)."""
KEY_ID_BYTES: Final = 4
PUBLIC_KEY_BYTES: Final = 32
MAX_NOTE_BYTES: Final = 64 * 1024
MAX_SIGNATURES: Final = 64

_DASH: Final = "— "


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A key that verifies lines of notes: the name of its holder, what it signs, and 32 bytes of Ed25519 public key."""

    name: str
    algorithm: int
    public_key: bytes

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """The key in `<name>+<id, 8 hex digits>+<base64(algorithm ‖ public key)>`; raises Malformed for anything else,
        an id that is not this key's too."""
        name, _, rest = vkey.partition("+")
        id_hex, _, encoded = rest.partition("+")
        raw = decode_base64(encoded)
        if not _is_name(name) or len(raw) != 1 + PUBLIC_KEY_BYTES or raw[0] not in (ED25519, COSIGNATURE):
            raise Malformed("a note's verifier key has the form <name>+<id>+<key>", field="vkey")
        key = cls(name, raw[0], raw[1:])
        if key.id.hex() != id_hex:
            raise Malformed("the id in this verifier key is not that of its key: a character was changed", field="vkey")
        return key

    @property
    def id(self) -> bytes:
        """The four bytes by which lines name the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public_key).digest()[:KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as text, as other implementations of signed notes read it."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.algorithm]) + self.public_key).decode()}"


@dataclass(frozen=True, slots=True)
class Line:
    """A signature line. `signature` is what stands behind the key id, 64 bytes for Ed25519."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def text(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends with a newline, and the lines below it."""

    text: str
    lines: tuple[Line, ...] = ()

    def encode(self) -> bytes:
        return (self.text + "\n" + "".join(line.text for line in self.lines)).encode()

    def with_line(self, line: Line) -> "Note":
        """The note with the line in place of any earlier one of the same key."""
        others = tuple(each for each in self.lines if (each.name, each.key_id) != (line.name, line.key_id))
        return replace(self, lines=(*others, line))

    def line_of(self, key: NoteKey) -> Line | None:
        """The line that claims to be the key's. Says nothing about whether it holds."""
        return next((line for line in self.lines if (line.name, line.key_id) == (key.name, key.id)), None)

    def verified_by(self, key: NoteKey) -> bool:
        """Whether the note bears a signature of this ED25519 key over its text."""
        line = self.line_of(key)
        return line is not None and key.algorithm == ED25519 and verified(key.public_key, self.text.encode(), line.signature)


def key_of(name: str, algorithm: int, seed: SecretBytes) -> NoteKey:
    """The key that verifies what a 32-byte Ed25519 seed signs."""
    return NoteKey(name, algorithm, crypto_sign_seed_keypair(seed.reveal())[0])


def signed(text: str, name: str, seed: SecretBytes) -> Note:
    """A note over the text with one Ed25519 signature."""
    key = key_of(name, ED25519, seed)
    return Note(_checked_text(text), (Line(name, key.id, sign(seed, text.encode())),))


def parse(raw: bytes, *, limit: int = MAX_NOTE_BYTES) -> Note:
    """The note in `raw`, of at most `limit` bytes; raises Malformed for anything that `encode` would not write so, byte
    for byte.

    Checks no signature. A key has at most one line, so that nobody can choose which of two is looked at.
    """
    if len(raw) > limit:
        raise Malformed(f"this note may have at most {limit} bytes, it has {len(raw)}")
    try:
        whole = raw.decode()
    except UnicodeDecodeError:
        raise Malformed("a note is UTF-8 text") from None
    text, blank, signatures = whole.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise Malformed("a note is a text, an empty line and at least one signature line, the last one ended")
    lines = tuple(_line(each) for each in signatures[:-1].split("\n"))
    if len(lines) > MAX_SIGNATURES:
        raise Malformed(f"a note has at most {MAX_SIGNATURES} signature lines")
    if len({(line.name, line.key_id) for line in lines}) != len(lines):
        raise Malformed("two signature lines of this note are of the same key")
    return Note(_checked_text(text + "\n"), lines)


def decode_base64(text: str) -> bytes:
    """Standard base64 with padding, in the one way in which these bytes are written; raises Malformed for another."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise Malformed("this is no base64") from None
    if base64.b64encode(raw).decode() != text:
        raise Malformed("this base64 is not written in the one canonical way")
    return raw


def decimal(text: str) -> int:
    """A number from 0 below 2^63 in ASCII digits without leading zeros; raises Malformed for anything else."""
    if not text.isascii() or not text.isdigit() or (text[0] == "0" and text != "0") or len(text) > 19 or int(text) >= 2**63:
        raise Malformed("a number is written in digits without leading zeros, and below 2^63")
    return int(text)


def _line(text: str) -> Line:
    if not text.startswith(_DASH):
        raise Malformed("a signature line begins with a dash and a space")
    name, space, encoded = text[len(_DASH) :].partition(" ")
    if not space or not _is_name(name):
        raise Malformed("a signature line is a dash, the key's name and its signature")
    raw = decode_base64(encoded)
    if len(raw) <= KEY_ID_BYTES or len(raw) > KEY_ID_BYTES + 8 + SIGNATURE_BYTES:
        raise Malformed("a signature line holds a key id of 4 bytes and a signature of at most 72")
    return Line(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(each.isspace() or not each.isprintable() for each in name)


def _checked_text(text: str) -> str:
    if (
        not text.endswith("\n")
        or len(text) < 2
        or any(each != "\n" and (ord(each) < 0x20 or ord(each) == 0x7F) for each in text)
    ):
        raise Malformed("a note's text ends with a newline and holds no control characters but newlines")
    return text


def lines_of(text: str) -> Sequence[str]:
    """The lines of a note's text without their newlines. Splits at newlines only, as the format does. Raises Malformed
    where the last line has none: a character would be lost."""
    if not text.endswith("\n"):
        raise Malformed("a note's text ends with a newline")
    return text[:-1].split("\n")
