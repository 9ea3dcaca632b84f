"""Error mitigation: what it costs, what it brings, and where it does harm.

Readout mitigation gives a quasi-distribution: shares that sum to 1 and may be negative, with a
variance that is larger than that of as many plain shots. Only linear scores can be had from it
without bias. Whether it helps is the difference of one score with and without it, on one device.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from qgm_observe.catalog.questions import MITIGATIONS
from qgm_observe.errors import UsageError
from qgm_observe.quality.baseline import difference
from qgm_observe.quality.counts import read_outcomes
from qgm_observe.quality.evaluation import Evaluation
from qgm_observe.quality.intervals import normal_quantile, require_level
from qgm_observe.quality.modes import ModeCollapse
from qgm_observe.quality.series import finite_series
from qgm_observe.quality.targets import Target, as_target
from qgm_observe.records import VALID_SHOT_RATIO, Estimate, Verdict

LEAST_JOBS = 3
"""Below so many jobs the benefit is that of the newest one alone."""

_TOLERANCE = 1e-3
_NO_COUNTS = "a quasi-distribution has no counts: only linear scores can be had from it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitigation:
    """How errors were worked against, and what that takes.

    Attributes:
        kind: `readout`, `twirling`, `decoupling`, `zne`, `pec` or `other`.
        method: Its name, for instance `m3`.
        options: As it was called; plain values.
        shots: All shots taken; needed for a quasi-distribution.
        shot_overhead: Shots in all over those of a raw evaluation, calibration circuits included.
        seconds: Time it took beyond a raw evaluation, `None` if unknown.
        variance_factor: Variance of a mitigated mean over that of as many raw shots, 1 or more:
            the squared one-norm of the inverted assignment matrix, near prod 1 / (1 - 2 e)^2 over
            the qubits' readout errors e.
    """

    kind: str
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    shots: int | None = None
    shot_overhead: float = 1.0
    seconds: float | None = None
    variance_factor: float = 1.0

    def __post_init__(self) -> None:
        """Refuse an unknown kind and factors that cannot be."""
        kinds = MITIGATIONS[1:]
        if self.kind not in kinds:
            raise UsageError(f"mitigation {self.kind!r}: write one of {', '.join(kinds)}")
        for name in ("shot_overhead", "variance_factor"):
            if not 1 <= getattr(self, name) < math.inf:
                raise UsageError(f"{name} {getattr(self, name)}: write a factor of 1 or more")
        if self.shots is not None and self.shots < 1:
            raise UsageError(f"shots {self.shots}: write a count of 1 or more")


def is_quasi(counts: Any) -> bool:
    """Return whether counts are shares of a quasi-distribution: not whole, or below 0."""
    if not isinstance(counts, Mapping):
        return False
    values = [v for v in counts.values() if isinstance(v, int | float | np.number)]
    return any(value < 0 or value != int(value) for value in values if math.isfinite(value))


def evaluate_quasi(
    shares: Mapping[Any, float],
    target: Any,
    mitigation: Mitigation,
    level: float = 0.95,
    valid: Collection[int | str] | None = None,
) -> Evaluation:
    """Estimate what a quasi-distribution tells about the sampler.

    A linear score sum q(x) w(x) with w in [a, b] has the standard error (b - a) / 2 sqrt(M / N) at
    most, M the variance factor and N the shots, if the assignment errors are those of its matrix.

    Args:
        shares: Outcome to share, which may be negative; they sum to 1.
        target: A known target, in any form that `as_target` takes.
        mitigation: With the shots and the variance factor.
        level: Confidence level.
        valid: Outcomes that are valid; without them what the target can produce.

    Returns:
        Valid-shot ratio and linear XEB; all else has a reason and no value.

    Raises:
        UsageError: the shares do not sum to 1, the shots are not told, or the target is none.

    Source: Nation et al., PRX Quantum 2, 040326 (2021), equation 10, for the overhead.
    """
    require_level(level)
    goal = as_target(target)
    if mitigation.shots is None:
        raise UsageError("mitigation of a quasi-distribution: write its shots, for the interval")
    outcomes, numbers = _read(shares, goal)
    unit = math.sqrt(mitigation.variance_factor / mitigation.shots) * normal_quantile(level) / 2
    scores = {
        "valid": _valid(outcomes, numbers, goal, valid, unit),
        "xeb": _xeb(outcomes, numbers, goal, unit),
    }
    shots = mitigation.shots
    told = {key: _of(_NAMES[key], found, level, shots) for key, found in scores.items()}
    return _only(told, level, shots)


def mitigation_benefit(raw: Evaluation, mitigated: Evaluation) -> Estimate:
    """Estimate what mitigation adds to a score on one job, positive where it helps.

    Returns:
        Mitigated minus raw of the linear XEB score, or of the valid-shot ratio where that has no
        value; the two are taken as independent, which makes the interval too wide, never too
        narrow, where they share shots.
    """
    pair = raw.xeb, mitigated.xeb
    if any(each.value is None for each in pair):
        pair = raw.valid, mitigated.valid
    return difference(pair[1], pair[0], "mitigation_benefit")


def pooled_benefit(newest: Estimate, benefits: ArrayLike, level: float = 0.95) -> Estimate:
    """Estimate the benefit on a device from its jobs, job by job.

    Args:
        newest: The benefit on the newest job.
        benefits: On each job with the newest, shape (jobs,).
        level: Confidence level.

    Returns:
        Their mean with Student's interval, which holds whatever differs between jobs; with fewer
        than three jobs the newest one.
    """
    values = finite_series("benefits", benefits)
    jobs = len(values)
    if jobs < LEAST_JOBS or newest.value is None:
        return newest
    error = float(values.std(ddof=1)) / math.sqrt(jobs)
    reach = float(stdtrit(jobs - 1, (1 + level) / 2)) * error
    value = float(values.mean())
    return Estimate(
        name=newest.name,
        value=value,
        low=value - reach,
        high=value + reach,
        level=level,
        method="student, job by job",
        n=jobs,
    )


def mitigation_verdict(benefit: Estimate) -> Verdict:
    """Say whether mitigation helps here: harmful where the whole interval is below 0."""
    answer = "undecided"
    if benefit.low is not None and benefit.low > 0:
        answer = "helpful"
    elif benefit.high is not None and benefit.high < 0:
        answer = "harmful"
    return Verdict(question="mitigation", answer=answer, reason=benefit.reason or benefit.method)


Found = tuple[float, float] | str
"""A score's value and reach, or why there is none."""


def _read(
    shares: Mapping[Any, float], goal: Target
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    width, outcomes = read_outcomes(list(shares), goal.num_bits)
    numbers = finite_series("shares", list(shares.values()))
    if width != goal.num_bits:
        raise UsageError(f"shares of {width} bits, target of {goal.num_bits}: compare the same")
    if abs(float(numbers.sum()) - 1) > _TOLERANCE:
        raise UsageError(f"the shares sum to {numbers.sum():.6g}: write a quasi-distribution of 1")
    return outcomes, numbers


def _valid(
    outcomes: NDArray[np.int64],
    numbers: NDArray[np.float64],
    goal: Target,
    valid: Collection[int | str] | None,
    unit: float,
) -> Found:
    if valid is None and not goal.known:
        return "the target is a data set, which does not tell what is valid: pass `valid`"
    members = goal.outcomes if valid is None else read_outcomes(list(valid), goal.num_bits)[1]
    return float(numbers[np.isin(outcomes, members)].sum()), unit


def _xeb(
    outcomes: NDArray[np.int64], numbers: NDArray[np.float64], goal: Target, unit: float
) -> Found:
    p = goal.probabilities
    span = float(p @ p) - 1 / goal.size
    if not goal.known or span * goal.size < 1e-9:  # noqa: PLR2004
        return "the score needs exact probabilities that are not all alike"
    places = np.minimum(np.searchsorted(goal.outcomes, outcomes), p.size - 1)
    weights = np.where(goal.outcomes[places] == outcomes, p[places], 0.0)
    least = float(p.min()) if p.size == goal.size else 0.0
    value = (float(numbers @ weights) - 1 / goal.size) / span
    return value, unit * (float(p.max()) - least) / span


def _of(name: str, found: Found, level: float, shots: int) -> Estimate:
    if isinstance(found, str):
        return Estimate(name=name, level=level, n=shots, reason=found)
    value, reach = found
    return Estimate(
        name=name,
        value=value,
        low=value - reach,
        high=value + reach,
        level=level,
        floor=1.0,
        method="overhead bound",
        n=shots,
    )


def _only(known: Mapping[str, Estimate], level: float, shots: int) -> Evaluation:
    """An evaluation of which no more is known."""

    def unknown(name: str) -> Estimate:
        return Estimate(name=name, level=level, n=shots, reason=_NO_COUNTS)

    parts: set[str] = {each.name for each in fields(Evaluation)} - {
        "collapse",
        "custom",
        "compared",
    }
    rest = {part: unknown(_NAMES.get(part, part)) for part in parts}
    collapse = ModeCollapse(None, unknown("mode_deficit"), reason=_NO_COUNTS)
    return Evaluation(**(rest | dict(known)), collapse=collapse, custom={})  # type: ignore[arg-type]


_NAMES = {
    "valid": VALID_SHOT_RATIO,
    "shots_per_usable": "shots_per_usable_sample",
    "xeb": "linear_xeb",
    "tvd": "total_variation",
    "js": "jensen_shannon",
    "hellinger": "hellinger_fidelity",
    "kl": "kullback_leibler",
    "mmd": "mmd_squared",
    "chi_square": "chi_square_p",
    "g_test": "g_test_p",
    "coverage": "good_turing_coverage",
}
