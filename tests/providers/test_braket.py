"""Braket: the Protocol over Amazon's own SDK, asked over HTTP on loopback."""

import json
import socket
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from braket.circuits import Circuit
from braket.devices import LocalSimulator

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import UsageError
from qgm_observe.providers.braket import Braket, open_braket
from qgm_observe.providers.protocol import (
    Canceler,
    Capability,
    DeviceState,
    JobState,
    Provider,
)

from .braket_service import GARNET, NOW, REGION, Service, asking, device, task


@pytest.fixture
def provider() -> Iterator[tuple[Braket, Service]]:
    """The adapter, and the service that it asks."""
    with asking() as both:
        yield both


def test_a_device_tells_its_state_queue_and_window(provider):
    """Over the SDK and HTTP: state, bounded queue, whether it executes now, and what it is."""
    opened, told = provider
    ((info, status),) = opened.devices()

    assert isinstance(opened, Provider)
    assert (info.name, info.num_qubits, info.max_shots, info.region) == ("Garnet", 3, 10, REGION)
    assert info.edges == ((0, 1), (0, 7))
    assert (status.state, status.queue_jobs, status.queue_is_lower_bound) == (
        DeviceState.ONLINE,
        4003,
        True,
    )
    assert (status.is_accepting, status.is_processing) == (True, True)
    assert status.next_available_at is None
    assert told.asked == ["/devices", f"/device/{GARNET}"]


def test_outside_of_its_window_a_device_takes_work_and_does_none(provider):
    """A closed window leaves the device accepting, not processing, and says when it opens."""
    opened, _ = provider
    opened._clock = lambda: NOW + 3600
    status = opened.status("Garnet")

    assert (status.state, status.is_accepting, status.is_processing) == (
        DeviceState.ONLINE,
        True,
        False,
    )
    assert status.next_available_at == NOW + 23.5 * 3600


@pytest.mark.parametrize("state", ["OFFLINE", "RETIRED"])
def test_a_device_that_is_off_takes_nothing(provider, state):
    """Offline and retired devices neither take nor process work."""
    opened, told = provider
    told.devices = [device(deviceStatus=state)]
    status = opened.status("Garnet")

    assert status.state is DeviceState(state.lower())
    assert (status.is_accepting, status.is_processing) == (False, False)


def test_one_device_is_told_alone(provider):
    """`device` gives what `devices` gives of it; an unknown one is named with the known."""
    opened, _ = provider

    assert opened.device("Garnet") == opened.devices()[0][0]
    with pytest.raises(UsageError, match="write one of Garnet"):
        opened.device("Emerald")


def test_calibration_comes_from_the_capabilities(provider):
    """The adapter asks the device once for its calibration, and has no history."""
    opened, _ = provider
    found = opened.calibration("Garnet")

    assert found is not None
    assert found.observed_at == NOW
    assert found.gates["cnot", (0, 1)].error.value == pytest.approx(0.123)
    assert opened.calibration("Garnet", at=NOW - 86400) is None


# ----------------------------------------------------------------------------------------- jobs


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("CREATED", JobState.QUEUED),
        ("QUEUED", JobState.QUEUED),
        ("RUNNING", JobState.RUNNING),
        ("CANCELLING", JobState.RUNNING),
        ("COMPLETED", JobState.DONE),
        ("FAILED", JobState.FAILED),
        ("CANCELLED", JobState.CANCELLED),
    ],
)
def test_tasks_have_states_and_final_ones_a_cost(provider, status, state):
    """A finished task costs its list price, a failed or cancelled one 0, an open one is unknown."""
    opened, told = provider
    told.tasks = [task(status, endedAt="2026-11-23T09:20:00Z")]
    job = opened.job(told.tasks[0]["quantumTaskArn"])
    costs = {
        JobState.DONE: Decimal("1.75"),
        JobState.FAILED: Decimal(0),
        JobState.CANCELLED: Decimal(0),
    }

    assert (job.state, job.cost) == (state, costs.get(state))
    assert job.currency == ("USD" if state in costs else None)
    assert job.error_class == (ErrorClass.EXECUTION if status == "FAILED" else None)
    assert (job.shots, job.device, job.tags) == (1000, "Garnet", ("qgm-job=job-1",))
    assert job.created_at == NOW - 29 * 60
    assert job.finished_at == NOW - 10 * 60


def test_a_task_is_cancelled_by_its_arn(provider):
    """The named task alone is taken back; there is no session to be closed."""
    opened, told = provider
    told.tasks = [task("QUEUED", 1), task("QUEUED", 2)]
    opened.cancel(told.tasks[1]["quantumTaskArn"])
    asked = len(told.asked)
    opened.close_session("any")

    assert isinstance(opened, Canceler)
    assert [each["status"] for each in told.tasks] == ["QUEUED", "CANCELLING"]
    assert len(told.asked) == asked


def test_reserved_and_unpriced_tasks(provider):
    """A task of a reservation costs 0; one of a device without a known price has no cost."""
    opened, told = provider
    reserved = [{"type": "RESERVATION_TIME_WINDOW_ARN", "arn": "arn:r"}]
    told.tasks = [
        task(associations=reserved),
        task(number=2, deviceArn=GARNET.replace("Garnet", "Emerald")),
    ]
    first, second = (opened.job(each["quantumTaskArn"]) for each in told.tasks)

    assert first.cost == 0
    assert second.cost is None


def test_jobs_are_found_by_state_and_tag(provider):
    """The newest come first; those that wait or run, and those with a tag, can be picked."""
    opened, told = provider
    told.tasks = [task("QUEUED", 1), task("COMPLETED", 2), task("RUNNING", 3)]

    def numbers(**chosen: Any) -> list[str]:
        return [job.id.rpartition("/")[2] for job in opened.jobs(**chosen)]

    assert numbers() == ["3", "2", "1"]
    assert numbers(pending=True) == ["3", "1"]
    assert numbers(pending=False) == ["2"]
    assert numbers(tag="qgm-job=job-2") == ["2"]
    assert numbers(limit=1) == ["3"]


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "AccessDeniedException", ErrorClass.AUTH),
        (429, "ThrottlingException", ErrorClass.RATE_LIMIT),
        (402, "ServiceQuotaExceededException", ErrorClass.QUOTA),
        (404, "ResourceNotFoundException", ErrorClass.NOT_FOUND),
        (424, "DeviceOfflineException", ErrorClass.OFFLINE),
        (410, "DeviceRetiredException", ErrorClass.OFFLINE),
        (400, "ValidationException", ErrorClass.VALIDATION),
        (500, "InternalServiceException", ErrorClass.NETWORK),
        (418, "Unheard", ErrorClass.OTHER),
    ],
)
def test_errors_of_the_service_have_a_class(provider, status, code, expected):
    """Each error that the service names is raised at once, classified, and tells no secret."""
    opened, told = provider
    told.fault = (status, code)

    with pytest.raises(Exception) as caught:
        opened.devices()

    assert opened.classify(caught.value) is expected
    assert "canary-secret" not in str(caught.value)
    assert len(told.asked) == 1


def test_an_endpoint_that_is_gone_is_the_network(provider, monkeypatch):
    """A refused connection is classified as network."""
    monkeypatch.setenv("BRAKET_ENDPOINT", "http://127.0.0.1:9")
    opened = open_braket({"regions": [REGION], "simulators": False})

    with pytest.raises(Exception) as caught:
        opened.devices()

    assert opened.classify(caught.value) is ErrorClass.NETWORK


# --------------------------------------------------------------------------- local and options


def test_without_regions_only_the_local_simulators_are_there():
    """The SDK's simulators are listed, cost nothing, have no calibration; nobody is asked."""
    opened = open_braket({})
    found = {info.name: (info, status) for info, status in opened.devices()}
    info, status = found["braket_sv"]
    price = opened.price("braket_sv")

    assert {"braket_sv", "braket_dm", "default"} <= set(found)
    assert (
        info.num_qubits
        == json.loads(LocalSimulator("braket_sv").properties.json())["paradigm"]["qubitCount"]
    )
    assert (info.is_simulator, info.max_shots, info.region) == (True, None, "local")
    assert (status.state, status.queue_jobs) == (DeviceState.ONLINE, None)
    assert price is not None
    assert price.per_task == 0
    assert opened.calibration("braket_sv") is None
    assert opened.jobs() == []
    assert (opened.usage(), opened.session("s")) == (None, None)
    assert Capability.WAIT not in opened.capabilities


def test_the_local_simulator_runs_a_circuit():
    """A device that the adapter lists really runs: a Bell circuit gives two outcomes."""
    counts = LocalSimulator("braket_sv").run(Circuit().h(0).cnot(0, 1), shots=200).result()

    assert set(counts.measurement_counts) <= {"00", "11"}
    assert sum(counts.measurement_counts.values()) == 200


def test_a_service_that_hangs_is_left_at_the_deadline(provider, monkeypatch):
    """A service that accepts and never answers is given up after the deadline, once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("BRAKET_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        opened = open_braket({"regions": [REGION], "simulators": False, "deadline_seconds": 0.3})
        begun = time.monotonic()
        with pytest.raises(Exception) as caught:
            opened.devices()

    assert 0.3 <= time.monotonic() - begun < 5
    assert opened.classify(caught.value) is ErrorClass.NETWORK


@pytest.mark.parametrize(
    ("ask", "advice"),
    [
        (lambda: open_braket({"region": "eu-north-1"}), "braket has no option 'region'"),
        (lambda: open_braket({}).status("Garnet"), "write one of .*braket_sv"),
        (lambda: open_braket({}).job(task()["quantumTaskArn"]), "write it in regions"),
    ],
)
def test_bad_input_says_what_to_write(ask, advice):
    """An unknown option, device or region is told in one line with what to write instead."""
    with pytest.raises(UsageError, match=advice):
        ask()


def test_options_are_documented() -> None:
    """Every option that is taken is told in the docstring of `open_braket`."""
    from qgm_observe.providers.braket import OPTIONS

    told = open_braket.__doc__ or ""
    assert [name for name in OPTIONS if f"`{name}`" not in told] == []
