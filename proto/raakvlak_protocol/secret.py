"""Values that do not print: keys, seeds, identifiers' bytes, whatever must not reach a log or a traceback."""

import hmac
from typing import Final, NoReturn


class SecretBytes:
    """Bytes that show only their length.

    `reveal()` is the one way to the value, so that a reviewer finds every use by that word. Comparison takes constant
    time. Not hashable and not picklable, so that a secret neither becomes a dictionary's key nor leaves by a pickle.
    """

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: bytes) -> None:
        self._value: Final = bytes(value)

    def reveal(self) -> bytes:
        """The bytes themselves, for the call that needs them."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretBytes) and hmac.compare_digest(self._value, other._value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._value)} bytes)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret can't be pickled")
