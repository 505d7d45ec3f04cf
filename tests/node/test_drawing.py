"""The client picture as a drawing: everybody is in it once, touches what it should, and covers nothing else."""

from datetime import date
from itertools import combinations, pairwise
from math import hypot
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raakvlak_node.followup import Phase
from raakvlak_node.pages.drawing import Label, as_rows, bend, drawing, staged
from raakvlak_node.pages.drawing_rows import CLIENT, ClientPicture, Family, Involved
from raakvlak_node.pages.drawing_shapes import TALL, WIDE, Body, Disc, Frame, Scene, Who
from raakvlak_node.pages.drawing_words import people_name
from raakvlak_protocol.covenant import KINDS
from raakvlak_protocol.party.look import look
from raakvlak_protocol.party.look.lettering import width, wrap
from raakvlak_protocol.relation import MatchKind, Relation

WORDS = look("raakvlak_node.pages").words("nl")
ENGLISH = look("raakvlak_node.pages").words("en")
HOSTILE = "\"><script>alert(1)</script>'&amp;</title></svg>"
FRAMES = pytest.mark.parametrize("frame", [WIDE, TALL], ids=["wide", "tall"])

texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=60).map(str.strip)
whos: st.SearchStrategy[Who] = st.one_of(
    st.tuples(st.sampled_from([Relation.CLIENT, Relation.ADDRESS]), st.integers(1, 2)),
    st.tuples(st.just(Relation.PARENT), st.integers(1, 2)),
    st.tuples(st.sampled_from([Relation.SIBLING, Relation.CHILD]), st.integers(1, 20)),
)
involved = st.builds(
    Involved,
    name=texts.filter(bool) | st.sampled_from([HOSTILE, "Gemeente Veere", "Politie Zeeland-West-Brabant"]),
    kind=st.sampled_from([*KINDS, ""]),
    persons=st.frozensets(whos, min_size=1, max_size=6),
    match=st.sampled_from(MatchKind),
    phase=st.none() | st.sampled_from(Phase),
    since=st.none() | st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    call=texts,
    act=texts,
    overdue=st.booleans(),
    href=st.sampled_from(["", "/follow-ups/1"]),
)
families = st.builds(
    Family, parents=st.integers(0, 2), siblings=st.integers(0, 20), children=st.integers(0, 20), home=st.booleans()
)
pictures = st.builds(
    ClientPicture,
    family=families,
    own_name=texts.filter(bool),
    own_kind=st.sampled_from(KINDS),
    others=st.lists(involved, max_size=12).map(tuple),
)


def one(**values: object) -> Involved:
    given: dict[str, object] = {"name": "Gemeente Veere", "kind": "municipality", "persons": frozenset({CLIENT})}
    return Involved(**(given | {"match": MatchKind.CLIENT} | values))  # type: ignore[arg-type]


def picture(*others: Involved) -> ClientPicture:
    family = Family(parents=2, siblings=2, home=True)
    return ClientPicture(family=family, own_name="Zeeuws Lyceum", own_kind="education", others=others)


def away(body: Body, x: float, y: float) -> float:
    """The distance of a point to the edge of a body, negative inside."""
    near = min(max(y, body.y - body.straight), body.y + body.straight)
    return hypot(x - body.x, y - near) - body.radius


def box(disc: Disc, label: Label, frame: Frame) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a label, as wide as its widest line is reckoned to be."""
    edge, middle = disc.label
    wide = 9 + max(width(each.text, each.size) for each in label.lines)
    left = edge if disc.side > 0 else edge - wide
    return left, middle - label.high / 2, left + wide, middle + label.high / 2


# --- where everything stands --------------------------------------------------------------------------------------------


@FRAMES
@given(shown=pictures)
@settings(max_examples=30, deadline=None)
def test_everybody_stands_in_the_picture_once_and_every_organisation_touches_the_nearest(
    frame: Frame, shown: ClientPicture
) -> None:
    scene, _ = staged(shown, WORDS, frame)
    people = [who for body in scene.bodies for who in body.whos]
    assert len(people) == len(set(people))
    assert {each for other in shown.others for each in other.nearest_first if each[0] is not Relation.ADDRESS} <= set(people)
    assert sorted(each.contact for each in scene.discs) == list(range(len(shown.others) + 1))
    for disc in scene.discs:
        nearest = CLIENT if disc.contact == 0 else shown.others[disc.contact - 1].nearest_first[0]
        assert hypot(disc.touch[0] - disc.x, disc.touch[1] - disc.y) == pytest.approx(frame.disc, abs=0.01)
        if nearest[0] is Relation.ADDRESS:
            assert disc.touch[0] in (scene.house.left, scene.house.right)
            assert scene.house.sign < disc.touch[1] < scene.house.bottom
        else:
            body = next(each for each in scene.bodies if nearest in each.whos)
            assert away(body, *disc.touch) == pytest.approx(0, abs=0.01)


@FRAMES
@given(shown=pictures)
@settings(max_examples=30, deadline=None)
def test_a_thread_ends_at_each_further_person(frame: Frame, shown: ClientPicture) -> None:
    scene, _ = staged(shown, WORDS, frame)
    for number, other in enumerate(shown.others, 1):
        ends = [each.points[2] for each in scene.threads if each.contact == number]
        first, *further = other.nearest_first
        for who in further:
            if who[0] is Relation.ADDRESS:
                assert any(y == scene.house.sign for _, y in ends)
                continue
            body = next(each for each in scene.bodies if who in each.whos)
            assert first in body.whos or any(away(body, *end) == pytest.approx(0, abs=0.01) for end in ends)


@FRAMES
@given(shown=pictures)
@settings(max_examples=50, deadline=None)
def test_nothing_covers_anything_else_and_all_of_it_is_inside(frame: Frame, shown: ClientPicture) -> None:
    scene, labels = staged(shown, WORDS, frame)
    for one_body, other in combinations(scene.bodies, 2):
        near = min(max(one_body.y, other.y - other.straight), other.y + other.straight)
        assert away(one_body, other.x, near) >= other.radius - 0.01
    for one_disc, another in combinations(scene.discs, 2):
        assert hypot(one_disc.x - another.x, one_disc.y - another.y) >= 2 * frame.disc - 0.01
    for disc in scene.discs:
        assert all(away(body, disc.x, disc.y) >= frame.disc - 0.01 for body in scene.bodies)
    boxes = {disc: box(disc, labels[disc.contact], frame) for disc in scene.discs}
    for a, b in combinations(boxes.values(), 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    for left, top, right, bottom in boxes.values():
        assert left >= 0 and top >= 0 and right <= frame.width and bottom <= scene.height
        for disc in scene.discs:
            assert disc.x + frame.disc <= left or disc.x - frame.disc >= right
    _inside(scene)


def _inside(scene: Scene) -> None:
    frame, house = scene.frame, scene.house
    assert house.left > 3 and house.right < frame.width and house.apex >= 0 and house.bottom <= scene.height
    for body in scene.bodies:
        assert house.left < body.x - body.radius and body.x + body.radius < house.right
        assert house.eaves < body.y - body.radius - body.straight and body.y + body.radius + body.straight < house.sign
    for disc in scene.discs:
        assert disc.y - frame.disc >= 0 and disc.y + frame.disc <= scene.height


@FRAMES
@given(shown=pictures)
@settings(max_examples=30, deadline=None)
def test_lines_to_labels_never_cross_and_bend_where_no_disc_is(frame: Frame, shown: ClientPicture) -> None:
    scene, _ = staged(shown, WORDS, frame)
    for side in frame.sides:
        column = sorted((each for each in scene.discs if each.side == side), key=lambda each: each.y)
        assert all(upper.label[1] < lower.label[1] for upper, lower in pairwise(column))
        for disc in column:
            beyond = abs(disc.x - frame.axis) + frame.disc
            bends = abs(disc.label[1] - disc.y) >= 0.5
            assert not bends or beyond <= bend(side, scene) < abs(disc.label[0] - frame.axis)


def test_more_brothers_and_sisters_than_there_is_room_for_share_the_last_circle() -> None:
    known = one(persons=frozenset({(Relation.SIBLING, 17), (Relation.SIBLING, 20)}))
    shown = ClientPicture(family=Family(siblings=20), own_name="x", own_kind="health", others=(known,))
    circles = [[place for _, place in each] for each in shown.people if each[0][0] is Relation.SIBLING]
    assert circles == [[1], [17], [20], [each for each in range(2, 20) if each != 17]]
    assert people_name(shown.people[-1], WORDS) == "+17 broers en zussen"
    assert ">+17<" in drawing(shown, WORDS)


# --- what stands in it ----------------------------------------------------------------------------------------------------


def parsed(shown: ClientPicture) -> ElementTree.Element:
    return ElementTree.fromstring(drawing(shown, WORDS))  # noqa: S314 - our own markup


@given(shown=pictures)
@settings(max_examples=25, deadline=None)
def test_the_drawing_and_the_table_say_the_same_and_nothing_in_them_runs(shown: ClientPicture) -> None:
    root = parsed(shown)
    assert {each.tag for each in root.iter()} <= {"div", "svg", "title", "desc", "g", "a", "path", "rect", "circle", "text"}
    assert all(key in _ALLOWED for each in root.iter() for key in each.attrib)
    ids = [each.attrib["id"] for each in root.iter() if "id" in each.attrib]
    assert len(ids) == len(set(ids))
    for svg in root:
        told = svg.findtext("desc")
        for row in as_rows(shown, WORDS):
            for part in (row.name, row.kind, row.match, row.via, row.since, row.call, row.phase, row.act.rstrip(".")):
                assert told is not None and part in told
        links = list(svg.iter("a"))
        assert len(links) == sum(1 for each in shown.others if each.href)
        assert svg.attrib["role"] == ("group" if links else "img")
        assert set(svg.attrib["aria-labelledby"].split()) <= set(ids)


_ALLOWED = {
    *("id", "class", "viewBox", "role", "aria-labelledby", "aria-describedby", "aria-label", "aria-hidden", "href"),
    *("d", "cx", "cy", "r", "x", "y", "width", "height", "rx"),
    *("text-anchor", "transform", "pathLength", "stroke-dasharray"),
}


@given(shown=pictures)
@settings(max_examples=20, deadline=None)
def test_the_same_picture_gives_the_same_markup(shown: ClientPicture) -> None:
    again = ClientPicture(family=shown.family, own_name=shown.own_name, own_kind=shown.own_kind, others=shown.others)
    assert drawing(shown, WORDS) == drawing(again, WORDS)


def test_hostile_names_are_text_in_it() -> None:
    found = drawing(picture(one(name=HOSTILE, call=HOSTILE, act=HOSTILE, href='/"><script>')), WORDS, "p")
    assert "<script" not in found
    titles = [each.text or "" for each in parsed(picture(one(name=HOSTILE))).iter("title")]
    assert any(HOSTILE in each for each in titles)


def test_who_since_when_whom_to_call_and_what_is_asked_stand_beside_it() -> None:
    known = one(
        phase=Phase.SIGNALLED,
        since=date(2025, 3, 9),
        call="Fatima, jeugdconsulent",
        act="Bevestig vandaag",
        href="/follow-ups/ab",
    )
    (link, _) = parsed(picture(known)).iter("a")
    said = ["".join(each.itertext()) for each in link.iter("text")]
    assert said == [
        "Gemeente Veere", "Gemeente · sinds maart 2025", "Bel Fatima, jeugdconsulent", "Gesignaleerd", "→ Bevestig vandaag",
    ]  # fmt: skip
    assert link.attrib["href"] == "/follow-ups/ab"


def test_a_card_that_has_not_come_is_awaited_in_words_and_ring() -> None:
    (row,) = as_rows(picture(one()), WORDS)
    assert (row.call, row.phase, row.since) == ("Contactgegevens zijn onderweg", "", "")
    assert "rv-d-ring-awaited" in drawing(picture(one()), WORDS)
    assert "rv-d-ring-awaited" not in drawing(picture(one(phase=Phase.AGREED)), WORDS)


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_words_and_a_ring(phase: Phase) -> None:
    (dutch,), (english,) = as_rows(picture(one(phase=phase)), WORDS), as_rows(picture(one(phase=phase)), ENGLISH)
    assert dutch.phase and english.phase and dutch.phase != english.phase
    assert "rv-d-ring" in drawing(picture(one(phase=phase)), WORDS)


def test_rings_differ_by_shape_and_not_by_colour_alone() -> None:
    rings = {phase: drawing(picture(one(phase=phase, name="x")), ENGLISH) for phase in (Phase.SIGNALLED, Phase.IN_CONTACT)}
    assert 'stroke-dasharray="50 50"' in rings[Phase.IN_CONTACT]
    assert "stroke-dasharray" not in rings[Phase.SIGNALLED]


def test_nobody_else_is_a_picture_as_well() -> None:
    root = parsed(picture())
    assert root[0].findtext("title") == "0 andere organisaties zijn betrokken bij dit gezin"
    assert root[0].attrib["role"] == "img"


# --- words in their room --------------------------------------------------------------------------------------------------


@given(text=texts, room=st.floats(40, 300), most=st.integers(1, 4))
def test_lines_fit_and_lose_nothing_but_behind_an_ellipsis(text: str, room: float, most: int) -> None:
    lines = wrap(text, 14, room, most)
    assert len(lines) <= most
    assert all(width(each, 14) <= room for each in lines)
    whole = "".join(text.split())
    kept = "".join("".join(lines).split())
    assert kept == whole or (kept.endswith("…") and whole.startswith(kept[:-1]))


def test_a_name_breaks_behind_its_hyphen() -> None:
    assert wrap("Politie Zeeland-West-Brabant", 16, 160, 2, bold=True) == ("Politie Zeeland-", "West-Brabant")
