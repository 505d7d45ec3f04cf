"""Following the log: what is trusted after a look, and what each kind of lie or failure is called."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from raakvlak_protocol import checkpoint, follow
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Evidence, Malformed, RaakvlakError, Unavailable
from raakvlak_protocol.follow import Behind, Followed, Rewritten, Signed
from raakvlak_protocol.merkle import EMPTY_ROOT
from tests import logs
from tests.covenants import Sandbox, make_covenant
from tests.logs import Served

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WITNESSES = ("one", "three", "two")
ENTRIES = logs.leaves(600)


@cache
def made(threshold: int) -> Sandbox:
    return make_covenant(witnesses=WITNESSES, witness_threshold=threshold)


def sandbox(threshold: int = 2) -> Sandbox:
    return made(threshold)


def covenant(threshold: int = 2) -> Covenant:
    return sandbox(threshold).covenant


def log(size: int = 600, threshold: int = 2, entries: Sequence[bytes] = ENTRIES) -> Served:
    return Served(sandbox(threshold), entries[:size])


def look(
    of: Served, before: Signed | None = None, *, newest: bytes | None = None, threshold: int = 2, **witnessed: bytes
) -> Followed:
    return follow.follow(covenant(threshold), before, newest or of.checkpoint(), witnessed, of.fetch)


def trusted(followed: Followed) -> int | None:
    return None if followed.trusted is None else followed.trusted.size


def seen(size: int, threshold: int = 2) -> Signed:
    return follow.read(covenant(threshold), log(threshold=threshold).checkpoint(size))


def test_the_trusted_size_is_the_kth_largest() -> None:
    of = log()
    lines = {"one": of.cosigned("one", NOW, 100), "two": of.cosigned("two", NOW, 300), "three": of.cosigned("three", NOW, 256)}
    followed = look(of, one=lines["one"], two=lines["two"], three=lines["three"])
    assert (followed.newest.size, trusted(followed)) == (600, 256)
    assert followed.root == of.root()
    assert {id: each.signed.size for id, each in followed.witnessed.items()} == {"one": 100, "two": 300, "three": 256}
    assert list(followed.log.entries(598, 600)) == ENTRIES[598:]


@pytest.mark.parametrize(("threshold", "size"), [(0, 600), (1, 300), (2, 256), (3, 100)])
def test_every_threshold(threshold: int, size: int) -> None:
    of = log(threshold=threshold)
    lines = {id: of.cosigned(id, NOW, at) for id, at in zip(WITNESSES, (100, 300, 256), strict=True)}
    assert trusted(look(of, threshold=threshold, one=lines["one"], two=lines["two"], three=lines["three"])) == size


def test_too_few_witnesses_leave_what_was_trusted_before() -> None:
    of = log()
    assert trusted(look(of)) is None
    assert trusted(look(of, one=of.cosigned("one", NOW))) is None
    assert trusted(look(of, seen(50), one=of.cosigned("one", NOW))) == 50


def test_trust_never_goes_back() -> None:
    """Witnesses whose newest cosignatures lie behind what is trusted already."""
    of = log()
    assert trusted(look(of, seen(400), one=of.cosigned("one", NOW, 300), two=of.cosigned("two", NOW, 300))) == 400
    assert trusted(look(of, seen(400), one=of.cosigned("one", NOW, 500), two=of.cosigned("two", NOW, 300))) == 400
    assert trusted(look(of, seen(400), one=of.cosigned("one", NOW, 500), two=of.cosigned("two", NOW, 450))) == 450


def test_one_witness_does_not_count_for_two() -> None:
    both = logs.cosigned(sandbox(), log().cosigned("one", NOW), "two", NOW)
    assert trusted(look(log(), one=both)) is None
    assert trusted(look(log(), one=both, two=both)) == 600


def test_a_witness_that_is_not_in_the_covenant_does_not_count() -> None:
    of = log()
    followed = look(of, one=of.cosigned("one", NOW), four=of.cosigned("three", NOW))
    assert trusted(followed) is None
    assert set(followed.witnessed) == {"one"}


def test_a_cosignature_tells_its_time() -> None:
    of = log()
    later = NOW + timedelta(days=2)
    followed = look(of, one=of.cosigned("one", NOW), two=of.cosigned("two", later))
    assert {id: each.at for id, each in followed.witnessed.items()} == {"one": NOW, "two": later}


@pytest.mark.parametrize("before", [0, 1, 255, 256, 257, 512, 599, 600])
@pytest.mark.parametrize("size", [600, 512])
def test_the_log_grew(before: int, size: int) -> None:
    if before <= size:
        assert trusted(look(log(size, 0), seen(before, 0), threshold=0)) == size


def test_an_empty_log() -> None:
    followed = look(log(0, 0), threshold=0)
    assert (trusted(followed), followed.root) == (0, EMPTY_ROOT)
    assert list(followed.log.entries(0, 0)) == []
    assert trusted(look(log(0))) is None


def test_an_empty_log_with_another_root_lies() -> None:
    of = log(0)
    raw = checkpoint.sign(Checkpoint(of.origin, 0, bytes(32)), of.sandbox.log_seed)
    with pytest.raises(Evidence):
        look(of, newest=raw)


@pytest.mark.parametrize("size", [0, 1, 599])
def test_a_log_that_shows_less_is_behind_and_not_a_liar(size: int) -> None:
    with pytest.raises(Behind) as caught:
        look(log(size), seen(600))
    assert isinstance(caught.value, Unavailable)
    with pytest.raises(Behind):
        look(log(size), one=log().cosigned("one", NOW))


def test_a_log_that_can_not_be_reached() -> None:
    of = log()
    of.tiles.clear()
    with pytest.raises(Unavailable) as caught:
        look(of)
    assert not isinstance(caught.value, Behind)


def rewritten(place: int, size: int = 600) -> Served:
    return log(size, entries=[*ENTRIES[:place], b"\5" + bytes(32), *ENTRIES[place + 1 :]])


@pytest.mark.parametrize(("before", "place"), [(300, 0), (300, 299), (256, 0), (512, 511), (600, 599), (1, 0)])
def test_a_rewritten_log_is_convicted_by_two_notes(before: int, place: int) -> None:
    forged = rewritten(place)
    old = seen(before)
    with pytest.raises(Rewritten) as caught:
        look(forged, old)
    found = caught.value
    assert found.party == covenant().index.id
    assert (found.old, found.new) == (old.raw, forged.checkpoint())
    # A third party: both are signed, and the tiles lead to the second root and not to the first.
    first, second = (checkpoint.verify(raw, covenant().log_key) for raw in (found.old, found.new))
    assert found.log.tree.root() == second.root
    assert logs.mth([logs.leaf(entry) for entry in found.log.entries(0, first.size)]) != first.root


def test_what_was_rewritten_behind_the_trusted_size_is_not_seen_as_rewritten() -> None:
    assert trusted(look(rewritten(300), seen(300), one=rewritten(300).cosigned("one", NOW))) == 300


def test_a_witness_that_saw_another_history_convicts_the_log() -> None:
    with pytest.raises(Rewritten) as caught:
        look(log(), one=rewritten(3, 100).cosigned("one", NOW))
    assert checkpoint.cosigned(caught.value.old, covenant().witnesses["one"].key) == NOW


def test_two_checkpoints_of_one_size_convict_the_log() -> None:
    with pytest.raises(Rewritten):
        look(rewritten(599), seen(600))


@pytest.mark.parametrize("path", ["tile/0/002.p/88", "tile/1/000.p/2"])
def test_tiles_that_do_not_lead_to_the_signed_root_convict_nobody(path: str) -> None:
    of = log()
    of.tiles[path] = bytes(1) + of.tiles[path][1:]
    with pytest.raises(Evidence, match="do not lead to the root that was signed for 600 entries") as caught:
        look(of)
    assert not isinstance(caught.value, Rewritten)


@pytest.mark.parametrize("before", [1, 128, 200, 255])
def test_a_tile_changed_on_the_way_does_not_convict_the_log(before: int) -> None:
    """A full tile is not read on the way to the newest root, only for the proof that the log grew."""
    of = log(threshold=0)
    of.tiles["tile/0/000"] = bytes(32 * 256)
    with pytest.raises(Evidence, match="do not lead to the root") as caught:
        look(of, seen(before, 0), threshold=0)
    assert not isinstance(caught.value, Rewritten)


def test_a_cut_tile_is_malformed() -> None:
    of = log()
    of.tiles["tile/0/002.p/88"] = of.tiles["tile/0/002.p/88"][:-1]
    with pytest.raises(Malformed, match=r"tile/0/002\.p/88"):
        look(of)


def test_another_covenant_s_checkpoint_is_none_of_this_log() -> None:
    other = replace(log(), sandbox=make_covenant(id="limburg", witnesses=WITNESSES))
    with pytest.raises(Malformed, match="another log"):
        look(log(), newest=other.checkpoint())


def test_a_checkpoint_under_another_key() -> None:
    of = log()
    raw = checkpoint.sign(Checkpoint(of.origin, 600, of.root()), of.sandbox.witness_seeds["one"])
    with pytest.raises(Evidence):
        look(of, newest=raw)


def test_what_is_served_as_cosigned_must_be() -> None:
    of = log()
    for raw in (of.checkpoint(), of.cosigned("two", NOW)):
        with pytest.raises(Evidence, match="witness one "):
            look(of, one=raw)


@pytest.mark.parametrize("raw", [b"", b"404 not found", b"<html>\n\n</html>\n", bytes(100)])
def test_something_else_in_a_checkpoint_s_place(raw: bytes) -> None:
    with pytest.raises(Malformed):
        follow.read(covenant(), raw)
    with pytest.raises(RaakvlakError):
        look(log(), one=raw)
