"""The outcome as plots, and how far a follow-up has come: pure, data in, markup out. The table beside them says the same."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from babel.dates import format_date
from markupsafe import Markup

from raakvlak_node.outcome import Milestone, Row
from raakvlak_protocol.party.look.lettering import wrap
from raakvlak_protocol.party.look.plots import Bar, image, lying, months, tag
from raakvlak_protocol.party.look.words import Words

__all__ = ["Step", "Stood", "as_steps", "funnel", "how_far", "monthly"]


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


# --- the outcome ----------------------------------------------------------------------------------------------------------

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


# --- how far a follow-up is -----------------------------------------------------------------------------------------------


class Stood(StrEnum):
    """Where a step stands today."""

    DONE = "done"
    NOW = "now"
    LATE = "late"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a follow-up: `on` is the day on which it was done, or the last day on which it is in time; None where no term
    runs for it yet."""

    label: str
    on: date | None
    stood: Stood


def as_steps(steps: Sequence[tuple[str, date | None, bool]], today: date) -> list[Step]:
    """Steps (label, day, whether done) in their order, judged by today: the first that is not done is now, or late."""
    found: list[Step] = []
    begun = False
    for label, on, done in steps:
        stood = Stood.DONE if done else Stood.LATER
        if not done and not begun:
            begun = True
            stood = Stood.LATE if on is not None and on < today else Stood.NOW
        found.append(Step(label, on, stood))
    return found


def how_far(steps: Sequence[Step], today: date, words: Words, name: str = "steps") -> Markup:
    """The steps as a line, for a wide and for a narrow place; the style sheet shows one. Done is a filled circle, now an open
    one, late a square on its point; each says so in words too."""
    both = Markup("").join([_across(steps, today, words, f"{name}-wide"), _down(steps, today, words, f"{name}-tall")])
    return tag("div", both, class_="rv-steps")


def said(step: Step, today: date, words: Words) -> str:
    """What a step's state comes to, with its day."""
    day = "" if step.on is None else words.short_day(step.on)
    match step.stood:
        case Stood.DONE:
            return day or words("done")
        case Stood.LATE if step.on is not None:
            days = (today - step.on).days
            return words.plural("%(count)s day late", "%(count)s days late", days)
        case Stood.NOW if step.on == today:
            return words("today at the latest")
    return words("by %(day)s", day=day) if day else ""


_ROOM: Final = 128.0


def _across(steps: Sequence[Step], today: date, words: Words, name: str) -> Markup:
    parts: list[Markup] = []
    for index, each in enumerate(steps):
        x = index * _ROOM + _ROOM / 2
        if index:
            class_ = "rv-s-line" + ("" if each.stood is Stood.DONE else " rv-s-ahead")
            parts.append(tag("path", d=f"M{x - _ROOM + 14:g} 20H{x - 14:g}", class_=class_))
        parts += _knot(each, x, 20)
        lines = [(line, f"rv-s-label rv-s-{each.stood}") for line in wrap(each.label, 14, _ROOM - 8, 2, bold=True)]
        lines += [(line, f"rv-s-when rv-s-{each.stood}") for line in wrap(said(each, today, words), 13, _ROOM - 8, 2)]
        parts += [
            tag("text", line, x=x, y=50 + 17 * row, text_anchor="middle", class_=class_)
            for row, (line, class_) in enumerate(lines)
        ]
    return _told(parts, steps, today, words, name, len(steps) * _ROOM, 108, "rv-s rv-s-wide")


def _down(steps: Sequence[Step], today: date, words: Words, name: str) -> Markup:
    parts: list[Markup] = []
    for index, each in enumerate(steps):
        y = index * 52 + 20.0
        if index:
            class_ = "rv-s-line" + ("" if each.stood is Stood.DONE else " rv-s-ahead")
            parts.append(tag("path", d=f"M20 {y - 38:g}V{y - 14:g}", class_=class_))
        parts += _knot(each, 20, y)
        when = said(each, today, words)
        label = wrap(each.label, 15, 280, 1, bold=True)
        parts.append(tag("text", *label, x=44, y=y if when else y + 5, class_=f"rv-s-label rv-s-{each.stood}"))
        if when:
            parts.append(tag("text", when, x=44, y=y + 17, class_=f"rv-s-when rv-s-{each.stood}"))
    return _told(parts, steps, today, words, name, 330, len(steps) * 52 + 2, "rv-s rv-s-tall")


def _told(
    parts: list[Markup], steps: Sequence[Step], today: date, words: Words, name: str, wide: float, high: float, class_: str
) -> Markup:
    told = "; ".join(" ".join(filter(None, [each.label, said(each, today, words)])) for each in steps)
    return image(parts, wide, high, words("How far the follow-up is"), class_=class_, name=name, about=told)


def _knot(step: Step, x: float, y: float) -> list[Markup]:
    match step.stood:
        case Stood.DONE:
            tick = f"M{x - 4.5:g} {y:g}l3.2 3.4 6-6.6"
            return [tag("circle", cx=x, cy=y, r=11, class_="rv-s-knot rv-s-filled"), tag("path", d=tick, class_="rv-s-tick")]
        case Stood.LATE:
            square = f"M{x:g} {y - 14:g}l14 14-14 14-14-14z"
            mark = f"M{x:g} {y - 6:g}v6.5M{x:g} {y + 4.8:g}v.4"
            return [tag("path", d=square, class_="rv-s-square"), tag("path", d=mark, class_="rv-s-tick")]
        case Stood.NOW:
            return [
                tag("circle", cx=x, cy=y, r=11, class_="rv-s-knot rv-s-open"),
                tag("circle", cx=x, cy=y, r=4.5, class_="rv-s-dot"),
            ]
    return [tag("circle", cx=x, cy=y, r=8, class_="rv-s-knot rv-s-empty")]
