"""The rules of the index, without I/O or clock: what a row, a reference and a match are called, who may match whom, and
whether a write is the next one.

Everything keyed is HMAC-SHA256 or AES-256 under the epoch's pepper (32 bytes), which lies outside the database:

    digest    = HMAC(pepper, "row" ‖ token)[:16]                      a row's name in the store
    match id  = HMAC(pepper, "match" ‖ digest ‖ lower ‖ higher)[:16]  names a match to both sides and in letters
    reference = AES-256(HMAC(pepper, "ref" ‖ member id), digest)      one block: a row's name to its owner
    check     = HMAC(pepper, "check")                                 recognises the pepper at start

Words in quotes are ASCII without a length; `lower` and `higher` are the two member ids in order of their bytes, each
behind its length as u16, big-endian. A reference is a permutation of the digest and not an HMAC of it, so that a
withdrawal finds its row without a search and nothing more is stored (docs/adr/0004).
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from raakvlak_protocol.covenant import COORDINATOR, NEVER_DIRECT, Covenant
from raakvlak_protocol.encoding import prefixed
from raakvlak_protocol.errors import Malformed, NotPermitted, Refused, Stale, Unavailable
from raakvlak_protocol.letter import MATCH_ID_BYTES, SIZES
from raakvlak_protocol.publication import REFERENCE_BYTES, Visibility
from raakvlak_protocol.secret import SecretBytes

DIGEST_BYTES: Final = 16
PEPPER_BYTES: Final = 32
SUSPENDED_AFTER_DAYS: Final = 30
"""A member that was silent for more days than this is told no new matches, and neither is its counterpart."""
FORGOTTEN_AFTER_DAYS: Final = 90
"""A member that was silent for more days than this loses its rows."""
ANSWER_DAYS: Final = 1
"""A node that did not hear the answer to a write can ask for it on this many days after the day of the write."""
LETTER_DAYS: Final = 30
"""An unfetched letter older than this lapses, and its sender is told."""
MAX_WAITING_LETTERS: Final = 16
"""Letters of one sender in one match that wait at the same time."""
UNCOSIGNED: Final = timedelta(hours=48)
"""Without cosignatures for longer, nodes and officers no longer see that all are shown the same log."""
EVENT_CAP: Final = 100_000
"""Events that wait for one member, unless the settings say otherwise."""
ALARM_SHARE: Final = 0.8
"""Share of a member's queue at which the operator is alarmed."""
LOWER: Final = 1
HIGHER: Final = 2
"""Bits of a set of sides of a match: the member whose id comes first, and the other."""


class Pepper:
    """One epoch's pepper, and everything that is computed under it. Threads may share it; it does not print."""

    def __init__(self, pepper: SecretBytes) -> None:
        if len(pepper) != PEPPER_BYTES:
            raise Refused(f"a pepper has {PEPPER_BYTES} bytes: the sealed pepper file holds something else")
        self._pepper: Final = pepper
        self._reference_key = lru_cache(maxsize=None)(self._derived_key)

    def digests(self, tokens: Sequence[bytes]) -> list[bytes]:
        """The 16-byte digest of each token, in order."""
        key = self._pepper.reveal()
        return [hmac.digest(key, b"row" + token, "sha256")[:DIGEST_BYTES] for token in tokens]

    def references(self, member: str, digests: Sequence[bytes]) -> list[bytes]:
        """By which `member` names each of its rows, in order."""
        # One block each, so that ECB is the bare permutation; digests are unique and look random.
        cipher = Cipher(AES256(self._reference_key(member)), ECB()).encryptor()  # noqa: S305
        return _blocks(cipher.update(b"".join(digests)) + cipher.finalize())

    def referred(self, member: str, references: Sequence[bytes]) -> list[bytes]:
        """The digests behind references of `member`; of an invented reference a digest that no row has."""
        cipher = Cipher(AES256(self._reference_key(member)), ECB()).decryptor()  # noqa: S305
        return _blocks(cipher.update(b"".join(references)) + cipher.finalize())

    def match_id(self, digest: bytes, one: str, other: str) -> bytes:
        """The match of two members under a digest; the same whichever is named first."""
        lower, higher = ordered(one, other)
        text = b"match" + digest + prefixed(lower) + prefixed(higher)
        return hmac.digest(self._pepper.reveal(), text, "sha256")[:MATCH_ID_BYTES]

    def check(self) -> bytes:
        """What the database keeps to recognise this pepper. 32 bytes."""
        return hmac.digest(self._pepper.reveal(), b"check", "sha256")

    def _derived_key(self, member: str) -> bytes:
        return hmac.digest(self._pepper.reveal(), b"ref" + member.encode(), "sha256")


def ordered(one: str, other: str) -> tuple[str, str]:
    """Two member ids, the lower first; ids are ASCII, so that their order is that of their bytes."""
    return (one, other) if one < other else (other, one)


def _blocks(joined: bytes) -> list[bytes]:
    return [joined[place : place + REFERENCE_BYTES] for place in range(0, len(joined), REFERENCE_BYTES)]


@dataclass(frozen=True, slots=True)
class Mediated:
    """A match that only `coordinator` is told of; `asked` are the sides that it may ask to show theirs (LOWER, HIGHER)."""

    coordinator: str
    asked: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What a store asks while it writes: which keys, who may match whom, who is called in between which kinds, how many
    events may wait. `kinds` is of every member; `serving` names the coordinator of each set of one or two kinds."""

    keys: Mapping[int, Pepper]
    partners: Mapping[str, frozenset[str]]
    event_cap: int = EVENT_CAP
    kinds: Mapping[str, str] = field(default_factory=dict)
    serving: Mapping[frozenset[str], str] = field(default_factory=dict)

    @property
    def alarm_at(self) -> int:
        """Waiting events of one member from which on the operator is alarmed."""
        return int(self.event_cap * ALARM_SHARE)

    def partners_of(self, member: str) -> frozenset[str]:
        """With whom the member may share a direct match: never itself, never one that left the covenant."""
        return self.partners.get(member, frozenset())

    def coordinates(self, member: str) -> bool:
        """Whether the member is a coordinator."""
        return self.kinds.get(member) == COORDINATOR

    def coordinator_of(self, one: str, other: str) -> str | None:
        """Who is called in between two members; None where nobody is, or one of them has left."""
        if one not in self.kinds or other not in self.kinds:
            return None
        return self.serving.get(frozenset((self.kinds[one], self.kinds[other])))

    def mediated(self, lower: str, higher: str, visibilities: tuple[int, int]) -> Mediated | None:
        """What a coordinator is told of two live rows under one digest; None where both sides are told themselves, or
        nobody serves both. Asked is who keeps its row back; where neither does, and only their kinds stand between them,
        both."""
        shown = [each == Visibility.DIRECT for each in visibilities]
        coordinator = self.coordinator_of(lower, higher)
        if coordinator is None or (all(shown) and higher in self.partners_of(lower)):
            return None
        asked = sum(side for side, direct in zip((LOWER, HIGHER), shown, strict=True) if not direct)
        return Mediated(coordinator, asked or LOWER | HIGHER)

    def keys_of(self, epoch: int) -> Pepper:
        """The keys of an epoch; raises Refused for one that this index has no pepper of."""
        found = self.keys.get(epoch)
        if found is None:
            raise Refused(f"this index knows no epoch {epoch}: load the covenant version in force")
        return found


def rules(covenant: Covenant, keys: Mapping[int, Pepper], event_cap: int = EVENT_CAP) -> Rules:
    """The rules under a covenant version."""
    members = covenant.members.values()
    partners = {
        one.id: frozenset(other.id for other in members if other != one and covenant.direct_for(one.kind, other.kind))
        for one in members
    }
    kinds = {each.id: each.kind for each in members}
    asked = {frozenset((one, other)) for one in kinds.values() for other in kinds.values()}
    serving = {each: found.id for each in asked if (found := covenant.coordinator_for(min(each), max(each)))}
    return Rules(keys, partners, event_cap, kinds, serving)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a member's writes have come; `answer` is the reply to the last one, as it was sent. Hash and answer are empty
    before the first write, and once they were destroyed."""

    generation: int
    sequence: int
    request_hash: bytes
    answer: bytes

    def demand_generation(self, generation: int) -> None:
        """Returns when the caller is the member's one open process; else raises Stale."""
        if generation != self.generation:
            raise self._stale(
                f"generation {generation} is not the open one, {self.generation}: another process or copy of this "
                "node has opened since, or none has; stop the other one, then open again"
            )

    def judge(self, generation: int, sequence: int, request_hash: bytes) -> bytes | None:
        """None when the write is to be carried out; the stored answer when it was the last one already.

        Raises Stale, with the last numbers, for any other: nothing is carried out twice, left out or reordered.
        """
        self.demand_generation(generation)
        if sequence == self.sequence and self.request_hash and hmac.compare_digest(request_hash, self.request_hash):
            return self.answer
        if sequence != self.sequence + 1:
            raise self._stale(
                f"sequence {sequence} does not follow on {self.sequence}, the last write that was carried out: it is a "
                "replay, or one was left out; open again and go on from the numbers told there"
            )
        return None

    def _stale(self, message: str) -> Stale:
        return Stale(message, generation=self.generation, sequence=self.sequence)


def demand_publishable(covenant: Covenant, member: str, visibility: int, epoch: int, now: datetime) -> Visibility:
    """The visibility, if the member may publish so in this epoch; else raises Malformed, NotPermitted or Refused."""
    kind = covenant.member(member).kind
    if visibility not in set(Visibility):
        raise Malformed("a publication names its visibility: direct or coordinator", field="visibility")
    if visibility == Visibility.DIRECT and kind in NEVER_DIRECT:
        raise NotPermitted(f"a {kind} may not publish directly: its name in an event can give a location away")
    if visibility == Visibility.COORDINATOR and not covenant.coordinated(kind):
        raise Refused(
            f"the covenant names no coordinator that serves a {kind}: nobody would hear of a match; keep back what is not "
            "to be told directly"
        )
    if epoch not in {each.number for each in covenant.live_epochs(now)}:
        raise Refused(f"epoch {epoch} is not in force: publish under an epoch that is")
    return Visibility(visibility)


def demand_letter(match_id: bytes, number: int, ciphertext: bytes) -> None:
    """Returns when a letter has the form of one; else raises Malformed."""
    if len(match_id) != MATCH_ID_BYTES:
        raise Malformed(f"a match id has {MATCH_ID_BYTES} bytes", field="match_id")
    if number < 1:
        raise Malformed("letters are numbered from 1", field="number")
    if len(ciphertext) not in SIZES:
        sizes = ", ".join(map(str, SIZES))
        raise Malformed(f"a letter has one of the sizes {sizes} bytes, so that its size tells little", field="ciphertext")


def demand_receiver(covenant: Covenant, member: str, to: str) -> None:
    """Returns when the covenant lets the member name this receiver of a letter; else raises Malformed or NotPermitted.
    Whether there is such a match is not looked at: the answer is the same for everybody who asks."""
    if not to:
        return
    if to not in covenant.members or to == member:
        raise Malformed("a letter names another member of the covenant, or nobody", field="to")
    if COORDINATOR not in (covenant.member(member).kind, covenant.member(to).kind):
        raise NotPermitted(
            f"{to} is no coordinator, and neither are you: name nobody to write to the other side of a match, or the "
            "coordinator before which you bring it"
        )


def demand_room_for_letter(waiting: int) -> None:
    """Returns when one more letter of a sender may wait for a receiver in a match; else raises Unavailable."""
    if waiting >= MAX_WAITING_LETTERS:
        raise Unavailable(
            f"{waiting} of your letters wait in this match already: post again when its receiver has fetched some"
        )


def day_of(now: datetime) -> int:
    """Days since 1970-01-01, UTC."""
    return int(now.timestamp()) // 86_400


def suspended(last_seen: int, today: int) -> bool:
    """Whether a member was silent for so long that no new match is told; both arguments are days."""
    return today - last_seen > SUSPENDED_AFTER_DAYS


def forgotten(last_seen: int, today: int) -> bool:
    """Whether a member was silent for so long that its rows go."""
    return today - last_seen > FORGOTTEN_AFTER_DAYS


def uncosigned(covenant: Covenant, cosigned_at: Mapping[str, datetime], now: datetime) -> timedelta | None:
    """For how long fewer witnesses than the covenant demands have cosigned, where that is an alarm; None where all is
    well. `cosigned_at` holds the latest time of each witness; where too few have ever cosigned, since the covenant began."""
    if not covenant.witness_threshold:
        return None
    times = sorted((at for id, at in cosigned_at.items() if id in covenant.witnesses), reverse=True)
    enough = times[covenant.witness_threshold - 1 :]
    late = now - (enough[0] if enough else covenant.valid_from)
    return late if late > UNCOSIGNED else None


def epochs_of(keys: Iterable[int]) -> str:
    """Epoch numbers for a message."""
    return ", ".join(map(str, sorted(keys)))
