"""Settings: the dataclass is the whole truth, and what does not fit is refused by name."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.party.settings import load


@dataclass(frozen=True)
class Remote:
    address: str
    tries: int = 3

    def __post_init__(self) -> None:
        if ":" not in self.address:
            raise Malformed("an address is host:port", field="address")


@dataclass(frozen=True)
class Settings:
    name: str
    data: Path
    threads: int
    loud: bool
    index: Remote
    witnesses: tuple[str, ...] = ()
    mirrors: tuple[Remote, ...] = ()
    key_holders: dict[str, Remote] = field(default_factory=dict)
    log: Path | None = None
    proxy: Remote | None = None


GOOD = """
name = "school"
data = "store/school.db"
threads = 2
loud = false
witnesses = ["a", "b"]
log = "/var/log/raakvlak"
[index]
address = "index.example:7000"
[key_holders.keyholder-1]
address = "one.example:7001"
tries = 5
[[mirrors]]
address = "mirror.example:7002"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(text)
    return file


def test_everything_is_read_into_its_place(tmp_path: Path) -> None:
    assert load(write(tmp_path, GOOD), Settings) == Settings(
        name="school",
        data=tmp_path / "store/school.db",
        threads=2,
        loud=False,
        index=Remote("index.example:7000"),
        witnesses=("a", "b"),
        mirrors=(Remote("mirror.example:7002"),),
        key_holders={"keyholder-1": Remote("one.example:7001", 5)},
        log=Path("/var/log/raakvlak"),
    )


def test_paths_are_taken_from_the_files_folder_wherever_we_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    write(tmp_path / "etc", GOOD)
    monkeypatch.chdir(tmp_path)
    assert load(Path("etc/settings.toml"), Settings).data == tmp_path / "etc/store/school.db"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "school"', "", "name is missing; it must be text"),
        ("loud = false", "", "loud is missing; it must be true or false"),
        ('data = "store/school.db"', "", "data is missing; it must be a path"),
        ("[index]", "[indexx]", "indexx is unknown; known here: data, index, key_holders"),
        ('address = "index.example:7000"', "", "index.address is missing; it must be text"),
        ("tries = 5", "trys = 5", "key_holders.keyholder-1.trys is unknown; known here: address, tries"),
        ('name = "school"', "name = 7", "name must be text"),
        ("threads = 2", 'threads = "2"', "threads must be a whole number"),
        ("threads = 2", "threads = 2.0", "threads must be a whole number"),
        ("threads = 2", "threads = true", "threads must be a whole number"),
        ("loud = false", "loud = 0", "loud must be true or false"),
        ("loud = false", 'loud = "false"', "loud must be true or false"),
        ('data = "store/school.db"', 'data = ""', "data must be a path"),
        ('data = "store/school.db"', 'data = ["a"]', "data must be a path"),
        ('["a", "b"]', '"a"', "witnesses must be a list, each text"),
        ('["a", "b"]', '["a", 2]', r"witnesses\[1\] must be text"),
        ("[[mirrors]]", "[mirrors]", "mirrors must be a list, each a table"),
        ('log = "/var/log/raakvlak"', "log = 1", "log must be a path"),
        ('log = "/var/log/raakvlak"', "proxy = 1", "proxy must be a table"),
        ("[key_holders.keyholder-1]", "[key_holders]", "key_holders.address must be a table"),
        ("index.example:7000", "index.example", "index can't be so: an address is host:port"),
        ('"mirror.example:7002"', "7002", r"mirrors\[0\].address must be text"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    file = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(Refused, match=f"{file}: {message}"):
        load(file, Settings)


@pytest.mark.parametrize("text", ["name = ", "name", '[a]\n[a]\nx = "y"', "x = 1\nx = 2", "\0"])
def test_what_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused, match="is not TOML: "):
        load(write(tmp_path, text), Settings)


def test_a_file_that_can_not_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=f"the settings file {tmp_path}/no.toml is missing"):
        load(tmp_path / "no.toml", Settings)
    with pytest.raises(Refused, match=f"can't read the settings file {tmp_path}"):
        load(tmp_path, Settings)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(Refused, match=r"latin.toml is not UTF-8 text"):
        load(tmp_path / "latin.toml", Settings)


def test_no_message_shows_a_value(tmp_path: Path) -> None:
    """One of them may be a secret that was put into the wrong key."""
    for text in (
        GOOD.replace("threads = 2", 'threads = "hunter2"'),
        GOOD.replace('["a", "b"]', '{ a = "hunter2" }'),
        GOOD.replace('address = "index.example:7000"', 'address = "hunter2"'),
        GOOD.replace("loud = false", 'loud = "hunter2'),
    ):
        with pytest.raises(Refused) as caught:
            load(write(tmp_path, text), Settings)
        assert "hunter2" not in caught.value.message


def test_an_environment_variable_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load(write(tmp_path, GOOD), Settings)
    for name in ("name", "NAME", "RAAKVLAK_NAME"):
        monkeypatch.setitem(os.environ, name, "other")
    assert load(write(tmp_path, GOOD), Settings) == before
