"""The benchmarks run and say what they found in the promised form; how fast they are is not judged here."""

import json
import subprocess
import sys
from collections.abc import Set
from pathlib import Path
from typing import Any

import pytest

from tests.bench.pages import run as pages
from tests.bench.pages.visits import EMPTY

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


def test_the_pages_bench_opens_every_page_at_two_sizes() -> None:
    found, code = bench("pages", more={"pages"})
    judged = [each for each in found["results"] if each["floor"] is not None]
    assert [each["unit"] for each in judged] == ["ms", "ms", "×", "kB", "MB"]
    assert code == int(not all(each["holds"] for each in found["results"]))
    assert all(each["large"]["median_ms"] <= each["large"]["p95_ms"] for each in found["pages"]["pages"])
    assert found["pages"]["import"]["rows"] == 60


def test_of_the_pages_the_worst_is_judged_and_by_the_nearest_rank() -> None:
    def times(median: float, p95: float) -> pages.Times:
        return pages.Times(median, p95, 500.0, 1.0, 10.0)

    measured = [
        pages.Pages(EMPTY, times(1, 2), times(9, 900)),
        pages.Pages("quick and growing", times(10, 20), times(16, 20)),
        pages.Pages("slow", times(90, 100), times(90, 100)),
        pages.Pages("uneven", times(20, 300), times(20, 300)),
    ]
    _, _, median, p95, growth, *_ = pages.results(measured, 150.0, 0.0, {"p95_ms": 400.0})
    assert (median.value, median.holds, "(slow)" in median.name) == (90, True, True)
    assert (p95.value, p95.holds, "(uneven)" in p95.name) == (300, False, True)
    assert (growth.value, growth.holds, "(quick and growing)" in growth.name) == (1.6, False, True)
    assert [pages.percentile(list(range(1, 61)), each) for each in (50, 95, 100)] == [30, 57, 60]
    assert pages.percentile([7.0], 95) == 7.0


def bench(name: str, more: Set[str] = frozenset()) -> tuple[dict[str, Any], int]:
    """What a benchmark printed, run small, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", name, "--json", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == {"bench", "machine", "results"} | more
    assert (found["bench"], found["machine"]["cores"] >= 1) == (name, True)
    return found, done.returncode
