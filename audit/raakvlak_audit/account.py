"""What a member's account tells, collected as it is read, and what follows from its ledger. No I/O, no words.

A write is carried out by the last attempt that had its sequence: a node signs what did not arrive anew, under the same
sequence and a later generation. Lines that were erased may have told of any write or letter; they are counted, and believed
to explain as many of these as there are of them, at their place.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from raakvlak_protocol import publication
from raakvlak_protocol.account import Ended, Held, Part, Row
from raakvlak_protocol.account import Header as Account
from raakvlak_protocol.ledger import Call, Evaluation, Head, Header, Line, Posting, Publication, Withdrawal, parse_message
from raakvlak_protocol.publication import Visibility, Write

CHARGED_ONCE: Final = timedelta(days=30).total_seconds()
"""A key holder answers the same request again without charging it, for so long."""

Token = tuple[int, bytes]
"""Epoch and token: what a row is to its member."""


@dataclass(slots=True)
class Attempt:
    """A write as it left, from the lines that were not erased. `items` are tokens or references."""

    epoch: int
    generation: int
    sequence: int
    withdraws: bool
    visibility: int
    first: int
    last: int
    items: list[bytes] = field(default_factory=list)

    def request_hash(self, covenant_id: str, member: str) -> bytes:
        """By which the index knows the write."""
        write = Write(covenant_id, self.epoch, member, self.generation, self.sequence)
        if self.withdraws:
            return publication.request_hash(publication.withdraw_statement(write, self.items))
        return publication.request_hash(publication.publish_statement(write, Visibility(self.visibility), self.items))


@dataclass(frozen=True, slots=True)
class Sent:
    """A token left in a publication, in this line."""

    line: int
    time: int
    generation: int
    sequence: int
    visibility: int


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the sequences of the writes do not go on. `missing` writes are not told of; 0 where they go back."""

    line: int
    sequence: int
    missing: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for evaluations left; the same one again has the same hash."""

    time: int
    count: int
    hash: bytes

    @property
    def day(self) -> date:
        return datetime.fromtimestamp(self.time, UTC).date()


@dataclass(slots=True)
class Tally:
    """How often something of one kind left. `items` counts what it held: tokens, references, elements, bytes."""

    requests: int = 0
    items: int = 0


@dataclass(slots=True)
class Told:
    """All that an account tells. Memory: some 300 bytes for each published token."""

    earlier: Head | None = None
    """Of a ledger that was verified before, which this one must go on from."""
    account: Account | None = None
    head: Head | None = None
    goes_on: bool = False
    rows: list[Row] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    erased: list[int] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    sent: dict[Token, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    withdrawn: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Line → (epoch, sequence)."""
    asked: dict[tuple[str, str, int], list[Asked]] = field(default_factory=lambda: defaultdict(list))
    """(key holder, namespace, epoch) → requests."""
    letters: Counter[int] = field(default_factory=Counter)
    """By size."""
    calls: dict[tuple[str, str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    """(role, id, path) → how often."""
    fields: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Path → the numbers of the fields that were ever set."""
    evaluations: Tally = field(default_factory=Tally)
    first_time: int = 0
    last_time: int = 0

    def take(self, part: Part) -> None:
        """The next part of an account, in order."""
        match part:
            case Account():
                self.account = part
            case Header():
                self.head = part.head
                self._compare(Head.begin(part.covenant_id, part.member))
            case Line():
                self._take_line(part)
            case Row():
                self.rows.append(part)
            case Ended():
                self.ended.append(part)
            case Held():
                self.held.append(part)

    @property
    def whole(self) -> Account:
        assert self.account is not None
        return self.account

    def _compare(self, head: Head) -> None:
        self.goes_on = self.goes_on or head == self.earlier

    def _take_line(self, line: Line) -> None:
        self._compare(Head(line.number, line.hash))
        if not line.salt:
            self.erased.append(line.number)
            return
        message = parse_message(line.message)
        self.first_time = self.first_time or message.time
        self.last_time = message.time
        match message:
            case Publication():
                key = (message.epoch, message.token)
                self.sent[key].append(Sent(line.number, message.time, message.generation, message.sequence, message.visibility))
                self._attempt(line.number, message, message.visibility).items.append(message.token)
            case Withdrawal():
                self.withdrawn[line.number] = (message.epoch, message.sequence)
                self._attempt(line.number, message, 0).items.append(message.reference)
            case Evaluation():
                self._take_evaluation(message)
            case Posting():
                self.letters[message.size] += 1
            case Call():
                tally = self.calls[message.role, message.id, message.path]
                tally.requests += 1
                tally.items += message.size
                self.fields[message.path].update(number for number, _ in message.numbers)

    def _attempt(self, line: int, message: Publication | Withdrawal, visibility: int) -> Attempt:
        withdraws = isinstance(message, Withdrawal)
        last = self.attempts[-1] if self.attempts else None
        same = last and (last.epoch, last.generation, last.sequence, last.withdraws, last.visibility) == (
            message.epoch, message.generation, message.sequence, withdraws, visibility,
        )  # fmt: skip
        if last is None or not same:
            last = Attempt(message.epoch, message.generation, message.sequence, withdraws, visibility, line, line)
            self.attempts.append(last)
        last.last = line
        return last

    def _take_evaluation(self, message: Evaluation) -> None:
        self.evaluations.requests += 1
        self.evaluations.items += message.count
        account = (message.key_holder, message.namespace, message.epoch)
        self.asked[account].append(Asked(message.time, message.count, message.hash))

    # --- writes -------------------------------------------------------------------------------------------------------

    def breaks(self) -> Iterator[Break]:
        """Where a sequence is left out that no erased line can explain, or sequences go back, up to the last write that the
        member says was carried out."""
        line, sequence = 0, 0
        for each in self.attempts:
            yield from self._break(line, sequence, each.first, each.sequence)
            line, sequence = each.last, each.sequence
        last = self.whole.last_sequence
        # What is in flight has a line already, and was perhaps never carried out.
        if sequence != last + 1:
            yield from self._break(line, sequence, self._lines + 1, last + 1)

    def _break(self, line: int, sequence: int, next_line: int, next_sequence: int) -> Iterator[Break]:
        missing = next_sequence - sequence - 1
        if next_sequence < sequence:
            yield Break(next_line, next_sequence, 0)
        elif missing > self.erased_between(line, next_line):
            yield Break(next_line, next_sequence, missing)

    @property
    def _lines(self) -> int:
        return self.head.lines if self.head else 0

    def erased_between(self, line: int, other: int) -> int:
        """How many lines between two were erased."""
        return bisect_left(self.erased, other) - bisect_left(self.erased, line)

    @property
    def last_sequence(self) -> int:
        """The last write that the member tells of, in whatever way."""
        return max(self.whole.last_sequence, *(each.sequence for each in self.attempts[-1:]), 0)

    def carried_out(self) -> dict[int, int]:
        """Sequence → the generation of the attempt that the index carried out, of those that it did."""
        return {each.sequence: each.generation for each in self.attempts if each.sequence <= self.whole.last_sequence}

    def unexplained(self, lapsed_before: int) -> list[Sent]:
        """Publications that were carried out and of which neither a row, nor a withdrawal, nor the end of the term is told:
        the last one of each token. `lapsed_before`: what left before this Unix second is over."""
        standing = {(row.epoch, row.token) for row in self.rows}
        last_ended: dict[Token, int] = {}
        for each in self.ended:
            key = (each.epoch, each.token)
            last_ended[key] = max(last_ended.get(key, 0), each.line)
        carried = self.carried_out()
        found = []
        for key, sent in self.sent.items():
            done = [each for each in sent if carried.get(each.sequence) == each.generation]
            if key in standing or not done:
                continue
            last = done[-1]
            if last.line > last_ended.get(key, 0) and last.time >= lapsed_before:
                found.append(last)
        return sorted(found, key=lambda each: each.line)

    def not_sent(self) -> list[Row]:
        """Rows of which no line of the ledger tells that their token was published."""
        return [row for row in self.rows if (row.epoch, row.token) not in self.sent]

    def wrong_ends(self) -> list[Ended]:
        """Where the account names a line that withdrew nothing of that epoch, or names it twice."""
        seen: set[int] = set()
        wrong = []
        for each in self.ended:
            if each.line in seen or self.withdrawn.get(each.line, (None, 0))[0] != each.epoch:
                wrong.append(each)
            seen.add(each.line)
        return wrong

    # --- evaluations --------------------------------------------------------------------------------------------------

    def most_charged(self, account: tuple[str, str, int], day: date) -> int:
        """The most evaluations that a key holder can have charged on a day, by the ledger: clocks differ, and what left
        before midnight may be charged after it, so that the days beside it count too; the same request once."""
        days = {day - timedelta(days=1), day, day + timedelta(days=1)}
        return sum({each.hash: each.count for each in self.asked.get(account, ()) if each.day in days}.values())

    def most_charged_until(self, account: tuple[str, str, int], day: date) -> int:
        """The same of all days until the end of this one."""
        total, charged = 0, dict[bytes, int]()
        for each in self.asked.get(account, ()):
            before = charged.get(each.hash)
            if each.day <= day + timedelta(days=1) and (before is None or each.time - before >= CHARGED_ONCE):
                charged[each.hash] = each.time
                total += each.count
        return total

    def asked_on(self, account: tuple[str, str, int], day: date) -> int:
        """Evaluations that left on this day, the same request again among them."""
        return sum(each.count for each in self.asked.get(account, ()) if each.day == day)

    @property
    def from_the_first_line(self) -> bool:
        """Whether nothing at its beginning was erased for its age."""
        return self._lines > 0 and (not self.erased or self.erased[0] > 1)


# --- the operator's rows ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A row of the member in the operator's database."""

    epoch: int
    digest: bytes
    removal_month: int
    visibility: int
    position: int
    salt: bytes


@dataclass(frozen=True, slots=True)
class IndexSide:
    """What the operator's database has of a member. `sequence` is its last write, `request_hash` empty where it is
    forgotten, `day` the UTC day of that write."""

    rows: frozenset[IndexRow]
    sequence: int
    request_hash: bytes
    day: date


@dataclass(frozen=True, slots=True)
class Compared:
    """`absent` rows of the account that the database lacks, `stray` ones in it that the account lacks; those that later
    writes explain are left out."""

    absent: Sequence[Row]
    stray: int
    since: int
    """Writes after the copy was made."""


def compare(told: Told, side: IndexSide) -> Compared:
    """The rows of an account and those of a copy that was made at write `side.sequence`, or before."""
    index = set(side.rows)
    since = max(0, told.last_sequence - side.sequence)
    absent, common = [], 0
    for row in told.rows:
        if row.opening is None:
            continue
        if _as_index_row(row) in index:
            common += 1
        elif not _published_after(told, row, side.sequence):
            absent.append(row)
    stray = len(index) - common - (_withdrawn_after(told, side.sequence) if since else 0)
    return Compared(absent, max(0, stray), since)


def _as_index_row(row: Row) -> IndexRow:
    found = row.opening
    assert found is not None
    return IndexRow(row.epoch, found.digest, found.removal_month, found.visibility, found.position, found.salt)


def _published_after(told: Told, row: Row, sequence: int) -> bool:
    return any(each.sequence > sequence for each in told.sent.get((row.epoch, row.token), ()))


def _withdrawn_after(told: Told, sequence: int) -> int:
    """How many rows may have gone since, also by withdrawals of which the lines were erased."""
    last = max((each.last for each in told.attempts if each.sequence <= sequence), default=0)
    erased = told.erased_between(last, told._lines + 1)
    return erased + sum(each > sequence for _, each in told.withdrawn.values())


def last_attempt(told: Told, sequence: int) -> Attempt | None:
    """The last attempt of a write, if no line of it can have been erased; None where it can't be told."""
    found = [each for each in told.attempts if each.sequence == sequence]
    if not found:
        return None
    whole = not told.erased_between(found[-1].first - 1, found[-1].last + 2)
    return found[-1] if whole and found[-1].last - found[-1].first + 1 == len(found[-1].items) else None
