"""docs/contract.md, written from the descriptors: `python -m raakvlak_protocol.contract_page > docs/contract.md`."""

from collections.abc import Iterator

from raakvlak_protocol import contract, contract_log
from raakvlak_protocol.contract import Way
from raakvlak_protocol.v1 import options_pb2

_OPENING = """\
# What can cross the wire

*Generated from the message descriptors by `python -m raakvlak_protocol.contract_page`; a test fails when it is stale.*

Every field of every message between the parties of a Raakvlak federation is on this page, with the class of data that
it holds, why it is there, and who sends it to whom. A field that does not say its class and purpose fails the build.
All calls go over mutual TLS; who calls is known from the certificate, never from a field. The log is shown over TLS to
whoever asks: it is the same for everybody, and everybody verifies it.

| data class | means |
|---|---|
"""

_CLASSES = {
    "blinded": "derived from an identifier; the receiver can't turn it back without t key holders together",
    "sealed": "readable by one addressee only; the carrier sees its size",
    "routing": "who talks to whom about which request: ids of parties, numbers of events, references",
    "counter": "a count or a moment",
    "proof": "a signature, hash or proof over other fields",
    "public": "known to every member through the covenant",
}

_ABSENT = """\
## What is not there

These are all the calls:

{calls}

And this is what none of them does:

- **No look-up.** {publish} is the only call that takes a token, and it publishes an own involvement under it, signed
  for with the token's own key. No call takes a token, an identifier, a name or an address and answers whether somebody
  is known.
- **No reply that tells a match.** The reply to {publish} has the same fields with and without matches. A match is told
  as an event, to both sides or to neither.
- **No question about another's rows.** Inventory and Replay tell the caller its own rows and own matches, and take no
  argument that could name another's.
- **No identifier.** No field of any class holds a citizen service number, name, birth date or address of a client or
  a relative, not even sealed. The name, phone number and e-mail address in a contact card are the professional's.
- **No question about a person to the log.** What can be asked of it is a number: which part of the tree. Its entries
  hold salted hashes, positions and counts of all members together.
- **No reason.** A withdrawal carries references and a signature, never why.
"""


def page() -> str:
    """The whole page."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    yield _OPENING
    for value in options_pb2.DataClass.DESCRIPTOR.values[1:]:
        name = value.name.lower()
        yield f"| {name} | {_CLASSES[name]} |\n"
    for method in contract.methods():
        asked, answered = contract.method_ways(method)
        yield f"\n## {asked.title}\n"
        yield from _way("request", asked)
        yield from _way("reply", answered)
    yield "\n## Carried without a call of its own\n"
    for way in contract.carried_ways():
        yield from _way(way.title, way)
    yield "\n## The log, over HTTPS\n\n"
    yield "No certificate is asked for. Nothing here is about one member, and what is written bears a signature.\n"
    for asked, answered in contract_log.path_ways():
        yield f"\n### {asked.title}\n"
        if asked.fields:
            yield from _way("request", asked)
        yield from _way("reply", answered)
    yield "\n## Otherwise\n"
    for way in contract_log.other_ways():
        yield from _way(f"{way.title}, {way.sender} → {way.receiver}", way)
    names = [f"{method.containing_service.name}.{method.name}" for method in contract.methods()]
    calls = "\n".join(f"- `{name}`" for name in names)
    yield "\n" + _ABSENT.format(calls=calls, publish="`Index.Publish`")


def _way(what: str, way: Way) -> Iterator[str]:
    streamed = ", a stream" if way.streamed else ""
    yield f"\n**{what[0].upper()}{what[1:]}{streamed}**\n\n"
    yield "| message | field | type | data class | purpose | from → to |\n|---|---|---|---|---|---|\n"
    for field in way.fields:
        yield (
            f"| {field.message} | `{field.name}` | {field.type} | {field.data_class} | {field.purpose} "
            f"| {way.sender} → {way.receiver} |\n"
        )


if __name__ == "__main__":
    print(page(), end="")
