"""The index writes other leaves than it promises, shows two histories, or tells a member what is not so: the member's
own node finds it, publishes no more, and keeps what convicts, where it convicts.

Every attacker here has the log's key and the index's certificate.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from raakvlak_node.alarm import Alarms
from raakvlak_node.node import Node
from raakvlak_node.promises import Alarm, Promises
from raakvlak_protocol import entry, evidence
from raakvlak_protocol import receipt as receipts
from raakvlak_protocol.evidence import Finding
from raakvlak_protocol.receipt import Receipt
from raakvlak_protocol.term import month_of, start_of
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.attacks.lying import reference
from tests.attacks.lying_log import before_the_log, entries_of, forged, log_server, read_the_log, reading, replaced
from tests.attacks.relay import Call, before_the_index
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation

pytestmark = pytest.mark.slow

CHILD, SISTER, MOTHER, UNCLE = "123456782", "111222333", "999990019", "999990032"
OTHER_LEAF = entry.published(bytes(32), b"somebody else")


def publish(running: Federation, *bsns: str) -> Node:
    school = running.nodes["school"]
    for bsn in bsns:
        school.put_case(case(f"S-{bsn}", bsn))
    running.walk("school")
    return school


def alarms_of(node: Node) -> Alarms:
    return Alarms(Promises(node.store), node.folder.path, lambda name, **fields: None)


def found(running: Federation) -> Finding:
    """What the one file of evidence shows to somebody who knows nothing but the covenant."""
    school = running.nodes["school"]
    (alarm,) = alarms_of(school).open()
    path = alarms_of(school).path(alarm)
    assert path is not None
    assert school.status()["alarm"] == alarm.message
    (told,) = [fields for name, fields in running.logged if name == "alarm"]
    assert told["file"] == path.name
    finding = evidence.check(path.read_bytes(), running.sandbox.covenant.log_key)
    assert finding.kind == alarm.kind
    return finding


def demand_stopped(running: Federation, withdrawn: str) -> None:
    """Nothing is published any more, after a restart neither; withdrawing goes on."""
    school = running.nodes["school"]
    running.nodes["school"] = school.reopened()
    before = school.status()["published"]
    assert publish(running, UNCLE).status()["published"] == before
    running.nodes["school"].drop_case(f"S-{withdrawn}")
    assert running.walk("school").withdrawn == 1
    assert running.nodes["school"].status()["published"] == before - 1
    assert len(alarms_of(school).all()) == 1
    school.close()


def demand_resumed(running: Federation) -> None:
    """A person has looked, and the log is honest again: all is proven, and publishing goes on."""
    school = running.nodes["school"]
    alarms_of(school).end("the operator has restored the true log", running.clock())
    running.walk("school")
    running.index.publish_log()
    running.walk("school")
    status = school.status()
    assert (status["alarm"], status["unproven"], status["unpublished"], status["log_trouble"]) == ("", 0, 0, "")


# --- another leaf than was promised -----------------------------------------------------------------------------------


def test_a_leaf_that_is_not_the_promised_one_convicts_the_log(tmp_path: Path) -> None:
    with federation(tmp_path) as running, before_the_log(running) as log:
        true = log.answer
        publish(running, CHILD, SISTER)
        running.index.publish_log()
        true_entries = entries_of(running)
        log.answer = forged(running, replaced(true_entries, len(true_entries) - 1, OTHER_LEAF))
        running.walk("school")
        finding = found(running)
        assert finding.convicts
        assert (finding.kind, finding.numbers["size"]) == ("broken_receipt", len(true_entries))
        demand_stopped(running, CHILD)
        log.answer = true
        # The forged log was trusted for a moment; the true one contradicts it, which is found first.
        alarms_of(running.nodes["school"]).end("the operator says it was a disk", running.clock())
        running.index.publish_log()
        running.walk("school")
        (alarm,) = alarms_of(running.nodes["school"]).open()
        assert alarm.kind == "rewritten"
        demand_resumed(running)


def test_a_removal_that_the_log_lacks_convicts_it(tmp_path: Path) -> None:
    with federation(tmp_path) as running, before_the_log(running) as log:
        school = publish(running, CHILD)
        running.index.publish_log()
        running.walk("school")
        school.drop_case(f"S-{CHILD}")
        running.walk("school")
        running.index.publish_log()
        true_entries = entries_of(running)
        assert entry.parse(true_entries[-1]).kind is entry.Kind.REMOVED
        log.answer = forged(running, [*true_entries[:-1], OTHER_LEAF])
        running.walk("school")
        finding = found(running)
        assert (finding.kind, finding.convicts) == ("broken_receipt", True)


# --- two histories ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [0, 1, 5])
@pytest.mark.parametrize("known", [3, 4, 5, 8])
def test_two_histories_shown_to_one_member_convict_the_log(tmp_path: Path, known: int, more: int) -> None:
    with federation(tmp_path) as running, before_the_log(running) as log:
        publish(running, CHILD)
        running.index.publish_log()
        entries = (entries_of(running) + [OTHER_LEAF] * known)[:known]
        log.answer = forged(running, entries)
        running.walk("school")
        assert alarms_of(running.nodes["school"]).open() == []
        log.answer = forged(running, replaced(entries, 0, OTHER_LEAF) + [OTHER_LEAF] * more)
        running.walk("school")
        finding = found(running)
        assert finding.convicts
        assert finding.numbers == {"old_size": known, "size": known + more}


def test_a_rewritten_log_stops_publishing_until_a_person_has_looked(tmp_path: Path) -> None:
    with federation(tmp_path) as running, before_the_log(running) as log:
        publish(running, CHILD)
        running.index.publish_log()
        true = log.answer
        running.walk("school")
        log.answer = forged(running, replaced(entries_of(running), 0, OTHER_LEAF))
        running.walk("school")
        assert found(running).kind == "rewritten"
        demand_stopped(running, CHILD)
        log.answer = true
        demand_resumed(running)


def test_a_history_that_no_witness_cosigned_is_remembered_too(tmp_path: Path) -> None:
    with federation(tmp_path, make_covenant(witness_threshold=1)) as running, before_the_log(running) as log:
        publish(running, CHILD)
        running.index.publish_log()
        running.walk("school")
        log.answer = forged(running, [*replaced(entries_of(running), 0, OTHER_LEAF), OTHER_LEAF])
        running.walk("school")
        finding = found(running)
        assert (finding.kind, finding.convicts) == ("rewritten", True)


def test_two_members_are_shown_two_histories_where_no_witness_is_asked_for(tmp_path: Path) -> None:
    """Succeeds, in a sandbox: neither node can know what the other was shown. Witnesses are there for this."""
    with federation(tmp_path) as running:
        read_the_log(running)
        publish(running, CHILD)
        running.index.publish_log()
        running.walk("school")
        other = forged(running, [*entries_of(running), OTHER_LEAF])
        with log_server(running.sandbox, tmp_path, other) as server:
            running.nodes["town"] = reading(running.nodes["town"], server.address)
            running.walk("town")
        sizes = [running.nodes[member].status()["trusted_size"] for member in ("school", "town")]
        assert sizes == [len(other.entries) - 1, len(other.entries)]
        assert [fields for name, fields in running.logged if name == "alarm"] == []


# --- tampering on the way ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["tile/0/000", "tile/entries/000"])
def test_a_changed_tile_is_found_and_convicts_nobody(tmp_path: Path, path: str) -> None:
    with federation(tmp_path) as running, before_the_log(running) as log:
        publish(running, CHILD)
        running.index.publish_log()
        true = log.answer

        def changed(asked: str) -> bytes:
            raw = true(asked)
            return raw[:-1] + bytes([raw[-1] ^ 1]) if asked.startswith(path) else raw

        log.answer = changed
        running.walk("school")
        finding = found(running)
        assert (finding.kind, finding.convicts) == ("unverifiable", False)
        demand_stopped(running, CHILD)
        log.answer = true
        demand_resumed(running)


def test_a_changed_tile_after_the_log_grew_convicts_nobody(tmp_path: Path) -> None:
    """The proof that the new log begins with the old one comes from the tiles: whoever changes them must not be able to
    make it look as if the log had signed two histories."""
    with federation(tmp_path) as running, before_the_log(running) as log:
        publish(running, CHILD)
        running.index.publish_log()
        true = log.answer
        running.walk("school")
        publish(running, SISTER)
        running.index.publish_log()

        def changed(asked: str) -> bytes:
            raw = true(asked)
            return bytes([raw[0] ^ 1]) + raw[1:] if asked.startswith("tile/0") else raw

        log.answer = changed
        running.walk("school")
        assert (found(running).kind, found(running).convicts) == ("unverifiable", False)


def test_every_byte_of_a_checkpoint_counts(tmp_path: Path) -> None:
    with federation(tmp_path) as running, before_the_log(running) as log:
        school = publish(running, CHILD)
        running.index.publish_log()
        true, note = log.answer, log.answer("checkpoint")
        for place in range(0, len(note), 7):
            log.answer = _changed_note(true, note, place)
            running.walk("school")
            assert school.status()["trusted_size"] == 0
            if alarms_of(school).open():
                assert not any(_finding(each, school).convicts for each in alarms_of(school).open())
                alarms_of(school).end("a byte was changed on the way", running.clock())
        log.answer = true
        running.walk("school")
        assert school.status()["unproven"] == 0


def _changed_note(true: Callable[[str], bytes], note: bytes, place: int) -> Callable[[str], bytes]:
    changed = note[:place] + bytes([note[place] ^ 1]) + note[place + 1 :]
    return lambda path: changed if path == "checkpoint" else true(path)


def _finding(alarm: Alarm, node: Node) -> Finding:
    path = alarms_of(node).path(alarm)
    assert path is not None
    return evidence.check(path.read_bytes(), node.covenant.log_key)


# --- receipts ---------------------------------------------------------------------------------------------------------


def _unsigned(reply: pb.PublishReply) -> None:
    reply.receipt = bytes(64)


def _elsewhere(reply: pb.PublishReply) -> None:
    reply.first_position += 1


def _far_off(reply: pb.PublishReply) -> None:
    reply.first_position = 2**64 - 1


def _one_fewer(reply: pb.PublishReply) -> None:
    reply.already_there[0] = True


def _none_said(reply: pb.PublishReply) -> None:
    del reply.already_there[:]


def _long_hash(reply: pb.PublishReply) -> None:
    reply.entries_hash = bytes(100_000)


@pytest.mark.parametrize("change", [_unsigned, _elsewhere, _far_off, _one_fewer, _none_said, _long_hash])
def test_a_receipt_that_is_not_the_logs_stops_publishing_and_loses_nothing(
    tmp_path: Path, change: Callable[[pb.PublishReply], None]
) -> None:
    with federation(tmp_path) as running, before_the_index(running) as between:
        read_the_log(running)

        def answer(call: Call) -> Iterator[bytes]:
            reply = pb.PublishReply.FromString(next(call.forward(call.request)))
            change(reply)
            yield reply.SerializeToString()

        between.hooks["Publish"] = answer
        publish(running, CHILD, SISTER)
        finding = found(running)
        assert (finding.kind, finding.convicts) == ("bad_receipt", False)
        assert running.nodes["school"].status()["published"] == 2
        del between.hooks["Publish"]
        demand_stopped(running, CHILD)
        demand_resumed(running)


def test_a_receipt_for_another_removal_is_found(tmp_path: Path) -> None:
    """The log signs that it will remove the sister's row, where the child's was withdrawn."""
    with federation(tmp_path) as running, before_the_index(running) as between:
        read_the_log(running)
        school = publish(running, CHILD, SISTER)
        running.index.publish_log()
        running.walk("school")
        sister = Promises(school.store).position_of(reference(school, SISTER), 1)
        assert sister is not None

        def answer(call: Call) -> Iterator[bytes]:
            request = pb.WithdrawRequest.FromString(call.request)
            reply = pb.WithdrawReply.FromString(next(call.forward(call.request)))
            write = school.store.in_flight()
            assert write is not None
            leaves = receipts.hash_of([entry.removed(sister)])
            promise = Receipt(
                school.covenant.id,
                "school",
                request.epoch,
                request.sequence,
                write.request_hash,
                reply.first_position,
                1,
                leaves,
            )
            reply.entries_hash, reply.receipt = leaves, receipts.sign(promise, running.sandbox.log_seed)
            yield reply.SerializeToString()

        between.hooks["Withdraw"] = answer
        school.drop_case(f"S-{CHILD}")
        assert running.walk("school").withdrawn == 1
        finding = found(running)
        assert (finding.kind, finding.convicts) == ("bad_receipt", False)
        assert "other removals" in finding.shows
        assert school.status()["published"] == 1


def test_a_receipt_that_never_falls_due_is_found(tmp_path: Path) -> None:
    with federation(tmp_path) as running, before_the_index(running) as between:
        read_the_log(running)

        def answer(call: Call) -> Iterator[bytes]:
            yield _promised(running, call, 2**61, [OTHER_LEAF]).SerializeToString()

        between.hooks["Publish"] = answer
        publish(running, CHILD)
        assert found(running).kind == "unverifiable"
        assert "nobody will see" in found(running).shows
        del between.hooks["Publish"]
        assert publish(running, UNCLE).status()["published"] == 1
        demand_resumed(running)


def test_a_receipt_that_the_log_does_not_reach_for_two_days_is_told(tmp_path: Path) -> None:
    """Late, which may still become true: a person hears of it, and publishing goes on."""
    with federation(tmp_path) as running, before_the_index(running) as between:
        read_the_log(running)
        school = running.nodes["school"]

        def answer(call: Call) -> Iterator[bytes]:
            yield _promised(running, call, 900_000, [OTHER_LEAF]).SerializeToString()

        between.hooks["Publish"] = answer
        publish(running, CHILD)
        del between.hooks["Publish"]
        running.index.publish_log()
        running.clock.pass_(hours=49)
        running.walk("school")
        assert school.status()["overdue_hours"] == 49
        assert school.status()["alarm"] == ""
        school.drop_case(f"S-{CHILD}")
        running.walk("school")
        assert school.status()["overdue_hours"] == 49


# --- removals ---------------------------------------------------------------------------------------------------------


def _promised(running: Federation, call: Call, first: int, leaves: list[bytes]) -> pb.PublishReply:
    """The index's own answer for one token, but with a receipt for these leaves; for none it stood there already."""
    request = pb.PublishRequest.FromString(call.request)
    reply = pb.PublishReply.FromString(next(call.forward(call.request)))
    school = running.nodes["school"]
    write = school.store.in_flight()
    assert write is not None
    hash, id = receipts.hash_of(leaves), school.covenant.id
    promise = Receipt(id, "school", request.epoch, request.sequence, write.request_hash, first, len(leaves), hash)
    reply.first_position, reply.entries_hash = first, hash
    reply.already_there[0] = not leaves
    reply.receipt = receipts.sign(promise, running.sandbox.log_seed)
    return reply


def _proven_at(running: Federation, bsn: str) -> int:
    """The person is published and proven; where that stands in the log."""
    school = publish(running, bsn)
    running.index.publish_log()
    assert running.walk("school").proven
    position = Promises(school.store).position_of(reference(school, bsn), 1)
    assert position is not None
    return position


@pytest.mark.parametrize("at_once", [2**17, 1])
def test_a_removal_that_nobody_asked_for_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr("raakvlak_node.prove.READ_ENTRIES", at_once)
    with federation(tmp_path) as running, before_the_log(running) as log:
        position = _proven_at(running, CHILD)
        true = entries_of(running)
        log.answer = forged(running, [*true, entry.removed(10**6), entry.removed(position), OTHER_LEAF])
        walks = 1 if at_once > 1 else len(true) + 2 - (position + 1)
        for _ in range(walks):
            assert alarms_of(running.nodes["school"]).open() == []
            running.walk("school")
        finding = found(running)
        assert (finding.kind, finding.convicts) == ("removed_unasked", False)
        assert finding.numbers == {"position": position, "place": len(true) + 1, "size": len(true) + 3}
        demand_stopped(running, CHILD)


def test_a_removal_is_found_again_until_the_row_is_withdrawn(tmp_path: Path) -> None:
    with federation(tmp_path) as running, before_the_log(running) as log:
        school = publish(running, SISTER)
        position = _proven_at(running, CHILD)
        log.answer = forged(running, [*entries_of(running), entry.removed(position)])
        for _ in range(2):
            running.walk("school")
            (alarm,) = alarms_of(school).open()
            assert alarm.kind == "removed_unasked"
            alarms_of(school).end("somebody is to look again", running.clock())
        # The index answers that it removed the row, and promises the removal where it stands already.
        school.drop_case(f"S-{CHILD}")
        running.walk("school")
        assert alarms_of(school).open() == []
        assert school.status()["unproven"] == 0


@pytest.mark.parametrize("leaves", [0, 1], ids=["stood_already", "promised"])
def test_a_new_person_at_a_row_that_was_removed_is_found(tmp_path: Path, leaves: int) -> None:
    """The index has kept what opens the leaf of a row that was withdrawn, and shows it for another one."""
    with federation(tmp_path) as running, before_the_index(running) as between:
        read_the_log(running)
        school = running.nodes["school"]
        position = _proven_at(running, CHILD)
        old: list[bytes] = []

        def kept(call: Call) -> Iterator[bytes]:
            old.extend(call.forward(call.request))
            yield old[0]

        between.hooks["Openings"] = kept
        Promises(school.store).prove_again(int(running.clock().timestamp()))
        running.walk("school")
        school.drop_case(f"S-{CHILD}")
        running.walk("school")
        running.index.publish_log()
        running.walk("school")
        assert alarms_of(school).open() == []

        def published(call: Call) -> Iterator[bytes]:
            yield _promised(running, call, position, entries_of(running)[position:][:leaves]).SerializeToString()

        between.hooks |= {"Openings": lambda call: iter(old), "Publish": published}
        publish(running, SISTER)
        running.walk("school")
        assert found(running).kind == "removed_unasked"
        assert found(running).numbers["position"] == position


@pytest.mark.parametrize(("hours", "alarms"), [(30, 1), (20, 0)])
def test_a_row_may_be_removed_by_a_clock_that_is_ahead(tmp_path: Path, hours: int, alarms: int) -> None:
    with federation(tmp_path) as running, before_the_log(running) as log:
        position = _proven_at(running, CHILD)
        school = running.nodes["school"]
        month = Promises(school.store).month_of_row_at(position)
        assert month is not None
        running.clock.now = start_of(month) - timedelta(hours=hours)
        log.answer = forged(running, [*entries_of(running), entry.removed(position)])
        running.walk("school")
        assert school.status()["published"] == 1
        assert len(alarms_of(school).open()) == alarms


# --- openings ---------------------------------------------------------------------------------------------------------


def _other_salt(opening: pb.Opening) -> None:
    opening.salt = bytes(32)


def _short_salt(opening: pb.Opening) -> None:
    opening.salt = opening.salt[:-1]


def _other_digest(opening: pb.Opening) -> None:
    opening.digest = bytes(16)


def _later(opening: pb.Opening) -> None:
    opening.removal_month += 1


def _hidden(opening: pb.Opening) -> None:
    opening.visibility = pb.COORDINATOR


def _negative(opening: pb.Opening) -> None:
    opening.MergeFromString(b"\x28" + b"\xff" * 9 + b"\x01")  # the visibility is -1


def _far(opening: pb.Opening) -> None:
    opening.removal_month = 2**32 - 1


def _long_salt(opening: pb.Opening) -> None:
    opening.salt = bytes(100_000)


def _moved(opening: pb.Opening) -> None:
    opening.position -= 1


def _gone(opening: pb.Opening) -> None:
    opening.Clear()


@pytest.mark.parametrize(
    "change",
    [
        _other_salt,
        _short_salt,
        _long_salt,
        _other_digest,
        _later,
        _far,
        _hidden,
        _negative,
        _moved,
        _gone,
    ],
)
def test_an_opening_that_is_not_of_the_row_that_was_published_is_found(
    tmp_path: Path, change: Callable[[pb.Opening], None]
) -> None:
    with federation(tmp_path) as running, before_the_index(running) as between:
        read_the_log(running)

        def answer(call: Call) -> Iterator[bytes]:
            reply = pb.OpeningsReply.FromString(next(call.forward(call.request)))
            change(reply.openings[0])
            yield reply.SerializeToString()

        between.hooks["Openings"] = answer
        publish(running, CHILD)
        running.index.publish_log()
        running.walk("school")
        finding = found(running)
        assert (finding.kind, finding.convicts) == ("wrong_opening", False)
        demand_stopped(running, CHILD)
        del between.hooks["Openings"]
        demand_resumed(running)


def test_a_row_that_is_said_to_have_lapsed_is_found(tmp_path: Path) -> None:
    """The node would take the month over, and the row would be gone at the next walk."""
    with federation(tmp_path) as running, before_the_index(running) as between:
        read_the_log(running)
        school = publish(running, CHILD)
        running.index.publish_log()
        Promises(school.store).forget_received(2**62)

        def answer(call: Call) -> Iterator[bytes]:
            reply = pb.OpeningsReply.FromString(next(call.forward(call.request)))
            reply.openings[0].removal_month = month_of(running.clock()) - 1
            yield reply.SerializeToString()

        between.hooks["Openings"] = answer
        running.walk("school")
        assert found(running).kind == "wrong_opening"
        assert "another month" in found(running).shows


def test_a_row_whose_term_the_index_extended_is_found(tmp_path: Path) -> None:
    """It promises the right month and writes a later one into row and leaf; all its signatures hold."""
    with federation(tmp_path) as running, before_the_index(running) as between:
        read_the_log(running)

        def answer(call: Call) -> Iterator[bytes]:
            reply = pb.PublishReply.FromString(next(call.forward(call.request)))
            reply.removal_month -= 1
            yield reply.SerializeToString()

        between.hooks["Publish"] = answer
        publish(running, CHILD)
        running.index.publish_log()
        running.walk("school")
        assert found(running).kind == "wrong_opening"
        assert "another month" in found(running).shows


def test_a_row_under_another_digest_is_proven_and_never_meets_its_match(tmp_path: Path) -> None:
    """Succeeds: receipt, leaf and opening all fit, and are about another person's digest. Only the pepper would tell."""
    salt, digest = bytes(32), bytes(16)
    with federation(tmp_path) as running, before_the_index(running) as between, before_the_log(running) as log:
        school = running.nodes["school"]
        leaf: list[tuple[int, bytes]] = []

        def other_row(call: Call) -> Iterator[bytes]:
            request = pb.PublishRequest.FromString(call.request)
            reply = pb.PublishReply.FromString(next(call.forward(call.request)))
            record = entry.record("school", request.epoch, reply.removal_month, request.visibility, digest)
            leaf.append((reply.first_position, entry.published(salt, record)))
            write = school.store.in_flight()
            assert write is not None
            hash, first = receipts.hash_of([leaf[0][1]]), reply.first_position
            promise = Receipt(school.covenant.id, "school", 1, request.sequence, write.request_hash, first, 1, hash)
            reply.entries_hash, reply.receipt = hash, receipts.sign(promise, running.sandbox.log_seed)
            yield reply.SerializeToString()

        def other_opening(call: Call) -> Iterator[bytes]:
            reply = pb.OpeningsReply.FromString(next(call.forward(call.request)))
            reply.openings[0].salt, reply.openings[0].digest = salt, digest
            yield reply.SerializeToString()

        between.hooks |= {"Publish": other_row, "Openings": other_opening}
        publish(running, CHILD)
        running.index.publish_log()
        log.answer = forged(running, replaced(entries_of(running), *leaf[0]))
        assert running.walk("school").proven == 1
        assert school.status()["alarm"] == ""


def test_one_opening_for_two_rows_is_found(tmp_path: Path) -> None:
    """After a restore the node knows no positions: the index could show it one leaf for all its rows."""
    with federation(tmp_path) as running, before_the_index(running) as between:
        read_the_log(running)
        school = publish(running, CHILD, SISTER)
        Promises(school.store).prove_again(int(running.clock().timestamp()))

        def answer(call: Call) -> Iterator[bytes]:
            reply = pb.OpeningsReply.FromString(next(call.forward(call.request)))
            reply.openings[1].CopyFrom(reply.openings[0])
            yield reply.SerializeToString()

        between.hooks["Openings"] = answer
        running.index.publish_log()
        running.walk("school")
        (alarm,) = alarms_of(school).open()
        assert "another own row" in alarm.message


def test_no_answer_about_openings_waits_and_is_told(tmp_path: Path) -> None:
    with federation(tmp_path) as running, before_the_index(running) as between:
        read_the_log(running)
        between.hooks["Openings"] = lambda call: iter([pb.OpeningsReply().SerializeToString()])
        school = publish(running, CHILD)
        running.index.publish_log()
        running.clock.pass_(hours=49)
        running.walk("school")
        assert school.status()["overdue_hours"] == 49
        assert school.status()["log_trouble"]
        assert alarms_of(school).open() == []


def test_an_index_in_anothers_place_is_not_asked(tmp_path: Path) -> None:
    """A member's certificate on the log's address: nothing it says is believed."""
    with federation(tmp_path) as running, before_the_log(running) as log:
        school = publish(running, CHILD)
        running.index.publish_log()
        sandbox = running.sandbox
        sandbox.issued[sandbox.index] = sandbox.credentials(sandbox.member("town"))
        with log_server(sandbox, tmp_path, log.answer) as other:
            running.nodes["school"] = reading(school, other.address)
            running.walk("school")
        assert "is not the index" in school.status()["log_trouble"]
        assert school.status()["trusted_size"] == 0
