"""The outcome as plots: pure, data in, markup out. The table beside them says the same."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from babel.dates import format_date
from markupsafe import Markup

from raakvlak_node.outcome import Milestone, Row
from raakvlak_protocol.party.look.plots import Bar, lying, months
from raakvlak_protocol.party.look.words import Words


def milestone_name(milestone: Milestone, words: Words) -> str:
    """How far matches came."""
    names = {
        Milestone.MATCHES: words("Matches"),
        Milestone.ACKNOWLEDGED_IN_TIME: words("Acknowledged in time"),
        Milestone.ACKNOWLEDGED_LATE: words("Acknowledged late"),
        Milestone.CONTACTED: words("Contact made"),
        Milestone.ALREADY_IN_CONTACT: words("Already in contact"),
        Milestone.AGREED: words("Agreements made"),
        Milestone.EVALUATED: words("Evaluated"),
        Milestone.ESCALATED: words("Escalated"),
        Milestone.CLOSED: words("Closed"),
    }
    return names[milestone]


_FUNNEL: Final = (
    Milestone.CONTACTED,
    Milestone.ALREADY_IN_CONTACT,
    Milestone.AGREED,
    Milestone.EVALUATED,
    Milestone.ESCALATED,
    Milestone.CLOSED,
)


def total(rows: Iterable[Row]) -> dict[Milestone, int]:
    """All rows taken together."""
    found = list(rows)
    return {each: sum(row.counts[each] for row in found) for each in Milestone}


def funnel(rows: Iterable[Row], words: Words, name: str = "funnel") -> Markup:
    """Of all matches, how many came how far, as bars: the number, and its share. What was acknowledged late is striped."""
    counts = total(rows)
    late = counts[Milestone.ACKNOWLEDGED_LATE]
    acknowledged = counts[Milestone.ACKNOWLEDGED_IN_TIME] + late
    label = words("Acknowledged")
    if late:
        label = words("Acknowledged (striped: %(count)s late)", count=words.number(late))
    shown = [
        Bar(milestone_name(Milestone.MATCHES, words), counts[Milestone.MATCHES], words.number(counts[Milestone.MATCHES])),
        Bar(label, acknowledged, _share(acknowledged, counts, words), late),
        *(Bar(milestone_name(each, words), counts[each], _share(counts[each], counts, words)) for each in _FUNNEL),
    ]
    return lying(shown, words("How far matches came"), name, most=counts[Milestone.MATCHES])


def _share(count: int, counts: dict[Milestone, int], words: Words) -> str:
    matches = counts[Milestone.MATCHES]
    return f"{words.number(count)} · {round(100 * count / matches)} %" if matches else words.number(count)


def monthly(rows: Iterable[Row], words: Words, name: str = "months") -> list[tuple[str, Markup]]:
    """Small plots of one scale, each with its heading: per month in which matches began, how many of them came so far; the pale
    bar behind is all of them."""
    found = list(rows)
    each_month = {month: total(row for row in found if row.month == month) for month in sorted({row.month for row in found})}
    labels = [_month(month, index == 0, words) for index, month in enumerate(each_month)]
    whole = [counts[Milestone.MATCHES] for counts in each_month.values()]
    late = [counts[Milestone.ACKNOWLEDGED_LATE] for counts in each_month.values()]
    in_time = [counts[Milestone.ACKNOWLEDGED_IN_TIME] for counts in each_month.values()]
    acknowledged = [one + other for one, other in zip(in_time, late, strict=True)]
    title = words("Acknowledged (striped: late)")
    matches = milestone_name(Milestone.MATCHES, words)
    plots = [
        (matches, months(matches, f"{name}-matches", labels, whole, whole)),
        (title, months(title, f"{name}-acknowledged", labels, whole, acknowledged, late)),
    ]
    for milestone in _FUNNEL:
        part = [counts[milestone] for counts in each_month.values()]
        title = milestone_name(milestone, words)
        plots.append((title, months(title, f"{name}-{milestone}", labels, whole, part)))
    return plots


def _month(month: str, first: bool, words: Words) -> str:
    """The month's short name; its year below that where a year begins, or the plot."""
    day = date(int(month[:4]), int(month[5:]), 1)
    name = format_date(day, "LLL", locale=words.locale).rstrip(".")
    return f"{name}\n{day.year}" if first or day.month == 1 else name
