"""What two organisations do about a match, as records that each signs and neither can deny (PROTOCOL §19).

The follow-up of a pair of cases is a set of records. An *act* is one step; it names by hash the acts that it follows on,
so that whoever signs one signs all that it had seen, and two that cross are seen to have crossed. An *agreement* is one
text for two or more parties, of which each gives its *signature*. Texts and agreements are committed to by salted hashes
in the acts, so that a coordinator can verify the course of things without reading more than the parties release.

Records are merged as sets: whoever holds the same records sees the same history, in whatever order they came.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from typing import Final, Self

from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.encoding import prefixed, u8, u32, u64
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.identity import checked_id
from raakvlak_protocol.publication import SIGNATURE_BYTES, sign, verified
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.text import (
    MAX_REFERENCE_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_WRITTEN_CHARACTERS,
    shown_lines,
    shown_text,
)

HASH_BYTES: Final = 32
SALT_BYTES: Final = 32
NOTHING: Final = bytes(HASH_BYTES)
"""In place of a hash where there is none."""
MAX_AFTER: Final = 16
"""Acts that one act follows on: as many as can have crossed."""
MAX_PARTIES: Final = 10
MAX_TASKS: Final = 20


MAX_AGREEMENT_BYTES: Final = 8_192
MAX_NUMBER: Final = 2**31
MAX_SECOND: Final = 2**40


class ActKind(IntEnum):
    """Which step. The first nine are taken by a side, DECIDED by the coordinator, CLOSED by either."""

    ACKNOWLEDGED = 1
    CONTACTED = 2
    ALREADY_IN_CONTACT = 3
    RESUMED = 4
    PROPOSED = 5
    DISAGREED = 6
    ESCALATED = 7
    DECIDED = 8
    EVALUATED = 9
    CLOSED = 10
    REOPENED = 11


class Cause(IntEnum):
    """Why a coordinator is called in; a disagreement is an act of its own."""

    NONE = 0
    TERM = 1
    REQUEST = 2


class Informed(IntEnum):
    """Whether parents or youth know of an agreement."""

    AGREES = 1
    INFORMED_ONLY = 2
    NOT_INFORMED = 3


@dataclass(frozen=True, slots=True, order=True, repr=False)
class Party:
    """An organisation with its own reference of a case."""

    member: str
    reference: str

    def __repr__(self) -> str:
        return f"Party({self.member}, …)"

    def encode(self) -> bytes:
        return prefixed(self.member) + prefixed(self.reference)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cases of two organisations; `one` is of the member whose id comes first."""

    one: Party
    other: Party

    @classmethod
    def of(cls, party: Party, another: Party) -> Self:
        """The pair of two parties in whatever order; raises Malformed where they are of one organisation."""
        if party.member == another.member:
            raise Malformed("a pair is of cases of two organisations")
        return cls(*sorted((party, another)))

    @property
    def members(self) -> tuple[str, str]:
        return self.one.member, self.other.member

    def party(self, member: str) -> Party:
        """The side of a member that is one."""
        return self.one if self.one.member == member else self.other

    def opposite(self, member: str) -> Party:
        """The side that is not the member's."""
        return self.other if self.one.member == member else self.one

    def encode(self) -> bytes:
        return self.one.encode() + self.other.encode()


@dataclass(frozen=True, slots=True, repr=False)
class Written:
    """What was written with an act. `salt` (32 bytes) keeps it from being guessed where it is not told."""

    salt: bytes
    text: str

    @property
    def hash(self) -> bytes:
        return _hash("raakvlak/v1/act-text", self.salt + prefixed(self.text))

    def __repr__(self) -> str:
        return "Written(…)"


@dataclass(frozen=True, slots=True, repr=False)
class Task:
    """Who does what by when."""

    who: str
    what: str
    by: date


@dataclass(frozen=True, slots=True, repr=False)
class Agreement:
    """One text that all its parties sign. `replaces` is the hash of the version before, NOTHING in the first."""

    salt: bytes
    version: int
    replaces: bytes
    parties: tuple[Party, ...]
    lead: str
    tasks: tuple[Task, ...]
    evaluate_on: date
    parents: Informed
    youth: Informed
    because: str = ""

    def __repr__(self) -> str:
        return f"Agreement(version {self.version}, …)"

    def encode(self) -> bytes:
        tasks = b"".join(prefixed(each.who) + prefixed(each.what) + prefixed(each.by.isoformat()) for each in self.tasks)
        return (
            self.salt
            + u32(self.version)
            + self.replaces
            + u8(len(self.parties))
            + b"".join(each.encode() for each in self.parties)
            + prefixed(self.lead)
            + u8(len(self.tasks))
            + tasks
            + prefixed(self.evaluate_on.isoformat())
            + u8(self.parents)
            + u8(self.youth)
            + prefixed(self.because)
        )

    @property
    def hash(self) -> bytes:
        """By which acts and signatures name it. 32 bytes."""
        return _hash("raakvlak/v1/agreement", self.encode())

    def demand_sound(self) -> None:
        """Raises Malformed, naming the field, where it is no agreement that anybody could sign."""
        if len(self.salt) != SALT_BYTES or len(self.replaces) != HASH_BYTES:
            raise Malformed("a salt or hash has another length than 32 bytes", field="salt")
        if not 1 <= self.version <= MAX_NUMBER or (self.version == 1) != (self.replaces == NOTHING):
            raise Malformed("the first version replaces nothing, a later one names the one before", field="version")
        if not 2 <= len(self.parties) <= MAX_PARTIES or list(self.parties) != sorted(set(self.parties)):
            raise Malformed(f"an agreement has 2 to {MAX_PARTIES} parties, in order, each once", field="parties")
        for party in self.parties:
            checked_id(party.member, "parties")
            shown_text(party.reference, MAX_REFERENCE_CHARACTERS, "parties", required=True)
        checked_id(self.lead, "lead")
        if not 1 <= len(self.tasks) <= MAX_TASKS:
            raise Malformed(f"an agreement has 1 to {MAX_TASKS} tasks: who does what by when", field="tasks")
        for task in self.tasks:
            shown_text(task.who, MAX_TEXT_CHARACTERS, "who", required=True)
            shown_lines(task.what, MAX_WRITTEN_CHARACTERS, "what", required=True)
        shown_lines(self.because, MAX_WRITTEN_CHARACTERS, "because")
        if Informed.NOT_INFORMED in (self.parents, self.youth) and not self.because.strip():
            raise Malformed("say why parents or youth were not told", field="because")
        if len(self.encode()) > MAX_AGREEMENT_BYTES:
            raise Malformed(f"an agreement has at most {MAX_AGREEMENT_BYTES} bytes: shorten the tasks", field="tasks")


@dataclass(frozen=True, slots=True, repr=False)
class Signature:
    """A party's signature under an agreement. `at` is Unix seconds by its own clock."""

    agreement: bytes
    party: Party
    at: int
    signature: bytes = b""

    def __repr__(self) -> str:
        return f"Signature({self.party!r})"

    def statement(self, covenant_id: str) -> bytes:
        return (
            prefixed("raakvlak/v1/agreement-signature")
            + prefixed(covenant_id)
            + self.agreement
            + self.party.encode()
            + u64(self.at)
        )

    @property
    def id(self) -> bytes:
        """By which the record is known. A party signs an agreement once, but for one that was restored from a backup and has
        forgotten it: then both stand, and the earlier one counts."""
        return _hash("raakvlak/v1/agreement-signature-id", self.agreement + self.party.encode() + u64(self.at))

    def signed(self, covenant_id: str, seed: SecretBytes) -> Self:
        return replace(self, signature=sign(seed, self.statement(covenant_id)))

    def verify(self, covenant: Covenant) -> None:
        """Raises Evidence where the party has not signed, NotPermitted where it takes no part."""
        if len(self.agreement) != HASH_BYTES or not 0 < self.at < MAX_SECOND:
            raise Malformed("an agreement's signature is not of its form", field="signature")
        if not verified(covenant.member(self.party.member).signing_key, self.statement(covenant.id), self.signature):
            raise Evidence("an agreement's signature does not hold", party=self.party.member)


@dataclass(frozen=True, slots=True, repr=False)
class Act:
    """One step in the follow-up of a pair.

    `after` are the hashes of the acts that it follows on, `number` is one more than the highest of theirs (1 for the
    first). `at` is Unix seconds by the author's clock. `day` is the day of a contact, or on which to evaluate; `lead`
    who leads; `about` the agreement; `text_hash` what was written, NOTHING where there is nothing.
    """

    pair: Pair
    author: str
    number: int
    after: tuple[bytes, ...]
    at: int
    kind: ActKind
    cause: Cause = Cause.NONE
    day: date | None = None
    lead: str = ""
    about: bytes = NOTHING
    text_hash: bytes = NOTHING
    signature: bytes = b""

    def __repr__(self) -> str:
        return f"Act({self.kind.name}, {self.author}, {self.number})"

    def statement(self, covenant_id: str) -> bytes:
        """What the author signs."""
        return (
            prefixed("raakvlak/v1/act")
            + prefixed(covenant_id)
            + self.pair.encode()
            + prefixed(self.author)
            + u32(self.number)
            + u8(len(self.after))
            + b"".join(self.after)
            + u64(self.at)
            + u8(self.kind)
            + u8(self.cause)
            + prefixed("" if self.day is None else self.day.isoformat())
            + prefixed(self.lead)
            + self.about
            + self.text_hash
        )

    def hash(self, covenant_id: str) -> bytes:
        """By which later acts name it. 32 bytes."""
        return _hash("raakvlak/v1/act-hash", self.statement(covenant_id))

    def signed(self, covenant_id: str, seed: SecretBytes) -> Self:
        return replace(self, signature=sign(seed, self.statement(covenant_id)))

    def verify(self, covenant: Covenant) -> None:
        """Raises Malformed where it is not of its form, Evidence where its author has not signed it.

        Authors are the two sides and the coordinator that serves them. Whether it follows on what is known, and whether
        it could be done, is for the reader to say.
        """
        self._demand_form()
        kinds = [covenant.member(each).kind for each in self.pair.members]
        coordinator = covenant.coordinator_for(*kinds)
        if self.author not in self.pair.members and (coordinator is None or self.author != coordinator.id):
            raise Malformed("an act is of neither side, nor of the coordinator that serves them", field="author")
        if not verified(covenant.member(self.author).signing_key, self.statement(covenant.id), self.signature):
            raise Evidence("an act is not signed by its author", party=self.author)

    def _demand_form(self) -> None:
        for party in (self.pair.one, self.pair.other):
            checked_id(party.member, "member")
            shown_text(party.reference, MAX_REFERENCE_CHARACTERS, "reference", required=True)
        if not 1 <= self.number <= MAX_NUMBER or not 0 < self.at < MAX_SECOND:
            raise Malformed("a number or moment lies outside what an act can have", field="number")
        if len(self.after) > MAX_AFTER or list(self.after) != sorted(set(self.after)) or bool(self.after) == (self.number == 1):
            raise Malformed(f"an act names the acts it follows on, in order and at most {MAX_AFTER}", field="after")
        hashes = (*self.after, self.about, self.text_hash)
        if any(len(each) != HASH_BYTES for each in hashes) or len(self.signature) != SIGNATURE_BYTES:
            raise Malformed("a hash or signature has another length", field="after")
        if self.lead:
            checked_id(self.lead, "lead")


def following(acts: Iterable[Act], covenant_id: str) -> tuple[int, tuple[bytes, ...]]:
    """(number, after) of an act that follows on all of these: `after` names those that none of the others follows on."""
    known = {each.hash(covenant_id): each for each in acts}
    followed = {hash for each in known.values() for hash in each.after}
    ends = sorted((known.keys() - followed), key=lambda hash: (-known[hash].number, hash))[:MAX_AFTER]
    return 1 + max((each.number for each in known.values()), default=0), tuple(sorted(ends))


def in_order(acts: Iterable[Act], covenant_id: str) -> list[Act]:
    """The acts, each behind those that it follows on; those that crossed in an order that is the same for everybody."""
    return sorted(acts, key=lambda each: (each.number, each.author, each.hash(covenant_id)))


def _hash(prefix: str, content: bytes) -> bytes:
    return hashlib.sha256(prefixed(prefix) + content).digest()
