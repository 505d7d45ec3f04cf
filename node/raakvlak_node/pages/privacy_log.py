"""The access log on pages: who saw and did what, the newest first, and the file by which others verify it.

The log may have millions of lines, all of them sealed. By number, by case and by day the database finds where to read; what
is asked besides is looked for in so many lines a page, and the page says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, get_args

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from raakvlak_node.access import AccessLog, Event, Kind, Line, Result
from raakvlak_node.node import Node
from raakvlak_node.pages.door import At, Filled, House
from raakvlak_node.pages.forms import Form
from raakvlak_node.workdays import ZONE, moment
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.text import MAX_REFERENCE_CHARACTERS, MAX_TEXT_CHARACTERS

routes: Final = APIRouter()

SHOWN: Final = 25
SCANNED: Final = 300
"""Lines that a page opens at most."""
MARGIN_SECONDS: Final = 3_600
"""By so much a clock may have been set back without a line being missed by its day."""
MAX_NUMBER: Final = 10**15


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """What is looked for. Days are in the Netherlands, both included; None or empty: all."""

    who: str = ""
    case: str = ""
    event: str = ""
    kind: str = ""
    refused: bool = False
    first: date | None = None
    last: date | None = None

    @property
    def scans(self) -> bool:
        """Whether lines must be opened to see whether they are wanted."""
        return bool(self.who or self.event or self.kind or self.refused)

    @property
    def begins(self) -> int:
        """The first second; 0 for none."""
        return 0 if self.first is None else _second(self.first)

    @property
    def ends(self) -> int:
        """The first second that is too late."""
        return 2**62 if self.last is None else _second(self.last + timedelta(days=1))

    def takes(self, line: Line) -> bool:
        """Whether a line about the wanted case is wanted."""
        names = f"{line.actor.id}\n{line.actor.on_behalf_of}".casefold()
        return (
            self.begins <= line.moment < self.ends
            and self.who.casefold() in names
            and self.event in {"", line.event}
            and self.kind in {"", line.kind}
            and (not self.refused or line.outcome is Result.REFUSED)
        )


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """The lines of a page, and up to which number all was looked through; 0 when there is no more."""

    lines: list[Line]
    further: int
    opened: int


@routes.get("/privacy/log")
def show(
    page: At,
    who: str = "",
    case: str = "",
    event: str = "",
    kind: str = "",
    refused: str = "",
    first: str = "",
    last: str = "",
    before: int = 0,
) -> Response:
    """The lines from before a number, as they are asked for."""
    words = page.words
    given = {"who": who, "case": case, "event": event, "kind": kind, "refused": refused, "first": first, "last": last}
    form = Form.of(words, **given)
    wanted = _wanted(form, words)
    with page.node() as own:
        log = AccessLog(own.store, own.random)
        head = log.head()
        found = Found([], 0, 0)
        if form.ok:
            top = min(before if before > 0 else head.number + 1, head.number + 1)
            found = search(own, log, wanted, top)
            page.note(own, Event.READ, "log", wanted.case if _known(own, wanted.case) else "")
    return page.html(
        "privacy_log.html",
        200 if form.ok else 422,
        title=words("Access log"),
        form=form,
        filtered=any(form.value(each) for each in given),
        found=found,
        rows=[(each, moment(each.moment), _said(words, each)) for each in found.lines],
        events=[("", words("everything")), *((str(each), event_name(each, words)) for each in Event)],
        kinds=[("", words("everything")), *((each, kind_name(each, words)) for each in get_args(Kind))],
        role_name=lambda role: role_name(role, words),
        via_name=lambda via: via_name(via, words),
        kept=given,
        newest=before <= 0,
        head=head,
    )


@routes.post("/privacy/log/export")
def export(page: At, form: Filled) -> Response:
    """The whole log as a file that others can verify; that it was taken is its last line."""
    with page.node() as own:
        page.note(own, Event.EXPORT, "log")
    name = f"access-log-{page.house.member}-{page.now:%Y%m%d}.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_exported(page.house), media_type="application/jsonl", headers=headers)


def _exported(house: House) -> Iterator[bytes]:
    with house.own_node() as own:
        yield from AccessLog(own.store).export()


# --- looking ----------------------------------------------------------------------------------------------------------------


def _wanted(form: Form, words: Words) -> Wanted:
    first, last = form.day("first"), form.day("last")
    if first and last and last < first:
        form.reject("last", words("Choose a day that is not before the first one."))
    return Wanted(
        form.text("who", MAX_TEXT_CHARACTERS),
        form.text("case", MAX_REFERENCE_CHARACTERS),
        form.one_of("event", map(str, Event), required=False),
        form.one_of("kind", get_args(Kind), required=False),
        form.flag("refused"),
        first,
        last,
    )


def search(own: Node, log: AccessLog, wanted: Wanted, before: int) -> Found:
    """The wanted lines below a number, the newest first, in no more than SCANNED lines."""
    before = min(before, MAX_NUMBER)
    if wanted.last is not None:
        before = min(before, _first_from(own, wanted.ends + MARGIN_SECONDS, before))
    lowest = _first_from(own, wanted.begins - MARGIN_SECONDS, before) if wanted.first is not None else 1
    lines: list[Line] = []
    opened = 0
    for line in _downwards(own, log, wanted.case, before, lowest):
        if opened == SCANNED or len(lines) == SHOWN:
            return Found(lines, line.number + 1, opened)
        opened += 1
        if wanted.takes(line):
            lines.append(line)
    return Found(lines, 0, opened)


def _known(own: Node, case: str) -> bool:
    """Whether a line is about this case. What is no reference of ours may be anything, and does not get into the log."""
    sql = "SELECT 1 FROM access_log WHERE own_case = ? LIMIT 1"
    return bool(case) and own.store.database.execute(sql, (own.store.case_handle(case),)).fetchone() is not None


def _downwards(own: Node, log: AccessLog, case: str, before: int, lowest: int) -> Iterator[Line]:
    """The lines from below one number down to another, of one case alone where it is named."""
    if case:
        sql = "SELECT number FROM access_log WHERE own_case = ? AND number < ? AND number >= ? ORDER BY number DESC LIMIT ?"
        values = (own.store.case_handle(case), before, lowest, SCANNED + 1)
        for (number,) in own.store.database.execute(sql, values).fetchall():
            yield from log.lines(number - 1, 1)
        return
    while before > lowest:
        after = max(lowest - 1, before - 1 - SHOWN)
        found = log.lines(after, before - 1 - after)
        if not found:
            return  # Lines before these were forgotten: they were too old.
        yield from reversed(found)
        before = found[0].number


def _first_from(own: Node, second: int, below: int) -> int:
    """The number of the first line that is no older than a second, or `below`: found by halving, because lines follow each
    other in time and no number lacks."""
    least = own.store.database.execute("SELECT min(number) FROM access_log").fetchone()[0] or 1
    most = below
    while least < most:
        middle = (least + most) // 2
        row = own.store.database.execute("SELECT moment FROM access_log WHERE number = ?", (middle,)).fetchone()
        if row is not None and row[0] < second:
            least = middle + 1
        else:
            most = middle
    return least


def _second(day: date) -> int:
    return int(datetime.combine(day, time.min, ZONE).timestamp())


# --- words ------------------------------------------------------------------------------------------------------------------


def _said(words: Words, line: Line) -> str:
    """What was done to what."""
    return f"{event_name(line.event, words)}: {kind_name(line.kind, words)}"


def event_name(event: Event, words: Words) -> str:
    return {
        Event.CREATE: words("made"),
        Event.READ: words("looked at"),
        Event.UPDATE: words("changed"),
        Event.DELETE: words("ended or erased"),
        Event.SEARCH: words("listed or searched"),
        Event.IMPORT: words("imported"),
        Event.EXPORT: words("taken out"),
        Event.RELEASE: words("released"),
        Event.WITHHOLD: words("release taken back"),
        Event.SIGN_IN: words("signed in"),
        Event.SIGN_OUT: words("signed out"),
    }[event]


def kind_name(kind: Kind, words: Words) -> str:
    return {
        "case": words("case"),
        "match": words("match"),
        "picture": words("client picture"),
        "follow-up": words("follow-up"),
        "agreement": words("agreement"),
        "person": words("a person's data"),
        "report": words("report"),
        "log": words("access log"),
        "ledger": words("ledger"),
        "backup": words("backup"),
        "node": words("this system"),
        "account": words("account"),
    }[kind]


def role_name(role: str, words: Words) -> str:
    """A role as a line has it; as it stands where it is none of these."""
    return {
        "case-worker": words("case worker"),
        "team-lead": words("team lead"),
        "administrator": words("administrator"),
        "coordinator": words("coordinator"),
        "privacy-officer": words("privacy officer"),
        "system": words("case system"),
        "node": words("this system"),
        "visitor": words("not signed in"),
    }.get(role, role)


def via_name(via: str, words: Words) -> str:
    """By which door somebody came."""
    return {
        "command": words("by command"),
        "rest": words("by the case system"),
        "page": words("on these pages"),
        "node": words("by itself"),
    }.get(via, via)
