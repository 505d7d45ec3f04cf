"""Working with the others: the sync, how things stand, who else is involved, and what is in the way."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from raakvlak_node import follow_words, wording
from raakvlak_node.access import Event
from raakvlak_node.commands.manners import acting, actor, answer, in_language, noted, opened, quiet, say
from raakvlak_node.node import Node
from raakvlak_node.pairs import Pairs
from raakvlak_node.picture import Entry
from raakvlak_node.status import status as stands
from raakvlak_node.sync import Outcome, walking
from raakvlak_protocol.errors import OverQuota
from raakvlak_protocol.party import command


@click.command()
@command.in_folder
@command.as_json
def sync(path: Path, as_json: bool) -> None:
    """Evaluate, publish, receive, and write letters, as far as it goes now."""
    with opened(path) as node:
        total = node.status()["unevaluated"]
        with walking(node, quiet, _counting(total)) as walk:
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


@click.command()
@command.in_folder
@command.as_json
def status(path: Path, as_json: bool) -> None:
    """Tell what is unevaluated, unpublished, unacknowledged and unanswered."""
    with opened(path) as node:
        found = stands(node)
    answer(as_json, found, lambda: (f"{name.replace('_', ' '):16} {value}" for name, value in found.items() if value != ""))


@click.command()
@command.in_folder
@command.as_json
@acting
@in_language
def matches(path: Path, as_json: bool, on_behalf_of: str, lang: wording.Language) -> None:
    """Show all matches of the own cases."""
    with opened(path) as node:
        with noted(node, actor(on_behalf_of), Event.SEARCH, "match"):
            found = node.all_entries()
        if as_json:
            click.echo(json.dumps({"matches": _rows(node, found)}, ensure_ascii=False))
            return
        for reference in dict.fromkeys(reference for reference, _ in found):
            _show(node, reference, [entry for each, entry in found if each == reference], lang)


@click.command()
@command.in_folder
@command.as_json
@acting
@in_language
@click.argument("case_ref")
def picture(path: Path, as_json: bool, on_behalf_of: str, lang: wording.Language, case_ref: str) -> None:
    """Show the client picture of the case CASE_REF: who else is involved, whom to call, and how the follow-up stands."""
    with opened(path) as node:
        with noted(node, actor(on_behalf_of), Event.READ, "picture", case_ref):
            case, found = node.picture(case_ref)
        if as_json:
            rows = {"case_ref": case.reference, "matches": _rows(node, [(case.reference, each) for each in found])}
            click.echo(json.dumps(rows, ensure_ascii=False))
            return
        _show(node, case.reference, found, lang)


def _rows(node: Node, entries: list[tuple[str, Entry]]) -> list[dict[str, Any]]:
    from raakvlak_node.rest import match_body

    return [match_body(node, *each).model_dump(mode="json") for each in entries]


def _phase(node: Node, reference: str, entry: Entry) -> str:
    known = Pairs(node.store, node.covenant.id).of_entry(node.member.id, reference, entry)
    return "" if known is None else known.phase


def _show(node: Node, reference: str, entries: list[Entry], language: wording.Language) -> None:
    members = node.covenant.members
    named = [(members[each.other].name if each.other in members else each.other, each) for each in entries]
    phases = [_phase(node, reference, each) for each in entries]
    click.echo(wording.picture(reference, named, language, [follow_words.phase(each, language) for each in phases]))


@click.command()
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


@click.command()
@command.in_folder
@command.as_json
@click.option("--dry-run", is_flag=True, help="Tell what differs; change nothing.")
def reconcile(path: Path, as_json: bool, dry_run: bool) -> None:
    """Make this node and the index agree again after one of them was restored from a backup."""
    from raakvlak_node.reconcile import reconcile as run

    with opened(path) as node, walking(node, quiet) as walk:
        found = run(node, walk.publisher, dry_run=dry_run)
    answer(as_json, found, lambda: (f"{name.replace('_', ' ')}: {value}" for name, value in found.items()))
