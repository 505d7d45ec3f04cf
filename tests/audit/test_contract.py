"""What the officer's `contract` finds in a contract that was changed, and that ours passes."""

from dataclasses import replace

import pytest

from raakvlak_audit import contract as rules
from raakvlak_audit.report import Check, Verdict
from raakvlak_audit.sentences.purposes import translations
from raakvlak_protocol import contract, contract_log
from raakvlak_protocol.contract import Field, Way

WAYS = [*contract.ways(), *contract_log.ways()]


def judged(ways: list[Way], problems: tuple[str, ...] = ()) -> dict[str, Check]:
    return {check.id: check for check in rules.checks(ways, problems)}


def wrong(ways: list[Way]) -> set[str]:
    return {name for name, check in judged(ways).items() if check.verdict is not Verdict.OK}


def field(name: str, data_class: str, type: str = "bytes", message: str = "Asked") -> Field:
    return Field(message, name, type, data_class, "because")


def test_our_contract_passes() -> None:
    assert wrong(WAYS) == set()
    assert contract.problems() == list(contract_log.problems(frozenset(rules.ALLOWED))) == []


def test_what_the_contract_says_of_itself_is_told() -> None:
    found = judged(WAYS, ("x.y has no purpose",))["complete"]
    assert (found.verdict, "x.y has no purpose" in found.found[0].text("nl")) == (Verdict.WRONG, True)


@pytest.mark.parametrize(
    ("added", "found"),
    [
        (Way("Index.LookUp", "node", "index", False, (field("tokens", "blinded"),)), {"no_look_up"}),
        (Way("Index.LookUp", "node", "index", False, (field("token", "proof"),)), {"no_look_up"}),
        (Way("Index.LookUp", "node", "index", False, (field("digest", "routing"),)), {"no_look_up"}),
        (Way("Index.LookUp", "node", "index", False, (field("who", "routing", "repeated string"),)), {"no_look_up"}),
        (Way("Index.Watch", "index", "node", True, (field("token", "routing"),)), {"no_look_up"}),
        (Way("GET /row/{token}", "whoever verifies", "index", False, (field("token", "counter"),)), {"no_look_up"}),
        (Way("GET /rows", "index", "whoever verifies", False, (field("codes", "blinded"),)), {"ways", "no_look_up"}),
        (Way("KeyHolder.Evaluate", "key holder", "index", False, (field("elements", "blinded"),)), {"ways", "no_look_up"}),
        (Way("X", "node", "covenant board", False, (field("card", "sealed"),)), {"ways"}),
        (Way("Index.Publish", "index", "node", False, (field("match_id", "routing", message="Match"),)), {"matches"}),
        (Way("KeyHolder.Quota", "node", "key holder", False, (field("birth_date", "routing"),)), {"personal"}),
        (Way("KeyHolder.Quota", "node", "key holder", False, (field("x", "free"),)), {"classes"}),
        (Way("KeyHolder.Quota", "node", "key holder", False, (field("x", ""),)), {"classes"}),
    ],
)
def test_what_was_added_is_found(added: Way, found: set[str]) -> None:
    assert wrong([*WAYS, added]) == found


def test_every_exception_of_the_rules_is_a_field_that_exists() -> None:
    asked = {(way.title, each.name) for way in WAYS for each in way.fields if way.receiver == "index"}
    assert rules.NAMES_SOMETHING.keys() <= asked


def test_the_table_and_the_list_of_calls_are_whole() -> None:
    assert len(rules.table(WAYS).rows) == sum(len(way.fields) for way in WAYS)
    calls = {row[0] for row in judged(WAYS)["no_look_up"].tables[0].rows}
    assert calls == {f"Index.{method.name}" for method in contract.methods() if method.containing_service.name == "Index"}


def test_the_fingerprint_changes_with_anything() -> None:
    first = rules.fingerprint(WAYS)
    assert rules.fingerprint(list(WAYS)) == first
    for change in ({"title": "x"}, {"sender": "x"}, {"receiver": "x"}, {"fields": WAYS[0].fields[1:]}):
        assert rules.fingerprint([replace(WAYS[0], **change), *WAYS[1:]]) != first


def test_every_party_of_a_way_has_a_name_in_both_languages() -> None:
    from raakvlak_audit.sentences.contract import PARTIES

    assert {party for way in WAYS for party in (way.sender, way.receiver)} == PARTIES.keys()


def test_every_purpose_is_said_in_dutch_and_no_other() -> None:
    assert {each.purpose for way in WAYS for each in way.fields} == translations().keys()
    assert all(dutch.strip() and dutch != english for english, dutch in translations().items())
