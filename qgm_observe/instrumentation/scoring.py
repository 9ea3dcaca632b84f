"""Samples compared with a target that was declared beside the script, without an edit of it."""

import json
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgm_observe.catalog import observe_signals
from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.lifecycle import JobHandle, recorder
from qgm_observe.lifecycle.results import counts_of

if TYPE_CHECKING:
    from qgm_observe.quality.targets import Target

_WAITING = 64
_LARGEST = 64 * 2**20


def load_target(path: Path) -> "Target":
    """Read a target: a JSON file that maps bitstrings to probabilities, or to rows of a data set.

    A list of 2^n probabilities, in the order of the outcomes as numbers, will do as well.

    Raises:
        UsageError: it cannot be read, or is no distribution.
        MissingExtra: numpy or scipy is not installed.
    """
    try:
        from qgm_observe.quality.targets import as_target
    except ImportError as error:
        raise MissingExtra("--target", "quality") from error
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"target {path}: write a file of at most 64 MiB")
        told = json.loads(path.read_text())
    except OSError as error:
        raise UsageError(f"target {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"target {path}: write JSON, probabilities by bitstring") from None
    if not isinstance(told, dict | list):
        raise UsageError(f"target {path}: write JSON, probabilities by bitstring")
    try:
        return as_target(told)
    except UsageError as error:
        raise UsageError(f"target {path}: {error}") from None


class Scorer:
    """Evaluates the counts of jobs on a thread of its own; what it cannot keep up with is counted.

    Args:
        target: What the samples are compared with.
    """

    def __init__(self, target: "Target") -> None:
        self._target = target
        self._scored = 0
        self._unfit = "no job gave a result"
        self._process = os.getpid()
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: set[Future[None]] = set()

    def take(self, job: JobHandle, result: Any) -> None:
        """Have a job's result evaluated, if it is as wide as the target."""
        if self._thread is None or self._process != os.getpid():
            self._thread, self._process = ThreadPoolExecutor(1, "qgm-scoring"), os.getpid()
            self._waiting = set()
        if len(self._waiting) >= _WAITING:
            recorder().count(observe_signals.DROPPED, 1)
            return
        future = self._thread.submit(self._score, job, result)
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)

    def _score(self, job: JobHandle, result: Any) -> None:
        from qgm_observe.lifecycle.evaluating import Comparison, Evaluator

        with recorder().guard("scoring"):
            told = counts_of(result)
            facts = (job.attributes or {}).get("circuits") or [{}]
            circuit = facts[0].get("hash") if len(facts) == 1 else None
            for counts in told if isinstance(told, list) else [told]:
                if self._fits(counts):
                    self._scored += 1
                    comparison = Comparison(circuit=circuit)
                    Evaluator(job, comparison).evaluate(counts, self._target)

    def _fits(self, counts: Any) -> bool:
        first = next(iter(counts), None) if isinstance(counts, dict) else None
        if not isinstance(first, str):
            self._unfit = "no result is counts of one circuit"
            return False
        bits = len(first.replace(" ", ""))
        if bits != self._target.num_bits:
            self._unfit = f"counts have {bits} bits, the target has {self._target.num_bits}"
        return bits == self._target.num_bits

    def why_nothing(self) -> str | None:
        """Return why no result was evaluated, `None` where one was."""
        return None if self._scored else self._unfit


_scorer: Scorer | None = None


def use(target: "Target | None") -> None:
    """Compare every result with a target from now on, or with none."""
    global _scorer  # noqa: PLW0603  hooks are a matter of the whole process
    _scorer = None if target is None else Scorer(target)


def score(job: JobHandle, result: Any) -> None:
    """Have a result evaluated, if a target was declared and it was no dry run."""
    if _scorer is not None and result is not None and not (job.attributes or {}).get("dry_run"):
        _scorer.take(job, result)


def why_nothing() -> str | None:
    """Return why no result was compared with the target that was declared, if there is one."""
    return None if _scorer is None else _scorer.why_nothing()
