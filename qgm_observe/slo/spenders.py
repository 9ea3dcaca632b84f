"""Who spent a budget, by a Prometheus: what was bad, by the labels of what it rests on.

Runs have no device and no error. Where they failed and why is told by the failed jobs of the same
project, pipeline, model and kind: of three runs and six failed jobs each job stands for half a run.
Runs that have fewer failed jobs than they are, as those of a script that fails by itself, have
`other` for the rest.
"""

from collections.abc import Iterator, Mapping, Sequence

from qgm_observe.catalog import labels as by
from qgm_observe.catalog import signals
from qgm_observe.slo import promql
from qgm_observe.slo.indicator import Ratio, Selection, Slices, Spend
from qgm_observe.slo.ledger import GROUPS, KINDS
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.prometheus import Prometheus

Spent = dict[str, dict[str, float]]
Sums = dict[tuple[str, ...], float]
_PLACES = KINDS[1:]
_WHY = ("error_class", "result", "status_class")
_CLASSES = {**GROUPS, "429": "quota", "5xx": "provider", "4xx": "model", "none": "network"}
_OF_JOBS = ("provider", "device", "stage", "error_class")
_NOWHERE = ("", "", "", "other")
_WORK = tuple(label.name for label in by.WORK)


def spenders(objective: Objective, server: Prometheus, window: float, now: float) -> Spent:
    """Return what was bad in a window (s) by cause, pipeline, provider and device.

    Args:
        objective: Whose counters or levels are asked.
        server: Asked at `now`.
        window: Seconds.
        now: Epoch seconds.

    Returns:
        By kind and name, the largest first; a kind that no counter tells is missing. Of minutes it
        is what a journal tells: one in which several were bad counts for each.
    """
    if isinstance(objective.indicator, Slices):
        return _of_minutes(objective.indicator, server, window, now)
    return _of_counters(objective.indicator, objective.name, server, window, now)


def _of_counters(
    indicator: Ratio | Spend, slo: str, server: Prometheus, window: float, now: float
) -> Spent:
    total = indicator.spent if isinstance(indicator, Spend) else indicator.total
    good = indicator.good if isinstance(indicator, Ratio) else ()
    names = set.intersection(*(set(each.signal.label_names) for each in (*total, *good)))
    told = [name for name in (*_PLACES, *_WHY) if name in names]

    def counted(selections: Sequence[Selection], labels: Sequence[str]) -> Sums:
        """Return counts by label values."""
        found: Sums = {}
        for each in selections if labels else ():
            for of, value in server.vector(promql.count([each], window, labels, slo), now):
                key = tuple(of.get(name, "") for name in labels)
                found[key] = found.get(key, 0.0) + value
        return found

    work = [name for name in _WORK if name in names]
    is_of_jobs = isinstance(indicator, Ratio) and set(told) <= {"pipeline"} and bool(work)
    apart = work if is_of_jobs else told
    bad = counted(total, apart)
    for key, value in counted(good, apart).items():
        bad[key] = bad.get(key, 0.0) - value
    if is_of_jobs:
        kept = tuple(each for each in total[0].matchers if each.label in work)
        jobs = counted([Selection(signals.JOB_ERRORS, kept)], [*work, *_OF_JOBS])
        apart, bad = [*work, *_OF_JOBS], _by_their_jobs(bad, jobs)
    found = _by_kind(apart, bad)
    return {kind: found[kind] for kind in KINDS if kind in found}


def _by_their_jobs(bad: Sums, jobs: Sums) -> Sums:
    """Part bad ones by what the failed jobs of the same work were; what is left has no device."""
    found: Sums = {}
    for work, amount in bad.items():
        failed = {key[len(work) :]: n for key, n in jobs.items() if key[: len(work)] == work}
        whole = sum(failed.values())
        share = min(1.0, amount / whole) if whole and amount > 0 else 0.0
        found |= {(*work, *where): n * share for where, n in failed.items()}
        found[*work, *_NOWHERE] = found.get((*work, *_NOWHERE), 0.0) + amount - whole * share
    return found


def _of_minutes(slices: Slices, server: Prometheus, window: float, now: float) -> Spent:
    told = slices.good.on or slices.good.left.selection.signal.label_names
    names = [name for name in _PLACES if name in told]
    found: Spent = {}
    for labels, minutes in server.vector(promql.bad_minutes(slices, window, names), now):
        for kind in _PLACES:
            sums = found.setdefault(kind, {})
            name = labels.get(kind) or "unknown"
            sums[name] = sums.get(name, 0.0) + minutes
    return {kind: _largest_first(sums) for kind, sums in found.items()}


def _by_kind(names: Sequence[str], bad: Sums) -> Spent:
    found: Spent = {}
    for values, amount in bad.items():
        if amount > 0:
            for kind, name in _kinds(dict(zip(names, values, strict=True))):
                sums = found.setdefault(kind, {})
                sums[name] = sums.get(name, 0.0) + amount
    return {kind: _largest_first(sums) for kind, sums in found.items()}


def _largest_first(sums: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(sums.items(), key=lambda each: (-each[1], each[0])))


def _kinds(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for kind in _PLACES:
        if kind in labels:
            yield kind, labels[kind] or "unknown"
    why = next((labels[name] for name in _WHY if name in labels), None)
    if why is not None:
        yield (
            "cause",
            "compiler" if labels.get("stage") == "compile" else _CLASSES.get(why, "other"),
        )
