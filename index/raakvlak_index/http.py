"""What the index shows to whoever asks, over HTTPS: covenant, checkpoints, tiles; and what witnesses and key holders add.

    GET /covenant                     the covenant file
    GET /checkpoint                   the newest checkpoint
    GET /checkpoint/<witness>         the newest that this witness has cosigned
    GET /tile/<level>/<number>        hashes, partial tiles too, by the paths of C2SP tlog-tiles
    GET /tile/entries/<number>        entries
    GET /healthz, /metrics            for the operator
    PUT /checkpoint/<witness>         a checkpoint that the witness cosigned: kept where it is newer
    PUT /statement                    the hash of a key holder's daily statement: enters the log

Beside them, where the index serves it, stand the operator's pages (`operator.pages`), for whoever has signed in.

At these paths nobody is asked who he is: what is shown proves itself and hides nothing, what is added bears a signature
under a key in the covenant. An answer that is no success is problem+json and repeats nothing of what was sent.

There is no count of matches, rows or events among the metrics: whoever publishes a single token at a quiet hour would
see in the next number whether it met somebody, also where only the coordinator is to hear of it; for the same reason the
queues of coordinators are in no count. What is counted there says nothing that the published log does not say already,
or is of the members' machines and not of their cases.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from raakvlak_index.log import PublishedLog
from raakvlak_index.progress import Progress
from raakvlak_index.service import Readers
from raakvlak_index.store import Reader, Witnessed
from raakvlak_index.writer import Writer
from raakvlak_protocol import checkpoint, note, statement, tile
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Evidence, Malformed, NotPermitted, RaakvlakError, Refused, TooLarge, Unavailable
from raakvlak_protocol.note import MAX_NOTE_BYTES, Note, NoteKey
from raakvlak_protocol.party.web import Missing
from raakvlak_protocol.tile import TILE_WIDTH

MAX_BODY_BYTES: Final = MAX_NOTE_BYTES
AHEAD: Final = timedelta(minutes=5)
"""How far a witness's clock may be ahead of ours. Further, its cosignature would look fresh when it no longer is."""
NOTE: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable"}
SHORTLY: Final = {"cache-control": "public, max-age=60"}
"""For partial tiles: what is in them never changes, but nobody needs them once they are full."""
NEVER: Final = {"cache-control": "no-cache"}

_STATUS: Final[tuple[tuple[type[RaakvlakError], HTTPStatus], ...]] = (
    (Missing, HTTPStatus.NOT_FOUND),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (NotPermitted, HTTPStatus.FORBIDDEN),
    (Refused, HTTPStatus.CONFLICT),
    (Evidence, HTTPStatus.FORBIDDEN),
    (Malformed, HTTPStatus.BAD_REQUEST),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


class Public:
    """The answers, without HTTP. Threads may share it."""

    def __init__(
        self,
        covenant: Covenant,
        covenant_file: bytes,
        published: PublishedLog,
        readers: Readers,
        writer: Writer,
        now: Callable[[], datetime],
        progress: Progress,
        differs: Callable[[str, int], None],
    ) -> None:
        """`progress` tells whether the log is being published; `differs` is told the witness and size of a checkpoint
        under our own key that is not of our history."""
        self._covenant = covenant
        self.covenant_file = covenant_file
        self._published = published
        self._readers = readers
        self._writer = writer
        self._now = now
        self._progress = progress
        self._differs = differs

    @property
    def checkpoint(self) -> bytes:
        """The newest, as it was signed."""
        return self._published.signed.raw

    def tile(self, text: str) -> tuple[bytes, bool]:
        """The bytes under a tile's path, and whether the tile is full. Raises Missing for a path that was never
        published, or that is none."""
        try:
            path = tile.parse_path(text)
        except Malformed as error:
            raise Missing(error.message) from None
        if not self._published.holds(path):
            raise Missing(f"so much was not published: the log has {self._published.size} entries")
        return self._published.read(path), path.width == TILE_WIDTH

    def cosigned(self, witness: str) -> bytes:
        """The newest checkpoint that the witness cosigned; raises Missing before the first."""
        self._witness_key(witness)
        found = self._readers.wait(_cosigned(witness))
        if found is None:
            raise Missing("this witness has cosigned nothing yet")
        return found

    def keep_checkpoint(self, witness: str, raw: bytes) -> None:
        """Keeps what a witness cosigned. Raises Malformed for what is none, Evidence for a signature that does not hold,
        Refused for a checkpoint that is not of the published history, or older than the one that is kept."""
        self._demand_in_force()
        key = self._witness_key(witness)
        signed = checkpoint.verify(raw, self._covenant.log_key)
        at = checkpoint.cosigned(raw, key)
        if at is None:
            raise Malformed("this checkpoint bears no cosignature of the witness whose path this is")
        if at > self._now() + AHEAD:
            raise Malformed("this cosignature is of a time that has not come: the witness's clock is ahead")
        if signed.size > self._published.size or self._published.root_at(signed.size) != signed.root:
            self._differs(witness, signed.size)
            raise Refused(
                f"this checkpoint bears the log's signature and is not of the history that is served, of "
                f"{self._published.size} entries: keep it, it is evidence, and show it to the compliance officers"
            )
        kept = _only(raw, self._covenant.log_key, key)
        if kept != self._readers.wait(_cosigned(witness)) and not self._writer.run(
            lambda store: store.keep_cosigned(witness, signed.size, at, kept)
        ):
            raise Refused("a newer checkpoint that this witness cosigned is kept already: it is never replaced by an older one")

    def keep_statement(self, raw: bytes) -> None:
        """Puts the hash of a key holder's statement into the log, once. Raises Malformed for what is none or of a day
        that is not to be stated, Evidence for a wrong signature, Refused where another one of that day is there,
        Unavailable while the log can't be published: a key holder that was told yes never sends it again."""
        self._demand_in_force()
        self._progress.demand()
        claimed = statement.submitter(raw)
        holder = next((each for each in self._covenant.key_holders.values() if each.signing_key.name == claimed), None)
        if holder is None:
            raise NotPermitted("the covenant names no such key holder")
        found = statement.verify_submission(raw, holder.signing_key)
        # Not from this version's own beginning: the last day under the one before it is stated under this one. The epochs
        # are the same in all versions.
        first = min(self._covenant.valid_from, *(each.valid_from for each in self._covenant.epochs.values()))
        if not first.date() <= found.day <= self._now().date():
            raise Malformed("this statement is of a day before the covenant or after today")
        day = found.day.isoformat()
        self._writer.run(lambda store: store.keep_statement(found.holder, day, found.hash))

    def demand_healthy(self) -> None:
        """Returns while the log is being published, and so writes are taken; else raises Unavailable."""
        self._progress.demand()

    def metrics(self) -> str:
        """For Prometheus."""
        now = self._now()
        size, queues, witnesses = self._readers.wait(lambda reader: (reader.log_size(), reader.queues(now), reader.witnesses()))
        lines = _metric("log_entries", "entries of the log that were committed", {"": size})
        lines += _metric("log_published_entries", "entries of the log that were published", {"": self._published.size})
        lines += _metric(
            "log_stalled", "1 while the log can't be published and writes are refused", {"": int(self._progress.fails)}
        )
        lines += _metric("covenant_version", "version of the covenant in use", {"": self._covenant.version})
        lines += _metric("members_suspended", "members silent for so long that no match is told", {"": queues.suspended})
        lines += _metric("queue_alarms", "members whose queue is nearly full or was full", {"": queues.alarms})
        ages = {f'{{witness="{id}"}}': _age(now, each) for id, each in witnesses.items() if id in self._covenant.witnesses}
        lines += _metric("cosignature_age_seconds", "since the newest cosignature of a witness", ages)
        return "".join(line + "\n" for line in lines)

    def _witness_key(self, witness: str) -> NoteKey:
        found = self._covenant.witnesses.get(witness)
        if found is None:
            raise Missing("the covenant names no such witness")
        return found.key

    def _demand_in_force(self) -> None:
        if not self._covenant.valid_from <= self._now() < self._covenant.valid_until:
            raise Refused("the covenant is not in force now: load the version in force")


def app(public: Public, pages: Callable[[FastAPI], None] | None = None) -> FastAPI:
    """The paths at the head of this module, for `party.web`, which bounds bodies by MAX_BODY_BYTES; `pages` adds others."""
    api = FastAPI(title="Raakvlak index", openapi_url=None, redirect_slashes=False)

    @api.get("/covenant")
    def covenant() -> Response:
        return Response(public.covenant_file, media_type=BYTES, headers=NEVER)

    @api.get("/checkpoint")
    def newest() -> Response:
        return Response(public.checkpoint, media_type=NOTE, headers=NEVER)

    @api.get("/checkpoint/{witness}")
    def cosigned(witness: str) -> Response:
        return Response(public.cosigned(witness), media_type=NOTE, headers=NEVER)

    @api.get("/tile/entries/{number:path}")
    def entries(number: str) -> Response:
        return _tile(public, f"tile/entries/{number}")

    @api.get("/tile/{level}/{number:path}")
    def hashes(level: str, number: str) -> Response:
        return _tile(public, f"tile/{level}/{number}")

    @api.get("/healthz")
    def health() -> Response:
        public.demand_healthy()
        return Response("ok\n", media_type=NOTE, headers=NEVER)

    @api.get("/metrics")
    def metrics() -> Response:
        return Response(public.metrics(), headers=NEVER | {"content-type": METRICS})

    @api.put("/checkpoint/{witness}", status_code=HTTPStatus.NO_CONTENT)
    async def keep_checkpoint(witness: str, request: Request) -> Response:
        await asyncio.to_thread(public.keep_checkpoint, witness, await request.body())
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @api.put("/statement", status_code=HTTPStatus.NO_CONTENT)
    async def keep_statement(request: Request) -> Response:
        await asyncio.to_thread(public.keep_statement, await request.body())
        return Response(status_code=HTTPStatus.NO_CONTENT)

    if pages is not None:
        pages(api)
    api.add_exception_handler(RaakvlakError, _ours)
    api.add_exception_handler(HTTPException, _plain)
    return api


def _tile(public: Public, path: str) -> Response:
    raw, full = public.tile(path)
    return Response(raw, media_type=BYTES, headers=FOR_EVER if full else SHORTLY)


def _ours(request: Request, error: Exception) -> Awaitable[Response] | Response:
    assert isinstance(error, RaakvlakError)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    return _problem(status, error.message)


def _plain(request: Request, error: Exception) -> Response:
    """The framework's own: no such path, no such method."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return _problem(status, "there is nothing at this path, or not by this method")


def _problem(status: HTTPStatus, detail: str) -> Response:
    body = {"title": status.phrase, "status": status.value, "detail": detail}
    return JSONResponse(body, status_code=status, media_type="application/problem+json", headers=NEVER)


def _only(raw: bytes, *keys: NoteKey) -> bytes:
    """The note with the lines of these keys alone: what else a witness received with it is not ours to show."""
    signed = note.parse(raw)
    return Note(signed.text, tuple(line for key in keys if (line := signed.line_of(key)))).encode()


def _cosigned(witness: str) -> Callable[[Reader], bytes | None]:
    return lambda reader: reader.cosigned(witness)


def _age(now: datetime, witnessed: Witnessed) -> int:
    return max(0, int((now - witnessed.at).total_seconds()))


def _metric(name: str, help: str, values: dict[str, int]) -> list[str]:
    head = [f"# HELP raakvlak_index_{name} {help}", f"# TYPE raakvlak_index_{name} gauge"]
    return head + [f"raakvlak_index_{name}{labels} {value}" for labels, value in values.items()]
