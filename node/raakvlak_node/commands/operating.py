"""Running a node: the service, access to its API, backups."""

import sys
from importlib.metadata import version
from pathlib import Path

import click

from raakvlak_node import backups
from raakvlak_node.access import AccessLog, Event
from raakvlak_node.commands.manners import acting, actor, answer, opened, say
from raakvlak_node.events import EVENTS
from raakvlak_node.node import Node
from raakvlak_node.workdays import moment
from raakvlak_protocol.party import command, events
from raakvlak_protocol.party.serving import Stop


@click.group()
def token() -> None:
    """Access to the REST API."""


@token.command("new")
@command.in_folder
@command.as_json
@acting
@click.argument("name")
def token_new(path: Path, as_json: bool, on_behalf_of: str, name: str) -> None:
    """Make an access token called NAME. It is shown once; the store keeps only its hash."""
    with opened(path) as node, node.store.transaction():
        made = node.new_access_token(name)
        _note(node, on_behalf_of, Event.CREATE, name)
    answer(as_json, {"name": name, "token": made}, lambda: iter((made,)))


@token.command("list")
@command.in_folder
@command.as_json
def token_list(path: Path, as_json: bool) -> None:
    """Name the access tokens, and say since when there is each."""
    with opened(path) as node:
        found = [{"name": name, "made": moment(made).isoformat()} for name, made in node.store.access_tokens()]
    answer(as_json, {"tokens": found}, lambda: (f"{each['name']}: since {each['made'][:10]}" for each in found))


@token.command("end")
@command.in_folder
@command.as_json
@acting
@click.argument("name")
def token_end(path: Path, as_json: bool, on_behalf_of: str, name: str) -> None:
    """Let whoever holds the access token NAME in no more, also while the node serves."""
    with opened(path) as node, node.store.transaction():
        node.end_access_token(name)
        _note(node, on_behalf_of, Event.DELETE, name)
    answer(as_json, {"name": name, "ended": True}, lambda: iter((f"{name} opens nothing any more",)))


def _note(node: Node, on_behalf_of: str, event: Event, name: str) -> None:
    """A line in the access log."""
    log = AccessLog(node.store, node.random)
    log.write(actor(on_behalf_of), event, node.clock(), kind="account", reason=f"access token {name}")


@click.command()
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


@click.command()
@command.in_folder
@acting
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(path: Path, on_behalf_of: str, file: Path) -> None:
    """Copy the store to FILE while the node works. It opens only with this node's secrets: keep those apart."""
    with opened(path) as node:
        backups.make(node, file, actor(on_behalf_of))
    say(f"wrote {file}; back up secrets.sealed and the key file too, each elsewhere, and delete this copy within 30 days")


@click.command()
@command.in_folder
@click.option("--replace", is_flag=True, help="Put the backup in place of the store that is there.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def restore(path: Path, replace: bool, file: Path) -> None:
    """Put the backup FILE back. Nothing is published until 'raakvlak-node reconcile' has been run."""
    from raakvlak_node.reconcile import restore as run

    run(path, file, replace=replace)
    say("restored; run 'raakvlak-node reconcile --dry-run' to see what has happened since, then 'raakvlak-node reconcile'")
