"""`contract`: everything that can cross any wire, and what can't."""

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from raakvlak_audit import contract as rules
from raakvlak_audit.officer import Officer
from raakvlak_audit.output import Output, reporting
from raakvlak_audit.report import Check, Figure, Report, Subject, Table, Verdict
from raakvlak_audit.sentences import contract as words
from raakvlak_protocol import contract as declared
from raakvlak_protocol import contract_log
from raakvlak_protocol.covenant import NEVER_DIRECT, Covenant
from raakvlak_protocol.party import command
from raakvlak_protocol.relation import Relation


@click.command()
@command.in_folder
@reporting
def contract(path: Path, out: Output) -> None:
    """List every field that can cross any wire, its class, purpose and way, and check what must not be there.

    Needs no folder; within an officer's folder the covenant's own rules are shown too.
    """
    officer, now = Officer(path), datetime.now(UTC)
    ways = [*declared.ways(), *contract_log.ways()]
    problems = [*declared.problems(), *contract_log.problems(frozenset(rules.ALLOWED))]
    checks = rules.checks(ways, problems)
    software = (words.SOFTWARE(), f"raakvlak {version('raakvlak')}")
    subject = Subject(details=(software,))
    if officer.exists:
        covenant = officer.covenant(now)
        checks, subject = (*checks, _allowed(covenant)), Subject.of(covenant, software)
    figures = (
        Figure("ways", words.CALLS_COUNT(), len(ways)),
        Figure("fields", words.FIELDS_COUNT(), sum(len(way.fields) for way in ways)),
        Figure("fingerprint", words.FINGERPRINT(), rules.fingerprint(ways), words.FINGERPRINT_MEANS()),
    )
    limits = (words.NOT_RUNNING(), words.NOT_CONTENT(), words.NOT_TRAFFIC(), words.NOT_INSIDE())
    out.show(Report("contract", words.TITLE(), subject, now, checks, limits, figures, (rules.table(ways),)))


def _allowed(covenant: Covenant) -> Check:
    kinds = sorted({member.kind for member in covenant.members.values()} | covenant.relations.keys())
    rows = tuple(
        (kind, _listed(covenant.may_publish(kind)), _listed(other for other in kinds if covenant.direct_for(kind, other)))
        for kind in kinds
    )
    telling = [kind for kind in kinds if kind in NEVER_DIRECT and Relation.ADDRESS in covenant.may_publish(kind)]
    found = (words.RULES_FOUND(months=covenant.retention_months), *(words.RULES_SHELTER(kind=each) for each in telling))
    table = Table((words.KIND(), words.RELATIONS(), words.SEES()), rows)
    verdict = Verdict.WRONG if telling else Verdict.OK
    return Check("covenant_rules", words.RULES_NAME(), words.RULES_HOW(), verdict, found, (table,))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, names))) or "–"
