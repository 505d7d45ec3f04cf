"""What the organisation's own case system is told: that a match, a letter or a term calls for somebody
(Standard Webhooks 1.0).

A message names the own case, the other organisation and the follow-up, and nothing of anybody in it; the case system asks
the REST API for the rest, under an access token of its own. It goes to the organisation itself, not to another party, and
has no line in the ledger.

Each message is queued in the transaction of what it tells of, and delivered at least once: after a crash the same one,
by its `webhook-id`, may come again. They need not come in the order in which things happened: one that had to be sent
again comes behind later ones. Whoever wants an order goes by the `timestamp` inside, or asks the REST API what holds now.
A message that was not taken in some four days is given up and counted.
"""

import base64
import binascii
import hmac
import json
import os
import random as chance
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raakvlak_node.courier import ILL_SECONDS, LONGEST_SECONDS, LOOK_SECONDS, go_round, next_attempt
from raakvlak_node.settings import Webhook
from raakvlak_node.store import Store
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.identity import checked_id
from raakvlak_protocol.party.events import Declared, Log
from raakvlak_protocol.party.private import read_private
from raakvlak_protocol.party.serving import Stop
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.text import MAX_REFERENCE_CHARACTERS, iso_date, shown_text

if TYPE_CHECKING:
    import httpx

MAX_WAIT_SECONDS: Final = 3600
"""No Retry-After is followed for longer."""
TIMEOUT_SECONDS: Final = 20.0
CONNECT_SECONDS: Final = 10.0
ROUND_MESSAGES: Final = 20
"""Delivered before the store is told: so many may come twice after a crash."""
ID_BYTES: Final = 16
SECRET_BYTES: Final = 32
MAX_SECRETS: Final = 2

GIVEN_UP: Final = "webhooks_given_up"
"""The number that counts messages that were never taken."""
TROUBLE: Final = "webhook_trouble"
"""The remark that says why the last attempt failed; empty where it did not."""
GONE: Final = "webhook_gone"
"""The remark that holds the address whose receiver answered that it wants no more messages."""

PING: Final = "test.ping"

EVENTS: Final = (
    Declared("webhooks_delivered", "info", count=int),
    Declared("webhooks_failed", "warning", count=int, reason=str),
    Declared("webhooks_given_up", "error", count=int),
    Declared("webhook_gone", "error"),
)

_WORD: Final = re.compile(r"[a-z][a-z_]{0,39}")
_HEX: Final = re.compile(r"[0-9a-f]{8,64}")
_SECRET_LINE: Final = re.compile(r"whsec_([A-Za-z0-9+/]{32,88}={0,2})")
_ILL: Final = frozenset({429, 502, 503, 504})


def _matching(pattern: re.Pattern[str]) -> Callable[[str, str], object]:
    def check(text: str, field: str) -> None:
        if not pattern.fullmatch(text):
            raise Malformed("not of the form that a message may carry", field=field)

    return check


_FIELDS: Final[Mapping[str, Callable[[str, str], object]]] = {
    "case_ref": lambda text, field: shown_text(text, MAX_REFERENCE_CHARACTERS, field, required=True),
    "other": checked_id,
    "follow_up": _matching(_HEX),
    "kind": _matching(_WORD),
    "state": _matching(_WORD),
    "term": _matching(_WORD),
    "day": iso_date,
}
_ABOUT: Final = frozenset({"case_ref", "other", "follow_up"})
TYPES: Final[Mapping[str, frozenset[str]]] = {
    "match.new": _ABOUT | {"kind", "day"},
    "match.changed": _ABOUT | {"kind", "state"},
    "match.ended": _ABOUT | {"kind"},
    "letter.received": _ABOUT | {"state"},
    "term.reminder": _ABOUT | {"term", "day"},
    "term.passed": _ABOUT | {"term", "day"},
    "escalation.changed": _ABOUT | {"state", "day"},
    PING: frozenset(),
}
"""What a message of each type may carry: `other` a member's id, `follow_up` its opaque id in hexadecimal, `day` a date,
`kind`, `state` and `term` single words of ours. A field that does not apply is left out."""


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """One that waits. `queued` and `due` are Unix seconds; `attempts` counts those made."""

    number: int
    id: str
    body: bytes
    queued: int
    due: int
    attempts: int


class Webhooks:
    """The queue, in a node's store. Without a receiver nothing is ever queued."""

    def __init__(self, store: Store, receiver: Webhook | None, random: Callable[[int], bytes] = os.urandom) -> None:
        self._store = store
        self._receiver = receiver
        self._random = random

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def queue(self, type: str, data: Mapping[str, str], now: datetime) -> None:
        """Queues a message within the caller's transaction. Raises Malformed where the type is unknown, or may not carry
        one of these fields."""
        encoded = body(type, data, now)
        if self._receiver is None or self.gone:
            return
        moment, id = int(now.timestamp()), message_id(self._random)
        sealed = self._store.vault.seal(encoded, "webhook", id)
        self._run(
            "INSERT INTO webhook (id, sealed, queued, due, attempts) VALUES (?, ?, ?, ?, 0)", (id, sealed, moment, moment)
        )

    @property
    def gone(self) -> bool:
        """Whether the receiver at this address wants no more messages: until a ping is taken, or the address changes."""
        return self._receiver is not None and self._store.remark(GONE) == self._receiver.url

    def due(self, now: int, most: int) -> list[Message]:
        """What is to be sent by now, in the order in which it became due."""
        rows = self._run(
            "SELECT number, id, sealed, queued, due, attempts FROM webhook WHERE due <= ? ORDER BY due, number LIMIT ?",
            (now, most),
        )
        return [Message(row[0], row[1], self._opened(row[1], row[2]), *row[3:]) for row in rows.fetchall()]

    def _opened(self, id: str, sealed: bytes) -> bytes:
        return self._store.vault.open(sealed, "webhook", id).reveal()

    def settle(self, taken: Sequence[Message], postponed: Mapping[int, int], given_up: Sequence[Message], trouble: str) -> None:
        """What came of a round, in one transaction. `postponed` says when each is due again, by its number."""
        with self._store.transaction():
            for each in (*taken, *given_up):
                self._run("DELETE FROM webhook WHERE number = ?", (each.number,))
            for number, due in postponed.items():
                self._run("UPDATE webhook SET due = ?, attempts = attempts + 1 WHERE number = ?", (due, number))
            self._count_given_up(len(given_up))
            self._store.set_remark(TROUBLE, trouble)

    def give_up(self, queued_before: int) -> int:
        """Gives up what was tried, and has waited since before this Unix second; returns how many."""
        with self._store.transaction():
            count = int(self._run("DELETE FROM webhook WHERE attempts > 0 AND queued < ?", (queued_before,)).rowcount)
            self._count_given_up(count)
        return count

    def disable(self) -> None:
        """The receiver wants no more: what still waits for it is given up."""
        with self._store.transaction():
            self._count_given_up(self._run("DELETE FROM webhook").rowcount)
            self._store.set_remark(GONE, "" if self._receiver is None else self._receiver.url)
            self._store.set_remark(TROUBLE, "the receiver wants no more messages (410): run 'raakvlak-node webhook test'")

    def enable(self) -> None:
        """The receiver has taken a ping."""
        with self._store.transaction():
            self._store.set_remark(GONE, "")
            self._store.set_remark(TROUBLE, "")

    def _count_given_up(self, count: int) -> None:
        if count:
            self._store.set_number(GIVEN_UP, self._store.number(GIVEN_UP) + count)

    def counts(self) -> dict[str, Any]:
        """For `status`."""
        (waiting,) = self._run("SELECT count(*) FROM webhook").fetchone()
        return {
            "webhooks_waiting": waiting,
            "webhooks_given_up": self._store.number(GIVEN_UP),
            "webhook_trouble": self._store.remark(TROUBLE),
        }


# --- a message on the wire --------------------------------------------------------------------------------------------


def body(type: str, data: Mapping[str, str], now: datetime) -> bytes:
    """The bytes that are signed and sent, the same ones in every attempt; raises Malformed."""
    allowed = TYPES.get(type)
    if allowed is None:
        raise Malformed("no such type of message", field="type")
    for field, text in data.items():
        if field not in allowed:
            raise Malformed("a message of this type does not carry it", field=field)
        _FIELDS[field](text, field)
    found = {"type": type, "timestamp": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "data": dict(data)}
    return json.dumps(found, separators=(",", ":")).encode("ascii")


def message_id(random: Callable[[int], bytes]) -> str:
    """By which the receiver knows a message that comes again."""
    return f"msg_{random(ID_BYTES).hex()}"


def signed(id: str, moment: int, body: bytes, secrets: Sequence[SecretBytes]) -> dict[str, str]:
    """The headers of an attempt that is made at this Unix second, signed under each secret."""
    content = f"{id}.{moment}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(each.reveal(), content, "sha256")).decode() for each in secrets)
    return {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }


def secrets_in(path: Path) -> tuple[SecretBytes, ...]:
    """The one or two secrets in a file, the newest first; raises Refused and says what to do."""
    raw = read_private(path, "the webhook secret", missing="'raakvlak-node webhook secret' makes one").reveal()
    found = [_secret(line) for line in raw.decode("latin-1").splitlines()]
    if not 1 <= len(found) <= MAX_SECRETS or None in found:
        raise Refused(f"{path} must hold one secret or two, each on a line: whsec_ and 24 to 64 bytes in base64")
    return tuple(each for each in found if each is not None)


def _secret(line: str) -> SecretBytes | None:
    found = _SECRET_LINE.fullmatch(line)
    try:
        raw = base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        return None
    exact = found is not None and base64.b64encode(raw).decode() == found[1]
    return SecretBytes(raw) if exact and 24 <= len(raw) <= 64 else None


def new_secret(random: Callable[[int], bytes]) -> SecretBytes:
    return SecretBytes(random(SECRET_BYTES))


def secret_text(secret: SecretBytes) -> str:
    """A secret as it stands in its file and as the receiver is given it."""
    return f"whsec_{base64.b64encode(secret.reveal()).decode()}"


# --- delivering -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt. `ill`: nothing else should be tried now; `wait` is the receiver's own wish, in seconds."""

    taken: bool = False
    gone: bool = False
    ill: bool = False
    wait: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one round of deliveries. `pause`: for how many seconds to leave the receiver alone."""

    taken: int = 0
    failed: int = 0
    given_up: int = 0
    gone: bool = False
    pause: int = 0
    reason: str = ""


def demand_ready(receiver: Webhook) -> None:
    """Raises Refused, and says what to do, where nothing could be delivered: no secret, or authorities that are none."""
    secrets_in(receiver.secret_file)
    client_for(receiver).close()


def client_for(receiver: Webhook) -> "httpx.Client":
    """A client that follows no redirect, uses no proxy, and verifies the receiver's certificate."""
    import httpx

    try:
        httpx.URL(receiver.url)
        context = ssl.create_default_context(cafile=receiver.authorities)
    except httpx.InvalidURL:
        raise Refused("webhook.url is not the address of a web server") from None
    except OSError:
        raise Refused(f"webhook.authorities: {receiver.authorities} holds no certificates that can be read") from None
    timeout = httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS)
    headers = {"user-agent": "raakvlak-node"}
    return httpx.Client(verify=context, timeout=timeout, headers=headers, follow_redirects=False, trust_env=False)


def attempt(
    client: "httpx.Client", receiver: Webhook, id: str, body: bytes, moment: int, secrets: Sequence[SecretBytes]
) -> Answer:
    """Sends one message once. Of the answer only the status and Retry-After are looked at; its body is never read."""
    import httpx

    try:
        with client.stream("POST", receiver.url, content=body, headers=signed(id, moment, body, secrets)) as response:
            return _judged(response)
    except httpx.TimeoutException:
        return Answer(ill=True, reason=f"the receiver did not answer within {TIMEOUT_SECONDS:.0f} seconds")
    except httpx.HTTPError as error:
        return Answer(ill=True, reason=_unheard(error))


def _judged(response: "httpx.Response") -> Answer:
    status = response.status_code
    if response.is_success:
        return Answer(taken=True)
    if status == 410:
        return Answer(gone=True, reason="the receiver wants no more messages (410)")
    if response.has_redirect_location:
        return Answer(reason=f"the receiver answered {status}: it has moved, which is not followed; change webhook.url")
    asked = response.headers.get("retry-after", "")
    wait = min(int(asked), MAX_WAIT_SECONDS) if re.fullmatch("[0-9]{1,9}", asked) else 0
    return Answer(ill=status in _ILL, wait=wait, reason=f"the receiver answered {status}")


def _unheard(error: BaseException) -> str:
    """In our own words: a library's may quote an address with what stands in it."""
    import httpx

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "the receiver's certificate does not hold: another name, too old, or of no authority in webhook.authorities"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return "the receiver could not be reached"
    return "the connection to the receiver broke off"


def deliver(
    webhooks: Webhooks,
    receiver: Webhook,
    clock: Callable[[], datetime],
    client: "httpx.Client",
    jitter: Callable[[], float],
) -> Round:
    """Sends what is due, at most ROUND_MESSAGES, and stores what came of it. `jitter` gives 0 to 1.

    Raises Refused where there is no secret to sign with; nothing is sent then, and nothing counts as an attempt.
    """
    begun = int(clock().timestamp())
    stale = webhooks.give_up(begun - LONGEST_SECONDS)
    waiting = [] if webhooks.gone else webhooks.due(begun, ROUND_MESSAGES)
    if not waiting:
        return Round(given_up=stale)
    secrets = _secrets_or_trouble(webhooks, receiver)
    taken: list[Message] = []
    given_up: list[Message] = []
    postponed: dict[int, int] = {}
    answer = Answer()
    try:
        for each in waiting:
            moment = int(clock().timestamp())
            answer = attempt(client, receiver, each.id, each.body, moment, secrets)
            if answer.taken:
                taken.append(each)
            elif answer.gone:
                break
            else:
                due = next_attempt(each.attempts, moment, jitter(), answer.wait)
                if due is None:
                    given_up.append(each)
                else:
                    postponed[each.number] = due
            if answer.ill:
                break
    finally:
        # Also when the process is told to end in the middle: what was taken is not sent again.
        webhooks.settle(taken, postponed, given_up, answer.reason)
    if answer.gone:
        webhooks.disable()
    pause = max(ILL_SECONDS, answer.wait) if answer.ill else 0
    return Round(len(taken), len(postponed) + len(given_up), stale + len(given_up), answer.gone, pause, answer.reason)


def _secrets_or_trouble(webhooks: Webhooks, receiver: Webhook) -> tuple[SecretBytes, ...]:
    try:
        return secrets_in(receiver.secret_file)
    except Refused as error:
        webhooks.settle([], {}, [], error.message)
        raise


def ping(
    webhooks: Webhooks,
    receiver: Webhook,
    clock: Callable[[], datetime],
    client: "httpx.Client",
    random: Callable[[int], bytes],
) -> Answer:
    """Sends a `test.ping` at once, beside the queue. One that is taken ends that the receiver counts as gone."""
    now = clock()
    moment, content = int(now.timestamp()), body(PING, {}, now)
    answer = attempt(client, receiver, message_id(random), content, moment, secrets_in(receiver.secret_file))
    if answer.taken:
        webhooks.enable()
    return answer


class Courier:
    """Delivers until it is asked to stop, in a thread of its own: a slow receiver holds up nothing else. `open_store`
    opens the store for that thread."""

    def __init__(
        self,
        open_store: Callable[[], Store],
        receiver: Webhook,
        log: Log,
        stop: Stop,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = chance.random,
    ) -> None:
        self._open_store = open_store
        self._receiver = receiver
        self._log = log
        self._stop = stop
        self._clock = clock
        self._jitter = jitter

    def run(self) -> None:
        store = self._open_store()
        try:
            with client_for(self._receiver) as client:
                webhooks = Webhooks(store, self._receiver)
                once = partial(self._round, webhooks, client)
                go_round(once, self._log, self._stop, doing="delivering webhooks", ill_seconds=ILL_SECONDS)
        finally:
            store.close()

    def _round(self, webhooks: Webhooks, client: "httpx.Client") -> float:
        """Delivers what is due; returns for how many seconds to wait before the next round."""
        done = deliver(webhooks, self._receiver, self._clock, client, self._jitter)
        self._tell(done)
        if done.pause:
            return done.pause
        return 0.0 if done.taken == ROUND_MESSAGES else LOOK_SECONDS

    def _tell(self, done: Round) -> None:
        if done.taken:
            self._log("webhooks_delivered", count=done.taken)
        if done.failed:
            self._log("webhooks_failed", count=done.failed, reason=done.reason)
        if done.given_up:
            self._log("webhooks_given_up", count=done.given_up)
        if done.gone:
            self._log("webhook_gone")
