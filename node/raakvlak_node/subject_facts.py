"""What a subject-access report holds: facts about one person, in no language and no layout (GDPR art. 15).

`SubjectReport.record` is the form for machines, `subject_page` the one for people. Neither holds a number of a line, a
position in the log, a handle or a second of the day at which something left: by such a number one could count what is
not shown, or find the row in the public log.
"""

from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

FORMAT: Final = "raakvlak-subject/1"


class AskedBy(StrEnum):
    """Who asks for the report. A representative is a guardian, or somebody whom the person has authorised."""

    SUBJECT = "subject"
    PARENT = "parent"
    BOTH = "both"
    REPRESENTATIVE = "representative"


@dataclass(frozen=True, slots=True)
class Controller:
    """Who answers for it. `processor` is empty where the organisation runs the node itself; `kind` is the covenant's."""

    name: str
    kind: str
    controller: str
    processor: str


@dataclass(frozen=True, slots=True)
class Basis:
    """On what ground, as the covenant has it."""

    uri: str
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Involvement:
    """An own case in which the person stands, as what, since when, and with whom (a function, no name). `visibility` is
    `direct` where the involvement may be published, `none` where it stays at this organisation; on `until`, a first of
    the month, the case's term is over."""

    case_ref: str
    relation: str
    since: date
    function: str
    visibility: str
    until: date


@dataclass(frozen=True, slots=True)
class Publication:
    """A code for the person stands at the index. `since` is the day on which it was sent; on `until`, a first of the
    month, it goes at the latest. `proven` says whether it was seen to stand in the index's public log."""

    epoch: int
    since: date
    until: date
    visibility: str
    proven: bool


@dataclass(frozen=True, slots=True)
class Step:
    """Something done about a match, by which organisation."""

    day: date
    what: str
    by: str


@dataclass(frozen=True, slots=True, repr=False)
class Task:
    """Who does what by when."""

    who: str
    what: str
    by: date


@dataclass(frozen=True, slots=True)
class Signed:
    """Which organisation has signed, and when; None where it has not yet."""

    by: str
    day: date | None


@dataclass(frozen=True, slots=True, repr=False)
class Agreement:
    """What was agreed. `parents` and `youth` are `agrees` or `informed_only`. There are `tasks` only in a report on the
    client: they may tell of others in the family."""

    lead: str
    evaluate_on: date
    parents: str
    youth: str
    signatures: tuple[Signed, ...]
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Match:
    """Another organisation that is involved too. `ended` is None while it stands, `involved_since` and `function` (whom
    to call there) until it has told; `phase` and `steps` are left out where those agreements are not told."""

    case_ref: str
    other: str
    kind: str
    since: date
    ended: date | None
    involved_since: date | None
    function: str
    received: tuple[str, ...]
    phase: str
    steps: tuple[Step, ...]
    agreement: Agreement | None


@dataclass(frozen=True, slots=True)
class Letter:
    """A sealed letter that left about the person; `size` is in bytes, as it left."""

    day: date
    to: str
    size: int


@dataclass(frozen=True, slots=True)
class Look:
    """A line of the access log. `who` is empty unless the organisation chose to name its staff."""

    moment: datetime
    role: str
    who: str
    event: str
    kind: str
    case_ref: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Objection:
    """An objection, or a request to be erased (`kind`). `decision` is `upheld`, `rejected`, or empty while it waits."""

    kind: str
    received: date
    decide_by: date
    decided: date | None
    decision: str


@dataclass(frozen=True, slots=True, repr=False)
class Archived:
    """A case that has ended and is kept apart until a first of the month; what the person was in it."""

    case_ref: str
    relation: str
    ended: date
    until: date


@dataclass(frozen=True, slots=True, repr=False)
class SubjectReport:
    """Everything, at a moment. `backups_until` is the day on which what is erased today is in no backup either."""

    made: datetime
    number_ends_with: str
    asked_by: AskedBy
    controller: Controller
    index: Controller
    basis: Basis
    other_law: str
    retention_months: int
    involvements: tuple[Involvement, ...]
    publications: tuple[Publication, ...]
    matches: tuple[Match, ...]
    letters: tuple[Letter, ...]
    looks: tuple[Look, ...]
    objections: tuple[Objection, ...]
    archive: tuple[Archived, ...]
    backups_until: date

    def record(self) -> dict[str, Any]:
        """The report as JSON holds it: the names and order of these classes' fields; days and moments in ISO 8601, moments
        with their offset. Another layout gets another `format`."""
        found: dict[str, Any] = {"format": FORMAT} | _plain(self)
        # Beside what is there, and the same whatever is not.
        found["may_be_left_out"] = ["GDPR art. 23", "UAVG art. 41", "Wpg"]
        return found


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date):  # A moment is one too.
        return value.isoformat()
    return str(value) if isinstance(value, StrEnum) else value
