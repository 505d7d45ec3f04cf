"""What persons, kinds of organisation and phases are called on the pages."""

from raakvlak_node.followup import Phase
from raakvlak_node.pages.drawing_shapes import Who
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.relation import MatchKind, Relation


def person_name(who: Who, words: Words) -> str:
    """A person of a case, by relation and order."""
    relation, place = who
    match relation:
        case Relation.PARENT:
            return words("Parent %(place)s", place=place)
        case Relation.SIBLING:
            return words("Sibling %(place)s", place=place)
        case Relation.CHILD:
            return words("Child %(place)s", place=place)
        case Relation.ADDRESS:
            return words("Home address")
    return words("Client")


def people_name(whos: tuple[Who, ...], words: Words) -> str:
    """Those who share a circle."""
    if len(whos) == 1:
        return person_name(whos[0], words)
    count = words.number(len(whos))
    match whos[0][0]:
        case Relation.SIBLING:
            return words("+%(count)s siblings", count=count)
        case Relation.CHILD:
            return words("+%(count)s children", count=count)
    return words("+%(count)s parents", count=count)


def kind_name(kind: str, words: Words) -> str:
    """A kind of organisation; "" for what is none."""
    names = {
        "education": words("Education"),
        "municipality": words("Municipality"),
        "police": words("Police"),
        "justice": words("Justice"),
        "youth_care": words("Youth care"),
        "health": words("Health care"),
        "shelter": words("Shelter"),
        "coordinator": words("Coordinator"),
    }
    return names.get(kind, "")


def match_name(kind: MatchKind, words: Words) -> str:
    return words("Same client") if kind is MatchKind.CLIENT else words("Same family")


def phase_name(phase: Phase, words: Words) -> str:
    """How far a follow-up has come."""
    names = {
        Phase.SIGNALLED: words("Signalled"),
        Phase.ACKNOWLEDGED: words("Acknowledged"),
        Phase.IN_CONTACT: words("Contact made"),
        Phase.ALREADY_IN_CONTACT: words("Already in contact"),
        Phase.AGREED: words("Agreements made"),
        Phase.EVALUATION_DUE: words("Evaluation due"),
        Phase.ESCALATED: words("Escalated"),
        Phase.CLOSED: words("Closed"),
        Phase.WITHDRAWN: words("Withdrawn"),
        Phase.EXPIRED: words("Expired"),
    }
    return names[phase]
