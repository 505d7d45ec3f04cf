"""What a walk makes of a node's store, at an index that does what it is asked: who stands there, how, and until when."""

import os
from datetime import timedelta
from itertools import count

from raakvlak_node.access import Actor
from raakvlak_node.node import Node
from raakvlak_node.store import InFlight
from raakvlak_protocol.identifier import ADDRESS, BSN
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.term import month_of, start_of
from raakvlak_protocol.token import Token, TokenKeys
from tests.federation import Clock

EPOCH = 1
WORKER = Actor.command("anneke")
_numbers = count()


def walk(node: Node) -> tuple[int, int]:
    """Judges every case, evaluates, withdraws and publishes until nothing is left to do; (rows withdrawn, published)."""
    standing, now = node.standing(), node.clock()
    for handle in node.store.case_handles():
        standing.judge(handle, now)
    standing.archive.forget(month_of(now))
    _evaluate(node)
    withdrawn, published = _withdraw(node), _publish(node)
    node.store.forget_unneeded()
    assert (_withdraw(node), _publish(node)) == (0, 0)
    return withdrawn, published


def rows(node: Node) -> dict[str, Visibility]:
    """What stands at the index: a BSN or address → how it stands."""
    found = node.store.database.execute("SELECT person, visibility FROM token WHERE reference IS NOT NULL").fetchall()
    return {node.store.canonical(bytes(row[0]))[1].reveal().decode(): Visibility(row[1]) for row in found}


def terms(node: Node) -> dict[str, int]:
    """Until which month each row stands."""
    found = node.store.database.execute("SELECT person, removal_month FROM token WHERE reference IS NOT NULL").fetchall()
    return {node.store.canonical(bytes(row[0]))[1].reveal().decode(): int(row[1]) for row in found}


def pass_months(clock: Clock, months: int, **more: float) -> None:
    """To the first day of a later month, and so much further."""
    clock.now = start_of(month_of(clock.now) + months) + timedelta(**more)


def _evaluate(node: Node) -> None:
    for namespace in (BSN, ADDRESS):
        persons = node.store.unevaluated(namespace, EPOCH, node.covenant.household_limit, 1_000)
        if persons:
            batch = node.store.add_batch(namespace, EPOCH, persons, [SecretBytes(os.urandom(32)) for _ in persons])
            node.store.finish_batch(batch, [_keys() for _ in persons], [0] * len(persons))


def _keys() -> TokenKeys:
    number = next(_numbers)
    return TokenKeys(Token(b"%032d" % number), SecretBytes(b"s%031d" % number), SecretBytes(b"l%031d" % number))


def _withdraw(node: Node) -> int:
    limit, month, retention = node.covenant.household_limit, month_of(node.clock()), node.covenant.retention_months
    found = node.store.to_withdraw(limit, month, retention, 1_000)
    if found:
        write = InFlight("withdraw", EPOCH, 1, next(_numbers), b"h" * 32, tuple(reference for _, reference in found))
        node.store.finish_withdraw(write)
    return len(found)


def _publish(node: Node) -> int:
    month, published = month_of(node.clock()), 0
    for visibility in Visibility:
        seconds = int(node.clock().timestamp())
        persons = node.store.to_publish(EPOCH, node.covenant.household_limit, seconds, month, 1_000, visibility)
        if persons:
            write = InFlight("publish", EPOCH, 1, next(_numbers), b"h" * 32, tuple(persons), visibility)
            removal = month + node.covenant.retention_months
            node.store.finish_publish(write, [os.urandom(16) for _ in persons], removal)
            published += len(persons)
    return published
