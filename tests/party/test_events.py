"""The log: nothing gets in that was not declared, not even by an exception, a library or a warning."""

import io
import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.identity import Role
from raakvlak_protocol.party.events import Declared, Log
from raakvlak_protocol.secret import SecretBytes

BSN_LIKE = "123456782"
CHARGED = Declared("quota.charged", "info", member=str, count=int, fresh=bool, seconds=float)
STARTED = Declared("started", "info")


def log_and_lines(*events: Declared) -> tuple[Log, io.StringIO]:
    stream = io.StringIO()
    moment = datetime(2026, 3, 2, 10, 30, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    return Log("keyholder-1", events or (CHARGED, STARTED), stream, now=lambda: moment), stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_declared_event_is_one_line_of_json_in_utc() -> None:
    log, stream = log_and_lines()
    log("quota.charged", member="school", count=3, fresh=True, seconds=0.5)
    log("started")
    assert stream.getvalue() == (
        '{"time": "2026-03-02T09:30:00.123+00:00", "party": "keyholder-1", "event": "quota.charged", "level": "info", '
        '"member": "school", "count": 3, "fresh": true, "seconds": 0.5}\n'
        '{"time": "2026-03-02T09:30:00.123+00:00", "party": "keyholder-1", "event": "started", "level": "info"}\n'
    )


GOOD: dict[str, object] = {"member": "school", "count": 3, "fresh": True, "seconds": 0.5}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("undeclared", {}),
        ("started", {"bsn": BSN_LIKE}),
        ("quota.charged", {**GOOD, "bsn": BSN_LIKE}),
        ("quota.charged", {"member": "school"}),
        ("quota.charged", {**GOOD, "member": None}),
        ("quota.charged", {**GOOD, "member": b"school"}),
        ("quota.charged", {**GOOD, "member": SecretBytes(b"school")}),
        ("quota.charged", {**GOOD, "member": ["school"]}),
        ("quota.charged", {**GOOD, "count": "3"}),
        ("quota.charged", {**GOOD, "count": 3.0}),
        ("quota.charged", {**GOOD, "count": True}),
        ("quota.charged", {**GOOD, "fresh": 1}),
    ],
)
def test_what_is_not_declared_raises_at_once_and_writes_nothing(name: str, fields: dict[str, object]) -> None:
    log, stream = log_and_lines()
    with pytest.raises(TypeError) as caught:
        log(name, **fields)
    assert stream.getvalue() == ""
    assert BSN_LIKE not in str(caught.value)


@pytest.mark.parametrize("fields", [{"body": bytes}, {"all": dict}, {"time": str}, {"event": str}, {"party": str}])
def test_a_declaration_takes_no_bytes_no_containers_and_no_reserved_names(fields: dict[str, type]) -> None:
    with pytest.raises(ValueError, match="an_event"):
        Declared("an_event", "info", **fields)


def test_a_declaration_needs_a_level() -> None:
    with pytest.raises(ValueError, match="an_event"):
        Declared("an_event", "loud")


def test_a_field_can_not_forge_another_line() -> None:
    log, stream = log_and_lines(Declared("seen", "info", member=str))
    log("seen", member='x"}\n{"event": "forged')
    log("seen", member="long " * 1000)
    log("seen", member=Role.NODE)
    assert [line["event"] for line in lines(stream)] == ["seen"] * 3
    assert len(lines(stream)[1]["member"]) == 300
    assert lines(stream)[2]["member"] == "node"


def test_an_error_of_ours_is_told_and_another_only_named() -> None:
    log, stream = log_and_lines()
    for raised in (
        Unavailable("keyholder-2 can't be reached"),
        ValueError(f"no such person: {BSN_LIKE}"),
        KeyError(BSN_LIKE),
    ):
        try:
            raise raised
        except Exception as error:
            log.error(error, doing="evaluate")
    log.error(RuntimeError(BSN_LIKE))
    assert BSN_LIKE not in stream.getvalue()
    ours, other, key, unraised = lines(stream)
    assert (ours["event"], ours["level"], ours["kind"]) == ("error", "error", "Unavailable")
    assert ours["message"] == "keyholder-2 can't be reached"
    assert ours["doing"] == "evaluate"
    assert ours["place"].startswith("party/test_events.py:")
    assert (other["kind"], other["message"]) == ("ValueError", "")
    assert (key["kind"], key["message"]) == ("KeyError", "")
    assert unraised["place"] == ""


def test_an_error_of_ours_that_hides_another_does_not_show_it() -> None:
    log, stream = log_and_lines()
    try:
        try:
            int(f"{BSN_LIKE}x")
        except ValueError as error:
            raise Refused("this is no number") from error
    except Refused as error:
        log.error(error)
    assert BSN_LIKE not in stream.getvalue()


def test_threads_write_whole_lines() -> None:
    log, stream = log_and_lines(Declared("seen", "info", member=str))

    def write() -> None:
        for _ in range(200):
            log("seen", member="x" * 200)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(stream)) == 1600


def test_the_clock_is_utc_by_default() -> None:
    stream = io.StringIO()
    before = datetime.now(UTC)
    Log("index", [STARTED], stream)("started")
    time = datetime.fromisoformat(lines(stream)[0]["time"])
    assert time.utcoffset() == timedelta(0)
    assert before - timedelta(seconds=1) < time <= datetime.now(UTC)


PROGRAM = """
import logging, sqlite3, sys, threading, warnings
from raakvlak_protocol.party import events
from raakvlak_protocol.errors import Unavailable

BSN = "123456782"
logging.basicConfig(stream=sys.stderr, level=logging.DEBUG)
events.install(events.Log("node", [], sys.stderr))

def thread():
    raise ValueError("in a thread " + BSN)

class Finalised:
    def __del__(self):
        raise ValueError("in a finaliser " + BSN)

logging.getLogger("sqlite_utils").error("could not insert %s", BSN)
logging.getLogger("grpc._server").debug("not even seen")
logging.getLogger("uvicorn.error").warning("broken %s", BSN, BSN)
try:
    raise ValueError(BSN)
except ValueError:
    logging.getLogger("grpc._server").exception("Exception calling application: " + BSN)
warnings.warn("a person " + BSN)
worker = threading.Thread(target=thread)
worker.start()
worker.join()
Finalised()
def deep(bsn):
    sqlite3.connect(":memory:").execute("select '" + bsn)
deep(BSN)
"""


def test_nothing_gets_past_an_installed_log() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert BSN_LIKE not in ended.stderr
    told = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(line["event"], line.get("logger"), line.get("at")) for line in told[:4]] == [
        ("library", "sqlite_utils", "ERROR"),
        ("library", "uvicorn.error", "WARNING"),
        ("library", "grpc._server", "ERROR"),
        ("library", "py.warnings", "WARNING"),
    ]
    thread, finaliser, last = told[4:]
    assert (thread["kind"], thread["doing"]) == ("ValueError", "not handled in a thread")
    assert (finaliser["kind"], finaliser["doing"]) == ("ValueError", "not handled in a finaliser")
    assert (last["kind"], last["doing"], last["message"]) == ("OperationalError", "not handled", "")
    assert last["place"].startswith("<string>:")
