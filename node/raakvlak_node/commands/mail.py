"""E-mail to the users of the pages."""

from pathlib import Path

import click

from raakvlak_node.commands.manners import answer, in_language, opened
from raakvlak_node.wording import Language
from raakvlak_protocol.errors import Malformed, Refused, Unavailable
from raakvlak_protocol.party import command


@click.group()
def mail() -> None:
    """E-mail notices to the users of the pages."""


@mail.command("test")
@command.in_folder
@command.as_json
@in_language
@click.option("--to", required=True, metavar="ADDRESS", help="Where the test mail is to arrive.")
def mail_test(path: Path, as_json: bool, lang: Language, to: str) -> None:
    """Send a test mail at once, beside the queue, and say what goes wrong."""
    from raakvlak_node import mailing

    with opened(path) as node:
        if node.settings.mail is None:
            raise Refused("settings.toml has no [mail]: give it server and sender first")
        try:
            found = mailing.send_trial(node.settings.mail, to, lang, node.random, node.clock())
        except Malformed:
            raise Refused("--to is not an e-mail address") from None
    if not found.taken:
        raise (Unavailable if found.ill else Refused)(found.reason)
    answer(as_json, {"taken": True}, lambda: iter(("the mail server has taken the test mail: look whether it arrives",)))
