"""How a figure is made: what was done per second, over what the machine could do at most, measured in between.

The machine is shared and its speed moves, so that a bare number says nothing. Each round of work stands between two
measurements of its limit, and its ratio is over their mean. Of the rounds, the one with the median ratio is reported.
"""

import ctypes
import os
import platform
import re
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc

from raakvlak_protocol import ristretto

ROUNDS: Final = 5
_PROC: Final = Path("/proc")
_CHUNK: Final = 256


@dataclass(frozen=True)
class Round:
    """What was reached and what the limit was then, in the same unit."""

    value: float
    limit: float

    @property
    def ratio(self) -> float:
        return self.value / self.limit


@dataclass(frozen=True)
class Result:
    """One figure. `floor` is where it fails, `goal` where it should be; a figure without a floor only informs."""

    name: str
    value: float
    unit: str
    limit: float
    ratio: float
    floor: float | None = None
    goal: float | None = None

    @property
    def holds(self) -> bool:
        return self.floor is None or self.ratio >= self.floor

    def encode(self) -> dict[str, Any]:
        rounded = {"value": _significant(self.value), "limit": _significant(self.limit), "ratio": round(self.ratio, 4)}
        return {
            "name": self.name, "value": rounded["value"], "unit": self.unit, "limit": rounded["limit"],
            "ratio": rounded["ratio"], "floor": self.floor, "goal": self.goal, "holds": self.holds,
        }  # fmt: skip


def median(name: str, unit: str, rounds: Sequence[Round], *, floor: float | None, goal: float | None) -> Result:
    """The round whose ratio is the median one; with an even number of rounds, the lower of the middle two."""
    middle = sorted(rounds, key=lambda each: each.ratio)[(len(rounds) - 1) // 2]
    return Result(name, middle.value, unit, middle.limit, middle.ratio, floor, goal)


def interleaved(rounds: int, limit: Callable[[], float], work: Callable[[], float]) -> list[Round]:
    """`work` between measurements of `limit`, so many times; both return things per second."""
    measured = []
    before = limit()
    for number in range(rounds):
        value = work()
        after = limit()
        measured.append(Round(value, statistics.mean((before, after))))
        talk(f"  round {number + 1} of {rounds}: {value:,.0f} of {measured[-1].limit:,.0f}, {measured[-1].ratio:.3f}")
        before = after
    return measured


def multiplications(seconds: float) -> float:
    """Raw scalar multiplications of libsodium per CPU second of one thread, over so many seconds.

    Straight into the library, each product the next one's operand, so that nothing but the call is added.
    """
    library = ristretto.system_library() or ristretto.bundled_library()
    multiply = library.crypto_scalarmult_ristretto255
    scalar = ristretto.random_scalar(os.urandom).reveal()
    out = ctypes.create_string_buffer(ristretto.hash_to_group(os.urandom(64)), ristretto.ELEMENT_BYTES)
    done, began, end = 0, time.thread_time(), time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(_CHUNK):
            if multiply(out, scalar, out):
                raise AssertionError("libsodium refused an element that it made itself")
        done += _CHUNK
    return done / (time.thread_time() - began)


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, all its threads together, by the kernel's clock of that process (Linux)."""
    # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of the kernel's posix-timers.h; nanoseconds, where /proc has 10 ms.
    return time.clock_gettime((~pid << 3) | 2)


def resident_megabytes(pid: int) -> float:
    """Memory of a process that is in RAM now, in MB (10^6 bytes); Linux."""
    return _kilobytes(pid, "VmRSS") * 1024 / 1e6


def peak_megabytes(pid: int) -> float:
    """The most that `resident_megabytes` has been since the process began."""
    return _kilobytes(pid, "VmHWM") * 1024 / 1e6


def _kilobytes(pid: int, field: str) -> int:
    found = re.search(rf"^{field}:\s+([0-9]+) kB$", (_PROC / str(pid) / "status").read_text(), re.MULTILINE)
    assert found, f"the kernel does not tell {field} of process {pid}"
    return int(found[1])


def machine() -> dict[str, Any]:
    """On what the figures were made."""
    found = re.search(r"^model name\s*: (.*)$", (_PROC / "cpuinfo").read_text(), re.MULTILINE)
    return {
        "processor": found[1] if found else platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "grpc": grpc.__version__,
        "sqlite": sqlite3.sqlite_version,
        "load": round(os.getloadavg()[0], 2),
    }


def talk(message: str) -> None:
    """Progress, on standard error."""
    print(message, file=sys.stderr, flush=True)


def _significant(value: float) -> float:
    return float(f"{value:.4g}")
