"""Selections and counts in PromQL, literally, and as promtool reads them."""

import json
import subprocess

import pytest

from qgm_observe.catalog import observe_signals, signals
from qgm_observe.slo import promql
from qgm_observe.slo.indicator import Matcher, Ratio, Selection, Slices, Spend
from qgm_observe.slo.loading import shipped


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (
            Selection(signals.ROOTS, (Matcher("outcome", ("failure", "lost")),)),
            'qgm_roots_total{source="journal",outcome=~"failure|lost"}',
        ),
        (
            Selection(signals.ROOTS, (Matcher("project", ("a+b", 'c"d'), negated=True),)),
            'qgm_roots_total{source="journal",project!~"a\\\\+b|c\\"d"}',
        ),
        (
            Selection(signals.JOB_DURATION, (Matcher("kind", ("inference",)),), 5.0),
            'qgm_job_duration_seconds_bucket{source="journal",kind="inference",le="5.0"}',
        ),
        (Selection(signals.JOB_DURATION), 'qgm_job_duration_seconds_count{source="journal"}'),
    ],
)
def test_a_selection_is_a_selector(selection, text):
    """Matchers become conditions, a bound a bucket, and one source is selected."""
    assert promql.selector(selection) == text


def test_a_factor_multiplies_a_count():
    """The factor stands before the difference, within the sum."""
    plain = promql.count([Selection(signals.COST)], 3600)
    assert promql.count([Selection(signals.COST, factor=200)], 3600) == (
        plain.replace("sum (", "sum (200 * ", 1)
    )


def test_a_count_is_an_exact_difference():
    """A count is the newest sample less the one at the window's begin, or less nothing."""
    text = promql.count([Selection(observe_signals.DROPPED)], 3600)
    x = 'qgm_observe_events_dropped_total{source="journal"}'
    assert text == (
        f"sum (clamp_min(max by () (last_over_time({x}[1h])) - (max by () "
        f"(last_over_time({x}[6h] offset 1h)) or max by () (last_over_time({x}[1h])) * 0), 0))"
    )


def test_a_count_without_a_begin_is_since_the_first_sample():
    """Where rules record first samples, the least one in the window stands for a missing begin."""
    selection = Selection(signals.JOB_DURATION, (Matcher("pipeline", ("p",)),), 5.0)
    plain = promql.count([selection], 3600)
    labels = ", ".join(signals.JOB_DURATION.label_names)
    first = 'qgm:slo_first:qgm_job_duration_seconds_bucket{slo="fast"}'

    assert promql.count([selection], 3600, slo="fast") == plain.replace(
        "offset 1h)) or ", f"offset 1h)) or min by ({labels}) (min_over_time({first}[1h])) or "
    )


def test_first_samples_are_recorded_by_the_name_of_their_counter():
    """A sample is a first one when the hour before told none; one name takes all selections."""
    good, bad = (
        Selection(signals.ROOTS, (Matcher("outcome", (outcome,)),))
        for outcome in ("success", "failure")
    )
    texts = [
        f"min_over_time({x}[5m]) unless present_over_time({x}[1h] offset 5m)"
        for x in map(promql.selector, (good, bad))
    ]

    assert promql.firsts([good, bad, good]) == {"qgm:slo_first:qgm_roots_total": " or ".join(texts)}


def test_promtool_reads_every_shipped_indicator(tools, tmp_path):
    """Good and total of each shipped objective are valid PromQL, and who spent its minutes."""
    rules = []
    for each in shipped():
        if isinstance(each.indicator, Spend):
            continue  # its rules are those of alerts, which have tests of their own
        if isinstance(each.indicator, Ratio):
            texts = [
                promql.count(
                    chosen,
                    86400,
                    ("provider",) if "provider" in names(chosen) else (),
                    each.name,
                )
                for chosen in (each.indicator.good, each.indicator.total)
            ]
        else:
            assert isinstance(each.indicator, Slices)
            texts = [promql.minutes(each.indicator, 86400, good=good) for good in (True, False)]
            texts.append(promql.bad_minutes(each.indicator, 86400, ("pipeline", "device")))
        rules += [
            {"record": f"slo:{which}", "expr": text, "labels": {"slo": each.name}}
            for which, text in zip(("good", "total", "spent"), texts, strict=False)
        ]
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    done = subprocess.run(
        [tools("promtool"), "check", "rules", "--lint-fatal", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(rules)} rules found" in done.stdout


def names(selections):
    return selections[0].signal.label_names


def test_minutes_are_bad_unless_excused():
    """A minute is bad when its comparison fails somewhere and nothing excuses it."""
    stalled = next(each for each in shipped() if each.name == "training-in-flight").indicator
    text = promql.minutes(stalled, 3600, good=True)
    counted = 'group(qgm_runs_in_flight{source="journal",kind="training"} > 0)'

    assert text.startswith(f"sum_over_time((({counted} unless on () (")
    assert 'qgm_runs_stalled{source="journal",kind="training"} > 0 unless on () (' in text
    assert "<= on (provider, device) max by (provider, device) (qgm_device_queue_wait" in text
    assert text.endswith(f"or {counted} * 0)[1h:1m])")
