"""Bars drawn as SVG, without script or style: a page shows the same numbers as a table below it."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from raakvlak_protocol.party.look.plots import image, tag

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
    drawn = [
        tag(
            "rect", tag("title", label), class_="rv-p-bar", x=place * pitch, y=HEIGHT - _height(number, most),
            width=pitch * FILLED, height=_height(number, most),
        )
        for place, (label, number) in enumerate(numbers)
        if number is not None
    ]  # fmt: skip
    axis = tag("path", d=f"M0 {HEIGHT + 1}H{WIDTH}", class_="rv-p-axis")
    return image([*drawn, axis], WIDTH, HEIGHT + 2, name, class_="rv-plot rv-plot-lying", name="bars")


def _height(number: int, most: int) -> float:
    return max(LEAST, HEIGHT * number / most) if number > 0 else 0.0
