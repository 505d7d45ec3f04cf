"""Drafts as a board would write them, from the real parts of a test's sandbox."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.covenants import Sandbox


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """One `raakvlak-covenant` command, whatever its exit code."""
    return subprocess.run(
        [sys.executable, "-c", "from raakvlak_covenant.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def done(*arguments: str | Path) -> str:
    """The standard output of a command that must succeed."""
    result = run(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def draft_text(sandbox: Sandbox, board_keys: Sequence[str], *, threshold: int = 1, version: int = 1) -> str:
    """The draft of the sandbox's covenant, under other board keys."""
    payload = sandbox.payload
    members = "\n".join(
        f"""[[member]]
id = "{each.id}"
name = "{each.name}"
kind = "{each.kind}"
signing_key = "{each.signing_key.hex()}"
letter_key = "{each.letter_key.hex()}"
[member.quota.bsn]
declared = 1050
"""
        for each in payload.members
    )
    holders = "\n".join(
        f'[[key_holder]]\nid = "{each.id}"\nname = "{each.name}"\nshare_number = {each.share_number}\n'
        f'signing_key = "{each.signing_key.hex()}"\n'
        for each in payload.key_holders
    )
    witnesses = "\n".join(
        f'[[witness]]\nid = "{each.id}"\nname = "{each.name}"\nkey = "{each.key.hex()}"\n' for each in payload.witnesses
    )
    return f"""id = "{payload.id}"
version = {version}
sandbox = true
valid_from = 2024-01-01T00:00:00Z
valid_until = 2100-01-01T00:00:00Z
key_threshold = 2
witness_threshold = {payload.witness_threshold}
ca_certificates = ["ca.pem"]
[board]
keys = {json.dumps(list(board_keys))}
threshold = {threshold}
[legal_basis]
uri = "urn:example:sandbox"
text = "invented people only"
[index]
id = "index"
name = "The index"
log_key = "{payload.index.log_key.hex()}"
{holders}
{witnesses}
{members}
[[epoch]]
number = 1
valid_from = 2024-01-01T00:00:00Z
valid_until = 2100-01-01T00:00:00Z
{"".join(key.draft_entry() for key in sandbox.keys)}
"""


class Board:
    """A folder in which a board drafts and signs."""

    def __init__(self, folder: Path, sandbox: Sandbox, size: int = 1) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.key_file = folder / "board.key"
        self.keys = [folder / f"board-{number}.sealed" for number in range(size)]
        self.public = [done("board-key", key, "--key-file", self.key_file) for key in self.keys]
        (folder / "ca.pem").write_bytes(sandbox.authority.certificate_pem)

    def draft(self, text: str | None = None, *, threshold: int = 1, version: int = 1) -> Path:
        path = self.folder / f"draft-{version}.toml"
        path.write_text(text or draft_text(self.sandbox, self.public, threshold=threshold, version=version))
        return path

    def with_key(self, number: int = 0) -> tuple[str | Path, ...]:
        return "--key", self.keys[number], "--key-file", self.key_file
