"""The client picture: what is shown, what is folded, what is dropped; and its words."""

from datetime import date

import pytest

from raakvlak_node import wording
from raakvlak_node.picture import Contact, Entry, entries
from raakvlak_node.store import Match, Place
from raakvlak_node.wording import Language
from raakvlak_protocol.letter_content import CardCase, Proof, encode_card, encode_proof
from raakvlak_protocol.relation import MatchKind, Relation
from raakvlak_protocol.secret import SecretBytes

OWN = b"own case"
PERSON = b"person"
C, P, K, S, A = Relation.CLIENT, Relation.PARENT, Relation.CHILD, Relation.SIBLING, Relation.ADDRESS


def card_case(reference: str = "T-1", *relations: Relation, phone: str = "0118-1") -> CardCase:
    return CardCase(reference, frozenset(relations), "Piet", "adviser", phone, "", date(2025, 11, 3))


def match(
    *theirs: Relation,
    card: list[CardCase] | None = None,
    person: bytes = PERSON,
    other: str = "town",
    changed: int = 1,
    began: int = 100,
) -> Match:
    proof = SecretBytes(encode_proof(Proof(frozenset(theirs)))) if theirs else None
    return Match(
        match_id=b"%d" % changed,
        person=person,
        epoch=1,
        other=other,
        began=began,
        changed=changed,
        ask_again=False,
        own_number=0,
        own_hash=None,
        own_proof=None,
        own_card=None,
        their_number=0,
        their_hash=None,
        their_proof=proof,
        their_card=None if card is None else SecretBytes(encode_card(card)),
    )


def shown(*matches: Match, places: dict[bytes, list[Place]] | None = None, own: Relation = C) -> list[Entry]:
    return entries(matches, places or {PERSON: [Place(OWN, own, 1)]})


@pytest.mark.parametrize(
    ("own", "theirs", "kind"),
    [
        (C, C, "client"), (C, P, "family"), (C, K, "family"), (C, S, "family"), (P, P, "family"), (K, K, "family"),
        (S, S, "family"), (S, K, "family"), (A, A, "family"), (P, S, None), (P, K, None), (S, P, None), (K, P, None),
    ],
)  # fmt: skip
def test_the_table_of_matches(own: Relation, theirs: Relation, kind: str | None) -> None:
    for letters in (match(theirs), match(theirs, card=[card_case("T-1", theirs)])):
        assert [each.kind for each in shown(letters, own=own)] == ([] if kind is None else [MatchKind(kind)])


def test_nothing_is_shown_before_the_other_side_has_proved_it() -> None:
    assert shown(match()) == []


def test_a_match_without_a_card_is_shown_without_a_contact() -> None:
    (entry,) = shown(match(C))
    assert (entry.other, entry.contact, entry.via, entry.kind) == ("town", None, ["client"], MatchKind.CLIENT)


def test_all_persons_shared_with_one_case_make_one_entry() -> None:
    case = card_case("T-1", C)
    places = {PERSON: [Place(OWN, C, 1)], b"mother": [Place(OWN, P, 1)], b"father": [Place(OWN, P, 2)]}
    (entry,) = shown(
        match(P, card=[card_case("T-1", P)], person=b"mother", changed=1, began=50),
        match(P, card=[card_case("T-1", P)], person=b"father", changed=7, began=80),
        match(C, card=[case], changed=3),
        places=places,
    )
    assert entry.kind is MatchKind.CLIENT
    assert entry.via == ["client", "parent"]
    assert sorted(entry.persons) == [(C, 1), (P, 1), (P, 2)]
    assert (entry.began, entry.changed) == (50, 7)


def test_cases_of_another_reference_or_organisation_stay_apart() -> None:
    found = shown(
        match(C, card=[card_case("T-1", C), card_case("T-2", C)], changed=1),
        match(C, card=[card_case("T-1", C)], other="police", changed=2),
    )
    assert sorted((each.other, each.contact.reference) for each in found if each.contact) == [
        ("police", "T-1"), ("town", "T-1"), ("town", "T-2")
    ]  # fmt: skip


def test_own_cases_that_share_a_person_have_an_entry_each() -> None:
    places = {PERSON: [Place(b"one", P, 1), Place(b"two", P, 2), Place(b"uncle", S, 1)]}
    found = shown(match(P, card=[card_case("T-1", P)]), places=places)
    assert [(each.own_case, sorted(each.persons)) for each in found] == [(b"one", [(P, 1)]), (b"two", [(P, 2)])]


def test_a_case_on_a_card_that_makes_no_match_is_dropped() -> None:
    found = shown(match(C, K, card=[card_case("T-1", C), card_case("T-2", K)]), own=P)
    assert [each.contact.reference for each in found if each.contact] == ["T-1"]


def test_the_newest_card_tells_whom_to_call() -> None:
    places = {PERSON: [Place(OWN, C, 1)], b"mother": [Place(OWN, P, 1)]}
    old = match(C, card=[card_case("T-1", C, phone="0118-old")], changed=2)
    new = match(P, card=[card_case("T-1", P, phone="0118-new")], person=b"mother", changed=9)
    for order in ((old, new), (new, old)):
        (entry,) = shown(*order, places=places)
        assert entry.contact is not None and entry.contact.phone == "0118-new"


def test_an_awaited_card_hides_behind_one_that_has_come() -> None:
    places = {PERSON: [Place(OWN, C, 1)], b"mother": [Place(OWN, P, 1)]}
    (entry,) = shown(match(C, card=[card_case("T-1", C)]), match(P, person=b"mother", changed=2), places=places)
    assert entry.contact is not None and entry.via == ["client"]


def test_entries_and_contacts_do_not_print() -> None:
    (entry,) = shown(match(C, card=[card_case("T-1", C)]))
    assert "0118" not in repr(entry) and "Piet" not in repr(entry.contact)


def entry(contact: bool = True) -> Entry:
    whom = Contact("Piet Post", "adviser", "0118-1", "", "T-1", date(2025, 11, 3))
    persons = {(S, 2), (P, 1), (C, 1), (C, 2), (A, 1)}
    return Entry(OWN, "town", MatchKind.FAMILY, persons, whom if contact else None)


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("en", ["The town — same family", "via the client, parent 1, sibling 2, the home address",
                "call Piet Post, adviser: 0118-1", "involved since 2025-11-03, their reference T-1"]),
        ("nl", ["The town — zelfde gezin", "via de cliënt zelf, ouder 1, broer of zus 2, het woonadres",
                "bel Piet Post, adviser: 0118-1", "betrokken sinds 2025-11-03, hun kenmerk T-1"]),
    ],
)  # fmt: skip
def test_the_picture_in_words(language: Language, lines: list[str]) -> None:
    text = wording.picture("ZK-1", [("The town", entry())], language)
    assert [line.strip() for line in text.splitlines()[2:] if line] == lines
    assert "ZK-1" in text.splitlines()[0]


def test_a_picture_says_what_is_awaited_and_that_nobody_is_known() -> None:
    assert "onderweg" in wording.picture("ZK-1", [("The town", entry(contact=False))], "nl")
    assert "on their way" in wording.picture("ZK-1", [("The town", entry(contact=False))], "en")
    assert "No other organisation" in wording.picture("ZK-1", [], "en")
    assert "Geen andere organisatie" in wording.picture("ZK-1", [], "nl")
