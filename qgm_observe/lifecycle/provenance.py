"""What a record rests on, stored once and shared: provenance.

A run's and a job's `blobs` name two JSON documents of the kind `provenance`, both kept under the
hash of their content: that of the process (`python`, `platform`, `packages`, `code`, `git`,
`container`, `arguments`) and the record's own. A run's has `settings` of its core. A job's has
`circuits` (of each `structure`, `layout`, `gates` by name, free `parameters`, and where its
compilation was seen `compiled`), `device` (`version`, `processor`, `interface`, and `noise` of a
simulator whose model names no calibration), `noise_model` of a simulator that was given one
(`hash`, and of how many `qubits` it tells where those in use were seen, else of all), `calibration`
(`hash`, `taken_at`) as it was at the submission, `optimization_level`, `seeds`, `options` of its
sampler that are set. Each has `gaps`: what could not be known, by name, with the reason. Steps and
sessions rest on what their run does.

`provenance` in a job's body has what differs from job to job: `parametric` (hash of circuits and
values together), `seeds` of its sampler, and of a remote job `calibration_at_run` with
`calibration_skew` (s): how much later the calibration in force at the run was taken than that of
the submission.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qgm_observe.journal.blobs import Blob, Capture, captured
from qgm_observe.lifecycle import programs
from qgm_observe.lifecycle.calibrations import Calibrations, KnownCalibration
from qgm_observe.lifecycle.circuits import Gate
from qgm_observe.lifecycle.handle import Handle
from qgm_observe.lifecycle.noise_models import NoiseModels, model_of
from qgm_observe.lifecycle.origin import Origin
from qgm_observe.lifecycle.primitives import library_seeds
from qgm_observe.lifecycle.programs import Content
from qgm_observe.lifecycle.recording import Recording
from qgm_observe.redaction import redacted

if TYPE_CHECKING:
    from qgm_observe.journal import Store
    from qgm_observe.lifecycle.job_facts import JobFacts

ORIGIN = Origin()
"""Of this process, whatever recorder it has."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode
_LOOK_SECONDS = 60.0
_MOST_SETTINGS = 64
_LONGEST_TEXT = 128


class Provenance:
    """Tells what records rest on, on the writer's thread; jobs note what they ask for themselves.

    Args:
        recorder: Whose records they are.
        origin: What the process is made of.
    """

    def __init__(self, recorder: Recording, origin: Origin = ORIGIN) -> None:
        self._recorder = recorder
        self._origin = origin
        self._calibrations = Calibrations()
        self._noise_models = NoiseModels()
        self._process: tuple[Any, Content] | None = None
        self._batch: tuple[list[Blob], set[str]] = [], set()

    def rests_on(self, job: "JobFacts", now: float, journal: "Store | None") -> dict[str, Any]:
        """Return what an open remote job's row says of the calibration its circuits rest on.

        It is looked up anew once a minute, for the device may be calibrated while the job waits.
        Nothing is said where the circuits, their layout or a calibration of them is not known.
        """
        told = job.rests_on
        if told is None or not 0 <= now - told[0] < _LOOK_SECONDS:
            if not job.remote or not isinstance(job.program, programs.Program):
                return {}
            used = programs.places_in_use(job.program, are_physical=job.device.provider == "ibm")
            known = self._calibrations.newest(job, now, journal) if used else None
            told = job.rests_on = now, {} if known is None else _rests_on(known, used)
        return told[1]

    def of(self, handle: Handle, blobs: list[Blob], journal: "Store | None") -> dict[str, Any]:
        """Return what a run's or a job's body says of it; new contents are added to `blobs`."""
        if not self._recorder.keeps_provenance or handle.noun not in ("run", "job"):
            return {}
        named: dict[str, list[str]] = {}
        own: dict[str, Any] = {}
        inline: dict[str, Any] = {}
        if handle.noun == "run":
            own["settings"] = getattr(handle, "settings", None) or {}
            own["gaps"] = {} if own["settings"] else {"settings": "no core was observed"}
        else:
            own, inline = self._of_job(handle, blobs, named, journal)
        is_over = handle.noun == "run" and bool(handle.ended)
        documents = [
            self._of_process(patient=is_over),
            Content.of("provenance", _json(_known(own))),
        ]
        self._keep(documents, blobs, named)
        return {"blobs": named, **({"provenance": inline} if inline else {})}

    def _of_process(self, *, patient: bool) -> Content:
        """The document of the process, made anew only when more is known."""
        facts, gaps = self._origin.facts(patient=patient)
        if self._process is None or self._process[0] is not facts:
            content = Content.of("provenance", _json({**facts, "gaps": gaps}))
            self._process = facts, content
        return self._process[1]

    def _of_job(
        self, job: Any, blobs: list[Blob], named: dict[str, list[str]], journal: "Store | None"
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        own: dict[str, Any] = {"device": device_facts(job.backend)}
        gaps: dict[str, str] = {}
        inline: dict[str, Any] = {}
        if isinstance(job.program, programs.Program):
            inline["parametric"] = self._of_program(job.program, own, blobs, named)
            inline |= {"seeds": job.program.seeds} if job.program.seeds else {}
            own["options"] = job.program.options
            if None in [each["layout"] for each in own["circuits"]]:
                gaps["layout"] = "Qiskit laid no circuit out"
        else:
            gaps["circuits"] = job.program or "no circuit was seen"
        if not own["device"]:
            gaps["device"] = "the backend object tells no version"
        elif "processor" not in own["device"]:
            gaps["processor"] = "the backend object names none"
        calibrations, inline_too = self._of_calibration(job, own, gaps, journal)
        noise = self._of_noise(job, own, gaps)
        self._keep([*calibrations, *noise], blobs, named)
        self._take_told(job, own, gaps)
        own["gaps"] = gaps
        return own, inline | inline_too

    def _of_calibration(
        self, job: Any, own: dict[str, Any], gaps: dict[str, str], journal: "Store | None"
    ) -> tuple[list[Content], dict[str, Any]]:
        """At the submission, and of a remote job at the run."""
        at = self._submitted_at(job)
        held = self._calibrations.held(job, at, journal)
        if held is None and model_of(job.backend) is not None:
            own["device"]["noise"] = "a model of its own"
            gaps["calibration"] = "the simulator's noise model names none"
        elif held is None:
            gaps["calibration"] = "the backend object holds none, nor has the journal"
        else:
            own["calibration"] = {"hash": held.content.key, "taken_at": held.taken_at}
        run = self._calibrations.in_force(job, self._ran_at(job), journal)
        if job.remote and run is None:
            gaps["calibration_at_run"] = "the journal has no reading of the device until then"
        found = [known.content for known in (held, run) if known is not None]
        return found, {} if run is None else _skewed(held, run)

    def _of_noise(self, job: Any, own: dict[str, Any], gaps: dict[str, str]) -> Iterator[Content]:
        """What a simulator's noise model says of the qubits in use, of all where none is seen."""
        if model_of(job.backend) is None:
            return
        used: frozenset[Gate] = frozenset()
        if isinstance(job.program, programs.Program):
            used = programs.places_in_use(job.program, are_physical=True)
        qubits = frozenset(qubit for _, places in used for qubit in places)
        told = self._noise_models.held(job.backend, qubits or None)
        if isinstance(told, Content):
            own["noise_model"] = _known({"hash": told.key, "qubits": len(qubits) or None})
            yield told
        else:
            gaps["noise_model"] = told or "the simulator has none"

    def _take_told(self, job: Any, own: dict[str, Any], gaps: dict[str, str]) -> None:
        seeds = library_seeds()
        if (seed := _told_above(job, "seed")) is not None:
            seeds["seed"] = seed
        if not seeds and not getattr(job.program, "seeds", None):
            gaps["seed"] = "neither the core, a note nor the sampler tells it"
        levels, compiler_seeds = (_seen(own, n) for n in ("optimization_level", "seed_transpiler"))
        if not levels:
            told = _told_above(job, "optimization_level")
            levels = set() if told is None else {told}
        if len(levels) == 1:
            own["optimization_level"] = levels.pop()
        elif not levels:
            gaps["optimization_level"] = "no hook saw it, and neither the core nor a note tells it"
        if len(compiler_seeds) == 1:
            seeds["seed_transpiler"] = compiler_seeds.pop()
        own["seeds"] = seeds
        if not _is_encoded(job):
            gaps["encoding"] = "no encoding was told"

    def _of_program(
        self,
        program: programs.Program,
        own: dict[str, Any],
        blobs: list[Blob],
        named: dict[str, list[str]],
    ) -> str:
        seen_circuits = programs.circuits_of(program)
        circuits = [each.facts() for each in seen_circuits]
        own["circuits"] = [
            _known({"structure": each.structure, "gates": each.gates, "compiled": seen.compiled})
            | {"layout": each.layout, "parameters": len(each.names)}
            for seen, each in zip(seen_circuits, circuits, strict=True)
        ]
        written = [each.qpy for each in circuits if each.qpy is not None]
        content, parametric = programs.document(program)
        self._keep([*written, Content.of("program", content)], blobs, named)
        return parametric

    def _keep(self, new: Iterable[Content], blobs: list[Blob], named: dict[str, list[str]]) -> None:
        """Name contents; one batch of rows takes each of them once."""
        if self._batch[0] is not blobs:
            self._batch = blobs, set()
        for blob, key in new:
            fate = captured(self._recorder.settings.capture, blob.kind)
            if fate is Capture.NOTHING:
                continue
            hashes = named.setdefault(blob.kind, [])
            if key not in hashes:
                hashes.append(key)
            if fate is Capture.KEEP and key not in self._batch[1]:
                self._batch[1].add(key)
                blobs.append(blob)

    def _submitted_at(self, job: "JobFacts") -> float:
        submitted = job.attempts[-1].submitted if job.attempts else 0
        return self._recorder.epoch_seconds(submitted or job.started)

    def _ran_at(self, job: "JobFacts") -> float:
        queued = (job.attempts[-1].queue_seconds if job.attempts else None) or 0.0
        return self._submitted_at(job) + queued


def settings_of(core: Any) -> dict[str, Any]:
    """Return the public numbers, truth values and short texts among a core's attributes.

    Text that looks like a secret is left out, and so is what is longer than 128 characters.
    """
    found: dict[str, Any] = {}
    for name, value in sorted(getattr(core, "__dict__", {}).items()):
        is_text = isinstance(value, str) and len(value) <= _LONGEST_TEXT
        if name.startswith("_") or not (is_text or isinstance(value, bool | int | float)):
            continue
        if redacted(f"{name}={value}") == f"{name}={value}" and len(found) < _MOST_SETTINGS:
            found[name] = value
    return found


def device_facts(backend: Any) -> dict[str, str]:
    """Return what a Qiskit backend object says of its version, read without asking anybody."""
    kept = getattr(backend, "__dict__", {})
    told = kept.get("_conf_dict") or getattr(kept.get("_configuration"), "__dict__", {})
    version = kept.get("backend_version") or told.get("backend_version")
    processor = told.get("processor_type") or told.get("_data", {}).get("processor_type")
    facts: dict[str, str] = {}
    if version:
        facts["version"] = str(version)[:64]
    if isinstance(processor, Mapping) and processor.get("family"):
        revision = processor.get("revision")
        family = str(processor["family"])[:64]
        facts["processor"] = f"{family} r{revision}" if revision else family
    interface = getattr(type(backend), "version", None)
    if facts and isinstance(interface, int):
        package = type(backend).__module__.partition(".")[0]
        facts["interface"] = f"{package} backend v{interface}"
    return facts


def read(journal: "Store", body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provenance of a record from its body: its documents together, gaps as well.

    What the journal does not keep any more is missing, and named in `gaps`.
    """
    told: dict[str, Any] = dict(body.get("provenance") or {})
    gaps: dict[str, str] = {}
    for key in (body.get("blobs") or {}).get("provenance", ()):
        data = journal.blob(key)
        if data is None:
            gaps["provenance"] = "a document of it is not kept any more"
            continue
        document = json.loads(data)
        gaps |= document.pop("gaps", {})
        told |= document | _seeds(told, document)
    if not (body.get("blobs") or {}).get("provenance"):
        gaps["provenance"] = "none was recorded"
    return told | {"gaps": gaps}


def _rests_on(known: KnownCalibration, used: Collection[Gate]) -> dict[str, Any]:
    from qgm_observe.providers.layout import disabled_in_use, oldest_in_use

    told: dict[str, Any] = {}
    if oldest := oldest_in_use(known.calibration, used):
        told["calibrated_at"] = oldest
    if known.calibration.gates:
        told["disabled_edges"] = len(disabled_in_use(known.calibration, used))
    return told


def _skewed(held: KnownCalibration | None, run: KnownCalibration) -> dict[str, Any]:
    told: dict[str, Any] = {"calibration_at_run": run.content.key}
    if held is not None and held.taken_at is not None and run.taken_at is not None:
        told["calibration_skew"] = run.taken_at - held.taken_at
    return told


def _seen(own: Mapping[str, Any], name: str) -> set[Any]:
    """What hooks saw of how the circuits were compiled."""
    seen = [each.get("compiled", {}) for each in own.get("circuits", ())]
    return {each[name] for each in seen if name in each}


def _seeds(*documents: Mapping[str, Any]) -> dict[str, Any]:
    """The seeds of all, which are told in more than one place."""
    found = {k: v for document in documents for k, v in document.get("seeds", {}).items()}
    return {"seeds": found} if found else {}


def _told_above(handle: Handle | None, name: str) -> Any:
    """What the nearest handle around was told by a note, or its core has."""
    while handle is not None:
        for told in (handle.attributes, getattr(handle, "settings", None)):
            if told and isinstance(told.get(name), int | str):
                return told[name]
        handle = handle.parent
    return None


def _is_encoded(handle: Handle | None) -> bool:
    while handle is not None and handle.encoded_as is None:
        handle = handle.parent
    return handle is not None


def _known(document: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in document.items() if v is not None and v != {}}


def _json(content: Any) -> bytes:
    return _encode(content).encode("utf-8", "replace")
