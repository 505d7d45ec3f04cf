"""The compliance officers of a federation on one machine: a witness that cosigns the log, and the officer who reports.

Both hold the covenant by the hash that was given to them when it was signed, and begin at the empty log. They are two
folders because they are two people: what the witness trusts, the officer does not.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from raakvlak_local import programs
from raakvlak_protocol.party.command import DONE, FAILED, TRY_LATER

PROGRAM: Final = "raakvlak-audit"
WITNESS: Final = "witness"
"""Its id in the covenant, and its folder's name."""
LANGUAGES: Final = ("nl", "en")
EVERY_MINUTES: Final = 1
"""How often the witness of a federation that keeps running looks at the log."""
REPORTED: Final = (DONE, FAILED, TRY_LATER)
"""In order, wrong, not known yet: each comes with a report."""


@dataclass(frozen=True, slots=True)
class Found:
    """One report, as far as a summary needs it: the verdict `ok`, `unknown` or `wrong`, and the two pages.

    `checks` holds (name, verdict, first sentence found) of each check.
    """

    name: str
    title: str
    verdict: str
    checks: tuple[tuple[str, str, str], ...]
    pages: dict[str, str]

    @property
    def reasons(self) -> Iterator[str]:
        """What to read first, where not all is in order."""
        for name, verdict, said in self.checks:
            if verdict == self.verdict != "ok":
                yield f"{name}: {said}"

    def as_json(self) -> dict[str, Any]:
        checks = [{"name": name, "verdict": verdict} for name, verdict, _ in self.checks]
        return {"report": self.name, "title": self.title, "verdict": self.verdict, "checks": checks, "pages": self.pages}


@dataclass(frozen=True, slots=True)
class Witness:
    """`folder` holds its sealed key, which `key_file` opens."""

    folder: Path
    key_file: Path

    def new_key(self, covenant: str) -> str:
        """Makes the key; returns the witness's entry for the covenant."""
        who = ["--covenant-id", covenant, "--witness", WITNESS, "--name", "a witness of the sandbox"]
        return programs.run(PROGRAM, "witness-key", str(self.folder), *who, "--key-file", str(self.key_file))

    def init(self, covenant_file: Path, pin: str, log: str) -> None:
        pinned = ["--covenant", str(covenant_file), "--pin", pin, "--log", log]
        own = ["--witness", WITNESS, "--key-file", str(self.key_file)]
        programs.run(PROGRAM, "init", str(self.folder), *pinned, *own)

    @property
    def arguments(self) -> list[str]:
        """One look at the log, and a cosignature handed in."""
        return ["witness", "--folder", str(self.folder)]

    def cosign(self) -> None:
        """Raises CommandFailed where the log is not in order, or the index does not take the cosignature."""
        # The first time it is not known yet whether a witness saw the log, because this is the one.
        checks = json.loads(programs.run(PROGRAM, *self.arguments, "--json", allowed=(DONE, TRY_LATER)))["checks"]
        if not any(each["id"] == "handed_in" and each["verdict"] == "ok" for each in checks):
            said = "; ".join(each["found"][0]["text"] for each in checks if each["verdict"] != "ok")
            raise programs.CommandFailed(f"the witness could not cosign the log: {said}")


@dataclass(frozen=True, slots=True)
class Officer:
    """`reports` gets the pages, each in both languages."""

    folder: Path
    reports: Path

    def init(self, covenant_file: Path, pin: str, log: str) -> None:
        programs.run(PROGRAM, "init", str(self.folder), "--covenant", str(covenant_file), "--pin", pin, "--log", log)

    def report(self, name: str, command: str, *arguments: str) -> Found:
        """Runs one check; what is wrong or not known is an answer too. Raises CommandFailed where there is no report."""
        self.reports.mkdir(exist_ok=True)
        pages = {language: str(self.reports / f"{name}.{language}.html") for language in LANGUAGES}
        writing = [part for page in pages.values() for part in ("--report", page)]
        folder = ["--folder", str(self.folder)]
        printed = programs.run(PROGRAM, command, *arguments, *folder, "--json", *writing, allowed=REPORTED)
        made = json.loads(printed)
        checks = tuple((each["name"], each["verdict"], each["found"][0]["text"]) for each in made["checks"])
        return Found(name, made["title"], made["verdict"], checks, pages)
