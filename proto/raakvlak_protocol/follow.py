"""Following the log: every rule by which one who trusts a checkpoint comes to trust a later one. No I/O; who uses it
fetches, asks, and saves.

The log signs checkpoints; a witness cosigns one when all it has seen before is a beginning of it. A checkpoint is covered
by a witness that has cosigned a larger one of the same history, so that witnesses need not meet at one size: with a
threshold of k the trusted size is the k-th largest cosigned one. Where the covenant demands no witness it is the newest
one, and two members can then be shown two histories without noticing.

    Unavailable (Behind)     the log is not as far as it was: asked again later it may be
    Malformed                what was served is no checkpoint, tile or cosignature
    Evidence                 the log, or who stands between, lies
      └── Rewritten          two signed checkpoints of which one does not begin with the other: they convict the log
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from raakvlak_protocol import checkpoint, merkle, tile
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Evidence, Unavailable
from raakvlak_protocol.tile import TiledLog

Fetch = Callable[[str], bytes]
"""The bytes under a path of the index's HTTPS side; raises Unavailable where it can't be reached."""


class Behind(Unavailable):
    """The log shows less than was seen before: an old copy is served, or the log has lost its end."""


class Rewritten(Evidence):
    """The log has signed two histories. `old` and `new` are the two notes, `log` the tiles under the new one."""

    def __init__(self, message: str, *, party: str, old: bytes, new: bytes, log: TiledLog) -> None:
        super().__init__(message, party=party)
        self.old = old
        self.new = new
        self.log = log


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint that was verified, and the note that proves it."""

    raw: bytes
    checkpoint: Checkpoint

    @property
    def size(self) -> int:
        return self.checkpoint.size


@dataclass(frozen=True, slots=True)
class Cosigned:
    """How far a witness has seen the log, and when it said so (UTC)."""

    signed: Signed
    at: datetime


@dataclass(frozen=True, slots=True)
class Followed:
    """What a look at the log showed. All checkpoints in it are of one history, `trusted` as covered as the covenant asks;
    it is the one trusted before where too few witnesses have come further. `log` reads tiles at the newest size."""

    newest: Signed
    trusted: Signed | None
    witnessed: Mapping[str, Cosigned]
    log: TiledLog

    @property
    def root(self) -> bytes:
        return self.newest.checkpoint.root


def read(covenant: Covenant, raw: bytes) -> Signed:
    """The checkpoint in a note that the covenant's log has signed; raises as `checkpoint.verify`."""
    return Signed(raw, checkpoint.verify(raw, covenant.log_key))


def read_cosigned(covenant: Covenant, witness: str, raw: bytes) -> Cosigned:
    """A note that the log signed and the witness cosigned; raises Evidence where its cosignature is missing."""
    signed = read(covenant, raw)
    at = checkpoint.cosigned(raw, covenant.witnesses[witness].key)
    if at is None:
        raise Evidence(f"what is served as cosigned by witness {witness} does not bear its cosignature")
    return Cosigned(signed, at)


def follow(covenant: Covenant, before: Signed | None, newest: bytes, witnessed: Mapping[str, bytes], fetch: Fetch) -> Followed:
    """From the checkpoint trusted before (None: from the empty log) to the newest.

    `witnessed` holds for each witness the newest note that it cosigned, as far as there is one; fetch these before
    `newest`, which must be at least as far. Raises what the head of this module lists, and then nothing is to be
    trusted beyond `before`.
    """
    now = read(covenant, newest)
    seen = {id: read_cosigned(covenant, id, raw) for id, raw in witnessed.items() if id in covenant.witnesses}
    known = [each for each in (before, *(one.signed for one in seen.values())) if each is not None]
    for each in known:
        if each.size > now.size:
            raise Behind(
                f"the log shows {now.size} entries, and {each.size} were seen before: an old copy is served, or the index "
                "has lost the end of its log; ask its operator, and look again later"
            )
    log = TiledLog(fetch, now.size)
    demand_tiles(log, now)
    for each in known:
        demand_beginning(each, now, log, covenant)
    return Followed(now, _trusted(covenant, before, now, seen), seen, log)


def demand_tiles(log: TiledLog, signed: Signed) -> None:
    """Returns when the tiles served lead to the root that was signed; else raises Evidence."""
    if log.tree.root() != signed.checkpoint.root:
        raise Evidence(
            f"the tiles that are served do not lead to the root that was signed for {signed.size} entries: they were "
            "changed after signing, or on their way here",
            party=signed.checkpoint.origin,
        )


def demand_beginning(old: Signed, new: Signed, log: TiledLog, covenant: Covenant) -> None:
    """Returns when the tree of `new`, whose tiles `log` reads, begins with that of `old`.

    Raises Rewritten where it does not, and Evidence where the tiles do not lead to the root of `new`: these may have
    been changed by others, and convict nobody.
    """
    proof = log.tree.consistency_proof(old.size)
    try:
        merkle.verify_consistency(old.size, old.checkpoint.root, new.size, new.checkpoint.root, proof)
        return
    except Evidence:
        # Not yet whose: somebody may have changed a tile that is in the proof. What verifies under the newer root is
        # the log's own word, and only if that differs from its older word has it lied.
        beginning = tile.verified_root(log, old.size, new.checkpoint.root)
    if beginning != old.checkpoint.root:
        raise Rewritten(
            f"the log has signed two histories: its {new.size} entries do not begin with the {old.size} that it signed before",
            party=covenant.index.id,
            old=old.raw,
            new=new.raw,
            log=log,
        )


def _trusted(covenant: Covenant, before: Signed | None, now: Signed, seen: Mapping[str, Cosigned]) -> Signed | None:
    demanded = covenant.witness_threshold
    if not demanded:
        return now
    furthest = sorted((each.signed for each in seen.values()), key=lambda each: each.size, reverse=True)
    if len(furthest) < demanded or (before is not None and furthest[demanded - 1].size < before.size):
        return before
    return furthest[demanded - 1]
