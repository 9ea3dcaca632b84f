"""The plain rule of the field, "alert on a drop of more than 10 %", where it means something.

It holds for scores without bias. On Hellinger fidelity it is refused: doubling every two-qubit
error moves that by -1.6 %, a drop of 10 % takes 36 % depolarization, and at one or two shots an
outcome the plug-in reading of a perfect sampler is 15 % low or more.
"""

from dataclasses import dataclass

from qgm_observe.errors import UsageError
from qgm_observe.quality.baseline import NO_BASELINE, Baseline
from qgm_observe.quality.series import open_share
from qgm_observe.records import Estimate

DROP = 0.1
"""The drop that the field alerts on."""

UNBIASED = ("valid_shot_ratio", "xeb_score", "linear_xeb", "mode_mass")
"""Scores that read the same at any number of shots."""

_BLUNT = ("hellinger", "fidelity")
_ADVICE = f"use the rule on one of {', '.join(UNBIASED)}, or watch_drift on the residual"


@dataclass(frozen=True, slots=True, kw_only=True)
class DropVerdict:
    """What the rule says.

    Attributes:
        fired: Whether the measured drop is larger than the threshold.
        certain: Whether the whole interval of the change lies beyond the threshold.
        change: Relative to the baseline, -0.1 for a drop of 10 %; a reason where there is none.
        threshold: The drop that fires, in (0, 1).
    """

    fired: bool
    certain: bool
    change: Estimate
    threshold: float


def dropped(
    score: Estimate,
    baseline: Baseline | None,
    *,
    threshold: float = DROP,
    unbiased: bool = False,
) -> DropVerdict:
    """Apply the drop rule to a score against a fixed baseline.

    Args:
        score: A score where higher is better, with its interval.
        baseline: Its level in a healthy time.
        threshold: The relative drop that fires.
        unbiased: Set it for a score of your own that has no bias at any number of shots.

    Returns:
        The verdict; the interval of the change joins that of the score and the standard error of
        the baseline's center, widened for the baseline's autocorrelation.

    Raises:
        UsageError: the score is biased or blunt, so that the rule would say nothing true.
    """
    _refuse_biased(score.name, unbiased)
    share = open_share("threshold", threshold)
    change = _change(score, baseline)
    value, high = change.value, change.high
    return DropVerdict(
        fired=value is not None and value < -share,
        certain=high is not None and high < -share,
        change=change,
        threshold=share,
    )


def _refuse_biased(name: str, unbiased: bool) -> None:
    if any(word in name for word in _BLUNT):
        raise UsageError(
            f"a drop of 10 % means nothing on {name}: twice the two-qubit error moves it by"
            f" -1.6 %, and few shots move it by more; {_ADVICE}"
        )
    if name not in UNBIASED and not unbiased:
        raise UsageError(
            f"{name} is not known to be free of bias, so that its level depends on the number of"
            f" shots; {_ADVICE}, or say unbiased=True"
        )


def _change(score: Estimate, baseline: Baseline | None) -> Estimate:
    name = "relative_change"
    if score.value is None:
        return Estimate(name=name, level=score.level, reason=f"{score.name}: {score.reason}")
    if baseline is None:
        return Estimate(name=name, level=score.level, reason=NO_BASELINE)
    level = baseline.center
    error = level - (baseline.reference(score.level).low or level)
    if level <= error:
        reason = "the baseline is not above 0 for certain"
        return Estimate(name=name, level=score.level, reason=reason)
    value = score.value / level
    below = score.value - (score.value if score.low is None else score.low)
    above = (score.value if score.high is None else score.high) - score.value
    return Estimate(
        name=name,
        value=value - 1,
        low=value - 1 - (below**2 + (value * error) ** 2) ** 0.5 / level,
        high=value - 1 + (above**2 + (value * error) ** 2) ** 0.5 / level,
        level=score.level,
        floor=0.0,
        method="delta",
        n=score.n,
    )
