"""The page of a report in a browser that people use, and as the paper that they file: nothing is cut off, all is there."""

import html
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from raakvlak_audit import page
from raakvlak_audit.cli import commands
from raakvlak_audit.report import Check, Figure, Report, Subject, Table, Verdict
from raakvlak_audit.wording import LANGUAGES, Language, Sentence
from tests.require import require

pytestmark = pytest.mark.slow

BROWSER: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE, TABLET, DESK = 320, 800, 1400
SHRUNK_BY: Final = 0.08
"""A browser that prints too wide a page makes all of it smaller; by so much it may differ from what was asked."""
SENTENCE: Final = Sentence("It was compared: {what:text}.", "Het is vergeleken: {what:text}.")
HEADING: Final = Sentence("Heading {number:number}", "Kop {number:number}")
NARROW: Final = "raakvlak://zeeland/keyholder/" + "x" * 63


def hard(columns: int = 8) -> Report:
    """A report with what is hardest to lay out: many columns, long words, hashes, each verdict."""
    headings = tuple(HEADING(number=each) for each in range(columns))
    row = ("KeyHolder.Evaluate", NARROW, "f" * 300, bytes(range(32)), 90_909_090, "a b c", "/v1/x_y", "sleutelhouder")
    table = Table(headings, (row[:columns],) * 60, title=SENTENCE(what="a table of many pages"))
    checks = tuple(
        Check(
            verdict,
            SENTENCE(what=f"check {verdict} {NARROW}"),
            SENTENCE(what="z" * 200),
            verdict,
            (SENTENCE(what=NARROW),),
            (table,),
        )
        for verdict in Verdict
    )
    subject = Subject("zeeland", 3, bytes(32), ((SENTENCE(what="n" * 80), NARROW),))
    figures = (Figure("years", SENTENCE(what="years"), 83, SENTENCE(what=NARROW)),)
    now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    return Report("test", SENTENCE(what=NARROW), subject, now, checks, (SENTENCE(what="all of it"),), figures, (table,))


def contract(folder: Path, language: Language) -> str:
    """The page with the largest table that there is, as the command writes it."""
    file = folder / f"contract.{language}.html"
    done = CliRunner().invoke(commands, ["contract", "--folder", str(folder), "--json", "--report", str(file)])
    assert done.exit_code == 0, done.output
    return file.read_text(encoding="utf-8")


def browse(folder: Path, *arguments: str) -> str:
    require(BROWSER is not None, "a browser: chromium, chromium-browser or google-chrome")
    assert BROWSER is not None
    own = [f"--user-data-dir={folder / 'browser'}", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    done = subprocess.run([BROWSER, *own, *arguments], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def widths(folder: Path, written: str) -> dict[int, tuple[int, str]]:
    """By the width of a screen, how wide the page becomes on it and which font it has. Each screen is a frame of a page
    that looks into them; the page itself is shown as it is, under its own security policy."""
    screens = (PHONE, TABLET, DESK)
    frames = "".join(f'<iframe width="{each}" height="600" srcdoc="{html.escape(written)}"></iframe>' for each in screens)
    looking = """<script>addEventListener("load", () => {
        document.title = JSON.stringify([...document.querySelectorAll("iframe")].map(frame => {
            const screen = frame.contentWindow, root = screen.document.documentElement;
            const font = screen.getComputedStyle(root.querySelector("h1")).fontFamily;
            return [screen.innerWidth, root.scrollWidth, font]; })); })</script>"""
    file = folder / "screens.html"
    file.write_text(f"<!DOCTYPE html><meta charset='utf-8'><title>unseen</title>{frames}{looking}", encoding="utf-8")
    title = re.search("<title>(.*?)</title>", browse(folder, "--dump-dom", file.as_uri()), re.DOTALL)
    assert title is not None
    return {asked: (wide, font) for asked, wide, font in json.loads(html.unescape(title[1]))}


def printed(folder: Path, written: str) -> tuple[str, Path]:
    """The text of the paper, and the PDF."""
    file, pdf = folder / "page.html", folder / "page.pdf"
    file.write_text(written, encoding="utf-8")
    browse(folder, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", file.as_uri())
    return poppler("pdftotext", str(pdf), "-"), pdf


def poppler(program: str, *arguments: str) -> str:
    found = shutil.which(program)
    require(found is not None, f"{program} (poppler-utils)")
    return subprocess.run([str(found), *arguments], capture_output=True, text=True, timeout=120, check=True).stdout


def words(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_screen_has_to_be_scrolled_sideways(tmp_path: Path, language: Language) -> None:
    for written in (page.html(hard(), language), contract(tmp_path, language)):
        found = widths(tmp_path, written)
        assert found.keys() == {PHONE, TABLET, DESK}
        for asked, (wide, font) in found.items():
            assert wide <= asked
            assert "Helvetica" in font, "the style does not apply: its hash in the security policy is another one"


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_was_checked_is_on_paper(tmp_path: Path, language: Language) -> None:
    text, pdf = printed(tmp_path, page.html(hard(), language))
    on_paper = words(text)
    for check in hard().checks:
        for said in (check.name, check.how, *check.found):
            assert words(said.text(language)) in on_paper
    assert on_paper.count(words(HEADING(number=7).text(language))) > 10, "a table's headings stand on each of its pages"
    pages = poppler("pdfinfo", str(pdf))
    assert re.search(r"Page size: +59\d(\.\d+)? x 84\d(\.\d+)? pts", pages), "A4"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_cut_off_at_the_edge_of_the_paper(tmp_path: Path, language: Language) -> None:
    """Every word lies between the margins, and is as large as was asked for: nothing made the whole page shrink."""
    for written in (page.html(hard(), language), contract(tmp_path, language)):
        _, pdf = printed(tmp_path, written)
        boxes = poppler("pdftotext", "-bbox", str(pdf), "-")
        sides = [(float(left), float(right)) for left, right in re.findall(r'<word xMin="([\d.]+)".*?xMax="([\d.]+)"', boxes)]
        assert len(sides) > 100
        assert min(left for left, _ in sides) > 40
        assert max(right for _, right in sides) < 595 - 40
        titles = re.findall(r'yMin="([\d.]+)" xMax="[\d.]+" yMax="([\d.]+)">', boxes)
        height = float(titles[0][1]) - float(titles[0][0])
        assert height > 16 * (1 - SHRUNK_BY), "the whole page was made smaller because something was too wide"
