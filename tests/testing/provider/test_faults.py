"""Each fault becomes the exception that the pinned client raises for it: the contract."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime.accounts.exceptions import InvalidAccountError
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMNotAuthorizedError,
    IBMRuntimeError,
    RuntimeJobNotFound,
    RuntimeProgramNotFound,
)

from qgm_observe.errors import UsageError
from qgm_observe.testing.provider import Fault, IBMProvider, VirtualClock
from qgm_observe.testing.provider.faults import Faults
from qgm_observe.testing.provider.http import Request

DEVICE = "ibmq_manila"
STATUS = f"/backends/{DEVICE}/status"
ALWAYS: dict[str, Any] = {"count": None}
TWICE: dict[str, Any] = {"count": 2}

Row = tuple[dict[str, Any], type[Exception] | None, int | None, int]

READS: list[Row] = [  # the fault of GET status, what the client raises, its status code, requests
    ({"status": 401}, IBMNotAuthorizedError, None, 1),
    ({"status": 400}, RequestsApiError, 400, 1),
    ({"status": 403}, RequestsApiError, 403, 1),
    ({"status": 404}, RequestsApiError, 404, 1),
    ({"status": 409}, RequestsApiError, 409, 1),
    ({"status": 413}, RequestsApiError, 413, 1),
    ({"status": 429}, RequestsApiError, 429, 1),
    ({"status": 429, "retry_after": 0, **TWICE}, None, None, 3),
    ({"status": 500, **TWICE}, None, None, 3),
    ({"status": 500}, RequestsApiError, -1, 6),
    ({"status": 502}, RequestsApiError, -1, 6),
    ({"status": 503}, RequestsApiError, -1, 6),
    ({"drop": True, **TWICE}, None, None, 3),
    ({"drop": True}, RequestsApiError, -1, 6),
]
SUBMITS: list[Row] = [  # the fault of POST /jobs, what is raised, the hidden status code, requests
    ({"status": 401}, IBMNotAuthorizedError, None, 1),
    ({"status": 400}, IBMRuntimeError, 400, 1),
    ({"status": 403}, IBMRuntimeError, 403, 1),
    ({"status": 404}, RuntimeProgramNotFound, 404, 1),
    ({"status": 409, "code": 1234}, IBMRuntimeError, 409, 1),
    ({"status": 413}, IBMRuntimeError, 413, 1),
    ({"status": 429}, IBMRuntimeError, 429, 1),
    ({"status": 429, "retry_after": 0, **TWICE}, IBMRuntimeError, 429, 1),
    ({"status": 500, **TWICE}, None, None, 3),
    ({"status": 500}, IBMRuntimeError, -1, 6),
    ({"status": 503}, IBMRuntimeError, -1, 6),
    ({"drop": True, "count": 1}, IBMRuntimeError, -1, 1),
]


@pytest.mark.parametrize("row", READS)
def test_a_failing_read(provider: IBMProvider, backend: Any, row: Row) -> None:
    """A read raises the class and status of the table, after so many requests, or gets through."""
    fault, error, code, requests = row
    provider.faults.add("GET", STATUS, **fault)

    if error is None:
        assert backend.status().operational
    else:
        with pytest.raises(error) as raised:
            backend.status()
        assert getattr(raised.value, "status_code", None) == code
    assert provider.requests.count("GET", STATUS) == requests


@pytest.mark.parametrize("row", SUBMITS)
def test_a_failing_submission(provider: IBMProvider, submit: Callable[..., Any], row: Row) -> None:
    """A submission raises the class of the table, hides the status in its context, or succeeds."""
    fault, error, code, requests = row
    provider.faults.add("POST", "/jobs", **fault)

    if error is None:
        assert submit().job_id() in provider.jobs
    else:
        with pytest.raises(error) as raised:
            submit()
        assert getattr(raised.value.__context__, "status_code", None) == code
    assert provider.requests.count("POST", "/jobs") == requests


def test_an_error_code_is_told_in_the_text_only(
    provider: IBMProvider, submit: Callable[..., Any]
) -> None:
    """The provider's code arrives inside the message, in IBM's form of an error."""
    provider.faults.add("POST", "/jobs", status=409, code=1234, message="Usage exceeds the limit.")

    with pytest.raises(IBMRuntimeError, match=r'"code": 1234, "message": "Usage exceeds'):
        submit()


def test_a_submission_that_was_done_before_it_failed_is_done_again(
    provider: IBMProvider, submit: Callable[..., Any]
) -> None:
    """When the provider takes a job and then answers 503, the client's retry makes another."""
    provider.faults.add("POST", "/jobs", status=503, after=True, count=1)

    job = submit(environment={"job_tags": ["qgm-intent"]})

    assert len(provider.jobs) == 2
    assert list(provider.jobs)[1] == job.job_id()
    assert {tuple(kept.tags) for kept in provider.jobs.values()} == {("qgm-intent",)}


def test_a_submission_whose_answer_is_lost_leaves_a_job_behind(
    provider: IBMProvider, submit: Callable[..., Any]
) -> None:
    """When the connection drops after the provider took the job, the client knows no id of it."""
    provider.faults.add("POST", "/jobs", drop=True, after=True, count=1)

    with pytest.raises(IBMRuntimeError):
        submit()

    assert len(provider.jobs) == 1


def test_a_hanging_read_ends_when_it_is_released(provider: IBMProvider, backend: Any) -> None:
    """The client waits as long as the provider hangs; once released it asks again."""
    provider.faults.add("GET", STATUS, hang=True, count=1)
    seen: list[Any] = []
    asking = threading.Thread(target=lambda: seen.append(backend.status()))

    asking.start()
    assert provider.faults.wait_hanging(1)
    assert seen == []
    provider.faults.release()
    asking.join(10)

    assert [status.operational for status in seen] == [True]
    assert provider.requests.count("GET", STATUS) == 2


def test_a_hanging_read_lets_others_through(provider: IBMProvider, backend: Any) -> None:
    """While one request hangs, the provider answers another, and its clock can be moved."""
    provider.faults.add("GET", STATUS, hang=True, count=1)
    asking = threading.Thread(target=backend.status)
    asking.start()
    assert provider.faults.wait_hanging(1)

    for _ in range(20):
        provider.clock.advance(10)
        assert backend.service.usage()["usage_consumed_seconds"] == 0

    provider.faults.release()
    asking.join(10)
    assert not asking.is_alive()


def test_a_hanging_request_ends_with_its_client(provider: IBMProvider, service: Any) -> None:
    """Where the client gives up, the provider's thread stops waiting."""
    import requests

    provider.faults.add("GET", "/nowhere", hang=True)

    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{provider.url}/nowhere", timeout=0.2)

    assert provider.faults.wait_hanging(0)


# ---------------------------------------------------------------------------------- accounts


def test_a_wrong_key_is_an_invalid_account() -> None:
    """A key that the provider does not know gives no service."""
    with (
        IBMProvider(["fake_manila"], clock=VirtualClock()) as provider,
        pytest.raises(InvalidAccountError),
    ):
        _service_with_key(provider, "another key")


def _service_with_key(provider: IBMProvider, key: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**provider.env, "QISKIT_IBM_TOKEN": key}.items():
            patch.setenv(name, value)
        from qiskit_ibm_runtime import QiskitRuntimeService

        return QiskitRuntimeService()


@pytest.mark.parametrize("status", [401, 500, 503])
def test_a_search_that_is_down_looks_like_an_invalid_account(status: int) -> None:
    """The client raises the same for a refused and a failing search; the cause has the status."""
    with IBMProvider(["fake_manila"], clock=VirtualClock()) as provider:
        provider.faults.add("POST", "/v3/resources/search", status=status)
        with pytest.raises(InvalidAccountError) as raised:
            provider.service()

    assert getattr(raised.value.__cause__, "status_code", None) == status


def test_another_instance_is_refused() -> None:
    """An instance that the search does not list is refused by the client itself."""
    with IBMProvider(["fake_manila"], clock=VirtualClock()) as provider:
        listed = provider.account.search()
        listed["items"][0]["crn"] = listed["items"][0]["crn"].replace("instance-1", "instance-2")
        provider.account.search = lambda: listed  # type: ignore[method-assign]
        with pytest.raises(IBMInputValueError, match="does not have access"):
            provider.service()


def test_devices_that_may_not_be_listed_are_no_devices(provider: IBMProvider) -> None:
    """A refused list yields a working service without devices and a line in the log."""
    provider.faults.add("GET", "/backends", status=403)

    assert provider.service().backends() == []


def test_a_token_that_cannot_be_had_is_replaced_by_the_key(
    provider: IBMProvider, service: Any, backend: Any
) -> None:
    """Where no token is to be had, a call warns, goes on with the key, and is answered."""
    provider.faults.add("POST", "/identity/token", status=400)
    service._active_api_client._session.auth.tm.expire_time = 0

    with pytest.warns(UserWarning, match="Unable to retrieve IBM Cloud access token"):
        assert backend.status().operational


def test_a_foreign_token_is_refused(provider: IBMProvider, service: Any) -> None:
    """A token that the provider did not issue gets 401."""
    import requests

    answer = requests.get(
        f"{provider.url}/api/v1/backends", headers={"Authorization": "Bearer x.y.z"}, timeout=5
    )

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == 1201


def test_what_is_not_there_is_not_found(provider: IBMProvider, service: Any, backend: Any) -> None:
    """Jobs, devices and programs that are not there raise the client's own classes."""
    with pytest.raises(RuntimeJobNotFound):
        service.job("nothing")
    with pytest.raises(QiskitBackendNotFoundError):
        service.backend("ibm_nowhere")
    with pytest.raises(RuntimeProgramNotFound):
        service._run("nothing", inputs={}, options={"backend": backend})


# -------------------------------------------------------------------------- which and how often


def test_a_fault_hits_only_what_it_names() -> None:
    """A star stands for one part of a path, two for any number, and the method counts."""
    one = Fault(method="GET", path="/jobs/*", status=500)
    any_ = Fault(path="/jobs/**", status=500)

    def ask(method: str, path: str) -> Request:
        return Request(method=method, path=path)

    assert one.fits(ask("GET", "/jobs/a"))
    assert not one.fits(ask("GET", "/jobs/a/results"))
    assert not one.fits(ask("POST", "/jobs/a"))
    assert not one.fits(ask("GET", "/jobs"))
    assert any_.fits(ask("DELETE", "/jobs/a/results"))


def test_faults_are_skipped_counted_and_rolled() -> None:
    """A fault lets the first ones pass, ends after its count, and hits its share by the seed."""
    counted = Faults(0)
    counted.add(status=500, skip=2, count=3)
    hits = [counted.match(Request(method="GET", path="/")) is not None for _ in range(7)]

    rolled = Faults(0)
    fault = rolled.add(status=500, probability=0.25)
    for _ in range(4_000):
        rolled.match(Request(method="GET", path="/"))

    assert hits == [False, False, True, True, True, False, False]
    assert 840 < fault.hits < 1_160  # six standard deviations around 1,000


def test_a_fault_may_depend_on_the_job(provider: IBMProvider, submit: Callable[..., Any]) -> None:
    """A condition sees the job that is asked about: only polls of a running job fail."""
    provider.devices[DEVICE].queue = 1

    def is_running(request: Request) -> bool:
        job = provider.job_of(request)
        return job is not None and job.status == "Running"

    provider.faults.add("GET", "/jobs/*", status=404, when=is_running)
    job = submit()

    assert job.status() == "QUEUED"
    provider.clock.advance(6)
    with pytest.raises(RequestsApiError):
        job.status()
    provider.clock.advance(2)
    assert job.status() == "DONE"


@pytest.mark.parametrize("fields", [{}, {"status": 500, "drop": True}, {"drop": 1, "hang": 1}])
def test_a_fault_is_one_thing(fields: dict[str, Any]) -> None:
    """A fault that says nothing or two things is refused in one line."""
    with pytest.raises(UsageError, match="one of status"):
        Faults(0).add(**fields)
