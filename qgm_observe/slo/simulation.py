"""What a rule will do, by simulation: false pages, and hours until an incident is noticed.

All periods lie on one time line, which is right because healthy traffic is stationary.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, chi2

from qgm_observe.slo.evaluation import Counts, Flags, Minutes, Rule, Times, episodes

Traffic = Callable[[float, float, np.random.Generator], Times]
"""From events a day and days to the times of events, in minutes, ascending."""

A_DAY = 1440
PERIOD_DAYS = 28
WATCHED_DAYS = 14
LEAK_DAYS = 42
_STAGES = (0, A_DAY // 4, 2 * A_DAY, WATCHED_DAYS * A_DAY)
"""Minutes after an onset: incidents that are noticed in one stage are not watched in the next."""


# --------------------------------------------------------------------------------------- traffic


def poisson(events_per_day: float, days: float, random: np.random.Generator) -> Times:
    """Return events that come independently at an even rate."""
    times = random.uniform(0, days * A_DAY, random.poisson(events_per_day * days))
    times.sort()
    return times


def sessions(events_per_day: float, days: float, random: np.random.Generator) -> Times:
    """Return events in sessions of 8 on average, 5 minutes apart, three in four by day."""
    starts = poisson(events_per_day / 8 * 2, days, random)
    by_day = 0.5 + 0.5 * np.sin(2 * np.pi * starts / A_DAY) > random.uniform(size=starts.size)
    starts = starts[by_day]
    sizes = random.geometric(1 / 8, starts.size)
    gaps = random.exponential(5, int(sizes.sum()))
    firsts = np.cumsum(sizes) - sizes
    gaps[firsts[sizes > 0]] = 0
    passed = np.cumsum(gaps)
    times = np.repeat(starts, sizes) + passed - np.repeat(passed[firsts], sizes)
    times = times[times < days * A_DAY]
    times.sort()
    return np.asarray(times)


# --------------------------------------------------------------------------------------- measures


@dataclass(frozen=True, slots=True)
class Rate:
    """False alerts in 28 days.

    Attributes:
        value: Mean.
        low: Lower end of its 95 % interval.
        high: Upper end.
        periods: Of 28 days, that it rests on.
    """

    value: float
    low: float
    high: float
    periods: int


@dataclass(frozen=True, slots=True)
class Delay:
    """Hours from the onset of an incident to the alert; infinite where it did not come.

    Attributes:
        value: Median.
        low: Lower end of its 95 % interval.
        high: Upper end.
        incidents: That it rests on.
    """

    value: float
    low: float
    high: float
    incidents: int


@dataclass(frozen=True, slots=True)
class Leak:
    """Alerts in the weeks of a leak that lasts, mean of many.

    Attributes:
        early: In its first three weeks.
        late: In the three weeks after them; one that still fires is not counted again.
        after: In the four weeks after its end.
        leaks: That they rest on.
    """

    early: float
    late: float
    after: float
    leaks: int


def false_alerts(
    rules: Sequence[Rule],
    failing: float,
    events_per_day: float,
    *,
    periods: int,
    seed: int,
    traffic: Traffic = poisson,
) -> list[Rate]:
    """Return how often rules fire on the same healthy traffic.

    Alerts less than an hour apart are one.

    Args:
        rules: To be compared.
        failing: Share of events that fail, independently.
        events_per_day: Mean.
        periods: Of 28 days.
        seed: Of the random numbers.
        traffic: How events come.
    """
    random = np.random.default_rng(seed)
    days = PERIOD_DAYS * (periods + 1)
    times = traffic(events_per_day, days, random)
    counts = _counts(times, random.uniform(size=times.size) < failing, days)
    lead = PERIOD_DAYS * A_DAY
    found = []
    for rule in rules:
        begun = episodes(rule, counts)
        found.append(_rate(begun[begun >= lead] - lead, periods))
    return found


def delays(
    rules: Sequence[Rule],
    healthy: float,
    failing: float,
    events_per_day: float,
    *,
    incidents: int,
    seed: int,
    traffic: Traffic = poisson,
) -> list[Delay]:
    """Return how soon rules fire after the share of failures jumps and stays.

    Each incident comes after 28 healthy days of its own and is watched for 14; one at whose onset
    the rule fired already is left out.
    """
    random = np.random.default_rng(seed)
    cycle = PERIOD_DAYS + WATCHED_DAYS
    times = traffic(events_per_day, cycle * incidents, random)
    ill = times % (cycle * A_DAY) >= PERIOD_DAYS * A_DAY
    bad = random.uniform(size=times.size) < np.where(ill, failing, healthy)
    counts = _counts(times, bad, cycle * incidents)
    onsets = np.arange(incidents) * cycle * A_DAY + PERIOD_DAYS * A_DAY
    return [_delay(_waits(rule, counts, onsets)) for rule in rules]


def leaking(
    rules: Sequence[Rule],
    healthy: float,
    failing: float,
    events_per_day: float,
    *,
    leaks: int,
    seed: int,
) -> list[Leak]:
    """Return how often rules fire while a somewhat larger share fails for six weeks, and after.

    Each leak comes after 28 healthy days of its own, and is followed by as many.
    """
    random = np.random.default_rng(seed)
    ends = PERIOD_DAYS + LEAK_DAYS
    cycle = ends + PERIOD_DAYS
    times = poisson(events_per_day, cycle * leaks, random)
    day = times / A_DAY % cycle
    bad = random.uniform(size=times.size) < np.where(
        (day >= PERIOD_DAYS) & (day < ends), failing, healthy
    )
    counts = _counts(times, bad, cycle * leaks)
    edges = [PERIOD_DAYS, PERIOD_DAYS + LEAK_DAYS // 2, ends, cycle]
    found = []
    for rule in rules:
        begun, _ = np.histogram(episodes(rule, counts) / A_DAY % cycle, edges)
        early, late, after = (float(each) / leaks for each in begun)
        found.append(Leak(early, late, after, leaks))
    return found


def _counts(times: Times, bad: Flags, days: int) -> Counts:
    return Counts(np.ceil(times).astype(np.int64), bad, days * A_DAY + 1)


def _waits(rule: Rule, counts: Counts, onsets: Minutes) -> Times:
    """Return the hours each incident waited, infinite where the alert did not come."""
    onsets = onsets[~rule.fires(counts, onsets)]
    waits = np.full(onsets.size, np.inf)
    changes = counts.changes(rule.windows)
    for begin, end in itertools.pairwise(_STAGES):
        silent = np.flatnonzero(np.isinf(waits))
        for part in np.array_split(silent, max(1, silent.size // 20)):
            at, whose = _watched(changes, onsets[part], begin, end)
            fired = np.flatnonzero(rule.fires(counts, at))
            which, first = np.unique(whose[fired], return_index=True)
            waits[part[which]] = (at[fired[first]] - onsets[part][which]) / 60
    return waits


def _watched(
    changes: Minutes, onsets: Minutes, begin: int, end: int
) -> tuple[Minutes, NDArray[np.int64]]:
    """Return the minutes of change in a stage of incidents, and to which each belongs."""
    lows, highs = np.searchsorted(changes, onsets + begin), np.searchsorted(changes, onsets + end)
    parts = [changes[low:high] for low, high in zip(lows, highs, strict=True)]
    at = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return at, np.repeat(np.arange(onsets.size), highs - lows)


def _rate(begun: Minutes, periods: int) -> Rate:
    """Give the interval of a Poisson mean (Garwood, 1936), widened where periods differ more."""
    per_period = np.bincount(begun // (PERIOD_DAYS * A_DAY), minlength=periods)[:periods]
    total = int(per_period.sum())
    spread = 1.0
    if total:
        spread = max(1.0, float(per_period.var(ddof=1) / per_period.mean())) ** 0.5
    low = float(chi2.ppf(0.025, 2 * total) / 2) if total else 0.0
    high = float(chi2.ppf(0.975, 2 * total + 2) / 2)
    return Rate(
        total / periods,
        max(0.0, total - (total - low) * spread) / periods,
        (total + (high - total) * spread) / periods,
        periods,
    )


def _delay(waits: Times) -> Delay:
    """Give the median with the interval of order statistics."""
    ordered = np.sort(waits)
    count = ordered.size
    if not count:
        return Delay(0.0, 0.0, 0.0, 0)
    low = max(int(binom.ppf(0.025, count, 0.5)) - 1, 0)
    high = min(int(binom.ppf(0.975, count, 0.5)), count - 1)
    middle = ordered[(count - 1) // 2], ordered[count // 2]
    median = middle[0] if middle[0] == middle[1] else (middle[0] + middle[1]) / 2
    return Delay(float(median), float(ordered[low]), float(ordered[high]), count)
