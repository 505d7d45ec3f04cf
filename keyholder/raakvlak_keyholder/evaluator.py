"""The shares of this key holder, under each of which it is an ordinary RFC 9497 VOPRF server. No I/O.

A key holder never finds out what it evaluates. What it must know for certain is that it uses the share which the
covenant promises for that namespace and epoch: with any other, every node would rightly call its proofs false.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from raakvlak_protocol import ristretto
from raakvlak_protocol.covenant import Covenant, Epoch
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.identifier import NAMESPACES
from raakvlak_protocol.ristretto import Scalar
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.voprf import KeyPair

Purpose = tuple[str, int]
"""(namespace, epoch): each has a share of its own."""

Shares = Mapping[Purpose, Scalar]

_FIELDS: Final = {"namespace": str, "epoch": int, "share_number": int, "secret": str}


class Evaluator:
    """The keys of one holder under one covenant version. Threads may share it."""

    def __init__(self, covenant: Covenant, share_number: int, shares: Shares, now: datetime) -> None:
        """Raises Refused where a share is not the covenant's, or one is missing for an epoch in force."""
        self._covenant = covenant
        self._keys: Mapping[Purpose, KeyPair] = dict(_matched(covenant, share_number, shares))
        for epoch in covenant.live_epochs(now):
            for namespace in epoch.keys:
                if (namespace, epoch.number) not in self._keys:
                    raise Refused(
                        f"no share for namespace {namespace!r} in epoch {epoch.number}, which is in force: "
                        "run raakvlak-keyholder accept-shares with what was dealt to this key holder"
                    )

    @property
    def purposes(self) -> list[Purpose]:
        """What this holder can evaluate, in order."""
        return sorted(self._keys)

    def key(self, namespace: str, epoch: int, now: datetime) -> KeyPair:
        """The key for a request; raises Refused unless the covenant has it, the epoch is in force and we hold it."""
        self._covenant.key(namespace, epoch)
        demand_in_force(self._covenant.epochs[epoch], now)
        found = self._keys.get((namespace, epoch))
        if found is None:
            raise Refused(f"this key holder has no share for namespace {namespace!r} in epoch {epoch}: ask its operator")
        return found


def demand_in_force(epoch: Epoch, now: datetime) -> None:
    """Returns when the epoch is in force at `now`; else raises Refused. Outside of it nobody may make its tokens."""
    if not epoch.valid_from <= now < epoch.valid_until:
        raise Refused(
            f"epoch {epoch.number} is in force from {epoch.valid_from:%Y-%m-%d} until {epoch.valid_until:%Y-%m-%d}, "
            "which is not now: check the clock, or use the epoch that is"
        )


# Shares as they arrive and as they are kept: one JSON object each, inside a sealed file or on standard input


def parse_shares(lines: Iterable[str], share_number: int) -> dict[Purpose, Scalar]:
    """The shares in lines of JSON {"namespace", "epoch", "share_number", "secret"}; raises Malformed naming the line.

    Refuses another holder's number, and one secret for two purposes: that would join what the covenant keeps apart.
    """
    shares: dict[Purpose, Scalar] = {}
    for item, line in enumerate(lines):
        purpose, secret = _parse_share(line, share_number, item)
        _add(shares, purpose, secret)
    return shares


def joined(held: Shares, arrived: Shares) -> dict[Purpose, Scalar]:
    """What is held together with what arrived; raises Refused where a share would change or serve two purposes."""
    shares = dict(held)
    for purpose, secret in arrived.items():
        _add(shares, purpose, secret)
    return shares


def share_lines(shares: Shares, share_number: int) -> list[SecretBytes]:
    """The shares as `parse_shares` reads them, in order, each with its line end."""
    return [
        SecretBytes(
            json.dumps(
                {"namespace": namespace, "epoch": epoch, "share_number": share_number, "secret": secret.reveal().hex()}
            ).encode()
            + b"\n"
        )
        for (namespace, epoch), secret in sorted(shares.items())
    ]


def _add(shares: dict[Purpose, Scalar], purpose: Purpose, secret: Scalar) -> None:
    namespace, epoch = purpose
    if shares.get(purpose, secret) != secret:
        raise Refused(
            f"another share is held already for namespace {namespace!r} in epoch {epoch}: a share never changes within "
            "an epoch, ask who dealt it which one is right"
        )
    if any(secret == other for held, other in shares.items() if held != purpose):
        raise Refused(
            f"the share for namespace {namespace!r} in epoch {epoch} is the same as that for another purpose: one key "
            "for two purposes would join what the covenant keeps apart"
        )
    shares[purpose] = secret


def _parse_share(line: str, share_number: int, item: int) -> tuple[Purpose, Scalar]:
    entry = _parse_object(line, item)
    if entry["namespace"] not in NAMESPACES or not 0 <= entry["epoch"] < 2**32:
        raise Malformed(f"line {item + 1} is for an unknown namespace or epoch", item=item)
    if entry["share_number"] != share_number:
        raise Refused(
            f"line {item + 1} is share number {entry['share_number']} and this key holder's is {share_number}: "
            "whoever dealt it gave it to the wrong party, and must deal again"
        )
    secret: str = entry["secret"]
    if len(secret) != 2 * ristretto.SCALAR_BYTES or set(secret) - set("0123456789abcdef"):
        raise Malformed(f"line {item + 1}: a share's secret is 64 hexadecimal digits", item=item)
    try:
        return (entry["namespace"], entry["epoch"]), Scalar(bytes.fromhex(secret))
    except Malformed as error:
        raise Malformed(f"line {item + 1}: {error.message}", item=item) from None


def _parse_object(line: str, item: int) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        # Not chained: the decoder's error quotes the line, which is a secret.
        raise Malformed(f"line {item + 1} is no JSON", item=item) from None
    if (
        not isinstance(entry, dict)
        or entry.keys() != _FIELDS.keys()
        or any(type(entry[name]) is not kind for name, kind in _FIELDS.items())
    ):
        raise Malformed(f"line {item + 1} is no object of {', '.join(_FIELDS)} and nothing else", item=item)
    return entry


def _matched(covenant: Covenant, share_number: int, shares: Shares) -> Iterable[tuple[Purpose, KeyPair]]:
    """The shares that the covenant knows, each checked; those of an epoch that it does not (yet) have stay unused."""
    for (namespace, epoch), secret in shares.items():
        if epoch not in covenant.epochs or namespace not in covenant.epochs[epoch].keys:
            continue
        key = KeyPair.of(secret)
        if covenant.key(namespace, epoch).shares[share_number] != key.public:
            raise Refused(
                f"the share for namespace {namespace!r} in epoch {epoch} does not match public share {share_number} in "
                "the covenant: every proof under it would fail; it was dealt for another covenant, or the "
                "covenant is wrong: ask the covenant board"
            )
        yield (namespace, epoch), key
