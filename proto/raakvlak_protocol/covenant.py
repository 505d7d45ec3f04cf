"""The covenant as a verdict: signed bytes in, one frozen object out, which answers who may do what with which keys.

A covenant file holds a history: the pinned version first, each later one signed by the board keys of the one before.
`verify` reads it without I/O or clock; whatever it returns was signed, is in force, and is consistent in itself: all
public shares of a key lie on one polynomial through its group key, and no key serves two purposes: not a group key, and
not one that signs.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, TypeVar

from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_scalarmult
from nacl.exceptions import CryptoError

from raakvlak_protocol import ristretto, threshold
from raakvlak_protocol.encoding import parse, prefixed
from raakvlak_protocol.errors import Malformed, NotPermitted, Refused
from raakvlak_protocol.identifier import NAMESPACES
from raakvlak_protocol.identity import Identity, Role, checked_id
from raakvlak_protocol.note import COSIGNATURE, ED25519, NoteKey
from raakvlak_protocol.publication import verified
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.ristretto import Element
from raakvlak_protocol.v1 import covenant_pb2 as pb

KINDS: Final = ("education", "municipality", "police", "justice", "youth_care", "health", "shelter", "coordinator")
COORDINATOR: Final = "coordinator"
"""The kind that is called in; it has no cases of its own."""
# A name in an event can be a location: what these kinds publish goes through the coordinator only.
NEVER_DIRECT: Final = frozenset({"shelter"})
MAX_RETENTION_MONTHS: Final = 24
MAX_MIXING_MINUTES: Final = 24 * 60
KEY_BYTES: Final = 32
MAX_NAME_CHARACTERS: Final = 200
MAX_WITNESSES: Final = 32
"""With the log's own line below a checkpoint they are still fewer than a signed note has room for."""
MAX_TERM_DAYS: Final = 260
"""Working days; a year of them."""
MAX_ARCHIVE_MONTHS: Final = 60
MAX_QUOTA: Final = 10**9
"""Evaluations; more than there are numbers that pass the 11-proof."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Quota:
    """What each key holder grants a member in one namespace, in evaluations."""

    declared: int
    first_load: int
    daily: int


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation that takes part."""

    identity: Identity
    name: str
    kind: str
    signing_key: bytes
    letter_key: bytes
    quotas: Mapping[str, Quota]

    @property
    def id(self) -> str:
        return self.identity.id


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A legal entity that holds one share of each key. Its signing key verifies its statements, named by its DNS name."""

    identity: Identity
    name: str
    share_number: int
    signing_key: NoteKey

    @property
    def id(self) -> str:
        return self.identity.id


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who cosigns checkpoints of the log only where they continue what was cosigned before."""

    id: str
    name: str
    key: NoteKey


@dataclass(frozen=True, slots=True)
class GroupKey:
    """The public side of one (namespace, epoch): the key that no single party holds, and each holder's share of it."""

    public_key: Element
    shares: Mapping[int, Element]


@dataclass(frozen=True, slots=True)
class Epoch:
    """From when until when which keys make tokens."""

    number: int
    valid_from: datetime
    valid_until: datetime
    keys: Mapping[str, GroupKey]


@dataclass(frozen=True, slots=True)
class FollowUpTerms:
    """How soon a match is to be followed up, in working days (`covenant.proto` says from when)."""

    acknowledge_days: int
    contact_days: int
    agreement_days: int
    evaluation_days: int
    grace_days: int
    reminder_days: int


@dataclass(frozen=True, slots=True)
class Coordination:
    """A coordinator, and between which kinds of organisation it is called in."""

    coordinator: str
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Covenant:
    """A version that was verified. Times are UTC; ids are unique within their role.

    `log_key` verifies the log's checkpoints; its name is their origin. A checkpoint is trusted once `witness_threshold` of
    the witnesses have cosigned it, which may be none in a sandbox.
    """

    id: str
    version: int
    hash: bytes
    sandbox: bool
    valid_from: datetime
    valid_until: datetime
    roots: tuple[bytes, ...]
    members: Mapping[str, Member]
    key_holders: Mapping[str, KeyHolder]
    key_threshold: int
    epochs: Mapping[int, Epoch]
    index: Identity
    log_key: NoteKey
    witnesses: Mapping[str, Witness]
    witness_threshold: int
    retention_months: int
    adult_clients: bool
    household_limit: int
    mixing_minutes: int
    relations: Mapping[str, frozenset[Relation]]
    direct: frozenset[frozenset[str]]
    follow_up: FollowUpTerms
    archive_months: int
    coordination: tuple[Coordination, ...]
    payload: pb.Covenant

    @property
    def roots_pem(self) -> bytes:
        """The CA certificates under which every party's certificate stands, as PEM."""
        return b"".join(
            b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(root) + b"-----END CERTIFICATE-----\n" for root in self.roots
        )

    def knows(self, identity: Identity) -> bool:
        """Whether a party of this identity takes part."""
        if identity.role is Role.NODE:
            known: Identity | None = getattr(self.members.get(identity.id), "identity", None)
        elif identity.role is Role.KEYHOLDER:
            known = getattr(self.key_holders.get(identity.id), "identity", None)
        else:
            known = self.index
        return known == identity

    def member(self, member_id: str) -> Member:
        """The member, or NotPermitted: an id that the covenant does not name takes no part."""
        found = self.members.get(member_id)
        if found is None:
            raise NotPermitted(f"the covenant {self.id} version {self.version} names no such member")
        return found

    def quota(self, member_id: str, namespace: str) -> Quota:
        """What the member may ask of each key holder; nothing where the covenant is silent."""
        return self.member(member_id).quotas.get(namespace, Quota(0, 0, 0))

    def epoch_at(self, now: datetime) -> Epoch:
        """The newest epoch in force; raises Refused where none is."""
        live = [each for each in self.epochs.values() if each.valid_from <= now < each.valid_until]
        if not live:
            raise Refused("no epoch of the covenant is in force: the covenant board must issue a new version")
        return max(live, key=lambda each: each.number)

    def live_epochs(self, now: datetime) -> tuple[Epoch, ...]:
        """All epochs in force, oldest first."""
        live = (each for each in self.epochs.values() if each.valid_from <= now < each.valid_until)
        return tuple(sorted(live, key=lambda each: each.number))

    def key(self, namespace: str, epoch: int) -> GroupKey:
        """The key of a namespace in an epoch; raises Refused where the covenant has none."""
        found = self.epochs[epoch].keys.get(namespace) if epoch in self.epochs else None
        if found is None:
            raise Refused(f"the covenant has no key for namespace {namespace!r} in epoch {epoch}")
        return found

    def may_publish(self, kind: str) -> frozenset[Relation]:
        """The relations that a kind of organisation may publish."""
        return self.relations.get(kind, frozenset())

    def direct_for(self, kind: str, other: str) -> bool:
        """Whether the two kinds see each other's matches without a coordinator."""
        return frozenset((kind, other)) in self.direct

    def coordinator_for(self, kind: str, other: str) -> Member | None:
        """Who is called in between two kinds: the first in the covenant's order that serves both."""
        serving = (each for each in self.coordination if {kind, other} <= each.kinds)
        found = next(serving, None)
        return None if found is None else self.members[found.coordinator]

    def coordinator_between(self, one: str, other: str) -> Member | None:
        """Who is called in between two organisations, by their ids; nobody where one of them has left."""
        kinds = [self.members[each].kind for each in (one, other) if each in self.members]
        return self.coordinator_for(*kinds) if len(kinds) == 2 else None

    def coordinated(self, kind: str) -> bool:
        """Whether what this kind publishes may be told to a coordinator only, because one serves it."""
        return any(kind in each.kinds for each in self.coordination)

    def shared_keys(self, other: "Covenant") -> list[tuple[str, int]]:
        """(namespace, epoch) of own group keys that the other covenant uses too: they would join the two."""
        theirs = {key.public_key for epoch in other.epochs.values() for key in epoch.keys.values()}
        return [
            (namespace, epoch.number)
            for epoch in self.epochs.values()
            for namespace, key in epoch.keys.items()
            if key.public_key in theirs
        ]


def witness_name(covenant_id: str, witness_id: str) -> str:
    """How a witness is named in its cosignatures."""
    return f"{witness_id}.witness.{covenant_id}.raakvlak"


def signed_bytes(payload: bytes) -> bytes:
    """What a board key signs: the prefix and the payload as shipped."""
    return prefixed("raakvlak/v1/covenant") + payload


def covenant_hash(payload: bytes) -> bytes:
    """By which a version is pinned, and named in every call. 32 bytes."""
    return hashlib.sha256(signed_bytes(payload)).digest()


def verify(history: bytes, pinned: bytes, now: datetime) -> Covenant:
    """The newest version in a covenant file, if its whole history holds.

    `pinned` is the hash of the first version, given out of band. Raises Malformed for a file that is none, Refused
    for a wrong pin, signature, succession or date. Does not check that anybody deserves to be a member.
    """
    versions = parse(pb.CovenantHistory, history).versions
    if not versions:
        raise Malformed("the covenant file holds no version")
    if not hmac.compare_digest(covenant_hash(versions[0].payload), pinned):
        raise Refused("this is not the covenant that was pinned: its hash differs, ask the covenant board which is right")
    covenant = _read(versions[0].payload)
    _demand_signatures(versions[0], covenant)
    for envelope in versions[1:]:
        following = _read(envelope.payload)
        _demand_succession(covenant, following)
        _demand_signatures(envelope, covenant)
        covenant = following
    if not covenant.valid_from <= now < covenant.valid_until:
        raise Refused(
            f"covenant {covenant.id} version {covenant.version} is in force from {covenant.valid_from:%Y-%m-%d} "
            f"until {covenant.valid_until:%Y-%m-%d}, which is not now: check the clock, ask the board for a new version"
        )
    return covenant


def judged(payload: bytes, before: Covenant | None) -> Covenant:
    """What `verify` says of one version behind `before`, but for signatures and date: for whoever is about to sign it."""
    covenant = _read(payload)
    if before is not None:
        _demand_succession(before, covenant)
    return covenant


def newest_version(history: bytes) -> int:
    """The version number of the newest covenant in a file that was verified before; checks nothing again."""
    return int(parse(pb.Covenant, parse(pb.CovenantHistory, history).versions[-1].payload).version)


def longest_retention(history: bytes) -> int:
    """The longest term, in months, of all versions in a file that was verified before; checks nothing again."""
    versions = parse(pb.CovenantHistory, history).versions
    return max(int(parse(pb.Covenant, each.payload).rules.retention_months) for each in versions)


def _demand_signatures(envelope: pb.CovenantEnvelope, demanding: Covenant) -> None:
    allowed = set(demanding.payload.board_keys)
    signed = {
        each.public_key
        for each in envelope.signatures
        if each.public_key in allowed and verified(each.public_key, signed_bytes(envelope.payload), each.signature)
    }
    if len(signed) < demanding.payload.board_threshold:
        raise Refused(
            f"the covenant has {len(signed)} valid board signatures and needs {demanding.payload.board_threshold}: "
            "somebody outside the board may have made it"
        )


def _demand_succession(before: Covenant, after: Covenant) -> None:
    if after.id != before.id or after.version != before.version + 1 or after.payload.previous_hash != before.hash:
        raise Refused(f"version {after.version} does not follow on version {before.version}: the history was changed")
    if after.sandbox != before.sandbox:
        raise Refused("a sandbox never becomes a real federation, nor the reverse")
    if (list(after.payload.epochs), list(after.payload.key_holders), after.key_threshold) != (
        list(before.payload.epochs),
        list(before.payload.key_holders),
        before.key_threshold,
    ):
        raise Refused("a change of keys or key holders needs the key holders' signatures, which this version can't check")
    if after.log_key != before.log_key:
        raise Refused(
            "the log's key and the index's id, which names the log, can't change in a later version: "
            "what was signed before could no longer be joined to what comes after"
        )


def _read(payload: bytes) -> Covenant:
    message = parse(pb.Covenant, payload)
    checked_id(message.id, "id")
    key_holders, witnesses, members = _key_holders(message), _witnesses(message), _members(message)
    index = Identity(message.id, Role.INDEX, checked_id(message.index.id, "index.id"))
    valid_from, valid_until = _period(message.valid_from, message.valid_until)
    return Covenant(
        id=message.id,
        version=message.version,
        hash=covenant_hash(payload),
        sandbox=message.sandbox,
        valid_from=valid_from,
        valid_until=valid_until,
        roots=_filled(message.ca_certificates, "ca_certificates"),
        members=members,
        key_holders=key_holders,
        key_threshold=_between(message.key_threshold, 1 if message.sandbox else 2, len(key_holders), "key_threshold"),
        epochs=_epochs(message, {each.share_number for each in key_holders.values()}),
        index=index,
        log_key=_note_key(index.dns_name, ED25519, message.index.log_key, "the log"),
        witnesses=witnesses,
        witness_threshold=_witness_threshold(message, len(witnesses)),
        retention_months=_between(message.rules.retention_months, 1, MAX_RETENTION_MONTHS, "retention_months"),
        adult_clients=message.rules.adult_clients,
        household_limit=_between(message.rules.household_limit, 1, 1000, "household_limit"),
        mixing_minutes=_between(message.rules.mixing_minutes, 0, MAX_MIXING_MINUTES, "mixing_minutes"),
        relations=_relations(message),
        direct=_direct(message),
        follow_up=_follow_up(message),
        archive_months=_between(message.rules.archive_months, 0, MAX_ARCHIVE_MONTHS, "archive_months"),
        coordination=tuple(_coordination(each, members) for each in message.coordination),
        payload=_separate(_board_checked(message)),
    )


def _separate(message: pb.Covenant) -> pb.Covenant:
    """The message, if each key that signs something is in one hand and for one purpose: a signature that was got for the
    one could otherwise be shown for the other, and a witness could be the log that it watches."""
    keys: dict[bytes, str] = {}
    for owner, key in _signing_keys(message):
        if key in keys:
            raise Malformed(f"{keys[key]} and {owner} have the same signing key: each signs with a key of its own")
        keys[key] = owner
    return message


def _signing_keys(message: pb.Covenant) -> Iterable[tuple[str, bytes]]:
    yield "the log", message.index.log_key
    yield from (("a board member", key) for key in message.board_keys)
    yield from ((f"member {each.id}", each.signing_key) for each in message.members)
    yield from ((f"key holder {each.id}", each.signing_key) for each in message.key_holders)
    yield from ((f"witness {each.id}", each.key) for each in message.witnesses)


def _board_checked(message: pb.Covenant) -> pb.Covenant:
    keys = set(message.board_keys)
    if len(keys) != len(message.board_keys) or not all(_is_signing_key(key) for key in keys):
        raise Malformed("a board key is no Ed25519 key, or stands twice", field="board_keys")
    least = 1 if message.sandbox else 2
    _between(message.board_threshold, least, len(keys), "board_threshold")
    if message.version < 1:
        raise Malformed("versions count from 1", field="version")
    return message


def _members(message: pb.Covenant) -> Mapping[str, Member]:
    members = [_member(message.id, each) for each in message.members]
    _demand_distinct((each.letter_key for each in members), "members' letter keys")
    return _by_id(members, "member")


def _member(covenant_id: str, entry: pb.Member) -> Member:
    if entry.kind not in KINDS:
        raise Malformed(f"member {checked_id(entry.id)} is of an unknown kind; known are {', '.join(KINDS)}", field="kind")
    _demand_name(entry.name, f"member {checked_id(entry.id)}")
    if not _is_signing_key(entry.signing_key) or not _is_letter_key(entry.letter_key):
        raise Malformed(f"member {checked_id(entry.id)} has a key that is none", field="signing_key")
    quotas = {each.namespace: _quota(each) for each in entry.quotas}
    if len(quotas) != len(entry.quotas) or not quotas.keys() <= set(NAMESPACES):
        raise Malformed(f"member {checked_id(entry.id)} has a quota twice or for an unknown namespace", field="quotas")
    identity = Identity(covenant_id, Role.NODE, checked_id(entry.id))
    return Member(identity, entry.name, entry.kind, entry.signing_key, entry.letter_key, MappingProxyType(quotas))


def _quota(entry: pb.Quota) -> Quota:
    numbers = (entry.declared, entry.first_load, entry.daily)
    return Quota(*(_between(number, 0, MAX_QUOTA, "quotas") for number in numbers))


def _key_holders(message: pb.Covenant) -> Mapping[str, KeyHolder]:
    holders = [
        KeyHolder(
            identity,
            each.name,
            _between(each.share_number, 1, 255, "share_number"),
            _note_key(identity.dns_name, ED25519, each.signing_key, f"key holder {each.id}"),
        )
        for each in message.key_holders
        for identity in [Identity(message.id, Role.KEYHOLDER, checked_id(each.id))]
    ]
    _demand_distinct((each.share_number for each in holders), "share numbers")
    return _by_id(holders, "key holder")


def _witnesses(message: pb.Covenant) -> Mapping[str, Witness]:
    _between(len(message.witnesses), 0, MAX_WITNESSES, "witnesses")
    return _by_id((_witness(message.id, each) for each in message.witnesses), "witness")


def _witness(covenant_id: str, entry: pb.Witness) -> Witness:
    name = witness_name(covenant_id, checked_id(entry.id))
    _demand_name(entry.name, f"witness {entry.id}")
    return Witness(entry.id, entry.name, _note_key(name, COSIGNATURE, entry.key, f"witness {entry.id}"))


def _witness_threshold(message: pb.Covenant, witnesses: int) -> int:
    if not message.sandbox and not witnesses:
        raise Malformed("a covenant that is no sandbox needs a witness: otherwise the index watches itself", field="witnesses")
    return _between(message.witness_threshold, 0 if message.sandbox else 1, witnesses, "witness_threshold")


def _note_key(name: str, algorithm: int, key: bytes, whose: str) -> NoteKey:
    if not _is_signing_key(key):
        raise Malformed(f"{whose} has a signing key that is none, or has none", field="signing_key")
    return NoteKey(name, algorithm, key)


def _epochs(message: pb.Covenant, share_numbers: set[int]) -> Mapping[int, Epoch]:
    epochs = {}
    for each in message.epochs:
        if each.number in epochs:
            raise Malformed(f"epoch {each.number} stands twice", field="epochs")
        keys = {key.namespace: _group_key(key, share_numbers, message.key_threshold) for key in each.keys}
        if len(keys) != len(each.keys) or not keys.keys() <= set(NAMESPACES):
            raise Malformed(f"epoch {each.number} has a key twice or for an unknown namespace", field="epochs")
        epochs[_between(each.number, 1, 2**32 - 1, "epoch")] = Epoch(
            each.number, *_period(each.valid_from, each.valid_until), MappingProxyType(keys)
        )
    # One key for two purposes would join what the covenant keeps apart.
    _demand_distinct((key.public_key for epoch in epochs.values() for key in epoch.keys.values()), "group keys")
    return MappingProxyType(epochs)


def _group_key(key: pb.GroupKey, share_numbers: set[int], key_threshold: int) -> GroupKey:
    shares = {each.share_number: ristretto.parse_element(each.public_key) for each in key.shares}
    if len(shares) != len(key.shares) or shares.keys() != share_numbers:
        raise Malformed(f"namespace {key.namespace!r} needs exactly one public share of each key holder", field="shares")
    # Otherwise every holder's proof verifies and two quorums still make different tokens.
    public_key = ristretto.parse_element(key.public_key)
    threshold.verify_polynomial(public_key, shares, key_threshold)
    return GroupKey(public_key, MappingProxyType(shares))


def _relations(message: pb.Covenant) -> Mapping[str, frozenset[Relation]]:
    relations: dict[str, frozenset[Relation]] = {}
    for rule in message.rules.kinds:
        if rule.kind not in KINDS or rule.kind in relations:
            raise Malformed("a kind in the rules is unknown or stands twice", field="kinds")
        if not set(rule.relations) <= set(Relation):
            raise Malformed(f"kind {rule.kind} has an unknown relation", field="kinds")
        relations[rule.kind] = frozenset(Relation(each) for each in rule.relations)
        if rule.kind in NEVER_DIRECT and Relation.ADDRESS in relations[rule.kind]:
            raise Malformed("a shelter's address is never published: it is the location itself", field="kinds")
    return MappingProxyType(relations)


def _direct(message: pb.Covenant) -> frozenset[frozenset[str]]:
    pairs = frozenset(frozenset((pair.one, pair.other)) for pair in message.rules.direct)
    for pair in pairs:
        if not pair <= set(KINDS):
            raise Malformed("a pair of kinds names an unknown kind", field="direct")
        if pair & NEVER_DIRECT:
            raise Malformed("a shelter's matches are never direct: its name gives a location away", field="direct")
    return pairs


def _follow_up(message: pb.Covenant) -> FollowUpTerms:
    terms = message.rules.follow_up
    return FollowUpTerms(
        *(
            _between(getattr(terms, field), least, MAX_TERM_DAYS, f"follow_up.{field}")
            for field, least in (
                ("acknowledge_days", 1),
                ("contact_days", 1),
                ("agreement_days", 1),
                ("evaluation_days", 1),
                ("grace_days", 0),
                ("reminder_days", 0),
            )
        )
    )


def _coordination(entry: pb.Coordination, members: Mapping[str, Member]) -> Coordination:
    coordinator = members.get(entry.coordinator)
    if coordinator is None or coordinator.kind != COORDINATOR:
        raise Malformed("who coordinates must be a member of the kind coordinator", field="coordination")
    kinds = frozenset(entry.kinds)
    if len(kinds) != len(entry.kinds) or not kinds or not kinds <= set(KINDS) - {COORDINATOR}:
        raise Malformed(f"coordinator {coordinator.id} serves no kind, one twice, or an unknown one", field="coordination")
    return Coordination(coordinator.id, kinds)


def _is_signing_key(key: bytes) -> bool:
    return len(key) == KEY_BYTES and bool(crypto_core_ed25519_is_valid_point(key))


def _is_letter_key(key: bytes) -> bool:
    """Whether letters can be sealed to the key: with one of low order libsodium fails, and its matches would stick."""
    try:
        return len(key) == KEY_BYTES and bool(crypto_scalarmult(bytes(KEY_BYTES), key))
    except CryptoError:
        return False


def _period(first: int, last: int) -> tuple[datetime, datetime]:
    if first >= last:
        raise Malformed("something is valid until before it is valid from", field="valid_until")
    return _moment(first), _moment(last)


def _moment(unix_seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(unix_seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise Malformed("a moment lies outside the years that a calendar has", field="valid_until") from None


def _between(number: int, least: int, most: int, field: str) -> int:
    if not least <= number <= most:
        raise Malformed(f"{field} is {number} and must lie between {least} and {most}", field=field)
    return number


def _filled(values: Iterable[T], field: str) -> tuple[T, ...]:
    found = tuple(values)
    if not found:
        raise Malformed(f"{field} is empty", field=field)
    return found


def _demand_name(name: str, whose: str) -> None:
    if not name.strip() or len(name) > MAX_NAME_CHARACTERS:
        raise Malformed(f"{whose} needs a name of at most {MAX_NAME_CHARACTERS} characters", field="name")


def _demand_distinct(values: Iterable[object], what: str) -> None:
    found = list(values)
    if len(set(found)) != len(found):
        raise Malformed(f"two of the {what} are the same")


P = TypeVar("P", Member, KeyHolder, Witness)


def _by_id(parties: Iterable[P], what: str) -> Mapping[str, P]:
    found: dict[str, P] = {}
    for each in parties:
        if each.id in found:
            raise Malformed(f"{what} {each.id} stands twice")
        found[each.id] = each
    return MappingProxyType(found)
