"""Plan shots: for an interval, or for a change to be seen; and compare runs that differ in them."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.quality.shots import (
    XEB_SD,
    ShotPlan,
    ratio_sd,
    shots_for_change,
    shots_for_half_width,
)
from qgm_observe.records.estimate import VALID_SHOT_RATIO

Told = TypeVar("Told", float, str)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    aim = parser.add_mutually_exclusive_group(required=True)
    aim.add_argument("--half-width", metavar="H", type=float, help="for an interval of +- H")
    aim.add_argument("--change", metavar="D", type=float, help="to see a change of D in two arms")
    aim.add_argument(
        "--compare", nargs=2, metavar="RUN", help="two runs that differ in their shots"
    )
    parser.add_argument(
        "--score", metavar="NAME", help=f"what is compared (default: {VALID_SHOT_RATIO})"
    )
    parser.add_argument("--journal", type=Path, metavar="PATH", help="default: the user's own")
    score = parser.add_mutually_exclusive_group()
    score.add_argument("--ratio", metavar="V", type=float, help="expected valid-shot ratio")
    score.add_argument(
        "--sd", type=float, help=f"deviation of one shot's score; linear XEB: {XEB_SD:.2f}"
    )
    parser.add_argument("--level", type=float, help="of the interval (default: 0.95)")
    parser.add_argument("--alpha", type=float, help="rate of false findings (default: 0.05)")
    parser.add_argument("--power", type=float, help="chance to see it (default: 0.8)")
    parser.add_argument(
        "--job-sd", metavar="T", type=float, help="deviation between jobs beyond shot noise"
    )
    parser.add_argument("--shots-per-job", metavar="S", type=int, help="how jobs are cut today")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    if args.compare is not None:
        return _compare(args)
    plan = _plan(args)
    if args.json:
        print(json.dumps(asdict(plan), indent=2))
    else:
        print("\n".join(_told(plan)))
    return 0


def _compare(args: argparse.Namespace) -> int:
    try:
        from qgm_observe.cli.shot_arms import compare_runs, lines_of
    except ImportError as error:
        raise MissingExtra("shots --compare", "quality") from error
    _refuse(args, "--compare", "ratio", "sd", "alpha", "power", "job_sd", "shots_per_job")
    score = _or(args.score, VALID_SHOT_RATIO)
    names = (args.compare[0], args.compare[1])
    first, second, comparison = compare_runs(args.journal, names, score, _or(args.level, 0.95))
    if args.json:
        arms = [asdict(first), asdict(second)]
        print(json.dumps({"score": score, "runs": arms, **asdict(comparison)}, indent=2))
    else:
        print("\n".join(lines_of(first, second, score, comparison)))
    return 0 if comparison.difference.value is not None else 1


def _plan(args: argparse.Namespace) -> ShotPlan:
    _refuse(args, "a plan", "score", "journal")
    sd = _sd(args)
    if args.half_width is not None:
        _refuse(args, "--half-width", "alpha", "power", "job_sd", "shots_per_job")
        return shots_for_half_width(args.half_width, sd, _or(args.level, 0.95))
    _refuse(args, "--change", "level")
    if args.shots_per_job is not None and args.job_sd is None:
        raise UsageError("--shots-per-job matters only between jobs: write --job-sd too")
    return shots_for_change(
        args.change,
        sd,
        _sd_after(args),
        alpha=_or(args.alpha, 0.05),
        power=_or(args.power, 0.8),
        job_sd=_or(args.job_sd, 0.0),
        shots_per_job=args.shots_per_job,
    )


def _sd(args: argparse.Namespace) -> float:
    if args.ratio is not None:
        return ratio_sd(args.ratio)
    if args.sd is None:
        raise UsageError(
            f"say what is measured: --ratio 0.8 for valid shots, --sd {XEB_SD:.2f} for XEB"
        )
    return float(args.sd)


def _sd_after(args: argparse.Namespace) -> float | None:
    """The deviation of a ratio that has dropped by the change; of other scores it stays."""
    if args.ratio is None or not 0 < args.ratio - args.change < 1:
        return None
    return ratio_sd(args.ratio - args.change)


def _refuse(args: argparse.Namespace, aim: str, *names: str) -> None:
    for name in names:
        if getattr(args, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} does not go with {aim}: leave it out")


def _or(value: Told | None, default: Told) -> Told:
    return default if value is None else value


def _told(plan: ShotPlan) -> list[str]:
    lines = [f"{plan.shots} shots for {plan.purpose}"]
    if plan.jobs is not None:
        lines.append(f"in {plan.jobs} jobs")
    if plan.useful_shots_per_job is not None:
        lines.append(f"beyond {plan.useful_shots_per_job} shots a job, run more jobs instead")
    return [*lines, f"formula: {plan.formula}"]
