"""After an involvement was erased, a thief who has everything but its salt looks for it, and finds nothing.

Everything: the index's files as they lie on the disk (database, write-ahead log, published log), its pepper and log key,
the whole key of the namespace, the covenant, and the person's own number. What is found before and not afterwards shows
that the search can find.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from raakvlak_index import copies
from raakvlak_index.index import Pepper
from raakvlak_protocol import entry, publication
from raakvlak_protocol.identifier import BSN
from raakvlak_protocol.publication import Visibility, Write
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.term import month_of, removal_month, start_of
from tests.attacks import needles
from tests.attacks.dictionary import keys_under, recovered
from tests.attacks.outlaw import outlaw, seeded, tables
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation

CHILD, SISTER, MOTHER = "123456782", "111222333", "999990019"
MEMBERS = {"school": "education", "town": "municipality", "police": "police", "coordinator": "coordinator"}
NODES = ("school", "town")
SALT = entry.SALT_BYTES


@dataclass
class Thief:
    """What one computes of a person from the number, with every key there is."""

    running: Federation
    bsn: str

    def __post_init__(self) -> None:
        sandbox = self.running.sandbox
        key = recovered({number: sandbox.shares(number)[BSN, 1] for number in (1, 2)})
        self.token = keys_under(key, sandbox.payload.id, self.bsn).token.reveal()
        self.pepper = Pepper(SecretBytes(self.running.index.peppers[1]))
        (self.digest,) = self.pepper.digests([self.token])

    def files(self) -> bytes:
        """Every byte below the index's folder."""
        folder = self.running.index.path.parent
        return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())

    def leaves(self) -> list[bytes]:
        self.running.index.publish_log()
        return list(self.running.index.running.published.published(0))

    def needles(self, member: str) -> dict[str, needles.Needle]:
        """All that could lead to the member's involvement with this person, or to a match of it."""
        (reference,) = self.pepper.references(member, [self.digest])
        found = {"token": needles.secret(self.token), "reference": needles.secret(reference)}
        for other in NODES:
            if other != member:
                found["match"] = needles.secret(self.pepper.match_id(self.digest, member, other))
        hashes = []
        for generation in range(1, 40):
            for sequence in range(1, 12):
                write = Write(self.running.sandbox.payload.id, 1, member, generation, sequence)
                for statement in (
                    publication.publish_statement(write, Visibility.DIRECT, [self.token]),
                    publication.withdraw_statement(write, [reference]),
                ):
                    hashes.append(publication.request_hash(statement))
        return found | {"request": needles.Needle(tuple(hashes))}

    def found(self, member: str) -> set[str]:
        """What is found of the member's involvement, the row itself aside."""
        return needles.found(self.files(), self.needles(member))

    def has_digest(self) -> bool:
        return needles.found(self.files(), {"digest": needles.secret(self.digest)}) != set()

    def opened(self, member: str, *kept: bytes) -> set[int]:
        """Positions of leaves that some salt opens as the member's row of this person: one that was kept, nothing at all,
        or any 32 bytes that lie anywhere in the files."""
        leaves = {leaf[1:]: position for position, leaf in enumerate(self.leaves()) if leaf[0] == entry.Kind.PUBLISHED}
        files = self.files()
        salts = {*kept, b"", bytes(SALT), *(files[place : place + SALT] for place in range(len(files) - SALT))}
        month = removal_month(self.running.clock(), 24)
        opened = set()
        for until in (month, month - 1):
            record = entry.record(member, 1, until, Visibility.DIRECT, self.digest)
            opened |= {leaves[each] for salt in salts if (each := hashlib.sha256(salt + record).digest()) in leaves}
        return opened

    def salts(self) -> dict[str, bytes]:
        """The salts of the rows of this person, by member: what one may have kept."""
        held = tables(self.running.index.path)
        names = {number: id for number, id, *_ in held["member"]}
        own = ((names[row[1]], row[6]) for row in held["row"] if row[0] == self.digest)
        return {str(member): salt for member, salt in own if isinstance(salt, bytes)}

    def demand_nothing(self, member: str) -> None:
        assert self.found(member) == set()
        assert self.opened(member) == set()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Federation]:
    with federation(tmp_path, make_covenant(members=MEMBERS)) as running:
        running.nodes["school"].put_case(case("S-2", SISTER))
        with outlaw(running.sandbox, "police", running.index.address) as others:
            for _ in range(4):
                request = others.publication([seeded(os.urandom(32)) for _ in range(200)])
                others.publish(request)
                others.sequence = request.sequence
        yield running


def involve(running: Federation) -> Thief:
    """School and town come to know the child, meet, and tell each other whom to call."""
    running.nodes["school"].put_case(case("S-1", CHILD))
    running.nodes["town"].put_case(case("T-1", CHILD))
    running.settle(*NODES)
    assert len(running.touches("school")) == len(running.touches("town")) == 1
    return Thief(running, CHILD)


def days_pass(running: Federation) -> None:
    """The answers to the last writes have been heard, and are swept."""
    running.clock.pass_(days=2)
    running.index.expire()


def test_an_involvement_that_was_erased_is_found_by_nobody(running: Federation) -> None:
    thief = involve(running)
    assert thief.has_digest()
    for member in NODES:
        assert {"reference", "match"} <= thief.found(member)
        assert len(thief.opened(member)) == 1
    assert "token" not in thief.found("school")
    kept = thief.salts()
    positions = {member: thief.opened(member) for member in NODES}
    for member, reference in (("school", "S-1"), ("town", "T-1")):
        running.nodes[member].drop_case(reference)
    running.settle(*NODES)
    days_pass(running)
    assert not thief.has_digest()
    for member in NODES:
        thief.demand_nothing(member)
        assert thief.opened(member, kept[member]) == positions[member], "the salt is what held it together"
    sister = Thief(running, SISTER)
    assert sister.has_digest()
    assert len(sister.opened("school")) == 1, "what was not erased stands"


def test_what_one_side_erases_is_gone_and_the_others_row_stands(running: Federation) -> None:
    thief = involve(running)
    running.nodes["school"].drop_case("S-1")
    running.settle(*NODES)
    days_pass(running)
    thief.demand_nothing("school")
    assert thief.found("town") <= {"reference", "request"}
    assert list(thief.salts()) == ["town"]
    assert len(thief.opened("town")) == 1


def test_the_request_by_which_one_person_was_withdrawn_can_be_tried_out_until_it_is_swept(running: Federation) -> None:
    thief = involve(running)
    running.nodes["school"].drop_case("S-1")
    running.settle(*NODES)
    assert "request" in thief.found("school"), "this search finds what there is"
    running.clock.pass_(days=1)
    running.index.expire()
    assert "request" in thief.found("school"), "a node that was down may still ask for its answer"
    running.clock.pass_(days=1)
    running.index.expire()
    assert thief.found("school") == set()


def test_events_that_a_silent_member_never_fetched_go_with_its_rows(running: Federation) -> None:
    running.nodes["town"].put_case(case("T-1", CHILD))
    running.settle("town")
    running.nodes["school"].put_case(case("S-1", CHILD))
    running.walk("school")
    thief = Thief(running, CHILD)
    running.nodes["school"].drop_case("S-1")
    running.walk("school")
    days_pass(running)
    assert "match" in thief.found("school"), "what waits for town names a match"
    for _ in range(9):
        running.clock.pass_(days=10)
        running.walk("school")
        running.index.expire()
    assert not thief.has_digest()
    thief.demand_nothing("school")
    thief.demand_nothing("town")
    # It comes back, hears that it must replay, and publishes again what was lost.
    running.nodes["town"].put_case(case("T-1", CHILD))
    running.settle(*NODES)
    assert thief.salts().keys() == {"town"}


def test_a_row_whose_term_ends_leaves_no_answer_behind(running: Federation) -> None:
    thief = involve(running)
    published = running.clock()
    for member in NODES:
        held = running.nodes[member].store.references()
        assert held
    last = start_of(removal_month(published, 24))
    while running.clock() < last:
        running.clock.pass_(days=25)
        with outlaw(running.sandbox, "school", running.index.address), outlaw(running.sandbox, "town", running.index.address):
            pass
        running.index.expire()
    assert month_of(running.clock()) >= month_of(last)
    assert not thief.has_digest()
    assert {"reference", "request"} & (thief.found("school") | thief.found("town")) == set()
    assert [row for row in tables(running.index.path)["last_write"] if row[2] or row[3]] == []


def test_a_backup_from_before_finds_it_until_it_is_restored_and_brought_up_to_the_log(
    running: Federation, tmp_path: Path
) -> None:
    thief = involve(running)
    copy = tmp_path / "copy"
    copies.backup(running.index.path, copy, running.clock())
    for member, reference in (("school", "S-1"), ("town", "T-1")):
        running.nodes[member].drop_case(reference)
    running.settle(*NODES)
    running.index.publish_log()
    assert thief.digest in copy.read_bytes(), "which is why backups live for thirty days at most"
    published = running.index.running.published
    running.index.stop()
    copies.restore(copy, running.index.path, published, running.clock(), replace=True)
    raw = running.index.path.read_bytes()
    assert thief.digest not in raw
    assert thief.pepper.match_id(thief.digest, "school", "town") not in raw
    assert Thief(running, SISTER).digest in raw
