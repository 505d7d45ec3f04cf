"""Importing a caseload into a node's store, as its administrator sees it."""

import csv
import hashlib
import io
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from raakvlak_node.case import Rejected, parse
from raakvlak_node.importing import Import, Report, rejected_name
from raakvlak_node.node import BsnChange, BsnDiffers, Node
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.identifier import BSN, Bsn
from tests.covenants import NOW
from tests.federation import Clock
from tests.node.conftest import NodeOf
from tests.node.rows import TODAY, bsn, row, table


def load(
    node: Node,
    content: bytes | Iterable[Mapping[str, str]],
    *,
    rejected: str = "rejected.csv",
    dry_run: bool = False,
    withdraw_missing: bool = False,
    bsn_changes: BsnChange | None = None,
    answers: Mapping[int, BsnChange | None] | None = None,
) -> Report:
    """Imports the content; `answers` are a person's, by line, and without them nobody is asked."""
    file = io.BytesIO(content if isinstance(content, bytes) else table(content))
    return Import(
        node,
        dry_run=dry_run,
        withdraw_missing=withdraw_missing,
        bsn_changes=bsn_changes,
        ask=lambda line: None if answers is None else answers[line],
    ).run(file, node.folder.path / "out" / rejected)


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.new, report.changed, report.unchanged, len(report.rejected)


def told(report: Report) -> list[tuple[int, str]]:
    return [(each.line, reason.column) for each in report.rejected for reason in each.reasons]


def references(node: Node) -> list[str]:
    return sorted(case.reference for _, case in node.store.cases())


def wanted(node: Node) -> set[str]:
    """The BSNs and addresses of which the node wants a token, as text."""
    covenant = node.covenant
    found = set()
    for namespace in (BSN, "address"):
        for person in node.store.unevaluated(namespace, 1, covenant.household_limit, 1000):
            _, canonical = node.store.canonical(person)
            found.add(canonical.reveal().decode() if namespace == BSN else "address")
    return found


def stored(node: Node, reference: str = "ZK-00001") -> bytes:
    case = node.store.case(node.store.case_handle(reference))
    assert case is not None
    return case.encode()


def everything(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


THREE = [row(1), row(2), row(3)]


def test_right_rows_are_stored_and_wrong_ones_told(node: Node) -> None:
    report = load(node, [row(1), row(2, bsn="123456789", since="soon"), row(3)])
    assert counts(report) == (2, 0, 0, 1)
    assert told(report) == [(3, "bsn"), (3, "since")]
    assert references(node) == ["ZK-00001", "ZK-00003"]


def test_the_same_file_again_changes_nothing_and_renews_no_term(node: Node, clock: Clock) -> None:
    assert counts(load(node, THREE)) == (3, 0, 0, 0)
    before = dump(node)
    clock.pass_(days=40)
    assert counts(load(node, THREE)) == (0, 0, 3, 0)
    # In another order, with other line ends and more columns: still the same cases.
    assert counts(load(node, table(reversed(THREE), sorted(row()), end="\n"))) == (0, 0, 3, 0)
    assert dump(node) == before


def dump(node: Node) -> list[str]:
    return list(node.store.database.conn.iterdump())


def test_a_changed_row_updates_the_case(node: Node) -> None:
    load(node, THREE)
    report = load(node, [row(1), row(2, worker_phone="0118-777777", parent_bsn_1=bsn(9)), row(3)])
    assert counts(report) == (0, 1, 2, 0)
    assert b"0118-777777" in stored(node, "ZK-00002")
    assert wanted(node) == {bsn(1), bsn(2), bsn(3), bsn(9)}
    assert counts(load(node, THREE)) == (0, 1, 2, 0)
    assert wanted(node) == {bsn(1), bsn(2), bsn(3)}


def test_a_wrong_row_leaves_the_case_as_it_was(node: Node) -> None:
    load(node, THREE)
    before = stored(node, "ZK-00002")
    report = load(node, [row(1), row(2, function="teacher", since="soon"), row(3)])
    assert counts(report) == (0, 0, 2, 1)
    assert stored(node, "ZK-00002") == before
    assert report.missing == []


def test_of_two_rows_with_one_reference_the_first_stays(node: Node) -> None:
    report = load(node, [row(1), row(2, case_ref=" ZK-00001 "), row(3, case_ref="ZK-00001", since="soon"), row(4)])
    assert counts(report) == (2, 0, 0, 2)
    assert [reason.message for reason in report.rejected[0].reasons] == [
        "stands in line 2 already, which is kept: give this row its own reference or delete it"
    ]
    assert told(report) == [(3, "case_ref"), (4, "since"), (4, "case_ref")]
    assert bsn(1).encode() in stored(node)


def test_rows_that_are_gone_are_reported_and_withdrawn_only_when_asked(node: Node) -> None:
    load(node, THREE)
    report = load(node, [row(2)])
    assert (report.missing, report.withdrawn) == (["ZK-00001", "ZK-00003"], 0)
    assert references(node) == ["ZK-00001", "ZK-00002", "ZK-00003"]
    report = load(node, [row(2)], withdraw_missing=True, dry_run=True)
    assert (report.missing, report.withdrawn) == (["ZK-00001", "ZK-00003"], 0)
    report = load(node, [row(2)], withdraw_missing=True)
    assert (report.missing, report.withdrawn) == (["ZK-00001", "ZK-00003"], 2)
    assert references(node) == ["ZK-00002"]
    assert wanted(node) == {bsn(2)}


def test_a_rejected_row_is_not_a_missing_one(node: Node) -> None:
    load(node, THREE)
    report = load(node, [row(1), row(2, bsn="1"), row(3)], withdraw_missing=True)
    assert (report.missing, report.withdrawn) == ([], 0)


@pytest.mark.parametrize("damage", [b'"', b"\xff", b"x,", b"\0"])
def test_while_a_reference_cannot_be_read_nothing_is_withdrawn(node: Node, damage: bytes) -> None:
    load(node, THREE)
    report = load(node, table([row(1), row(2)]).replace(b"ZK-00002", damage + b"ZK-00002"), withdraw_missing=True)
    assert (report.missing, report.withdrawn, report.nameless) == (["ZK-00002", "ZK-00003"], 0, 1)
    assert references(node) == ["ZK-00001", "ZK-00002", "ZK-00003"]


def test_rejected_rows_can_be_mended_and_imported_again(node: Node) -> None:
    content = table([row(1), row(2, bsn="123456789"), row(3, function='the "new" one, here', since="soon"), row(4)])
    content = content.replace(b"ZK-00004", b'"ZK-00004').replace(b"0118-555019", b"0118-\xff55019", 1)
    report = load(node, content)
    assert told(report) == [(2, "worker_phone"), (2, "worker_phone"), (3, "bsn"), (4, "since"), (5, "row")]
    assert report.rejected_file == node.folder.path / "out" / "rejected.csv"
    path = report.rejected_file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    mended = path.read_bytes()
    assert mended.splitlines()[0].endswith(b",protected,rejected")
    assert b"line 3: bsn: the BSN fails the 11-proof" in mended
    assert b"\xff" in mended
    # Imported as it is, everything is rejected again, and nothing of it is lost.
    again = load(node, mended, rejected="second.csv")
    assert counts(again) == (0, 0, 0, 4)
    assert again.rejected_file is not None
    kept = [columns[:-1] for columns in csv.reader(io.StringIO(mended.decode("latin-1"), newline=""))]
    assert kept == [
        columns[:-1] for columns in csv.reader(io.StringIO(again.rejected_file.read_bytes().decode("latin-1"), newline=""))
    ]
    mended = mended.replace(b"\xff", b"5").replace(b"123456789", bsn(2).encode()).replace(b"soon", b"2026-01-05")
    mended = mended.replace(mended.splitlines()[-1], table([row(4)]).splitlines()[-1])
    assert counts(load(node, mended, rejected="third.csv")) == (4, 0, 0, 0)
    assert references(node) == ["ZK-00001", "ZK-00002", "ZK-00003", "ZK-00004"]


def test_a_row_with_too_many_columns_is_written_out_whole(node: Node) -> None:
    content = table([row(1), row(2)], [*sorted(row())])
    content = content.replace(b"mentor", b"mentor, team north", 1)
    report = load(node, content)
    assert told(report) == [(2, "row")]
    assert report.rejected_file is not None
    mended = report.rejected_file.read_bytes()
    assert b"mentor, team north" in mended
    assert counts(load(node, mended.replace(b"mentor, team north", b"mentor"), rejected="second.csv")) == (1, 0, 0, 0)


def test_a_file_of_rejected_rows_never_replaces_another(node: Node) -> None:
    target = node.folder.path / "out" / "rejected.csv"
    target.parent.mkdir()
    target.write_text("half mended")
    with pytest.raises(Refused, match=r"exists already: .*; nothing was imported"):
        load(node, [row(1), row(2, bsn="1")])
    assert target.read_text() == "half mended"
    assert references(node) == []
    assert counts(load(node, THREE)) == (3, 0, 0, 0)  # nothing to write, so nothing in the way
    assert rejected_name(Path("/x/case load.csv"), NOW) == "case load-rejected-20260302-093000-000000.csv"


def test_a_wrong_header_stores_nothing(node: Node) -> None:
    with pytest.raises(Malformed):
        load(node, b"case_ref;bsn\n" + table(THREE))
    assert references(node) == []


def test_a_dry_run_tells_the_same_and_writes_nothing(node: Node) -> None:
    load(node, THREE)
    node.store.fold()
    changed = [row(1, function="teacher"), row(2), row(4), row(5, bsn="1"), row(3, bsn=bsn(8))]
    before, held = everything(node.folder.path), dump(node)
    report = load(node, changed, dry_run=True, withdraw_missing=True)
    assert counts(report) == (1, 1, 1, 2)
    assert report.rejected_file is None
    assert everything(node.folder.path) == before
    assert dump(node) == held
    assert counts(load(node, changed)) == counts(report)


def test_a_changed_bsn_is_rejected_without_an_answer(node: Node) -> None:
    load(node, THREE)
    before = stored(node)
    report = load(node, [row(1, bsn=bsn(8)), row(2), row(3)])
    assert counts(report) == (0, 0, 2, 1)
    ((reason,),) = [each.reasons for each in report.rejected]
    assert reason == BsnDiffers().reasons[0]
    assert (reason.column, report.rejected[0].line) == ("bsn", 2)
    assert stored(node) == before


def test_a_bsn_that_was_wrong_is_wanted_no_more(node: Node) -> None:
    load(node, [row(1)])
    assert counts(load(node, [row(1, bsn=bsn(8))], bsn_changes="wrong")) == (0, 1, 0, 0)
    assert wanted(node) == {bsn(8)}
    assert bsn(1).encode() not in stored(node)
    assert counts(load(node, [row(1, bsn=bsn(8))])) == (0, 0, 1, 0)


def test_a_bsn_that_changed_stays_beside_the_new_one(node: Node) -> None:
    load(node, [row(1)])
    assert counts(load(node, [row(1, bsn=bsn(8))], bsn_changes="changed")) == (0, 1, 0, 0)
    assert wanted(node) == {bsn(1), bsn(8)}
    # It stays at every later import and change, also at the next change of the number.
    assert counts(load(node, [row(1, bsn=bsn(8))])) == (0, 0, 1, 0)
    assert counts(load(node, [row(1, bsn=bsn(8), function="teacher")])) == (0, 1, 0, 0)
    assert wanted(node) == {bsn(1), bsn(8)}
    load(node, [row(1, bsn=bsn(9))], bsn_changes="changed")
    assert wanted(node) == {bsn(1), bsn(8), bsn(9)}
    # Back to the first: it is the client's present number again and no former one.
    load(node, [row(1)], bsn_changes="changed")
    case = node.store.case(node.store.case_handle("ZK-00001"))
    assert case is not None and case.former == (Bsn.parse(bsn(8)), Bsn.parse(bsn(9)))


def test_a_wrong_number_leaves_what_was_right_before(node: Node) -> None:
    load(node, [row(1)])
    load(node, [row(1, bsn=bsn(8))], bsn_changes="changed")
    load(node, [row(1, bsn=bsn(9))], bsn_changes="wrong")
    assert wanted(node) == {bsn(1), bsn(9)}


def test_each_changed_bsn_is_asked_for_by_its_line(node: Node) -> None:
    load(node, THREE)
    answers: dict[int, BsnChange | None] = {2: "wrong", 3: "changed", 4: None}
    report = load(node, [row(place, bsn=bsn(place + 7)) for place in (1, 2, 3)], answers=answers)
    assert counts(report) == (0, 2, 0, 1)
    assert told(report) == [(4, "bsn")]
    assert wanted(node) == {bsn(8), bsn(2), bsn(9), bsn(3)}


def test_an_import_beside_another_writer(node: Node) -> None:
    load(node, [row(1), row(2)])

    def meanwhile(line: int) -> BsnChange | None:
        # While the person thinks, the case system stores a case anew, and one that the file does not have.
        other = node.another_store()
        for columns in (row(2, bsn=bsn(30)), row(5)):
            case = parse(columns, today=TODAY, adults=True)
            beside = Node(node.folder, node.settings, node.membership, other, node.clock, node.random)
            beside.put_case(case, "wrong")
        other.close()
        return "wrong"

    file = io.BytesIO(table([row(2), row(1, bsn=bsn(20)), row(3)]))
    report = Import(node, withdraw_missing=True, ask=meanwhile).run(file, node.folder.path / "rejected.csv")
    assert counts(report) == (1, 1, 0, 1)
    assert told(report) == [(2, "bsn")]
    assert report.missing == []
    assert references(node) == ["ZK-00001", "ZK-00002", "ZK-00003", "ZK-00005"]


def test_an_import_that_is_broken_off_goes_on_where_it_was(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [row(place) for place in range(1, 1201)]
    put, done = Node.put_case, 0

    def dying(*args: object, **named: object) -> object:
        nonlocal done
        done += 1
        if done == 700:
            raise KeyboardInterrupt
        return put(*args, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Node, "put_case", dying)
        with pytest.raises(KeyboardInterrupt):
            load(node, people)
    assert len(references(node)) == 500
    assert counts(load(node, people)) == (700, 0, 500, 0)


def test_progress_tells_how_far_each_pass_is(node: Node) -> None:
    content = table([row(place) for place in range(1, 400)])
    seen: list[int] = []
    Import(node, progress=seen.append).run(io.BytesIO(content), node.folder.path / "rejected.csv")
    assert seen[-1] == len(content) == max(seen)
    assert len(seen) == 2 * 399


ADULT = {"birth_date": "1985-03-02", "parent_bsn_1": bsn(40), "child_bsns": bsn(41), "sibling_bsns": bsn(42)}
HOME = {"postcode": "4331 AB", "house_number": "12"}


def test_of_an_adult_only_children_and_the_address_are_wanted(node: Node) -> None:
    load(node, [row(1) | ADULT | HOME])
    assert wanted(node) == {bsn(1), bsn(41), "address"}
    assert b'"parent_bsn_1"' in stored(node)


def test_an_adult_is_rejected_where_the_covenant_allows_none(node_of: NodeOf) -> None:
    node = node_of(adults=False)
    report = load(node, [row(1) | ADULT, row(2, birth_date=""), row(3, birth_date="2003-05-01")])
    assert told(report) == [(2, "birth_date")]
    assert references(node) == ["ZK-00002", "ZK-00003"]


def test_of_a_youth_everybody_is_wanted(node: Node) -> None:
    load(node, [row(1) | ADULT | HOME | {"birth_date": "2012-02-29"}])
    assert wanted(node) == {bsn(1), bsn(40), bsn(41), bsn(42), "address"}


@pytest.mark.parametrize("flag", ["confidential", "protected"])
def test_a_confidential_or_protected_case_is_kept_and_nothing_of_it_wanted(node_of: NodeOf, flag: str) -> None:
    node = node_of(coordinated=False)
    hidden = row(1) | ADULT | HOME
    load(node, [hidden | {flag: "yes"}, row(2)])
    assert references(node) == ["ZK-00001", "ZK-00002"]
    assert wanted(node) == {bsn(2)}
    assert node.store.case_counts() == (2, 1)
    load(node, [hidden | {flag: "no"}, row(2)])
    assert wanted(node) == {bsn(1), bsn(2), bsn(41), "address"}
    load(node, [hidden | {flag: "Yes"}, row(2)])
    assert wanted(node) == {bsn(2)}


def test_a_shelter_that_no_coordinator_serves_publishes_nothing(node_of: NodeOf) -> None:
    node = node_of("shelter", coordinated=False)
    load(node, [row(1) | ADULT | HOME])
    assert references(node) == ["ZK-00001"]
    assert wanted(node) == set()


def test_an_address_over_the_household_limit_is_wanted_again_when_the_count_falls(node_of: NodeOf) -> None:
    node = node_of(household_limit=2)
    people = [row(1) | HOME, row(2) | HOME | {"house_number": "12 "}, row(3) | HOME | {"postcode": "4331ab"}]
    load(node, people)
    assert "address" not in wanted(node)
    load(node, [*people[:2], row(3)])
    assert "address" in wanted(node)
    load(node, people)
    assert "address" not in wanted(node)
    load(node, people[:2], withdraw_missing=True)
    assert wanted(node) == {bsn(1), bsn(2), "address"}


def test_a_case_that_rest_stores_differs_only_by_an_answer(node: Node) -> None:
    load(node, [row(1)])
    case = parse(row(1, bsn=bsn(8)), today=TODAY, adults=True)
    before = dump(node)
    with pytest.raises(Rejected):
        node.put_case(case)
    assert dump(node) == before
    assert node.put_case(case, "wrong") == "changed"


def test_the_rejected_file_is_for_its_owner_whatever_the_umask(node: Node) -> None:
    before = os.umask(0)
    try:
        report = load(node, [row(1, bsn="1")])
    finally:
        os.umask(before)
    assert report.rejected_file is not None
    assert stat.S_IMODE(report.rejected_file.stat().st_mode) == 0o600
