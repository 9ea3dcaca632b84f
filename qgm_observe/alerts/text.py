"""What an alert says, in the order in which whoever is woken wants to know it.

What users lose; how many of how many, since when; budget left; whether it is still spending; what
the provider says; the first command; where to look; how often this alert is false. The numbers are
filled in by Prometheus when it fires.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.links import board_url, runbook_url
from qgm_observe.alerts.table import NEVER, Alert
from qgm_observe.catalog import provider_signals, signals

NUMBER = '{{ . | first | value | printf "%.0f" }}'
PERCENT = "{{ . | first | value | humanizePercentage }}"
TIMES = '{{ . | first | value | printf "%.1f" }} times'
STATE = "not known: it tells a state, and is as good as what the provider or journal says"
"""How often an alert is false that no chance is behind."""

_WORST = 3
_SPENT = (
    "qgm:slo_errors:count{} / on (slo, window) (qgm:slo_events:count > 0) "
    "/ on (slo, window) qgm:slo_budget:ratio"
)
"""Share of the budget that is spent, by objective; none where nothing counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The parts of an alert's text that differ from alert to alert.

    Attributes:
        count: How many of how many, since when.
        spending: Whether it goes on; by default what is in flight now.
        budget: Share left; by default of every objective.
        false: How often it is false; by default that nobody knows.
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
    asked_first = _triage(configuration, alert, labels, (fixed or {}).get("slo"))
    runbook = runbook_url(written.runbooks_url, alert.name)
    board = board_url(written.boards_url, alert.board, labels, **fixed or {})
    lines = [
        alert.loses,
        said.count,
        f"Budget left: {said.budget or _budgets()}.",
        said.spending or _in_flight(labels),
        _provider_status(labels),
        f"First: {asked_first}",
        f"Then: {_next(alert, asked_first)}",
        f"Escalate to {alert.escalation} when that does not help.",
        f"Runbook: {runbook}",
        f"Board: {board}",
        said.false or _unknown(alert),
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
    return _with(query, values, shown, otherwise) if values else asked(query, shown, otherwise)


def _with(query: str, values: str, shown: str, otherwise: str = "") -> str:
    told = f"printf `{query}` {values} | query"
    return f"{{{{ with {told} }}}}{shown}{{{{ else }}}}{otherwise}{{{{ end }}}}"


def _triage(
    configuration: Configuration, alert: Alert, labels: tuple[str, ...], slo: str | None
) -> str:
    words = [f"qgm-observe triage {alert.name} --url {configuration.written.exporter_url}"]
    words += [f" --slo {slo}"] if slo else []
    words += [
        f"{{{{ with $labels.{name} }}}} --{name} {{{{ . | {_HARMLESS} }}}}{{{{ end }}}}"
        for name in ("pipeline", "device")
        if name in labels
    ]
    return "".join([*words, " --prometheus {{ $externalURL }}"])


def _next(alert: Alert, asked_first: str) -> str:
    if alert.command.startswith("--"):
        return f"{asked_first} {alert.command}"
    return alert.command.replace("URL", "{{ $externalURL }}")


def _where(labels: tuple[str, ...]) -> str:
    return "".join(f" · {name} {{{{ $labels.{name} }}}}" for name in labels)


def listed(query: str, each: str, otherwise: str) -> str:
    """Return a template that lists what is found, with a comma between two.

    Args:
        query: A pipeline that asks Prometheus.
        each: How one is told.
        otherwise: What stands there when nothing is found.
    """
    ranged = f"{{{{ range $place, $each := {query} }}}}{{{{ if $place }}}}, {{{{ end }}}}"
    return f"{ranged}{each}{{{{ else }}}}{otherwise}{{{{ end }}}}"


def left_of(spent: str, whole: str) -> str:
    """Return a template of the share of a budget that is left, or how often it is spent.

    Args:
        spent: PromQL of the share that is spent.
        whole: What it is a share of.
    """
    left = asked(f"1 - {spent}", PERCENT)
    is_gone = "{{ if ge (. | first | value) 1.0 }}"
    return asked(spent, f"{is_gone}gone, spent {TIMES}{{{{ else }}}}{left}{{{{ end }}}}{whole}")


def _budgets() -> str:
    """The worst of those that are not whole."""
    every = _SPENT.replace("{}", "")
    own = _with(_SPENT.replace("{}", "{slo=%q}"), ".Labels.slo", TIMES)
    left = "{{ if gt .Value 0.0 }}{{ .Value | humanizePercentage }}"
    share = f"{left}{{{{ else }}}}gone, spent {own}{{{{ end }}}}"
    worst = f"query `sort(bottomk({_WORST}, 1 - {every} < 1))`"
    return listed(
        worst, f"{{{{ .Labels.slo }}}} {share}", "no objective is known to have spent any"
    )


def _unknown(alert: Alert) -> str:
    return f"How often this {alert.severity} is false: {STATE}." if alert.urgency != NEVER else ""


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
    told += ' | sortByLabel "device"'
    each = "{{ .Labels.device }} {{ .Labels.device_state }}"
    return f"Provider: {listed(told, each, 'no device is known to be out of service')}."
