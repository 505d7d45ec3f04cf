import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.covenants import Sandbox, make_covenant
from tests.keyholder.running import Party, Running, serving


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(first_load=20, daily=5)


@pytest.fixture(scope="module")
def template(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a key holder's commands ran once; each test serves from a copy."""
    return Party(sandbox, tmp_path_factory.mktemp("template") / "keyholder").complete().folder


@pytest.fixture
def party(sandbox: Sandbox, template: Path, tmp_path: Path) -> Party:
    """A key holder that may serve, in a folder of its own."""
    return Party(sandbox, shutil.copytree(template, tmp_path / "keyholder"))


@pytest.fixture
def running(party: Party) -> Iterator[Running]:
    with serving(party) as process:
        yield process
