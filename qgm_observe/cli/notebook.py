"""In a notebook: each cell with quantum work in it is a run, and what it came to is told as HTML.

`%load_ext qgm_observe` shows it after each such cell. `qgm_observe.instrument()` puts the same hooks
in place without showing anything; its value tells what all cells since then came to.
"""

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from qgm_observe.instrumentation import instrument as put_hooks
from qgm_observe.instrumentation import scope, stepping, uninstrument
from qgm_observe.instrumentation.quiet_run import QuietRun, with_work
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import RunHandle, recorder
from qgm_observe.lifecycle.failures import outcome_of

if TYPE_CHECKING:
    from qgm_observe.cli.summary import Summary

_RUNS_SHOWN = 1000


class Told:
    """What some runs came to: text where text is shown, a table where HTML is.

    Args:
        runs: Ids of the runs; it may grow.
    """

    def __init__(self, runs: list[str]) -> None:
        self._runs = runs

    def __repr__(self) -> str:
        """Return it as text."""
        return "\n".join(f"{name:9} {value}" for name, value in _facts(self._summary()))

    def _repr_html_(self) -> str:
        """Return it as HTML."""
        summary = self._summary()
        stages = [
            (each.stage, f"{each.count:,}", _duration(each.p50), _duration(each.p95))
            for each in summary.stages
        ]
        return (
            _table((), _facts(summary))
            + (_table(("stage", "count", "p50", "p95"), stages) if stages else "")
            + (_table(("samples", "value", "interval"), _estimates(summary)))
        )

    def _summary(self) -> "Summary":
        from qgm_observe.cli.summary import summarize

        settings = recorder().settings
        recorder().flush()
        still_open = sum(handle.noun == "job" for handle in recorder().open)
        return summarize(_events_of(self._runs), settings.journal_path, still_open)


class Notebook:
    """The cells of a notebook, from the moment that the hooks are in place.

    Args:
        shell: IPython's.
        shows: Whether each cell with work in it shows what it came to.
    """

    def __init__(self, shell: Any, *, shows: bool) -> None:
        self.shows = shows
        self.runs: list[str] = []
        self.labels: dict[str, Any] = {}
        self._shell = shell
        self._cell: QuietRun | None = None
        self._listing: Any = None
        shell.events.register("pre_run_cell", self.begin)
        shell.events.register("post_run_cell", self.end)

    def begin(self, _info: Any = None) -> None:
        """Begin a cell."""
        with recorder().guard("notebook"):
            self._cell = QuietRun(recorder(), None, self.labels).begin()
            self._cell.note(cell=self._shell.execution_count)
            self._listing = scope.look_for_jobs(self._cell.jobs)
            scope.adopt(self._cell)

    def end(self, result: Any = None) -> None:
        """End the cell, and show what it came to if there was anything."""
        cell, self._cell = self._cell, None
        if cell is None:
            return
        with recorder().guard("notebook"):
            stepping.leave()
            scope.adopt(None)
            _look_no_more(self._listing)
            cell.over_at = recorder().now()
            if self._has_work(cell):
                self._tell(cell, getattr(result, "error_in_exec", None))

    def leave(self) -> None:
        """Let cells be cells again."""
        self.end()
        for name, hook in (("pre_run_cell", self.begin), ("post_run_cell", self.end)):
            if hook in self._shell.events.callbacks[name]:
                self._shell.events.unregister(name, hook)

    def _has_work(self, cell: QuietRun) -> bool:
        if not cell.is_shown:
            recorder().flush()
            path = recorder().settings.journal_path
            if not path.exists():
                return False
            with open_journal(path, read_only=True) as journal:
                since = recorder().epoch_seconds(cell.started)
                return bool(with_work(journal, {cell.id: cell}, since))
        return True

    def _tell(self, cell: QuietRun, error: BaseException | None) -> None:
        cell.show()
        cell.name_devices()
        if error is not None:
            cell.saw(error, None)
            cell.outcome = outcome_of(error)
        cell.end(at=cell.over_at)
        self.runs = [*self.runs, cell.id][-_RUNS_SHOWN:]
        if self.shows:
            from IPython.display import display

            display(Told([cell.id]))


_notebook: Notebook | None = None


def load_ipython_extension(shell: Any) -> None:
    """Put the hooks in place and show what each cell came to: `%load_ext qgm_observe`."""
    _begin(shell, shows=True)
    put_hooks()


def unload_ipython_extension(_shell: Any) -> None:
    """Take the hooks away: `%unload_ext qgm_observe`."""
    global _notebook  # noqa: PLW0603  one a kernel
    if _notebook is not None:
        _notebook.leave()
        _notebook = None
    uninstrument()


def instrument(run: RunHandle | None = None, **labels: Any) -> Told:
    """Record the work of quantum libraries from now on; once is enough.

    In a notebook each cell with work in it is a run. In a script jobs stand for themselves, and a
    fit of an optimizer is a run; with labels the script is one.

    Args:
        run: What the work of threads belongs to that are in no run of their own.
        labels: `project`, `pipeline`, `model`, `model_version`, `kind`.

    Returns:
        What the cells come to: shown as a table by a notebook, else as text.
    """
    shell = _shell()
    if shell is None or run is not None:
        put_hooks(run, **labels)
        return Told([] if run is None else [run.id])
    notebook = _begin(shell, shows=False)
    notebook.labels |= labels
    put_hooks()
    return Told(notebook.runs)
