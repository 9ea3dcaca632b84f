"""What each kind of panel is drawn with: `options` and the custom part of its field configuration.

Everything that Grafana's types demand is written out, so that nothing rests on a default that
differs between versions. Source: the types of npm `@grafana/schema`, `raw/composable/*/panelcfg`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from qgm_observe.dashboards.board import Kind, Panel

Json = dict[str, Any]
_LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
_TOOLTIP = {"mode": "multi", "sort": "desc"}


def options(panel: Panel) -> Json:
    """Return the options of a panel."""
    return _OPTIONS[panel.kind](panel)


def custom(panel: Panel) -> Json:
    """Return the custom part of a panel's field configuration."""
    made = _CUSTOM.get(panel.kind)
    return made(panel) if made else {}


def _stat_options(_: Panel) -> Json:
    return {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "value_and_name",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }


def _series_custom(panel: Panel) -> Json:
    custom: Json = {
        "showPoints": "auto",
        "spanNulls": False,
        "lineWidth": 1 if panel.style == "line" else 0,
        "fillOpacity": 0 if panel.style == "line" else 80,
        "drawStyle": "line" if panel.style == "line" else "bars",
        "thresholdsStyle": {"mode": "line" if panel.steps else "off"},
        "scaleDistribution": {"type": "log", "log": 10} if panel.log else {"type": "linear"},
    }
    if panel.style == "stacked":
        custom["stacking"] = {"mode": "normal", "group": "A"}
    return custom


def _heatmap_options(panel: Panel) -> Json:
    return {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme", "scheme": "Viridis", "fill": "dark-orange", "scale": "exponential",
            "exponent": 0.5, "steps": 64, "reverse": False,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": panel.unit},
    }  # fmt: skip


def _table_options(panel: Panel) -> Json:
    order = {"displayName": panel.lowest_first or panel.queries[0].legend}
    return {
        "showHeader": True,
        "frameIndex": 0,
        "cellHeight": "sm",
        "sortBy": [order | {"desc": not panel.lowest_first}],
    }


def _timeline_options(_: Panel) -> Json:
    return {
        "alignValue": "left",
        "mergeValues": True,
        "rowHeight": 0.9,
        "showValue": "auto",
        "legend": _LEGEND,
        "tooltip": {"mode": "single", "sort": "none"},
    }


def _history_options(_: Panel) -> Json:
    return {
        "colWidth": 0.9,
        "rowHeight": 0.9,
        "showValue": "auto",
        "legend": _LEGEND,
        "tooltip": {"mode": "single", "sort": "none"},
    }


_OPTIONS: Mapping[Kind, Callable[[Panel], Json]] = {
    Kind.STAT: _stat_options,
    Kind.TIMESERIES: lambda _: {"legend": _LEGEND, "tooltip": _TOOLTIP},
    Kind.STATE_TIMELINE: _timeline_options,
    Kind.STATUS_HISTORY: _history_options,
    Kind.HEATMAP: _heatmap_options,
    Kind.TABLE: _table_options,
    Kind.NODEGRAPH: lambda _: {"layoutAlgorithm": "force", "zoomMode": "cooperative"},
    Kind.TEXT: lambda panel: {"mode": "markdown", "content": panel.content},
}
_CUSTOM: Mapping[Kind, Callable[[Panel], Json]] = {
    Kind.TABLE: lambda _: {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False},
    Kind.TIMESERIES: _series_custom,
    Kind.STATE_TIMELINE: lambda _: {"fillOpacity": 70, "lineWidth": 0},
    Kind.STATUS_HISTORY: lambda _: {"fillOpacity": 70, "lineWidth": 1},
}
