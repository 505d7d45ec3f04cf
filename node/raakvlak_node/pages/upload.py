"""A form with a file in it, read as it comes: the file goes straight to where it will lie, for its owner alone, and not
by way of the memory or of a folder that others use. Nothing of it is written before the form's token is known."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

from fastapi import Depends, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from raakvlak_node.caseload import MAX_FILE_BYTES
from raakvlak_node.import_jobs import Jobs, shown_name, writing
from raakvlak_node.pages.door import At, Page, demand_ours, refuse_form

MAX_FIELD_BYTES: Final = 1_000
FILE: Final = "file"


@dataclass(frozen=True, slots=True, repr=False)
class Sent:
    """What was sent in: the import that it belongs to, what the sender calls the file, and how many bytes came. More than
    MAX_FILE_BYTES are not kept."""

    id: str
    name: str
    size: int


class _Forged(Exception):
    """A file came before the token of the form, or with a wrong one."""


class _Parts:
    """The callbacks of the parser: fields are collected, the file is written."""

    def __init__(self, csrf: str, open_file: Callable[[], BinaryIO]) -> None:
        self.fields: dict[str, bytes] = {}
        self.filename = ""
        self.size = 0
        self._csrf = csrf
        self._open = open_file
        self._file: BinaryIO | None = None
        self._name = ""
        self._is_file = False
        self._header = b""
        self._value = b""

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
        }

    @property
    def proven(self) -> bool:
        return hmac.compare_digest(self.fields.get("csrf", b""), self._csrf.encode())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self._name, self._is_file, self._header, self._value = "", False, b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self._name = options.get(b"name", b"").decode("utf-8", "replace")
            self._is_file = b"filename" in options
            if self._is_file:
                self.filename = options[b"filename"].decode("utf-8", "replace")
        self._header, self._value = b"", b""

    def _headers_finished(self) -> None:
        if not self._is_file:
            return
        if not self.proven or self._name != FILE or self._file is not None:
            raise _Forged
        self._file = self._open()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            assert self._file is not None
            self.size += end - start
            if self.size <= MAX_FILE_BYTES:
                self._file.write(data[start:end])
            return
        held = self.fields.get(self._name, b"") + data[start:end]
        if len(held) > MAX_FIELD_BYTES or len(self.fields) > 10:
            raise _Forged
        self.fields[self._name] = held


async def _sent(request: Request, page: At) -> Sent:
    """What a form of ours sends in. Raises Turned where the browser did not get it from us; then nothing of it is left."""
    await run_in_threadpool(demand_ours, page)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        await run_in_threadpool(refuse_form, page)
    id, path = await run_in_threadpool(_receive, page)
    parts = _Parts(page.csrf, lambda: writing(path))
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        async for chunk in request.stream():
            parser.write(chunk)
        parser.finalize()
        if not parts.proven:
            raise _Forged
    except (FormParserError, _Forged):
        parts.close()
        await run_in_threadpool(_erase, page, id)
        await run_in_threadpool(refuse_form, page)
    except (ClientDisconnect, OSError):
        parts.close()
        await run_in_threadpool(_erase, page, id)
        raise
    parts.close()
    return Sent(id, shown_name(parts.filename), parts.size)


Uploaded = Annotated[Sent, Depends(_sent)]


def _receive(page: Page) -> tuple[str, Path]:
    with page.node() as own:
        jobs = Jobs(own.store, own.folder.path)
        made = jobs.receive(own.random, page.now)
        return made.id, jobs.file(made.id)


def _erase(page: Page, id: str) -> None:
    """Nothing of an import is left."""
    with page.node() as own:
        Jobs(own.store, own.folder.path).erase(id)
