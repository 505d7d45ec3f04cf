"""The marks of which the drawing of a client picture consists: elements, persons, rings that show how far a follow-up has come,
and a sign for each kind of organisation. Colours and strokes are the style sheet's."""

from typing import Final

from markupsafe import Markup

from raakvlak_node.followup import Phase
from raakvlak_node.pages.drawing_shapes import Body, House
from raakvlak_protocol.party.look.plots import num, tag

_SHARES: Final = {
    Phase.ACKNOWLEDGED: 25,
    Phase.IN_CONTACT: 50,
    Phase.ALREADY_IN_CONTACT: 50,
    Phase.AGREED: 75,
    Phase.EVALUATION_DUE: 75,
    Phase.CLOSED: 100,
}
OVER: Final = frozenset({Phase.CLOSED, Phase.WITHDRAWN, Phase.EXPIRED})

_SIGNS: Final = {
    "education": "M2 10 12 5l10 5-10 5zM6 12.5V17c3 2.7 9 2.7 12 0v-4.5M22 10v5.5",
    "municipality": "M3 9.5 12 4l9 5.5zM5.5 12v6M10 12v6M14 12v6M18.5 12v6M3 20.5h18",
    "police": "M12 3c2.7 2 5.4 2.8 8 3 .3 7-2.4 12-8 15-5.6-3-8.3-8-8-15 2.6-.2 5.3-1 8-3zM9 11.7l2.3 2.3 4-4.3",
    "justice": "M12 4v16M8 20h8M5 7.5h14M5 7.5 2.5 14a3 3 0 0 0 5 0zM19 7.5 16.5 14a3 3 0 0 0 5 0z",
    "youth_care": "M12 20C5.5 15.5 3 12.5 3 9a4.5 4.5 0 0 1 9-1 4.5 4.5 0 0 1 9 1c0 3.5-2.5 6.5-9 11z",
    "health": "M9.5 4h5v5.5H20v5h-5.5V20h-5v-5.5H4v-5h5.5z",
    "shelter": "M12 3v2M3 13a9 8 0 0 1 18 0c-2-1.8-4-1.8-6 0-2-1.8-4-1.8-6 0-2-1.8-4-1.8-6 0zM12 13v6a2 2 0 0 0 4 0",
    "coordinator": "M12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 1 0 0-5zM12 2.5v4M12 17.5v4M2.5 12h4M17.5 12h4",
}
"""Drawn in lines, 24 by 24."""
_OTHER: Final = "M12 5a7 7 0 1 0 0 14 7 7 0 1 0 0-14z"


def text(line: str, x: float, y: float, class_: str, anchor: str = "") -> Markup:
    return tag("text", line, x=x, y=y, class_=class_, text_anchor=anchor)


def house(house: House, signed: bool) -> Markup:
    """The silhouette that holds the family, and where its address is written."""
    middle = (house.left + house.right) / 2
    eave = min(12.0, house.left - 3)
    points = [
        (middle, house.apex), (house.right + eave, house.eaves), (house.right, house.eaves), (house.right, house.bottom),
        (house.left, house.bottom), (house.left, house.eaves), (house.left - eave, house.eaves),
    ]  # fmt: skip
    outline = "M" + "L".join(f"{num(x)} {num(y)}" for x, y in points) + "Z"
    parts = [tag("path", d=outline, class_="rv-d-house")]
    if signed:
        parts.append(tag("path", d=f"M{num(house.left)} {num(house.sign)}H{num(house.right)}", class_="rv-d-floor"))
    return Markup("").join(parts)


def body(at: Body, class_: str) -> Markup:
    """The shape of a person."""
    height = 2 * (at.radius + at.straight)
    return tag("rect", x=at.x - at.radius, y=at.y - height / 2, width=2 * at.radius, height=height, rx=at.radius, class_=class_)


def figure(x: float, y: float, size: float) -> Markup:
    """A head and shoulders, `size` high, with its middle at a point."""
    head, wide = size * 0.23, size * 0.42
    top = y - size / 2
    shoulders = (
        f"M{num(x - wide)} {num(y + size / 2)}c0 {num(-size * 0.62)} {num(2 * wide)} {num(-size * 0.62)} {num(2 * wide)} 0z"
    )
    return tag("circle", cx=x, cy=top + head, r=head, class_="rv-d-figure") + tag("path", d=shoulders, class_="rv-d-figure")


def ring(phase: Phase | None, x: float, y: float, radius: float, start: float) -> Markup:
    """How far the follow-up has come: a ring that fills from the point of contact on, at `start` degrees. Of what still has no
    card, and of what is over, it is dotted or thin; of what is escalated it is notched."""
    if phase is None:
        return tag("circle", cx=x, cy=y, r=radius, class_="rv-d-ring rv-d-ring-awaited")
    if phase is Phase.ESCALATED:
        return tag("circle", cx=x, cy=y, r=radius, pathLength="72", class_="rv-d-ring rv-d-ring-escalated")
    if phase in (Phase.WITHDRAWN, Phase.EXPIRED):
        return tag("circle", cx=x, cy=y, r=radius, class_="rv-d-ring rv-d-ring-over")
    share = _SHARES.get(phase, 0)
    track = tag("circle", cx=x, cy=y, r=radius, class_="rv-d-ring rv-d-ring-track")
    if not share:
        return track
    filled = tag(
        "circle", cx=x, cy=y, r=radius, pathLength="100", stroke_dasharray=f"{share} {100 - share}",
        transform=f"rotate({num(start)} {num(x)} {num(y)})", class_="rv-d-ring rv-d-ring-filled",
    )  # fmt: skip
    return track + filled


def badge(sign: str, x: float, y: float, tone: str) -> Markup:
    """A small round mark on the edge of a disc."""
    lines = {"late": "M0-4.5V1M0 3.8v.4", "done": "M-3.8.2-1 3l4.8-5.5", "over": "M-3-3l6 6M3-3l-6 6"}[sign]
    place = f"translate({num(x)} {num(y)})"
    return tag(
        "g",
        tag("circle", r=8.5, class_=f"rv-d-badge rv-d-{tone}"),
        tag("path", d=lines, class_="rv-d-badge-sign"),
        transform=place,
    )


def sign(kind: str, x: float, y: float, size: float) -> Markup:
    """The sign of a kind of organisation."""
    place = f"translate({num(x - size / 2)} {num(y - size / 2)}) scale({size / 24:.3g})"
    return tag("path", d=_SIGNS.get(kind, _OTHER), transform=place, class_="rv-d-sign")
