"""The follow-up at the door: what a case system asks and does after a match, at the nodes of a whole federation."""

import contextlib
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from raakvlak_node import rest
from raakvlak_node.access import AccessLog
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation
from tests.node.test_rest import Caller, problem

CHILD = "123456782"
TASK = {"who": "mentor", "what": "talks with the mother every week", "by": "2030-01-14"}
NOWHERE = "0" * 32


class Desk:
    """The case systems of a federation, each at the node of its own organisation."""

    def __init__(self, running: Federation) -> None:
        self.running = running
        self.clients = {member: Caller(node) for member, node in running.nodes.items()}
        for member, client in self.clients.items():
            client.headers["Raakvlak-User"] = f"somebody at the {member}"

    def close(self) -> None:
        for client in self.clients.values():
            client.close()

    def day(self, days: int = 0) -> str:
        return (self.running.nodes["school"].today(self.running.clock()) + timedelta(days=days)).isoformat()

    def get(self, member: str, path: str, **query: Any) -> Any:
        answer = self.clients[member].get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def items(self, member: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(member, "/v1/follow-ups", **query)["follow_ups"]
        return found

    def found(self, member: str, other: str = "") -> dict[str, Any]:
        """The one follow-up of a member, or the one with another member, in full."""
        (item,) = [each for each in self.items(member) if not other or other in each["sides"]]
        return dict(self.get(member, f"/v1/follow-ups/{item['id']}"))

    def act(self, member: str, kind: str, *, seen: int | None = None, **fields: Any) -> Any:
        found = self.found(member)
        body = {"kind": kind, "seen": found["seen"] if seen is None else seen} | fields
        return self.clients[member].post(f"/v1/follow-ups/{found['id']}/acts", json=body)

    def terms(self, **change: Any) -> dict[str, Any]:
        """An agreement of the school's."""
        found = {"lead": "school", "tasks": [TASK], "evaluate_on": self.day(40), "parents": "agrees", "youth": "agrees"}
        return found | change

    def propose(self, member: str, *others: str, **change: Any) -> Any:
        found = [self.found(member, other) for other in others or ("",)]
        each = [{"id": one["id"], "seen": one["seen"]} for one in found]
        return self.clients[member].post("/v1/agreements", json=self.terms(**change) | {"follow_ups": each})

    def sign(self, member: str) -> Any:
        found = self.found(member)
        return self.clients[member].post(f"/v1/follow-ups/{found['id']}/signatures", json={"seen": found["seen"]})

    def lines(self, member: str) -> list[tuple[str, str, str]]:
        """(event, kind, case) of the lines in the access log that a case system caused."""
        lines = AccessLog(self.running.nodes[member].store).lines(0, 1000)
        return [(str(each.event), each.kind, each.case) for each in lines if each.actor.via == "rest"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD, worker_name="Ilse Quist", worker_phone="0118-000001"))
        running.nodes["town"].put_case(case("T-1", CHILD, worker_name="Jan Maas", worker_phone="0118-000002"))
        running.settle()
        with contextlib.closing(Desk(running)) as desk:
            yield desk


def test_from_a_match_to_an_evaluation(desk: Desk) -> None:
    (item,) = desk.items("school")
    assert (item["case_ref"], item["other"], item["other_name"], item["other_case_ref"]) == ("S-1", "town", "The town", "T-1")
    assert (item["phase"], item["due_term"], item["overdue"]) == ("signalled", "acknowledge", False)
    assert desk.get("school", "/v1/pictures/S-1")["matches"][0]["follow_up"] == item["id"]
    assert desk.act("school", "acknowledged").status_code == 201
    desk.running.settle()
    town = desk.found("town")
    assert (town["phase"], list(town["acknowledged"]), town["due"]["whose"]) == ("signalled", ["school"], ["town"])
    assert [(each["member"], each["name"], each["phone"]) for each in town["contacts"]] == [
        ("school", "Ilse Quist", "0118-000001")
    ]  # fmt: skip
    assert desk.act("town", "contacted", day=desk.day(), text="spoke with the school").json()["phase"] == "in_contact"
    desk.running.settle()
    assert [each["text"] for each in desk.found("school")["steps"]] == [None, "spoke with the school"]
    proposed = desk.propose("school")
    assert proposed.status_code == 201, proposed.text
    assert proposed.json()["proposal"]["terms"]["tasks"] == [TASK]
    desk.running.settle()
    waiting = desk.found("town")["proposal"]
    assert [(each["member"], each["signed"] is None) for each in waiting["parties"]] == [("school", False), ("town", True)]
    signed = desk.sign("town").json()
    assert (signed["phase"], signed["proposal"], signed["lead"]) == ("agreed", None, "school")
    desk.running.settle()
    assert desk.found("school")["phase"] == "agreed"
    desk.running.clock.pass_(days=41)
    assert desk.found("school")["phase"] == "evaluation_due"
    evaluated = desk.act("school", "evaluated", text="it goes well", day=desk.day(30))
    assert (evaluated.json()["phase"], evaluated.json()["evaluate_on"]) == ("agreed", desk.day(30))
    desk.running.settle()
    assert desk.act("town", "closed", text="done").json()["phase"] == "closed"
    desk.running.settle()
    assert desk.found("school")["phase"] == "closed"
    assert desk.found("school")["allowed"] == ["reopened"]
    assert desk.get("school", "/v1/outcomes")["outcomes"][0]["evaluated"] == 1
    table = desk.clients["school"].get("/v1/outcomes", headers={"Accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.startswith("month,other_kind,match_kind,matches,")


def test_a_step_that_is_not_allowed_tells_those_that_are(desk: Desk) -> None:
    before = desk.found("school")
    body = problem(desk.act("school", "closed", text="no"), 409)
    assert body["allowed"] == before["allowed"] and "acknowledged" in body["allowed"]
    assert body["seen"] == before["seen"]
    assert problem(desk.sign("school"), 409)["allowed"] == before["allowed"]
    assert problem(desk.propose("school"), 409)["allowed"] == before["allowed"]
    assert desk.found("school") == before
    assert ("update", "follow-up", "S-1") not in desk.lines("school")


def test_the_second_of_two_is_shown_what_the_first_did(desk: Desk) -> None:
    seen = desk.found("school")["seen"]
    assert desk.act("school", "acknowledged", seen=seen).status_code == 201
    body = problem(desk.act("school", "contacted", seen=seen, day=desk.day()), 409)
    assert [(each["by"], each["what"]) for each in body["since"]] == [("school", "acknowledged")]
    assert body["seen"] == desk.found("school")["seen"]
    assert desk.found("school")["phase"] == "signalled"
    assert desk.act("school", "contacted", seen=body["seen"], day=desk.day()).status_code == 201
    body = problem(desk.act("school", "closed", seen=body["seen"], text="x"), 409)
    assert [each["what"] for each in body["since"]] == ["contacted"]
    for_all = {"follow_ups": [{"id": desk.found("school")["id"], "seen": seen}]} | desk.terms()
    assert problem(desk.clients["school"].post("/v1/agreements", json=for_all), 409)["seen"] == desk.found("school")["seen"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "proposed"}, "kind"),
    ({"kind": "contacted"}, "day"),
    ({"kind": "contacted", "day": "today"}, "day"),
    ({"kind": "contacted", "day": 20260105}, "day"),
    ({"kind": "contacted", "day": "2999-01-01"}, "day"),
    ({"kind": "acknowledged", "day": "2026-01-05"}, "day"),
    ({"kind": "acknowledged", "lead": "town"}, "lead"),
    ({"kind": "escalated", "text": "x" * 2001}, "text"),
    ({"kind": "escalated"}, "text"),
    ({"kind": "acknowledged", "text": "\u202e"}, "text"),
    ({"kind": "acknowledged", "seen": "1"}, "seen"),
    ({"kind": "acknowledged", "seen": -1}, "seen"),
    ({"kind": "acknowledged", "seen": None}, "seen"),
    ({"kind": "acknowledged", "nonsense": "x"}, "an unknown field"),
]


def test_a_wrong_step_is_told_by_its_fields(desk: Desk) -> None:
    found = desk.found("school")
    for change, column in WRONG:
        body = {"seen": found["seen"], **change}
        answer = desk.clients["school"].post(f"/v1/follow-ups/{found['id']}/acts", json=body)
        assert [each["column"] for each in problem(answer, 422)["errors"]] == [column], change
    assert desk.found("school")["steps"] == []


def test_a_wrong_agreement_is_told_by_its_fields(desk: Desk) -> None:
    desk.act("school", "contacted", day=desk.day())
    late = (date.fromisoformat(desk.day()) + timedelta(days=3650)).isoformat()
    wrong: list[tuple[dict[str, Any], list[str]]] = [
        ({"lead": "nobody"}, ["lead"]),
        ({"tasks": []}, ["tasks"]),
        ({"tasks": [TASK | {"by": "soon"}]}, ["tasks"]),
        ({"tasks": [TASK, {"who": ""}]}, ["tasks", "tasks", "tasks"]),
        ({"evaluate_on": desk.day(-1)}, ["evaluate_on"]),
        ({"evaluate_on": late}, ["evaluate_on"]),
        ({"parents": "not_informed"}, ["because"]),
        ({"youth": "perhaps"}, ["youth"]),
    ]
    for change, columns in wrong:
        answer = problem(desk.propose("school", **change), 422)
        assert [each["column"] for each in answer["errors"]] == columns, change
    second = problem(desk.propose("school", tasks=[TASK, {"who": ""}]), 422)["errors"]
    assert second[0] == {"column": "tasks", "reason": "number 2, who: must be filled in"}
    assert desk.found("school")["proposal"] is None


def test_what_is_not_there(desk: Desk) -> None:
    client = desk.clients["school"]
    for answer in (
        client.get(f"/v1/follow-ups/{NOWHERE}"),
        client.post(f"/v1/follow-ups/{NOWHERE}/acts", json={"kind": "acknowledged", "seen": 0}),
        client.post(f"/v1/follow-ups/{NOWHERE}/signatures", json={"seen": 0}),
        client.put(f"/v1/follow-ups/{NOWHERE}/release", json={"because": "why"}),
        client.post("/v1/agreements", json=desk.terms() | {"follow_ups": [{"id": NOWHERE, "seen": 0}]}),
        client.post(f"/v1/mediations/{NOWHERE}/asks", json={"member": "town", "name": "Kim", "phone": "1", "text": "x"}),
        client.put(f"/v1/asks/{NOWHERE}/answer", json={"release": True, "text": "x"}),
        client.put("/v1/workers/nowhere", json={"function": "mentor", "phone": "0118-3"}),
        client.post("/v1/withdrawals", json={"case_ref": "nowhere", "reason": "wrong"}),
        client.post("/v1/renewals", json={"case_ref": "nowhere"}),
        client.put("/v1/releases/nowhere", json={"because": "why"}),
        client.put(f"/v1/objections/{NOWHERE[:16]}/decision", json={"upheld": True, "because": "why"}),
    ):
        problem(answer, 404)
    for path in ("/v1/follow-ups/xyz", "/v1/follow-ups/ABCD", "/v1/outcomes?from=2026-13", "/v1/follow-ups?phase=lost"):
        assert problem(client.get(path), 422)["errors"]


def test_lists_are_filtered_and_paged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with federation(tmp_path) as running, contextlib.ExitStack() as stack:
        for number, child in enumerate((CHILD, "111222333", "999990019")):
            running.nodes["school"].put_case(case(f"S-{number}", child))
            running.nodes["town"].put_case(case(f"T-{number}", child))
        running.settle()
        desk = stack.enter_context(contextlib.closing(Desk(running)))
        assert [each["case_ref"] for each in desk.items("school", case_ref="S-1")] == ["S-1"]
        assert desk.items("school", phase="closed") == desk.items("school", overdue=True) == []
        assert len(desk.items("school", phase="signalled", overdue=False)) == 3
        monkeypatch.setattr(rest.matches, "MAX_PAGE", 2)
        page = desk.get("school", "/v1/follow-ups")
        rest_ = desk.get("school", "/v1/follow-ups", after=page["next"])
        told = [each["case_ref"] for each in page["follow_ups"] + rest_["follow_ups"]]
        assert len(page["follow_ups"]) == 2 and sorted(told) == ["S-0", "S-1", "S-2"]
        assert desk.get("school", "/v1/follow-ups", after=rest_["next"])["follow_ups"] == []
        running.clock.pass_(days=10)
        running.settle()
        assert len(desk.items("school", overdue=True)) == 2  # of the first page
        assert desk.get("school", "/v1/status")["follow_ups_overdue"] == 3


def test_a_colleague_takes_over_and_the_other_side_learns_of_it(desk: Desk) -> None:
    worker = {"name": "Noor Bos", "function": "teacher", "phone": "0118-000009"}
    answer = desk.clients["school"].put("/v1/workers/S-1", json=worker)
    assert (answer.status_code, answer.json()) == (202, {"case_ref": "S-1", "result": "changed"})
    desk.running.settle()
    assert [(each["name"], each["phone"]) for each in desk.found("town")["contacts"]] == [("Noor Bos", "0118-000009")]
    refused = problem(desk.clients["school"].put("/v1/workers/S-1", json={"function": "teacher", "phone": "call me"}), 422)
    assert [each["column"] for each in refused["errors"]] == ["phone"]
    assert desk.lines("school") == [("update", "case", "S-1")]


def test_the_coordinator_gets_what_it_needs_and_no_more(desk: Desk) -> None:
    desk.act("school", "contacted", day=desk.day(), text="spoke with the town")
    desk.running.settle()
    assert desk.act("town", "disagreed", text="we see no need").json()["phase"] == "escalated"
    desk.running.settle()
    (stuck,) = desk.get("coordinator", "/v1/desk")["follow_ups"]
    assert (stuck["sides"], stuck["phase"], stuck["case_ref"]) == (["school", "town"], "escalated", None)
    assert {each["member"]: each["phone"] for each in stuck["contacts"]} == {"school": "0118-000001", "town": "0118-000002"}
    assert [each["text"] for each in desk.found("coordinator")["steps"]] == [None, "we see no need"]
    id = desk.found("school")["id"]
    released = desk.clients["school"].put(f"/v1/follow-ups/{id}/release", json={"because": "it should know"})
    assert released.status_code == 200 and released.json()["released"]
    desk.running.settle()
    assert [each["text"] for each in desk.found("coordinator")["steps"]] == ["spoke with the town", "we see no need"]
    kept = desk.clients["school"].delete(f"/v1/follow-ups/{id}/release", params={"because": "no more"})
    assert kept.status_code == 200 and not kept.json()["released"]
    problem(desk.clients["school"].delete(f"/v1/follow-ups/{id}/release"), 422)
    assert [each["column"] for each in problem(desk.act("coordinator", "decided", text="x"), 422)["errors"]] == ["lead"]
    nobody = problem(desk.act("coordinator", "decided", lead="nobody", text="x"), 422)
    assert nobody["errors"][0]["column"] == "lead" and "coordinator, school, town" in nobody["detail"]
    decided = desk.act("coordinator", "decided", lead="town", text="the town leads")
    assert (decided.status_code, decided.json()["lead"]) == (201, "town")
    desk.running.settle()
    assert desk.found("school")["lead"] == desk.found("town")["lead"] == "town"
    assert {("release", "follow-up", "S-1"), ("withhold", "follow-up", "S-1")} <= set(desk.lines("school"))


def test_three_sign_one_agreement(tmp_path: Path) -> None:
    members = {"school": "education", "town": "municipality", "youth": "youth_care"}
    with federation(tmp_path, make_covenant(members=members)) as running, contextlib.ExitStack() as stack:
        for member, reference in (("school", "S-1"), ("town", "T-1"), ("youth", "Y-1")):
            running.nodes[member].put_case(case(reference, CHILD))
        running.settle()
        desk = stack.enter_context(contextlib.closing(Desk(running)))
        for other in ("town", "youth"):
            found = desk.found("school", other)
            body = {"kind": "contacted", "seen": found["seen"], "day": desk.day()}
            assert desk.clients["school"].post(f"/v1/follow-ups/{found['id']}/acts", json=body).status_code == 201
        running.settle()
        assert desk.propose("school", "town", "youth").status_code == 201
        running.settle()
        found = desk.found("youth", "school")
        assert [each["member"] for each in found["proposal"]["parties"]] == ["school", "town", "youth"]
        path = f"/v1/follow-ups/{found['id']}/signatures"
        assert desk.clients["youth"].post(path, json={"seen": found["seen"]}).status_code == 201
        running.settle()
        unsigned = [each["member"] for each in desk.found("school", "youth")["agreement"]["parties"] if each["signed"] is None]
        assert unsigned == ["town"]


def test_whoever_looks_or_acts_stands_in_the_access_log(desk: Desk) -> None:
    client = desk.clients["school"]
    id = desk.items("school")[0]["id"]
    client.get(f"/v1/follow-ups/{id}")
    client.get("/v1/cases/S-1")
    client.get("/v1/pictures/S-1")
    client.get("/v1/matches")
    client.get("/v1/matches", params={"after": 2**62})
    client.get("/v1/cases/nowhere")
    client.get("/v1/status")
    client.get("/v1/desk")
    body = client.get("/v1/cases/S-1").json() | {"function": "teacher"}
    client.put("/v1/cases/S-1", json=body)
    client.put("/v1/cases/S-1", json=body)
    client.put("/v1/cases/S-2", json=body | {"bsn": "111222333"})
    expected = [
        ("search", "follow-up", ""), ("read", "follow-up", "S-1"), ("read", "case", "S-1"), ("read", "picture", "S-1"),
        ("search", "match", ""), ("read", "case", "S-1"), ("update", "case", "S-1"), ("create", "case", "S-2"),
    ]  # fmt: skip
    assert desk.lines("school") == expected
    page = client.get("/v1/access-log").json()
    assert [(each["event"], each["kind"], each["case"]) for each in page["lines"] if each["via"] == "rest"] == expected
    assert {(each["actor"], each["on_behalf_of"]) for each in page["lines"] if each["via"] == "rest"} == {
        ("case-system", "somebody at the school")
    }
    (own,) = client.get("/v1/access-log", params={"after": page["next"]}).json()["lines"]
    assert (own["event"], own["kind"]) == ("read", "log")
    problem(client.get("/v1/cases/S-1", headers={"Raakvlak-User": "x" * 200}), 422)
    problem(client.get("/v1/cases/S-1", headers=[(b"Raakvlak-User", b"\xff")]), 422)
