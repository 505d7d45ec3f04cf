"""The numbers of the follow-up: each pair once, under the month in which its match began, and nothing of the pair."""

import csv
import io
import itertools
import json
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raakvlak_node.commands import accounts
from raakvlak_node.node import Node, open_node
from raakvlak_node.outcome import _WORDS, Milestone, Outcome, as_csv, as_text, month_of, parse_month
from raakvlak_protocol.covenant import KINDS
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.relation import MatchKind
from tests.node.test_access import invoked, member_folder
from tests.node.test_store import files

CLIENT, FAMILY = MatchKind.CLIENT, MatchKind.FAMILY
PAIRS = [bytes([place]) * 16 for place in range(12)]


@pytest.fixture
def outcome(node: Node) -> Outcome:
    return Outcome(node.store)


def some(outcome: Outcome) -> None:
    """Eight matches with the police in March, of which six acknowledged in time and one late; one with a school in May."""
    for place, pair in enumerate(PAIRS[:8]):
        outcome.count(pair, "2026-03", "police", FAMILY, Milestone.MATCHES)
        if place < 7:
            kind = Milestone.ACKNOWLEDGED_IN_TIME if place else Milestone.ACKNOWLEDGED_LATE
            outcome.count(pair, "2026-03", "police", FAMILY, kind)
    outcome.count(PAIRS[8], "2026-05", "education", CLIENT, Milestone.MATCHES)


def test_each_pair_counts_once_under_its_own_month(outcome: Outcome) -> None:
    some(outcome)
    some(outcome)
    march, may = outcome.table()
    assert (march.month, march.other_kind, march.match_kind) == ("2026-03", "police", FAMILY)
    assert {name: count for name, count in march.counts.items() if count} == {
        Milestone.MATCHES: 8, Milestone.ACKNOWLEDGED_IN_TIME: 6, Milestone.ACKNOWLEDGED_LATE: 1,
    }  # fmt: skip
    assert (may.month, may.counts[Milestone.MATCHES], may.counts[Milestone.CLOSED]) == ("2026-05", 1, 0)


def test_a_pair_is_acknowledged_in_time_or_late_and_not_both(outcome: Outcome) -> None:
    assert outcome.count(PAIRS[0], "2026-03", "police", FAMILY, Milestone.ACKNOWLEDGED_LATE)
    assert not outcome.count(PAIRS[0], "2026-03", "police", FAMILY, Milestone.ACKNOWLEDGED_IN_TIME)
    (row,) = outcome.table()
    assert (row.counts[Milestone.ACKNOWLEDGED_LATE], row.counts[Milestone.ACKNOWLEDGED_IN_TIME]) == (1, 0)


def test_the_numbers_outlive_the_pair_and_nothing_of_it_is_left(node: Node, outcome: Outcome) -> None:
    pair = b"pair-" + b"\xa5" * 11
    outcome.count(pair, "2026-03", "health", CLIENT, Milestone.MATCHES)
    node.store.fold()
    assert pair in files(node.store)
    before = outcome.table()
    outcome.forget(pair)
    node.store.fold()
    assert pair not in files(node.store)
    assert outcome.table() == before


def test_what_was_not_stored_is_not_counted(node: Node, outcome: Outcome) -> None:
    def fail() -> None:
        with node.store.transaction():
            outcome.count(PAIRS[0], "2026-03", "police", FAMILY, Milestone.MATCHES)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert outcome.table() == []
    assert outcome.count(PAIRS[0], "2026-03", "police", FAMILY, Milestone.MATCHES)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(PAIRS[:3]),
            st.sampled_from(["2025-12", "2026-01"]),
            st.sampled_from(["police", "health"]),
            st.sampled_from(list(MatchKind)),
            st.sampled_from([Milestone.MATCHES, Milestone.AGREED, Milestone.CLOSED]),
        ),
        max_size=25,
    )
)
@settings(max_examples=30, deadline=None)
def test_any_order_counts_as_a_set_would(
    node_folder: pytest.TempPathFactory, steps: list[tuple[bytes, str, str, MatchKind, Milestone]]
) -> None:
    from raakvlak_node.store import Store
    from raakvlak_node.vault import Vault
    from raakvlak_protocol.secret import SecretBytes

    folder = node_folder.mktemp("outcome")
    store = Store(folder / "store.db", Vault(SecretBytes(b"k" * 32), lambda size: b"n" * size), create=True)
    try:
        first: dict[tuple[bytes, Milestone], tuple[str, str, MatchKind]] = {}
        for pair, month, other, kind, milestone in steps:
            Outcome(store).count(pair, month, other, kind, milestone)
            first.setdefault((pair, milestone), (month, other, kind))
        expected = Counter((*where, milestone) for (_, milestone), where in first.items())
        found = {
            (row.month, row.other_kind, row.match_kind, milestone): count
            for row in Outcome(store).table()
            for milestone, count in row.counts.items()
            if count
        }
        assert found == expected
    finally:
        store.close()


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> pytest.TempPathFactory:
    return tmp_path_factory


def test_a_match_belongs_to_the_month_that_it_was_in_the_netherlands() -> None:
    assert month_of(int(datetime(2026, 2, 28, 23, 30, tzinfo=UTC).timestamp())) == "2026-03"
    assert month_of(int(datetime(2026, 6, 30, 22, 0, tzinfo=UTC).timestamp())) == "2026-07"
    assert month_of(int(datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC).timestamp())) == "2026-06"


@pytest.mark.parametrize("month", ["", "2026-13", "2026-00", "2026-3", "2026-03-01", "2026-03\n", "=1+1", "٢٠٢٦-03"])
def test_nothing_but_months_and_kinds_is_ever_counted(outcome: Outcome, month: str) -> None:
    with pytest.raises(Malformed):
        outcome.count(PAIRS[0], month, "police", FAMILY, Milestone.MATCHES)
    with pytest.raises(Malformed):
        parse_month(month)
    with pytest.raises(Malformed):
        outcome.count(PAIRS[0], "2026-03", f"=cmd|{month}", FAMILY, Milestone.MATCHES)
    assert outcome.table() == []


def test_a_period_includes_both_its_months(outcome: Outcome) -> None:
    for pair, month in zip(PAIRS, ("2025-12", "2026-01", "2026-02"), strict=False):
        outcome.count(pair, month, "police", FAMILY, Milestone.MATCHES)
    months = {
        (first, last): [row.month for row in outcome.table(first, last)]
        for first, last in itertools.product(("", "2026-01"), repeat=2)
    }
    assert months == {
        ("", ""): ["2025-12", "2026-01", "2026-02"],
        ("2026-01", ""): ["2026-01", "2026-02"],
        ("", "2026-01"): ["2025-12", "2026-01"],
        ("2026-01", "2026-01"): ["2026-01"],
    }


def test_no_cell_of_the_table_is_a_formula_in_any_spreadsheet(outcome: Outcome) -> None:
    for pair, kind in zip(PAIRS, KINDS, strict=False):
        outcome.count(pair, "2026-03", kind, CLIENT, Milestone.MATCHES)
    header, *rows = csv.reader(io.StringIO(as_csv(outcome.table())))
    assert header == ["month", "other_kind", "match_kind", *map(str, Milestone)]
    assert [row[1] for row in rows] == sorted(KINDS)
    for cell in itertools.chain(header, *rows):
        assert cell and cell[0] not in "=+-@\t\r|%'\"" and cell.replace("_", "").replace("-", "").isalnum()


def test_people_read_shares_of_the_matches(outcome: Outcome) -> None:
    some(outcome)
    dutch, english = as_text(outcome.table(), "nl"), as_text(outcome.table(), "en")
    assert dutch.splitlines()[0] == "2026-03 – 2026-05"
    block = dutch[dutch.index("politie, zelfde gezin") :]
    assert [line.split() for line in block.splitlines()[1:4]] == [
        ["matches", "8"],
        ["op", "tijd", "bevestigd", "6", "75", "%"],
        ["te", "laat", "bevestigd", "1", "12", "%"],
    ]
    total = english[english.index("all organisations") : english.index("education, same client")]
    assert ["acknowledged", "in", "time", "6", "67", "%"] in [line.split() for line in total.splitlines()]
    assert as_text([], "nl") == "In deze maanden begon geen match."


def test_counts_without_their_match_have_no_share(outcome: Outcome) -> None:
    """A pair that was there before anything was counted."""
    outcome.count(PAIRS[0], "2026-03", "police", FAMILY, Milestone.CLOSED)
    assert ["closed", "1", "–"] in [line.split() for line in as_text(outcome.table(), "en").splitlines()]


def test_both_languages_have_every_word() -> None:
    assert _WORDS["nl"].keys() == _WORDS["en"].keys()
    assert {*KINDS, *map(str, Milestone), *map(str, MatchKind)} <= _WORDS["en"].keys()


def test_the_command_shows_the_numbers_in_each_form(tmp_path: Path) -> None:
    folder = member_folder(tmp_path)
    with closing(open_node(folder)) as node:
        some(Outcome(node.store))
        table = Outcome(node.store).table(last="2026-04")

    def run(*arguments: str) -> str:
        return invoked(accounts.outcome, folder, *arguments)

    (row,) = json.loads(run("--json", "--from", "2026-04"))["rows"]
    assert (row["month"], row["other_kind"], row["match_kind"], row["matches"], row["agreed"]) == (
        "2026-05", "education", "client", 1, 0,
    )  # fmt: skip
    assert run("--csv", "--to", "2026-04") == as_csv(table)
    assert "politie, zelfde gezin" in run() and "police, same family" in run("--lang", "en")
    with pytest.raises(Malformed):
        run("--from", "maart")
