"""Two shot budgets compared fairly: job by job, because jobs differ by more than shots explain.

A binomial test that pools all shots takes the drift between jobs for a difference: with a
between-job deviation of 0.02 and 4,000 shots a job it is wrong 55 % of the time instead of 5 %.
Put both arms in random order into the same session.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri, stdtr, stdtrit

from qgm_observe.errors import UsageError
from qgm_observe.quality.series import Array, finite_series, open_share
from qgm_observe.records import Estimate

_LEAST_JOBS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Second arm minus first.

    Attributes:
        difference: With its interval, in the score's unit; a reason where there is none.
        p: Two-sided, `None` where it cannot be had.
    """

    difference: Estimate
    p: float | None = None


def compare_budgets(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Comparison:
    """Compare the job means of two arms by Welch's test.

    Args:
        first: Mean score of each job of the first arm, shape (jobs,); use a score without bias.
        second: Mean score of each job of the second arm, shape (jobs,).
        level: Confidence level.

    Returns:
        Second minus first. With fewer than two jobs in an arm there is a reason and no value.

    Raises:
        UsageError: the means are no finite numbers.

    Source: Welch, Biometrika 34, 28 (1947).
    """
    open_share("level", level)
    a, b = finite_series("first", first), finite_series("second", second)
    name, jobs = "budget_difference", min(len(a), len(b))
    if jobs < _LEAST_JOBS:
        reason = f"insufficient jobs: {jobs}, needs {_LEAST_JOBS} in each arm"
        return Comparison(difference=Estimate(name=name, level=level, reason=reason))
    error, freedom = _welch(a, b)
    value = float(b.mean() - a.mean())
    reach = float(stdtrit(freedom, (1 + level) / 2)) * error
    t = abs(value) / error if error > 0 else math.inf
    return Comparison(
        difference=Estimate(
            name=name,
            value=value,
            low=value - reach,
            high=value + reach,
            level=level,
            floor=0.0,
            method="welch",
            n=len(a) + len(b),
        ),
        p=(2 * float(stdtr(freedom, -t)) if error > 0 else float(value == 0)),
    )


def between_job_sd(means: ArrayLike, shots: float, sd: float, level: float = 0.95) -> Estimate:
    """Estimate how much jobs differ beyond shot noise, in the score's unit.

    tau^2 = Var(job means) - sd^2 / S, cut at 0; the interval is that of a normal variance with
    the shot noise subtracted.

    Args:
        means: Mean score of each job, shape (jobs,).
        shots: Shots S of a job.
        sd: Standard deviation of one shot's score.
        level: Confidence level.

    Raises:
        UsageError: the means are no finite numbers, or shots or sd are not above 0.
    """
    open_share("level", level)
    if not (0 < shots < math.inf and 0 < sd < math.inf):
        raise UsageError("shots and sd: write finite numbers above 0")
    values = finite_series("means", means)
    name, jobs = "between_job_sd", len(values)
    if jobs < _LEAST_JOBS:
        reason = f"insufficient jobs: {jobs}, needs {_LEAST_JOBS}"
        return Estimate(name=name, level=level, reason=reason)
    squares, noise = float(((values - values.mean()) ** 2).sum()), sd**2 / shots
    tails = (1 - level) / 2, (1 + level) / 2
    variances = (squares / float(chdtri(jobs - 1, tail)) for tail in tails)
    low, high = (math.sqrt(max(variance - noise, 0.0)) for variance in variances)
    return Estimate(
        name=name,
        value=min(max(math.sqrt(max(squares / (jobs - 1) - noise, 0.0)), low), high),
        low=low,
        high=high,
        level=level,
        floor=0.0,
        method="chi-square",
        n=jobs,
    )


def _welch(first: Array, second: Array) -> tuple[float, float]:
    parts = [float(arm.var(ddof=1)) / len(arm) for arm in (first, second)]
    total = sum(parts)
    if not total > 0:
        return 0.0, 1.0
    weights = np.array(parts) / total
    freedom = 1 / float((weights**2 / [len(first) - 1, len(second) - 1]).sum())
    return math.sqrt(total), freedom
