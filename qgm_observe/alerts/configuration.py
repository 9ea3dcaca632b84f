"""What may be configured when shelves are rendered: alerts, boards and runbooks alike.

Everything has a default, so that no file is needed. Paths are relative to the file they stand in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qgm_observe.catalog import labels as by
from qgm_observe.documents import Field, Model, field_validator, load
from qgm_observe.errors import UsageError
from qgm_observe.slo.feasibility import REFUSED, judge
from qgm_observe.slo.indicator import Matcher
from qgm_observe.slo.loading import load as load_objectives
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.objective import Objective

STARTER, FULL = "starter", "full"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
RECEIVERS = ("on-call", "tickets", "quantum-expert", "provider-support", "watchdog")
_CLOCK = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"
_SELECTABLE = {label.name: label for label in (*by.JOB, by.ACCOUNT)}


class Thresholds(Model):
    """Where causes become alerts."""

    disk_free_bytes: float = Field(
        default=2e9, gt=0, description="Free space at the journal below which a ticket is written."
    )
    credentials_days: float = Field(
        default=7, gt=0, description="Days before credentials expire at which a ticket is written."
    )
    calibration_hours: float = Field(
        default=168, gt=0, description="Age of the oldest parameter that an active layout rests on."
    )
    calibration_worse: float = Field(
        default=1.5, gt=1, description="A median gate error so many times yesterday's is a change."
    )
    queue_times: float = Field(
        default=2, gt=1, description="Queue against its own p95 on this weekday."
    )
    queue_jobs: float = Field(
        default=20, gt=0, description="Queues shorter than this are never abnormal."
    )
    stuck_hours: float = Field(
        default=6,
        gt=0,
        description="A job that waits longer, and twice its device's p95, is stuck.",
    )
    attempts_per_job: float = Field(
        default=2, gt=1, description="Attempts a job, retries included, above which money is lost."
    )
    cost_times: float = Field(
        default=3, gt=1, description="A day's cost against the mean of the six days before."
    )
    cost_usd: float = Field(
        default=10, gt=0, description="A day's cost below which no anomaly is told."
    )
    throttled_share: float = Field(
        default=0.1, gt=0, lt=1, description="Share of calls that the provider refuses as too many."
    )
    quota_hours: float = Field(
        default=24, gt=0, description="A quota that lasts no longer, at the pace of a day, is low."
    )


class Quiet(Model):
    """A time in which nobody is told: planned work, each week."""

    name: str
    weekdays: tuple[str, ...] = WEEKDAYS
    begin: str = Field(pattern=_CLOCK)
    end: str = Field(pattern=_CLOCK)

    @field_validator("weekdays")
    @classmethod
    def _known(cls, days: tuple[str, ...]) -> tuple[str, ...]:
        for day in days:
            if day not in WEEKDAYS:
                raise ValueError(f"weekday {day!r}: write one of {', '.join(WEEKDAYS)}")
        return days


class Grafana(Model):
    """How boards are brought into Grafana."""

    datasource_uid: str = Field(default="prometheus", pattern=r"^[A-Za-z0-9_-]{1,40}$")
    prometheus_url: str = Field(default="http://prometheus:9090", pattern=r"^https?://")
    traces_uid: str = Field(
        default="tempo", description="Of the datasource that exemplars lead to; empty for none."
    )
    folder: str = "qgm-observe"
    publish: bool = Field(
        default=False, description="Also write the form in which grafana.com takes boards."
    )


class Written(Model):
    """The configuration as it is written."""

    objectives: tuple[str, ...] = Field(
        default=(),
        description="Files and folders of objectives, relative to this file; else the shipped.",
    )
    selector: Mapping[str, str] = Field(
        default_factory=dict, description="Only work of these labels, such as {project: chem}."
    )
    profile: Literal["starter", "full"] = Field(
        default="starter",
        description="`starter`: at most 12 alerts, at most 4 of them pages; `full`: all.",
    )
    overnight: Literal["page", "ticket"] = Field(
        default="page",
        description="`ticket`: pages about training's budgets are tickets at night.",
    )
    night_begin: str = Field(default="20:00", pattern=_CLOCK, description="UTC.")
    night_end: str = Field(default="08:00", pattern=_CLOCK, description="UTC.")
    scrape_interval_seconds: float = Field(
        default=30, gt=0, description="Of Prometheus; the time from a fault to a page rests on it."
    )
    evaluation_interval_seconds: float = Field(default=30, gt=0, description="Likewise.")
    runbooks_url: str = Field(
        default="https://runbooks.example.org",
        pattern=r"^https?://",
        description="Where the shelf of runbooks is served.",
    )
    boards_url: str = Field(
        default="https://grafana.example.org", pattern=r"^https?://", description="Of Grafana."
    )
    exporter_url: str = Field(
        default="https://qgm-observe-journal:9466",
        pattern=r"^https?://",
        description="Of the exporter of journals, as whoever is called reaches it.",
    )
    exporter_job: str = Field(
        default="qgm-observe-.*",
        description="Prometheus' jobs that scrape the sidecars, as a regular expression.",
    )
    receivers: Mapping[str, str] = Field(
        default_factory=dict,
        description=f"Addresses of webhooks by receiver: {', '.join(RECEIVERS)}. A bearer token is "
        "in the file /etc/alertmanager/tokens/RECEIVER.",
    )
    maintenance: tuple[Quiet, ...] = Field(
        default=(),
        description="Weekly times (UTC) in which nobody is told of devices: "
        '{name: firmware, weekdays: [tuesday], begin: "06:00", end: "08:00"}.',
    )
    retrains: tuple[Quiet, ...] = Field(
        default=(),
        description="Weekly times of heavy retrains, in which no ticket is written of the work.",
    )
    thresholds: Thresholds = Field(
        default_factory=Thresholds, description="Where causes become alerts."
    )
    grafana: Grafana = Field(
        default_factory=Grafana, description="How boards are brought into Grafana."
    )

    @field_validator("receivers")
    @classmethod
    def _receivers(cls, receivers: Mapping[str, str]) -> Mapping[str, str]:
        for name, url in receivers.items():
            if name not in RECEIVERS:
                raise ValueError(f"receiver {name!r}: write one of {', '.join(RECEIVERS)}")
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"receiver {name}: write an address that begins with https://")
        return receivers

    @field_validator("selector")
    @classmethod
    def _labels(cls, selector: Mapping[str, str]) -> Mapping[str, str]:
        for name in selector:
            if name not in _SELECTABLE:
                raise ValueError(f"label {name!r}: write one of {', '.join(_SELECTABLE)}")
        return selector


@dataclass(frozen=True, slots=True)
class Configuration:
    """What shelves are rendered from.

    Attributes:
        written: The settings.
        objectives: All that are judged.
    """

    written: Written
    objectives: tuple[Objective, ...]

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """Conditions on every signal that has the label."""
        return tuple(Matcher(name, (value,)) for name, value in self.written.selector.items())


def load_configuration(
    path: Path | None = None,
    selector: Mapping[str, str] | None = None,
    datasource: str | None = None,
) -> Configuration:
    """Return the configuration of a file, or the defaults.

    Args:
        path: YAML; see `Written`.
        selector: Label to value, beyond those of the file.
        datasource: Uid in place of the file's.

    Raises:
        UsageError: what is wrong, with file and line, or an objective that cannot work.
    """
    written = Written() if path is None else load(path, Written)
    if selector:
        merged = written.model_dump() | {"selector": {**written.selector, **selector}}
        written = _validated(merged)
    if datasource:
        written = written.model_copy(update={"grafana": _grafana(written.grafana, datasource)})
    folder = Path() if path is None else path.parent
    files = [folder / name for name in written.objectives]
    objectives = tuple(load_objectives(files) if files else shipped())
    for finding in judge(objectives):
        if finding.severity == REFUSED:
            raise UsageError(f"{finding.objective}: {finding.message}")
    return Configuration(written, objectives)


def _validated(settings: Mapping[str, object]) -> Written:
    try:
        return Written.model_validate(settings)
    except ValueError:
        raise UsageError(
            f"--selector: write one of {', '.join(_SELECTABLE)}, such as project=chem"
        ) from None


def _grafana(configured: Grafana, datasource: str) -> Grafana:
    try:
        return Grafana.model_validate(configured.model_dump() | {"datasource_uid": datasource})
    except ValueError:
        raise UsageError(
            f"--datasource {datasource!r}: write a uid of letters, digits, - and _"
        ) from None
