"""The verdicts of `quota` over statements, rows and a real covenant."""

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction

import pytest

from raakvlak_audit import quota_checks as rules
from raakvlak_audit.quota import Account, Count, Stated
from raakvlak_audit.quota_checks import File, Logged
from raakvlak_audit.report import Check, Verdict
from raakvlak_audit.sentences import quota as words
from raakvlak_protocol.covenant import Covenant, Quota
from raakvlak_protocol.identifier import NAMESPACES
from tests.covenants import make_covenant

DAY = date(2026, 3, 2)
BSN = Account("school", "bsn", 1)
HOLDERS = ("keyholder-1", "keyholder-2", "keyholder-3")


@pytest.fixture(scope="module")
def covenant() -> Covenant:
    """1,000 declared, a first load of 1,000, 10 a day; two of three key holders."""
    return make_covenant().covenant


def stated(holder: str, day: int, counts: Mapping[Account, Count]) -> Stated:
    return Stated(holder, DAY + timedelta(days=day), counts)


def everywhere(day: int, count: Count, account: Account = BSN) -> list[Stated]:
    return [stated(holder, day, {account: count}) for holder in HOLDERS]


def file(name: str, what: Stated | None, problem: str = "") -> File:
    return File(name, name.encode().ljust(32), what, problem)


def said(check: Check) -> str:
    return " ".join(each.text("en") for each in check.found)


def test_signatures() -> None:
    good = file("a", stated("keyholder-1", 0, {}))
    assert rules.signatures([good]).verdict is Verdict.OK
    assert rules.signatures([]).verdict is Verdict.UNKNOWN
    mixed = rules.signatures([good, file("b.txt", None, "it is changed")])
    assert (mixed.verdict, "b.txt" in said(mixed), "1 statement of 1 key holder" in said(mixed)) == (Verdict.WRONG, True, True)


def test_a_missing_day_is_not_known_and_is_named() -> None:
    statements = [*everywhere(0, Count(1, 1)), *everywhere(1, Count(1, 2))[:2], *everywhere(2, Count(1, 3))]
    assert rules.days(statements[:3], HOLDERS, DAY).verdict is Verdict.OK
    found = rules.days(statements, HOLDERS, DAY + timedelta(days=2))
    assert (found.verdict, said(found)) == (
        Verdict.UNKNOWN,
        "Of key holder keyholder-3 the statements from 3 March 2026 to 3 March 2026 are missing: ask for them.",
    )
    assert rules.days([], HOLDERS, DAY).verdict is Verdict.UNKNOWN
    assert rules.days(statements[:2], HOLDERS, DAY).verdict is Verdict.UNKNOWN, "one never stated anything"


def test_counts() -> None:
    granted = {("school", "bsn"): Quota(1000, 1000, 10)}
    assert rules.counts(everywhere(0, Count(1000, 1000)), granted).verdict is Verdict.OK
    assert rules.counts(everywhere(0, Count(1011, 1011)), granted).verdict is Verdict.WRONG
    two = [stated("keyholder-1", 0, {BSN: Count(1, 1)}), stated("keyholder-1", 0, {BSN: Count(2, 2)})]
    assert "signed two different statements" in said(rules.counts(two, granted))
    assert rules.counts([], granted).verdict is Verdict.UNKNOWN


def test_a_statement_that_is_not_in_the_log_is_wrong_once_it_should_be() -> None:
    one = file("one", stated("keyholder-1", 0, {}))
    there = Logged(frozenset({one.hash}), 7, None)
    assert rules.in_log([one], there).verdict is Verdict.OK
    assert rules.in_log([one], None).verdict is Verdict.NOTE
    assert rules.in_log([], there).verdict is Verdict.UNKNOWN
    for until, verdict in [(None, Verdict.UNKNOWN), (1, Verdict.UNKNOWN), (2, Verdict.WRONG)]:
        cosigned = None if until is None else DAY + timedelta(days=until)
        assert rules.in_log([one], Logged(frozenset(), 7, cosigned)).verdict is verdict
    late = file("late", stated("keyholder-1", 1, {}))
    assert rules.in_log([one, late], Logged(frozenset(), 7, DAY + timedelta(days=2))).verdict is Verdict.WRONG


@pytest.mark.parametrize(("rows", "verdict"), [(30, Verdict.OK), (31, Verdict.WRONG), (5000, Verdict.WRONG)])
def test_more_rows_than_evaluations_are_found(covenant: Covenant, rows: int, verdict: Verdict) -> None:
    found = rules.bound(everywhere(0, Count(20, 20)), {("school", 1): rows}, covenant, DAY)
    assert found.verdict is verdict
    assert found.tables[0].rows == (("school", 1, rows, 30, 20, 20, 20),)


def test_days_that_are_not_stated_yet_may_explain_rows_up_to_the_quota(covenant: Covenant) -> None:
    statements = everywhere(0, Count(1000, 1000))
    rows = {("school", 1): 1501}
    assert rules.bound(statements, rows, covenant, DAY).verdict is Verdict.WRONG
    later = DAY + timedelta(days=1)
    # Each holder may have charged ten more in `bsn`, and in `address` a whole first load and ten.
    assert rules.bound(statements, rows, covenant, later).verdict is Verdict.UNKNOWN
    assert rules.bound(statements, {("school", 1): 1515 + 1515}, covenant, later).verdict is Verdict.UNKNOWN
    assert rules.bound(statements, {("school", 1): 1515 + 1516}, covenant, later).verdict is Verdict.WRONG


def test_a_member_that_is_not_in_the_covenant_can_have_no_row(covenant: Covenant) -> None:
    found = rules.bound(everywhere(0, Count(5, 5)), {("<script>", 1): 1}, covenant, DAY)
    assert found.verdict is Verdict.WRONG


def test_no_database_is_said_and_not_passed_off_as_checked(covenant: Covenant) -> None:
    assert rules.bound([], None, covenant, DAY).verdict is Verdict.NOTE
    assert rules.bound([], {}, covenant, DAY).verdict is Verdict.OK


def test_a_first_load_explains_a_burst_and_nothing_else_does(covenant: Covenant) -> None:
    first = everywhere(0, Count(900, 900))
    found = rules.bursts(first, covenant)
    assert (found.verdict, found.tables[0].rows[0][2]) == (Verdict.OK, 1350)
    quiet = [each for day in range(1, 9) for each in everywhere(day, Count(2, 900 + 2 * day))]
    grown = everywhere(9, Count(300, 1216))
    assert rules.bursts([*first, *quiet], covenant).verdict is Verdict.OK
    assert (
        rules.bursts([*everywhere(0, Count(1000, 1000)), *quiet, *everywhere(9, Count(300, 1316))], covenant).verdict
        is Verdict.NOTE
    )
    assert rules.bursts([*first, *quiet, *grown], covenant).verdict is Verdict.OK, "the first load was not used up"
    assert rules.bursts([], covenant).verdict is Verdict.UNKNOWN


def test_the_figures_of_the_design() -> None:
    covenant = make_covenant(declared=200_000, first_load=200_000, daily=2000).covenant
    figures, tables = rules.reaches(covenant, 3)
    values = {figure.id: figure.value for figure in figures}
    assert isinstance(values["sweep_years"], Fraction) and isinstance(values["sweep_years_together"], Fraction)
    assert round(values["sweep_years"]) == 83
    assert round(values["sweep_years_together"]) == 28
    assert values["list_days"] == 67
    assert len(tables) == 2
    assert [len(table.headings) for table in tables] == [6, 5], "only the first has years for all numbers"
    assert [row[0] for row in tables[0].rows[:3]] == ["coordinator", "school", "town"]


def test_without_any_quota_the_figures_say_never() -> None:
    figures, _ = rules.reaches(make_covenant(declared=10, first_load=10, daily=0).covenant, 3)
    assert {figure.id: str(getattr(figure.value, "text", str)("en")) for figure in figures} == {
        "sweep_years": "never", "sweep_years_together": "never", "list_days": "never"
    }  # fmt: skip


def test_every_namespace_has_a_name_in_both_languages() -> None:
    assert set(NAMESPACES) == words.NAMESPACES.keys()
