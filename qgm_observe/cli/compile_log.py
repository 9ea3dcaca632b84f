"""Logs of compilations that failed or were slow, for people: what was given, pass by pass."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from qgm_observe.cli.finding import find, find_run
from qgm_observe.errors import UsageError
from qgm_observe.journal import TERMINAL, Event, Store

_PLACES = ("latest", "previous")


def logs_of(journal: Store, text: str) -> list[dict[str, Any]]:
    """Return the logs of a job, or of all jobs of a run, each with its `job`.

    Args:
        journal: Where they are.
        text: An id, its beginning, or of a run `latest` or `previous`.

    Raises:
        UsageError: there is no such job or run, or none of its compilations has a log.
    """
    job = None if text in _PLACES else find(journal, "job", text)
    found = [job] if job is not None else _jobs(journal, text)
    told = [log for event in found for log in _read(journal, event)]
    if not told:
        raise UsageError(
            f"{text!r} has no log of a compilation: hooks keep those that fail and slow ones, with"
            " QGM_OBSERVE_CAPTURE=circuits or all"
        )
    return told


def lines_of(log: Mapping[str, Any]) -> Iterator[str]:
    """Yield what people read of one log."""
    error = log.get("error", {})
    where = f" in {log['pass']}" if log.get("pass") else ""
    why = f": {error['type']} at {error['at']}" if error else ""
    yield f"job {log['job']}: {log['outcome']} after {_time(log['seconds'])}{where}{why}"
    for given in log.get("given", ()):
        gates = sorted(given.get("gates", {}).items(), key=lambda each: (-each[1], each[0]))
        counts = ", ".join(f"{name} {count:,}" for name, count in gates)
        size = f"{given.get('qubits')} qubits, {given.get('operations'):,} operations"
        yield f"given    {size}, depth {given.get('depth'):,}: {counts}"
    if target := log.get("target"):
        sizes = [f"{target[name]} {name}" for name in ("qubits", "couplings") if name in target]
        yield f"target   {', '.join(sizes) or 'no device'}: {', '.join(target.get('gates', ()))}"
    if log.get("undefined"):
        yield f"         nothing defines {', '.join(log['undefined'])}"
    for name in ("options", "versions"):
        if log.get(name):
            yield f"{name:<9}" + ", ".join(f"{key} {value}" for key, value in log[name].items())
    yield from _passes(log)


def told_failure(compilation: Mapping[str, Any]) -> str:
    """Return in a line how a compilation failed, from a job's attribute of that name."""
    error = str(compilation.get("error", {}).get("type", "an error")).rpartition(".")[2]
    where = compilation.get("pass") or "a pass manager"
    undefined = ", ".join(compilation.get("undefined", ()))
    return f"{where}: {error}" + (f"; nothing defines {undefined}" if undefined else "")


def _passes(log: Mapping[str, Any]) -> Iterator[str]:
    if not log.get("passes"):
        return
    yield f"\n  {'pass':<36}{'time':>10}{'operations':>12}{'depth':>8}"
    for name, seconds, size, depth in log["passes"]:
        shown = "" if depth is None else f"{depth:,}"
        yield f"  {name or '?'!s:<36}{_time(seconds):>10}{size:>12,}{shown:>8}"
    if log.get("left_out"):
        yield f"  {log['left_out']} passes before these are left out"


def _jobs(journal: Store, text: str) -> list[Event]:
    run = find_run(journal, text).subject
    return list(journal.events(verbs=(TERMINAL,), nouns=("job",), runs=(run,)))


def _read(journal: Store, job: Event) -> Iterator[dict[str, Any]]:
    for key in (job.body.get("blobs") or {}).get("compile_log", ()):
        data = journal.blob(key)
        told = _document(data)
        if told is not None:
            yield {"job": job.subject, **told}


def _document(data: bytes | None) -> dict[str, Any] | None:
    """A log of ours; what a script kept under the same name may be anything."""
    try:
        told = json.loads(data or b"")
    except ValueError:
        return None
    return told if isinstance(told, dict) and {"outcome", "seconds"} <= told.keys() else None


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"
