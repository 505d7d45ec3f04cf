"""A whole federation in one process: real gRPC over mutual TLS, real stores, threads in place of processes.

The only module that imports all parties. Clocks are arguments, so that a story can let months pass.
"""

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from raakvlak_keyholder.evaluator import Evaluator as KeyHolderKeys
from raakvlak_keyholder.events import EVENTS as KEY_HOLDER_EVENTS
from raakvlak_keyholder.service import Service as KeyHolderService
from raakvlak_keyholder.store import Store as CountStore
from raakvlak_node.case import Case, parse
from raakvlak_node.node import LETTER_SECRET, SIGNING_SEED, STORE, VAULT_KEY, Node
from raakvlak_node.settings import Settings
from raakvlak_node.store import Store
from raakvlak_node.vault import Vault
from raakvlak_protocol.party import events, peer
from raakvlak_protocol.party.membership import Folder, Membership
from raakvlak_protocol.secret import SecretBytes

from tests.covenants import Sandbox


@dataclass
class Clock:
    """The time of a story; starts at the machine's, because TLS judges by that."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **amount: float) -> None:
        self.now += timedelta(**amount)


def make_node(
    sandbox: Sandbox, member: str, folder: Path, clock: Clock, *, index: str, key_holders: Mapping[str, str]
) -> Node:
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
    store = Store(folder / STORE, Vault(secrets[VAULT_KEY], os.urandom), create=True)
    return Node(Folder(folder), settings, membership, store, clock, os.urandom)


def case(reference: str, bsn: str, *, today: datetime | None = None, **columns: str) -> Case:
    """A case as a caseload row would give it, with a worker who can be called."""
    moment = today or datetime.now(UTC)
    given = {
        "case_ref": reference,
        "bsn": bsn,
        "function": "mentor",
        "worker_phone": "0118-000001",
        "since": "2026-01-05",
    }
    return parse(given | columns, today=moment.date(), adults=True)


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
        self.port = self._server.add_secure_port(
            "127.0.0.1:0", peer.server_credentials(sandbox.credentials(self.identity))
        )
        self._server.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def log(self) -> str:
        return self._log.getvalue()

    def stop(self) -> None:
        self._server.stop(0).wait()
        self._store.close()
