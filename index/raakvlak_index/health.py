"""How the log stands, for `status`: read beside an index that serves, from its store and its published log."""

import hashlib
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from raakvlak_index import index
from raakvlak_index.log import newest
from raakvlak_index.store import Reader
from raakvlak_protocol import covenant as covenants
from raakvlak_protocol import note
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.errors import RaakvlakError
from raakvlak_protocol.party import membership
from raakvlak_protocol.party.membership import Folder

PATIENCE_SECONDS: Final = 5.0
"""An index that serves publishes what it committed within this time."""


def of_log(published: Path, reader: Reader, now: datetime) -> dict[str, Any]:
    """Sizes, the newest checkpoint's hash (SHA-256 of its text, by which officers pin it), how far each witness is."""
    signed = note.parse(newest(published))
    return {
        "size": reader.log_size(),
        "published": Checkpoint.parse(signed.text).size,
        "hash": hashlib.sha256(signed.text.encode()).hexdigest(),
        "witnesses": [
            {"id": id, "size": each.size, "hours": max(0, int((now - each.at).total_seconds()) // 3600)}
            for id, each in reader.witnesses().items()
        ],
    }


def alarms(published: Path, reader: Reader, folder: Folder, now: datetime) -> list[str]:
    """What an operator must look at; empty where all is well."""
    return [*_unpublished(published, reader), *_uncosigned(reader, folder, now)]


def _unpublished(published: Path, reader: Reader) -> list[str]:
    committed, until = reader.log_size(), time.monotonic() + PATIENCE_SECONDS
    while (shown := Checkpoint.parse(note.parse(newest(published)).text).size) < committed:
        if time.monotonic() > until:
            return [
                f"{committed - shown} entries of the log are committed and not published: start 'serve'; if it runs, it "
                "refuses writes until they are: look at its log and at the disk of the published log"
            ]
        time.sleep(0.1)
    if committed < shown:
        return [
            f"{shown} entries of the log were published and the store holds {committed}: it is an old copy, or lost its "
            "last writes; stop 'serve' and run 'raakvlak-index repair'"
        ]
    return []


def _uncosigned(reader: Reader, folder: Folder, now: datetime) -> list[str]:
    if not folder.covenant.exists():
        return []
    try:
        pin = membership.parse_pin(folder.pin.read_text().strip())
        covenant = covenants.verify(folder.covenant.read_bytes(), pin, now)
    except RaakvlakError as error:
        return [error.message]
    late = index.uncosigned(covenant, {id: each.at for id, each in reader.witnesses().items()}, now)
    if late is None:
        return []
    return [
        f"for {int(late.total_seconds()) // 3600} hours fewer than {covenant.witness_threshold} witnesses have cosigned the "
        "log: nodes and officers trust nothing newer; call the witnesses"
    ]
