"""A small OpenID provider on a real socket: discovery, a page to sign in on, tokens for codes, keys that are replaced.

It keeps the rules of OIDC Core 1.0 by itself (registered addresses, PKCE S256, codes that serve once, client
authentication), so that whoever signs in through it has kept them too. What an attacker changes is changed by its hooks:
`claims`, `sealed` and `answers`. Run by hand: `python -m tests.oidc_provider BACK` prints where it listens.
"""

import base64
import contextlib
import hashlib
import html
import itertools
import os
import re
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus, urlencode

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from raakvlak_node.settings import Oidc
from tests.servers import answering, listening, port_of

CODE_SECONDS: Final = 60
TOKEN_SECONDS: Final = 300
CLIENT: Final = "raakvlak-node"
SECRET: Final = "a secret: with + and % in it"

SigningKey = ECKey | RSAKey | OKPKey


@dataclass(frozen=True)
class Person:
    """Somebody with an account at the organisation; synthetic."""

    username: str
    password: str
    sub: str
    email: str
    name: str
    email_verified: bool = True


FATIMA: Final = Person("fatima", "a long password", "0451", "fatima@school.example", "Fatima Bakker")
NOOR: Final = Person("noor", "another password", "0452", "noor@school.example", "Noor de Wit", email_verified=False)


@dataclass(frozen=True)
class Grant:
    """What a code stands for."""

    person: Person
    back: str
    challenge: str
    nonce: str
    scopes: tuple[str, ...]
    until: float


def new_key(algorithm: str, kid: str) -> SigningKey:
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": algorithm})
    if algorithm == "EdDSA":
        return OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig", "alg": algorithm})
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": algorithm})


@dataclass
class Provider:
    """`backs` are the registered redirect addresses; a `secret` of None makes the client a public one. `authentication` is
    the way in which the secret is taken. `user_info`: whether e-mail and name stand there instead of in the ID token."""

    issuer: str
    backs: list[str]
    people: list[Person] = field(default_factory=lambda: [FATIMA, NOOR])
    secret: str | None = SECRET
    authentication: str = "client_secret_basic"
    algorithm: str = "ES256"
    user_info: bool = False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    claims: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    sealed: Callable[[dict[str, Any]], str] | None = None
    """Writes the ID token in the provider's place."""
    answers: dict[str, Callable[[], Response]] = field(default_factory=dict)
    """Answers in the provider's place, by path."""
    described: dict[str, Any] = field(default_factory=dict)
    """What its description says otherwise."""
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""
    keys: list[SigningKey] = field(default_factory=list)
    """Those that are shown; the last one signs."""
    grants: dict[str, Grant] = field(default_factory=dict)
    access: dict[str, Person] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.rotate()

    def rotate(self, *, keep: bool = True) -> None:
        """Signs by a new key from now on; the old ones are still shown, or not."""
        self.keys = [*(self.keys if keep else []), new_key(self.algorithm, f"key-{next(self.numbers)}")]

    def begin_again(self, now: Callable[[], datetime]) -> None:
        """As it was at first: honest, with one key, with nobody signed in and nothing asked for."""
        self.now, self.claims, self.sealed = now, lambda claims: claims, None
        self.answers, self.described, self.asked = {}, {}, []
        self.keys, self.grants, self.access = self.keys[-1:], {}, {}

    def app(self) -> Starlette:
        routes = {
            "/.well-known/openid-configuration": self._describe,
            "/keys": self._show_keys,
            "/authorize": self._authorize,
            "/token": self._token,
            "/userinfo": self._user_info,
        }
        made = [Route(path, self._heard(path, each), methods=["GET", "POST"]) for path, each in routes.items()]
        return Starlette(routes=made)

    def _heard(self, path: str, then: Callable[[Request, dict[str, str]], Response]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            self.asked.append(path)
            if path in self.answers:
                return self.answers[path]()
            text = (await request.body()).decode() if request.method == "POST" else request.url.query
            pairs = parse_qsl(text, keep_blank_values=True)
            if len(dict(pairs)) != len(pairs):
                return JSONResponse({"error": "invalid_request"}, 400)
            return then(request, dict(pairs))

        return answer

    def _describe(self, request: Request, given: dict[str, str]) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [self.algorithm],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none" if self.secret is None else self.authentication],
                "authorization_response_iss_parameter_supported": True,
                **self.described,
            }
        )

    def _show_keys(self, request: Request, given: dict[str, str]) -> Response:
        return JSONResponse({"keys": [each.as_dict(private=False) for each in self.keys]})

    # --- the page ---------------------------------------------------------------------------------------------------

    def _authorize(self, request: Request, given: dict[str, str]) -> Response:
        if given.get("client_id") != CLIENT or given.get("redirect_uri") not in self.backs:
            return HTMLResponse("<!doctype html><title>Unknown</title><p>This program is not registered here.", 400)
        wrong = self._wrong(given)
        if wrong or given.get("act") == "cancel":
            return self._back(given, error=wrong or "access_denied")
        if request.method == "GET":
            return self._page(given, "")
        for person in self.people:
            if (given.get("username"), given.get("password")) == (person.username, person.password):
                return self._back(given, code=self._code(person, given))
        return self._page(given, "That name and password do not belong together.")

    def _wrong(self, given: Mapping[str, str]) -> str:
        if given.get("response_type") != "code":
            return "unsupported_response_type"
        if "openid" not in given.get("scope", "").split(" "):
            return "invalid_scope"
        challenge = re.fullmatch(r"[A-Za-z0-9_-]{43}", given.get("code_challenge", ""))
        if not challenge or given.get("code_challenge_method") != "S256" or not given.get("state") or not given.get("nonce"):
            return "invalid_request"
        return ""

    def _code(self, person: Person, given: Mapping[str, str]) -> str:
        code = os.urandom(24).hex()
        self.grants[code] = Grant(
            person,
            given["redirect_uri"],
            given["code_challenge"],
            given["nonce"],
            tuple(given["scope"].split(" ")),
            self.now().timestamp() + CODE_SECONDS,
        )
        return code

    def _back(self, given: Mapping[str, str], **found: str) -> Response:
        query = urlencode({**found, "state": given.get("state", ""), "iss": self.issuer})
        return RedirectResponse(f"{given['redirect_uri']}?{query}", 303)

    def _page(self, given: Mapping[str, str], wrong: str) -> Response:
        asked = {name: text for name, text in given.items() if name not in ("username", "password", "act")}
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(text)}">' for name, text in asked.items()
        )
        return HTMLResponse(
            f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>School account</title></head>
<body><main><h1>School account</h1><p role="alert">{wrong}</p>
<form method="post" action="/authorize">{hidden}
<p><label>User name <input name="username" autocomplete="username"></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
<p><button>Sign in</button> <button name="act" value="cancel">Cancel</button></p>
</form></main></body></html>"""
        )

    # --- the tokens -------------------------------------------------------------------------------------------------

    def _token(self, request: Request, given: dict[str, str]) -> Response:
        if not self._authenticated(request, given):
            return JSONResponse({"error": "invalid_client"}, 401)
        # Taken away before anything else is looked at: a code serves once, also one that was handed in wrongly.
        grant = self.grants.pop(given.get("code", ""), None)
        challenge = _text_of(hashlib.sha256(given.get("code_verifier", "").encode()).digest())
        if given.get("grant_type") != "authorization_code":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        if (
            grant is None
            or self.now().timestamp() > grant.until
            or given.get("redirect_uri") != grant.back
            or challenge != grant.challenge
        ):
            return JSONResponse({"error": "invalid_grant", "error_description": "the code of 0451 is not valid"}, 400)
        access = os.urandom(24).hex()
        self.access[access] = grant.person
        claims = self.claims(self._claims(grant))
        token = self.sealed(claims) if self.sealed else self.signed(claims)
        return JSONResponse({"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": token})

    def _authenticated(self, request: Request, given: Mapping[str, str]) -> bool:
        if self.secret is None:
            return given.get("client_id") == CLIENT and "client_secret" not in given
        if self.authentication == "client_secret_post":
            return (given.get("client_id"), given.get("client_secret")) == (CLIENT, self.secret)
        kind, _, pair = request.headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(pair).decode().partition(":")
        return kind == "Basic" and (unquote_plus(name), unquote_plus(secret)) == (CLIENT, self.secret)

    def _claims(self, grant: Grant) -> dict[str, Any]:
        moment = int(self.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": grant.person.sub,
            "iat": moment,
            "exp": moment + TOKEN_SECONDS,
            "nonce": grant.nonce,
        }
        return claims if self.user_info else claims | _about(grant.person)

    def signed(self, claims: dict[str, Any], key: SigningKey | None = None, **header: Any) -> str:
        """An ID token under the provider's newest key, or another; the header may be told otherwise."""
        key = key or self.keys[-1]
        found = {"alg": key.alg, "kid": key.kid, **header}
        registry = _Everything(algorithms=[str(found["alg"])], strict_check_header=False)
        return jwt.encode(found, claims, key, registry=registry)

    def _user_info(self, request: Request, given: dict[str, str]) -> Response:
        person = self.access.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if person is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse(self.claims({"sub": person.sub, **_about(person)}))


class _Everything(JWSRegistry):
    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


def _about(person: Person) -> dict[str, Any]:
    return {"email": person.email, "email_verified": person.email_verified, "name": person.name}


def _text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@contextlib.contextmanager
def providing(
    *backs: str, server: tuple[Path, Path] | None = None, host: str = "127.0.0.1", **settings: Any
) -> Iterator[Provider]:
    """A provider that listens for as long as the context lasts, over https where `server` gives a chain and its key."""
    sock = listening()
    scheme = "http" if server is None else "https"
    provider = Provider(f"{scheme}://{host}:{port_of(sock)}", list(backs), **settings)
    with answering(provider.app(), sock, server):
        yield provider


def settings_for(provider: Provider, folder: Path, authorities: Path | None = None) -> Oidc:
    """A node's settings for this provider, with its secret in a file in `folder`."""
    path = None
    if provider.secret is not None:
        path = folder / "oidc.secret"
        path.write_text(f"{provider.secret}\n")
        path.chmod(0o600)
    return Oidc(provider.issuer, CLIENT, path, name="School account", authorities=authorities)


def signed_in(url: str, person: Person = FATIMA, *, authorities: Path | None = None) -> list[tuple[str, str]]:
    """What a browser brings back to the node after `person` signed in on the provider's page at `url`."""
    verify = ssl.create_default_context(cafile=authorities) if authorities else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with httpx.Client(verify=verify, trust_env=False) as browser:
        page = browser.get(url).raise_for_status().text
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
        form = {html.unescape(name): html.unescape(text) for name, text in hidden}
        form |= {"username": person.username, "password": person.password}
        answer = browser.post(str(httpx.URL(url).copy_with(query=None)), data=form)
    assert answer.status_code == 303, answer.text
    return httpx.URL(answer.headers["location"]).params.multi_items()


def main(backs: list[str]) -> None:
    with providing(*backs) as provider:
        people = ", ".join(f"{each.username}: {each.password}" for each in provider.people)
        print(f"{provider.issuer} for {CLIENT} (secret: {provider.secret}); {people}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
