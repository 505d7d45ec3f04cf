"""The members' queues while one verb runs: numbers its events, keeps to the cap, writes them all at once."""

import sqlite3
from typing import Final

from raakvlak_index.store import Kind

EMPTY: Final = """
UPDATE event SET kind = 0, match_id = x'', other = 0, epoch = 0, letter = 0, content = x'', posted = 0, another = 0
"""
"""What is left of an event is its number; a condition follows."""
_INSERT: Final = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Queues:
    """Members go by number. Nothing is written before `flush`; make a new one for each verb."""

    def __init__(self, db: sqlite3.Connection, max_waiting: int) -> None:
        self._db = db
        self._max_waiting = max_waiting
        self._last: dict[int, int] = {}
        self._acknowledged: dict[int, int] = {}
        self._rows: list[tuple[int, int, int, bytes, int, int, int, bytes, int, int]] = []
        self._replay: set[int] = set()

    def has_room(self, member: int) -> bool:
        """Whether one more event may wait for the member."""
        return self.waiting(member) < self._max_waiting

    def waiting(self, member: int) -> int:
        """Events that wait for the member, those of this verb included."""
        if member not in self._last:
            found = self._db.execute("SELECT last_event, acknowledged FROM member WHERE number = ?", (member,)).fetchone()
            self._last[member], self._acknowledged[member] = found
        return self._last[member] - self._acknowledged[member]

    def demand_replay(self, member: int) -> None:
        """What the queue had no room for must be told by a replay."""
        self._replay.add(member)

    def demand_replay_once(self, member: int) -> None:
        """The same, where it does not need one yet: for what is tried again and again until there is room."""
        (needed,) = self._db.execute("SELECT replay_needed FROM member WHERE number = ?", (member,)).fetchone()
        if not needed:
            self.demand_replay(member)

    def put(
        self,
        member: int,
        kind: Kind,
        match_id: bytes = b"",
        *,
        other: int = 0,
        epoch: int = 0,
        letter: int = 0,
        content: bytes = b"",
        posted: int = 0,
        another: int = 0,
    ) -> None:
        """Adds an event, whether or not there is room."""
        self.waiting(member)
        self._last[member] += 1
        self._rows.append((member, self._last[member], kind, match_id, other, epoch, letter, content, posted, another))

    def put_or_replay(self, member: int, kind: Kind, match_id: bytes) -> None:
        """Adds an event where there is room; else the member needs a replay."""
        if self.has_room(member):
            self.put(member, kind, match_id)
        else:
            self.demand_replay(member)

    def flush(self) -> dict[int, int]:
        """Writes all; the members whose queue changed, with how many events wait for them."""
        changed = {row[0] for row in self._rows} | self._replay
        self._db.executemany(_INSERT, self._rows)
        self._db.executemany(
            "UPDATE member SET last_event = ? WHERE number = ?",
            [(self._last[each], each) for each in changed - self._replay],
        )
        self._db.executemany(
            "UPDATE member SET last_event = ?, replay_needed = replay_needed + 1 WHERE number = ?",
            [(self._last[each], each) for each in self._replay],
        )
        return {each: self.waiting(each) for each in changed}
