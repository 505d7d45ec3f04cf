"""A small valid sandbox covenant for tests: two or more members, three key holders of whom two make a token, an index
and a witness of its log.

Everything in it is real: dealt keys, board signatures, certificates under one CA. `make_covenant(change=…)` lets a test
break one thing in the payload before it is signed; `successor` signs the next version.
"""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import nacl.utils
from nacl.bindings import crypto_box_keypair, crypto_sign_seed_keypair

from raakvlak_local import dealer
from raakvlak_local.authority import Authority
from raakvlak_local.dealer import DealtKey
from raakvlak_protocol import checkpoint
from raakvlak_protocol import covenant as covenants
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.identifier import ADDRESS, BSN
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.merkle import EMPTY_ROOT
from raakvlak_protocol.party import membership, peer, sealed
from raakvlak_protocol.party.membership import Folder
from raakvlak_protocol.publication import sign
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.ristretto import Scalar
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import covenant_pb2 as pb

ID = "zeeland"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
# Wide, so that both a test's fixed moment and the machine's clock, by which TLS judges, lie within.
FROM = datetime(2024, 1, 1, tzinfo=UTC)
UNTIL = datetime(2100, 1, 1, tzinfo=UTC)
MEMBERS: Mapping[str, str] = {"school": "education", "town": "municipality", "coordinator": "coordinator"}
SHARE_NUMBERS = (1, 2, 3)
THRESHOLD = 2

Change = Callable[[pb.Covenant], object]


@dataclass(frozen=True)
class Sandbox:
    """A covenant with every secret behind it: what in real life is spread over all its parties.

    `log_seed`, `holder_seeds` (by share number) and `witness_seeds` (by id) let a test sign as the log, a key holder or a
    witness.
    """

    payload: pb.Covenant
    file: bytes
    pin: bytes
    board: Sequence[SecretBytes]
    authority: Authority
    keys: Sequence[DealtKey]
    signing_seeds: Mapping[str, SecretBytes]
    letter_secrets: Mapping[str, SecretBytes]
    log_seed: SecretBytes
    holder_seeds: Mapping[int, SecretBytes]
    witness_seeds: Mapping[str, SecretBytes]
    issued: dict[Identity, peer.Credentials] = field(default_factory=dict)

    @cached_property
    def covenant(self) -> Covenant:
        """The verdict at NOW; raises what `covenant.verify` raises where a test broke the payload."""
        return covenants.verify(self.file, self.pin, NOW)

    @property
    def index(self) -> Identity:
        return Identity(self.payload.id, Role.INDEX, self.payload.index.id)

    def member(self, member_id: str) -> Identity:
        return Identity(self.payload.id, Role.NODE, member_id)

    def key_holder(self, share_number: int) -> Identity:
        """The key holder of a share, `keyholder-1` to `keyholder-3`."""
        return Identity(self.payload.id, Role.KEYHOLDER, f"keyholder-{share_number}")

    def shares(self, share_number: int) -> dict[tuple[str, int], Scalar]:
        """A key holder's secret shares by (namespace, epoch)."""
        return {(key.namespace, key.epoch): key.shares[share_number] for key in self.keys}

    def share_lines(self, share_number: int) -> str:
        """The same as `raakvlak-keyholder accept-shares` reads them."""
        return "".join(key.share_line(share_number) + "\n" for key in self.keys)

    def credentials(self, identity: Identity) -> peer.Credentials:
        """A TLS key with a certificate under the covenant's CA, made once per identity (in the covenant or not)."""
        if identity not in self.issued:
            key, request = peer.certificate_request(identity)
            certificate = self.authority.issue(request, identity, datetime.now(UTC))
            self.issued[identity] = peer.Credentials(key, certificate, self.authority.certificate_pem)
        return self.issued[identity]

    def hand_over(self, path: Path, identity: Identity) -> None:
        """Gives an index or key holder this covenant's signing seed in place of the one that its `init` made; the log of
        an index is begun again under it."""
        folder = Folder(path)
        lock = sealed.KeyFile(Path(tomllib.loads(folder.settings.read_text())["key_file"]))
        secrets = dict(membership.secrets_of(folder, identity, lock))
        if identity.role is Role.INDEX:
            own, seed = "log_key", self.log_seed
            empty = Checkpoint(self.covenant.log_key.name, 0, EMPTY_ROOT)
            (path / "log" / "checkpoint").write_bytes(checkpoint.sign(empty, seed))
        else:
            own, seed = "signing_key", self.holder_seeds[int(identity.id.rpartition("-")[2])]
        assert own in secrets
        secrets[own] = seed
        content = json.dumps({name: value.reveal().hex() for name, value in secrets.items()})
        sealed.seal(folder.secrets, content.encode(), lock, label=f"secrets {identity.dns_name}")

    def successor(self, change: Change) -> "Sandbox":
        """The next version, changed by `change`, signed by the board and added to the file."""
        payload = pb.Covenant()
        payload.CopyFrom(self.payload)
        payload.version += 1
        payload.previous_hash = covenants.covenant_hash(encoded(self.payload))
        change(payload)
        history = pb.CovenantHistory.FromString(self.file)
        history.versions.append(envelope(encoded(payload), self.board))
        return replace(self, payload=payload, file=encoded(history))


def make_covenant(
    *,
    id: str = ID,
    members: Mapping[str, str] = MEMBERS,
    declared: int = 1000,
    first_load: int = 1000,
    daily: int = 10,
    epochs: Sequence[int] = (1,),
    change: Change = lambda payload: None,
    board_size: int = 1,
    board_threshold: int = 1,
    witnesses: Sequence[str] = ("witness-1",),
    witness_threshold: int = 0,
) -> Sandbox:
    """A fresh sandbox. `members` maps ids to kinds; every member has the same quota in both namespaces.

    The certificates are issued by the machine's clock, because TLS judges them by it.
    """
    board = [SecretBytes(nacl.utils.random(32)) for _ in range(board_size)]
    authority = Authority.create(f"{id} CA", datetime.now(UTC))
    keys = [
        dealer.deal(namespace, epoch, THRESHOLD, SHARE_NUMBERS, nacl.utils.random)
        for epoch in epochs
        for namespace in (BSN, ADDRESS)
    ]
    seeds = {member: SecretBytes(nacl.utils.random(32)) for member in members}
    boxes = {member: crypto_box_keypair() for member in members}
    log_seed = SecretBytes(nacl.utils.random(32))
    holder_seeds = {number: SecretBytes(nacl.utils.random(32)) for number in SHARE_NUMBERS}
    witness_seeds = {witness: SecretBytes(nacl.utils.random(32)) for witness in witnesses}
    payload = pb.Covenant(
        id=id,
        version=1,
        valid_from=int(FROM.timestamp()),
        valid_until=int(UNTIL.timestamp()),
        sandbox=True,
        legal_basis=pb.LegalBasis(uri="urn:example:sandbox", text="invented people only"),
        board_keys=[public_key(seed) for seed in board],
        board_threshold=board_threshold,
        ca_certificates=[authority.certificate_der],
        members=[
            pb.Member(
                id=member,
                name=f"The {member}",
                kind=kind,
                signing_key=public_key(seeds[member]),
                letter_key=boxes[member][0],
                quotas=[
                    pb.Quota(namespace=namespace, declared=declared, first_load=first_load, daily=daily)
                    for namespace in (BSN, ADDRESS)
                ],
            )
            for member, kind in members.items()
        ],
        key_holders=[
            pb.KeyHolderEntry(
                id=f"keyholder-{number}",
                name=f"Key holder {number}",
                share_number=number,
                signing_key=public_key(holder_seeds[number]),
            )
            for number in SHARE_NUMBERS
        ],
        key_threshold=THRESHOLD,
        epochs=[_epoch(number, keys) for number in epochs],
        index=pb.IndexEntry(id="index", name="The index", log_key=public_key(log_seed)),
        rules=_rules(),
        coordination=[
            pb.Coordination(coordinator=member, kinds=[each for each in covenants.KINDS if each != covenants.COORDINATOR])
            for member, kind in members.items()
            if kind == covenants.COORDINATOR
        ],
        witnesses=[pb.Witness(id=each, name=f"The {each}", key=public_key(seed)) for each, seed in witness_seeds.items()],
        witness_threshold=witness_threshold,
    )
    change(payload)
    history = pb.CovenantHistory(versions=[envelope(encoded(payload), board)])
    letter_secrets = {member: SecretBytes(secret) for member, (_, secret) in boxes.items()}
    pin = covenants.covenant_hash(encoded(payload))
    return Sandbox(
        payload, encoded(history), pin, board, authority, keys, seeds, letter_secrets,
        log_seed, holder_seeds, witness_seeds,
    )  # fmt: skip


def envelope(payload: bytes, board: Sequence[SecretBytes]) -> pb.CovenantEnvelope:
    """The payload with a signature of every given board seed."""
    signed = covenants.signed_bytes(payload)
    signatures = [pb.BoardSignature(public_key=public_key(seed), signature=sign(seed, signed)) for seed in board]
    return pb.CovenantEnvelope(payload=payload, signatures=signatures)


def encoded(message: pb.Covenant | pb.CovenantHistory) -> bytes:
    return message.SerializeToString(deterministic=True)


def public_key(seed: SecretBytes) -> bytes:
    """The Ed25519 public key of a seed."""
    return crypto_sign_seed_keypair(seed.reveal())[0]


def _epoch(number: int, keys: Sequence[DealtKey]) -> pb.Epoch:
    return pb.Epoch(
        number=number,
        valid_from=int(FROM.timestamp()),
        valid_until=int(UNTIL.timestamp()),
        keys=[
            pb.GroupKey(
                namespace=key.namespace,
                public_key=key.public_key,
                shares=[
                    pb.PublicShare(share_number=share, public_key=public) for share, public in sorted(key.public_shares.items())
                ],
            )
            for key in keys
            if key.epoch == number
        ],
    )


def _rules() -> pb.Rules:
    direct = [kind for kind in covenants.KINDS if kind not in ("shelter", "coordinator")]
    return pb.Rules(
        retention_months=24,
        adult_clients=True,
        household_limit=4,
        mixing_minutes=0,
        kinds=[
            pb.KindRule(kind=kind, relations=[str(each) for each in Relation if kind != "shelter" or each != "address"])
            for kind in covenants.KINDS
        ],
        direct=[pb.KindPair(one=one, other=other) for one in direct for other in direct if one <= other],
        follow_up=pb.FollowUpTerms(
            acknowledge_days=5,
            contact_days=10,
            agreement_days=30,
            evaluation_days=60,
            grace_days=5,
            reminder_days=2,
        ),
    )
