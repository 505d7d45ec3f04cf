"""Where everything stands in the drawing of a client picture: pure geometry.

The family stands in its house, generation by generation. An organisation is a disc that *touches* the nearest person that it
knows: their circles have one point in common. The circle of a person who is known to many grows, and stretches where it
would grow too far. Each disc has its label beside the house, in the order in which the discs stand, and the line between
them bends only in a lane where nothing else is: no two of those lines cross. From a disc to the further persons that it
knows run threads, behind everything else.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Final

from raakvlak_node.pages.drawing_shapes import LEFT, RIGHT, Body, Contact, Disc, Frame, House, Scene, Side, Thread, Who
from raakvlak_protocol.relation import Relation

SHOWN: Final = 4
"""So many brothers and sisters, or children, are drawn one by one; where there are more, the last circle holds the rest."""
_ORDER: Final = (Relation.PARENT, Relation.CLIENT, Relation.SIBLING, Relation.CHILD)


@dataclass(slots=True)
class _Row:
    """Bodies beside each other; at most one stands at each side, and `at` is what touches it there."""

    bodies: list[Body]
    at: dict[Side, tuple[int, list[int]]]
    """side: (index of the body, the contacts from top to bottom)"""


def fold(relation: Relation, count: int, known: Iterable[int], touched: Iterable[int]) -> list[tuple[Who, ...]]:
    """The circles of one relation, of `count` persons and whichever else is known: one person each, or in the last all that
    there is no room for. Who is touched stands alone before who is known, and who is known before who is not."""
    first, then = set(touched), set(known)
    places = sorted({*range(1, count + 1), *first, *then})
    if len(places) <= SHOWN:
        return [((relation, each),) for each in places]
    best = sorted(places, key=lambda each: (each not in first, each not in then, each))
    alone = sorted(best[: SHOWN - 1])
    return [*(((relation, each),) for each in alone), tuple((relation, each) for each in places if each not in alone)]


def arrange(people: Sequence[tuple[Who, ...]], contacts: Sequence[Contact], home: bool, frame: Frame) -> Scene:
    """Everything in its place. `people` are the circles, of which one holds each person that a contact names."""
    loads = dict.fromkeys(frame.sides, 0.0)
    rows = list(_rows(people, contacts, loads, frame))
    y = 0.0
    bodies: list[Body] = []
    discs: list[Disc] = []
    for row in rows:
        half = _half_height(row, contacts, frame)
        placed = [replace(each, y=y + half) for each in row.bodies]
        bodies += placed
        for side, (index, touching) in row.at.items():
            discs += _beside(placed[index], side, touching, contacts, frame)
        y += 2 * half + frame.row_gap
    wall = max(frame.walls, max(abs(each.x - frame.axis) + each.radius for each in bodies) + frame.wall)
    sign = max(y - frame.row_gap, max(each.y + each.radius + each.straight for each in bodies)) + 14
    bottom = sign
    if home:
        at_home = [index for index, each in enumerate(contacts) if each.touches[0] is Relation.ADDRESS]
        halves = _split(at_home, contacts, frame, {}, loads)
        bottom = sign + 2 * max(23.0, *(_extent(each, contacts, frame) for each in halves.values()), 0.0)
        for side, touching in halves.items():
            discs += _at_wall(frame.axis + side * wall, (sign + bottom) / 2, side, touching, contacts, frame)
    eaves = min(each.y - each.radius - each.straight for each in bodies) - 12
    apex = eaves - wall * frame.roof
    house = House(frame.axis - wall, frame.axis + wall, apex, eaves, sign, bottom)
    threads = list(_threads(bodies, discs, contacts, house, frame))
    if frame.spread:
        discs = [each for side in frame.sides for each in _labelled([d for d in discs if d.side == side], contacts)]
    return _framed(frame, house, bodies, discs, threads, contacts)


# --- rows ---------------------------------------------------------------------------------------------------------------


def _rows(
    people: Sequence[tuple[Who, ...]], contacts: Sequence[Contact], loads: dict[Side, float], frame: Frame
) -> Iterator[_Row]:
    columns: dict[Who, Side] = {}
    for relation in _ORDER:
        spots = [each for each in people if each[0][0] is relation]
        touching = {spot: [index for index, each in enumerate(contacts) if each.touches in spot] for spot in spots}
        known = [spot for spot in spots if touching[spot]]
        quiet = [spot for spot in spots if not touching[spot]]
        if frame.spread and known and len(spots) > 1 and len(known) <= 2 and max(map(len, touching.values())) <= 3:
            row = _shared(spots, touching, contacts, loads, frame)
            if row is not None:
                _weigh(loads, {side: each for side, (_, each) in row.at.items()}, contacts)
                columns |= {who: side for side, (index, _) in row.at.items() for who in row.bodies[index].whos}
                yield row
                continue
        for spot in known:
            halves = _split(touching[spot], contacts, frame, columns, loads)
            yield _Row([_body(spot, frame.axis, halves, contacts, frame)], {side: (0, each) for side, each in halves.items()})
        for start in range(0, len(quiet), frame.small_in_row):
            part = quiet[start : start + frame.small_in_row]
            yield _Row(_in_line([Body(each, 0, 0, frame.small) for each in part], frame, 8), {})


def _shared(
    spots: list[tuple[Who, ...]],
    touching: dict[tuple[Who, ...], list[int]],
    contacts: Sequence[Contact],
    loads: dict[Side, float],
    frame: Frame,
) -> _Row | None:
    """One or two persons whom organisations touch, at the sides, and the others between them; None where that is too wide."""
    known = [spot for spot in spots if touching[spot]]
    if len(known) == 1:
        left = loads[LEFT] <= loads[RIGHT]
        first, last = (known[0], None) if left else (None, known[0])
    else:
        first, last = known
    between = [spot for spot in spots if spot not in known]
    ordered = [*([first] if first else []), *between, *([last] if last else [])]
    at: dict[Side, tuple[int, list[int]]] = {}
    bodies = []
    for index, spot in enumerate(ordered):
        if not touching[spot]:
            bodies.append(Body(spot, 0, 0, frame.small))
            continue
        side = LEFT if spot == first else RIGHT
        found = _by_further(touching[spot], contacts)
        bodies.append(_body(spot, 0, {side: found}, contacts, frame))
        at[side] = (index, found)
    bodies = _in_line(bodies, frame, 14)
    ends = max(abs(each.x - frame.axis) + each.radius for each in bodies) + 2 * frame.disc
    return _Row(bodies, at) if ends + frame.wall <= frame.lane - 4 else None


def _in_line(bodies: list[Body], frame: Frame, gap: float) -> list[Body]:
    x = frame.axis - (sum(2 * each.radius for each in bodies) + gap * (len(bodies) - 1)) / 2
    placed = []
    for each in bodies:
        placed.append(replace(each, x=x + each.radius))
        x += 2 * each.radius + gap
    return placed


def _body(whos: tuple[Who, ...], x: float, at: dict[Side, list[int]], contacts: Sequence[Contact], frame: Frame) -> Body:
    """So large that the discs beside it don't touch each other; stretched where that is too large."""
    least = frame.client if whos[0][0] is Relation.CLIENT else frame.person
    farthest = max((abs(dy) for touching in at.values() for dy in _heights(touching, contacts, frame)), default=0.0)
    around = min(max(least + frame.disc, farthest / frame.around), max(least, frame.widest) + frame.disc)
    return Body(whos, x, 0, around - frame.disc, max(0.0, farthest - around * frame.around))


def _heights(touching: list[int], contacts: Sequence[Contact], frame: Frame) -> list[float]:
    """Where discs stand above (-) and below the centre: beside their labels in the tall layout, closer together where there is
    room for the lines to spread."""
    if not frame.spread:
        return _centres(touching, contacts)
    pitch = 2 * frame.disc + 8
    return [(index - (len(touching) - 1) / 2) * pitch for index in range(len(touching))]


def _centres(touching: list[int], contacts: Sequence[Contact]) -> list[float]:
    """The middles of the labels, stacked around 0."""
    top, found = -_stack(touching, contacts) / 2, []
    for each in touching:
        found.append(top + contacts[each].height / 2)
        top += contacts[each].height
    return found


def _stack(touching: list[int], contacts: Sequence[Contact]) -> float:
    return sum(contacts[each].height for each in touching)


def _half_height(row: _Row, contacts: Sequence[Contact], frame: Frame) -> float:
    bodies = max(each.radius + each.straight for each in row.bodies)
    return max(bodies, *(_extent(touching, contacts, frame) for _, touching in row.at.values()), 0.0)


def _extent(touching: list[int], contacts: Sequence[Contact], frame: Frame) -> float:
    """How far the discs reach up and down, with their labels where those stand at the same height."""
    discs = max(map(abs, _heights(touching, contacts, frame)), default=0.0) + frame.disc
    return discs if frame.spread else max(discs, _stack(touching, contacts) / 2)


def _split(
    touching: list[int], contacts: Sequence[Contact], frame: Frame, columns: dict[Who, Side], loads: dict[Side, float]
) -> dict[Side, list[int]]:
    """The contacts of one body over the sides of the layout: where the further persons stand that they know, if there is
    room, and otherwise where the column of labels is shorter so far."""
    if len(frame.sides) == 1:
        return {frame.sides[0]: _by_further(touching, contacts)} if touching else {}
    most = (len(touching) + 1) // 2
    halves: dict[Side, list[int]] = {LEFT: [], RIGHT: []}
    undecided = []
    for each in touching:
        wanted = {columns[who] for who in contacts[each].further if who in columns}
        side = next(iter(wanted)) if len(wanted) == 1 else None
        if side is not None and len(halves[side]) < most:
            halves[side].append(each)
        else:
            undecided.append(each)
    _weigh(loads, halves, contacts)
    for each in undecided:
        open_sides = [side for side in frame.sides if len(halves[side]) < most]
        lighter = min(open_sides, key=lambda side: (loads[side], side))
        halves[lighter].append(each)
        loads[lighter] += contacts[each].height
    return {side: _by_further(each, contacts) for side, each in halves.items() if each}


def _weigh(loads: dict[Side, float], halves: dict[Side, list[int]], contacts: Sequence[Contact]) -> None:
    for side, touching in halves.items():
        loads[side] += _stack(touching, contacts)


def _by_further(touching: list[int], contacts: Sequence[Contact]) -> list[int]:
    """Who also knows somebody above stands above, who also knows somebody below stands below."""

    def lean(index: int) -> float:
        rows = [_level(who) for who in contacts[index].further]
        return sum(rows) / len(rows) if rows else 0.0

    return sorted(touching, key=lambda each: (lean(each), each))


def _level(who: Who) -> float:
    return {Relation.PARENT: -1.0, Relation.SIBLING: 1.0, Relation.CHILD: 1.5, Relation.ADDRESS: 0.25}.get(who[0], 0.0)


# --- discs and threads ----------------------------------------------------------------------------------------------------


def _beside(body: Body, side: Side, touching: list[int], contacts: Sequence[Contact], frame: Frame) -> Iterator[Disc]:
    for index, dy in zip(touching, _heights(touching, contacts, frame), strict=True):
        out, touch = body.beside(side, dy, frame.disc)
        beyond = max(0.0, abs(dy) - body.straight) * body.radius / (body.radius + frame.disc)
        up = min(abs(dy), body.straight) + beyond
        point = (body.x + touch, body.y + (up if dy > 0 else -up))
        yield Disc(index, side, body.x + out, body.y + dy, point, (frame.axis + side * frame.reach, body.y + dy))


def _at_wall(
    wall: float, y: float, side: Side, touching: list[int], contacts: Sequence[Contact], frame: Frame
) -> Iterator[Disc]:
    for index, dy in zip(touching, _heights(touching, contacts, frame), strict=True):
        yield Disc(index, side, wall + side * frame.disc, y + dy, (wall, y + dy), (frame.axis + side * frame.reach, y + dy))


def _labelled(column: list[Disc], contacts: Sequence[Contact]) -> Iterator[Disc]:
    """The labels of one side under each other in the order of the discs, as near to these as they can be together: those that
    would overlap become a block, which stands where its labels are nearest on the average."""
    blocks: list[tuple[float, list[Disc]]] = []
    for disc in sorted(column, key=lambda each: each.y):
        block = (disc.y - contacts[disc.contact].height / 2, [disc])
        while blocks and blocks[-1][0] + _height(blocks[-1][1], contacts) > block[0]:
            block = _joined(blocks.pop()[1] + block[1], contacts)
        blocks.append(block)
    for top, discs in blocks:
        for disc in discs:
            high = contacts[disc.contact].height
            yield replace(disc, label=(disc.label[0], top + high / 2))
            top += high


def _joined(discs: list[Disc], contacts: Sequence[Contact]) -> tuple[float, list[Disc]]:
    above, tops = 0.0, []
    for disc in discs:
        high = contacts[disc.contact].height
        tops.append(disc.y - high / 2 - above)
        above += high
    return sum(tops) / len(tops), discs


def _height(discs: list[Disc], contacts: Sequence[Contact]) -> float:
    return _stack([each.contact for each in discs], contacts)


def _threads(
    bodies: list[Body], discs: list[Disc], contacts: Sequence[Contact], house: House, frame: Frame
) -> Iterator[Thread]:
    for disc in discs:
        contact = contacts[disc.contact]
        inward = frame.axis + (disc.x - frame.axis) * frame.inward
        ends = [
            _edge(body, (inward, (disc.y + body.y) / 2))
            for body in bodies
            if contact.touches not in body.whos and not set(contact.further).isdisjoint(body.whos)
        ]
        if any(who[0] is Relation.ADDRESS for who in contact.further):
            ends.append((inward, house.sign))
        for end in ends:
            control = inward, (disc.y + end[1]) / 2
            yield Thread(disc.contact, ((disc.x, disc.y), control, end))


def _edge(body: Body, towards: tuple[float, float]) -> tuple[float, float]:
    """The point of a body's edge that is nearest to another point, which lies outside."""
    near = min(max(towards[1], body.y - body.straight), body.y + body.straight)
    dx, dy = towards[0] - body.x, towards[1] - near
    far = hypot(dx, dy) or 1.0
    return body.x + dx / far * body.radius, near + dy / far * body.radius


def _framed(
    frame: Frame, house: House, bodies: list[Body], discs: list[Disc], threads: list[Thread], contacts: Sequence[Contact]
) -> Scene:
    """Moved down so that the top is at the margin."""
    tops = [
        house.apex,
        *(each.label[1] - contacts[each.contact].height / 2 for each in discs),
        *(d.y - frame.disc for d in discs),
    ]
    ends = [house.bottom, *(each.label[1] + contacts[each.contact].height / 2 for each in discs)]
    down = 10 - min(tops)

    def lower(point: tuple[float, float]) -> tuple[float, float]:
        return point[0], point[1] + down

    return Scene(
        frame,
        max(ends) + down + 10,
        House(house.left, house.right, house.apex + down, house.eaves + down, house.sign + down, house.bottom + down),
        tuple(replace(each, y=each.y + down) for each in bodies),
        tuple(replace(each, y=each.y + down, touch=lower(each.touch), label=lower(each.label)) for each in discs),
        tuple(Thread(each.contact, (lower(each.points[0]), lower(each.points[1]), lower(each.points[2]))) for each in threads),
    )
