"""One browser for the tests of a module, because while it is open no other test of its process can run an event loop; a
region for a story, or for all tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import chromium
from tests.browser.region import Region, region


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def apart(browser: Browser, tmp_path: Path) -> Iterator[Region]:
    """A region for one story alone."""
    with region(browser, tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def here(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """The region in which the tests of a module happen."""
    with region(browser, tmp_path_factory.mktemp("region")) as running:
        yield running
