"""OpenSLO v1 as written: one model a kind, checked by the field rules of its specification.

Source: OpenSLO v1 (github.com/OpenSLO/OpenSLO) and the validation of its Go SDK, `pkg/openslo/v1`.
"""

from typing import Any, Literal

from qgm_observe.documents import CamelModel, Document
from qgm_observe.errors import UsageError
from qgm_observe.slo.indicator import Op
from qgm_observe.slo.short import Levelled, checked_name

API_VERSION = "openslo/v1"
SOURCE_TYPE = "qgm-observe"
LONGEST_DESCRIPTION = 1050


class Metadata(CamelModel):
    """Who it is."""

    name: str
    display_name: str | None = None
    labels: dict[str, str | list[str]] | None = None
    annotations: dict[str, str] | None = None


class MetricSource(CamelModel):
    """Where a number comes from: a catalog signal."""

    metric_source_ref: str | None = None
    type: str | None = None
    spec: Levelled


class Metric(CamelModel):
    """A number."""

    metric_source: MetricSource


class RatioMetric(CamelModel):
    """Good or bad ones of all."""

    counter: bool = False
    good: Metric | None = None
    bad: Metric | None = None
    total: Metric | None = None
    raw_type: Literal["success", "failure"] | None = None
    raw: Metric | None = None


class SliSpec(CamelModel):
    """What is measured."""

    description: str = ""
    threshold_metric: Metric | None = None
    ratio_metric: RatioMetric | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources that it refers to."""
        ratio = self.ratio_metric
        parts = [] if ratio is None else [ratio.good, ratio.bad, ratio.total, ratio.raw]
        told = [part.metric_source for part in (self.threshold_metric, *parts) if part is not None]
        return tuple(each.metric_source_ref for each in told if each.metric_source_ref is not None)


class Inline(CamelModel):
    """An SLI within an SLO."""

    metadata: Metadata
    spec: SliSpec


class Target(CamelModel):
    """One objective of an SLO."""

    display_name: str = ""
    op: Op | None = None
    value: float | None = None
    target: float | None = None
    target_percent: float | None = None
    time_slice_target: float | None = None
    time_slice_window: str | None = None
    indicator: Inline | None = None
    indicator_ref: str | None = None
    composite_weight: float | None = None


class CalendarStart(CamelModel):
    """When windows of the calendar begin."""

    start_time: str
    time_zone: str


class TimeWindow(CamelModel):
    """Over which an SLO is judged."""

    duration: str
    is_rolling: bool = False
    calendar: CalendarStart | None = None


class BurnCondition(CamelModel):
    """When a budget burns too fast."""

    kind: Literal["burnrate"]
    op: Op
    threshold: float
    lookback_window: str
    alert_after: str | None = None


class ConditionSpec(CamelModel):
    """How urgent a burn is."""

    severity: str
    condition: BurnCondition
    description: str = ""


class PolicyCondition(CamelModel):
    """A condition of a policy, or the name of one."""

    condition_ref: str | None = None
    kind: Literal["AlertCondition"] | None = None
    metadata: Metadata | None = None
    spec: ConditionSpec | None = None


class TargetSpec(CamelModel):
    """Whom an alert is sent to; routes are those of the Alertmanager configuration."""

    target: str
    description: str = ""


class PolicyTarget(CamelModel):
    """A notification target of a policy, or the name of one."""

    target_ref: str | None = None
    kind: Literal["AlertNotificationTarget"] | None = None
    metadata: Metadata | None = None
    spec: TargetSpec | None = None


class PolicySpec(CamelModel):
    """When and whom to alert."""

    description: str = ""
    alert_when_no_data: bool = False
    alert_when_breaching: bool = True
    alert_when_resolved: bool = True
    conditions: tuple[PolicyCondition, ...] = ()
    notification_targets: tuple[PolicyTarget, ...] = ()


class SloPolicy(CamelModel):
    """A policy of an SLO, or the name of one."""

    alert_policy_ref: str | None = None
    kind: Literal["AlertPolicy"] | None = None
    metadata: Metadata | None = None
    spec: PolicySpec | None = None


class SloSpec(CamelModel):
    """What is promised."""

    description: str = ""
    service: str
    indicator: Inline | None = None
    indicator_ref: str | None = None
    budgeting_method: Literal["Occurrences", "Timeslices", "RatioTimeslices"]
    time_window: tuple[TimeWindow, ...] = ()
    objectives: tuple[Target, ...]
    alert_policies: tuple[SloPolicy, ...] = ()


class ServiceSpec(CamelModel):
    """What objectives belong to."""

    description: str = ""


class DataSourceSpec(CamelModel):
    """Where signals are; only those of this package are known."""

    type: str
    description: str = ""
    connection_details: dict[str, Any] | None = None


class Resource(CamelModel):
    """What every kind has."""

    api_version: str
    kind: str
    metadata: Metadata


class Slo(Resource):
    """Kind SLO."""

    spec: SloSpec


class Sli(Resource):
    """Kind SLI."""

    spec: SliSpec


class Service(Resource):
    """Kind Service."""

    spec: ServiceSpec = ServiceSpec()


class DataSource(Resource):
    """Kind DataSource."""

    spec: DataSourceSpec


class AlertPolicy(Resource):
    """Kind AlertPolicy."""

    spec: PolicySpec


class AlertCondition(Resource):
    """Kind AlertCondition."""

    spec: ConditionSpec


class AlertNotificationTarget(Resource):
    """Kind AlertNotificationTarget."""

    spec: TargetSpec


KINDS: dict[str, type[Resource]] = {
    "SLO": Slo,
    "SLI": Sli,
    "Service": Service,
    "DataSource": DataSource,
    "AlertPolicy": AlertPolicy,
    "AlertCondition": AlertCondition,
    "AlertNotificationTarget": AlertNotificationTarget,
}


def resource_of(document: Document) -> Resource:
    """Return an OpenSLO document as a model of its kind.

    Raises:
        UsageError: what is wrong in it, with file and line.
    """
    data = document.data if isinstance(document.data, dict) else {}
    version, kind = data.get("apiVersion"), data.get("kind")
    if version != API_VERSION:
        raise document.error(("apiVersion",), f"apiVersion {version!r}: write {API_VERSION}")
    if kind not in KINDS:
        raise document.error(
            ("kind",), f"kind {kind!r} is not supported: write one of {', '.join(KINDS)}"
        )
    _refuse_foreign_sources(document, data, ())
    made = document.validated(KINDS[kind])
    try:
        checked_name(made.metadata.name)
    except UsageError as error:
        raise document.error(("metadata", "name"), f"metadata.name: {error}") from None
    if isinstance(made, DataSource) and made.spec.type != SOURCE_TYPE:
        raise document.error(
            ("spec", "type"), f"type {made.spec.type!r} is not supported: write {SOURCE_TYPE}"
        )
    if len(_description(made)) > LONGEST_DESCRIPTION:
        raise document.error(("spec", "description"), "description: write at most 1050 characters")
    return made


def _description(made: Resource) -> str:
    return str(getattr(getattr(made, "spec", None), "description", ""))


def _refuse_foreign_sources(document: Document, data: Any, place: tuple[str | int, ...]) -> None:
    """Name a source of another system before its fields are found unknown."""
    if isinstance(data, dict):
        source = data.get("metricSource")
        if isinstance(source, dict) and source.get("type", SOURCE_TYPE) != SOURCE_TYPE:
            raise document.error(
                (*place, "metricSource", "type"),
                f"metricSource type {source['type']!r} is not supported: write "
                f"type: {SOURCE_TYPE} with spec: {{signal: ..., match: {{...}}}}",
            )
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        if isinstance(value, dict | list):
            _refuse_foreign_sources(document, value, (*place, key))
