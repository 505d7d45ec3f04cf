"""Runs the years, one for each set of rules, and compares them."""

import multiprocessing
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from raakvlak_node import followup
from tests.bench.measure import Result, talk
from tests.bench.region import matches, plot
from tests.bench.region.matches import CASES, SEED, Region
from tests.bench.region.rules import ABLATIONS, FULL, INCUMBENT, Rules
from tests.bench.region.staff import Staff
from tests.bench.region.year import Year

QUICK_CASES: Final = 600
SENSITIVITY_CASES: Final = 2_000
MAX_SECONDS: Final = 600.0
QUICK_SECONDS: Final = 20.0
"""What all the years may take on two cores of their own; counted by CPU time, because the machine is shared."""
PROCESSES: Final = 2

UNTOUCHED: Final = "untouched_past_term_mean_of_weeks"
CONTACT: Final = "in_contact_of_those_past_term"

OTHERWISE: Final[Mapping[str, Staff]] = {
    "reminders heeded half as often": Staff(heeds_reminder=0.175),
    "reminders heeded half as often again": Staff(heeds_reminder=0.525),
    "half as many who never look or call": Staff(never_looks=0.15, never_calls=0.125),
    "half as many again who never look or call": Staff(never_looks=0.45, never_calls=0.375),
    "half the coordinator's people": Staff(coordinator_daily=4.0),
    "twice the coordinator's people": Staff(coordinator_daily=16.0),
}
"""Other assumptions, under which the comparison is made again in a smaller region: those that bear on it most."""


@dataclass(frozen=True)
class Run:
    """What came of one year. `weekly` and `of_open` are (Friday, share untouched past the contact term), `waiting` is
    (Friday, pairs that wait for the coordinator)."""

    name: str
    figures: Mapping[str, Any]
    weekly: Sequence[tuple[date, float]]
    of_open: Sequence[tuple[date, float]]
    waiting: Sequence[tuple[date, float]]
    folds_per_second: float
    pairs_of_busiest: int


_regions: dict[int, Region] = {}
"""By their number of cases; the processes that run years are forked with them in memory."""


def run(*, quick: bool, cases: int | None, svg: Path | None) -> tuple[list[Result], dict[str, Any]]:
    """The figures that have a floor, and the whole report. `svg` is a file for the plot."""
    began = _cpu_seconds()
    count = cases or (QUICK_CASES if quick else CASES)
    talk(f"region: inventing {count:,} cases at {matches.ORGANISATIONS} organisations")
    _regions[count] = matches.make(count)
    chosen = [(count, rules, Staff()) for rules in (FULL, *ABLATIONS, INCUMBENT)]
    runs = _years(chosen)
    report = compared(runs) | {"assumptions": vars(Staff()), "cases": count, "organisations": matches.ORGANISATIONS}
    if not quick:
        report["under_other_assumptions"] = _sensitivity()
    if svg is not None:
        svg.write_text(plot.draw(runs), encoding="utf-8")
    seconds, allowed = (_cpu_seconds() - began) / PROCESSES, QUICK_SECONDS if quick else MAX_SECONDS
    full = runs[0]
    results = [
        Result("region: all years, on two cores", seconds, "s", allowed, allowed / seconds, 1.0, 1.0),
        _folding(full),
    ]
    return results, report


def _folding(full: Run) -> Result:
    """How fast a node folds, against all the pairs of the busiest organisation in a second."""
    speed, pairs = full.folds_per_second, float(max(1, full.pairs_of_busiest))
    return Result("region: pairs folded, of an organisation's", speed, "/s", pairs, speed / pairs, 1.0, 5.0)


def _years(chosen: Sequence[tuple[int, Rules, Staff]]) -> list[Run]:
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        runs = pool.starmap(_one, chosen, chunksize=1)
        pool.close()
        pool.join()  # Only then their CPU time counts as this process's children's.
    return runs


def _cpu_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _one(cases: int, rules: Rules, staff: Staff) -> Run:
    began = time.monotonic()
    year = Year(_regions[cases], rules, staff, SEED)
    tally = year.run()
    assert tally.differing == 0, "two sides of a pair stand otherwise after all letters have come"
    talk(f"  {rules.name}: {time.monotonic() - began:.0f} s")
    return Run(
        rules.name, tally.figures(), tally.weekly(), tally.weekly_of_open(),
        [(day, float(waiting)) for day, waiting, _ in tally.desk], _folded_per_second(year),
        tally.pairs_of_busiest,
    )  # fmt: skip


def _folded_per_second(year: Year) -> float:
    """Of the pairs as they stand at the end, by CPU time: records to standing, and by when."""
    found = [(node, held) for node in year.nodes.values() for held in node.held.values() if not node.is_desk]
    began = time.process_time()
    for node, held in found:
        standing = followup.fold(held.records, node.covenant)
        if node.terms is not None:
            followup.due(standing, node.terms, held.began)
    return len(found) / (time.process_time() - began)


def compared(runs: Sequence[Run]) -> dict[str, Any]:
    """All figures, what each rule does to the two that matter, and which does most. The rules come first, the incumbent
    last."""
    full, incumbent = runs[0].figures, runs[-1].figures
    effects = {
        each.name: {
            "untouched_past_term": round(each.figures[UNTOUCHED] - full[UNTOUCHED], 4),
            "in_contact": round(each.figures[CONTACT] - full[CONTACT], 4),
        }
        for each in runs[1:-1]
    }
    return {
        "simulated": "time, people and the network; the rules, records, letters' contents and sizes are real",
        "years": {each.name: dict(each.figures) for each in runs},
        "without": effects,
        "most_difference": {
            "to_untouched_past_term": max(effects, key=lambda name: effects[name]["untouched_past_term"]),
            "to_contact": min(effects, key=lambda name: effects[name]["in_contact"]),
            "of_all_rules_together": {
                "untouched_past_term": round(incumbent[UNTOUCHED] - full[UNTOUCHED], 4),
                "in_contact": round(incumbent[CONTACT] - full[CONTACT], 4),
            },
        },
        "weekly": {each.name: [[str(day), round(share, 4)] for day, share in each.weekly] for each in runs},
        "weekly_of_open": {each.name: [[str(day), round(share, 4)] for day, share in each.of_open] for each in runs},
        "folds_per_second": round(runs[0].folds_per_second),
    }


def _sensitivity() -> dict[str, Any]:
    """Which rule does most, under other assumptions."""
    talk(f"region: other assumptions, {SENSITIVITY_CASES:,} cases")
    _regions[SENSITIVITY_CASES] = matches.make(SENSITIVITY_CASES)
    assumed = {"as assumed": Staff(), **OTHERWISE}
    rules = (FULL, *ABLATIONS[:3], INCUMBENT)  # The rules that do something at all.
    runs = _years([(SENSITIVITY_CASES, each, staff) for staff in assumed.values() for each in rules])
    found = {}
    for place, name in enumerate(assumed):
        report = compared(runs[place * len(rules) : (place + 1) * len(rules)])
        years = {each: (figures[UNTOUCHED], figures[CONTACT]) for each, figures in report["years"].items()}
        found[name] = {"years": years, "without": report["without"], "most_difference": report["most_difference"]}
    return found
