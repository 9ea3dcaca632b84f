"""How many shots it takes: for a half-width, for a change to be seen, and when more are wasted.

Only for scores that are means of single shots (valid-shot ratio, linear XEB): plug-in divergences
need shots against their bias before they need any against their noise. Standard library only, so
that the command answers at once.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from qgm_observe.errors import UsageError

XEB_SD = math.sqrt(0.5)
"""Standard deviation of one shot's linear XEB score, as measured on smooth targets."""

MOST_SHOTS = 10**15
_FORMULA = "N = (za + zb)^2 (sd1^2 + sd2^2) / change^2"
_JOB_FORMULA = "jobs = (za + zb)^2 (2 job_sd^2 + (sd1^2 + sd2^2) / S) / change^2 + 2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotPlan:
    """A number of shots and what it rests on.

    Attributes:
        shots: In all, of each arm where two are compared.
        purpose: What they buy.
        formula: How they follow.
        jobs: Into how many jobs they are split, of each arm; `None` where that does not matter.
        useful_shots_per_job: Beyond so many, further shots in a job buy next to nothing; `None`
            where jobs do not differ.
    """

    shots: int
    purpose: str
    formula: str
    jobs: int | None = None
    useful_shots_per_job: int | None = None


def ratio_sd(ratio: float) -> float:
    """Return the standard deviation of one shot of a ratio: sqrt(v (1 - v)).

    Raises:
        UsageError: the ratio is not between 0 and 1.
    """
    if not 0 < ratio < 1:
        raise UsageError(f"ratio {ratio}: write the expected share, between 0 and 1, both excluded")
    return math.sqrt(ratio * (1 - ratio))


def shots_for_half_width(half_width: float, sd: float, level: float = 0.95) -> ShotPlan:
    """Plan shots for an interval of this half-width: N = z^2 sd^2 / h^2.

    Args:
        half_width: Of the interval, in the score's unit.
        sd: Standard deviation of one shot's score; `ratio_sd` gives it for a ratio.
        level: Of the interval.

    Raises:
        UsageError: an argument is out of range, or no machine could run so many shots.
    """
    _require_positive(half_width=half_width, sd=sd)
    z = -NormalDist().inv_cdf((1 - _share("level", level)) / 2)
    root = z * sd / half_width
    return ShotPlan(
        shots=_whole(root * root),
        purpose=f"a half-width of {half_width:g} at level {level:g}",
        formula="N = z^2 sd^2 / h^2",
    )


def shots_for_change(
    change: float,
    sd: float,
    sd_after: float | None = None,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    job_sd: float = 0.0,
    shots_per_job: int | None = None,
) -> ShotPlan:
    """Plan shots of each arm to see a change: N = (z_a + z_b)^2 (sd1^2 + sd2^2) / change^2.

    Where jobs differ by more than their shots explain, N counts jobs of S shots and sd^2 becomes
    job_sd^2 + sd^2 / S. A normal quantile stands for Student's, so that at least two jobs more are
    planned than the formula says.

    Args:
        change: Difference to be seen, in the score's unit.
        sd: Standard deviation of one shot's score before.
        sd_after: After; the same if `None`.
        alpha: Two-sided rate of false findings.
        power: Chance of seeing the change.
        job_sd: Standard deviation of the score between jobs beyond shot noise.
        shots_per_job: Shots of a job; the useful number if `None`.

    Raises:
        UsageError: an argument is out of range, or no machine could run so many shots.

    Source: Cochran, Sampling Techniques (1977), chapters 4 and 10.
    """
    after = sd if sd_after is None else sd_after
    _require_positive(change=change, sd=sd, sd_after=after)
    normal = NormalDist()
    tail = _share("alpha", alpha) / 2
    root = (normal.inv_cdf(_share("power", power)) - normal.inv_cdf(tail)) / change
    purpose = f"a change of {change:g} at alpha {alpha:g} and power {power:g}, each arm"
    if not job_sd:
        shots = _whole(root * root * (sd * sd + after * after))
        return ShotPlan(shots=shots, purpose=purpose, formula=_FORMULA)
    useful = useful_shots_per_job(min(sd, after), job_sd)
    each = useful if shots_per_job is None else shots_per_job
    _require_positive(shots_per_job=each)
    jobs = _whole(root * root * (2 * job_sd * job_sd + (sd * sd + after * after) / each)) + 2
    return ShotPlan(
        shots=_whole(jobs * each),
        purpose=purpose,
        formula=_JOB_FORMULA,
        jobs=jobs,
        useful_shots_per_job=useful,
    )


def useful_shots_per_job(sd: float, job_sd: float) -> int:
    """Return the shots beyond which a longer job buys next to nothing: sd^2 / job_sd^2.

    At that number half of a job's variance is between jobs; twice the shots take away a quarter
    of the variance, twice the jobs a half.

    Args:
        sd: Standard deviation of one shot's score.
        job_sd: Standard deviation between jobs beyond shot noise, see `budgets.between_job_sd`.

    Raises:
        UsageError: an argument is not above 0.
    """
    _require_positive(sd=sd, job_sd=job_sd)
    root = sd / job_sd
    return _whole(root * root)


def shots_for_fidelity(change: float, cells: int) -> ShotPlan:
    """Plan shots at which the bias of a plug-in fidelity is below half a change.

    N > (k - 1) / (2 change), and at least 10 k, below which no interval of fidelity is known to
    hold.

    Args:
        change: Difference in fidelity to be seen, in (0, 1].
        cells: Outcomes k that the target can produce.

    Raises:
        UsageError: an argument is out of range.
    """
    _require_positive(change=change, cells=cells)
    return ShotPlan(
        shots=max(_whole((cells - 1) / (2 * change)), 10 * int(cells)),
        purpose=f"a bias of fidelity below half of {change:g} on {cells} outcomes",
        formula="N = max((k - 1) / (2 change), 10 k)",
    )


def _require_positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise UsageError(f"{name} {value:g}: write a finite number above 0")


def _share(name: str, value: float) -> float:
    if not 0 < value < 1:
        raise UsageError(f"{name} {value:g}: write a number between 0 and 1, both excluded")
    return value


def _whole(value: float) -> int:
    if not value <= MOST_SHOTS:
        raise UsageError("that takes more than 1e15 shots: ask for a larger half-width or change")
    return max(1, math.ceil(value - 1e-9))
