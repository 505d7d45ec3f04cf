"""`quota`: what each member could ask the key holders, and whether it published more than it asked."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from raakvlak_audit import quota_checks as rules
from raakvlak_audit.database import backup_day, live_rows, read_only
from raakvlak_audit.officer import Officer
from raakvlak_audit.output import Output, progress, reporting
from raakvlak_audit.quota import Account, Count, Stated
from raakvlak_audit.quota_checks import File, Logged
from raakvlak_audit.report import Report, Subject
from raakvlak_audit.sentences import quota as words
from raakvlak_audit.source import opened
from raakvlak_protocol import checkpoint as checkpoints
from raakvlak_protocol import entry, note, statement
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.covenant import Covenant, Quota
from raakvlak_protocol.encoding import parse
from raakvlak_protocol.errors import Malformed, RaakvlakError, Refused
from raakvlak_protocol.party import command
from raakvlak_protocol.tile import TiledLog, verified_entries
from raakvlak_protocol.v1 import covenant_pb2 as pb

_Folder = click.Path(path_type=Path, exists=True, file_okay=False)
_Existing = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@command.in_folder
@click.option(
    "--statements", "folder", required=True, type=_Folder, help="The key holders' daily statements, all in one folder."
)
@click.option("--index", "database", type=_Existing, help="The index's database, or a backup of it; is only read.")
@click.option(
    "--copied", type=click.DateTime(["%Y-%m-%d"]), help="The day of that copy (UTC).  [default: a backup's own, else today]"
)
@click.option(
    "--together", default=3, show_default=True, type=click.IntRange(2, 100), help="Also the K largest members together."
)
@click.option("--from-folder", type=_Folder, help="Read the log from a copy of its folder.")
@click.option("--no-log", is_flag=True, help="Do not look the statements up in the log.")
@reporting
def quota(
    path: Path,
    folder: Path,
    database: Path | None,
    copied: datetime | None,
    together: int,
    from_folder: Path | None,
    no_log: bool,
    out: Output,
) -> None:
    """Hold the key holders' statements against the covenant and the index.

    Did a member publish more codes than were evaluated for it, which days stand out, and how long would it take a member
    to go through a list, or through all numbers that there are.
    """
    officer, now = Officer(path), datetime.now(UTC)
    covenant = officer.covenant(now)
    files = statements_in(folder, covenant)
    statements = [each.stated for each in files if each.stated]
    rows, day = None, now.date()
    if database is not None:
        with read_only(database) as connection:
            rows, day = live_rows(connection), backup_day(connection) or day
    logged = None if no_log else _logged(officer, covenant, from_folder)
    holders = sorted(covenant.key_holders)
    checks = (
        rules.signatures(files),
        rules.days(statements, holders, (now - timedelta(days=1)).date()),
        rules.counts(statements, _granted(officer.covenant_file.read_bytes())),
        rules.in_log(files, logged),
        rules.bound(statements, rows, covenant, copied.date() if copied else day),
        rules.bursts(statements, covenant),
    )
    figures, tables = rules.reaches(covenant, together)
    details = [(words.STATEMENTS(), str(folder))]
    details += [(words.INDEX(), str(database))] if database else []
    limits = (words.NOT_PROOF(), words.NOT_REMOVED(), words.NOT_COLLUDING(), words.NOT_WHOM(), words.NOT_EPOCHS())
    out.show(Report("quota", words.TITLE(), Subject.of(covenant, *details), now, checks, limits, figures, tables))


def statements_in(folder: Path, covenant: Covenant) -> list[File]:
    """Every file of a folder, each judged on its own."""
    return [_file(each, covenant) for each in sorted(folder.iterdir()) if each.is_file() and not each.name.startswith(".")]


def _file(path: Path, covenant: Covenant) -> File:
    """A file of the folder, judged on its own."""
    try:
        with path.open("rb") as file:
            raw = file.read(statement.MAX_STATEMENT_BYTES + 1)
    except OSError as error:
        raise Refused(f"can't read {path}: {error.strerror}") from None
    fingerprint = statement.statement_hash(raw)
    try:
        return File(path.name, fingerprint, _stated(raw, covenant))
    except RaakvlakError as error:
        return File(path.name, fingerprint, None, error.message)


def _stated(raw: bytes, covenant: Covenant) -> Stated:
    """What a key holder of the covenant has signed; raises Malformed or Evidence for anything else."""
    claimed = statement.Statement.parse(note.parse(raw, limit=statement.MAX_STATEMENT_BYTES).text).holder
    holder = next((each for each in covenant.key_holders.values() if each.signing_key.name == claimed), None)
    if holder is None:
        raise Malformed("the covenant names no such key holder")
    said = statement.verify(raw, holder.signing_key)
    counts = {Account(*account): Count(charged.day, charged.total) for account, charged in said.counts.items()}
    return Stated(holder.id, said.day, counts)


def _granted(history: bytes) -> dict[tuple[str, str], Quota]:
    """The largest quota that any version of a verified covenant file gave, by (member, namespace)."""
    found: dict[tuple[str, str], Quota] = {}
    for envelope in parse(pb.CovenantHistory, history).versions:
        for member in parse(pb.Covenant, envelope.payload).members:
            for each in member.quotas:
                old = found.get((member.id, each.namespace), Quota(0, 0, 0))
                found[member.id, each.namespace] = Quota(
                    max(old.declared, each.declared), max(old.first_load, each.first_load), max(old.daily, each.daily)
                )
    return found


def _logged(officer: Officer, covenant: Covenant, from_folder: Path | None) -> Logged | RaakvlakError | None:
    """The fingerprints of statements in the log as far as it is trusted; None where there is no log to ask.

    Every entry is verified against the trusted checkpoint. Where the log can't be reached, or shows another entry than it
    has committed to, the error is handed back, so that all the rest can still be told.
    """
    raw, address = officer.trusted_note(), officer.settings().log
    if raw is None or not (address or from_folder):
        return None
    trusted = checkpoints.verify(raw, covenant.log_key)
    try:
        hashes = _hashes(trusted, covenant, address, from_folder)
    except RaakvlakError as error:
        return error
    seen = [each for witness in covenant.witnesses.values() if (each := checkpoints.cosigned(raw, witness.key))]
    return Logged(hashes, trusted.size, max(seen).date() if seen else None)


def _hashes(trusted: Checkpoint, covenant: Covenant, address: str, from_folder: Path | None) -> frozenset[bytes]:
    with opened(covenant, address, from_folder) as source:
        entries = verified_entries(TiledLog(source.fetch, trusted.size), 0, trusted.size, trusted.root)
        with progress("reading the log", entries, trusted.size) as read:
            return frozenset(_statements(read))


def _statements(entries: Iterable[bytes]) -> Iterator[bytes]:
    for raw in entries:
        found = entry.parse(raw)
        if found.kind is entry.Kind.STATEMENT:
            yield found.hash
