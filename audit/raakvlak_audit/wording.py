"""Sentences in Dutch and English, and how a number, a day or a hash is written within one.

A sentence stands once, in both languages side by side, with placeholders that name their type:
`Sentence("Member {member:text} published {tokens:number} tokens.", "Lid {member:text} publiceerde …")`. What it says is
fixed with `sentence(member="school", tokens=3)`; the language is chosen when a report is written out.

The types: `text` (str) · `words` (another sentence) · `number` (int) · `decimal` (float or Fraction, one digit) ·
`day` (date) · `moment` (datetime, UTC) · `hash` (bytes) · `one/day/days` (the word that goes with the int).
"""

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Final, Literal

Language = Literal["en", "nl"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "nl")

_MONTHS: Final[Mapping[Language, str]] = {
    "en": "January February March April May June July August September October November December",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
}
_YES_NO: Final[Mapping[Language, tuple[str, str]]] = {"en": ("no", "yes"), "nl": ("nee", "ja")}
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "text": (str,),
    "number": (int,),
    "decimal": (int, float, Fraction),
    "day": (date,),
    "moment": (datetime,),
    "hash": (bytes,),
    "one": (int,),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """What can be said, in every language. Called with a value for each placeholder it gives what is said."""

    en: str
    nl: str

    def __call__(self, **values: "Cell") -> "Said":
        """Raises ValueError for a missing, superfluous or wrongly typed value: a mistake in our code, not in the data."""
        wanted = {(name, kind) for language in LANGUAGES for name, kind, _ in placeholders(self.in_language(language))}
        if {name for name, _ in wanted} != values.keys():
            raise ValueError(f"a sentence needs {sorted(name for name, _ in wanted)}, got {sorted(values)}: {self.en[:60]}")
        for name, kind in wanted:
            if not _fits(values[name], kind):
                raise ValueError(f"{name!r} must be of type {kind}: {self.en[:60]}")
        return Said(self, tuple(sorted(values.items(), key=lambda each: each[0])))

    def in_language(self, language: Language) -> str:
        return self.en if language == "en" else self.nl


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence with its values."""

    sentence: Sentence
    values: "tuple[tuple[str, Cell], ...]" = ()

    def text(self, language: Language) -> str:
        values = dict(self.values)
        parts = []
        for literal, name, spec, _ in string.Formatter().parse(self.sentence.in_language(language)):
            parts.append(literal)
            if name is not None:
                kind, *forms = (spec or "").split("/")
                value = values[name]
                parts.append(forms[0 if value == 1 else 1] if kind == "one" else written(value, language))
        return "".join(parts)


Cell = str | int | float | Fraction | date | datetime | bytes | Said
"""Whatever can stand in a sentence or in a table."""


def placeholders(text: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(name, type, forms) of each placeholder; raises ValueError for a type that there is not."""
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        kind, *forms = (spec or "").split("/")
        if kind not in {*_TYPES, "words"} or conversion or not name.isidentifier() or len(forms) != 2 * (kind == "one"):
            raise ValueError(f"placeholder {{{name}:{spec}}} has no known type")
        yield name, kind, tuple(forms)


def written(value: Cell, language: Language) -> str:
    """A value as an officer reads it."""
    if isinstance(value, Said):
        return value.text(language)
    if isinstance(value, bool):
        return _YES_NO[language][value]
    if isinstance(value, int):
        return _grouped(str(value), language)
    if isinstance(value, (float, Fraction)):
        whole, _, rest = f"{float(value):.1f}".partition(".")
        return f"{_grouped(whole, language)}{'.' if language == 'en' else ','}{rest}"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return f"{_day(moment, language)}, {moment:%H:%M:%S} UTC"
    if isinstance(value, date):
        return _day(value, language)
    if isinstance(value, bytes):
        return value.hex()
    return visible(value)


def visible(text: str) -> str:
    """`text` with whatever could move a cursor, end a line or turn its direction shown as a code point."""
    return "".join(each if each.isprintable() else f"\\u{{{ord(each):x}}}" for each in text)


def _grouped(digits: str, language: Language) -> str:
    """Thousands apart, in the way of the language: 90,909,090 and 90.909.090."""
    grouped = f"{int(digits):,}"
    return grouped if language == "en" else grouped.replace(",", ".")


def _day(day: date, language: Language) -> str:
    return f"{day.day} {_MONTHS[language].split()[day.month - 1]} {day.year}"


def _fits(value: object, kind: str) -> bool:
    if kind == "words":
        return isinstance(value, Said)
    if kind == "day" and isinstance(value, datetime):
        return False
    if kind in ("number", "decimal", "one") and isinstance(value, bool):
        return False
    return isinstance(value, _TYPES[kind])
