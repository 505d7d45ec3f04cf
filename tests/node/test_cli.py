"""`raakvlak-node` as an administrator uses it: the real command, a real folder, nothing else."""

import contextlib
import hashlib
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from raakvlak_node.cli import cli
from raakvlak_node.node import identity_of
from raakvlak_protocol import identifier
from raakvlak_protocol.canary import Order
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.covenants import ID, Sandbox, make_covenant
from tests.node.rows import bsn, row, table

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).with_name("raakvlak-node")
DONE, FAILED, ROWS_REJECTED, TRY_LATER = 0, 1, 2, 75


@dataclass
class Run:
    """What one run of the command said."""

    code: int
    out: str
    talk: str

    @property
    def json(self) -> dict[str, object]:
        """The one JSON object on standard output."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        assert self.out.count("\n") == 1
        return found

    def failed(self, code: int = FAILED) -> str:
        """The message of a run that failed, in the style of all messages."""
        assert self.code == code, self
        (message,) = self.talk.strip().splitlines()[-1:]
        assert message.startswith("raakvlak-node: ")
        text = message.removeprefix("raakvlak-node: ")
        assert not text.endswith("."), text
        assert not re.match("[A-Z][a-z]", text), text
        return text


def run(*arguments: object, folder: Path | None = None, env: Mapping[str, str] | None = None) -> Run:
    """Runs the command; a traceback is never an answer."""
    given = [str(each) for each in arguments]
    if folder is not None:
        given += ["--folder", str(folder)]
    done = subprocess.run(
        [COMMAND, *given],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        env=os.environ | (env or {}),
    )
    assert "Traceback" not in done.stdout + done.stderr and "internal error" not in done.stderr, done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


def init(folder: Path, key: Path, *more: str, id: str = "own") -> Run:
    return run(
        "init", "--covenant", ID, "--id", id, "--name", 'De "Brug" \\ Middelburg', "--kind", "education",
        "--key-file", key, "--index", "127.0.0.1:9", "--rest", "127.0.0.1:0",
        *(f"--key-holder=keyholder-{number}=127.0.0.1:9" for number in (1, 2, 3)), *more, folder=folder,
    )  # fmt: skip


def covenant_with(entry: str) -> Sandbox:
    """A covenant that the board has made with the entry that `init` printed."""
    (member,) = tomllib.loads(entry)["member"]

    def change(payload: pb.Covenant) -> None:
        own = next(each for each in payload.members if each.id == member["id"])
        own.name = member["name"]
        own.signing_key = bytes.fromhex(member["signing_key"])
        own.letter_key = bytes.fromhex(member["letter_key"])

    return make_covenant(members={member["id"]: member["kind"], "town": "municipality"}, change=change)


def join(folder: Path, sandbox: Sandbox, id: str = "own") -> Run:
    request = (folder / "request.pem").read_bytes()
    certificate = folder.parent / f"{folder.name}.pem"
    certificate.write_bytes(sandbox.authority.issue(request, identity_of(ID, id), datetime.now(UTC)))
    history = folder.parent / f"{folder.name}.raakvlak"
    history.write_bytes(sandbox.file)
    return run("join", "--certificate", certificate, "--covenant", history, "--pin", sandbox.pin.hex(), folder=folder)


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a node that has joined; its key file lies elsewhere."""
    base = tmp_path_factory.mktemp("joined")
    made = init(base / "node", base / "elsewhere" / "node.key")
    assert made.code == DONE, made
    assert join(base / "node", covenant_with(made.out)).code == DONE
    return base / "node"


@pytest.fixture
def folder(joined: Path, tmp_path: Path) -> Path:
    """A joined node of this test's own."""
    return Path(shutil.copytree(joined, tmp_path / "node"))


def caseload(folder: Path, rows: Iterable[Mapping[str, str]] | bytes, name: str = "caseload.csv") -> Path:
    path = folder.parent / name
    path.write_bytes(rows if isinstance(rows, bytes) else table(rows))
    return path


def everything(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


THREE = [row(1), row(2), row(3)]


# --- becoming a member ------------------------------------------------------------------------------------------------


def test_init_prints_the_entry_and_is_done_once(tmp_path: Path) -> None:
    folder, key = tmp_path / "node", tmp_path / "keys" / "node.key"
    made = init(folder, key)
    assert made.code == DONE
    (entry,) = tomllib.loads(made.out)["member"]
    assert (entry["id"], entry["name"], entry["kind"]) == ("own", 'De "Brug" \\ Middelburg', "education")
    assert made.out == (folder / "entry.toml").read_text()
    assert "have request.pem certified" in made.talk and "raakvlak-node join" in made.talk
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "store.db").stat().st_mode) == 0o600
    before = everything(tmp_path)
    assert "exists already: this folder belongs to a party; choose another one" in init(folder, key).failed()
    assert everything(tmp_path) == before
    assert "run the command's 'join'" in run("status", folder=folder).failed()


def test_init_refuses_what_would_not_work(tmp_path: Path) -> None:
    def refused(*more: str, id: str = "own") -> str:
        message = init(tmp_path / "node", tmp_path / "node.key", *more, id=id).failed()
        assert not (tmp_path / "node" / "secrets.sealed").exists()
        return message

    assert "ID=HOST:PORT" in refused("--key-holder", "keyholder-2")
    assert "is not one of" in refused("--kind", "family")
    refused(id="No Id")
    assert "missing option" in run("init").failed()


def test_join_takes_only_what_fits(tmp_path: Path) -> None:
    folder, key = tmp_path / "node", tmp_path / "node.key"
    entry = init(folder, key).out
    sandbox = covenant_with(entry)
    stranger = make_covenant(members={"other": "education", "town": "municipality"})
    assert "does not name" in join(folder, stranger).failed()
    wrong_pin = make_covenant()
    history, certificate = tmp_path / "node.raakvlak", tmp_path / "node.pem"
    for content, pin in ((sandbox.file, wrong_pin.pin.hex()), (b"rubbish", sandbox.pin.hex()), (sandbox.file, "xyz")):
        history.write_bytes(content)
        run("join", "--certificate", certificate, "--covenant", history, "--pin", pin, folder=folder).failed()
    history.write_bytes(sandbox.file)
    certificate.write_text("rubbish")
    rest = ("--covenant", history, "--pin", sandbox.pin.hex())
    assert "no certificate" in run("join", "--certificate", certificate, *rest, folder=folder).failed()
    assert "does not exist" in run("join", "--certificate", tmp_path / "nowhere", *rest, folder=folder).failed()
    assert not (folder / "covenant.pin").exists()
    done = join(folder, sandbox)
    assert (done.code, done.out) == (DONE, "")
    assert f"joined covenant {ID} version 1 as own" in done.talk


# --- importing --------------------------------------------------------------------------------------------------------


def test_import_tells_what_it_did_and_where_the_rejected_rows_are(folder: Path) -> None:
    file = caseload(folder, [row(1), row(2, bsn="123456789", since="soon"), row(3)])
    done = run("import", file, folder=folder)
    assert done.code == ROWS_REJECTED
    lines = done.out.splitlines()
    assert lines[0] == "2 cases accepted: 2 new, 0 changed, 0 unchanged"
    assert lines[1].startswith("line 3, bsn: the BSN fails the 11-proof")
    assert lines[2] == "line 3, since: a date is written as YYYY-MM-DD"
    assert lines[3] == "1 rows rejected"
    place = re.fullmatch("the rejected rows are in (.*): mend them and import it, without --withdraw-missing", lines[4])
    assert place and lines[5] == "it holds identifiers: delete it then"
    assert stat.S_IMODE(Path(place[1]).stat().st_mode) == 0o600
    assert Path(place[1]).parent == file.parent
    for value in ("123456789", "soon", bsn(1), "ZK-0000", "Zoutkeet", "0118"):
        assert value not in done.out + done.talk
    again = run("import", "--json", file, "--rejected", folder.parent / "mend.csv", folder=folder)
    assert again.code == ROWS_REJECTED
    assert again.json == {
        "accepted": 2, "new": 0, "changed": 0, "unchanged": 2, "withdrawn": 0, "missing": [], "nameless": 0,
        "dry_run": False,
        "rejected": [
            {
                "line": 3,
                "reasons": [
                    {"column": "bsn", "reason": "the BSN fails the 11-proof: a digit is wrong or two are swapped"},
                    {"column": "since", "reason": "a date is written as YYYY-MM-DD"},
                ],
            }
        ],
        "rejected_file": str(folder.parent / "mend.csv"),
    }  # fmt: skip
    refused = run("import", file, "--rejected", folder.parent / "mend.csv", folder=folder)
    assert "exists already" in refused.failed()
    mended = (folder.parent / "mend.csv").read_text().replace("123456789", bsn(2)).replace("soon", "2026-01-05")
    (folder.parent / "mend.csv").write_text(mended)
    assert run("import", folder.parent / "mend.csv", folder=folder).out.startswith("1 cases accepted: 1 new")


def test_only_the_first_reasons_are_shown(folder: Path) -> None:
    done = run("import", caseload(folder, [row(place, bsn="1") for place in range(30)]), folder=folder)
    assert "… and 10 more rejected rows" in done.out
    assert done.out.count("nine digits") == 20


def test_a_dry_run_writes_nothing_at_all(folder: Path) -> None:
    assert run("import", caseload(folder, THREE), folder=folder).code == DONE
    changed = caseload(folder, [row(1, function="teacher"), row(4), row(5, bsn="1")], "changed.csv")
    before = everything(folder)
    done = run("import", changed, "--dry-run", "--withdraw-missing", folder=folder)
    assert done.code == ROWS_REJECTED
    assert "2 cases would be accepted: 1 new, 1 changed, 0 unchanged" in done.out
    assert "2 known cases are not in the file and would be withdrawn" in done.out
    assert "1 rows would be rejected" in done.out
    assert everything(folder) == before


def test_missing_cases_are_withdrawn_when_asked(folder: Path) -> None:
    run("import", caseload(folder, THREE), folder=folder)
    less = caseload(folder, [row(1)], "less.csv")
    assert "2 known cases are not in the file; --withdraw-missing withdraws them" in run("import", less, folder=folder).out
    damaged = caseload(folder, table([row(1)]) + b'"ZK-2\r\n', "damaged.csv")
    done = run("import", damaged, "--withdraw-missing", folder=folder)
    assert "none is withdrawn, because 1 rows without a readable case_ref may be theirs" in done.out
    done = run("import", less, "--withdraw-missing", folder=folder)
    assert "2 known cases are not in the file and were withdrawn" in done.out
    assert run("cases", folder=folder).out == "ZK-00001\n"


def test_the_same_file_again_is_quiet_and_done(folder: Path) -> None:
    file = caseload(folder, THREE)
    assert run("import", file, folder=folder).code == DONE
    done = run("import", file, "--json", folder=folder)
    assert (done.code, done.json["unchanged"], done.json["rejected_file"]) == (DONE, 3, None)
    assert list(folder.parent.glob("*rejected*")) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (table(THREE).replace(b",", b";"), "export the file with commas"),
        (table(THREE).split(b"\r\n", 1)[1], "column 1 of the header is not one of"),
        (table(THREE).replace(b"case_ref", b"CASE"), "column 1 of the header is not one of"),
    ],
)
def test_a_file_that_is_no_caseload(folder: Path, content: bytes, said: str) -> None:
    message = run("import", caseload(folder, content), folder=folder).failed()
    assert said in message
    for value in row(1).values():
        assert value not in message


def test_files_that_cannot_be_imported(folder: Path) -> None:
    assert "does not exist" in run("import", folder / "nowhere.csv", folder=folder).failed()
    assert "is a directory" in run("import", folder, folder=folder).failed()
    os.mkfifo(folder.parent / "pipe")
    assert "missing argument" in run("import", folder=folder).failed()
    writer = os.open(folder.parent / "pipe", os.O_RDWR)
    assert "must be a file on disk" in run("import", folder.parent / "pipe", folder=folder).failed()
    os.close(writer)
    huge = caseload(folder, THREE, "huge.csv")
    os.truncate(huge, 200_000_001)  # sparse
    assert "has 200000001 bytes and may have 200000000: split it" in run("import", huge, folder=folder).failed()


def on_a_terminal(arguments: list[object], answers: str) -> tuple[int, str]:
    """Runs the command with a terminal and types the answers; returns the exit code and what the screen showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([COMMAND, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    screen = b""
    asked = 0
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if not select.select([ours], [], [], 1)[0]:
            continue
        try:
            screen += os.read(ours, 65536)
        except OSError:  # the other side has closed the terminal
            break
        while screen.count(b"(w, c, s): ") > asked:
            os.write(ours, answers[asked].encode() + b"\n")
            asked += 1
    os.close(ours)
    return process.wait(10), screen.decode()


def test_a_changed_bsn_is_asked_on_a_terminal(folder: Path) -> None:
    run("import", caseload(folder, THREE), folder=folder)
    changed = caseload(folder, [row(place, bsn=bsn(place + 7)) for place in (1, 2, 3)], "changed.csv")
    told = run("import", changed, folder=folder)
    assert told.code == ROWS_REJECTED
    assert "line 2, bsn: differs from the one that this case had" in told.out
    assert "import again with --bsn-changes wrong or --bsn-changes changed" in told.out
    code, screen = on_a_terminal(["import", changed, "--json", "--folder", folder], "wcs")
    assert code == ROWS_REJECTED
    assert "line 2: the client's BSN differs" in screen
    assert '"changed": 2' in screen and bsn(1) not in screen and bsn(8) not in screen
    # What was answered is stored; only the skipped row is asked again.
    code, screen = on_a_terminal(["import", changed, "--folder", folder], "c")
    assert (code, screen.count("(w, c, s): ")) == (DONE, 1)
    assert run("status", "--json", folder=folder).json["unevaluated"] == 5
    assert run("import", changed, folder=folder).code == DONE


def test_one_answer_for_all_changed_numbers(folder: Path) -> None:
    run("import", caseload(folder, THREE), folder=folder)
    changed = caseload(folder, [row(place, bsn=bsn(place + 7)) for place in (1, 2, 3)], "changed.csv")
    done = run("import", changed, "--bsn-changes", "changed", folder=folder)
    assert (done.code, done.out) == (DONE, "3 cases accepted: 0 new, 3 changed, 0 unchanged\n")
    assert run("status", "--json", folder=folder).json["unevaluated"] == 6
    assert "is not one of" in run("import", changed, "--bsn-changes", "perhaps", folder=folder).failed()


def test_an_import_killed_at_random_points_goes_on(folder: Path) -> None:
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    count = 3_000
    file = caseload(folder, [row(place, parent_bsn_1=bsn(place + 20_000)) for place in range(1, count + 1)])

    def stored() -> int:
        with contextlib.closing(sqlite3.connect(f"file:{folder / 'store.db'}?mode=ro", uri=True)) as store:
            found = int(store.execute("SELECT count(*) FROM own_case").fetchone()[0])
        store.close()
        return found

    seen = [0]
    for goal in sorted(chance.randrange(1, 2 * count // 3) for _ in range(3)):
        process = subprocess.Popen(
            [COMMAND, "import", file, "--folder", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and stored() < goal:
            time.sleep(0.01)
        time.sleep(chance.random() / 20)
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen.append(stored())
        assert seen[-1] >= seen[-2]
    assert 0 < seen[1] < count
    done = run("import", file, "--json", folder=folder)
    assert (done.code, done.json["accepted"], done.json["unchanged"]) == (DONE, count, seen[-1])
    found = run("status", "--json", folder=folder).json
    assert (found["cases"], found["unevaluated"]) == (count, 2 * count)
    assert run("import", file, "--json", folder=folder).json["unchanged"] == count


def test_two_imports_at_once_both_succeed(folder: Path) -> None:
    files = [caseload(folder, [row(place) for place in range(first, first + 1_500)], f"{first}.csv") for first in (1, 1_001)]
    both = [
        subprocess.Popen(
            [COMMAND, "import", file, "--json", "--folder", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for file in files
    ]
    found = [(process.communicate(timeout=60), process.returncode) for process in both]
    assert [code for _, code in found] == [DONE, DONE], found
    assert run("status", "--json", folder=folder).json["cases"] == 2_500


# --- other commands ---------------------------------------------------------------------------------------------------


def test_cases_status_and_withdraw(folder: Path) -> None:
    run("import", caseload(folder, [row(1), row(2, protected="yes")]), folder=folder)
    assert run("cases", folder=folder).out == "ZK-00001\nZK-00002  (kept, not published)\n"
    assert run("cases", "--json", folder=folder).json == {
        "cases": [
            {"case_ref": "ZK-00001", "withheld": False, "told": "directly", "since": "2026-01-05"},
            {"case_ref": "ZK-00002", "withheld": True, "told": "to nobody", "since": "2026-01-05"},
        ]
    }
    found = run("status", "--json", folder=folder).json
    assert (found["cases"], found["withheld"], found["unevaluated"], found["pending"]) == (2, 1, 1, 1)
    assert re.search("^unevaluated +1$", run("status", folder=folder).out, re.MULTILINE)
    assert "'raakvlak-node cases' lists them" in run("withdraw", "ZK-9", "--reason", "wrong", folder=folder).failed()
    assert run("withdraw", "ZK-00001", "--reason", "wrong", "--json", folder=folder).json == {
        "withdrawn": True,
        "archived": False,
    }
    assert run("cases", folder=folder).out == "ZK-00002  (kept, not published)\n"


def test_pictures_and_matches_of_nobody(folder: Path) -> None:
    run("import", caseload(folder, THREE), folder=folder)
    assert "Geen andere organisatie" in run("picture", "ZK-00001", folder=folder).out
    assert "No other organisation" in run("picture", "ZK-00001", "--lang", "en", folder=folder).out
    assert run("picture", "ZK-00001", "--json", folder=folder).json == {"case_ref": "ZK-00001", "matches": []}
    assert run("matches", "--json", folder=folder).json == {"matches": []}
    assert run("matches", folder=folder).out == ""
    assert "no case of that reference" in run("picture", "ZK-9", folder=folder).failed()


def test_an_access_token_is_shown_once_and_stored_hashed(folder: Path) -> None:
    first = run("token", "new", "case-system", folder=folder)
    shown = first.out.strip()
    assert first.code == DONE and re.fullmatch(r"[A-Za-z0-9_-]{43}", shown)
    second = run("token", "new", "other", "--json", folder=folder).json
    assert second["name"] == "other" and second["token"] != shown
    assert "named case-system already" in run("token", "new", "case-system", folder=folder).failed()
    run("token", "new", "No Name", folder=folder).failed()
    stolen = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert shown.encode() not in stolen and hashlib.sha256(shown.encode()).digest() in stolen


def test_an_access_token_is_taken_back(folder: Path) -> None:
    shown = run("token", "new", "case-system", folder=folder).out.strip()
    run("token", "new", "other", "--as", "Rianne", folder=folder)
    listed = json.loads(run("token", "list", "--json", folder=folder).out)["tokens"]
    assert [each["name"] for each in listed] == ["case-system", "other"]
    assert "case-system: since 20" in run("token", "list", folder=folder).out
    assert "opens nothing any more" in run("token", "end", "case-system", "--as", "Rianne", folder=folder).out
    assert "no access token of this name" in run("token", "end", "case-system", folder=folder).failed()
    assert run("token", "list", folder=folder).out.startswith("other: since")
    told = run("access-log", "--json", folder=folder).out
    assert "access token case-system" in told and "Rianne" in told and shown not in told
    # A name serves again, for another token.
    again = run("token", "new", "case-system", folder=folder).out.strip()
    assert again != shown


def test_without_the_others_a_sync_waits_and_doctor_says_why(folder: Path) -> None:
    run("import", caseload(folder, [row(1)]), folder=folder)
    done = run("sync", "--json", folder=folder)
    assert done.code == TRY_LATER
    assert done.json["evaluated"] == 0 and done.json["pending"] == 1 and done.json["waiting"]
    assert all(line.startswith("raakvlak-node: ") for line in done.talk.splitlines())
    done = run("doctor", "--json", folder=folder)
    assert done.code == FAILED
    findings = {each["check"]: each for each in done.json["findings"]}  # type: ignore[attr-defined]
    assert findings["certificate"]["verdict"] == "good"
    assert findings["index"]["verdict"] == "bad"
    assert all(each["advice"] for each in findings.values() if each["verdict"] == "bad")
    assert "BAD   index: " in run("doctor", folder=folder).out


def test_a_backup_comes_back_and_has_to_be_reconciled(folder: Path) -> None:
    run("import", caseload(folder, THREE), folder=folder)
    copy = folder.parent / "copy.db"
    done = run("backup", copy, folder=folder)
    assert (done.code, done.out) == (DONE, "")
    assert "delete this copy within 30 days" in done.talk
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert "choose another name" in run("backup", copy, folder=folder).failed()
    assert "no such file" in run("backup", folder / "no" / "copy.db", folder=folder).failed()
    run("withdraw", "ZK-00001", "--reason", "death", folder=folder)
    assert "--replace puts the backup in its place" in run("restore", copy, folder=folder).failed()
    assert run("cases", folder=folder).out == "ZK-00002\nZK-00003\n"
    done = run("restore", copy, "--replace", folder=folder)
    assert done.code == DONE
    assert "raakvlak-node reconcile --dry-run" in done.talk
    assert run("cases", folder=folder).out.count("\n") == 3
    assert "restored from a backup" in str(run("status", "--json", folder=folder).json["reconcile"])
    assert "reconcile" in run("doctor", folder=folder).out


def test_serve_takes_cases_beside_an_import_and_stops_in_order(folder: Path) -> None:
    token = run("token", "new", "case-system", folder=folder).out.strip()
    serving = subprocess.Popen(
        [COMMAND, "serve", "--folder", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert serving.stdout is not None
        ready = json.loads(serving.stdout.readline())
        body = {name: value for name, value in row(7).items() if name != "case_ref"}
        with httpx.Client(base_url=f"http://{ready['address']}", trust_env=False) as client:
            put = client.put("/v1/cases/ZK-7", json=body, headers={"Authorization": f"Bearer {token}"})
            assert put.json() == {"case_ref": "ZK-7", "result": "new"}
            assert run("import", caseload(folder, THREE), folder=folder).code == DONE
            assert client.get("/healthz").json() == {"status": "ok", "pending": 4}
        assert "works on this store" in run("serve", folder=folder).failed(TRY_LATER)
        assert "works on this store" in run("sync", folder=folder).failed(TRY_LATER)
    finally:
        serving.terminate()
        out, log = serving.communicate(timeout=30)
    assert (serving.returncode, out) == (DONE, "")
    events = [json.loads(line) for line in log.splitlines()]
    assert (events[0]["event"], events[-1]["event"]) == ("started", "stopped")
    assert {"waiting", "rest_answered"} <= {each["event"] for each in events}
    for value in (*row(7).values(), bsn(1), "ZK-"):
        assert value not in log
    assert token not in log


# --- what is wrong with the machine -----------------------------------------------------------------------------------


def test_a_folder_that_is_none(tmp_path: Path, folder: Path) -> None:
    assert "settings.toml" in run("status", folder=tmp_path / "nowhere").failed()
    (tmp_path / "empty").mkdir()
    assert "settings.toml" in run("status", folder=tmp_path / "empty").failed()
    assert "is a file" in run("status", folder=folder / "settings.toml").failed()
    assert run("status", env={"RAAKVLAK_FOLDER": str(folder)}).code == DONE
    assert "settings.toml" in run("serve", folder=tmp_path / "nowhere").failed()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("covenant = [", "toml"), ('covenant = "zeeland"\nsecret = "hunter2"\n', "secret"), ("\x00", "toml"),
        ("", "is missing"),
    ],
)  # fmt: skip
def test_wrong_settings(folder: Path, text: str, said: str) -> None:
    (folder / "settings.toml").write_text(text)
    message = run("status", folder=folder).failed()
    assert said in message and "hunter2" not in message
    (folder / "settings.toml").write_bytes(b"\xff\xfe")
    run("status", folder=folder).failed()


def test_key_files_that_do_not_serve(folder: Path) -> None:
    settings = folder / "settings.toml"
    key = Path(tomllib.loads(settings.read_text())["key_file"])
    own = folder.parent / "own.key"
    settings.write_text(settings.read_text().replace(str(key), str(own)))
    assert "is missing" in run("status", folder=folder).failed()
    shutil.copyfile(key, own)
    own.chmod(0o640)
    assert f"run chmod 600 {own}" in run("status", folder=folder).failed()
    own.chmod(0o600)
    assert run("status", folder=folder).code == DONE
    own.write_text("0" * 64)
    assert "does not open" in run("status", folder=folder).failed()
    own.write_text("too short")
    assert "64 hexadecimal digits" in run("status", folder=folder).failed()


def test_files_of_the_folder_that_lack_or_are_damaged(folder: Path, joined: Path) -> None:
    for name in ("secrets.sealed", "certificate.pem", "covenant.raakvlak", "covenant.pin", "store.db"):
        path = folder / name
        path.unlink()
        assert str(path) in run("status", folder=folder).failed()
        path.write_bytes(b"\xff\xfe" * 1000)
        # A certificate is judged by whoever is shown it, so a status does not need it.
        if name != "certificate.pem":
            run("status", folder=folder).failed()
        shutil.copyfile(joined / name, path)
    assert run("status", folder=folder).code == DONE


def test_the_store_of_another_node(folder: Path, tmp_path: Path) -> None:
    run("import", caseload(folder, THREE), folder=folder)
    other = tmp_path / "other"
    key = tmp_path / "other.key"
    assert join(other, covenant_with(init(other, key, id="own").out)).code == DONE
    shutil.copyfile(folder / "store.db", other / "store.db")
    for command in (("status",), ("cases",), ("import", caseload(folder, [row(5)]))):
        assert "another node's" in run(*command, folder=other).failed()
    backup = tmp_path / "backup.db"
    run("backup", backup, folder=folder)
    (other / "store.db").unlink()
    assert "another node's" in run("restore", backup, folder=other).failed()
    assert not (other / "store.db").exists()


def test_a_store_of_a_newer_version(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / "store.db")) as store, store:
        store.execute("INSERT INTO _sqlite_migrations VALUES (99, 'raakvlak_node', 'second', '2030-01-01')")
    store.close()
    assert "install that version" in run("status", folder=folder).failed()
    assert "install that version" in run("import", caseload(folder, THREE), folder=folder).failed()


def test_a_backup_that_is_none(folder: Path) -> None:
    rubbish = folder.parent / "rubbish.db"
    rubbish.write_bytes(b"this is no database" * 500)
    before = everything(folder)
    run("restore", rubbish, "--replace", folder=folder).failed()
    after = everything(folder)
    assert {name: after.get(name) for name in before} == before
    assert set(after) - set(before) <= {"serve.lock", "sync.lock"}


def test_commands_that_are_none() -> None:
    assert "no such command" in run("frobnicate").failed()
    assert "no such option" in run("status", "--frobnicate").failed()
    assert run("--help").code == DONE
    assert run("--version").out.startswith("raakvlak-node, version ")


def test_what_a_machine_may_read_it_gets_as_json() -> None:
    for name in ("import", "sync", "status", "cases", "matches", "picture", "withdraw", "doctor", "reconcile"):
        assert "--json" in [option for each in cli.commands[name].params for option in each.opts]


# --- test persons -----------------------------------------------------------------------------------------------------


def order(folder: Path, member: str = "own", days: int = 30, plan: bytes = bytes(16)) -> Path:
    """An officer's order of two test persons."""
    persons = frozenset(identifier.TestPerson.of(bytes([number]) * 16) for number in (1, 2))
    until = (datetime.now(UTC) + timedelta(days=days)).date()
    path = folder.parent / f"canaries-{member}.json"
    path.write_bytes(Order(ID, plan, member, until, persons).encode())
    return path


def test_test_persons_come_and_go_by_command(folder: Path) -> None:
    file = order(folder)
    tried = run("canary", "add", file, "--dry-run", "--json", folder=folder)
    assert (tried.code, tried.json["new"], tried.json["daily_quota"]) == (DONE, 2, 10)
    assert run("canary", "list", "--json", folder=folder).json == {"plans": []}
    added = run("canary", "add", file, folder=folder)
    assert added.code == DONE and "2 test persons taken" in added.out and "10 a day" in added.out
    assert "x-test" not in added.out + added.talk
    assert "2 are known already" in run("canary", "add", file, folder=folder).out
    assert "2 test persons, 0 published, until" in run("canary", "list", folder=folder).out
    assert run("cases", folder=folder).out == ""
    report = folder.parent / "report"
    assert "hand it to the officer alone" in run("canary", "report", report, folder=folder).talk
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert report.read_text().count("x-test:") == 2
    assert "exists already" in run("canary", "report", report, folder=folder).failed()
    assert "no test persons of such a plan" in run("canary", "report", report.with_suffix(".2"), "--plan", "01" * 16,
                                                   folder=folder).failed()  # fmt: skip
    assert "32 lower-case hexadecimal digits" in run("canary", "end", "--plan", "7", folder=folder).failed()
    assert run("canary", "end", "--json", folder=folder).json == {"ended": 2}
    assert "no test persons of such a plan" in run("canary", "report", report.with_suffix(".2"), folder=folder).failed()


def test_an_order_that_is_not_for_here_is_refused(folder: Path) -> None:
    assert "for member town and this node is own" in run("canary", "add", order(folder, "town"), folder=folder).failed()
    assert "ended on" in run("canary", "add", order(folder, days=-1), folder=folder).failed()
    changed = order(folder)
    changed.write_bytes(changed.read_bytes().replace(b'"own"', b'"own" '))
    assert "not written as the officer's program writes it" in run("canary", "add", changed, folder=folder).failed()
    assert "no JSON object" in run("canary", "add", caseload(folder, THREE), folder=folder).failed()
    assert run("canary", "list", "--json", folder=folder).json == {"plans": []}


def test_serving_without_the_secret_that_the_case_system_needs_is_refused(folder: Path) -> None:
    secret = folder.parent / "webhook.secret"
    settings = folder / "settings.toml"
    settings.write_text(
        f'{settings.read_text()}\n[webhook]\nurl = "https://case-system.example/hook"\n'
        f"secret_file = {json.dumps(str(secret))}\n"
    )
    assert "'raakvlak-node webhook secret' makes one" in run("serve", folder=folder).failed()
    findings = run("doctor", "--json", folder=folder).json["findings"]
    assert [each["verdict"] for each in findings if each["check"] == "webhook"] == ["bad"]  # type: ignore[attr-defined]
    assert run("webhook", "secret", folder=folder).code == DONE
    findings = run("doctor", "--json", folder=folder).json["findings"]
    assert [each["verdict"] for each in findings if each["check"] == "webhook"] == ["good"]  # type: ignore[attr-defined]
