"""The command `raakvlak-covenant`. Exit codes: 0 done · 1 failed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Final

import click
import nacl.utils

from raakvlak_covenant import draft as drafts
from raakvlak_covenant import sign as signing
from raakvlak_covenant import words
from raakvlak_protocol.covenant import Covenant, covenant_hash
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party import command, sealed
from raakvlak_protocol.party.membership import parse_pin
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import covenant_pb2 as pb

PROGRAM: Final = "raakvlak-covenant"

_Existing = click.Path(path_type=Path, exists=True, dir_okay=False)
_New = click.Path(path_type=Path, dir_okay=False)
_keys = click.option("--key", "keys", multiple=True, required=True, type=_Existing, help="A sealed board key.")
_key_files = click.option(
    "--key-file",
    "key_files",
    multiple=True,
    required=True,
    type=_Existing,
    help="Opens the keys: one, or one for each.",
)


def main() -> None:
    """The console script."""
    command.run(PROGRAM, commands)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("raakvlak"))
def commands() -> None:
    """Write, sign and read the covenant: the one configuration that all parties share."""


@commands.command("board-key")
@click.argument("file", type=_New)
@click.option("--key-file", required=True, type=_New, help="Opens the key; made if missing. Keep it elsewhere.")
def board_key(file: Path, key_file: Path) -> None:
    """Make a board member's signing key in FILE, sealed; print its public key for the draft."""
    click.echo(signing.new_board_key(file, command.new_key_file(key_file), nacl.utils.random).hex())


@commands.command()
@click.argument("draft", type=_Existing)
def check(draft: Path) -> None:
    """Check a draft on its own: all that a party will check but signatures, date and what it follows on."""
    message = drafts.read(draft)
    judged = signing.judged_alone(message)
    _say(f"covenant {judged.id} version {judged.version}: {_numbers(judged)}; nothing is wrong with this draft")
    _say_all(words.rules(judged), words.lacking(judged))


@commands.command()
@click.argument("draft", type=_Existing)
@click.option("--out", required=True, type=_New, help="The covenant file; must not exist.")
@_keys
@_key_files
@click.option("--previous", type=_Existing, help="The covenant file that this version follows on.")
@click.option("--pin", metavar="HEX", help="The previous file's pin: the hash of its first version.")
@command.as_json
def sign(
    draft: Path,
    out: Path,
    keys: Sequence[Path],
    key_files: Sequence[Path],
    previous: Path | None,
    pin: str | None,
    as_json: bool,
) -> None:
    """Sign a draft; print the version's hash. With too few keys, others add theirs by cosign."""
    if out.exists():
        raise Refused(f"{out} exists already: signatures in it would be lost, choose another name")
    if (previous is None) != (pin is None):
        raise click.UsageError("--previous and --pin go together")
    message = drafts.read(draft)
    if previous is None or pin is None:
        history = signing.first(message)
        pinned = signing.newest_hash(history)
    else:
        history = signing.following(signing.read(previous.read_bytes()), message)
        pinned = parse_pin(pin)
    _say_all(words.lacking(signing.judged(history, pinned)))
    _finish(signing.signed(history, _seeds(keys, key_files)), pinned, out, as_json)


@commands.command()
@click.argument("file", type=_Existing)
@click.option("--pin", required=True, metavar="HEX", help="Hash of the first version.")
@click.option("--hash", "expected", required=True, metavar="HEX", help="Hash of the version that you agree to.")
@_keys
@_key_files
@command.as_json
def cosign(file: Path, pin: str, expected: str, keys: Sequence[Path], key_files: Sequence[Path], as_json: bool) -> None:
    """Add a signature to FILE, whose newest version you have read with show."""
    history = signing.read(file.read_bytes())
    if signing.newest_hash(history) != parse_pin(expected):
        raise Refused(f"{file} holds another version than the one that you agreed to: read it with show")
    pinned = parse_pin(pin)
    _say_all(words.lacking(signing.judged(history, pinned)))
    _finish(signing.signed(history, _seeds(keys, key_files)), pinned, file, as_json)


@commands.command()
@click.argument("file", type=_Existing)
@click.option("--pin", required=True, metavar="HEX", help="Hash of the first version, given out of band.")
@command.as_json
def show(file: Path, pin: str, as_json: bool) -> None:
    """What the newest version says, after verifying the history before it."""
    history = signing.read(file.read_bytes())
    covenant = signing.judged(history, parse_pin(pin))
    lacking = signing.missing(history)
    if as_json:
        click.echo(json.dumps(_described(covenant) | {"pin": pin, "missing_signatures": lacking}, ensure_ascii=False))
    else:
        _print(_described(covenant))
        _say_all(words.rules(covenant))
    _say_all(words.lacking(covenant))
    if lacking:
        _say(f"{lacking} board signatures are missing: no party accepts this version until then")


@commands.command("hash")
@click.argument("file", type=_Existing)
def show_hashes(file: Path) -> None:
    """The hash of each version in FILE, oldest first. The first is the pin; give it to the parties out of band."""
    for envelope in signing.read(file.read_bytes()).versions:
        click.echo(covenant_hash(envelope.payload).hex())


def _finish(history: pb.CovenantHistory, pin: bytes, out: Path, as_json: bool) -> None:
    """Writes the file and tells; a version with all its signatures is first judged as every party will."""
    lacking = signing.missing(history)
    if not lacking:
        signing.verdict(history, pin)
    sealed.replace(out, signing.encoded(history))
    newest = signing.newest_hash(history).hex()
    if as_json:
        told = {"hash": newest, "pin": pin.hex(), "versions": len(history.versions), "missing_signatures": lacking}
        click.echo(json.dumps(told))
    else:
        click.echo(newest)
    if lacking:
        _say(f"{lacking} board signatures are missing: have others run cosign on {out}")


def _seeds(keys: Sequence[Path], key_files: Sequence[Path]) -> list[SecretBytes]:
    if len(key_files) not in (1, len(keys)):
        raise click.UsageError("give one --key-file for all keys, or one for each in the same order")
    locks = [sealed.KeyFile(each) for each in key_files] * (len(keys) if len(key_files) == 1 else 1)
    return [signing.board_key(key, lock) for key, lock in zip(keys, locks, strict=True)]


def _described(covenant: Covenant) -> dict[str, Any]:
    """What the covenant says, for people and machines; public, like the covenant itself."""
    return {
        "id": covenant.id,
        "version": covenant.version,
        "hash": covenant.hash.hex(),
        "sandbox": covenant.sandbox,
        "valid_from": covenant.valid_from.isoformat(),
        "valid_until": covenant.valid_until.isoformat(),
        "legal_basis": {"uri": covenant.payload.legal_basis.uri, "text": covenant.payload.legal_basis.text},
        "board": {
            "keys": [key.hex() for key in covenant.payload.board_keys],
            "threshold": covenant.payload.board_threshold,
        },
        "index": {
            "id": covenant.index.id,
            "name": covenant.payload.index.name,
            "log_key": covenant.log_key.public_key.hex(),
            "log_verifier": covenant.log_key.vkey,
        },
        "witness_threshold": covenant.witness_threshold,
        "witnesses": [
            {"id": each.id, "name": each.name, "key": each.key.public_key.hex(), "verifier": each.key.vkey}
            for each in covenant.witnesses.values()
        ],
        "key_threshold": covenant.key_threshold,
        "key_holders": [
            {
                "id": each.id,
                "name": each.name,
                "share_number": each.share_number,
                "signing_key": each.signing_key.public_key.hex(),
            }
            for each in covenant.key_holders.values()
        ],
        "members": [
            {
                "id": each.id,
                "name": each.name,
                "kind": each.kind,
                "quota": {
                    namespace: {"declared": quota.declared, "first_load": quota.first_load, "daily": quota.daily}
                    for namespace, quota in each.quotas.items()
                },
            }
            for each in covenant.members.values()
        ],
        "epochs": [
            {
                "number": each.number,
                "valid_from": each.valid_from.isoformat(),
                "valid_until": each.valid_until.isoformat(),
                "keys": {namespace: key.public_key.hex() for namespace, key in each.keys.items()},
            }
            for each in covenant.epochs.values()
        ],
        "rules": {
            "retention_months": covenant.retention_months,
            "adult_clients": covenant.adult_clients,
            "household_limit": covenant.household_limit,
            "mixing_minutes": covenant.mixing_minutes,
            "relations": {kind: sorted(relations) for kind, relations in covenant.relations.items()},
            "direct": sorted(sorted(pair) if len(pair) == 2 else [*pair, *pair] for pair in covenant.direct),
            "follow_up": asdict(covenant.follow_up),
            "archive_months": covenant.archive_months,
        },
        # In the covenant's order: the first that serves both sides counts.
        "coordination": [{"coordinator": each.coordinator, "kinds": sorted(each.kinds)} for each in covenant.coordination],
    }


def _print(described: dict[str, Any], place: str = "") -> None:
    """One line per value, with its place in the covenant, so that two versions can be compared line by line."""
    for key, value in described.items():
        if isinstance(value, dict):
            _print(value, f"{place}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item, each in enumerate(value):
                _print(each, f"{place}{key}[{each.get('id', item)}].")
        elif isinstance(value, list):
            click.echo(f"{place}{key} = {', '.join('-'.join(each) if isinstance(each, list) else each for each in value)}")
        else:
            click.echo(f"{place}{key} = {value}")


def _numbers(covenant: Covenant) -> str:
    return f"{len(covenant.members)} members, {len(covenant.key_holders)} key holders, {len(covenant.epochs)} epochs"


def _say(message: str) -> None:
    command.say(PROGRAM, message)


def _say_all(*sentences: Iterable[str]) -> None:
    for each in chain.from_iterable(sentences):
        _say(each)
