"""The rules of an objective that holds money against a cap: spent, and spent in two hours."""

from collections.abc import Iterator

from qgm_observe.alerts.budget import Rule, budget_alert
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.text import Said, asked, left_of
from qgm_observe.slo.burn import PAGE
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.indicator import Spend
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import HOUR, shorthand

SPENT = "qgm:slo_spent:usd"
AHEAD_HOURS = 2
"""The page comes when the cap will be reached within so many hours, at the last hour's pace."""


def rules(
    objective: Objective, configuration: Configuration, selectors: Selectors
) -> Iterator[Rule]:
    """Yield all rules of an objective that is held against money."""
    spend, slo = objective.indicator, objective.name
    assert isinstance(spend, Spend)  # noqa: S101  told to the type checker
    period = shorthand(objective.window.seconds)
    for window in sorted({HOUR, objective.window.seconds}):
        text = " + ".join(
            f"({selectors.count(each, window, slo=slo)} or vector(0))" for each in spend.spent
        )
        labels = {"slo": slo, "window": shorthand(window)}
        yield {"record": SPENT, "expr": text, "labels": labels}
    spent, pace = (f'sum({SPENT}{{slo="{slo}",window="{each}"}})' for each in (period, "1h"))
    dollars = '{{ . | first | value | printf "%.2f" }}'
    said = Said(
        count=f"{asked(spent, dollars)} of {plain(spend.cap)} USD spent in the last {period}.",
        spending=f"Still spending: {asked(pace, dollars)} USD in the last hour.",
        budget=left_of(f"{spent} / {plain(spend.cap)}", f" ({plain(spend.cap)} USD in {period})"),
        false="No chance is behind it: it is as good as the estimates and bills that it adds up.",
    )
    whole, hour = (f'{SPENT}{{slo="{slo}",window="{each}"}}' for each in (period, "1h"))
    expression = f"{whole} + on () {AHEAD_HOURS} * {hour} >= {plain(spend.cap)}"
    yield budget_alert(alert_of(objective), objective, configuration, expression, said)


def alert_of(objective: Objective) -> str:
    """Return the page, or a ticket where the objective is to raise no more."""
    return "QgmSpendCap" if objective.severity == PAGE else "QgmSloBurnTicket"
