"""A whole federation in one process: real gRPC over mutual TLS, real stores, threads in place of processes.

The only module that imports all parties. Clocks are arguments, so that a story can let months pass.
"""

import asyncio
import io
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from raakvlak_index import http
from raakvlak_index.events import EVENTS as INDEX_EVENTS
from raakvlak_index.index import Pepper
from raakvlak_index.log import PublishedLog
from raakvlak_index.serve import Running
from raakvlak_index.sqlite import SqliteStore
from raakvlak_keyholder.evaluator import Evaluator as KeyHolderKeys
from raakvlak_keyholder.events import EVENTS as KEY_HOLDER_EVENTS
from raakvlak_keyholder.service import Service as KeyHolderService
from raakvlak_keyholder.store import Store as CountStore
from raakvlak_node.case import Case, parse
from raakvlak_node.node import LETTER_SECRET, SIGNING_SEED, STORE, VAULT_KEY, Node
from raakvlak_node.reconcile import reconcile
from raakvlak_node.settings import Settings
from raakvlak_node.store import Store
from raakvlak_node.sync import Outcome, walking
from raakvlak_node.vault import Vault
from raakvlak_protocol.party import events, peer, serving, web
from raakvlak_protocol.party.membership import Folder, Membership
from raakvlak_protocol.secret import SecretBytes
from tests.covenants import SHARE_NUMBERS, Sandbox, make_covenant


@dataclass
class Clock:
    """The time of a story; starts at the machine's, because TLS judges by that."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **amount: float) -> None:
        self.now += timedelta(**amount)


def make_node(sandbox: Sandbox, member: str, folder: Path, clock: Clock, *, index: str, key_holders: Mapping[str, str]) -> Node:
    """A member's node with a store of its own below `folder`."""
    identity = sandbox.member(member)
    secrets = {
        SIGNING_SEED: sandbox.signing_seeds[member],
        LETTER_SECRET: sandbox.letter_secrets[member],
        VAULT_KEY: SecretBytes(os.urandom(32)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        covenant=sandbox.payload.id,
        id=member,
        index=index,
        key_holders=dict(key_holders),
        key_file=folder / "unused.key",
    )
    membership = Membership(identity, sandbox.covenant, sandbox.credentials(identity), secrets)
    Folder(folder).covenant.write_bytes(sandbox.file)
    store = Store(folder / STORE, Vault(secrets[VAULT_KEY], os.urandom), create=True)
    return Node(Folder(folder), settings, membership, store, clock, os.urandom)


def case(reference: str, bsn: str, **columns: str) -> Case:
    """A case as a caseload row would give it, with a worker who can be called."""
    given = {"case_ref": reference, "bsn": bsn, "function": "mentor", "worker_phone": "0118-000001", "since": "2026-01-05"}
    return parse(given | columns, today=datetime.now(UTC).date(), adults=True)


class KeyHolderThreads:
    """A key holder's real service on a port of its own. `wrap` lets an attack stand between service and wire."""

    def __init__(self, sandbox: Sandbox, number: int, folder: Path, clock: Clock) -> None:
        self.number = number
        self.identity = sandbox.key_holder(number)
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "counts.db"
        if not self.path.exists():
            CountStore.create(self.path)
        self._store = CountStore(self.path)
        self._log = io.StringIO()
        shares = KeyHolderKeys(sandbox.covenant, number, sandbox.shares(number), clock())
        self.service = KeyHolderService(
            sandbox.covenant,
            number,
            shares,
            self._store,
            events.Log("keyholder", KEY_HOLDER_EVENTS, self._log),
            now=clock,
            random=os.urandom,
        )
        self._server = peer.blocking_server(2)
        self._server.add_generic_rpc_handlers((self.service.handler(),))
        self.port = self._server.add_secure_port("127.0.0.1:0", peer.server_credentials(sandbox.credentials(self.identity)))
        self._server.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def log(self) -> str:
        return self._log.getvalue()

    def stop(self) -> None:
        self._server.stop(0).wait()
        self._store.close()


class IndexThreads:
    """The index's real service on a port of its own, and its log on another; its event loop in a thread. The log is
    published when a test says so, and at the end."""

    def __init__(
        self,
        sandbox: Sandbox,
        folder: Path,
        clock: Clock,
        *,
        event_cap: int = 100_000,
        peppers: Mapping[int, bytes] | None = None,
    ) -> None:
        """Over the store and log that are in the folder, or empty ones. One that was stopped is started again with its
        peppers."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "store.db"
        self.peppers = peppers or {epoch: os.urandom(32) for epoch in sandbox.covenant.epochs}
        self.identity = sandbox.index
        self.seconds = 0.0
        """What passes only when a test says so: by this an index sees that its log lags."""
        self.running: Running
        self._sandbox = sandbox
        self._clock = clock
        self._event_cap = event_cap
        self._log = io.StringIO()
        self._ready = threading.Event()
        self._stop = serving.Stop()
        self.published = folder / "log"
        if not self.path.exists():
            SqliteStore.create(self.path)
            PublishedLog.create(self.published, self.identity.dns_name, sandbox.log_seed)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="index")
        self._thread.start()
        assert self._ready.wait(20)

    async def _serve(self) -> None:
        peppers = {epoch: Pepper(SecretBytes(key)) for epoch, key in self.peppers.items()}
        log = events.Log("index", INDEX_EVENTS, self._log)
        seed = self._sandbox.log_seed
        self.running = Running(
            self._sandbox.covenant,
            peppers,
            self.path,
            log,
            self._clock,
            published=PublishedLog(self.published, self.identity.dns_name, seed),
            log_seed=seed,
            random=os.urandom,
            event_cap=self._event_cap,
            seconds=lambda: self.seconds,
        )
        server = peer.aio_server()
        server.add_generic_rpc_handlers((self.running.service.handler(),))
        credentials = self._sandbox.credentials(self.identity)
        self.port = server.add_secure_port("127.0.0.1:0", peer.server_credentials(credentials))
        async with web.serving(
            http.app(self.running.public(self._sandbox.file)),
            credentials,
            "127.0.0.1:0",
            folder=self.path.parent,
            max_body_bytes=http.MAX_BODY_BYTES,
            grace_seconds=1,
            on_error=log.error,
        ) as self.log_port:
            await server.start()
            self._ready.set()
            await asyncio.to_thread(self._stop.wait)
            await self.running.end_streams()
            await server.stop(1)
        self.running.publish_log()
        await self.running.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log_address(self) -> str:
        """Where the log is read."""
        return f"127.0.0.1:{self.log_port}"

    def publish_log(self) -> None:
        """Signs a checkpoint over all that is committed, as an index does each second."""
        self.running.publish_log()

    def log(self) -> str:
        return self._log.getvalue()

    def expire(self) -> None:
        """Keeps the terms by the story's clock."""
        self.running.expire()

    def stop(self) -> None:
        self._stop.request()
        self._thread.join()


class Federation:
    """Key holders, index and a node for each member; `walk` lets a node synchronise once."""

    def __init__(self, sandbox: Sandbox, folder: Path, *, event_cap: int = 100_000) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.clock = Clock()
        self.key_holders = [KeyHolderThreads(sandbox, n, folder / f"keyholder-{n}", self.clock) for n in SHARE_NUMBERS]
        self.index = IndexThreads(sandbox, folder / "index", self.clock, event_cap=event_cap)
        self.nodes = {member.id: self.node(member.id) for member in sandbox.payload.members}
        self.logged: list[tuple[str, dict[str, object]]] = []

    def node(self, member: str, *, index: str = "") -> Node:
        """A new node of a member; `index` may be the address of an attacker."""
        addresses = {each.identity.id: each.address for each in self.key_holders}
        return make_node(
            self.sandbox, member, self.folder / f"node-{member}", self.clock,
            index=index or self.index.address, key_holders=addresses,
        )  # fmt: skip

    def walk(self, member: str) -> Outcome:
        """One sync of one node, as `raakvlak-node sync` does it."""
        with walking(self.nodes[member], lambda name, **fields: self.logged.append((name, fields))) as walk:
            return walk.once()

    def settle(self, *members: str) -> None:
        """Lets all nodes (or these) walk until none has anything left to do."""
        for _ in range(20):
            self.index.running.mediate()
            moved = [self.walk(member).moved for member in members or self.nodes]
            if not any(moved):
                return
        raise AssertionError("the federation does not come to rest")

    def back_up(self, member: str) -> Path:
        """A copy of a node's store, as it is now."""
        copy = self.folder / f"backup-{member}-{self.clock().timestamp()}.db"
        copy.unlink(missing_ok=True)
        self.nodes[member].store.backup(copy)
        return copy

    def restore(self, member: str, copy: Path) -> None:
        """Puts a backup in the place of a node's store, and lets a person reconcile it with the index."""
        node = self.nodes[member]
        node.store.set_remark("reconcile", "restored")
        node.close()
        for leftover in ("-wal", "-shm"):
            node.store.path.with_name(node.store.path.name + leftover).unlink(missing_ok=True)
        shutil.copyfile(copy, node.store.path)
        restored = self.nodes[member] = node.reopened()
        restored.store.set_remark("reconcile", "restored")
        with walking(restored, lambda name, **fields: self.logged.append((name, fields))) as walk:
            reconcile(restored, walk.publisher, dry_run=False)

    def touches(self, member: str) -> set[tuple[str, str, str, str, str]]:
        """(own case, other member, its case, kind, via) for everything that a node shows."""
        return {
            (own, entry.other, entry.contact.reference if entry.contact else "", entry.kind.value, " ".join(entry.via))
            for own, entry in self.nodes[member].all_entries()
        }

    def stop(self) -> None:
        for node in self.nodes.values():
            node.close()
        self.index.stop()
        for holder in self.key_holders:
            holder.stop()


@contextmanager
def federation(folder: Path, sandbox: Sandbox | None = None, *, event_cap: int = 100_000) -> Iterator[Federation]:
    """A federation that is stopped at the end; of a school and a town where nothing else is said."""
    running = Federation(sandbox or make_covenant(), folder, event_cap=event_cap)
    try:
        yield running
    finally:
        running.stop()
