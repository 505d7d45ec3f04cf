"""Writes that were replayed, reordered, cut off or put together from others: refused whole, and nothing changes.

The attacker sits between a node and the index, or has the node's TLS key; what it lacks is what signs.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from raakvlak_protocol import publication
from raakvlak_protocol.errors import Malformed, RaakvlakError, Refused, Stale, TooLarge
from raakvlak_protocol.publication import MAX_ITEMS, Visibility
from raakvlak_protocol.token import TokenKeys
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.attacks.outlaw import Outlaw, outlaw, seeded, tables
from tests.covenants import make_covenant
from tests.federation import Federation, federation

Change = Callable[[Outlaw, pb.PublishRequest], None]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    with federation(tmp_path_factory.mktemp("federation"), make_covenant(epochs=(1, 2))) as running:
        yield running


@pytest.fixture
def school(running: Federation) -> Iterator[Outlaw]:
    with outlaw(running.sandbox, "school", running.index.address) as acting:
        acting.publish(acting.publication(some(2)))
        yield acting


def some(number: int) -> list[TokenKeys]:
    return [seeded(os.urandom(32)) for _ in range(number)]


def demand_refused(
    running: Federation, act: Callable[[], object], kind: type[RaakvlakError], *, item: int | None = None
) -> RaakvlakError:
    """The act is refused with this error and leaves every table as it was."""
    before = tables(running.index.path)
    with pytest.raises(kind) as refused:
        act()
    assert tables(running.index.path) == before
    assert getattr(refused.value, "item", None) == item
    return refused.value


# --- in another place of the series -----------------------------------------------------------------------------------


def test_an_older_write_replayed_is_refused_and_the_last_numbers_are_told(running: Federation, school: Outlaw) -> None:
    first, second = (school.publication(some(1), school.write(sequence=school.sequence + step)) for step in (1, 2))
    school.publish(first)
    school.publish(second)
    error = demand_refused(running, lambda: school.publish(first), Stale)
    assert isinstance(error, Stale)
    assert (error.generation, error.sequence) == (school.generation, second.sequence)


def test_writes_out_of_order_are_refused_and_do_no_harm_in_order(running: Federation, school: Outlaw) -> None:
    first, second = (school.publication(some(1), school.write(sequence=school.sequence + step)) for step in (1, 2))
    error = demand_refused(running, lambda: school.publish(second), Stale)
    assert isinstance(error, Stale)
    assert (error.generation, error.sequence) == (school.generation, first.sequence - 1)
    school.publish(first)
    school.publish(second)


def test_a_withdrawal_replayed_after_the_row_was_published_again_is_refused(running: Federation, school: Outlaw) -> None:
    keys = some(1)
    (reference,) = school.publish(school.publication(keys)).references
    withdrawal = school.withdrawal([reference])
    assert list(school.withdraw(withdrawal).was_there) == [True]
    school.publish(school.publication(keys))
    demand_refused(running, lambda: school.withdraw(withdrawal), Stale)


def test_a_stale_generation_is_refused_and_both_are_named(running: Federation, school: Outlaw) -> None:
    with outlaw(running.sandbox, "school", running.index.address) as newer:
        request = school.publication(some(1))
        error = demand_refused(running, lambda: school.publish(request), Stale)
        assert isinstance(error, Stale)
        assert (error.generation, error.sequence) == (newer.generation, newer.sequence)
        for generation in (school.generation, newer.generation):
            assert f"{generation}" in error.message
        withdrawal = school.withdrawal([os.urandom(16)])
        demand_refused(running, lambda: school.withdraw(withdrawal), Stale)
        letter = os.urandom(1024)
        demand_refused(running, lambda: school.post(bytes(16), 1, letter), Stale)
        # The number alone moved to the new generation helps nobody: it is signed.
        request.generation = newer.generation
        demand_refused(running, lambda: newer.publish(request), Malformed, item=0)


def test_another_request_under_the_last_number_is_refused_and_the_same_gets_the_same_answer(
    running: Federation, school: Outlaw
) -> None:
    request = school.publication(some(3))
    answer = school.publish(request)
    before = tables(running.index.path)
    assert school.publish(request) == answer
    assert tables(running.index.path) == before
    other = school.publication(some(3), school.write(sequence=request.sequence))
    error = demand_refused(running, lambda: school.publish(other), Stale)
    assert isinstance(error, Stale)
    assert error.sequence == request.sequence
    fewer = school.publication(some(1), school.write(sequence=request.sequence))
    fewer.tokens[0], fewer.token_signatures[0] = request.tokens[0], request.token_signatures[0]
    fewer.member_signature = school.signed(school.write(sequence=request.sequence), fewer.tokens)
    demand_refused(running, lambda: school.publish(fewer), Stale)
    assert school.publish(request) == answer


def test_the_same_withdrawal_gets_the_same_answer(running: Federation, school: Outlaw) -> None:
    references = list(school.publish(school.publication(some(2))).references)
    withdrawal = school.withdrawal([*references, os.urandom(16)])
    answer = school.withdraw(withdrawal)
    assert list(answer.was_there) == [True, True, False]
    before = tables(running.index.path)
    assert school.withdraw(withdrawal) == answer
    assert tables(running.index.path) == before


# --- put together otherwise -------------------------------------------------------------------------------------------


def tokens_without_signatures(school: Outlaw, request: pb.PublishRequest) -> None:
    del request.token_signatures[-1]


def signatures_without_tokens(school: Outlaw, request: pb.PublishRequest) -> None:
    del request.tokens[-1]


def cut_off(school: Outlaw, request: pb.PublishRequest) -> None:
    del request.tokens[-1]
    del request.token_signatures[-1]


def reordered(school: Outlaw, request: pb.PublishRequest) -> None:
    request.tokens[:] = request.tokens[::-1]
    request.token_signatures[:] = request.token_signatures[::-1]


def one_more(school: Outlaw, request: pb.PublishRequest) -> None:
    """It belongs to the attacker, who can sign under it and not for the member."""
    added = school.publication(some(1))
    request.tokens.extend(added.tokens)
    request.token_signatures.extend(added.token_signatures)


def no_member_signature(school: Outlaw, request: pb.PublishRequest) -> None:
    request.member_signature = b""


def another_members_signature(school: Outlaw, request: pb.PublishRequest) -> None:
    statement = publication.publish_statement(school.write(), Visibility.DIRECT, list(request.tokens))
    request.member_signature = publication.sign(school.sandbox.signing_seeds["town"], statement)


def none_at_all(school: Outlaw, request: pb.PublishRequest) -> None:
    request.CopyFrom(school.publication([]))


@pytest.mark.parametrize(
    "change",
    [
        tokens_without_signatures,
        signatures_without_tokens,
        cut_off,
        reordered,
        one_more,
        no_member_signature,
        another_members_signature,
        none_at_all,
    ],
    ids=lambda change: change.__name__,
)
def test_a_request_that_is_not_as_it_was_signed_is_refused_whole(running: Federation, school: Outlaw, change: Change) -> None:
    request = school.publication(some(4))
    right = pb.PublishRequest.FromString(request.SerializeToString())
    change(school, request)
    demand_refused(running, lambda: school.publish(request), Malformed)
    assert len(school.publish(right).references) == 4


def signatures_swapped(school: Outlaw, request: pb.PublishRequest) -> None:
    request.token_signatures[2], request.token_signatures[3] = request.token_signatures[3], request.token_signatures[2]


def token_changed(school: Outlaw, request: pb.PublishRequest) -> None:
    request.tokens[2] = some(1)[0].token.reveal()


def token_shortened(school: Outlaw, request: pb.PublishRequest) -> None:
    request.tokens[2] = request.tokens[2][:31]


def token_twice(school: Outlaw, request: pb.PublishRequest) -> None:
    request.tokens[2], request.token_signatures[2] = request.tokens[1], request.token_signatures[1]


def signature_of_another_request(school: Outlaw, request: pb.PublishRequest) -> None:
    """A token of the member's own, signed for its next write but one."""
    keys = some(1)
    other = school.publication(keys, school.write(sequence=school.sequence + 2))
    request.tokens[2], request.token_signatures[2] = other.tokens[0], other.token_signatures[0]


@pytest.mark.parametrize(
    "change",
    [signatures_swapped, token_changed, token_shortened, token_twice, signature_of_another_request],
    ids=lambda change: change.__name__,
)
def test_a_wrong_item_is_named_and_the_right_ones_beside_it_are_refused_too(
    running: Federation, school: Outlaw, change: Change
) -> None:
    request = school.publication(some(4))
    change(school, request)
    request.member_signature = school.signed(school.write(), request.tokens)
    demand_refused(running, lambda: school.publish(request), Malformed, item=2)


def test_a_changed_visibility_is_refused_in_both_directions(running: Federation, school: Outlaw) -> None:
    request = school.publication(some(1))
    request.visibility = pb.COORDINATOR
    demand_refused(running, lambda: school.publish(request), Malformed, item=0)
    request = school.publication(some(1), visibility=Visibility.COORDINATOR)
    request.visibility = pb.DIRECT
    demand_refused(running, lambda: school.publish(request), Malformed, item=0)
    request.visibility = pb.VISIBILITY_UNSPECIFIED
    demand_refused(running, lambda: school.publish(request), Malformed)


def test_a_request_moved_to_another_epoch_is_refused(running: Federation, school: Outlaw) -> None:
    request = school.publication(some(1))
    request.epoch = 2
    demand_refused(running, lambda: school.publish(request), Malformed, item=0)
    nowhere = school.publication(some(1), school.write(epoch=99))
    demand_refused(running, lambda: school.publish(nowhere), Refused)
    (reference,) = school.publish(school.publication(some(1))).references
    withdrawal = school.withdrawal([reference])
    withdrawal.epoch = 2
    demand_refused(running, lambda: school.withdraw(withdrawal), Malformed)


def test_a_withdrawal_that_is_not_as_it_was_signed_is_refused_whole(running: Federation, school: Outlaw) -> None:
    references = list(school.publish(school.publication(some(3))).references)
    for changed in (references[:2], references[::-1], [*references[:2], os.urandom(16)]):
        request = school.withdrawal(references)
        request.references[:] = changed
        demand_refused(running, partial(school.withdraw, request), Malformed)
    for wrong, item in (([*references, references[0]], 3), ([references[0], b"short"], 1)):
        request = school.withdrawal(wrong)
        demand_refused(running, partial(school.withdraw, request), Malformed, item=item)


def test_nobody_withdraws_or_writes_under_another_members_row(running: Federation, school: Outlaw) -> None:
    (reference,) = school.publish(school.publication(some(1))).references
    rows = tables(running.index.path)["row"]
    with outlaw(running.sandbox, "town", running.index.address) as town:
        recorded = school.withdrawal([reference])
        demand_refused(running, lambda: town.withdraw(recorded), Malformed)
        assert list(town.withdraw(town.withdrawal([reference])).was_there) == [False]
        assert tables(running.index.path)["row"] == rows
        assert town.post(os.urandom(16), 1, os.urandom(1024)) is False


# --- too large --------------------------------------------------------------------------------------------------------


def test_a_message_over_a_limit_is_told_the_limit(running: Federation, school: Outlaw) -> None:
    request = school.publication(some(1))
    tokens = [os.urandom(32) for _ in range(MAX_ITEMS + 1)]
    request.tokens[:], request.token_signatures[:] = tokens, [bytes(64)] * len(tokens)
    error = demand_refused(running, lambda: school.publish(request), RaakvlakError)
    assert isinstance(error, Malformed | TooLarge)
    assert f"{MAX_ITEMS}" in error.message or "bytes" in error.message
    request.token_signatures[:] = [bytes(500)] * len(tokens)
    error = demand_refused(running, lambda: school.publish(request), TooLarge)
    assert "bytes" in error.message
    withdrawal = school.withdrawal([os.urandom(16) for _ in range(MAX_ITEMS + 1)])
    error = demand_refused(running, lambda: school.withdraw(withdrawal), RaakvlakError)
    assert isinstance(error, Malformed | TooLarge)
    for size in (0, 1, 1023, 1025, 16385):
        letter = os.urandom(size)
        demand_refused(running, partial(school.post, bytes(16), 1, letter), Malformed)
    error = demand_refused(running, lambda: school.post(bytes(16), 1, bytes(1_000_000)), TooLarge)
    assert "bytes" in error.message


def test_as_many_as_the_limit_are_taken(running: Federation, school: Outlaw) -> None:
    before = len(tables(running.index.path)["row"])
    assert len(school.publish(school.publication(some(MAX_ITEMS))).references) == MAX_ITEMS
    assert len(tables(running.index.path)["row"]) == before + MAX_ITEMS
