"""Backups, for the administrator: made now, in the background; which there are; and how one is put back.

A backup does not leave by the browser, and is not erased by it. It is the whole of what this organisation keeps, sealed: in
a browser's folder of downloads nobody would know of it when it is to be destroyed, and who has only stolen a session could
take it, or all of them, away. Who copies it elsewhere has an account on the machine, where the secrets lie apart from it.
"""

from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Response

from raakvlak_node import backups
from raakvlak_node.backups import KEPT_DAYS, Runner
from raakvlak_node.node import Node
from raakvlak_node.pages.door import At, Filled, Page
from raakvlak_protocol.errors import Refused

routes: Final = APIRouter()

BACKUP: Final = "/administration/backup"


@routes.get(BACKUP)
def show(page: At) -> Response:
    """How far one is, and those that are here. htmx asks again each second while one is made."""
    with page.node() as own:
        return _page(page, own)


@routes.post(BACKUP)
def make(page: At, form: Filled) -> Response:
    """Begins one; it goes on by itself."""
    with page.node() as own:
        try:
            runner(page).start(own, page.actor)
        except Refused as error:
            form.reject("", page.words.refusal(error.message))
            return _page(page, own, 409, form=form)
    return page.see(BACKUP)


def runner(page: Page) -> Runner:
    return page.house.one(Runner, lambda: Runner(page.house.own_node, page.house.failed))


def _page(page: Page, own: Node, status: int = 200, **context: Any) -> Response:
    made = runner(page)
    # Asked first: what is done by then is among the copies.
    at_work, (done, total) = made.at_work, made.done()
    place = backups.folder(own)
    overdue = page.now - timedelta(days=KEPT_DAYS)
    found = backups.copies(place)
    return page.html(
        "backup.html",
        status,
        title=page.words("Backup"),
        at_work=at_work,
        percent=100 * done // total if total else 0,
        failure=page.words.refusal(made.failure) if made.failure and not at_work else "",
        last=backups.last(own.store),
        folder=str(place.absolute()),
        node_folder=str(own.folder.path.absolute()),
        copies=[(each, round(each.size / 10**6, 1), each.made < overdue) for each in found],
        kept_days=KEPT_DAYS,
        example=str(place.absolute() / (found[0].name if found else "store-….db")),
        **context,
    )
