"""Somebody who signs in to the pages of a node: over HTTP, from some network address, with a password, an app or a
passkey."""

import re
from typing import Any

import httpx
import pyotp

from raakvlak_node.people.account import Accounts
from raakvlak_node.people.codes import secret_text
from raakvlak_node.people.entry import From
from raakvlak_node.people.passkeys import Relying
from raakvlak_node.people.passwords import typed
from raakvlak_node.people.user import Role, User
from tests.authenticator import Authenticator
from tests.federation import Clock
from tests.pages.site import ADDRESS, ADMIN, Client, Site, Visitor

HOST = "raakvlak.example"
RELYING = Relying(HOST, ADDRESS, "Raakvlak")
PASSWORD = "vier paarse ganzen dansen"


class _Elsewhere(Client):
    """The same from another network address."""

    def __init__(self, app: Any, address: str, headers: dict[str, str], client: str) -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(client, 50_000))
        self._client = httpx.AsyncClient(transport=transport, base_url=address, headers=headers, follow_redirects=False)


class Guest(Visitor):
    """A browser in which somebody may sign in."""

    def __init__(self, site: Site, client: str = "192.0.2.7", language: str = "en") -> None:
        super().__init__(site.app, language)
        self.client = _Elsewhere(site.app, ADDRESS, {"Accept-Language": language}, client)
        self._member = site.node.member.id

    def cookie(self, name: str) -> str:
        return str(self.client.cookies.get(f"__Host-raakvlak-{self._member}-{name}") or "")

    def set_cookie(self, name: str, value: str) -> None:
        self.client.cookies.set(f"__Host-raakvlak-{self._member}-{name}", value, domain=HOST)

    @property
    def token(self) -> str:
        """Of the forms on the page that it saw last."""
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.page)
        return found[1] if found else ""

    def fetch(self, path: str, body: object, **headers: str) -> httpx.Response:
        """What the page's own script sends."""
        sent = {"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin", "X-Raakvlak-Form": self.token} | headers
        return self.client.post(path, json=body, headers=sent)

    @property
    def is_in(self) -> bool:
        return self.open("/me").status_code == 200

    def password(self, email: str, password: str = PASSWORD) -> httpx.Response:
        self.open("/sign-in")
        return self.send("/sign-in", email=email, password=password)

    def code(self, code: str) -> httpx.Response:
        self.open("/sign-in/code")
        return self.send("/sign-in/code", code=code)

    def passkey(self, device: Authenticator) -> httpx.Response:
        self.open("/sign-in")
        options = self.fetch("/sign-in/passkey/options", {}).json()
        return self.fetch("/sign-in/passkey", {"answer": device.get(options), "back": "/"})


class Staff:
    """Users of a node who can sign in, and the apps on their phones."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self.site = site
        self.clock = clock
        self.accounts = Accounts(site.node.store, site.node.random, RELYING)
        self.people = self.accounts.entry.people
        self.apps: dict[str, pyotp.TOTP] = {}
        self.recovery: dict[str, list[str]] = {}

    def link(self, email: str, *roles: Role) -> str:
        """A new user, and the token of the link by which this one comes in."""
        return self.accounts.link(self.site.user(email, *roles), ADMIN, self.clock())

    def with_password(self, email: str, *roles: Role) -> User:
        """Who signs in with PASSWORD and the code of an app; signed in nowhere yet."""
        token = self.link(email, *roles)
        guest = self.accounts.guest(token, self.clock())
        assert guest is not None
        self.apps[email] = pyotp.TOTP(secret_text(guest.secret))
        begun = self.accounts.begin_with_password(token, typed(PASSWORD), self.now(email), From(), self.clock())
        assert begun is not None
        self.recovery[email] = begun[1]
        self.accounts.entry.sessions.end_all(guest.user.id)
        self.clock.pass_(seconds=60)
        return guest.user

    def with_passkey(self, email: str, *roles: Role) -> tuple[User, Authenticator]:
        token, device = self.link(email, *roles), Authenticator(ADDRESS, HOST)
        guest = self.accounts.guest(token, self.clock())
        assert guest is not None
        answer = device.create(self.accounts.entry.passkeys.new_options(guest.user, self.clock()))
        self.accounts.begin_with_passkey(token, answer, "laptop", From(), self.clock())
        self.accounts.entry.sessions.end_all(guest.user.id)
        return guest.user, device

    def now(self, email: str) -> str:
        """What the user's app shows."""
        return str(self.apps[email].at(self.clock()))

    def signed_in(self, email: str, client: str = "192.0.2.7") -> Guest:
        """A browser in which this user has just signed in with PASSWORD and a code."""
        guest = Guest(self.site, client)
        assert guest.password(email).status_code == 303
        assert guest.code(self.now(email)).status_code == 303
        self.clock.pass_(seconds=60)
        return guest
