"""Around every page: what is refused before it is read, the headers of every answer, and the log's line of it."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from raakvlak_protocol.party.events import error_fields
from raakvlak_protocol.party.look import HEADERS, HSTS

MAX_FORM_BYTES: Final = 256 * 1024
METHODS: Final = frozenset({"GET", "HEAD", "POST"})
# What people may meet before it is known in which language they read.
_ELSEWHERE: Final = "Deze pagina's staan op {host}.\nThese pages are at {host}.\n"
_TOO_LARGE: Final = "Dit is te groot om te versturen.\nThis is too large to be sent here.\n"
_WRONG: Final = "Er ging hier iets mis; het staat in het logboek van de node.\nSomething went wrong here; see the node's log.\n"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Log = Callable[..., None]


class Guard:
    """Passes on what may be answered. `uploads` are paths that take a file, with the most bytes that it may have.

    Pages are sent as they are: compressed, one that holds a form's token beside words of its own address would tell the
    token by its length (BREACH, CVE-2013-3587). Files, which hold no secret, are compressed.
    """

    def __init__(self, app: App, address: str, log: Log, uploads: dict[str, int]) -> None:
        self._app = app
        self._host = address.partition("://")[2]
        self._secure = address.startswith("https://")
        self._log = log
        self._uploads = uploads

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message["headers"])
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if self._secure:
                    headers.setdefault("Strict-Transport-Security", HSTS)
                message["headers"] = headers.raw
            await send(message)

        refused = self._refused(scope)
        try:
            await (refused or self._app)(scope, receive, answer)
        except Exception as error:
            self._log("error", **error_fields(error, "answering a page"))
            if not status:
                await PlainTextResponse(_WRONG, 500)(scope, receive, answer)
        # The route's pattern, never the path: the handle of a case stands in it.
        self._log(
            "page_answered",
            method=scope["method"] if scope["method"] in METHODS else "other",
            route=str(getattr(scope.get("route"), "path", "none")),
            status=int(status),
        )

    def _refused(self, scope: Message) -> App | None:
        headers = Headers(scope=scope)
        if headers.getlist("host") != [self._host]:
            # Another site's name that was pointed at this address would make its pages ours to the browser.
            return PlainTextResponse(_ELSEWHERE.format(host=self._host), 421)
        if scope["method"] not in METHODS:
            return PlainTextResponse("There is nothing here by that method.", 405, {"Allow": ", ".join(sorted(METHODS))})
        if "transfer-encoding" in headers:
            # Whoever sends both sizes wants two servers to disagree about where the request ends: nothing comes behind it.
            return PlainTextResponse("Send the form whole, with its Content-Length.", 411, {"Connection": "close"})
        most = self._uploads.get(scope["path"], MAX_FORM_BYTES) if scope["method"] == "POST" else 0
        length = headers.get("content-length", "0")
        if not re.fullmatch(r"[0-9]{1,12}", length) or int(length) > most:
            return PlainTextResponse(_TOO_LARGE, 413)
        return None
