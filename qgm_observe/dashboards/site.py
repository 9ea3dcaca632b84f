"""Where a board is used: whose work it shows, and where its runbooks and neighbors are."""

from dataclasses import dataclass

from qgm_observe.alerts.budget import ERRORS, EVENTS
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.links import board_uid, runbook_url
from qgm_observe.alerts.table import BY_NAME
from qgm_observe.catalog import Label, Signal, observe_signals, provider_signals, signals
from qgm_observe.dashboards.board import Annotation, Color, Link, Query, Variable
from qgm_observe.dashboards.kinds import Told, basis, higher_is_better
from qgm_observe.dashboards.queries import FEWEST, INTERVAL, RANGE, Scope, pick

BOARDS = {
    "executive": "Executive",
    "on-call": "On-call",
    "debug": "Debug",
    "calibration": "Device calibration",
    "slo": "SLO and error budget",
    "cost": "Cost",
    "telemetry": "Client and telemetry",
}
"""Slug to title, in the order of their links."""

BUDGET = "qgm:slo_budget:ratio"
GONE, LOW = 0.0, 0.25
"""Shares of an error budget: at or below the first it is spent, below the second it is at risk."""

LEFT_STEPS = higher_is_better(GONE, LOW, ("breached", "at risk", "kept"))
SUCCESS_STEPS = higher_is_better(0.95, 0.97, ("too low", "close", "good"))
COUNTING = ("success", "failure", "timeout", "lost")
"""Outcomes that count: what a user cancelled or a guard stopped on purpose is left out."""


@dataclass(frozen=True, slots=True)
class Site:
    """What the panels of one board share.

    Attributes:
        configuration: Of all shelves.
        scope: Of the board's queries.
    """

    configuration: Configuration
    scope: Scope

    def told(self, what: str, good: str, alert: str) -> Told:
        """Return what a panel says, with the runbook of an alert.

        Raises:
            KeyError: no such alert is declared.
        """
        name = BY_NAME[alert].name
        return Told(what, good, runbook_url(self.configuration.written.runbooks_url, name))

    def board(self, slug: str, choice: str = "") -> Link:
        """Return the way to a board, with a choice such as `var-pipeline=...`."""
        query = f"?{choice}" if choice else ""
        return Link(f"{BOARDS[slug]} board", f"/d/{board_uid(slug)}{query}")

    def work(self, window: str = RANGE, *, instant: bool = True, interval: str = "") -> Query:
        """Return how much work ended: runs, and jobs outside any run."""
        counted = pick(signals.ROOTS, outcome=COUNTING)
        return basis(
            self.scope.count(counted, window),
            "runs and requests",
            instant=instant,
            interval=interval,
        )

    def jobs(self, window: str = INTERVAL, interval: str = "5m") -> Query:
        """Return how many jobs ended, to be drawn behind a chart."""
        return basis(self.scope.count(signals.JOBS, window), "jobs", interval=interval)

    def success(self, window: str, fewest: int = FEWEST, **labels: str) -> str:
        """Return the share of work that succeeded; NaN where fewer than `fewest` ended."""
        good = pick(signals.ROOTS, outcome="success", **labels)
        total = pick(signals.ROOTS, outcome=COUNTING, **labels)
        return self.scope.share(good, total, window, fewest=fewest)


def site(configuration: Configuration, *variables: Label) -> Site:
    """Return the site of a board whose variables are labels."""
    return Site(configuration, Scope(variables, configuration.matchers))


def budget_left(chosen: str = "") -> str:
    """Return the share of each objective's budget that is left, from recorded counts.

    Args:
        chosen: Conditions such as `slo=~"$slo"`.
    """
    braces = f"{{{chosen}}}" if chosen else ""
    errors, events, budget = (f"{name}{braces}" for name in (ERRORS, EVENTS, BUDGET))
    spent = f"{errors} / on (slo, window) ({events} > 0) / on (slo, window) {budget}"
    return f"max by (slo) (1 - {spent})"


def variables(scope: Scope, source: Signal, *labels: Label) -> tuple[Variable, ...]:
    """Return the choices at the head of a board: values that a signal has."""
    return tuple(
        Variable(
            name=label.name,
            title=label.name.replace("_", " ").capitalize(),
            query=f"label_values({Scope((), scope.matchers).selector(source)}, {label.name})",
        )
        for label in labels
    )


def links(configuration: Configuration, own: str) -> tuple[Link, ...]:
    """Return the way to every other board and to the runbooks."""
    others = [Link(title, f"/d/{board_uid(slug)}") for slug, title in BOARDS.items() if slug != own]
    base = configuration.written.runbooks_url.rstrip("/")
    return (*others, Link("Runbooks", f"{base}/README.md"))


def annotations(scope: Scope) -> tuple[Annotation, ...]:
    """Return what happened beside the data: deployments, calibrations, pages, maintenance."""
    version = scope.selector(observe_signals.INFO)
    calibrated = scope.selector(provider_signals.CALIBRATION_CHANGES)
    state = scope.selector(pick(provider_signals.DEVICE_STATE, device_state=("paused", "offline")))
    return (
        Annotation(
            name="Deployments",
            expr=f"count by (version) ({version}) unless count by (version) ({version} offset 5m)",
            title="qgm-observe {{version}}",
            color=Color.PLAIN,
        ),
        Annotation(
            name="Calibrations",
            expr=f"max by (provider, device) (changes({calibrated}[5m])) > 0",
            title="{{device}} calibrated",
            color=Color.GOOD,
        ),
        Annotation(
            name="Pages",
            expr='ALERTS{alertname=~"Qgm.+",alertstate="firing",severity="page"}',
            title="{{alertname}} {{slo}}",
            color=Color.BAD,
        ),
        Annotation(
            name="Maintenance",
            expr=f"max by (provider, device, device_state) ({state}) > 0",
            title="{{device}} {{device_state}}",
            color=Color.WATCH,
        ),
    )
