"""Bytes that look random and are the same every time, so that vectors can be made again and compared."""

import hashlib


def fixed(label: str, size: int) -> bytes:
    """`size` bytes of SHAKE-256 over the label."""
    return hashlib.shake_256(b"raakvlak vectors: " + label.encode()).digest(size)
