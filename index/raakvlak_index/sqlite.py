"""The store on SQLite: one writer, WAL, every commit on the disk before it is answered.

Crash order: a verb's rows, deliveries, events, leaves and answer are one transaction, so that recovery finds all of it
or nothing. What a node did not hear, `open` tells it from `last_write`. The log is published after the commit (`log`),
so that no checkpoint ever names a leaf that a crash could take back. A leaf's position is its primary key: a second
process that wrote at the same position would fail in this one statement, whatever it believed.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from raakvlak_index import index, schema
from raakvlak_index.index import ANSWER_DAYS, LETTER_DAYS, Rules, Standing, day_of, ordered
from raakvlak_index.queues import EMPTY, Queues
from raakvlak_index.sqlite_mediation import Mediations
from raakvlak_index.store import Answer, Done, Due, Kind, Pair, Publication, Withdrawal
from raakvlak_protocol import entry
from raakvlak_protocol.errors import Malformed, Refused, Unavailable
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.term import month_of

_CHUNK: Final = 500
"""Digests in one IN list."""

Gone = tuple[bytes, int, int]
"""A row that is removed: digest, member's number, position in the log."""

_MISSED: Final = """
SELECT mine.epoch, mine.digest, other.member FROM row AS mine
JOIN row AS other ON other.digest = mine.digest AND other.member <> mine.member
WHERE mine.member = :me AND mine.visibility = :direct AND other.visibility = :direct
  AND mine.removal_month > :month AND other.removal_month > :month
  AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.digest = mine.digest
    AND mine.member IN (delivery.lower, delivery.higher) AND other.member IN (delivery.lower, delivery.higher))
"""

_FORGET_ANSWER: Final = "UPDATE last_write SET request_hash = x'', answer = x'' "


class SqliteStore:
    """`store.Store` on a file that exists. One thread at a time."""

    broken: type[Exception] = sqlite3.Error

    @staticmethod
    def create(path: Path) -> None:
        """A new empty store; raises Refused over an existing one."""
        schema.create_store(path)

    def __init__(self, path: Path, rules: Rules) -> None:
        self._path = path
        self._rules = rules
        self._db = schema.open_for_writing(path)
        self._numbers: dict[str, int] = {}
        self._ids: dict[int, str] = {}
        self.touched: dict[str, int] = {}
        self._know_members()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.touched = {}
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._abandon()
            raise Unavailable(
                "the index could not write to its store and changed nothing: try again later; its operator should look "
                "at the disk"
            ) from error
        except BaseException:
            self._abandon()
            raise

    @contextmanager
    def step(self) -> Iterator[None]:
        touched = dict(self.touched)
        self._db.execute("SAVEPOINT step")
        try:
            yield
        except sqlite3.Error:
            raise  # the whole transaction is lost
        except BaseException:
            self.touched = touched
            self._db.execute("ROLLBACK TO step")
            self._db.execute("RELEASE step")
            self._know_members()
            raise
        self._db.execute("RELEASE step")

    def _abandon(self) -> None:
        self.touched = {}
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._know_members()

    def _know_members(self) -> None:
        self._numbers = dict(self._db.execute("SELECT id, number FROM member"))
        self._ids = {number: member for member, number in self._numbers.items()}

    # --- members ------------------------------------------------------------------------------------------------------

    def admit(self, members: Sequence[str], now: datetime) -> None:
        for member in members:
            if member not in self._numbers:
                added = self._db.execute("INSERT INTO member VALUES (NULL, ?, 0, 0, 0, 0, ?)", (member, day_of(now)))
                self._db.execute("INSERT INTO last_write VALUES (?, 0, x'', x'', 0)", (added.lastrowid,))
        self._know_members()

    def open(self, member: str, now: datetime) -> Standing:
        me = self._alive(member, now)
        self._db.execute("UPDATE member SET generation = generation + 1 WHERE number = ?", (me,))
        self._touch(me)
        return self._standing(me)

    def seen(self, member: str, now: datetime) -> None:
        self._alive(member, now)

    def _alive(self, member: str, now: datetime) -> int:
        """The number of a member that gives a sign of life; written once a day."""
        me = self._numbers[member]
        (last_seen,) = self._db.execute("SELECT last_seen FROM member WHERE number = ?", (me,)).fetchone()
        today = day_of(now)
        if last_seen < today:
            self._db.execute("UPDATE member SET last_seen = ? WHERE number = ?", (today, me))
        if index.suspended(last_seen, today):
            self._catch_up(me, now)
        return me

    def _standing(self, me: int) -> Standing:
        found = self._db.execute(
            "SELECT generation, sequence, request_hash, answer FROM member JOIN last_write ON member = number WHERE number = ?",
            (me,),
        ).fetchone()
        return Standing(*found)

    def _demand_generation(self, me: int, generation: int) -> None:
        current, sequence = self._db.execute(
            "SELECT generation, sequence FROM member JOIN last_write ON member = number WHERE number = ?", (me,)
        ).fetchone()
        Standing(current, sequence, b"", b"").demand_generation(generation)

    def _touch(self, me: int) -> None:
        self._note({me: self._queues().waiting(me)})

    def _note(self, changed: dict[int, int]) -> None:
        self.touched |= {self._ids[number]: waiting for number, waiting in changed.items()}

    def _queues(self) -> Queues:
        return Queues(self._db, self._rules.event_cap)

    def _mediations(self) -> Mediations:
        return Mediations(self._db, self._rules, self._ids, self._numbers)

    # --- writes of rows -----------------------------------------------------------------------------------------------

    def publish(self, write: Publication, answer: Answer, now: datetime) -> bytes:
        me = self._alive(write.member, now)
        kept = self._standing(me).judge(write.generation, write.sequence, write.request_hash)
        if kept is not None:
            return kept
        month = month_of(now)
        partners = self._partners(me, day_of(now))
        standing: set[bytes] = set()
        lapsed: list[Gone] = []
        found: list[tuple[bytes, int]] = []
        in_order = sorted(write.digests)  # neighbours share pages
        for digest, member, removal_month, visibility, position in self._rows(in_order):
            live = removal_month > month
            if member == me:
                if live:
                    standing.add(digest)
                else:
                    lapsed.append((digest, me, position))
            elif live and visibility == Visibility.DIRECT and member in partners:
                found.append((digest, member))
        queues = self._queues()
        self._end_rows(lapsed, queues)
        visibility, until = int(write.visibility), write.removal_month
        new = [place for place, digest in enumerate(write.digests) if digest not in standing]
        leaves = [write.leaves[place] for place in new]
        first = self._append(leaves)
        rows = [
            (write.digests[place], me, write.epoch, until, visibility, position, write.salts[place])
            for position, place in enumerate(new, first)
        ]
        rows.sort()
        self._db.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        if write.visibility is Visibility.DIRECT:
            self._begin(me, write.epoch, [each for each in found if each[0] not in standing], queues)
        self._note(queues.flush())
        return self._answered(me, write, answer(Done([digest in standing for digest in write.digests], first, leaves)), now)

    def withdraw(self, write: Withdrawal, answer: Answer, now: datetime) -> bytes:
        me = self._alive(write.member, now)
        kept = self._standing(me).judge(write.generation, write.sequence, write.request_hash)
        if kept is not None:
            return kept
        positions = {digest: position for digest, member, _, _, position in self._rows(sorted(write.digests)) if member == me}
        queues = self._queues()
        ended = [(digest, me, positions[digest]) for digest in write.digests if digest in positions]
        first, leaves = self._end_rows(ended, queues)
        self._note(queues.flush())
        return self._answered(me, write, answer(Done([digest in positions for digest in write.digests], first, leaves)), now)

    def _answered(self, me: int, write: Publication | Withdrawal, answer: bytes, now: datetime) -> bytes:
        self._db.execute(
            "UPDATE last_write SET sequence = ?, request_hash = ?, answer = ?, day = ? WHERE member = ?",
            (write.sequence, write.request_hash, answer, day_of(now), me),
        )
        return answer

    def _append(self, leaves: Sequence[bytes]) -> int:
        """Adds leaves to the log; the position of the first of them, or where the next one would stand."""
        (size,) = self._db.execute("SELECT coalesce(max(position) + 1, 0) FROM leaf").fetchone()
        self._db.executemany("INSERT INTO leaf VALUES (?, ?)", enumerate(leaves, size))
        return int(size)

    def _rows(self, digests: Sequence[bytes]) -> Iterator[tuple[bytes, int, int, int, int]]:
        for place in range(0, len(digests), _CHUNK):
            chunk = digests[place : place + _CHUNK]
            marks = ",".join("?" * len(chunk))
            yield from self._db.execute(
                f"SELECT digest, member, removal_month, visibility, position FROM row WHERE digest IN ({marks})",  # noqa: S608
                chunk,
            )

    def _partners(self, me: int, today: int) -> set[int]:
        """Members that may hear of a match with this one now."""
        allowed = self._rules.partners_of(self._ids[me])
        members = self._db.execute("SELECT number, id, last_seen FROM member")
        return {number for number, id, last_seen in members if id in allowed and not index.suspended(last_seen, today)}

    def _begin(self, me: int, epoch: int, found: Sequence[tuple[bytes, int]], queues: Queues) -> None:
        """Tells both sides of each match, or neither where one has no room: its replay begins the match."""
        keys = self._rules.keys_of(epoch)
        mine = dict(found)
        own_references = dict(zip(mine, keys.references(self._ids[me], list(mine)), strict=True))
        deliveries = []
        for other in sorted({member for _, member in found}):
            digests = [digest for digest, member in found if member == other]
            lower, higher = (self._numbers[id] for id in ordered(self._ids[me], self._ids[other]))
            for digest, reference in zip(digests, keys.references(self._ids[other], digests), strict=True):
                full = [each for each in (me, other) if not queues.has_room(each)]
                for each in full:
                    queues.demand_replay(each)
                if full:
                    continue
                match_id = keys.match_id(digest, self._ids[me], self._ids[other])
                deliveries.append((match_id, digest, lower, higher))
                queues.put(me, Kind.MATCH, match_id, other=other, epoch=epoch, content=own_references[digest])
                queues.put(other, Kind.MATCH, match_id, other=me, epoch=epoch, content=reference)
        self._db.executemany("INSERT INTO delivery VALUES (?, ?, ?, ?)", sorted(deliveries))

    def _catch_up(self, me: int, now: datetime) -> None:
        """Begins the matches that waited while the member was suspended or its queue full."""
        partners = self._partners(me, day_of(now))
        asked = {"me": me, "direct": int(Visibility.DIRECT), "month": month_of(now)}
        missed: dict[int, list[tuple[bytes, int]]] = {}
        for epoch, digest, other in self._db.execute(_MISSED, asked):
            if other in partners:
                missed.setdefault(epoch, []).append((digest, other))
        queues = self._queues()
        for epoch, found in missed.items():
            self._begin(me, epoch, found, queues)
        self._note(queues.flush())

    def _end_rows(self, rows: Sequence[Gone], queues: Queues) -> tuple[int, list[bytes]]:
        """Removes rows with the matches that both sides know; both hear of it, and a coordinator before whom one was
        brought; letters on their way are emptied. What only a coordinator knows is for `mediate` to end. The leaves that
        tell of it, in order of the rows, and the position of the first."""
        self._db.executemany("DELETE FROM row WHERE digest = ? AND member = ?", [each[:2] for each in rows])
        ended: dict[bytes, tuple[int, int]] = {}
        for digest, member, _ in rows:
            for match_id, lower, higher in self._db.execute(
                "SELECT match_id, lower, higher FROM delivery WHERE digest = ? AND ? IN (lower, higher)",
                (digest, member),
            ):
                ended[match_id] = (lower, higher)
        ids = [(match_id,) for match_id in ended]
        self._db.executemany("DELETE FROM delivery WHERE match_id = ?", ids)
        self._db.executemany(EMPTY + "WHERE match_id = ? AND kind = 3", ids)
        mediations = self._mediations()
        for match_id, sides in ended.items():
            for side in sides:
                queues.put_or_replay(side, Kind.MATCH_ENDED, match_id)
            mediations.end_brought(match_id, queues)
        leaves = [entry.removed(position) for _, _, position in rows]
        return self._append(leaves), leaves

    # --- events and letters -------------------------------------------------------------------------------------------

    def watch(self, member: str, generation: int, after: int, now: datetime) -> bool:
        me = self._alive(member, now)
        self._demand_generation(me, generation)
        last, acknowledged = self._db.execute("SELECT last_event, acknowledged FROM member WHERE number = ?", (me,)).fetchone()
        if after > last:
            raise Refused(
                f"you have stored event {after} and this index's newest for you is {last}: it was restored without "
                "'raakvlak-index restore', or is another index; its operator must look"
            )
        if after < acknowledged == last:
            queues = self._queues()
            queues.put(me, Kind.VOID)
            self._note(queues.flush())
        return bool(after < acknowledged)

    def acknowledge(self, member: str, generation: int, up_to: int, now: datetime) -> int:
        me = self._alive(member, now)
        self._demand_generation(me, generation)
        (last,) = self._db.execute("SELECT last_event FROM member WHERE number = ?", (me,)).fetchone()
        if up_to > last:
            raise Malformed(f"event {up_to} can't be acknowledged: the newest has number {last}", field="up_to")
        self._db.execute("DELETE FROM event WHERE member = ? AND number <= ?", (me, up_to))
        self._db.execute("UPDATE member SET acknowledged = max(acknowledged, ?) WHERE number = ?", (up_to, me))
        self._touch(me)
        return self._queues().waiting(me)

    def post(
        self, member: str, generation: int, match_id: bytes, to: str, number: int, ciphertext: bytes, now: datetime
    ) -> bool:
        me = self._alive(member, now)
        self._demand_generation(me, generation)
        receiver = self._receiver(me, match_id, to, now)
        if receiver is None:
            return False
        waiting = {
            number
            for (number,) in self._db.execute(
                "SELECT letter FROM event WHERE match_id = ? AND other = ? AND member = ? AND kind = 3",
                (match_id, me, receiver),
            )
        }
        if number in waiting:
            return True
        index.demand_room_for_letter(len(waiting))
        queues = self._queues()
        if self._rules.coordinates(to):
            self._mediations().bring(match_id, queues)
        if not queues.has_room(receiver):
            raise Unavailable("the receiver's queue is full: it has not fetched its events for long; post again later")
        queues.put(receiver, Kind.LETTER, match_id, other=me, letter=number, content=ciphertext, posted=day_of(now))
        self._note(queues.flush())
        return True

    def _receiver(self, me: int, match_id: bytes, to: str, now: datetime) -> int | None:
        if self._rules.coordinates(to):
            return self._mediations().from_side(me, match_id, to, now)
        if to:
            return self._mediations().to_side(me, match_id, to, now)
        sides = self._db.execute("SELECT lower, higher FROM delivery WHERE match_id = ?", (match_id,)).fetchone()
        if sides is None or me not in sides:
            return None
        return int(sides[0] if sides[1] == me else sides[1])

    def mediate(self, pairs: Sequence[Pair], now: datetime) -> None:
        queues, mediations = self._queues(), self._mediations()
        for pair in pairs:
            mediations.settle(pair, now, queues)
        self._note(queues.flush())

    def begin_replay(self, member: str, generation: int, now: datetime) -> int:
        me = self._alive(member, now)
        self._demand_generation(me, generation)
        (needed,) = self._db.execute("SELECT replay_needed FROM member WHERE number = ?", (me,)).fetchone()
        if needed:
            self._catch_up(me, now)
            # Where the queue is full again, catching up has counted on: `end_replay` then leaves the mark.
        return int(needed)

    def end_replay(self, member: str, needed: int) -> None:
        me = self._numbers[member]
        self._db.execute("UPDATE member SET replay_needed = 0 WHERE number = ? AND replay_needed = ?", (me, needed))
        self._touch(me)

    # --- what time takes ----------------------------------------------------------------------------------------------

    def remove(self, rows: Sequence[Due], now: datetime) -> int:
        month = month_of(now)
        # Asked again: since it was found due, a row may have been withdrawn and published anew.
        due: list[Gone] = []
        for each in rows:
            due += self._db.execute(
                "SELECT digest, member, position FROM row WHERE digest = ? AND member = ? AND removal_month <= ?",
                (each.digest, each.member, month),
            )
        queues = self._queues()
        self._end_rows(due, queues)
        self._note(queues.flush())
        self._forget_answers_of({member for _, member, _ in due})
        return len(due)

    def lapse(self, now: datetime, limit: int) -> int:
        lapsed = self._db.execute(
            "SELECT member, number, match_id, other, letter FROM event WHERE kind = 3 AND posted < ? LIMIT ?",
            (day_of(now) - LETTER_DAYS, limit),
        ).fetchall()
        queues = self._queues()
        self._lapse(lapsed, queues)
        self._note(queues.flush())
        return len(lapsed)

    def _lapse(self, letters: Sequence[tuple[int, int, bytes, int, int]], queues: Queues) -> None:
        """Empties letters (receiver, event, match id, sender, number) and tells their senders."""
        for receiver, _, match_id, sender, letter in letters:
            # Whether or not there is room: a sender has no more of them than it posted letters.
            queues.put(sender, Kind.LETTER_LAPSED, match_id, other=receiver, letter=letter)
        self._db.executemany(EMPTY + "WHERE member = ? AND number = ?", [each[:2] for each in letters])

    def forget_silent(self, now: datetime, limit: int) -> dict[str, int]:
        removed: dict[str, int] = {}
        queues = self._queues()
        members = self._db.execute("SELECT number, id, last_seen FROM member").fetchall()
        silent = {number: id for number, id, last in members if index.forgotten(last, day_of(now))}
        for me, member in silent.items():
            rows = self._db.execute("SELECT digest, member, position FROM row WHERE member = ? LIMIT ?", (me, limit)).fetchall()
            if rows:
                self._end_rows(rows, queues)
                removed[member] = len(rows)
                limit -= len(rows)
            # A coordinator has no rows: what is before it goes on, and who wrote to it must know that it did not read it.
            if self._rules.coordinates(member):
                self._lapse(
                    self._db.execute(
                        "SELECT member, number, match_id, other, letter FROM event WHERE kind = 3 AND member = ?", (me,)
                    ).fetchall(),
                    queues,
                )
        self._note(queues.flush())
        for me in silent:
            self._empty_queue(me)
        self._forget_answers_of(silent)
        return removed

    def dismiss(self, member: str, digests: Sequence[bytes]) -> int:
        me = self._numbers[member]
        rows = [(digest, me, position) for digest, owner, _, _, position in self._rows(digests) if owner == me]
        queues = self._queues()
        self._end_rows(rows, queues)
        self._note(queues.flush())
        self._mediations().dismiss(me)
        self._empty_queue(me)
        self._forget_answers_of([me])
        return len(rows)

    def _empty_queue(self, me: int) -> None:
        if self._db.execute("DELETE FROM event WHERE member = ?", (me,)).rowcount:
            self._db.execute(
                "UPDATE member SET acknowledged = last_event, replay_needed = replay_needed + 1 WHERE number = ?", (me,)
            )
            self._touch(me)

    def forget_answers(self, now: datetime) -> None:
        self._db.execute(_FORGET_ANSWER + "WHERE day < ? AND request_hash <> x''", (day_of(now) - ANSWER_DAYS,))

    def _forget_answers_of(self, members: Iterable[int]) -> None:
        self._db.executemany(_FORGET_ANSWER + "WHERE member = ?", [(each,) for each in members])

    # --- what else stands in the log ----------------------------------------------------------------------------------

    def keep_check(self, epoch: int, check: bytes) -> None:
        known = self._db.execute("SELECT 1 FROM epoch WHERE number = ? AND pepper_check = ?", (epoch, check)).fetchone()
        if known is None:
            self._db.execute("INSERT OR REPLACE INTO epoch VALUES (?, ?)", (epoch, check))
            self._append([entry.epoch(epoch, check)])

    def keep_covenant(self, version: int, hash: bytes) -> None:
        if self._db.execute("INSERT OR IGNORE INTO covenant VALUES (?, ?)", (version, hash)).rowcount:
            self._append([entry.covenant(version, hash)])

    def keep_statement(self, holder: str, day: str, hash: bytes) -> bool:
        found = self._db.execute("SELECT holder, day FROM statement WHERE hash = ?", (hash,)).fetchone()
        if found == (holder, day):
            return False
        if found not in (None, ("", "")):
            raise Refused("this statement stands in the log already, as another holder's or for another day")
        try:
            # Where found, a repair knew it from its leaf alone.
            self._db.execute(
                """INSERT INTO statement VALUES (?, ?, ?)
                   ON CONFLICT (hash) DO UPDATE SET holder = excluded.holder, day = excluded.day""",
                (hash, holder, day),
            )
        except sqlite3.IntegrityError:
            raise Refused(f"another statement of {holder} for {day} stands in the log: there can't be two of one day") from None
        if found is None:
            self._append([entry.statement(hash)])
        return found is None

    def keep_cosigned(self, witness: str, size: int, at: datetime, note: bytes) -> bool:
        kept = self._db.execute(
            """INSERT INTO witness VALUES (?, ?, ?, ?) ON CONFLICT (id)
               DO UPDATE SET size = excluded.size, at = excluded.at, note = excluded.note
               WHERE (excluded.size, excluded.at) >= (size, at)""",
            (witness, size, int(at.timestamp()), note),
        )
        return kept.rowcount > 0
