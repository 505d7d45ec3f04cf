"""Matches that only a coordinator hears of: found by a sweep of its own, never by a publication.

Whoever publishes a single involvement at a quiet hour has the answer, its size and time, its own events and the whole
log before it. So nothing is done within the publication, or within anything else that a side asks for: in one look
along all rows a sweep finds what coordinators are to hear, and tells it in small transactions. How long that takes, and
when, does not hang on the publication.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from raakvlak_index.store import Pair, Reader
from raakvlak_index.writer import Writer

SECONDS: Final = 900.0
"""Between two sweeps."""
SANDBOX_SECONDS: Final = 1.0
"""The same in a sandbox, where nobody wants to wait."""
REST: Final = 20.0
"""Times the duration of a sweep that at least pass before the next, so that a large store is not read all the time."""
BATCH: Final = 200
"""Pairs in one transaction."""


class Mediation:
    """Sweeps of one index. Each is complete when it returns; one that broke off is made up for by the next."""

    def __init__(self, writer: Writer, reader: Callable[[], Reader]) -> None:
        self._writer = writer
        self._reader = reader

    def sweep(self, now: datetime) -> None:
        """Tells coordinators what they have to know by `now`."""
        with contextlib.closing(self._reader()) as reader:
            for pairs in _batches(reader.unsettled(now)):
                self._writer.run(lambda store, pairs=pairs: store.mediate(pairs, now))  # type: ignore[misc]


def pause(took: float, *, sandbox: bool) -> float:
    """Seconds until the next sweep, after one that took as many."""
    return max(SANDBOX_SECONDS if sandbox else SECONDS, REST * took)


def _batches(pairs: Iterator[Pair]) -> Iterator[list[Pair]]:
    while batch := list(islice(pairs, BATCH)):
        yield batch
