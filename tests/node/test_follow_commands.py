"""`raakvlak-node follow` and `desk` as case workers and a coordinator use them, on the folders of a federation's nodes."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from raakvlak_node.access import AccessLog
from raakvlak_node.cli import cli
from raakvlak_node.commands import follow
from raakvlak_protocol.errors import RaakvlakError
from raakvlak_protocol.party import sealed
from raakvlak_protocol.party.membership import TLS_KEY, Folder
from tests.federation import Federation, case, federation

CHILD = "123456782"


def unlocked(running: Federation, member: str) -> Path:
    """The folder of a node, with all that its commands read."""
    node = running.nodes[member]
    folder, identity = Folder(node.folder.path), running.sandbox.member(member)
    key_file = running.folder / f"{member}.key"
    sealed.new_key_file(key_file)
    secrets = {name: value.reveal().hex() for name, value in node.membership.secrets.items()}
    secrets[TLS_KEY] = node.credentials.key.reveal().hex()
    sealed.seal(folder.secrets, json.dumps(secrets).encode(), sealed.KeyFile(key_file), label=f"secrets {identity.dns_name}")
    folder.certificate.write_bytes(node.credentials.certificate)
    folder.pin.write_text(running.sandbox.pin.hex() + "\n")
    names = {"covenant": node.settings.covenant, "id": member, "index": node.settings.index, "key_file": str(key_file)}
    holders = "".join(f"{json.dumps(each)} = {json.dumps(at)}\n" for each, at in node.settings.key_holders.items())
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in names.items())
    folder.settings.write_text(f"{text}[key_holders]\n{holders}")
    return folder.path


class Workers:
    """Case workers, each at the command of the own node."""

    def __init__(self, running: Federation) -> None:
        self.running = running
        self.folders = {member: unlocked(running, member) for member in running.nodes}

    def run(self, member: str, *arguments: str) -> Result:
        given = [*arguments, "--folder", str(self.folders[member])]
        result = CliRunner().invoke(cli, given, standalone_mode=False)
        assert result.exception is None or isinstance(result.exception, RaakvlakError), result.exception
        return result

    def said(self, member: str, *arguments: str) -> str:
        result = self.run(member, *arguments)
        assert result.exception is None, result.exception
        return result.stdout

    def json(self, member: str, *arguments: str) -> Any:
        return json.loads(self.said(member, *arguments, "--json"))

    def refused(self, member: str, *arguments: str) -> str:
        error = self.run(member, *arguments).exception
        assert isinstance(error, RaakvlakError)
        return error.message

    def id(self, member: str) -> str:
        (item,) = self.json(member, "follow", "list")["follow_ups"]
        return str(item["id"])

    def day(self, days: int = 0) -> str:
        return (self.running.nodes["school"].today(self.running.clock()) + timedelta(days=days)).isoformat()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD, worker_name="Ilse Quist", worker_phone="0118-000001"))
        running.nodes["town"].put_case(case("T-1", CHILD, worker_name="Jan Maas", worker_phone="0118-000002"))
        running.settle()
        yield Workers(running)


def agreement(workers: Workers, **change: str) -> Path:
    """The example's agreement, with days of this story."""
    days = {"2027-01-18": workers.day(40), "2026-12-14": workers.day(14), "2026-12-07": workers.day(7)}
    text = re.sub("|".join(days), lambda found: days[found[0]], follow.EXAMPLE)
    for old, new in change.items():
        text = text.replace(old, new)
    file = workers.running.folder / "agreement.toml"
    file.write_text(text)
    return file


def test_from_a_match_to_an_evaluation(workers: Workers) -> None:
    id = workers.id("school")[:6]
    assert "S-1 met The town (T-1): gesignaleerd; bevestigen uiterlijk" in workers.said("school", "follow", "list")
    assert "opvolging: gesignaleerd" in workers.said("school", "picture", "S-1")
    assert "heeft de match bevestigd" in workers.said("school", "follow", "acknowledge", id)
    workers.running.settle()
    town = workers.id("town")
    workers.said("town", "follow", "contact", town, "--on", workers.day(), "--text", "spoke with the school")
    workers.running.settle()
    shown = workers.said("school", "follow", "show", id, "--lang", "en")
    assert "call The town, Jan Maas, mentor: 0118-000002 (T-1)" in shown
    assert f"town was in contact on {workers.day()}\n        spoke with the school" in shown
    workers.said("school", "follow", "propose", id, "--file", str(agreement(workers)))
    workers.running.settle()
    shown = workers.said("town", "follow", "show", town, "--lang", "en")
    assert "proposed agreement, version 1" in shown and "town (T-1): has NOT signed yet" in shown
    assert f"mentor: talks with the parents every other week (by {workers.day(14)})" in shown
    assert workers.json("town", "follow", "sign", town)["phase"] == "agreed"
    workers.running.settle()
    evaluated = workers.json("school", "follow", "evaluate", id, "--text", "it goes well", "--next", workers.day(20))
    assert evaluated["evaluate_on"] == workers.day(20)
    closed = workers.json("school", "follow", "close", id, "--text", "done")
    assert (closed["phase"], closed["allowed"]) == ("closed", ["reopened"])
    assert workers.json("school", "follow", "reopen", id, "--text", "not done")["phase"] == "agreed"
    assert workers.json("school", "status")["follow_ups_agreed"] == 1


def test_an_example_is_an_agreement_that_is_taken(workers: Workers) -> None:
    assert workers.said("school", "follow", "list") and CliRunner().invoke(cli, ["follow", "example"]).stdout == follow.EXAMPLE
    found = follow.terms_in(agreement(workers))
    file = workers.running.folder / "agreement.json"
    file.write_text(found.model_dump_json())
    assert follow.terms_in(file) == found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('lead = "school"', "", "lead: must be filled in"),
        ('"agrees"', '"perhaps"', "parents: is 'agrees', 'informed_only' or 'not_informed'; youth: is"),
        ('who = "mentor"', 'why = "mentor"', "tasks: number 1, who: must be filled in; tasks: number 1: is no field"),
        ("[[tasks]]", "[[[tasks]]", "is not TOML"),
        ("evaluate_on = ", "evaluate_on = 3 #", "evaluate_on: a date is written as YYYY-MM-DD"),
    ],
)
def test_an_agreement_that_is_none_is_told_by_its_fields(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "agreement.toml"
    file.write_text(follow.EXAMPLE.replace(old, new))
    with pytest.raises(RaakvlakError) as caught:
        follow.terms_in(file)
    assert said in caught.value.message


def test_what_is_refused_says_what_can_be_done(workers: Workers) -> None:
    id = workers.id("school")
    assert "you can acknowledge it" in workers.refused("school", "follow", "close", id, "--text", "no")
    assert "follow list" in workers.refused("school", "follow", "show", "ab")
    assert "follow list" in workers.refused("school", "follow", "show", "zzzzzz")
    assert "YYYY-MM-DD" in workers.refused("school", "follow", "contact", id, "--on", "today")
    assert "no coordinator has asked" in workers.refused("school", "desk", "answer", "00000000", "--keep", "--text", "x")
    assert "before this coordinator" in workers.refused(
        "coordinator", "desk", "ask", "00000000", "town", "--name", "Kim", "--phone", "1", "--text", "x"
    )
    assert workers.json("school", "follow", "show", id)["steps"] == []


def test_the_second_of_two_is_shown_what_the_first_did(workers: Workers) -> None:
    id = workers.id("school")
    seen = str(workers.json("school", "follow", "show", id)["seen"])
    workers.said("school", "follow", "acknowledge", id, "--seen", seen)
    second = workers.run("school", "follow", "contact", id, "--on", workers.day(), "--seen", seen)
    assert isinstance(second.exception, RaakvlakError) and "changed since you looked" in second.exception.message
    assert "heeft de match bevestigd" in second.stdout
    assert workers.json("school", "follow", "show", id)["phase"] == "signalled"


def test_already_in_contact_and_resumed(workers: Workers) -> None:
    id = workers.id("school")
    assert workers.json("school", "follow", "already", id)["due"] is None
    assert workers.json("school", "matches")["matches"][0]["phase"] == "already_in_contact"
    assert workers.json("school", "follow", "resume", id)["phase"] != "already_in_contact"
    assert workers.json("school", "follow", "list", "--phase", "closed") == {"follow_ups": []}
    assert "waar iets aan te doen is" in workers.said("school", "follow", "list", "--overdue")


def test_a_coordinator_decides_and_closes(workers: Workers) -> None:
    assert workers.said("coordinator", "desk", "list", "--lang", "en") == "Nothing is before this coordinator.\n"
    workers.said("town", "follow", "escalate", workers.id("town"), "--text", "the family moves")
    workers.running.settle()
    listed = workers.said("coordinator", "desk", "list", "--lang", "en")
    assert "school – town: escalated, since" in listed
    assert "call The school, Ilse Quist, mentor: 0118-000001 (S-1)" in listed
    id = workers.id("coordinator")
    assert "the family moves" in workers.said("coordinator", "desk", "show", id[:8])
    workers.said("school", "follow", "release", workers.id("school"), "--because", "it should know")
    workers.said("school", "follow", "withhold", workers.id("school"), "--because", "no more")
    decided = workers.json("coordinator", "desk", "decide", id, "--lead", "town", "--text", "the town leads")
    assert decided["lead"] == "town"
    assert workers.json("coordinator", "desk", "close", id, "--text", "solved")["phase"] == "closed"
    workers.running.settle()
    assert workers.json("school", "follow", "show", workers.id("school"))["phase"] == "closed"
    assert workers.json("coordinator", "desk", "list") == {"follow_ups": [], "mediations": []}
    assert workers.said("school", "desk", "asks", "--lang", "en") == "No coordinator has asked anything.\n"


def test_a_case_is_handed_over(workers: Workers) -> None:
    given = ("S-1", "--name", "Noor Bos", "--function", "teacher", "--email", "noor@school.example")
    assert "handed over" in workers.said("school", "follow", "hand-over", *given)
    workers.running.settle()
    (called,) = workers.json("town", "follow", "show", workers.id("town"))["contacts"]
    assert (called["name"], called["phone"], called["email"]) == ("Noor Bos", "", "noor@school.example")
    assert "this worker already" in workers.said("school", "follow", "hand-over", *given)
    assert "phone" in workers.refused("school", "follow", "hand-over", "S-1", "--function", "teacher")
    assert "lists them" in workers.refused("school", "follow", "hand-over", "S-9", "--function", "x", "--phone", "1")


def test_each_view_and_step_is_one_line_in_the_access_log(workers: Workers) -> None:
    id = workers.id("school")
    workers.said("school", "follow", "show", id, "--as", "Ilse")
    workers.said("school", "follow", "acknowledge", id, "--as", "Ilse")
    workers.refused("school", "follow", "close", id, "--text", "no")
    workers.said("school", "matches")
    workers.said("school", "picture", "S-1")
    workers.said("school", "cases")
    workers.said("school", "status")
    lines = [each for each in AccessLog(workers.running.nodes["school"].store).lines(0, 100) if each.actor.via == "command"]
    assert [(str(each.event), each.kind, each.case, each.actor.on_behalf_of) for each in lines] == [
        ("search", "follow-up", "", ""),
        ("read", "follow-up", "S-1", "Ilse"),
        ("update", "follow-up", "S-1", "Ilse"),
        ("search", "match", "", ""),
        ("read", "picture", "S-1", ""),
        ("search", "case", "", ""),
    ]
