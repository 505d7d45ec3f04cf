"""A party's log: declared events with declared fields, as JSON lines.

An allow-list can be shown to a data-protection officer; a free-form message can't. So there is no way to write a text
into the log: an event has a name, and fields whose names and types its party declared. Of an exception that is not ours
only its class and its place in the code appear, because its text may quote whatever it stumbled over.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TextIO

import structlog

from raakvlak_protocol.errors import RaakvlakError

_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_TYPES: Final = (str, int, float, bool)
_RESERVED: Final = frozenset({"time", "party", "event", "level"})
_MAX_TEXT: Final = 300


class Declared:
    """An event that may be logged: `Declared("quota.charged", "info", member=str, namespace=str, count=int)`."""

    __slots__ = ("fields", "level", "name")

    def __init__(self, name: str, level: str, /, **fields: type) -> None:
        if level not in _LEVELS or _RESERVED & fields.keys() or not set(fields.values()) <= set(_TYPES):
            raise ValueError(f"{name}: a level of {_LEVELS}, fields of str, int, float or bool, none of {_RESERVED}")
        self.name: Final = name
        self.level: Final = level
        self.fields: Final[Mapping[str, type]] = MappingProxyType(fields)

    def check(self, given: Mapping[str, object]) -> None:
        """Raises TypeError unless `given` holds exactly the declared fields with values of the declared types."""
        if given.keys() != self.fields.keys():
            raise TypeError(f"{self.name} has the fields {sorted(self.fields)}, not {sorted(given)}")
        for name, kind in self.fields.items():
            # A bool is an int to Python; a log's reader would take it for a count.
            if not isinstance(given[name], kind) or (kind is not bool and isinstance(given[name], bool)):
                raise TypeError(f"{self.name}: {name} must be {kind.__name__}, not {type(given[name]).__name__}")


_OWN: Final = (
    Declared("error", "error", kind=str, message=str, place=str, doing=str),
    Declared("library", "warning", logger=str, at=str),
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Log:
    """The log of one party. Threads may share it; each event is one line, written and flushed at once."""

    def __init__(
        self, party: str, events: Iterable[Declared], stream: TextIO, *, now: Callable[[], datetime] = _utc_now
    ) -> None:
        self._now = now
        self._events = {event.name: event for event in (*_OWN, *events)}
        self._lines = structlog.wrap_logger(
            structlog.WriteLogger(stream),
            processors=[_in_order, structlog.processors.JSONRenderer(ensure_ascii=False)],
            wrapper_class=structlog.BoundLoggerBase,
            cache_logger_on_first_use=True,
        ).bind(party=party)

    def __call__(self, name: str, /, **fields: object) -> None:
        """Logs a declared event; an undeclared one, or other fields or types than declared, raises TypeError."""
        event = self._events.get(name)
        if event is None:
            raise TypeError(f"{name} is not a declared event")
        event.check(fields)
        texts = {key: value[:_MAX_TEXT] for key, value in fields.items() if isinstance(value, str)}
        time = self._now().astimezone(UTC).isoformat(timespec="milliseconds")
        self._lines._proxy_to_logger("msg", name, time=time, level=event.level, **{**fields, **texts})

    def error(self, error: BaseException, *, doing: str = "") -> None:
        """Logs the class of `error` and where it was raised; its message only if it is one of ours.

        `doing` says in constant words what failed, for the operator.
        """
        self("error", **error_fields(error, doing))


def install(log: Log) -> None:
    """Makes `log` the only voice of this process: libraries' records become `library` events without their message,
    and what nobody handles becomes an `error` event, in every thread. For a program's start, once.
    """
    logging.lastResort = None
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    logging.root.handlers[:] = [_Library(log)]
    logging.root.setLevel(logging.WARNING)
    sys.excepthook = lambda kind, error, trace: log.error(error, doing="not handled")
    threading.excepthook = lambda given: log.error(given.exc_value or given.exc_type(), doing="not handled in a thread")
    sys.unraisablehook = lambda given: log.error(given.exc_value or RuntimeError(), doing="not handled in a finaliser")


class _Library(logging.Handler):
    """Tells that a library complained, and which; never what it said."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log("library", logger=record.name, at=record.levelname)


def _in_order(logger: Any, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What every line has first, then the event's own fields as given."""
    first = ("time", "party", "event", "level")
    return {key: line[key] for key in first} | {key: value for key, value in line.items() if key not in first}


def error_fields(error: BaseException, doing: str) -> dict[str, str]:
    """What the event `error` tells of one."""
    message = error.message if isinstance(error, RaakvlakError) else ""
    return {"kind": type(error).__name__, "message": message, "place": place(error), "doing": doing}


def place(error: BaseException) -> str:
    """`package/module.py:line` where it was raised; no line's text, which may hold a literal."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames:
        return ""
    frame, line = frames[-1]
    return f"{'/'.join(Path(frame.f_code.co_filename).parts[-2:])}:{line}"
