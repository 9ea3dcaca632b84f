"""What a rule will do, by simulation: false pages, and hours until an incident is noticed.

Exact at one-minute evaluations and event-driven: counts change only when an event enters or leaves
a window, so the rule is asked at those minutes alone. All periods lie on one time line, which is
right because healthy traffic is stationary.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, chi2

from qgm_observe.slo.burn import PAGE, Burn
from qgm_observe.slo.score import (
    BURNING,
    FEWEST_ERRORS,
    FEWEST_EVENTS,
    HELD,
    LAST_DAYS,
    RECOVERED,
    SPENT,
    TICKET_THRESHOLD,
    TICKET_WINDOWS,
    TRAFFIC_WINDOW,
    WINDOWS,
    Score,
)

Minutes = NDArray[np.int64]
Times = NDArray[np.float64]
Flags = NDArray[np.bool_]
Traffic = Callable[[float, float, np.random.Generator], Times]
"""From events a day and days to the times of events, in minutes, ascending."""

A_DAY = 1440
PERIOD_DAYS = 28
WATCHED_DAYS = 14
_CHUNK = 2**18
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


# ------------------------------------------------------------------------------------------ rules


class Counts:
    """How many events were bad, and how many there were, in windows that end at a minute.

    Args:
        entered: Minute at which each event is first seen, ascending.
        bad: Which of them are.
        minutes: Length of the time line.
    """

    def __init__(self, entered: Minutes, bad: Flags, minutes: int) -> None:
        self.entered, self.minutes = entered, minutes
        self._pad = int(TRAFFIC_WINDOW // 60)
        self._events = self._cumulated(entered)
        self._errors = self._cumulated(entered[bad])

    def of(self, window: float, at: Minutes) -> tuple[Times, Times]:
        """Return errors and events in a window (s) that ends at minutes of the time line."""
        now = at + self._pad
        then = now - int(window // 60)
        errors = self._errors[now] - self._errors[then]
        events = self._events[now] - self._events[then]
        return errors.astype(np.float64), events.astype(np.float64)

    def changes(self, windows: Sequence[float]) -> Minutes:
        """Return the minutes at which a count over one of the windows changes."""
        if self.entered.size * len(windows) > 2 * self.minutes:
            return np.arange(self.minutes)
        changed = np.zeros(self.minutes, bool)
        for window in (0, *windows):
            moved = self.entered + int(window // 60)
            changed[moved[moved < self.minutes]] = True
        return np.flatnonzero(changed)

    def _cumulated(self, entered: Minutes) -> NDArray[np.int32]:
        per_minute = np.bincount(entered, minlength=self.minutes)[: self.minutes]
        sums = np.zeros(self._pad + self.minutes, np.int32)
        np.cumsum(per_minute, out=sums[self._pad :])
        return sums


class Rule(Protocol):
    """Something that fires."""

    @property
    def windows(self) -> tuple[float, ...]:
        """Seconds of the windows it looks at."""

    def fires(self, counts: Counts, at: Minutes) -> Flags:
        """Return whether its condition holds at each of the minutes."""


@dataclass(frozen=True)
class ScoreRule:
    """The page by score, with the constants that are rendered, of an objective over 28 days."""

    score: Score
    windows: tuple[float, ...] = (*WINDOWS, TRAFFIC_WINDOW)

    def fires(self, counts: Counts, at: Minutes) -> Flags:
        """Return whether there is evidence, or a spent budget burns on, at each of the minutes."""
        return self._evident(counts, at) | self._threatened(counts, at)

    def _evident(self, counts: Counts, at: Minutes) -> Flags:
        highest = np.full(at.size, -np.inf)
        recovered = np.zeros(at.size, bool)
        for window in WINDOWS:
            errors, events = counts.of(window, at)
            evidence = np.asarray(self.score.page.of(errors, events))  # type: ignore[arg-type]
            np.maximum(highest, evidence, out=highest, where=~recovered)
            recovered |= np.asarray(self.score.recovery.of(errors, events) < RECOVERED)  # type: ignore[arg-type]
        _, events = counts.of(TRAFFIC_WINDOW, at)
        traffic = np.maximum(events / self.score.design_effect, FEWEST_EVENTS)
        return np.asarray(highest > 0.5 + 0.5 * np.log(traffic))

    def _threatened(self, counts: Counts, at: Minutes) -> Flags:
        found = _spent(self.score, counts, at)
        for window in LAST_DAYS:
            late = counts.of(window, at)
            found &= late[0] > _allowed(self.score, late[1], BURNING)
        errors, events = counts.of(TRAFFIC_WINDOW, at)
        found &= errors - late[0] > self.score.budget * (events - late[1])
        return found


def _spent(score: Score, counts: Counts, at: Minutes) -> Flags:
    errors, events = counts.of(TRAFFIC_WINDOW, at)
    allowed = np.maximum(_allowed(score, events, SPENT), FEWEST_ERRORS - 1)
    return np.asarray(errors > allowed)


def _allowed(score: Score, events: Times, deviations: float) -> Times:
    return np.asarray(score.allowed(events, deviations))  # type: ignore[arg-type]


@dataclass(frozen=True)
class TicketRule:
    """The ticket by score, of an objective over 28 days."""

    score: Score
    windows: tuple[float, ...] = (*TICKET_WINDOWS, TRAFFIC_WINDOW)

    def fires(self, counts: Counts, at: Minutes) -> Flags:
        """Return whether there is evidence, or the budget is spent, at each of the minutes."""
        found = _spent(self.score, counts, at)
        for window in TICKET_WINDOWS:
            errors, events = counts.of(window, at)
            found |= np.asarray(self.score.ticket.of(errors, events) > TICKET_THRESHOLD)  # type: ignore[arg-type]
        return found


class BurnRule:
    """Alerts of a severity by burn rate.

    Args:
        budget: Share of events that may be bad.
        burns: Pairs of windows.
        severity: Which of them.
    """

    def __init__(self, budget: float, burns: Sequence[Burn], severity: str = PAGE) -> None:
        self.budget = budget
        self.burns = [each for each in burns if each.severity == severity]
        self.windows = tuple(sorted({w for each in self.burns for w in (each.long, each.short)}))

    def fires(self, counts: Counts, at: Minutes) -> Flags:
        """Return whether any pair burns above its factor in both windows."""
        found = np.zeros(at.size, bool)
        for burn in self.burns:
            limit = float(burn.factor) * self.budget
            both = np.ones(at.size, bool)
            for window in (burn.long, burn.short):
                errors, events = counts.of(window, at)
                both &= errors > limit * events
            found |= both
        return found


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


def _counts(times: Times, bad: Flags, days: int) -> Counts:
    return Counts(np.ceil(times).astype(np.int64), bad, days * A_DAY + 1)


def _asked(rule: Rule, counts: Counts) -> tuple[Minutes, Flags]:
    at = counts.changes(rule.windows)
    parts = [at[i : i + _CHUNK] for i in range(0, at.size, _CHUNK)]
    answers = [rule.fires(counts, part) for part in parts]
    return at, np.concatenate(answers) if answers else np.zeros(0, bool)


def episodes(rule: Rule, counts: Counts) -> Minutes:
    """Return when alerts begin; one that comes back within the time it is held is the same."""
    at, firing = _asked(rule, counts)
    before = np.concatenate([[False], firing[:-1]])
    starts: Minutes = at[firing & ~before]
    ends: Minutes = at[~firing & before]
    apart = np.ones(starts.size, bool)
    apart[1:] = starts[1:] - ends[: starts.size - 1] > HELD // 60
    begun: Minutes = starts[apart]
    return begun


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
