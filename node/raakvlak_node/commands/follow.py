"""`raakvlak-node follow`: what is done about the matches."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from raakvlak_node import follow_words
from raakvlak_node.access import Event
from raakvlak_node.commands.manners import acting, actor, answer, in_language, noted, opened
from raakvlak_node.follow_ups import FollowUp, FollowUps, Overtaken
from raakvlak_node.followup import Phase
from raakvlak_node.node import Node
from raakvlak_node.wording import Language
from raakvlak_protocol.act import ActKind
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.party import command
from raakvlak_protocol.text import iso_date

if TYPE_CHECKING:
    from raakvlak_node.rest.agreements import TermsBody

MIN_PREFIX: Final = 4
MAX_FILE_BYTES: Final = 64 * 1024

EXAMPLE: Final = """\
# Who leads: a member's id, one of the parties or their coordinator.
lead = "school"
evaluate_on = 2027-01-18
# agrees, informed_only or not_informed; for not_informed say why in because.
parents = "agrees"
youth = "agrees"
because = ""

[[tasks]]
who = "mentor"
what = "talks with the parents every other week"
by = 2026-12-14

[[tasks]]
who = "family coach"
what = "visits the family, and tells the mentor when"
by = 2026-12-07
"""

_seen = click.option(
    "--seen", type=click.IntRange(min=0), metavar="N", help="The number that 'show' named: somebody who was first is told of."
)
_text = click.option("--text", required=True, help="What there is to say; the other side reads it.")
_id = click.argument("id_", metavar="ID")


@click.group()
def follow() -> None:
    """What is done about the matches. ID is a follow-up's number, or its first digits."""


def whole_id(follow_ups: FollowUps, given: str) -> str:
    """The id that begins so; raises Refused where there is none, or more than one."""
    begins = given.lower()
    if len(begins) < MIN_PREFIX:
        raise Refused(f"give at least {MIN_PREFIX} digits of its number: 'raakvlak-node follow list' names them")
    known = [each.id for each in follow_ups.pairs.all() if each.id.startswith(begins)]
    if len(known) != 1:
        more = "several follow-ups begin so: give more digits" if known else "this node has no such follow-up"
        raise Refused(f"{more}: 'raakvlak-node follow list' names them")
    return known[0]


def _tell(node: Node, found: FollowUp, as_json: bool, lang: Language) -> None:
    from raakvlak_node.rest.standing import follow_up_body

    body = follow_up_body(node, found)
    answer(as_json, body.model_dump(mode="json"), lambda: follow_words.shown(body, lang))


def step(path: Path, id: str, as_json: bool, lang: Language, take: Callable[[FollowUps, str, Node], FollowUp]) -> None:
    """Takes a step and shows what came of it; who was second is shown first what was done."""
    with opened(path) as node:
        follow_ups = node.follow_ups()
        whole = whole_id(follow_ups, id)
        try:
            found = take(follow_ups, whole, node)
        except Overtaken:
            _tell(node, follow_ups.find(whole, node.clock()), as_json, lang)
            raise
        _tell(node, found, as_json, lang)


@follow.command("list")
@command.in_folder
@command.as_json
@acting
@in_language
@click.option("--case", "case_ref", default="", metavar="REF", help="Only of this own case.")
@click.option(
    "--phase", default=None, type=click.Choice([*map(str, Phase)]), show_choices=False, metavar="PHASE", help="Only these."
)
@click.option("--overdue", is_flag=True, help="Only those whose term has passed.")
def list_(
    path: Path, as_json: bool, on_behalf_of: str, lang: Language, case_ref: str, phase: str | None, overdue: bool
) -> None:
    """List where the follow-ups stand, and what is due."""
    from raakvlak_node.rest.standing import listed

    with opened(path) as node, noted(node, actor(on_behalf_of), Event.SEARCH, "follow-up", case_ref):
        found = listed(node, case_ref=case_ref, phase=phase or "", overdue=True if overdue else None)
    rows = {"follow_ups": [each.model_dump(mode="json") for each in found]}
    answer(as_json, rows, lambda: follow_words.listed(found, lang))


@follow.command()
@command.in_folder
@command.as_json
@acting
@in_language
@_id
def show(path: Path, as_json: bool, on_behalf_of: str, lang: Language, id_: str) -> None:
    """Show one: what is due, what can be done, whom to call, the agreement and who has not signed, and what happened."""
    with opened(path) as node:
        shown(node, id_, on_behalf_of, as_json, lang)


def shown(node: Node, given: str, on_behalf_of: str, as_json: bool, lang: Language) -> None:
    """Shows the follow-up whose id begins so."""
    from raakvlak_node.rest.standing import follow_up_body

    follow_ups = node.follow_ups()
    found = follow_ups.find(whole_id(follow_ups, given), node.clock())
    with noted(node, actor(on_behalf_of), Event.READ, "follow-up", found.known.own_reference(node.member.id)):
        body = follow_up_body(node, found)
    answer(as_json, body.model_dump(mode="json"), lambda: follow_words.shown(body, lang))


def _add(name: str, kind: ActKind, doc: str, *options: Callable[[Any], Any]) -> None:
    """A command that takes a step of this kind."""

    def run(
        path: Path, as_json: bool, on_behalf_of: str, lang: Language, seen: int | None, id_: str,
        text: str = "", on: str = "", next_: str = "",
    ) -> None:  # fmt: skip
        day = on or next_
        step(
            path, id_, as_json, lang,
            lambda each, id, node: each.act(
                id, kind, actor(on_behalf_of), node.clock(), seen=seen, text=text, day=iso_date(day, "day") if day else None,
            ),
        )  # fmt: skip

    run.__doc__ = doc
    for each in reversed((command.in_folder, command.as_json, acting, in_language, _seen, *options, _id)):
        run = each(run)
    follow.command(name)(run)


_add("acknowledge", ActKind.ACKNOWLEDGED, "Say that you have seen the match and will call.")
_add(
    "contact", ActKind.CONTACTED, "Note that the two have been in contact.",
    click.option("--on", required=True, metavar="DATE", help="On which day, YYYY-MM-DD."),
    click.option("--text", default="", help="What there is to say; the other side reads it."),
)  # fmt: skip
_add("already", ActKind.ALREADY_IN_CONTACT, "Say that you were in contact already: nothing more is asked until 'resume'.")
_add("resume", ActKind.RESUMED, "Let the terms count again, where you were already in contact.")
_add("disagree", ActKind.DISAGREED, "Say that you reach no agreement: the coordinator is called in.", _text)
_add("escalate", ActKind.ESCALATED, "Call in the coordinator, who reads the text.", _text)
_add(
    "evaluate", ActKind.EVALUATED, "Note what an evaluation brought.", _text,
    click.option("--next", "next_", default="", metavar="DATE", help="When to evaluate again.  [default: not again]"),
)  # fmt: skip
_add("close", ActKind.CLOSED, "End the follow-up; it can be reopened while the match stands.", _text)
_add("reopen", ActKind.REOPENED, "Go on with what was closed.", _text)


@follow.command()
def example() -> None:
    """Print an agreement as 'propose --file' takes it."""
    click.echo(EXAMPLE, nl=False)


@follow.command()
@command.in_folder
@command.as_json
@acting
@in_language
@_seen
@click.option(
    "--file",
    "file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The agreement, TOML or JSON: see 'raakvlak-node follow example'.",
)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)  # fmt: skip
def propose(
    path: Path, as_json: bool, on_behalf_of: str, lang: Language, seen: int | None, file: Path, ids: tuple[str, ...]
) -> None:
    """Propose an agreement and sign it; with several IDs of one own case, one text for all."""
    terms = terms_in(file).terms()

    def take(follow_ups: FollowUps, id: str, node: Node) -> FollowUp:
        all_ = [whole_id(follow_ups, each) for each in ids]
        return follow_ups.propose(all_, terms, actor(on_behalf_of), node.clock(), seen=seen)

    step(path, ids[0], as_json, lang, take)


def terms_in(file: Path) -> "TermsBody":
    """The agreement in a file; raises Malformed, naming each wrong field."""
    from pydantic import ValidationError

    from raakvlak_node.rest.agreements import TaskBody, TermsBody
    from raakvlak_node.rest.manners import wrong_field

    with file.open("rb") as source:
        raw = source.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise Malformed(f"{file} has more than {MAX_FILE_BYTES} bytes")
    try:
        text = raw.decode()
        found = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(
            f"{file} is not {'JSON' if file.suffix == '.json' else 'TOML'}: see 'raakvlak-node follow example'"
        ) from None
    fields = frozenset(TermsBody.model_fields) | frozenset(TaskBody.model_fields)
    try:
        return TermsBody.model_validate(found)
    except ValidationError as error:
        wrong = [wrong_field(dict(each), fields) for each in error.errors()]
        raise Malformed("; ".join(f"{each['column']}: {each['reason']}" for each in wrong)) from None


@follow.command()
@command.in_folder
@command.as_json
@acting
@in_language
@_seen
@_id
def sign(path: Path, as_json: bool, on_behalf_of: str, lang: Language, seen: int | None, id_: str) -> None:
    """Sign the agreement that waits."""
    step(path, id_, as_json, lang, lambda each, id, node: each.sign(id, actor(on_behalf_of), node.clock(), seen=seen))


def _add_release(name: str, released: bool, doc: str) -> None:
    @follow.command(name, help=doc)
    @command.in_folder
    @command.as_json
    @acting
    @in_language
    @click.option("--because", required=True, metavar="TEXT", help="Why; it stands in the access log.")
    @_id
    def run(path: Path, as_json: bool, on_behalf_of: str, lang: Language, because: str, id_: str) -> None:
        who = actor(on_behalf_of)
        step(path, id_, as_json, lang, lambda each, id, node: each.release(id, released, because, who, node.clock()))


_add_release("release", True, "Let the coordinator read the agreements and what this side has written.")
_add_release("withhold", False, "Give the coordinator nothing more to read; what it was sent it has.")


@follow.command("hand-over")
@command.in_folder
@command.as_json
@acting
@click.option("--name", default="", help="Of the colleague.")
@click.option("--function", required=True, help="Of the colleague.")
@click.option("--phone", default="", help="One of --phone and --email is needed.")
@click.option("--email", default="")
@click.argument("case_ref")
def hand_over(
    path: Path, as_json: bool, on_behalf_of: str, name: str, function: str, phone: str, email: str, case_ref: str
) -> None:
    """Hand the case CASE_REF to a colleague; the others are told by themselves whom to call now."""
    from raakvlak_node.hand_over import Worker
    from raakvlak_node.hand_over import hand_over as run

    with opened(path) as node:
        result = run(node, case_ref, Worker(name, function, phone, email), actor(on_behalf_of))
    said = (
        "the case has this worker already" if result == "unchanged" else "handed over; the others hear of it at the next sync"
    )
    answer(as_json, {"case_ref": case_ref, "result": result}, lambda: iter((said,)))
