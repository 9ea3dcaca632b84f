"""What IBM tells, through its own client over HTTP."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from qiskit_ibm_runtime import Batch, Session

from qgm_observe.catalog import ExecutionMode
from qgm_observe.providers import Provider, ProviderError
from qgm_observe.providers import calibration as calibrations
from qgm_observe.providers.deadline import Deadline
from qgm_observe.providers.ibm import IBM
from qgm_observe.providers.ibm_connection import Connection
from qgm_observe.providers.ibm_login import Login
from qgm_observe.providers.protocol import Calibration, Capability, DeviceState, JobState
from qgm_observe.testing.provider import IBMProvider
from qgm_observe.testing.provider.clock import START

FEZ, MANILA = "ibm_fez", "ibmq_manila"
FEZ_CALIBRATED = 1740600985.0  # 2025-02-26T20:16:25Z, of the snapshot


def asked(server: IBMProvider) -> list[str]:
    return [f"{request.method} {request.path}" for request in server.requests]


def test_it_can_be_asked_everything(ibm: Provider) -> None:
    """IBM is a Provider with every capability, and opening it asks nobody."""
    assert isinstance(ibm, Provider)
    assert isinstance(ibm, IBM)
    assert set(ibm.capabilities) == set(Capability)


def test_opening_asks_nobody(server: IBMProvider, ibm: Provider) -> None:
    """Nothing is asked before the first question, which costs the token and one call."""
    assert asked(server) == []
    ibm.usage()
    assert asked(server) == ["POST /identity/token", "GET /instances/usage"]


def test_the_fleet_is_one_call_with_its_waits(server: IBMProvider, ibm: Provider) -> None:
    """One call tells each device's state, queue and the waits that IBM's client never asks for."""
    ibm.usage()
    server.requests.clear()
    server.devices[FEZ].queue = 12
    server.devices[MANILA].status = "offline"
    server.devices[MANILA].reason = "maintenance until noon"

    listed = {info.name: (info, status) for info, status in ibm.devices()}
    (request,) = server.requests

    assert (request.path, request.query) == ("/backends", {"fields": ["wait_time_seconds"]})
    info, status = listed[FEZ]
    assert (info.num_qubits, info.processor, info.region) == (156, "Heron r2", "us-east")
    assert info.clops == 195_000
    assert info.two_qubit_error["best"] == pytest.approx(0.00213891, rel=1e-5)
    assert (status.state, status.queue_jobs, status.is_processing) == ("online", 12, True)
    assert status.wait == (60.0, 60.0, 60.0)  # 12 jobs of 5 s
    assert listed[MANILA][1].state is DeviceState.OFFLINE
    assert listed[MANILA][1].is_accepting is False
    assert listed[MANILA][1].message == "maintenance until noon"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("active", ("online", True, True)),
        ("internal", ("paused", True, False)),
        ("maintenance", ("paused", True, False)),
        ("offline", ("offline", False, False)),
        ("something new", ("online", True, None)),
    ],
)
def test_a_device_may_take_work_without_running_it(
    server: IBMProvider, ibm: Provider, word: str, told: tuple
) -> None:
    """Internal and maintenance devices accept jobs and run none; a new word leaves it unknown."""
    server.devices[MANILA].status = word
    server.devices[MANILA].queue = 3

    status = ibm.status(MANILA)

    assert (status.state, status.is_accepting, status.is_processing) == told
    assert (status.message, status.queue_jobs) == (word, 3)
    assert status.wait.p50 is None


def test_an_absent_queue_is_unknown(server: IBMProvider, ibm: Provider) -> None:
    """Where the status tells no queue length it is unknown, which IBM's client would call 0."""
    server.faults.add("GET", f"/backends/{FEZ}/status", status=200, body='{"state": true}')

    assert ibm.status(FEZ).queue_jobs is None


def test_a_configuration_is_asked_apart(ibm: Provider) -> None:
    """Edges, native gates, most shots and version take a call of their own."""
    info = ibm.device(FEZ)

    assert (len(info.edges), info.max_shots, info.version) == (176, 100_000, "1.2.8")
    assert info.native_gates == ("cz", "id", "rz", "sx", "x")
    assert info.is_simulator is False


def test_calibration_is_the_snapshot(ibm: Provider, snapshots: dict[str, Calibration]) -> None:
    """What comes over HTTP gives the same numbers as the file that the server reads."""
    told = ibm.calibration(FEZ)

    assert told is not None
    assert told.taken_at == FEZ_CALIBRATED
    assert told.qubits == snapshots["fake_fez"].qubits
    assert {key: each.error.value for key, each in told.gates.items()} == {
        key: each.error.value for key, each in snapshots["fake_fez"].gates.items()
    }
    assert calibrations.edge_conditions(told)["cz"].disabled == 7


def test_calibration_at_an_instant(server: IBMProvider, ibm: Provider) -> None:
    """The calibration in force at an instant is told, and none before the first one."""
    server.devices[MANILA].recalibrate(START - 3600, snapshot="fake_quito")
    before, now = ibm.calibration(MANILA, at=START - 7200), ibm.calibration(MANILA)

    assert before is not None
    assert now is not None
    assert (before.taken_at, now.taken_at) == (1716834443.0, START - 3600)
    assert calibrations.content_hash(before) != calibrations.content_hash(now)
    again = ibm.calibration(MANILA)
    assert again is not None
    assert calibrations.content_hash(again) == calibrations.content_hash(now)


def test_usage_says_what_is_left(server: IBMProvider, opened: Callable[..., Provider]) -> None:
    """Used, limit and rest of the period are told under the account's alias."""
    server.account.use(45.0)
    told = opened(account="lab").usage()

    assert told is not None
    assert (told.account, told.used, told.limit, told.remaining) == ("lab", 45.0, 600.0, 555.0)
    assert (told.is_limit_reached, told.unit) == (False, "s")
    assert told.period_ends_at == START
    assert told.period_starts_at == START - 28 * 86400


def test_usage_without_a_limit_has_no_rest(server: IBMProvider, ibm: Provider) -> None:
    """Where no limit applies, limit and rest are unknown and not 0."""
    server.account.limit(None)
    told = ibm.usage()

    assert told is not None
    assert (told.used, told.limit, told.remaining) == (0.0, None, None)


def test_the_price_depends_on_the_plan(opened: Callable[..., Provider]) -> None:
    """Without a plan the price is unknown; with one it comes from the dated file."""
    assert opened().price(FEZ) is None
    price = opened(plan="pay-as-you-go").price(FEZ)

    assert price is not None
    assert (price.per_second, price.currency) == (Decimal("1.60"), "USD")


# ------------------------------------------------------------------------------------------- jobs


def test_a_waiting_job_costs_one_call(
    server: IBMProvider, ibm: Provider, submit: Callable[..., Any]
) -> None:
    """A job that waits has neither times nor billed time, and its metrics are not asked for."""
    server.devices[MANILA].queue = 100
    job = submit(tags=["qgm-job-7", "mine"])
    server.requests.clear()

    told = ibm.job(job.job_id())

    assert (told.state, told.device, told.tags) == ("queued", MANILA, ("qgm-job-7", "mine"))
    assert (told.created_at, told.started_at, told.device_seconds) == (START, None, None)
    assert asked(server)[1:] == [f"GET /jobs/{job.job_id()}"]


def test_a_bill_is_unknown_until_it_is_settled(
    server: IBMProvider, ibm: Provider, submit: Callable[..., Any]
) -> None:
    """While IBM's usage is pending its 0 means unknown; once settled it is the charged time."""
    job = submit()
    server.clock.advance(2.0)
    ended = ibm.job(job.job_id())
    server.clock.advance(3600)
    settled = ibm.job(job.job_id())

    assert (ended.state, ended.device_seconds) == (JobState.DONE, None)
    assert (ended.started_at, ended.finished_at) == (START, START + 2.0)
    assert settled.device_seconds == 2.0
    assert settled.calibration_id is not None
    assert (settled.error_class, settled.error_code) == (None, None)


@pytest.mark.parametrize(
    ("fate", "expected"),
    [
        ({"status": "Failed", "reason_code": 1003}, ("failed", "compile", "1003")),
        ({"status": "Failed", "reason_code": 8054}, ("failed", "execution", "8054")),
        ({"status": "Failed"}, ("failed", "execution", None)),
        ({"status": "Cancelled"}, ("cancelled", "cancelled", None)),
        ({"status": "Cancelled", "reason_code": 1305}, ("ran_too_long", "run_timeout", "1305")),
        ({"status": "Cancelled - Ran too long"}, ("ran_too_long", "run_timeout", None)),
        (
            {"status": "Cancelled - Ran too long", "state": "Cancelled"},
            ("ran_too_long", "run_timeout", None),
        ),
        ({"status": "Dreaming"}, ("unknown", None, None)),
    ],
)
def test_unusual_ends_are_told_by_their_beginning(
    server: IBMProvider, ibm: Provider, submit: Callable[..., Any], fate: dict, expected: tuple
) -> None:
    """States are read by prefix at both of their places, codes where they hide."""
    server.fail_jobs(**fate)
    job = submit()
    server.clock.advance(2.0)

    told = ibm.job(job.job_id())

    assert (told.state, told.error_class, told.error_code) == expected
    assert told.state.is_final is (expected[0] != "unknown")


def test_jobs_are_listed_by_state_and_tag(
    server: IBMProvider, ibm: Provider, submit: Callable[..., Any]
) -> None:
    """Pending and final jobs, and those of a tag, are told apart, newest first."""
    done = submit(tags=["qgm-a"]).job_id()
    server.clock.advance(10)
    server.devices[MANILA].queue = 100
    waiting = [submit(tags=[tag]).job_id() for tag in ("qgm-b", "other")]

    assert [job.id for job in ibm.jobs()] == [*reversed(waiting), done]
    assert [job.id for job in ibm.jobs(pending=False)] == [done]
    assert {job.state for job in ibm.jobs(pending=True)} == {JobState.QUEUED}
    assert [job.id for job in ibm.jobs(pending=True, tag="qgm-b")] == waiting[:1]
    assert [job.id for job in ibm.jobs(limit=1)] == waiting[1:]


def test_a_long_list_is_paged(server: IBMProvider, ibm: Provider) -> None:
    """450 jobs take three calls of at most 200, and a limit bounds them."""
    device = server.devices[MANILA]
    device.queue = 10_000
    for _ in range(450):
        server.scheduler.submit(device, None, program="sampler")
    ibm.usage()
    server.requests.clear()

    assert len({job.id for job in ibm.jobs(limit=1000)}) == 450
    assert [request.one("offset") for request in server.requests] == ["", "200", "400"]
    server.requests.clear()
    assert len(ibm.jobs(limit=250)) == 250
    assert [request.one("limit") for request in server.requests] == ["200", "50"]


def test_a_list_without_a_count_ends(server: IBMProvider, ibm: Provider) -> None:
    """A wrong or absent count neither loops for ever nor loses jobs: an empty page ends it."""
    page = '{"jobs": [{"id": "a", "state": {"status": "Queued"}}]}'
    server.faults.add("GET", "/jobs", status=200, body=page, count=2)
    server.faults.add("GET", "/jobs", status=200, body='{"jobs": [], "count": 99}')

    assert [job.id for job in ibm.jobs()] == ["a", "a"]


# --------------------------------------------------------------------------------------- sessions


@pytest.mark.parametrize("mode", ["session", "batch"])
def test_a_session_is_told_with_its_limits(
    server: IBMProvider, ibm: Provider, service: Any, submit: Callable[..., Any], mode: str
) -> None:
    """Mode, both time limits, state and usage are told; what IBM leaves out stays unknown."""
    kind = {"session": Session, "batch": Batch}[mode]
    opened = kind(backend=service.backend(MANILA), max_time=900)
    submit(mode=opened)
    server.clock.advance(1.0)
    running = ibm.session(opened.session_id)
    opened.close()
    server.clock.advance(60)
    closed = ibm.session(opened.session_id)

    assert running is not None
    assert closed is not None
    assert (running.mode, running.device) == (ExecutionMode(mode), MANILA)
    assert (running.is_open, running.is_accepting, running.state) == (True, True, "active")
    assert (running.created_at, running.activated_at) == (START, START)
    assert running.max_seconds == 900
    assert running.interactive_seconds == {"session": 60, "batch": 1}[mode]
    assert running.usage_seconds == {"session": None, "batch": 0.0}[mode]
    assert (closed.is_open, closed.is_accepting) == (False, False)
    assert closed.usage_seconds == 2.0
    assert closed.closed_at == START + 2.0


# ----------------------------------------------------------------------------------- odd replies


@pytest.mark.parametrize(
    "body",
    ["", "<html>busy</html>", "[]", "null", '{"devices": 7}', '{"devices": [null]}', '{"a": 1}'],
)
def test_a_reply_of_another_kind_is_an_error(server: IBMProvider, ibm: Provider, body: str) -> None:
    """What is no device list raises one classified line, never another exception."""
    server.faults.add("GET", "/backends", status=200, body=body)

    with pytest.raises(ProviderError, match=r"^ibm devices: ") as caught:
        ibm.devices()

    assert caught.value.error_class in {"network", "other", "validation"}
    assert "\n" not in str(caught.value)


def test_odd_fields_are_unknown(server: IBMProvider, ibm: Provider) -> None:
    """Fields of a wrong type, negative or not finite are unknown and spoil no other device."""
    row = (
        '{"name": "odd", "status": {"name": 3}, "queue_length": "many", "qubits": -1, '
        '"clops": {"value": "None"}, "performance_metrics": {"two_q_error_best": 5}, '
        '"wait_time_seconds": {"average": NaN, "p50": true, "p95": 60}}'
    )
    mock = '{"name": "mock_fez", "class": "mock", "status": {"name": "online"}, "queue_length": 0}'
    nameless = '{"status": {"name": "online"}, "queue_length": 0}'
    body = f'{{"devices": [{row}, {mock}, {nameless}]}}'
    server.faults.add("GET", "/backends", status=200, body=body)

    ((info, status),) = ibm.devices()

    assert (info.name, info.num_qubits, info.clops, dict(info.two_qubit_error)) == (
        "odd",
        None,
        None,
        {},
    )
    assert (status.state, status.is_processing, status.queue_jobs) == ("unknown", None, None)
    assert status.wait == (None, None, 60.0)


def test_hostile_words_are_one_harmless_line(server: IBMProvider, ibm: Provider) -> None:
    """Control and direction characters, secrets and length of a provider's words are taken away."""
    server.devices[MANILA].status = "internal"
    server.devices[MANILA].reason = "see\nInstance crn:v1:a:b: \u202etxt.\x1b[31m" + "x " * 900

    message = ibm.status(MANILA).message

    assert message.startswith("internal: see Instance crn:*** ")
    assert message.isprintable()
    assert "\u202e" not in message
    assert len(message) <= 400


def test_a_name_stays_one_part_of_the_path(server: IBMProvider, ibm: Provider) -> None:
    """A device or job name with slashes cannot reach another endpoint."""
    with pytest.raises(ProviderError):
        ibm.job("../instances/usage")
    with pytest.raises(ProviderError):
        ibm.calibration("../../x?y")

    paths = [request.path for request in server.requests if request.method == "GET"]
    assert len(paths) == 2
    assert "/instances/usage" not in paths


def test_the_instant_of_an_answer_is_ours(server: IBMProvider) -> None:
    """An answer says when we asked, by our own clock."""
    connection = Connection(Login(api_url=f"{server.url}/api/v1"), Deadline(10.0))
    provider = IBM(connection, now=lambda: 77.0)

    assert provider.status(FEZ).observed_at == 77.0
    provider.close()
