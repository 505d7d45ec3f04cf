"""The benchmarks run and say what they found in the promised form; how fast they are is not judged here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def test_the_oprf_bench_prints_one_object_and_its_exit_code_is_the_verdict() -> None:
    found, code = bench("oprf")
    assert [each["name"].partition(":")[0] for each in found["results"]] == ["key holder", "node"]
    for each in found["results"]:
        assert each.keys() == {"name", "value", "unit", "limit", "ratio", "floor", "goal", "holds"}
        assert 0 < each["value"] < each["limit"]
        assert abs(each["ratio"] - each["value"] / each["limit"]) < 0.001
        assert 0 < each["floor"] < each["goal"] < 1
        assert each["holds"] is (each["ratio"] >= each["floor"])
    assert code == int(not all(each["holds"] for each in found["results"]))


def test_the_audit_bench_audits_an_index_that_is_in_order() -> None:
    found, code = bench("audit")
    assert [each["unit"] for each in found["results"]] == ["s", "MB"]
    assert code == int(not all(each["holds"] for each in found["results"]))


def bench(name: str) -> tuple[dict[str, Any], int]:
    """What a benchmark printed, run small, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", name, "--json", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == {"bench", "machine", "results"}
    assert (found["bench"], found["machine"]["cores"] >= 1) == (name, True)
    return found, done.returncode
