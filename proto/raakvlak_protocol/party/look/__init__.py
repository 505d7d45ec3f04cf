"""What the pages of a party look like and how they are sent: templates, words, files, and the headers of every answer.

A page is sent whole, under a policy by which a browser runs no script and takes no style but those files, sends forms
nowhere else, and shows the page in no other. Templates escape whatever is put into them, and fail on a name that they were
not given.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from jinja2.loaders import ChoiceLoader

from raakvlak_protocol.party.look.static import address
from raakvlak_protocol.party.look.words import LANGUAGES, Language, Words

HERE: Final = "raakvlak_protocol.party.look"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every page."""
HSTS: Final = "max-age=31536000"
"""Strict-Transport-Security, where pages come by HTTPS."""


class Look:
    """The templates of a package beside those that all parties share, in each language."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._words = {language: Words(language, (HERE, package)) for language in LANGUAGES}
        self._environments = {language: _environment(package, language, self._words[language]) for language in LANGUAGES}

    def words(self, language: Language) -> Words:
        return self._words[language]

    def html(self, template: str, language: Language, context: Mapping[str, Any]) -> str:
        """The page; raises jinja2.TemplateError where the template and its context do not fit.

        What is wrong in a form stands above its fields, and names them by their labels: it is written last.
        """
        environment = self._environments[language]
        labels: dict[str, str] = {}
        wrong: list[Any] = []
        found = environment.get_template(template).render(language=language, field_labels=labels, wrong_forms=wrong, **context)
        for number, form in enumerate(wrong, 1):
            told = environment.get_template("errors.html").render(language=language, form=form, labels=labels)
            # Nobody can type this mark: what is shown of it is escaped.
            found = found.replace(f"<!--errors {number}-->", told, 1)
        return found


@cache
def look(package: str) -> Look:
    """The look of a package, read once."""
    return Look(package)


def _environment(package: str, language: Language, words: Words) -> Environment:
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(HERE)]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.install_gettext_translations(words.catalogue, newstyle=True)  # type: ignore[attr-defined]
    made.globals["asset"] = address
    made.globals["words"] = words
    made.filters |= {"day": _day(words), "moment": words.moment, "number": words.number, "short_day": words.short_day}
    return made


def _day(words: Words) -> Any:
    def day(given: date | datetime | str) -> str:
        return words.day(date.fromisoformat(given) if isinstance(given, str) else given)

    return day
