"""The administrator's import, from the file that is sent in to the mended one."""

import csv
import io
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_node.access import AccessLog, Actor, Result
from raakvlak_node.case import COLUMNS
from raakvlak_node.caseload import harmless, rows
from raakvlak_node.import_jobs import KEPT_SECONDS, Jobs, State, writing
from raakvlak_node.import_runner import Runner
from raakvlak_node.node import Node
from raakvlak_node.people import Role
from tests.federation import Clock
from tests.node.rows import TODAY, bsn, case, row, table
from tests.pages.site import Site, Visitor

ADMIN: Final = "admin@school.example"


@pytest.fixture
def visitor(site: Site) -> Visitor:
    return site.visit(site.user(ADMIN, Role.ADMINISTRATOR))


def runner(site: Site) -> Runner:
    """The one of the running program."""
    return site.app._app.state.house.kept[Runner]  # type: ignore[no-any-return]


def upload(visitor: Visitor, content: bytes, name: str = "caseload.csv") -> httpx.Response:
    visitor.go("/import")
    return visitor.send("/import", files={"file": (name, content, "text/csv")})


def looked_through(site: Site, visitor: Visitor, content: bytes) -> str:
    """Sends a file in; the path of its import, once it was looked through."""
    answer = upload(visitor, content)
    assert answer.status_code == 303, visitor.text()
    assert runner(site).wait(20)
    visitor.go(answer.headers["location"])
    return answer.headers["location"]


def done(site: Site, visitor: Visitor, path: str, **fields: str) -> None:
    assert visitor.send(path, act="import", **fields).status_code == 303, visitor.text()
    assert runner(site).wait(20)
    visitor.go(path)


def references(node: Node) -> list[str]:
    return sorted(each.reference for _, each in node.store.cases())


def stats(visitor: Visitor) -> dict[str, str]:
    found = re.findall(r'rv-small">([^<]+)</p>\s*<p class="rv-stat__value">([^<]+)<', visitor.page)
    return dict(found)


def files(site: Site) -> list[Path]:
    folder = site.node.folder.path / "imports"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def told(site: Site) -> list[tuple[str, str]]:
    lines = AccessLog(site.node.store).lines(0, 1_000)
    return [(str(each.event), each.reason) for each in lines if each.kind == "case" and each.outcome is Result.DONE]


# --- the whole story --------------------------------------------------------------------------------------------------


def test_from_the_file_to_the_mended_one(site: Site, visitor: Visitor) -> None:
    given_rows = [
        row(1),
        row(2, bsn="123456789"),
        row(3, function="=HYPERLINK(1)", worker_phone="+31 118 1", since="soon"),
        row(4),
    ]
    path = looked_through(site, visitor, table(given_rows))
    assert references(site.node) == []
    assert stats(visitor) == {"New": "2", "Changed": "0", "As it was": "0", "Not taken": "2", "Not in the file": "0"}
    assert "the BSN fails the 11-proof" in visitor.text()
    assert "123456789" not in visitor.page
    assert [stat.S_IMODE(each.stat().st_mode) for each in files(site)] == [0o600, 0o600]
    assert stat.S_IMODE(files(site)[0].parent.stat().st_mode) == 0o700

    done(site, visitor, path)
    assert references(site.node) == ["ZK-00001", "ZK-00004"]
    assert stats(visitor) == {"New": "2", "Changed": "0", "As it was": "0", "Not taken": "2", "Ended": "0"}
    assert [each.name for each in files(site)] == [f"{path[8:]}-rejected.csv"]  # what was sent in is erased

    answer = visitor.client.get(f"{path}/rejected.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="rejected.csv"'
    assert answer.headers["cache-control"] == "no-store"
    wrong = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [each["case_ref"] for each in wrong] == ["ZK-00002", "ZK-00003"]
    assert (wrong[1]["function"], wrong[1]["worker_phone"]) == ("'=HYPERLINK(1)", "'+31 118 1")
    assert "a date is written as" in wrong[1]["rejected"]

    mended = answer.content.replace(b"123456789", bsn(2).encode()).replace(b"soon", b"2026-01-05")
    path = looked_through(site, visitor, mended)
    assert stats(visitor)["New"] == "2"
    assert "the other cases stay as they are" in visitor.text()
    done(site, visitor, path, missing="yes")
    assert references(site.node) == ["ZK-00001", "ZK-00002", "ZK-00003", "ZK-00004"]
    found = site.node.store.case(site.node.store.case_handle("ZK-00003"))
    assert found is not None
    assert (found.function, found.worker_phone) == ("=HYPERLINK(1)", "+31 118 1")
    assert site.woken > 0
    assert told(site)[:4] == [
        ("import", "a caseload file was sent in to be tried"),
        ("import", "import begun"),
        ("import", "import done: 2 new, 0 changed, 0 unchanged, 0 ended, 2 rejected"),
        ("export", "the rejected rows of an import"),
    ]


def test_a_file_imported_again_changes_nothing(site: Site, visitor: Visitor) -> None:
    content = table([row(1), row(2)])
    done(site, visitor, looked_through(site, visitor, content))
    path = looked_through(site, visitor, content)
    assert stats(visitor)["As it was"] == "2"
    assert "There is nothing to import" in visitor.text()
    assert visitor.post(path, visitor.form(path).fields | {"act": ["import"]}).status_code == 303


def test_missing_cases_end_only_when_that_is_said(site: Site, visitor: Visitor) -> None:
    done(site, visitor, looked_through(site, visitor, table([row(1), row(2), row(3)])))
    path = looked_through(site, visitor, table([row(1)]))
    assert stats(visitor)["Not in the file"] == "2"
    done(site, visitor, path)
    assert len(references(site.node)) == 3
    path = looked_through(site, visitor, table([row(1)]))
    done(site, visitor, path, missing="yes")
    assert references(site.node) == ["ZK-00001"]
    assert stats(visitor)["Ended"] == "2"
    assert ("import", "import begun, cases that are not in the file end") in told(site)


def test_while_a_reference_cannot_be_read_no_missing_case_ends(site: Site, visitor: Visitor) -> None:
    done(site, visitor, looked_through(site, visitor, table([row(1), row(2)])))
    path = looked_through(site, visitor, table([row(1), row(2, case_ref="")]))
    assert "missing" not in visitor.form(path).fields
    done(site, visitor, path, missing="yes")
    assert len(references(site.node)) == 2


@pytest.mark.parametrize(
    ("said", "formers", "rejected"),
    [
        ({}, [0, 0], "2"),
        ({"bsn": "changed"}, [1, 1], "0"),
        ({"bsn": "wrong"}, [0, 0], "0"),
        ({"bsn": "wrong", "bsn-2": "changed"}, [1, 0], "0"),
        ({"bsn-3": "changed"}, [0, 1], "1"),
        ({"bsn": "changed", "bsn-2": "skip"}, [0, 1], "1"),
    ],
)
def test_differing_numbers_are_asked_about(
    site: Site, visitor: Visitor, said: dict[str, str], formers: list[int], rejected: str
) -> None:
    done(site, visitor, looked_through(site, visitor, table([row(1), row(2)])))
    path = looked_through(site, visitor, table([row(1, bsn=bsn(11)), row(2, bsn=bsn(12))]))
    assert "2 cases are known here with another BSN" in visitor.text()
    done(site, visitor, path, **said)
    assert stats(visitor)["Not taken"] == rejected
    found = [site.node.store.case(site.node.store.case_handle(each)) for each in ("ZK-00001", "ZK-00002")]
    assert [None if each is None else len(each.former) for each in found] == formers


def test_an_answer_that_is_none_is_refused(site: Site, visitor: Visitor) -> None:
    done(site, visitor, looked_through(site, visitor, table([row(1)])))
    path = looked_through(site, visitor, table([row(1, bsn=bsn(11))]))
    assert visitor.send(path, act="import", bsn="both").status_code == 422
    assert visitor.send(path, act="import", bsn="", **{"bsn-2": "both"}).status_code == 422
    assert visitor.send(path, act="nonsense").status_code in {409, 422}


# --- what is no caseload ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "This file is empty."),
        (b"PK\x03\x04\x14\x00\x00\x00\xff\xfe", "not UTF-8"),
        ("case_ref;bsn\n1;2\n".encode("utf-16"), "not UTF-8"),
        (b"\xff\xd8\xff\xe0 JFIF \x00", "not UTF-8"),
        (b"case_ref;bsn;function\n", "semicolons"),
        (b"name,number\n", "column 1 of the header"),
        (b"case_ref,bsn\n", "lacks"),
        (b'"case_ref', "no CSV header"),
        (b"<html><script>alert(1)</script>", "column 1 of the header"),
    ],
)
def test_what_is_no_caseload_is_refused_beside_the_field_and_not_kept(
    site: Site, visitor: Visitor, content: bytes, message: str
) -> None:
    answer = upload(visitor, content, "<script>x.csv")
    assert answer.status_code == 422
    assert message in visitor.text()
    assert "<script>" not in visitor.page.replace("<script src", "")
    assert files(site) == []
    assert Jobs(site.node.store, site.node.folder.path).all() == []


def test_no_file_at_all(site: Site, visitor: Visitor) -> None:
    visitor.go("/import")
    assert visitor.send("/import", files={"file": ("", b"", "application/octet-stream")}).status_code == 422
    assert "Choose a file." in visitor.text()
    assert files(site) == []


def test_a_file_that_is_too_large_is_refused_and_not_kept(
    site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raakvlak_node.pages.upload.MAX_FILE_BYTES", 1_000)
    monkeypatch.setattr("raakvlak_node.pages.imports.MAX_FILE_BYTES", 1_000)
    assert upload(visitor, table([row(1)]) + b"x" * 2_000).status_code == 422
    assert "too large" in visitor.text()
    assert files(site) == []
    monkeypatch.setattr(site.app, "_uploads", {"/import": 1_000})
    assert upload(visitor, b"x" * 2_000).status_code == 413
    assert files(site) == []


def test_a_name_is_shown_and_never_a_path(site: Site, visitor: Visitor) -> None:
    for name in ("../../etc/passwd.csv", "C:\\temp\\passwd.csv", '"><b>passwd.csv', "\u202epasswd.csv", "passwd.csv" * 40):
        answer = upload(visitor, table([row(1)]), name)
        assert answer.status_code == 303
        assert runner(site).wait(20)
        visitor.go(answer.headers["location"])
        assert "<b>" not in visitor.page
        assert "\u202e" not in visitor.page
        assert "../" not in visitor.text()
    assert {each.parent.name for each in files(site)} == {"imports"}


# --- forged -----------------------------------------------------------------------------------------------------------


@contextmanager
def nothing_is_kept(site: Site) -> Iterator[None]:
    yield
    assert files(site) == []
    assert site.node.store.database.execute("SELECT count(*) FROM import_job").fetchone()[0] == 0


def test_a_file_without_the_token_of_this_browser_is_not_even_written(site: Site, visitor: Visitor) -> None:
    visitor.go("/import")
    token = visitor.form("/import").fields["csrf"]
    content = {"file": ("a.csv", table([row(1)]), "text/csv")}
    with nothing_is_kept(site):
        for fields in ({}, {"csrf": [""]}, {"csrf": ["0" * 64]}):
            assert visitor.post("/import", fields, files=content).status_code == 400
        assert visitor.post("/import", {"csrf": token}).status_code == 400  # no upload at all
        assert visitor.post("/import", {"csrf": token}, files=content, Origin="https://evil.example").status_code == 400
        # The token behind the file: the file would be written before it is known.
        body = b"".join([
            b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhello\r\n',
            b'--x\r\ncontent-disposition: form-data; name="csrf"\r\n\r\n' + token[0].encode() + b"\r\n--x--\r\n",
        ])  # fmt: skip
        headers = {"Origin": visitor.address, "Content-Type": "multipart/form-data; boundary=x"}
        for sent in (body, body[: len(body) // 2], b"", b"--x\r\n", b"junk" * 100):
            assert visitor.client.post("/import", content=sent, headers=headers).status_code == 400
    refused = [each for each in AccessLog(site.node.store).lines(0, 100) if each.outcome is Result.REFUSED]
    assert {(each.actor.id, each.reason) for each in refused} == {(ADMIN, "POST /import")}


@pytest.mark.parametrize("role", [Role.CASE_WORKER, Role.COORDINATOR, Role.PRIVACY_OFFICER])
def test_only_administrators_import(site: Site, visitor: Visitor, role: Role) -> None:
    path = looked_through(site, visitor, table([row(1), row(2, bsn="1")]))
    other = site.visit(site.user("other@school.example", role))
    for each in ("/import", path, f"{path}/rejected.csv"):
        assert other.open(each).status_code == 403
    before = files(site)
    assert other.post(path, {"act": ["import"]}).status_code == 403
    assert other.post("/import", {}, files={"file": ("a.csv", b"x", "text/csv")}).status_code == 403
    assert files(site) == before
    assert references(site.node) == []


@pytest.mark.parametrize("id", ["0" * 32, "x", "%2e%2e", "A" * 32, "0" * 31, "'"])
def test_an_import_that_is_not_there(site: Site, visitor: Visitor, id: str) -> None:
    visitor.go("/import")
    token = visitor.form("/import").fields["csrf"]
    assert visitor.open(f"/import/{id}").status_code == 404
    assert visitor.open(f"/import/{id}/rejected.csv").status_code == 404
    assert visitor.post(f"/import/{id}", {"csrf": token, "act": ["import"]}).status_code in {400, 404}


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_only_one_import_is_at_work(site: Site, visitor: Visitor) -> None:
    first = looked_through(site, visitor, table([row(1)]))
    second = looked_through(site, visitor, table([row(each) for each in range(10, 400)]))
    form = visitor.form(second).fields
    visitor.go(first)
    other = visitor.form(first).fields
    assert visitor.post(second, form | {"act": ["import"]}).status_code == 303
    assert runner(site).at_work == second[8:]
    assert visitor.post(first, other | {"act": ["import"]}).status_code == 409
    assert "an import is at work already" in visitor.text()
    before = files(site)
    assert upload(visitor, table([row(2)])).status_code == 422
    assert "an import is at work already" in visitor.text()
    assert files(site) == before
    # Pressed twice, it is done once.
    assert visitor.post(second, form | {"act": ["import"]}).status_code == 303
    assert visitor.post(second, form | {"act": ["erase"]}).status_code == 303
    assert runner(site).at_work
    assert runner(site).wait(20)
    visitor.go(first)
    done(site, visitor, first)
    assert len(references(site.node)) == 391


def test_the_page_tells_how_far_it_is_and_asks_again(site: Site, visitor: Visitor) -> None:
    path = looked_through(site, visitor, table([row(each) for each in range(1, 300)]))
    assert "hx-get" not in visitor.page
    visitor.send(path, act="import")
    pages = []
    while runner(site).at_work:
        pages.append(visitor.go(path))
    bars = [int(found[1]) for each in pages if (found := re.search(r'<progress[^>]* value="(\d+)" max="100"', each))]
    assert len(bars) > 1
    assert bars == sorted(bars)
    assert 'hx-trigger="every 1s"' in pages[0]
    assert "hx-get" not in visitor.go(path)
    assert stats(visitor)["New"] == "299"


def test_others_write_while_an_import_is_at_work(site: Site, visitor: Visitor) -> None:
    path = looked_through(site, visitor, table([row(each) for each in range(10, 400)]))
    visitor.send(path, act="import")
    waited, written = [], 0
    while runner(site).at_work:
        begin = time.monotonic()
        site.node.put_case(case(f"BY-HAND-{written}", bsn(1_000 + written)))
        waited.append(time.monotonic() - begin)
        written += 1
        time.sleep(0.01)
    assert written > 1
    assert max(waited) < 2
    assert len(references(site.node)) == 390 + written


def test_a_crash_in_the_middle_is_told_and_the_import_goes_on_behind_it(site: Site, visitor: Visitor) -> None:
    path = looked_through(site, visitor, table([row(each) for each in range(1, 4)]))
    target = Jobs(site.node.store, site.node.folder.path).file(path[8:])
    hidden = target.rename(target.with_suffix(".away"))
    job = Jobs(site.node.store, site.node.folder.path).job(path[8:])
    assert job is not None
    # The file disappears between the look at it and the thread that reads it.
    made = runner(site)
    with site.node.store.transaction():
        made.do(site.node, job, job.choices, Actor.page(ADMIN, "administrator"))
    assert made.wait(20)
    visitor.go(path)
    assert "This import failed" in visitor.text()
    assert "Something unexpected happened" in visitor.text()
    assert ("import", "import failed: FileNotFoundError") in told(site)
    (error,) = [fields for name, fields in site.log if name == "error"]
    assert (error["kind"], error["doing"], error["message"]) == ("FileNotFoundError", "importing", "")
    hidden.rename(target)
    visitor.go(path)
    visitor.send_nth(0, path, act="again")
    assert made.wait(20)
    visitor.go(path)
    assert stats(visitor)["New"] == "3"


@pytest.mark.parametrize(("state", "says"), [(State.CHECKING, "Nothing is stored"), (State.IMPORTING, "What was stored stays")])
def test_a_restart_in_the_middle_shows_it_as_broken_off(site: Site, visitor: Visitor, state: State, says: str) -> None:
    path = looked_through(site, visitor, table([row(1), row(2)]))
    jobs = Jobs(site.node.store, site.node.folder.path)
    job = jobs.job(path[8:])
    assert job is not None
    jobs.put(replace(job, state=state))  # as a program that was killed leaves it
    site.node.put_case(case("ZK-00001", bsn(1)))
    again = Site(site.node)
    other = again.visit(again.people.by_email(ADMIN))
    other.go("/import")
    assert "was broken off" in other.text()
    other.go(path)
    assert says in other.text()
    assert other.send(path, act="again").status_code == 303
    assert runner(again).wait(20)
    other.go(path)
    if state is State.CHECKING:
        done(again, other, path)
    assert references(site.node) == ["ZK-00001", "ZK-00002"]


def test_what_was_given_up_is_erased(site: Site, visitor: Visitor) -> None:
    path = looked_through(site, visitor, table([row(1), row(2, bsn="1")]))
    assert len(files(site)) == 2
    assert visitor.send_nth(1, path, act="erase").headers["location"] == "/import"
    assert files(site) == []
    assert visitor.open(path).status_code == 404
    assert references(site.node) == []
    assert told(site)[-1] == ("delete", "a caseload file that was sent in is erased")


def test_after_a_day_nothing_is_left(site: Site, visitor: Visitor, clock: Clock) -> None:
    path = looked_through(site, visitor, table([row(1), row(2, bsn="1")]))
    done(site, visitor, path)
    looked_through(site, visitor, table([row(3)]))
    stray = site.node.folder.path / "imports" / "stray.csv"
    stray.write_text("from a store that was put back")
    jobs = Jobs(site.node.store, site.node.folder.path)
    clock.pass_(seconds=KEPT_SECONDS - 60)
    assert jobs.sweep(clock()) == 0
    assert (len(files(site)), stray.exists()) == (2, False)
    clock.pass_(seconds=120)
    assert jobs.sweep(clock()) == 2
    assert files(site) == []
    assert jobs.all() == []


def test_what_lies_in_the_store_of_an_import_is_sealed(site: Site, visitor: Visitor) -> None:
    looked_through(site, visitor, table([row(1, worker_email="nobody")]))
    raw = site.node.store.path.read_bytes() + Path(f"{site.node.store.path}-wal").read_bytes()
    assert b"caseload.csv" not in raw
    assert b"name@domain" not in raw
    assert repr(Jobs(site.node.store, site.node.folder.path).all()[0]) == "Job(checked)"


def test_the_file_of_another_user_of_the_machine_is_never_opened(site: Site, visitor: Visitor) -> None:
    """Where something lies in the file's place already, it is not written through."""
    jobs = Jobs(site.node.store, site.node.folder.path)
    made = jobs.receive(site.node.random, site.node.clock())
    jobs.file(made.id).symlink_to(site.node.folder.path / "victim")
    with pytest.raises(FileExistsError):
        writing(jobs.file(made.id))
    assert not (site.node.folder.path / "victim").exists()
    assert [each.name for each in files(site)] == [f"{made.id}.csv"]


def test_the_page_says_which_columns_there_are(site: Site, visitor: Visitor) -> None:
    visitor.go("/import")
    assert all(each in visitor.text() for each in COLUMNS)


@given(st.lists(st.text(alphabet=st.sampled_from("'=+-@ \t\u00a0\uff1da1,\""), min_size=1, max_size=8), min_size=1))
def test_a_harmless_cell_is_read_as_it_was_meant(values: list[str]) -> None:
    for value in values:
        cell = harmless(value)
        assert cell.strip()[:1] not in set("=+-@\uff1d")
        assert cell[:1] not in set("\t")
        found = list(rows(io.BytesIO(table([row(1, worker_name=cell)])), today=TODAY, adults=True))
        assert found[0].values[COLUMNS.index("worker_name")] == value
