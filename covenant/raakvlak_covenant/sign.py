"""Signing a covenant: what is signed is what every party will accept, because the parties' own verdict is asked first.

A file with too few signatures is one that the other board members add theirs to; no party accepts it until then.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from nacl.bindings import crypto_sign_seed_keypair

from raakvlak_protocol import covenant as covenants
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.encoding import parse
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.party import sealed
from raakvlak_protocol.publication import sign, verified
from raakvlak_protocol.ristretto import Random
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import covenant_pb2 as pb

LABEL: Final = "covenant board key"


# A board member's key


def new_board_key(path: Path, lock: sealed.Lock, random: Random) -> bytes:
    """Makes an Ed25519 key, seals its seed and returns the public key; raises Refused where the file exists."""
    if path.exists():
        raise Refused(f"{path} exists already: a new key could not sign what the old one must")
    seed = SecretBytes(random(32))
    sealed.seal(path, seed.reveal(), lock, label=LABEL)
    return public_key(seed)


def board_key(path: Path, lock: sealed.Lock) -> SecretBytes:
    """The seed that `new_board_key` sealed."""
    return sealed.unseal(path, lock, label=LABEL)


def public_key(seed: SecretBytes) -> bytes:
    """The Ed25519 public key, 32 bytes."""
    public: bytes = crypto_sign_seed_keypair(seed.reveal())[0]
    return public


# A version


def first(draft: pb.Covenant) -> pb.CovenantHistory:
    """The draft as the first version of a history, not signed yet."""
    if draft.version != 1:
        raise Refused(f"a first version has number 1, this draft {draft.version}: give the file it follows on (--previous)")
    return pb.CovenantHistory(versions=[_envelope(draft, b"")])


def following(history: pb.CovenantHistory, draft: pb.Covenant) -> pb.CovenantHistory:
    """The history with the draft as its next version, not signed yet."""
    return pb.CovenantHistory(versions=[*history.versions, _envelope(draft, newest_hash(history))])


def read(content: bytes) -> pb.CovenantHistory:
    """A covenant file, signed or not; nothing in it is believed yet."""
    history = parse(pb.CovenantHistory, content)
    if not history.versions:
        raise Malformed("the covenant file holds no version")
    return history


def judged(history: pb.CovenantHistory, pin: bytes) -> Covenant:
    """The newest version as every party will judge it, but for its own signatures and its date.

    All that came before must hold with its signatures. Raises what `covenant.verify` raises.
    """
    *earlier, newest = history.versions
    before = verdict(pb.CovenantHistory(versions=earlier), pin) if earlier else None
    if before is None and covenants.covenant_hash(newest.payload) != pin:
        raise Refused("this is not the covenant that was pinned: its hash differs, ask the covenant board which is right")
    return covenants.judged(newest.payload, before)


def judged_alone(draft: pb.Covenant) -> Covenant:
    """The draft as every party will judge it, but for signatures, date and what it follows on."""
    return covenants.judged(_encoded(draft), None)


def verdict(history: pb.CovenantHistory, pin: bytes) -> Covenant:
    """The newest version as every party judges it while it is in force; raises what `covenant.verify` raises."""
    newest = parse(pb.Covenant, history.versions[-1].payload)
    return covenants.verify(encoded(history), pin, datetime.fromtimestamp(newest.valid_from, UTC))


def signed(history: pb.CovenantHistory, seeds: Sequence[SecretBytes]) -> pb.CovenantHistory:
    """The history with a signature of each seed under its newest version.

    Raises Refused for a key that the board does not have: its signature would count for nobody.
    """
    result = pb.CovenantHistory()
    result.CopyFrom(history)
    newest = result.versions[-1]
    allowed = demanding(result).board_keys
    statement = covenants.signed_bytes(newest.payload)
    for seed in seeds:
        public = public_key(seed)
        if public not in allowed:
            raise Refused(f"the key {public.hex()} is none of the board's that must sign this version")
        if public not in {each.public_key for each in newest.signatures}:
            newest.signatures.append(pb.BoardSignature(public_key=public, signature=sign(seed, statement)))
    return result


def demanding(history: pb.CovenantHistory) -> pb.Covenant:
    """The version whose board must sign the newest: the one before, or itself where it is the first."""
    versions = history.versions
    return parse(pb.Covenant, versions[-2 if len(versions) > 1 else -1].payload)


def missing(history: pb.CovenantHistory) -> int:
    """How many board signatures the newest version still needs."""
    board, newest = demanding(history), history.versions[-1]
    statement = covenants.signed_bytes(newest.payload)
    valid = {
        each.public_key
        for each in newest.signatures
        if each.public_key in board.board_keys and verified(each.public_key, statement, each.signature)
    }
    return max(board.board_threshold - len(valid), 0)


def pin_of(history: pb.CovenantHistory) -> bytes:
    """The hash by which the whole history is pinned."""
    return covenants.covenant_hash(history.versions[0].payload)


def newest_hash(history: pb.CovenantHistory) -> bytes:
    """The hash by which the newest version is named in every call."""
    return covenants.covenant_hash(history.versions[-1].payload)


def encoded(history: pb.CovenantHistory) -> bytes:
    """The covenant file."""
    return history.SerializeToString(deterministic=True)


def _envelope(draft: pb.Covenant, previous_hash: bytes) -> pb.CovenantEnvelope:
    payload = pb.Covenant()
    payload.CopyFrom(draft)
    payload.previous_hash = previous_hash
    return pb.CovenantEnvelope(payload=_encoded(payload))


def _encoded(payload: pb.Covenant) -> bytes:
    return payload.SerializeToString(deterministic=True)
