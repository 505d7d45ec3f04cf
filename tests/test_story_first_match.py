"""Stories of the main line, each told in a whole federation: from cases to whom to call, and back to nothing."""

from datetime import timedelta
from pathlib import Path

import pytest

from raakvlak_protocol.errors import OverQuota, Refused
from raakvlak_protocol.term import month_of
from tests.covenants import make_covenant
from tests.federation import case, federation

CHILD, SISTER, MOTHER, FATHER, UNCLE = "123456782", "111222333", "999990019", "999990020", "999990032"


def test_two_organisations_learn_of_the_same_client_and_whom_to_call(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD, worker_name="Ilse Quist", worker_phone="0118-000001"))
        running.nodes["town"].put_case(case("T-1", CHILD, worker_name="Jan Maas", worker_phone="0118-000002"))
        running.settle()
        assert running.touches("school") == {("S-1", "town", "T-1", "client", "client")}
        assert running.touches("town") == {("T-1", "school", "S-1", "client", "client")}
        ((_, entry),) = running.nodes["school"].all_entries()
        assert entry.contact is not None
        assert (entry.contact.name, entry.contact.phone) == ("Jan Maas", "0118-000002")
        assert running.nodes["school"].status()["pending"] == running.nodes["town"].status()["pending"] == 0


def test_a_family_match_goes_via_mother_sister_and_home_and_an_uncle_is_none(tmp_path: Path) -> None:
    home = {"postcode": "4331AB", "house_number": "12", "house_addition": "a"}
    with federation(tmp_path) as running:
        school, town = running.nodes["school"], running.nodes["town"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER, sibling_bsns=SISTER, **home))
        school.put_case(case("S-2", UNCLE, sibling_bsns=MOTHER))
        town.put_case(case("T-1", MOTHER, birth_date="1980-05-05"))
        town.put_case(case("T-2", SISTER, parent_bsn_1=MOTHER, postcode="4331 ab", house_number="12A"))
        running.settle()
        assert running.touches("school") == {
            ("S-1", "town", "T-1", "family", "parent"),
            ("S-1", "town", "T-2", "family", "address parent sibling"),
            ("S-2", "town", "T-1", "family", "sibling"),
        }
        assert running.touches("town") == {
            ("T-1", "school", "S-1", "family", "client"),
            ("T-1", "school", "S-2", "family", "client"),
            ("T-2", "school", "S-1", "family", "address client parent"),
        }


def test_a_pair_of_relations_that_makes_no_match_is_dropped_silently_by_both(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        running.nodes["town"].put_case(case("T-1", UNCLE, sibling_bsns=MOTHER))
        running.settle()
        assert running.touches("school") == running.touches("town") == set()
        for node in (running.nodes["school"], running.nodes["town"]):
            assert node.status()["pending"] == 0
            assert [match.their_card for match in node.store.live_matches()] == [None]


def test_two_cases_of_one_organisation_never_match(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.nodes["school"].put_case(case("S-2", SISTER, sibling_bsns=CHILD))
        running.settle()
        assert running.touches("school") == set()


def test_a_changed_phone_number_reaches_the_others_by_itself(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.nodes["town"].put_case(case("T-1", CHILD, worker_phone="0118-000002"))
        running.settle()
        running.nodes["town"].put_case(case("T-1", CHILD, worker_phone="0118-000009"))
        running.settle()
        ((_, entry),) = running.nodes["school"].all_entries()
        assert entry.contact is not None
        assert entry.contact.phone == "0118-000009"


def test_a_withdrawn_case_takes_back_what_was_told(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        running.nodes["town"].drop_case("T-1")
        running.settle()
        assert running.touches("school") == running.touches("town") == set()
        assert running.nodes["town"].store.references() == []
        assert list(running.nodes["school"].store.live_matches()) == []


def test_a_match_may_begin_again_after_it_ended(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD))
        for reference in ("T-1", "T-2"):
            running.nodes["town"].put_case(case(reference, CHILD))
            running.settle()
            assert running.touches("school") == {("S-1", "town", reference, "client", "client")}
            running.nodes["town"].drop_case(reference)
            running.settle()
            assert running.touches("school") == set()


def test_of_siblings_at_one_school_both_cases_are_on_one_card(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        running.nodes["school"].put_case(case("S-2", SISTER, parent_bsn_1=MOTHER))
        running.nodes["town"].put_case(case("T-1", MOTHER, birth_date="1980-05-05"))
        running.settle()
        assert {touch[2] for touch in running.touches("town")} == {"S-1", "S-2"}
        running.nodes["school"].drop_case("S-1")
        running.settle()
        assert {touch[2] for touch in running.touches("town")} == {"S-2"}


def test_without_a_coordinator_confidential_and_protected_cases_are_kept_and_not_published(tmp_path: Path) -> None:
    with federation(tmp_path, make_covenant(change=lambda payload: payload.ClearField("coordination"))) as running:
        running.nodes["school"].put_case(case("S-1", CHILD, confidential="yes"))
        running.nodes["school"].put_case(case("S-2", SISTER, protected="yes"))
        running.nodes["town"].put_case(case("T-1", CHILD, sibling_bsns=SISTER))
        running.settle()
        assert running.touches("school") == running.touches("town") == set()
        assert running.nodes["school"].store.references() == []
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.settle()
        assert running.touches("town") == {("T-1", "school", "S-1", "client", "client")}


def test_a_crowded_address_is_not_published_and_comes_back_when_the_count_falls(tmp_path: Path) -> None:
    sandbox = make_covenant(change=lambda payload: setattr(payload.rules, "household_limit", 2))
    home = {"postcode": "4331AB", "house_number": "12"}
    with federation(tmp_path, sandbox) as running:
        for number, bsn in enumerate((CHILD, SISTER, UNCLE)):
            running.nodes["school"].put_case(case(f"S-{number}", bsn, **home))
        running.nodes["town"].put_case(case("T-1", FATHER, **home))
        running.settle()
        assert running.touches("town") == set()
        running.nodes["school"].drop_case("S-0")
        running.settle()
        assert {touch[2] for touch in running.touches("town")} == {"S-1", "S-2"}


def test_a_wrong_number_is_withdrawn_at_once_and_a_changed_one_stands_until_its_term(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        school.put_case(case("S-2", SISTER))
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.nodes["town"].put_case(case("T-2", SISTER))
        running.settle()
        school.put_case(case("S-1", MOTHER), "wrong")
        school.put_case(case("S-2", FATHER), "changed")
        running.settle()
        assert running.touches("town") == {("T-2", "school", "S-2", "client", "client")}


def test_a_row_goes_on_the_first_of_the_month_of_its_term_and_does_not_come_back(tmp_path: Path) -> None:
    sandbox = make_covenant(change=lambda payload: setattr(payload.rules, "retention_months", 1))
    with federation(tmp_path, sandbox) as running:
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        assert running.touches("school") != set()
        running.clock.now = (running.clock.now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=1)
        running.index.expire()
        running.settle()
        assert running.touches("school") == running.touches("town") == set()
        assert running.nodes["school"].store.published_counts(month_of(running.clock())) == {"published": 0, "lapsed": 1}


def test_a_node_that_was_away_for_a_hundred_days_publishes_again_and_is_told_what_it_missed(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.nodes["school"].put_case(case("S-2", SISTER))
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        running.clock.pass_(days=50)
        running.nodes["town"].put_case(case("T-2", SISTER))
        running.settle("town")
        assert {touch[0] for touch in running.touches("town")} == {"T-1"}
        running.clock.pass_(days=50)
        running.settle("town")
        running.index.expire()
        running.settle("town")
        assert running.touches("town") == set()
        running.settle()
        assert running.touches("town") == {
            ("T-1", "school", "S-1", "client", "client"),
            ("T-2", "school", "S-2", "client", "client"),
        }


def test_over_quota_the_node_waits_and_says_until_when_and_loses_nothing(tmp_path: Path) -> None:
    with federation(tmp_path, make_covenant(first_load=2, daily=1)) as running:
        school = running.nodes["school"]
        for number, bsn in enumerate((CHILD, SISTER, MOTHER, FATHER, UNCLE)):
            school.put_case(case(f"S-{number}", bsn))
        outcome = running.walk("school")
        assert (outcome.evaluated, outcome.published) == (3, 3)
        (waiting,) = outcome.waiting
        assert isinstance(waiting, OverQuota)
        assert f"{waiting.until:%Y-%m-%d}" in waiting.message
        assert school.status()["unevaluated"] == 2
        assert running.walk("school").published == 0
        running.clock.pass_(days=1)
        outcome = running.walk("school")
        assert (outcome.published, outcome.waiting) == (2, [])


def test_nothing_is_published_from_a_restored_store_until_a_person_has_reconciled(tmp_path: Path) -> None:
    from raakvlak_node.reconcile import reconcile
    from raakvlak_node.sync import walking

    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.nodes["town"].put_case(case("T-2", SISTER))
        running.settle()
        school.store.backup(tmp_path / "backup.db")
        school.put_case(case("S-2", SISTER))
        running.settle()
        school.close()
        for leftover in ("store.db-wal", "store.db-shm"):
            (school.folder.path / leftover).unlink(missing_ok=True)
        (tmp_path / "backup.db").replace(school.store.path)
        running.nodes["school"] = restored = running.nodes["school"].reopened()
        with pytest.raises(Refused, match="reconcile"):
            running.walk("school")
        with walking(restored, lambda name, **fields: None) as walk:
            found = reconcile(restored, walk.publisher, dry_run=True)
            assert (found["unknown_here_to_withdraw"], found["lost_there_to_publish_again"]) == (1, 0)
            reconcile(restored, walk.publisher, dry_run=False)
        restored.put_case(case("S-2", SISTER))
        running.settle()
        assert running.touches("school") == {
            ("S-1", "town", "T-1", "client", "client"),
            ("S-2", "town", "T-2", "client", "client"),
        }
        assert running.touches("town") == {
            ("T-1", "school", "S-1", "client", "client"),
            ("T-2", "school", "S-2", "client", "client"),
        }
