"""What a run rests on, gathered from its record and those of its jobs, so that it can be compared.

All of it is plain: text, numbers, and mappings of these.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from qgm_observe.cli.compile_log import told_failure
from qgm_observe.journal import Event, Store
from qgm_observe.lifecycle.provenance import read
from qgm_observe.providers.calibration_content import calibration_of
from qgm_observe.providers.protocol import Calibration

_MOST_JOBS = 2_000
_OPTION = re.compile(r"--?[A-Za-z]")
_LABELS = ("model", "model_version", "project", "pipeline")
_OUTCOMES = {"converged", "evaluations"}
"""What an optimizer says at its end; its `iterations` are an outcome then, not an argument."""

_LEFT_OUT = {"checkpoint", "exit_code", "resume", "iterations", "shots", *_OUTCOMES}
"""Attributes of a run that say nothing of its results, or are told elsewhere."""


@dataclass(slots=True, kw_only=True)
class RunFacts:
    """What a run rests on.

    Attributes:
        labels: `model`, `model_version`, `project`, `pipeline`.
        origin: Of its process: `python`, `platform`, `packages`, `code`, `git`, `container`.
        settings: Of its core, and what was noted.
        arguments: Of its program, by option or place.
        iterations: As they were asked for, `None` where unknown.
        seeds: By where they are.
        encodings: Name, version and fingerprint of each.
        devices: Provider and device, to what is known of its version.
        levels: Optimization levels.
        failures: Of compilations: the pass that failed, and gates that nothing defines.
        circuits: Structures, to the layout of each.
        gates: How often each gate is in a circuit, as text, of each circuit.
        sizes: Virtual qubits, 0 where unknown, and free parameters of each circuit.
        shots: Of its jobs, the median, `None` where unknown.
        noise: A simulator's noise model, of the last job that tells most of it: its `hash`, and its
            content where it is kept; `None` where none is told.
        calibration: Of its last job that has one.
        gaps: What is not known, with the reason, and of how many jobs where others tell it.
    """

    run: str
    labels: dict[str, str] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    iterations: int | None = None
    seeds: dict[str, Any] = field(default_factory=dict)
    encodings: set[str] = field(default_factory=set)
    devices: dict[str, dict[str, str]] = field(default_factory=dict)
    levels: set[str] = field(default_factory=set)
    failures: set[str] = field(default_factory=set)
    circuits: dict[str, tuple[int, ...]] = field(default_factory=dict)
    gates: set[str] = field(default_factory=set)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    shots: float | None = None
    noise: dict[str, Any] | None = None
    calibration: Calibration | None = None
    gaps: dict[str, str] = field(default_factory=dict)

    @property
    def qubits(self) -> frozenset[int]:
        """The physical qubits in use, none where no layout is known."""
        return frozenset(qubit for layout in self.circuits.values() for qubit in layout)


def facts_of(journal: Store, run: Event) -> RunFacts:
    """Return what a run rests on.

    Args:
        journal: Where it is.
        run: Its last event.
    """
    told = _Documents(journal)
    own = told.read(run.body)
    facts = RunFacts(run=run.subject, gaps=dict(own["gaps"]))
    facts.labels = {name: str(run.body[name]) for name in _LABELS if name in run.body}
    facts.origin = {
        name: own[name]
        for name in ("python", "platform", "packages", "code", "git", "container")
        if name in own
    }
    attributes = run.body.get("attributes", {})
    noted = {k: v for k, v in attributes.items() if k not in _LEFT_OUT}
    facts.iterations = None if attributes.keys() & _OUTCOMES else attributes.get("iterations")
    facts.settings = noted | {k: v for k, v in own.get("settings", {}).items() if k != "shots"}
    facts.arguments = by_option(own.get("arguments", ()))
    _take_encoding(facts, run.body)
    _take_jobs(facts, journal, told, run.subject)
    for given in (facts.settings, facts.arguments):
        for name in [name for name in given if "seed" in name]:
            facts.seeds[name] = given.pop(name)
    level = facts.settings.pop("optimization_level", None)
    if level is not None and not facts.levels:  # its jobs know better
        facts.levels = {str(level)}
    return facts


def by_option(words: Iterable[str]) -> dict[str, str]:
    """Return a program's arguments by option, `given` where one has no value, or by their place."""
    found: dict[str, str] = {}
    option, place = "", 0
    for word in words:
        if _OPTION.match(word):
            option, _, value = word.partition("=")
            found[option] = value or "given"
        elif found.get(option) == "given":
            found[option] = word
        else:
            place += 1
            found[f"argument {place}"] = word
    return found


def _take_jobs(facts: RunFacts, journal: Store, told: "_Documents", run: str) -> None:
    shots: list[float] = []
    gaps = _Gaps()
    jobs = journal.events(verbs=("finished",), nouns=("job",), runs=(run,), limit=_MOST_JOBS)
    last: Event | None = None
    for event in jobs:
        document = told.read(event.body)
        gaps.take(document)
        _take_job(facts, event.body, document)
        _take_noise(facts, journal, document.get("noise_model"))
        if event.body.get("shots"):
            shots.append(event.body["shots"] / (event.body.get("circuits") or 1))
        if document.get("calibration"):
            last = event
    facts.gaps |= gaps.of_jobs()
    facts.shots = median(shots) if shots else None
    if last is not None:
        key = told.read(last.body)["calibration"]["hash"]
        content = journal.blob(key)
        if content is None:
            facts.gaps["calibration"] = "its content is not kept"
        else:
            device = str(last.body.get("device"))
            facts.calibration = calibration_of(content, "", device, last.at)


def _take_job(facts: RunFacts, body: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    failed = (body.get("attributes") or {}).get("compilation")
    if failed:
        facts.failures.add(told_failure(failed))
    if not failed or body.get("provider") != "unknown":
        device = f"{body.get('provider')}/{body.get('device')}"
        facts.devices.setdefault(device, {}).update(document.get("device", {}))
    for circuit in document.get("circuits", ()):
        facts.circuits[circuit["structure"]] = tuple(circuit.get("layout") or ())
        if "gates" in circuit:
            facts.gates.add(json.dumps(circuit["gates"], sort_keys=True))
        if "parameters" in circuit:
            facts.sizes.add((len(circuit.get("layout") or ()), circuit["parameters"]))
        _take_compilation(facts, circuit.get("compiled", {}))
    if "optimization_level" in document:
        facts.levels.add(str(document["optimization_level"]))
    facts.seeds |= document.get("seeds", {})
    facts.settings |= {f"sampler {k}": v for k, v in document.get("options", {}).items()}
    for name, seed in (body.get("provenance") or {}).get("seeds", {}).items():
        facts.seeds[name] = min(seed, facts.seeds.get(name, seed))  # a job more, a seed higher
    _take_encoding(facts, body)


def _take_noise(facts: RunFacts, journal: Store, named: Mapping[str, Any] | None) -> None:
    if named is None:
        return
    known = facts.noise or {}
    if named["hash"] != known.get("hash"):
        content = journal.blob(named["hash"])
        told = {**json.loads(content or b"{}"), "hash": named["hash"]}
        facts.noise = facts.noise if _extent(known) > _extent(told) else told


def _extent(noise: Mapping[str, Any]) -> tuple[bool, int]:
    return bool(noise.get("whole")), len(noise.get("qubits", ()))


def _take_compilation(facts: RunFacts, compiled: Mapping[str, Any]) -> None:
    if "optimization_level" in compiled:
        facts.levels.add(str(compiled["optimization_level"]))
    for name in ("layout_method", "routing_method"):
        if name in compiled:
            facts.settings.setdefault(name, compiled[name])


def _take_encoding(facts: RunFacts, body: Mapping[str, Any]) -> None:
    if body.get("encoding"):
        facts.encodings.add(str(body["encoding"]))


class _Gaps:
    """What jobs do not tell, and of how many of them."""

    def __init__(self) -> None:
        self._jobs = 0
        self._told: set[str] = set()
        self._open = Counter[str]()
        self._why: dict[str, str] = {}

    def take(self, document: Mapping[str, Any]) -> None:
        """Note what one job tells, and what it does not."""
        self._jobs += 1
        self._told |= document.keys()
        self._open.update(document["gaps"].keys())
        self._why |= document["gaps"]

    def of_jobs(self) -> dict[str, str]:
        """Return the reasons."""
        return {
            name: f"of {self._open[name]} of {self._jobs} jobs: {why}"
            if name in self._told
            else why
            for name, why in self._why.items()
        }


class _Documents:
    """Provenance of many records, each document read once."""

    def __init__(self, journal: Store) -> None:
        self._journal = journal
        self._read: dict[str, dict[str, Any]] = {}

    def read(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the provenance of a record's body."""
        key = json.dumps((body.get("blobs") or {}).get("provenance", ()))
        if key not in self._read:
            shared = {name: body[name] for name in ("blobs",) if name in body}
            self._read[key] = read(self._journal, shared)
        return self._read[key]
