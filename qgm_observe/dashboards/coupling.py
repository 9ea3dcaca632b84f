"""The coupling map: qubits as nodes, pairs as edges, each with its error.

A node graph reads fields by name: `id`, `title`, `source`, `target`, `mainstat`, `color`. Labels of
an instant query in the form of a table are such fields, so that nothing has to be renamed on the
way; numbers become labels by `count_values`. A Grafana that knows no colors of edges draws them
gray, with their error in figures.
Source: grafana/grafana, `public/app/plugins/panel/nodeGraph/utils.ts`.
"""

from collections.abc import Sequence

from qgm_observe.catalog import Signal
from qgm_observe.catalog import provider_signals as told_by
from qgm_observe.dashboards.board import Kind, Panel, Query, Step
from qgm_observe.dashboards.device_panels import ERROR_STEPS, GATE_STEPS
from qgm_observe.dashboards.kinds import NOTHING
from qgm_observe.dashboards.site import Site

DISABLED, UNTOLD = "disabled", "untold"
_GRAY, _DASHES = "gray", "4 4"


def coupling_map(here: Site, width: int = 14, height: int = 16) -> Panel:
    """Return the map of the qubits that the exporter tells one by one."""
    told = here.told(
        "Qubits with their readout error, pairs with the error of their two-qubit gate. Only where "
        "the exporter tells single qubits; with detail `used` these are the qubits of the layouts "
        "that are configured, and a pair of them without a usable gate is dashed.",
        "No orange or red qubit or pair in the layout, and none disabled.",
        "QgmLayoutEdgeDisabled",
    )
    return Panel(
        kind=Kind.NODEGRAPH,
        title="Coupling map",
        description=told.text,
        unit="none",
        queries=(
            Query(expr=_nodes(here), legend="{{id}}", instant=True),
            Query(expr=_edges(here), legend="{{id}}", instant=True),
        ),
        meanings=(NOTHING,),
        empty="no exporter tells single qubits: write `detail: used` with qubits, or `curated`",
        width=width,
        height=height,
    )


def _nodes(here: Site) -> str:
    key = ("device", "qubit")
    enabled = here.scope.level(told_by.QUBIT_ENABLED, key)
    known = _figures(here, told_by.QUBIT_READOUT_ERROR, key, ERROR_STEPS)
    untold = _labeled(enabled, mainstat=UNTOLD)
    on = f"on ({', '.join(key)})"
    found = f"{_off(enabled)} or {on} {known} or {on} {untold}"
    named = f'label_join({found}, "id", " ", "device", "qubit")'
    return _taken(_taken(named, "title", "qubit"), "subtitle", "device")


def _edges(here: Site) -> str:
    """A pair that no gate works on is disabled; else it shows the error of the gate that is told.

    Its ends are called like the nodes, and every one of them is there: pairs are told of qubits
    that are told.
    """
    key = ("device", "edge")
    enabled = here.scope.level(told_by.EDGE_ENABLED, key)
    off = _labeled(_off(enabled), strokedasharray=_DASHES)
    known = _figures(here, told_by.EDGE_ERROR, (*key, "gate"), GATE_STEPS)
    found = f"{off} or on ({', '.join(key)}) {_taken(known, 'secondarystat', 'gate')}"
    found = f'label_join({found}, "id", " ", "device", "edge")'
    for end, group in (("source", "$1$2"), ("target", "$1$3")):
        found = f'label_replace({found}, "{end}", "{group}", "id", "(.+ )(.+)-(.+)")'
    return found


def _figures(here: Site, signal: Signal, key: Sequence[str], steps: Sequence[Step]) -> str:
    """Errors as text, to a hundredth of a percent, with the color of their step."""
    level = here.scope.level(signal, key)
    ends = (*(step.value for step in steps[1:]), None)
    colored = " or ".join(
        _labeled(level + _between(step.value, end), color=step.color.value)
        for step, end in zip(steps, ends, strict=True)
    )
    text = f'count_values without () ("mainstat", round(100 * ({colored}), 0.01))'
    return f'label_replace({text}, "mainstat", "$1 %", "mainstat", "(.+)")'


def _between(low: float | None, high: float | None) -> str:
    bounds = ((">=", low), ("<", high))
    return "".join(f" {operator} {value:g}" for operator, value in bounds if value is not None)


def _off(enabled: str) -> str:
    return _labeled(f"{enabled} == 0", color=_GRAY, mainstat=DISABLED)


def _labeled(expr: str, **labels: str) -> str:
    for name, value in labels.items():
        expr = f'label_replace({expr}, "{name}", "{value}", "", "")'
    return expr


def _taken(expr: str, name: str, source: str) -> str:
    return f'label_replace({expr}, "{name}", "$1", "{source}", "(.+)")'
