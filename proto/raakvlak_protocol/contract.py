"""What can cross the wire: each field, its data class, its purpose, its way.

For calls it is read from the message descriptors that the code sends with, so that a field which the page does not show
does not exist. What travels otherwise (the log over HTTPS, statements, the health check) is declared in `contract_log`.
`problems` is what the build fails on, `ways` is what docs/contract.md and the officer's report are made of.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor, MethodDescriptor

from raakvlak_protocol.v1 import covenant_pb2, index_pb2, keyholder_pb2, letter_pb2, options_pb2, refusal_pb2

FILES: Final[tuple[FileDescriptor, ...]] = (
    keyholder_pb2.DESCRIPTOR,
    index_pb2.DESCRIPTOR,
    letter_pb2.DESCRIPTOR,
    covenant_pb2.DESCRIPTOR,
    refusal_pb2.DESCRIPTOR,
)

CALLER: Final = "node"
# Only nodes call these: a service that is not here is a way that nobody has thought about.
SERVERS: Final = {"KeyHolder": "key holder", "Index": "index"}


@dataclass(frozen=True, slots=True)
class Carrier:
    """How a message travels that no method's declaration names."""

    message: str
    what: str
    sender: str
    receiver: str


CARRIED: Final = (
    Carrier("LetterContent", "inside a letter, under both locks, or one to and from a coordinator", "node", "node"),
    Carrier("CovenantHistory", "the covenant file", "covenant board", "every party"),
    Carrier("Covenant", "the payload of each version in the covenant file", "covenant board", "every party"),
    Carrier("Refusal", "trailing metadata of a call that is refused", "key holder or index", "node"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field and what it says about itself. `data_class` and `purpose` are empty where it says nothing."""

    message: str
    name: str
    type: str
    data_class: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of one method, or one carrier: who sends which fields to whom.

    `fields` is all that can travel this way, of the outer message first, then of those within it.
    """

    title: str
    sender: str
    receiver: str
    streamed: bool
    fields: tuple[Field, ...]


def methods(files: Iterable[FileDescriptor] = FILES) -> list[MethodDescriptor]:
    """Every method of every service, in the order of the files."""
    return [method for file in files for service in file.services_by_name.values() for method in service.methods]


def method_ways(method: MethodDescriptor) -> tuple[Way, Way]:
    """What the caller sends and what it gets. KeyError for a service that SERVERS does not name."""
    service = method.containing_service.name
    name, server = f"{service}.{method.name}", SERVERS[service]
    return (
        Way(name, CALLER, server, bool(method.client_streaming), fields_within(method.input_type)),
        Way(name, server, CALLER, bool(method.server_streaming), fields_within(method.output_type)),
    )


def carried_ways(files: Iterable[FileDescriptor] = FILES) -> list[Way]:
    """The ways of the messages that travel without a method of their own."""
    by_name = {message.name: message for message in messages(files)}
    return [
        Way(each.what, each.sender, each.receiver, False, fields_within(by_name[each.message]))
        for each in CARRIED
        if each.message in by_name
    ]


def ways(files: Iterable[FileDescriptor] = FILES) -> list[Way]:
    """Everything that can travel between parties in messages; `contract_log.ways` is all the rest."""
    files = tuple(files)
    return [way for method in methods(files) for way in method_ways(method)] + carried_ways(files)


def messages(files: Iterable[FileDescriptor] = FILES) -> Iterator[Descriptor]:
    """Every message, nested ones behind the one that holds them."""
    for file in files:
        for message in file.message_types_by_name.values():
            yield from _with_nested(message)


def within(message: Descriptor) -> tuple[Descriptor, ...]:
    """The message and all that its fields can hold, each once."""
    found = [message]
    for each in found:
        inner = (field.message_type for field in each.fields if field.message_type is not None)
        found.extend(one for one in inner if one not in found)
    return tuple(found)


def fields_within(message: Descriptor) -> tuple[Field, ...]:
    """The fields of a message, then of those that it can hold."""
    return tuple(field_of(each, field) for each in within(message) for field in each.fields)


def field_of(message: Descriptor, field: FieldDescriptor) -> Field:
    """The message's field with its two options."""
    said = {option.full_name: value for option, value in field.GetOptions().ListFields()}
    return Field(
        message=message.name,
        name=field.name,
        type=_type(field),
        data_class=_class_name(said.get(options_pb2.data_class.full_name, 0)),
        purpose=said.get(options_pb2.purpose.full_name, "").strip(),
    )


def problems(files: Iterable[FileDescriptor] = FILES) -> list[str]:
    """What is missing, one line each; empty when every field of every message says its data class and purpose, every
    service has a known server, and every message has a way on which it travels."""
    files = tuple(files)
    return [*_silent_fields(files), *_unknown_servers(files), *_stray_messages(files)]


def _silent_fields(files: tuple[FileDescriptor, ...]) -> Iterator[str]:
    for message in messages(files):
        for each in message.fields:
            field = field_of(message, each)
            for option, value in (("data class", field.data_class), ("purpose", field.purpose)):
                if not value:
                    yield f"{each.full_name} has no {option}"


def _unknown_servers(files: tuple[FileDescriptor, ...]) -> Iterator[str]:
    names = {method.containing_service.name for method in methods(files)}
    yield from (f"service {name} is offered by no known party" for name in sorted(names - SERVERS.keys()))


def _stray_messages(files: tuple[FileDescriptor, ...]) -> Iterator[str]:
    roots = [kind for method in methods(files) for kind in (method.input_type, method.output_type)]
    roots += [message for message in messages(files) if message.name in {each.message for each in CARRIED}]
    reached = {message.full_name for root in roots for message in within(root)}
    for message in messages(files):
        if message.full_name not in reached:
            yield f"{message.full_name} travels on no way that is declared"


def _with_nested(message: Descriptor) -> Iterator[Descriptor]:
    yield message
    for nested in message.nested_types:
        yield from _with_nested(nested)


def _type(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        name = field.message_type.name
    elif field.enum_type is not None:
        name = field.enum_type.name
    else:
        name = _SCALARS[field.type]
    return f"repeated {name}" if field.is_repeated else name


_SCALARS: Final = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}
"""The scalar types of the contract: numbers are unsigned, and nothing is a float."""


def _class_name(number: int) -> str:
    known = options_pb2.DataClass.DESCRIPTOR.values_by_number
    return known[number].name.lower() if number in known and number else ""
