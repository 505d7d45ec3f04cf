"""A secret on disk: one file under a key file or a passphrase.

The file is text up to its first empty line, then binary:

    raakvlak-sealed/1
    keyfile                     or: argon2id <operations> <memory in bytes> <salt, 32 hex digits>
    label <label>
    check <16 hex digits>
    (empty line)
    nonce (24 bytes), XChaCha20-Poly1305 ciphertext

The head is associated data, so that no line of it can be changed. `check` is a keyed hash that tells a wrong key from
a damaged file, without which an operator would look for the wrong fault. The label says what the file holds, so that
two sealed files can't be put in each other's place.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nacl.bindings
import nacl.exceptions
import nacl.pwhash.argon2id
import nacl.utils

from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party.private import read_private
from raakvlak_protocol.secret import SecretBytes

_MAGIC: Final = b"raakvlak-sealed/1"
_OPERATIONS: Final = 6
_MEMORY: Final = 64 * 2**20
# What a file may ask for before its authenticity is known: no damaged digit makes us take all memory.
_MOST_OPERATIONS: Final = 64
_LEAST_MEMORY: Final = 2**13
_MOST_MEMORY: Final = 2**30
_HEAD: Final = re.compile(
    rb"(keyfile|argon2id ([1-9]\d{0,3}) ([1-9]\d{0,10}) ([0-9a-f]{32}))\n"
    rb"label ([ -~]{1,255})\n"
    rb"check ([0-9a-f]{16})\n\n"
)
_NONCE: Final = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES


@dataclass(frozen=True)
class KeyFile:
    """32 random bytes in hexadecimal, in a file that only its owner can read."""

    path: Path


@dataclass(frozen=True)
class Passphrase:
    """A passphrase, stretched by Argon2id (64 MiB)."""

    text: SecretBytes


Lock = KeyFile | Passphrase


def new_key_file(path: Path) -> None:
    """Writes a new random key; raises Refused where the file exists, for whatever it locks would be lost."""
    try:
        _write(path, nacl.utils.random(32).hex().encode() + b"\n")
    except FileExistsError:
        raise Refused(f"{path} exists already; a new key would make all that it locks unreadable") from None
    except OSError as error:
        raise Refused(f"can't write {path}: {error.strerror}") from None


def seal(path: Path, content: bytes, lock: Lock, *, label: str, random: Callable[[int], bytes] = nacl.utils.random) -> None:
    """Puts `content` into `path` under `lock`. After it returns the file is durable; after a crash the old or the new
    one is there, whole. The content never touches the disk in the clear. Raises Refused where it can't be done.
    """
    if isinstance(lock, KeyFile):
        kind, key = b"keyfile", _key_file(lock.path)
    else:
        if not len(lock.text):
            raise Refused("an empty passphrase locks nothing")
        salt = random(nacl.pwhash.argon2id.SALTBYTES)
        kind = b"argon2id %d %d %s" % (_OPERATIONS, _MEMORY, salt.hex().encode())
        key = _stretched(lock.text, _OPERATIONS, _MEMORY, salt)
    head = b"%s\n%s\nlabel %s\ncheck %s\n\n" % (_MAGIC, kind, label.encode(), _check(key))
    if not _HEAD.fullmatch(head, len(_MAGIC) + 1):
        raise ValueError("a label holds 1 to 255 printable ASCII characters")
    nonce = random(_NONCE)
    box = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(content, head, nonce, _cipher_key(key))
    replace(path, head + nonce + box)


def unseal(path: Path, lock: Lock, *, label: str) -> SecretBytes:
    """The content of a sealed file; raises Refused and says whether it is missing, damaged, of another label or under
    another lock.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise Refused(f"{path} is missing; restore it from a backup, or run init if it never was there") from None
    except OSError as error:
        raise Refused(f"can't read {path}: {error.strerror}") from None
    damaged = Refused(f"{path} is damaged; restore it from a backup")
    magic, _, rest = raw.partition(b"\n")
    found = _HEAD.match(rest)
    if magic != _MAGIC or not found:
        raise damaged
    kind, operations, memory, salt, inner, check = found.groups()
    if inner != label.encode():
        raise Refused(f"{path} holds '{inner.decode()}', not '{label}'; was it put in another file's place?")
    if (kind == b"keyfile") != isinstance(lock, KeyFile):
        other = "key file" if kind == b"keyfile" else "passphrase"
        raise Refused(f"{path} is locked by a {other}, which was not given")
    if isinstance(lock, KeyFile):
        key = _key_file(lock.path)
    elif int(operations) > _MOST_OPERATIONS or not _LEAST_MEMORY <= int(memory) <= _MOST_MEMORY:
        raise damaged
    else:
        key = _stretched(lock.text, int(operations), int(memory), bytes.fromhex(salt.decode()))
    if not hmac.compare_digest(check, _check(key)):
        what = f"the key in {lock.path}" if isinstance(lock, KeyFile) else "the passphrase"
        raise Refused(f"{what} does not open {path}: it is another one, or the file's head is damaged")
    head, body = raw[: len(_MAGIC) + 1 + found.end()], rest[found.end() :]
    if len(body) < _NONCE:
        raise damaged
    try:
        content = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(body[_NONCE:], head, body[:_NONCE], _cipher_key(key))
    except nacl.exceptions.CryptoError:
        raise damaged from None
    return SecretBytes(content)


def _key_file(path: Path) -> bytes:
    text = read_private(path, "the key file", missing="without it nothing that it locks can be read").reveal()
    if not re.fullmatch(rb"[0-9a-f]{64}\n?", text):
        raise Refused(f"{path} is no key file: it must hold 64 hexadecimal digits")
    return bytes.fromhex(text.decode().strip())


def _stretched(passphrase: SecretBytes, operations: int, memory: int, salt: bytes) -> bytes:
    try:
        key: bytes = nacl.pwhash.argon2id.kdf(32, passphrase.reveal(), salt, opslimit=operations, memlimit=memory)
    except nacl.exceptions.CryptoError:
        raise Refused(f"not enough memory to stretch the passphrase: {memory // 2**20} MiB are needed") from None
    return key


def _cipher_key(key: bytes) -> bytes:
    return hashlib.blake2b(key=key, digest_size=32, person=b"raakvlak-box").digest()


def _check(key: bytes) -> bytes:
    return hashlib.blake2b(key=key, digest_size=8, person=b"raakvlak-check").hexdigest().encode()


def _write(path: Path, content: bytes) -> None:
    """A new file, durable, for its owner only; raises FileExistsError rather than touch another one."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, content: bytes) -> None:
    """Puts a file in another's place: after a crash the old or the new one is there, whole, for its owner only.

    Durable when it returns; raises Refused where it can't be done, and what was there stands.
    """
    new = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        _write(new, content)
        new.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise Refused(f"can't write {path}: {error.strerror}; what was there stands") from None
