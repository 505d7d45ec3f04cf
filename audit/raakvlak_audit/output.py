"""How every command of the officer talks: its options, its report, its progress."""

import functools
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from raakvlak_audit import machine, page, plain
from raakvlak_audit.report import Report
from raakvlak_audit.sentences import frame
from raakvlak_audit.wording import LANGUAGES, Language
from raakvlak_protocol.party import command, sealed

PROGRAM: Final = "raakvlak-audit"

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Output:
    """Where a report goes, and in which language. A page whose name ends in .nl.html or .en.html is in that one."""

    language: Language
    as_json: bool
    pages: tuple[Path, ...]

    def show(self, report: Report) -> NoReturn:
        """Prints the report, writes its page if asked for, and ends the command with the report's exit code."""
        self.write(report)
        raise click.exceptions.Exit(report.exit_code)

    def write(self, report: Report) -> None:
        """The same, and goes on: for a command that makes one report after the other. Its pages are replaced each time."""
        if self.as_json:
            click.echo(json.dumps(machine.as_json(report), ensure_ascii=False))
        else:
            click.echo(plain.text(report, self.language, shutil.get_terminal_size().columns), nl=False)
        for each in self.pages:
            sealed.replace(each, page.html(report, self._language_of(each)).encode())
            command.say(PROGRAM, frame.REPORT_WRITTEN(file=str(each)).text(self.language))

    def _language_of(self, page: Path) -> Language:
        return next((each for each in LANGUAGES if page.name.endswith(f".{each}.html")), self.language)


def reporting(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command --lang, --json and --report, and hands them to it as `out: Output`."""

    @click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the report.  [default: from LANG, else en]")
    @command.as_json
    @click.option(
        "--report",
        "pages",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Also write the report as one HTML page, to read, print or file. May be given twice: FILE.nl.html, FILE.en.html.",
    )
    @functools.wraps(function)
    def wrapped(*arguments: Any, lang: Language | None, as_json: bool, pages: tuple[Path, ...], **options: Any) -> None:
        function(*arguments, out=Output(lang or language_of(os.environ), as_json, pages), **options)

    return wrapped


def language_of(environment: Mapping[str, str]) -> Language:
    """Dutch where the machine speaks Dutch, as POSIX reads LC_ALL, LC_MESSAGES and LANG; otherwise English."""
    said = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return "nl" if said.split("_")[0].split(".")[0].lower() == "nl" else "en"


@contextmanager
def progress(what: str, items: Iterable[V], count: int) -> Iterator[Iterable[V]]:
    """`items`, shown as a bar on standard error while they are gone through; one line where that is no terminal."""
    with click.progressbar(items, length=count, label=f"{PROGRAM}: {what}", file=sys.stderr) as bar:
        yield bar
