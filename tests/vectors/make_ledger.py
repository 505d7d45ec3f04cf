"""A member's ledger (PROTOCOL §13): each kind of message, the chain, and exports that must be refused."""

from typing import Any

from raakvlak_protocol import ledger
from raakvlak_protocol.ledger import Call, Evaluation, Head, Header, Line, Posting, Publication, Withdrawal
from raakvlak_protocol.secret import SecretBytes
from tests.vectors.fixed import fixed

COVENANT, MEMBER = "zeeland", "school"
SEED = SecretBytes(fixed("ledger signing seed", 32))
NOON = 1_780_000_000

MESSAGES: tuple[ledger.Message, ...] = (
    Call(NOON, "index", "index", "/raakvlak.v1.Index/Open", 34, ((1, 32),)),
    Evaluation(NOON + 1, "keyholder-1", "bsn", 7, 3, ledger.evaluation_hash(COVENANT, "bsn", 7, [b"\x01" * 32] * 3)),
    Publication(NOON + 2, 7, 3, 41, 1, fixed("ledger token", 32)),
    Posting(NOON + 3, 3, fixed("ledger match", 16), "", 1, 1024, fixed("ledger letter", 32)),
    Posting(NOON + 4, 3, fixed("ledger match", 16), "coordinator", 1, 4096, fixed("ledger desk letter", 32)),
    Withdrawal(NOON + 4, 7, 3, 42, fixed("ledger reference", 16)),
    Call(NOON + 5, "index", "index", "GET /checkpoint", 0, ()),
)
ERASED = 3
"""The publication's line."""


def ledgers() -> dict[str, object]:
    records = export()
    return {
        "covenant_id": COVENANT,
        "member": MEMBER,
        "signing_seed": SEED.reveal().hex(),
        "signing_key": _key().hex(),
        "begin": Head.begin(COVENANT, MEMBER).hash.hex(),
        "messages": [{"name": type(each).__name__, "encoded": each.encode().hex(), **_fields(each)} for each in MESSAGES],
        "salts": [salt.hex() for salt in _salts()],
        "export": records,
        "invalid_messages": [{"class": name, "message": raw.hex()} for name, raw in _invalid_messages().items()],
        "invalid_exports": [
            {"class": name, "line": line, "export": changed} for name, (line, changed) in _invalid_exports(records).items()
        ],
    }


def export(count: int = len(MESSAGES)) -> list[dict[str, Any]]:
    """The records of an export of so many lines, of which one is erased."""
    head = Head.begin(COVENANT, MEMBER)
    lines = []
    for salt, message in zip(_salts()[:count], MESSAGES[:count], strict=True):
        head = head.then(ledger.commitment(salt, message.encode()))
        kept = (b"", b"") if head.lines == ERASED else (salt, message.encode())
        lines.append(Line(head.lines, head.hash, ledger.commitment(salt, message.encode()), *kept).record())
    header = Header(COVENANT, MEMBER, fixed("ledger covenant", 32), NOON + 60, head).signed(SEED)
    return [header.record(), *lines]


def _salts() -> list[bytes]:
    return [fixed(f"ledger salt {place}", 32) for place in range(len(MESSAGES))]


def _key() -> bytes:
    from nacl.bindings import crypto_sign_seed_keypair

    return bytes(crypto_sign_seed_keypair(SEED.reveal())[0])


def _fields(message: ledger.Message) -> dict[str, object]:
    named = {name: getattr(message, name) for name in message.__slots__}
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in named.items()}


def _invalid_messages() -> dict[str, bytes]:
    call, evaluation, publication, *_ = (each.encode() for each in MESSAGES)
    two = Call(NOON, "index", "index", "/x", 2, ((2, 1), (1, 1))).encode()
    return {
        "empty": b"",
        "of kind 0": b"\0" + publication[1:],
        "of a kind that is none yet": b"\x06" + publication[1:],
        "a byte too short": publication[:-1],
        "a byte too long": publication + b"\0",
        "a text that goes on behind the end": evaluation[:9] + b"\xff\xff" + evaluation[11:],
        "a text with a line end": evaluation.replace(b"keyholder-1", b"keyholder\n1"),
        "a text beyond ASCII": call.replace(b"Open", b"Op\xc3\xa9"),
        "more fields than there are": call.replace(b"\x01\x00\x00\x00\x01", b"\x02\x00\x00\x00\x01"),
        "fields that do not rise": two,
    }


def _invalid_exports(records: list[dict[str, Any]]) -> dict[str, tuple[int, list[dict[str, Any]]]]:
    """By class: the line that must be named, 0 for the header, and the records."""
    header, *lines = records

    def with_line(number: int, **change: object) -> list[dict[str, Any]]:
        return [header, *(line | change if line["line"] == number else line for line in lines)]

    other = fixed("ledger other", 32).hex()
    without = {name: value for name, value in lines[4].items() if name not in ("salt", "message")}
    return {
        "no records": (0, []),
        "no header": (0, lines),
        "another member's": (0, [header | {"member": "town"}, *lines]),
        "another covenant version": (0, [header | {"covenant_hash": other}, *lines]),
        "a later moment": (0, [header | {"exported": NOON + 61}, *lines]),
        "a name that is unknown": (0, [header | {"remark": "none"}, *lines]),
        "a line left out": (2, [header, lines[0], *lines[2:]]),
        "a line twice": (3, [header, *lines[:2], *lines[1:]]),
        "two lines in each other's place": (2, [header, lines[0], lines[2], lines[1], *lines[3:]]),
        "the last line left out": (len(lines), [header, *lines[:-1]]),
        "a line behind the end": (len(lines) + 1, [header, *lines, lines[-1] | {"line": len(lines) + 1}]),
        "another hash": (4, with_line(4, hash=other)),
        "another commitment on an erased line": (3, with_line(3, commitment=other)),
        "another commitment": (4, with_line(4, commitment=other)),
        "another salt": (4, with_line(4, salt=other)),
        "another message": (5, with_line(5, message=lines[3]["message"])),
        "a message of no kind that fits its commitment": (6, _fitting(records, b"\x09")),
        "a message without its salt": (5, [header, *lines[:4], without | {"message": lines[4]["message"]}, lines[5]]),
        "hex in capitals": (4, with_line(4, hash=lines[3]["hash"].upper())),
    }


def _fitting(records: list[dict[str, Any]], raw: bytes) -> list[dict[str, Any]]:
    """The last line with another message, everything after it made and signed anew."""
    header, *lines = records
    salt = _salts()[-1]
    head = Head(5, bytes.fromhex(lines[4]["hash"])).then(ledger.commitment(salt, raw))
    last = Line(6, head.hash, ledger.commitment(salt, raw), salt, raw)
    signed = Header(COVENANT, MEMBER, bytes.fromhex(header["covenant_hash"]), header["exported"], head).signed(SEED)
    return [signed.record(), *lines[:5], last.record()]
