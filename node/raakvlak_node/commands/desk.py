"""`raakvlak-node desk`: what is before a coordinator, and at a side what coordinators ask."""

from collections.abc import Sequence
from pathlib import Path

import click

from raakvlak_node import follow_words
from raakvlak_node.access import Event
from raakvlak_node.commands import follow
from raakvlak_node.commands.manners import acting, actor, answer, in_language, noted, opened
from raakvlak_node.mediating import NO_MATCH, NO_QUESTION, Mediating
from raakvlak_node.wording import Language
from raakvlak_protocol.act import ActKind
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party import command

_text = click.option("--text", required=True, help="What there is to say; whoever is asked or told reads it.")


@click.group()
def desk() -> None:
    """What is before a coordinator, and what coordinators ask. Matches and follow-ups are named by their first digits."""


@desk.command("list")
@command.in_folder
@command.as_json
@acting
@in_language
def list_(path: Path, as_json: bool, on_behalf_of: str, lang: Language) -> None:
    """List what is stuck, with whom, since when, and whom to call; and the matches that only this coordinator hears of."""
    from raakvlak_node.rest.desk import desk_body

    with opened(path) as node, noted(node, actor(on_behalf_of), Event.SEARCH, "follow-up"):
        found = desk_body(node)
    answer(as_json, found.model_dump(mode="json"), lambda: follow_words.desk(found, lang))


@desk.command()
@command.in_folder
@command.as_json
@acting
@in_language
@click.argument("id_", metavar="ID")
def show(path: Path, as_json: bool, on_behalf_of: str, lang: Language, id_: str) -> None:
    """Show a follow-up, or a match that only this coordinator hears of."""
    from raakvlak_node.rest.desk import mediation_body

    with opened(path) as node:
        mediating = Mediating(node)
        heard = [each for each in mediating.matches() if each.id.startswith(id_.lower())]
        if len(id_) < follow.MIN_PREFIX or len(heard) != 1:
            follow.shown(node, id_, on_behalf_of, as_json, lang)
            return
        with noted(node, actor(on_behalf_of), Event.READ, "match"):
            found = mediation_body(node, heard[0])
    answer(as_json, found.model_dump(mode="json"), lambda: follow_words.mediation(found, lang))


@desk.command()
@command.in_folder
@command.as_json
@acting
@in_language
@click.option("--lead", required=True, metavar="MEMBER", help="Who leads from now on.")
@click.option("--seen", type=click.IntRange(min=0), metavar="N", help="The number that 'show' named.")
@_text
@click.argument("id_", metavar="ID")
def decide(
    path: Path, as_json: bool, on_behalf_of: str, lang: Language, lead: str, seen: int | None, text: str, id_: str
) -> None:
    """Decide who leads; the two go on from where they stood."""
    who = actor(on_behalf_of)
    follow.step(
        path, id_, as_json, lang,
        lambda each, id, node: each.act(id, ActKind.DECIDED, who, node.clock(), seen=seen, text=text, lead=lead),
    )  # fmt: skip


@desk.command()
@command.in_folder
@command.as_json
@acting
@in_language
@click.option("--seen", type=click.IntRange(min=0), metavar="N", help="The number that 'show' named.")
@_text
@click.argument("id_", metavar="ID")
def close(path: Path, as_json: bool, on_behalf_of: str, lang: Language, seen: int | None, text: str, id_: str) -> None:
    """End a follow-up."""
    who = actor(on_behalf_of)
    follow.step(
        path, id_, as_json, lang,
        lambda each, id, node: each.act(id, ActKind.CLOSED, who, node.clock(), seen=seen, text=text),
    )  # fmt: skip


@desk.command()
@command.in_folder
@command.as_json
@acting
@in_language
@click.option("--name", required=True, help="Who can be called about it.")
@click.option("--phone", default="", help="One of --phone and --email is needed.")
@click.option("--email", default="")
@_text
@click.argument("match_id")
@click.argument("member")
def ask(
    path: Path, as_json: bool, on_behalf_of: str, lang: Language,
    name: str, phone: str, email: str, text: str, match_id: str, member: str,
) -> None:  # fmt: skip
    """Ask MEMBER, a side of the match MATCH_ID, whether its involvement may be told to the other side."""
    from raakvlak_node.rest.desk import mediation_body

    with opened(path) as node:
        mediating = Mediating(node)
        id = _whole([each.id for each in mediating.matches()], match_id, NO_MATCH)
        heard = mediating.ask(id, member, name, phone, email, text, actor(on_behalf_of), node.clock())
        found = mediation_body(node, heard)
    answer(as_json, found.model_dump(mode="json"), lambda: follow_words.mediation(found, lang))


@desk.command()
@command.in_folder
@command.as_json
@acting
@in_language
def asks(path: Path, as_json: bool, on_behalf_of: str, lang: Language) -> None:
    """List what coordinators ask this organisation: about which own case, by whom, and why."""
    from raakvlak_node.rest.desk import question_body

    with opened(path) as node, noted(node, actor(on_behalf_of), Event.SEARCH, "case"):
        found = [question_body(node, each) for each in Mediating(node).questions()]
    rows = {"asks": [each.model_dump(mode="json") for each in found]}
    answer(as_json, rows, lambda: follow_words.questions(found, lang))


@desk.command("answer")
@command.in_folder
@command.as_json
@acting
@in_language
@click.option("--release/--keep", "release", default=None, required=True, help="Whether the other side may hear of it.")
@click.option("--case", "case_ref", default="", metavar="REF", help="Which case, where several are asked about.")
@_text
@click.argument("match_id")
def answer_(
    path: Path, as_json: bool, on_behalf_of: str, lang: Language, release: bool, case_ref: str, text: str, match_id: str
) -> None:
    """Answer a coordinator: a released case is an ordinary match from there, a kept one stays as it is."""
    from raakvlak_node.rest.desk import question_body

    with opened(path) as node:
        mediating = Mediating(node)
        id = _whole([each.id for each in mediating.questions()], match_id, NO_QUESTION)
        answered = mediating.answer(id, release, text, actor(on_behalf_of), node.clock(), case=case_ref)
        found = question_body(node, answered)
    said = "answered; the coordinator hears of it at the next sync"
    answer(as_json, found.model_dump(mode="json"), lambda: iter((said,)))


def _whole(known: Sequence[str], given: str, none: str) -> str:
    """The one id that begins so."""
    found = [each for each in known if each.startswith(given.lower())] if len(given) >= follow.MIN_PREFIX else []
    if len(found) != 1:
        raise Refused("several matches begin so: give more digits" if found else none)
    return found[0]
