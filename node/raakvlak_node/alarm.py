"""Alarms: the index or its log broke its word. Publishing stops until a person has looked and said so; withdrawing and
letters go on, because erasure must never depend on the honesty of the log.

The evidence lies as a file in the node's folder before the alarm stands in the store. If we were to crash in between,
the next walk finds the same again and writes another file; the first one harms nobody.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from raakvlak_node.promises import Alarm, Promises
from raakvlak_protocol import evidence
from raakvlak_protocol.errors import RaakvlakError, Refused
from raakvlak_protocol.evidence import Document
from raakvlak_protocol.party import sealed

FOLDER: Final = "evidence"
NOT_WRITTEN: Final = ""
"""The file of an alarm whose evidence could not be written."""

Log = Callable[..., None]


class Alarms:
    """The alarms of one node; `folder` is the node's."""

    def __init__(self, promises: Promises, folder: Path, log: Log) -> None:
        self._promises = promises
        self._folder = folder / FOLDER
        self._log = log

    def ring(self, message: str, document: Document, now: datetime) -> None:
        """Keeps the evidence, durably, and stops publishing. Of one kind there is one open alarm at a time.

        May stand in its caller's transaction: then it is kept with what that one stores, or not at all.
        """
        if any(each.kind == document.kind for each in self._promises.open_alarms()):
            return
        try:
            file = self._written(document, now)
        except (RaakvlakError, OSError):
            # A full disk must not silence the alarm itself.
            file = NOT_WRITTEN
        self._promises.add_alarm(document.kind, message, file, int(now.timestamp()))
        self._log("alarm", kind=document.kind, reason=message, file=file)

    def open(self) -> list[Alarm]:
        return self._promises.open_alarms()

    def all(self) -> list[Alarm]:
        return self._promises.alarms()

    def path(self, alarm: Alarm) -> Path | None:
        """Where its evidence lies."""
        return self._folder / alarm.file if alarm.file else None

    def end(self, because: str, now: datetime) -> list[Alarm]:
        """A person has looked: publishing goes on, and every row is proven anew. Returns what was ended; raises Refused
        where nothing is open, or no reason is given."""
        ended = self.open()
        if not ended:
            raise Refused("there is no alarm: publishing has not stopped")
        if not because.strip() or not because.isprintable():
            raise Refused("say in one printable line why publishing may go on: it is kept for who looks later")
        self._promises.end_alarms(because.strip(), int(now.timestamp()))
        return ended

    def _written(self, document: Document, now: datetime) -> str:
        self._make_folder()
        stem = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{document.kind.replace('_', '-')}"
        name, again = f"{stem}.json", 1
        while (self._folder / name).exists():
            again += 1
            name = f"{stem}-{again}.json"
        sealed.replace(self._folder / name, evidence.encode(document))
        return name

    def _make_folder(self) -> None:
        if self._folder.exists():
            return
        self._folder.mkdir(mode=0o700)
        handle = os.open(self._folder.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
