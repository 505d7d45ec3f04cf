"""Somebody who asks for the own report to learn whether the police, a shelter or a school has a secret case about them.

Two federations live through the same, but for one confidential case in one of them. The reports are compared byte for
byte, whenever the confidential case came, and also where it is all that there is.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from raakvlak_node import subject_page
from raakvlak_node.access import AccessLog, Event
from raakvlak_node.standing import Ending
from raakvlak_node.subject_facts import AskedBy
from raakvlak_protocol.covenant import KINDS
from raakvlak_protocol.errors import Refused
from tests.attacks.lying_log import read_the_log
from tests.covenants import Sandbox, make_covenant
from tests.federation import Clock, Federation, case, federation
from tests.node.subjects import ASKS, BORN, BROTHER, CHILD, LANGUAGES, MOTHER, SISTER, ask, everything, follow, looked

pytestmark = pytest.mark.slow

Act = Callable[[Federation], None]
SECRETS = {"confidential": {"confidential": "yes"}, "protected": {"protected": "yes"}}


def hide(columns: dict[str, str]) -> Act:
    """A secret case about the mother, at which people look, and which a coordinator hears of."""

    def act(running: Federation) -> None:
        own = running.nodes["school"]
        own.put_case(case("S-secret", BROTHER, parent_bsn_1=MOTHER, birth_date="2009-01-30", **columns))
        looked(own, "S-secret", Event.IMPORT)
        looked(own, "S-secret")
        running.settle()
        running.index.running.mediate()
        running.settle()

    return act


def nothing(running: Federation) -> None:
    running.settle()
    running.index.running.mediate()
    running.settle()


def told(running: Federation) -> bytes:
    """What the mother gets, in every form."""
    report = ask(running.nodes["school"])
    return json.dumps(report.record()).encode() + b"".join(subject_page.html(report, each).encode() for each in LANGUAGES)


def life(running: Federation, before: Act, between: Act, after: Act) -> list[bytes]:
    """A mother's open case, its match, what is done about it and its end; her report at each step."""
    school, town = running.nodes["school"], running.nodes["town"]
    read_the_log(running)
    reports = []

    def step() -> None:
        running.settle()
        running.index.publish_log()
        running.settle()
        reports.append(told(running))

    before(running)
    step()
    running.clock.pass_(days=40)
    school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER, birth_date="2015-02-03"))
    looked(school, "S-1", Event.IMPORT)
    step()
    between(running)
    town.put_case(case("T-1", MOTHER, birth_date=BORN.isoformat()))
    step()
    follow(running, "S-1")
    looked(school, "S-1")
    step()
    after(running)
    step()
    running.clock.pass_(days=40)
    school.withdraw("S-1", Ending.WRONG, ASKS)
    step()
    return reports


@dataclass(frozen=True)
class World:
    """A covenant, a moment to begin at, and what the mother's reports are where there is no secret."""

    sandbox: Sandbox
    start: datetime
    plain: list[bytes]


def lives(sandbox: Sandbox, start: datetime, folder: Path, *acts: Act) -> list[bytes]:
    with federation(folder, sandbox) as running:
        running.clock.now = start
        return life(running, *acts)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    sandbox, start = make_covenant(), Clock().now
    return World(sandbox, start, lives(sandbox, start, tmp_path_factory.mktemp("plain"), nothing, nothing, nothing))


@pytest.mark.slow
@pytest.mark.parametrize(("secret", "when"), [("confidential", 0), ("confidential", 1), ("confidential", 2), ("protected", 0)])
def test_a_secret_case_changes_no_byte_of_any_report(world: World, tmp_path: Path, secret: str, when: int) -> None:
    acts: list[Act] = [nothing, nothing, nothing]
    acts[when] = hide(SECRETS[secret])
    found = lives(world.sandbox, world.start, tmp_path, *acts)
    assert found == world.plain
    assert len(set(found)) > 4, "the story itself is told"


def test_a_secret_case_alone_leaves_a_stranger(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        hide(SECRETS["confidential"])(running)
        assert school.store.references(), "the secret case stands at the index, for the coordinator"
        stranger = ask(school, SISTER).record() | {"number_ends_with": ""}
        assert ask(school).record() | {"number_ends_with": ""} == stranger
        # Neither does a refusal tell: his birth date stands in the secret case alone.
        for number in (BROTHER, SISTER):
            with pytest.raises(Refused, match="state it"):
                ask(school, number, AskedBy.SUBJECT, None)
            assert ask(school, number, AskedBy.SUBJECT, BORN).involvements == ()


def test_what_is_released_is_told_and_what_is_taken_back_is_not(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        hide(SECRETS["confidential"])(running)
        before = ask(school).record()
        school.release("S-secret", "the parents know", ASKS)
        running.settle()
        shown = ask(school)
        assert [each.case_ref for each in shown.involvements] == ["S-secret"]
        assert len(shown.publications) == 1
        assert {each.event for each in shown.looks if each.case_ref} == {"import", "read"}
        assert "the parents know" not in everything(shown)
        school.withdraw_release("S-secret", "a mistake", ASKS)
        running.settle()
        after = ask(school).record()
        assert {**after, "looks": []} == {**before, "looks": []}
        assert {each["case_ref"] for each in after["looks"]} <= {""}


@pytest.mark.parametrize("kind", ["shelter", "police"])
def test_a_shelter_tells_nothing_of_its_cases(tmp_path: Path, kind: str) -> None:
    sandbox = make_covenant(members={"school": kind, "town": "municipality", "coordinator": "coordinator"})
    with federation(tmp_path, sandbox) as running:
        running.nodes["school"].put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        running.settle()
        assert len(ask(running.nodes["school"]).involvements) == (0 if kind == "shelter" else 1)
        assert kind in KINDS


def test_nothing_is_told_of_a_case_that_is_gone(tmp_path: Path) -> None:
    """Nobody can say any more whether it was confidential."""
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        for secret in ({}, SECRETS["confidential"]):
            school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER, **secret))
            looked(school, "S-1")
            school.drop_case("S-1")
            running.settle()
        lines = AccessLog(school.store).of_person(school.store.person_handle(case("x", MOTHER).client))
        assert len(lines) == 2
        assert ask(school).looks == ()


def test_no_number_by_which_what_is_missing_could_be_counted(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        looked(school, "S-1")
        running.settle()
        record = ask(school).record()
        names = {name for part in ("publications", "letters", "looks") for each in record[part] for name in each}
        assert names == {
            "epoch", "since", "until", "visibility", "proven", "moment", "role", "who", "event", "kind", "case_ref", "outcome"
        }  # fmt: skip
