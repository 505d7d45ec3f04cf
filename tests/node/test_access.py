"""The access log: what it says, that nothing of it can be changed unseen, and how it is found and forgotten."""

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from raakvlak_node import access
from raakvlak_node.access import AccessLog, Actor, Event, Head, Line, Result, verify
from raakvlak_node.commands import accounts, manners
from raakvlak_node.node import Node, open_node
from raakvlak_node.store import Store
from raakvlak_protocol.errors import Evidence, Malformed, RaakvlakError, Refused
from raakvlak_protocol.identifier import BSN
from tests.federation import Clock
from tests.node.rows import bsn, case
from tests.node.test_cli import covenant_with, init, join
from tests.node.test_store import files

WORKER = Actor.rest("case-system", "j.jansen")
ADMIN = Actor.command("beheer")
FIVE_YEARS = timedelta(days=5 * 365 + 3)


@pytest.fixture
def log(node: Node) -> AccessLog:
    return AccessLog(node.store)


def handle(store: Store, number: str) -> bytes:
    return store.vault.handle("person", BSN, number.encode())


def some(log: AccessLog, clock: Clock, count: int = 5) -> list[bytes]:
    """So many lines, and their export."""
    for place in range(count):
        clock.pass_(seconds=10)
        log.write(WORKER, Event.READ, clock(), case=f"ZK-{place}", reason="overleg" if place % 2 else "")
    return list(log.export())


# --- what a line says -------------------------------------------------------------------------------------------------


def test_a_line_says_who_did_what_about_whom_and_for_whom(node: Node, log: AccessLog, clock: Clock) -> None:
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(2)))
    number = log.write(WORKER, Event.READ, clock(), case="ZK-1", kind="picture", reason="gebeld door de moeder")
    (line,) = log.lines(0, 10)
    assert number == line.number == 1
    record = line.record()
    assert {name: record[name] for name in ("event", "action", "outcome", "kind", "case", "reason")} == {
        "event": "read", "action": "R", "outcome": "done", "kind": "picture", "case": "ZK-1", "reason": "gebeld door de moeder",
    }  # fmt: skip
    assert (record["actor"], record["role"], record["via"]) == ("case-system", "system", "rest")
    assert record["on_behalf_of"] == "j.jansen"
    assert record["moment"] == f"{clock():%Y-%m-%dT%H:%M:%SZ}"
    assert set(line.persons) == {handle(node.store, bsn(1)), handle(node.store, bsn(2))}
    assert record["software"].startswith("raakvlak-node ")


def test_every_event_has_its_letter() -> None:
    assert {each.action for each in Event} == set("CRUDE")


def test_lines_are_found_by_case_and_by_person_when_both_have_gone(node: Node, log: AccessLog, clock: Clock) -> None:
    store = node.store
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(2)))
    node.put_case(case("ZK-2", bsn(3), parent_bsn_1=bsn(2)))
    for reference in ("ZK-1", "ZK-2", "ZK-1"):
        log.write(WORKER, Event.READ, clock(), case=reference)
    log.write(WORKER, Event.RELEASE, clock(), case="ZK-1", person=handle(store, bsn(1)), kind="person")
    with store.transaction():
        log.write(ADMIN, Event.DELETE, clock(), case="ZK-1")
        node.drop_case("ZK-1")
    store.forget_unneeded()
    numbers = {number: [each.number for each in log.of_person(handle(store, bsn(number)))] for number in (1, 2, 3, 4)}
    assert numbers == {1: [1, 3, 4, 5], 2: [1, 2, 3, 5], 3: [2], 4: []}
    assert [each.number for each in log.of_case(store.case_handle("ZK-1"))] == [1, 3, 4, 5]
    assert [each.number for each in log.lines(2, 2)] == [3, 4]


def test_a_line_stands_or_falls_with_what_it_tells_of(node: Node, log: AccessLog, clock: Clock) -> None:
    def fail() -> None:
        with node.store.transaction():
            log.write(WORKER, Event.CREATE, clock(), case="ZK-1")
            node.put_case(case("ZK-1", bsn(1)))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert log.lines(0, 10) == [] and log.head() == Head.begin()
    log.write(WORKER, Event.CREATE, clock(), outcome=Result.REFUSED, case="ZK-1")
    assert [each.outcome for each in log.lines(0, 10)] == [Result.REFUSED]
    log.check()


@pytest.mark.parametrize("name", ["", " ", "a\x00b", "x" * 101, "rechts\u202elinks"])
def test_an_actor_that_no_line_can_show_is_refused(name: str) -> None:
    with pytest.raises(Malformed):
        Actor.command(name)
    with pytest.raises(Malformed):
        Actor.rest("case-system", name.strip() or "\x1b")


def test_what_no_line_can_show_is_refused(log: AccessLog, clock: Clock) -> None:
    with pytest.raises(Malformed):
        log.write(WORKER, Event.READ, clock(), case="a\nb")
    with pytest.raises(Malformed):
        log.write(WORKER, Event.READ, clock(), reason="x" * (access.MAX_REASON_CHARACTERS + 1))
    assert log.lines(0, 1) == []


def test_a_stolen_store_shows_no_line(node: Node, log: AccessLog, clock: Clock) -> None:
    log.write(Actor.rest("dossierpakket", "w.spreeuwenbrug"), Event.READ, clock(), case="DOSSIER-77123", reason="zoutkeet")
    stolen = files(node.store)
    assert b"access_log" in stolen
    for secret in (b"dossierpakket", b"spreeuwenbrug", b"DOSSIER-77123", b"zoutkeet"):
        assert secret not in stolen


def test_the_same_line_has_another_hash_each_time(node: Node, log: AccessLog, clock: Clock, tmp_path: Path) -> None:
    """Otherwise a thief of the store could test guesses of what a line says against its hash, which lies open."""
    copy = tmp_path / "copy.db"
    node.store.backup(copy)
    log.write(WORKER, Event.READ, clock(), case="ZK-1")
    other = Store(copy, node.store.vault)
    try:
        AccessLog(other).write(WORKER, Event.READ, clock(), case="ZK-1")
        assert AccessLog(other).head() != log.head()
    finally:
        other.close()


# --- an export --------------------------------------------------------------------------------------------------------


def test_an_export_verifies_and_is_what_the_store_holds(log: AccessLog, clock: Clock) -> None:
    assert verify(log.export()) == Head.begin() == log.check()
    exported = some(log, clock)
    assert verify(exported) == log.head() == log.check()
    assert [json.loads(each)["line"] for each in exported[1:]] == [each.record() for each in log.lines(0, 10)]


def test_an_export_of_many_lines_is_whole(log: AccessLog, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "CHUNK_LINES", 2)
    assert len(some(log, clock, 5)) == 6
    assert verify(log.export()).number == 5


Change = Callable[[list[bytes]], list[bytes]]


def _changed(place: int, name: str, value: object) -> Change:
    def change(export: list[bytes]) -> list[bytes]:
        record = json.loads(export[place])
        record["line"][name] = value
        return [*export[:place], json.dumps(record, separators=(",", ":")).encode() + b"\n", *export[place + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda lines: [*lines[:3], *lines[4:]], "line 3 "),
        (lambda lines: [lines[0], *lines[2:]], "line 1 "),
        (lambda lines: lines[:-1], "line 5 "),
        (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], "line 2 "),
        (lambda lines: [*lines, lines[-1]], "line 6 "),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], "line 2 "),
        (_changed(2, "case", "ZK-9"), "line 2 "),
        (_changed(2, "actor", "somebody else"), "line 2 "),
        (_changed(2, "moment", "2026-01-01T00:00:00Z"), "line 2 "),
        (_changed(2, "action", "C"), "line 2 "),
        (_changed(2, "number", True), "line 2 "),
        (_changed(2, "salt", "00"), "line 2 "),
        (_changed(2, "kind", "weather"), "line 2 "),
        (_changed(2, "case", 7), "line 2 "),
        (_changed(2, "more", "x"), "line 2 "),
        (lambda lines: [*lines[:2], lines[2].replace(b'":', b'": ', 1), *lines[3:]], "line 2 "),
        (lambda lines: [*lines[:2], lines[2].rstrip(b"\n"), *lines[3:]], "line 2 "),
        (lambda lines: [*lines[:2], b"\n", *lines[3:]], "line 2 "),
        (lambda lines: [*lines[:2], b"[" * 5000 + b"\n", *lines[3:]], "line 2 "),
        (lambda lines: lines[1:], "header"),
        (lambda lines: [], "header"),
        (lambda lines: [lines[0].replace(b'"end":"5', b'"end":"4'), *lines[1:]], "line 5 "),
        (lambda lines: [lines[0].replace(b"}", b',"more":1}'), *lines[1:]], "header"),
    ],
)
def test_what_was_changed_removed_or_reordered_is_found(log: AccessLog, clock: Clock, change: Change, named: str) -> None:
    exported = some(log, clock)
    with pytest.raises((Evidence, Malformed), match=named):
        verify(change(exported))


@pytest.mark.parametrize(
    ("name", "value"), [("number", 7), ("salt", "00"), ("salt", ""), ("moment", "2026-03-02T12:00:00+0100")]
)
def test_a_line_that_no_node_writes_is_refused_though_its_hashes_fit(
    log: AccessLog, clock: Clock, name: str, value: object
) -> None:
    head = Head.begin()
    records = []
    for exported in some(log, clock, 3)[1:]:
        line = json.loads(exported)["line"]
        if line["number"] == 2:
            line[name] = value
        raw = json.dumps(line, separators=(",", ":")).encode()
        head = head.then(raw)
        records.append(b'{"hash":"' + head.hash.hex().encode() + b'","line":' + raw + b"}\n")
    header = {"format": access.FORMAT, "begin": str(Head.begin()), "end": str(head)}
    made = [json.dumps(header, separators=(",", ":")).encode() + b"\n", *records]
    with pytest.raises((Evidence, Malformed), match="line 2 "):
        verify(made)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_flipped_bit_of_an_export_verifies(whole_export: list[bytes], data: st.DataObject) -> None:
    lines = list(whole_export)
    place = data.draw(st.integers(0, len(lines) - 1))
    byte = data.draw(st.integers(0, len(lines[place]) - 1))
    flipped = bytearray(lines[place])
    flipped[byte] ^= 1 << data.draw(st.integers(0, 7))
    lines[place] = bytes(flipped)
    with pytest.raises(RaakvlakError):
        verify(lines)


@pytest.fixture(scope="module")
def whole_export() -> Iterator[list[bytes]]:
    from raakvlak_node.vault import Vault
    from raakvlak_protocol.secret import SecretBytes
    from tests.covenants import NOW

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.db", Vault(SecretBytes(b"k" * 32), lambda size: b"n" * size), create=True)
        yield some(AccessLog(store), Clock(NOW), 3)
        store.close()


def test_a_log_made_anew_is_found_by_an_earlier_head(log: AccessLog, clock: Clock, node_of: Callable[..., Node]) -> None:
    some(log, clock, 3)
    kept = log.head()
    some(log, clock, 2)
    assert verify(log.export(), kept).number == 5 and log.check(kept).number == 5
    other = AccessLog(node_of().store)
    some(other, clock, 2)
    with pytest.raises(Evidence, match="ends at line 2 and went to line 3"):
        verify(other.export(), kept)
    some(other, clock, 2)
    with pytest.raises(Evidence, match=r"line 3 .* differs"):
        verify(other.export(), kept)
    assert Head.parse(str(kept)) == kept


@pytest.mark.parametrize(
    "text", ["", "1", "1:", "1:zz", "01:" + "0" * 64, "-1:" + "0" * 64, "1_0:" + "0" * 64, "1:" + "A" * 64]
)
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Head.parse(text)


# --- append-only ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM access_log",
        "DELETE FROM access_log WHERE number = 1",
        "UPDATE access_log SET moment = 0",
        "UPDATE access_log SET own_case = NULL WHERE number = 2",
        "INSERT OR REPLACE INTO access_log SELECT number, hash, 0, NULL, sealed FROM access_log WHERE number = 1",
        "INSERT INTO access_log SELECT number + 10, hash, moment, own_case, sealed FROM access_log WHERE number = 1",
        "DELETE FROM access_person",
        "UPDATE access_person SET person = x'00'",
    ],
)
def test_the_database_itself_refuses_to_change_a_line(node: Node, log: AccessLog, clock: Clock, sql: str) -> None:
    node.put_case(case("ZK-0", bsn(1)))
    some(log, clock)
    before = list(log.export())
    with pytest.raises(sqlite3.IntegrityError, match="access log"):
        node.store.database.execute(sql)
    assert list(log.export()) == before


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE access_log SET own_case = x'00' WHERE number = 2",
        "UPDATE access_log SET own_case = NULL WHERE number = 2",
        "UPDATE access_log SET moment = moment - 1 WHERE number = 2",
        "UPDATE access_log SET hash = zeroblob(32) WHERE number = 2",
        "UPDATE access_log SET sealed = (SELECT sealed FROM access_log WHERE number = 3) WHERE number = 2",
        "UPDATE access_person SET person = zeroblob(16) WHERE number = 2",
        "DELETE FROM access_person WHERE number = 2",
        "INSERT INTO access_person VALUES (2, zeroblob(16))",
    ],
)
def test_check_names_the_line_that_somebody_changed_beside_the_triggers(
    node: Node, log: AccessLog, clock: Clock, sql: str
) -> None:
    for place in range(3):
        node.put_case(case(f"ZK-{place}", bsn(place)))
    some(log, clock, 4)
    log.check()
    for trigger in ("access_unchanged", "access_kept", "access_person_unchanged", "access_person_kept"):
        node.store.database.execute(f"DROP TRIGGER {trigger}")
    node.store.database.execute(sql)
    with pytest.raises(RaakvlakError, match="line 2 "):
        log.check()


# --- forgetting -------------------------------------------------------------------------------------------------------


def test_lines_older_than_five_years_go_and_the_chain_stays_whole(node: Node, log: AccessLog, clock: Clock) -> None:
    node.put_case(case("ZK-0", bsn(1)))
    some(log, clock, 3)
    old = log.head()
    clock.pass_(days=5 * 365)
    some(log, clock, 2)
    young = log.head()
    assert log.forget(clock()) == 0 and log.head() == young
    clock.pass_(days=3)
    assert log.forget(clock()) == 3
    assert [each.number for each in log.lines(0, 10)] == [4, 5, 6]
    (told,) = log.lines(5, 1)
    assert (told.event, told.actor, told.kind) == (Event.DELETE, Actor.node(), "log")
    assert "lines 1 to 3" in told.reason
    assert [each.number for each in log.of_person(handle(node.store, bsn(1)))] == [4]
    assert node.store.database.execute("SELECT number FROM access_person").fetchall()[0][0] == 4
    assert verify(log.export()).number == 6
    for kept in (old, young):
        assert verify(log.export(), kept) == log.check(kept)
    with pytest.raises(Evidence, match="line 3"):
        verify(log.export(), Head(3, bytes(32)))
    assert log.forget(clock()) == 0


def test_a_log_whose_lines_are_all_old_begins_again_with_the_line_that_says_so(log: AccessLog, clock: Clock) -> None:
    some(log, clock, 2)
    clock.pass_(days=FIVE_YEARS.days)
    assert log.forget(clock()) == 2
    assert [each.number for each in log.lines(0, 10)] == [3]
    log.write(WORKER, Event.READ, clock())
    assert verify(log.export()).number == 4


def test_forgotten_lines_can_not_be_dropped_from_an_export_unseen(log: AccessLog, clock: Clock) -> None:
    some(log, clock, 2)
    clock.pass_(days=FIVE_YEARS.days)
    log.forget(clock())
    some(log, clock, 2)
    header, _, *rest = log.export()
    with pytest.raises(Evidence, match="line 3 "):
        verify([header, *rest])


def test_a_line_is_not_shown_by_its_repr(log: AccessLog, clock: Clock) -> None:
    log.write(WORKER, Event.READ, clock(), case="ZK-1", reason="zoutkeet")
    (line,) = log.lines(0, 1)
    assert repr(line) == "Line(1, read)"
    assert Line.decode(line.encode()) == line


# --- the command ------------------------------------------------------------------------------------------------------


def member_folder(base: Path) -> Path:
    """A folder of a node that has joined a covenant, as the commands open it."""
    entry = init(base / "node", base / "elsewhere" / "node.key")
    assert entry.code == 0, entry
    assert join(base / "node", covenant_with(entry.out)).code == 0
    return base / "node"


def invoked(command: click.Command, folder: Path, *arguments: object) -> str:
    """What the command prints as its result."""
    given = [*map(str, arguments), "--folder", str(folder)]
    done = CliRunner().invoke(command, given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout_bytes.decode()


def test_whoever_looks_at_the_log_stands_in_it(tmp_path: Path) -> None:
    folder = member_folder(tmp_path)
    with closing(open_node(folder)) as node:
        AccessLog(node.store).write(WORKER, Event.READ, node.clock(), case="ZK-1", reason="twee\nregels")

    def run(*arguments: object) -> str:
        return invoked(accounts.access_log, folder, *arguments)

    shown = run().splitlines()
    assert len(shown) == 2
    assert "case-system for j.jansen (system, rest)  read case ZK-1: twee regels" in shown[0]
    assert f"{manners.actor().id} (administrator, command)  read log" in shown[1]
    found = json.loads(run("--json", "--case", "ZK-1", "--as", "fg"))
    assert [each["number"] for each in found["lines"]] == [1, 3]
    assert found["next"] == 3 and found["lines"][1]["on_behalf_of"] == "fg"
    assert json.loads(run("--json", "--after", 3))["lines"][0]["number"] == 4
    target = tmp_path / "log.jsonl"
    run("--export", target)
    assert target.stat().st_mode & 0o077 == 0
    exported = target.read_bytes().splitlines(keepends=True)
    assert json.loads(exported[-1])["line"]["event"] == "export"
    head = str(verify(exported))
    for way in (("--check",), ("--verify", target)):
        assert json.loads(run("--json", *way, "--earlier", head)) == {"lines": 5, "head": head}
        assert head in run(*way)
    with pytest.raises(Evidence):
        run("--verify", target, "--earlier", "5:" + "0" * 64)
    with pytest.raises(Refused, match="exists already"):
        run("--export", target)
    assert len(json.loads(run("--json"))["lines"]) == 6
