"""A report as one HTML page: self-contained, without scripts, printing well on A4, readable in black and white.

Everything that is written passes `escape`, so that a member's name or a file's name stays text. The page's own security
policy allows nothing but the one style sheet, by its hash.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from html import escape
from importlib.metadata import version
from typing import Final

from raakvlak_audit.report import Check, Report, Table, Verdict
from raakvlak_audit.sentences import frame
from raakvlak_audit.wording import Cell, Language, Said, written

# A verdict is told by its word, its sign and the line beside it; colour only repeats it.
_SIGNS: Final = {Verdict.OK: "✓", Verdict.NOTE: "!", Verdict.UNKNOWN: "?", Verdict.WRONG: "✗"}

_FEW_COLUMNS: Final = 5
"""A table with more of them is set smaller."""
_LINE, _SMALL_LINE = 90, 100
"""So many letters stand beside each other on paper, over all columns of a table."""
_SHORT: Final = 14
"""Letters; a column with nothing longer needs no width but its own."""
_BREAKS: Final = re.compile(r"(?<=[a-z}][._/:])(?=\S)|(?<=[a-z])(?=[A-Z])")

_STYLE: Final = """
@page { size: A4; margin: 18mm 16mm 20mm; }
:root { color-scheme: light; }
body { font: 11pt/1.45 Georgia, "Times New Roman", serif; color: #111; background: #fff; max-width: 52rem; margin: 2rem auto;
  padding: 0 1rem; overflow-wrap: anywhere; }
h1, h2, h3, th, .verdict, .sign { font-family: "Segoe UI", Helvetica, Arial, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .8rem; }
h2 { font-size: 1.25rem; margin: 2rem 0 .6rem; border-bottom: 1px solid #999; break-after: avoid; }
h3 { font-size: 1.05rem; margin: 0 0 .4rem; break-after: avoid; }
.verdict { border: 2px solid #111; padding: .7rem 1rem; margin: 1rem 0; break-inside: avoid; }
.verdict strong { font-size: 1.25rem; }
.verdict p { margin: .3rem 0 0; }
section.check { margin: 1.2rem 0; padding: .1rem 0 .1rem .9rem; border-left: 4px solid #777; }
.check.ok, .verdict.ok { border-color: #17672f; }
.check.note { border-color: #5a5a5a; border-left-style: dotted; }
.check.unknown { border-left-style: dashed; } .check.unknown, .verdict.unknown { border-color: #8a5a00; }
.check.wrong { border-left-style: double; border-left-width: 8px; } .check.wrong, .verdict.wrong { border-color: #a4001d; }
.sign { display: inline-block; border: 1.5px solid #111; padding: 0 .4rem; margin-right: .5rem; font-size: .8rem;
  font-weight: 700; white-space: nowrap; }
.wrong > h3 .sign, .verdict.wrong .sign { background: #111; color: #fff; print-color-adjust: exact; }
dl { display: grid; grid-template-columns: fit-content(40%) minmax(0, 1fr); gap: .15rem 1rem; margin: 0; }
dt { font-weight: 700; } dd { margin: 0; }
.how { margin: .2rem 0; font-style: italic; break-inside: avoid; break-after: avoid; }
ul { margin: .3rem 0 .6rem; padding-left: 1.2rem; } li { margin: .15rem 0; break-inside: avoid; }
table { border-collapse: collapse; max-width: 100%; margin: .6rem 1px 1rem; font-size: .82rem; }
caption { text-align: left; font-weight: 700; padding: .2rem 0; break-after: avoid; }
thead { display: table-header-group; } tr { break-inside: avoid; }
th, td { border: 1px solid #999; padding: .2rem .4rem; text-align: left; vertical-align: top; overflow-wrap: break-word; }
th { background: #eee; print-color-adjust: exact; } th.short { width: 1px; white-space: nowrap; }
.number { text-align: right; } td.number { white-space: nowrap; } .long { overflow-wrap: anywhere; }
code { font: .85em Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
footer { margin-top: 2rem; font-size: .8rem; border-top: 1px solid #999; }
@media print { body { max-width: none; margin: 0; padding: 0; font-size: 10pt; } h1 { font-size: 16pt; }
  h2 { font-size: 13pt; } h3 { font-size: 11pt; } .verdict strong { font-size: 12pt; }
  table { font-size: 8pt; } table.many { font-size: 7pt; } }
@media screen { .table { overflow-x: auto; } }
@media screen and (max-width: 40rem) { body { margin: 1rem auto; } dl { grid-template-columns: minmax(0, 1fr); }
  dt { margin-top: .4rem; } h3 .sign { display: table; margin-bottom: .3rem; } }
"""


def html(report: Report, language: Language) -> str:
    """The whole page."""
    return "".join(f"{line}\n" for line in _lines(report, language))


def _lines(report: Report, language: Language) -> Iterator[str]:
    style = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    title = _say(report.title, language)
    yield f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">'
    yield (
        '<meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'\">"
    )
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>"
    yield from _subject(report, language)
    yield from _verdict(report, language)
    yield f"</header>\n<main>\n<h2>{_say(frame.CHECKS(), language)}</h2>"
    for check in report.checks:
        yield from _check(check, language)
    if report.figures:
        yield f"<h2>{_say(frame.FIGURES(), language)}</h2>"
        yield from _figures(report, language)
    for table in report.tables:
        yield from _table(table, language)
    yield f'<section class="limits">\n<h2>{_say(frame.DOES_NOT_PROVE(), language)}</h2>'
    yield from _list(report.does_not_prove, language)
    program = f"{_say(frame.PROGRAM(), language)} raakvlak-audit {report.command} {version('raakvlak')}"
    yield f"</section>\n</main>\n<footer><p>{program}</p></footer>\n</body>\n</html>"


def _subject(report: Report, language: Language) -> Iterator[str]:
    subject = report.subject
    pairs: list[tuple[Said, Cell]] = []
    if subject.covenant:
        pairs = [(frame.COVENANT(), subject.covenant), (frame.VERSION(), subject.version), (frame.HASH(), subject.hash)]
    pairs += [*subject.details, (frame.MADE(), report.made)]
    yield "<dl>"
    yield from (f"<dt>{_say(name, language)}</dt><dd>{_cell(value, language)}</dd>" for name, value in pairs)
    yield "</dl>"


def _verdict(report: Report, language: Language) -> Iterator[str]:
    counts = {each: report.count(each) for each in Verdict}
    yield f'<div class="verdict {report.verdict}"><strong>{_sign(report.verdict, language)}</strong>'
    yield f"<p>{_say(frame.OVERALL[report.verdict](), language)}</p>"
    yield f"<p>{_say(frame.tally(counts), language)}</p></div>"


def _check(check: Check, language: Language) -> Iterator[str]:
    yield f'<section class="check {check.verdict}" id="{escape(check.id)}">'
    yield f"<h3>{_sign(check.verdict, language)}{_say(check.name, language)}</h3>"
    yield f'<p class="how">{_say(frame.HOW(), language)}: {_say(check.how, language)}</p>'
    yield from _list(check.found, language)
    for table in check.tables:
        yield from _table(table, language)
    yield "</section>"


def _sign(verdict: Verdict, language: Language) -> str:
    return f'<span class="sign">{_SIGNS[verdict]} {_say(frame.VERDICT[verdict](), language)}</span>'


def _figures(report: Report, language: Language) -> Iterator[str]:
    headings = (frame.FIGURE(), frame.VALUE(), frame.MEANING())
    rows = tuple((each.name, each.value, each.meaning or "") for each in report.figures)
    yield from _table(Table(headings, rows), language)


def _table(table: Table, language: Language) -> Iterator[str]:
    many = len(table.headings) > _FEW_COLUMNS
    kinds = _columns(table, language, _SMALL_LINE if many else _LINE)
    yield f'<div class="table"><table{_class("many" if many else "")}>'
    if table.title:
        yield f"<caption>{_say(table.title, language)}</caption>"
    heads = zip(table.headings, kinds, strict=True)
    yield "<thead><tr>" + "".join(f'<th scope="col"{_class(kind)}>{_say(each, language)}</th>' for each, kind in heads)
    yield "</tr></thead>\n<tbody>"
    if not table.rows:
        yield f'<tr><td colspan="{len(table.headings)}">{_say(frame.NO_ROWS(), language)}</td></tr>'
    for row in table.rows:
        yield "<tr>" + "".join(_data(cell, kind, language) for cell, kind in zip(row, kinds, strict=True)) + "</tr>"
    yield "</tbody>\n</table></div>"


def _columns(table: Table, language: Language, line: int) -> list[str]:
    """How each column is set: `number`; `short`, no wider than its few letters, so that sentences have room; `long`, in
    which words are broken anywhere, because with whole words the table would be wider than the page; or as usual."""
    columns = [(heading, *(row[place] for row in table.rows)) for place, heading in enumerate(table.headings)]
    longest = [max(_longest_word(cell, language) for cell in column) for column in columns]
    fits = sum(longest) <= line
    kinds = []
    for column, letters in zip(columns, longest, strict=True):
        if any(map(_is_number, column)):
            kinds.append("number")
        elif not fits and letters > line // len(columns):
            kinds.append("long")
        else:
            kinds.append("short" if all(len(written(cell, language)) <= _SHORT for cell in column) else "")
    return kinds


def _longest_word(cell: Cell, language: Language) -> int:
    if isinstance(cell, bytes):
        return 1  # may be broken anywhere
    return max((len(word) for part in _parts(cell, language) for word in part.split()), default=0)


def _parts(cell: Cell, language: Language) -> list[str]:
    """A name such as QuotaReply.quota_left or /some/file is broken where a person would break it."""
    return [part for part in _BREAKS.split(written(cell, language)) if part]


def _data(cell: Cell, kind: str, language: Language) -> str:
    if isinstance(cell, bytes):
        return f"<td>{_cell(cell, language)}</td>"
    if kind == "number" and not _is_number(cell):
        kind = ""
    return f"<td{_class(kind)}>{'<wbr>'.join(map(escape, _parts(cell, language)))}</td>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, (int, float, Fraction)) and not isinstance(cell, bool)


def _list(sentences: Iterable[Said], language: Language) -> Iterator[str]:
    yield "<ul>"
    yield from (f"<li>{_say(each, language)}</li>" for each in sentences)
    yield "</ul>"


def _say(said: Said, language: Language) -> str:
    return escape(said.text(language))


def _cell(cell: Cell, language: Language) -> str:
    text = escape(written(cell, language))
    return f"<code>{text}</code>" if isinstance(cell, bytes) else text
