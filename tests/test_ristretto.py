"""The binding: strict parsing, every operation against the others, and the bundled library."""

import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from raakvlak_protocol import ristretto
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.ristretto import IDENTITY, ORDER, Scalar
from tests.require import require

# RFC 9496 §A.2 gives more of these; each stands for one check of the decoder.
NOT_CANONICAL = {
    "the field's prime for zero": "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "all bits set": "ff" * 32,
    "a negative field element": "01" + "00" * 31,
    "no point of the curve": "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
}


def test_the_generator_is_the_standard_one() -> None:
    assert ristretto.multiply_base(Scalar.public(1)).hex() == "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"


@pytest.mark.parametrize("encoding", NOT_CANONICAL.values(), ids=NOT_CANONICAL.keys())
def test_what_is_no_canonical_encoding_is_refused_everywhere(encoding: str) -> None:
    _refused_everywhere(bytes.fromhex(encoding))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_an_element_of_a_wrong_length_is_refused_everywhere(length: int) -> None:
    _refused_everywhere((ristretto.multiply_base(Scalar.public(5)) * 2)[:length])


def test_the_identity_is_refused_wherever_an_element_is_parsed() -> None:
    _refused_everywhere(IDENTITY)


def _refused_everywhere(data: bytes) -> None:
    scalar, good = Scalar.public(3), ristretto.multiply_base(Scalar.public(7))
    with pytest.raises(Malformed):
        ristretto.parse_element(data)
    with pytest.raises(Malformed):
        ristretto.multiply(scalar, data)
    for list_of_two in (
        lambda: ristretto.multiply_each(scalar, [good, data]),
        lambda: ristretto.multiply_pairs([scalar, scalar], [good, data]),
        lambda: ristretto.weighted_sum([scalar.reveal()] * 2, [good, data]),
    ):
        with pytest.raises(Malformed) as caught:
            list_of_two()
        assert caught.value.item == 1
    if data != IDENTITY:
        for left, right in ((good, data), (data, good)):
            with pytest.raises(Malformed):
                ristretto.add(left, right)
            with pytest.raises(Malformed):
                ristretto.subtract(left, right)


@pytest.mark.parametrize("number", [0, ORDER, ORDER + 1, 2**256 - 1])
def test_a_scalar_is_canonical_and_not_zero(number: int) -> None:
    with pytest.raises(Malformed):
        Scalar(number.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_scalar_has_32_bytes(length: int) -> None:
    with pytest.raises(Malformed):
        Scalar(b"\x01" * length)


def test_the_largest_scalar_is_minus_one() -> None:
    assert Scalar((ORDER - 1).to_bytes(32, "little")) == -Scalar.public(1)


def test_scalars_calculate_modulo_the_order() -> None:
    a, b = 2**200 + 12345, 2**251 + 678
    left, right = Scalar.public(a), Scalar.public(b)
    assert left + right == Scalar.public(a + b)
    assert left - right == Scalar.public(a - b)
    assert left * right == Scalar.public(a * b)
    assert -left == Scalar.public(-a)
    assert left.inverse() == Scalar.public(pow(a, -1, ORDER))


def test_a_secret_zero_is_never_made() -> None:
    with pytest.raises(Malformed):
        _ = Scalar.public(9) - Scalar.public(9)


def test_a_reduced_scalar_is_the_remainder() -> None:
    uniform = bytes(range(100, 164))
    assert int.from_bytes(ristretto.reduce(uniform), "little") == int.from_bytes(uniform, "little") % ORDER


@pytest.mark.parametrize("count", [0, 1, 2, 17])
def test_inverting_many_is_inverting_each(count: int) -> None:
    scalars = [ristretto.random_scalar(os.urandom) for _ in range(count)]
    assert ristretto.invert_each(scalars) == [scalar.inverse() for scalar in scalars]


def test_elements_calculate_as_their_scalars_do() -> None:
    two, five, seven = (ristretto.multiply_base(Scalar.public(number)) for number in (2, 5, 7))
    assert ristretto.add(two, five) == seven
    assert ristretto.subtract(seven, five) == two
    assert ristretto.subtract(two, two) == IDENTITY
    assert ristretto.add(two, IDENTITY) == two
    assert ristretto.multiply(Scalar.public(3), two) == ristretto.multiply_base(Scalar.public(6))
    assert ristretto.multiply_each(Scalar.public(2), [two, five]) == [
        ristretto.multiply_base(Scalar.public(number)) for number in (4, 10)
    ]
    weights = [Scalar.public(number).reveal() for number in (3, 4)]
    assert ristretto.weighted_sum(weights, [two, five]) == ristretto.multiply_base(Scalar.public(26))


def test_a_sum_that_cancels_is_the_identity() -> None:
    weights = [Scalar.public(1).reveal(), Scalar.public(-1).reveal()]
    element = ristretto.multiply_base(Scalar.public(11))
    assert ristretto.weighted_sum(weights, [element, element]) == IDENTITY


@pytest.mark.parametrize("length", [0, 63, 65])
def test_too_little_or_too_much_randomness_is_refused(length: int) -> None:
    with pytest.raises(Malformed):
        ristretto.random_scalar(lambda _: b"\x07" * length)
    with pytest.raises(Malformed):
        ristretto.hash_to_group(b"\x07" * length)


def test_a_scalar_does_not_print() -> None:
    scalar = ristretto.random_scalar(os.urandom)
    try:
        raise ValueError(scalar)
    except ValueError as error:
        shown = f"{scalar!r} {scalar} {error} {traceback.format_exc()} {[scalar]}"
    assert scalar.reveal().hex() not in shown
    assert repr(scalar.reveal()) not in shown
    assert "Scalar(32 bytes)" in shown


WITHOUT_THE_SYSTEMS_LIBRARY = """
import ctypes, ctypes.util, sys
ctypes.util.find_library = lambda name: None
class Unnamed(ctypes.CDLL):
    def __init__(self, name):
        if name.startswith("libsodium"):
            raise OSError("not on this machine")
        super().__init__(name)
ctypes.CDLL = Unnamed
from raakvlak_protocol import ristretto
print(ristretto.multiply_base(ristretto.Scalar.public(12345)).hex(), "rbcl" in sys.modules)
"""


def test_the_bundled_library_computes_the_same_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """With no libsodium that the loader finds by name, as on a machine that has none."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_SYSTEMS_LIBRARY],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.split() == [ristretto.multiply_base(Scalar.public(12345)).hex(), "False"]
    assert list(tmp_path.iterdir()) == []


def test_without_memory_files_the_bundled_library_is_loaded_from_a_file_that_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(sys.platform != "win32", "a system where a loaded file may lose its name")
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ristretto.bundled_library().sodium_init() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_library_without_ristretto_is_refused() -> None:
    library = ristretto.system_library() or ristretto.bundled_library()

    class Older:
        """A libsodium from before 1.0.18, as far as `bind` looks."""

        def __getattr__(self, name: str) -> object:
            if "ristretto" in name:
                raise AttributeError(name)
            return getattr(library, name)

    with pytest.raises(ImportError, match=r"1\.0\.18"):
        ristretto.bind(Older())  # type: ignore[arg-type]
