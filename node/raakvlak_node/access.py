"""The access log: who saw, created, changed, searched or exported what, and on whose behalf (NEN 7513, ISO 27789).

Append-only and chained. A line is one JSON object; its hash is

    H(["raakvlak/v1/access"] ‖ hash of the line before ‖ line)

over the line as an export shows it, so that an export can be verified by whoever holds an earlier head, with `verify`
alone. In the store the line lies sealed; number, hash and moment lie open, and the handles of the case and of the persons
that it concerns, by which they find it after the case has gone. Each line holds a salt of its own, without which its hash,
which lies open, could be tested against guesses of what it says.

A line is written in the transaction of what it tells of, so that neither is without the other. What was refused has no
such transaction: the caller writes it in one of its own. Lines stay for five years at least (the Dutch minister's decision
of 27 June 2019, Staatscourant 2019, 38007); the database itself refuses to change one or to delete it before.

What the chain does not tell: a store that was put back from a backup goes on from the lines that it holds. Whoever kept
the head of an export sees it.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from importlib.metadata import version
from itertools import islice
from typing import Any, Final, Literal, Self, get_args

from raakvlak_node.store import Store
from raakvlak_protocol.encoding import prefixed, u64
from raakvlak_protocol.errors import Evidence, Malformed, Refused
from raakvlak_protocol.text import MAX_REFERENCE_CHARACTERS, MAX_TEXT_CHARACTERS, shown_lines, shown_text

KEPT_YEARS: Final = 5
KEPT_SECONDS: Final = (365 * KEPT_YEARS + 2) * 86_400
"""Five years hold two leap days at most. The trigger `access_kept` holds the same number."""
FORMAT: Final = "raakvlak-access/1"
MAX_REASON_CHARACTERS: Final = 2_000
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
CHUNK_LINES: Final = 1_000
BEGIN: Final = "access_begin"
"""The remark that holds the head at which the chain begins, once lines were forgotten."""

Via = Literal["command", "rest", "page", "node"]
Kind = Literal[
    "case", "match", "picture", "follow-up", "agreement", "person", "report", "log", "ledger", "backup", "node", "account"
]


class Event(StrEnum):
    """What was done. `action` is the letter of RFC 3881: create, read, update, delete, execute; as DICOM gives them to a
    query (execute), an export (read) and a sign-in (execute)."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    SEARCH = "search"
    IMPORT = "import"
    EXPORT = "export"
    RELEASE = "release"
    WITHHOLD = "withhold"
    """A release is taken back."""
    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"

    @property
    def action(self) -> str:
        return _ACTIONS[self]


_ACTIONS: Final = {
    Event.CREATE: "C",
    Event.READ: "R",
    Event.UPDATE: "U",
    Event.DELETE: "D",
    Event.SEARCH: "E",
    Event.IMPORT: "C",
    Event.EXPORT: "R",
    Event.RELEASE: "U",
    Event.WITHHOLD: "U",
    Event.SIGN_IN: "E",
    Event.SIGN_OUT: "E",
}


class Result(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which role, and by which door. `id` is whom this program knows: the user of the machine or of the pages,
    an access token, the node itself. `on_behalf_of` is the person whom that one names, which nobody here has verified.

    Raises Malformed where a text holds what no line can show.
    """

    id: str
    role: str
    via: Via
    on_behalf_of: str = ""

    def __post_init__(self) -> None:
        for field, text in (("id", self.id), ("role", self.role)):
            shown_text(text, MAX_TEXT_CHARACTERS, field, required=True)
        shown_text(self.on_behalf_of, MAX_TEXT_CHARACTERS, "on_behalf_of")
        if self.via not in get_args(Via):
            raise Malformed(f"one acts by {', '.join(get_args(Via))}", field="via")

    @classmethod
    def node(cls) -> Self:
        """The node by itself: a term that passed, a letter that came."""
        return cls("node", "node", "node")

    @classmethod
    def command(cls, user: str, on_behalf_of: str = "") -> Self:
        """Whoever runs a command, as the operating system knows them."""
        return cls(user, "administrator", "command", on_behalf_of)

    @classmethod
    def rest(cls, token: str, on_behalf_of: str = "") -> Self:
        """The system that holds the access token of this name, and the user whom it names."""
        return cls(token, "system", "rest", on_behalf_of)

    @classmethod
    def page(cls, user: str, role: str) -> Self:
        """Who is signed in to the pages, by e-mail address, in the role in which this one acts."""
        return cls(user, role, "page")

    @classmethod
    def visitor(cls, claimed: str = "") -> Self:
        """Somebody at the pages who is not signed in; `claimed` is the user as whom this one tried to."""
        return cls("visitor", "visitor", "page", claimed)


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """One line. `moment` is Unix seconds; `persons` are handles, which mean nothing outside this node's store."""

    number: int
    salt: bytes
    moment: int
    event: Event
    outcome: Result
    actor: Actor
    kind: Kind
    case: str
    persons: tuple[bytes, ...]
    reason: str
    software: str

    def __repr__(self) -> str:
        return f"Line({self.number}, {self.event})"

    def record(self) -> dict[str, Any]:
        """As an export shows it, its names in this order."""
        return {
            "number": self.number,
            "salt": self.salt.hex(),
            "moment": f"{datetime.fromtimestamp(self.moment, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "event": str(self.event),
            "action": self.event.action,
            "outcome": str(self.outcome),
            "actor": self.actor.id,
            "role": self.actor.role,
            "via": self.actor.via,
            "on_behalf_of": self.actor.on_behalf_of,
            "kind": self.kind,
            "case": self.case,
            "persons": [each.hex() for each in self.persons],
            "reason": self.reason,
            "software": self.software,
        }

    def encode(self) -> bytes:
        return _json(self.record())

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """The line in these bytes; raises Malformed where they are not exactly as `encode` writes them."""
        try:
            found = json.loads(raw)
            line = cls(
                found["number"],
                bytes.fromhex(found["salt"]),
                int(datetime.strptime(found["moment"], "%Y-%m-%dT%H:%M:%S%z").timestamp()),
                Event(found["event"]),
                Result(found["outcome"]),
                Actor(found["actor"], found["role"], found["via"], found["on_behalf_of"]),
                found["kind"],
                found["case"],
                tuple(map(bytes.fromhex, found["persons"])),
                found["reason"],
                found["software"],
            )
            texts = (line.case, line.reason, line.software)
            typed = type(line.number) is int and all(isinstance(each, str) for each in texts) and line.kind in get_args(Kind)
            exact = typed and len(line.salt) == SALT_BYTES and line.encode() == raw
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, Malformed):
            exact = False
        if not exact:
            raise Malformed("a line of the access log is not as this program writes it")
        return line


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log goes: its last line has this number and hash. Keep one to hold later exports against."""

    number: int
    hash: bytes

    @classmethod
    def begin(cls) -> Self:
        """Before the first line that there ever was."""
        return cls(0, hashlib.sha256(prefixed("raakvlak/v1/access-begin")).digest())

    def then(self, line: bytes) -> "Head":
        """After this line."""
        return Head(self.number + 1, hashlib.sha256(prefixed("raakvlak/v1/access") + self.hash + line).digest())

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `str` makes; raises Malformed."""
        number, _, hash = text.partition(":")
        if number.isascii() and number.isdigit() and len(number) < 19 and len(hash) == 2 * HASH_BYTES:
            try:
                found = cls(int(number), bytes.fromhex(hash))
            except ValueError:
                found = cls(0, b"")
            if str(found) == text:
                return found
        raise Malformed("the head of an access log is its last line's number, a colon and 64 hexadecimal digits")


# --- an export --------------------------------------------------------------------------------------------------------


def verify(raw: Iterable[bytes], earlier: Head | None = None) -> Head:
    """The head of a whole export, given as the file's lines with their ends, when nothing in it was changed, taken away
    or put in another place. `earlier` is the head of an export that was verified before: it must lie on this chain,
    unless its line is so old that it was forgotten since.

    Raises Malformed or Evidence naming the first wrong line. Who can write the whole file anew can make another chain:
    only `earlier` tells that one.
    """
    each = iter(raw)
    begin, end = _header(next(each, b""))
    if earlier is not None and earlier.number > end.number:
        raise Evidence(f"the access log ends at line {end.number} and went to line {earlier.number} in the earlier export")
    head = begin
    _compare(head, earlier)
    for text in each:
        head = _followed(head, text)
        _compare(head, earlier)
    if head.number < end.number:
        raise Evidence(f"line {head.number + 1} of the access log is missing: the export ends before it")
    if head != end:
        raise Evidence(f"line {head.number} of the access log is not the last one that the header names")
    return head


def _header(raw: bytes) -> tuple[Head, Head]:
    try:
        found = json.loads(raw)
        begin, end = Head.parse(found["begin"]), Head.parse(found["end"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Malformed(f"this is no access log of the format {FORMAT}: its header can't be read") from None
    if _encode_header(begin, end) != raw:
        raise Malformed(f"this is no access log of the format {FORMAT}: its header is not as this program writes it")
    return begin, end


def _encode_header(begin: Head, end: Head) -> bytes:
    return _json({"format": FORMAT, "begin": str(begin), "end": str(end)}) + b"\n"


def _encode_record(hash: bytes, line: bytes) -> bytes:
    return b'{"hash":"' + hash.hex().encode() + b'","line":' + line + b"}\n"


def _followed(head: Head, raw: bytes) -> Head:
    """The head after the line in this record of an export."""
    number = head.number + 1
    begin, end = len(_encode_record(bytes(HASH_BYTES), b"")) - 2, len(raw) - 2
    line = raw[begin:end]
    try:
        found = Line.decode(line)
    except Malformed as error:
        raise Malformed(f"line {number} of the access log: {error.message}") from None
    if found.number != number:
        raise Evidence(f"line {number} of the access log: another line stands in its place")
    following = head.then(line)
    if _encode_record(following.hash, line) != raw:
        raise Evidence(
            f"line {number} of the access log does not follow on the lines before it: it, or one of them, was changed"
        )
    return following


def _compare(head: Head, earlier: Head | None) -> None:
    if earlier is not None and head.number == earlier.number and head != earlier:
        raise Evidence(
            f"line {head.number} of the access log or one before it differs from the earlier export: the node was restored "
            "from a backup, or the log was rewritten"
        )


# --- the store --------------------------------------------------------------------------------------------------------


class AccessLog:
    """The verbs, on a node's store. `random` makes the salts."""

    def __init__(self, store: Store, random: Callable[[int], bytes] = os.urandom) -> None:
        self._store = store
        self._random = random

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def write(
        self,
        actor: Actor,
        event: Event,
        now: datetime,
        *,
        outcome: Result = Result.DONE,
        case: str = "",
        person: bytes | None = None,
        kind: Kind = "case",
        reason: str = "",
    ) -> int:
        """Adds a line within the caller's transaction; returns its number.

        A line about a `case` (own reference) concerns everybody in it as it stands now: written before the case is
        dropped, not after. A line about one `person` (handle) concerns that one alone, in whatever case. `reason` is what
        a person wrote; neither it nor anything else may hold an identifier.
        """
        shown_text(case, MAX_REFERENCE_CHARACTERS, "case")
        shown_lines(reason, MAX_REASON_CHARACTERS, "reason")
        with self._store.transaction():
            own_case = self._store.case_handle(case) if case else None
            persons = self._concerned(own_case) if person is None else (person,)
            head, moment = self.head(), int(now.timestamp())
            number, salt = head.number + 1, self._random(SALT_BYTES)
            line = Line(number, salt, moment, event, outcome, actor, kind, case, persons, reason, _software())
            raw = line.encode()
            sealed = self._store.vault.seal(raw, "access_log", u64(number))
            self._run("INSERT INTO access_log VALUES (?, ?, ?, ?, ?)", (number, head.then(raw).hash, moment, own_case, sealed))
            for each in persons:
                self._run("INSERT INTO access_person VALUES (?, ?)", (number, each))
        return number

    def _concerned(self, own_case: bytes | None) -> tuple[bytes, ...]:
        rows = self._run("SELECT DISTINCT person FROM involvement WHERE own_case = ? ORDER BY person", (own_case,))
        return tuple(bytes(row[0]) for row in rows)

    def head(self) -> Head:
        """The last line's."""
        row = self._run("SELECT number, hash FROM access_log ORDER BY number DESC LIMIT 1").fetchone()
        return self._begin() if row is None else Head(row[0], bytes(row[1]))

    def _begin(self) -> Head:
        """At which the chain begins that the store still holds."""
        text = self._store.remark(BEGIN)
        return Head.parse(text) if text else Head.begin()

    def lines(self, after: int, most: int) -> list[Line]:
        """The lines behind the one with the number `after`, in order."""
        return self._found("number > ? ORDER BY number LIMIT ?", (after, most))

    def of_case(self, own_case: bytes) -> list[Line]:
        """Every line about the case with this handle, whether or not it is still there, in order."""
        return self._found("own_case = ? ORDER BY number", (own_case,))

    def of_person(self, person: bytes) -> list[Line]:
        """Every line that concerns the person with this handle, whether or not the store still knows it, in order."""
        return self._found("number IN (SELECT number FROM access_person WHERE person = ?) ORDER BY number", (person,))

    def _found(self, which: str, values: Sequence[Any]) -> list[Line]:
        rows = self._run(f"SELECT number, sealed FROM access_log WHERE {which}", values)  # noqa: S608 one of three constants
        return [Line.decode(self._opened(*row)) for row in rows.fetchall()]

    def _opened(self, number: int, sealed: bytes) -> bytes:
        try:
            return self._store.vault.open(sealed, "access_log", u64(number)).reveal()
        except Refused as error:
            raise Refused(f"line {number} of the access log: {error.message}") from None

    def export(self) -> Iterator[bytes]:
        """The file's lines, which `verify` accepts: JSON, ASCII, the header first.

            {"format": "raakvlak-access/1", "begin": head before the first line, "end": head of the last one}
            {"hash": …, "line": {…}}    for each line; the hash covers the line's bytes as they stand there

        Lines that are written meanwhile are left for the next export."""
        begin, end = self._begin(), self.head()
        yield _encode_header(begin, end)
        for row in islice(self._rows(begin), end.number - begin.number):
            yield _encode_record(row["hash"], self._opened(row["number"], row["sealed"]))

    def _rows(self, begin: Head) -> Iterator[Any]:
        after, which = begin.number, "number > ? ORDER BY number LIMIT ?"
        while rows := self._run(f"SELECT * FROM access_log WHERE {which}", (after, CHUNK_LINES)).fetchall():  # noqa: S608
            yield from rows
            after = rows[-1]["number"]

    def check(self, earlier: Head | None = None) -> Head:
        """The head, when the whole chain was recomputed, and each line is found by just the case and persons that it
        names; raises Malformed, Evidence or Refused naming the first wrong line."""
        head = verify(self.export(), earlier)
        for row in self._rows(self._begin()):
            line = Line.decode(self._opened(row["number"], row["sealed"]))
            found = self._run("SELECT person FROM access_person WHERE number = ? ORDER BY person", (line.number,))
            handle = self._store.case_handle(line.case) if line.case else None
            known = (row["moment"], row["own_case"], tuple(bytes(each[0]) for each in found))
            if known != (line.moment, handle, line.persons):
                raise Evidence(f"line {line.number} of the access log is filed under another moment, case or person")
        return head

    def forget(self, now: datetime) -> int:
        """Deletes the lines before the first one that is younger than KEPT_YEARS, and writes a line that says so; returns
        how many. The chain begins behind them."""
        before = int(now.timestamp()) - KEPT_SECONDS
        with self._store.transaction():
            begin = self._begin()
            young = self._run("SELECT number FROM access_log WHERE moment >= ? ORDER BY number LIMIT 1", (before,)).fetchone()
            last = self.head().number if young is None else young[0] - 1
            count = last - begin.number
            if count < 1:
                return 0
            text = f"lines {begin.number + 1} to {last}, older than {KEPT_YEARS} years"
            self.write(Actor.node(), Event.DELETE, now, kind="log", reason=text)
            (hash,) = self._run("SELECT hash FROM access_log WHERE number = ?", (last,)).fetchone()
            self._run("DELETE FROM access_log WHERE number <= ?", (last,))
            self._run("DELETE FROM access_person WHERE number <= ?", (last,))
            self._store.set_remark(BEGIN, str(Head(last, bytes(hash))))
        return count


@cache
def _software() -> str:
    return f"raakvlak-node {version('raakvlak')}"


def _json(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode("ascii")
