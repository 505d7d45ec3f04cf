"""The sandbox's own OpenID provider, before a node's own client: whoever signs in through it has kept the rules, and it gives
nobody a code who has not."""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from raakvlak_local import provider as sandbox
from raakvlak_local import staff
from raakvlak_local.provider import BACK, Client
from raakvlak_local.staff import Person
from raakvlak_node.pages import oidc
from raakvlak_node.settings import Oidc
from raakvlak_protocol.errors import Refused
from tests import servers

SCHOOL = Client("node-school", "De <Zoute> Wind", "http://localhost:7480", (
    Person("school", "Imane Nijsse", "imane@school.example", "case-worker", "Zorgteam"),
    Person("school", "Cees Kodde", "cees@school.example", "administrator", ""),
))  # fmt: skip
TOWN = Client(
    "node-town", "Town", "http://localhost:7481", (Person("town", "Noor Daane", "noor@town.example", "case-worker", ""),)
)


@pytest.fixture
def listening() -> Iterator[sandbox.Provider]:
    """As `serve` has it, but in a thread of its own."""
    sock = servers.listening()
    provider = sandbox.Provider(f"http://localhost:{servers.port_of(sock)}", [SCHOOL, TOWN])
    with servers.answering(provider.app(), sock):
        yield provider


@pytest.fixture
def browser(listening: sandbox.Provider) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=listening.issuer, trust_env=False) as client:
        yield client


def node(provider: sandbox.Provider, client: Client = SCHOOL) -> oidc.Provider:
    return oidc.Provider(Oidc(provider.issuer, client.id), lambda: datetime.now(UTC), os.urandom)


def fields(page: str) -> dict[str, str]:
    """What a browser sends along with a click."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {unescape(name): unescape(value) for name, value in found}


def click(browser: httpx.Client, url: str, email: str, **changed: str) -> httpx.Response:
    form = fields(browser.get(url).text) | {"person": email} | changed
    return browser.post("/authorize", data=form, headers={"Origin": str(browser.base_url).rstrip("/")})


def brought(answer: httpx.Response) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(answer.headers["location"]).query)


def test_who_is_clicked_is_signed_in_at_the_node(listening: sandbox.Provider, browser: httpx.Client) -> None:
    own, back = node(listening), SCHOOL.address + BACK
    begun = own.begin(back)
    answer = click(browser, begun.url, "imane@school.example")
    assert answer.status_code == 303 and answer.headers["location"].startswith(f"{back}?")
    found = own.finish(begun, brought(answer), back)
    assert (found.email, found.email_verified, found.name) == ("imane@school.example", True, "Imane Nijsse")
    with pytest.raises(Refused):  # a code serves once
        own.finish(begun, brought(answer), back)


def test_the_page_says_that_it_is_a_sandbox_and_shows_that_organisations_people_alone(
    listening: sandbox.Provider, browser: httpx.Client
) -> None:
    url = node(listening).begin(SCHOOL.address + BACK).url
    english = browser.get(url, headers={"Accept-Language": "en-GB"}).text
    assert "Sandbox. Nobody on this page exists" in english and "De &lt;Zoute&gt; Wind" in english
    assert re.findall(r"<strong>(.*?)</strong>", english) == ["Imane Nijsse", "Cees Kodde"]
    assert "Zandbak. Niemand op deze pagina bestaat" in browser.get(url).text
    overview = browser.get("/").text
    assert "Zandbak" in overview and "Noor Daane" in overview and "http://localhost:7481/sign-in/organisation" in overview


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"redirect_uri": "http://localhost:7481" + BACK}, 400, ""),
        ({"redirect_uri": "http://evil.example" + BACK}, 400, ""),
        ({"client_id": "node-nobody"}, 400, ""),
        ({"person": "noor@town.example"}, 303, "access_denied"),
        ({"code_challenge_method": "plain"}, 303, "invalid_request"),
        ({"code_challenge": "short"}, 303, "invalid_request"),
        ({"nonce": ""}, 303, "invalid_request"),
        ({"response_type": "token"}, 303, "unsupported_response_type"),
        ({"scope": "email"}, 303, "invalid_scope"),
    ],
)
def test_who_asks_wrongly_gets_no_code(
    listening: sandbox.Provider, browser: httpx.Client, changed: dict[str, str], status: int, error: str
) -> None:
    url = node(listening).begin(SCHOOL.address + BACK).url
    person = changed.pop("person", "imane@school.example")
    answer = click(browser, url, person, **changed)
    assert answer.status_code == status
    if status == 303:
        assert answer.headers["location"].startswith(SCHOOL.address + BACK)
        assert dict(brought(answer)).get("error") == error and "code" not in dict(brought(answer))


def test_another_sites_form_and_another_sites_name_are_turned_away(listening: sandbox.Provider, browser: httpx.Client) -> None:
    form = fields(browser.get(node(listening).begin(SCHOOL.address + BACK).url).text) | {"person": "imane@school.example"}
    assert browser.post("/authorize", data=form, headers={"Origin": "http://evil.example"}).status_code == 400
    assert browser.post("/authorize", data=form).status_code == 400
    assert browser.get("/", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "another"},
        {"client_id": TOWN.id},
        {"redirect_uri": TOWN.address + BACK},
        {"client_id": TOWN.id, "redirect_uri": TOWN.address + BACK},
        {"grant_type": "refresh_token"},
    ],
)
def test_a_code_that_is_handed_in_wrongly_is_over(
    listening: sandbox.Provider, browser: httpx.Client, changed: dict[str, str]
) -> None:
    begun = node(listening).begin(SCHOOL.address + BACK)
    code = dict(brought(click(browser, begun.url, "imane@school.example")))["code"]
    right = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": begun.verifier,
        "client_id": SCHOOL.id,
        "redirect_uri": SCHOOL.address + BACK,
    }
    assert browser.post("/token", data=right | changed).status_code == 400
    assert browser.post("/token", data=right).json() == {"error": "invalid_grant"}


def test_a_code_is_over_after_a_minute(listening: sandbox.Provider, browser: httpx.Client) -> None:
    own, back = node(listening), SCHOOL.address + BACK
    begun = own.begin(back)
    answer = click(browser, begun.url, "imane@school.example")
    listening.now = lambda: datetime.now(UTC).timestamp() + sandbox.CODE_SECONDS + 1
    with pytest.raises(Refused):
        own.finish(begun, brought(answer), back)


def test_a_form_that_never_ends_is_not_read(browser: httpx.Client) -> None:
    assert browser.post("/token", content=b"a=" + b"b" * 10 * sandbox.MAX_FORM_BYTES).status_code == 400


def test_what_was_saved_is_read(tmp_path: Path) -> None:
    sandbox.save(tmp_path / "sign-in.json", "http://localhost:1", [SCHOOL, TOWN])
    found = sandbox.read(tmp_path / "sign-in.json")
    assert (found.issuer, list(found.clients)) == ("http://localhost:1", [SCHOOL, TOWN])
    assert "secret" not in json.dumps(json.loads((tmp_path / "sign-in.json").read_text()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns"),
        ("node,name\n", "columns"),
        ("node,name,email,role,team\nelsewhere,A,a@a.example,case-worker,\n", "row 2"),
        ("node,name,email,role,team\nschool,A,a@a.example,case-worker,\nschool,A,a@a.example,boss,\n", "row 3"),
        ("node,name,email,role,team\nschool,A\n", "row 2"),
    ],
)
def test_a_wrong_list_of_people_is_refused_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / staff.FILE).write_text(text)
    with pytest.raises(Refused, match=said):
        staff.read(tmp_path, {"school"})
