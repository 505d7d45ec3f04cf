"""One covenant for all tests of the index, because dealing keys and certificates costs time; an index for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.covenants import Sandbox, make_covenant
from tests.index.members import House, Member, house

MEMBERS = {
    "school": "education",
    "town": "municipality",
    "police": "police",
    "shelter": "shelter",
    "coordinator": "coordinator",
}


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return make_covenant(members=MEMBERS)


@pytest.fixture
def running(sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    with house(sandbox, tmp_path / "index") as found:
        yield found


@pytest.fixture
def school(running: House) -> Member:
    return running.member("school")


@pytest.fixture
def town(running: House) -> Member:
    return running.member("town")
