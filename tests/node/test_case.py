"""From columns to a Case: every wrong field of every column, told by column and never by value."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_node.case import COLUMNS, MAX_RELATIVES, Case, Rejected, adult_from, parse
from raakvlak_protocol.identifier import Address, Bsn
from tests.node.rows import TODAY, bsn, row


def taken(given: Mapping[str, str] = {}, /, *, today: date = TODAY, adults: bool = True, **columns: str) -> Case:
    return parse(row() | dict(given) | columns, today=today, adults=adults)


def reasons(
    given: Mapping[str, str] = {}, /, *, today: date = TODAY, adults: bool = True, **columns: str
) -> list[tuple[str, str]]:
    with pytest.raises(Rejected) as rejected:
        parse(row() | dict(given) | columns, today=today, adults=adults)
    return [(reason.column, reason.message) for reason in rejected.value.reasons]


def test_a_full_case_is_read() -> None:
    case = taken(
        parent_bsn_1=bsn(2),
        parent_bsn_2=bsn(3),
        child_bsns=f"{bsn(4)}  {bsn(5)}",
        sibling_bsns=f"{bsn(6)}\n{bsn(7)}",
        postcode="4331 ab",
        house_number="12",
        house_addition="A-2",
        worker_email="a.zoutkeet@school.example",
        confidential="YES",
        protected="no",
    )
    assert case.reference == "ZK-00001"
    assert case.client == Bsn.parse(bsn(1))
    assert case.birth_date == date(2012, 5, 17)
    assert case.parents == (Bsn.parse(bsn(2)), Bsn.parse(bsn(3)))
    assert case.children == (Bsn.parse(bsn(4)), Bsn.parse(bsn(5)))
    assert case.siblings == (Bsn.parse(bsn(6)), Bsn.parse(bsn(7)))
    assert case.address == Address.parse("4331AB", "12a2")
    assert (case.function, case.worker_name, case.worker_phone) == ("mentor", "Anneke Zoutkeet", "0118-555019")
    assert case.since == date(2026, 1, 5)
    assert (case.confidential, case.protected, case.withheld) == (True, False, True)


def test_what_is_unknown_may_be_left_out() -> None:
    columns = {
        "case_ref": "1",
        "bsn": bsn(1),
        "function": "agent",
        "worker_email": "x@y.example",
        "since": "2026-01-05",
    }
    case = parse(columns, today=TODAY, adults=False)
    assert (case.birth_date, case.parents, case.children, case.siblings, case.address) == (None, (), (), (), None)
    assert not case.withheld


WRONG = [
    ("case_ref", "", "must be filled in"),
    ("case_ref", "x" * 65, "at most 64 characters"),
    ("case_ref", "ZK\x00SECRET", "control character"),
    ("case_ref", "ZK\u202eSECRET", "control character"),
    ("case_ref", "ZK\udce9SECRET", "is not UTF-8"),
    ("bsn", "", "must be filled in"),
    ("bsn", "123456789", "11-proof"),
    ("bsn", "000000000", "no BSN"),
    ("bsn", "1234567", "nine digits"),
    ("bsn", "1234567820", "nine digits"),
    ("bsn", "123 456 782", "nine digits"),
    ("bsn", "12345678²", "nine digits"),
    ("bsn", "١٢٣٤٥٦٧٨٢", "nine digits"),
    ("bsn", "123456782\x00", "nine digits"),
    ("birth_date", "17-05-2012", "YYYY-MM-DD"),
    ("birth_date", "2012-02-30", "no such day"),
    ("birth_date", "2011-02-29", "no such day"),
    ("birth_date", "0000-01-01", "no such day"),
    ("birth_date", "20120517", "YYYY-MM-DD"),
    ("birth_date", "2012-05-17T00:00", "YYYY-MM-DD"),
    ("birth_date", "2026-03-03", "future"),
    ("parent_bsn_1", "123456789", "11-proof"),
    ("parent_bsn_1", f"{bsn(8)} {bsn(9)}", "one BSN, not several"),
    ("parent_bsn_2", "12345", "nine digits"),
    ("child_bsns", f"{bsn(8)},{bsn(9)}", "nine digits"),
    ("child_bsns", f"{bsn(8)} 123456789", "number 2: the BSN fails the 11-proof"),
    ("sibling_bsns", f"{bsn(8)};{bsn(9)}", "nine digits"),
    ("sibling_bsns", f"12345 {bsn(8)}", "number 1: a BSN has nine digits"),
    ("function", "", "must be filled in"),
    ("function", "x" * 101, "at most 100 characters"),
    ("function", "mentor\x07SECRET", "control character"),
    ("worker_name", "x" * 101, "at most 100 characters"),
    ("worker_name", "Anneke\nZoutkeet", "control character"),
    ("worker_phone", "call me", "digits, spaces"),
    ("worker_phone", "0" * 33, "at most 32 characters"),
    ("worker_email", "no-at-sign", "name@domain"),
    ("worker_email", "two@at@signs", "name@domain"),
    ("worker_email", "with space@x.example", "name@domain"),
    ("worker_email", "x" * 250 + "@x.nl", "at most 254 characters"),
    ("since", "", "YYYY-MM-DD"),
    ("since", "5 jan 2026", "YYYY-MM-DD"),
    ("since", "2026-13-05", "no such day"),
    ("confidential", "ja", "yes, no or empty"),
    ("protected", "1", "yes, no or empty"),
]


@pytest.mark.parametrize(("column", "value", "said"), WRONG, ids=[f"{column}-{said}" for column, _, said in WRONG])
def test_a_wrong_field_is_told_by_its_column_and_rule(column: str, value: str, said: str) -> None:
    found = reasons({column: value})
    assert [each for each, _ in found] == [column]
    assert said in found[0][1]
    assert len(value) < 3 or value not in found[0][1] or value == "000000000"


def test_every_column_has_a_way_to_be_wrong() -> None:
    told = {column for column, _, _ in WRONG} | {"postcode", "house_number", "house_addition"}
    assert told == set(COLUMNS)


@pytest.mark.parametrize(
    ("postcode", "number", "addition", "column", "said"),
    [
        ("4331AB", "", "", "house_number", "both postcode and house number"),
        ("", "12", "", "postcode", "both postcode and house number"),
        ("", "", "A", "postcode", "both postcode and house number"),
        ("0331AB", "12", "", "postcode", "four digits"),
        ("4331SS", "12", "", "postcode", "SA, SD and SS"),
        ("4331A", "12", "", "postcode", "four digits"),
        ("４３３１AB", "12", "", "postcode", "four digits"),
        ("4331AB", "0", "", "house_number", "between 1 and 99999"),
        ("4331AB", "100000", "", "house_number", "between 1 and 99999"),
        ("4331AB", "9" * 5000, "", "house_number", "between 1 and 99999"),
        ("4331AB", "A12", "", "house_number", "begins with a digit"),
        ("4331AB", "12/3", "", "house_number", "only a letter"),
        ("4331AB", "12", "ABCDEFGHIJKLMNOPQ", "house_addition", "at most 16"),
        ("4331AB", "12", "A" * 101, "house_addition", "at most 100"),
        ("4331AB", "12", "A\x00B", "house_addition", "control character"),
    ],
)
def test_an_address_half_given_or_wrong_is_rejected(postcode: str, number: str, addition: str, column: str, said: str) -> None:
    found, message = reasons(postcode=postcode, house_number=number, house_addition=addition)[0]
    assert found == column
    assert said in message


def test_a_test_person_comes_in_no_case() -> None:
    person = "x-test:0123456789abcdef0123456789abcdef"
    for text in (person, person.upper(), "x-test:1"):
        for column in ("bsn", "parent_bsn_1", "child_bsns", "sibling_bsns"):
            ((found, message),) = reasons({column: text})
            assert (found, "'raakvlak-node canary add'" in message, text in message) == (column, True, False)


def test_all_reasons_are_told_at_once() -> None:
    found = reasons(bsn="1", birth_date="x", parent_bsn_1="2", sibling_bsns="3", postcode="4", since="5", protected="6")
    assert [column for column, _ in found] == [
        "bsn", "birth_date", "parent_bsn_1", "sibling_bsns", "house_number", "postcode", "since", "protected"
    ]  # fmt: skip
    found = reasons(postcode="4", house_number="x", house_addition="y" * 20)
    assert [column for column, _ in found] == ["postcode", "house_number", "house_addition"]


def test_one_of_phone_and_email_is_required() -> None:
    assert reasons(worker_phone="") == [("worker_phone", "one of worker_phone and worker_email must be filled in")]
    assert taken(worker_phone="", worker_email="a@b.example").worker_email == "a@b.example"


@pytest.mark.parametrize("column", ["parent_bsn_1", "parent_bsn_2", "child_bsns", "sibling_bsns"])
def test_a_relative_is_not_the_client(column: str) -> None:
    assert reasons({column: bsn(1)}) == [(column, "a relative has the client's own BSN")]
    # A lost leading zero hides nothing.
    assert reasons({column: "10000008"}, bsn="010000008") == [(column, "a relative has the client's own BSN")]


@pytest.mark.parametrize(("column", "field"), [("child_bsns", "children"), ("sibling_bsns", "siblings")])
def test_twenty_relatives_and_no_more(column: str, field: str) -> None:
    many = [bsn(place) for place in range(2, 3 + MAX_RELATIVES)]
    assert len(getattr(taken({column: " ".join(many[:-1])}), field)) == MAX_RELATIVES
    assert reasons({column: " ".join(many)}) == [(column, "holds more than 20 relatives")]


def test_a_relative_named_twice_counts_once() -> None:
    assert taken(sibling_bsns=f"{bsn(2)} {bsn(2)}").siblings == (Bsn.parse(bsn(2)),)
    assert taken(parent_bsn_1=bsn(2), parent_bsn_2=bsn(2)).parents == (Bsn.parse(bsn(2)),)


def test_a_leading_zero_that_a_spreadsheet_took_comes_back() -> None:
    assert taken(bsn="10000008").client == Bsn.parse("010000008")


def test_an_adult_client_is_allowed_or_not_by_the_covenant() -> None:
    for born in ("2003-03-02", "2003-03-31", "2003-04-30"):  # 23 today, this month, next month
        assert taken(birth_date=born).adult(TODAY)
        ((column, message),) = reasons(adults=False, birth_date=born)
        assert column == "birth_date" and message.startswith("the client is 23 or older, or turns 23 by the end of next month")
    assert not taken(adults=False, birth_date="2003-05-01").adult(TODAY)
    assert not taken(adults=False, birth_date="").adult(TODAY)


@pytest.mark.parametrize(
    ("born", "since"),
    [
        ("2004-02-28", date(2027, 1, 1)),
        ("2004-02-29", date(2027, 2, 1)),  # the birthday of that year is 1 March
        ("2004-03-31", date(2027, 2, 1)),
        ("2004-01-01", date(2026, 12, 1)),
    ],
)
def test_from_the_month_before_the_23rd_birthday_on_the_client_is_an_adult(born: str, since: date) -> None:
    before = since - timedelta(days=1)
    assert not taken(adults=False, birth_date=born, today=before).adult(before)
    assert reasons(adults=False, birth_date=born, today=since)[0][0] == "birth_date"
    assert taken(adults=True, birth_date=born).adult(since)
    for born_then in (born[:8] + "01", born):  # everybody of one month on one day
        if born != "2004-02-29":
            assert adult_from(date.fromisoformat(born_then)) == since


def test_an_age_at_the_end_of_the_calendar_is_counted() -> None:
    assert not taken(birth_date="9990-01-01", today=date.max).adult(date(9999, 10, 31))


def test_unknown_columns_are_refused_without_their_name() -> None:
    with pytest.raises(Rejected) as rejected:
        parse(row() | {"secret_column": "x"}, today=TODAY, adults=True)
    assert "secret_column" not in str(rejected.value)


def test_a_case_is_stored_and_read_back_the_same() -> None:
    case = taken(parent_bsn_1=bsn(2), postcode="4331AB", house_number="1").with_former(Bsn.parse(bsn(30)))
    again = Case.decode(case.encode())
    assert again == case
    assert again.encode() == case.encode()
    assert again.former == (Bsn.parse(bsn(30)),)


def test_a_stored_case_stays_readable_when_its_client_grows_up() -> None:
    child = taken(adults=False, birth_date="2003-05-01")
    assert Case.decode(child.encode()).adult(date(2026, 4, 1))


def test_former_numbers_are_kept_once_and_never_the_present_one() -> None:
    case = taken().with_former(Bsn.parse(bsn(2)), Bsn.parse(bsn(2)), Bsn.parse(bsn(1)))
    assert case.former == (Bsn.parse(bsn(2)),)


def test_a_case_prints_nothing_of_itself() -> None:
    case = taken(parent_bsn_1=bsn(2))
    assert repr(case) == "Case(…)"
    assert f"{case}" == "Case(…)"
    assert bsn(1) not in repr([getattr(case, each.name) for each in fields(case) if each.name != "columns"])


TEXT = st.text(st.characters(), max_size=40)
TRICKY = st.sampled_from(["\udce9", "\x00", "²", "١", "1_0", " 10\n", "9" * 5000, bsn(1), f"{bsn(1)} {bsn(2)}", "yes"])


@given(st.dictionaries(st.sampled_from([*COLUMNS, "other"]), TEXT | TRICKY))
def test_arbitrary_columns_make_a_case_or_are_rejected_silently(columns: dict[str, str]) -> None:
    marked = {name: f"{value}§{value}" for name, value in columns.items()}
    for given_columns in (columns, marked, row() | columns):
        try:
            case = parse(given_columns, today=TODAY, adults=False)
        except Rejected as rejected:
            assert rejected.reasons
            for value in given_columns.values():
                assert "§" not in value or value.strip() not in str(rejected)
        else:
            assert Case.decode(case.encode()) == case
