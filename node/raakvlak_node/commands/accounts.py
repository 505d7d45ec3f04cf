"""What this node can account for: who saw and did what, how the follow-up goes, and whether the case system hears of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from raakvlak_node.access import AccessLog, Event, Head, Line, verify
from raakvlak_node.commands.manners import acting, actor, answer, opened, say, written
from raakvlak_node.node import Node
from raakvlak_node.settings import Webhook
from raakvlak_node.wording import Language
from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.party import command, sealed
from raakvlak_protocol.secret import SecretBytes

MAX_LINES: Final = 1_000

_file = click.Path(path_type=Path, dir_okay=False)
_existing = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("access-log")
@command.in_folder
@command.as_json
@acting
@click.option("--after", default=0, metavar="N", type=click.IntRange(min=0), help="Only lines behind this one.")
@click.option("--case", "case_ref", default="", metavar="REF", help="Only lines about this case, also where it has gone.")
@click.option("--export", "target", type=_file, help="Write the whole log to a new file, for whoever must verify it.")
@click.option("--check", is_flag=True, help="Recompute the whole chain from the store; show nothing of it.")
@click.option("--verify", "source", type=_existing, help="Verify an exported file; needs no node.")
@click.option("--earlier", metavar="HEAD", help="What an earlier check or export named as its head, to hold this one against.")
def access_log(
    path: Path,
    as_json: bool,
    on_behalf_of: str,
    after: int,
    case_ref: str,
    target: Path | None,
    check: bool,
    source: Path | None,
    earlier: str | None,
) -> None:
    """Show who saw, created, changed, searched or exported what. Whoever looks at the log stands in it."""
    if sum((target is not None, check, source is not None)) > 1:
        raise click.UsageError("give one of --export, --check and --verify")
    if earlier is not None and not check and source is None:
        raise click.UsageError("--earlier goes with --check or --verify")
    known = None if earlier is None else Head.parse(earlier)
    if source is not None:
        with source.open("rb") as raw:
            _whole(as_json, verify(raw, known))
        return
    with opened(path) as node:
        if check:
            _whole(as_json, AccessLog(node.store).check(known))
        elif target is not None:
            _export(node, on_behalf_of, target, as_json)
        else:
            _show(node, on_behalf_of, as_json, after, case_ref)


def _whole(as_json: bool, head: Head) -> None:
    answer(as_json, {"lines": head.number, "head": str(head)}, lambda: iter((f"the access log is whole; its head is {head}",)))


def _export(node: Node, on_behalf_of: str, target: Path, as_json: bool) -> None:
    log = AccessLog(node.store, node.random)
    with written(target) as out:
        # Before the file is whole: the log may say that it was exported when it was not, and never too little.
        log.write(actor(on_behalf_of), Event.EXPORT, node.clock(), kind="log")
        head = log.head()
        out.writelines(log.export())
    answer(as_json, {"lines": head.number, "head": str(head)}, lambda: iter((f"exported; its head is {head}",)))
    say(f"wrote {target}: it names staff and cases; hand it over safely, and keep its head elsewhere")


def _show(node: Node, on_behalf_of: str, as_json: bool, after: int, case_ref: str) -> None:
    log = AccessLog(node.store, node.random)
    with node.store.transaction():
        log.write(actor(on_behalf_of), Event.READ, node.clock(), kind="log", case=case_ref)
        if case_ref:
            found = [each for each in log.of_case(node.store.case_handle(case_ref)) if each.number > after]
        else:
            found = log.lines(after, MAX_LINES)
    shown = found[:MAX_LINES]
    following = shown[-1].number if shown else after
    answer(as_json, {"lines": [each.record() for each in shown], "next": following}, lambda: _lines(shown))
    if len(shown) == MAX_LINES:
        say(f"there may be more: --after {following}")


def _lines(shown: Sequence[Line]) -> Iterator[str]:
    for each in shown:
        record = each.record()
        who = record["actor"] + (f" for {record['on_behalf_of']}" if record["on_behalf_of"] else "")
        what = " ".join(part for part in (record["event"], record["kind"], record["case"]) if part)
        ended = "" if record["outcome"] == "done" else f", {record['outcome']}"
        why = f": {' '.join(record['reason'].split())}" if record["reason"] else ""
        yield f"{record['number']:7} {record['moment']}  {who} ({record['role']}, {record['via']})  {what}{ended}{why}"


@click.command()
@command.in_folder
@command.as_json
@click.option("--from", "first", default="", metavar="YYYY-MM", help="The first month.  [default: the first there is]")
@click.option("--to", "last", default="", metavar="YYYY-MM", help="The last month.  [default: the last there is]")
@click.option("--csv", "as_csv", is_flag=True, help="A table for a spreadsheet.")
@click.option("--lang", type=click.Choice(["nl", "en"]), default="nl", show_default=True)
def outcome(path: Path, as_json: bool, first: str, last: str, as_csv: bool, lang: Language) -> None:
    """Count how far the matches that began in each month came. Nothing of it leaves this node."""
    from raakvlak_node import outcome as counts

    if as_json and as_csv:
        raise click.UsageError("give one of --json and --csv")
    for month in filter(None, (first, last)):
        counts.parse_month(month)
    with opened(path) as node:
        rows = counts.Outcome(node.store).table(first, last)
    if as_csv:
        click.echo(counts.as_csv(rows), nl=False)
        return
    answer(as_json, {"rows": [each.record() for each in rows]}, lambda: iter((counts.as_text(rows, lang),)))


@click.group()
def webhook() -> None:
    """Messages to the organisation's own case system."""


def _receiver(node: Node) -> Webhook:
    if node.settings.webhook is None:
        raise Refused("settings.toml has no [webhook]: give it url and secret_file first")
    return node.settings.webhook


@webhook.command("test")
@command.in_folder
@command.as_json
def webhook_test(path: Path, as_json: bool) -> None:
    """Send a test.ping at once. One that is taken makes a receiver that had said it wants no more one that does again."""
    from raakvlak_node import webhooks

    with opened(path) as node:
        receiver = _receiver(node)
        queue = webhooks.Webhooks(node.store, receiver, node.random)
        with webhooks.client_for(receiver) as client:
            found = webhooks.ping(queue, receiver, node.clock, client, node.random)
    if not found.taken:
        raise (Unavailable if found.ill else Refused)(found.reason)
    answer(as_json, {"taken": True}, lambda: iter(("the receiver has taken a test.ping",)))


@webhook.command("secret")
@command.in_folder
@click.option("--drop-former", is_flag=True, help="Make none: the receiver knows the new one, the former one signs no more.")
def webhook_secret(path: Path, drop_former: bool) -> None:
    """Make a new secret and put it before the one that is there: both sign until the former one is dropped."""
    from raakvlak_node import webhooks

    with opened(path) as node:
        file, fresh = _receiver(node).secret_file, webhooks.new_secret(node.random)
    present = webhooks.secrets_in(file) if file.exists() else ()
    if drop_former:
        if len(present) != webhooks.MAX_SECRETS:
            raise Refused(f"{file} holds no former secret")
        kept: tuple[SecretBytes, ...] = present[:1]
    else:
        if len(present) == webhooks.MAX_SECRETS:
            raise Refused(f"{file} holds a former secret still: give the receiver the first one, then run this --drop-former")
        kept = (fresh, *present)
    sealed.replace(file, "".join(f"{webhooks.secret_text(each)}\n" for each in kept).encode())
    say(f"wrote {file}: " + ("one secret signs" if drop_former else "give its first line to the receiver, by a safe way"))
