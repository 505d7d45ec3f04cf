"""The plot, as an SVG that can be read in light and in dark, and by those who can't see it: in its description."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final, Protocol

from tests.bench.region.matches import YEAR

TITLE: Final = "Matches that nobody has touched, and those that wait for the coordinator"

_WIDTH: Final = 980
_PANEL: Final = 400
"""Of each of the two, from top to top."""
_LEFT: Final = 60
_RIGHT: Final = 690
_HEAD: Final = 64
_FOOT: Final = 356
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LINES: Final = (
    ("#1f5fbf", "#7fb2ff", ""),
    ("#c2410c", "#ffa366", ""),
    ("#0f766e", "#5fd6c8", ""),
    ("#7e22ce", "#cf9bff", "7 3"),
    ("#a16207", "#e8c35a", "2 3"),
    ("#be185d", "#ff8fbf", "7 3 2 3"),
    ("#4d7c0f", "#a8d65c", "4 2"),
    ("#555555", "#bbbbbb", "10 4"),
)
"""In light, in dark, and the dashes, so that no line is told by its colour alone."""

Points = Sequence[tuple[date, float]]


class Line(Protocol):
    """What is drawn of a year: on each Friday the share that is untouched, and how many wait."""

    @property
    def name(self) -> str: ...
    @property
    def weekly(self) -> Points: ...
    @property
    def waiting(self) -> Points: ...


@dataclass(frozen=True)
class _Panel:
    """One of the two; `steps` are the distances between the lines across: the first with which there are at most eight."""

    title: str
    subtitle: str
    at: int
    steps: Sequence[float]
    points: Callable[[Line], Points]
    shown: Callable[[float], str]


_UNTOUCHED: Final = _Panel(
    "Matches that nobody has touched, past their contact term",
    "Share of all matches whose contact term has passed, on each Friday of a simulated year",
    0,
    (0.01, 0.02, 0.05, 0.1, 0.2),
    lambda line: line.weekly,
    lambda share: f"{100 * share:.1f} %",
)
_WAITING: Final = _Panel(
    "Matches that wait for the coordinator",
    "How many, on each Friday",
    _PANEL,
    (1, 5, 10, 50, 100, 500, 1000),
    lambda line: line.waiting,
    lambda count: f"{count:,.0f}",
)


def draw(lines: Sequence[Line]) -> str:
    """The SVG of at most eight lines; the first is drawn on top."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {2 * _PANEL}" role="img"'
        ' aria-labelledby="title told" font-family="system-ui, sans-serif" font-size="14">',
        f'<title id="title">{TITLE}</title>',
        f'<desc id="told">{escape(" ".join(_told(panel, lines) for panel in (_UNTOUCHED, _WAITING)))}</desc>',
        _style(),
        f'<rect class="paper" width="{_WIDTH}" height="{2 * _PANEL}"/>',
        *_panel(_UNTOUCHED, lines),
        *_panel(_WAITING, lines),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _style() -> str:
    light = "".join(f".l{place}{{stroke:{colour}}}" for place, (colour, _, _) in enumerate(_LINES))
    dark = "".join(f".l{place}{{stroke:{colour}}}" for place, (_, colour, _) in enumerate(_LINES))
    return (
        "<style>.paper{fill:#fff}.ink{fill:#1a1a1a}.soft{fill:#555}.grid{stroke:#ddd}path{fill:none;stroke-width:2}"
        f"{light}@media (prefers-color-scheme:dark){{.paper{{fill:#16181c}}.ink{{fill:#f0f0f0}}.soft{{fill:#b5b5b5}}"
        f".grid{{stroke:#383c44}}{dark}}}</style>"
    )


def _panel(panel: _Panel, lines: Sequence[Line]) -> Iterator[str]:
    highest = max((value for line in lines for _, value in panel.points(line)), default=0.0)
    step = next((each for each in panel.steps if highest <= 8 * each), panel.steps[-1])
    top = step * max(1, -(-highest // step))
    yield f'<g transform="translate(0 {panel.at})">'
    yield f'<text class="ink" x="{_LEFT}" y="26" font-size="17" font-weight="600">{panel.title}</text>'
    yield f'<text class="soft" x="{_LEFT}" y="47">{panel.subtitle}</text>'
    yield from _axes(panel, step, top)
    for place, line in reversed(list(enumerate(lines))):
        drawn = " ".join(
            f"{'L' if nth else 'M'}{_x(day):.1f} {_y(at, top):.1f}" for nth, (day, at) in enumerate(panel.points(line))
        )
        yield f'<path class="l{place}"{_dashes(place)} d="{drawn}"><title>{escape(line.name)}</title></path>'
    yield from _legend(panel, lines)
    yield "</g>"


def _axes(panel: _Panel, step: float, top: float) -> Iterator[str]:
    for nth in range(round(top / step) + 1):
        y = _y(nth * step, top)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="soft" x="{_LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{panel.shown(nth * step)}</text>'
    for number, name in enumerate(_MONTHS, 1):
        yield f'<text class="soft" x="{_x(date(YEAR, number, 15)):.1f}" y="{_FOOT + 22}" text-anchor="middle">{name}</text>'


def _legend(panel: _Panel, lines: Sequence[Line]) -> Iterator[str]:
    """From the highest to the lowest, with the mean of the year."""
    x, y = _RIGHT + 28, _HEAD + 6
    yield f'<text class="soft" x="{_WIDTH - 14}" y="{y}" text-anchor="end">mean of the weeks</text>'
    for place, line in sorted(enumerate(lines), key=lambda each: -_mean(panel.points(each[1]))):
        y += 28
        yield f'<path class="l{place}"{_dashes(place)} d="M{x} {y - 5} h30"/>'
        yield f'<text class="ink" x="{x + 38}" y="{y}">{escape(line.name)}</text>'
        mean = panel.shown(_mean(panel.points(line)))
        yield f'<text class="ink" x="{_WIDTH - 14}" y="{y}" text-anchor="end">{mean}</text>'


def _told(panel: _Panel, lines: Sequence[Line]) -> str:
    """In words what the lines show."""
    said = [
        f"{line.name}: {panel.shown(_mean(points))} in the mean of the weeks, at most {panel.shown(_most(points))}"
        for line in sorted(lines, key=lambda each: -_mean(panel.points(each)))
        for points in [panel.points(line)]
    ]
    return f"{panel.title}, from high to low. {'; '.join(said)}."


def _mean(points: Points) -> float:
    return sum(value for _, value in points) / max(1, len(points))


def _most(points: Points) -> float:
    return max((value for _, value in points), default=0.0)


def _dashes(place: int) -> str:
    return f' stroke-dasharray="{_LINES[place][2]}"' if _LINES[place][2] else ""


def _x(day: date) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (day - date(YEAR, 1, 1)).days / 365


def _y(value: float, top: float) -> float:
    return _FOOT - (_FOOT - _HEAD) * value / top
