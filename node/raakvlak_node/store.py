"""The node's store: SQLite, one connection per thread, every verb one short transaction.

What it is trusted for: the organisation's own cases and what others told of theirs. Identifiers, cases, token secrets,
cards and letters lie in it sealed by the vault; names of columns, counts and how rows hang together lie open, so that
the database can do the selecting. `secure_delete` overwrites what is deleted.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlite_utils import Database

from raakvlak_node.case import Case
from raakvlak_node.schema import migrations
from raakvlak_node.tokens import Involvement
from raakvlak_node.vault import HANDLE_BYTES, Vault
from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.identifier import ADDRESS, Identifier
from raakvlak_protocol.ledger import Head
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import Token, TokenKeys

BUSY_SECONDS: Final = 60
THE_OTHER_SIDE: Final = ""
"""To whom a letter goes that does not go to or come from a coordinator."""
_SECRET: Final = 32

MAX_REFERENCE_WORDS: Final = 12
_GROUP: Final = re.compile(r"\d+|[^\W\d_]+")

LENGTHENED_MONTHS: Final = 2
"""So long before its end a row is published anew, where its cases last longer: a term is renewed in these months."""

# A person is wanted while one of the cases may publish it (`publish` is 0 or the visibility) and its term (`until`) is not
# over, and, if it is an address, while no more cases of this node live there than the household limit (:limit). It is
# direct as soon as one of these cases is, and for as long as the latest of them: what is confidential changes nothing that
# others see, not even by its count or its term.
_WANTED: Final = """
WITH crowded AS MATERIALIZED (
    SELECT person FROM involvement WHERE relation = 'address' GROUP BY person HAVING count(*) > :limit),
wanted AS MATERIALIZED (
    SELECT person, min(publish) AS visibility, coalesce(max(CASE publish WHEN 1 THEN until END), max(until)) AS until
    FROM involvement WHERE publish > 0 AND until > :month AND NOT (relation = 'address' AND (
        publish = 1 AND person IN (SELECT person FROM involvement JOIN own_case ON handle = own_case
            WHERE withheld = 0 AND person IN crowded GROUP BY person HAVING count(*) > :limit)
        OR publish = 2 AND person IN crowded))
    GROUP BY person)
"""

# The same for one person (`person.handle`), by how it was judged last.
_WANTED_PERSON: Final = "EXISTS (SELECT 1 FROM involvement WHERE involvement.person = person.handle AND publish > 0)"
_WANTED_ADDRESS: Final = """
    (EXISTS (SELECT 1 FROM involvement WHERE involvement.person = person.handle AND publish = 1)
        AND (SELECT count(*) FROM involvement JOIN own_case ON own_case.handle = own_case
            WHERE involvement.person = person.handle AND withheld = 0) <= :limit
    OR EXISTS (SELECT 1 FROM involvement WHERE involvement.person = person.handle AND publish = 2)
        AND (SELECT count(*) FROM involvement WHERE involvement.person = person.handle) <= :limit)
"""

# A row goes when its month has come, when it is wanted no more or in another way than it stands, and when it would end
# before its cases do. The latter only where a new row lasts longer (:retention), also with a clock that is a little behind.
# The plus keeps the database from going through the index of references, in whose order each token lies elsewhere.
_TO_WITHDRAW: Final = f"""
FROM token LEFT JOIN wanted USING (person) WHERE +reference IS NOT NULL AND (
    removal_month <= :month OR wanted.visibility IS NOT token.visibility
    OR removal_month <= :month + {LENGTHENED_MONTHS} AND removal_month < min(until, :month + :retention - 1))
"""
_TO_PUBLISH: Final = "FROM token JOIN wanted USING (person) WHERE epoch = :epoch AND reference IS NULL"

_NO_ROW: Final = "reference = NULL, position = NULL, unproven_since = NULL, visibility = 0"

_FORGET_LINE: Final = "UPDATE ledger SET sealed = NULL, person = NULL, sent = NULL"
"""What is left is a commitment whose salt is gone."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Persons that are evaluated in one request, and their blinds; stored before it is sent."""

    id: int
    namespace: str
    epoch: int
    persons: tuple[bytes, ...]
    blinds: tuple[SecretBytes, ...]
    asked: frozenset[str] = frozenset()
    """The key holders that may have charged it already."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A write to the index whose answer was not yet stored. `items` are persons to publish, all with one `visibility`, or
    references to withdraw."""

    kind: str
    epoch: int
    generation: int
    sequence: int
    request_hash: bytes
    items: tuple[bytes, ...]
    visibility: Visibility = Visibility.DIRECT


@dataclass(frozen=True, slots=True)
class Match:
    """A live match as the node knows it. `their_proof` and `their_card` are letter contents, absent until they came."""

    match_id: bytes
    person: bytes
    epoch: int
    other: str
    began: int
    changed: int
    ask_again: bool
    own_number: int
    own_hash: bytes | None
    own_proof: bytes | None
    own_card: bytes | None
    their_number: int
    their_hash: bytes | None
    their_proof: SecretBytes | None
    their_card: SecretBytes | None


@dataclass(frozen=True, slots=True)
class Unposted:
    """A letter that is to be posted: to the other side of the match where `party` is empty, else to or from a coordinator."""

    match_id: bytes
    party: str
    number: int
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A line of the ledger; `sent` (Unix seconds), `person` and `sealed` go when the message is forgotten."""

    number: int
    hash: bytes
    commitment: bytes
    sent: int | None
    person: bytes | None
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class Place:
    """How a person stands in one own case. A test person stands in none, and names itself there."""

    own_case: bytes
    relation: Relation
    place: int
    canary: bool = False


class Store:
    """The verbs. Not for use by two threads; open one Store per thread."""

    def __init__(self, path: Path, vault: Vault, *, create: bool = False) -> None:
        if not create and not path.exists():
            raise Refused(f"{path} is missing: restore it from a backup, or run 'init' for a new node")
        if create:
            path.touch(mode=0o600)  # before SQLite does: its other files get the permissions of this one
        self.path = path
        self.vault = vault
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self.database = Database(self._connection)
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
                self._connection.execute(f"PRAGMA {pragma}")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise Refused(f"{path} is no node's store: restore it from a backup") from None
        # Sorting and temporary tables must not leave pages on the disk outside this folder.
        self._connection.execute("PRAGMA temp_store = MEMORY")
        self._connection.row_factory = sqlite3.Row
        try:
            self._migrate(create=create)
        except BaseException:
            self._connection.close()
            raise
        path.chmod(0o600)

    def _migrate(self, *, create: bool) -> None:
        """Renews an older schema; raises Refused for another program's file and for a newer schema."""
        with closing(Database(memory=True)) as nothing:
            known = {each.name for each in migrations.pending(nothing)}
        try:
            stored = {each.name for each in migrations.applied(self.database)}
        except sqlite3.DatabaseError:
            raise Refused(f"{self.path} is damaged or no node's store: restore it from a backup") from None
        if stored - known:
            raise Refused(f"{self.path} was written by a newer version of this program: install that version")
        if not stored and not create:
            raise Refused(f"{self.path} is no node's store: restore it from a backup")
        if known - stored:
            with self.transaction():
                migrations.apply(self.database)
                if not stored:
                    self.set_remark("vault", self.vault.handle("proof").hex())

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is done inside, durably, or nothing. Nests: the outermost one counts."""
        if self._connection.in_transaction:
            yield
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise
            raise Unavailable(f"the store {self.path} stayed busy for {BUSY_SECONDS} s: another command is at work") from None
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def _run(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        return self._connection.execute(sql, values)

    def _one(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> Any:
        row = self._run(sql, values).fetchone()
        return row[0] if row else None

    # --- numbers that must survive ----------------------------------------------------------------------------------

    def number(self, name: str) -> int:
        return int(self._one("SELECT value FROM number WHERE name = ?", (name,)) or 0)

    def set_number(self, name: str, value: int) -> None:
        self._run("INSERT INTO number VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value))

    def forget_numbers(self, prefix: str, before: int) -> None:
        """Forgets the numbers below `before` whose names begin so."""
        self._run("DELETE FROM number WHERE value < ? AND substr(name, 1, ?) = ?", (before, len(prefix), prefix))

    def remark(self, name: str) -> str:
        return str(self._one("SELECT value FROM remark WHERE name = ?", (name,)) or "")

    def set_remark(self, name: str, value: str) -> None:
        self._run("INSERT INTO remark VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value))

    def data_version(self) -> int:
        """Changes when another connection has changed the store."""
        return int(self._one("PRAGMA data_version"))

    # --- cases --------------------------------------------------------------------------------------------------------

    def case_handle(self, reference: str) -> bytes:
        return self.vault.handle("case", reference)

    def fingerprint(self, case: Case) -> bytes:
        return self.vault.handle("fingerprint", case.encode())

    def stored_fingerprint(self, handle: bytes) -> bytes | None:
        found = self._one("SELECT fingerprint FROM own_case WHERE handle = ?", (handle,))
        return None if found is None else bytes(found)

    def case(self, handle: bytes) -> Case | None:
        found = self._one("SELECT sealed FROM own_case WHERE handle = ?", (handle,))
        return None if found is None else Case.decode(self.vault.open(found, "case", handle).reveal())

    def cases(self) -> Iterator[tuple[bytes, Case]]:
        """Every case, in no meaningful order."""
        for handle in self.case_handles():
            found = self.case(handle)
            if found is not None:
                yield handle, found

    def case_handles(self) -> list[bytes]:
        return [bytes(row[0]) for row in self._run("SELECT handle FROM own_case")]

    def put_case(self, case: Case, involved: Iterable[Involvement], now: int, *, lapses: int, withheld: bool) -> None:
        """Stores the case with everybody in it in place of what was there. Marks the matches that it touches. Its term ends
        in the month `lapses` if it is new, and otherwise as before; `withheld` says whether others may not hear of it."""
        handle = self.case_handle(case.reference)
        sealed = self.vault.seal(case.encode(), "case", handle)
        with self.transaction():
            self._mark_matches_of(handle)
            self._run(
                "INSERT INTO own_case (handle, sealed, fingerprint, withheld, changed, lapses) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (handle) DO UPDATE SET sealed = excluded.sealed,"
                " fingerprint = excluded.fingerprint, withheld = excluded.withheld, changed = excluded.changed",
                (handle, sealed, self.fingerprint(case), withheld, now, lapses),
            )
            self._make_findable(handle, case)
            self._put_involvements(handle, involved, self.lapses(handle) or lapses)
            self._mark_matches_of(handle)
            # Whoever asks for what has changed must hear of a match that now touches this case too.
            for match in list(self.matches_of_case(handle)):
                self._run("UPDATE match SET changed = ? WHERE match_id = ?", (self.next_change(), match.match_id))

    def worker_handle(self, *, email: str = "", name: str = "") -> bytes:
        """By which the store knows whose a case is: by the e-mail address, or by the name where there is none; empty for
        nobody's."""
        found = [(kind, " ".join(text.split()).casefold()) for kind, text in (("email", email), ("name", name)) if text.strip()]
        return self.vault.handle("worker", *found[0]) if found else b""

    def _make_findable(self, handle: bytes, case: Case) -> None:
        worker = self.worker_handle(email=case.worker_email, name=case.worker_name)
        self._run("UPDATE own_case SET worker = ? WHERE handle = ?", (worker, handle))
        self._run("DELETE FROM case_word WHERE own_case = ?", (handle,))
        for word in reference_words(case.reference):
            self._run("INSERT OR IGNORE INTO case_word VALUES (?, ?)", (self.vault.handle("word", word), handle))

    def make_findable(self, most: int) -> int:
        """Cases that were stored before cases could be looked for; how many of them were made findable now."""
        rows = self._run("SELECT handle FROM own_case WHERE worker IS NULL LIMIT ?", (most,)).fetchall()
        with self.transaction():
            for row in rows:
                found = self.case(bytes(row[0]))
                if found is not None:
                    self._make_findable(bytes(row[0]), found)
        return len(rows)

    def put_involvements(self, handle: bytes, involved: Iterable[Involvement], *, until: int) -> None:
        """What of a stored case, or of a test person, may be published, anew: the day, the covenant or a person's decision
        has changed. `until` is the month in which its term ends."""
        with self.transaction():
            self._mark_matches_of(handle)
            self._put_involvements(handle, involved, until)
            self._mark_matches_of(handle)

    def person_handle(self, identifier: Identifier) -> bytes:
        """By which the store names a person or address, whether or not it knows it."""
        return self.vault.handle("person", identifier.namespace, identifier.canonical.reveal())

    def _put_involvements(self, handle: bytes, involved: Iterable[Involvement], until: int) -> None:
        self._run("DELETE FROM involvement WHERE own_case = ?", (handle,))
        for each in involved:
            canonical = each.identifier.canonical.reveal()
            person = self.person_handle(each.identifier)
            if not self._one("SELECT 1 FROM person WHERE handle = ?", (person,)):
                sealed = self.vault.seal(canonical, "person", person)
                self._run("INSERT INTO person VALUES (?, ?, ?)", (person, each.identifier.namespace, sealed))
            self._run(
                "INSERT OR IGNORE INTO involvement (person, own_case, relation, place, publish, until)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (person, handle, str(each.relation), each.place, int(each.visibility or 0), until),
            )

    def lapses(self, handle: bytes) -> int | None:
        """The month in which the term of a case is over; None where there is no such case."""
        found = self._one("SELECT lapses FROM own_case WHERE handle = ?", (handle,))
        return None if found is None else int(found)

    def set_lapses(self, handle: bytes, month: int) -> None:
        """The case begins a new term; nobody was reminded of its end."""
        self._run("UPDATE own_case SET lapses = ?, reminded = 0 WHERE handle = ?", (month, handle))

    def set_withheld(self, handle: bytes, withheld: bool) -> None:
        """Whether others may not hear of the case."""
        self._run("UPDATE own_case SET withheld = ? WHERE handle = ? AND withheld <> ?", (withheld, handle, withheld))

    def lapsing(self, month: int) -> list[tuple[bytes, int, int]]:
        """(handle, month in which the term is over, how often a reminder went) of cases whose term is over by a month."""
        rows = self._run("SELECT handle, lapses, reminded FROM own_case WHERE lapses <= ? ORDER BY lapses, handle", (month,))
        return [(bytes(row[0]), row[1], row[2]) for row in rows.fetchall()]

    def set_reminded(self, handle: bytes, count: int) -> None:
        self._run("UPDATE own_case SET reminded = ? WHERE handle = ?", (count, handle))

    def cases_of(self, person: bytes) -> list[tuple[bytes, Relation, int]]:
        """(case, relation, place) of every own case in which a person stands, published or not."""
        rows = self._run(
            "SELECT own_case, relation, place FROM involvement JOIN own_case ON handle = own_case WHERE person = ?"
            " ORDER BY own_case, relation",
            (person,),
        )
        return [(bytes(row[0]), Relation(row[1]), row[2]) for row in rows.fetchall()]

    def drop_case(self, handle: bytes) -> bool:
        """Forgets the case; its tokens are withdrawn at the next sync where no other case holds them."""
        with self.transaction():
            self._mark_matches_of(handle)
            self._run("DELETE FROM involvement WHERE own_case = ?", (handle,))
            return self._run("DELETE FROM own_case WHERE handle = ?", (handle,)).rowcount == 1

    def _mark_matches_of(self, handle: bytes) -> None:
        self._run(
            "UPDATE match SET due = 1 WHERE live = 1 AND person IN (SELECT person FROM involvement WHERE own_case = ?)",
            (handle,),
        )

    def case_counts(self) -> tuple[int, int]:
        """(all cases, of which kept from others: told to a coordinator, or to nobody)."""
        row = self._run("SELECT count(*), total(withheld) FROM own_case").fetchone()
        return int(row[0]), int(row[1])

    # --- persons and tokens -------------------------------------------------------------------------------------------

    def canonical(self, person: bytes) -> tuple[str, SecretBytes]:
        """The namespace and canonical bytes of a person or address."""
        row = self._run("SELECT namespace, sealed FROM person WHERE handle = ?", (person,)).fetchone()
        return str(row[0]), self.vault.open(row[1], "person", person)

    def unevaluated(self, namespace: str, epoch: int, limit: int, most: int) -> list[bytes]:
        """Wanted persons of a namespace that have no token in the epoch and stand in no batch."""
        # The same persons as _WANTED names, found from the side of which there are fewer left with every batch. A case
        # whose term is over publishes nothing, as it was judged last.
        who = _WANTED_ADDRESS if namespace == ADDRESS else _WANTED_PERSON
        rows = self._run(
            "SELECT handle FROM person WHERE namespace = :namespace"  # noqa: S608 one of two constants
            " AND NOT EXISTS (SELECT 1 FROM token WHERE token.person = handle AND epoch = :epoch)"
            " AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.person = handle AND epoch = :epoch)"
            f" AND {who} LIMIT :most",
            {"namespace": namespace, "epoch": epoch, "limit": limit, "most": most},
        )
        return [bytes(row[0]) for row in rows]

    def add_batch(self, namespace: str, epoch: int, persons: Sequence[bytes], blinds: Sequence[SecretBytes]) -> Batch:
        """Stores what is about to be sent, so that the same request can be sent again after a crash, at no charge."""
        packed = b"".join(persons)
        sealed = self.vault.seal(b"".join(blind.reveal() for blind in blinds), "blinds", packed[:HANDLE_BYTES])
        with self.transaction():
            id = self._run(
                "INSERT INTO batch (namespace, epoch, persons, blinds) VALUES (?, ?, ?, ?)",
                (namespace, epoch, packed, sealed),
            ).lastrowid
            self._connection.executemany("INSERT INTO waiting VALUES (?, ?, ?)", [(person, epoch, id) for person in persons])
        return Batch(int(id or 0), namespace, epoch, tuple(persons), tuple(blinds))

    def batches(self) -> list[Batch]:
        """Requests that were begun and not finished, oldest first."""
        found = []
        for row in self._run("SELECT id, namespace, epoch, persons, blinds, asked FROM batch ORDER BY id"):
            blinds = self.vault.open(row[4], "blinds", bytes(row[3])[:HANDLE_BYTES]).reveal()
            found.append(
                Batch(
                    row[0],
                    row[1],
                    row[2],
                    _split(row[3], HANDLE_BYTES),
                    tuple(SecretBytes(each) for each in _split(blinds, _SECRET)),
                    frozenset(row[5].split()),
                )
            )
        return found

    def finish_batch(self, batch: Batch, keys: Sequence[TokenKeys], not_before: Sequence[int]) -> None:
        """Keeps the tokens and forgets the blinds. A person that left meanwhile is forgotten with the next sweep."""
        with self.transaction():
            self._connection.executemany(
                "INSERT OR IGNORE INTO token (person, epoch, sealed, not_before) VALUES (?, ?, ?, ?)",
                [
                    (person, batch.epoch, self._seal_keys(person, batch.epoch, each), moment)
                    for person, each, moment in zip(batch.persons, keys, not_before, strict=True)
                ],
            )
            self._run("DELETE FROM waiting WHERE batch = ?", (batch.id,))
            self._run("DELETE FROM batch WHERE id = ?", (batch.id,))

    def note_asked(self, batch: Batch, holders: Iterable[str]) -> None:
        """Before a batch is sent to key holders: they are the ones to send it to again."""
        self._run("UPDATE batch SET asked = ? WHERE id = ?", (" ".join(sorted(batch.asked.union(holders))), batch.id))

    def dissolve_batch(self, batch: Batch) -> None:
        """Forgets a request that can't be granted; its persons are unevaluated again."""
        with self.transaction():
            self._run("DELETE FROM waiting WHERE batch = ?", (batch.id,))
            self._run("DELETE FROM batch WHERE id = ?", (batch.id,))

    def _seal_keys(self, person: bytes, epoch: int, keys: TokenKeys) -> bytes:
        packed = keys.token.reveal() + keys.seed.reveal() + keys.letter_key.reveal()
        return self.vault.seal(packed, "token", person, str(epoch))

    def token_keys(self, person: bytes, epoch: int) -> TokenKeys:
        """Token and secrets of a person that was evaluated in the epoch."""
        found = self._one("SELECT sealed FROM token WHERE person = ? AND epoch = ?", (person, epoch))
        if found is None:
            raise Refused("a token that the store needs is not in it: restore the node from its backup")
        token, seed, letter_key = _split(self.vault.open(found, "token", person, str(epoch)).reveal(), _SECRET)
        return TokenKeys(Token(token), SecretBytes(seed), SecretBytes(letter_key))

    def to_publish(self, epoch: int, limit: int, now: int, month: int, most: int, visibility: Visibility) -> list[bytes]:
        """Persons that are wanted in this way, whose token has waited long enough and is not at the index. In no meaningful
        order."""
        rows = self._run(
            f"{_WANTED} SELECT person {_TO_PUBLISH} AND wanted.visibility = :visibility AND not_before <= :now LIMIT :most",
            {"epoch": epoch, "limit": limit, "now": now, "month": month, "most": most, "visibility": int(visibility)},
        )
        return [bytes(row[0]) for row in rows]

    def to_withdraw(self, limit: int, month: int, retention: int, most: int) -> list[tuple[int, bytes]]:
        """(epoch, reference) of what stands at the index and is not wanted so, or no longer, or longer: the latter is
        published again. One epoch at a time."""
        rows = self._run(
            f"{_WANTED} SELECT epoch, reference {_TO_WITHDRAW} ORDER BY epoch LIMIT :most",
            {"limit": limit, "month": month, "retention": retention, "most": most},
        )
        return [(int(row[0]), bytes(row[1])) for row in rows]

    def token_counts(self, limit: int, epoch: int, month: int, retention: int) -> dict[str, int]:
        """What is unevaluated, unpublished and to be withdrawn."""
        values = {"limit": limit, "epoch": epoch, "month": month, "retention": retention}
        row = self._run(
            f"{_WANTED} SELECT (SELECT count(*) FROM wanted WHERE NOT EXISTS (SELECT 1 FROM token"  # noqa: S608
            " WHERE token.person = wanted.person AND token.epoch = :epoch)),"
            f" (SELECT count(*) {_TO_PUBLISH}), (SELECT count(*) {_TO_WITHDRAW})",
            values,
        ).fetchone()
        return dict(zip(("unevaluated", "unpublished", "to_withdraw"), row, strict=True))

    def published_counts(self, month: int) -> dict[str, int]:
        """Rows that stand at the index, and cases whose term is over."""
        return {
            # All of them are counted in the index of references, those that have ended in the one of months.
            "published": self._one(
                "SELECT (SELECT count(*) FROM token WHERE reference IS NOT NULL)"
                " - (SELECT count(*) FROM token WHERE reference IS NOT NULL AND removal_month <= ?)",
                (month,),
            ),
            "lapsed": self._one("SELECT count(*) FROM own_case WHERE lapses <= ?", (month,)),
        }

    def end_lapsed_matches(self, month: int) -> None:
        """Ends the matches of rows whose term is over, whether or not the index has told so yet."""
        with self.transaction():
            self._run(
                "UPDATE match SET live = 0 WHERE live = 1 AND (person, epoch) IN"
                " (SELECT person, epoch FROM token WHERE removal_month <= ?)",
                (month,),
            )
            self._forget_ended()

    def forget_unneeded(self) -> int:
        """Erases persons that stand in no case and nowhere at the index, with their tokens and what the ledger says of
        them."""
        gone = (
            "person NOT IN (SELECT person FROM involvement) AND person NOT IN (SELECT person FROM token WHERE reference"
            " IS NOT NULL) AND person NOT IN (SELECT person FROM waiting)"
        )
        handles = gone.replace("person NOT", "handle NOT")
        # Mostly there is nobody, and then nobody else's write should wait for this one.
        if self._one(f"SELECT 1 FROM person WHERE {handles} LIMIT 1") is None:  # noqa: S608
            return 0
        with self.transaction():
            self._run(f"{_FORGET_LINE} WHERE person IN (SELECT handle FROM person WHERE {handles})")  # noqa: S608
            self._run(f"DELETE FROM token WHERE {gone}")  # noqa: S608
            return self._run(f"DELETE FROM person WHERE {handles}").rowcount  # noqa: S608

    # --- the ledger ---------------------------------------------------------------------------------------------------

    def ledger_head(self) -> Head | None:
        """The last line; None before the first."""
        row = self._run("SELECT number, hash FROM ledger ORDER BY number DESC LIMIT 1").fetchone()
        return None if row is None else Head(row[0], bytes(row[1]))

    def add_lines(self, lines: Iterable[LedgerLine]) -> None:
        """Adds lines behind the last one, within the transaction in which that one was looked up."""
        self._connection.executemany(
            "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)",
            [(each.number, each.hash, each.commitment, each.sent, each.person, each.sealed) for each in lines],
        )

    def ledger_lines(self, first: int, last: int) -> list[LedgerLine]:
        """The lines with these numbers, in order."""
        rows = self._run(
            "SELECT number, hash, commitment, sent, person, sealed FROM ledger WHERE number BETWEEN ? AND ? ORDER BY number",
            (first, last),
        )
        return [LedgerLine(*row) for row in rows]

    def forget_lines(self, sent_before: int) -> None:
        """Erases the messages of lines that were sent before a Unix second; the chain stays."""
        self._run(f"{_FORGET_LINE} WHERE sent < ?", (sent_before,))

    # --- writes to the index ------------------------------------------------------------------------------------------

    def begin_write(self, write: InFlight) -> None:
        """Stores a write before it is sent. There is one at a time."""
        self._run(
            "INSERT INTO in_flight (only, kind, epoch, generation, sequence, request_hash, items, visibility)"
            " VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
            (
                write.kind, write.epoch, write.generation, write.sequence, write.request_hash, b"".join(write.items),
                int(write.visibility),
            ),
        )  # fmt: skip

    def in_flight(self) -> InFlight | None:
        row = self._run("SELECT kind, epoch, generation, sequence, request_hash, items, visibility FROM in_flight").fetchone()
        if row is None:
            return None
        return InFlight(row[0], row[1], row[2], row[3], bytes(row[4]), _split(row[5], HANDLE_BYTES), Visibility(row[6]))

    def drop_write(self) -> None:
        self._run("DELETE FROM in_flight")

    def finish_publish(self, write: InFlight, references: Sequence[bytes], removal_month: int) -> None:
        """Keeps the index's answer. How long a person is wanted is its cases' affair: a row that outlasts them is withdrawn
        with them."""
        with self.transaction():
            self._connection.executemany(
                "UPDATE token SET reference = ?, removal_month = ?, visibility = ? WHERE person = ? AND epoch = ?",
                [
                    (reference, removal_month, int(write.visibility), person, write.epoch)
                    for person, reference in zip(write.items, references, strict=True)
                ],
            )
            self._finish_write(write)

    def take_row(self, reference: bytes, removal_month: int, visibility: int) -> None:
        """How a row stands according to the index; what is not wanted so is withdrawn and published anew."""
        self._run(
            "UPDATE token SET removal_month = ?, visibility = ? WHERE reference = ?", (removal_month, visibility, reference)
        )

    def finish_withdraw(self, write: InFlight) -> None:
        """The rows are gone: so are their references, and their matches."""
        with self.transaction():
            for reference in write.items:
                self._run(
                    "UPDATE match SET live = 0 WHERE live = 1 AND (person, epoch) IN"
                    " (SELECT person, epoch FROM token WHERE reference = ?)",
                    (reference,),
                )
                self._run(f"UPDATE token SET {_NO_ROW} WHERE reference = ?", (reference,))  # noqa: S608
            self._forget_ended()
            self._finish_write(write)

    def _finish_write(self, write: InFlight) -> None:
        self.set_number("last_sequence", write.sequence)
        self.drop_write()

    # --- matches ------------------------------------------------------------------------------------------------------

    def person_of(self, reference: bytes, epoch: int) -> bytes | None:
        found = self._one("SELECT person FROM token WHERE reference = ? AND epoch = ?", (reference, epoch))
        return None if found is None else bytes(found)

    def begin_match(self, match_id: bytes, person: bytes, epoch: int, other: str, now: int) -> None:
        """A match begins, or begins again: then letters are numbered on, so that none from before can be replayed."""
        self._run(
            "INSERT INTO match (match_id, person, epoch, other, live, began, changed, due, own_number)"
            " VALUES (?, ?, ?, ?, 1, ?, 0, 1, ?)"
            " ON CONFLICT (match_id) DO UPDATE SET person = excluded.person, live = 1, began = excluded.began, due = 1"
            " WHERE live = 0",
            (match_id, person, epoch, other, now, self.number("first_letter")),
        )

    def end_match(self, match_id: bytes) -> None:
        """One side's row is gone: what the other told is forgotten, the numbers stay."""
        with self.transaction():
            self._run("UPDATE match SET live = 0 WHERE match_id = ?", (match_id,))
            self._forget_ended("match_id = ?", (match_id,))

    def _forget_ended(self, which: str = "person IS NOT NULL", values: tuple[bytes, ...] = ()) -> None:
        """`which` narrows to one match where one is known: the end of many must not look at all for each."""
        ended = f"SELECT match_id FROM match WHERE live = 0 AND {which}"  # noqa: S608 one of two constants
        for table in ("letter", "early_letter", "desk_content", "carry"):
            self._run(f"DELETE FROM {table} WHERE match_id IN ({ended})", values)  # noqa: S608
        forgotten = "person = NULL, their_proof = NULL, their_card = NULL, own_proof = NULL, own_card = NULL, own_hash = NULL"
        self._run(f"UPDATE match SET {forgotten}, due = 0 WHERE live = 0 AND {which}", values)  # noqa: S608

    def match_known(self, match_id: bytes) -> bool:
        return self._one("SELECT 1 FROM match WHERE match_id = ?", (match_id,)) is not None

    def match(self, match_id: bytes) -> Match | None:
        """The match, if it is live."""
        row = self._run("SELECT * FROM match WHERE match_id = ? AND live = 1", (match_id,)).fetchone()
        return None if row is None else self._match(row)

    def live_matches(self) -> Iterator[Match]:
        for row in self._run("SELECT * FROM match WHERE live = 1 ORDER BY changed, match_id").fetchall():
            yield self._match(row)

    def unanswered_matches(self) -> Iterator[Match]:
        """Live matches of which the other side's card has not come."""
        for row in self._run("SELECT * FROM match WHERE live = 1 AND their_card IS NULL").fetchall():
            yield self._match(row)

    def matches_of_case(self, handle: bytes) -> Iterator[Match]:
        rows = self._run(
            "SELECT * FROM match WHERE live = 1 AND person IN (SELECT person FROM involvement WHERE own_case = ?)"
            " ORDER BY changed, match_id",
            (handle,),
        )
        for row in rows.fetchall():
            yield self._match(row)

    def due_matches(self, most: int) -> list[Match]:
        """Matches for which a letter may have to be written."""
        rows = self._run("SELECT * FROM match WHERE due = 1 AND live = 1 LIMIT ?", (most,)).fetchall()
        return [self._match(row) for row in rows]

    def _match(self, row: sqlite3.Row) -> Match:
        match_id = bytes(row["match_id"])

        def opened(column: str) -> SecretBytes | None:
            return None if row[column] is None else self.vault.open(row[column], column, match_id)

        return Match(
            match_id,
            bytes(row["person"]),
            row["epoch"],
            row["other"],
            row["began"],
            row["changed"],
            bool(row["ask_again"]),
            row["own_number"],
            row["own_hash"],
            row["own_proof"],
            row["own_card"],
            row["their_number"],
            row["their_hash"],
            opened("their_proof"),
            opened("their_card"),
        )

    def places(self, person: bytes) -> list[Place]:
        """Where a person stands in own cases that show it to others. A case that goes through the coordinator, whose term is
        over, or against which the person objected shows nothing: not in letters or cards of a row that stands for another
        case, and not in the picture, from where a follow-up would name it."""
        rows = self._run(
            "SELECT own_case, relation, place FROM involvement WHERE person = ? AND publish = 1 ORDER BY own_case, relation",
            (person,),
        )
        return [Place(bytes(row[0]), Relation(row[1]), row[2], bytes(row[0]) == person) for row in rows]

    def count_their_letter(self, match_id: bytes, number: int, hash: bytes) -> None:
        """Their last letter was this one, whether or not it could be understood."""
        self._run("UPDATE match SET their_number = ?, their_hash = ? WHERE match_id = ?", (number, hash, match_id))

    def keep_their_letter(self, match_id: bytes, column: str, content: bytes) -> None:
        """`column` is their_proof or their_card; it replaces what they wrote before, and calls for our answer."""
        sealed = self.vault.seal(content, column, match_id)
        with self.transaction():
            self._run(
                f"UPDATE match SET {column} = ?, due = 1, changed = ? WHERE match_id = ?",  # noqa: S608
                (sealed, self.next_change(), match_id),
            )

    def next_change(self) -> int:
        """The number of a change; whoever remembers it can ask for what came after."""
        changed = self.number("changed") + 1
        self.set_number("changed", changed)
        return changed

    # --- letters ------------------------------------------------------------------------------------------------------

    def mark_letter(self, match_id: bytes, column: str, mark: bytes) -> None:
        """What the last letter of its kind said: `column` is own_proof or own_card, `mark` tells its content from the
        next one's."""
        self._run(f"UPDATE match SET {column} = ? WHERE match_id = ?", (mark, match_id))  # noqa: S608

    def add_letter(self, match_id: bytes, number: int, hash: bytes, ciphertext: bytes, now: int) -> None:
        """Keeps a letter to the other side until it is posted and the match ends."""
        with self.transaction():
            self._run(
                "UPDATE match SET own_number = ?, own_hash = ?, ask_again = 0 WHERE match_id = ?", (number, hash, match_id)
            )
            self._run("INSERT INTO letter VALUES (?, '', ?, ?, ?)", (match_id, number, ciphertext, now))

    def settle(self, match_id: bytes) -> None:
        """Nothing has to be written for this match now."""
        self._run("UPDATE match SET due = 0 WHERE match_id = ?", (match_id,))

    def unposted(self, match_id: bytes) -> bool:
        """Whether a letter to the other side of the match waits for being posted."""
        return self._one("SELECT 1 FROM letter WHERE match_id = ? AND party = ''", (match_id,)) is not None

    def drop_unposted(self, match_id: bytes, party: str) -> None:
        """What was written to a party and not posted yet is no longer true. The other side goes by no name."""
        self._run("DELETE FROM letter WHERE match_id = ? AND party = ?", (match_id, party))

    def letters_to_post(self, written_before: int) -> list[Unposted]:
        """Letters, those of one match and party together, in the order in which they must arrive."""
        rows = self._run(
            "SELECT match_id, party, number, ciphertext FROM letter WHERE written < ? ORDER BY match_id, party, number",
            (written_before,),
        )
        return [Unposted(bytes(row[0]), row[1], row[2], bytes(row[3])) for row in rows]

    def posted(self, letter: Unposted) -> None:
        """The index has the letter; if it lapses there, what is true by then is written anew."""
        self._run(
            "DELETE FROM letter WHERE match_id = ? AND party = ? AND number = ?", (letter.match_id, letter.party, letter.number)
        )

    def put_aside(self, match_id: bytes, sender: str, ciphertext: bytes, now: int, reason: str) -> None:
        """Keeps a letter that can't be read, for whoever has to look. Nothing that arrives later takes its place, and it
        stays when the match ends: it may be evidence against the index, which says both."""
        self._run(
            "INSERT INTO put_aside (match_id, sender, ciphertext, received, reason) VALUES (?, ?, ?, ?, ?)",
            (match_id, sender, ciphertext, now, reason),
        )

    def forget_put_aside(self, received_before: int) -> None:
        """Forgets letters that nobody could read for so long."""
        self._run("DELETE FROM put_aside WHERE received < ?", (received_before,))

    def keep_early(self, match_id: bytes, number: int, ciphertext: bytes) -> None:
        """Keeps a letter that came before the one it follows; the first of its number stays."""
        self._run("INSERT OR IGNORE INTO early_letter VALUES (?, ?, ?)", (match_id, number, ciphertext))

    def early_letters(self, match_id: bytes) -> int:
        return int(self._one("SELECT count(*) FROM early_letter WHERE match_id = ?", (match_id,)))

    def take_early(self, match_id: bytes, number: int) -> bytes | None:
        """The letter of this number, if it came too early; it is then kept no longer."""
        found = self._one("SELECT ciphertext FROM early_letter WHERE match_id = ? AND number = ?", (match_id, number))
        self._run("DELETE FROM early_letter WHERE match_id = ? AND number = ?", (match_id, number))
        return None if found is None else bytes(found)

    def unreadable(self) -> list[dict[str, Any]]:
        """Letters that were put aside for good: from whom, since when, why."""
        rows = self._run("SELECT sender, received, reason FROM put_aside ORDER BY id")
        return [{"sender": row[0], "received": row[1], "reason": row[2]} for row in rows]

    def letter_counts(self) -> dict[str, int]:
        return {
            "unposted": self._one("SELECT count(*) FROM letter"),
            "unreadable": self._one("SELECT count(*) FROM put_aside"),
            "early": self._one("SELECT count(*) FROM early_letter"),
            "due": self._one("SELECT count(*) FROM match WHERE due = 1"),
        }

    # --- access to the REST API ---------------------------------------------------------------------------------------

    def add_access_token(self, name: str, hash: bytes, now: int) -> bool:
        """False where the name is taken."""
        return self._run("INSERT OR IGNORE INTO access_token VALUES (?, ?, ?)", (name, hash, now)).rowcount == 1

    def access_tokens(self) -> list[tuple[str, int]]:
        """(name, Unix second in which it was made), in the order of names."""
        return [(str(row[0]), int(row[1])) for row in self._run("SELECT name, created FROM access_token ORDER BY name")]

    def drop_access_token(self, name: str) -> bool:
        """False where there is none."""
        return self._run("DELETE FROM access_token WHERE name = ?", (name,)).rowcount == 1

    def access_token_name(self, hash: bytes) -> str | None:
        found = self._one("SELECT name FROM access_token WHERE hash = ?", (hash,))
        return None if found is None else str(found)

    # --- backup and restore -------------------------------------------------------------------------------------------

    def references(self) -> list[tuple[bytes, int, bytes]]:
        """(person, epoch, reference) of everything that this store believes to stand at the index."""
        rows = self._run("SELECT person, epoch, reference FROM token WHERE reference IS NOT NULL")
        return [(bytes(row[0]), row[1], bytes(row[2])) for row in rows]

    def forget_reference(self, reference: bytes) -> None:
        """The index lacks the row: it will be published again where it is still wanted."""
        self._run(f"UPDATE token SET {_NO_ROW} WHERE reference = ?", (reference,))  # noqa: S608

    def begin_letters_again(self, least: int) -> None:
        """After a restore: a new chain in every match, with numbers that were never used, all letters anew, and the other
        sides asked to do the same. Matches that this store has forgotten begin with as high a number."""
        self._run("DELETE FROM letter")
        self._run(
            "UPDATE match SET own_number = max(own_number, ?), own_hash = NULL, own_proof = NULL, own_card = NULL,"
            " ask_again = live, due = live",
            (least,),
        )
        # Whoever was written to about a pair is written to again, of all that is known of it.
        self._run("INSERT OR IGNORE INTO unsent SELECT pair, party, id FROM link JOIN record USING (pair)")
        self.set_number("first_letter", least)

    def say_again(self, match_id: bytes) -> None:
        """The other side has begun its chain again: it may have forgotten what was written to it."""
        self._run("UPDATE match SET own_proof = NULL, own_card = NULL, due = 1 WHERE match_id = ?", (match_id,))

    def ask_again(self, match_id: bytes) -> None:
        """The other side is asked for everything anew: something that it wrote has not come."""
        self._run("UPDATE match SET ask_again = 1, own_proof = NULL, due = 1 WHERE match_id = ?", (match_id,))

    def write_again(self, match_id: bytes) -> None:
        """The other side was restored and asks for everything anew, in a new chain."""
        self._run(
            "UPDATE match SET own_hash = NULL, own_proof = NULL, own_card = NULL, due = 1 WHERE match_id = ?",
            (match_id,),
        )

    def prove_vault(self) -> None:
        """Raises Refused where the store was sealed by another vault than this one."""
        if self.remark("vault") != self.vault.handle("proof").hex():
            raise Refused(f"{self.path} is another node's store, or was sealed under other secrets: it does not open")

    def fold(self) -> None:
        """Brings the write-ahead log into the database file, so that the file is whole by itself."""
        self._run("PRAGMA wal_checkpoint(TRUNCATE)")

    def backup(self, path: Path) -> None:
        """A consistent copy while others write."""
        self._run("VACUUM INTO ?", (str(path),))


def reference_words(reference: str) -> list[str]:
    """What a reference is found by: the whole of it, and each part of it that goes to its end. "SCH-2026-0014" is found by
    "sch 2026 14", "2026-014" and "14"."""
    groups = [each.lstrip("0") or "0" if each.isdecimal() else each for each in _GROUP.findall(reference.casefold())]
    return ["-".join(groups[place:]) for place in range(min(len(groups), MAX_REFERENCE_WORDS))]


def identifier_of(namespace: str, canonical: SecretBytes) -> Identifier:
    """A stored identifier as the PRF takes it; it was parsed when it came in."""
    return _Stored(namespace, canonical)


@dataclass(frozen=True, slots=True)
class _Stored:
    namespace: str
    canonical: SecretBytes


def _split(packed: bytes, size: int) -> tuple[bytes, ...]:
    return tuple(bytes(packed[place : place + size]) for place in range(0, len(packed), size))
