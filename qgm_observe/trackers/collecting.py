"""From the journal to what a tracker takes; circuits and calibrations only if asked for."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, Store
from qgm_observe.lifecycle.provenance import read
from qgm_observe.trackers.parameters import parameters_of, to_npz
from qgm_observe.trackers.protocol import Metric, Tracked

PRIVACY = ("train_match_excess", "dcr_share")
"""Estimates that tell whether a model gives its training data away."""

_LABELS = ("project", "pipeline", "model", "model_version", "kind")
_MOST_STEPS = 10_000


def collect(
    journal: Store,
    run: Event,
    *,
    with_parameters: bool = False,
    with_circuits: bool = False,
    parameters: Any = None,
) -> Tracked:
    """Return a run as a tracker takes it.

    Args:
        journal: Where it is.
        run: Its last event.
        with_parameters: Whether the trained parameters go with it.
        with_circuits: Whether the circuits and calibrations that the journal kept go as well.
        parameters: The trained ones, shape (P,), radians; without them what the journal kept last.

    Raises:
        UsageError: parameters are wanted, and the journal has none.
    """
    body = run.body
    told = _last_of_all(journal, run)
    started = float(body.get("start", run.at))
    duration = body.get("duration")
    artifacts = {"provenance.json": _text(told)}
    if with_parameters:
        vector = _kept_parameters(journal, run.subject) if parameters is None else parameters
        artifacts["parameters.npz"] = to_npz(vector)
    if with_circuits:
        artifacts |= dict(_contents(journal, run.subject))
    return Tracked(
        run=run.subject,
        name=f"{body.get('model', 'unknown')} {run.subject[:8]}",
        started_at=started,
        ended_at=None if duration is None else started + duration,
        is_good=body.get("outcome") == "success",
        parameters=dict(_settings(body, told)),
        metrics=[*_losses(journal, run.subject), *_estimates(journal, run.subject)],
        tags=dict(_tags(run, told)) | dict(privacy_of(journal, run.subject)),
        artifacts=artifacts,
    )


def privacy_of(journal: Store, run: str) -> Iterator[tuple[str, str]]:
    """Yield what was found of the model's privacy, as tags; that nothing was is one too."""
    newest: dict[str, Mapping[str, Any]] = {}
    for event in journal.events(verbs=("estimate",), runs=(run,)):
        if event.body.get("name") in PRIVACY:
            newest[event.body["name"]] = event.body
    for name, body in newest.items():
        value = body.get("value")
        told = str(body.get("reason")) if value is None else _with_interval(body)
        yield f"qgm.privacy.{name}", told
    if not newest:
        yield "qgm.privacy", "not assessed"


def _with_interval(body: Mapping[str, Any]) -> str:
    text = f"{body['value']:.4g}"
    if body.get("low") is None or body.get("high") is None:
        return text
    return f"{text} [{body['low']:.4g}, {body['high']:.4g}] at {body.get('level', 0.95):.0%}"


def _last_of_all(journal: Store, run: Event) -> dict[str, Any]:
    """The run's provenance, with that of its last job."""
    told = read(journal, run.body)
    last: Event | None = None
    for event in journal.events(verbs=("finished",), nouns=("job",), runs=(run.subject,)):
        last = event
    if last is None:
        return told | {"gaps": told["gaps"] | {"job": "the run had none"}}
    of_job = read(journal, last.body)
    known = {"job": last.subject, "shots": last.body.get("shots"), **of_job}
    known["device"] = {
        **of_job.get("device", {}),
        **{n: last.body[n] for n in ("provider", "device", "region") if n in last.body},
    }
    return {**known, **told, "gaps": {**of_job["gaps"], **told["gaps"]}}


def _settings(body: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    noted = body.get("attributes", {})
    for name, value in {**told.get("settings", {}), **noted}.items():
        yield name, str(value)


def _tags(run: Event, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "qgm.run", run.subject
    yield "qgm.outcome", str(run.body.get("outcome", "open"))
    for name in _LABELS:
        if name in run.body:
            yield f"qgm.{name}", str(run.body[name])
    if run.body.get("encoding"):
        yield "qgm.encoding", str(run.body["encoding"])
    git = told.get("git", {})
    found = {
        "job": told.get("job"),
        "git.commit": git.get("commit"),
        "git.dirty": git.get("dirty"),
        "calibration": told.get("calibration", {}).get("hash"),
        "structure": ", ".join(each["structure"] for each in told.get("circuits", ())),
        "device": told.get("device", {}).get("device"),
        "gaps": ", ".join(sorted(told["gaps"])),
    }
    for name, value in found.items():
        if value not in (None, ""):
            yield f"qgm.{name}", str(value)


def _losses(journal: Store, run: str) -> Iterator[Metric]:
    steps = journal.events(verbs=("finished",), nouns=("step",), runs=(run,), limit=_MOST_STEPS)
    for event in steps:
        if event.body.get("loss") is not None:
            yield Metric("loss", float(event.body["loss"]), event.body.get("index", 0), event.at)


def _estimates(journal: Store, run: str) -> Iterator[Metric]:
    """Each estimate with its interval, numbered in the order in which they were made."""
    made: dict[str, int] = {}
    for event in journal.events(verbs=("estimate",), runs=(run,), limit=_MOST_STEPS):
        name, mitigation = event.body["name"], event.body.get("mitigation", "none")
        name = name if mitigation == "none" else f"{name}.{mitigation}"
        if event.body.get("value") is None:
            continue
        step = made[name] = made.get(name, -1) + 1
        for part, suffix in (("value", ""), ("low", ".low"), ("high", ".high")):
            value = event.body.get(part)
            if value is not None and math.isfinite(value):
                yield Metric(f"{name}{suffix}", float(value), step, event.at)


def _kept_parameters(journal: Store, run: str) -> Any:
    newest: str | None = None
    for event in journal.events(verbs=("finished",), runs=(run,)):
        kept = (event.body.get("blobs") or {}).get("parameters")
        newest = kept[-1] if kept else newest
    data = None if newest is None else journal.blob(newest)
    if data is None:
        raise UsageError(
            f"run {run[:8]} kept no parameters: write --parameters FILE (.npz or .json), or have a"
            " core's `optimize` return them"
        )
    return parameters_of(data, "parameters.json")


def _contents(journal: Store, run: str) -> Iterator[tuple[str, bytes]]:
    """The last job's circuits, program and calibration as files."""
    last: Mapping[str, Any] = {}
    for event in journal.events(verbs=("finished",), nouns=("job",), runs=(run,)):
        last = event.body.get("blobs") or last
    names = {"circuits": "qpy", "program": "json", "calibration": "json"}
    for kind, suffix in names.items():
        for place, key in enumerate(last.get(kind, ())):
            data = journal.blob(key)
            if data is not None:
                yield f"{kind}-{place}.{suffix}", data


def _text(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, indent=2, sort_keys=True, default=str).encode()
