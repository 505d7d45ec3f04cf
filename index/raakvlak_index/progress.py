"""Whether the log is being published: the one place that decides whether the index takes what only the log can prove.

A receipt promises a member that its entries are in the log. Should the store be lost before they are published, nobody
can keep that promise any more, and the receipt convicts an index that did nothing wrong. So what has a receipt and is
not published must be little and recent.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from raakvlak_protocol.errors import Unavailable
from raakvlak_protocol.party.events import Log

PUBLISH_LAG_SECONDS: Final = 60.0
"""What was committed longer ago than this is published, or nothing more is taken."""


class Progress:
    """Of the attempts to publish, which one thread makes at a time; any may ask. `seconds` never goes back."""

    def __init__(self, seconds: Callable[[], float], log: Log) -> None:
        self._seconds = seconds
        self._log = log
        self._until = seconds()
        self._failed = False
        self._told = False

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Around an attempt that publishes everything that was committed when it began, or raises."""
        began = self._seconds()
        try:
            yield
        except BaseException:
            self._failed = True
            raise
        self._until = began
        self._failed = False
        if self._told:
            self._told = False
            self._log("writes_taken")

    @property
    def fails(self) -> bool:
        """Whether the last attempt failed, or none that ended covers the last PUBLISH_LAG_SECONDS."""
        return self._failed or self.lag > PUBLISH_LAG_SECONDS

    @property
    def lag(self) -> float:
        """Seconds since the moment up to which everything is published."""
        return self._seconds() - self._until

    def demand(self) -> None:
        """Returns while the log is being published; else raises Unavailable, and tells the operator once."""
        if not self.fails:
            return
        if not self._told:
            self._told = True
            self._log("writes_refused", seconds=int(self.lag))
        raise Unavailable(
            "the log can't be published now: nothing is published or withdrawn until it can, because a receipt for it could "
            "not be kept if the index lost its store; its operator must look at the index's log and at the disk of the "
            "published log"
        )
