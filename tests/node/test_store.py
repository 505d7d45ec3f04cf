"""The node's store: what a stolen file shows, what is erased, what a crash or another writer can't break."""

import os
import random
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from raakvlak_node import store as stores
from raakvlak_node.node import Node
from raakvlak_node.store import InFlight, Store
from raakvlak_node.vault import Vault
from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.identifier import ADDRESS, BSN, Bsn
from raakvlak_protocol.letter_content import CardCase, encode_card
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import Token, TokenKeys
from tests.node.rows import bsn, case

LIMIT = 4
MONTH = 100
FAMILY = {
    "parent_bsn_1": bsn(2),
    "child_bsns": bsn(3),
    "sibling_bsns": f"{bsn(4)} {bsn(5)}",
    "postcode": "4331QX",
    "house_number": "98765",
    "house_addition": "ZWQJ",
}


def files(store: Store) -> bytes:
    """Every byte that a thief of the store's files has."""
    return b"".join(path.read_bytes() for path in sorted(store.path.parent.glob(store.path.name + "*")))


def keys(place: int) -> TokenKeys:
    return TokenKeys(Token(b"%032d" % place), SecretBytes(b"s%031d" % place), SecretBytes(b"l%031d" % place))


def evaluated(store: Store, not_before: int = 0) -> list[bytes]:
    """Gives every wanted person a token."""
    persons: list[bytes] = []
    for namespace in (BSN, ADDRESS):
        found = store.unevaluated(namespace, 1, LIMIT, 100)
        if found:
            batch = store.add_batch(namespace, 1, found, [SecretBytes(os.urandom(32)) for _ in found])
            store.finish_batch(batch, [keys(len(persons) + place) for place in range(len(found))], [not_before] * len(found))
            persons += found
    return persons


def wanted(store: Store, epoch: int = 1) -> list[bytes]:
    """Who may be published by now."""
    return store.to_publish(epoch, LIMIT, 10, MONTH, 100, Visibility.DIRECT)


def published(store: Store) -> list[bytes]:
    """Publishes every token; returns the references."""
    persons = tuple(wanted(store))
    references = [os.urandom(16) for _ in persons]
    write = InFlight("publish", 1, 1, store.number("last_sequence") + 1, b"h" * 32, persons)
    store.begin_write(write)
    store.finish_publish(write, references, 300)
    return references


def secrets_of(reference: str, name: str, phone: str) -> list[bytes]:
    numbers = [bsn(place) for place in (1, 2, 3, 4, 5, 30)]
    texts = [reference, name, phone, "a.zoutkeet@school.example", "4331QX", "4331 QX", "98765", "ZWQJ", "regenboog"]
    plain = [text.encode() for text in numbers + texts]
    return plain + [text.encode("utf-16-le") for text in texts] + [text.encode().hex().encode() for text in numbers]


def test_a_stolen_store_shows_no_person_and_no_case(node: Node) -> None:
    store = node.store
    reference, name, phone = "DOSSIER-77123", "Wilhelmina Spreeuwenbrug", "0118-424242"
    columns = FAMILY | {"worker_name": name, "worker_phone": phone, "worker_email": "a.zoutkeet@school.example"}
    node.put_case(case(reference, bsn(30), function="mentor regenboog", **columns))
    node.put_case(case(reference, bsn(1), function="mentor regenboog", **columns), "changed")
    evaluated(store)
    (row_of_client, *_) = published(store)
    person = store.person_of(row_of_client, 1)
    assert person is not None
    store.begin_match(b"m" * 16, person, 1, "town", 1)
    theirs = CardCase("T-1", frozenset({Relation.CLIENT}), name, "regenboog", phone, "", node.today(node.clock()))
    store.keep_their_letter(b"m" * 16, "their_card", encode_card([theirs]))
    stolen = files(store)
    assert b"own_case" in stolen and b"town" in stolen  # what lies open is found by this way of looking
    assert store.path.with_name("store.db-wal").stat().st_size > 0
    for secret in secrets_of(reference, name, phone):
        assert secret not in stolen
    for key in (keys(0).seed, keys(0).letter_key, keys(0).token):
        assert key.reveal() not in stolen
    store.drop_case(store.case_handle(reference))
    store.fold()
    for secret in secrets_of(reference, name, phone):
        assert secret not in files(store)


def test_what_is_forgotten_is_overwritten(node: Node) -> None:
    store = node.store
    node.put_case(case("ZK-1", bsn(1), **FAMILY))
    store.fold()
    sealed = [
        bytes(row[0])
        for sql in ("SELECT sealed FROM own_case", "SELECT sealed FROM person")
        for row in store.database.execute(sql)
    ]
    assert len(sealed) == 1 + 6
    assert all(each in files(store) for each in sealed)
    store.drop_case(store.case_handle("ZK-1"))
    assert store.forget_unneeded() == 6
    store.fold()
    assert not any(each in files(store) for each in sealed)


def test_the_files_are_for_their_owner_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = Store(tmp_path / "store.db", Vault(SecretBytes(b"k" * 32), os.urandom), create=True)
        store.set_number("x", 1)
        found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert found == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}


def test_a_missing_store_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="missing: restore it from a backup"):
        Store(tmp_path / "store.db", Vault(SecretBytes(b"k" * 32), os.urandom))
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_a_newer_version_is_refused(node: Node) -> None:
    node.store.database.execute("INSERT INTO _sqlite_migrations VALUES (99, 'raakvlak_node', 'second', '2030-01-01')")
    with pytest.raises(Refused, match="newer version of this program: install that version"):
        node.another_store()


def test_a_store_of_another_node_is_recognised(node: Node) -> None:
    node.put_case(case("ZK-1", bsn(1)))
    node.store.prove_vault()
    other = Store(node.store.path, Vault(SecretBytes(b"other" * 8), os.urandom))
    with closing(other), pytest.raises(Refused, match="another node's"):
        other.prove_vault()


def test_a_transaction_is_all_or_nothing_and_nests(node: Node) -> None:
    store = node.store
    with pytest.raises(KeyError), store.transaction():
        store.set_number("outer", 1)
        with store.transaction():
            store.set_number("inner", 1)
        raise KeyError
    assert (store.number("outer"), store.number("inner")) == (0, 0)
    with store.transaction(), store.transaction():
        store.set_number("inner", 2)
    with closing(node.another_store()) as other:
        assert other.number("inner") == 2


def test_a_store_that_stays_busy_says_so(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "BUSY_SECONDS", 0.05)
    other = node.another_store()
    with node.store.transaction(), pytest.raises(Unavailable, match="busy"), other.transaction():
        raise AssertionError("two writers at once")
    with other.transaction():
        other.set_number("after", 1)
    other.close()


def test_another_writer_is_noticed(node: Node) -> None:
    seen = node.store.data_version()
    other = node.another_store()
    other.set_number("x", 1)
    other.close()
    assert node.store.data_version() != seen


def test_a_request_survives_until_it_is_finished(node: Node) -> None:
    store = node.store
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(2)))
    persons = store.unevaluated(BSN, 1, LIMIT, 100)
    blinds = [SecretBytes(os.urandom(32)) for _ in persons]
    batch = store.add_batch(BSN, 1, persons, blinds)
    assert store.unevaluated(BSN, 1, LIMIT, 100) == []
    again = node.another_store()
    assert again.batches() == [batch]
    again.dissolve_batch(batch)
    again.close()
    assert (store.batches(), sorted(store.unevaluated(BSN, 1, LIMIT, 100))) == ([], sorted(persons))
    batch = store.add_batch(BSN, 1, persons, blinds)
    store.finish_batch(batch, [keys(0), keys(1)], [5, 50])
    assert store.batches() == []
    assert store.token_keys(persons[1], 1) == keys(1)
    assert wanted(store) == [persons[0]]  # the other still waits
    assert wanted(store, 2) == []
    assert len(store.unevaluated(BSN, 2, LIMIT, 100)) == 2  # a new epoch needs new tokens


def test_one_row_for_siblings_at_one_school(node: Node) -> None:
    store = node.store
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(9)))
    node.put_case(case("ZK-2", bsn(2), parent_bsn_1=bsn(9)))
    evaluated(store)
    assert len(published(store)) == 3
    store.drop_case(store.case_handle("ZK-1"))
    assert len(store.to_withdraw(LIMIT, MONTH, 24, 100)) == 1  # the mother stays for the other child
    store.drop_case(store.case_handle("ZK-2"))
    withdrawn = store.to_withdraw(LIMIT, MONTH, 24, 100)
    assert len(withdrawn) == 3
    assert store.forget_unneeded() == 0  # what stands at the index is needed to withdraw it
    store.finish_withdraw(InFlight("withdraw", 1, 1, 2, b"h" * 32, tuple(reference for _, reference in withdrawn)))
    assert store.forget_unneeded() == 3
    assert store.published_counts(MONTH)["published"] == 0


def test_a_withdrawn_row_takes_what_the_other_side_told_with_it(node: Node) -> None:
    store = node.store
    node.put_case(case("ZK-1", bsn(1)))
    evaluated(store)
    (reference,) = published(store)
    person = store.person_of(reference, 1)
    assert person is not None
    store.begin_match(b"m" * 16, person, 1, "town", 1)
    store.keep_their_letter(b"m" * 16, "their_proof", b"letter")
    assert [match.their_proof for match in store.live_matches()] == [SecretBytes(b"letter")]
    store.finish_withdraw(InFlight("withdraw", 1, 1, 2, b"h" * 32, (reference,)))
    assert list(store.live_matches()) == []
    assert store.match_known(b"m" * 16)
    assert store.database.execute("SELECT their_proof, person FROM match").fetchone()[0] is None


def test_a_backup_is_whole_while_others_write(node: Node, tmp_path: Path) -> None:
    node.put_case(case("ZK-1", bsn(1)))
    node.store.backup(tmp_path / "copy.db")
    node.put_case(case("ZK-2", bsn(2)))
    copy = Store(tmp_path / "copy.db", node.store.vault)
    assert [found.reference for _, found in copy.cases()] == ["ZK-1"]
    copy.close()


def test_a_name_is_given_to_one_access_token(node: Node) -> None:
    token = node.new_access_token("case-system")
    with pytest.raises(Refused, match="choose another name"):
        node.new_access_token("case-system")
    assert node.caller_of(node.store, token) == "case-system"
    assert node.caller_of(node.store, token[:-1]) is None
    assert token.encode() not in files(node.store)


@pytest.fixture
def chance() -> Iterator[random.Random]:
    yield random.Random(20260302)


def test_what_is_wanted_follows_a_model_through_random_histories(node: Node, chance: random.Random) -> None:
    """Cases come, change and go; the store wants exactly the persons of those that are there, and the small households of
    those that others may hear of: what goes through the coordinator does not count there."""
    held: dict[str, dict[str, str]] = {}
    for _ in range(150):
        reference = f"ZK-{chance.randrange(6)}"
        if chance.random() < 0.3:
            assert node.drop_case(reference) == (held.pop(reference, None) is not None)
        else:
            columns = {"bsn": bsn(chance.randrange(1, 9)), "protected": chance.choice(["yes", "no", "no", "no"])}
            if chance.random() < 0.5:
                columns |= {"parent_bsn_1": bsn(chance.randrange(20, 24))}
            if chance.random() < 0.8:
                columns |= {"postcode": "4331AB", "house_number": chance.choice("12")}
            held[reference] = columns
            node.put_case(case(reference, **columns), "wrong")
        open_ = [columns for columns in held.values() if columns["protected"] == "no"]
        people = {columns[name] for columns in held.values() for name in ("bsn", "parent_bsn_1") if name in columns}
        homes = [columns.get("house_number") for columns in open_]
        small = {home for home in "12" if homes.count(home) <= 2}
        found = {node.store.canonical(person)[1].reveal() for person in node.store.unevaluated(BSN, 1, 2, 100)}
        assert found == {Bsn.parse(number).canonical.reveal() for number in people}
        assert len(node.store.unevaluated(ADDRESS, 1, 2, 100)) == len(
            {columns.get("house_number") for columns in open_} & small
        )


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b""])
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.db").write_bytes(content)
    with pytest.raises(Refused, match="no node's store"):
        Store(tmp_path / "store.db", Vault(SecretBytes(b"k" * 32), os.urandom))
