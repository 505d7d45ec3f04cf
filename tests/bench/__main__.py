"""`python -m tests.bench oprf|publish|end_to_end|audit|pages|region [--json] [--quick]`: figures, against their floors.

One JSON object on standard output with --json, else a table; progress on standard error. Exit code 1 when a floor does
not hold. `region` tells more than how fast it is: what became of the matches of a year (docs/region.md); `pages` tells of
each page.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench import audit, end_to_end, oprf, publish
from tests.bench.measure import Result, machine
from tests.bench.pages import run as pages
from tests.bench.region import run as region
from tests.bench.region import text


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("bench", choices=("oprf", "publish", "end_to_end", "audit", "pages", "region"))
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--quick", action="store_true", help="small and once: shows that it runs, not how fast")
    parser.add_argument("--cases", type=int, help="end_to_end, region: how many cases (default 2000, 20000)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="region: write the plot there, as SVG")
    chosen = parser.parse_args(arguments)
    more: dict[str, Any] = {}

    def year() -> list[Result]:
        results, more["region"] = region.run(quick=chosen.quick, cases=chosen.cases, svg=chosen.plot)
        return results

    def visited() -> list[Result]:
        results, more["pages"] = pages.run(quick=chosen.quick)
        return results

    benches: dict[str, Callable[[], list[Result]]] = {
        "oprf": lambda: oprf.run(quick=chosen.quick),
        "publish": lambda: publish.run(quick=chosen.quick),
        "end_to_end": lambda: end_to_end.run(quick=chosen.quick, cases=chosen.cases),
        "audit": lambda: audit.run(quick=chosen.quick),
        "pages": visited,
        "region": year,
    }
    results = benches[chosen.bench]()
    if chosen.json:
        found = {"bench": chosen.bench, "machine": machine(), "results": [each.encode() for each in results], **more}
        print(json.dumps(found, ensure_ascii=False))
    else:
        if "region" in more:
            print("\n".join(text.shown(more["region"])))
        if "pages" in more:
            print("\n".join(pages.text(more["pages"])))
        _show(results)
    return 0 if all(each.holds for each in results) else 1


def _show(results: Sequence[Result]) -> None:
    width = max(len(each.name) for each in results)
    print(f"{'':{width}}  {'value':>11}  {'limit':>11}  {'ratio':>6}  {'floor':>6}  {'goal':>6}")
    for each in results:
        verdict = "" if each.holds else "  below its floor"
        if each.holds and each.goal is not None and each.ratio < each.goal:
            verdict = "  below its goal"
        print(
            f"{each.name:{width}}  {each.value:>11,.5g}  {each.limit:>11,.5g}  {each.ratio:>6.3f}"
            f"  {_optional(each.floor):>6}  {_optional(each.goal):>6}  {each.unit}{verdict}"
        )


def _optional(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
