"""A member's account (PROTOCOL §18) around the ledger of `make_ledger`, and ones that must be refused."""

import hashlib
import json
from typing import Any

from raakvlak_protocol import account, publication
from raakvlak_protocol.account import Ended, Header, Held, Row
from raakvlak_protocol.evidence import Opening
from raakvlak_protocol.ledger import encode_record
from tests.vectors.fixed import fixed
from tests.vectors.make_ledger import COVENANT, MEMBER, MESSAGES, NOON, SEED, export

OPENING = Opening(17, fixed("account salt", 32), fixed("account digest", 16), 342, 1)
ROWS = (
    Row(1, 7, fixed("ledger token", 32), fixed("account reference", 16), 2, OPENING),
    Row(2, 7, fixed("account other token", 32), fixed("account other reference", 16), 0, None),
)
ENDED = (Ended(1, 7, fixed("account ended token", 32), 5),)
HELD = (Held(1, 7, ROWS[0].reference, 342, 1),)
HEADER = Header(
    COVENANT, MEMBER, fixed("ledger covenant", 32), NOON + 61, 42, 1, 0, b"a signed note\n", len(ROWS), len(ENDED), len(HELD)
)


def accounts() -> dict[str, object]:
    lines = written()
    return {
        "covenant_id": COVENANT,
        "member": MEMBER,
        "signing_seed": SEED.reveal().hex(),
        "leaf": OPENING.leaf(MEMBER, 7).hex(),
        "account": [json.loads(line) for line in lines],
        "invalid_accounts": [
            {"class": name, "line": line, "account": [json.loads(each) for each in changed]}
            for name, (line, changed) in _invalid(lines).items()
        ],
    }


def written() -> list[bytes]:
    return list(account.written(HEADER, export(), ROWS, ENDED, HELD, SEED))


def closed(lines: list[bytes]) -> list[bytes]:
    """The lines with an end that the member signs over them as they are."""
    hash = hashlib.sha256(b"".join(lines)).digest()
    signature = publication.sign(SEED, account.statement(COVENANT, MEMBER, hash))
    return [*lines, encode_record({"end": len(lines), "hash": hash.hex(), "signature": signature.hex()})]


def _invalid(lines: list[bytes]) -> dict[str, tuple[int, list[bytes]]]:
    """What is wrong, the line of the file that must be named (0: one of the ledger in it), the lines."""
    row = 2 + len(MESSAGES) + 1
    end = len(lines)
    ends = json.loads(lines[-1])
    return {
        "of another format": (1, [_with(lines[0], format="raakvlak-account/2"), *lines[1:]]),
        "without its end": (end, lines[:-1]),
        "it goes on behind its end": (end + 1, [*lines, lines[-1]]),
        "a row changed": (end, _replaced(lines, row, _with(lines[row - 1], cases=3))),
        "a row left out": (row, [*lines[: row - 1], *lines[row:]]),
        "two rows in each other's place, signed": (
            row, closed([*lines[: row - 1], lines[row], lines[row - 1], *lines[row + 1 : -1]]),
        ),
        "an epoch that is no u32, signed": (row, closed(_replaced(lines, row, _with(lines[row - 1], epoch=2**32))[:-1])),
        "a name that is none, signed": (row, closed(_replaced(lines, row, _with(lines[row - 1], bsn=""))[:-1])),
        "a line of the ledger left out, signed": (0, closed([*lines[:3], *lines[4:-1]])),
        "another count of lines": (end, _replaced(lines, end, _with(lines[-1], end=ends["end"] + 1))),
        "signed by another": (end, _replaced(lines, end, _with(lines[-1], signature=fixed("no signature", 64).hex()))),
    }  # fmt: skip


def _with(line: bytes, **changed: Any) -> bytes:
    return encode_record(json.loads(line) | changed)


def _replaced(lines: list[bytes], number: int, line: bytes) -> list[bytes]:
    return [*lines[: number - 1], line, *lines[number:]]
