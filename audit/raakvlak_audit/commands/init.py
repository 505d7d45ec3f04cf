"""`init`, `witness-key` and `covenant`: what the officer trusts, by fingerprints that came another way."""

import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path

import click
import nacl.utils
from nacl.bindings import crypto_sign_seed_keypair

from raakvlak_audit import covenant_checks
from raakvlak_audit.officer import Officer, Settings, witness_entry
from raakvlak_audit.output import Output, reporting
from raakvlak_audit.report import Check, Report, Subject, Verdict
from raakvlak_audit.sentences import init as words
from raakvlak_protocol import checkpoint as checkpoints
from raakvlak_protocol import covenant as covenants
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.encoding import parse
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identity import checked_id
from raakvlak_protocol.party import command, sealed
from raakvlak_protocol.party.membership import parse_pin
from raakvlak_protocol.party.web import Site
from raakvlak_protocol.v1 import covenant_pb2 as pb

_Existing = click.Path(path_type=Path, exists=True, dir_okay=False)
_folder = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
_key_file = click.option(
    "--key-file", type=click.Path(path_type=Path, dir_okay=False), help="Opens the witness's key; made if missing."
)


@click.command("witness-key")
@_folder
@click.option("--covenant-id", required=True, help="The covenant's id.")
@click.option("--witness", required=True, metavar="ID", help="The witness's id in the covenant.")
@click.option("--name", required=True, help="Who the witness is, for reports.")
@click.option(
    "--key-file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Opens the key; made if missing. Keep it elsewhere.",
)
def witness_key(folder: Path, covenant_id: str, witness: str, name: str, key_file: Path) -> None:
    """Make a witness's key in FOLDER, sealed; print its entry for the covenant. Run again it prints the same."""
    checked_id(covenant_id, "covenant")
    seed = Officer(folder).new_witness_seed(covenant_id, checked_id(witness), key_file, nacl.utils.random)
    click.echo(witness_entry(witness, name, seed), nl=False)


@click.command()
@_folder
@click.option("--covenant", "covenant_file", required=True, type=_Existing, help="The covenant file.")
@click.option("--pin", required=True, metavar="HEX", help="Hash of its first version, given out of band.")
@click.option("--log", default="", metavar="HOST:PORT", help="Where the index shows its log.")
@click.option("--checkpoint", "checkpoint_file", type=_Existing, help="A first checkpoint to trust.")
@click.option("--checkpoint-hash", metavar="HEX", help="SHA-256 of its text, given out of band.")
@click.option("--witness", default="", metavar="ID", help="Also cosign, as this witness of the covenant.")
@click.option("--name", default="", help="With --witness: who the witness is, where its key has to be made.")
@_key_file
@reporting
def init(
    folder: Path,
    covenant_file: Path,
    pin: str,
    log: str,
    checkpoint_file: Path | None,
    checkpoint_hash: str | None,
    witness: str,
    name: str,
    key_file: Path | None,
    out: Output,
) -> None:
    """Make an officer's FOLDER: pin the covenant, and a first checkpoint of the log.

    Both fingerprints must come to you by another way than the files: on paper, by telephone. Without a checkpoint your
    trust begins at the empty log.
    """
    if (checkpoint_file is None) != (checkpoint_hash is None):
        raise click.UsageError("--checkpoint and --checkpoint-hash go together")
    if bool(witness) != (key_file is not None):
        raise click.UsageError("--witness and --key-file go together")
    officer, now = Officer(folder), datetime.now(UTC)
    if officer.exists:
        raise Refused(f"{folder} is an officer's folder already: what it trusts would be forgotten; choose another one")
    # As a person may have written it down.
    history, pinned = covenant_file.read_bytes(), parse_pin(pin.strip().lower())
    covenant = covenants.verify(history, pinned, now)
    if log:
        Site(log, covenant.index, covenant.roots_pem).close()  # refuses an address that is none, before anything is made
    note, checkpoint = None, None
    if checkpoint_file is not None and checkpoint_hash is not None:
        note = checkpoint_file.read_bytes()
        checkpoint = _pinned_checkpoint(note, checkpoint_hash, covenant)
    checks = [_covenant_check(covenant), *covenant_checks.checks(covenant), _checkpoint_check(checkpoint)]
    entry = ""
    if key_file is not None:
        check, entry = _witness(officer, covenant, checked_id(witness), name, key_file)
        checks.append(check)
    officer.create(Settings(covenant.id, log, witness, key_file), history, pinned, note)
    if entry and not out.as_json:
        click.echo(entry)
    details = [(words.COVENANT_FILE(), str(covenant_file))]
    details += [(words.CHECKPOINT_FILE(), str(checkpoint_file))] if checkpoint_file else []
    details += [(words.LOG(), log)] if log else []
    limits = (words.NOT_HASH(), words.NOT_DESERVED())
    out.show(Report("init", words.TITLE(), Subject.of(covenant, *details), now, tuple(checks), limits))


@click.command()
@click.argument("file", type=_Existing)
@command.in_folder
@reporting
def covenant(file: Path, path: Path, out: Output) -> None:
    """Take a newer covenant FILE, after verifying it from the version that was pinned; tell what it says of following up."""
    officer, now = Officer(path), datetime.now(UTC)
    officer.settings()
    history = file.read_bytes()
    held = covenants.newest_version(officer.covenant_file.read_bytes())
    before = _members(officer.covenant_file.read_bytes())
    taken = officer.take_covenant(history, now)
    found = [words.NEWER_FOUND(before=held, after=taken.version)]
    joined, left = sorted(taken.members.keys() - before), sorted(before - taken.members.keys())
    found += [words.JOINED(members=", ".join(joined))] if joined else []
    found += [words.LEFT(members=", ".join(left))] if left else []
    check = Check("succession", words.NEWER(), words.NEWER_HOW(), Verdict.OK, tuple(found))
    subject = Subject.of(taken, (words.COVENANT_FILE(), str(file)))
    out.show(
        Report(
            "covenant", words.TITLE_COVENANT(), subject, now, (check, *covenant_checks.checks(taken)), (words.NOT_DESERVED(),)
        )
    )


def _pinned_checkpoint(note: bytes, fingerprint: str, covenant: Covenant) -> Checkpoint:
    checkpoint = checkpoints.verify(note, covenant.log_key)
    if not hmac.compare_digest(hashlib.sha256(checkpoint.text.encode()).digest(), parse_pin(fingerprint.strip().lower())):
        raise Refused(
            "this is not the checkpoint whose hash was given: trusting it would mean trusting whoever gave the file; "
            "ask for the hash again by another way"
        )
    return checkpoint


def _covenant_check(covenant: Covenant) -> Check:
    found = (
        words.PIN_FOUND(covenant=covenant.id, version=covenant.version, until=covenant.valid_until.date()),
        words.PARTIES(members=len(covenant.members), holders=len(covenant.key_holders), threshold=covenant.key_threshold),
    )
    return Check("covenant_pinned", words.PIN(), words.PIN_HOW(), Verdict.OK, found)


def _checkpoint_check(checkpoint: Checkpoint | None) -> Check:
    if checkpoint is None:
        verdict, found = Verdict.NOTE, words.CHECKPOINT_NONE()
    else:
        verdict, found = Verdict.OK, words.CHECKPOINT_FOUND(size=checkpoint.size)
    return Check("checkpoint_pinned", words.CHECKPOINT(), words.CHECKPOINT_HOW(), verdict, (found,))


def _witness(officer: Officer, covenant: Covenant, witness: str, name: str, key_file: Path) -> tuple[Check, str]:
    """The check, and the entry for the board where the covenant does not name the witness yet."""
    seed = officer.new_witness_seed(covenant.id, witness, key_file, nacl.utils.random)
    named = covenant.witnesses.get(witness)
    how = words.WITNESS_HOW(witness=witness)
    if named is None:
        entry = witness_entry(witness, name or witness, seed)
        file = officer.path / "entry.toml"
        sealed.replace(file, entry.encode())
        found = words.WITNESS_NOT_NAMED(file=str(file))
        return Check("witness_named", words.WITNESS(), how, Verdict.NOTE, (found,)), entry
    if named.key.public_key != crypto_sign_seed_keypair(seed.reveal())[0]:
        raise Refused(
            f"the covenant names another key for witness {witness} than this folder has: nobody would count what it signs; "
            "use the folder in which the key was made, or give the board this one's entry ('witness-key' prints it)"
        )
    return Check("witness_named", words.WITNESS(), how, Verdict.OK, (words.WITNESS_NAMED(),)), ""


def _members(history: bytes) -> set[str]:
    """The ids of the members in the newest version of a file that was verified before."""
    newest = parse(pb.CovenantHistory, history).versions[-1]
    return {member.id for member in parse(pb.Covenant, newest.payload).members}
