"""The one thread that writes. Requests that wait together share a transaction, hence one flush of the disk."""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from raakvlak_index.store import Store
from raakvlak_protocol.errors import Unavailable

MAX_TOGETHER: Final = 32
"""Requests in one transaction: more would let the first one wait for the last."""

T = TypeVar("T")
Job = Callable[[Store], Any]
Committed = Callable[[Mapping[str, int]], None]
"""Told after each commit, in the writer's thread: whose queue changed, and how many events wait there."""


class Writer:
    """Carries out writes in the order in which they came. Any thread may ask; `close` waits for what was asked."""

    def __init__(self, open_store: Callable[[], Store], committed: Committed) -> None:
        """Opens the store in the writer's thread; raises what opening raises."""
        self._jobs: queue.SimpleQueue[tuple[Job, Future[Any]] | None] = queue.SimpleQueue()
        self._open_store = open_store
        self._committed = committed
        self._closed = False
        self._door = threading.Lock()
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._work, args=(started,), name="writer")
        self._thread.start()
        started.result()

    def run(self, job: Callable[[Store], T]) -> T:
        """What the job returns, once it is on the disk. Raises what the job raises, then nothing of it was written, or
        Unavailable where the store could not be written."""
        done: Future[T] = Future()
        with self._door:  # so that nothing stands behind the end
            if self._closed:
                raise Unavailable("the index is stopping: try again later")
            self._jobs.put((job, done))
        return done.result()

    def close(self) -> None:
        """Ends the thread and closes the store; later requests are Unavailable."""
        with self._door:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _work(self, started: "Future[None]") -> None:
        try:
            store = self._open_store()
        except BaseException as error:
            started.set_exception(error)
            return
        started.set_result(None)
        try:
            while self._some(store):
                pass
        finally:
            with self._door:
                self._closed = True
            # Only after a programming error does anybody stand here: not to be left waiting for ever.
            while not self._jobs.empty():
                late = self._jobs.get()
                if late is not None:
                    late[1].set_exception(Unavailable("the index has stopped writing: its operator must look at the log"))
            store.close()

    def _some(self, store: Store) -> bool:
        """Carries out what waits; False when asked to end."""
        taken = [self._jobs.get()]
        while len(taken) < MAX_TOGETHER and taken[-1] is not None and not self._jobs.empty():
            taken.append(self._jobs.get())
        jobs = [each for each in taken if each is not None]
        if jobs:
            self._together(store, jobs)
        return len(jobs) == len(taken)

    def _together(self, store: Store, jobs: Sequence[tuple[Job, Future[Any]]]) -> None:
        outcomes: list[tuple[Any, BaseException | None]] = []
        try:
            with store.transaction():
                for job, _ in jobs:
                    outcomes.append(_outcome(store, job))
        except Exception as error:
            if len(jobs) > 1:
                # One of them may be too large for the disk, while the others still fit.
                for each in jobs:
                    self._together(store, [each])
                return
            outcomes = [(None, error)]
        try:
            if store.touched:
                self._committed(store.touched)
        finally:
            for (_, done), (value, failure) in zip(jobs, outcomes, strict=True):
                if failure is not None:
                    done.set_exception(failure)
                else:
                    done.set_result(value)


def _outcome(store: Store, job: Job) -> tuple[Any, BaseException | None]:
    try:
        with store.step():
            return job(store), None
    except store.broken:
        raise
    except Exception as error:
        return None, error
