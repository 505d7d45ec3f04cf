"""A node that begins with pages: what `init` writes of them, and `user import`, by which everybody comes in at once."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.node.test_cli import covenant_with, init, join, run

pytestmark = pytest.mark.slow

PEOPLE = """\
name,email,roles,team
Els Visser,els@school.example,case-worker team-lead,Zorgteam
Noor de Wit,noor@school.example,case-worker,Zorgteam
Kim Maas,kim@school.example,administrator,
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("pages")
    made = init(base / "node", base / "node.key", "--pages", "http://localhost:7480")
    assert join(base / "node", covenant_with(made.out)).code == 0
    return base / "node"


@pytest.fixture
def another(folder: Path, tmp_path: Path) -> Path:
    """One in which people may come in."""
    return Path(shutil.copytree(folder, tmp_path / "node"))


def imported(folder: Path, text: str | bytes, *more: str) -> tuple[int, str, str]:
    path = folder.parent / "people.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    done = run("user", "import", path, "--json", *more, folder=folder)
    return done.code, done.out, done.talk


def emails(folder: Path) -> dict[str, tuple[list[str], list[str]]]:
    listed = json.loads(run("user", "list", "--json", folder=folder).out)["users"]
    return {each["email"]: (each["roles"], each["teams"]) for each in listed}


def test_init_writes_where_the_pages_are_and_who_vouches(tmp_path: Path) -> None:
    def written(name: str, *more: str) -> dict[str, object]:
        assert init(tmp_path / name, tmp_path / f"{name}.key", *more).code == 0
        return tomllib.loads((tmp_path / name / "settings.toml").read_text())

    pages = ("--pages", "https://raakvlak.school.example")
    assert written("without").keys().isdisjoint({"pages", "oidc"})
    assert written("pages", *pages)["pages"] == {"address": "https://raakvlak.school.example"}
    found = written("both", *pages, "--oidc", "https://login.school.example", "--oidc-name", 'De "Brug"')
    assert found["oidc"] == {
        "issuer": "https://login.school.example", "client_id": "raakvlak-node", "name": 'De "Brug"',
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--pages", "http://school.example"), "https://"),
        (("--pages", "https://school.example/here"), "https://"),
        (("--oidc", "https://login.school.example"), "give --pages too"),
        (("--pages", "http://localhost:1", "--oidc", "http://login.school.example"), "issuer must begin with https://"),
        (("--pages", "http://localhost:1", "--oidc", "http://localhost:2", "--oidc-client", ""), "client_id"),
    ],
)
def test_init_makes_nothing_of_pages_that_can_not_be_so(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    assert said in init(tmp_path / "node", tmp_path / "node.key", *more).failed()
    assert not (tmp_path / "node" / "secrets.sealed").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,email\nEls,els@school.example\n", "columns"),
        (PEOPLE + "Jan Bos,jan@school.example,boss,\n", "row 5, roles: known are case-worker"),
        (PEOPLE + "Jan Bos,jan@school.example,,\n", "row 5, roles: a user has one role"),
        (PEOPLE + "Jan Bos,jan,case-worker,\n", "row 5, email"),
        (PEOPLE + ",jan@school.example,case-worker,\n", "row 5, name"),
        (PEOPLE + "Jan Bos,jan@school.example\n", "row 5 has not just 4 values"),
        (PEOPLE + "Jan Bos,jan@school.example,case-worker,,more\n", "row 5 has not just 4 values"),
        (b"\xff\xfe", "no CSV in UTF-8"),
    ],
)
def test_a_wrong_row_lets_nobody_in(folder: Path, text: str | bytes, said: str) -> None:
    before = emails(folder)
    code, out, talk = imported(folder, text)
    assert (code, out) == (1, "") and said in talk
    assert "jan@" not in talk
    assert emails(folder) == before


def test_all_come_in_and_who_is_there_stays_as_he_is(another: Path) -> None:
    assert imported(another, PEOPLE, "--dry-run")[:2] == (0, json.dumps({"added": 3, "known": 0}) + "\n")
    assert emails(another) == {}
    assert imported(another, PEOPLE)[:2] == (0, json.dumps({"added": 3, "known": 0}) + "\n")
    everybody = emails(another)
    assert everybody == {
        "els@school.example": (["case-worker", "team-lead"], ["Zorgteam"]),
        "noor@school.example": (["case-worker"], ["Zorgteam"]),
        "kim@school.example": (["administrator"], []),
    }
    changed = PEOPLE.replace("administrator,", "case-worker,Other")
    assert imported(another, "\ufeff" + changed + "Jan Bos,jan@school.example,privacy-officer,\n")[:2] == (
        0, json.dumps({"added": 1, "known": 3}) + "\n",
    )  # fmt: skip
    assert emails(another) == everybody | {"jan@school.example": (["privacy-officer"], [])}
