"""A session of tests as a run, and each quantum test as a run inside it."""

import contextlib
from collections import Counter
from contextvars import Token
from pathlib import Path
from typing import Any

from qgm_observe.catalog import Outcome
from qgm_observe.instrumentation import instrument, loops, scope, uninstrument
from qgm_observe.instrumentation.quiet_run import QuietRun, with_work
from qgm_observe.journal import TERMINAL, open_journal
from qgm_observe.lifecycle import Recorder, RunHandle, use
from qgm_observe.lifecycle.failures import outcome_of
from qgm_observe.lifecycle.handle import reset_current, set_current
from qgm_observe.settings import Settings, load_settings

SESSION, TEST = "tests", "test"
"""The labels `model` of a session and of a test."""

_PASSED_BY = {0: Outcome.SUCCESS, 2: Outcome.CANCELLED}
"""Exit codes of pytest: all passed, interrupted by the user; after any other the session failed."""


class TestSession:
    """A session of tests, from its configuration to its end.

    Args:
        journal: Where it is recorded.
        pipeline: The label.
        only_default: Whether the environment's label comes first.
        parent: Id of the session that a worker's tests belong to; a worker has none of its own.

    Raises:
        JournalError: the journal cannot be written.
        UsageError: a setting of the environment cannot be read.
    """

    __test__ = False

    def __init__(
        self, journal: Path, pipeline: str, *, only_default: bool, parent: str | None
    ) -> None:
        given: dict[str, Any] = {"journal": journal, "parent": parent}
        settings = load_settings(**given)
        if not only_default or settings.pipeline == Settings().pipeline:
            settings = load_settings(**given, pipeline=pipeline)
        open_journal(settings.journal_path).close()
        self._recorder = Recorder(settings)
        self._since = self._recorder.seconds()
        self._before = use(self._recorder)
        self._run: RunHandle | None = None
        if parent is None:
            self._run = RunHandle(self._recorder, None, {"model": SESSION}).begin()
        self._test: QuietRun | None = None
        self._tokens: tuple[Token[Any], Token[Any]] | None = None
        self._undecided: dict[str, QuietRun] = {}
        self._counts: Counter[str] = Counter()
        instrument(run=self._run)

    @property
    def id(self) -> str | None:
        """The session's run."""
        return None if self._run is None else self._run.id

    def begin(self, name: str, *, is_quantum: bool) -> None:
        """Begin a test."""
        with self._recorder.guard("pytest"):
            test = QuietRun(self._recorder, self._run, {"model": TEST}).begin()
            test.note(test=name)
            if is_quantum:
                test.show()
            self._test = test
            self._tokens = set_current(test), scope.look_for_jobs(test.jobs)
            scope.adopt(test)

    def saw(self, phase: str, outcome: str, error: BaseException | None) -> None:
        """See how a phase of the test ended: the first that did not pass decides."""
        test = self._test
        if test is None or outcome == "passed" or test.outcome is not None:
            return
        with self._recorder.guard("pytest"):
            test.note(phase=phase)
            if outcome == "skipped":
                test.outcome = Outcome.CANCELLED
                return
            test.outcome = Outcome.FAILURE
            if error is not None:
                test.saw(error, test.at_stage)
                test.outcome = outcome_of(error)

    def end(self) -> None:
        """End the test."""
        test, self._test = self._test, None
        with self._recorder.guard("pytest"):
            loops.leave()
            if self._tokens is not None:
                current, listing = self._tokens
                scope.look_no_more(listing)
                reset_current(current)
            scope.adopt(self._run)
            if test is not None:
                self._end(test, self._recorder.now())

    def finish(self, exit_code: int) -> None:
        """End the session, and the tests of which it turns out late that they were quantum."""
        with self._recorder.guard("pytest"):
            self._decide()
            if self._run is not None:
                self._run.note(exit_code=exit_code)
                self._run.end(outcome=_PASSED_BY.get(exit_code, Outcome.FAILURE))
                self._count()
        with contextlib.suppress(Exception):
            uninstrument()
        self._recorder.close()
        use(self._before)

    def told(self) -> str:
        """Return one line: how many quantum tests, and where they are."""
        settings = self._recorder.settings
        told = ", ".join(f"{number} {outcome}" for outcome, number in self._counts.items())
        where = f"{settings.journal_path}, pipeline {settings.pipeline!r}"
        return f"quantum tests: {told or 'none'}; {where}"

    def _end(self, test: QuietRun, at: int) -> None:
        if not test.is_shown:
            test.settle()
            self._undecided[test.id] = test
            test.over_at = at
            return
        test.name_devices()
        test.end(at=at)

    def _decide(self) -> None:
        """A test whose code records its own jobs is a quantum test as well: the journal knows."""
        self._recorder.flush()
        with open_journal(self._recorder.settings.journal_path, read_only=True) as journal:
            for test in with_work(journal, self._undecided, self._since):
                test.show()
                self._end(test, test.over_at)

    def _count(self) -> None:
        """The tests of the session, those of workers among them."""
        self._recorder.flush()
        with open_journal(self._recorder.settings.journal_path, read_only=True) as journal:
            ended = journal.events(verbs=(TERMINAL,), nouns=("run",), since=self._since)
            outcomes = [e.body["outcome"] for e in ended if e.body.get("parent") == self.id]
        self._counts = Counter(outcomes)
