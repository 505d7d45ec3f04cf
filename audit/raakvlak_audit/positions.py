"""What an officer remembers of every position of the log: was an involvement published there, and does it stand.

Two bits per position, and a few counts, in one file beside the checkpoint. They spare reading the whole log each time, and
carry on a long reading that was broken off. The file is tied to the signed checkpoint under which its positions were
verified; it is believed only where that checkpoint is a beginning of the log as it is now. Lost, it is made again by
reading from position 0.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from raakvlak_audit.sentences import follow as words
from raakvlak_audit.wording import Said
from raakvlak_protocol import entry
from raakvlak_protocol.entry import Kind
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.party import sealed

_MAGIC: Final = b"raakvlak-positions/1 "
_HEX: Final = 64
_PUBLISHED: Final = (Kind.PUBLISHED, 33)


class Broken(Evidence):
    """The log breaks a rule at a place that `said` names; `rule` is the id of the check that this fails."""

    def __init__(self, rule: str, said: Said) -> None:
        super().__init__(said.text("en"))
        self.rule = rule
        self.said = said


@dataclass(frozen=True, slots=True)
class Before:
    """The end of the last reading that was whole: when, how far, and how many of each kind."""

    at: datetime
    size: int
    counts: dict[Kind, int]


@dataclass(slots=True)
class Positions:
    """What positions 0 up to `read` hold. Memory: a quarter byte per position.

    `note` is the checkpoint under which they were verified, empty at first. `covenants` are the (version, hash) and
    `epochs` the (number, check) that the log named, in order. `uncovered_since` is when the officer first saw entries that
    too few witnesses had seen.
    """

    read: int = 0
    note: bytes = b""
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    covenants: list[tuple[int, bytes]] = field(default_factory=list)
    epochs: list[tuple[int, bytes]] = field(default_factory=list)
    before: Before | None = None
    uncovered_since: datetime | None = None
    _published: bytearray = field(default_factory=bytearray, repr=False)
    _live: bytearray = field(default_factory=bytearray, repr=False)

    @property
    def live(self) -> int:
        """How many involvements stand."""
        return self.counts[Kind.PUBLISHED] - self.counts[Kind.REMOVED]

    def is_live(self, position: int) -> bool:
        """Whether an involvement was published at this position and stands."""
        return _bit(self._live, position)

    def live_positions(self) -> Iterator[int]:
        """Every position at which an involvement stands, in order."""
        for place, byte in enumerate(self._live):
            if byte:
                yield from (place * 8 + bit for bit in range(8) if byte >> bit & 1)

    def take(self, raw: bytes) -> None:
        """The entry at position `read`; raises Broken where it breaks a rule, and then was not taken."""
        position = self.read
        if (raw[0], len(raw)) == _PUBLISHED:  # nearly all of them: no object is made
            self._grow(position)
            _set(self._published, position)
            _set(self._live, position)
            self.counts[Kind.PUBLISHED] += 1
            self.read += 1
            return
        try:
            found = entry.parse(raw)
        except Malformed:
            raise Broken("entries", words.ENTRY_UNKNOWN(position=position)) from None
        if found.kind is Kind.REMOVED:
            self._remove(position, found.number)
        elif found.kind is Kind.COVENANT:
            self.covenants.append((found.number, found.hash))
        elif found.kind is Kind.EPOCH:
            self.epochs.append((found.number, found.hash))
        self._grow(position)
        self.counts[found.kind] += 1
        self.read += 1

    def _remove(self, position: int, published: int) -> None:
        if published >= position:
            raise Broken("removals", words.REMOVAL_AHEAD(position=position, published=published))
        if not _bit(self._published, published):
            raise Broken("removals", words.REMOVAL_OF_NONE(position=position, published=published))
        if not _bit(self._live, published):
            raise Broken("removals", words.REMOVAL_TWICE(position=position, published=published))
        self._live[published >> 3] &= ~(1 << (published & 7)) & 0xFF

    def _grow(self, position: int) -> None:
        if position >> 3 >= len(self._live):
            self._live.append(0)
            self._published.append(0)

    def finish(self, at: datetime) -> None:
        """Remembers that a reading was whole."""
        self.before = Before(at, self.read, dict(self.counts))

    # --- the file -----------------------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Puts the file in the place of the last one, durably and whole."""
        head = {
            "read": self.read,
            "note": base64.b64encode(self.note).decode(),
            "counts": _counts(self.counts),
            "covenants": [[number, hash.hex()] for number, hash in self.covenants],
            "epochs": [[number, hash.hex()] for number, hash in self.epochs],
            "before": self.before and [self.before.at.isoformat(), self.before.size, _counts(self.before.counts)],
            "uncovered_since": self.uncovered_since and self.uncovered_since.isoformat(),
        }
        content = json.dumps(head).encode() + b"\n" + self._published + self._live
        sealed.replace(path, _MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """What was saved; None where there is no such file, or it is not as it was written."""
        try:
            magic, content = (raw := path.read_bytes())[: len(_MAGIC) + _HEX + 1], raw[len(_MAGIC) + _HEX + 1 :]
        except FileNotFoundError:
            return None
        if magic != _MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n":
            return None
        line, _, bits = content.partition(b"\n")
        try:
            return cls._read(json.loads(line), bits)
        except (ValueError, KeyError, TypeError, binascii.Error):
            return None

    @classmethod
    def _read(cls, head: Any, bits: bytes) -> Self | None:
        length = (head["read"] + 7) // 8
        if len(bits) != 2 * length:
            return None
        before = head["before"]
        return cls(
            read=head["read"],
            note=base64.b64decode(head["note"]),
            counts=_kinds(head["counts"]),
            covenants=[(number, bytes.fromhex(hash)) for number, hash in head["covenants"]],
            epochs=[(number, bytes.fromhex(hash)) for number, hash in head["epochs"]],
            before=before and Before(datetime.fromisoformat(before[0]), before[1], _kinds(before[2])),
            uncovered_since=head["uncovered_since"] and datetime.fromisoformat(head["uncovered_since"]),
            _published=bytearray(bits[:length]),
            _live=bytearray(bits[length:]),
        )


def _counts(counts: dict[Kind, int]) -> dict[str, int]:
    return {kind.name: count for kind, count in counts.items()}


def _kinds(counts: dict[str, int]) -> dict[Kind, int]:
    return {kind: int(counts[kind.name]) for kind in Kind}


def _bit(bits: bytearray, position: int) -> bool:
    return position >> 3 < len(bits) and bool(bits[position >> 3] >> (position & 7) & 1)


def _set(bits: bytearray, position: int) -> None:
    bits[position >> 3] |= 1 << (position & 7)
