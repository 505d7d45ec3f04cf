"""Key holder and node at the VOPRF, each as it really runs: real processes, mutual TLS, stores that sync.

Elements per CPU second of the measured process, over raw scalar multiplications per CPU second. The key holder can't do
with less than two multiplications an element (one evaluates, one goes into the proof), the node, which verifies two
holders' proofs, not with less than seven: blind, two for each proof, two to combine.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from raakvlak_node.evaluate import CHUNK_ELEMENTS, Evaluator, Holder
from raakvlak_node.node import Node
from raakvlak_node.sync import holder_remote
from raakvlak_protocol.errors import RaakvlakError
from tests.bench.measure import ROUNDS, Result, cpu_seconds, interleaved, median, multiplications, talk
from tests.covenants import SHARE_NUMBERS, Sandbox, make_covenant
from tests.federation import Clock, case, make_node
from tests.keyholder import running
from tests.keyholder.running import Party, Running

MEMBER: Final = "school"
FIRST_LOAD: Final = 1_000_000
UNIT: Final = "elements per CPU second"
KEY_HOLDER_GOAL: Final = 0.42
KEY_HOLDER_FLOOR: Final = 0.36
NODE_GOAL: Final = 0.10
NODE_FLOOR: Final = 0.08


def run(*, quick: bool) -> list[Result]:
    """The two figures; `quick` only shows that they can be made."""
    rounds, batches, seconds = (1, 1, 0.05) if quick else (ROUNDS, 4, 0.5)
    sandbox = make_covenant(declared=FIRST_LOAD, first_load=FIRST_LOAD)
    with tempfile.TemporaryDirectory() as folder, key_holders(sandbox, Path(folder)) as holders:
        return [
            _key_holder(sandbox, holders[0], rounds, batches, seconds),
            _node(sandbox, holders, Path(folder) / "node", rounds, batches, seconds),
        ]


@contextmanager
def key_holders(sandbox: Sandbox, folder: Path) -> Iterator[list[Running]]:
    """All key holders of the sandbox, each a process that serves."""
    # A folder around each, because its key file and log lie beside its own.
    parties = [Party(sandbox, folder / f"{number}" / "keyholder", number) for number in SHARE_NUMBERS]
    for party in parties:
        party.folder.parent.mkdir()
    with ThreadPoolExecutor(len(parties)) as threads:
        list(threads.map(Party.complete, parties))
    with ExitStack() as stack:
        yield [stack.enter_context(running.serving(party)) for party in parties]


def _key_holder(sandbox: Sandbox, holder: Running, rounds: int, batches: int, seconds: float) -> Result:
    talk(f"key holder: {batches} requests of {CHUNK_ELEMENTS} elements a round, one after the other")
    pid = holder.process.pid
    with holder.called_by(MEMBER) as remote:
        # The first call pays for the connection and the handshake.
        running.evaluate(remote, sandbox, running.elements(1))

        def work() -> float:
            requests = [running.elements(CHUNK_ELEMENTS) for _ in range(batches)]
            began = cpu_seconds(pid)
            for blinded in requests:
                running.evaluate(remote, sandbox, blinded)
            return batches * CHUNK_ELEMENTS / (cpu_seconds(pid) - began)

        measured = interleaved(rounds, lambda: multiplications(seconds), work)
    return median("key holder: evaluate and prove through gRPC", UNIT, measured, floor=KEY_HOLDER_FLOOR, goal=KEY_HOLDER_GOAL)


def _node(sandbox: Sandbox, holders: Sequence[Running], folder: Path, rounds: int, batches: int, seconds: float) -> Result:
    talk(f"node: {batches} batches of {CHUNK_ELEMENTS} persons a round, from the store and back into it")
    addresses = {each.party.identity.id: each.address for each in holders}
    node = make_node(sandbox, MEMBER, folder, Clock(), index="127.0.0.1:1", key_holders=addresses)
    numbers = bsns()
    with _evaluator(node) as evaluator:

        def work() -> float:
            persons, made = batches * CHUNK_ELEMENTS, list[int]()
            _add_cases(node, [next(numbers) for _ in range(persons)])
            began = time.process_time()
            evaluator.run(datetime.now(UTC), lambda: 0, made.append)
            spent = time.process_time() - began
            assert sum(made) == persons
            return persons / spent

        measured = interleaved(rounds, lambda: multiplications(seconds), work)
    node.close()
    return median("node: 2 of 3 key holders with proofs", UNIT, measured, floor=NODE_FLOOR, goal=NODE_GOAL)


@contextmanager
def _evaluator(node: Node) -> Iterator[Evaluator]:
    """The node's own evaluator, and connections that have been used once."""
    with ExitStack() as stack:
        holders = []
        for entry in node.covenant.key_holders.values():
            remote = holder_remote(node, entry.identity)
            stack.callback(remote.close)
            remote.healthy(running.TIMEOUT)
            holders.append(Holder(entry, remote))
        made = Evaluator(node.store, node.covenant, node.member.id, holders, random=os.urandom, report=_fail)
        stack.callback(made.close)
        yield made


def _fail(holder: str, error: RaakvlakError) -> None:
    raise AssertionError(f"{holder} did not serve, so that this measures something else: {error}")


def _add_cases(node: Node, numbers: Sequence[str]) -> None:
    with node.store.transaction():
        for number in numbers:
            node.put_case(case(f"case-{number}", number))


def bsns() -> Iterator[str]:
    """Numbers that pass the 11-proof, in order; nobody's, as far as a sandbox is concerned."""
    for eight in range(10_000_000, 100_000_000):
        digits = f"{eight}"
        last = sum(weight * int(digit) for weight, digit in zip(range(9, 1, -1), digits, strict=True)) % 11
        if last < 10:
            yield f"{digits}{last}"
