"""How every command of this node opens it, answers, talks, and says who acts."""

import json
import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from raakvlak_node.access import AccessLog, Actor, Event, Kind
from raakvlak_node.node import Node, open_node
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party import command

PROGRAM: Final = "raakvlak-node"

acting = click.option(
    "--as", "on_behalf_of", default="", metavar="NAME", help="For whom you do this; the access log keeps it beside who you are."
)
"""The option whose value goes to `actor`."""


in_language = click.option("--lang", type=click.Choice(["nl", "en"]), default="nl", show_default=True)


def actor(on_behalf_of: str = "") -> Actor:
    """Who runs this command: the user of this machine, whom no option and no environment variable can change."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return Actor.command(user, on_behalf_of)


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


def quiet(name: str, **fields: object) -> None:
    """A command tells what it did by itself; only `serve` keeps a log."""


@contextmanager
def noted(node: Node, who: Actor, event: Event, kind: Kind, case: str = "") -> Iterator[None]:
    """What is done within, and its line in the access log: both or neither."""
    with node.store.transaction():
        yield
        AccessLog(node.store, node.random).write(who, event, node.clock(), kind=kind, case=case)


@contextmanager
def written(file: Path) -> Iterator[BinaryIO]:
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
