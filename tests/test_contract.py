"""The contract: every field says what it is and why, the page is current, and there is no look-up call."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import pytest
from fastapi.routing import APIRoute
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from raakvlak_index import http
from raakvlak_protocol import contract, contract_log, contract_page
from raakvlak_protocol.contract import Field
from raakvlak_protocol.v1 import options_pb2

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "proto" / "raakvlak_protocol" / "v1"
PAGE = ROOT / "docs" / "contract.md"
OPTIONS = "raakvlak_protocol/v1/options.proto"


def test_every_field_says_its_data_class_and_purpose() -> None:
    assert contract.problems() == []


def test_every_proto_file_is_walked() -> None:
    walked = {Path(file.name).name for file in contract.FILES} | {Path(OPTIONS).name}
    assert walked == {path.name for path in FOLDER.glob("*.proto")}


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == contract_page.page(), (
        "docs/contract.md is stale; run: python -m raakvlak_protocol.contract_page > docs/contract.md"
    )


def test_the_page_names_every_call_and_every_field_of_every_message() -> None:
    page = PAGE.read_text("utf-8")
    for method in contract.methods():
        assert f"`{_name(method)}`" in page
    for message in contract.messages():
        for field in message.fields:
            assert f"| {message.name} | `{field.name}` |" in page


def test_publish_is_the_only_call_that_takes_a_token() -> None:
    """And evaluating is the only other one that takes anything derived from an identifier."""
    taking = {
        (_name(method), field.message, field.name)
        for method in contract.methods()
        for field in _asked(method)
        if field.data_class == "blinded" or "token" in field.name
    }
    assert taking == {
        ("KeyHolder.Evaluate", "EvaluateRequest", "blinded_elements"),
        ("Index.Publish", "PublishRequest", "tokens"),
        ("Index.Publish", "PublishRequest", "token_signatures"),
    }


def test_the_index_never_tells_a_token() -> None:
    told = {field.name for method in contract.methods() if _name(method).startswith("Index.") for field in _answered(method)}
    assert not {name for name in told if "token" in name}
    assert not {
        field.name
        for method in contract.methods()
        if _name(method).startswith("Index.")
        for field in _answered(method)
        if field.data_class == "blinded"
    }


def test_no_field_is_called_after_what_must_not_leave_an_organisation() -> None:
    forbidden = ("bsn", "birth", "postcode", "house", "street", "reason", "diagnos", "surname", "given", "gender")
    allowed = {("Refusal", "reason"), ("Rules", "household_limit")}
    found = {
        (message.name, field.name)
        for message in contract.messages()
        for field in message.fields
        if any(word in field.name for word in forbidden)
    }
    assert found == allowed


def test_a_call_that_asks_something_new_is_a_decision() -> None:
    assert [_name(method) for method in contract.methods()] == [
        "KeyHolder.Evaluate",
        "KeyHolder.Quota",
        "Index.Open",
        "Index.Publish",
        "Index.Withdraw",
        "Index.Watch",
        "Index.Acknowledge",
        "Index.PostLetter",
        "Index.Inventory",
        "Index.Openings",
        "Index.Replay",
    ]


def test_the_log_holds_nothing_derived_from_an_identifier() -> None:
    ways = [way for pair in contract_log.path_ways() for way in pair]
    assert {each.data_class for way in ways for each in way.fields} == {"routing", "counter", "proof", "public"}
    # The one file that does is handed to an officer who asks an organisation for its account.
    blinded = {way.title for way in contract_log.ways() for each in way.fields if each.data_class == "blinded"}
    assert blinded == {"the account of a node, a file"}
    asked = {
        each.name for question, _ in contract_log.path_ways() if question.title.startswith("GET") for each in question.fields
    }
    assert asked == {"witness", "level, number, width", "number, width"}


def test_what_is_declared_by_hand_says_its_class_and_purpose() -> None:
    classes = frozenset(value.name.lower() for value in options_pb2.DataClass.DESCRIPTOR.values[1:])
    assert list(contract_log.problems(classes)) == []
    assert "GET /checkpoint: size has no data class" in contract_log.problems(classes - {"counter"})


def test_the_page_names_every_path_and_field_of_the_log() -> None:
    page = PAGE.read_text("utf-8")
    for way in contract_log.ways():
        for each in way.fields:
            assert f"| {way.title} | `{each.name}` | {each.type} | {each.data_class} |" in page


def test_the_declared_paths_are_those_that_the_index_serves() -> None:
    """The routes alone: nothing is asked of what stands behind them."""
    routes = [route for route in http.app(cast(http.Public, None)).routes if isinstance(route, APIRoute)]
    assert len(routes) == len(http.app(cast(http.Public, None)).routes), "a route of another kind is served"
    served = {f"{method} {route.path.replace(':path', '')}" for route in routes for method in route.methods or ()}
    assert served == set(contract_log.paths())


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({}, ["data class", "purpose"]),
        ({"purpose": "because"}, ["data class"]),
        ({"data_class": 0, "purpose": "because"}, ["data class"]),
        ({"data_class": options_pb2.ROUTING}, ["purpose"]),
        ({"data_class": options_pb2.ROUTING, "purpose": " \t"}, ["purpose"]),
        ({"data_class": options_pb2.ROUTING, "purpose": "because"}, []),
    ],
)
def test_a_field_that_says_too_little_is_found(said: dict[str, object], missing: list[str]) -> None:
    file = _file(fields=[_field("about", said)])
    assert contract.problems([file]) == [f"test.Asked.about has no {option}" for option in missing]


def test_a_field_that_says_too_little_is_found_within_another_message() -> None:
    file = FileDescriptorProto(name="nested.proto", package="test", syntax="proto3", dependency=[OPTIONS])
    outer = file.message_type.add(name="Refusal")
    outer.nested_type.add(name="Inner").field.append(_field("about", {}))
    inner = _field("inner", {"data_class": options_pb2.ROUTING, "purpose": "because"})
    inner.type, inner.type_name = FieldDescriptorProto.TYPE_MESSAGE, ".test.Refusal.Inner"
    outer.field.append(inner)
    assert contract.problems([_built(file)]) == [
        "test.Refusal.Inner.about has no data class",
        "test.Refusal.Inner.about has no purpose",
    ]


def test_a_service_of_no_known_party_and_a_message_without_a_way_are_found() -> None:
    complete = _field("about", {"data_class": options_pb2.ROUTING, "purpose": "because"})
    assert contract.problems([_file(fields=[complete], service="LookUp")]) == ["service LookUp is offered by no known party"]
    assert contract.problems([_file(fields=[complete], service=None)]) == ["test.Asked travels on no way that is declared"]


def _name(method: MethodDescriptor) -> str:
    return f"{method.containing_service.name}.{method.name}"


def _asked(method: MethodDescriptor) -> Iterable[Field]:
    return contract.method_ways(method)[0].fields


def _answered(method: MethodDescriptor) -> Iterable[Field]:
    return contract.method_ways(method)[1].fields


def _field(name: str, said: dict[str, object]) -> FieldDescriptorProto:
    """An optional string; the options are encoded by hand, as protoc would write them."""
    field = FieldDescriptorProto(name=name, number=1, type=FieldDescriptorProto.TYPE_STRING)
    encoded = b""
    if "data_class" in said:
        encoded += _tag(50001, 0) + bytes([int(str(said["data_class"]))])
    if "purpose" in said:
        purpose = str(said["purpose"]).encode()
        encoded += _tag(50002, 2) + bytes([len(purpose)]) + purpose
    field.options.MergeFromString(encoded)
    return field


def _tag(number: int, wire_type: int) -> bytes:
    rest, parts = number << 3 | wire_type, []
    while rest > 127:
        parts.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*parts, rest])


def _file(*, fields: Sequence[FieldDescriptorProto], service: str | None = "Index") -> FileDescriptor:
    file = FileDescriptorProto(name="small.proto", package="test", syntax="proto3", dependency=[OPTIONS])
    file.message_type.add(name="Asked").field.extend(fields)
    if service:
        file.service.add(name=service).method.add(name="Ask", input_type=".test.Asked", output_type=".test.Asked")
    return _built(file)


def _built(file: FileDescriptorProto) -> FileDescriptor:
    pool = DescriptorPool()
    for needed in (*options_pb2.DESCRIPTOR.dependencies, options_pb2.DESCRIPTOR):
        pool.AddSerializedFile(needed.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindFileByName(file.name)
