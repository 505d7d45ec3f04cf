"""The cases of who is signed in: the list, and what is done with one by hand. The client picture is another room."""

from typing import Final

from fastapi import APIRouter, Response

from raakvlak_node.access import MAX_REASON_CHARACTERS, Event
from raakvlak_node.case import Case, Rejected
from raakvlak_node.hand_over import Worker, hand_over
from raakvlak_node.node import Node
from raakvlak_node.pages.case_list import CaseList, seen_as
from raakvlak_node.pages.case_words import PAGE_ENDINGS, hand_over_refusal, listed, what_happens
from raakvlak_node.pages.door import At, Filled, Page
from raakvlak_node.pages.forms import Form
from raakvlak_node.people import People, User
from raakvlak_node.standing import ARCHIVED, Ending
from raakvlak_protocol.covenant import NEVER_DIRECT
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.term import month_of
from raakvlak_protocol.text import MAX_REFERENCE_CHARACTERS

routes: Final = APIRouter()


@routes.get("/cases")
def cases(page: At, q: str = "", older: str = "", newer: str = "") -> Response:
    """The cases that were changed last, or those that a reference finds. htmx gets the list alone."""
    wanted = q.strip()[:MAX_REFERENCE_CHARACTERS]
    with page.node() as own:
        scope = page.scope(own)
        lists = CaseList(own, scope, page.now)
        found = lists.found(wanted) if wanted else lists.page(older, newer)
        count = len(found.rows) if wanted else scope.count()
        # What was typed is not written down: somebody may type a number of a person there.
        page.note(own, Event.SEARCH, "case", reason="by reference" if wanted else "own cases")
        today = own.today(page.now)
    return page.html(
        "cases_list.html" if page.htmx else "cases.html",
        title=page.words("Cases"),
        rows=[listed(page.words, each, today) for each in found.rows],
        counted=_counted(page, count, searched=bool(wanted)),
        wanted=wanted,
        before=f"/cases?newer={found.newer}" if found.newer else "",
        after=f"/cases?older={found.older}" if found.older else "",
        form=Form.of(page.words, q=wanted),
    )


def _counted(page: Page, count: int, *, searched: bool) -> str:
    plural = page.words.plural
    if searched:
        return plural("One case found.", "%(count)s cases found.", count)
    return plural("One case, yours or of your team.", "%(count)s cases, yours or of your team; the last changed first.", count)


# --- somebody else takes it over --------------------------------------------------------------------------------------


@routes.get("/cases/{case}/hand-over")
def ask_to_whom(page: At, case: str) -> Response:
    """To whom."""
    with page.node() as own:
        handle, found = page.case_to_read(own, case)
        form = Form.of(page.words, function=found.function)
        return _hand_over_page(page, own, handle, found, form)


@routes.post("/cases/{case}/hand-over")
def hand_it_over(page: At, case: str, form: Filled) -> Response:
    """Whoever was chosen is told of to the other organisations, by the next card."""
    with page.node() as own:
        handle, found = page.case(own, case)
        worker = _worker(page, own, form)
        if form.ok and form.value("seen") != seen_as(own, handle):
            form.reject("", page.words("Somebody else has changed this case meanwhile: look whether you still want this."))
            return _hand_over_page(page, own, handle, found, form, 409)
        if form.ok:
            try:
                hand_over(own, found.reference, worker, page.actor)
            except Rejected as error:
                hand_over_refusal(page.words, form, error)
        if not form.ok:
            return _hand_over_page(page, own, handle, found, form, 422)
        mine = page.scope(own).holds(handle)
    page.wake()
    who = worker.name or worker.email or worker.phone
    if mine:
        return page.see(f"/cases/{case}", page.words("%(who)s has this case now. The others will be told.", who=who))
    return page.see("/cases", page.words("%(who)s has the case now. You don't see it any more.", who=who))


def _hand_over_page(page: Page, own: Node, handle: bytes, found: Case, form: Form, status: int = 200) -> Response:
    chosen = [("", page.words("Choose a colleague"))]
    return page.html(
        "case_hand_over.html",
        status,
        title=page.words("Hand over %(reference)s", reference=found.reference),
        case=found,
        id=handle.hex(),
        seen=form.value("seen") if status == 422 else seen_as(own, handle),
        colleagues=chosen + [(each.id, each.name) for each in _colleagues(page, own)],
        form=form,
    )


def _colleagues(page: Page, own: Node) -> list[User]:
    everybody = People(own.store, own.random).users()
    return [each for each in everybody if each.sees_cases and each.id != page.user.id]


def _worker(page: Page, own: Node, form: Form) -> Worker:
    """Who was chosen, or filled in by hand; what is wrong stands in the form."""
    words, typed = page.words, form.value("name") or form.value("email")
    colleagues = {each.id: each for each in _colleagues(page, own)}
    chosen = colleagues.get(form.one_of("colleague", colleagues, required=False))
    if chosen is not None and typed:
        form.reject("colleague", words("Choose a colleague or fill in somebody else, not both."))
    if chosen is None and not typed and not form.value("phone"):
        form.reject("colleague", words("Choose a colleague, or fill in somebody else below."))
    name, email = (chosen.name, chosen.email) if chosen is not None else (form.value("name"), form.value("email"))
    return Worker(name, form.value("function"), form.value("phone"), email)


# --- its term, and its end --------------------------------------------------------------------------------------------


@routes.post("/cases/{case}/renew")
def renew(page: At, case: str, form: Filled) -> Response:
    """Somebody has looked: the case is reported for another term."""
    with page.node() as own:
        _, found = page.case(own, case)
        try:
            ends = own.renew(found.reference, page.actor)
        except Refused as error:
            return page.see(f"/cases/{case}", page.words.refusal(error.message), "warning")
    page.wake()
    return page.see(f"/cases/{case}", page.words("The case stands until %(day)s.", day=page.words.day(ends)))


@routes.get("/cases/{case}/end")
def ask_why_it_ends(page: At, case: str) -> Response:
    """Why, and what happens then."""
    with page.node() as own:
        handle, found = page.case_to_read(own, case)
        return _end_page(page, own, handle, found, Form({}, page.words))


@routes.post("/cases/{case}/end")
def end(page: At, case: str, form: Filled) -> Response:
    """The case is forgotten here at once, and withdrawn at the index at the next sync, without the reason."""
    with page.node() as own:
        handle, found = page.case(own, case)
        reason = form.one_of("reason", _endings(page, own, handle))
        if not form.ok:
            return _end_page(page, own, handle, found, form, 422)
        archived = own.withdraw(found.reference, Ending(reason), page.actor)
    page.wake()
    words = page.words
    done = words("%(reference)s has ended. A copy is in the archive.") if archived else words("%(reference)s has ended.")
    return page.see("/cases", done % {"reference": found.reference})


def _endings(page: Page, own: Node, handle: bytes) -> list[Ending]:
    """The reasons that a case worker can give now."""
    over = (own.store.lapses(handle) or 0) <= month_of(page.now)
    return [each for each in PAGE_ENDINGS if over or each is not Ending.LAPSED]


def _end_page(page: Page, own: Node, handle: bytes, found: Case, form: Form, status: int = 200) -> Response:
    keeps = own.covenant.archive_months > 0
    (row,) = CaseList(own, page.scope(own), page.now).listed([handle])
    return page.html(
        "case_end.html",
        status,
        title=page.words("End %(reference)s", reference=found.reference),
        case=found,
        id=handle.hex(),
        others=row.others,
        options=[
            (str(each), *what_happens(page.words, each, archived=keeps and each in ARCHIVED))
            for each in _endings(page, own, handle)
        ],
        form=form,
    )


# --- who may hear of it -----------------------------------------------------------------------------------------------


@routes.get("/cases/{case}/release")
def ask_about_release(page: At, case: str) -> Response:
    """Whether others may hear of a confidential case directly, or no more."""
    with page.node() as own:
        handle, found = page.case_to_read(own, case)
        return _release_page(page, own, handle, found, Form({}, page.words))


@routes.post("/cases/{case}/release")
def release(page: At, case: str, form: Filled) -> Response:
    """Releases a confidential case, or takes that back."""
    words = page.words
    with page.node() as own:
        handle, found = page.case(own, case)
        act = form.one_of("act", ("release", "withhold"))
        because = form.text("because", MAX_REASON_CHARACTERS, required=True, lines=True)
        if form.ok:
            try:
                (own.release if act == "release" else own.withdraw_release)(found.reference, because, page.actor)
            except Refused as error:
                form.reject("", words.refusal(error.message))
        if not form.ok:
            return _release_page(page, own, handle, found, form, 422)
    page.wake()
    if act == "release":
        return page.see(f"/cases/{case}", words("Released: organisations with a match hear of it by themselves."))
    return page.see(f"/cases/{case}", words("Taken back: from now on only the coordinator hears of it."))


def _release_page(page: Page, own: Node, handle: bytes, found: Case, form: Form, status: int = 200) -> Response:
    never = own.member.kind in NEVER_DIRECT or found.protected
    released = own.standing().released(handle)
    return page.html(
        "case_release.html",
        status,
        title=(page.words("Take back the release of %(reference)s") if released else page.words("Release %(reference)s"))
        % {"reference": found.reference},
        case=found,
        id=handle.hex(),
        never=never,
        released=released,
        form=form,
    )
