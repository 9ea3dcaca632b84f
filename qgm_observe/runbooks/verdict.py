"""What triage answers, as one sentence."""

from qgm_observe.runbooks.cause import Cause
from qgm_observe.runbooks.diagnosis import ACTIVE, UNTOLD, Diagnosis
from qgm_observe.runbooks.evidence import RECOVERS
from qgm_observe.runbooks.situation import Situation
from qgm_observe.runbooks.work_sightings import WATCHDOG


def verdict(told: Diagnosis, situation: Situation) -> str:
    """Return a diagnosis in words; a cause is named only where something that was seen names it."""
    if not situation.is_heard:
        return f"{UNTOLD}: no exporter answered from here: {situation.unreached}"
    if told.is_over:
        return "over: what failed lately goes well again"
    if told.is_quiet:
        return _quiet(told, situation)
    if told.side != UNTOLD and told.cause is not None:
        said = f"as the alert says, {told.claim.words}" if told.is_claim else told.cause.sentence
        return f"{told.side}: {said}{_beside(told, situation)}"
    return f"{UNTOLD}{_untold(told, situation)}"


def is_shown(told: Diagnosis) -> bool:
    """Return whether anything that was seen speaks for the likeliest cause."""
    return any(clue.text != ACTIVE for clue in told.pro)


def is_unreached(told: Diagnosis, situation: Situation) -> bool:
    """Return whether nothing but a missing answer speaks for a cause: a wrong address may do so."""
    return not situation.is_heard or (
        told.side == UNTOLD and told.cause is Cause.TELEMETRY and bool(situation.silent)
    )


def _beside(told: Diagnosis, situation: Situation) -> str:
    """What fails may be something else than what the alert is about."""
    is_other = told.cause not in told.claim.causes and situation.alert not in RECOVERS
    if is_other and told.claim.causes and not (told.seen and told.seen.holds):
        return "; of what the alert says nothing is seen"
    return ""


def _quiet(told: Diagnosis, situation: Situation) -> str:
    name = "no fault" if situation.alert == WATCHDOG else "not active"
    if told.seen is None or told.seen.holds is None:
        return f"{name}: the Prometheus evaluates our alerts and does not hold this one active"
    return f"{name}: {told.seen.text}"


def _untold(told: Diagnosis, situation: Situation) -> str:
    seen = told.seen
    if situation.active_at is not None and seen is not None and seen.holds is False:
        return f": a Prometheus holds it active, and yet {seen.text}"
    if is_unreached(told, situation):
        return f": no answer from {situation.unreached}"
    if told.cause is not None and is_shown(told):
        return f"; the likeliest is that {told.cause.sentence}"
    if told.failed and situation.alert in RECOVERS:
        return f": {len(told.failed)} of {told.ended} failed, of no class that names a side"
    if seen is not None and seen.holds:
        return f" whose it is: {seen.text}"
    shown = "nothing that was asked shows it" if seen is None else f"seen here: {seen.text}"
    return f": as the alert says, {told.claim.words}; {shown}"
