"""From objectives to Prometheus rules: one group an objective, a static `slo` label on every rule.

Rules of one group run in order, so that a score never rests on counts of the evaluation before.
The score's series are counts and their weighted differences; nothing is divided, and a service
without events is 0, not NaN. Burn rates bear the names of sloth's recording rules.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from qgm_observe.slo import promql
from qgm_observe.slo.burn import PAGE, TICKET, Burn, windows_of
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.indicator import Ratio, Slices
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.score import (
    FEWEST_EVENTS,
    HELD,
    RECOVERED,
    TICKET_THRESHOLD,
    TICKET_WINDOWS,
    TRAFFIC_WINDOW,
    WINDOWS,
    Score,
)
from qgm_observe.slo.window import shorthand

Rule = dict[str, Any]
EVENTS, ERRORS = "qgm:slo_events:count", "qgm:slo_errors:count"
EVIDENCE, RECOVERY = "qgm:slo_score:llr", "qgm:slo_recovery:llr"
HIGHEST, THRESHOLD = "qgm:slo_score:max", "qgm:slo_score:threshold"


def groups(objectives: Iterable[Objective]) -> list[dict[str, Any]]:
    """Return a rule group an objective, without those whose budget raises no alert.

    Every rule is a mapping as Prometheus reads it: `record` or `alert`, `expr`, `labels`.
    """
    made = [(each, rules(each)) for each in objectives]
    return [{"name": f"qgm-slo-{each.name}", "rules": found} for each, found in made if found]


def rules(objective: Objective) -> list[Rule]:
    """Return the rules of an objective, in the order in which they have to be evaluated."""
    if objective.score is not None:
        return [*_counts(objective, (*WINDOWS, TRAFFIC_WINDOW)), *_scored(objective)]
    if objective.burns:
        windows = {*windows_of(objective.burns), objective.window.seconds}
        return [*_counts(objective, sorted(windows)), *_burning(objective)]
    if objective.is_degraded:
        return [*_counts(objective, (TRAFFIC_WINDOW / 28,)), _each_failure(objective)]
    return []


def _counts(objective: Objective, windows: Iterable[float]) -> Iterator[Rule]:
    for window in windows:
        good, total = _good_and_total(objective, window)
        labels = {"slo": objective.name, "window": shorthand(window)}
        events = f'{EVENTS}{{slo="{objective.name}",window="{labels["window"]}"}}'
        yield {"record": EVENTS, "expr": total, "labels": labels}
        yield {
            "record": ERRORS,
            "expr": f"clamp_min({events} - on () ({good} or on () vector(0)), 0)",
            "labels": labels,
        }


def _good_and_total(objective: Objective, window: float) -> tuple[str, str]:
    indicator = objective.indicator
    if isinstance(indicator, Ratio):
        return promql.count(indicator.good, window), promql.count(indicator.total, window)
    assert isinstance(indicator, Slices)  # noqa: S101  money has neither score nor burn
    return (
        promql.minutes(indicator, window, good=True),
        promql.minutes(indicator, window, good=False),
    )


# ----------------------------------------------------------------------------------------- score


def _scored(objective: Objective) -> Iterator[Rule]:
    score, labels = objective.score, {"slo": objective.name}
    assert score is not None  # noqa: S101  told to the type checker
    for record, weights in ((EVIDENCE, score.page), (RECOVERY, score.recovery)):
        text = _weighed(objective, weights.error, weights.event)
        yield {"record": record, "expr": text, "labels": labels}
    yield {"record": THRESHOLD, "expr": _threshold(objective, score), "labels": labels}
    yield {"record": HIGHEST, "expr": _highest(objective.name), "labels": labels}
    if objective.severity == PAGE:
        yield {
            "alert": "QgmSloBurnPage",
            "expr": f'{HIGHEST}{{slo="{objective.name}"}} > on (slo) '
            f'{THRESHOLD}{{slo="{objective.name}"}}',
            "keep_firing_for": shorthand(HELD),
            "labels": labels | {"severity": PAGE},
        }
    windows = "|".join(map(shorthand, TICKET_WINDOWS))
    text = _weighed(objective, score.ticket.error, score.ticket.event, f',window=~"{windows}"')
    yield {
        "alert": "QgmSloBurnTicket",
        "expr": f"max by (slo) ({text}) > {plain(TICKET_THRESHOLD)}",
        "labels": labels | {"severity": TICKET},
    }


def _weighed(objective: Objective, error: float, event: float, further: str = "") -> str:
    chosen = f'{{slo="{objective.name}"{further}}}'
    return f"{plain(error)} * {ERRORS}{chosen} - {plain(event)} * {EVENTS}{chosen}"


def _threshold(objective: Objective, score: Score) -> str:
    window = shorthand(TRAFFIC_WINDOW)
    traffic = f'sum by (slo) ({EVENTS}{{slo="{objective.name}",window="{window}"}})'
    if score.design_effect != 1:
        traffic += f" / {plain(score.design_effect)}"
    return f"0.5 + 0.5 * ln(clamp_min({traffic}, {plain(FEWEST_EVENTS)}))"


def _highest(name: str) -> str:
    """The most evidence of the windows in none of whose shorter ones it has recovered."""
    parts: list[str] = []
    texts = [shorthand(window) for window in WINDOWS]
    for number, text in enumerate(texts):
        evidence = f'{EVIDENCE}{{slo="{name}",window="{text}"}}'
        shorter = "|".join(texts[:number])
        veto = f'{RECOVERY}{{slo="{name}",window=~"{shorter}"}} < {plain(RECOVERED)}'
        parts.append(f"({evidence} unless on (slo) {veto})" if number else evidence)
    return f"max by (slo) ({' or '.join(parts)})"


# -------------------------------------------------------------------------------------- burn rate


def _burning(objective: Objective) -> Iterator[Rule]:
    labels = {
        "slo": objective.name,
        "sloth_id": f"{objective.service}-{objective.name}",
        "sloth_service": objective.service,
        "sloth_slo": objective.name,
    }
    windows = {*windows_of(objective.burns), objective.window.seconds}
    for window in sorted(windows):
        text = shorthand(window)
        chosen = f'{{slo="{objective.name}",window="{text}"}}'
        yield {
            "record": f"slo:sli_error:ratio_rate{text}",
            "expr": f"sum by (slo) ({ERRORS}{chosen}) / (sum by (slo) ({EVENTS}{chosen}) > 0)",
            "labels": labels | {"sloth_window": text},
        }
    assert objective.target is not None  # noqa: S101  told to the type checker
    for record, value in (
        ("slo:objective:ratio", objective.target),
        ("slo:error_budget:ratio", objective.budget),
        ("slo:time_period:days", objective.window.days),
    ):
        yield {"record": record, "expr": f"vector({plain(value)})", "labels": labels}
    yield from _burn_alerts(objective)


def _burn_alerts(objective: Objective) -> Iterator[Rule]:
    for severity, name in ((PAGE, "QgmSloBurnPage"), (TICKET, "QgmSloBurnTicket")):
        pairs = [each for each in objective.burns if each.severity == severity]
        if pairs:
            yield {
                "alert": name,
                "expr": " or ".join(_both(objective, each) for each in pairs),
                "labels": {"slo": objective.name, "severity": severity},
            }


def _both(objective: Objective, burn: Burn) -> str:
    limit = plain(burn.factor * objective.budget)
    long, short = (
        f'slo:sli_error:ratio_rate{shorthand(window)}{{slo="{objective.name}"}} > {limit}'
        for window in (burn.long, burn.short)
    )
    return f"max by (slo) ({long}) and on (slo) max by (slo) ({short})"


def _each_failure(objective: Objective) -> Rule:
    """A budget under five events cannot burn: each failure is a ticket."""
    return {
        "alert": "QgmSloFailure",
        "expr": f'{ERRORS}{{slo="{objective.name}"}} > 0',
        "labels": {"slo": objective.name, "severity": TICKET},
    }
