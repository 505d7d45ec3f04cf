"""The verdict on what an OpenID provider signs: its keys and its ID tokens (OIDC Core 1.0 §3.1.3.7, RFC 7515, RFC 8725).

No I/O, and the time is an argument. Which algorithm verifies is decided by the key's type, never by the token alone; a
token is judged only once its signature holds.
"""

import base64
import hmac
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry, deserialize_compact

from raakvlak_protocol.errors import Malformed, Refused

ALGORITHMS: Final[Mapping[str, tuple[str, str]]] = {
    "RS256": ("RSA", ""),
    "PS256": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),  # RFC 9864's name of the same
}
"""What may sign, and the type and curve of the key that it takes. No `none`, and nothing with a shared secret."""

MAX_TOKEN_BYTES: Final = 16_384
MAX_KEYS: Final = 32
MAX_SUBJECT_CHARACTERS: Final = 255
RSA_BYTES: Final = range(256, 513)
"""2048 to 4096 bits: a shorter modulus can be broken, a longer one costs this machine too much."""
LEEWAY_SECONDS: Final = 60
"""By which the provider's clock may differ from ours."""
MAX_AGE_SECONDS: Final = 600
"""An ID token is issued when its code is handed in; an older one was not made for this sign-in."""

_PUBLIC: Final = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}
_TOKEN: Final = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

Key = RSAKey | ECKey | OKPKey


def untrusted(why: str) -> Refused:
    """An answer that is refused; `why` is one of our own constants, never something received."""
    return Refused(f"the organisation's sign-in service gave an answer that can't be trusted ({why}): begin again, and tell "
                   "the administrator if it happens again")  # fmt: skip


def json_object(raw: bytes) -> dict[str, Any]:
    """Strict JSON: UTF-8, one object, no name twice, no NaN. Raises ValueError, of which the message is not to be shown."""
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError("not a number")


# --- the keys ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One of the provider's public keys. `algorithm` is empty where the provider does not bind it to one."""

    id: str
    type: str
    curve: str
    algorithm: str
    key: Key


def signing_keys(raw: bytes) -> tuple[SigningKey, ...]:
    """The keys of a JWK set (RFC 7517 §5) that may verify an ID token; others in it are passed over. Raises Malformed."""
    try:
        listed = json_object(raw).get("keys")
    except ValueError:
        listed = None
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise Malformed("the organisation's sign-in service shows no list of keys: tell the administrator")
    found = tuple(key for each in listed if (key := _usable(each)) is not None)
    if not found:
        raise Malformed("the organisation's sign-in service has no key that may sign here: tell the administrator")
    return found


def _usable(jwk: object) -> SigningKey | None:
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig" or "verify" not in _operations(jwk):
        return None
    words = (jwk.get("kty"), jwk.get("crv", ""), jwk.get("kid", ""), jwk.get("alg", ""))
    if not all(isinstance(each, str) for each in words):
        return None
    type, curve, id, algorithm = map(str, words)
    if (type, curve) not in ALGORITHMS.values():
        return None
    if algorithm and ALGORITHMS.get(algorithm) != (type, curve):
        return None
    try:
        key = _imported({name: jwk[name] for name in _PUBLIC[type]})
    except (JoseError, KeyError, TypeError, ValueError):
        return None
    return SigningKey(id, type, curve, algorithm, key)


def _operations(jwk: Mapping[str, Any]) -> Sequence[object]:
    found = jwk.get("key_ops", ["verify"])
    return found if isinstance(found, list) else []


def _imported(public: dict[str, Any]) -> Key:
    if public["kty"] == "EC":
        return ECKey.import_key(public)
    if public["kty"] == "OKP":
        return OKPKey.import_key(public)
    modulus = _decoded(public["n"]).lstrip(b"\0")
    if len(modulus) not in RSA_BYTES or (len(modulus) == RSA_BYTES.start and modulus[0] < 0x80):
        raise ValueError("a modulus of this length is not taken")
    return RSAKey.import_key(public)


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


# --- the token --------------------------------------------------------------------------------------------------------


class _Registry(JWSRegistry):
    """joserfc's algorithms, no others than ours; unknown header parameters are ignored, as RFC 7515 §4 wants it."""

    max_header_length = 2048
    max_payload_length = MAX_TOKEN_BYTES

    def __init__(self) -> None:
        super().__init__(algorithms=tuple(ALGORITHMS), strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError()
        return self.algorithms[name]


_REGISTRY: Final = _Registry()


@dataclass(frozen=True, slots=True)
class Header:
    """What a token says of its signature: not believed, used to find the key."""

    algorithm: str
    key: str


def header_of(token: str) -> Header:
    """Raises Refused where the token is none, or says that it is signed as none here may be."""
    found = _TOKEN.fullmatch(token) if len(token) <= MAX_TOKEN_BYTES else None
    try:
        header = json_object(_decoded(found[1])) if found else {}
    except ValueError:
        header = {}
    algorithm, key, type = header.get("alg"), header.get("kid", ""), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or not isinstance(key, str) or not isinstance(type, str):
        raise untrusted("it is not an ID token")
    if algorithm not in ALGORITHMS:
        raise untrusted("it is not signed in a way that holds")
    if type.upper() != "JWT" or "crit" in header or "b64" in header:
        raise untrusted("it is a token of another kind")
    return Header(algorithm, key)


def key_for(header: Header, keys: Sequence[SigningKey]) -> SigningKey | None:
    """The one key that the header names. Without a name: the only one that fits, since a provider with several has to
    name them (OIDC Core §10.1)."""
    fitting = [
        each
        for each in keys
        if (each.type, each.curve) == ALGORITHMS[header.algorithm]
        and each.algorithm in ("", header.algorithm)
        and (not header.key or each.id == header.key)
    ]
    return fitting[0] if len(fitting) == 1 else None


def signed_claims(token: str, key: SigningKey) -> dict[str, Any]:
    """What a token says, once its signature holds under this key; raises Refused."""
    try:
        payload = deserialize_compact(token, key.key, registry=_REGISTRY).payload
    except (JoseError, TypeError, ValueError):
        raise untrusted("its signature does not hold") from None
    try:
        return json_object(payload or b"")
    except ValueError:
        raise untrusted("it is not an ID token") from None


def demand_valid(claims: Mapping[str, Any], *, issuer: str, client: str, nonce: str, now: float) -> str:
    """The subject of claims that are meant for this sign-in here, at Unix second `now`. Raises Refused.

    A token for several audiences is taken where it says that we asked for it (azp): the nonce keeps one that another
    program got from being used here.
    """
    if claims.get("iss") != issuer:
        raise untrusted("it comes from another issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client not in audiences or (len(audiences) > 1 and "azp" not in claims) or claims.get("azp", client) != client:
        raise untrusted("it is meant for another program")
    _demand_time(claims, now)
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode("utf-8", "replace"), nonce.encode()):
        raise untrusted("it belongs to another sign-in")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.isascii() or not subject.isprintable():
        raise untrusted("it says nobody's name")
    if not 1 <= len(subject) <= MAX_SUBJECT_CHARACTERS:
        raise untrusted("it says nobody's name")
    return subject


def _demand_time(claims: Mapping[str, Any], now: float) -> None:
    until, issued, begins = (_moment(claims.get(name, default)) for name, default in (("exp", None), ("iat", None), ("nbf", 0)))
    if until is None or issued is None or begins is None:
        raise untrusted("it does not say from when until when it holds")
    if now >= until + LEEWAY_SECONDS or now > issued + MAX_AGE_SECONDS + LEEWAY_SECONDS:
        raise untrusted("it is too old; or the clocks differ")
    if now < issued - LEEWAY_SECONDS or now < begins - LEEWAY_SECONDS:
        raise untrusted("it is of a time to come; or the clocks differ")


def _moment(value: object) -> float | None:
    """A NumericDate (RFC 7519 §2); true is no number, and neither is infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 2**53 and math.isfinite(value) else None
