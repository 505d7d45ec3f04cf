"""From an identifier to a token and its secrets (DESIGN §2): PRF input in, expansion of the PRF's output out.

Between the two stands the threshold VOPRF. HKDF-Expand alone is used (RFC 5869 §2.3): the 64-byte output of the VOPRF
is already a uniformly random key, which makes it the PRK. Both outputs fit in the first block.
"""

import hmac
from dataclasses import dataclass
from typing import Final

from nacl.bindings import crypto_sign_seed_keypair

from raakvlak_protocol.encoding import prefixed, u32
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identifier import Identifier
from raakvlak_protocol.secret import SecretBytes

TOKEN_BYTES: Final = 32
PRF_OUTPUT_BYTES: Final = 64
_SECRET_BYTES: Final = 32


class Token(SecretBytes):
    """A blinded token: an Ed25519 public key that only who evaluated the person can derive. It does not print."""

    __slots__ = ()

    def __init__(self, value: bytes) -> None:
        if len(value) != TOKEN_BYTES:
            raise Malformed(f"a token has {TOKEN_BYTES} bytes")
        super().__init__(value)


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """What one person's PRF output expands to. `seed` signs under `token`; `letter_key` locks letters about the person."""

    token: Token
    seed: SecretBytes
    letter_key: SecretBytes


def prf_input(covenant_id: str, epoch: int, identifier: Identifier) -> SecretBytes:
    """What is blinded: five length-prefixed parts, so that no two persons, purposes or epochs share an input."""
    parts = (b"raakvlak/v1", covenant_id, identifier.namespace, u32(epoch), identifier.canonical.reveal())
    return SecretBytes(b"".join(prefixed(part) for part in parts))


def expand(output: SecretBytes) -> TokenKeys:
    """Token and secrets of a 64-byte PRF output, which the caller then forgets."""
    if len(output) != PRF_OUTPUT_BYTES:
        raise Malformed(f"a PRF output has {PRF_OUTPUT_BYTES} bytes")
    seed = _hkdf_expand(output, b"raakvlak/v1/token")
    public_key, _ = crypto_sign_seed_keypair(seed)
    return TokenKeys(Token(public_key), SecretBytes(seed), SecretBytes(_hkdf_expand(output, b"raakvlak/v1/letter")))


def _hkdf_expand(key: SecretBytes, info: bytes) -> bytes:
    """HKDF-Expand-SHA512 (RFC 5869 §2.3) for at most one block."""
    return hmac.digest(key.reveal(), info + b"\x01", "sha512")[:_SECRET_BYTES]
