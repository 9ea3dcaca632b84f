"""How alerts behave: false pages and hours to detect, of `score` and of the standard burn rates.

The rules are judged with the very constants that are rendered, on independent events and, for the
false pages, also at the full budget and in sessions with a daily rhythm. Intervals are 95 %. A
second table tells how often a leak pages that lasts for six weeks, a third how often the ticket is
written on the healthy traffic.

    python benchmarks/alert_quality.py [--quick] [--json] [--seed N] [--write-table FILE]

`--write-table` writes the table that `qgm-observe slo simulate` and alert texts look into.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from qgm_observe.slo.burn import TICKET, burns
from qgm_observe.slo.characteristics import characterize
from qgm_observe.slo.evaluation import BurnRule, Rule, ScoreRule, TicketRule
from qgm_observe.slo.score import score_of
from qgm_observe.slo.simulation import (
    Delay,
    Leak,
    Rate,
    delays,
    false_alerts,
    leaking,
    poisson,
    sessions,
)

TARGETS = (Decimal("0.95"), Decimal("0.99"))
RATES = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
INCIDENTS = (0.25, 0.5, 1.0)
LEAKS = (1.5, 2.0, 3.0)
"""Times the budget."""
LEAK_RATES = (5, 10, 20, 50, 200, 1000)
HEALTH = {
    "half budget": (0.5, poisson),
    "at budget": (1.0, poisson),
    "half, sessions by day": (0.5, sessions),
}
PERIOD = 28 * 86400.0
TABLE_TARGETS = ("0.9", "0.95", "0.98", "0.99", "0.995", "0.999")


@dataclass(frozen=True)
class Cell:
    """One objective at one traffic; each figure of the score rule beside the standard one."""

    target: str
    events_per_day: float
    false: dict[str, list[Rate]]
    hours: dict[str, list[Delay]]


def cell(target: Decimal, rate: float, repetitions: int, seed: int) -> Cell:
    """Measure one cell."""
    budget = float(1 - target)
    rules = [ScoreRule(score_of(target)), BurnRule(budget, burns(PERIOD))]
    hours = {
        f"{failing:.0%}": delays(
            rules, budget / 2, failing, rate, incidents=repetitions, seed=seed + 1
        )
        for failing in INCIDENTS
    }
    return Cell(str(target), rate, _false(rules, target, rate, repetitions, seed), hours)


def _false(
    rules: Sequence[Rule], target: Decimal, rate: float, repetitions: int, seed: int
) -> dict[str, list[Rate]]:
    return {
        name: false_alerts(
            rules, share * float(1 - target), rate, periods=repetitions, seed=seed, traffic=traffic
        )
        for name, (share, traffic) in HEALTH.items()
    }


@dataclass(frozen=True)
class LeakCell:
    """One objective at one traffic; of each leak the score rule beside the standard one."""

    target: str
    events_per_day: float
    leaks: dict[str, list[Leak]]


def leak_cell(target: Decimal, rate: float, repetitions: int, seed: int) -> LeakCell:
    """Measure one cell of leaks."""
    budget = float(1 - target)
    rules = [ScoreRule(score_of(target)), BurnRule(budget, burns(PERIOD))]
    found = {
        f"{times:g}x": leaking(
            rules, budget / 2, times * budget, rate, leaks=repetitions, seed=seed
        )
        for times in LEAKS
    }
    return LeakCell(str(target), rate, found)


def leak_row(found: LeakCell) -> str:
    """Return a cell of leaks as a line."""
    told = [
        f"{ours.early:5.2f} + {ours.late:4.2f}, {ours.after:4.2f} / "
        f"{theirs.early:5.2f} + {theirs.late:5.2f}, {theirs.after:4.2f}"
        for ours, theirs in found.leaks.values()
    ]
    return " | ".join([f"{found.target:>5} {found.events_per_day:5g}", *told])


def leak_failures(found: LeakCell) -> Iterator[str]:
    """Yield each leak of 99 % that goes on paging anew; at 95 % one is evidence now and then."""
    for name, (ours, _) in found.leaks.items():
        if found.target == "0.99" and ours.late > 2:
            where = f"{found.target}, {found.events_per_day:g} a day"
            yield f"{where}: a leak of {name} pages {ours.late:.2f} times in its last three weeks"


def failures(found: Cell) -> Iterator[str]:
    """Yield each promise that a cell does not keep."""
    score, standard = found.false["half budget"]
    where = f"{found.target}, {found.events_per_day:g} a day"
    for name in ("half budget", "half, sessions by day"):
        pages = found.false[name][0].value
        if pages > 0.3:
            yield f"{where}: {pages:.2f} false pages at {name}, 0.3 promised"
    if found.target != "0.95":
        return
    if found.events_per_day <= 50 and standard.value < 8 * score.value:
        yield f"{where}: {standard.value / score.value:.1f}x fewer false pages, 8x promised"
    if found.events_per_day >= 200:
        for name, (ours, theirs) in found.hours.items():
            if ours.value >= theirs.value:
                yield f"{where}: {name} in {ours.value:.1f} h, standard {theirs.value:.1f} h"


def row(found: Cell) -> str:
    """Return a cell as a line: score / standard, interval of the score."""
    rates = [
        f"{ours.value:5.2f} [{ours.low:.2f},{ours.high:.2f}] / {theirs.value:5.2f}"
        for ours, theirs in found.false.values()
    ]
    hours = [
        f"{ours.value:6.1f} [{ours.low:.1f},{ours.high:.1f}] / {theirs.value:5.1f}"
        for ours, theirs in found.hours.values()
    ]
    return " | ".join([f"{found.target:>5} {found.events_per_day:5g}", *rates, *hours])


def main() -> int:
    """Print the table; 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="40 periods and four rates")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--write-table", type=Path, metavar="FILE")
    args = parser.parse_args()
    if args.write_table:
        return write_table(args.write_table, args.seed)
    began = time.process_time()
    repetitions, rates = (40, (2, 10, 50, 200)) if args.quick else (400, RATES)
    if not args.json:
        print("false pages in 28 days, then median hours to detect: score [95 %] / standard")
        print(" | ".join(["slo events/day", *HEALTH, *(f"{each:.0%}" for each in INCIDENTS)]))
    found = []
    for target in TARGETS:
        for rate in rates:
            found.append(cell(target, rate, repetitions, args.seed))
            if not args.json:
                print(row(found[-1]), flush=True)
    missed = [line for each in found for line in failures(each)]
    leaks = list(_leaks(repetitions // 4, args.seed, rates, is_told=not args.json))
    missed += [line for each in leaks for line in leak_failures(each)]
    tickets = list(_tickets(repetitions, args.seed, rates, is_told=not args.json))
    if args.json:
        tables = {"cells": found, "leaks": leaks, "tickets": tickets}
        told = {name: [asdict(each) for each in cells] for name, cells in tables.items()}
        print(json.dumps(told | {"missed": missed}))
    else:
        print("\n".join(missed) or "every promise is kept")
        print(f"{time.process_time() - began:.0f} s CPU, {repetitions} periods a cell")
    return 1 if missed else 0


def _tickets(
    repetitions: int, seed: int, rates: Sequence[float], *, is_told: bool
) -> Iterator[Cell]:
    """Measure the tickets of the first table's traffic; nothing is promised of them."""
    if is_told:
        print("\nfalse tickets in 28 days: score [95 %] / standard")
        print(" | ".join(["slo events/day", *HEALTH]))
    for target in TARGETS:
        rules = [TicketRule(score_of(target)), BurnRule(1 - float(target), burns(PERIOD), TICKET)]
        for rate in rates:
            made = Cell(str(target), rate, _false(rules, target, rate, repetitions, seed), {})
            if is_told:
                print(row(made), flush=True)
            yield made


def _leaks(
    repetitions: int, seed: int, rates: Sequence[float], *, is_told: bool
) -> Iterator[LeakCell]:
    if is_told:
        print(f"\npages of a leak, {repetitions} of each: in its first + last three weeks, in the")
        print("four after it: score / standard")
        print(" | ".join(["slo events/day", *(f"{each:g}x the budget" for each in LEAKS)]))
    for target in TARGETS:
        for rate in (each for each in LEAK_RATES if each in rates):
            made = leak_cell(target, rate, repetitions, seed + 2)
            if is_told:
                print(leak_row(made), flush=True)
            yield made


def write_table(path: Path, seed: int) -> int:
    """Write the table of the package."""
    rows = []
    for target in TABLE_TARGETS:
        for rate in RATES:
            rows.append(asdict(characterize(Decimal(target), rate, repetitions=400, seed=seed)))
            print(rows[-1], flush=True)
    path.write_text("[\n" + ",\n".join(json.dumps(each) for each in rows) + "\n]\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
