"""Signing in by the organisation's own OpenID provider: OIDC Core 1.0, authorization code with PKCE (RFC 7636, S256),
state and nonce, the practice of RFC 9700, the issuer of RFC 9207. The protocol only: no page, no user store.

For the pages that stand on it:

- `begin` makes what belongs to one sign-in. Its caller keeps `state`, `nonce` and `verifier` at the server, bound to the
  browser by a cookie, for at most BEGUN_SECONDS, and takes them away before it calls `finish`, so that they serve once.
- That cookie is SameSite=Lax: the browser comes back from another site. Leave by a link or a redirect from GET: in
  Chromium `form-action 'self'` holds for the redirect that answers a form, too.
- `back` is the same in both calls, comes from the settings and never from the Host header, and is registered at the
  provider letter by letter.

Linking (the rule that keeps who may sign in with the administrator): a user is made by the administrator, never by a
token. A user that is bound is found by `subject` alone, whatever e-mail address comes with it. A user that is not bound
yet is bound the first time, where `email_verified` is true and `email` equals the user's own; if another user is bound to
this subject already, or the user to another subject, nobody is let in. A user who is not active is not let in. Roles and
teams never come from a token. Unbinding is an act of the administrator.

`subject` is of issuer and `sub` together, so that another provider's numbers never open somebody's account here.
"""

import asyncio
import base64
import hashlib
import hmac
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import httpx

from raakvlak_node.pages import id_token
from raakvlak_node.pages.id_token import SigningKey, untrusted
from raakvlak_node.pages.oidc_answer import (
    Description,
    Identity,
    answer,
    declined,
    description,
    each_once,
    good,
    identity,
    not_redeemed,
    text_of,
)
from raakvlak_node.settings import Oidc
from raakvlak_protocol.errors import Malformed, RaakvlakError, Refused, TooLarge, Unavailable
from raakvlak_protocol.party.private import MAX_BYTES, read_private
from raakvlak_protocol.secret import SecretBytes

__all__ = ["BEGUN_SECONDS", "NOT_BEGUN", "Begun", "Client", "Identity", "Provider", "clients_for", "secret_in"]

BEGUN_SECONDS: Final = 600
"""How long a sign-in that was begun may be finished."""
CHANCE_BYTES: Final = 32
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0
"""For the whole of an answer, however slowly it drips."""
MAX_ANSWER_BYTES: Final = 2**17
MAX_CODE_CHARACTERS: Final = 4096
MAX_CALLS: Final = 4
"""At once to the provider, so that a slow one does not hold up the pages of people who are already in."""
TURN_SECONDS: Final = 5.0
KNOWN_FOR: Final = timedelta(hours=1)
"""How long the provider's description and keys are believed without asking again."""
ILL_FOR: Final = timedelta(seconds=15)
"""How long a provider whose description could not be had is left alone."""

Client = Callable[[], httpx.AsyncClient]

NOT_BEGUN: Final = "this sign-in was not begun in this browser, or is over: begin again"
UNREACHABLE: Final = "the organisation's sign-in service can't be reached: try later, or sign in another way"
TOO_SLOW: Final = "the organisation's sign-in service did not answer in time: try later, or sign in another way"
BUSY: Final = "many people are signing in at this moment: try again in a minute"
TOO_LARGE: Final = "the organisation's sign-in service answers with more than is read: tell the administrator"
NO_CERTIFICATE: Final = "the certificate of the organisation's sign-in service is not trusted here: tell the administrator"


@dataclass(frozen=True, slots=True)
class Begun:
    """One sign-in: where the browser goes, and what must come back. Everything but `url` stays at the server."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


def clients_for(settings: Oidc) -> Client:
    """Makes clients that follow no redirect, use no proxy, keep no cookie and verify the provider's certificate. Raises
    Refused where the authorities can't be read."""
    try:
        context = ssl.create_default_context(cafile=settings.authorities)
    except OSError:
        raise Refused(f"oidc.authorities: {settings.authorities} holds no certificates that can be read") from None
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    headers = {"user-agent": "raakvlak-node", "accept": "application/json", "accept-encoding": "identity"}
    return lambda: httpx.AsyncClient(verify=context, timeout=timeout, headers=headers, follow_redirects=False, trust_env=False)


def secret_in(path: Path) -> SecretBytes:
    """The client secret in a file; raises Refused and says what to do."""
    raw = read_private(path, "the client secret", missing="write there what the provider gave, on one line").reveal()
    line = raw.removesuffix(b"\n").removesuffix(b"\r")
    if not line or not line.isascii() or not line.decode("ascii").isprintable() or len(raw) == MAX_BYTES:
        raise Refused(f"{path} must hold the client secret on one line, in printable characters")
    return SecretBytes(line)


class Provider:
    """The organisation's provider. For any thread; remembers its description and its keys for an hour.

    Both acts raise Unavailable where it can't answer now, and Malformed or Refused where it will not let anybody in or its
    answer can't be trusted. Messages are for the person who signs in and repeat nothing that was received.
    """

    def __init__(
        self, settings: Oidc, now: Callable[[], datetime], random: Callable[[int], bytes], client: Client | None = None
    ) -> None:
        self._settings = settings
        self._now = now
        self._random = random
        self._client = client or clients_for(settings)
        self._calls = threading.BoundedSemaphore(MAX_CALLS)
        self._asking = threading.Lock()
        self._description: tuple[datetime, Description | RaakvlakError] | None = None
        self._keys: tuple[datetime, tuple[SigningKey, ...]] | None = None

    def demand_ready(self) -> None:
        """Raises what a first sign-in would meet: no secret, no answer, another issuer, no key. For a doctor."""
        if self._settings.client_secret_file is not None:
            secret_in(self._settings.client_secret_file)
        self._signing_keys(self._described(), fresh=True)

    def begin(self, back: str) -> Begun:
        """One sign-in that comes back to the address `back`."""
        described = self._described()
        state, nonce, verifier = (text_of(self._random(CHANCE_BYTES)) for _ in range(3))
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": back,
            "scope": self._settings.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": text_of(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in described.authorization else "?"
        return Begun(described.authorization + joint + urlencode(query), state, nonce, verifier)

    def finish(self, begun: Begun, params: Iterable[tuple[str, str]], back: str) -> Identity:
        """Whom the provider signed in, from the query with which the browser came `back`: pairs, so that a name that comes
        twice is seen (starlette: `request.query_params.multi_items()`)."""
        given = each_once(params)
        if not hmac.compare_digest(given.get("state", "").encode("utf-8", "replace"), begun.state.encode()):
            raise Refused(NOT_BEGUN)
        described = self._described()
        # RFC 9207: another provider's answer, brought here, would make us hand its code to this one, or the reverse.
        if given.get("iss", "" if described.names_itself else self._settings.issuer) != self._settings.issuer:
            raise untrusted("it comes from another issuer")
        if "error" in given:
            raise declined(given["error"])
        token, access = self._redeemed(described, given.get("code", ""), begun.verifier, back)
        claims, subject = self._judged(described, token, begun.nonce)
        if "email" not in claims and described.user and access:
            # OIDC Core §5.4: with a code, what `email` and `profile` ask for may stand here only.
            claims = self._user(described, access, claims["sub"])
        return identity(self._settings.issuer, subject, claims)

    # --- what it says of itself -----------------------------------------------------------------------------------------

    def _described(self) -> Description:
        """Asked for by one thread at a time; the others wait for what it hears, and a failure is remembered for a while, so
        that a provider that is down holds up few threads, whoever knocks."""
        found = self._remembered()
        if found is None:
            if not self._asking.acquire(timeout=TURN_SECONDS):
                raise Unavailable(TOO_SLOW)
            try:
                found = self._remembered() or self._discovered()
            finally:
                self._asking.release()
        if isinstance(found, RaakvlakError):
            raise type(found)(found.message)
        return found

    def _remembered(self) -> Description | RaakvlakError | None:
        until, found = self._description or (None, None)
        return found if until is not None and self._now() < until else None

    def _discovered(self) -> Description | RaakvlakError:
        found: Description | RaakvlakError
        try:
            url = f"{self._settings.issuer.removesuffix('/')}/.well-known/openid-configuration"
            found = description(good(*self._ask("GET", url)), self._settings)
        except (Malformed, Refused, Unavailable) as error:
            found = error
        known_for = KNOWN_FOR if isinstance(found, Description) else ILL_FOR
        self._description = (self._now() + known_for, found)
        return found

    def _signing_keys(self, described: Description, *, fresh: bool = False) -> tuple[SigningKey, ...]:
        if fresh or self._keys is None or self._now() >= self._keys[0]:
            keys = id_token.signing_keys(good(*self._ask("GET", described.keys)))
            self._keys = (self._now() + KNOWN_FOR, keys)
        return self._keys[1]

    # --- one sign-in ----------------------------------------------------------------------------------------------------

    def _redeemed(self, described: Description, code: str, verifier: str, back: str) -> tuple[str, str]:
        """The ID token, and the access token where it is one that can be used (OIDC Core §3.1.3)."""
        if not 1 <= len(code) <= MAX_CODE_CHARACTERS or not code.isascii() or not code.isprintable():
            raise untrusted("there is no code in it")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        headers = self._authenticate(described, form)
        status, body = self._ask("POST", described.token, form=form, headers=headers)
        if status in (400, 401):
            raise not_redeemed(body)
        found = answer(good(status, body))
        token, kind, access = found.get("id_token"), found.get("token_type"), found.get("access_token")
        if not isinstance(token, str) or not isinstance(kind, str) or kind.lower() != "bearer":
            raise untrusted("there is no ID token in it")
        usable = isinstance(access, str) and access.isascii() and access.isprintable() and len(access) <= MAX_ANSWER_BYTES
        return token, access if isinstance(access, str) and usable else ""

    def _authenticate(self, described: Description, form: dict[str, str]) -> dict[str, str]:
        """Adds to the form, or gives as headers, by what this program shows who it is (RFC 6749 §2.3.1)."""
        client = self._settings.client_id
        if self._settings.client_secret_file is None:
            form["client_id"] = client
            return {}
        secret = secret_in(self._settings.client_secret_file).reveal().decode("ascii")
        if described.authentication == "client_secret_post":
            form.update(client_id=client, client_secret=secret)
            return {}
        pair = f"{quote_plus(client)}:{quote_plus(secret)}"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def _judged(self, described: Description, token: str, nonce: str) -> tuple[dict[str, Any], str]:
        header = id_token.header_of(token)
        key = id_token.key_for(header, self._signing_keys(described))
        # Once, and not for each token again: the provider may have a new key since we asked.
        key = key or id_token.key_for(header, self._signing_keys(described, fresh=True))
        if key is None:
            raise untrusted("it is signed by a key that the service does not show")
        claims = id_token.signed_claims(token, key)
        issuer, client = self._settings.issuer, self._settings.client_id
        return claims, id_token.demand_valid(claims, issuer=issuer, client=client, nonce=nonce, now=self._now().timestamp())

    def _user(self, described: Description, access: str, subject: object) -> dict[str, Any]:
        """What UserInfo says of the same subject (OIDC Core §5.3)."""
        found = answer(good(*self._ask("GET", described.user, headers={"authorization": f"Bearer {access}"})))
        if found.get("sub") != subject:
            raise untrusted("it is about somebody else")
        return found

    # --- the wire -------------------------------------------------------------------------------------------------------

    def _ask(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body of the answer; raises Unavailable, TooLarge, or Refused where the certificate is not trusted."""
        if not self._calls.acquire(timeout=TURN_SECONDS):
            raise Unavailable(BUSY)
        try:
            # A loop of its own: only there can the whole of an answer, headers too, be given a time.
            return asyncio.run(self._answer(method, url, form, headers))
        except (TimeoutError, httpx.TimeoutException):
            raise Unavailable(TOO_SLOW) from None
        except httpx.HTTPError as error:
            raise (Refused(NO_CERTIFICATE) if _untrusted_certificate(error) else Unavailable(UNREACHABLE)) from None
        finally:
            self._calls.release()

    async def _answer(
        self, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str] | None
    ) -> tuple[int, bytes]:
        async with (
            asyncio.timeout(ANSWER_SECONDS),
            self._client() as client,
            client.stream(method, url, data=form, headers=headers) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise TooLarge(TOO_LARGE)
            return response.status_code, bytes(body)


def _untrusted_certificate(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
