"""The own cases: in from a caseload file, and listed."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from raakvlak_node import importing
from raakvlak_node.access import AccessLog, Event
from raakvlak_node.case import Case
from raakvlak_node.commands.manners import acting, actor, answer, noted, opened
from raakvlak_node.node import BsnChange, BsnDiffers, Node
from raakvlak_node.tokens import visibility_of
from raakvlak_protocol.party import command
from raakvlak_protocol.publication import Visibility

SHOWN_REASONS: Final = 20


@click.command("import")
@command.in_folder
@command.as_json
@acting
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Tell what would happen; store and write nothing.")
@click.option("--withdraw-missing", is_flag=True, help="Withdraw the cases that are not in the file.")
@click.option(
    "--bsn-changes",
    type=click.Choice(["wrong", "changed"]),
    help="What a new BSN of a known client means: the old one was wrong (withdrawn at once) or has changed "
    "(both until the term).",
)
@click.option(
    "--rejected",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the rejected rows go.  [default: beside FILE, or in the folder where that is read-only]",
)
def import_(
    path: Path,
    as_json: bool,
    file: Path,
    dry_run: bool,
    withdraw_missing: bool,
    bsn_changes: BsnChange | None,
    rejected: Path | None,
    on_behalf_of: str,
) -> None:
    """Import a caseload FILE. Imported again it changes nothing; cut off, the same command goes on."""
    from raakvlak_node import caseload

    with opened(path) as node, file.open("rb") as source:
        total = caseload.size(file)
        # Beside the caseload, where the same identifiers lie already; where that can't be, in the node's folder.
        beside = file.parent if os.access(file.parent, os.W_OK) else node.folder.path / "rejected"
        target = rejected or beside / importing.rejected_name(file, node.clock())
        if not dry_run:
            # Before anything of it is stored: the log may say that there was an import when there was none, never too little.
            AccessLog(node.store, node.random).write(actor(on_behalf_of), Event.IMPORT, node.clock())
        with _bar(2 * total, "importing") as progress:
            report = importing.Import(
                node,
                dry_run=dry_run,
                withdraw_missing=withdraw_missing,
                bsn_changes=bsn_changes,
                ask=_ask,
                progress=progress,
            ).run(source, target)
    if rejected is None and report.rejected_file is not None:
        report.rejected_file = importing.kept_once(report.rejected_file, file)
    found = {
        "accepted": report.accepted,
        "new": report.new,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "withdrawn": report.withdrawn,
        "missing": report.missing,
        "nameless": report.nameless,
        "dry_run": report.dry_run,
        "rejected": [
            {"line": row.line, "reasons": [{"column": each.column, "reason": each.message} for each in row.reasons]}
            for row in report.rejected
        ],
        "rejected_file": None if report.rejected_file is None else str(report.rejected_file),
    }
    answer(as_json, found, lambda: _import_lines(report, withdraw_missing))
    if report.rejected:
        raise click.exceptions.Exit(command.ROWS_REJECTED)


def _import_lines(report: importing.Report, withdraw_missing: bool) -> Iterator[str]:
    would = "would be " if report.dry_run else ""
    counts = f"{report.new} new, {report.changed} changed, {report.unchanged} unchanged"
    yield f"{report.accepted} cases {would}accepted: {counts}"
    if report.missing:
        yield _missing_line(report, withdraw_missing)
    for row in report.rejected[:SHOWN_REASONS]:
        for reason in row.reasons:
            yield f"line {row.line}, {reason.column}: {reason.message}"
    if len(report.rejected) > SHOWN_REASONS:
        yield f"… and {len(report.rejected) - SHOWN_REASONS} more rejected rows"
    if report.rejected:
        yield f"{len(report.rejected)} rows {would}rejected"
    if any(BsnDiffers().reasons == row.reasons for row in report.rejected):
        yield "where a BSN differs: import again with --bsn-changes wrong or --bsn-changes changed"
    if report.rejected_file is not None:
        yield f"the rejected rows are in {report.rejected_file}: mend them and import it, without --withdraw-missing"
        yield "it holds identifiers: delete it then"


def _missing_line(report: importing.Report, withdraw_missing: bool) -> str:
    missing = f"{len(report.missing)} known cases are not in the file"
    if not withdraw_missing:
        return f"{missing}; --withdraw-missing withdraws them"
    if report.nameless:
        return f"{missing}; none is withdrawn, because {report.nameless} rows without a readable case_ref may be theirs"
    return f"{missing} and would be withdrawn" if report.dry_run else f"{missing} and were withdrawn"


def _ask(line: int) -> BsnChange | None:
    """Asks what a new BSN means; without a terminal the row is rejected and says so."""
    if not sys.stdin.isatty():
        return None
    said = click.prompt(
        f"line {line}: the client's BSN differs. Was the old one (w)rong, has it (c)hanged, or (s)kip this row?",
        type=click.Choice(["w", "c", "s"]),
        err=True,
    )
    answers: dict[str, BsnChange | None] = {"w": "wrong", "c": "changed", "s": None}
    return answers[said]


@contextmanager
def _bar(total: int, label: str) -> Iterator[Callable[[int], None]]:
    """A progress bar over two passes of a file; `progress` gets the position within the pass."""
    with click.progressbar(length=max(total, 1), label=label, file=sys.stderr) as bar:
        last = 0

        def progress(position: int) -> None:
            nonlocal last
            bar.update(max(position - last, 0))
            last = position

        yield progress


@click.command()
@command.in_folder
@command.as_json
@acting
def cases(path: Path, as_json: bool, on_behalf_of: str) -> None:
    """List the own cases by reference."""
    with opened(path) as node, noted(node, actor(on_behalf_of), Event.SEARCH, "case"):
        found = sorted(
            (
                {
                    "case_ref": case.reference,
                    "withheld": case.withheld,
                    "told": _told(node, handle, case),
                    "since": case.since.isoformat(),
                }
                for handle, case in node.store.cases()
            ),
            key=lambda each: str(each["case_ref"]),
        )
    answer(
        as_json,
        {"cases": found},
        lambda: (f"{each['case_ref']}{_TOLD[str(each['told'])]}" for each in found),
    )


_TOLD: Final = {
    "directly": "",
    "to the coordinator": "  (only the coordinator hears of its matches)",
    "to nobody": "  (kept, not published)",
}


def _told(node: Node, handle: bytes, case: Case) -> str:
    """To whom the case's matches are told."""
    shown = visibility_of(case, node.covenant, node.member, released=node.standing().released(handle))
    if shown is None:
        return "to nobody"
    return "directly" if shown is Visibility.DIRECT else "to the coordinator"
