"""For the compliance officer: alarms about the index, the ledger of all that has left, and this node's account."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from raakvlak_node.access import AccessLog, Event
from raakvlak_node.alarm import Alarms
from raakvlak_node.commands.manners import acting, actor, answer, opened, quiet, say, written
from raakvlak_node.node import Node
from raakvlak_node.promises import Promises
from raakvlak_protocol.party import command

_Item = TypeVar("_Item")


@click.command("evidence")
@command.in_folder
@command.as_json
def evidence(path: Path, as_json: bool) -> None:
    """List the alarms about the index and its log, and the files of evidence that were kept."""
    with opened(path) as node:
        alarms = _alarms(node)
        found = [
            {
                "raised": _day_and_time(each.raised),
                "kind": each.kind,
                "message": each.message,
                "file": str(alarms.path(each) or ""),
                "ended": "" if each.ended is None else _day_and_time(each.ended),
                "because": each.because or "",
            }
            for each in alarms.all()
        ]
    answer(as_json, {"alarms": found}, lambda: _alarm_lines(found))


def _alarm_lines(found: list[dict[str, str]]) -> Iterator[str]:
    for each in found:
        yield f"{each['raised']}  {each['kind'].replace('_', ' ')}: {each['message']}"
        yield f"    evidence: {each['file'] or 'could not be written'}"
        yield f"    ended {each['ended']}: {each['because']}" if each["ended"] else "    open: nothing is published"
    if not found:
        yield "no alarm was ever raised"


@click.command()
@command.in_folder
@command.as_json
@click.option("--because", required=True, metavar="TEXT", help="Why publishing may go on; kept with the alarm.")
def resume(path: Path, as_json: bool, because: str) -> None:
    """Publish again after an alarm that a person has looked into. All rows are proven anew, against the log as it is now."""
    with opened(path) as node:
        ended = _alarms(node).end(because, node.clock())
    answer(as_json, {"ended": len(ended)}, lambda: iter((f"{len(ended)} alarms ended; publishing goes on",)))


def _alarms(node: Node) -> Alarms:
    return Alarms(Promises(node.store), node.folder.path, quiet)


def _day_and_time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


@click.command()
@command.in_folder
@acting
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--check", is_flag=True, help="Recompute the whole chain from the store; write nothing.")
def ledger(path: Path, on_behalf_of: str, file: Path | None, check: bool) -> None:
    """Write to FILE, for the compliance officer, all that has left this node. It holds tokens: hand it over safely."""
    from raakvlak_node import ledger as found
    from raakvlak_protocol.ledger import encode_record

    if (file is None) is not check:
        raise click.UsageError("give either a FILE to write to, or --check")
    with opened(path) as node:
        what = (node.store, node.covenant, node.member.id, node.signing_seed, node.clock())
        head = node.store.ledger_head()
        lines = 0 if head is None else head.lines
        if file is None:
            with _counted(found.check(*what), lines, "checking") as counted:
                erased = sum(not line.salt for line in counted)
            click.echo(f"the ledger is whole: {lines} lines, of which {erased} have been erased")
            return
        AccessLog(node.store, node.random).write(actor(on_behalf_of), Event.EXPORT, node.clock(), kind="ledger")
        with written(file) as out, _counted(found.export(*what), lines + 1, "exporting") as counted:
            out.writelines(map(encode_record, counted))
    say(f"wrote {file}: {lines} lines; hand it to the officer alone and keep no copy")


@click.command("audit-export")
@command.in_folder
@acting
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def audit_export(path: Path, on_behalf_of: str, file: Path) -> None:
    """Write to FILE this node's account for the compliance officer: its ledger, and what of it stands at the index.

    It holds tokens and salts, no identifier and no case: hand it over safely, and have it destroyed after the audit.
    """
    from raakvlak_node import account

    with opened(path) as node:
        asked = account.ask(node)
        AccessLog(node.store, node.random).write(actor(on_behalf_of), Event.EXPORT, node.clock(), kind="ledger")
        with written(file) as out, _counted(account.written(node, asked), 0, "exporting") as counted:
            out.writelines(counted)
    if asked.without_case:
        say(f"{asked.without_case} rows stand without a case that wants them: run 'raakvlak-node sync' and export again")
    say(f"wrote {file}: {len(asked.rows)} rows; hand it to the officer alone, keep no copy, and have it destroyed afterwards")


@contextmanager
def _counted(items: Iterator[_Item], total: int, label: str) -> Iterator[Iterator[_Item]]:
    with click.progressbar(items, length=max(total, 1), label=label, file=sys.stderr) as bar:
        yield iter(bar)
