"""What coordinators are told, in the SQLite store: of a match that no side hears of, and of one that a side brings.

A match that a coordinator only hears of begins and ends in `settle` alone, which a sweep calls. No publication, no
withdrawal and no letter of a side that may not know of it writes, counts or takes one step more because of it.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from raakvlak_index import index
from raakvlak_index.index import HIGHER, LOWER, Rules, day_of
from raakvlak_index.queues import EMPTY, Queues
from raakvlak_index.store import CurrentMediation, Kind, Pair
from raakvlak_protocol.errors import NotPermitted
from raakvlak_protocol.publication import REFERENCE_BYTES
from raakvlak_protocol.term import month_of

_BOTH: Final = LOWER | HIGHER
# Along the primary key, in which the rows of one digest are neighbours.
_SHARED: Final = """
SELECT one.digest, one.epoch, one.member, other.member, one.visibility, other.visibility FROM row AS one
JOIN row AS other ON other.digest = one.digest AND other.member > one.member
WHERE one.removal_month > :month AND other.removal_month > :month
"""
_STANDING: Final = """
SELECT mediation.match_id, mediation.digest, mediation.lower, mediation.higher, coordinator, direct, asked,
  one.visibility, other.visibility, delivery.match_id IS NOT NULL FROM mediation
LEFT JOIN row AS one ON one.digest = mediation.digest AND one.member = mediation.lower AND one.removal_month > :month
LEFT JOIN row AS other ON other.digest = mediation.digest AND other.member = mediation.higher AND other.removal_month > :month
LEFT JOIN delivery ON delivery.match_id = mediation.match_id
"""
_CURRENT: Final = """
SELECT match_id, mediation.digest, lower, higher, one.epoch, direct, asked FROM mediation
JOIN row AS one ON one.digest = mediation.digest AND one.member = lower
JOIN row AS other ON other.digest = mediation.digest AND other.member = higher
WHERE coordinator = (SELECT number FROM member WHERE id = ?) AND match_id > ? ORDER BY match_id LIMIT ?
"""


class Told(NamedTuple):
    """What a coordinator was told of a match: by a sweep, or (`direct`) because a side brought it. Members by number."""

    coordinator: int
    direct: int
    asked: int


class Mediations:
    """The table `mediation` while one verb runs. `ids` are the members' ids by number, `numbers` the reverse."""

    def __init__(self, db: sqlite3.Connection, rules: Rules, ids: Mapping[int, str], numbers: Mapping[str, int]) -> None:
        self._db = db
        self._rules = rules
        self._ids = ids
        self._numbers = numbers
        self._away: set[int] | None = None

    # --- what is to be told, and what was -----------------------------------------------------------------------------

    def unsettled(self, now: datetime) -> Iterator[Pair]:
        """Pairs of which what was told is not what is so at `now`; first those that may have to end. A pair of which one
        side or the coordinator is suspended is not among those that have to begin."""
        yield from self._outdated(month_of(now))
        yield from self._untold(now)

    def _outdated(self, month: int) -> Iterator[Pair]:
        for match_id, digest, lower, higher, *told, one, other, delivered in self._db.execute(_STANDING, {"month": month}):
            pair, visibilities = Pair(match_id, digest, lower, higher), None if None in (one, other) else (one, other)
            if self._due(pair, Told(*told), visibilities, delivered) != Told(*told):
                yield pair

    def _untold(self, now: datetime) -> Iterator[Pair]:
        """One scan of all rows; of the pairs that share a digest nearly all are direct, and judged once for all."""
        away = self._suspended(now)
        judged: dict[tuple[int, int, int, int], tuple[int, int] | None] = {}
        for digest, epoch, *sides in self._db.execute(_SHARED, {"month": month_of(now)}):
            key = (sides[0], sides[1], sides[2], sides[3])
            if key not in judged:
                judged[key] = self._judged(*key, away)
            if (found := judged[key]) is None:
                continue
            lower, higher = found
            match_id = self._rules.keys_of(epoch).match_id(digest, self._ids[lower], self._ids[higher])
            if self._told(match_id) is None and not self._delivered(match_id):
                yield Pair(match_id, digest, lower, higher)

    def _judged(self, one: int, other: int, shown: int, others: int, away: set[int]) -> tuple[int, int] | None:
        """The sides in order of their ids, where a coordinator may be told now; else None."""
        if self._ids[one] > self._ids[other]:
            one, other, shown, others = other, one, others, shown
        due = self._rules.mediated(self._ids[one], self._ids[other], (shown, others))
        if due is None or away & {one, other, self._numbers[due.coordinator]}:
            return None
        return one, other

    def _due(self, pair: Pair, told: Told | None, visibilities: tuple[int, int] | None, delivered: bool) -> Told | None:
        """What a coordinator should have been told: of a match that both sides know, what one of them has brought; of
        another, what the visibilities of its two live rows say."""
        if delivered:
            brought = self._brought(pair.lower, pair.higher)
            return brought if told == brought else None
        if visibilities is None:
            return None
        found = self._rules.mediated(self._ids[pair.lower], self._ids[pair.higher], visibilities)
        return Told(self._numbers[found.coordinator], 0, found.asked) if found else None

    def _brought(self, lower: int, higher: int) -> Told | None:
        coordinator = self._rules.coordinator_of(self._ids[lower], self._ids[higher])
        return Told(self._numbers[coordinator], 1, _BOTH) if coordinator else None

    def _told(self, match_id: bytes) -> Told | None:
        found = self._db.execute("SELECT coordinator, direct, asked FROM mediation WHERE match_id = ?", (match_id,)).fetchone()
        return Told(*found) if found else None

    def _delivered(self, match_id: bytes) -> bool:
        return self._db.execute("SELECT 1 FROM delivery WHERE match_id = ?", (match_id,)).fetchone() is not None

    def _due_now(self, pair: Pair, told: Told | None, now: datetime) -> tuple[Told | None, int]:
        """What is due by the rows as they stand, and their epoch."""
        rows = {
            member: (visibility, epoch)
            for member, visibility, epoch in self._db.execute(
                "SELECT member, visibility, epoch FROM row WHERE digest = ? AND member IN (?, ?) AND removal_month > ?",
                (pair.digest, pair.lower, pair.higher, month_of(now)),
            )
        }
        both = (rows[pair.lower][0], rows[pair.higher][0]) if len(rows) == 2 else None
        epoch = max((epoch for _, epoch in rows.values()), default=0)
        return self._due(pair, told, both, self._delivered(pair.match_id)), epoch

    def _suspended(self, now: datetime) -> set[int]:
        if self._away is None:
            members = self._db.execute("SELECT number, last_seen FROM member")
            self._away = {number for number, last_seen in members if index.suspended(last_seen, day_of(now))}
        return self._away

    def current(self, member: str, after: bytes, limit: int) -> list[CurrentMediation]:
        """As `store.Reader.mediations`."""
        found = []
        for match_id, digest, lower, higher, epoch, direct, asked in self._db.execute(_CURRENT, (member, after, limit)):
            one, other = self._ids[lower], self._ids[higher]
            content = b"" if direct else self._references(digest, epoch, one, other, asked)
            found.append(CurrentMediation(match_id, one, other, content, epoch))
        return found

    def _references(self, digest: bytes, epoch: int, one: str, other: str, asked: int) -> bytes:
        """Of each side the name of its row, zero where it is not to be asked: one behind the other."""
        keys = self._rules.keys_of(epoch)
        sides = ((one, asked & LOWER), (other, asked & HIGHER))
        return b"".join(keys.references(id, [digest])[0] if told else bytes(REFERENCE_BYTES) for id, told in sides)

    # --- telling ------------------------------------------------------------------------------------------------------

    def settle(self, pair: Pair, now: datetime, queues: Queues) -> None:
        """Ends what was told and is not so any more, and tells what is; this waits where one of the three is suspended or
        the coordinator's queue is full."""
        told = self._told(pair.match_id)
        due, epoch = self._due_now(pair, told, now)
        if told == due:
            return
        if told is not None:
            self._end(pair.match_id, told.coordinator, queues)
        if due is not None and not self._suspended(now) & {pair.lower, pair.higher, due.coordinator}:
            self._tell(pair, due, epoch, queues)

    def _tell(self, pair: Pair, due: Told, epoch: int, queues: Queues) -> None:
        if not queues.has_room(due.coordinator):
            queues.demand_replay_once(due.coordinator)
            return
        one, other = self._ids[pair.lower], self._ids[pair.higher]
        content = b"" if due.direct else self._references(pair.digest, epoch, one, other, due.asked)
        self._db.execute("INSERT INTO mediation VALUES (?, ?, ?, ?, ?, ?, ?, 0)", (*pair, *due))
        queues.put(
            due.coordinator,
            Kind.MEDIATION,
            pair.match_id,
            other=pair.lower,
            another=pair.higher,
            epoch=epoch,
            content=content,
        )

    def _end(self, match_id: bytes, coordinator: int, queues: Queues) -> None:
        self._forget(match_id, coordinator)
        queues.put_or_replay(coordinator, Kind.MATCH_ENDED, match_id)

    def _forget(self, match_id: bytes, coordinator: int) -> None:
        """Also letters from and to the coordinator; the sides' own, of a match that is direct by now, stay."""
        self._db.execute("DELETE FROM mediation WHERE match_id = ?", (match_id,))
        self._db.execute(EMPTY + "WHERE match_id = ? AND kind = 3 AND ? IN (member, other)", (match_id, coordinator))

    def end_brought(self, match_id: bytes, queues: Queues) -> None:
        """After a match that both sides knew has ended: its coordinator hears of it, where a side had brought it."""
        for (coordinator,) in self._db.execute(
            "SELECT coordinator FROM mediation WHERE match_id = ? AND direct", (match_id,)
        ).fetchall():
            self._end(match_id, coordinator, queues)

    def dismiss(self, coordinator: int) -> None:
        """All that was told to a coordinator that has left goes, and its letters; nobody is told."""
        for (match_id,) in self._db.execute("SELECT match_id FROM mediation WHERE coordinator = ?", (coordinator,)).fetchall():
            self._forget(match_id, coordinator)

    # --- letters ------------------------------------------------------------------------------------------------------

    def from_side(self, me: int, match_id: bytes, to: str, now: datetime) -> int | None:
        """The coordinator to whom a side may write; None where there is no such match, or none that it knows of. Raises
        NotPermitted where the match is direct and another one is called in, or nobody.

        A side of a match that only a coordinator hears of may answer once it was written to. Before that the reply is
        that of a match that does not exist: a match id from earlier days must not tell whether there is one again.
        """
        sides = self._db.execute("SELECT lower, higher FROM delivery WHERE match_id = ?", (match_id,)).fetchone()
        if sides is not None and me in sides:
            serving = self._rules.coordinator_of(self._ids[sides[0]], self._ids[sides[1]])
            if serving != to:
                raise NotPermitted(f"{to} is not called in between these two kinds: {serving or 'nobody'} is")
            return self._numbers[to]
        pair, told, heard = self._standing(match_id, now)
        if pair is None or told is None or told.coordinator != self._numbers.get(to) or not heard & pair.side(me):
            return None
        return told.coordinator

    def to_side(self, me: int, match_id: bytes, to: str, now: datetime) -> int | None:
        """The side to which a coordinator may write; None where it was told of no such match. Raises NotPermitted for a
        side that may not be asked, or who is none."""
        pair, told, _ = self._standing(match_id, now)
        if pair is None or told is None or told.coordinator != me:
            return None
        side = self._numbers.get(to, 0)
        if not told.asked & pair.side(side):
            raise NotPermitted(
                f"{to} is no side of this match that you may write to: it is one that was named to you with its reference, or "
                "each of the two once one of them has brought the match before you"
            )
        self._db.execute("UPDATE mediation SET heard = heard | ? WHERE match_id = ?", (pair.side(side), match_id))
        return side

    def bring(self, match_id: bytes, queues: Queues) -> None:
        """Tells the coordinator of a direct match, where it was not told yet; nothing of any other."""
        found = self._db.execute(
            "SELECT match_id, digest, lower, higher FROM delivery WHERE match_id = ?", (match_id,)
        ).fetchone()
        if found is None:
            return
        pair, told = Pair(*found), self._told(match_id)
        brought = self._brought(pair.lower, pair.higher)
        if brought is None or told == brought:
            return
        if told is not None:
            self._end(match_id, told.coordinator, queues)
        (epoch,) = self._db.execute(
            "SELECT epoch FROM row WHERE digest = ? AND member = ?", (pair.digest, pair.lower)
        ).fetchone()
        self._tell(pair, brought, epoch, queues)

    def _standing(self, match_id: bytes, now: datetime) -> tuple[Pair | None, Told | None, int]:
        """What was told of a match and is still so, and which sides were written to; nothing where it has ended since,
        swept or not."""
        found = self._db.execute(
            "SELECT match_id, digest, lower, higher, coordinator, direct, asked, heard FROM mediation WHERE match_id = ?",
            (match_id,),
        ).fetchone()
        if found is None:
            return None, None, 0
        pair, told = Pair(*found[:4]), Told(*found[4:7])
        due, _ = self._due_now(pair, told, now)
        return (pair, told, found[7]) if due == told else (None, None, 0)
