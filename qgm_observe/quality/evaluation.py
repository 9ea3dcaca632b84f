"""All quality estimates of one set of counts."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from qgm_observe.quality.cells import Cells, align
from qgm_observe.quality.custom import Metric, custom_metric
from qgm_observe.quality.diversity import effective_modes, entropy, good_turing_coverage
from qgm_observe.quality.goodness import goodness_of_fit
from qgm_observe.quality.hellinger import hellinger_fidelity
from qgm_observe.quality.intervals import require_level
from qgm_observe.quality.jensen_shannon import jensen_shannon
from qgm_observe.quality.kl import kullback_leibler
from qgm_observe.quality.mmd import BANDWIDTHS, mmd_squared
from qgm_observe.quality.modes import ModeCollapse, mode_collapse
from qgm_observe.quality.scores import (
    linear_xeb,
    shots_per_usable_sample,
    valid_shot_ratio,
    valid_shots,
)
from qgm_observe.quality.tvd import total_variation
from qgm_observe.records import VALID_SHOT_RATIO, Estimate, estimate_text


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Evaluation:
    """What one set of counts says about the sampler; each an `Estimate`, or the reason for none.

    Printed it is a table: value, interval, and what a perfect sampler would show.

    Attributes:
        valid: Share of shots that are valid samples.
        shots_per_usable: Shots that one valid sample takes.
        xeb: Linear cross-entropy score.
        tvd: Total variation distance.
        js: Jensen-Shannon divergence, bits.
        hellinger: Hellinger fidelity.
        kl: Kullback-Leibler divergence, nats.
        mmd: Squared maximum mean discrepancy.
        chi_square: p-value of Pearson's test.
        g_test: p-value of the G test.
        coverage: Good-Turing coverage: were the shots enough to speak of diversity?
        entropy: Shannon entropy, bits.
        effective_modes: Hill number of order 2.
        collapse: The verdict on mode collapse; `mode_deficit` is its estimate.
        custom: Metrics of the user by name.
        compared: What comparisons gave, by name: with a calibration's prediction, a simulator, the
            same without mitigation.
    """

    valid: Estimate
    shots_per_usable: Estimate
    xeb: Estimate
    tvd: Estimate
    js: Estimate
    hellinger: Estimate
    kl: Estimate
    mmd: Estimate
    chi_square: Estimate
    g_test: Estimate
    coverage: Estimate
    entropy: Estimate
    effective_modes: Estimate
    collapse: ModeCollapse
    custom: Mapping[str, Estimate]
    compared: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def mode_deficit(self) -> Estimate:
        """Loss of the mode that surely lost most."""
        return self.collapse.deficit

    def __iter__(self) -> Iterator[Estimate]:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Estimate):
                yield value
        yield self.mode_deficit
        yield from self.custom.values()
        yield from self.compared.values()

    def __str__(self) -> str:
        return estimate_text(self)

    def __repr__(self) -> str:
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        values = {name: each for name, each in told.items() if isinstance(each, Estimate)}
        values |= {"mode_deficit": self.mode_deficit, **self.custom, **self.compared}
        shown = [f"{name}={_short(each.value)}" for name, each in values.items()]
        return f"Evaluation({', '.join(shown)})"


def _short(value: float | None) -> str:
    return "None" if value is None else f"{value:.4g}"


def evaluate(
    counts: Any,
    target: Any,
    *,
    level: float = 0.95,
    valid: Collection[int | str] | None = None,
    modes: Sequence[Collection[int | str]] | None = None,
    bandwidths: Sequence[float] = BANDWIDTHS,
    metrics: Mapping[str, Metric] | None = None,
) -> Evaluation:
    """Estimate everything that the counts tell about the sampler.

    Args:
        counts: Counts in any form that `as_counts` takes.
        target: A known target or a data set, in any form that `as_target` takes.
        level: Confidence level of every interval.
        valid: Outcomes that are valid samples; without them what a known target can produce.
        modes: Outcomes of each mode of the target; without them each frequent outcome is one.
        bandwidths: Variances of the kernel of `mmd`, in flipped bits.
        metrics: Further metrics by name, each giving a value with its interval.

    Returns:
        The estimates; what the shots do not tell has a reason instead of a value.

    Raises:
        UsageError: Counts or target cannot be read, or their widths differ.
    """
    require_level(level)
    cells = align(counts, target)
    usable = valid_shots(cells, valid)
    return Evaluation(
        valid=_valid(usable, cells, level),
        shots_per_usable=_usable(usable, cells, level),
        xeb=linear_xeb(cells, level),
        tvd=total_variation(cells, level),
        js=jensen_shannon(cells, level),
        hellinger=hellinger_fidelity(cells, level),
        kl=kullback_leibler(cells, level),
        mmd=mmd_squared(cells, level, bandwidths),
        chi_square=goodness_of_fit(cells, "chi_square", level),
        g_test=goodness_of_fit(cells, "g_test", level),
        coverage=good_turing_coverage(cells, level),
        entropy=entropy(cells, level),
        effective_modes=effective_modes(cells, level),
        collapse=mode_collapse(cells, level, modes),
        custom={
            name: custom_metric(name, metric, cells, level)
            for name, metric in (metrics or {}).items()
        },
    )


_UNTOLD = "the target is a data set, which does not tell what is valid: pass `valid`"


def _valid(usable: int | None, cells: Cells, level: float) -> Estimate:
    if usable is None:
        return Estimate(name=VALID_SHOT_RATIO, level=level, n=cells.shots, reason=_UNTOLD)
    return valid_shot_ratio(usable, cells.shots, level)


def _usable(usable: int | None, cells: Cells, level: float) -> Estimate:
    if usable is None:
        return Estimate(name="shots_per_usable_sample", level=level, n=cells.shots, reason=_UNTOLD)
    return shots_per_usable_sample(usable, cells.shots, level)
