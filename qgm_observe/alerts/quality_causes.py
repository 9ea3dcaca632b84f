"""Alerts on samples, inputs and training: charts beyond their limits, and verdicts."""

from collections.abc import Iterator

from qgm_observe.alerts.cause import Cause
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.text import Said
from qgm_observe.catalog import signals
from qgm_observe.slo.window import MINUTE

PLACE = ("pipeline", "provider", "device", "region")
_VERDICTS = {
    "QgmModeCollapse": ("collapse", ("collapsed",), "few modes are left of those of the baseline"),
    "QgmInputDrift": ("inputs", ("drifted",), "inputs are unlike the recorded ones"),
    "QgmEncodingMismatch": ("encoding", ("mismatched",), "the encoding is not the recorded one"),
    "QgmTrainingStuck": (
        "training",
        ("diverging", "barren_plateau", "stuck"),
        "training is {{ $labels.answer }}",
    ),
}
"""Alert to question, answers, and what is said."""


def causes(selectors: Selectors) -> Iterator[Cause]:
    """Yield them."""
    charts = (*PLACE, "statistic", "chart")
    level = selectors.top(charts, signals.QUALITY_DRIFT_LEVEL)
    limit = selectors.top(charts, signals.QUALITY_DRIFT_LIMIT)
    yield Cause(
        alert="QgmQualityDrift",
        expression=(
            f"max by ({', '.join((*PLACE, 'statistic'))}) "
            f"({level} > on ({', '.join(charts)}) {limit})"
        ),
        by=(*PLACE, "statistic"),
        said=Said(
            count="The chart of {{ $labels.statistic }} stands at {{ $value | humanize }} standard "
            "deviations of its healthy baseline, beyond its limit.",
            false="A chart is set to be false once in as many evaluations as its baseline states.",
        ),
    )
    for alert, (question, answers, told) in _VERDICTS.items():
        by = (*PLACE, "answer")
        verdict = selectors.top(by, signals.QUALITY_VERDICT, question=question, answer=answers)
        yield Cause(
            alert=alert,
            expression=f"{verdict} == 1",
            by=by,
            hold=5 * MINUTE,
            said=Said(count=f"By the newest verdict {told}."),
        )
