"""What the index derives under its pepper (PROTOCOL §5.4), computed here a second time with the standard library."""

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.vectors.fixed import fixed

PEPPER = fixed("pepper", 32)
MEMBERS = ("school", "town")


def derived() -> dict[str, object]:
    return {"pepper": PEPPER.hex(), "check": _keyed(b"check").hex(), "rows": [_row(label) for label in ("one", "other")]}


def _row(label: str) -> dict[str, object]:
    token = fixed(f"token {label}", 32)
    digest = _keyed(b"row" + token)[:16]
    lower, higher = (struct.pack(">H", len(member)) + member.encode() for member in sorted(MEMBERS))
    return {
        "token": token.hex(),
        "digest": digest.hex(),
        "references": {member: _reference(member, digest).hex() for member in MEMBERS},
        "match_id": _keyed(b"match" + digest + lower + higher)[:16].hex(),
    }


def _reference(member: str, digest: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES256(_keyed(b"ref" + member.encode())), modes.ECB()).encryptor()  # noqa: S305 one block
    return encryptor.update(digest) + encryptor.finalize()


def _keyed(message: bytes) -> bytes:
    return hmac.new(PEPPER, message, hashlib.sha256).digest()
