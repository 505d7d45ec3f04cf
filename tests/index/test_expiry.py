"""What time takes, told by a clock that the test moves."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from raakvlak_index.expiry import BATCH
from raakvlak_index.reading import SqliteReader
from raakvlak_index.serve import NO_RULES
from raakvlak_protocol import entry
from raakvlak_protocol.entry import Kind
from raakvlak_protocol.term import month_of, removal_month, start_of
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.covenants import Sandbox
from tests.index.members import House, Member, house


def test_rows_go_on_the_first_of_their_month(running: House, school: Member, town: Member) -> None:
    published = running.clock.now
    school.publish("anna")
    town.publish("anna")
    last = start_of(removal_month(published, 24))
    assert all(row.removal_month == month_of(last) for row in school.inventory())
    # Not silent in between.
    while running.clock.now.replace(tzinfo=UTC) < datetime.fromtimestamp(last.timestamp() - 86_400 * 21, UTC):
        running.clock.pass_(days=20)
        school.open()
        town.open()
        running.index.expire()
    running.clock.now = datetime.fromtimestamp(last.timestamp() - 1, UTC)
    running.index.expire()
    assert len(school.inventory()) == len(town.inventory()) == 1
    running.clock.now = last
    police = running.member("police")
    police.publish("anna")
    assert police.matches() == [], "from the first second of the month, whether or not it was swept"
    running.index.expire()
    assert school.inventory() == town.inventory() == []
    assert school.kinds() == town.kinds() == ["match", "match_ended"]
    assert f'"event": "removed", "level": "info", "month": {month_of(last)}, "rows": 2' in running.index.log()


def test_a_lapsed_row_that_is_not_swept_yet_is_published_as_a_new_one(running: House, school: Member) -> None:
    school.publish("anna")
    running.clock.now = start_of(removal_month(running.clock.now, 24))
    assert list(school.publish("anna").already_there) == [False]
    (row,) = school.inventory()
    assert row.removal_month == removal_month(running.clock.now, 24)


def test_a_letter_that_nobody_fetches_lapses(running: House, school: Member, town: Member) -> None:
    school.publish("anna")
    town.publish("anna")
    match_id = school.matches()[0].match_id
    school.post(match_id, 3)
    running.clock.pass_(days=30)
    running.index.expire()
    assert town.kinds() == ["match", "letter"]
    running.clock.pass_(days=1)
    running.index.expire()
    assert town.kinds() == ["match", None]
    (lapsed,) = [event.letter_lapsed for event in school.events() if event.HasField("letter_lapsed")]
    assert (lapsed.match_id, lapsed.number) == (match_id, 3)
    assert school.post(match_id, 3), "the match lives: the letter may be posted again"


def test_a_silent_member_is_suspended_and_hears_all_when_it_returns(running: House, school: Member, town: Member) -> None:
    school.publish("anna", "bert")
    running.clock.pass_(days=31)
    town.publish("anna")
    assert town.matches() == [], "the silent side could not answer, and would be the only one not to know"
    running.clock.pass_(days=5)
    school.open()
    assert [match.other for match in school.matches()] == ["town"]
    assert [match.other for match in town.matches()] == ["school"]


def test_any_call_ends_a_suspension(running: House, school: Member, town: Member) -> None:
    school.publish("anna")
    running.clock.pass_(days=31)
    town.publish("anna")
    school.publish("bert")
    assert len(school.matches()) == len(town.matches()) == 1


def test_an_open_stream_is_a_sign_of_life(running: House, school: Member, town: Member) -> None:
    school.publish("anna")
    with school.watching() as stream:
        next(stream)
        for _ in range(4):
            running.clock.pass_(days=10)
            running.index.expire()
        town.publish("anna")
        assert len(next(stream).events) == 1


def test_after_ninety_silent_days_the_rows_go(running: House, school: Member, town: Member) -> None:
    school.publish("anna", "bert")
    town.publish("anna")
    for _ in range(9):
        running.clock.pass_(days=10)
        town.open()
        running.index.expire()
    assert town.kinds() == ["match"]
    running.clock.pass_(days=1)
    running.index.expire()
    assert town.kinds() == ["match", "match_ended"]
    assert school.inventory() == []
    assert '"event": "forgotten", "level": "warning", "member": "school", "rows": 2' in running.index.log()


def test_the_rows_of_a_member_that_has_left_the_covenant_go(sandbox: Sandbox, tmp_path: Path) -> None:
    names = [f"person {number}" for number in range(BATCH + 1)]
    with house(sandbox, tmp_path) as running:
        running.member("town").publish("person 0", "bert")
        running.member("school").publish(*names[:1_000])
        running.member("school").publish(*names[1_000:2_000])
        running.member("school").publish(*names[2_000:])
        assert running.member("town").kinds() == ["match"]

    def leaves(payload: pb.Covenant) -> None:
        staying = [each for each in payload.members if each.id != "school"]
        del payload.members[:]
        payload.members.extend(staying)

    told = []
    for _ in range(2):
        with house(sandbox.successor(leaves), tmp_path, peppers=running.index.peppers) as running:
            town = running.member("town")
            assert town.kinds() == ["match", "match_ended"]
            assert len(town.inventory()) == 2
            with closing(SqliteReader(running.index.path, NO_RULES)) as reader:
                assert reader.inventory("school", b"", 1) == []
                leaves_of_log = reader.leaves(0, 10_000)
            removed = [entry.parse(leaf).number for leaf in leaves_of_log if leaf[0] == Kind.REMOVED]
            assert len(set(removed)) == len(removed) == BATCH + 1
            told.append(f'"event": "left", "level": "warning", "member": "school", "rows": {BATCH + 1}' in running.index.log())
    assert told == [True, False]


def test_what_was_deleted_is_nowhere_on_the_disk(running: House, school: Member, town: Member) -> None:
    (reference,) = school.publish("anna").references
    town.publish("anna")
    match_id = school.matches()[0].match_id
    school.post(match_id, 1, b"sealed letter text" + bytes(1024 - 18))
    town.withdraw([town.matches()[0].reference])
    for member in (school, town):
        member.acknowledge(member.events()[-1].number)
    digest = running.index.running.service._rules.keys_of(1).referred("school", [reference])[0]
    town_row = running.index.running.service._rules.keys_of(1)
    assert town_row.references("school", [digest]) == [reference]
    school.withdraw([reference])
    running.index.expire()
    files = b"".join(each.read_bytes() for each in running.index.path.parent.rglob("*") if each.is_file())
    for gone in (digest, match_id, b"sealed letter text"):
        assert gone not in files
