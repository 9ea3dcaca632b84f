"""The unmodified client does with this provider what it does with IBM's."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_sampler import Sampler

from qgm_observe.testing.provider import IBMProvider, VirtualClock

DEVICE = "ibmq_manila"


def raw(service: Any, path: str, **query: Any) -> Any:
    """Ask what the client has no method for, with the client's own session."""
    return service._active_api_client._session.get(path, params=query).json()


def asked(provider: IBMProvider) -> list[str]:
    return [f"{request.method} {request.path}" for request in provider.requests]


def test_the_first_calls_are_token_search_catalog_and_list(provider: IBMProvider) -> None:
    """Making a service costs five requests, in the order of the client."""
    provider.service()

    assert asked(provider) == [
        "POST /identity/token",
        "POST /v3/resources/search",
        "GET /plan-1",
        "POST /identity/token",
        "GET /backends",
    ]


def test_a_device_is_read_as_its_snapshot_says(provider: IBMProvider, backend: Any) -> None:
    """Configuration, properties and target come from the snapshot, in the client's units."""
    snapshot = provider.devices[DEVICE].calibrations[0].properties
    t1 = next(value for value in snapshot["qubits"][0] if value["name"] == "T1")

    assert backend.num_qubits == 5
    assert backend.configuration().max_shots == 100_000
    assert backend.target.qubit_properties[0].t1 == pytest.approx(t1["value"] * 1e-6)
    assert backend.properties().last_update_date == datetime(2024, 5, 27, 18, 27, 23, tzinfo=UTC)


def test_a_submission_costs_three_requests(
    provider: IBMProvider, submit: Callable[..., Any]
) -> None:
    """A submission asks for usage and status first, and then posts once."""
    provider.requests.clear()

    submit()

    assert asked(provider) == [
        "GET /instances/usage",
        f"GET /backends/{DEVICE}/status",
        "POST /jobs",
    ]


@pytest.mark.parametrize("primitive", [SamplerV2, Sampler])
def test_results_are_simulated_and_repeat_with_the_seed(
    primitive: Any, bell: QuantumCircuit
) -> None:
    """Both samplers get a Bell pair's counts, the same again from a provider of the same seed."""
    seen = []
    for _ in range(2):
        with IBMProvider(["fake_manila"], seed=3) as provider:
            job = primitive(mode=provider.service().backend(DEVICE)).run([bell], shots=400)
            seen.append(job.result()[0].data.meas.get_counts())

    assert seen[0] == seen[1]
    assert set(seen[0]) == {"00", "11"}
    assert sum(seen[0].values()) == 400
    assert 140 < seen[0]["00"] < 260  # six standard deviations


def test_two_jobs_of_one_provider_draw_different_samples(
    provider: IBMProvider, submit: Callable[..., Any], counts: Callable[[Any], Any]
) -> None:
    """Each job has a seed of its own."""
    jobs = [submit(shots=4_000) for _ in range(3)]
    provider.clock.advance(60)

    assert len({tuple(sorted(counts(job).items())) for job in jobs}) == 3


def test_parameters_and_several_pubs_come_back_in_order(
    provider: IBMProvider, backend: Any, bell: QuantumCircuit
) -> None:
    """A job with a bound parameter and a second circuit returns each pub's own bits."""
    turned = bell.copy_empty_like()
    angle = Parameter("a")
    turned.sx(3)
    turned.rz(angle, 3)
    turned.sx(3)
    turned.measure(3, 0)
    job = SamplerV2(mode=backend).run([(turned, [[0.0], [3.141592653589793]]), bell], shots=50)
    provider.clock.advance(10)
    result = job.result(timeout=0)

    assert result[0].data.meas.get_counts(0) == {"01": 50}
    assert result[0].data.meas.get_counts(1) == {"00": 50}
    assert sum(result[1].data.meas.get_counts().values()) == 50


def test_a_newer_sampler_tells_when_its_chunks_ran(
    provider: IBMProvider, backend: Any, bell: QuantumCircuit
) -> None:
    """The executor's result carries the span in which the job ran, by the provider's clock."""
    job = Sampler(mode=backend).run([bell], shots=10)
    provider.clock.advance(10)

    (chunk,) = job.result(timeout=0).metadata["executor"].chunk_timing

    assert (chunk.stop - chunk.start).total_seconds() == 2.0
    assert chunk.start == datetime(2026, 5, 1, tzinfo=UTC)


def test_the_newer_estimator_gets_expectation_values(
    provider: IBMProvider, backend: Any, bell: QuantumCircuit
) -> None:
    """A Bell pair's parity is 1, a single qubit's near 0, by the client's newer estimator."""
    circuit = bell.remove_final_measurements(inplace=False)
    job = Estimator(mode=backend).run([(circuit, ["IIIZZ", "IIIIZ"])])
    provider.clock.advance(60)

    both, single = job.result(timeout=0)[0].data.evs

    assert both == 1.0
    assert abs(single) < 0.12  # over six standard errors of 4,096 shots


def test_billed_time_is_pending_before_it_is_complete(
    provider: IBMProvider, submit: Callable[..., Any]
) -> None:
    """Metrics tell times by the virtual clock; usage is pending until settled, then counted."""
    job = submit()
    provider.clock.advance(10)
    early, early_usage = job.metrics(), job.usage()
    provider.clock.advance(30)
    late = job.metrics()

    assert early["timestamps"] == {
        "created": "2026-05-01T00:00:00.000Z",
        "running": "2026-05-01T00:00:00.000Z",
        "finished": "2026-05-01T00:00:02.000Z",
    }
    assert (early["usage"]["status"], early_usage) == ("pending", 0)
    assert late["usage"] == {"qpu_charge_time_seconds": 2.0, "status": "complete"}
    assert job.usage() == 2.0
    assert provider.account.used_seconds == 2.0


def test_logs_come_when_the_job_is_over(provider: IBMProvider, submit: Callable[..., Any]) -> None:
    """A running job has no log; a finished one tells what happened when."""
    job = submit()
    before = job.logs()
    provider.clock.advance(5)

    assert before == ""
    assert job.logs().splitlines()[-1] == "2026-05-01T00:00:02.000Z Completed"


def test_tags_are_kept_replaced_and_bounded(
    provider: IBMProvider, service: Any, submit: Callable[..., Any]
) -> None:
    """Tags of the submission come back, can be replaced, and more than eight are refused."""
    from qiskit_ibm_runtime.api.exceptions import RequestsApiError

    job = submit(environment={"job_tags": ["qgm-run-1", "b"]})

    assert service.job(job.job_id()).tags == ["qgm-run-1", "b"]
    assert job.update_tags(["c"]) == ["c"]
    with pytest.raises(RequestsApiError, match="1204") as refusal:
        job.update_tags([str(number) for number in range(9)])
    assert refusal.value.status_code == 400


def test_jobs_are_listed_newest_first_and_by_page(
    provider: IBMProvider, service: Any, submit: Callable[..., Any]
) -> None:
    """The client walks all pages, newest first, or oldest first where it asks for that."""
    ids = [submit().job_id() for _ in range(21)]

    listed = [job.job_id() for job in service.jobs(limit=None)]
    oldest = [job.job_id() for job in service.jobs(limit=2, skip=1, descending=False)]

    assert listed == ids[::-1]
    assert oldest == ids[1:3]


def test_jobs_are_listed_by_what_they_are(
    provider: IBMProvider, service: Any, submit: Callable[..., Any]
) -> None:
    """Filters on state, tags, device, program and time each find their jobs and no others."""
    start = datetime.fromtimestamp(provider.clock.now, UTC)
    old = submit(environment={"job_tags": ["a", "b"]}).job_id()
    provider.clock.advance(100)
    new = submit(environment={"job_tags": ["a"]}).job_id()
    middle = datetime.fromtimestamp(provider.clock.now - 50, UTC)

    def found(**filters: Any) -> list[str]:
        return [job.job_id() for job in service.jobs(**filters)]

    assert found(pending=True) == [new]
    assert found(pending=False) == [old]
    assert found(job_tags=["a"]) == [new, old]
    assert found(job_tags=["a", "b"]) == [old]
    assert found(backend_name=DEVICE) == [new, old]
    assert found(backend_name="ibm_fez") == found(program_id="executor") == []
    assert found(created_after=middle) == [new]
    assert found(created_after=start, created_before=middle) == [old]


def test_waits_are_told_only_where_asked_for(provider: IBMProvider, service: Any) -> None:
    """The client's list has no wait times; the query that asks for them gets percentiles."""
    provider.devices[DEVICE].queue = 4

    plain = raw(service, "/backends")["devices"][0]
    asked_for = raw(service, "/backends", fields="wait_time_seconds")["devices"][0]

    assert "wait_time_seconds" not in plain
    assert plain["queue_length"] == 4
    assert asked_for["wait_time_seconds"] == {"average": 20, "p50": 20, "p95": 20}


def test_properties_of_the_past_are_those_of_the_past(
    provider: IBMProvider, service: Any, backend: Any
) -> None:
    """After a new calibration the client reads the new one, by time the old one, by id either."""
    device = provider.devices[DEVICE]
    old = device.calibrations[0]
    before = datetime.fromtimestamp(provider.clock.now, UTC)
    provider.clock.advance(3_600)
    new = device.recalibrate(provider.clock.now, snapshot="fake_lima")

    assert backend.properties(refresh=True).last_update_date.timestamp() == new.since
    assert backend.properties(datetime=before).last_update_date.timestamp() == old.since
    assert backend.properties(datetime=datetime(2020, 1, 1, tzinfo=UTC)) is None
    pinned = service.backend(DEVICE, calibration_id=old.id)
    assert pinned.properties().last_update_date.timestamp() == old.since


def test_a_job_remembers_the_calibration_it_ran_with(
    provider: IBMProvider, service: Any, submit: Callable[..., Any]
) -> None:
    """The calibration in force when a job runs is told with it, also after the next one."""
    device = provider.devices[DEVICE]
    job = submit()
    provider.clock.advance(60)
    device.recalibrate(provider.clock.now)

    told = raw(service, f"/jobs/{job.job_id()}", exclude_params="true")

    assert told["calibration_id"] == device.calibrations[0].id
    assert job.properties().last_update_date.timestamp() == device.calibrations[0].since


def test_a_script_that_waits_comes_to_an_end(submit: Callable[..., Any]) -> None:
    """With a clock that moves by itself, init, run and result take 2 s of processor time."""
    start = time.process_time()
    with IBMProvider(["fake_fez"], clock=VirtualClock(per_request=5)) as provider:
        backend = provider.service().backend("ibm_fez")
        circuit = QuantumCircuit(156, 4)
        circuit.x(0)
        circuit.measure(range(4), range(4))
        job = SamplerV2(mode=backend).run([circuit], shots=1_000)
        assert job.result()[0].data.c.get_counts() == {"0001": 1_000}

    assert time.process_time() - start < 2
