"""Device calibration: can this device be trusted today, and what became worse?"""

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.catalog import Signal, signals
from qgm_observe.catalog import labels as by
from qgm_observe.catalog import provider_signals as told_by
from qgm_observe.dashboards import device_panels, kinds
from qgm_observe.dashboards.board import Board, Panel, Query, Role, Row
from qgm_observe.dashboards.coupling import coupling_map
from qgm_observe.dashboards.device_panels import AGE_STEPS, DEVICE, GATE_STEPS, HOUR
from qgm_observe.dashboards.kinds import RATIO, SECONDS, basis, column
from qgm_observe.dashboards.queries import pick
from qgm_observe.dashboards.site import Site, annotations, links, site, variables


def calibration(configuration: Configuration) -> Board:
    """Return the board."""
    here = site(configuration, by.PROVIDER, by.DEVICE)
    return Board(
        slug="calibration",
        title="Device calibration",
        brief="Can this device be trusted today, and what became worse?",
        rows=(
            Row("State and age", _state(here)),
            Row("Readout", _readout(here)),
            Row("Gates and coherence", _gates(here)),
            Row("What samples say", _samples(here)),
        ),
        variables=variables(here.scope, told_by.DEVICE_STATE, by.PROVIDER, by.DEVICE),
        annotations=annotations(here.scope),
        links=links(configuration, "calibration"),
        refresh="5m",
        time_from="now-7d",
    )


def _state(here: Site) -> tuple[Panel, ...]:
    return (
        _oldest(here),
        _told(here),
        _disabled(here),
        _changes(here),
        device_panels.states(here, width=8, height=10),
        device_panels.calibration_table(here, width=16, height=6),
    )


def _oldest(here: Site) -> Panel:
    told = here.told(
        "Age of the oldest parameter that circuits of open remote jobs rest on, or did within the "
        "hour, among the devices chosen.",
        "Below 7 days.",
        "QgmCalibrationStale",
    )
    age = here.scope.age(signals.LAYOUT_CALIBRATION_TIME)
    counted = f"count({here.scope.selector(signals.LAYOUT_CALIBRATION_TIME)})"
    return kinds.stat(
        "Oldest in use", told, SECONDS, age, basis(counted, "parameters"), steps=AGE_STEPS
    )


def _told(here: Site) -> Panel:
    told = here.told(
        "Time since the provider last told a device's state.",
        "Below an hour; what is older says nothing of now.",
        "QgmReadingsStale",
    )
    age = here.scope.age(told_by.DEVICE_OBSERVED)
    counted = f"count({here.scope.selector(told_by.DEVICE_OBSERVED)})"
    steps = kinds.lower_is_better(HOUR, 6 * HOUR, ("fresh", "old", "too old"))
    return kinds.stat("Last told", told, SECONDS, age, basis(counted, "devices"), steps=steps)


def _disabled(here: Site) -> Panel:
    told = here.told(
        "Qubits that the provider has disabled, or whose calibration is suspect.",
        "None in the layout in use.",
        "QgmLayoutEdgeDisabled",
    )
    faulty = pick(told_by.DEVICE_QUBITS, condition=("disabled", "suspect"))
    return kinds.stat(
        "Faulty qubits",
        told,
        "none",
        here.scope.level(faulty, how="sum"),
        device_panels.qubits(here),
        steps=kinds.lower_is_better(1, 10, ("none", "some", "many")),
    )


def _changes(here: Site) -> Panel:
    told = here.told(
        "Calibrations in 7 days that differed from the one before.",
        "About one a day.",
        "QgmCalibrationChanged",
    )
    changes = here.scope.count(told_by.CALIBRATION_CHANGES, "7d")
    devices = f"count({here.scope.selector(told_by.CALIBRATION_CHANGES)})"
    return kinds.stat("Calibrations (7 d)", told, "none", changes, basis(devices, "devices"))


def _readout(here: Site) -> tuple[Panel, ...]:
    return (
        device_panels.readout(here, width=12),
        _drift(here),
        device_panels.readout_grid(here),
        _asymmetry(here),
        _worst_qubits(here),
    )


def _drift(here: Site) -> Panel:
    told = here.told(
        "How much higher the median readout and gate errors are than a week before.",
        "Below 10 %.",
        "QgmCalibrationChanged",
    )
    steps = kinds.lower_is_better(0.1, 0.25, ("as usual", "worse", "far worse"))
    readout = _ratio_to_last_week(here, told_by.DEVICE_READOUT_ERROR, DEVICE)
    gates = _ratio_to_last_week(here, told_by.DEVICE_GATE_ERROR, DEVICE)
    counted = here.scope.level(pick(told_by.DEVICE_QUBITS, condition="all"), DEVICE)
    return kinds.table(
        "Against a week before",
        told,
        DEVICE,
        (
            *kinds.judged_columns(readout, "Readout", RATIO, steps, "Readout is"),
            *kinds.judged_columns(gates, "Gates", RATIO, steps, "Gates are"),
            column(counted, "Qubits", "short", role=Role.BASIS),
        ),
    )


def _ratio_to_last_week(here: Site, signal: Signal, keys: tuple[str, ...]) -> str:
    chosen = here.scope.selector(pick(signal, aggregate="median"))
    kept = ", ".join(keys)
    return f"max by ({kept}) ({chosen}) / max by ({kept}) ({chosen} offset 7d) - 1"


def _asymmetry(here: Site) -> Panel:
    told = here.told(
        "Probability of reading 0 after preparing 1, and of 1 after 0, over the qubits told.",
        "Close to each other.",
        "QgmCalibrationChanged",
    )
    queries = [
        Query(expr=f"quantile by (device) (0.5, {here.scope.selector(signal)})", legend=legend)
        for signal, legend in (
            (told_by.QUBIT_MEAS0_PREP1, "{{device}} 0 given 1"),
            (told_by.QUBIT_MEAS1_PREP0, "{{device}} 1 given 0"),
        )
    ]
    counted = basis(f"count({here.scope.selector(told_by.QUBIT_MEAS0_PREP1)})", "qubits")
    return kinds.ratio_timeseries("Readout asymmetry", told, queries, counted, maximum=None)


def _worst_qubits(here: Site) -> Panel:
    told = here.told(
        "The ten qubits whose readout errs most, with their coherence and the error of their "
        "one-qubit gate. Only where the exporter tells single qubits.",
        "Below 3 %.",
        "QgmCalibrationChanged",
    )
    key = ("device", "qubit")
    error = f"topk(10, {here.scope.level(told_by.QUBIT_READOUT_ERROR, key)})"
    columns = (
        (told_by.QUBIT_T1, "T1", SECONDS),
        (told_by.QUBIT_T2, "T2", SECONDS),
        (told_by.QUBIT_GATE_ERROR, "Gate error", RATIO),
    )
    return kinds.table(
        "Worst qubits",
        told,
        key,
        (
            *kinds.judged_columns(error, "Readout error", RATIO, device_panels.ERROR_STEPS),
            *(
                column(f"{here.scope.level(signal, key)} and {error}", title, unit)
                for signal, title, unit in columns
            ),
        ),
    )


def _gates(here: Site) -> tuple[Panel, ...]:
    return (
        _two_qubit_errors(here),
        _coherence(here),
        coupling_map(here),
        device_panels.worst_edges(here, width=10),
        _edges(here),
        _each_gate(here),
    )


def _two_qubit_errors(here: Site) -> Panel:
    told = here.told(
        "Error of each two-qubit gate of the median pair, beside the provider's own figures for "
        "the device.",
        "Steady, and below 1 %.",
        "QgmCalibrationChanged",
    )
    key = ("device", "gate")
    pairs = here.scope.level(pick(told_by.DEVICE_EDGES, condition="all"), key)
    median = here.scope.level(pick(told_by.DEVICE_GATE_ERROR, aggregate="median"), key)
    own = here.scope.level(told_by.DEVICE_TWO_QUBIT_ERROR, ("device", "figure"))
    queries = (
        Query(expr=f"{median} and {pairs}", legend="{{device}} {{gate}}"),
        Query(expr=own, legend="{{device}} {{figure}} (provider)"),
    )
    return kinds.lines(
        "Two-qubit gate error", told, RATIO, queries, device_panels.qubits(here),
        steps=GATE_STEPS, log=True, minimum=None,
    )  # fmt: skip


def _coherence(here: Site) -> Panel:
    told = here.told(
        "Relaxation and dephasing times: 90 % of qubits are no worse than the p90.",
        "Long against the circuit; steady.",
        "QgmCalibrationChanged",
    )
    queries = [
        Query(
            expr=here.scope.level(pick(signal, aggregate=("median", "p90")), _AGGREGATED),
            legend=f"{{{{device}}}} {name} {{{{aggregate}}}}",
        )
        for signal, name in ((told_by.DEVICE_T1, "T1"), (told_by.DEVICE_T2, "T2"))
    ]
    return kinds.lines("T1 and T2", told, SECONDS, queries, device_panels.qubits(here))


def _each_gate(here: Site) -> Panel:
    told = here.told(
        "Error and duration of each gate: of the median qubit or pair, and of the worst.",
        "Two-qubit gates below 1 %; durations short against T1 and T2.",
        "QgmCalibrationChanged",
    )
    key = ("device", "gate")
    error, worst, duration = (
        here.scope.level(pick(signal, aggregate=which), key)
        for signal, which in (
            (told_by.DEVICE_GATE_ERROR, "median"),
            (told_by.DEVICE_GATE_ERROR, "worst"),
            (told_by.DEVICE_GATE_DURATION, "median"),
        )
    )
    return kinds.table(
        "Gates",
        told,
        key,
        (
            *kinds.judged_columns(error, "Error", RATIO, GATE_STEPS),
            column(worst, "Worst", RATIO),
            column(duration, "Takes", SECONDS),
        ),
        width=24,
    )


_AGGREGATED = ("device", "aggregate")


def _edges(here: Site) -> Panel:
    told = here.told(
        "Pairs of qubits with each two-qubit gate, by whether they can be used.",
        "None disabled.",
        "QgmLayoutEdgeDisabled",
    )
    key = ("device", "gate")
    columns = [
        column(
            here.scope.level(pick(told_by.DEVICE_EDGES, condition=condition), key, "sum"),
            condition.capitalize(),
            "short",
        )
        for condition in ("disabled", "suspect", "missing", "all")
    ]
    return kinds.table("Pairs by condition", told, key, columns, width=10)


def _samples(here: Site) -> tuple[Panel, ...]:
    told = here.told(
        "Hellinger fidelity of samples by device, beside the median readout error.",
        "Fidelity falls only when the readout error rises; else look for drift.",
        "QgmQualityDrift",
    )
    fidelity = here.scope.level(
        pick(signals.QUALITY_VALUE, statistic="hellinger_fidelity"), ("device",), "avg"
    )
    error = here.scope.level(pick(told_by.DEVICE_READOUT_ERROR, aggregate="median"), ("device",))
    shots = basis(here.scope.count(signals.QUALITY_SCORED, "1h"), "shots judged", interval="1h")
    return (
        kinds.ratio_timeseries(
            "Fidelity and readout error",
            told,
            (
                Query(expr=fidelity, legend="{{device}} fidelity"),
                Query(expr=error, legend="{{device}} readout error"),
            ),
            shots,
            width=24,
        ),
    )
