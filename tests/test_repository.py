"""What the repository promises about itself: nothing in it names a machine, and its documents agree with each other."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
NOT_OURS = {".git", ".venv", "node_modules", "build", "dist", "demo", "__pycache__"}

# Put together here, so that this file does not hold what it forbids.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("crates", "io"),
    )
]
MACHINE_FOLDERS = ["work", "root", "home/[a-z]", "Users/[A-Za-z]", "tmp/[a-z]", "opt/(pypi|wheels)"]
OUT_OF_PLACE = re.compile(
    "|".join(
        [rf"\b{re.escape(host)}\b" for host in REGISTRIES]
        + [rf"(?<![\w./}})-])/{folder}(?=[/\s\"']|\w)" for folder in MACHINE_FOLDERS]
    )
)


def repository_files() -> Iterator[Path]:
    """Every file of the project in this tree; also without git, as in an unpacked archive."""
    for folder, folders, files in ROOT.walk() if hasattr(ROOT, "walk") else []:
        del folder, folders, files
    raise NotImplementedError
