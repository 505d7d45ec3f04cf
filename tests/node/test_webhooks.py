"""Webhooks: what they say, that a receiver can verify them, and that none is lost, or lost unseen."""

import base64
import contextlib
import hashlib
import hmac
import io
import json
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from raakvlak_local.authority import Authority
from raakvlak_node import webhooks as hooks
from raakvlak_node.commands import accounts
from raakvlak_node.courier import DELAYS, ILL_SECONDS, LONGEST_SECONDS
from raakvlak_node.node import Node
from raakvlak_node.settings import Settings, Webhook
from raakvlak_node.webhooks import Courier, Round, Webhooks, client_for, deliver, secrets_in
from raakvlak_protocol.errors import Malformed, Refused, Unavailable
from raakvlak_protocol.party import settings as toml
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.party.serving import Stop
from raakvlak_protocol.secret import SecretBytes
from tests.federation import Clock
from tests.node.test_access import invoked, member_folder
from tests.node.test_store import files
from tests.servers import server_files

NEW, FORMER = SecretBytes(b"n" * 32), SecretBytes(b"f" * 24)
DATA = {"case_ref": "ZK-1", "other": "town", "follow_up": "ab" * 16, "kind": "family", "day": "2026-03-02"}


# --- a receiver -------------------------------------------------------------------------------------------------------


@dataclass
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A real web server of a case system. `answer` gives the status and further headers of each answer."""

    server: ThreadingHTTPServer
    got: list[Received] = field(default_factory=list)
    answer: Callable[[Received], tuple[int, dict[str, str]]] = lambda received: (204, {})
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}/hooks?of=raakvlak"

    def types(self) -> list[str]:
        return [str(json.loads(each.body)["type"]) for each in self.got]

    def cases(self) -> list[str]:
        return [str(json.loads(each.body)["data"]["case_ref"]) for each in self.got]


@contextlib.contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            one = Received(self.path, {name.lower(): text for name, text in self.headers.items()}, body)
            found.got.append(one)
            status, headers = found.answer(one)
            self.send_response(status)
            for name, text in {"content-length": "0", **headers}.items():
                self.send_header(name, text)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """A case system keeps its own log."""

        def handle(self) -> None:
            with contextlib.suppress(OSError):  # a client that does not trust us, or is in no mood to wait
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    found = Receiver(server, scheme="http" if context is None else "https")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def secret_file(folder: Path, *secrets: SecretBytes) -> Path:
    path = folder / "webhook.secret"
    path.write_text("".join(f"{hooks.secret_text(each)}\n" for each in secrets))
    path.chmod(0o600)
    return path


@pytest.fixture
def to(receiver: Receiver, tmp_path: Path) -> Webhook:
    return Webhook(receiver.url, secret_file(tmp_path, NEW))


@pytest.fixture
def queue(node: Node, to: Webhook) -> Webhooks:
    return Webhooks(node.store, to)


Deliver = Callable[[], Round]


@pytest.fixture
def go(queue: Webhooks, to: Webhook, clock: Clock) -> Iterator[Deliver]:
    """One round of deliveries, with the longest jitter."""
    with client_for(to) as client:
        yield lambda: deliver(queue, to, clock, client, lambda: 1.0)


def accepts(received: Received, secret: bytes) -> bool:
    """A receiver's own verification, from the standard's text alone."""
    headers = received.headers
    content = headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode() + b"." + received.body
    expected = base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split(" ")


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_a_receiver_can_verify_what_it_gets(queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock) -> None:
    queue.queue("match.new", DATA, clock())
    queued = clock()
    clock.pass_(seconds=90)
    assert go() == Round(taken=1)
    (got,) = receiver.got
    assert got.path == "/hooks?of=raakvlak" and got.headers["content-type"] == "application/json"
    assert got.headers["webhook-timestamp"] == str(int(clock().timestamp()))
    assert got.headers["webhook-id"].startswith("msg_") and "." not in got.headers["webhook-id"]
    assert accepts(got, NEW.reveal()) and not accepts(got, FORMER.reveal())
    assert json.loads(got.body) == {"type": "match.new", "timestamp": f"{queued:%Y-%m-%dT%H:%M:%SZ}", "data": DATA}
    assert go() == Round() and len(receiver.got) == 1
    assert queue.counts() == {"webhooks_waiting": 0, "webhooks_given_up": 0, "webhook_trouble": ""}


def test_the_signature_of_the_standards_own_example() -> None:
    """The example of the reference libraries, so that ours is not only verified by ours."""
    secret = SecretBytes(base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    headers = hooks.signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [secret])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_replaced_both_sign(
    queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock, to: Webhook
) -> None:
    secret_file(to.secret_file.parent, NEW, FORMER)
    queue.queue("term.passed", {"term": "contact", "day": "2026-03-09"}, clock())
    go()
    (got,) = receiver.got
    assert len(got.headers["webhook-signature"].split(" ")) == 2
    assert accepts(got, NEW.reveal()) and accepts(got, FORMER.reveal())


@pytest.mark.parametrize(
    ("type", "data"),
    [
        ("match.newer", {}),
        ("match.new", {"bsn": "123456782"}),
        ("match.new", {"term": "contact"}),
        ("match.new", {"other": "De Brug"}),
        ("match.new", {"case_ref": ""}),
        ("match.new", {"case_ref": "a\nb"}),
        ("match.new", {"follow_up": "123456782x"}),
        ("match.new", {"day": "vandaag"}),
        ("match.new", {"kind": "Moeder belt terug"}),
        ("escalation.changed", {"state": "x" * 41}),
        ("test.ping", {"case_ref": "ZK-1"}),
    ],
)
def test_a_message_carries_nothing_but_what_its_type_may(
    queue: Webhooks, clock: Clock, type: str, data: dict[str, str]
) -> None:
    with pytest.raises(Malformed):
        queue.queue(type, data, clock())
    assert queue.counts()["webhooks_waiting"] == 0


def test_what_waits_lies_sealed_and_goes_with_its_transaction(node: Node, queue: Webhooks, clock: Clock) -> None:
    queue.queue("match.new", DATA | {"case_ref": "DOSSIER-77123"}, clock())
    stolen = files(node.store)
    assert b"msg_" in stolen and b"DOSSIER-77123" not in stolen and b"match.new" not in stolen

    def fail() -> None:
        with node.store.transaction():
            queue.queue("match.new", DATA, clock())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert queue.counts()["webhooks_waiting"] == 1


def test_without_a_receiver_nothing_is_queued(node: Node, clock: Clock) -> None:
    Webhooks(node.store, None).queue("match.new", DATA, clock())
    assert Webhooks(node.store, None).counts()["webhooks_waiting"] == 0


# --- when it is not taken ---------------------------------------------------------------------------------------------


def test_a_message_is_tried_again_as_the_standard_says_and_then_given_up(
    queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = lambda received: (500, {})
    queue.queue("match.new", DATA, clock())
    assert go().failed == 1
    for delay in DELAYS:
        longest = int(delay * 1.1)
        clock.pass_(seconds=longest - 1)
        assert go() == Round()
        clock.pass_(seconds=1)
        assert go().failed == 1
    assert len(receiver.got) == len(DELAYS) + 1 == 10
    assert len({each.headers["webhook-id"] for each in receiver.got}) == 1
    assert len({each.body for each in receiver.got}) == 1
    assert len({each.headers["webhook-timestamp"] for each in receiver.got}) == 10
    assert all(accepts(each, NEW.reveal()) for each in receiver.got)
    assert queue.counts() == {
        "webhooks_waiting": 0, "webhooks_given_up": 1, "webhook_trouble": "the receiver answered 500",
    }  # fmt: skip


def test_one_that_fails_does_not_hold_up_the_others_and_loses_its_place(
    queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = lambda received: (500 if b'"ZK-1"' in received.body and len(receiver.got) < 3 else 200, {})
    for reference in ("ZK-1", "ZK-2", "ZK-3"):
        queue.queue("match.new", DATA | {"case_ref": reference}, clock())
    assert go() == Round(taken=2, failed=1)
    clock.pass_(seconds=6)
    assert go() == Round(taken=1)
    assert receiver.cases() == ["ZK-1", "ZK-2", "ZK-3", "ZK-1"]


def test_a_round_is_bounded_and_the_next_one_goes_on(queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock) -> None:
    for place in range(hooks.ROUND_MESSAGES + 3):
        queue.queue("match.new", DATA | {"case_ref": f"ZK-{place}"}, clock())
    assert (go().taken, go().taken, go().taken) == (hooks.ROUND_MESSAGES, 3, 0)
    assert receiver.cases() == [f"ZK-{place}" for place in range(hooks.ROUND_MESSAGES + 3)]


def test_a_receiver_that_is_gone_gets_nothing_until_it_takes_a_ping(
    node: Node, queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock, to: Webhook
) -> None:
    receiver.answer = lambda received: (410, {})
    for reference in ("ZK-1", "ZK-2"):
        queue.queue("match.new", DATA | {"case_ref": reference}, clock())
    assert go().gone
    queue.queue("match.new", DATA, clock())
    assert go() == Round() and len(receiver.got) == 1
    counts = queue.counts()
    assert (counts["webhooks_waiting"], counts["webhooks_given_up"]) == (0, 2) and "410" in counts["webhook_trouble"]
    with client_for(to) as client:
        assert hooks.ping(queue, to, clock, client, node.random).gone and queue.gone
        receiver.answer = lambda received: (200, {})
        assert hooks.ping(queue, to, clock, client, node.random).taken and not queue.gone
    assert receiver.types()[-1] == "test.ping" and accepts(receiver.got[-1], NEW.reveal())
    queue.queue("match.new", DATA, clock())
    assert go() == Round(taken=1)


def test_another_address_is_not_gone(node: Node, queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock) -> None:
    receiver.answer = lambda received: (410, {})
    queue.queue("match.new", DATA, clock())
    go()
    elsewhere = Webhooks(node.store, Webhook("https://elsewhere.example/hooks", Path("unused")))
    assert queue.gone and not elsewhere.gone


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_receiver_that_is_ill_is_left_alone(
    queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock, status: int
) -> None:
    receiver.answer = lambda received: (status, {"retry-after": "600"})
    for reference in ("ZK-1", "ZK-2"):
        queue.queue("match.new", DATA | {"case_ref": reference}, clock())
    assert go() == Round(failed=1, pause=600, reason=f"the receiver answered {status}")
    assert receiver.cases() == ["ZK-1"]
    receiver.answer = lambda received: (200, {})
    clock.pass_(seconds=599)
    assert go().taken == 1 and receiver.cases() == ["ZK-1", "ZK-2"]
    clock.pass_(seconds=1)
    assert go().taken == 1


@pytest.mark.parametrize("asked", ["-5", "1e3", "Wed, 21 Oct 2026 07:28:00 GMT", "٣", "9999999999"])
def test_a_wish_that_is_no_number_of_seconds_is_not_followed(
    queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock, asked: str
) -> None:
    receiver.answer = lambda received: (503, {"retry-after": asked.encode().decode("latin-1")})
    queue.queue("match.new", DATA, clock())
    assert go().pause == ILL_SECONDS


def test_a_redirect_is_a_failure_and_is_not_followed(queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock) -> None:
    with receiving() as other:
        receiver.answer = lambda received: (307, {"location": other.url})
        queue.queue("match.new", DATA, clock())
        found = go()
        assert found.failed == 1 and "moved" in found.reason
        assert other.got == []


def test_a_receiver_that_does_not_answer_is_given_up_on_in_time(
    queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock, to: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "TIMEOUT_SECONDS", 0.2)
    release = threading.Event()
    receiver.answer = lambda received: (200 if release.wait(10) else 500, {})
    queue.queue("match.new", DATA, clock())
    queue.queue("match.new", DATA, clock())
    began = time.monotonic()
    with client_for(to) as client:
        found = deliver(queue, to, clock, client, lambda: 0.0)
    release.set()
    assert (found.failed, found.pause) == (1, ILL_SECONDS) and "did not answer" in found.reason
    assert time.monotonic() - began < 5 and len(receiver.got) == 1


def test_a_body_without_end_is_not_read(queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock) -> None:
    receiver.answer = lambda received: (200, {"content-length": str(2**40)})
    queue.queue("match.new", DATA, clock())
    assert go() == Round(taken=1)


def test_a_receiver_that_is_away_costs_one_attempt_a_round_and_old_messages_go(
    node: Node, clock: Clock, tmp_path: Path
) -> None:
    with receiving() as gone:
        to = Webhook(gone.url, secret_file(tmp_path, NEW))
    queue = Webhooks(node.store, to)
    for reference in ("ZK-1", "ZK-2", "ZK-3"):
        queue.queue("match.new", DATA | {"case_ref": reference}, clock())
    with client_for(to) as client:
        assert deliver(queue, to, clock, client, lambda: 0.0) == Round(
            failed=1, pause=ILL_SECONDS, reason="the receiver could not be reached"
        )
        assert deliver(queue, to, clock, client, lambda: 0.0).failed == 1
        clock.pass_(seconds=LONGEST_SECONDS + 1)
        assert deliver(queue, to, clock, client, lambda: 0.0).given_up == 2  # the third was never tried before
    counts = queue.counts()
    assert (counts["webhooks_waiting"], counts["webhooks_given_up"]) == (1, 2)


def test_what_was_taken_is_not_sent_again_when_the_process_ends_in_the_middle(
    queue: Webhooks, receiver: Receiver, clock: Clock, to: Webhook
) -> None:
    for reference in ("ZK-1", "ZK-2", "ZK-3"):
        queue.queue("match.new", DATA | {"case_ref": reference}, clock())
    calls = 0

    def interrupted() -> object:
        nonlocal calls
        calls += 1
        if calls == 3:  # the round's beginning, and one attempt
            raise KeyboardInterrupt
        return clock()

    with client_for(to) as client:
        with pytest.raises(KeyboardInterrupt):
            deliver(queue, to, interrupted, client, lambda: 0.0)  # type: ignore[arg-type]
        assert deliver(queue, to, clock, client, lambda: 0.0) == Round(taken=2)
    assert receiver.cases() == ["ZK-1", "ZK-2", "ZK-3"]


def test_what_was_taken_and_not_noted_comes_again_under_the_same_id(
    node: Node, queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock
) -> None:
    """Succeeded, and we did not hear: the store could not be written."""
    queue.queue("match.new", DATA, clock())
    node.store.database.execute("CREATE TEMP TRIGGER full BEFORE DELETE ON webhook BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(sqlite3.IntegrityError):
        go()
    node.store.database.execute("DROP TRIGGER full")
    assert go() == Round(taken=1)
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"] and first.body == second.body


# --- secrets, addresses, certificates ---------------------------------------------------------------------------------


def test_without_a_secret_nothing_is_sent_and_nothing_counts_as_tried(
    queue: Webhooks, go: Deliver, receiver: Receiver, clock: Clock, to: Webhook
) -> None:
    to.secret_file.chmod(0o640)
    queue.queue("match.new", DATA, clock())
    with pytest.raises(Refused, match="chmod 600"):
        go()
    assert receiver.got == [] and "chmod 600" in queue.counts()["webhook_trouble"]
    to.secret_file.chmod(0o600)
    assert go() == Round(taken=1) and queue.counts()["webhook_trouble"] == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        base64.b64encode(b"n" * 32).decode(),
        "whsec_" + base64.b64encode(b"n" * 23).decode(),
        "whsec_" + base64.b64encode(b"n" * 65).decode(),
        "whsec_" + base64.b64encode(b"n" * 32).decode()[:-2] + "5=",
        "whsec_" + base64.b64encode(b"n" * 32).decode() + " ",
        "whsec_" + "é" * 40,
        "\n".join(["whsec_" + base64.b64encode(b"n" * 32).decode()] * 3),
        "whsec_" + base64.b64encode(b"n" * 32).decode() + "\nwhsec_",
    ],
)
def test_what_is_no_secret_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "webhook.secret"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(Refused) as caught:
        secrets_in(path)
    assert base64.b64encode(b"n" * 23).decode()[:16] not in str(caught.value)


def test_secrets_are_read_newest_first(tmp_path: Path) -> None:
    assert secrets_in(secret_file(tmp_path, NEW, FORMER)) == (NEW, FORMER)
    with pytest.raises(Refused, match="missing"):
        secrets_in(tmp_path / "none")
    with pytest.raises(Refused):
        secrets_in(tmp_path)


def settings_with(folder: Path, webhook: str) -> Settings:
    path = folder / "settings.toml"
    path.write_text(
        'covenant = "c"\nid = "own"\nindex = "127.0.0.1:1"\nkey_file = "k"\n[key_holders]\nkeyholder-1 = "127.0.0.1:2"\n'
        + webhook
    )
    return toml.load(path, Settings)


@pytest.mark.parametrize("url", ["https://zaak.example/in?a=b", "http://127.0.0.1:81/x", "http://[::1]/", "http://localhost/"])
def test_settings_name_the_receiver(tmp_path: Path, url: str) -> None:
    found = settings_with(tmp_path, f'[webhook]\nurl = "{url}"\nsecret_file = "webhook.secret"\n').webhook
    assert found == Webhook(url, tmp_path / "webhook.secret")
    assert settings_with(tmp_path, "").webhook is None


@pytest.mark.parametrize(
    "url",
    [
        "http://zaak.example/in",
        "http://10.0.0.5/in",
        "ftp://zaak.example",
        "https://",
        "zaak.example",
        "https://user:zoutkeet@zaak.example/",
        "https://zaak.example/#x",
        "https://zaak.example:99999/",
        "https://zaak example/",
        "https://[zaak/",
    ],
)
def test_an_address_that_would_tell_others_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(Refused, match="webhook") as caught:
        settings_with(tmp_path, f'[webhook]\nurl = "{url}"\nsecret_file = "webhook.secret"\n')
    assert "zoutkeet" not in str(caught.value)


def test_only_a_receiver_that_is_vouched_for_is_told_anything(node: Node, clock: Clock, tmp_path: Path) -> None:
    authority = Authority.create("gemeente", datetime.now(UTC))
    with receiving(server_context(authority, tmp_path)) as receiver:
        unknown = Webhook(receiver.url.replace("127.0.0.1", "localhost"), secret_file(tmp_path, NEW))
        known = Webhook(unknown.url, unknown.secret_file, tmp_path / "ca.pem")
        other_name = Webhook(receiver.url, unknown.secret_file, tmp_path / "ca.pem")
        queue = Webhooks(node.store, known)
        queue.queue("match.new", DATA, clock())
        for wrong in (unknown, other_name):
            with client_for(wrong) as client:
                assert "certificate does not hold" in deliver(queue, wrong, clock, client, lambda: 0.0).reason
            clock.pass_(hours=1)
        assert receiver.got == []
        with client_for(known) as client:
            assert deliver(queue, known, clock, client, lambda: 0.0) == Round(taken=1)
        assert accepts(receiver.got[0], NEW.reveal())


def server_context(authority: Authority, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*server_files(authority, folder))
    return context


def test_serving_is_refused_where_nothing_could_be_delivered(to: Webhook, tmp_path: Path) -> None:
    hooks.demand_ready(to)
    with pytest.raises(Refused, match="missing"):
        hooks.demand_ready(Webhook(to.url, tmp_path / "none"))
    with pytest.raises(Refused, match="authorities"):
        hooks.demand_ready(Webhook(to.url, to.secret_file, tmp_path / "none.pem"))
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(Refused, match="authorities"):
        hooks.demand_ready(Webhook(to.url, to.secret_file, tmp_path / "empty.pem"))


# --- the thread -------------------------------------------------------------------------------------------------------


def test_the_courier_delivers_what_comes_while_it_runs_and_stops(
    node: Node, queue: Webhooks, receiver: Receiver, to: Webhook, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "LOOK_SECONDS", 0.02)
    out, stop = io.StringIO(), Stop()
    courier = Courier(node.another_store, to, Log("node", hooks.EVENTS, out), stop, clock=clock)
    thread = threading.Thread(target=courier.run)
    thread.start()
    try:
        for place in range(hooks.ROUND_MESSAGES + 2):
            queue.queue("match.new", DATA | {"case_ref": f"ZK-{place}"}, clock())
        _until(lambda: len(receiver.got) == hooks.ROUND_MESSAGES + 2)
        _until(lambda: queue.counts()["webhooks_waiting"] == 0)
        receiver.answer = lambda received: (410, {})
        queue.queue("match.new", DATA, clock())
        _until(lambda: queue.gone)
    finally:
        stop.request()
        thread.join(10)
    assert not thread.is_alive()
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert sum(each.get("count", 0) for each in events if each["event"] == "webhooks_delivered") == hooks.ROUND_MESSAGES + 2
    assert events[-1]["event"] == "webhook_gone"
    assert "ZK-" not in out.getvalue()


def test_a_courier_that_waits_for_an_ill_receiver_stops_at_once(
    node: Node, queue: Webhooks, receiver: Receiver, to: Webhook, clock: Clock
) -> None:
    receiver.answer = lambda received: (503, {})
    queue.queue("match.new", DATA, clock())
    out, stop = io.StringIO(), Stop()
    thread = threading.Thread(target=Courier(node.another_store, to, Log("node", hooks.EVENTS, out), stop, clock=clock).run)
    thread.start()
    _until(lambda: "webhooks_failed" in out.getvalue())
    stop.request()
    thread.join(5)
    assert not thread.is_alive() and len(receiver.got) == 1


def test_a_courier_outlives_whatever_goes_wrong(
    node: Node, queue: Webhooks, receiver: Receiver, to: Webhook, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "ILL_SECONDS", 0.02)
    to.secret_file.chmod(0o644)
    queue.queue("match.new", DATA, clock())
    out, stop = io.StringIO(), Stop()
    thread = threading.Thread(target=Courier(node.another_store, to, Log("node", hooks.EVENTS, out), stop, clock=clock).run)
    thread.start()
    try:
        _until(lambda: "chmod 600" in out.getvalue())
        to.secret_file.chmod(0o600)
        _until(lambda: len(receiver.got) == 1)
    finally:
        stop.request()
        thread.join(5)


def _until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


# --- the commands -----------------------------------------------------------------------------------------------------


def test_an_administrator_makes_replaces_and_tries_a_secret(receiver: Receiver, tmp_path: Path) -> None:
    folder = member_folder(tmp_path)
    with pytest.raises(Refused, match="webhook"):
        invoked(accounts.webhook, folder, "test")
    with (folder / "settings.toml").open("a") as file:
        file.write(f'\n[webhook]\nurl = "{receiver.url}"\nsecret_file = "webhook.secret"\n')

    def run(*arguments: str) -> str:
        return invoked(accounts.webhook, folder, *arguments)

    with pytest.raises(Refused, match="webhook secret"):
        run("test")
    run("secret")
    (first,) = secrets_in(folder / "webhook.secret")
    assert json.loads(run("test", "--json")) == {"taken": True}
    assert receiver.types() == ["test.ping"] and accepts(receiver.got[0], first.reveal())
    run("secret")
    second, former = secrets_in(folder / "webhook.secret")
    assert former == first != second
    run("test")
    assert accepts(receiver.got[1], first.reveal()) and accepts(receiver.got[1], second.reveal())
    with pytest.raises(Refused, match="former"):
        run("secret")
    run("secret", "--drop-former")
    assert secrets_in(folder / "webhook.secret") == (second,)
    with pytest.raises(Refused, match="no former"):
        run("secret", "--drop-former")
    receiver.answer = lambda received: (500, {})
    with pytest.raises(Refused, match="500"):
        run("test")
    receiver.answer = lambda received: (503, {})
    with pytest.raises(Unavailable, match="503"):
        run("test")
