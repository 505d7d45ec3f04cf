"""What somebody has typed into a form, and what is wrong with it: nothing typed is lost, each message stands beside its
field."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, Self

from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.text import iso_date, shown_lines, shown_text

MAX_FIELDS: Final = 200
MAX_VALUE_CHARACTERS: Final = 8_000
"""Of one field; what is behind that is not even shown again."""


class Form:
    """The fields of a form by name, and the messages about them. The readers give a field's value in its right form, or
    nothing and a message."""

    def __init__(self, fields: Mapping[str, Sequence[str]], words: Words) -> None:
        self._fields = {name: [_cleaned(each) for each in values] for name, values in fields.items()}
        self._words = words
        self.errors: dict[str, str] = {}

    @classmethod
    def of(cls, words: Words, **values: str | Iterable[str]) -> Self:
        """A form that is filled in already."""
        return cls({name: [each] if isinstance(each, str) else list(each) for name, each in values.items()}, words)

    def __repr__(self) -> str:
        return f"Form({', '.join(sorted(self._fields))})"

    @property
    def ok(self) -> bool:
        return not self.errors

    def value(self, name: str) -> str:
        """As it was typed, without blanks around it; empty for a field that is not there."""
        return (self._fields.get(name) or [""])[0].strip()

    def secret(self, name: str) -> str:
        """Exactly as it was typed."""
        return (self._fields.get(name) or [""])[0]

    def values(self, name: str) -> list[str]:
        return list(self._fields.get(name, []))

    def has(self, name: str) -> bool:
        return name in self._fields

    def error(self, name: str) -> str:
        return self.errors.get(name, "")

    def reject(self, name: str, message: str) -> None:
        """A message beside a field; the first one about it stays."""
        self.errors.setdefault(name, message)

    def refuse(self, error: Malformed, name: str = "") -> None:
        """The same of an error, beside the field that it names, or else `name`."""
        self.reject(error.field or name, self._words.refusal(error.message))

    # --- readers ------------------------------------------------------------------------------------------------------

    def text(self, name: str, most: int, *, required: bool = False, lines: bool = False) -> str:
        """A text that can be shown, of at most so many characters; `lines` allows more than one line."""
        given = self.value(name)
        if required and not given:
            self.reject(name, self._words("Fill this in."))
            return ""
        try:
            if lines:
                return shown_lines(given.replace("\r\n", "\n"), most, name)
            return shown_text(given, most, name)
        except Malformed as error:
            self.reject(name, self._words.refusal(error.message))
            return ""

    def day(self, name: str, *, required: bool = False) -> date | None:
        """A day, as browsers send it or as people here write it (23-11-2026)."""
        given = self.value(name)
        if not given:
            if required:
                self.reject(name, self._words("Choose a day."))
            return None
        day, _, rest = given.partition("-")
        if len(day) <= 2 and rest.count("-") == 1:
            month, _, year = rest.partition("-")
            given = f"{year}-{month:0>2}-{day:0>2}"
        try:
            return iso_date(given, name)
        except Malformed:
            self.reject(name, self._words("This is not a day; write it like 23-11-2026."))
            return None

    def one_of(self, name: str, allowed: Iterable[str], *, required: bool = True) -> str:
        given = self.value(name)
        if given in set(allowed) and given:
            return given
        if given or required:
            self.reject(name, self._words("Choose one of these."))
        return ""

    def some_of(self, name: str, allowed: Iterable[str]) -> list[str]:
        """In the order of `allowed`."""
        allowed = list(allowed)
        given = set(self.values(name))
        if given - set(allowed):
            self.reject(name, self._words("Choose from these."))
        return [each for each in allowed if each in given]

    def flag(self, name: str) -> bool:
        """Whether a box was ticked."""
        return self.value(name) == "yes"

    def number(self, name: str, least: int, most: int) -> int | None:
        given = self.value(name)
        if given.isascii() and given.isdigit() and len(given) < 10 and least <= int(given) <= most:
            return int(given)
        self.reject(name, self._words("Fill in a number from %(least)s to %(most)s.", least=least, most=most))
        return None


def _cleaned(text: str) -> str:
    return unicodedata.normalize("NFC", text[:MAX_VALUE_CHARACTERS])
