"""The errors of every party, grouped by what the caller does next.

    RaakvlakError
    ├── Malformed        their data is bad: report it, never retry as it is
    ├── Refused          the other side will not do it: tell a person
    │   ├── NotPermitted     this caller may not do this
    │   ├── Stale            another process or an older request: open again, read the numbers it names
    │   └── TooLarge         over a limit that the message names
    ├── Unavailable      nothing is wrong with the request: try later
    │   └── OverQuota        try after `until`; `left` may still be asked for now
    └── Evidence         somebody broke the protocol: keep what was received, tell the auditor

A message says what happened, what it risks and what to do; lower case, no full stop. It never holds an identifier,
a name, a token or a letter's text: whoever raises an error writes its message from constants, numbers, party ids and
column names only. Translation to a gRPC status stands in `party.peer`, to problem+json in the node's `rest`.
"""

from datetime import datetime


class RaakvlakError(Exception):
    """The root; `str(error)` is fit for a log and for a person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Malformed(RaakvlakError):
    """What was given is not what it claims to be.

    `item` is the zero-based place of the wrong item in a list, where there is one; `field` names the wrong field.
    """

    def __init__(self, message: str, *, item: int | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.item = item
        self.field = field


class Refused(RaakvlakError):
    """The request is understood and will not be done, now or on a retry."""


class NotPermitted(Refused):
    """The caller is not who may ask this."""


class Stale(Refused):
    """The write carries an old generation or sequence; `generation` and `sequence` are the index's last ones."""

    def __init__(self, message: str, *, generation: int = 0, sequence: int = 0) -> None:
        super().__init__(message)
        self.generation = generation
        self.sequence = sequence


class TooLarge(Refused):
    """Over a limit; the message names the limit and its unit."""


class Unavailable(RaakvlakError):
    """The other side can't answer now; the same request may succeed later."""


class OverQuota(Unavailable):
    """The quota does not suffice; nothing was charged. `left` is what may still be asked for before `until` (UTC)."""

    def __init__(self, message: str, *, left: int, until: datetime) -> None:
        super().__init__(message)
        self.left = left
        self.until = until


class Evidence(RaakvlakError):
    """A party provably broke the protocol; `party` is its id, for the report."""

    def __init__(self, message: str, *, party: str = "") -> None:
        super().__init__(message)
        self.party = party
