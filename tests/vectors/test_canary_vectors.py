"""canary.json: an order and a report are read, and nothing else is taken for one."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from raakvlak_protocol import canary, note
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.publication import verified
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.covenants import make_covenant
from tests.vectors.make_canary import sample_order, sample_report

VECTORS = json.loads((Path(__file__).parents[2] / "proto" / "vectors" / "canary.json").read_text("ascii"))
ORDER, REPORT = VECTORS["order"].encode(), VECTORS["report"].encode()


@pytest.fixture(scope="module")
def covenant() -> Covenant:
    """One whose school has the vectors' key."""

    def change(payload: pb.Covenant) -> None:
        payload.members[0].signing_key = bytes.fromhex(VECTORS["signing_key"])

    return make_covenant(id=VECTORS["covenant_id"], change=change).covenant


def test_the_order() -> None:
    assert canary.parse_order(ORDER) == sample_order()
    found = json.loads(ORDER)
    assert (found["member"], found["relation"], len(found["canaries"])) == (VECTORS["member"], "client", 3)


def test_the_report(covenant: Covenant) -> None:
    assert canary.verify_report(REPORT, covenant) == sample_report()
    assert sample_report().sign(SecretBytes(bytes.fromhex(VECTORS["signing_seed"]))) == REPORT
    text, _, line = VECTORS["report"].rpartition("\n\n")
    assert line.startswith(f"— {VECTORS['member']}.node.{VECTORS['covenant_id']}.raakvlak ")
    signature = note.parse(REPORT).lines[0].signature
    assert verified(bytes.fromhex(VECTORS["signing_key"]), (text + "\n").encode(), signature)


@pytest.mark.parametrize("vector", VECTORS["invalid_orders"], ids=lambda one: one["class"])
def test_an_invalid_order(vector: dict[str, Any]) -> None:
    assert vector["order"] != VECTORS["order"]
    with pytest.raises(Malformed):
        canary.parse_order(vector["order"].encode())


@pytest.mark.parametrize("vector", VECTORS["invalid_reports"], ids=lambda one: one["class"])
def test_an_invalid_report(covenant: Covenant, vector: dict[str, Any]) -> None:
    assert vector["report"] != VECTORS["report"]
    with pytest.raises((Malformed, Evidence)):
        canary.verify_report(vector["report"].encode(), covenant)


def test_no_byte_of_an_order_can_be_changed_into_the_same_order() -> None:
    for place in range(len(ORDER)):
        for bit in (0x01, 0x20, 0x80):
            changed = ORDER[:place] + bytes([ORDER[place] ^ bit]) + ORDER[place + 1 :]
            try:
                assert canary.parse_order(changed) != sample_order()
            except Malformed:
                continue


def test_no_byte_of_a_report_can_be_changed(covenant: Covenant) -> None:
    for place in range(len(REPORT)):
        for bit in (0x01, 0x20, 0x80):
            with pytest.raises((Malformed, Evidence)):
                canary.verify_report(REPORT[:place] + bytes([REPORT[place] ^ bit]) + REPORT[place + 1 :], covenant)
        with pytest.raises((Malformed, Evidence)):
            canary.verify_report(REPORT[:place], covenant)


def test_another_key_is_evidence(covenant: Covenant) -> None:
    with pytest.raises(Evidence) as caught:
        canary.verify_report(sample_report().sign(SecretBytes(bytes(32))), covenant)
    assert caught.value.party == "school"


def test_a_report_that_would_read_otherwise_is_not_signed() -> None:
    report = sample_report()
    doubled = canary.Report(report.covenant_id, report.member, report.plan, report.made, report.canaries * 2)
    wrong = canary.Report(report.covenant_id, "No Id", report.plan, report.made, report.canaries)
    for each in (doubled, wrong):
        with pytest.raises(Malformed):
            each.sign(SecretBytes(bytes(32)))


def test_an_order_holds_until_the_end_of_its_day() -> None:
    day = sample_order().valid_until
    assert canary.last_moment(day).date() == day + timedelta(days=1)
    assert (canary.last_moment(day) - timedelta(seconds=1)).date() == day
