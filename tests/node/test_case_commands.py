"""`withdraw`, `renew`, `release`, `objections` and what goes with them, as an administrator uses them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from raakvlak_node.access import AccessLog
from raakvlak_node.commands import cases
from raakvlak_node.node import open_node
from raakvlak_protocol.errors import Malformed, Refused
from tests.node.rows import bsn, case
from tests.node.test_cli import covenant_with, init, join

Call = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A node with a case, a confidential one, and a mother in both."""
    path = tmp_path / "node"
    join(path, covenant_with(init(path, tmp_path / "keys" / "node.key").out))
    node = open_node(path)
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(9)))
    node.put_case(case("ZK-2", bsn(2), parent_bsn_1=bsn(9), sibling_bsns=f"{bsn(3)} {bsn(4)}", confidential="yes"))
    node.close()
    return path


@pytest.fixture
def call(folder: Path) -> Call:
    def run(command: click.Command, *arguments: str, given: str = "") -> str:
        done = CliRunner().invoke(command, [*arguments, "--folder", str(folder)], input=given)
        if done.exception is not None:
            raise done.exception
        return done.stdout

    return run


def answered(call: Call, command: click.Command, *arguments: str, given: str = "") -> Any:
    return json.loads(call(command, *arguments, "--json", given=given))


def test_a_case_ends_for_a_reason_that_must_be_said(call: Call) -> None:
    with pytest.raises(SystemExit):
        call(cases.withdraw, "ZK-1")
    with pytest.raises(SystemExit):
        call(cases.withdraw, "ZK-1", "--reason", "age")  # the node sees to that
    with pytest.raises(Refused, match="is not over"):
        call(cases.withdraw, "ZK-1", "--reason", "lapsed")
    assert answered(call, cases.withdraw, "ZK-1", "--reason", "wrong") == {"withdrawn": True, "archived": False}
    assert "forgotten here; run 'raakvlak-node sync'" in call(cases.withdraw, "ZK-2", "--reason", "risk-gone")
    with pytest.raises(Refused, match="'raakvlak-node cases' lists them"):
        call(cases.withdraw, "ZK-1", "--reason", "wrong")
    assert answered(call, cases.archive) == {"archive": []}


def test_a_confidential_case_is_released_and_taken_back_and_who_did_so_is_kept(call: Call, folder: Path) -> None:
    assert "released; run" in call(cases.release, "ZK-2", "--because", "agreed", "--as", "Ilse Quist")
    assert answered(call, cases.unrelease, "ZK-2", "--because", "a threat") == {"released": False}
    with pytest.raises(Malformed):
        call(cases.release, "ZK-2", "--because", "")
    node = open_node(folder)
    found = [(str(each.event), each.actor.on_behalf_of, each.reason) for each in AccessLog(node.store).lines(0, 10)]
    node.close()
    assert found == [("release", "Ilse Quist", "agreed"), ("withhold", "", "a threat")]


def test_terms_are_listed_and_a_case_far_from_its_end_is_not_renewed(call: Call, folder: Path) -> None:
    assert answered(call, cases.terms) == {"terms": []}
    with pytest.raises(Refused, match="may be renewed from"):
        call(cases.renew, "ZK-1")
    node = open_node(folder)
    node.store.set_lapses(node.store.case_handle("ZK-1"), 1)
    node.close()
    assert "ZK-1  ended on 2000-02-01" in call(cases.terms)
    assert answered(call, cases.renew, "ZK-1")["ends"] > "2026"
    assert answered(call, cases.terms) == {"terms": []}


def test_a_person_objects_by_place_in_a_case_or_by_a_number_that_no_command_line_holds(call: Call) -> None:
    found = answered(
        call, cases.object_, "--case", "ZK-1", "--who", "parent-1", "--because", "by letter", "--received", "2026-01-05"
    )
    assert (found["claim"], found["received"], found["due"], found["decided"]) == (
        "objection",
        "2026-01-05",
        "2026-02-16",
        None,
    )
    assert [(each["case_ref"], each["relation"]) for each in found["cases"]] == [("ZK-1", "parent"), ("ZK-2", "parent")]
    assert "to be decided by 2026-02-16, which has passed" in call(cases.objections)
    other = answered(call, cases.object_, "--because", "by phone", given=f"{bsn(3)}\n")
    assert [each["place"] for each in other["cases"]] == [1]
    assert {each["id"] for each in answered(call, cases.objections)["objections"]} == {found["id"], other["id"]}
    for text in (json.dumps(found), json.dumps(other)):
        assert bsn(9) not in text and bsn(3) not in text


@pytest.mark.parametrize("who", ["parent-3", "aunt", "parent-0", "sibling-x", ""])
def test_nobody_objects_who_stands_in_no_such_place(call: Call, who: str) -> None:
    with pytest.raises(Refused, match="name client, parent-1"):
        call(cases.object_, "--case", "ZK-1", "--who", who, "--because", "by letter")
    with pytest.raises(Refused, match="no case of that reference"):
        call(cases.object_, "--case", "ZK-9", "--because", "by letter")


def test_an_objection_is_decided_with_a_reason(call: Call) -> None:
    id = answered(call, cases.object_, "--case", "ZK-1", "--because", "by letter")["id"]
    with pytest.raises(Malformed):
        call(cases.objections, "--uphold", id)
    with pytest.raises(SystemExit):
        call(cases.objections, "--uphold", id, "--reject", id, "--because", "weighed")
    (decided,) = answered(call, cases.objections, "--uphold", id, "--because", "weighed")["objections"]
    assert (decided["upheld"], decided["decision"], decided["cases"]) == (True, "weighed", [])
    assert answered(call, cases.objections) == {"objections": []}
    assert "upheld on" in call(cases.objections, "--all")
    erased = answered(call, cases.object_, "--case", "ZK-2", "--who", "sibling-2", "--because", "asked", "--erase")
    assert (erased["claim"], erased["upheld"]) == ("erasure", True)
    with pytest.raises(SystemExit):
        call(cases.object_, "--case", "ZK-2", "--because", "asked", "--erase", "--received", "2026-01-05")


def test_every_command_has_its_place() -> None:
    assert {each.name for each in cases.COMMANDS} == {
        "withdraw", "renew", "release", "unrelease", "terms", "archive", "object", "objections",
    }  # fmt: skip
