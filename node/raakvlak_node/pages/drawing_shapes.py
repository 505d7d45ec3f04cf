"""Of what the drawing of a client picture consists: shapes in their places, in the units of the drawing, and the measures of
its two layouts."""

from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal

from raakvlak_protocol.relation import Relation

Who = tuple[Relation, int]
"""A person of a case, as `raakvlak_node.picture` names it; (ADDRESS, 0 or 1) is the home."""
Side = Literal[-1, 1]
LEFT: Final[Side] = -1
RIGHT: Final[Side] = 1


@dataclass(frozen=True, slots=True)
class Contact:
    """An organisation to be placed: whom it touches, whom it knows further, and how high its label is."""

    touches: Who
    further: tuple[Who, ...]
    height: float


@dataclass(frozen=True, slots=True)
class Frame:
    """The measures of a layout. From the axis of the house it is `lane` to where the lines to the labels may bend, `reach` to
    the labels, and at least `walls` to the walls. `around` is how far up and down a circle discs stand, as the sine of the
    angle from its centre. `spread` tells that labels find their own place in their column; otherwise the discs stand at the
    height of their labels. Threads bend towards the axis, to `inward` of their disc's distance from it."""

    width: float
    axis: float
    lane: float
    reach: float
    label: float
    sides: tuple[Side, ...]
    disc: float
    client: float
    person: float
    small: float
    widest: float
    row_gap: float
    small_in_row: int
    around: float
    walls: float
    wall: float
    roof: float
    spread: bool
    inward: float


WIDE: Final = Frame(
    width=920, axis=460, lane=206, reach=238, label=212, sides=(LEFT, RIGHT), disc=25, client=70, person=48, small=34,
    widest=112, row_gap=22, small_in_row=4, around=0.88, walls=150, wall=18, roof=0.42, spread=True,
    inward=0.45,
)  # fmt: skip
TALL: Final = Frame(
    width=360, axis=68, lane=170, reach=112, label=170, sides=(RIGHT,), disc=19, client=44, person=36, small=27,
    widest=44, row_gap=18, small_in_row=2, around=0.55, walls=58, wall=5, roof=0.6, spread=False,
    inward=-0.3,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Body:
    """A person, or several folded into one: a circle, or two half ones with `straight` above and below the centre."""

    whos: tuple[Who, ...]
    x: float
    y: float
    radius: float
    straight: float = 0.0

    def beside(self, side: Side, dy: float, disc: float) -> tuple[float, float]:
        """The distance in x of a disc that touches at this height from the centre, and that of the point in which it does."""
        beyond = max(0.0, abs(dy) - self.straight)
        out = sqrt((self.radius + disc) ** 2 - beyond**2)
        return side * out, side * out * self.radius / (self.radius + disc)


@dataclass(frozen=True, slots=True)
class Disc:
    """An organisation, where it touches, and the edge and height to which the line to its label goes."""

    contact: int
    side: Side
    x: float
    y: float
    touch: tuple[float, float]
    label: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Thread:
    """From a disc to a further person: start, control point and end of a curve."""

    contact: int
    points: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class House:
    """`sign` is the top of the part in which the address is written; the bottom where it is not known."""

    left: float
    right: float
    apex: float
    eaves: float
    sign: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything in its place."""

    frame: Frame
    height: float
    house: House
    bodies: tuple[Body, ...]
    discs: tuple[Disc, ...]
    threads: tuple[Thread, ...]
