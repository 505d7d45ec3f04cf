"""For the privacy officer: how things stand, what has left this building, and what a person may be told about itself."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Response

from raakvlak_node import ledger
from raakvlak_node.access import AccessLog, Event, Result
from raakvlak_node.node import Node
from raakvlak_node.pages.door import At
from raakvlak_node.promises import Promises
from raakvlak_node.store import LedgerLine
from raakvlak_node.workdays import moment
from raakvlak_protocol.identity import Role as Party
from raakvlak_protocol.ledger import (
    Call,
    Evaluation,
    Head,
    Message,
    Posting,
    Publication,
    Withdrawal,
    parse_message,
)
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.term import month_of

routes: Final = APIRouter()

SCANNED: Final = 300
"""Lines of the ledger that a page opens at most."""
SHOWN: Final = 25
"""Rows on a page: lines of one kind that left together are one."""
LETTERS: Final = 5
LOOKED: Final = 100
"""Lines of the access log in which the overview looks for subject reports."""
_SERVICE: Final = "/raakvlak.v1."
MAX_LINE: Final = 10**15


@dataclass(frozen=True, slots=True, repr=False)
class Left:
    """Something that left, in lines `first` to `last` of the ledger: `count` things of `size` bytes together, 0 where that
    is not told. `at` is when the last of them left, None where the contents were destroyed; `since` when the first did."""

    first: int
    last: int
    at: datetime | None
    what: str
    to: str
    count: int
    size: int
    detail: str = ""
    since: datetime | None = None


# --- the overview -----------------------------------------------------------------------------------------------------------


@routes.get("/privacy")
def show(page: At) -> Response:
    """All that an officer keeps an eye on."""
    with page.node() as own:
        store, now = own.store, page.now
        cases, withheld = store.case_counts()
        waiting = own.standing().objections.all(pending=True)
        promises = Promises(store)
        lines = _head(own)
        log = AccessLog(store)
        head = log.head()
        after = max(0, head.number - LOOKED)
        looked = log.lines(after, LOOKED)
        page.note(own, Event.READ, "report")
        return page.html(
            "privacy.html",
            title=page.words("Privacy"),
            cases=cases,
            withheld=withheld,
            **store.published_counts(month_of(now)),
            ledger=lines,
            letters=_letters(page.words, own, lines.lines),
            waiting=waiting,
            today=own.today(now),
            late=[each for each in waiting if each.due < own.today(now)],
            next_due=min((each.due for each in waiting), default=None),
            reports=sum((each.kind, each.event, each.outcome) == ("person", Event.EXPORT, Result.DONE) for each in looked),
            looked=len(looked),
            looked_since=moment(looked[0].moment) if looked else None,
            head=head,
            alarms=[(each, moment(each.raised)) for each in promises.open_alarms()],
            unproven=promises.waiting()[0],
        )


def _head(own: Node) -> Head:
    return own.store.ledger_head() or Head.begin(own.covenant.id, own.member.id)


def _letters(words: Words, own: Node, last: int) -> list[Left]:
    """The letters that left last."""
    found = (_left(words, own, line, each) for line, each in _opened(own, last) if isinstance(each, Posting))
    return list(found)[:LETTERS]


# --- what left this building ------------------------------------------------------------------------------------------------


@routes.get("/privacy/ledger")
def show_ledger(page: At, before: int = 0) -> Response:
    """What left, the newest first, from before a line of the ledger."""
    with page.node() as own:
        head = _head(own)
        last = min(before - 1 if before > 0 else head.lines, head.lines)
        rows = _rows(page.words, own, last)
        page.note(own, Event.READ, "ledger")
    further = rows[-1].first if rows else 0
    return page.html(
        "privacy_ledger.html",
        title=page.words("What left this building"),
        rows=rows,
        head=head,
        first=before <= 0,
        before="/privacy/ledger" if before > 0 else "",
        after=f"/privacy/ledger?before={further}" if further > 1 else "",
    )


def _opened(own: Node, last: int) -> list[tuple[LedgerLine, Message | None]]:
    """The lines up to this one, the newest first, as many as a page opens; None for what was destroyed."""
    found = []
    for line in reversed(own.store.ledger_lines(max(1, last - SCANNED + 1), min(last, MAX_LINE))):
        raw = ledger.opened(own.store, line).message
        found.append((line, parse_message(raw) if raw else None))
    return found


def _rows(words: Words, own: Node, last: int) -> list[Left]:
    """What left in these lines; those of one request, and beside each other the same question or what was destroyed, are one
    row."""
    rows: list[Left] = []
    mark: object = None
    for line, message in _opened(own, last):
        own_mark = _mark(message)
        if rows and own_mark is not None and own_mark == mark:
            rows[-1] = _joined(rows[-1], _left(words, own, line, message))
            continue
        if len(rows) == SHOWN:
            break
        rows.append(_left(words, own, line, message))
        mark = own_mark
    return rows


def _mark(message: Message | None) -> object:
    """What lines that left together have in common; None for a line that stands alone."""
    match message:
        case Publication() | Withdrawal():
            return message.KIND, message.epoch, message.generation, message.sequence
        case Call():
            return message.role, message.id, message.path
        case None:
            return "destroyed"
    return None


def _joined(later: Left, earlier: Left) -> Left:
    """Both as one row."""
    count, size = later.count + earlier.count, later.size + earlier.size
    return replace(later, first=earlier.first, since=earlier.at, count=count, size=size)


def _left(words: Words, own: Node, line: LedgerLine, message: Message | None) -> Left:
    index = own.covenant.payload.index.name
    at = None if line.sent is None else moment(line.sent)
    one = (line.number, line.number, at)
    match message:
        case Publication(visibility=Visibility.DIRECT):
            return Left(*one, words("Involvement made known"), index, 1, 0, words("Codes, each for one person or address."))
        case Publication():
            detail = words("Codes of which only the coordinator hears.")
            return Left(*one, words("Involvement made known"), index, 1, 0, detail)
        case Withdrawal():
            return Left(*one, words("Involvement withdrawn"), index, 1, 0)
        case Posting():
            return Left(*one, words("Sealed letter"), _reader(own, message), 1, message.size, words("By the index."))
        case Evaluation():
            holder = _holder(own, message.key_holder)
            detail = words("To make codes of them, without being able to see whom they are about.")
            return Left(*one, words("Blinded numbers and addresses"), holder, message.count, 0, detail)
        case Call():
            return Left(
                *one, _asked(words, message), _party(words, own, message), 1, message.size, message.path.removeprefix(_SERVICE)
            )
    return Left(*one, words("Destroyed: what was said is gone, that something left is not"), "", 1, 0)


def _reader(own: Node, posting: Posting) -> str:
    found = None if posting.to else own.store.match(posting.match_id)
    member = posting.to or ("" if found is None else found.other)
    return own.name_of(member) if member else ""


def _holder(own: Node, id: str) -> str:
    return next((each.name for each in own.covenant.payload.key_holders if each.id == id), id)


def _party(words: Words, own: Node, call: Call) -> str:
    match call.role:
        case Party.INDEX:
            return own.covenant.payload.index.name
        case Party.KEYHOLDER:
            return _holder(own, call.id)
    return call.id


def _asked(words: Words, call: Call) -> str:
    """What a request without a person in it was for."""
    name = call.path.rpartition("/")[2]
    known = {
        "Open": words("Announced itself"),
        "Watch": words("Listened for news"),
        "Acknowledge": words("Said what it has received"),
        "Inventory": words("Asked which own codes stand there"),
        "Quota": words("Asked how much it may still send"),
        "Openings": words("Asked for proof of own codes"),
        "Replay": words("Asked for its own matches again"),
    }
    if call.path.startswith("GET "):
        return words("Read the public log")
    return known.get(name, words("Asked something"))
