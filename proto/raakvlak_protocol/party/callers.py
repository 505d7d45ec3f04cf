"""The strangers who call an HTTPS server: how many at once, and how long each may keep us waiting.

Part of `party.web`, apart because it imports uvicorn. Each accepted socket has a task, from before its handshake until
it is closed, and there are never more than MAX_CONNECTIONS of them: what else the process has open, such as the store
and the members' calls, keeps its file descriptors whatever strangers do. Where all places are taken, a newcomer gets
the place of whoever has kept us waiting longest; nobody whom we owe an answer is sent away for it.
"""

import asyncio
import ssl
from collections.abc import Callable
from enum import Enum, auto
from socket import socket
from typing import Final

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

MAX_CONNECTIONS: Final = 200
"""Sockets accepted and not yet closed. A process usually may open 1,024 files, and the members' calls come first."""
HANDSHAKE_SECONDS: Final = 10.0
REQUEST_SECONDS: Final = 10.0
"""From the end of the handshake, or a later request's first byte, to the last byte of the request's body."""
ANSWER_SECONDS: Final = 60.0
"""From there until the answer is written out, to a caller who may read slowly, or not at all."""
FAREWELL_SECONDS: Final = 1.0
"""How long a connection that we close may take to say goodbye; a client's idle one never does."""
LOOK_AGAIN_SECONDS: Final = 0.1
"""After the system had no socket to give, or nobody could be sent away for a newcomer."""


class _Turn(Enum):
    THEIRS = auto()
    """They owe us a handshake, or a whole request."""
    OURS = auto()
    """We owe them an answer."""
    IDLE = auto()
    """Between two requests; uvicorn closes the connection by its own clock."""


class Caller(H11Protocol):
    """One connection. It is aborted where a request is not whole in time, or its answer can't be written in time."""

    def __init__(self, config: Config, state: ServerState) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self.gone = asyncio.Event()
        self.waiting_since = self.loop.time()
        self._turn = _Turn.THEIRS
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def owed_an_answer(self) -> bool:
        return self._turn is _Turn.OURS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._begin(_Turn.THEIRS)

    def data_received(self, data: bytes) -> None:
        if self._turn is _Turn.IDLE:
            self._begin(_Turn.THEIRS)
        super().data_received(data)
        # More bytes of the same request buy no more time: only its end does.
        if self._turn is _Turn.THEIRS and self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._begin(_Turn.OURS)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._turn is _Turn.OURS:  # else it was answered before its body was whole: that is still owed
            self._begin(self._after_an_answer())

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)
        self.gone.set()

    def _after_an_answer(self) -> _Turn:
        """Another request may have come behind the one just answered, as a whole or in part."""
        if self.conn.their_state is h11.IDLE:
            return _Turn.IDLE
        return _Turn.THEIRS if self.conn.their_state is h11.SEND_BODY else _Turn.OURS

    def _begin(self, turn: _Turn) -> None:
        self._stop_clock()
        self._turn = turn
        self.waiting_since = self.loop.time()
        if turn is not _Turn.IDLE:
            seconds = REQUEST_SECONDS if turn is _Turn.THEIRS else ANSWER_SECONDS
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _stop_clock(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


class Reception:
    """Accepts callers from a listening socket, which stays its maker's. Made on the event loop that serves."""

    def __init__(self, listening: socket, context: ssl.SSLContext, caller: Callable[[], Caller]) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._context = context
        self._caller = caller
        self._callers: dict[asyncio.Task[None], Caller] = {}
        self._admitting = asyncio.create_task(self._admit())

    async def close(self) -> None:
        """Accepts nobody more, and ends the handshakes that are not finished. The others have come in, and may stay."""
        self._admitting.cancel()
        await asyncio.wait([self._admitting])
        for task, caller in self._callers.items():
            if caller.transport is None:
                task.cancel()

    async def empty(self) -> None:
        """Returns when the last caller has gone."""
        if self._callers:
            await asyncio.wait(self._callers)

    async def _admit(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(self._listening)
            except OSError:  # it went away before we took it, or others have used up the descriptors
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
                continue
            try:
                await self._make_room()
            except asyncio.CancelledError:
                accepted.close()
                raise
            caller = self._caller()
            task = asyncio.create_task(self._attend(accepted, caller))
            self._callers[task] = caller
            task.add_done_callback(self._callers.pop)
            # A task cancelled before it began would not close its socket; and others have a turn on this loop.
            await asyncio.sleep(0)

    async def _make_room(self) -> None:
        """Returns when a place is free. Waits, while nobody is accepted, where all are of callers owed an answer."""
        while len(self._callers) >= MAX_CONNECTIONS:
            slow = [task for task, caller in self._callers.items() if not caller.owed_an_answer]
            if slow:
                slowest = min(slow, key=lambda task: self._callers[task].waiting_since)
                slowest.cancel()
                await asyncio.wait([slowest])
            else:
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _attend(self, accepted: socket, caller: Caller) -> None:
        """Returns when the connection is closed; closes it where this is cancelled."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: caller,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=FAREWELL_SECONDS,
            )
            await caller.gone.wait()
        except OSError:
            pass  # the handshake failed, by a stranger's doing: nobody is told
        finally:
            if caller.transport is not None:
                caller.transport.abort()
