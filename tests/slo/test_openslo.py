"""What each field of an OpenSLO document becomes, and which are refused."""

from decimal import Decimal

import pytest

from qgm_observe.catalog import signals
from qgm_observe.errors import UsageError
from qgm_observe.slo.indicator import Matcher, Op, Ratio, Selection, Slices, Unit
from qgm_observe.slo.loading import load
from qgm_observe.slo.window import DAY

HEAD = "apiVersion: openslo/v1\nkind: SLO\n"
METADATA = "metadata: {name: runs}"
RATIO = """\
      ratioMetric:
        counter: true
        good: {metricSource: {spec: {signal: qgm.roots, match: {outcome: success}}}}
        total: {metricSource: {spec: {signal: qgm.roots}}}
"""
LEVEL = """\
      thresholdMetric:
        metricSource: {spec: {signal: qgm.runs.stalled}}
"""
WINDOW = "timeWindow: [{duration: 28d, isRolling: true}]"
OBJECTIVES = "objectives: [{target: 0.95}]"
MINUTES = "{op: lte, value: 0, target: 0.95, timeSliceTarget: 1, timeSliceWindow: 1m}"
POLICY = """\
  alertPolicies:
    - kind: AlertPolicy
      metadata: {name: fast}
      spec:
        conditions:
          - kind: AlertCondition
            metadata: {name: hour}
            spec:
              severity: SEVERITY
              condition: {kind: burnrate, op: OP, threshold: 10, lookbackWindow: 1h}
"""


def written(metric=RATIO, *, method="Occurrences", policy="", **changed):
    parts = {"metadata": METADATA, "window": WINDOW, "objectives": OBJECTIVES} | changed
    return (
        f"{HEAD}{parts['metadata']}\nspec:\n  service: training\n  description: Runs end well.\n"
        f"  indicator:\n    metadata: {{name: good}}\n    spec:\n{metric}"
        f"  {parts['window']}\n  budgetingMethod: {method}\n  {parts['objectives']}\n{policy}"
    )


@pytest.fixture
def loaded(tmp_path):
    """Loads a text as a file."""

    def read(text):
        (tmp_path / "slo.yml").write_text(text)
        return load([tmp_path / "slo.yml"])

    return read


def test_good_of_all_is_a_ratio(loaded):
    """A ratioMetric's good and total are those of the indicator, not the other way around."""
    (found,) = loaded(written())

    assert found.indicator == Ratio(
        Unit.RUN,
        (Selection(signals.ROOTS, (Matcher("outcome", ("success",)),)),),
        (Selection(signals.ROOTS),),
    )
    assert found.method == "score"


def test_bad_of_all_is_all_others_good(loaded):
    """A ratioMetric's bad ones are taken from its total."""
    bad = RATIO.replace("good:", "bad:").replace("success", "failure")
    (found,) = loaded(written(bad))

    (good,) = found.indicator.good
    assert good.matchers == (Matcher("outcome", ("failure",), negated=True),)


def test_a_target_in_percent_is_a_share(loaded):
    """99.5 percent are 0.995."""
    (found,) = loaded(written(objectives="objectives: [{targetPercent: 99.5}]"))

    assert found.target == Decimal("0.995")


def test_several_objectives_are_numbered(loaded):
    """Each target of an SLO is an objective of its own, with its own value."""
    found = loaded(written(objectives="objectives: [{target: 0.9}, {target: 0.99}]"))

    assert [(each.name, str(each.target)) for each in found] == [
        ("runs-0", "0.9"),
        ("runs-1", "0.99"),
    ]


def test_a_window_of_the_calendar_begins_with_it(loaded):
    """A calendar window is none that rolls."""
    calendar = (
        "timeWindow: [{duration: 1M, isRolling: false, "
        'calendar: {startTime: "2026-01-01 00:00:00", timeZone: Europe/Berlin}}]'
    )
    (rolling,), (of_month,) = loaded(written()), loaded(written(window=calendar))

    assert (rolling.window.starts, rolling.window.seconds) == (None, 28 * DAY)
    assert of_month.window.starts is not None


def test_minutes_are_compared_to_the_value(loaded):
    """Timeslices of a level are good minutes by its operator and value."""
    text = written(LEVEL, method="Timeslices", objectives=f"objectives: [{MINUTES}]")
    (found,) = loaded(text)

    assert isinstance(found.indicator, Slices)
    assert (found.indicator.good.op, found.indicator.good.right) == (Op.LTE, 0)


@pytest.mark.parametrize(
    ("severity", "becomes"), [("page", "page"), ("critical", "page"), ("ticket", "ticket")]
)
def test_a_severity_is_a_page_or_a_ticket(loaded, severity, becomes):
    """Page and critical wake somebody, anything else is a ticket."""
    policy = POLICY.replace("SEVERITY", severity).replace("OP", "gt")
    (found,) = loaded(written(policy=policy))

    assert [burn.severity for burn in found.conditions] == [becomes]


def test_annotations_say_what_the_specification_cannot(loaded):
    """Unit, severity, design effect, traffic, method and measures are annotations of ours."""
    told = {
        "unit": "request",
        "severity": "ticket",
        "design-effect": "3",
        "events-per-day": "40",
        "method": "none",
        "metrics": "M1 M2",
    }
    inside = ", ".join(f'qgm-observe/{name}: "{value}"' for name, value in told.items())
    (found,) = loaded(written(metadata=f"metadata: {{name: runs, annotations: {{{inside}}}}}"))

    assert found.indicator.unit is Unit.REQUEST
    assert (found.severity, found.design_effect, found.events_per_day) == ("ticket", 3.0, 40.0)
    assert (found.method, found.metrics) == ("none", ("M1", "M2"))


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"metric": RATIO.replace("true", "false")}, "write counter: true"),
        ({"objectives": "objectives: [{target: 0.95, value: 5, op: lte}]"}, "remove them"),
        ({"objectives": "objectives: [{target: 0.95, targetPercent: 95}]"}, "either target or"),
        ({"objectives": "objectives: [{target: 0.95, indicatorRef: x}]"}, "one SLO an indicator"),
        ({"method": "Timeslices"}, "counted by Occurrences"),
        ({"policy": POLICY.replace("SEVERITY", "page").replace("OP", "lt")}, "write gt"),
        ({"metadata": "metadata: {name: Runs}"}, "metadata.name"),
    ],
    ids=["counter", "value", "two-targets", "composite", "slices", "below", "name"],
)
def test_what_would_be_judged_otherwise_is_refused(loaded, changes, advice):
    """What this package does not do is refused by one line, and not ignored."""
    with pytest.raises(UsageError, match=advice):
        loaded(written(**changes))


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        ("timeSliceWindow: 1m", "timeSliceWindow: 5m", "write timeSliceWindow: 1m"),
        ("timeSliceTarget: 1,", "timeSliceTarget: 0.9,", "write timeSliceTarget: 1"),
    ],
)
def test_a_slice_is_a_minute_that_is_good_or_bad(loaded, old, new, advice):
    """Longer slices, and slices that are good in part, are refused."""
    objectives = f"objectives: [{MINUTES.replace(old, new)}]"
    with pytest.raises(UsageError, match=advice):
        loaded(written(LEVEL, method="Timeslices", objectives=objectives))


def test_a_target_that_nobody_defined_is_missing(loaded):
    """A policy that tells somebody unknown is refused."""
    policy = POLICY.replace("SEVERITY", "page").replace("OP", "gt")
    policy = policy.rstrip("\n") + "\n        notificationTargets: [{targetRef: pager}]\n"
    with pytest.raises(UsageError, match="no AlertNotificationTarget named 'pager'"):
        loaded(written(policy=policy))


def test_a_description_has_its_longest(loaded):
    """The specification's 1,050 characters are the most."""
    with pytest.raises(UsageError, match="at most 1050 characters"):
        loaded(written().replace("Runs end well.", "x" * 1051))
    assert loaded(written().replace("Runs end well.", "x" * 1050))
