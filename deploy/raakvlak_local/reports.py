"""The end of a demo: the witness cosigns the log, the nodes prove their rows against it, the officer checks everybody.

The nodes are stopped before, so that nothing is published between two looks. What an officer of a real federation is
given on a stick (the accounts of the organisations, the statements of the key holders) is fetched by the parties' commands.
"""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from raakvlak_local.description import Coordinator, Organisation
from raakvlak_local.federation import Federation, Party
from raakvlak_local.officer import Found
from raakvlak_protocol.party.command import TRY_LATER

AT_ONCE: Final = 2
"""Commands beside each other: each keeps one core busy."""


def prove(federation: Federation) -> int:
    """Has the key holders' statements handed in, the log cosigned and every node look at it; returns how many rows were
    proven to be in it just now."""
    _gather_statements(federation)
    federation.index_status()  # which waits until the index has published all that it committed
    federation.witness.cosign()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return sum(threads.map(lambda member: _sync(federation, member), federation.members))


def made(federation: Federation) -> Iterator[Found]:
    """Every report, as soon as it is there: contract, log, index's database, each organisation's account; and the quotas
    where the key holders have stated a day. Raises CommandFailed where a check could not be made at all."""
    officer = federation.officer
    with tempfile.TemporaryDirectory(dir=federation.layout.data) as folder, ThreadPoolExecutor(AT_ONCE) as threads:
        contract = threads.submit(officer.report, "contract", "contract")
        # Before the others: it makes the newest checkpoint the trusted one, by which they judge.
        follow = officer.report("follow", "follow")
        yield contract.result()
        yield follow
        further: list[Future[Found]] = [threads.submit(officer.report, "index", "index", str(federation.store))]
        further += [threads.submit(_node, federation, each, Path(folder)) for each in federation.members]
        statements = federation.layout.statements
        if any(statements.iterdir()):
            given = ["--statements", str(statements), "--index", str(federation.store)]
            further.append(threads.submit(officer.report, "quota", "quota", *given))
        for each in further:
            yield each.result()


def _sync(federation: Federation, member: Organisation | Coordinator) -> int:
    """One walk of a node; raises CommandFailed where it raises an alarm about the log."""
    printed = federation.run(federation.node(member.id), "sync", "--json", allowed=(0, TRY_LATER))
    return int(json.loads(printed)["proven"])


def _node(federation: Federation, member: Organisation | Coordinator, folder: Path) -> Found:
    """On what the member's account tells, which holds its tokens and is gone afterwards. That of a coordinator is to show
    that it never published anything."""
    account = folder / member.id
    federation.run(federation.node(member.id), "audit-export", str(account))
    return federation.officer.report(f"node-{member.id}", "node", str(account), "--database", str(federation.store))


def _gather_statements(federation: Federation) -> None:
    """Hands in what waits, and puts every statement of every key holder in one folder; none before the first day ended."""
    gathered = federation.layout.statements
    gathered.mkdir(exist_ok=True)

    def gather(holder: Party) -> None:
        federation.run(holder, "statements", "--hand-in", "--export", str(gathered))

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(gather, federation.key_holders))
