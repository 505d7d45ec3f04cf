"""The purposes of the contract's fields in Dutch; the English ones stand at the fields themselves."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


def in_dutch(purpose: str) -> str:
    """The purpose in Dutch; as it is where nobody has translated it, which a test finds."""
    return translations().get(purpose, purpose)


@cache
def translations() -> Mapping[str, str]:
    """English to Dutch."""
    found: Mapping[str, str] = json.loads(files(__package__).joinpath("purposes.json").read_text("utf-8"))
    return found
