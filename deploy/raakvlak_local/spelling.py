"""How a caseload file spells what an organisation recorded: correct, and nowhere twice the same.

Everything written here is valid in the caseload format; only the spelling varies, as it does between clerks, case
systems and spreadsheets.
"""

import csv
import random
from collections.abc import Iterable
from pathlib import Path

from raakvlak_local.truth import Address, Case

COLUMNS = (
    "case_ref", "bsn", "birth_date", "parent_bsn_1", "parent_bsn_2", "child_bsns", "sibling_bsns", "postcode",
    "house_number", "house_addition", "function", "worker_name", "worker_phone", "worker_email", "since",
    "confidential", "protected",
)  # fmt: skip


def write_caseload(path: Path, cases: Iterable[Case], rng: random.Random) -> None:
    """UTF-8, one row per case; the columns' order, the byte-order mark and the line ends differ from file to file."""
    columns = list(COLUMNS)
    if rng.random() < 0.5:
        rng.shuffle(columns)
    encoding = rng.choice(("utf-8", "utf-8-sig"))
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator=rng.choice(("\n", "\r\n")))
        writer.writeheader()
        writer.writerows(row(case, rng) for case in cases)


def row(case: Case, rng: random.Random) -> dict[str, str]:
    """The columns of one case."""
    parents = [number(parent, rng) for parent in case.parents] + ["", ""]
    postcode, house_number, addition = address(case.home, rng) if case.home else ("", "", "")
    return {
        "case_ref": case.reference,
        "bsn": number(case.client, rng),
        "birth_date": case.born.isoformat() if case.born else "",
        "parent_bsn_1": parents[0],
        "parent_bsn_2": parents[1],
        "child_bsns": " ".join(number(child, rng) for child in case.children),
        "sibling_bsns": " ".join(number(sibling, rng) for sibling in case.siblings),
        "postcode": postcode,
        "house_number": house_number,
        "house_addition": addition,
        "function": case.worker.function,
        "worker_name": case.worker.name,
        "worker_phone": case.worker.phone,
        "worker_email": case.worker.email,
        "since": case.since.isoformat(),
        "confidential": "yes" if case.confidential else rng.choice(("", "no")),
        "protected": "yes" if case.protected else rng.choice(("", "no")),
    }


def number(bsn: int, rng: random.Random) -> str:
    """Nine digits, or eight where a spreadsheet took a leading zero for nothing."""
    return str(bsn) if rng.random() < 0.4 else f"{bsn:09}"


def address(home: Address, rng: random.Random) -> tuple[str, str, str]:
    """Postcode, house number and addition as somebody might type them."""
    digits, letters = home.postcode[:4], home.postcode[4:]
    postcode = rng.choice((f"{digits} {letters}", f"{digits}{letters}", f"{digits} {letters}".lower()))
    house_number, addition = str(home.number), home.addition
    begins_with_one_letter = addition[:1].isalpha() and not addition[1:2].isalpha()
    if begins_with_one_letter and rng.random() < 0.3:  # 12a
        house_number += rng.choice((addition[0], addition[0].lower()))
        addition = addition[1:]
    return postcode, house_number, _addition(addition, rng)


def _addition(canonical: str, rng: random.Random) -> str:
    """`A2` as A-2, a 2 or A²; `2HOOG` as 2 hoog; a single letter also with a hyphen in front."""
    if not canonical:
        return ""
    turn = next((i for i in range(1, len(canonical)) if canonical[i].isalpha() != canonical[i - 1].isalpha()), 0)
    head, tail = canonical[:turn], canonical[turn:]
    spelled = rng.choice((canonical, f"{head}-{tail}", f"{head} {tail}".strip()))
    if tail == "2" and head and rng.random() < 0.2:
        spelled = f"{head}²"
    return rng.choice((spelled, spelled.lower()))
