"""A member with its own software sweeps: it evaluates numbers that it made up, as many as the key holders let it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import nacl.utils
import pytest

from raakvlak_protocol import ristretto, threshold, token, voprf
from raakvlak_protocol.errors import Malformed, NotPermitted, OverQuota, Refused
from raakvlak_protocol.identifier import ADDRESS, BSN
from raakvlak_protocol.party.peer import Remote
from raakvlak_protocol.ristretto import Element
from raakvlak_protocol.token import TokenKeys
from raakvlak_protocol.v1 import covenant_pb2
from raakvlak_protocol.v1 import keyholder_pb2 as pb
from tests.attacks.dictionary import bsns, prf_input
from tests.attacks.hostile import addresses, made, node_with, right, used
from tests.attacks.hostile import evaluate as evaluate_all
from tests.covenants import SHARE_NUMBERS, Sandbox, make_covenant
from tests.federation import Clock, KeyHolderThreads
from tests.keyholder.running import elements, evaluate, quota
from tests.party.servers import remote

FIRST_LOAD, DAILY = 20, 5
GRANTED = FIRST_LOAD + DAILY
MADE_UP = bsns(200_000_000, 100)

Ask = Callable[..., Remote]


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(first_load=FIRST_LOAD, daily=DAILY)


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now = clock.now.replace(hour=12)
    return clock


@pytest.fixture
def holders(sandbox: Sandbox, clock: Clock, tmp_path: Path) -> Iterator[dict[int, KeyHolderThreads]]:
    running = {number: KeyHolderThreads(sandbox, number, tmp_path / str(number), clock) for number in SHARE_NUMBERS}
    yield running
    for holder in running.values():
        holder.stop()


@pytest.fixture
def ask(sandbox: Sandbox) -> Iterator[Ask]:
    """A connection of a member's own software to a key holder."""
    with ExitStack() as stack:

        def connect(holder: KeyHolderThreads, member: str = "school") -> Remote:
            own = sandbox.credentials(sandbox.member(member))
            return stack.enter_context(remote(sandbox, holder.address, credentials=own, server=holder.identity))

        yield connect


def sweep(sandbox: Sandbox, holder: Remote, *, namespace: str = BSN, chunk: int = 1) -> int:
    """Evaluates made-up numbers, so many at once, until it is refused; returns how many were granted."""
    granted = 0
    for _ in range(10 * GRANTED):
        try:
            evaluate(holder, sandbox, elements(chunk), namespace=namespace)
        except OverQuota:
            return granted
        granted += chunk
    raise AssertionError("it is never refused")


# --- alone ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 5])
def test_alone_a_member_gets_the_first_load_and_one_day_and_no_more(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], ask: Ask, chunk: int
) -> None:
    for holder in holders.values():
        assert sweep(sandbox, ask(holder), chunk=chunk) == GRANTED
        assert sweep(sandbox, ask(holder)) == 0, "also on another connection"
        assert used(sandbox, holder) == GRANTED


def test_a_restart_and_a_clock_that_is_set_back_give_no_more(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, ask: Ask
) -> None:
    first = holders[1]
    assert sweep(sandbox, ask(first)) == GRANTED
    for days in (0, -1, -400, 401):
        clock.pass_(days=days)
        holders[1].stop()
        holders[1] = KeyHolderThreads(sandbox, 1, first.path.parent, clock)
        assert sweep(sandbox, ask(holders[1])) == 0
    # The hours are no more elastic than the days: the day is over at 00:00 UTC, once.
    clock.now = clock.now.replace(hour=23, minute=59, second=59)
    assert sweep(sandbox, ask(holders[1])) == 0
    clock.pass_(seconds=1)
    assert sweep(sandbox, ask(holders[1])) == DAILY
    clock.pass_(seconds=-1)
    assert sweep(sandbox, ask(holders[1])) == 0
    clock.pass_(seconds=1)
    assert sweep(sandbox, ask(holders[1])) == 0


def test_patience_saves_nothing_up(sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, ask: Ask) -> None:
    school = ask(holders[1])
    assert sweep(sandbox, school) == GRANTED
    for days in (1, 7, 90):
        clock.pass_(days=days)
        assert sweep(sandbox, school) == DAILY


def test_no_purpose_lends_to_another(sandbox: Sandbox, holders: dict[int, KeyHolderThreads], ask: Ask) -> None:
    school = ask(holders[1])
    assert sweep(sandbox, school, namespace=BSN) == GRANTED
    assert quota(school, sandbox, ADDRESS).first_load == FIRST_LOAD
    for namespace, epoch in (("BSN", 1), ("", 1), ("bsn ", 1), ("coordinator", 1)):
        with pytest.raises(Malformed):
            evaluate(school, sandbox, elements(1), namespace=namespace, epoch=epoch)
    for epoch in (0, 2, 2**32 - 1):
        with pytest.raises(Refused, match="no key"):
            evaluate(school, sandbox, elements(1), epoch=epoch)


def test_no_request_is_empty_negative_or_too_large_to_be_counted(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], ask: Ask
) -> None:
    school = ask(holders[1])
    for count in (0, 1025):
        with pytest.raises((Malformed, Refused)):
            evaluate(school, sandbox, elements(1) * count)
    for wrong in (ristretto.IDENTITY, b"", bytes(64)):
        with pytest.raises(Malformed):
            evaluate(school, sandbox, [*elements(2), wrong])
    assert used(sandbox, holders[1]) == 0
    with pytest.raises(OverQuota) as refused:
        evaluate(school, sandbox, elements(GRANTED + 1))
    assert refused.value.left == GRANTED
    assert used(sandbox, holders[1]) == 0, "nothing of it"


# --- spread over the holders ------------------------------------------------------------------------------------------


def test_spread_over_the_holders_a_member_gets_three_halves_of_one_quota_and_no_more(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], ask: Ask
) -> None:
    """Every token takes two holders; it turns to those that have most left, the best that it can do."""
    asked = {number: ask(holder) for number, holder in holders.items()}
    tokens: dict[str, TokenKeys] = {}
    refused = 0
    for bsn in MADE_UP:
        ordered = sorted(holders, key=lambda number: used(sandbox, holders[number]))
        for pair in (ordered[:2], ordered[1:], ordered[::2]):
            try:
                tokens[bsn] = evaluated_by(sandbox, {number: asked[number] for number in pair}, bsn)
                break
            except OverQuota:
                refused += 1
        else:
            break
    assert len(tokens) == GRANTED * 3 // 2
    assert refused >= 3
    assert all(used(sandbox, holder) <= GRANTED for holder in holders.values())
    assert all(keys == right(sandbox, bsn) for bsn, keys in tokens.items()), "what it was granted are real tokens"


def evaluated_by(sandbox: Sandbox, pair: dict[int, Remote], bsn: str) -> TokenKeys:
    """One person's token with the help of these holders, by the member's own software."""
    input, blinds = prf_input(sandbox.payload.id, bsn), voprf.new_blinds(1, nacl.utils.random)
    blinded = voprf.blind([input], blinds)
    answers = []
    for number, holder in pair.items():
        public = threshold.Holder(f"keyholder-{number}", number, sandbox.covenant.key(BSN, 1).shares[number])
        reply = evaluate(holder, sandbox, blinded)
        answers.append(threshold.verify_answer(public, blinded, reply.evaluated_elements, reply.proof))
    return token.expand(threshold.combine([input], blinds, answers, len(pair))[0])


def test_succeeds_two_members_that_collude_have_both_their_quotas(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], ask: Ask
) -> None:
    assert sum(sweep(sandbox, ask(holders[1], member)) for member in ("school", "town")) == 2 * GRANTED


# --- the same again ---------------------------------------------------------------------------------------------------


def test_the_same_request_is_free_and_another_never_is(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, ask: Ask
) -> None:
    school = ask(holders[1])
    paid = elements(6)
    evaluate(school, sandbox, paid)
    for _ in range(20):
        evaluate(school, sandbox, paid)
    assert used(sandbox, holders[1]) == 6
    others: list[list[Element]] = [
        paid[:5],
        paid[1:],
        paid[::-1],
        [paid[0], paid[0]],
        [*paid, paid[0]],
    ]
    spent = 6
    for other in others[:4]:
        evaluate(school, sandbox, other)
        spent += len(other)
        assert used(sandbox, holders[1]) == spent
    with pytest.raises(OverQuota):
        evaluate(school, sandbox, others[4])
    evaluate(school, sandbox, paid)
    with pytest.raises(OverQuota):
        evaluate(school, sandbox, [*paid[:5], *elements(1)])


def test_what_was_refused_is_not_free_afterwards(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, ask: Ask
) -> None:
    school = ask(holders[1])
    evaluate(school, sandbox, elements(GRANTED - 2))
    wanted = elements(3)
    for _ in range(3):
        with pytest.raises(OverQuota):
            evaluate(school, sandbox, wanted)
    clock.pass_(days=1)
    evaluate(school, sandbox, wanted)
    assert quota(school, sandbox).daily == DAILY - 3


def test_the_same_request_in_another_namespace_or_by_another_member_is_another(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], ask: Ask
) -> None:
    school, town = ask(holders[1]), ask(holders[1], "town")
    paid = elements(4)
    evaluate(school, sandbox, paid)
    evaluate(school, sandbox, paid, namespace=ADDRESS)
    assert quota(school, sandbox, ADDRESS).first_load == FIRST_LOAD - 4
    evaluate(town, sandbox, paid)
    assert (used(sandbox, holders[1], "school"), used(sandbox, holders[1], "town")) == (4, 4)


def test_after_thirty_days_the_same_request_is_charged_again(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, ask: Ask
) -> None:
    school = ask(holders[1])
    paid = elements(4)
    evaluate(school, sandbox, paid)
    clock.pass_(days=30, seconds=-1)
    evaluate(school, sandbox, paid)
    assert used(sandbox, holders[1]) == 4
    clock.pass_(seconds=2)
    evaluate(school, sandbox, paid)
    assert used(sandbox, holders[1]) == 8


# --- racing -----------------------------------------------------------------------------------------------------------


def test_requests_that_race_on_eight_connections_and_two_servers_get_exactly_the_quota(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, ask: Ask
) -> None:
    """The second server stands on the same store, as one that an operator started twice by mistake."""
    second = KeyHolderThreads(sandbox, 1, holders[1].path.parent, clock)
    try:
        connections = [ask(server) for server in (holders[1], second) for _ in range(4)]
        with ThreadPoolExecutor(8) as pool:
            granted = sum(pool.map(lambda school: sweep(sandbox, school), connections))
        assert granted == GRANTED
        assert used(sandbox, holders[1]) == GRANTED
    finally:
        second.stop()


def test_one_request_that_races_with_itself_is_charged_once(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, ask: Ask
) -> None:
    second = KeyHolderThreads(sandbox, 1, holders[1].path.parent, clock)
    try:
        connections = [ask(server) for server in (holders[1], second) for _ in range(4)]
        wanted = elements(GRANTED)
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda school: evaluate(school, sandbox, wanted), connections))
        assert len({tuple(reply.evaluated_elements) for reply in replies}) == 1
        assert used(sandbox, holders[1]) == GRANTED
    finally:
        second.stop()


# --- another's quota --------------------------------------------------------------------------------------------------


def test_another_members_quota_cannot_be_used_nor_used_up(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], ask: Ask
) -> None:
    school, town = ask(holders[1]), ask(holders[1], "town")
    assert sweep(sandbox, school) == GRANTED
    assert used(sandbox, holders[1], "town") == 0
    assert {field.name for field in pb.EvaluateRequest.DESCRIPTOR.fields} == {
        "covenant_hash",
        "namespace",
        "epoch",
        "blinded_elements",
    }, "no field says for whom"
    assert quota(school, sandbox).first_load == 0, "whoever asks hears of its own"
    assert sweep(sandbox, town) == GRANTED


def test_a_member_without_a_quota_gets_nothing(tmp_path: Path, clock: Clock) -> None:
    def change(payload: covenant_pb2.Covenant) -> None:
        del payload.members[0].quotas[:]

    sandbox = make_covenant(change=change)
    holder = KeyHolderThreads(sandbox, 1, tmp_path, clock)
    try:
        with (
            remote(sandbox, holder.address) as school,
            pytest.raises(NotPermitted, match="grants school no evaluations"),
        ):
            evaluate(school, sandbox, elements(1))
    finally:
        holder.stop()


# --- our own node under it --------------------------------------------------------------------------------------------


def test_over_quota_the_node_waits_says_until_when_and_loses_or_pays_nothing_twice(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, tmp_path: Path
) -> None:
    persons = MADE_UP[:40]
    with node_with(sandbox, tmp_path / "node", clock, addresses(holders.values()), persons) as node:
        tokens, days = 0, 0
        while tokens < len(persons):
            try:
                evaluate_all(node, clock)
            except OverQuota as error:
                assert error.until == midnight(clock.now)
                assert f"full again at {error.until:%Y-%m-%d %H:%M} UTC" in error.message
            now = len(persons) - node.open_work()["unevaluated"]
            assert now > tokens or days == 0, "each day brings it further"
            tokens, days = now, days + 1
            clock.pass_(days=1)
        assert days > 1
        assert [made(node, bsn) for bsn in persons] == [right(sandbox, bsn) for bsn in persons]
        assert evaluate_all(node, clock) == 0
    assert charged(holders) == 2 * len(persons)


def midnight(now: datetime) -> datetime:
    clock = Clock(now.replace(hour=0, minute=0, second=0, microsecond=0))
    clock.pass_(days=1)
    return clock.now


def charged(holders: dict[int, KeyHolderThreads]) -> int:
    """By the holders' own logs: all that was ever charged, over all days."""
    lines = [json.loads(line) for holder in holders.values() for line in holder.log().splitlines()]
    return sum(line["charged"] for line in lines if line["event"] == "evaluated")
