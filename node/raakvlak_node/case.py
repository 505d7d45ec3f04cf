"""A case as an organisation knows it, and the strict way from columns to a Case.

Columns are those of the caseload file; the REST API takes the same names. One wrong field rejects the whole case,
and every wrong field is reported, so that one round of mending is enough.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final, TypeVar

from raakvlak_protocol.errors import Malformed, RaakvlakError
from raakvlak_protocol.identifier import TEST_PERSON_PREFIX, Address, Bsn
from raakvlak_protocol.text import (
    MAX_EMAIL_CHARACTERS,
    MAX_PHONE_CHARACTERS,
    MAX_REFERENCE_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    iso_date,
    shown_text,
)

COLUMNS: Final = (
    "case_ref",
    "bsn",
    "birth_date",
    "parent_bsn_1",
    "parent_bsn_2",
    "child_bsns",
    "sibling_bsns",
    "postcode",
    "house_number",
    "house_addition",
    "function",
    "worker_name",
    "worker_phone",
    "worker_email",
    "since",
    "confidential",
    "protected",
)
REQUIRED_COLUMNS: Final = ("case_ref", "bsn", "function", "since")
MAX_RELATIVES: Final = 20
_SPACED_AT_WILL: Final = ("child_bsns", "sibling_bsns", "postcode", "house_number")
"""Columns in which spaces say nothing: a row must not grow in the store by them."""
ADULT_AGE_YEARS: Final = 23

_PHONE: Final = re.compile(r"[+(]?[0-9][0-9 ()./-]*")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_NOT_UTF8: Final = re.compile("[\ud800-\udfff]")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a field is refused; never holds the field's value."""

    column: str
    message: str


class Rejected(RaakvlakError):
    """A case that can't be taken, with every reason."""

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        super().__init__("; ".join(f"{reason.column}: {reason.message}" for reason in reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """One case. Identifiers are canonical; texts are fit to be shown; nothing of it prints.

    `former` are earlier numbers of the client that were right in their time; they stay published until their term.
    """

    reference: str
    client: Bsn
    birth_date: date | None
    parents: tuple[Bsn, ...]
    children: tuple[Bsn, ...]
    siblings: tuple[Bsn, ...]
    address: Address | None
    function: str
    worker_name: str
    worker_phone: str
    worker_email: str
    since: date
    confidential: bool
    protected: bool
    columns: Mapping[str, str] = field(compare=False)
    former: tuple[Bsn, ...] = ()

    def __repr__(self) -> str:
        return "Case(…)"

    @property
    def withheld(self) -> bool:
        """Whether nothing of the case may be published without a coordinator."""
        return self.confidential or self.protected

    def adult(self, today: date) -> bool:
        """Whether the month before that of the client's 23rd birthday has come: with everybody whose birthday lies in one
        month something changes on one day, which gives no birthday away. An unknown birth date counts as a youth."""
        return self.birth_date is not None and adult_from(self.birth_date) <= today

    def with_former(self, *former: Bsn) -> "Case":
        """The case with earlier numbers of its client, without the present one."""
        kept = dict.fromkeys(number for number in (*self.former, *former) if number != self.client)
        return replace(self, former=tuple(kept))

    def encode(self) -> bytes:
        """The case for the store; the same case gives the same bytes."""
        former = [number.canonical.reveal().decode() for number in self.former]
        return json.dumps({"columns": dict(self.columns), "former": former}, sort_keys=True).encode()

    @classmethod
    def decode(cls, raw: bytes) -> "Case":
        """A case that `encode` wrote. Age is not judged again: a stored case stays readable as its client grows up."""
        stored = json.loads(raw)
        case = parse(stored["columns"], today=date.max, adults=True)
        return case.with_former(*(Bsn.parse(number) for number in stored["former"]))


def parse(columns: Mapping[str, str], *, today: date, adults: bool) -> Case:
    """The case in named columns; an absent column is an unknown one. Raises Rejected with all reasons.

    `adults` says whether the covenant lets clients of 23 and older take part.
    """
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown:
        raise Rejected(tuple(Reason("columns", "a column that the format does not know") for _ in unknown))
    return _Fields(columns, today, adults).case()


class _Fields:
    """One pass over a row's columns that collects every reason."""

    def __init__(self, columns: Mapping[str, str], today: date, adults: bool) -> None:
        self.columns = {name: _NOT_UTF8.sub("\ufffd", columns.get(name, "")).strip() for name in COLUMNS}
        for name in _SPACED_AT_WILL:
            self.columns[name] = " ".join(self.columns[name].split())
        self.today = today
        self.adults = adults
        # A lone surrogate is how a byte that is no UTF-8 comes in.
        broken = [name for name, text in columns.items() if _NOT_UTF8.search(text)]
        self.reasons = [Reason(name, "is not UTF-8") for name in broken]

    def case(self) -> Case:
        reference = self._text("case_ref", MAX_REFERENCE_CHARACTERS, required=True)
        client = self._read("bsn", self._bsn)
        birth_date = self._read("birth_date", self._birth_date)
        parents = self._relatives(("parent_bsn_1", "parent_bsn_2"), client)
        children = self._relatives(("child_bsns",), client)
        siblings = self._relatives(("sibling_bsns",), client)
        address = self._read("postcode", self._address)
        function = self._text("function", MAX_TEXT_CHARACTERS, required=True)
        name = self._text("worker_name", MAX_TEXT_CHARACTERS)
        phone = self._read("worker_phone", self._phone) or ""
        email = self._read("worker_email", self._email) or ""
        if not self.columns["worker_phone"] and not self.columns["worker_email"]:
            self._reject("worker_phone", "one of worker_phone and worker_email must be filled in")
        since = self._read("since", lambda text: iso_date(text, "since"))
        confidential = self._read("confidential", _yes_or_no)
        protected = self._read("protected", _yes_or_no)
        if self.reasons or client is None or since is None:
            raise Rejected(tuple(self.reasons))
        return Case(
            reference=reference,
            client=client,
            birth_date=birth_date,
            parents=parents,
            children=children,
            siblings=siblings,
            address=address,
            function=function,
            worker_name=name,
            worker_phone=phone,
            worker_email=email,
            since=since,
            confidential=bool(confidential),
            protected=bool(protected),
            columns=self.columns,
        )

    def _reject(self, column: str, message: str) -> None:
        self.reasons.append(Reason(column, message))

    def _read(self, column: str, read: Callable[[str], T]) -> T | None:
        try:
            return read(self.columns[column])
        except Malformed as error:
            self._reject(error.field if error.field in COLUMNS else column, error.message)
            return None

    def _text(self, column: str, most: int, *, required: bool = False) -> str:
        return self._read(column, lambda text: shown_text(text, most, column, required=required)) or ""

    def _bsn(self, text: str) -> Bsn:
        if not text:
            raise Malformed("must be filled in")
        return _number(text)

    def _birth_date(self, text: str) -> date | None:
        if not text:
            return None
        born = iso_date(text, "birth_date")
        if born > self.today:
            raise Malformed("lies in the future")
        if not self.adults and adult_from(born) <= self.today:
            raise Malformed(
                f"the client is {ADULT_AGE_YEARS} or older, or turns {ADULT_AGE_YEARS} by the end of next month, which the "
                "covenant does not allow: involvement ends in the month before that of the birthday, together with others"
            )
        return born

    def _relatives(self, columns: tuple[str, ...], client: Bsn | None) -> tuple[Bsn, ...]:
        found: dict[Bsn, None] = {}
        for column in columns:
            numbers = self.columns[column].split()
            if column.startswith("parent") and len(numbers) > 1:
                self._reject(column, "holds one BSN, not several")
                continue
            if len(numbers) > MAX_RELATIVES:
                self._reject(column, f"holds more than {MAX_RELATIVES} relatives")
                continue
            for place, number in enumerate(numbers, 1):
                relative = self._relative(column, number, place if len(numbers) > 1 else 0)
                if relative is not None and relative == client:
                    self._reject(column, "a relative has the client's own BSN")
                elif relative is not None:
                    found[relative] = None
        return tuple(found)

    def _relative(self, column: str, number: str, place: int) -> Bsn | None:
        try:
            return _number(number)
        except Malformed as error:
            self._reject(column, f"number {place}: {error.message}" if place else error.message)
            return None

    def _address(self, postcode: str) -> Address | None:
        number, addition = self.columns["house_number"], self.columns["house_addition"]
        if not postcode and not number and not addition:
            return None
        for column, given in (("postcode", postcode), ("house_number", number)):
            if not given:
                self._reject(column, "an address needs both postcode and house number")
        # Each part is judged beside others that are right, so that all wrong ones are told.
        before = len(self.reasons)
        self._judge_address(postcode or "1000AA", "1", "")
        self._judge_address("1000AA", number or "1", "")
        self._judge_address("1000AA", "1", addition)
        if not postcode or not number or len(self.reasons) > before:
            return None
        return _address(postcode, number, addition)

    def _judge_address(self, *parts: str) -> None:
        try:
            _address(*parts)
        except Malformed as error:
            self._reject(error.field or "postcode", error.message)

    def _phone(self, text: str) -> str:
        if text and (len(text) > MAX_PHONE_CHARACTERS or not _PHONE.fullmatch(text)):
            raise Malformed(f"a phone number has digits, spaces and () + - . / in at most {MAX_PHONE_CHARACTERS} characters")
        return text

    def _email(self, text: str) -> str:
        if text and not _EMAIL.fullmatch(shown_text(text, MAX_EMAIL_CHARACTERS, "worker_email")):
            raise Malformed("an e-mail address has the form name@domain")
        return text


def _number(text: str) -> Bsn:
    if text.lower().startswith(TEST_PERSON_PREFIX):
        raise Malformed("a test person stands in no case: an officer's order is taken with 'raakvlak-node canary add'")
    return Bsn.parse(text)


def _address(postcode: str, number: str, addition: str) -> Address:
    return Address.parse(postcode, number, shown_text(addition, MAX_TEXT_CHARACTERS, "house_addition"))


def _yes_or_no(text: str) -> bool:
    if text.lower() not in {"", "yes", "no"}:
        raise Malformed("is yes, no or empty")
    return text.lower() == "yes"


def adult_from(born: date) -> date:
    """The first day of the month before that of the 23rd birthday, from which on the client counts as an adult."""
    birthday = _birthday(born, ADULT_AGE_YEARS)
    return (birthday.replace(day=1) - timedelta(days=1)).replace(day=1)


def _birthday(born: date, years: int) -> date:
    """The day of the birthday; who was born on 29 February has it on 1 March where there is no such day."""
    if born.year + years > date.max.year:
        return date.max
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)
