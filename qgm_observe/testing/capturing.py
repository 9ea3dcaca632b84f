"""`capture()`: see in a test what code records, in a journal that lives as long as the test."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qgm_observe.catalog import Signal
from qgm_observe.instrumentation import instrument, instrumented, loops, scope, uninstrument
from qgm_observe.journal import Event, Totals, open_journal
from qgm_observe.lifecycle import Recorder, use
from qgm_observe.lifecycle.handle import reset_current, set_current
from qgm_observe.records import Job, Run, Session, Step
from qgm_observe.settings import load_settings


class Captured:
    """What was recorded so far; it can be read inside the block and after it.

    Args:
        recorder: Records meanwhile.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._kept: _Kept | None = None

    @property
    def runs(self) -> list[Run]:
        """Runs, in the order in which they ended; one that goes on has no outcome."""
        return self._read().runs

    @property
    def steps(self) -> list[Step]:
        """Steps, likewise."""
        return self._read().steps

    @property
    def jobs(self) -> list[Job]:
        """Jobs, likewise."""
        return self._read().jobs

    @property
    def sessions(self) -> list[Session]:
        """Sessions of providers, likewise."""
        return self._read().sessions

    @property
    def events(self) -> list[Event]:
        """All rows of the journal, see `qgm_observe.journal.event`."""
        return self._read().events

    def total(self, signal: Signal, **labels: str) -> float:
        """Return what a counter has come to, over the label sets that have these values.

        Args:
            signal: A counter of the catalog, as `qgm_observe.catalog.signals.JOBS`.
            labels: Label values by name.
        """
        names = signal.label_names
        return sum(
            amount
            for values, amount in self._read().totals.counters.get(signal.name, {}).items()
            if labels.items() <= dict(zip(names, values, strict=True)).items()
        )

    def close(self) -> None:
        """Keep what there is, for the journal will be gone."""
        self._kept = self._read()

    def _read(self) -> "_Kept":
        if self._kept is not None:
            return self._kept
        self._recorder.flush()
        path = self._recorder.settings.journal_path
        if not path.exists():  # nothing has happened yet
            return _Kept()
        with open_journal(path, read_only=True) as journal:
            return _Kept(
                list(journal.records(Run)),
                list(journal.records(Step)),
                list(journal.records(Job)),
                list(journal.records(Session)),
                list(journal.events()),
                journal.snapshot()[0],
            )


@dataclass(frozen=True, slots=True)
class _Kept:
    """A journal's content."""

    runs: list[Run] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)


@contextlib.contextmanager
def capture(*, hooks: bool = True, **settings: Any) -> Iterator[Captured]:
    """Record what happens in the block, and nowhere else.

    Whatever was recording before goes on after the block; the environment's settings do not matter.

    Args:
        hooks: Whether unmodified code is seen as well, as by `qgm_observe.instrument`.
        settings: See `qgm_observe.settings.Settings`; all detail is kept by default.

    Raises:
        UsageError: a setting is unknown or out of range.

    Example:
        with capture() as seen:
            model.fit(data)
        assert [job.outcome for job in seen.jobs] == ["success"] * 20
    """
    with tempfile.TemporaryDirectory(prefix="qgm-observe-") as folder:
        given = {"journal": Path(folder) / "journal.db", "detail_rate": 1e12} | settings
        made = Recorder(load_settings({}, **given))
        before, outer = use(made), set_current(None)
        adopted, had_hooks = scope.adopted(), instrumented()
        captured = Captured(made)
        try:
            if hooks:
                instrument()
            yield captured
        finally:
            loops.leave()
            if hooks and not had_hooks:
                uninstrument()
            scope.adopt(adopted)
            reset_current(outer)
            captured.close()
            made.close()
            use(before)
