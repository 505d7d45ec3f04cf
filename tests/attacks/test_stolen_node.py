"""A thief has a node's folder, as a disk or a backup, and not the key file, which lies on another disk."""

import base64
import csv
import io
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from raakvlak_node import node as nodes
from raakvlak_node.case import COLUMNS
from raakvlak_node.importing import Import
from raakvlak_node.node import LETTER_SECRET, SIGNING_SEED, STORE, VAULT_KEY, Node, open_node
from raakvlak_node.store import InFlight, Store
from raakvlak_node.vault import Vault
from raakvlak_protocol import letter, letter_content, voprf
from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.identifier import BSN, Bsn
from raakvlak_protocol.letter import NO_PREVIOUS, Header
from raakvlak_protocol.letter_content import CardCase, Proof
from raakvlak_protocol.party import membership, sealed
from raakvlak_protocol.party.membership import TLS_KEY, Folder
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import covenant_pb2, index_pb2
from tests.attacks.dictionary import bsns
from tests.attacks.hostile import NOWHERE, evaluate
from tests.covenants import SHARE_NUMBERS, Sandbox, make_covenant
from tests.federation import Clock, KeyHolderThreads

EARLY = bsns(12_345_600, 12)
"""Begin with a zero, which a spreadsheet takes away."""
PERSONS = [*EARLY, *bsns(123_450_000, 12)]
LATER = bsns(234_560_000, 4)
"""Taken in while no key holder answers."""
GONE = bsns(345_670_000, 1)[0]
KILLED = bsns(456_780_000, 3_000)
"""Taken in by an import that is killed."""

PROGRAM = [sys.executable, "-c", "from raakvlak_node.cli import main; main()"]

MARKS = {
    "case reference": "dossier-geheim-",
    "name": "Jannetje Zoutelande",
    "phone": "0118-987",
    "e-mail": "jannetje@zoutelande.example",
    "postcode": "4374ZZ",
    "function": "gezinsvoogd-in-het-geheim",
    "their reference": "zaak-van-de-gemeente",
    "their name": "Pier Westkapelle",
    "their phone": "0118-123456",
    "their e-mail": "pier@westkapelle.example",
    "access token's user": "dossiersysteem-7f",
}
SHOWN = {"access token's user"}
"""Lies open: an administrator's own word for a program, which names nobody."""


def row(place: int, bsn: str, **columns: str) -> dict[str, str]:
    given = {
        "case_ref": f"{MARKS['case reference']}{place:05}",
        "bsn": bsn,
        "birth_date": "2012-02-29",
        "postcode": "4374 ZZ",
        "house_number": str(1 + place),
        "function": MARKS["function"],
        "worker_name": MARKS["name"],
        "worker_phone": f"{MARKS['phone']}{place:04}",
        "worker_email": MARKS["e-mail"],
        "since": "2026-01-05",
    }
    return given | columns


def caseload(rows: Iterable[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@dataclass
class Victim:
    """The node, the folder that is stolen, and every secret that must not be in it."""

    node: Node
    sandbox: Sandbox
    folder: Path
    key_file: Path
    secrets: dict[str, bytes]

    def stolen(self, to: Path) -> Path:
        """The folder as it lies on the disk at this moment, also while the node is at work."""
        shutil.copytree(self.folder, to)
        return to


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def victim(clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A node in the middle of its work, with something of everything that a node keeps."""
    here = tmp_path_factory.mktemp("victim")
    folder, key_file = here / "node", here / "other-disk" / "node.key"
    key_file.parent.mkdir()
    sandbox = joined(folder, key_file)
    holders = [KeyHolderThreads(sandbox, number, here / str(number), clock) for number in SHARE_NUMBERS]
    node = open_node(folder, clock)
    try:
        fill(node, sandbox, holders, clock)
        yield Victim(node, sandbox, folder, key_file, secrets_of(node, key_file))
    finally:
        node.close()
        for holder in holders:
            holder.stop()


def joined(folder: Path, key_file: Path) -> Sandbox:
    """A folder that `init` and `join` made, in a covenant that has this node's own keys."""
    sealed.new_key_file(key_file)
    settings = f'covenant = "zeeland"\nid = "school"\nindex = "{NOWHERE}"\nkey_file = "{key_file}"\n\n[key_holders]\n'
    settings += "".join(f'keyholder-{number} = "{NOWHERE}"\n' for number in SHARE_NUMBERS)
    identity = nodes.identity_of("zeeland", "school")
    lock = sealed.KeyFile(key_file)
    entry = nodes.prepare(Folder(folder), identity, lock, name="School", kind="education", settings_text=settings)
    (own,) = tomllib.loads(entry)["member"]

    def change(payload: covenant_pb2.Covenant) -> None:
        payload.members[0].signing_key = bytes.fromhex(own["signing_key"])
        payload.members[0].letter_key = bytes.fromhex(own["letter_key"])

    sandbox = make_covenant(change=change)
    now = datetime.now(UTC)
    certificate = sandbox.authority.issue(Folder(folder).request.read_bytes(), identity, now)
    membership.join(Folder(folder), identity, lock, certificate=certificate, history=sandbox.file, pin=sandbox.pin, now=now)
    return sandbox


def fill(node: Node, sandbox: Sandbox, holders: list[KeyHolderThreads], clock: Clock) -> None:
    rows = [row(place, bsn) for place, bsn in enumerate(PERSONS)]
    rows[0] |= {"parent_bsn_1": PERSONS[1], "sibling_bsns": f"{PERSONS[2]} {PERSONS[3]}", "confidential": "yes"}
    take(node, [*rows, row(99, GONE)])
    places = {holder.identity.id: holder.address for holder in holders}
    reached = replace(node, settings=replace(node.settings, key_holders=places))
    evaluate(reached, clock)
    node.drop_case(f"{MARKS['case reference']}00099")
    first, second, third = (person_of(node, bsn) for bsn in PERSONS[4:7])
    publish(node, [first, second, third])
    exchange_letters(node, sandbox, [first, second], clock)
    node.store.begin_write(InFlight("publish", 1, 2, 2, os.urandom(32), (third,)))
    interrupt(node, clock)
    node.new_access_token(MARKS["access token's user"])
    node.store.backup(node.folder.path / "backup.db")


def take(node: Node, rows: list[dict[str, str]]) -> None:
    report = Import(node).run(io.BytesIO(caseload(rows)), node.folder.path / "rejected.csv")
    assert (report.new, report.rejected) == (len(rows), [])


def person_of(node: Node, bsn: str) -> bytes:
    return node.store.vault.handle("person", BSN, Bsn.parse(bsn).canonical.reveal())


def publish(node: Node, persons: list[bytes]) -> None:
    write = InFlight("publish", 1, 1, 1, os.urandom(32), tuple(persons))
    node.store.begin_write(write)
    node.store.finish_publish(write, [person[::-1] for person in persons], 400)


def interrupt(node: Node, clock: Clock) -> None:
    """A batch that is stored, blinds and all, and never answered: the holders went away behind their word on quotas."""
    take(node, [row(200 + place, bsn) for place, bsn in enumerate(LATER)])
    waiting = node.store.unevaluated(BSN, 1, 4, 2)
    for persons in (waiting[:1], waiting[1:]):
        node.store.add_batch(BSN, 1, persons, voprf.new_blinds(1, os.urandom))
    with pytest.raises(Unavailable):
        evaluate(node, clock)
    assert len(node.store.batches()) == 2


def exchange_letters(node: Node, sandbox: Sandbox, persons: list[bytes], clock: Clock) -> None:
    """Matches with the town, its proof letters and cards, own letters, and letters that can't be read."""
    matches = [bytes([place]) * 16 for place in (1, 2)]
    events = [
        index_pb2.Event(match=index_pb2.Match(match_id=match_id, reference=person[::-1], other="town", epoch=1))
        for match_id, person in zip(matches, persons, strict=True)
    ]
    for match_id, person in zip(matches, persons, strict=True):
        proof = letter_content.encode_proof(Proof(frozenset({Relation.CLIENT})))
        header, sealed_letter = written_by_town(node, sandbox, match_id, person, 1, NO_PREVIOUS, proof)
        card = letter_content.encode_card([card_case()])
        _, following = written_by_town(node, sandbox, match_id, person, 2, letter.letter_hash(header, proof), card)
        _, early = written_by_town(node, sandbox, match_id, person, 4, bytes(range(32)), card)
        _, broken = written_by_town(node, sandbox, match_id, person, 3, bytes(range(32)), card)
        for number, ciphertext in ((1, sealed_letter), (2, following), (4, early), (3, broken), (5, bytes(1024))):
            events.append(
                index_pb2.Event(letter=index_pb2.Letter(match_id=match_id, number=number, sender="town", ciphertext=ciphertext))
            )
    for number, event in enumerate(events, 1):
        event.number = number
    receiver = node.receiver()
    receiver.take(index_pb2.EventBatch(events=events, newest=len(events)), clock())
    assert node.writer().run(clock()) == 4
    assert node.store.letter_counts() == {"unposted": 4, "unreadable": 4, "early": 2, "due": 0}


def written_by_town(
    node: Node, sandbox: Sandbox, match_id: bytes, person: bytes, number: int, previous: bytes, content: bytes
) -> tuple[Header, bytes]:
    keys = node.store.token_keys(person, 1)
    header = Header("zeeland", 1, keys.token, match_id, "town", "school", number, previous)
    ciphertext = letter.seal(
        header,
        content,
        letter_key=keys.letter_key,
        signing_seed=sandbox.signing_seeds["town"],
        receiver_key=node.member.letter_key,
        random=os.urandom,
    )
    return header, ciphertext


def card_case() -> CardCase:
    return CardCase(
        reference=MARKS["their reference"],
        relations=frozenset({Relation.CLIENT}),
        name=MARKS["their name"],
        function="consulent",
        phone=MARKS["their phone"],
        email=MARKS["their e-mail"],
        since=date(2026, 1, 5),
    )


def secrets_of(node: Node, key_file: Path) -> dict[str, bytes]:
    """Everything of 32 bytes that the node keeps secret, by its own account, and the TLS key in its forms."""
    found = {name: node.membership.secrets[name].reveal() for name in (SIGNING_SEED, LETTER_SECRET, VAULT_KEY)}
    found["key file"] = bytes.fromhex(key_file.read_text())
    pem = node.membership.secrets[TLS_KEY].reveal()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    found["TLS key, its number"] = key.private_numbers().private_value.to_bytes(32, "big")
    found["TLS key, PEM"] = pem.splitlines()[1]
    for place, bsn in enumerate(PERSONS[4:]):
        keys = node.store.token_keys(person_of(node, bsn), 1)
        found |= {
            f"token {place}": keys.token.reveal(),
            f"token seed {place}": keys.seed.reveal(),
            f"letter key {place}": keys.letter_key.reveal(),
        }
    for batch in node.store.batches():
        found |= {f"blind {batch.id}": batch.blinds[0].reveal()}
    return found


# --- the search -------------------------------------------------------------------------------------------------------

_DIGITS = re.compile(rb"(?=([0-9]{9}))")
_EIGHT = re.compile(rb"(?=([0-9]{8}))")
KNOWN = {bsn.encode() for bsn in [*PERSONS, *LATER, GONE, *KILLED]}
KNOWN_SHORT = {bsn.encode()[1:] for bsn in EARLY}


def found_in(content: bytes, secrets: dict[str, bytes]) -> set[str]:
    """The kinds of secrets that stand in these bytes, in any form in which they might."""
    plain = content.replace(b"\0", b"")  # text in UTF-16 as well
    found = {name for name, text in MARKS.items() if text.encode() in plain or text.encode().lower() in plain.lower()}
    found |= {"BSN" for number in _DIGITS.findall(plain) if number in KNOWN}
    found |= {"BSN of eight digits" for number in _EIGHT.findall(plain) if number in KNOWN_SHORT}
    for name, secret in secrets.items():
        forms = (secret, secret[::-1], secret.hex().encode(), base64.b64encode(secret)[:-3])
        if any(form in content for form in forms) or secret.hex().upper().encode() in content:
            found.add(name)
    return found - SHOWN


def found_by_file(files: dict[str, bytes], secrets: dict[str, bytes]) -> dict[str, set[str]]:
    """The files in which something was found, and what."""
    return {name: found for name, content in files.items() if (found := found_in(content, secrets))}


def everything(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# --- what is not there ------------------------------------------------------------------------------------------------


def test_no_file_of_the_folder_holds_a_person_or_a_key(victim: Victim, tmp_path: Path) -> None:
    files = everything(victim.stolen(tmp_path / "stolen"))
    assert {"store.db", "store.db-wal", "backup.db", "secrets.sealed", "settings.toml"} <= files.keys()
    assert len(files["store.db-wal"]) > 0
    assert found_by_file(files, victim.secrets) == {}


def test_the_search_finds_them_where_they_are(victim: Victim) -> None:
    own = found_in(caseload([row(place, bsn) for place, bsn in enumerate(PERSONS)]), {})
    assert own == {"BSN", "BSN of eight digits", "case reference", "name", "phone", "e-mail", "function"}
    opened = b"".join(
        [
            *(case.encode() for _, case in victim.node.store.cases()),
            *(victim.node.store.canonical(person_of(victim.node, bsn))[1].reveal() for bsn in PERSONS),
            *(match.their_card.reveal() for match in victim.node.store.live_matches() if match.their_card),
        ]
    )
    assert found_in(opened, {}) >= own | {"their reference", "their name", "their phone", "their e-mail"}
    unsealed = sealed.unseal(
        Folder(victim.folder).secrets, sealed.KeyFile(victim.key_file), label="secrets school.node.zeeland.raakvlak"
    )
    assert {SIGNING_SEED, LETTER_SECRET, VAULT_KEY} <= found_in(unsealed.reveal(), victim.secrets)


def test_an_import_that_is_killed_leaves_nobody_in_the_wal_or_in_a_temporary_file(victim: Victim, tmp_path: Path) -> None:
    victim.node.store.fold()
    folder, source = victim.stolen(tmp_path / "node"), tmp_path / "caseload.csv"
    source.write_bytes(caseload(row(1_000 + place, bsn) for place, bsn in enumerate(KILLED)))
    process = subprocess.Popen(
        [*PROGRAM, "import", str(source), "--folder", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(folder)},
    )
    wal = folder / "store.db-wal"
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline and not (wal.exists() and wal.stat().st_size > 10**6):
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -9, "it was at work when it was killed"
    files = everything(folder)
    assert len(files["store.db-wal"]) > 10**6
    assert found_by_file(files, victim.secrets) == {}


def test_without_the_key_file_nothing_opens(victim: Victim, tmp_path: Path, clock: Clock) -> None:
    folder = victim.stolen(tmp_path / "stolen")
    settings = (folder / "settings.toml").read_text()
    (folder / "settings.toml").write_text(settings.replace(str(victim.key_file), str(tmp_path / "own.key")))
    with pytest.raises(Refused, match="is missing: without it nothing that it locks can be read"):
        open_node(folder, clock)
    sealed.new_key_file(tmp_path / "own.key")
    with pytest.raises(Refused, match="does not open"):
        open_node(folder, clock)
    own = Vault(SecretBytes(os.urandom(32)), os.urandom)
    with closing(Store(folder / STORE, own)) as store:
        with pytest.raises(Refused, match="does not open"):
            store.prove_vault()
        known = victim.node.store.case_handle(f"{MARKS['case reference']}00001")
        assert known in store.case_handles()
        assert store.case_handle(f"{MARKS['case reference']}00001") not in store.case_handles(), "no list can be tested"


def test_what_the_disk_does_show(victim: Victim, tmp_path: Path) -> None:
    """How many, how they hang together, with whom: THREAT-MODEL says so."""
    folder = victim.stolen(tmp_path / "stolen")
    with closing(sqlite3.connect(folder / STORE)) as thief:
        assert thief.execute("SELECT count(*) FROM own_case").fetchone()[0] == len(PERSONS) + len(LATER)
        assert thief.execute("SELECT other, count(*) FROM match GROUP BY 1").fetchall() == [("town", 2)]
        assert thief.execute("SELECT count(*) FROM involvement WHERE relation = 'sibling'").fetchone()[0] == 2


def test_succeeds_rejected_rows_lie_in_the_clear_until_somebody_has_mended_them(victim: Victim, tmp_path: Path) -> None:
    """By default beside the caseload file, where the same lies already; never in the node's folder by itself."""
    victim.node.store.fold()
    folder, source = victim.stolen(tmp_path / "node"), tmp_path / "desk" / "caseload.csv"
    source.parent.mkdir()
    source.write_bytes(caseload([row(1, LATER[0], since="yesterday")]))
    done = subprocess.run(
        [*PROGRAM, "import", str(source), "--folder", str(folder)], capture_output=True, timeout=60, check=False
    )
    assert b"1 rows rejected" in done.stdout
    assert found_by_file(everything(folder), victim.secrets) == {}
    source.unlink()
    ((_, what),) = found_by_file(everything(source.parent), victim.secrets).items()
    assert {"BSN", "case reference", "name", "phone"} <= what
    assert found_in(done.stdout + done.stderr, victim.secrets) == set()


# --- what is changed --------------------------------------------------------------------------------------------------

SEALED = {
    "own_case": ("handle", "sealed"),
    "person": ("handle", "sealed"),
    "token": ("person", "sealed"),
    "match": ("match_id", "their_card"),
    "batch": ("id", "blinds"),
}


def read_all(store: Store) -> None:
    """Opens every field."""
    for _ in store.cases():
        pass
    for person, namespace in store.database.execute("SELECT handle, namespace FROM person").fetchall():
        assert store.canonical(bytes(person))[0] == namespace
    for person, epoch in store.database.execute("SELECT person, epoch FROM token").fetchall():
        store.token_keys(bytes(person), epoch)
    assert len(list(store.live_matches())) == 2
    assert len(store.batches()) == 2


@dataclass
class Changed:
    """A copy of the store that the thief writes in, and that the node then reads."""

    path: Path
    vault: Vault

    def by(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        with closing(sqlite3.connect(self.path)) as thief:
            for statement, values in statements:
                assert thief.execute(statement, values).rowcount > 0
            thief.commit()

    def rows(self, statement: str) -> list[tuple[bytes, ...]]:
        with closing(sqlite3.connect(self.path)) as thief:
            return thief.execute(statement).fetchall()

    def read(self) -> None:
        with closing(Store(self.path, self.vault)) as store:
            read_all(store)


@pytest.fixture
def changed(victim: Victim, tmp_path: Path) -> Changed:
    found = Changed(victim.stolen(tmp_path / "stolen") / STORE, victim.node.store.vault)
    found.read()
    return found


@pytest.mark.parametrize("table", SEALED)
def test_a_sealed_field_that_is_moved_to_another_row_does_not_open(changed: Changed, table: str) -> None:
    name, column = SEALED[table]
    (one, first), (other, second) = changed.rows(f"SELECT {name}, {column} FROM {table} LIMIT 2")  # noqa: S608
    update = f"UPDATE {table} SET {column} = ? WHERE {name} = ?"  # noqa: S608
    changed.by((update, (second, one)), (update, (first, other)))
    with pytest.raises(Refused, match="a field of the store does not open"):
        changed.read()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE match SET their_proof = their_card, their_card = their_proof",
        "UPDATE token SET sealed = (SELECT sealed FROM person WHERE handle = person)",
        "UPDATE own_case SET sealed = (SELECT sealed FROM person LIMIT 1)",
        "UPDATE token SET epoch = 2",
    ],
)
def test_nor_in_another_column_or_epoch(changed: Changed, statement: str) -> None:
    changed.by((statement, ()))
    with pytest.raises(Refused, match="a field of the store does not open"):
        changed.read()


@pytest.mark.parametrize("table", SEALED)
def test_a_changed_byte_of_a_sealed_field_is_found(changed: Changed, table: str) -> None:
    name, column = SEALED[table]
    ((one, value),) = changed.rows(f"SELECT {name}, {column} FROM {table} LIMIT 1")  # noqa: S608
    update = f"UPDATE {table} SET {column} = ? WHERE {name} = ?"  # noqa: S608
    for place in (0, 24, len(value) // 2, len(value) - 1):
        wrong = bytearray(value)
        wrong[place] ^= 1
        changed.by((update, (bytes(wrong), one)))
        with pytest.raises(Refused, match="a field of the store does not open"):
            changed.read()
    for cut in (value[:-1], value[:24], b""):
        changed.by((update, (cut, one)))
        with pytest.raises(Refused, match="a field of the store does not open"):
            changed.read()


@pytest.mark.parametrize("place", [0, 20, 60, -1, -60])
def test_a_changed_byte_of_the_sealed_secrets_is_found(victim: Victim, tmp_path: Path, clock: Clock, place: int) -> None:
    folder = Folder(victim.stolen(tmp_path / "stolen"))
    content = bytearray(folder.secrets.read_bytes())
    content[place] ^= 1
    folder.secrets.write_bytes(content)
    with pytest.raises(Refused):
        open_node(folder.path, clock)


def test_succeeds_who_can_write_to_the_disk_may_have_published_what_a_case_withholds(victim: Victim, changed: Changed) -> None:
    """Columns that the database selects by lie open and are not authenticated: a thief who brings the disk back, or an
    administrator without the key, changes what is done with a person whom neither can name. It holds until the cases
    are judged again, when the day or the covenant changes."""
    confidential = person_of(victim.node, PERSONS[0])
    with closing(Store(changed.path, changed.vault)) as store:
        assert store.places(confidential) == []
    changed.by(("UPDATE involvement SET publish = 1 WHERE person = ?", (confidential,)))
    changed.read()
    with closing(Store(changed.path, changed.vault)) as store:
        assert store.places(confidential) != []
