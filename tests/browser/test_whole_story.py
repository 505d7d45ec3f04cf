"""The whole story in browsers: two administrators import, two case workers find each other, agree, look back and close."""

import csv
from pathlib import Path

import pytest

from tests.browser.region import LOTTE, MOTHER, Region
from tests.browser.window import Window

pytestmark = pytest.mark.slow

HEADER = "case_ref,bsn,parent_bsn_1,function,worker_name,worker_phone,worker_email,since\n"
SCHOOL = HEADER + (
    f"2026-014,{LOTTE},{MOTHER},mentor,Fatima Bakker,0111-234501,fatima@school.example,2026-01-05\n"
    "2026-015,123456789,,mentor,Fatima Bakker,0111-234501,fatima@school.example,2026-01-05\n"
)
YOUTH = HEADER + f"J-88,{LOTTE},,gezinswerker,Sanne van den Broek,0111-234502,sanne@youth-team.example,2026-02-01\n"


def send_file(opened: Window, path: Path) -> None:
    opened.go("/import")
    opened.page.locator("[name=file]").set_input_files(path)
    opened.press("Look through it")
    opened.lands("/import/*")


def test_from_a_caseload_file_to_a_closed_follow_up(apart: Region, tmp_path: Path) -> None:
    imported_by_the_school(apart, tmp_path)
    imported_by_the_youth_team(apart, tmp_path)
    apart.settle()
    seen_called_and_proposed(apart)
    apart.settle()
    signed(apart)
    apart.settle()
    apart.passes(41)
    evaluated_and_closed(apart)
    apart.settle()
    counted(apart)


def imported_by_the_school(here: Region, folder: Path) -> None:
    """With a row that is not taken, mended in the file of rejected rows."""
    sent = folder / "caseload.csv"
    sent.write_text(SCHOOL)
    with here.visit("bas", "/import") as opened:
        opened.go("/import")
        opened.press("Look through it")
        opened.sees("Choose a file.")
        send_file(opened, sent)
        opened.sees("Rows that were not taken")
        assert "123456789" not in opened.page.content()
        opened.press("Import one case")
        opened.sees("The caseload is imported")
        with opened.page.expect_download() as downloading:
            opened.press("Download the rejected rows")
        downloading.value.save_as(folder / "rejected.csv")
        mended = mend(folder / "rejected.csv")
        send_file(opened, mended)
        opened.misses("Rows that were not taken")
        opened.press("Import one case")
        opened.sees("The caseload is imported")
    assert len(here.running.nodes["school"].store.case_handles()) == 2


def mend(path: Path) -> Path:
    """The file of rejected rows as a person mends it in a spreadsheet."""
    with path.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened)
        rows = list(reader)
        columns = list(reader.fieldnames or ())
    assert [row["case_ref"] for row in rows] == ["2026-015"] and any("bsn" in row[columns[-1]] for row in rows)
    mended = path.with_name("mended.csv")
    with mended.open("w", newline="") as written:
        writer = csv.DictWriter(written, columns)
        writer.writeheader()
        writer.writerows([row | {"bsn": "111222333"} for row in rows])
    return mended


def imported_by_the_youth_team(here: Region, folder: Path) -> None:
    sent = folder / "youth.csv"
    sent.write_text(YOUTH)
    with here.visit("joris", "/import", language="en") as opened:
        send_file(opened, sent)
        opened.press("Import one case")
        opened.sees("The caseload is imported")


def seen_called_and_proposed(here: Region) -> None:
    with here.visit("fatima", width=360) as opened:
        opened.lands("/today")
        opened.main.get_by_role("link", name="Jeugdteam Schouwen").first.click()
        opened.sees("Sanne van den Broek")
        assert opened.main.get_by_role("link", name="0111-234502").first.get_attribute("href") == "tel:0111234502"
        opened.go(here.picture("school", "2026-014"))
        opened.sees("Jeugdteam Schouwen", "Sanne van den Broek")
        opened.main.locator(".rv-next a[href^='/follow-ups/']").click()
        opened.lands("/follow-ups/*")
        opened.press("I have seen it and will call")
        opened.fill(contacted_text="Gebeld, we spreken elkaar donderdag.")
        opened.press("Note the contact")
        opened.press("Make agreements")
        opened.press("Sign and send")
        assert opened.main.get_by_text(opened.words("Fill this in.")).count() > 0
        opened.fill(what_0="Wekelijks gesprek met moeder", by_0=here.day(14), evaluate_on=here.day(40))
        opened.fill(lead="school", parents="agrees", youth="agrees")
        opened.press("Sign and send")
        opened.lands("/follow-ups/*")
        opened.sees("Wekelijks gesprek met moeder")


def signed(here: Region) -> None:
    with here.visit("sanne", language="en") as opened:
        opened.main.get_by_role("link", name="De Wissel").first.click()
        opened.sees("Wekelijks gesprek met moeder", "Gebeld, we spreken elkaar donderdag.")
        opened.press("Sign this agreement")
        opened.go(here.picture("youth-team", "J-88"))
        opened.sees("Wekelijks gesprek met moeder")


def evaluated_and_closed(here: Region) -> None:
    with here.visit("sanne", language="en") as opened:
        opened.main.get_by_role("link", name="De Wissel").first.click()
        opened.fill(evaluated_text="It goes well; moeder vertelt het zelf.")
        opened.press("Note the evaluation")
        opened.open("Close it")
        opened.fill(closed_text="Nothing more is needed.")
        opened.press("Close it")
        opened.sees("Reopen it")
    here.settle()
    with here.visit("fatima", here.follow_up("school", "youth-team")) as opened:
        opened.sees("It goes well; moeder vertelt het zelf.", "Nothing more is needed.")


def counted(here: Region) -> None:
    with here.visit("wim", "/outcome") as opened:
        opened.sees("How far they came")
        assert opened.main.locator("svg").count() >= 1
        with opened.page.expect_download() as downloading:
            opened.press("Download for a spreadsheet")
        text = Path(downloading.value.path()).read_text(encoding="utf-8-sig")
        assert "youth" in text and "2026-014" not in text
