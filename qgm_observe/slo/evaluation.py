"""Rules on counts of events, minute by minute: the very decisions that are rendered.

Exact at one-minute evaluations and event-driven: counts change only when an event enters or leaves
a window, so a rule is asked at those minutes alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qgm_observe.slo.burn import PAGE, Burn
from qgm_observe.slo.score import (
    BURNING,
    BURNING_HELD,
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

_CHUNK = 2**18


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
        """Seconds after an event at which it may decide otherwise: of its windows, and holds."""

    def fires(self, counts: Counts, at: Minutes) -> Flags:
        """Return whether its condition holds at each of the minutes."""


@dataclass(frozen=True)
class ScoreRule:
    """The page by score, with the constants that are rendered, of an objective over 28 days."""

    score: Score
    windows: tuple[float, ...] = (
        *(*WINDOWS, TRAFFIC_WINDOW),
        *(each + BURNING_HELD for each in (*LAST_DAYS, TRAFFIC_WINDOW)),
    )

    def fires(self, counts: Counts, at: Minutes) -> Flags:
        """Return whether there is evidence, or a spent budget burned on of late, at each minute."""
        return self._evident(counts, at) | _held(_Threat(self.score), counts, at)

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


@dataclass(frozen=True)
class _Threat:
    """A spent budget that burns on, and did before this week."""

    score: Score
    windows: tuple[float, ...] = (*LAST_DAYS, TRAFFIC_WINDOW)

    def fires(self, counts: Counts, at: Minutes) -> Flags:
        """Return whether it does at each of the minutes."""
        found = _spent(self.score, counts, at)
        at = at[found]
        burns_on = np.ones(at.size, bool)
        for window in LAST_DAYS:
            late = counts.of(window, at)
            burns_on &= late[0] > _allowed(self.score, late[1], BURNING)
        errors, events = counts.of(TRAFFIC_WINDOW, at)
        burns_on &= errors - late[0] > self.score.budget * (events - late[1])
        found[found] = burns_on
        return found


def _held(threat: _Threat, counts: Counts, at: Minutes) -> Flags:
    """Return whether there was a threat at any minute of those for which it is held."""
    begins, ends = _threats(threat, counts)
    if not begins.size:
        return np.zeros(at.size, bool)
    last = np.searchsorted(begins, at, side="right") - 1
    return np.asarray((last >= 0) & (at - ends[last] < BURNING_HELD // 60))


@lru_cache(maxsize=1)
def _threats(threat: _Threat, counts: Counts) -> tuple[Minutes, Minutes]:
    """Parts of one time line are asked one by one."""
    return _spells(threat, counts)


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


def _asked(rule: Rule, counts: Counts) -> tuple[Minutes, Flags]:
    at = counts.changes(rule.windows)
    parts = [at[i : i + _CHUNK] for i in range(0, at.size, _CHUNK)]
    answers = [rule.fires(counts, part) for part in parts]
    return at, np.concatenate(answers) if answers else np.zeros(0, bool)


def episodes(rule: Rule, counts: Counts) -> Minutes:
    """Return when alerts begin; one that comes back within the time it is held is the same."""
    starts, ends = _spells(rule, counts)
    apart = np.ones(starts.size, bool)
    apart[1:] = starts[1:] - ends[:-1] > HELD // 60
    begun: Minutes = starts[apart]
    return begun


def _spells(rule: Rule, counts: Counts) -> tuple[Minutes, Minutes]:
    """Return when a condition begins to hold, and the minutes at which it does no more."""
    at, firing = _asked(rule, counts)
    before = np.concatenate([[False], firing[:-1]])
    ends = at[~firing & before]
    if firing.size and firing[-1]:
        ends = np.append(ends, counts.minutes)
    return at[firing & ~before], ends
