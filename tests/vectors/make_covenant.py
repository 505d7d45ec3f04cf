"""proto/vectors/covenant.json: covenant files that hold, and one file for each way in which one may not."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from nacl.bindings import crypto_scalarmult_base, crypto_sign_seed_keypair

from raakvlak_protocol import covenant as covenants
from raakvlak_protocol import ristretto, threshold
from raakvlak_protocol.publication import sign
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.vectors.fixed import fixed

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FROM = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
UNTIL = int(datetime(2028, 1, 1, tzinfo=UTC).timestamp())
BOARD = tuple(SecretBytes(fixed(f"board {number}", 32)) for number in (1, 2, 3))
STRANGER = SecretBytes(fixed("stranger", 32))
NEW_BOARD = (STRANGER, SecretBytes(fixed("another stranger", 32)))
UNKNOWN_FIELD = b"\xc2\x3e\x00"  # number 1000, no bytes

Change = Callable[[pb.Covenant], object]


def public_key(seed: SecretBytes) -> bytes:
    return bytes(crypto_sign_seed_keypair(seed.reveal())[0])


def payload(change: Change = lambda _: None) -> pb.Covenant:
    """A small valid sandbox covenant: two members and a coordinator, three key holders of whom two make a token, two of
    three sign."""
    made = pb.Covenant(
        id="zeeland",
        version=1,
        valid_from=FROM,
        valid_until=UNTIL,
        sandbox=True,
        legal_basis=pb.LegalBasis(uri="urn:example:basis", text="invented people only"),
        board_keys=[public_key(seed) for seed in BOARD],
        board_threshold=2,
        ca_certificates=[b"verification does not read this certificate"],
        members=[_member("school", "education"), _member("town", "municipality"), _coordinator("table")],
        key_holders=[_key_holder(number) for number in (1, 2, 3)],
        key_threshold=2,
        epochs=[pb.Epoch(number=1, valid_from=FROM, valid_until=UNTIL, keys=[group_key("bsn"), group_key("address")])],
        index=pb.IndexEntry(id="index", name="The index", log_key=public_key(SecretBytes(fixed("log", 32)))),
        witnesses=[_witness("witness-1"), _witness("witness-2")],
        witness_threshold=1,
        rules=pb.Rules(
            retention_months=24,
            adult_clients=True,
            household_limit=4,
            mixing_minutes=60,
            kinds=[
                pb.KindRule(kind="education", relations=["client", "address"]),
                pb.KindRule(kind="municipality", relations=["client", "parent", "child", "sibling", "address"]),
            ],
            direct=[pb.KindPair(one="education", other="municipality")],
            follow_up=pb.FollowUpTerms(
                acknowledge_days=5,
                contact_days=10,
                agreement_days=30,
                evaluation_days=60,
                grace_days=5,
                reminder_days=2,
            ),
            archive_months=12,
        ),
        coordination=[pb.Coordination(coordinator="table", kinds=["education", "municipality", "shelter"])],
    )
    change(made)
    return made


def _member(member_id: str, kind: str) -> pb.Member:
    return pb.Member(
        id=member_id,
        name=f"The {member_id}",
        kind=kind,
        signing_key=public_key(SecretBytes(fixed(f"signing {member_id}", 32))),
        letter_key=crypto_scalarmult_base(fixed(f"letters {member_id}", 32)),
        quotas=[pb.Quota(namespace="bsn", declared=1000, first_load=1000, daily=10)],
    )


def _coordinator(member_id: str) -> pb.Member:
    """Asks the key holders for nothing: it has no cases of its own."""
    made = _member(member_id, covenants.COORDINATOR)
    made.ClearField("quotas")
    return made


def _key_holder(number: int) -> pb.KeyHolderEntry:
    key = public_key(SecretBytes(fixed(f"statements {number}", 32)))
    return pb.KeyHolderEntry(id=f"keyholder-{number}", name=f"Holder {number}", share_number=number, signing_key=key)


def _witness(witness_id: str) -> pb.Witness:
    key = public_key(SecretBytes(fixed(f"cosignatures {witness_id}", 32)))
    return pb.Witness(id=witness_id, name=f"The {witness_id}", key=key)


def group_key(namespace: str, degree: int = 1, numbers: Sequence[int] = (1, 2, 3)) -> pb.GroupKey:
    """A dealt key; `degree` 1 is what a threshold of two needs."""
    stream = iter(range(100))
    secret = ristretto.random_scalar(lambda size: fixed(f"key {namespace}", size))
    shares = threshold.split(secret, degree + 1, numbers, lambda size: fixed(f"{namespace} {next(stream)}", size))
    return pb.GroupKey(
        namespace=namespace,
        public_key=ristretto.multiply_base(secret),
        shares=[pb.PublicShare(share_number=n, public_key=ristretto.multiply_base(shares[n])) for n in numbers],
    )


def encoded(message: pb.Covenant | pb.CovenantHistory) -> bytes:
    return message.SerializeToString(deterministic=True)


def envelope(raw: bytes, board: Sequence[SecretBytes] = BOARD[:2], signed: bytes | None = None) -> pb.CovenantEnvelope:
    """`signed` is what the board signs, where that shall not be the payload's statement."""
    statement = covenants.signed_bytes(raw) if signed is None else signed
    signatures = [pb.BoardSignature(public_key=public_key(seed), signature=sign(seed, statement)) for seed in board]
    return pb.CovenantEnvelope(payload=raw, signatures=signatures)


def history(*envelopes: pb.CovenantEnvelope) -> bytes:
    return encoded(pb.CovenantHistory(versions=envelopes))


def successor(change: Change = lambda _: None) -> pb.Covenant:
    """The payload of version 2."""

    def follow(made: pb.Covenant) -> None:
        made.version = 2
        made.previous_hash = covenants.covenant_hash(encoded(payload()))
        change(made)

    return payload(follow)


def vectors() -> dict[str, object]:
    first, second, other = encoded(payload()), encoded(successor(_third_member)), encoded(successor(_other_witnesses))
    terms, nobody = encoded(successor(_other_terms)), encoded(successor(lambda made: made.ClearField("coordination")))
    pin = covenants.covenant_hash(first)
    files = {
        "one version": (history(envelope(first)), 1, covenants.covenant_hash(first)),
        "two versions": (history(envelope(first), envelope(second)), 2, covenants.covenant_hash(second)),
        "other witnesses, more of them asked": (history(envelope(first), envelope(other)), 2, covenants.covenant_hash(other)),
        "terms, archive and coordinators change": (
            history(envelope(first), envelope(terms)),
            2,
            covenants.covenant_hash(terms),
        ),
        "nobody coordinates any more": (history(envelope(first), envelope(nobody)), 2, covenants.covenant_hash(nobody)),
        "signed by more than needed, and by a stranger": (history(envelope(first, [*BOARD, STRANGER])), 1, pin),
    }
    return {
        "now": NOW.isoformat(),
        "pin": pin.hex(),
        "payload": first.hex(),
        "note_keys": _note_keys(covenants.judged(first, None)),
        "signed_bytes": covenants.signed_bytes(first).hex(),
        "valid": [
            {"name": name, "file": file.hex(), "version": version, "hash": digest.hex()}
            for name, (file, version, digest) in files.items()
        ],
        "invalid_files": [{"class": name, "error": error, "file": file.hex()} for name, error, file in _invalid_files(first)],
        # Each is pinned by its own hash and rightly signed: what is wrong is what it says.
        "invalid_payloads": [
            {"class": name, "pin": covenants.covenant_hash(raw).hex(), "file": history(envelope(raw)).hex()}
            for name, change in INVALID.items()
            for raw in [encoded(payload(change))]
        ],
        "invalid_dates": [
            {"class": "not yet in force", "now": datetime.fromtimestamp(FROM - 1, UTC).isoformat()},
            {"class": "no longer in force", "now": datetime.fromtimestamp(UNTIL, UTC).isoformat()},
        ],
    }


def _third_member(made: pb.Covenant) -> None:
    made.members.append(_member("police", "police"))


def _other_witnesses(made: pb.Covenant) -> None:
    del made.witnesses[0]
    made.witnesses.extend(_witness(each) for each in ("regulator", "parents-council"))
    made.witness_threshold = 2


def _other_terms(made: pb.Covenant) -> None:
    """At their limits: no grace, no reminder, no archive; and of two coordinators for one pair of kinds the first counts."""
    made.rules.follow_up.CopyFrom(
        pb.FollowUpTerms(acknowledge_days=1, contact_days=260, agreement_days=260, evaluation_days=260)
    )
    made.rules.ClearField("archive_months")
    made.members.append(_coordinator("other-table"))
    made.coordination.insert(0, pb.Coordination(coordinator="other-table", kinds=["municipality", "education"]))


def _note_keys(covenant: covenants.Covenant) -> list[dict[str, str]]:
    """Every key of the covenant that signs notes, as its verifier key is written."""
    keys = [("log", covenant.log_key)]
    keys += [(f"key holder {each.id}", each.signing_key) for each in covenant.key_holders.values()]
    keys += [(f"witness {each.id}", each.key) for each in covenant.witnesses.values()]
    return [{"of": owner, "verifier_key": key.vkey} for owner, key in keys]


def _invalid_files(first: bytes) -> list[tuple[str, str, bytes]]:
    good = envelope(first)
    changed = encoded(payload(_put("rules.household_limit", 5)))
    following, other = encoded(successor()), encoded(successor(_put("rules.household_limit", 5)))
    moved = pb.CovenantEnvelope(payload=other, signatures=envelope(following).signatures)

    def second(change: Change, board: Sequence[SecretBytes] = BOARD[:2]) -> bytes:
        return history(good, envelope(encoded(successor(change)), board))

    def with_signature(signature: bytes) -> bytes:
        one = pb.BoardSignature(public_key=public_key(BOARD[0]), signature=signature)
        return history(pb.CovenantEnvelope(payload=first, signatures=[one, good.signatures[1]]))

    return [
        ("empty", "malformed", b""),
        ("not protobuf", "malformed", b"\xff" * 8),
        ("truncated", "malformed", history(good)[:-1]),
        ("unknown field beside the versions", "malformed", history(good) + UNKNOWN_FIELD),
        ("unknown field in an envelope", "malformed", history(_with_unknown(good))),
        ("another covenant than the pinned", "refused", history(envelope(changed))),
        ("payload changed after signing", "refused", history(good, moved)),
        ("not signed", "refused", history(envelope(first, []))),
        ("too few signatures", "refused", history(envelope(first, BOARD[:1]))),
        ("one key signs twice", "refused", history(envelope(first, [BOARD[0], BOARD[0]]))),
        ("signed by a stranger", "refused", history(envelope(first, [BOARD[0], STRANGER]))),
        ("signature changed", "refused", with_signature(_flipped(good.signatures[0].signature))),
        ("signature truncated", "refused", with_signature(good.signatures[0].signature[:63])),
        ("signed without the prefix", "refused", history(envelope(first, signed=first))),
        ("version skipped", "refused", second(_put("version", 3))),
        ("version repeated", "refused", second(_put("version", 1))),
        ("hash of another version before", "refused", second(_put("previous_hash", bytes(32)))),
        ("no hash of the version before", "refused", second(lambda made: made.ClearField("previous_hash"))),
        ("another covenant follows", "refused", second(_put("id", "zeelan"))),
        ("a sandbox becomes real", "refused", second(_put("sandbox", False))),
        ("keys change without the key holders", "refused", second(lambda made: made.epochs[0].keys.pop())),
        ("key holders change without their signatures", "refused", second(_put("key_holders.0.id", "other"))),
        ("a key holder's signing key changes", "refused", second(_put("key_holders.0.signing_key", public_key(STRANGER)))),
        ("the log's key changes", "refused", second(_put("index.log_key", public_key(STRANGER)))),
        ("the log's name changes", "refused", second(_put("index.id", "other"))),
        ("the new board signs itself in", "refused", second(_new_board, NEW_BOARD)),
        ("the first version is left out", "refused", history(envelope(encoded(successor())))),
    ]  # fmt: skip


def _flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def _with_unknown(good: pb.CovenantEnvelope) -> pb.CovenantEnvelope:
    changed = pb.CovenantEnvelope()
    changed.CopyFrom(good)
    changed.MergeFromString(UNKNOWN_FIELD)
    return changed


def _new_board(made: pb.Covenant) -> None:
    made.board_keys[:] = [public_key(seed) for seed in NEW_BOARD]


def _put(path: str, value: object) -> Change:
    """Sets what the path leads to: names of fields, and places in repeated ones."""
    *steps, last = path.split(".")

    def change(made: pb.Covenant) -> None:
        at: Any = made
        for step in steps:
            at = at[int(step)] if step.isdigit() else getattr(at, step)
        setattr(at, last, value)

    return change


def _real(field: str, threshold: int = 1) -> Change:
    """A covenant that is no sandbox, with a threshold that is too low for that."""

    def change(made: pb.Covenant) -> None:
        made.sandbox = False
        setattr(made, field, threshold)

    return change


def _key(made: pb.Covenant) -> pb.GroupKey:
    return made.epochs[0].keys[0]


def _set_share(made: pb.Covenant, place: int, public: bytes) -> None:
    _key(made).shares[place].public_key = public


def _exchange_shares(made: pb.Covenant) -> None:
    one, other = (bytes(share.public_key) for share in _key(made).shares[:2])
    _set_share(made, 0, other)
    _set_share(made, 1, one)


def _other_group_key(made: pb.Covenant) -> None:
    _key(made).public_key = made.epochs[0].keys[1].public_key


def _lower_degree(made: pb.Covenant) -> None:
    _key(made).CopyFrom(group_key("bsn", degree=0))


def _same_key_twice(made: pb.Covenant) -> None:
    made.epochs[0].keys[1].CopyFrom(_key(made))
    made.epochs[0].keys[1].namespace = "address"


def _same_key_in_two_epochs(made: pb.Covenant) -> None:
    made.epochs.add().CopyFrom(made.epochs[0])
    made.epochs[1].number = 2


def _one_secret(made: pb.Covenant, field: str) -> None:
    setattr(made.members[1], field, getattr(made.members[0], field))


def _no_witnesses(made: pb.Covenant) -> None:
    made.sandbox = False
    made.ClearField("witnesses")
    made.ClearField("witness_threshold")


def _many_witnesses(made: pb.Covenant) -> None:
    made.witnesses.extend(_witness(f"more-{number}") for number in range(covenants.MAX_WITNESSES - 1))


LOW_ORDER = b"\x01" + bytes(31)
INVALID: dict[str, Change] = {
    "unknown field": lambda made: made.MergeFromString(UNKNOWN_FIELD),
    "unknown field in a member": lambda made: made.members[0].MergeFromString(UNKNOWN_FIELD),
    "unknown field in a share": lambda made: _key(made).shares[0].MergeFromString(UNKNOWN_FIELD),
    "id in capitals": _put("id", "Zeeland"),
    "id missing": lambda made: made.ClearField("id"),
    "version 0": lambda made: made.ClearField("version"),
    "moment beyond every calendar": _put("valid_until", 2**64 - 1),
    "no CA certificate": lambda made: made.ClearField("ca_certificates"),
    "board key of low order": lambda made: made.board_keys.__setitem__(0, LOW_ORDER),
    "board key twice": lambda made: made.board_keys.__setitem__(0, made.board_keys[1]),
    "board threshold 0": lambda made: made.ClearField("board_threshold"),
    "board threshold over its keys": _put("board_threshold", 4),
    "a real covenant that one board key signs": _real("board_threshold"),
    "key threshold 0": lambda made: made.ClearField("key_threshold"),
    "key threshold over the key holders": _put("key_threshold", 4),
    "a real covenant whose keys one holder has": _real("key_threshold"),
    "member twice": _put("members.1.id", "school"),
    "member id in capitals": _put("members.1.id", "Town"),
    "member of unknown kind": _put("members.0.kind", "bank"),
    "signing key of low order": _put("members.0.signing_key", LOW_ORDER),
    "signing key too short": _put("members.0.signing_key", bytes(31)),
    "letter key zero": _put("members.0.letter_key", bytes(32)),
    "letter key of low order": _put("members.0.letter_key", LOW_ORDER),
    "letter key too long": _put("members.0.letter_key", bytes(33)),
    "two members with one signing key": lambda made: _one_secret(made, "signing_key"),
    "two members with one letter key": lambda made: _one_secret(made, "letter_key"),
    "quota for an unknown namespace": _put("members.0.quotas.0.namespace", "phone"),
    "quota twice": lambda made: made.members[0].quotas.add(namespace="bsn"),
    "key holder twice": _put("key_holders.1.id", "keyholder-1"),
    "share number 0": lambda made: made.key_holders[0].ClearField("share_number"),
    "share number 256": _put("key_holders.0.share_number", 256),
    "share number twice": _put("key_holders.1.share_number", 1),
    "epoch twice": lambda made: made.epochs.add(number=1, valid_from=FROM, valid_until=UNTIL),
    "key for an unknown namespace": _put("epochs.0.keys.0.namespace", "phone"),
    "key twice for a namespace": _put("epochs.0.keys.0.namespace", "address"),
    "share missing": lambda made: _key(made).shares.pop(),
    "share of nobody": lambda made: _key(made).shares.add(share_number=4, public_key=_key(made).public_key),
    "share off the polynomial": lambda made: _set_share(made, 2, made.epochs[0].keys[1].shares[2].public_key),
    "two shares exchanged": _exchange_shares,
    "share is the identity": lambda made: _set_share(made, 0, bytes(32)),
    "share is no element": lambda made: _set_share(made, 0, b"\xff" * 32),
    "group key of another polynomial": _other_group_key,
    "fewer holders than promised have the key": _lower_degree,
    "one key for two namespaces": _same_key_twice,
    "one key for two epochs": _same_key_in_two_epochs,
    "index id missing": lambda made: made.ClearField("index"),
    "retention of 25 months": _put("rules.retention_months", 25),
    "retention missing": lambda made: made.rules.ClearField("retention_months"),
    "household limit 0": lambda made: made.rules.ClearField("household_limit"),
    "mixing over a day": _put("rules.mixing_minutes", 1441),
    "rule for an unknown kind": _put("rules.kinds.0.kind", "bank"),
    "rule twice for a kind": _put("rules.kinds.0.kind", "municipality"),
    "unknown relation": lambda made: made.rules.kinds[0].relations.append("uncle"),
    "direct pair of an unknown kind": _put("rules.direct.0.one", "bank"),
    "term of no days": _put("rules.follow_up.acknowledge_days", 0),
    "term of 261 days": _put("rules.follow_up.contact_days", 261),
    "no term for an agreement": lambda made: made.rules.follow_up.ClearField("agreement_days"),
    "no term for an evaluation": lambda made: made.rules.follow_up.ClearField("evaluation_days"),
    "grace of 261 days": _put("rules.follow_up.grace_days", 261),
    "reminder of 261 days": _put("rules.follow_up.reminder_days", 261),
    "no terms of the follow-up": lambda made: made.rules.ClearField("follow_up"),
    "archive of 61 months": _put("rules.archive_months", 61),
    "unknown field in the terms": lambda made: made.rules.follow_up.MergeFromString(UNKNOWN_FIELD),
    "coordinator that is no member": _put("coordination.0.coordinator", "stranger"),
    "coordinator of another kind": _put("coordination.0.coordinator", "town"),
    "coordinator missing": lambda made: made.coordination[0].ClearField("coordinator"),
    "coordinator of no kind": lambda made: made.coordination[0].ClearField("kinds"),
    "coordinator of an unknown kind": lambda made: made.coordination[0].kinds.append("bank"),
    "coordinator of a kind twice": lambda made: made.coordination[0].kinds.append("shelter"),
    "coordinator of coordinators": lambda made: made.coordination[0].kinds.append("coordinator"),
    "unknown field in a coordination": lambda made: made.coordination[0].MergeFromString(UNKNOWN_FIELD),
    "log key missing": lambda made: made.index.ClearField("log_key"),
    "log key of low order": _put("index.log_key", LOW_ORDER),
    "log key too long": _put("index.log_key", bytes(33)),
    "signing key of a key holder missing": lambda made: made.key_holders[0].ClearField("signing_key"),
    "signing key of a key holder of low order": _put("key_holders.0.signing_key", LOW_ORDER),
    "witness twice": _put("witnesses.1.id", "witness-1"),
    "witness id in capitals": _put("witnesses.0.id", "Witness"),
    "witness without name": _put("witnesses.0.name", " "),
    "witness key missing": lambda made: made.witnesses[0].ClearField("key"),
    "witness key of low order": _put("witnesses.0.key", LOW_ORDER),
    "33 witnesses": _many_witnesses,
    "witness threshold over the witnesses": _put("witness_threshold", 3),
    "a real covenant that asks no witness": _real("witness_threshold", 0),
    "a real covenant without witnesses": _no_witnesses,
    "unknown field in a witness": lambda made: made.witnesses[0].MergeFromString(UNKNOWN_FIELD),
    "the log signs with a board key": _put("index.log_key", public_key(BOARD[2])),
    "a witness signs with the log's key": lambda made: setattr(made.witnesses[0], "key", made.index.log_key),
    "two witnesses with one key": lambda made: setattr(made.witnesses[1], "key", made.witnesses[0].key),
    "a witness signs with a member's key": lambda made: setattr(made.witnesses[0], "key", made.members[0].signing_key),
    "two key holders with one signing key": lambda made: setattr(
        made.key_holders[1], "signing_key", made.key_holders[0].signing_key
    ),
    "a key holder signs with a member's key": lambda made: setattr(
        made.key_holders[0], "signing_key", made.members[0].signing_key
    ),
    "a member signs with a board key": _put("members.0.signing_key", public_key(BOARD[2])),
    "direct pair with a shelter": _put("rules.direct.0.one", "shelter"),
}  # fmt: skip
