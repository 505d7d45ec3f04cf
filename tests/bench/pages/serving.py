"""A node that serves its pages in a process of its own, on one core, and a browser that asks it from the other one."""

import gzip
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from raakvlak_node.node import Node, open_node
from raakvlak_node.people import People, Sessions
from tests.bench.measure import cpu_seconds
from tests.bench.pages import busy

_SERVE: Final = "from raakvlak_node.cli import main; main()"
_LINKED: Final = re.compile(rb"""(?:href|src)="(/static/[^"]+)\"""")
_NAMED: Final = re.compile(rb"""url\(["']?([^"')]+)["']?\)""")
SECONDS: Final = 60


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def cores() -> tuple[int, int]:
    """One for the node, and another one for who asks, where there are two."""
    some = sorted(os.sched_getaffinity(0))
    return some[0], some[-1]


@dataclass(frozen=True)
class Answer:
    """What came, how long it took, and what it cost the node's process; seconds. `alone` is how long it would have taken
    had nothing else wanted the two cores: without what the node and who asks waited for their turn, and no less than what
    one core needs for it."""

    status: int
    body: bytes
    seconds: float
    alone: float
    cpu: float


class Server:
    """A node that serves. `node` is the same store, opened beside it."""

    def __init__(self, path: Path, node: Node, process: "subprocess.Popen[str]", port: int) -> None:
        self.path = path
        self.node = node
        self.pid = process.pid
        self.port = port
        self._connection = self._connected()
        self._cookies: dict[str, str] = {}

    @classmethod
    @contextmanager
    def running(cls, path: Path) -> Iterator[Self]:
        """`raakvlak-node serve` over the node in this folder, pinned to a core."""
        node = open_node(path)
        command = [sys.executable, "-c", _SERVE, "serve", "--folder", str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            # Before it has made any thread: they all inherit it.
            os.sched_setaffinity(process.pid, {cores()[0]})
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield cls(path, node, process, int(ready["address"].rpartition(":")[2]))
        finally:
            process.terminate()
            process.wait(SECONDS)
            node.close()

    def _connected(self) -> http.client.HTTPConnection:
        made = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        made.connect()
        made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def another(self) -> Self:
        """The same for another thread."""
        found = object.__new__(type(self))
        found.__dict__ |= self.__dict__
        found._connection = self._connected()
        return found

    def cookie(self, email: str) -> str:
        """Of a session of this user, who has just signed in."""
        if email and email not in self._cookies:
            user = People(self.node.store, os.urandom).by_email(email)
            assert user is not None
            token = Sessions(self.node.store, os.urandom).begin(user.id, "password", self.node.clock())
            self._cookies[email] = f"raakvlak-{busy.OWN}-session={token}"
        return self._cookies.get(email, "")

    def ask(self, path: str, email: str = "", *, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """One request by a user, or by nobody; the whole answer."""
        sent = {"Host": f"localhost:{self.port}", "Accept-Language": "nl", "Accept-Encoding": "gzip"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if email:
            sent["Cookie"] = self.cookie(email)
        before, waited, began = cpu_seconds(self.pid), _waited(self.pid), time.perf_counter()
        self._connection.request(method, path, body, sent)
        answer = self._connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - began
        cpu, waited = cpu_seconds(self.pid) - before, _waited(self.pid) - waited
        self.location = answer.headers.get("Location", "")
        self.compressed = answer.headers.get("Content-Encoding") == "gzip"
        return Answer(answer.status, body, seconds, min(seconds, max(seconds - waited, cpu)), cpu)

    def first_visit(self, path: str, email: str = "") -> dict[str, int]:
        """Bytes of a page and of each file that it and its style sheets name, as they travel."""
        page = self.ask(path, email)
        found, waiting = {path: len(page.body)}, [each.decode() for each in _LINKED.findall(page.body)]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            asset = self.ask(name)
            assert asset.status == 200, (name, asset.status)
            found[name] = len(asset.body)
            raw = gzip.decompress(asset.body) if self.compressed else asset.body
            if name.endswith(".css"):
                waiting += [_beside(name, each.decode()) for each in _NAMED.findall(raw) if not each.startswith(b"data:")]
        return found


def _beside(name: str, other: str) -> str:
    return os.path.normpath(f"{name.rpartition('/')[0]}/{other}").partition("#")[0]


def _waited(pid: int) -> float:
    """Seconds that the threads of a process, and who asks, were ready to go on while others had the core (Linux)."""
    found = 0
    for each in (*Path(f"/proc/{pid}/task").iterdir(), Path("/proc/thread-self")):
        # A thread may have ended meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError):
            found += int((each / "schedstat").read_text().split()[1])
    return found / 1e9
