"""The peppers: 32 random bytes for each epoch, sealed in a file of their own, never in the database or its backups.

`{"1": "<64 hex digits>", …}` by epoch. Losing one means that no row of its epoch can ever be found again: every token
would look new and no match would be signalled. So the index starts only with the peppers that made its rows.
"""

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from raakvlak_index.index import PEPPER_BYTES, Pepper, epochs_of
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.party import sealed
from raakvlak_protocol.secret import SecretBytes

FILE: Final = "pepper.sealed"

_MEANING: Final = (
    "all tokens would look new and no match would ever be found again; restore the pepper from the operator's sealed "
    "backup, or have the covenant board begin a new epoch and start with an empty store"
)


class PepperFile:
    """The sealed file of one index."""

    def __init__(self, path: Path, identity: Identity, lock: sealed.Lock) -> None:
        self._path = path
        self._label = f"pepper {identity.dns_name}"
        self._lock = lock

    def write(self, peppers: Mapping[int, SecretBytes]) -> None:
        """Replaces the file's content, durably."""
        content = {str(epoch): pepper.reveal().hex() for epoch, pepper in sorted(peppers.items())}
        sealed.seal(self._path, json.dumps(content).encode(), self._lock, label=self._label)

    def read(self) -> dict[int, SecretBytes]:
        """The peppers by epoch; raises Refused with what it means when the file is not there or not readable."""
        try:
            content = sealed.unseal(self._path, self._lock, label=self._label)
        except Refused as error:
            raise Refused(f"{error.message}; without the pepper {_MEANING}") from None
        return {int(epoch): SecretBytes(bytes.fromhex(value)) for epoch, value in json.loads(content.reveal()).items()}


def missing(
    keys: Mapping[int, Pepper], epochs: Collection[int], checks: Mapping[int, bytes], with_rows: Collection[int]
) -> set[int]:
    """The epochs of the covenant that need a new pepper.

    Raises Refused where a pepper is not the one that made the rows, or rows stand whose pepper is gone. An epoch
    without rows has nothing that a pepper could fail to find.
    """
    lost = set(with_rows) - keys.keys()
    if lost:
        raise Refused(f"the pepper of epoch {epochs_of(lost)} is lost, and rows stand that it made: {_MEANING}")
    for epoch in set(with_rows) & checks.keys():
        if keys[epoch].check() != checks[epoch]:
            raise Refused(f"the pepper of epoch {epoch} is not the one that this store's rows were made with: {_MEANING}")
    unchecked = set(with_rows) - checks.keys()
    if unchecked:
        raise Refused(f"the store does not say which pepper made the rows of epoch {epochs_of(unchecked)}: {_MEANING}")
    return set(epochs) - keys.keys()


def prepare(
    file: PepperFile,
    epochs: Collection[int],
    checks: Mapping[int, bytes],
    with_rows: Collection[int],
    random: Callable[[int], bytes],
) -> tuple[dict[int, Pepper], set[int]]:
    """The keys of every epoch, and for which of them a pepper was made now, because nothing was published in it yet.

    The new ones are on the disk when this returns; keep their checks in the store before anything is published.
    """
    peppers = file.read()
    new = missing({epoch: Pepper(each) for epoch, each in peppers.items()}, epochs, checks, with_rows)
    if new:
        peppers |= {epoch: SecretBytes(random(PEPPER_BYTES)) for epoch in new}
        file.write(peppers)
    return {epoch: Pepper(each) for epoch, each in peppers.items()}, new
