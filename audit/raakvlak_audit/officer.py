"""The officer's folder: the covenant and the checkpoint that the officer trusts, and, for a witness, its key.

settings.toml         the covenant's id, where the log is, the witness's id
covenant.raakvlak     the covenant file, pinned by covenant.pin
checkpoint            the last checkpoint that was verified: a signed note, replaced whole, never by an older one
secrets.sealed        a witness's seed, under the key file that the settings name
positions             what was read of the log, so that the next look reads only what is new; can be made again
cosigned              the last note that this witness cosigned: never lose it, it keeps the witness from contradicting itself
evidence/             what convicts the log, where a look found that
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from nacl.bindings import crypto_sign_seed_keypair

from raakvlak_protocol import checkpoint as checkpoints
from raakvlak_protocol import covenant as covenants
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.encoding import parse
from raakvlak_protocol.errors import Evidence, Refused
from raakvlak_protocol.identity import checked_id
from raakvlak_protocol.party import command, sealed, settings
from raakvlak_protocol.party.membership import parse_pin
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import covenant_pb2 as pb

_WITNESS_SEED: Final = "witness_key"


@dataclass(frozen=True, slots=True)
class Settings:
    """All that an officer's machine is told; what parties share stands in the covenant."""

    covenant: str
    """The covenant's id."""
    log: str = ""
    """host:port of the index's HTTPS side; empty for an officer who only checks files."""
    witness: str = ""
    """This witness's id in the covenant; empty for an officer who is none."""
    key_file: Path | None = None
    """Opens secrets.sealed; only a witness has one."""

    def __post_init__(self) -> None:
        checked_id(self.covenant, "covenant")
        if self.witness:
            checked_id(self.witness, "witness")


@dataclass(frozen=True, slots=True)
class Officer:
    """What an officer keeps, and how it is replaced."""

    path: Path

    @property
    def settings_file(self) -> Path:
        return self.path / "settings.toml"

    @property
    def covenant_file(self) -> Path:
        return self.path / "covenant.raakvlak"

    @property
    def pin_file(self) -> Path:
        return self.path / "covenant.pin"

    @property
    def checkpoint_file(self) -> Path:
        return self.path / "checkpoint"

    @property
    def secrets_file(self) -> Path:
        return self.path / "secrets.sealed"

    @property
    def exists(self) -> bool:
        return self.settings_file.exists()

    def settings(self) -> Settings:
        """Raises Refused where there is no officer's folder."""
        if not self.exists:
            raise Refused(f"{self.path} is no officer's folder: make one with 'init', or name yours with --folder")
        return settings.load(self.settings_file, Settings)

    def pin(self) -> bytes:
        return parse_pin(_read(self.pin_file).decode("ascii", "replace").strip())

    def covenant(self, now: datetime) -> Covenant:
        """The covenant in force, its whole history verified from the pin."""
        return covenants.verify(_read(self.covenant_file), self.pin(), now)

    def versions(self, now: datetime) -> tuple[Covenant, ...]:
        """Every version of the covenant, oldest first; verified as `covenant` does."""
        history = _read(self.covenant_file)
        covenants.verify(history, self.pin(), now)
        return tuple(covenants.judged(each.payload, None) for each in parse(pb.CovenantHistory, history).versions)

    def take_covenant(self, history: bytes, now: datetime) -> Covenant:
        """Puts a newer covenant file in the place of the one held; raises Refused for an older one."""
        held = covenants.newest_version(_read(self.covenant_file))
        covenant = covenants.verify(history, self.pin(), now)
        if covenant.version < held:
            raise Refused(
                f"version {held} of the covenant is held already and this is version {covenant.version}: "
                "an older one would bring back what the board has taken away; ask the board"
            )
        sealed.replace(self.covenant_file, history)
        return covenant

    def trusted(self, covenant: Covenant) -> Checkpoint | None:
        """The last checkpoint that was verified; None where the officer's trust still begins at the empty log.

        Raises Evidence or Malformed where the file is not what the log signed: this machine's copy was changed.
        """
        raw = self.trusted_note()
        return None if raw is None else checkpoints.verify(raw, covenant.log_key)

    def trusted_note(self) -> bytes | None:
        """The same as bytes: the signed note, with the cosignatures that it came with."""
        return _read(self.checkpoint_file) if self.checkpoint_file.exists() else None

    def trust(self, raw: bytes, covenant: Covenant) -> Checkpoint:
        """Puts a checkpoint in the place of the last one, durably. Whoever calls has verified that both are one history.

        Raises Evidence for one that the log did not sign, and for one of the same size and another root; Refused for
        an older one, so that nothing that was once seen can be unseen.
        """
        checkpoint = checkpoints.verify(raw, covenant.log_key)
        held = self.trusted(covenant)
        if held is not None and checkpoint.size < held.size:
            raise Refused(f"the log was trusted up to {held.size} entries and this checkpoint has {checkpoint.size}")
        if held is not None and checkpoint.size == held.size and checkpoint.root != held.root:
            raise Evidence(f"two checkpoints of {held.size} entries differ: the log has two histories", party=covenant.index.id)
        sealed.replace(self.checkpoint_file, raw)
        return checkpoint

    def witness_seed(self) -> SecretBytes:
        """The seed that cosigns; raises Refused for an officer who is no witness."""
        own = self.settings()
        if not own.witness or own.key_file is None:
            raise Refused("this officer is no witness: a witness's folder is made with 'init --witness ID'")
        content = sealed.unseal(self.secrets_file, sealed.KeyFile(own.key_file), label=_label(own.covenant, own.witness))
        return _seed(content)

    def new_witness_seed(self, covenant: str, witness: str, key_file: Path, random: Callable[[int], bytes]) -> SecretBytes:
        """The seed of this folder's witness, made where there is none yet. A witness's key is needed before the covenant
        that names it, hence before all the rest of the folder."""
        lock, label = command.new_key_file(key_file), _label(covenant, witness)
        if self.secrets_file.exists():
            return _seed(sealed.unseal(self.secrets_file, lock, label=label))
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        seed = SecretBytes(random(32))
        sealed.seal(self.secrets_file, json.dumps({_WITNESS_SEED: seed.reveal().hex()}).encode(), lock, label=label)
        return seed

    def create(self, own: Settings, history: bytes, pin: bytes, note: bytes | None) -> None:
        """Makes the folder of what was verified. Settings come last: their presence says that all the rest is there."""
        if self.exists:
            raise Refused(f"{self.path} is an officer's folder already: what it trusts would be forgotten; choose another one")
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        sealed.replace(self.covenant_file, history)
        sealed.replace(self.pin_file, pin.hex().encode() + b"\n")
        if note is not None:
            sealed.replace(self.checkpoint_file, note)
        lines = {"covenant": own.covenant, "log": own.log, "witness": own.witness}
        if own.key_file is not None:
            lines["key_file"] = str(own.key_file.absolute())
        # A JSON string of ASCII is a TOML string too.
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
        sealed.replace(self.settings_file, text.encode())


def witness_entry(witness: str, name: str, seed: SecretBytes) -> str:
    """The TOML by which the covenant board names a witness."""
    public = crypto_sign_seed_keypair(seed.reveal())[0]
    lines = {"id": witness, "name": name, "key": public.hex()}
    return "[[witness]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())


def _seed(content: SecretBytes) -> SecretBytes:
    return SecretBytes(bytes.fromhex(json.loads(content.reveal())[_WITNESS_SEED]))


def _label(covenant: str, witness: str) -> str:
    return f"witness {witness} {covenant}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise Refused(f"{path} is missing: restore the officer's folder from a copy, or make a new one with 'init'") from None
    except OSError as error:
        raise Refused(f"can't read {path}: {error.strerror}") from None
