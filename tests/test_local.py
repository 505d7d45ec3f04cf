"""`raakvlak-local`: a population in, processes up, every match of the truth and no other out; and again from its state."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CASES = 240


def local(*arguments: str, allowed: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("raakvlak-local")), *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode in allowed, done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A population of five organisations."""
    folder = tmp_path_factory.mktemp("local") / "population"
    local("population", str(folder), "--cases", str(CASES), "--organisations", "5", "--seed", "7")
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """What a run of it prints."""
    printed: dict[str, Any] = json.loads(local("run", str(folder), "--exit", "--json").stdout)
    return printed


def truth(folder: Path) -> list[tuple[str, ...]]:
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return sorted(tuple(row[name] for name in ("node", "case_ref", "other", "reference", "kind", "via")) for row in rows)


def matches(printed: dict[str, Any]) -> list[tuple[str, ...]]:
    return sorted(
        (
            each["node"],
            each["case_ref"],
            each["other"],
            each["contact"]["reference"],
            each["kind"],
            " ".join(each["via"]),
        )
        for each in printed["matches"]
    )


def test_the_matches_are_the_truth(folder: Path, found: dict[str, Any]) -> None:
    assert matches(found) == truth(folder)


def test_the_counts_are_those_of_the_matches(found: dict[str, Any]) -> None:
    for organisation in found["organisations"]:
        own = [each for each in found["matches"] if each["node"] == organisation["id"]]
        assert organisation["client_matches"] == sum(each["kind"] == "client" for each in own)
        assert organisation["family_matches"] == sum(each["kind"] == "family" for each in own)
        assert organisation["rejected"] == 0
    assert sum(organisation["cases"] for organisation in found["organisations"]) == CASES
    assert found["index"]["rows"] == sum(organisation["tokens"] for organisation in found["organisations"])


def test_every_match_says_whom_to_call(found: dict[str, Any]) -> None:
    for each in found["matches"]:
        assert each["contact"]["function"]
        assert each["contact"]["phone"] or each["contact"]["email"]
        assert each["contact"].keys() == {"name", "function", "phone", "email", "reference", "since"}


def test_a_second_run_goes_on_from_its_state_and_changes_nothing(folder: Path, found: dict[str, Any]) -> None:
    again = json.loads(local("run", str(folder), "--exit", "--json").stdout)
    assert again["matches"] == found["matches"]
    assert again["organisations"] == found["organisations"]
    assert again["index"]["rows"] == found["index"]["rows"]


def test_a_federation_whose_description_changed_is_refused(folder: Path, found: dict[str, Any]) -> None:
    description = folder / "federation.toml"
    text = description.read_text(encoding="utf-8")
    try:
        description.write_text(text.replace("household_limit = 8", "household_limit = 9"), encoding="utf-8")
        refused = local("run", str(folder), "--exit", allowed=(1,))
    finally:
        description.write_text(text, encoding="utf-8")
    assert "--data" in refused.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "one or more"),
        ("[covenant]\nhousehold = 1\n", "covenant.household is unknown"),
        ("[covenant]\nadult_clients = 1\n", "covenant.adult_clients"),
        ("[[organisation]]\nid = 'a'\n", "exactly"),
        ("[[organisation]]\nid='a'\nname='A'\nkind='bakery'\ncaseload='a.csv'\n", "unknown kind"),
        ("[[organisation]]\nid='a'\nname='A'\nkind='police'\ncaseload='a.csv'\n", "a.csv"),
        ("organisation = ", "not TOML"),
    ],
)
def test_a_wrong_description_is_refused_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "federation.toml").write_text(text, encoding="utf-8")
    refused = local("run", str(tmp_path), "--exit", allowed=(1,))
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
