"""How this node stands, at one look: what needs the administrator first, what waits, and whether the others can be reached.

Counts alone; no case and no client. What takes long to count or to ask is made beside the page (`administration_watch`)."""

from datetime import datetime, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final

from cryptography import x509
from fastapi import APIRouter, Response

from raakvlak_node import backups, promises
from raakvlak_node.node import Node
from raakvlak_node.outbox import TROUBLE as MAIL_TROUBLE
from raakvlak_node.pages.administration_needs import WARN_DAYS, Facts, days_left, needs
from raakvlak_node.pages.administration_watch import Checker, Counted, Counter
from raakvlak_node.pages.administration_words import said, shown
from raakvlak_node.pages.door import At, Page
from raakvlak_node.promises import Promises
from raakvlak_node.prove import LOOKED
from raakvlak_node.sync import DAY_SECONDS
from raakvlak_node.webhooks import TROUBLE as WEBHOOK_TROUBLE
from raakvlak_node.workdays import moment
from raakvlak_protocol.covenant import newest_version
from raakvlak_protocol.party.look.words import Words

routes: Final = APIRouter()

ANSWER_SECONDS: Final = 1.5
"""So long one who wants to look waits for answers; what comes later comes onto the page by itself."""
SHOWN_FOR: Final = timedelta(minutes=10)
"""So long what a look found is shown."""


@routes.get("/administration")
def show(page: At, check: str = "") -> Response:
    """The overview. `check=now` looks whether the others can be reached, and leads back here."""
    with page.node() as own:
        if check:
            checker(page).begin(own, page.now)
            checker(page).wait(ANSWER_SECONDS)
            return page.see("/administration")
        counted = counter(page).of(page.now)
        facts = _facts(page, own, counted)
        return page.html(
            "administration.html",
            title=page.words("Administration"),
            needs=needs(page.words, facts),
            facts=facts,
            counting=counter(page).at_work,
            counted=counted,
            ago=None if counted is None else _ago(page.words, page.now, counted.at),
            **_membership(own, facts),
            **_connections(page, own),
            version=version("raakvlak"),
        )


def counter(page: Page) -> Counter:
    return page.house.one(Counter, lambda: Counter(page.house.own_node, page.house.failed))


def checker(page: Page) -> Checker:
    return page.house.one(Checker, lambda: Checker(page.house.own_node, page.house.failed))


def _facts(page: Page, own: Node, counted: Counted | None) -> Facts:
    """All that is cheap to know, and the counts that there are."""
    store, now = own.store, page.now
    followed = bool(own.settings.log)
    log = promises.standing(store, own.covenant, now, followed=followed)
    held = own.folder.covenant
    newest = newest_version(held.read_bytes()) if held.exists() else 0
    return Facts(
        now=now,
        certificate_until=_ends(own.credentials.certificate),
        covenant_until=own.covenant.valid_until,
        next_version=newest if newest > own.covenant.version else 0,
        next_certificate=_renewed(own),
        alarms=tuple(Promises(store).open_alarms()),
        reconcile=store.remark("reconcile"),
        quota=store.remark("quota"),
        unproven_hours=log["overdue_hours"],
        trouble=said(page.words, log["log_trouble"]) if followed else "",
        followed=followed,
        unreadable=store.letter_counts()["unreadable"],
        webhook_trouble=store.remark(WEBHOOK_TROUBLE) if own.settings.webhook is not None else "",
        mail_trouble=store.remark(MAIL_TROUBLE) if own.settings.mail is not None else "",
        backup=backups.last(store),
        cases=store.database.execute("SELECT 1 FROM own_case LIMIT 1").fetchone() is not None,
        counts={} if counted is None else counted.counts,
    )


@lru_cache(maxsize=4)
def _ends(certificate: bytes) -> datetime:
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def _renewed(own: Node) -> bool:
    """Whether another certificate was taken in since this program started, which lasts longer than its own."""
    path = own.folder.certificate
    lying = path.read_bytes() if path.exists() else own.credentials.certificate
    return lying != own.credentials.certificate and _ends(lying) > _ends(own.credentials.certificate)


def _membership(own: Node, facts: Facts) -> dict[str, Any]:
    return {
        "member": own.member,
        "covenant": own.covenant,
        "certificate_days": days_left(facts.certificate_until, facts.now),
        "covenant_days": days_left(facts.covenant_until, facts.now),
        "warn_days": WARN_DAYS,
        "last_backup": facts.backup,
    }


def _connections(page: Page, own: Node) -> dict[str, Any]:
    """Who is asked for what, and what is known of it without asking."""
    settings, store = own.settings, own.store
    day, looked = store.number("last_day"), store.number(LOOKED)
    look = checker(page).look(own)
    if look is not None and page.now - look.began > SHOWN_FOR:
        look = None
    return {
        "index": settings.index,
        "index_day": moment(day * DAY_SECONDS).date() if day else None,
        "log": settings.log,
        "log_looked": moment(looked) if looked else None,
        "holders": [
            (each.identity.id, settings.key_holders.get(each.identity.id, "")) for each in own.covenant.key_holders.values()
        ],
        "needed": own.covenant.key_threshold,
        "look": look,
        "checks": [] if look is None else [shown(page.words, each) for each in look.found],
        "looked_ago": "" if look is None else _ago(page.words, page.now, look.began),
    }


def _ago(words: Words, now: datetime, then: datetime) -> str:
    seconds = max(0, int((now - then).total_seconds()))
    if seconds < 5:
        return words("just now")
    if seconds < 60:
        return words.plural("one second ago", "%(count)s seconds ago", seconds)
    return words.plural("one minute ago", "%(count)s minutes ago", seconds // 60)
