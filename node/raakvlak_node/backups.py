"""Backups of a node's store: a consistent copy while everybody works, by `raakvlak-node backup` or from a page.

The copy is sealed as the store is, and opens only with this node's secrets; these lie in no backup. It grows under another
name and gets its own when it is whole and durable: whatever has the name of a backup can be restored.
"""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from raakvlak_node.access import AccessLog, Actor, Event
from raakvlak_node.node import Node
from raakvlak_node.store import Store
from raakvlak_protocol.errors import RaakvlakError, Refused

FOLDER: Final = "backups"
LAST: Final = "backup"
"""The remark that says when the last backup was made, and where."""
SPARE_BYTES: Final = 64 * 1024 * 1024
"""What must stay free on a disk: the node itself may work on the same one."""
KEPT_DAYS: Final = 30
"""After so long a copy is to be destroyed: what was erased meanwhile still lies in it."""
_NAME: Final = re.compile(r"store-[0-9]{8}T[0-9]{6}Z\.db")
_PART: Final = ".part"


@dataclass(frozen=True, slots=True)
class Last:
    """The last backup that was made: when, and under which path."""

    made: datetime
    path: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A backup that lies in the folder of backups."""

    name: str
    made: datetime
    size: int


def folder(node: Node) -> Path:
    """Where the pages put backups."""
    named = node.settings.backup
    return node.folder.path / FOLDER if named is None else named.folder


def last(store: Store) -> Last | None:
    """What is known of the last backup; None where none was made, also in a store that was put back from one."""
    kept = store.remark(LAST)
    if not kept:
        return None
    record = json.loads(kept)
    return Last(datetime.fromtimestamp(record["made"], UTC), record["path"])


def copies(place: Path) -> list[Copy]:
    """The backups in a folder, newest first; none where it can't be read."""
    try:
        found = [(each.name, each.stat()) for each in place.iterdir() if _NAME.fullmatch(each.name) and each.is_file()]
    except OSError:
        return []
    return sorted(
        (Copy(name, datetime.fromtimestamp(about.st_mtime, UTC), about.st_size) for name, about in found),
        key=lambda each: each.name,
        reverse=True,
    )


def name_at(now: datetime) -> str:
    """Of a backup that is made at this moment."""
    return f"store-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.db"


def make(node: Node, file: Path, actor: Actor) -> None:
    """Copies the store to `file`, for its owner alone; it is durable when this returns. The access log says so before
    anything is copied. Raises Refused, and leaves nothing behind, where the file is there already or can't be written."""
    part = file.with_name(file.name + _PART)
    if file.exists():
        raise Refused(f"{file} exists already: choose another name")
    _demand_room(node.store, file.parent)
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise Refused(f"{part} exists already: another backup is being made there, or was broken off; then delete it") from None
    except OSError as error:
        raise _cant_write(file.parent, error) from None
    try:
        with node.store.transaction():
            AccessLog(node.store, node.random).write(actor, Event.EXPORT, node.clock(), kind="backup")
        node.store.backup(part)
        _keep(part, file)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise Refused(f"the backup could not be written: {_reason(error)}") from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    made = int(node.clock().timestamp())
    node.store.set_remark(LAST, json.dumps({"made": made, "path": str(file.absolute())}))


def _keep(part: Path, file: Path) -> None:
    """Gives the copy its name, durably."""
    with part.open("rb+") as written:
        os.fsync(written.fileno())
    if file.exists():
        raise Refused(f"{file} exists already: choose another name")
    part.rename(file)
    handle = os.open(file.parent, os.O_RDONLY)
    try:
        # Disks of other machines know no such thing.
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: OSError | sqlite3.Error) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def _demand_room(store: Store, place: Path) -> None:
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise _cant_write(place, error) from None
    needed = store.path.stat().st_size + SPARE_BYTES
    if free < needed:
        missing = -((free - needed) // 1_000_000)
        raise Refused(f"the disk of {place} has too little room: {missing} MB more are needed")


class Runner:
    """Makes backups for a page, one at a time, in a thread with a store of its own. One for each program."""

    def __init__(self, own_node: Callable[[], AbstractContextManager[Node]], failed: Callable[[Exception, str], None]) -> None:
        """`failed` is told of an error that is none of ours."""
        self._own_node = own_node
        self._failed = failed
        self._lock = threading.Lock()
        self._part: Path | None = None
        self._total = 0
        self.failure = ""
        """Why the last one failed; empty where it did not."""

    @property
    def at_work(self) -> bool:
        return self._part is not None

    def done(self) -> tuple[int, int]:
        """(bytes that lie there, bytes of the store), roughly; zeros where nothing is at work."""
        part, total = self._part, self._total
        if part is None:
            return 0, 0
        try:
            return min(part.stat().st_size, total), total
        except OSError:
            return 0, total

    def start(self, own: Node, actor: Actor) -> None:
        """Begins a backup. Raises Refused while another one is made, and where it can't be begun."""
        place = folder(own)
        file = place / name_at(own.clock())
        with self._lock:
            if self._part is not None:
                raise Refused("a backup is being made already: wait until it is done")
            self._part, self._total, self.failure = file.with_name(file.name + _PART), own.store.path.stat().st_size, ""
        try:
            _prepare(place)
            threading.Thread(target=self._work, args=(file, actor), name="backup", daemon=True).start()
        except BaseException:
            self._part = None
            raise

    def wait(self, seconds: float) -> bool:
        """Waits at most so long until nothing is at work; whether that is so."""
        ends = time.monotonic() + seconds
        while self.at_work and time.monotonic() < ends:
            time.sleep(0.01)
        return not self.at_work

    def _work(self, file: Path, actor: Actor) -> None:
        try:
            with self._own_node() as own:
                make(own, file, actor)
        except RaakvlakError as error:
            self.failure = error.message
        except Exception as error:
            self._failed(error, "making a backup")
            self.failure = f"the backup could not be written: {type(error).__name__}"
        finally:
            self._part = None


def _prepare(place: Path) -> None:
    """The folder, for its owner alone, without what a program that was stopped has left of a backup."""
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        for each in place.iterdir():
            if each.name.endswith(_PART) and _NAME.fullmatch(each.name.removesuffix(_PART)):
                each.unlink()
    except OSError as error:
        raise _cant_write(place, error) from None


def _cant_write(place: Path, error: OSError) -> Refused:
    reason = (error.strerror or type(error).__name__).lower()
    return Refused(f"can't write to {place}: {reason}")
