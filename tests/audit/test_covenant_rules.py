"""What an officer is told of a covenant's rules for following up, when pinning it and when a newer one is taken."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from raakvlak_audit import covenant_checks
from raakvlak_audit.report import Check, Verdict
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.audit.test_commands import run
from tests.covenants import Change, make_covenant

MEMBERS = {"school": "education", "town": "municipality", "refuge": "shelter", "table": "coordinator"}


def serving(*kinds: Sequence[str]) -> Change:
    def change(payload: pb.Covenant) -> None:
        payload.ClearField("coordination")
        payload.coordination.extend(pb.Coordination(coordinator="table", kinds=each) for each in kinds)

    return change


def judged(change: Change) -> dict[str, Check]:
    return {check.id: check for check in covenant_checks.checks(make_covenant(members=MEMBERS, change=change).covenant)}


def archive(months: int) -> Change:
    return lambda payload: setattr(payload.rules, "archive_months", months)


def test_the_terms_are_told_in_both_languages() -> None:
    check = judged(archive(0))["follow_up_terms"]
    assert check.verdict is Verdict.OK
    assert [row[1] for row in check.tables[0].rows] == [5, 10, 30, 60, 5]
    assert check.found[0].text("en").endswith("A reminder is given 2 days before each.")
    assert "Een herinnering komt 2 dagen ervoor." in check.found[0].text("nl")
    assert check.found[1].text("nl") == "Er is geen archief: wat is geëindigd mag niet bewaard worden."


@pytest.mark.parametrize(("months", "said"), [(1, "nog 1 maand bewaren"), (24, "nog 24 maanden bewaren")])
def test_the_archive_is_told(months: int, said: str) -> None:
    assert said in judged(archive(months))["follow_up_terms"].found[1].text("nl")


LACKING: list[tuple[Sequence[Sequence[str]], list[str]]] = [
    ([("education", "municipality", "shelter")], []),
    (
        [],
        ["Soort education heeft geen", "Soort municipality heeft geen", "Soort shelter heeft geen coördinator en mag niet"],
    ),
    ([("education", "municipality")], ["Soort shelter heeft geen coördinator en mag niet"]),
    (
        [("education", "municipality"), ("municipality", "shelter")],
        ["zowel education als shelter, en zij zien elkaars matches ook niet"],
    ),
    (
        [("education", "shelter"), ("municipality", "shelter")],
        ["zowel education als municipality: niemand hoort"],
    ),
]


@pytest.mark.parametrize(("rules", "said"), LACKING)
def test_who_has_nobody_is_a_note(rules: Sequence[Sequence[str]], said: list[str]) -> None:
    check = judged(serving(*rules))["coordination"]
    if not said:
        assert (check.verdict, check.found[0].text("nl")) == (
            Verdict.OK, "Elke twee soorten organisaties die meedoen hebben een coördinator.",
        )  # fmt: skip
        return
    assert check.verdict is Verdict.NOTE
    assert len(check.found) == len(said)
    assert all(part in each.text("nl") for part, each in zip(said, check.found, strict=True))
    assert [row[0] for table in check.tables for row in table.rows] == ["table"] * len(rules)


def told(printed: str) -> dict[str, Any]:
    return {each["id"]: each for each in json.loads(printed)["checks"]}


def test_init_and_covenant_tell_what_the_covenant_says(tmp_path: Path) -> None:
    sandbox = make_covenant(members=MEMBERS)
    newer = sandbox.successor(serving(("municipality", "education")))
    for name, content in (("given", sandbox.file), ("newer", newer.file)):
        (tmp_path / name).write_bytes(content)
    officer = tmp_path / "officer"
    pinned = run("init", officer, "--covenant", tmp_path / "given", "--pin", sandbox.pin.hex(), "--json")
    taken = run("covenant", tmp_path / "newer", "--folder", officer, "--json")
    assert pinned.returncode == taken.returncode == 0
    assert told(pinned.stdout)["coordination"]["verdict"] == "ok"
    found = told(taken.stdout)
    assert (found["follow_up_terms"]["verdict"], found["coordination"]["verdict"]) == ("ok", "note")
    assert "shelter" in found["coordination"]["found"][0]["text"]
