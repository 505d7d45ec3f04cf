"""The account for an officer: the ledger, and what of it stands at the index (`raakvlak_protocol.account`).

The index is asked first, then the store is read: so the ledger in the account tells of these questions too. Where a write
was carried out meanwhile, all is asked again, so that index and store speak of one moment.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from raakvlak_node import ledger
from raakvlak_node.node import Node
from raakvlak_node.promises import SEEN, Promises
from raakvlak_node.publish import CALL_SECONDS, CHUNK_ITEMS, STREAM_SECONDS
from raakvlak_node.store import Store
from raakvlak_protocol import account
from raakvlak_protocol import ledger as lines
from raakvlak_protocol.account import Ended, Header, Held, Row
from raakvlak_protocol.errors import Malformed, RaakvlakError, Unavailable
from raakvlak_protocol.evidence import Opening
from raakvlak_protocol.ledger import Withdrawal
from raakvlak_protocol.party.peer import Remote
from raakvlak_protocol.term import month_of
from raakvlak_protocol.v1 import index_pb2 as pb

ATTEMPTS: Final = 3
CHUNK_LINES: Final = 1_000

_STANDING: Final = """
SELECT person, epoch, reference, (SELECT count(DISTINCT own_case) FROM involvement WHERE person = token.person AND publish > 0
    AND NOT (relation = 'address' AND (SELECT count(*) FROM involvement AS other JOIN own_case ON handle = other.own_case
        WHERE other.person = token.person AND other.relation = 'address'
        AND (involvement.publish = 2 OR withheld = 0)) > :limit)) AS cases
FROM token WHERE reference IS NOT NULL AND removal_month > :month ORDER BY epoch, reference
"""
"""As `store._WANTED` says what is wanted: an address with too many cases is wanted by none of them."""


@dataclass(frozen=True, slots=True)
class _Standing:
    person: bytes
    epoch: int
    reference: bytes
    cases: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What the index said of the rows that stood in the store at that moment."""

    rows: Sequence[Row]
    held: Sequence[Held]

    @property
    def without_case(self) -> int:
        return sum(not each.cases for each in self.rows)


def ask(node: Node) -> Asked:
    """Asks the index for its inventory and what opens each row. Raises Unavailable where the node keeps writing."""
    index = node.index_remote()
    try:
        for _ in range(ATTEMPTS):
            before = _moment(node.store)
            held = _held(node, index)
            found = Asked(_rows(node, index), held)
            if before == _moment(node.store):
                return found
    finally:
        index.close()
    raise Unavailable("this node was publishing or withdrawing at the same time: try again when it is at rest")


def written(node: Node, asked: Asked) -> Iterator[bytes]:
    """The lines of the account's file, of the ledger as it is now."""
    store, covenant, member, now = node.store, node.covenant, node.member.id, node.clock()
    promises = Promises(store)
    export = ledger.export(store, covenant, member, node.signing_seed, now)
    ended = list(_ended(store))
    header = Header(
        covenant_id=covenant.id,
        member=member,
        covenant_hash=covenant.hash,
        made=int(now.timestamp()),
        last_sequence=store.number("last_sequence"),
        unproven=promises.waiting()[0],
        alarms=len(promises.open_alarms()),
        checkpoint=promises.note(SEEN) or b"",
        rows=len(asked.rows),
        ended=len(ended),
        held=len(asked.held),
    )
    return account.written(header, export, asked.rows, ended, asked.held, node.signing_seed)


def _moment(store: Store) -> tuple[int, bool, int]:
    return store.number("last_sequence"), store.in_flight() is None, store.number("changed")


def _held(node: Node, index: Remote) -> list[Held]:
    """The index's inventory, in order of references; what is over by this node's clock is left out."""
    request = pb.InventoryRequest(covenant_hash=node.covenant.hash)
    stream = index.stream("Inventory", request, pb.InventoryBatch, timeout_seconds=STREAM_SECONDS)
    month = month_of(node.clock())
    rows = sorted(
        (row.epoch, row.reference, row.removal_month, int(row.visibility))
        for batch in stream
        for row in batch.rows
        if row.removal_month > month
    )
    return [Held(number, *row) for number, row in enumerate(rows, 1)]


def _rows(node: Node, index: Remote) -> list[Row]:
    by_epoch: dict[int, list[_Standing]] = defaultdict(list)
    values = {"limit": node.covenant.household_limit, "month": month_of(node.clock())}
    for row in node.store.database.execute(_STANDING, values).fetchall():
        by_epoch[row[1]].append(_Standing(bytes(row[0]), row[1], bytes(row[2]), row[3]))
    found: list[Row] = []
    for epoch, standing in by_epoch.items():
        for place in range(0, len(standing), CHUNK_ITEMS):
            chunk = standing[place : place + CHUNK_ITEMS]
            for each, opening in zip(chunk, _openings(node, index, epoch, chunk), strict=True):
                token = node.store.token_keys(each.person, epoch).token.reveal()
                found.append(Row(len(found) + 1, epoch, token, each.reference, each.cases, opening))
    return found


def _openings(node: Node, index: Remote, epoch: int, chunk: Sequence[_Standing]) -> list[Opening | None]:
    references = [each.reference for each in chunk]
    request = pb.OpeningsRequest(covenant_hash=node.covenant.hash, epoch=epoch, references=references)
    reply = index.call("Openings", request, pb.OpeningsReply, timeout_seconds=CALL_SECONDS)
    if len(reply.openings) != len(chunk):
        raise Malformed("the index answered with more or fewer openings than it was asked for")
    return [
        Opening(each.position, each.salt, each.digest, each.removal_month, int(each.visibility)) if each.salt else None
        for each in reply.openings
    ]


def _ended(store: Store) -> Iterator[Ended]:
    """Each withdrawal that the ledger still tells of, with the token whose row it ended."""
    number = 0
    head = store.ledger_head()
    for first in range(1, (head.lines if head else 0) + 1, CHUNK_LINES):
        for line in store.ledger_lines(first, first + CHUNK_LINES - 1):
            opened = ledger.opened(store, line) if line.person is not None else None
            message = lines.parse_message(opened.message) if opened and opened.message else None
            if isinstance(message, Withdrawal) and line.person is not None:
                try:
                    token = store.token_keys(line.person, message.epoch).token.reveal()
                except RaakvlakError:
                    continue  # The person's token of that epoch is gone; what the line says is left to speak for itself.
                number += 1
                yield Ended(number, message.epoch, token, line.number)
