"""Objectives from files: the short form, OpenSLO v1, and complaints with file and line."""

from dataclasses import replace
from decimal import Decimal
from importlib import resources

import pytest

from qgm_observe.catalog import signals
from qgm_observe.errors import UsageError
from qgm_observe.slo.indicator import Matcher, Ratio, Selection, Slices, Spend, Unit
from qgm_observe.slo.loading import load, shipped

SHORT = """\
objectives:
  - name: runs
    service: training
    brief: Runs end well.
    unit: run
    bad: {signal: qgm.roots, match: {kind: training, outcome: failure}}
    total: {signal: qgm.roots, match: {kind: training}}
    target: 97.5 %
    window: 28d
    events_per_day: 12
"""
SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: sampling
  annotations: {qgm-observe/events-per-day: "40", team: qml}
spec:
  description: Samples come soon.
  service: inference
  indicatorRef: soon
  timeWindow:
    - duration: 28d
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - op: lte
      value: 5
      target: 0.95
  alertPolicies:
    - alertPolicyRef: fast
---
apiVersion: openslo/v1
kind: SLI
metadata: {name: soon}
spec:
  thresholdMetric:
    metricSource:
      metricSourceRef: journal
      spec: {signal: qgm.job.duration, match: {kind: inference}}
---
apiVersion: openslo/v1
kind: Service
metadata: {name: inference, displayName: Sampling}
---
apiVersion: openslo/v1
kind: DataSource
metadata: {name: journal}
spec: {type: qgm-observe, connectionDetails: {path: /var/lib/j.db}}
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: fast}
spec:
  conditions: [{conditionRef: hour}]
  notificationTargets: [{targetRef: pager}]
---
apiVersion: openslo/v1
kind: AlertCondition
metadata: {name: hour}
spec:
  severity: page
  condition: {kind: burnrate, op: gt, threshold: 13.44, lookbackWindow: 1h, alertAfter: 2m}
---
apiVersion: openslo/v1
kind: AlertNotificationTarget
metadata: {name: pager}
spec: {target: pagerduty}
"""


@pytest.fixture
def loaded(tmp_path):
    """Loads a text as a file."""

    def read(text):
        path = tmp_path / "slo.yml"
        path.write_text(text)
        return load([path])

    return read


def test_the_short_form_is_an_objective(loaded):
    """A signal with bad and total is a ratio whose good ones are all others."""
    (found,) = loaded(SHORT)
    of_training = Matcher("kind", ("training",))

    assert (found.name, found.service, found.target) == ("runs", "training", Decimal("0.975"))
    assert found.indicator == Ratio(
        Unit.RUN,
        (Selection(signals.ROOTS, (of_training, Matcher("outcome", ("failure",), negated=True))),),
        (Selection(signals.ROOTS, (of_training,)),),
    )
    assert found.budget_events == pytest.approx(8.4)


def test_all_seven_kinds_of_openslo_load(loaded):
    """An SLO with a referred SLI, a policy, its condition and its target is one objective."""
    (found,) = loaded(SLO)
    total = Selection(signals.JOB_DURATION, (Matcher("kind", ("inference",)),))

    assert found.indicator == Ratio(
        Unit.REQUEST, (Selection(total.signal, total.matchers, 5.0),), (total,)
    )
    assert (found.method, found.events_per_day, found.brief) == (
        "burnrate",
        40,
        "Samples come soon.",
    )
    assert [(b.severity, str(b.factor), b.long, b.short, b.after) for b in found.conditions] == [
        ("page", "13.44", 3600, 300, 120)
    ]


def test_minutes_and_levels_load(loaded):
    """Timeslices of a gauge are good minutes."""
    text = (
        SLO.replace("Occurrences", "Timeslices")
        .replace(
            "      target: 0.95",
            "      target: 0.95\n      timeSliceTarget: 1\n      timeSliceWindow: 1m",
        )
        .replace("qgm.job.duration", "qgm.runs.stalled")
    )
    (found,) = loaded(text)

    assert isinstance(found.indicator, Slices)
    assert found.indicator.good.right == 5


@pytest.mark.parametrize(
    ("old", "new", "place", "advice"),
    [
        ("target: 97.5 %", "target: 100 %", 8, "100 % leaves no budget"),
        ("target: 97.5 %", "target: soon", 8, "write 0.95 or 95 %"),
        ("qgm.roots, match: {kind: training, o", "qgm.rots, match: {kind: training, o", 6,
         "such as qgm.roots"),
        ("outcome: failure", "outcome: bad", 6, "write one of success"),
        ("outcome: failure", "gender: bad", 6, "no label 'gender'"),
        ("unit: run", "unit: hope", 5, "'run', 'request'"),
        ("window: 28d", "window: 1M", 9, "28d"),
        ("window: 28d", "windows: 28d", 9, "mend its spelling"),
        ("name: runs", "name: Runs!", 2, "a-z, 0-9"),
        ("    total", "    good: {signal: qgm.roots}\n    total", 2, "either good or bad"),
        ("events_per_day: 12", "method: luck", 2, "score, burnrate, none"),
    ],
)  # fmt: skip
def test_a_complaint_about_the_short_form_has_its_line(loaded, old, new, place, advice):
    """What is wrong is told with file and line, and what to write instead."""
    assert old in SHORT
    with pytest.raises(UsageError) as told:
        loaded(SHORT.replace(old, new))
    assert f"slo.yml:{place}: " in str(told.value)
    assert advice in str(told.value)


@pytest.mark.parametrize(
    ("old", "new", "place", "advice"),
    [
        ("kind: SLI", "kind: Sli", 22, "SLO, SLI, Service"),
        ("openslo/v1\nkind: SLI", "openslo/v2alpha\nkind: SLI", 21, "write openslo/v1"),
        ("indicatorRef: soon", "indicatorRef: late", 9, "no SLI named 'late'"),
        ("service: inference", "service: traning", 8, "no Service named 'traning'"),
        ("isRolling: true", "isRolling: false", 10, "isRolling: true, or calendar"),
        ("budgetingMethod: Occurrences", "budgetingMethod: RatioTimeslices", 13, "Occurrences"),
        ("op: lte", "op: gte", 15, "upper bounds; write lte"),
        ("value: 5", "value: 6", 15, "write 5 or 10"),
        ("target: 0.95", "targetPercentage: 95", 17, "mend its spelling"),
        ("metricSourceRef: journal", "type: Datadog", 27, "'Datadog' is not supported"),
        ("type: qgm-observe, conn", "type: Datadog, conn", 37, "'Datadog' is not supported"),
        (
            "metricSourceRef: journal",
            "metricSourceRef: nowhere",
            24,
            "no DataSource named 'nowhere'",
        ),
        ("qgm-observe/events-per-day", "qgm-observe/events-a-day", 5, "events-per-day"),
        ("threshold: 13.44", "threshold: high", 51, "valid number"),
        ("conditions: [{conditionRef: hour}]", "conditions: []", 19, "exactly one condition"),
        ("conditions: [", "alertWhenNoData: true\n  conditions: [", 43, "QgmTelemetryLost tells"),
        ("conditions: [", "alertWhenBreaching: false\n  conditions: [", 43, "write true"),
        ("conditions: [", "alertWhenResolved: false\n  conditions: [", 43, "write true, or send"),
        ("target: 0.95", "target: 0.95\n      compositeWeight: 3", 18, "remove it"),
        ("conditionRef: hour", "conditionRef: day", 43, "no AlertCondition named 'day'"),
    ],
)
def test_a_complaint_about_openslo_has_its_line(loaded, old, new, place, advice):
    """What the specification forbids, or this package does not know, is named with its line."""
    assert old in SLO
    with pytest.raises(UsageError) as told:
        loaded(SLO.replace(old, new))
    assert f"slo.yml:{place}: " in str(told.value)
    assert advice in str(told.value)


def test_a_name_stands_once(loaded, tmp_path):
    """Two objectives of one name are refused with both lines, also in two documents."""
    with pytest.raises(
        UsageError, match=r"slo.yml:11: two objectives are named 'runs', .*slo.yml:2"
    ):
        loaded(SHORT + SHORT.removeprefix("objectives:\n"))
    with pytest.raises(UsageError, match="yml:15: two objectives are named 'sampling'"):
        loaded(SHORT.replace("runs", "sampling") + "---\n" + SLO)
    two = SLO.replace("target: 0.95", "target: 0.95\n    - {op: lte, value: 10, target: 0.99}")
    with pytest.raises(UsageError, match="yml:15: two objectives are named 'sampling-1'"):
        loaded(SHORT.replace("runs", "sampling-1") + "---\n" + two)


@pytest.mark.parametrize("text", ["", "objectives: []\n", SLO.partition("---\n")[2]])
def test_a_file_without_an_objective_is_refused(loaded, text):
    """Nothing to judge is no success."""
    with pytest.raises(UsageError, match=r"slo.yml: no objective; write objectives: \[...\]"):
        loaded(text)


def test_a_bomb_is_refused(loaded):
    """Five megabytes of YAML, and aliases that would grow into them, are not read."""
    with pytest.raises(UsageError, match="larger than 1 MiB"):
        loaded("objectives: [" + "a, " * 1_800_000 + "]")
    with pytest.raises(UsageError, match="aliases are not read"):
        loaded("a: &a [1]\nobjectives: [*a, *a]")


def test_money_needs_a_signal_in_money(loaded):
    """Spending is counted in USD; another signal is refused."""
    text = """\
objectives:
  - {name: cost, service: spend, brief: Money., unit: money, cap: 5, spent: {signal: qgm.runs}}
"""
    with pytest.raises(UsageError, match="counts no money"):
        loaded(text)
    assert Spend.__doc__


def test_the_shipped_objectives_keep_training_and_inference_apart():
    """Every objective has its own name and unit, and each of both services has a success."""
    found = {each.name: each for each in shipped()}

    assert {"training-success", "inference-success"} <= set(found)
    for name in ("training", "inference"):
        success = found[f"{name}-success"]
        assert success.target == Decimal("0.95")
        assert success.severity == "page"
        assert {m.values for m in success.indicator.total[0].matchers if m.label == "kind"} == {
            (name,)
        }
    paging = {name for name, each in found.items() if each.severity == "page"}
    assert paging == {"training-success", "inference-success", "quantum-spend"}


def test_the_shipped_objectives_answer_the_measures_that_have_signals():
    """Every measure has an objective."""
    answered = {metric for each in shipped() for metric in each.metrics}
    assert answered == {f"M{n}" for n in range(1, 11)}


def test_the_shipped_cap_is_one_of_billed_money():
    """What is estimated and what is invoiced are other answers, never added to what is billed."""
    spend = next(each for each in shipped() if each.name == "quantum-spend")
    assert isinstance(spend.indicator, Spend)
    assert [(s.signal, s.matchers) for s in spend.indicator.spent] == [
        (signals.COST, (Matcher("basis", ("billed",)),))
    ]


def test_submissions_are_counted_by_attempt():
    """An attempt of a submission is bad when no answer came, or one that blames the provider."""
    found = next(each for each in shipped() if each.name == "provider-submissions")
    bad = Matcher("status_class", ("429", "5xx", "none"), negated=True)
    submit = Matcher("operation", ("submit",))

    assert (found.severity, found.target, found.indicator.unit) == (
        "ticket",
        Decimal("0.99"),
        Unit.ATTEMPT,
    )
    assert found.indicator.total == (Selection(signals.CLIENT_REQUESTS, (submit,)),)
    assert set(found.indicator.good[0].matchers) == {submit, bad}


def test_the_example_in_openslo_is_the_first_that_is_shipped(loaded):
    """What the file of shipped objectives shows in the other form is the same objective."""
    text = resources.files("qgm_observe.slo").joinpath("objectives.yml").read_text("utf-8")
    _, _, example = text.partition("#   apiVersion")
    lines = ("#   apiVersion" + example.partition("\n#\n")[0]).splitlines()
    (found,) = loaded("\n".join(line.removeprefix("#   ") for line in lines))

    assert found == replace(shipped()[0], metrics=())


def test_a_folder_is_all_its_files(tmp_path):
    """A folder gives the objectives of its YAML files; an empty one is a mistake."""
    with pytest.raises(UsageError, match=r"no \.yml"):
        load([tmp_path])
    (tmp_path / "a.yml").write_text(SHORT)
    (tmp_path / "b.yaml").write_text(SLO)
    assert [each.name for each in load([tmp_path])] == ["runs", "sampling"]
