"""What an alert says, in the order in which whoever is woken wants to know it.

What users lose; how many of how many, since when; budget left; whether it is still spending; what
the provider says; the first command; where to look; how often this alert is false. The numbers are
filled in by Prometheus when it fires.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.links import board_url, runbook_url
from qgm_observe.alerts.table import Alert
from qgm_observe.catalog import provider_signals, signals

NUMBER = '{{ . | first | value | printf "%.0f" }}'
BUDGET_LEFT = (
    "1 - qgm:slo_errors:count / on (slo, window) (qgm:slo_events:count > 0) "
    "/ on (slo, window) qgm:slo_budget:ratio"
)
"""Share of the budget that is left, by objective; none where nothing counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The parts of an alert's text that differ from alert to alert.

    Attributes:
        count: How many of how many, since when.
        spending: Whether it goes on; by default what is in flight now.
        budget: Share left; by default of every objective.
        false: How often it is false, where that is known.
    """

    count: str
    spending: str = ""
    budget: str = ""
    false: str = ""


def annotations(
    configuration: Configuration,
    alert: Alert,
    said: Said,
    labels: tuple[str, ...],
    fixed: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return an alert's annotations.

    Args:
        configuration: With the addresses of runbooks and boards.
        alert: Whose text it is.
        said: Its own parts.
        labels: Labels it is aggregated by; links and queries are narrowed to them.
        fixed: Variables of the board beside the labels.
    """
    written = configuration.written
    runbook = runbook_url(written.runbooks_url, alert.name)
    board = board_url(written.boards_url, alert.board, labels, **fixed or {})
    lines = [
        alert.loses,
        said.count,
        f"Budget left: {said.budget or _budgets()}.",
        said.spending or _in_flight(labels),
        _provider_status(labels),
        f"First: {_triage(configuration, alert, labels)}",
        f"Then: {_next(configuration, alert, labels)}",
        f"Escalate to {alert.escalation} when that does not help.",
        f"Runbook: {runbook}",
        f"Board: {board}",
        said.false,
    ]
    return {
        "summary": f"{alert.loses.rstrip('.')}{_where(labels)}",
        "description": "\n".join(line for line in lines if line),
        "runbook_url": runbook,
        "dashboard_url": board,
    }


_HARMLESS = r'reReplaceAll "[^A-Za-z0-9._:@/+-]" "_"'
"""A label's value in a command that somebody will paste into a shell."""


def asked(query: str, shown: str = NUMBER, otherwise: str = "unknown") -> str:
    """Return a template that asks Prometheus for one number.

    Args:
        query: PromQL; text in braces such as `{{ $labels.x }}` cannot stand in it.
        shown: How the answer is shown.
        otherwise: What stands there when there is none.
    """
    return f"{{{{ with query `{query}` }}}}{shown}{{{{ else }}}}{otherwise}{{{{ end }}}}"


def asked_of(query: str, labels: Iterable[str], shown: str = NUMBER, otherwise: str = "0") -> str:
    """Return a template that asks for one number of the alert's own labels.

    Args:
        query: PromQL with one `%q` a label, in their order.
        labels: Names.
        shown: How the answer is shown.
        otherwise: What stands there when there is none.
    """
    values = " ".join(f"$labels.{name}" for name in labels)
    told = f"printf `{query}` {values} | query" if values else f"query `{query}`"
    return f"{{{{ with {told} }}}}{shown}{{{{ else }}}}{otherwise}{{{{ end }}}}"


def _triage(configuration: Configuration, alert: Alert, labels: tuple[str, ...]) -> str:
    words = [f"qgm-observe triage {alert.name} --url {configuration.written.exporter_url}"]
    words += [
        f"{{{{ with $labels.{name} }}}} --{name} {{{{ . | {_HARMLESS} }}}}{{{{ end }}}}"
        for name in ("pipeline", "device")
        if name in labels
    ]
    return "".join([*words, " --prometheus {{ $externalURL }}"])


def _next(configuration: Configuration, alert: Alert, labels: tuple[str, ...]) -> str:
    if alert.command.startswith("--"):
        return f"{_triage(configuration, alert, labels)} {alert.command}"
    return alert.command.replace("URL", "{{ $externalURL }}")


def _where(labels: tuple[str, ...]) -> str:
    return "".join(f" · {name} {{{{ $labels.{name} }}}}" for name in labels)


def _budgets() -> str:
    each = "{{ .Labels.slo }} {{ .Value | humanizePercentage }}"
    return f"{{{{ range query `{BUDGET_LEFT}` }}}}{each}, {{{{ end }}}}see the objectives' board"


def _in_flight(labels: tuple[str, ...]) -> str:
    signal = signals.JOBS_IN_FLIGHT
    known = [name for name in labels if name in signal.label_names]
    matchers = "".join(f",{name}=%q" for name in known)
    query = f'sum({signal.prometheus}{{source="journal"{matchers}}})'
    return f"Still spending: {asked_of(query, known)} of its jobs are in flight."


def _provider_status(labels: tuple[str, ...]) -> str:
    signal = provider_signals.DEVICE_STATE
    known = [name for name in labels if name in signal.label_names]
    matchers = "".join(f",{name}=%q" for name in known)
    query = f'{signal.prometheus}{{device_state!="online"{matchers}}} == 1'
    values = " ".join(f"$labels.{name}" for name in known)
    told = f"printf `{query}` {values} | query" if known else f"query `{query}`"
    each = "{{ .Labels.device }} {{ .Labels.device_state }}, "
    return f"Provider: {{{{ range {told} }}}}{each}{{{{ end }}}}the rest online or not watched."
