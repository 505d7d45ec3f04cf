"""Every operation of the REST API, called as its description allows and as it does not: no error of ours, every answer as
it is described, and what was there before is there after. And every page beside it, by whoever may open it, with whatever a
path, a query or a form can hold."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from raakvlak_node import pages, rest
from raakvlak_node.access import AccessLog
from raakvlak_node.pages.rights import RIGHTS, Act
from raakvlak_node.people import Role, Sessions
from tests.federation import case, federation
from tests.node.test_rest import Caller
from tests.pages.filled import COORDINATOR, SCHOOL, Filled, cookie_name, filled
from tests.pages.site import Site
from tests.servers import answering, listening, port_of

CHILDREN = ("123456782", "111222333", "999990019")

pytestmark = pytest.mark.slow

schema = schemathesis.openapi.from_dict(json.loads(rest.description()))


class Served:
    """A node with cases, a match, and one case that no call names."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        (found,) = caller.get("/v1/follow-ups").json()["follow_ups"]
        self.known = {"id": found["id"], "case_ref": "S-2"}

    def untouched(self) -> Any:
        return self.caller.get("/v1/cases/S-kept").json(), self.caller.get("/v1/pictures/S-1").json()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with federation(tmp_path_factory.mktemp("served")) as running:
        school = running.nodes["school"]
        for reference, child in zip(("S-1", "S-2", "S-kept"), CHILDREN, strict=True):
            school.put_case(case(reference, child))
        running.nodes["town"].put_case(case("T-1", CHILDREN[0]))
        running.settle()
        with closing(Caller(school)) as caller:
            yield Served(caller)
        AccessLog(school.store).check()


class Beside:
    """The pages and the API of one node at one address, as `serve` has them, and the cookies of somebody who is signed in."""

    def __init__(self, site: Site, port: int) -> None:
        user = site.user("everything@school.example", *Role)
        token = Sessions(site.node.store, site.node.random).begin(user.id, "test", site.node.clock())
        self.address = f"http://127.0.0.1:{port}"
        self.cookies = {cookie_name(site.node.member.id, "session"): token}
        self.bearer = {"Authorization": f"Bearer {site.node.new_access_token('browser')}"}


@pytest.fixture(scope="module")
def beside(served: Served) -> Iterator[Beside]:
    site = Site(served.caller.node)
    sock = listening()
    with answering(pages.beside(site.app, served.caller.app), sock):
        yield Beside(site, port_of(sock))


def hash_of(value: object) -> int:
    """The same number for the same value in every run."""
    return sum(str(value).encode(errors="replace"))


@schema.parametrize()
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_an_operation(case: schemathesis.Case[Any], served: Served) -> None:
    caller = served.caller
    before = served.untouched()
    # What a description can't say: that a number passes the 11-proof, or that a step is allowed now.
    excluded: list[Any] = [positive_data_acceptance]
    # Every second call is about what is there; then what was wrong about the path is so no more.
    for name in case.path_parameters.keys() & served.known.keys():
        if hash_of(case.path_parameters[name]) % 2 == 0 and "objections" not in case.path:
            case.path_parameters[name] = served.known[name]
            excluded.append(negative_data_rejection)
    case.call_and_validate(
        base_url=str(caller.base_url),
        headers={"Authorization": caller.headers["Authorization"]},
        excluded_checks=excluded,
    )
    kept, picture = served.untouched()
    assert kept == before[0]
    assert [each["other"] for each in picture["matches"]] == ["town"]


@schema.parametrize()
@settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_an_operation_beside_a_session(case: schemathesis.Case[Any], beside: Beside) -> None:
    """Who is signed in to the pages is nobody to the API: with the cookies alone nothing is answered, and beside an access
    token they change nothing."""
    alone = case.call(base_url=beside.address, headers={"Authorization": ""}, cookies=beside.cookies)
    # What is no JSON is refused before it is looked who asks.
    unread = alone.status_code in {400, 422} and ("is no JSON" in alone.text or "send JSON" in alone.text)
    assert unread or alone.status_code in {401, 404, 405} or case.path == "/healthz", alone.text
    both = case.call(base_url=beside.address, headers=beside.bearer, cookies=beside.cookies)
    assert both.status_code < 500, both.text
    assert "set-cookie" not in both.headers


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with filled(tmp_path_factory.mktemp("house")) as made:
        yield made
        for member in (SCHOOL, COORDINATOR):
            AccessLog(made.site(member).node.store).check()


NAMES = """
act after answer because before bsn bsn-2 bsn_change birth_date born asked_by by_0 case case_ref code colleague
contacted_day contacted_text covers decided_lead elsewhere email evaluate_on event first function how kind language
last lead member missing more name newer notices of older parents password phone q reason received refused
release_because released roles seen show since sure teams text ticket upheld what_0 who who_0 worker_email worker_name
worker_phone youth back staff
"""
SAID = """
yes no 1 -1 0 2026-01-05 31-12-2026 9999-12-31 0001-01-01 2026-01 123456782 S-1 save release contacted closed decided
escalated school youth-team coordinator subject representative show page data nl en agrees import again case-worker
administrator a@school.example 0118-000001 parents lapsed remove 999999999999999999999 %00 %s {} /today //evil
"""
ODD = ["", "\u202e", "\x00", "\n", "\U0001f469", "\ufb00", "e\u0301"]
VALUES = st.one_of(st.sampled_from(SAID.split() + ODD), st.text(max_size=40))
FIELDS = st.dictionaries(
    st.one_of(st.sampled_from(NAMES.split()), st.text(max_size=8)), st.lists(VALUES, max_size=3), max_size=12
)
ASKED = [act for act in RIGHTS if act[1] not in {"/sign-out", "/me/elsewhere"} and "static" not in act[1]]
WHO = [(SCHOOL, str(role)) for role in Role] + [(SCHOOL, "nobody"), (COORDINATOR, str(Role.COORDINATOR))]


@given(act=st.sampled_from(ASKED), who=st.sampled_from(WHO), fields=FIELDS, id=st.one_of(st.none(), st.text(max_size=40)))
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_a_page(house: Filled, act: Act, who: tuple[str, str], fields: dict[str, list[str]], id: str | None) -> None:
    """Whatever is asked by whomever, nothing is an error of ours."""
    member, name = who
    visitor, site = house.visit(member, name), house.site(member)
    kept, site.log[:] = dict(house.ids[member]), []
    if id is not None:
        house.ids[member] = {each: quote(id, safe="") for each in kept}
    try:
        if act[0] == "GET":
            answer = visitor.client.get(house.path(member, act[1]), params=fields)
        else:
            answer = house.ask(member, visitor, act, fields)
    finally:
        house.ids[member] = kept
    house.quiet(member)
    assert answer.status_code < 500, answer.text
    assert not [each for each in site.log if each[0] == "error"]
