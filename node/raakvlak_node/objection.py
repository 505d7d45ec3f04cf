"""What persons have objected to, and what was decided: kept apart from the cases, because it outlives them.

An objection is about a person, not about a case: it holds for the client of one case who is the parent in another, and
for every case that is imported later. Until it is decided nothing of the person is published (`tokens.Stance`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from raakvlak_node.store import Store
from raakvlak_node.tokens import Stance
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identifier import Identifier

DECIDE_WITHIN_DAYS: Final = 42
"""Six weeks from the day on which it was received."""
ID_BYTES: Final = 8


class Claim(StrEnum):
    """What a person has asked for."""

    OBJECTION = "objection"
    """GDPR article 21: suspends at once, and waits for a decision."""
    ERASURE = "erasure"
    """GDPR article 17, entered when it is granted."""


@dataclass(frozen=True, slots=True, repr=False)
class Objection:
    """`person` is the store's handle. `upheld` is None until it is decided; the texts are what people wrote."""

    id: str
    person: bytes
    claim: Claim
    received: date
    because: str
    decided: date | None
    upheld: bool | None
    decision: str

    @property
    def due(self) -> date:
        """By which day it must be decided."""
        return self.received + timedelta(days=DECIDE_WITHIN_DAYS)

    def __repr__(self) -> str:
        return f"Objection({self.id})"


class Objections:
    """The verbs, on a node's store."""

    def __init__(self, store: Store, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._random = random

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def stance(self, identifier: Identifier) -> Stance:
        """How this person's objection stands. What was upheld once stays so."""
        if not self._any():
            return Stance.NONE
        return self._stance(self._store.person_handle(identifier))

    def _any(self) -> bool:
        return self._run("SELECT 1 FROM objection LIMIT 1").fetchone() is not None

    def _stance(self, person: bytes) -> Stance:
        found = {row[0] for row in self._run("SELECT upheld FROM objection WHERE person = ?", (person,)).fetchall()}
        if 1 in found:
            return Stance.ENDED
        return Stance.SUSPENDED if None in found else Stance.NONE

    def add(self, person: bytes, claim: Claim, received: date, because: str) -> Objection:
        """Keeps an objection within the caller's transaction; raises Refused while another of the same person waits."""
        if any(each.person == person for each in self.all(pending=True)):
            raise Refused("an objection of this person waits for a decision already: 'raakvlak-node objections' shows it")
        id = self._random(ID_BYTES)
        sealed = self._store.vault.seal(because.encode(), "objection", id)
        values = (id, person, str(claim), received.isoformat(), sealed)
        self._run("INSERT INTO objection (id, person, kind, received, because) VALUES (?, ?, ?, ?, ?)", values)
        return self.find(id.hex())

    def decide(self, id: str, upheld: bool, decision: str, today: date) -> Objection:
        """Keeps what was decided within the caller's transaction; raises Refused where it was decided before."""
        found = self.find(id)
        if found.decided is not None:
            raise Refused(f"this objection was decided on {found.decided}: a new one is a new objection")
        raw = bytes.fromhex(id)
        sealed = self._store.vault.seal(decision.encode(), "decision", raw)
        self._run(
            "UPDATE objection SET decided = ?, upheld = ?, decision = ? WHERE id = ?", (today.isoformat(), upheld, sealed, raw)
        )
        return self.find(id)

    def find(self, id: str) -> Objection:
        """Raises Refused where there is none such."""
        found = next((each for each in self.all() if each.id == id), None)
        if found is None:
            raise Refused("this node has no objection of that id: 'raakvlak-node objections' lists them")
        return found

    def all(self, *, pending: bool = False) -> list[Objection]:
        """In the order in which they were received."""
        which = "WHERE upheld IS NULL" if pending else ""
        rows = self._run(
            "SELECT id, person, kind, received, because, decided, upheld, decision FROM objection "  # noqa: S608
            f"{which} ORDER BY received, id"
        )
        return [self._opened(*row) for row in rows.fetchall()]

    def _opened(
        self,
        id: bytes,
        person: bytes,
        claim: str,
        received: str,
        because: bytes,
        decided: str | None,
        upheld: int | None,
        decision: bytes | None,
    ) -> Objection:
        vault = self._store.vault
        return Objection(
            bytes(id).hex(),
            bytes(person),
            Claim(claim),
            date.fromisoformat(received),
            vault.open(because, "objection", id).reveal().decode(),
            None if decided is None else date.fromisoformat(decided),
            None if upheld is None else bool(upheld),
            "" if decision is None else vault.open(decision, "decision", id).reveal().decode(),
        )
