"""The client picture of a case: whom to call now, who else is involved with the family, and what was agreed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from fastapi import APIRouter, Response

from raakvlak_node import followup
from raakvlak_node.access import Event
from raakvlak_node.case import Case
from raakvlak_node.follow_ups import FollowUp
from raakvlak_node.followup import Turn
from raakvlak_node.node import Node
from raakvlak_node.pages import follow_up_words
from raakvlak_node.pages.door import At, Page
from raakvlak_node.pages.drawing import drawing
from raakvlak_node.pages.drawing_rows import ClientPicture, Family, Involved, as_rows
from raakvlak_node.pages.drawing_words import match_name, person_name
from raakvlak_node.pages.follow_up_words import Badge
from raakvlak_node.pages.following import Paper, paper
from raakvlak_node.picture import Contact, Entry
from raakvlak_node.standing import RENEWABLE_MONTHS
from raakvlak_node.tokens import Stance
from raakvlak_protocol.covenant import NEVER_DIRECT
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.term import month_of, start_of

routes: Final = APIRouter()

FOLDED: Final = 40
"""Of so many organisations around one case the history is read; more than any family has."""
LAST_STEPS: Final = 4
_URGENT: Final = (Turn.SIGN, Turn.ACKNOWLEDGE, Turn.CALL, Turn.EVALUATE, Turn.AGREE, Turn.WAIT)


@dataclass(frozen=True, slots=True, repr=False)
class Around:
    """An organisation around the case, as its card shows it. `act` is the button's text, "" where nothing is asked; `href`
    is "" until its card has come."""

    id: str
    name: str
    via: str
    match: str
    contact: Contact | None
    badge: Badge | None
    due: Badge | None
    turn: Turn | None
    why: str
    act: str
    href: str
    history: list[dict[str, str]]
    found: FollowUp | None
    urgency: tuple[int, int, str, str]

    @property
    def asks(self) -> bool:
        return self.act != ""

    @property
    def calls(self) -> bool:
        """Whether a call is what is asked."""
        return self.contact is not None and self.turn in (Turn.ACKNOWLEDGE, Turn.CALL)


@routes.get("/cases/{case}")
def show(page: At, case: str) -> Response:
    """Who else is involved, and whom to call."""
    with page.node() as own:
        handle, found = page.case(own, case)
        page.note(own, Event.READ, "picture", found.reference)
        _, entries = own.picture(found.reference)
        around = sorted((_around(page, own, each, n) for n, each in enumerate(entries)), key=lambda each: each[0].urgency)
        cards = [card for card, _ in around]
        picture = _drawn(own, found, around)
        return page.html(
            "case.html",
            title=page.words("Case %(reference)s", reference=found.reference),
            id=case,
            case=found,
            first=next((each for each in cards if each.asks), None),
            cards=cards,
            drawing=drawing(picture, page.words),
            rows=as_rows(picture, page.words),
            papers=_papers(own, cards),
            told=lambda informed: follow_up_words.told(page.words, informed),
            hearing=_hearing(page.words, own, handle, found),
            ended=_ended(own, handle),
            term=_term(page, own, handle),
        )


def _around(page: Page, own: Node, entry: Entry, number: int) -> tuple[Around, Entry]:
    words, name = page.words, own.name_of(entry.other)
    follow_ups = own.follow_ups()
    known = None
    if entry.contact is not None and number < FOLDED:
        reference = own.store.case(entry.own_case)
        known = follow_ups.pairs.of_entry(own.member.id, "" if reference is None else reference.reference, entry)
    found = None if known is None else follow_ups.of(known, page.now)
    turn = None if found is None else followup.turn(found.standing, own.member.id)
    today = own.today(page.now)
    ours = found is not None and found.due is not None and own.member.id in found.due.whose
    on = found.due.on if ours and found is not None and found.due is not None else None
    said = [] if found is None else [
        follow_up_words.said(words, found, each, own.name_of)
        for each in reversed(found.standing.steps[-LAST_STEPS:])
    ]  # fmt: skip
    whom = "" if entry.contact is None else entry.contact.name or name
    asked = turn if turn is not Turn.EVALUATE or (on is not None and (on - today).days <= 7) else None
    return Around(
        id="" if known is None else known.id,
        name=name,
        via=", ".join(person_name(each, words) for each in sorted(entry.persons)),
        match=match_name(entry.kind, words),
        contact=entry.contact,
        badge=None if found is None else follow_up_words.badge(words, found.phase),
        due=None if on is None else follow_up_words.by_when(words, on, today),
        turn=asked,
        why="" if asked is None else follow_up_words.why(words, asked, name, entry.kind),
        act="" if asked is None or asked is Turn.WAIT else follow_up_words.asked(words, asked, whom),
        href="" if known is None else f"/follow-ups/{known.id}",
        history=[{"when": words.moment(each.at), "title": each.what, "text": "", "tone": ""} for each in said],
        found=found,
        urgency=_urgency(asked, on, today, name, entry),
    ), entry  # fmt: skip


def _urgency(turn: Turn | None, on: date | None, today: date, name: str, entry: Entry) -> tuple[int, int, str, str]:
    """What is late comes first, then what is asked, then by name."""
    late = on is not None and on < today
    order = len(_URGENT) if turn is None else _URGENT.index(turn)
    return (0 if late else 1, order, name.casefold(), "" if entry.contact is None else entry.contact.reference)


def _drawn(own: Node, case: Case, around: Iterable[tuple[Around, Entry]]) -> ClientPicture:
    others = []
    for card, entry in around:
        contact, member = entry.contact, own.covenant.members.get(entry.other)
        others.append(
            Involved(
                name=card.name,
                kind="" if member is None else member.kind,
                persons=frozenset(entry.persons),
                match=entry.kind,
                phase=None if card.found is None else card.found.phase,
                since=None if contact is None else contact.since,
                call="" if contact is None else contact.name or contact.function,
                act=card.act,
                overdue=card.due is not None and card.due.tone == "late",
                href=card.href,
            )
        )
    family = Family(
        parents=len(case.parents), siblings=len(case.siblings), children=len(case.children), home=case.address is not None
    )
    return ClientPicture(family=family, own_name=own.member.name, own_kind=own.member.kind, others=tuple(others))


def _papers(own: Node, cards: Iterable[Around]) -> list[tuple[Paper, bool, str]]:
    """(agreement, whether it is in force, the follow-up to open) for each text once."""
    shown: dict[bytes, tuple[Paper, bool, str]] = {}
    for card in cards:
        if card.found is None:
            continue
        standing = card.found.standing
        for hash, in_force in ((standing.agreement, True), (standing.proposal, False)):
            made = paper(own, card.found, hash)
            if made is not None and made.hash not in shown:
                shown[made.hash] = (made, in_force, card.href)
    return sorted(shown.values(), key=lambda each: not each[1])


def _hearing(words: Words, own: Node, handle: bytes, case: Case) -> dict[str, str] | None:
    """What is special about who hears of this case; None where nothing is. `link` says what can be done about it."""
    if own.standing().objections.stance(case.client) is Stance.SUSPENDED:
        return {
            "title": words("An objection is being decided"),
            "text": words("Until then nothing of this client is told to others. Your privacy officer knows more."),
            "link": "",
        }
    if case.protected or own.member.kind in NEVER_DIRECT:
        return {
            "title": words("Only the coordinator hears of this case"),
            "text": words("A name can give a place away. If somebody else is involved, the coordinator calls you."),
            "link": "",
        }
    if not case.confidential:
        return None
    if own.standing().released(handle):
        return {
            "title": words("This case was confidential and is released"),
            "text": words("Other organisations that know this family hear of it, and can call you."),
            "link": words("Take the release back"),
        }
    return {
        "title": words("This case is confidential"),
        "text": words(
            "Nobody hears that you are involved. Only the coordinator sees a match, and asks you before anything is told."
        ),
        "link": words("Release it"),
    }


@dataclass(frozen=True, slots=True)
class Term:
    """When the case's own term is over, whether it is, and whether it can be renewed."""

    ends: date
    lapsed: bool
    renewable: bool


def _term(page: Page, own: Node, handle: bytes) -> Term:
    lapses, now = own.store.lapses(handle) or 0, month_of(page.now)
    return Term(start_of(lapses).date(), lapses <= now, lapses - RENEWABLE_MONTHS <= now)


def _ended(own: Node, handle: bytes) -> list[tuple[str, str]]:
    """(organisation, follow-up) of matches that are over, while they are kept."""
    over = [each for each in own.follow_ups().pairs.of_case(handle) if each.ended is not None]
    return [(own.name_of(each.pair.opposite(own.member.id).member), f"/follow-ups/{each.id}") for each in over]
