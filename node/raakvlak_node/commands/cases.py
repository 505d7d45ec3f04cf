"""How long and how visibly the own cases stand: what an administrator or a data-protection officer does about it."""

from datetime import date
from pathlib import Path
from typing import Any, Final

import click

from raakvlak_node.access import AccessLog, Event, Kind
from raakvlak_node.commands.manners import acting, actor, answer, opened, say
from raakvlak_node.node import Node
from raakvlak_node.objection import Objection
from raakvlak_node.standing import Ending
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identifier import Bsn, Identifier
from raakvlak_protocol.party import command
from raakvlak_protocol.term import start_of
from raakvlak_protocol.text import iso_date

_SYNC: Final = "run 'raakvlak-node sync' to bring it to the index"
_because = click.option("--because", required=True, metavar="TEXT", help="Why; it stays at this organisation.")


def _looked(node: Node, on_behalf_of: str, kind: Kind, what: str) -> None:
    """Whoever looks at a list of cases or persons stands in the access log."""
    AccessLog(node.store, node.random).write(actor(on_behalf_of), Event.SEARCH, node.clock(), kind=kind, reason=what)


@click.command()
@command.in_folder
@command.as_json
@acting
@click.option(
    "--reason",
    required=True,
    type=click.Choice([str(each) for each in Ending if each is not Ending.AGE]),
    help="risk-gone and lapsed go to the archive where the covenant has one; everything else is destroyed at once.",
)
@click.argument("case_ref")
def withdraw(path: Path, as_json: bool, on_behalf_of: str, reason: str, case_ref: str) -> None:
    """End the case CASE_REF; what of it stands at the index is withdrawn at the next sync, without the reason."""
    with opened(path) as node:
        archived = node.withdraw(case_ref, Ending(reason), actor(on_behalf_of))
    answer(
        as_json,
        {"withdrawn": True, "archived": archived},
        lambda: iter(
            (f"{'archived' if archived else 'forgotten'} here; run 'raakvlak-node sync' to withdraw it at the index",)
        ),
    )


@click.command()
@command.in_folder
@command.as_json
@acting
@click.argument("case_ref")
def renew(path: Path, as_json: bool, on_behalf_of: str, case_ref: str) -> None:
    """Report the case CASE_REF anew, after somebody has looked whether it is still to be reported."""
    with opened(path) as node:
        ends = node.renew(case_ref, actor(on_behalf_of))
    answer(as_json, {"ends": ends.isoformat()}, lambda: iter((f"its term ends on {ends}; {_SYNC}",)))


@click.command()
@command.in_folder
@command.as_json
@acting
@_because
@click.argument("case_ref")
def release(path: Path, as_json: bool, on_behalf_of: str, because: str, case_ref: str) -> None:
    """Let others hear directly of the confidential case CASE_REF."""
    with opened(path) as node:
        node.release(case_ref, because, actor(on_behalf_of))
    answer(as_json, {"released": True}, lambda: iter((f"released; {_SYNC}",)))


@click.command()
@command.in_folder
@command.as_json
@acting
@_because
@click.argument("case_ref")
def unrelease(path: Path, as_json: bool, on_behalf_of: str, because: str, case_ref: str) -> None:
    """Take the release of CASE_REF back: only the coordinator hears of it again."""
    with opened(path) as node:
        node.withdraw_release(case_ref, because, actor(on_behalf_of))
    answer(as_json, {"released": False}, lambda: iter((f"taken back; what others have read they have read; {_SYNC}",)))


@click.command()
@command.in_folder
@command.as_json
@acting
def terms(path: Path, as_json: bool, on_behalf_of: str) -> None:
    """List the cases whose term is about to end, or has ended."""
    with opened(path) as node:
        _looked(node, on_behalf_of, "case", "terms")
        found = node.terms_due()
    listed = [{"case_ref": each.reference, "ends": each.ends.isoformat(), "lapsed": each.lapsed} for each in found]
    answer(
        as_json,
        {"terms": listed},
        lambda: (f"{each.reference}  {'ended' if each.lapsed else 'ends'} on {each.ends}" for each in found),
    )
    if found and not as_json:
        say("look whether each is still to be reported: 'raakvlak-node renew' if so, 'raakvlak-node withdraw' if not")


@click.command("archive")
@command.in_folder
@command.as_json
@acting
def archive(path: Path, as_json: bool, on_behalf_of: str) -> None:
    """List the cases that have ended and are kept for a while, and until when."""
    with opened(path) as node:
        _looked(node, on_behalf_of, "case", "archive")
        found = [
            {
                "case_ref": each.case.reference,
                "reason": each.reason,
                "ended": each.ended.isoformat(),
                "until": start_of(each.until).date().isoformat(),
            }
            for each in node.standing().archive.all()
        ]
    answer(
        as_json,
        {"archive": found},
        lambda: (f"{each['case_ref']}  {each['reason']}, ended {each['ended']}, goes on {each['until']}" for each in found),
    )


# --- objection and erasure ------------------------------------------------------------------------------------------------


def _person(node: Node, case_ref: str, who: str) -> Identifier:
    """The person who goes by this relation and order in a case; without a case its number is asked for, and not shown."""
    if not case_ref:
        return Bsn.parse(click.prompt("BSN of the person", hide_input=True, err=True))
    case = node.store.case(node.store.case_handle(case_ref))
    if case is None:
        raise Refused("this node has no case of that reference: 'raakvlak-node cases' lists them")
    relation, _, place = who.partition("-")
    persons = {
        "client": (case.client, *case.former),
        "parent": case.parents,
        "child": case.children,
        "sibling": case.siblings,
    }.get(relation, ())
    if not (place or "1").isdecimal() or not 1 <= int(place or "1") <= len(persons):
        raise Refused(f"that case has no {who!r}: name client, parent-1, parent-2, child-1, sibling-1 and so on")
    return persons[int(place or "1") - 1]


_of_whom = click.option(
    "--case", "case_ref", default="", metavar="REF", help="A case in which the person stands; else the BSN is asked for."
)
_who = click.option(
    "--who", default="client", show_default=True, metavar="RELATION", help="In that case: client, parent-1, child-2 …"
)


@click.command("object")
@command.in_folder
@command.as_json
@acting
@_because
@_of_whom
@_who
@click.option("--received", default="", metavar="YYYY-MM-DD", help="When it was received.  [default: today]")
@click.option("--erase", is_flag=True, help="Erasure was asked for and is granted: nothing waits for a decision.")
def object_(
    path: Path, as_json: bool, on_behalf_of: str, because: str, case_ref: str, who: str, received: str, erase: bool
) -> None:
    """Keep a person's objection: nothing of theirs is published any more until it is decided."""
    if erase and received:
        raise click.UsageError("--received goes with an objection, not with --erase")
    with opened(path) as node:
        person, standing, now = _person(node, case_ref, who), node.standing(), node.clock()
        if erase:
            found = standing.erase(person, because, actor(on_behalf_of), now)
        else:
            day = iso_date(received, "received") if received else node.today(now)
            found = standing.object(person, because, day, actor(on_behalf_of), now)
        listed = _listed(node, found)
    answer(as_json, listed, lambda: iter((_line(found, node.today(now)),)))
    if not as_json:
        say(_SYNC)


@click.command()
@command.in_folder
@command.as_json
@acting
@click.option("--uphold", metavar="ID", help="Decide: the person's involvement is destroyed and never published again.")
@click.option("--reject", metavar="ID", help="Decide: it stands again for what is left of its term.")
@click.option("--because", default="", metavar="TEXT", help="Why it was decided so.")
@click.option("--all", "decided_too", is_flag=True, help="Also those that were decided.")
def objections(
    path: Path, as_json: bool, on_behalf_of: str, uphold: str | None, reject: str | None, because: str, decided_too: bool
) -> None:
    """List the objections that wait for a decision, with the day by which it is due, or decide one."""
    if uphold and reject:
        raise click.UsageError("give one of --uphold and --reject")
    with opened(path) as node:
        standing, now = node.standing(), node.clock()
        if uphold or reject:
            id = uphold or reject or ""
            found = [standing.decide(id, upheld=bool(uphold), because=because, actor=actor(on_behalf_of), now=now)]
        else:
            _looked(node, on_behalf_of, "person", "objections")
            found = standing.objections.all(pending=not decided_too)
        listed = [_listed(node, each) for each in found]
        lines = [_line(each, node.today(now)) for each in found]
    answer(as_json, {"objections": listed}, lambda: iter(lines))
    if (uphold or reject) and not as_json:
        say(_SYNC)


def _listed(node: Node, found: Objection) -> dict[str, Any]:
    return {
        "id": found.id,
        "claim": str(found.claim),
        "received": found.received.isoformat(),
        "due": found.due.isoformat(),
        "because": found.because,
        "decided": None if found.decided is None else found.decided.isoformat(),
        "upheld": found.upheld,
        "decision": found.decision,
        "cases": [
            {"case_ref": reference, "relation": str(relation), "place": place}
            for reference, relation, place in node.standing().touched(found)
        ],
    }


def _line(found: Objection, today: date) -> str:
    if found.decided is not None:
        return f"{found.id}  {found.claim} of {found.received}, {'upheld' if found.upheld else 'rejected'} on {found.decided}"
    late = ", which has passed" if found.due < today else ""
    return f"{found.id}  {found.claim} of {found.received}, to be decided by {found.due}{late}"


COMMANDS: Final = (withdraw, renew, release, unrelease, terms, archive, object_, objections)
"""For `cli` to put together."""
