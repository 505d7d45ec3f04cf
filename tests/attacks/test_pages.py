"""Somebody at the pages who wants what is not his: another site in a user's browser, a case worker who tries numbers, a user
whose role was taken, and whoever sends what no browser does."""

import asyncio
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote, unquote

import httpx
import pytest

from raakvlak_node.access import AccessLog, Line, Result
from raakvlak_node.node import Node
from raakvlak_node.pages.guard import MAX_FORM_BYTES
from raakvlak_node.pages.rights import RIGHTS, Act
from raakvlak_node.people import Role, Sessions, User
from raakvlak_node.people.entry import Entry, From, NobodyVouched
from raakvlak_node.people.sessions import ABSOLUTE_SECONDS, IDLE_SECONDS
from tests.federation import Clock
from tests.node import rows
from tests.node.conftest import NodeOf, clock, node, node_of  # noqa: F401 fixtures
from tests.node.visiting import PASSWORD, RELYING, Guest, Staff
from tests.pages.filled import BY_SCRIPT, COORDINATOR, SCHOOL, Filled, cookie_name, filled
from tests.pages.site import ADDRESS, ADMIN, Site, Visitor

pytestmark = pytest.mark.slow

HOST: Final = ADDRESS.partition("://")[2]
URLENCODED: Final = "application/x-www-form-urlencoded"
POSTS: Final = [act for act in RIGHTS if act[0] == "POST"]
NAMED: Final = [act for act in RIGHTS if "{" in act[1] and "token" not in act[1] and not act[1].startswith("/static/")]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with filled(tmp_path_factory.mktemp("pages")) as made:
        yield made


@pytest.fixture
def site(node: Node) -> Site:  # noqa: F811
    return Site(node)


def where(act: Act) -> str:
    return COORDINATOR if act[1].startswith("/desk") else SCHOOL


def who(act: Act) -> str:
    """Somebody who may; nobody for what is open to all."""
    roles = RIGHTS[act]
    return "nobody" if roles is None else str(roles[0])


def lines(site: Site, after: int = 0) -> list[Line]:
    return AccessLog(site.node.store).lines(after, 10_000)


# --- what other sites and other browsers send -------------------------------------------------------------------------


def sent(visitor: Visitor, act: Act, path: str, token: str, headers: dict[str, str]) -> httpx.Response:
    """An act with this token, in the way in which this path takes it."""
    given = {"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"} | headers
    if act[1].endswith(BY_SCRIPT):
        return visitor.client.post(path, json={"answer": {}}, headers=given | {"X-Raakvlak-Form": token})
    if act[1] == "/import":
        files = {"csrf": (None, token), "file": ("x.csv", rows.table([rows.row(8)]), "text/csv")}
        return visitor.client.post(path, files=files, headers=given)
    return visitor.client.post(path, data={"csrf": token, "act": "save"}, headers=given)


FORGERIES: Final[dict[str, Callable[[str, str, str], tuple[str, dict[str, str]]]]] = {
    "no token": lambda right, same, foreign: ("", {}),
    "another session's token": lambda right, same, foreign: (same, {}),
    "another user's token": lambda right, same, foreign: (foreign, {}),
    "a longer token": lambda right, same, foreign: (right + "0", {}),
    "another site": lambda right, same, foreign: (right, {"Origin": "https://evil.example"}),
    "a site that begins like ours": lambda right, same, foreign: (right, {"Origin": ADDRESS + ".evil.example"}),
    "the same name by http": lambda right, same, foreign: (right, {"Origin": "http://" + HOST}),
    "no origin": lambda right, same, foreign: (right, {"Origin": ""}),
    "a sandboxed frame": lambda right, same, foreign: (right, {"Origin": "null"}),
    "cross-site": lambda right, same, foreign: (right, {"Sec-Fetch-Site": "cross-site"}),
    "a neighbour": lambda right, same, foreign: (right, {"Sec-Fetch-Site": "same-site"}),
    "typed into the address bar": lambda right, same, foreign: (right, {"Sec-Fetch-Site": "none"}),
}


@pytest.mark.parametrize("act", POSTS, ids=" ".join)
def test_a_forged_form_changes_nothing_and_is_written_down(house: Filled, act: Act) -> None:
    member, name = where(act), who(act)
    mine, again = house.visit(member, name), house.visit(member, name)
    other = house.visit(member, str(Role.PRIVACY_OFFICER if name == Role.TEAM_LEAD else Role.TEAM_LEAD))
    right, same, foreign = (house.token(member, each) for each in (mine, again, other))
    assert len({right, same, foreign}) == 3
    stored, before = house.stored(member), house.lines(member)
    for why, forge in FORGERIES.items():
        token, headers = forge(right, same, foreign)
        assert sent(mine, act, house.path(member, act[1]), token, headers).status_code == 400, why
    assert house.stored(member) == stored
    written = [(each.outcome, each.reason) for each in lines(house.site(member), before)]
    assert written == ([] if name == "nobody" else [(Result.REFUSED, " ".join(act))] * len(FORGERIES))


def in_parts(*parts: tuple[str, str], kind: str = "multipart/form-data; boundary=x", disposition: str = "form-data") -> Any:
    body = "".join(f'--x\r\nContent-Disposition: {disposition}; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts)
    return {"content": (body + "--x--\r\n").encode(), "headers": {"Content-Type": kind}}


def urlencoded(body: str | bytes, kind: str = URLENCODED) -> Any:
    return {"content": body, "headers": {"Content-Type": kind}}


IN_LETTERS: Final = "multipart/form-data; boundary=x; charset="
# Each with the right token somewhere in it, but not as a form of ours sends it.
MISSHAPEN: Final[dict[str, Callable[[str], Any]]] = {
    "text/plain": lambda token: urlencoded(f"csrf={token}", "text/plain"),
    "no type": lambda token: urlencoded(f"csrf={token}", ""),
    "json": lambda token: urlencoded(json.dumps({"csrf": token}), "application/json"),
    "json that says it is a form": lambda token: urlencoded(json.dumps({"csrf": token})),
    "the wrong token before the right one": lambda token: urlencoded(f"csrf=x&csrf={token}"),
    "an array": lambda token: urlencoded(f"csrf[]={token}"),
    "in capitals": lambda token: urlencoded(f"CSRF={token}"),
    "behind a NUL": lambda token: urlencoded(f"csrf=%00{token}"),
    "a file in place of the token": lambda token: in_parts(("csrf", token), disposition='form-data; filename="x"'),
    "parts without an end": lambda token: urlencoded(f'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{token}',
                                                     "multipart/form-data; boundary=y"),
    "parts without a boundary": lambda token: in_parts(("csrf", token), kind="multipart/form-data"),
    "parts in no letters": lambda token: in_parts(("csrf", token), kind=IN_LETTERS + "undefined"),
    "parts in half letters": lambda token: in_parts(("csrf", "\\ud800" + token), kind=IN_LETTERS + "unicode_escape"),
    "parts in letters of NUL": lambda token: in_parts(("csrf", token), kind=IN_LETTERS + '"a\x00b"'),
    "too many parts": lambda token: in_parts(*[("x", "y")] * 300, ("csrf", token)),
    "a part that is too large": lambda token: in_parts(("csrf", token), ("x", "y" * 40_000)),
}  # fmt: skip


@pytest.mark.parametrize(
    "act", [each for each in POSTS if not each[1].endswith((*BY_SCRIPT, "/import")) and who(each) != "nobody"], ids=" ".join
)
def test_what_no_form_of_ours_looks_like_is_refused(house: Filled, act: Act) -> None:
    member = where(act)
    visitor = house.visit(member, who(act))
    token = house.token(member, visitor)
    stored, before = house.stored(member), house.lines(member)
    for why, shape in MISSHAPEN.items():
        given = shape(token)
        headers = {"Origin": ADDRESS} | given["headers"]
        answer = visitor.client.post(house.path(member, act[1]), content=given["content"], headers=headers)
        assert answer.status_code == 400, (why, answer.status_code)
    assert house.stored(member) == stored
    assert [each.outcome for each in lines(house.site(member), before)] == [Result.REFUSED] * len(MISSHAPEN)


def settled(stored: dict[str, Any]) -> dict[str, Any]:
    """Without what a form that was taken but wrong leaves by right: that somebody tried, and an app that he may take."""
    return {name: rows for name, rows in stored.items() if name not in {"attempt", "ticket"}}


LARGE: Final[dict[str, Callable[[str], Any]]] = {
    "a megabyte": lambda token: urlencoded(f"csrf={token}&text=" + "x" * 2**20),
    "parts of a megabyte": lambda token: in_parts(("csrf", token), ("text", "x" * 2**20)),
    "one byte too many": lambda token: urlencoded((f"csrf={token}&text=" + "x" * MAX_FORM_BYTES)[: MAX_FORM_BYTES + 1]),
}
FIELDS: Final[tuple[str, ...]] = (
    "act", "name", "email", "phone", "text", "because", "bsn", "case_ref", "since", "seen", "kind",
    "contacted_text", "contacted_day", "password", "code", "language", "back", "roles", "teams", "released", "release_because",
)  # fmt: skip
STRANGE: Final[dict[str, Callable[[str], Any]]] = {
    "ten thousand fields": lambda token: urlencoded(f"csrf={token}&" + "&".join(f"f{number}=x" for number in range(10_000))),
    "a field ten thousand times": lambda token: urlencoded(f"csrf={token}" + "&kind=closed" * 10_000),
    "NUL": lambda token: urlencoded(f"csrf={token}" + "".join(f"&{name}=a%00b" for name in FIELDS)),
    "what is no UTF-8": lambda token: urlencoded(
        f"csrf={token}".encode() + b"".join(b"&%s=%%ff%%fe\xff" % name.encode() for name in FIELDS)
    ),
    "half a character": lambda token: urlencoded(f"csrf={token}" + "".join(f"&{name}=%ED%A0%80" for name in FIELDS)),
    "long": lambda token: urlencoded(f"csrf={token}" + "".join(f"&{name}={'9' * 9_000}" for name in FIELDS)),
    "brackets": lambda token: urlencoded(f"csrf={token}&a{'[x]' * 5_000}=1"),
    "method override": lambda token: urlencoded(f"csrf={token}&_method=DELETE"),
}  # fmt: skip


@pytest.mark.parametrize("act", [each for each in POSTS if each[1] != "/import"], ids=" ".join)
def test_a_large_or_strange_form_is_no_error_of_ours(house: Filled, act: Act) -> None:
    member, path = where(act), house.path(where(act), act[1])
    for why, shape in (LARGE | STRANGE).items():
        visitor = house.visit(member, who(act))
        token = house.token(member, visitor)
        given = shape(token)
        headers = {"Origin": ADDRESS, "X-Raakvlak-Form": token, "X-HTTP-Method-Override": "DELETE"} | given["headers"]
        stored = house.stored(member)
        answer = visitor.client.post(path, content=given["content"], headers=headers)
        house.quiet(member)
        assert answer.status_code < 500, (why, answer.status_code)
        if why in LARGE:
            assert answer.status_code == 413, why
        if answer.status_code >= 400 and RIGHTS[act] is not None:
            assert settled(house.stored(member)) == settled(stored), why


@pytest.mark.parametrize("act", [each for each in POSTS if each[1].endswith(BY_SCRIPT)], ids=" ".join)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b'"x"',
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"name":"\\ud800","answer":{"id":"\\ud800"}}',
        b'{"answer":{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"\\ud800"}},"name":"\\ud800"}',
        b'{"answer":{"id":1e999,"rawId":null,"response":[]},"name":{},"back":[]}',
    ],
)
def test_a_script_that_sends_nonsense_is_no_error_of_ours(house: Filled, act: Act, body: bytes) -> None:
    visitor = house.visit(SCHOOL, who(act))
    headers = {"Origin": ADDRESS, "X-Raakvlak-Form": house.token(SCHOOL, visitor), "Content-Type": "application/json"}
    answer = visitor.client.post(house.path(SCHOOL, act[1]), content=body, headers=headers)
    assert answer.status_code in ({200, 422} if act[1].endswith("options") else {422}), answer.status_code


def test_no_page_does_anything_when_it_is_only_looked_at(house: Filled) -> None:
    """Neither by GET with the fields of a form, nor by a method under another name."""
    for act in POSTS:
        method, pattern = act
        if ("GET", pattern) in RIGHTS or RIGHTS[act] is None:
            continue
        member = where(act)
        visitor = house.visit(member, who(act))
        query = f"?csrf={house.token(member, visitor)}&_method=POST"
        stored = house.stored(member)
        for override in ({}, {"X-HTTP-Method-Override": "POST"}, {"X-Method-Override": "POST"}):
            answer = visitor.open(house.path(member, pattern) + query, **override)
            assert answer.status_code in {404, 405}, (act, answer.status_code)
        assert house.stored(member) == stored
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"):
        assert house.visit(SCHOOL, "nobody").client.request(method, "/today").status_code == 405, method


# --- what is not there, and what is not yours -------------------------------------------------------------------------


def raw(app: Any, path: bytes, cookies: str, query: bytes = b"", method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """A request whose path no client has put in order."""
    heard: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        heard.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": unquote(path.decode("ascii")), "raw_path": path, "query_string": query, "root_path": "",
        "headers": [(b"host", HOST.encode()), (b"cookie", cookies.encode()), (b"accept-language", b"en")],
        "client": ("192.0.2.1", 5), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    headers = {name.decode().lower(): value.decode() for name, value in heard[0]["headers"]}
    return heard[0]["status"], headers, b"".join(each.get("body", b"") for each in heard[1:])


def cookies_of(member: str, visitor: Visitor) -> str:
    return f"{cookie_name(member, 'session')}={visitor.client.cookies.get(cookie_name(member, 'session'))}"


NOT_THERE: Final = [
    "00" * 32, "0" * 32, "x", "%00", "%00" * 32, "%0d%0aSet-Cookie:%20a=b", "..%2f..%2fetc%2fpasswd", "%2e%2e",
    "....//", "%ff%fe", "%EF%BC%90" * 64, "%D9%A0" * 32, "-1", "1e9", "%27%20OR%201=1--", "{{7*7}}",
    "%7B%7B7*7%7D%7D", "<script>", "%3Cscript%3E",
    "S-1", "'", "%25", "%", "a" * 10_000, "0x" + "0" * 62, " " * 3, "%20", "+" * 64, "%E2%80%AE", "123456782",
]  # fmt: skip


@pytest.mark.parametrize("act", [each for each in NAMED if each[0] == "GET"], ids=" ".join)
def test_what_is_not_there_is_told_in_one_way(house: Filled, act: Act) -> None:
    """Whatever was asked for, nothing of it comes back: not on the page, not in a header, not in the log's events."""
    member, pattern = where(act), act[1]
    visitor, site = house.visit(member, who(act)), house.site(member)
    cookies, name = cookies_of(member, visitor), re.findall(r"\{(\w+)\}", pattern)[0]
    real = house.ids[member][name]
    pages, site.log[:] = set(), []
    for id in (
        *NOT_THERE,
        real.upper() if real.upper() != real else "x",
        real + "0",
        real[:-2],
        real + "%20",
        real + "%0a",
        real + "%00",
    ):
        status, headers, body = raw(site.app, pattern.replace(f"{{{name}}}", id).encode(), cookies)
        if status == 404:
            del headers["content-length"]
            pages.add((tuple(sorted(headers.items())), re.sub(rb" aria-current=.page.", b"", body)))
        else:
            assert status == 303 and "%2f" in id.lower() + "%2f", (id, status)
    assert len(pages) == 1
    assert {fields["route"] for _, fields in site.log} <= {pattern, "none"}
    ((_, body),) = pages
    assert b"It has gone, or it is not yours to see." in body


def test_a_stranger_learns_of_no_number_whether_it_is_there(house: Filled) -> None:
    for act in NAMED:
        member = where(act)
        path = house.path(member, act[1])
        for each in (path, re.sub("[0-9a-f]{32,}", lambda found: "0" * len(found[0]), path)):
            answer = Visitor(house.site(member).app).open(each) if act[0] == "GET" else None
            if answer is not None:
                assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?back={each}")


@pytest.fixture
def stranger(house: Filled) -> Iterator[Visitor]:
    """A case worker of the school who has no case and no team."""
    site = house.site(SCHOOL)
    user = site.people.by_email("nosy@school.example") or site.user("nosy@school.example", Role.CASE_WORKER)
    yield site.visit(user)


NOT_YOURS: Final = [act for act in NAMED if act[1].startswith(("/cases/{", "/follow-ups/", "/questions/"))]


@pytest.mark.parametrize("act", NOT_YOURS, ids=" ".join)
def test_another_ones_case_follow_up_and_question_are_as_if_they_were_not(house: Filled, stranger: Visitor, act: Act) -> None:
    site, path = house.site(SCHOOL), house.path(SCHOOL, act[1])
    fields = {
        "csrf": [house.token(SCHOOL, stranger)],
        "kind": ["closed"],
        "closed_text": ["x"],
        "seen": ["1"],
        "act": ["release"],
    }
    answers = []
    for asked in (path, re.sub("[0-9a-f]{32,}", lambda found: "0" * len(found[0]), path)):
        stored, before = house.stored(SCHOOL), house.lines(SCHOOL)
        answer = stranger.open(asked) if act[0] == "GET" else stranger.post(asked, dict(fields))
        answers.append((answer.status_code, dict(answer.headers), answer.content))
        assert house.stored(SCHOOL) == stored
        written = lines(site, before)
        assert len(written) == (1 if asked == path or act[1].startswith("/questions/") else 0)
        assert all(each.outcome is Result.REFUSED and each.actor.id == "nosy@school.example" for each in written)
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_what_is_not_yours_is_in_no_list_search_or_csv(house: Filled, stranger: Visitor) -> None:
    for path in ("/today", "/today?of=team", "/cases", "/cases?q=S-1", "/cases?q=1", "/questions", "/today?show=going-on"):
        page = stranger.go(path)
        for told in ("S-1", "S-2", "S-3", house.ids[SCHOOL]["case"], house.ids[SCHOOL]["follow_up"], "Ilse", "youth-team"):
            assert told not in page.replace("q=S-1", "").replace('value="S-1"', ""), (path, told)


def test_a_case_cannot_be_taken_by_its_reference(house: Filled, stranger: Visitor) -> None:
    """That a reference is in use is told, as it must be; the case that has it stays as it was and whose it was."""
    stored = house.stored(SCHOOL)
    stranger.go("/cases/new")
    answer = stranger.send(
        "/cases/new", case_ref="S-1", bsn=rows.bsn(3), function="x", worker_phone="0118-000001", since="2026-01-05"
    )
    assert answer.status_code == 422
    assert house.stored(SCHOOL) == stored


def test_what_is_not_yours_takes_no_other_time_than_what_is_not_there(house: Filled, stranger: Visitor) -> None:
    """A number is a keyed hash: only who has seen it knows it. Still the two are of one class of time."""

    def took(path: str) -> float:
        times = []
        for _ in range(15):
            begun = time.perf_counter()
            assert stranger.open(path).status_code == 404
            times.append(time.perf_counter() - begun)
        return statistics.median(times)

    theirs, nobodys = took(f"/cases/{house.ids[SCHOOL]['case']}"), took(f"/cases/{'0' * 32}")
    assert 1 / 4 < theirs / nobodys < 4


BACKS: Final = [
    "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "javascript:alert(1)",
    "/%0d%0aSet-Cookie:a=b", "/\r\nSet-Cookie: a=b", "/\tevil", "///evil.example", "/@evil.example", "evil", "", "/today#x",
    "/" + "a" * 300,
    "/cases?q=\"><script>", "/today?x=//e:1", "/\u2028", "/\u202e",
]  # fmt: skip


def test_nobody_is_led_away(site: Site, clock: Clock) -> None:  # noqa: F811
    staff = Staff(site, clock)
    staff.with_password("worker@school.example")
    signed = staff.signed_in("worker@school.example")
    for back in BACKS:
        visitor = site.visit()
        visitor.open(f"/sign-in?back={quote(back)}")
        assert visitor.form("/sign-in").fields["back"] == ["/"], back
        assert signed.open(f"/sign-in?back={quote(back)}").headers["location"] == "/", back
        signed.open("/me")
        assert signed.send("/language", language="en", back=back).headers["location"] == "/", back
        signed.open(f"/me/confirm?back={quote(back)}")
        assert signed.form("/me/confirm").fields["back"] == ["/me"], back
    clock.pass_(seconds=60)
    guest = Guest(site)
    guest.open("/sign-in")
    answer = guest.send("/sign-in", email="worker@school.example", password=PASSWORD, back=BACKS[0])
    assert answer.headers["location"] == "/sign-in/code?back=/"
    guest.open("/sign-in/code?back=//evil.example")
    answer = guest.send("/sign-in/code", code=staff.now("worker@school.example"), back="//evil.example")
    assert answer.headers["location"] == "/" and guest.is_in


# --- who was let in once ----------------------------------------------------------------------------------------------


@pytest.fixture
def worker(site: Site) -> tuple[User, Visitor, str]:
    """Somebody who sees a colleague's case by their team; the path of the case."""
    team = site.people.add_team("North", "", ADMIN, site.node.clock())
    site.user("colleague@school.example", teams=[team.id])
    given = rows.case("S-1", rows.bsn(1), worker_email="colleague@school.example")
    site.node.put_case(given)
    user = site.user("worker@school.example", Role.CASE_WORKER, Role.PRIVACY_OFFICER, teams=[team.id])
    return user, site.visit(user), f"/cases/{site.node.store.case_handle('S-1').hex()}"


def change(site: Site, user: User, **changes: Any) -> User:
    return site.people.change_user(user.id, user.changed, actor=ADMIN, now=site.node.clock(), **changes)


def test_whoever_leaves_a_team_sees_its_cases_no_more(site: Site, worker: tuple[User, Visitor, str]) -> None:
    user, visitor, path = worker
    assert visitor.open(path).status_code == 200
    user = change(site, user, teams=[])
    assert visitor.open(path).status_code == 404
    change(site, user, teams=[site.people.teams()[0].id])
    assert visitor.open(path).status_code == 200
    site.people.remove_team(site.people.teams()[0].id, ADMIN, site.node.clock())
    assert visitor.open(path).status_code == 404
    assert "S-1" not in visitor.go("/cases")


def test_a_user_who_was_deactivated_or_lost_a_role_is_out_at_once(site: Site, worker: tuple[User, Visitor, str]) -> None:
    user, visitor, path = worker
    user = change(site, user, roles=[Role.PRIVACY_OFFICER])
    assert visitor.open("/privacy").headers["location"].startswith("/sign-in"), "and whoever keeps a role signs in anew"
    fresh = site.visit(user)
    assert fresh.open(path).status_code == 403 and fresh.open("/privacy").status_code == 200
    user = change(site, user, active=False)
    assert fresh.open("/privacy").headers["location"].startswith("/sign-in")
    change(site, user, active=True)
    assert fresh.open("/privacy").headers["location"].startswith("/sign-in"), "no session rises again"


def test_nobody_gives_himself_a_name_a_role_or_a_team(site: Site, worker: tuple[User, Visitor, str]) -> None:
    """By a name and by teams the node knows whose cases one sees."""
    user, visitor, _ = worker
    visitor.go("/me")
    given = {
        "name": "Boss",
        "email": "boss@school.example",
        "roles": list(map(str, Role)),
        "teams": "x",
        "active": "yes",
        "language": "nl",
    }
    assert visitor.send("/me", **given).status_code == 303
    now = site.people.user(user.id)
    assert now is not None
    assert (now.name, now.email, now.roles, now.teams, now.language) == (user.name, user.email, user.roles, user.teams, "nl")


def test_an_administrator_opens_no_case_until_he_makes_himself_a_case_worker_which_is_written_down(
    site: Site, worker: tuple[User, Visitor, str]
) -> None:
    """Succeeds: whoever gives the roles can take one. It ends his session, and stands in the access log for five years."""
    _, _, path = worker
    boss = site.user("boss@school.example", Role.ADMINISTRATOR)
    visitor, before = site.visit(boss), len(lines(site))
    assert visitor.open(path).status_code == 403
    visitor.go(f"/administration/people/{boss.id}")
    roles, team = [str(Role.ADMINISTRATOR), str(Role.CASE_WORKER)], site.people.teams()[0].id
    assert visitor.send(visitor.path, act="save", roles=roles, teams=team).status_code == 303
    assert visitor.open(path).status_code == 303, "out"
    assert site.visit(site.people.user(boss.id)).open(path).status_code == 200
    written = [(each.outcome, each.actor.id, each.reason) for each in lines(site, before)]
    assert written[0] == (Result.REFUSED, "boss@school.example", "GET /cases/{case}")
    assert "roles from administrator to administrator, case-worker" in written[1][2]
    assert lines(site)[-1].case == "S-1"


def test_whoever_has_the_organisations_own_sign_in_is_any_user_who_uses_it(site: Site) -> None:
    """Succeeds; but nobody who is tied to another account, was deactivated, or was not made a user here."""
    entry, now = Entry(site.node.store, site.node.random, RELYING), site.node.clock()
    user, gone = site.user("worker@school.example"), site.user("gone@school.example")
    change(site, gone, active=False)
    assert entry.vouched("subject-1", "worker@school.example", From(), now).user.id == user.id
    assert entry.vouched("subject-1", "", From(), now).user.id == user.id
    for subject, email in (
        ("subject-2", "worker@school.example"),
        ("subject-3", "gone@school.example"),
        ("subject-4", "x@x.example"),
    ):
        with pytest.raises(NobodyVouched):
            entry.vouched(subject, email, From(), now)


def test_a_session_ends_when_it_is_not_used_after_twelve_hours_and_by_signing_out(site: Site, clock: Clock) -> None:  # noqa: F811
    user = site.user("worker@school.example")
    idle, busy, out = site.visit(user), site.visit(user), site.visit(user)
    kept = str(out.client.cookies.get(cookie_name("own", "session")))
    out.go("/me")
    out.send("/sign-out")
    out.client.cookies.set(cookie_name("own", "session"), kept)
    assert out.open("/me").status_code == 303, "a token that was kept is worth nothing"
    for _ in range(ABSOLUTE_SECONDS // IDLE_SECONDS * 2 - 1):
        clock.pass_(seconds=IDLE_SECONDS // 2)
        assert busy.open("/me").status_code == 200
    assert idle.open("/me").status_code == 303
    clock.pass_(seconds=IDLE_SECONDS // 2)
    assert busy.open("/me").status_code == 303


def test_what_a_session_cookie_may_and_what_it_says(site: Site, clock: Clock) -> None:  # noqa: F811
    staff = Staff(site, clock)
    staff.with_password("worker@school.example")
    guest = Guest(site)
    guest.password("worker@school.example")
    answer = guest.code(staff.now("worker@school.example"))
    given = {each.partition("=")[0]: each for each in answer.headers.get_list("set-cookie")}
    session = given["__Host-raakvlak-own-session"]
    flags = {each.strip().lower() for each in session.split(";")[1:]}
    assert flags == {"path=/", "secure", "httponly", "samesite=lax"}, "gone with the browser, and of this host alone"
    assert re.fullmatch("[0-9a-f]{64}", session.partition("=")[2].partition(";")[0])
    for name, each in given.items():
        assert name.startswith("__Host-raakvlak-own-") and "httponly" in each.lower() and "domain" not in each.lower()


def test_another_nodes_session_on_the_same_host_opens_nothing(node_of: NodeOf) -> None:  # noqa: F811
    """Cookies don't tell ports apart."""
    one, other = Site(node_of()), Site(node_of())
    token = Sessions(one.node.store, one.node.random).begin(one.user("w@school.example").id, "test", one.node.clock())
    other.user("w@school.example")
    for name in ("__Host-raakvlak-own-session", "__Host-raakvlak-town-session", "raakvlak-own-session"):
        visitor = Visitor(other.app)
        visitor.client.cookies.set(name, token)
        assert visitor.open("/me").status_code == 303


def test_the_tokens_of_the_api_open_no_page_and_a_pages_session_no_api(site: Site) -> None:
    from raakvlak_node import pages, rest

    secret = site.node.new_access_token("case-system")
    visitor = site.visit(site.user("worker@school.example"))
    session = str(visitor.client.cookies.get(cookie_name("own", "session")))
    bearer = {"Authorization": f"Bearer {secret}"}
    assert Visitor(site.app).open("/today", **bearer).status_code == 303
    stranger = Visitor(site.app)
    stranger.client.cookies.set(cookie_name("own", "session"), secret)
    assert stranger.open("/today").status_code == 303
    both = pages.beside(site.app, rest.app(site.node, lambda: None, Log()))
    browser = Visitor(both)
    browser.client.cookies.set(cookie_name("own", "session"), session)
    assert browser.open("/v1/follow-ups").status_code == 401
    assert browser.open("/v1/follow-ups", Authorization=f"Bearer {session}").status_code == 401
    assert browser.open("/today").status_code == 200


class Log:
    """A log that nobody reads."""

    def __call__(self, name: str, **fields: object) -> None:
        return None
