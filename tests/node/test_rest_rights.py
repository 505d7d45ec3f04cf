"""Rights and confidentiality at the door: release, objection, withdrawal, renewal, in a whole federation."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.covenants import make_covenant
from tests.federation import case, federation
from tests.node.test_rest import Caller, problem
from tests.node.test_rest_follow_up import CHILD, Desk

MEMBERS = {"police": "police", "school": "education", "coordinator": "coordinator"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The police has a confidential case of a child that the school knows too."""
    with federation(tmp_path, make_covenant(members=MEMBERS)) as running:
        running.nodes["police"].put_case(case("P-1", CHILD, confidential="yes"))
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.settle()
        running.index.running.mediate()
        running.settle()
        with closing(Desk(running)) as desk:
            yield desk


def asked(desk: Desk) -> tuple[str, Caller]:
    """The coordinator asks the police; the match and the police's case system."""
    (heard,) = desk.get("coordinator", "/v1/mediations")["mediations"]
    assert desk.get("coordinator", "/v1/desk") == {"follow_ups": [], "mediations": [heard]}
    assert (heard["sides"], heard["askable"], heard["asks"]) == (["police", "school"], ["police"], [])
    body = {"member": "school", "name": "Kim", "phone": "0118-7", "text": "may the school know?"}
    path = f"/v1/mediations/{heard['id']}/asks"
    client = desk.clients["coordinator"]
    assert "may not be asked" in problem(client.post(path, json=body), 409)["detail"]
    wrong = problem(client.post(path, json=body | {"member": "town"}), 422)
    assert [each["column"] for each in wrong["errors"]] == ["member"]
    nobody = problem(client.post(path, json=body | {"member": "police", "phone": " "}), 422)
    assert [each["column"] for each in nobody["errors"]] == ["phone"]
    assert client.post(path, json=body | {"member": "police"}).status_code == 201
    assert "call it" in problem(client.post(path, json=body | {"member": "police"}), 409)["detail"]
    desk.running.settle()
    return heard["id"], desk.clients["police"]


def test_a_confidential_case_is_asked_about_released_and_taken_back(desk: Desk) -> None:
    match, police = asked(desk)
    assert desk.items("school") == desk.items("police") == desk.get("school", "/v1/asks")["asks"] == []
    (question,) = desk.get("police", "/v1/asks")["asks"]
    assert (question["match_id"], question["coordinator"], question["case_refs"]) == (match, "coordinator", ["P-1"])
    assert (question["name"], question["phone"], question["text"]) == ("Kim", "0118-7", "may the school know?")
    path = f"/v1/asks/{match}/answer"
    assert [each["column"] for each in problem(police.put(path, json={"release": "yes"}), 422)["errors"]] == ["release", "text"]
    other = problem(police.put(path, json={"release": True, "text": "agreed", "case_ref": "P-2"}), 422)
    assert [each["column"] for each in other["errors"]] == ["case_ref"]
    answered = police.put(path, json={"release": True, "text": "agreed with the family"})
    assert (answered.status_code, answered.json()["released"]) == (200, True), answered.text
    problem(police.put(path, json={"release": True, "text": "again"}), 404)
    assert ("release", "case", "P-1") in desk.lines("police")
    desk.running.settle()
    assert [each["other"] for each in desk.items("school")] == ["police"]
    assert desk.get("coordinator", "/v1/mediations")["mediations"] == []
    problem(police.put("/v1/releases/P-1", json={"because": "twice"}), 409)
    back = police.delete("/v1/releases/P-1", params={"because": "no longer"})
    assert back.json() == {"case_ref": "P-1", "released": False}
    desk.running.settle()
    assert [each["phase"] for each in desk.items("school")] == ["withdrawn"]
    assert police.put("/v1/releases/P-1", json={"because": "after all"}).json()["released"]


def test_a_case_that_is_kept_stays_hidden(desk: Desk) -> None:
    match, police = asked(desk)
    kept = police.put(f"/v1/asks/{match}/answer", json={"release": False, "text": "it would hinder us"})
    assert (kept.status_code, kept.json()["released"]) == (200, False)
    desk.running.settle()
    (heard,) = desk.get("coordinator", "/v1/mediations")["mediations"]
    assert [(each["released"], each["answer"]) for each in heard["asks"]] == [(False, "it would hinder us")]
    assert desk.items("school") == desk.get("police", "/v1/asks")["asks"] == []


def test_an_objection_suspends_at_once_and_is_decided(desk: Desk) -> None:
    school = desk.clients["school"]
    body = {"bsn": CHILD, "because": "it is not so", "received": desk.day(-1)}
    found = school.post("/v1/objections", json=body)
    assert found.status_code == 201, found.text
    assert (found.json()["due"], found.json()["cases"]) == (
        desk.day(41), [{"case_ref": "S-1", "relation": "client", "place": 1}]
    )  # fmt: skip
    problem(school.post("/v1/objections", json=body), 409)
    for change, column in (
        ({"bsn": "123456789"}, "bsn"),
        ({"received": desk.day(3)}, "received"),
        ({"because": ""}, "because"),
    ):
        wrong = problem(school.post("/v1/objections", json=body | change), 422)
        assert [each["column"] for each in wrong["errors"]] == [column] and CHILD not in str(wrong)
    assert desk.get("school", "/v1/status")["published"] == 1
    desk.running.settle()
    assert desk.get("school", "/v1/status")["published"] == 0
    path = f"/v1/objections/{found.json()['id']}/decision"
    decided = school.put(path, json={"upheld": False, "because": "the involvement stands"})
    assert (decided.status_code, decided.json()["upheld"]) == (200, False)
    problem(school.put(path, json={"upheld": True, "because": "after all"}), 409)
    assert desk.get("school", "/v1/objections", pending=True)["objections"] == []
    assert [each["decision"] for each in desk.get("school", "/v1/objections")["objections"]] == ["the involvement stands"]
    assert school.post("/v1/erasures", json={"bsn": CHILD, "because": "granted"}).json()["claim"] == "erasure"
    problem(school.get("/v1/cases/S-1"), 404)
    refused = problem(
        school.put("/v1/cases/S-1", json={"bsn": CHILD, "function": "x", "worker_phone": "1", "since": "2026-01-05"}), 422
    )
    assert [each["column"] for each in refused["errors"]] == ["bsn"]


def test_a_case_ends_for_a_reason_and_is_renewed_in_time(desk: Desk) -> None:
    school = desk.clients["school"]
    assert desk.get("school", "/v1/terms") == {"terms": []}
    assert "may be renewed from" in problem(school.post("/v1/renewals", json={"case_ref": "S-1"}), 409)["detail"]
    problem(school.delete("/v1/cases/S-1"), 422)
    assert [each["column"] for each in problem(school.delete("/v1/cases/S-1?reason=bored"), 422)["errors"]] == ["reason"]
    problem(school.post("/v1/withdrawals", json={"case_ref": "S-1", "reason": "lapsed"}), 409)
    desk.running.clock.pass_(days=700)
    (term,) = desk.get("school", "/v1/terms")["terms"]
    assert (term["case_ref"], term["lapsed"]) == ("S-1", False)
    assert school.post("/v1/renewals", json={"case_ref": "S-1"}).json()["ends"] > term["ends"]
    assert desk.get("school", "/v1/terms") == {"terms": []}
    gone = school.post("/v1/withdrawals", json={"case_ref": "S-1", "reason": "risk-gone"})
    assert gone.json() == {"case_ref": "S-1", "reason": "risk-gone", "archived": False}
    assert ("delete", "case", "S-1") in desk.lines("school")


def test_a_person_hears_what_is_known_and_only_whoever_may_ask(desk: Desk) -> None:
    school = desk.clients["school"]
    question = {"bsn": CHILD, "asked_by": "parent", "birth_date": "2018-01-05"}
    told = school.post("/v1/subject-reports", json=question)
    assert (told.status_code, told.json()["format"]) == (200, "raakvlak-subject/1")
    assert "S-1" in told.text and CHILD not in told.text and "police" not in told.text
    assert "12" in problem(school.post("/v1/subject-reports", json=question | {"asked_by": "subject"}), 409)["detail"]
    wrong = problem(school.post("/v1/subject-reports", json=question | {"bsn": "1"}), 422)
    assert [each["column"] for each in wrong["errors"]] == ["bsn"]
