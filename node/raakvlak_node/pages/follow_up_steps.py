"""The steps that can be taken at the page of a follow-up: how each is named, explained and asked for, and what it brings."""

from dataclasses import dataclass
from typing import Final

from raakvlak_protocol.act import ActKind
from raakvlak_protocol.party.look.words import Words

_ORDER: Final = (
    ActKind.ACKNOWLEDGED, ActKind.CONTACTED, ActKind.ALREADY_IN_CONTACT, ActKind.EVALUATED, ActKind.RESUMED,
    ActKind.REOPENED, ActKind.DISAGREED, ActKind.ESCALATED, ActKind.DECIDED, ActKind.CLOSED,
)  # fmt: skip
KINDS: Final = {each.name.lower(): each for each in _ORDER}
"""By the name that a form gives; an agreement is proposed and signed elsewhere."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A step that can be taken now: how it is named, explained and sent, and what its form asks. `text` and `day` are
    labels, empty where nothing is asked."""

    kind: str
    title: str
    hint: str
    button: str
    text: str = ""
    text_needed: bool = False
    day: str = ""
    day_needed: bool = False
    lead: bool = False

    @property
    def fields(self) -> list[str]:
        wanted = {"text": self.text, "day": self.day, "lead": self.lead}
        return [f"{self.kind}_{name}" for name, asked in wanted.items() if asked]


def offer(words: Words, kind: ActKind, coordinator: str) -> Offer:
    """The step of this kind; `coordinator` is who may be called in, "" where nobody can."""
    name = kind.name.lower()
    read = words("The other side reads this.")
    match kind:
        case ActKind.ACKNOWLEDGED:
            return Offer(name, words("I have seen it and will call"), "", words("I have seen it and will call"))
        case ActKind.CONTACTED:
            return Offer(
                name, words("We have been in contact"), words("Was there a call or a talk? Note the day; that is enough."),
                words("Note the contact"), words("What do you want to say about it?"), False, words("On which day?"), True,
            )  # fmt: skip
        case ActKind.ALREADY_IN_CONTACT:
            return Offer(
                name, words("We were in contact already"),
                words("Then nothing more is asked of either of you. You can take it up again at any time."),
                words("We were in contact already"),
            )  # fmt: skip
        case ActKind.RESUMED:
            return Offer(
                name, words("Take it up again"), words("From now on the terms count again, for both of you."),
                words("Take it up again"),
            )  # fmt: skip
        case ActKind.EVALUATED:
            return Offer(
                name, words("We have evaluated"), words("Look back together: what went well, what will be different?"),
                words("Note the evaluation"), words("What came of it?"), True,
                words("When will you evaluate again? Leave it empty if you won't."),
            )  # fmt: skip
        case ActKind.DISAGREED:
            hint = words("Then %(coordinator)s is called in and decides how to go on.", coordinator=coordinator)
            return Offer(
                name, words("We don't reach an agreement"), hint if coordinator else read,
                words("We don't reach an agreement"), words("What keeps you apart?"), True,
            )  # fmt: skip
        case ActKind.ESCALATED:
            hint = words("%(coordinator)s reads what you write here, and calls you both.", coordinator=coordinator)
            return Offer(
                name, words("Call in the coordinator"), hint, words("Call in the coordinator"),
                words("What is needed?"), True,
            )  # fmt: skip
        case ActKind.DECIDED:
            return Offer(
                name, words("Decide who leads"), words("Both sides are told at once, with your reasons."), words("Decide"),
                words("How will it go on, and why?"), True, lead=True,
            )  # fmt: skip
        case ActKind.REOPENED:
            return Offer(name, words("Reopen it"), read, words("Reopen it"), words("Why is it needed again?"), True)
    return Offer(
        name, words("Close it"), words("It can be reopened while the match stands."), words("Close it"),
        words("Why is nothing more needed?"), True,
    )  # fmt: skip


def told(words: Words, kind: ActKind, others: str) -> str:
    """What happens next; `others` are the other organisations."""
    return {
        ActKind.ACKNOWLEDGED: words("Noted. %(others)s hears today that you have seen it. Now call."),
        ActKind.CONTACTED: words("Noted. %(others)s sees today that there was contact."),
        ActKind.ALREADY_IN_CONTACT: words("Noted. Nothing more is asked, and %(others)s hears that too."),
        ActKind.RESUMED: words("You have taken it up again. %(others)s hears of it today."),
        ActKind.DISAGREED: words("%(others)s hears today that you don't reach an agreement."),
        ActKind.ESCALATED: words("The coordinator hears of it today, and so does %(others)s."),
        ActKind.DECIDED: words("Your decision goes to %(others)s today."),
        ActKind.EVALUATED: words("The evaluation was noted. %(others)s reads it today."),
        ActKind.CLOSED: words("It is closed. %(others)s hears of it today."),
        ActKind.REOPENED: words("It is open again. %(others)s hears of it today."),
        ActKind.PROPOSED: "",
    }[kind] % {"others": others}
