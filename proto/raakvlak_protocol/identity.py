"""Who a party is: the one URI in its certificate, and the DNS name that a client demands of a server.

An identity is `raakvlak://<covenant>/<role>/<id>`. gRPC checks only DNS names on the client's side, so that each
server's certificate also names `<id>.<role>.<covenant>.raakvlak`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from raakvlak_protocol.errors import Malformed

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_URI = re.compile(r"raakvlak://([a-z0-9-]+)/([a-z]+)/([a-z0-9-]+)")


class Role(StrEnum):
    """What a certificate lets its holder be."""

    NODE = "node"
    KEYHOLDER = "keyholder"
    INDEX = "index"


def checked_id(text: str, field: str = "id") -> str:
    """`text`, if it is an id: 1 to 63 lower-case letters, digits and hyphens, not beginning with a hyphen."""
    if not _ID.fullmatch(text):
        raise Malformed("an id holds 1 to 63 lower-case letters, digits and hyphens, and begins with no hyphen", field=field)
    return text


@dataclass(frozen=True, slots=True)
class Identity:
    """A party within a covenant."""

    covenant: str
    role: Role
    id: str

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        """The identity in a certificate's URI SAN; raises Malformed on anything else than the exact form."""
        found = _URI.fullmatch(uri)
        if not found or found[2] not in set(Role):
            raise Malformed("a party's URI has the form raakvlak://<covenant>/<role>/<id>", field="uri")
        return cls(checked_id(found[1], "covenant"), Role(found[2]), checked_id(found[3]))

    @property
    def uri(self) -> str:
        return f"raakvlak://{self.covenant}/{self.role}/{self.id}"

    @property
    def dns_name(self) -> str:
        return f"{self.id}.{self.role}.{self.covenant}.raakvlak"
