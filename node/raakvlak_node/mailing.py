"""Delivering mails to the organisation's own server (RFC 5321, 3207, 4954, 8314): each is offered until it is taken or
refused for good, at least once, with the same bytes each time.

Where TLS is asked for, nothing is said in the clear but EHLO and STARTTLS, and the server's certificate must hold. A
server that can't be reached, or refuses to talk, is left alone for a while; one address that it refuses holds up no other.
What a server answers is never repeated but for its number: it may quote the address. A mail that was not taken in some
four days is given up and counted.
"""

import contextlib
import random as chance
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from raakvlak_node import courier, notice_text
from raakvlak_node.notices import ID_BYTES, Notices
from raakvlak_node.outbox import Outbox, Waiting
from raakvlak_node.people import People
from raakvlak_node.settings import Mail, Settings
from raakvlak_node.store import Store
from raakvlak_node.wording import Language
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party.events import Declared, Log
from raakvlak_protocol.party.private import read_private
from raakvlak_protocol.party.serving import Stop

TIMEOUT_SECONDS: Final = 20.0
"""For each answer of the server."""
ROUND_MAILS: Final = 20
"""Delivered before the store is told: so many may come twice after a crash."""
PATH: Final = "/today"
"""Of the pages: where a mail leads."""

EVENTS: Final = (
    Declared("mails_delivered", "info", count=int),
    Declared("mails_failed", "warning", count=int, reason=str),
    Declared("mails_refused", "warning", count=int, reason=str),
    Declared("mails_given_up", "error", count=int),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt. `refused`: the same will never be taken; `ill`: nothing else should be tried now."""

    taken: bool = False
    refused: bool = False
    ill: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one round. `pause`: for how many seconds to leave the server alone."""

    taken: int = 0
    failed: int = 0
    refused: int = 0
    given_up: int = 0
    pause: int = 0
    reason: str = ""


class Ill(Exception):
    """The server can't be talked to; `reason` is in our own words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# --- talking to the server ------------------------------------------------------------------------------------------------


def password_in(mail: Mail) -> str:
    """The password with which to sign in, empty where none is needed; raises Refused and says what to do."""
    if mail.password_file is None:
        return ""
    raw = read_private(mail.password_file, "the mail password", missing="write the password into it, on one line").reveal()
    found = re.fullmatch(rb"([\x20-\x7e]{1,512})\r?\n?", raw)
    if found is None:
        raise Refused(f"{mail.password_file} must hold one line: a password of at most 512 printable ASCII characters")
    return found[1].decode()


def context_for(mail: Mail) -> ssl.SSLContext:
    """By which the server's certificate is judged; raises Refused where the authorities can't be read."""
    try:
        return ssl.create_default_context(cafile=mail.authorities)
    except OSError:
        raise Refused(f"mail.authorities: {mail.authorities} holds no certificates that can be read") from None


def demand_ready(settings: Settings) -> None:
    """Raises Refused, and says what to do, where no mail could be sent."""
    if settings.mail is None:
        return
    if settings.pages is None:
        raise Refused("settings.toml has [mail] and no [pages]: it is the users of the pages who are told by e-mail")
    password_in(settings.mail)
    context_for(settings.mail)


def link(settings: Settings) -> str:
    """Where a mail leads: the same for all."""
    return "" if settings.pages is None else settings.pages.address + PATH


@contextlib.contextmanager
def connected(mail: Mail) -> Iterator[smtplib.SMTP]:
    """A server that is ready to take mail, signed in where that is asked for. Raises Ill where there is none, and Refused
    where password or authorities can't be read."""
    password, context = password_in(mail), context_for(mail)
    with contextlib.ExitStack() as open_until_then:
        try:
            smtp = _greeted(mail, context)
            open_until_then.callback(smtp.close)
            if mail.user:
                smtp.login(mail.user, password)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise Ill(_unready(error)) from None
        yield smtp
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()


def _greeted(mail: Mail, context: ssl.SSLContext) -> smtplib.SMTP:
    host, port = mail.address
    # Its own name for the greeting: the machine's is nobody's business.
    if mail.security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, int(port), mail.domain, timeout=TIMEOUT_SECONDS, context=context)
    else:
        smtp = smtplib.SMTP(host, int(port), mail.domain, timeout=TIMEOUT_SECONDS)
    try:
        smtp.ehlo_or_helo_if_needed()
        if mail.security == "starttls":
            # Raises where the server, or somebody in between, does not offer it.
            smtp.starttls(context=context)
            smtp.ehlo()
    except BaseException:
        smtp.close()
        raise
    return smtp


def _unready(error: Exception) -> str:
    """Why there is no server to talk to, in our own words."""
    match error:
        case ssl.SSLCertVerificationError():
            return "the mail server's certificate does not hold: another name, too old, or of no authority in mail.authorities"
        case ssl.SSLError():
            return "the mail server does not speak TLS on this port: 465 is for mail.security tls, 587 for starttls, as a rule"
        case TimeoutError():
            return f"the mail server did not answer within {TIMEOUT_SECONDS:.0f} seconds"
        case smtplib.SMTPAuthenticationError():
            return f"the mail server refuses mail.user or its password ({error.smtp_code})"
        case smtplib.SMTPNotSupportedError():
            return "the mail server offers no STARTTLS, or no sign-in: nothing is sent in the clear instead"
        case smtplib.SMTPResponseException() if error.smtp_code >= 200:
            return f"the mail server answered {error.smtp_code}"
        case smtplib.SMTPServerDisconnected():
            return f"the mail server ended the connection, or did not answer within {TIMEOUT_SECONDS:.0f} seconds"
        case smtplib.SMTPException() | ValueError():
            return "the mail server's answer is none of SMTP"
    return "the mail server could not be reached"


def attempt(smtp: smtplib.SMTP, sender: str, to: str, content: bytes) -> Answer:
    """Offers one mail once."""
    options = [] if to.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
    try:
        smtp.sendmail(sender, [to], content, mail_options=options)
    except smtplib.SMTPRecipientsRefused as error:
        return _judged(int(error.recipients[to][0]), "an address")
    except smtplib.SMTPSenderRefused as error:
        return Answer(ill=True, reason=f"the mail server does not take mail from mail.sender ({error.smtp_code})")
    except smtplib.SMTPDataError as error:
        return _judged(int(error.smtp_code), "a mail")
    except smtplib.SMTPNotSupportedError:
        return Answer(refused=True, reason="the mail server takes no address with other letters than a to z")
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return Answer(ill=True, reason=_unready(error))
    return Answer(taken=True)


def _judged(code: int, what: str) -> Answer:
    if code == 421:
        return Answer(ill=True, reason="the mail server asks to come back later (421)")
    if 500 <= code <= 599:
        return Answer(refused=True, reason=f"the mail server refused {what} for good ({code})")
    return Answer(reason=f"the mail server does not take {what} now ({code})")


# --- delivering -----------------------------------------------------------------------------------------------------------


def deliver(outbox: Outbox, mail: Mail, clock: Callable[[], datetime], jitter: Callable[[], float]) -> Round:
    """Sends what is due, at most ROUND_MAILS, and stores what came of it. `jitter` gives 0 to 1.

    Raises Refused where password or authorities can't be read; nothing is sent then, and nothing counts as an attempt.
    """
    begun = int(clock().timestamp())
    stale = outbox.give_up(begun - courier.LONGEST_SECONDS)
    waiting = outbox.due(begun, ROUND_MAILS)
    if not waiting:
        return Round(given_up=stale)
    lists = _Lists([], {}, [], [])
    answer = Answer()
    try:
        with connected(mail) as smtp:
            for each in waiting:
                answer = attempt(smtp, mail.sender, each.to, each.content)
                lists.note(each, answer, int(clock().timestamp()), jitter())
                if answer.ill:
                    break
    except Ill as error:
        answer = Answer(ill=True, reason=error.reason)
        lists.note(waiting[0], answer, int(clock().timestamp()), jitter())
    except Refused as error:
        outbox.note(error.message)
        raise
    finally:
        # Also when the process is told to end in the middle: what was taken is not sent again.
        if lists.any:
            outbox.settle(lists.taken, lists.postponed, lists.refused, lists.given_up, lists.trouble)
    failed = len(lists.postponed) + len(lists.given_up)
    pause = courier.ILL_SECONDS if answer.ill else 0
    return Round(len(lists.taken), failed, len(lists.refused), stale + len(lists.given_up), pause, lists.trouble)


@dataclass(slots=True)
class _Lists:
    """What came of each mail of a round."""

    taken: list[Waiting]
    postponed: dict[int, int]
    refused: list[Waiting]
    given_up: list[Waiting]
    trouble: str = ""

    @property
    def any(self) -> bool:
        return bool(self.taken or self.postponed or self.refused or self.given_up)

    def note(self, mail: Waiting, answer: Answer, moment: int, jitter: float) -> None:
        self.trouble = answer.reason or self.trouble
        due = courier.next_attempt(mail.attempts, moment, jitter)
        if answer.taken:
            self.taken.append(mail)
        elif answer.refused:
            self.refused.append(mail)
        elif due is None:
            self.given_up.append(mail)
        else:
            self.postponed[mail.number] = due


def send_trial(mail: Mail, to: str, language: Language, random: Callable[[int], bytes], now: datetime) -> Answer:
    """Sends a mail that tells of nothing, at once, beside the queue. Raises Malformed where `to` is no address, Refused
    where password or authorities can't be read."""
    content = notice_text.trial_mail(to, mail.sender, f"{random(ID_BYTES).hex()}@{mail.domain}", language, now)
    try:
        with connected(mail) as smtp:
            return attempt(smtp, mail.sender, to, content)
    except Ill as error:
        return Answer(ill=True, reason=error.reason)


def reach(mail: Mail) -> str:
    """Why no mail can be sent now, empty where it can: connects, verifies the certificate, signs in, and sends nothing.
    Raises Refused where password or authorities can't be read."""
    try:
        with connected(mail):
            return ""
    except Ill as error:
        return error.reason


class Courier:
    """Makes mails of what is new and delivers them until it is asked to stop, in a thread of its own: a slow server holds
    up nothing else. `open_store` opens the store for that thread."""

    def __init__(
        self,
        open_store: Callable[[], Store],
        settings: Settings,
        log: Log,
        stop: Stop,
        *,
        random: Callable[[int], bytes],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = chance.random,
    ) -> None:
        self._open_store = open_store
        self._settings = settings
        self._log = log
        self._stop = stop
        self._random = random
        self._clock = clock
        self._jitter = jitter

    def run(self) -> None:
        mail, store = self._settings.mail, self._open_store()
        try:
            if mail is None:
                return
            notices, people = Notices(store, mail, self._random), People(store, self._random)

            def once() -> float:
                notices.gather(people, link(self._settings), self._clock())
                return self._tell(deliver(Outbox(store), mail, self._clock, self._jitter))

            doing = "delivering mail"
            courier.go_round(once, self._log, self._stop, doing=doing, ill_seconds=courier.ILL_SECONDS)
        finally:
            store.close()

    def _tell(self, done: Round) -> float:
        """Logs what came of a round; returns for how many seconds to wait before the next one."""
        if done.taken:
            self._log("mails_delivered", count=done.taken)
        if done.failed:
            self._log("mails_failed", count=done.failed, reason=done.reason)
        if done.refused:
            self._log("mails_refused", count=done.refused, reason=done.reason)
        if done.given_up:
            self._log("mails_given_up", count=done.given_up)
        if done.pause:
            return done.pause
        return 0.0 if done.taken == ROUND_MAILS else courier.LOOK_SECONDS
