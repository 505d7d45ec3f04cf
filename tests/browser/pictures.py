"""`python -m tests.browser.pictures [FOLDER]`: the pictures of docs/pictures, of invented people on one invented morning."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser

from tests.browser.chromium import chromium
from tests.browser.family import Evening, begun, earlier_matches, path_of
from tests.browser.palette import smaller
from tests.browser.region import region
from tests.browser.window import DESKTOP, PHONE, Scheme, Window, window
from tests.federation import Federation
from tests.index.members import House
from tests.index.operating import desk

FOLDER: Final = Path(__file__).parents[2] / "docs/pictures"
MORNING: Final = datetime(2026, 11, 23, 9, 12, tzinfo=ZoneInfo("Europe/Amsterdam"))
STORY_DAYS: Final = 152
"""From the beginning of the story to its last day."""
MAX_BYTES: Final = 150_000


@dataclass(frozen=True)
class Picture:
    """A page of somebody, down to `high` pixels."""

    name: str
    who: str
    path: str
    high: int
    width: int = DESKTOP
    scheme: Scheme = "light"


PICTURES: Final = (
    Picture("client-picture", "fatima", "/cases/{case}", 1420),
    Picture("client-picture-phone-dark", "fatima", "/cases/{case}", 1290, PHONE, "dark"),
    Picture("today", "fatima", "/today", 1100),
    Picture("today-phone", "fatima", "/today", 1100, PHONE),
    Picture("follow-up", "fatima", "/follow-ups/{agreed}", 1250),
    Picture("desk", "noor", "/desk", 900),
    Picture("outcome", "wim", "/outcome", 1560),
    Picture("import", "bas", "/import/{job}", 1400),
    Picture("privacy", "greet", "/privacy", 1200),
)

OPERATOR: Final = Picture("operator", "", "/operator", 1250)


def draw(evening: Evening, picture: Picture, folder: Path) -> None:
    """One picture, as a PNG."""
    member, _ = evening.here.people[picture.who]
    path = path_of(picture.path, evening.paths[member])
    with evening.here.visit(picture.who, path, width=picture.width, scheme=picture.scheme) as opened:
        save(opened, picture, folder)


def save(opened: Window, picture: Picture, folder: Path) -> None:
    # As high as wanted, and so that the bar of a phone stands below.
    opened.page.set_viewport_size({"width": picture.width, "height": picture.high})
    opened.page.wait_for_load_state("networkidle")
    opened.page.evaluate("document.fonts.ready")
    target = folder / f"{picture.name}.png"
    browser = opened.page.context.browser
    assert browser is not None
    target.write_bytes(smaller(browser, opened.page.screenshot(animations="disabled")))
    if target.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{target.name} is larger than {MAX_BYTES} bytes: show less of the page")


class _Regions(House):
    """The index of a region that runs already."""

    def __init__(self, running: Federation) -> None:
        self.sandbox, self.index, self.clock = running.sandbox, running.index, running.clock


def draw_operator(evening: Evening, folder: Path) -> None:
    """What the operator of the index sees, after the round of this hour."""
    evening.here.running.index.expire()
    with (
        desk(_Regions(evening.here.running)) as office,
        window(evening.here.browser, f"https://{office.address}", ignore_https_errors=True) as opened,
    ):
        opened.go("/operator")
        opened.fill(name="anke", key=office.made("anke"))
        opened.page.locator("main form button[type=submit]").first.click()
        opened.lands("/operator")
        save(opened, OPERATOR, folder)


@contextmanager
def morning(browser: Browser, folder: Path) -> Iterator[Evening]:
    """The region on the morning of the pictures."""
    with region(browser, folder / "region", MORNING - timedelta(days=STORY_DAYS)) as here:
        earlier_matches(here)
        yield begun(here, folder)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, chromium() as browser, morning(browser, Path(work)) as evening:
        for picture in PICTURES:
            draw(evening, picture, folder)
            print(folder / f"{picture.name}.png")
        draw_operator(evening, folder)
        print(folder / f"{OPERATOR.name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
