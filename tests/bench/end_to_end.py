"""A whole run as `make demo` does it, in seconds: an invented population, then every party as its own process.

The run is held against the minute that it may take, and against the raw multiplications that it can't do without, on
all cores. The parts of it, taken from when the command says what it begins, only inform.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from tests.bench.measure import Result, multiplications, talk

CASES: Final = 2000
ORGANISATIONS: Final = 5
MINUTE: Final = 60.0
"""What 2,000 cases at five organisations may take on two cores."""
MULTIPLICATIONS: Final = 11
"""An evaluated person at the least: at each of two key holders one to evaluate and one to prove, at the node one to
blind, two to verify each of two proofs, and two to combine."""
_LOCAL: Final = str(Path(sys.executable).with_name("raakvlak-local"))
_PHASES: Final = {
    "raakvlak-local: making keys": "keys, certificates and covenant",
    "raakvlak-local: starting": "starting the processes",
    "raakvlak-local: importing": "importing",
    "raakvlak-local: synchronising": "synchronising",
}


def run(*, quick: bool, cases: int | None) -> list[Result]:
    """The whole run and its parts; `quick` only shows that they can be made."""
    count = cases or (100 if quick else CASES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "population"
        talk(f"end to end: {count:,} cases at {ORGANISATIONS} organisations")
        seconds = {"population": _invent(folder, count)}
        before = multiplications(0.05 if quick else 0.5)
        found = _run(folder, Path(name) / "data", seconds)
        after = multiplications(0.05 if quick else 0.5)
        _demand_truth(found, folder / "truth.csv")
    tokens = sum(each["tokens"] for each in found["organisations"])
    whole = sum(seconds.values())
    least = tokens * MULTIPLICATIONS / ((before + after) / 2) / (os.cpu_count() or 1)
    allowed = MINUTE * max(1.0, count / CASES)
    return [
        Result("whole run", whole, "s", allowed, allowed / whole, 1.0, 1.0),
        Result(f"whole run against {tokens:,} tokens' multiplications", whole, "s", least, least / whole),
        *(Result(f"part: {phase}", spent, "s", whole, spent / whole) for phase, spent in seconds.items()),
    ]


def _invent(folder: Path, cases: int) -> float:
    began = time.monotonic()
    command = [_LOCAL, "population", str(folder), "--cases", str(cases), "--organisations", str(ORGANISATIONS)]
    subprocess.run([*command, "--seed", "1"], check=True, stdout=sys.stderr)
    return time.monotonic() - began


def _run(folder: Path, data: Path, seconds: dict[str, float]) -> dict[str, Any]:
    """What the command found; adds to `seconds` how long each part of it took."""
    command = [_LOCAL, "run", str(folder), "--data", str(data), "--exit", "--json"]
    with (folder / "found.json").open("w+") as found:
        process = subprocess.Popen(command, stdout=found, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        phase, began = "starting the command", time.monotonic()
        for line in process.stderr:
            sys.stderr.write(line)
            entered = next((name for says, name in _PHASES.items() if line.startswith(says)), None)
            if entered:
                seconds[phase] = time.monotonic() - began
                phase, began = entered, time.monotonic()
        code = process.wait()
        process.stderr.close()
        seconds[phase] = time.monotonic() - began
        assert code == 0, f"raakvlak-local run ended with code {code}"
        found.seek(0)
        result: dict[str, Any] = json.load(found)
        return result


def _demand_truth(found: dict[str, Any], truth: Path) -> None:
    """That the run found what there is: the speed of a wrong answer is no figure."""
    with truth.open(encoding="utf-8", newline="") as file:
        expected = len(list(csv.DictReader(file)))
    assert len(found["matches"]) == expected, f"{len(found['matches'])} matches where there are {expected}"
