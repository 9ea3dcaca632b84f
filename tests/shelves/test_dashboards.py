"""The shelf `dashboards/`: fresh, taken by Grafana and Kubernetes, the same boards everywhere."""

import json
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.cli import main
from qgm_observe.dashboards.provisioning import publishing_form
from qgm_observe.dashboards.shelf import render

ROOT = Path(__file__).parents[2]
SHELF = ROOT / "dashboards"
UIDS = [
    "qgm-calibration", "qgm-cost", "qgm-debug", "qgm-executive", "qgm-on-call", "qgm-slo",
    "qgm-telemetry",
]  # fmt: skip


def document(place):
    return yaml.safe_load((SHELF / place).read_text())


def test_the_shelf_is_fresh(capsys):
    """What stands there is what is rendered today, and the command line says so."""
    again = "run: .venv/bin/qgm-observe render . --only dashboards"

    assert main(["render", str(ROOT), "--only", "dashboards", "--check"]) == 0, again
    assert {str(path.relative_to(SHELF)) for path in SHELF.rglob("*") if path.is_file()} == set(
        render(load_configuration())
    )


def test_a_stale_board_is_shown(tmp_path, capsys):
    """`--check` fails with the line of the field that differs."""
    main(["render", str(tmp_path), "--only", "dashboards"])
    board = tmp_path / "dashboards" / "boards" / "qgm-slo.json"
    board.write_text(board.read_text().replace('"editable": false', '"editable": true'))
    capsys.readouterr()

    assert main(["render", str(tmp_path), "--only", "dashboards", "--check"]) == 1
    out = capsys.readouterr().out
    assert '- "editable": true' in out
    assert '+ "editable": false' in out


def test_boards_are_found_by_their_uids():
    """One file a board, named by the uid that links go to."""
    files = sorted((SHELF / "boards").iterdir())

    assert [path.stem for path in files] == UIDS
    assert [json.loads(path.read_text())["uid"] for path in files] == UIDS


@pytest.mark.parametrize("uid", UIDS)
@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_config_maps_are_taken(uid, version):
    """Each passes Kubernetes' schema, has the sidecar's label, and holds its board unchanged."""
    made = document(f"kubernetes/{uid}.yml")
    kubernetes_validate.validate(made, version, strict=True)

    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert made["metadata"]["annotations"] == {"grafana_folder": "qgm-observe"}
    assert made["data"] == {f"{uid}.json": (SHELF / "boards" / f"{uid}.json").read_text()}


def test_a_config_map_fits_into_kubernetes():
    """An object may have a mebibyte; ours have a tenth of it."""
    sizes = [path.stat().st_size for path in (SHELF / "kubernetes").glob("qgm-*.yml")]

    assert len(sizes) == len(UIDS)
    assert max(sizes) < 2**20 / 10


def test_kustomize_takes_all_config_maps():
    """The list names every file beside it, and nothing else."""
    listed = document("kubernetes/kustomization.yml")["resources"]
    there = {path.name for path in (SHELF / "kubernetes").iterdir()} - {"kustomization.yml"}

    assert set(listed) == there


def test_the_datasource_leads_from_exemplars_to_traces():
    """Provisioned under the uid that boards choose first, at the exporters' own interval."""
    (source,) = document("grafana/datasources/prometheus.yml")["datasources"]

    assert (source["uid"], source["type"], source["access"]) == (
        "prometheus",
        "prometheus",
        "proxy",
    )
    assert source["jsonData"]["exemplarTraceIdDestinations"] == [
        {"name": "trace_id", "datasourceUid": "tempo"}
    ]
    assert source["jsonData"]["timeInterval"] == "30s"


def test_boards_are_provisioned_from_files():
    """Nobody edits them in the browser, and they stand in one folder."""
    (provider,) = document("grafana/dashboards/qgm-observe.yml")["providers"]

    assert provider["allowUiUpdates"] is False
    assert provider["folder"] == "qgm-observe"
    assert provider["options"] == {
        "path": "/var/lib/grafana/boards",
        "foldersFromFilesStructure": False,
    }


def test_compose_mounts_the_boards():
    """The example on one machine finds the folder of the boards where it says."""
    compose = yaml.safe_load((ROOT / "exporters" / "compose" / "compose.yml").read_text())

    assert (
        "../../dashboards/boards:/var/lib/grafana/boards:ro"
        in (compose["services"]["grafana"]["volumes"])
    )


def configured(tmp_path, text):
    file = tmp_path / "render.yml"
    file.write_text(text)
    return render(load_configuration(file))


def test_a_datasource_of_ones_own(tmp_path):
    """Its uid is chosen first on every board, and is provisioned; traces can be left out."""
    files = configured(
        tmp_path, "grafana: {datasource_uid: mimir, traces_uid: '', folder: Quantum}"
    )
    board = json.loads(files["boards/qgm-slo.json"])

    assert board["templating"]["list"][0]["current"]["value"] == "mimir"
    assert 'uid: "mimir"' in files["grafana/datasources/prometheus.yml"]
    assert "exemplar" not in files["grafana/datasources/prometheus.yml"]
    assert 'grafana_folder: "Quantum"' in files["kubernetes/qgm-slo.yml"]


def test_the_datasource_can_be_named_on_the_command_line(tmp_path, capsys):
    """`--datasource` wins over the file, and what is no uid is told what to write."""
    render_to = ["render", str(tmp_path), "--only", "dashboards", "--datasource"]

    assert main([*render_to, "thanos-1"]) == 0
    board = json.loads((tmp_path / "dashboards" / "boards" / "qgm-slo.json").read_text())
    assert board["templating"]["list"][0]["current"]["value"] == "thanos-1"
    assert main([*render_to, "no such uid"]) == 2
    assert "write a uid of letters, digits, - and _" in capsys.readouterr().err


def test_the_form_of_grafana_com_is_an_option(tmp_path):
    """Only where it is asked for: inputs, requirements, and no variable for the datasource."""
    plain = render(load_configuration())
    files = configured(tmp_path, "grafana: {publish: true}")
    board = json.loads(files["grafana.com/qgm-on-call.json"])

    assert set(files) - set(plain) == {f"grafana.com/{uid}.json" for uid in UIDS}
    assert [each["name"] for each in board["__inputs"]] == ["DS_PROMETHEUS"]
    assert {each["id"] for each in board["__requires"]} >= {
        "grafana",
        "prometheus",
        "stat",
        "table",
    }
    assert "${datasource}" not in files["grafana.com/qgm-on-call.json"]
    assert "datasource" not in {each["type"] for each in board["templating"]["list"]}


def test_publishing_changes_no_board():
    """The board that is imported by hand stays as it was."""
    board = json.loads((SHELF / "boards" / "qgm-slo.json").read_text())
    before = json.dumps(board)
    publishing_form(board)

    assert json.dumps(board) == before


def test_links_go_to_the_configured_runbooks(tmp_path):
    """Every runbook on every board is at the address that is configured."""
    files = configured(tmp_path, "runbooks_url: https://wiki.example.com/qgm")
    boards = "".join(text for place, text in files.items() if place.startswith("boards/"))

    assert "https://wiki.example.com/qgm/QgmSloBurnPage.md" in boards
    assert "runbooks.example.org" not in boards


def test_the_readme_lists_every_board():
    """With the file of each, and that no Grafana server has run them."""
    text = (SHELF / "README.md").read_text()

    assert all(f"(boards/{uid}.json)" in text for uid in UIDS)
    assert "No Grafana server has run it." in text
