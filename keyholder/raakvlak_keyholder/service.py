"""The calls of a key holder, and its server: who asks was decided before, here it is charged, evaluated and proved.

Order of Evaluate, which is the quota's whole argument: multiply, which parses every element; charge all of them,
durably; only then prove and answer. So an element that is none costs the member nothing, nothing leaves this process
uncharged, and a crash after the charge costs nothing either, because the same request is then known and answered again.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import grpc
import nacl.utils

from raakvlak_keyholder.evaluator import Evaluator, Shares
from raakvlak_keyholder.events import EVENTS
from raakvlak_keyholder.quota import Account, Left, left
from raakvlak_keyholder.settings import Settings
from raakvlak_keyholder.statements import Statements, daily, put_to
from raakvlak_keyholder.store import Store
from raakvlak_protocol import voprf
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Malformed, RaakvlakError, Refused
from raakvlak_protocol.identifier import NAMESPACES
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.ledger import evaluation_hash
from raakvlak_protocol.party import events, peer, serving
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.party.membership import Membership
from raakvlak_protocol.ristretto import ELEMENT_BYTES, Element, Random
from raakvlak_protocol.v1 import keyholder_pb2 as pb
from raakvlak_protocol.voprf import KeyPair

DESCRIPTOR: Final = pb.DESCRIPTOR.services_by_name["KeyHolder"]

THREADS: Final = 2
"""While one multiplies, the other can: libsodium frees the interpreter's lock."""

_LIMITS: Final = {
    # Two bytes of framing for each element, and room for the other fields.
    "Evaluate": voprf.MAX_BATCH * (ELEMENT_BYTES + 2) + 4096,
    "Quota": 4096,
}


class Service:
    """What nodes may ask. `now` gives the time in UTC."""

    def __init__(
        self,
        covenant: Covenant,
        share_number: int,
        keys: Evaluator,
        store: Store,
        log: Log,
        *,
        now: Callable[[], datetime],
        random: Random,
    ) -> None:
        self._covenant = covenant
        self._share_number = share_number
        self._keys = keys
        self._store = store
        self._log = log
        self._now = now
        self._random = random

    def handler(self) -> grpc.GenericRpcHandler:
        """For a blocking server; callers are nodes."""
        return peer.service(
            DESCRIPTOR,
            self._covenant,
            Role.NODE,
            {"Evaluate": self.evaluate, "Quota": self.quota},
            limits=_LIMITS,
            on_error=self._failed,
            on_refusal=self._refused,
        )

    def evaluate(self, caller: Identity, request: pb.EvaluateRequest) -> pb.EvaluateReply:
        """Raises Malformed naming the item, OverQuota, or Refused; has then charged nothing."""
        now = self._now()
        self._demand_covenant_in_force(now)
        if request.namespace not in NAMESPACES:
            # Not echoed: a caller could put anything there, and messages reach logs.
            raise Malformed("the namespace is unknown", field="namespace")
        key = self._keys.key(request.namespace, request.epoch, now)
        blinded = list(request.blinded_elements)
        evaluated = _multiplied(key, blinded)
        account = Account(caller.id, request.namespace, request.epoch)
        charge = self._store.charge(
            account,
            self._covenant.quota(caller.id, request.namespace),
            evaluation_hash(self._covenant.id, request.namespace, request.epoch, blinded),
            len(blinded),
            now,
        )
        proof = voprf.prove(key, blinded, evaluated, self._random)
        self._log(
            "evaluated",
            member=caller.id,
            namespace=account.namespace,
            epoch=account.epoch,
            count=len(blinded),
            charged=charge.charged,
        )
        return pb.EvaluateReply(
            share_number=self._share_number,
            evaluated_elements=evaluated,
            proof=proof,
            quota_left=_told(account, charge.left),
        )

    def quota(self, caller: Identity, request: pb.QuotaRequest) -> pb.QuotaReply:
        """What the caller may still ask for, one for each namespace and epoch in force, and this machine's clock."""
        now = self._now()
        self._demand_covenant_in_force(now)
        accounts = [
            Account(caller.id, namespace, epoch.number)
            for epoch in self._covenant.live_epochs(now)
            for namespace in sorted(epoch.keys)
        ]
        return pb.QuotaReply(
            quotas=[_told(account, self._left(account, now)) for account in accounts], now=int(now.timestamp())
        )

    def _left(self, account: Account, now: datetime) -> Left:
        return left(self._covenant.quota(account.member, account.namespace), self._store.used(account), now)

    def _demand_covenant_in_force(self, now: datetime) -> None:
        if not self._covenant.valid_from <= now < self._covenant.valid_until:
            raise Refused("the covenant is no longer in force: this key holder needs the board's new version")

    def _failed(self, error: Exception) -> None:
        self._log.error(error, doing="answering a call")

    def _refused(self, method: str, caller: Identity | None, error: RaakvlakError) -> None:
        member = caller.id if caller else ""
        self._log("refused", method=method, member=member, kind=type(error).__name__, reason=error.message)


def _multiplied(key: KeyPair, blinded: Sequence[bytes]) -> list[Element]:
    """Every element under the key; raises Malformed for none, for more than 1024, and naming the first that is none."""
    if not 1 <= len(blinded) <= voprf.MAX_BATCH:
        raise Malformed(f"a request holds 1 to {voprf.MAX_BATCH} elements, this one {len(blinded)}", field="elements")
    return voprf.blind_evaluate(key.secret, blinded)


def serve(
    member: Membership,
    settings: Settings,
    shares: Shares,
    store: Store,
    statements: Statements,
    *,
    now: Callable[[], datetime],
) -> None:
    """Answers until SIGTERM or SIGINT, and states each day that ends.

    Raises Refused, before it listens, where a share is wrong or missing, or the counts contradict what was stated.
    """
    keys = Evaluator(member.covenant, settings.share_number, shares, now())
    log = events.Log(f"keyholder {settings.id}", EVENTS, sys.stderr)
    events.install(log)
    for namespace, epoch in sorted(shares.keys() - set(keys.purposes)):
        log("share_unused", namespace=namespace, epoch=epoch)
    service = Service(member.covenant, settings.share_number, keys, store, log, now=now, random=nacl.utils.random)
    server = peer.blocking_server(THREADS)
    server.add_generic_rpc_handlers((service.handler(),))
    started = {"covenant_version": member.covenant.version, "share_number": settings.share_number}
    put = put_to(settings.log, member.covenant) if settings.log else None
    with daily(statements, put, log, now=now, grace_seconds=settings.grace_seconds):
        serving.serve_blocking(
            server,
            member.credentials,
            address=settings.listen,
            ready=lambda port: log("started", **started, keys=len(keys.purposes)),
            stop=serving.Stop.on_signals(),
            grace_seconds=settings.grace_seconds,
        )
    log("stopped")


def _told(account: Account, remaining: Left) -> pb.QuotaLeft:
    return pb.QuotaLeft(
        namespace=account.namespace,
        epoch=account.epoch,
        first_load=remaining.first_load,
        daily=remaining.daily,
        until=int(remaining.until.timestamp()),
    )
