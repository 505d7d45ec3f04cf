"""Long lists, a part at a time: which part is asked for, and the links to the parts beside it."""

from typing import Final

MAX_AFTER: Final = 1_000_000


def clamped(after: int) -> int:
    """Behind how many rows a part begins, whatever was asked for."""
    return max(0, min(after, MAX_AFTER))


def links(path: str, after: int, shown: int, count: int) -> tuple[str, str]:
    """The parts of `shown` rows before and behind one of `count` rows in all, empty where there is none."""
    joint = "&" if "?" in path else "?"
    before = f"{path}{joint}after={after - shown}" if after > shown else path if after else ""
    return before, f"{path}{joint}after={after + shown}" if after + shown < count else ""
