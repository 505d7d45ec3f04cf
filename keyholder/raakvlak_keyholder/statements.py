"""The daily statements: made once a day has ended, kept as files, their hashes handed in to the log.

A statement is one file, `statements/<day>.note`, that is never written twice with different bytes: an officer may have
it, and its hash stands in the log. The file is made durable before the store closes the day. If we were to crash in
between, the same counts give the same bytes again (Ed25519 is deterministic). Counts that give others were set back, by
an old backup or by hand, and with them the quotas: then nothing is stated, and `serve` does not start.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Final

from raakvlak_keyholder.daybook import Counts, Stated
from raakvlak_keyholder.quota import Account, day_of
from raakvlak_keyholder.store import Store
from raakvlak_protocol import statement
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import RaakvlakError, Refused, Unavailable
from raakvlak_protocol.note import NoteKey
from raakvlak_protocol.party import sealed
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.party.serving import Stop
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.statement import Statement

SETTLED: Final = timedelta(minutes=10)
"""So long after midnight a day is closed: whatever was asked before has been charged by then."""
LOOK_SECONDS: Final = 60.0
"""How often a serving key holder looks whether a day has ended."""
RETRY: Final = timedelta(minutes=15)
"""How long a failed attempt to hand in, or to make, rests."""
PATH: Final = "/statement"

Put = Callable[[str, bytes], bytes]
"""`Site.put`: what is put at a path of the index's HTTPS side, to its answer."""

_DAY_ZERO: Final = date(1970, 1, 1)


def date_of(day: int) -> date:
    """The date of a day's number."""
    return _DAY_ZERO + timedelta(days=day)


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of one key holder. `key` is its signing key as the covenant has it, `seed` signs under it."""

    folder: Path
    store: Store
    key: NoteKey
    seed: SecretBytes

    def make_due(self, now: datetime) -> list[date]:
        """Makes the statement of every day that has ended and has none, oldest first; returns those days.

        Raises Refused where a file is there already and the counts now say something else.
        """
        self.store.begin_statements(day_of(now))
        ended = day_of(now - SETTLED) - 1
        made = []
        while (day := self.store.close_day(ended, self._kept)) is not None:
            made.append(date_of(day))
        return made

    def hand_in(self, put: Put, now: datetime, *, stop: Callable[[], bool] = lambda: False) -> Iterator[date]:
        """Hands in what waits, oldest first, yielding each day that was taken; the same twice does no harm.

        Raises Unavailable where the index can't be reached. A day that it refuses, or whose file is gone or changed, does
        not hold up the others: the first such error is raised at the end.
        """
        refused: RaakvlakError | None = None
        for each in self.waiting():
            try:
                put(PATH, statement.submission(self.content(each), self.key.name, self.seed))
            except Unavailable:
                raise
            except RaakvlakError as error:
                refused = refused or error
                continue
            if stop():
                return
            self.store.handed_in(each.day, now)
            yield date_of(each.day)
        if refused:
            raise refused

    def waiting(self) -> list[Stated]:
        """The days whose hash the index has not taken."""
        return [each for each in self.store.stated() if each.handed_in is None]

    def content(self, stated: Stated) -> bytes:
        """A statement's file; raises Refused where it is not the one that was made."""
        path = self._file(stated.day)
        if not path.exists():
            raise Refused(f"{path} is missing: restore it from a backup, or ask an officer for the copy; its hash is known")
        content = path.read_bytes()
        if statement.statement_hash(content) != stated.hash:
            raise Refused(f"{path} is not the statement that was made of that day: it was changed; restore it from a backup")
        return content

    def export(self, folder: Path) -> int:
        """Copies every statement's file into `folder`, for an officer, as `<holder>-<day>.note`; how many were new there.

        The officer puts those of all key holders in one folder.

        Raises Refused, and writes nothing, where one is missing or changed, or stands there with other bytes.
        """
        holder = self.key.name.partition(".")[0]
        files = {folder / f"{holder}-{self._file(each.day).name}": self.content(each) for each in self.store.stated()}
        new = {path: content for path, content in files.items() if not path.exists()}
        for path in sorted(files.keys() - new.keys()):
            if path.read_bytes() != files[path]:
                raise Refused(f"{path} is there with other content: nothing was copied; choose an empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in sorted(new.items()):
            path.write_bytes(content)
        return len(new)

    def adopt(self) -> list[date]:
        """After the store was lost or set back: takes over what the files state of days that it does not know.

        So the running totals go on, and the statement of a day stays the one that was made. Raises Refused, naming the
        file, where one is not this key holder's own; those before it are taken over.
        """
        adopted = []
        for path in sorted(self.folder.glob("????-??-??.note")):
            content = path.read_bytes()
            said = _verified(path, content, self.key)
            counts = {Account(*account): charged for account, charged in said.counts.items()}
            if self.store.adopt((said.day - _DAY_ZERO).days, counts, statement.statement_hash(content)):
                adopted.append(said.day)
        return adopted

    def _kept(self, day: int, counts: Counts) -> bytes:
        """The hash of the day's statement, which is on disk when this returns."""
        by_account = {(each.member, each.namespace, each.epoch): charged for each, charged in counts.items()}
        content = statement.sign(Statement(self.key.name, date_of(day), by_account), self.seed)
        path = self._file(day)
        if not path.exists():
            self.folder.mkdir(mode=0o700, exist_ok=True)
            sealed.replace(path, content)
        elif path.read_bytes() != content:
            raise Refused(
                f"the counts no longer say of {date_of(day)} what {path} states: they were set back, by an old backup or by "
                "hand, and quotas would be granted twice; run raakvlak-keyholder counts --start-empty, and tell the board"
            )
        return statement.statement_hash(content)

    def _file(self, day: int) -> Path:
        return self.folder / f"{date_of(day).isoformat()}.note"


def put_to(address: str, covenant: Covenant) -> Put:
    """Puts to the covenant's index at host:port, over a connection of its own each time: there is one a day."""

    def put(path: str, body: bytes) -> bytes:
        # Here, because a key holder starts without a web client and most days need it once.
        from raakvlak_protocol.party.web import Site

        with Site(address, covenant.index, covenant.roots_pem) as site:
            return site.put(path, body)

    return put


@contextmanager
def daily(
    statements: Statements, put: Put | None, log: Log, *, now: Callable[[], datetime], grace_seconds: float
) -> Iterator[None]:
    """While the block runs, states each day that ends, and hands in what waits until the index takes it.

    Without `put` nothing is handed in. A failure is logged, and tried again; it does not keep the key holder from
    answering. Raises Refused before the block begins where the counts contradict what was stated.
    """
    for day in statements.make_due(now()):
        log("statement_made", day=day.isoformat())
    stop = Stop()
    # A daemon: a call to an index that hangs must not hold up the end for longer than the grace.
    thread = Thread(target=_run, args=(statements, put, log, now, stop), name="statements", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.request()
        thread.join(grace_seconds)


def _run(statements: Statements, put: Put | None, log: Log, now: Callable[[], datetime], stop: Stop) -> None:
    rests_until = now()
    while True:
        if now() >= rests_until and not _done(statements, put, log, now(), stop):
            rests_until = now() + RETRY
        if stop.wait(LOOK_SECONDS):
            return


def _done(statements: Statements, put: Put | None, log: Log, now: datetime, stop: Stop) -> bool:
    """Makes and hands in what is due; False where something failed, which is logged."""
    try:
        for day in statements.make_due(now):
            log("statement_made", day=day.isoformat())
        if put is not None:
            for day in statements.hand_in(put, now, stop=lambda: stop.requested):
                log("statement_handed_in", day=day.isoformat())
    except Unavailable as error:
        log("statements_wait", reason=error.message)
        return False
    except Exception as error:
        log.error(error, doing="making and handing in the daily statements")
        return False
    return True


def _verified(path: Path, content: bytes, key: NoteKey) -> Statement:
    try:
        said = statement.verify(content, key)
    except RaakvlakError as error:
        raise Refused(f"{path}: {error.message}") from None
    if path.name != f"{said.day.isoformat()}.note":
        raise Refused(f"{path} states another day than its name says: it was put in another file's place")
    return said


def day_lines(stated: Sequence[Stated]) -> list[dict[str, str | None]]:
    """What `statements --json` tells of each day."""
    return [
        {
            "day": date_of(each.day).isoformat(),
            "hash": each.hash.hex(),
            "handed_in": None if each.handed_in is None else datetime.fromtimestamp(each.handed_in, UTC).isoformat(),
        }
        for each in stated
    ]
