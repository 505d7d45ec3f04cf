"""The ledger of what leaves a node: nothing leaves without its line, what is forgotten can't be found again."""

import hashlib
import io
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from raakvlak_node import ledger
from raakvlak_node.node import Node, open_node
from raakvlak_node.store import Store
from raakvlak_node.sync import walking
from raakvlak_node.vault import Vault
from raakvlak_protocol import ledger as lines_of
from raakvlak_protocol.errors import Evidence, RaakvlakError, Refused
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.ledger import Call, Evaluation, Head, Line, Posting, Publication, Withdrawal
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import index_pb2, keyholder_pb2
from tests.federation import Clock, Federation, case, federation
from tests.node.test_cli import covenant_with, init, join, run
from tests.node.test_store import files

CHILD, SISTER, MOTHER = "123456782", "111222333", "999990019"


def whole(node: Node) -> list[Line]:
    """The lines of the node's ledger, verified as an officer does it."""
    records = ledger.export(node.store, node.covenant, node.member.id, node.signing_seed, node.clock())
    return list(lines_of.verify(records, node.covenant.id, node.member.id, node.member.signing_key))


def said(node: Node) -> list[lines_of.Message]:
    return [lines_of.parse_message(line.message) for line in whole(node) if line.message]


def head_of(node: Node) -> Head:
    head = node.store.ledger_head()
    assert head is not None
    return head


# --- complete ---------------------------------------------------------------------------------------------------------


@dataclass
class Wire:
    """What goes through gRPC's own door, whatever our code thinks that it sends."""

    sent: list[tuple[str, bytes]] = field(default_factory=list)
    look: Callable[[], None] = lambda: None


class _Tap(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def intercept_unary_unary(self, go_on: Any, details: Any, request: Any) -> Any:
        self._wire.look()
        self._wire.sent.append((details.method, request))
        return go_on(details, request)

    def intercept_unary_stream(self, go_on: Any, details: Any, request: Any) -> Any:
        return self.intercept_unary_unary(go_on, details, request)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Taps every channel that is opened from now on."""
    tapped, original = Wire(), grpc.secure_channel

    def channel(*given: Any, **named: Any) -> grpc.Channel:
        return grpc.intercept_channel(original(*given, **named), _Tap(tapped))

    monkeypatch.setattr(grpc, "secure_channel", channel)
    return tapped


def told(path: str, raw: bytes) -> set[tuple[object, ...]]:
    """What the ledger must say of a request, read from its bytes without the ledger's code."""
    match path.rpartition("/")[2]:
        case "Publish":
            publish = index_pb2.PublishRequest.FromString(raw)
            return {(Publication, publish.generation, publish.sequence, token) for token in publish.tokens}
        case "Withdraw":
            withdraw = index_pb2.WithdrawRequest.FromString(raw)
            return {(Withdrawal, withdraw.generation, withdraw.sequence, each) for each in withdraw.references}
        case "PostLetter":
            post = index_pb2.PostLetterRequest.FromString(raw)
            return {(Posting, post.match_id, post.number, hashlib.sha256(post.ciphertext).digest())}
        case "Evaluate":
            evaluate = keyholder_pb2.EvaluateRequest.FromString(raw)
            return {(Evaluation, evaluate.namespace, evaluate.epoch, len(evaluate.blinded_elements))}
        case _:
            return {(Call, path, len(raw))}


def short(message: lines_of.Message) -> tuple[object, ...]:
    match message:
        case Publication():
            return (Publication, message.generation, message.sequence, message.token)
        case Withdrawal():
            return (Withdrawal, message.generation, message.sequence, message.reference)
        case Posting():
            return (Posting, message.match_id, message.number, message.hash)
        case Evaluation():
            return (Evaluation, message.namespace, message.epoch, message.count)
        case Call():
            return (Call, message.path, message.size)


def test_whatever_leaves_stands_in_the_ledger(tmp_path: Path, wire: Wire) -> None:
    with federation(tmp_path) as running:
        school, town = running.nodes["school"], running.nodes["town"]
        town.put_case(case("T-1", CHILD, parent_bsn_1=MOTHER))
        running.settle()
        wire.sent.clear()
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER, postcode="4331AB", house_number="12"))
        school.put_case(case("S-2", SISTER))
        running.walk("school")
        mine = list(wire.sent)
        running.settle()
        wire.sent.clear()
        school.drop_case("S-2")
        running.walk("school")
        mine += wire.sent
        kinds = {path.rpartition("/")[2] for path, _ in mine}
        assert kinds == {"Quota", "Evaluate", "Open", "Publish", "Watch", "Acknowledge", "PostLetter", "Withdraw"}
        everything = {short(message) for message in said(school)}
        erased = sum(not line.message for line in whole(school))
        absent = [each for path, raw in mine for each in told(path, raw) if each not in everything]
        # S-2's publication, and what withdrew it, were forgotten with it; nothing else is absent.
        assert {each[0] for each in absent} == {Publication, Withdrawal}
        assert len(absent) == erased == 2


def test_a_line_is_durable_before_its_request_leaves(tmp_path: Path, wire: Wire) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        before: list[int] = []
        with closing(school.another_store()) as other:

            def look() -> None:
                head = other.ledger_head()
                before.append(0 if head is None else head.lines)

            wire.look = look
            school.put_case(case("S-1", CHILD))
            running.walk("school")
            found = said(school)
            for (path, raw), lines in zip(wire.sent, before, strict=True):
                assert told(path, raw) <= {short(message) for message in found[:lines]}


def test_an_evaluation_is_told_by_the_hash_by_which_the_holder_knows_it(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        running.walk("school")
        told_of = [message for message in said(school) if isinstance(message, Evaluation)]
        asked = {message.key_holder for message in told_of}
        assert len(asked) == 2
        for holder in running.key_holders:
            with closing(sqlite3.connect(running.folder / holder.identity.id / "counts.db")) as counts:
                requests = {row[0] for row in counts.execute("SELECT request FROM answered")}
            known = {message.hash for message in told_of if message.key_holder == holder.identity.id}
            assert known == requests


def test_the_doctor_s_questions_have_lines_too(tmp_path: Path, wire: Wire) -> None:
    from raakvlak_node.doctor import examine

    with federation(tmp_path) as running:
        school = running.nodes["school"]
        assert list(examine(school))
        assert {path.rpartition("/")[2] for path, _ in wire.sent} == {"Quota", "Check"}
        assert {each for path, raw in wire.sent for each in told(path, raw)} == {short(message) for message in said(school)}


def test_nothing_leaves_when_the_ledger_can_not_be_written(tmp_path: Path, wire: Wire) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        school.store.database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
        outcome = running.walk("school")
        assert wire.sent == []
        assert any("nothing is sent: the disk is full" in error.message for error in outcome.waiting)
        school.store.database.execute("DROP TRIGGER full")
        assert running.walk("school").published == 1
        assert [type(message) for message in said(school)].count(Publication) == 1


INDEX = Identity("zeeland", Role.INDEX, "index")


def test_a_line_that_would_not_be_durable_is_refused(node: Node) -> None:
    with node.store.transaction(), pytest.raises(Refused, match="within a transaction"):
        node.ledger.sending(INDEX, "/x", None)
    assert node.store.ledger_head() is None


def test_a_publication_that_could_never_be_erased_is_refused(node: Node) -> None:
    request = index_pb2.PublishRequest(sequence=1, tokens=[b"t" * 32])
    with pytest.raises(Refused, match="does not hold as in flight"):
        node.ledger.sending(INDEX, "/raakvlak.v1.Index/Publish", request)
    assert node.store.ledger_head() is None


def test_the_same_question_on_the_same_day_has_one_line(node: Node, clock: Clock) -> None:
    watch = index_pb2.WatchRequest(covenant_hash=b"c" * 32, generation=3, after=9)

    def ask(request: index_pb2.WatchRequest) -> int:
        node.ledger.sending(INDEX, "/raakvlak.v1.Index/Watch", request)
        return head_of(node).lines

    assert [ask(watch), ask(watch)] == [1, 1]
    other = index_pb2.WatchRequest(covenant_hash=b"d" * 32, generation=3, after=9)
    assert ask(other) == 2  # its numbers are the same, its bytes are not
    node.ledger.sending(replace(INDEX, id="index-2"), "/raakvlak.v1.Index/Watch", watch)
    assert head_of(node).lines == 3
    clock.pass_(days=1)
    assert ask(watch) == 4
    first = said(node)[0]
    assert isinstance(first, Call)
    assert (first.path, first.numbers) == ("/raakvlak.v1.Index/Watch", ((1, 32), (2, 3), (3, 9)))


def test_threads_and_other_processes_write_one_chain(node: Node) -> None:
    with closing(node.another_store()) as store:
        elsewhere = ledger.Ledger(store, node.covenant, node.member.id, node.clock, node.random)

        def post(place: int) -> None:
            writer = elsewhere if place % 4 == 0 else node.ledger
            letter = index_pb2.PostLetterRequest(match_id=b"m" * 16, number=place, ciphertext=b"x")
            writer.sending(INDEX, "/raakvlak.v1.Index/PostLetter", letter)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(post, range(300)))
    assert sorted(message.number for message in said(node) if isinstance(message, Posting)) == list(range(300))


# --- erased -----------------------------------------------------------------------------------------------------------


def opened(store: Store) -> Iterator[bytes]:
    """What whoever has every key of the node can still read in the ledger."""
    with closing(sqlite3.connect(store.path)) as raw:
        rows = raw.execute("SELECT number, sealed FROM ledger WHERE sealed IS NOT NULL").fetchall()
    for number, sealed in rows:
        yield store.vault.open(sealed, "ledger", number.to_bytes(8, "big")).reveal()


def linked(store: Store, message: bytes) -> bool:
    """Tries to show that a line is about this message: every 32 bytes that the files, or what the keys open, hold
    anywhere are tried as its salt, and no salt at all."""
    store.fold()
    with closing(sqlite3.connect(store.path)) as raw:
        commitments = {row[0] for row in raw.execute("SELECT commitment FROM ledger")}
    prefix = b"\x00\x1araakvlak/v1/ledger-message"
    texts = [files(store), *opened(store)]
    for text in texts:
        for place in range(len(text) - 31):
            if hashlib.sha256(prefix + text[place : place + 32] + message).digest() in commitments:
                return True
    return any(hashlib.sha256(start + message).digest() in commitments for start in (b"", prefix, prefix + bytes(32)))


def about(running: Federation, node: Node, child: str) -> list[bytes]:
    """Token, reference and match ids of a person at a node."""
    from raakvlak_protocol.identifier import Bsn

    store = node.store
    person = store.vault.handle("person", "bsn", Bsn.parse(child).canonical.reveal())
    rows = store.database.execute("SELECT epoch, reference FROM token WHERE person = ?", (person,)).fetchall()
    matches = [match.match_id for match in store.live_matches() if match.person == person]
    return [store.token_keys(person, rows[0][0]).token.reveal(), bytes(rows[0][1]), *matches]


def test_what_is_forgotten_can_not_be_linked_to_the_ledger_again(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school, town = running.nodes["school"], running.nodes["town"]
        school.put_case(case("S-1", CHILD))
        school.put_case(case("S-2", SISTER))
        town.put_case(case("T-1", CHILD))
        town.put_case(case("T-2", SISTER))
        running.settle()
        child, sister = about(running, school, CHILD), about(running, school, SISTER)
        assert len(child) == len(sister) == 3
        before = whole(school)
        of_child = [line for line in before if any(each in line.message for each in child)]
        kinds = {type(lines_of.parse_message(line.message)) for line in of_child}
        assert kinds == {Publication, Posting}
        assert linked(school.store, of_child[0].message)  # this way of looking does find what is there
        sealed = [
            bytes(row[0])
            for line in of_child
            for row in school.store.database.execute("SELECT sealed FROM ledger WHERE number = ?", (line.number,))
        ]
        assert all(each in files(school.store) for each in sealed)
        school.drop_case("S-1")
        running.walk("school")
        after = whole(school)
        assert [line.hash for line in after[: len(before)]] == [line.hash for line in before]
        left = b"".join(line.message for line in after)
        assert not any(each in left for each in child)
        assert all(each in left for each in (sister[0], sister[2]))
        school.store.fold()
        stolen = files(school.store)
        assert not any(each in stolen for each in sealed)
        assert not any(line.salt in stolen for line in of_child)
        assert not any(linked(school.store, line.message) for line in of_child)
        person_of = school.store.vault.handle("person", "bsn", CHILD.encode())
        assert all(row[0] != person_of for row in school.store.database.execute("SELECT person FROM ledger"))


def test_messages_go_when_the_retention_is_over_and_the_chain_stays(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        running.walk("school")
        before = whole(school)
        assert all(line.message for line in before)
        months = school.covenant.retention_months
        running.clock.pass_(days=28 * (months - 1))
        with walking(school, lambda name, **fields: None) as walk:
            walk.renew_rules()
            assert whole(school) == before
            running.clock.pass_(days=31 * (months + 1) - 28 * (months - 1))
            walk.renew_rules()
        after = whole(school)
        assert [(line.hash, line.message) for line in after] == [(line.hash, b"") for line in before]
        remains = school.store.database.execute("SELECT count(sent) + count(person) + count(sealed) FROM ledger")
        assert remains.fetchone()[0] == 0


def test_a_stolen_store_shows_no_token_in_the_ledger(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD))
        running.walk("school")
        token, reference, *_ = about(running, school, CHILD)
        assert any(token in line.message for line in whole(school))
        assert token not in files(school.store)
        assert reference in files(school.store)  # lies open; found by this way of looking


# --- checked ----------------------------------------------------------------------------------------------------------


def filled(node: Node, count: int = 5) -> None:
    for number in range(count):
        letter = index_pb2.PostLetterRequest(match_id=b"m" * 16, number=number, ciphertext=b"x")
        node.ledger.sending(INDEX, "/raakvlak.v1.Index/PostLetter", letter)


CHANGES = {
    "a hash": "UPDATE ledger SET hash = zeroblob(32) WHERE number = 3",
    "a commitment": "UPDATE ledger SET commitment = zeroblob(32) WHERE number = 3",
    "a message": "UPDATE ledger SET sealed = zeroblob(120) WHERE number = 3",
    "a message moved": "UPDATE ledger SET sealed = (SELECT sealed FROM ledger WHERE number = 1) WHERE number = 3",
    "an erased commitment": "UPDATE ledger SET sealed = NULL, commitment = zeroblob(32) WHERE number = 3",
    "a line gone": "DELETE FROM ledger WHERE number = 3",
    "a hash cut short": "UPDATE ledger SET hash = x'00' WHERE number = 3",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_check_names_the_first_wrong_line(node: Node, change: str) -> None:
    filled(node)
    what = (node.store, node.covenant, node.member.id, node.signing_seed, node.clock())
    assert len(list(ledger.check(*what))) == 5
    node.store.database.execute(CHANGES[change])
    with pytest.raises(RaakvlakError, match=r"^line 3 of the ledger"):
        list(ledger.check(*what))


def test_an_export_leaves_what_is_added_meanwhile_for_the_next(node: Node) -> None:
    filled(node)
    records = ledger.export(node.store, node.covenant, node.member.id, node.signing_seed, node.clock())
    found = [next(records), next(records)]
    filled(node)
    node.store.forget_lines(2**40)
    found += records
    lines = list(lines_of.verify(found, node.covenant.id, node.member.id, node.member.signing_key))
    assert len(lines) == 5
    assert head_of(node).lines == 10


def test_a_node_that_was_restored_goes_on_and_an_officer_sees_where(node: Node, tmp_path: Path) -> None:
    filled(node, 3)
    early = head_of(node)
    node.store.backup(tmp_path / "copy.db")
    filled(node, 2)
    late = head_of(node)
    with closing(Store(tmp_path / "copy.db", node.store.vault)) as store:
        restored = replace(node, store=store)
        filled(restored, 4)
        records = list(ledger.export(store, node.covenant, node.member.id, node.signing_seed, node.clock()))
        who = (node.covenant.id, node.member.id, node.member.signing_key)
        assert len(list(lines_of.verify(records, *who, early))) == 7
        with pytest.raises(Evidence, match=r"^line 5 of the ledger: or one before it differs from the earlier export"):
            list(lines_of.verify(records, *who, late))


def test_a_store_from_before_the_ledger_gets_one_and_stays_its_owner_s(node: Node) -> None:
    store = node.store
    store.database.execute("DROP TABLE ledger")
    store.database.execute("DELETE FROM _sqlite_migrations WHERE name = 'ledger'")
    stranger = Store(store.path, Vault(SecretBytes(b"other" * 8), os.urandom))
    with closing(stranger), pytest.raises(Refused, match="another node's"):
        stranger.prove_vault()
    with closing(node.another_store()) as renewed:
        renewed.prove_vault()
        assert renewed.ledger_head() is None
    filled(node)
    assert len(whole(node)) == 5


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node that has joined, with a ledger of three lines."""
    base = tmp_path_factory.mktemp("ledger")
    made = init(base / "node", base / "elsewhere" / "node.key")
    assert join(base / "node", covenant_with(made.out)).code == 0
    with closing(open_node(base / "node")) as node:
        filled(node, 3)
    return base / "node"


def test_the_officer_gets_a_file_that_verifies(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "ledger.jsonl"
    done = run("ledger", target, folder=folder)
    assert (done.code, done.out) == (0, "")
    assert f"wrote {target}: 3 lines" in done.talk
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with closing(open_node(folder)) as node:
        who = (node.covenant.id, node.member.id, node.member.signing_key)
        found = list(lines_of.verify(lines_of.parse_records(io.BytesIO(target.read_bytes())), *who))
        assert found == whole(node)
    assert "choose another name" in run("ledger", target, folder=folder).failed()
    assert "FILE" in run("ledger", folder=folder).failed()


def test_check_says_whether_the_ledger_is_whole(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "node"
    shutil.copytree(folder, copy)
    assert run("ledger", "--check", folder=copy).out == "the ledger is whole: 3 lines, of which 0 have been erased\n"
    with closing(sqlite3.connect(copy / "store.db")) as store:
        store.execute("UPDATE ledger SET sealed = NULL WHERE number = 1")
        store.commit()
        assert "of which 1 have been erased" in run("ledger", "--check", folder=copy).out
        store.execute("UPDATE ledger SET sealed = zeroblob(90) WHERE number = 2")
        store.commit()
    assert run("ledger", "--check", folder=copy).failed().startswith("line 2 of the ledger: ")
    assert run("ledger", tmp_path / "broken.jsonl", folder=copy).failed().startswith("line 2 of the ledger: ")
    assert not (tmp_path / "broken.jsonl").exists()
