"""Boards as code: a frozen model of boards and panels, rendered to what Grafana imports."""
