"""Ours or theirs, and why: records in, verdict out; nothing is asked and nothing printed here."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qgm_observe.runbooks.evidence import COUNTS_FAILURES, OURS, THEIRS, Cause, Clue, clues
from qgm_observe.runbooks.roots import DAY, Place, Root
from qgm_observe.runbooks.situation import Change, Situation, changes_in

UNTOLD = "cannot tell"
ENOUGH = 2.0
"""Points that the best cause needs: less is a guess."""

LEAD = 1.5
"""Points by which it has to lead the best cause of the other side."""

_MOST_IDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What triage answers.

    Attributes:
        side: `ours`, `theirs` or `cannot tell`.
        cause: The likeliest, `None` where nothing speaks for any.
        pro: What speaks for it, the strongest first.
        contra: What speaks against it, or for the other side, the strongest first.
        since: Epoch seconds, `None` where nobody knows.
        is_over: Whether what failed lately has gone well again.
        is_quiet: Whether an alert that counts failures has none to count.
        failed: Ids of the roots that failed in the trouble.
        ended: How many ended in it.
        pipelines: The affected ones.
        places: Provider and device of the failed roots.
        provider_job_ids: Of failed roots, the newest first.
        good: The last good root before the trouble.
        changes: Since then.
    """

    side: str
    cause: Cause | None
    pro: tuple[Clue, ...] = ()
    contra: tuple[Clue, ...] = ()
    since: float | None = None
    is_over: bool = False
    is_quiet: bool = False
    failed: frozenset[str] = frozenset()
    ended: int = 0
    pipelines: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    provider_job_ids: tuple[str, ...] = ()
    good: Root | None = None
    changes: tuple[Change, ...] = ()


def diagnose(situation: Situation, prior: Iterable[Clue] = ()) -> Diagnosis:
    """Return what a situation says.

    A side is told when its best cause has `ENOUGH` points and leads the best cause of the other
    side by `LEAD`; otherwise the honest answer is that nobody can tell from what is known.

    Args:
        situation: What is known.
        prior: What the alert itself says.
    """
    found = [*prior, *clues(situation)]
    points = _points(found)
    best = max(points, key=lambda cause: points[cause], default=None)
    if best is not None and points[best] <= 0:
        best = None
    trouble, side = situation.trouble, _side(points, best)
    failed = trouble.failed if trouble else ()
    return Diagnosis(
        side=side,
        cause=best,
        pro=_strongest(clue for clue in found if clue.cause is best and clue.points > 0),
        contra=_strongest(clue for clue in found if best is not None and _is_against(clue, best)),
        since=situation.since,
        is_over=side == UNTOLD and trouble is None and _failed_lately(situation),
        is_quiet=side == UNTOLD and _is_quiet(situation),
        failed=frozenset(root.id for root in failed),
        ended=len(failed) + len(trouble.went if trouble else ()),
        pipelines=trouble.pipelines if trouble else (),
        places=tuple(sorted({place for root in failed for place in root.places})),
        provider_job_ids=_ids(failed),
        good=situation.good,
        changes=tuple(changes_in(situation)),
    )


def _is_quiet(situation: Situation) -> bool:
    ended = [root for root in situation.roots if root.ended_at is not None]
    return (
        situation.alert in COUNTS_FAILURES
        and situation.active_at is None
        and bool(ended)
        and not any(root.is_bad for root in ended)
    )


def _failed_lately(situation: Situation) -> bool:
    begin = situation.now - DAY
    return any(root.is_bad and (root.ended_at or 0.0) >= begin for root in situation.roots)


def _points(found: Iterable[Clue]) -> Mapping[Cause, float]:
    points: dict[Cause, float] = defaultdict(float)
    for clue in found:
        points[clue.cause] += clue.points
    return points


def _side(points: Mapping[Cause, float], best: Cause | None) -> str:
    if best is None or points[best] < ENOUGH:
        return UNTOLD
    other = OURS if best.side == THEIRS else THEIRS
    rival = max((points[cause] for cause in points if cause.side == other), default=0.0)
    return best.side if points[best] - rival >= LEAD else UNTOLD


def _is_against(clue: Clue, best: Cause) -> bool:
    if clue.cause is best:
        return clue.points < 0
    return clue.cause.side != best.side and clue.points > 0


def _strongest(found: Iterable[Clue]) -> tuple[Clue, ...]:
    told: dict[str, Clue] = {}
    for clue in sorted(found, key=lambda each: (-abs(each.points), each.text)):
        told.setdefault(clue.text, clue)
    return tuple(told.values())


def _ids(failed: Sequence[Root]) -> tuple[str, ...]:
    newest = sorted(failed, key=lambda root: root.ended_at or 0.0, reverse=True)
    ids = [id_ for root in newest for id_ in root.provider_job_ids]
    return tuple(dict.fromkeys(ids))[:_MOST_IDS]
