"""Field encryption: what identifies a person lies in the store only sealed, and is found again only by a keyed handle.

Both keys are derived from the vault key, which lives in the node's sealed secrets and never beside the store. What a
stolen store shows without it: how many cases, persons and matches there are and how they are connected.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from raakvlak_protocol.encoding import from_hex, prefixed
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.secret import SecretBytes

HANDLE_BYTES: Final = 16
_NONCE_BYTES: Final = 24
_TAG_BYTES: Final = 16


def handle_in(text: str) -> bytes | None:
    """The handle that a text names; None for whatever else stands there."""
    return from_hex(text, HANDLE_BYTES)


class Vault:
    """Seals and opens single fields, and names them."""

    def __init__(self, key: SecretBytes, random: Callable[[int], bytes]) -> None:
        self._sealing = hmac.digest(key.reveal(), b"raakvlak/v1/vault/seal", "sha256")
        self._naming = hmac.digest(key.reveal(), b"raakvlak/v1/vault/name", "sha256")
        self._random = random

    def seal(self, value: bytes, *place: str | bytes) -> bytes:
        """The value under the vault's key, bound to its place, so that no field can be moved into another's."""
        nonce = self._random(_NONCE_BYTES)
        return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(value, _joined(place), nonce, self._sealing)

    def open(self, sealed: bytes, *place: str | bytes) -> SecretBytes:
        """What was sealed at this place; raises Refused when the store is not this vault's, or was changed."""
        nonce, box = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            if len(box) < _TAG_BYTES:
                raise CryptoError
            return SecretBytes(crypto_aead_xchacha20poly1305_ietf_decrypt(box, _joined(place), nonce, self._sealing))
        except CryptoError:
            raise Refused(
                "a field of the store does not open: it was changed, or the store is another node's; restore a backup"
            ) from None

    def handle(self, *parts: str | bytes) -> bytes:
        """16 bytes that are the same for the same parts and tell nothing of them without the key."""
        return hmac.digest(self._naming, _joined(parts), hashlib.sha256)[:HANDLE_BYTES]


def _joined(parts: tuple[str | bytes, ...]) -> bytes:
    return b"".join(prefixed(part) for part in parts)
