"""What the client picture of a case tells on a page: the input of its drawing, and the rows of the table beside it."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

from raakvlak_node.followup import Phase
from raakvlak_node.pages.drawing_layout import fold
from raakvlak_node.pages.drawing_shapes import Who
from raakvlak_node.pages.drawing_words import kind_name, match_name, person_name, phase_name
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.relation import MatchKind, Relation

CLIENT: Final[Who] = (Relation.CLIENT, 1)
_NEAREST: Final = (Relation.CLIENT, Relation.PARENT, Relation.SIBLING, Relation.CHILD, Relation.ADDRESS)
_MANY: Final = (Relation.PARENT, Relation.SIBLING, Relation.CHILD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Whom the own case knows beside its client; `home` whether it knows the address."""

    parents: int = 0
    siblings: int = 0
    children: int = 0
    home: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Involved:
    """Another organisation's case that touches the own one: an entry of the picture with how its follow-up stands.

    `kind` is one of the covenant's, "" for a member that has left it. `persons` are those of the entry. `phase` and `since` are
    None, and `call` is "", until its card has come: then `awaited`. `call` is whom to call there, in a few words; `act` what is
    asked of the reader now, in a sentence, "" for nothing; `href` is "" where there is nothing to open.
    """

    name: str
    kind: str
    persons: frozenset[Who]
    match: MatchKind
    phase: Phase | None = None
    since: date | None = None
    call: str = ""
    act: str = ""
    overdue: bool = False
    href: str = ""

    @property
    def awaited(self) -> bool:
        return self.phase is None

    @property
    def nearest_first(self) -> list[Who]:
        """The shared persons as they are drawn: the client once, the home once."""
        single = {(relation, place if relation in _MANY else 1) for relation, place in self.persons}
        return sorted(single, key=lambda who: (_NEAREST.index(who[0]), who[1]))


@dataclass(frozen=True, kw_only=True, repr=False)
class ClientPicture:
    """One own case: its family, the own organisation (name and kind), and the others that touch it."""

    family: Family
    own_name: str
    own_kind: str
    others: tuple[Involved, ...] = ()

    @cached_property
    def home(self) -> bool:
        return self.family.home or any(who[0] is Relation.ADDRESS for each in self.others for who in each.persons)

    @cached_property
    def people(self) -> list[tuple[Who, ...]]:
        """The circles to draw: everybody in exactly one."""
        found: list[tuple[Who, ...]] = [(CLIENT,)]
        counts = zip(_MANY, (self.family.parents, self.family.siblings, self.family.children), strict=True)
        for relation, count in counts:
            known = [who for each in self.others for who in each.persons if who[0] is relation]
            touched = [each.nearest_first[0] for each in self.others]
            found += fold(relation, count, (place for _, place in known), (place for of, place in touched if of is relation))
        return found


@dataclass(frozen=True, slots=True)
class Row:
    """An organisation as the table tells it: the same words as in the drawing."""

    name: str
    kind: str
    match: str
    via: str
    since: str
    call: str
    phase: str
    act: str
    overdue: bool
    href: str


def as_rows(picture: ClientPicture, words: Words) -> list[Row]:
    """The other organisations, in the order of the picture."""
    return [row(each, words) for each in picture.others]


def row(each: Involved, words: Words) -> Row:
    return Row(
        name=each.name,
        kind=kind_name(each.kind, words),
        match=match_name(each.match, words),
        via=", ".join(person_name(who, words) for who in each.nearest_first),
        since="" if each.since is None else words("since %(month)s", month=words.month(each.since)),
        call=_call(each, words),
        phase="" if each.phase is None else phase_name(each.phase, words),
        act=each.act,
        overdue=each.overdue,
        href=each.href,
    )  # fmt: skip


def _call(each: Involved, words: Words) -> str:
    if each.awaited:
        return words("Contact details are on their way")
    return words("Call %(who)s", who=each.call) if each.call else ""
