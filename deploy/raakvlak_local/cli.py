"""`raakvlak-local`: a synthetic population, and a whole federation on this machine that finds its matches."""

import csv
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from raakvlak_local import screen
from raakvlak_local.calling import call
from raakvlak_local.course import Course, Place
from raakvlak_local.description import Description, Organisation
from raakvlak_local.federation import Federation
from raakvlak_protocol.errors import Unavailable
from raakvlak_protocol.party import command
from raakvlak_protocol.party.serving import Stop

POLL_SECONDS: Final = 0.3
ALIVE_SECONDS: Final = 1.0
STILL_POLLS: Final = 10
"""So many looks without a change mean that the other nodes are done too."""
_VERDICTS: Final = {"ok": "in order", "unknown": "not known", "wrong": "WRONG"}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """A whole federation on one machine, for trying and testing. Synthetic people only."""


def main() -> NoReturn:
    """The console script."""
    command.run("raakvlak-local", cli)


def say(message: str) -> None:
    command.say("raakvlak-local", message)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--cases", type=click.IntRange(1, 5_000_000), default=2000, show_default=True)
@click.option("--organisations", type=click.IntRange(2, 20), default=5, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same people on the same day.")
@click.option("--coordinator/--no-coordinator", default=True, show_default=True, help="One more member, who is called in.")
def population(folder: Path, cases: int, organisations: int, seed: int, coordinator: bool) -> None:
    """Write a believable synthetic population to FOLDER, with the matches that must be found in truth.csv."""
    from raakvlak_local import population as people

    with click.progressbar(length=cases, label="inventing people", file=sys.stderr) as bar:
        today = datetime.now(UTC).date()
        summary = people.write(
            folder,
            cases=cases,
            organisations=organisations,
            seed=seed,
            today=today,
            coordinator=coordinator,
            progress=bar.update,
        )
    click.echo(
        f"{summary.cases} cases at {summary.organisations} organisations in {folder}; "
        f"{summary.matches // 2} pairs of cases touch (truth.csv)"
    )
    say("the people are invented; their BSNs pass the 11-proof and may be somebody's: never type one into a real system")


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Where the state survives.  [default: FOLDER/data]"
)
@click.option("--reconcile", is_flag=True, help="Reconcile nodes that were restored from a backup before they start.")
@click.option("--exit", "exit_", is_flag=True, help="Show the matches, make the officer's reports and stop.")
@command.as_json
def run(folder: Path, data: Path | None, reconcile: bool, exit_: bool, as_json: bool) -> None:
    """Start the federation that FOLDER describes, import, synchronise until nothing is pending, and open the pages.

    Says where they are and how to sign in as whom, and runs until it is stopped.
    """
    began = time.monotonic()
    stop = Stop.on_signals()
    federation = Federation(Description.read(folder), data or folder / "data", say)
    with federation.alone():
        federation.prepare()
        say("starting key holders, index and nodes")
        with federation.running(reconcile=reconcile, stay=not exit_):
            imports = _import_all(federation)
            blocked = _settle(federation, stop)
            family = _family(folder / "showcase.csv")
            if not blocked:
                _play(federation, stop, family)
            found = _found(federation, imports)
            found["pages"] = screen.pages(federation, family)
            if exit_ and not as_json:
                _show(federation, found, family)
            if exit_ and not blocked:
                found["reports"] = _reports(federation, found, as_json=as_json)
            found["seconds"] = round(time.monotonic() - began, 1)
            click.echo(json.dumps(found, ensure_ascii=False) if as_json else screen.shown(found, stays=not exit_))
            if not exit_:
                _stay(federation, stop, blocked)
            elif blocked:
                raise Unavailable(blocked)
            elif any(each["verdict"] == "wrong" for each in found["reports"]):
                raise click.exceptions.Exit(command.FAILED)


def _stay(federation: Federation, stop: Stop, blocked: str) -> None:
    """Until a person has enough of it."""
    if blocked:
        say(blocked)
    while not stop.wait(ALIVE_SECONDS):
        federation.demand_alive()
    say("stopping: the nodes, then the index and the key holders")


def _family(showcase: Path) -> list[Place]:
    """The cases of the family that is shown, where the population chose one."""
    if not showcase.exists():
        return []
    with showcase.open(encoding="utf-8", newline="") as file:
        return [Place(row["node"], row["case_ref"], row.get("worker", "")) for row in csv.DictReader(file)]


def _play(federation: Federation, stop: Stop, family: Sequence[Place]) -> None:
    """Has the family's workers begin their follow-up, once for this data folder."""
    if federation.played or not family or not federation.people:
        return
    say("the family's workers call each other")
    course = Course.of(federation, family)
    for act in (course.first, course.then):
        act()
        _settle(federation, stop)
    federation.note_played()


@cli.command("sign-in", hidden=True)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def sign_in(file: Path) -> None:
    """Serve the sandbox's own OpenID provider, as FILE describes it; 'run' starts it."""
    from raakvlak_local import provider

    provider.serve(provider.read(file))


def _import_all(federation: Federation) -> dict[str, dict[str, Any]]:
    from concurrent.futures import ThreadPoolExecutor

    say("importing the caseloads")
    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(federation.import_caseload, federation.organisations))
    for organisation, report in zip(federation.organisations, reports, strict=True):
        if report["rejected"]:
            say(f"{organisation.id}: {len(report['rejected'])} rows rejected, see {report['rejected_file']}")
    return dict(zip((each.id for each in federation.organisations), reports, strict=True))


def _settle(federation: Federation, stop: Stop) -> str:
    """Waits until nothing is pending at any node and nothing is on its way; returns "", or why a node can't go on.

    A letter that has left one node and not reached the other is seen in the index's queues; one that was taken from
    the queue between two looks, by the nodes' counts of what they did. So: twice the same, and all empty.
    """
    before: list[tuple[int, int]] = []
    same = 0
    with _Talk("synchronising") as talk:
        while not stop.requested:
            federation.demand_alive()
            states = [call(federation, each, "/v1/status") for each in federation.members]
            now = [(state["pending"], state["activity"]) for state in states]
            talk.tell(sum(pending for pending, _ in now))
            same = same + 1 if now == before else 0
            before = now
            blocked = _blocked(federation, states)
            done = same and not blocked and not any(pending for pending, _ in now)
            if done and not federation.index_status()["events"]:
                return ""
            if blocked and same >= STILL_POLLS:
                return blocked
            stop.wait(POLL_SECONDS)
    raise Unavailable("stopped before everything was synchronised; run the same command again to go on")


def _blocked(federation: Federation, states: list[dict[str, Any]]) -> str:
    """What a node waits for that only time or a person brings."""
    for member, state in zip(federation.members, states, strict=True):
        if state["reconcile"]:
            return f"{member.id} must be reconciled: {state['reconcile']}; run the same command with --reconcile"
        if state["waiting_for_quota"]:
            return f"{member.id}: {state['waiting_for_quota']}"
    return ""


class _Talk:
    """How much is still pending, on one line of a terminal."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = False

    def __enter__(self) -> "_Talk":
        say(self._what)
        return self

    def tell(self, pending: int) -> None:
        if sys.stderr.isatty():
            self._shown = True
            click.echo(f"\r  {pending} pending   ", err=True, nl=False)

    def __exit__(self, *_: object) -> None:
        if self._shown:
            click.echo("", err=True)


def _matches(federation: Federation, organisation: Organisation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    while page := call(federation, organisation, f"/v1/matches?after={after}"):
        if not page["matches"]:
            break
        found += page["matches"]
        after = page["next"]
    return sorted(found, key=lambda each: (each["case_ref"], each["other"], json.dumps(each["contact"])))


def _found(federation: Federation, imports: dict[str, dict[str, Any]]) -> dict[str, Any]:
    organisations, matches = [], []
    for organisation in federation.organisations:
        own = _matches(federation, organisation)
        status = call(federation, organisation, "/v1/status")
        kinds = [each["kind"] for each in own]
        organisations.append(
            {
                "id": organisation.id,
                "cases": imports[organisation.id]["accepted"],
                "rejected": len(imports[organisation.id]["rejected"]),
                "tokens": status["published"],
                "client_matches": kinds.count("client"),
                "family_matches": kinds.count("family"),
            }
        )
        matches += [
            {"node": organisation.id, **{name: each[name] for name in ("case_ref", "other", "kind", "via", "contact")}}
            for each in own
        ]
    index = federation.index_status()
    return {
        "organisations": organisations,
        "coordinators": [{"id": each.id, "serves": list(each.serves)} for each in federation.description.coordinators],
        "matches": matches,
        "index": {"rows": index["rows"], "bytes": index["bytes"]},
        "log": {"entries": index["log"]["size"]},
        "reports": [],
    }


def _show(federation: Federation, found: dict[str, Any], family: Sequence[Place]) -> None:
    for organisation, counts in zip(federation.organisations, found["organisations"], strict=True):
        click.echo(
            f"\n{organisation.name} ({organisation.id}): {counts['cases']} cases, {counts['rejected']} rejected, "
            f"{counts['tokens']} tokens, {counts['client_matches']} client matches, {counts['family_matches']} family matches"
        )
        for each in found["matches"]:
            if each["node"] == organisation.id:
                click.echo(f"  {_line(each)}")
    for each in federation.description.coordinators:
        click.echo(f"\n{each.name} ({each.id}): no cases; is called in between any two of {', '.join(each.serves)}")
    click.echo(
        f"\nthe index holds {found['index']['rows']} rows in {found['index']['bytes']} bytes, no identity and no content; "
        f"its log has {found['log']['entries']} entries"
    )
    if family:
        _show_family(federation, family)


def _reports(federation: Federation, found: dict[str, Any], *, as_json: bool) -> list[dict[str, Any]]:
    """What an officer finds, each report shown as soon as it is made; `found` learns how many rows were proven."""
    from raakvlak_local import reports

    say("the officer checks: contract, log, index, accounts of the organisations")
    federation.stop_nodes()
    proven = found["log"]["proven"] = reports.prove(federation)
    show = (lambda line: None) if as_json else click.echo
    show("What a compliance officer finds, who trusts none of them:\n")
    show(f"a witness cosigned the log; the nodes proved {proven} more rows to stand in it as was promised to them")
    made = []
    for each in reports.made(federation):
        made.append(each.as_json())
        show(f"  {_VERDICTS[each.verdict]:9}  {each.name:26}  {each.title} ({len(each.checks)} checks)")
        for reason in each.reasons:
            show(f"             {reason}")
    if not any(each["report"] == "quota" for each in made):
        show("  left out   quota: the key holders state a day once it has ended; run this again tomorrow")
    show(f"\nthe reports, in Dutch and English, to read or print: {federation.officer.reports}")
    return made


def _line(match: dict[str, Any]) -> str:
    contact = match["contact"]
    call = "" if contact is None else f": call {contact['name'] or contact['function']}, {contact['phone'] or contact['email']}"
    their = "" if contact is None else f" {contact['reference']}"
    return f"{match['case_ref']} ~ {match['other']}{their} ({match['kind']} match via {', '.join(match['via'])}){call}"


def _show_family(federation: Federation, family: Sequence[Place]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    click.echo("\nOne family, as each organisation that knows it now sees it:\n")
    names = {each.id: each.name for each in federation.organisations}
    with ThreadPoolExecutor(2) as threads:
        pictures = threads.map(lambda place: federation.picture(place.node, place.case_ref), family)
        for place, picture in zip(family, pictures, strict=True):
            name = names[place.node]
            click.echo(f"── {name} {'─' * max(1, 76 - len(name))}")
            click.echo(picture)
