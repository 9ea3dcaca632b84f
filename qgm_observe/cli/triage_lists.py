"""What stands behind a verdict, as lists: failures, runs, jobs, devices, the account."""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from qgm_observe.catalog import Signal, observe_signals, signals
from qgm_observe.catalog import provider_signals as provided
from qgm_observe.cli.compile_log import told_failure
from qgm_observe.cli.summary_text import duration
from qgm_observe.errors import UsageError
from qgm_observe.runbooks.asking import Answers
from qgm_observe.runbooks.roots import Facts, ended_at
from qgm_observe.runbooks.support import utc

MOST_ROWS = 30
_LEVELS: Mapping[str, tuple[Signal, ...]] = {
    "devices": (
        provided.DEVICE_STATE,
        provided.DEVICE_PROCESSING,
        provided.DEVICE_QUEUE,
        provided.DEVICE_WAIT,
        provided.DEVICE_AVAILABLE_AT,
        signals.JOB_OLDEST_WAITING,
        signals.LAYOUT_CALIBRATION_TIME,
        signals.LAYOUT_EDGES_DISABLED,
    ),
    "account": (
        provided.PROVIDER_UP,
        provided.PROVIDER_CIRCUIT,
        provided.ACCOUNT_USED,
        provided.ACCOUNT_LIMIT,
        provided.ACCOUNT_REMAINING,
        provided.ACCOUNT_LIMIT_REACHED,
        provided.ACCOUNT_PERIOD_END,
        signals.DEVICE_TIME_NEEDED,
        provided.ACCOUNT_PENDING,
        provided.ACCOUNT_ABANDONED,
        provided.CREDENTIALS_EXPIRE,
    ),
    "journals": (
        provided.EXPORTER_FOLLOWED,
        provided.EXPORTER_LAG,
        observe_signals.DISK_FREE,
        signals.RUNS_STALLED,
    ),
}
_NOTHING = {"devices": "no device", "account": "nothing of an account", "journals": "no journal"}
_TELLERS = dict.fromkeys(("devices", "account"), "the provider's exporter")
_TELLERS["journals"] = "the exporter that follows them"
_STATES = {provided.DEVICE_STATE, provided.PROVIDER_CIRCUIT}
_CONSTANT = {"source", "instance", "job", "project", "model", "model_version", "shot_class"}


def show(answers: Answers, args: argparse.Namespace) -> int:
    """Print one list, or one run; 1 if an exporter did not answer."""
    if args.run:
        found: Any = _one(answers, args.run)
        text = "\n".join(_described(found))
    elif args.show in _LEVELS:
        found = [sample._asdict() for sample in _levels(answers, args)]
        text = _level_text(answers, args)
    else:
        found = _chosen(answers, args)
        text = "\n".join(_READERS[args.show](found[:MOST_ROWS])) or f"no {args.show} are known"
    missing = [*answers.silent, *filter(None, [answers.no_prometheus])]
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        lines = [text] if answers.is_heard else []
        print("\n".join([*lines, *(f"no answer from {each}" for each in missing)]))
    return 1 if missing else 0


def chosen(args: argparse.Namespace, facts: Facts) -> bool:
    """Return whether a run, job or reading is what the options ask for; a run has no device."""
    return all(
        wanted is None or facts.get(name) in (wanted, None)
        for name, wanted in (("pipeline", args.pipeline), ("device", args.device))
    )


def _chosen(answers: Answers, args: argparse.Namespace) -> list[Facts]:
    return [each for each in answers.lists[args.show] if chosen(args, each)]


# --------------------------------------------------------------------------------------- records


def _jobs(found: Sequence[Facts]) -> Iterator[str]:
    for each in found:
        ended = ended_at(each)
        how = each.get("outcome") or f"open, in {each.get('stage') or 'no stage'}"
        error = "/".join(str(each[k]) for k in ("error_stage", "error_class") if each.get(k))
        if kind := str(each.get("error_type") or "").rpartition(".")[2]:
            error = f"{error} {kind}".lstrip()
        ids = [a["provider_job_id"] for a in each.get("attempts") or () if a.get("provider_job_id")]
        where = " ".join(str(each[k]) for k in ("provider", "device") if each.get(k))
        told = (utc(ended or each["started_at"]), each["noun"], each["id"], how, error)
        yield "  ".join(str(part) for part in (*told, each["pipeline"], where, *ids[-1:]) if part)
        if each.get("log") and each.get("outcome") != "success":
            yield f"    {each['log'][-1]}"
        failed = (each.get("attributes") or {}).get("compilation") or {}
        if failed.get("pass") or failed.get("undefined"):
            yield f"    {told_failure(failed)}"


def _runs(found: Sequence[Facts]) -> Iterator[str]:
    for each in found:
        how = each.get("outcome") or "open"
        steps = f"{each.get('steps', 0)} steps"
        took = duration(each.get("duration"))
        version = f"{each['model']} {each['model_version']}"
        begun = utc(each["started_at"])
        yield "  ".join((begun, each["id"], how, took, steps, each["pipeline"], version))


def _readings(found: Sequence[Facts]) -> Iterator[str]:
    for each in found:
        taken = utc(float(each.get("taken_at") or each["observed_at"]))
        name = each.get("calibration_id") or "without an id"
        yield f"{taken}  {each['provider']} {each['device']}  {name}"


_READERS = {"failures": _jobs, "jobs": _jobs, "runs": _runs, "readings": _readings}


def _one(answers: Answers, id_: str) -> dict[str, Any]:
    lists = answers.lists
    for name in ("runs", "jobs", "failures"):
        for each in lists[name]:
            if each["id"] == id_:
                jobs = {j["id"]: j for j in (*lists["jobs"], *lists["failures"])}
                inside = [j for j in jobs.values() if j.get("run") == id_ and j["id"] != id_]
                return {**each, **({"jobs": inside} if each["noun"] == "run" else {})}
    raise UsageError(f"no run or job {id_[:40]!r} among the newest: see --show runs")


_DESCRIBED: Mapping[str, Callable[[Any], str]] = {
    "stages": lambda told: ", ".join(f"{each[0]} {duration(each[2])}" for each in told),
    "started_at": utc,
    "duration": duration,
    "restart_seconds": duration,
}


def _described(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        if name in ("jobs", "log") or value in (None, {}, []):
            continue
        yield f"{name:<18}{_DESCRIBED.get(name, str)(value)}"
    for line in facts.get("log") or ():
        yield f"    {line}"
    yield from _jobs(list(facts.get("jobs") or ())[:MOST_ROWS])


# ---------------------------------------------------------------------------------------- levels


def _levels(answers: Answers, args: argparse.Namespace) -> Iterable[Any]:
    names = {signal.prometheus: signal for signal in _LEVELS[args.show]}
    for sample in answers.samples:
        signal = names.get(sample.name)
        wanted = args.device is None or sample.labels.get("device", args.device) == args.device
        if signal is not None and wanted and not (signal in _STATES and sample.value == 0):
            yield sample


def _level_text(answers: Answers, args: argparse.Namespace) -> str:
    rows: dict[str, set[str]] = {}
    by_name = {signal.prometheus: signal for signal in _LEVELS[args.show]}
    for sample in _levels(answers, args):
        signal = by_name[sample.name]
        whose = [v for k, v in sample.labels.items() if k in ("provider", "device", "account")]
        rest = [
            f"{k} {v}"
            for k, v in sorted(sample.labels.items())
            if k not in _CONSTANT and k not in ("provider", "device", "account")
        ]
        told = _value(signal, sample.value, rest)
        rows.setdefault(" ".join(whose), set()).add(told)
    lines = sorted(rows.pop("", ()))
    lines += [f"{whose}: {', '.join(sorted(told))}" for whose, told in sorted(rows.items())]
    hint = f"{_NOTHING[args.show]} is known: add --url of {_TELLERS[args.show]}, or --prometheus"
    return "\n".join(lines[:MOST_ROWS]) or hint


def _value(signal: Signal, value: float, rest: Sequence[str]) -> str:
    name = signal.name.removeprefix("qgm.").removesuffix(".timestamp").replace(".", " ")
    if signal in _STATES:
        return f"{name} {' '.join(each.split(' ', 1)[1] for each in rest)}"
    of = f" ({', '.join(rest)})" if rest else ""
    if signal.name.endswith(".timestamp"):
        return f"{name}{of} {utc(value)}" if value > 0 else f"{name}{of} never"
    if signal.unit == "s":
        return f"{name}{of} {duration(value)}"
    return f"{name}{of} {value:,.4g}"
