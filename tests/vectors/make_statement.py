"""proto/vectors/statement.json: a key holder's daily statements and their submissions to the log (PROTOCOL §15)."""

import base64
from datetime import date

from raakvlak_protocol import note, publication, statement
from raakvlak_protocol.note import ED25519
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.statement import Account, Charged, Statement
from tests.vectors.fixed import fixed

HOLDER = "keyholder-1.keyholder.zeeland.raakvlak"
SEED = SecretBytes(fixed("key holder", 32))
OTHER = SecretBytes(fixed("another key holder", 32))
DAY = date(2026, 3, 2)
COUNTS: dict[Account, Charged] = {
    ("school", "address", 2): Charged(0, 120),
    ("school", "bsn", 2): Charged(5, 305),
    ("school", "bsn", 10): Charged(7, 7),
    ("town", "bsn", 2): Charged(2000, 21_000),
}
STATED = Statement(HOLDER, DAY, COUNTS)


def statements() -> dict[str, object]:
    raw = statement.sign(STATED, SEED)
    key = note.key_of(HOLDER, ED25519, SEED)
    return {
        "key": {"name": HOLDER, "seed": SEED.reveal().hex(), "public_key": key.public_key.hex(), "vkey": key.vkey},
        "statements": [_stated("a day with evaluations", STATED), _stated("a day without", Statement(HOLDER, DAY, {}))],
        "invalid_statements": [
            {"class": name, "error": error, "statement": made.hex()} for name, (error, made) in _wrong_statements(raw).items()
        ],
        "invalid_submissions": [
            {"class": name, "error": error, "submission": made.hex()} for name, (error, made) in _wrong_submissions(raw).items()
        ],
    }


def _stated(name: str, stated: Statement) -> dict[str, object]:
    raw = statement.sign(stated, SEED)
    return {
        "name": name,
        "day": stated.day.isoformat(),
        "counts": [
            {"member": member, "namespace": namespace, "epoch": epoch, "day": charged.day, "total": charged.total}
            for (member, namespace, epoch), charged in stated.counts.items()
        ],
        "text": stated.text,
        "statement": raw.hex(),
        "hash": statement.statement_hash(raw).hex(),
        "submission": statement.submission(raw, HOLDER, SEED).hex(),
    }


def _wrong_statements(raw: bytes) -> dict[str, tuple[str, bytes]]:
    """Each is signed as it stands, by the key holder where nothing else is said: only its form is wrong."""
    head, lines = STATED.text.split("\n")[:3], STATED.text.split("\n")[3:-1]
    texts = {
        "two accounts exchanged": _text(*head, lines[1], lines[0], *lines[2:]),
        "epochs in order of their text": _text(*head, lines[0], lines[2], lines[1], lines[3]),
        "an account twice": _text(*head, lines[0], *lines),
        "an account twice with other counts": _text(*head, lines[0], "school address 2 1 121", *lines[1:]),
        "a count with a leading zero": _text(*head, "school bsn 2 05 305"),
        "a count with a sign": _text(*head, "school bsn 2 +5 305"),
        "a count with an underscore": _text(*head, "school bsn 2 5 3_05"),
        "a count in other digits": _text(*head, "school bsn 2 ٥ 305"),
        "a count of 2^63": _text(*head, f"school bsn 2 5 {2**63}"),
        "an epoch of 2^32": _text(*head, f"school bsn {2**32} 5 305"),
        "more on the day than in the epoch": _text(*head, "school bsn 2 306 305"),
        "an account that was never charged": _text(*head, "school bsn 2 0 0"),
        "a member that is no id": _text(*head, "School bsn 2 5 305"),
        "two spaces": _text(*head, "school  bsn 2 5 305"),
        "a space at a line's end": _text(*head, "school bsn 2 5 305 "),
        "a field too few": _text(*head, "school bsn 2 305"),
        "an empty line among the accounts": _text(*head, lines[0], "", *lines[1:]),
        "lines ended by CR LF": STATED.text.replace("\n", "\r\n"),
        "another day format": _text(head[0], head[1], "20260302", *lines),
        "a week date": _text(head[0], head[1], "2026-W10-1", *lines),
        "a day that is none": _text(head[0], head[1], "2026-02-30", *lines),
        "no day": _text(*head[:2]),
        "another kind": _text("raakvlak/v1/statement", *head[1:], *lines),
        "another key holder's name": _text(head[0], "keyholder-2.keyholder.zeeland.raakvlak", *head[2:], *lines),
    }
    return {
        **{name: ("malformed", _signed(text, SEED)) for name, text in texts.items()},
        "signed by another key under its name": ("evidence", _signed(STATED.text, OTHER)),
        "signed for another day": ("evidence", _signed(STATED.text, SEED).replace(b"2026-03-02", b"2026-03-03")),
        "a count changed": ("evidence", raw.replace(b" 5 305", b" 4 305")),
        "a second signature line": ("malformed", raw + _line("officer.example", OTHER)),
        "no signature line": ("malformed", STATED.text.encode() + b"\n"),
        "base64 with other last bits": ("malformed", _other_last_bits(raw)),
        "the last newline missing": ("malformed", raw[:-1]),
        "something behind it": ("malformed", raw + b"\n"),
    }


def _wrong_submissions(raw: bytes) -> dict[str, tuple[str, bytes]]:
    good = statement.submission(raw, HOLDER, SEED)
    hash = base64.b64encode(statement.statement_hash(raw)).decode()
    head = ("raakvlak/v1/statement", HOLDER, DAY.isoformat())
    texts = {
        "a hash of 31 bytes": _text(*head, base64.b64encode(fixed("hash", 31)).decode()),
        "a hash in hexadecimal": _text(*head, statement.statement_hash(raw).hex()),
        "base64 without padding": _text(*head, hash.rstrip("=")),
        "a line more": _text(*head, hash, hash),
        "no hash": _text(*head),
        "another kind": _text("raakvlak/v1/evaluations", *head[1:], hash),
    }
    return {
        **{name: ("malformed", _signed(text, SEED)) for name, text in texts.items()},
        "the statement itself": ("malformed", raw),
        "signed by another key under its name": ("evidence", _signed(_text(*head, hash), OTHER)),
        "another day": ("evidence", good.replace(b"2026-03-02", b"2026-03-03")),
    }


def _text(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def _signed(text: str, seed: SecretBytes) -> bytes:
    """A note over any text, also one that `note.signed` would refuse to sign; the key id is the key holder's."""
    key = note.key_of(HOLDER, ED25519, SEED)
    line = note.Line(HOLDER, key.id, publication.sign(seed, text.encode()))
    return note.Note(text, (line,)).encode()


def _line(name: str, seed: SecretBytes) -> bytes:
    key = note.key_of(name, ED25519, seed)
    return note.Line(name, key.id, publication.sign(seed, STATED.text.encode())).text.encode()


def _other_last_bits(raw: bytes) -> bytes:
    """The last base64 character before the padding, with bits set that stand for nothing."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = raw.rstrip(b"\n")
    padding = len(body) - len(body.rstrip(b"="))
    place = len(body) - padding - 1
    return body[:place] + alphabet[alphabet.index(body[place]) + 1 :][:1] + body[place + 1 :] + b"\n"
