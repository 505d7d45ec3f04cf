"""Field encryption: a field opens at its own place, under its own key, unchanged; or not at all."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_node.vault import HANDLE_BYTES, Vault
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.secret import SecretBytes

KEY = SecretBytes(b"k" * 32)


def vault(key: SecretBytes = KEY) -> Vault:
    return Vault(key, os.urandom)


@given(st.binary(), st.lists(st.binary(max_size=20) | st.text(max_size=20), max_size=3))
def test_what_is_sealed_opens_at_its_place(value: bytes, place: list[bytes | str]) -> None:
    sealed = vault().seal(value, *place)
    assert vault().open(sealed, *place).reveal() == value
    assert len(value) < 4 or value not in sealed


@pytest.mark.parametrize(
    "place", [("person", b"2"), ("case", b"1"), ("person",), (), ("person1",), ("person", b"1", b""), ("perso", b"n1")]
)
def test_a_field_moved_into_anothers_place_does_not_open(place: tuple[str | bytes, ...]) -> None:
    sealed = vault().seal(b"123456782", "person", b"1")
    with pytest.raises(Refused, match="does not open"):
        vault().open(sealed, *place)


def test_another_key_opens_nothing_and_names_differently() -> None:
    other = vault(SecretBytes(b"j" * 32))
    with pytest.raises(Refused, match="another node's"):
        other.open(vault().seal(b"123456782", "person"), "person")
    assert other.handle("case", "ZK-1") != vault().handle("case", "ZK-1")


@given(st.integers(0, 24 + 16 + 9 - 1), st.integers(1, 255))
def test_a_changed_byte_is_found(place: int, change: int) -> None:
    sealed = bytearray(vault().seal(b"123456782", "person"))
    sealed[place] ^= change
    with pytest.raises(Refused):
        vault().open(bytes(sealed), "person")


@given(st.integers(0, 24 + 16 + 9 - 1))
def test_a_cut_field_is_found(size: int) -> None:
    with pytest.raises(Refused):
        vault().open(vault().seal(b"123456782", "person")[:size], "person")


def test_the_same_value_is_sealed_differently_each_time() -> None:
    assert vault().seal(b"123456782", "person") != vault().seal(b"123456782", "person")


def test_a_handle_is_the_same_for_the_same_parts_only() -> None:
    one = vault().handle("case", "ZK-1")
    assert len(one) == HANDLE_BYTES
    assert one == vault().handle("case", b"ZK-1")
    others = [("case", "ZK-2"), ("person", "ZK-1"), ("caseZK-1",), ("case", "ZK", "-1"), ("cas", "eZK-1")]
    assert len({one, *(vault().handle(*parts) for parts in others)}) == 1 + len(others)


def test_a_vault_prints_no_key() -> None:
    assert "6b6b" not in repr(vault()) and "kkkk" not in repr(vault())
