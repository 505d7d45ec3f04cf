"""A report on a terminal: plain words, as wide as the terminal, no colour and no drawing characters that a log would break."""

import textwrap
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from raakvlak_audit.report import Check, Report, Table, Verdict
from raakvlak_audit.sentences import frame
from raakvlak_audit.wording import Language, Said, written

NARROWEST: Final = 40
WIDEST: Final = 120
_LEAST_COLUMN: Final = 6


def text(report: Report, language: Language, columns: int) -> str:
    """The report in lines of at most `columns` characters (40 to 120; a word that is longer stays whole only in a table's
    last resort, where it is broken)."""
    width = min(max(columns, NARROWEST), WIDEST)
    return "\n".join(_lines(report, language, width)) + "\n"


def _lines(report: Report, language: Language, width: int) -> Iterator[str]:
    def words(said: Said) -> str:
        return said.text(language)

    yield from _wrapped(words(report.title), width)
    yield "=" * min(len(words(report.title)), width)
    yield from _subject(report, language, width)
    yield ""
    counts = {each: report.count(each) for each in Verdict}
    verdict = f"{words(frame.VERDICT[report.verdict]())}. {words(frame.OVERALL[report.verdict]())}"
    yield from _wrapped(f"{words(frame.VERDICT_HEADING())}: {verdict}", width)
    yield from _wrapped(words(frame.tally(counts)), width)
    for check in report.checks:
        yield ""
        yield from _check(check, language, width)
    if report.figures:
        yield from _heading(words(frame.FIGURES()), width)
        for figure in report.figures:
            yield from _wrapped(f"{words(figure.name)}: {written(figure.value, language)}", width)
            if figure.meaning:
                yield from _wrapped(words(figure.meaning), width, "    ")
    for table in report.tables:
        yield ""
        yield from _table(table, language, width)
    yield from _heading(words(frame.DOES_NOT_PROVE()), width)
    for limit in report.does_not_prove:
        yield from _wrapped(words(limit), width, "- ", "  ")


def _subject(report: Report, language: Language, width: int) -> Iterator[str]:
    subject = report.subject
    if subject.covenant:
        named = f"{subject.covenant}, {frame.VERSION().text(language).lower()}: {subject.version}"
        yield from _wrapped(f"{frame.COVENANT().text(language)}: {named}", width)
        yield from _wrapped(f"{frame.HASH().text(language)}: {subject.hash.hex()}", width)
    for name, value in subject.details:
        yield from _wrapped(f"{name.text(language)}: {written(value, language)}", width)
    yield from _wrapped(f"{frame.MADE().text(language)}: {written(report.made, language)}", width)


def _check(check: Check, language: Language, width: int) -> Iterator[str]:
    verdict = frame.VERDICT[check.verdict]().text(language)
    yield from _wrapped(f"[{verdict}] {check.name.text(language)}", width)
    yield from _wrapped(f"{frame.HOW().text(language)}: {check.how.text(language)}", width, "    ")
    for found in check.found:
        yield from _wrapped(found.text(language), width, "  - ", "    ")
    for table in check.tables:
        yield from ("    " + line if line else "" for line in _table(table, language, width - 4))


def _heading(words: str, width: int) -> Iterator[str]:
    yield ""
    yield from _wrapped(words, width)
    yield "-" * min(len(words), width)


def _table(table: Table, language: Language, width: int) -> Iterator[str]:
    if table.title:
        yield from _wrapped(table.title.text(language), width)
    if not table.rows:
        yield frame.NO_ROWS().text(language)
        return
    if table.brief:
        yield from _grid(table, language, width)
    if len(table.rows) > table.brief:
        yield from _wrapped(frame.MORE_ROWS(count=len(table.rows) - table.brief).text(language), width)


def _grid(table: Table, language: Language, width: int) -> Iterator[str]:
    shown = [[written(cell, language) for cell in row] for row in table.rows[: table.brief]]
    heads = [each.text(language) for each in table.headings]
    widths = _widths([heads, *shown], width - 2 * (len(heads) - 1))
    numbers = [all(isinstance(row[place], (int, float, Fraction)) for row in table.rows) for place in range(len(heads))]
    yield from _row(heads, widths, numbers)
    yield "  ".join("-" * each for each in widths)
    for row in shown:
        yield from _row(row, widths, numbers)


def _widths(rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """As wide as the cells, made narrower until all fit in `room`: the widest first, and words are broken last."""
    columns = range(len(rows[0]))
    widths = [max(len(row[place]) for row in rows) for place in columns]
    words = [max((len(word) for row in rows for word in row[place].split()), default=1) for place in columns]
    for least in (words, [_LEAST_COLUMN] * len(words), [1] * len(words)):
        while sum(widths) > room and (spare := [place for place in columns if widths[place] > least[place]]):
            widths[max(spare, key=lambda place: widths[place])] -= 1
    return [max(each, 1) for each in widths]


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> Iterator[str]:
    columns = [textwrap.wrap(cell, wide) or [""] for cell, wide in zip(cells, widths, strict=True)]
    for line in range(max(map(len, columns))):
        parts = [column[line] if line < len(column) else "" for column in columns]
        padded = (
            part.rjust(wide) if flush else part.ljust(wide) for part, wide, flush in zip(parts, widths, right, strict=True)
        )
        yield "  ".join(padded).rstrip()


def _wrapped(words: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        words, width, initial_indent=first, subsequent_indent=first if rest is None else rest, break_on_hyphens=False
    ) or [""]
