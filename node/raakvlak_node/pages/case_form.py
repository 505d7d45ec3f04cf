"""A case by hand, new or changed, with the checks of the import; each message beside its field."""

from typing import Final

from fastapi import APIRouter, Response

from raakvlak_node.access import Event
from raakvlak_node.case import COLUMNS, Case, Rejected, parse
from raakvlak_node.node import BsnChange, BsnDiffers, Node
from raakvlak_node.pages.case_list import CaseList, seen_as
from raakvlak_node.pages.case_words import DAYS, FLAGS, Difference, differences, labels, refuse
from raakvlak_node.pages.door import At, Filled, Gone, Page
from raakvlak_node.pages.forms import Form

routes: Final = APIRouter()
_LISTS: Final = ("child_bsns", "sibling_bsns")


@routes.get("/cases/new")
def new(page: At) -> Response:
    """An empty form, but for who fills it in."""
    with page.node() as own:
        last = CaseList(own, page.scope(own), page.now).last_of(page.user.email)
    return _page(page, Form.of(
        page.words,
        worker_name=page.user.name,
        worker_email=page.user.email,
        worker_phone="" if last is None else last.worker_phone,
        function="" if last is None else last.function,
    ))  # fmt: skip


@routes.post("/cases/new")
def add(page: At, form: Filled) -> Response:
    """Stores a new case; one that is there already stays as it is."""
    words = page.words
    with page.node() as own:
        mine = _case(page, own, form, form.value("case_ref"), None)
        if mine is None or not _stays_visible(page, own, form, mine):
            return _page(page, form, 422)
        handle = own.store.case_handle(mine.reference)
        with own.store.transaction():
            if own.store.stored_fingerprint(handle) is not None:
                form.reject("case_ref", words("This reference is in use here. Another case needs another one."))
            elif _put(page, own, form, mine, None) == "new":
                page.note(own, Event.CREATE, "case", mine.reference)
        if not form.ok:
            return _page(page, form, 422)
    page.wake()
    return _on(page, handle, words("%(reference)s is stored.", reference=mine.reference))


@routes.get("/cases/{case}/change")
def change(page: At, case: str) -> Response:
    """The case as it stands, to be changed."""
    with page.node() as own:
        handle, found = page.case_to_read(own, case)
        return _change_page(page, own, handle, found, _filled_in(page, found))


@routes.post("/cases/{case}/change")
def save(page: At, case: str, form: Filled) -> Response:
    """Stores the case as it was typed, unless somebody else has changed it meanwhile: then both are shown."""
    with page.node() as own:
        handle, before = page.case(own, case)
        mine = _case(page, own, form, before.reference, before)
        if mine is None or not _stays_visible(page, own, form, mine):
            return _change_page(page, own, handle, before, form, 422)
        with own.store.transaction():
            stored = own.store.case(handle)
            if stored is None or not page.scope(own).holds(handle):
                raise Gone
            differ = differences(page.words, stored, mine) if form.value("seen") != seen_as(own, handle) else []
            said = form.one_of("bsn_change", ("wrong", "changed"), required=False)
            result = "" if differ else _put(page, own, form, mine, _bsn_change(said))
            if result == "changed":
                page.note(own, Event.UPDATE, "case", mine.reference)
        if differ:
            return _change_page(page, own, handle, stored, form, 409, differ)
        if not form.ok:
            return _change_page(page, own, handle, stored, form, 422)
    page.wake()
    done = page.words("The changes are stored.") if result == "changed" else page.words("Nothing was changed.")
    return _on(page, handle, done)


def _case(page: Page, own: Node, form: Form, reference: str, before: Case | None) -> Case | None:
    """The case that was typed; None where something is wrong, which the form tells then."""
    columns = {name: form.value(name) for name in COLUMNS} | {"case_ref": reference}
    for name in FLAGS:
        same = before is not None and (before.columns[name].lower() == "yes") == form.flag(name)
        # "no" and nothing say the same: what was imported in one way is not changed by this form into the other.
        columns[name] = before.columns[name] if before is not None and same else "yes" if form.flag(name) else ""
    if not form.value("since"):
        form.reject("since", page.words("Choose the day since when you are involved."))
    for name in DAYS:
        day = form.day(name)
        columns[name] = columns[name] if day is None else day.isoformat()
    try:
        found = parse(columns, today=own.today(page.now), adults=own.covenant.adult_clients)
    except Rejected as error:
        refuse(page.words, form, error.reasons)
        return None
    return found if form.ok else None


def _stays_visible(page: Page, own: Node, form: Form, mine: Case) -> bool:
    """Whether the user still sees the case when it is stored, or has said that this is meant."""
    worker = own.store.worker_handle(email=mine.worker_email, name=mine.worker_name)
    if worker not in page.scope(own).workers and not form.flag("elsewhere"):
        form.reject("elsewhere", page.words("With this name and e-mail address you won't see this case any more."))
    return form.ok


def _put(page: Page, own: Node, form: Form, mine: Case, bsn_change: BsnChange | None) -> str:
    """What became of it; empty where a person must say or mend something first, which the form tells then."""
    try:
        return own.put_case(mine, bsn_change)
    except BsnDiffers:
        form.reject("bsn_change", page.words("The number differs from the one before. Say what that means."))
    except Rejected as error:
        refuse(page.words, form, error.reasons)
    return ""


def _bsn_change(said: str) -> BsnChange | None:
    return "wrong" if said == "wrong" else "changed" if said == "changed" else None


def _on(page: Page, handle: bytes, text: str) -> Response:
    with page.node() as own:
        mine = page.scope(own).holds(handle)
    return page.see(f"/cases/{handle.hex()}" if mine else "/cases", text)


def _filled_in(page: Page, found: Case) -> Form:
    columns = dict(found.columns)
    columns |= {name: columns[name].lower() for name in FLAGS}
    columns |= {name: "\n".join(columns[name].split()) for name in _LISTS}
    return Form.of(page.words, **columns)


def _change_page(
    page: Page,
    own: Node,
    handle: bytes,
    found: Case,
    form: Form,
    status: int = 200,
    differ: list[Difference] | None = None,
) -> Response:
    # What was seen stays so while a mistake is mended; who was shown the difference has seen what stands now.
    seen = form.value("seen") if form.has("seen") and not differ else seen_as(own, handle)
    return _page(page, form, status, found, handle.hex(), seen, differ or [])


def _page(
    page: Page,
    form: Form,
    status: int = 200,
    found: Case | None = None,
    id: str = "",
    seen: str = "",
    differ: list[Difference] | None = None,
) -> Response:
    words = page.words
    title = words("New case") if found is None else words("Change %(reference)s", reference=found.reference)
    return page.html(
        "case_form.html",
        status,
        title=title,
        case=found,
        id=id,
        seen=seen,
        differ=differ or [],
        labels=labels(words),
        form=form,
    )
