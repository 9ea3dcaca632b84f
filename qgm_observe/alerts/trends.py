"""Alerts on trends of events, which do not wait for a budget to burn.

Three in a row: in some window there were three failures or more and nothing else. Windows double,
so that a success before them delays it by no more than the time they took; each is recorded as
exact counts, by pipeline or by pipeline and device.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from qgm_observe.alerts.cause import NO_OBJECTIVE, Cause
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.text import NUMBER, Said, asked_of, listed
from qgm_observe.catalog import Outcome, provider_signals, signals
from qgm_observe.slo.indicator import Selection
from qgm_observe.slo.window import DAY, HOUR, MINUTE, shorthand

IN_A_ROW = 3
WINDOWS = (
    *(minutes * MINUTE for minutes in (5, 10, 20, 40, 80, 160)),
    *(6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY),
)
"""Seconds, ascending."""

ENDED = (Outcome.SUCCESS, Outcome.FAILURE, Outcome.TIMEOUT, Outcome.LOST)
"""What counts as an outcome: not what a user cancelled or a guard stopped."""

PIPELINE = ("pipeline", "kind")
PLACE = ("pipeline", "provider", "device", "region")
_BY_CHANCE = 0.05
_STALLED_SECONDS = 10 * MINUTE


def groups(configuration: Configuration) -> dict[str, dict[str, Any]]:
    """Return a group a trend, counts first, then its alert, by the name of the trend."""
    selectors = Selectors(configuration)
    told: dict[str, tuple[Iterable[dict[str, Any]], Cause]] = {
        "failures": (_pipelines(selectors), _failing()),
        "compilations": (_compilations(selectors), _uncompilable()),
        "stalled": ((), _stalled(selectors)),
    }
    return {
        f"trend-{name}": {
            "name": f"qgm-trend-{name}",
            "rules": [*counts, cause.rule(configuration)],
        }
        for name, (counts, cause) in told.items()
    }


FAILURES, COMPILATIONS = "trend-failures", "trend-compilations"
"""What first samples are recorded by, in the place of an objective: a series is one rule's."""


def _pipelines(selectors: Selectors) -> Iterator[dict[str, Any]]:
    bad = selectors.chosen(signals.ROOTS, outcome=ENDED[1:])
    good = selectors.chosen(signals.ROOTS, outcome=Outcome.SUCCESS)
    yield from selectors.firsts((bad, good), FAILURES)
    for window in WINDOWS:
        yield _recorded(
            "qgm:pipeline_failures:count", selectors, bad, window, PIPELINE, firsts=FAILURES
        )
        yield _recorded(
            "qgm:pipeline_successes:count", selectors, good, window, PIPELINE, firsts=FAILURES
        )


def _compilations(selectors: Selectors) -> Iterator[dict[str, Any]]:
    bad = selectors.chosen(signals.JOB_ERRORS, stage="compile")
    ended = selectors.chosen(signals.JOBS, outcome=ENDED)
    yield from selectors.firsts((bad, ended), COMPILATIONS)
    for window in WINDOWS:
        yield _recorded(
            "qgm:compile_failures:count", selectors, bad, window, PLACE, firsts=COMPILATIONS
        )
        yield _recorded(
            "qgm:jobs_ended:count", selectors, ended, window, PLACE, firsts=COMPILATIONS
        )


def _recorded(
    name: str,
    selectors: Selectors,
    selection: Selection,
    window: float,
    by: tuple[str, ...],
    *,
    firsts: str,
) -> dict[str, Any]:
    text = selectors.count(selection, window, by, firsts)
    labels = {"slo": NO_OBJECTIVE, "window": shorthand(window)}
    return {"record": name, "expr": text, "labels": labels}


def _failing() -> Cause:
    labels = ", ".join(PIPELINE)
    failed, good = "qgm:pipeline_failures:count", "qgm:pipeline_successes:count"
    expression = (
        f"max by ({labels}) ({failed} >= {IN_A_ROW} unless on ({labels}, window) {good} > 0)"
    )
    of_day = '{pipeline=%q,kind=%q,window="1d"}'
    return Cause(
        alert="QgmConsecutiveFailures",
        expression=expression,
        by=PIPELINE,
        said=Said(
            count=f"{{{{ $value }}}} failed in a row, {_since(failed, PIPELINE)}; in the last day "
            f"{asked_of(failed + of_day, PIPELINE)} failed and "
            f"{asked_of(good + of_day, PIPELINE)} succeeded.",
            false=f"When {_BY_CHANCE:.0%} fail by chance, {IN_A_ROW} in a row do once in "
            f"{1 / (_BY_CHANCE**IN_A_ROW * (1 - _BY_CHANCE)):,.0f}.",
        ),
    )


def _uncompilable() -> Cause:
    failed, ended = "qgm:compile_failures:count", "qgm:jobs_ended:count"
    labels = ", ".join(PLACE)
    expression = (
        f"max by ({labels}) ({failed} >= {IN_A_ROW} "
        f"unless on ({labels}, window) {ended} > on ({labels}, window) {failed})"
    )
    return Cause(
        alert="QgmCompilationFailing",
        expression=expression,
        by=PLACE,
        said=Said(
            count=f"The last {{{{ $value }}}} compilations failed, {_since(failed, PLACE)}. "
            + _changed(),
        ),
    )


def _since(failed: str, labels: tuple[str, ...]) -> str:
    """In the shortest of the windows that hold as many failures."""
    chosen = ",".join(f"{name}=%q" for name in labels)
    values = " ".join(f"$labels.{name}" for name in labels)
    shorter = f"printf `count({failed}{{{chosen}}} < %v) or vector(0)` {values} $value | query"
    told = " ".join(f'"{shorthand(window)}"' for window in WINDOWS)
    window = f'{{{{ index (args {told}) (. | first | value | printf "arg%v") }}}}'
    return f"all of them in the last {{{{ with {shorter} }}}}{window}{{{{ end }}}}"


def _changed() -> str:
    """What changed: calibration, and the versions of the models that fail."""
    calibrations = provider_signals.CALIBRATION_CHANGES.prometheus
    errors = signals.JOB_ERRORS.prometheus
    changes = f"sum(round(increase({calibrations}{{provider=%q,device=%q}}[1d])))"
    versions = (
        f'count by (model, model_version) (({errors}{{stage="compile",pipeline=%q,device=%q}} '
        f"unless {errors} offset 1d) > 0)"
    )
    asked = f"printf `{versions}` $labels.pipeline $labels.device | query"
    asked += ' | sortByLabel "model_version"'
    models = listed(asked, "{{ .Labels.model }} {{ .Labels.model_version }}", "none")
    return (
        f"Changed in the last day: calibration {asked_of(changes, ('provider', 'device'))} times; "
        f"models that fail for the first time: {models}; compiler, SDK and encoding stand in the "
        "records of the runs."
    )


def _stalled(selectors: Selectors) -> Cause:
    """A run whose job waits no longer than jobs on that device do makes no progress, rightly."""
    waiting = selectors.top(
        ("pipeline", "provider", "device"), signals.JOB_OLDEST_WAITING, execution_mode="!local"
    )
    usual = selectors.top(("provider", "device"), provider_signals.DEVICE_WAIT, percentile="p95")
    stalled = selectors.top(("pipeline",), signals.RUNS_STALLED)
    query = f'sum({signals.RUNS_IN_FLIGHT.prometheus}{{source="journal",pipeline=%q}})'
    return Cause(
        alert="QgmRunStalled",
        expression=(
            f"{stalled} > 0 unless on (pipeline) "
            f"({waiting} <= on (provider, device) group_left () {usual})"
        ),
        by=("pipeline",),
        hold=_STALLED_SECONDS,
        said=Said(
            count="{{ $value }} of "
            f"{asked_of(query, ('pipeline',), NUMBER)} open runs made no step for five times "
            "their median step.",
        ),
    )
