"""The command `raakvlak-index`. Exit codes: 0 done · 1 failed · 75 try later."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import click
import nacl.utils

from raakvlak_index import copies, index, pepper
from raakvlak_index.events import EVENTS
from raakvlak_index.pepper import PepperFile
from raakvlak_index.reading import SqliteReader
from raakvlak_index.settings import Settings
from raakvlak_index.sqlite import SqliteStore
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identity import Identity, Role, checked_id
from raakvlak_protocol.party import command, events, membership, sealed, settings
from raakvlak_protocol.party.membership import Folder
from raakvlak_protocol.party.serving import Stop, only_one

PROGRAM: Final = "raakvlak-index"


@dataclass(frozen=True, slots=True)
class Party:
    """This index's folder and settings."""

    folder: Folder
    settings: Settings

    @property
    def lock(self) -> sealed.Lock:
        return sealed.KeyFile(self.settings.key_file)

    @property
    def store(self) -> Path:
        return self.folder.path / "store.db"

    @property
    def peppers(self) -> PepperFile:
        return PepperFile(self.folder.path / pepper.FILE, self.settings.identity, self.lock)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While no other process serves from this folder."""
        with only_one(self.folder.path / "store.lock", PROGRAM):
            yield


def main() -> None:
    """The console script."""
    command.run(PROGRAM, commands)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("raakvlak"))
def commands() -> None:
    """Tell organisations that they work with the same family, without knowing which family it is."""


@commands.command()
@command.in_folder
@click.option("--covenant", required=True, help="The covenant's id.")
@click.option("--id", "party_id", required=True, help="This index's id in the covenant.")
@click.option("--name", required=True, help="The operator's name, for reports.")
@click.option("--key-file", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Made if missing.")
@click.option("--listen", required=True, metavar="HOST:PORT", help="Where nodes reach this index.")
def init(path: Path, covenant: str, party_id: str, name: str, key_file: Path, listen: str) -> None:
    """Make keys, certificate request, settings and an empty store; print the entry for the covenant."""
    folder = Folder(path)
    identity = Identity(checked_id(covenant, "covenant"), Role.INDEX, checked_id(party_id, "id"))
    if folder.secrets.exists():
        raise Refused(f"{folder.secrets} exists already: this folder belongs to a party; choose another one")
    folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.settings.write_text(
        f"covenant = {json.dumps(covenant)}\n"
        f"id = {json.dumps(party_id)}\n"
        f"key_file = {json.dumps(str(key_file.absolute()))}\n"
        f"listen = {json.dumps(listen)}\n"
    )
    command.new_key_file(key_file)
    party = _party(path)
    SqliteStore.create(party.store)
    party.peppers.write({})
    entry = f"[index]\nid = {json.dumps(party_id)}\nname = {json.dumps(name)}\n"
    # Last: the sealed secrets say that all the rest is there.
    membership.prepare(folder, identity, party.lock, {}, entry)
    click.echo(entry, nl=False)
    _say(f"have {folder.request} certified, give the entry above to the covenant board, then run join")


def _own(path: Path) -> tuple[Folder, Identity, sealed.Lock]:
    party = _party(path)
    return party.folder, party.settings.identity, party.lock


command.add_join(PROGRAM, commands, _own)


@commands.command()
@command.in_folder
def serve(path: Path) -> None:
    """Answer nodes until SIGTERM."""
    from raakvlak_index.serve import serve as until_stopped

    party = _party(path)
    log = events.Log(party.settings.identity.uri, EVENTS, sys.stderr)
    with party.alone():
        member = membership.load(party.folder, party.settings.identity, party.lock, _now())
        stop = Stop.on_signals()
        events.install(log)
        asyncio.run(
            until_stopped(
                member,
                party.settings,
                party.store,
                party.peppers,
                log,
                now=_now,
                random=nacl.utils.random,
                stop=stop,
            )
        )


@commands.command()
@command.in_folder
@command.as_json
def status(path: Path, as_json: bool) -> None:
    """Rows, queues, alarms and coming removals; also beside an index that serves."""
    party = _party(path)
    rules = index.Rules({}, {}, party.settings.event_cap)
    with closing(SqliteReader(party.store, rules)) as reader:
        found = reader.status(_now())
    click.echo(json.dumps(found) if as_json else _in_words(found))


@commands.command()
@command.in_folder
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(path: Path, file: Path) -> None:
    """Copy the store, without the pepper; also while the index serves."""
    party = _party(path)
    copies.backup(party.store, file, _now())
    _say(
        f"{file} holds the store without the pepper, which finds nothing alone: keep {pepper.FILE} and its key file "
        f"apart from it; destroy this copy within {copies.MAX_AGE_DAYS} days, because what is erased lives on in it"
    )


@commands.command()
@command.in_folder
@click.option("--replace", is_flag=True, help="Over the store that stands here.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def restore(path: Path, replace: bool, file: Path) -> None:
    """Make a backup the store; every node then opens again and compares what stands with what it published."""
    party = _party(path)
    with party.alone():
        age = copies.restore(file, party.store, _now(), replace=replace)
    if age > copies.MAX_AGE_DAYS:
        _say(
            f"warning: the backup is {age} days old; it should have been destroyed after {copies.MAX_AGE_DAYS}, and "
            "rows that were erased since stand again until their nodes have opened"
        )
    _say("restored; start 'serve' with the pepper of these rows, and have every node look at its 'status'")


def _in_words(found: dict[str, Any]) -> str:
    lines = [
        f"{found['rows']} rows, {found['matches']} matches, {found['events']} events waiting, of them "
        f"{found['letters']} letters, {found['bytes']} bytes"
    ]
    lines += [
        f"{each['id']}: {each['rows']} rows, {each['waiting']} events waiting, generation {each['generation']}, silent "
        f"for {each['silent_days']} days" + (", suspended" if each["suspended"] else "")
        for each in found["members"]
    ]
    lines += [f"{each['rows']} rows go in {each['month']}" for each in found["next_removals"]]
    lines += [f"alarm: {each}" for each in found["alarms"]]
    return "\n".join(lines)


def _party(path: Path) -> Party:
    folder = Folder(path)
    return Party(folder, settings.load(folder.settings, Settings))


def _now() -> datetime:
    return datetime.now(UTC)


def _say(message: str) -> None:
    command.say(PROGRAM, message)
