"""An index's HTTPS side with the operator's pages, and a browser that keeps cookies as browsers do."""

import asyncio
import os
import re
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from html import unescape
from http.client import HTTPSConnection
from urllib.parse import urlencode

from raakvlak_index import http
from raakvlak_index.operator.access import FILE, Access
from raakvlak_protocol.party import web
from raakvlak_protocol.party.serving import Stop
from tests.index.members import House

SESSION = "__Host-operator"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: str

    @property
    def text(self) -> str:
        """What a reader sees: no tags, one space between words."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.body)).split())

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.body)
        assert found, self.text
        return found[1]


@dataclass
class Browser:
    """Asks as a browser does that is on a page of the same site."""

    address: str
    roots: str
    language: str = "en"
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        context = ssl.create_default_context(cadata=self.roots)
        context.check_hostname = False  # the tests have no name server
        connection = HTTPSConnection(self.address, context=context, timeout=20)
        sent = {"Accept-Language": self.language} | dict(headers or {})
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            found = Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))
        finally:
            connection.close()
        for each in found.headers.get_all("set-cookie", []):
            name, _, value = each.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
            if "max-age=0" in each.lower():
                del self.cookies[name]
        return found

    def get(self, path: str = "/operator") -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, headers: Mapping[str, str] | None = None, /, **fields: str) -> Answer:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(fields), form | dict(headers or {"Sec-Fetch-Site": "same-origin"}))

    def sign_in(self, name: str, key: str) -> Answer:
        return self.post("/operator/sign-in", name=name, key=key)


@dataclass
class Desk:
    """A house whose index shows its operator's pages too."""

    house: House
    access: Access
    address: str

    def browser(self, language: str = "en") -> Browser:
        return Browser(self.address, self.house.sandbox.covenant.roots_pem.decode(), language)

    def made(self, name: str = "anke") -> str:
        """The key of a new operator, made as the command does it: from beside the index that serves."""
        return self.access.make(name, os.urandom, self.house.clock())

    def signed_in(self, name: str = "anke", language: str = "en") -> Browser:
        browser = self.browser(language)
        assert browser.sign_in(name, self.made(name)).status == 303
        return browser


@contextmanager
def desk(house: House, networks: Sequence[str] = ()) -> Iterator[Desk]:
    ready, stop = threading.Event(), Stop()
    port = 0
    errors: list[BaseException] = []

    async def serve() -> None:
        nonlocal port
        running, sandbox = house.index.running, house.sandbox
        credentials = sandbox.credentials(sandbox.index)
        async with web.serving(
            http.app(running.public(sandbox.file), running.pages(credentials, networks)),
            credentials,
            "127.0.0.1:0",
            folder=house.index.path.parent,
            max_body_bytes=http.MAX_BODY_BYTES,
            grace_seconds=1,
            on_error=errors.append,
        ) as port:
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    access = Access(house.index.path.parent / FILE)
    try:
        yield Desk(house, access, f"127.0.0.1:{port}")
    finally:
        access.close()
        stop.request()
        thread.join()
    assert [f"{type(each).__name__}: {each}" for each in errors] == []
