"""`index`: the operator's database, or a backup of it, against the log that the officer trusts."""

import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from raakvlak_audit import holdings
from raakvlak_audit.database import read_only
from raakvlak_audit.live import LiveLog
from raakvlak_audit.officer import Officer
from raakvlak_audit.output import PROGRAM, Output, reporting
from raakvlak_audit.report import Check, Figure, Report, Subject, Table, Verdict
from raakvlak_audit.rows import Delivery, Findings, Row, RowCheck, check_matches
from raakvlak_audit.sentences import index as words
from raakvlak_audit.source import opened
from raakvlak_audit.wording import Cell, Said
from raakvlak_protocol import merkle
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.entry import Kind
from raakvlak_protocol.errors import Evidence, RaakvlakError
from raakvlak_protocol.letter import SIZES
from raakvlak_protocol.party import command
from raakvlak_protocol.term import month_of
from raakvlak_protocol.tile import TiledLog

SUSPENDED_AFTER_DAYS: Final = 30
FORGOTTEN_AFTER_DAYS: Final = 90
LETTER_DAYS: Final = 30
SWEEP_DAYS: Final = 1
"""The index removes once an hour: what is due may stand for that long."""
STEP: Final = 10_000
"""Rows or leaves between two looks at the progress bar."""
_LABEL: Final = f"{PROGRAM}: reading the database"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_LEAVES: Final = "SELECT position, entry FROM leaf ORDER BY position"
_ROWS: Final = """
SELECT digest, coalesce(member.id, ''), epoch, removal_month, visibility, position, salt FROM row
LEFT JOIN member ON member.number = row.member ORDER BY digest, row.member
"""
_DELIVERIES: Final = """
SELECT digest, coalesce(low.id, ''), coalesce(high.id, '') FROM delivery
LEFT JOIN member AS low ON low.number = lower LEFT JOIN member AS high ON high.number = higher ORDER BY digest
"""

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Silence:
    """A member as the database knows it."""

    days: int
    replay_needed: bool

    @property
    def waits(self) -> bool:
        """Whether matches of it may still have to begin."""
        return self.replay_needed or self.days > SUSPENDED_AFTER_DAYS


@click.command()
@command.in_folder
@click.argument("database", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--backup", is_flag=True, help="The database is a backup: it may end before the log that you trust.")
@click.option("--from-folder", type=click.Path(path_type=Path, file_okay=False), help="Read the log from a copy of its folder.")
@reporting
def index(path: Path, database: Path, backup: bool, from_folder: Path | None, out: Output) -> None:
    """Check the operator's database, or a backup of it, against the log; read-only.

    Tables and columns, the log itself, every row, terms, matches, letters, silent members.
    """
    officer, now = Officer(path), datetime.now(UTC)
    covenant = officer.covenant(now)
    trusted = officer.trusted(covenant)

    with read_only(database) as connection, ExitStack() as stack:

        def log_at(size: int) -> TiledLog:
            source = stack.enter_context(opened(covenant, officer.settings().log, from_folder))
            return TiledLog(source.fetch, size)

        bar = stack.enter_context(click.progressbar(length=max(1, _count(connection)), label=_LABEL, file=sys.stderr))
        report = examine(connection, covenant, trusted, now, str(database), backup=backup, log_at=log_at, progress=bar.update)
    out.show(report)


def examine(
    connection: sqlite3.Connection,
    covenant: Covenant,
    trusted: Checkpoint | None,
    now: datetime,
    name: str,
    *,
    backup: bool = False,
    log_at: Callable[[int], TiledLog],
    progress: Progress = lambda count: None,
) -> Report:
    """The report on a database. A backup is judged by the day on which it was made. `log_at` reads the published log, and
    is asked only where a backup ends before what is trusted."""
    connection.execute("BEGIN")  # one moment of a store that an index may be writing to
    with closing(connection.execute("PRAGMA user_version")) as found:
        day = int(found.fetchone()[0])
    then = min(now, EPOCH + timedelta(days=day)) if day else now
    holding, usable = _holdings(connection)
    checks = [holding]
    details: list[tuple[Said, Cell]] = [(words.DATABASE(), name)]
    if day:
        details.append((words.BACKUP_OF(), then.date()))
    if trusted is not None:
        details.append((words.TRUSTED(), trusted.size))
    figures: tuple[Figure, ...] = ()
    if usable:
        log = LiveLog()
        checks.append(_log(connection, log, covenant, trusted, backup, log_at, progress))
        more, figures = _rows(connection, log, covenant, then, progress)
        checks += more
        checks += [_letters(connection, then)]
    limits = (words.NOT_INVENTED(), words.NOT_ONLY_COPY(), words.NOT_PERSONS())
    return Report("index", words.TITLE(), Subject.of(covenant, *details), now, tuple(checks), limits, figures)


def _holdings(connection: sqlite3.Connection) -> tuple[Check, bool]:
    found = list(holdings.strangers(connection))
    usable = not any(each.what in ("missing", "type") for each in found)
    if usable:
        found += holdings.misfits(connection)
    said = tuple(map(_stranger, found))
    columns = sum(map(len, holdings.ALLOWED.values()))
    usable = usable and not any(each.what == "value" and each.table != "event" for each in found)
    return (
        Check(
            "holdings",
            words.HOLDINGS_NAME(),
            words.HOLDINGS_HOW(),
            Verdict.WRONG if said else Verdict.OK,
            (said or (words.HOLDINGS_FOUND(tables=len(holdings.ALLOWED), columns=columns),))
            + (() if usable else (words.NOT_CHECKED(),)),
        ),
        usable,
    )


def _stranger(found: holdings.Stranger) -> Said:
    if found.what == "value":
        return words.MISFIT(count=found.count, table=found.table, column=found.column)
    if found.what == "missing":
        if found.column:
            return words.MISSING_COLUMN(table=found.table, column=found.column)
        return words.MISSING_TABLE(table=found.table)
    if found.column:
        return words.STRANGE_COLUMN[found.what](table=found.table, column=found.column)
    return words.STRANGER[found.what](table=found.table)


# --- the log ----------------------------------------------------------------------------------------------------------


def _log(
    connection: sqlite3.Connection,
    log: LiveLog,
    covenant: Covenant,
    trusted: Checkpoint | None,
    backup: bool,
    log_at: Callable[[int], TiledLog],
    progress: Progress,
) -> Check:
    stop = trusted.size if trusted else 0
    root, gap = _read_leaves(connection, log, stop, progress)
    if gap is not None:
        verdict, found = Verdict.WRONG, [words.LOG_GAP(position=gap)]
    elif trusted is None:
        verdict, found = Verdict.UNKNOWN, [words.LOG_UNTRUSTED()]
    elif log.size < trusted.size:
        verdict, found = _shorter(log, trusted, log_at) if backup else (Verdict.WRONG, [_behind(log, trusted)])
    elif root != trusted.root:
        verdict, found = Verdict.WRONG, [words.LOG_OTHER(size=trusted.size)]
    else:
        newer = log.size - trusted.size
        verdict = Verdict.NOTE if newer else Verdict.OK
        found = [words.LOG_SAME(size=trusted.size), *([words.LOG_NEWER(count=newer)] if newer else [])]
    wrong = [words.LOG_ENTRY(position=position, what=what) for position, what in log.problems]
    wrong += [words.LOG_COVENANT(version=version) for version in _other_covenants(log, covenant)]
    verdict = Verdict.WRONG if wrong else verdict
    return Check("log", words.LOG_NAME(), words.LOG_HOW(), verdict, (*found, *wrong[:20]))


def _behind(log: LiveLog, trusted: Checkpoint) -> Said:
    return words.LOG_BEHIND(size=log.size, trusted=trusted.size)


def _shorter(log: LiveLog, trusted: Checkpoint, log_at: Callable[[int], TiledLog]) -> tuple[Verdict, list[Said]]:
    """A backup that ends before what is trusted: only the published log can tell whether it is its beginning."""
    try:
        proof = log_at(trusted.size).tree.consistency_proof(log.size)
        merkle.verify_consistency(log.size, log.root(log.size), trusted.size, trusted.root, proof)
    except Evidence:
        return Verdict.WRONG, [words.LOG_OTHER(size=log.size)]
    except RaakvlakError as error:
        return Verdict.UNKNOWN, [words.LOG_UNPROVEN(size=log.size, trusted=trusted.size, why=error.message)]
    return Verdict.OK, [words.LOG_OLDER(size=log.size, trusted=trusted.size)]


def _read_leaves(connection: sqlite3.Connection, log: LiveLog, stop: int, progress: Progress) -> tuple[bytes, int | None]:
    """The root at `stop`, where the log comes so far, and the first missing position, if any."""
    root = log.root(0) if not stop else b""
    for position, leaf in connection.execute(_LEAVES):
        if position != log.size:
            return root, log.size
        log.take([leaf])
        if log.size == stop:
            root = log.root(stop)
        if log.size % STEP == 0:
            progress(STEP)
    return root, None


def _other_covenants(log: LiveLog, covenant: Covenant) -> Iterator[int]:
    for _, found in log.others:
        if found.kind is Kind.COVENANT and found.number == covenant.version and found.hash != covenant.hash:
            yield found.number


# --- rows and matches -------------------------------------------------------------------------------------------------


def _rows(
    connection: sqlite3.Connection, log: LiveLog, covenant: Covenant, then: datetime, progress: Progress
) -> tuple[list[Check], tuple[Figure, ...]]:
    month = month_of(then - timedelta(days=SWEEP_DAYS))
    judged = RowCheck(log, month, covenant.retention_months + 1)
    silences = _silences(connection, then)
    matches = Findings()

    def rows() -> Iterator[Row]:
        for count, found in enumerate(connection.execute(_ROWS), 1):
            row = Row(*found)
            judged.take(row)
            yield row
            if count % STEP == 0:
                progress(STEP)

    def direct(one: str, other: str) -> bool:
        kinds = [covenant.members[each].kind for each in (one, other) if each in covenant.members]
        return len(kinds) == 2 and covenant.direct_for(*kinds)

    def waits(member: str) -> bool:
        return member not in silences or silences[member].waits

    deliveries = (Delivery(*found) for found in connection.execute(_DELIVERIES))
    counts = check_matches(rows(), deliveries, month=month_of(then), direct=direct, waits=waits, findings=matches)
    missing = list(judged.unclaimed())
    total = judged.rows.total()
    checks = [
        _opening(judged, missing, log),
        _terms(judged, covenant),
        _matches(matches, counts["told"], counts["wait"]),
        _members(judged, silences, covenant),
    ]
    return checks, (Figure("rows", words.ROWS(), total),)


def _opening(judged: RowCheck, missing: list[int], log: LiveLog) -> Check:
    kinds = ("no_leaf", "removed", "twice", "not_opened")
    wrong = [words.NO_ROW(position=position) for position in missing[:20]]
    if len(missing) > 20:
        wrong.append(words.MORE(count=len(missing)))
    wrong += _wrong_rows(judged.findings, kinds)
    found = wrong or [words.ROWS_FOUND(rows=judged.rows.total(), live=log.live)]
    return Check("rows", words.ROWS_NAME(), words.ROWS_HOW(), _verdict(wrong), tuple(found))


def _terms(judged: RowCheck, covenant: Covenant) -> Check:
    wrong = _wrong_rows(judged.findings, ("overdue", "too_long"))
    how = words.TERMS_HOW(months=covenant.retention_months)
    return Check("terms", words.TERMS_NAME(), how, _verdict(wrong), tuple(wrong) or (words.TERMS_FOUND(),))


def _wrong_rows(findings: Findings, kinds: Iterable[str]) -> list[Said]:
    said: list[Said] = []
    for kind in kinds:
        named = findings.only(kind)
        said += [words.WRONG_ROW[kind](member=each.members[0] or "?", position=max(0, each.position)) for each in named]
        if findings.counts[kind] > len(named):
            said.append(words.MORE(count=findings.counts[kind]))
    return said


def _matches(findings: Findings, told: int, wait: int) -> Check:
    wrong: list[Said] = []
    for kind, sentence in words.WRONG_MATCH.items():
        named = findings.only(kind)
        wrong += [sentence(one=each.members[0] or "?", other=each.members[1] or "?") for each in named]
        if findings.counts[kind] > len(named):
            wrong.append(words.MORE(count=findings.counts[kind]))
    found = wrong or [words.MATCHES_FOUND(told=told)]
    if wait:
        found = [*found, words.MATCHES_WAIT(count=wait)]
    return Check("matches", words.MATCHES_NAME(), words.MATCHES_HOW(), _verdict(wrong), tuple(found))


# --- letters and members ----------------------------------------------------------------------------------------------


def _letters(connection: sqlite3.Connection, then: datetime) -> Check:
    today = (then - EPOCH).days
    sizes = ", ".join(map(str, sorted(SIZES)))
    count, late, odd = connection.execute(
        "SELECT count(*), coalesce(sum(posted < ? OR posted > ?), 0), "  # noqa: S608
        f"coalesce(sum(length(content) NOT IN ({sizes})), 0) FROM event WHERE kind = 3",
        (today - LETTER_DAYS - SWEEP_DAYS, today + SWEEP_DAYS),
    ).fetchone()
    wrong = [words.LETTERS_LATE(count=late, days=LETTER_DAYS)] if late else []
    wrong += [words.LETTERS_SIZE(count=odd)] if odd else []
    how = words.LETTERS_HOW(days=LETTER_DAYS, sizes=len(SIZES))
    return Check("letters", words.LETTERS_NAME(), how, _verdict(wrong), tuple(wrong) or (words.LETTERS_FOUND(count=count),))


def _silences(connection: sqlite3.Connection, then: datetime) -> dict[str, Silence]:
    today = (then - EPOCH).days
    return {
        id: Silence(max(0, today - last), bool(replay))
        for id, last, replay in connection.execute("SELECT id, last_seen, replay_needed FROM member")
    }


def _members(judged: RowCheck, silences: dict[str, Silence], covenant: Covenant) -> Check:
    wrong, note = [], []
    rows: list[tuple[Cell, ...]] = []
    for member, count in sorted(judged.rows.items()):
        days = silences[member].days if member in silences else 0
        rows.append((member or "?", count, days))
        if member not in covenant.members:
            wrong.append(words.MEMBER_UNKNOWN(member=member or "?", rows=count))
        elif days > FORGOTTEN_AFTER_DAYS + SWEEP_DAYS:
            wrong.append(words.MEMBER_FORGOTTEN(member=member, days=days, rows=count))
        elif days > SUSPENDED_AFTER_DAYS:
            note.append(words.MEMBER_SILENT(member=member, days=days, rows=count))
    verdict = Verdict.WRONG if wrong else Verdict.NOTE if note else Verdict.OK
    how = words.MEMBERS_HOW(suspended=SUSPENDED_AFTER_DAYS, forgotten=FORGOTTEN_AFTER_DAYS)
    found = tuple(wrong + note) or (words.MEMBERS_FOUND(count=len(rows)),)
    table = Table((words.MEMBER(), words.ROWS(), words.SILENT_DAYS()), tuple(rows))
    return Check("members", words.MEMBERS_NAME(), how, verdict, found, (table,))


def _count(connection: sqlite3.Connection) -> int:
    """What there is to read, for the progress bar; 0 where the tables are not as expected."""
    try:
        return int(connection.execute("SELECT (SELECT count(*) FROM leaf) + (SELECT count(*) FROM row)").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def _verdict(wrong: Iterable[Said]) -> Verdict:
    return Verdict.WRONG if any(True for _ in wrong) else Verdict.OK
