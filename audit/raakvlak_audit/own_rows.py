"""A member's rows against the log as far as the officer trusts it. Reads tiles; all else is judged here.

A row stands when what the member was given opens the leaf at its position, and no later leaf removes it. Where one was
removed after the member saw the log last, it may have gone after the account was made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from raakvlak_audit.positions import Positions
from raakvlak_protocol import entry
from raakvlak_protocol.account import Row
from raakvlak_protocol.entry import Kind
from raakvlak_protocol.tile import TILE_WIDTH, TiledLog, verified_entries


@dataclass(slots=True)
class Placed:
    """How the rows stand in the log, each in one of these."""

    standing: int = 0
    beyond: int = 0
    """Further than what the officer trusts."""
    not_opened: list[Row] = field(default_factory=list)
    doubled: list[Row] = field(default_factory=list)
    """At the position of another row."""
    removed: list[Row] = field(default_factory=list)
    removed_since: int = 0


def place(rows: Sequence[Row], member: str, log: TiledLog, root: bytes, positions: Positions, seen: int, size: int) -> Placed:
    """`log` and `root` are at the officer's trusted checkpoint, `positions` has read at least as far; the member had seen
    `seen` entries. Rows without an opening are left out. Raises what reading the log raises."""
    found = Placed()
    opened = [(each.opening.position, each) for each in rows if each.opening is not None]
    taken: set[int] = set()
    within = []
    for position, row in sorted(opened, key=lambda each: each[0]):
        if position in taken:
            found.doubled.append(row)
        elif position >= size:
            found.beyond += 1
        else:
            within.append((position, row))
        taken.add(position)
    gone = []
    for number, group in groupby(within, key=lambda each: each[0] // TILE_WIDTH):
        together = list(group)
        first = number * TILE_WIDTH
        entries = list(verified_entries(log, first, min(first + TILE_WIDTH, size), root))
        for position, row in together:
            if row.opening is None or row.opening.leaf(member, row.epoch) != entries[position - first]:
                found.not_opened.append(row)
            elif positions.is_live(position):
                found.standing += 1
            else:
                gone.append(row)
    _judge_gone(gone, found, log, root, seen, size)
    return found


def _judge_gone(gone: Sequence[Row], found: Placed, log: TiledLog, root: bytes, seen: int, size: int) -> None:
    """What was removed beyond `size` is known of from the officer's own reading, and is as recent."""
    early = _removed(verified_entries(log, 0, min(seen, size), root)) if gone else set()
    for row in gone:
        if row.opening is not None and row.opening.position in early:
            found.removed.append(row)
        else:
            found.removed_since += 1


def _removed(entries: Iterable[bytes]) -> set[int]:
    """The positions that these entries remove."""
    return {each.number for raw in entries if (each := entry.parse(raw)).kind is Kind.REMOVED}
