"""Has the score left its baseline? Charts on residuals with a stated rate of false alarms.

Feed the residual (measured minus predicted from calibration) where there is a prediction, so that
a drop which calibration explains raises nothing, and daily means where several jobs run a day. The
limits follow from what the series' own history says about its wander, see `persistence`.
"""

import json
import math
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from qgm_observe.errors import UsageError
from qgm_observe.quality.baseline import Baseline
from qgm_observe.quality.charts import CUSUM, EWMA, Chart, limit_for
from qgm_observe.quality.persistence import LEAST_HISTORY, persistence_of, plausible_futures
from qgm_observe.quality.series import Array, finite_series, positive

EWMA_WEIGHT = 0.25
"""Of the newest point; 0.1 to 0.3 is usual on daily means."""

CUSUM_SLACK = 0.5
"""In sd: shifts of twice as much are found soonest."""

FARTHEST = 20.0
"""In sd: a point farther out counts as this far, so that a glitch is forgotten within a week."""

DAYS_PER_YEAR = 365
_FORMAT = 1
_LEAST_PATHS, _MOST_PATHS, _WANTED_ALARMS = 400, 4000, 400
_WORSE = {"lower": -1.0, "higher": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftState:
    """Where a monitored series stands; frozen, and small enough to be kept anywhere.

    Attributes:
        baseline: The level it is judged against.
        worse: `lower` for scores, `higher` for errors.
        false_alarms_per_year: Of all charts together, at most, while nothing changes.
        points_per_day: How often a point comes.
        charts: Their limits and levels.
        observed: Points seen since the baseline.
    """

    baseline: Baseline
    worse: str
    false_alarms_per_year: float
    points_per_day: float
    charts: tuple[Chart, ...]
    observed: int = 0

    @property
    def drifting(self) -> bool:
        """Whether an alarm stands."""
        return any(chart.alarm for chart in self.charts)

    @property
    def alarms(self) -> dict[str, int]:
        """Alarms raised so far by kind of chart."""
        return {chart.kind: chart.alarms for chart in self.charts}

    @property
    def lasting_shift(self) -> float:
        """Shift in the baseline's unit below which nothing is promised, however long it lasts.

        A level that stays farther off brings the EWMA to its limit. If that is too much, watch the
        residual against calibration, or take more shots where they are the noise.
        """
        return self.baseline.sd * min(c.limit for c in self.charts if c.kind == EWMA)

    def after(self, value: float | None) -> "DriftState":
        """Return the state after one more point, in the baseline's unit; `None` was not measured.

        Raises:
            UsageError: the value is no finite number.
        """
        if value is None:
            return self
        if not math.isfinite(value):
            raise UsageError(f"{self.baseline.metric} {value}: write None for what is missing")
        point = _WORSE[self.worse] * (value - self.baseline.center) / self.baseline.sd
        point = min(max(point, -FARTHEST), FARTHEST)
        return replace(
            self,
            charts=tuple(chart.after(point) for chart in self.charts),
            observed=self.observed + 1,
        )

    def to_json(self) -> str:
        """Return it as one line of JSON that outlives the process."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "DriftState":
        """Read what `to_json` wrote; the series goes on as if nothing had happened.

        Raises:
            UsageError: the text is no drift state of this format.
        """
        try:
            told = json.loads(text)
            if told.pop("format") != _FORMAT or told["worse"] not in _WORSE:
                raise ValueError
            told["baseline"] = Baseline(**told["baseline"])
            told["charts"] = tuple(Chart(**chart) for chart in told["charts"])
            if [chart.kind for chart in told["charts"]] != [EWMA, CUSUM]:
                raise ValueError
            return cls(**told)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UsageError("drift state: write the JSON that DriftState.to_json gave") from error


def watch_drift(
    baseline: Baseline,
    history: ArrayLike,
    *,
    worse: str = "lower",
    false_alarms_per_year: float = 1.0,
    points_per_day: float = 1.0,
    seed: int = 0,
) -> DriftState:
    """Start to watch a series, with limits that its history justifies.

    Each chart gets an equal share of the false alarms, so that all together stay within the stated
    rate. The rate is an average over what the history leaves plausible: with a correlation of 0.9
    from point to point and 60 points of history a single series may have more.

    Args:
        baseline: The level, from the same history.
        history: The values the baseline was captured from, shape (n,).
        worse: `lower` for scores, `higher` for errors.
        false_alarms_per_year: While nothing changes.
        points_per_day: How often a point will come; the history has the same spacing.
        seed: Of the simulated futures.

    Raises:
        UsageError: the history is shorter than 30 points, or an argument is out of range.
    """
    if worse not in _WORSE:
        raise UsageError(f"worse {worse!r}: write lower or higher")
    rate = positive("false_alarms_per_year", false_alarms_per_year)
    days = positive("points_per_day", points_per_day)
    values = finite_series("history", history, LEAST_HISTORY)
    futures = _futures(baseline, values, rate, math.ceil(DAYS_PER_YEAR * days), seed)
    futures *= _WORSE[worse]
    kinds = {EWMA: EWMA_WEIGHT, CUSUM: CUSUM_SLACK}
    charts = tuple(
        Chart(kind=kind, weight=weight, limit=limit_for(kind, weight, futures, rate / len(kinds)))
        for kind, weight in kinds.items()
    )
    return DriftState(
        baseline=baseline,
        worse=worse,
        false_alarms_per_year=rate,
        points_per_day=days,
        charts=charts,
    )


def slot_means(times: ArrayLike, values: ArrayLike, seconds: float) -> Array:
    """Return the mean of each slot of so many seconds that has values, in order.

    Args:
        times: Epoch seconds, shape (n,).
        values: One each, shape (n,).
        seconds: Length of a slot, counted from the epoch.

    Raises:
        UsageError: the shapes differ, there are no finite numbers, or the length is not above 0.
    """
    slots = np.floor(finite_series("times", times) / positive("seconds", seconds))
    series = finite_series("values", values)
    if len(slots) != len(series):
        raise UsageError(f"{len(slots)} times for {len(series)} values: write one time a value")
    _, place, count = np.unique(slots, return_inverse=True, return_counts=True)
    return np.asarray(np.bincount(place, weights=series) / count, dtype=np.float64)


def _futures(baseline: Baseline, values: Array, rate: float, steps: int, seed: int) -> Array:
    paths = int(np.clip(_WANTED_ALARMS / rate, _LEAST_PATHS, _MOST_PATHS))
    random = np.random.default_rng(seed)
    futures = plausible_futures(persistence_of(values), paths, steps, random)
    return np.clip((futures - baseline.center) / baseline.sd, -FARTHEST, FARTHEST)
