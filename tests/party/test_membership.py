"""How a party comes by its keys, certificate and covenant, and what it refuses to take."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.party import membership, sealed
from raakvlak_protocol.party.membership import Folder
from tests.covenants import Sandbox, make_covenant


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant()


class Party:
    """A prepared folder, which may ask to join."""

    def __init__(self, sandbox: Sandbox, path: Path, identity: Identity | None = None) -> None:
        self.sandbox = sandbox
        self.identity = identity or sandbox.member("school")
        self.folder = Folder(path / "party")
        sealed.new_key_file(path / "key")
        self.lock = sealed.KeyFile(path / "key")
        membership.prepare(self.folder, self.identity, self.lock, {"other": b"o" * 32}, "[[member]]\n")

    def certificate(self, **names: list[str]) -> bytes:
        now = datetime.now(UTC)
        return self.sandbox.authority.issue_raw(
            self.folder.request.read_bytes(),
            uris=names.get("uris", [self.identity.uri]),
            dns_names=names.get("dns_names", [self.identity.dns_name]),
            not_before=now - timedelta(hours=1),
            not_after=now + timedelta(days=1),
        )

    def join(self, certificate: bytes | None = None, sandbox: Sandbox | None = None) -> membership.Membership:
        return membership.join(
            self.folder,
            self.identity,
            self.lock,
            certificate=certificate or self.certificate(),
            history=(sandbox or self.sandbox).file,
            pin=self.sandbox.pin,
            now=datetime.now(UTC),
        )


def test_a_party_joins_and_is_the_same_when_it_is_loaded(sandbox: Sandbox, tmp_path: Path) -> None:
    party = Party(sandbox, tmp_path)
    joined = party.join()
    loaded = membership.load(party.folder, party.identity, party.lock, datetime.now(UTC))
    assert loaded.covenant.hash == joined.covenant.hash
    assert loaded.secrets["other"].reveal() == b"o" * 32
    assert loaded.credentials == joined.credentials


def test_a_second_preparation_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    party = Party(sandbox, tmp_path)
    before = party.folder.secrets.read_bytes()
    with pytest.raises(Refused, match="exists already"):
        membership.prepare(party.folder, party.identity, party.lock, {}, "")
    assert party.folder.secrets.read_bytes() == before


@pytest.mark.parametrize(
    "names",
    [
        {"dns_names": []},
        {"dns_names": ["keyholder-1.keyholder.zeeland.raakvlak"]},
        {"uris": ["raakvlak://zeeland/node/town"]},
        {"uris": ["raakvlak://zeeland/node/school", "raakvlak://zeeland/index/index"]},
    ],
)
def test_a_certificate_with_other_names_is_refused_and_nothing_is_kept(
    sandbox: Sandbox, tmp_path: Path, names: dict[str, list[str]]
) -> None:
    party = Party(sandbox, tmp_path)
    with pytest.raises(Refused, match=r"request\.pem"):
        party.join(party.certificate(**names))
    assert not party.folder.covenant.exists()


def test_a_certificate_for_another_key_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    party, other = Party(sandbox, tmp_path), Party(sandbox, tmp_path / "other")
    with pytest.raises(Refused, match="another key"):
        party.join(other.certificate())


def test_what_is_no_certificate_is_malformed(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        Party(sandbox, tmp_path).join(b"not PEM")


def test_a_party_that_the_covenant_does_not_name_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="does not name"):
        Party(sandbox, tmp_path, sandbox.member("stranger")).join()


def test_a_newer_covenant_is_taken_and_an_older_one_is_not(sandbox: Sandbox, tmp_path: Path) -> None:
    party = Party(sandbox, tmp_path)
    newer = sandbox.successor(lambda payload: setattr(payload.rules, "household_limit", 7))
    assert party.join(sandbox=newer).covenant.version == 2
    with pytest.raises(Refused, match="version 2 already"):
        party.join()
    assert membership.load(party.folder, party.identity, party.lock, datetime.now(UTC)).covenant.version == 2


def test_a_folder_that_has_not_joined_says_what_to_do(sandbox: Sandbox, tmp_path: Path) -> None:
    party = Party(sandbox, tmp_path)
    with pytest.raises(Refused, match="'join'"):
        membership.load(party.folder, party.identity, party.lock, datetime.now(UTC))
