"""A thief has the index's database, or a backup of it; then also the pepper; then also t key holders' shares.

Taken from a federation that runs: rows, matches, events and letters that wait, and what SQLite has not yet folded in.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from raakvlak_protocol import letter, letter_content
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identifier import BSN, Bsn
from raakvlak_protocol.letter import SIZES, Envelope, Header
from raakvlak_protocol.letter_content import Card, Proof
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import TokenKeys
from tests.attacks import needles
from tests.attacks.dictionary import bsns, keys_under, recovered
from tests.attacks.hostile import made
from tests.attacks.outlaw import digest, outlaw, seeded, tables
from tests.covenants import make_covenant
from tests.federation import Clock, Federation, IndexThreads, case, federation

CHILD, SISTER, MOTHER, UNCLE = "123456782", "111222333", "999990019", "999990032"
TOLD: dict[str, Any] = {
    "worker_name": "Jannetje Zoutelande",
    "worker_phone": "0118-000777",
    "worker_email": "jz@school.example",
}
HOME: dict[str, Any] = {"postcode": "4331AB", "house_number": "12", "house_addition": "a"}
LISTED = bsns(123_456_700, 30)
"""A small range of numbers, of which one is a known child's."""


@dataclass(frozen=True)
class Loot:
    """What the thief carries away, and the federation from which it came, against which it is judged."""

    running: Federation
    files: bytes
    tables: dict[str, list[tuple[object, ...]]]

    @property
    def rows(self) -> dict[bytes, set[object]]:
        """Members by digest."""
        found: dict[bytes, set[object]] = {}
        for own, member, *_ in self.tables["row"]:
            assert isinstance(own, bytes)
            found.setdefault(own, set()).add(member)
        return found

    @property
    def letters(self) -> list[bytes]:
        """Whatever has the size of one, in any table."""
        cells = [cell for rows in self.tables.values() for row in rows for cell in row]
        return [cell for cell in cells if isinstance(cell, bytes) and len(cell) in SIZES]

    def tokens(self) -> list[TokenKeys]:
        """All that any node has made, in both namespaces."""
        return [
            node.store.token_keys(person, epoch)
            for node in self.running.nodes.values()
            for person, epoch, _ in node.store.references()
        ]


@pytest.fixture(scope="module")
def loot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loot]:
    with federation(tmp_path_factory.mktemp("federation")) as running:
        school, town = running.nodes["school"], running.nodes["town"]
        school.put_case(case("dossier-geheim-1", CHILD, parent_bsn_1=MOTHER, sibling_bsns=SISTER, **HOME))
        town.put_case(case("dossier-geheim-2", CHILD, worker_phone="0118-000888"))
        town.put_case(case("dossier-geheim-3", MOTHER, birth_date="1980-05-05", **HOME))
        running.settle()
        assert len(running.touches("town")) == 2
        # Letters and a match that wait until town fetches them.
        school.put_case(case("dossier-geheim-1", CHILD, parent_bsn_1=MOTHER, sibling_bsns=SISTER, **TOLD, **HOME))
        town.put_case(case("dossier-geheim-4", UNCLE))
        running.walk("town")
        school.put_case(case("dossier-geheim-5", UNCLE))
        running.walk("school")
        folder = running.index.path.parent
        assert (folder / "store.db-wal").stat().st_size > 0
        files = b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())
        yield Loot(running, files, tables(running.index.path))


# --- the database -----------------------------------------------------------------------------------------------------


def test_it_holds_no_identifier_name_number_or_token(loot: Loot) -> None:
    told = ("dossier-geheim", "Zoutelande", "jz@school.example", "mentor", "4331AB", "education", "2026-01-05")
    sought = {
        **needles.named("bsn", (CHILD, SISTER, MOTHER, UNCLE)),
        **needles.named("text", told),
        **needles.named("phone", ("0118-000777", "0118-000888")),
        "address": needles.address("4331AB", "12"),
    }
    for place, keys in enumerate(loot.tokens()):
        for name in ("token", "seed", "letter_key"):
            sought[f"{name} {place}"] = needles.secret(getattr(keys, name).reveal())
    assert len(loot.letters) >= 3
    assert needles.found(loot.files, sought) == set()
    # The search finds what is there.
    assert needles.found(loot.files + " ".join(told).encode() + CHILD.encode(), sought) > {f"bsn {CHILD}"}
    (example, *_) = loot.rows
    assert needles.found(loot.files, {"digest": needles.secret(example)}) == {"digest"}


def test_a_token_that_the_thief_has_can_not_be_tested_without_the_pepper(loot: Loot) -> None:
    """Neither by what stands in the covenant or the database itself, nor by comparing with another index."""
    sandbox = loot.running.sandbox
    known = [b"", bytes(32), sandbox.payload.id.encode(), sandbox.pin, sandbox.covenant.hash]
    known += [cell for row in loot.tables.get("epoch", []) for cell in row if isinstance(cell, bytes)]
    for keys in loot.tokens():
        token = keys.token.reveal()
        guesses = {token[:16], hashlib.sha256(token).digest()[:16], hashlib.sha256(b"row" + token).digest()[:16]}
        guesses |= {digest(guess, token) for guess in known}
        assert not guesses & loot.rows.keys()


def test_the_same_tokens_under_another_pepper_make_rows_that_have_nothing_in_common(tmp_path: Path) -> None:
    sandbox = make_covenant()
    keys = [seeded(os.urandom(32)) for _ in range(20)]
    found = []
    for name in ("one", "other"):
        index = IndexThreads(sandbox, tmp_path / name, Clock())
        try:
            with outlaw(sandbox, "school", index.address) as member:
                member.publish(member.publication(keys))
            rows = {row[0] for row in tables(index.path)["row"]}
        finally:
            index.stop()
        assert rows == {digest(index.peppers[1], each.token.reveal()) for each in keys}
        found.append(rows)
    assert not found[0] & found[1]


def test_succeeds_it_shows_who_shares_how_many_persons_with_whom(loot: Loot) -> None:
    """The graph without tokens: town and the school share the child, its mother, their home and the uncle."""
    shared = [members for members in loot.rows.values() if len(members) > 1]
    assert len(shared) == 4
    assert len({tuple(sorted(map(repr, members))) for members in shared}) == 1


# --- database and pepper ----------------------------------------------------------------------------------------------


def test_with_the_pepper_only_tokens_can_be_tested_that_one_already_has(loot: Loot) -> None:
    pepper = loot.running.index.peppers[1]
    for keys in loot.tokens():
        assert digest(pepper, keys.token.reveal()) in loot.rows
    # What it computes of persons without the key holders, or with one share of two, is no token.
    share = {number: loot.running.sandbox.shares(number)[BSN, 1] for number in (1, 2, 3)}
    for bsn in (*LISTED, MOTHER, SISTER, UNCLE):
        hashed = hashlib.sha256(Bsn.parse(bsn).canonical.reveal()).digest()
        guessed = [hashed, seeded(hashed).token.reveal()]
        guessed += [keys_under(each, loot.running.sandbox.payload.id, bsn).token.reveal() for each in share.values()]
        assert not {digest(pepper, each) for each in guessed} & loot.rows.keys()


def test_with_a_members_tokens_too_it_tells_that_member_who_else_knows_its_own_persons(loot: Loot) -> None:
    """No more than the matches told it; of the sister, whom only the school knows, town has no token."""
    pepper = loot.running.index.peppers[1]
    town = loot.running.nodes["town"].store
    own = [town.token_keys(person, epoch).token.reveal() for person, epoch, _ in town.references()]
    shared = {each for each in own if len(loot.rows[digest(pepper, each)]) > 1}
    assert len(shared) == 4
    sister = made(loot.running.nodes["school"], SISTER).token.reveal()
    assert sister not in own
    assert digest(pepper, sister) in loot.rows


# --- database, pepper and t shares ------------------------------------------------------------------------------------


def test_succeeds_with_t_shares_everybody_in_a_range_of_numbers_is_found(loot: Loot) -> None:
    pepper, sandbox = loot.running.index.peppers[1], loot.running.sandbox
    key = recovered({number: sandbox.shares(number)[BSN, 1] for number in (1, 3)})
    found = {
        bsn: members
        for bsn in (*LISTED, *bsns(999_990_000, 10))
        if (members := loot.rows.get(digest(pepper, keys_under(key, sandbox.payload.id, bsn).token.reveal())))
    }
    assert {bsn: len(members) for bsn, members in found.items()} == {CHILD: 2, MOTHER: 2, UNCLE: 2}


def test_with_t_shares_letters_stay_closed_because_they_need_the_receivers_key_too(loot: Loot) -> None:
    running = loot.running
    sandbox, school = running.sandbox, running.nodes["school"].store
    key = recovered({number: sandbox.shares(number)[BSN, 1] for number in (1, 2)})
    stolen = {each.token.reveal(): each for each in (keys_under(key, sandbox.payload.id, bsn) for bsn in (CHILD, UNCLE))}
    signing_key = sandbox.covenant.member("school").signing_key
    opened = []
    for ciphertext in loot.letters:
        for anybody in (sandbox.letter_secrets["school"], *(each.letter_key for each in stolen.values())):
            with pytest.raises(Malformed):
                letter.take_off_first_lock(ciphertext, anybody)
        # From here on with the receiver's key, which the thief lacks.
        envelope = letter.take_off_first_lock(ciphertext, sandbox.letter_secrets["town"])
        match = school.match(envelope.match_id)
        assert match is not None
        token = school.token_keys(match.person, 1).token
        header = Header(sandbox.payload.id, 1, token, match.match_id, "school", "town", envelope.number, envelope.previous)
        keys = stolen.get(token.reveal())
        if keys is not None:
            opened.append(letter_content.decode(_second(envelope, header, keys.letter_key, signing_key)))
        # And with it alone the second lock holds.
        for guess in (sandbox.letter_secrets["town"], SecretBytes(token.reveal())):
            with pytest.raises(Malformed):
                _second(envelope, header, guess, signing_key)
    assert {type(each) for each in opened} == {Proof, Card}


def _second(envelope: Envelope, header: Header, letter_key: SecretBytes, signing_key: bytes) -> bytes:
    return letter.take_off_second_lock(envelope, header, letter_key, signing_key)
