"""The subject-access report as one HTML page: self-contained, without scripts, printing on A4.

Everything that is written passes `escape`, so that a function or an organisation's name stays text. The page's own
security policy allows nothing but the one style sheet, by its hash.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.metadata import version
from typing import Final

from raakvlak_node import subject_words as words
from raakvlak_node.subject_facts import Agreement, Controller, Look, Match, SubjectReport
from raakvlak_node.subject_words import Words, day, moment
from raakvlak_node.wording import Language

_STYLE: Final = """
@page { size: A4; margin: 18mm 16mm 20mm; }
:root { color-scheme: light dark; --ink: #16181d; --paper: #fff; --line: #b9bdc6; --soft: #f1f2f5; --mark: #2b4c7e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7e9ee; --paper: #15171b; --line: #4a4f59; --soft: #22252b; --mark: #9dbbe8; } }
* { box-sizing: border-box; }
body { font: 1.05rem/1.6 "Segoe UI", "Helvetica Neue", Helvetica, Arial, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 46rem; margin: 2.5rem auto; padding: 0 1.2rem; overflow-wrap: break-word; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .5rem; color: var(--mark); break-after: avoid; }
h3 { font-size: 1.05rem; margin: 1.4rem 0 .4rem; break-after: avoid; }
h4 { font-size: 1rem; margin: .9rem 0 .3rem; break-after: avoid; }
p { margin: .4rem 0 .7rem; }
.aside { background: var(--soft); border-left: 4px solid var(--mark); padding: .7rem 1rem; margin: 1rem 0;
  break-inside: avoid; print-color-adjust: exact; }
.aside p { margin: .2rem 0; }
.match { border: 1px solid var(--line); border-radius: 6px; padding: .2rem 1rem .8rem; margin: 1rem 0; }
dl { display: grid; grid-template-columns: fit-content(45%) minmax(0, 1fr); gap: .2rem 1.2rem; margin: .4rem 0; }
dt { font-weight: 600; } dd { margin: 0; }
ul { margin: .3rem 0 .8rem; padding-left: 1.3rem; } li { margin: .25rem 0; break-inside: avoid; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; font-size: .92rem; }
thead { display: table-header-group; } tr { break-inside: avoid; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .8rem .35rem 0; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; hyphens: auto; }
th { font-weight: 600; overflow-wrap: break-word; hyphens: manual; } .none { font-style: italic; }
footer { margin-top: 3rem; font-size: .85rem; border-top: 1px solid var(--line); padding-top: .6rem; }
@media print {
  :root { color-scheme: light; --ink: #111; --paper: #fff; --line: #999; --soft: #f1f2f5; --mark: #1f3a63; }
  body { max-width: none; margin: 0; padding: 0; font-size: 10.5pt; line-height: 1.45; }
  h1 { font-size: 17pt; } h2 { font-size: 13pt; margin-top: 1.4rem; } h3, h4 { font-size: 11pt; } table { font-size: 9.5pt; }
  .match { break-inside: avoid-page; } }
@media screen { .table { overflow-x: auto; } }
@media screen and (max-width: 34rem) { dl { grid-template-columns: minmax(0, 1fr); } dt { margin-top: .4rem; } }
"""


def html(report: SubjectReport, language: Language) -> str:
    """The whole page."""
    return "".join(f"{line}\n" for line in _Page(report, language).lines())


class _Page:
    """Writes one report in one language. Every method that yields lines yields escaped ones."""

    def __init__(self, report: SubjectReport, language: Language) -> None:
        self._report = report
        self._language: Language = language

    def lines(self) -> Iterator[str]:
        style = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
        title = self._say(words.TITLE, name=self._report.controller.name)
        yield f'<!DOCTYPE html>\n<html lang="{self._language}">\n<head>\n<meta charset="utf-8">'
        yield (
            '<meta http-equiv="Content-Security-Policy" '
            f"content=\"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'\">"
        )
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
        yield '<meta name="referrer" content="no-referrer">'
        yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>"
        yield from self._about()
        yield "</header>\n<main>"
        for part in (self._know, self._left, self._matches, self._letters, self._looks, self._asked, self._kept, self._why):
            yield "<section>"
            yield from part()
            yield "</section>"
        yield "<section>"
        yield from self._rights()
        yield "</section>\n</main>"
        yield f"<footer><p>{self._say(words.DRAWN_UP)} raakvlak-node {escape(version('raakvlak'))}</p></footer>"
        yield "</body>\n</html>"

    # --- parts ------------------------------------------------------------------------------------------------------------

    def _about(self) -> Iterator[str]:
        report = self._report
        yield f"<p>{self._say(words.YOU)}</p>"
        yield f"<h2>{self._say(words.ABOUT)}</h2>"
        yield from self._list(
            (words.NUMBER, f"… {report.number_ends_with}"),
            (words.ASKED_BY, self._one(words.ASKING, report.asked_by)),
            (words.MADE, moment(report.made, self._language)),
            *self._controller(report.controller),
        )
        yield f'<div class="aside"><p>{self._say(words.LEFT_OUT)}</p></div>'
        if report.other_law:
            yield f'<div class="aside"><p>{self._say(words.OTHER_LAW[report.other_law])}</p></div>'

    def _controller(self, who: Controller) -> list[tuple[Words, str]]:
        told = [(words.ORGANISATION, who.name), (words.CONTROLLER, who.controller or who.name)]
        return [*told, (words.PROCESSOR, who.processor)] if who.processor else told

    def _know(self) -> Iterator[str]:
        yield f"<h2>{self._say(words.KNOW)}</h2>"
        yield f"<p>{self._say(words.KNOW_INTRO)}</p>"
        rows = [
            (
                each.case_ref,
                self._one(words.RELATION, each.relation),
                day(each.since, self._language),
                each.function,
                self._one(words.VISIBILITY, each.visibility),
                day(each.until, self._language),
            )
            for each in self._report.involvements
        ]
        headings = (words.CASE, words.YOU_ARE, words.SINCE, words.WORKER, words.SHARED, words.UNTIL)
        yield from self._table(headings, rows, words.KNOW_NOTHING)
        yield f"<p>{self._say(words.SOURCE)}</p>"

    def _left(self) -> Iterator[str]:
        report = self._report
        yield f"<h2>{self._say(words.LEFT)}</h2>"
        index = report.index.controller or report.index.name
        yield f"<p>{self._say(words.LEFT_INTRO, index=index, months=report.retention_months)}</p>"
        yield f"<p>{self._say(words.ADDRESSES)}</p>"
        rows = [
            (
                day(each.since, self._language),
                day(each.until, self._language),
                self._one(words.VISIBILITY, each.visibility),
                str(each.epoch),
                self._text(words.YES if each.proven else words.NOT_YET),
            )
            for each in report.publications
        ]
        headings = (words.SENT, words.UNTIL, words.SHARED, words.PERIOD, words.PROOF)
        yield from self._table(headings, rows, words.LEFT_NOTHING)
        yield f"<p>{self._say(words.LOG)}</p>"

    def _matches(self) -> Iterator[str]:
        yield f"<h2>{self._say(words.MATCHES)}</h2>"
        yield f"<p>{self._say(words.MATCHES_INTRO)}</p>"
        for each in self._report.matches:
            yield from self._match(each)
        if not self._report.matches:
            yield f'<p class="none">{self._say(words.MATCHES_NOTHING)}</p>'
        yield f"<p>{self._say(words.NOT_TOLD)}</p>"

    def _match(self, match: Match) -> Iterator[str]:
        yield f'<div class="match"><h3>{self._say(words.WITH, other=match.other, case=match.case_ref)}</h3>'
        facts = [(words.KIND, self._one(words.KINDS, match.kind)), (words.FOUND, day(match.since, self._language))]
        if match.ended is not None:
            facts.append((words.ENDED, day(match.ended, self._language)))
        if match.involved_since is not None:
            facts.append((words.THEY_SINCE, day(match.involved_since, self._language)))
        if match.function:
            facts.append((words.THEIR_WORKER, match.function))
        if match.received:
            facts.append((words.RECEIVED, "; ".join(self._one(words.RECEIVINGS, each) for each in match.received)))
        if match.phase:
            facts.append((words.STANDS, self._one(words.PHASES, match.phase)))
        yield from self._list(*facts)
        if match.steps:
            yield f"<h4>{self._say(words.STEPS)}</h4>"
            steps = [(day(each.day, self._language), each.by, self._one(words.DONE, each.what)) for each in match.steps]
            yield from self._table((words.WHEN, words.WHO, words.WHAT), steps)
        if match.agreement is not None:
            yield from self._agreement(match.agreement)
        yield "</div>"

    def _agreement(self, agreement: Agreement) -> Iterator[str]:
        yield f"<h4>{self._say(words.AGREED)}</h4>"
        signed = [
            f"{each.by}: {self._text(words.NOT_SIGNED) if each.day is None else day(each.day, self._language)}"
            for each in agreement.signatures
        ]
        yield from self._list(
            (words.LEAD, agreement.lead),
            (words.EVALUATE, day(agreement.evaluate_on, self._language)),
            (words.PARENTS, self._one(words.INFORMED, agreement.parents)),
            (words.YOUTH, self._one(words.INFORMED, agreement.youth)),
            (words.SIGNED, "; ".join(signed)),
        )
        if agreement.tasks:
            yield "<ul>"
            for each in agreement.tasks:
                task = self._say(words.TASK, who=each.who, what=each.what, by=day(each.by, self._language))
                yield f"<li>{task}</li>"
            yield "</ul>"

    def _letters(self) -> Iterator[str]:
        yield f"<h2>{self._say(words.LETTERS)}</h2>"
        yield f"<p>{self._say(words.LETTERS_INTRO)}</p>"
        rows = [
            (day(each.day, self._language), each.to or self._text(words.ANOTHER), str(each.size))
            for each in self._report.letters
        ]
        yield from self._table((words.WHEN, words.TO, words.SIZE), rows, words.LETTERS_NOTHING)

    def _looks(self) -> Iterator[str]:
        yield f"<h2>{self._say(words.LOOKS)}</h2>"
        yield f"<p>{self._say(words.LOOKS_INTRO)}</p>"
        headings = (words.WHEN, words.WHO, words.WHAT, words.CASE)
        yield from self._table(headings, [self._look(each) for each in self._report.looks], words.LOOKS_NOTHING)

    def _look(self, look: Look) -> tuple[str, ...]:
        who = self._one(words.ROLES, look.role)
        what = f"{self._one(words.OBJECTS, look.kind)}: {self._one(words.EVENTS, look.event)}"
        if look.outcome == "refused":
            what = f"{what} ({self._text(words.REFUSED)})"
        return (moment(look.moment, self._language), f"{who} ({look.who})" if look.who else who, what, look.case_ref or "–")

    def _asked(self) -> Iterator[str]:
        yield f"<h2>{self._say(words.ASKED)}</h2>"
        rows = [
            (
                self._one(words.ASKED_WHAT, each.kind),
                day(each.received, self._language),
                day(each.decide_by, self._language),
                "–" if each.decided is None else day(each.decided, self._language),
                self._one(words.DECISIONS, each.decision),
            )
            for each in self._report.objections
        ]
        headings = (words.WHAT, words.RECEIVED_ON, words.DECIDE_BY, words.DECIDED, words.DECISION)
        yield from self._table(headings, rows, words.ASKED_NOTHING)

    def _kept(self) -> Iterator[str]:
        yield f"<h2>{self._say(words.KEPT)}</h2>"
        yield f"<p>{self._say(words.BACKUPS, day=day(self._report.backups_until, self._language))}</p>"
        yield f"<h3>{self._say(words.ARCHIVE)}</h3>"
        rows = [
            (
                each.case_ref,
                self._one(words.RELATION, each.relation),
                day(each.ended, self._language),
                day(each.until, self._language),
            )
            for each in self._report.archive
        ]
        headings = (words.CASE, words.YOU_WERE, words.CASE_ENDED, words.UNTIL)
        yield from self._table(headings, rows, words.ARCHIVE_NOTHING)

    def _why(self) -> Iterator[str]:
        yield f"<h2>{self._say(words.WHY)}</h2>"
        yield f"<p>{self._say(words.PURPOSE)}</p>"
        yield f"<p>{self._say(words.LEGAL)}: {escape(self._report.basis.text)} ({escape(self._report.basis.uri)})</p>"

    def _rights(self) -> Iterator[str]:
        yield f"<h2>{self._say(words.RIGHTS)}</h2>"
        yield "<ul>"
        yield from (f"<li>{self._say(each)}</li>" for each in words.RIGHTS_LIST)
        yield "</ul>"
        yield f"<p>{self._say(words.AGES)}</p>"

    # --- lines ------------------------------------------------------------------------------------------------------------

    def _say(self, said: Words, **values: object) -> str:
        """Escaped, values included."""
        return escape(said(self._language, **values))

    def _text(self, said: Words) -> str:
        return said(self._language)

    def _one(self, among: Mapping[str, Words], name: str) -> str:
        """The words for a name; the name itself where it came later than these words."""
        return among[name](self._language) if name in among else name

    def _list(self, *facts: tuple[Words, str]) -> Iterator[str]:
        yield "<dl>"
        yield from (f"<dt>{self._say(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
        yield "</dl>"

    def _table(self, headings: Sequence[Words], rows: Sequence[Sequence[str]], nothing: Words | None = None) -> Iterator[str]:
        if not rows and nothing is not None:
            yield f'<p class="none">{self._say(nothing)}</p>'
            return
        heads = "".join(f'<th scope="col">{self._say(each)}</th>' for each in headings)
        yield f'<div class="table"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>'
        for row in rows:
            yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        yield "</tbody>\n</table></div>"
