"""Courses that incidents take, and lines of signals, for the trials of causes."""

from qgm_observe.alerts.budget import ALL, PLACES
from qgm_observe.alerts.cause import NO_OBJECTIVE
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.objective_trials import decoys_of, series_of
from qgm_observe.alerts.scenario import (
    ANEW,
    BAD,
    BY_DECOYS,
    COUNT,
    HEALTHY,
    INSTANT,
    LEVEL,
    REBORN,
    Check,
    Line,
    Scenario,
    Trial,
)
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.table import BY_NAME
from qgm_observe.catalog import Signal

SOME = "some"
STEP = 600.0
HEALTHY_STEPS, _AFTER = 6, 12
JOB_PLACES = ("pipeline", "provider", "device", "region")
DEVICE_PLACES = ("provider", "device")


class Trials:
    """Makes the trials of causes for a configuration.

    Args:
        configuration: Whose thresholds are to be passed.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.thresholds = configuration.written.thresholds
        self._selectors = Selectors(configuration)

    def level(
        self,
        signal: Signal,
        healthy: float | None,
        bad: float | None,
        **labels: str | tuple[str, ...],
    ) -> Line:
        """Return a gauge."""
        chosen = self._selectors.chosen(signal, **labels)
        return Line(series_of(chosen), LEVEL, healthy, bad, decoys_of(chosen))

    def count(
        self, signal: Signal, healthy: float, bad: float, **labels: str | tuple[str, ...]
    ) -> Line:
        """Return a counter by its steps."""
        chosen = self._selectors.chosen(signal, **labels)
        return Line(series_of(chosen), COUNT, healthy, bad, decoys_of(chosen))

    def ago(
        self, signal: Signal, healthy: float, bad: float, **labels: str | tuple[str, ...]
    ) -> Line:
        """Return an instant by how long ago it is (s)."""
        chosen = self._selectors.chosen(signal, **labels)
        return Line(series_of(chosen), INSTANT, healthy, bad, decoys_of(chosen))

    def trial(
        self,
        alert: str,
        places: tuple[str, ...],
        *lines: Line,
        scenarios: tuple[Scenario, ...],
        step: float = STEP,
        **told_apart: str,
    ) -> Trial:
        """Return a trial; the labels are those of the places, all others are of all."""
        chosen = self.configuration.written.selector
        labels = {name: chosen.get(name, SOME) if name in places else ALL for name in PLACES}
        known = {"severity": BY_NAME[alert].severity, "slo": NO_OBJECTIVE}
        return Trial(
            alert=alert,
            labels=labels | known,
            lines=lines,
            scenarios=(*scenarios, BY_DECOYS) if any(line.decoys for line in lines) else scenarios,
            step=step,
            told_apart=told_apart,
            sums="qgm:.*" if alert in _RECORDED else "",
        )


_RECORDED = {"QgmConsecutiveFailures", "QgmCompilationFailing"}


def course(bad: int, before: int = HEALTHY_STEPS, after: int = _AFTER) -> Scenario:
    """Return an incident of so many steps: silent before, fires at its end, recovers."""
    checks = (Check(before - 1, False), Check(before + bad - 1, True))
    return Scenario(
        "an incident: silent before, fires in it, recovers",
        [(HEALTHY, before), (BAD, bad), (HEALTHY, after)],
        (*checks, Check(before + bad + after - 1, False)),
    )


def short(bad: int, before: int = HEALTHY_STEPS) -> Scenario:
    """Return an incident that is too short to be told."""
    checks = tuple(Check(before + step, False) for step in range(bad + 2))
    return Scenario(
        "too few, or too short: silent", [(HEALTHY, before), (BAD, bad), (HEALTHY, 3)], checks
    )


def absent() -> Scenario:
    """Return a time without any series."""
    return Scenario("no series at all: silent", [(HEALTHY, 4)], (Check(3, False),), absent=True)


def unborn(bad: int) -> Scenario:
    """Return an incident whose series are born by it."""
    return Scenario(
        "the first failure of a new label set counts",
        [(HEALTHY, HEALTHY_STEPS), (BAD, bad)],
        (Check(HEALTHY_STEPS + bad - 2, False), Check(HEALTHY_STEPS + bad - 1, True)),
        unborn=True,
    )


def anew() -> Scenario:
    """Return counters that begin anew while all is well."""
    return Scenario(
        "counters begin anew: silent",
        [(HEALTHY, HEALTHY_STEPS), (ANEW, 4)],
        tuple(Check(HEALTHY_STEPS + step, False) for step in range(4)),
    )


def reborn(bad: int) -> Scenario:
    """Return counters that begin anew in an incident."""
    return Scenario(
        "counters begin anew in the incident: it still fires",
        [(HEALTHY, HEALTHY_STEPS), (BAD, bad), (REBORN, bad)],
        (Check(HEALTHY_STEPS + 2 * bad - 1, True),),
    )


def silent(bad: int, name: str) -> Scenario:
    """Return an incident that has to be silent for a reason."""
    return Scenario(
        f"{name}: silent",
        [(HEALTHY, HEALTHY_STEPS), (BAD, bad)],
        tuple(Check(HEALTHY_STEPS + step, False) for step in range(bad)),
    )
