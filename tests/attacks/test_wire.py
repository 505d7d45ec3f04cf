"""All that crosses between nodes, index and key holders, read after decryption: no person, no name, no letter's text."""

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from raakvlak_node.access import Actor
from raakvlak_node.case import COLUMNS
from raakvlak_node.reconcile import reconcile
from raakvlak_node.sync import walking
from raakvlak_protocol.act import ActKind
from raakvlak_protocol.errors import Malformed, OverQuota
from raakvlak_protocol.identifier import BSN
from raakvlak_protocol.v1 import index_pb2, keyholder_pb2
from tests.attacks import needles
from tests.attacks.dictionary import bsns, unblinded
from tests.attacks.lying_log import reading
from tests.attacks.needles import Needle
from tests.attacks.outlaw import outlaw
from tests.attacks.relay import Recorded, before_the_index, misled, relay
from tests.covenants import Sandbox, make_covenant
from tests.federation import Federation, case, federation
from tests.party.servers import remote

pytestmark = pytest.mark.slow

CHILD, SISTER, MOTHER, FATHER, UNCLE, EIGHT = (
    "123456782", "111222333", "999990019", "999990020", "999990032", "012345672",
)  # fmt: skip
MANY = bsns(100_000_000, 20)
HOME = {"postcode": "4331AB", "house_number": "12", "house_addition": "a"}
QUIST = {"worker_name": "Ilse Quistenburg", "worker_phone": "0118-000777", "worker_email": "iq@school.example"}
MAAS = {"worker_name": "Jan van der Maaswijk", "worker_phone": "06-12345000", "function": "jeugdregisseur"}
CASES: dict[str, list[dict[str, str]]] = {
    "school": [
        {"case_ref": "dossier-S-1", "bsn": CHILD, "parent_bsn_1": MOTHER, "parent_bsn_2": FATHER, "birth_date": "2012-03-04",
         "sibling_bsns": SISTER, **HOME, **QUIST, "function": "intern begeleider", "since": "2025-11-12"},
        {"case_ref": "dossier-S-2", "bsn": EIGHT.lstrip("0"), **QUIST, "function": "mentor-vwo", "since": "2025-10-11"},
    ],
    "town": [
        {"case_ref": "dossier-T-1", "bsn": CHILD, "sibling_bsns": SISTER, **HOME, **MAAS, "since": "2024-09-08"},
        {"case_ref": "dossier-T-2", "bsn": MOTHER, "birth_date": "1980-05-05", "child_bsns": f"{CHILD} {SISTER}",
         **HOME, **MAAS, "since": "2024-08-07"},
        {"case_ref": "dossier-T-3", "bsn": UNCLE, "sibling_bsns": MOTHER, **MAAS, "since": "2024-07-06"},
        {"case_ref": "dossier-T-4", "bsn": EIGHT, **MAAS, "since": "2024-06-05"},
    ],
}  # fmt: skip
WRITTEN = ("besproken met de schoolmaatschappelijk werker", "moeder wil geen jeugdregisseur", "de gemeente voert regie")
CHANGED = {"worker_name": "Marit Hogendoorn", "worker_phone": "0113-000111", "function": "zorgcoach"}


@dataclass(frozen=True)
class Recording:
    """One run of the story."""

    index: list[Recorded]
    key_holders: list[Recorded]
    tokens: list[bytes]
    secrets: list[bytes]

    @property
    def all(self) -> bytes:
        return b"\n".join(each.raw for each in [*self.index, *self.key_holders])


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(first_load=12, daily=1)


@pytest.fixture(scope="module")
def recordings(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    """The same story twice, each with nodes that begin anew."""
    return [record(sandbox, tmp_path_factory.mktemp("run")) for _ in range(2)]


def record(sandbox: Sandbox, folder: Path) -> Recording:
    with federation(folder, sandbox) as running, ExitStack() as stack:
        holders = [stack.enter_context(relay(sandbox, each.identity, each.address)) for each in running.key_holders]
        index = stack.enter_context(before_the_index(running))
        places = {each.server.id: each.address for each in holders}
        for member, node in running.nodes.items():
            running.nodes[member] = reading(misled(node, key_holders=places), running.index.log_address)
        tell_the_story(running)
        refuse_something(running, index.address)
        ask_directly(sandbox, holders[0].address)
        secrets = [each for node in running.nodes.values() for each in node_secrets(node)]
        tokens = [token for token, *_ in secrets]
        return Recording(
            index.recorded,
            [each for holder in holders for each in holder.recorded],
            tokens,
            [secret for _, *others in secrets for secret in others],
        )


def tell_the_story(running: Federation) -> None:
    """Matches of every kind, rows proven in the log, a changed card, a withdrawal, a reconciliation, a used-up quota."""
    for member, rows in CASES.items():
        for row in rows:
            put(running, member, row)
    running.settle()
    running.index.publish_log()
    running.settle()
    assert len(running.touches("school")) == 3
    put(running, "school", CASES["school"][0] | CHANGED)
    running.settle()
    follow_up(running)
    running.nodes["town"].drop_case("dossier-T-4")
    running.settle()
    with walking(running.nodes["town"], lambda name, **fields: None) as walk:
        reconcile(running.nodes["town"], walk.publisher, dry_run=False)
    running.settle()
    put(running, "school", {"case_ref": "dossier-S-9", "bsn": MANY[0], "sibling_bsns": " ".join(MANY[1:]), **QUIST})
    running.settle()
    assert [type(each) for each in running.walk("school").waiting] == [OverQuota]


def follow_up(running: Federation) -> None:
    """What two people wrote to each other, and to a coordinator."""
    now, who = running.clock(), Actor.command("somebody")
    school, desk = running.nodes["school"].follow_ups(), running.nodes["coordinator"].follow_ups()
    id = next(each.id for each in school.pairs.all(live=True))
    school.act(id, ActKind.CONTACTED, who, now, day=now.date(), text=WRITTEN[0])
    school.act(id, ActKind.ESCALATED, who, now, text=WRITTEN[1])
    running.settle()
    (brought,) = desk.pairs.all()
    desk.act(brought.id, ActKind.DECIDED, who, now, text=WRITTEN[2], lead="town")
    running.settle()
    assert {each.text for each in school.find(id, now).records.texts.values()} == set(WRITTEN)


def put(running: Federation, member: str, row: dict[str, str]) -> None:
    columns: dict[str, Any] = {name: value for name, value in row.items() if name not in ("case_ref", "bsn")}
    running.nodes[member].put_case(case(row["case_ref"], row["bsn"].zfill(9), **columns))


def refuse_something(running: Federation, index: str) -> None:
    """What a refusal says crosses too."""
    with outlaw(running.sandbox, "town", index) as acting:
        with pytest.raises(Malformed):
            acting.publish(acting.publication([]))
        with pytest.raises(Malformed):
            acting.withdraw(acting.withdrawal([b""]))


def ask_directly(sandbox: Sandbox, key_holder: str) -> None:
    with remote(sandbox, key_holder, server=sandbox.key_holder(1)) as client:
        request = keyholder_pb2.QuotaRequest(covenant_hash=sandbox.covenant.hash)
        client.call("Quota", request, keyholder_pb2.QuotaReply, timeout_seconds=10)
        empty = keyholder_pb2.EvaluateRequest(
            covenant_hash=sandbox.covenant.hash, namespace=BSN, epoch=1, blinded_elements=[bytes(32)]
        )
        with pytest.raises(Malformed):
            client.call("Evaluate", empty, keyholder_pb2.EvaluateReply, timeout_seconds=10)


def node_secrets(node: Any) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(token, seed, letter key) of everybody that a node has evaluated."""
    for person, epoch, _ in node.store.references():
        keys = node.store.token_keys(person, epoch)
        yield keys.token.reveal(), keys.seed.reveal(), keys.letter_key.reveal()


# --- what is sought ---------------------------------------------------------------------------------------------------


def rows() -> list[dict[str, str]]:
    return [row for each in CASES.values() for row in each] + [CASES["school"][0] | CHANGED]


def persons() -> set[str]:
    numbers = " ".join(value for row in rows() for name, value in row.items() if "bsn" in name).split()
    return {*(each.zfill(9) for each in numbers), *MANY}


def sought() -> dict[str, Needle]:
    texts = {row[name] for row in rows() for name in ("worker_name", "worker_email", "function", "case_ref", "since")
             if name in row}  # fmt: skip
    words = {word for row in rows() for word in row["worker_name"].split() if len(word) > 4}
    return {
        **needles.named("bsn", persons()),
        **needles.named("text", {*texts, *words, "2012-03-04", "1980-05-05", "dossier", *WRITTEN}),
        **needles.named("phone", {row["worker_phone"] for row in rows()}),
        "address": needles.address("4331AB", "12"),
        "postcode": needles.text("4331AB", "4331 AB"),
    }


def caseload() -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS)
    writer.writerows([*rows(), {"case_ref": "S-9", "bsn": " ".join(MANY)}])
    return file.getvalue().encode()


# --- the search -------------------------------------------------------------------------------------------------------


def test_every_call_of_the_contract_was_recorded_with_reply_and_refusals(recordings: list[Recording]) -> None:
    for recording in recordings:
        for recorded, description in (
            (recording.index, index_pb2.DESCRIPTOR.services_by_name["Index"]),
            (recording.key_holders, keyholder_pb2.DESCRIPTOR.services_by_name["KeyHolder"]),
        ):
            for part in ("request", "reply", "metadata"):
                called = {each.method for each in recorded if each.part == part}
                assert called == {method.name for method in description.methods}
            assert {each.method for each in recorded if each.part == "status"}
            assert {"school", "town"} <= {each.caller for each in recorded} <= {"school", "town", "coordinator"}


def test_no_person_name_number_address_or_reference_crosses(recordings: list[Recording]) -> None:
    for recording in recordings:
        assert needles.found(recording.all, sought()) == set()
    # The search finds everything where it is.
    assert needles.found(caseload() + b"4331AB 12" + "\n".join(WRITTEN).encode(), sought()) == sought().keys() - {
        "text dossier-S-9"
    }


def test_no_number_crosses_as_a_number_either(recordings: list[Recording]) -> None:
    """Thirty bits are found by chance now and then, but not the same ones in two runs."""
    short = needles.named("short", persons())
    first, second = (needles.found(recording.all, short) for recording in recordings)
    assert not first & second
    known = keyholder_pb2.EvaluateRequest(epoch=int(CHILD)).SerializeToString()
    assert needles.found(known, short) == {f"short {CHILD}"}


def test_no_secret_of_a_token_crosses_and_a_token_only_where_it_is_published(recordings: list[Recording]) -> None:
    for recording in recordings:
        assert len(recording.secrets) > 20
        assert needles.found(recording.all, _secrets(recording.secrets)) == set()
        tokens = _secrets(recording.tokens)
        published = [(each.method, each.part) == ("Publish", "request") for each in recording.index]
        elsewhere = [each.raw for each, is_it in zip(recording.index, published, strict=True) if not is_it]
        elsewhere += [each.raw for each in recording.key_holders]
        assert needles.found(b"\n".join(elsewhere), tokens) == set()
        assert needles.found(recording.all, tokens) == tokens.keys()


def _secrets(values: list[bytes]) -> dict[str, Needle]:
    return {value.hex(): needles.secret(value) for value in values}


def test_a_key_holder_gets_nobodys_own_element_and_never_the_same_bytes_twice(
    sandbox: Sandbox, recordings: list[Recording]
) -> None:
    own = {bsn: needles.secret(unblinded(sandbox.payload.id, bsn)) for bsn in persons()}
    elements = []
    for recording in recordings:
        assert needles.found(recording.all, own) == set()
        asked = [each for each in recording.key_holders if (each.method, each.part) == ("Evaluate", "request")]
        requests = [keyholder_pb2.EvaluateRequest.FromString(each.raw) for each in asked]
        elements.append({element for request in requests for element in request.blinded_elements} - {bytes(32)})
        # The persons whom school and town share do not show either.
        by_member = {
            member: {
                element
                for each, request in zip(asked, requests, strict=True)
                if each.caller == member
                for element in request.blinded_elements
            }
            for member in CASES
        }
        assert all(by_member.values())
        assert not by_member["school"] & by_member["town"]
    assert not elements[0] & elements[1]


def test_nothing_that_the_index_hears_about_a_person_is_the_same_in_another_covenant(
    recordings: list[Recording], tmp_path: Path
) -> None:
    """Tokens are of one covenant: another one with other keys has nothing in common with it."""
    other = record(make_covenant(id="walcheren", first_load=12, daily=1), tmp_path)
    for one, another in combinations([recordings[0], other], 2):
        assert not {*one.tokens, *one.secrets} & {*another.tokens, *another.secrets}
    assert {*recordings[0].tokens} & {*recordings[1].tokens}


def test_letters_have_one_of_three_sizes_and_no_two_are_alike(recordings: list[Recording]) -> None:
    letters = [
        index_pb2.PostLetterRequest.FromString(each.raw).ciphertext
        for recording in recordings
        for each in recording.index
        if (each.method, each.part) == ("PostLetter", "request")
    ]
    assert {len(each) for each in letters} <= {1024, 4096, 16384}
    assert len(letters) > 20
    blocks = [each[place : place + 16] for each in letters for place in range(0, len(each), 16)]
    assert len(set(blocks)) == len(blocks)
