"""A secret shows nothing but its length, wherever Python would print it, and leaves by one word only."""

import copy
import dataclasses
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from raakvlak_protocol.identifier import Address, Bsn
from raakvlak_protocol.letter_content import CardCase
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.ristretto import Scalar
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import Token, expand

VALUE = b"geheim-van-123456782-en-van-niemand-anders-dan-die-ene-persoon-x"[:32]
TRACES = ("geheim", VALUE.hex(), VALUE.hex()[:16], str(list(VALUE))[1:20], "123456782")
SECRETS = (SecretBytes(VALUE), Token(VALUE), Scalar(VALUE[:31] + b"\0"))


@dataclass(frozen=True)
class Holder:
    name: str
    secret: object


class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    secret: SecretBytes
    count: int


def silent(text: str) -> bool:
    return not any(trace in text for trace in TRACES)


PRINTERS: dict[str, Callable[[object], str]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "f-string": lambda secret: f"{secret} {secret!r} {secret!s}",
    "format": lambda secret: "{} {!r}".format(secret, secret),  # noqa: UP032 the method is what is tested
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 the operator is what is tested
    "list": lambda secret: str([secret]),
    "dictionary": lambda secret: str({"secret": secret}),
    "dataclass": lambda secret: repr(Holder("holder", secret)),
    "exception": lambda secret: repr(ValueError(secret)),
    "json with str": lambda secret: json.dumps({"secret": secret}, default=str),
    "json with repr": lambda secret: json.dumps({"secret": secret}, default=repr),
}


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: type(secret).__name__)
@pytest.mark.parametrize("name", PRINTERS)
def test_it_does_not_print(name: str, secret: SecretBytes) -> None:
    printed = PRINTERS[name](secret)
    assert silent(printed)
    assert f"{type(secret).__name__}(32 bytes)" in printed


def test_what_is_made_of_secrets_does_not_print() -> None:
    case = CardCase("geheim", frozenset({Relation.CLIENT}), "geheim", "geheim", "geheim", "", dataclasses.MISSING)  # type: ignore[arg-type]
    keys = expand(SecretBytes(VALUE * 2))
    printed = f"{Bsn.parse('123456782')} {Address.parse('4331AB', '12')} {case} {keys}"
    assert silent(printed)
    assert "4331" not in printed
    assert keys.token.reveal().hex() not in printed
    assert str(keys.token.reveal()) not in printed


def test_it_does_not_print_in_a_traceback_with_locals() -> None:
    secret, identifier = SecretBytes(VALUE), Bsn.parse("123456782")
    try:
        raise ValueError(secret, identifier)
    except ValueError as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
    printed = "".join(report.format())
    assert "SecretBytes(32 bytes)" in printed
    assert "Bsn(…)" in printed
    assert not any(trace in printed for trace in (repr(VALUE), VALUE.hex(), "bytearray"))


def test_it_does_not_print_in_logs() -> None:
    secret, out = SecretBytes(VALUE), io.StringIO()
    handler = logging.StreamHandler(out)
    logger = logging.Logger("test")
    logger.addHandler(handler)
    logger.warning("%s %r", secret, secret)
    for renderer in (structlog.processors.JSONRenderer(), structlog.processors.KeyValueRenderer()):
        log = structlog.wrap_logger(structlog.PrintLogger(out), processors=[renderer])
        log.warning("event", secret=secret, within=[{"secret": secret}])
    assert out.getvalue().count("SecretBytes(32 bytes)") == 6
    assert silent(out.getvalue())


def test_it_does_not_print_in_a_validation_error() -> None:
    with pytest.raises(ValidationError) as caught:
        Model(secret=SecretBytes(VALUE), count="many")  # type: ignore[arg-type]
    assert silent(str(caught.value))
    assert silent(repr(caught.value.errors()))
    assert silent(repr(Model(secret=SecretBytes(VALUE), count=1)))


def test_json_refuses_it() -> None:
    with pytest.raises(TypeError) as caught:
        json.dumps({"secret": SecretBytes(VALUE)})
    assert silent(str(caught.value))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_can_not_be_pickled(protocol: int) -> None:
    for secret in (*SECRETS, Bsn.parse("123456782"), Holder("holder", SECRETS[0]), [SECRETS[0]]):
        with pytest.raises(TypeError, match="secret can't be pickled"):
            pickle.dumps(secret, protocol)


def test_it_can_not_be_copied_or_taken_apart() -> None:
    secret = SecretBytes(VALUE)
    takers: list[Any] = [copy.copy, copy.deepcopy, bytes, list, iter, vars, bytearray, memoryview, hash]
    for taking in takers:
        with pytest.raises(TypeError):
            taking(secret)
    with pytest.raises(TypeError):
        dataclasses.asdict(Holder("holder", secret))
    with pytest.raises(TypeError):
        secret[0]  # type: ignore[index]


def test_it_compares_by_value_and_with_secrets_only() -> None:
    assert SecretBytes(VALUE) == SecretBytes(VALUE)
    assert SecretBytes(VALUE) == Token(VALUE)
    assert SecretBytes(VALUE) != SecretBytes(VALUE[:31])
    assert SecretBytes(VALUE) != VALUE
    assert SecretBytes(b"") == SecretBytes(b"")


def test_reveal_gives_the_value_even_when_its_source_changes() -> None:
    source = bytearray(VALUE)
    secret = SecretBytes(source)  # type: ignore[arg-type]  # which a careless caller may do
    source[0] = 0
    assert secret.reveal() == VALUE
    assert len(secret) == len(VALUE)
