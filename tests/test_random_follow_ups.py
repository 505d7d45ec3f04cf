"""Random histories of a follow-up in a real federation, against a model: people act, nodes crash, letters are lost or
late, nodes are restored from backups; once all has been delivered everybody holds the same.

The model is a set: every act that a node has acknowledged to a person, less those that a restored node had told nobody of.
"""

import random
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from raakvlak_node.access import Actor
from raakvlak_node.follow_ups import FollowUp, Terms
from raakvlak_protocol.act import ActKind, Informed, Task
from raakvlak_protocol.errors import Malformed, RaakvlakError, Refused
from tests.federation import Federation, case, federation

pytestmark = pytest.mark.slow

CHILD, MOTHER = "123456782", "999990019"
SIDES = ("school", "town")
WHO = Actor.command("somebody")
STEPS = 60


@dataclass
class History:
    """One run; `done` holds for each act who did it and at whose nodes it must be in the end."""

    running: Federation
    chance: random.Random
    done: set[bytes] = field(default_factory=set)
    copies: dict[str, tuple[Path, set[bytes]]] = field(default_factory=dict)

    def found(self, member: str) -> FollowUp | None:
        follow_ups = self.running.nodes[member].follow_ups()
        known = follow_ups.pairs.all()
        return follow_ups.of(known[0], self.running.clock()) if known else None

    def held(self, member: str) -> set[bytes]:
        found = self.found(member)
        return set() if found is None else {each.hash(self.running.sandbox.payload.id) for each in found.records.acts}

    def act(self) -> None:
        """Somebody does one of the things that the node offers."""
        member = self.chance.choice((*SIDES, "coordinator"))
        found, now = self.found(member), self.running.clock()
        if found is None or not found.allowed:
            return
        follow_ups, move = self.running.nodes[member].follow_ups(), self.chance.choice(found.allowed)
        today = self.running.nodes[member].today(now)
        try:
            if move == "sign":
                follow_ups.sign(found.known.id, WHO, now)
            elif move == "proposed":
                task = Task("mentor", "calls", today + timedelta(days=7))
                terms = Terms(member, (task,), today + timedelta(days=20), Informed.AGREES, Informed.AGREES)
                follow_ups.propose([found.known.id], terms, WHO, now)
            else:
                kind = ActKind[move.upper()]
                day = today if kind is ActKind.CONTACTED else today + timedelta(days=9) if kind is ActKind.EVALUATED else None
                lead = "town" if kind is ActKind.DECIDED else ""
                follow_ups.act(found.known.id, kind, WHO, now, day=day, text=f"because {self.chance.random()}", lead=lead)
        except (Malformed, Refused) as refused:  # an agreement whose day to evaluate has come can't be signed any more
            assert "day" in refused.message
        self.done |= self.held(member)

    def walk(self) -> None:
        self.running.index.running.mediate()
        self.running.walk(self.chance.choice((*SIDES, "coordinator")))
        self.note()

    def crash(self) -> None:
        """A walk dies while it posts: what it had written is there, what was sent may have come."""
        member = self.chance.choice(SIDES)
        node = self.running.nodes[member]
        before, count = node.store.posted, self.chance.randrange(3)
        left = [count]

        def dying(letter: object) -> None:
            if not left[0]:
                raise OSError("the machine died")
            left[0] -= 1
            before(letter)  # type: ignore[arg-type]

        node.store.posted = dying  # type: ignore[method-assign]
        try:
            self.running.walk(member)
        except OSError:
            pass
        finally:
            del node.store.posted
        self.note()

    def lose(self) -> None:
        """Nobody fetches for a month: letters lapse, and their senders are told."""
        self.running.clock.pass_(days=self.chance.choice((1, 1, 2, 31)))
        self.running.index.expire()

    def back_up(self) -> None:
        member = self.chance.choice((*SIDES, "coordinator"))
        self.copies[member] = (self.running.back_up(member), self.held(member))

    def restore(self) -> None:
        if not self.copies:
            return
        member = self.chance.choice(sorted(self.copies))
        copy, _ = self.copies[member]
        others = set().union(*(self.held(each) for each in (*SIDES, "coordinator") if each != member))
        self.running.clock.pass_(hours=1)  # more seconds than letters, as everywhere
        mine_alone = self.held(member) - others
        self.running.restore(member, copy)
        # What it had told nobody is lost, unless its letters are on their way.
        self.done -= mine_alone
        self.note()

    def note(self) -> None:
        for member in (*SIDES, "coordinator"):
            self.done |= self.held(member)

    def step(self) -> None:
        ways = (self.act, self.walk, self.crash, self.lose, self.back_up, self.restore)
        self.chance.choices(ways, weights=(6, 8, 2, 1, 1, 1))[0]()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_everybody_holds_the_same_in_the_end(seed: int, tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        running.nodes["town"].put_case(case("T-1", CHILD, parent_bsn_1=MOTHER))
        running.settle()
        history = History(running, random.Random(seed))
        for place in range(STEPS):
            try:
                history.step()
            except RaakvlakError as error:
                raise AssertionError(f"seed {seed}, step {place}: {error}") from error
        running.settle()
        running.index.expire()
        running.settle()
        assert history.held("school") == history.held("town") >= history.done
        school, town, desk = (history.found(each) for each in (*SIDES, "coordinator"))
        assert school is not None and town is not None
        assert school.standing == town.standing
        assert len(school.standing.steps) > 3
        if school.standing.coordinated:
            assert desk is not None and history.held("coordinator") == history.held("school")
        for node in running.nodes.values():
            assert node.store.letters_to_post(2**60) == []
            assert [each["reason"] for each in node.store.unreadable()] == []
