"""The command `raakvlak-audit`. Exit codes: 0 all that was checked is in order · 1 something is wrong, or the command
failed · 75 it can't be said now: something is behind, unreachable or missing.

Each command is a module of `commands`: it reads and fetches, asks the rules, and shows one report.
"""

from importlib.metadata import version
from typing import Final

import click

from raakvlak_audit.commands import canary, contract, evidence, follow, index, init, node, quota, witness
from raakvlak_audit.output import PROGRAM
from raakvlak_protocol.party import command


def main() -> None:
    """The console script."""
    command.run(PROGRAM, commands)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("raakvlak"))
def commands() -> None:
    """Check a Raakvlak federation: what its parties can see, what they keep, and whether they tell the truth."""


_COMMANDS: Final[tuple[click.Command, ...]] = (
    init.init,
    init.witness_key,
    init.covenant,
    contract.contract,
    follow.follow,
    witness.witness,
    evidence.evidence,
    quota.quota,
    index.index,
    node.node,
    canary.canary,
)

for each in _COMMANDS:
    commands.add_command(each)
