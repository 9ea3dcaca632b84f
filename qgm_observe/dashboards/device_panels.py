"""Panels of devices that more than one board shows: state, age, errors, the provider's API."""

from qgm_observe.catalog import labels as by
from qgm_observe.catalog import provider_signals as told_by
from qgm_observe.dashboards import kinds
from qgm_observe.dashboards.board import Color, Meaning, Panel, Query
from qgm_observe.dashboards.kinds import RATIO, SECONDS, basis, column, limit
from qgm_observe.dashboards.queries import INTERVAL, RANGE, pick
from qgm_observe.dashboards.site import Site

HOUR = 3600.0
AGE_STEPS = kinds.lower_is_better(24 * HOUR, 36 * HOUR, ("fresh", "old", "too old"))
ERROR_STEPS = kinds.lower_is_better(0.03, 0.1, ("good", "poor", "unusable"))
GATE_STEPS = kinds.lower_is_better(0.01, 0.05, ("good", "poor", "unusable"))
DEVICE = ("provider", "device")
_STATES = {
    "online": Color.GOOD,
    "paused": Color.WATCH,
    "offline": Color.BAD,
    "retired": Color.BAD,
    "unknown": Color.UNKNOWN,
}
_CIRCUITS = {"closed": Color.GOOD, "open": Color.BAD, "half_open": Color.WATCH}


def health(here: Site) -> tuple[Panel, ...]:
    """Return state, circuit breaker, calibration, API and quota, for who is on call."""
    return (
        states(here),
        _circuit(here),
        calibration_table(here, width=12),
        readout(here, width=12),
        requests(here, width=12),
        quota(here),
        _pending(here),
        _collectors(here),
    )


def states(here: Site, width: int = 12, height: int = 8) -> Panel:
    """Return the state of each device over time."""
    told = here.told(
        "State of each device as its provider tells it.", "Online.", "QgmProviderOutage"
    )
    return kinds.state_timeline(
        "Device state",
        told,
        here.scope.state(told_by.DEVICE_STATE, by.DEVICE_STATE, DEVICE),
        "{{device}}",
        kinds.meanings_of(by.DEVICE_STATE, _STATES),
        width=width,
        height=height,
    )


def _circuit(here: Site) -> Panel:
    told = here.told(
        "Whether calls to a provider are held back, because too many of them failed.",
        "Closed.",
        "QgmProviderOutage",
    )
    return kinds.state_timeline(
        "Circuit breaker",
        told,
        here.scope.state(told_by.PROVIDER_CIRCUIT, by.CIRCUIT_STATE, ("provider", "account")),
        "{{provider}} {{account}}",
        kinds.meanings_of(by.CIRCUIT_STATE, _CIRCUITS),
        height=8,
    )


def calibration_table(here: Site, width: int = 24, height: int = 8) -> Panel:
    """Return the age of each device's oldest calibrated parameter, with what is usable."""
    told = here.told(
        "Age of the oldest parameter of each device's watched qubits, how many qubits can be used, "
        "and when its state was last told.",
        "Below 36 hours.",
        "QgmCalibrationStale",
    )
    scope = here.scope
    age = scope.age(pick(told_by.CALIBRATION_TIME, aggregate="layout"), DEVICE)
    usable = scope.level(pick(told_by.DEVICE_QUBITS, condition="all"), DEVICE)
    disabled = scope.level(pick(told_by.DEVICE_QUBITS, condition="disabled"), DEVICE)
    return kinds.table(
        "Calibration age",
        told,
        DEVICE,
        (
            *kinds.judged_columns(age, "Oldest parameter", SECONDS, AGE_STEPS),
            column(scope.age(told_by.DEVICE_OBSERVED, DEVICE), "Told", SECONDS),
            column(disabled, "Disabled", "short"),
            column(usable, "Qubits", "short"),
        ),
        width=width,
        height=height,
    )


def readout(here: Site, width: int = 12) -> Panel:
    """Return readout errors over time beside what they were a week before."""
    told = here.told(
        "Readout error of the median, the p90 and the worst qubit of each device; dashed is the "
        "median of a week before.",
        "Below the dashed line, or close to it.",
        "QgmCalibrationChanged",
    )
    chosen = here.scope.level(told_by.DEVICE_READOUT_ERROR, ("device", "aggregate"))
    median = here.scope.selector(pick(told_by.DEVICE_READOUT_ERROR, aggregate="median"))
    return kinds.ratio_timeseries(
        "Readout error",
        told,
        (
            Query(expr=chosen, legend="{{device}} {{aggregate}}"),
            limit(f"max by (device) ({median} offset 7d)", "{{device}} a week before"),
        ),
        qubits(here),
        width=width,
        maximum=None,
    )


def qubits(here: Site) -> Query:
    """Return how many qubits tell something."""
    told = pick(told_by.DEVICE_QUBITS, condition="all")
    return basis(here.scope.level(told, how="sum"), "qubits")


def requests(here: Site, width: int = 12) -> Panel:
    """Return the calls of the sidecars by what came of them."""
    told = here.told(
        "Calls of the sidecars to providers, by what came of them; `rate_limit` tells that the "
        "provider refuses further ones.",
        "Only `ok`.",
        "QgmSubmissionThrottled",
    )
    return kinds.counted_bars(
        "Calls to providers",
        told,
        here.scope.count(told_by.PROVIDER_REQUESTS, INTERVAL, ("result",)),
        "{{result}}",
        width=width,
    )


def quota(here: Site) -> Panel:
    """Return what is left of each account's device time."""
    told = here.told(
        "Device time left to each account in its period, credentials, and jobs that nobody waits "
        "for any more.",
        "More than the next runs need.",
        "QgmQuotaLow",
    )
    scope, key = here.scope, ("provider", "account")
    return kinds.table(
        "Accounts",
        told,
        key,
        (
            column(scope.level(told_by.ACCOUNT_REMAINING, key), "Left", SECONDS),
            column(scope.level(told_by.ACCOUNT_USED, key), "Used", SECONDS),
            column(scope.level(told_by.ACCOUNT_LIMIT, key), "Of", SECONDS),
            column(
                f"{scope.level(told_by.CREDENTIALS_EXPIRE, key, 'min')} - time()",
                "Credentials last",
                SECONDS,
            ),
            column(scope.level(told_by.ACCOUNT_ABANDONED, key, "sum"), "Abandoned jobs", "short"),
            column(scope.count(told_by.PROVIDER_REQUESTS, RANGE, key), "Calls", "short"),
        ),
    )


def _pending(here: Site) -> Panel:
    told = here.told(
        "Jobs of each account that wait or run at the provider, as the provider tells; the newest "
        "200 are looked at.",
        "The oldest is younger than the device's usual wait.",
        "QgmJobsStuck",
    )
    scope, key = here.scope, ("provider", "account", "device")
    oldest = pick(told_by.ACCOUNT_OLDEST_PENDING, origin="ours")
    return kinds.table(
        "Jobs at the provider",
        told,
        key,
        (
            column(scope.age(oldest, key), "Oldest of ours", SECONDS),
            *(
                column(
                    scope.level(pick(told_by.ACCOUNT_PENDING, job_state=state, origin="ours"), key),
                    state.capitalize(),
                    "short",
                )
                for state in ("queued", "running")
            ),
            column(scope.level(pick(told_by.ACCOUNT_PENDING, origin="other"), key, "sum"),
                   "Of others", "short"),
        ),
    )  # fmt: skip


def _collectors(here: Site) -> Panel:
    told = here.told(
        "What the sidecars ask of each provider: when it last worked, and how often it was asked "
        "in the time shown.",
        "Below three polls.",
        "QgmReadingsStale",
    )
    scope, key = here.scope, ("provider", "account", "collector")
    up = (Meaning(0, "down", Color.BAD), Meaning(1, "up", Color.GOOD))
    return kinds.table(
        "Collectors",
        told,
        key,
        (
            column(scope.age(told_by.LAST_SUCCESS, key), "Last worked", SECONDS),
            column(scope.level(told_by.COLLECTOR_UP, key, "min"), "Is", "none", meanings=up),
            column(scope.count(told_by.PROVIDER_REQUESTS, RANGE, key), "Calls", "short"),
        ),
    )


def worst_edges(here: Site, width: int = 12) -> Panel:
    """Return the ten pairs of qubits with the highest two-qubit error."""
    told = here.told(
        "The ten pairs whose two-qubit gate errs most. Only where the exporter tells single pairs.",
        "Below 1 %; and none of them in the layout.",
        "QgmLayoutEdgeDisabled",
    )
    key = ("device", "edge", "gate")
    error = f"topk(10, {here.scope.level(told_by.EDGE_ERROR, key)})"
    return kinds.table(
        "Worst pairs",
        told,
        key,
        (*kinds.judged_columns(error, "Error", RATIO, GATE_STEPS),),
        width=width,
    )


def readout_grid(here: Site) -> Panel:
    """Return the readout error of each qubit over time."""
    told = here.told(
        "Readout error of the 24 qubits with the highest, over time. Only where the exporter "
        "tells single qubits.",
        "Below 3 %; and no poor one in the layout.",
        "QgmCalibrationChanged",
    )
    chosen = here.scope.level(told_by.QUBIT_READOUT_ERROR, ("device", "qubit"))
    return kinds.level_grid(
        "Readout error by qubit",
        told,
        RATIO,
        f"{chosen} and topk(24, {_at_end(here)})",
        legend="{{device}} {{qubit}}",
        steps=ERROR_STEPS,
    )


def _at_end(here: Site) -> str:
    """The choice of qubits is made once, at the end of the time shown, and not at each step."""
    selector = here.scope.selector(told_by.QUBIT_READOUT_ERROR)
    return f"max by (device, qubit) ({selector} @ end())"
