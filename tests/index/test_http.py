"""The index's HTTPS side, asked as anybody asks it, and told what witnesses and key holders tell."""

import base64
import errno
import json
import os
import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import Message
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from raakvlak_index import http
from raakvlak_index.progress import PUBLISH_LAG_SECONDS
from raakvlak_protocol import checkpoint, follow, merkle, note, statement, tile
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.contract_log import paths
from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.party.web import Missing, Site
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.statement import Statement
from raakvlak_protocol.tile import MAX_TILE_BYTES, TiledLog
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.covenants import NOW, Sandbox, make_covenant
from tests.federation import IndexThreads
from tests.index.conftest import MEMBERS
from tests.index.members import House, Member, house

LIMIT = 2**17
WITNESS = "witness-1"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(members=MEMBERS, witnesses=(WITNESS, "witness-2"), witness_threshold=2)


@pytest.fixture
def site(running: House) -> Iterator[Site]:
    sandbox = running.sandbox
    with Site(running.index.log_address, sandbox.index, sandbox.covenant.roots_pem) as found:
        yield found


def ask(running: House, method: str, path: str, body: bytes = b"") -> tuple[int, Message, bytes]:
    """Status, headers and body of an answer, as any client gets it."""
    context = ssl.create_default_context(cadata=running.sandbox.covenant.roots_pem.decode())
    context.check_hostname = False
    connection = HTTPSConnection(running.index.log_address, context=context, timeout=20)
    try:
        connection.request(method, path, body or None)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def cosigned(running: House, raw: bytes, witness: str = WITNESS) -> bytes:
    name = running.sandbox.covenant.witnesses[witness].key.name
    return checkpoint.cosign(raw, name, running.sandbox.witness_seeds[witness], running.clock())


def demand(refusal: str, act: Callable[[], object], kind: type[Refused] = Refused) -> None:
    with pytest.raises(kind, match=refusal):
        act()


def test_it_serves_what_the_contract_declares_and_no_more(running: House) -> None:
    api = http.app(running.index.running.public(b""))
    served = {
        f"{method} {path}" for path, operations in api.openapi()["paths"].items() for method in map(str.upper, operations)
    }
    assert served == set(paths())


def test_whoever_asks_follows_the_log_from_its_first_checkpoint(running: House, site: Site, school: Member) -> None:
    covenant = running.sandbox.covenant

    def fetch(path: str) -> bytes:
        return site.get(f"/{path}", limit=LIMIT)

    assert fetch("covenant") == running.sandbox.file
    first = follow.follow(covenant, None, fetch("checkpoint"), {}, fetch)
    assert first.newest.size == 0
    sizes = []
    for round in range(3):
        school.publish(*(f"person {round} {number}" for number in range(300)))
        running.index.publish_log()
        seen = follow.follow(covenant, first.newest, fetch("checkpoint"), {}, fetch)
        sizes.append(seen.newest.size)
        entries = list(tile.verified_entries(seen.log, 0, seen.newest.size, seen.root))
        assert merkle.root(map(merkle.leaf_hash, entries)) == seen.root
        first = seen
    assert sizes == [302, 602, 902]  # covenant and epoch stand first


def test_tiles_are_there_in_full_cut_and_not_before_they_were_published(running: House, site: Site, school: Member) -> None:
    school.publish(*(f"person {number}" for number in range(300)))
    demand("so much was not published", lambda: site.get("/tile/0/000.p/1", limit=LIMIT), Missing)
    running.index.publish_log()
    for kind in ("0", "entries"):
        full = site.get(f"/tile/{kind}/000", limit=MAX_TILE_BYTES)
        cut = site.get(f"/tile/{kind}/000.p/7", limit=MAX_TILE_BYTES)
        assert full.startswith(cut)
        assert len(cut) < len(full)
        assert site.get(f"/tile/{kind}/001.p/46", limit=MAX_TILE_BYTES)
    assert len(site.get("/tile/1/000.p/1", limit=MAX_TILE_BYTES)) == 32
    for path in (
        "/tile/0/001.p/47", "/tile/0/001", "/tile/1/000.p/2", "/tile/2/000.p/1", "/tile/0/x000/000", "/tile/0/000.p/0",
        "/tile/0/000.p/256", "/tile/0/0", "/tile/8/000", "/tile/00/000", "/tile/0/-01", "/tile/entries/000/", "/tile",
        "/Checkpoint", "/checkpoint/", "/", "/docs", "/openapi.json", "/tile/0/000.p/1x", "/tile/0",
    ):  # fmt: skip
        with pytest.raises(Missing):
            print(path, site.get(path, limit=LIMIT))


def test_how_long_an_answer_may_be_kept(running: House, school: Member) -> None:
    school.publish(*(f"person {number}" for number in range(300)))
    running.index.publish_log()
    kept = {}
    for path in ("/checkpoint", "/tile/0/000", "/tile/0/001.p/46", "/tile/entries/000", "/metrics", "/covenant"):
        status, headers, _ = ask(running, "GET", path)
        assert status == 200
        kept[path] = (headers["content-type"], headers["cache-control"])
    for_ever = "public, max-age=31536000, immutable"
    assert kept == {
        "/checkpoint": ("text/plain; charset=utf-8", "no-cache"),
        "/tile/0/000": ("application/octet-stream", for_ever),
        "/tile/0/001.p/46": ("application/octet-stream", "public, max-age=60"),
        "/tile/entries/000": ("application/octet-stream", for_ever),
        "/metrics": ("text/plain; version=0.0.4; charset=utf-8", "no-cache"),
        "/covenant": ("application/octet-stream", "no-cache"),
    }
    status, headers, body = ask(running, "PUT", "/checkpoint/nobody-<script>", b"<script>")
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(body) == {"title": "Not Found", "status": 404, "detail": "the covenant names no such witness"}
    assert ask(running, "DELETE", "/checkpoint")[0] == 405


def test_what_a_witness_cosigned_is_kept_and_never_goes_back(running: House, site: Site, school: Member) -> None:
    demand("cosigned nothing yet", lambda: site.get(f"/checkpoint/{WITNESS}", limit=LIMIT), Missing)
    running.index.publish_log()
    old = cosigned(running, site.get("/checkpoint", limit=LIMIT))
    running.clock.pass_(minutes=1)
    school.publish("anna")
    running.index.publish_log()
    raw = site.get("/checkpoint", limit=LIMIT)
    both = checkpoint.cosign(cosigned(running, raw), "somebody", SecretBytes(bytes(32)), running.clock())
    site.put(f"/checkpoint/{WITNESS}", both)
    assert site.get(f"/checkpoint/{WITNESS}", limit=LIMIT) == cosigned(running, raw), "and no line of anybody else"
    site.put(f"/checkpoint/{WITNESS}", both)
    demand("409.*never replaced by an older", lambda: site.put(f"/checkpoint/{WITNESS}", old))
    same_size_earlier = checkpoint.cosign(
        raw,
        running.sandbox.covenant.witnesses[WITNESS].key.name,
        running.sandbox.witness_seeds[WITNESS],
        running.clock() - timedelta(seconds=30),
    )
    demand("409", lambda: site.put(f"/checkpoint/{WITNESS}", same_size_earlier))
    seen = follow.follow(running.sandbox.covenant, None, raw, {WITNESS: both}, lambda path: site.get(f"/{path}", limit=LIMIT))
    assert seen.trusted is None
    demand("cosigned nothing yet", lambda: site.get("/checkpoint/witness-2", limit=LIMIT), Missing)
    running.clock.pass_(minutes=1)
    site.put(f"/checkpoint/{WITNESS}", cosigned(running, raw))  # the same size, seen again later


def test_what_is_no_cosigned_checkpoint_of_this_log_is_refused(running: House, site: Site, school: Member) -> None:
    running.index.publish_log()
    raw = site.get("/checkpoint", limit=LIMIT)
    sandbox = running.sandbox
    name = sandbox.covenant.witnesses[WITNESS].key.name
    seen = checkpoint.verify(raw, sandbox.covenant.log_key)
    good = cosigned(running, raw)
    late = checkpoint.cosign(raw, name, sandbox.witness_seeds[WITNESS], running.clock() + timedelta(minutes=6))
    by_another = cosigned(running, checkpoint.sign(seen, SecretBytes(bytes(32))))
    for body, said in (
        (raw, "400.*bears no cosignature of the witness"),
        (cosigned(running, raw, "witness-2"), "400.*bears no cosignature of the witness"),
        (good.replace(b"\n", b"\r\n"), "400"),
        (good[:-1], "400"),
        (b"", "400"),
        (b"\xff\xfe", "400"),
        (good[:-4] + b"AAA\n", "40[03]"),
        (late, "400.*clock is ahead"),
        (by_another, "40[03]"),
        (b"x" * (64 * 1024 + 1), "413"),
    ):
        demand(said, lambda body=body: site.put(f"/checkpoint/{WITNESS}", body))  # type: ignore[misc]
    demand("cosigned nothing yet", lambda: site.get(f"/checkpoint/{WITNESS}", limit=LIMIT), Missing)
    # Signed by our own key, and not of our history: an old copy of us has served it.
    for forked in (Checkpoint(seen.origin, seen.size, bytes(32)), Checkpoint(seen.origin, seen.size + 1, seen.root)):
        body = cosigned(running, checkpoint.sign(forked, sandbox.log_seed))
        demand("409.*it is evidence", lambda body=body: site.put(f"/checkpoint/{WITNESS}", body))  # type: ignore[misc]
    assert '"event": "history_differs", "level": "error", "witness": "witness-1"' in running.index.log()


def submitted(running: House, day_offset: int = 0, charged: int = 3, holder: int = 1) -> bytes:
    covenant, seed = running.sandbox.covenant, running.sandbox.holder_seeds[holder]
    name = covenant.key_holders[f"keyholder-{holder}"].signing_key.name
    day = (running.clock() + timedelta(days=day_offset)).date()
    counts = {("school", "bsn", 1): statement.Charged(charged, charged)}
    return statement.submission(statement.sign(Statement(name, day, counts), seed), name, seed)


def test_a_statement_enters_the_log_once_and_there_is_one_a_day(running: House, site: Site) -> None:
    body = submitted(running)
    site.put("/statement", body)
    site.put("/statement", body)
    site.put("/statement", submitted(running, holder=2))
    running.index.publish_log()
    size = running.index.running.published.size
    log = TiledLog(lambda path: site.get(f"/{path}", limit=LIMIT), size)
    leaves = [each for each in log.entries(0, size) if each[0] == 5]
    assert len(leaves) == 2
    assert base64.b64encode(leaves[0][1:]) in body
    demand("409.*there can't be two of one day", lambda: site.put("/statement", submitted(running, charged=4)))
    demand("400.*after today", lambda: site.put("/statement", submitted(running, 1)))
    demand("400.*before the covenant", lambda: site.put("/statement", submitted(running, -365 * 20)))
    stranger = note.signed(note.parse(body).text.replace("keyholder-1", "keyholder-9"), "x", SecretBytes(bytes(32)))
    demand("403.*names no such key holder", lambda: site.put("/statement", stranger.encode()))
    forged = note.signed(note.parse(body).text, "keyholder-1.keyholder.zeeland.raakvlak", SecretBytes(bytes(32)))
    demand("403", lambda: site.put("/statement", forged.encode()))
    running.index.publish_log()
    assert running.index.running.published.size == size


def test_the_last_day_under_a_version_is_stated_under_the_next(sandbox: Sandbox, tmp_path: Path) -> None:
    def begins_now(payload: pb.Covenant) -> None:
        payload.valid_from = int(NOW.timestamp())

    following = sandbox.successor(begins_now)
    covenant = following.covenant
    with house(following, tmp_path) as running, Site(running.index.log_address, following.index, covenant.roots_pem) as site:
        running.clock.now = NOW
        site.put("/statement", submitted(running, -1))
        demand("400.*before the covenant", lambda: site.put("/statement", submitted(running, -365 * 20)))


@pytest.fixture
def full_disk(running: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """No byte more fits on the disk of the published log."""
    full = running.index.published

    def refused(handle: int, raw: bytes, place: int) -> int:
        if Path(f"/proc/self/fd/{handle}").readlink().is_relative_to(full):
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(handle, raw, place)

    really = os.pwrite
    monkeypatch.setattr(os, "pwrite", refused)


def demand_stalled(running: House, site: Site, school: Member, reference: bytes) -> None:
    """Nothing is taken, everything else goes on."""
    size = running.index.running.published.size
    for write in (lambda: school.publish("carla"), lambda: school.withdraw([reference])):
        with pytest.raises(Unavailable, match="the log can't be published now"):
            write()
    with pytest.raises(Unavailable, match="503"):
        site.get("/healthz", limit=LIMIT)
    with pytest.raises(Unavailable, match="503"):
        site.put("/statement", submitted(running))
    assert b"raakvlak_index_log_stalled 1\n" in site.get("/metrics", limit=LIMIT)
    assert checkpoint.verify(site.get("/checkpoint", limit=LIMIT), running.sandbox.covenant.log_key).size == size
    assert [row.reference for row in school.inventory()] == [reference]
    (match,) = school.matches()
    assert school.post(match.match_id)
    assert running.index.log().count('"event": "writes_refused"') == 1


def demand_going(running: House, site: Site, school: Member, reference: bytes) -> None:
    assert site.get("/healthz", limit=LIMIT) == b"ok\n"
    assert b"raakvlak_index_log_stalled 0\n" in site.get("/metrics", limit=LIMIT)
    assert running.index.log().count('"event": "writes_taken"') == 1
    assert school.withdraw([reference]) == [True]
    school.publish("carla")


def test_no_receipt_is_given_while_the_disk_of_the_log_is_full(
    running: House, site: Site, school: Member, town: Member, full_disk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.publish("anna")
    (reference,) = school.publish("anna").references
    with pytest.raises(Unavailable, match="can't publish the log"):
        running.index.publish_log()
    demand_stalled(running, site, school, reference)
    monkeypatch.undo()
    running.index.publish_log()
    demand_going(running, site, school, reference)


def test_no_receipt_is_given_while_publishing_lags(running: House, site: Site, school: Member, town: Member) -> None:
    """Whatever holds it up: no attempt has failed."""
    running.index.publish_log()
    running.index.seconds += PUBLISH_LAG_SECONDS
    town.publish("anna")
    (reference,) = school.publish("anna").references
    running.index.seconds += 1
    demand_stalled(running, site, school, reference)
    running.index.publish_log()
    demand_going(running, site, school, reference)


def test_metrics_tell_how_the_index_is_and_nothing_of_matches(running: House, site: Site, school: Member, town: Member) -> None:
    running.index.publish_log()

    def metrics() -> dict[str, int]:
        lines = site.get("/metrics", limit=LIMIT).decode().splitlines()
        return {name: int(value) for name, value in (line.split(" ") for line in lines if not line.startswith("#"))}

    before = metrics()
    town.publish("anna")
    alone = metrics()
    school.publish("anna")
    matched = metrics()
    assert set(matched) == {
        f"raakvlak_index_{name}"
        for name in (
            "log_entries", "log_published_entries", "log_stalled", "covenant_version", "members_suspended", "queue_alarms",
        )
    }  # fmt: skip
    growth = [{name: after[name] - earlier[name] for name in after} for earlier, after in ((before, alone), (alone, matched))]
    assert growth[0] == growth[1], "meeting somebody looks as meeting nobody does"
    running.index.publish_log()
    site.put(f"/checkpoint/{WITNESS}", cosigned(running, site.get("/checkpoint", limit=LIMIT)))
    running.clock.pass_(days=31)
    after = metrics()
    assert after["raakvlak_index_members_suspended"] == 5
    assert after['raakvlak_index_cosignature_age_seconds{witness="witness-1"}'] == 31 * 86_400
    assert site.get("/healthz", limit=LIMIT) == b"ok\n"


def test_nothing_is_added_while_the_covenant_is_not_in_force(running: House, site: Site) -> None:
    body = submitted(running)
    running.index.publish_log()
    raw = cosigned(running, site.get("/checkpoint", limit=LIMIT))
    running.clock.now = running.sandbox.covenant.valid_until
    demand("not in force", lambda: site.put("/statement", body))
    demand("not in force", lambda: site.put(f"/checkpoint/{WITNESS}", raw))
    assert site.get("/checkpoint", limit=LIMIT)


def test_the_alarm_where_too_few_witnesses_cosign(running: House, site: Site) -> None:
    running.index.publish_log()
    raw = site.get("/checkpoint", limit=LIMIT)
    for witness in (WITNESS, "witness-2"):
        site.put(f"/checkpoint/{witness}", cosigned(running, raw, witness))
    running.clock.pass_(hours=47)
    running.index.expire()
    assert "uncosigned" not in running.index.log()
    running.clock.pass_(hours=2)
    running.index.expire()
    assert '"event": "uncosigned", "level": "warning", "hours": 49' in running.index.log()
    site.put(f"/checkpoint/{WITNESS}", cosigned(running, raw))
    told = running.index.log().count("uncosigned")
    running.index.expire()
    assert running.index.log().count("uncosigned") == told + 1, "one of two is not enough"


def test_an_index_that_was_started_again_shows_the_same_log(sandbox: Sandbox, tmp_path: Path) -> None:
    with house(sandbox, tmp_path) as running:
        running.member("school").publish("anna")
    index = IndexThreads(sandbox, tmp_path, running.clock, peppers=running.index.peppers)
    try:
        with Site(index.log_address, sandbox.index, sandbox.covenant.roots_pem) as site:
            raw = site.get("/checkpoint", limit=LIMIT)
        assert raw == running.index.running.published.signed.raw, "what was committed was published when it stopped"
        assert checkpoint.verify(raw, sandbox.covenant.log_key).size == 3
    finally:
        index.stop()
