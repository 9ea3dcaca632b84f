"""Replay a recorded job on a simulator with its noise model or calibration, and compare.

The recorded counts are compared by their total variation distance from the replayed ones; without
counts the recorded valid-shot ratio and linear cross-entropy score are, which needs --target. The
intervals hold together at 95 %. Exit code 0: reproduced; 1: it differs; 2: something is missing,
and the message says what.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from qgm_observe.cli import option_types
from qgm_observe.cli.finding import find, find_run, journal_at
from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.journal import Event, Store
from qgm_observe.lifecycle.provenance import read
from qgm_observe.providers.protocol import Calibration
from qgm_observe.records import Estimate

_TIMES = 4
_LEAST_SHOTS = 4096
_MOST_SHOTS = 100_000
_DEFAULT_SHOTS = 1024
_LEVEL = 0.95
_UNBIASED = ("valid_shot_ratio", "linear_xeb")
"""Scores that do not depend on the number of shots, so that two may be compared."""

_MODELS = "models:/"


class Material(NamedTuple):
    """What a job left behind.

    Attributes:
        pubs: What it ran.
        noise: Content of the noise model it was simulated with, or calibration in force when it
            ran; `None` where nothing was noisy.
        counts: Of each pub, none where they were not kept.
        estimates: Recorded of the job, by name.
        notes: What else there is to say.
    """

    job: Event
    pubs: list[Any]
    noise: Calibration | bytes | None
    counts: list[dict[str, int]]
    estimates: dict[str, Estimate]
    notes: list[str]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the job and the options."""
    parser.add_argument(
        "job",
        metavar="JOB",
        help="id of a job, of a run (its last job), its beginning, latest, or a registered version"
        " as models:/NAME@ALIAS or models:/NAME/VERSION",
    )
    parser.add_argument("--journal", type=Path, metavar="PATH", help="default: the user's own")
    parser.add_argument("--target", type=Path, metavar="FILE", help="JSON: probability by outcome")
    parser.add_argument(
        "--shots", type=option_types.count, metavar="N", help="default: 4 times the recorded"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument(
        "--tolerance",
        type=_share,
        default=0.0,
        metavar="D",
        help="distance that is still taken for the same (default: 0, none beyond shot noise)",
    )
    parser.add_argument("--ideal", action="store_true", help="without noise, whatever is recorded")
    parser.add_argument("--tracker", metavar="NAME", default="mlflow", help="default: mlflow")
    parser.add_argument("--tracking-uri", metavar="URI", help="default: MLFLOW_TRACKING_URI")
    parser.add_argument("--json", action="store_true", help="for machines")


def main(args: argparse.Namespace) -> int:
    """Replay; 1 where the replay differs from the record."""
    try:
        import qgm_observe.quality.device_gap  # noqa: F401  a missing extra shows here
    except ImportError as error:
        raise MissingExtra("reproduce", "demo") from error
    with journal_at(args.journal) as journal:
        material = _material(journal, _job(journal, args), args)
    gaps = _gaps(material, args)
    if material.job.body.get("execution_mode") != "local" and material.noise is not None:
        material.notes.append(
            "no crosstalk and no drift are simulated: --tolerance allows for them"
        )
    is_same = all(_is_within(gap, args.tolerance) for gap in gaps)
    told = {
        "job": material.job.subject,
        "reproduced": is_same,
        "tolerance": args.tolerance,
        "compared": [asdict(gap) for gap in gaps],
        "notes": material.notes,
    }
    if args.json:
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        _show(material, gaps, args.tolerance, is_same=is_same)
    return 0 if is_same else 1


# -------------------------------------------------------------------------------- what there is


def _job(journal: Store, args: argparse.Namespace) -> Event:
    text: str = args.job
    if text.startswith(_MODELS):
        text = _of_model(text.removeprefix(_MODELS), args.tracker, args.tracking_uri)
    found = find(journal, "job", text) if text not in ("latest", "previous") else None
    if found is None:
        run = find_run(journal, text)
        jobs = journal.events(verbs=("finished",), nouns=("job",), runs=(run.subject,))
        for found in jobs:  # noqa: B007  the last one
            pass
    if found is None:
        raise UsageError(f"run {text!r} has no finished job: write the id of another")
    return found


def _of_model(text: str, name: str, uri: str | None) -> str:
    """The job that a registered version names."""
    from qgm_observe.trackers import open_tracker
    from qgm_observe.trackers.registering import version_at

    model, at, alias = text.partition("@")
    with closing(open_tracker(name, uri, create=False)) as tracker:
        if not at:
            model, _, version = text.rpartition("/")
        else:
            version = version_at(tracker, model, alias)
        known = {each.version: each for each in tracker.versions(model)}
    if version not in known:
        listed = ", ".join(known) or "a model that `qgm-observe model list` shows"
        raise UsageError(f"{_MODELS}{text}: no such version: write {listed}")
    job = known[version].tags.get("qgm.job")
    if not job:
        raise UsageError(f"{_MODELS}{text}: its run recorded no job: write the id of a job")
    return job


def _material(journal: Store, job: Event, args: argparse.Namespace) -> Material:
    from qgm_observe.providers.replay import gaps_in, read_program

    blobs = job.body.get("blobs") or {}
    told = read(journal, job.body)
    missing: list[str] = []
    program = _contents(journal, blobs.get("program", ()))
    circuits = _contents(journal, blobs.get("circuits", ()))
    if not program or not circuits or None in program + circuits:
        why = told["gaps"].get("circuits", "kept as hashes alone, or pruned")
        missing.append(f"circuits and values ({why})")
    noise = None if args.ideal else _noise(journal, job, told)
    notes: list[str] = []
    if noise is None and not args.ideal:
        is_noisy = "noise" in told.get("device", {})
        if job.body.get("execution_mode") == "local" and not is_noisy:
            notes.append("the simulator had no calibration: replayed without noise")
        else:
            missing.append(f"{_unknown(told)}; write --ideal to replay without noise)")
    counts = _counts(journal, blobs.get("counts", ()))
    estimates = _estimates(journal, job)
    if not counts and not (estimates and args.target):
        kept = "" if not estimates else ", or write --target FILE to compare its estimates"
        missing.append(f"counts: set QGM_OBSERVE_CAPTURE=all and run it again{kept}")
    if missing:
        raise UsageError(f"job {job.subject} cannot be reproduced, missing: {', '.join(missing)}")
    whole = [each for each in circuits if each is not None]
    pubs = read_program(program[0] or b"", whole)
    if noise is not None:
        notes += [gap for pub in pubs for gap in gaps_in(pub, noise)]
    return Material(job, pubs, noise, counts, estimates, sorted(set(notes)))


def _contents(journal: Store, keys: Any) -> list[bytes | None]:
    return [journal.blob(key) for key in keys]


def _noise(journal: Store, job: Event, told: Mapping[str, Any]) -> Calibration | bytes | None:
    """The simulator's own noise model where it was kept, else what the calibration tells."""
    key = told.get("noise_model", {}).get("hash")
    content = None if key is None else journal.blob(key)
    return _calibration(journal, job, told) if content is None else content


def _unknown(told: Mapping[str, Any]) -> str:
    """Which noise is not known, and why."""
    gaps = told["gaps"]
    if "noise" in told.get("device", {}):
        return f"the noise model ({gaps.get('noise_model', 'not kept any more')}"
    return f"the calibration ({gaps.get('calibration', 'not kept any more')}"


def _calibration(journal: Store, job: Event, told: Mapping[str, Any]) -> Calibration | None:
    """That in force at the run where it is known, else that of the submission."""
    from qgm_observe.providers.calibration_content import calibration_of

    key = told.get("calibration_at_run") or told.get("calibration", {}).get("hash")
    content = None if key is None else journal.blob(key)
    if content is None:
        return None
    body = job.body
    return calibration_of(content, str(body.get("provider")), str(body.get("device")), job.at)


def _counts(journal: Store, keys: Any) -> list[dict[str, int]]:
    for data in _contents(journal, keys):
        if data is not None:
            told = json.loads(data)
            return told if isinstance(told, list) else [told]
    return []


def _estimates(journal: Store, job: Event) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for event in journal.events(verbs=("estimate",), nouns=("job",)):
        if event.subject == job.subject and event.body.get("mitigation", "none") == "none":
            known = {k: v for k, v in event.body.items() if k in Estimate.__dataclass_fields__}
            found[known["name"]] = Estimate(**known)
    return found


# ------------------------------------------------------------------------------------ comparing


def _gaps(material: Material, args: argparse.Namespace) -> list[Estimate]:
    from qgm_observe.providers.replay import replay
    from qgm_observe.quality.device_gap import device_gap

    if not material.counts:
        return _estimate_gaps(material, args)
    found = []
    for place, (pub, counts) in enumerate(zip(material.pubs, material.counts, strict=False)):
        sets = max(
            (array.size // max(len(names), 1) for names, array in pub.values.items()), default=1
        )
        shots = args.shots or _shots(sum(counts.values()) // max(sets, 1))
        simulated = replay(pub, material.noise, shots, args.seed + place)
        level = 1 - (1 - _LEVEL) / len(material.counts)
        gap = device_gap(simulated, counts, level)
        found.append(replace(gap, name=f"distance of circuit {place}"))
    return found


def _estimate_gaps(material: Material, args: argparse.Namespace) -> list[Estimate]:
    from qgm_observe.providers.replay import replay
    from qgm_observe.quality.device_gap import score_gap
    from qgm_observe.quality.evaluation import evaluate

    target = _target(args.target)
    pub = material.pubs[0]
    shots = args.shots or _shots(pub.shots or _DEFAULT_SHOTS)
    told = evaluate(replay(pub, material.noise, shots, args.seed), target)
    again = {each.name: each for each in _all_of(told)}
    both = [name for name in _UNBIASED if name in again and name in material.estimates]
    found = [score_gap(again[name], material.estimates[name]) for name in both]
    known = [each for each in found if each.value is not None and each.low is not None]
    if not known:
        raise UsageError(
            f"--target {args.target}: of {', '.join(_UNBIASED)} none was recorded of the job"
            " with an interval and follows from it"
        )
    return [_widened(each, len(known)) for each in known]


def _widened(gap: Estimate, count: int) -> Estimate:
    """An interval of which all of `count` hold together at the level of one (Bonferroni)."""
    from qgm_observe.quality.intervals import normal_quantile

    together = 1 - (1 - gap.level) / count
    factor = normal_quantile(together) / normal_quantile(gap.level)
    value, low, high = gap.value or 0.0, gap.low or 0.0, gap.high or 0.0
    return replace(
        gap,
        low=value - factor * (value - low),
        high=value + factor * (high - value),
        level=together,
    )


def _all_of(told: Any) -> list[Estimate]:
    values = [getattr(told, name) for name in told.__dataclass_fields__]
    return [each for each in values if isinstance(each, Estimate)]


def _target(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--target {path}: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"--target {path}: write JSON, a probability by bitstring") from None


def _shots(recorded: int) -> int:
    return max(_LEAST_SHOTS, min(_TIMES * recorded, _MOST_SHOTS))


def _is_within(gap: Estimate, tolerance: float) -> bool:
    """Whether what the interval holds includes no more than is tolerated."""
    if gap.low is None or gap.high is None:
        raise UsageError(f"{gap.name}: {gap.reason or 'no interval'}")
    return gap.low <= tolerance and gap.high >= -tolerance


def _show(material: Material, gaps: list[Estimate], tolerance: float, *, is_same: bool) -> None:
    word = "reproduced" if is_same else "not reproduced"
    device = f"{material.job.body.get('provider')}/{material.job.body.get('device')}"
    print(f"job {material.job.subject} on {device}: {word}, with {_noise_told(material.noise)}")
    for gap in gaps:
        floor = "" if gap.floor is None else f", equal samplers show {gap.floor:.3g}"
        interval = f"[{gap.low:.4g}, {gap.high:.4g}] at {gap.level:.0%}"
        print(f"  {gap.name.replace('_', ' ')}: {gap.value:.4g} {interval}{floor}")
    if tolerance:
        print(f"  tolerated: {tolerance:g}")
    for note in material.notes:
        print(f"  note: {note}")


def _noise_told(noise: Calibration | bytes | None) -> str:
    if noise is None:
        return "no noise"
    return "its noise model" if isinstance(noise, bytes) else "the noise of its calibration"


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: write a distance in [0, 1)")
    return share
