"""What an operator types: init, join, accept-shares, serve, counts; and what is refused."""

import json
import shutil
import stat
from pathlib import Path

import pytest

from raakvlak_protocol.party import membership
from raakvlak_protocol.party.membership import Folder
from raakvlak_protocol.party.sealed import KeyFile
from tests.covenants import Sandbox, make_covenant, public_key
from tests.keyholder.running import Party, elements, evaluate, quota, serving

pytestmark = pytest.mark.slow


def _line(sandbox: Sandbox, namespace: str = "bsn", number: int = 1, **changed: object) -> str:
    (key,) = [each for each in sandbox.keys if each.namespace == namespace]
    return json.dumps(json.loads(key.share_line(number)) | changed) + "\n"


def _refused(party: Party, *arguments: str, given: str = "", code: int = 1) -> str:
    result = party.command(*arguments, given=given)
    assert result.returncode == code
    assert result.stderr.startswith("raakvlak-keyholder: ")
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.fixture
def fresh(sandbox: Sandbox, template: Path, tmp_path: Path) -> Party:
    """A key holder that joined and has no shares yet."""
    party = Party(sandbox, shutil.copytree(template, tmp_path / "keyholder"))
    (party.folder / "shares.sealed").unlink()
    return party


def test_init_prints_the_entry_for_the_covenant_and_never_runs_twice(sandbox: Sandbox, tmp_path: Path) -> None:
    party = Party(sandbox, tmp_path / "keyholder", number=2)
    party.init()
    secrets = membership.secrets_of(Folder(party.folder), party.identity, KeyFile(party.key_file))
    assert (party.folder / "entry.toml").read_text() == (
        '[[key_holder]]\nid = "keyholder-2"\nname = "Key holder"\nshare_number = 2\n'
        f'signing_key = "{public_key(secrets["signing_key"]).hex()}"\n'
    )
    again = _refused(
        party, "init", "--covenant", "x", "--id", "x", "--name", "x", "--share-number", "1",
        "--key-file", str(party.key_file), "--listen", "127.0.0.1:0",
    )  # fmt: skip
    assert "choose another one" in again


def test_a_signing_key_that_the_covenant_does_not_know_is_refused(sandbox: Sandbox, fresh: Party) -> None:
    """Another sandbox's seed stands where this covenant's should: as after restoring the wrong secrets."""
    shutil.copy(fresh.folder / "secrets.sealed", fresh.folder.parent / "own.sealed")
    make_covenant().hand_over(fresh.folder, fresh.identity)
    for arguments in (["serve"], ["status"], ["counts", "--start-empty"]):
        assert "is not the one that covenant zeeland gives this key holder" in _refused(fresh, *arguments)
    shutil.copy(fresh.folder.parent / "own.sealed", fresh.folder / "secrets.sealed")
    fresh.done("status")


def test_shares_lie_sealed_and_never_in_the_clear(party: Party, sandbox: Sandbox) -> None:
    with serving(party) as running, running.called_by("school") as remote:
        evaluate(remote, sandbox, elements(2))
    assert stat.S_IMODE((party.folder / "shares.sealed").stat().st_mode) == 0o600
    secrets = [share.reveal() for share in sandbox.shares(1).values()]
    files = [path for path in party.folder.parent.rglob("*") if path.is_file()]
    assert len(files) >= 9
    for content in (path.read_bytes() for path in files):
        assert not any(secret in content or secret.hex().encode() in content for secret in secrets)


def test_the_same_shares_are_accepted_again_and_nothing_changes(party: Party, sandbox: Sandbox) -> None:
    assert "2 shares accepted, 2 held" in party.command("accept-shares", given=sandbox.share_lines(1)).stderr


def test_a_share_never_changes(party: Party, sandbox: Sandbox) -> None:
    other = make_covenant()
    before = (party.folder / "shares.sealed").read_bytes()
    assert "another share is held already" in _refused(party, "accept-shares", given=_line(other))
    assert (party.folder / "shares.sealed").read_bytes() == before


WRONG = {
    "another holder's": (lambda sandbox: _line(sandbox, number=2), "share number 2 and this key holder's is 1"),
    "one for two purposes": (
        lambda sandbox: _line(sandbox) + _line(sandbox, "address", secret=json.loads(_line(sandbox))["secret"]),
        "same as that for another purpose",
    ),
    "unknown field": (lambda sandbox: _line(sandbox, note="x"), "line 1 is no object of"),
    "true for a number": (lambda sandbox: _line(sandbox, epoch=True), "line 1 is no object of"),
    "unknown namespace": (lambda sandbox: _line(sandbox).replace("bsn", "name"), "unknown namespace or epoch"),
    "not reduced": (lambda sandbox: _line(sandbox, secret="ff" * 32), "line 1: a scalar is not reduced"),
    "zero": (lambda sandbox: _line(sandbox, secret="00" * 32), "line 1: a scalar is zero"),
    "short": (lambda sandbox: _line(sandbox, secret="01"), "64 hexadecimal digits"),
    "no JSON": (lambda sandbox: "share\n", "line 1 is no JSON"),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_share_is_refused_whole_and_its_secret_not_echoed(
    fresh: Party, sandbox: Sandbox, given: object, said: str
) -> None:
    assert callable(given)
    lines = given(sandbox)
    message = _refused(fresh, "accept-shares", given=lines)
    assert said in message
    assert json.loads(_line(sandbox))["secret"] not in message
    assert not (fresh.folder / "shares.sealed").exists()


def test_it_does_not_serve_with_a_share_that_the_covenant_does_not_know(fresh: Party) -> None:
    fresh.done("accept-shares", given=make_covenant().share_lines(1))
    assert "does not match public share 1 in the covenant" in _refused(fresh, "serve")


def test_it_does_not_serve_without_a_share_for_a_live_epoch(fresh: Party, sandbox: Sandbox) -> None:
    assert "no share for namespace" in _refused(fresh, "serve")
    fresh.done("accept-shares", given=_line(sandbox))
    assert "no share for namespace 'address'" in _refused(fresh, "serve")


def test_it_does_not_serve_under_another_share_number_than_the_covenants(party: Party) -> None:
    settings = party.folder / "settings.toml"
    settings.write_text(settings.read_text().replace("share_number = 1", "share_number = 3"))
    assert "gives this key holder share number 1, its settings say 3" in _refused(party, "serve")


def test_a_misspelt_setting_is_refused(party: Party) -> None:
    with (party.folder / "settings.toml").open("a") as file:
        file.write("grace = 3\n")
    assert "grace is unknown" in _refused(party, "serve")


def test_another_key_file_opens_nothing(party: Party, template: Path) -> None:
    key_file = template.parent / "keyholder.key"
    original = key_file.read_text()
    try:
        key_file.write_text("0" * 64 + "\n")
        assert "does not open" in _refused(party, "serve")
    finally:
        key_file.write_text(original)


def test_lost_counts_are_refused_and_then_start_empty(party: Party, sandbox: Sandbox) -> None:
    with serving(party) as running, running.called_by("school") as remote:
        evaluate(remote, sandbox, elements(1))
    for path in party.folder.glob("store.db*"):
        path.unlink()
    assert "counts lost" in _refused(party, "serve")
    assert "counts lost" in _refused(party, "status")
    party.done("counts", "--start-empty")
    with serving(party) as running, running.called_by("town") as remote:
        left = quota(remote, sandbox)
        assert (left.first_load, left.daily) == (0, 0), "also of a member that never asked"


def test_counts_are_not_emptied_under_a_server(party: Party) -> None:
    with serving(party):
        assert "another raakvlak-keyholder" in _refused(party, "counts", "--start-empty", code=75)
        assert "another raakvlak-keyholder" in _refused(party, "accept-shares", given="", code=75)
