"""The client picture in words, in Dutch and English."""

from collections.abc import Iterable
from typing import Final, Literal

from raakvlak_node.picture import Entry
from raakvlak_protocol.relation import MatchKind, Relation

Language = Literal["nl", "en"]

_WORDS: Final[dict[str, dict[str, str]]] = {
    "nl": {
        "picture": "Klantbeeld van {reference}",
        "nobody": "Geen andere organisatie is bij dit gezin bekend.",
        "client match": "zelfde cliënt",
        "family match": "zelfde gezin",
        "via": "via",
        "call": "bel",
        "since": "betrokken sinds",
        "their case": "hun kenmerk",
        "follow-up": "opvolging",
        "awaited": "contactgegevens zijn onderweg",
        "client": "de cliënt zelf",
        "parent": "ouder",
        "child": "kind",
        "sibling": "broer of zus",
        "address": "het woonadres",
    },
    "en": {
        "picture": "Client picture of {reference}",
        "nobody": "No other organisation is known to be involved with this family.",
        "client match": "same client",
        "family match": "same family",
        "via": "via",
        "call": "call",
        "since": "involved since",
        "their case": "their reference",
        "follow-up": "follow-up",
        "awaited": "contact details are on their way",
        "client": "the client",
        "parent": "parent",
        "child": "child",
        "sibling": "sibling",
        "address": "the home address",
    },
}

_ORDERED: Final = (Relation.PARENT, Relation.CHILD, Relation.SIBLING)


def picture(
    reference: str, entries: Iterable[tuple[str, Entry]], language: Language, phases: Iterable[str] | None = None
) -> str:
    """The picture as lines of text; `entries` are (the other organisation's name, entry), `phases` how far the follow-up of
    each has come."""
    words = _WORDS[language]
    lines = [words["picture"].format(reference=reference), ""]
    found = list(entries)
    told = list(phases or [""] * len(found))
    for (name, entry), phase in zip(found, told, strict=True):
        lines += _entry(name, entry, words, phase)
    return "\n".join(lines if found else [*lines, "  " + words["nobody"], ""])


def _entry(name: str, entry: Entry, words: dict[str, str], phase: str) -> list[str]:
    kind = words["client match" if entry.kind is MatchKind.CLIENT else "family match"]
    nearest_first = sorted(entry.persons, key=lambda each: (list(Relation).index(each[0]), each[1]))
    via = ", ".join(dict.fromkeys(person(relation, place, words) for relation, place in nearest_first))
    lines = [f"  {name} — {kind}", f"    {words['via']} {via}"]
    contact = entry.contact
    if contact is None:
        return [*lines, f"    {words['awaited']}", ""]
    who = ", ".join(each for each in (contact.name, contact.function) if each)
    how = ", ".join(each for each in (contact.phone, contact.email) if each)
    return [
        *lines,
        f"    {words['call']} {who}: {how}",
        f"    {words['since']} {contact.since.isoformat()}, {words['their case']} {contact.reference}",
        *([f"    {words['follow-up']}: {phase}"] if phase else []),
        "",
    ]


def person(relation: Relation, place: int, words: dict[str, str]) -> str:
    """A person by relation and order, never by number or name."""
    return f"{words[relation]} {place}" if relation in _ORDERED else words[relation]
