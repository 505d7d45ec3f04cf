"""What time takes: rows whose month has begun, letters that nobody fetched, answers that were heard, the rows of members
that fell silent; and of those that have left."""

from collections.abc import Callable, Container, Iterable
from datetime import datetime
from typing import Final

from raakvlak_index.index import day_of
from raakvlak_index.store import Due, Reader
from raakvlak_index.writer import Writer
from raakvlak_protocol.errors import Unavailable
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.term import month_of

BATCH: Final = 2_000
"""Rows or letters in one transaction, so that publications get their turn in between."""
SECONDS: Final = 3_600
"""Between two sweeps."""


class Expiry:
    """Sweeps of one index. Each is complete when it returns; one that broke off is made up for by the next."""

    def __init__(self, writer: Writer, reader: Callable[[], Reader], log: Log) -> None:
        self._writer = writer
        self._reader = reader
        self._log = log
        self._month = -1
        self._day = -1

    def sweep(self, now: datetime, present: Iterable[str] = ()) -> None:
        """Removes what has lapsed at `now`; members in `present` have a stream open and so are not silent."""
        for member in present:
            self._writer.run(lambda store, member=member: store.seen(member, now))  # type: ignore[misc]
        reader = self._reader()
        try:
            # New rows lapse in a later month: within one, a single look at all of them is enough. Likewise for days.
            if self._month != month_of(now):
                self._remove(reader, now)
                self._month = month_of(now)
            self._lapse(now)
            if self._day != day_of(now):
                self._forget(now)
                self._rewrite(reader)
                self._day = day_of(now)
            reader.scrub()
        finally:
            reader.close()

    def dismiss(self, members: Container[str]) -> None:
        """Removes the rows of everybody who is none of `members`, and what waits for it: whoever has left the covenant can
        neither withdraw them nor be told of a match."""
        reader = self._reader()
        try:
            for member in reader.members():
                if member not in members:
                    self._dismiss(reader, member)
        finally:
            reader.close()

    def _dismiss(self, reader: Reader, member: str) -> None:
        removed, digests = 0, [b""]
        while digests:
            digests = [each.digest for each in reader.inventory(member, digests[-1], BATCH)]
            removed += self._writer.run(lambda store, digests=digests: store.dismiss(member, digests))  # type: ignore[misc]
        if removed:
            self._log("left", member=member, rows=removed)

    def _rewrite(self, reader: Reader) -> None:
        """Erasure is complete without it but for a few cells in a thousand; a full disk must not keep terms from being
        kept."""
        try:
            reader.rewrite()
        except Unavailable as error:
            self._log.error(error, doing="writing the store anew")

    def _remove(self, reader: Reader, now: datetime) -> None:
        removed = 0
        last: Due | None = None
        while due := reader.due(month_of(now), last, BATCH):
            rows, last = due, due[-1]
            removed += self._writer.run(lambda store, rows=rows: store.remove(rows, now))  # type: ignore[misc]
        if removed:
            self._log("removed", month=month_of(now), rows=removed)

    def _lapse(self, now: datetime) -> None:
        lapsed = 0
        while count := self._writer.run(lambda store: store.lapse(now, BATCH)):
            lapsed += count
        if lapsed:
            self._log("lapsed", letters=lapsed)

    def _forget(self, now: datetime) -> None:
        self._writer.run(lambda store: store.forget_answers(now))
        while removed := self._writer.run(lambda store: store.forget_silent(now, BATCH)):
            for member, rows in removed.items():
                self._log("forgotten", member=member, rows=rows)
