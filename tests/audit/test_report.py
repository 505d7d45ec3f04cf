"""The frame of every report: sentences in two languages, verdicts and exit codes, and the three ways in which it is written."""

import base64
import hashlib
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from html.parser import HTMLParser

import pytest

from raakvlak_audit import machine, page, plain, sentences
from raakvlak_audit.output import language_of
from raakvlak_audit.report import Check, Figure, Report, Subject, Table, Verdict
from raakvlak_audit.sentences import frame
from raakvlak_audit.wording import LANGUAGES, Language, Said, Sentence, placeholders, written

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOSTILE = "<script>alert('x')</script> & \"quoted\""
HELLO = Sentence("Hello {name:text}.", "Dag {name:text}.")
PLAIN = Sentence("Nothing.", "Niets.")


def all_sentences() -> Iterator[tuple[str, Sentence]]:
    """Every sentence of every catalogue, in whatever it stands."""
    for module in pkgutil.iter_modules(sentences.__path__):
        for name, value in vars(importlib.import_module(f"{sentences.__name__}.{module.name}")).items():
            found = value.items() if isinstance(value, dict) else [("", value)]
            yield from ((f"{module.name}.{name} {key}", each) for key, each in found if isinstance(each, Sentence))


@pytest.mark.parametrize(("name", "sentence"), list(all_sentences()), ids=lambda value: value if isinstance(value, str) else "")
def test_both_languages_say_it_with_the_same_placeholders(name: str, sentence: Sentence) -> None:
    assert sentence.en.strip() and sentence.nl.strip()
    kinds = [{(key, kind) for key, kind, _ in placeholders(sentence.in_language(each)) if kind != "one"} for each in LANGUAGES]
    assert kinds[0] == kinds[1]
    names = [{key for key, _, _ in placeholders(sentence.in_language(each))} for each in LANGUAGES]
    assert names[0] == names[1]
    assert sentence.en[-1] in ".:" or sentence.nl[-1] not in ".:", "one ends as a sentence, the other does not"


def test_there_are_sentences_to_check() -> None:
    assert len(list(all_sentences())) > 100


@pytest.mark.parametrize("text", ["{name}", "{name:txt}", "{name!r:text}", "{0:text}", "{days:one/day}"])
def test_a_placeholder_without_a_known_type_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="no known type"):
        list(placeholders(text))


@pytest.mark.parametrize("values", [{}, {"name": 3}, {"name": "x", "more": 1}])
def test_what_does_not_fit_a_sentence_is_a_mistake(values: dict[str, str | int]) -> None:
    with pytest.raises(ValueError, match="Hello"):
        HELLO(**values)


@pytest.mark.parametrize(
    ("value", "english", "dutch"),
    [
        (90_909_090, "90,909,090", "90.909.090"),
        (-1234, "-1,234", "-1.234"),
        (Fraction(83), "83.0", "83,0"),
        (1234.56, "1,234.6", "1.234,6"),
        (date(2026, 3, 2), "2 March 2026", "2 maart 2026"),
        (NOW, "2 March 2026, 09:30:00 UTC", "2 maart 2026, 09:30:00 UTC"),
        (b"\x01\xff", "01ff", "01ff"),
        (True, "yes", "ja"),
        ("a\u202eb\x1b[2J\nc", "a\\u{202e}b\\u{1b}[2J\\u{a}c", "a\\u{202e}b\\u{1b}[2J\\u{a}c"),
        (HELLO(name="you"), "Hello you.", "Dag you."),
    ],
)
def test_values_are_written_in_the_language(value: int | str, english: str, dutch: str) -> None:
    assert (written(value, "en"), written(value, "nl")) == (english, dutch)


def test_a_word_goes_with_its_number() -> None:
    days = Sentence("{days:number} {days:one/day/days}", "{days:number} {days:one/dag/dagen}")
    assert [days(days=count).text("nl") for count in (0, 1, 2)] == ["0 dagen", "1 dag", "2 dagen"]


def check(verdict: Verdict, id: str = "one", *found: Said, tables: tuple[Table, ...] = ()) -> Check:
    return Check(id, PLAIN(), PLAIN(), verdict, found or (HELLO(name=HOSTILE),), tables)


def report(*checks: Check) -> Report:
    table = Table((HELLO(name="head"), PLAIN()), tuple((HOSTILE, number) for number in range(40)), title=HELLO(name=HOSTILE))
    subject = Subject("zeeland", 3, bytes(32), ((PLAIN(), HOSTILE),))
    figures = (Figure("years", PLAIN(), Fraction(83), HELLO(name=HOSTILE)),)
    return Report("test", HELLO(name=HOSTILE), subject, NOW, checks, (HELLO(name=HOSTILE),), figures, (table,))


@pytest.mark.parametrize(
    ("verdicts", "whole", "code"),
    [
        ([Verdict.OK], Verdict.OK, 0),
        ([Verdict.NOTE], Verdict.OK, 0),
        ([Verdict.OK, Verdict.NOTE], Verdict.OK, 0),
        ([Verdict.OK, Verdict.UNKNOWN, Verdict.NOTE], Verdict.UNKNOWN, 75),
        ([Verdict.UNKNOWN, Verdict.WRONG, Verdict.OK], Verdict.WRONG, 1),
    ],
)
def test_the_whole_is_as_good_as_its_worst_check(verdicts: list[Verdict], whole: Verdict, code: int) -> None:
    made = report(*(check(each, f"c{place}") for place, each in enumerate(verdicts)))
    assert (made.verdict, made.exit_code) == (whole, code)


def test_a_report_must_check_something_and_name_its_limits() -> None:
    with pytest.raises(ValueError, match="more than it knows"):
        report()
    with pytest.raises(ValueError, match="one name"):
        report(check(Verdict.OK), check(Verdict.OK))
    with pytest.raises(ValueError, match="says nothing"):
        Check("x", PLAIN(), PLAIN(), Verdict.OK, ())
    with pytest.raises(ValueError, match="length"):
        Table((PLAIN(),), ((1, 2),))


@pytest.mark.parametrize("columns", [20, 40, 80, 300])
@pytest.mark.parametrize("language", LANGUAGES)
def test_plain_text_keeps_within_its_width(language: Language, columns: int) -> None:
    text = plain.text(report(check(Verdict.WRONG), check(Verdict.OK, "two")), language, columns)
    assert max(map(len, text.splitlines())) <= min(max(columns, plain.NARROWEST), plain.WIDEST)
    assert frame.VERDICT[Verdict.WRONG]().text(language) in text
    assert frame.MORE_ROWS(count=28).text(language).split()[0] in text
    assert text.count("\x1b") == 0


class Structure(HTMLParser):
    """Every element is closed in order, and nothing comes from elsewhere or runs."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_and_loads_and_runs_nothing(language: Language) -> None:
    text = page.html(report(check(Verdict.WRONG, "one", tables=(Table((PLAIN(),), ()),))), language)
    structure = Structure()
    structure.feed(text)
    assert structure.open == []
    tags = {tag for tag, _ in structure.seen}
    assert tags >= {"html", "title", "style", "h1", "h2", "h3", "table", "thead", "tbody", "caption", "th", "td"}
    assert not tags & {"script", "img", "link", "iframe", "object", "embed", "form", "base", "a"}
    names = {name for _, attributes in structure.seen for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in ("src", "href", "style")}
    assert ("html", {"lang": language}) in structure.seen
    assert "url(" not in text and "@import" not in text
    assert len([tag for tag, _ in structure.seen if tag == "h1"]) == 1


def test_hostile_text_stays_text() -> None:
    text = page.html(report(check(Verdict.OK)), "en")
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 46
    assert "&quot;quoted&quot;" in text


def test_the_policy_allows_this_style_sheet_only() -> None:
    text = page.html(report(check(Verdict.OK)), "en")
    style = re.search(r"<style>(.*)</style>", text, re.DOTALL)
    assert style is not None
    allowed = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{allowed}'" in text


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_is_told_by_word_and_sign_not_by_colour_only(verdict: Verdict) -> None:
    signs = {page.html(report(check(each)), "nl").split('class="sign">')[2][0] for each in Verdict}
    assert len(signs) == len(Verdict)
    assert frame.VERDICT[verdict]().text("nl") in page.html(report(check(verdict)), "nl")


def test_the_page_prints_on_paper() -> None:
    text = page.html(report(check(Verdict.OK)), "en")
    for rule in ("@page { size: A4", "thead { display: table-header-group; }", "tr { break-inside: avoid; }"):
        assert rule in text


def test_json_has_stable_keys_and_raw_values() -> None:
    made = report(check(Verdict.UNKNOWN, "one", HELLO(name="you")))
    found = json.loads(json.dumps(machine.as_json(made)))
    assert list(found) == [
        "command", "title", "verdict", "made", "covenant", "covenant_version", "covenant_hash", "subject", "checks", "figures",
        "tables", "does_not_prove",
    ]  # fmt: skip
    assert (found["verdict"], found["made"], found["covenant_hash"]) == ("unknown", "2026-03-02T09:30:00+00:00", "00" * 32)
    assert found["checks"][0]["found"] == [{"text": "Hello you.", "values": {"name": "you"}}]
    assert found["figures"][0]["value"] == 83.0
    assert found["tables"][0]["rows"][39] == [HOSTILE, 39]


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "nl_NL.UTF-8"}, "nl"),
        ({"LANG": "nl"}, "nl"),
        ({"LANG": "nld"}, "en"),
        ({"LANG": "nl_NL.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "", "LC_MESSAGES": "nl_BE"}, "nl"),
    ],
)
def test_the_language_comes_from_the_environment(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language
