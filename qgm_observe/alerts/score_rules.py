"""The rules of an objective that is judged by score: evidence by window, its highest, two alerts.

Constants and windows are those of `qgm_observe.slo.score`, which is also what is simulated.
"""

from collections.abc import Iterator

from qgm_observe.alerts.budget import ERRORS, EVENTS, Rule, budget_alert, one, units
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.text import NUMBER, Said, asked
from qgm_observe.slo.burn import PAGE
from qgm_observe.slo.characteristics import INCIDENTS, tabled
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.score import (
    BURNING,
    BURNING_HELD,
    FEWEST_ERRORS,
    FEWEST_EVENTS,
    HELD,
    LAST_DAYS,
    RECOVERED,
    SPENT,
    TICKET_THRESHOLD,
    TICKET_WINDOWS,
    TRAFFIC_WINDOW,
    WINDOWS,
    Score,
)
from qgm_observe.slo.window import shorthand

EVIDENCE, RECOVERY = "qgm:slo_score:llr", "qgm:slo_recovery:llr"
HIGHEST, THRESHOLD = "qgm:slo_score:max", "qgm:slo_score:threshold"
THREATENED = "qgm:slo_threatened:count"
"""How many failed in the whole window, recorded only while its spent budget burns on."""

USED = (*WINDOWS, TRAFFIC_WINDOW)
"""Seconds of the windows that are counted."""

_COUNTED = (ERRORS, EVENTS)
_TIE = 1e-6
_TEXTS = tuple(map(shorthand, WINDOWS))


def rules(objective: Objective, configuration: Configuration) -> Iterator[Rule]:
    """Yield what follows the counts of an objective."""
    score, slo = objective.score, objective.name
    assert score is not None  # noqa: S101  told to the type checker
    labels = {"slo": slo}
    told = (
        (EVIDENCE, score.page, _TEXTS),
        (RECOVERY, score.recovery, _TEXTS[:-1]),
    )
    for record, weights, windows in told:
        text = _weighed(slo, weights.error, weights.event, windows)
        yield {"record": record, "expr": text, "labels": labels}
    yield {"record": THRESHOLD, "expr": _threshold(slo, score), "labels": labels}
    yield {"record": HIGHEST, "expr": _highest(slo), "labels": labels}
    if objective.severity == PAGE:
        if _is_long(objective):
            text = f"max(\n  {_threatened(objective, score)}\n)"
            yield {"record": THREATENED, "expr": text, "labels": labels}
        yield _page(objective, configuration)
    yield _ticket(objective, score, configuration)


def _is_long(objective: Objective) -> bool:
    return objective.window.seconds > LAST_DAYS[-1]


def _page(objective: Objective, configuration: Configuration) -> Rule:
    slo = objective.name
    expression = f'{HIGHEST}{{slo="{slo}"}} > on () {THRESHOLD}{{slo="{slo}"}}'
    threatened = f'max_over_time({THREATENED}{{slo="{slo}"}}[{shorthand(BURNING_HELD)}])'
    if _is_long(objective):
        expression += f"\nor max({threatened})"
    weighed = [one(EVIDENCE, slo, each) for each in _TEXTS]
    count = _evidence(objective, weighed, threatened)
    said = Said(count=count, spending=_spending(slo), false=_false(objective))
    return budget_alert(
        "QgmSloBurnPage",
        objective,
        configuration,
        expression,
        said,
        keep_firing_for=shorthand(HELD),
    )


def _ticket(objective: Objective, score: Score, configuration: Configuration) -> Rule:
    windows = tuple(map(shorthand, TICKET_WINDOWS))
    text = _weighed(objective.name, score.ticket.error, score.ticket.event, windows)
    weights = score.ticket.error, score.ticket.event
    weighed = [_weighed(objective.name, *weights, (each,)) for each in windows]
    said = Said(
        count=_evidence(objective, weighed, _spent(objective, score)),
        spending=_spending(objective.name),
        false="How often this ticket is false is not tabled; it takes less evidence than a page.",
    )
    return budget_alert(
        "QgmSloBurnTicket",
        objective,
        configuration,
        f"max({text}) > {plain(TICKET_THRESHOLD)}\nor max({_spent(objective, score)})",
        said,
    )


def _spent(objective: Objective, score: Score) -> str:
    """More has failed in the whole window than was planned, and than chance explains."""
    allowed = _allowed(objective, score, SPENT)
    failed = one(ERRORS, objective.name, shorthand(objective.window.seconds))
    return f"{failed} > on (window) clamp_min({allowed}, {FEWEST_ERRORS - 1})"


def _threatened(objective: Objective, score: Score) -> str:
    """The budget is spent and burns on, and did so before: no incident of this week alone."""
    slo, period = objective.name, shorthand(objective.window.seconds)
    parts = [_spent(objective, score)]
    allowed = _allowed(objective, score, BURNING)
    parts += [f"{one(ERRORS, slo, shorthand(each))} > on (window) {allowed}" for each in LAST_DAYS]
    last = shorthand(LAST_DAYS[-1])
    failed, all_ = (f"{one(name, slo, period)} - on () {one(name, slo, last)}" for name in _COUNTED)
    parts.append(f"{failed} > {plain(score.budget)} * ({all_})")
    return "\n  and on () ".join(parts)


def _allowed(objective: Objective, score: Score, deviations: float) -> str:
    """See `Score.allowed`, of each window; one standard deviation is written without its number."""
    events, times = f'{EVENTS}{{slo="{objective.name}"}}', plain(deviations)
    root = f"sqrt({plain(score.budget * score.design_effect)} * {events})"
    chance = root if times == "1" else f"{times} * {root}"
    return f"{plain(score.budget)} * {events} + {chance}"


def _weighed(slo: str, error: float, event: float, windows: tuple[str, ...]) -> str:
    chosen = f'{{slo="{slo}",window=~"{"|".join(windows)}"}}'
    of_all = f'on (window) {plain(event)} * {EVENTS}{{slo="{slo}"}}'
    return f"{plain(error)} * {ERRORS}{chosen} - {of_all}"


def _threshold(slo: str, score: Score) -> str:
    traffic = f"sum({one(EVENTS, slo, shorthand(TRAFFIC_WINDOW))})"
    if score.design_effect != 1:
        traffic += f" * {plain(1 / score.design_effect)}"
    return f"0.5 + 0.5 * ln(clamp_min({traffic}, {plain(FEWEST_EVENTS)}))"


def _highest(slo: str) -> str:
    """The most evidence of the windows in none of whose shorter ones it has recovered."""
    parts = [f"   {one(EVIDENCE, slo, _TEXTS[0])}"]
    for number, text in enumerate(_TEXTS[1:-1], 1):
        shorter = "|".join(_TEXTS[:number])
        veto = f'{RECOVERY}{{slo="{slo}",window=~"{shorter}"}} < {plain(RECOVERED)}'
        parts.append(f"({one(EVIDENCE, slo, text)} unless on () {veto})")
    veto = f'{RECOVERY}{{slo="{slo}"}} < {plain(RECOVERED)}'
    parts.append(f"({one(EVIDENCE, slo, _TEXTS[-1])} unless on () {veto})")
    return "max(\n  " + "\n  or ".join(parts) + "\n)\n"


# ------------------------------------------------------------------------------------------ text


def _evidence(objective: Objective, weighed: list[str], spent: str) -> str:
    """How many failed in the window that speaks loudest; where none does, that all is spent."""
    slo, period = objective.name, shorthand(objective.window.seconds)
    parts = (f"{text} - {plain(number * _TIE)}" for number, text in enumerate(weighed))
    failed, all_ = (
        f'{{{{ with printf `{name}{{slo="{slo}",window=%q}}` $window | query }}}}'
        f"{NUMBER}{{{{ end }}}}"
        for name in _COUNTED
    )
    loudest = (
        f'{{{{ $window := . | first | label "window" }}}}{failed} of {all_} {units(objective)} '
        "failed in the last {{ $window }}."
    )
    week = " of ".join(asked(one(name, slo, "7d")) for name in _COUNTED)
    told = f"{week} {units(objective)} failed in the last 7d, and in {period} more than by chance."
    return asked(f"topk(1, {' or '.join(parts)}) > 0", loudest, asked(spent, told, ""))


def _spending(slo: str) -> str:
    failed, all_ = (asked(one(name, slo, "1h"), otherwise="0") for name in (ERRORS, EVENTS))
    return f"Still spending: {failed} of {all_} failed in the last hour."


def _false(objective: Objective) -> str:
    rate = objective.events_per_day
    assert objective.target is not None  # noqa: S101  a score has a target
    found = None if rate is None else tabled(objective.target, rate / objective.design_effect)
    if found is None:
        return "How often this page is false: qgm-observe slo simulate tells."
    hours = ", ".join(
        f"{'never' if told is None else f'{told:.1f} h'} at {failing:.0%}"
        for failing, told in zip(INCIDENTS, found.hours, strict=True)
    )
    return (
        f"At {rate:g} a day this page is false {found.false_pages:.2f} times in 28 days, and comes "
        f"after a median of {hours} failing."
    )
