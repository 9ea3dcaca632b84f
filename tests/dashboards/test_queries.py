"""Queries of panels, as PromQL text."""

import pytest

from qgm_observe.catalog import labels as by
from qgm_observe.catalog import observe_signals, provider_signals, signals
from qgm_observe.dashboards.queries import Scope, pick
from qgm_observe.errors import UsageError
from qgm_observe.slo.indicator import Matcher

SCOPE = Scope((by.PROJECT, by.DEVICE))
ROOTS = 'qgm_roots_total{source="journal",project=~"$project"}'


def test_a_selector_is_narrowed_by_the_choices_that_its_signal_has():
    """Project and device narrow jobs; a device's own signal knows no project, nor a source."""
    assert SCOPE.selector(signals.JOBS) == (
        'qgm_jobs_total{source="journal",project=~"$project",device=~"$device"}'
    )
    assert SCOPE.selector(provider_signals.DEVICE_QUEUE) == (
        'qgm_device_queue_jobs{device=~"$device"}'
    )


def test_what_is_chosen_wins_over_the_choice():
    """A label that the query itself fixes is not chosen a second time."""
    chosen = pick(provider_signals.DEVICE_STATE, device_state="online")

    assert Scope((by.DEVICE_STATE,)).selector(chosen) == 'qgm_device_state{device_state="online"}'


def test_the_configured_selector_is_in_every_signal_that_has_the_label():
    """A board for one project asks for it everywhere, and choices stay inside it."""
    scope = Scope((by.PROJECT,), (Matcher("project", ("chem",)),))

    assert scope.selector(signals.ROOTS) == (
        'qgm_roots_total{source="journal",project="chem",project=~"$project"}'
    )
    assert scope.selector(provider_signals.DEVICE_T1) == "qgm_device_t1_seconds"


def test_health_of_this_package_has_any_source():
    """Each process counts its own errors, so that no source is asked for."""
    assert SCOPE.selector(observe_signals.ERRORS) == "qgm_observe_errors_total"


def test_a_histogram_is_its_buckets():
    """A selector of a histogram takes its buckets, a count its observations."""
    duration = 'qgm_run_duration_seconds_%s{source="journal",project=~"$project"}'

    assert SCOPE.selector(signals.RUN_DURATION) == duration % "bucket"
    assert duration % "count" in SCOPE.count(signals.RUN_DURATION, "1h")
    assert "_bucket" not in SCOPE.count(signals.RUN_DURATION, "1h")


def test_a_count_is_an_exact_difference_of_one_replica():
    """The newest value less the one at the begin; who has none at the begin began at 0."""
    one = f"max without (instance, pod) (last_over_time({ROOTS}[1h]))"
    before = f"max without (instance, pod) (last_over_time({ROOTS}[6h] offset $__range))"

    assert SCOPE.count(signals.ROOTS, "$__range", ("outcome",)) == (
        f"sum by (outcome) (clamp_min({one} - ({before} or {one} * 0), 0))"
    )


def test_a_share_of_too_few_is_no_number():
    """Good ones that were never seen are 0; all of fewer than 20 give NaN."""
    good, total = pick(signals.ROOTS, outcome="success"), pick(signals.ROOTS)
    text = SCOPE.share(good, total, "1d")

    assert text == (
        f"({SCOPE.count(good, '1d')} or on () vector(0)) / ({SCOPE.count(total, '1d')} >= 20)"
        " or on () vector(NaN)"
    )


def test_a_state_is_the_number_of_its_value():
    """The first value of the label is 1, the second 2."""
    text = Scope(()).state(provider_signals.PROVIDER_CIRCUIT, by.CIRCUIT_STATE, ("provider",))

    assert text == (
        'max by (provider) (qgm_provider_circuit_state{circuit_state="closed"} * 1'
        ' or qgm_provider_circuit_state{circuit_state="open"} * 2'
        ' or qgm_provider_circuit_state{circuit_state="half_open"} * 3)'
    )


def test_any_other_value_is_written_with_a_mark():
    """`!success` takes every outcome but success."""
    assert 'outcome!="success"' in Scope(()).selector(pick(signals.JOBS, outcome="!success"))


@pytest.mark.parametrize(
    ("labels", "message"),
    [({"outcome": "sucess"}, "never 'sucess'"), ({"colour": "red"}, "no label 'colour'")],
)
def test_what_can_never_be_found_is_refused(labels, message):
    """A misspelt label or value fails when the board is made, not when it is opened."""
    with pytest.raises(UsageError, match=message):
        pick(signals.JOBS, **labels)
