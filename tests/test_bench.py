"""The benchmarks run and say what they found in the promised form; how fast they are is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_oprf_bench_prints_one_object_and_its_exit_code_is_the_verdict() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "oprf", "--json", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == {"bench", "machine", "results"}
    assert found["bench"] == "oprf"
    assert found["machine"]["cores"] >= 1
    assert [each["name"].partition(":")[0] for each in found["results"]] == ["key holder", "node"]
    for each in found["results"]:
        assert each.keys() == {"name", "value", "unit", "limit", "ratio", "floor", "goal", "holds"}
        assert 0 < each["value"] < each["limit"]
        assert abs(each["ratio"] - each["value"] / each["limit"]) < 0.001
        assert 0 < each["floor"] < each["goal"] < 1
        assert each["holds"] is (each["ratio"] >= each["floor"])
    assert done.returncode == int(not all(each["holds"] for each in found["results"]))
