"""Measures the pages of a busy node against what a case worker has patience for, and whether they stay as quick.

Two nodes, the larger one with ten times the cases and matches of the smaller one, serve on the same core, and are asked
in turn, so that what else the machine does falls on both alike. What the others on it take is told by the kernel and not
counted; how long it really took stands beside it. Beside the pages that somebody works with stands one with
nothing on it, made in the same run: what the machine, the server and what is around every page take by themselves.
"""

import math
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from raakvlak_node.import_jobs import Jobs, State
from raakvlak_node.people import Role
from tests.bench.measure import Result, resident_megabytes, talk
from tests.bench.pages import busy
from tests.bench.pages.busy import Size
from tests.bench.pages.serving import Answer, Server, cores, free_port
from tests.bench.pages.visits import EMPTY, Visit, reader, visits
from tests.node.rows import bsn, table

SMALL: Final = Size(5_000, 2_000)
LARGE: Final = Size(50_000, 20_000)
QUICK: Final = (Size(400, 120), Size(800, 240))
MEDIAN_MS: Final = 100.0
P95_MS: Final = 250.0
FLAT: Final = 1.5
"""By so much the median of a page may be longer with ten times the cases."""
FIRST_VISIT_KB: Final = 200.0
REQUESTS: Final = 60
WARMING: Final = 1
GROWTH_REQUESTS: Final = 2_000
GROWTH_MB: Final = 20.0
IMPORT_ROWS: Final = 20_000
IMPORT_SECONDS: Final = 600
_CSRF: Final = re.compile(rb'name="csrf" value="([^"]+)"')
_BOUNDARY: Final = "raakvlak-bench"


@dataclass(frozen=True)
class Times:
    """Milliseconds of so many requests for one page, on cores of their own; `wall` is the median as it was on this machine,
    `cpu` the median of what one cost the node."""

    median: float
    p95: float
    wall: float
    cpu: float
    kilobytes: float

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> "Times":
        seconds = [each.alone for each in answers]
        return cls(
            1_000 * statistics.median(seconds),
            1_000 * percentile(seconds, 95),
            1_000 * statistics.median(each.seconds for each in answers),
            1_000 * statistics.median(each.cpu for each in answers),
            statistics.median(len(each.body) for each in answers) / 1_000,
        )

    def encode(self) -> dict[str, float]:
        return {
            "median_ms": round(self.median, 1), "p95_ms": round(self.p95, 1), "wall_ms": round(self.wall, 1),
            "cpu_ms": round(self.cpu, 1),
            "kilobytes": round(self.kilobytes, 1),
        }  # fmt: skip


@dataclass(frozen=True)
class Pages:
    """A page at both sizes."""

    name: str
    small: Times
    large: Times

    @property
    def growth(self) -> float:
        return self.large.median / self.small.median


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest of the values that so many per cent of them do not exceed (nearest rank)."""
    return sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]


def run(*, quick: bool) -> tuple[list[Result], dict[str, Any]]:
    """The figures that have a floor, and each page; `quick` only shows that they can be made."""
    sizes = QUICK if quick else (SMALL, LARGE)
    with tempfile.TemporaryDirectory() as made, ExitStack() as held:
        sandbox, servers = busy.covenant(), []
        for size in sizes:
            talk(f"pages: making a node of {size.cases:,} cases and {size.matches:,} matches")
            path = Path(made) / str(size.cases)
            busy.make(sandbox, path, size, f"127.0.0.1:{free_port()}")
            servers.append(held.enter_context(Server.running(path)))
        held.enter_context(_on_the_other_core())
        small, large = servers
        holds = [busy.found(each.node) for each in servers]
        talk("pages: asking for each of them in turn")
        pages = measured(small, large, 1 if quick else REQUESTS)
        visit = first_visit(large)
        talk("pages: asking for many, to see whether memory grows")
        grown = growth(large, 20 if quick else GROWTH_REQUESTS)
        talk("pages: looking on during an import")
        during = importing(large, sizes[1].cases, 60 if quick else IMPORT_ROWS)
    report = {
        "nodes": [{"size": size.cases, "holds": each} for size, each in zip(sizes, holds, strict=True)],
        "pages": [
            {"name": each.name, "small": each.small.encode(), "large": each.large.encode(), "growth": round(each.growth, 2)}
            for each in pages
        ],
        "first_visit": visit,
        "import": during,
    }
    return results(pages, sum(visit.values()) / 1_000, grown, during), report


def results(pages: Sequence[Pages], kilobytes: float, grown: float, during: Mapping[str, float]) -> list[Result]:
    """The worst page of each kind, against what it may take; the empty one only informs."""
    empty = next(each for each in pages if each.name == EMPTY)
    work = [each for each in pages if each is not empty]
    slowest = max(work, key=lambda each: each.large.median)
    longest = max(work, key=lambda each: each.large.wall)
    latest = max(work, key=lambda each: each.large.p95)
    steepest = max(work, key=lambda each: each.growth)
    return [
        _least("pages: an empty page, median", empty.large.median, "ms", MEDIAN_MS, judged=False),
        _least(f"pages: longest median beside others ({longest.name})", longest.large.wall, "ms", MEDIAN_MS, judged=False),
        _least(f"pages: slowest median ({slowest.name})", slowest.large.median, "ms", MEDIAN_MS),
        _least(f"pages: slowest p95 ({latest.name})", latest.large.p95, "ms", P95_MS),
        _least(f"pages: steepest, ten times the cases ({steepest.name})", steepest.growth, "×", FLAT),
        _least("pages: first visit", kilobytes, "kB", FIRST_VISIT_KB),
        _least("pages: memory grown", grown, "MB", GROWTH_MB),
        _least("pages: p95 during an import", during["p95_ms"], "ms", P95_MS, judged=False),
    ]


def _least(name: str, value: float, unit: str, limit: float, *, judged: bool = True) -> Result:
    """A figure that must not exceed its limit."""
    return Result(name, value, unit, limit, limit / max(value, 1e-9), 1.0 if judged else None, 1.0)


@contextmanager
def _on_the_other_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores()[1]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def measured(small: Server, large: Server, requests: int) -> list[Pages]:
    """Every page so many times at both, one after the other."""
    both = (small, large)
    known = [{each.name: each for each in visits(server.node)} for server in both]
    answers: dict[tuple[str, int], list[Answer]] = {}
    for number in range(WARMING + requests):
        for name in known[0]:
            for place, server in enumerate(both):
                answer = _opened(server, known[place][name], number)
                if number >= WARMING:
                    answers.setdefault((name, place), []).append(answer)
    return [Pages(name, Times.of(answers[name, 0]), Times.of(answers[name, 1])) for name in known[0]]


def _opened(server: Server, visit: Visit, number: int) -> Answer:
    path = visit.paths[number % len(visit.paths)]
    answer = server.ask(path, visit.who)
    wanted = {404} if visit.route == EMPTY else {200, 303}
    assert answer.status in wanted, (visit.name, path, answer.status)
    return answer


def first_visit(server: Server) -> dict[str, int]:
    """Bytes of all that a case worker's browser fetches who comes here for the first time: to sign in, and then today."""
    found = server.first_visit("/sign-in") | server.first_visit("/today", reader(Role.CASE_WORKER))
    return {re.sub(r"^/static/[0-9a-f]+/", "", path): size for path, size in found.items()}


def growth(server: Server, requests: int) -> float:
    """Megabytes that the node has grown by in so many requests, all of its pages in turn."""
    known = visits(server.node)
    for number in range(requests // 4):
        _opened(server, known[number % len(known)], number // len(known))
    before = resident_megabytes(server.pid)
    for number in range(requests):
        _opened(server, known[number % len(known)], number // len(known))
    return max(0.0, resident_megabytes(server.pid) - before)


# --- an import beside it ----------------------------------------------------------------------------------------------


def importing(server: Server, cases: int, rows: int) -> dict[str, float]:
    """How long today, the cases and a picture take a case worker while an administrator imports so many rows: half of them
    new, half of them of cases whose worker has another telephone number."""
    known = [each for each in visits(server.node) if each.name in {"today", "cases", "client picture, 3 around"}]
    administrator, jobs = reader(Role.ADMINISTRATOR), Jobs(server.node.store, server.path)
    _send(server, administrator, "/import", _caseload(server, cases, rows))
    job = server.location
    taken: list[Answer] = []
    seconds = {}
    for act, until in (("", State.CHECKED), ("import", State.DONE)):
        if act:
            _send(server, administrator, job, None, act=act, bsn="")
        began = time.monotonic()
        while (state := _state(jobs, job)) is not until or not taken:
            assert state is not State.FAILED and time.monotonic() - began < IMPORT_SECONDS, state
            taken.append(_opened(server, known[len(taken) % len(known)], len(taken)))
            time.sleep(0.1)
        seconds[str(until)] = round(time.monotonic() - began, 1)
    times = Times.of(taken)
    return {**times.encode(), "requests": len(taken), "rows": rows, **{f"seconds_{key}": each for key, each in seconds.items()}}


def _state(jobs: Jobs, path: str) -> State:
    found = jobs.job(path.rpartition("/")[2])
    assert found is not None
    return found.state


def _caseload(server: Server, cases: int, rows: int) -> bytes:
    today = server.node.clock().date().isoformat()
    made = []
    for row in range(rows):
        number = row if row % 2 else cases + row
        worker = number % max(busy.TEAM, cases // busy.WORKER_CASES)
        made.append(
            {
                "case_ref": busy.reference(number),
                "bsn": bsn(number * 5 + 3),
                "function": "youth worker",
                "worker_name": f"Worker {worker}",
                "worker_email": busy.email(worker),
                "worker_phone": f"0118-{560_000 + worker}",
                "since": today,
            }
        )
    return table(made)


def _send(server: Server, who: str, path: str, file: bytes | None, **fields: str) -> None:
    """Fills in the form of a page, with a file where one is given."""
    (token, *_) = _CSRF.findall(server.ask(path, who).body)
    given = {"csrf": token.decode(), **fields}
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in given.items()
    ]
    body = "".join(parts).encode()
    if file is not None:
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="cases.csv"\r\n'
        body += head.encode() + b"Content-Type: text/csv\r\n\r\n" + file + b"\r\n"
    body += f"--{_BOUNDARY}--\r\n".encode()
    answer = server.ask(
        path, who, method="POST", body=body, Origin=f"http://localhost:{server.port}",
        Content_Type=f"multipart/form-data; boundary={_BOUNDARY}",
    )  # fmt: skip
    assert answer.status == 303, (path, answer.status)


def text(report: Mapping[str, Any]) -> list[str]:
    """The table of the pages, for people."""
    names = [each["name"] for each in report["pages"]]
    width = max(map(len, names))
    sizes = [f"{each['size']:,} cases" for each in report["nodes"]]
    lines = [
        f"{'':{width}}  {sizes[0]:>34}  {sizes[1]:>34}",
        f"{'':{width}}" + f"  {'median':>8}{'p95':>8}{'wall':>8}{'CPU':>10}" * 2,
    ]
    for each in report["pages"]:
        both = "".join(
            f"  {time['median_ms']:>8}{time['p95_ms']:>8}{time['wall_ms']:>8}{time['cpu_ms']:>7} ms"
            for time in (each["small"], each["large"])
        )
        lines.append(f"{each['name']:{width}}{both}  ×{each['growth']:.2f}  {each['large']['kilobytes']:>6} kB")
    return lines
