"""Text and dates that others wrote and people read: taken in once, strictly."""

import re
from datetime import date
from typing import Final

from raakvlak_protocol.errors import Malformed

MAX_REFERENCE_CHARACTERS: Final = 64
MAX_TEXT_CHARACTERS: Final = 100
MAX_EMAIL_CHARACTERS: Final = 254
MAX_PHONE_CHARACTERS: Final = 32
MAX_WRITTEN_CHARACTERS: Final = 2_000
"""What may be written with an act, as a task, or to a coordinator."""

_LINE_BREAK: Final = "\n"
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def shown_text(text: str, most: int, field: str, *, required: bool = False) -> str:
    """Text that may be shown to a person: not too long, no control or direction-changing characters."""
    if len(text) > most:
        raise Malformed(f"at most {most} characters", field=field)
    if _UNPRINTABLE.search(text):
        raise Malformed("holds a control character", field=field)
    if required and not text.strip():
        raise Malformed("must be filled in", field=field)
    return text


def shown_lines(text: str, most: int, field: str, *, required: bool = False) -> str:
    """The same for text of more than one line."""
    for line in text.split(_LINE_BREAK):
        shown_text(line, most, field)
    return shown_text(text.replace(_LINE_BREAK, " "), most, field, required=required) and text


def iso_date(text: str, field: str) -> date:
    """A date written as YYYY-MM-DD and not otherwise."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise Malformed("a date is written as YYYY-MM-DD", field=field)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed("no such day in the calendar", field=field) from None
