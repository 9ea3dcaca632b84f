"""Evaluate counts, compare them with what there is to compare, and record all that is said."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.lifecycle.baselines import Baselines, load
from qgm_observe.lifecycle.circuits import Errors, Usage, errors_of, name_of, usage_of
from qgm_observe.lifecycle.events import labels_of
from qgm_observe.lifecycle.handle import Handle
from qgm_observe.lifecycle.job import JobHandle
from qgm_observe.lifecycle.readings import newest_calibration
from qgm_observe.quality import baseline as reference
from qgm_observe.quality.cells import align
from qgm_observe.quality.device_gap import device_gap, score_gap
from qgm_observe.quality.evaluation import Evaluation, evaluate
from qgm_observe.quality.mitigation import (
    Mitigation,
    evaluate_quasi,
    is_quasi,
    mitigation_benefit,
    mitigation_verdict,
    pooled_benefit,
)
from qgm_observe.quality.noise import attribute, expected_success, predict, residual, split_loss
from qgm_observe.records import Estimate, Verdict
from qgm_observe.redaction import redacted

_BENEFITS_KEPT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What counts are compared with besides their target; see `qgm_observe.evaluate`."""

    circuit: Any = None
    calibration: Any = None
    ideal: Any = None
    simulated: Any = None
    mitigation: Mitigation | Mapping[str, Any] | None = None
    raw: Evaluation | None = None
    baseline: str | Path | Baselines | None = None


class Evaluator:
    """One evaluation: makes the estimates and verdicts, and records them.

    Args:
        handle: What is open, or `None`: then nothing is recorded.
        comparison: What to compare with.
    """

    def __init__(self, handle: Handle | None, comparison: Comparison) -> None:
        self.handle = handle
        self.given = comparison
        self.mitigation = _mitigation(comparison.mitigation)
        self.circuit = name_of(comparison.circuit)
        self.verdicts: list[Verdict] = []
        if comparison.raw is not None and self.mitigation is None:
            raise UsageError("raw: write `mitigation` too, to say what it is compared with")

    def evaluate(self, counts: Any, target: Any, **options: Any) -> Evaluation:
        """Estimate, compare, record."""
        plain = not is_quasi(counts)
        found = self._estimated(counts, target, plain=plain, **options)
        level = found.xeb.level
        self.verdicts.append(_collapse(found))
        compared = {
            **self._gaps(counts, target, found, **options),
            **(self._losses(counts, target, level) if plain else {}),
            **self._predictions(target, found, level),
            **self._benefits(found),
        }
        found = replace(found, compared=compared)
        if self.handle is not None:
            self._record(self.handle, found)
        return found

    def _estimated(self, counts: Any, target: Any, *, plain: bool, **options: Any) -> Evaluation:
        if plain:
            return evaluate(counts, target, **options)
        if self.mitigation is None:
            raise UsageError("counts are shares of a quasi-distribution: write `mitigation` too")
        known = {key: options[key] for key in ("level", "valid") if key in options}
        return evaluate_quasi(counts, target, self.mitigation, **known)

    def _gaps(
        self, counts: Any, target: Any, found: Evaluation, **options: Any
    ) -> dict[str, Estimate]:
        """How far the device is from the simulator on the same circuit."""
        simulated = self.given.simulated
        if simulated is None:
            return {}
        gap = score_gap(evaluate(simulated, target, **options).xeb, found.xeb)
        return {gap.name: gap} | (
            {} if is_quasi(counts) else {"device_gap": device_gap(simulated, counts)}
        )

    def _losses(self, counts: Any, target: Any, level: float) -> dict[str, Estimate]:
        """What the model lacks and what the device takes, where the exact output is known."""
        if self.given.ideal is None:
            return {}
        parts = split_loss(align(counts, target), self.given.ideal, level)
        return {part.name: part for part in parts}

    def _predictions(self, target: Any, found: Evaluation, level: float) -> dict[str, Estimate]:
        """What calibration lets expect, what it leaves unexplained, and whose fault that is."""
        usage = usage_of(self.given.circuit)
        if usage is None and self.given.calibration is not None:
            raise UsageError("calibration: write `circuit=` too, the compiled circuit that ran")
        calibration = self._calibration() if usage is not None else None
        if usage is None or calibration is None:
            return {}
        success, expected = self._expected(target, usage, errors_of(calibration, usage), level)
        left = replace(residual(found.xeb, expected, None), name="linear_xeb_residual")
        known = self._baselines()
        usual = known.get(self._series("linear_xeb_residual"))
        changed = reference.residual(found.xeb, expected, usual)
        self.verdicts.append(self._cause(found.xeb, expected, known))
        told = (success, expected, left, replace(changed, name="linear_xeb_residual_change"))
        return {each.name: each for each in told}

    def _calibration(self) -> Any:
        """What was given, else what the journal has read of the open job's device."""
        if self.given.calibration is not None or not isinstance(self.handle, JobHandle):
            return self.given.calibration
        return newest_calibration(self.handle.recorder, self.handle.device)

    def _expected(
        self, target: Any, usage: Usage, errors: Errors, level: float
    ) -> tuple[Estimate, Estimate]:
        uses = {gate: times for gate, times in usage.gates.items() if gate in errors.gates}
        success = expected_success(errors.gates, uses, level=level)
        name = "expected_linear_xeb"
        if errors.readout is None:
            reason = "no calibration for a measured qubit"
            return success, Estimate(name=name, level=level, reason=reason)
        predicted = predict(target, success, errors.readout, self.given.ideal).xeb
        readouts = [(up + down) / 2 for up, down in errors.readout]
        whole = expected_success(errors.gates, uses, readouts, level=level)
        return whole, replace(predicted, name=name)

    def _cause(self, measured: Estimate, expected: Estimate, known: Baselines) -> Verdict:
        before = [known.get(self._series(name)) for name in ("linear_xeb", "expected_linear_xeb")]
        if before[0] is None or before[1] is None:
            return Verdict(question="cause", answer="undecided", reason=reference.NO_BASELINE)
        level = measured.level
        found = attribute(
            measured, expected, before[0].reference(level), before[1].reference(level)
        )
        reason = found.residual.reason or "change against the baseline of this circuit"
        return Verdict(question="cause", answer=found.cause, reason=reason)

    def _benefits(self, found: Evaluation) -> dict[str, Estimate]:
        """What mitigation brings on this device, from its jobs so far in this process."""
        if self.given.raw is None or self.mitigation is None:
            return {}
        newest = mitigation_benefit(self.given.raw, found)
        benefit = newest
        if self.handle is not None and newest.value is not None:
            device = str(labels_of(self.handle).get("device", "unknown"))
            key = (device, self.mitigation.kind, self.circuit or "")
            jobs = self.handle.recorder.benefits.setdefault(key, deque(maxlen=_BENEFITS_KEPT))
            jobs.append(newest.value)
            benefit = pooled_benefit(newest, list(jobs), newest.level)
        self.verdicts.append(mitigation_verdict(benefit))
        return {benefit.name: benefit}

    def _series(self, statistic: str) -> str:
        labels = {} if self.handle is None else labels_of(self.handle)
        return Baselines.series(labels | self._facts() | {"name": statistic})

    def _baselines(self) -> Baselines:
        given = self.given.baseline
        if isinstance(given, Baselines):
            return given
        if given is not None:
            return load(Path(given))
        return Baselines({}) if self.handle is None else self.handle.recorder.baselines()

    def _facts(self) -> dict[str, Any]:
        kind = None if self.mitigation is None else self.mitigation.kind
        told = {"circuit": self.circuit, "mitigation": kind}
        return {key: value for key, value in told.items() if value is not None}

    def _record(self, handle: Handle, found: Evaluation) -> None:
        facts = self._facts()
        for estimate in found:
            shares = {"modes": found.collapse.shares} if estimate is found.mode_deficit else {}
            handle.recorder.say(handle, estimate, facts | shares)
        for verdict in self.verdicts:
            handle.recorder.say(handle, verdict, facts)
        if self.circuit is not None:
            handle.note(circuit=self.circuit)
        if self.mitigation is not None:
            handle.note(mitigation=dict(_described(self.mitigation)))


def _collapse(found: Evaluation) -> Verdict:
    told = found.collapse
    answers = {True: "collapsed", False: "whole", None: "untold"}
    lost = f"modes with {told.mass:.0%} of the target have lost half of their share or more"
    reason = told.reason or (lost if told.collapsed else "")
    return Verdict(question="collapse", answer=answers[told.collapsed], reason=reason)


def _mitigation(given: Mitigation | Mapping[str, Any] | None) -> Mitigation | None:
    if given is None or isinstance(given, Mitigation):
        return given
    try:
        return Mitigation(**given)
    except TypeError:
        known = ", ".join(Mitigation.__dataclass_fields__)
        raise UsageError(f"mitigation: write kind and method, of the fields {known}") from None


def _described(mitigation: Mitigation) -> Iterator[tuple[str, Any]]:
    for name in Mitigation.__dataclass_fields__:
        value = getattr(mitigation, name)
        if value is not None:
            yield name, _options(value) if isinstance(value, Mapping) else value


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options without what looks like a secret."""
    told = {str(name): f"{name}={value}" for name, value in options.items()}
    return {
        str(name): value if redacted(told[str(name)]) == told[str(name)] else "<redacted>"
        for name, value in options.items()
    }
