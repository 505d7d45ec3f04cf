"""What an OpenID provider's answers mean: its description, its refusals, whom it signed in. Pure: no I/O and no clock.

What a message tells comes from our own constants; what a provider or a visitor wrote is never repeated.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from raakvlak_node.pages.id_token import json_object
from raakvlak_node.settings import Oidc, is_secure_address
from raakvlak_protocol.errors import Malformed, RaakvlakError, Refused, Unavailable
from raakvlak_protocol.text import MAX_EMAIL_CHARACTERS, MAX_TEXT_CHARACTERS, shown_text

MAX_PARAMETERS: Final = 20

UNWELL: Final = "the organisation's sign-in service can't answer now: try later, or sign in another way"
DECLINED: Final = "the organisation's sign-in service let nobody in: try again, or sign in another way"
USED_CODE: Final = "this sign-in was used before, or took too long: begin again"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider signed in. `subject`: 43 characters, the same for this account at this provider for ever.
    `email` and `name` are as the provider has them, empty where it has none that may be shown."""

    subject: str
    email: str = field(repr=False)
    email_verified: bool
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Description:
    """What the provider says of itself (OIDC Discovery 1.0 §3), as far as it is used. `names_itself`: it sends `iss` along
    with a code. `authentication`: how this program shows its secret at the token endpoint."""

    authorization: str
    token: str
    keys: str
    user: str
    names_itself: bool
    authentication: str


def text_of(raw: bytes) -> str:
    """base64url without padding, as all of these protocols write bytes."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def each_once(params: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The parameters of an answer; RFC 6749 §3.1 lets none come twice. Raises Malformed."""
    pairs = list(params)
    found = dict(pairs)
    if len(pairs) > MAX_PARAMETERS or len(found) != len(pairs):
        raise Malformed("the address that the organisation's sign-in service sent you to is not in order: begin again")
    return found


def good(status: int, body: bytes) -> bytes:
    """The body of a good answer. A redirect is none: who answers elsewhere than the settings say is not believed."""
    if status == 429 or status >= 500:
        raise Unavailable(UNWELL)
    if 300 <= status < 400:
        raise Refused("the organisation's sign-in service has moved, which is not followed: tell the administrator")
    if status != 200:
        raise Refused(f"the organisation's sign-in service refuses this program ({status}): tell the administrator")
    return body


def answer(raw: bytes) -> dict[str, Any]:
    """One strict JSON object; raises Malformed."""
    try:
        return json_object(raw)
    except ValueError:
        raise Malformed("the organisation's sign-in service answers in a form that is not its protocol's: tell the "
                        "administrator") from None  # fmt: skip


def _unfit(what: str) -> Refused:
    return Refused(f"the organisation's sign-in service {what}: tell the administrator")


def description(raw: bytes, settings: Oidc) -> Description:
    """The description of the provider that the settings mean, and that can do what is asked of it; raises Malformed or
    Refused. Its endpoints may stand on other hosts, but on https as the issuer does."""
    found = answer(raw)
    if found.get("issuer") != settings.issuer:
        raise _unfit("names another issuer than the settings do")
    # Left out means: not known (RFC 8414 §2); several providers can do S256 and don't say so.
    if "S256" not in _listed(found, "code_challenge_methods_supported", ["S256"]):
        raise _unfit("can't do PKCE with S256")
    if "code" not in _listed(found, "response_types_supported", ["code"]):
        raise _unfit("gives no codes")
    ways = _listed(found, "token_endpoint_auth_methods_supported", ["client_secret_basic"])
    way = next((each for each in ("client_secret_basic", "client_secret_post") if each in ways), "")
    if settings.client_secret_file is not None and not way:
        raise _unfit("takes no client secret")
    return Description(
        authorization=_endpoint(found, "authorization_endpoint", settings),
        token=_endpoint(found, "token_endpoint", settings),
        keys=_endpoint(found, "jwks_uri", settings),
        user=_endpoint(found, "userinfo_endpoint", settings) if "userinfo_endpoint" in found else "",
        names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        authentication=way,
    )


def _endpoint(found: Mapping[str, Any], name: str, settings: Oidc) -> str:
    url = found.get(name)
    if not isinstance(url, str) or not is_secure_address(url, plain_on_loopback=settings.issuer.startswith("http:")):
        raise _unfit("does not say where it is to be asked, or not over https")
    return url


def _listed(found: Mapping[str, Any], name: str, otherwise: list[str]) -> list[Any]:
    value = found.get(name, otherwise)
    return value if isinstance(value, list) else []


def declined(error: str) -> RaakvlakError:
    """OIDC Core §3.1.2.6. What else stands in the answer is anybody's text and is not shown."""
    if error in ("temporarily_unavailable", "server_error"):
        return Unavailable(UNWELL)
    if error in ("unauthorized_client", "invalid_scope", "unsupported_response_type", "invalid_request"):
        return _unfit("does not know this program as it is set up")
    return Refused(DECLINED)


def not_redeemed(body: bytes) -> RaakvlakError:
    """RFC 6749 §5.2."""
    error = answer(body).get("error")
    if error == "invalid_grant":
        return Refused(USED_CODE)
    if error == "invalid_client":
        return _unfit("does not accept this program's client secret")
    return _unfit("does not know this program as it is set up")


def identity(issuer: str, sub: str, claims: Mapping[str, Any]) -> Identity:
    """Whom verified claims are about. An address counts as verified by the provider's own `true`, nothing like it."""
    both = len(issuer).to_bytes(2, "big") + issuer.encode() + sub.encode()
    subject = text_of(hashlib.sha256(b"raakvlak/oidc-subject" + both).digest())
    email = _shown(claims.get("email"), MAX_EMAIL_CHARACTERS)
    # Other scripts hold letters that look like these ones, or fold to them: no first bind by such an address.
    email = email if email.isascii() and " " not in email and email.count("@") == 1 else ""
    verified = bool(email) and claims.get("email_verified") is True
    return Identity(subject, email, verified, _shown(claims.get("name"), MAX_TEXT_CHARACTERS))


def _shown(value: object, most: int) -> str:
    """A text that may be shown, or none: what a provider writes here is not worth refusing somebody for."""
    try:
        text = shown_text(value, most, "claim").strip() if isinstance(value, str) else ""
    except Malformed:
        return ""
    return text if text.isprintable() else ""
