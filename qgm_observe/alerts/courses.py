"""Courses that incidents take, and lines of signals, for the trials of causes."""

from collections.abc import Mapping
from dataclasses import replace

from qgm_observe.alerts.budget import ALL, PLACES, standing
from qgm_observe.alerts.cause import NO_OBJECTIVE
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.objective_lines import counted, decoys_of, series_of, siblings_of
from qgm_observe.alerts.scenario import (
    ANEW,
    BAD,
    GONE,
    HEALTHY,
    IDLE,
    INSTANT,
    LEVEL,
    REBORN,
    Check,
    Line,
    Scenario,
    Trial,
    by_decoys,
)
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.table import BY_NAME
from qgm_observe.catalog import Signal
from qgm_observe.slo.indicator import Selection
from qgm_observe.slo.window import DAY, HOUR

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
        """Return a gauge, of which the highest of all replicas counts."""
        line = self._line(LEVEL, self._selectors.chosen(signal, **labels), healthy, bad)
        return line if bad is None else replace(line, replica=0.0)

    def count(
        self, signal: Signal, healthy: float, bad: float, **labels: str | tuple[str, ...]
    ) -> Line:
        """Return a counter by its steps."""
        return counted(self._selectors.chosen(signal, **labels), healthy, bad)

    def ago(
        self, signal: Signal, healthy: float, bad: float, **labels: str | tuple[str, ...]
    ) -> Line:
        """Return an instant by how long ago it is (s); the latest of all replicas counts."""
        line = self._line(INSTANT, self._selectors.chosen(signal, **labels), healthy, bad)
        return replace(line, replica=max(healthy, bad) + DAY)

    @staticmethod
    def _line(kind: str, chosen: Selection, healthy: float | None, bad: float | None) -> Line:
        own = series_of(chosen)
        return Line(own, kind, healthy, bad, decoys_of(chosen), siblings_of(chosen, own))

    def trial(
        self,
        alert: str,
        places: tuple[str, ...],
        *lines: Line,
        scenarios: tuple[Scenario, ...],
        step: float = STEP,
        carries: Mapping[str, str] | None = None,
        decoyed: bool = True,
        **told_apart: str,
    ) -> Trial:
        """Return a trial; the labels are those of the places, all others are of all.

        Args:
            alert: Its name.
            places: Which of the places it names.
            lines: What happens.
            scenarios: When.
            step: Seconds between two evaluations.
            carries: Further labels that it has when it fires.
            decoyed: Whether others of the signals are tried as well.
            told_apart: Labels that tell it from other rules of its name.
        """
        chosen = self.configuration.written.selector
        labels = {name: chosen.get(name, SOME) if name in places else ALL for name in PLACES}
        known = {**standing(BY_NAME[alert]), "slo": NO_OBJECTIVE, **told_apart, **(carries or {})}
        is_decoyed = decoyed and bool(scenarios) and any(line.decoys for line in lines)
        return Trial(
            alert=alert,
            labels=labels | known,
            lines=lines,
            scenarios=(*scenarios, _decoyed(scenarios[0])) if is_decoyed else scenarios,
            step=step,
            told_apart=told_apart,
            sums="qgm:.*" if alert in _RECORDED else "",
        )


_RECORDED = {"QgmConsecutiveFailures", "QgmCompilationFailing"}


def _decoyed(first: Scenario) -> Scenario:
    """The incident of the first scenario, until it ends."""
    last = max((n for n, (phase, _) in enumerate(first.phases) if phase == BAD), default=0)
    phases = first.phases[: last + 1]
    return by_decoys([(IDLE if phase == HEALTHY else phase, steps) for phase, steps in phases])


def course(bad: int, before: int = HEALTHY_STEPS, after: int = _AFTER) -> Scenario:
    """Return an incident of so many steps: silent before, fires at its end, recovers."""
    checks = (Check(before - 1, False), Check(before + bad - 1, True))
    return Scenario(
        "an incident: silent before, fires in it, recovers",
        [(HEALTHY, before), (BAD, bad), (HEALTHY, after)],
        (*checks, Check(before + bad + after - 1, False)),
    )


def lasting(bad: int, window: float, step: float = STEP, before: int = HEALTHY_STEPS) -> Scenario:
    """Return an incident that is told for as long as the window holds it, and no longer."""
    steps, last = round(window / step), before + bad - 1
    return Scenario(
        "an incident: fires for as long as it is counted, and no longer",
        [(HEALTHY, before), (BAD, bad), (HEALTHY, steps + 2)],
        (Check(before - 1, False), Check(last + steps // 2, True), Check(last + steps + 1, False)),
    )


def short(bad: int, before: int = HEALTHY_STEPS) -> Scenario:
    """Return an incident that is too short to be told."""
    checks = tuple(Check(before + step, False) for step in range(bad + 2))
    return Scenario(
        "too few, or too short: silent", [(HEALTHY, before), (BAD, bad), (HEALTHY, 3)], checks
    )


def together(bad: int) -> Scenario:
    """Return an incident that is one only of all series of a place together."""
    return Scenario(
        "too few each, and enough together: fires",
        [(IDLE, HEALTHY_STEPS), (BAD, bad)],
        (Check(HEALTHY_STEPS - 1, False), Check(HEALTHY_STEPS + bad - 1, True)),
        spread=True,
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


def away(bad: int, window: float, step: float = STEP) -> Scenario:
    """Return an incident that is told again after hours in which nothing was scraped."""
    gone = round((window + 7 * HOUR) / step)
    last = HEALTHY_STEPS + bad + gone
    return Scenario(
        "nothing is scraped for longer than six hours: what was before is no news",
        [(HEALTHY, HEALTHY_STEPS), (BAD, bad), (GONE, gone), (HEALTHY, 4)],
        (Check(HEALTHY_STEPS + bad - 1, True), Check(last, False), Check(last + 3, False)),
    )


def reborn(bad: int) -> Scenario:
    """Return counters that begin anew in an incident."""
    return Scenario(
        "counters begin anew in the incident: it still fires",
        [(HEALTHY, HEALTHY_STEPS), (BAD, bad), (REBORN, bad)],
        tuple(Check(HEALTHY_STEPS + bad + step, True) for step in (1, bad - 1)),
    )


def silent(bad: int, name: str, before: int = HEALTHY_STEPS) -> Scenario:
    """Return an incident that has to be silent for a reason."""
    return Scenario(
        f"{name}: silent",
        [(HEALTHY, before), (BAD, bad)],
        tuple(Check(before + step, False) for step in range(bad)),
    )
