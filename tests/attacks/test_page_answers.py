"""What answers and requests at the pages may hold: headers, addresses, two requests in one, two acts at once; and where what
people typed must not be found."""

import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from raakvlak_node.node import Node
from raakvlak_node.pages.rights import EVERYBODY, RIGHTS, Act
from raakvlak_node.people import Role
from tests.attacks.needles import Needle, bsn, found, phone, text
from tests.federation import Clock
from tests.node import rows
from tests.node.conftest import clock, node, node_of  # noqa: F401 fixtures
from tests.node.visiting import PASSWORD, Guest, Staff
from tests.pages.filled import COORDINATOR, SCHOOL, Filled, dump, filled
from tests.pages.site import ADDRESS, Site, Visitor
from tests.servers import answering, listening, port_of

pytestmark = pytest.mark.slow

HOST: Final = ADDRESS.partition("://")[2]


@pytest.fixture
def site(node: Node) -> Site:  # noqa: F811
    return Site(node)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with filled(tmp_path_factory.mktemp("answers")) as made:
        yield made


def where(act: Act) -> str:
    return COORDINATOR if act[1].startswith("/desk") else SCHOOL


def who(act: Act) -> str:
    """Somebody who may; nobody for what is open to all."""
    roles = RIGHTS[act]
    return "nobody" if roles is None else str(roles[0])


# --- what a browser may do with a page --------------------------------------------------------------------------------


class Strict(HTMLParser):
    """What on a page could run, style, load or lead elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in {"style", "base", "iframe", "frame", "object", "embed", "applet", "foreignobject"} or (
            tag == "script" and "src" not in given
        ):
            self.wrong.append(tag)
        for name, value in given.items():
            if name == "style" or name.startswith(("on", "hx-on")) or name in {"srcdoc", "formaction", "ping"}:
                self.wrong.append(f"{tag} {name}")
            if name in {"href", "src", "action", "xlink:href", "data", "hx-get", "hx-post"} and not re.match(
                r"/(?![/\\])|#|tel:|mailto:|$", value
            ):
                self.wrong.append(f"{tag} {name}={value}")
        if tag == "form" and given.get("method") == "post" and "action" in given and not given["action"].startswith("/"):
            self.wrong.append("form")

    handle_startendtag = handle_starttag


ALWAYS: Final = {
    "x-frame-options": "DENY", "x-content-type-options": "nosniff", "referrer-policy": "same-origin",
    "cache-control": "no-store", "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
}  # fmt: skip


@pytest.mark.parametrize("act", [act for act in RIGHTS if "static" not in act[1]], ids=" ".join)
def test_every_answer_forbids_the_browser_what_no_page_needs(house: Filled, act: Act) -> None:
    """Frames, scripts and styles within the page, other sites' forms, and keeping a copy."""
    member = where(act)
    for answer in (
        house.ask(member, house.visit(member, who(act)), act),
        house.ask(member, house.visit(member, "nobody"), act),
        house.ask(member, house.visit(member, _another(act)), act),
    ):
        house.quiet(member)
        for name, value in ALWAYS.items():
            assert answer.headers[name] == value, (answer.status_code, name)
        policy = answer.headers["content-security-policy"]
        for directive in (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "base-uri 'none'",
        ):
            assert directive in policy
        assert "unsafe" not in policy and "*" not in policy and "http" not in policy
        assert "server" not in answer.headers and "access-control-allow-origin" not in answer.headers
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert Strict(answer.text).wrong == []


def _another(act: Act) -> str:
    """Somebody who may not, where there is one."""
    return next((str(role) for role in Role if role not in (RIGHTS[act] or EVERYBODY)), "two")


def test_what_looks_for_that_finds_it() -> None:
    for html in (
        "<p style='x'>",
        "<script>x</script>",
        "<a href='javascript:x'>",
        "<svg onload=x>",
        "<style>",
        "<a href='//e'>",
        "<a href='/\\e'>",
    ):
        assert Strict(html).wrong, html


def test_a_report_that_is_handed_over_has_a_policy_of_its_own_that_runs_nothing(house: Filled) -> None:
    officer = house.visit(SCHOOL, str(Role.PRIVACY_OFFICER))
    officer.go("/privacy/subjects")
    answer = officer.send(
        "/privacy/subjects", bsn="123456782", asked_by="both", birth_date="2012-05-17", language="en", how="show"
    )
    if answer.status_code == 422:  # The age is known from the case alone.
        answer = officer.send(
            "/privacy/subjects", bsn="123456782", asked_by="representative", birth_date="2012-05-17", language="en", how="show"
        )
    assert answer.status_code == 200, officer.text()
    policy = answer.headers["content-security-policy"]
    assert (
        "default-src 'none'" in policy
        and "script-src" not in policy
        and "unsafe" not in policy
        and "frame-ancestors 'none'" in policy
    )
    assert "<script" not in answer.text and not re.search(r"\son\w+=", answer.text)
    assert answer.headers["cache-control"] == "no-store"


# --- the wire ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Proto": "http"},
        {"Forwarded": "host=evil.example;proto=http"},
        {"X-Original-URL": "/administration/people"},
        {"X-Rewrite-URL": "/administration/people"},
        {"X-Forwarded-Prefix": "//evil.example"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Host": "evil.example"},
    ],
)
def test_what_a_caller_says_of_the_address_is_not_believed(house: Filled, headers: dict[str, str]) -> None:
    visitor = house.visit(SCHOOL, "nobody")
    plain = [visitor.open(path) for path in ("/today", "/", "/sign-in")]
    told = [visitor.open(path, **headers) for path in ("/today", "/", "/sign-in")]
    assert [(each.status_code, each.headers.get("location"), each.text) for each in told] == [
        (each.status_code, each.headers.get("location"), each.text) for each in plain
    ]
    assert "evil" not in str([each.headers for each in told])


@pytest.mark.parametrize(
    "host",
    ["evil.example", "", f"{HOST}.evil.example", f"{HOST}:80", f"{HOST.upper()}", f"evil@{HOST}", f"{HOST}\t", "127.0.0.1"],
)
def test_no_other_host_is_answered(house: Filled, host: str) -> None:
    if host.strip() == HOST:
        return  # Clients take the blank away.
    assert house.visit(SCHOOL, "nobody").open("/sign-in", Host=host).status_code == 421


def heard(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(request)
        connection.settimeout(1)
        answer = b""
        try:
            while piece := connection.recv(65_536):
                answer += piece
        except TimeoutError:
            pass
        return answer


SECOND: Final = f"GET /sign-in HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
POST: Final = f"POST /language HTTP/1.1\r\nHost: {HOST}\r\n"
GET: Final = f"GET /sign-in HTTP/1.1\r\nHost: {HOST}\r\n"
TWO_IN_ONE: Final = {
    "two lengths": f"{POST}Content-Length: 0\r\nContent-Length: {len(SECOND)}\r\n\r\n{SECOND}",
    "a list of lengths": f"{POST}Content-Length: 0, {len(SECOND)}\r\n\r\n{SECOND}",
    "a length and pieces": f"{POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SECOND}",
    "pieces in another spelling": f"{POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{SECOND}",
    "a blank before the colon": f"{POST}Content-Length : {len(SECOND)}\r\n\r\n{SECOND}",
    "a length with a sign": f"{POST}Content-Length: +{len(SECOND)}\r\n\r\n{SECOND}",
    "two hosts": f"{GET}Host: evil.example\r\n\r\n",
    "a whole address": "GET http://evil.example/sign-in HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a NUL in a header": f"{GET}X: a\0b\r\n\r\n",
    "no host": "GET /sign-in HTTP/1.1\r\n\r\n",
}


def test_two_requests_in_one_are_no_two_requests(site: Site) -> None:
    sock = listening()
    port = port_of(sock)
    with answering(site.app, sock):
        assert heard(port, SECOND.encode()).startswith(b"HTTP/1.1 200")
        for why, request in TWO_IN_ONE.items():
            answer = heard(port, request.encode())
            assert re.match(rb"HTTP/1.1 (400|411|413|421)", answer), (why, answer[:80])
            assert answer.count(b"HTTP/1.1 ") == 1, why


# --- at the same moment -----------------------------------------------------------------------------------------------


def at_once(count: int, act: Callable[[int], httpx.Response]) -> list[int]:
    with ThreadPoolExecutor(count) as pool:
        return sorted(each.status_code for each in pool.map(act, range(count)))


def test_what_is_sent_twice_at_once_happens_once(house: Filled) -> None:
    site = house.site(SCHOOL)
    worker, officer, boss = (
        house.visit(SCHOOL, str(each)) for each in (Role.CASE_WORKER, Role.PRIVACY_OFFICER, Role.ADMINISTRATOR)
    )
    new = {
        "case_ref": ["S-twice"],
        "bsn": [rows.bsn(40)],
        "function": ["x"],
        "worker_email": ["ilse@school.example"],
        "since": ["2026-01-05"],
    }
    objection = {"bsn": ["123456782"], "received": ["2026-01-05"], "because": ["asked"]}
    somebody = {"name": ["New"], "email": ["twice@school.example"], "roles": ["case-worker"]}
    for visitor, path, fields, counted in (
        (worker, "/cases/new", new, "own_case"),
        (officer, "/privacy/objections/new", objection, "objection"),
        (boss, "/administration/people/new", somebody, "user"),
        (boss, "/administration/teams/new", {"name": ["Twice"]}, "team"),
    ):
        given = {"csrf": [house.token(SCHOOL, visitor)]} | fields
        cookies = dict(visitor.client.cookies)
        before = count(site, counted)

        def send(_: int, path: str = path, given: Any = given, cookies: Any = cookies) -> httpx.Response:
            other = Visitor(site.app)
            other.client.cookies.update(cookies)
            return other.post(path, given)

        answers = at_once(4, send)
        assert answers in ([200, 422, 422, 422], [303, 422, 422, 422]), (path, answers)
        assert count(site, counted) == before + 1, path


def count(site: Site, table: str) -> int:
    return len(dump(site)[table])


# --- where nothing of it may be found ---------------------------------------------------------------------------------

MARKED: Final = {
    "bsn": bsn(rows.bsn(31)),
    "parent": bsn(rows.bsn(32)),
    "objector": bsn(rows.bsn(33)),
    "reference": text("zk-geheim-31"),
    "function": text("Wiebelfunctie"),
    "worker": text("Quirijn Zoutkeet"),
    "phone": phone("0118-778899"),
    "text": text("kwetsbaar verhaal"),
    "objects": text("bezwaarlijk verhaal"),
    "password": text(PASSWORD),
    "mistyped": text("hunter2hunter2"),
}
OF_CLIENTS: Final = ("bsn", "parent", "reference", "function", "phone", "text")
"""What is of a case, and hence of who works on it alone."""


class Listener:
    """All that somebody's browser asked for and was led to."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    def __call__(self, visitor: Visitor) -> None:
        client = visitor.client
        ask = client.request

        def get(path: str, **given: Any) -> httpx.Response:
            return self._kept(path, ask("GET", path, **given))

        def post(path: str, **given: Any) -> httpx.Response:
            return self._kept(path, ask("POST", path, **given))

        client.get, client.post = get, post  # type: ignore[method-assign]

    def _kept(self, path: str, answer: httpx.Response) -> httpx.Response:
        self.addresses += [path, answer.headers.get("location", "")]
        self.addresses += (
            re.findall(r"(?:href|action|src|hx-get)=\"([^\"]*)\"", answer.text) if answer.text.startswith("<!") else []
        )
        return answer


def test_what_was_typed_is_in_no_log_address_or_stolen_file_nor_on_another_roles_page(
    site: Site,
    clock: Clock,  # noqa: F811
    tmp_path: Path,
) -> None:
    staff, listener = Staff(site, clock), Listener()
    worker = "quirijn@school.example"
    staff.with_password(worker)
    guest = Guest(site)
    listener(guest)
    guest.password("hunter2hunter2")
    guest.password(worker)
    guest.code(staff.now(worker))
    session, devices = guest.cookie("session"), guest.cookie("devices")
    guest.go("/cases/new")
    columns = {
        "case_ref": "ZK-GEHEIM-31", "bsn": rows.bsn(31), "parent_bsn_1": rows.bsn(32), "birth_date": "2012-05-17",
        "since": "2026-01-05", "confidential": "yes", "function": "Wiebelfunctie",
        "worker_name": "Quirijn Zoutkeet", "worker_phone": "0118-778899", "worker_email": worker,
    }  # fmt: skip
    wrong = columns | {"bsn": "123456789"}
    assert guest.send("/cases/new", **wrong).status_code == 422
    page = guest.done(guest.send("/cases/new", **columns))
    assert "ZK-GEHEIM-31" in page and "Wiebelfunctie" in page
    path = guest.path
    guest.go(f"{path}/release")
    guest.send(f"{path}/release", act="release", because="een kwetsbaar verhaal")
    guest.go(f"{path}/change")
    guest.done(guest.send(f"{path}/change", function="Wiebelfunctie 2"))
    guest.go("/cases?q=31")
    site.node.put_case(rows.case("ZK-2", rows.bsn(33)))
    officer = site.visit(site.user("officer@school.example", Role.PRIVACY_OFFICER))
    listener(officer)
    officer.go("/privacy/objections/new")
    officer.done(
        officer.send("/privacy/objections/new", bsn=rows.bsn(33), received="2026-01-05", because="een bezwaarlijk verhaal")
    )
    officer.go("/privacy/objections/new")
    nonsense = officer.send("/privacy/objections/new", bsn=rows.bsn(34), received="2026-01-05", because=f"van {rows.bsn(33)}")
    assert nonsense.status_code == 422 and rows.bsn(34) not in officer.page
    officer.go("/privacy/subjects")
    officer.send(
        "/privacy/subjects", bsn=rows.bsn(31), asked_by="representative", language="nl", how="show", birth_date="2012-05-17"
    )
    others = {
        str(role): site.visit(site.user(f"{role}@school.example", role))
        for role in (Role.ADMINISTRATOR, Role.COORDINATOR, Role.CASE_WORKER)
    }
    for name, visitor in others.items():
        listener(visitor)
        for method, pattern in RIGHTS:
            if method == "GET" and "{" not in pattern and not pattern.startswith("/sign-in"):
                visitor.open(pattern)
                assert found(visitor.page.encode(), {each: MARKED[each] for each in OF_CLIENTS}) == set(), (name, pattern)
        assert visitor.open(path).status_code in {403, 404}
    secrets = {
        each: Needle((each.encode(),)) for each in (session, devices, staff.apps[worker].secret, *staff.recovery[worker])
    }
    everything = MARKED | secrets
    assert found(str(site.log).encode(), everything) == set()
    assert found("\n".join(listener.addresses).encode(), everything) == set()
    site.node.store.backup(tmp_path / "stolen.db")
    folder = site.node.folder.path
    for file in (tmp_path / "stolen.db", *(each for each in folder.rglob("*") if each.is_file() and "key" not in each.name)):
        assert found(file.read_bytes(), everything) == set(), file.name
    assert found(page.encode(), MARKED) >= {"reference", "function"}, "what is looked for can be found"
