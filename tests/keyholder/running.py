"""A key holder as its own process, and nodes that call it: real commands, certificates, TLS and SQLite."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from raakvlak_protocol import ristretto
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.party.peer import Remote
from raakvlak_protocol.ristretto import Element
from raakvlak_protocol.v1 import keyholder_pb2 as pb
from tests.covenants import Sandbox

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["KeyHolder"]
TIMEOUT = 20.0
READY_SECONDS = 20


def elements(count: int) -> list[Element]:
    """As a node would blind them: uniformly random to the key holder."""
    return [ristretto.hash_to_group(os.urandom(64)) for _ in range(count)]


def evaluate(
    remote: Remote, sandbox: Sandbox, blinded: Sequence[bytes], *, namespace: str = "bsn", epoch: int = 1
) -> pb.EvaluateReply:
    request = pb.EvaluateRequest(
        covenant_hash=sandbox.covenant.hash, namespace=namespace, epoch=epoch, blinded_elements=blinded
    )
    return remote.call("Evaluate", request, pb.EvaluateReply, timeout_seconds=TIMEOUT)


def quota(remote: Remote, sandbox: Sandbox, namespace: str = "bsn") -> pb.QuotaLeft:
    request = pb.QuotaRequest(covenant_hash=sandbox.covenant.hash)
    reply = remote.call("Quota", request, pb.QuotaReply, timeout_seconds=TIMEOUT)
    (found,) = [each for each in reply.quotas if each.namespace == namespace]
    return found


@dataclass
class Party:
    """A key holder's folder in which its commands run."""

    sandbox: Sandbox
    folder: Path
    number: int = 1

    @property
    def identity(self) -> Identity:
        return self.sandbox.key_holder(self.number)

    @property
    def key_file(self) -> Path:
        return self.folder.parent / "keyholder.key"

    def command(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """One command, whatever its exit code."""
        return subprocess.run(
            [*_PROGRAM, arguments[0], "--folder", str(self.folder), *arguments[1:]],
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def done(self, *arguments: str, given: str = "") -> str:
        """The standard output of a command that must succeed."""
        result = self.command(*arguments, given=given)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def init(self) -> None:
        self.done(
            "init", "--covenant", self.sandbox.payload.id, "--id", self.identity.id, "--name", "Key holder",
            "--share-number", str(self.number), "--key-file", str(self.key_file), "--listen", "127.0.0.1:0",
        )  # fmt: skip

    def join(self) -> None:
        self.sandbox.hand_over(self.folder, self.identity)
        request = (self.folder / "request.pem").read_bytes()
        issued = self.folder.parent / "issued.pem"
        issued.write_bytes(self.sandbox.authority.issue(request, self.identity, datetime.now(UTC)))
        covenant = self.folder.parent / "covenant"
        covenant.write_bytes(self.sandbox.file)
        self.done("join", "--certificate", str(issued), "--covenant", str(covenant), "--pin", self.sandbox.pin.hex())

    def accept(self) -> None:
        self.done("accept-shares", given=self.sandbox.share_lines(self.number))

    def complete(self) -> "Party":
        """The party with everything that serving needs."""
        self.init()
        self.join()
        self.accept()
        return self


@dataclass
class Running:
    """A process that serves."""

    party: Party
    process: subprocess.Popen[str]
    address: str

    @contextmanager
    def called_by(self, member: str) -> Iterator[Remote]:
        sandbox = self.party.sandbox
        remote = Remote(self.address, DESCRIPTOR, sandbox.credentials(sandbox.member(member)), self.party.identity)
        try:
            yield remote
        finally:
            remote.close()

    def stop(self) -> int:
        """Asks it to stop; returns its exit code."""
        self.process.terminate()
        return self.process.wait(TIMEOUT)


@contextmanager
def serving(party: Party) -> Iterator[Running]:
    """The process from its readiness line until the block ends; its log goes into `log` beside the folder."""
    with (party.folder.parent / "log").open("a") as log:
        process = subprocess.Popen(
            [*_PROGRAM, "serve", "--folder", str(party.folder)], stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert process.stdout is not None
            yield Running(party, process, _ready(process.stdout))
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _ready(stdout: IO[str]) -> str:
    line = json.loads(stdout.readline())
    assert line["ready"] is True
    address: str = line["address"]
    return address


_PROGRAM = [sys.executable, "-c", "from raakvlak_keyholder.cli import main; main()"]
