"""Delivering what is queued until it is taken: when something is tried again, and going round until it is time to stop."""

from collections.abc import Callable
from typing import Final

from raakvlak_protocol.party.events import Log
from raakvlak_protocol.party.serving import Stop

DELAYS: Final = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
"""Seconds between the attempts, as Standard Webhooks has them; then it is given up."""
JITTER: Final = 0.1
"""By which share a delay may be longer, so that what failed together does not come again together."""
LONGEST_SECONDS: Final = 4 * 86_400
"""After which it is given up however often it was tried: a receiver that is away is not asked for each in turn."""
LOOK_SECONDS: Final = 1.0
ILL_SECONDS: Final = 30
"""How long nothing at all is sent to a receiver that could not be reached or asked for less."""


def next_attempt(attempts: int, moment: int, jitter: float, wait: int = 0) -> int | None:
    """The Unix second in which to try again what has just failed and failed `attempts` times before, None where it is given
    up. `jitter` is 0 to 1; `wait` is the receiver's own wish, in seconds."""
    if attempts >= len(DELAYS):
        return None
    return moment + max(int(DELAYS[attempts] * (1 + JITTER * jitter)), wait)


def go_round(once: Callable[[], float], log: Log, stop: Stop, *, doing: str, ill_seconds: float) -> None:
    """Calls `once` until asked to stop, each time as many seconds after the last as that said. Whatever it raises is logged:
    what is queued stays queued, and without another round nothing would ever be told again."""

    def survived() -> float:
        try:
            return once()
        except Exception as error:
            log.error(error, doing=doing)
            return ill_seconds

    while not stop.wait(survived()):
        pass
