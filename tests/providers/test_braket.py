"""Braket: the Protocol over Amazon's own SDK, with its schemas' own examples and no AWS call."""

import datetime as dt
import doctest
import json
import re
import threading
import types
import urllib.parse
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import braket.aws.aws_device as sdk_device
import pytest
from braket.circuits import Circuit
from braket.device_schema import device_service_properties_v1 as service_v1
from braket.device_schema import standardized_gate_model_qpu_device_properties_v1 as v1
from braket.device_schema import standardized_gate_model_qpu_device_properties_v2 as v2
from braket.device_schema import standardized_gate_model_qpu_device_properties_v3 as v3
from braket.device_schema.device_service_properties_v1 import DeviceServiceProperties
from braket.device_schema.ionq import ionq_provider_properties_v1 as ionq
from braket.devices import LocalSimulator
from braket.tracking import Tracker, pricing, tracker
from braket.tracking.tracking_events import _TaskCreationEvent, _TaskStatusEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import UsageError
from qgm_observe.providers import braket_replies as replies
from qgm_observe.providers.braket import Braket, open_braket
from qgm_observe.providers.protocol import (
    Capability,
    DeviceState,
    JobState,
    Provider,
    Quality,
)

REGION = "eu-north-1"
GARNET = f"arn:aws:braket:{REGION}::device/qpu/iqm/Garnet"
SIMULATOR = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
NOW = dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC).timestamp()  # a Monday
OFFERS = (
    "a\nb\nc\nd\ne\n"
    '"Product Family","DeviceName","Region Code","PricePerUnit","Currency","Unit","EffectiveDate",'
    '"Version","operation"\n'
    f'"Quantum Task","Garnet","{REGION}","0.31000","USD","Task","2026-10-01","",""\n'
    f'"Quantum Task-Shot","Garnet","{REGION}","0.00150","USD","Shot","2026-10-01","",""\n'
    f'"Simulator Task","","{REGION}","0.075","USD","minutes","2026-10-01","SV1","CompleteTask"\n'
)


def example(documented: Any) -> dict[str, Any]:
    """The valid input that a schema's docstring shows."""
    shown = doctest.DocTestParser().get_examples(documented.__doc__)
    names: dict[str, Any] = {}
    joined = re.sub(r": +\.\.\. +", ": ", shown[1].source)  # a backslash ended the line
    exec("errorMitigation = 'errorMitigation'\n" + joined, names)
    return names.get("valid_input") or names["input_json"]


def standardized(module: Any) -> dict[str, Any]:
    return example(module.StandardizedGateModelQpuDeviceProperties)


def capabilities(**changes: Any) -> dict[str, Any]:
    told = {
        "service": example(service_v1.DeviceServiceProperties),
        "paradigm": {
            "qubitCount": 3,
            "nativeGateSet": ["cz", "prx"],
            "connectivity": {
                "fullyConnected": False,
                "connectivityGraph": {"0": ["1", "7"], "1": ["0"], "7": ["0"]},
            },
        },
        "standardized": standardized(v1),
    }
    return told | changes


def device(**changes: Any) -> dict[str, Any]:
    told = {
        "deviceArn": GARNET,
        "deviceName": "Garnet",
        "providerName": "IQM",
        "deviceType": "QPU",
        "deviceStatus": "ONLINE",
        "deviceCapabilities": json.dumps(capabilities()),
        "deviceQueueInfo": [
            {"queue": "QUANTUM_TASKS_QUEUE", "queueSize": ">4000", "queuePriority": "Normal"},
            {"queue": "QUANTUM_TASKS_QUEUE", "queueSize": "3", "queuePriority": "Priority"},
            {"queue": "JOBS_QUEUE", "queueSize": "0 (1 prioritized job(s) running)"},
        ],
    }
    return told | changes


def task(status: str = "COMPLETED", number: int = 1, **changes: Any) -> dict[str, Any]:
    told = {
        "quantumTaskArn": f"arn:aws:braket:{REGION}:123456789012:quantum-task/{number}",
        "status": status,
        "deviceArn": GARNET,
        "deviceParameters": "{}",
        "shots": 1000,
        "outputS3Bucket": "b",
        "outputS3Directory": "d",
        "createdAt": f"2026-11-23T09:0{number}:00Z",
        "tags": {"qgm-job": f"job-{number}"},
    }
    return told | changes


class Service:
    """What the service answers, by path; counts what it is asked."""

    def __init__(self) -> None:
        self.devices = [device()]
        self.tasks = [task()]
        self.fault: tuple[int, str] | None = None
        self.asked: list[str] = []

    def reply(self, path: str) -> tuple[int, Any]:
        self.asked.append(path)
        if self.fault:
            return self.fault[0], {"message": "no"}
        if path == "/devices":
            shown = ("deviceArn", "deviceName", "providerName", "deviceType", "deviceStatus")
            return 200, {"devices": [{name: each[name] for name in shown} for each in self.devices]}
        if path == "/quantum-tasks":
            return 200, {"quantumTasks": self.tasks}
        name = path.partition("/device/")[2] or path.partition("/quantum-task/")[2]
        known = {each["deviceArn"]: each for each in self.devices}
        known |= {each["quantumTaskArn"]: each for each in self.tasks}
        return 200, known[name]


def handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
            status, told = service.reply(path)
            body = json.dumps(told).encode()
            self.send_response(status)
            if service.fault:
                self.send_header("x-amzn-errortype", service.fault[1])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def service() -> Iterator[tuple[Service, str]]:
    told = Service()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(told))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield told, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def provider(
    service: tuple[Service, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Braket, Service]]:
    """The unmodified SDK, whose own setting sends it to the loopback."""
    told, url = service
    settings = {
        "BRAKET_ENDPOINT": url,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "canary-secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    opened = open_braket({"regions": [REGION], "simulators": False, "deadline_seconds": 5})
    opened._clock = lambda: NOW
    yield opened, told
    opened.close()


# --------------------------------------------------------------------------------- calibration


@pytest.mark.parametrize("module", [v1, v2])
def test_fidelities_of_qubits_and_pairs_become_errors(module):
    """The schemas' own examples give errors with their method and spread, and times in seconds."""
    told = capabilities(standardized=standardized(module))
    found = replies.calibration("Garnet", told, NOW)

    assert found is not None
    first, second = found.qubits[0], found.qubits[1]
    assert first["t1"].value == pytest.approx(28.9e-6)
    assert first["t1"].standard_error == pytest.approx(1e-8)
    assert second["t1"].standard_error is None
    assert second["t2"].value == pytest.approx(44.5e-6)
    assert first["readout_error"].value == pytest.approx(0.097)
    assert first["readout_error"].method == "READOUT"
    rb = found.gates["1q", (1,)].error
    assert (rb.value, rb.method) == (pytest.approx(0.0014), "RANDOMIZED_BENCHMARKING")
    pair = found.gates["cnot", (0, 7)].error
    assert (pair.value, pair.standard_error) == (pytest.approx(0.123), 0.001)
    assert found.gates["cnot", (0, 1)].duration.value is None
    assert found.taken_at == dt.datetime(2020, 6, 16, 19, 28, 2, 869136, tzinfo=dt.UTC).timestamp()


def test_version_3_tells_of_the_whole_device():
    """The third version's device-wide times and errors are kept apart from those of qubits."""
    found = replies.calibration("Forte 1", capabilities(standardized=standardized(v3)), NOW)

    assert found is not None
    values = {name: each.value for name, each in found.whole.items()}
    assert values == pytest.approx(
        {
            "t1": 50.0,
            "t2": 30.0,
            "readout_duration": 350e-6,
            "duration_1q": 20e-6,
            "duration_2q": 200e-6,
            "readout_error": 0.005,
            "error_1q": 0.005,
            "error_2q": 0.005,
        }
    )
    assert found.whole["t1"].standard_error == 2.5
    assert found.whole["error_2q"].method == "RANDOMIZED_BENCHMARKING"
    assert found.gates["1q", (0,)].error.value == pytest.approx(0.0015)
    assert found.qubits == {}
    assert found.taken_at == dt.datetime(2025, 2, 22, 12, 29, 3, tzinfo=dt.UTC).timestamp()


def test_averages_of_an_ion_trap_are_of_the_whole_device():
    """IonQ's own block gives mean errors and gate times; its T1 and T2 have no unit: unknown."""
    told = {"provider": example(ionq.IonqProviderProperties)}
    found = replies.calibration("Aria 1", told, NOW)

    assert found is not None
    values = {name: each.value for name, each in found.whole.items()}
    assert values == pytest.approx(
        {
            "error_1q": 0.00283,
            "error_2q": 0.0304,
            "readout_error": 0.0039,
            "duration_1q": 1.1e-5,
            "duration_2q": 0.00021,
        }
    )
    assert found.taken_at is None


def test_what_cannot_be_used_says_so():
    """A fidelity of 0 is a disabled gate, a coin-toss readout and too long a T2 are suspect."""
    told = standardized(v1)
    qubit = told["oneQubitProperties"]["0"]
    qubit["oneQubitFidelity"][1]["fidelity"] = 0.5
    qubit["T2"]["value"] = 61.0
    told["oneQubitProperties"]["1"]["T1"]["unit"] = "fortnights"
    told["twoQubitProperties"]["0-1"]["twoQubitGateFidelity"][0]["fidelity"] = 0.0
    found = replies.calibration("Garnet", capabilities(standardized=told), NOW)

    assert found is not None
    assert found.qubits[0]["readout_error"].quality is Quality.SUSPECT
    assert found.qubits[0]["t2"].quality is Quality.SUSPECT
    assert found.qubits[1]["t1"].quality is Quality.MISSING
    assert found.qubits[1]["t1"].value is None
    assert found.gates["cnot", (0, 1)].error.quality is Quality.DISABLED


def test_a_gate_that_is_the_same_both_ways_has_one_key():
    """A CZ measured as 7-0 is kept as (0, 7), and a second method of it is left out."""
    told = standardized(v1)
    gate = {"gateName": "CZ", "fidelity": 0.99, "fidelityType": {"name": "FIRST"}}
    other = gate | {"fidelity": 0.9, "fidelityType": {"name": "SECOND"}}
    told["twoQubitProperties"] = {"7-0": {"twoQubitGateFidelity": [gate, other]}}
    found = replies.calibration("Garnet", capabilities(standardized=told), NOW)

    assert found is not None
    assert [key for key in found.gates if key[0] == "cz"] == [("cz", (0, 7))]
    assert found.gates["cz", (0, 7)].error.value == pytest.approx(0.01)
    assert found.gates["cz", (0, 7)].error.method == "FIRST"


def test_equal_calibrations_are_equal_bytes():
    """What the provider said is kept without the instant of asking, whatever its order."""
    told = capabilities()
    turned = dict(reversed(told["standardized"].items()))
    one = replies.calibration("Garnet", told, NOW)
    other = replies.calibration("Garnet", capabilities(standardized=turned), NOW + 60)

    assert one is not None
    assert other is not None
    assert one.raw == other.raw
    assert replies.calibration("sv1", {"service": {}}, NOW) is None


# ------------------------------------------------------------------------------ state and queue


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (["7", "3"], (10, False)),
        ([">4000", "3"], (4003, True)),
        (["0"], (0, False)),
        ([], (None, False)),
        (["many"], (None, False)),
        (["5", "many"], (None, False)),
    ],
)
def test_queues_are_strings_with_a_bound(sizes, expected):
    """Both priorities add up, more than 4,000 is a lower bound, what is no number is unknown."""
    told = [{"queue": "QUANTUM_TASKS_QUEUE", "queueSize": size} for size in sizes]

    assert replies.queue([*told, {"queue": "JOBS_QUEUE", "queueSize": "9"}]) == expected


DAY = st.sampled_from(["Everyday", "Weekdays", "Weekend", *replies.DAYS])
CLOCK = st.times().map(lambda each: each.replace(microsecond=0))


@settings(max_examples=100)
@given(DAY, CLOCK, CLOCK, st.integers(0, 365 * 86400))
def test_windows_are_open_as_the_sdk_says(day, start, end, at):
    """A device executes exactly when the SDK's own `is_available` says so, overnight too."""
    window = {
        "executionDay": day,
        "windowStartHour": start.isoformat(),
        "windowEndHour": end.isoformat(),
    }
    told = example(service_v1.DeviceServiceProperties) | {"executionWindows": [window]}
    moment = dt.datetime.fromtimestamp(NOW + at, dt.UTC)
    known = types.SimpleNamespace(
        status="ONLINE",
        properties=types.SimpleNamespace(
            service=DeviceServiceProperties.parse_raw(json.dumps(told))
        ),
    )
    with pytest.MonkeyPatch.context() as patch:
        frozen = types.SimpleNamespace(now=lambda tz: moment)
        patch.setattr(sdk_device, "datetime", frozen)
        expected = sdk_device.AwsDevice.is_available.fget(known)

    # at the very second of its end an overnight window belongs to the day before
    if not (end < start and moment.time().replace(microsecond=0) == end):
        assert replies.is_open([window], moment.timestamp()) is expected
    opening = replies.next_opening([window], moment.timestamp())
    assert start == end or (opening is not None and replies.is_open([window], opening))


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


# ---------------------------------------------------------------------------------------- price


def offers_file(folder: Path) -> str:
    path = folder / "offers.csv"
    path.write_text(OFFERS)
    return path.as_uri()


def test_amazons_own_list_goes_before_the_dated_one(provider, tmp_path):
    """With BRAKET_PRICE_OFFERS_URL the task's price, day and source are that list's."""
    opened, told = provider
    opened._offers_url = url = offers_file(tmp_path)
    told.devices += [
        device(deviceArn=SIMULATOR, deviceName="SV1", deviceType="SIMULATOR"),
        device(deviceArn=GARNET.replace("Garnet", "Emerald"), deviceName="Emerald"),
    ]
    price, simulator = opened.price("Garnet"), opened.price("SV1")

    assert price is not None
    assert simulator is not None
    assert (price.per_task, price.per_shot) == (Decimal("0.31"), Decimal("0.0015"))
    assert (price.as_of, price.source) == ("2026-10-01", url)
    assert simulator.per_second == Decimal("0.00125")
    assert opened.price("Emerald") is None
    assert opened.job(told.tasks[0]["quantumTaskArn"]).cost == Decimal("1.81")


def test_a_task_costs_what_the_sdks_tracker_says(provider, service, tmp_path, monkeypatch):
    """The cost of finished and failed tasks equals that of the SDK's own tracker on one list."""
    opened, told = provider
    opened._offers_url = offers_file(tmp_path)
    lines = OFFERS.splitlines(keepends=True)[5:]
    fresh = pricing.Pricing()
    import csv

    fresh._price_list = list(csv.DictReader(lines))
    monkeypatch.setattr(tracker, "price_search", fresh.price_search)
    theirs = Tracker()
    for number, status in enumerate(("COMPLETED", "FAILED", "CANCELLED"), 1):
        each = task(status, number)
        told.tasks = [each]
        arn = each["quantumTaskArn"]
        before = theirs.qpu_tasks_cost()
        theirs.receive_event(
            _TaskCreationEvent(arn=arn, shots=1000, is_job_task=False, device=GARNET)
        )
        theirs.receive_event(_TaskStatusEvent(arn=arn, status=status))

        assert opened.job(arn).cost == theirs.qpu_tasks_cost() - before
    assert theirs.qpu_tasks_cost() == Decimal("1.81")


@pytest.mark.parametrize(
    ("url", "advice"),
    [("gopher://prices", "write an http, https or file address"), (None, "no price list")],
)
def test_a_wrong_price_list_is_told(provider, url, advice, tmp_path):
    """An address of another kind, and a file that is no price list, are told in one line."""
    (tmp_path / "empty.csv").write_text("nothing")
    opened, _ = provider
    opened._offers_url = url or (tmp_path / "empty.csv").as_uri()

    with pytest.raises(UsageError, match=advice):
        opened.price("Garnet")


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
