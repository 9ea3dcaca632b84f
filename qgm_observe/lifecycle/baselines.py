"""Baselines as they are kept, in the journal or in a file: captured, frozen, watched, looked up."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from qgm_observe.catalog import labels as by
from qgm_observe.errors import UsageError
from qgm_observe.journal import TERMINAL, Event
from qgm_observe.journal.reading import Reader
from qgm_observe.lifecycle.identity import new_id
from qgm_observe.quality.baseline import Baseline, capture_baseline
from qgm_observe.quality.drift import DriftState, slot_means, watch_drift

DAY = 86_400.0

_LABELS = tuple(label.name for label in by.JOB)
_SERIES = ("name", "mitigation", "model", "model_version", "device", "circuit")
_HIGHER_IS_WORSE = (
    *("total_variation", "jensen_shannon", "kullback_leibler", "mmd_squared", "mode_deficit"),
    *("shots_per_usable_sample", "device_gap", "device_loss", "model_loss", "clipped_share"),
)
_PASSED_OVER = ("chi_square_p", "g_test_p", "input_drift_p", "mitigation_benefit")
"""Spread over [0, 1] when nothing is wrong, or of one comparison: no level to go by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBaseline:
    """A baseline with what its keeper needs.

    Attributes:
        labels: Label values of its history by name, with `name`, `circuit` and `mitigation`.
        baseline: The level.
        state: Its charts, `None` where nobody watches.
        frozen: Whether it may only be replaced by force.
        every: Seconds between two points, `None` for each evaluation.
        until: Up to when points were seen, epoch seconds.
    """

    labels: Mapping[str, Any]
    baseline: Baseline
    state: DriftState | None = None
    frozen: bool = False
    every: float | None = DAY
    until: float = 0.0

    @property
    def series(self) -> str:
        """What it is the level of."""
        return Baselines.series(self.labels)

    def body(self) -> dict[str, Any]:
        """Return it as the body of an event."""
        return {
            **self.labels,
            "frozen": self.frozen,
            "every": self.every,
            "until": self.until,
            "baseline": asdict(self.baseline),
            "state": None if self.state is None else json.loads(self.state.to_json()),
        }

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "KeptBaseline":
        """Read what `body` gave.

        Raises:
            UsageError: it is none.
        """
        try:
            state, known = body["state"], (*_LABELS, *_SERIES)
            return cls(
                labels={name: body[name] for name in known if name in body},
                baseline=Baseline.from_json(json.dumps(body["baseline"])),
                state=None if state is None else DriftState.from_json(json.dumps(state)),
                frozen=bool(body["frozen"]),
                every=body["every"],
                until=float(body["until"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError("baseline: write what `baseline capture --file` wrote") from error

    def event(self, verb: str, at: float) -> Event:
        """Return the event that keeps it: `baseline`, or `drift` after further points."""
        return Event(
            verb=verb,
            noun="model",
            subject=self.series,
            at=at,
            body=self.body(),
            id=f"{verb}/{new_id(128):032x}",
        )

    def after(self, points: Iterable[tuple[float, float]], until: float) -> "KeptBaseline":
        """Return it after further points, each with its time, up to a time."""
        state, every = self.state, self.every
        if state is None or every is None:
            return self
        fresh = [(at, value) for at, value in points if self.until <= at < until]
        if fresh:
            times, values = zip(*fresh, strict=True)
            for mean in slot_means(times, values, every):
                state = state.after(float(mean))
        return replace(self, state=state, until=max(until, self.until))


@dataclass(frozen=True, slots=True)
class Baselines:
    """Baselines by series."""

    kept: Mapping[str, KeptBaseline]

    @staticmethod
    def series(labels: Mapping[str, Any]) -> str:
        """Return the name of a series: statistic, mitigation, model, version, device, circuit."""
        unknown = {"mitigation": "none"}
        return "/".join(str(labels.get(each, unknown.get(each, "unknown"))) for each in _SERIES)

    def get(self, series: str) -> Baseline | None:
        """Return the level of a series, `None` where there is none."""
        found = self.kept.get(series)
        return None if found is None else found.baseline

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Baselines":
        """Fold `baseline` and `drift` events: the newest of a series holds."""
        found: dict[str, KeptBaseline] = {}
        for event in events:
            found[event.subject] = KeptBaseline.of(event.body)
        return cls(found)


def read(journal: Reader) -> Baselines:
    """Return the baselines of a journal, with the charts as they stand."""
    return Baselines.of(journal.events(verbs=("baseline", "drift"), nouns=("model",)))


def load(path: Path) -> Baselines:
    """Return the baselines of a file.

    Raises:
        UsageError: it cannot be read, or is none of ours.
    """
    try:
        bodies = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise UsageError(f"baseline {path}: write a file of `baseline capture --file`") from error
    found = [KeptBaseline.of(body) for body in bodies]
    return Baselines({each.series: each for each in found})


def save(path: Path, baselines: Baselines) -> None:
    """Write baselines to a file, one a line; it is whole or as before."""
    lines = [json.dumps(each.body(), sort_keys=True) for each in baselines.kept.values()]
    beside = path.with_name(f"{path.name}.part")
    beside.write_text("".join(f"{line}\n" for line in lines))
    beside.replace(path)


@dataclass(slots=True)
class History:
    """What was measured of one series.

    Attributes:
        labels: As of its newest point.
        points: Time (epoch s) and value, in the order of the journal.
    """

    labels: Mapping[str, Any]
    points: list[tuple[float, float]]

    def before(self, until: float) -> "History":
        """Return what was measured before a time, epoch seconds."""
        return replace(self, points=[point for point in self.points if point[0] < until])

    def spaced(self, every: float | None) -> Sequence[float]:
        """Return the mean of each `every` seconds that have points, or each value for `None`."""
        if not self.points:
            return ()
        times, values = zip(*self.points, strict=True)
        return values if every is None else slot_means(times, values, every).tolist()


def histories(events: Iterable[Event]) -> dict[str, History]:
    """Return the history of each series: estimates, stage times and cost of successful jobs."""
    found: dict[str, History] = {}
    for event in events:
        for labels, value in _measured(event):
            series = Baselines.series(labels)
            history = found.setdefault(series, History(labels, []))
            history.labels = labels
            history.points.append((event.at, value))
    return found


def captured(
    history: History,
    now: float,
    *,
    every: float | None = DAY,
    false_alarms_per_year: float = 1.0,
) -> KeptBaseline:
    """Capture the level of a history and start to watch it.

    Args:
        history: Of a healthy time; of `every` seconds the mean counts.
        now: Epoch seconds: points from the next slot on are watched.
        every: Seconds between points, an hour or more; `None` takes each evaluation for a point,
            and does not watch.
        false_alarms_per_year: See `qgm_observe.quality.drift.watch_drift`.

    Raises:
        UsageError: there are fewer than 30 points, or they are all equal.
    """
    points = history.spaced(every)
    name = str(history.labels["name"])
    baseline = capture_baseline(
        name,
        points,
        model=f"{history.labels.get('model')} {history.labels.get('model_version')}",
        device=str(history.labels.get("device", "unknown")),
        circuit=str(history.labels.get("circuit", "unknown")),
        captured_at=now,
    )
    until = now if every is None else math.floor(history.points[-1][0] / every + 1) * every
    made = KeptBaseline(labels=history.labels, baseline=baseline, every=every, until=until)
    if every is None:
        return made
    state = watch_drift(
        baseline,
        points,
        worse="higher" if is_higher_worse(name) else "lower",
        false_alarms_per_year=false_alarms_per_year,
        points_per_day=DAY / every,
    )
    return replace(made, state=state)


def is_higher_worse(statistic: str) -> bool:
    """Return whether a statistic gets worse as it grows."""
    return statistic in _HIGHER_IS_WORSE or statistic.endswith(("_seconds", "_cost", "_gap"))


def _measured(event: Event) -> Iterator[tuple[dict[str, Any], float]]:
    body = event.body
    labels = {name: body[name] for name in _LABELS if name in body}
    if event.verb == "estimate":
        value, name = body.get("value"), body.get("name")
        if _is_number(value) and name not in _PASSED_OVER:
            known = {key: body[key] for key in ("circuit", "mitigation") if key in body}
            yield labels | known | {"name": name}, value
    elif event.verb == TERMINAL and event.noun == "job" and body.get("outcome") == "success":
        circuit = (body.get("attributes") or {}).get("circuit")
        labels |= {} if circuit is None else {"circuit": circuit}
        for stage, _, seconds, _ in body.get("stages") or ():
            if _is_number(seconds):
                yield labels | {"name": f"{stage}_seconds"}, seconds
        cost = body.get("cost")
        if _is_number(cost):
            yield labels | {"name": "job_cost"}, cost


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
