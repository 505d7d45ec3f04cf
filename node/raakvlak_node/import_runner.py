"""The work of an import that was sent in by a page, while everybody else goes on.

One import is at work at a time, in a thread with a store of its own and with short transactions. When the program ends
meanwhile, what was stored stays, and the same import goes on from there.
"""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

from raakvlak_node.access import AccessLog, Actor, Event
from raakvlak_node.import_jobs import Choices, Job, Jobs, State, Tally
from raakvlak_node.importing import Import, Report
from raakvlak_node.node import Node
from raakvlak_protocol.errors import Malformed, RaakvlakError, Refused

AT_WORK: Final = frozenset({State.CHECKING, State.IMPORTING})
CHUNK_ROWS: Final = 50
BREATH_ROWS: Final = 10
BREATH_SECONDS: Final = 0.001
"""So often, and so long, the import lets others work: Python runs one thread at a time."""


class Runner:
    """Does the work of one import at a time, in a thread of its own. One for each program.

    `own_node` gives the node with a store of the thread's own; `wake` tells the sync loop that there is work; `failed` is
    told of an error that is none of ours.
    """

    def __init__(
        self,
        own_node: Callable[[], AbstractContextManager[Node]],
        wake: Callable[[], None],
        failed: Callable[[Exception, str], None],
    ) -> None:
        self._own_node = own_node
        self._wake = wake
        self._failed = failed
        self._lock = threading.Lock()
        self._id = ""
        self._done = 0

    @property
    def at_work(self) -> str:
        """The id of the import that is at work; empty for none."""
        return self._id

    def done(self, id: str) -> int:
        """How many bytes of its file have been worked through, of twice as many as it has; 0 where it is not at work."""
        return self._done if self._id == id else 0

    def demand_free(self) -> None:
        if self._id:
            raise Refused("an import is at work already: wait until it is done")

    def interrupted(self, job: Job) -> bool:
        """Whether the program ended while it was at work."""
        return job.state in AT_WORK and self._id != job.id

    def check(self, own: Node, job: Job, actor: Actor) -> None:
        """Tries the import; nothing of it is stored."""
        self._start(own, replace(job, state=State.CHECKING, by=actor.id), actor, "a caseload file was sent in to be tried")

    def do(self, own: Node, job: Job, choices: Choices, actor: Actor) -> None:
        """Imports."""
        said = ", cases that are not in the file end" if choices.withdraw_missing else ""
        self._start(own, replace(job, state=State.IMPORTING, choices=choices), actor, f"import begun{said}")

    def _start(self, own: Node, job: Job, actor: Actor, reason: str) -> None:
        """Raises Refused while another one is at work."""
        with self._lock:
            self.demand_free()
            self._id, self._done = job.id, 0
        thread = threading.Thread(target=self._work, args=(job.id, actor), name="import", daemon=True)
        try:
            now = own.clock()
            with own.store.transaction():
                Jobs(own.store, own.folder.path).put(replace(job, changed=int(now.timestamp()), failure="", failed_at=""))
                # Before anything of it is stored: the log may say that there was an import when there was none, never too
                # little.
                AccessLog(own.store, own.random).write(actor, Event.IMPORT, now, reason=reason)
            thread.start()
        except BaseException:
            self._id = ""
            raise

    def wait(self, seconds: float) -> bool:
        """Waits at most so long until nothing is at work; whether that is so."""
        ends = time.monotonic() + seconds
        while self._id and time.monotonic() < ends:
            time.sleep(0.01)
        return not self._id

    def _work(self, id: str, actor: Actor) -> None:
        try:
            with self._own_node() as own:
                self._finish(own, Jobs(own.store, own.folder.path), id, actor)
        finally:
            self._id = ""
        self._wake()

    def _finish(self, own: Node, jobs: Jobs, id: str, actor: Actor) -> None:
        job = jobs.job(id)
        assert job is not None
        checks = job.state is State.CHECKING
        try:
            report = self._import(own, jobs, job)
        except Exception as error:
            message = error.message if isinstance(error, RaakvlakError) else ""
            if not message:
                self._failed(error, "importing")
            failed = replace(
                job, state=State.FAILED, failure=message, failed_at=str(State.CHECKING if checks else State.IMPORTING)
            )
            if isinstance(error, Malformed):
                # As it is, it can't be imported ever.
                jobs.erase_file(id)
            self._keep(own, jobs, failed, actor, f"import failed: {type(error).__name__}")
            return
        tally = Tally.of(report)
        if checks:
            self._keep(own, jobs, replace(job, state=State.CHECKED, tally=tally), actor, "")
            return
        self._keep(
            own,
            jobs,
            replace(job, state=State.DONE, tally=tally),
            actor,
            f"import done: {tally.new} new, {tally.changed} changed, {tally.unchanged} unchanged, {tally.withdrawn} ended, "
            f"{tally.rejected} rejected",
        )
        jobs.erase_file(id)

    def _keep(self, own: Node, jobs: Jobs, job: Job, actor: Actor, reason: str) -> None:
        now = own.clock()
        with own.store.transaction():
            jobs.put(replace(job, changed=int(now.timestamp())))
            if reason:
                AccessLog(own.store, own.random).write(actor, Event.IMPORT, now, reason=reason)

    def _import(self, own: Node, jobs: Jobs, job: Job) -> Report:
        jobs.rejected(job.id).unlink(missing_ok=True)
        with jobs.file(job.id).open("rb") as file:
            return Import(
                own,
                dry_run=job.state is State.CHECKING,
                keep_rejected=True,
                chunk_rows=CHUNK_ROWS,
                withdraw_missing=job.choices.withdraw_missing,
                ask=job.choices.of,
                progress=self._progress(),
            ).run(file, jobs.rejected(job.id))

    def _progress(self) -> Callable[[int], None]:
        last, passed, rows = 0, 0, 0

        def progress(position: int) -> None:
            nonlocal last, passed, rows
            if position < last:
                passed += last  # the second pass begins
            last, rows = position, rows + 1
            self._done = passed + position
            if rows % BREATH_ROWS == 0:
                time.sleep(BREATH_SECONDS)

        return progress
