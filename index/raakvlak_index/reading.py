"""Reading the SQLite store: each instance is a connection of one thread that can't write."""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from raakvlak_index import index, schema
from raakvlak_index.index import Rules, day_of
from raakvlak_index.sqlite_mediation import Mediations
from raakvlak_index.store import (
    Counts,
    CurrentMatch,
    CurrentMediation,
    Due,
    Event,
    Heard,
    Kind,
    Opening,
    Pair,
    QueueHealth,
    Row,
    Waiting,
    Witnessed,
)
from raakvlak_protocol.errors import Unavailable
from raakvlak_protocol.term import month_of, start_of

_REWRITING: Final = threading.Lock()
"""SQLite keeps the folder of its temporary files for the whole process."""


class SqliteReader:
    """`store.Reader` on a file that a `SqliteStore` writes, in this process or another."""

    def __init__(self, path: Path, rules: Rules) -> None:
        self._path = path
        self._rules = rules
        self._db = schema.open_for_reading(path)

    def close(self) -> None:
        self._db.close()

    def events(self, member: str, after: int, limit: int, max_bytes: int) -> Waiting:
        self._db.execute("BEGIN")  # the member's numbers and its events as they are at one moment
        try:
            me, generation, newest, acknowledged, replay = self._db.execute(
                "SELECT number, generation, last_event, acknowledged, replay_needed FROM member WHERE id = ?", (member,)
            ).fetchone()
            rows = self._db.execute(
                "SELECT event.number, kind, match_id, coalesce(one.id, ''), epoch, letter, content, coalesce(two.id, '') "
                "FROM event LEFT JOIN member AS one ON one.number = other LEFT JOIN member AS two ON two.number = another "
                "WHERE member = ? AND event.number > ? "
                "ORDER BY event.number LIMIT ?",
                (me, after, limit),
            )
            events: list[Event] = []
            size = 0
            for number, kind, match_id, other, epoch, letter, content, another in rows:
                size += len(content)
                if events and size > max_bytes:
                    break
                events.append(Event(number, Kind(kind), match_id, other, epoch, letter, content, another))
        finally:
            self._db.execute("ROLLBACK")
        return Waiting(generation, events, acknowledged, newest, replay)

    def inventory(self, member: str, after: bytes, limit: int) -> list[Row]:
        rows = self._db.execute(
            "SELECT digest, epoch, removal_month, visibility FROM row "
            "WHERE member = (SELECT number FROM member WHERE id = ?) AND digest > ? ORDER BY digest LIMIT ?",
            (member, after, limit),
        )
        return [Row(*row) for row in rows]

    def matches(self, member: str, after: bytes, limit: int) -> list[CurrentMatch]:
        rows = self._db.execute(
            "SELECT match_id, delivery.digest, other.id, row.epoch FROM delivery "
            "JOIN member AS me ON me.id = ? AND me.number IN (lower, higher) "
            "JOIN member AS other ON other.number = lower + higher - me.number "
            "JOIN row ON row.digest = delivery.digest AND row.member = me.number "
            "WHERE match_id > ? ORDER BY match_id LIMIT ?",
            (member, after, limit),
        ).fetchall()
        return [
            CurrentMatch(match_id, self._rules.keys_of(epoch).references(member, [digest])[0], other, epoch)
            for match_id, digest, other, epoch in rows
        ]

    def mediations(self, member: str, after: bytes, limit: int) -> list[CurrentMediation]:
        return self._mediations().current(member, after, limit)

    def unsettled(self, now: datetime) -> Iterator[Pair]:
        return self._mediations().unsettled(now)

    def _mediations(self) -> Mediations:
        ids: dict[int, str] = dict(self._db.execute("SELECT number, id FROM member"))
        return Mediations(self._db, self._rules, ids, {id: number for number, id in ids.items()})

    def openings(self, member: str, digests: Sequence[bytes]) -> list[Opening | None]:
        found: list[Opening | None] = []
        for digest in digests:
            row = self._db.execute(
                "SELECT position, salt, removal_month, visibility FROM row "
                "WHERE digest = ? AND member = (SELECT number FROM member WHERE id = ?)",
                (digest, member),
            ).fetchone()
            found.append(Opening(*row) if row else None)
        return found

    def log_size(self) -> int:
        return self._count("SELECT coalesce(max(position) + 1, 0) FROM leaf")

    def leaves(self, first: int, limit: int) -> list[bytes]:
        rows = self._db.execute("SELECT entry FROM leaf WHERE position >= ? ORDER BY position LIMIT ?", (first, limit))
        return [leaf for (leaf,) in rows]

    def members(self) -> list[str]:
        return [id for (id,) in self._db.execute("SELECT id FROM member ORDER BY id")]

    def cosigned(self, witness: str) -> bytes | None:
        found = self._db.execute("SELECT note FROM witness WHERE id = ?", (witness,)).fetchone()
        return found[0] if found else None

    def witnesses(self) -> dict[str, Witnessed]:
        rows = self._db.execute("SELECT id, size, at FROM witness ORDER BY id")
        return {id: Witnessed(size, datetime.fromtimestamp(at, UTC)) for id, size, at in rows}

    def queues(self, now: datetime) -> QueueHealth:
        members = self._db.execute("SELECT id, last_seen, last_event - acknowledged, replay_needed FROM member").fetchall()
        return QueueHealth(
            suspended=sum(index.suspended(last_seen, day_of(now)) for _, last_seen, _, _ in members),
            alarms=sum(
                (waiting >= self._rules.alarm_at or replay > 0) and not self._rules.coordinates(id)
                for id, _, waiting, replay in members
            ),
        )

    def heard(self) -> list[Heard]:
        rows = self._db.execute("SELECT id, last_seen, last_event - acknowledged, replay_needed > 0 FROM member ORDER BY id")
        return [Heard(id, last_seen, waiting, bool(replay)) for id, last_seen, waiting, replay in rows]

    def counts(self) -> Counts:
        rows: dict[str, int] = {}
        removals: dict[int, int] = {}
        for member, month, count in self._db.execute(
            "SELECT id, month, count FROM (SELECT member AS number, removal_month AS month, count(*) AS count "
            "FROM row GROUP BY member, removal_month) JOIN member USING (number)"
        ):
            rows[member] = rows.get(member, 0) + count
            removals[month] = removals.get(month, 0) + count
        return Counts(rows, dict(sorted(removals.items())))

    def size(self) -> int:
        return self._count("PRAGMA page_count") * self._count("PRAGMA page_size")

    def due(self, month: int, after: Due | None, limit: int) -> list[Due]:
        digest, member = (after.digest, after.member) if after else (b"", 0)
        rows = self._db.execute(
            "SELECT digest, member FROM row WHERE (digest, member) > (?, ?) AND removal_month <= ? "
            "ORDER BY digest, member LIMIT ?",
            (digest, member, month, limit),
        )
        return [Due(*row) for row in rows]

    def scrub(self) -> None:
        # Deleted rows live on in the WAL until it is copied into the database and cut off.
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def rewrite(self) -> None:
        # secure_delete overwrites a deleted cell; of one that had moved within the tree before, an older copy can be left.
        with _REWRITING:
            self._db.execute("PRAGMA query_only = OFF")
            try:
                self._rewrite_beside_the_store()
                self._db.execute("VACUUM")
            except sqlite3.OperationalError as error:
                raise Unavailable("the store could not be written anew: it needs as much free disk as it is large") from error
            finally:
                self._db.execute("PRAGMA temp_store = MEMORY")
                self._db.execute("PRAGMA query_only = ON")

    def _rewrite_beside_the_store(self) -> None:
        """The new copy stands on the store's own disk for a moment, in a file without a name; where SQLite was built
        without this setting it stands in memory, never on another disk."""
        folder = str(self._path.parent.absolute())
        quoted = folder.replace("'", "''")
        self._db.execute(f"PRAGMA temp_store_directory = '{quoted}'")
        if self._db.execute("PRAGMA temp_store_directory").fetchone() == (folder,):
            self._db.execute("PRAGMA temp_store = FILE")

    def checks(self) -> dict[int, bytes]:
        return dict(self._db.execute("SELECT number, pepper_check FROM epoch"))

    def epochs_with_rows(self) -> set[int]:
        return {epoch for (epoch,) in self._db.execute("SELECT DISTINCT epoch FROM row")}

    def status(self, now: datetime) -> dict[str, Any]:
        counts = self.counts()
        members = [self._member(found, counts.rows, now) for found in self._db.execute("SELECT * FROM member ORDER BY id")]
        return {
            "rows": sum(counts.rows.values()),
            "bytes": self.size(),
            "events": self._count("SELECT count(*) FROM event"),
            "letters": self._count("SELECT count(*) FROM event WHERE kind = 3"),
            "matches": self._count("SELECT count(*) FROM delivery"),
            "mediations": self._count("SELECT count(*) FROM mediation"),
            "members": members,
            "next_removals": [
                {"month": f"{start_of(month):%Y-%m}", "rows": count, "overdue": month <= month_of(now)}
                for month, count in counts.removals.items()
            ],
            "alarms": [alarm for each in members for alarm in self._alarms(each)],
        }

    def _count(self, query: str) -> int:
        return int(self._db.execute(query).fetchone()[0])

    def _member(self, found: sqlite3.Row, rows: Mapping[str, int], now: datetime) -> dict[str, Any]:
        _, id, generation, last_event, acknowledged, replay_needed, last_seen = found
        return {
            "id": id,
            "rows": rows.get(id, 0),
            "waiting": last_event - acknowledged,
            "generation": generation,
            "silent_days": max(0, day_of(now) - last_seen),
            "suspended": index.suspended(last_seen, day_of(now)),
            "replay_needed": replay_needed > 0,
        }

    def _alarms(self, member: dict[str, Any]) -> list[str]:
        found = []
        if member["waiting"] >= self._rules.alarm_at:
            limit = self._rules.event_cap
            found.append(
                f"{member['waiting']} events wait for {member['id']}, at most {limit} may: then letters to it are "
                "refused and new matches wait; ask it to synchronise"
            )
        if member["replay_needed"]:
            found.append(f"the queue of {member['id']} was full: its missing matches begin when it asks for a replay")
        if member["suspended"] and member["rows"]:
            found.append(
                f"{member['id']} is silent for {member['silent_days']} days and suspended: after "
                f"{index.FORGOTTEN_AFTER_DAYS} its rows go"
            )
        return found
