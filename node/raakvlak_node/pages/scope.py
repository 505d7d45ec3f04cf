"""Which cases somebody sees: those of certain workers, by the handles under which the store knows whose a case is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from raakvlak_node.store import Store


@dataclass(frozen=True, slots=True)
class Scope:
    """The cases of these workers. The verbs give handles of cases, and read no case."""

    store: Store
    workers: tuple[bytes, ...]

    def _run(self, sql: str, values: Sequence[Any]) -> Any:
        return self.store.database.execute(sql, values)

    @property
    def among(self) -> str:
        """For `worker IN (…)`."""
        return ", ".join("?" * len(self.workers))

    def holds(self, case: bytes) -> bool:
        sql = f"SELECT 1 FROM own_case WHERE handle = ? AND worker IN ({self.among})"  # noqa: S608 question marks alone
        return self._run(sql, (case, *self.workers)).fetchone() is not None

    def count(self) -> int:
        sql = f"SELECT count(*) FROM own_case WHERE worker IN ({self.among})"  # noqa: S608
        return int(self._run(sql, self.workers).fetchone()[0])
