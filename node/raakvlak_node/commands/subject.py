"""`raakvlak-node subject-report`: what this node may tell a person about itself."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

import click

from raakvlak_node.commands.manners import acting, actor, in_language, opened, say, written
from raakvlak_node.subject_facts import AskedBy, SubjectReport
from raakvlak_node.wording import Language
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.party import command
from raakvlak_protocol.text import iso_date

MAX_BYTES: Final = 64
"""Of what holds a number and a line's end."""

_file = click.Path(path_type=Path, dir_okay=False)


@click.command("subject-report")
@command.in_folder
@acting
@in_language
@click.option(
    "--bsn-file",
    required=True,
    type=click.File("rb"),
    help="Holds the person's BSN and nothing else; - reads standard input, or asks for it on a terminal.",
)
@click.option(
    "--asked-by",
    type=click.Choice([str(each) for each in AskedBy]),
    default=str(AskedBy.SUBJECT),
    show_default=True,
    help="Who asks: below 12 the parent, from 12 to 15 both, from 16 the person; or a representative.",
)
@click.option("--birth-date", default="", metavar="YYYY-MM-DD", help="As an identity document shows, where no case tells it.")
@click.option("--staff", is_flag=True, help="Name those who looked, beside their role.")
@click.option("--html", "page", type=_file, help="Write the report for people to a new file.")
@click.option("--json", "data", type=_file, help="Write the report for machines to a new file.")
def subject_report(
    path: Path,
    on_behalf_of: str,
    lang: Language,
    bsn_file: BinaryIO,
    asked_by: str,
    birth_date: str,
    staff: bool,
    page: Path | None,
    data: Path | None,
) -> None:
    """Report what was published about a person, with whom it matched and who looked. See docs/rights.md first.

    The number is never given as an argument: others on this machine, and the shell's history, would see it.
    """
    from raakvlak_node import subject, subject_page

    if page is None and data is None:
        raise click.UsageError("give --html, --json or both")
    identifier = _number(bsn_file)
    born = iso_date(birth_date, "birth_date") if birth_date else None
    with ExitStack() as files, opened(path) as node:
        # Before the log says that a report was made: a name that is taken is the more likely to fail.
        out = {each: files.enter_context(written(each)) for each in (page, data) if each is not None}
        who = actor(on_behalf_of)
        report = subject.report(node, identifier, AskedBy(asked_by), who, node.clock(), birth_date=born, staff=staff)
        if page is not None:
            out[page].write(subject_page.html(report, lang).encode())
        if data is not None:
            out[data].write(json.dumps(report.record(), indent=2, ensure_ascii=False).encode() + b"\n")
    for each in out:
        say(f"wrote {each}: it is about one person, hand it to nobody else")
    _remind(report)


def _remind(report: SubjectReport) -> None:
    if report.other_law:
        say(
            f"to this organisation's own data the {report.other_law} applies: answer under that law, not with this report alone"
        )
    say("confidential and protected cases, and agreements kept from parents or youth, are in no report: decide on them by hand")


def _number(source: BinaryIO) -> Bsn:
    """The number in the file, or as it is typed unseen."""
    if source.isatty():
        text = click.prompt("BSN", hide_input=True, err=True, prompt_suffix=": ")
    else:
        raw = source.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise Malformed("the file holds more than a BSN")
        try:
            text = raw.decode("ascii")
        except UnicodeDecodeError:
            raise Malformed("the file holds something else than a BSN") from None
    return Bsn.parse(text.strip())
