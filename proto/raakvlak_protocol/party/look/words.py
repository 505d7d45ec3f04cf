"""What pages say, in Dutch and English: gettext, with English as the key.

Catalogues are the `.po` files in a package's `locale/<language>/`, read when a program starts. A message that no catalogue
has is shown in English: nothing is ever missing on a page. Moments are shown in the time of the Netherlands.
"""

import io
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_date, format_datetime
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

Language = Literal["nl", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
HOME: Final = ZoneInfo("Europe/Amsterdam")
REFUSALS: Final = "refusals.po"
"""The catalogue of the messages of errors."""
MAX_HEADER_CHARACTERS: Final = 200
_NAMES: Final = {"nl": Locale("nl"), "en": Locale("en", "GB")}
_RANGE: Final = re.compile(r"\s*([a-zA-Z]{1,8})(?:-[a-zA-Z0-9-]{1,20})?\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")
_HOLE: Final = re.compile(r"%\((\w+)\)s")


class Words:
    """The words of one language. `words("%(count)s cases", count=3)`."""

    def __init__(self, language: Language, packages: Sequence[str]) -> None:
        self.language = language
        self.locale = _NAMES[language]
        self.catalogue = _catalogue(language, tuple(packages))
        self._patterns = _patterns(language, tuple(packages))

    def __call__(self, message: str, **values: Any) -> str:
        said = self.catalogue.gettext(message)
        return said % values if values else said

    def plural(self, one: str, many: str, count: int, **values: Any) -> str:
        return self.catalogue.ngettext(one, many, count) % (values | {"count": self.number(count)})

    def refusal(self, message: str) -> str:
        """A message of an error, which is composed where no language is known: translated by the form that it was made
        of, `%(name)s` for each of its holes."""
        said = self.catalogue.gettext(message)
        if said != message:
            return said
        for pattern, names, translated in self._patterns:
            found = pattern.fullmatch(message)
            if found is not None:
                # What stands in a hole may be a message itself, as where several reasons are joined.
                return translated % dict(zip(names, found.groups(), strict=True))
        return message

    def day(self, day: date) -> str:
        """23 November 2026."""
        return format_date(day, "d MMMM y", locale=self.locale)

    def short_day(self, day: date) -> str:
        """Mon 23 Nov."""
        return format_date(day, "EEE d MMM", locale=self.locale)

    def month(self, day: date) -> str:
        """November 2026."""
        return format_date(day, "LLLL y", locale=self.locale)

    def moment(self, moment: datetime) -> str:
        """23 November 2026, 14:05."""
        return format_datetime(moment.astimezone(HOME), "d MMMM y, HH:mm", locale=self.locale)

    def number(self, number: float) -> str:
        return format_decimal(number, locale=self.locale)


def choose(*wanted: str, header: str = "") -> Language:
    """The first of the wanted languages that there is; else the best of an Accept-Language header; else Dutch."""
    for each in wanted:
        if each in LANGUAGES:
            return each
    best: tuple[float, Language] = (0.0, "nl")
    for part in header[:MAX_HEADER_CHARACTERS].split(","):
        found = _RANGE.fullmatch(part)
        if found is not None and found[1].lower() in LANGUAGES:
            weight = float(found[2] or 1)
            best = max(best, (weight, found[1].lower()), key=lambda each: each[0])  # type: ignore[assignment]
    return best[1]


@cache
def _catalogue(language: Language, packages: tuple[str, ...]) -> Translations:
    found = Translations()
    for _, catalogue in _read(language, packages):
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        found.add(Translations(compiled))
    return found


@cache
def _patterns(language: Language, packages: tuple[str, ...]) -> tuple[tuple[re.Pattern[str], tuple[str, ...], str], ...]:
    """For each refusal with holes: what it matches, the names of its holes, and what to say."""
    found = []
    for name, catalogue in _read(language, packages):
        for each in catalogue if name == REFUSALS else ():
            message, said = str(each.id), str(each.string)
            names = tuple(_HOLE.findall(message))
            if names and said:
                parts = (re.escape(part) for part in _HOLE.split(message)[::2])
                found.append((re.compile("(.+?)".join(parts), re.DOTALL), names, said))
    # The one with the most words of its own first.
    return tuple(sorted(found, key=lambda each: -len(each[0].pattern)))


def _read(language: Language, packages: tuple[str, ...]) -> Iterator[tuple[str, Catalog]]:
    for package in packages:
        folder = files(package) / "locale" / language
        for file in sorted(folder.iterdir(), key=lambda each: each.name) if folder.is_dir() else ():
            if file.name.endswith(".po"):
                yield file.name, read_po(io.BytesIO(file.read_bytes()), locale=language)
