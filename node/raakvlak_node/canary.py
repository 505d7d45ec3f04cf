"""Test persons that an officer has this node publish, so that matches which the index leaves out are found.

A test person takes the way of every client: token, quota, mixing, publication, proof letter, removal, ledger. It stands in
no case, which is all that sets it apart: its involvement names the person itself where others name a case, so that no
list, picture or count of cases can hold it. The index can tell it from nobody; this node's administrator can.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from raakvlak_node.node import Node
from raakvlak_node.store import Match, Store
from raakvlak_node.tokens import Involvement
from raakvlak_protocol.canary import MAX_DAYS, Kept, Order, Report, Seen, last_moment
from raakvlak_protocol.covenant import NEVER_DIRECT, Covenant, Member
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identifier import BSN, TestPerson
from raakvlak_protocol.letter_content import Proof, decode
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.term import month_of, removal_month

_COORDINATOR: Final = "coordinator"


@dataclass(frozen=True, slots=True)
class Taken:
    """What `add` did, or would do. `new` test persons each need an evaluation of the quota; `waiting` others of this
    node's persons wait for theirs."""

    new: int
    known: int
    daily: int
    first_load: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Plan:
    """An officer's order as the store has it."""

    id: bytes
    canaries: int
    published: int
    valid_until: date


def may_publish(covenant: Covenant, member: Member) -> bool:
    """Whether the covenant lets the member publish clients that others see directly: only then has a test person sense."""
    return member.kind not in {*NEVER_DIRECT, _COORDINATOR} and Relation.CLIENT in covenant.may_publish(member.kind)


def add(node: Node, order: Order, *, dry_run: bool) -> Taken:
    """Has the order's test persons published at the next sync; done twice it changes nothing.

    Raises Refused where the order is another's, over, or not allowed; then nothing is stored.
    """
    now = node.clock()
    _demand_fitting(node, order, now)
    store, quota = node.store, node.covenant.quota(node.member.id, BSN)
    until = removal_month(now, node.covenant.retention_months)
    with store.transaction():
        handles = {_handle(store, each): each for each in order.canaries}
        known = {handle for handle in handles if _run(store, "SELECT 1 FROM canary WHERE person = ?", handle).fetchone()}
        waiting = node.open_work()["unevaluated"]
        if not dry_run:
            for handle in handles.keys() - known:
                values = (handle, order.plan, int(last_moment(order.valid_until).timestamp()), int(now.timestamp()))
                _run(store, "INSERT INTO canary (person, plan, ends, added) VALUES (?, ?, ?, ?)", *values)
                involved = Involvement(handles[handle], Relation.CLIENT, 1, Visibility.DIRECT)
                store.put_involvements(handle, [involved], until=until)
    return Taken(len(handles) - len(known), len(known), quota.daily, quota.first_load, waiting)


def _demand_fitting(node: Node, order: Order, now: datetime) -> None:
    own = node.settings.id
    if order.covenant_id != node.covenant.id:
        raise Refused("this order is for another covenant than this node's: ask the officer for the right file")
    if order.member != own:
        raise Refused(f"this order is for member {order.member} and this node is {own}: two nodes with one order would match")
    if last_moment(order.valid_until) <= now:
        raise Refused(f"this order ended on {order.valid_until}: ask the officer for a new one")
    if last_moment(order.valid_until) > now + timedelta(days=MAX_DAYS + 1):
        raise Refused(f"this order goes on until {order.valid_until}, which is longer than {MAX_DAYS} days")
    if not may_publish(node.covenant, node.member):
        raise Refused(
            f"the covenant lets no {node.member.kind} publish clients that others see directly: test persons here find nothing"
        )


def plans(node: Node) -> list[Plan]:
    """The orders that stand, in the order in which they end."""
    rows = _run(node.store, "SELECT plan, ends, count(*) FROM canary GROUP BY plan, ends ORDER BY ends, plan")
    month = month_of(node.clock())
    return [
        Plan(
            bytes(plan),
            count,
            sum(_stands(node.store, person, month) for person, _ in _persons(node.store, bytes(plan))),
            (datetime.fromtimestamp(ends, UTC) - timedelta(days=1)).date(),
        )
        for plan, ends, count in rows.fetchall()
    ]


def report(node: Node, plan: bytes | None = None) -> Report:
    """What this node has seen of a plan's test persons, or of the only plan's. Raises Refused where there is none such,
    or more than one and none was named."""
    known = [each.id for each in plans(node)]
    if plan is None and len(known) > 1:
        raise Refused("this node has test persons of more than one plan: name one with --plan ('canary list' tells them)")
    if not known or plan not in {*known, None}:
        raise Refused("this node has no test persons of such a plan: they were never added, were ended, or their time is over")
    chosen, now = plan or known[0], node.clock().astimezone(UTC)
    kept = [_kept(node.store, person, added, now) for person, added in _persons(node.store, chosen)]
    return Report(
        node.covenant.id,
        node.member.id,
        chosen,
        now.replace(microsecond=0),
        tuple(sorted(kept, key=lambda each: each.person.reveal())),
    )


def end(store: Store, plan: bytes | None = None) -> int:
    """Forgets a plan's test persons, or all; what of them stands at the index is withdrawn at the next sync. Returns how
    many they were."""
    with store.transaction():
        persons = [person for person, _ in _persons(store, plan)]
        _forget(store, persons)
    return len(persons)


def renew(store: Store, covenant: Covenant, member: Member, now: datetime) -> None:
    """Ends what is over, and lets no test person stand that the covenant no longer allows."""
    with store.transaction():
        rows = _run(store, "SELECT person FROM canary WHERE ends <= ?", int(now.timestamp())).fetchall()
        _forget(store, [bytes(row[0]) for row in rows])
        _run(
            store,
            "UPDATE involvement SET publish = ?1 WHERE publish <> ?1 AND own_case = person"
            " AND person IN (SELECT person FROM canary)",
            may_publish(covenant, member),
        )


def _forget(store: Store, persons: Sequence[bytes]) -> None:
    for person in persons:
        store.put_involvements(person, [], until=0)
        _run(store, "DELETE FROM canary WHERE person = ?", person)


def _handle(store: Store, person: TestPerson) -> bytes:
    return store.vault.handle("person", person.namespace, person.canonical.reveal())


def _persons(store: Store, plan: bytes | None) -> list[tuple[bytes, int]]:
    """(person, when it was added in Unix seconds)."""
    rows = _run(store, "SELECT person, added FROM canary WHERE ?1 IS NULL OR plan = ?1", plan)
    return [(bytes(row[0]), int(row[1])) for row in rows.fetchall()]


def _kept(store: Store, person: bytes, added: int, now: datetime) -> Kept:
    _, canonical = store.canonical(person)
    seen: dict[str, Seen] = {}
    for match in store.matches_of_case(person):
        known = seen.get(match.other)
        began, proved = datetime.fromtimestamp(match.began, UTC).date(), _proved(match)
        # While two epochs overlap there are two matches with one member.
        seen[match.other] = Seen(
            match.other, min(began, known.since) if known else began, proved or bool(known and known.proved)
        )
    published = None
    if _stands(store, person, month_of(now)):
        # The ledger's first line about a person is its publication: before it nothing that names the person leaves.
        first = _run(store, "SELECT min(sent) FROM ledger WHERE person = ?", person).fetchone()[0]
        published = datetime.fromtimestamp(added if first is None else first, UTC).date()
    return Kept(TestPerson.of_canonical(canonical), published, tuple(seen[other] for other in sorted(seen)))


def _stands(store: Store, person: bytes, month: int) -> bool:
    """Whether the index has acknowledged a row of the person whose term is not over."""
    sql = "SELECT 1 FROM token WHERE person = ? AND reference IS NOT NULL AND removal_month > ?"
    return _run(store, sql, person, month).fetchone() is not None


def _proved(match: Match) -> bool:
    if match.their_proof is None:
        return False
    said = decode(match.their_proof.reveal())
    return isinstance(said, Proof) and Relation.CLIENT in said.relations


def _run(store: Store, sql: str, *values: Any) -> Any:
    return store.database.execute(sql, values)
