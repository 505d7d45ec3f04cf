"""How much room words take in a drawing, where no browser can be asked: a little more than in the fonts of the pages, so
that what fits here fits there. Sizes and widths are in the drawing's own units."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

_WIDTHS: Final = {
    **dict.fromkeys("ijlI.,:;'|!()[] ·", 0.3),
    **dict.fromkeys('frt-/"“”‘’', 0.4),
    **dict.fromkeys("mwMW%@—…", 0.9),
}
_SMALL: Final = 0.535
_CAPITAL: Final = 0.65
_BOLD: Final = 1.06
ELLIPSIS: Final = "…"
_PIECES: Final = re.compile(r"(?:[^ ]+?-(?=[^ -])|[^ ]+) ?")
"""What is never broken: a word with the space behind it, or its part up to a hyphen."""


def width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text is."""
    return sum(map(_ems, text)) * size * (_BOLD if bold else 1)


def _ems(letter: str) -> float:
    known = _WIDTHS.get(letter)
    if known is not None:
        return known
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF" or ord(letter) > 0x2FFF:
        return 1.05
    if ord(letter) < 0x250:
        return _CAPITAL if letter.isupper() else _SMALL
    return 0.9


def wrap(text: str, size: float, room: float, most: int, *, bold: bool = False) -> tuple[str, ...]:
    """The text in at most so many lines that fit, and are of about the same width; where it is longer, the last of them ends in
    an ellipsis. A word that is wider than a line is broken."""
    pieces = _PIECES.findall(" ".join(text.split()))
    lines = list(_lines(pieces, size, room, bold))
    if len(lines) > most:
        rest = cut("".join(lines[most - 1 :]), size, room, bold=bold)
        return (*(each.rstrip() for each in lines[: most - 1]), rest)
    widest = max((width(each.rstrip(), size, bold=bold) for each in pieces), default=0.0)
    while len(lines) > 1 and room * 0.94 > widest:
        room *= 0.94
        narrower = list(_lines(pieces, size, room, bold))
        if len(narrower) > len(lines):
            break
        lines = narrower
    return tuple(each.rstrip() for each in lines)


def cut(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """The text, or as much of its beginning as fits before an ellipsis."""
    if width(text, size, bold=bold) <= room:
        return text
    kept = text
    while kept and width(kept + ELLIPSIS, size, bold=bold) > room:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS


def _lines(pieces: Sequence[str], size: float, room: float, bold: bool) -> Iterator[str]:
    line = ""
    for piece in pieces:
        if width((line + piece).rstrip(), size, bold=bold) <= room:
            line += piece
            continue
        if line:
            yield line
        while width(piece.rstrip(), size, bold=bold) > room and len(piece.rstrip()) > 1:
            head = _fitting(piece, size, room, bold)
            yield head
            piece = piece[len(head) :]
        line = piece
    if line:
        yield line


def _fitting(word: str, size: float, room: float, bold: bool) -> str:
    """The longest beginning of a word that fits, at least a letter."""
    count = len(word) - 1
    while count > 1 and width(word[:count], size, bold=bold) > room:
        count -= 1
    return word[:count]
