"""Targets from history: what each would have cost, and how long the devices' queues really are."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from qgm_observe.catalog import STAGES
from qgm_observe.journal import TERMINAL
from qgm_observe.journal.reading import Reader
from qgm_observe.slo.evaluation import Counts, ScoreRule, episodes
from qgm_observe.slo.indicator import Ratio
from qgm_observe.slo.journaled import Interval, kept_entries
from qgm_observe.slo.ledger import Ledger
from qgm_observe.slo.objective import FEWEST_BUDGET_EVENTS, Objective
from qgm_observe.slo.score import score_of
from qgm_observe.slo.simulation import A_DAY
from qgm_observe.slo.window import DAY, MINUTE

TARGETS = tuple(map(Decimal, ("0.8", "0.9", "0.95", "0.98", "0.99", "0.995", "0.999")))
KEPT = 0.95
"""Share of the days on which a suggested target would have been kept."""

LEAST_DAYS, LEAST_EVENTS = 7.0, 20
"""Of history: with less of either a target is a guess, and none is suggested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A target and what it would have cost.

    Attributes:
        target: Share of good ones.
        days_kept: Share of the days whose window kept it.
        worst: Most of a window's budget that was spent; 1 is all of it.
        pages: That the score would have sent, `None` where amounts are no single events.
    """

    target: Decimal
    days_kept: float
    worst: float
    pages: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What history says of an objective.

    Attributes:
        objective: Its name.
        events: In all of it.
        events_per_day: Mean since the first event.
        ratio: Share of good ones in all of it.
        days: Of history.
        options: By target, ascending.
        suggested: The highest target that was kept on 95 % of the days and leaves a budget of
            five events, `None` if there is none, or too little history.
    """

    objective: str
    events: float
    events_per_day: float
    ratio: float
    days: float
    options: tuple[Option, ...]
    suggested: Decimal | None

    @property
    def is_founded(self) -> bool:
        """Whether there is enough history to suggest anything from."""
        return self.days >= LEAST_DAYS and self.events >= LEAST_EVENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long a part of remote jobs took.

    Attributes:
        provider: Of the device.
        device: Its name.
        part: `queue`, or `not queue` for all the rest of a job.
        jobs: How many told it.
        median: Seconds.
        p95: Seconds.
        bound: The bucket bound that 95 % are within, seconds; `None` above all bounds.
    """

    provider: str
    device: str
    part: str
    jobs: int
    median: float
    p95: float
    bound: float | None


def suggestions(
    objectives: Sequence[Objective],
    journal: Reader,
    now: float,
    days: float,
    excluded: Sequence[Interval] = (),
) -> list[Suggestion]:
    """Return what so many days of a journal say of each objective that is a ratio."""
    ledger = Ledger(objectives)
    ledger.read(journal, now - days * DAY)
    found = []
    for each in objectives:
        if isinstance(each.indicator, Ratio) and len(ledger.entries[each.name]):
            suggestion = _suggestion(each, ledger, now, excluded)
            if suggestion is not None:
                found.append(suggestion)
    return found


def _suggestion(
    objective: Objective, ledger: Ledger, now: float, excluded: Sequence[Interval]
) -> Suggestion | None:
    entries = ledger.entries[objective.name]
    kept = kept_entries(entries, excluded)
    recorded = np.asarray(entries.recorded)[kept]
    total, bad = np.asarray(entries.total)[kept], np.asarray(entries.bad)[kept]
    order = np.argsort(recorded, kind="stable")
    recorded, total, bad = recorded[order], total[order], bad[order]
    if not total.sum():
        return None
    days = max(1.0, (now - float(recorded[0])) / DAY)
    shares = _shares(objective, recorded, total, bad, now)
    single = bool(np.isin(total, (0.0, 1.0)).all())
    entered = np.ceil((recorded - recorded[0]) / MINUTE).astype(np.int64)
    options = tuple(
        _option(target, shares, entered[total > 0], bad[total > 0] > 0, single=single)
        for target in TARGETS
    )
    per_day = float(total.sum()) / days
    wanted = [
        option.target
        for option in options
        if option.days_kept >= KEPT
        and per_day * objective.window.days * float(1 - option.target) >= FEWEST_BUDGET_EVENTS
    ]
    found = Suggestion(
        objective=objective.name,
        events=float(total.sum()),
        events_per_day=per_day,
        ratio=1 - float(bad.sum() / total.sum()),
        days=days,
        options=options,
        suggested=max(wanted, default=None),
    )
    return found if found.is_founded else replace(found, suggested=None)


def _shares(
    objective: Objective,
    recorded: np.ndarray,
    total: np.ndarray,
    bad: np.ndarray,
    now: float,
) -> np.ndarray:
    """Return the share of bad ones in the window that ends on each day, once it is half full."""
    covered = min(objective.window.seconds, now - float(recorded[0])) / 2
    ends = np.arange(now, recorded[0] + covered, -DAY)
    lows = np.searchsorted(recorded, ends - objective.window.seconds, side="right")
    highs = np.searchsorted(recorded, ends, side="right")
    sums = [np.concatenate([[0.0], np.cumsum(each)]) for each in (bad, total)]
    failed, counted = (each[highs] - each[lows] for each in sums)
    return np.asarray(failed[counted > 0] / counted[counted > 0])


def _option(
    target: Decimal, shares: np.ndarray, entered: np.ndarray, bad: np.ndarray, *, single: bool
) -> Option:
    budget = float(1 - target)
    pages = None
    if single:
        counts = Counts(entered, bad, int(entered[-1]) + A_DAY)
        pages = int(episodes(ScoreRule(score_of(target)), counts).size)
    return Option(
        target=target,
        days_kept=float((shares <= budget + 1e-12).mean()),
        worst=float(shares.max() / budget),
        pages=pages,
    )


def waits(journal: Reader, since: float) -> list[Wait]:
    """Return how long remote jobs queued, and how long all the rest took, by device."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for event in journal.events(verbs=(TERMINAL,), nouns=("job",)):
        body = event.body
        if event.recorded_at < since or body.get("execution_mode", "local") == "local":
            continue
        where = str(body.get("provider", "unknown")), str(body.get("device", "unknown"))
        queue = sum(stage[2] for stage in body.get("stages", ()) if stage[0] == "queue")
        duration = body.get("duration")
        if body.get("outcome") == "success" and duration is not None:
            found.setdefault((*where, "queue"), []).append(queue)
            found.setdefault((*where, "not queue"), []).append(max(0.0, duration - queue))
    return list(_waits(found))


def _waits(found: dict[tuple[str, str, str], list[float]]) -> Iterator[Wait]:
    bounds = STAGES["queue"].buckets
    for (provider, device, part), seconds in sorted(found.items()):
        p95 = float(np.quantile(seconds, 0.95))
        place = bisect_left(bounds, p95)
        yield Wait(
            provider=provider,
            device=device,
            part=part,
            jobs=len(seconds),
            median=float(np.median(seconds)),
            p95=p95,
            bound=bounds[place] if place < len(bounds) and math.isfinite(p95) else None,
        )
