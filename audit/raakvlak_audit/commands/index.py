"""`index`: the operator's database, or a backup of it, against the log that the officer trusts."""

import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Final

import click

from raakvlak_audit import database_log, holdings, mediated
from raakvlak_audit.database import read_only
from raakvlak_audit.database_log import STEP, Asked
from raakvlak_audit.live import LiveLog
from raakvlak_audit.mediated import MediatedCheck, Serving
from raakvlak_audit.moment import moment
from raakvlak_audit.officer import Officer
from raakvlak_audit.output import PROGRAM, Output, reporting
from raakvlak_audit.report import Check, Figure, Report, Subject, Table, Verdict
from raakvlak_audit.rows import SHOWN, Delivery, Findings, Row, RowCheck, check_matches
from raakvlak_audit.sentences import index as words
from raakvlak_audit.source import Source, opened
from raakvlak_audit.wording import Cell, Said
from raakvlak_protocol import checkpoint, follow
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.letter import SIZES
from raakvlak_protocol.party import command
from raakvlak_protocol.term import month_of

SUSPENDED_AFTER_DAYS: Final = 30
FORGOTTEN_AFTER_DAYS: Final = 90
LETTER_DAYS: Final = 30
SWEEP_DAYS: Final = 1
"""The index removes once an hour: what is due may stand for that long."""
_UNUSABLE: Final = ("missing", "type", "built", "virtual table", "view")
"""What is wrong with a database whose tables are not what they seem: nothing in it is read."""
_READ: Final = ("row", "leaf", "member", "delivery", "mediation")
"""Tables whose values the other checks read, and count on being of their type and size."""
_LABEL: Final = f"{PROGRAM}: reading the database"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

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
    covenant, note = officer.covenant(now), officer.trusted_note()
    trusted = None if note is None else follow.read(covenant, note)

    with read_only(database) as connection, ExitStack() as stack:

        @cache
        def log() -> Source:
            return stack.enter_context(opened(covenant, officer.settings().log, from_folder))

        bar = stack.enter_context(click.progressbar(length=1, label=_LABEL, file=sys.stderr))

        def progress(count: int) -> None:
            bar.length = bar.length if bar.length and bar.length > 1 else _count(connection)
            bar.update(count)

        asked = Asked(covenant, trusted, log, backup)
        report = examine(connection, asked, officer.versions(now), now, str(database), progress)
    out.show(report)


def examine(
    connection: sqlite3.Connection,
    asked: Asked,
    versions: Sequence[Covenant],
    now: datetime,
    name: str,
    progress: Progress = lambda count: None,
) -> Report:
    """The report on a database; `versions` are all of the covenant, oldest first. A backup is judged by the day on which it
    was made."""
    connection.execute("BEGIN")  # one moment of a store that an index may be writing to
    covenant, trusted = asked.covenant, asked.trusted
    found = list(holdings.strangers(connection))
    usable = not any(each.what in _UNUSABLE for each in found)
    details: list[tuple[Said, Cell]] = [(words.DATABASE(), name)]
    if trusted is not None:
        details.append((words.TRUSTED(), trusted.size))
    if not usable:
        return _report(asked, details, now, [_holdings(found, usable=False)], ())
    seen = _seen(connection, asked)
    of = moment(connection, now, backup=asked.backup, seen=seen)
    if of.day:
        details.append((words.BACKUP_OF(), of.day))
    found += holdings.misfits(connection, (of.then - EPOCH).days)
    keys = {id: each.key for version in versions for id, each in version.witnesses.items()}
    found += holdings.notes(connection, covenant.log_key, keys)
    if any(each.what == "value" and each.table in _READ for each in found):
        return _report(asked, details, now, [_holdings(found, usable=False), of.check], ())
    log = LiveLog()
    checks = [_holdings(found, usable=True), of.check, database_log.check(connection, log, asked, progress)]
    old = trusted is not None and seen is not None and of.then - seen >= timedelta(days=SWEEP_DAYS)
    settled = trusted.size if trusted is not None and old else 0
    more, figures = _rows(connection, log, versions, of.then, settled, progress)
    return _report(asked, details, now, [*checks, *more, _letters(connection, of.then)], figures)


def _report(
    asked: Asked, details: list[tuple[Said, Cell]], now: datetime, checks: list[Check], figures: tuple[Figure, ...]
) -> Report:
    limits = (words.NOT_INVENTED(), words.NOT_ONLY_COPY(), words.NOT_PERSONS())
    return Report("index", words.TITLE(), Subject.of(asked.covenant, *details), now, tuple(checks), limits, figures)


def _seen(connection: sqlite3.Connection, asked: Asked) -> datetime | None:
    """When the trusted checkpoint was cosigned, where the database goes as far as that."""
    if asked.trusted is None or connection.execute("SELECT count(*) FROM leaf").fetchone()[0] < asked.trusted.size:
        return None
    raw = asked.trusted.raw
    return max((at for each in asked.covenant.witnesses.values() if (at := checkpoint.cosigned(raw, each.key))), default=None)


def _holdings(found: Sequence[holdings.Stranger], *, usable: bool) -> Check:
    said = tuple(map(_stranger, found))
    columns = sum(map(len, holdings.ALLOWED.values()))
    return Check(
        "holdings",
        words.HOLDINGS_NAME(),
        words.HOLDINGS_HOW(),
        Verdict.WRONG if said else Verdict.OK,
        (said or (words.HOLDINGS_FOUND(tables=len(holdings.ALLOWED), columns=columns),))
        + (() if usable else (words.NOT_CHECKED(),)),
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


# --- rows and matches -------------------------------------------------------------------------------------------------


def _rows(
    connection: sqlite3.Connection,
    log: LiveLog,
    versions: Sequence[Covenant],
    then: datetime,
    settled: int,
    progress: Progress,
) -> tuple[list[Check], tuple[Figure, ...]]:
    """`settled` is the size of the log that was seen long ago; 0 where none was."""
    month = month_of(then - timedelta(days=SWEEP_DAYS))
    covenant, months = versions[-1], max(each.retention_months for each in versions)
    judged = RowCheck(log, month, months + 1)
    silences = _silences(connection, then)
    matches = Findings()

    def rows() -> Iterator[Row]:
        for count, found in enumerate(connection.execute(_ROWS), 1):
            row = Row(*found)
            judged.take(row)
            yield row
            if count % STEP == 0:
                progress(STEP)

    def once(one: str, other: str) -> bool:
        return any(_direct(each, one, other) for each in versions)

    direct = partial(_direct, covenant)

    def waits(member: str) -> bool:
        return member not in silences or silences[member].waits

    deliveries = (Delivery(*found) for found in connection.execute(_DELIVERIES))
    told = mediated.records(connection)
    before = MediatedCheck(told, Serving(versions), month=month_of(then), settled=settled, waits=waits)
    counts = check_matches(
        rows(),
        deliveries,
        month=month_of(then),
        swept=month,
        direct=direct,
        once=once,
        waits=waits,
        findings=matches,
        also=before.take,
    )
    before.finish()
    missing = list(judged.unclaimed())
    total = judged.rows.total()
    checks = [
        _opening(judged, missing, log),
        _terms(judged, months),
        _matches(matches, counts["told"], counts["wait"]),
        mediated.check(before),
        _members(judged, silences, versions, then),
    ]
    return checks, (Figure("rows", words.ROWS(), total),)


def _direct(covenant: Covenant, one: str, other: str) -> bool:
    """Whether this version lets the two see each other's matches."""
    kinds = [covenant.members[each].kind for each in (one, other) if each in covenant.members]
    return len(kinds) == 2 and covenant.direct_for(*kinds)


def _opening(judged: RowCheck, missing: list[int], log: LiveLog) -> Check:
    kinds = ("no_leaf", "removed", "twice", "not_opened")
    wrong = [words.NO_ROW(position=position) for position in missing[:20]]
    if len(missing) > 20:
        wrong.append(words.MORE(count=len(missing)))
    wrong += _wrong_rows(judged.findings, kinds)
    found = wrong or [words.ROWS_FOUND(rows=judged.rows.total(), live=log.live)]
    return Check("rows", words.ROWS_NAME(), words.ROWS_HOW(), _verdict(wrong), tuple(found))


def _terms(judged: RowCheck, months: int) -> Check:
    wrong = _wrong_rows(judged.findings, ("overdue", "too_long"))
    how = words.TERMS_HOW(months=months)
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
    verdict = _verdict(wrong)
    if wait:
        # Which members wait stands in fields that the operator can set: it alone would be believed that it left out nothing.
        verdict = Verdict.WRONG if wrong else Verdict.UNKNOWN
        members = ", ".join(sorted(findings.waiting)[:SHOWN])
        found = [*found, words.MATCHES_WAIT(count=wait, members=members)]
    return Check("matches", words.MATCHES_NAME(), words.MATCHES_HOW(), verdict, tuple(found))


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


def _members(judged: RowCheck, silences: dict[str, Silence], versions: Sequence[Covenant], then: datetime) -> Check:
    wrong, note = [], []
    covenant, left = versions[-1], _left(versions)
    rows: list[tuple[Cell, ...]] = []
    for member, count in sorted(judged.rows.items()):
        days = silences[member].days if member in silences else 0
        rows.append((member or "?", count, days))
        if member in left and (then - left[member]).days <= FORGOTTEN_AFTER_DAYS + SWEEP_DAYS:
            note.append(words.MEMBER_LEFT(member=member, rows=count, day=left[member].date()))
        elif member not in covenant.members:
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


def _left(versions: Sequence[Covenant]) -> dict[str, datetime]:
    """Members that the covenant has no longer, and from when."""
    left: dict[str, datetime] = {}
    for before, after in pairwise(versions):
        left |= dict.fromkeys(before.members.keys() - after.members.keys(), after.valid_from)
    return {member: day for member, day in left.items() if member not in versions[-1].members}


def _count(connection: sqlite3.Connection) -> int:
    """What there is to read, for the progress bar; asked only once the tables were found as agreed."""
    return int(connection.execute("SELECT (SELECT count(*) FROM leaf) + (SELECT count(*) FROM row)").fetchone()[0])


def _verdict(wrong: Iterable[Said]) -> Verdict:
    return Verdict.WRONG if any(True for _ in wrong) else Verdict.OK
