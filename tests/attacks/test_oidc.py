"""The attacker stands at the organisation's sign-in: forges its tokens, carries answers from elsewhere, is slow or huge."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from os import urandom
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jwk, jwt
from joserfc.jws import JWSRegistry
from starlette.responses import JSONResponse, RedirectResponse, Response

from raakvlak_node.pages import id_token, oidc
from raakvlak_node.settings import Oidc
from raakvlak_protocol.errors import Malformed, RaakvlakError, Refused, TooLarge, Unavailable
from tests.federation import Clock
from tests.oidc_provider import CLIENT, FATIMA, NOOR, Provider, new_key, providing, settings_for, signed_in

pytestmark = pytest.mark.slow

BACK = "https://node.school.example/sign-in/organisation/back"
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))


@pytest.fixture(scope="module", params=["ES256", "RS256"])
def listening(request: pytest.FixtureRequest) -> Iterator[Provider]:
    with providing(BACK, algorithm=request.param) as found:
        yield found


@pytest.fixture
def provider(listening: Provider, clock: Clock) -> Provider:
    listening.begin_again(clock)
    return listening


@pytest.fixture
def node(provider: Provider, tmp_path: Path, clock: Clock) -> oidc.Provider:
    return oidc.Provider(settings_for(provider, tmp_path), clock, urandom)


def refused(node: oidc.Provider, why: str) -> None:
    """An honest person's sign-in is refused for this reason, and nothing received stands in the message."""
    begun = node.begin(BACK)
    params = signed_in(begun.url)
    with pytest.raises((Refused, Malformed), match=why) as caught:
        node.finish(begun, params, BACK)
    message = str(caught.value)
    for secret in (begun.state, begun.nonce, begun.verifier, dict(params)["code"], FATIMA.email, FATIMA.sub, "elsewhere"):
        assert secret not in message


# --- claims that are not ours -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": "https://elsewhere.example"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "elsewhere"}, "another program"),
        ({"aud": ["elsewhere"]}, "another program"),
        ({"aud": []}, "another program"),
        ({"aud": None}, "another program"),
        ({"aud": [CLIENT, "elsewhere"]}, "another program"),
        ({"aud": [CLIENT, "elsewhere"], "azp": "elsewhere"}, "another program"),
        ({"azp": "elsewhere"}, "another program"),
        ({"azp": None}, "another program"),
        ({"nonce": "elsewhere"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"nonce": ["elsewhere"]}, "another sign-in"),
        ({"sub": ""}, "nobody"),
        ({"sub": None}, "nobody"),
        ({"sub": 451}, "nobody"),
        ({"sub": "x" * 256}, "nobody"),
        ({"sub": "fátima"}, "nobody"),
        ({"sub": "045\n1"}, "nobody"),
        ({"exp": None}, "from when until when"),
        ({"exp": True}, "from when until when"),
        ({"exp": "9999999999"}, "from when until when"),
        ({"exp": 10**400}, "from when until when"),
        ({"iat": None}, "from when until when"),
        ({"nbf": "now"}, "from when until when"),
    ],
)
def test_claims_that_are_not_for_this_sign_in_are_refused(
    node: oidc.Provider, provider: Provider, change: dict[str, Any], why: str
) -> None:
    provider.claims = lambda claims: {**claims, **change}
    refused(node, why)


@pytest.mark.parametrize("name", ["iss", "aud", "nonce", "sub", "exp", "iat"])
def test_no_claim_that_is_needed_may_be_left_out(node: oidc.Provider, provider: Provider, name: str) -> None:
    provider.claims = lambda claims: {each: value for each, value in claims.items() if each != name}
    refused(node, "can't be trusted")


def test_several_audiences_are_taken_where_we_asked(node: oidc.Provider, provider: Provider) -> None:
    provider.claims = lambda claims: {**claims, "aud": [CLIENT, "another"], "azp": CLIENT}
    begun = node.begin(BACK)
    assert node.finish(begun, signed_in(begun.url), BACK).email == FATIMA.email


@pytest.mark.parametrize(
    ("moved", "why"),
    [
        ({"exp": -60}, "too old"),
        ({"exp": 3600, "iat": -661}, "too old"),
        ({"iat": 61}, "time to come"),
        ({"nbf": 61}, "time to come"),
    ],
)
def test_a_token_of_another_time_is_refused(
    node: oidc.Provider, provider: Provider, clock: Clock, moved: dict[str, int], why: str
) -> None:
    provider.claims = lambda claims: claims | {name: int(clock().timestamp()) + by for name, by in moved.items()}
    refused(node, why)


@pytest.mark.parametrize("moved", [{"exp": -58}, {"iat": 60}, {"nbf": 60}, {"iat": -599}])
def test_clocks_may_differ_by_a_minute(node: oidc.Provider, provider: Provider, clock: Clock, moved: dict[str, int]) -> None:
    provider.claims = lambda claims: claims | {name: int(clock().timestamp()) + by for name, by in moved.items()}
    begun = node.begin(BACK)
    assert node.finish(begun, signed_in(begun.url), BACK).email == FATIMA.email


@pytest.mark.parametrize(
    ("change", "email", "verified"),
    [
        ({"email_verified": "true"}, FATIMA.email, False),
        ({"email_verified": 1}, FATIMA.email, False),
        ({"email": "fatima@school.example\u202e"}, "", False),
        ({"email": "fatım\u0430@school.example"}, "", False),
        ({"email": "fatima@school.example, noor@school.example"}, "", False),
        ({"email": "x" * 300 + "@school.example"}, "", False),
        ({"email": ["fatima@school.example"]}, "", False),
    ],
)
def test_no_address_that_only_looks_verified_or_looks_like_anothers_counts(
    node: oidc.Provider, provider: Provider, change: dict[str, Any], email: str, verified: bool
) -> None:
    provider.claims = lambda claims: {**claims, **change}
    begun = node.begin(BACK)
    found = node.finish(begun, signed_in(begun.url), BACK)
    assert (found.email, found.email_verified) == (email, verified)


@pytest.mark.parametrize("name", ["<b>Fatima</b>", "Fatima\u202e", "x" * 101, "a\nb", {"first": "Fatima"}])
def test_a_name_that_may_not_be_shown_is_none(node: oidc.Provider, provider: Provider, name: object) -> None:
    provider.claims = lambda claims: {**claims, "name": name}
    begun = node.begin(BACK)
    found = node.finish(begun, signed_in(begun.url), BACK).name
    assert found == (name if name == "<b>Fatima</b>" else ""), "markup is text like other text: the page escapes it"


# --- signatures -------------------------------------------------------------------------------------------------------


def packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def coded(value: object) -> str:
    return packed(json.dumps(value).encode())


def test_unsigned_is_refused(node: oidc.Provider, provider: Provider) -> None:
    for name in ("none", "None", "NONE", ""):
        for signature, why in (("", "not an ID token"), ("AAAA", "not signed in a way that holds")):
            head = coded({"alg": name, "kid": provider.keys[-1].kid})
            provider.sealed = lambda claims, head=head, tail=signature: f"{head}.{coded(claims)}.{tail}"
            refused(node, why)


@pytest.mark.parametrize("form", ["pem", "der", "json"])
def test_the_public_key_is_no_shared_secret(node: oidc.Provider, provider: Provider, form: str) -> None:
    """The classic: HS256 under the bytes of the public key, which everybody has."""
    shown = provider.keys[-1]
    forms = {
        "pem": shown.as_pem(private=False),
        "der": serialization.load_pem_public_key(shown.as_pem(private=False)).public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "json": json.dumps(shown.as_dict(private=False)).encode(),
    }
    key = jwk.OctKey.import_key(base64.urlsafe_b64encode(forms[form]).decode(), {"kid": str(shown.kid)})
    shared = JWSRegistry(algorithms=["HS256"], strict_check_header=False)
    provider.sealed = lambda claims: jwt.encode({"alg": "HS256", "kid": shown.kid}, claims, key, registry=shared)
    refused(node, "not signed in a way that holds")


def test_a_shared_secret_among_the_keys_is_passed_over(node: oidc.Provider, provider: Provider) -> None:
    shown = [provider.keys[-1].as_dict(private=False), {"kty": "oct", "kid": "shared", "k": coded("a secret")}]
    provider.answers["/keys"] = lambda: JSONResponse({"keys": shown})
    begun = node.begin(BACK)
    assert node.finish(begun, signed_in(begun.url), BACK).email == FATIMA.email


def test_a_key_that_the_provider_does_not_show_is_refused(node: oidc.Provider, provider: Provider) -> None:
    foreign = new_key(provider.algorithm, "foreign")
    provider.sealed = lambda claims: provider.signed(claims, foreign)
    refused(node, "does not show")
    assert provider.asked.count("/keys") == 2, "asked again once, and no more"


def test_a_foreign_key_under_the_providers_name_is_refused(node: oidc.Provider, provider: Provider) -> None:
    foreign = new_key(provider.algorithm, str(provider.keys[-1].kid))
    provider.sealed = lambda claims: provider.signed(claims, foreign)
    refused(node, "signature does not hold")


def test_a_key_that_comes_with_the_token_is_not_believed(node: oidc.Provider, provider: Provider) -> None:
    foreign = new_key(provider.algorithm, "foreign")
    provider.sealed = lambda claims: provider.signed(claims, foreign, jwk=foreign.as_dict(private=False))
    refused(node, "does not show")


def test_the_name_of_another_key_does_not_help(node: oidc.Provider, provider: Provider) -> None:
    provider.rotate()
    first = provider.keys[0]
    provider.sealed = lambda claims: provider.signed(claims, kid=first.kid)
    refused(node, "signature does not hold")


def test_one_changed_letter_breaks_the_signature(node: oidc.Provider, provider: Provider) -> None:
    def changed(claims: dict[str, Any]) -> str:
        header, _, signature = provider.signed(claims).split(".")
        return f"{header}.{coded({**claims, 'sub': NOOR.sub})}.{signature}"

    provider.sealed = changed
    refused(node, "signature does not hold")


@pytest.mark.parametrize(
    "header", [{"typ": "at+jwt"}, {"typ": "logout+jwt"}, {"crit": ["exp"], "exp": 1}, {"b64": False, "crit": ["b64"]}]
)
def test_a_token_of_another_kind_is_refused(node: oidc.Provider, provider: Provider, header: dict[str, Any]) -> None:
    def another_kind(claims: dict[str, Any]) -> str:
        _, body, signature = provider.signed(claims).split(".")
        key = provider.keys[-1]
        return f"{coded({'alg': key.alg, 'kid': key.kid, **header})}.{body}.{signature}"

    provider.sealed = another_kind
    refused(node, "another kind")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c.d.e",
        "....",
        "e30.e30.AAAA",
        f"{coded([])}.e30.AAAA",
        f"{coded({'alg': ['RS256']})}.e30.AAAA",
        "x" * 16_385,
        packed(b"[" * 6000) + ".e30.AAAA",
        f"{coded({'alg': 'RS256'})}.e30.AAAA\n",
        packed(b'{"alg":"none","alg":"RS256"}') + ".e30.AAAA",
    ],
)
def test_what_is_no_token_is_refused(node: oidc.Provider, provider: Provider, token: str) -> None:
    provider.sealed = lambda claims: token
    refused(node, "not an ID token")


def test_a_short_or_monstrous_key_verifies_nothing() -> None:
    for bits in (1024, 2047, 8192):
        raw = ((1 << bits) - 1).to_bytes((bits + 7) // 8, "big")
        found = {"kty": "RSA", "n": packed(raw), "e": "AQAB"}
        with pytest.raises(Malformed, match="no key that may sign"):
            id_token.signing_keys(json.dumps({"keys": [found]}).encode())


@pytest.mark.parametrize(
    "change",
    [{"use": "enc"}, {"key_ops": ["sign"]}, {"alg": "HS256"}, {"alg": "RSA-OAEP"}, {"crv": "P-384"}, {"kid": 7}, {"x": "AA"}],
)
def test_keys_for_another_purpose_are_passed_over(change: dict[str, Any]) -> None:
    shown = new_key("ES256", "key").as_dict(private=False)
    assert id_token.signing_keys(json.dumps({"keys": [shown]}).encode())
    with pytest.raises(Malformed, match="no key that may sign"):
        id_token.signing_keys(json.dumps({"keys": [{**shown, **change}]}).encode())


# --- answers from elsewhere -------------------------------------------------------------------------------------------


def without(params: list[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    return [(each, text) for each, text in params if each != name]


def test_somebody_elses_answer_is_refused(node: oidc.Provider, provider: Provider) -> None:
    """Login CSRF: the attacker's own answer, brought to the browser of somebody who began a sign-in too."""
    mine, theirs = node.begin(BACK), node.begin(BACK)
    brought = signed_in(theirs.url, NOOR)
    for params in (brought, without(brought, "state"), [*without(brought, "state"), ("state", "\ud800")]):
        with pytest.raises(Refused, match="not begun in this browser"):
            node.finish(mine, params, BACK)
    assert "/token" not in provider.asked


def test_a_code_that_was_injected_is_refused_by_pkce(node: oidc.Provider, provider: Provider) -> None:
    mine, theirs = node.begin(BACK), node.begin(BACK)
    stolen = dict(signed_in(theirs.url, NOOR))["code"]
    with pytest.raises(Refused, match="used before, or took too long"):
        node.finish(mine, [("code", stolen), ("state", mine.state), ("iss", provider.issuer)], BACK)


def test_a_code_that_was_injected_at_a_provider_without_pkce_is_refused_by_the_nonce(
    node: oidc.Provider, provider: Provider
) -> None:
    mine, theirs = node.begin(BACK), node.begin(BACK)
    stolen = dict(signed_in(theirs.url, NOOR))["code"]
    mixed = oidc.Begun(mine.url, mine.state, mine.nonce, theirs.verifier)
    with pytest.raises(Refused, match="another sign-in"):
        node.finish(mixed, [("code", stolen), ("state", mine.state), ("iss", provider.issuer)], BACK)


def test_a_code_serves_once(node: oidc.Provider) -> None:
    begun = node.begin(BACK)
    params = signed_in(begun.url)
    node.finish(begun, params, BACK)
    with pytest.raises(Refused, match="used before, or took too long"):
        node.finish(begun, params, BACK)


def test_a_code_is_for_one_address(node: oidc.Provider) -> None:
    begun = node.begin(BACK)
    with pytest.raises(Refused, match="used before, or took too long"):
        node.finish(begun, signed_in(begun.url), "https://elsewhere.example/back")


def test_the_answer_of_another_issuer_is_refused_before_its_code_is_handed_in(node: oidc.Provider, provider: Provider) -> None:
    """Mix-up (RFC 9207): and an issuer that says that it names itself may not stay silent."""
    begun = node.begin(BACK)
    params = without(signed_in(begun.url), "iss")
    for brought in ([*params, ("iss", "https://elsewhere.example")], [*params, ("iss", "")], params):
        with pytest.raises(Refused, match="another issuer"):
            node.finish(begun, brought, BACK)
    assert "/token" not in provider.asked


def test_an_issuer_that_never_names_itself_may_stay_silent_but_not_lie(
    provider: Provider, tmp_path: Path, clock: Clock
) -> None:
    provider.described["authorization_response_iss_parameter_supported"] = False
    node = oidc.Provider(settings_for(provider, tmp_path), clock, urandom)
    begun = node.begin(BACK)
    params = without(signed_in(begun.url), "iss")
    with pytest.raises(Refused, match="another issuer"):
        node.finish(begun, [*params, ("iss", "https://elsewhere.example")], BACK)
    assert node.finish(begun, params, BACK).email == FATIMA.email


@pytest.mark.parametrize("extra", [[("state", "x")], [("code", "x")], [("iss", "x")], [(f"p{n}", "") for n in range(21)]])
def test_an_answer_that_says_something_twice_or_too_much_is_refused(
    node: oidc.Provider, provider: Provider, extra: list[tuple[str, str]]
) -> None:
    begun = node.begin(BACK)
    with pytest.raises(Malformed, match="not in order"):
        node.finish(begun, [*signed_in(begun.url), *extra], BACK)
    assert "/token" not in provider.asked


@pytest.mark.parametrize("code", ["", "x" * 4097, "a\r\nb", "é"])
def test_what_can_be_no_code_is_not_handed_in(node: oidc.Provider, provider: Provider, code: str) -> None:
    begun = node.begin(BACK)
    with pytest.raises(Refused, match="no code"):
        node.finish(begun, [("code", code), ("state", begun.state), ("iss", provider.issuer)], BACK)
    assert "/token" not in provider.asked


def test_the_text_of_an_error_is_not_repeated(node: oidc.Provider, provider: Provider) -> None:
    begun = node.begin(BACK)
    text = "call 0900-1234 to unlock your account"
    with pytest.raises(Refused) as caught:
        params = [("error", text), ("error_description", text), ("state", begun.state), ("iss", provider.issuer)]
        node.finish(begun, params, BACK)
    assert "0900" not in str(caught.value)


def test_user_info_about_somebody_else_is_refused(tmp_path: Path, clock: Clock) -> None:
    with providing(BACK, user_info=True, now=clock) as provider:
        provider.claims = lambda claims: {**claims, "sub": NOOR.sub} if "email" in claims else claims
        refused(oidc.Provider(settings_for(provider, tmp_path), clock, urandom), "somebody else")


# --- a provider that is not who it was --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/keys"])
def test_it_is_not_followed_elsewhere(node: oidc.Provider, provider: Provider, path: str) -> None:
    provider.answers[path] = lambda: RedirectResponse(f"{provider.issuer}/stolen", 307)
    with pytest.raises(Refused, match="has moved, which is not followed"):
        begun = node.begin(BACK)
        node.finish(begun, signed_in(begun.url), BACK)
    assert provider.asked[-1] == path


@pytest.mark.parametrize("name", ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
@pytest.mark.parametrize("said", ["http://elsewhere.example/x", "https://a:b@elsewhere.example", "javascript:alert(1)", 7, ""])
def test_a_description_that_sends_us_elsewhere_is_refused(
    node: oidc.Provider, provider: Provider, name: str, said: object
) -> None:
    provider.described[name] = said
    with pytest.raises(Refused, match="tell the administrator") as caught:
        node.begin(BACK)
    assert "elsewhere" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "/", "/other"])
def test_the_issuer_is_compared_letter_by_letter(provider: Provider, clock: Clock, name: str) -> None:
    node = oidc.Provider(Oidc(f"{provider.issuer}{name}", CLIENT), clock, urandom)
    if name:
        with pytest.raises(Refused):
            node.begin(BACK)
    else:
        node.begin(BACK)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", b'{"issuer":1,"issuer":2}', b'{"a":NaN}', b'{"a":' * 50_000, b'{"a":' + b"9" * 5000 + b"}"]
)
@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/keys"])
def test_what_is_no_answer_is_refused(node: oidc.Provider, provider: Provider, path: str, body: bytes) -> None:
    provider.answers[path] = lambda: Response(body, media_type="application/json")
    with pytest.raises((Malformed, TooLarge)):
        begun = node.begin(BACK)
        node.finish(begun, signed_in(begun.url), BACK)


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/keys"])
def test_a_huge_answer_is_not_read(node: oidc.Provider, provider: Provider, path: str) -> None:
    provider.answers[path] = lambda: Response(b" " * (oidc.MAX_ANSWER_BYTES + 1))
    with pytest.raises(TooLarge, match="more than is read"):
        begun = node.begin(BACK)
        node.finish(begun, signed_in(begun.url), BACK)


def test_a_small_answer_that_unpacks_to_a_huge_one_stays_packed(node: oidc.Provider, provider: Provider) -> None:
    import gzip

    packed = gzip.compress(b" " * 10_000_000)
    provider.answers[DISCOVERY] = lambda: Response(packed, headers={"content-encoding": "gzip"})
    with pytest.raises(Malformed):
        node.begin(BACK)


Serve = Callable[[socket.socket], None]


def silent(connection: socket.socket) -> None:
    connection.recv(1)
    time.sleep(0.8)


def dripping_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(40):
        connection.sendall(b"x-more-%d: x\r\n" % number)
        time.sleep(0.02)


def dripping_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    for _ in range(40):
        connection.sendall(b" ")
        time.sleep(0.02)


@pytest.mark.parametrize("serve", [silent, dripping_headers, dripping_body])
def test_the_whole_of_an_answer_has_a_time(serve: Serve, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_once, args=(listening, serve))
        thread.start()
        node = oidc.Provider(Oidc(f"http://127.0.0.1:{listening.getsockname()[1]}", CLIENT), clock, urandom)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="did not answer in time"):
            node.begin(BACK)
        assert time.monotonic() - began < 0.7
        thread.join()


def _once(listening: socket.socket, serve: Serve) -> None:
    connection, _ = listening.accept()
    with connection:
        try:
            serve(connection)
        except OSError:
            return  # nobody listens any more, as it should be


def test_nothing_but_our_own_errors_comes_out(node: oidc.Provider, provider: Provider) -> None:
    """Claims of every wrong type at once: an answer, never a crash."""
    values: list[Any] = [None, True, 7, 1.5, "\ud800", [], [[]], {}, {"a": []}]
    for wrong in values:
        for name in ("iss", "aud", "azp", "sub", "nonce", "exp", "iat", "nbf", "email", "email_verified", "name"):
            claims = {
                "iss": provider.issuer, "aud": CLIENT, "sub": "0451", "nonce": "n", "iat": 1000, "exp": 1300, name: wrong,
            }  # fmt: skip
            try:
                id_token.demand_valid(claims, issuer=provider.issuer, client=CLIENT, nonce="n", now=1000)
            except RaakvlakError as error:
                assert error.message
