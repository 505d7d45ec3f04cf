"""`raakvlak-local`: a population in, processes up, every match of the truth and no other out, and the officer's reports;
and again from its state."""

import csv
import json
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local")]

CASES = 240


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def local(*arguments: str, allowed: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [program("raakvlak-local"), *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode in allowed, done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A population of four organisations and a coordinator, with a covenant's own terms."""
    folder = tmp_path_factory.mktemp("local") / "population"
    local("population", str(folder), "--cases", str(CASES), "--organisations", "4", "--seed", "7")
    with (folder / "federation.toml").open("a", encoding="utf-8") as file:
        file.write("\n[covenant.follow_up]\nacknowledge_days = 3\n")
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """What a run of it prints."""
    printed: dict[str, Any] = json.loads(local("run", str(folder), "--exit", "--json").stdout)
    return printed


def truth(folder: Path) -> list[tuple[str, ...]]:
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return sorted(tuple(row[name] for name in ("node", "case_ref", "other", "reference", "kind", "via")) for row in rows)


def matches(printed: dict[str, Any]) -> list[tuple[str, ...]]:
    return sorted(
        (
            each["node"],
            each["case_ref"],
            each["other"],
            each["contact"]["reference"],
            each["kind"],
            " ".join(each["via"]),
        )
        for each in printed["matches"]
    )


def test_the_matches_are_the_truth(folder: Path, found: dict[str, Any]) -> None:
    assert matches(found) == truth(folder)


def test_the_counts_are_those_of_the_matches(found: dict[str, Any]) -> None:
    for organisation in found["organisations"]:
        own = [each for each in found["matches"] if each["node"] == organisation["id"]]
        assert organisation["client_matches"] == sum(each["kind"] == "client" for each in own)
        assert organisation["family_matches"] == sum(each["kind"] == "family" for each in own)
        assert organisation["rejected"] == 0
    assert sum(organisation["cases"] for organisation in found["organisations"]) == CASES
    assert found["index"]["rows"] == sum(organisation["tokens"] for organisation in found["organisations"])


def test_every_match_says_whom_to_call(found: dict[str, Any]) -> None:
    for each in found["matches"]:
        assert each["contact"]["function"]
        assert each["contact"]["phone"] or each["contact"]["email"]
        assert each["contact"].keys() == {"name", "function", "phone", "email", "reference", "since"}


def test_a_coordinator_takes_part_without_cases_and_without_a_quota(folder: Path, found: dict[str, Any]) -> None:
    served = ["education", "municipality", "police", "justice", "youth_care", "health", "shelter"]
    assert found["coordinators"] == [{"id": "veiligheidshuis", "serves": served}]
    assert "veiligheidshuis" not in {each["node"] for each in found["matches"]}
    node = str(folder / "data" / "node-veiligheidshuis")
    done = subprocess.run([program("raakvlak-node"), "status", "--folder", node, "--json"], capture_output=True, check=True)
    status = json.loads(done.stdout)
    assert (status["cases"], status["published"], status["pending"]) == (0, 0, 0)
    assert not status["waiting_for_quota"]
    assert not status["log_trouble"]


def test_the_covenant_says_how_soon_and_who_is_called_in(folder: Path, found: dict[str, Any]) -> None:
    covenant = folder / "data" / "covenant.raakvlak"
    hashes = subprocess.run([program("raakvlak-covenant"), "hash", str(covenant)], capture_output=True, text=True, check=True)
    shown = subprocess.run(
        [program("raakvlak-covenant"), "show", str(covenant), "--pin", hashes.stdout.strip(), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = json.loads(shown.stdout)
    assert [each["coordinator"] for each in said["coordination"]] == ["veiligheidshuis"]
    assert (said["rules"]["follow_up"]["acknowledge_days"], said["rules"]["follow_up"]["contact_days"]) == (3, 10)
    assert "quota" in said["members"][-1] and said["members"][-1]["quota"] == {}
    assert "warning" not in shown.stderr


def verdicts(printed: dict[str, Any]) -> dict[str, str]:
    return {each["report"]: each["verdict"] for each in printed["reports"]}


def test_the_officer_finds_all_in_order(found: dict[str, Any]) -> None:
    nodes = [f"node-{each['id']}" for each in found["organisations"] + found["coordinators"]]
    assert verdicts(found) == dict.fromkeys(["contract", "follow", "index", *nodes], "ok")
    assert all(each["checks"] for each in found["reports"])


def test_each_report_is_a_page_in_two_languages(folder: Path, found: dict[str, Any]) -> None:
    pages = {Path(page) for each in found["reports"] for page in each["pages"].values()}
    assert pages == set((folder / "data" / "reports").iterdir())
    assert len(pages) == 2 * len(found["reports"])
    for page in pages:
        language = page.name.split(".")[1]
        assert f'<html lang="{language}">' in page.read_text(encoding="utf-8")


def test_every_row_is_proven_to_its_node(folder: Path, found: dict[str, Any]) -> None:
    assert found["log"]["proven"] == found["index"]["rows"]
    for organisation in found["organisations"]:
        node = str(folder / "data" / f"node-{organisation['id']}")
        done = subprocess.run([program("raakvlak-node"), "status", "--folder", node, "--json"], capture_output=True, check=True)
        status = json.loads(done.stdout)
        assert status["unproven"] == 0
        assert status["trusted_size"] == found["log"]["entries"]
        assert not status["log_trouble"]


def node(folder: Path, id: str, *arguments: str) -> Any:
    """What a command of a node prints."""
    at = ["--folder", str(folder / "data" / f"node-{id}"), "--json"]
    done = subprocess.run([program("raakvlak-node"), *arguments, *at], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_everybody_who_is_named_is_a_user_of_pages_at_the_address_that_is_named(folder: Path, found: dict[str, Any]) -> None:
    members = [each["id"] for each in found["organisations"] + found["coordinators"]]
    assert [each["id"] for each in found["pages"]["organisations"]] == members
    for each in found["pages"]["organisations"]:
        users = {(user["name"], user["email"], *user["roles"]) for user in node(folder, each["id"], "user", "list")["users"]}
        assert users == {(person["name"], person["email"], person["role"]) for person in each["people"]}
        settings = tomllib.loads((folder / "data" / f"node-{each['id']}" / "settings.toml").read_text())
        assert settings["pages"] == {"address": each["address"]}
        assert settings["oidc"]["issuer"] == found["pages"]["sign_in"]
        assert Path(each["token_file"]).stat().st_mode & 0o077 == 0


def phases(folder: Path, found: dict[str, Any]) -> dict[str, list[str]]:
    """Of each of the family's cases where its follow-ups with the family's other cases stand."""
    organisations = found["pages"]["organisations"]
    family = {(each["id"], reference) for each in organisations for reference in each["family"]}
    return {
        reference: sorted(
            each["phase"]
            for each in node(folder, member, "follow", "list", "--case", reference)["follow_ups"]
            if (each["other"], each["other_case_ref"]) in family
        )
        for member, reference in family
    }


def test_the_family_is_in_the_middle_of_a_follow_up(folder: Path, found: dict[str, Any]) -> None:
    seen = phases(folder, found)
    both_sides = [phase for each in seen.values() for phase in each]
    # Which family is shown, and how many matches it has, differs from day to day.
    stuck = {"escalated"} if len(both_sides) // 2 > 3 else set()
    assert {"in_contact"} | stuck <= set(both_sides) <= {"in_contact", "signalled"} | stuck
    assert both_sides.count("in_contact") == 2 and both_sides.count("escalated") == 2 * len(stuck)
    begin = found["pages"]["begin"]
    assert "in_contact" in seen[begin["case_ref"]]
    listed = node(folder, begin["node"], "follow", "list", "--case", begin["case_ref"])["follow_ups"]
    (waiting,) = (each for each in listed if each["phase"] == "in_contact")
    assert "sign" in node(folder, begin["node"], "follow", "show", waiting["id"])["allowed"]
    assert {each["phase"] for each in node(folder, "veiligheidshuis", "desk", "list")["follow_ups"]} == stuck


def test_no_account_of_an_organisation_stays_behind(folder: Path, found: dict[str, Any]) -> None:
    assert sorted(each.name for each in (folder / "data").iterdir() if each.name.startswith("tmp")) == []


def test_the_next_run_stops_what_a_killed_one_left_goes_on_from_its_state_and_changes_nothing(
    folder: Path, found: dict[str, Any]
) -> None:
    killed = subprocess.Popen(
        [program("raakvlak-local"), "run", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert killed.stderr is not None
    with killed.stderr as said:
        assert any("importing" in line for line in said), "it ended before its processes ran"
        beside = local("run", str(folder), "--exit", allowed=(75,))
        killed.kill()
    killed.wait()
    assert "another run" in beside.stderr

    done = local("run", str(folder), "--exit", "--json")
    again = json.loads(done.stdout)
    assert "stopped 11 processes" in done.stderr
    assert again["matches"] == found["matches"]
    assert again["organisations"] == found["organisations"]
    assert again["index"]["rows"] == found["index"]["rows"]
    assert again["pages"] == found["pages"]
    assert again["log"] == {"entries": found["log"]["entries"], "proven": 0}
    assert verdicts(again) == verdicts(found)


@pytest.fixture
def copied(folder: Path, found: dict[str, Any], tmp_path: Path) -> Iterator[Path]:
    """The federation's state once more, to be harmed."""
    yield shutil.copytree(folder / "data", tmp_path / "data")


def test_a_row_that_the_operator_deleted_is_found_and_ends_in_failure(folder: Path, copied: Path) -> None:
    with closing(sqlite3.connect(copied / "index" / "store.db")) as store, store:
        store.execute("DELETE FROM row WHERE position = (SELECT max(position) FROM row)")
    done = local("run", str(folder), "--data", str(copied), "--exit", "--json", allowed=(1,))
    printed = json.loads(done.stdout)
    wrong = [name for name, verdict in verdicts(printed).items() if verdict == "wrong"]
    assert wrong[0] == "index"
    assert len(wrong) == 2, "the index's report and that of the organisation whose row it was"


@pytest.mark.parametrize("what", ["log", "sign-in"])
def test_an_older_state_without_a_log_or_pages_is_refused(folder: Path, copied: Path, what: str) -> None:
    state = json.loads((copied / "federation.json").read_text())
    del state["addresses"][what]
    (copied / "federation.json").write_text(json.dumps(state))
    refused = local("run", str(folder), "--data", str(copied), "--exit", allowed=(1,))
    assert "delete that folder" in refused.stderr


def test_a_federation_whose_description_changed_is_refused(folder: Path, found: dict[str, Any]) -> None:
    description = folder / "federation.toml"
    text = description.read_text(encoding="utf-8")
    try:
        description.write_text(text.replace("household_limit = 8", "household_limit = 9"), encoding="utf-8")
        refused = local("run", str(folder), "--exit", allowed=(1,))
    finally:
        description.write_text(text, encoding="utf-8")
    assert "--data" in refused.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "one or more"),
        ("[covenant]\nhousehold = 1\n", "covenant.household is unknown"),
        ("[covenant]\nadult_clients = 1\n", "covenant.adult_clients"),
        ("[[organisation]]\nid = 'a'\n", "exactly"),
        ("[[organisation]]\nid='a'\nname='A'\nkind='bakery'\ncaseload='a.csv'\n", "unknown kind"),
        ("[[organisation]]\nid='a'\nname='A'\nkind='police'\ncaseload='a.csv'\n", "a.csv"),
        ("[[organisation]]\nid='a'\nname='A'\nkind='coordinator'\n", "with a caseload"),
        ("[[organisation]]\nid='a'\nname='A'\nkind='coordinator'\ncaseload='a.csv'\n", "no caseload"),
        ("[[organisation]]\nid='a'\nname='A'\nkind='coordinator'\nserves=['bakery']\n", "a.serves is a list of kinds"),
        ("[[organisation]]\nid='a'\nname='A'\nkind='coordinator'\nserves=['coordinator']\n", "a.serves is a list of kinds"),
        ("[[organisation]]\nid='a'\nname='A'\nkind='coordinator'\nserves=[]\n", "a.serves is a list of kinds"),
        ("[[organisation]]\nid='a'\nname='A'\nkind='police'\nserves=['police']\n", "exactly"),
        ("[covenant]\narchive_months = true\n", "covenant.archive_months"),
        ("[covenant]\nfollow_up = 3\n", "covenant.follow_up is a table"),
        ("[covenant.follow_up]\ncontact = 3\n", "covenant.follow_up.contact is unknown"),
        ("[covenant.follow_up]\ncontact_days = 'ten'\n", "covenant.follow_up.contact_days"),
        ("organisation = ", "not TOML"),
    ],
)
def test_a_wrong_description_is_refused_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "federation.toml").write_text(text, encoding="utf-8")
    refused = local("run", str(tmp_path), "--exit", allowed=(1,))
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
