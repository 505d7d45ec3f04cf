"""What the pages about cases say: labels, reasons why a field is refused, and what each ending brings about."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from raakvlak_node.case import Case, Reason, Rejected
from raakvlak_node.followup import Phase
from raakvlak_node.pages import follow_up_words
from raakvlak_node.pages.case_list import Listed
from raakvlak_node.pages.follow_up_words import Badge
from raakvlak_node.pages.forms import Form
from raakvlak_node.standing import Ending
from raakvlak_protocol.party.look.words import Words

PAGE_ENDINGS: Final = (Ending.RISK_GONE, Ending.WRONG, Ending.LAPSED, Ending.DEATH)
"""What a case worker says. An objection goes by the privacy officer; age is seen by the node itself."""
FLAGS: Final = ("confidential", "protected")
DAYS: Final = ("birth_date", "since")
_EMPTY: Final = "must be filled in"
_NO_CONTACT: Final = "one of worker_phone and worker_email must be filled in"


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """A row of the list of cases, in words."""

    id: str
    reference: str
    function: str
    worker: str
    since: date
    others: int
    badges: list[Badge]


def listed(words: Words, row: Listed, today: date) -> Line:
    case = row.case
    return Line(
        row.id, case.reference, case.function, case.worker_name, case.since, row.others, list(_badges(words, row, today))
    )


def _badges(words: Words, row: Listed, today: date) -> Iterator[Badge]:
    """The most urgent one first."""
    if row.touch is not None:
        if row.touch.due is not None:
            yield follow_up_words.by_when(words, row.touch.due, today)
        if row.touch.phase:
            yield follow_up_words.badge(words, Phase(row.touch.phase))
    if row.lapsed:
        yield Badge(words("term is over"), "late")
    elif row.ends is not None:
        yield Badge(words("renew by %(day)s", day=words.short_day(row.ends)), "due")
    if row.case.protected:
        yield Badge(words("protected"), "quiet")
    elif row.case.confidential:
        yield Badge(words("confidential, released") if row.released else words("confidential"), "quiet")


def labels(words: Words) -> dict[str, str]:
    """Of each column of a case."""
    return {
        "case_ref": words("Reference"),
        "bsn": words("BSN of the client"),
        "birth_date": words("Date of birth"),
        "parent_bsn_1": words("BSN of a parent"),
        "parent_bsn_2": words("BSN of another parent"),
        "child_bsns": words("BSNs of children"),
        "sibling_bsns": words("BSNs of brothers and sisters"),
        "postcode": words("Postcode"),
        "house_number": words("House number"),
        "house_addition": words("Addition"),
        "function": words("Function"),
        "worker_name": words("Name"),
        "worker_phone": words("Phone"),
        "worker_email": words("E-mail"),
        "since": words("Involved since"),
        "confidential": words("Confidential"),
        "protected": words("Protected address or place"),
    }


def refuse(words: Words, form: Form, reasons: tuple[Reason, ...]) -> None:
    """Each reason beside its field."""
    for each in reasons:
        form.reject(each.column, _said(words, each))


def hand_over_refusal(words: Words, form: Form, error: Rejected) -> None:
    """The same where one said who takes over: what the account of a chosen colleague gives stands in no field."""
    for each in error.reasons:
        of_colleague = form.value("colleague") and each.column in {"name", "email"}
        form.reject("colleague" if of_colleague else each.column, _said(words, each))


def _said(words: Words, reason: Reason) -> str:
    """As a form says it, which names fields by their labels."""
    if reason.message == _NO_CONTACT:
        return words("Fill in a phone number or an e-mail address, so that others can reach you.")
    if reason.message == _EMPTY:
        needed = {
            "case_ref": words("Fill in the reference."),
            "bsn": words("Fill in the BSN of the client."),
            "function": words("Fill in the function."),
        }
        return needed.get(reason.column, words("Fill this in."))
    return words.refusal(reason.message)


@dataclass(frozen=True, slots=True, repr=False)
class Difference:
    """A field in which what stands in the store differs from what somebody typed."""

    label: str
    theirs: str
    mine: str


def differences(words: Words, stored: Case, mine: Case) -> list[Difference]:
    """In the order of the columns."""
    return [
        Difference(label, _shown(words, name, stored.columns[name]), _shown(words, name, mine.columns[name]))
        for name, label in labels(words).items()
        if _meant(name, stored.columns[name]) != _meant(name, mine.columns[name])
    ]


def _meant(name: str, value: str) -> str:
    return str(value.lower() == "yes") if name in FLAGS else value


def _shown(words: Words, name: str, value: str) -> str:
    if name in FLAGS:
        return words("yes") if value.lower() == "yes" else words("no")
    if name in DAYS and value:
        return words.day(date.fromisoformat(value))
    return value


def what_happens(words: Words, ending: Ending, *, archived: bool) -> tuple[str, str]:
    """(label, what happens then) of a reason to end a case."""
    kept = words("A copy goes to the archive, which only the privacy officer opens.") if archived else ""
    gone = words("Everything about it is destroyed here.")
    label, text = {
        Ending.RISK_GONE: (words("It goes well: the concern is gone"), kept or gone),
        Ending.WRONG: (words("It was a mistake"), words("The wrong person, or never a case. Everything is destroyed.")),
        Ending.LAPSED: (words("The term is over"), kept or gone),
        Ending.DEATH: (words("The client has died"), gone),
        Ending.OBJECTION: (words("An objection was upheld"), gone),
        Ending.AGE: (words("The client is too old"), gone),
    }[ending]
    return label, text
