"""`canary`: test persons that only officers know, and whether their matches are told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import nacl.utils

from raakvlak_audit import canary as rules
from raakvlak_audit import canary_checks as checks
from raakvlak_audit.canary import MAX_COUNT, Plan
from raakvlak_audit.canary_checks import File
from raakvlak_audit.officer import Officer
from raakvlak_audit.output import Output, reporting
from raakvlak_audit.report import Check, Report, Subject, Verdict
from raakvlak_audit.sentences import canary as words
from raakvlak_audit.wording import Cell, Said
from raakvlak_protocol import canary as formats
from raakvlak_protocol.canary import MAX_DAYS, MAX_REPORT_BYTES
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Malformed, RaakvlakError, Refused
from raakvlak_protocol.party import command, sealed
from raakvlak_protocol.term import removal_month, start_of

PLAN_FILE = "plan.json"
_Existing = click.Path(path_type=Path, exists=True, dir_okay=False)
_count = click.option("--count", type=click.IntRange(1, MAX_COUNT), help="How many test persons.")


@click.group(invoke_without_command=True)
@click.option("--plan", "figures", is_flag=True, help="Only tell how many test persons show what.")
@_count
@reporting
@click.pass_context
def canary(context: click.Context, figures: bool, count: int | None, out: Output) -> None:
    """Find matches that the index leaves out, with test persons whom only you know.

    Make a plan, hand each organisation its file, wait some days, ask for their reports, and check.
    """
    if context.invoked_subcommand is not None:
        if figures or count:
            raise click.UsageError("--plan stands alone; 'canary plan' makes one")
        return
    if not figures:
        click.echo(context.get_help())
        return
    limits = (words.NOT_BLIND(), words.NOT_RECOGNISED())
    out.show(Report("canary", words.TITLE_FIGURES(), Subject(), datetime.now(UTC), (checks.chances(count),), limits))


@canary.command("plan")
@command.in_folder
@click.option("--members", default="", metavar="A,B,…", help="Who takes part.  [default: all that can]")
@_count
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, MAX_DAYS), help="How long they stand.")
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the plan and the files go; else nothing is made.",
)
@reporting
def plan_(path: Path, members: str, count: int | None, days: int, folder: Path | None, out: Output) -> None:
    """Plan test persons: who gets which, and what that can show. With --out it makes the files."""
    if count is None:
        raise click.UsageError("say how many test persons: --count N")
    officer, now = Officer(path), datetime.now(UTC)
    covenant = officer.covenant(now)
    named = [each.strip() for each in members.split(",") if each.strip()]
    chosen = rules.chosen(covenant, named)
    until = (now + timedelta(days=days)).date()
    # A row that is published today lapses at the start of that month, and a test person must not lapse before its plan.
    lapses = start_of(removal_month(now, covenant.retention_months)).date()
    if until >= lapses:
        raise Refused(f"the covenant's term would remove test persons on {lapses}, before the plan ends: give fewer --days")
    plan = rules.draw(covenant, chosen, count, now.date(), until, nacl.utils.random)
    found = [checks.spread(plan, covenant, chosen), _write(plan, folder), checks.chances(count)]
    details = [(words.VALID_UNTIL(), until)]
    limits = (words.NOT_BLIND(), *_limits())
    out.show(Report("canary", words.TITLE_PLAN(), Subject.of(covenant, *details), now, tuple(found), limits))


@canary.command("check")
@click.argument("reports", nargs=-1, required=True, type=_Existing)
@command.in_folder
@click.option("--plan", "plan_file", required=True, type=_Existing, help="The file plan.json that 'canary plan' wrote.")
@click.option(
    "--grace-days",
    type=click.IntRange(0, 60),
    help="How long after publishing a match may take.  [default: 2, in a sandbox 0]",
)
@reporting
def check(reports: tuple[Path, ...], path: Path, plan_file: Path, grace_days: int | None, out: Output) -> None:
    """Hold the organisations' REPORTS against the plan: which matches are missing, which can't be, who did not publish."""
    officer, now = Officer(path), datetime.now(UTC)
    covenant = officer.covenant(now)
    plan = rules.parse_plan(plan_file.read_bytes())
    if plan.covenant_id != covenant.id:
        raise Refused("this plan is of another covenant than this officer's folder")
    grace = timedelta(days=grace_days if grace_days is not None else 0 if covenant.sandbox else 2)
    given = [_file(each, plan, covenant) for each in reports]
    believed = [each.report for each in given if each.report is not None and not checks.over(each.report, plan)]
    found = checks.findings(plan, covenant, believed, grace)
    made = (
        checks.files(given, plan),
        checks.published(found, grace),
        checks.matches(found, plan, covenant, grace),
        checks.letters(found, grace),
        checks.surplus(found),
    )
    details: list[tuple[Said, Cell]] = [
        (words.PLAN_FILE(), str(plan_file)), (words.PLAN_MADE(), plan.made), (words.VALID_UNTIL(), plan.valid_until),
        (words.GRACE(), grace.days),
    ]  # fmt: skip
    details += [(words.REPORT_FILE(), str(each)) for each in reports]
    subject = Subject.of(covenant, *details)
    figures = checks.would_show(found)
    out.show(Report("canary", words.TITLE_CHECK(), subject, now, made, (words.NOT_FEW(), *_limits()), figures))


def _limits() -> tuple[Said, ...]:
    return words.NOT_RECOGNISED(), words.NOT_COLLUDING(), words.NOT_KINDS()


def _write(plan: Plan, folder: Path | None) -> Check:
    """The files, the plan first: without it the others would be worth nothing."""
    said: list[Said] = []
    if folder is None:
        said.append(words.NOTHING_WRITTEN())
    else:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        own = folder / PLAN_FILE
        orders = [(folder / f"canaries-{order.member}.json", order) for order in plan.orders()]
        for file in (own, *(file for file, _ in orders)):
            if file.exists():
                raise Refused(f"{file} exists already, and may belong to a plan that still goes on: choose another folder")
        sealed.replace(own, plan.encode())
        said.append(words.WRITTEN_PLAN(file=str(own)))
        for file, order in orders:
            sealed.replace(file, order.encode())
            said.append(words.WRITTEN_ORDER(file=str(file), member=order.member, count=len(order.canaries)))
        said.append(words.WRITTEN_ADVICE())
    return Check("files", words.WRITTEN_NAME(), words.WRITTEN_HOW(), Verdict.NOTE, tuple(said))


def _file(path: Path, plan: Plan, covenant: Covenant) -> File:
    """A report, judged on its own."""
    with path.open("rb") as file:
        raw = file.read(MAX_REPORT_BYTES + 1)
    try:
        report = formats.verify_report(raw, covenant)
        if report.plan != plan.id or report.member not in plan.members:
            raise Malformed("this report is of another plan")
        if not {each.person for each in report.canaries} <= plan.persons_of(report.member):
            raise Malformed(f"{report.member} reports a test person that it was not handed")
    except RaakvlakError as error:
        return File(path.name, None, error.message)
    return File(path.name, report)
