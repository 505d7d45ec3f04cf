"""Somebody tampers with the covenant: a dealer, a key holder, a thief of board keys, whoever hands the file over."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import nacl.utils
import pytest

from raakvlak_keyholder import evaluator
from raakvlak_keyholder.evaluator import Evaluator as KeyHolderKeys
from raakvlak_protocol import covenant as covenants
from raakvlak_protocol import ristretto, threshold, token, voprf
from raakvlak_protocol.errors import Malformed, Refused, Unavailable
from raakvlak_protocol.identifier import ADDRESS, BSN
from raakvlak_protocol.ristretto import Element, Scalar
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import covenant_pb2 as pb
from raakvlak_protocol.voprf import KeyPair
from tests.attacks.dictionary import keys_under, prf_input, recovered
from tests.attacks.hostile import addresses, evaluate, made, node_with, right
from tests.covenants import NOW, SHARE_NUMBERS, Change, Sandbox, encoded, envelope, make_covenant, public_key
from tests.federation import Clock, KeyHolderThreads

VICTIM = "123456782"


# --- the keys in it ---------------------------------------------------------------------------------------------------


def group_key(payload: pb.Covenant, namespace: str) -> pb.GroupKey:
    (found,) = [key for key in payload.epochs[0].keys if key.namespace == namespace]
    return found


def wrong_share(number: int, public: Element) -> Change:
    def change(payload: pb.Covenant) -> None:
        group_key(payload, BSN).shares[number - 1].public_key = public

    return change


def output(sandbox: Sandbox, shares: dict[int, Scalar]) -> bytes:
    """The victim's output by a quorum of these shares, each answer proved and verified under its own public share."""
    inputs = [prf_input(sandbox.payload.id, VICTIM)]
    blinds = voprf.new_blinds(1, nacl.utils.random)
    blinded = voprf.blind(inputs, blinds)
    answers = []
    for number, share in shares.items():
        key = KeyPair.of(share)
        evaluation = voprf.blind_evaluate_and_prove(key, blinded, nacl.utils.random)
        holder = threshold.Holder(f"keyholder-{number}", number, key.public)
        answers.append(threshold.verify_answer(holder, blinded, evaluation.elements, evaluation.proof))
    return threshold.combine(inputs, blinds, answers, len(shares))[0].reveal()


@pytest.mark.parametrize("number", SHARE_NUMBERS)
def test_one_wrong_public_share_is_found_before_it_splits_the_federation(number: int) -> None:
    """With it every proof would hold and still two quorums would make two tokens of one person: matches are missed, and
    a dealer who knows which node asks whom could choose whose."""
    sandbox = make_covenant()
    shares = {each: sandbox.shares(each)[BSN, 1] for each in SHARE_NUMBERS}
    assert output(sandbox, {1: shares[1], 2: shares[2]}) == output(sandbox, {2: shares[2], 3: shares[3]})
    other = ristretto.random_scalar(nacl.utils.random)
    split = shares | {number: other}
    assert output(sandbox, {1: split[1], 2: split[2]}) != output(sandbox, {2: split[2], 3: split[3]})
    with pytest.raises(Malformed, match=f"share {number}; quorums would disagree"):
        _ = make_covenant(change=fixed(sandbox, wrong_share(number, ristretto.multiply_base(other)))).covenant


def fixed(sandbox: Sandbox, change: Change) -> Change:
    """The keys of this sandbox in place of fresh ones, and then the change."""

    def both(payload: pb.Covenant) -> None:
        del payload.epochs[:]
        payload.epochs.extend(sandbox.payload.epochs)
        change(payload)

    return both


def test_a_group_key_of_another_polynomial_is_found() -> None:
    def change(payload: pb.Covenant) -> None:
        group_key(payload, BSN).public_key = ristretto.multiply_base(ristretto.random_scalar(nacl.utils.random))

    with pytest.raises(Malformed, match="the group key; quorums would disagree"):
        _ = make_covenant(change=change).covenant


def test_a_key_that_each_holder_has_whole_is_found() -> None:
    """Threshold 2 on paper, and every share is the key itself."""
    key = ristretto.multiply_base(ristretto.random_scalar(nacl.utils.random))

    def change(payload: pb.Covenant) -> None:
        group_key(payload, BSN).public_key = key
        for share in group_key(payload, BSN).shares:
            share.public_key = key

    with pytest.raises(Malformed, match="fewer than 2"):
        _ = make_covenant(change=change).covenant


def test_a_key_holder_with_another_share_than_the_covenants_does_not_serve() -> None:
    sandbox = make_covenant()
    shares = sandbox.shares(2) | {(BSN, 1): ristretto.random_scalar(nacl.utils.random)}
    with pytest.raises(Refused, match="does not match public share 2"):
        KeyHolderKeys(sandbox.covenant, 2, shares, NOW)


def test_two_namespaces_with_the_same_key_are_refused() -> None:
    def change(payload: pb.Covenant) -> None:
        group_key(payload, ADDRESS).CopyFrom(group_key(payload, BSN))
        payload.epochs[0].keys[1].namespace = ADDRESS

    with pytest.raises(Malformed, match="two of the group keys are the same"):
        _ = make_covenant(change=change).covenant


def test_two_epochs_with_the_same_key_are_refused() -> None:
    """Tokens of a person whose term is over would be linked to the next epoch's by whoever evaluated then."""

    def change(payload: pb.Covenant) -> None:
        group_key(payload, BSN).CopyFrom(payload.epochs[1].keys[0])

    with pytest.raises(Malformed, match="two of the group keys are the same"):
        _ = make_covenant(epochs=(1, 2), change=change).covenant


@pytest.mark.parametrize("joining", [evaluator.joined, lambda held, arrived: parsed({**held, **arrived})])
def test_a_key_holder_takes_no_second_share_with_the_same_secret(joining: Callable[..., object]) -> None:
    secret = make_covenant().shares(1)[BSN, 1]
    for other in ((ADDRESS, 1), (BSN, 2)):
        with pytest.raises(Refused, match="one key for two purposes would join what the covenant keeps apart"):
            joining({(BSN, 1): secret}, {other: secret})
    with pytest.raises(Refused, match="a share never changes within an epoch"):
        evaluator.joined({(BSN, 1): secret}, {(BSN, 1): make_covenant().shares(1)[BSN, 1]})


def parsed(shares: evaluator.Shares) -> evaluator.Shares:
    """The shares as they arrive on standard input, and as the sealed file holds them."""
    lines = [line.reveal().decode() for line in evaluator.share_lines(shares, 1)]
    return evaluator.parse_shares(lines, 1)


# --- one key for two covenants ----------------------------------------------------------------------------------------


def second_covenant(first: Sandbox, of: Callable[[pb.GroupKey], object] = lambda key: None) -> Sandbox:
    """Another federation whose dealer gave it the first one's keys, changed by `of`."""

    def change(payload: pb.Covenant) -> None:
        del payload.epochs[:]
        payload.epochs.extend(first.payload.epochs)
        for key in payload.epochs[0].keys:
            of(key)

    return replace(make_covenant(id="holland", change=change), keys=first.keys)


def test_one_key_for_two_covenants_makes_other_tokens_and_is_found_by_comparing(tmp_path: Path) -> None:
    first = make_covenant()
    second = second_covenant(first)
    clock = Clock()
    tokens = []
    with ExitStack() as stack:
        for sandbox in (first, second):
            folder = tmp_path / sandbox.payload.id
            holders = [KeyHolderThreads(sandbox, number, folder / str(number), clock) for number in SHARE_NUMBERS]
            for holder in holders:
                stack.callback(holder.stop)
            node = stack.enter_context(node_with(sandbox, folder, clock, addresses(holders), [VICTIM]))
            assert evaluate(node, clock) == 1
            tokens.append(made(node, VICTIM))
    one, other = tokens
    assert one.token != other.token
    assert one.letter_key != other.letter_key
    assert first.covenant.shared_keys(second.covenant) == [(BSN, 1), (ADDRESS, 1)]
    assert second.covenant.shared_keys(first.covenant) == [(BSN, 1), (ADDRESS, 1)]
    assert first.covenant.shared_keys(make_covenant(id="holland").covenant) == []


def blind_evaluation(sandbox: Sandbox, input: SecretBytes) -> SecretBytes:
    """What a member gets of the key holders of a covenant for any input it likes: none of them sees which."""
    (blind,) = voprf.new_blinds(1, nacl.utils.random)
    blinded = voprf.blind([input], [blind])
    answers = []
    for number in (1, 3):
        share = KeyPair.of(sandbox.shares(number)[BSN, 1])
        evaluation = voprf.blind_evaluate_and_prove(share, blinded, nacl.utils.random)
        holder = threshold.Holder(f"keyholder-{number}", number, sandbox.covenant.key(BSN, 1).shares[number])
        answers.append(threshold.verify_answer(holder, blinded, evaluation.elements, evaluation.proof))
    return threshold.combine([input], [blind], answers, 2)[0]


def test_succeeds_who_evaluates_for_one_covenant_has_evaluated_for_the_other_with_the_same_key() -> None:
    """The names inside the input are chosen by the client; only the key keeps two purposes apart."""
    first = make_covenant()
    second = second_covenant(first)
    taken = token.expand(blind_evaluation(first, prf_input("holland", VICTIM)))
    assert taken == right(second, VICTIM)


def test_succeeds_a_multiple_of_another_covenants_key_is_not_found_by_comparing() -> None:
    """Whoever dealt both knows the factor, and evaluates for the one as a member of the other. Keys must be made by
    parties that do not deal for each other."""
    first = make_covenant()
    factor = Scalar.public(2)

    def multiply(key: pb.GroupKey) -> None:
        key.public_key = ristretto.multiply(factor, key.public_key)
        for share in key.shares:
            share.public_key = ristretto.multiply(factor, share.public_key)

    second = second_covenant(first, multiply)
    assert second.covenant.shared_keys(first.covenant) == []
    whole = recovered({number: first.shares(number)[BSN, 1] for number in (1, 2)})
    (blind,) = voprf.new_blinds(1, nacl.utils.random)
    input = prf_input("holland", VICTIM)
    # The first covenant's holders multiply by their key; the factor is put in with the blind.
    evaluated = voprf.blind_evaluate(whole, voprf.blind([input], [blind * factor]))
    (taken,) = voprf.finalize([input], [blind], evaluated)
    assert token.expand(taken) == keys_under(whole * factor, "holland", VICTIM)


# --- the board's keys -------------------------------------------------------------------------------------------------


def board_of_three() -> Sandbox:
    return make_covenant(board_size=3, board_threshold=2)


def next_version(sandbox: Sandbox, change: Change, *seeds: SecretBytes) -> bytes:
    """A history that goes on with a version signed by these seeds only."""
    payload = pb.Covenant()
    payload.CopyFrom(sandbox.payload)
    payload.version += 1
    payload.previous_hash = sandbox.covenant.hash
    change(payload)
    history = pb.CovenantHistory.FromString(sandbox.file)
    history.versions.append(envelope(encoded(payload), seeds))
    return encoded(history)


OWN = SecretBytes(bytes(range(32)))


def own_board(payload: pb.Covenant) -> None:
    """The thief's key takes the place of the board's."""
    payload.board_keys[:] = [public_key(OWN)]
    payload.board_threshold = 1


def own_quota(payload: pb.Covenant) -> None:
    payload.members[0].quotas[0].daily = 10**9


@pytest.mark.parametrize("change", [own_board, own_quota])
def test_one_stolen_board_key_of_two_makes_no_covenant(change: Change) -> None:
    sandbox = board_of_three()
    stolen = sandbox.board[0]
    for seeds in ((stolen,), (stolen, stolen), (stolen, OWN), (OWN,), ()):
        with pytest.raises(Refused, match="board signatures and needs 2"):
            covenants.verify(next_version(sandbox, change, *seeds), sandbox.pin, NOW)


def test_a_stolen_board_key_cannot_lower_the_threshold_that_it_lacks() -> None:
    """What counts is what the version before demands, not the new one."""
    sandbox = board_of_three()

    def change(payload: pb.Covenant) -> None:
        payload.board_threshold = 1

    with pytest.raises(Refused, match="has 1 valid board signatures and needs 2"):
        covenants.verify(next_version(sandbox, change, sandbox.board[0]), sandbox.pin, NOW)


def test_succeeds_a_threshold_of_board_keys_replaces_the_board_but_not_the_keys() -> None:
    sandbox = board_of_three()
    stolen = sandbox.board[:2]
    taken = covenants.verify(next_version(sandbox, own_board, *stolen), sandbox.pin, NOW)
    assert list(taken.payload.board_keys) == [public_key(OWN)]

    def own_keys(payload: pb.Covenant) -> None:
        payload.epochs[0].CopyFrom(make_covenant().payload.epochs[0])

    with pytest.raises(Refused, match="needs the key holders' signatures"):
        covenants.verify(next_version(sandbox, own_keys, *stolen), sandbox.pin, NOW)


# --- the file ---------------------------------------------------------------------------------------------------------


def three_versions() -> Sandbox:
    first = make_covenant(board_size=2, board_threshold=2)
    second = first.successor(lambda payload: payload.members.pop(1))
    return second.successor(own_quota)


def rearranged(sandbox: Sandbox, *places: int) -> bytes:
    versions = pb.CovenantHistory.FromString(sandbox.file).versions
    return encoded(pb.CovenantHistory(versions=[versions[place] for place in places]))


@pytest.mark.parametrize("places", [(0, 2), (0, 2, 1), (0, 1, 1), (0, 0), (0, 1, 2, 1)])
def test_a_history_with_versions_left_out_doubled_or_turned_round_is_refused(places: tuple[int, ...]) -> None:
    sandbox = three_versions()
    with pytest.raises(Refused, match="the history was changed"):
        covenants.verify(rearranged(sandbox, *places), sandbox.pin, NOW)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_changed_byte_in_any_version_is_found(place: int) -> None:
    sandbox = three_versions()
    history = pb.CovenantHistory.FromString(sandbox.file)
    payload = pb.Covenant.FromString(history.versions[place].payload)
    payload.members[0].name = payload.members[0].name.swapcase()
    history.versions[place].payload = encoded(payload)
    with pytest.raises(Refused, match="not the covenant that was pinned" if place == 0 else "board signatures"):
        covenants.verify(encoded(history), sandbox.pin, NOW)


def test_a_history_of_another_covenant_is_refused_by_the_pin() -> None:
    sandbox, other = three_versions(), make_covenant()
    for history, pin in ((other.file, sandbox.pin), (sandbox.file, other.pin), (sandbox.file, sandbox.covenant.hash)):
        with pytest.raises(Refused, match="not the covenant that was pinned"):
            covenants.verify(history, pin, NOW)


def test_succeeds_a_version_that_is_held_back_is_not_missed_until_somebody_who_has_it_is_called(tmp_path: Path) -> None:
    """A file cut off behind an older version verifies; no call between parties of two versions is answered."""
    clock = Clock()
    old = make_covenant()
    new = old.successor(own_quota)
    holders = [KeyHolderThreads(new, number, tmp_path / str(number), clock) for number in SHARE_NUMBERS]
    try:
        with node_with(old, tmp_path / "node", clock, addresses(holders), [VICTIM]) as node:
            with pytest.raises(Unavailable, match="covenant version differs"):
                evaluate(node, clock)
            assert node.open_work()["unevaluated"] == 1
    finally:
        for holder in holders:
            holder.stop()


UNKNOWN = b"\xfa\x7f\x01x"
"""Field 2047, which this version does not know."""


@pytest.mark.parametrize("where", ["payload", "member", "envelope", "history"])
def test_an_unknown_field_is_refused_even_when_the_board_signed_it(where: str) -> None:
    """A rule that an older party would silently drop must not look obeyed."""

    def change(payload: pb.Covenant) -> None:
        if where == "payload":
            payload.MergeFromString(UNKNOWN)
        elif where == "member":
            payload.members[0].MergeFromString(UNKNOWN)

    sandbox = make_covenant(change=change)
    history = pb.CovenantHistory.FromString(sandbox.file)
    if where == "envelope":
        history.versions[0].MergeFromString(UNKNOWN)
    elif where == "history":
        history.MergeFromString(UNKNOWN)
    with pytest.raises(Malformed, match="holds a field that this version does not know"):
        covenants.verify(history.SerializeToString(), sandbox.pin, NOW)
