"""Stories of how long and how visibly an involvement stands, in a whole federation: released and taken back, renewed and
lapsed, objected to and erased; and what of it the other side can see."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from raakvlak_node.access import Actor
from raakvlak_node.objection import Objection
from raakvlak_node.reconcile import reconcile
from raakvlak_node.standing import Ending
from raakvlak_node.sync import walking
from raakvlak_protocol.errors import Unavailable
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.term import month_of, start_of
from raakvlak_protocol.v1 import covenant_pb2
from tests.attacks.lying_log import read_the_log
from tests.covenants import Sandbox, make_covenant
from tests.federation import Federation, case, federation
from tests.node.walked import pass_months, rows
from tests.test_story_hard_times import rows as index_rows
from tests.test_story_hard_times import silent

CHILD, SISTER, MOTHER, FATHER, UNCLE = "123456782", "111222333", "999990019", "999990020", "999990032"
WORKER = Actor.command("ilse")
DIRECT, HIDDEN = Visibility.DIRECT, Visibility.COORDINATOR
HOME = {"postcode": "4331AB", "house_number": "12"}
MOTHERS_CASE = {"birth_date": "1980-05-05"}


def retaining(months: int, *, adults: bool = True) -> Sandbox:
    def change(payload: covenant_pb2.Covenant) -> None:
        payload.rules.retention_months = months
        payload.rules.adult_clients = adults

    return make_covenant(change=change)


def object_(running: Federation, member: str, number: str) -> Objection:
    node, now = running.nodes[member], running.clock.now
    return node.standing().object(Bsn.parse(number), "I do not want this", node.today(now), WORKER, now)


def decide(running: Federation, member: str, found: Objection, *, upheld: bool) -> None:
    standing = running.nodes[member].standing()
    standing.decide(found.id, upheld=upheld, because="weighed", actor=WORKER, now=running.clock.now)


def test_a_confidential_case_is_a_match_once_it_is_released_and_none_when_that_is_taken_back(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER, confidential="yes", **HOME))
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        assert running.touches("school") == running.touches("town") == set()
        assert set(rows(school).values()) == {HIDDEN}
        assert list(running.nodes["town"].store.live_matches()) == list(school.store.live_matches()) == []
        school.release("S-1", "the mother agreed", WORKER)
        running.settle()
        assert running.touches("town") == {("T-1", "school", "S-1", "client", "client")}
        assert running.touches("school") == {("S-1", "town", "T-1", "client", "client")}
        school.withdraw_release("S-1", "a threat", WORKER)
        running.settle()
        assert running.touches("school") == running.touches("town") == set()
        assert [match.their_card for match in running.nodes["town"].store.live_matches()] == []
        assert set(rows(school).values()) == {HIDDEN}


def test_what_is_confidential_stays_out_of_letters_of_a_row_that_is_direct_for_another_case(tmp_path: Path) -> None:
    """The mother is a client here, confidentially; the son's case is not. The town hears that she is a parent."""
    with federation(tmp_path) as running:
        school, town = running.nodes["school"], running.nodes["town"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        school.put_case(case("S-2", MOTHER, confidential="yes", worker_phone="0118-000222", **MOTHERS_CASE))
        town.put_case(case("T-1", MOTHER, **MOTHERS_CASE))
        running.settle()
        told = {("T-1", "school", "S-1", "family", "client")}
        assert running.touches("town") == told
        assert running.touches("school") == {("S-1", "town", "T-1", "family", "parent")}
        letters = sum(match.their_number for match in town.store.live_matches())
        school.put_case(case("S-2", MOTHER, confidential="yes", worker_phone="0118-000333", **MOTHERS_CASE))
        running.settle()
        assert sum(match.their_number for match in town.store.live_matches()) == letters
        school.release("S-2", "she agreed", WORKER)
        running.settle()
        assert running.touches("town") == told | {("T-1", "school", "S-2", "client", "client")}
        school.withdraw_release("S-2", "she thought again", WORKER)
        running.settle()
        assert running.touches("town") == told
        assert running.touches("school") == {("S-1", "town", "T-1", "family", "parent")}


def test_a_renewed_case_stands_on_and_one_that_is_not_ends_with_its_matches(tmp_path: Path) -> None:
    with federation(tmp_path, retaining(4)) as running:
        school, town = running.nodes["school"], running.nodes["town"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        school.put_case(case("S-2", SISTER))
        town.put_case(case("T-1", CHILD))
        town.put_case(case("T-2", SISTER))
        running.settle()
        began = month_of(running.clock.now)
        pass_months(running.clock, 2, days=3)
        for node, reference in ((school, "S-1"), (town, "T-1"), (town, "T-2")):
            assert node.renew(reference, WORKER) == start_of(began + 6).date()
        running.settle()
        both = {("S-1", "town", "T-1", "client", "client"), ("S-2", "town", "T-2", "client", "client")}
        assert running.touches("school") == both
        pass_months(running.clock, 2, hours=3)
        running.index.expire()
        running.settle()
        assert running.touches("school") == {("S-1", "town", "T-1", "client", "client")}
        assert {each.reference for each in school.terms_due() if each.lapsed} == {"S-2"}
        assert school.status()["pending"] == town.status()["pending"] == 0
        pass_months(running.clock, 2, hours=3)
        running.index.expire()
        running.settle()
        assert running.touches("school") == running.touches("town") == set()
        assert school.store.references() == town.store.references() == []
        assert len(school.store.case_handles()) == 2  # the administration stays, until a person ends it
        school.withdraw("S-2", Ending.LAPSED, WORKER)
        assert len(school.store.case_handles()) == 1


def test_the_match_of_a_shared_person_outlives_the_case_that_lapses_first(tmp_path: Path) -> None:
    with federation(tmp_path, retaining(4)) as running:
        school, town = running.nodes["school"], running.nodes["town"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        town.put_case(case("T-1", MOTHER, **MOTHERS_CASE))
        running.settle()
        pass_months(running.clock, 3, days=2)
        school.put_case(case("S-2", SISTER, parent_bsn_1=MOTHER))
        town.renew("T-1", WORKER)
        running.settle()
        assert {touch[2] for touch in running.touches("town")} == {"S-1", "S-2"}
        pass_months(running.clock, 1, hours=2)
        running.index.expire()
        running.settle()
        assert {touch[2] for touch in running.touches("town")} == {"S-2"}
        assert {touch[0] for touch in running.touches("school")} == {"S-2"}


def test_a_parent_objects_who_is_a_relative_in_three_cases_at_two_organisations(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school, town = running.nodes["school"], running.nodes["town"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        school.put_case(case("S-2", SISTER, parent_bsn_1=MOTHER))
        town.put_case(case("T-1", UNCLE, parent_bsn_2=MOTHER))
        town.put_case(case("T-2", CHILD))
        running.settle()
        client = ("T-2", "school", "S-1", "client", "client")
        family = {("T-1", "school", "S-1", "family", "parent"), ("T-1", "school", "S-2", "family", "parent")}
        assert running.touches("town") == {client} | family
        objections = {member: object_(running, member, MOTHER) for member in ("school", "town")}
        running.settle()
        assert running.touches("town") == {client}
        assert MOTHER not in rows(school) and MOTHER not in rows(town)
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER, worker_phone="0118-000777"))
        school.put_case(case("S-3", FATHER, sibling_bsns=MOTHER))
        running.settle()
        assert running.touches("town") == {client}
        decide(running, "school", objections["school"], upheld=False)
        decide(running, "town", objections["town"], upheld=False)
        running.settle()
        assert running.touches("town") == {client} | family
        again = object_(running, "school", MOTHER)
        decide(running, "school", again, upheld=True)
        running.settle()
        assert running.touches("town") == {client}
        handle = school.store.person_handle(Bsn.parse(MOTHER))
        left = school.store.database.execute("SELECT count(*) FROM ledger WHERE person = ?", (handle,)).fetchone()[0]
        assert left == 0 and school.store.cases_of(handle) == []
        running.clock.pass_(days=400)
        for reference, number in (("S-1", CHILD), ("S-2", SISTER)):
            school.put_case(case(reference, number, parent_bsn_1=MOTHER))
        running.settle()
        assert MOTHER not in rows(school)


def test_erasure_takes_the_clients_cases_and_all_that_the_ledger_says_of_them(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        school.put_case(case("S-2", SISTER, parent_bsn_1=MOTHER))
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        school.standing().erase(Bsn.parse(CHILD), "granted", WORKER, running.clock.now)
        running.settle()
        assert running.touches("town") == set()
        assert set(rows(school)) == {SISTER, MOTHER}
        handle = school.store.person_handle(Bsn.parse(CHILD))
        for table in ("ledger", "token", "involvement"):
            sql = f"SELECT count(*) FROM {table} WHERE person = ?"  # noqa: S608
            assert school.store.database.execute(sql, (handle,)).fetchone()[0] == 0


def test_all_who_turn_23_in_one_month_go_in_one_walk_of_the_month_before(tmp_path: Path) -> None:
    with federation(tmp_path, retaining(24, adults=False)) as running:
        school, today = running.nodes["school"], running.clock.now
        next_year = today.year + 1
        for number, (bsn, day) in enumerate(((CHILD, 2), (SISTER, 27))):
            school.put_case(case(f"S-{number}", bsn, birth_date=f"{next_year - 23}-06-{day:02}"))
        school.put_case(case("S-9", UNCLE, birth_date=f"{next_year - 23}-07-01"))
        running.settle("school")
        running.clock.now = today.replace(year=next_year, month=4, day=30, hour=12)
        running.settle("school")
        assert set(rows(school)) == {CHILD, SISTER, UNCLE}
        running.clock.now += timedelta(days=1)
        assert running.walk("school").withdrawn == 2
        assert set(rows(school)) == {UNCLE}


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_hidden_publication_that_was_cut_off_is_settled_as_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        school.put_case(case("S-1", CHILD, confidential="yes"))
        with walking(school, silent) as walk:
            call = walk.publisher.call

            def unheard(method: str, *rest: object) -> object:
                answer: object = None if method == "Publish" and lost == "before" else call(method, *rest)  # type: ignore[arg-type]
                if method == "Publish":
                    raise Unavailable("invented")
                return answer

            monkeypatch.setattr(walk.publisher, "call", unheard)
            with suppress(Unavailable):
                walk.once()
            monkeypatch.undo()
        pending = school.store.in_flight()
        assert pending is not None and pending.visibility is HIDDEN
        running.settle()
        assert rows(school) == {CHILD: HIDDEN}
        assert running.touches("town") == set()


@pytest.mark.parametrize("meanwhile", ["confidential", "dropped"])
def test_a_row_that_was_told_directly_by_a_write_of_long_ago_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """The write arrived, its answer did not, the index has destroyed it, and meanwhile the case became confidential, or
    went: nobody told this node by which reference the row stands, and writing it again would leave it as it was."""
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        school.put_case(case("S-1", CHILD))
        with walking(school, silent) as walk:
            call = walk.publisher.call

            def unheard(method: str, *rest: object) -> object:
                answer: object = call(method, *rest)  # type: ignore[arg-type]
                if method == "Publish":
                    raise Unavailable("invented")
                return answer

            monkeypatch.setattr(walk.publisher, "call", unheard)
            with suppress(Unavailable):
                walk.once()
            monkeypatch.undo()
        if meanwhile == "dropped":
            school.drop_case("S-1")
        else:
            school.put_case(case("S-1", CHILD, confidential="yes"))
        running.clock.pass_(days=2)
        running.index.expire()
        running.settle()
        assert rows(school) == ({} if meanwhile == "dropped" else {CHILD: HIDDEN})
        assert index_rows(running, "school") == len(rows(school))
        assert running.touches("town") == running.touches("school") == set()
        assert list(running.nodes["town"].store.live_matches()) == []


def test_a_restored_node_takes_a_row_back_whose_release_it_has_forgotten(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD, confidential="yes"))
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        school.release("S-1", "agreed", WORKER)
        running.settle()
        assert running.touches("town") != set()
        # As after a restore: the store believes what was true before the release.
        school.store.database.execute("DELETE FROM release")
        school.store.database.execute("UPDATE token SET visibility = 2 WHERE reference IS NOT NULL")
        school.standing().judge(school.store.case_handle("S-1"), running.clock.now)
        school.store.set_remark("reconcile", "invented")
        with walking(school, silent) as walk:
            reconcile(school, walk.publisher, dry_run=False)
        assert rows(school) == {CHILD: DIRECT}
        running.settle()
        assert rows(school) == {CHILD: HIDDEN}
        assert running.touches("town") == set()


def test_hidden_rows_are_proven_to_stand_as_hidden_ones(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        read_the_log(running)
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD, confidential="yes"))
        school.put_case(case("S-2", SISTER))
        running.walk("school")
        running.index.publish_log()
        assert running.walk("school").proven == 2
        school.release("S-1", "agreed", WORKER)
        running.walk("school")
        running.index.publish_log()
        assert running.walk("school").proven == 1
        assert school.status()["alarm"] == "" and school.status()["unproven"] == 0
        # An index that had published it directly instead is caught: the node holds how it asked.
        school.store.database.execute("UPDATE token SET visibility = 2")
        school.store.database.execute("UPDATE token SET unproven_since = 1")
        with walking(running.nodes["school"], silent) as walk, pytest.MonkeyPatch.context() as still:
            still.setattr(walk, "_withdraw", lambda: 0)
            walk.once()
        assert "visible in another way than was asked for" in running.nodes["school"].status()["alarm"]
