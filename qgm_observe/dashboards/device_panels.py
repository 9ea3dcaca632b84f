"""Panels of devices that more than one board shows: state, age, errors, the provider's API."""

from qgm_observe.catalog import labels as by
from qgm_observe.catalog import provider_signals as told_by
from qgm_observe.catalog import signals
from qgm_observe.dashboards import kinds
from qgm_observe.dashboards.board import Color, Meaning, Panel, Query
from qgm_observe.dashboards.kinds import RATIO, SECONDS, basis, column, limit
from qgm_observe.dashboards.queries import INTERVAL, RANGE, pick
from qgm_observe.dashboards.site import Site

HOUR = 3600.0
AGE_STEPS = kinds.lower_is_better(3 * 24 * HOUR, 7 * 24 * HOUR, ("fresh", "old", "too old"))
ERROR_STEPS = kinds.lower_is_better(0.03, 0.1, ("good", "poor", "unusable"))
GATE_STEPS = kinds.lower_is_better(0.01, 0.05, ("good", "poor", "unusable"))
DEVICE, ACCOUNT = ("provider", "device"), ("provider", "account")
_STATES = {
    "online": Color.GOOD,
    "paused": Color.WATCH,
    "offline": Color.BAD,
    "retired": Color.BAD,
    "unknown": Color.UNKNOWN,
}
_CIRCUITS = {"closed": Color.GOOD, "open": Color.BAD, "half_open": Color.WATCH}


_WORKS = (Meaning(0, "no", Color.BAD), Meaning(1, "yes", Color.GOOD))
_REFUSED = (Meaning(0, "yes", Color.GOOD), Meaning(1, "no", Color.BAD))
_CAPPED = (Meaning(0, "exact", Color.UNKNOWN), Meaning(1, "at least", Color.UNKNOWN))


def health(here: Site) -> tuple[Panel, ...]:
    """Return state, circuit breaker, calibration, API and quota, for who is on call."""
    return (
        states(here),
        _circuit(here),
        _devices(here),
        accounts(here),
        _pending(here),
        _awaited(here),
    )


def _devices(here: Site) -> Panel:
    told = here.told(
        "Age of the oldest parameter that open jobs rest on and disabled pairs that they use, when "
        "the device was last told of, whether it processes work, when it comes back if it is away, "
        "and the device time that open jobs of ours still need.",
        "Fresh, and at work.",
        "QgmProviderOutage",
    )
    scope = here.scope
    away = f"{scope.level(told_by.DEVICE_AVAILABLE_AT, DEVICE)} - time() > 0"
    return kinds.table(
        "Devices",
        told,
        DEVICE,
        (
            *_in_use(here),
            column(scope.age(told_by.DEVICE_OBSERVED, DEVICE), "Told", SECONDS),
            column(scope.level(told_by.DEVICE_PROCESSING, DEVICE), "Works", "none",
                   meanings=_WORKS),
            column(away, "Back in", SECONDS),
            column(scope.level(told_by.DEVICE_QUEUE, DEVICE), "Queue", "short"),
            column(scope.level(told_by.DEVICE_QUEUE_CAPPED, DEVICE), "Queue is", "none",
                   meanings=_CAPPED),
            column(scope.level(signals.DEVICE_TIME_NEEDED, DEVICE, "sum"), "We need", SECONDS),
            *_qubits_told(here),
        ),
        width=24,
        height=6,
    )  # fmt: skip


def _in_use(here: Site) -> tuple[Query, ...]:
    """Of the qubits and gates that circuits of open jobs use."""
    age = here.scope.age(signals.LAYOUT_CALIBRATION_TIME, DEVICE)
    disabled = here.scope.level(signals.LAYOUT_EDGES_DISABLED, DEVICE)
    return (
        *kinds.judged_columns(age, "Oldest in use", SECONDS, AGE_STEPS),
        column(disabled, "Pairs off", "short"),
    )


def _qubits_told(here: Site) -> tuple[Query, ...]:
    return tuple(
        column(here.scope.level(pick(told_by.DEVICE_QUBITS, condition=which), DEVICE), title,
               "short")
        for which, title in (("disabled", "Disabled"), ("all", "Qubits"))
    )  # fmt: skip


def states(here: Site, width: int = 12, height: int = 8) -> Panel:
    """Return the state of each device over time."""
    told = here.told(
        "State of each device as its provider tells it.", "Online.", "QgmProviderOutage"
    )
    return kinds.state_timeline(
        "Device state",
        told,
        [
            Query(
                expr=here.scope.state(told_by.DEVICE_STATE, by.DEVICE_STATE, DEVICE),
                legend="{{device}}",
                meanings=kinds.meanings_of(by.DEVICE_STATE, _STATES),
            )
        ],
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
        [
            Query(
                expr=here.scope.state(told_by.PROVIDER_CIRCUIT, by.CIRCUIT_STATE, ACCOUNT),
                legend="{{provider}} {{account}}",
                meanings=kinds.meanings_of(by.CIRCUIT_STATE, _CIRCUITS),
            )
        ],
        height=8,
    )


def calibration_table(here: Site, width: int = 24, height: int = 8) -> Panel:
    """Return the age of each device's oldest calibrated parameter, with what is usable."""
    told = here.told(
        "Age of the oldest parameter that open jobs rest on and disabled pairs that they use, that "
        "of the qubits that the exporter watches, and circuit layers a second (CLOPS).",
        "Below 7 days.",
        "QgmCalibrationStale",
    )
    watched = pick(told_by.CALIBRATION_TIME, aggregate="layout")
    return kinds.table(
        "Calibration age",
        told,
        DEVICE,
        (
            *_in_use(here),
            column(here.scope.age(watched, DEVICE), "Watched", SECONDS),
            column(here.scope.level(told_by.DEVICE_CLOPS, DEVICE), "CLOPS", "short"),
            *_qubits_told(here),
        ),
        width=width,
        height=height,
    )


def readout(here: Site, width: int = 12) -> Panel:
    """Return readout errors over time beside what they were a week before."""
    told = here.told(
        "Readout error of the median and the p90 qubit of each device; dashed is the median of a "
        "week before.",
        "Below the dashed line, or close to it.",
        "QgmCalibrationChanged",
    )
    shown = pick(told_by.DEVICE_READOUT_ERROR, aggregate=("median", "p90"))
    chosen = here.scope.level(shown, ("device", "aggregate"))
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


def accounts(here: Site) -> Panel:
    """Return whether each account is answered, and what is left of its device time."""
    told = here.told(
        "Whether the provider answers an account and lets its work in, the device time left in "
        "the period, how long the period has lasted and still lasts, how long credentials last, "
        "and jobs that nobody waits for any more.",
        "Answered, with more time left than the next runs need.",
        "QgmQuotaLow",
    )
    scope = here.scope
    held = f"{scope.level(told_by.PROVIDER_RETRY_AT, ACCOUNT)} - time() > 0"
    ends = f"{scope.level(told_by.ACCOUNT_PERIOD_END, ACCOUNT)} - time() > 60"
    expire = f"{scope.level(told_by.CREDENTIALS_EXPIRE, ACCOUNT, 'min')} - time()"
    return kinds.table(
        "Accounts",
        told,
        ACCOUNT,
        (
            column(scope.level(told_by.ACCOUNT_REMAINING, ACCOUNT), "Left", SECONDS),
            column(scope.level(told_by.ACCOUNT_USED, ACCOUNT), "Used", SECONDS),
            column(scope.level(told_by.ACCOUNT_LIMIT, ACCOUNT), "Of", SECONDS),
            column(scope.age(told_by.ACCOUNT_PERIOD_START, ACCOUNT), "Counted for", SECONDS),
            column(ends, "Ends in", SECONDS),
            column(scope.level(told_by.ACCOUNT_LIMIT_REACHED, ACCOUNT), "Let in", "none",
                   meanings=_REFUSED),
            column(scope.level(told_by.PROVIDER_UP, ACCOUNT, "min"), "Answered", "none",
                   meanings=_WORKS),
            column(held, "Held back for", SECONDS),
            column(expire, "Credentials last", SECONDS),
            column(scope.level(told_by.ACCOUNT_ABANDONED, ACCOUNT, "sum"), "Abandoned", "short"),
        ),
        width=24,
        height=5,
    )  # fmt: skip


def _awaited(here: Site) -> Panel:
    told = here.told(
        "Remote jobs whose end or bill the provider has not told yet, and those of which it was "
        "learned later in the time shown.",
        "Few, and not the same ones for long.",
        "QgmJobsAbandoned",
    )
    key = ("provider",)
    later = here.scope.count(told_by.RECONCILED, RANGE, key)
    return kinds.table(
        "Jobs whose end is awaited",
        told,
        key,
        (
            column(here.scope.level(told_by.RECONCILE_PENDING, key, "sum"), "Awaited", "short"),
            column(later, "Learned later", "short"),
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
