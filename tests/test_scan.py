"""After a real run of real processes: every file that is left, and the temporary folder, searched for every person.

Identifiers, names, telephone numbers, e-mail addresses, homes and case references stand in the caseload files and in
the file of rejected rows, and nowhere else.
"""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.attacks import needles
from tests.attacks.needles import Needle

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("scan")]

CASES, ORGANISATIONS, SEED = 120, 3, 4
COORDINATORS = 1
"""Which the population has by default."""
REJECTED_BSN = "999990019"
SECONDS = 240
NO_CASELOAD = ("truth.csv", "showcase.csv", "people.csv")


@dataclass(frozen=True)
class Run:
    """What a run left behind."""

    population: Path
    data: Path
    temporary: Path
    printed: str
    talked: str

    def caseloads(self) -> list[Path]:
        """The files in which persons may stand: what was imported, and what of it was rejected."""
        return [path for path in self.population.rglob("*.csv") if path.name not in NO_CASELOAD]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("scan")
    population, data, temporary = folder / "population", folder / "data", folder / "temporary"
    temporary.mkdir()
    _local(temporary, "population", population, "--cases", CASES, "--organisations", ORGANISATIONS, "--seed", SEED)
    _add_a_wrong_row(next(path for path in sorted(population.glob("*.csv")) if path.name not in NO_CASELOAD))
    done = _local(temporary, "run", population, "--data", data, "--exit", "--json")
    return Run(population, data, temporary, done.stdout, done.stderr)


def _local(temporary: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """The command, with a temporary folder of its own for it and all that it starts."""
    command = [str(Path(sys.executable).with_name("raakvlak-local")), *map(str, arguments)]
    environment = os.environ | {"TMPDIR": str(temporary)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done


def _add_a_wrong_row(caseload: Path) -> None:
    with caseload.open(encoding="utf-8-sig", newline="") as file:
        columns = list(csv.DictReader(file).fieldnames or ())
    wrong = {"case_ref": "dossier-wrong", "bsn": REJECTED_BSN, "function": "mentor", "worker_name": "Wrong Rowlander"}
    with caseload.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, columns).writerow(wrong)


def rows(run: Run) -> Iterator[dict[str, str]]:
    for path in run.caseloads():
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)


def sought(run: Run) -> dict[str, Needle]:
    """Everybody and everything in the caseloads by which somebody could be known."""
    found: dict[str, Needle] = {}
    for row in rows(run):
        numbers = [
            number for name, value in row.items() if name.startswith(("bsn", "parent_", "child_", "sibling_"))
            for number in value.split()
        ]  # fmt: skip
        found |= needles.named("bsn", numbers)
        texts = {row["case_ref"], row["worker_name"], row["worker_email"]} - {""}
        found |= needles.named("text", texts)
        found |= needles.named("phone", {row["worker_phone"]} - {""})
        if row["postcode"]:
            found[f"home {row['postcode']} {row['house_number']}"] = needles.address(row["postcode"], row["house_number"])
    return found


def test_nobody_is_found_in_any_file_of_any_party(run: Run) -> None:
    everybody = sought(run)
    assert len(everybody) > 3 * CASES
    files = [path for path in sorted(run.data.rglob("*")) if path.is_file()]
    parties = {path.relative_to(run.data).parts[0] for path in files}
    assert {"index", "keyholder-1", "keyholder-2", "keyholder-3", "logs", "keys"} < parties
    assert len([party for party in parties if party.startswith("node-")]) == ORGANISATIONS + COORDINATORS
    assert {path: found for path in files if (found := needles.found(_named(path), everybody))} == {}


def test_nobody_is_found_in_the_temporary_folder(run: Run) -> None:
    everybody = sought(run)
    files = [path for path in sorted(run.temporary.rglob("*")) if path.is_file()]
    assert {path: found for path in files if (found := needles.found(_named(path), everybody))} == {}


def test_what_the_programs_say_holds_no_identifier_and_no_home(run: Run) -> None:
    """The result names whom to call, to whoever ran it; the talk beside it names nobody."""
    everybody = sought(run)
    assert needles.found(run.talked.encode(), everybody) == set()
    people = {name: needle for name, needle in everybody.items() if name.startswith(("bsn", "home"))}
    assert needles.found(run.printed.encode(), people) == set()


def test_the_logs_of_all_parties_were_written(run: Run) -> None:
    lines = [line for path in (run.data / "logs").iterdir() for line in path.read_text().splitlines()]
    assert len({path.name for path in (run.data / "logs").iterdir()}) == 4 + ORGANISATIONS + COORDINATORS
    events = {json.loads(line)["event"] for line in lines}
    assert {"evaluated", "published", "received", "posted"} <= events


def test_the_search_finds_everybody_where_they_may_stand(run: Run) -> None:
    everybody = sought(run)
    files = b"\n".join(path.read_bytes() for path in run.caseloads())
    found = needles.found(files, everybody)
    # A postcode and a house number stand in columns of their own, of which the order is free.
    assert {name for name in everybody.keys() - found if not name.startswith("home")} == set()
    rejected = [path for path in run.caseloads() if "rejected" in path.name]
    assert len(rejected) == 1
    assert rejected[0].stat().st_mode & 0o077 == 0
    assert needles.found(rejected[0].read_bytes(), everybody) == {
        f"bsn {REJECTED_BSN}", "text dossier-wrong", "text Wrong Rowlander"
    }  # fmt: skip


def test_the_run_found_its_matches(run: Run) -> None:
    """Otherwise nothing of all this was ever put to use."""
    matches = json.loads(run.printed)["matches"]
    with (run.population / "truth.csv").open(encoding="utf-8", newline="") as file:
        assert len(matches) == len(list(csv.DictReader(file))) > 0


def _named(path: Path) -> bytes:
    """A file's content, and its path, which may tell too."""
    return str(path).encode() + b"\n" + path.read_bytes()
