"""The nodes' REST APIs, called as a case system would call them."""

import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any, Final

from raakvlak_local import programs
from raakvlak_local.description import Coordinator, Organisation
from raakvlak_local.federation import Federation
from raakvlak_protocol.errors import Unavailable

REST_SECONDS: Final = 60.0


class Overtaken(programs.CommandFailed):
    """Something was done since the caller looked, or can't be done now: look again."""


def call(
    federation: Federation, member: Organisation | Coordinator, path: str, body: Any = None, *, user: str = ""
) -> dict[str, Any]:
    """What a node answers: to GET, or to POST where there is a `body`; `user` is for whom it is asked.

    Raises CommandFailed where the node refuses, Overtaken where somebody else was first, and Unavailable where it does not
    answer.
    """
    address, token = federation.rest(member)
    headers = {"Authorization": f"Bearer {token}"}
    if user:
        headers["Raakvlak-User"] = user
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    request = urllib.request.Request(address + path, data, headers)  # noqa: S310 the address is our own
    try:
        with urllib.request.urlopen(request, timeout=REST_SECONDS) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        with error:
            failed = Overtaken if error.code == HTTPStatus.CONFLICT else programs.CommandFailed
            raise failed(f"{member.id}'s node refuses {path} ({error.code}): {_detail(error)}") from None
    except (urllib.error.URLError, TimeoutError) as error:
        federation.demand_alive()
        raise Unavailable(f"{member.id}'s node does not answer: {error}") from None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error).get("detail", ""))
    except (ValueError, AttributeError):
        return ""
