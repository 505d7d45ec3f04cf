"""The system's own browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from tests.require import require

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Without a window, and in Dutch: the browser's own parts, such as a field for a day, follow that."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    require(program is not None, f"a browser: {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--lang=nl"], env={**os.environ, "LANGUAGE": "nl"}
        )
        yield opened
        opened.close()
