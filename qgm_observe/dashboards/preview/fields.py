"""How a value is named, colored and written: Grafana's field configuration, read from JSON.

A value mapping comes before thresholds. Of thresholds the last step whose value is not above the
reading holds; the first has no value and holds below all others.
Source: https://grafana.com/docs/grafana/latest/panels-visualizations/configure-thresholds/ and
configure-value-mappings/, configure-overrides/ beside it.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qgm_observe.dashboards.preview.asking import Line
from qgm_observe.dashboards.preview.units import reading

NO_VALUE = "No data"
UNJUDGED = "text"
"""The color of what is not judged."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """The configuration of one series of a panel.

    Attributes:
        name: As it is shown.
        settings: The panel's defaults with the overrides that match.
    """

    name: str
    settings: Json

    @property
    def unit(self) -> str:
        """Grafana's name of it."""
        return str(self.settings.get("unit", "none"))

    @property
    def custom(self) -> Json:
        """What belongs to the panel's type."""
        custom: Json = self.settings.get("custom", {})
        return custom

    def text(self, value: float | None) -> str:
        """Return what is written for a value, or for none."""
        mapped = _mapped(self.settings, value)
        if mapped is not None and mapped.get("text"):
            return str(mapped["text"])
        if value is None or math.isnan(value):
            return str(self.settings.get("noValue") or NO_VALUE)
        return reading(value, self.unit, self.settings.get("decimals"))

    def color(self, value: float | None) -> str:
        """Return the color of a value, by Grafana's name of it."""
        mapped = _mapped(self.settings, value)
        if mapped is not None and mapped.get("color"):
            return str(mapped["color"])
        if value is None or math.isnan(value) or not self.is_judged:
            return UNJUDGED
        return threshold_color(self.steps, value)

    @property
    def is_judged(self) -> bool:
        """Whether its color is that of thresholds."""
        mode = self.settings.get("color", {}).get("mode", "thresholds")
        return mode == "thresholds" and len(self.steps) > 1

    @property
    def steps(self) -> list[Json]:
        """Its thresholds, the first without a value."""
        return list(self.settings.get("thresholds", {}).get("steps", ()))


def threshold_color(steps: Iterable[Json], value: float) -> str:
    """Return the color of the last step whose value is not above the reading."""
    reached = [step for step in steps if step["value"] is None or step["value"] <= value]
    return str(reached[-1]["color"])


def field_of(panel: Json, ref: str, line: Line) -> Field:
    """Return the configuration of a series: defaults, then each override that matches it."""
    told = panel.get("fieldConfig", {})
    settings: dict[str, Any] = {**told.get("defaults", {})}
    settings["custom"] = {**settings.get("custom", {})}
    for override in told.get("overrides", ()):
        if _matches(override["matcher"], ref, line.name):
            for each in override["properties"]:
                _set(settings, each["id"], each.get("value"))
    return Field(str(settings.get("displayName") or line.name), settings)


def _set(settings: dict[str, Any], path: str, value: Any) -> None:
    *places, last = path.split(".")
    for place in places:
        settings = settings.setdefault(place, {})
    settings[last] = value


def _matches(matcher: Json, ref: str, name: str) -> bool:
    options = matcher.get("options")
    match matcher["id"]:
        case "byName":
            return name == options
        case "byFrameRefID":
            return ref == options
        case "byRegexp":
            return re.search(str(options).strip("/"), name) is not None
        case _:
            return False


def _mapped(settings: Json, value: float | None) -> Json | None:
    """What the first mapping that fits says of a value."""
    for mapping in settings.get("mappings", ()):
        found = _result(mapping["type"], mapping["options"], value)
        if found is not None:
            return found
    return None


def _result(kind: str, options: Json, value: float | None) -> Json | None:
    unknown = value is None or math.isnan(value)
    found: Json | None = None
    if kind == "special":
        fits = {"null": value is None, "nan": value is not None and unknown, "null+nan": unknown}
        found = options["result"] if fits.get(options["match"]) else None
    elif value is None or unknown:
        return None
    elif kind == "value":
        found = options.get(f"{value:g}")
    elif kind == "range":
        low, high = options.get("from"), options.get("to")
        inside = (low is None or low <= value) and (high is None or value <= high)
        found = options["result"] if inside else None
    return found
