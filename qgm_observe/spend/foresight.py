"""How long a device will work on a job, told before it is submitted.

The time of jobs that ran on the device scales the formula of the provider's guide. The interval
rests on their order alone: of n jobs that are alike, the next lies between the smallest and the
largest with probability (n - 1) / (n + 1), whatever their distribution.

Source: IBM's guide "Workload usage" ("2 + 0.00035 * <num executions>" seconds); S. S. Wilks,
"Determination of sample sizes for setting tolerance limits", 1941.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from statistics import median
from threading import Lock

from qgm_observe.records import Estimate, Job

OVERHEAD_SECONDS = 2.0
SECONDS_PER_EXECUTION = 0.00035
DEFAULT_SHOTS = 4096
"""Shots of a circuit where nobody said how many: the default of IBM's sampler."""

KEPT = 200
LEVEL = 0.9
_NAME = "device_seconds"


def formula(executions: int) -> float:
    """Return the seconds of so many executions (shots of all circuits) by IBM's guide."""
    return OVERHEAD_SECONDS + SECONDS_PER_EXECUTION * executions


class History:
    """Device times of earlier jobs; used from any thread.

    Args:
        jobs: Records of jobs that ran, the oldest first; the newest of each device are kept.
    """

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._lock = Lock()
        self._ratios: dict[tuple[str, str], deque[float]] = {}
        for job in jobs:
            for attempt in job.attempts:
                seconds = attempt.device_seconds or attempt.execute_seconds
                if job.shots and seconds:
                    self.add(job.provider, job.device, job.shots, seconds)

    def add(self, provider: str, device: str, executions: int, seconds: float) -> None:
        """Take the device time of a job with so many shots in all circuits together."""
        with self._lock:
            kept = self._ratios.setdefault((provider, device), deque(maxlen=KEPT))
            kept.append(seconds / formula(executions))

    def predict(self, provider: str, device: str, executions: int | None) -> Estimate:
        """Return the seconds that a job will take, with an interval where jobs ran before.

        Args:
            provider: The label.
            device: Its name.
            executions: Shots of all circuits together; without it the default of one circuit.
        """
        with self._lock:
            ratios = sorted(self._ratios.get((provider, device), ()))
        base, number = formula(executions or DEFAULT_SHOTS), len(ratios)
        if number == 0:
            return Estimate(name=_NAME, value=base, method="formula of IBM's guide")
        held = next_between(ratios)
        if held is None:
            return Estimate(name=_NAME, value=base * median(ratios), n=number, method="median")
        return Estimate(
            name=_NAME,
            value=base * median(ratios),
            low=base * held[0],
            high=base * held[1],
            level=held[2],
            method="order statistics of earlier jobs",
            n=number,
        )


def next_between(ordered: Sequence[float]) -> tuple[float, float, float] | None:
    """Return between what the next of such values lies and how likely, `None` of too few.

    Args:
        ordered: Values of one distribution, ascending; of fewer than 19 the level is below 0.9.
    """
    number = len(ordered)
    outside = max(int((number + 1) * (1 - LEVEL) / 2), 1)
    if number <= outside * 2:
        return None
    return ordered[outside - 1], ordered[-outside], (number + 1 - 2 * outside) / (number + 1)
