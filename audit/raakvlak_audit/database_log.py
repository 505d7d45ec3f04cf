"""The log in a database against the log that the officer trusts, and what is newer against what the log has published.

The entries in a database are its operator's. Up to the trusted checkpoint they are held against that; from there on
against the newest checkpoint that the log shows to everybody, and what is newer than that too is believed in nothing: an
operator could write a removal, or the entry of a row that it slipped in, into its own copy alone.

    another entry, gaps, two histories, an old copy     WRONG
    entries that no checkpoint covers, no log to ask    UNKNOWN
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

from raakvlak_audit.live import LiveLog
from raakvlak_audit.report import Check, Verdict
from raakvlak_audit.sentences import index as words
from raakvlak_audit.source import NEWEST, Source, tiles
from raakvlak_audit.wording import Said
from raakvlak_protocol import follow, merkle, tile
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.entry import Kind
from raakvlak_protocol.errors import Evidence, Malformed, RaakvlakError
from raakvlak_protocol.follow import Signed

STEP: Final = 10_000
"""Rows or leaves between two looks at the progress bar."""
_LEAVES: Final = "SELECT position, entry FROM leaf ORDER BY position"

Judged = tuple[Verdict, list[Said]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the officer holds against the database. `log` opens the published log, and is called only where it is needed."""

    covenant: Covenant
    trusted: Signed | None
    log: Callable[[], Source]
    backup: bool


def check(connection: sqlite3.Connection, log: LiveLog, asked: Asked, progress: Callable[[int], None]) -> Check:
    """Reads all leaves into `log` and judges them."""
    trusted = asked.trusted
    end = int(connection.execute("SELECT count(*) FROM leaf").fetchone()[0])
    newest = _newest(asked, trusted) if trusted is not None and end > trusted.size else None
    sizes = {each.size for each in (trusted, newest) if isinstance(each, Signed)} | {end}
    roots, gap = _read(connection, log, sizes, progress)
    if gap is not None:
        verdict, found = Verdict.WRONG, [words.LOG_GAP(position=gap)]
    elif trusted is None:
        verdict, found = Verdict.UNKNOWN, [words.LOG_UNTRUSTED()]
    elif log.size < trusted.size:
        verdict, found = _shorter(log.size, roots, trusted, asked)
    elif roots[trusted.size] != trusted.checkpoint.root:
        verdict, found = Verdict.WRONG, [words.LOG_OTHER(size=trusted.size)]
    elif newest is None:
        verdict, found = Verdict.OK, [words.LOG_SAME(size=trusted.size)]
    else:
        verdict, found = _newer(log.size, roots, trusted, newest, asked)
        found = [words.LOG_SAME(size=trusted.size), *found]
    wrong = [words.LOG_ENTRY(position=position, what=what) for position, what in log.problems]
    wrong += [words.LOG_COVENANT(version=version) for version in _other_covenants(log, asked.covenant)]
    verdict = Verdict.WRONG if wrong else verdict
    return Check("log", words.LOG_NAME(), words.LOG_HOW(), verdict, (*found, *wrong[:20]))


def _newest(asked: Asked, trusted: Signed) -> Signed | RaakvlakError:
    """The newest checkpoint that the log shows, verified to go on from the trusted one; or why there is none."""
    try:
        source = asked.log()
        newest = follow.read(asked.covenant, source.fetch(NEWEST))
        if newest.size < trusted.size:
            raise follow.Behind(f"the log shows {newest.size} entries")
        log = tiles(source, newest.size)
        follow.demand_tiles(log, newest)
        follow.demand_beginning(trusted, newest, log, asked.covenant)
    except RaakvlakError as error:
        return error
    return newest


def _newer(end: int, roots: dict[int, bytes], trusted: Signed, newest: Signed | RaakvlakError, asked: Asked) -> Judged:
    """The entries behind the trusted ones, held against the newest checkpoint."""
    if isinstance(newest, Evidence | Malformed):
        return Verdict.WRONG, [words.LOG_PUBLISHED_WRONG(why=newest.message)]
    if isinstance(newest, RaakvlakError):
        return Verdict.UNKNOWN, [words.LOG_NEWER(count=end - trusted.size, why=newest.message)]
    size = min(end, newest.size)
    try:
        root = newest.checkpoint.root if size == newest.size else _beginning(size, newest, asked)
    except RaakvlakError as error:
        return Verdict.UNKNOWN, [words.LOG_NEWER(count=end - trusted.size, why=error.message)]
    if roots[size] != root:
        return Verdict.WRONG, [words.LOG_NOT_PUBLISHED(size=size)]
    found = [words.LOG_SIGNED(count=size - trusted.size, size=newest.size, root=newest.checkpoint.root.hex())]
    if size == end:
        return Verdict.OK, found
    return Verdict.UNKNOWN, [*(found if size > trusted.size else []), words.LOG_BEYOND(count=end - size)]


def _beginning(size: int, newest: Signed, asked: Asked) -> bytes:
    return tile.verified_root(tiles(asked.log(), newest.size), size, newest.checkpoint.root)


def _shorter(end: int, roots: dict[int, bytes], trusted: Signed, asked: Asked) -> Judged:
    """A database that ends before what is trusted: allowed for a backup, of which only the published log can tell whether
    it is the beginning."""
    if not asked.backup:
        return Verdict.WRONG, [words.LOG_BEHIND(size=end, trusted=trusted.size)]
    try:
        proof = tiles(asked.log(), trusted.size).tree.consistency_proof(end)
        merkle.verify_consistency(end, roots[end], trusted.size, trusted.checkpoint.root, proof)
    except Evidence:
        return Verdict.WRONG, [words.LOG_OTHER(size=end)]
    except RaakvlakError as error:
        return Verdict.UNKNOWN, [words.LOG_UNPROVEN(size=end, trusted=trusted.size, why=error.message)]
    return Verdict.OK, [words.LOG_OLDER(size=end, trusted=trusted.size)]


def _read(
    connection: sqlite3.Connection, log: LiveLog, sizes: Collection[int], progress: Callable[[int], None]
) -> tuple[dict[int, bytes], int | None]:
    """The root at each of these sizes to which the log comes, and the first missing position, if any."""
    roots = {0: log.root(0)}
    for position, leaf in connection.execute(_LEAVES):
        if position != log.size:
            return roots, log.size
        log.take([leaf])
        if log.size in sizes:
            roots[log.size] = log.root(log.size)
        if log.size % STEP == 0:
            progress(STEP)
    return roots, None


def _other_covenants(log: LiveLog, covenant: Covenant) -> Iterator[int]:
    for _, found in log.others:
        if found.kind is Kind.COVENANT and found.number == covenant.version and found.hash != covenant.hash:
            yield found.number
