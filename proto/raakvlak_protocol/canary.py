"""Test persons that only officers know, for finding out whether matches are left out (PROTOCOL §14).

An officer hands each member an `Order`: the test persons that it is to publish as clients until a day. The node answers
with a `Report` under the member's signing key. Neither ever goes over the wire: they are files between an officer and an
administrator, and secret, because whoever knows the test persons can tell them from real ones.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from raakvlak_protocol import note
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.identifier import TestPerson
from raakvlak_protocol.identity import Identity, Role, checked_id
from raakvlak_protocol.note import ED25519, NoteKey
from raakvlak_protocol.secret import SecretBytes

FORMAT: Final = "raakvlak-canaries/1"
PLAN_ID_BYTES: Final = 16
MAX_CANARIES: Final = 1_000
"""Test persons of one member in one plan: each takes an evaluation of its quota."""
MAX_DAYS: Final = 366
"""How long a node lets an order go on."""
MAX_ORDER_BYTES: Final = 2**18
MAX_REPORT_BYTES: Final = 2**22

_REPORT: Final = "raakvlak/v1/canary-report"
_MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"
_PROVED: Final = {"proved": True, "unproved": False}


@dataclass(frozen=True, slots=True)
class Order:
    """What one member is to publish, each test person as a client, up to and including the day `valid_until`."""

    covenant_id: str
    plan: bytes
    member: str
    valid_until: date
    canaries: frozenset[TestPerson]

    def encode(self) -> bytes:
        """The file: ASCII JSON, the same bytes for the same order."""
        record = {
            "format": FORMAT,
            "covenant": self.covenant_id,
            "plan": self.plan.hex(),
            "member": self.member,
            "relation": "client",
            "valid_until": self.valid_until.isoformat(),
            "canaries": sorted(each.reveal() for each in self.canaries),
        }
        return json.dumps(record, indent=1).encode("ascii") + b"\n"


def parse_order(raw: bytes) -> Order:
    """The order in a file; raises Malformed for anything that `Order.encode` would not write so, byte for byte."""
    record = _record(raw)
    if record.get("format") != FORMAT:
        raise Malformed(f"this is no file of the format {FORMAT}")
    names = record.get("canaries")
    if not isinstance(names, list) or not 1 <= len(names) <= MAX_CANARIES:
        raise Malformed(f"an order holds 1 to {MAX_CANARIES} test persons", field="canaries")
    order = Order(
        checked_id(_text(record, "covenant"), "covenant"),
        plan_id(_text(record, "plan")),
        checked_id(_text(record, "member"), "member"),
        _day(_text(record, "valid_until")),
        frozenset(_test_person(each, item) for item, each in enumerate(names)),
    )
    if order.encode() != raw:
        raise Malformed("this order is not written as the officer's program writes it: a character was changed or added")
    return order


@dataclass(frozen=True, slots=True)
class Seen:
    """A match that stands: with whom, since which day (UTC), and whether the other side's proof letter has come, opened
    under the person's key, borne its signature, and said that it has the test person as a client."""

    member: str
    since: date
    proved: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A test person at a node. `published` is the day (UTC) on which it first left for the index, None while it does
    not stand there; `matches` are in order of their members, each once."""

    person: TestPerson
    published: date | None
    matches: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a member says of its test persons at a moment (UTC, whole seconds)."""

    covenant_id: str
    member: str
    plan: bytes
    made: datetime
    canaries: tuple[Kept, ...]

    @property
    def text(self) -> str:
        """What is signed: a line for each test person in order of their texts."""
        head = f"{_REPORT}\n{self.covenant_id}\n{self.member}\n{self.plan.hex()}\n{self.made.astimezone(UTC):{_MOMENT}}\n"
        return head + "".join(sorted(_line(each) for each in self.canaries))

    def sign(self, seed: SecretBytes) -> bytes:
        """The report's file: a signed note under the member's signing key. Raises Malformed for what can't be said so."""
        raw = note.signed(self.text, _name(self.covenant_id, self.member), seed).encode()
        if len(raw) > MAX_REPORT_BYTES or _parsed(self.text).text != self.text:
            raise Malformed("this can't be reported")
        return raw


def verify_report(raw: bytes, covenant: Covenant) -> Report:
    """The report that a member of the covenant signed.

    Raises Malformed where `raw` is none, or is of another covenant or of no member of this one; Evidence where it names a
    member and does not bear its signature.
    """
    signed = note.parse(raw, limit=MAX_REPORT_BYTES)
    report = _parsed(signed.text)
    member = covenant.members.get(report.member)
    if report.covenant_id != covenant.id or member is None:
        raise Malformed("this report is of another covenant, or of no member of this one")
    if len(signed.lines) != 1:
        raise Malformed(f"a report bears one signature line, its member's; this one {len(signed.lines)}")
    if not signed.verified_by(NoteKey(_name(covenant.id, member.id), ED25519, member.signing_key)):
        raise Evidence(
            f"this report is not signed by the key of {member.id}: it was made or changed by another", party=member.id
        )
    return report


def plan_id(text: str) -> bytes:
    """The 16 bytes of a plan's id; raises Malformed for anything but 32 lower-case hexadecimal digits."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != PLAN_ID_BYTES or raw.hex() != text:
        raise Malformed("a plan's id is 32 lower-case hexadecimal digits", field="plan")
    return raw


def _name(covenant_id: str, member: str) -> str:
    return Identity(covenant_id, Role.NODE, member).dns_name


def _line(kept: Kept) -> str:
    published = "-" if kept.published is None else kept.published.isoformat()
    said = {proved: word for word, proved in _PROVED.items()}
    matches = (f"{each.member}:{each.since.isoformat()}:{said[each.proved]}" for each in kept.matches)
    return " ".join((kept.person.reveal(), published, *matches)) + "\n"


def _parsed(text: str) -> Report:
    lines = note.lines_of(text)
    if len(lines) < 5 or lines[0] != _REPORT:
        raise Malformed(f"a report begins with the line {_REPORT!r}, the covenant, the member, the plan and the moment")
    covenant_id, member = checked_id(lines[1], "covenant"), checked_id(lines[2], "member")
    kept = []
    for item, line in enumerate(lines[5:], 5):
        try:
            kept.append(_kept(line))
        except Malformed as error:
            raise Malformed(f"line {item + 1} of this report: {error.message}", item=item) from None
    report = Report(covenant_id, member, plan_id(lines[3]), _moment(lines[4]), tuple(kept))
    if len({each.person for each in kept}) != len(kept) or report.text != text:
        raise Malformed("the test persons of this report do not stand in order, each once")
    return report


def _kept(line: str) -> Kept:
    person, *rest = line.split(" ")
    if not rest:
        raise Malformed("a test person, the day of its publication, and its matches stand one space apart")
    published = None if rest[0] == "-" else _day(rest[0])
    matches = tuple(_seen(each) for each in rest[1:])
    members = [each.member for each in matches]
    if members != sorted(set(members)):
        raise Malformed("the members of its matches do not stand in order, each once")
    return Kept(TestPerson.parse(person), published, matches)


def _seen(text: str) -> Seen:
    parts = text.split(":")
    if len(parts) != 3 or parts[2] not in _PROVED:
        raise Malformed("a match is written as <member>:<day>:proved or unproved")
    return Seen(checked_id(parts[0], "member"), _day(parts[1]), _PROVED[parts[2]])


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Malformed("a day is written as YYYY-MM-DD") from None
    # Python also reads 20260302 and 2026-W10-1.
    if day.isoformat() != text:
        raise Malformed("a day is written as YYYY-MM-DD")
    return day


def _moment(text: str) -> datetime:
    try:
        moment = datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        raise Malformed("a moment is written as YYYY-MM-DDThh:mm:ssZ", item=4) from None
    if f"{moment:{_MOMENT}}" != text:
        raise Malformed("a moment is written as YYYY-MM-DDThh:mm:ssZ", item=4)
    return moment


def _record(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_ORDER_BYTES:
        raise Malformed(f"an order has at most {MAX_ORDER_BYTES} bytes")
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Malformed("this is no JSON object")
    return found


def _text(record: dict[str, Any], name: str) -> str:
    found = record.get(name)
    if not isinstance(found, str):
        raise Malformed(f"{name} is no text", field=name)
    return found


def _test_person(found: object, item: int) -> TestPerson:
    try:
        return TestPerson.parse(found if isinstance(found, str) else "")
    except Malformed as error:
        raise Malformed(f"test person {item + 1}: {error.message}", item=item, field="canaries") from None


def last_moment(day: date) -> datetime:
    """The end of a day (UTC): an order is in force before it."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
