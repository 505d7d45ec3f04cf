"""A statement is read back as it was made; nothing changed, cut or reordered is accepted as something else."""

from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from raakvlak_protocol import note, statement
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.statement import Account, Charged, Statement

HOLDER = "keyholder-1.keyholder.zeeland.raakvlak"
SEED = SecretBytes(b"\x07" * 32)
KEY = note.key_of(HOLDER, note.ED25519, SEED)
SOME = settings(max_examples=80, deadline=None)

ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
charges = st.tuples(st.integers(0, 2**40), st.integers(1, 2**40)).map(lambda pair: Charged(pair[0], sum(pair)))
counts = st.dictionaries(st.tuples(ids, ids, st.integers(0, 2**32 - 1)), charges, max_size=6)
statements = st.builds(Statement, holder=st.just(HOLDER), day=st.dates(), counts=counts)

FIXED = Statement(
    HOLDER,
    date(2026, 3, 2),
    {
        ("school", "address", 2): Charged(0, 120),
        ("school", "bsn", 2): Charged(5, 305),
        ("school", "bsn", 10): Charged(7, 7),
        ("town", "bsn", 2): Charged(20, 21),
    },
)
RAW = statement.sign(FIXED, SEED)
SUBMISSION = statement.submission(RAW, HOLDER, SEED)


@SOME
@given(statements)
def test_what_was_stated_is_read_back(stated: Statement) -> None:
    raw = statement.sign(stated, SEED)
    assert statement.verify(raw, KEY) == stated
    assert statement.sign(stated, SEED) == raw, "made again, the bytes are the same"
    handed_in = statement.verify_submission(statement.submission(raw, HOLDER, SEED), KEY)
    assert (handed_in.day, handed_in.hash) == (stated.day, statement.statement_hash(raw))


@SOME
@given(counts, counts)
def test_two_days_are_never_the_same_file(one: dict[Account, Charged], other: dict[Account, Charged]) -> None:
    assume(one != other)
    day = date(2026, 3, 2)
    assert statement.sign(Statement(HOLDER, day, one), SEED) != statement.sign(Statement(HOLDER, day, other), SEED)


@pytest.mark.parametrize("place", range(len(RAW)))
def test_every_changed_byte_of_a_statement_is_refused(place: int) -> None:
    for mask in (0x01, 0x20, 0x80):
        with pytest.raises((Malformed, Evidence)):
            statement.verify(RAW[:place] + bytes([RAW[place] ^ mask]) + RAW[place + 1 :], KEY)


@pytest.mark.parametrize("place", range(len(SUBMISSION)))
def test_every_changed_byte_of_a_submission_is_refused(place: int) -> None:
    for mask in (0x01, 0x20, 0x80):
        with pytest.raises((Malformed, Evidence)):
            statement.verify_submission(SUBMISSION[:place] + bytes([SUBMISSION[place] ^ mask]) + SUBMISSION[place + 1 :], KEY)


@pytest.mark.parametrize("size", range(len(RAW)))
def test_a_statement_that_was_cut_is_refused(size: int) -> None:
    for cut in (RAW[:size], RAW[len(RAW) - size :]):
        with pytest.raises((Malformed, Evidence)):
            statement.verify(cut, KEY)


@SOME
@given(st.permutations(RAW.decode().split("\n")))
def test_lines_in_another_order_are_refused(lines: list[str]) -> None:
    raw = "\n".join(lines).encode()
    assume(raw != RAW)
    with pytest.raises((Malformed, Evidence)):
        statement.verify(raw, KEY)


@SOME
@given(st.binary(max_size=300))
def test_bytes_that_are_no_statement_are_malformed(raw: bytes) -> None:
    for read in (statement.verify, statement.verify_submission):
        with pytest.raises(Malformed):
            read(raw, KEY)


def test_a_malformed_line_is_named() -> None:
    text = FIXED.text.replace("school bsn 10 7 7", "school bsn 10 07 7")
    with pytest.raises(Malformed, match=r"^line 6 of this statement: a number is written in digits without") as refused:
        Statement.parse(text)
    assert refused.value.item == 5


def test_one_is_not_taken_for_the_other() -> None:
    with pytest.raises(Malformed, match="begins with the line 'raakvlak/v1/evaluations'"):
        statement.verify(SUBMISSION, KEY)
    with pytest.raises(Malformed, match="begins with the line 'raakvlak/v1/statement'"):
        statement.verify_submission(RAW, KEY)


def test_another_key_holders_is_not_this_ones() -> None:
    other = note.key_of(HOLDER.replace("1", "2", 1), note.ED25519, SEED)
    with pytest.raises(Malformed, match="another key holder than keyholder-2"):
        statement.verify(RAW, other)
    stranger = note.key_of(HOLDER, note.ED25519, SecretBytes(b"\x08" * 32))
    with pytest.raises(Evidence, match="not signed by the key of keyholder-1") as found:
        statement.verify(RAW, stranger)
    assert found.value.party == HOLDER


UNSTATABLE = {
    "never charged": {("school", "bsn", 1): Charged(0, 0)},
    "more than the total": {("school", "bsn", 1): Charged(2, 1)},
    "negative": {("school", "bsn", 1): Charged(-1, 1)},
    "a name with a space": {("the school", "bsn", 1): Charged(1, 1)},
    "a name with a line": {("school bsn 1 1 1\ntown", "bsn", 1): Charged(1, 1)},
}


@pytest.mark.parametrize("counts", UNSTATABLE.values(), ids=UNSTATABLE.keys())
def test_counts_that_can_t_be_are_not_signed(counts: dict[Account, Charged]) -> None:
    with pytest.raises(Malformed):
        statement.sign(Statement(HOLDER, date(2026, 3, 2), counts), SEED)


def test_a_large_day_fits_and_a_larger_one_is_refused() -> None:
    many: dict[Account, Charged] = {(f"m{number:05}", "bsn", 1): Charged(1, 1000) for number in range(20_000)}
    raw = statement.sign(Statement(HOLDER, date(2026, 3, 2), many), SEED)
    assert len(raw) > note.MAX_NOTE_BYTES
    assert len(statement.verify(raw, KEY).counts) == 20_000
    too_many = many | {("n" * 63, "bsn", number): Charged(1, 1000) for number in range(20_000)}
    with pytest.raises(Malformed, match="at most 1048576 bytes"):
        statement.sign(Statement(HOLDER, date(2026, 3, 2), too_many), SEED)
