"""`raakvlak-node doctor`: what stands in the way of this node, and what to do about it.

Each check looks at one thing and answers in one line. It charges no quota and changes nothing; what it asks others stands
in the ledger, as all that leaves.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Literal

from raakvlak_node import mailing, webhooks
from raakvlak_node.evaluate import moment
from raakvlak_node.node import Node
from raakvlak_node.promises import Promises
from raakvlak_node.status import status as stands
from raakvlak_node.sync import holder_remote
from raakvlak_protocol.errors import RaakvlakError
from raakvlak_protocol.v1 import keyholder_pb2 as pb

REACH_SECONDS: Final = 5.0
MAX_CLOCK_DIFFERENCE: Final = timedelta(minutes=5)
EXPIRY_WARNING: Final = timedelta(days=30)
LOW_QUOTA_SHARE: Final = 10

Verdict = Literal["good", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `advice` says what to do, and is empty where nothing needs doing."""

    check: str
    verdict: Verdict
    finding: str
    advice: str = ""


Check = Callable[[Node], Iterator[Finding]]


def examine(node: Node) -> Iterator[Finding]:
    """Every finding, in the order in which a person would mend them."""
    yield _certificate(node)
    yield _covenant(node)
    reached = 0
    for identity in [entry.identity for entry in node.covenant.key_holders.values()]:
        findings = list(_key_holder(node, identity.id))
        reached += all(each.verdict != "bad" for each in findings)
        yield from findings
    yield _enough(node, reached)
    yield _index(node)
    yield from _log(node)
    yield from _store(node)
    yield from _webhook(node)
    yield from _mail(node)
    yield from _follow_ups(node)


def outside(node: Node) -> list[tuple[str, Check]]:
    """The checks that ask others, each with its name, for who runs them beside each other: each with a node of its own.
    Whether enough key holders can be used is for `enough` to say."""
    holders = [entry.identity.id for entry in node.covenant.key_holders.values()]
    asked: list[tuple[str, Check]] = [(f"key holder {each}", partial(_key_holder, holder=each)) for each in holders]
    return [*asked, ("index", lambda own: iter([_index(own)])), ("webhook", _webhook), ("mail", _mail)]


def enough(node: Node, found: Iterable[Finding]) -> Finding:
    """Whether the key holders suffice, by what was found of each of them."""
    bad = {each.check for each in found if each.verdict == "bad"}
    holders = [entry.identity.id for entry in node.covenant.key_holders.values()]
    return _enough(node, sum(not any(each.endswith(f"key holder {holder}") for each in bad) for holder in holders))


def _certificate(node: Node) -> Finding:
    from cryptography import x509

    leaf = x509.load_pem_x509_certificate(node.credentials.certificate)
    left = leaf.not_valid_after_utc - node.clock()
    until = f"valid until {leaf.not_valid_after_utc:%Y-%m-%d}"
    if left <= timedelta(0):
        return Finding(
            "certificate",
            "bad",
            f"expired on {leaf.not_valid_after_utc:%Y-%m-%d}: every party refuses this node",
            "have a new one issued from request.pem, then run 'raakvlak-node join'",
        )
    if left < EXPIRY_WARNING:
        return Finding("certificate", "warning", until, "have a new one issued from request.pem before then")
    return Finding("certificate", "good", until)


def _covenant(node: Node) -> Finding:
    covenant = node.covenant
    found = f"{covenant.id} version {covenant.version}, valid until {covenant.valid_until:%Y-%m-%d}"
    if covenant.valid_until - node.clock() < EXPIRY_WARNING:
        return Finding("covenant", "warning", found, "ask the covenant board for the next version")
    return Finding("covenant", "good", found)


def _key_holder(node: Node, holder: str) -> Iterator[Finding]:
    name = f"key holder {holder}"
    try:
        remote = holder_remote(node, node.covenant.key_holders[holder].identity)
    except RaakvlakError as error:
        yield Finding(name, "bad", error.message, "add its address to settings.toml")
        return
    try:
        request = pb.QuotaRequest(covenant_hash=node.covenant.hash)
        reply = remote.call("Quota", request, pb.QuotaReply, timeout_seconds=REACH_SECONDS)
    except RaakvlakError as error:
        yield Finding(name, "bad", error.message, "see the reason; if it lasts, call the key holder's operator")
        return
    finally:
        remote.close()
    yield Finding(name, "good", "reachable")
    yield _clock(node, name, moment(reply.now))
    for left in reply.quotas:
        yield _quota(node, name, left)


def _clock(node: Node, name: str, theirs: datetime) -> Finding:
    difference = node.clock() - theirs
    seconds = int(difference.total_seconds())
    if abs(difference) > MAX_CLOCK_DIFFERENCE:
        return Finding(
            f"clock against {name}",
            "bad",
            f"differs by {seconds} s",
            "set this machine's clock by NTP; terms and certificates are judged by it",
        )
    return Finding(f"clock against {name}", "good", f"differs by {seconds} s")


def _quota(node: Node, name: str, left: pb.QuotaLeft) -> Finding:
    quota = node.covenant.quota(node.member.id, left.namespace)
    check = f"quota of {left.namespace} at {name}"
    found = f"{left.first_load} of {quota.first_load} left of the first load, {left.daily} of {quota.daily} left today"
    total = left.first_load + left.daily
    if total == 0:
        return Finding(check, "warning", found, "what waits goes on after 00:00 UTC; a larger caseload needs a larger quota")
    if total * LOW_QUOTA_SHARE < quota.first_load + quota.daily:
        return Finding(check, "warning", found, "nearly used up; ask the covenant board if more cases are to come")
    return Finding(check, "good", found)


def _enough(node: Node, reached: int) -> Finding:
    needed = node.covenant.key_threshold
    found = f"{reached} of {len(node.covenant.key_holders)} can be used, {needed} are needed"
    if reached < needed:
        return Finding("key holders", "bad", found, "new persons wait until enough key holders are back; nothing is lost")
    return Finding("key holders", "good", found)


def _index(node: Node) -> Finding:
    remote = node.index_remote()
    try:
        serving = remote.healthy(REACH_SECONDS)
    except RaakvlakError as error:
        return Finding("index", "bad", error.message, "see the reason; if it lasts, call the index operator")
    finally:
        remote.close()
    if serving:
        return Finding("index", "good", "reachable and serving")
    return Finding("index", "bad", "reachable but not serving", "it is starting or stopping; try again, then call its operator")


def _log(node: Node) -> Iterator[Finding]:
    """What this node knows of the log from its last look at it."""
    for alarm in Promises(node.store).open_alarms():
        yield Finding(
            "alarm",
            "bad",
            f"nothing is published since {datetime.fromtimestamp(alarm.raised, UTC):%Y-%m-%d %H:%M} UTC: {alarm.message}",
            f"give {alarm.file or 'this message'} to the compliance officer and call the index operator; when they have "
            "answered, run 'raakvlak-node resume --because TEXT'",
        )
    stands = node.status()
    found = (
        f"{stands['published'] - stands['unproven']} rows are proven, under a checkpoint of {stands['trusted_size']} entries"
    )
    if stands["overdue_hours"]:
        hours, trouble = stands["overdue_hours"], stands["log_trouble"] or "the log does not grow, or lacks cosignatures"
        advice = "tell the compliance officer: what the index has promised for so long can't be verified; publishing goes on"
        yield Finding("log", "bad", f"{stands['unproven']} rows unproven for up to {hours} hours: {trouble}", advice)
    elif not node.settings.log:
        yield Finding(
            "log", "warning", stands["log_trouble"], 'add log = "HOST:PORT", the index\'s HTTPS side, to settings.toml'
        )
    elif stands["log_trouble"]:
        yield Finding("log", "warning", stands["log_trouble"], "it is asked again; if it lasts, call the index operator")
    else:
        yield Finding("log", "good", found)


def _store(node: Node) -> Iterator[Finding]:
    if node.store.remark("reconcile"):
        yield Finding(
            "store",
            "bad",
            f"to be reconciled: {node.store.remark('reconcile')}",
            "run 'raakvlak-node reconcile --dry-run', then 'raakvlak-node reconcile'",
        )
    letters = node.store.unreadable()
    if letters:
        senders = ", ".join(sorted({each["sender"] for each in letters}))
        reasons = "; ".join(sorted({each["reason"] for each in letters}))
        yield Finding(
            "letters",
            "warning",
            f"{len(letters)} can't be read, from {senders}: {reasons}",
            "call the sender; if several members' letters fail, tell the auditor, because the index may be lying",
        )
    else:
        yield Finding("letters", "good", "all readable")
    status = node.status()
    waiting = ("unevaluated", "unpublished", "to_withdraw", "unposted", "unanswered")
    found = ", ".join(f"{status[name]} {name.replace('_', ' ')}" for name in waiting)
    yield Finding(
        "work",
        "good" if not status["pending"] else "warning",
        found,
        "run 'raakvlak-node sync'" if status["pending"] else "",
    )


def _webhook(node: Node) -> Iterator[Finding]:
    """Whether the case system hears of what changes, where it is to."""
    receiver = node.settings.webhook
    if receiver is None:
        return
    try:
        webhooks.demand_ready(receiver)
    except RaakvlakError as error:
        yield Finding("webhook", "bad", error.message, "then start 'raakvlak-node serve' again")
        return
    found = webhooks.Webhooks(node.store, receiver, node.random).counts()
    told = f"{found['webhooks_waiting']} messages wait, {found['webhooks_given_up']} were given up"
    if found["webhook_trouble"]:
        advice = "mend what it says, then run 'raakvlak-node webhook test'"
        yield Finding("webhook", "warning", f"{told}: {found['webhook_trouble']}", advice)
    else:
        yield Finding("webhook", "good", told)


def _mail(node: Node) -> Iterator[Finding]:
    """Whether users can be told by e-mail, where they are to be."""
    mail = node.settings.mail
    if mail is None:
        return
    try:
        mailing.demand_ready(node.settings)
        trouble = mailing.reach(mail)
    except RaakvlakError as error:
        yield Finding("mail", "bad", error.message, "then start 'raakvlak-node serve' again")
        return
    found = node.notices().counts()
    told = f"{found['mails_waiting']} mails wait, {found['mails_given_up']} were given up, {found['mails_refused']} refused"
    if trouble:
        yield Finding("mail", "bad", f"{told}: {trouble}", "mend what it says, then run 'raakvlak-node mail test --to ADDRESS'")
    elif found["mail_trouble"]:
        yield Finding("mail", "warning", f"{told}: {found['mail_trouble']}", "look whether users' addresses are right")
    else:
        yield Finding("mail", "good", told)
    if found["notices_unaddressed"]:
        advice = "give the workers of cases an account with the e-mail address that the case has, or a team that address"
        count = found["notices_unaddressed"]
        yield Finding("notices", "warning", f"{count} were for workers who are no users: nobody was told by e-mail", advice)


def _follow_ups(node: Node) -> Iterator[Finding]:
    found = stands(node)
    late, escalated = found["follow_ups_overdue"], found["follow_ups_escalated"]
    advice = "see 'raakvlak-node follow list --overdue'" if late else ""
    yield Finding("follow-up", "warning" if late else "good", f"{late} past their term, {escalated} escalated", advice)
