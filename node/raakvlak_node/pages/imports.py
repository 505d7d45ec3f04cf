"""The administrator's import: a caseload file is sent in, looked at, and then imported; what was not taken comes back to be
mended. What runs while somebody looks is `import_runner`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from raakvlak_node.access import Event
from raakvlak_node.case import COLUMNS
from raakvlak_node.caseload import MAX_FILE_BYTES
from raakvlak_node.import_jobs import (
    ASKED_ROWS,
    KEPT_SECONDS,
    SHOWN_ROWS,
    Choices,
    Job,
    Jobs,
    State,
    demand_caseload,
)
from raakvlak_node.import_runner import Runner
from raakvlak_node.node import Node
from raakvlak_node.pages.door import At, Filled, Gone, Page
from raakvlak_node.pages.follow_up_words import Badge
from raakvlak_node.pages.forms import Form
from raakvlak_node.pages.upload import Sent, Uploaded
from raakvlak_node.workdays import moment
from raakvlak_protocol.errors import Malformed, Refused

routes: Final = APIRouter()
_BOM: Final = b"\xef\xbb\xbf"
"""By which spreadsheets know that the file is UTF-8."""
_CHUNK_BYTES: Final = 64 * 1024
_MEANINGS: Final = ("wrong", "changed")


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """An import in the list of those that are here."""

    id: str
    name: str
    by: str
    moment: datetime
    badge: Badge


@routes.get("/import")
def imports(page: At) -> Response:
    """Where a file is sent in, and the imports that are here."""
    with page.node() as own:
        return _send_page(page, own, Form({}, page.words))


@routes.post("/import")
def send(page: At, sent: Uploaded) -> Response:
    """A file has come; it is tried at once, and nothing of it stored."""
    form = Form({}, page.words)
    with page.node() as own:
        jobs = _jobs(own)
        try:
            job = _accepted(page, jobs, sent, form)
            if job is not None:
                _runner(page).check(own, job, page.actor)
        except Refused as error:
            form.reject("file", page.words.refusal(error.message))
        except BaseException:
            jobs.erase(sent.id)
            raise
        if not form.ok:
            jobs.erase(sent.id)
            return _send_page(page, own, form, 422)
    return page.see(f"/import/{sent.id}")


def _accepted(page: Page, jobs: Jobs, sent: Sent, form: Form) -> Job | None:
    """The import, where its file can be one; else why not stands in the form."""
    words = page.words
    if not sent.size:
        form.reject("file", words("Choose a file.") if not sent.name else words("This file is empty."))
        return None
    if sent.size > MAX_FILE_BYTES:
        form.reject("file", words("This file is too large: send it in parts."))
        return None
    try:
        mended = demand_caseload(jobs.file(sent.id))
    except Malformed as error:
        form.reject("file", words.refusal(error.message))
        return None
    name = sent.name or words("without a name")
    return Job(sent.id, State.RECEIVING, int(page.now.timestamp()), name, sent.size, page.user.email, mended)


def _send_page(page: Page, own: Node, form: Form, status: int = 200) -> Response:
    jobs = _jobs(own)
    jobs.sweep(page.now)
    return page.html(
        "import.html",
        status,
        title=page.words("Import"),
        lines=[_line(page, each) for each in jobs.all()],
        megabytes=MAX_FILE_BYTES // 10**6,
        hours=KEPT_SECONDS // 3600,
        columns=COLUMNS,
        form=form,
    )


def _line(page: Page, job: Job) -> Line:
    words = page.words
    badges = {
        State.CHECKING: Badge(words("is being looked through"), "neutral"),
        State.CHECKED: Badge(words("waits for you"), "due"),
        State.IMPORTING: Badge(words("is being imported"), "neutral"),
        State.DONE: Badge(words("imported"), "done"),
        State.FAILED: Badge(words("failed"), "late"),
    }
    badge = Badge(words("was broken off"), "late") if _runner(page).interrupted(job) else badges[job.state]
    return Line(job.id, job.name, job.by, moment(job.changed), badge)


# --- one import -------------------------------------------------------------------------------------------------------


@routes.get("/import/{job}")
def show(page: At, job: str) -> Response:
    """How far it is, what it would do, or what it did. htmx asks again each second while it is at work."""
    with page.node() as own:
        return _job_page(page, own, _found(own, job), Form.of(page.words, bsn=""))


@routes.post("/import/{job}")
def act(page: At, job: str, form: Filled) -> Response:
    """Imports, tries again, or gives up and erases the file."""
    words, runner = page.words, _runner(page)
    with page.node() as own:
        jobs, found = _jobs(own), _found(own, job)
        what = form.one_of("act", ("import", "again", "erase"))
        if runner.at_work == found.id:
            return page.see(f"/import/{job}", words("It is at work already."), "info")
        if what == "erase":
            with own.store.transaction():
                page.note(own, Event.DELETE, "case", reason="a caseload file that was sent in is erased")
                jobs.erase(found.id)
            return page.see("/import", words("The file is erased."))
        choices = found.choices if what == "again" else _choices(form, found)
        ready = jobs.file(found.id).is_file() and found.state is not State.DONE
        if not ready:
            form.reject("act", words("The file is no longer here. Send it in again."))
        if form.ok:
            try:
                if found.state is State.CHECKED or _broke_importing(found):
                    runner.do(own, found, choices, page.actor)
                else:
                    runner.check(own, found, page.actor)
            except Refused as error:
                form.reject("act", words.refusal(error.message))
        if not form.ok:
            return _job_page(page, own, found, form, 409 if form.error("act") else 422)
    return page.see(f"/import/{job}")


@routes.get("/import/{job}/rejected.csv")
def rejected(page: At, job: str) -> Response:
    """The rows that were not taken, each with the reasons: to be mended and sent in again."""
    with page.node() as own:
        found = _found(own, job)
        path = _jobs(own).rejected(found.id)
        if _runner(page).at_work == found.id or not path.is_file():
            raise Gone
        file = path.open("rb")
        page.note(own, Event.EXPORT, "case", reason="the rejected rows of an import")
    headers = {"Content-Disposition": 'attachment; filename="rejected.csv"'}
    return StreamingResponse(_chunks(file), media_type="text/csv; charset=utf-8", headers=headers)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        yield _BOM
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _choices(form: Form, job: Job) -> Choices:
    """What was said under the preview."""
    rows = {line: form.one_of(f"bsn-{line}", (*_MEANINGS, "skip"), required=False) for line in job.tally.differing[:ASKED_ROWS]}
    rest = form.one_of("bsn", _MEANINGS, required=False)
    missing = form.flag("missing") and not job.mended and not job.tally.nameless
    return Choices(missing, rest, {line: said for line, said in rows.items() if said})


def _job_page(page: Page, own: Node, job: Job, form: Form, status: int = 200) -> Response:
    words, runner, jobs = page.words, _runner(page), _jobs(own)
    at_work = runner.at_work == job.id
    tally = job.tally
    accepted = tally.new + tally.changed + tally.unchanged
    return page.html(
        "import_job.html",
        status,
        title=job.name,
        job=job,
        state=str(job.state),
        at_work=at_work,
        interrupted=runner.interrupted(job),
        importing=job.state is State.IMPORTING or _broke_importing(job),
        moment=moment(job.changed),
        percent=min(100, 50 * runner.done(job.id) // max(1, job.size)),
        tally=tally,
        accepted=accepted,
        stands=words.plural(
            "One case stands as it does in the file.", "%(count)s cases stand as they do in the file.", accepted
        ),
        has_file=jobs.file(job.id).is_file(),
        has_rejected=not at_work and jobs.rejected(job.id).is_file(),
        rows=[(line, column, words.refusal(message)) for line, column, message in tally.shown],
        most_shown=SHOWN_ROWS,
        asked=tally.differing[:ASKED_ROWS],
        failure=words.refusal(job.failure) if job.failure else "",
        meanings=[
            ("wrong", words("The old one was wrong")),
            ("changed", words("The client has got another number")),
            ("skip", words("Leave it out")),
        ],
        hours=KEPT_SECONDS // 3600,
        form=form,
    )


def _broke_importing(job: Job) -> bool:
    """Whether it had begun to be stored when it failed or the program ended: then it goes on, as it was said."""
    return job.state is State.IMPORTING or (job.state is State.FAILED and job.failed_at == str(State.IMPORTING))


def _found(own: Node, id: str) -> Job:
    found = _jobs(own).job(id)
    if found is None or found.state is State.RECEIVING:
        raise Gone
    return found


def _jobs(own: Node) -> Jobs:
    return Jobs(own.store, own.folder.path)


def _runner(page: Page) -> Runner:
    return page.house.one(Runner, lambda: Runner(page.house.own_node, page.house.wake, page.house.failed))
