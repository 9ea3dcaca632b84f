"""Which calibration a job was compiled for, and which was in force when it ran."""

import json
import weakref
from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from qgm_observe.lifecycle.programs import Content

if TYPE_CHECKING:
    from qgm_observe.journal import Store
    from qgm_observe.lifecycle.job_facts import JobFacts
    from qgm_observe.providers.protocol import Calibration

_READINGS_KEPT = 256
_CALIBRATIONS_KEPT = 16
"""Of backend objects, and of readings; one of 156 qubits takes 0.7 MB."""


class KnownCalibration(NamedTuple):
    """A calibration as content.

    Attributes:
        taken_at: When the provider took it, epoch seconds, `None` where nobody says.
        calibration: With the instants of its parameters, which the content does not have.
    """

    content: Content
    taken_at: float | None
    calibration: "Calibration"


class Calibrations:
    """Those that backend objects hold, and those that the journal has read of devices."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[Any, Any, KnownCalibration | None]] = {}
        self._read: dict[str, list[tuple[float, str]]] = {}
        self._contents: dict[str, KnownCalibration | None] = {}
        self._seq = 0

    def held(self, job: "JobFacts", at: float, journal: "Store | None") -> KnownCalibration | None:
        """Return what the job's backend object holds, else what the journal had read by then."""
        backend = job.backend
        if not hasattr(backend, "__dict__") or isinstance(backend, str):
            return self.in_force(job, at, journal)
        source = _source(backend)
        known = self._held.get(id(backend))
        if known is None or known[0]() is not backend or known[1] is not source:
            if len(self._held) >= _CALIBRATIONS_KEPT:
                self._held.clear()
            known = (_reference(backend), source, _held(job, at) if source is not None else None)
            self._held[id(backend)] = known
        return known[2] or self.in_force(job, at, journal)

    def in_force(
        self, job: "JobFacts", at: float, journal: "Store | None"
    ) -> KnownCalibration | None:
        """Return the last calibration of the job's device that was taken until then."""
        if journal is None or not job.remote:
            return None
        self._follow(journal)
        told = self._read.get(f"{job.device.provider}/{job.device.name}", [])
        place = bisect_right(told, at, key=lambda reading: reading[0])
        return self._content(journal, job, told[place - 1][1]) if place else None

    def newest(
        self, job: "JobFacts", at: float, journal: "Store | None"
    ) -> KnownCalibration | None:
        """Return the later one of what the job's backend object holds and the journal has read.

        A backend object goes on holding what it was made with until somebody refreshes it.
        """
        known = (self.held(job, at, journal), self.in_force(job, at, journal))
        told = [each for each in known if each is not None]
        return max(told, key=lambda each: each.taken_at or 0.0, default=None)

    def _follow(self, journal: "Store") -> None:
        for event in journal.events(self._seq, verbs=("reading",), nouns=("device",)):
            self._seq = event.seq
            body = event.body
            if body.get("kind") == "calibration" and body.get("blob"):
                told = self._read.setdefault(event.subject, [])
                told.append((body.get("taken_at") or event.at, body["blob"]))
                told.sort()
                del told[:-_READINGS_KEPT]

    def _content(self, journal: "Store", job: "JobFacts", key: str) -> KnownCalibration | None:
        if key not in self._contents:
            from qgm_observe.providers.ibm_files import calibration

            raw = journal.blob(key)
            if raw is None:
                return None
            if len(self._contents) >= _CALIBRATIONS_KEPT:
                self._contents.clear()
            told = calibration(job.device.provider, job.device.name, json.loads(raw), 0.0)
            self._contents[key] = _known(told)
        return self._contents[key]


def _held(job: "JobFacts", at: float) -> KnownCalibration | None:
    from qgm_observe.providers.calibration_content import held_by

    device = job.device
    told = held_by(job.backend, device.provider, device.name, at)
    return None if told is None else _known(told)


def _known(told: "Calibration") -> KnownCalibration:
    from qgm_observe.providers.calibration_content import content_of

    content = Content.of("calibration", content_of(told))
    return KnownCalibration(content, told.taken_at, replace(told, raw=b""))


def _source(backend: Any) -> Any:
    """Where a backend object keeps its calibration: another object after a refresh."""
    kept = backend.__dict__
    places = ("_props_dict", "_properties", "_target")
    return next((kept[name] for name in places if kept.get(name) is not None), None)


def _reference(backend: Any) -> Any:
    try:
        return weakref.ref(backend)
    except TypeError:
        return lambda: backend
