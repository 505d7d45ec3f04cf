"""`raakvlak-audit node`: a real federation's node accounts for itself; and what is found when it, or the index, cheats."""

import json
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from raakvlak_keyholder.statements import Statements
from raakvlak_node import account, cli, doctor
from raakvlak_node.commands import manners
from raakvlak_node.ledger import Ledger
from raakvlak_node.node import Node
from raakvlak_protocol import account as accounts
from raakvlak_protocol import entry, ledger, publication, voprf
from raakvlak_protocol import token as tokens
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party.peer import Remote
from raakvlak_protocol.publication import Visibility, Write
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import index_pb2, keyholder_pb2
from tests.audit.test_commands import run
from tests.audit.test_index import said, tampering, verdicts
from tests.federation import Federation, case, federation

pytestmark = pytest.mark.slow

CHILD, SISTER, MOTHER = "123456782", "111222333", "999990019"


@dataclass
class Desk:
    """A federation whose school hands its account to an officer who follows the log."""

    path: Path
    federation: Federation

    @property
    def school(self) -> Node:
        return self.federation.nodes["school"]

    @property
    def officer(self) -> Path:
        return self.path / "officer"

    @property
    def statements(self) -> Path:
        return self.path / "statements"

    def follow(self) -> None:
        self.federation.index.publish_log()
        done = run("follow", "--folder", self.officer)
        assert done.returncode == 0, done.stdout

    def export(self, name: str = "account.jsonl") -> Path:
        """What `raakvlak-node audit-export` writes."""
        target = self.path / name
        target.write_bytes(b"".join(account.written(self.school, account.ask(self.school))))
        return target

    def database(self, change: Callable[[sqlite3.Connection], object] = lambda connection: None) -> Path:
        """A copy of the operator's database as it is now, changed."""
        target = self.path / "copy.db"
        target.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.federation.index.path)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        with tampering(target) as copy:
            copy.execute("PRAGMA journal_mode = DELETE")
            change(copy)
        return target

    def audit(self, file: Path, *options: object) -> tuple[int, dict[str, Any]]:
        done = run("node", file, "--folder", self.officer, "--json", *options)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def wrong(self, file: Path, *options: object) -> dict[str, str]:
        """What is said by each check that is wrong, of which there is one."""
        code, report = self.audit(file, *options)
        assert (code, report["verdict"]) == (1, "wrong"), report
        return {id: said(report, id) for id, verdict in verdicts(report).items() if verdict == "wrong"}

    def end_day(self) -> None:
        """A day passes, and the key holders state it."""
        self.federation.clock.pass_(days=1)
        for holder in self.stating():
            holder.make_due(self.federation.clock())
            holder.export(self.statements / "all" / holder.key.name)
        for path in (self.statements / "all").glob("*/*"):
            (self.statements / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())

    def stating(self) -> list[Statements]:
        sandbox = self.federation.sandbox
        return [
            Statements(
                self.path / f"stated-{holder.number}",
                holder._store,
                sandbox.covenant.key_holders[holder.identity.id].signing_key,
                sandbox.holder_seeds[holder.number],
            )
            for holder in self.federation.key_holders
        ]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with federation(tmp_path) as running:
        desk = Desk(tmp_path, running)
        desk.statements.mkdir()
        (tmp_path / "given").write_bytes(running.sandbox.file)
        log = running.index.log_address
        own = running.nodes["school"]
        running.nodes["school"] = replace(own, settings=replace(own.settings, log=log))
        for holder in desk.stating():
            holder.make_due(running.clock())
        pin = running.sandbox.pin.hex()
        done = run("init", desk.officer, "--covenant", tmp_path / "given", "--pin", pin, "--log", log)
        assert done.returncode == 0, done.stderr
        desk.school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER, sibling_bsns=SISTER))
        running.nodes["town"].put_case(case("T-1", CHILD, parent_bsn_1=MOTHER))
        running.settle()
        running.index.publish_log()
        running.settle()
        desk.follow()
        yield desk


def test_an_honest_node_is_in_order(desk: Desk) -> None:
    earlier = desk.export("earlier.jsonl")
    desk.end_day()
    desk.school.put_case(case("S-2", CHILD))
    desk.school.drop_case("S-1")
    desk.federation.settle("school")
    assert "index" in {each.check for each in doctor.examine(desk.school)}, "what it asks are lines of the ledger too"
    desk.follow()
    database = desk.database()
    file = desk.export()
    code, report = desk.audit(file, "--database", database, "--statements", desk.statements, "--earlier", earlier)
    assert code == 0 and set(verdicts(report).values()) == {"ok"}, report
    (table,) = next(check for check in report["checks"] if check["id"] == "kinds")["tables"]
    assert len(table["rows"]) >= 8
    assert "Destroy this file" in report["does_not_prove"][0]
    for identifier in (CHILD, MOTHER, SISTER, "S-1", "S-2"):
        assert identifier not in file.read_text()


def test_the_command_writes_it_for_its_owner_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same through `raakvlak-node audit-export`, on the store of the running federation."""
    monkeypatch.setattr(manners, "open_node", lambda path: desk.school.reopened())
    target = desk.path / "account.jsonl"
    done = CliRunner().invoke(cli.cli, ["audit-export", "--folder", str(desk.path), str(target)])
    assert done.exit_code == 0 and "have it destroyed" in done.output
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert desk.audit(target)[0] == 0
    again = CliRunner().invoke(cli.cli, ["audit-export", "--folder", str(desk.path), str(target)])
    assert isinstance(again.exception, Refused) and "choose another name" in again.exception.message
    desk.school.drop_case("S-1")
    done = CliRunner().invoke(cli.cli, ["audit-export", "--folder", str(desk.path), str(target) + "-2"])
    assert "3 rows stand without a case" in done.output


def test_without_what_others_hold_it_is_told_what_was_not_checked(desk: Desk) -> None:
    code, report = desk.audit(desk.export())
    found = verdicts(report)
    assert code == 0 and {id for id, verdict in found.items() if verdict == "note"} == {"held", "asked", "earlier"}
    done = run("node", desk.path / "account.jsonl", "--folder", desk.officer, "--lang", "nl")
    assert done.returncode == 0 and "Vernietig dit bestand" in " ".join(done.stdout.split())


def test_a_log_that_was_not_followed_so_far_is_not_known(desk: Desk) -> None:
    (desk.officer / "positions").rename(desk.path / "positions")
    code, report = desk.audit(desk.export())
    assert (code, verdicts(report)["log"]) == (75, "unknown")
    (desk.path / "positions").rename(desk.officer / "positions")
    desk.school.put_case(case("S-3", "999990020"))
    desk.federation.settle("school")
    code, report = desk.audit(desk.export())
    assert (code, verdicts(report)["log"]) == (75, "unknown") and "beyond" in said(report, "log")


def test_a_log_that_can_not_be_reached_is_not_known(desk: Desk) -> None:
    file = desk.export()
    (desk.path / "empty" / "tile").mkdir(parents=True)
    code, report = desk.audit(file, "--from-folder", desk.path / "empty")
    assert (code, verdicts(report)["log"], verdicts(report)["sent"]) == (75, "unknown", "ok")


# --- a changed file ---------------------------------------------------------------------------------------------------


def read(desk: Desk, raw: bytes) -> list[accounts.Part]:
    covenant = desk.school.covenant
    keys = {id: each.signing_key for id, each in covenant.members.items()}
    return list(accounts.read(raw.splitlines(keepends=True), covenant.id, keys))


def test_the_first_wrong_line_is_named(desk: Desk) -> None:
    lines = desk.export().read_bytes().splitlines(keepends=True)
    record = json.loads(lines[4])
    record["salt"] = "00" * 32
    lines[4] = ledger.encode_record(record)
    (desk.path / "changed").write_bytes(b"".join(lines))
    wrong = desk.wrong(desk.path / "changed")
    assert wrong.keys() == {"whole"} and "line 3 of the ledger" in wrong["whole"]


def test_a_ledger_that_does_not_go_on_from_the_earlier_one_is_found(desk: Desk) -> None:
    earlier = desk.export("earlier.jsonl")
    with desk.school.store.transaction():
        desk.school.store.database.execute("DELETE FROM ledger WHERE number > 3")
    desk.federation.walk("school")
    wrong = desk.wrong(desk.export(), "--earlier", earlier)
    assert "rewritten" in wrong["earlier"]


def resigned(desk: Desk, change: Callable[[list[dict[str, Any]]], object]) -> Path:
    """The account of a node whose software lies: changed, and signed by the member all the same."""
    parts = read(desk, desk.export().read_bytes())
    rows = [part.record() for part in parts if isinstance(part, accounts.Row)]
    change(rows)
    header = next(part for part in parts if isinstance(part, accounts.Header))
    found = [accounts.Row.read(accounts._Fields(each, "")) for each in rows]
    found = [replace(each, number=number) for number, each in enumerate(found, 1)]
    export = [part.record() for part in parts if isinstance(part, (ledger.Header, ledger.Line))]
    ended = [part for part in parts if isinstance(part, accounts.Ended)]
    held = [part for part in parts if isinstance(part, accounts.Held)]
    header = replace(header, rows=len(found))
    (desk.path / "lying").write_bytes(b"".join(accounts.written(header, export, found, ended, held, desk.school.signing_seed)))
    return desk.path / "lying"


def test_a_row_that_is_left_out_of_the_account_is_found(desk: Desk) -> None:
    wrong = desk.wrong(resigned(desk, lambda rows: rows.pop()), "--database", desk.database())
    assert wrong.keys() == {"held"} and "did not send" in wrong["held"] and "the database has 1 row" in wrong["held"].lower()


def test_a_row_that_opens_nothing_is_found(desk: Desk) -> None:
    wrong = desk.wrong(resigned(desk, lambda rows: rows[0].update(salt="11" * 32)))
    assert wrong.keys() == {"log"} and "does not open its place" in wrong["log"]


def test_a_row_that_was_never_published_is_found(desk: Desk) -> None:
    assert "sent" in desk.wrong(resigned(desk, lambda rows: rows[0].update(token="11" * 32)))


# --- a node that cheats -----------------------------------------------------------------------------------------------


class Beside:
    """A node's connection to the index that the ledger hears nothing of."""

    def __init__(self, desk: Desk) -> None:
        self.node = desk.school
        service = index_pb2.DESCRIPTOR.services_by_name["Index"]
        settings, covenant = self.node.settings, self.node.covenant
        self.remote = Remote(settings.index, service, self.node.credentials, covenant.index)

    def publish(self) -> None:
        """A person of nobody's, in the member's name."""
        node = self.node
        keys = tokens.expand(SecretBytes(os.urandom(64)))
        hash = node.covenant.hash
        opened = self.remote.call("Open", index_pb2.OpenRequest(covenant_hash=hash), index_pb2.OpenReply, timeout_seconds=5)
        write = Write(node.covenant.id, 1, node.member.id, opened.generation, opened.last_sequence + 1)
        token = keys.token.reveal()
        statement = publication.publish_statement(write, Visibility.DIRECT, [token])
        request = index_pb2.PublishRequest(
            covenant_hash=hash,
            epoch=1,
            generation=write.generation,
            sequence=write.sequence,
            visibility=index_pb2.DIRECT,
            tokens=[token],
            token_signatures=publication.sign_tokens([keys], write, Visibility.DIRECT),
            member_signature=publication.sign(node.signing_seed, statement),
        )
        self.remote.call("Publish", request, index_pb2.PublishReply, timeout_seconds=5)
        self.remote.close()


def test_what_is_published_beside_the_ledger_is_found(desk: Desk) -> None:
    Beside(desk).publish()
    desk.follow()
    wrong = desk.wrong(desk.export(), "--database", desk.database())
    assert wrong.keys() == {"held", "writes"}
    assert "did not send" in wrong["held"] and "more than its ledger says" in wrong["writes"]
    assert desk.wrong(desk.export()).keys() == {"held"}


def test_a_node_that_sends_without_its_ledger_is_found(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "sending", lambda self, server, path, message: None)
    desk.school.put_case(case("S-9", "999990020"))
    desk.federation.settle("school")
    monkeypatch.undo()
    desk.follow()
    wrong = desk.wrong(desk.export())
    assert {"sent", "writes"} == wrong.keys()
    assert "never published" in wrong["sent"] and "does not tell of" in wrong["writes"]


def test_what_is_evaluated_beside_the_ledger_is_found(desk: Desk) -> None:
    holder = desk.federation.key_holders[0]
    service = keyholder_pb2.DESCRIPTOR.services_by_name["KeyHolder"]
    remote = Remote(holder.address, service, desk.school.credentials, holder.identity)
    inputs = [SecretBytes(os.urandom(20)) for _ in range(4)]
    blinds = voprf.new_blinds(len(inputs), os.urandom)
    request = keyholder_pb2.EvaluateRequest(
        covenant_hash=desk.school.covenant.hash, namespace="bsn", epoch=1, blinded_elements=voprf.blind(inputs, blinds)
    )
    remote.call("Evaluate", request, keyholder_pb2.EvaluateReply, timeout_seconds=5)
    remote.close()
    desk.end_day()
    wrong = desk.wrong(desk.export(), "--statements", desk.statements)
    assert wrong.keys() == {"asked"} and "keyholder-1 charged" in wrong["asked"] and "at most" in wrong["asked"]


def test_a_row_without_a_case_is_told(desk: Desk) -> None:
    desk.school.drop_case("S-1")
    assert "3 rows stand without a case" in desk.wrong(desk.export())["cases"]
    desk.federation.settle("school")
    assert desk.audit(desk.export())[0] == 0


def test_a_request_that_nobody_agreed_on_is_told(desk: Desk) -> None:
    desk.school.ledger.sending(desk.school.covenant.index, "/raakvlak.v1.Index/LookUp", None)
    assert "LookUp" in desk.wrong(desk.export())["kinds"]


@pytest.mark.parametrize("path", ["tile/0/000/bsn-123456782", "tile/0/0000", "tile/entries/000.p/256", "tile/entries/000/more",
                                  "checkpoint/bsn-123456782", "checkpoint/", "checkpoint/{witness}",
                                  "tile/{level}/{number}"])  # fmt: skip
def test_a_path_that_says_more_than_which_tile_or_witness_is_told(desk: Desk, path: str) -> None:
    desk.school.ledger.sending(desk.school.covenant.index, f"GET /{path}", None)
    assert path in desk.wrong(desk.export())["kinds"]


def test_the_paths_by_which_anyone_reads_the_log_are_agreed(desk: Desk) -> None:
    for path in ("checkpoint", "checkpoint/witness-1", "tile/0/000", "tile/entries/x001/234.p/17", "tile/2/000.p/1"):
        desk.school.ledger.sending(desk.school.covenant.index, f"GET /{path}", None)
    assert desk.audit(desk.export())[0] == 0


# --- an index that cheats ---------------------------------------------------------------------------------------------


def test_a_row_invented_in_a_member_s_name_is_found(desk: Desk) -> None:
    file = desk.export()
    database = desk.database(
        lambda connection: connection.execute(
            "INSERT INTO row SELECT ?, member, epoch, removal_month, visibility, 9999, ? FROM row"
            " WHERE member = (SELECT number FROM member WHERE id = 'school') LIMIT 1",
            (os.urandom(16), os.urandom(entry.SALT_BYTES)),
        )
    )
    wrong = desk.wrong(file, "--database", database)
    assert wrong.keys() == {"held"} and "does not have" in wrong["held"]


def test_an_extended_term_is_found(desk: Desk) -> None:
    file = desk.export()
    database = desk.database(lambda connection: connection.execute("UPDATE row SET removal_month = removal_month + 1"))
    assert "is not in the database, or is another one" in desk.wrong(file, "--database", database)["held"]


def test_another_write_than_the_ledger_tells_is_found(desk: Desk) -> None:
    file = desk.export()
    database = desk.database(lambda connection: connection.execute("UPDATE last_write SET request_hash = zeroblob(32)"))
    assert "held other codes" in desk.wrong(file, "--database", database)["writes"]


def test_a_copy_of_before_the_last_writes_is_no_contradiction(desk: Desk) -> None:
    database = desk.database()
    desk.school.put_case(case("S-3", "999990020"))
    desk.school.drop_case("S-1")
    desk.federation.settle("school")
    desk.follow()
    code, report = desk.audit(desk.export(), "--database", database)
    assert code == 0, report
    assert "came after it" in said(report, "held")


def test_a_row_that_the_index_denies_is_found(desk: Desk) -> None:
    with desk.school.store.transaction():
        (reference,) = desk.school.store.database.execute(
            "SELECT reference FROM token WHERE reference IS NOT NULL LIMIT 1"
        ).fetchone()
        desk.school.store.database.execute("UPDATE token SET reference = ? WHERE reference = ?", (os.urandom(16), reference))
    wrong = desk.wrong(desk.export())
    assert "does not exist" in wrong["log"] and "did not tell of 1 row" in wrong["held"]
