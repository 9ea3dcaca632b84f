"""Does a canary keep its word? False rollbacks under daily looks, and days until it decides.

Simulated canaries of 28 days with five criteria (success, a quality score, the median and the 95th
percentile of latency, cost), judged each day by `qgm_observe.quality.canary`. What is shared by
both versions: the day (score and latency), and in one row sessions of ten jobs and outages. Beside
it, what a plain test at 5 % that is looked at each day does on the same success counts, and the
day that is foretold after three looks: four of five equal canaries should be promoted by then.

Quantities are assumptions: 5 % failures, a score of 0.8 with a deviation of 0.03 between jobs and
0.02 between days, latencies and costs lognormal (0.5 and 0.2).

    python benchmarks/canary.py [--json] [--canaries 200] [--seed N]      about two minutes
"""

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from qgm_observe.quality.canary import Criterion, Plan, Statistic, Verdict, judge
from qgm_observe.quality.canary_length import length_of
from qgm_observe.quality.traffic import Traffic

PLAN = Plan()
FAILURES, SCORE = 0.05, 0.8
EARLY = 3
"""The look after which it is foretold how long a canary takes."""


@dataclass(frozen=True, slots=True)
class World:
    """A canary.

    Attributes:
        stable: Roots of the stable version a day.
        candidate: Roots of the candidate a day.
        failures: Of the candidate.
        score: Of the candidate.
        slower: By which factor the candidate is.
        tail: By which factor its slowest tenth is, besides.
        dearer: By which factor.
        session: Jobs of a session, which fail together in a third of all failures.
        ramp: The candidate's share grows from a half of its mean to one and a half.
        every: Days from look to look.
    """

    name: str
    stable: int = 180
    candidate: int = 20
    failures: float = FAILURES
    score: float = SCORE
    slower: float = 1.0
    tail: float = 1.0
    dearer: float = 1.0
    session: int = 1
    ramp: bool = False
    every: int = 1


EQUAL = (
    World("equal, 20 of 200 roots a day"),
    World("equal, 3 of 30", stable=27, candidate=3),
    World("equal, 3 of 30, looks 4 d apart", stable=27, candidate=3, every=4),
    World("equal, 100 of 200", stable=100, candidate=100),
    World("equal, sessions of 10 jobs", stable=300, candidate=60, session=10),
    World("equal, share grows, bad days", ramp=True),
)
WORSE = (
    World("failures doubled", failures=2 * FAILURES),
    World("failures x4", failures=4 * FAILURES),
    World("failures doubled, 100 of 200", stable=100, candidate=100, failures=2 * FAILURES),
    World("quality -10 %", score=0.9 * SCORE),
    World("quality -10 %, 3 of 30", stable=27, candidate=3, score=0.9 * SCORE),
    World("latency x1.5", slower=1.5),
    World("cost x1.2", dearer=1.2),
)
AT_MARGIN = (
    World("failures worse by the margin", failures=FAILURES + 0.05),
    World("quality worse by the margin", score=SCORE - 0.02),
    World("latency worse by the margin", slower=1.25),
    World("tail of latency worse by the margin", tail=1.25),
    World("cost worse by the margin", dearer=1.1),
)

SEEN, LEAST_SEEN = ("failures doubled", "quality -10 %"), 0.9
"""What has to be rolled back, in how many canaries."""


def canary(world: World, random: np.random.Generator) -> list[tuple[Criterion, Traffic]]:
    """Return what five criteria see of one canary."""
    mine, look = _routed(world)
    n = len(mine)
    session = np.arange(n) // world.session
    shared = random.normal(0, 0.02, PLAN.looks + 1)[look]
    bad_day = (random.random(PLAN.looks + 1) < 0.1)[look] * (0.1 if world.ramp else 0.0)
    chance = np.where(mine, world.failures, FAILURES) + bad_day
    together = random.random(n // world.session + 1)[session] < chance / 3
    alone = random.random(n) < (chance if world.session == 1 else chance * 2 / 3)
    failed = alone | together if world.session > 1 else alone
    good = ~failed
    score = np.where(mine, world.score, SCORE) + shared + random.normal(0, 0.03, n)
    seconds = np.exp(random.normal(0, 0.5, n) + 5 * shared) * np.where(mine, world.slower, 1.0)
    slow = mine & (seconds > np.quantile(seconds, 0.9))
    seconds = np.where(slow, seconds * world.tail, seconds)
    cost = np.exp(random.normal(0, 0.2, n)) * np.where(mine, world.dearer, 1.0)

    def seen(values: Any, kept: Any) -> Traffic:
        names, first, cluster = np.unique(session[kept], return_index=True, return_inverse=True)
        del names
        own = look[kept][first].astype(np.int64)
        return Traffic(values[kept], cluster, mine[kept][first], own - 1, own)

    every = np.ones(n, bool)
    return [
        (Criterion("success", Statistic.SHARE, 0.05, True), seen(good.astype(float), every)),
        (Criterion("quality", Statistic.MEAN, 0.02, True), seen(score, good)),
        (Criterion("latency p50", Statistic.QUANTILE, 0.25, quantile=0.5), seen(seconds, good)),
        (Criterion("latency p95", Statistic.QUANTILE, 0.25, quantile=0.95), seen(seconds, good)),
        (Criterion("cost", Statistic.RATIO, 0.1), seen(cost, good)),
    ]


def _routed(world: World) -> tuple[Any, Any]:
    """Which roots are the candidate's, and on which day."""
    arms, days = [], []
    for day in range(1, PLAN.looks + 1):
        grown = 0.5 + (day - 1) / (PLAN.looks - 1) if world.ramp else 1.0
        mine = round(world.candidate * grown) * world.every
        stable = (world.stable + world.candidate) * world.every - mine
        arms += [np.zeros(stable, bool), np.ones(mine, bool)]
        days.append(np.full(stable + mine, day))
    return np.concatenate(arms), np.concatenate(days)


def judged(worlds: tuple[World, ...], canaries: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield how canaries of each world end."""
    for world in worlds:
        random = np.random.default_rng([seed, sum(map(ord, world.name))])
        ends: list[tuple[Verdict, int]] = []
        plain, foretold = 0, []
        for _ in range(canaries):
            criteria = canary(world, random)
            told = judge(criteria, PLAN.looks, PLAN)
            ends.append((told.verdict, told.look))
            plain += plain_test(criteria[0][1])
            foretold.append(looks_of(criteria) * world.every)
        backs = [look * world.every for verdict, look in ends if verdict is Verdict.ROLL_BACK]
        goes = [look * world.every for verdict, look in ends if verdict is Verdict.PROMOTE]
        row = {
            "candidate": world.name,
            "rolled back": len(backs) / canaries,
            "promoted": len(goes) / canaries,
            "held to the end": 1 - (len(backs) + len(goes)) / canaries,
            "days to roll back": _days(backs),
            "days to promote": _days(goes),
            "plain test on success finds harm": plain / canaries,
        }
        if world in EQUAL:
            row["foretold"] = _days(foretold)
            row["promoted by then"] = sum(day <= np.median(foretold) for day in goes) / canaries
        yield row


def looks_of(criteria: list[tuple[Criterion, Traffic]]) -> float:
    """Return after how many looks an equal candidate would be promoted, foretold early."""
    early = [(criterion, seen.until(EARLY)) for criterion, seen in criteria]
    told = length_of(early, EARLY, PLAN)
    if told is None:
        return math.inf
    return told.looks or told.times * PLAN.looks


def plain_test(seen: Traffic) -> bool:
    """Whether a pooled test of two shares at 5 %, each day anew, ever finds the candidate worse."""
    mine, look = seen.is_candidate[seen.cluster], seen.look[seen.cluster]
    days = range(1, PLAN.looks + 1)
    sizes = [np.array([((look <= day) & (mine == arm)).sum() for day in days]) for arm in (0, 1)]
    bad = seen.values == 0
    failed = [
        np.array([((look <= day) & (mine == arm) & bad).sum() for day in days]) for arm in (0, 1)
    ]
    pooled = (failed[0] + failed[1]) / (sizes[0] + sizes[1])
    error = np.sqrt(np.maximum(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]), 1e-12))
    z = (failed[1] / sizes[1] - failed[0] / sizes[0]) / error
    return bool((ndtr(-z) < 0.05).any())


def _days(looks: list[float]) -> str:
    if not looks:
        return "-"
    return f"{np.median(looks):.3g} ({np.quantile(looks, 0.9):.3g})"


def _show(title: str, rows: list[dict[str, Any]], canaries: int) -> None:
    reach = 1.96 * math.sqrt(0.05 * 0.95 / canaries)
    print(f"\n{title} ({canaries} canaries each; a share of 5 % is known to +-{reach:.1%})")
    heads = list(rows[0])
    cells = [[_cell(row[head]) for head in heads] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for line in (heads, *cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))


def _cell(value: Any) -> str:
    return f"{value:.1%}" if isinstance(value, float) else str(value)


def main() -> int:
    """Print the tables; 1 if a stated rate is broken beyond chance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--canaries", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    tables = {
        "No harm": list(judged(EQUAL, args.canaries, args.seed)),
        "Worse": list(judged(WORSE, max(args.canaries // 4, 1), args.seed)),
        "Worse by the margin": list(judged(AT_MARGIN, args.canaries, args.seed)),
    }
    if args.json:
        print(json.dumps(tables, indent=2))
    else:
        _show("No harm", tables["No harm"], args.canaries)
        _show("Worse", tables["Worse"], max(args.canaries // 4, 1))
        _show("Worse by the margin", tables["Worse by the margin"], args.canaries)
        print("days: median (90th percentile)")
    slack = 3 * math.sqrt(0.05 * 0.95 / args.canaries)
    broken = [row for row in tables["No harm"] if row["rolled back"] > 0.05 + slack]
    broken += [row for row in tables["Worse by the margin"] if row["promoted"] > 0.05 + slack]
    broken += [row for row in tables["Worse"] if row["promoted"] > 0.05 + 2 * slack]
    seen = [row["rolled back"] for row in tables["Worse"] if row["candidate"] in SEEN]
    if len(seen) < len(SEEN) or min(seen) < LEAST_SEEN - 2 * slack:  # a judge that always waits
        return 1
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
