"""What the administration page says of checks, in the user's language. `doctor` composes its findings where no language is
known; here stands each form of them, to be found again and said in other words."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from raakvlak_node.doctor import Finding
from raakvlak_protocol.party.look.words import Words

_HOLE: Final = re.compile(r"%\((\w+)\)s")
_TONES: Final = {"good": "done", "warning": "due", "bad": "late"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding as a page shows it."""

    check: str
    tone: str
    verdict: str
    finding: str
    advice: str


def shown(words: Words, found: Finding) -> Shown:
    verdicts = {"good": words("good"), "warning": words("look at it"), "bad": words("wrong")}
    check, finding, advice = (said(words, each) for each in (found.check, found.finding, found.advice))
    return Shown(check[:1].upper() + check[1:], _TONES[found.verdict], verdicts[found.verdict], finding, advice)


def said(words: Words, text: str) -> str:
    """The text of a finding in this language; as it is where its form is not known."""
    if not text:
        return ""
    for form, translated in zip(_forms(lambda message: message), _forms(words), strict=True):
        found = re.fullmatch("(.+?)".join(re.escape(part) for part in _HOLE.split(form)[::2]), text, re.DOTALL)
        if found is not None:
            return translated % dict(zip(_HOLE.findall(form), (said(words, each) for each in found.groups()), strict=True))
    return words.refusal(text)


def _forms(words: Callable[[str], str]) -> list[str]:
    """Every form, those with more words of their own first."""
    return [
        # What was looked at.
        words("clock against key holder %(name)s"),
        words("quota of %(namespace)s at key holder %(name)s"),
        words("key holder %(name)s"),
        words("key holders"),
        words("index"),
        words("mail"),
        words("notices"),
        words("webhook"),
        # What was found.
        words("reachable and serving"),
        words("reachable but not serving"),
        words("reachable"),
        words("differs by %(seconds)s s"),
        words("did not answer within %(seconds)s s"),
        words("could not be looked at: %(kind)s"),
        words("%(first)s of %(all)s left of the first load, %(daily)s of %(quota)s left today"),
        words("%(count)s of %(all)s can be used, %(needed)s are needed"),
        words("%(waiting)s mails wait, %(given_up)s were given up, %(refused)s refused: %(trouble)s"),
        words("%(waiting)s mails wait, %(given_up)s were given up, %(refused)s refused"),
        words("%(waiting)s messages wait, %(given_up)s were given up: %(trouble)s"),
        words("%(waiting)s messages wait, %(given_up)s were given up"),
        words("%(count)s were for workers who are no users: nobody was told by e-mail"),
        # What others' programs say of a connection.
        words(
            "%(who)s at %(address)s can't be reached: check that it runs, the address and the firewall, and that your own "
            "certificate has not expired (%(details)s)"
        ),
        words(
            "%(who)s at %(address)s could not be authenticated: check the address, and that its certificate has not expired, "
            "stands under the covenant's roots and names %(name)s, and the same of your own (%(details)s)"
        ),
        words("%(who)s at %(address)s did not answer in time"),
        words("the call to %(who)s was broken off"),
        # What to do.
        words("add its address to settings.toml"),
        words("see the reason; if it lasts, call the key holder's operator"),
        words("see the reason; if it lasts, call the index operator"),
        words("look again; if it lasts, call its operator"),
        words("see the node's log"),
        words("it is starting or stopping; try again, then call its operator"),
        words("set this machine's clock by NTP; terms and certificates are judged by it"),
        words("what waits goes on after 00:00 UTC; a larger caseload needs a larger quota"),
        words("nearly used up; ask the covenant board if more cases are to come"),
        words("new persons wait until enough key holders are back; nothing is lost"),
        words("then start 'raakvlak-node serve' again"),
        words("mend what it says, then run 'raakvlak-node webhook test'"),
        words("mend what it says, then run 'raakvlak-node mail test --to ADDRESS'"),
        words("look whether users' addresses are right"),
        words("give the workers of cases an account with the e-mail address that the case has, or a team that address"),
    ]
