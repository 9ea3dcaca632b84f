"""Every way in which IBM's client fails, as a bounded class."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit.transpiler.exceptions import TranspilerError
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError, InvalidAccountError
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMNotAuthorizedError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
    RuntimeJobTimeoutError,
)

from qgm_observe.catalog import ErrorClass
from qgm_observe.lifecycle.failures import classify
from qgm_observe.providers import Provider, ProviderError
from qgm_observe.providers.failures import class_of, code_of, status_of, without_secrets
from qgm_observe.testing.provider import IBMProvider, VirtualClock

from .conftest import impatient

MANILA = "ibmq_manila"
STATUS = f"/backends/{MANILA}/status"


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[IBMProvider, Any]]:
    """One server and one client for all, as most tests only plant a fault."""
    with IBMProvider(("fake_manila",), clock=VirtualClock()) as provider:
        yield provider, impatient(provider)


@pytest.fixture
def server(shared: tuple[IBMProvider, Any]) -> Iterator[IBMProvider]:
    """The server without what the test before planted."""
    provider, _ = shared
    with provider.environment():
        yield provider
    provider.faults.clear()
    provider.scheduler.fates.clear()
    provider.devices[MANILA].queue = 0


@pytest.fixture
def service(shared: tuple[IBMProvider, Any], server: IBMProvider) -> Any:
    """IBM's unmodified client."""
    return shared[1]


def raised(act: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as caught:
        act()
    return caught.value


# ----------------------------------------------------------------- the fault table, real exceptions


@pytest.mark.parametrize(
    ("fault", "kind", "error_class"),
    [
        ({"status": 401}, "IBMNotAuthorizedError", "auth"),
        ({"status": 403}, "RequestsApiError", "auth"),
        ({"status": 404}, "RequestsApiError", "not_found"),
        ({"status": 409}, "RequestsApiError", "quota"),
        ({"status": 400}, "RequestsApiError", "validation"),
        ({"status": 413}, "RequestsApiError", "validation"),
        ({"status": 429}, "RequestsApiError", "rate_limit"),
        ({"status": 500}, "RequestsApiError", "network"),
        ({"status": 503}, "RequestsApiError", "network"),
        ({"drop": True}, "RequestsApiError", "network"),
    ],
)
def test_a_status_that_fails(
    server: IBMProvider, service: Any, fault: dict, kind: str, error_class: str
) -> None:
    """Each fault of a GET gives the client's own exception, whose class we know."""
    backend = service.backend(MANILA)
    server.faults.add("GET", STATUS, **fault)

    error = raised(backend.status)

    assert type(error).__name__ == kind
    assert class_of(error) == error_class
    assert classify(error).error_class == error_class


@pytest.mark.parametrize(
    ("fault", "kind", "error_class"),
    [
        ({"status": 401}, "IBMNotAuthorizedError", "auth"),
        ({"status": 403}, "IBMRuntimeError", "auth"),
        ({"status": 404}, "RuntimeProgramNotFound", "not_found"),
        ({"status": 409}, "IBMRuntimeError", "quota"),
        ({"status": 400}, "IBMRuntimeError", "validation"),
        ({"status": 413}, "IBMRuntimeError", "validation"),
        ({"status": 429}, "IBMRuntimeError", "rate_limit"),
        ({"status": 429, "retry_after": 1}, "IBMRuntimeError", "rate_limit"),
        ({"status": 500}, "IBMRuntimeError", "network"),
        ({"status": 503}, "IBMRuntimeError", "network"),
        ({"drop": True}, "IBMRuntimeError", "network"),
    ],
)
def test_a_submission_that_fails(
    server: IBMProvider, submit: Callable[..., Any], fault: dict, kind: str, error_class: str
) -> None:
    """The client says the same of every failed submission; the status is in its context."""
    server.faults.add("POST", "/jobs", **fault)

    error = raised(submit)

    assert type(error).__name__ == kind
    assert class_of(error) == error_class


@pytest.mark.parametrize(
    ("fate", "kind", "error_class"),
    [
        ({"reason_code": 8054, "reason": "broken"}, "RuntimeJobFailureError", "execution"),
        ({"reason_code": 1003, "reason": "no"}, "RuntimeJobFailureError", "compile"),
        (
            {"status": "Cancelled", "reason_code": 1305, "reason": "too long"},
            "RuntimeJobMaxTimeoutError",
            "run_timeout",
        ),
        ({"status": "Cancelled"}, "RuntimeInvalidStateError", "cancelled"),
    ],
)
def test_a_job_that_fails(
    server: IBMProvider, submit: Callable[..., Any], fate: dict, kind: str, error_class: str
) -> None:
    """A failed job's exception is classed by IBM's code where it carries one."""
    server.fail_jobs(**fate)
    job = submit()
    server.clock.advance(5)

    error = raised(lambda: job.result(timeout=5))

    assert type(error).__name__ == kind
    assert class_of(error) == error_class


def test_waiting_too_long_is_the_queue(server: IBMProvider, submit: Callable[..., Any]) -> None:
    """A result that is not there in time is a queue timeout; the job goes on."""
    server.devices[MANILA].queue = 100
    job = submit()

    assert class_of(raised(lambda: job.result(timeout=0))) == "queue_timeout"


def test_cancelling_too_late_is_no_cancelled_job(
    server: IBMProvider, submit: Callable[..., Any]
) -> None:
    """To cancel a final job gives the same type as a cancelled job, and is told by its 409."""
    job = submit()
    server.clock.advance(5)
    error = raised(job.cancel)

    assert (type(error).__name__, status_of(error)) == ("RuntimeInvalidStateError", 409)
    assert class_of(error) == "validation"


def test_an_unknown_job_is_not_found(service: Any) -> None:
    """A job that IBM does not know is not found."""
    assert class_of(raised(lambda: service.job("nowhere"))) == "not_found"


def test_an_unknown_device_is_offline(service: Any) -> None:
    """A device that is gone is offline."""
    assert class_of(raised(lambda: service.backend("ibm_gone"))) == "offline"


def test_a_circuit_that_does_not_fit_is_invalid(service: Any) -> None:
    """A circuit with gates that the device lacks is refused before any request."""
    circuit = QuantumCircuit(2)
    circuit.ch(0, 1)
    circuit.measure_all()
    sampler = SamplerV2(mode=service.backend(MANILA))

    assert class_of(raised(lambda: sampler.run([circuit]))) == "validation"


@pytest.mark.parametrize(
    ("path", "fault", "error_class"),
    [
        ("/v3/resources/search", {"status": 403}, "auth"),
        ("/v3/resources/search", {"status": 503}, "network"),
        ("/identity/token", {"status": 400}, "auth"),
    ],
)
def test_an_account_that_cannot_be_opened(
    server: IBMProvider, path: str, fault: dict, error_class: str
) -> None:
    """One exception stands for a wrong key and for a search that is down; the cause tells."""
    server.faults.add("POST", path, **fault)
    error = raised(server.service)

    assert type(error).__name__ == "InvalidAccountError"
    assert class_of(error) == error_class


def test_an_instance_of_others_is_no_access(server: IBMProvider) -> None:
    """A key without access to the instance is a matter of credentials, not of input."""
    said = "The given API token is associated with an account that does not have access to the "

    assert class_of(IBMInputValueError(f"{said}instance crn:v1:x.")) == "auth"


# ------------------------------------------------------------------------------- types and causes


def after(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "error_class"),
    [
        (IBMNotAuthorizedError("no"), "auth"),
        (AccountNotFoundError("none"), "auth"),
        (InvalidAccountError("bad"), "auth"),
        (RequestsApiError("slow", 429), "rate_limit"),
        (RequestsApiError("gone", -1), "network"),
        (RequestsApiError("odd", 418), "other"),
        (after(IBMRuntimeError("failed"), RequestsApiError("x", 409)), "quota"),
        (after(InvalidAccountError("bad"), RequestsApiError("x", 429)), "rate_limit"),
        (RuntimeJobTimeoutError("late"), "queue_timeout"),
        (RuntimeJobMaxTimeoutError("long"), "run_timeout"),
        (RuntimeJobFailureError("Error code 1305; it ran too long"), "run_timeout"),
        (RuntimeJobFailureError("Error code 4711; unheard of"), "execution"),
        (RuntimeInvalidStateError("cancelled"), "cancelled"),
        (RuntimeJobNotFound("none"), "not_found"),
        (QiskitBackendNotFoundError("none"), "offline"),
        (TranspilerError("no"), "compile"),
        (IBMInputValueError("bad"), "validation"),
        (ValueError("bad"), "validation"),
        (TimeoutError("late"), "run_timeout"),
        (ConnectionResetError("gone"), "network"),
        (MemoryError(), "resource"),
        (KeyboardInterrupt(), "cancelled"),
        (RuntimeError('user text with "code": 1202 in it'), "other"),
        (ProviderError("x", ErrorClass.QUOTA), "quota"),
        (after(RuntimeError("outer"), ProviderError("x", ErrorClass.QUOTA)), "quota"),
    ],
)
def test_each_type_has_its_class(error: BaseException, error_class: str) -> None:
    """Types, causes and IBM's codes each lead to the class of the table."""
    assert class_of(error) == error_class


def submission() -> None:
    """Fails as IBM's client does."""
    try:
        raise RequestsApiError('400 Bad Request. {"errors": [{"code": "1517"}]}', 400)
    except RequestsApiError:
        raise IBMRuntimeError("Failed to run program") from None


def test_code_and_status_are_read_where_they_hide() -> None:
    """The code stands in the text alone, the status in the context behind `from None`."""
    error = raised(submission)

    assert (status_of(error), code_of(error)) == (400, "1517")
    assert (status_of(ValueError()), code_of(ValueError())) == (None, None)


def test_a_ring_of_causes_ends() -> None:
    """Exceptions that name each other as cause are classed and not followed for ever."""
    one, other = RuntimeError("one"), RuntimeError("other")
    one.__cause__, other.__cause__ = other, one

    assert class_of(one) == "other"


def test_a_line_holds_no_secret() -> None:
    """Known secrets are masked wherever they stand, the longer first, and the line is one line."""
    error = RequestsApiError("bad key-1234\n for key-1234-long at crn:v1:x:y:z", 400)

    told = without_secrets(error, "ibm status", ["key-1234", "key-1234-long", ""])

    assert str(told) == "ibm status: RequestsApiError: bad *** for *** at crn:***"
    assert (told.error_class, told.status_code, told.code) == ("validation", 400, None)


def test_the_adapter_classes_what_its_library_raises(ibm: Provider) -> None:
    """The adapter knows the class of what IBM's client raises elsewhere."""
    assert ibm.classify(RuntimeJobMaxTimeoutError("long")) == "run_timeout"
