"""A confidential match, looked for by whoever publishes a single involvement at a quiet hour.

Two federations that differ in one thing: in the one the police has a confidential row of the very person whom the school
publishes, in the other of somebody else. The attacker has all that the school receives, its numbers and sizes, and the
whole published log with its checkpoints and metrics. It finds no difference. The control, in which the row is not
confidential, shows that the same comparison sees an ordinary match at once.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from raakvlak_protocol import entry
from raakvlak_protocol.party.web import Site
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.attacks.relay import Recorded, before_the_index
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation

SOUGHT, OTHER = "123456782", "111222333"
MEMBERS = {"school": "education", "police": "police"}


@dataclass(frozen=True)
class Seen:
    """What the attacker has: sizes of all that the school received, in order; the log; what the index shows of itself."""

    replies: Sequence[tuple[str, int]]
    events: Sequence[int]
    kinds: Sequence[int]
    checkpoint_lines: Sequence[str]
    metrics: str


def observed(folder: Path, person: str, *, confidential: bool) -> Seen:
    """One quiet hour: the police has a row of `person`, then the school publishes one of SOUGHT."""
    with federation(folder, make_covenant(members=MEMBERS)) as running:
        running.nodes["police"].put_case(case("P-1", person))
        running.settle("police")
        if confidential:
            _make_confidential(running.index.path)
        running.index.publish_log()
        with before_the_index(running) as between:
            running.nodes["school"].put_case(case("S-1", SOUGHT))
            running.settle("school")
            heard = [each for each in between.recorded if each.caller == "school" and each.part == "reply"]
        running.index.publish_log()
        return Seen(
            [(each.method, len(each.raw)) for each in heard],
            _event_numbers(heard),
            _kinds(running.index.path),
            running.index.running.published.signed.checkpoint.text.split("\n")[:2],
            _metrics(running),
        )


def _make_confidential(store: Path) -> None:
    """As a row will be that is published through the coordinator: today's index refuses to take one in."""
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("UPDATE row SET visibility = ?", (int(Visibility.COORDINATOR),))
        connection.commit()


def _event_numbers(heard: Sequence[Recorded]) -> list[int]:
    batches = [pb.EventBatch.FromString(each.raw) for each in heard if each.method == "Watch"]
    return [event.number for batch in batches for event in batch.events] + [batch.newest for batch in batches]


def _kinds(store: Path) -> list[int]:
    with closing(sqlite3.connect(store)) as connection:
        return [entry.parse(leaf).kind for (leaf,) in connection.execute("SELECT entry FROM leaf ORDER BY position")]


def _metrics(running: Federation) -> str:
    covenant = running.sandbox.covenant
    with Site(running.index.log_address, covenant.index, covenant.roots_pem) as site:
        text = site.get("/metrics", limit=100_000).decode()
    return "\n".join(line for line in text.splitlines() if "second" not in line)


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return observed(tmp_path_factory.mktemp("without"), OTHER, confidential=True)


def test_a_confidential_match_shows_nowhere(without: Seen, tmp_path: Path) -> None:
    assert observed(tmp_path, SOUGHT, confidential=True) == without
    assert without.events and without.replies and len(without.kinds) > 2


def test_the_same_comparison_sees_an_ordinary_match_and_the_log_still_does_not(without: Seen, tmp_path: Path) -> None:
    told = observed(tmp_path, SOUGHT, confidential=False)
    assert told.replies != without.replies and max(told.events) > max(without.events)
    assert (told.kinds, told.checkpoint_lines) == (without.kinds, without.checkpoint_lines)
