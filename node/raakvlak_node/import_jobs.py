"""Imports that a person looks at before they are done: a caseload file is sent in, tried, looked at, and then imported.

The file lies in the node's folder, for its owner alone, until it is imported, given up, or a day old; what was found is
sealed in the store. `import_runner` does the work.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final

from raakvlak_node import caseload
from raakvlak_node.importing import Report
from raakvlak_node.node import BsnChange, BsnDiffers
from raakvlak_node.store import Store
from raakvlak_protocol.encoding import from_hex
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.text import MAX_TEXT_CHARACTERS, shown_text

FOLDER: Final = "imports"
KEPT_SECONDS: Final = 24 * 3600
"""So long after the last thing that was done with it a file of identifiers lies here at most."""
ID_BYTES: Final = 16
SHOWN_ROWS: Final = 200
ASKED_ROWS: Final = 100
"""For so many clients whose BSN differs one can say one by one what it means; for the others, all in one."""
_WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL


class State(StrEnum):
    """How far an import is."""

    RECEIVING = "receiving"
    CHECKING = "checking"
    CHECKED = "checked"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the one who looked at the preview has said. `bsn` is what a differing BSN means, "" for leaving such rows out;
    `bsn_rows` the same for single lines, "skip" for leaving that one out."""

    withdraw_missing: bool = False
    bsn: str = ""
    bsn_rows: Mapping[int, str] = field(default_factory=dict)

    def of(self, line: int) -> BsnChange | None:
        said = self.bsn_rows.get(line, self.bsn)
        return "wrong" if said == "wrong" else "changed" if said == "changed" else None


@dataclass(frozen=True, slots=True, repr=False)
class Tally:
    """What an import did, or would do. `shown` are the first rejected rows, as (line, column, message); `differing` the
    lines of clients whose BSN differs, which wait for a word."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    nameless: int = 0
    missing: int = 0
    rejected: int = 0
    shown: tuple[tuple[int, str, str], ...] = ()
    differing: tuple[int, ...] = ()

    @classmethod
    def of(cls, report: Report) -> "Tally":
        asks = BsnDiffers().reasons
        differing = tuple(row.line for row in report.rejected if row.reasons == asks)
        rows = [row for row in report.rejected if row.reasons != asks][:SHOWN_ROWS]
        return cls(
            report.new,
            report.changed,
            report.unchanged,
            report.withdrawn,
            report.nameless,
            len(report.missing),
            len(report.rejected),
            tuple((row.line, each.column, each.message) for row in rows for each in row.reasons),
            differing,
        )


@dataclass(frozen=True, slots=True, repr=False)
class Job:
    """One import. `changed` is when something was last done with it, in Unix seconds; `name` what the sender calls the
    file; `by` who sent it; `mended` says that the file holds a part of the caseload only; `failure` is a message of an
    error, empty where it came unexpected."""

    id: str
    state: State
    changed: int
    name: str = ""
    size: int = 0
    by: str = ""
    mended: bool = False
    choices: Choices = Choices()
    tally: Tally = Tally()
    failure: str = ""
    failed_at: str = ""

    def __repr__(self) -> str:
        return f"Job({self.state})"


class Jobs:
    """What stands in the store and in the folder of it."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder / FOLDER

    def _run(self, sql: str, *values: Any) -> Any:
        return self._store.database.execute(sql, values)

    def file(self, id: str) -> Path:
        """What was sent in."""
        return self._folder / f"{_checked(id)}.csv"

    def rejected(self, id: str) -> Path:
        """The rows of it that were not taken."""
        return self._folder / f"{_checked(id)}-rejected.csv"

    def receive(self, random: Callable[[int], bytes], now: datetime) -> Job:
        """A new import, whose file is about to be written."""
        made = Job(random(ID_BYTES).hex(), State.RECEIVING, int(now.timestamp()))
        self._folder.mkdir(exist_ok=True, mode=0o700)
        # Before the file, so that no file lies there of which the store does not know.
        self.put(made)
        return made

    def put(self, job: Job) -> None:
        key = bytes.fromhex(job.id)
        record = asdict(job) | {"choices": _packed(job.choices)}
        sealed = self._store.vault.seal(json.dumps(record).encode(), "import_job", key)
        self._run(
            "INSERT INTO import_job VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
            " changed = excluded.changed, sealed = excluded.sealed",
            key, str(job.state), job.changed, sealed,
        )  # fmt: skip

    def job(self, id: str) -> Job | None:
        """The import with this id; None for whatever else is given."""
        if not _is_id(id):
            return None
        row = self._run("SELECT * FROM import_job WHERE id = ?", bytes.fromhex(id)).fetchone()
        return None if row is None else self._opened(row)

    def all(self) -> list[Job]:
        """Every import whose file has come, the last one first."""
        rows = self._run("SELECT * FROM import_job WHERE state <> 'receiving' ORDER BY changed DESC, id").fetchall()
        return [self._opened(row) for row in rows]

    def _opened(self, row: Any) -> Job:
        key = bytes(row["id"])
        found = json.loads(self._store.vault.open(row["sealed"], "import_job", key).reveal())
        tally, choices = found["tally"], found["choices"]
        rows = {int(line): said for line, said in choices["bsn_rows"].items()}
        shown = tuple((line, column, message) for line, column, message in tally["shown"])
        return Job(**found | {
            "state": State(found["state"]),
            "choices": Choices(choices["withdraw_missing"], choices["bsn"], rows),
            "tally": Tally(**tally | {"shown": shown, "differing": tuple(tally["differing"])}),
        })  # fmt: skip

    def erase(self, id: str) -> None:
        """Nothing of it is left."""
        self.erase_file(id)
        self.rejected(id).unlink(missing_ok=True)
        self._run("DELETE FROM import_job WHERE id = ?", bytes.fromhex(id))

    def erase_file(self, id: str) -> None:
        self.file(id).unlink(missing_ok=True)

    def sweep(self, now: datetime) -> int:
        """Erases what nobody has touched for KEPT_SECONDS, and files that the store knows nothing of: a backup was put
        back. Returns how many imports are gone."""
        before = int(now.timestamp()) - KEPT_SECONDS
        old = [bytes(row[0]).hex() for row in self._run("SELECT id FROM import_job WHERE changed < ?", before).fetchall()]
        for each in old:
            self.erase(each)
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            id = path.name.partition(".")[0].partition("-")[0]
            if not _is_id(id) or self.job(id) is None:
                path.unlink(missing_ok=True)
        return len(old)


def writing(path: Path) -> BinaryIO:
    """The file that is sent in, to be written; for its owner alone."""
    return os.fdopen(os.open(path, _WRITING, 0o600), "wb")


def demand_caseload(path: Path) -> bool:
    """Whether the file holds only a part of a caseload, mended after an earlier import. Raises Malformed where its header
    is none of a caseload file's, TooLarge where it is too long."""
    caseload.size(path)
    with path.open("rb") as file:
        with closing(caseload.rows(file, today=date.max, adults=True)) as rows:
            # Whatever its first row holds: only the header is judged.
            next(rows, None)
        return caseload.is_mended(file)


def shown_name(name: str) -> str:
    """What a sender calls a file, fit to be shown."""
    last = name.replace("\\", "/").rpartition("/")[2][:MAX_TEXT_CHARACTERS].strip()
    try:
        return shown_text(last, MAX_TEXT_CHARACTERS, "name")
    except Malformed:
        return ""


def _packed(choices: Choices) -> dict[str, Any]:
    return {
        "withdraw_missing": choices.withdraw_missing,
        "bsn": choices.bsn,
        "bsn_rows": {str(line): said for line, said in choices.bsn_rows.items()},
    }


def _is_id(id: str) -> bool:
    return from_hex(id, ID_BYTES) is not None


def _checked(id: str) -> str:
    if not _is_id(id):
        raise Malformed("an import goes by 32 hexadecimal digits")
    return id
