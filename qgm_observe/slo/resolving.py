"""From OpenSLO documents, which name each other, to objectives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from qgm_observe.catalog import signals
from qgm_observe.documents import Document
from qgm_observe.errors import UsageError
from qgm_observe.slo import openslo
from qgm_observe.slo.burn import PAGE, TICKET, Burn
from qgm_observe.slo.indicator import (
    Comparison,
    Indicator,
    Op,
    Ratio,
    Selection,
    Slices,
    Unit,
)
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.short import Levelled, level, selection, share_of, without
from qgm_observe.slo.window import MINUTE, Window, calendar_start, seconds_of

PREFIX = "qgm-observe/"
ANNOTATIONS = ("unit", "method", "severity", "events-per-day", "design-effect", "metrics")
_UNITS = {
    "{run}": Unit.RUN,
    "{root}": Unit.RUN,
    "{job}": Unit.REQUEST,
    "{request}": Unit.REQUEST,
    "{attempt}": Unit.ATTEMPT,
    "{shot}": Unit.SHOT,
}
_TIMED = {signals.RUN_DURATION.name: Unit.RUN, signals.JOB_DURATION.name: Unit.REQUEST}
_PAGING = {"page", "critical"}
R = TypeVar("R", bound=openslo.Resource)
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Written:
    """An OpenSLO resource and the document it stands in."""

    document: Document
    resource: openslo.Resource


def objectives_of(written: Sequence[Written]) -> list[Objective]:
    """Return the objectives of all SLOs; an SLO of several objectives numbers them.

    Raises:
        UsageError: what is wrong or missing, with file and line.
    """
    resolver = _Resolver(written)
    return [made for each in written for made in resolver.objectives(each)]


def names_of(name: str, objectives: int) -> list[str]:
    """Return the names of an SLO's objectives: its own, or numbered ones where it has several."""
    return [name] if objectives == 1 else [f"{name}-{number}" for number in range(objectives)]


class _Resolver:
    def __init__(self, written: Sequence[Written]) -> None:
        self._known = {(type(w.resource), w.resource.metadata.name): w for w in written}

    def objectives(self, written: Written) -> Iterator[Objective]:
        slo, document = written.resource, written.document
        if not isinstance(slo, openslo.Slo):
            return
        for number, target in enumerate(slo.spec.objectives):
            with document.at("spec", "objectives", number):
                yield self._objective(document, slo, number, target)

    def _find(self, kind: type[R], name: str) -> tuple[R, Document]:
        found = self._known.get((kind, name))
        if found is None:
            called = next(word for word, made in openslo.KINDS.items() if made is kind)
            raise UsageError(f"no {called} named {name!r}: write its document or its name")
        assert isinstance(found.resource, kind)  # noqa: S101  told to the type checker
        return found.resource, found.document

    def _objective(
        self, document: Document, slo: openslo.Slo, number: int, target: openslo.Target
    ) -> Objective:
        spec = slo.spec
        told = _annotations(document, slo.metadata)
        with document.at("spec", "service"):
            if any(kind is openslo.Service for kind, _ in self._known):
                self._find(openslo.Service, spec.service)
        conditions = tuple(self._conditions(document, spec))
        name = names_of(slo.metadata.name, len(spec.objectives))[number]
        indicator, share = self._indicator(document, spec, target, told), _share(target)
        window = _window(document, spec)
        with document.at("metadata", "annotations"):
            return Objective(
                name=name,
                service=spec.service,
                brief=spec.description or target.display_name or slo.metadata.display_name or name,
                indicator=indicator,
                target=share,
                window=window,
                method=told.get("method", "burnrate" if conditions else "score"),
                severity=told.get("severity", PAGE),
                events_per_day=_number(told, "events-per-day"),
                design_effect=_number(told, "design-effect") or 1.0,
                metrics=tuple(told.get("metrics", "").split()),
                conditions=conditions,
            )

    def _indicator(
        self,
        document: Document,
        spec: openslo.SloSpec,
        target: openslo.Target,
        told: dict[str, str],
    ) -> Indicator:
        if target.indicator is not None or target.indicator_ref is not None:
            raise UsageError("composite SLOs are not supported: write one SLO an indicator")
        if target.composite_weight is not None:
            raise document.error(
                ("spec", "objectives", 0, "compositeWeight"),
                "composite SLOs are not supported: remove it",
            )
        if (spec.indicator is None) == (spec.indicator_ref is None):
            raise UsageError("spec: write either indicator or indicatorRef")
        if spec.budgeting_method == "RatioTimeslices":
            raise document.error(
                ("spec", "budgetingMethod"),
                "RatioTimeslices is not supported: write Occurrences or Timeslices",
            )
        if spec.indicator is not None:
            place: Place = ("spec", "indicator", "spec")
            source, found = document, spec.indicator.spec
            told = _annotations(document, spec.indicator.metadata) | told
        else:
            with document.at("spec", "indicatorRef"):
                referred, source = self._find(openslo.Sli, spec.indicator_ref or "")
            told = _annotations(source, referred.metadata) | told
            found, place = referred.spec, ("spec",)
        with source.at(*place):
            for name in found.sources:
                self._find(openslo.DataSource, name)
        return _built(source, place, found, spec=spec, target=target, told=told)

    def _conditions(self, document: Document, spec: openslo.SloSpec) -> Iterator[Burn]:
        for number, policy in enumerate(spec.alert_policies):
            place: Place = ("spec", "alertPolicies", number)
            with document.at(*place):
                _refuse_both(policy.alert_policy_ref, policy.spec, "alertPolicyRef")
                found, source = policy.spec, document
                if policy.alert_policy_ref is not None:
                    named, source = self._find(openslo.AlertPolicy, policy.alert_policy_ref)
                    found, place = named.spec, ("spec",)
                assert found is not None  # noqa: S101  told to the type checker
                yield from self._burns(source, place, found)

    def _burns(self, document: Document, place: Place, spec: openslo.PolicySpec) -> Iterator[Burn]:
        if len(spec.conditions) != 1:
            raise UsageError("an AlertPolicy has exactly one condition: write one policy each")
        if spec.alert_when_no_data:
            raise document.error(
                (*place, "alertWhenNoData"),
                "not supported: remove it; QgmTelemetryLost tells when data are missing",
            )
        if not spec.alert_when_breaching:
            raise document.error(
                (*place, "alertWhenBreaching"), "nothing else is alerted on: write true"
            )
        if not spec.alert_when_resolved:
            raise document.error(
                (*place, "alertWhenResolved"),
                "receivers tell every end: write true, or send_resolved: false in alertmanager.yml",
            )
        for target in spec.notification_targets:
            if target.target_ref is not None:
                self._find(openslo.AlertNotificationTarget, target.target_ref)
        condition = spec.conditions[0]
        with document.at(*place, "conditions", 0):
            _refuse_both(condition.condition_ref, condition.spec, "conditionRef")
            found = condition.spec
            if condition.condition_ref is not None:
                found = self._find(openslo.AlertCondition, condition.condition_ref)[0].spec
            assert found is not None  # noqa: S101  told to the type checker
            yield _burn(found)


def _burn(spec: openslo.ConditionSpec) -> Burn:
    """Give a single window the short one of the workbook, a twelfth and at least 5 minutes."""
    told = spec.condition
    if told.op not in {Op.GT, Op.GTE}:
        raise UsageError(f"op {told.op}: a burn alert fires above its threshold; write gt")
    long = seconds_of(told.lookback_window)
    return Burn(
        PAGE if spec.severity in _PAGING else TICKET,
        Decimal(str(told.threshold)),
        long,
        max(5 * MINUTE, long // 12 // MINUTE * MINUTE),
        0.0 if told.alert_after is None else seconds_of(told.alert_after),
    )


def _refuse_both(name: str | None, inline: object, field: str) -> None:
    if (name is None) == (inline is None):
        raise UsageError(f"write either {field}, or kind, metadata and spec")


def _built(
    document: Document,
    place: Place,
    sli: openslo.SliSpec,
    *,
    spec: openslo.SloSpec,
    target: openslo.Target,
    told: dict[str, str],
) -> Indicator:
    if (sli.threshold_metric is None) == (sli.ratio_metric is None):
        raise document.error(place, "write either thresholdMetric or ratioMetric")
    if sli.ratio_metric is not None:
        if target.op is not None or target.value is not None:
            raise UsageError("op and value go with a thresholdMetric: remove them")
        if spec.budgeting_method != "Occurrences":
            raise UsageError("a ratioMetric is counted by Occurrences: write that")
        return _ratio(document, (*place, "ratioMetric"), sli.ratio_metric, told)
    if target.op is None or target.value is None:
        raise UsageError("a thresholdMetric needs op and value: write op: lte and value: 5")
    assert sli.threshold_metric is not None  # noqa: S101  told to the type checker
    where = (*place, "thresholdMetric", "metricSource", "spec")
    source = sli.threshold_metric.metric_source.spec
    if spec.budgeting_method == "Timeslices":
        _refuse_slices(target)
        with document.at(*where):
            return Slices(Comparison(level(document, where, source), target.op, target.value))
    return _latency(document, where, source, target, told)


def _refuse_slices(target: openslo.Target) -> None:
    if target.time_slice_window != "1m":
        raise UsageError("Timeslices are minutes here: write timeSliceWindow: 1m")
    if target.time_slice_target != 1:
        raise UsageError("a minute is good or bad: write timeSliceTarget: 1")


def _latency(
    document: Document, place: Place, source: Levelled, target: openslo.Target, told: dict[str, str]
) -> Ratio:
    """A histogram's observations at most the value are good."""
    if target.op is not Op.LTE:
        raise UsageError(f"op {target.op}: a histogram's buckets are upper bounds; write lte")
    total = _plain_selection(document, place, source)
    good = Selection(total.signal, total.matchers, target.value)
    return Ratio(_unit(told, total), (good,), (total,))


def _ratio(
    document: Document, place: Place, metric: openslo.RatioMetric, told: dict[str, str]
) -> Ratio:
    with document.at(*place):
        if metric.raw is not None or metric.total is None:
            raise UsageError("raw ratios are not supported: write total with good or bad")
        if (metric.good is None) == (metric.bad is None):
            raise UsageError("write total with either good or bad")
        if not metric.counter:
            raise UsageError("signals of the catalog only grow: write counter: true")
        found = {
            name: _plain_selection(
                document, (*place, name, "metricSource", "spec"), part.metric_source.spec
            )
            for name, part in (("total", metric.total), ("good", metric.good), ("bad", metric.bad))
            if part is not None
        }
        total = (found["total"],)
        good = (found["good"],) if "good" in found else without(total, (found["bad"],))
        return Ratio(_unit(told, total[0]), good, total)


def _plain_selection(document: Document, place: Place, source: Levelled) -> Selection:
    if source.quantile is not None or source.over is not None or source.age or source.factor != 1:
        raise document.error(place, "quantile, over, age, factor go with Timeslices: remove them")
    return selection(document, place, source)


def _unit(told: dict[str, str], total: Selection) -> Unit:
    if "unit" in told:
        if told["unit"] not in set(Unit):
            raise UsageError(f"unit {told['unit']!r}: write one of {', '.join(Unit)}")
        return Unit(told["unit"])
    unit = _UNITS.get(total.signal.unit) or _TIMED.get(total.signal.name)
    if unit is None:
        raise UsageError(
            f"what one {total.signal.name} counts as is not known: write the annotation "
            f"{PREFIX}unit with one of {', '.join(Unit)}"
        )
    return unit


def _share(target: openslo.Target) -> Decimal:
    if (target.target is None) == (target.target_percent is None):
        raise UsageError("write either target or targetPercent")
    written = target.target if target.target is not None else f"{target.target_percent} %"
    return share_of(written)


def _window(document: Document, spec: openslo.SloSpec) -> Window:
    with document.at("spec", "timeWindow"):
        if len(spec.time_window) != 1:
            raise UsageError("timeWindow: write one, such as {duration: 28d, isRolling: true}")
        told = spec.time_window[0]
        if told.is_rolling != (told.calendar is None):
            raise UsageError("timeWindow: write isRolling: true, or calendar; not both")
        begun = told.calendar
        starts = None if begun is None else calendar_start(begun.start_time, begun.time_zone)
        return Window(told.duration, starts)


def _annotations(document: Document, metadata: openslo.Metadata) -> dict[str, str]:
    """Return our own annotations without their prefix; those of others are theirs."""
    told = (metadata.annotations or {}).items()
    ours = {name.removeprefix(PREFIX): text for name, text in told if name.startswith(PREFIX)}
    for name in ours:
        if name not in ANNOTATIONS:
            known = ", ".join(PREFIX + each for each in ANNOTATIONS)
            raise document.error(
                ("metadata", "annotations", PREFIX + name),
                f"annotation {PREFIX}{name}: write one of {known}",
            )
    return ours


def _number(told: dict[str, str], name: str) -> float | None:
    try:
        return float(told[name]) if name in told else None
    except ValueError:
        raise UsageError(f"annotation {PREFIX}{name}: write a number") from None
