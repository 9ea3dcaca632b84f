"""The normalizer: from grafanalib's output to what Grafana's types of today allow.

grafanalib 0.7.1 writes keys that are gone, `null` where a key has to be absent, rows with the
fields of panels, and a base threshold of the text "null", by which Grafana colors every reading
like the worst one.
"""

from typing import Any

Json = dict[str, Any]

_GONE = {
    "__inputs", "auto", "auto_count", "auto_min", "cacheTimeout", "error", "gnetId", "height",
    "hideControls", "intervalFactor", "metric", "minSpan", "rows", "sharedCrosshair", "span",
    "step", "style", "tagValuesQuery", "tagsQuery", "target", "timepicker",
    "useTags",
}  # fmt: skip
_OF_PANELS_GONE = {"editable", "hideTimeOverride", "maxDataPoints", "transparent"}
_OF_ROWS = {"collapsed", "gridPos", "id", "panels", "title", "type"}
_UNSAID = {
    "editorMode": "code", "format": "time_series", "hide": False, "instant": False, "range": False,
}  # fmt: skip
"""What Grafana takes a query for that does not say it; its data source is then the panel's."""

_PLAIN_SERIES = {
    "axisLabel": "", "axisPlacement": "auto", "barAlignment": 0, "gradientMode": "none",
    "hideFrom": {"legend": False, "tooltip": False, "viz": False}, "lineInterpolation": "linear",
    "pointSize": 5, "scaleDistribution": {"log": 2, "type": "linear"}, "showPoints": "auto",
    "spanNulls": False, "stacking": {},
}  # fmt: skip
"""What grafanalib writes of every time series, and Grafana draws anyhow."""

_EMPTY: tuple[Any, ...] = (None, "", [], {})
_LEFT_OUT_WHEN_EMPTY = {
    "current", "interval", "links", "mappings", "overrides", "regex", "transformations",
}  # fmt: skip


def normal(board: Json) -> Json:
    """Return a board in today's form; what it was made from is left as it is."""
    made: Json = _pruned(board)
    made["panels"] = [_panel(each) for each in made["panels"]]
    for variable in made["templating"]["list"]:
        _mend_variable(variable)
    return made


def _panel(panel: Json) -> Json:
    if panel["type"] == "row":
        row = {key: value for key, value in panel.items() if key in _OF_ROWS}
        row["panels"] = [_panel(each) for each in panel.get("panels", [])]
        return row
    kept = {key: value for key, value in panel.items() if key not in _OF_PANELS_GONE}
    kept["fieldConfig"].setdefault("overrides", [])
    if "targets" in kept:
        kept["targets"] = [_query(each, panel) for each in kept["targets"]]
    if panel["type"] == "timeseries":
        defaults = kept["fieldConfig"]["defaults"]
        defaults["custom"] = _without(defaults["custom"], _PLAIN_SERIES)
    if panel["type"] == "text":
        kept = {key: value for key, value in kept.items() if key not in {"datasource", "targets"}}
    return kept


def _query(target: Json, panel: Json) -> Json:
    said = {key: value for key, value in target.items() if key != "query"}
    return _without(said, _UNSAID | {"datasource": panel.get("datasource")})


def _without(told: Json, defaults: Json) -> Json:
    """What is said anew."""
    return {key: value for key, value in told.items() if value != defaults.get(key, ...)}


def _pruned(data: Any) -> Any:
    """Without gone keys and nulls, the base threshold a real null."""
    if isinstance(data, list):
        return [_pruned(each) for each in data]
    if not isinstance(data, dict):
        return data
    if data.keys() >= {"color", "value"} and not data.keys() - {
        "color", "value", "index", "line", "op", "yaxis",
    }:  # fmt: skip
        value = data["value"]
        return {"color": data["color"], "value": None if value == "null" else value}
    return {key: _pruned(value) for key, value in data.items() if not _left_out(key, value)}


def _left_out(key: str, value: Any) -> bool:
    if value is None or key in _GONE:
        return True
    if key == "thresholds" and isinstance(value, dict):
        return not value.get("steps")
    return (key == "options" and value == []) or (key in _LEFT_OUT_WHEN_EMPTY and value in _EMPTY)


def _mend_variable(variable: Json) -> None:
    """What is chosen at first: everything, or what Grafana finds."""
    variable.get("current", {}).pop("tags", None)
    if variable.get("includeAll"):
        variable["current"] = {"selected": True, "text": ["All"], "value": ["$__all"]}
    elif variable["type"] == "datasource":
        for key in ("includeAll", "multi", "sort"):
            variable.pop(key, None)
    elif variable.get("current", {}).get("value") is None:
        variable.pop("current", None)
    else:
        variable["current"]["selected"] = True
