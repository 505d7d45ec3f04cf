"""`node`: an organisation's account against itself, the log, the index and the key holders."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click

from raakvlak_audit import node_checks as rules
from raakvlak_audit import quota_checks
from raakvlak_audit.account import IndexRow, IndexSide, Told
from raakvlak_audit.commands.follow import from_folder
from raakvlak_audit.commands.quota import statements_in
from raakvlak_audit.database import read_only
from raakvlak_audit.follow import POSITIONS
from raakvlak_audit.officer import Officer
from raakvlak_audit.output import Output, progress, reporting
from raakvlak_audit.own_rows import Placed, place
from raakvlak_audit.positions import Positions
from raakvlak_audit.report import Check, Report, Subject
from raakvlak_audit.sentences import node as words
from raakvlak_audit.source import opened, tiles
from raakvlak_audit.wording import Cell, Said
from raakvlak_protocol import account as accounts
from raakvlak_protocol import follow, ledger
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Evidence, Malformed, RaakvlakError, Refused
from raakvlak_protocol.follow import Signed
from raakvlak_protocol.ledger import Head
from raakvlak_protocol.party import command
from raakvlak_protocol.term import month_of
from raakvlak_protocol.tile import TiledLog

_Existing = click.Path(path_type=Path, exists=True, dir_okay=False)

_ROWS = """
SELECT epoch, digest, removal_month, visibility, position, salt FROM row JOIN member ON member.number = row.member
WHERE member.id = ? AND removal_month > ?
"""
_LAST = "SELECT sequence, request_hash, day FROM last_write JOIN member ON number = last_write.member WHERE member.id = ?"


@click.command()
@command.in_folder
@click.argument("file", type=_Existing)
@click.option("--database", type=_Existing, help="The index's database, or a backup made before FILE; is only read.")
@click.option(
    "--statements",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The key holders' daily statements, all in one folder.",
)
@click.option("--earlier", type=_Existing, help="An earlier account or ledger of the same organisation.")
@from_folder
@reporting
def node(
    path: Path,
    file: Path,
    database: Path | None,
    statements: Path | None,
    earlier: Path | None,
    copy: Path | None,
    out: Output,
) -> None:
    """Check FILE, the account that an organisation made with 'raakvlak-node audit-export'.

    Is what it sent what the index logged, stands nothing else in its name, and did nothing else leave? Let it be made after the
    copy of the database. Destroy FILE afterwards.
    """
    officer, now = Officer(path), datetime.now(UTC)
    covenant = officer.covenant(now)
    details: list[tuple[Said, Cell]] = [(words.FILE(), str(file))]
    before = None if earlier is None else _earlier(earlier, covenant)
    told, wrong = _told(file, covenant, before, details)
    if told is None:
        checks: tuple[Check, ...] = (wrong,)
    else:
        side = None if database is None else _side(database, told)
        files = None if statements is None else statements_in(statements, covenant)
        stated = None if files is None else [each.stated for each in files if each.stated]
        details += [(words.DATABASE(), str(database))] if database else []
        details += [(words.STATEMENTS(), str(statements))] if statements else []
        placed, follows = _placed(officer, covenant, told, copy, details)
        checks = (
            rules.whole(told, covenant),
            rules.earlier(told, before if isinstance(before, RaakvlakError) else None),
            rules.sent(told, covenant),
            rules.log(told.rows, placed, follows=follows),
            rules.held(told, side),
            rules.cases(told),
            rules.writes(told, side),
            *(() if files is None else (quota_checks.signatures(files),)),
            rules.asked(told, stated),
            rules.kinds(told, covenant, {id for each in officer.versions(now) for id in each.witnesses}),
        )
    limits = (words.NOT_KEPT(), words.NOT_BESIDE(), words.NOT_CASES(), words.NOT_ERASED(), words.NOT_TOKEN())
    out.show(Report("node", words.TITLE(), Subject.of(covenant, *details), now, checks, limits))


# --- the account ------------------------------------------------------------------------------------------------------


def _told(
    file: Path, covenant: Covenant, earlier: Head | RaakvlakError | None, details: list[tuple[Said, Cell]]
) -> tuple[Told | None, Check]:
    """What the account tells; None with the check that says why it can't be believed."""
    told, keys = (
        Told(earlier if isinstance(earlier, Head) else None),
        {id: each.signing_key for id, each in covenant.members.items()},
    )
    try:
        with file.open("rb") as raw, progress("reading the account", _lines(raw), _count(file)) as lines:
            for part in accounts.read(lines, covenant.id, keys):
                told.take(part)
    except (Malformed, Evidence) as error:
        return None, rules.not_whole(error)
    except OSError as error:
        raise Refused(f"can't read {file}: {error.strerror}") from None
    details += [
        (words.FINGERPRINT(), _fingerprint(file)),
        (words.MEMBER(), told.whole.member),
        (words.MADE(), datetime.fromtimestamp(told.whole.made, UTC)),
    ]
    if told.head is not None:
        details.append((words.HEAD(), f"{told.head.lines} {told.head.hash.hex()}"))
    return told, rules.whole(told, covenant)


def _earlier(file: Path, covenant: Covenant) -> Head | RaakvlakError:
    """How far an earlier account, or plain export of a ledger, goes; or why it is none."""
    keys = {id: each.signing_key for id, each in covenant.members.items()}
    try:
        with file.open("rb") as raw:
            for part in accounts.read(_lines(raw), covenant.id, keys):
                if isinstance(part, ledger.Header):
                    head = part.head
        return head
    except (Malformed, Evidence) as error:
        found = error
    try:
        with file.open("rb") as raw:
            records = ledger.parse_records(_lines(raw))
            header = ledger.parse_header(next(records, {}))
            verifier = ledger.Verifier(header, covenant.id, header.member, keys.get(header.member, b""))
            for record in records:
                verifier.take(record)
            verifier.finish()
        return header.head
    except (Malformed, Evidence) as error:
        return error if isinstance(error, Evidence) else found


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; one that is too long is cut, and so refused by whoever reads it."""
    while line := file.readline(accounts.MAX_LINE_BYTES + 1):
        yield line


def _count(file: Path) -> int:
    with file.open("rb") as raw:
        return sum(1 for _ in _lines(raw))


def _fingerprint(file: Path) -> bytes:
    with file.open("rb") as raw:
        return hashlib.file_digest(raw, "sha256").digest()


# --- what it is held against ------------------------------------------------------------------------------------------


def _side(database: Path, told: Told) -> IndexSide:
    """What the operator's database has of the member."""
    member, month = told.whole.member, month_of(datetime.fromtimestamp(told.whole.made, UTC))
    with read_only(database) as connection:
        connection.execute("BEGIN")
        try:
            rows = frozenset(_rows(connection.execute(_ROWS, (member, month))))
            found = connection.execute(_LAST, (member,)).fetchone() or (0, b"", 0)
        except sqlite3.OperationalError:
            raise Malformed(f"{database} is no database of an index: check it with 'index' first") from None
    return IndexSide(rows, found[0], bytes(found[1]), rules.day_of(found[2]))


def _rows(found: Iterable[tuple[int, bytes, int, int, int, bytes]]) -> Iterator[IndexRow]:
    for epoch, digest, removal_month, visibility, position, salt in found:
        yield IndexRow(epoch, bytes(digest), removal_month, visibility, position, bytes(salt))


def _placed(
    officer: Officer, covenant: Covenant, told: Told, copy: Path | None, details: list[tuple[Said, Cell]]
) -> tuple[Placed | RaakvlakError | None, bool]:
    """How the rows stand in the log as far as it is trusted, and whether the member has seen the log."""
    follows = bool(told.whole.checkpoint)
    raw, positions = officer.trusted_note(), Positions.load(officer.path / POSITIONS)
    if raw is None or positions is None:
        return None, follows
    trusted = follow.read(covenant, raw)
    details.append((words.TRUSTED(), trusted.size))
    if positions.read < trusted.size:
        return None, follows
    try:
        with opened(covenant, officer.settings().log, copy) as source:
            log = tiles(source, trusted.size)
            seen = follow.read(covenant, told.whole.checkpoint) if follows else None
            if seen is not None:
                older, newer = sorted((seen, trusted), key=lambda each: each.size)
                follow.demand_beginning(older, newer, tiles(source, newer.size), covenant)
            return _place(told, log, trusted, positions, seen), follows
    except RaakvlakError as error:
        return error, follows


def _place(told: Told, log: TiledLog, trusted: Signed, positions: Positions, seen: Signed | None) -> Placed:
    member, root = told.whole.member, trusted.checkpoint.root
    return place(told.rows, member, log, root, positions, seen.size if seen else 0, trusted.size)
