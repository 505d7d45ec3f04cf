"""The one report that every command fills: what was checked, how, what was found, what this does not prove.

It holds no language and no layout: `plain` writes it for a terminal, `page` as HTML, `machine` as JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from raakvlak_audit.wording import Cell, Said
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.party import command


class Verdict(StrEnum):
    """Of one check, or of a whole report."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong, and there is something that a person should read, or something was not asked for."""
    UNKNOWN = "unknown"
    """Behind, unreachable, missing or empty: it can't be said, and may be right; try again."""
    WRONG = "wrong"
    """Somebody changed, hid or invented something, or broke a rule."""


_WEIGHT: Final = (Verdict.NOTE, Verdict.OK, Verdict.UNKNOWN, Verdict.WRONG)
_EXIT: Final[Mapping[Verdict, int]] = {
    Verdict.OK: command.DONE,
    Verdict.NOTE: command.DONE,
    Verdict.UNKNOWN: command.TRY_LATER,
    Verdict.WRONG: command.FAILED,
}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings. On a terminal only the first `brief` rows are shown; page and JSON hold all."""

    headings: tuple[Said, ...]
    rows: tuple[tuple[Cell, ...], ...]
    brief: int = 12
    title: Said | None = None

    def __post_init__(self) -> None:
        if any(len(row) != len(self.headings) for row in self.rows):
            raise ValueError("a row has another length than the headings")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked. `id` is its stable name for machines; `found` at least one sentence."""

    id: str
    name: Said
    how: Said
    verdict: Verdict
    found: tuple[Said, ...]
    tables: tuple[Table, ...] = ()

    def __post_init__(self) -> None:
        if not self.found:
            raise ValueError(f"check {self.id} says nothing")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number worth a line of its own, and what it means."""

    id: str
    name: Said
    value: Cell
    meaning: Said | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What the report is about. `details` are further (name, value) lines: which file, which log, which member."""

    covenant: str = ""
    version: int = 0
    hash: bytes = b""
    details: tuple[tuple[Said, Cell], ...] = ()

    @classmethod
    def of(cls, covenant: Covenant, *details: tuple[Said, Cell]) -> Self:
        """A report that was made under a covenant."""
        return cls(covenant.id, covenant.version, covenant.hash, details)


@dataclass(frozen=True, slots=True)
class Report:
    """What a command found, at a moment."""

    command: str
    title: Said
    subject: Subject
    made: datetime
    checks: tuple[Check, ...]
    does_not_prove: tuple[Said, ...]
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()

    def __post_init__(self) -> None:
        if not self.checks or not self.does_not_prove:
            raise ValueError("a report without a check or without its limits would say more than it knows")
        if len({check.id for check in self.checks}) != len(self.checks):
            raise ValueError("two checks have one name")

    @property
    def verdict(self) -> Verdict:
        """The heaviest of its checks; OK only when every check is OK or a note."""
        heaviest = max((check.verdict for check in self.checks), key=_WEIGHT.index)
        return Verdict.OK if heaviest is Verdict.NOTE else heaviest

    @property
    def exit_code(self) -> int:
        """0 all is well · 75 it can't be said now · 1 something is wrong."""
        return _EXIT[self.verdict]

    def count(self, verdict: Verdict) -> int:
        return sum(check.verdict is verdict for check in self.checks)
