"""Files that hold a secret: their owner's alone."""

import os
import stat
from pathlib import Path
from typing import Final

from raakvlak_protocol.errors import Refused
from raakvlak_protocol.secret import SecretBytes

MAX_BYTES: Final = 1024


def read_private(path: Path, what: str, *, missing: str) -> SecretBytes:
    """What stands in a file that only its owner can read, at most MAX_BYTES; else raises Refused and says what to do:
    `missing` where there is none."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(MAX_BYTES)
    except FileNotFoundError:
        raise Refused(f"{what} {path} is missing: {missing}") from None
    except OSError as error:
        raise Refused(f"can't read {what} {path}: {error.strerror}") from None
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise Refused(f"{what} {path} can be read by others than its owner; run chmod 600 {path}")
    return SecretBytes(raw)
