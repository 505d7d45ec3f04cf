"""The client picture: what the matches of one's own cases come to, pure.

All matches between one own case and one case of another organisation are folded into one entry. Persons are named by
relation and order ("parent 1"), never by number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from raakvlak_node.store import Match, Place
from raakvlak_protocol.letter_content import Card, CardCase, Proof, decode
from raakvlak_protocol.relation import MatchKind, Relation, matching


@dataclass(frozen=True, slots=True, repr=False)
class Contact:
    """Whom to call."""

    name: str
    function: str
    phone: str
    email: str
    reference: str
    since: date


@dataclass(slots=True, repr=False)
class Entry:
    """Another organisation's case that touches an own one. `contact` is None until its card has come.

    `persons` are the shared persons, as (relation, order) to the own case. `changed` rises with every letter.
    """

    own_case: bytes
    other: str
    kind: MatchKind
    persons: set[tuple[Relation, int]] = field(default_factory=set)
    contact: Contact | None = None
    began: int = 0
    changed: int = 0

    @property
    def via(self) -> list[str]:
        """The relations of the shared persons to the own case."""
        return sorted({str(relation) for relation, _ in self.persons})


def entries(matches: Iterable[Match], places: Mapping[bytes, list[Place]]) -> list[Entry]:
    """One entry for each own case and case of another organisation that touch.

    `places` tells for each match's person where it stands in own cases. A match shows only when the other side has
    proved that it knows the person, and some pair of relations is one that matches.
    """
    found: dict[tuple[bytes, str, str | None], Entry] = {}
    for match in matches:
        if match.their_proof is None:
            continue
        proof = decode(match.their_proof.reveal())
        card = None if match.their_card is None else decode(match.their_card.reveal())
        for place in places[match.person]:
            if place.canary:
                continue  # A test person is nobody's case, and nobody's match.
            if isinstance(card, Card):
                for case in card.cases:
                    _fold(found, match, place, case.relations, case)
            elif isinstance(proof, Proof):
                _fold(found, match, place, proof.relations, None)
    told = {(own_case, other) for own_case, other, reference in found if reference is not None}
    return [entry for (own, other, reference), entry in found.items() if reference is not None or (own, other) not in told]


def _fold(
    found: dict[tuple[bytes, str, str | None], Entry],
    match: Match,
    place: Place,
    theirs: frozenset[Relation],
    case: CardCase | None,
) -> None:
    kind = matching((place.relation,), theirs).get(place.relation)
    if kind is None:
        return
    key = (place.own_case, match.other, None if case is None else case.reference)
    entry = found.setdefault(key, Entry(place.own_case, match.other, kind, began=match.began))
    entry.persons.add((place.relation, place.place))
    entry.began = min(entry.began, match.began)
    if kind is MatchKind.CLIENT:
        entry.kind = kind
    if case is not None and (entry.contact is None or match.changed >= entry.changed):
        entry.contact = Contact(case.name, case.function, case.phone, case.email, case.reference, case.since)
    entry.changed = max(entry.changed, match.changed)
