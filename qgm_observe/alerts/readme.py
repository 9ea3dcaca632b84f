"""The page of the shelf: every alert at a glance, and what is not alerted on yet."""

from collections.abc import Iterable, Iterator

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.table import ALERTS, NO_MONEY, Alert
from qgm_observe.slo.indicator import Spend

_HEAD = """\
<!-- rendered by qgm-observe render DIR --only alerts -->
# Alerts: rules, their tests, and who is told

| file | is |
|---|---|
| `rules/` | rule files for Prometheus: one group an objective, trends of events, causes |
| `tests/` | `promtool test rules tests/*.yml`: each alert fires, stays silent and recovers |
| `kubernetes/prometheusrules.yml` | the same rules for prometheus-operator |
| `alertmanager.yml` | routes, grouping, inhibition, quiet times; put in your own addresses |
| `config.yml` | every setting of `qgm-observe render DIR --config FILE`, at its default |
| `shipped-objectives.yml` | what rules are rendered of by default, and the forms of your own |

Profile `{profile}`: {alerts} alerts are rendered, {pages} of them pages.
`profile: full` renders all; `overnight: ticket` lets pages about training wait for the morning.
Rules take `source="journal"`: keep Prometheus' data for 30 days at least (`28d` is counted).

"""


def readme(configuration: Configuration, rendered: Iterable[str]) -> str:
    """Return the page as Markdown, for the alerts that are rendered."""
    names = set(rendered)
    chosen = [alert for alert in ALERTS if alert.name in names]
    head = _HEAD.format(
        profile=configuration.written.profile,
        alerts=len(chosen),
        pages=sum(alert.severity == "page" for alert in chosen),
    )
    return head + "\n".join([*_table(names), *_missing(configuration)]) + "\n"


def _table(rendered: set[str]) -> Iterator[str]:
    yield "| alert | severity | owner | urgency | profile | answers | what users lose | rendered |"
    yield "|---|---|---|---|---|---|---|---|"
    for alert in ALERTS:
        yield _row(alert, is_rendered=alert.name in rendered)


def _row(alert: Alert, *, is_rendered: bool) -> str:
    cells = (
        f"`{alert.name}`",
        alert.severity,
        alert.owner,
        alert.urgency,
        alert.profile,
        ", ".join(alert.modes),
        alert.loses,
        "yes" if is_rendered else "no",
    )
    return f"| {' | '.join(cells)} |"


def _missing(configuration: Configuration) -> Iterator[str]:
    has_money = any(
        isinstance(each.indicator, Spend) and each.severity == "page"
        for each in configuration.objectives
    )
    if not has_money:
        yield ""
        yield "## What is missing"
        yield ""
        yield f"- `{NO_MONEY.name}` ({NO_MONEY.severity}) lacks {NO_MONEY.missing}."
