"""How the follow-up goes, in numbers: plots, the same as a table, and as a file for a spreadsheet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from fastapi import APIRouter, Response

from raakvlak_node.node import Node
from raakvlak_node.outcome import Milestone, Outcome, Row, as_csv, month_of, parse_month
from raakvlak_node.pages import plots
from raakvlak_node.pages.door import At
from raakvlak_node.pages.drawing_words import kind_name, match_name
from raakvlak_node.pages.forms import Form
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.party.look.words import Words

routes: Final = APIRouter()

SHOWN_MONTHS: Final = 12
"""Of which the page tells where no months are chosen."""
MAX_MONTHS: Final = 120


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table: what it counts, and how many came how far."""

    label: str
    detail: str
    counts: Mapping[Milestone, int]


@dataclass(frozen=True, slots=True)
class Span:
    """The months that are told of, both included."""

    first: str
    last: str


@routes.get("/outcome")
def show(page: At, first: str = "", last: str = "") -> Response:
    """Per month in which matches began, how many came how far."""
    words = page.words
    with page.node() as own:
        months = _months(own, month_of(int(page.now.timestamp())))
        form = Form.of(words, first=first or months[-SHOWN_MONTHS:][0], last=last or months[-1])
        first, last = form.one_of("first", months), form.one_of("last", months)
        if form.ok and first > last:
            form.reject("last", words("Choose a month that is not before the first one."))
        rows = Outcome(own.store).table(first, last) if form.ok else []
    return page.html(
        "outcome.html",
        200 if form.ok else 422,
        title=words("Outcome"),
        form=form,
        months=[(each, words.month(_day(each))) for each in reversed(months)],
        span=Span(first, last),
        rows=rows,
        funnel=plots.funnel(rows, words) if rows else None,
        monthly=plots.monthly(rows, words) if rows else [],
        names={str(each): plots.milestone_name(each, words) for each in Milestone},
        further=list(Milestone)[3:],
        by_month=_by_month(rows, words),
        by_kind=_by_kind(rows, words),
        total=plots.total(rows),
    )


@routes.get("/outcome.csv")
def csv(page: At, first: str = "", last: str = "") -> Response:
    """The same numbers for a spreadsheet: months, kinds of our own and counts, and nothing that anybody has typed."""
    for month in filter(None, (first, last)):
        parse_month(month)
    if first and last and first > last:
        raise Malformed("a month is written as YYYY-MM", field="month")
    with page.node() as own:
        text = as_csv(Outcome(own.store).table(first, last))
    headers = {"Content-Disposition": 'attachment; filename="outcome.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _months(own: Node, now: str) -> list[str]:
    """Every month from the first that has a number until now, in order; a year at least."""
    counted = own.store.database.execute("SELECT min(month), max(month) FROM outcome").fetchone()
    last = max(now, counted[1] or now)
    found = [last]
    while len(found) < MAX_MONTHS and (len(found) < SHOWN_MONTHS or found[-1] > (counted[0] or now)):
        day = _day(found[-1])
        found.append(f"{day.year - (day.month == 1)}-{(day.month - 2) % 12 + 1:02}")
    return found[::-1]


def _day(month: str) -> date:
    return date(int(month[:4]), int(month[5:]), 1)


def _by_month(rows: list[Row], words: Words) -> list[Line]:
    months = sorted({each.month for each in rows}, reverse=True)
    return [Line(words.month(_day(month)), "", plots.total(each for each in rows if each.month == month)) for month in months]


def _by_kind(rows: list[Row], words: Words) -> list[Line]:
    kinds = sorted({(each.other_kind, each.match_kind) for each in rows})
    return [
        Line(
            kind_name(other, words),
            match_name(match, words).lower(),
            plots.total(each for each in rows if (each.other_kind, each.match_kind) == (other, match)),
        )
        for other, match in kinds
    ]
