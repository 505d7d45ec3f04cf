"""The Merkle tree of RFC 6962, §2.1: hashes, and the two proofs by which a log shows that it kept what it said.

Everything that verifies raises Evidence where a proof does not hold: the hashes came from somebody who claimed that
they do. Positions count from 0; a tree's size is its number of leaves; every hash is 32 bytes of SHA-256.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from raakvlak_protocol.errors import Evidence

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

Subtree = Callable[[int, int], bytes]
"""(height, index) → the hash over the 2^height leaves that begin at index · 2^height, all of which exist."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf; the zero byte keeps it from ever being taken for a node."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(hashes: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes, in order. Also the hash over a subtree, from the hashes of its lowest level."""
    level = list(hashes)
    while len(level) > 1:
        odd = [level[-1]] if len(level) % 2 else []
        level = [node_hash(level[place], level[place + 1]) for place in range(0, len(level) - 1, 2)] + odd
    return level[0] if level else EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of `size` leaves, by the hashes of its complete subtrees; makes its root and proofs from them."""

    size: int
    subtree: Subtree

    def root(self) -> bytes:
        return self._over(0, self.size) if self.size else EMPTY_ROOT

    def inclusion_proof(self, position: int) -> list[bytes]:
        """PATH(position, D[size]) of RFC 6962 §2.1.1. `position` lies within the tree."""
        return self._path(position, 0, self.size)

    def consistency_proof(self, old_size: int) -> list[bytes]:
        """PROOF(old_size, D[size]) of RFC 6962 §2.1.2; empty where one of the two trees is empty or both are one."""
        if old_size in (0, self.size):
            return []
        return self._proof(old_size, 0, self.size, True)

    def _path(self, position: int, first: int, last: int) -> list[bytes]:
        if last - first == 1:
            return []
        middle = first + _left_size(last - first)
        if position < middle:
            return [*self._path(position, first, middle), self._over(middle, last)]
        return [*self._path(position, middle, last), self._over(first, middle)]

    def _proof(self, old_size: int, first: int, last: int, known: bool) -> list[bytes]:
        if old_size == last:
            return [] if known else [self._over(first, last)]
        middle = first + _left_size(last - first)
        if old_size <= middle:
            return [*self._proof(old_size, first, middle, known), self._over(middle, last)]
        return [*self._proof(old_size, middle, last, False), self._over(first, middle)]

    def _over(self, first: int, last: int) -> bytes:
        """The hash over leaves [first, last), which is a complete subtree or ends where the tree does."""
        count = last - first
        if count & (count - 1) == 0:
            height = count.bit_length() - 1
            return self.subtree(height, first >> height)
        middle = first + _left_size(count)
        return node_hash(self._over(first, middle), self._over(middle, last))


def verify_inclusion(leaf: bytes, position: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Returns when the leaf with this hash stands at the position in the tree of this size and root (RFC 9162 §2.1.3.2).

    Raises Evidence otherwise.
    """
    if not 0 <= position < size:
        raise Evidence(f"position {position} does not lie in a tree of {size} leaves")
    index, last, computed, rest = position, size - 1, leaf, list(proof)
    while last:
        if index % 2 or index < last:
            if not rest:
                raise Evidence(f"the proof for position {position} is too short for a tree of {size} leaves")
            sibling = rest.pop(0)
            computed = node_hash(sibling, computed) if index % 2 else node_hash(computed, sibling)
        index, last = index // 2, last // 2
    if rest or computed != root:
        raise Evidence(f"the leaf at position {position} is not the one under the root of {size} leaves")


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Returns when the tree of `size` leaves begins with the tree of `old_size` leaves (RFC 9162 §2.1.4.2).

    Raises Evidence otherwise: leaves were changed, reordered or taken away, or the proof is wrong. Which of these, a
    proof that fails does not tell: it convicts only who made it.
    """
    if not 0 <= old_size <= size:
        raise Evidence(f"a tree of {size} leaves does not begin with one of {old_size}")
    if old_size in (0, size):
        if proof or (old_size == size and old_root != root) or (old_size == 0 and old_root != EMPTY_ROOT):
            raise Evidence(f"two different trees are said to be the first {old_size} leaves of this log")
        return
    rest = list(proof)
    index, last = old_size - 1, size - 1
    while index % 2:
        index, last = index // 2, last // 2
    # A complete old tree is itself the first hash of the proof.
    old = new = rest.pop(0) if index and rest else old_root
    while last:
        if index % 2 or index < last:
            if not rest:
                raise Evidence(f"the proof that {size} leaves begin with the first {old_size} is too short")
            sibling = rest.pop(0)
            if index % 2:
                old, new = node_hash(sibling, old), node_hash(sibling, new)
            else:
                new = node_hash(new, sibling)
        index, last = index // 2, last // 2
    if rest or old != old_root or new != root:
        raise Evidence(f"the tree of {size} leaves does not begin with the {old_size} leaves that were known")


def _left_size(count: int) -> int:
    """The largest power of two below `count`, which is at least 2."""
    return int(1 << ((count - 1).bit_length() - 1))
