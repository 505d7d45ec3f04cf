"""The sandbox's own OpenID provider, in the place of the accounts that real organisations have: authorization code with
PKCE (OIDC Core 1.0, RFC 7636), and one page on which one clicks whom to be.

It keeps the rules of a real one (registered clients and addresses, S256 alone, codes that serve once, signed tokens), so
that the nodes are told nothing special: to them it is any provider. But it asks nobody for a password, and so it listens
on this machine alone, knows invented people alone, and says so on every page.
"""

import hashlib
import hmac
import json
import re
import secrets
import socket
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from raakvlak_local import provider_page
from raakvlak_local.staff import Person
from raakvlak_protocol.errors import Refused

CODE_SECONDS: Final = 60
TOKEN_SECONDS: Final = 300
MAX_CODES: Final = 1000
MAX_FORM_BYTES: Final = 16 * 1024
BACK: Final = "/sign-in/organisation/back"
ALGORITHM: Final = "ES256"
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""No form-action: in Chromium it would hold for the way back to the node, too."""


class Client(NamedTuple):
    """One node: `id` is its name here, `address` the origin of its pages."""

    id: str
    name: str
    address: str
    people: tuple[Person, ...]


class _Grant(NamedTuple):
    """What a code stands for."""

    client: Client
    person: Person
    challenge: str
    nonce: str
    until: float


@dataclass
class Provider:
    """All of it but the socket. `issuer` is its own origin."""

    issuer: str
    clients: Sequence[Client]
    now: Callable[[], float] = time.time
    _grants: dict[str, _Grant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # New at each start and never on a disk: the nodes ask for the key of a token that they don't know.
        self._key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(8), "use": "sig", "alg": ALGORITHM})

    def app(self) -> Starlette:
        routes: dict[tuple[str, str], Callable[[Request, dict[str, str]], Response]] = {
            ("GET", "/"): self._overview,
            ("GET", "/style.css"): lambda request, given: Response(provider_page.STYLE, media_type="text/css"),
            ("GET", "/.well-known/openid-configuration"): self._describe,
            ("GET", "/keys"): lambda request, given: JSONResponse({"keys": [self._key.as_dict(private=False)]}),
            ("GET", "/authorize"): self._choose,
            ("POST", "/authorize"): self._chosen,
            ("POST", "/token"): self._token,
        }
        return Starlette(routes=[Route(path, self._heard(each), methods=[way]) for (way, path), each in routes.items()])

    def _heard(self, then: Callable[[Request, dict[str, str]], Response]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            if f"http://{request.headers.get('host', '')}" != self.issuer:
                return PlainTextResponse(f"This is at {self.issuer}.", 421)
            text = await _form(request) if request.method == "POST" else request.url.query
            pairs = parse_qsl(text, keep_blank_values=True)
            if len(dict(pairs)) != len(pairs):
                return _wrong("invalid_request")
            response = await run_in_threadpool(then, request, dict(pairs))
            response.headers.update(_SAFE)
            return response

        return answer

    def _describe(self, request: Request, given: dict[str, str]) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "scopes_supported": ["openid", "email", "profile"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    # --- the pages ----------------------------------------------------------------------------------------------------

    def _overview(self, request: Request, given: dict[str, str]) -> Response:
        language = request.headers.get("accept-language", "")
        shown = [(each.name, f"{each.address}/sign-in/organisation", each.people) for each in self.clients]
        return HTMLResponse(provider_page.overview(shown, language))

    def _choose(self, request: Request, given: dict[str, str]) -> Response:
        client = self._client(given)
        if client is None:
            return HTMLResponse(provider_page.unknown(request.headers.get("accept-language", "")), 400)
        if wrong := _not_asked_well(given):
            return self._back(client, given, error=wrong)
        # What stands here is sent along by the browser and judged once more when it comes back.
        return HTMLResponse(provider_page.choice(client.name, client.people, given, request.headers.get("accept-language", "")))

    def _chosen(self, request: Request, given: dict[str, str]) -> Response:
        client = self._client(given)
        if client is None or request.headers.get("origin") != self.issuer:
            return HTMLResponse(provider_page.unknown(request.headers.get("accept-language", "")), 400)
        if wrong := _not_asked_well(given):
            return self._back(client, given, error=wrong)
        person = next((each for each in client.people if each.email == given.get("person")), None)
        if person is None:
            return self._back(client, given, error="access_denied")
        return self._back(client, given, code=self._code(client, person, given))

    def _client(self, given: Mapping[str, str]) -> Client | None:
        """The node that asks, if the way back is to its own pages: nobody else is given a code, nor led anywhere."""
        client = next((each for each in self.clients if each.id == given.get("client_id")), None)
        return client if client is not None and given.get("redirect_uri") == client.address + BACK else None

    def _back(self, client: Client, given: Mapping[str, str], **found: str) -> Response:
        query = urlencode({**found, "state": given.get("state", ""), "iss": self.issuer})
        return RedirectResponse(f"{client.address}{BACK}?{query}", 303)

    # --- the tokens ---------------------------------------------------------------------------------------------------

    def _code(self, client: Client, person: Person, given: Mapping[str, str]) -> str:
        now = self.now()
        self._grants = {code: each for code, each in self._grants.items() if now < each.until}
        while len(self._grants) >= MAX_CODES:
            self._grants.pop(next(iter(self._grants)))
        code = secrets.token_urlsafe(24)
        self._grants[code] = _Grant(client, person, given["code_challenge"], given["nonce"], now + CODE_SECONDS)
        return code

    def _token(self, request: Request, given: dict[str, str]) -> Response:
        # Taken away before anything else is looked at: a code serves once, also one that was handed in wrongly.
        grant = self._grants.pop(given.get("code", ""), None)
        if given.get("grant_type") != "authorization_code":
            return _wrong("unsupported_grant_type")
        challenge = urlsafe_b64encode(hashlib.sha256(given.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        if grant is None or self.now() >= grant.until or self._client(given) != grant.client:
            return _wrong("invalid_grant")
        if not hmac.compare_digest(challenge, grant.challenge):
            return _wrong("invalid_grant")
        token = jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, self._claims(grant), self._key)
        answer = {"access_token": secrets.token_urlsafe(24), "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        return JSONResponse({**answer, "id_token": token})

    def _claims(self, grant: _Grant) -> dict[str, Any]:
        moment, person = int(self.now()), grant.person
        return {
            "iss": self.issuer,
            "aud": grant.client.id,
            "sub": person.email,
            "iat": moment,
            "exp": moment + TOKEN_SECONDS,
            "nonce": grant.nonce,
            "name": person.name,
            "email": person.email,
            "email_verified": True,
        }


async def _form(request: Request) -> str:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM_BYTES:
            return ""
    return body.decode("utf-8", "replace")


def _wrong(error: str) -> Response:
    """RFC 6749 §5.2."""
    return JSONResponse({"error": error}, 400)


def _not_asked_well(given: Mapping[str, str]) -> str:
    """By which error of RFC 6749 §4.1.2.1 a request is sent back; empty for a good one."""
    if given.get("response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in given.get("scope", "").split(" "):
        return "invalid_scope"
    challenged = _CHALLENGE.fullmatch(given.get("code_challenge", "")) and given.get("code_challenge_method") == "S256"
    return "" if challenged and given.get("state") and given.get("nonce") else "invalid_request"


def read(path: Path) -> Provider:
    """The provider that `save` described there."""
    found = json.loads(path.read_text(encoding="utf-8"))
    clients = [
        Client(each["id"], each["name"], each["address"], tuple(Person(*person) for person in each["people"]))
        for each in found["clients"]
    ]
    return Provider(found["issuer"], clients)


def save(path: Path, issuer: str, clients: Sequence[Client]) -> None:
    content = {"issuer": issuer, "clients": [each._asdict() for each in clients]}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def serve(provider: Provider) -> None:
    """Listens at the issuer's port, on loopback; ends on SIGTERM. Prints when it is ready, as every party does. Raises
    Refused where the port can't be had."""
    import uvicorn

    port = int(provider.issuer.rpartition(":")[2])
    with _listening(port) as listening:
        # What connects from here on waits until it is answered.
        print(json.dumps({"ready": True, "address": f"127.0.0.1:{port}"}), flush=True)
        config = uvicorn.Config(
            provider.app(), log_config=None, access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=2
        )
        uvicorn.Server(config).run(sockets=[listening])


def _listening(port: int) -> socket.socket:
    # By its protocol asyncio knows that it is TCP, and sends at once; else each answer waits 40 ms.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", port))
        made.listen()
        return made
    except OSError as error:
        made.close()
        raise Refused(
            f"people sign in at 127.0.0.1:{port} and can't elsewhere ({error.strerror}): end what listens there, or begin anew "
            "in another folder"
        ) from None
