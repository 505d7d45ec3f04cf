"""A real mail server in this process: it keeps what it is given, every byte of it, and answers as a test says."""

import asyncio
import contextlib
import email
import email.policy
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "raakvlak", "een heel lang wachtwoord"


@dataclass
class Got:
    """One mail as it came."""

    sender: str
    to: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        found = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        return found

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass
class Post:
    """`answer` gives the reply to RCPT and to DATA: the stage and the address in, empty for a plain yes; "hang up" ends the
    connection instead."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    wire: bytearray = field(default_factory=bytearray)
    """All that clients said, as it stands behind TLS."""
    signed_in: int = 0
    answer: Callable[[str, str], str] = lambda stage, address: ""

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        said = self.answer("RCPT", address)
        if not said:
            envelope.rcpt_tos.append(address)
        return said or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        (to,) = envelope.rcpt_tos
        said = self.answer("DATA", to)
        if not said or said == "hang up":
            self.got.append(Got(str(envelope.mail_from), to, bytes(envelope.original_content or b"")))
        if said == "hang up":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return said or "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        self.signed_in += right
        return AuthResult(success=right, handled=False)


@contextlib.contextmanager
def post(
    *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, signing_in: bool = False, port: int = 0
) -> Iterator[Post]:
    """Runs a server on loopback until the end; on a given port, for one that comes back."""
    found, loop = Post(), asyncio.new_event_loop()

    class Listening(SMTP):
        def data_received(self, data: bytes) -> None:
            found.wire += data
            super().data_received(data)

    def made() -> SMTP:
        more: dict[str, Any] = {}
        if signing_in:
            more = {"authenticator": found.authenticate, "auth_required": True}
        return Listening(found, hostname="post", tls_context=starttls, enable_SMTPUTF8=True, loop=loop, **more)

    async def listen() -> asyncio.Server:
        return await loop.create_server(made, "127.0.0.1", port, ssl=tls)

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    found.port = server.sockets[0].getsockname()[1]

    async def end() -> None:
        server.close()
        others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.05)

    try:
        yield found
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
