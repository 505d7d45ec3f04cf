"""The pages of a node in the test's process, and people who visit them: they follow links, fill in the forms that the
pages show, and send them, as a browser without JavaScript does."""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any, Final

import httpx

from raakvlak_node import pages
from raakvlak_node.access import Actor
from raakvlak_node.node import Node
from raakvlak_node.people import People, Role, Sessions, User
from raakvlak_node.settings import Pages

ADDRESS: Final = "https://raakvlak.example"
ADMIN: Final = Actor.command("root")

FormFields = dict[str, list[str]]


@dataclass
class FoundForm:
    """A form on a page, filled in as it came."""

    action: str
    method: str
    fields: FormFields = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Forms(HTMLParser):
    """Every form of a page, with what a browser would send of it untouched; and what can be read there."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[FoundForm] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self._form: FoundForm | None = None
        self._area: str | None = None
        self._select: str | None = None
        self._first = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "form":
            self._form = FoundForm(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        if self._form is None or "disabled" in given:
            return
        name = given.get("name", "")
        if tag == "input" and name:
            kind = given.get("type", "text")
            if kind in {"checkbox", "radio"} and "checked" not in given:
                self._form.fields.setdefault(name, [])
            elif kind not in {"submit", "file", "button"}:
                self._form.fields.setdefault(name, []).append(given.get("value", "on" if kind == "checkbox" else ""))
        elif tag == "textarea":
            self._area = name
            self._form.fields[name] = [""]
        elif tag == "select":
            self._select = name
            self._first = True
            self._form.fields[name] = []
        elif tag == "option" and self._select is not None and ("selected" in given or self._first):
            self._form.fields[self._select] = [given.get("value", "")]
            self._first = False
        elif tag == "button" and given.get("type", "submit") == "submit":
            self._form.buttons.append((name, given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._area is not None and self._form is not None:
            self._form.fields[self._area][0] += data
        elif data.strip():
            self.texts.append(data.strip())


class Client:
    """httpx on the application itself, which wants an event loop that the tests have no use for."""

    def __init__(self, app: Any, address: str, headers: dict[str, str]) -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.1", 50_000))
        self._client = httpx.AsyncClient(transport=transport, base_url=address, headers=headers, follow_redirects=False)

    @property
    def cookies(self) -> httpx.Cookies:
        return self._client.cookies

    def get(self, path: str, **given: Any) -> httpx.Response:
        return asyncio.run(self._client.get(path, **given))

    def post(self, path: str, **given: Any) -> httpx.Response:
        return asyncio.run(self._client.post(path, **given))

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        return asyncio.run(self._client.request(method, path, **given))


class Visitor:
    """A browser without JavaScript. Each `open` and `send` returns the answer; `go` follows where it leads."""

    def __init__(self, app: Any, language: str = "en", address: str = ADDRESS) -> None:
        self.address = address
        self.client = Client(app, address, {"Accept-Language": language})
        self.page = ""
        self.path = "/"

    def open(self, path: str, **headers: str) -> httpx.Response:
        answer = self.client.get(path, headers=headers)
        self._take(answer, path)
        return answer

    def go(self, path: str) -> str:
        """The page at the end of all redirections; fails where it is an error."""
        answer = self.open(path)
        while answer.is_redirect:
            path = answer.headers["location"]
            answer = self.open(path)
        assert answer.status_code == 200, (path, answer.status_code, self.text())
        return self.page

    def form(self, action: str = "") -> FoundForm:
        """The form on this page with this action; the first one of the main part where none is named."""
        found = [each for each in Forms(self.page).forms if each.method == "post"]
        ours = [each for each in found if not each.action.startswith(("/language", "/sign-out"))]
        named = [each for each in found if each.action == action] if action else ours
        assert named, (action, [each.action for each in found])
        return named[0]

    def send(self, action: str = "", files: Any = None, **fields: str | Iterable[str]) -> httpx.Response:
        """Sends the form of this page with this action and these fields changed."""
        return self.send_nth(0, action, files, **fields)

    def send_nth(self, at: int, action: str, files: Any = None, **fields: str | Iterable[str]) -> httpx.Response:
        """The same of one of several forms with the same action."""
        found = [each for each in Forms(self.page).forms if each.method == "post" and each.action == action]
        form = found[at] if found else self.form(action)
        given: FormFields = {name: list(values) for name, values in form.fields.items()}
        for name, value in fields.items():
            given[name] = [value] if isinstance(value, str) else list(value)
        return self.post(form.action or self.path, given, files=files)

    def post(self, path: str, fields: FormFields, files: Any = None, **headers: str) -> httpx.Response:
        """Sends whatever is given, as a page of this address would."""
        sent = {"Origin": self.address, "Sec-Fetch-Site": "same-origin"} | headers
        answer = self.client.post(path, data=fields, files=files, headers=sent)
        self._take(answer, path)
        return answer

    def done(self, answer: httpx.Response) -> str:
        """The page to which a form that was taken leads."""
        assert answer.status_code == 303, (answer.status_code, self.text())
        return self.go(answer.headers["location"])

    def text(self) -> str:
        """What can be read on the page."""
        return " ".join(Forms(self.page).texts)

    def _take(self, answer: httpx.Response, path: str) -> None:
        if not answer.is_redirect:
            self.page, self.path = answer.text, path


@dataclass
class Site:
    """A node's pages. `log` holds the events that its log would."""

    node: Node
    app: Any = None
    woken: int = 0
    log: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.node.settings.pages is None:
            self.node = replace(self.node, settings=replace(self.node.settings, pages=Pages(ADDRESS)))
        self.app = pages.app(self.node, self._wake, lambda name, **fields: self.log.append((name, fields)))

    def _wake(self) -> None:
        self.woken += 1

    @property
    def people(self) -> People:
        return People(self.node.store, self.node.random)

    def user(self, email: str, *roles: Role, name: str = "", teams: Sequence[str] = (), language: str = "") -> User:
        """A user of these roles."""
        given = name or re.sub(r"[._]", " ", email.partition("@")[0]).title()
        return self.people.add_user(given, email, roles or (Role.CASE_WORKER,), teams, language, ADMIN, self.node.clock())

    def visit(self, user: User | None = None, language: str = "en") -> Visitor:
        """A browser in which this user is signed in; one in which nobody is without."""
        assert self.node.settings.pages is not None
        visitor = Visitor(self.app, language, self.node.settings.pages.address)
        if user is not None:
            token = Sessions(self.node.store, self.node.random).begin(user.id, "test", self.node.clock())
            visitor.client.cookies.set(f"__Host-raakvlak-{self.node.member.id}-session", token)
        return visitor


SiteOf = Callable[..., Site]
