"""What a follow-up says to people on a page: where it stands, what is asked of whom, what was done."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from raakvlak_node.follow_ups import FollowUp
from raakvlak_node.followup import Due, Phase, Step, Term, Turn
from raakvlak_node.pages.drawing_words import phase_name
from raakvlak_node.workdays import moment
from raakvlak_protocol.act import NOTHING, Act, ActKind, Cause, Informed
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.relation import MatchKind

NameOf = Callable[[str], str]
"""The name of an organisation, by its id."""


@dataclass(frozen=True, slots=True)
class Badge:
    """A word and its tone, as `ui.badge` shows it."""

    label: str
    tone: str


@dataclass(frozen=True, slots=True, repr=False)
class Said:
    """A step of the history: when, what, and what was written with it. One that did not count crossed with another.
    `unread`: something was written that is not for this organisation to read."""

    at: datetime
    who: str
    what: str
    text: str
    counted: bool
    unread: bool


_TONES: Final = {
    Phase.SIGNALLED: "new",
    Phase.ACKNOWLEDGED: "new",
    Phase.AGREED: "done",
    Phase.EVALUATION_DUE: "due",
    Phase.ESCALATED: "late",
    Phase.ALREADY_IN_CONTACT: "quiet",
    Phase.CLOSED: "quiet",
    Phase.WITHDRAWN: "quiet",
    Phase.EXPIRED: "quiet",
}


def badge(words: Words, phase: Phase) -> Badge:
    """Where a follow-up stands, in a word."""
    return Badge(phase_name(phase, words), _TONES.get(phase, "neutral"))


def asked(words: Words, turn: Turn, whom: str) -> str:
    """The one thing to do next, as a button says it. `whom` is the person to call, or else the organisation."""
    return {
        Turn.ACKNOWLEDGE: words("Look and call"),
        Turn.CALL: words("Call %(whom)s", whom=whom),
        Turn.SIGN: words("Read and sign"),
        Turn.AGREE: words("Make agreements"),
        Turn.EVALUATE: words("Evaluate"),
        Turn.WAIT: words("See how it stands"),
    }[turn]


def why(words: Words, turn: Turn, organisation: str, kind: MatchKind) -> str:
    """Why somebody is to look at a follow-up, in one line."""
    same_client = kind is MatchKind.CLIENT
    known = (
        words("%(organisation)s knows this client too.") if same_client else words("%(organisation)s knows this family too.")
    )
    said = {
        Turn.ACKNOWLEDGE: known,
        Turn.CALL: words("You were going to call %(organisation)s."),
        Turn.SIGN: words("An agreement with %(organisation)s waits for your signature."),
        Turn.AGREE: words("You are in contact with %(organisation)s; there is no agreement yet."),
        Turn.EVALUATE: words("The agreement with %(organisation)s is to be evaluated."),
        Turn.WAIT: words("It is the coordinator's turn, between you and %(organisation)s."),
    }[turn]
    return said % {"organisation": organisation}


def by_when(words: Words, on: date, today: date) -> Badge:
    """The last day on which something is in time."""
    if on < today:
        days = (today - on).days
        return Badge(words.plural("%(count)s day late", "%(count)s days late", days), "late")
    if on == today:
        return Badge(words("today"), "due")
    return Badge(words("by %(day)s", day=words.short_day(on)), "due" if (on - today).days <= 3 else "neutral")


def term_said(words: Words, term: Term, on: date) -> str:
    """What is due, and when."""
    said = {
        Term.ACKNOWLEDGE: words("Let it be known by %(day)s that this was seen."),
        Term.CONTACT: words("Have contact by %(day)s."),
        Term.AGREEMENT: words("Make agreements by %(day)s."),
        Term.EVALUATION: words("Evaluate by %(day)s."),
    }[term]
    return said % {"day": words.day(on)}


def whose_turn(words: Words, due: Due | None, member: str, name_of: NameOf) -> str:
    """Who is to do it."""
    if due is None:
        return ""
    others = [name_of(each) for each in sorted(due.whose) if each != member]
    if member in due.whose and others:
        return words("It is for both of you.")
    if member in due.whose:
        return words("It is your turn.")
    return words("It is the turn of %(who)s.", who=", ".join(others)) if others else ""


def stands(words: Words, found: FollowUp, member: str, name_of: NameOf) -> str:
    """Where a follow-up stands, in a plain sentence or two."""
    standing = found.standing
    sides = [name_of(each) for each in found.known.pair.members if each != member]
    other = words(" and ").join(sides)
    match found.phase:
        case Phase.SIGNALLED:
            return _signalled(words, found, member, other)
        case Phase.ACKNOWLEDGED:
            return words("Both have seen it. Nobody has noted yet that there was contact.")
        case Phase.IN_CONTACT:
            if standing.proposal is not None:
                return words("There was contact, and there is a proposal for an agreement that not everybody has signed.")
            return words(
                "There was contact on %(day)s. Now come to agreements.", day=words.day(standing.contacted_on or _day(found))
            )
        case Phase.ALREADY_IN_CONTACT:
            return words("You knew each other already. Nothing more is asked, unless somebody takes it up again.")
        case Phase.AGREED:
            if standing.evaluate_on is None:
                return words("There is an agreement, and it was evaluated. Nothing more is planned.")
            return words("There is an agreement. You evaluate it on %(day)s.", day=words.day(standing.evaluate_on))
        case Phase.EVALUATION_DUE:
            return words("There is an agreement, and it is time to look back at it together.")
        case Phase.ESCALATED:
            return _escalated(words, found, member, name_of)
        case Phase.CLOSED:
            return words("This follow-up is closed. While the match stands it can be reopened.")
        case Phase.EXPIRED:
            return words("The match is over, because the term of your case has ended.")
        case Phase.WITHDRAWN:
            return words("The match is over: one of the two organisations is no longer involved.")


def _signalled(words: Words, found: FollowUp, member: str, other: str) -> str:
    seen = found.standing.acknowledged
    if member not in found.known.pair.members:
        return words("The two know of each other since a short time, and have noted no contact yet.")
    if member in seen:
        return words("You have seen it; %(other)s has not yet. Call anyway: that is the quickest way.", other=other)
    if seen:
        return words("%(other)s has seen it and knows that you are involved too.", other=other)
    return words("You have only just heard of each other. First the youth or the parents, then each other.")


def _escalated(words: Words, found: FollowUp, member: str, name_of: NameOf) -> str:
    standing = found.standing
    coordinator = name_of(standing.coordinator)
    if standing.cause is Cause.TERM:
        return words("The term has passed. %(coordinator)s was called in, and decides how to go on.", coordinator=coordinator)
    if standing.cause is Cause.REQUEST:
        return words(
            "%(who)s has called in %(coordinator)s, who decides how to go on.",
            who=name_of(standing.escalated_by), coordinator=coordinator,
        )  # fmt: skip
    if member not in found.known.pair.members:
        return words("The two did not reach an agreement. You decide how to go on.")
    return words("You did not reach an agreement. %(coordinator)s decides how to go on.", coordinator=coordinator)


def _day(found: FollowUp) -> date:
    return moment(found.known.began).date()


def said(words: Words, found: FollowUp, step: Step, name_of: NameOf) -> Said:
    """A step of the history."""
    record = step.record
    if not isinstance(record, Act):
        who = name_of(record.party.member)
        return Said(moment(record.at), who, words("%(who)s has signed.", who=who), "", step.counted, False)
    who = name_of(record.author)
    written = found.records.texts.get(record.text_hash)
    text = "" if written is None else written.text
    what = _done(words, record, who, name_of)
    return Said(moment(record.at), who, what, text, step.counted, written is None and record.text_hash != NOTHING)


def items(words: Words, found: FollowUp, steps: Iterable[Step], name_of: NameOf) -> list[dict[str, str]]:
    """Steps for a timeline."""
    return [_item(words, said(words, found, each, name_of)) for each in steps]


def _item(words: Words, step: Said) -> dict[str, str]:
    text = words("(What was written with it is not for you to read.)") if step.unread else step.text
    crossed = "" if step.counted else " " + words("(It crossed with something else, and has no effect.)")
    return {"when": words.moment(step.at), "title": step.what + crossed, "text": text, "tone": "" if step.counted else "quiet"}


def _done(words: Words, act: Act, who: str, name_of: NameOf) -> str:
    day = words.day(act.day) if act.day else ""
    lead = name_of(act.lead) if act.lead else ""
    match act.kind:
        case ActKind.ACKNOWLEDGED:
            return words("%(who)s has seen it and will call.", who=who)
        case ActKind.CONTACTED:
            return words("%(who)s: there was contact on %(day)s.", who=who, day=day)
        case ActKind.ALREADY_IN_CONTACT:
            return words("%(who)s: we were in contact already.", who=who)
        case ActKind.RESUMED:
            return words("%(who)s takes it up again.", who=who)
        case ActKind.PROPOSED:
            return words("%(who)s proposes an agreement: %(lead)s leads, evaluation on %(day)s.", who=who, lead=lead, day=day)
        case ActKind.DISAGREED:
            return words("%(who)s: we don't reach an agreement.", who=who)
        case ActKind.ESCALATED if act.cause is Cause.TERM:
            return words("The term has passed: the coordinator was called in.")
        case ActKind.ESCALATED:
            return words("%(who)s calls in the coordinator.", who=who)
        case ActKind.DECIDED:
            return words("%(who)s decides: %(lead)s leads.", who=who, lead=lead)
        case ActKind.EVALUATED if day:
            return words("%(who)s has evaluated; the next time is %(day)s.", who=who, day=day)
        case ActKind.EVALUATED:
            return words("%(who)s has evaluated.", who=who)
        case ActKind.CLOSED:
            return words("%(who)s closes it.", who=who)
        case ActKind.REOPENED:
            return words("%(who)s reopens it.", who=who)


def told(words: Words, informed: Informed) -> str:
    """Whether somebody agrees with an agreement, knows of it only, or does not know of it."""
    return {
        Informed.AGREES: words("agrees"),
        Informed.INFORMED_ONLY: words("has been told"),
        Informed.NOT_INFORMED: words("has not been told"),
    }[informed]
