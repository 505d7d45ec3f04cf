"""The key holder as its members meet it: one process, mutual TLS, SQLite; quotas of 20 first and 5 a day."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from raakvlak_protocol import ristretto, threshold
from raakvlak_protocol.errors import Malformed, NotPermitted, OverQuota, Refused, TooLarge, Unavailable
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.party.peer import Remote
from tests.covenants import Sandbox, make_covenant
from tests.keyholder.running import DESCRIPTOR, Party, Running, elements, evaluate, quota, serving


def test_answers_under_its_share_with_a_proof_that_holds(running: Running, sandbox: Sandbox) -> None:
    blinded = elements(3)
    with running.called_by("school") as remote:
        reply = evaluate(remote, sandbox, blinded)
    public = sandbox.covenant.key("bsn", 1).shares[1]
    verified = threshold.verify_answer(
        threshold.Holder("keyholder-1", 1, public), blinded, reply.evaluated_elements, reply.proof
    )
    assert verified.evaluated == tuple(ristretto.multiply_each(sandbox.shares(1)["bsn", 1], blinded))
    assert reply.share_number == 1
    assert (reply.quota_left.first_load, reply.quota_left.daily) == (17, 5)


def test_first_load_is_used_before_the_daily_quota(running: Running, sandbox: Sandbox) -> None:
    with running.called_by("school") as remote:
        left = [evaluate(remote, sandbox, elements(count)).quota_left for count in (18, 4)]
        assert [(each.first_load, each.daily) for each in left] == [(2, 5), (0, 3)]
        now = datetime.now(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        assert left[1].until == int(midnight.timestamp())


def test_over_quota_names_the_numbers_and_charges_nothing(running: Running, sandbox: Sandbox) -> None:
    with running.called_by("school") as remote:
        evaluate(remote, sandbox, elements(20))
        with pytest.raises(OverQuota) as refused:
            evaluate(remote, sandbox, elements(6))
        assert refused.value.left == 5
        assert refused.value.until.time().isoformat() == "00:00:00"
        assert refused.value.until > datetime.now(UTC)
        assert evaluate(remote, sandbox, elements(5)).quota_left.daily == 0


def test_members_and_namespaces_are_counted_apart(running: Running, sandbox: Sandbox) -> None:
    with running.called_by("school") as school, running.called_by("town") as town:
        evaluate(school, sandbox, elements(20))
        assert quota(town, sandbox).first_load == 20
        assert quota(school, sandbox, "address").first_load == 20
        assert quota(school, sandbox, "bsn").first_load == 0


def test_the_same_request_is_answered_again_without_charge(running: Running, sandbox: Sandbox) -> None:
    blinded = elements(20)
    with running.called_by("school") as remote:
        first, again = (evaluate(remote, sandbox, blinded) for _ in range(2))
        assert list(again.evaluated_elements) == list(first.evaluated_elements)
        assert again.quota_left == first.quota_left
        changed = evaluate(remote, sandbox, blinded[:5])
        assert changed.quota_left.daily == 0
        assert evaluate(remote, sandbox, blinded).quota_left.daily == 0


def test_another_members_same_request_is_charged_to_that_member(running: Running, sandbox: Sandbox) -> None:
    blinded = elements(7)
    with running.called_by("school") as school, running.called_by("town") as town:
        evaluate(school, sandbox, blinded)
        assert evaluate(town, sandbox, blinded).quota_left.first_load == 13


WRONG = {
    "identity": bytes(32),
    "not canonical": b"\xff" * 32,
    "negative": ristretto.ORDER.to_bytes(32, "little"),
    "short": bytes(31) + b"",
    "long": b"\x02" * 33,
    "empty": b"",
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_element_is_refused_by_its_place_uncharged(running: Running, sandbox: Sandbox, wrong: bytes) -> None:
    with running.called_by("school") as remote:
        with pytest.raises(Malformed) as refused:
            evaluate(remote, sandbox, [*elements(2), wrong, *elements(1)])
        assert refused.value.item == 2
        assert quota(remote, sandbox).first_load == 20


@pytest.mark.parametrize("count", [0, 1025])
def test_a_request_has_1_to_1024_elements(running: Running, sandbox: Sandbox, count: int) -> None:
    with running.called_by("school") as remote:
        with pytest.raises(Malformed):
            evaluate(remote, sandbox, elements(1) * count)
        assert quota(remote, sandbox).first_load == 20


def test_a_message_over_the_limit_is_refused_by_the_limit(running: Running, sandbox: Sandbox) -> None:
    with running.called_by("school") as remote, pytest.raises(TooLarge, match="at most"):
        evaluate(remote, sandbox, [bytes(32)] * 2000)


def test_another_covenant_version_is_refused(running: Running, sandbox: Sandbox) -> None:
    newer = sandbox.successor(lambda payload: None)
    with running.called_by("school") as remote, pytest.raises(Refused, match="covenant version differs"):
        evaluate(remote, newer, elements(1))


def test_an_unknown_namespace_or_epoch_is_refused_and_not_echoed(running: Running, sandbox: Sandbox) -> None:
    with running.called_by("school") as remote:
        with pytest.raises(Malformed) as refused:
            evaluate(remote, sandbox, elements(1), namespace="123456782")
        assert "123456782" not in refused.value.message
        with pytest.raises(Refused, match="no key"):
            evaluate(remote, sandbox, elements(1), epoch=2)
    assert "123456782" not in (running.party.folder.parent / "log").read_text()


@pytest.mark.parametrize("role", [Role.INDEX, Role.KEYHOLDER])
def test_only_nodes_may_ask(running: Running, sandbox: Sandbox, role: Role) -> None:
    caller = sandbox.index if role is Role.INDEX else sandbox.key_holder(2)
    remote = Remote(running.address, DESCRIPTOR, sandbox.credentials(caller), running.party.identity)
    with pytest.raises(NotPermitted):
        evaluate(remote, sandbox, elements(1))
    remote.close()


def test_a_node_outside_the_covenant_may_not_ask(running: Running, sandbox: Sandbox) -> None:
    stranger = Identity(sandbox.payload.id, Role.NODE, "stranger")
    remote = Remote(running.address, DESCRIPTOR, sandbox.credentials(stranger), running.party.identity)
    with pytest.raises(NotPermitted):
        evaluate(remote, sandbox, elements(1))
    remote.close()


def test_another_ca_is_refused_in_the_handshake(running: Running, sandbox: Sandbox) -> None:
    other = make_covenant()
    credentials = other.credentials(sandbox.member("school"))
    remote = Remote(running.address, DESCRIPTOR, credentials, running.party.identity)
    with pytest.raises(Unavailable):
        evaluate(remote, sandbox, elements(1))
    remote.close()


def test_eight_threads_race_for_a_small_quota_and_get_exactly_it(running: Running, sandbox: Sandbox) -> None:
    """25 evaluations are granted; 40 requests of one each race for them over four connections."""

    def ask(remote: Remote) -> bool:
        try:
            evaluate(remote, sandbox, elements(1))
        except OverQuota as error:
            assert error.left == 0
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        remotes = [running.called_by("school") for _ in range(4)]
        opened = [each.__enter__() for each in remotes]
        granted = sum(pool.map(ask, opened * 10))
        assert granted == 25
        assert (quota(opened[0], sandbox).first_load, quota(opened[0], sandbox).daily) == (0, 0)
        for each in remotes:
            each.__exit__(None, None, None)


def test_the_same_request_racing_with_itself_is_charged_once(running: Running, sandbox: Sandbox) -> None:
    blinded = elements(3)
    with running.called_by("school") as remote, ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: evaluate(remote, sandbox, blinded), range(16)))
        assert {each.quota_left.first_load for each in replies} == {17}


def test_counts_survive_a_kill_and_a_charged_request_is_answered_after_it(party: Party, sandbox: Sandbox) -> None:
    blinded = elements(20)
    with serving(party) as running, running.called_by("school") as remote:
        evaluate(remote, sandbox, blinded)
        os.kill(running.process.pid, signal.SIGKILL)
    with serving(party) as running, running.called_by("school") as remote:
        assert quota(remote, sandbox).first_load == 0
        assert evaluate(remote, sandbox, blinded).quota_left.daily == 5


def test_stops_in_order_and_logs_counts_only(party: Party, sandbox: Sandbox) -> None:
    blinded = elements(4)
    with serving(party) as running, running.called_by("school") as remote:
        evaluate(remote, sandbox, blinded)
        with pytest.raises(OverQuota):
            evaluate(remote, sandbox, elements(30))
        assert remote.healthy(5)
        assert running.stop() == 0
    log = (party.folder.parent / "log").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert [each["event"] for each in lines] == ["started", "evaluated", "refused", "stopped"]
    assert lines[1] | {"member": "school", "namespace": "bsn", "epoch": 1, "count": 4, "charged": 4} == lines[1]
    assert lines[2] | {"member": "school", "kind": "OverQuota", "method": "Evaluate"} == lines[2]
    assert not any(element.hex() in log for element in blinded)


def test_status_reads_the_counts_beside_a_running_server(running: Running, sandbox: Sandbox) -> None:
    with running.called_by("school") as remote:
        evaluate(remote, sandbox, elements(22)[:20])
        evaluate(remote, sandbox, elements(2))
    shown = json.loads(running.party.done("status", "--json"))
    (row,) = [each for each in shown["quotas"] if (each["member"], each["namespace"]) == ("school", "bsn")]
    assert (row["first_load_used"], row["first_load_left"], row["charged_today"], row["daily_left"]) == (20, 0, 2, 3)
    assert len(shown["quotas"]) == 6


def test_two_servers_never_work_on_one_folder(running: Running) -> None:
    second = running.party.command("serve")
    assert second.returncode == 75
    assert "another raakvlak-keyholder works on this store" in second.stderr
