"""What `raakvlak-audit index` finds of matches that only a coordinator may hear of."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from raakvlak_audit.mediated import HIGHER, LOWER, MediatedCheck, Serving, Told, check
from raakvlak_audit.officer import Officer, Settings
from raakvlak_audit.report import Verdict
from raakvlak_audit.rows import Row
from raakvlak_protocol import checkpoint
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.audit.test_index import audit, said, tampering, verdicts
from tests.covenants import Sandbox, make_covenant
from tests.index.members import house

MEMBERS = {"police": "police", "school": "education", "shelter": "shelter", "town": "municipality", "hub": "coordinator"}
HIDDEN, DIRECT = Visibility.COORDINATOR, Visibility.DIRECT
BOTH = LOWER | HIGHER
ANNA, BERT = b"a" * 16, b"b" * 16


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(members=MEMBERS)


# --- the rules ----------------------------------------------------------------------------------------------------------


def row(member: str, visibility: Visibility, *, digest: bytes = ANNA, month: int = 400, position: int = 5) -> Row:
    return Row(digest, member, 1, month, visibility, position, bytes(32))


def told(lower: str = "police", higher: str = "school", asked: int = LOWER, *, by: str = "hub", direct: int = 0) -> Told:
    return Told(ANNA, lower, higher, by, direct, asked)


def judged(
    sandbox: Sandbox,
    rows: Sequence[Row],
    records: Sequence[Told],
    *,
    delivered: Sequence[tuple[str, str]] = (),
    settled: int = 9,
    waits: str = "",
) -> dict[str, int]:
    """Every count that is not zero."""
    found = MediatedCheck(
        records, Serving([sandbox.covenant]), month=350, settled=settled, waits=lambda member: member == waits
    )
    if rows:
        found.take(rows[0].digest, rows, delivered)
    found.finish()
    return {name: count for name, count in (found.counts | found.findings.counts).items() if count}


PAIR = [row("police", HIDDEN), row("school", DIRECT)]


def test_what_belongs_before_the_coordinator(sandbox: Sandbox) -> None:
    assert judged(sandbox, PAIR, [told()]) == {"told": 1}
    shelter = [row("school", DIRECT), row("shelter", DIRECT)]
    assert judged(sandbox, shelter, [told("school", "shelter", BOTH)]) == {"told": 1}
    direct = [row("police", DIRECT), row("school", DIRECT)]
    assert judged(sandbox, direct, [], delivered=[("police", "school")]) == {}
    brought = [told(asked=BOTH, direct=1)]
    assert judged(sandbox, direct, brought, delivered=[("police", "school")]) == {"told": 1}
    assert judged(sandbox, direct, brought) == {"brought_without_match": 1}


def test_what_was_not_told_is_wrong_only_where_the_rows_stand_for_long(sandbox: Sandbox) -> None:
    assert judged(sandbox, PAIR, []) == {"not_told": 1}
    assert judged(sandbox, PAIR, [], settled=5) == {"beginning": 1}
    for member in ("police", "school", "hub"):
        assert judged(sandbox, PAIR, [], waits=member) == {"wait": 1}
    assert judged(sandbox, PAIR, [], waits="town") == {"not_told": 1}


@pytest.mark.parametrize("rows", [
    [], [row("police", HIDDEN)], [row("police", HIDDEN), row("school", DIRECT, month=350)],
    [row("police", HIDDEN, digest=BERT), row("school", DIRECT, digest=BERT, month=350)],
])  # fmt: skip
def test_a_record_of_rows_that_are_gone_may_end_yet(sandbox: Sandbox, rows: list[Row]) -> None:
    assert judged(sandbox, rows, [told()]) == {"ending": 1}


def test_a_record_that_differs_from_its_rows(sandbox: Sandbox) -> None:
    for asked in (HIGHER, BOTH, 0):
        assert judged(sandbox, PAIR, [told(asked=asked)]) == {"told_wrongly": 1}
        assert judged(sandbox, PAIR, [told(asked=asked)], settled=0) == {"ending": 1}
    assert judged(sandbox, PAIR, [told(by="town")]) == {"told_another": 1}
    assert judged(sandbox, PAIR, [told(by="")]) == {"told_another": 1}
    assert judged(sandbox, PAIR, [told(), told()]) == {"told_twice": 2}
    direct = [row("police", DIRECT), row("school", DIRECT)]
    assert judged(sandbox, direct, [told()], delivered=[("police", "school")]) == {"told_wrongly": 1}


def test_where_nobody_is_called_in_nothing_is_due() -> None:
    def of_care_alone(payload: pb.Covenant) -> None:
        payload.coordination[0].kinds[:] = ["education", "municipality"]

    sandbox = make_covenant(members=MEMBERS, change=of_care_alone)
    assert judged(sandbox, PAIR, []) == {}
    assert judged(sandbox, PAIR, [told()]) == {"told_another": 1}


def test_the_coordinator_of_an_earlier_version_may_be_told_yet(sandbox: Sandbox) -> None:
    later = Serving([sandbox.covenant, make_covenant(members=MEMBERS | {"centre": "coordinator"}, change=_centre).covenant])
    assert (later.now("police", "school"), later.ever("police", "school")) == ("centre", {"hub", "centre"})
    assert later.now("police", "stranger") == "" and later.ever("police", "stranger") == set()


def _centre(payload: pb.Covenant) -> None:
    payload.coordination[0].coordinator = "centre"


def test_the_report_names_no_side(sandbox: Sandbox) -> None:
    found = MediatedCheck([], Serving([sandbox.covenant]), month=350, settled=9, waits=lambda member: False)
    found.take(ANNA, PAIR, ())
    made = check(found)
    text = " ".join(each.text(language) for each in made.found for language in ("en", "nl"))
    assert made.verdict is Verdict.WRONG and "hub" in text
    assert "police" not in text and "school" not in text


# --- a database ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The database of an index with matches of every sort, and the checkpoint over its log."""
    folder = tmp_path_factory.mktemp("index")
    with house(sandbox, folder) as running:
        police, school, shelter, town, hub = (running.member(each) for each in MEMBERS)
        police.publish("anna", "bert", visibility=HIDDEN)
        school.publish("anna", "bert", "carla")
        shelter.publish("bert", visibility=HIDDEN)
        town.publish("carla")
        assert town.post(town.matches()[0].match_id, to="hub")
        running.mediate()
        asked = next(each for each in hub.before() if each.one_reference)
        assert hub.post(asked.match_id, to=asked.one)
        running.index.publish_log()
        note = running.index.running.published.signed.raw
        with closing(sqlite3.connect(running.index.path)) as connection:
            connection.execute("VACUUM INTO ?", (str(folder / "copy.db"),))
    return (folder / "copy.db").read_bytes(), note


@contextmanager
def looked_at(made: tuple[bytes, bytes], sandbox: Sandbox, folder: Path, *, days: int) -> Iterator[tuple[Path, Path]]:
    """An officer who saw the log so many days ago, and the database."""
    name, seen = sandbox.covenant.witnesses["witness-1"].key.name, datetime.now(UTC) - timedelta(days=days)
    note = checkpoint.cosign(made[1], name, sandbox.witness_seeds["witness-1"], seen)
    Officer(folder / "officer").create(Settings(sandbox.payload.id), sandbox.file, sandbox.pin, note)
    (folder / "store.db").write_bytes(made[0])
    yield folder / "officer", folder / "store.db"


def test_a_sound_database_with_mediated_matches(made: tuple[bytes, bytes], sandbox: Sandbox, tmp_path: Path) -> None:
    with looked_at(made, sandbox, tmp_path, days=2) as (officer, database):
        code, report, _ = audit(officer, database)
    assert (code, set(verdicts(report).values())) == (0, {"ok"})
    assert "5 matches are before the coordinator" in said(report, "mediated")


@pytest.mark.parametrize("days, verdict, code, text", [(2, "wrong", 1, "was not told to it"), (0, "unknown", 75, "an hour")])
def test_matches_that_were_kept_from_the_coordinator(
    made: tuple[bytes, bytes], sandbox: Sandbox, tmp_path: Path, days: int, verdict: str, code: int, text: str
) -> None:
    with looked_at(made, sandbox, tmp_path, days=days) as (officer, database):
        with tampering(database) as connection:
            connection.execute("DELETE FROM mediation WHERE NOT direct")
        found, report, _ = audit(officer, database)
    assert (found, verdicts(report)["mediated"]) == (code, verdict)
    assert text in said(report, "mediated")


@pytest.mark.parametrize("statement, text", [
    ("UPDATE mediation SET coordinator = (SELECT number FROM member WHERE id = 'town')", "town was told of a match"),
    ("UPDATE mediation SET asked = 3 WHERE asked < 3", "may ask another side"),
    ("UPDATE mediation SET direct = 1, asked = 3", "never told to the sides"),
    ("INSERT INTO mediation SELECT randomblob(16), digest, lower, higher, coordinator, direct, asked, 0 FROM mediation",
     "has two records"),
])  # fmt: skip
def test_a_record_that_was_changed(
    made: tuple[bytes, bytes], sandbox: Sandbox, tmp_path: Path, statement: str, text: str
) -> None:
    with looked_at(made, sandbox, tmp_path, days=2) as (officer, database):
        with tampering(database) as connection:
            connection.execute(statement)
        code, report, _ = audit(officer, database)
    assert code == 1 and {id for id, verdict in verdicts(report).items() if verdict == "wrong"} == {"mediated"}
    assert text in said(report, "mediated")


@pytest.mark.parametrize("statement, column", [
    ("UPDATE mediation SET heard = 7", "heard of table mediation"),
    ("UPDATE mediation SET match_id = zeroblob(17) WHERE direct", "match_id of table mediation"),
    ("UPDATE event SET content = zeroblob(16) WHERE kind = 5 AND content = x''", "content of table event"),
])  # fmt: skip
def test_what_hides_in_a_record(
    made: tuple[bytes, bytes], sandbox: Sandbox, tmp_path: Path, statement: str, column: str
) -> None:
    with looked_at(made, sandbox, tmp_path, days=2) as (officer, database):
        with tampering(database) as connection:
            connection.execute(statement)
        code, report, _ = audit(officer, database)
    assert code == 1 and f"column {column}" in said(report, "holdings")
