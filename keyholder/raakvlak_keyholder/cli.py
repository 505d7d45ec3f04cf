"""The command `raakvlak-keyholder`. Exit codes: 0 done · 1 failed · 75 try later."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click
import nacl.utils
from nacl.bindings import crypto_sign_SEEDBYTES

from raakvlak_keyholder import evaluator, service
from raakvlak_keyholder.evaluator import Shares
from raakvlak_keyholder.quota import Account, left
from raakvlak_keyholder.settings import Settings
from raakvlak_keyholder.statements import Statements, day_lines, put_to
from raakvlak_keyholder.store import Store
from raakvlak_protocol.covenant import Covenant, Quota
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identity import Identity, Role, checked_id
from raakvlak_protocol.note import ED25519, key_of
from raakvlak_protocol.party import command, membership, sealed, settings
from raakvlak_protocol.party.membership import Folder
from raakvlak_protocol.party.serving import only_one
from raakvlak_protocol.secret import SecretBytes

PROGRAM: Final = "raakvlak-keyholder"
SIGNING_KEY: Final = "signing_key"
"""Under this name secrets.sealed has the seed of the key that signs the daily statements."""
WAITING_IS_NORMAL: Final = 1
"""Yesterday's statement, while it is being handed in."""


@dataclass(frozen=True, slots=True)
class Party:
    """This key holder's folder and settings."""

    folder: Folder
    settings: Settings

    @property
    def lock(self) -> sealed.Lock:
        return sealed.KeyFile(self.settings.key_file)

    @property
    def store(self) -> Path:
        return self.folder.path / "store.db"

    @property
    def shares_file(self) -> Path:
        return self.folder.path / "shares.sealed"

    @property
    def shares_label(self) -> str:
        return f"shares {self.settings.identity.uri}"

    def shares(self) -> Shares:
        """What `accept-shares` sealed; none where it never ran."""
        if not self.shares_file.exists():
            return {}
        content = sealed.unseal(self.shares_file, self.lock, label=self.shares_label)
        return evaluator.parse_shares(content.reveal().decode().splitlines(), self.settings.share_number)

    def load(self, now: datetime) -> membership.Membership:
        """The party with its covenant; raises Refused where the covenant gives it another share number or signing key."""
        member = membership.load(self.folder, self.settings.identity, self.lock, now)
        promised = member.covenant.key_holders[self.settings.id]
        if promised.share_number != self.settings.share_number:
            raise Refused(
                f"the covenant gives this key holder share number {promised.share_number}, its settings say "
                f"{self.settings.share_number}: one of the two is wrong, ask the covenant board"
            )
        key, seed = promised.signing_key, member.secrets.get(SIGNING_KEY)
        if seed is None or key_of(key.name, key.algorithm, seed) != key:
            raise Refused(
                f"the signing key in {self.folder.secrets} is not the one that covenant {member.covenant.id} gives this key "
                "holder: nobody would believe its statements; restore the secrets that entry.toml was made with, or ask "
                "the board"
            )
        return member

    def statements(self, member: membership.Membership, store: Store) -> Statements:
        """Its daily statements, in `statements/`."""
        key = member.covenant.key_holders[self.settings.id].signing_key
        return Statements(self.folder.path / "statements", store, key, member.secrets[SIGNING_KEY])

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
    """Hold one share of each key, and evaluate under it within each member's quota."""


@commands.command()
@command.in_folder
@click.option("--covenant", required=True, help="The covenant's id.")
@click.option("--id", "party_id", required=True, help="This key holder's id in the covenant.")
@click.option("--name", required=True, help="The legal entity's name, for reports.")
@click.option("--share-number", required=True, type=click.IntRange(1, 255), help="Which share is this one's.")
@click.option("--key-file", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Made if missing.")
@click.option("--listen", required=True, metavar="HOST:PORT", help="Where nodes reach this key holder.")
@click.option("--log", metavar="HOST:PORT", help="Where the index takes the daily statements; can be added later.")
def init(
    path: Path, covenant: str, party_id: str, name: str, share_number: int, key_file: Path, listen: str, log: str | None
) -> None:
    """Make keys, certificate request, settings and empty counts; print the entry for the covenant."""
    folder = Folder(path)
    identity = Identity(checked_id(covenant, "covenant"), Role.KEYHOLDER, checked_id(party_id, "id"))
    if folder.secrets.exists():
        raise Refused(f"{folder.secrets} exists already: this folder belongs to a party; choose another one")
    folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.settings.write_text(
        f"covenant = {json.dumps(covenant)}\n"
        f"id = {json.dumps(party_id)}\n"
        f"share_number = {share_number}\n"
        f"key_file = {json.dumps(str(key_file.absolute()))}\n"
        f"listen = {json.dumps(listen)}\n" + (f"log = {json.dumps(log)}\n" if log else "")
    )
    store = folder.path / "store.db"
    if not store.exists():
        Store.create(store)
    seed = SecretBytes(nacl.utils.random(crypto_sign_SEEDBYTES))
    signing_key = key_of(identity.dns_name, ED25519, seed).public_key.hex()
    entry = (
        f"[[key_holder]]\nid = {json.dumps(party_id)}\nname = {json.dumps(name)}\nshare_number = {share_number}\n"
        f'signing_key = "{signing_key}"\n'
    )
    # Last: the sealed secrets say that all the rest is there.
    membership.prepare(folder, identity, command.new_key_file(key_file), {SIGNING_KEY: seed.reveal()}, entry)
    click.echo(entry, nl=False)
    _say(f"have {folder.request} certified, give the entry above to the covenant board, then run join")


def _own(path: Path) -> tuple[Folder, Identity, sealed.Lock]:
    party = _party(path)
    return party.folder, party.settings.identity, party.lock


command.add_join(PROGRAM, commands, _own)


@commands.command("accept-shares")
@command.in_folder
def accept_shares(path: Path) -> None:
    """Take shares from standard input, one JSON object a line, and seal them."""
    party = _party(path)
    arrived = evaluator.parse_shares((line for line in sys.stdin if line.strip()), party.settings.share_number)
    with party.alone():
        shares = evaluator.joined(party.shares(), arrived)
        content = b"".join(line.reveal() for line in evaluator.share_lines(shares, party.settings.share_number))
        sealed.seal(party.shares_file, content, party.lock, label=party.shares_label)
    _say(f"{len(arrived)} shares accepted, {len(shares)} held")


@commands.command()
@command.in_folder
def serve(path: Path) -> None:
    """Answer nodes until SIGTERM."""
    party = _party(path)
    with party.alone():
        member = party.load(_now())
        with closing(Store(party.store)) as store:
            service.serve(member, party.settings, party.shares(), store, party.statements(member, store), now=_now)


@commands.command()
@command.in_folder
@command.as_json
def status(path: Path, as_json: bool) -> None:
    """Each member's use of its quota; also beside a key holder that serves."""
    party = _party(path)
    now = _now()
    member = party.load(now)
    covenant = member.covenant
    with closing(Store(party.store)) as store:
        rows = [_usage(account, granted, store, now) for account, granted in sorted(_granted(covenant, now).items())]
        waiting = len(party.statements(member, store).waiting())
    _warn_of_waiting(waiting, party.settings)
    if as_json:
        click.echo(json.dumps({"covenant_version": covenant.version, "quotas": rows, "statements_waiting": waiting}))
        return
    for row in rows:
        click.echo(
            f"{row['member']} {row['namespace']} epoch {row['epoch']}: first load {row['first_load_used']} used, "
            f"{row['first_load_left']} left; today {row['charged_today']} used, {row['daily_left']} left"
        )


@commands.command()
@command.in_folder
@command.as_json
@click.option("--hand-in", is_flag=True, help="Hand in the hashes that wait, now.")
@click.option("--export", type=click.Path(path_type=Path, file_okay=False), help="Copy the files here, for an officer.")
def statements(path: Path, as_json: bool, hand_in: bool, export: Path | None) -> None:
    """Make the statement of each day that has ended, and list all; also beside a key holder that serves."""
    party = _party(path)
    now = _now()
    member = party.load(now)
    if hand_in and not party.settings.log:
        raise Refused(f'{party.folder.settings} names no log: add log = "host:port", the index\'s HTTPS side')
    with closing(Store(party.store)) as store:
        own = party.statements(member, store)
        own.make_due(now)
        if hand_in and party.settings.log:
            handed_in = list(own.hand_in(put_to(party.settings.log, member.covenant), now))
            _say(f"{len(handed_in)} statements handed in")
        if export:
            _say(f"{own.export(export)} statements copied to {export}")
        lines = day_lines(store.stated())
        waiting = len(own.waiting())
    _warn_of_waiting(waiting, party.settings)
    if as_json:
        click.echo(json.dumps({"holder": own.key.name, "statements": lines}))
        return
    for line in lines:
        click.echo(f"{line['day']} {line['hash']} {'handed in ' + line['handed_in'] if line['handed_in'] else 'not handed in'}")


@commands.command()
@command.in_folder
@click.option("--start-empty", is_flag=True, required=True, help="Count all that the covenant grants so far as used.")
def counts(path: Path, start_empty: bool) -> None:
    """After the counts were lost or restored from an older copy: start with empty quotas.

    Whatever the covenant in force grants counts as used, first loads until the board grants more in a new version,
    daily quotas until midnight UTC. Otherwise a lost file would hand out every quota a second time.
    """
    party = _party(path)
    now = _now()
    with party.alone():
        member = party.load(now)
        if not party.store.exists():
            Store.create(party.store)
        with closing(Store(party.store)) as store:
            store.exhaust(_granted(member.covenant, now), now)
            adopted = party.statements(member, store).adopt()
    if adopted:
        _say(f"totals go on from the statements of {len(adopted)} days, the last {adopted[-1]}; later counts are lost")
    _say("all quotas are empty: daily ones fill up at 00:00 UTC, first loads by a new covenant version that grants more")


def _warn_of_waiting(waiting: int, settings: Settings) -> None:
    """A hash that never enters the log leaves the day open to change, and the officers without a figure to trust."""
    if not settings.log:
        _say('statements are made and not handed in: the settings name no log; add log = "host:port"')
    elif waiting > WAITING_IS_NORMAL:
        _say(f"{waiting} statements wait to be handed in: run raakvlak-keyholder statements --hand-in, and see what it says")


def _granted(covenant: Covenant, now: datetime) -> Mapping[Account, Quota]:
    """What the covenant grants in every epoch in force."""
    return {
        Account(member.id, namespace, epoch.number): quota
        for member in covenant.members.values()
        for namespace, quota in member.quotas.items()
        for epoch in covenant.live_epochs(now)
        if namespace in epoch.keys
    }


def _usage(account: Account, granted: Quota, store: Store, now: datetime) -> dict[str, str | int]:
    used = store.used(account)
    remaining = left(granted, used, now)
    return {
        "member": account.member,
        "namespace": account.namespace,
        "epoch": account.epoch,
        "first_load_used": used.first_load,
        "first_load_left": remaining.first_load,
        "charged_today": used.today(now),
        "daily_left": remaining.daily,
        "until": remaining.until.isoformat(),
    }


def _party(path: Path) -> Party:
    folder = Folder(path)
    return Party(folder, settings.load(folder.settings, Settings))


def _now() -> datetime:
    return datetime.now(UTC)


def _say(message: str) -> None:
    command.say(PROGRAM, message)
