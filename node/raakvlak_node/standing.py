"""How long and how visibly an own involvement stands, and every act that changes it: the one place where a case is judged.

What comes of it lies in the store as what each person of a case may be published as; `sync` makes the index agree. Every
act is one transaction with its line in the access log. The reasons stay here: no request ever holds one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from raakvlak_node import tokens
from raakvlak_node.access import MAX_REASON_CHARACTERS, AccessLog, Actor, Event
from raakvlak_node.archive import Archive
from raakvlak_node.case import Case, Reason, Rejected
from raakvlak_node.notices import Kind, Notices
from raakvlak_node.objection import Claim, Objection, Objections
from raakvlak_node.store import LENGTHENED_MONTHS, Store
from raakvlak_node.tokens import Stance
from raakvlak_node.webhooks import Webhooks
from raakvlak_protocol.covenant import NEVER_DIRECT, Covenant, Member
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.identifier import Identifier
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.term import month_of, month_of_day, removal_month, start_of
from raakvlak_protocol.text import shown_lines

HOME: Final = ZoneInfo("Europe/Amsterdam")
REMINDER_DAYS: Final = 31
"""So long before the end of its term a case is told of."""
RENEWABLE_MONTHS: Final = LENGTHENED_MONTHS
"""In the last months of its term, and after it, a case may be renewed."""
_REMINDED: Final = 1
_PASSED: Final = 2
_NO_SUCH_CASE: Final = "this node has no case of that reference: 'raakvlak-node cases' lists them"


class Ending(StrEnum):
    """Why a case ends."""

    WRONG = "wrong"
    RISK_GONE = "risk-gone"
    LAPSED = "lapsed"
    DEATH = "death"
    OBJECTION = "objection"
    AGE = "age"


ARCHIVED: Final = frozenset({Ending.RISK_GONE, Ending.LAPSED})
"""What may go to the archive; everything else is destroyed at once."""


@dataclass(frozen=True, slots=True)
class Term:
    """A case whose term is over on the day `ends`, or was."""

    reference: str
    ends: date
    lapsed: bool


class Standing:
    """The acts, on a node's store."""

    def __init__(self, store: Store, covenant: Covenant, member: Member, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._covenant = covenant
        self._member = member
        self._log = AccessLog(store, random)
        self.archive = Archive(store, random)
        self.objections = Objections(store, random)

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    # --- judging --------------------------------------------------------------------------------------------------------

    def put(self, case: Case, now: datetime) -> None:
        """Stores a case, judged. A new one begins its term; one that was there keeps what is left of it. A release does
        not outlive what it was given for."""
        handle = self._store.case_handle(case.reference)
        self.demand_reportable(case)
        with self._store.transaction():
            before = self._store.case(handle)
            other = before is not None and before.client != case.client
            if self.released(handle) and (other or case.protected or not case.confidential):
                self._end_release(handle, case.reference, "the case is no longer the one that was released", Actor.node(), now)
            lapses = removal_month(now, self._covenant.retention_months)
            self._store.put_case(
                case,
                self._involvements(handle, case, now, self._store.lapses(handle) or lapses),
                int(now.timestamp()),
                lapses=lapses,
                withheld=self._withheld(handle, case),
            )

    def demand_reportable(self, case: Case) -> None:
        """Returns when the client may be reported; raises Rejected where an objection was upheld."""
        if Stance.ENDED in map(self.objections.stance, (case.client, *case.former)):
            raise Rejected(
                (Reason("bsn", "the client's objection was upheld, or their data were erased: leave this case out"),)
            )

    def judge(self, handle: bytes, now: datetime) -> None:
        """Judges a stored case again. One whose client has become too old for the covenant is destroyed."""
        case, lapses = self._store.case(handle), self._store.lapses(handle)
        if case is None or lapses is None:
            return
        if case.adult(_today(now)) and not self._covenant.adult_clients:
            self._end(handle, case, Ending.AGE, Actor.node(), now)
            return
        with self._store.transaction():
            self._store.set_withheld(handle, self._withheld(handle, case))
            self._store.put_involvements(handle, self._involvements(handle, case, now, lapses), until=lapses)

    def _involvements(self, handle: bytes, case: Case, now: datetime, lapses: int) -> list[tokens.Involvement]:
        return tokens.involvements(
            case,
            self._covenant,
            self._member,
            _today(now),
            released=self.released(handle),
            lapsed=lapses <= month_of(now),
            stance=self.objections.stance,
        )

    def _withheld(self, handle: bytes, case: Case) -> bool:
        shown = tokens.visibility_of(case, self._covenant, self._member, released=self.released(handle))
        return shown is not Visibility.DIRECT

    def _found(self, reference: str) -> tuple[bytes, Case]:
        handle = self._store.case_handle(reference)
        case = self._store.case(handle)
        if case is None:
            raise Refused(_NO_SUCH_CASE)
        return handle, case

    # --- release --------------------------------------------------------------------------------------------------------

    def released(self, handle: bytes) -> bool:
        """Whether a confidential case may be told to others directly."""
        return self._run("SELECT 1 FROM release WHERE own_case = ?", (handle,)).fetchone() is not None

    def release(self, reference: str, because: str, actor: Actor, now: datetime) -> None:
        """Lets others hear of a confidential case directly, from the next sync on. Raises Refused for one that is not
        confidential, is released already, or never may be."""
        shown_lines(because, MAX_REASON_CHARACTERS, "because", required=True)
        with self._store.transaction():
            handle, case = self._found(reference)
            if self._member.kind in NEVER_DIRECT or case.protected:
                raise Refused(
                    "a protected case and a shelter's are never told directly, because a name can be a location: the "
                    "coordinator calls you, and you decide with it what is told"
                )
            if not case.confidential:
                raise Refused("this case is not confidential: others hear of it already")
            if self.released(handle):
                raise Refused("this case is released already")
            id = actor.id + (f" for {actor.on_behalf_of}" if actor.on_behalf_of else "")
            sealed = self._store.vault.seal(f"{id}\n{because}".encode(), "release", handle)
            self._run("INSERT INTO release VALUES (?, ?, ?)", (handle, int(now.timestamp()), sealed))
            self._log.write(actor, Event.RELEASE, now, case=reference, reason=because)
            self.judge(handle, now)

    def withdraw_release(self, reference: str, because: str, actor: Actor, now: datetime) -> None:
        """Takes a release back: from the next sync on only the coordinator hears of the case. What others have read by
        then they have read. Raises Refused where the case is not released."""
        shown_lines(because, MAX_REASON_CHARACTERS, "because", required=True)
        with self._store.transaction():
            handle, _ = self._found(reference)
            if not self.released(handle):
                raise Refused("this case is not released: there is nothing to take back")
            self._end_release(handle, reference, because, actor, now)
            self.judge(handle, now)

    def _end_release(self, handle: bytes, reference: str, because: str, actor: Actor, now: datetime) -> None:
        self._run("DELETE FROM release WHERE own_case = ?", (handle,))
        self._log.write(actor, Event.WITHHOLD, now, case=reference, reason=because)

    # --- the term -------------------------------------------------------------------------------------------------------

    def renew(self, reference: str, actor: Actor, now: datetime) -> date:
        """A person has looked whether the case is still to be reported, and reports it anew: another term begins; returns
        the day on which that one is over. Raises Refused earlier than RENEWABLE_MONTHS before the present one is."""
        with self._store.transaction():
            handle, _ = self._found(reference)
            lapses = self._store.lapses(handle) or 0
            if lapses - RENEWABLE_MONTHS > month_of(now):
                opens = start_of(lapses - RENEWABLE_MONTHS).date()
                raise Refused(
                    f"the term of this case ends on {start_of(lapses).date()}: it may be renewed from {opens} on, when it is "
                    "clear whether it is still needed"
                )
            following = removal_month(now, self._covenant.retention_months)
            ends = start_of(following).date()
            self._store.set_lapses(handle, following)
            self._log.write(actor, Event.UPDATE, now, case=reference, reason=f"renewed until {ends}")
            self.judge(handle, now)
        return ends

    def terms(self, now: datetime) -> list[Term]:
        """The cases whose term ends within REMINDER_DAYS, or has ended, the oldest first."""
        found = []
        for handle, lapses, _ in self._lapsing(now):
            case = self._store.case(handle)
            if case is not None:
                found.append(Term(case.reference, start_of(lapses).date(), lapses <= month_of(now)))
        return sorted(found, key=lambda each: (each.ends, each.reference))

    def term_counts(self, now: datetime) -> tuple[int, int]:
        """(how many of these are about to end, how many have ended)."""
        ended = [lapses <= month_of(now) for _, lapses, _ in self._lapsing(now)]
        return ended.count(False), ended.count(True)

    def _lapsing(self, now: datetime) -> list[tuple[bytes, int, int]]:
        return self._store.lapsing(month_of_day(_today(now) + timedelta(days=REMINDER_DAYS)))

    def remind(self, webhooks: Webhooks, notices: Notices, now: datetime) -> int:
        """Tells the case system, and by e-mail whoever has the case, of each case that is about to end, once, and again when
        it has; how many were told."""
        count = 0
        for handle, lapses, reminded in self._lapsing(now):
            mark = _PASSED if lapses <= month_of(now) else _REMINDED
            case = self._store.case(handle) if reminded < mark else None
            if case is None:
                continue
            with self._store.transaction():
                about = {"case_ref": case.reference, "term": "involvement", "day": start_of(lapses).date().isoformat()}
                webhooks.queue("term.passed" if mark == _PASSED else "term.reminder", about, now)
                notices.queue(handle, Kind.PASSED if mark == _PASSED else Kind.NEAR, now)
                self._store.set_reminded(handle, mark)
            count += 1
        return count

    # --- the end --------------------------------------------------------------------------------------------------------

    def withdraw(self, reference: str, ending: Ending, actor: Actor, now: datetime) -> bool:
        """Ends a case: it is forgotten here at once and withdrawn at the next sync. True where a copy went to the archive,
        which only a covenant that has one allows, and only for ARCHIVED reasons. Raises Refused where there is no such
        case, or its term or the client's age is not what is said."""
        with self._store.transaction():
            handle, case = self._found(reference)
            lapses = self._store.lapses(handle) or 0
            if ending is Ending.LAPSED and lapses > month_of(now):
                raise Refused(f"the term of this case is not over: it ends on {start_of(lapses).date()}; say another reason")
            if ending is Ending.AGE and not case.adult(_today(now)):
                raise Refused("the client is not known to be that old: say another reason")
            archived = self._end(handle, case, ending, actor, now)
            self._store.forget_unneeded()
        return archived

    def _end(self, handle: bytes, case: Case, ending: Ending, actor: Actor, now: datetime) -> bool:
        # The line names the persons in the case, so it is written before they leave it.
        self._log.write(actor, Event.DELETE, now, case=case.reference, reason=str(ending))
        archived = ending in ARCHIVED and self._covenant.archive_months > 0
        if archived:
            until = month_of(now) + self._covenant.archive_months
            self.archive.keep(case, str(ending), _today(now), until)
        self._store.drop_case(handle)
        return archived

    # --- objection and erasure --------------------------------------------------------------------------------------------

    def object(self, person: Identifier, because: str, received: date, actor: Actor, now: datetime) -> Objection:
        """A person objects: from now on nothing of theirs is published, in whatever case and place, until it is decided.
        Raises Refused where nothing of the person stands here, or an objection waits already."""
        shown_lines(because, MAX_REASON_CHARACTERS, "because", required=True)
        if received > _today(now):
            raise Malformed("the day on which it was received lies in the future", field="received")
        handle = self._store.person_handle(person)
        with self._store.transaction():
            if not self._store.cases_of(handle):
                raise Refused("this person stands in no case of this node: there is nothing to object to")
            found = self.objections.add(handle, Claim.OBJECTION, received, because)
            self._log.write(actor, Event.UPDATE, now, person=handle, kind="person", reason=f"objection received on {received}")
            self._judge_all(handle, now)
        return found

    def decide(self, id: str, *, upheld: bool, because: str, actor: Actor, now: datetime) -> Objection:
        """What was decided on an objection. Upheld, the person's involvement is destroyed and never published again;
        rejected, it stands again for what is left of its term."""
        shown_lines(because, MAX_REASON_CHARACTERS, "because", required=True)
        with self._store.transaction():
            found = self.objections.decide(id, upheld, because, _today(now))
            said = "upheld" if upheld else "rejected"
            self._log.write(actor, Event.UPDATE, now, person=found.person, kind="person", reason=f"objection {said}")
            if upheld:
                self._erase(found.person, actor, now)
            else:
                self._judge_all(found.person, now)
        return found

    def erase(self, person: Identifier, because: str, actor: Actor, now: datetime) -> Objection:
        """Erasure was granted: as an objection that was upheld. An objection that waits is decided with it."""
        shown_lines(because, MAX_REASON_CHARACTERS, "because", required=True)
        handle = self._store.person_handle(person)
        with self._store.transaction():
            if not self._store.cases_of(handle) and not self.archive.holds(handle):
                raise Refused("nothing of this person stands at this node: there is nothing to erase")
            waiting = [each.id for each in self.objections.all(pending=True) if each.person == handle]
            id = waiting[0] if waiting else self.objections.add(handle, Claim.ERASURE, _today(now), because).id
            found = self.objections.decide(id, True, because, _today(now))
            self._log.write(actor, Event.DELETE, now, person=handle, kind="person", reason="erasure")
            self._erase(handle, actor, now)
        return found

    def _erase(self, person: bytes, actor: Actor, now: datetime) -> None:
        """Destroys the cases of this client; in others the person is left out."""
        for handle in dict.fromkeys(each for each, relation, _ in self._store.cases_of(person) if relation is Relation.CLIENT):
            case = self._store.case(handle)
            if case is not None:
                self._end(handle, case, Ending.OBJECTION, actor, now)
        self._judge_all(person, now)
        self._run("DELETE FROM ask WHERE person = ?", (person,))
        self.archive.erase(person)
        self._store.forget_unneeded()

    def _judge_all(self, person: bytes, now: datetime) -> None:
        for handle in dict.fromkeys(each for each, _, _ in self._store.cases_of(person)):
            self.judge(handle, now)

    def touched(self, objection: Objection) -> list[tuple[str, Relation, int]]:
        """(own case reference, relation, place) of every case in which the person who objected stands."""
        found = []
        for handle, relation, place in self._store.cases_of(objection.person):
            case = self._store.case(handle)
            if case is not None:
                found.append((case.reference, relation, place))
        return sorted(found)


def _today(now: datetime) -> date:
    return now.astimezone(HOME).date()
