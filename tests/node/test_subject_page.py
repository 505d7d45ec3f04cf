"""The page of a subject-access report: hostile text stays text, both languages tell the same, and it prints."""

import html
import json
import re
import shutil
import string
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner, Result

from raakvlak_node import subject_page, subject_words
from raakvlak_node.access import Event
from raakvlak_node.commands import subject as commands
from raakvlak_node.followup import Phase
from raakvlak_node.node import open_node
from raakvlak_node.objection import Claim
from raakvlak_node.subject_facts import (
    Agreement,
    Archived,
    AskedBy,
    Basis,
    Controller,
    Involvement,
    Letter,
    Look,
    Match,
    Objection,
    Publication,
    Signed,
    Step,
    SubjectReport,
    Task,
)
from raakvlak_node.subject_words import Words
from raakvlak_node.wording import Language
from raakvlak_protocol.act import ActKind
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.relation import Relation
from tests.federation import case
from tests.node import subject_sample
from tests.node.subjects import CHILD, LANGUAGES, MOTHER
from tests.node.test_cli import folder, joined
from tests.require import require

pytestmark = pytest.mark.slow

__all__ = ["folder", "joined"]
BROWSER: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DAY: Final = date(2026, 3, 2)
EVIL: Final = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)> {name} {0.__class__}"


def full(text: str = "mentor") -> SubjectReport:
    """A report with something of everything; `text` stands wherever somebody may have written."""
    agreement = Agreement(
        text, DAY, "agrees", "informed_only", (Signed(text, DAY), Signed(text, None)), (Task(text, text, DAY),)
    )
    steps = tuple(Step(DAY, each, text) for each in (*(kind.name.lower() for kind in ActKind), "signed"))
    return SubjectReport(
        made=datetime(2026, 3, 2, 10, 30, tzinfo=UTC),
        number_ends_with="019",
        asked_by=AskedBy.BOTH,
        controller=Controller(text, "police", text, text),
        index=Controller(text, "index", text, ""),
        basis=Basis(text, text),
        other_law="Wpg",
        retention_months=24,
        involvements=tuple(Involvement(text, str(each), DAY, text, "direct", DAY) for each in Relation),
        publications=(Publication(7, DAY, date(2028, 3, 1), "direct", True), Publication(8, DAY, DAY, "direct", False)),
        matches=tuple(
            Match(text, text, "family", DAY, DAY, DAY, text, ("relation", "contact", "follow_up"), str(each), steps, agreement)
            for each in Phase
        ),
        letters=(Letter(DAY, text, 4321), Letter(DAY, "", 8765)),
        looks=tuple(Look(datetime(2026, 3, 2, 9, 5), text, text, str(each), text, text, "refused") for each in Event),
        objections=(Objection("objection", DAY, DAY, None, ""), Objection("erasure", DAY, DAY, DAY, "upheld")),
        archive=(Archived(text, "parent", DAY, DAY),),
        backups_until=date(2026, 4, 1),
    )


class Reader(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and the text of each cell."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attributes)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_text_stays_text(language: Language) -> None:
    plain, evil = (Reader(subject_page.html(full(text), language)) for text in ("mentor", EVIL))
    assert evil.elements == plain.elements
    assert "".join(evil.text).count(EVIL) == "".join(plain.text).count("mentor") > 100
    assert not {"script", "img", "link", "iframe", "object", "form", "a"} & {tag for tag, _ in evil.elements}
    assert not any(name.startswith("on") or name in {"src", "href", "style"} for _, names in evil.elements for name in names)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_loaded_from_anywhere(language: Language) -> None:
    page = subject_page.html(full(), language)
    assert "default-src 'none'" in html.unescape(page)
    assert not re.search(r"https?:|url\(|@import|javascript:", page)


def test_both_languages_hold_the_same_facts() -> None:
    """The same elements in the same order, and in each the same numbers, years and texts that people wrote."""
    dutch, english = (Reader(subject_page.html(full("ZK-77"), each)) for each in LANGUAGES)
    assert dutch.elements == english.elements
    for told, also in zip(dutch.text, english.text, strict=True):
        assert re.findall(r"\d+", told) == re.findall(r"\d+", also)
        assert told.count("ZK-77") == also.count("ZK-77")


def every_word() -> list[Words]:
    found: list[Words] = []
    for each in vars(subject_words).values():
        if isinstance(each, Words):
            found.append(each)
        elif isinstance(each, dict):
            found += [words for words in each.values() if isinstance(words, Words)]
        elif isinstance(each, tuple):
            found += each
    return found


def test_every_sentence_is_there_in_both_languages() -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert len(every_word()) > 100
    for each in every_word():
        assert each.nl.strip()
        assert each.en.strip()
        assert names(each.nl) == names(each.en), each


def test_there_are_words_for_everything_that_can_be_said() -> None:
    assert set(subject_words.PHASES) == {str(each) for each in Phase}
    assert set(subject_words.DONE) == {each.name.lower() for each in ActKind} | {"signed"}
    assert set(subject_words.RELATION) == {str(each) for each in Relation}
    assert set(subject_words.EVENTS) == {str(each) for each in Event} - {"release", "withhold"}
    assert set(subject_words.ASKING) == {str(each) for each in AskedBy}
    assert set(subject_words.ASKED_WHAT) == {str(each) for each in Claim}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sentence_on_what_may_be_left_out_is_always_there(language: Language) -> None:
    empty = replace(full(), involvements=(), publications=(), matches=(), letters=(), looks=(), objections=(), archive=())
    for report in (full(), empty):
        assert html.escape(subject_words.LEFT_OUT(language)) in subject_page.html(report, language)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_prints_on_a4_and_nothing_is_cut_off(tmp_path: Path, language: Language) -> None:
    require(BROWSER is not None, "a browser: chromium, chromium-browser or google-chrome")
    require(shutil.which("pdftotext") is not None, "pdftotext (poppler-utils)")
    file, pdf = tmp_path / "page.html", tmp_path / "page.pdf"
    file.write_text(subject_page.html(full("raakvlak-" * 9), language), encoding="utf-8")
    own = [f"--user-data-dir={tmp_path / 'browser'}", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    printing = [str(BROWSER), *own, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", file.as_uri()]
    subprocess.run(printing, capture_output=True, timeout=120, check=True)
    reading = ["pdftotext", "-bbox", str(pdf), "-"]
    boxes = subprocess.run(reading, capture_output=True, text=True, timeout=60, check=True).stdout
    assert re.search(r'width="59\d\.\d+" height="84\d\.\d+"', boxes), "A4"
    sides = [(float(left), float(right)) for left, right in re.findall(r'<word xMin="([\d.]+)".*?xMax="([\d.]+)"', boxes)]
    assert len(sides) > 500
    assert min(left for left, _ in sides) > 40
    assert max(right for _, right in sides) < 595 - 40


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sample_in_the_documents_is_what_the_program_writes(language: Language) -> None:
    """`python -m tests.node.subject_sample` writes it anew."""
    assert subject_sample.file(language).read_text(encoding="utf-8") == subject_sample.page(language)


# --- the command ------------------------------------------------------------------------------------------------------


def invoke(folder: Path, *arguments: object, given: str = MOTHER) -> Result:
    given_arguments = [str(each) for each in ("--folder", folder, "--bsn-file", "-", *arguments)]
    return CliRunner().invoke(commands.subject_report, given_arguments, input=given + "\n")


@pytest.fixture
def filled(folder: Path) -> Path:
    node = open_node(folder)
    node.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER, birth_date="2015-02-03", function=EVIL[:60]))
    node.close()
    return folder


def test_the_command_writes_both_forms_for_its_owner_alone(filled: Path, tmp_path: Path) -> None:
    page, data = tmp_path / "mother.html", tmp_path / "mother.json"
    done = invoke(filled, "--birth-date", "1980-05-05", "--lang", "en", "--html", page, "--json", data, "--as", "Jan Maas")
    assert done.exit_code == 0, done.output
    assert MOTHER not in done.output + page.read_text() + data.read_text()
    assert [each.stat().st_mode & 0o777 for each in (page, data)] == [0o600, 0o600]
    assert '<html lang="en">' in page.read_text()
    found = json.loads(data.read_text())
    assert (found["format"], found["number_ends_with"]) == ("raakvlak-subject/1", "019")
    assert [each["case_ref"] for each in found["involvements"]] == ["S-1"]
    assert "hand it to nobody else" in done.output


def test_a_number_comes_from_a_file_and_never_from_the_command_line(filled: Path, tmp_path: Path) -> None:
    secret, data = tmp_path / "bsn", tmp_path / "mother.json"
    secret.write_text(MOTHER)
    with pytest.raises(click.BadParameter):
        commands.subject_report.make_context("subject-report", ["--bsn-file", MOTHER, "--json", str(data)])
    arguments = ["--folder", str(filled), "--bsn-file", str(secret), "--birth-date", "1980-05-05", "--json", str(data)]
    assert CliRunner().invoke(commands.subject_report, arguments).exit_code == 0
    assert json.loads(data.read_text())["involvements"]


@pytest.mark.parametrize(
    ("given", "kind"), [("", Malformed), ("123456789", Malformed), ("1" * 99, Malformed), ("x-test:" + "0" * 32, Malformed)]
)
def test_what_is_no_number_is_refused_and_leaves_no_file(filled: Path, tmp_path: Path, given: str, kind: type) -> None:
    done = invoke(filled, "--birth-date", "1980-05-05", "--html", tmp_path / "a.html", given=given)
    assert isinstance(done.exception, kind)
    assert not given or given not in str(done.exception)
    assert not (tmp_path / "a.html").exists()


def test_a_refused_report_leaves_no_file_and_a_taken_name_is_kept(filled: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.html"
    done = invoke(filled, "--asked-by", "parent", "--birth-date", "1980-05-05", "--html", taken)
    assert isinstance(done.exception, Refused)
    assert not taken.exists()
    taken.write_text("mine")
    assert isinstance(invoke(filled, "--birth-date", "1980-05-05", "--html", taken).exception, Refused)
    assert taken.read_text() == "mine"
    assert isinstance(invoke(filled, "--html", tmp_path / "b.html").exception, Refused)
    assert invoke(filled).exit_code == 2, "neither form was asked for"
