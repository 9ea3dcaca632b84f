"""What IBM's REST interface answers, as records; whatever is absent or odd is unknown.

Source: IBM's OpenAPI of backends, jobs, sessions and instances, version 0.45.3, and the header
`IBM-API-Version: 2026-04-15` of qiskit-ibm-runtime 0.51 (no more `quantum_seconds`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from qgm_observe.catalog import ErrorClass, ExecutionMode
from qgm_observe.providers.failures import class_of_code
from qgm_observe.providers.ibm_files import epoch, number, processor, whole
from qgm_observe.providers.protocol import (
    AccountUsage,
    DeviceInfo,
    DeviceState,
    DeviceStatus,
    JobState,
    ProviderJob,
    ProviderSession,
    Wait,
)
from qgm_observe.redaction import redacted

PROVIDER = "ibm"
_RAN_TOO_LONG = "1305"
_LISTED = {
    "online": DeviceState.ONLINE,
    "paused": DeviceState.PAUSED,
    "offline": DeviceState.OFFLINE,
}
_FIGURES = {
    "best": "two_q_error_best",
    "layered": "two_q_error_layered",
    "median": "two_q_error_median",
}
_HELD_BACK = ("internal", "maintenance")
"""States of a device that accepts work and does not process it."""

_JOB_STATES = (
    ("CANCELLED - RAN TOO LONG", JobState.RAN_TOO_LONG),
    ("CANCELLED", JobState.CANCELLED),
    ("CANCELED", JobState.CANCELLED),
    ("COMPLETED", JobState.DONE),
    ("FAILED", JobState.FAILED),
    ("RUNNING", JobState.RUNNING),
    ("QUEUED", JobState.QUEUED),
)
_MODES = {"batch": ExecutionMode.BATCH, "dedicated": ExecutionMode.SESSION}
_ERRORS = {
    JobState.RAN_TOO_LONG: ErrorClass.RUN_TIMEOUT,
    JobState.CANCELLED: ErrorClass.CANCELLED,
    JobState.FAILED: ErrorClass.EXECUTION,
}


def fleet(
    told: Mapping[str, Any], observed_at: float, region: str
) -> Iterator[tuple[DeviceInfo, DeviceStatus]]:
    """Yield the devices of the list; mocks, which answer at random, are left out."""
    for row in told["devices"]:
        if isinstance(row.get("name"), str) and row.get("class") != "mock":
            yield _listed_info(row, region), _listed_status(row, observed_at)


def status(told: Mapping[str, Any], device: str, observed_at: float) -> DeviceStatus:
    """Return the status of one device, as its own document has it."""
    accepting, word = told.get("state"), str(told.get("status") or "").lower()
    state, is_processing = DeviceState.UNKNOWN, None
    if accepting is False:
        state, is_processing = DeviceState.OFFLINE, False
    elif accepting is True and word.startswith(_HELD_BACK):
        state, is_processing = DeviceState.PAUSED, False
    elif accepting is True:
        state, is_processing = DeviceState.ONLINE, True if word == "active" else None
    return DeviceStatus(
        provider=PROVIDER,
        device=device,
        state=state,
        observed_at=observed_at,
        is_accepting=accepting is True,
        is_processing=is_processing,
        message=_words(told.get("status"), told.get("message")),
        queue_jobs=whole(told.get("length_queue")),
    )


def job_state(told: Mapping[str, Any]) -> JobState:
    """Return a job's state by the beginning of IBM's word for it.

    `Cancelled - Ran too long` stands at the top alone, and code 1305 says the same.
    """
    own = told.get("state")
    inner = own if isinstance(own, Mapping) else {}
    words = [str(word or "").upper() for word in (told.get("status"), inner.get("status"))]
    found = [state for begin, state in _JOB_STATES for word in words if word.startswith(begin)]
    state = found[0] if found else JobState.UNKNOWN
    if state is JobState.CANCELLED and _reason_code(inner) == _RAN_TOO_LONG:
        return JobState.RAN_TOO_LONG
    return state


def job(told: Mapping[str, Any], metrics: Mapping[str, Any] | None = None) -> ProviderJob:
    """Return a job; what its metrics tell of times and of usage that is settled included."""
    times, used = _part(metrics or {}, "timestamps"), _part(metrics or {}, "usage")
    state = job_state(told)
    code = _reason_code(_part(told, "state")) if state in _ERRORS else None
    return ProviderJob(
        provider=PROVIDER,
        id=str(told.get("id")),
        state=state,
        device=told.get("backend"),
        session=told.get("session_id"),
        created_at=epoch(times.get("created")) or epoch(told.get("created")),
        started_at=epoch(times.get("running")),
        finished_at=epoch(times.get("finished")),
        estimated_seconds=number(told.get("estimated_running_time_seconds")),
        device_seconds=_settled(used),
        error_class=class_of_code(code) or _ERRORS.get(state),
        error_code=code,
        calibration_id=told.get("calibration_id"),
        tags=tuple(str(tag) for tag in told.get("tags") or ()),
    )


def session(told: Mapping[str, Any]) -> ProviderSession:
    """Return a session; its usage is unknown while IBM tells none."""
    state = str(told.get("state") or "unknown")
    stamps = [each for each in told.get("timestamps") or () if isinstance(each, Mapping)]
    opened = (epoch(each.get("timestamp")) for each in stamps if each.get("status") == "open")
    return ProviderSession(
        provider=PROVIDER,
        id=str(told.get("id")),
        mode=_MODES.get(str(told.get("mode")), ExecutionMode.SESSION),
        device=told.get("backend_name"),
        is_open=state != "closed",
        is_accepting=bool(told.get("accepting_jobs")),
        state=state,
        created_at=next(opened, None) or epoch(told.get("created_at")),
        activated_at=epoch(told.get("activated_at")),
        closed_at=epoch(told.get("closed_at")),
        interactive_seconds=number(told.get("interactive_ttl")),
        max_seconds=number(told.get("max_ttl")),
        usage_seconds=number(told.get("elapsed_time")),
    )


def usage(told: Mapping[str, Any], account: str, observed_at: float) -> AccountUsage:
    """Return what an instance has used; its limit goes before what it was allotted."""
    used = number(told.get("usage_consumed_seconds"))
    limit = number(told.get("usage_limit_seconds"))
    if limit is None:
        limit = number(told.get("usage_allocation_seconds"))
    reached, period = told.get("usage_limit_reached"), _part(told, "usage_period")
    return AccountUsage(
        provider=PROVIDER,
        account=account,
        observed_at=observed_at,
        used=used,
        limit=limit,
        remaining=None if used is None or limit is None else max(limit - used, 0.0),
        is_limit_reached=reached if isinstance(reached, bool) else None,
        period_starts_at=epoch(period.get("start_time")),
        period_ends_at=epoch(period.get("end_time")),
    )


def _listed_info(row: Mapping[str, Any], region: str) -> DeviceInfo:
    figures = _part(row, "performance_metrics")
    errors = {name: number(_part(figures, key).get("value")) for name, key in _FIGURES.items()}
    return DeviceInfo(
        provider=PROVIDER,
        name=row["name"],
        num_qubits=whole(row.get("qubits")),
        processor=processor(row.get("processor_type")),
        is_simulator=row.get("is_simulator") is True,
        region=region,
        clops=number(_part(row, "clops").get("value")),
        two_qubit_error={name: error for name, error in errors.items() if error is not None},
    )


def _listed_status(row: Mapping[str, Any], observed_at: float) -> DeviceStatus:
    told, wait = _part(row, "status"), _part(row, "wait_time_seconds")
    state = _LISTED.get(str(told.get("name")), DeviceState.UNKNOWN)
    known = state is not DeviceState.UNKNOWN
    return DeviceStatus(
        provider=PROVIDER,
        device=row["name"],
        state=state,
        observed_at=observed_at,
        is_accepting=state in (DeviceState.ONLINE, DeviceState.PAUSED),
        is_processing=state is DeviceState.ONLINE if known else None,
        message=_words(told.get("reason")),
        queue_jobs=whole(row.get("queue_length")),
        wait=Wait(*(number(wait.get(name)) for name in Wait._fields)),
    )


def _settled(told: Mapping[str, Any]) -> float | None:
    """Return billed seconds; while it is pending IBM's 0 means unknown."""
    return number(told.get("qpu_charge_time_seconds")) if told.get("status") == "complete" else None


def _reason_code(state: Mapping[str, Any]) -> str | None:
    code = state.get("reason_code") or state.get("reasonCode")
    return str(code)[:32] if code else None


def _part(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = told.get(key)
    return part if isinstance(part, Mapping) else {}


def _words(*told: Any) -> str:
    """Join words of a provider to one line that shows no secret and hides no character."""
    said = " ".join(": ".join(str(word) for word in told if word).split())
    return redacted("".join(c if c.isprintable() else "\ufffd" for c in said[:400]))
