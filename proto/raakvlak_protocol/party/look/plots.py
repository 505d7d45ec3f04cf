"""Plots as SVG, made where the page is made: they need no script, and are read in black and white as well.

Pure: the same numbers give the same markup. Every number stands in text beside its bar. A plot is an image with a title and,
where one is given, a description; the table beside it is the page's. Classes only: colours are the style sheet's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from raakvlak_protocol.party.look.lettering import width, wrap

_SIZE: Final = 14.0
_LINE: Final = 17.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: what it is, how long, what is written behind it, and how much of it, at its end, is striped (of `value`)."""

    label: str
    value: float
    text: str
    striped: float = 0.0


def num(number: float) -> str:
    """A coordinate: a tenth is enough."""
    return f"{round(number, 1) + 0.0:g}"  # + 0.0, so that no zero has a sign


def tag(name: str, *inside: str, **attributes: str | float) -> Markup:
    """An element. Whatever is not markup already is escaped; `_` in a name stands for `-`, at its end for nothing. An empty
    attribute is left out."""
    parts = [
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), num(value) if isinstance(value, int | float) else value)
        for key, value in attributes.items()
        if value != ""
    ]
    return Markup("<{0}{1}>{2}</{0}>").format(name, Markup("").join(parts), Markup("").join(map(escape, inside)))


def image(parts: Sequence[Markup], wide: float, high: float, title: str, *, class_: str, name: str, about: str = "") -> Markup:
    """An SVG image with its title; `name` makes its ids the page's own."""
    told = [tag("title", title, id=f"{name}-title")]
    if about:
        told.append(tag("desc", about, id=f"{name}-desc"))
    return tag(
        "svg",
        *told,
        *parts,
        class_=class_,
        viewBox=f"0 0 {num(wide)} {num(high)}",
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc" if about else "",
    )


def lying(shown: Sequence[Bar], title: str, name: str, *, most: float = 0.0, wide: float = 340.0) -> Markup:
    """Horizontal bars, each under its label; `most` is the value of a bar of full length, the greatest one for 0. For a phone
    as for a desktop."""
    full = most or max((each.value for each in shown), default=0) or 1.0
    room = wide - max((width(each.text, _SIZE, bold=True) for each in shown), default=0.0) - 10
    parts: list[Markup] = []
    y = 0.0
    for each in shown:
        for line in wrap(each.label, _SIZE, wide, 2):
            y += _LINE
            parts.append(tag("text", line, x=0, y=y - 4, class_="rv-p-label"))
        long = room * min(1.0, each.value / full)
        striped = room * min(1.0, each.striped / full)
        parts.append(tag("rect", x=0, y=y, width=room, height=16, rx=3, class_="rv-p-track"))
        if long:
            parts.append(tag("rect", x=0, y=y, width=max(2.0, long), height=16, rx=3, class_="rv-p-bar"))
        if striped:
            parts += stripes(long - striped, y, striped, 16)
        parts.append(tag("text", each.text, x=room + 8, y=y + 13, class_="rv-p-number"))
        y += 26
    spoken = "; ".join(f"{each.label}: {each.text}" for each in shown)
    return image(parts, wide, max(y, 1.0), title, class_="rv-plot rv-plot-lying", name=name, about=spoken)


def stripes(x: float, y: float, wide: float, high: float) -> list[Markup]:
    """Slanting lines over a part of a bar: what is read without colour. Lines, not a pattern: that would need an id."""
    parts = []
    at = x + 3
    while at < x + wide:
        top = min(at + high / 2, x + wide)
        down = (top - at) * 2
        parts.append(f"M{num(at)} {num(y + high)}L{num(top)} {num(y + high - down)}")
        at += 5
    edge = tag("path", d=f"M{num(x)} {num(y)}v{num(high)}", class_="rv-p-cut")
    return [edge, tag("path", d="".join(parts), class_="rv-p-stripes")] if parts else [edge]


def months(
    title: str, name: str, labels: Sequence[str], whole: Sequence[int], part: Sequence[int], late: Sequence[int] = ()
) -> Markup:
    """Upright bars side by side, one for each month: pale how many there were, filled how many of them came so far, striped how
    many of those late. The numbers stand above what is filled, and in the description; `labels` are short, of one line or
    two."""
    step, high, base = 34.0, 84.0, 104.0
    wide = max(len(labels) * step, step)
    full = max((*whole, *part), default=0) or 1
    lates = list(late) or [0] * len(labels)
    parts: list[Markup] = [tag("path", d=f"M0 {num(base)}H{num(wide)}", class_="rv-p-axis")]
    for index, (label, all, some, behind) in enumerate(zip(labels, whole, part, lates, strict=True)):
        x, middle = index * step + 6, index * step + step / 2
        tall, filled, striped = (high * each / full for each in (all, some, behind))
        if all:
            parts.append(tag("rect", x=x, y=base - tall, width=step - 12, height=tall, class_="rv-p-whole"))
        if some:
            parts.append(tag("rect", x=x, y=base - filled, width=step - 12, height=filled, class_="rv-p-bar"))
        if behind:
            parts += stripes(x, base - filled, step - 12, striped)
        parts.append(tag("text", f"{some}", x=middle, y=base - filled - 5, text_anchor="middle", class_="rv-p-number"))
        for row, line in enumerate(label.split("\n")):
            parts.append(tag("text", line, x=middle, y=base + 15 + 14 * row, text_anchor="middle", class_="rv-p-month"))
    spoken = "; ".join(f"{' '.join(label.split())}: {some}/{all}" for label, all, some in zip(labels, whole, part, strict=True))
    return image(parts, wide, base + 34, title, class_="rv-plot rv-plot-months", name=name, about=spoken)
