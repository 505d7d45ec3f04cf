"""The group ristretto255 (RFC 9496), by libsodium: the only module that speaks to C.

The system's libsodium is bound first; where there is none, the one that the package `rbcl` carries is read out of its
source and loaded from memory, so that nothing is left on disk (importing `rbcl` would leave a file behind each time).

Promises. Every return code is checked. No call reads past what it was given: lengths are checked here. Arithmetic on
scalars and multiplication by them take constant time (libsodium's), and the interpreter's lock is free meanwhile.
A multiplication parses its element: what is not 32 bytes, not the canonical encoding, or the identity is `Malformed`.
Buffers belong to one call, so that threads may use all of this at once.
"""

import ctypes
import ctypes.util
import hmac
import importlib.util
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NewType, Self

from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.secret import SecretBytes

ELEMENT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
UNIFORM_BYTES: Final = 64
IDENTITY: Final = bytes(ELEMENT_BYTES)
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""The group's prime order, for arithmetic on public numbers only: Python's integers do not take constant time."""

Element = NewType("Element", bytes)
"""The canonical 32-byte encoding of an element that is not the identity. Only this module makes one."""

Random = Callable[[int], bytes]
"""A source of randomness: `random(n)` gives n bytes, as `os.urandom` does."""

_Block = ctypes.c_char * 32
_CALLS: Final = {
    "crypto_core_ristretto255_is_valid_point": 1,
    "crypto_core_ristretto255_from_hash": 2,
    "crypto_core_ristretto255_add": 3,
    "crypto_core_ristretto255_sub": 3,
    "crypto_core_ristretto255_scalar_reduce": 2,
    "crypto_core_ristretto255_scalar_invert": 2,
    "crypto_core_ristretto255_scalar_negate": 2,
    "crypto_core_ristretto255_scalar_add": 3,
    "crypto_core_ristretto255_scalar_mul": 3,
    "crypto_scalarmult_ristretto255": 3,
    "crypto_scalarmult_ristretto255_base": 2,
}
_WITHOUT_RESULT: Final = re.compile("scalar_(reduce|negate|add|mul)$")


def bind(library: ctypes.CDLL) -> ctypes.CDLL:
    """Declare what we call and start libsodium; ImportError where it is too old (before 1.0.18) or will not start."""
    for name, arguments in _CALLS.items():
        call = getattr(library, name, None)
        if call is None:
            raise ImportError(f"this libsodium lacks {name}: version 1.0.18 or later is needed")
        call.argtypes = (ctypes.c_char_p,) * arguments
        call.restype = None if _WITHOUT_RESULT.search(name) else ctypes.c_int
    if library.sodium_init() < 0:
        raise ImportError("libsodium does not start (sodium_init failed): nothing may be computed with it")
    return library


def _named_libraries() -> Iterator[str]:
    yield from ("libsodium.so.26", "libsodium.so.23", "libsodium.26.dylib", "libsodium.23.dylib")
    found = ctypes.util.find_library("sodium")  # last, because it starts other programs to look
    if found is not None:
        yield found


def system_library() -> ctypes.CDLL | None:
    """The machine's own libsodium, bound; None where there is none that suffices."""
    for name in _named_libraries():
        try:
            return bind(ctypes.CDLL(name))
        except (OSError, ImportError):
            continue
    return None


def bundled_library() -> ctypes.CDLL:
    """The libsodium that `rbcl` carries as hex in `_sodium.py`, bound; ImportError where that is not installed."""
    package = importlib.util.find_spec("rbcl")
    if package is None or not package.submodule_search_locations:
        raise ImportError("no libsodium: install the system's (Debian: libsodium23) or the Python package rbcl")
    source = Path(package.submodule_search_locations[0], "_sodium.py").read_bytes()
    code = re.search(rb"fromhex\('([0-9a-f]+)'\)", source)
    if code is None:
        raise ImportError("the installed rbcl carries no libsodium that can be read: install the system's instead")
    return bind(_load(bytes.fromhex(code[1].decode("ascii"))))


def _load(code: bytes) -> ctypes.CDLL:
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("libsodium"), "wb") as file:
            file.write(code)
            file.flush()
            return ctypes.CDLL(f"/proc/self/fd/{file.fileno()}")
    with tempfile.NamedTemporaryFile(suffix=".so") as file:  # the loaded code outlives its name
        file.write(code)
        file.flush()
        return ctypes.CDLL(file.name)


_sodium = system_library() or bundled_library()
_is_valid = _sodium.crypto_core_ristretto255_is_valid_point
_from_hash = _sodium.crypto_core_ristretto255_from_hash
_add = _sodium.crypto_core_ristretto255_add
_subtract = _sodium.crypto_core_ristretto255_sub
_scalar_reduce = _sodium.crypto_core_ristretto255_scalar_reduce
_scalar_invert = _sodium.crypto_core_ristretto255_scalar_invert
_scalar_negate = _sodium.crypto_core_ristretto255_scalar_negate
_scalar_add = _sodium.crypto_core_ristretto255_scalar_add
_scalar_multiply = _sodium.crypto_core_ristretto255_scalar_mul
_multiply = _sodium.crypto_scalarmult_ristretto255
_multiply_base = _sodium.crypto_scalarmult_ristretto255_base


class Scalar(SecretBytes):
    """A number modulo the order, 32 bytes little-endian: canonical and not zero, or it is `Malformed`."""

    __slots__ = ()

    def __init__(self, value: bytes) -> None:
        if len(value) != SCALAR_BYTES:
            raise Malformed(f"a scalar is {SCALAR_BYTES} bytes, not {len(value)}")
        if not hmac.compare_digest(value, reduce(value + bytes(UNIFORM_BYTES - SCALAR_BYTES))):
            raise Malformed("a scalar is not reduced modulo the group's order")
        if hmac.compare_digest(value, bytes(SCALAR_BYTES)):
            raise Malformed("a scalar is zero")
        super().__init__(value)

    @classmethod
    def public(cls, number: int) -> Self:
        """The scalar of a number that everybody may know, such as a share number; taken modulo the order."""
        return cls((number % ORDER).to_bytes(SCALAR_BYTES, "little"))

    def __add__(self, other: "Scalar") -> "Scalar":
        return _computed(_scalar_add, self.reveal(), other.reveal())

    def __sub__(self, other: "Scalar") -> "Scalar":
        return self + -other

    def __mul__(self, other: "Scalar") -> "Scalar":
        return _computed(_scalar_multiply, self.reveal(), other.reveal())

    def __neg__(self) -> "Scalar":
        return _computed(_scalar_negate, self.reveal())

    def inverse(self) -> "Scalar":
        """1 / self, modulo the order."""
        out = _Block()
        _succeeded(_scalar_invert(out, self.reveal()))
        return Scalar(out.raw)


def _computed(call: Callable[..., None], *operands: bytes) -> Scalar:
    """What libsodium computed; through the constructor, so that zero is refused here too."""
    out = _Block()
    call(out, *operands)
    return Scalar(out.raw)


def _succeeded(code: int) -> None:
    """For calls that fail only where this module is wrong: what reaches them was parsed before."""
    if code != 0:
        raise AssertionError("libsodium refused operands that were checked before")


def reduce(uniform: bytes) -> bytes:
    """64 uniform bytes, little-endian, modulo the order: 32 bytes, canonical, possibly zero."""
    return reduce_each((uniform,))[0]


def reduce_each(uniforms: Iterable[bytes]) -> list[bytes]:
    """Each as `reduce` does it."""
    out, reduced = _Block(), []
    for uniform in uniforms:
        if len(uniform) != UNIFORM_BYTES:
            raise Malformed(f"a scalar is reduced from {UNIFORM_BYTES} bytes, not {len(uniform)}")
        _scalar_reduce(out, uniform)
        reduced.append(out.raw)
    return reduced


def random_scalar(random: Random) -> Scalar:
    """A uniform scalar from 64 bytes of `random`. Zero, which nobody will live to see, is refused."""
    return Scalar(reduce(random(UNIFORM_BYTES)))


def invert_each(scalars: Sequence[Scalar]) -> list[Scalar]:
    """The inverse of each, for the price of one inversion and three multiplications each (Montgomery's trick)."""
    products: list[Scalar] = []
    for scalar in scalars:
        products.append(products[-1] * scalar if products else scalar)
    if not products:
        return []
    inverses: list[Scalar] = []
    rest = products[-1].inverse()
    for place in range(len(scalars) - 1, 0, -1):
        inverses.append(rest * products[place - 1])
        rest = rest * scalars[place]
    inverses.append(rest)
    inverses.reverse()
    return inverses


def parse_element(data: bytes) -> Element:
    """The element that `data` encodes; `Malformed` for a wrong length, a non-canonical encoding or the identity."""
    if len(data) != ELEMENT_BYTES:
        raise Malformed(f"a group element is {ELEMENT_BYTES} bytes, not {len(data)}")
    if data == IDENTITY:
        raise Malformed("a group element is the identity, which is the same under every key")
    if _is_valid(data) != 1:
        raise Malformed("a group element is not the canonical encoding of one")
    return Element(data)


def hash_to_group(uniform: bytes) -> Element:
    """The element that 64 uniform bytes map to (RFC 9496 §4.3.4)."""
    if len(uniform) != UNIFORM_BYTES:
        raise Malformed(f"a group element is derived from {UNIFORM_BYTES} bytes, not {len(uniform)}")
    out = _Block()
    _succeeded(_from_hash(out, uniform))
    if out.raw == IDENTITY:
        raise Malformed("these bytes map to the identity")
    return Element(out.raw)


def multiply_base(scalar: Scalar) -> Element:
    """scalar · generator."""
    out = _Block()
    _succeeded(_multiply_base(out, scalar.reveal()))
    return Element(out.raw)


def multiply(scalar: Scalar, element: bytes) -> Element:
    """scalar · element, in constant time; parses the element."""
    if len(element) != ELEMENT_BYTES:
        raise Malformed(f"a group element is {ELEMENT_BYTES} bytes, not {len(element)}")
    out = _Block()
    if _multiply(out, scalar.reveal(), element) != 0:
        raise _not_an_element(element)
    return Element(out.raw)


def multiply_each(scalar: Scalar, elements: Iterable[bytes]) -> list[Element]:
    """scalar · each element, in order; parses each, `Malformed.item` is the first wrong one's place."""
    out, secret, products = _Block(), scalar.reveal(), []
    for item, element in enumerate(elements):
        if len(element) != ELEMENT_BYTES or _multiply(out, secret, element) != 0:
            raise _not_an_element(element, item)
        products.append(Element(out.raw))
    return products


def multiply_pairs(scalars: Sequence[Scalar], elements: Sequence[bytes]) -> list[Element]:
    """The i-th scalar · the i-th element; parses each element as `multiply_each` does."""
    out, products = _Block(), []
    for item, (scalar, element) in enumerate(zip(scalars, elements, strict=True)):
        if len(element) != ELEMENT_BYTES or _multiply(out, scalar.reveal(), element) != 0:
            raise _not_an_element(element, item)
        products.append(Element(out.raw))
    return products


def weighted_sum(weights: Sequence[bytes], elements: Sequence[bytes]) -> bytes:
    """Σ weight · element; parses each element. The weights are public and as `reduce` gives them.

    The sum may be the identity where the terms cancel: parse or multiply it before trusting it to be none.
    """
    total, term = _Block(), _Block()
    for item, (weight, element) in enumerate(zip(weights, elements, strict=True)):
        if len(weight) != SCALAR_BYTES or len(element) != ELEMENT_BYTES or _multiply(term, weight, element) != 0:
            raise _not_an_element(element, item)
        _succeeded(_add(total, total, term))
    return total.raw


def add(left: bytes, right: bytes) -> bytes:
    """left + right; `Malformed` where one is no element. Either, and the sum, may be the identity."""
    return _combined(_add, left, right)


def subtract(left: bytes, right: bytes) -> bytes:
    """left - right; `Malformed` where one is no element. Either, and the difference, may be the identity."""
    return _combined(_subtract, left, right)


def _combined(call: Callable[..., int], left: bytes, right: bytes) -> bytes:
    out = _Block()
    if len(left) != ELEMENT_BYTES or len(right) != ELEMENT_BYTES or call(out, left, right) != 0:
        raise Malformed("a group element is not the canonical encoding of one")
    return out.raw


def _not_an_element(element: bytes, item: int | None = None) -> Malformed:
    """Why a multiplication failed, in `parse_element`'s words."""
    try:
        parse_element(element)
    except Malformed as error:
        return Malformed(error.message, item=item)
    return Malformed("a group element was to be multiplied by zero", item=item)
