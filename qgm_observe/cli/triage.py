"""What an alert is about: ours or theirs, since when, whom it hits, what changed, what to do next.

It reads what exporters and a Prometheus tell, writes nothing and starts nothing. Exit codes: 0 it
is ours or theirs, it is over or not active; 1 nobody can tell from what is known, nobody answered,
or there is nothing to write to a provider; 2 bad input.
"""

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgm_observe.cli import login, triage_lists
from qgm_observe.cli.summary import duration
from qgm_observe.cli.triage_lists import chosen
from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.runbooks.actions import Action, next_action
from qgm_observe.runbooks.asking import MOST, Answers, ask_all
from qgm_observe.runbooks.budget import Spend, budgets, counted_by_roots, spend_an_hour
from qgm_observe.runbooks.diagnosis import UNTOLD, Diagnosis, diagnose
from qgm_observe.runbooks.roots import Facts, Root, roots_of
from qgm_observe.runbooks.situation import Situation
from qgm_observe.runbooks.support import support_text, utc
from qgm_observe.runbooks.verdict import verdict
from qgm_observe.settings import load_settings

TOKEN = "QGM_OBSERVE_PROMETHEUS_TOKEN"  # noqa: S105  the name of a variable
SHOWN = ("failures", "jobs", "runs", "readings", "devices", "account", "journals")
_NO_CASE = "no job of ours has failed at a provider, and nothing tells of a fault of theirs"
_MOST_CHANGES = 8
_MOST_CLUES = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("alert", metavar="ALERT", help="its name, such as QgmSloBurnPage")
    parser.add_argument(
        "--url",
        action="append",
        metavar="URL",
        help="an exporter of journals or of a provider (or QGM_OBSERVE_SHIP_TO); may be repeated",
    )
    login.configure(parser)
    parser.add_argument("--prometheus", metavar="URL", help=f"ask it too (token: {TOKEN})")
    parser.add_argument("--pipeline", metavar="NAME", help="of this pipeline only")
    parser.add_argument("--device", metavar="NAME", help="on this device only")
    parser.add_argument(
        "--objectives",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="whose budget is told; default: the shipped ones",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--vendor", action="store_true", help="write the text for the provider")
    what.add_argument("--show", choices=SHOWN, metavar="WHAT", help=", ".join(SHOWN))
    what.add_argument("--run", metavar="ID", help="show one run or job with all that is known")
    parser.add_argument("--json", action="store_true", help="for machines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that triage tells.

    Attributes:
        situation: What is known.
        diagnosis: What it means.
        action: What to do next.
        command: The whole command of it.
        statuses: Of the objectives that count runs and requests.
        spend: Of the last hour.
        notes: What could not be had, and why, a line each.
        jobs: All that are known.
    """

    situation: Situation
    diagnosis: Diagnosis
    action: Action
    command: str
    statuses: Sequence[Any]
    spend: Spend
    notes: Sequence[str]
    jobs: Sequence[Facts]


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    _check_alert(args.alert)
    if args.show or args.run:
        return triage_lists.show(_asked(args, ()), args)
    notes: list[str] = []
    objectives = _objectives(args, notes)
    found = _found(args, _asked(args, objectives), objectives, notes)
    if args.vendor:
        readings = found.situation.calibrations
        text = support_text(found.diagnosis, found.jobs, readings, found.situation.now)
        if text is None:
            sys.stderr.write(f"qgm-observe triage: {_NO_CASE}\n")
            return 1
        print(json.dumps({"text": text}) if args.json else text, end="")
        return 0
    if args.json:
        print(json.dumps(_facts(found), indent=2))
    else:
        _print(found)
    told = found.diagnosis
    return 1 if told.side == UNTOLD and not (told.is_over or told.is_quiet) else 0


def _check_alert(name: str) -> None:
    from difflib import get_close_matches

    from qgm_observe.alerts.table import BY_NAME

    if name not in BY_NAME:
        near = get_close_matches(name, BY_NAME, 1) or sorted(BY_NAME)[:1]
        raise UsageError(f"no alert {name[:80]!r}: write its name, such as {near[0]}")


def _asked(args: argparse.Namespace, objectives: Sequence[Any]) -> Answers:
    from qgm_observe.cli.check import samples
    from qgm_observe.slo.prometheus import Prometheus
    from qgm_observe.telemetry.shipping import receiver_of

    given = login.given(args)
    urls = args.url or [load_settings().ship_to]
    if urls == [None] and args.prometheus is None:
        raise UsageError("nobody to ask: write --url http://HOST:9466, --prometheus URL, or both")
    exporters = [receiver_of(load_settings(ship_to=url, **given)) for url in urls if url]
    server = None
    if args.prometheus is not None:
        server = Prometheus(args.prometheus, os.environ.get(TOKEN), timeout=4.0)
    now = time.time()
    return ask_all(args.alert, exporters, server, samples, now=now, objectives=objectives)


def _found(
    args: argparse.Namespace, answers: Answers, objectives: Sequence[Any], notes: Sequence[str]
) -> Found:
    now = time.time()
    lists = answers.lists
    failed_runs = [each for each in lists["failures"] if each.get("noun") == "run"]
    failed_jobs = [each for each in lists["failures"] if each.get("noun") == "job"]
    runs, jobs = [*lists["runs"], *failed_runs], [*lists["jobs"], *failed_jobs]
    every = roots_of(runs, jobs)
    ours = [root for root in every if _is_about(args, root)]
    ids = {root.id for root in ours}
    situation = Situation(
        alert=args.alert,
        now=now,
        roots=ours,
        others=[root for root in every if root.id not in ids],
        samples=[each for each in answers.samples if _is_of_choice(args, each.labels)],
        calibrations=[each for each in reversed(lists["readings"]) if chosen(args, each)],
        jobs=[each for each in {job["id"]: job for job in jobs}.values() if chosen(args, each)],
        thresholds=_thresholds(),
        active_at=answers.active_at,
        is_inactive=answers.is_inactive,
        has_prometheus=answers.has_prometheus,
        silent=answers.silent,
        no_prometheus=answers.no_prometheus,
        is_heard=answers.is_heard,
    )
    diagnosis = diagnose(situation)
    action = next_action(diagnosis, situation)
    missing = filter(None, (*answers.silent, answers.no_prometheus))
    told = [*notes, *(f"no answer from {each}" for each in missing)]
    if not every and not answers.silent:
        told.append("no run or job: write --url of the exporter that follows the journals")
    if _is_cut(answers):
        told.append(f"only the newest {MOST:,} runs and jobs, and all failures, were looked at")
    statuses = answers.statuses
    if statuses is None:
        is_cut = _is_cut(answers)
        statuses = budgets(objectives, lists["runs"], lists["jobs"], now, is_cut=is_cut)
    return Found(
        situation=situation,
        diagnosis=diagnosis,
        action=action,
        command=_command(args, action),
        statuses=statuses,
        spend=spend_an_hour(jobs, now, answers.hour_usd),
        notes=told,
        jobs=jobs,
    )


def _is_about(args: argparse.Namespace, root: Root) -> bool:
    devices = {device for _, device in root.places}
    return (args.pipeline is None or root.pipeline == args.pipeline) and (
        args.device is None or args.device in devices
    )


def _is_of_choice(args: argparse.Namespace, labels: Mapping[str, str]) -> bool:
    """Return whether a level is of the asked pipeline and device, or of no single one."""
    asked = (("pipeline", args.pipeline), ("device", args.device))
    return all(wanted is None or labels.get(name, "") in ("", wanted) for name, wanted in asked)


def _thresholds() -> Mapping[str, float]:
    """Return the alerts' thresholds as they are shipped; without their packages none."""
    try:
        from qgm_observe.runbooks.conditions import shipped_thresholds
    except MissingExtra:
        return {}
    return shipped_thresholds()


def _is_cut(answers: Answers) -> bool:
    lists = answers.lists
    return bool(answers.cut & {"runs", "jobs"}) or any(
        len(lists[name]) >= MOST for name in ("runs", "jobs")
    )


def _objectives(args: argparse.Namespace, notes: list[str]) -> list[Any]:
    """Return the objectives that count runs and requests; without their packages none, and why."""
    try:
        from qgm_observe.slo.loading import load, shipped
    except MissingExtra as error:
        notes.append(f"no budget, no thresholds: {error}")
        return []
    return counted_by_roots(load(args.objectives) if args.objectives else shipped())


def _command(args: argparse.Namespace, action: Action) -> str:
    if action.command and not action.command.startswith("--"):
        return action.command
    words = ["qgm-observe", "triage", args.alert]
    options = ["url", "user", "token_file", "ca_file", "prometheus", "pipeline"]
    options += [] if action.command == "--show devices" else ["device"]  # others are looked for
    for option in options:
        values = getattr(args, option)
        for value in values if isinstance(values, list) else [values]:
            if value is not None:
                words += [f"--{option.replace('_', '-')}", str(value)]
    return f"{shlex.join(words)} {action.command}".rstrip()


# ------------------------------------------------------------------------------------------ text


def _print(found: Found) -> None:
    from rich.console import Console
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", min_width=9, no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in _rows(found):
        grid.add_row(name, text)
    Console(highlight=False, markup=False).print(grid)


def _rows(found: Found) -> Sequence[tuple[str, str]]:
    told, now = found.diagnosis, found.situation.now
    answer = verdict(told, found.situation)
    rows = [(found.situation.alert, answer)]
    if not found.situation.is_heard:
        return [*rows, ("next", found.action.text), ("", found.command)]
    for name, clues in (("for", told.pro), ("against", told.contra)):
        new = [each.text for each in clues if each.text not in answer][:_MOST_CLUES]
        rows += [(name if n == 0 else "", text) for n, text in enumerate(new)]
    if told.since is not None:
        rows.append(("since", f"{utc(told.since)}, {duration(now - told.since)} ago"))
    if told.failed:
        rows.append(("failed", f"{len(told.failed)} of the {told.ended} that ended since then"))
    none = "none has failed lately" if found.situation.roots else "not known"
    rows.append(("pipelines", ", ".join(told.pipelines) or none))
    if told.places:
        rows.append(("devices", ", ".join(" ".join(place) for place in told.places)))
    if told.failed:
        rows.append(("job ids", ", ".join(told.provider_job_ids) or "none of a provider"))
    rows += _changes(found)
    rows += [("budget" if n == 0 else "", text) for n, text in enumerate(_budget(found))]
    rows.append(("spend", _spend(found.spend) if found.jobs else "not known"))
    rows += [("not known" if n == 0 else "", note) for n, note in enumerate(found.notes)]
    return [*rows, ("next", found.action.text), ("", found.command)]


def _changes(found: Found) -> list[tuple[str, str]]:
    told = found.diagnosis
    after = "in three days"
    if told.good is not None and told.good.ended_at is not None and told.failed:
        after = f"since {told.good.noun} {told.good.id} went well at {utc(told.good.ended_at)}"
    if not told.changes:
        known = found.situation.roots or found.situation.calibrations
        return [("changed", f"nothing that is recorded, {after}" if known else "not known")]
    rows = [("changed", f"{after}:")]
    for each in told.changes[-_MOST_CHANGES:]:
        was = "" if each.before is None else f"{each.before} -> "
        rows.append(("", f"{each.what} of {each.where}: {was}{each.after}, {utc(each.at)}"))
    return rows


def _budget(found: Found) -> list[str]:
    lines = [_left(each) for each in found.statuses if each.left is not None]
    unknown = [each for each in found.statuses if each.left is None and not lines]
    return [*lines, *(f"{each.objective.name}: not known, {each.reason}" for each in unknown)] or [
        "not known"
    ]


def _left(status: Any) -> str:
    bad = f"{status.bad:g} of {status.total:g} bad"
    if status.left <= 0:
        return f"{status.objective.name}: gone, spent {1 - status.left:.1f} times ({bad})"
    lasts = status.exhausted_in
    rest = "" if lasts is None else f", gone in {duration(lasts)} at the pace of three days"
    return f"{status.objective.name}: {status.left:.0%} left ({bad}){rest}"


def _spend(spend: Spend) -> str:
    billed = ", ".join(f"{amount:.2f} {unit}" for unit, amount in sorted(spend.billed.items()))
    rest = f"{spend.open or 'no'} remote jobs still wait or run"
    unknown = f"{spend.unbilled} without a bill yet" if spend.unbilled else ""
    if spend.estimated is not None:
        billed = f"about {spend.estimated:.2f} USD"
    if not billed and not spend.unbilled:
        billed = "no remote job ended"
    told = f"{billed} in the last hour" if billed else "not known for the last hour"
    return ", ".join(filter(None, (told, unknown, rest)))


# ------------------------------------------------------------------------------------------ json


def _facts(found: Found) -> dict[str, Any]:
    told = found.diagnosis
    return {
        "alert": found.situation.alert,
        "side": told.side,
        "verdict": verdict(told, found.situation),
        "cause": None if told.cause is None else told.cause.name.lower(),
        "over": told.is_over,
        "quiet": told.is_quiet,
        "heard": found.situation.is_heard,
        "for": [each.text for each in told.pro],
        "against": [each.text for each in told.contra],
        "since": told.since,
        "failed": len(told.failed),
        "ended": told.ended,
        "pipelines": list(told.pipelines),
        "devices": [" ".join(place) for place in told.places],
        "provider_job_ids": list(told.provider_job_ids),
        "last_good": None if told.good is None else told.good.id,
        "changes": [
            {name: getattr(each, name) for name in ("what", "where", "before", "after", "at")}
            for each in told.changes
        ],
        "budget_left": {each.objective.name: each.left for each in found.statuses},
        "spend_last_hour": {unit: str(amount) for unit, amount in found.spend.billed.items()},
        "estimated_usd_last_hour": found.spend.estimated,
        "unbilled_last_hour": found.spend.unbilled,
        "open_remote_jobs": found.spend.open,
        "not_known": list(found.notes),
        "next": {"text": found.action.text, "command": found.command},
    }
