"""proto/PROTOCOL.md says what the code does, where a machine can compare the two."""

import importlib
import re
from pathlib import Path

import pytest

from raakvlak_protocol import letter
from raakvlak_protocol.covenant import KINDS
from raakvlak_protocol.relation import Relation, match_kind
from raakvlak_protocol.v1 import refusal_pb2

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "proto" / "PROTOCOL.md").read_text("utf-8")
PREFIX = re.compile(r"raakvlak/v1(?:/[a-z-]+)?(?=\")")
LIMITS = re.findall(r"^\| ([^|]+?) \| (\d+) \| [a-z]* ?\| `([a-z_.]+)\.([A-Z_]+)` \|$", TEXT, re.MULTILINE)


def test_every_prefix_in_the_code_is_in_the_text_and_no_other() -> None:
    folders = [ROOT / "proto", ROOT / "keyholder", ROOT / "index", ROOT / "node", ROOT / "covenant"]
    sources = [path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py")]
    in_code = {found for source in sources for found in PREFIX.findall(source)}
    assert in_code == set(PREFIX.findall(TEXT))


def test_the_limits_were_found() -> None:
    assert len(LIMITS) >= 17


@pytest.mark.parametrize(("limit", "value", "module", "name"), LIMITS, ids=[limit for limit, *_ in LIMITS])
def test_a_limit_is_the_code_s(limit: str, value: str, module: str, name: str) -> None:
    assert getattr(importlib.import_module(f"raakvlak_protocol.{module}"), name) == int(value), limit


def test_the_letter_sizes() -> None:
    overhead = letter.SIZES[-1] - letter.MAX_CONTENT_BYTES
    assert f"the smallest of {letter.SIZES[0]}, {letter.SIZES[1]} and {letter.SIZES[2]} bytes" in TEXT
    first, second, third = (size - overhead for size in letter.SIZES)
    assert f"take {overhead}\nbytes, so that contents of at most {first}, {second} and {third} bytes fit" in TEXT


def test_the_relation_table() -> None:
    rows = re.findall(r"^\| \*\*(\w+)\*\* \|(.*)\|$", TEXT, re.MULTILINE)
    assert [own for own, _ in rows] == list(Relation)
    words = {"client match": "client", "family": "family", "–": None}
    for own, row in rows:
        told = [words[cell.strip()] for cell in row.split("|")]
        assert told == [match_kind(Relation(own), other) for other in Relation]


def test_the_kinds() -> None:
    assert " ".join(KINDS) in " ".join(TEXT.split())


def test_the_refusals() -> None:
    named = set(re.findall(r"^\| ([A-Z_]+) \| [A-Z_]+ \|", TEXT, re.MULTILINE))
    assert named == {value.name for value in refusal_pb2.RefusalReason.DESCRIPTOR.values if value.number}


def test_every_vectors_file_is_named() -> None:
    named = set(re.findall(r"^\| `([a-z]+\.json)` \|", TEXT, re.MULTILINE))
    assert named == {path.name for path in (ROOT / "proto" / "vectors").glob("*.json")}
