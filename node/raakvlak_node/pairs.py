"""What this node holds of the follow-up of each pair of cases, and what of it has not been sent to whom.

A pair is of an own case and a case of another organisation; at a coordinator's node, of two others. Its records are a
set: what is there already is not taken again. `unsent` is the other half of the promise that both sides hold the same
in the end: a record stands in it for each party that it must still be written to, in the transaction that stores it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from google.protobuf.message import Message

from raakvlak_node.followup import Records
from raakvlak_node.picture import Entry
from raakvlak_node.store import Store
from raakvlak_protocol import act as acts
from raakvlak_protocol import follow_up_content as content
from raakvlak_protocol.act import Act, Agreement, Pair, Party, Signature, Written
from raakvlak_protocol.encoding import parse
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.relation import MatchKind
from raakvlak_protocol.v1 import letter_pb2 as pb

MAX_RECORDS: Final = 500
"""Records of one pair; a follow-up that needs more is closed and begun anew."""
OWN_RECORDS: Final = 400
"""Records from which on people here take no steps but the end, so that what the other side adds meanwhile still fits."""
MAX_PAIRS: Final = 500
"""Pairs of one own case, or that one match brings before a coordinator: far more than any family has. What another
organisation's card names beyond that is not followed up."""
KEPT_DAYS: Final = 30
"""How long a pair without a match is kept: matches end and begin again where a row is renewed, released or reconciled."""

_PACKED: Final = "pair"


class RecordKind(IntEnum):
    """What a record is."""

    ACT = 1
    TEXT = 2
    AGREEMENT = 3
    SIGNATURE = 4


Record = Act | Written | Agreement | Signature


@dataclass(frozen=True, slots=True)
class Known:
    """A pair as it lies in the store. `own_case` is None at a coordinator; `began` and `ended` are Unix seconds; `phase`
    and `due` are what was found when it was last looked at; `changed` rises with every change of it."""

    handle: bytes
    own_case: bytes | None
    pair: Pair
    match_kind: MatchKind
    began: int
    ended: int | None
    expired: bool
    released: bool
    changed: int
    phase: str
    due_term: str
    due_on: str
    reminded: str

    @property
    def id(self) -> str:
        """By which commands and the API name it; tells nothing of the cases."""
        return self.handle.hex()

    def own_reference(self, member: str) -> str:
        """The own case's, where `member` is who asks; empty at a coordinator."""
        return "" if self.own_case is None else self.pair.party(member).reference


class Pairs:
    """The verbs, on a node's store."""

    def __init__(self, store: Store, covenant_id: str) -> None:
        self._store = store
        self._covenant = covenant_id

    def _run(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    # --- which pairs there are ------------------------------------------------------------------------------------------

    def handle(self, pair: Pair) -> bytes:
        return self._store.vault.handle("pair", pair.encode())

    def carry(self, match_id: bytes, found: Mapping[Pair, tuple[bytes | None, MatchKind]], now: int) -> list[bytes]:
        """A live match carries exactly these pairs, each with its own case; the handles of those that are new here, had
        ended, or turned out to be about the same client."""
        fresh = []
        with self._store.transaction():
            self._run("DELETE FROM carry WHERE match_id = ?", (match_id,))
            for pair, (own_case, kind) in found.items():
                handle = self.handle(pair)
                known = self.known(handle)
                if known is None:
                    if self._count("SELECT count(*) FROM pair WHERE own_case = ?", own_case) >= MAX_PAIRS:
                        continue
                    self._add(handle, own_case, pair, kind, now)
                if known is None or known.ended is not None:
                    self._run("UPDATE pair SET ended = NULL, expired = 0 WHERE handle = ?", (handle,))
                    # The other side may have forgotten it meanwhile.
                    self._want_all_again(handle)
                    fresh.append(handle)
                elif kind is MatchKind.CLIENT and known.match_kind is not kind:
                    self._run("UPDATE pair SET match_kind = ? WHERE handle = ?", (str(kind), handle))
                    fresh.append(handle)
                self._run("INSERT INTO carry VALUES (?, ?)", (handle, match_id))
        return fresh

    def _count(self, query: str, value: bytes | None) -> int:
        return int(self._run(query, (value,)).fetchone()[0])

    def _add(self, handle: bytes, own_case: bytes | None, pair: Pair, kind: MatchKind, now: int) -> None:
        packed = json.dumps([pair.one.member, pair.one.reference, pair.other.member, pair.other.reference]).encode()
        self._run(
            "INSERT INTO pair (handle, own_case, sealed, match_kind, began, changed) VALUES (?, ?, ?, ?, ?, ?)",
            (handle, own_case, self._store.vault.seal(packed, _PACKED, handle), str(kind), now, self._store.next_change()),
        )

    def begin_at_desk(self, handle: bytes, pair: Pair, match_id: bytes, began: int) -> None:
        """At a coordinator: a match brings a pair before it, with others perhaps. Raises Malformed where it has brought too
        many."""
        with self._store.transaction():
            if self.known(handle) is None:
                if self._count("SELECT count(*) FROM carry WHERE match_id = ?", match_id) >= MAX_PAIRS:
                    raise Malformed(f"a match brings at most {MAX_PAIRS} pairs before a coordinator")
                self._add(handle, None, pair, MatchKind.FAMILY, began)
            self._run("UPDATE pair SET ended = NULL WHERE handle = ?", (handle,))
            self._run("INSERT OR IGNORE INTO carry VALUES (?, ?)", (handle, match_id))

    def end_uncarried(self, now: int, month: int) -> list[Known]:
        """Ends the pairs that no live match carries; those that have ended so now. Expired where the term of the own
        case is over."""
        uncarried = "WHERE ended IS NULL AND NOT EXISTS (SELECT 1 FROM carry WHERE carry.pair = pair.handle)"
        ended = [self._known(row) for row in self._run(f"{_SELECT} {uncarried} ORDER BY began, handle").fetchall()]
        for each in ended:
            lapsed = self._run("SELECT 1 FROM own_case WHERE handle = ? AND lapses <= ?", (each.own_case, month)).fetchone()
            self._run("UPDATE pair SET ended = ?, expired = ? WHERE handle = ?", (now, lapsed is not None, each.handle))
            self.touch(each.handle)
        return ended

    def forget_ended(self, ended_before: int) -> list[bytes]:
        """Erases pairs that ended before a Unix second, with all that is known of them; their handles."""
        gone = [bytes(row[0]) for row in self._run("SELECT handle FROM pair WHERE ended < ?", (ended_before,))]
        for handle in gone:
            self._run("DELETE FROM pair WHERE handle = ?", (handle,))
        return gone

    def known(self, handle: bytes) -> Known | None:
        row = self._run(f"{_SELECT} WHERE handle = ?", (handle,)).fetchone()
        return None if row is None else self._known(row)

    def of_entry(self, member: str, reference: str, entry: Entry) -> Known | None:
        """The pair that an entry of the client picture of an own case makes, once the other side's card has come."""
        if entry.contact is None:
            return None
        return self.known(self.handle(Pair.of(Party(member, reference), Party(entry.other, entry.contact.reference))))

    def all(self, *, live: bool = False) -> list[Known]:
        """Every pair, oldest first; `live` leaves out those that have ended."""
        which = "WHERE ended IS NULL" if live else ""
        return [self._known(row) for row in self._run(f"{_SELECT} {which} ORDER BY began, handle").fetchall()]

    def of_case(self, own_case: bytes) -> list[Known]:
        rows = self._run(f"{_SELECT} WHERE own_case = ? ORDER BY began, handle", (own_case,)).fetchall()
        return [self._known(row) for row in rows]

    def counts(self, today: str) -> tuple[dict[str, int], int]:
        """How many pairs with a match stand in each phase, and of how many a term has passed by this day."""
        rows = self._run("SELECT phase, count(*) FROM pair WHERE ended IS NULL AND phase <> '' GROUP BY phase").fetchall()
        passed = "SELECT count(*) FROM pair WHERE ended IS NULL AND due_on <> '' AND due_on < ?"
        return {row[0]: row[1] for row in rows}, int(self._run(passed, (today,)).fetchone()[0])

    def to_look_at(self, today: str, until: str, rules: str) -> list[bytes]:
        """Own pairs whose terms are to be looked at: that changed since the last look, that other `rules` bound then, and
        once each day those of which a term lies no later than the day `until`. Days are ISO dates."""
        rows = self._run(
            "SELECT handle FROM pair WHERE ended IS NULL AND own_case IS NOT NULL AND looked <> :day || ' ' || :rules"
            " AND ((due_on <> '' AND due_on <= :until) OR substr(looked, 12) <> :rules) ORDER BY began, handle",
            {"day": today, "rules": rules, "until": until},
        )
        return [bytes(row[0]) for row in rows.fetchall()]

    def set_looked(self, handle: bytes, today: str, rules: str) -> None:
        self._run("UPDATE pair SET looked = ? WHERE handle = ?", (f"{today} {rules}", handle))

    def touch(self, handle: bytes) -> None:
        """Something of the pair is not as it was."""
        self._run("UPDATE pair SET changed = ?, looked = '' WHERE handle = ?", (self._store.next_change(), handle))

    def set_standing(self, handle: bytes, phase: str, due_term: str, due_on: str, turn: str) -> None:
        """Keeps what the records come to today, and what they ask of this node's people, so that lists need not fold them
        again."""
        self._run(
            "UPDATE pair SET phase = ?, due_term = ?, due_on = ?, turn = ?"
            " WHERE handle = ? AND (phase, due_term, due_on, turn) <> (?, ?, ?, ?)",
            (phase, due_term, due_on, turn, handle, phase, due_term, due_on, turn),
        )

    def set_reminded(self, handle: bytes, mark: str) -> None:
        self._run("UPDATE pair SET reminded = ? WHERE handle = ?", (mark, handle))

    def set_released(self, handle: bytes, released: bool) -> None:
        self._run("UPDATE pair SET released = ? WHERE handle = ?", (released, handle))

    def _known(self, row: Any) -> Known:
        handle = bytes(row[0])
        one, one_reference, other, other_reference = json.loads(self._store.vault.open(row[2], _PACKED, handle).reveal())
        pair = Pair(Party(one, one_reference), Party(other, other_reference))
        own_case = None if row[1] is None else bytes(row[1])
        return Known(handle, own_case, pair, MatchKind(row[3]), row[4], row[5], bool(row[6]), bool(row[7]), *row[8:])

    # --- records ----------------------------------------------------------------------------------------------------------

    def records(self, known: Known) -> Records:
        """All that is held of a pair."""
        found: dict[RecordKind, list[Any]] = {kind: [] for kind in RecordKind}
        for id, kind, sealed in self._run("SELECT id, kind, sealed FROM record WHERE pair = ?", (known.handle,)).fetchall():
            raw = self._store.vault.open(sealed, "record", known.handle, bytes(id)).reveal()
            found[RecordKind(kind)].append(decoded(known.pair, RecordKind(kind), raw))
        return Records(
            known.pair,
            acts.in_order(found[RecordKind.ACT], self._covenant),
            {each.hash: each for each in found[RecordKind.TEXT]},
            {each.hash: each for each in found[RecordKind.AGREEMENT]},
            sorted(found[RecordKind.SIGNATURE], key=lambda each: (each.at, each.id)),
        )

    def added_after(self, handle: bytes, changed: int) -> set[bytes]:
        """The ids of the records that came behind a number of the pair's changes."""
        rows = self._run("SELECT id FROM record WHERE pair = ? AND changed > ?", (handle, changed)).fetchall()
        return {bytes(row[0]) for row in rows}

    def count(self, handle: bytes) -> int:
        return int(self._run("SELECT count(*) FROM record WHERE pair = ?", (handle,)).fetchone()[0])

    def add(self, handle: bytes, records: Iterable[Record], parties: Iterable[str]) -> int:
        """Stores the records that are not there yet, to be written to these parties; how many there were."""
        parties, added, change = tuple(parties), 0, self._store.next_change()
        for record in records:
            id, kind, raw = encoded(record, self._covenant)
            sealed = self._store.vault.seal(raw, "record", handle, id)
            row = self._run("INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?)", (handle, id, int(kind), sealed, change))
            if row.rowcount:
                added += 1
                self._want(handle, parties, [id])
        if added:
            self.touch(handle)
        return added

    def _want(self, handle: bytes, parties: Iterable[str], ids: Iterable[bytes]) -> None:
        ids = list(ids)
        for party in parties:
            self._store.database.conn.executemany(
                "INSERT OR IGNORE INTO unsent VALUES (?, ?, ?)", [(handle, party, id) for id in ids]
            )

    # --- what is to be written ----------------------------------------------------------------------------------------------

    def _want_all_again(self, handle: bytes) -> None:
        for row in self._run("SELECT party FROM link WHERE pair = ?", (handle,)).fetchall():
            self.send_all(handle, row[0])

    def send_all(self, handle: bytes, party: str) -> None:
        """Everything of the pair is to be written to a party, whatever it was sent before."""
        ids = [bytes(row[0]) for row in self._run("SELECT id FROM record WHERE pair = ?", (handle,)).fetchall()]
        self._want(handle, [party], ids)

    def send_again(self, match_id: bytes, party: str) -> None:
        """What was written to a party in this match may not have come: all of its pairs are to be written again."""
        for handle in self.carried_by(match_id):
            known = self.known(handle)
            if known is not None and self.knows(handle, party):
                self.send_all(handle, party)

    def carrying(self, handle: bytes) -> list[bytes]:
        """The live matches that carry a pair."""
        rows = self._run("SELECT match_id FROM carry WHERE pair = ? ORDER BY match_id", (handle,)).fetchall()
        return [bytes(row[0]) for row in rows]

    def carried_by(self, match_id: bytes) -> list[bytes]:
        return [bytes(row[0]) for row in self._run("SELECT pair FROM carry WHERE match_id = ?", (match_id,)).fetchall()]

    def unsent(self, handle: bytes, party: str) -> set[bytes]:
        """The ids of records that a party must still be written."""
        rows = self._run("SELECT record FROM unsent WHERE pair = ? AND party = ?", (handle, party)).fetchall()
        return {bytes(row[0]) for row in rows}

    def to_write(self) -> list[tuple[bytes, str]]:
        """(pair, party) for which something waits, of pairs that have not ended."""
        rows = self._run(
            "SELECT DISTINCT pair, party FROM unsent JOIN pair ON handle = pair WHERE ended IS NULL ORDER BY pair, party"
        ).fetchall()
        return [(bytes(row[0]), str(row[1])) for row in rows]

    def sent(self, handle: bytes, party: str, ids: Iterable[bytes]) -> None:
        self._store.database.conn.executemany(
            "DELETE FROM unsent WHERE pair = ? AND party = ? AND record = ?", [(handle, party, id) for id in ids]
        )

    # --- through which match ------------------------------------------------------------------------------------------------

    def carrier(self, handle: bytes, party: str) -> bytes | None:
        """The match in which the pair's letters to a party go; None where none carries it. When it becomes another one,
        everything is to be written again: what was on its way in the one before may be lost with it."""
        live = self.carrying(handle)
        row = self._run("SELECT match_id FROM link WHERE pair = ? AND party = ?", (handle, party)).fetchone()
        before = None if row is None else bytes(row[0])
        if before in live:
            return before
        if not live:
            return None
        self.link(handle, party, live[0])
        return live[0]

    def link(self, handle: bytes, party: str, match_id: bytes) -> None:
        """Letters of the pair to a party go in this match from now on, all of them again."""
        self._run(
            "INSERT INTO link VALUES (?, ?, ?, x'') ON CONFLICT (pair, party)"
            " DO UPDATE SET match_id = excluded.match_id, told = x''",
            (handle, party, match_id),
        )
        self._store.next_change()  # whom a coordinator can call is told anew too
        self.send_all(handle, party)

    def knows(self, handle: bytes, party: str) -> bool:
        """Whether a party has been written to about the pair."""
        return self._run("SELECT 1 FROM link WHERE pair = ? AND party = ?", (handle, party)).fetchone() is not None

    def linked(self, party: str) -> list[bytes]:
        """Pairs about which a party is written to."""
        return [bytes(row[0]) for row in self._run("SELECT pair FROM link WHERE party = ?", (party,)).fetchall()]

    def told(self, handle: bytes, party: str) -> bytes:
        """A mark of what a coordinator was last told besides the records: whom it can call."""
        row = self._run("SELECT told FROM link WHERE pair = ? AND party = ?", (handle, party)).fetchone()
        return b"" if row is None else bytes(row[0])

    def set_told(self, handle: bytes, party: str, mark: bytes) -> None:
        self._run("UPDATE link SET told = ? WHERE pair = ? AND party = ?", (mark, handle, party))


_SELECT: Final = (
    "SELECT handle, own_case, sealed, match_kind, began, ended, expired, released, changed, phase, due_term, due_on, reminded"
    " FROM pair"
)


def encoded(record: Record, covenant_id: str) -> tuple[bytes, RecordKind, bytes]:
    """(id, kind, bytes) of a record."""
    message: Message
    match record:
        case Act():
            id, kind, message = record.hash(covenant_id), RecordKind.ACT, content.encode_act(record)
        case Written():
            id, kind, message = record.hash, RecordKind.TEXT, pb.ActText(salt=record.salt, text=record.text)
        case Agreement():
            id, kind, message = record.hash, RecordKind.AGREEMENT, content.encode_agreement(record)
        case Signature():
            id, kind, message = record.id, RecordKind.SIGNATURE, content.encode_signature(record)
    return id, kind, message.SerializeToString(deterministic=True)


def decoded(pair: Pair, kind: RecordKind, raw: bytes) -> Record:
    """The record of these bytes, which `encoded` wrote."""
    match kind:
        case RecordKind.ACT:
            return content.decode_act(pair, parse(pb.Act, raw))
        case RecordKind.TEXT:
            return content.decode_text(parse(pb.ActText, raw))
        case RecordKind.AGREEMENT:
            return content.decode_agreement(parse(pb.Agreement, raw))
        case RecordKind.SIGNATURE:
            return content.decode_signature(parse(pb.AgreementSignature, raw))
