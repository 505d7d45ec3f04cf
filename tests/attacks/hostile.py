"""Key holders that lie, and a node that asks them: a real service, behind a front that hears and changes all of it."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from raakvlak_node.evaluate import Evaluator, Holder
from raakvlak_node.node import Node
from raakvlak_node.sync import holder_remote
from raakvlak_protocol.errors import RaakvlakError
from raakvlak_protocol.identifier import BSN, Bsn
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.party import peer
from raakvlak_protocol.token import TokenKeys
from raakvlak_protocol.v1 import keyholder_pb2 as pb
from tests.attacks.dictionary import keys_under, recovered
from tests.covenants import Sandbox
from tests.federation import Clock, KeyHolderThreads, case, make_node
from tests.party.servers import Seen, blocking

NOWHERE = "127.0.0.1:1"
"""Nobody listens there."""

Change = Callable[[Identity, pb.EvaluateRequest, pb.EvaluateReply], pb.EvaluateReply]
QuotaChange = Callable[[pb.QuotaReply], pb.QuotaReply]


def unchanged(caller: Identity, request: pb.EvaluateRequest, reply: pb.EvaluateReply) -> pb.EvaluateReply:
    return reply


def same_quota(reply: pb.QuotaReply) -> pb.QuotaReply:
    return reply


@dataclass
class Front:
    """What stands between a key holder and the wire."""

    holder: KeyHolderThreads
    change: Change = unchanged
    change_quota: QuotaChange = same_quota
    address: str = ""
    requests: list[pb.EvaluateRequest] = field(default_factory=list)
    replies: list[pb.EvaluateReply] = field(default_factory=list)

    def evaluate(self, caller: Identity, request: pb.EvaluateRequest) -> pb.EvaluateReply:
        self.requests.append(request)
        reply = self.holder.service.evaluate(caller, request)
        self.replies.append(reply)
        changed = pb.EvaluateReply()
        changed.CopyFrom(reply)
        return self.change(caller, request, changed)

    def quota(self, caller: Identity, request: pb.QuotaRequest) -> pb.QuotaReply:
        return self.change_quota(self.holder.service.quota(caller, request))

    def heard(self) -> bytes:
        """Every byte that came and that was answered."""
        return b"".join(each.SerializeToString() for each in [*self.requests, *self.replies])


@contextmanager
def front(
    sandbox: Sandbox,
    holder: KeyHolderThreads,
    change: Change = unchanged,
    *,
    credentials: peer.Credentials | None = None,
) -> Iterator[Front]:
    """The holder's service on a port of the front's, with the holder's own certificate unless another is given."""
    standing = Front(holder, change)
    own = credentials or sandbox.credentials(holder.identity)
    handlers: dict[str, peer.Handler] = {"Evaluate": standing.evaluate, "Quota": standing.quota}
    with blocking(sandbox, handlers, Seen(), credentials=own) as address:
        standing.address = address
        yield standing


def used(sandbox: Sandbox, holder: KeyHolderThreads, member: str = "school") -> int:
    """How many evaluations of the namespace `bsn` the holder has charged the member, of what the covenant grants."""
    reply = holder.service.quota(sandbox.member(member), pb.QuotaRequest())
    (left,) = [each.first_load + each.daily for each in reply.quotas if each.namespace == BSN]
    granted = sandbox.covenant.quota(member, BSN)
    return granted.first_load + granted.daily - left


# --- the node that asks -----------------------------------------------------------------------------------------------


def addresses(holders: Iterable[KeyHolderThreads], **instead: str) -> dict[str, str]:
    """Where a node finds each key holder; `keyholder_2="host:port"` puts something else in its place."""
    places = {holder.identity.id: holder.address for holder in holders}
    return places | {name.replace("_", "-"): address for name, address in instead.items()}


@contextmanager
def node_with(
    sandbox: Sandbox,
    folder: Path,
    clock: Clock,
    key_holders: Mapping[str, str],
    persons: Iterable[str],
    member: str = "school",
) -> Iterator[Node]:
    """A member's node with a case for each person."""
    node = make_node(sandbox, member, folder, clock, index=NOWHERE, key_holders=key_holders)
    try:
        for place, bsn in enumerate(persons):
            node.put_case(case(f"dossier-{place}", bsn))
        yield node
    finally:
        node.close()


def evaluate(node: Node, clock: Clock, failed: dict[str, RaakvlakError] | None = None) -> int:
    """One evaluation as each walk does it; returns the number of new tokens; `failed` gets who was reported."""
    reported = {} if failed is None else failed
    holders = [Holder(entry, holder_remote(node, entry.identity)) for entry in node.covenant.key_holders.values()]
    evaluator = Evaluator(node.store, node.covenant, node.member.id, holders, random=os.urandom, report=reported.__setitem__)
    counts: list[int] = []
    try:
        evaluator.run(clock(), lambda: 0, counts.append)
        return sum(counts)
    finally:
        evaluator.close()
        for holder in holders:
            holder.remote.close()


def made(node: Node, bsn: str) -> TokenKeys:
    """What the node keeps of a person."""
    person = node.store.vault.handle("person", BSN, Bsn.parse(bsn).canonical.reveal())
    return node.store.token_keys(person, 1)


def right(sandbox: Sandbox, bsn: str) -> TokenKeys:
    """What it ought to be: computed with the whole key, which only a test has."""
    shares = {number: sandbox.shares(number)[BSN, 1] for number in (1, 2)}
    return keys_under(recovered(shares), sandbox.payload.id, bsn)
