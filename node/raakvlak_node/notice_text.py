"""What an e-mail says: that there is something new, of which own references, and where to look (RFC 5322, RFC 3834).

A mail passes through machines of others and may go astray. So it names own references and what kind of thing is new, and
nothing else that anybody has typed: no person, and not the other organisation, whose name beside a reference would tell
something of a family to whoever knows the reference. The subject is the same for all. The link is the address of the
pages, the same for all as well.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from enum import StrEnum
from typing import Final

from raakvlak_node.wording import Language
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identifier import Bsn

MAX_REFERENCES: Final = 10
"""Named in one mail; of the others it says how many there are."""


class Kind(StrEnum):
    """What can be new of a case, in the order in which it is told."""

    MATCH = "match"
    QUESTION = "question"
    PASSED = "passed"
    NEAR = "near"
    EVALUATION = "evaluation"
    AGREEMENT = "agreement"
    ESCALATED = "escalated"
    ANSWER = "answer"


_KINDS: Final[Mapping[Language, Mapping[Kind, str]]] = {
    "nl": {
        Kind.MATCH: "een nieuwe match",
        Kind.QUESTION: "een vraag van de coördinator",
        Kind.PASSED: "een termijn die voorbij is",
        Kind.NEAR: "een termijn die bijna voorbij is",
        Kind.EVALUATION: "tijd om te evalueren",
        Kind.AGREEMENT: "een afspraak om te ondertekenen",
        Kind.ESCALATED: "de coördinator is ingeschakeld",
        Kind.ANSWER: "een antwoord",
    },
    "en": {
        Kind.MATCH: "a new match",
        Kind.QUESTION: "a question of the coordinator",
        Kind.PASSED: "a term that has passed",
        Kind.NEAR: "a term that is near",
        Kind.EVALUATION: "time to evaluate",
        Kind.AGREEMENT: "an agreement to sign",
        Kind.ESCALATED: "the coordinator was called in",
        Kind.ANSWER: "an answer",
    },
}

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "nl": {
        "subject": "Er is iets nieuws in Raakvlak",
        "one": "Er is iets nieuws bij je kenmerk:",
        "several": "Er is iets nieuws bij je kenmerken:",
        "hidden": "een casus waarvan het kenmerk op een burgerservicenummer lijkt en daarom niet in een mail staat",
        "more": "en nog {count} andere",
        "look": "Kijk op {link}",
        "choose": "Liever één mail per dag, of geen? Dat kies je in Raakvlak bij je eigen gegevens.",
        "team": "Deze mail gaat naar het adres van het hele team.",
        "automatic": "Deze mail is automatisch verstuurd. Er staan met opzet geen namen in.",
        "test subject": "Raakvlak: testmail",
        "test": "Dit is een testmail van Raakvlak. Hij is aangekomen: berichten per e-mail werken.",
    },
    "en": {
        "subject": "There is something new in Raakvlak",
        "one": "There is something new about your reference:",
        "several": "There is something new about your references:",
        "hidden": "a case whose reference looks like a citizen service number and is therefore not put in a mail",
        "more": "and {count} more",
        "look": "Look at {link}",
        "choose": "Rather one mail a day, or none? Choose so in Raakvlak, among your own details.",
        "team": "This mail goes to the address of the whole team.",
        "automatic": "This mail was sent automatically. On purpose it holds no names.",
        "test subject": "Raakvlak: test mail",
        "test": "This is a test mail from Raakvlak. It has arrived: e-mail notices work.",
    },
}

_NUMBER: Final = re.compile(r"(?<!\d)(\d{9}|\d{4}[. ]\d{2}[. ]\d{3}|\d{3}[. ]\d{3}[. ]\d{3})(?!\d)")
"""As a citizen service number is written. Not with hyphens, and not with eight digits: references are written so."""


def shown(reference: str) -> bool:
    """Whether a reference may stand in a mail: not where a citizen service number may stand in it."""
    return not any(_is_bsn(re.sub("[. ]", "", each)) for each in _NUMBER.findall(reference))


def _is_bsn(digits: str) -> bool:
    try:
        Bsn.parse(digits)
    except Malformed:
        return False
    return True


def body(news: Sequence[tuple[str, Collection[Kind]]], more: int, link: str, language: Language, *, team: bool = False) -> str:
    """`news` are (own reference, what is new of it), MAX_REFERENCES at most; `more` counts the cases that are not named."""
    words, kinds = _WORDS[language], _KINDS[language]
    lines = [words["one" if len(news) + more == 1 else "several"], ""]
    for reference, found in news:
        told = ", ".join(kinds[each] for each in Kind if each in found)
        lines.append(f"- {reference if shown(reference) else words['hidden']}: {told}")
    if more:
        lines.append(words["more"].format(count=more))
    if link:
        lines += ["", words["look"].format(link=link)]
    return "\n".join([*lines, "", words["team" if team else "choose"], words["automatic"], ""])


def mail(to: str, sender: str, id: str, text: str, language: Language, now: datetime, *, test: bool = False) -> bytes:
    """The bytes that are sent, in each attempt the same. `id` is without brackets. Raises Malformed where `to` is no
    address."""
    message = EmailMessage(policy=SMTP if to.isascii() else SMTPUTF8)
    try:
        message["From"] = sender
        message["To"] = to
        if "@" not in to or [each.addr_spec for each in message["To"].addresses] != [to]:
            raise ValueError
    except (ValueError, IndexError):
        raise Malformed("not an e-mail address", field="to") from None
    message["Subject"] = _WORDS[language]["test subject" if test else "subject"]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{id}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, charset="utf-8", cte="quoted-printable")
    message["Content-Language"] = language
    return message.as_bytes()


def trial_mail(to: str, sender: str, id: str, language: Language, now: datetime) -> bytes:
    """A mail that tells of nothing."""
    return mail(to, sender, id, _WORDS[language]["test"] + "\n", language, now, test=True)
