"""In a notebook: each cell with quantum work in it is a run, and what it came to is told as HTML.

`%load_ext qgm_observe` shows it after each such cell. `qgm_observe.instrument()` puts the same
hooks in place without showing anything; its value tells what all cells since then came to.
"""

import contextlib
import html
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from qgm_observe.instrumentation import instrument as put_hooks
from qgm_observe.instrumentation import loops, scope, uninstrument
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
        return "\n".join(f"{name:9} {value}" for name, value in self._facts(self._summary()))

    def _repr_html_(self) -> str:
        """Return it as HTML."""
        summary = self._summary()
        stages = [
            (each.stage, f"{each.count:,}", _duration(each.p50), _duration(each.p95))
            for each in summary.stages
        ]
        tables = [_table((), self._facts(summary))]
        if stages:
            tables.append(_table(("stage", "count", "p50", "p95"), stages))
        if summary.estimates:
            tables.append(_table(("samples", "value", "interval"), _estimates(summary)))
        return "".join(tables)

    def _facts(self, summary: "Summary") -> list[tuple[str, str]]:
        facts = _facts(summary)
        if len(self._runs) > 1:
            facts[0] = ("runs", f"{len(self._runs):,}, the first a {facts[0][1]}")
        return facts

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
            loops.leave()
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
        self.runs.append(cell.id)
        del self.runs[:-_RUNS_SHOWN]
        if self.shows:
            from IPython.display import display

            display(Told([cell.id]))  # type: ignore[no-untyped-call]


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


def _begin(shell: Any, *, shows: bool) -> Notebook:
    global _notebook  # noqa: PLW0603  one a kernel
    if _notebook is None:
        _notebook = Notebook(shell, shows=shows)
        _notebook.begin()  # this very cell
    _notebook.shows = _notebook.shows or shows
    return _notebook


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _look_no_more(listing: Any) -> None:
    with contextlib.suppress(ValueError):  # a kernel may end a cell in another context
        scope.look_no_more(listing)


def _events_of(runs: Sequence[str]) -> list[Event]:
    """What the journal has of runs, and of the runs inside them."""
    path = recorder().settings.journal_path
    if not runs or not path.exists():
        return []
    from qgm_observe.cli.finding import events_of

    with open_journal(path, read_only=True) as journal:
        return events_of(journal, runs)


# ------------------------------------------------------------------------------------------ text


def _facts(summary: "Summary") -> list[tuple[str, str]]:
    jobs = [f"{count:,} {outcome}" for outcome, count in summary.jobs.items()]
    jobs += [f"{summary.open_jobs:,} still open"] if summary.open_jobs else []
    rows = [("jobs", ", ".join(jobs) or "none")]
    if summary.outcome is not None:
        by = f" by {summary.error}" if summary.error else ""
        rows.insert(0, ("run", f"{summary.outcome}{by} after {_duration(summary.seconds)}"))
    if summary.shots:
        rows.append(("shots", f"{summary.shots:,} in {summary.circuits:,} circuits"))
    if summary.steps:
        rows.append(("steps", f"{summary.steps:,}{summary.course}"))
    rows += list(summary.verdicts.items())
    rows += [("errors", f"{count:,} {place}") for place, count in summary.errors.items()]
    return [*rows, ("journal", summary.journal or "")]


def _estimates(summary: "Summary") -> list[tuple[str, str, str]]:
    rows = []
    for each in summary.estimates:
        interval = "" if each.low is None else f"{each.low:.4g} to {each.high:.4g}"
        value = each.reason or "" if each.value is None else f"{each.value:.4g}"
        rows.append((each.name.replace("_", " "), value, interval))
    return rows


def _duration(seconds: float | None) -> str:
    from qgm_observe.cli.summary_text import duration

    return duration(seconds)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in HTML, without a style that a notebook's theme would fight."""
    head = "".join(f"<th>{html.escape(each)}</th>" for each in heads)
    lines = [f"<tr>{head}</tr>"] if heads else []
    for first, *rest in rows:
        cells = "".join(f"<td>{html.escape(each)}</td>" for each in rest)
        lines.append(f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>')
    return f"<table>{''.join(lines)}</table>"
