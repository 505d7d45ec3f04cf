"""The story of test persons that only an officer knows: they match like anybody, nobody who works with cases sees them, and
an index that leaves out matches is found."""

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from raakvlak_audit.canary import Plan, parse_plan
from raakvlak_node import canary, ledger
from raakvlak_node.importing import Import
from raakvlak_node.node import Node
from raakvlak_protocol import identifier
from raakvlak_protocol.canary import Kept, Order, Report, parse_order
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.ledger import parse_message
from raakvlak_protocol.letter_content import Card, decode
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.attacks.lying import LyingIndex, lying
from tests.attacks.relay import before_the_index
from tests.audit.test_commands import run
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation
from tests.node.rows import row, table
from tests.node.test_rest import Caller

pytestmark = pytest.mark.slow

CHILD = "123456782"
FOUR = {"cjg": "youth_care", "police": "police", "school": "education", "town": "municipality", "hq": "coordinator"}


@dataclass
class Officer:
    """A folder made with `init`, and a plan for a running federation."""

    path: Path
    running: Federation

    def __post_init__(self) -> None:
        given = self.path / "given.raakvlak"
        given.write_bytes(self.running.sandbox.file)
        done = run("init", self.folder, "--covenant", given, "--pin", self.running.sandbox.pin.hex())
        assert done.returncode == 0, done.stderr

    @property
    def folder(self) -> Path:
        return self.path / "officer"

    @property
    def files(self) -> Path:
        return self.path / "plan"

    @property
    def plan(self) -> Plan:
        return parse_plan((self.files / "plan.json").read_bytes())

    def order(self, member: str) -> Order:
        return parse_order((self.files / f"canaries-{member}.json").read_bytes())

    def draw(self, count: int, *arguments: object) -> dict[str, Any]:
        return self._report(0, "plan", "--count", count, "--out", self.files, *arguments)

    def hand_out(self, members: Iterable[str] = ()) -> None:
        for member in members or self.plan.members:
            canary.add(self.running.nodes[member], self.order(member), dry_run=False)

    def reports(self, members: Iterable[str] = ()) -> list[Path]:
        """What the nodes hand in."""
        made = []
        for member in members or self.plan.members:
            node = self.running.nodes[member]
            made.append(self.path / f"report-{member}")
            made[-1].write_bytes(canary.report(node).sign(node.signing_seed))
        return made

    def check(self, expected: int, *arguments: object, reports: Iterable[Path] = ()) -> dict[str, Any]:
        given = list(reports) or self.reports()
        return self._report(expected, "check", *given, "--plan", self.files / "plan.json", *arguments)

    def _report(self, expected: int, command: str, *arguments: object) -> dict[str, Any]:
        done = run("canary", command, "--folder", self.folder, "--json", *arguments)
        assert done.returncode == expected, done.stdout + done.stderr
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["verdict"] for check in found["checks"]}


ALL_WELL = dict.fromkeys(("reports", "published", "matches", "letters", "surplus"), "ok")


def test_from_plan_to_all_is_well(tmp_path: Path) -> None:
    with federation(tmp_path, make_covenant(members=FOUR)) as running:
        officer = Officer(tmp_path, running)
        drawn = officer.draw(6)
        assert verdicts(drawn)["spread"] == "ok"
        assert {path.stat().st_mode & 0o777 for path in officer.files.iterdir()} == {0o600}
        assert {path.name for path in officer.files.iterdir()} == {
            "plan.json", "canaries-cjg.json", "canaries-police.json", "canaries-school.json", "canaries-town.json",
        }  # fmt: skip
        again = run("canary", "plan", "--folder", officer.folder, "--count", 2, "--out", officer.files)
        assert (again.returncode, "choose another folder" in again.stderr) == (1, True)
        officer.hand_out()
        running.settle()
        found = officer.check(0)
        assert verdicts(found) == ALL_WELL
        (figure,) = found["figures"]
        assert (figure["id"], figure["value"]) == ("would_show", 39.4)  # 1 - 0.05 ** (1 / 6), rounded up
        text = json.dumps(found)
        assert not any(each.person.reveal() in text for each in officer.plan.canaries)
        page = tmp_path / "report.html"
        done = run("canary", "check", *officer.reports(), "--plan", officer.files / "plan.json", "--folder", officer.folder,
                   "--lang", "nl", "--report", page)  # fmt: skip
        assert done.returncode == 0 and "Testpersonen" in page.read_text()


def test_a_test_person_is_nobody_to_those_who_work_with_cases(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        officer = Officer(tmp_path, running)
        officer.draw(3)
        officer.hand_out()
        for member, reference in (("school", "S-1"), ("town", "T-1")):
            running.nodes[member].put_case(case(reference, CHILD))
        running.settle()
        assert running.touches("school") == {("S-1", "town", "T-1", "client", "client")}
        for member, reference in (("school", "S-1"), ("town", "T-1")):
            node = running.nodes[member]
            assert [each.reference for _, each in node.store.cases()] == [reference]
            assert (node.status()["cases"], node.status()["published"], node.status()["pending"]) == (1, 4, 0)
            assert len(node.picture(reference)[1]) == 1
            assert len(list(node.store.live_matches())) == 4
            assert whole_api(node, reference).count('"other":') == 2  # the picture's entry, and the list's
            said = [decode(match.their_card.reveal()) for match in node.store.live_matches() if match.their_card is not None]
            assert sorted(len(card.cases) for card in said if isinstance(card, Card)) == [0, 0, 0, 1]


def whole_api(node: Node, reference: str) -> str:
    """All that the REST API answers about cases and matches."""
    with closing(Caller(node)) as api:
        answers = [
            api.get(path) for path in (f"/v1/cases/{reference}", f"/v1/pictures/{reference}", "/v1/matches", "/v1/status")
        ]
    assert [each.status_code for each in answers] == [200] * 4
    return "".join(each.text for each in answers)


def test_the_index_sees_of_a_test_person_what_it_sees_of_a_client(tmp_path: Path) -> None:
    def sent(folder: Path, canaries: bool) -> list[tuple[str, str, int]]:
        folder.mkdir()
        with federation(folder) as running, before_the_index(running) as between:
            for member in ("school", "town"):
                node = running.nodes[member]
                if canaries:
                    canary.add(node, order_of(running, member), dry_run=False)
                else:
                    node.put_case(case("C-1", CHILD))
            running.settle()
            return [(each.caller, each.method, len(each.raw)) for each in between.recorded if each.part == "request"]

    found = sent(tmp_path / "canary", True)
    assert found == sent(tmp_path / "client", False)
    assert sum(method == "PostLetter" for _, method, _ in found) == 4


def order_of(running: Federation, member: str, **changed: Any) -> Order:
    """An order of one fixed test person for a month."""
    person = identifier.TestPerson.of(bytes(range(16)))
    until = (running.clock.now + timedelta(days=30)).date()
    return replace(Order("zeeland", bytes(16), member, until, frozenset({person})), **changed)


# --- an index that leaves out ------------------------------------------------------------------------------------------


def test_matches_that_the_index_leaves_out_are_found(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        officer = Officer(tmp_path, running)
        officer.draw(9)
        officer.hand_out()
        left_out = leave_out_every_third(index)
        running.settle()
        found = officer.check(1)
        assert verdicts(found) == ALL_WELL | {"matches": "wrong"}
        assert len(left_out) == 3 and found["figures"] == []
        (row,) = next(each for each in found["checks"] if each["id"] == "matches")["tables"][0]["rows"]
        assert row[:7] == ["school – town", 9, 9, 6, 0, 3, 0]


def leave_out_every_third(index: LyingIndex) -> set[bytes]:
    """Both sides of every third match are not told; fills what is returned."""
    order: list[bytes] = []
    left_out: set[bytes] = set()

    def change(member: str, event: pb.Event) -> list[pb.Event]:
        if event.WhichOneof("what") != "match":
            return [event]
        match_id = event.match.match_id
        if match_id not in order:
            order.append(match_id)
            if len(order) % 3 == 0:
                left_out.add(match_id)
        return [] if match_id in left_out else [event]

    index.change = change
    return left_out


def test_a_match_that_only_one_side_is_told_is_found_with_both_names(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        officer = Officer(tmp_path, running)
        officer.draw(1)
        officer.hand_out()
        index.change = lambda member, event: [] if member == "school" and event.HasField("match") else [event]
        running.settle()
        found = officer.check(1)
        assert verdicts(found) == ALL_WELL | {"matches": "wrong", "letters": "wrong"}
        text = json.dumps(found, ensure_ascii=False)
        assert "school was not told of the match with town, while the other side was" in text
        assert "the letter of school to town did not come" in text


def test_letters_that_are_kept_back_are_found(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        officer = Officer(tmp_path, running)
        officer.draw(2)
        officer.hand_out()
        index.change = lambda member, event: [] if event.HasField("letter") else [event]
        running.settle()
        assert verdicts(officer.check(1)) == ALL_WELL | {"letters": "wrong"}


def test_a_match_that_is_invented_is_found(tmp_path: Path) -> None:
    with federation(tmp_path, make_covenant(members=FOUR)) as running, lying(running) as index:
        officer = Officer(tmp_path, running)
        officer.draw(1, "--members", "school,town")
        officer.hand_out()
        running.settle()
        school = running.nodes["school"]
        ((_, _, reference),) = school.store.references()
        index.invent(("school", reference, "police"))
        running.settle("school", "town")
        found = officer.check(1)
        assert verdicts(found) == ALL_WELL | {"surplus": "wrong"}
        assert "a match with police that nothing explains" in json.dumps(found)


def test_a_leaked_test_person_is_found(tmp_path: Path) -> None:
    with federation(tmp_path, make_covenant(members=FOUR)) as running:
        officer = Officer(tmp_path, running)
        officer.draw(1, "--members", "school,town")
        officer.hand_out()
        stolen = officer.order("school")
        leaked = Order(stolen.covenant_id, stolen.plan, "police", stolen.valid_until, stolen.canaries)
        canary.add(running.nodes["police"], leaked, dry_run=False)
        running.settle()
        found = officer.check(1)
        assert verdicts(found) == ALL_WELL | {"surplus": "wrong"}
        assert "police, which should not know this test person" in json.dumps(found)


# --- who did not do its part ------------------------------------------------------------------------------------------


def test_a_member_that_did_not_publish_and_one_that_did_not_report(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        officer = Officer(tmp_path, running)
        officer.draw(2)
        officer.hand_out()
        running.settle("school")
        found = officer.check(1)
        assert verdicts(found) == ALL_WELL | {"published": "wrong", "matches": "unknown", "letters": "unknown"}
        assert "town has not published 2 of its test persons" in json.dumps(found)
        patient = officer.check(75, "--grace-days", 2)
        assert verdicts(patient)["published"] == "unknown"
        running.settle()
        alone = officer.check(75, reports=officer.reports(["school"]))
        assert verdicts(alone) == ALL_WELL | {"reports": "unknown", "matches": "unknown", "letters": "unknown"}
        assert "town has not reported" in json.dumps(alone)


def test_within_the_grace_a_missing_match_is_not_yet_wrong(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        officer = Officer(tmp_path, running)
        officer.draw(3)
        officer.hand_out()
        leave_out_every_third(index)
        running.settle()
        assert verdicts(officer.check(75, "--grace-days", 2))["matches"] == "unknown"
        running.clock.pass_(days=2)
        assert verdicts(officer.check(1, "--grace-days", 2))["matches"] == "wrong"


def test_reports_that_can_not_be_believed(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        officer = Officer(tmp_path, running)
        officer.draw(2)
        officer.hand_out()
        running.settle()
        school, town = officer.reports()
        node = running.nodes["school"]
        changed, other, mixed = (tmp_path / name for name in ("changed", "other", "mixed"))
        changed.write_bytes(school.read_bytes().replace(b":proved", b":unproved", 1))
        made = canary.report(node)
        other.write_bytes(Report(made.covenant_id, made.member, bytes(16), made.made, made.canaries).sign(node.signing_seed))
        stranger = tuple(Kept(each, None) for each in order_of(running, "school").canaries)
        mixed.write_bytes(Report(made.covenant_id, made.member, made.plan, made.made, stranger).sign(node.signing_seed))
        for file, words in (
            (changed, "not signed by the key of school"),
            (other, "of another plan"),
            (mixed, "a test person that it was not handed"),
            (officer.files / "plan.json", "can't be trusted"),
        ):
            found = officer.check(1, reports=[file, town])
            assert verdicts(found)["reports"] == "wrong" and words in json.dumps(found), file
        assert verdicts(officer.check(0, reports=[school, town, school])) == ALL_WELL
        running.clock.pass_(days=120)
        late = tmp_path / "late"
        late.write_bytes(Report(made.covenant_id, made.member, made.plan, running.clock(), ()).sign(node.signing_seed))
        found = officer.check(75, reports=[late, town])
        assert verdicts(found)["reports"] == "unknown" and "Make a new plan" in json.dumps(found)


# --- at the node ------------------------------------------------------------------------------------------------------


def test_an_order_that_is_not_for_this_node_is_refused(tmp_path: Path) -> None:
    with federation(tmp_path, make_covenant(members=FOUR | {"refuge": "shelter"})) as running:
        school = running.nodes["school"]
        today = running.clock.now.date()
        for order, words in (
            (order_of(running, "town"), "for member town and this node is school"),
            (order_of(running, "school", covenant_id="limburg"), "another covenant"),
            (order_of(running, "school", valid_until=today - timedelta(days=1)), "ended on"),
            (order_of(running, "school", valid_until=today + timedelta(days=400)), "longer than"),
        ):
            with pytest.raises(Refused, match=words):
                canary.add(school, order, dry_run=False)
        with pytest.raises(Refused, match="test persons here find nothing"):
            canary.add(running.nodes["refuge"], order_of(running, "refuge"), dry_run=False)
        assert canary.plans(school) == [] and school.open_work()["unevaluated"] == 0
        canary.add(school, order_of(running, "school", valid_until=today), dry_run=False)


def test_adding_tells_the_cost_and_is_done_once(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school, order = running.nodes["school"], order_of(running, "school")
        tried = canary.add(school, order, dry_run=True)
        assert (tried.new, tried.known, tried.daily, tried.first_load) == (1, 0, 10, 1000)
        assert canary.plans(school) == [] and school.open_work()["unevaluated"] == 0
        assert canary.add(school, order, dry_run=False) == tried
        assert school.open_work()["unevaluated"] == 1
        again = canary.add(school, order, dry_run=False)
        assert (again.new, again.known) == (0, 1)
        (plan,) = canary.plans(school)
        assert (plan.canaries, plan.published, plan.valid_until) == (1, 0, order.valid_until)
        running.settle("school")
        assert canary.plans(school)[0].published == 1


def test_ending_takes_everything_back(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        both = [running.nodes[member] for member in ("school", "town")]
        for node in both:
            canary.add(node, order_of(running, node.member.id), dry_run=False)
        running.settle()
        assert canary.end(both[0].store, bytes(15) + b"1") == 0
        assert canary.end(both[0].store) == 1
        running.settle()
        assert both[0].store.references() == [] and list(both[1].store.live_matches()) == []
        with pytest.raises(Refused, match="no test persons of such a plan"):
            canary.report(both[0])
        (kept,) = canary.report(both[1]).canaries
        assert kept.published is not None and kept.matches == ()


def test_a_plan_that_is_over_ends_by_itself(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        canary.add(school, order_of(running, "school"), dry_run=False)
        running.settle("school")
        running.clock.pass_(days=30)
        running.settle("school")
        assert len(school.store.references()) == 1
        running.clock.pass_(days=1)
        running.settle("school")
        assert school.store.references() == [] and canary.plans(school) == []


def test_an_import_leaves_test_persons_alone(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        canary.add(school, order_of(running, "school"), dry_run=False)
        file = tmp_path / "caseload.csv"
        file.write_bytes(table([row(1)]))
        with file.open("rb") as source:
            report = Import(school, withdraw_missing=True).run(source, tmp_path / "rejected.csv")
        assert (report.missing, report.withdrawn) == ([], 0)
        running.settle("school")
        assert canary.plans(school)[0].published == 1


def test_in_the_ledger_a_test_person_is_a_line_like_others(tmp_path: Path) -> None:
    def kinds(folder: Path, canaries: bool) -> list[tuple[str, int]]:
        folder.mkdir()
        with federation(folder) as running:
            for member in ("school", "town"):
                node = running.nodes[member]
                if canaries:
                    canary.add(node, order_of(running, member), dry_run=False)
                else:
                    node.put_case(case("C-1", CHILD))
            running.settle()
            school = running.nodes["school"]
            lines = list(ledger.check(school.store, school.covenant, "school", school.signing_seed, school.clock()))
        return [(type(parse_message(line.message)).__name__, len(line.message)) for line in lines]

    found = kinds(tmp_path / "canary", True)
    assert found == kinds(tmp_path / "client", False)
    assert {"Publication", "Posting", "Evaluation"} <= {name for name, _ in found}


def test_two_plans_are_told_apart(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        canary.add(school, order_of(running, "school"), dry_run=False)
        other = frozenset({identifier.TestPerson.of(bytes(16))})
        canary.add(school, order_of(running, "school", plan=b"2" * 16, canaries=other), dry_run=False)
        with pytest.raises(Refused, match="name one with --plan"):
            canary.report(school)
        assert {each.person for each in canary.report(school, b"2" * 16).canaries} == other
        assert canary.end(school.store, b"2" * 16) == 1
        assert [each.plan for each in (canary.report(school),)] == [bytes(16)]
