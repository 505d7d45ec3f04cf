"""What the index derives under a pepper is what PROTOCOL §5.4 says, to the byte."""

import json
from pathlib import Path
from typing import Any

import pytest

from raakvlak_index.index import Pepper
from raakvlak_protocol.secret import SecretBytes

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "proto" / "vectors" / "index.json").read_text("ascii"))
PEPPER = Pepper(SecretBytes(bytes.fromhex(VECTORS["pepper"])))


def test_the_check() -> None:
    assert PEPPER.check().hex() == VECTORS["check"]


@pytest.mark.parametrize("row", VECTORS["rows"], ids=lambda row: str(row["token"][:8]))
def test_a_row(row: dict[str, Any]) -> None:
    (digest,) = PEPPER.digests([bytes.fromhex(row["token"])])
    assert digest.hex() == row["digest"]
    one, other = row["references"]
    for member, reference in row["references"].items():
        assert PEPPER.references(member, [digest])[0].hex() == reference
        assert PEPPER.referred(member, [bytes.fromhex(reference)]) == [digest]
    assert PEPPER.match_id(digest, one, other).hex() == PEPPER.match_id(digest, other, one).hex() == row["match_id"]
