"""The report for reading: a table of the years, and what they say about the rules."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_ROWS: Final = (
    ("untouched past the acknowledge term", "untouched_past_acknowledge_term"),
    ("untouched past the contact term", "untouched_past_contact_term"),
    ("no contact past the contact term", "no_contact_past_contact_term"),
    ("untouched past term, mean of weeks", "untouched_past_term_mean_of_weeks"),
    ("  the same, of open matches", "untouched_past_term_of_open_mean_of_weeks"),
    ("in contact, of those past term", "in_contact_of_those_past_term"),
    ("contacted", "contacted"),
    ("already in contact", "already_in_contact"),
    ("agreed", "agreed"),
    ("evaluated", "evaluated"),
    ("closed", "closed"),
    ("escalated", "escalated"),
)


def shown(report: Mapping[str, Any]) -> Iterator[str]:
    """Lines; shares in per cent."""
    years: Mapping[str, Mapping[str, Any]] = report["years"]
    yield f"simulated: {report['simulated']}"
    names = list(years)
    yield f"{'':38}" + "".join(f"{name[:13]:>15}" for name in names)
    for title, key in _ROWS:
        yield f"{title:38}" + "".join(f"{100 * years[name][key]:>13.1f} %" for name in names)
    for cause in ("term", "disagreement", "request"):
        yield f"{'  by ' + cause:38}" + "".join(f"{100 * years[name]['escalated_by_cause'][cause]:>13.1f} %" for name in names)
    for term in ("acknowledge", "contact", "agreement", "evaluation"):
        shares = (f"{100 * years[name]['escalated_for_term'][term]:>13.1f} %" for name in names)
        yield f"{'    for the term of ' + term:38}" + "".join(shares)
    for title, figures in _counts(years).items():
        yield f"{title:38}" + "".join(f"{figure if figure is not None else '–':>15}" for figure in figures)
    most = report["most_difference"]
    yield ""
    yield f"most difference to untouched past term: {most['to_untouched_past_term']}"
    yield f"most difference to contact: {most['to_contact']}"
    yield f"a node folds {report['folds_per_second']:,} pairs a second"
    for name, found in report.get("under_other_assumptions", {}).items():
        other = found["most_difference"]
        yield f"  {name}: untouched {other['to_untouched_past_term']}, contact {other['to_contact']}"


def _counts(years: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Any]]:
    figures = list(years.values())
    return {
        "matches": [each["matches"] for each in figures],
        "median working days to contact": [each["median_working_days_to_contact"] for each in figures],
        "reminders per match": [each["reminders_per_match"] for each in figures],
        "letters per match": [each["letters"]["per_match"] for each in figures],
        "letters per organisation and day": [each["letters"]["per_organisation_and_day"] for each in figures],
        "bytes per organisation and day": [each["letters"]["bytes_per_organisation_and_day"] for each in figures],
        "waiting for the coordinator, at most": [each["coordinator"]["waiting_at_most"] for each in figures],
        "open with the coordinator, at most": [each["coordinator"]["open_at_most"] for each in figures],
    }
