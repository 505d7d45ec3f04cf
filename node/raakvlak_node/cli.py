"""`raakvlak-node`: results on standard output, talk and progress on standard error, and an exit code that tells.

0 done · 1 failed · 2 rows rejected · 75 try later.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn, TypeVar

import click

from raakvlak_node import importing, wording
from raakvlak_node.alarm import Alarms
from raakvlak_node.events import EVENTS
from raakvlak_node.node import BsnChange, BsnDiffers, Node, identity_of, lock_of, open_node, prepare, read_settings
from raakvlak_node.picture import Entry
from raakvlak_node.promises import Promises
from raakvlak_node.sync import Outcome, walking
from raakvlak_protocol.covenant import KINDS
from raakvlak_protocol.errors import OverQuota, Refused
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.party import command, events, sealed
from raakvlak_protocol.party.membership import Folder
from raakvlak_protocol.party.serving import Stop

if TYPE_CHECKING:
    from raakvlak_node.canary import Taken

PROGRAM: Final = "raakvlak-node"
SHOWN_REASONS: Final = 20

_Item = TypeVar("_Item")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("raakvlak"))
def cli() -> None:
    """The node of one organisation: its cases in, matches and client pictures out."""


def main() -> NoReturn:
    """The console script."""
    command.run(PROGRAM, cli)


def say(message: str) -> None:
    """Talk, on standard error."""
    command.say(PROGRAM, message)


def answer(as_json: bool, found: Any, lines: Callable[[], Iterator[str]]) -> None:
    """A result, on standard output."""
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in lines():
        click.echo(line)


@contextmanager
def opened(path: Path) -> Iterator[Node]:
    node = open_node(path)
    try:
        yield node
    finally:
        node.close()


def _quiet(name: str, **fields: object) -> None:
    """A command tells what it did by itself; only `serve` keeps a log."""


# --- becoming a member ------------------------------------------------------------------------------------------------


@cli.command()
@command.in_folder
@click.option("--covenant", required=True, help="The covenant's id.")
@click.option("--id", "id_", required=True, help="This member's id in the covenant.")
@click.option("--name", required=True, help="The organisation's name, shown to the other side of a match.")
@click.option("--kind", required=True, type=click.Choice(KINDS))
@click.option(
    "--key-file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Made when it does not exist; keep it on another disk.",
)
@click.option("--index", default="127.0.0.1:7400", show_default=True, help="host:port of the index.")
@click.option("--key-holder", "key_holders", multiple=True, metavar="ID=HOST:PORT", help="For each key holder.")
@click.option("--log", "log_", default="", metavar="HOST:PORT", help="Where the index serves its log over HTTPS.")
@click.option("--rest", default="127.0.0.1:7480", show_default=True, help="host:port of the REST API.")
def init(
    path: Path,
    covenant: str,
    id_: str,
    name: str,
    kind: str,
    key_file: Path,
    index: str,
    key_holders: tuple[str, ...],
    log_: str,
    rest: str,
) -> None:
    """Make a new node: keys, certificate request, settings, an empty store. Prints the entry for the covenant."""
    identity = identity_of(covenant, id_)
    holders = dict(each.partition("=")[::2] for each in key_holders)
    if not all(holders.values()):
        raise click.BadParameter("a key holder is given as ID=HOST:PORT", param_hint="--key-holder")
    text = "\n".join(
        (
            f"covenant = {json.dumps(covenant)}",
            f"id = {json.dumps(id_)}",
            f"index = {json.dumps(index)}",
            *([f"log = {json.dumps(log_)}"] if log_ else []),
            f"key_file = {json.dumps(str(key_file.absolute()))}",
            "",
            "[rest]",
            f"listen = {json.dumps(rest)}",
            "",
            "[key_holders]",
            *(f"{json.dumps(holder)} = {json.dumps(address)}" for holder, address in holders.items()),
            "",
        )
    )
    entry = prepare(Folder(path), identity, command.new_key_file(key_file), name=name, kind=kind, settings_text=text)
    click.echo(entry, nl=False)
    say(f"made {path}: have request.pem certified, send entry.toml to the covenant board, then run 'raakvlak-node join'")


def _own(path: Path) -> tuple[Folder, Identity, sealed.Lock]:
    own = read_settings(Folder(path))
    return Folder(path), identity_of(own.covenant, own.id), lock_of(own)


command.add_join(PROGRAM, cli, _own)


# --- cases ------------------------------------------------------------------------------------------------------------


@cli.command("import")
@command.in_folder
@command.as_json
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
) -> None:
    """Import a caseload FILE. Imported again it changes nothing; cut off, the same command goes on."""
    from raakvlak_node import caseload

    with opened(path) as node, file.open("rb") as source:
        total = caseload.size(file)
        # Beside the caseload, where the same identifiers lie already; where that can't be, in the node's folder.
        beside = file.parent if os.access(file.parent, os.W_OK) else node.folder.path / "rejected"
        target = rejected or beside / importing.rejected_name(file, node.clock())
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


@cli.command()
@command.in_folder
@command.as_json
def cases(path: Path, as_json: bool) -> None:
    """List the own cases by reference."""
    with opened(path) as node:
        found = sorted(
            (
                {"case_ref": case.reference, "withheld": case.withheld, "since": case.since.isoformat()}
                for _, case in node.store.cases()
            ),
            key=lambda each: str(each["case_ref"]),
        )
    answer(
        as_json,
        {"cases": found},
        lambda: (f"{each['case_ref']}{'  (kept, not published)' if each['withheld'] else ''}" for each in found),
    )


@cli.command()
@command.in_folder
@command.as_json
@click.argument("case_ref")
def withdraw(path: Path, as_json: bool, case_ref: str) -> None:
    """Forget the case CASE_REF; what of it stands at the index is withdrawn at the next sync."""
    with opened(path) as node:
        gone = node.drop_case(case_ref)
    if not gone:
        say("this node has no case of that reference: 'raakvlak-node cases' lists them")
        raise click.exceptions.Exit(command.FAILED)
    answer(
        as_json,
        {"withdrawn": True},
        lambda: iter(("forgotten here; run 'raakvlak-node sync' to withdraw it at the index",)),
    )


# --- working with the others ------------------------------------------------------------------------------------------


@cli.command()
@command.in_folder
@command.as_json
def sync(path: Path, as_json: bool) -> None:
    """Evaluate, publish, receive, and write letters, as far as it goes now."""
    with opened(path) as node:
        total = node.status()["unevaluated"]
        with walking(node, _quiet, _counting(total)) as walk:
            outcome = walk.once()
        found = {**_counts(outcome), "waiting": [each.message for each in outcome.waiting], "failed": outcome.failed}
        found["alarms"] = outcome.alarms
        found["pending"] = node.status()["pending"]
    answer(as_json, found, lambda: _sync_lines(outcome, found["pending"]))
    for message in outcome.alarms:
        say(f"ALARM: {message}; nothing is published until a person has looked: see 'raakvlak-node evidence'")
    if outcome.alarms:
        raise click.exceptions.Exit(command.FAILED)
    if outcome.waiting:
        for each in outcome.waiting:
            say(each.message)
        raise click.exceptions.Exit(command.TRY_LATER)


def _counting(total: int) -> Callable[[str, int], None]:
    done = 0

    def progress(what: str, count: int) -> None:
        nonlocal done
        if what == "evaluated" and sys.stderr.isatty():
            done += count
            click.echo(f"\revaluated {done} of {total}", err=True, nl=done >= total)

    return progress


def _counts(outcome: Outcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in ("evaluated", "published", "withdrawn", "received", "posted", "proven")}


def _sync_lines(outcome: Outcome, pending: int) -> Iterator[str]:
    yield ", ".join(f"{count} {name}" for name, count in _counts(outcome).items())
    for holder, reason in outcome.failed.items():
        yield f"key holder {holder} did not serve: {reason}"
    for each in outcome.waiting:
        if isinstance(each, OverQuota):
            yield f"waiting until {each.until:%Y-%m-%d %H:%M} UTC; {each.left} evaluations are left"
    yield f"{pending} things are still open" if pending else "nothing is open"


@cli.command()
@command.in_folder
@command.as_json
def status(path: Path, as_json: bool) -> None:
    """Tell what is unevaluated, unpublished, unacknowledged and unanswered."""
    with opened(path) as node:
        found = node.status()
    answer(as_json, found, lambda: (f"{name.replace('_', ' '):16} {value}" for name, value in found.items() if value != ""))


@cli.command()
@command.in_folder
@command.as_json
@click.option("--lang", type=click.Choice(["nl", "en"]), default="nl", show_default=True)
def matches(path: Path, as_json: bool, lang: wording.Language) -> None:
    """Show all matches of the own cases."""
    from raakvlak_node.rest import match_body

    with opened(path) as node:
        found = node.all_entries()
        if as_json:
            click.echo(
                json.dumps({"matches": [match_body(node, *each).model_dump(mode="json") for each in found]}, ensure_ascii=False)
            )
            return
        for reference in dict.fromkeys(reference for reference, _ in found):
            _show(node, reference, [entry for each, entry in found if each == reference], lang)


@cli.command()
@command.in_folder
@command.as_json
@click.option("--lang", type=click.Choice(["nl", "en"]), default="nl", show_default=True)
@click.argument("case_ref")
def picture(path: Path, as_json: bool, lang: wording.Language, case_ref: str) -> None:
    """Show the client picture of the case CASE_REF: who else is involved, and whom to call."""
    from raakvlak_node.rest import match_body

    with opened(path) as node:
        case, found = node.picture(case_ref)
        if as_json:
            entries = [match_body(node, case.reference, each).model_dump(mode="json") for each in found]
            click.echo(json.dumps({"case_ref": case.reference, "matches": entries}, ensure_ascii=False))
            return
        _show(node, case.reference, found, lang)


def _show(node: Node, reference: str, entries: list[Entry], language: wording.Language) -> None:
    members = node.covenant.members
    named = [(members[each.other].name if each.other in members else each.other, each) for each in entries]
    click.echo(wording.picture(reference, named, language))


@cli.command()
@command.in_folder
@command.as_json
def doctor(path: Path, as_json: bool) -> None:
    """Find what stands in this node's way, and say what to do."""
    from raakvlak_node.doctor import examine

    signs = {"good": "ok  ", "warning": "note", "bad": "BAD "}
    worst = "good"
    findings = []
    with opened(path) as node:
        for finding in examine(node):
            findings.append({name: getattr(finding, name) for name in ("check", "verdict", "finding", "advice")})
            worst = "bad" if finding.verdict == "bad" else worst
            if not as_json:
                click.echo(f"{signs[finding.verdict]}  {finding.check}: {finding.finding}")
                if finding.advice:
                    click.echo(f"      → {finding.advice}")
    if as_json:
        click.echo(json.dumps({"findings": findings}, ensure_ascii=False))
    if worst == "bad":
        raise click.exceptions.Exit(command.FAILED)


@cli.command()
@command.in_folder
@command.as_json
@click.option("--dry-run", is_flag=True, help="Tell what differs; change nothing.")
def reconcile(path: Path, as_json: bool, dry_run: bool) -> None:
    """Make this node and the index agree again after one of them was restored from a backup."""
    from raakvlak_node.reconcile import reconcile as run

    with opened(path) as node, walking(node, _quiet) as walk:
        found = run(node, walk.publisher, dry_run=dry_run)
    answer(as_json, found, lambda: (f"{name.replace('_', ' ')}: {value}" for name, value in found.items()))


@cli.command("evidence")
@command.in_folder
@command.as_json
def evidence_(path: Path, as_json: bool) -> None:
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


@cli.command()
@command.in_folder
@command.as_json
@click.option("--because", required=True, metavar="TEXT", help="Why publishing may go on; kept with the alarm.")
def resume(path: Path, as_json: bool, because: str) -> None:
    """Publish again after an alarm that a person has looked into. All rows are proven anew, against the log as it is now."""
    with opened(path) as node:
        ended = _alarms(node).end(because, node.clock())
    answer(as_json, {"ended": len(ended)}, lambda: iter((f"{len(ended)} alarms ended; publishing goes on",)))


def _alarms(node: Node) -> Alarms:
    return Alarms(Promises(node.store), node.folder.path, _quiet)


def _day_and_time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


@cli.group()
def canary() -> None:
    """Test persons of a compliance officer: published like clients, shown to nobody who works with cases."""


@canary.command("add")
@command.in_folder
@command.as_json
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Tell what would happen; store nothing.")
def canary_add(path: Path, as_json: bool, file: Path, dry_run: bool) -> None:
    """Take the officer's FILE: its test persons are published at the next sync, until the day that it names."""
    from raakvlak_node import canary as rules
    from raakvlak_protocol.canary import MAX_ORDER_BYTES, parse_order

    with file.open("rb") as source:
        order = parse_order(source.read(MAX_ORDER_BYTES + 1))
    with opened(path) as node:
        taken = rules.add(node, order, dry_run=dry_run)
    found = {
        "plan": order.plan.hex(), "valid_until": order.valid_until.isoformat(), "dry_run": dry_run, "new": taken.new,
        "known": taken.known, "daily_quota": taken.daily, "first_load": taken.first_load, "waiting": taken.waiting,
    }  # fmt: skip
    answer(as_json, found, lambda: _canary_added(taken, order.valid_until.isoformat(), dry_run))


def _canary_added(taken: "Taken", until: str, dry_run: bool) -> Iterator[str]:
    would = "would be " if dry_run else ""
    yield f"{taken.new} test persons {would}taken, until {until}; {taken.known} are known already"
    yield (
        f"they need {taken.new} evaluations of the quota for numbers ({taken.daily} a day, after a first load of"
        f" {taken.first_load}); {taken.waiting} other persons wait for theirs"
    )
    if not dry_run:
        yield "delete the file: it tells test persons from real ones. Sync at an hour at which you import cases too"


@canary.command("list")
@command.in_folder
@command.as_json
def canary_list(path: Path, as_json: bool) -> None:
    """List the plans of which this node has test persons."""
    from raakvlak_node import canary as rules

    with opened(path) as node:
        found = [
            {
                "plan": each.id.hex(), "canaries": each.canaries, "published": each.published,
                "valid_until": each.valid_until.isoformat(),
            }
            for each in rules.plans(node)
        ]  # fmt: skip
    answer(
        as_json,
        {"plans": found},
        lambda: (
            f"plan {each['plan']}: {each['canaries']} test persons, {each['published']} published, until {each['valid_until']}"
            for each in found
        ),
    )


@canary.command("report")
@command.in_folder
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--plan", metavar="ID", help="Which plan, where there are several.")
def canary_report(path: Path, file: Path, plan: str | None) -> None:
    """Write to FILE, signed, for the officer, which test persons stand at the index and what matches were told of them."""
    from raakvlak_node import canary as rules
    from raakvlak_protocol.canary import plan_id

    with opened(path) as node:
        made = rules.report(node, None if plan is None else plan_id(plan))
        with _written(file) as out:
            out.write(made.sign(node.signing_seed))
    say(f"wrote {file}: {len(made.canaries)} test persons; hand it to the officer alone and keep no copy")


@canary.command("end")
@command.in_folder
@command.as_json
@click.option("--plan", metavar="ID", help="Only this plan's.  [default: all]")
def canary_end(path: Path, as_json: bool, plan: str | None) -> None:
    """Forget the test persons; what of them stands at the index is withdrawn at the next sync."""
    from raakvlak_node import canary as rules
    from raakvlak_protocol.canary import plan_id

    with opened(path) as node:
        ended = rules.end(node.store, None if plan is None else plan_id(plan))
    text = f"{ended} test persons forgotten here; run 'raakvlak-node sync' to withdraw them at the index"
    answer(as_json, {"ended": ended}, lambda: iter((text,)))


@cli.group()
def token() -> None:
    """Access to the REST API."""


@token.command("new")
@command.in_folder
@command.as_json
@click.argument("name")
def token_new(path: Path, as_json: bool, name: str) -> None:
    """Make an access token called NAME. It is shown once; the store keeps only its hash."""
    with opened(path) as node:
        made = node.new_access_token(name)
    answer(as_json, {"name": name, "token": made}, lambda: iter((made,)))


@cli.command()
@command.in_folder
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--check", is_flag=True, help="Recompute the whole chain from the store; write nothing.")
def ledger(path: Path, file: Path | None, check: bool) -> None:
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
        with _written(file) as out, _counted(found.export(*what), lines + 1, "exporting") as counted:
            out.writelines(map(encode_record, counted))
    say(f"wrote {file}: {lines} lines; hand it to the officer alone and keep no copy")


@cli.command("audit-export")
@command.in_folder
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def audit_export(path: Path, file: Path) -> None:
    """Write to FILE this node's account for the compliance officer: its ledger, and what of it stands at the index.

    It holds tokens and salts, no identifier and no case: hand it over safely, and have it destroyed after the audit.
    """
    from raakvlak_node import account

    with opened(path) as node:
        asked = account.ask(node)
        with _written(file) as out, _counted(account.written(node, asked), 0, "exporting") as counted:
            out.writelines(counted)
    if asked.without_case:
        say(f"{asked.without_case} rows stand without a case that wants them: run 'raakvlak-node sync' and export again")
    say(f"wrote {file}: {len(asked.rows)} rows; hand it to the officer alone, keep no copy, and have it destroyed afterwards")


@contextmanager
def _counted(items: Iterator[_Item], total: int, label: str) -> Iterator[Iterator[_Item]]:
    with click.progressbar(items, length=max(total, 1), label=label, file=sys.stderr) as bar:
        yield iter(bar)


@contextmanager
def _written(file: Path) -> Iterator[BinaryIO]:
    """A new file for its owner alone; gone again where what goes into it fails."""
    if file.exists():
        raise Refused(f"{file} exists already: choose another name")
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        try:
            yield out
            out.flush()
            os.fsync(out.fileno())
        except BaseException:
            file.unlink()
            raise


# --- operating --------------------------------------------------------------------------------------------------------


@cli.command()
@command.in_folder
def serve(path: Path) -> None:
    """Run the sync loop and the REST API until stopped."""
    from raakvlak_node.serve import serve as run

    log = events.Log("node", EVENTS, sys.stderr)
    events.install(log)
    stop = Stop.on_signals()
    with opened(path) as node:
        log("started", version=version("raakvlak"), covenant_version=node.covenant.version)
        run(node, log, stop)
        log("stopped")


@cli.command()
@command.in_folder
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(path: Path, file: Path) -> None:
    """Copy the store to FILE while the node works. It opens only with this node's secrets: keep those apart."""
    if file.exists():
        say(f"{file} exists already: choose another name")
        raise click.exceptions.Exit(command.FAILED)
    with opened(path) as node:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        node.store.backup(file)
    say(f"wrote {file}; back up secrets.sealed and the key file too, each elsewhere, and delete this copy within 30 days")


@cli.command()
@command.in_folder
@click.option("--replace", is_flag=True, help="Put the backup in place of the store that is there.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def restore(path: Path, replace: bool, file: Path) -> None:
    """Put the backup FILE back. Nothing is published until 'raakvlak-node reconcile' has been run."""
    from raakvlak_node.reconcile import restore as run

    run(path, file, replace=replace)
    say("restored; run 'raakvlak-node reconcile --dry-run' to see what has happened since, then 'raakvlak-node reconcile'")
