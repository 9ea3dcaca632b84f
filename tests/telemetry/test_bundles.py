"""Bundles: what is published together."""

import pytest

from qgm_observe.catalog import SIGNALS, STAGES, Level, Outcome, observe_signals, signals
from qgm_observe.journal.measure import NO_DEVICE
from qgm_observe.telemetry.bundles import anchor, bundle, bundle_of

WORK = ("p", "l", "m", "1", "training")
JOB = (*WORK, "ibm", "fez", "eu", "job", "1k")


def label_sets(noun, labels):
    return {name: list(sets) for name, sets in bundle(noun, labels)}


@pytest.mark.parametrize("noun", ["run", "root", "job", "session"])
def test_every_label_set_of_a_bundle_fits_its_signal(noun):
    """A bundle gives each signal exactly as many label values as it has labels."""
    for name, sets in label_sets(noun, WORK if noun in {"run", "root"} else JOB).items():
        assert {len(values) for values in sets} == {len(SIGNALS[name].labels)}


@pytest.mark.parametrize("noun", ["run", "root", "job", "session"])
def test_a_bundle_knows_its_own_label_sets(noun):
    """Every label set of a bundle leads back to that bundle, its anchor included."""
    labels = WORK if noun in {"run", "root"} else JOB
    for name, sets in label_sets(noun, labels).items():
        assert {bundle_of(SIGNALS[name], values) for values in sets} == {(noun, labels)}
    signal, first = anchor(noun, labels)
    assert first in label_sets(noun, labels)[signal.name]


def test_a_job_brings_all_outcomes_and_all_ten_stages():
    """The first word of a job's label set publishes six outcomes and ten stages."""
    job = label_sets("job", JOB)

    assert job["qgm.jobs"] == [(*JOB, outcome) for outcome in Outcome]
    assert job["qgm.job.stage.duration"] == [(*JOB, stage) for stage in STAGES]


def test_a_run_brings_the_stages_of_runs_and_steps_without_a_device():
    """A run publishes the five stages that are no job's, with empty device labels."""
    stages = label_sets("run", WORK)["qgm.job.stage.duration"]

    assert stages == [
        (*WORK, *NO_DEVICE, stage.name) for stage in STAGES.values() if stage.level != Level.JOB
    ]


def test_errors_are_not_published_beforehand():
    """150 combinations of stage and error class a label set would drown the rest."""
    assert "qgm.job.errors" not in label_sets("job", JOB)
    assert bundle_of(signals.JOB_ERRORS, (*JOB, "submit", "quota")) == ("job", JOB)


def test_own_health_has_no_bundle():
    """Signals of this package's own health stand alone."""
    assert bundle_of(observe_signals.ERRORS, ("writer",)) is None
