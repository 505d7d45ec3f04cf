"""What a person may be told about itself: who asks is judged, and the report is handed over to be read first."""

import json
import re
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from raakvlak_node import subject, subject_page
from raakvlak_node.pages.door import At, Filled, Page
from raakvlak_node.pages.forms import Form
from raakvlak_node.pages.numbers import kept, number_of
from raakvlak_node.subject_facts import AskedBy
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party.look.words import LANGUAGES, Words

routes: Final = APIRouter()

_POLICY: Final = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')
_HOW: Final = ("show", "page", "data")


@routes.get("/privacy/subjects")
def show(page: At) -> Response:
    """Whose report, and who asks for it."""
    return _page(page, Form.of(page.words, asked_by=str(AskedBy.SUBJECT), language="nl"))


@routes.post("/privacy/subjects")
def make(page: At, form: Filled) -> Response:
    """The report, on a page of its own or as a file; either way it stands in the access log, as does a refusal."""
    identifier = number_of(form, "bsn", page.words)
    asked_by = form.one_of("asked_by", map(str, AskedBy))
    born = form.day("birth_date")
    language = next((each for each in LANGUAGES if each == form.one_of("language", LANGUAGES)), page.language)
    how = form.one_of("how", _HOW)
    if identifier is None or not form.ok:
        return _page(page, form, 422)
    try:
        with page.node() as own:
            report = subject.report(
                own, identifier, AskedBy(asked_by), page.actor, page.now, birth_date=born, staff=form.flag("staff")
            )
    except Refused as error:
        form.reject("birth_date" if "birth date" in error.message else "asked_by", page.words.refusal(error.message))
        return _page(page, form, 422)
    if how == "data":
        return _attached(json.dumps(report.record(), indent=2, ensure_ascii=False), "application/json", "report.json")
    return _written(subject_page.html(report, language), attached=how == "page")


def _written(html: str, *, attached: bool) -> Response:
    """The report as it is handed over, under the policy that it states itself: its one style sheet, and nothing else."""
    if attached:
        return _attached(html, "text/html", "report.html")
    found = _POLICY.search(html)
    assert found is not None
    return HTMLResponse(html, headers={"Content-Security-Policy": f"{found[1]}; frame-ancestors 'none'"})


def _attached(text: str, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=f"{media_type}; charset=utf-8", headers=headers)


def _page(page: Page, form: Form, status: int = 200) -> Response:
    words = page.words
    with page.node() as own:
        law = subject.other_law(own)
    return page.html(
        "subject.html",
        status,
        title=words("What may somebody be told?"),
        form=kept(form, words, "asked_by", "birth_date", "staff", "language"),
        asking=_asking(words),
        languages=[("nl", words("Dutch")), ("en", words("English"))],
        law=law,
    )


def _asking(words: Words) -> list[tuple[str, str, str]]:
    return [
        (str(AskedBy.SUBJECT), words("The person"), words("From 16 years on.")),
        (str(AskedBy.PARENT), words("A parent"), words("Below 12 years; look who has parental authority.")),
        (str(AskedBy.BOTH), words("Youth and parent together"), words("From 12 to 15 years.")),
        (
            str(AskedBy.REPRESENTATIVE),
            words("A representative"),
            words("A guardian, or somebody with a written authorisation."),
        ),
    ]
