"""What triage tells, as a page for people and as facts for machines."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qgm_observe.cli.summary_text import duration
from qgm_observe.runbooks.actions import Action
from qgm_observe.runbooks.budget import Spend
from qgm_observe.runbooks.diagnosis import Diagnosis
from qgm_observe.runbooks.roots import Facts, Trouble
from qgm_observe.runbooks.situation import Situation
from qgm_observe.runbooks.support import utc
from qgm_observe.runbooks.verdict import verdict

_MOST_CHANGES = 8
_MOST_CLUES = 5


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
        slos: Names of the objectives that the alert guards; none where that is not known.
    """

    situation: Situation
    diagnosis: Diagnosis
    action: Action
    command: str
    statuses: Sequence[Any]
    spend: Spend
    notes: Sequence[str]
    jobs: Sequence[Facts]
    slos: Sequence[str] = ()


# ------------------------------------------------------------------------------------------ text


def print_found(found: Found) -> None:
    """Print the page that people read."""
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
    if found.slos:
        rows.append(("about", _about(found)))
    if told.since is not None:
        rows.append(("since", f"{utc(told.since)}, {duration(now - told.since)} ago"))
    if told.failed:
        rows.append(("failed", f"{len(told.failed)} of the {told.ended} that ended since then"))
    none = "none has failed lately" if found.situation.roots else "not known"
    rows.append(("pipelines", _pipelines(found.situation.trouble) or none))
    if told.places:
        rows.append(("devices", ", ".join(" ".join(place) for place in told.places)))
    if told.failed:
        rows.append(("job ids", ", ".join(told.provider_job_ids) or "none of a provider"))
    rows += _changes(found)
    rows += [("budget" if n == 0 else "", text) for n, text in enumerate(_budget(found))]
    rows.append(("spend", _spend(found.spend) if found.jobs else "not known"))
    rows += [("not known" if n == 0 else "", note) for n, note in enumerate(found.notes)]
    return [*rows, ("next", found.action.text), ("", found.command)]


def _pipelines(trouble: Trouble | None) -> str:
    """Return the affected pipelines with how many failed, the most first."""
    failed = Counter(root.pipeline for root in trouble.failed) if trouble else {}
    most_first = sorted(failed.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{name} {count}" for name, count in most_first)


def _about(found: Found) -> str:
    ours, others = len(found.situation.roots), len(found.situation.others)
    return f"{', '.join(found.slos)}: {ours} of {ours + others} known runs and requests"


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


def facts(found: Found) -> dict[str, Any]:
    """Return the same for machines."""
    told = found.diagnosis
    return {
        "alert": found.situation.alert,
        "slo": list(found.slos),
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
