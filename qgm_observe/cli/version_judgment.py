"""A canary judged from journals, and told to people and machines."""

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from qgm_observe.cli.finding import journal_at
from qgm_observe.cli.version_arms import Arms, Asked, Root, read
from qgm_observe.errors import UsageError
from qgm_observe.quality.arms import estimate_of
from qgm_observe.quality.canary import (
    Criterion,
    Finding,
    Judgment,
    Plan,
    State,
    Statistic,
    Verdict,
    judge,
)
from qgm_observe.quality.canary_length import Length, length_of
from qgm_observe.quality.traffic import Traffic
from qgm_observe.records import Estimate

__all__ = ["Asked", "Compared", "Plan", "as_json", "compare", "lines_of"]

COST = "cost of a sample"
_HOUR, _DAY = 3600.0, 86400.0

Aliases = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Compared:
    """A judgment and what it was made of.

    Attributes:
        traffic: Of each criterion, by name.
        next_look: Epoch seconds, `None` after the last.
        waiting: Roots that the next look counts.
        length: How long it takes, `None` before both versions were seen.
        again: The command that asks once more.
        aliases: That pointed to the two versions, where they were asked for by these.
    """

    arms: Arms
    plan: Plan
    every: float
    traffic: Mapping[str, Traffic]
    judgment: Judgment
    next_look: float | None
    waiting: int
    length: Length | None
    again: str
    aliases: Aliases


def compare(
    journals: Sequence[Path | None],
    asked: Asked,
    margins: Mapping[str, float],
    plan: Plan,
    *,
    every: float,
    again: str,
    aliases: Aliases = (None, None),
) -> Compared:
    """Judge a canary from journals.

    Args:
        journals: Of all who serve either version; `None` is the user's own.
        asked: Which roots.
        margins: Accepted harm in `success`, `quality`, `latency` and `cost`.
        plan: Of the looks.
        every: Seconds from look to look.
        again: The command that asks once more.
        aliases: See `Compared`.

    Raises:
        UsageError: there is nothing to compare.
    """
    if not 0 < every < math.inf:
        raise UsageError(f"--every {every / _HOUR:g}: write hours above 0")
    with ExitStack() as stack:
        arms = read([stack.enter_context(journal_at(path)) for path in journals], asked)
    criteria = list(_criteria(arms, margins, every))
    elapsed = (asked.until - arms.begin) / every
    over = min(int(elapsed), plan.looks)
    end = arms.begin + over * every
    return Compared(
        arms=arms,
        plan=plan,
        every=every,
        traffic={criterion.name: seen for criterion, seen in criteria},
        judgment=judge(criteria, over, plan),
        next_look=end + every if over < plan.looks else None,
        waiting=sum(root.ended_at >= end for root in arms.roots),
        length=length_of(criteria, elapsed, plan),
        again=again,
        aliases=aliases,
    )


def _criteria(
    arms: Arms, margins: Mapping[str, float], every: float
) -> Iterator[tuple[Criterion, Traffic]]:
    success = Criterion("success", Statistic.SHARE, margins["success"], higher_is_better=True)
    yield success, arms.traffic(lambda root: float(root.is_good), every)
    for name in arms.scores:
        score = Criterion(name, Statistic.MEAN, margins["quality"], higher_is_better=True)
        yield score, arms.traffic(arms.score(name), every)
    if any(_seconds(root) for root in arms.roots):
        for name, share in (("latency p50", 0.5), ("latency p95", 0.95)):
            latency = Criterion(name, Statistic.QUANTILE, margins["latency"], quantile=share)
            yield latency, arms.traffic(_seconds, every)
    if any(arms.cost_of_a_sample(root) for root in arms.roots):
        cost = Criterion(COST, Statistic.RATIO, margins["cost"])
        yield cost, arms.traffic(arms.cost_of_a_sample, every)


def _seconds(root: Root) -> float | None:
    return root.seconds if root.is_good and root.seconds > 0 else None


# --------------------------------------------------------------------------------------- telling


def next_step(compared: Compared) -> str:
    """Return the command that follows from the verdict."""
    asked, verdict = compared.arms.asked, compared.judgment.verdict
    if verdict is Verdict.PROMOTE:
        return _moved(asked.model, asked.candidate, compared.aliases[0])
    if verdict is Verdict.ROLL_BACK and compared.aliases[1] is not None:
        return _moved(asked.model, asked.stable, compared.aliases[1])
    if verdict is Verdict.ROLL_BACK:
        return shlex.join(["qgm-observe", "model", "rollback", asked.model])
    return compared.again


def _moved(model: str, version: str, alias: str | None) -> str:
    words = ["qgm-observe", "model", "promote", model, version]
    return shlex.join([*words, *(["--alias", alias] if alias is not None else [])])


def _why(compared: Compared) -> str:
    asked, findings = compared.arms.asked, compared.judgment.findings
    if compared.judgment.verdict is Verdict.PROMOTE:
        return f"{asked.candidate} is within the margin of every criterion"
    if compared.judgment.verdict is Verdict.ROLL_BACK:
        worse = [each.criterion.name for each in findings if each.state is State.WORSE]
        return f"{asked.candidate} is worse in {', '.join(worse)}"
    left = [each for each in findings if each.state is not State.WITHIN]
    told = ", ".join(each.criterion.name for each in left)
    return f"it cannot be told yet for {told}; {_missing(compared, left)}"


def _missing(compared: Compared, left: Sequence[Finding]) -> str:
    """Why more has to be seen."""
    candidate = compared.arms.asked.candidate
    if any(each.reason for each in left):
        return f"no look yet with {compared.plan.least} roots or sessions of each version"
    worse = [each.criterion.name for each in left if each.needed is None]
    if worse:
        told = ", ".join(worse)
        return f"{candidate} is behind by a margin or more in {told}, which may still be chance"
    return "too few roots so far"


def _course(compared: Compared) -> str:
    """How long it takes at the traffic so far; beyond the last look, what to begin it with."""
    asked, plan, every, length = compared.arms.asked, compared.plan, compared.every, compared.length
    if length is None:
        return f"the first {plan.least} roots of {asked.stable} tell how long it takes"
    stable, mine = (count * _DAY / every for count in length.a_look)
    traffic = f"at {mine:.3g} of {stable + mine:.3g} roots a day (power {plan.power:g})"
    if length.looks is not None:
        day = length.looks * every / _DAY
        return f"an equal {asked.candidate} is promoted by about day {day:.3g} {traffic}"
    days = plan.looks * every / _DAY
    ways = [f"--every {math.ceil(every / _HOUR * length.times)}"]
    if length.share is not None:
        ways.append(f"{math.ceil(length.share * (stable + mine))} roots a day for it")
    return (
        f"an equal {asked.candidate} takes about {days * length.times:.3g} days {traffic}, and"
        f" {plan.looks} looks end on day {days:.3g}:\n"
        f"begin anew with {', '.join(ways)} or a wider --margin {_margin_of(length.slowest)}"
    )


def _margin_of(criterion: str) -> str:
    """The name of a criterion's margin on the command line."""
    if criterion.startswith("latency"):
        return "latency"
    return {"success": "success", COST: "cost"}.get(criterion, "quality")


def lines_of(compared: Compared) -> Iterator[str]:
    """Yield what people read, the verdict first, the next command last."""
    arms, judgment, plan = compared.arms, compared.judgment, compared.plan
    asked = arms.asked
    yield f"{judgment.verdict}: {_why(compared)}"
    if judgment.verdict is Verdict.HOLD:
        yield _course(compared)
    yield ""
    heads = ("", asked.stable, asked.candidate, "difference", "margin", "")
    rows = [heads, *(_row(compared, each) for each in judgment.findings)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
    for row in rows:
        yield (
            "  "
            + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    yield ""
    looks = f"look {judgment.look} of {plan.looks}, every {compared.every / _HOUR:g} h since"
    yield f"{looks} {_moment(arms.begin)}{_upcoming(compared)}"
    yield (
        f"intervals of differences allow for all looks: an equal version is rolled back in at most"
        f" {plan.false_rollback:.0%},"
    )
    yield f"one worse by a margin promoted in at most {plan.false_promotion:.0%} of all canaries"
    if arms.is_open:
        oldest = (asked.until - min(arms.is_open)) / _HOUR
        count = len(arms.is_open)
        yield f"{count} of {asked.candidate} have not ended, the oldest began {oldest:.3g} h ago"
    yield f"next: {next_step(compared)}"


def _upcoming(compared: Compared) -> str:
    if compared.judgment.verdict is not Verdict.HOLD or compared.next_look is None:
        return ""
    return f"; the next at {_moment(compared.next_look)}, with {compared.waiting} roots more so far"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(" ", "minutes")


def _row(compared: Compared, finding: Finding) -> tuple[str, ...]:
    criterion = finding.criterion
    sides = [_estimate(compared, finding, candidate=arm) for arm in (False, True)]
    margin = f"{criterion.margin:.0%}" if criterion.is_ratio else f"{criterion.margin:g}"
    name = criterion.name
    if name == COST:
        name += f", {compared.arms.unit}"
    elif name.startswith("latency"):
        name += ", s"
    state = finding.state if not finding.reason else f"{finding.state}: {finding.reason}"
    return (name, *map(_side, sides), _difference(finding), margin, state)


def _estimate(compared: Compared, finding: Finding, *, candidate: bool) -> Estimate:
    seen = compared.traffic[finding.criterion.name].until(compared.judgment.look)
    return estimate_of(finding.criterion, seen, candidate=candidate)


def _side(told: Estimate) -> str:
    if told.value is None:
        return "-"
    ends = ["?" if end is None else f"{end:.3g}" for end in (told.low, told.high)]
    return f"{told.value:.3g} ({ends[0]} to {ends[1]}), {told.n}"


def _difference(finding: Finding) -> str:
    low, value, high = natural(finding)
    if value is None:
        return "-"
    if finding.criterion.is_ratio:
        shown = [("?" if each is None else f"{each - 1:+.1%}") for each in (value, low, high)]
    else:
        shown = [("?" if each is None else f"{each:+.3g}") for each in (value, low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def natural(finding: Finding) -> tuple[float | None, float | None, float | None]:
    """Return low end, value and high end: candidate minus stable, or the ratio of the two."""
    if finding.harm is None:
        return None, None, None
    ends = [
        None if each is None or math.isinf(each) else each
        for each in (finding.low, finding.harm, finding.high)
    ]
    if finding.criterion.is_ratio:
        ends = [None if each is None else math.exp(each) for each in ends]
    elif finding.criterion.higher_is_better:
        ends = [None if each is None else -each for each in reversed(ends)]
    return ends[0], ends[1], ends[2]


def as_json(compared: Compared) -> dict[str, Any]:
    """Return all of it for machines: what is unknown is null."""
    arms, judgment = compared.arms, compared.judgment
    asked = arms.asked
    return {
        "verdict": judgment.verdict,
        "why": _why(compared),
        "model": asked.model,
        "stable": asked.stable,
        "candidate": asked.candidate,
        "kind": asked.kind,
        "since": arms.begin,
        "look": judgment.look,
        "next_look": compared.next_look,
        "plan": asdict(compared.plan) | {"every_seconds": compared.every},
        "open": len(arms.is_open),
        "expected": _expected(compared),
        "criteria": [_finding_json(compared, each) for each in judgment.findings],
        "next": next_step(compared),
    }


def _expected(compared: Compared) -> dict[str, Any] | None:
    """How long it takes an equal candidate, at the traffic so far."""
    length = compared.length
    if length is None:
        return None
    looks = length.looks or compared.plan.looks * length.times
    return {
        "days": looks * compared.every / _DAY,
        "is_planned": length.looks is not None,
        "slowest": length.slowest,
        "roots_a_day": [each * _DAY / compared.every for each in length.a_look],
    }


def _finding_json(compared: Compared, finding: Finding) -> dict[str, Any]:
    low, value, high = natural(finding)
    criterion = finding.criterion
    sides = {
        name: asdict(_estimate(compared, finding, candidate=name == "candidate"))
        for name in ("stable", "candidate")
    }
    return {
        "name": criterion.name,
        "state": finding.state,
        "compared_by": criterion.statistic,
        "margin": criterion.margin,
        **sides,
        "difference": {"value": value, "low": low, "high": high},
        "clusters": finding.counts,
        "needed": finding.needed,
        "reason": finding.reason or None,
    }
