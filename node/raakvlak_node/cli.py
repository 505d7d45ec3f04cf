"""`raakvlak-node`: results on standard output, talk and progress on standard error, and an exit code that tells.

0 done · 1 failed · 2 rows rejected · 75 try later.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import click

from raakvlak_node.commands import (
    accounts,
    auditing,
    canaries,
    caseload,
    cases,
    desk,
    follow,
    mail,
    operating,
    people,
    subject,
    working,
)  # fmt: skip
from raakvlak_node.commands.manners import PROGRAM, say
from raakvlak_node.node import identity_of, lock_of, prepare, read_settings
from raakvlak_node.settings import Oidc, Pages
from raakvlak_protocol.covenant import KINDS
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.party import command, sealed
from raakvlak_protocol.party.membership import Folder


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("raakvlak"))
def cli() -> None:
    """The node of one organisation: its cases in, matches and client pictures out."""


def main() -> NoReturn:
    """The console script."""
    command.run(PROGRAM, cli)


@cli.command()
@command.in_folder
@click.option("--covenant", required=True, help="The covenant's id.")
@click.option("--id", "id_", required=True, help="This member's id in the covenant.")
@click.option("--name", required=True, help="The organisation's name, shown to the other side of a match.")
@click.option("--kind", required=True, type=click.Choice(KINDS))
@click.option(
    "--key-file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Made when it does not exist; keep it on another disk.",
)
@click.option("--index", default="127.0.0.1:7400", show_default=True, help="host:port of the index.")
@click.option("--key-holder", "key_holders", multiple=True, metavar="ID=HOST:PORT", help="For each key holder.")
@click.option("--log", "log_", default="", metavar="HOST:PORT", help="Where the index serves its log over HTTPS.")
@click.option("--rest", default="127.0.0.1:7480", show_default=True, help="host:port of the REST API, and of the pages.")
@click.option(
    "--pages", "pages", default="", metavar="ADDRESS", help="By which browsers reach the pages, https://…  [default: no pages]"
)
@click.option("--oidc", "issuer", default="", metavar="ISSUER", help="The OpenID provider by which people sign in to them.")
@click.option("--oidc-client", "client", default="raakvlak-node", show_default=True, help="This node's name at the provider.")
@click.option("--oidc-name", "account", default="", help="What people call their account there; stands on the button.")
def init(
    path: Path,
    covenant: str,
    id_: str,
    name: str,
    kind: str,
    key_file: Path,
    index: str,
    key_holders: tuple[str, ...],
    log_: str,
    rest: str,
    pages: str,
    issuer: str,
    client: str,
    account: str,
) -> None:
    """Make a new node: keys, certificate request, settings, an empty store. Prints the entry for the covenant."""
    identity = identity_of(covenant, id_)
    holders = dict(each.partition("=")[::2] for each in key_holders)
    if not all(holders.values()):
        raise click.BadParameter("a key holder is given as ID=HOST:PORT", param_hint="--key-holder")
    text = "\n".join(
        (
            f"covenant = {json.dumps(covenant)}",
            f"id = {json.dumps(id_)}",
            f"index = {json.dumps(index)}",
            *([f"log = {json.dumps(log_)}"] if log_ else []),
            f"key_file = {json.dumps(str(key_file.absolute()))}",
            "",
            "[rest]",
            f"listen = {json.dumps(rest)}",
            "",
            *_pages(pages, issuer, client, account),
            "[key_holders]",
            *(f"{json.dumps(holder)} = {json.dumps(address)}" for holder, address in holders.items()),
            "",
        )
    )
    entry = prepare(Folder(path), identity, command.new_key_file(key_file), name=name, kind=kind, settings_text=text)
    click.echo(entry, nl=False)
    say(f"made {path}: have request.pem certified, send entry.toml to the covenant board, then run 'raakvlak-node join'")


def _pages(address: str, issuer: str, client: str, account: str) -> list[str]:
    """The lines of settings.toml about the pages; raises Refused before anything is made, where they would be refused later."""
    if not address:
        if issuer:
            raise click.BadParameter("people sign in to pages: give --pages too", param_hint="--oidc")
        return []
    lines = ["[pages]", f"address = {json.dumps(Pages(address).address)}", ""]
    if issuer:
        # A public client: whoever gets a secret from the provider writes where it lies into the settings.
        own = Oidc(issuer, client, name=account)
        named = [f"name = {json.dumps(own.name)}"] if own.name else []
        lines += ["[oidc]", f"issuer = {json.dumps(own.issuer)}", f"client_id = {json.dumps(own.client_id)}", *named, ""]
    return lines


def _own(path: Path) -> tuple[Folder, Identity, sealed.Lock]:
    own = read_settings(Folder(path))
    return Folder(path), identity_of(own.covenant, own.id), lock_of(own)


command.add_join(PROGRAM, cli, _own)

for each in (
    caseload.import_, caseload.cases, cases.withdraw, cases.renew, cases.release, cases.unrelease, cases.terms, cases.archive,
    cases.object_, cases.objections, subject.subject_report,
    working.sync, working.status, working.matches, working.picture, follow.follow, desk.desk,
    working.doctor, working.reconcile, auditing.evidence, auditing.resume, auditing.ledger, auditing.audit_export,
    canaries.canary, accounts.access_log, accounts.outcome, accounts.webhook, mail.mail,
    people.user, operating.token, operating.serve, operating.backup, operating.restore,
):  # fmt: skip
    cli.add_command(each)
