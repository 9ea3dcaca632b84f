"""Runs and jobs by what people write: an id, the beginning of one, `latest`, `previous`.

Runs inside one another are one execution, as of a script with runs of its own that
`qgm-observe run` runs: `latest` is the run that began last in the latest execution, `previous` the
one that began last in the execution before.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, Store, open_journal
from qgm_observe.settings import load_settings

_LEAST = 4
_SHOWN = 3
_PLACES = {"latest": 0, "previous": 1}


@contextlib.contextmanager
def journal_at(path: Path | None) -> Iterator[Store]:
    """Open a journal to read, the user's own where none is named."""
    with open_journal(path or load_settings().journal_path, read_only=True) as journal:
        yield journal


def find(journal: Store, noun: str, text: str) -> Event | None:
    """Return the last event that tells of a run or a job, `None` where no id begins like this.

    Args:
        journal: Where to look.
        noun: `run` or `job`.
        text: The id or its first four characters at least; `latest` and `previous` for runs.

    Raises:
        UsageError: more than one id begins like this, or it is too short.
    """
    told: dict[str, Event] = {}
    for event in journal.events(verbs=("opened", "finished"), nouns=(noun,)):
        told.pop(event.subject, None)
        told[event.subject] = event
    if text in _PLACES and noun == "run":
        last = list(_last_of_each_execution(told))
        return last[_PLACES[text]] if len(last) > _PLACES[text] else None
    if len(text) < _LEAST:
        raise UsageError(f"{noun} {text!r}: write at least {_LEAST} characters of its id")
    fitting = [id_ for id_ in told if id_.startswith(text.lower())]
    if len(fitting) > 1:
        shown = ", ".join(id_[: len(text) + 8] for id_ in fitting[:_SHOWN])
        raise UsageError(f"{noun} {text!r} may be {shown}: write more of its id")
    return told[fitting[0]] if fitting else None


def _last_of_each_execution(runs: Mapping[str, Event]) -> Iterator[Event]:
    """The run of each execution that began last, the newest first."""
    seen = set()
    for event in sorted(runs.values(), key=lambda e: e.body.get("start", e.at), reverse=True):
        outermost = event
        while (parent := runs.get(outermost.body.get("parent", ""))) is not None:
            outermost = parent
        if outermost.subject not in seen:
            seen.add(outermost.subject)
            yield event


def events_of(journal: Store, runs: Iterable[str], since: float | None = None) -> list[Event]:
    """Return the events of runs and of the runs inside them.

    Args:
        journal: Where to look.
        runs: Their ids.
        since: Epoch seconds, before which none of them began.
    """
    ours = set(runs)
    for event in journal.events(nouns=("run",), verbs=("opened",), since=since):
        if event.body.get("parent") in ours:
            ours.add(event.subject)
    return list(journal.events(runs=sorted(ours))) if ours else []


def tallied_by(
    journal: Store, process: str, since: float, until: float | None = None
) -> list[Event]:
    """Return what a process counted without keeping its detail, in a time (epoch seconds)."""
    found = journal.events(verbs=("tallied",), since=since, until=until)
    return [event for event in found if event.subject == process]


def find_run(journal: Store, text: str) -> Event:
    """Return the last event of a run.

    Raises:
        UsageError: there is none.
    """
    found = find(journal, "run", text)
    if found is None:
        raise UsageError(
            f"run {text!r} is not in {journal.path}: write an id that"
            " `qgm-observe journal export --noun run` shows, `latest` or `previous`"
        )
    return found
