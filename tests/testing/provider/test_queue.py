"""Jobs wait, run and end by the provider's clock."""

from collections.abc import Callable
from typing import Any

import pytest
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.exceptions import (
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobTimeoutError,
)

from qgm_observe.testing.provider import Fate, IBMProvider
from qgm_observe.testing.provider.jobs import RAN_TOO_LONG

DEVICE = "ibmq_manila"


def test_a_job_waits_for_those_of_others(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any]
) -> None:
    """Behind 3 jobs of 5 s a job runs after 15 s and is done 2 s later; the length counts it."""
    provider.devices[DEVICE].queue = 3
    job = submit()
    seen = [(job.status(), backend.status().pending_jobs)]
    for seconds in (14.9, 0.2, 2):
        provider.clock.advance(seconds)
        seen.append((job.status(), backend.status().pending_jobs))

    assert seen == [("QUEUED", 4), ("QUEUED", 4), ("RUNNING", 3), ("DONE", 3)]


def test_jobs_of_an_account_run_one_after_the_other(
    provider: IBMProvider, submit: Callable[..., Any]
) -> None:
    """Three jobs at once start 2 s apart, in the order in which they came."""
    ids = [submit().job_id() for _ in range(3)]
    provider.clock.advance(60)
    start = provider.jobs[ids[0]].created

    assert [provider.jobs[id_].started - start for id_ in ids] == [0, 2, 4]


def test_waiting_for_a_result_times_out_in_the_queue(
    provider: IBMProvider, submit: Callable[..., Any]
) -> None:
    """A wait that is too short raises, and the job goes on."""
    provider.devices[DEVICE].queue = 100
    job = submit()

    with pytest.raises(RuntimeJobTimeoutError):
        job.result(timeout=0)
    assert job.status() == "QUEUED"


@pytest.mark.parametrize("running", [False, True])
def test_a_cancelled_job_has_no_result(
    provider: IBMProvider, submit: Callable[..., Any], running: bool
) -> None:
    """Waiting or running, a job can be cancelled once; then its result is refused."""
    provider.devices[DEVICE].queue = 0 if running else 9
    job = submit()
    job.cancel()

    with pytest.raises(RuntimeInvalidStateError, match="was cancelled"):
        job.result(timeout=0)
    with pytest.raises(RuntimeInvalidStateError, match="cannot be cancelled"):
        job.cancel()


@pytest.mark.parametrize("word", ["maintenance", "internal"])
def test_a_paused_device_takes_jobs_and_runs_none(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any], word: str
) -> None:
    """A device in maintenance is operational, warns at submission, and runs the job afterwards."""
    device = provider.devices[DEVICE]
    device.status, device.reason = word, "Until noon."

    with pytest.warns(UserWarning, match=f"a status of {word}"):
        job = submit()
    provider.clock.advance(3_600)

    assert (backend.status().operational, backend.status().status_msg) == (True, word)
    assert job.status() == "QUEUED"
    assert provider.service()._backends_info_per_instance[provider.account.instance][0][
        "status"
    ] == {"name": "paused", "reason": "Until noon."}
    device.status = "active"
    provider.clock.advance(2)
    assert job.status() == "DONE"


def test_an_offline_device_takes_jobs_without_a_word(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any]
) -> None:
    """A submission to a device that is off succeeds silently, and the job waits."""
    provider.devices[DEVICE].status = "offline"

    job = submit()
    provider.clock.advance(3_600)

    assert not backend.status().operational
    assert job.status() == "QUEUED"


def test_a_used_up_quota_holds_jobs_back(
    provider: IBMProvider, service: Any, submit: Callable[..., Any]
) -> None:
    """With nothing left the client warns, the job is taken and waits until there is more."""
    provider.account.used_seconds = 600.0

    with pytest.warns(UserWarning, match="met its usage limit"):
        job = submit()
    provider.clock.advance(86_400)
    usage = service.usage()

    assert job.status() == "QUEUED"
    assert (usage["usage_limit_reached"], usage["usage_remaining_seconds"]) == (True, 0)
    provider.account.limit(1_200)
    provider.clock.advance(2)
    assert job.status() == "DONE"


def test_a_job_that_runs_too_long_is_stopped(
    provider: IBMProvider, submit: Callable[..., Any]
) -> None:
    """Beyond its maximum execution time a job ends as cancelled with code 1305, and is billed."""
    provider.devices[DEVICE].run_seconds = 400
    job = submit(max_execution_time=300)
    provider.clock.advance(400)

    with pytest.raises(RuntimeJobMaxTimeoutError, match="1305"):
        job.result(timeout=0)
    kept = provider.jobs[job.job_id()]
    assert (kept.status, kept.state, kept.charged(provider.clock.now)) == (
        RAN_TOO_LONG,
        "Cancelled",
        300,
    )


def test_a_job_that_is_to_fail_fails(provider: IBMProvider, submit: Callable[..., Any]) -> None:
    """A scripted failure has its reason and code; the job after it runs through."""
    provider.fail_jobs(reason="The device was recalibrated.", reason_code=1010, after=1)
    failing, fine = submit(), submit()
    provider.clock.advance(60)

    with pytest.raises(RuntimeJobFailureError, match="1010; The device was recalibrated"):
        failing.result(timeout=0)
    assert failing._reason_code == 1010
    assert fine.status() == "DONE"


def test_a_circuit_that_cannot_be_simulated_fails_its_job(
    provider: IBMProvider, submit: Callable[..., Any]
) -> None:
    """What Aer refuses is a failed job with the error's text, not a broken provider."""
    job = submit()
    provider.jobs[job.job_id()].params["pubs"][0][2] = -5
    provider.clock.advance(2)

    with pytest.raises(RuntimeJobFailureError, match="shots"):
        job.result(timeout=0)


@pytest.mark.parametrize("word", [RAN_TOO_LONG, "Paused by an operator"])
def test_unusual_final_words_pass_through_the_client(
    provider: IBMProvider, submit: Callable[..., Any], word: str
) -> None:
    """A word that the client does not know is told as it is, and never counts as final."""
    provider.fail_jobs(status=word)
    job = submit()
    provider.clock.advance(10)

    assert job.status() == word.upper()
    with pytest.raises(RuntimeJobTimeoutError):
        job.result(timeout=0)


def test_fates_choose_their_jobs(provider: IBMProvider, submit: Callable[..., Any]) -> None:
    """A fate with a condition and without a count ends every job that fits, and no other."""
    provider.scheduler.fates.append(Fate(count=None, when=lambda job: "doomed" in job.tags))
    jobs = [
        submit(environment={"job_tags": tags}) for tags in (["doomed"], ["fine"], ["doomed", "x"])
    ]
    provider.clock.advance(60)

    assert [job.status() for job in jobs] == ["ERROR", "DONE", "ERROR"]


def test_submissions_are_limited_where_asked(
    provider: IBMProvider, submit: Callable[..., Any]
) -> None:
    """Beyond 5 a minute a submission gets 429 with IBM's code; a minute later it passes."""
    from qiskit_ibm_runtime.exceptions import IBMRuntimeError

    provider.account.submits_per_minute = 5
    for _ in range(5):
        submit()

    with pytest.raises(IBMRuntimeError, match="1202"):
        submit()
    provider.clock.advance(60)
    assert submit().status() == "RUNNING"


def test_a_private_job_tells_no_parameters(
    provider: IBMProvider, service: Any, backend: Any, submit: Callable[..., Any]
) -> None:
    """A job's inputs are told to its owner, of a private job not."""
    open_job = submit()
    private = submit(environment={"private": True})

    assert open_job.inputs["version"] == 2
    assert private.inputs == {}


def test_a_finished_job_can_be_deleted(
    provider: IBMProvider, service: Any, submit: Callable[..., Any]
) -> None:
    """A job is deleted when it is over, and refused to be before."""
    from qiskit_ibm_runtime.exceptions import IBMRuntimeError, RuntimeJobNotFound

    job = submit()
    with pytest.raises(IBMRuntimeError, match="cannot be deleted"):
        service.delete_job(job.job_id())
    provider.clock.advance(5)
    service.delete_job(job.job_id())

    with pytest.raises(RuntimeJobNotFound):
        service.job(job.job_id())


def test_kept_jobs_are_bounded(
    provider: IBMProvider,
    submit: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond the bound the oldest job that is over is forgotten; one that waits never is."""
    from qgm_observe.testing.provider import scheduling

    monkeypatch.setattr(scheduling, "MAX_KEPT", 3)
    ids = [submit().job_id()]
    provider.clock.advance(5)
    provider.devices[DEVICE].status = "offline"
    ids += [submit().job_id() for _ in range(3)]

    assert list(provider.jobs) == ids[1:]


def test_results_of_a_job_are_bytes_that_repeat(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any]
) -> None:
    """Asking twice for a result simulates once."""
    job = submit()
    provider.clock.advance(5)
    first, second = job.result(timeout=0), job.result(timeout=0)

    assert first[0].data.meas == second[0].data.meas
    assert SamplerV2.__name__ == "SamplerV2"
