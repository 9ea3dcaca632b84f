"""What the work came to: a summary of its events as data."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from qgm_observe.catalog import STAGES, ExecutionMode, Outcome, signals
from qgm_observe.journal import TERMINAL, Event, Totals
from qgm_observe.records import Estimate


@dataclass(frozen=True, slots=True)
class StageTimes:
    """How long one stage took.

    Attributes:
        stage: Its name in the catalog.
        count: How often it was seen.
        p50: Median, seconds, `None` where no single duration was kept.
        p95: 95th percentile, seconds, likewise.
    """

    stage: str
    count: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the work came to.

    Attributes:
        run: Id of the first run, `None` without one.
        outcome: Of that run.
        seconds: Its duration.
        error: Type of the exception that ended it, or `None`.
        exit_code: Of the script, where it was one.
        jobs: Ended jobs by outcome.
        open_jobs: Jobs that a provider still has.
        remote: How many of the ended ones were meant for a provider.
        tallied: How many of the ended ones were counted without their detail being kept.
        circuits: Circuits of the successful jobs.
        shots: Shots of the successful jobs.
        stages: In the order of the work.
        steps: Completed steps.
        losses: Of the first and the last step that told one, of each optimizer that takes turns.
        errors: Failed jobs by `stage/class`; one that a guard stopped is none.
        stopped: What guards did not let through, or cancelled, by reason.
        prevented: What that would have cost by estimate, exact text by currency.
        estimates: The newest of each statistic that was recorded, in the order of the first.
        verdicts: Question to the newest answer, with its reason.
        expected: Estimated cost of what was submitted, exact text by currency; bills come later.
        journal: The journal's file.
    """

    run: str | None = None
    outcome: str | None = None
    seconds: float | None = None
    error: str | None = None
    exit_code: int | None = None
    jobs: dict[str, int] = field(default_factory=dict)
    open_jobs: int = 0
    remote: int = 0
    tallied: int = 0
    circuits: int = 0
    shots: int = 0
    stages: tuple[StageTimes, ...] = ()
    steps: int = 0
    losses: tuple[tuple[float, float], ...] = ()
    errors: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)
    prevented: dict[str, str] = field(default_factory=dict)
    estimates: tuple[Estimate, ...] = ()
    verdicts: dict[str, str] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=dict)
    journal: str | None = None

    @property
    def first_loss(self) -> float | None:
        """Of the first step that told one, and of the first optimizer."""
        return self.losses[0][0] if self.losses else None

    @property
    def last_loss(self) -> float | None:
        """Of its last step that told one."""
        return self.losses[0][1] if self.losses else None

    @property
    def course(self) -> str:
        """How the losses went, as it follows the number of steps; nothing where none was told."""
        each = (f"{first:.4g} at first, {last:.4g} at last" for first, last in self.losses)
        told = " and ".join(each)
        if len(self.losses) > 1:
            told += f" ({len(self.losses)} optimizers by turns)"
        return told and f", loss {told}"


def summarize(events: Iterable[Event], journal: Path | None = None, open_jobs: int = 0) -> Summary:
    """Return the summary of events, in the order of the journal.

    Percentiles are interpolated between neighbors (type 7 of Hyndman and Fan, "Sample quantiles
    in statistical packages", 1996).

    Args:
        events: Of one run or of several, also `estimate` and `tallied` ones.
        journal: Where they are kept.
        open_jobs: How many jobs are still open.
    """
    told = list(events)
    ended = [event for event in told if event.verb == TERMINAL]
    jobs = [event.body for event in ended if event.noun == "job"]
    steps = [event.body for event in ended if event.noun == "step"]
    tally = _Tally.of(told)
    good = [body for body in jobs if body.get("outcome") == "success"]
    return Summary(
        **_first_run(ended),
        jobs=_by_count(Counter(str(body.get("outcome")) for body in jobs) + tally.jobs),
        open_jobs=open_jobs,
        remote=sum(body.get("execution_mode") != ExecutionMode.LOCAL for body in jobs),
        tallied=tally.jobs.total(),
        circuits=sum(body.get("circuits", 0) for body in good) + tally.circuits,
        shots=sum(body.get("shots", 0) for body in good) + tally.shots,
        stages=_stages(ended, tally.stages),
        steps=sum(body.get("outcome") == "success" for body in steps),
        losses=_losses(steps),
        errors=_by_count(Counter(_place(body["error"]) for body in jobs if _is_error(body))),
        stopped=_by_count(Counter(_reason(e.body) for e in told if e.verb == "guarded")),
        prevented=_sums(told, "guarded"),
        estimates=tuple(_newest(told).values()),
        verdicts={e.body["question"]: _answer(e.body) for e in told if e.verb == "judged"},
        expected=_sums(told, "estimated"),
        journal=None if journal is None else str(journal.absolute()),
    )


def to_json(summary: Summary) -> dict[str, Any]:
    """Return the summary as JSON-compatible content; a cost that is not known is null."""
    losses = {"first_loss": summary.first_loss, "last_loss": summary.last_loss}
    return asdict(summary) | losses | {"cost": None}


@dataclass(slots=True)
class _Tally:
    """What was counted without its detail."""

    jobs: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    circuits: int = 0
    shots: int = 0

    @classmethod
    def of(cls, events: Iterable[Event]) -> "_Tally":
        tally, totals = cls(), Totals()
        for event in events:
            if event.verb == "tallied":
                totals.add(event)
        for labels, count in totals.counters.get(signals.JOBS.name, {}).items():
            tally.jobs[labels[-1]] += count
        for labels, histogram in totals.histograms.get(signals.JOB_STAGE_DURATION.name, {}).items():
            tally.stages[labels[-1]] += histogram.count
        tally.circuits = sum(totals.counters.get(signals.JOB_CIRCUITS.name, {}).values())
        tally.shots = sum(totals.counters.get(signals.JOB_SHOTS.name, {}).values())
        return tally


def _first_run(ended: list[Event]) -> dict[str, Any]:
    runs = [event for event in ended if event.noun == "run"]
    if not runs:
        return {}
    first = min(runs, key=lambda event: event.body.get("start", event.at))
    error = first.body.get("error") or {}
    return {
        "run": first.subject,
        "outcome": first.body.get("outcome"),
        "seconds": first.body.get("duration"),
        "error": error.get("type"),
        "exit_code": first.body.get("attributes", {}).get("exit_code"),
    }


def _losses(steps: list[Mapping[str, Any]]) -> tuple[tuple[float, float], ...]:
    told: dict[int, list[float]] = {}
    for body in steps:
        if body.get("loss") is not None:
            told.setdefault(body.get("attributes", {}).get("turn", 1), []).append(body["loss"])
    return tuple((losses[0], losses[-1]) for _, losses in sorted(told.items()))


def _stages(ended: list[Event], tallied: Counter[str]) -> tuple[StageTimes, ...]:
    seconds: dict[str, list[float]] = {}
    for event in ended:
        for stage in event.body.get("stages", ()):
            seconds.setdefault(stage[0], []).append(stage[2])
    return tuple(
        StageTimes(
            name,
            len(seconds.get(name, ())) + tallied[name],
            percentile(seconds.get(name, ()), 0.5),
            percentile(seconds.get(name, ()), 0.95),
        )
        for name in STAGES
        if name in seconds or tallied[name]
    )


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value that a share of the others is below, interpolated between neighbors."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _is_error(body: Mapping[str, Any]) -> bool:
    return bool(body.get("error")) and body.get("outcome") != Outcome.GUARDED


def _reason(body: Mapping[str, Any]) -> str:
    """Why a guard stopped a job, without the beginning and the end that all reasons have."""
    told = str(body.get("reason", "no reason told"))
    return told.removeprefix("guard: ").removesuffix("; nothing was submitted")


def _sums(told: Iterable[Event], verb: str) -> dict[str, str]:
    sums: dict[str, Decimal] = {}
    for event in told:
        body = event.body
        if event.verb == verb and "cost" in body:
            amount = Decimal(body["cost"])
            sums[body["currency"]] = sums.get(body["currency"], Decimal(0)) + amount
    return {currency: str(amount) for currency, amount in sorted(sums.items())}


def _place(error: dict[str, Any]) -> str:
    return f"{error.get('stage') or 'no stage'}/{error.get('class', 'other')}"


def _by_count(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))


def _newest(told: Iterable[Event]) -> dict[tuple[str, str], Estimate]:
    found: dict[tuple[str, str], Estimate] = {}
    for event in told:
        if event.verb == "estimate":
            kind = event.body.get("mitigation", "none")
            one = _estimate(event)
            name = one.name if kind == "none" else f"{one.name} ({kind})"
            found[one.name, kind] = replace(one, name=name)
    return found


def _answer(body: Mapping[str, Any]) -> str:
    reason = body.get("reason")
    return str(body["answer"]).replace("_", " ") + (f": {reason}" if reason else "")


def _estimate(event: Event) -> Estimate:
    known = {name: event.body[name] for name in Estimate.__dataclass_fields__ if name in event.body}
    return Estimate(**known)
