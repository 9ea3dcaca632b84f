"""`model compare`: a new version on a part of the traffic, against the stable one.

Looks are at fixed times since the canary began; in between the answer does not change, however
often it is asked for. What the looks say is paid for, see `qgm_observe.quality.canary`.
"""

import argparse
import json
import shlex
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from qgm_observe.catalog import Purpose
from qgm_observe.cli import option_types
from qgm_observe.errors import MissingExtra, UsageError

MARGINS = {"success": 0.05, "quality": 0.02, "latency": 0.25, "cost": 0.1}
"""Harm that is accepted: differences of shares and of scores, and shares of latency and cost."""

EXIT = {"promote": 0, "roll back": 1, "hold": 2}
_HOUR = 3600.0
_CHANCES = {"false_rollback": 0.05, "false_promotion": 0.05, "power": 0.8}
_LOOKS: dict[str, Any] = {"kind": "inference", "every": 24.0, "looks": 28, **_CHANCES}
"""Options that a later look takes as well, with their defaults."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    _of_versions(parser)
    parser.add_argument(
        "--journal",
        type=Path,
        action="append",
        metavar="PATH",
        help="again for each replica's (default: the user's own)",
    )
    parser.add_argument(
        "--kind", choices=list(Purpose), default=_LOOKS["kind"], help="default: inference"
    )
    parser.add_argument(
        "--since",
        type=option_types.instant,
        metavar="TIME",
        help="default: the candidate's first root",
    )
    parser.add_argument("--until", type=option_types.instant, metavar="TIME", help="default: now")
    parser.add_argument(
        "--every",
        type=float,
        default=_LOOKS["every"],
        metavar="HOURS",
        help="from look to look (default: 24)",
    )
    parser.add_argument(
        "--looks",
        type=option_types.count,
        default=_LOOKS["looks"],
        metavar="N",
        help="at most (default: 28)",
    )
    shown = ", ".join(f"{name}={margin:g}" for name, margin in MARGINS.items())
    parser.add_argument(
        "--margin",
        action="append",
        default=[],
        metavar="NAME=M",
        help=f"harm that is accepted (default: {shown}; the last two are shares)",
    )
    parser.add_argument(
        "--score",
        action="append",
        default=[],
        metavar="NAME",
        help="recorded estimates where higher is better (default: those without bias)",
    )
    for name, what in (
        ("false-rollback", "of an equal candidate, all criteria and looks together"),
        ("false-promotion", "of one worse by a margin, all looks together"),
        ("power", "for what is said to be missing"),
    ):
        default = _CHANCES[name.replace("-", "_")]
        about = f"{what} (default: {default:g})"
        parser.add_argument(f"--{name}", type=float, default=default, metavar="P", help=about)
    parser.add_argument("--json", action="store_true", help="for machines")


def _of_versions(parser: argparse.ArgumentParser) -> None:
    """Which versions are compared, and where aliases are looked up."""
    parser.add_argument("model", metavar="MODEL", help="the label `model`")
    parser.add_argument(
        "stable",
        metavar="STABLE",
        help="the label `model_version` it has now, or @ALIAS of the registry, such as @champion",
    )
    parser.add_argument("candidate", metavar="CANDIDATE", help="that of the new version, likewise")
    parser.add_argument(
        "--tracker",
        metavar="NAME",
        default="mlflow",
        help="the registry of @ALIAS (default: mlflow)",
    )
    parser.add_argument("--tracking-uri", metavar="URI", help="default: MLFLOW_TRACKING_URI")


def main(args: argparse.Namespace) -> int:
    """Print the verdict and return its exit code."""
    if args.stable == args.candidate:
        raise UsageError(f"{args.stable} twice: write the stable version, then the candidate")
    margins = _margins(args.margin)
    aliases = _alias(args.stable), _alias(args.candidate)
    if any(aliases):
        args.stable, args.candidate = _versions(args, aliases)
    try:
        from qgm_observe.cli import version_judgment as judging
    except ImportError as error:
        raise MissingExtra("model compare", "quality") from error
    asked = judging.Asked(
        *(args.model, args.stable, args.candidate, args.kind),
        args.since,
        args.until or time.time(),
        tuple(args.score),
    )
    plan = judging.Plan(
        looks=args.looks,
        false_rollback=args.false_rollback,
        false_promotion=args.false_promotion,
        power=args.power,
    )
    compared = judging.compare(
        args.journal or [None],
        asked,
        margins,
        plan,
        every=args.every * _HOUR,
        again=_again(args),
        aliases=aliases,
    )
    if args.json:
        print(json.dumps(judging.as_json(compared), indent=2))
    else:
        print("\n".join(judging.lines_of(compared)))
    return EXIT[compared.judgment.verdict]


def _alias(word: str) -> str | None:
    return word[1:] if word.startswith("@") else None


def _versions(args: argparse.Namespace, aliases: tuple[str | None, str | None]) -> tuple[str, str]:
    """The versions that are to be compared, aliases looked up in the registry."""
    try:
        from qgm_observe.trackers import open_tracker
        from qgm_observe.trackers.registering import version_at
    except ImportError as error:
        raise MissingExtra("an alias", "mlflow") from error
    with closing(open_tracker(args.tracker, args.tracking_uri, create=False)) as tracker:
        stable, candidate = (
            word if alias is None else version_at(tracker, args.model, alias)
            for word, alias in zip((args.stable, args.candidate), aliases, strict=True)
        )
    if stable == candidate:
        raise UsageError(
            f"{args.stable} and {args.candidate} of {args.model} are both version {stable}: point"
            f" one of them to the other version by `qgm-observe model promote {args.model} VERSION"
            " --alias NAME`"
        )
    return stable, candidate


def _again(args: argparse.Namespace) -> str:
    """The same command, for a later look."""
    words = ["qgm-observe", "model", "compare", args.model, args.stable, args.candidate]
    for name in ("journal", "margin", "score"):
        words += [word for each in getattr(args, name) or [] for word in (f"--{name}", str(each))]
    for name, default in _LOOKS.items():
        if getattr(args, name) != default:
            words += [f"--{name.replace('_', '-')}", str(getattr(args, name))]
    if args.since is not None:
        words += ["--since", datetime.fromtimestamp(args.since).astimezone().isoformat()]
    return shlex.join(words)


def _margins(words: list[str]) -> dict[str, float]:
    found = dict(MARGINS)
    for word in words:
        name, _, text = word.partition("=")
        try:
            found[name] = float(text)
        except ValueError:
            name = ""
        if name not in MARGINS:
            raise UsageError(f"--margin {word}: write {', '.join(MARGINS)}, such as success=0.03")
    return found
