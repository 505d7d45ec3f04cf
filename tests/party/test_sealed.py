"""Sealed files: what opens them, what does not, and what a crash leaves behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party.sealed import KeyFile, Passphrase, new_key_file, seal, unseal
from raakvlak_protocol.secret import SecretBytes

CONTENT = b"a share of a key, which is not to be seen"
LABEL = "secrets raakvlak://zeeland/keyholder/keyholder-1"


@pytest.fixture
def lock(tmp_path: Path) -> KeyFile:
    new_key_file(tmp_path / "key")
    return KeyFile(tmp_path / "key")


def passphrase(text: str = "correct horse") -> Passphrase:
    return Passphrase(SecretBytes(text.encode()))


def test_a_key_file_opens_what_it_sealed(tmp_path: Path, lock: KeyFile) -> None:
    seal(tmp_path / "box", CONTENT, lock, label=LABEL)
    assert unseal(tmp_path / "box", lock, label=LABEL) == SecretBytes(CONTENT)


def test_a_passphrase_opens_what_it_sealed(tmp_path: Path) -> None:
    seal(tmp_path / "box", CONTENT, passphrase(), label=LABEL)
    assert unseal(tmp_path / "box", passphrase(), label=LABEL) == SecretBytes(CONTENT)
    with pytest.raises(Refused, match="the passphrase does not open"):
        unseal(tmp_path / "box", passphrase("correct horsE"), label=LABEL)


@settings(max_examples=20, deadline=None)
@given(content=st.binary(max_size=5000))
def test_any_content_comes_back(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("sealed")
    new_key_file(folder / "key")
    seal(folder / "box", content, KeyFile(folder / "key"), label="any")
    assert unseal(folder / "box", KeyFile(folder / "key"), label="any").reveal() == content


def test_nothing_of_it_is_on_disk_in_the_clear_and_only_the_owner_reads_it(tmp_path: Path, lock: KeyFile) -> None:
    old = os.umask(0)
    try:
        seal(tmp_path / "box", CONTENT, lock, label=LABEL)
        new_key_file(tmp_path / "key-2")
    finally:
        os.umask(old)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["box", "key", "key-2"], "no temporary file stays"
    assert CONTENT not in (tmp_path / "box").read_bytes()
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}


def test_the_same_content_is_never_sealed_to_the_same_bytes(tmp_path: Path, lock: KeyFile) -> None:
    boxes = set()
    for _ in range(3):
        seal(tmp_path / "box", CONTENT, lock, label=LABEL)
        boxes.add((tmp_path / "box").read_bytes())
    assert len(boxes) == 3


def test_randomness_is_an_argument(tmp_path: Path, lock: KeyFile) -> None:
    for name in ("one", "two"):
        seal(tmp_path / name, CONTENT, lock, label=LABEL, random=bytes)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_wrong_key_is_told_from_a_damaged_file(tmp_path: Path, lock: KeyFile) -> None:
    seal(tmp_path / "box", CONTENT, lock, label=LABEL)
    new_key_file(tmp_path / "other")
    with pytest.raises(Refused, match=f"the key in {tmp_path}/other does not open {tmp_path}/box: it is another one"):
        unseal(tmp_path / "box", KeyFile(tmp_path / "other"), label=LABEL)


def test_every_flipped_byte_is_noticed(tmp_path: Path, lock: KeyFile) -> None:
    seal(tmp_path / "box", CONTENT, lock, label=LABEL)
    whole = (tmp_path / "box").read_bytes()
    for place in range(len(whole)):
        for bit in (0x01, 0x80):
            wrong = bytearray(whole)
            wrong[place] ^= bit
            (tmp_path / "box").write_bytes(wrong)
            with pytest.raises(Refused):
                unseal(tmp_path / "box", lock, label=LABEL)
    (tmp_path / "box").write_bytes(whole)
    assert unseal(tmp_path / "box", lock, label=LABEL).reveal() == CONTENT


def test_a_damaged_body_is_called_damaged(tmp_path: Path, lock: KeyFile) -> None:
    seal(tmp_path / "box", CONTENT, lock, label=LABEL)
    whole = (tmp_path / "box").read_bytes()
    head = whole.index(b"\n\n") + 2
    for wrong in (whole[:-1], whole + b"\0", whole[:head], whole[: head + 23], whole[:head] + bytes(60), b"", b"\n"):
        (tmp_path / "box").write_bytes(wrong)
        with pytest.raises(Refused, match="is damaged; restore it from a backup"):
            unseal(tmp_path / "box", lock, label=LABEL)


def test_the_head_of_a_passphrase_file_is_bound_to_its_body(tmp_path: Path) -> None:
    """Also the lines that only say how to stretch; and none of them makes us take all memory."""
    seal(tmp_path / "box", CONTENT, passphrase(), label=LABEL)
    whole = (tmp_path / "box").read_bytes()
    kind = whole.split(b"\n")[1]
    _, operations, memory, salt = kind.split(b" ")
    for line in (
        b"argon2id %d %b %b" % (int(operations) - 1, memory, salt),
        b"argon2id %b %d %b" % (operations, int(memory) + 1024, salt),
        b"argon2id %b %b %b" % (operations, memory, bytes(16).hex().encode()),
        b"argon2id %b 99999999999 %b" % (operations, salt),
        b"argon2id 9999 %b %b" % (memory, salt),
        b"argon2id 1 1 %b" % salt,
        b"argon2id 0%b %b %b" % (operations, memory, salt),
    ):
        (tmp_path / "box").write_bytes(whole.replace(kind, line))
        with pytest.raises(Refused):
            unseal(tmp_path / "box", passphrase(), label=LABEL)


def test_another_label_is_named(tmp_path: Path, lock: KeyFile) -> None:
    seal(tmp_path / "box", CONTENT, lock, label="shares")
    with pytest.raises(Refused, match="holds 'shares', not 'pepper'"):
        unseal(tmp_path / "box", lock, label="pepper")
    raw = (tmp_path / "box").read_bytes()
    (tmp_path / "box").write_bytes(raw.replace(b"shares", b"pepper"))
    with pytest.raises(Refused, match="is damaged"):
        unseal(tmp_path / "box", lock, label="pepper")


@pytest.mark.parametrize("label", ["", "two\nlines", "x" * 256, "é"])
def test_a_label_that_would_not_fit_its_line_is_a_programming_error(tmp_path: Path, lock: KeyFile, label: str) -> None:
    with pytest.raises(ValueError, match="a label holds"):
        seal(tmp_path / "box", CONTENT, lock, label=label)
    assert not (tmp_path / "box").exists()


def test_the_other_kind_of_lock_is_named(tmp_path: Path, lock: KeyFile) -> None:
    seal(tmp_path / "box", CONTENT, lock, label=LABEL)
    with pytest.raises(Refused, match="locked by a key file"):
        unseal(tmp_path / "box", passphrase(), label=LABEL)
    seal(tmp_path / "box", CONTENT, passphrase(), label=LABEL)
    with pytest.raises(Refused, match="locked by a passphrase"):
        unseal(tmp_path / "box", lock, label=LABEL)


def test_an_empty_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="an empty passphrase"):
        seal(tmp_path / "box", CONTENT, passphrase(""), label=LABEL)


def test_what_is_missing_is_named(tmp_path: Path, lock: KeyFile) -> None:
    with pytest.raises(Refused, match=f"{tmp_path}/box is missing"):
        unseal(tmp_path / "box", lock, label=LABEL)
    seal(tmp_path / "box", CONTENT, lock, label=LABEL)
    with pytest.raises(Refused, match=f"the key file {tmp_path}/gone is missing"):
        unseal(tmp_path / "box", KeyFile(tmp_path / "gone"), label=LABEL)
    with pytest.raises(Refused, match=f"can't read {tmp_path}"):
        unseal(tmp_path, lock, label=LABEL)
    with pytest.raises(Refused, match=f"can't write {tmp_path}/no/box"):
        seal(tmp_path / "no" / "box", CONTENT, lock, label=LABEL)
    with pytest.raises(Refused, match=f"can't write {tmp_path}/no/key"):
        new_key_file(tmp_path / "no" / "key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o601])
def test_a_key_file_that_others_may_touch_is_refused_with_the_remedy(tmp_path: Path, lock: KeyFile, mode: int) -> None:
    seal(tmp_path / "box", CONTENT, lock, label=LABEL)
    lock.path.chmod(mode)

    with pytest.raises(Refused, match=f"run chmod 600 {tmp_path}/key"):
        unseal(tmp_path / "box", lock, label=LABEL)
    with pytest.raises(Refused, match=f"run chmod 600 {tmp_path}/key"):
        seal(tmp_path / "box", CONTENT, lock, label=LABEL)
    lock.path.chmod(0o400)
    assert unseal(tmp_path / "box", lock, label=LABEL).reveal() == CONTENT


@pytest.mark.parametrize(
    "text",
    ["", "0" * 63, "0" * 65, "g" * 64, "A" * 64, "0" * 64 + "\r\n", " " + "0" * 63, "0" * 64 + "\n\n", "0_" * 32],
)
def test_a_key_file_of_another_form_is_refused(tmp_path: Path, lock: KeyFile, text: str) -> None:
    lock.path.write_text(text)
    with pytest.raises(Refused, match="64 hexadecimal digits"):
        seal(tmp_path / "box", CONTENT, lock, label=LABEL)


def test_a_key_file_is_never_overwritten(tmp_path: Path, lock: KeyFile) -> None:
    before = lock.path.read_bytes()
    with pytest.raises(Refused, match="exists already"):
        new_key_file(lock.path)
    assert lock.path.read_bytes() == before


def test_no_message_and_no_lock_shows_a_secret(tmp_path: Path, lock: KeyFile) -> None:
    assert "correct" not in repr(passphrase())
    lock.path.write_text("secret that is no key")
    with pytest.raises(Refused) as caught:
        seal(tmp_path / "box", CONTENT, lock, label=LABEL)
    assert "secret that" not in caught.value.message


WRITE_UNTIL_THE_DISK_IS_FULL = """
import resource, sys
from pathlib import Path
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party.sealed import KeyFile, seal
box, key = map(Path, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
try:
    seal(box, bytes(4096), KeyFile(key), label="new")
except Refused as error:
    print(error)
"""

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from raakvlak_protocol.party.sealed import KeyFile, seal
box, key = map(Path, sys.argv[1:])
print("ready", flush=True)
while True:
    seal(box, b"a" * 50_000, KeyFile(key), label="ab")
    seal(box, b"b" * 50_000, KeyFile(key), label="ab")
"""


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, lock: KeyFile) -> None:
    seal(tmp_path / "box", CONTENT, lock, label=LABEL)
    said = subprocess.run(
        [sys.executable, "-c", WRITE_UNTIL_THE_DISK_IS_FULL, tmp_path / "box", lock.path],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "File too large; what was there stands" in said
    assert sorted(each.name for each in tmp_path.iterdir()) == ["box", "key"]
    assert unseal(tmp_path / "box", lock, label=LABEL).reveal() == CONTENT


@pytest.mark.parametrize("after_seconds", [0.01, 0.02, 0.05])
def test_a_killed_writer_leaves_one_whole_file(tmp_path: Path, lock: KeyFile, after_seconds: float) -> None:
    seal(tmp_path / "box", b"a" * 50_000, lock, label="ab")
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER, tmp_path / "box", lock.path], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(after_seconds)
        writer.kill()
    assert unseal(tmp_path / "box", lock, label="ab").reveal() in (b"a" * 50_000, b"b" * 50_000)
    seal(tmp_path / "box", CONTENT, lock, label=LABEL)
    assert unseal(tmp_path / "box", lock, label=LABEL).reveal() == CONTENT
