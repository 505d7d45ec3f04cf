"""Letters under one lock, and what they are about: matches that are before a coordinator, and what it has asked.

At a coordinator's node these are all its matches; at a side, what it brought before a coordinator and what it was asked
about involvement that it does not show.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from raakvlak_node.store import Store
from raakvlak_protocol.act import Pair, Party
from raakvlak_protocol.follow_up_content import Ask, PairContact
from raakvlak_protocol.v1 import index_pb2


@dataclass(frozen=True, slots=True)
class Mediation:
    """A match that is before this coordinator. `direct`: both sides know of it, and one has brought it. Otherwise nobody
    knows but this node, which may ask the sides whose references it was told (16 bytes, else empty)."""

    match_id: bytes
    one: str
    other: str
    one_reference: bytes
    other_reference: bytes
    epoch: int
    direct: bool
    live: bool
    began: int
    changed: int

    def reference_of(self, member: str) -> bytes:
        """By which a side that may be asked knows its row; empty for one that may not."""
        return {self.one: self.one_reference, self.other: self.other_reference}.get(member, b"")


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A question of a coordinator to a side, at either of them. `party` is who is at the other end; `person` is known at
    the side alone. Times are Unix seconds."""

    match_id: bytes
    party: str
    person: bytes | None
    ask: Ask
    asked: int
    answered: int | None
    released: bool | None
    answer: str


@dataclass(frozen=True, slots=True)
class Chain:
    """How far the letters of a match have come, to and from one party."""

    own_number: int
    own_hash: bytes | None
    their_number: int
    their_hash: bytes | None


class Desk:
    """The verbs, on a node's store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    # --- matches that are before a coordinator ----------------------------------------------------------------------------

    def begin(self, told: index_pb2.Mediation, now: int) -> None:
        """The index tells of a match, or tells of it again."""
        self._run(
            "INSERT INTO mediation VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (match_id) DO UPDATE SET"
            " one = excluded.one, other = excluded.other, one_reference = excluded.one_reference,"
            " other_reference = excluded.other_reference, direct = excluded.direct,"
            " live = 1, began = CASE WHEN live THEN began ELSE excluded.began END, changed = excluded.changed",
            (
                told.match_id, told.one, told.other, told.one_reference, told.other_reference, told.epoch, told.direct,
                now, self._store.next_change(),
            ),
        )  # fmt: skip

    def end(self, match_id: bytes) -> None:
        """The match is over: between whom it was is forgotten, and nothing more can be written in it. The numbers stay, so
        that no letter is read twice, and for a while what was asked, because the answer may be on its way."""
        self._run(
            "UPDATE mediation SET live = 0, one = '', other = '', one_reference = x'', other_reference = x'', changed = ?"
            " WHERE match_id = ? AND live = 1",
            (self._store.next_change(), match_id),
        )
        for table in ("letter", "desk_content", "carry"):
            self._run(f"DELETE FROM {table} WHERE match_id = ?", (match_id,))  # noqa: S608 one of three constants

    def forget_asks(self, before: int) -> None:
        """Erases questions that were answered before a Unix second, or were never answered and asked so long ago."""
        self._run("DELETE FROM ask WHERE coalesce(answered, asked) < ?", (before,))

    def mediation(self, match_id: bytes) -> Mediation | None:
        """The match, while it is live."""
        row = self._run("SELECT * FROM mediation WHERE match_id = ? AND live = 1", (match_id,)).fetchone()
        return None if row is None else _mediation(row)

    def mediations(self) -> list[Mediation]:
        """Those that are live, oldest first."""
        rows = self._run("SELECT * FROM mediation WHERE live = 1 ORDER BY began, match_id").fetchall()
        return [_mediation(row) for row in rows]

    # --- whom a coordinator can call --------------------------------------------------------------------------------------

    def keep_contacts(self, pair: bytes, sender: str, contacts: Iterable[PairContact]) -> None:
        """What one side told of whom to call, in place of what it told before; nothing leaves it as it was."""
        packed = [
            [each.party.member, each.party.reference, each.name, each.function, each.phone, each.email] for each in contacts
        ]
        if packed:
            sealed = self._store.vault.seal(json.dumps(packed).encode(), "contacts", pair, sender)
            self._run(
                "INSERT INTO desk_contact VALUES (?, ?, ?) ON CONFLICT (pair, party) DO UPDATE SET sealed = excluded.sealed",
                (pair, sender, sealed),
            )

    def contacts(self, pair: bytes, sides: Pair) -> dict[str, PairContact]:
        """Whom to call at each side, by member: as it says itself, else as the other side says."""
        found: dict[str, PairContact] = {}
        for party, sealed in self._run("SELECT party, sealed FROM desk_contact WHERE pair = ?", (pair,)).fetchall():
            for member, reference, *person in json.loads(self._store.vault.open(sealed, "contacts", pair, party).reveal()):
                if member == party or member not in found:
                    found[member] = PairContact(Party(member, reference), *person)
        return {member: found[member] for member in sides.members if member in found}

    # --- questions ---------------------------------------------------------------------------------------------------------

    def keep_ask(self, match_id: bytes, party: str, person: bytes | None, ask: Ask, now: int) -> None:
        """A question, in place of an earlier one about the same match."""
        packed = [ask.reference.hex(), ask.epoch, ask.name, ask.phone, ask.email, ask.text]
        sealed = self._store.vault.seal(json.dumps(packed).encode(), "ask", match_id, party)
        self._run(
            "INSERT OR REPLACE INTO ask VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
            (match_id, party, person, ask.epoch, sealed, now),
        )

    def keep_answer(self, match_id: bytes, party: str, released: bool, text: str, now: int) -> None:
        sealed = self._store.vault.seal(text.encode(), "answer", match_id, party)
        self._run(
            "UPDATE ask SET answered = ?, released = ?, answer = ? WHERE match_id = ? AND party = ?",
            (now, released, sealed, match_id, party),
        )

    def asks(self) -> list[Asked]:
        """Every question that stands, oldest first."""
        rows = self._run(
            "SELECT match_id, party, person, sealed, asked, answered, released, answer FROM ask ORDER BY asked, match_id"
        ).fetchall()
        return [self._asked(*row) for row in rows]

    def asked(self, match_id: bytes, party: str) -> Asked | None:
        return next((each for each in self.asks() if (each.match_id, each.party) == (match_id, party)), None)

    def _asked(
        self,
        match_id: bytes,
        party: str,
        person: bytes | None,
        sealed: bytes,
        asked: int,
        answered: int | None,
        released: int | None,
        answer: bytes | None,
    ) -> Asked:
        reference, *rest = json.loads(self._store.vault.open(sealed, "ask", match_id, party).reveal())
        told = "" if answer is None else self._store.vault.open(answer, "answer", match_id, party).reveal().decode()
        ask = Ask(bytes.fromhex(reference), *rest)
        return Asked(match_id, party, person, ask, asked, answered, None if released is None else bool(released), told)

    # --- letters -----------------------------------------------------------------------------------------------------------

    def queue(self, match_id: bytes, party: str, content: bytes) -> None:
        """What is to be written to a party; sealed for it at the next walk."""
        sealed = self._store.vault.seal(content, "desk_content", match_id, party)
        self._run("INSERT INTO desk_content (match_id, party, sealed) VALUES (?, ?, ?)", (match_id, party, sealed))

    def waiting(self) -> list[tuple[bytes, str]]:
        """(match, party) to which something is to be written."""
        return [(bytes(row[0]), row[1]) for row in self._run("SELECT DISTINCT match_id, party FROM desk_content").fetchall()]

    def contents(self, match_id: bytes, party: str) -> list[tuple[int, bytes]]:
        """(id, content) in the order in which they were queued."""
        rows = self._run(
            "SELECT id, sealed FROM desk_content WHERE match_id = ? AND party = ? ORDER BY id", (match_id, party)
        ).fetchall()
        return [(row[0], self._store.vault.open(row[1], "desk_content", match_id, party).reveal()) for row in rows]

    def written(self, id: int, match_id: bytes, party: str, number: int, hash: bytes, ciphertext: bytes, now: int) -> None:
        """The letter lies sealed beside those that wait for being posted."""
        self._run("DELETE FROM desk_content WHERE id = ?", (id,))
        self._run(
            "UPDATE desk SET own_number = ?, own_hash = ? WHERE match_id = ? AND party = ?", (number, hash, match_id, party)
        )
        self._run("INSERT INTO letter VALUES (?, ?, ?, ?, ?)", (match_id, party, number, ciphertext, now))

    def chain(self, match_id: bytes, party: str) -> Chain:
        self._run(
            "INSERT OR IGNORE INTO desk (match_id, party, own_number) VALUES (?, ?, ?)",
            (match_id, party, self._store.number("first_letter")),
        )
        row = self._run(
            "SELECT own_number, own_hash, their_number, their_hash FROM desk WHERE match_id = ? AND party = ?",
            (match_id, party),
        ).fetchone()
        return Chain(*row)

    def count_theirs(self, match_id: bytes, party: str, number: int, hash: bytes) -> None:
        """Their last letter was this one, whether or not it could be understood."""
        self._run(
            "UPDATE desk SET their_number = ?, their_hash = ? WHERE match_id = ? AND party = ?", (number, hash, match_id, party)
        )

    def begin_chain_again(self, match_id: bytes, party: str) -> None:
        """What was written in this chain may not have come."""
        self._run("UPDATE desk SET own_hash = NULL WHERE match_id = ? AND party = ?", (match_id, party))

    def begin_all_again(self, least: int) -> None:
        """After a restore: new chains, with numbers that were never used."""
        self._run("DELETE FROM desk_content")
        self._run("UPDATE desk SET own_number = max(own_number, ?), own_hash = NULL", (least,))


def _mediation(row: Any) -> Mediation:
    match_id, one, other, one_reference, other_reference, epoch, direct, live, began, changed = row
    return Mediation(match_id, one, other, one_reference, other_reference, epoch, bool(direct), bool(live), began, changed)
