"""Who watches: one asyncio.Event for each open stream, so that idle ones cost nothing and a commit wakes them."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Streams:
    """Belongs to the running event loop; only `wake` may be called from other threads."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._listening: dict[str, set[asyncio.Event]] = {}
        self.stopping = False

    @contextmanager
    def listening(self, member: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the member's queue has changed, and when everything stops."""
        changed = asyncio.Event()
        self._listening.setdefault(member, set()).add(changed)
        try:
            yield changed
        finally:
            self._listening[member].discard(changed)
            if not self._listening[member]:
                del self._listening[member]

    @property
    def present(self) -> list[str]:
        """Members with an open stream."""
        return list(self._listening)

    def wake(self, members: Iterable[str]) -> None:
        """Lets the streams of these members look again; from any thread."""
        self._loop.call_soon_threadsafe(self._wake, list(members))

    def stop(self) -> None:
        """Lets every stream end."""
        self.stopping = True
        self._wake(self.present)

    def _wake(self, members: Iterable[str]) -> None:
        for member in members:
            for changed in self._listening.get(member, ()):
                changed.set()
