"""Stop as soon as it is precise enough: an interval that holds at every look.

Looking at a fixed-sample interval every 200 shots for 100 looks finds a difference that is not
there in 37 % of cases. A confidence sequence may be looked at after every batch and costs 1.5 to
1.9 times the width.
"""

import json
import math
from dataclasses import asdict, dataclass, replace

from qgm_observe.errors import UsageError
from qgm_observe.records import Estimate

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceSequence:
    """The running mean of a bounded per-shot score, with an interval for all times at once.

    With scores in [a, b] the mixture boundary of a (b - a)/2 sub-Gaussian mean holds at every
    number of shots. With `adaptive` the measured variance takes the place of that bound: narrower,
    and valid asymptotically only.

    Attributes:
        name: Of the score.
        planned_shots: Where the interval shall be tightest.
        level: Of the whole sequence.
        least: Lowest score a shot can have.
        most: Highest.
        adaptive: Whether the measured variance is used.
        shots: Seen so far.
        total: Sum of scores so far.
        squares: Sum of squared scores so far.

    Source: Robbins, Annals of Mathematical Statistics 41, 1397 (1970); Waudby-Smith et al., Annals
    of Statistics 52, 2613 (2024) for the asymptotic form.
    """

    name: str = "score"
    planned_shots: int
    level: float = 0.95
    least: float = 0.0
    most: float = 1.0
    adaptive: bool = False
    shots: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __post_init__(self) -> None:
        """Refuse bounds, levels and plans that are none."""
        if not 0 < self.level < 1:
            raise UsageError(f"level {self.level}: write a number between 0 and 1, both excluded")
        if self.planned_shots < 1:
            raise UsageError("planned_shots: write a count of 1 or more")
        if not -math.inf < self.least < self.most < math.inf:
            raise UsageError("least and most: write the finite ends of a shot's score")

    def after(self, shots: int, total: float, squares: float | None = None) -> "ConfidenceSequence":
        """Return the sequence after a further batch.

        Args:
            shots: Of the batch.
            total: Sum of their scores.
            squares: Sum of their squared scores; the total itself for scores of 0 or 1.

        Raises:
            UsageError: the sums cannot come from so many shots within the bounds.
        """
        second = total if squares is None else squares
        slack = 1e-9 * max(1.0, abs(total), abs(second))
        low, high = shots * self.least - slack, shots * self.most + slack
        if shots < 0 or not low <= total <= high:
            raise UsageError(f"{total} in {shots} shots: write a sum of scores within the bounds")
        if not total**2 - slack * max(shots, 1) <= second * shots <= _peak(self, shots) + slack:
            raise UsageError("squares: write the sum of squared scores of the same shots")
        return replace(
            self,
            shots=self.shots + shots,
            total=self.total + total,
            squares=self.squares + second,
        )

    def estimate(self) -> Estimate:
        """Return the mean with an interval that holds at this look and at every other."""
        if not self.shots:
            return Estimate(name=self.name, level=self.level, reason="no shots")
        mean = self.total / self.shots
        reach = self._deviation(mean) * self._boundary()
        value = min(max(mean, self.least), self.most)
        return Estimate(
            name=self.name,
            value=value,
            low=min(max(mean - reach, self.least), value),
            high=max(min(mean + reach, self.most), value),
            level=self.level,
            method="mixture sequence" + (", adaptive" if self.adaptive else ""),
            n=self.shots,
        )

    def is_precise(self, half_width: float) -> bool:
        """Return whether the interval's half-width has come down to this; stopping then is fair."""
        estimate = self.estimate()
        if estimate.low is None or estimate.high is None:
            return False
        return (estimate.high - estimate.low) / 2 <= half_width

    def excludes(self, value: float) -> bool:
        """Return whether the score is proven to differ from a value; stopping then is fair."""
        estimate = self.estimate()
        if estimate.low is None or estimate.high is None:
            return False
        return not estimate.low <= value <= estimate.high

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ConfidenceSequence":
        """Read what `to_json` wrote.

        Raises:
            UsageError: the text is no sequence of this format.
        """
        try:
            told = json.loads(text)
            if told.pop("format") != _FORMAT:
                raise ValueError
            return cls(**told)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UsageError(
                "sequence: write the JSON that ConfidenceSequence.to_json gave"
            ) from error

    def _deviation(self, mean: float) -> float:
        bound = (self.most - self.least) / 2
        if not self.adaptive:
            return bound
        measured = max(self.squares / self.shots - mean**2, 0.0)
        return math.sqrt((self.shots * measured + bound**2) / (self.shots + 1))

    def _boundary(self) -> float:
        """Half-width in deviations: sqrt(2 (n r + 1) / (n^2 r) log(sqrt(n r + 1) / alpha))."""
        alpha = 1 - self.level
        spend = -2 * math.log(alpha)
        ratio = (spend + math.log(spend + 1)) / self.planned_shots
        scaled = self.shots * ratio + 1
        log = math.log(math.sqrt(scaled) / alpha)
        return math.sqrt(2 * scaled * log / (self.shots**2 * ratio))


def _peak(sequence: ConfidenceSequence, shots: int) -> float:
    return max(sequence.least**2, sequence.most**2) * shots**2
