"""A covenant as the board writes it: TOML, read strictly into the message that is signed.

The only place in which the format is known. What the message then may be is not decided here but by
`raakvlak_protocol.covenant`, whose verdict every party asks; here is only what a draft looks like and what may be left
out of it. A key that is not known, is missing or holds another type is refused with its place.
"""

import math
import tomllib
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from raakvlak_protocol.covenant import COORDINATOR, KINDS, NEVER_DIRECT
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.v1 import covenant_pb2 as pb

RETENTION_MONTHS: Final = 24
HOUSEHOLD_LIMIT: Final = 4
MIXING_MINUTES: Final = 60
ARCHIVE_MONTHS: Final = 0
TERMS: Final[Mapping[str, int]] = {
    "acknowledge_days": 5,
    "contact_days": 10,
    "agreement_days": 30,
    "evaluation_days": 60,
    "grace_days": 5,
    "reminder_days": 2,
}
"""Of the follow-up, in working days; each is one field of `FollowUpTerms`."""
MOST: Final = 2**53
"""No number in a draft is larger: each must fit into every party's store."""

_NOT_ADDRESS: Final = frozenset({"shelter"})
_NOT_DIRECT: Final = NEVER_DIRECT | {COORDINATOR}

T = TypeVar("T")


def read(path: Path) -> pb.Covenant:
    """The message that the draft in `path` stands for; CA certificates are read from beside it.

    Raises Refused naming the file and the key. Leaves `previous_hash` empty: whoever signs knows what came before.
    """
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        raise Refused(f"the draft {path} is missing") from None
    except UnicodeDecodeError:
        raise Refused(f"{path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{path} is not TOML: {error}") from None
    try:
        return _covenant(Table(content, ""), path.absolute().parent)
    except Malformed as error:
        raise Refused(f"{path}: {error.message}") from None


@dataclass
class Table:
    """A TOML table from which every key is taken by name; `done` refuses what nobody took."""

    content: dict[str, Any]
    place: str

    def __post_init__(self) -> None:
        self._rest = dict(self.content)

    def text(self, key: str, default: str | None = None) -> str:
        return self._value(key, str, "text", default)

    def flag(self, key: str, default: bool | None = None) -> bool:
        return self._value(key, bool, "true or false", default)

    def number(self, key: str, default: int | None = None) -> int:
        found = self._value(key, int, "a whole number", default)
        if not 0 <= found <= MOST:
            raise self.wrong(key, f"must lie between 0 and {MOST}")
        return found

    def moment(self, key: str) -> int:
        """Unix seconds; a moment without an offset would mean another one on each machine."""
        found = self._value(key, datetime, "a date and time such as 2026-01-01T00:00:00Z", None)
        if found.tzinfo is None or found.microsecond:
            raise self.wrong(key, "must name its offset, as in 2026-01-01T00:00:00Z, and whole seconds")
        return int(found.astimezone(UTC).timestamp())

    def key(self, key: str) -> bytes:
        """32 bytes, as 64 lower-case hexadecimal digits."""
        return self._unhexed(self.text(key), key)

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        found = self._value(key, list, "a list of texts", None if default is None else list(default))
        if not all(type(each) is str for each in found):
            raise self.wrong(key, "must be a list of texts")
        return tuple(found)

    def keys(self, key: str) -> list[bytes]:
        return [self._unhexed(each, f"{key}[{item}]") for item, each in enumerate(self.texts(key))]

    def table(self, key: str, default: dict[str, Any] | None = None) -> "Table":
        return Table(self._value(key, dict, "a table", default), self._below(key))

    def tables(self, key: str) -> list["Table"]:
        """A list of tables; empty where the key is absent."""
        found = self._value(key, list, "a list of tables", [])
        if not all(type(each) is dict for each in found):
            raise self.wrong(key, "must be a list of tables")
        return [Table(each, f"{self._below(key)}[{item}]") for item, each in enumerate(found)]

    def has(self, key: str) -> bool:
        return key in self.content

    def done(self) -> None:
        """Raises Malformed where a key is left: a misspelt rule is a rule that does not hold."""
        for key in self._rest:
            raise self.wrong(key, "is unknown")

    def wrong(self, key: str, what: str) -> Malformed:
        return Malformed(f"{self._below(key)} {what}", field=key)

    def _below(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key

    def _unhexed(self, text: str, key: str) -> bytes:
        if len(text) != 64 or set(text) - set("0123456789abcdef"):
            raise self.wrong(key, "must be a key: 64 hexadecimal digits")
        return bytes.fromhex(text)

    def _value(self, key: str, kind: type[T], expected: str, default: T | None) -> T:
        if key not in self.content and default is not None:
            return default
        found = self._rest.pop(key, None)
        if found is None:
            raise self.wrong(key, f"is missing; it must be {expected}")
        # type(), not isinstance(): true would pass as the number 1.
        if type(found) is not kind:
            raise self.wrong(key, f"must be {expected}")
        return found


def _covenant(draft: Table, folder: Path) -> pb.Covenant:
    sandbox = draft.flag("sandbox")
    board = draft.table("board")
    members = [_filled(each, _member) for each in draft.tables("member")]
    coordinators = {each.id for each in members if each.kind == COORDINATOR}
    message = pb.Covenant(
        id=draft.text("id"),
        version=_small(draft, "version"),
        valid_from=draft.moment("valid_from"),
        valid_until=draft.moment("valid_until"),
        sandbox=sandbox,
        legal_basis=_filled(draft.table("legal_basis"), _legal_basis),
        board_keys=board.keys("keys"),
        board_threshold=_small(board, "threshold"),
        ca_certificates=[_certificate(folder, name) for name in draft.texts("ca_certificates")],
        members=members,
        key_holders=[_filled(each, _key_holder) for each in draft.tables("key_holder")],
        key_threshold=_small(draft, "key_threshold"),
        epochs=[_filled(each, _epoch) for each in draft.tables("epoch")],
        index=_filled(draft.table("index"), _index),
        rules=_filled(draft.table("rules", {}), lambda rules: _rules(rules, sandbox)),
        witnesses=[_filled(each, _witness) for each in draft.tables("witness")],
        # How many must have looked is for the partners to say; only a sandbox may leave it out, and trusts the index alone.
        witness_threshold=_small(draft, "witness_threshold", 0 if sandbox else None),
        # Who is called in is for the partners to say as well: there is no default, and without one nobody is.
        coordination=[_filled(each, lambda rule: _coordination(rule, coordinators)) for each in draft.tables("coordination")],
    )
    board.done()
    draft.done()
    return message


def _filled(table: Table, build: Callable[[Table], T]) -> T:
    built = build(table)
    table.done()
    return built


def _small(table: Table, key: str, default: int | None = None) -> int:
    found = table.number(key, default)
    if found >= 2**32:
        raise table.wrong(key, "is too large")
    return found


def _certificate(folder: Path, name: str) -> bytes:
    """The one certificate in a PEM file, as DER."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    path = folder / name
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise Malformed(f"ca_certificates: can't read {path}: {error.strerror}") from None
    except ValueError:
        raise Malformed(f"ca_certificates: {path} holds no certificate in PEM") from None
    if len(found) != 1:
        raise Malformed(f"ca_certificates: {path} holds {len(found)} certificates, name a file for each")
    return found[0].public_bytes(Encoding.DER)


def _legal_basis(table: Table) -> pb.LegalBasis:
    return pb.LegalBasis(uri=table.text("uri"), text=table.text("text"))


def _index(table: Table) -> pb.IndexEntry:
    return pb.IndexEntry(
        id=table.text("id"),
        name=table.text("name"),
        log_key=table.key("log_key"),
        **_responsible(table),
    )


def _key_holder(table: Table) -> pb.KeyHolderEntry:
    return pb.KeyHolderEntry(
        id=table.text("id"),
        name=table.text("name"),
        share_number=_small(table, "share_number"),
        signing_key=table.key("signing_key"),
        **_responsible(table),
    )


def _witness(table: Table) -> pb.Witness:
    return pb.Witness(id=table.text("id"), name=table.text("name"), key=table.key("key"), **_responsible(table))


def _responsible(table: Table) -> dict[str, str]:
    """Who answers for the processing, and who runs it; empty where the party itself does."""
    return {"controller": table.text("controller", ""), "processor": table.text("processor", "")}


def _member(table: Table) -> pb.Member:
    quotas = table.table("quota", {})
    member = pb.Member(
        id=table.text("id"),
        name=table.text("name"),
        kind=table.text("kind"),
        signing_key=table.key("signing_key"),
        letter_key=table.key("letter_key"),
        quotas=[_filled(quotas.table(namespace), _quota(namespace)) for namespace in sorted(quotas.content)],
        **_responsible(table),
    )
    quotas.done()
    return member


def _quota(namespace: str) -> Callable[[Table], pb.Quota]:
    """The quota of a namespace: by default all that is declared once, and 1 % of it a day after that."""

    def build(table: Table) -> pb.Quota:
        declared = table.number("declared")
        return pb.Quota(
            namespace=namespace,
            declared=declared,
            first_load=table.number("first_load", declared),
            daily=table.number("daily", max(1, math.ceil(declared / 100))),
        )

    return build


def _epoch(table: Table) -> pb.Epoch:
    return pb.Epoch(
        number=_small(table, "number"),
        valid_from=table.moment("valid_from"),
        valid_until=table.moment("valid_until"),
        keys=[_filled(each, _group_key) for each in table.tables("key")],
    )


def _group_key(table: Table) -> pb.GroupKey:
    shares = table.table("shares")
    numbers = {_share_number(shares, key): shares.key(key) for key in list(shares.content)}
    shares.done()
    return pb.GroupKey(
        namespace=table.text("namespace"),
        public_key=table.key("public_key"),
        shares=[pb.PublicShare(share_number=number, public_key=key) for number, key in sorted(numbers.items())],
    )


def _share_number(table: Table, key: str) -> int:
    # Its one decimal form, so that "1" and "01" can't be two shares; int() would take both, and more.
    if not (key.isascii() and key.isdecimal() and not key.startswith("0") and len(key) <= 3 and int(key) <= 255):
        raise table.wrong(key, "is no share number: 1 to 255")
    return int(key)


def _rules(table: Table, sandbox: bool) -> pb.Rules:
    return pb.Rules(
        retention_months=_small(table, "retention_months", RETENTION_MONTHS),
        adult_clients=table.flag("adult_clients", False),
        household_limit=_small(table, "household_limit", HOUSEHOLD_LIMIT),
        mixing_minutes=_small(table, "mixing_minutes", 0 if sandbox else MIXING_MINUTES),
        kinds=[_filled(each, _kind_rule) for each in table.tables("kind")] if table.has("kind") else _all_kinds(),
        direct=[_filled(each, _pair) for each in table.tables("direct")] if table.has("direct") else _all_pairs(),
        follow_up=_filled(table.table("follow_up", {}), _follow_up),
        archive_months=_small(table, "archive_months", ARCHIVE_MONTHS),
    )


def _follow_up(table: Table) -> pb.FollowUpTerms:
    return pb.FollowUpTerms(**{name: _small(table, name, days) for name, days in TERMS.items()})


def _coordination(table: Table, coordinators: Set[str]) -> pb.Coordination:
    coordinator = table.text("coordinator")
    if coordinator not in coordinators:
        raise table.wrong("coordinator", f"must be the id of a member of the kind {COORDINATOR}")
    return pb.Coordination(coordinator=coordinator, kinds=table.texts("kinds"))


def _kind_rule(table: Table) -> pb.KindRule:
    return pb.KindRule(kind=table.text("kind"), relations=table.texts("relations"))


def _pair(table: Table) -> pb.KindPair:
    return pb.KindPair(one=table.text("one"), other=table.text("other"))


def _all_kinds() -> list[pb.KindRule]:
    """Every kind may publish all relations, but a shelter no address, which would give a location away."""
    return [pb.KindRule(kind=kind, relations=[str(each) for each in Relation if _may_publish(kind, each)]) for kind in KINDS]


def _may_publish(kind: str, relation: Relation) -> bool:
    return relation is not Relation.ADDRESS or kind not in _NOT_ADDRESS


def _all_pairs() -> list[pb.KindPair]:
    """Every pair of kinds sees each other's matches directly, but for shelters and coordinators."""
    kinds = [kind for kind in KINDS if kind not in _NOT_DIRECT]
    return [pb.KindPair(one=one, other=other) for place, one in enumerate(kinds) for other in kinds[place:]]
