"""What speaks for which cause, and what against it: one clue a question that a person would ask.

Points are natural logarithms of rough odds: 1 is weak, 2 is telling, 3 is close to proof. They were
set by judgment; `benchmarks/triage.py` measures what they are worth.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qgm_observe.catalog import ErrorClass, signals
from qgm_observe.catalog import provider_signals as provided
from qgm_observe.runbooks.cause import Cause
from qgm_observe.runbooks.roots import Root, Trouble
from qgm_observe.runbooks.situation import Change, Situation, changes_in
from qgm_observe.telemetry.conformity import Sample


@dataclass(frozen=True, slots=True)
class Clue:
    """One thing that was seen.

    Attributes:
        cause: What it tells of.
        points: How strongly; below 0 it speaks against it.
        text: What was seen, one clause.
    """

    cause: Cause
    points: float
    text: str


_OF_CLASS = {
    ErrorClass.AUTH: (Cause.CREDENTIALS, 3.0),
    ErrorClass.QUOTA: (Cause.QUOTA, 3.0),
    ErrorClass.RATE_LIMIT: (Cause.PACE, 3.0),
    ErrorClass.VALIDATION: (Cause.CODE, 2.5),
    ErrorClass.COMPILE: (Cause.COMPILER, 3.0),
    ErrorClass.RESOURCE: (Cause.MACHINE, 3.0),
    ErrorClass.LOST: (Cause.MACHINE, 2.5),
    ErrorClass.OFFLINE: (Cause.DEVICE, 3.0),
    ErrorClass.EXECUTION: (Cause.DEVICE, 2.5),
    ErrorClass.QUEUE_TIMEOUT: (Cause.QUEUE, 1.5),
    ErrorClass.RUN_TIMEOUT: (Cause.DEVICE, 0.5),
    ErrorClass.NETWORK: (Cause.PROVIDER, 1.0),
    ErrorClass.NOT_FOUND: (Cause.PROVIDER, 0.5),
}
COUNTS_FAILURES = frozenset({"QgmSloBurnPage", "QgmConsecutiveFailures", "QgmCompilationFailing"})
"""Alerts that failed runs and requests bring about, and nothing else."""

RECOVERS = COUNTS_FAILURES | {"QgmSloBurnTicket"}
"""Alerts that are over once what failed goes well again."""

_FEW = 3
"""Fewer failures than these are not believed in full."""

AT_HOME = {"prepare", "encode", "compile", "evaluate", "optimize", "decode", "register"}
_ABSOLVED = (Cause.PROVIDER, Cause.DEVICE)
_OF_PROVIDERS = (Cause.CREDENTIALS, Cause.QUOTA, Cause.PACE, Cause.QUEUE)
_LIBRARIES = ("model version", "encoding", "calibration", "device")


def clues(situation: Situation) -> list[Clue]:
    """Return everything that speaks for or against a cause, failures first."""
    trouble, changes = situation.trouble, changes_in(situation)
    found: list[Clue] = []
    if trouble is not None:
        found += [*_classes(trouble.failed), *_spread(situation, trouble), *_alike(trouble)]
        found += _changed(trouble, changes)
    found += [
        *_answers(situation, trouble),
        *_devices(situation, trouble),
        *_account(situation, trouble),
    ]
    if trouble is not None or situation.alert not in COUNTS_FAILURES:
        found += _quality(situation, changes)
    return [*found, *_ourselves(situation)]


# -------------------------------------------------------------------------------------- failures


def _classes(failed: Sequence[Root]) -> Iterator[Clue]:
    """What the errors were, by the share of each class."""
    counts = Counter(_kind(root) for root in failed)
    for kind, count in counts.most_common():
        share = count / max(len(failed), _FEW)
        said = f"{count} of {len(failed)} failures are {kind}"
        if kind in set(ErrorClass) and ErrorClass(kind) in _OF_CLASS:
            cause, points = _OF_CLASS[ErrorClass(kind)]
            yield Clue(cause, points * share, said)
            if kind == ErrorClass.NETWORK:
                yield Clue(Cause.NETWORK, points * share, said)
    at_home = [root for root in failed if root.error_class in {"", "other"} and _is_home(root)]
    if at_home:
        said = f"{len(at_home)} of {len(failed)} failed in {_stages(at_home)}, on our side"
        yield Clue(Cause.CODE, 2.5 * len(at_home) / max(len(failed), _FEW), said)
    outside = [root for root in failed if root.is_outside and root.error_class == "other"]
    if outside:
        types = ", ".join(sorted({root.error_type for root in outside} - {""})) or "no type told"
        said = f"{len(outside)} of {len(failed)} failed beside jobs that went well: {types}"
        yield Clue(Cause.CODE, 2.5 * len(outside) / max(len(failed), _FEW), said)


def _kind(root: Root) -> str:
    """An error while compiling is the compiler's, whatever its class."""
    return str(ErrorClass.COMPILE) if root.stage == "compile" else root.error_class or "other"


def _is_home(root: Root) -> bool:
    return root.stage in AT_HOME


def _mostly(failed: Sequence[Root], kind: ErrorClass) -> bool:
    return 2 * sum(root.error_class == kind for root in failed) > len(failed)


def _belief(trouble: Trouble) -> float:
    return min(1.0, len(trouble.failed) / _FEW)


def _stages(roots: Sequence[Root]) -> str:
    return ", ".join(sorted({root.stage for root in roots}))


def _spread(situation: Situation, trouble: Trouble) -> Iterator[Clue]:
    """Who else fails, and who does not, at the same time."""
    beside = [
        root
        for root in (*situation.roots, *situation.others)
        if root.pipeline not in trouble.pipelines and (root.ended_at or 0.0) >= trouble.since
    ]
    places = {place for root in trouble.failed for place in root.places if root.is_remote}
    providers = {provider for provider, _ in places}
    went = [root for root in beside if root.is_good]
    there = [root for root in went if root.is_remote and root.places & places]
    near = [root for root in went if root.is_remote and _providers(root) & providers]
    if there:
        said = f"{len(there)} others went well on the same device since then"
        yield from (Clue(cause, -1.5, said) for cause in _ABSOLVED)
    elif near:
        said = f"{len(near)} others went well at the same provider since then"
        yield Clue(Cause.PROVIDER, -2.0, said)
        yield Clue(Cause.CREDENTIALS, -1.0, said)
        yield Clue(Cause.DEVICE, 0.5 * _belief(trouble), said)
    elsewhere = [root for root in went if root.is_remote and not _providers(root) & providers]
    if elsewhere:
        said = f"{len(elsewhere)} others went well at other providers since then"
        yield Clue(Cause.NETWORK, -2.0, said)
        yield Clue(Cause.PROVIDER, 0.5 * _belief(trouble), said)
    if len(providers) > 1 and not (near or elsewhere):
        said = f"jobs at {len(providers)} providers fail at the same time, and none goes well"
        yield from (Clue(cause, -1.5, said) for cause in _ABSOLVED)
        yield Clue(Cause.NETWORK, 1.5, said)


def _alike(trouble: Trouble) -> Iterator[Clue]:
    """What all that failed have in common."""
    places = {place for root in trouble.failed for place in root.places if root.is_remote}
    local = [root for root in trouble.failed if not root.is_remote]
    if len(local) == len(trouble.failed) and all(root.places for root in local):
        said = f"all {len(local)} failed without a provider: they ran on a simulator"
        yield from (Clue(cause, -2.0, said) for cause in (*_ABSOLVED, *_OF_PROVIDERS))
        yield Clue(Cause.NETWORK, -1.0, said)
    there = {root.pipeline for root in trouble.failed if root.is_remote and root.places & places}
    if len(there) > 1 and len(places) == 1:
        (place,) = places
        said = f"{len(there)} pipelines fail on {' '.join(place)} at the same time"
        yield Clue(Cause.DEVICE, 1.0, said)


def _providers(root: Root) -> set[str]:
    return {provider for provider, _ in root.places}


def _changed(trouble: Trouble, changes: Sequence[Change]) -> Iterator[Clue]:
    kinds = {_kind(root) for root in trouble.failed}
    for change in changes:
        was = "" if change.before is None else f" from {change.before}"
        said = f"{change.what} of {change.where} went{was} to {change.after} before it failed"
        if change.what in _LIBRARIES:
            if change.what in ("model version", "encoding"):
                yield Clue(Cause.CODE, 1.5, said)
        elif str(ErrorClass.COMPILE) in kinds:
            yield Clue(Cause.COMPILER, 1.5, said)
        else:
            yield Clue(Cause.CODE, 1.5, said)


# ---------------------------------------------------------------------------------------- levels


def _answers(situation: Situation, trouble: Trouble | None) -> Iterator[Clue]:
    """Whether providers answer our sidecars."""
    wanted = {p for root in trouble.failed for p in _providers(root)} if trouble else set()
    up = list(situation.levels(provided.PROVIDER_UP))
    is_met = any(s.value == 0 for s in _of_those_used(situation, trouble, up))
    silent = sorted({s.labels.get("provider", "") for s in up if s.value == 0} if is_met else ())
    answering = sorted({s.labels.get("provider", "") for s in up if s.value == 1})
    if silent and not answering and len(silent) > 1:
        yield Clue(Cause.NETWORK, 2.5, f"none of {', '.join(silent)} answers the sidecar")
    elif silent:
        said = f"{', '.join(silent)} does not answer the sidecar"
        refused = trouble is not None and _mostly(trouble.failed, ErrorClass.AUTH)
        yield Clue(Cause.PROVIDER, 0.5 if refused else 2.0, said)
        if answering:
            yield Clue(Cause.NETWORK, -2.0, f"{', '.join(answering)} answers the sidecar")
        else:
            yield Clue(Cause.NETWORK, 1.0, "no other watched provider answers: it may be our way")
    elif wanted & set(answering):
        said = f"{', '.join(sorted(wanted & set(answering)))} answers the sidecar"
        yield Clue(Cause.PROVIDER, -1.0, said)
        yield Clue(Cause.CREDENTIALS, -1.0, said)


def _of_those_used(
    situation: Situation, trouble: Trouble | None, samples: Iterable[Sample]
) -> list[Sample]:
    """Return the levels of providers that what failed was at; of all, where that is not known."""
    known = trouble is not None and all(root.places for root in trouble.failed)
    if trouble is None or not known or situation.alert not in RECOVERS:
        return list(samples)
    used = {provider for root in trouble.failed for provider in _providers(root)}
    return [each for each in samples if each.labels.get("provider", "") in used]


def _devices(situation: Situation, trouble: Trouble | None) -> Iterator[Clue]:
    """Whether the devices in use are there and process what they accept."""
    roots = trouble.failed if trouble else [r for r in situation.roots if r.outcome is None]
    for place in sorted({place for root in roots for place in root.places}):
        labels = {"provider": place[0], "device": place[1]}
        name = " ".join(place)
        states = [s for s in situation.levels(provided.DEVICE_STATE, **labels) if s.value == 1]
        state = states[0].labels.get("device_state", "") if states else ""
        if state in ("offline", "paused", "retired"):
            yield Clue(Cause.DEVICE, 3.0, f"{name} is {state}")
            yield Clue(Cause.QUEUE, -2.0, f"{name} is {state}")
        elif state == "online":
            yield Clue(Cause.DEVICE, -0.5, f"{name} is online")
        if situation.has_level(provided.DEVICE_PROCESSING, 0.0, **labels):
            yield Clue(Cause.DEVICE, 2.0, f"{name} accepts jobs and does not process them")


def lacking(situation: Situation) -> Iterator[Clue]:
    """Yield what open work needs above what is left, of a provider with one watched account."""
    left: dict[str, dict[str, float]] = {}
    for sample in situation.levels(provided.ACCOUNT_REMAINING):
        accounts = left.setdefault(sample.labels.get("provider", ""), {})
        accounts[sample.labels.get("account", "")] = sample.value
    for provider, accounts in left.items():
        needed = {  # exporter and Prometheus may both have told the same
            tuple(sample.labels.get(name, "") for name in signals.DEVICE_TIME_NEEDED.label_names): (
                sample.value
            )
            for sample in situation.levels(signals.DEVICE_TIME_NEEDED, provider=provider)
        }
        seconds, rest = sum(needed.values()), min(accounts.values())
        if len(accounts) == 1 and 0 < rest < seconds:
            needs = f"open work needs {seconds:.0f} s of {provider}'s device time"
            yield Clue(Cause.QUOTA, 1.5, f"{needs}, {rest:.0f} s are left")


def _account(situation: Situation, trouble: Trouble | None) -> Iterator[Clue]:
    limits = situation.levels(provided.ACCOUNT_LIMIT_REACHED)
    left = situation.levels(provided.ACCOUNT_REMAINING)
    reached = {each.value for each in _of_those_used(situation, trouble, limits)}
    if 1.0 in reached:
        said = "the provider says that the usage limit is reached"
        yield Clue(Cause.QUOTA, 3.0, said)
        yield Clue(Cause.QUEUE, -2.5, said)
    elif any(s.value <= 0 for s in _of_those_used(situation, trouble, left)):
        yield Clue(Cause.QUOTA, 2.0, "no device time is left in this period")
    elif 0.0 in reached:
        said = "the provider says that the usage limit is not reached"
        yield Clue(Cause.QUOTA, -2.0, said)
        if trouble is not None and _mostly(trouble.failed, ErrorClass.QUEUE_TIMEOUT):
            yield Clue(Cause.QUEUE, 1.0 * _belief(trouble), said)
    yield from lacking(situation)
    for sample in situation.levels(provided.CREDENTIALS_EXPIRE):
        if sample.value <= situation.now:
            account = sample.labels.get("account", "")
            yield Clue(Cause.CREDENTIALS, 3.0, f"the credentials of {account} have expired")
    states = situation.levels(provided.PROVIDER_CIRCUIT, circuit_state="open")
    told = _of_those_used(situation, trouble, states)
    held = sorted({s.labels.get("provider", "") for s in told if s.value == 1})
    if held:
        said = f"calls to {', '.join(held)} are held back after failing in a row"
        yield Clue(Cause.PROVIDER, 0.5, said)


def _quality(situation: Situation, changes: Sequence[Change]) -> Iterator[Clue]:
    """What the verdicts and control charts say, which have looked at calibration already."""
    said = Counter(
        (s.labels.get("question", ""), s.labels.get("answer", ""))
        for s in situation.levels(signals.QUALITY_VERDICT)
        if s.value == 1
    )
    for (question, answer), count in sorted(said.items()):
        if (question, answer) in VERDICTS:
            cause, points, text = VERDICTS[question, answer]
            yield Clue(cause, points, f"{text} ({count} series)")
    if not any(question == "cause" for question, _ in said):
        yield from _residual(situation, changes)


def _residual(situation: Situation, changes: Sequence[Change]) -> Iterator[Clue]:
    """Of a statistic that drifts: whether its residual, measured minus predicted, does too."""
    limits = {series(s): s.value for s in situation.levels(signals.QUALITY_DRIFT_LIMIT)}
    drifting = {
        s.labels.get("statistic", "")
        for s in situation.levels(signals.QUALITY_DRIFT_LEVEL)
        if s.value > limits.get(series(s), float("inf"))
    }
    residual = {name for name in drifting if name.endswith("_residual")}
    if residual:
        said = f"{', '.join(sorted(residual))} drifts: calibration does not explain the loss"
        yield Clue(Cause.CALIBRATION, -1.0, said)
    elif drifting:
        watched = {dict(series).get("statistic", "") for series in limits}
        if any(name.endswith("_residual") for name in watched):
            said = f"{', '.join(sorted(drifting))} drifts and the residual does not"
            yield Clue(Cause.CALIBRATION, 2.0, said)
        yield from _since_calibration(changes)


def _since_calibration(changes: Sequence[Change]) -> Iterator[Clue]:
    """What changed besides the calibration, where a statistic drifts."""
    for change in changes:
        was = "" if change.before is None else f" from {change.before}"
        said = f"{change.what} of {change.where} went{was} to {change.after}"
        if change.what == "calibration":
            yield Clue(Cause.CALIBRATION, 1.0, said)
        elif change.what != "device":
            yield Clue(Cause.TRAINING, 1.5, said)


def series(sample: Sample) -> tuple[tuple[str, str], ...]:
    """Return what tells a chart's level, or its limit, from that of others."""
    return tuple(sorted(sample.labels.items()))


VERDICTS = {
    ("cause", "device"): (Cause.CALIBRATION, 2.5, "the newest calibration explains the loss"),
    ("cause", "unexplained"): (Cause.CALIBRATION, -1.5, "calibration does not explain the loss"),
    ("cause", "both"): (Cause.CALIBRATION, 0.5, "calibration explains a part of the loss"),
    ("collapse", "collapsed"): (Cause.TRAINING, 2.0, "samples have lost modes"),
    ("inputs", "drifted"): (Cause.TRAINING, 2.0, "the input data have drifted"),
    ("encoding", "mismatched"): (Cause.TRAINING, 2.5, "encoding differs from the training's"),
    ("training", "diverging"): (Cause.TRAINING, 1.5, "a training diverges"),
    ("training", "barren_plateau"): (Cause.TRAINING, 2.0, "a training is on a barren plateau"),
    ("training", "stuck"): (Cause.TRAINING, 1.5, "a training is stuck"),
}
"""Question and answer of a verdict to what it tells of."""


def _ourselves(situation: Situation) -> Iterator[Clue]:
    """Whether what we see can be believed."""
    if situation.silent:  # it may also be the asker's own way to it
        said = f"no answer from {', '.join(situation.silent)}"
        yield Clue(Cause.TELEMETRY, 1.5, said)
    unread = sorted(
        s.labels.get("journal", "")
        for s in situation.levels(provided.EXPORTER_FOLLOWED)
        if s.value == 0
    )
    if unread:
        yield Clue(Cause.TELEMETRY, 2.0, f"journals that cannot be read: {', '.join(unread)}")
