"""Everything that a page says is said in Dutch too, and nothing is translated that no page says."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po

import raakvlak_index
import raakvlak_node
import raakvlak_protocol.party.look
from raakvlak_protocol.party.look.words import LANGUAGES, REFUSALS, Words, choose
from tests.refusals import messages

_KEYWORDS: Final = {"words": None, "_words": None, "plural": (1, 2), "_": None, "gettext": None, "ngettext": (1, 2)}
_FOLDERS: Final = {
    "look": Path(raakvlak_protocol.party.look.__file__).parent,
    "node": Path(raakvlak_node.__path__[0]),
    "index": Path(raakvlak_index.__path__[0]),
}
_HOLE: Final = re.compile(r"%\((\w+)\)s")


def said(folder: Path) -> dict[str, str]:
    """Every message in the modules and templates of a folder, and where it stands."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".py":
            each = extract("python", io.BytesIO(path.read_bytes()), keywords=_KEYWORDS)
        elif path.suffix == ".html" and path.parent.name == "templates":
            options = {"silent": "false", "extensions": "jinja2.ext.i18n,jinja2.ext.do,jinja2.ext.loopcontrols"}
            each = extract("jinja2.ext:babel_extract", io.BytesIO(path.read_bytes()), options=options)
        else:
            continue
        for line, message, _, _ in each:
            for text in [message] if isinstance(message, str) else message[:1]:
                found.setdefault(text, f"{path.name}:{line}")
    return found


def translated(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(message, its Dutch, file) of every catalogue but that of the errors, which are found otherwise."""
    for path in sorted(folder.rglob("locale/nl/*.po")):
        if path.name != REFUSALS:
            for each in read_po(io.BytesIO(path.read_bytes()), locale="nl"):
                if each.id:
                    one = each.id if isinstance(each.id, str) else each.id[0]
                    for dutch in [each.string] if isinstance(each.string, str) else each.string or ():
                        yield one, dutch, path.name


@pytest.mark.parametrize("which", _FOLDERS)
def test_everything_that_a_page_says_is_said_in_dutch(which: str) -> None:
    shared = {one for one, dutch, _ in translated(_FOLDERS["look"]) if dutch}
    dutch = {one for one, dutch, _ in translated(_FOLDERS[which]) if dutch} | shared
    missing = {where: text for text, where in said(_FOLDERS[which]).items() if text not in dutch}
    assert missing == {}


@pytest.mark.parametrize("which", _FOLDERS)
def test_nothing_is_translated_that_no_page_says(which: str) -> None:
    used = said(_FOLDERS[which])
    assert {one: where for one, _, where in translated(_FOLDERS[which]) if one not in used} == {}


@pytest.mark.parametrize("which", _FOLDERS)
def test_a_message_has_one_dutch_and_the_same_holes(which: str) -> None:
    """Of the count, which one form of a plural may leave out, the holes may be fewer."""
    seen: dict[str, str] = {}
    for one, dutch, where in translated(_FOLDERS[which]):
        holes = set(_HOLE.findall(one)) | {"count"}
        assert set(_HOLE.findall(dutch)) <= holes, (where, one)
        assert set(_HOLE.findall(one)) - set(_HOLE.findall(dutch)) <= {"count"}, (where, one)
        assert seen.setdefault(one, where) == where, f"{one!r} stands in {seen[one]} and in {where}"


def test_the_language_is_the_one_that_was_chosen_or_the_browsers_own_or_dutch() -> None:
    assert choose("en", header="nl") == "en"
    assert choose("", "de", header="fr, en;q=0.5, nl;q=0.4") == "en"
    assert choose("", header="nl-BE") == "nl"
    assert choose("", header="de, fr") == "nl"
    assert choose("", header=";;;q=9," * 1000) == "nl"


def test_an_error_composed_elsewhere_is_told_in_dutch() -> None:
    words = {language: Words(language, ("raakvlak_protocol.party.look", "raakvlak_node.pages")) for language in LANGUAGES}
    assert words["nl"].refusal("holds more than 20 relatives") == "hier staan meer dan 20 familieleden"
    assert words["en"].refusal("holds more than 20 relatives") == "holds more than 20 relatives"
    assert words["nl"].refusal("never heard of") == "never heard of"


_NODE = _FOLDERS["node"]
_PROTOCOL = _FOLDERS["look"].parent.parent
_TOLD_ON_PAGES = (
    *(_NODE / f"{name}.py" for name in (
        "case", "caseload", "follow_ups", "followup", "standing", "objection", "mediating", "outcome",
    )),
    *(_PROTOCOL / f"{name}.py" for name in ("text",)),
    _NODE / "people",
    _NODE / "pages",
)  # fmt: skip
_FOR_OPERATORS = ("--again", "oidc.authorities", "client secret", "table of rights")
"""Parts of messages that only who runs the program on its machine is told."""


def refused(*places: Path) -> dict[str, str]:
    return {text: where for place in places for text, where in messages(place).items()}


def test_every_refusal_that_a_page_tells_has_dutch() -> None:
    known = {each.id for each in _refusals()}
    missing = {
        where: text
        for text, where in refused(*_TOLD_ON_PAGES).items()
        if text not in known and not any(part in text for part in _FOR_OPERATORS)
    }
    assert missing == {}


def test_no_refusal_is_translated_that_nobody_utters() -> None:
    uttered = refused(_NODE, _PROTOCOL)
    assert [each.id for each in _refusals() if each.id not in uttered] == []


def test_no_hole_of_a_refusal_is_lost() -> None:
    for each in _refusals():
        assert set(_HOLE.findall(str(each.string))) <= set(_HOLE.findall(str(each.id))), each.id


def _refusals() -> list[Message]:
    path = _NODE / "pages" / "locale" / "nl" / REFUSALS
    return [each for each in read_po(io.BytesIO(path.read_bytes()), locale="nl") if each.id]
