"""All that is known when somebody is called: the records, the newest levels, what changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qgm_observe.catalog import Signal
from qgm_observe.runbooks.roots import Facts, Root, Trouble, last_good, trouble_in, turns
from qgm_observe.telemetry.conformity import Sample

DAYS_BACK = 3 * 86400.0
"""Seconds in which a change is still told, where nobody knows since when there is trouble."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that differs from before.

    Attributes:
        what: `calibration`, `device`, `encoding`, `model version`, or a library's name.
        before: As it was, `None` where that was not recorded.
        after: As it is.
        at: When it was first seen so, epoch seconds.
        where: The pipeline or device.
    """

    what: str
    before: str | None
    after: str
    at: float
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known.

    Attributes:
        alert: Its name.
        now: Epoch seconds.
        roots: What was asked for, see `roots_of`; filtered to what the alert is about.
        others: Roots beside those, for comparison.
        samples: The newest levels; a name that nobody exports has none.
        calibrations: As `/api/v1/readings` tells them, newest last.
        jobs: Open and ended ones, as `/api/v1/jobs` tells them, each once.
        thresholds: Of the alerts, by name; what is missing is not looked for.
        active_at: Since when the alert is active, epoch seconds, `None` where nobody could say.
        is_inactive: Whether a Prometheus that evaluates our alerts does not hold it active.
        has_prometheus: Whether one has answered.
        silent: Exporters that did not answer, with why.
        no_prometheus: Why a Prometheus that was asked did not answer; empty otherwise.
        is_heard: Whether anybody else did.
    """

    alert: str
    now: float
    roots: Sequence[Root] = ()
    others: Sequence[Root] = ()
    samples: Sequence[Sample] = ()
    calibrations: Sequence[Mapping[str, Any]] = ()
    jobs: Sequence[Facts] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    active_at: float | None = None
    is_inactive: bool = False
    has_prometheus: bool = False
    silent: Sequence[str] = ()
    no_prometheus: str = ""
    is_heard: bool = True
    trouble: Trouble | None = field(init=False)
    good: Root | None = field(init=False)

    def __post_init__(self) -> None:
        """Find the trouble, and the last good root before it."""
        trouble = trouble_in(self.roots, self.now)
        object.__setattr__(self, "trouble", trouble)
        object.__setattr__(self, "good", last_good(self.roots, trouble))

    @property
    def unreached(self) -> str:
        """Who did not answer, with why; empty where everybody did."""
        return "; ".join(filter(None, (*self.silent, self.no_prometheus)))

    @property
    def since(self) -> float | None:
        """When the trouble began, by its first failure, else by the alert; epoch seconds."""
        return self.active_at if self.trouble is None else self.trouble.since

    def levels(self, signal: Signal, **labels: str) -> Iterator[Sample]:
        """Yield the samples of a signal whose labels have these values."""
        for sample in self.samples:
            if sample.name == signal.prometheus and labels.items() <= sample.labels.items():
                yield sample

    def has_level(self, signal: Signal, value: float, **labels: str) -> bool:
        """Return whether any of a signal's samples has this value."""
        return any(sample.value == value for sample in self.levels(signal, **labels))


# --------------------------------------------------------------------------------------- changes


def changes_in(situation: Situation) -> list[Change]:
    """Return what changed between the last good root of a pipeline and its first bad one.

    What went well at least as often as it failed since it changed is no suspect. Where there is no
    trouble among the roots it is what changed in the last three days. The newest is last.
    """
    trouble, begin = situation.trouble, situation.now - DAYS_BACK
    if trouble is None:
        roots = [root for root in situation.roots if root.began_at >= begin]
        found = [*_between(roots), *_calibrated(situation, begin, situation.now, _places(roots))]
    else:
        found = list(_before_failures(situation, trouble))
    return sorted(set(found), key=lambda change: (change.at, change.what))


def _before_failures(situation: Situation, trouble: Trouble) -> Iterator[Change]:
    ended = [*trouble.failed, *trouble.went]
    turned = list(turns(situation.roots, trouble))
    if not turned:  # nothing of these ever went well: since when is not known
        begin, end = situation.now - DAYS_BACK, max(_end(root) for root in trouble.failed)
        yield from _calibrated(situation, begin, end, _places(trouble.failed))
    for good, bad in turned:
        suspects = (each for each in _differences(good, bad) if _is_suspect(each, ended))
        yield from (*suspects, *_calibrated(situation, good.began_at, _end(bad), _places([bad])))


def _end(root: Root) -> float:
    return root.began_at if root.ended_at is None else root.ended_at


def _is_suspect(change: Change, ended: Iterable[Root]) -> bool:
    """Return whether more failed with it than went well."""
    of_it = [
        root.is_bad
        for root in ended
        if root.pipeline == change.where and _told(root).get(change.what) == change.after
    ]
    return 2 * sum(of_it) > len(of_it)


def _between(roots: Iterable[Root]) -> Iterator[Change]:
    """Compare each root with the one before it of the same pipeline."""
    before: dict[str, Root] = {}
    for root in sorted(roots, key=lambda each: each.began_at):
        earlier = before.get(root.pipeline)
        before[root.pipeline] = root
        if earlier is not None:
            yield from _differences(earlier, root)


def _differences(one: Root, other: Root) -> Iterator[Change]:
    told, now = _told(one), _told(other)
    for what in now:
        if what in told and told[what] != now[what]:
            yield Change(what, told[what], now[what], other.began_at, other.pipeline)


def _told(root: Root) -> dict[str, str]:
    """What a root tells of what may change; a version that nobody gave is none."""
    told = {
        "model version": root.model_version,
        "encoding": root.encoding,
        "device": _named(root),
        **dict(sorted(root.versions.items())),
    }
    return {what: value for what, value in told.items() if value not in ("", "unknown")}


def _named(root: Root) -> str:
    return ", ".join(sorted(f"{provider} {device}" for provider, device in root.places))


def _places(roots: Iterable[Root]) -> set[tuple[str, str]]:
    return {place for root in roots for place in root.places}


def _calibrated(
    situation: Situation, begin: float, end: float, places: set[tuple[str, str]]
) -> Iterator[Change]:
    newest: dict[tuple[str, str], str] = {}
    for told in sorted(situation.calibrations, key=_taken):
        place, at = (str(told.get("provider")), str(told.get("device"))), _taken(told)
        if places and place not in places:
            continue
        name = str(told.get("calibration_id") or "unnamed")
        if begin < at <= end:
            yield Change("calibration", newest.get(place), name, at, " ".join(place))
        newest[place] = name


def _taken(told: Mapping[str, Any]) -> float:
    return float(told.get("taken_at") or told.get("observed_at") or 0.0)
