"""An index as its own process: real commands, certificates, TLS and SQLite."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.covenants import Sandbox
from tests.index.members import Member

SECONDS = 20
_PROGRAM = [sys.executable, "-c", "from raakvlak_index.cli import main; main()"]


@dataclass
class Party:
    """An index's folder in which its commands run."""

    sandbox: Sandbox
    folder: Path

    @property
    def key_file(self) -> Path:
        return self.folder.parent / "index.key"

    @property
    def log(self) -> Path:
        return self.folder.parent / "log"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command, whatever its exit code."""
        return subprocess.run(
            [*_PROGRAM, arguments[0], "--folder", str(self.folder), *arguments[1:]],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def done(self, *arguments: str) -> str:
        """The standard output of a command that must succeed."""
        result = self.command(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def refused(self, *arguments: str) -> str:
        """What a command says that must fail."""
        result = self.command(*arguments)
        assert result.returncode == 1
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        return result.stderr

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.done("status", "--json"))
        return found

    def complete(self) -> "Party":
        """The party with everything that serving needs."""
        self.done(
            "init", "--covenant", self.sandbox.payload.id, "--id", "index", "--name", "The index",
            "--key-file", str(self.key_file), "--listen", "127.0.0.1:0", "--log", "127.0.0.1:0",
        )  # fmt: skip
        self.sandbox.hand_over(self.folder, self.sandbox.index)
        issued, covenant = self.folder.parent / "issued.pem", self.folder.parent / "covenant"
        request = (self.folder / "request.pem").read_bytes()
        issued.write_bytes(self.sandbox.authority.issue(request, self.sandbox.index, datetime.now(UTC)))
        covenant.write_bytes(self.sandbox.file)
        self.done("join", "--certificate", str(issued), "--covenant", str(covenant), "--pin", self.sandbox.pin.hex())
        return self


@dataclass
class Running:
    """A process that serves."""

    party: Party
    process: subprocess.Popen[str]
    address: str
    log_address: str

    @contextmanager
    def member(self, id: str) -> Iterator[Member]:
        found = Member(self.party.sandbox, id, self.address)
        try:
            found.open()
            yield found
        finally:
            found.remote.close()

    def stop(self) -> int:
        """Asks it to stop; returns its exit code."""
        self.process.terminate()
        return self.process.wait(SECONDS)

    def kill(self) -> None:
        """As a loss of power would, but for the disk's own cache."""
        self.process.kill()
        self.process.wait()


@contextmanager
def serving(party: Party) -> Iterator[Running]:
    """The process from its readiness line until the block ends; its log goes into `log` beside the folder."""
    with party.log.open("a") as log:
        process = subprocess.Popen(
            [*_PROGRAM, "serve", "--folder", str(party.folder)], stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, party.log.read_text()
            said = json.loads(line)
            yield Running(party, process, said["address"], said["log"])
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
