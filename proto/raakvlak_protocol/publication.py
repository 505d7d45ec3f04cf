"""The bytes that are signed when a member publishes or withdraws, and how they are signed and verified (PROTOCOL §5).

Each token signs for itself: whoever publishes it must be able to derive it. The member signs for the whole request,
so that it can later neither deny nor be blamed for a row. Generation and sequence stand in every signature, so that
nothing can be replayed, reordered or moved to another member, epoch or covenant.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from raakvlak_protocol.encoding import prefixed, u8, u32, u64
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import TOKEN_BYTES, TokenKeys

REFERENCE_BYTES: Final = 16
SIGNATURE_BYTES: Final = crypto_sign_BYTES
MAX_ITEMS: Final = 10_000


class Visibility(IntEnum):
    """To whom a match of the row is told."""

    DIRECT = 1
    COORDINATOR = 2


@dataclass(frozen=True, slots=True)
class Write:
    """What every write is bound to."""

    covenant_id: str
    epoch: int
    member: str
    generation: int
    sequence: int

    def encode(self, prefix: str) -> bytes:
        return (
            prefixed(prefix)
            + prefixed(self.covenant_id)
            + u32(self.epoch)
            + prefixed(self.member)
            + u64(self.generation)
            + u64(self.sequence)
        )


def token_statement(write: Write, visibility: Visibility) -> bytes:
    """What each token of a request signs; the same for all of them, because each verifies under another key."""
    return write.encode("raakvlak/v1/token-signature") + u8(visibility)


def publish_statement(write: Write, visibility: Visibility, tokens: Sequence[bytes]) -> bytes:
    """What the member signs: also the hash of every token in order."""
    return write.encode("raakvlak/v1/publish") + u8(visibility) + _items_hash(tokens)


def withdraw_statement(write: Write, references: Sequence[bytes]) -> bytes:
    """What the member signs to withdraw: also the hash of every reference in order."""
    return write.encode("raakvlak/v1/withdraw") + _items_hash(references)


def request_hash(statement: bytes) -> bytes:
    """By which the index and the node recognise the same request again."""
    return hashlib.sha256(prefixed("raakvlak/v1/request") + statement).digest()


def sign(seed: SecretBytes, statement: bytes) -> bytes:
    """The 64-byte Ed25519 signature of the statement under the seed's key."""
    _, secret_key = crypto_sign_seed_keypair(seed.reveal())
    return crypto_sign(statement, secret_key)[:SIGNATURE_BYTES]


def verified(public_key: bytes, statement: bytes, signature: bytes) -> bool:
    """Whether libsodium accepts the signature: it refuses low-order and non-canonical keys, which others accept."""
    if len(signature) != SIGNATURE_BYTES or len(public_key) != TOKEN_BYTES:
        return False
    try:
        crypto_sign_open(signature + statement, public_key)
    except BadSignatureError:
        return False
    return True


def sign_tokens(keys: Sequence[TokenKeys], write: Write, visibility: Visibility) -> list[bytes]:
    """One signature for each token, in order."""
    statement = token_statement(write, visibility)
    return [sign(each.seed, statement) for each in keys]


def check_tokens(
    tokens: Sequence[bytes], signatures: Sequence[bytes], write: Write, visibility: Visibility, first: int = 0
) -> None:
    """Returns when every token has signed; raises Malformed naming the first that has not, counted from `first`."""
    statement = token_statement(write, visibility)
    for place, (token, signature) in enumerate(zip(tokens, signatures, strict=True), first):
        if not verified(token, statement, signature):
            raise Malformed("this token has not signed for this request: it was copied, or is no token", item=place)


def check_items(items: Sequence[bytes], size: int, what: str) -> None:
    """Returns when there are 1 to MAX_ITEMS items of `size` bytes and none occurs twice; else raises Malformed."""
    if not 1 <= len(items) <= MAX_ITEMS:
        raise Malformed(f"a request holds 1 to {MAX_ITEMS} {what}s, this one {len(items)}")
    seen: set[bytes] = set()
    for place, item in enumerate(items):
        if len(item) != size:
            raise Malformed(f"a {what} has {size} bytes", item=place)
        if item in seen:
            raise Malformed(f"this {what} stands twice in the request", item=place)
        seen.add(item)


def _items_hash(items: Sequence[bytes]) -> bytes:
    return hashlib.sha256(u32(len(items)) + b"".join(items)).digest()
