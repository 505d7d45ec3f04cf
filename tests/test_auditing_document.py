"""docs/auditing.md and its Dutch twin tell an officer what there is: commands, options, verdicts, exit codes, sentences."""

import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click
import pytest

import raakvlak_covenant.cli
import raakvlak_index.cli
import raakvlak_keyholder.cli
import raakvlak_local.cli
import raakvlak_node.cli
from raakvlak_audit import cli, report, sentences
from raakvlak_audit.report import Verdict
from raakvlak_audit.sentences import frame
from raakvlak_audit.wording import LANGUAGES, Language, Sentence
from raakvlak_protocol.party import command

DOCS: Final = Path(__file__).parents[1] / "docs"
TEXTS: Final = MappingProxyType(
    {"en": (DOCS / "auditing.md").read_text("utf-8"), "nl": (DOCS / "auditing.nl.md").read_text("utf-8")}
)
PROGRAMS: Final = {
    "raakvlak-audit": cli.commands,
    "raakvlak-covenant": raakvlak_covenant.cli.commands,
    "raakvlak-index": raakvlak_index.cli.commands,
    "raakvlak-keyholder": raakvlak_keyholder.cli.commands,
    "raakvlak-local": raakvlak_local.cli.cli,
    "raakvlak-node": raakvlak_node.cli.cli,
}
_FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_INLINE: Final = re.compile(r"`(raakvlak-[^`]+)`")
_CALL: Final = re.compile(r"(?:^|[\s/])(raakvlak-[a-z]+ .*)$")
_VERDICT_ROW: Final = re.compile(r"^\| ([A-Z ]+) \| .* \| (\d+) \|$", re.MULTILINE)
_CHECKED: Final = re.compile(r"^\[([A-Z ]+)\] (.+)$", re.MULTILINE)
_MADE_WITH: Final = re.compile(r"raakvlak-audit (\w+) [\d.]+</p></footer>")
_LARGEST: Final = 200_000


def lines(text: str) -> Iterator[str]:
    """Every command line of a document: those in code, continued ones joined, and those within sentences."""
    for _, code in _FENCE.findall(text):
        for line in code.replace("\\\n", " ").splitlines():
            if found := _CALL.search(line.split("=", 1)[-1] if line.startswith("ExecStart=") else line):
                yield found[1].split(" >")[0]
    yield from _INLINE.findall(_FENCE.sub("", text))


def calls(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in lines(text) if " " in line]


def demand_exists(program: str, given: list[str]) -> None:
    """Raises click.UsageError, or AssertionError, where the program would not take this line. Values are not looked at."""
    found: click.Command = PROGRAMS[program]
    names = [program]
    while True:
        context = click.Context(found, info_name=" ".join(names))
        options, rest, _ = found.make_parser(context).parse_args(list(given))
        if not isinstance(found, click.Group) or not rest:
            break
        subcommand = found.get_command(context, rest[0])
        assert subcommand is not None, f"{' '.join(names)} has no command {rest[0]}"
        found, given = subcommand, rest[1:]
        names.append(rest[0])
    assert not rest, f"{' '.join(names)} takes no {rest}"
    if "--help" in given:
        return
    missing = [each.name for each in found.params if each.required and each.value_is_missing(options.get(each.name or ""))]
    assert not missing, f"{' '.join(names)} needs {missing}"


def spoken(language: Language) -> set[str]:
    """All that a report can say without a value in it."""
    modules = [
        importlib.import_module(each.name) for each in pkgutil.iter_modules(sentences.__path__, f"{sentences.__name__}.")
    ]
    return {each.in_language(language) for module in modules for each in vars(module).values() if isinstance(each, Sentence)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_line_is_one_that_the_program_takes(language: Language) -> None:
    found = calls(TEXTS[language])
    assert len(found) > 25
    for program, *given in found:
        demand_exists(program, given)


def test_a_wrong_option_a_lacking_argument_and_an_unknown_command_would_be_found() -> None:
    with pytest.raises(click.UsageError):
        demand_exists("raakvlak-audit", ["follow", "--folders", "officer"])
    with pytest.raises(AssertionError, match="needs"):
        demand_exists("raakvlak-audit", ["evidence", "--folder", "officer"])
    with pytest.raises(AssertionError, match="no command"):
        demand_exists("raakvlak-audit", ["look", "--folder", "officer"])
    with pytest.raises(AssertionError, match="takes no"):
        demand_exists("raakvlak-audit", ["contract", "officer"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_command_is_left_out(language: Language) -> None:
    told = {given[0] for program, *given in calls(TEXTS[language]) if program == "raakvlak-audit"}
    assert told >= set(cli.commands.commands)


def test_both_documents_give_the_same_commands_in_the_same_order() -> None:
    def shape(language: Language) -> list[tuple[str, ...]]:
        """Program, command and options: what is typed for a value may be in the language of the document."""
        return [(*each[:2], *(part for part in each[2:] if part.startswith("--"))) for each in calls(TEXTS[language])]

    assert shape("en") == shape("nl")


def test_both_documents_have_the_same_parts() -> None:
    def shape(text: str) -> list[tuple[str, str]]:
        """Levels of the headings, with the command's name where it is about one, and the tables between them."""
        kept = _FENCE.sub("```", text)
        found = re.findall(r"^(#+) (?:([a-z]+):)?|^( *\|[-|]+\|)$|^(```)$", kept, re.MULTILINE)
        return [(level or table.strip() or fence, name) for level, name, table, fence in found]

    assert shape(TEXTS["en"]) == shape(TEXTS["nl"])
    named = [name for _, name in shape(TEXTS["en"]) if name]
    assert named == ["init", "contract", "follow", "witness", "index", "node", "quota", "canary", "evidence"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_verdicts_and_exit_codes_are_the_program_s(language: Language) -> None:
    told = {word: int(code) for word, code in _VERDICT_ROW.findall(TEXTS[language])}
    codes = {
        Verdict.OK: command.DONE,
        Verdict.NOTE: command.DONE,
        Verdict.UNKNOWN: command.TRY_LATER,
        Verdict.WRONG: command.FAILED,
    }
    assert told == {frame.VERDICT[verdict]().text(language): code for verdict, code in codes.items()}
    assert codes == report._EXIT


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_outputs_show_is_what_reports_say(language: Language) -> None:
    shown = _CHECKED.findall(TEXTS[language])
    assert len(shown) > 10
    said = spoken(language)
    assert {verdict for verdict, _ in shown} <= {each().text(language) for each in frame.VERDICT.values()}
    assert [name for _, name in shown if name not in said] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sample_report_is_of_a_command_that_there_is(language: Language) -> None:
    name = f"sample-report.{language}.html"
    raw = (DOCS / name).read_text("utf-8")
    assert f"({name})" in TEXTS[language]
    assert len(raw) < _LARGEST
    assert f'<html lang="{language}">' in raw
    (made_with,) = _MADE_WITH.findall(raw)
    assert made_with in cli.commands.commands
    titles = re.findall(r"</span>([^<]+)</h3>", raw)
    assert titles
    assert set(titles) <= spoken(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_link_leads_to_a_file(language: Language) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", TEXTS[language])
    assert targets
    assert [each for each in targets if not (DOCS / each).exists()] == []
