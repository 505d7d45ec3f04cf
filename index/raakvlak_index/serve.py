"""An index from its start to its end: peppers, store, published log, sweeps, servers, in this order and back."""

import asyncio
import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from raakvlak_index import index, mediation, pepper
from raakvlak_index.expiry import SECONDS, Expiry
from raakvlak_index.index import Pepper
from raakvlak_index.log import LOG_KEY, PublishedLog
from raakvlak_index.mediation import Mediation
from raakvlak_index.operator.access import FILE as OPERATORS
from raakvlak_index.operator.access import Access
from raakvlak_index.operator.view import Office
from raakvlak_index.pepper import PepperFile
from raakvlak_index.progress import Progress
from raakvlak_index.reading import SqliteReader
from raakvlak_index.service import QueueAlarm, Readers, Service
from raakvlak_index.settings import Settings
from raakvlak_index.sqlite import SqliteStore
from raakvlak_index.store import Store
from raakvlak_index.streams import Streams
from raakvlak_index.writer import Writer
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party import peer, serving, web
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.party.membership import Membership
from raakvlak_protocol.party.serving import Stop
from raakvlak_protocol.secret import SecretBytes

if TYPE_CHECKING:
    from fastapi import FastAPI

    from raakvlak_index.http import Public

PUBLISH_SECONDS: Final = 1.0
"""Between two checkpoints of a log that grows."""
MAX_RETRY_SECONDS: Final = 60.0
"""Between two attempts to publish where the disk takes no more."""
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
        published: PublishedLog,
        log_seed: SecretBytes,
        random: Callable[[int], bytes],
        event_cap: int,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises Refused, before anything runs, where the peppers are not those of the store's rows, or the store does
        not go on from the published log."""
        checks, with_rows = known_epochs(store)
        pepper.missing(peppers, peppers.keys(), checks, with_rows)
        rules = index.rules(covenant, peppers, event_cap)
        with contextlib.closing(SqliteReader(store, rules)) as reader:
            published.demand_continued(reader)
        self.published = published
        self._store = store
        self._rules = rules
        self._now = now
        self._log = log
        self._covenant = covenant
        self._publishing = threading.Lock()
        self.progress = Progress(seconds, log)
        self._streams = Streams()
        self._alarm = QueueAlarm(rules, log)
        self._writer = Writer(lambda: SqliteStore(store, rules), self._committed)
        self._writer.run(lambda writing: _prepare(writing, covenant, peppers, now()))
        self._readers = Readers(lambda: SqliteReader(store, rules))
        # Strangers may ask as often as they like, and must not hold up the members' streams.
        self._strangers = Readers(lambda: SqliteReader(store, rules))
        # Nor may they hold up a checkpoint: what they ask for waits in other threads. Three, as both sweeps may take long.
        self._chores = ThreadPoolExecutor(3, "chore")
        self._expiry = Expiry(self._writer, lambda: SqliteReader(store, rules), log)
        self._expiry.dismiss(covenant.members)
        self._random = random
        self._access = Access(store.parent / OPERATORS)
        self.office = Office(
            covenant,
            rules,
            published,
            self.progress,
            self._strangers,
            self._access,
            now,
            disks={"store": store.parent, "log": published.folder},
            free=lambda folder: shutil.disk_usage(folder).free,
        )
        self._mediation = Mediation(self._writer, lambda: SqliteReader(store, rules))
        self.service = Service(
            covenant,
            rules,
            self._writer,
            self._readers,
            self._streams,
            log,
            log_seed=log_seed,
            now=now,
            random=random,
            demand_publishing=self.progress.demand,
        )

    def public(self, covenant_file: bytes) -> "Public":
        """What is shown over HTTPS."""
        from raakvlak_index.http import Public

        def differs(witness: str, size: int) -> None:
            self._log("history_differs", witness=witness, size=size)
            self.office.differs(witness, size)

        return Public(
            self._covenant,
            covenant_file,
            self.published,
            self._strangers,
            self._writer,
            self._now,
            self.progress,
            differs,
        )

    def pages(self, credentials: peer.Credentials, networks: Sequence[str] = ()) -> "Callable[[FastAPI], None]":
        """The operator's pages, served under these credentials, to these networks or every one."""
        from cryptography import x509

        from raakvlak_index.operator.pages import add

        self.office.certificate_until = x509.load_pem_x509_certificate(credentials.certificate).not_valid_after_utc
        return lambda api: add(api, self.office, self._log, self._random, networks)

    async def chore(self, work: Callable[[], None]) -> None:
        """Does one of the three below in a thread that no caller of the index can keep busy."""
        await asyncio.get_running_loop().run_in_executor(self._chores, work)

    def expire(self) -> None:
        """Removes what has lapsed by now, counts what is left, and raises the alarm where the witnesses are silent; from any
        thread."""
        self._expiry.sweep(self._now(), self._streams.present)
        with contextlib.closing(SqliteReader(self._store, self._rules)) as reader:
            witnessed = reader.witnesses()
            self.office.count(reader)
        late = index.uncosigned(self._covenant, {id: each.at for id, each in witnessed.items()}, self._now())
        if late is not None:
            self._log("uncosigned", hours=int(late.total_seconds()) // 3600)

    async def expire_hourly(self) -> None:
        """Until cancelled; a sweep that fails is made up for by the next."""
        while True:
            await asyncio.sleep(SECONDS)
            try:
                await self.chore(self.expire)
            except Exception as error:
                self._log.error(error, doing="removing what has lapsed")

    def mediate(self) -> None:
        """Tells coordinators of the matches that only they hear of; from any thread."""
        self._mediation.sweep(self._now())

    async def mediate_steadily(self) -> None:
        """Until cancelled; a sweep that fails is made up for by the next."""
        took = 0.0
        while True:
            await asyncio.sleep(mediation.pause(took, sandbox=self._covenant.sandbox))
            began = time.monotonic()
            try:
                await self.chore(self.mediate)
            except Exception as error:
                self._log.error(error, doing="telling coordinators of matches")
            took = time.monotonic() - began

    def publish_log(self) -> None:
        """Publishes every leaf that is committed by now; from any thread. Raises as `PublishedLog.extend`."""
        with (
            self._publishing,
            self.progress.attempt(),
            contextlib.closing(SqliteReader(self._store, self._rules)) as reader,
        ):
            while self.published.extend(reader):
                pass

    async def publish_log_steadily(self) -> None:
        """Until cancelled. What can't be published now, because the disk is full, say, is by a later attempt; raises
        Refused where it never will be: another process publishes, or the published log is damaged."""
        seconds = PUBLISH_SECONDS
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.chore(self.publish_log)
                seconds = PUBLISH_SECONDS
            except Refused:
                raise
            except Exception as error:
                self._log.error(error, doing="publishing the log")
                seconds = min(seconds * 2, MAX_RETRY_SECONDS)

    async def end_streams(self) -> None:
        """Lets every stream return, so that stopping the server need not wait for them."""
        self._streams.stop()

    async def close(self) -> None:
        """After the last call."""
        await asyncio.to_thread(self._chores.shutdown)
        for part in (self.service, self._readers, self._strangers, self._writer):
            await asyncio.to_thread(part.close)
        self._access.close()

    def _committed(self, touched: Mapping[str, int]) -> None:
        self._streams.wake(touched)
        for member, waiting in touched.items():
            self._alarm.look(member, waiting)


async def serve(
    membership: Membership,
    settings: Settings,
    store: Path,
    published: Path,
    file: PepperFile,
    covenant_file: bytes,
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
    seed = membership.secrets[LOG_KEY]
    running = Running(
        covenant,
        peppers,
        store,
        log,
        now,
        published=PublishedLog(published, covenant.index.dns_name, seed),
        log_seed=seed,
        random=random,
        event_cap=settings.event_cap,
    )
    try:
        await running.chore(running.expire)
        await running.chore(running.publish_log)
        log("started", covenant_version=covenant.version, members=len(covenant.members), epochs=len(peppers))
        publishing = asyncio.create_task(running.publish_log_steadily())
        # It ends by itself only where it can't go on: then nothing more is to be promised.
        publishing.add_done_callback(lambda task: stop.request())
        chores = [asyncio.create_task(running.expire_hourly()), asyncio.create_task(running.mediate_steadily()), publishing]
        try:
            await _answer(running, membership, settings, store.parent, covenant_file, log, stop)
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            # What was answered at the end is published at the end, not when the index serves again. Raises once more
            # where publishing could not go on.
            await running.chore(running.publish_log)
    finally:
        await running.close()
    log("stopped")


async def _answer(
    running: Running,
    membership: Membership,
    settings: Settings,
    folder: Path,
    covenant_file: bytes,
    log: Log,
    stop: Stop,
) -> None:
    """Both servers, until `stop`."""
    from raakvlak_index.http import MAX_BODY_BYTES, app

    server = peer.aio_server()
    server.add_generic_rpc_handlers((running.service.handler(),))
    async with web.serving(
        app(running.public(covenant_file), running.pages(membership.credentials, settings.operators_from)),
        membership.credentials,
        settings.log,
        folder=folder,
        max_body_bytes=MAX_BODY_BYTES,
        grace_seconds=settings.grace_seconds,
        on_error=log.error,
    ) as port:
        await serving.serve_aio(
            server,
            membership.credentials,
            address=settings.listen,
            ready=lambda port: None,
            stop=stop,
            grace_seconds=settings.grace_seconds,
            before_stop=running.end_streams,
            also={"log": f"{settings.log.rpartition(':')[0]}:{port}"},
        )


def known_epochs(store: Path) -> tuple[dict[int, bytes], set[int]]:
    """By what the store recognises each epoch's pepper, and the epochs of its rows. Renews an older schema first."""
    SqliteStore(store, NO_RULES).close()
    with contextlib.closing(SqliteReader(store, NO_RULES)) as reader:
        return reader.checks(), reader.epochs_with_rows()


def _prepare(store: Store, covenant: Covenant, peppers: Mapping[int, Pepper], now: datetime) -> None:
    store.admit(list(covenant.members), now)
    store.keep_covenant(covenant.version, covenant.hash)
    for epoch, each in peppers.items():
        store.keep_check(epoch, each.check())
