"""The shelf `dashboards/`: boards for import, provisioning for Grafana, and ConfigMaps."""

from collections.abc import Mapping, Sequence

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.dashboards import provisioning
from qgm_observe.dashboards.board import Board
from qgm_observe.dashboards.calibration import calibration
from qgm_observe.dashboards.cost import cost
from qgm_observe.dashboards.debug import debug
from qgm_observe.dashboards.error_budget import error_budget
from qgm_observe.dashboards.executive import executive
from qgm_observe.dashboards.on_call import on_call
from qgm_observe.dashboards.panels import board_json, canonical
from qgm_observe.dashboards.telemetry import telemetry


def boards(configuration: Configuration) -> tuple[Board, ...]:
    """Return all boards, in the order of their links."""
    made = (executive, on_call, debug, calibration, error_budget, cost, telemetry)
    return tuple(make(configuration) for make in made)


def render(configuration: Configuration) -> Mapping[str, str]:
    """Return the text of every file of the shelf, by its path there."""
    made, written = boards(configuration), configuration.written
    rendered = {board.uid: board_json(board, written.grafana.datasource_uid) for board in made}
    texts = {uid: canonical(each) for uid, each in rendered.items()}
    grafana, interval = written.grafana, written.scrape_interval_seconds
    files = {f"boards/{uid}.json": text for uid, text in texts.items()}
    files["grafana/datasources/prometheus.yml"] = provisioning.datasource(grafana, interval)
    files["grafana/dashboards/qgm-observe.yml"] = provisioning.provider(grafana)
    for board in made:
        text = provisioning.config_map(board, texts[board.uid], grafana)
        files[f"kubernetes/{board.uid}.yml"] = text
    files["kubernetes/kustomization.yml"] = provisioning.kustomization(made)
    if grafana.publish:
        for uid, each in rendered.items():
            files[f"grafana.com/{uid}.json"] = canonical(provisioning.publishing_form(each))
    files["README.md"] = _readme(made)
    return files


def _readme(made: Sequence[Board]) -> str:
    rows = "".join(
        f"| [{board.title}](boards/{board.uid}.json) | {board.brief} "
        f"| {len(list(board.panels))} | {board.refresh} |\n"
        for board in made
    )
    return f"""\
<!-- {provisioning.MARK}: change the configuration, not this file -->
# Boards

| board | answers | panels | asks anew every |
|---|---|---|---|
{rows}
`qgm-observe render . --only dashboards` writes this folder, with `--config FILE` for your own
objectives, labels, runbooks and datasource; `--check` tells what is stale.

- By hand: Dashboards, New, Import, and a file of `boards/`; then choose the datasource.
- By files: mount `grafana/` as `/etc/grafana/provisioning` and `boards/` as
  `/var/lib/grafana/boards`.
- In Kubernetes: `kubectl apply --kustomize kubernetes`; the sidecar of Grafana's Helm chart takes
  ConfigMaps with the label `grafana_dashboard: "1"`.
- For grafana.com: `grafana: {{publish: true}}` in the configuration writes `grafana.com/`.

The form is Grafana's classic JSON, written for 10.4 to 13 and checked against the types of 13.2.3.
No Grafana server has run it.

A number stands beside its word and beside what it rests on; with too little of that it is
"insufficient data" and has no color. Panels on objectives need the rules of `../alerts`.
"""
