"""What of a node needs its administrator, the most pressing thing first, and what to do about it. Pure: facts in, words out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from raakvlak_node.backups import Last
from raakvlak_node.promises import Alarm
from raakvlak_protocol.party.look.words import Words

WARN_DAYS: Final = 30
"""So long before its end a certificate or covenant is told of."""
BACKUP_DAYS: Final = 7
"""After so long without a backup one is due."""


@dataclass(frozen=True, slots=True)
class Facts:
    """How the node stands. `counts` are those of `administration_watch`, empty until there are some; `waiting` is what the
    key holders said when the quota was used up; `unproven_hours` and `trouble` are about the log, `followed` says whether
    the settings name it; `unreadable` counts letters that were put aside."""

    now: datetime
    certificate_until: datetime
    covenant_until: datetime
    next_version: int
    """Of a covenant that lies here and is used after a restart; 0 for none."""
    next_certificate: bool
    alarms: tuple[Alarm, ...]
    reconcile: str
    quota: str
    unproven_hours: int
    trouble: str
    followed: bool
    unreadable: int
    webhook_trouble: str
    mail_trouble: str
    backup: Last | None
    cases: bool
    counts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Need:
    """One thing. `tone` is "late" where something does not work, else "due"; `command` is to be run at the machine; `href`
    is where it is done here."""

    tone: str
    title: str
    text: str
    command: str = ""
    href: str = ""
    label: str = ""
    about: str = ""
    """What a program said of it, as it did."""


def days_left(until: datetime, now: datetime) -> int:
    """Whole days; below 0 once it is over."""
    return (until - now) // timedelta(days=1)


def needs(words: Words, facts: Facts) -> list[Need]:
    """All of them, what does not work before what is only due."""
    parts = (_stopped, _membership, _people, _backup, _log, _work)
    found = [each for part in parts for each in part(words, facts)]
    return sorted(found, key=lambda each: each.tone != "late")


def _stopped(words: Words, facts: Facts) -> Iterator[Need]:
    for alarm in facts.alarms:
        yield Need(
            "late",
            words("Publishing has stopped"),
            words(
                "The index or its log broke its word. Give the evidence (%(file)s) to the compliance officer and call the "
                "operator of the index. When they have answered, let publishing go on:",
                file=f"evidence/{alarm.file}" if alarm.file else words("this message, as no file could be written"),
            ),
            command="raakvlak-node resume --because …",
            about=words.refusal(alarm.message),
        )
    if facts.reconcile:
        yield Need(
            "late",
            words("This node was put back from a backup, or must otherwise agree with the index first"),
            words("Nothing is published until you have looked at the difference. Look first, then let it agree:"),
            command="raakvlak-node reconcile --dry-run",
            about=words.refusal(facts.reconcile),
        )


def _membership(words: Words, facts: Facts) -> Iterator[Need]:
    left = days_left(facts.certificate_until, facts.now)
    if facts.next_certificate:
        yield Need("due", words("A new certificate lies ready"), words("It is used once the node is started again."))
    elif left < 0:
        title = words("The certificate has expired")
        yield Need("late", title, words("Every party refuses this node. Have a new one issued:"), command=_RENEW)
    elif left < WARN_DAYS:
        title = words.plural("The certificate ends in one day", "The certificate ends in %(count)s days", left)
        yield Need("due", title, words("Have a new one issued from request.pem, then take it in:"), command=_RENEW)
    if facts.next_version:
        title = words("Version %(version)s of the covenant lies ready", version=facts.next_version)
        yield Need("due", title, words("It is used once the node is started again."))
    elif (left := days_left(facts.covenant_until, facts.now)) < WARN_DAYS:
        title = words.plural("The covenant ends in one day", "The covenant ends in %(count)s days", max(left, 0))
        text = words("Without a next version nothing is exchanged after that. Ask the covenant board for it.")
        yield Need("due", title, text)


_RENEW: Final = "raakvlak-node join"


def _log(words: Words, facts: Facts) -> Iterator[Need]:
    if facts.unproven_hours:
        yield Need(
            "late",
            words("What the index promises can't be verified"),
            words(
                "That has been so for %(hours)s hours. Tell the compliance officer and call the operator of the index. "
                "Publishing goes on.",
                hours=facts.unproven_hours,
            ),
            about=facts.trouble,
        )
    elif not facts.followed:
        yield Need(
            "due",
            words("Nothing that the index promises is verified"),
            words("The settings name no log. Write the address of the index's HTTPS side into settings.toml:"),
            command='log = "HOST:PORT"',
        )
    if facts.unreadable:
        yield Need(
            "due",
            words.plural("One letter can't be read", "%(count)s letters can't be read", facts.unreadable),
            words("See whose they are and call them. If those of several organisations fail, tell the auditor:"),
            command="raakvlak-node doctor",
        )


def _work(words: Words, facts: Facts) -> Iterator[Need]:
    waiting = int(facts.counts.get("unevaluated", 0))
    if facts.quota and waiting:
        yield Need(
            "due",
            words("Today's quota at the key holders is used up"),
            words.plural(
                "One person waits; it goes on by itself after midnight (UTC). Is it too little for long, ask the covenant "
                "board for more.",
                "%(count)s persons wait; it goes on by itself after midnight (UTC). Is it too little for long, ask the "
                "covenant board for more.",
                waiting,
            ),
            about=facts.quota,
        )
    if facts.mail_trouble:
        title, text = words("E-mail does not go out"), words("Nobody hears by mail that there is something new. Mend it, then:")
        yield Need("due", title, text, command="raakvlak-node mail test --to …", about=facts.mail_trouble)
    if facts.webhook_trouble:
        title = words("The case system does not take messages")
        text = words("It does not hear what changes here. Mend it, then:")
        yield Need("due", title, text, command="raakvlak-node webhook test", about=facts.webhook_trouble)


def _people(words: Words, facts: Facts) -> Iterator[Need]:
    if nobodys := int(facts.counts.get("unassigned", 0)):
        yield Need(
            "due",
            words.plural("One case is nobody's here", "%(count)s cases are nobody's here", nobodys),
            words("Their worker can't sign in. When another organisation knows the family, nobody hears of it."),
            href="/administration/unassigned",
            label=words("Find somebody for them"),
        )
    if outside := int(facts.counts.get("outside", 0)):
        yield Need(
            "due",
            words.plural("One user can't sign in yet", "%(count)s users can't sign in yet", outside),
            words("They have no passkey and no password. Give them a link, or deactivate them."),
            href="/administration/people",
            label=words("Look at the people"),
        )


def _backup(words: Words, facts: Facts) -> Iterator[Need]:
    if facts.backup is None:
        if not facts.cases:
            return
        title = words("No backup was made yet")
    elif facts.now - facts.backup.made > timedelta(days=BACKUP_DAYS):
        title = words("The last backup is of %(day)s", day=words.day(facts.backup.made.date()))
    else:
        return
    text = words("If this machine breaks down, what was entered since is lost.")
    yield Need("due", title, text, href="/administration/backup", label=words("Make a backup"))
