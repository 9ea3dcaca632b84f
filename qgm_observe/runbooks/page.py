"""One runbook: a head that is generated, and a body that people write and that is kept."""

import shlex

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.links import board_uid
from qgm_observe.alerts.table import Alert
from qgm_observe.runbooks.conditions import condition, false_alerts, thresholds
from qgm_observe.runbooks.priors import TOLD_BY_PROVIDERS
from qgm_observe.slo.indicator import Spend

BEGIN, END = "<!-- generated:begin -->", "<!-- generated:end -->"
HEADINGS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation", "Recovery check")
UNWRITTEN = "To be written."
MODES = {
    "F1": "noisy outputs",
    "F2": "slow jobs",
    "F3": "mode collapse",
    "F4": "compilation failures",
    "F5": "cost runaway",
    "F6": "data drift",
    "F7": "scheduler throttling",
}
"""The failure modes of quantum generative models in production."""

_OF_OBJECTIVES = ("QgmSloBurnPage", "QgmSloBurnTicket", "QgmSpendCap")


def head(alert: Alert, configuration: Configuration, hold: str) -> str:
    """Return the generated part of a runbook.

    Args:
        alert: Of the table.
        configuration: Whose thresholds and addresses it tells.
        hold: For how long the condition has to hold, as the rule says; empty for at once.
    """
    board = f"{configuration.written.boards_url.rstrip('/')}/d/{board_uid(alert.board)}"
    settings = ", ".join(f"`{name}`" for name in thresholds(alert.name))
    modes = ", ".join(f"{mode} {MODES[mode]}" for mode in alert.modes)
    rows = [
        ("severity", f"{alert.severity}, act {alert.urgency.replace('-', ' ')}"),
        ("owner", "; then ".join(dict.fromkeys((alert.owner, alert.escalation)))),
        ("fires when", condition(alert.name, configuration)),
        ("for", hold or "at once"),
        ("set by", settings and f"{settings} below `thresholds:`"),
        ("answers", modes),
        ("false", false_alerts(alert.name, configuration)),
        ("guards", _guarded(alert, configuration)),
        ("profile", alert.profile),
        ("board", f"[{alert.board}]({board})"),
    ]
    table = [f"| {name} | {text} |" for name, text in rows if text]
    return "\n".join(
        [
            BEGIN,
            f"# {alert.name}",
            "",
            alert.loses,
            "",
            "| | |",
            "|---|---|",
            *table,
            "",
            "```sh",
            f"qgm-observe triage {alert.name} {_asked(alert)}",
            "```",
            END,
            "",
        ]
    )


def _guarded(alert: Alert, configuration: Configuration) -> str:
    """Own objectives; the shipped ones are known wherever the command is typed."""
    if alert.name not in _OF_OBJECTIVES or not configuration.written.objectives:
        return ""
    is_money = alert.name == "QgmSpendCap"
    names = [
        f"`{each.name}`"
        for each in configuration.objectives
        if isinstance(each.indicator, Spend) == is_money
    ]
    files = " ".join(
        f"--objectives {shlex.quote(each)}" for each in configuration.written.objectives
    )
    return f"{', '.join(names) or 'none'}; one alone: `--slo NAME`; without a Prometheus: `{files}`"


def _asked(alert: Alert) -> str:
    provider = ("--url $QGM_PROVIDER",) if alert.name in TOLD_BY_PROVIDERS else ()
    return " ".join(("--url $QGM_EXPORTER", *provider, "--prometheus $QGM_PROMETHEUS"))


def body_of(text: str) -> str | None:
    """Return what people wrote, below the generated part; `None` where no part is marked."""
    _, mark, body = text.partition(END)
    return body.removeprefix("\n") if mark else None


def empty_body() -> str:
    """Return the headings that a runbook has, for people to write below."""
    return "".join(f"\n## {heading}\n\n{UNWRITTEN}\n" for heading in HEADINGS)
