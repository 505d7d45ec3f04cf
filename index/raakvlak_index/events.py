"""Every event that the index's log may hold, with the fields that it may carry: party ids, counts, months.

No digest, token, reference or match id, and nowhere how many matches a publication had: of confidential ones that
would be known to whoever reads the log. Of an operator it has the name by which he was made.
"""

from typing import Final

from raakvlak_protocol.party.events import Declared

EVENTS: Final = (
    Declared("started", "info", covenant_version=int, members=int, epochs=int),
    Declared("stopped", "info"),
    Declared("pepper_made", "warning", epoch=int),
    Declared("opened", "info", member=str, generation=int),
    Declared("published", "info", member=str, epoch=int, items=int),
    Declared("withdrawn", "info", member=str, epoch=int, items=int),
    Declared("refused", "warning", method=str, member=str, kind=str),
    Declared("removed", "info", month=int, rows=int),
    Declared("lapsed", "info", letters=int),
    Declared("forgotten", "warning", member=str, rows=int),
    Declared("uncosigned", "warning", hours=int),
    Declared("writes_refused", "error", seconds=int),
    Declared("writes_taken", "info"),
    Declared("left", "warning", member=str, rows=int),
    Declared("history_differs", "error", witness=str, size=int),
    Declared("operator_signed_in", "info", operator=str),
    Declared("operator_signed_out", "info", operator=str),
    Declared("operator_refused", "warning", tries=int),
    Declared("alarm", "warning", member=str, waiting=int, limit=int),
)
