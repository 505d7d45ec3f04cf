"""Stories of what goes wrong: full queues, failed writes, clocks, ended epochs, restores; nothing is lost or told late."""

import sqlite3
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from raakvlak_node.reconcile import reconcile
from raakvlak_node.sync import walking
from raakvlak_protocol.errors import Malformed, Refused, Unavailable
from raakvlak_protocol.v1 import covenant_pb2
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation

CHILD, SISTER, MOTHER, FATHER, UNCLE = "123456782", "111222333", "999990019", "999990020", "999990032"


def rows(running: Federation, member: str) -> int:
    """A member's rows, as they stand in the index's store."""
    with closing(sqlite3.connect(f"file:{running.index.path}?mode=ro", uri=True)) as store:
        found = store.execute("SELECT count(*) FROM row JOIN member ON number = member WHERE id = ?", (member,)).fetchone()
    return int(found[0])


def silent(name: str, **fields: object) -> None:
    """No log."""


def test_a_failed_write_is_settled_by_the_next_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        with walking(school, silent) as walk:
            call = walk.publisher.call

            def fail(method: str, *rest: object) -> object:
                if method == "Publish":
                    raise Malformed("invented")
                return call(method, *rest)  # type: ignore[arg-type]

            monkeypatch.setattr(walk.publisher, "call", fail)
            with pytest.raises(Malformed):
                walk.once()
            monkeypatch.undo()
            assert walk.once().published == 1


@pytest.mark.parametrize("lost", ["Publish", "Withdraw"])
def test_a_write_whose_answer_the_index_has_destroyed_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """It arrived, its answer did not, and the node was down for longer than answers are kept."""
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        if lost == "Withdraw":
            running.settle("school")
            school.drop_case("S-1")
        with walking(school, silent) as walk:
            call = walk.publisher.call

            def unheard(method: str, *rest: object) -> object:
                answer: object = call(method, *rest)  # type: ignore[arg-type]
                if method == lost:
                    raise Unavailable("invented")
                return answer

            monkeypatch.setattr(walk.publisher, "call", unheard)
            with suppress(Unavailable):
                walk.once()
            monkeypatch.undo()
        assert school.store.in_flight() is not None
        running.clock.pass_(days=2)
        running.index.expire()
        running.settle("school")
        assert school.store.remark("reconcile") == ""
        assert school.store.in_flight() is None
        assert rows(running, "school") == len(school.store.references()) == (lost == "Publish")


def test_a_case_that_left_before_its_letter_did_is_never_told(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school, town = running.nodes["school"], running.nodes["town"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        school.put_case(case("S-2", SISTER, parent_bsn_1=MOTHER, worker_phone="0118-000222"))
        town.put_case(case("T-1", MOTHER, birth_date="1980-05-05"))
        running.walk("school")
        running.walk("town")
        with walking(school, silent) as walk:
            walk.publisher.open()
            walk._receive()
            walk._writer.run(running.clock())  # written, and not posted yet
        assert school.store.letter_counts()["unposted"] > 0
        school.drop_case("S-2")
        told: list[str] = []
        for _ in range(4):
            running.settle()
            told += [touch[2] for touch in running.touches("town")]
        assert set(told) == {"S-1"}


def test_a_lapsed_letter_is_written_anew(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school, town = running.nodes["school"], running.nodes["town"]
        school.put_case(case("S-1", CHILD))
        town.put_case(case("T-1", CHILD, worker_phone="0118-000001"))
        running.walk("school")
        running.walk("town")  # the town's letters wait at the index
        running.clock.pass_(days=20)
        running.walk("town")
        running.clock.pass_(days=20)
        running.index.expire()
        town.put_case(case("T-1", CHILD, worker_phone="0118-000009"))
        running.settle()
        ((_, entry),) = school.all_entries()
        assert entry.contact is not None
        assert entry.contact.phone == "0118-000009"


def test_a_match_that_began_again_behind_a_full_queue_is_not_lost(tmp_path: Path) -> None:
    with federation(tmp_path, event_cap=1) as running:
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.walk("school")  # a match waits for the town, and its queue is full
        running.nodes["school"].drop_case("S-1")
        running.walk("school")
        running.settle("town")
        running.nodes["school"].put_case(case("S-2", CHILD))
        for _ in range(6):
            running.settle()
        assert running.touches("town") == {("T-1", "school", "S-2", "client", "client")}
        assert running.touches("school") == {("S-2", "town", "T-1", "client", "client")}


def test_a_new_report_begins_a_term_after_the_old_one_has_lapsed(tmp_path: Path) -> None:
    sandbox = make_covenant(change=lambda payload: setattr(payload.rules, "retention_months", 1))
    with federation(tmp_path, sandbox) as running:
        running.nodes["school"].put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        running.settle()
        running.clock.now = (running.clock.now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=1)
        running.index.expire()
        running.settle()
        running.nodes["school"].put_case(case("S-2", SISTER, parent_bsn_1=MOTHER))
        running.nodes["town"].put_case(case("T-1", MOTHER, birth_date="1980-05-05"))
        running.settle()
        assert {touch[2] for touch in running.touches("town")} >= {"S-2"}


def test_withdrawing_and_publishing_again_does_not_renew_a_term(tmp_path: Path) -> None:
    sandbox = make_covenant(change=lambda payload: setattr(payload.rules, "retention_months", 2))
    with federation(tmp_path, sandbox) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        first = running.clock.now
        running.clock.now = (first.replace(day=1) + timedelta(days=32)).replace(day=1, hour=12)
        school.put_case(case("S-1", CHILD, confidential="yes"))
        running.settle()
        school.put_case(case("S-1", CHILD))
        running.settle()
        assert len(school.store.references()) == 1
        running.clock.now = (running.clock.now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=12)
        running.walk("school")
        assert school.store.references() == []
        assert rows(running, "school") == 0


def test_a_clock_that_ran_ahead_leaves_nothing_that_can_not_be_erased(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        right = running.clock.now
        running.clock.now = right + timedelta(days=365 * 3)
        with walking(school, silent) as walk:
            walk.renew_rules()
        running.clock.now = right
        school.drop_case("S-1")
        running.settle()
        assert rows(running, "school") == 0
        assert running.touches("town") == set()


def test_a_client_who_turns_23_is_withdrawn_where_the_covenant_has_no_adults(tmp_path: Path) -> None:
    with federation(tmp_path, make_covenant(change=lambda payload: setattr(payload.rules, "adult_clients", False))) as running:
        born = (running.clock.now - timedelta(days=365 * 22 + 200)).date()
        running.nodes["school"].put_case(case("S-1", CHILD, birth_date=born.isoformat(), parent_bsn_1=MOTHER))
        running.settle()
        assert len(running.nodes["school"].store.references()) == 2
        running.clock.pass_(days=300)
        running.settle("school")
        assert running.nodes["school"].store.references() == []


def test_without_an_epoch_in_force_withdrawing_stays_possible(tmp_path: Path) -> None:
    def ends_soon(payload: covenant_pb2.Covenant) -> None:
        payload.epochs[0].valid_until = payload.valid_until - 86_400 * 365 * 70

    with federation(tmp_path, make_covenant(change=ends_soon)) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        running.settle()
        assert len(school.store.references()) == 1
        running.clock.now = running.clock.now.replace(year=2031)
        school.drop_case("S-1")
        running.walk("school")
        assert rows(running, "school") == 0


def test_a_batch_that_was_charged_is_sent_again_to_those_who_charged_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with federation(tmp_path, make_covenant(first_load=0, daily=2)) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        with monkeypatch.context() as broken:
            broken.setattr("raakvlak_protocol.threshold.combine", lambda *rest: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                running.walk("school")
        running.walk("school")
        assert school.status()["published"] == 2
        charged = sorted(holder.log().count('"charged": 2') for holder in running.key_holders)
        assert charged == [0, 1, 1]


def test_a_reconciliation_that_was_cut_off_is_demanded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        running.settle()
        school.store.set_remark("reconcile", "invented")
        with walking(school, silent) as walk:
            with monkeypatch.context() as broken:
                broken.setattr(type(school), "replay", lambda node, publisher: (_ for _ in ()).throw(KeyboardInterrupt))
                with pytest.raises(KeyboardInterrupt):
                    reconcile(school, walk.publisher, dry_run=False)
            with pytest.raises(Refused, match="reconcile"):
                walk.publisher.demand_reconciled()
            reconcile(school, walk.publisher, dry_run=False)
            walk.publisher.demand_reconciled()


def test_a_node_hears_of_matches_while_the_index_can_not_publish_its_log(tmp_path: Path) -> None:
    """Then the index takes no writes, because it could not keep its promise about them; what it has to tell it still tells."""
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.settle("school")
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.walk("town")
        running.nodes["school"].put_case(case("S-2", MOTHER))
        running.index.publish_log()
        running.index.seconds += 1_000
        outcome = running.walk("school")
        assert [type(each) for each in outcome.waiting] == [Unavailable]
        assert (outcome.published, outcome.received > 0, outcome.posted > 0) == (0, True, True)
        running.index.publish_log()
        running.settle()
        assert running.touches("school") and running.nodes["school"].status()["pending"] == 0
