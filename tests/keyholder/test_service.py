"""The order of Evaluate, with time and randomness as arguments; everything else is real."""

import io
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from raakvlak_keyholder.evaluator import Evaluator
from raakvlak_keyholder.events import EVENTS
from raakvlak_keyholder.service import Service
from raakvlak_keyholder.store import Store
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.v1 import covenant_pb2
from raakvlak_protocol.v1 import keyholder_pb2 as pb
from tests.covenants import NOW, UNTIL, Sandbox, make_covenant
from tests.keyholder.running import elements


class Desk:
    """A key holder's service with a clock and a source of randomness that a test sets."""

    def __init__(self, sandbox: Sandbox, store: Store) -> None:
        self.sandbox = sandbox
        self.now = NOW
        self.random = os.urandom
        covenant = sandbox.covenant
        keys = Evaluator(covenant, 1, sandbox.shares(1), NOW)
        log = Log("keyholder", EVENTS, io.StringIO())
        self.service = Service(
            covenant, 1, keys, store, log, now=lambda: self.now, random=lambda count: self.random(count)
        )  # fmt: skip

    def ask(self, blinded: list[bytes], epoch: int = 1) -> pb.EvaluateReply:
        request = pb.EvaluateRequest(namespace="bsn", epoch=epoch, blinded_elements=blinded)
        return self.service.evaluate(self.sandbox.member("school"), request)

    def quotas(self) -> pb.QuotaReply:
        return self.service.quota(self.sandbox.member("school"), pb.QuotaRequest())


def _two_epochs(payload: covenant_pb2.Covenant) -> None:
    """The first epoch ends and the second begins a day after NOW."""
    turn = int((NOW + timedelta(days=1)).timestamp())
    payload.epochs[0].valid_until = payload.epochs[1].valid_from = turn


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    Store.create(tmp_path / "store.db")
    with closing(Store(tmp_path / "store.db")) as opened:
        yield opened


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(make_covenant(first_load=20, daily=5, epochs=(1, 2), change=_two_epochs), store)


def test_a_crash_between_charge_and_answer_costs_the_member_nothing(desk: Desk) -> None:
    def fails(count: int) -> bytes:
        raise OSError("no randomness")

    blinded: list[bytes] = list(elements(20))
    desk.random = fails
    with pytest.raises(OSError, match="no randomness"):
        desk.ask(blinded)
    assert desk.quotas().quotas[1].first_load == 0, "charged before it was answered"
    desk.random = os.urandom
    reply = desk.ask(blinded)
    assert (reply.quota_left.first_load, reply.quota_left.daily) == (0, 5)
    assert len(reply.evaluated_elements) == 20


def test_midnight_fills_the_daily_quota(desk: Desk) -> None:
    desk.ask(list(elements(25)))
    assert [(each.first_load, each.daily) for each in desk.quotas().quotas] == [(20, 5), (0, 0)]
    desk.now = NOW.replace(hour=0, minute=0) + timedelta(days=1)
    assert [(each.first_load, each.daily) for each in desk.quotas().quotas] == [(20, 5), (0, 5)]


def test_quota_tells_the_clock_and_what_is_left_per_namespace(desk: Desk) -> None:
    reply = desk.quotas()
    assert datetime.fromtimestamp(reply.now, NOW.tzinfo) == NOW
    assert [(each.namespace, each.epoch) for each in reply.quotas] == [("address", 1), ("bsn", 1)]


def test_an_epoch_outside_its_dates_is_refused_uncharged(desk: Desk) -> None:
    with pytest.raises(Refused, match="epoch 2 is in force from"):
        desk.ask(list(elements(1)), epoch=2)
    desk.now = NOW + timedelta(days=1)
    with pytest.raises(Refused, match="epoch 1 is in force from"):
        desk.ask(list(elements(1)), epoch=1)
    assert desk.ask(list(elements(1)), epoch=2).quota_left.first_load == 19, "each epoch has a first load of its own"


def test_a_covenant_that_ran_out_ends_all_answers(desk: Desk) -> None:
    desk.now = UNTIL
    for call in (lambda: desk.ask(list(elements(1))), desk.quotas):
        with pytest.raises(Refused, match="no longer in force"):
            call()
