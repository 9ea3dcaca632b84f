"""A device: its configuration, its calibrations through time, its status and its queue."""

import copy
import statistics
import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.testing.provider.clock import to_date, to_seconds
from qgm_observe.testing.provider.snapshots import Json, load

Process = float | Callable[[float], float]
"""A number, or what it is at an instant (epoch seconds)."""

HISTORY_HOURS = 24
"""Hours over which the wait percentiles are taken."""

_LISTED = {"active": "online", "offline": "offline"}  # of the list; else `paused`


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the device's properties were from an instant on."""

    since: float
    id: str
    properties: Json


class Device:
    """One device.

    Args:
        name: Of a snapshot, as `fake_fez` or `ibm_fez`.

    Attributes:
        name: As the interface calls it, for instance `ibm_fez`.
        configuration: As in the snapshot.
        queue: Jobs of others that wait, a number or a function of the instant.
        seconds_per_job: Seconds that each of them takes; a job waits `queue` times so long.
        run_seconds: Seconds that a job runs and is charged for.
        status: `active`, or the provider's word for what is wrong: `internal`, `maintenance` and
            `offline` take jobs and run none. Back at `active` they run.
        reason: The provider's words about its status.
    """

    def __init__(self, name: str) -> None:
        self.configuration, properties = load(name)
        self.name: str = self.configuration["backend_name"]
        self.queue: Process = 0
        self.seconds_per_job = 5.0
        self.run_seconds = 2.0
        self.reason = ""
        self.changed: Callable[[], None] = lambda: None
        self._status = "active"
        self.calibrations: list[Calibration] = []
        self._keep(to_seconds(properties["last_update_date"]), properties)

    @property
    def status(self) -> str:
        """`active`, or what is wrong."""
        return self._status

    @status.setter
    def status(self, word: str) -> None:
        self._status = word
        self.changed()

    @property
    def is_processing(self) -> bool:
        """Whether it runs jobs."""
        return self.status == "active"

    def queue_at(self, now: float) -> int:
        """Return how many jobs of others wait."""
        return max(0, round(_at(self.queue, now)))

    def wait_at(self, now: float) -> float:
        """Return the seconds that a job handed in now waits for those of others."""
        return self.queue_at(now) * self.seconds_per_job

    def waits(self, now: float) -> dict[str, int]:
        """Return average and percentiles of the waits, taken each hour of the last day."""
        waits = [self.wait_at(now - 3600 * hour) for hour in range(HISTORY_HOURS)]
        cuts = statistics.quantiles(waits, n=20, method="inclusive")
        values = {"average": statistics.fmean(waits), "p50": cuts[9], "p95": cuts[18]}
        return {name: round(value) for name, value in values.items()}

    # ------------------------------------------------------------------------- calibrations

    def recalibrate(
        self,
        when: float,
        change: Callable[[Json], None] | None = None,
        *,
        snapshot: str | None = None,
    ) -> Calibration:
        """Give the device new properties from an instant on.

        Args:
            when: Epoch seconds, taken whole; becomes the date of the whole and of each value
                that changes.
            change: Changes a copy of the newest properties in place.
            snapshot: Name of another snapshot whose properties to take before that.

        Raises:
            UsageError: If it is before the newest calibration.
        """
        newest = self.calibrations[-1]
        if when <= newest.since:
            raise UsageError(f"calibrate after {to_date(newest.since)}, not at {to_date(when)}")
        properties = copy.deepcopy(load(snapshot)[1] if snapshot else newest.properties)
        if change:
            change(properties)
        date = properties["last_update_date"] = to_date(when)
        known = {_key(entry): entry for entry in _values(newest.properties)}
        for entry in _values(properties):
            before = known.get(_key(entry))
            if before is None or before[1]["value"] != entry[1]["value"]:
                entry[1]["date"] = date
        return self._keep(to_seconds(date), properties)

    def _keep(self, since: float, properties: Json) -> Calibration:
        name = f"{self.name} {len(self.calibrations)}"
        kept = Calibration(since, str(uuid.uuid5(uuid.NAMESPACE_URL, name)), properties)
        self.calibrations.append(kept)
        return kept

    def calibration_at(self, when: float) -> Calibration | None:
        """Return what was in force at an instant."""
        index = bisect_right(self.calibrations, when, key=lambda known: known.since)
        return self.calibrations[index - 1] if index else None

    def calibration_of(self, id_: str) -> Calibration | None:
        """Return a calibration by its id."""
        return next((known for known in self.calibrations if known.id == id_), None)

    # ------------------------------------------------------------------------------ replies

    def listed(self, now: float, own: int, *, with_waits: bool = False) -> Json:
        """Return its entry of `GET /backends`; `own` jobs of this account wait as well."""
        configuration = self.configuration
        clops = configuration.get("clops_h") or configuration.get("clops_v")
        entry: Json = {
            "name": self.name,
            "status": {"name": _LISTED.get(self.status, "paused")},
            "is_simulator": False,
            "qubits": configuration["n_qubits"],
            "clops": None,
            "processor_type": configuration.get("processor_type"),
            "queue_length": self.queue_at(now) + own,
            "performance_metrics": self._performance(now),
        }
        if isinstance(clops, int):
            entry["clops"] = {"type": "hardware", "value": clops}
        if self.reason:
            entry["status"]["reason"] = self.reason
        if with_waits:
            entry["wait_time_seconds"] = self.waits(now)
        return entry

    def told_status(self, now: float, own: int) -> Json:
        """Return the reply of `GET /backends/NAME/status`."""
        return {
            "state": self.status != "offline",
            "status": self.status,
            "message": self.reason,
            "length_queue": self.queue_at(now) + own,
            "backend_version": self.configuration["backend_version"],
        }

    def _performance(self, now: float) -> Json:
        calibration = self.calibration_at(now)
        if calibration is None:
            return {}
        pairs = [
            (parameter["value"], gate["gate"], gate["qubits"])
            for gate in calibration.properties["gates"]
            if len(gate["qubits"]) == 2 and gate["gate"] in ("cz", "ecr", "cx")  # noqa: PLR2004
            for parameter in gate["parameters"]
            if parameter["name"] == "gate_error" and parameter["value"] < 1
        ]
        readout = [
            value["value"]
            for qubit in calibration.properties["qubits"]
            for value in qubit
            if value["name"] == "readout_error"
        ]
        metrics: Json = {}
        if pairs:
            value, gate, qubits = min(pairs)
            metrics["two_q_error_best"] = {"value": value, "gate": gate, "qubits": qubits}
            middle = statistics.median(pair[0] for pair in pairs)
            metrics["two_q_error_median"] = {"value": middle, "unit": ""}
        if readout:
            metrics["readout_error_median"] = {"value": statistics.median(readout), "unit": ""}
        return metrics


def _at(process: Process, now: float) -> float:
    return process(now) if callable(process) else process


def _values(properties: Json) -> Iterator[tuple[str, Any]]:
    for number, qubit in enumerate(properties["qubits"]):
        yield from ((f"qubit {number}", value) for value in qubit)
    for gate in properties["gates"]:
        yield from ((f"{gate['gate']} {gate['qubits']}", value) for value in gate["parameters"])


def _key(entry: tuple[str, Any]) -> tuple[str, str]:
    return entry[0], entry[1]["name"]
