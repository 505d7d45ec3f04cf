"""Two processes of one node: on one store, or on a copy of it. One is refused, and nothing is published twice."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from raakvlak_node.node import STORE, Node
from raakvlak_node.reconcile import reconcile
from raakvlak_node.store import Store
from raakvlak_node.sync import Walk, walking
from raakvlak_protocol.errors import Refused, Stale, Unavailable
from raakvlak_protocol.party.membership import Folder
from tests.attacks.hostile import used
from tests.attacks.outlaw import tables
from tests.federation import Federation, case, federation

CHILD, SISTER, MOTHER, UNCLE = "123456782", "111222333", "999990019", "999990032"

HOLD = """
import sys
from pathlib import Path
from raakvlak_protocol.party.serving import only_one
with only_one(Path(sys.argv[1]), "sync"):
    print("held", flush=True)
    sys.stdin.read()
"""


def quietly(name: str, **fields: object) -> None:
    """Who logs to nobody."""


@contextmanager
def copied(node: Node, folder: Path) -> Iterator[Node]:
    """The node's folder copied as it stands, with its keys: another machine, or a restored disk beside the old one."""
    folder.mkdir()
    node.store.backup(folder / STORE)
    copy = replace(node, folder=Folder(folder), store=Store(folder / STORE, node.store.vault))
    try:
        yield copy
    finally:
        copy.close()


def rows(running: Federation) -> int:
    return len(tables(running.index.path)["row"])


def demand_right(running: Federation) -> None:
    """Both know what both published, each once."""
    running.settle()
    assert running.touches("school") == {(f"S-{n}", "town", f"T-{n}", "client", "client") for n in (1, 2, 3)}
    assert running.touches("town") == {(f"T-{n}", "school", f"S-{n}", "client", "client") for n in (1, 2, 3)}
    assert rows(running) == 6
    assert len(running.nodes["school"].store.references()) == 3


@contextmanager
def half_way(tmp_path: Path) -> Iterator[Federation]:
    """Town knows three persons, of whom the school has published one."""
    with federation(tmp_path) as running:
        for number, bsn in enumerate((CHILD, SISTER, UNCLE), 1):
            running.nodes["town"].put_case(case(f"T-{number}", bsn))
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.settle()
        yield running


# --- one store --------------------------------------------------------------------------------------------------------


def test_a_second_walk_on_one_store_is_refused_while_the_first_lasts(tmp_path: Path) -> None:
    with half_way(tmp_path) as running:
        school = running.nodes["school"]
        with walking(school, quietly):
            with pytest.raises(Unavailable, match="another sync works on this store"), walking(school, quietly):
                pytest.fail("two walks on one store")
            # A case may be taken in meanwhile.
            school.put_case(case("S-2", SISTER))
        school.put_case(case("S-3", UNCLE))
        demand_right(running)


def test_another_process_holds_the_lock_until_it_dies(tmp_path: Path) -> None:
    with half_way(tmp_path) as running:
        school = running.nodes["school"]
        lock = str(school.folder.path / "sync.lock")
        holder = subprocess.Popen([sys.executable, "-c", HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(Unavailable, match="wait or stop it"):
                running.walk("school")
        finally:
            holder.kill()
            holder.communicate()
        assert running.walk("school").waiting == []


def test_the_lock_is_of_the_store_and_not_of_the_path_that_leads_to_it(tmp_path: Path) -> None:
    with half_way(tmp_path) as running:
        school = running.nodes["school"]
        other_name = tmp_path / "other-name"
        other_name.symlink_to(school.folder.path, target_is_directory=True)
        linked = replace(school, folder=Folder(other_name))
        with walking(school, quietly), pytest.raises(Unavailable), walking(linked, quietly):
            pytest.fail("two walks on one store")


# --- a copy of it -----------------------------------------------------------------------------------------------------


def test_the_older_of_two_copies_is_refused_naming_the_generations_and_nothing_is_doubled(tmp_path: Path) -> None:
    with half_way(tmp_path) as running:
        school = running.nodes["school"]
        with walking(school, quietly) as original:
            original.once()
            with copied(school, tmp_path / "copy") as copy, walking(copy, quietly) as newer:
                newer.once()
                school.put_case(case("S-2", SISTER))
                before = rows(running)
                with pytest.raises(Stale) as refused:
                    original.once()
                older, newest = original.publisher.generation, newer.publisher.generation
                assert older < newest == refused.value.generation
                assert str(older) in refused.value.message
                assert "copy" in refused.value.message
                assert rows(running) == before
        # The copy is stopped: the original opens again and goes on with what it could not do.
        school.put_case(case("S-3", UNCLE))
        demand_right(running)


def test_after_a_copy_has_published_the_original_waits_for_a_person_and_is_right_afterwards(tmp_path: Path) -> None:
    with half_way(tmp_path) as running:
        school = running.nodes["school"]
        with copied(school, tmp_path / "copy") as copy, walking(copy, quietly) as newer:
            copy.put_case(case("S-9", MOTHER))
            copy.put_case(case("S-2", SISTER))
            assert newer.once().published == 2
        school.put_case(case("S-2", SISTER))
        school.put_case(case("S-3", UNCLE))
        before = rows(running)
        for _ in range(2):
            with pytest.raises(Refused, match="reconcile"):
                running.walk("school")
        assert rows(running) == before
        with walking(school, quietly) as walk:
            assert reconcile(school, walk.publisher, dry_run=False)["unknown_here_to_withdraw"] == 2
        demand_right(running)


def test_two_copies_in_turns_double_nothing_and_spend_no_quota_twice(tmp_path: Path) -> None:
    """Neither is told to stop: each takes the other's place with every walk, and whoever lags behind waits."""
    with half_way(tmp_path) as running:
        school = running.nodes["school"]
        spent = [used(running.sandbox, holder) for holder in running.key_holders]
        with copied(school, tmp_path / "copy") as copy:
            for node in (school, copy):
                node.put_case(case("S-2", SISTER))
                node.put_case(case("S-3", UNCLE))
            outcomes = [_walk(node) for _ in range(3) for node in (school, copy)]
        assert "Refused" in outcomes
        demand_right(running)
        # Both evaluated the same two persons, under blinds of their own: that is charged once for each.
        for before, holder in zip(spent, running.key_holders, strict=True):
            assert used(running.sandbox, holder) - before <= 4


def _walk(node: Node) -> str:
    try:
        with walking(node, quietly) as walk:
            walk.once()
    except Refused as error:
        return type(error).__name__
    return ""


def test_two_copies_at_work_at_once_never_both_write(tmp_path: Path) -> None:
    with half_way(tmp_path) as running:
        school = running.nodes["school"]
        with copied(school, tmp_path / "copy") as copy, walking(school, quietly) as one, walking(copy, quietly) as two:
            one.once()
            two.once()
            school.put_case(case("S-2", SISTER))
            copy.put_case(case("S-2", SISTER))
            with pytest.raises(Stale):
                one.once()
            assert two.once().published == 1
            # Opened again it learns that the other has written since.
            _reopened(one)
            with pytest.raises(Refused, match="reconcile"):
                one.once()
        with walking(school, quietly) as walk:
            reconcile(school, walk.publisher, dry_run=False)
        school.put_case(case("S-3", UNCLE))
        demand_right(running)


def _reopened(walk: Walk) -> None:
    """What `serve` does after a refusal: the next walk opens."""
    with pytest.raises(Refused, match="reconcile"):
        walk.publisher.open()


def test_a_folder_copied_file_by_file_while_nobody_works_is_a_copy_like_any_other(tmp_path: Path) -> None:
    with half_way(tmp_path) as running:
        school = running.nodes["school"]
        running.nodes["school"] = school.reopened()
        school.close()
        shutil.copytree(running.nodes["school"].folder.path, tmp_path / "copy")
        again = Store(tmp_path / "copy" / STORE, running.nodes["school"].store.vault)
        copy = replace(running.nodes["school"], folder=Folder(tmp_path / "copy"), store=again)
        try:
            with walking(running.nodes["school"], quietly) as original:
                original.once()
                assert _walk(copy) == ""
                with pytest.raises(Stale, match="generation"):
                    original.once()
        finally:
            copy.close()
        running.nodes["school"].put_case(case("S-2", SISTER))
        running.nodes["school"].put_case(case("S-3", UNCLE))
        demand_right(running)
