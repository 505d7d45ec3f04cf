"""Letters between two nodes, under two locks, and letters to and from a coordinator, under one (DESIGN §5, PROTOCOL §6).

From inside: the content; the sender's signature over header and content; XChaCha20-Poly1305 under the shared person's
letter key with the header as associated data; a sealed box to the receiver's key that also holds the match id, by which
the receiver finds the one letter key. Padded to 1, 4 or 16 KiB in all. A lying index that invents a match between
organisations with different persons gets letters that nobody can read; a stolen node key alone opens nothing.

A coordinator knows no shared person, hence no letter key: of its letters the box is left out, and a nonce of zeros marks
them. What protects them is the receiver's key alone.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_scalarmult_base,
)
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from raakvlak_protocol.encoding import prefixed, u16, u32
from raakvlak_protocol.errors import Evidence, Malformed, TooLarge
from raakvlak_protocol.publication import SIGNATURE_BYTES, sign, verified
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import Token

SIZES: Final = (1024, 4096, 16384)
MATCH_ID_BYTES: Final = 16
HASH_BYTES: Final = 32
NO_PREVIOUS: Final = bytes(HASH_BYTES)

_NONCE_BYTES: Final = 24
_NO_BOX: Final = bytes(_NONCE_BYTES)
"""Marks a letter under one lock: no nonce is drawn that is all zeros."""
_TAG_BYTES: Final = 16
_SEAL_BYTES: Final = 48
_LENGTH_BYTES: Final = 2
_OUTER_BYTES: Final = MATCH_ID_BYTES + 4 + HASH_BYTES + _NONCE_BYTES
_OVERHEAD_BYTES: Final = _SEAL_BYTES + _OUTER_BYTES + _TAG_BYTES + SIGNATURE_BYTES + _LENGTH_BYTES
MAX_CONTENT_BYTES: Final = SIZES[-1] - _OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class Header:
    """What a letter is bound to. `previous` is the hash of the sender's letter before in this match, or NO_PREVIOUS."""

    covenant_id: str
    epoch: int
    token: Token
    match_id: bytes
    sender: str
    receiver: str
    number: int
    previous: bytes

    def encode(self) -> bytes:
        return (
            prefixed("raakvlak/v1/letter-header")
            + prefixed(self.covenant_id)
            + u32(self.epoch)
            + self.token.reveal()
            + self.match_id
            + prefixed(self.sender)
            + prefixed(self.receiver)
            + u32(self.number)
            + self.previous
        )


@dataclass(frozen=True, slots=True)
class DeskHeader:
    """What a letter to or from a coordinator is bound to: no token, because a coordinator knows none."""

    covenant_id: str
    match_id: bytes
    sender: str
    receiver: str
    number: int
    previous: bytes

    def encode(self) -> bytes:
        return (
            prefixed("raakvlak/v1/desk-letter-header")
            + prefixed(self.covenant_id)
            + self.match_id
            + prefixed(self.sender)
            + prefixed(self.receiver)
            + u32(self.number)
            + self.previous
        )


@dataclass(frozen=True, slots=True)
class Envelope:
    """A letter with its first lock off: enough to find the match, not to read it."""

    match_id: bytes
    number: int
    previous: bytes
    nonce: bytes
    box: bytes


def letter_hash(header: Header | DeskHeader, content: bytes) -> bytes:
    """What the sender's next letter names as `previous`. 32 bytes."""
    return hashlib.sha256(prefixed("raakvlak/v1/letter-hash") + header.encode() + content).digest()


def seal(
    header: Header,
    content: bytes,
    *,
    letter_key: SecretBytes,
    signing_seed: SecretBytes,
    receiver_key: bytes,
    random: Callable[[int], bytes],
) -> bytes:
    """The ciphertext, of one of three SIZES. Raises TooLarge for content over MAX_CONTENT_BYTES."""
    nonce = random(_NONCE_BYTES)
    box = crypto_aead_xchacha20poly1305_ietf_encrypt(
        _signed(header, content, signing_seed), header.encode(), nonce, letter_key.reveal()
    )
    return _sealed(header, nonce + box, receiver_key)


def seal_once(header: DeskHeader, content: bytes, *, signing_seed: SecretBytes, receiver_key: bytes) -> bytes:
    """The ciphertext of a letter to or from a coordinator, of one of three SIZES. Raises TooLarge as `seal` does."""
    return _sealed(header, _NO_BOX + _signed(header, content, signing_seed) + bytes(_TAG_BYTES), receiver_key)


def _signed(header: Header | DeskHeader, content: bytes, signing_seed: SecretBytes) -> bytes:
    """Signature, length, content, and padding to one of three sizes."""
    size = next((each for each in SIZES if len(content) + _OVERHEAD_BYTES <= each), None)
    if size is None:
        raise TooLarge(f"a letter holds at most {MAX_CONTENT_BYTES} bytes, this one {len(content)}")
    signature = sign(signing_seed, header.encode() + content)
    return signature + u16(len(content)) + content + bytes(size - _OVERHEAD_BYTES - len(content))


def _sealed(header: Header | DeskHeader, rest: bytes, receiver_key: bytes) -> bytes:
    # The sealed box draws its own ephemeral key; nobody can choose it, so it is not an argument.
    outer = header.match_id + u32(header.number) + header.previous + rest
    return bytes(SealedBox(PublicKey(receiver_key)).encrypt(outer))


def take_off_first_lock(ciphertext: bytes, receiver_secret: SecretBytes) -> Envelope:
    """The envelope of a letter sealed to the receiver; raises Malformed when it is not one."""
    if len(ciphertext) not in SIZES:
        raise Malformed("a letter has one of three sizes")
    try:
        outer = SealedBox(PrivateKey(receiver_secret.reveal())).decrypt(ciphertext)
    except CryptoError:
        raise Malformed("the letter is not sealed to this node's key, or was changed on its way") from None
    match_id, rest = outer[:MATCH_ID_BYTES], outer[MATCH_ID_BYTES:]
    number, rest = int.from_bytes(rest[:4], "big"), rest[4:]
    previous, rest = rest[:HASH_BYTES], rest[HASH_BYTES:]
    return Envelope(match_id, number, previous, rest[:_NONCE_BYTES], rest[_NONCE_BYTES:])


def take_off_second_lock(envelope: Envelope, header: Header, letter_key: SecretBytes, sender_key: bytes) -> bytes:
    """The content, if the letter is about this person, in this match, from this sender to this receiver.

    `header` is what the receiver knows itself, with the envelope's number and previous hash. Raises Malformed when the
    box does not open under the letter key (another person, or changed), Evidence when it opens and the signature is
    not the sender's: then somebody who knows the person's letter key forged it.
    """
    try:
        inner = crypto_aead_xchacha20poly1305_ietf_decrypt(envelope.box, header.encode(), envelope.nonce, letter_key.reveal())
    except CryptoError:
        raise Malformed("the letter does not open under the shared person's key: another person, or changed") from None
    return _verified(inner, header, sender_key)


def read_desk_letter(envelope: Envelope, header: DeskHeader, sender_key: bytes) -> bytes:
    """The content of a letter under one lock. Raises Malformed for one under two, or of another form; Evidence where
    its sender has not signed it."""
    if envelope.nonce != _NO_BOX or any(envelope.box[-_TAG_BYTES:]):
        raise Malformed("the letter is not one to or from a coordinator")
    return _verified(envelope.box[:-_TAG_BYTES], header, sender_key)


def _verified(inner: bytes, header: Header | DeskHeader, sender_key: bytes) -> bytes:
    signature, rest = inner[:SIGNATURE_BYTES], inner[SIGNATURE_BYTES:]
    length = int.from_bytes(rest[:_LENGTH_BYTES], "big")
    content, padding = rest[_LENGTH_BYTES : _LENGTH_BYTES + length], rest[_LENGTH_BYTES + length :]
    if len(content) != length or any(padding):
        raise Malformed("the letter's padding is not of its form")
    if not verified(sender_key, header.encode() + content, signature):
        raise Evidence("the letter opens under its keys and is not signed by its sender", party=header.sender)
    return content


def public_letter_key(secret: SecretBytes) -> bytes:
    """The X25519 key to which letters are sealed."""
    return bytes(crypto_scalarmult_base(secret.reveal()))
