"""A whole federation in one process: real gRPC over mutual TLS, real stores, threads in place of processes.

The only module that imports all parties. Clocks are arguments, so that a story can let months pass.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from raakvlak_node.case import Case, parse
from raakvlak_node.node import LETTER_SECRET, SIGNING_SEED, STORE, VAULT_KEY, Node
from raakvlak_node.settings import Settings
from raakvlak_node.store import Store
from raakvlak_node.vault import Vault
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
    given = {"case_ref": reference, "bsn": bsn, "function": "mentor", "worker_phone": "0118-000001", "since": "2026-01-05"}
    return parse(given | columns, today=moment.date(), adults=True)
