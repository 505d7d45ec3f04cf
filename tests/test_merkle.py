"""The tree of RFC 6962, against the RFC's own recursive definitions and the roots that others publish."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_protocol import merkle
from raakvlak_protocol.errors import Evidence
from raakvlak_protocol.merkle import EMPTY_ROOT, Tree
from tests import logs

MOST = 70
HASHES = [logs.leaf(b"%d" % number) for number in range(MOST)]
ROOTS = [logs.mth(HASHES[:size]) for size in range(MOST + 1)]

# The eight leaves and the roots over the first of them in the Merkle tree tests of Google's certificate-transparency.
KNOWN_LEAVES = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
]  # fmt: skip
KNOWN_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

sizes = st.integers(1, MOST)


def tree(size: int) -> Tree:
    return Tree(size, lambda height, index: logs.mth(HASHES[index << height : (index + 1) << height]))


@st.composite
def leaf_of_tree(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(sizes)
    return draw(st.integers(0, size - 1)), size


@st.composite
def two_trees(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(sizes)
    return draw(st.integers(0, size)), size


def test_the_known_roots() -> None:
    hashes = [merkle.leaf_hash(bytes.fromhex(each)) for each in KNOWN_LEAVES]
    assert [merkle.root(hashes[: size + 1]).hex() for size in range(len(hashes))] == KNOWN_ROOTS
    assert merkle.root([]) == EMPTY_ROOT == hashlib.sha256().digest()


def test_roots() -> None:
    for size in range(MOST + 1):
        assert merkle.root(HASHES[:size]) == tree(size).root() == ROOTS[size]


@given(leaf_of_tree())
def test_inclusion_proofs_are_the_rfc_s_and_hold(case: tuple[int, int]) -> None:
    position, size = case
    proof = tree(size).inclusion_proof(position)
    assert proof == logs.path(position, HASHES[:size])
    merkle.verify_inclusion(HASHES[position], position, size, proof, ROOTS[size])


@given(two_trees())
def test_consistency_proofs_are_the_rfc_s_and_hold(case: tuple[int, int]) -> None:
    old, size = case
    proof = tree(size).consistency_proof(old)
    assert proof == (logs.proof(old, HASHES[:size]) if 0 < old < size else [])
    merkle.verify_consistency(old, ROOTS[old], size, ROOTS[size], proof)


@given(leaf_of_tree(), st.data())
def test_a_changed_inclusion_proof_is_evidence(case: tuple[int, int], data: st.DataObject) -> None:
    position, size = case
    proof = tree(size).inclusion_proof(position)
    for other in changed(proof, data):
        with pytest.raises(Evidence):
            merkle.verify_inclusion(HASHES[position], position, size, other, ROOTS[size])


@given(leaf_of_tree(), st.integers(-2, MOST + 2), st.integers(0, MOST))
def test_a_leaf_stands_nowhere_else(case: tuple[int, int], elsewhere: int, other_size: int) -> None:
    position, size = case
    proof = tree(size).inclusion_proof(position)
    if elsewhere != position:
        with pytest.raises(Evidence):
            merkle.verify_inclusion(HASHES[position], elsewhere, size, proof, ROOTS[size])
    if other_size != size:
        with pytest.raises(Evidence):
            merkle.verify_inclusion(HASHES[position], position, size, proof, ROOTS[other_size])


@given(two_trees(), st.data())
def test_a_changed_consistency_proof_is_evidence(case: tuple[int, int], data: st.DataObject) -> None:
    old, size = case
    for other in changed(tree(size).consistency_proof(old), data):
        with pytest.raises(Evidence):
            merkle.verify_consistency(old, ROOTS[old], size, ROOTS[size], other)


@given(two_trees(), st.data())
def test_a_rewritten_tree_is_evidence(case: tuple[int, int], data: st.DataObject) -> None:
    """With the one proof that leads to the larger root."""
    old, size = case
    if old:
        place = data.draw(st.integers(0, old - 1))
        before = [*HASHES[:place], bytes(32), *HASHES[place + 1 : old]]
    else:
        before = [bytes(32)]
    with pytest.raises(Evidence):
        merkle.verify_consistency(old, logs.mth(before), size, ROOTS[size], tree(size).consistency_proof(old))


@pytest.mark.parametrize(("old", "size"), [(-1, 5), (6, 5), (1, 0)])
def test_no_tree_begins_with_a_larger_one(old: int, size: int) -> None:
    with pytest.raises(Evidence):
        merkle.verify_consistency(old, ROOTS[1], size, ROOTS[size], [])


def test_an_empty_tree_has_one_root() -> None:
    with pytest.raises(Evidence):
        merkle.verify_consistency(0, bytes(32), 0, bytes(32), [])


def test_a_node_can_not_be_taken_for_a_leaf() -> None:
    left, right = HASHES[:2]
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right) == ROOTS[2]
    with pytest.raises(Evidence):
        merkle.verify_inclusion(merkle.leaf_hash(left + right), 0, 1, [], ROOTS[2])


def changed(proof: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    """The proof with a hash too many at each end, and where it has any: one missing, one changed, two exchanged."""
    others = [[*proof, bytes(32)], [bytes(32), *proof]]
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        flipped = (int.from_bytes(proof[place], "big") ^ 1 << bit).to_bytes(32, "big")
        others += [proof[:place] + proof[place + 1 :], [*proof[:place], flipped, *proof[place + 1 :]]]
    if len(proof) > 1:
        others.append([proof[1], proof[0], *proof[2:]])
    return others
