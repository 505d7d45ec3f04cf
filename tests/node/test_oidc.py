"""Signing in by the organisation's own account, against a small real provider."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from os import urandom
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.responses import JSONResponse, Response

from raakvlak_local.authority import Authority
from raakvlak_node.pages import oidc
from raakvlak_node.settings import Oidc, Settings
from raakvlak_protocol.errors import Malformed, Refused, Unavailable
from raakvlak_protocol.party import settings as toml
from tests.federation import Clock
from tests.oidc_provider import FATIMA, NOOR, Provider, providing, settings_for, signed_in
from tests.servers import server_files

BACK = "https://node.school.example/sign-in/organisation/back"


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))


@pytest.fixture(scope="module")
def listening() -> Iterator[Provider]:
    with providing(BACK) as found:
        yield found


@pytest.fixture
def provider(listening: Provider, clock: Clock) -> Provider:
    listening.begin_again(clock)
    return listening


def ours(provider: Provider, folder: Path, clock: Clock, authorities: Path | None = None) -> oidc.Provider:
    return oidc.Provider(settings_for(provider, folder, authorities), clock, urandom)


@pytest.fixture
def node(provider: Provider, tmp_path: Path, clock: Clock) -> oidc.Provider:
    return ours(provider, tmp_path, clock)


# --- the whole way ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256", "EdDSA"])
@pytest.mark.parametrize("secret", ["client_secret_basic", "client_secret_post", "none"])
def test_somebody_signs_in(algorithm: str, secret: str, tmp_path: Path, clock: Clock) -> None:
    chosen = {"secret": None} if secret == "none" else {"authentication": secret}
    with providing(BACK, algorithm=algorithm, now=clock, **chosen) as provider:
        node = ours(provider, tmp_path, clock)
        begun = node.begin(BACK)
        found = node.finish(begun, signed_in(begun.url), BACK)
    assert (found.email, found.email_verified, found.name) == (FATIMA.email, True, FATIMA.name)
    assert len(found.subject) == 43


def test_what_is_asked_for_is_what_the_standards_want_and_new_each_time(node: oidc.Provider) -> None:
    one, two = node.begin(BACK), node.begin(BACK)
    asked = parse_qs(urlsplit(one.url).query)
    assert asked["response_type"] == ["code"] and asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [BACK] and asked["scope"] == ["openid email profile"]
    assert asked["state"] == [one.state] and asked["nonce"] == [one.nonce]
    assert one.verifier not in one.url
    values = [one.state, one.nonce, one.verifier, two.state, two.nonce, two.verifier]
    assert len(set(values)) == 6 and min(map(len, values)) >= 43
    assert not any(value in repr(one) for value in values)


def test_the_same_account_has_the_same_subject_and_at_another_provider_another(
    node: oidc.Provider, provider: Provider, tmp_path: Path, clock: Clock
) -> None:
    def subject(node: oidc.Provider) -> str:
        begun = node.begin(BACK)
        return node.finish(begun, signed_in(begun.url), BACK).subject

    assert subject(node) == subject(node)
    with providing(BACK, now=clock) as other:
        assert subject(ours(other, tmp_path, clock)) != subject(node)


def test_an_address_that_the_provider_has_not_verified_is_said_to_be_so(node: oidc.Provider) -> None:
    begun = node.begin(BACK)
    found = node.finish(begun, signed_in(begun.url, NOOR), BACK)
    assert (found.email, found.email_verified) == (NOOR.email, False)
    assert NOOR.email not in repr(found) and NOOR.name not in repr(found)


def test_mail_and_name_may_stand_at_user_info_alone(tmp_path: Path, clock: Clock) -> None:
    with providing(BACK, user_info=True, now=clock) as provider:
        node = ours(provider, tmp_path, clock)
        begun = node.begin(BACK)
        found = node.finish(begun, signed_in(begun.url), BACK)
    assert (found.email, found.email_verified, found.name) == (FATIMA.email, True, FATIMA.name)


def test_an_endpoint_with_a_query_of_its_own_keeps_it(node: oidc.Provider, provider: Provider) -> None:
    provider.described["authorization_endpoint"] = f"{provider.issuer}/authorize?realm=school"
    begun = node.begin(BACK)
    assert parse_qs(urlsplit(begun.url).query)["realm"] == ["school"]
    assert node.finish(begun, signed_in(begun.url), BACK).email == FATIMA.email


def test_who_does_not_want_to_sign_in_there_is_told_so(node: oidc.Provider) -> None:
    begun = node.begin(BACK)
    with pytest.raises(Refused, match="sign in another way"):
        node.finish(begun, [("error", "access_denied"), ("state", begun.state), ("iss", _issuer(node))], BACK)
    with pytest.raises(Unavailable, match="try later"):
        node.finish(begun, [("error", "temporarily_unavailable"), ("state", begun.state), ("iss", _issuer(node))], BACK)
    with pytest.raises(Refused, match="as it is set up: tell the administrator"):
        node.finish(begun, [("error", "invalid_scope"), ("state", begun.state), ("iss", _issuer(node))], BACK)


def _issuer(node: oidc.Provider) -> str:
    return node._settings.issuer


# --- what is remembered -----------------------------------------------------------------------------------------------


def test_description_and_keys_are_asked_for_once_an_hour(node: oidc.Provider, provider: Provider, clock: Clock) -> None:
    for _ in range(3):
        begun = node.begin(BACK)
        node.finish(begun, signed_in(begun.url), BACK)
    assert provider.asked.count("/.well-known/openid-configuration") == provider.asked.count("/keys") == 1
    clock.pass_(hours=1, seconds=1)
    begun = node.begin(BACK)
    node.finish(begun, signed_in(begun.url), BACK)
    assert provider.asked.count("/.well-known/openid-configuration") == provider.asked.count("/keys") == 2


@pytest.mark.parametrize("keep", [True, False])
def test_a_key_that_is_new_since_then_is_asked_for_once(node: oidc.Provider, provider: Provider, keep: bool) -> None:
    begun = node.begin(BACK)
    node.finish(begun, signed_in(begun.url), BACK)
    provider.rotate(keep=keep)
    for _ in range(2):
        begun = node.begin(BACK)
        assert node.finish(begun, signed_in(begun.url), BACK).email == FATIMA.email
    assert provider.asked.count("/keys") == 2


def test_a_single_key_needs_no_name_and_several_do(node: oidc.Provider, provider: Provider) -> None:
    provider.sealed = lambda claims: provider.signed(claims, kid="")
    begun = node.begin(BACK)
    assert node.finish(begun, signed_in(begun.url), BACK).email == FATIMA.email
    provider.rotate()
    node._keys = None
    begun = node.begin(BACK)
    with pytest.raises(Refused, match="does not show"):
        node.finish(begun, signed_in(begun.url), BACK)


# --- when the provider is not well ------------------------------------------------------------------------------------


def test_a_provider_that_is_down_is_unavailable_and_left_alone_for_a_while(tmp_path: Path, clock: Clock) -> None:
    with providing(BACK, now=clock) as provider:
        node = ours(provider, tmp_path, clock)
    with pytest.raises(Unavailable, match="can't be reached: try later, or sign in another way"):
        node.begin(BACK)


def test_a_failure_is_remembered_for_a_quarter_of_a_minute(node: oidc.Provider, provider: Provider, clock: Clock) -> None:
    provider.answers["/.well-known/openid-configuration"] = lambda: Response(status_code=503)
    for _ in range(3):
        with pytest.raises(Unavailable, match="can't answer now"):
            node.begin(BACK)
    assert provider.asked == ["/.well-known/openid-configuration"]
    provider.answers.clear()
    clock.pass_(seconds=16)
    assert node.begin(BACK).url.startswith(provider.issuer)


@pytest.mark.parametrize("path", ["/token", "/keys"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_provider_that_is_ill_halfway_is_unavailable(node: oidc.Provider, provider: Provider, path: str, status: int) -> None:
    provider.answers[path] = lambda: Response(status_code=status)
    begun = node.begin(BACK)
    with pytest.raises(Unavailable, match="try later"):
        node.finish(begun, signed_in(begun.url), BACK)


def test_many_at_once_are_asked_to_wait(node: oidc.Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "TURN_SECONDS", 0.05)
    node.begin(BACK)
    begun = node.begin(BACK)
    params = signed_in(begun.url)
    taken = [node._calls.acquire(blocking=False) for _ in range(oidc.MAX_CALLS)]
    assert all(taken)
    with pytest.raises(Unavailable, match="in a minute"):
        node.finish(begun, params, BACK)


def test_people_who_sign_in_at_once_each_get_their_own(node: oidc.Provider, provider: Provider) -> None:
    found: dict[str, str] = {}

    def go(number: int) -> None:
        person = (FATIMA, NOOR)[number % 2]
        begun = node.begin(BACK)
        found[f"{number} {person.email}"] = node.finish(begun, signed_in(begun.url, person), BACK).email

    threads = [threading.Thread(target=go, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 6 and all(asked.endswith(email) for asked, email in found.items())
    assert provider.asked.count("/.well-known/openid-configuration") == 1


# --- who is asked -----------------------------------------------------------------------------------------------------


def test_its_certificate_must_hold(tmp_path: Path) -> None:
    authority, other = (Authority.create(name, datetime.now(UTC)) for name in ("school", "elsewhere"))
    server = server_files(authority, tmp_path)
    (tmp_path / "other.pem").write_bytes(other.certificate_pem)
    now = Clock(datetime.now(UTC))
    with providing(BACK, server=server, host="localhost") as provider:
        node = ours(provider, tmp_path, now, tmp_path / "ca.pem")
        begun = node.begin(BACK)
        assert node.finish(begun, signed_in(begun.url, authorities=tmp_path / "ca.pem"), BACK).name == FATIMA.name
        for wrong in (None, tmp_path / "other.pem"):
            with pytest.raises(Refused, match="certificate"):
                ours(provider, tmp_path, now, wrong).begin(BACK)


def test_readiness_tells_what_a_first_sign_in_would_meet(provider: Provider, node: oidc.Provider, tmp_path: Path) -> None:
    node.demand_ready()
    secret = tmp_path / "oidc.secret"
    secret.chmod(0o640)
    with pytest.raises(Refused, match="chmod 600"):
        node.demand_ready()
    secret.unlink()
    with pytest.raises(Refused, match="missing"):
        node.demand_ready()


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"\xff\xfe", b"x" * 1024, b"tab\there"])
def test_a_secret_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(Refused, match="on one line"):
        oidc.secret_in(path)


def test_a_wrong_secret_is_the_administrators_to_mend(node: oidc.Provider, tmp_path: Path) -> None:
    (tmp_path / "oidc.secret").write_text("another\n")
    begun = node.begin(BACK)
    with pytest.raises(Refused, match="does not accept this program's client secret: tell the administrator"):
        node.finish(begun, signed_in(begun.url), BACK)


@pytest.mark.parametrize(
    "said",
    [
        {"code_challenge_methods_supported": ["plain"]},
        {"response_types_supported": ["id_token"]},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
        {"token_endpoint": None},
        {"jwks_uri": "file:///keys"},
    ],
)
def test_a_provider_that_can_not_do_what_is_needed_is_refused(
    said: dict[str, object], node: oidc.Provider, provider: Provider
) -> None:
    provider.described = said
    with pytest.raises(Refused, match="tell the administrator"):
        node.begin(BACK)


@pytest.mark.parametrize("keys", [[], [{"kty": "oct", "k": "AAAA"}], "none", [{}] * 33])
def test_a_provider_without_a_key_that_may_sign_is_refused(keys: object, node: oidc.Provider, provider: Provider) -> None:
    provider.answers["/keys"] = lambda: JSONResponse({"keys": keys})
    with pytest.raises(Malformed, match="tell the administrator"):
        node.demand_ready()


# --- the settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.school.example",
        "https://",
        "https://user:word@login.school.example",
        "https://login.school.example/#part",
        "https://login.school.example/?tenant=1",
        "https://login.school.example\\@elsewhere.example",
        "https://login school.example",
        "https://login.school.example:port",
        "ftp://login.school.example",
        "login.school.example",
    ],
)
def test_an_issuer_that_is_none_is_refused(issuer: str) -> None:
    with pytest.raises(Refused, match="issuer must begin with https"):
        Oidc(issuer, "node")


@pytest.mark.parametrize(
    "wrong", [{"client_id": ""}, {"client_id": "a\nb"}, {"scopes": "email"}, {"scopes": "openid  email"}, {"name": "x" * 61}]
)
def test_settings_that_can_not_be_so_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Refused):
        Oidc("https://login.school.example", **{"client_id": "node", **wrong})  # type: ignore[arg-type]


def test_the_settings_are_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        'covenant = "zeeland"\nid = "school"\nindex = "index.example:1"\nkey_file = "key"\n[key_holders]\n[oidc]\n'
        'issuer = "https://login.school.example/realms/school"\nclient_id = "node"\nclient_secret_file = "oidc.secret"\n'
    )
    found = toml.load(path, Settings).oidc
    assert found == Oidc("https://login.school.example/realms/school", "node", tmp_path / "oidc.secret")
