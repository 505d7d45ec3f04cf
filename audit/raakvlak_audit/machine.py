"""A report for machines: stable English keys and raw values, whatever language a person reads."""

from datetime import date, datetime
from fractions import Fraction

from raakvlak_audit.report import Report, Table
from raakvlak_audit.wording import Cell, Said


def as_json(report: Report) -> dict[str, object]:
    """The whole report. A sentence is {text, values}; a moment or day is ISO 8601, a hash hexadecimal."""
    return {
        "command": report.command,
        "title": report.title.text("en"),
        "verdict": str(report.verdict),
        "made": report.made.isoformat(),
        "covenant": report.subject.covenant,
        "covenant_version": report.subject.version,
        "covenant_hash": report.subject.hash.hex(),
        "subject": [{"name": name.text("en"), "value": _raw(value)} for name, value in report.subject.details],
        "checks": [
            {
                "id": check.id,
                "verdict": str(check.verdict),
                "name": check.name.text("en"),
                "how": check.how.text("en"),
                "found": [_sentence(each) for each in check.found],
                "tables": [_table(each) for each in check.tables],
            }
            for check in report.checks
        ],
        "figures": [
            {
                "id": figure.id,
                "name": figure.name.text("en"),
                "value": _raw(figure.value),
                "meaning": figure.meaning.text("en") if figure.meaning else "",
            }
            for figure in report.figures
        ],
        "tables": [_table(each) for each in report.tables],
        "does_not_prove": [each.text("en") for each in report.does_not_prove],
    }


def _sentence(said: Said) -> dict[str, object]:
    return {"text": said.text("en"), "values": {name: _raw(value) for name, value in said.values}}


def _table(table: Table) -> dict[str, object]:
    return {
        "title": table.title.text("en") if table.title else "",
        "headings": [each.text("en") for each in table.headings],
        "rows": [[_raw(cell) for cell in row] for row in table.rows],
    }


def _raw(value: Cell) -> str | int | float | bool:
    if isinstance(value, Said):
        return value.text("en")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return float(value) if isinstance(value, Fraction) else value
