"""What persons object to and ask to be erased: taken in, looked into, decided. An act here holds for every case of a person
at once, so each page says first what it will do."""

from datetime import date
from typing import Final

from fastapi import APIRouter, Response

from raakvlak_node.access import MAX_REASON_CHARACTERS, AccessLog, Event, Result
from raakvlak_node.node import Node
from raakvlak_node.objection import DECIDE_WITHIN_DAYS, ID_BYTES, Claim, Objection
from raakvlak_node.pages import parts
from raakvlak_node.pages.door import At, Filled, Gone, Page
from raakvlak_node.pages.drawing_words import person_name
from raakvlak_node.pages.follow_up_words import Badge, by_when
from raakvlak_node.pages.forms import Form
from raakvlak_node.pages.numbers import demand_no_number, kept, number_of
from raakvlak_node.subject import BACKUP_DAYS
from raakvlak_protocol.encoding import from_hex
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.relation import Relation

routes: Final = APIRouter()

SHOWN: Final = 50


@routes.get("/privacy/objections")
def show_all(page: At, after: int = 0) -> Response:
    """Those that wait, by the day on which they are due; then those that were decided, the last first."""
    after = parts.clamped(after)
    with page.node() as own:
        today = own.today(page.now)
        all = own.standing().objections.all()
        waiting = sorted((each for each in all if each.decided is None), key=lambda each: (each.due, each.id))
        decided = sorted((each for each in all if each.decided is not None), key=_decided_first)
        shown = [*waiting, *decided][after : after + SHOWN]
        if shown:
            page.note(own, Event.SEARCH, "person")
        before, further = parts.links("/privacy/objections", after, SHOWN, len(all))
        return page.html(
            "objections.html",
            title=page.words("Objections and erasure"),
            rows=[(each, _claim(page.words, each), _state(page.words, each, today)) for each in shown],
            waiting=len(waiting),
            before=before,
            after=further,
        )


def _decided_first(objection: Objection) -> tuple[int, str]:
    assert objection.decided is not None
    return -objection.decided.toordinal(), objection.id


# --- taking one in ----------------------------------------------------------------------------------------------------------


@routes.get("/privacy/objections/new")
def new(page: At) -> Response:
    """Who objects, since when, and why."""
    with page.node() as own:
        today = own.today(page.now).isoformat()
    return _new(page, Form.of(page.words, received=today))


@routes.post("/privacy/objections/new")
def take_in(page: At, form: Filled) -> Response:
    """From here on nothing of the person is published."""
    words = page.words
    person = number_of(form, "bsn", words)
    received = form.day("received", required=True)
    because = _because(form, words)
    if person is None or received is None or not form.ok:
        return _new(page, form, 422)
    with page.node() as own:
        try:
            found = own.standing().object(person, because, received, page.actor, page.now)
        except Malformed as error:
            form.refuse(error, "because")
            return _new(page, form, 422)
        except Refused as error:
            _refused(page, own, person, "objection")
            form.reject("bsn", words.refusal(error.message))
            return _new(page, form, 422)
    page.wake()
    said = words("Noted. Nothing of this person is published any more; decide by %(day)s.", day=words.day(found.due))
    return page.see(f"/privacy/objections/{found.id}", said)


def _new(page: Page, form: Form, status: int = 200) -> Response:
    return page.html(
        "objection_new.html",
        status,
        title=page.words("Note an objection"),
        form=kept(form, page.words, "received", "because"),
        weeks=DECIDE_WITHIN_DAYS // 7,
    )


def _because(form: Form, words: Words) -> str:
    because = form.text("because", MAX_REASON_CHARACTERS, required=True, lines=True)
    demand_no_number(form, "because", words)
    return because


def _refused(page: Page, own: Node, person: Bsn, reason: str) -> None:
    """That somebody tried, and about whom: whether a person is known here is told by this too."""
    AccessLog(own.store, own.random).write(
        page.actor, Event.UPDATE, page.now, outcome=Result.REFUSED, kind="person", person=own.store.person_handle(person),
        reason=reason,
    )  # fmt: skip


# --- deciding ---------------------------------------------------------------------------------------------------------------


@routes.get("/privacy/objections/{objection}")
def show(page: At, objection: str) -> Response:
    """What was asked, in which cases the person stands, and what a decision will do."""
    with page.node() as own:
        found = _found(own, objection)
        AccessLog(own.store, own.random).write(page.actor, Event.READ, page.now, kind="person", person=found.person)
        return _one(page, own, found, Form({}, page.words))


@routes.post("/privacy/objections/{objection}")
def decide(page: At, objection: str, form: Filled) -> Response:
    """Upheld: the person is erased here for good. Rejected: all stands again."""
    words = page.words
    with page.node() as own:
        found = _found(own, objection)
        upheld = form.one_of("upheld", ("yes", "no")) == "yes"
        because = _because(form, words)
        if not form.ok:
            return _one(page, own, found, form, 422)
        try:
            own.standing().decide(objection, upheld=upheld, because=because, actor=page.actor, now=page.now)
        except Malformed as error:
            form.refuse(error, "because")
            return _one(page, own, found, form, 422)
        except Refused as error:
            form.reject("", words.refusal(error.message))
            return _one(page, own, _found(own, objection), form, 409)
    page.wake()
    if upheld:
        said = words("Upheld. What stood here about this person is destroyed; tell the person so.")
    else:
        said = words("Rejected. What was published stands again; tell the person why, and that a court can judge it.")
    return page.see(f"/privacy/objections/{objection}", said)


def _found(own: Node, id: str) -> Objection:
    if from_hex(id, ID_BYTES) is None:
        raise Gone
    try:
        return own.standing().objections.find(id)
    except Refused:
        raise Gone from None


def _one(page: Page, own: Node, found: Objection, form: Form, status: int = 200) -> Response:
    words, today = page.words, own.today(page.now)
    touched = own.standing().touched(found)
    return page.html(
        "objection.html",
        status,
        title=_claim(words, found),
        objection=found,
        state=_state(words, found, today),
        form=form,
        cases=[(reference, person_name((relation, place), words)) for reference, relation, place in touched],
        upholding=_upholding(words, len({reference for reference, relation, _ in touched if relation is Relation.CLIENT})),
        backup_days=BACKUP_DAYS,
    )


def _upholding(words: Words, destroyed: int) -> str:
    """What upholding does to the cases."""
    if not destroyed:
        return words("They are taken out of every case in which they stand. It can't be undone.")
    return words.plural(
        "Their case is destroyed at once, and they are taken out of others. It can't be undone.",
        "Their %(count)s cases are destroyed at once, and they are taken out of others. It can't be undone.",
        destroyed,
    )


def _claim(words: Words, objection: Objection) -> str:
    return words("Objection") if objection.claim is Claim.OBJECTION else words("Erasure")


def _state(words: Words, objection: Objection, today: date) -> Badge:
    if objection.upheld is None:
        return by_when(words, objection.due, today)
    if objection.claim is Claim.ERASURE:
        return Badge(words("erased"), "quiet")
    return Badge(words("upheld"), "done") if objection.upheld else Badge(words("rejected"), "quiet")


# --- erasing ----------------------------------------------------------------------------------------------------------------


@routes.get("/privacy/erasure")
def show_erasure(page: At) -> Response:
    """What erasing does, before it is done."""
    return _erasure(page, Form({}, page.words))


@routes.post("/privacy/erasure")
def erase(page: At, form: Filled) -> Response:
    """Destroys what stands here about a person, for good."""
    words = page.words
    person = number_of(form, "bsn", words)
    because = _because(form, words)
    if not form.flag("sure"):
        form.reject("sure", words("Tick this first: it can't be undone."))
    if person is None or not form.ok:
        return _erasure(page, form, 422)
    with page.node() as own:
        try:
            found = own.standing().erase(person, because, page.actor, page.now)
        except Malformed as error:
            form.refuse(error, "because")
            return _erasure(page, form, 422)
        except Refused as error:
            _refused(page, own, person, "erasure")
            form.reject("bsn", words.refusal(error.message))
            return _erasure(page, form, 422)
    page.wake()
    return page.see(
        f"/privacy/objections/{found.id}", words("Erased. What stands at the index is withdrawn today; tell the person so.")
    )


def _erasure(page: Page, form: Form, status: int = 200) -> Response:
    return page.html(
        "erasure.html",
        status,
        title=page.words("Erase somebody"),
        form=kept(form, page.words, "because", "sure"),
        backup_days=BACKUP_DAYS,
    )
