"""Policies that every signal of the catalog keeps."""

import pytest

from qgm_observe.catalog import (
    SIGNALS,
    STAGES,
    Kind,
    Outcome,
    Signal,
    Stability,
    observe_signals,
    provider_signals,
    signals,
)
from qgm_observe.catalog import labels as by

FORBIDDEN = {"id", "job_id", "run_id", "calibration_id", "message", "error", "shots", "source"}
TARGET_LABELS = {"job", "instance", "zone", "cluster", "environment", "le", "quantile"}
MODULES = (signals, observe_signals, provider_signals)
OF_WORK, OF_PROVIDERS = (
    [value for value in vars(module).values() if isinstance(value, Signal)]
    for module in (signals, provider_signals)
)


@pytest.fixture(params=SIGNALS.values(), ids=lambda signal: signal.name)
def signal(request):
    return request.param


def test_a_label_never_carries_an_identity_or_a_text(signal):
    """No signal has an id, an error text or an exact shot count as a label."""
    assert not FORBIDDEN & set(signal.label_names)


def test_a_label_never_hides_what_prometheus_adds(signal):
    """No label takes the name of a target label or of one that Prometheus reserves."""
    assert not TARGET_LABELS & set(signal.label_names)


def test_labels_begin_with_the_work_or_the_job_or_belong_to_our_own_health(signal):
    """Work signals carry the labels of the work or the job first, in the same order."""
    if signal.name.startswith(("qgm.run", "qgm.step", "qgm.roots")):
        assert signal.labels in (by.WORK, (*by.WORK, by.OUTCOME))
    elif signal.name.startswith("qgm.compile.cache."):
        assert signal.labels == by.DEVICES
    elif signal.name.startswith("qgm.device_time."):
        assert signal.labels == (*by.WORK, *by.DEVICES)
    elif signal.name.startswith("qgm.layout."):
        assert signal.labels[:3] == (*by.DEVICES, by.REGION)
    elif signal.name.startswith("qgm.client."):
        assert signal.labels[: len(by.CLIENT)] == by.CLIENT
    elif signal in OF_WORK:
        assert signal.labels[: len(by.JOB)] == by.JOB


def test_what_a_provider_tells_is_of_a_device_or_an_account(signal):
    """Signals of the sidecars begin with the device or the account, or are of their own health."""
    if signal in OF_PROVIDERS and not signal.name.startswith("qgm.exporter."):
        assert signal.labels[:2] in (by.DEVICES, by.ACCOUNTING)


def test_a_counter_counts_things_or_units_and_a_duration_is_in_seconds(signal):
    """Durations are in seconds; what is counted are seconds, bytes, money or things."""
    if "duration" in signal.name:
        assert signal.unit == "s"
    if signal.kind is Kind.COUNTER:
        assert signal.unit in {"s", "By", "USD"} or signal.unit.startswith("{")


def test_the_key_is_the_name_and_no_two_share_an_exposed_one():
    """Signals are found by their own name, and their Prometheus names differ."""
    assert all(name == signal.name for name, signal in SIGNALS.items())
    assert len({signal.prometheus for signal in SIGNALS.values()}) == len(SIGNALS)


def test_every_declared_signal_is_in_the_table():
    """Each signal of the modules is in `SIGNALS`, in the order of declaration."""
    values = [value for module in MODULES for value in vars(module).values()]
    declared = [value for value in values if isinstance(value, Signal)]

    assert list(SIGNALS.values()) == declared


def test_no_exposed_name_is_a_part_of_a_histogram():
    """No name collides with the `_bucket`, `_sum` and `_count` of a histogram."""
    parts = {
        f"{signal.prometheus}{part}"
        for signal in SIGNALS.values()
        if signal.kind is Kind.HISTOGRAM
        for part in ("_bucket", "_sum", "_count")
    }

    assert not parts & {signal.prometheus for signal in SIGNALS.values()}


def test_what_objectives_rest_on_is_stable():
    """The counters and durations that objectives are built from may be relied on."""
    for signal in (signals.RUNS, signals.JOBS, signals.JOB_ERRORS, signals.JOB_STAGE_DURATION):
        assert signal.stability is Stability.STABLE


def test_a_label_is_bounded():
    """Each label is a closed set or has a bound of a few hundred values, parts of devices apart."""
    parts = {by.QUBIT: 2_000, by.EDGE: 5_000}
    for label in {label for signal in SIGNALS.values() for label in signal.labels}:
        assert 0 < (label.bound or len(label.values)) <= parts.get(label, 200)


def test_one_label_name_is_one_label():
    """No two labels share a name and differ in their values."""
    labels = {label for signal in SIGNALS.values() for label in signal.labels}

    assert len({label.name for label in labels}) == len(labels)


def test_stage_and_outcome_labels_are_the_closed_sets():
    """The labels of stages and outcomes take exactly the values of the catalog."""
    assert by.STAGE.values == tuple(STAGES)
    assert by.OUTCOME.values == tuple(Outcome)
