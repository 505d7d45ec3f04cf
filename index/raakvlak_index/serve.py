"""An index from its start to its end: peppers, store, sweeps, server, in this order and back."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from raakvlak_index import index, pepper
from raakvlak_index.expiry import SECONDS, Expiry
from raakvlak_index.index import Pepper
from raakvlak_index.pepper import PepperFile
from raakvlak_index.reading import SqliteReader
from raakvlak_index.service import QueueAlarm, Readers, Service
from raakvlak_index.settings import Settings
from raakvlak_index.sqlite import SqliteStore
from raakvlak_index.store import Store
from raakvlak_index.streams import Streams
from raakvlak_index.writer import Writer
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.party import peer, serving
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.party.membership import Membership
from raakvlak_protocol.party.serving import Stop

NO_RULES: Final = index.Rules({}, {})
"""For looking at a store before its peppers are known."""


class Running:
    """The parts of an index that runs. Made on the event loop that serves; `service.handler()` is for its server."""

    def __init__(
        self,
        covenant: Covenant,
        peppers: Mapping[int, Pepper],
        store: Path,
        log: Log,
        now: Callable[[], datetime],
        *,
        event_cap: int,
    ) -> None:
        """Raises Refused, before anything runs, where the peppers are not those of the store's rows."""
        checks, with_rows = known_epochs(store)
        pepper.missing(peppers, peppers.keys(), checks, with_rows)
        rules = index.rules(covenant, peppers, event_cap)
        self._now = now
        self._log = log
        self._streams = Streams()
        self._alarm = QueueAlarm(rules, log)
        self._writer = Writer(lambda: SqliteStore(store, rules), self._committed)
        self._writer.run(lambda writing: _prepare(writing, covenant, peppers, now()))
        self._readers = Readers(lambda: SqliteReader(store, rules))
        self._expiry = Expiry(self._writer, lambda: SqliteReader(store, rules), log)
        self.service = Service(covenant, rules, self._writer, self._readers, self._streams, log, now=now)

    def expire(self) -> None:
        """Removes what has lapsed by now; from any thread."""
        self._expiry.sweep(self._now(), self._streams.present)

    async def expire_hourly(self) -> None:
        """Until cancelled; a sweep that fails is made up for by the next."""
        while True:
            await asyncio.sleep(SECONDS)
            try:
                await asyncio.to_thread(self.expire)
            except Exception as error:
                self._log.error(error, doing="removing what has lapsed")

    async def end_streams(self) -> None:
        """Lets every stream return, so that stopping the server need not wait for them."""
        self._streams.stop()

    async def close(self) -> None:
        """After the last call."""
        for part in (self.service, self._readers, self._writer):
            await asyncio.to_thread(part.close)

    def _committed(self, touched: Mapping[str, int]) -> None:
        self._streams.wake(touched)
        for member, waiting in touched.items():
            self._alarm.look(member, waiting)


async def serve(
    membership: Membership,
    settings: Settings,
    store: Path,
    file: PepperFile,
    log: Log,
    *,
    now: Callable[[], datetime],
    random: Callable[[int], bytes],
    stop: Stop,
) -> None:
    """Serves until `stop`. Raises Refused, before anybody is answered, where store and peppers do not fit together."""
    covenant = membership.covenant
    peppers, new = pepper.prepare(file, covenant.epochs.keys(), *known_epochs(store), random)
    for epoch in sorted(new):
        log("pepper_made", epoch=epoch)
    running = Running(covenant, peppers, store, log, now, event_cap=settings.event_cap)
    try:
        await asyncio.to_thread(running.expire)
        server = peer.aio_server()
        server.add_generic_rpc_handlers((running.service.handler(),))
        expiry = asyncio.create_task(running.expire_hourly())
        log("started", covenant_version=covenant.version, members=len(covenant.members), epochs=len(peppers))
        try:
            await serving.serve_aio(
                server,
                membership.credentials,
                address=settings.listen,
                ready=lambda port: None,
                stop=stop,
                grace_seconds=settings.grace_seconds,
                before_stop=running.end_streams,
            )
        finally:
            expiry.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await expiry
    finally:
        await running.close()
    log("stopped")


def known_epochs(store: Path) -> tuple[dict[int, bytes], set[int]]:
    """By what the store recognises each epoch's pepper, and the epochs of its rows. Renews an older schema first."""
    SqliteStore(store, NO_RULES).close()
    with contextlib.closing(SqliteReader(store, NO_RULES)) as reader:
        return reader.checks(), reader.epochs_with_rows()


def _prepare(store: Store, covenant: Covenant, peppers: Mapping[int, Pepper], now: datetime) -> None:
    store.admit(list(covenant.members), now)
    for epoch, each in peppers.items():
        store.keep_check(epoch, each.check())
