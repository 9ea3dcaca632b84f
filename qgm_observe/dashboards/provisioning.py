"""How boards get into Grafana: files that it reads, ConfigMaps of its sidecar, grafana.com's form.

Source: Grafana's documentation ("Provision Grafana", "Export and import dashboards"); the sidecar
of the Helm charts `grafana` and `kube-prometheus-stack`, which takes ConfigMaps by a label.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from qgm_observe.alerts.configuration import Grafana
from qgm_observe.dashboards.board import Board

MARK = "rendered by qgm-observe"
OLDEST_GRAFANA = "10.4.0"
_HEAD = f"# {MARK}: change the configuration, not this file\n"


def datasource(grafana: Grafana, scrape_interval_seconds: float) -> str:
    """Return the datasource; exemplars lead to traces where those have one."""
    traces = f"""\
      exemplarTraceIdDestinations:
        - name: trace_id
          datasourceUid: {json.dumps(grafana.traces_uid)}
"""
    return f"""\
{_HEAD}apiVersion: 1
datasources:
  - name: Prometheus
    uid: {json.dumps(grafana.datasource_uid)}
    type: prometheus
    access: proxy
    url: {json.dumps(grafana.prometheus_url)}
    isDefault: true
    editable: false
    jsonData:
      httpMethod: POST
      timeInterval: {scrape_interval_seconds:g}s
{traces if grafana.traces_uid else ""}"""


def provider(grafana: Grafana) -> str:
    """Return what makes Grafana read the boards from a folder."""
    return f"""\
{_HEAD}apiVersion: 1
providers:
  - name: qgm-observe
    folder: {json.dumps(grafana.folder)}
    type: file
    disableDeletion: false
    updateIntervalSeconds: 30
    allowUiUpdates: false
    options:
      path: /var/lib/grafana/boards # where you mount the folder boards
      foldersFromFilesStructure: false
"""


def config_map(board: Board, text: str, grafana: Grafana) -> str:
    """Return the ConfigMap of a board, which Grafana's sidecar finds by its label."""
    indented = "".join(f"    {line}\n" for line in text.splitlines())
    return f"""\
{_HEAD}apiVersion: v1
kind: ConfigMap
metadata:
  name: {board.uid}-board
  labels:
    app.kubernetes.io/part-of: qgm-observe
    grafana_dashboard: "1"
  annotations:
    grafana_folder: {json.dumps(grafana.folder)}
data:
  {board.uid}.json: |
{indented}"""


def kustomization(boards: Iterable[Board]) -> str:
    """Return the list of the ConfigMaps."""
    names = "".join(f"  - {board.uid}.yml\n" for board in boards)
    return f"""\
{_HEAD}apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
{names}"""


def publishing_form(board: Mapping[str, Any]) -> dict[str, Any]:
    """Return a board as grafana.com takes it: whoever imports it is asked for the datasource."""
    text = json.dumps(board).replace("${datasource}", "${DS_PROMETHEUS}")
    made: dict[str, Any] = json.loads(text)
    choices = made["templating"]["list"]
    made["templating"]["list"] = [each for each in choices if each["type"] != "datasource"]
    panels = {each["type"] for each in _all_panels(made)} - {"row"}
    made["__inputs"] = [
        {
            "name": "DS_PROMETHEUS",
            "label": "Prometheus",
            "description": "",
            "type": "datasource",
            "pluginId": "prometheus",
            "pluginName": "Prometheus",
        }
    ]
    made["__elements"] = {}
    made["__requires"] = [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": OLDEST_GRAFANA},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *({"type": "panel", "id": each, "name": each, "version": ""} for each in sorted(panels)),
    ]
    return made


def _all_panels(board: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for panel in board["panels"] for each in (panel, *panel.get("panels", ()))]
