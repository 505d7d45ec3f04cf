"""Kill -9 of nodes, index and key holders at random points of import and sync; afterwards the matches equal the truth.

`RAAKVLAK_KILLS` says how many (ten by default), `RAAKVLAK_KILL_SEED` repeats a run; the seed is printed.
"""

import csv
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from raakvlak_local import population
from raakvlak_local.description import Description, Organisation
from raakvlak_local.federation import Federation

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("RAAKVLAK_KILLS", "10"))
SEED = int(os.environ.get("RAAKVLAK_KILL_SEED", str(random.SystemRandom().randrange(10**6))))
CASES_PER_KILL = 40
SETTLE_SECONDS = 240


def test_after_kills_at_random_points_the_matches_equal_the_truth_and_no_quota_was_spent_twice(tmp_path: Path) -> None:
    print(f"RAAKVLAK_KILL_SEED={SEED} RAAKVLAK_KILLS={KILLS}")
    chance = random.Random(SEED)
    folder = tmp_path / "population"
    today = datetime.now(UTC).date()
    population.write(folder, cases=max(200, CASES_PER_KILL * KILLS), organisations=3, seed=SEED, today=today)
    federation = Federation(Description.read(folder), tmp_path / "data", print)
    federation.prepare()
    killed = []
    with federation.running():
        for part in _parts(federation, tmp_path, KILLS):
            killed.append(_kill_during(federation, part, chance))
        for organisation in federation.organisations:
            federation.import_caseload(organisation)
        _settle(federation)
        found = {row for organisation in federation.organisations for row in _matches(federation, organisation)}
        tokens = {organisation.id: _tokens(federation, organisation) for organisation in federation.organisations}
    print("killed:", ", ".join(killed))
    assert found == _truth(folder)
    for number in (1, 2, 3):
        assert _overspent(federation.layout.data / f"keyholder-{number}" / "store.db", tokens) == []


def _parts(federation: Federation, folder: Path, count: int) -> list[list[tuple[Organisation, Path]]]:
    """For each kill a growing part of each caseload, so that every import has something new."""
    parts = []
    for step in range(1, count + 1):
        part = []
        for organisation in federation.organisations:
            with organisation.caseload.open(encoding="utf-8-sig", newline="") as file:
                header, *rows = list(csv.reader(file))
            path = folder / f"{organisation.id}-{step}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([header, *rows[: len(rows) * step // count]])
            part.append((organisation, path))
        parts.append(part)
    return parts


def _kill_during(federation: Federation, part: list[tuple[Organisation, Path]], chance: random.Random) -> str:
    """Begins the imports of a part and kills something within the next moments."""
    imports = {
        organisation.id: subprocess.Popen(
            [
                str(Path(sys.executable).with_name("raakvlak-node")),
                "import",
                str(path),
                "--folder",
                _node(federation, organisation),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for organisation, path in part
    }
    time.sleep(chance.uniform(0.2, 2.5))
    victims = [party.name for party in federation.parties()] + [f"import of {id}" for id in imports]
    victim = chance.choice(victims)
    if victim.startswith("import of "):
        imports[victim.removeprefix("import of ")].kill()
    else:
        os.kill(federation.pid(victim), signal.SIGKILL)
        federation.start_again(victim)
    for process in imports.values():
        process.wait(SETTLE_SECONDS)
    return victim


def _node(federation: Federation, organisation: Organisation) -> str:
    return str(federation.layout.node(organisation.id))


def _get(federation: Federation, organisation: Organisation, path: str) -> dict[str, Any]:
    address, token = federation.rest(organisation)
    request = urllib.request.Request(address + path, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
        return found


def _settle(federation: Federation) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    before: list[Any] = []
    while time.monotonic() < deadline:
        federation.demand_alive()
        states = [_get(federation, each, "/v1/status") for each in federation.organisations]
        now = [(state["pending"], state["activity"]) for state in states]
        if now == before and not any(pending for pending, _ in now) and not federation.index_status()["events"]:
            return
        before = now
        time.sleep(0.5)
    pytest.fail(f"not settled after {SETTLE_SECONDS} s: {before}")


def _matches(federation: Federation, organisation: Organisation) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    after = 0
    while page := _get(federation, organisation, f"/v1/matches?after={after}"):
        if not page["matches"]:
            return found
        found += [
            (
                organisation.id,
                each["case_ref"],
                each["other"],
                each["contact"]["reference"],
                each["kind"],
                " ".join(each["via"]),
            )
            for each in page["matches"]
        ]
        after = page["next"]
    return found


def _truth(folder: Path) -> set[tuple[str, ...]]:
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["node"], row["case_ref"], row["other"], row["reference"], row["kind"], row["via"])
            for row in csv.DictReader(file)
        }


def _tokens(federation: Federation, organisation: Organisation) -> dict[str, int]:
    """How many persons and addresses the node evaluated, by namespace."""
    store = sqlite3.connect(f"file:{_node(federation, organisation)}/store.db?mode=ro", uri=True)
    try:
        rows = store.execute(
            "SELECT person.namespace, count(*) FROM token JOIN person ON person.handle = token.person GROUP BY 1"
        )
        return dict(rows.fetchall())
    finally:
        store.close()


def _overspent(counts: Path, tokens: dict[str, dict[str, int]]) -> list[tuple[str, str, int, int]]:
    """(member, namespace, charged, tokens) where a key holder charged more than the node has tokens."""
    store = sqlite3.connect(f"file:{counts}?mode=ro", uri=True)
    try:
        rows = store.execute("SELECT member, namespace, first_load + daily FROM used").fetchall()
    finally:
        store.close()
    return [(m, n, charged, tokens[m].get(n, 0)) for m, n, charged in rows if charged > tokens[m].get(n, 0)]
