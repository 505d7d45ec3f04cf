"""Every event that a key holder's log may hold, with the fields that it may carry: counts and party ids, no element."""

from typing import Final

from raakvlak_protocol.party.events import Declared

EVENTS: Final = (
    Declared("started", "info", covenant_version=int, share_number=int, keys=int),
    Declared("stopped", "info"),
    Declared("evaluated", "info", member=str, namespace=str, epoch=int, count=int, charged=int),
    Declared("refused", "warning", method=str, member=str, kind=str, reason=str),
    Declared("statement_made", "info", day=str),
    Declared("statement_handed_in", "info", day=str),
    Declared("statements_wait", "warning", reason=str),
    Declared("share_unused", "warning", namespace=str, epoch=int),
)
