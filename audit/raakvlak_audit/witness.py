"""The witness: cosigns what it has verified, and never what contradicts what it cosigned before.

    cosigned    the newest note that this witness cosigned, its own line included; replaced whole, never by an older one

The crash order: the log is read and verified, the cosigned note is on the disk, then it leaves. After a crash between
the two the index lacks a cosignature that we remember, which costs nothing: the next round cosigns the newest again.
The other way round we might forget what we signed, and sign another history.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from nacl.bindings import crypto_sign_seed_keypair

from raakvlak_audit.officer import Officer
from raakvlak_protocol import checkpoint as checkpoints
from raakvlak_protocol import evidence, follow
from raakvlak_protocol.covenant import Covenant, witness_name
from raakvlak_protocol.errors import Evidence, RaakvlakError, Refused
from raakvlak_protocol.follow import Signed
from raakvlak_protocol.party import sealed
from raakvlak_protocol.secret import SecretBytes

COSIGNED: Final = "cosigned"


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness of a covenant, with its key and what it cosigned last."""

    id: str
    covenant: Covenant
    file: Path
    _seed: SecretBytes

    @classmethod
    def of(cls, officer: Officer, covenant: Covenant) -> "Witness":
        """The witness whose folder this is; raises Refused where there is none, or the covenant names another key."""
        seed, id = officer.witness_seed(), officer.settings().witness
        named = covenant.witnesses.get(id)
        if named is None:
            raise Refused(
                f"the covenant does not name witness {id}: give the covenant board the entry that 'witness-key' prints, and "
                "take the new version with 'covenant'"
            )
        if named.key.public_key != crypto_sign_seed_keypair(seed.reveal())[0]:
            raise Refused(f"the covenant names another key for witness {id} than this folder has: nobody would count it")
        return cls(id, covenant, officer.path / COSIGNED, seed)

    def last(self) -> bytes | None:
        """The note that was cosigned last; None before the first.

        Raises Refused where the file is not what was put there: without it nobody can tell what was signed.
        """
        try:
            raw = self.file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Refused(f"can't read {self.file}: {error.strerror}") from None
        try:
            follow.read_cosigned(self.covenant, self.id, raw)
        except RaakvlakError as error:
            raise Refused(
                f"{self.file} is not what this witness cosigned ({error.message}); put it back from a copy: without it, it "
                "could cosign another history than before"
            ) from None
        return raw

    def cosign(self, signed: Signed, now: datetime) -> bytes:
        """The note with this witness's line, after it is durably remembered here.

        Whoever calls has verified that the log continues `last()`. Raises Evidence, and signs nothing, for a smaller
        tree or another one of the same size, whatever was verified.
        """
        last = self.last()
        if last is not None:
            before = follow.read(self.covenant, last)
            if signed.size < before.size or (signed.size == before.size and signed.checkpoint.root != before.checkpoint.root):
                raise Evidence(
                    f"this witness cosigned {before.size} entries before, which {signed.size} entries of this checkpoint do "
                    "not continue",
                    party=self.covenant.index.id,
                )
        name = witness_name(self.covenant.id, self.id)
        # Only the log's own line beside ours: whoever serves the note may have added others, so many that none fits.
        note = checkpoints.cosign(evidence.alone(signed.raw, self.covenant.log_key), name, self._seed, now)
        follow.read_cosigned(self.covenant, self.id, note)
        sealed.replace(self.file, note)
        return note
