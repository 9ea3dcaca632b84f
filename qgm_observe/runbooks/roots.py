"""What was asked for, as it ended: the unit in which trouble is counted.

A root is a run, or a job outside any run. Jobs of one run fail together, so they count once. Those
of a run that is still open count by themselves meanwhile: it has no outcome yet.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from qgm_observe.catalog import ErrorClass, ExecutionMode, Outcome
from qgm_observe.slo.score import score_of

Facts = Mapping[str, Any]
"""A run or job as the exporter's API tells it, see `qgm_observe.journal.folds`."""

Place = tuple[str, str]
"""Provider and device."""

BAD = frozenset({Outcome.FAILURE, Outcome.TIMEOUT, Outcome.LOST})
_MOST_IDS = 20
_CLASSES = {Outcome.LOST: ErrorClass.LOST, Outcome.TIMEOUT: ErrorClass.RUN_TIMEOUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """One piece of work that was asked for by itself.

    Attributes:
        id: Of the run, or of the job.
        began_at: Epoch seconds.
        ended_at: Epoch seconds, `None` while it is open.
        outcome: `None` while it is open.
        noun: `run` or `job`.
        error_class: Of its newest failed job, else its own; empty without an error.
        error_type: Of its own error, without the module; empty where unknown.
        is_outside: Whether it failed although it had jobs and none of them failed.
        stage: That it failed in; empty where unknown.
        places: Where its jobs ran.
        is_remote: Whether any of them ran at a provider.
        provider_job_ids: Of its failed jobs, else of all; the newest first, at most 20.
        versions: Of the libraries it ran with, by name.
    """

    id: str
    began_at: float
    ended_at: float | None
    outcome: str | None
    noun: str = "run"
    project: str = "default"
    pipeline: str = "default"
    kind: str = "training"
    model: str = "unknown"
    model_version: str = "unknown"
    encoding: str = ""
    error_class: str = ""
    error_type: str = ""
    is_outside: bool = False
    stage: str = ""
    places: frozenset[Place] = frozenset()
    is_remote: bool = False
    provider_job_ids: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_bad(self) -> bool:
        """Whether it failed, by a provider's or its own fault."""
        return self.outcome in BAD

    @property
    def is_good(self) -> bool:
        """Whether it ended as it should."""
        return self.outcome == Outcome.SUCCESS


def roots_of(runs: Iterable[Facts], jobs: Iterable[Facts]) -> list[Root]:
    """Return what was asked for, in the order in which it began.

    Args:
        runs: In any order; a run inside another is a part of that one.
        jobs: In any order; a job that stands twice counts once.
    """
    known = {str(run["id"]): run for run in runs}
    inside: dict[str, dict[str, Facts]] = defaultdict(dict)
    alone: dict[str, Facts] = {}
    for job in jobs:
        run = _outermost(str(job["run"]), known) if job.get("run") is not None else ""
        inside[run][str(job["id"])] = job
        whole = known.get(run, {})
        if whole.get("outcome") is None and (run not in known or job.get("outcome") is not None):
            alone[str(job["id"])] = {"versions": whole.get("versions"), **job}
    found = [
        _root(run, _newest_first(inside[id_].values()))
        for id_, run in known.items()
        if run.get("parent") is None
    ]
    found += [_root(job, [job]) for job in alone.values()]
    return sorted(found, key=lambda root: (root.began_at, root.id))


def _outermost(run: str, known: Mapping[str, Facts]) -> str:
    for _ in range(len(known)):
        parent = known.get(run, {}).get("parent")
        if parent is None:
            return run
        run = str(parent)
    return run


def ended_at(facts: Facts) -> float | None:
    """Return when a run or job ended, epoch seconds, `None` while it is open."""
    if facts.get("outcome") is None:
        return None
    return float(facts["started_at"]) + float(facts.get("duration") or 0.0)


def _newest_first(jobs: Iterable[Facts]) -> list[Facts]:
    return sorted(jobs, key=lambda job: ended_at(job) or float("inf"), reverse=True)


def _root(facts: Facts, jobs: Sequence[Facts]) -> Root:
    bad = facts.get("outcome") in BAD
    guilty = [job for job in jobs if job.get("outcome") in BAD] if bad else []
    failed = guilty[0] if guilty else facts
    remote = [job for job in jobs if job.get("execution_mode") != ExecutionMode.LOCAL]
    return Root(
        id=str(facts["id"]),
        began_at=float(facts["started_at"]),
        ended_at=ended_at(facts),
        outcome=facts.get("outcome"),
        noun=str(facts.get("noun", "run")),
        project=str(facts.get("project", "default")),
        pipeline=str(facts.get("pipeline", "default")),
        kind=str(facts.get("kind", "training")),
        model=str(facts.get("model", "unknown")),
        model_version=str(facts.get("model_version", "unknown")),
        encoding=str(facts.get("encoding") or ""),
        error_class=_class(failed) if bad else "",
        error_type=str(facts.get("error_type") or "").rpartition(".")[2] if bad else "",
        is_outside=bool(bad and jobs and not guilty),
        stage=str(failed.get("error_stage") or "") if bad else "",
        places=frozenset((str(job.get("provider")), str(job.get("device"))) for job in jobs),
        is_remote=bool(remote),
        provider_job_ids=tuple(_ids(guilty or jobs))[:_MOST_IDS],
        versions=_versions(facts, jobs),
    )


def _class(facts: Facts) -> str:
    told = facts.get("error_class")
    if told:
        return str(told)
    return str(_CLASSES.get(Outcome(facts["outcome"]), ErrorClass.OTHER))


def _ids(jobs: Sequence[Facts]) -> Iterable[str]:
    for job in jobs:
        for attempt in reversed(job.get("attempts") or ()):
            id_ = attempt.get("provider_job_id")
            if id_ and job.get("execution_mode") != ExecutionMode.LOCAL:
                yield str(id_)


def _versions(facts: Facts, jobs: Sequence[Facts]) -> dict[str, str]:
    for each in (facts, *jobs):
        told = each.get("versions")
        if isinstance(told, Mapping):
            return {str(name): str(version) for name, version in told.items()}
    return {}


# --------------------------------------------------------------------------------------- trouble

DAY = 86400.0
_WEIGHTS = score_of(Decimal("0.95")).page
"""Evidence of 25 % failing against 5 %, as the alerts weigh it."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Where things fail, and since when.

    Attributes:
        since: The end of the first failure of it, epoch seconds.
        failed: Failed roots of the pipelines that have trouble, since then, the oldest first.
        went: Good ones of these pipelines since then.
    """

    since: float
    failed: tuple[Root, ...]
    went: tuple[Root, ...]

    @property
    def pipelines(self) -> tuple[str, ...]:
        """The affected pipelines, by name."""
        return tuple(sorted({root.pipeline for root in self.failed}))


def trouble_in(roots: Iterable[Root], now: float, recent: float = DAY) -> Trouble | None:
    """Return the present trouble, `None` where nothing failed lately or all has recovered.

    Each pipeline has a sum of evidence that rises with a failure, falls with a success and never
    below 0 (Page's CUSUM, Biometrika 41, 1954). The trouble began where the sum last left 0, so a
    success among many failures does not end it.

    Args:
        roots: In any order; open ones are passed over.
        now: Epoch seconds.
        recent: Seconds in which a pipeline has to have failed, to have trouble now.
    """
    by_pipeline: dict[str, list[Root]] = defaultdict(list)
    for root in sorted(roots, key=lambda each: each.ended_at or 0.0):
        if root.ended_at is not None and (root.is_bad or root.is_good):
            by_pipeline[root.pipeline].append(root)
    parts = [_excursion(each) for each in by_pipeline.values()]
    parts = [part for part in parts if part and _last_failure(part) >= now - recent]
    every = sorted((r for part in parts for r in part), key=lambda each: each.ended_at or 0.0)
    if not every:
        return None
    bad = tuple(root for root in every if root.is_bad)
    return Trouble(bad[0].ended_at or 0.0, bad, tuple(r for r in every if r.is_good))


def _excursion(roots: Sequence[Root]) -> list[Root]:
    evidence, since = 0.0, 0
    for number, root in enumerate(roots):
        if evidence == 0:
            since = number
        evidence = max(0.0, evidence + _WEIGHTS.of(float(root.is_bad), 1))
    return list(roots[since:]) if evidence > 0 else []


def _last_failure(roots: Iterable[Root]) -> float:
    return max((root.ended_at or 0.0 for root in roots if root.is_bad), default=0.0)


def turns(roots: Iterable[Root], trouble: Trouble) -> Iterator[tuple[Root, Root]]:
    """Yield where each affected pipeline went from good to bad: the last good root, the first bad.

    Args:
        roots: All of these pipelines, in any order.
        trouble: Theirs; what failed before it does not count.
    """
    failed = {root.id for root in trouble.failed}
    before: dict[str, Root] = {}
    for root in sorted(roots, key=lambda each: each.ended_at or 0.0):
        earlier = before.get(root.pipeline)
        if root.id in failed and earlier is not None and earlier.is_good:
            yield earlier, root
        if root.is_good or root.is_bad:
            before[root.pipeline] = root


def last_good(roots: Iterable[Root], trouble: Trouble | None) -> Root | None:
    """Return the newest good root of the affected pipelines from before the trouble."""
    found = [
        root
        for root in roots
        if root.is_good
        and (
            trouble is None
            or (root.pipeline in trouble.pipelines and (root.ended_at or 0.0) < trouble.since)
        )
    ]
    return max(found, key=lambda root: root.ended_at or 0.0, default=None)
