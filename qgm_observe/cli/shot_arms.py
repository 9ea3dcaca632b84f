"""Two runs that differ in their shots, compared by the score of their jobs."""

from dataclasses import dataclass
from pathlib import Path

from qgm_observe.cli.finding import find_run, journal_at
from qgm_observe.errors import UsageError
from qgm_observe.journal import TERMINAL, Store
from qgm_observe.quality.budgets import Comparison, compare_budgets
from qgm_observe.quality.drop_rule import UNBIASED

_LEAST_P = 1e-16


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the runs.

    Attributes:
        run: Its id.
        scores: Of each of its jobs or steps.
        shots: Of its successful jobs, all together.
        jobs: How many these are.
    """

    run: str
    scores: list[float]
    shots: int
    jobs: int


def compare_runs(
    journal: Path | None, names: tuple[str, str], score: str, level: float
) -> tuple[Arm, Arm, Comparison]:
    """Return both runs, and the second's mean score minus the first's.

    Raises:
        UsageError: there is no such run, it has no such score, or the score depends on the shots.
    """
    if score not in UNBIASED:
        raise UsageError(
            f"--score {score}: write one that reads the same at any number of shots:"
            f" {', '.join(UNBIASED)}"
        )
    with journal_at(journal) as store:
        first, second = (_arm(store, name, score) for name in names)
    return first, second, compare_budgets(first.scores, second.scores, level)


def lines_of(first: Arm, second: Arm, score: str, comparison: Comparison) -> list[str]:
    """Return what is to be printed."""
    difference = comparison.difference
    shots = " and ".join(f"{arm.shots / max(arm.jobs, 1):,.0f}" for arm in (first, second))
    sizes = f"{len(first.scores)} and {len(second.scores)} scores, {shots} shots a job"
    if difference.value is None:
        return [f"{score}: cannot tell, {difference.reason}", sizes]
    interval = f"{difference.low:+.3g} to {difference.high:+.3g} at level {difference.level:g}"
    sure = f"p {comparison.p:.2g}" if (comparison.p or 0) >= _LEAST_P else f"p < {_LEAST_P:g}"
    return [
        f"{score}: {difference.value:+.3g} from the first run to the second, {interval}, {sure}",
        sizes,
        "job by job (Welch): jobs differ by more than shots explain",
    ]


def _arm(journal: Store, name: str, score: str) -> Arm:
    run = find_run(journal, name).subject
    told = [event.body for event in journal.events(verbs=("estimate",), runs=(run,))]
    scores = [each["value"] for each in told if each["name"] == score and "value" in each]
    if not scores:
        others = ", ".join(sorted({each["name"] for each in told})) or "none; call qgm.evaluate"
        raise UsageError(f"run {name} has no {score}: write --score with one of its own ({others})")
    jobs = [e.body for e in journal.events(verbs=(TERMINAL,), nouns=("job",), runs=(run,))]
    ended = [int(each["shots"]) for each in jobs if each.get("shots")]
    return Arm(run, scores, sum(ended), len(ended))
