"""E-mail notices: who hears by e-mail that there is something new about an own case, and when.

What is new is queued in the transaction of what it tells of, as a case and a kind. Later it is decided whose the case is
then, whether and when that user wants to hear of it, and all that is new for one address becomes one mail. A case that has
ended meanwhile is not told of any more, and one that went to a colleague is told to the colleague.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Any, Final

from raakvlak_node import notice_text, workdays
from raakvlak_node.followup import Reminder, Term
from raakvlak_node.notice_text import MAX_REFERENCES
from raakvlak_node.notice_text import Kind as Kind
from raakvlak_node.outbox import Outbox
from raakvlak_node.people import People
from raakvlak_node.settings import Mail
from raakvlak_node.store import Store
from raakvlak_node.wording import Language
from raakvlak_protocol.errors import Malformed

SETTLE_SECONDS: Final = 10
"""What comes within so short a time is told together: an import or a letter rarely brings one thing alone."""
QUIET_SECONDS: Final = 15 * 60
"""At least so long between two mails to one address."""
MORNING: Final = time(8)
"""When a daily mail goes, on working days, in the time of the Netherlands."""
ID_BYTES: Final = 16

UNADDRESSED: Final = "notices_unaddressed"
"""The number that counts what was new of a case whose worker is no user, nor a team."""


class Preference(StrEnum):
    """How a user wants to hear of what is new."""

    AT_ONCE = "at-once"
    DAILY = "daily"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom a mail goes: a user, or a team at its shared address."""

    address: str
    language: Language
    preference: Preference
    team: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    own_case: bytes
    kind: Kind
    queued: int


class Notices:
    """The queue, in a node's store. Without a mail server in the settings nothing is ever queued."""

    def __init__(self, store: Store, mail: Mail | None, random: Callable[[int], bytes] = os.urandom) -> None:
        self._store = store
        self._mail = mail
        self._random = random

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    # --- what is new ------------------------------------------------------------------------------------------------------

    def queue(self, own_case: bytes | None, kind: Kind, now: datetime) -> None:
        """Something of a case is new; within the caller's transaction. The same again, before it was told, is told once."""
        if self._mail is None or own_case is None:
            return
        moment = int(now.timestamp())
        # A new number for what is there already: a mail that is being made holds the former one, and this came behind it.
        self._run(
            "INSERT OR REPLACE INTO notice (own_case, kind, queued, due) VALUES (?, ?, ?, ?)",
            (own_case, str(kind), moment, moment + SETTLE_SECONDS),
        )

    def preference(self, user_id: str) -> Preference:
        """How the user wants to hear of what is new; at once, unless something else was chosen."""
        row = self._run("SELECT how FROM notice_preference WHERE user = ?", (user_id,)).fetchone()
        return Preference.AT_ONCE if row is None else Preference(row[0])

    def set_preference(self, user_id: str, how: Preference, now: datetime) -> None:
        """From now on, and for what waits already."""
        with self._store.transaction():
            self._run("INSERT OR REPLACE INTO notice_preference VALUES (?, ?)", (user_id, str(how)))
            self._run("UPDATE notice SET due = min(due, ?)", (int(now.timestamp()),))

    def counts(self) -> dict[str, Any]:
        """For `status`."""
        (waiting,) = self._run("SELECT count(*) FROM notice").fetchone()
        unaddressed = self._store.number(UNADDRESSED)
        return {"notices_waiting": waiting, UNADDRESSED: unaddressed, **Outbox(self._store).counts()}

    # --- whom to tell, and when ---------------------------------------------------------------------------------------------

    def gather(self, people: People, link: str, now: datetime) -> int:
        """Makes mails of what is to be told by now, in one transaction: at most one to each address. Returns how many. `link`
        is where to look, the same for all."""
        if self._mail is None:
            return 0
        moment = int(now.timestamp())
        found = self._due(moment)
        if not found:
            return 0
        recipients = self._recipients(people)
        by_worker: dict[bytes, list[_Row]] = defaultdict(list)
        for row, worker in found:
            by_worker[worker].append(row)
        mails = 0
        with self._store.transaction():
            for worker, rows in by_worker.items():
                recipient = recipients.get(worker)
                if recipient is None:
                    self._store.set_number(UNADDRESSED, self._store.number(UNADDRESSED) + len(rows))
                    self._forget(rows)
                elif recipient.preference is Preference.OFF:
                    self._forget(rows)
                else:
                    mails += self._tell(recipient, rows, link, now)
        return mails

    def _due(self, moment: int) -> list[tuple[_Row, bytes]]:
        rows = self._run(
            "SELECT number, own_case, kind, queued, worker FROM notice JOIN own_case ON handle = own_case WHERE due <= ?"
            " ORDER BY number",
            (moment,),
        )
        return [(_Row(row[0], bytes(row[1]), Kind(row[2]), row[3]), bytes(row[4] or b"")) for row in rows.fetchall()]

    def _recipients(self, people: People) -> Mapping[bytes, Recipient]:
        """By the handle under which the store knows whose a case is. A user's own address goes before a team's."""
        found = {
            self._store.worker_handle(email=each.email): Recipient(each.email, "nl", Preference.AT_ONCE, team=True)
            for each in people.teams()
            if each.email
        }
        for user in people.users():
            if user.sees_cases:
                language: Language = "en" if user.language == "en" else "nl"
                handle = self._store.worker_handle(email=user.email)
                found[handle] = Recipient(user.email, language, self.preference(user.id))
        return found

    def _tell(self, recipient: Recipient, rows: Sequence[_Row], link: str, now: datetime) -> int:
        """Puts one mail into the outbox, or postpones what must wait; how many mails that was."""
        address = self._store.vault.handle("mailed", recipient.address.casefold())
        last = self._run("SELECT last FROM mailed WHERE address = ?", (address,)).fetchone()
        moment, told = int(now.timestamp()), []
        for row in rows:
            from_then = free_from(recipient.preference, row.queued, None if last is None else int(last[0]))
            if from_then <= moment:
                told.append(row)
            else:
                self._run("UPDATE notice SET due = ? WHERE number = ?", (from_then, row.number))
        if not told:
            return 0
        self._forget(told)
        assert self._mail is not None  # or nothing is gathered
        id = f"{self._random(ID_BYTES).hex()}@{self._mail.domain}"
        text = self._text(told, link, recipient)
        try:
            content = notice_text.mail(recipient.address, self._mail.sender, id, text, recipient.language, now)
        except Malformed:
            self._store.set_number(UNADDRESSED, self._store.number(UNADDRESSED) + len(told))
            return 0
        Outbox(self._store).put(id, recipient.address, content, moment)
        self._run("INSERT OR REPLACE INTO mailed VALUES (?, ?)", (address, moment))
        return 1

    def _text(self, rows: Iterable[_Row], link: str, recipient: Recipient) -> str:
        kinds: dict[bytes, set[Kind]] = defaultdict(set)
        for row in rows:
            kinds[row.own_case].add(row.kind)
        named = []
        for own_case in list(kinds)[:MAX_REFERENCES]:
            case = self._store.case(own_case)
            if case is not None:
                named.append((case.reference, kinds[own_case]))
        return notice_text.body(named, len(kinds) - len(named), link, recipient.language, team=recipient.team)

    def _forget(self, rows: Iterable[_Row]) -> None:
        self._store.database.conn.executemany("DELETE FROM notice WHERE number = ?", [(row.number,) for row in rows])


def free_from(preference: Preference, queued: int, last: int | None) -> int:
    """From which Unix second on something that was queued may be told to whom there was `last` a mail."""
    if preference is Preference.DAILY:
        return morning_after(queued if last is None else max(queued, last))
    return queued if last is None else max(queued, last + QUIET_SECONDS)


def morning_after(second: int) -> int:
    """The first MORNING of a working day that lies behind a moment; both Unix seconds."""
    local = datetime.fromtimestamp(second, UTC).astimezone(workdays.ZONE)
    day = local.date()
    if local.time() >= MORNING or not workdays.is_working(day):
        day = workdays.after(day, 1)
    return int(datetime.combine(day, MORNING, workdays.ZONE).timestamp())


def of_reminder(term: Term, reminder: Reminder) -> Kind:
    """What the reminder of a follow-up's term is told as."""
    if reminder is Reminder.PAST:
        return Kind.PASSED
    return Kind.EVALUATION if term is Term.EVALUATION else Kind.NEAR
