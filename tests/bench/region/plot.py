"""The plot, as an SVG that can be read in light and in dark, and by those who can't see it: in its description."""

from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from typing import Final, Protocol

from tests.bench.region.matches import YEAR

_WIDTH: Final = 960
_HEIGHT: Final = 470
_LEFT: Final = 56
_RIGHT: Final = 700
_TOP: Final = 64
_BOTTOM: Final = 420
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Distances of the lines across: the first with which there are at most eight."""
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
_TITLE: Final = "Matches that nobody has touched, past their contact term"


class Line(Protocol):
    """What is drawn: the share on each Friday."""

    @property
    def name(self) -> str: ...
    @property
    def weekly(self) -> Sequence[tuple[date, float]]: ...


def draw(lines: Sequence[Line]) -> str:
    """The SVG of at most eight lines; the first is drawn on top."""
    highest = max((share for line in lines for _, share in line.weekly), default=0.0)
    step = next((each for each in _STEPS if highest <= 8 * each), _STEPS[-1])
    top = step * max(1, -(-highest // step))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="title told"'
        ' font-family="system-ui, sans-serif" font-size="14">',
        f'<title id="title">{_TITLE}</title>',
        f'<desc id="told">{escape(_told(lines))}</desc>',
        _style(),
        f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<text class="ink" x="{_LEFT}" y="26" font-size="17" font-weight="600">{_TITLE}</text>',
        f'<text class="soft" x="{_LEFT}" y="47">Share of all matches whose contact term has passed, on each Friday of a'
        " simulated year</text>",
        *_axes(step, top),
        *_lines(lines, top),
        *_legend(lines),
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


def _axes(step: float, top: float) -> Iterator[str]:
    for nth in range(round(top / step) + 1):
        y = _y(nth * step, top)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="soft" x="{_LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{nth * step * 100:.0f} %</text>'
    for number, name in enumerate(_MONTHS, 1):
        x = _x(date(YEAR, number, 15))
        yield f'<text class="soft" x="{x:.1f}" y="{_BOTTOM + 24}" text-anchor="middle">{name}</text>'


def _lines(lines: Sequence[Line], top: float) -> Iterator[str]:
    for place, line in reversed(list(enumerate(lines))):
        points = " ".join(
            f"{'L' if nth else 'M'}{_x(day):.1f} {_y(share, top):.1f}" for nth, (day, share) in enumerate(line.weekly)
        )
        yield f'<path class="l{place}"{_dashes(place)} d="{points}"><title>{escape(line.name)}</title></path>'


def _legend(lines: Sequence[Line]) -> Iterator[str]:
    """From the highest to the lowest, with the mean of the year."""
    x, y = _RIGHT + 24, _TOP + 6
    yield f'<text class="soft" x="{x}" y="{y}">mean of the weeks</text>'
    for place, line in sorted(enumerate(lines), key=lambda each: -_mean(each[1])):
        y += 28
        yield f'<path class="l{place}"{_dashes(place)} d="M{x} {y - 5} h30"/>'
        yield f'<text class="ink" x="{x + 38}" y="{y}">{escape(line.name)}</text>'
        yield f'<text class="ink" x="{_WIDTH - 12}" y="{y}" text-anchor="end">{100 * _mean(line):.1f} %</text>'


def _told(lines: Sequence[Line]) -> str:
    """In words what the lines show."""
    said = [
        f"{line.name}: {100 * _mean(line):.1f} % in the mean of the weeks, at most {100 * _most(line):.1f} %"
        for line in sorted(lines, key=lambda each: -_mean(each))
    ]
    return f"Share of matches past their contact term that nobody has touched, by week, from high to low. {'; '.join(said)}."


def _mean(line: Line) -> float:
    return sum(share for _, share in line.weekly) / max(1, len(line.weekly))


def _most(line: Line) -> float:
    return max((share for _, share in line.weekly), default=0.0)


def _dashes(place: int) -> str:
    return f' stroke-dasharray="{_LINES[place][2]}"' if _LINES[place][2] else ""


def _x(day: date) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (day - date(YEAR, 1, 1)).days / 365


def _y(share: float, top: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * share / top
