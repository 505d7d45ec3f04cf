"""The verbs of an index's store: what each does in one transaction, whatever the database.

A `Store` writes and belongs to one thread. Its verbs run inside `transaction()`, several of them if need be, each
inside a `step()` of its own, so that a refused one undoes itself only. A `Reader` reads committed data; each thread
has its own. Members are named by their covenant ids; tokens never come this far.

Promises of every store. After `transaction()` returns, what was written survives a loss of power; if it raises
Unavailable nothing of it was written (or, where the medium failed in the act, all of it: Open tells the node which). A
match begins for both sides or for neither: when a member is suspended or its queue is full, the match waits and begins
when that member returns. A match that only a coordinator may hear of begins and ends by `mediate` alone: no other verb of
its sides writes, counts or answers anything because of it. A member's events are numbered from 1 without gaps and leave
only when acknowledged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

from raakvlak_index.index import HIGHER, LOWER, Standing
from raakvlak_protocol.publication import Visibility


class Kind(IntEnum):
    """What an event tells. VOID is what is left of a letter whose match ended: a number that must not be missing."""

    VOID = 0
    MATCH = 1
    MATCH_ENDED = 2
    LETTER = 3
    LETTER_LAPSED = 4
    MEDIATION = 5


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication whose signatures were verified; `digests`, `salts` and `leaves` are in order of its tokens. The leaf
    and salt of a token whose row stands already are not used."""

    member: str
    epoch: int
    generation: int
    sequence: int
    request_hash: bytes
    visibility: Visibility
    digests: Sequence[bytes]
    removal_month: int
    salts: Sequence[bytes]
    leaves: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal whose signature was verified."""

    member: str
    epoch: int
    generation: int
    sequence: int
    request_hash: bytes
    digests: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Row:
    """An own row, as Inventory tells it."""

    digest: bytes
    epoch: int
    removal_month: int
    visibility: int


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens the leaf of an own row."""

    position: int
    salt: bytes
    removal_month: int
    visibility: int


@dataclass(frozen=True, slots=True)
class CurrentMatch:
    """A live match, as Replay tells it to one side. `reference` is that side's own row."""

    match_id: bytes
    reference: bytes
    other: str
    epoch: int


@dataclass(frozen=True, slots=True)
class CurrentMediation:
    """A live match that is before a coordinator, as Replay tells it. `references` as in an event."""

    match_id: bytes
    one: str
    other: str
    references: bytes
    epoch: int


class Pair(NamedTuple):
    """A match of two members, by the store's own numbers; `lower` is the one whose id comes first."""

    match_id: bytes
    digest: bytes
    lower: int
    higher: int

    def side(self, member: int) -> int:
        """LOWER, HIGHER, or 0 for who is neither."""
        return LOWER * (member == self.lower) | HIGHER * (member == self.higher)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of one member. `other` is the other side of a match, the sender of a letter, or who did not fetch one;
    `letter` a letter's number; `content` a match's own reference or a letter's ciphertext.

    Of a mediation `other` and `another` are the sides in order of their ids, and `content` their references one behind
    the other, each zero where that side is not to be asked; it is empty where a side brought the match."""

    number: int
    kind: Kind
    match_id: bytes = b""
    other: str = ""
    epoch: int = 0
    letter: int = 0
    content: bytes = b""
    another: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a member behind a number. Events up to `acknowledged` are gone; `newest` is the last one ever."""

    generation: int
    events: Sequence[Event]
    acknowledged: int
    newest: int
    replay_needed: int


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The size up to which a witness has cosigned the log, and when it said so (UTC)."""

    size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """How many members are suspended from matching, and how many have a queue near its cap or one that was full. Of the
    queues those of coordinators are left out: they grow by matches that nobody else may see."""

    suspended: int
    alarms: int


@dataclass(frozen=True, slots=True)
class Heard:
    """How one member stands: the day on which it last gave a sign of life (since 1970-01-01, UTC), how many events wait for
    it, whether it must ask for a replay."""

    member: str
    last_seen: int
    waiting: int
    replay_needed: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows stand, of each member that has any, and by the month in which they go."""

    rows: Mapping[str, int]
    removals: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Due:
    """A row whose month has begun; `member` is the store's own number of its owner."""

    digest: bytes
    member: int


@dataclass(frozen=True, slots=True)
class Done:
    """What a write did: what was there already, in order of its items, and the leaves by which it stands in the log."""

    was_there: Sequence[bool]
    first_position: int
    leaves: Sequence[bytes]


Answer = Callable[[Done], bytes]
"""Makes the reply to a write; kept in the same transaction."""


class Store(Protocol):
    """Writes. Every verb of a member counts as a sign of life of it."""

    touched: dict[str, int]
    """Members whose queue changed in this transaction, with the number of events that wait for them."""
    broken: type[Exception]
    """What the database raises itself: after it nothing of the transaction stands, and `transaction` translates it."""

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside is written together, or nothing; raises Unavailable where the medium fails."""

    def step(self) -> AbstractContextManager[None]:
        """A part of a transaction that an error in it undoes alone."""

    def admit(self, members: Sequence[str], now: datetime) -> None:
        """Knows these members from now on; a new one has not written and has not opened."""

    def open(self, member: str, now: datetime) -> Standing:
        """Begins the member's next generation and tells how far its writes have come."""

    def publish(self, write: Publication, answer: Answer, now: datetime) -> bytes:
        """Adds the rows that do not stand yet, begins their matches, and returns the answer; raises Stale.

        A row that stands is left as it is, its term too.
        """

    def withdraw(self, write: Withdrawal, answer: Answer, now: datetime) -> bytes:
        """Removes the rows that stand, ends their matches for both sides, and returns the answer; raises Stale."""

    def watch(self, member: str, generation: int, after: int, now: datetime) -> bool:
        """A stream of events begins; raises Stale. True where events behind `after` are gone already, because the node
        or the index was restored: it needs a replay, and if nothing waits a void event is added, from whose number it
        can go on."""

    def acknowledge(self, member: str, generation: int, up_to: int, now: datetime) -> int:
        """Forgets the member's events up to a number; how many still wait. Raises Stale, or Malformed for a number
        that no event has had."""

    def post(
        self, member: str, generation: int, match_id: bytes, to: str, number: int, ciphertext: bytes, now: datetime
    ) -> bool:
        """Queues a letter for the other side or, where `to` is named, for the coordinator of the match or from it to a side;
        False when the match is not live or none that the member knows of. The same number to the same receiver, while it
        waits, is queued once. A coordinator is told of a direct match before the first letter that brings it.

        Raises Stale, NotPermitted where the member knows of the match and may not write to this receiver, or Unavailable
        where too much waits."""

    def mediate(self, pairs: Sequence[Pair], now: datetime) -> None:
        """Tells coordinators of those of these matches that they alone may hear of, and that one has ended of which they
        had heard. Nobody else is told. What can't be told now is found again by `unsettled`."""

    def begin_replay(self, member: str, generation: int, now: datetime) -> int:
        """Begins the matches that could not begin while the queue was full; what `end_replay` needs. Raises Stale."""

    def end_replay(self, member: str, needed: int) -> None:
        """All current matches were told: no replay is needed, unless the queue was full again since."""

    def seen(self, member: str, now: datetime) -> None:
        """A sign of life: ends a suspension, and begins the matches that waited for it."""

    def remove(self, rows: Sequence[Due], now: datetime) -> int:
        """Removes rows whose month has begun and ends their matches; how many there were."""

    def lapse(self, now: datetime, limit: int) -> int:
        """Removes at most `limit` letters older than LETTER_DAYS and tells their senders; how many there were."""

    def forget_silent(self, now: datetime, limit: int) -> dict[str, int]:
        """Removes at most `limit` rows of members silent for more than FORGOTTEN_AFTER_DAYS: how many of whom.

        Their queues are emptied too, for events name rows that were removed since; they need a replay.
        """

    def dismiss(self, member: str, digests: Sequence[bytes]) -> int:
        """Removes these rows of a member that has left, what waited for it, and what it was told as a coordinator; how many
        rows there were."""

    def forget_answers(self, now: datetime) -> None:
        """Removes request hashes and answers of writes older than ANSWER_DAYS: both can be linked to rows that are gone.

        The sequence stays. A node that hears no answer at Open knows that its last write was carried out, not how.
        """

    def keep_check(self, epoch: int, check: bytes) -> None:
        """Keeps by what the epoch's pepper is recognised; an epoch that is new enters the log."""

    def keep_covenant(self, version: int, hash: bytes) -> None:
        """The index acts on this version from now on; one that is new enters the log."""

    def keep_statement(self, holder: str, day: str, hash: bytes) -> bool:
        """A key holder's statement enters the log; False where it stands there already. Raises Refused for another one
        of the same holder and day."""

    def keep_cosigned(self, witness: str, size: int, at: datetime, note: bytes) -> bool:
        """Keeps a checkpoint that a witness cosigned at a moment; False, and changes nothing, where the one that is kept
        is larger or was cosigned later."""

    def close(self) -> None: ...


class Reader(Protocol):
    """Reads what was committed."""

    def events(self, member: str, after: int, limit: int, max_bytes: int) -> Waiting:
        """The events behind a number, in order: at most `limit`, and of at most `max_bytes` content or one."""

    def inventory(self, member: str, after: bytes, limit: int) -> list[Row]:
        """The member's live rows behind a digest, in order of digests."""

    def matches(self, member: str, after: bytes, limit: int) -> list[CurrentMatch]:
        """The member's current matches behind a match id, in order of match ids."""

    def mediations(self, member: str, after: bytes, limit: int) -> list[CurrentMediation]:
        """The matches that are before a coordinator now, behind a match id, in order of match ids."""

    def unsettled(self, now: datetime) -> Iterator[Pair]:
        """The pairs that `mediate` has something to do for; one may come twice. Reads every row once."""

    def openings(self, member: str, digests: Sequence[bytes]) -> list[Opening | None]:
        """What opens the member's rows, in order; None where no row stands."""

    def log_size(self) -> int:
        """How many leaves were committed."""

    def leaves(self, first: int, limit: int) -> list[bytes]:
        """At most `limit` leaves from a position on."""

    def members(self) -> list[str]:
        """Every member that was ever admitted, also those that have left since."""

    def cosigned(self, witness: str) -> bytes | None:
        """The newest checkpoint that the witness cosigned."""

    def witnesses(self) -> dict[str, Witnessed]:
        """How far each witness has come."""

    def queues(self, now: datetime) -> QueueHealth:
        """How the members' queues stand, without counting rows: cheap, whatever the size of the store."""

    def heard(self) -> list[Heard]:
        """How every member stands that was ever admitted, in order of their ids; as cheap as `queues`."""

    def counts(self) -> Counts:
        """Counts every row: takes seconds in a large store."""

    def size(self) -> int:
        """How large the store is, in bytes."""

    def rewrite(self) -> None:
        """Writes the whole store anew, so that no copy of what was deleted is left behind in the slack of its pages."""

    def due(self, month: int, after: Due | None, limit: int) -> list[Due]:
        """Rows that must be gone in `month`, in order of digest and member, behind `after`."""

    def scrub(self) -> None:
        """What was deleted is gone from the disk too, as far as nobody reads it at this moment."""

    def checks(self) -> dict[int, bytes]:
        """By what each epoch's pepper is recognised."""

    def epochs_with_rows(self) -> set[int]:
        """Epochs of which at least one row stands."""

    def status(self, now: datetime) -> dict[str, Any]:
        """Counts for the operator, as `raakvlak-index status --json` prints them; no digest, reference or match id."""

    def close(self) -> None: ...
