"""The subject-access report of an invented mother, as the documents show it. Run as a module it writes them anew."""

import re
from datetime import date, datetime
from pathlib import Path
from typing import Final

from raakvlak_node import subject_page
from raakvlak_node.subject_facts import (
    Agreement,
    AskedBy,
    Basis,
    Controller,
    Involvement,
    Letter,
    Look,
    Match,
    Publication,
    Signed,
    Step,
    SubjectReport,
)
from raakvlak_node.wording import Language
from raakvlak_node.workdays import ZONE
from tests.node.subjects import LANGUAGES

DOCS: Final = Path(__file__).parents[2] / "docs"
SCHOOL, TOWN, CARE = "De Zandkreek", "Gemeente Westerlede", "Jeugdteam Oosterschor"
UNTIL: Final = date(2028, 1, 1)
BASIS: Final = Basis("urn:example:sandbox", "an example with invented people / een voorbeeld met verzonnen mensen")

AGREED: Final = Agreement(
    SCHOOL, date(2026, 4, 15), "agrees", "agrees", (Signed(SCHOOL, date(2026, 2, 9)), Signed(TOWN, date(2026, 2, 11))), ()
)
STEPS: Final = (
    Step(date(2026, 1, 20), "acknowledged", TOWN),
    Step(date(2026, 1, 22), "contacted", SCHOOL),
    Step(date(2026, 2, 9), "proposed", SCHOOL),
    Step(date(2026, 2, 9), "signed", SCHOOL),
    Step(date(2026, 2, 11), "signed", TOWN),
)
MATCHES: Final = (
    Match(
        "ZK-00017", TOWN, "family", date(2026, 1, 19), None, date(2025, 11, 3), "schuldhulpverlener",
        ("relation", "contact", "follow_up"), "agreed", STEPS, AGREED,
    ),
    Match(
        "ZK-00018", CARE, "family", date(2026, 2, 24), None, date(2026, 2, 23), "gezinscoach",
        ("relation", "contact"), "signalled", (), None,
    ),
)  # fmt: skip


def _at(month: int, day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE)


SAMPLE: Final = SubjectReport(
    made=_at(3, 2, 10, 30),
    number_ends_with="019",
    asked_by=AskedBy.SUBJECT,
    controller=Controller(SCHOOL, "education", "Stichting Scholen aan het Water", ""),
    index=Controller("De index", "index", "Stichting Verwijsindex Voorbeeld", "Rekencentrum Voorbeeld"),
    basis=BASIS,
    other_law="",
    retention_months=24,
    involvements=(
        Involvement("ZK-00017", "parent", date(2026, 1, 5), "mentor", "direct", UNTIL),
        Involvement("ZK-00018", "parent", date(2026, 1, 5), "zorgcoördinator", "direct", UNTIL),
    ),
    publications=(Publication(1, date(2026, 1, 19), UNTIL, "direct", True),),
    matches=MATCHES,
    letters=(
        Letter(date(2026, 1, 19), TOWN, 1184),
        Letter(date(2026, 1, 19), TOWN, 1184),
        Letter(date(2026, 1, 22), TOWN, 1184),
        Letter(date(2026, 2, 9), TOWN, 4256),
        Letter(date(2026, 2, 24), CARE, 1184),
        Letter(date(2026, 2, 24), CARE, 1184),
    ),
    looks=(
        Look(_at(1, 19, 8, 12), "administrator", "", "import", "case", "ZK-00017", "done"),
        Look(_at(1, 19, 8, 12), "administrator", "", "import", "case", "ZK-00018", "done"),
        Look(_at(1, 20, 9, 41), "system", "", "read", "picture", "ZK-00017", "done"),
        Look(_at(2, 9, 15, 3), "system", "", "update", "agreement", "ZK-00017", "done"),
        Look(_at(2, 27, 11, 20), "administrator", "", "export", "person", "", "refused"),
    ),
    objections=(),
    archive=(),
    backups_until=date(2026, 4, 1),
)


def file(language: Language) -> Path:
    return DOCS / f"sample-subject-report.{language}.html"


def page(language: Language) -> str:
    """The page; without the program's version, so that the documents need not change with it."""
    return re.sub(r"(raakvlak-node) [^<]+", r"\1", subject_page.html(SAMPLE, language))


if __name__ == "__main__":
    for each in LANGUAGES:
        file(each).write_text(page(each), encoding="utf-8")
