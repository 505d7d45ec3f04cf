"""The REST API as a case system meets it: what is stored, what is answered, and what no answer or log line says."""

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raakvlak_node import rest
from raakvlak_node.case import MAX_RELATIVES
from raakvlak_node.events import EVENTS
from raakvlak_node.node import Node
from raakvlak_node.rest import matches
from raakvlak_node.rest.manners import API_VERSION
from raakvlak_node.store import Store
from raakvlak_protocol.identifier import BSN
from raakvlak_protocol.letter_content import CardCase, Proof, encode_card, encode_proof
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.relation import Relation
from tests.node.conftest import NodeOf
from tests.node.rows import bsn, case
from tests.node.test_store import evaluated, published
from tests.servers import answering, listening, port_of

BODY: dict[str, object] = {
    "bsn": bsn(1),
    "birth_date": "2012-05-17",
    "parent_bsn_1": bsn(2),
    "parent_bsn_2": "",
    "child_bsns": [],
    "sibling_bsns": [bsn(3), bsn(4)],
    "postcode": "4331 AB",
    "house_number": "12",
    "house_addition": "a",
    "function": "mentor",
    "worker_name": "Anneke Zoutkeet",
    "worker_phone": "0118-555019",
    "worker_email": "",
    "since": "2026-01-05",
    "confidential": False,
    "protected": False,
}


JSON = {"Content-Type": "application/json"}


class Caller(httpx.Client):
    """A client with an access token, of the API on a real socket. Keeps all that it heard and what the node logged."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.lines: list[str] = []
        self.heard: list[str] = []
        self.woken = 0
        self.app = rest.app(node, self._wake, Log("node", EVENTS, self))  # type: ignore[arg-type]
        sock = listening()
        self.port = port_of(sock)
        self._open = contextlib.ExitStack()
        self._open.enter_context(answering(self.app, sock))
        super().__init__(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {node.new_access_token('case-system')}"},
            trust_env=False,
        )

    def close(self) -> None:
        super().close()
        self._open.close()

    def _wake(self) -> None:
        self.woken += 1

    def write(self, line: str) -> None:
        self.lines.append(line)

    def flush(self) -> None:
        pass

    def request(self, *args: Any, **named: Any) -> httpx.Response:
        answer = super().request(*args, **named)
        self.heard.append(f"{answer.status_code} {answer.headers} {answer.text}")
        return answer

    def raw(self, head: str, body: bytes = b"") -> str:
        """The answer to bytes that no honest client sends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(f"{head}\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1") + body)
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")


@pytest.fixture
def api(node: Node) -> Iterator[Caller]:
    caller = Caller(node)
    yield caller
    caller.close()


def problem(answer: Any, status: int) -> dict[str, Any]:
    """The RFC 9457 body of an answer that is not a success."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert body["type"] == "about:blank"
    assert body["status"] == status
    assert body["title"] and body["detail"]
    assert body["detail"][0].islower()
    assert not body["detail"].endswith(".")
    assert set(body) <= {"type", "title", "status", "detail", "errors", "allowed", "since", "seen"}
    assert answer.headers["api-version"] == API_VERSION
    return body


def columns(answer: Any, status: int = 422) -> list[str]:
    return [error["column"] for error in problem(answer, status)["errors"]]


# --- cases ------------------------------------------------------------------------------------------------------------


def test_a_case_is_put_read_and_deleted(api: Caller) -> None:
    answer = api.put("/v1/cases/ZK-1", json=BODY)
    assert (answer.status_code, answer.json()) == (202, {"case_ref": "ZK-1", "result": "new"})
    assert api.get("/v1/cases/ZK-1").json() == BODY
    assert api.put("/v1/cases/ZK-1", json=BODY).json()["result"] == "unchanged"
    assert api.put("/v1/cases/ZK-1", json=BODY | {"function": "teacher"}).json()["result"] == "changed"
    assert api.woken == 3
    answer = api.delete("/v1/cases/ZK-1?reason=wrong")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.woken == 4
    problem(api.delete("/v1/cases/ZK-1?reason=wrong"), 404)
    problem(api.get("/v1/cases/ZK-1"), 404)
    assert api.woken == 4


def test_a_put_replaces_the_whole_case(api: Caller) -> None:
    api.put("/v1/cases/ZK-1", json=BODY)
    least = {"bsn": bsn(1), "function": "mentor", "worker_email": "a@b.example", "since": "2026-01-05"}
    assert api.put("/v1/cases/ZK-1", json=least).json()["result"] == "changed"
    stored = api.get("/v1/cases/ZK-1").json()
    assert {name: value for name, value in stored.items() if value not in ("", [], False)} == least
    assert len(api.node.store.unevaluated(BSN, 1, 4, 100)) == 1


def test_the_same_case_from_a_file_and_over_rest_is_one(api: Caller) -> None:
    api.node.put_case(case("ZK-1", bsn(1), sibling_bsns=f"{bsn(3)} {bsn(4)}", confidential="no", protected="no"))
    body = api.get("/v1/cases/ZK-1").json()
    assert body["sibling_bsns"] == [bsn(3), bsn(4)]
    assert api.put("/v1/cases/ZK-1", json=body).json()["result"] == "unchanged"


REFERENCES = [
    ("2026/17-b", "2026/17-b"),
    ("2026%2F17-b", "2026/17-b"),
    ("a%20b%3F%23%25", "a b?#%"),
    ("J%C3%A9r%C3%B4me", "Jérôme"),
    ("%20ZK-1%20", "ZK-1"),
    ("x" * 64, "x" * 64),
    ("pictures/1", "pictures/1"),
]


def test_any_reference_that_fits_on_a_path(api: Caller) -> None:
    for path, reference in REFERENCES:
        assert api.put(f"/v1/cases/{path}", json=BODY).json()["case_ref"] == reference
        assert api.get(f"/v1/cases/{path}").status_code == 200
        assert api.get(f"/v1/pictures/{path}").json() == {"case_ref": reference, "matches": []}
        assert [found.reference for _, found in api.node.store.cases()] == [reference]
        assert api.delete(f"/v1/cases/{path}?reason=wrong").status_code == 204


def test_a_reference_that_is_none(api: Caller) -> None:
    for path in ("", "%20", "x" * 65, "x" * 5000):
        for answer in (
            api.put(f"/v1/cases/{path}", json=BODY),
            *map(api.get, (f"/v1/cases/{path}", f"/v1/pictures/{path}")),
        ):
            assert "1 to 64 characters" in problem(answer, 422)["detail"]


def test_control_characters_in_a_path(api: Caller) -> None:
    assert columns(api.put("/v1/cases/ZK%00SECRET", json=BODY)) == ["case_ref"]
    problem(api.get("/v1/cases/ZK%00SECRET"), 404)
    problem(api.delete("/v1/cases/%FF%00SECRET?reason=wrong"), 422)
    assert "SECRET" not in "".join(api.heard + api.lines)


def test_a_wrong_case_is_told_by_columns(api: Caller) -> None:
    wrong = BODY | {"bsn": "123456789", "sibling_bsns": [bsn(3), "1"], "since": "soon", "house_number": ""}
    assert columns(api.put("/v1/cases/ZK-1", json=wrong)) == ["bsn", "sibling_bsns", "house_number", "since"]
    assert api.get("/v1/cases/ZK-1").status_code == 404
    assert api.woken == 0


def test_an_adult_where_the_covenant_allows_none(node_of: NodeOf) -> None:
    with contextlib.closing(Caller(node_of(adults=False))) as api:
        assert columns(api.put("/v1/cases/ZK-1", json=BODY | {"birth_date": "1985-01-01"})) == ["birth_date"]


FORMS: list[tuple[dict[str, object], str, str]] = [
    ({"bsn": int(bsn(1))}, "bsn", "is a text"),
    ({"bsn": None}, "bsn", "is a text"),
    ({"bsn": [bsn(1)]}, "bsn", "is a text"),
    ({"bsn": {bsn(1): bsn(1)}}, "bsn", "is a text"),
    ({"sibling_bsns": bsn(3)}, "sibling_bsns", "is a list"),
    ({"sibling_bsns": [bsn(3), int(bsn(4))]}, "sibling_bsns", "number 2: is a text"),
    ({"sibling_bsns": [bsn(3)] * (MAX_RELATIVES + 1)}, "sibling_bsns", "holds more than 20"),
    ({"confidential": "perhaps"}, "confidential", "is true or false"),
    ({"confidential": []}, "confidential", "is true or false"),
    ({bsn(7): "x"}, "an unknown field", "is no field that is known here"),
    ({"case_ref": "ZK-1"}, "case_ref", "is no field that is known here"),
    ({"function": "mentor\ud800"}, "function", "is not UTF-8"),
]


def test_a_body_of_another_form_is_told_by_fields(api: Caller) -> None:
    for change, column, reason in FORMS:
        answer = api.put("/v1/cases/ZK-1", content=json.dumps(BODY | change), headers=JSON)
        assert problem(answer, 422)["errors"] == [{"column": column, "reason": reason}]


def test_a_body_that_is_not_said_to_be_json(api: Caller) -> None:
    for headers in ({}, {"Content-Type": "text/plain"}):
        (error,) = problem(api.put("/v1/cases/ZK-1", content=json.dumps(BODY), headers=headers), 422)["errors"]
        assert error["column"] == "body" and "application/json" in error["reason"]


def test_fields_that_lack_are_all_told(api: Caller) -> None:
    assert columns(api.put("/v1/cases/ZK-1", json={})) == ["bsn", "function", "since"]


def test_broken_json(api: Caller) -> None:
    half = b'{"bsn": "%s"' % bsn(1).encode()
    for content in (b"", b"{", half, b"[]", b'"x"', b"null", b"\xff\xfe", b"[" * 50_000, b"1" * 5_000):
        answer = api.put("/v1/cases/ZK-1", content=content, headers=JSON)
        assert answer.status_code in (400, 422)
        problem(answer, answer.status_code)
    assert bsn(1) not in "".join(api.heard + api.lines)


# --- a client whose number differs ------------------------------------------------------------------------------------


def test_a_new_bsn_of_a_known_client_needs_to_be_explained(api: Caller) -> None:
    api.put("/v1/cases/ZK-1", json=BODY)
    new = BODY | {"bsn": bsn(8)}
    found = problem(api.put("/v1/cases/ZK-1", json=new), 409)
    assert "bsn_change=wrong or ?bsn_change=changed" in found["detail"]
    assert [error["column"] for error in found["errors"]] == ["bsn"]
    assert api.get("/v1/cases/ZK-1").json()["bsn"] == bsn(1)
    assert columns(api.put("/v1/cases/ZK-1?bsn_change=perhaps", json=new)) == ["bsn_change"]
    assert api.put("/v1/cases/ZK-1?bsn_change=changed", json=new).json()["result"] == "changed"
    assert api.put("/v1/cases/ZK-1", json=new).json()["result"] == "unchanged"
    assert len(api.node.store.unevaluated(BSN, 1, 4, 100)) == 5
    assert api.put("/v1/cases/ZK-1?bsn_change=wrong", json=BODY | {"bsn": bsn(9)}).status_code == 202
    assert len(api.node.store.unevaluated(BSN, 1, 4, 100)) == 5


# --- access -----------------------------------------------------------------------------------------------------------

DESCRIBED = json.loads(rest.description())["paths"]
EVERYTHING = [
    (method.upper(), re.sub("{.*?}", "0" * 32, path.replace("{case_ref}", "ZK-1")))
    for path, operations in DESCRIBED.items()
    for method in operations
    if path != "/healthz"
]


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer wrong", "Basic YTpi", "Bearer \xe9", "x" * 5000])
def test_without_an_access_token_nothing_is_done(api: Caller, given: str | None) -> None:
    api.put("/v1/cases/ZK-1", json=BODY)
    del api.headers["Authorization"]
    headers = {} if given is None else {"Authorization": given.encode("latin-1")}
    for method, path in EVERYTHING:
        answer = api.request(method, path, json=BODY if method == "PUT" else None, headers=headers)
        assert "token new" in problem(answer, 401)["detail"]
        assert answer.headers["www-authenticate"] == "Bearer"
    assert api.node.store.case_counts() == (1, 0)


def test_every_path_but_health_and_description_needs_a_token(api: Caller) -> None:
    needs = {path for path, each in DESCRIBED.items() for operation in each.values() if "security" in operation}
    assert {*DESCRIBED} - needs == {"/healthz"} and len(EVERYTHING) > 20
    del api.headers["Authorization"]
    assert api.get("/healthz").json() == {"status": "ok", "pending": 0}
    assert api.get("/v1/openapi.json").json() == json.loads(rest.description())


def test_a_token_that_was_taken_back_opens_nothing_from_the_next_call_on(api: Caller) -> None:
    api.put("/v1/cases/ZK-1", json=BODY)
    assert api.get("/v1/cases/ZK-1").status_code == 200
    other = api.node.new_access_token("other")
    api.node.end_access_token("case-system")
    assert api.get("/v1/cases/ZK-1").status_code == 401
    assert api.get("/v1/cases/ZK-1", headers={"Authorization": f"Bearer {other}"}).status_code == 200


def test_the_log_names_route_status_and_caller_and_no_case(api: Caller) -> None:
    api.put("/v1/cases/ZK-SECRET", json=BODY)
    api.get("/nowhere/SECRET")
    del api.headers["Authorization"]
    api.request("PATCH", "/v1/cases/ZK-SECRET")
    api.get("/v1/pictures/ZK-SECRET")
    events = [json.loads(line) for line in api.lines]
    assert [(each["method"], each["route"], each["status"], each["caller"]) for each in events] == [
        ("PUT", "/v1/cases/{case_ref:path}", 202, "case-system"),
        ("GET", "none", 404, ""),
        ("other", "/v1/cases/{case_ref:path}", 405, ""),
        ("GET", "/v1/pictures/{case_ref:path}", 401, ""),
    ]
    assert "SECRET" not in "".join(api.lines)


# --- what is not of this API ------------------------------------------------------------------------------------------


OTHERS = [
    ("GET", "/", 404), ("GET", "/v1/cases", 404), ("GET", "/v1/cases?bsn=123456782", 404), ("GET", "/docs", 404),
    ("GET", "/v1/matches/", 404), ("POST", "/v1/cases/ZK-1", 405), ("PATCH", "/v1/cases/ZK-1", 405),
    ("PUT", "/v1/matches", 405), ("HEAD", "/v1/matches", 405), ("OPTIONS", "/v1/cases/ZK-1", 405),
    ("TRACE", "/healthz", 405), ("BREW", "/healthz", 405), ("GET", "//v1/matches", 404),
]  # fmt: skip


def test_other_paths_and_methods(api: Caller) -> None:
    for method, path, status in OTHERS:
        answer = api.request(method, path)
        assert answer.status_code == status
        if method != "HEAD":
            problem(answer, status)
        if status == 405:
            assert answer.headers["allow"]
        assert "location" not in answer.headers
        assert "123456782" not in str(answer.headers)


def test_a_body_that_is_too_large(api: Caller) -> None:
    large = json.dumps(BODY | {"worker_name": "x" * rest.MAX_BODY_BYTES})
    assert str(rest.MAX_BODY_BYTES) in problem(api.put("/v1/cases/ZK-1", content=large), 413)["detail"]
    authorization = f"Authorization: {api.headers['authorization']}"
    for length in (str(rest.MAX_BODY_BYTES + 1), "9" * 15):
        answer = api.raw(f"PUT /v1/cases/ZK-1 HTTP/1.1\r\n{authorization}\r\nContent-Length: {length}", b"{}")
        assert answer.startswith("HTTP/1.1 413 ") and "application/problem+json" in answer
    for length in ("9" * 5000, "-1", "\xb2", "1_0", "0x10"):
        answer = api.raw(f"PUT /v1/cases/ZK-1 HTTP/1.1\r\n{authorization}\r\nContent-Length: {length}", b"{}")
        assert answer.startswith(("HTTP/1.1 400 ", "HTTP/1.1 413 "))
    fitting = json.dumps(BODY | {"worker_name": "x"}).ljust(rest.MAX_BODY_BYTES)
    assert api.put("/v1/cases/ZK-1", content=fitting, headers=JSON).status_code == 202


def test_a_body_of_unknown_length_is_not_read(api: Caller) -> None:
    def chunks() -> Iterator[bytes]:
        yield json.dumps(BODY).encode()

    answer = api.put("/v1/cases/ZK-1", content=chunks())
    assert "Content-Length" in problem(answer, 411)["detail"]
    assert api.node.store.case_counts() == (0, 0)


def test_an_error_of_ours_is_a_problem_and_names_only_its_class_in_the_log(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError(f"quotes {bsn(1)}")

    monkeypatch.setattr(Store, "case", broken)
    problem(api.get("/v1/cases/ZK-1"), 500)
    assert [json.loads(line)["kind"] for line in api.lines if '"error"' in line] == ["RuntimeError"]
    assert bsn(1) not in "".join(api.heard + api.lines)


SENT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).map(lambda text: f"§{text}§")


LISTS = st.lists(SENT | st.integers(10**8, 10**9), min_size=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    st.dictionaries(st.sampled_from([*BODY, "other"]), SENT | LISTS, max_size=4),
    st.dictionaries(SENT, SENT, max_size=2),
    SENT,
)
def test_no_answer_header_or_log_line_repeats_what_was_wrong(
    api: Caller, change: dict[str, object], more: dict[str, str], reference: str
) -> None:
    api.heard.clear()
    api.lines.clear()
    body = BODY | change | more
    fits = not more and set(change) <= {"worker_name", "function", "house_addition"}
    answer = api.put("/v1/cases/ZK-1", json=body)
    assert (answer.status_code == 202) <= fits
    path = "".join(f"%{byte:02X}" for byte in reference.encode())
    problem(api.get(f"/v1/pictures/{path}"), 404 if len(reference) <= 64 else 422)
    problem(api.get("/v1/matches", params={"after": reference}), 422)
    problem(api.get(f"/{path}"), 404)
    problem(api.put("/v1/cases/ZK-1", params={"bsn_change": reference}, json=BODY), 422)
    said = "".join(api.heard + api.lines)
    assert "§" not in said and "\\u00a7" not in said and "%C2%A7" not in said
    for number in re.findall(r"\d{9}", json.dumps(body)):
        assert number not in said


# --- matches ----------------------------------------------------------------------------------------------------------


def matched(node: Node, place: int, *, card: bool = True, other: str = "town") -> bytes:
    """An own case, whose client another organisation's case shares; returns the match."""
    store, client = node.store, bsn(100 + place)
    node.put_case(case(f"ZK-{place:04}", client))
    evaluated(store)
    (reference,) = published(store)
    person = store.person_of(reference, 1)
    assert person is not None
    match_id = b"%016d" % place
    store.begin_match(match_id, person, 1, other, 1)
    store.keep_their_letter(match_id, "their_proof", encode_proof(Proof(frozenset({Relation.CLIENT}))))
    if card:
        call(node, match_id)
    return match_id


def call(node: Node, match_id: bytes, phone: str = "0113-1") -> None:
    theirs = CardCase("T-1", frozenset({Relation.CLIENT}), "Piet Post", "adviser", phone, "", date(2025, 11, 3))
    node.store.keep_their_letter(match_id, "their_card", encode_card([theirs]))


def test_a_match_in_full(api: Caller) -> None:
    matched(api.node, 1)
    (found,) = api.get("/v1/matches").json()["matches"]
    assert found.pop("changed") == 2
    assert found == {
        "case_ref": "ZK-0001",
        "other": "town",
        "other_name": "The town",
        "kind": "client",
        "via": ["client"],
        "persons": [{"relation": "client", "place": 1}],
        "contact": {
            "name": "Piet Post",
            "function": "adviser",
            "phone": "0113-1",
            "email": "",
            "reference": "T-1",
            "since": "2025-11-03",
        },
        "follow_up": None,
        "phase": None,
    }
    picture = api.get("/v1/pictures/ZK-0001").json()
    assert picture == {"case_ref": "ZK-0001", "matches": [found | {"changed": 2}]}


def test_matches_are_told_once_and_again_when_they_change(api: Caller) -> None:
    assert api.get("/v1/matches").json() == {"matches": [], "next": 0}
    first = matched(api.node, 1)
    matched(api.node, 2, card=False)
    page = api.get("/v1/matches").json()
    assert [(each["case_ref"], each["contact"] is None) for each in page["matches"]] == [
        ("ZK-0001", False), ("ZK-0002", True)
    ]  # fmt: skip
    seen = page["next"]
    assert api.get(f"/v1/matches?after={seen}").json() == {"matches": [], "next": seen}
    call(api.node, first, phone="0113-2")
    page = api.get(f"/v1/matches?after={seen}").json()
    assert [each["contact"]["phone"] for each in page["matches"]] == ["0113-2"]
    assert page["next"] > seen


def test_an_own_case_that_joins_a_match_later_is_told(api: Caller) -> None:
    matched(api.node, 1)
    seen = api.get("/v1/matches").json()["next"]
    api.node.put_case(case("ZK-new", bsn(101)))
    assert "ZK-new" in [each["case_ref"] for each in api.get(f"/v1/matches?after={seen}").json()["matches"]]


def test_pages_leave_nothing_out(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matches, "MAX_PAGE", 3)
    for place in range(1, 9):
        matched(api.node, place)
    # Two own cases touch the first match, so that two entries change at once.
    api.node.put_case(case("ZK-twin", bsn(101)))
    told, after, pages = [], 0, 0
    while True:
        page = api.get(f"/v1/matches?after={after}").json()
        if not page["matches"]:
            break
        assert 1 <= len(page["matches"]) <= 4
        told += [each["case_ref"] for each in page["matches"]]
        after, pages = page["next"], pages + 1
    assert sorted(told) == sorted([f"ZK-{place:04}" for place in range(1, 9)] + ["ZK-twin"])
    assert pages == 3


def test_a_wrong_after(api: Caller) -> None:
    for after in ("-1", "x", "1.5", "9" * 30, "9" * 5000, ""):
        assert columns(api.get(f"/v1/matches?after={after}")) == ["after"]


def test_a_member_that_left_the_covenant_is_still_to_be_called(api: Caller) -> None:
    matched(api.node, 1, other="gone")
    (found,) = api.get("/v1/matches").json()["matches"]
    assert (found["other"], found["other_name"]) == ("gone", "gone")


def test_status_tells_counts_only(api: Caller) -> None:
    api.put("/v1/cases/ZK-1", json=BODY)
    found = api.get("/v1/status").json()
    assert found["cases"] == 1 and found["unevaluated"] == 5
    assert found.pop("log_trouble") == "nothing that the index promises is verified: settings.toml names no log"
    assert all(isinstance(value, int) or value == "" for value in found.values())
