"""What there is to see of an index, without HTTP: gathered from what is cheap to read, and from the last hourly count.

What may stand here and what may not is decided at the head of this package.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Final

from raakvlak_index import index
from raakvlak_index.index import FORGOTTEN_AFTER_DAYS, Rules, day_of
from raakvlak_index.log import PublishedLog
from raakvlak_index.operator.access import Access
from raakvlak_index.progress import Progress
from raakvlak_index.service import Readers
from raakvlak_index.store import Counts, Heard, Reader, Witnessed
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.term import month_of, start_of

STEP: Final = 100
"""Of one member, rows and events are told in steps of so many."""
SOON: Final = timedelta(days=30)
"""A certificate or covenant that ends within this time is an alarm: a new one takes weeks."""
COUNTED_WITHIN: Final = timedelta(hours=2)
"""The sweep that counts also keeps the terms; it runs every hour."""
DRAWN_DAYS: Final = 30
ROOM_BYTES: Final = 256 * 2**20
"""Free disk beyond what writing the store anew takes."""


class Urgency(IntEnum):
    """How soon an alarm wants a person: in order."""

    NOW = 0
    TODAY = 1
    THIS_WEEK = 2


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a person must do something about. `kind` chooses the words; the others are what they need."""

    kind: str
    urgency: Urgency
    who: str = ""
    """An organisation's name, a witness's id, or which disk."""
    number: int = 0
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MemberView:
    """One member. `rows` is a multiple of STEP, None where nothing was counted yet; `waiting` likewise, None of a
    coordinator, whose queue is not shown; `silent_days` since it was last heard."""

    id: str
    name: str
    kind: str
    last_seen: date
    silent_days: int
    suspended: bool
    must_reconcile: bool
    nearly_full: bool
    rows: int | None
    waiting: int | None

    @property
    def coordinates(self) -> bool:
        return self.waiting is None

    @property
    def days_left(self) -> int:
        """Days until its rows go, if it stays silent."""
        return max(0, FORGOTTEN_AFTER_DAYS + 1 - self.silent_days)


@dataclass(frozen=True, slots=True)
class WitnessView:
    """A witness of the covenant and how far it has come; `at` is None where it has cosigned nothing yet."""

    id: str
    name: str
    size: int
    at: datetime | None
    hours: int


@dataclass(frozen=True, slots=True)
class Removals:
    """Rows that go on the first of a month; `overdue` where it has begun."""

    month: date
    rows: int
    overdue: bool


@dataclass(frozen=True, slots=True)
class View:
    """An index at one moment. `alarms` are in order of their urgency. `counted` tells since when `rows`, `removals` and the
    members' rows stand; None before the first count. `growth` is of the last DRAWN_DAYS, as far as they were counted."""

    now: datetime
    alarms: Sequence[Alarm]
    members: Sequence[MemberView]
    witnesses: Sequence[WitnessView]
    witnesses_needed: int
    counted: datetime | None
    rows: int
    growth: Sequence[tuple[date, int]]
    removals: Sequence[Removals]
    log_entries: int
    log_published: int
    log_stalled: bool
    log_hash: str
    store_bytes: int
    covenant_version: int
    covenant_until: datetime
    certificate_until: datetime | None

    @property
    def added(self) -> int | None:
        """Rows more, or fewer, than at the beginning of `growth`; None before there are two days."""
        return self.growth[-1][1] - self.growth[0][1] if len(self.growth) > 1 else None


class Office:
    """Gathers views. Threads may share it."""

    def __init__(
        self,
        covenant: Covenant,
        rules: Rules,
        published: PublishedLog,
        progress: Progress,
        readers: Readers,
        access: Access,
        now: Callable[[], datetime],
        *,
        disks: Mapping[str, Path],
        free: Callable[[Path], int],
    ) -> None:
        """`disks` are the folders of the store and of the published log, by what they are called in alarms; `free` tells
        the bytes that still fit there."""
        self.access = access
        self.now = now
        self.certificate_until: datetime | None = None
        """When the certificate ends under which the index serves; None before it serves."""
        self._covenant = covenant
        self._rules = rules
        self._published = published
        self._progress = progress
        self._readers = readers
        self._disks = disks
        self._free = free
        self._turn = threading.Lock()
        self._counted: tuple[datetime, Counts] | None = None
        self._differs: dict[str, int] = {}

    @property
    def operator(self) -> str:
        """The name under which the covenant knows whoever runs this index."""
        return self._covenant.payload.index.name

    def count(self, reader: Reader) -> None:
        """Counts the rows, for every look until the next count, and keeps the day's number."""
        counts, now = reader.counts(), self.now()
        self.access.keep_day(day_of(now), sum(counts.rows.values()))
        with self._turn:
            self._counted = now, counts

    def differs(self, witness: str, size: int) -> None:
        """A witness has shown a checkpoint of ours that is not of our history: an alarm until the process ends."""
        with self._turn:
            if witness in self._covenant.witnesses:
                self._differs[witness] = size

    def look(self) -> View:
        now = self.now()
        heard, witnessed, entries, size = self._readers.wait(
            lambda reader: (reader.heard(), reader.witnesses(), reader.log_size(), reader.size())
        )
        with self._turn:
            counted, differs = self._counted, dict(self._differs)
        counts = counted[1] if counted else None
        members = [self._member(each, counts, now) for each in heard if each.member in self._covenant.members]
        removals = _removals(counts, now)
        witnesses = [_witness(id, each.name, witnessed.get(id), now) for id, each in self._covenant.witnesses.items()]
        signed = self._published.signed
        alarms = [
            *(Alarm("differs", Urgency.NOW, who, size) for who, size in differs.items()),
            *self._of_the_log(witnessed, now),
            *self._of_the_machine(size, now),
            *_of_the_count(counted, removals, now),
            *(alarm for each in members for alarm in _of_a_member(each, counts)),
        ]
        return View(
            now=now,
            alarms=sorted(alarms, key=lambda each: each.urgency),
            members=sorted(
                members, key=lambda each: (not (each.nearly_full or each.must_reconcile), not each.suspended, each.id)
            ),
            witnesses=witnesses,
            witnesses_needed=self._covenant.witness_threshold,
            counted=counted[0] if counted else None,
            rows=sum(counts.rows.values()) if counts else 0,
            growth=[(_date(day), rows) for day, rows in self.access.days(day_of(now) - DRAWN_DAYS)],
            removals=removals,
            log_entries=entries,
            log_published=signed.checkpoint.size,
            log_stalled=self._progress.fails,
            log_hash=hashlib.sha256(signed.checkpoint.text.encode()).hexdigest(),
            store_bytes=size,
            covenant_version=self._covenant.version,
            covenant_until=self._covenant.valid_until,
            certificate_until=self.certificate_until,
        )

    def _member(self, heard: Heard, counts: Counts | None, now: datetime) -> MemberView:
        found = self._covenant.members[heard.member]
        today = day_of(now)
        return MemberView(
            id=found.id,
            name=found.name,
            kind=found.kind,
            last_seen=_date(heard.last_seen),
            silent_days=max(0, today - heard.last_seen),
            suspended=index.suspended(heard.last_seen, today),
            must_reconcile=heard.replay_needed,
            nearly_full=heard.waiting >= self._rules.alarm_at,
            rows=_in_steps(counts.rows.get(found.id, 0)) if counts else None,
            waiting=None if self._rules.coordinates(found.id) else _in_steps(heard.waiting),
        )

    def _of_the_log(self, witnessed: Mapping[str, Witnessed], now: datetime) -> list[Alarm]:
        found = []
        if self._progress.fails:
            found.append(Alarm("stalled", Urgency.NOW, number=int(self._progress.lag)))
        late = index.uncosigned(self._covenant, {id: each.at for id, each in witnessed.items()}, now)
        if late is not None:
            found.append(Alarm("uncosigned", Urgency.NOW, number=int(late.total_seconds()) // 3600))
        return found

    def _of_the_machine(self, store_bytes: int, now: datetime) -> list[Alarm]:
        found = []
        for kind, until in (("covenant", self._covenant.valid_until), ("certificate", self.certificate_until)):
            if until is not None and until - now < SOON:
                found.append(Alarm(kind, Urgency.NOW if until <= now else Urgency.THIS_WEEK, until=until))
        for disk, folder in self._disks.items():
            free = self._free(folder)
            if free < store_bytes + ROOM_BYTES:
                found.append(Alarm("disk", Urgency.TODAY, disk, free // 2**20))
        return found


def _of_the_count(counted: tuple[datetime, Counts] | None, removals: Sequence[Removals], now: datetime) -> list[Alarm]:
    if counted is None or now - counted[0] > COUNTED_WITHIN:
        return [Alarm("uncounted", Urgency.TODAY, until=counted[0] if counted else None)]
    overdue = sum(each.rows for each in removals if each.overdue)
    return [Alarm("overdue", Urgency.TODAY, number=overdue)] if overdue else []


def _of_a_member(member: MemberView, counts: Counts | None) -> list[Alarm]:
    """One at most: whoever calls about the first hears of the others."""
    if member.suspended and member.coordinates:
        return [Alarm("coordinator", Urgency.TODAY, member.name, member.silent_days)]
    if member.suspended and (counts is None or counts.rows.get(member.id)):
        return [Alarm("suspended", Urgency.THIS_WEEK, member.name, member.days_left)]
    if member.nearly_full:
        return [Alarm("queue", Urgency.TODAY, member.name)]
    return [Alarm("reconcile", Urgency.TODAY, member.name)] if member.must_reconcile else []


def _removals(counts: Counts | None, now: datetime) -> list[Removals]:
    months = counts.removals if counts else {}
    return [Removals(start_of(month).date(), rows, month <= month_of(now)) for month, rows in months.items()]


def _witness(id: str, name: str, found: Witnessed | None, now: datetime) -> WitnessView:
    if found is None:
        return WitnessView(id, name, 0, None, 0)
    return WitnessView(id, name, found.size, found.at, max(0, int((now - found.at).total_seconds()) // 3600))


def _in_steps(count: int) -> int:
    """At least so many; less than STEP is 0."""
    return count // STEP * STEP


def _date(day: int) -> date:
    return datetime.fromtimestamp(day * 86_400, UTC).date()
