"""Every way in which a covenant can be wrong is refused, with a message that says which."""

import itertools
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from raakvlak_local import dealer
from raakvlak_protocol import covenant as covenants
from raakvlak_protocol import ristretto
from raakvlak_protocol.covenant import Coordination, FollowUpTerms
from raakvlak_protocol.errors import Malformed, NotPermitted, Refused
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.note import COSIGNATURE, ED25519, NoteKey
from raakvlak_protocol.publication import sign
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.covenants import FROM, NOW, UNTIL, Sandbox, encoded, envelope, make_covenant, public_key


def _wrong_share(payload: pb.Covenant) -> None:
    share = payload.epochs[0].keys[0].shares[1]
    share.public_key = ristretto.hash_to_group(b"\x07" * 64)


def _equal_group_keys(payload: pb.Covenant) -> None:
    bsn, address = payload.epochs[0].keys
    address.public_key = bsn.public_key
    del address.shares[:]
    address.shares.extend(bsn.shares)


def _one_key_for_two_epochs(payload: pb.Covenant) -> None:
    copy = payload.epochs.add()
    copy.CopyFrom(payload.epochs[0])
    copy.number = 2


def _share_number_twice(payload: pb.Covenant) -> None:
    payload.key_holders[1].share_number = 1


def _public_share_twice(payload: pb.Covenant) -> None:
    payload.epochs[0].keys[0].shares[1].share_number = 1


def _member_twice(payload: pb.Covenant) -> None:
    payload.members[1].id = payload.members[0].id


def _signing_key_twice(payload: pb.Covenant) -> None:
    payload.members[1].signing_key = payload.members[0].signing_key


def _key_holder_twice(payload: pb.Covenant) -> None:
    payload.key_holders[1].id = payload.key_holders[0].id


def _lower_degree(payload: pb.Covenant) -> None:
    key = payload.epochs[0].keys[0]
    for share in key.shares:
        share.public_key = key.public_key


def _identity_as_group_key(payload: pb.Covenant) -> None:
    payload.epochs[0].keys[0].public_key = bytes(32)


def _missing_share(payload: pb.Covenant) -> None:
    del payload.epochs[0].keys[0].shares[2]


def _low_order_signing_key(payload: pb.Covenant) -> None:
    payload.members[0].signing_key = bytes([1]) + bytes(31)


def _shelter_direct(payload: pb.Covenant) -> None:
    payload.rules.direct.add(one="shelter", other="education")


def _no_log_key(payload: pb.Covenant) -> None:
    payload.index.ClearField("log_key")


def _low_order_log_key(payload: pb.Covenant) -> None:
    payload.index.log_key = bytes([1]) + bytes(31)


def _short_log_key(payload: pb.Covenant) -> None:
    payload.index.log_key = payload.index.log_key[:31]


def _no_holder_key(payload: pb.Covenant) -> None:
    payload.key_holders[1].ClearField("signing_key")


def _no_witness_key(payload: pb.Covenant) -> None:
    payload.witnesses[0].ClearField("key")


def _witness_twice(payload: pb.Covenant) -> None:
    payload.witnesses.add(id="witness-1", name="Another", key=public_key(SecretBytes(b"\x09" * 32)))


def _nameless_witness(payload: pb.Covenant) -> None:
    payload.witnesses[0].name = " "


def _too_many_witnesses(payload: pb.Covenant) -> None:
    for number in range(covenants.MAX_WITNESSES):
        payload.witnesses.add(id=f"more-{number}", name="More", key=public_key(SecretBytes(bytes([number]) * 32)))


def _more_than_all_witnesses(payload: pb.Covenant) -> None:
    payload.witness_threshold = 2


def _real(payload: pb.Covenant) -> None:
    """No sandbox, and right in all but its witnesses."""
    payload.sandbox = False
    payload.board_keys.append(public_key(SecretBytes(b"\x08" * 32)))
    payload.board_threshold = 2


def _real_without_witness(payload: pb.Covenant) -> None:
    _real(payload)
    del payload.witnesses[:]


def _term(field: str, days: int) -> Callable[[pb.Covenant], None]:
    return lambda payload: setattr(payload.rules.follow_up, field, days)


def _no_terms(payload: pb.Covenant) -> None:
    payload.rules.ClearField("follow_up")


def _long_archive(payload: pb.Covenant) -> None:
    payload.rules.archive_months = covenants.MAX_ARCHIVE_MONTHS + 1


def _coordinated_by(member: str) -> Callable[[pb.Covenant], None]:
    return lambda payload: setattr(payload.coordination[0], "coordinator", member)


def _coordinated(*kinds: str) -> Callable[[pb.Covenant], None]:
    def change(payload: pb.Covenant) -> None:
        payload.coordination[0].kinds[:] = kinds

    return change


def _coordinator_left(payload: pb.Covenant) -> None:
    payload.members.pop()


def _no_root(payload: pb.Covenant) -> None:
    del payload.ca_certificates[:]


WRONG: dict[str, tuple[Callable[[pb.Covenant], None], str]] = {
    "one wrong public share": (_wrong_share, "share 2"),
    "two equal group keys": (_equal_group_keys, "group keys are the same"),
    "one key for two epochs": (_one_key_for_two_epochs, "group keys are the same"),
    "share number twice": (_share_number_twice, "share numbers are the same"),
    "public share twice": (_public_share_twice, "exactly one public share of each key holder"),
    "member twice": (_member_twice, "member school stands twice"),
    "key holder twice": (_key_holder_twice, "key holder keyholder-1 stands twice"),
    "signing key twice": (_signing_key_twice, "member school and member town have the same signing key"),
    "fewer shares suffice": (_lower_degree, "fewer than 2 of these shares"),
    "identity as group key": (_identity_as_group_key, "identity"),
    "public share missing": (_missing_share, "exactly one public share of each key holder"),
    "low-order signing key": (_low_order_signing_key, "key that is none"),
    "shelter direct": (_shelter_direct, "shelter"),
    "no root": (_no_root, "ca_certificates is empty"),
    "no log key": (_no_log_key, "the log has a signing key that is none"),
    "low-order log key": (_low_order_log_key, "the log has a signing key that is none"),
    "short log key": (_short_log_key, "the log has a signing key that is none"),
    "no signing key of a key holder": (_no_holder_key, "key holder keyholder-2 has a signing key that is none"),
    "no witness key": (_no_witness_key, "witness witness-1 has a signing key that is none"),
    "witness twice": (_witness_twice, "witness witness-1 stands twice"),
    "nameless witness": (_nameless_witness, "witness witness-1 needs a name"),
    "too many witnesses": (_too_many_witnesses, "witnesses is 33"),
    "more than all witnesses": (_more_than_all_witnesses, "witness_threshold is 2 and must lie between 0 and 1"),
    "acknowledge_days of 0 days": (
        _term("acknowledge_days", 0),
        "follow_up.acknowledge_days is 0 and must lie between 1 and 260",
    ),
    "contact_days of 0 days": (_term("contact_days", 0), "follow_up.contact_days is 0 and must lie between 1 and 260"),
    "agreement_days of 0 days": (_term("agreement_days", 0), "follow_up.agreement_days is 0 and must lie between 1 and 260"),
    "evaluation_days of 0 days": (_term("evaluation_days", 0), "follow_up.evaluation_days is 0 and must lie between 1 and 260"),
    "acknowledge_days of 261 days": (
        _term("acknowledge_days", 261),
        "follow_up.acknowledge_days is 261 and must lie between 1 and 260",
    ),
    "contact_days of 261 days": (_term("contact_days", 261), "follow_up.contact_days is 261 and must lie between 1 and 260"),
    "agreement_days of 261 days": (
        _term("agreement_days", 261),
        "follow_up.agreement_days is 261 and must lie between 1 and 260",
    ),
    "evaluation_days of 261 days": (
        _term("evaluation_days", 261),
        "follow_up.evaluation_days is 261 and must lie between 1 and 260",
    ),
    "grace_days of 261 days": (_term("grace_days", 261), "follow_up.grace_days is 261 and must lie between 0 and 260"),
    "reminder_days of 261 days": (_term("reminder_days", 261), "follow_up.reminder_days is 261 and must lie between 0 and 260"),
    "no terms": (_no_terms, "follow_up.acknowledge_days is 0"),
    "a long archive": (_long_archive, "archive_months is 61 and must lie between 0 and 60"),
    "a stranger coordinates": (_coordinated_by("stranger"), "must be a member of the kind coordinator"),
    "nobody coordinates some kinds": (_coordinated_by(""), "must be a member of the kind coordinator"),
    "a school coordinates": (_coordinated_by("school"), "must be a member of the kind coordinator"),
    "the coordinator left": (_coordinator_left, "must be a member of the kind coordinator"),
    "a coordinator of no kind": (_coordinated(), "coordinator coordinator serves no kind"),
    "a coordinator of an unknown kind": (_coordinated("education", "bank"), "serves no kind, one twice, or an unknown one"),
    "a coordinator of a kind twice": (_coordinated("police", "police"), "serves no kind, one twice, or an unknown one"),
    "a coordinator of coordinators": (_coordinated("coordinator"), "serves no kind, one twice, or an unknown one"),
    "a real one that asks no witness": (_real, "witness_threshold is 0 and must lie between 1 and 1"),
    "a real one without witness": (_real_without_witness, "needs a witness"),
}


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_covenant_is_refused_though_the_board_signed_it(change: Callable[[pb.Covenant], None], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        make_covenant(change=change).covenant  # noqa: B018 the verdict is what is tested


def test_terms_may_be_at_their_limits() -> None:
    def change(payload: pb.Covenant) -> None:
        payload.rules.follow_up.CopyFrom(
            pb.FollowUpTerms(acknowledge_days=1, contact_days=260, agreement_days=1, evaluation_days=260, grace_days=0)
        )
        payload.rules.archive_months = 60

    covenant = make_covenant(change=change).covenant
    assert covenant.follow_up == FollowUpTerms(1, 260, 1, 260, 0, 0)
    assert covenant.archive_months == 60


COORDINATED = {"school": "education", "town": "municipality", "police": "police", "one": "coordinator", "other": "coordinator"}


def _serving(*rules: tuple[str, Sequence[str]]) -> Callable[[pb.Covenant], None]:
    def change(payload: pb.Covenant) -> None:
        payload.ClearField("coordination")
        payload.coordination.extend(pb.Coordination(coordinator=coordinator, kinds=kinds) for coordinator, kinds in rules)

    return change


def test_the_first_coordinator_in_order_that_serves_both_kinds_counts() -> None:
    rules = (
        ("other", ("education", "municipality")),
        ("one", ("education", "municipality", "police", "shelter")),
        ("other", ("police", "health")),
    )
    covenant = make_covenant(members=COORDINATED, change=_serving(*rules)).covenant

    def called(kind: str, other: str) -> str | None:
        found = covenant.coordinator_for(kind, other)
        assert found == covenant.coordinator_for(other, kind), "who asks makes no difference"
        return None if found is None else found.id

    assert called("education", "municipality") == called("education", "education") == "other"
    assert called("education", "police") == called("police", "police") == called("shelter", "education") == "one"
    assert called("police", "health") == called("health", "health") == "other"
    assert called("health", "education") is None, "no one rule names both"
    assert called("justice", "justice") is called("coordinator", "education") is None
    assert [kind for kind in covenants.KINDS if covenant.coordinated(kind)] == [
        "education", "municipality", "police", "health", "shelter",
    ]  # fmt: skip


def test_a_later_version_changes_terms_and_coordinators_freely() -> None:
    first = make_covenant(members=COORDINATED, change=_serving(("one", ("education", "police"))))

    def change(payload: pb.Covenant) -> None:
        payload.rules.follow_up.acknowledge_days = 1
        payload.rules.archive_months = 3
        _serving(("other", ("municipality",)), ("one", ("education",)))(payload)

    second = first.successor(change)
    assert (second.covenant.follow_up.acknowledge_days, second.covenant.archive_months) == (1, 3)
    assert second.covenant.coordination == (
        Coordination("other", frozenset({"municipality"})),
        Coordination("one", frozenset({"education"})),
    )

    def nobody(payload: pb.Covenant) -> None:
        payload.ClearField("coordination")
        del payload.members[-2:]
        payload.rules.archive_months = 0

    third = second.successor(nobody).covenant
    assert (third.version, third.coordination, third.archive_months) == (3, (), 0)
    assert not any(third.coordinated(kind) for kind in covenants.KINDS)


# Each place in a covenant where a key stands that signs something.
SIGNERS: dict[str, Callable[[pb.Covenant, bytes], object]] = {
    "a board member": lambda payload, key: payload.board_keys.append(key),
    "the log": lambda payload, key: setattr(payload.index, "log_key", key),
    "member school": lambda payload, key: setattr(payload.members[0], "signing_key", key),
    "key holder keyholder-1": lambda payload, key: setattr(payload.key_holders[0], "signing_key", key),
    "witness witness-1": lambda payload, key: setattr(payload.witnesses[0], "key", key),
}
TWO_SIGNERS = list(itertools.combinations(SIGNERS, 2))


@pytest.mark.parametrize("both", TWO_SIGNERS, ids=[" and ".join(both) for both in TWO_SIGNERS])
def test_no_key_signs_for_two_purposes(both: tuple[str, str]) -> None:
    key = public_key(SecretBytes(b"\x0a" * 32))

    def change(payload: pb.Covenant) -> None:
        for each in both:
            SIGNERS[each](payload, key)

    with pytest.raises(Malformed, match="have the same signing key") as refused:
        make_covenant(change=change).covenant  # noqa: B018 the verdict is what is tested
    assert all(each in refused.value.message for each in both)


def test_a_real_covenant_names_who_watches_its_log() -> None:
    real = make_covenant(change=_real, witness_threshold=1)
    twice = covenants.verify(_file(envelope(encoded(real.payload), [*real.board, SecretBytes(b"\x08" * 32)])), real.pin, NOW)
    assert (twice.sandbox, twice.witness_threshold) == (False, 1)


def test_the_keys_that_sign_notes_bear_the_names_of_their_holders(sandbox: Sandbox) -> None:
    covenant = sandbox.covenant
    assert covenant.log_key == NoteKey("index.index.zeeland.raakvlak", ED25519, public_key(sandbox.log_seed))
    (witness,) = covenant.witnesses.values()
    own = public_key(sandbox.witness_seeds["witness-1"])
    assert witness.key == NoteKey("witness-1.witness.zeeland.raakvlak", COSIGNATURE, own)
    for number, seed in sandbox.holder_seeds.items():
        holder = covenant.key_holders[f"keyholder-{number}"]
        assert holder.signing_key == NoteKey(holder.identity.dns_name, ED25519, public_key(seed))


def test_a_board_changes_witnesses_and_how_many_it_asks(sandbox: Sandbox) -> None:
    def change(payload: pb.Covenant) -> None:
        payload.witnesses[0].key = public_key(SecretBytes(b"\x0b" * 32))
        payload.witnesses.add(id="regulator", name="The regulator", key=public_key(SecretBytes(b"\x0c" * 32)))
        payload.witness_threshold = 2

    changed = sandbox.successor(change).covenant
    assert (list(changed.witnesses), changed.witness_threshold) == (["witness-1", "regulator"], 2)

    def nobody(payload: pb.Covenant) -> None:
        del payload.witnesses[:]

    assert sandbox.successor(nobody).covenant.witnesses == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda payload: setattr(payload.index, "log_key", public_key(SecretBytes(b"\x0d" * 32))),
        lambda payload: setattr(payload.index, "id", "another"),
    ],
    ids=["key", "name"],
)
def test_a_later_version_never_renames_or_rekeys_the_log(sandbox: Sandbox, change: Callable[[pb.Covenant], None]) -> None:
    with pytest.raises(Refused, match=r"the log's key and the index's id.*can't change in a later version"):
        sandbox.successor(change).covenant  # noqa: B018 the verdict is what is tested


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(board_size=3, board_threshold=2)


def _file(*envelopes: pb.CovenantEnvelope) -> bytes:
    return encoded(pb.CovenantHistory(versions=envelopes))


def test_the_threshold_of_board_signatures_is_needed(sandbox: Sandbox) -> None:
    payload = encoded(sandbox.payload)
    assert covenants.verify(_file(envelope(payload, sandbox.board[1:])), sandbox.pin, NOW).version == 1
    twice = envelope(payload, [sandbox.board[0], sandbox.board[0]])
    stranger = envelope(payload, [sandbox.board[0], SecretBytes(b"\x05" * 32)])
    for short in (envelope(payload, []), envelope(payload, sandbox.board[:1]), twice, stranger):
        with pytest.raises(Refused, match="valid board signatures and needs 2"):
            covenants.verify(_file(short), sandbox.pin, NOW)


def test_a_wrong_signature_does_not_count(sandbox: Sandbox) -> None:
    payload = encoded(sandbox.payload)
    good = envelope(payload, sandbox.board[:2])
    good.signatures[0].signature = good.signatures[1].signature
    with pytest.raises(Refused, match="has 1 valid"):
        covenants.verify(_file(good), sandbox.pin, NOW)
    unprefixed = envelope(payload, sandbox.board[:2])
    unprefixed.signatures[0].signature = sign(sandbox.board[0], payload)
    with pytest.raises(Refused, match="has 1 valid"):
        covenants.verify(_file(unprefixed), sandbox.pin, NOW)


def test_a_changed_payload_is_not_what_was_pinned(sandbox: Sandbox) -> None:
    changed = pb.Covenant()
    changed.CopyFrom(sandbox.payload)
    changed.rules.household_limit = 5
    with pytest.raises(Refused, match="not the covenant that was pinned"):
        covenants.verify(_file(envelope(encoded(changed), sandbox.board)), sandbox.pin, NOW)
    with pytest.raises(Refused, match="not the covenant that was pinned"):
        covenants.verify(sandbox.file, bytes(32), NOW)


def test_a_covenant_holds_from_its_first_until_its_last_moment(sandbox: Sandbox) -> None:
    second = timedelta(seconds=1)
    assert covenants.verify(sandbox.file, sandbox.pin, FROM).version == 1
    assert covenants.verify(sandbox.file, sandbox.pin, UNTIL - second).version == 1
    for outside in (FROM - second, UNTIL):
        with pytest.raises(Refused, match="is not now"):
            covenants.verify(sandbox.file, sandbox.pin, outside)


def test_the_newest_version_of_a_chain_counts(sandbox: Sandbox) -> None:
    def limit(number: int) -> Callable[[pb.Covenant], None]:
        def change(payload: pb.Covenant) -> None:
            payload.rules.household_limit = number

        return change

    third = sandbox.successor(limit(5)).successor(limit(6))
    assert (third.covenant.version, third.covenant.household_limit) == (3, 6)
    assert third.covenant.hash != third.pin == sandbox.pin


def test_a_history_whose_past_was_changed_is_refused(sandbox: Sandbox) -> None:
    first, second, third = pb.CovenantHistory.FromString(
        sandbox.successor(lambda payload: None).successor(lambda payload: None).file
    ).versions
    with pytest.raises(Refused, match="the history was changed"):
        covenants.verify(_file(first, third), sandbox.pin, NOW)
    other = pb.Covenant.FromString(second.payload)
    other.rules.household_limit = 7
    with pytest.raises(Refused, match="the history was changed"):
        covenants.verify(_file(first, envelope(encoded(other), sandbox.board), third), sandbox.pin, NOW)
    with pytest.raises(Refused, match="the history was changed"):
        covenants.verify(_file(first, first), sandbox.pin, NOW)


def test_a_new_board_signs_only_what_follows_on_its_appointment(sandbox: Sandbox) -> None:
    new = [SecretBytes(bytes([number]) * 32) for number in (1, 2)]

    def appoint(payload: pb.Covenant) -> None:
        del payload.board_keys[:]
        payload.board_keys.extend(public_key(seed) for seed in new)

    appointed = sandbox.successor(appoint)
    assert appointed.covenant.version == 2, "the old board appoints"
    itself = pb.CovenantHistory.FromString(appointed.file)
    itself.versions[1].CopyFrom(envelope(itself.versions[1].payload, new))
    with pytest.raises(Refused, match="0 valid board signatures"):
        covenants.verify(encoded(itself), sandbox.pin, NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda payload: payload.key_holders[0].__setattr__("name", "another"),
        lambda payload: payload.key_holders[0].__setattr__("signing_key", public_key(SecretBytes(b"\x0e" * 32))),
        lambda payload: payload.__setattr__("key_threshold", 1),
        lambda payload: payload.epochs[0].__setattr__("number", 9),
    ],
    ids=["key holder", "signing key", "threshold", "epoch"],
)
def test_a_board_alone_changes_no_keys(sandbox: Sandbox, change: Callable[[pb.Covenant], None]) -> None:
    with pytest.raises((Refused, Malformed)):
        sandbox.successor(change).covenant  # noqa: B018 the verdict is what is tested


def test_a_sandbox_never_becomes_real(sandbox: Sandbox) -> None:
    def real(payload: pb.Covenant) -> None:
        payload.sandbox = False
        payload.witness_threshold = 1

    with pytest.raises(Refused, match="a sandbox never becomes a real federation"):
        sandbox.successor(real).covenant  # noqa: B018 the verdict is what is tested


# Field 1000, bytes "x": no version of the contract knows it.
UNKNOWN = bytes([0xC2, 0x3E, 1, 0x78])


def test_an_unknown_field_is_refused_at_every_depth(sandbox: Sandbox) -> None:
    with pytest.raises(Malformed, match="does not know"):
        covenants.verify(sandbox.file + UNKNOWN, sandbox.pin, NOW)
    inside = encoded(sandbox.payload) + UNKNOWN
    with pytest.raises(Malformed, match="does not know"):
        covenants.verify(_file(envelope(inside, sandbox.board)), covenants.covenant_hash(inside), NOW)
    deep = pb.Covenant()
    deep.CopyFrom(sandbox.payload)
    deep.members[0].MergeFromString(UNKNOWN)
    with pytest.raises(Malformed, match="does not know"):
        covenants.verify(_file(envelope(encoded(deep), sandbox.board)), covenants.covenant_hash(encoded(deep)), NOW)


@pytest.mark.parametrize("content", [b"", b"\xff", b"a covenant"])
def test_what_is_no_covenant_file_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        covenants.verify(content, bytes(32), NOW)


def test_a_truncated_file_never_verifies(sandbox: Sandbox) -> None:
    for length in range(0, len(sandbox.file), 37):
        with pytest.raises((Malformed, Refused)):
            covenants.verify(sandbox.file[:length], sandbox.pin, NOW)


def test_two_covenants_that_share_a_key_are_found(sandbox: Sandbox) -> None:
    other = make_covenant(id="elsewhere", change=lambda payload: payload.epochs[0].CopyFrom(sandbox.payload.epochs[0]))
    assert sorted(other.covenant.shared_keys(sandbox.covenant)) == [("address", 1), ("bsn", 1)]
    assert make_covenant().covenant.shared_keys(sandbox.covenant) == []


def test_only_those_named_take_part(sandbox: Sandbox) -> None:
    covenant = sandbox.covenant
    assert covenant.knows(sandbox.member("school"))
    assert covenant.knows(sandbox.key_holder(3))
    assert covenant.knows(sandbox.index)
    assert not covenant.knows(Identity(covenant.id, Role.KEYHOLDER, "school"))
    assert not covenant.knows(Identity("elsewhere", Role.NODE, "school"))
    with pytest.raises(NotPermitted):
        covenant.member("stranger")


def test_a_dealt_share_says_nothing_alone() -> None:
    """Both 2-of-3 quorums make the same key; one share, taken as the key, does not."""
    key = dealer.deal("bsn", 1, 2, (1, 2, 3), lambda count: b"\x03" * count)
    assert key.public_key not in key.public_shares.values()
    assert len(set(key.public_shares.values())) == 3
