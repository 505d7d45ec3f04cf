"""What the repository promises about itself: it names no machine, and its documents agree with one another."""

import ast
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACT = ROOT / "proto" / "raakvlak_protocol"
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))

NOT_OURS = {"node_modules", "__pycache__", "build", "dist", "demo"}
"""Folders that git ignores; those whose name begins with a dot, except `.ci`, aren't ours either."""

# Put together here, so that this file does not hold what it forbids.
REGISTRIES = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
    ]
]
MACHINE_FOLDERS = ["/" + folder for folder in ("work/", "root/", "home/", "Users/", "tmp/rv", "opt/py", "opt/wheels")]
OUT_OF_PLACE = re.compile(
    "|".join(
        [rf"(?<!\w){re.escape(host)}(?!\w)" for host in REGISTRIES]
        + [rf"(?<![\w.)}}-]){re.escape(folder)}" for folder in MACHINE_FOLDERS]
    )
)


def repository_files() -> Iterator[Path]:
    """Every file that is the project's own; needs no git, so that it works in an unpacked archive too."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            each
            for each in folders
            if each not in NOT_OURS and not each.endswith(".egg-info") and (each == ".ci" or not each.startswith("."))
        ]
        yield from (Path(folder, each) for each in files)


def test_no_file_names_a_registry_or_a_folder_of_somebodys_machine() -> None:
    files = list(repository_files())
    assert {ROOT / "requirements.lock", ROOT / ".ci" / "run", ROOT / "pyproject.toml"} <= set(files)
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in files
        for match in OUT_OF_PLACE.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line", [f"--index-url https://{REGISTRIES[0]}/simple", f'"resolved": "https://registry.{REGISTRIES[2]}/x"']
    + [f"see {folder}somewhere" for folder in MACHINE_FOLDERS]
)  # fmt: skip
def test_the_search_finds_what_it_is_for(line: str) -> None:
    assert OUT_OF_PLACE.search(line)


@pytest.mark.parametrize("line", ["a school's work/life", "docs/work/plan.md", "https://raakvlak.example/root/x"])
def test_the_search_leaves_ordinary_text_alone(line: str) -> None:
    assert not OUT_OF_PLACE.search(line)


def test_every_locked_library_has_hashes_and_the_build_backend_is_locked() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(r"^([a-z0-9-]+)==\S+ \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", lock, re.MULTILINE)
    names = {name for name, _ in entries}
    assert len(names) == len(re.findall(r"^[a-z]", lock, re.MULTILINE))
    assert {"setuptools", "pip", "grpcio", "pynacl", "pytest"} <= names
    assert not re.search(r"^ *--(?!hash)", lock, re.MULTILINE), "the lock has an option of one machine's pip"
    # One file is one platform: a compiled library with a few hashes was locked from a local copy of its wheels.
    assert all(hashes.count("--hash") > 5 for name, hashes in entries if name in {"grpcio", "pynacl", "cryptography"})


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_context_options_choice_and_cost(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.match(r"\d{4}-[a-z0-9-]+\.md$", path.name)
    assert re.match(rf"# {int(path.name[:4])}\. \S", text), "the title begins with the number"
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Options", "Choice", "Cost"]


def test_no_two_decisions_have_one_number() -> None:
    assert len({path.name[:4] for path in DECISIONS}) == len(DECISIONS) >= 2


def test_one_version_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changes = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    public = re.search(r'^softwareVersion: "([^"]+)"$', publiccode(), re.MULTILINE)
    assert changes[0] == version
    assert public is not None
    assert public.group(1) == version


def publiccode() -> str:
    return (ROOT / "publiccode.yml").read_text(encoding="utf-8")


def test_publiccode_has_the_keys_that_its_standard_requires() -> None:
    text = publiccode()
    assert "\t" not in text
    top = set(re.findall(r"^(\w+):", text, re.MULTILINE))
    assert top >= {"publiccodeYmlVersion", "name", "url", "platforms", "categories", "developmentStatus"}
    assert top >= {"softwareType", "description", "legal", "maintenance", "localisation"}
    assert re.search(r"^legal:\n  license: EUPL-1\.2$", text, re.MULTILINE)
    for key in ("type", "localisationReady", "availableLanguages"):
        assert re.search(rf"^  {key}:", text, re.MULTILINE), key
    for language in ("en", "nl"):
        section = re.search(rf"^  {language}:\n((?:    .*\n|\n)+)", text, re.MULTILINE)
        assert section is not None
        short = re.search(r"^    shortDescription: (.+)$", section.group(1), re.MULTILINE)
        assert short is not None
        assert len(short.group(1)) <= 150
        assert re.search(r"^    longDescription: >\n(?:      .+\n){3,}", section.group(1), re.MULTILINE)
        assert re.search(r"^    features:\n      - ", section.group(1), re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_the_commands_of_a_document_are_targets_of_the_makefile(name: str) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make (?:[A-Z]+=\S+ )?([a-z][a-z-]*)", text, re.MULTILINE))
    assert named <= targets
    assert "demo" in named


def test_the_licence_is_the_whole_eupl() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2\nEUPL © the European Union 2007, 2016\n")
    assert [int(number) for number in re.findall(r"^(\d+)\.[A-Z]", text, re.MULTILINE)] == list(range(1, 16))
    assert text.endswith("require the production of a new EUPL version.\n")


@pytest.mark.parametrize("path", sorted(CONTRACT.glob("*.py")), ids=lambda path: path.stem)
def test_the_contract_asks_nothing_of_the_machine(path: Path) -> None:
    """What import-linter can't see: a clock behind `datetime`, a file behind a builtin."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call)]
    methods = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    builtins = {call.id for call in calls if isinstance(call, ast.Name)}
    assert not methods & {"now", "utcnow", "today"}, "time is an argument"
    assert not builtins & {"open", "input"}, "what was read is an argument"
