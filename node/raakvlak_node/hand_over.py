"""Not my case any more: a colleague takes over, and the others learn by themselves whom to call."""

from dataclasses import dataclass

from raakvlak_node.access import AccessLog, Actor, Event
from raakvlak_node.case import Reason, Rejected, parse
from raakvlak_node.node import Node, Stored
from raakvlak_protocol.errors import Refused

_COLUMNS = {"worker_name": "name", "worker_phone": "phone", "worker_email": "email"}


@dataclass(frozen=True, slots=True, repr=False)
class Worker:
    """Who is to be called about a case. One of phone and email is filled."""

    name: str
    function: str
    phone: str
    email: str


def hand_over(node: Node, reference: str, worker: Worker, actor: Actor) -> Stored:
    """The case has another worker from now on; the changed card goes out at the next sync. Raises Refused where there is
    no such case, Rejected, naming each wrong field, where the worker can't be called."""
    with node.store.transaction():
        case = node.store.case(node.store.case_handle(reference))
        if case is None:
            raise Refused("this node has no case of that reference: 'raakvlak-node cases' lists them")
        changed = {
            "worker_name": worker.name,
            "function": worker.function,
            "worker_phone": worker.phone,
            "worker_email": worker.email,
        }
        try:
            # The client may have grown up since: that a case is there was judged when it was put.
            handed = parse(dict(case.columns) | changed, today=node.today(node.clock()), adults=True)
        except Rejected as error:
            raise Rejected(
                tuple(Reason(_COLUMNS.get(each.column, each.column), each.message) for each in error.reasons)
            ) from None
        result = node.put_case(handed)
        if result != "unchanged":
            AccessLog(node.store, node.random).write(actor, Event.UPDATE, node.clock(), case=case.reference)
    return result
