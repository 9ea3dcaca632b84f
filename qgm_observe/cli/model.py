"""Register trained parameters with their provenance; compare versions, promote, roll back, list.

All but `compare`, which asks for aliases alone, need an MLflow: --tracking-uri or
MLFLOW_TRACKING_URI; another registry by its package's entry point and --tracker. Artifacts that
carry secrets are refused.
"""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgm_observe.cli import model_comparison
from qgm_observe.cli.finding import find_run, journal_at
from qgm_observe.errors import MissingExtra

if TYPE_CHECKING:
    from qgm_observe.trackers import Tracked, Tracker, Version

_ALIAS = "champion"
_COMPARE = "judge a new version that has a part of the traffic: promote, hold or roll back"
_EXIT_CODES = "Exit codes: 0 promote; 1 roll back; 2 hold, or bad input, which is told in one line."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs and their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    log = _verb(verbs, "log", "send a run: parameters, metrics with intervals, provenance", _log)
    register = _verb(verbs, "register", "make a run's parameters a version of a model", _register)
    register.add_argument("--name", metavar="MODEL", help="default: the run's label `model`")
    register.add_argument(
        "--parameters", type=Path, metavar="FILE", help="npz or JSON; default: the journal's last"
    )
    register.add_argument("--alias", metavar="NAME", help="promote it at once")
    for each in (log, register):
        each.add_argument("run", metavar="RUN", help="id, its beginning, latest or previous")
        each.add_argument(
            "--circuits", action="store_true", help="circuits and calibration go with it"
        )
        each.add_argument("--journal", type=Path, metavar="PATH", help="default: the user's own")
    promote = _verb(verbs, "promote", "let an alias point to a version", _promote)
    promote.add_argument("model", metavar="MODEL")
    promote.add_argument("version", metavar="VERSION")
    rollback = _verb(verbs, "rollback", "let an alias point to where it pointed before", _rollback)
    rollback.add_argument("model", metavar="MODEL")
    for each in (promote, rollback):
        each.add_argument("--alias", metavar="NAME", default=_ALIAS, help=f"default: {_ALIAS}")
    model_comparison.configure(
        verbs.add_parser("compare", help=_COMPARE, description=f"{_COMPARE}. {_EXIT_CODES}")
    )
    listed = _verb(verbs, "list", "list versions, their aliases and what they rest on", _list)
    listed.add_argument("model", metavar="MODEL", nargs="?")


def main(args: argparse.Namespace) -> int:
    """Do one verb."""
    if args.verb == "compare":
        return model_comparison.main(args)
    try:
        from qgm_observe.trackers import open_tracker
    except ImportError as error:
        raise MissingExtra("model", "mlflow") from error
    create = args.act in (_log, _register)
    tracker = open_tracker(args.tracker, args.tracking_uri, args.experiment, create=create)
    try:
        told: dict[str, Any] | list[dict[str, Any]] = args.act(args, tracker)
    finally:
        tracker.close()
    if args.json:
        sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _verb(
    verbs: Any, name: str, brief: str, act: Callable[[argparse.Namespace, "Tracker"], Any]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=brief, description=brief)
    parser.add_argument("--tracker", metavar="NAME", default="mlflow", help="default: mlflow")
    parser.add_argument("--tracking-uri", metavar="URI", help="default: MLFLOW_TRACKING_URI")
    parser.add_argument(
        "--experiment", metavar="NAME", default="qgm-observe", help="default: qgm-observe"
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(act=act)
    return parser


def _tracked(args: argparse.Namespace, *, register: bool) -> "Tracked":
    from qgm_observe.trackers.collecting import collect
    from qgm_observe.trackers.parameters import read_parameters

    file = getattr(args, "parameters", None)
    vector = None if file is None else read_parameters(file)
    with journal_at(args.journal) as journal:
        return collect(
            journal,
            find_run(journal, args.run),
            with_parameters=register,
            with_circuits=args.circuits,
            parameters=vector,
        )


def _log(args: argparse.Namespace, tracker: "Tracker") -> dict[str, Any]:
    from qgm_observe.trackers.registering import log

    logged = log(tracker, _tracked(args, register=False))
    _say(args, f"logged as {logged}")
    return {"logged": logged}


def _register(args: argparse.Namespace, tracker: "Tracker") -> dict[str, Any]:
    from qgm_observe.trackers.registering import promote, register

    tracked = _tracked(args, register=True)
    model = args.name or tracked.tags.get("qgm.model", "unknown")
    version, encryption = register(tracker, model, tracked)
    _say(args, f"{model} version {version.version} of run {tracked.run}")
    if not encryption.is_encrypted:
        word = "unknown" if encryption.is_encrypted is None else "none"
        sys.stderr.write(f"encryption of the storage: {word}; {encryption.reason}\n")
    if tracked.tags.get("qgm.privacy") == "not assessed":
        sys.stderr.write(
            "privacy: not assessed; record train_match_excess or dcr_share of"
            " qgm_observe.quality.privacy with the run\n"
        )
    if args.alias:
        promote(tracker, model, version.version, args.alias)
        _say(args, f"{args.alias} points to it")
    return _to_json(version) | {"encryption": encryption.text}


def _promote(args: argparse.Namespace, tracker: "Tracker") -> dict[str, Any]:
    from qgm_observe.trackers.registering import promote

    before = promote(tracker, args.model, args.version, args.alias)
    _say(args, f"{args.alias} of {args.model}: {before or 'none'} -> {args.version}")
    return {"model": args.model, "alias": args.alias, "before": before, "after": args.version}


def _rollback(args: argparse.Namespace, tracker: "Tracker") -> dict[str, Any]:
    from qgm_observe.trackers.registering import rollback

    before, after = rollback(tracker, args.model, args.alias)
    _say(args, f"{args.alias} of {args.model}: {before} -> {after}")
    return {"model": args.model, "alias": args.alias, "before": before, "after": after}


def _list(args: argparse.Namespace, tracker: "Tracker") -> list[dict[str, Any]]:
    found = tracker.versions(args.model)
    if not args.json:
        _show(found)
    return [_to_json(each) for each in found]


def _show(found: "Any") -> None:
    from rich.console import Console
    from rich.table import Table

    if not found:
        sys.stderr.write("no version: write `qgm-observe model register RUN`\n")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for name in ("model", "version", "aliases", "registered", "run", "job", "commit", "privacy"):
        table.add_column(name, overflow="fold")
    for each in found:
        made = datetime.fromtimestamp(each.created_at).astimezone()
        table.add_row(
            each.model,
            each.version,
            ", ".join(each.aliases),
            made.isoformat(sep=" ", timespec="minutes"),
            (each.run or "-")[:8],
            each.tags.get("qgm.job", "-")[:8],
            each.tags.get("qgm.git.commit", "-")[:8],
            _privacy(each),
        )
    Console().print(table)


def _privacy(version: "Version") -> str:
    told = [
        f"{name.rpartition('.')[2]} {text}"
        for name, text in sorted(version.tags.items())
        if name.startswith("qgm.privacy.")
    ]
    return "; ".join(told) or version.tags.get("qgm.privacy", "-")


def _to_json(version: "Version") -> dict[str, Any]:
    return version._asdict() | {"tags": dict(version.tags)}


def _say(args: argparse.Namespace, text: str) -> None:
    if not args.json:
        print(text)
