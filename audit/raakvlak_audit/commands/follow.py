"""`follow`: the log, from the last trusted checkpoint to now."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from raakvlak_audit import follow as rules
from raakvlak_audit import source as sources
from raakvlak_audit.follow import Bundles, Look, Looked
from raakvlak_audit.follow_checks import Other
from raakvlak_audit.officer import Officer
from raakvlak_audit.output import PROGRAM, Output, progress, reporting
from raakvlak_audit.report import Check, Report, Subject
from raakvlak_audit.sentences import follow as words
from raakvlak_audit.wording import Cell, Said
from raakvlak_protocol import note
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import RaakvlakError, Refused
from raakvlak_protocol.party import command, serving

from_folder = click.option(
    "--from-folder",
    "copy",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Read the log from a copy or the operator's log folder instead of over the network.",
)
also = click.option(
    "--also",
    "also",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A checkpoint that a member or another officer holds; may be given more than once.",
)


@click.command()
@command.in_folder
@from_folder
@also
@click.option("--dry-run", is_flag=True, help="Trust and remember nothing new. Evidence of a fork is kept all the same.")
@reporting
def follow(path: Path, copy: Path | None, also: tuple[Path, ...], dry_run: bool, out: Output) -> None:
    """Check the log from the last checkpoint that you trusted until now, then trust the newest.

    Was anything changed, hidden or shown differently to others? A reading that breaks off goes on where it stopped.
    """
    officer, now = Officer(path), datetime.now(UTC)
    covenant, address = officer.covenant(now), officer.settings().log
    with one_at_a_time(officer), sources.opened(covenant, address, copy) as source:
        before = trusted_before(officer, covenant)
        look = Look(officer, covenant, source, now, bar(out), others_of(also), keep=not dry_run)
        looked = look()
        if not dry_run:
            rules.save(officer, covenant, looked, now)
    details = [before, *([(words.DRY(), words.DRY_WHY())] if dry_run else [])]
    out.show(report("follow", words.TITLE(), covenant, source.name, details, looked, now))


def report(
    name: str,
    title: Said,
    covenant: Covenant,
    log: str,
    details: Sequence[tuple[Said, Cell]],
    looked: Looked,
    now: datetime,
    *further: Check,
) -> Report:
    """What a look found, and further checks of the command that looked."""
    subject = Subject.of(covenant, (words.LOG(), log), *details)
    limits = (words.NOT_TWO(), words.NOT_TRUE(), words.NOT_DATABASE(), words.NOT_ABSENT())
    return Report(name, title, subject, now, (*looked.checks, *further), limits, looked.figures, looked.tables)


def bar(out: Output) -> rules.Bar:
    """The progress of reading, on standard error."""

    def shown(bundles: Bundles, count: int) -> AbstractContextManager[Bundles]:
        return progress(words.READING().text(out.language), bundles, count)

    return shown


def others_of(files: Sequence[Path]) -> tuple[Other, ...]:
    """The checkpoints that others hold."""
    return tuple(Other(str(each), _read(each)) for each in files)


def trusted_before(officer: Officer, covenant: Covenant) -> tuple[Said, Cell]:
    """How far the officer trusted the log when the command began, for the head of the report."""
    try:
        trusted = officer.trusted(covenant)
    except RaakvlakError:  # the look itself tells what is wrong with the file
        trusted = None
    return words.TRUSTED(), words.ENTRIES(size=trusted.size) if trusted else words.NOTHING_TRUSTED()


@contextmanager
def one_at_a_time(officer: Officer) -> Iterator[None]:
    """Keeps a second look out of this folder until this one has saved what it found."""
    with serving.only_one(officer.path / "follow.lock", f"{PROGRAM} follow"):
        yield


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(note.MAX_NOTE_BYTES + 1)
    except OSError as error:
        raise Refused(f"can't read {path}: {error.strerror}") from None
