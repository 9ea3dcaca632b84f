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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from qgm_observe.cli import login, triage_lists, triage_page
from qgm_observe.cli.triage_lists import chosen
from qgm_observe.cli.triage_page import Found
from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.runbooks.actions import Action, next_action
from qgm_observe.runbooks.asking import MOST, Answers, ask_all
from qgm_observe.runbooks.budget import budgets, counted_by_roots, spend_an_hour
from qgm_observe.runbooks.diagnosis import UNTOLD, diagnose
from qgm_observe.runbooks.roots import Root, roots_of
from qgm_observe.runbooks.scope import Scope
from qgm_observe.runbooks.situation import Situation
from qgm_observe.runbooks.support import support_text
from qgm_observe.settings import load_settings

TOKEN = "QGM_OBSERVE_PROMETHEUS_TOKEN"  # noqa: S105  the name of a variable
SHOWN = ("failures", "jobs", "runs", "readings", "devices", "account", "journals")
_NO_CASE = "no job of ours has failed at a provider, and nothing tells of a fault of theirs"


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
    parser.add_argument(
        "--slo", metavar="NAME", help="the objective that the alert guards, as its label says"
    )
    parser.add_argument("--pipeline", metavar="NAME", help="of this pipeline only")
    parser.add_argument("--device", metavar="NAME", help="on this device only")
    parser.add_argument(
        "--objectives",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="where objectives stand; default: what the Prometheus evaluates, and the shipped ones",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--vendor", action="store_true", help="write the text for the provider")
    what.add_argument("--show", choices=SHOWN, metavar="WHAT", help=", ".join(SHOWN))
    what.add_argument("--run", metavar="ID", help="show one run or job with all that is known")
    parser.add_argument("--json", action="store_true", help="for machines")


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
        print(json.dumps(triage_page.facts(found), indent=2))
    else:
        triage_page.print_found(found)
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
    return ask_all(
        args.alert, exporters, server, samples, now=now, objectives=objectives, slo=args.slo
    )


def _found(
    args: argparse.Namespace, answers: Answers, objectives: Sequence[Any], notes: Sequence[str]
) -> Found:
    now = time.time()
    runs, jobs = (_with_failures(answers.lists, noun) for noun in ("run", "job"))
    every = roots_of(runs, jobs)
    about, unknown = _guarded(args, answers, objectives)
    scope = Scope(about, answers.held)
    situation = _situation(args, answers, every, jobs, now=now, scope=scope)
    diagnosis = diagnose(situation)
    action = next_action(diagnosis, situation)
    statuses = answers.statuses
    if statuses is None:
        lists, is_cut = answers.lists, _is_cut(answers)
        told = counted_by_roots(about if about or unknown else objectives)
        statuses = budgets(told, lists["runs"], lists["jobs"], now, is_cut=is_cut)
    return Found(
        situation=situation,
        diagnosis=diagnosis,
        action=action,
        command=_command(args, action),
        statuses=statuses,
        spend=spend_an_hour(jobs, now, answers.hour_usd),
        notes=[*notes, *_untold(answers, every, unknown)],
        jobs=jobs,
        slos=[each.name for each in about],
    )


def _guarded(
    args: argparse.Namespace, answers: Answers, objectives: Sequence[Any]
) -> tuple[Sequence[Any], Sequence[str]]:
    """Return the objectives that the alert guards, and the names of those that nobody knows."""
    if answers.about or answers.unknown or args.slo is None:
        return answers.about, answers.unknown
    about = [each for each in objectives if each.name == args.slo]
    return about, [] if about else [args.slo]


def _with_failures(lists: Mapping[str, Any], noun: str) -> list[Any]:
    return [*lists[f"{noun}s"], *(each for each in lists["failures"] if each.get("noun") == noun)]


def _situation(
    args: argparse.Namespace,
    answers: Answers,
    every: Sequence[Root],
    jobs: Sequence[Mapping[str, Any]],
    *,
    now: float,
    scope: Scope,
) -> Situation:
    ours = [root for root in every if scope.admits(root) and _is_about(args, root)]
    ids = {root.id for root in ours}
    return Situation(
        alert=args.alert,
        now=now,
        roots=ours,
        others=[root for root in every if root.id not in ids],
        samples=[each for each in answers.samples if _is_of_choice(args, each.labels)],
        calibrations=[each for each in reversed(answers.lists["readings"]) if chosen(args, each)],
        jobs=[each for each in {job["id"]: job for job in jobs}.values() if chosen(args, each)],
        thresholds=_thresholds(),
        active_at=answers.active_at,
        is_inactive=answers.is_inactive,
        has_prometheus=answers.has_prometheus,
        silent=answers.silent,
        no_prometheus=answers.no_prometheus,
        is_heard=answers.is_heard,
    )


def _untold(answers: Answers, every: Sequence[Root], unknown: Sequence[str]) -> Iterator[str]:
    """What the answer does not rest on."""
    for each in filter(None, (*answers.silent, answers.no_prometheus)):
        yield f"no answer from {each}"
    if not every and not answers.silent:
        yield "no run or job: write --url of the exporter that follows the journals"
    if unknown:
        yield f"which work {', '.join(unknown)} is about: give its file with --objectives"
    if _is_cut(answers):
        yield f"only the newest {MOST:,} runs and jobs, and all failures, were looked at"


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
    """Return the objectives that are known here; without their packages none, and why."""
    try:
        from qgm_observe.slo.loading import load, shipped
    except MissingExtra as error:
        notes.append(f"no budget, no thresholds: {error}")
        return []
    return list(load(args.objectives) if args.objectives else shipped())


def _command(args: argparse.Namespace, action: Action) -> str:
    if action.command and not action.command.startswith("--"):
        return action.command
    words = ["qgm-observe", "triage", args.alert]
    options = ["url", "user", "token_file", "ca_file", "prometheus", "slo", "objectives"]
    options += ["pipeline"]
    options += [] if action.command == "--show devices" else ["device"]  # others are looked for
    for option in options:
        values = getattr(args, option)
        for value in values if isinstance(values, list) else [values]:
            if value is not None:
                words += [f"--{option.replace('_', '-')}", str(value)]
    return f"{shlex.join(words)} {action.command}".rstrip()
