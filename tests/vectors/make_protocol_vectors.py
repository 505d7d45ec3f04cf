"""Writes the vectors of the protocol into proto/vectors: all but the VOPRF's and its threshold's.

Run as `python -m tests.vectors.make_protocol_vectors`. Deterministic: every secret is hashed from a label. Bytes are
hex; a failing vector names what is wrong with it in `class`.
"""

import json
from collections.abc import Callable
from pathlib import Path

from tests.vectors import (
    make_account,
    make_act,
    make_canary,
    make_covenant,
    make_identifier,
    make_index,
    make_ledger,
    make_letter,
    make_log,
    make_publication,
    make_statement,
)

FOLDER = Path(__file__).parents[2] / "proto" / "vectors"

BUILDERS: dict[str, Callable[[], dict[str, object]]] = {
    "identifier": make_identifier.identifiers,
    "relation": make_identifier.relations,
    "term": make_identifier.terms,
    "token": make_publication.tokens,
    "publication": make_publication.publications,
    "index": make_index.derived,
    "letter": make_letter.letters,
    "act": make_act.vectors,
    "ledger": make_ledger.ledgers,
    "account": make_account.accounts,
    "statement": make_statement.statements,
    "canary": make_canary.canaries,
    "covenant": make_covenant.vectors,
    "merkle": make_log.merkle,
    "entry": make_log.entries,
    "checkpoint": make_log.checkpoints,
    "receipt": make_log.receipts,
}


def text_of(name: str) -> str:
    """The file's whole text: ASCII, so that an editor or a checkout can't change what a spelling is made of."""
    return json.dumps(BUILDERS[name](), indent=1) + "\n"


if __name__ == "__main__":
    for each in BUILDERS:
        (FOLDER / f"{each}.json").write_text(text_of(each), "ascii")
