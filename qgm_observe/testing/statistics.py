"""Assertions on sampled output that fail by chance no more often than they say.

A comparison with a fixed tolerance is flaky or blind, or both. These fail an innocent sampler with
a chance of `false_failure` at most, at every number of shots, so that a thousand runs a day with
the default raise one false failure in three years. No seed has to be fixed for that.
"""

from collections.abc import Iterable
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.lifecycle import current
from qgm_observe.quality.cells import align
from qgm_observe.quality.finite_sample import (
    binomial_p,
    bounded_mean_p,
    multinomial_p,
    two_sample_p,
)
from qgm_observe.records import Estimate

FALSE_FAILURE = 1e-6
"""The chance that an assertion fails although nothing is wrong."""

CHANCE = "assertion_chance"
"""The name of the estimate that an assertion leaves: how odd its samples were, at most."""


def assert_same_distribution(
    counts: Any, target: Any, *, false_failure: float = FALSE_FAILURE
) -> None:
    """Fail if counts cannot come from a target.

    Args:
        counts: Counts in any form a sampler returns, see `quality.counts.as_counts`.
        target: Outcome to probability, or the counts of another sampler (whole numbers).
        false_failure: Chance to fail although both are the same, at most.

    Raises:
        AssertionError: so odd a result has a smaller chance than `false_failure`.
        UsageError: counts or target cannot be read.
    """
    _require_chance(false_failure)
    cells = align(counts, target)
    if cells.rows is None:
        p = multinomial_p(cells.numbers, cells.target_p)
    else:
        p = two_sample_p(cells.numbers, cells.rows)
    _check(p, false_failure, f"{cells.shots} shots do not come from the target")


def assert_valid_ratio(
    valid: int, shots: int, at_least: float, *, false_failure: float = FALSE_FAILURE
) -> None:
    """Fail if the share of valid shots is below a bound for certain.

    Args:
        valid: Shots that are valid samples.
        shots: All shots, 1 or more.
        at_least: The share that the sampler promises, in [0, 1].
        false_failure: Chance to fail although the sampler keeps its promise, at most.

    Raises:
        AssertionError: so few valid shots have a smaller chance than `false_failure`.
        UsageError: the counts contradict each other, or there are no shots.
    """
    _require_chance(false_failure)
    if shots < 1:
        raise UsageError("shots: write 1 or more, an empty sample proves nothing")
    p = binomial_p(valid, shots, at_least)
    _check(p, false_failure, f"{valid} valid of {shots} shots, promised {at_least:g}")


def assert_score_at_least(
    scores: Iterable[float],
    at_least: float,
    *,
    least: float = 0.0,
    most: float = 1.0,
    false_failure: float = FALSE_FAILURE,
) -> None:
    """Fail if the mean of bounded per-shot scores is below a bound for certain.

    Args:
        scores: One a shot, independent, each in [least, most].
        at_least: The mean that the sampler promises.
        least: Lowest score a shot can have.
        most: Highest score a shot can have.
        false_failure: Chance to fail although the sampler keeps its promise, at most.

    Raises:
        AssertionError: so low a mean has a smaller chance than `false_failure`.
        UsageError: there are no scores, or one is out of bounds.
    """
    _require_chance(false_failure)
    values = [float(score) for score in scores]
    if not least < most or not all(least <= value <= most for value in values) or not values:
        raise UsageError(f"scores: write one or more, each from {least:g} to {most:g}")
    mean = sum(values) / len(values)
    scaled, promised = ((each - least) / (most - least) for each in (mean, at_least))
    p = bounded_mean_p(min(max(scaled, 0.0), 1.0), len(values), promised)
    _check(p, false_failure, f"a mean of {mean:.6g} in {len(values)} shots, promised {at_least:g}")


def _require_chance(false_failure: float) -> None:
    if not 0 < false_failure < 1:
        raise UsageError(f"false_failure {false_failure}: write a chance between 0 and 1")


def _check(p: float, false_failure: float, what: str) -> None:
    """Compare the chance with what is allowed, and record it with what is open in this context."""
    handle = current()
    if handle is not None:
        handle.estimate(Estimate(name=CHANCE, value=p, high=p, low=0.0, method=what))
    if p < false_failure:
        raise AssertionError(
            f"{what}: chance {p:.2g} at most, and the test allows {false_failure:.2g}"
        )
