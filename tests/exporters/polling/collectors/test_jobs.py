"""What is shown of jobs that wait or run."""

from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.polling.collectors.jobs import our_ids, samples
from qgm_observe.providers.protocol import JobState, ProviderJob

ACCOUNT = ("ibm", "team")


def job(id_, state=JobState.QUEUED, **known):
    return ProviderJob(provider="ibm", id=id_, state=state, **known)


def told(jobs, signal, devices=(), ended=None):
    return {
        each.labels[2:]: each.value
        for each in samples(ACCOUNT, jobs, devices, ended)
        if each.signal is signal
    }


def test_nothing_pending_is_a_known_zero_for_known_devices():
    """Without jobs a listed device has 0 in every state of both origins, and no oldest."""
    shown = told([], signals.ACCOUNT_PENDING, ["fez"])

    assert len(shown) == 6
    assert set(shown.values()) == {0}
    assert told([], signals.ACCOUNT_OLDEST_PENDING, ["fez"]) == {}


def test_a_job_that_has_ended_is_not_pending():
    """What the provider lists although it is over is left out; an unknown state is not."""
    jobs = [job("a", JobState.DONE, device="fez"), job("b", JobState.UNKNOWN, device="fez")]
    shown = told(jobs, signals.ACCOUNT_PENDING)

    assert {key: value for key, value in shown.items() if value} == {("fez", "unknown", "other"): 1}


def test_a_job_without_a_device_is_counted_apart():
    """Its device is `unknown`."""
    assert told([job("a")], signals.ACCOUNT_PENDING)[("unknown", "queued", "other")] == 1


def test_our_jobs_are_told_by_their_tag():
    """Only tags that begin with `qgm-` carry an id of ours."""
    assert our_ids(job("a", tags=("x", "qgm-0a", "aqgm-0b"))) == ["0a"]


def test_abandoned_needs_a_journal_and_counts_ours_alone():
    """Without a journal there is no sample; with one, a known device without any has 0."""
    jobs = [job("a", device="fez", tags=("qgm-0a",)), job("b", device="fez", tags=("qgm-0b",))]

    assert told(jobs, signals.ACCOUNT_ABANDONED) == {}
    assert told(jobs, signals.ACCOUNT_ABANDONED, ["torino"], {"0a"}) == {
        ("fez",): 1,
        ("torino",): 0,
    }
