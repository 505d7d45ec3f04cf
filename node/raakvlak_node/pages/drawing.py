"""The client picture as a drawing: who else is involved with a family, since when, whom to call.

Pure: the same picture gives the same markup. A page gives both layouts of `drawing`, of which the style sheet shows the one
that fits, and beside it `as_rows`, which tells the same. Persons are named by relation and order only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import atan2, degrees
from typing import Final

from markupsafe import Markup

from raakvlak_node.followup import Phase
from raakvlak_node.pages import drawing_ink as ink
from raakvlak_node.pages.drawing_layout import arrange
from raakvlak_node.pages.drawing_rows import CLIENT, ClientPicture, Family, Involved, Row, as_rows, row
from raakvlak_node.pages.drawing_shapes import LEFT, TALL, WIDE, Body, Contact, Disc, Frame, Scene, Thread
from raakvlak_node.pages.drawing_words import people_name
from raakvlak_protocol.party.look.lettering import wrap
from raakvlak_protocol.party.look.plots import num, tag
from raakvlak_protocol.party.look.words import Words

__all__ = ["ClientPicture", "Family", "Involved", "Row", "as_rows", "drawing"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a label."""

    text: str
    class_: str
    size: float
    high: float


@dataclass(frozen=True, slots=True)
class Label:
    """What stands beside an organisation's disc; `whole` is the same in one sentence, nothing left out."""

    lines: tuple[Line, ...]
    whole: str

    @property
    def high(self) -> float:
        return sum(each.high for each in self.lines)


_BETWEEN: Final = 24.0


def drawing(picture: ClientPicture, words: Words, name: str = "picture") -> Markup:
    """Both layouts, for a wide and a narrow place; the style sheet shows one of them. `name` makes their ids the page's own."""
    both = [_svg(picture, words, frame, f"{name}-{kind}", kind) for frame, kind in ((WIDE, "wide"), (TALL, "tall"))]
    return tag("div", *both, class_="rv-drawing")


def staged(picture: ClientPicture, words: Words, frame: Frame) -> tuple[Scene, list[Label]]:
    """Where everything stands, and the labels, the own organisation's first."""
    labels = [_own_label(picture, words, frame), *(_label(row(each, words), frame) for each in picture.others)]
    knows = [[CLIENT], *(each.nearest_first for each in picture.others)]
    contacts = [Contact(whos[0], tuple(whos[1:]), label.high + _BETWEEN) for whos, label in zip(knows, labels, strict=True)]
    return arrange(picture.people, contacts, picture.home, frame), labels


def _svg(picture: ClientPicture, words: Words, frame: Frame, name: str, kind: str) -> Markup:
    scene, labels = staged(picture, words, frame)
    count = len(picture.others)
    title = words.plural(
        "%(count)s other organisation is involved with this family",
        "%(count)s other organisations are involved with this family",
        count,
    )
    told = [words("You: %(name)s.", name=picture.own_name), *(each.whole for each in labels[1:])]
    parts: list[Markup] = [
        tag("title", title, id=f"{name}-title"),
        tag("desc", " ".join(told), id=f"{name}-desc"),
        tag("g", *_ground(picture, scene, words), aria_hidden="true"),
        *(_organisation(picture, labels, each, scene) for each in sorted(scene.discs, key=lambda each: (each.side, each.y))),
    ]
    return tag(
        "svg",
        *parts,
        class_=f"rv-d rv-d-{kind}",
        viewBox=f"0 0 {num(frame.width)} {num(scene.height)}",
        # A picture with links in it is a group: what stands in an image is not there for who can't see it.
        role="group" if any(each.href for each in picture.others) else "img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
    )


def _ground(picture: ClientPicture, scene: Scene, words: Words) -> Iterator[Markup]:
    """All that is behind the organisations, from the back to the front."""
    yield ink.house(scene.house, picture.home)
    if picture.home:
        high = scene.house.bottom - scene.house.sign
        y = scene.house.sign + high / 2 + 4.5
        yield ink.text(words("Home address"), scene.frame.axis, y, "rv-d-person", "middle")
    yield from (_thread(each) for each in scene.threads)
    yield from (_person(each, picture, scene, words) for each in scene.bodies)
    for each in scene.threads:
        x, y = each.points[2]
        yield tag("circle", cx=x, cy=y, r=3, class_=f"rv-d-touch rv-d-t{each.contact}")


def _thread(each: Thread) -> Markup:
    (x, y), (bend_x, bend_y), (to_x, to_y) = each.points
    d = f"M{num(x)} {num(y)}Q{num(bend_x)} {num(bend_y)} {num(to_x)} {num(to_y)}"
    return tag("path", d=d, class_=f"rv-d-thread rv-d-t{each.contact}")


def _person(at: Body, picture: ClientPicture, scene: Scene, words: Words) -> Markup:
    client = at.whos[0] == CLIENT
    known = client or any(who in each.persons for each in picture.others for who in at.whos)
    tone = "rv-d-client" if client else "rv-d-known" if known else "rv-d-quiet"
    size = 18.0 if client else 13.0 if at.radius > scene.frame.small else 12.0
    lines = wrap(people_name(at.whos, words), size, 2 * at.radius - 10, 3, bold=client)
    high = size * 1.15
    drawn = at.radius if at.radius > scene.frame.small else 0.0
    glyph = min(drawn * 0.62, 44.0)
    top = at.y - (len(lines) * high + glyph) / 2
    parts = [ink.body(at, f"rv-d-body {tone}")]
    if glyph:
        parts.append(ink.figure(at.x, top + glyph / 2 - 2, glyph * 0.92))
    for index, line in enumerate(lines):
        y = top + glyph + high * (index + 0.82)
        parts.append(ink.text(line, at.x, y, f"rv-d-person rv-d-s{size:.0f}" + (" rv-d-bold" if client else ""), "middle"))
    return tag("g", *parts)


def _organisation(picture: ClientPicture, labels: list[Label], disc: Disc, scene: Scene) -> Markup:
    """The disc with its ring and point of contact, the line to its label, and that."""
    frame = scene.frame
    own = disc.contact == 0
    other = None if own else picture.others[disc.contact - 1]
    label = labels[disc.contact]
    x, y = disc.x, disc.y
    start = degrees(atan2(disc.touch[1] - y, disc.touch[0] - x))
    edge, at = disc.label
    linked = other is not None and other.href
    parts = [
        # A link has its name by itself; a title too would be said twice.
        *([] if linked else [tag("title", label.whole)]),
        tag("path", d=_lead(disc, scene), class_="rv-d-lead"),
        tag("circle", cx=x, cy=y, r=frame.disc, class_="rv-d-disc" + (" rv-d-own" if own else "")),
        ink.sign(picture.own_kind if other is None else other.kind, x, y, frame.disc * 1.02),
    ]
    if other is not None:
        parts.append(ink.ring(other.phase, x, y, frame.disc - 2.5, start))
        parts += _badges(other, x, y, disc, frame)
    parts.append(tag("circle", cx=disc.touch[0], cy=disc.touch[1], r=4.5, class_="rv-d-touch rv-d-point"))
    parts.append(tag("path", d=f"M{num(edge)} {num(at - label.high / 2)}v{num(label.high)}", class_="rv-d-edge"))
    parts += _written(label, disc)
    class_ = f"rv-d-org rv-d-o{disc.contact}" + (" rv-d-asked" if other is not None and other.act else "")
    if other is not None and other.href:
        return tag("a", *parts, href=other.href, class_=class_, aria_label=label.whole)
    return tag("g", *parts, class_=class_)


def bend(side: int, scene: Scene) -> float:
    """How far from the axis the lines to the labels of a side begin to bend: in the lane, or beyond discs that reach out of
    it."""
    axis, disc = scene.frame.axis, scene.frame.disc
    return max([scene.frame.lane, *(abs(each.x - axis) + disc for each in scene.discs if each.side == side)])


def _lead(disc: Disc, scene: Scene) -> str:
    """From the disc to its label: straight out to the lane, and there to its height."""
    edge, at = disc.label
    frame = scene.frame
    path = f"M{num(disc.x + disc.side * frame.disc)} {num(disc.y)}"
    if abs(at - disc.y) < 0.5:
        return path + f"H{num(edge)}"
    lane = frame.axis + disc.side * bend(disc.side, scene)
    middle = num((lane + edge) / 2)
    return path + f"H{num(lane)}C{middle} {num(disc.y)} {middle} {num(at)} {num(edge)} {num(at)}"


def _badges(other: Involved, x: float, y: float, disc: Disc, frame: Frame) -> Iterator[Markup]:
    # At the side of the label, below: never on the point of contact.
    at = (x + disc.side * frame.disc * 0.72, y + frame.disc * 0.72)
    if other.phase is Phase.ESCALATED or other.overdue:
        yield ink.badge("late", *at, "late")
    elif other.phase is Phase.CLOSED:
        yield ink.badge("done", *at, "done")
    elif other.phase in ink.OVER:
        yield ink.badge("over", *at, "over")


def _written(label: Label, disc: Disc) -> Iterator[Markup]:
    edge, at = disc.label
    x, anchor = edge + disc.side * 9, "end" if disc.side == LEFT else "start"
    top = at - label.high / 2
    for each in label.lines:
        # Read aloud, the lines are words apart.
        yield ink.text(each.text, x, top + each.high * 0.76, each.class_, anchor) + Markup(" ")
        top += each.high


# --- labels ---------------------------------------------------------------------------------------------------------------


def _own_label(picture: ClientPicture, words: Words, frame: Frame) -> Label:
    lines = [
        *_lines(picture.own_name, "rv-d-name", 16, 20, 2, frame, bold=True),
        *_lines(words("Your organisation"), "rv-d-fact", 14, 18, 1, frame),
    ]
    return Label(tuple(lines), words("You: %(name)s.", name=picture.own_name))


def _label(row: Row, frame: Frame) -> Label:
    """Who, since when, whom to call; then how it stands, and what is asked."""
    about = " · ".join(filter(None, [row.kind, row.since]))
    together = len(_lines(about, "", 14, 18, 2, frame)) == 1
    most = 2 if frame.spread else 3
    late = " rv-d-late-text" if row.overdue else ""
    lines = [
        *_lines(row.name, "rv-d-name", 16, 20, most, frame, bold=True),
        *(
            line
            for each in ([about] if together else [row.kind, row.since])
            for line in _lines(each, "rv-d-fact", 14, 18, 1, frame)
        ),
        *_lines(row.call, "rv-d-call", 14, 18, most, frame, bold=True),
        *_lines(row.phase, "rv-d-phase", 14, 18, 1, frame),
        *(_lines(f"→ {row.act}", "rv-d-act" + late, 14, 18, 2, frame, bold=True) if row.act else ()),
    ]
    # First what can be read in the drawing, in its order: who commands a browser by voice says that (WCAG 2.5.3).
    whole = ". ".join(filter(None, [row.name, about, row.call, row.phase, row.act.rstrip("."), f"{row.match}: {row.via}"]))
    return Label(tuple(lines), whole + ".")


def _lines(said: str, class_: str, size: float, high: float, most: int, frame: Frame, *, bold: bool = False) -> list[Line]:
    return [Line(each, class_, size, high) for each in wrap(said, size, frame.label - 9, most, bold=bold)]
