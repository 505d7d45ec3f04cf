"""Plots: every number is there in text, bars are as long as what they stand for, and lateness is a shape."""

from collections.abc import Mapping
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raakvlak_node.outcome import Milestone, Row
from raakvlak_node.pages.plots import funnel, monthly, total
from raakvlak_protocol.party.look import look
from raakvlak_protocol.party.look.plots import Bar, lying, months, num
from raakvlak_protocol.relation import MatchKind

WORDS = look("raakvlak_node.pages").words("nl")
HOSTILE = '"><script>alert(1)</script>'


def counts(*numbers: int) -> Mapping[Milestone, int]:
    return dict(zip(Milestone, [*numbers, *[0] * (len(Milestone) - len(numbers))], strict=True))


def row(month: str, *numbers: int, kind: str = "police") -> Row:
    return Row(month, kind, MatchKind.FAMILY, counts(*numbers))


ROWS = [row("2025-12", 10, 6, 2, 5), row("2025-12", 4, 1, 1, 1, kind="health"), row("2026-01", 2, 2, 0, 0)]


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)  # noqa: S314 - our own markup


def written(markup: str) -> list[str]:
    return [each.text or "" for each in parsed(markup).iter("text")]


# --- bars ---------------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40), st.integers(0, 10**6)), max_size=15
    )
)
@settings(max_examples=60, deadline=None)
def test_bars_are_as_long_as_their_share_and_inside(pairs: list[tuple[str, int]]) -> None:
    found = parsed(lying([Bar(label, value, str(value)) for label, value in pairs], "x", "n"))
    wide, high = (float(each) for each in found.attrib["viewBox"].split()[2:])
    tracks = [float(each.attrib["width"]) for each in found.iter("rect") if each.attrib["class"] == "rv-p-track"]
    drawn = [float(each.attrib["width"]) for each in found.iter("rect") if each.attrib["class"] == "rv-p-bar"]
    values = [value for _, value in pairs if value]
    assert len(tracks) == len(pairs) and len(drawn) == len(values)
    for long, value in zip(drawn, values, strict=True):
        assert long == pytest.approx(max(2.0, tracks[0] * value / max(values)), abs=0.11)
    for each in found.iter("rect"):
        assert float(each.attrib["y"]) + 16 <= high and float(each.attrib["width"]) <= wide


def test_every_number_stands_in_text_and_is_told() -> None:
    found = lying([Bar("one", 3, "3"), Bar(HOSTILE, 0, "0"), Bar("three", 12.5, "12.5")], "A title", "n")
    assert [each for each in written(found) if each in ("3", "0", "12.5")] == ["3", "0", "12.5"]
    assert "<script" not in found
    root = parsed(found)
    assert root.attrib["role"] == "img" and root.findtext("title") == "A title"
    assert root.findtext("desc") == f"one: 3; {HOSTILE}: 0; three: 12.5"


def test_what_is_late_is_striped() -> None:
    assert "rv-p-stripes" in lying([Bar("a", 10, "10", 4)], "x", "n")
    assert "rv-p-stripes" not in lying([Bar("a", 10, "10")], "x", "n")


def test_months_have_their_number_and_their_label() -> None:
    found = months("x", "n", ["dec\n2025", "jan"], [4, 2], [1, 2])
    assert written(found) == ["1", "dec", "2025", "2", "jan"]
    assert parsed(found).findtext("desc") == "dec 2025: 1/4; jan: 2/2"
    heights = [float(each.attrib["height"]) for each in parsed(found).iter("rect")]
    assert heights == [84, 21, 42, 42]


@pytest.mark.parametrize(("number", "text"), [(0.04, "0"), (-0.04, "0"), (1.26, "1.3"), (-3.0, "-3"), (1234.56, "1234.6")])
def test_a_coordinate_has_a_tenth_and_no_signed_zero(number: float, text: str) -> None:
    assert num(number) == text


# --- the outcome ----------------------------------------------------------------------------------------------------------


def test_all_rows_together() -> None:
    assert total(ROWS)[Milestone.MATCHES] == 16
    assert total([])[Milestone.CLOSED] == 0


def test_the_funnel_tells_numbers_and_shares_of_the_matches() -> None:
    found = funnel(ROWS, WORDS)
    said = written(found)
    assert said[:6] == ["Matches", "16", "Bevestigd (gestreept: 3 te laat)", "12 · 75 %", "Contact gelegd", "6 · 38 %"]
    assert "rv-p-stripes" in found
    assert "0 %" not in funnel([], WORDS)


def test_each_month_is_in_each_plot_with_its_year_where_one_begins() -> None:
    plots = monthly(ROWS, WORDS)
    assert [title for title, _ in plots][:3] == ["Matches", "Bevestigd (gestreept: te laat)", "Contact gelegd"]
    contacted = plots[2][1]
    assert written(contacted) == ["6", "dec", "2025", "0", "jan", "2026"]
    ids = [each.attrib["id"] for _, plot in plots for each in parsed(plot).iter() if "id" in each.attrib]
    assert len(ids) == len(set(ids))
