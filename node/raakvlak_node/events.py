"""Every event that a node's log may hold, with the fields that it may carry. None names a person or a case."""

from typing import Final

from raakvlak_node import mailing, webhooks
from raakvlak_protocol.party.events import Declared

EVENTS: Final = (
    Declared("started", "info", version=str, covenant_version=int),
    Declared("stopped", "info"),
    Declared("evaluated", "info", count=int),
    Declared("published", "info", count=int),
    Declared("withdrawn", "info", count=int),
    Declared("erased", "info", count=int),
    Declared("lost_rows", "warning", count=int),
    Declared("received", "info", events=int),
    Declared("posted", "info", letters=int),
    Declared("escalated", "info", count=int),
    Declared("terms_told", "info", count=int),
    Declared("replayed", "warning", matches=int),
    Declared("waiting", "warning", kind=str, reason=str),
    Declared("key_holder_failed", "warning", key_holder=str, kind=str, reason=str),
    Declared("letter_put_aside", "warning", sender=str, reason=str),
    Declared("proven", "info", rows=int, size=int),
    Declared("log_unread", "info", entries=int),
    Declared("receipts_forgotten", "warning", count=int),
    Declared("log_not_followed", "warning", reason=str),
    Declared("proof_overdue", "error", rows=int, hours=int),
    Declared("alarm", "critical", kind=str, reason=str, file=str),
    Declared("rest_answered", "info", method=str, route=str, status=int, caller=str),
    Declared("page_answered", "info", method=str, route=str, status=int),
    *webhooks.EVENTS,
    *mailing.EVENTS,
)
