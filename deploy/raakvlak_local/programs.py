"""The parties' commands, started as an operator would start them; nothing of a party is imported."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from raakvlak_protocol.errors import RaakvlakError


class CommandFailed(RaakvlakError):
    """A party's command did not do what it was asked; the message holds what it said on standard error."""


def located(name: str) -> str:
    """The command beside this Python, so that a virtual environment need not be active."""
    return str(Path(sys.executable).with_name(name))


def run(program: str, *arguments: str, given: str = "", allowed: Sequence[int] = (0,)) -> str:
    """Runs a command to its end; returns what it printed.

    Raises CommandFailed for an exit code that is not `allowed`, or that is not 0 and comes without a result.
    """
    # In a session of its own: Ctrl-C is for us, and ends nothing half done.
    done = subprocess.run(
        [located(program), *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    if done.returncode not in allowed or (done.returncode and not done.stdout):
        raise CommandFailed(f"'{program} {arguments[0]}' failed: {done.stderr.strip()}\n{done.stdout.strip()}".strip())
    return done.stdout


def stop_left(pids: Sequence[int], below: Path, seconds: float) -> int:
    """Stops those of the processes that still run one of our commands on a folder below `below`, and waits for them so
    long; returns how many there were. An id may be somebody else's by now: that process is left alone."""
    left = [pid for pid in pids if _works_below(pid, below)]
    for pid in left:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while any(_works_below(pid, below) for pid in left) and time.monotonic() < deadline:
        time.sleep(0.1)
    return len(left)


def _works_below(pid: int, below: Path) -> bool:
    """Only where the kernel shows command lines; elsewhere the party itself says that another process has its folder."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    ours = any(Path(each).name.startswith("raakvlak-") for each in arguments[:2])
    return ours and any(each.startswith(f"{below}/") for each in arguments)
