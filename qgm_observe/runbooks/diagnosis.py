"""Ours or theirs, and why: records in, verdict out; nothing is asked and nothing printed here."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from qgm_observe.runbooks import device_sightings, work_sightings
from qgm_observe.runbooks.cause import OURS, THEIRS, Cause
from qgm_observe.runbooks.evidence import RECOVERS, Clue, clues
from qgm_observe.runbooks.priors import SAYS, Claim
from qgm_observe.runbooks.roots import DAY, Place, Root
from qgm_observe.runbooks.sighting import Sighting
from qgm_observe.runbooks.situation import Change, Situation, changes_in
from qgm_observe.runbooks.work_sightings import WATCHDOG

UNTOLD = "cannot tell"
ENOUGH = 2.0
"""Points that the best cause needs: less is a guess."""

LEAD = 1.5
"""Points by which it has to lead the best cause of the other side."""

ACTIVE = "a Prometheus holds it active"
_REFUTED, _ABSENT = -2.5, -0.5
"""Points against what an alert names, where its condition does not hold, or shows nowhere."""

_MOST_IDS = 10
_LOOKS = {**work_sightings.LOOKS, **device_sightings.LOOKS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What triage answers.

    Attributes:
        side: `ours`, `theirs` or `cannot tell`.
        cause: The likeliest, `None` where nothing speaks for any.
        pro: What was seen that speaks for it, the strongest first.
        contra: What speaks against it, or for the other side, the strongest first.
        claim: What the alert says by itself.
        seen: What was seen of its condition, `None` where nothing was.
        is_claim: Whether the verdict is what the alert says, and not what failures say.
        since: Epoch seconds, `None` where nobody knows.
        is_over: Whether what failed lately has gone well again.
        is_quiet: Whether the alert's condition is known not to hold.
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
    claim: Claim
    seen: Sighting | None = None
    is_claim: bool = False
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


def diagnose(situation: Situation) -> Diagnosis:
    """Return what a situation says.

    A side is told when its best cause has `ENOUGH` points and leads the best cause of the other
    side by `LEAD`; otherwise the honest answer is that nobody can tell from what is known. What the
    alert says by itself counts at most half of what was seen, unless a Prometheus holds it active:
    on its name alone nobody is blamed.
    """
    claim = SAYS.get(situation.alert, Claim(""))
    if not situation.is_heard:
        return Diagnosis(side=UNTOLD, cause=None, claim=claim)
    look = _LOOKS.get(situation.alert)
    seen = look(situation) if look is not None else None
    found = [*clues(situation), *_sighted(seen, claim)]
    said = {} if situation.is_inactive else claim.causes
    is_active = situation.active_at is not None
    best = _best(_points(found), said)
    side = _side(_points(found), said, best, is_active=is_active)
    trouble = situation.trouble
    failed = trouble.failed if trouble else ()
    is_over = trouble is None and situation.alert in RECOVERS and _failed_lately(situation)
    shown = found + [Clue(cause, ENOUGH, ACTIVE) for cause in said if is_active]
    pro = _strongest(clue for clue in shown if clue.cause is best and clue.points > 0)
    contra = _strongest(clue for clue in shown if best is not None and _is_against(clue, best))
    on_both = {clue.text for clue in pro}
    return Diagnosis(
        side=side,
        cause=best,
        pro=pro,
        contra=tuple(clue for clue in contra if clue.text not in on_both),
        claim=claim,
        seen=seen,
        is_claim=not failed and best in claim.causes and (is_active or bool(seen and seen.holds)),
        since=situation.since,
        is_over=side == UNTOLD and is_over,
        is_quiet=side == UNTOLD and _is_quiet(situation, seen),
        failed=frozenset(root.id for root in failed),
        ended=len(failed) + len(trouble.went if trouble else ()),
        pipelines=trouble.pipelines if trouble else (),
        places=tuple(sorted({place for root in failed for place in root.places})),
        provider_job_ids=_ids(failed),
        good=situation.good,
        changes=tuple(changes_in(situation)),
    )


def _sighted(seen: Sighting | None, claim: Claim) -> Iterator[Clue]:
    if seen is None:
        return
    points = {True: seen.points, False: _REFUTED, None: _ABSENT}[seen.holds]
    for cause in claim.causes if seen.cause is None else (seen.cause,):
        if points:
            yield Clue(cause, points, seen.text)


def _is_quiet(situation: Situation, seen: Sighting | None) -> bool:
    is_contradicted = situation.active_at is not None and situation.alert != WATCHDOG
    if situation.silent or is_contradicted:
        return False
    holds = None if seen is None else seen.holds
    return holds is False or (situation.is_inactive and holds is None)


def _failed_lately(situation: Situation) -> bool:
    begin = situation.now - DAY
    return any(root.is_bad and (root.ended_at or 0.0) >= begin for root in situation.roots)


def _points(found: Iterable[Clue]) -> dict[Cause, float]:
    points: dict[Cause, float] = defaultdict(float)
    for clue in found:
        points[clue.cause] += clue.points
    return dict(points)


def _best(points: Mapping[Cause, float], said: Mapping[Cause, float]) -> Cause | None:
    """Return what has most, what was seen before what was said; `None` where nothing has any."""

    def weight(cause: Cause) -> tuple[float, float]:
        return points.get(cause, 0.0) + said.get(cause, 0.0), points.get(cause, 0.0)

    best = max({**points, **said}, key=weight, default=None)
    return best if best is not None and weight(best)[0] > 0 else None


def _side(
    points: Mapping[Cause, float],
    said: Mapping[Cause, float],
    best: Cause | None,
    *,
    is_active: bool,
) -> str:
    if best is None:
        return UNTOLD
    seen = points.get(best, 0.0)
    told = said.get(best, 0.0) if is_active else min(said.get(best, 0.0), max(seen, 0.0) / 2)
    other = OURS if best.side == THEIRS else THEIRS
    rivals = [cause for cause in {**points, **said} if cause.side == other]
    rival = max((points.get(cause, 0.0) + said.get(cause, 0.0) for cause in rivals), default=0.0)
    return best.side if seen + told >= ENOUGH and seen + told - rival >= LEAD else UNTOLD


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
