"""The subject-access report: all that this node may tell one person about itself, whatever the cases (GDPR art. 15).

What is confidential is left out so that nothing shows it: what stands in a confidential or protected case, in the access
log about one, in letters under one lock, in rows that only a coordinator hears of. Two nodes that differ only in such a
case give the same report, byte for byte (`tests/node/test_subject_attack.py`). Hence nothing of a case is told that is
gone: nobody can say any more whether it was confidential.

Others have rights too (art. 15(4)): a match that was found through somebody else in the family is told to that one. Of
colleagues only the function is told. What was written with a step is not told at all, and neither is a follow-up whose
agreement says that parents or youth do not know of it: a person decides on that, outside this report.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from raakvlak_node import ledger
from raakvlak_node.access import AccessLog, Actor, Event, Line, Result
from raakvlak_node.node import Node
from raakvlak_node.store import LedgerLine
from raakvlak_node.subject_facts import (
    Archived,
    AskedBy,
    Basis,
    Controller,
    Involvement,
    Letter,
    Look,
    Objection,
    Publication,
    SubjectReport,
)
from raakvlak_node.subject_matches import Matches
from raakvlak_node.subject_person import Person, day_of
from raakvlak_node.workdays import ZONE
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.ledger import Message, Posting, Withdrawal, parse_message
from raakvlak_protocol.ledger import Publication as Published
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.term import removal_month, start_of

BACKUP_DAYS: Final = 30
"""How long a backup lives (DESIGN §6)."""
PARENTS_ASK_BELOW: Final = 12
YOUTH_ASKS_FROM: Final = 16
OWN_LAW: Final = {"police": "Wpg", "justice": "Wjsg"}
"""Kinds of organisation to whose own data another law applies than the GDPR."""
_ROW: Final = (
    "SELECT removal_month, position IS NOT NULL AND unproven_since IS NULL FROM token"
    " WHERE person = ? AND epoch = ? AND reference IS NOT NULL AND visibility = 1"
)
_OF_SECRECY: Final = frozenset({Event.RELEASE, Event.WITHHOLD})


def report(
    node: Node,
    identifier: Bsn,
    asked_by: AskedBy,
    actor: Actor,
    now: datetime,
    *,
    birth_date: date | None = None,
    staff: bool = False,
) -> SubjectReport:
    """The report on a person, known here or not. `birth_date` is what whoever asks has shown, needed where no case tells
    it; `staff` names those who looked, beside their role.

    Raises Refused, with the rule, where that one may not ask at that age. Either way a line in the access log says that
    it was asked for, durable when this returns or raises.
    """
    found: SubjectReport | Refused
    with node.store.transaction():
        try:
            person = Person(node, identifier)
            demand_may_ask(asked_by, _born(person, birth_date, node.today(now)), node.today(now))
            found = _report(person, asked_by, now, staff=staff)
        except Refused as error:
            found = error
        outcome = Result.REFUSED if isinstance(found, Refused) else Result.DONE
        reason = f"subject access, asked by {asked_by}"
        log = AccessLog(node.store, node.random)
        log.write(
            actor, Event.EXPORT, now, outcome=outcome, person=node.store.person_handle(identifier), kind="person", reason=reason
        )
    if isinstance(found, Refused):
        raise found
    return found


def demand_may_ask(asked_by: AskedBy, born: date, today: date) -> None:
    """Returns where the request of somebody born on this day may be made by this one; raises Refused with the rule."""
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    elder = AskedBy.BOTH if age < YOUTH_ASKS_FROM else AskedBy.SUBJECT
    who = AskedBy.PARENT if age < PARENTS_ASK_BELOW else elder
    if asked_by not in {who, AskedBy.REPRESENTATIVE}:
        raise Refused(
            f"below {PARENTS_ASK_BELOW} the parent asks, from {PARENTS_ASK_BELOW} to {YOUTH_ASKS_FROM - 1} youth and parent "
            f"together, from {YOUTH_ASKS_FROM} the youth: for this person '{who}' must ask, or a representative"
        )


def other_law(node: Node) -> str:
    """The law that applies to this organisation's own data in place of the GDPR; empty where the GDPR does."""
    return OWN_LAW.get(node.member.kind, "")


def _born(person: Person, stated: date | None, today: date) -> date:
    """The birth date; raises Refused where it is not known and not stated, or stated otherwise than the cases have it."""
    clients = [each.case for each in person.stands if each.relation is Relation.CLIENT]
    known = {case.birth_date for case in clients if case.birth_date is not None}
    if stated is not None and stated > today:
        raise Refused("the birth date lies in the future")
    if stated is not None and known and stated not in known:
        raise Refused("the birth date is another one than the case has: see an identity document, and mend what is wrong")
    if stated is None and len(known) != 1:
        raise Refused("no case tells this person's birth date for certain: see an identity document, and state it")
    return stated or known.pop()


def _report(person: Person, asked_by: AskedBy, now: datetime, *, staff: bool) -> SubjectReport:
    node, payload = person.node, person.node.covenant.payload
    (member,) = [each for each in payload.members if each.id == node.member.id]
    left = [_left(person, each) for each in person.handles]
    return SubjectReport(
        made=now.astimezone(ZONE).replace(microsecond=0),
        number_ends_with=person.ending,
        asked_by=asked_by,
        controller=Controller(member.name, member.kind, member.controller, member.processor),
        index=Controller(payload.index.name, "index", payload.index.controller, payload.index.processor),
        basis=Basis(payload.legal_basis.uri, payload.legal_basis.text),
        other_law=other_law(node),
        retention_months=node.covenant.retention_months,
        involvements=tuple(
            Involvement(
                each.case.reference,
                str(each.relation),
                each.case.since,
                each.case.function,
                "direct" if each.publish else "none",
                start_of(each.until).date(),
            )
            for each in person.stands
        ),
        publications=tuple(sorted((found for each in left for found in _publications(person, each)), key=_by_epoch)),
        matches=Matches(person, now).told(),
        letters=tuple(sorted((letter for each in left for letter in _letters(person, each)), key=_by_day)),
        looks=tuple(_looks(person, staff=staff)),
        objections=tuple(_objections(person)),
        archive=tuple(_archive(person)),
        backups_until=node.today(now) + timedelta(days=BACKUP_DAYS),
    )


# --- what has left --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Left:
    """What has left about one of the person's numbers and still stands: since when by epoch, and the letters since."""

    handle: bytes
    since: dict[int, int] = field(default_factory=dict)
    letters: dict[tuple[bytes, str, int], Posting] = field(default_factory=dict)

    def take(self, message: Message) -> None:
        """A row that only a coordinator hears of is none here; what was before a row was withdrawn is past."""
        match message:
            case Published(visibility=Visibility.DIRECT):
                self.since.setdefault(message.epoch, message.time)
            case Published() | Withdrawal():
                self.since.pop(message.epoch, None)
                if not self.since:
                    self.letters.clear()
            case Posting() if self.since:
                # Each attempt has a line; the first is kept.
                self.letters.setdefault((message.match_id, message.to, message.number), message)


def _left(person: Person, number: bytes) -> _Left:
    found = _Left(number)
    sql = "SELECT number, hash, commitment, sent, person, sealed FROM ledger WHERE person = ? ORDER BY number"
    for row in person.run(sql, number):
        found.take(parse_message(ledger.opened(person.node.store, LedgerLine(*row)).message))
    return found


def _publications(person: Person, left: _Left) -> Iterator[Publication]:
    """A row goes in the month that the index gave it, or sooner with the cases for which it stands."""
    cases = max((each.until for each in person.stands if each.publish), default=None)
    for epoch, sent in left.since.items():
        rows = person.run(_ROW, left.handle, epoch)
        given, proven = rows[0] if rows else (None, 0)
        months = [month for month in (given, cases) if month is not None]
        latest = removal_month(datetime.fromtimestamp(sent, UTC), person.node.covenant.retention_months)
        until = start_of(min(months, default=latest)).date()
        yield Publication(epoch, day_of(sent), until, "direct", bool(proven))


def _by_epoch(publication: Publication) -> tuple[int, date, bool]:
    return publication.epoch, publication.since, publication.proven


def _letters(person: Person, left: _Left) -> Iterator[Letter]:
    for posting in left.letters.values():
        rows = person.run("SELECT other FROM match WHERE match_id = ?", posting.match_id)
        other = posting.to or (str(rows[0][0]) if rows else "")
        if person.may_name(other):
            yield Letter(day_of(posting.time), person.name(other), posting.size)


def _by_day(letter: Letter) -> tuple[date, str, int]:
    return letter.day, letter.to, letter.size


# --- what the person asked for --------------------------------------------------------------------------------------------


def _objections(person: Person) -> Iterator[Objection]:
    """The grounds, and those of the decision, are told to the person when they are given: they stand in no report."""
    for each in person.node.standing().objections.all():
        if each.person in person.handles:
            decision = {None: "", True: "upheld", False: "rejected"}[each.upheld]
            yield Objection(str(each.claim), each.received, each.due, each.decided, decision)


# --- what is kept apart ---------------------------------------------------------------------------------------------------


def _archive(person: Person) -> Iterator[Archived]:
    for each, relation in person.archived:
        yield Archived(each.case.reference, str(relation), each.ended, start_of(each.until).date())


# --- who looked -----------------------------------------------------------------------------------------------------------


def _looks(person: Person, *, staff: bool) -> Iterator[Look]:
    log = AccessLog(person.node.store)
    lines = {line.number: line for each in person.handles for line in log.of_person(each)}
    for _, line in sorted(lines.items()):
        if _may_tell(person, line):
            who = " / ".join(filter(None, (line.actor.id, line.actor.on_behalf_of))) if staff else ""
            moment = datetime.fromtimestamp(line.moment, ZONE)
            yield Look(moment, line.actor.role, who, str(line.event), line.kind, line.case, str(line.outcome))


def _may_tell(person: Person, line: Line) -> bool:
    if line.event in _OF_SECRECY:
        return False
    return person.tells(line.case) if line.case else line.kind == "person"
