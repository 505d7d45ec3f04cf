"""`raakvlak-node canary`: test persons of a compliance officer."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from raakvlak_node.commands.manners import answer, opened, say, written
from raakvlak_protocol.party import command

if TYPE_CHECKING:
    from raakvlak_node.canary import Taken


@click.group()
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
        with written(file) as out:
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
