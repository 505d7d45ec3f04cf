"""Logs for an officer to look at: published by the index's own code, from leaves that a test chooses."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import cast

from raakvlak_audit.follow import Bundles, Look, Looked, save
from raakvlak_audit.follow_checks import Other
from raakvlak_audit.officer import Officer, Settings
from raakvlak_audit.report import Check, Verdict
from raakvlak_audit.source import LogFolder, Source
from raakvlak_index.log import PublishedLog
from raakvlak_index.store import Reader
from raakvlak_protocol import checkpoint as checkpoints
from raakvlak_protocol import entry, tile
from raakvlak_protocol.party import sealed
from raakvlak_protocol.secret import SecretBytes
from tests.covenants import NOW, Sandbox


class Committed:
    """What a store has committed, as far as publishing asks."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves

    def leaves(self, first: int, limit: int) -> Sequence[bytes]:
        return self._leaves[first : first + limit]


def publication(number: int, history: str = "one") -> bytes:
    """A leaf of its own for each number and history."""
    return entry.published(hashlib.sha256(history.encode()).digest(), number.to_bytes(8, "big"))


def leaves(sandbox: Sandbox, count: int, history: str = "one") -> list[bytes]:
    """`count` leaves as an index writes them: its covenant and epoch, publications, every tenth a removal of an early one."""
    made, live = [entry.covenant(sandbox.covenant.version, sandbox.covenant.hash), entry.epoch(1, bytes(32))], list[int]()
    for place in range(2, count):
        if place % 10 == 0 and live:
            made.append(entry.removed(live.pop(0)))
        else:
            live.append(place)
            made.append(publication(place, history))
    return made[:count]


def publish(folder: Path, sandbox: Sandbox, entries: Sequence[bytes]) -> Path:
    """The folder of a published log with these entries; one that is there grows to them."""
    origin, seed = sandbox.index.dns_name, sandbox.log_seed
    if not (folder / "checkpoint").exists():
        PublishedLog.create(folder, origin, seed)
    log = PublishedLog(folder, origin, seed)
    while log.extend(cast(Reader, Committed(entries))):
        pass
    return folder


def cosigned_by(folder: Path, sandbox: Sandbox, witness: str, *, hours_ago: float = 0) -> None:
    """Lets a witness cosign the newest checkpoint in a log's folder."""
    name, seed = sandbox.covenant.witnesses[witness].key.name, sandbox.witness_seeds[witness]
    raw = (folder / "checkpoint").read_bytes()
    (folder / f"checkpoint.{witness}").write_bytes(checkpoints.cosign(raw, name, seed, NOW - timedelta(hours=hours_ago)))


def officer(path: Path, sandbox: Sandbox, *, trusted: bytes | None = None, witness: str = "", log: str = "") -> Officer:
    """An officer's folder, of a witness where one is named."""
    made, key_file = Officer(path), None
    if witness:
        path.mkdir()
        key_file = path / "witness.key"
        made.new_witness_seed(sandbox.payload.id, witness, key_file, lambda count: sandbox.witness_seeds[witness].reveal())
    made.create(Settings(sandbox.payload.id, log, witness, key_file), sandbox.file, sandbox.pin, trusted)
    return made


@contextmanager
def no_bar(bundles: Bundles, count: int) -> Iterator[Bundles]:
    yield bundles


def look(
    at: Officer, sandbox: Sandbox, log: Path | Source, *others: Path, known: Sequence[bytes] = (), hours_later: float = 0
) -> Looked:
    """A look that remembers what it read, and is not saved."""
    source = LogFolder(log) if isinstance(log, Path) else log
    now = NOW + timedelta(hours=hours_later)
    given = [Other(each.name, each.read_bytes()) for each in others]
    return Look(at, sandbox.covenant, source, now, no_bar, given, known)()


def followed(at: Officer, sandbox: Sandbox, log: Path | Source) -> Looked:
    """A look that is saved."""
    looked = look(at, sandbox, log)
    save(at, sandbox.covenant, looked, NOW)
    return looked


def verdicts(looked: Looked) -> dict[str, Verdict]:
    return {each.id: each.verdict for each in looked.checks}


def check(looked: Looked, id: str) -> Check:
    return next(each for each in looked.checks if each.id == id)


def said(looked: Looked, id: str) -> str:
    """What a check says, in English; the Dutch is written too, so that it is seen to work."""
    found = check(looked, id).found
    assert all(each.text("nl") for each in found)
    return " ".join(each.text("en") for each in found)


def copied(folder: Path, to: Path, size: int) -> Path:
    """The log as a mirror keeps it: every tile a file at its path."""
    source = LogFolder(folder)
    (to / "tile").mkdir(parents=True)
    (to / "checkpoint").write_bytes(source.fetch("checkpoint"))
    for level in (None, *range(tile.MAX_LEVEL)):
        number = 0
        while width := tile.width_at(size, level or 0, number):
            path = str(tile.TilePath(level, number, width))
            (to / path).parent.mkdir(parents=True, exist_ok=True)
            (to / path).write_bytes(source.fetch(path))
            number += 1
    return to


def sealed_note(path: Path, raw: bytes) -> Path:
    """A note in a file, as one party hands it to another."""
    sealed.replace(path, raw)
    return path


def forged(seed: SecretBytes, origin: str, size: int, root: bytes) -> bytes:
    """A checkpoint over any root, signed by any key."""
    return checkpoints.sign(checkpoints.Checkpoint(origin, size, root), seed)
