"""What the work came to: a summary of its events as data, for people and as JSON."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from qgm_observe.catalog import STAGES, ExecutionMode, Outcome, signals
from qgm_observe.cli.estimate_table import estimate_table
from qgm_observe.journal import TERMINAL, Event, Totals
from qgm_observe.records import Estimate

UNPRICED = "unknown until priced"
_STYLES = {"success": "green", "failure": "red", "lost": "red", "timeout": "red"}


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
        first_loss: Of the first step that told one.
        last_loss: Of the last step that told one.
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
    first_loss: float | None = None
    last_loss: float | None = None
    errors: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)
    prevented: dict[str, str] = field(default_factory=dict)
    estimates: tuple[Estimate, ...] = ()
    verdicts: dict[str, str] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=dict)
    journal: str | None = None


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
    losses = [body["loss"] for body in steps if body.get("loss") is not None]
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
        first_loss=losses[0] if losses else None,
        last_loss=losses[-1] if losses else None,
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
    return asdict(summary) | {"cost": None}


def render(
    summary: Summary, extra: Sequence[tuple[str, str]] = (), heading: str = "more"
) -> RenderableType:
    """Return the summary as something that rich prints.

    Args:
        summary: What to show.
        extra: Further rows, name and text, in a section of their own.
        heading: Of that section.
    """
    parts: list[RenderableType] = [_facts(summary)]
    if summary.stages:
        parts += [Text(), _stage_table(summary)]
    if summary.estimates:
        parts += [Text(), estimate_table(summary.estimates)]
    if extra:
        parts += [Text(), Text(heading, style="bold"), _grid(list(extra))]
    last = [("cost", _cost(summary)), ("run id", summary.run), ("journal", summary.journal)]
    return Group(*parts, Text(), _grid([(name, value) for name, value in last if value]))


def duration(seconds: float | None) -> str:
    """Return a duration in the unit that people would use."""
    if seconds is None:
        return "-"
    for limit, factor, unit in _UNITS:
        if seconds * factor < limit:
            number = seconds * factor
            return f"{number:.{max(0, 2 - int(math.log10(max(number, 1))))}f} {unit}"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


_UNITS = ((999.5, 1e6, "µs"), (999.5, 1e3, "ms"), (119.5, 1.0, "s"))


# ------------------------------------------------------------------------------------------ data


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


# ------------------------------------------------------------------------------------------ text


def _cost(summary: Summary) -> str:
    if not summary.expected and (summary.remote or summary.open_jobs):
        return UNPRICED
    if not summary.expected:
        return "nothing: simulated here" if summary.jobs else "none"
    return f"about {_money(summary.expected)} by estimate; 'qgm-observe cost' tells the bills"


def _money(amounts: Mapping[str, str]) -> str:
    return ", ".join(f"{Decimal(text):,.2f} {currency}" for currency, text in amounts.items())


def _guards(summary: Summary) -> str:
    reasons = list(summary.stopped)
    told = f"{_many(sum(summary.stopped.values()), 'job')} stopped: {reasons[0]}"
    more = f", and {_many(len(reasons) - 1, 'other reason')}" if len(reasons) > 1 else ""
    spared = f"; {_money(summary.prevented)} not spent" if summary.prevented else ""
    return told + more + spared


def _facts(summary: Summary) -> Table:
    rows: list[tuple[str, str | Text]] = []
    if summary.run is not None:
        rows.append(("run", _ending(summary)))
    rows.append(("jobs", _outcomes(summary)))
    if summary.shots:
        rows.append(("shots", f"{summary.shots:,} in {_many(summary.circuits, 'circuit')}"))
    if summary.steps:
        rows.append(("steps", f"{summary.steps:,}{_losses(summary)}"))
    rows += [(_ASKED.get(name, name), answer) for name, answer in summary.verdicts.items()]
    if summary.stopped:
        rows.append(("guards", _guards(summary)))
    if summary.errors:
        told = [f"{count:,} {place}" for place, count in summary.errors.items()]
        rows.append(("errors", ", ".join(told)))
    return _grid(rows)


_ASKED = {"collapse": "modes"}
"""Question to what its answer is of, where `whole` beside the question would be no answer."""


def _ending(summary: Summary) -> Text:
    how = Text(summary.outcome or "open", style=_STYLES.get(summary.outcome or "", ""))
    after = "" if summary.seconds is None else f" after {duration(summary.seconds)}"
    by = ""
    if summary.error == "SystemExit":
        by = f" with exit code {summary.exit_code}"
    elif summary.error and summary.outcome != Outcome.GUARDED:
        by = f" by {summary.error}"
    return how + Text(by + after)


def _outcomes(summary: Summary) -> Text:
    told = [
        Text(f"{count:,} {outcome}", style=_STYLES.get(outcome, ""))
        for outcome, count in summary.jobs.items()
    ]
    told += [Text(f"{summary.open_jobs:,} still open")] if summary.open_jobs else []
    text = Text(", ").join(told) if told else Text("none")
    return text + Text(f" ({summary.tallied:,} without detail)" if summary.tallied else "")


def _losses(summary: Summary) -> str:
    if summary.first_loss is None or summary.last_loss is None:
        return ""
    return f", loss {summary.first_loss:.4g} at first, {summary.last_loss:.4g} at last"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _stage_table(summary: Summary) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    table.add_column("stage", min_width=8)
    for name in ("count", "p50", "p95"):
        table.add_column(name, justify="right", min_width=8)
    for each in summary.stages:
        table.add_row(each.stage, f"{each.count:,}", duration(each.p50), duration(each.p95))
    return table


def _grid(rows: Sequence[tuple[str, str | Text]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=8, style="bold")
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value if isinstance(value, Text) else Text(value))
    return grid
