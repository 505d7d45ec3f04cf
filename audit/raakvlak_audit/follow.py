"""One look at the log: from what the officer trusted to now, and every entry that was not read before.

The rules by which a later checkpoint is trusted stand in `raakvlak_protocol.follow`; here they are given what was fetched,
and their answer becomes checks of a report. Nothing is trusted by looking: `save` does that, when all was well.

    the log can't be reached, shows less than before, is empty    UNKNOWN, the same look may succeed later
    what is served is not what was signed, or two histories were  WRONG, the place is named and the notes are kept
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from raakvlak_audit import follow_checks as checks
from raakvlak_audit import reading
from raakvlak_audit.follow_checks import Other
from raakvlak_audit.officer import Officer
from raakvlak_audit.positions import Positions
from raakvlak_audit.report import Check, Figure, Table, Verdict
from raakvlak_audit.source import NEWEST, Source, tiles
from raakvlak_protocol import checkpoint as checkpoints
from raakvlak_protocol import evidence, follow
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Evidence, Malformed, RaakvlakError, Refused, Unavailable
from raakvlak_protocol.follow import Behind, Followed, Rewritten, Signed
from raakvlak_protocol.party import sealed
from raakvlak_protocol.party.web import Missing
from raakvlak_protocol.tile import TILE_WIDTH

POSITIONS: Final = "positions"
"""The file in which the officer remembers what was read."""
EVIDENCE: Final = "evidence"
SAVED_EVERY: Final = 2**18
"""Entries; so many are read again at most after a reading was broken off by force."""

Bundles = Iterable[list[bytes]]
Bar = Callable[[Bundles, int], AbstractContextManager[Bundles]]
"""Shows how far the reading of a number of bundles is."""


class NoCheckpoint(Unavailable):
    """Where the log should be stands nothing that sums it up."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look showed. `followed` is None where the log's history could not be established."""

    checks: tuple[Check, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    followed: Followed | None
    positions: Positions

    @property
    def sound(self) -> bool:
        """Whether the log is one history with lawful entries as far as was looked, whatever the witnesses do."""
        grave = (Verdict.WRONG, Verdict.UNKNOWN)
        return self.followed is not None and not any(each.verdict in grave for each in self.checks if each.id != "witnesses")

    @property
    def well(self) -> bool:
        """Whether all that was checked is in order."""
        return self.sound and not any(each.verdict in (Verdict.WRONG, Verdict.UNKNOWN) for each in self.checks)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look is made with. `known` are further notes of this log that it must continue: a witness's own."""

    officer: Officer
    covenant: Covenant
    source: Source
    now: datetime
    bar: Bar
    others: Sequence[Other] = ()
    known: Sequence[bytes] = ()
    keep: bool = True
    """Whether what was read may be remembered, so that a reading that is broken off goes on from there."""

    def __call__(self) -> Looked:
        """Fetches, verifies, reads. Raises only what is this machine's own fault; the log's faults are in the checks."""
        before = self._trusted()
        remembered = Positions.load(self._file)
        positions = remembered or Positions()
        try:
            followed = self._followed(before, positions)
            others = checks.others(self.others, self.covenant, followed, self._keep_fork)
        except RaakvlakError as error:
            return self._stopped(error, before, positions)
        name, history = self.source.name, checks.history(before, positions.read, followed)
        if not followed.newest.size:
            return self._not_read((checks.empty(name), checks.skipped("history", self.covenant), others), positions)
        found = (checks.reached(name, followed.newest.size), history, others)
        if others.verdict is Verdict.WRONG:
            return self._not_read(found, positions)
        known = positions.read
        problem = self._read(followed, positions)
        positions.uncovered_since = self._uncovered_since(followed, positions)
        read = (
            checks.entries(problem, positions, known, forgotten=remembered is None and before is not None),
            checks.removals(problem, positions),
            checks.commitments(problem, positions, self.covenant, self.officer.covenant_file.read_bytes()),
            checks.witnesses(self.covenant, followed, positions.uncovered_since, self.now),
        )
        figures, table = checks.growth(positions, followed)
        return Looked((*found, *read), figures, (table,), followed, positions)

    @property
    def _file(self) -> Path:
        return self.officer.path / POSITIONS

    def _trusted(self) -> Signed | None:
        raw = self.officer.trusted_note()
        try:
            return None if raw is None else follow.read(self.covenant, raw)
        except RaakvlakError as error:
            raise Refused(
                f"{self.officer.checkpoint_file} is not what was put there ({error.message}): someone or something changed "
                "this machine's own file; put it back from a copy"
            ) from None

    def _followed(self, before: Signed | None, positions: Positions) -> Followed:
        """The newest checkpoint and the history up to it; also what this officer read before must be its beginning."""
        witnessed = {id: raw for id in self.covenant.witnesses if (raw := self._cosigned(id))}
        newest = self._newest()
        for id, witness in self.covenant.witnesses.items():
            if id not in witnessed and checkpoints.cosigned(newest, witness.key):
                witnessed[id] = newest
        followed = follow.follow(self.covenant, before, newest, witnessed, self.source.fetch)
        for raw in (positions.note, *self.known):
            if raw:
                demand_continues(follow.read(self.covenant, raw), followed, self.covenant)
        return followed

    def _newest(self) -> bytes:
        try:
            return self.source.fetch(NEWEST)
        except Missing:
            raise NoCheckpoint("there is no checkpoint") from None

    def _cosigned(self, witness: str) -> bytes:
        try:
            return self.source.fetch(f"{NEWEST}/{witness}")
        except Missing:
            return b""

    def _read(self, followed: Followed, positions: Positions) -> RaakvlakError | None:
        """Reads what was not read before into `positions`; what it stumbled over, where it did. What was read before that
        is remembered in any case, also when the process is asked to end."""
        log, first = followed.log, positions.read
        positions.note = followed.newest.raw
        count = -(-log.size // TILE_WIDTH) - first // TILE_WIDTH
        try:
            with self.bar(reading.bundles(log, first, followed.root), count) as bundles:
                for entries in self._saving(bundles, positions):
                    reading.take_all(positions, entries)
        except RaakvlakError as error:
            return error
        finally:
            if self.keep and positions.read > first:
                positions.save(self._file)
        return None

    def _saving(self, bundles: Bundles, positions: Positions) -> Iterator[list[bytes]]:
        saved = positions.read
        for entries in bundles:
            if self.keep and positions.read - saved >= SAVED_EVERY:
                positions.save(self._file)
                saved = positions.read
            yield entries

    def _stopped(self, error: RaakvlakError, before: Signed | None, positions: Positions) -> Looked:
        """The checks where the history could not be established."""
        name, answered = self.source.name, checks.answered(self.source.name)
        if isinstance(error, NoCheckpoint) and before is None and not positions.note:
            reached, history = checks.empty(name), checks.skipped("history", self.covenant)
        elif isinstance(error, Rewritten):
            reached, history = answered, checks.rewritten(self.covenant, error, self._keep_fork(error))
        elif isinstance(error, Behind):
            reached, history = answered, checks.behind(error)
        elif isinstance(error, Evidence | Malformed):
            reached, history = answered, checks.not_signed(error, self._wrong_tile())
        else:
            reached, history = checks.unreached(name, error), checks.skipped("history", self.covenant)
        return self._not_read((reached, history), positions)

    def _not_read(self, found: tuple[Check, ...], positions: Positions) -> Looked:
        """A look that ended before the entries: what was not looked at is in the report too."""
        rest = ("others", "entries", "removals", "commitments", "witnesses")
        done = {each.id for each in found}
        skipped = (checks.skipped(each, self.covenant) for each in rest if each not in done)
        return Looked((*found, *skipped), (), (), None, positions)

    def _uncovered_since(self, followed: Followed, positions: Positions) -> datetime | None:
        """When this officer first saw that the log's end was not covered by enough witnesses; None where it is."""
        covered = followed.trusted is not None and followed.trusted.size == followed.newest.size
        return None if covered else positions.uncovered_since or self.now

    def _wrong_tile(self) -> str:
        """Which tile at the log's end is wrong, where that is what is wrong and can be found."""
        try:
            newest = follow.read(self.covenant, self.source.fetch(NEWEST))
            return reading.wrong_tile(tiles(self.source, newest.size))
        except RaakvlakError:
            return ""

    def _keep_fork(self, error: Rewritten) -> str:
        """Keeps what convicts the log, in a form that anybody can check; the file in which it is."""
        folder = self.officer.path / EVIDENCE
        folder.mkdir(mode=0o700, exist_ok=True)
        stamp = f"{self.now:%Y%m%dT%H%M%SZ}"
        try:
            document = evidence.rewritten(error.old, error.new, error.log, self.covenant.log_key)
        except RaakvlakError:
            # The tiles vanished or changed meanwhile. The two notes still convict with any copy of the tiles.
            for name, raw in (("old", error.old), ("new", error.new)):
                sealed.replace(folder / f"{stamp}-{name}-checkpoint", raw)
            return str(folder)
        content = evidence.encode(document)
        file = folder / f"{stamp}-{hashlib.sha256(content).hexdigest()[:8]}.json"
        sealed.replace(file, content)
        return str(file)


def demand_continues(known: Signed, followed: Followed, covenant: Covenant) -> None:
    """Returns when the log as followed begins with `known`; raises Behind or Rewritten otherwise."""
    if known.size > followed.newest.size:
        raise Behind(f"the log shows {followed.newest.size} entries, and {known.size} were seen before")
    follow.demand_beginning(known, followed.newest, followed.log, covenant)


def save(officer: Officer, covenant: Covenant, looked: Looked, now: datetime) -> None:
    """Trusts what a look found well, durably: the checkpoint that is covered, and what was read. Never goes back."""
    followed = looked.followed
    if followed is None or not looked.sound:
        return
    if looked.well:
        looked.positions.finish(now)
    looked.positions.save(officer.path / POSITIONS)
    if looked.well and followed.trusted is not None:
        officer.trust(followed.trusted.raw, covenant)
