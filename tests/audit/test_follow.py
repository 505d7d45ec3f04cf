"""`follow`: a good log is trusted, a late one is told from a lying one, and the first wrong place is named."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from raakvlak_audit.follow import POSITIONS
from raakvlak_audit.follow_checks import ALARM
from raakvlak_audit.officer import Officer
from raakvlak_audit.positions import Positions
from raakvlak_audit.report import Verdict
from raakvlak_audit.source import LogFolder, Source, Tiles, tiles
from raakvlak_protocol import entry, evidence, merkle
from raakvlak_protocol.entry import Kind
from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.merkle import EMPTY_ROOT
from raakvlak_protocol.secret import SecretBytes
from tests.audit.logs import (
    check,
    copied,
    cosigned_by,
    followed,
    forged,
    leaves,
    look,
    officer,
    publication,
    publish,
    said,
    sealed_note,
    verdicts,
)
from tests.audit.test_commands import run
from tests.covenants import NOW, Sandbox, make_covenant

ALL = ("reached", "history", "others", "entries", "removals", "commitments", "witnesses")


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant()


@pytest.fixture(scope="module")
def watched() -> Sandbox:
    """A covenant that demands two of three witnesses."""
    return make_covenant(witnesses=("a", "b", "c"), witness_threshold=2)


@pytest.fixture
def one(tmp_path: Path, sandbox: Sandbox) -> Officer:
    return officer(tmp_path / "officer", sandbox)


def log_of(tmp_path: Path, sandbox: Sandbox, entries: list[bytes], name: str = "log") -> Path:
    return publish(tmp_path / name, sandbox, entries)


# --- a good log -------------------------------------------------------------------------------------------------------


def test_a_good_log_is_trusted_and_its_growth_is_told(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    first = followed(one, sandbox, log_of(tmp_path, sandbox, leaves(sandbox, 300)))
    assert first.well
    assert verdicts(first)["history"] is Verdict.NOTE
    assert "not proved" in said(first, "history")
    second = followed(one, sandbox, log_of(tmp_path, sandbox, leaves(sandbox, 1000)))
    assert second.well
    assert "first 300 entries" in said(second, "history")
    assert "700 entries were added" in said(second, "history")
    assert "700 entries were read now, 300 were read before" in said(second, "entries")
    trusted = one.trusted(sandbox.covenant)
    assert trusted is not None
    assert trusted.size == 1000
    (growth,) = second.tables
    total = [sum(leaf[0] == kind for leaf in leaves(sandbox, 1000)) for kind in Kind]
    since = [sum(leaf[0] == kind for leaf in leaves(sandbox, 1000)[300:]) for kind in Kind]
    assert [row[1:] for row in growth.rows] == list(zip(since, total, strict=True))


def test_the_live_positions_are_those_published_and_not_removed(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    entries = leaves(sandbox, 777)
    looked = followed(one, sandbox, log_of(tmp_path, sandbox, entries))
    gone = {int.from_bytes(leaf[1:], "big") for leaf in entries if leaf[0] == Kind.REMOVED}
    live = [place for place, leaf in enumerate(entries) if leaf[0] == Kind.PUBLISHED and place not in gone]
    assert gone
    assert list(looked.positions.live_positions()) == live
    assert looked.positions.live == len(live)
    remembered = Positions.load(one.path / POSITIONS)
    assert remembered is not None
    assert list(remembered.live_positions()) == live


def test_what_was_remembered_is_read_again_where_it_is_lost_or_damaged(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = log_of(tmp_path, sandbox, leaves(sandbox, 600))
    followed(one, sandbox, log)
    file = one.path / POSITIONS
    good = file.read_bytes()
    for at in (0, 30, 90, 200, len(good) - 1):
        file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        looked = look(one, sandbox, log)
        assert looked.well
        assert "600 entries were read now" in said(looked, "entries")
        assert "missing or damaged" in said(looked, "entries")
    file.unlink()
    assert "600 entries were read now" in said(look(one, sandbox, log), "entries")


def test_a_copy_by_tile_path_is_the_same_log(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = log_of(tmp_path, sandbox, leaves(sandbox, 700))
    mirror = copied(log, tmp_path / "mirror", 700)
    # A mirror that has seen 768 entries may have thrown away the partial tiles of the tree of 700.
    later = copied(log_of(tmp_path, sandbox, leaves(sandbox, 768), "later"), tmp_path / "later-mirror", 768)
    shutil.rmtree(mirror / "tile" / "0" / "002.p")
    shutil.rmtree(mirror / "tile" / "entries" / "002.p")
    for kind in ("0", "entries"):
        shutil.copy(later / "tile" / kind / "002", mirror / "tile" / kind / "002")
    assert look(one, sandbox, Tiles(mirror)).well


def test_its_own_checkpoint_changed_on_this_machine_is_not_the_logs_fault(
    one: Officer, sandbox: Sandbox, tmp_path: Path
) -> None:
    log = log_of(tmp_path, sandbox, leaves(sandbox, 20))
    followed(one, sandbox, log)
    one.checkpoint_file.write_bytes(one.checkpoint_file.read_bytes().replace(b"20\n", b"21\n"))
    with pytest.raises(Refused, match="this machine's own file"):
        look(one, sandbox, log)


# --- late, empty, unreachable -----------------------------------------------------------------------------------------


def test_an_empty_log_and_one_that_is_not_there_are_not_known(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    empty = look(one, sandbox, log_of(tmp_path, sandbox, []))
    (tmp_path / "nothing").mkdir()
    absent = look(one, sandbox, tmp_path / "nothing")
    for looked in (empty, absent):
        assert set(verdicts(looked)) == set(ALL)
        assert Verdict.WRONG not in verdicts(looked).values()
        assert verdicts(looked)["reached"] is Verdict.UNKNOWN
        assert "no entries" in said(looked, "reached")
        assert looked.followed is None


@pytest.mark.parametrize("size", [0, 40])
def test_a_log_that_shows_less_than_before_is_behind(one: Officer, sandbox: Sandbox, tmp_path: Path, size: int) -> None:
    followed(one, sandbox, log_of(tmp_path, sandbox, leaves(sandbox, 300)))
    looked = look(one, sandbox, log_of(tmp_path, sandbox, leaves(sandbox, size), "old copy"))
    assert verdicts(looked)["history"] is Verdict.UNKNOWN
    assert Verdict.WRONG not in verdicts(looked).values()
    assert f"shows {size} entries" in said(looked, "history")
    assert one.trusted_note() == (tmp_path / "log" / "checkpoint").read_bytes()


def test_an_index_that_is_not_there_is_unreachable(sandbox: Sandbox, tmp_path: Path) -> None:
    at = officer(tmp_path / "officer", sandbox, log="127.0.0.1:1")
    done = run("follow", "--folder", at.path, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == (75, "unknown")
    assert report["checks"][0]["verdict"] == "unknown"
    assert "can't be reached" in report["checks"][0]["found"][0]["text"]


@dataclass
class Breaking:
    """A source of which the connection breaks after a number of answers."""

    under: Source
    left: int
    asked: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.under.name

    def fetch(self, path: str) -> bytes:
        self.asked.append(path)
        self.left -= 1
        if self.left < 0:
            raise Unavailable("the connection broke off")
        return self.under.fetch(path)


def test_a_reading_that_breaks_off_goes_on_where_it_stopped(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = log_of(tmp_path, sandbox, leaves(sandbox, 5000))
    broken = look(one, sandbox, Breaking(LogFolder(log), 20))
    assert (verdicts(broken)["entries"], broken.well) == (Verdict.UNKNOWN, False)
    known = broken.positions.read
    assert 0 < known < 5000
    assert one.trusted(sandbox.covenant) is None
    # The log has grown meanwhile.
    log_of(tmp_path, sandbox, leaves(sandbox, 5300))
    going_on = Breaking(LogFolder(log), 10**6)
    looked = followed(one, sandbox, going_on)
    assert looked.well
    assert f"{known:,} were read before" in said(looked, "entries")
    assert "tile/entries/000" not in going_on.asked
    assert list(looked.positions.live_positions()) == list(
        followed(officer(tmp_path / "fresh", sandbox), sandbox, log).positions.live_positions()
    )


def test_wherever_the_connection_breaks_nothing_is_wrong(sandbox: Sandbox, tmp_path: Path) -> None:
    log = log_of(tmp_path, sandbox, leaves(sandbox, 700))
    whole = Breaking(LogFolder(log), 10**6)
    assert look(officer(tmp_path / "whole", sandbox), sandbox, whole).well
    for left in range(len(whole.asked)):
        at = officer(tmp_path / str(left), sandbox)
        looked = look(at, sandbox, Breaking(LogFolder(log), left))
        assert Verdict.WRONG not in verdicts(looked).values()
        assert Verdict.UNKNOWN in verdicts(looked).values()
        assert followed(at, sandbox, log).well


# --- lies -------------------------------------------------------------------------------------------------------------


def test_a_rewritten_history_is_found_and_kept_as_evidence(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    followed(one, sandbox, log_of(tmp_path, sandbox, leaves(sandbox, 300)))
    before = one.trusted_note()
    rebuilt = log_of(tmp_path, sandbox, [*leaves(sandbox, 299), publication(9999), *leaves(sandbox, 400)[300:]], "rebuilt")
    looked = followed(one, sandbox, rebuilt)
    assert verdicts(looked)["history"] is Verdict.WRONG
    assert "signed two histories" in said(looked, "history")
    assert one.trusted_note() == before
    (file,) = (one.path / "evidence").iterdir()
    finding = evidence.check(file.read_bytes(), sandbox.covenant.log_key)
    assert finding.convicts
    assert finding.numbers == {"old_size": 300, "size": 400}


def test_what_was_read_and_not_yet_trusted_cannot_be_rewritten_either(watched: Sandbox, tmp_path: Path) -> None:
    at = officer(tmp_path / "officer", watched)
    log = log_of(tmp_path, watched, leaves(watched, 100))
    cosigned_by(log, watched, "a")
    cosigned_by(log, watched, "b")
    assert followed(at, watched, log).well
    followed(at, watched, log_of(tmp_path, watched, leaves(watched, 300)))
    trusted = at.trusted(watched.covenant)
    assert trusted is not None
    assert trusted.size == 100
    rebuilt = log_of(tmp_path, watched, [*leaves(watched, 200), *leaves(watched, 400, "other")[200:]], "rebuilt")
    looked = look(at, watched, rebuilt)
    assert verdicts(looked)["history"] is Verdict.WRONG


@pytest.mark.parametrize("size", [150, 300, 420])
def test_two_histories_shown_to_two_members_are_found(one: Officer, sandbox: Sandbox, tmp_path: Path, size: int) -> None:
    mine = log_of(tmp_path, sandbox, leaves(sandbox, 420))
    same = sealed_note(
        tmp_path / "of-school", (log_of(tmp_path, sandbox, leaves(sandbox, 200), "early") / "checkpoint").read_bytes()
    )
    fork = log_of(tmp_path, sandbox, leaves(sandbox, size, "other"), "fork")
    other = sealed_note(tmp_path / "of-town", (fork / "checkpoint").read_bytes())
    assert look(one, sandbox, mine, same).well
    looked = look(one, sandbox, mine, same, other)
    assert verdicts(looked)["others"] is Verdict.WRONG
    assert "of-town was shown another log" in said(looked, "others")
    assert "of-school, of 200 entries, is a beginning" in said(looked, "others")
    assert looked.positions.read in (0, 420)
    (file,) = (one.path / "evidence").iterdir()
    assert evidence.check(file.read_bytes(), sandbox.covenant.log_key).numbers == {"old_size": size, "size": 420}


def test_a_member_who_saw_more_may_have_looked_later(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    later = log_of(tmp_path, sandbox, leaves(sandbox, 50), "later") / "checkpoint"
    looked = look(one, sandbox, log_of(tmp_path, sandbox, leaves(sandbox, 40)), later)
    assert verdicts(looked)["others"] is Verdict.UNKNOWN
    assert not looked.sound


def test_a_file_that_the_log_did_not_sign_says_nothing_about_it(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = log_of(tmp_path, sandbox, leaves(sandbox, 40))
    origin = sandbox.index.dns_name
    files = {
        "text": b"hello\n",
        "empty": b"",
        "stranger": forged(SecretBytes(bytes(32)), origin, 40, bytes(32)),
        "other-log": forged(SecretBytes(bytes(32)), "another.log", 40, bytes(32)),
        "huge": b"x" * 70_000,
    }
    for name, raw in files.items():
        looked = look(one, sandbox, log, sealed_note(tmp_path / name, raw))
        assert verdicts(looked)["others"] is Verdict.WRONG
        assert "says nothing about the log" in said(looked, "others")
    assert not (one.path / "evidence").exists()


def flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def named(looked_said: str) -> tuple[int, int]:
    """The first and last position that a sentence names."""
    found = re.findall(r"(?:positions?|to) ([\d,]+)", looked_said)
    numbers = [int(each.replace(",", "")) for each in found]
    return min(numbers), max(numbers)


def test_a_changed_byte_of_an_entry_is_found_and_its_place_named(sandbox: Sandbox, tmp_path: Path) -> None:
    entries = leaves(sandbox, 620)
    log = log_of(tmp_path, sandbox, entries)
    good = (log / "entries").read_bytes()
    ends: list[int] = []
    for each in entries:
        ends.append((ends[-1] if ends else 0) + 2 + len(each))
    places = [*range(0, len(good), 397), len(good) - 1]
    for number, at in enumerate(places):
        one = officer(tmp_path / str(number), sandbox)
        flip(log / "entries", at)
        looked = look(one, sandbox, log)
        position = next(place for place, end in enumerate(ends) if at < end)
        assert verdicts(looked)["entries"] is Verdict.WRONG, at
        first, last = named(said(looked, "entries"))
        assert first <= position <= last, at
        in_content = at >= ends[position] - len(entries[position])
        assert not in_content or (first, last) == (position, position), at
        assert not looked.well
        (log / "entries").write_bytes(good)


@pytest.mark.parametrize("name", ["level-0", "level-1"])
def test_a_changed_byte_of_a_hash_is_found(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    log = log_of(tmp_path, sandbox, leaves(sandbox, 620))
    good = (log / name).read_bytes()
    for number, at in enumerate(range(0, len(good), 211 if name == "level-0" else 5)):
        one = officer(tmp_path / str(number), sandbox)
        flip(log / name, at)
        looked = look(one, sandbox, log)
        wrong = [each for each, verdict in verdicts(looked).items() if verdict is Verdict.WRONG]
        position = at // 32 * (1 if name == "level-0" else 256)
        if name == "level-1" or position >= 512:  # the tiles at the log's end make its root
            assert wrong == ["history"], at
            assert f"tile/{name[-1]}/" in said(looked, "history")
        else:
            assert wrong == ["entries"], at
            assert named(said(looked, "entries")) == (position, position)
            assert f"tile/0/00{position // 256}" in said(looked, "entries")
        (log / name).write_bytes(good)


def test_an_entry_changed_with_its_hash_is_found(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    entries = leaves(sandbox, 700)
    log = log_of(tmp_path, sandbox, entries)
    other = log_of(tmp_path, sandbox, [*entries[:100], publication(1, "slipped in"), *entries[101:]], "other")
    for name in ("entries", "level-0"):
        shutil.copy(other / name, log / name)
    looked = look(one, sandbox, log)
    assert verdicts(looked)["entries"] is Verdict.WRONG
    assert named(said(looked, "entries")) == (0, 255)


def test_tiles_of_another_log_are_not_this_one(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = log_of(tmp_path, sandbox, leaves(sandbox, 620))
    other = log_of(tmp_path, sandbox, leaves(sandbox, 620, "other"), "other")
    for name in ("entries", "level-0", "level-1", "bundles"):
        shutil.copy(other / name, log / name)
    looked = look(one, sandbox, log)
    assert verdicts(looked)["history"] is Verdict.WRONG


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[:-1],
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(b"\n40\n", b"\n040\n"),
        lambda raw: raw.replace(b"\n40\n", b"\n41\n"),
        lambda raw: raw.replace(b"=", b"", 1),
        lambda raw: raw + b"\n",
        lambda raw: b"\xff" + raw,
        lambda raw: raw.split(b"\n\n")[0] + b"\n",
        lambda raw: b"",
    ],
)
def test_a_changed_checkpoint_is_wrong(
    one: Officer, sandbox: Sandbox, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    log = log_of(tmp_path, sandbox, leaves(sandbox, 40))
    file = log / "checkpoint"
    file.write_bytes(change(file.read_bytes()))
    looked = look(one, sandbox, log)
    assert verdicts(looked)["history"] is Verdict.WRONG
    assert not looked.sound


def test_no_changed_byte_of_a_checkpoint_is_taken_for_it(watched: Sandbox, tmp_path: Path) -> None:
    log = log_of(tmp_path, watched, leaves(watched, 40))
    cosigned_by(log, watched, "a")
    cosigned_by(log, watched, "b")
    at = officer(tmp_path / "officer", watched)
    assert look(at, watched, log).well
    for name in ("checkpoint", "checkpoint.a"):
        good = (log / name).read_bytes()
        for place in range(len(good)):
            flip(log / name, place)
            looked = look(at, watched, log)
            assert verdicts(looked)["history"] is Verdict.WRONG or verdicts(looked)["witnesses"] is not Verdict.OK, (
                name,
                place,
            )
            assert not looked.well, (name, place)
            (log / name).write_bytes(good)


def test_a_signed_tree_of_nothing_with_a_size_is_no_log(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = log_of(tmp_path, sandbox, [])
    (log / "checkpoint").write_bytes(forged(sandbox.log_seed, sandbox.index.dns_name, 5, EMPTY_ROOT))
    looked = look(one, sandbox, log)
    assert verdicts(looked)["reached"] is Verdict.UNKNOWN  # its tiles are missing: that may be a copy that is not whole
    assert "level-0 is not there" in said(looked, "reached")
    assert not looked.sound


# --- the rules of the entries -----------------------------------------------------------------------------------------


def test_the_first_entry_that_breaks_a_rule_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    good = leaves(sandbox, 300)
    stands = next(place for place in range(299, 0, -1) if good[place][0] == Kind.PUBLISHED)
    removed = int.from_bytes(next(leaf for leaf in good if leaf[0] == Kind.REMOVED)[1:], "big")
    cases = {
        "removals removed before": ([entry.removed(removed)], "removals", removed),
        "removals twice at once": ([entry.removed(stands), entry.removed(stands)], "removals", stands),
        "removals of no publication": ([entry.removed(0)], "removals", 0),
        "removals of itself": ([entry.removed(300)], "removals", 300),
        "removals ahead": ([entry.removed(2**64 - 1)], "removals", 2**64 - 1),
        "entries unknown": ([b"\x06" + bytes(32)], "entries", None),
        "entries short": ([b"\x01" + bytes(31)], "entries", None),
        "entries zero": ([b"\x00"], "entries", None),
    }
    for name, (bad, id, names) in cases.items():
        at = officer(tmp_path / f"officer {name}", sandbox)
        more = [publication(each, "later") for each in range(30)]
        looked = followed(at, sandbox, log_of(tmp_path, sandbox, [*good, *bad, *more], name))
        assert [each for each, verdict in verdicts(looked).items() if verdict is Verdict.WRONG] == [id], name
        place = 299 + len(bad)
        assert f"position {place}" in said(looked, id), name
        assert names is None or f"position {names:,}" in said(looked, id), name
        assert looked.positions.read == place
        assert at.trusted(sandbox.covenant) is None
        # Whoever looks again finds the same.
        assert f"position {place}" in said(followed(at, sandbox, tmp_path / name), id)


def test_covenant_versions_in_the_log_are_held_against_the_officers(sandbox: Sandbox, tmp_path: Path) -> None:
    def told(name: str, *entries: bytes) -> tuple[Verdict, str]:
        at = officer(tmp_path / f"officer {name}", sandbox)
        looked = look(at, sandbox, log_of(tmp_path, sandbox, [*entries, publication(1)], name))
        return verdicts(looked)["commitments"], said(looked, "commitments")

    own, other = entry.covenant(1, sandbox.covenant.hash), entry.covenant(1, bytes(32))
    assert told("own", own)[0] is Verdict.OK
    assert told("twice", own, own)[0] is Verdict.OK
    assert told("none")[0] is Verdict.NOTE
    verdict, text = told("newer", own, entry.covenant(2, bytes(32)))
    assert (verdict, "version 2, and you hold version 1" in text) == (Verdict.NOTE, True)
    verdict, text = told("other", other)
    assert (verdict, "another document" in text) == (Verdict.WRONG, True)
    verdict, text = told("back", entry.covenant(2, bytes(32)), own)
    assert (verdict, "went back to version 1" in text) == (Verdict.WRONG, True)
    verdict, text = told("pepper", own, entry.epoch(1, bytes(32)), entry.epoch(1, b"\x01" * 32))
    assert (verdict, "changed its secret of epoch 1" in text) == (Verdict.NOTE, True)


def test_a_newer_covenant_is_compared_when_the_officer_takes_it(sandbox: Sandbox, tmp_path: Path) -> None:
    later = sandbox.successor(lambda payload: setattr(payload.rules, "household_limit", 5))
    at = officer(tmp_path / "officer", sandbox)
    own = entry.covenant(1, sandbox.covenant.hash)
    honest = log_of(tmp_path, sandbox, [own, entry.covenant(2, later.covenant.hash), publication(1)], "honest")
    lying = log_of(tmp_path, sandbox, [own, entry.covenant(2, bytes(32)), publication(1)], "lying")
    other = officer(tmp_path / "other", sandbox)
    assert followed(at, sandbox, honest).well
    assert followed(other, sandbox, lying).well
    for each in (at, other):
        each.take_covenant(later.file, NOW)
    assert verdicts(look(at, later, honest))["commitments"] is Verdict.OK
    assert verdicts(look(other, later, lying))["commitments"] is Verdict.WRONG


# --- witnesses --------------------------------------------------------------------------------------------------------


def test_the_log_is_trusted_as_far_as_enough_witnesses_saw_it(watched: Sandbox, tmp_path: Path) -> None:
    at = officer(tmp_path / "officer", watched)
    log = log_of(tmp_path, watched, leaves(watched, 100))
    cosigned_by(log, watched, "a")
    few = followed(at, watched, log)
    assert verdicts(few)["witnesses"] is Verdict.UNKNOWN
    assert "1 of the 2" in said(few, "witnesses").replace("Only ", "")
    assert at.trusted(watched.covenant) is None
    log_of(tmp_path, watched, leaves(watched, 150))
    cosigned_by(log, watched, "b")
    log_of(tmp_path, watched, leaves(watched, 170))
    looked = followed(at, watched, log)
    assert verdicts(looked)["witnesses"] is Verdict.OK
    assert "100 entries were seen by enough witnesses; the newest 70 wait" in said(looked, "witnesses")
    trusted = at.trusted(watched.covenant)
    assert trusted is not None
    assert trusted.size == 100
    (table,) = check(looked, "witnesses").tables
    assert [row[1:3] for row in table.rows] == [(100, 70), (150, 20), (0, 170)]


def test_two_days_without_witnesses_is_an_alarm_and_stops_trust(watched: Sandbox, tmp_path: Path) -> None:
    hours = ALARM.total_seconds() / 3600
    for name, ago, verdict in (("fresh", hours - 1, Verdict.OK), ("old", hours + 1, Verdict.WRONG)):
        at = officer(tmp_path / f"officer {name}", watched)
        log = log_of(tmp_path, watched, leaves(watched, 100), name)
        cosigned_by(log, watched, "a", hours_ago=ago)
        cosigned_by(log, watched, "b", hours_ago=ago)
        # Nothing was added since: nothing is wrong with an old cosignature.
        assert verdicts(look(at, watched, log))["witnesses"] is Verdict.OK
        log_of(tmp_path, watched, leaves(watched, 110), name)
        looked = followed(at, watched, log)
        assert verdicts(looked)["witnesses"] is verdict, name
        assert (at.trusted(watched.covenant) is not None) == (verdict is Verdict.OK)
        assert looked.sound, "a witness itself goes on, or nobody would ever end the alarm"


def test_no_witness_at_all_becomes_an_alarm_two_days_after_it_was_first_seen(watched: Sandbox, tmp_path: Path) -> None:
    at = officer(tmp_path / "officer", watched)
    log = log_of(tmp_path, watched, leaves(watched, 100))
    assert verdicts(followed(at, watched, log))["witnesses"] is Verdict.UNKNOWN
    assert verdicts(look(at, watched, log, hours_later=47))["witnesses"] is Verdict.UNKNOWN
    assert verdicts(look(at, watched, log, hours_later=49))["witnesses"] is Verdict.WRONG


def test_a_cosignature_from_the_future_is_told_and_its_age_not_counted(watched: Sandbox, tmp_path: Path) -> None:
    at = officer(tmp_path / "officer", watched)
    log = log_of(tmp_path, watched, leaves(watched, 100))
    cosigned_by(log, watched, "a", hours_ago=-5)
    cosigned_by(log, watched, "b")
    log_of(tmp_path, watched, leaves(watched, 110))
    looked = followed(at, watched, log)
    assert verdicts(looked)["witnesses"] is Verdict.NOTE
    assert "its clock is wrong" in said(looked, "witnesses")


def test_a_cosignature_of_another_history_convicts_the_log(watched: Sandbox, tmp_path: Path) -> None:
    at = officer(tmp_path / "officer", watched)
    fork = log_of(tmp_path, watched, leaves(watched, 80, "other"), "fork")
    log = log_of(tmp_path, watched, leaves(watched, 100))
    cosigned_by(fork, watched, "a")
    shutil.copy(fork / "checkpoint.a", log / "checkpoint.a")
    looked = look(at, watched, log)
    assert verdicts(looked)["history"] is Verdict.WRONG
    assert "signed two histories" in said(looked, "history")


def test_a_cosignature_that_the_witness_did_not_make_is_wrong(watched: Sandbox, tmp_path: Path) -> None:
    log = log_of(tmp_path, watched, leaves(watched, 100))
    cosigned_by(log, watched, "a")
    good = (log / "checkpoint.a").read_bytes()
    line = good.rindex(b" ") + 1
    for at in range(line, len(good) - 3, 7):
        flip(log / "checkpoint.a", at)
        looked = look(officer(tmp_path / str(at), watched), watched, log)
        assert not looked.well, at
        assert verdicts(looked)["history"] is Verdict.WRONG, at
        (log / "checkpoint.a").write_bytes(good)
    # Another's cosignature in its place, and none at all.
    cosigned_by(log, watched, "b")
    for name, raw in (("b's", (log / "checkpoint.b").read_bytes()), ("none", (log / "checkpoint").read_bytes())):
        (log / "checkpoint.a").write_bytes(raw)
        assert verdicts(look(officer(tmp_path / name, watched), watched, log))["history"] is Verdict.WRONG


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_tells_by_its_exit_code(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = log_of(tmp_path, sandbox, leaves(sandbox, 300))
    dry = run("follow", "--folder", one.path, "--from-folder", log, "--dry-run", "--lang", "nl")
    assert (dry.returncode, one.trusted_note()) == (0, None)
    assert not (one.path / POSITIONS).exists()
    assert "Het logboek gaat door op wat u vertrouwde" in dry.stdout
    assert "Wat dit niet bewijst" in dry.stdout
    done = run("follow", "--folder", one.path, "--from-folder", log, "--json", "--report", tmp_path / "page.html")
    assert done.returncode == 0
    assert [each["id"] for each in json.loads(done.stdout)["checks"]] == list(ALL)
    assert "<html" in (tmp_path / "page.html").read_text()
    assert one.trusted_note() == (log / "checkpoint").read_bytes()
    rebuilt = log_of(tmp_path, sandbox, leaves(sandbox, 400, "other"), "rebuilt")
    assert run("follow", "--folder", one.path, "--from-folder", rebuilt).returncode == 1
    (kept,) = (one.path / "evidence").iterdir()
    convicted = run("evidence", kept, "--folder", one.path)
    assert (convicted.returncode, "It convicts the index named index" in convicted.stdout) == (1, True)
    old = log_of(tmp_path, sandbox, leaves(sandbox, 20), "old")
    assert run("follow", "--folder", one.path, "--from-folder", old).returncode == 75


def test_without_an_address_or_a_copy_it_says_so(one: Officer) -> None:
    done = run("follow", "--folder", one.path)
    assert (done.returncode, "--from-folder" in done.stderr) == (1, True)


def test_a_root_is_what_rfc_6962_says(sandbox: Sandbox, tmp_path: Path) -> None:
    entries = leaves(sandbox, 300)
    log = tiles(LogFolder(log_of(tmp_path, sandbox, entries)), 300)
    assert log.tree.root() == merkle.root(map(merkle.leaf_hash, entries))
