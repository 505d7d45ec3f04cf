"""One key holder is curious, lies, is slow or is gone; then t of them come together, and succeed."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from raakvlak_node import evaluate as evaluating
from raakvlak_protocol import ristretto, voprf
from raakvlak_protocol.errors import Evidence, OverQuota, RaakvlakError, Unavailable
from raakvlak_protocol.identifier import ADDRESS, BSN
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.ristretto import Scalar
from raakvlak_protocol.v1 import keyholder_pb2 as pb
from raakvlak_protocol.voprf import KeyPair
from tests.attacks.dictionary import bsns, keys_under, recovered, traces, unblinded
from tests.attacks.hostile import NOWHERE, addresses, evaluate, front, made, node_with, right, used
from tests.covenants import Sandbox, make_covenant
from tests.federation import Clock, KeyHolderThreads
from tests.keyholder import running
from tests.party.servers import remote

VICTIM = "123456782"
CANDIDATES = bsns(123_450_000, 2_000)
PERSONS = CANDIDATES[10:13]
"""Of whom the holder has a list, and whom the nodes really know."""


Holders = dict[int, KeyHolderThreads]


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(first_load=100_000, daily=100)


@pytest.fixture(scope="module")
def holders(sandbox: Sandbox, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holders]:
    """Three honest ones by number."""
    folder = tmp_path_factory.mktemp("holders")
    honest = {number: KeyHolderThreads(sandbox, number, folder / str(number), clock) for number in (1, 2, 3)}
    yield honest
    for holder in honest.values():
        holder.stop()


# --- curious ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3])
def test_share_logs_store_and_requests_together_do_not_tell_who_of_a_known_list_was_asked_for(
    sandbox: Sandbox, holders: Holders, clock: Clock, tmp_path: Path, number: int
) -> None:
    share = sandbox.shares(number)[BSN, 1]
    listed = CANDIDATES[:200]
    computed = {bsn: traces(share, sandbox.payload.id, bsn) for bsn in listed}

    def found_in(everything: bytes) -> set[str]:
        return {bsn for bsn, values in computed.items() if any(value in everything for value in values)}

    holder = holders[number]
    with front(sandbox, holder) as listening:
        instead = {f"keyholder_{number}": listening.address, f"keyholder_{number % 3 + 1}": NOWHERE}
        places = addresses(holders.values(), **instead)
        for member in ("school", "town"):
            with node_with(sandbox, tmp_path / member, clock, places, PERSONS, member) as node:
                assert evaluate(node, clock) == len(PERSONS)
        files = b"".join(file.read_bytes() for file in holder.path.parent.iterdir())
        has = listening.heard() + holder.log().encode() + files
        assert len(listening.requests) == 2
        assert found_in(has) == set()
        # Not because the search finds nothing: of a node that did not blind it tells whom it asked for.
        with remote(sandbox, listening.address, server=holder.identity) as careless:
            running.evaluate(careless, sandbox, [unblinded(sandbox.payload.id, bsn) for bsn in PERSONS])
        assert found_in(listening.heard()) == set(PERSONS)


def test_two_requests_for_one_person_have_nothing_in_common(
    sandbox: Sandbox, holders: Holders, clock: Clock, tmp_path: Path
) -> None:
    """Neither of two members nor of one: the same node, asked to begin again, draws other blinds."""
    with front(sandbox, holders[2]) as listening:
        places = addresses(holders.values(), keyholder_2=listening.address)
        for folder, member in (("one", "school"), ("other", "town"), ("again", "school")):
            with node_with(sandbox, tmp_path / folder, clock, places, PERSONS, member) as node:
                evaluate(node, clock)
                assert [made(node, bsn) for bsn in PERSONS] == [right(sandbox, bsn) for bsn in PERSONS]
        asked = [element for request in listening.requests for element in request.blinded_elements]
        answered = [element for reply in listening.replies for element in reply.evaluated_elements]
    assert len(asked) == 3 * len(PERSONS)
    assert len({*asked, *answered}) == 6 * len(PERSONS)


def test_one_share_and_the_tokens_of_the_index_make_no_dictionary(sandbox: Sandbox) -> None:
    tokens = {right(sandbox, bsn).token.reveal() for bsn in CANDIDATES[:200]}
    for number in (1, 2, 3):
        share = sandbox.shares(number)[BSN, 1]
        guessed = {keys_under(share, sandbox.payload.id, bsn).token.reveal() for bsn in CANDIDATES[:200]}
        assert len(guessed) == len(tokens) == 200
        assert not guessed & tokens


def test_its_log_tells_counts_and_nothing_else(sandbox: Sandbox, holders: Holders, clock: Clock, tmp_path: Path) -> None:
    with front(sandbox, holders[2]) as listening:
        places = addresses(holders.values(), keyholder_2=listening.address)
        with node_with(sandbox, tmp_path, clock, places, PERSONS) as node:
            evaluate(node, clock)
    log = holders[2].log()
    assert '"count": 3' in log
    for request, reply in zip(listening.requests, listening.replies, strict=True):
        for secret in [*request.blinded_elements, *reply.evaluated_elements, reply.proof]:
            assert secret.hex() not in log


# --- t of them: succeeds ----------------------------------------------------------------------------------------------


def found(secret: Scalar, covenant_id: str, token: bytes) -> str | None:
    """Tries all numbers: 2,000 here, which take a moment; all 90,909,090 take two core-hours."""
    return next((bsn for bsn in CANDIDATES if keys_under(secret, covenant_id, bsn).token.reveal() == token), None)


@pytest.mark.parametrize("numbers", [(1, 2), (1, 3), (2, 3)])
def test_succeeds_t_key_holders_recover_the_key_and_break_a_token_that_they_get_hold_of(
    sandbox: Sandbox, numbers: tuple[int, int]
) -> None:
    token = right(sandbox, VICTIM).token.reveal()
    key = recovered({number: sandbox.shares(number)[BSN, 1] for number in numbers})
    assert ristretto.multiply_base(key) == sandbox.covenant.key(BSN, 1).public_key
    assert found(key, sandbox.payload.id, token) == VICTIM
    # They can then sign as anyone who knows the person, and open the inner lock of letters about it.
    keys = keys_under(key, sandbox.payload.id, VICTIM)
    assert (keys.seed, keys.letter_key) == (right(sandbox, VICTIM).seed, right(sandbox, VICTIM).letter_key)


def test_the_same_search_with_fewer_than_t_shares_finds_nobody(sandbox: Sandbox) -> None:
    token = right(sandbox, VICTIM).token.reveal()
    for number in (1, 2, 3):
        assert found(recovered({number: sandbox.shares(number)[BSN, 1]}), sandbox.payload.id, token) is None


def test_two_shares_of_different_namespaces_are_not_t_shares(sandbox: Sandbox) -> None:
    mixed = recovered({1: sandbox.shares(1)[BSN, 1], 2: sandbox.shares(2)[ADDRESS, 1]})
    assert ristretto.multiply_base(mixed) not in {sandbox.covenant.key(namespace, 1).public_key for namespace in (BSN, ADDRESS)}


# --- lying ------------------------------------------------------------------------------------------------------------

Keys = Mapping[tuple[str, int], Scalar]
Lie = Callable[[Keys, pb.EvaluateRequest, pb.EvaluateReply], None]


def under(key: Scalar, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> None:
    """An answer that is right in all but its key."""
    evaluation = voprf.blind_evaluate_and_prove(KeyPair.of(key), list(request.blinded_elements), os.urandom)
    elements(reply, *evaluation.elements)
    reply.proof = evaluation.proof


def elements(reply: pb.EvaluateReply, *others: bytes) -> None:
    del reply.evaluated_elements[:]
    reply.evaluated_elements.extend(others)


def of_others(keys: Keys, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> None:
    """What another member asked for, evaluated rightly and proved rightly."""
    evaluation = voprf.blind_evaluate_and_prove(KeyPair.of(keys[BSN, 1]), running.elements(3), os.urandom)
    elements(reply, *evaluation.elements)
    reply.proof = evaluation.proof


def replaced(place: int, by: bytes) -> Lie:
    def lie(keys: Keys, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> None:
        reply.evaluated_elements[place] = by

    return lie


def one_under_another_key(keys: Keys, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> None:
    """A second key for one person of the batch: its token would be another than at every other member."""
    (reply.evaluated_elements[1],) = voprf.blind_evaluate(keys[ADDRESS, 1], [request.blinded_elements[1]])


def proof(change: Callable[[bytes], bytes]) -> Lie:
    def lie(keys: Keys, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> None:
        reply.proof = change(reply.proof)

    return lie


LIES: dict[str, Lie] = {
    "a second key, proved": lambda keys, request, reply: under(keys[ADDRESS, 1], request, reply),
    "a second key for one person": one_under_another_key,
    "minus its key": lambda keys, request, reply: under(-keys[BSN, 1], request, reply),
    "swapped": lambda keys, request, reply: elements(reply, *reversed(reply.evaluated_elements)),
    "cut off": lambda keys, request, reply: elements(reply, *reply.evaluated_elements[:2]),
    "one too many": lambda keys, request, reply: elements(reply, *reply.evaluated_elements, reply.evaluated_elements[0]),
    "far too many": lambda keys, request, reply: elements(reply, *[reply.evaluated_elements[0]] * 50_000),
    "none": lambda keys, request, reply: elements(reply),
    "another's elements": of_others,
    "the identity": replaced(0, ristretto.IDENTITY),
    "not evaluated": lambda keys, request, reply: elements(reply, *request.blinded_elements),
    "no element": replaced(2, b"\xff" * 32),
    "half an element": replaced(2, bytes(16)),
    "a proof of zeros": proof(lambda proof: bytes(64)),
    "a proof cut off": proof(lambda proof: proof[:63]),
    "no proof": proof(lambda proof: b""),
    "a proof turned round": proof(lambda proof: proof[32:] + proof[:32]),
    "nothing at all": lambda keys, request, reply: reply.Clear(),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_wrong_answer_is_evidence_against_its_holder_and_another_is_asked(
    sandbox: Sandbox, holders: Holders, clock: Clock, tmp_path: Path, lie: Lie
) -> None:
    def change(caller: Identity, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> pb.EvaluateReply:
        lie(sandbox.shares(2), request, reply)
        return reply

    failed: dict[str, RaakvlakError] = {}
    with (
        front(sandbox, holders[2], change) as liar,
        node_with(sandbox, tmp_path, clock, addresses(holders.values(), keyholder_2=liar.address), PERSONS) as node,
    ):
        assert evaluate(node, clock, failed) == len(PERSONS)
        assert len(liar.requests) == 1, "once found out, it is not asked again in this walk"
        assert [made(node, bsn) for bsn in PERSONS] == [right(sandbox, bsn) for bsn in PERSONS]
    assert failed.keys() == {"keyholder-2"}
    assert isinstance(failed["keyholder-2"], Evidence)
    assert failed["keyholder-2"].party == "keyholder-2"
    assert "key holder keyholder-2 (share 2) answered wrongly" in failed["keyholder-2"].message


def test_a_second_key_for_one_victim_is_found_at_the_victim_and_tells_its_tokens_apart_nowhere(
    sandbox: Sandbox, holders: Holders, clock: Clock, tmp_path: Path
) -> None:
    def change(caller: Identity, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> pb.EvaluateReply:
        if caller == sandbox.member("school"):
            under(sandbox.shares(2)[ADDRESS, 1], request, reply)
        return reply

    failed: dict[str, dict[str, RaakvlakError]] = {"school": {}, "town": {}}
    tokens = {}
    with front(sandbox, holders[2], change) as liar:
        places = addresses(holders.values(), keyholder_2=liar.address)
        for member, reported in failed.items():
            with node_with(sandbox, tmp_path / member, clock, places, PERSONS, member) as node:
                assert evaluate(node, clock, reported) == len(PERSONS)
                tokens[member] = [made(node, bsn).token for bsn in PERSONS]
        assert len(liar.requests) == 2
    assert failed["town"] == {}
    assert "another key was used" in failed["school"]["keyholder-2"].message
    assert tokens["school"] == tokens["town"] == [right(sandbox, bsn).token for bsn in PERSONS]


def test_two_liars_make_the_node_wait_and_never_a_wrong_token(
    sandbox: Sandbox, holders: Holders, clock: Clock, tmp_path: Path
) -> None:
    """t holders that lie alike could agree on another key; the node still measures each by the covenant."""
    other = ristretto.random_scalar(os.urandom)

    def change(caller: Identity, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> pb.EvaluateReply:
        under(other, request, reply)
        return reply

    failed: dict[str, RaakvlakError] = {}
    with front(sandbox, holders[1], change) as one, front(sandbox, holders[2], change) as two:
        places = addresses(holders.values(), keyholder_1=one.address, keyholder_2=two.address)
        with node_with(sandbox, tmp_path, clock, places, PERSONS) as node:
            with pytest.raises(Unavailable, match="1 key holders answer and 2 are needed"):
                evaluate(node, clock, failed)
            assert node.open_work()["unevaluated"] == len(PERSONS)
    assert failed.keys() == {"keyholder-1", "keyholder-2"}
    assert all(isinstance(error, Evidence) for error in failed.values())


# --- lying about the quota --------------------------------------------------------------------------------------------


def boast(left: pb.QuotaLeft) -> None:
    left.first_load = left.daily = 2**64 - 1


def deny(left: pb.QuotaLeft) -> None:
    left.first_load = left.daily = 0


def never(left: pb.QuotaLeft) -> None:
    """Full again in a year that no calendar has."""
    left.until = 2**63


@pytest.mark.parametrize("lie", [boast, deny, never])
@pytest.mark.parametrize("where", ["Quota", "Evaluate"])
def test_a_false_word_about_the_quota_holds_nothing_up(
    sandbox: Sandbox, holders: Holders, clock: Clock, tmp_path: Path, lie: Callable[[pb.QuotaLeft], None], where: str
) -> None:
    def change(caller: Identity, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> pb.EvaluateReply:
        lie(reply.quota_left)
        return reply

    def change_quota(reply: pb.QuotaReply) -> pb.QuotaReply:
        for each in reply.quotas:
            lie(each)
        return reply

    with (
        front(sandbox, holders[2]) as liar,
        node_with(sandbox, tmp_path, clock, addresses(holders.values(), keyholder_2=liar.address), PERSONS) as node,
    ):
        if where == "Quota":
            liar.change_quota = change_quota
        else:
            liar.change = change
        assert evaluate(node, clock) == len(PERSONS)
        assert [made(node, bsn) for bsn in PERSONS] == [right(sandbox, bsn) for bsn in PERSONS]


def test_one_that_claims_that_the_quota_is_used_up_holds_nothing_up(
    sandbox: Sandbox, holders: Holders, clock: Clock, tmp_path: Path
) -> None:
    def change(caller: Identity, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> pb.EvaluateReply:
        raise OverQuota("nothing is left", left=0, until=clock())

    failed: dict[str, RaakvlakError] = {}
    with (
        front(sandbox, holders[2], change) as liar,
        node_with(sandbox, tmp_path, clock, addresses(holders.values(), keyholder_2=liar.address), PERSONS) as node,
    ):
        assert evaluate(node, clock, failed) == len(PERSONS)
    assert failed.keys() == {"keyholder-2"}


# --- slow, or gone ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["Quota", "Evaluate"])
def test_a_slow_one_is_named_and_another_is_asked(
    sandbox: Sandbox,
    holders: Holders,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    monkeypatch.setattr(evaluating, "ANSWER_SECONDS", 0.5)
    over = threading.Event()

    def change(caller: Identity, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> pb.EvaluateReply:
        over.wait(30)
        return reply

    def change_quota(reply: pb.QuotaReply) -> pb.QuotaReply:
        over.wait(30)
        return reply

    failed: dict[str, RaakvlakError] = {}
    with (
        front(sandbox, holders[2]) as slow,
        node_with(sandbox, tmp_path, clock, addresses(holders.values(), keyholder_2=slow.address), PERSONS) as node,
    ):
        if where == "Quota":
            slow.change_quota = change_quota
        else:
            slow.change = change
        began = time.monotonic()
        try:
            assert evaluate(node, clock, failed) == len(PERSONS)
        finally:
            over.set()
        assert time.monotonic() - began < 10
        assert [made(node, bsn) for bsn in PERSONS] == [right(sandbox, bsn) for bsn in PERSONS]
    assert failed.keys() == {"keyholder-2"}
    assert "keyholder keyholder-2" in failed["keyholder-2"].message
    assert "did not answer in time" in failed["keyholder-2"].message


def test_one_that_is_gone_is_named_and_another_is_asked(
    sandbox: Sandbox, holders: Holders, clock: Clock, tmp_path: Path
) -> None:
    failed: dict[str, RaakvlakError] = {}
    places = addresses(holders.values(), keyholder_1=NOWHERE)
    with node_with(sandbox, tmp_path, clock, places, PERSONS) as node:
        assert evaluate(node, clock, failed) == len(PERSONS)
        assert [made(node, bsn) for bsn in PERSONS] == [right(sandbox, bsn) for bsn in PERSONS]
    assert failed.keys() == {"keyholder-1"}
    assert "keyholder keyholder-1" in failed["keyholder-1"].message


def test_with_fewer_than_t_everything_waits_and_resumes(
    sandbox: Sandbox, holders: Holders, clock: Clock, tmp_path: Path
) -> None:
    before = {number: used(sandbox, holder) for number, holder in holders.items()}
    alone = addresses(holders.values(), keyholder_1=NOWHERE, keyholder_3=NOWHERE)
    with node_with(sandbox, tmp_path, clock, alone, PERSONS) as node:
        for _ in range(2):
            with pytest.raises(Unavailable, match="everything waits and goes on at the next sync") as waits:
                evaluate(node, clock)
            assert "keyholder-1" in waits.value.message
            assert "keyholder-3" in waits.value.message
        assert node.open_work()["unevaluated"] == len(PERSONS)
        after = {number: used(sandbox, holder) for number, holder in holders.items()}
        assert after == before, "nobody was asked in vain"
        # They are back, at other addresses.
        resumed = replace(node, settings=replace(node.settings, key_holders=addresses(holders.values())))
        assert evaluate(resumed, clock) == len(PERSONS)
        assert [made(node, bsn) for bsn in PERSONS] == [right(sandbox, bsn) for bsn in PERSONS]


def test_a_batch_that_one_holder_charged_before_the_others_failed_is_finished_without_a_second_charge(
    sandbox: Sandbox, holders: Holders, clock: Clock, tmp_path: Path
) -> None:
    down = True

    def change(caller: Identity, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> pb.EvaluateReply:
        if down:
            raise Unavailable("the disk is full")
        return reply

    before = used(sandbox, holders[2])
    with (
        front(sandbox, holders[1], change) as one,
        front(sandbox, holders[2]) as two,
        front(sandbox, holders[3], change) as three,
        node_with(
            sandbox,
            tmp_path,
            clock,
            {f"keyholder-{number}": each.address for number, each in enumerate((one, two, three), 1)},
            PERSONS,
        ) as node,
    ):
        for _ in range(3):
            with pytest.raises(Unavailable):
                evaluate(node, clock)
        down = False
        assert evaluate(node, clock) == len(PERSONS)
        assert [made(node, bsn) for bsn in PERSONS] == [right(sandbox, bsn) for bsn in PERSONS]
        sent = {request.SerializeToString() for each in (one, two, three) for request in each.requests}
    assert len(two.requests) == 4
    assert len(sent) == 1, "the same elements each time"
    assert used(sandbox, holders[2]) - before == len(PERSONS)
