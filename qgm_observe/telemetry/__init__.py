"""Folds for machines: events to aggregates, to Prometheus text, and to spans.

Importing this room loads neither prometheus_client nor OpenTelemetry nor a web server; each part
is imported from its own module:

- `aggregates`: counters, histograms and gauges of one process or one journal
- `prometheus`, `openmetrics`: aggregates to text exposition, classic or with exemplars
- `endpoint`: the text over HTTP on loopback
- `collector`: the same samples for an application's own prometheus_client registry
- `ids`, `otel`: trace and span ids; finished subjects to OpenTelemetry spans
"""
