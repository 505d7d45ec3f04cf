"""The outcome in numbers: plots, table and file say the same."""

import csv
import io
import re

import pytest

from raakvlak_node.outcome import Milestone, Outcome
from raakvlak_node.people import Role
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.relation import MatchKind
from tests.pages.site import Forms, Site, Visitor

CELL = re.compile(r"[a-z_]+|[0-9]{4}-[0-9]{2}|[0-9]+")


def counted(site: Site, month: str, matches: int, contacted: int, kind: str = "municipality") -> None:
    outcome = Outcome(site.node.store)
    for number in range(matches):
        pair = f"{month}{kind}{number}".encode()
        outcome.count(pair, month, kind, MatchKind.CLIENT, Milestone.MATCHES)
        if number < contacted:
            outcome.count(pair, month, kind, MatchKind.CLIENT, Milestone.CONTACTED)


def lead(site: Site) -> Visitor:
    return site.visit(site.user("lead@own.example", Role.TEAM_LEAD))


def test_the_page_draws_and_tells_what_was_counted(site: Site) -> None:
    counted(site, "2026-01", 4, 3)
    counted(site, "2026-01", 2, 0, "youth_care")
    visitor = lead(site)
    visitor.go("/outcome")
    text = visitor.text()
    assert "6" in text.split() and "3 · 50 %" in text
    assert visitor.page.count('<svg class="rv-plot') > 7  # How far in all, and small ones.
    assert "style=" not in visitor.page
    for said in ("January 2026", "Municipality same client", "Youth care same client", "Raakvlak sends them nowhere"):
        assert said in text


def test_other_months_are_chosen_in_the_address_and_kept_for_the_file(site: Site) -> None:
    counted(site, "2025-11", 5, 5)
    counted(site, "2026-01", 7, 1)
    visitor = lead(site)
    visitor.go("/outcome?first=2025-11&last=2025-12")
    assert "5 · 100 %" in visitor.text() and "January 2026" not in visitor.text().partition("Month by month")[2]
    (file,) = [each for each in Forms(visitor.page).links if each.startswith("/outcome.csv")]
    answer = visitor.open(file)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="outcome.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["month"], row["matches"], row["contacted"]) for row in rows] == [("2025-11", "5", "5")]


def test_no_cell_of_the_file_can_be_a_formula(site: Site) -> None:
    counted(site, "2026-01", 1, 1)
    for evil in ("=1+1", "@SUM(A1)", "-2", '+"x"', "\t=1"):
        with pytest.raises(Malformed):
            Outcome(site.node.store).count(b"x", "2026-01", evil, MatchKind.CLIENT, Milestone.MATCHES)
    text = lead(site).open("/outcome.csv").text
    assert all(CELL.fullmatch(cell) for row in csv.reader(io.StringIO(text)) for cell in row)


def test_wrong_months_are_told_beside_the_field(site: Site) -> None:
    visitor = lead(site)
    assert visitor.open("/outcome?first=2026-01&last=2025-12").status_code == 422
    assert "not before the first one" in visitor.text()
    for wrong in ("first=1+1", "first=2026-13", "last=<b>", "first=1999-01"):
        assert visitor.open(f"/outcome?{wrong}").status_code == 422
        assert "Choose one of these." in visitor.text() and "<b>" not in visitor.page
    for wrong in ("first=2026-13", "last==1", "first=2026-02&last=2026-01"):
        assert visitor.open(f"/outcome.csv?{wrong}").status_code == 422


def test_who_has_no_match_yet_is_told_so(site: Site) -> None:
    visitor = lead(site)
    visitor.go("/outcome")
    assert "No match began in these months." in visitor.text()


@pytest.mark.parametrize("role", Role)
def test_numbers_are_for_whoever_counts(site: Site, role: Role) -> None:
    visitor = site.visit(site.user("somebody@own.example", role))
    expected = 403 if role is Role.CASE_WORKER else 200
    assert [visitor.open(path).status_code for path in ("/outcome", "/outcome.csv")] == [expected, expected]
