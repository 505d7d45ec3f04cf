"""The command `raakvlak-index`. Exit codes: 0 done · 1 failed · 75 try later."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import click
import nacl.utils
from nacl.bindings import crypto_sign_SEEDBYTES

from raakvlak_index import copies, health, index, pepper
from raakvlak_index.copies import Mended
from raakvlak_index.events import EVENTS
from raakvlak_index.log import LOG_KEY, PublishedLog, published_size
from raakvlak_index.operator.access import FILE as OPERATORS
from raakvlak_index.operator.access import Access
from raakvlak_index.pepper import PepperFile
from raakvlak_index.reading import SqliteReader
from raakvlak_index.settings import Settings
from raakvlak_index.sqlite import SqliteStore
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identity import Identity, Role, checked_id
from raakvlak_protocol.note import ED25519, key_of
from raakvlak_protocol.party import command, events, membership, sealed, settings
from raakvlak_protocol.party.membership import Folder
from raakvlak_protocol.party.serving import Stop, only_one
from raakvlak_protocol.secret import SecretBytes

PROGRAM: Final = "raakvlak-index"
PUBLISHED_WITHIN_SECONDS: Final = 5
"""How long a backup waits for its log entries to be published."""


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
    def published(self) -> Path:
        return self.settings.log_folder or self.folder.path / "log"

    def published_log(self, *, lost: bool) -> PublishedLog | None:
        """What was published; None where it is said to be lost, and is."""
        if not lost:
            member = self.load(_now())
            return PublishedLog(self.published, member.identity.dns_name, member.secrets[LOG_KEY])
        if (self.published / "checkpoint").exists():
            raise Refused(f"{self.published} is not lost: a log is there; leave out --log-lost, or move it away first")
        return None

    @property
    def peppers(self) -> PepperFile:
        return PepperFile(self.folder.path / pepper.FILE, self.settings.identity, self.lock)

    def load(self, now: datetime) -> membership.Membership:
        """The party with its covenant; raises Refused where its log key is not the covenant's: nobody would believe it."""
        member = membership.load(self.folder, self.settings.identity, self.lock, now)
        promised, seed = member.covenant.log_key, member.secrets.get(LOG_KEY)
        if seed is None or key_of(promised.name, promised.algorithm, seed) != promised:
            raise Refused(
                f"the log key in {self.folder.secrets} is not the one that covenant {member.covenant.id} gives the index: "
                "nobody would believe what it signs; restore the secrets that entry.toml was made with, or ask the board"
            )
        return member

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
@click.option("--log", "log_address", required=True, metavar="HOST:PORT", help="Where anybody reads the log by HTTPS.")
@click.option("--log-folder", type=click.Path(path_type=Path, file_okay=False), help="For the log, on another disk.")
def init(
    path: Path,
    covenant: str,
    party_id: str,
    name: str,
    key_file: Path,
    listen: str,
    log_address: str,
    log_folder: Path | None,
) -> None:
    """Make keys, certificate request, settings, an empty store and an empty log; print the entry for the covenant."""
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
        f"log = {json.dumps(log_address)}\n"
        + (f"log_folder = {json.dumps(str(log_folder.absolute()))}\n" if log_folder else "")
    )
    command.new_key_file(key_file)
    party = _party(path)
    SqliteStore.create(party.store)
    party.peppers.write({})
    seed = SecretBytes(nacl.utils.random(crypto_sign_SEEDBYTES))
    PublishedLog.create(party.published, identity.dns_name, seed)
    log_key = key_of(identity.dns_name, ED25519, seed).public_key.hex()
    entry = f'[index]\nid = {json.dumps(party_id)}\nname = {json.dumps(name)}\nlog_key = "{log_key}"\n'
    # Last: the sealed secrets say that all the rest is there.
    membership.prepare(folder, identity, party.lock, {LOG_KEY: seed.reveal()}, entry)
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
        member = party.load(_now())
        stop = Stop.on_signals()
        events.install(log)
        asyncio.run(
            until_stopped(
                member,
                party.settings,
                party.store,
                party.published,
                party.peppers,
                party.folder.covenant.read_bytes(),
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
        found["log"] = health.of_log(party.published, reader, _now())
        found["alarms"] += health.alarms(party.published, reader, party.folder, _now())
    click.echo(json.dumps(found) if as_json else _in_words(found))


@commands.group()
def operator() -> None:
    """Who may see the operator's pages."""


@operator.command("new")
@command.in_folder
@click.argument("name")
def new_operator(path: Path, name: str) -> None:
    """Let somebody see the operator's pages; print the key by which they sign in, this once."""
    own = _party(path).settings
    with _access(path) as access:
        key = access.make(name, nacl.utils.random, _now())
    click.echo(key)
    _say(
        f"this key is kept nowhere and not shown again: give it to {name} in person, for a password manager; the pages are at "
        f"https://{own.identity.dns_name}:{own.log.rpartition(':')[2]}/operator; if the key is lost or seen by another: "
        "'operator end', then 'operator new'"
    )


@operator.command("list")
@command.in_folder
@command.as_json
def list_operators(path: Path, as_json: bool) -> None:
    """Who may see the operator's pages, since when, and who is signed in."""
    with _access(path) as access:
        found = access.operators(_now())
    if as_json:
        click.echo(
            json.dumps([{"name": each.id, "made": each.made.isoformat(), "signed_in": each.seen is not None} for each in found])
        )
    else:
        for each in found:
            click.echo(f"{each.id}: since {each.made:%Y-%m-%d}" + (", signed in" if each.seen else ""))


@operator.command("end")
@command.in_folder
@click.argument("name")
def end_operator(path: Path, name: str) -> None:
    """Let somebody see the operator's pages no more; open pages of theirs end at once."""
    with _access(path) as access:
        access.end(name)
    _say(f"{name} can't sign in any more")


@contextmanager
def _access(path: Path) -> Iterator[Access]:
    """Also beside an index that serves."""
    party = _party(path)
    if not party.store.exists():
        raise Refused(f"{party.store} is missing: this is not an index's folder; give --folder")
    with closing(Access(party.folder.path / OPERATORS)) as access:
        yield access


@commands.command()
@command.in_folder
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(path: Path, file: Path) -> None:
    """Copy the store, without the pepper; also while the index serves."""
    party = _party(path)
    entries = copies.backup(party.store, file, _now())
    if not _published_soon(party, entries):
        _say(
            f"warning: not all of the {entries} log entries in it are published yet, and none is as long as the index does "
            "not serve: start 'serve' and make another copy, this one may be refused by 'restore'"
        )
    _say(
        f"{file} holds the store without the pepper, which finds nothing alone: keep {pepper.FILE} and its key file "
        f"apart from it; destroy this copy within {copies.MAX_AGE_DAYS} days, because what is erased lives on in it"
    )


def _published_soon(party: Party, entries: int) -> bool:
    """Whether so many entries are published, now or within some seconds: an index that serves does it every second."""
    for _ in range(PUBLISHED_WITHIN_SECONDS):
        if published_size(party.published) >= entries:
            return True
        time.sleep(1)
    return False


_log_lost = click.option("--log-lost", is_flag=True, help="The published log and every copy of it are gone.")
_dry_run = click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")


@commands.command()
@command.in_folder
@click.option("--replace", is_flag=True, help="Over the store that stands here.")
@_log_lost
@_dry_run
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def restore(path: Path, replace: bool, log_lost: bool, dry_run: bool, file: Path) -> None:
    """Make a backup the store, and apply every removal of the published log since then; every node then opens again and
    compares what stands with what it published."""
    party = _party(path)
    with party.alone():
        published = party.published_log(lost=log_lost)
        mended = copies.restore(file, party.store, published, _now(), replace=replace, dry_run=dry_run)
        if log_lost and not dry_run:
            _begin_log(party)
    if mended.age_days > copies.MAX_AGE_DAYS:
        _say(f"warning: the backup is {mended.age_days} days old and should be destroyed: what is erased lives on in it")
    _tell(mended, "restored", dry_run)


@commands.command()
@command.in_folder
@_log_lost
@_dry_run
def repair(path: Path, log_lost: bool, dry_run: bool) -> None:
    """Bring the store as it stands up to the published log, where 'serve' says that it is an older copy; every node then
    opens again and compares what stands with what it published."""
    party = _party(path)
    with party.alone():
        mended = copies.repair(party.store, party.published_log(lost=log_lost), _now(), dry_run=dry_run)
        if log_lost and not dry_run:
            _begin_log(party)
    _tell(mended, "repaired", dry_run)


def _begin_log(party: Party) -> None:
    """Publishes what the store holds as if for the first time; the same log, if the store is as new as what was lost."""
    member = party.load(_now())
    PublishedLog.create(party.published, member.identity.dns_name, member.secrets[LOG_KEY])
    published = party.published_log(lost=False)
    assert published is not None
    with closing(SqliteReader(party.store, index.Rules({}, {}))) as reader:
        while published.extend(reader):
            pass
    _say(
        f"warning: a log of {published.size} entries was published anew from the store; if more had been published before, "
        "members, witnesses and officers will find two histories, and no explanation of yours will undo that: tell the "
        "compliance officers now"
    )


def _tell(mended: Mended, done: str, dry_run: bool) -> None:
    _say(
        f"{mended.entries} published entries were missing, {mended.removed} rows that stood again are removed, "
        f"{mended.lost} rows are lost and marked as removed in the log"
    )
    if mended.tiles:
        _say(f"{mended.tiles} hash tiles of the published log were damaged and are made anew from its entries")
    if dry_run:
        _say("this was a dry run: nothing was changed")
    else:
        _say(f"{done}; start 'serve' with the pepper of these rows, and have every node look at its 'status'")


def _in_words(found: dict[str, Any]) -> str:
    lines = [
        f"{found['rows']} rows, {found['matches']} matches, {found['events']} events waiting, of them "
        f"{found['letters']} letters, {found['bytes']} bytes",
        f"{found['mediations']} matches are before a coordinator",
    ]
    shown = found["log"]
    lines.append(f"log: {shown['size']} entries, {shown['published']} published, checkpoint hash {shown['hash']}")
    lines += [f"witness {each['id']}: cosigned {each['size']} entries {each['hours']} hours ago" for each in shown["witnesses"]]
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
