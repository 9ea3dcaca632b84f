"""A board as a page, drawn from its JSON and a Prometheus: to look at before it is imported.

It shows what the queries return, in the board's layout, units, colors and words. It is not
Grafana and does not draw like it.
"""

from qgm_observe.dashboards.preview.page import preview

__all__ = ["preview"]
