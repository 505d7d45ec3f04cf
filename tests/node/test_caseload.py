"""The caseload file as bytes: headers, encodings, line ends, quotes; what is wrong with one row stays with that row."""

import contextlib
import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_node import caseload
from raakvlak_node.case import COLUMNS, REQUIRED_COLUMNS
from raakvlak_node.caseload import Row
from raakvlak_protocol.errors import Malformed, RaakvlakError, TooLarge
from tests.node.rows import TODAY, bsn, row, table


def read(content: bytes) -> list[Row]:
    return list(caseload.rows(io.BytesIO(content), today=TODAY, adults=True))


def refused(content: bytes) -> str:
    with pytest.raises(Malformed) as error:
        read(content)
    return error.value.message


def accepted(rows: list[Row]) -> list[str]:
    return [each.case.reference for each in rows if each.case is not None]


def told(rows: list[Row]) -> list[tuple[int, str, str]]:
    return [(each.line, reason.column, reason.message) for each in rows for reason in each.reasons]


QUOTES = "its quotes or its length are not those of a CSV row"
THREE = [row(1), row(2), row(3)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", "\ufeff".encode()])
def test_any_line_ends_with_and_without_a_byte_order_mark(end: str, mark: bytes) -> None:
    content = table(THREE, end=end)
    for whole in (content, content.rstrip(b"\r\n")):
        rows = read(mark + whole)
        assert accepted(rows) == ["ZK-00001", "ZK-00002", "ZK-00003"]
        assert [each.line for each in rows] == [2, 3, 4]


def test_columns_in_any_order_and_only_those_that_are_needed() -> None:
    assert accepted(read(table(THREE, sorted(COLUMNS)))) == ["ZK-00001", "ZK-00002", "ZK-00003"]
    few = ["since", "worker_email", "function", "bsn", "case_ref"]
    people = [{name: value for name, value in row(worker_email="a@b.example").items() if name in few}]
    assert accepted(read(table(people, few))) == ["ZK-00001"]


def test_blank_lines_are_passed_over_and_lines_counted_on() -> None:
    head, first, second, third = table(THREE).split(b"\r\n")[:4]
    rows = read(b"\r\n".join([head, b"", first, b"   ", b"," * (len(COLUMNS) - 1), second, b"", third, b"", b""]))
    assert [(each.line, each.case is not None) for each in rows] == [(3, True), (6, True), (8, True)]


def test_line_breaks_in_quotes_belong_to_their_field() -> None:
    rows = read(table([row(1, sibling_bsns=f"{bsn(5)}\r\n{bsn(6)}"), row(2, worker_name="Two\nlines"), row(3)]))
    assert accepted(rows) == ["ZK-00001", "ZK-00003"]
    assert [each.line for each in rows] == [2, 4, 6]
    assert told(rows) == [(4, "worker_name", "holds a control character")]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"", "the file is empty"),
        (b"\n", "lacks case_ref, bsn, function, since"),
        (b"case_ref,bsn\n", "lacks function, since, worker_phone or worker_email"),
        (b"case_ref,bsn,function,since,worker_phone,bsn\n", "stands twice"),
        (b"case_ref,bsn,function,since,worker_phone,rejected,rejected\n", "stands twice"),
        (b"case_ref,bsn,function,since,worker_phone,city\n", "column 6 of the header is not one of: case_ref, bsn"),
        (b"case_ref,bsn,function,since,worker_phone,\n", "column 6 of the header"),
        (b"BSN,case_ref,function,since,worker_phone\n", "column 1 of the header"),
        (b"case_ref;bsn;function;since;worker_phone\n", "export the file with commas"),
        (b"case_ref\tbsn\tfunction\tsince\tworker_phone\n", "export the file with commas"),
        ("case_ref,bsn\n".encode("utf-16"), "not UTF-8"),
        (b"case_ref,bsn,na\xefve\n", "not UTF-8"),
        (b'"case_ref,bsn\n', "no CSV header"),
        (b"case_ref," + b"x" * 20_000 + b"\n", "no CSV header"),
        (b'"case_ref"x,bsn\n', "no CSV header"),
    ],
)
def test_a_header_that_cannot_be_trusted_refuses_the_file(header: bytes, said: str) -> None:
    assert said in refused(header)
    assert said in refused(header + b"" if header == b"" else header + b"ZK-1,123456782,mentor,2026-01-05,0118\n")


@pytest.mark.parametrize("missing", REQUIRED_COLUMNS)
def test_a_required_column_that_lacks_is_named(missing: str) -> None:
    assert refused(table([], [name for name in COLUMNS if name != missing])) == f"the header lacks {missing}"


def test_a_file_without_a_header_is_refused_without_repeating_its_data() -> None:
    data = table(THREE).split(b"\r\n", 1)[1]
    message = refused(data)
    assert "column 1 of the header" in message
    for value in (*row(1).values(), *row(2).values()):
        assert value not in message
    assert "123456782" not in refused(b"123456782\n123456782\n")


def test_bytes_that_are_no_utf8_reject_only_their_own_row() -> None:
    content = table(THREE).replace(b"ZK-00002", b"ZK-\xe9\xff0002")
    rows = read(content)
    assert accepted(rows) == ["ZK-00001", "ZK-00003"]
    assert told(rows) == [(3, "case_ref", "is not UTF-8")]
    # Every other wrong field of that row is told too, and an encoded surrogate is no UTF-8 either.
    rows = read(table(THREE).replace(b"mentor", b"mentor\xed\xa0\x80", 1).replace(b"2026-01-05", b"5 jan", 1))
    assert told(rows) == [(2, "function", "is not UTF-8"), (2, "since", "a date is written as YYYY-MM-DD")]
    assert accepted(rows) == ["ZK-00002", "ZK-00003"]


def test_a_nul_rejects_only_its_own_row() -> None:
    rows = read(table(THREE).replace(b"ZK-00002", b"ZK-\x000002").replace(bsn(3).encode(), b"\0" + bsn(3).encode()))
    assert accepted(rows) == ["ZK-00001"]
    assert [(line, column) for line, column, _ in told(rows)] == [(3, "case_ref"), (4, "bsn")]


@pytest.mark.parametrize(
    ("wrong", "values"),
    [(b"ZK-9,1\r\n", 2), (b"ZK-9" + b"," * len(COLUMNS) + b"\r\n", len(COLUMNS) + 1), (b"x\r\n", 1)],
)
def test_a_row_with_another_number_of_columns(wrong: bytes, values: int) -> None:
    head, rest = table(THREE).split(b"\r\n", 1)
    rows = read(head + b"\r\n" + wrong + rest)
    assert told(rows) == [(2, "row", f"has {values} columns where the header has {len(COLUMNS)}")]
    assert accepted(rows) == ["ZK-00001", "ZK-00002", "ZK-00003"]
    assert rows[0].reference == ""


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "damage",
    [
        lambda line: b'"' + line,  # opened, never closed
        lambda line: line.replace(b"mentor", b'"mentor'),
        lambda line: line.replace(b"mentor", b'"men"tor'),  # closed in the middle
        lambda line: line.replace(b"mentor", b'"""mentor'),
    ],
)
def test_unbalanced_quotes_reject_only_their_own_line(place: int, damage: object) -> None:
    assert callable(damage)
    lines = table([row(1), row(2), row(3), row(4, function="a, b"), row(5), row(6)]).split(b"\r\n")
    lines[place + 1] = damage(lines[place + 1])
    rows = read(b"\r\n".join(lines))
    assert told(rows) == [(place + 2, "row", QUOTES)]
    assert accepted(rows) == [f"ZK-{each:05}" for each in range(1, 7) if each != place + 1]
    assert rows[place].values == (lines[place + 1].decode(),)


def test_two_stray_quotes_do_not_swallow_the_rows_between_them() -> None:
    lines = table([row(place) for place in range(1, 6)]).split(b"\r\n")
    lines[2], lines[4] = b'"' + lines[2], lines[4] + b'"'
    rows = read(b"\r\n".join(lines))
    assert accepted(rows) == ["ZK-00001", "ZK-00003", "ZK-00005"]
    assert [line for line, _, _ in told(rows)] == [3, 5]


def test_a_huge_field_rejects_only_its_own_row() -> None:
    for size in (caseload.MAX_FIELD_CHARACTERS + 1, caseload.MAX_LINE_CHARACTERS, 5 * caseload.MAX_LINE_CHARACTERS):
        for quote in (b"", b'"'):
            content = table(THREE).replace(b"ZK-00002", quote + b"x" * size + quote)
            rows = read(content)
            assert told(rows) == [(3, "row", QUOTES)]
            assert accepted(rows) == ["ZK-00001", "ZK-00003"]
            assert len(rows[1].values[0]) <= caseload.MAX_LINE_CHARACTERS


def test_a_row_of_more_lines_than_any_row_has() -> None:
    head, rest = table(THREE).split(b"\r\n", 1)
    many = b'a,"\n' * 2 * caseload.MAX_ROW_LINES
    rows = read(head + b"\r\n" + many + rest)
    assert accepted(rows) == ["ZK-00001", "ZK-00002", "ZK-00003"]


def test_the_column_rejected_is_ignored_wherever_mending_left_it() -> None:
    header = [*COLUMNS, "rejected"]
    assert accepted(read(table([row(1) | {"rejected": "line 7: bsn: …"}], header))) == ["ZK-00001"]
    assert accepted(read(table([row(1) | {"rejected": ""}], ["rejected", *COLUMNS]))) == ["ZK-00001"]
    lines = table(THREE, header).split(b"\r\n")
    lines[1] = lines[1][:-1]  # its last, empty value cut away with the comma
    lines[2] += b"line 3: row: has 18 columns where the header has 17"
    lines[3] += b",line 4: row: has"  # a column too many, and a reason behind it
    rows = read(b"\r\n".join(lines))
    assert accepted(rows) == ["ZK-00001", "ZK-00002"]
    assert told(rows) == [(4, "row", "has 18 columns where the header has 17")]


def test_the_file_has_a_limit_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "caseload.csv"
    path.write_bytes(table(THREE))
    size = path.stat().st_size
    assert caseload.MAX_FILE_BYTES == 200_000_000
    monkeypatch.setattr(caseload, "MAX_FILE_BYTES", size)
    assert caseload.size(path) == size
    monkeypatch.setattr(caseload, "MAX_FILE_BYTES", size - 1)
    with pytest.raises(TooLarge, match=f"has {size} bytes and may have {size - 1}: split it"):
        caseload.size(path)


def test_what_cannot_be_read_twice_is_refused() -> None:
    with pytest.raises(Malformed, match="must be a file on disk"):
        caseload.size(Path("/dev/null"))


def test_a_row_does_not_print() -> None:
    (only,) = read(table([row()]))
    assert repr(only) == "Row(line 2)"


VALUE = st.text(st.characters(codec="utf-8") | st.sampled_from('",\r\n\0;'), min_size=1, max_size=12).map("§{}§".format)
ROWS = st.lists(st.dictionaries(st.sampled_from(COLUMNS), VALUE), max_size=4)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_as_a_file_or_a_row(content: bytes) -> None:
    for whole in (content, table([]) + content, table(THREE) + content):
        with contextlib.suppress(RaakvlakError):
            assert all(each.case is not None or each.reasons for each in read(whole))


@given(ROWS, st.binary(max_size=8), st.integers(0, 2_000))
def test_no_value_of_a_file_stands_in_a_message(wrong: list[dict[str, str]], damage: bytes, place: int) -> None:
    content = table([row(place) | columns for place, columns in enumerate(wrong, 1)])
    content = content[:place] + damage + content[place:]
    text = io.StringIO(content.decode("utf-8", "replace"), newline="")
    values = {value for columns in csv.reader(text) for value in columns}
    try:
        messages = [message for _, _, message in told(read(content))]
    except RaakvlakError as error:
        messages = [error.message]
    for message in messages:
        assert "§" not in message
        assert not any(value in message for value in values - set(COLUMNS) if len(value) > 5)
