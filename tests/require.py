"""What a test needs and a machine may lack: skipped, and said so, or failed where nothing may be lacking."""

import os

import pytest


def require(condition: bool, what: str) -> None:
    """Go on if `condition` holds; otherwise skip and say `what` is missing, or fail under RAAKVLAK_REQUIRE_ALL=1."""
    if condition:
        return
    if os.environ.get("RAAKVLAK_REQUIRE_ALL") == "1":
        pytest.fail(f"missing: {what}")
    pytest.skip(f"missing: {what}")
