"""Bars drawn as SVG, without script or style: a page shows the same numbers as a table below it."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

WIDTH: Final = 640
HEIGHT: Final = 160
PLACES: Final = 12
"""At least so many bars have room, so that a few are not broad as walls."""
FILLED: Final = 0.75
"""How much of its place a bar fills."""
LEAST: Final = 1.5
"""So high is the bar of the smallest number but 0: it can be seen."""


def bars(numbers: Sequence[tuple[str, int | None]], name: str) -> Markup:
    """A drawing of one bar for each (label, number), from 0 up, with an empty place for None; `name` is what a screen reader
    says of it. Labels and name may hold anything."""
    if not numbers:
        return Markup()
    most = max(1, *(number or 0 for _, number in numbers))
    pitch = WIDTH / max(PLACES, len(numbers))
    drawn = Markup().join(
        Markup(
            '<rect class="rv-p-bar" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
            "<title>{label}</title></rect>"
        ).format(
            x=place * pitch, y=HEIGHT - _height(number, most), width=pitch * FILLED, height=_height(number, most), label=label
        )
        for place, (label, number) in enumerate(numbers)
        if number is not None
    )
    return Markup(
        '<svg class="rv-plot rv-plot-lying" role="img" aria-label="{name}" viewBox="0 0 {width} {height}">{drawn}'
        '<line class="rv-p-axis" x1="0" y1="{base}" x2="{width}" y2="{base}"></line></svg>'
    ).format(name=name, width=WIDTH, height=HEIGHT + 2, base=HEIGHT + 1, drawn=drawn)


def _height(number: int, most: int) -> float:
    return max(LEAST, HEIGHT * number / most) if number > 0 else 0.0
