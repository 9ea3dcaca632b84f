"""Boards against Grafana's own types, as JSON Schema made from npm `@grafana/schema`.

`.ci/fetch-grafana-schema` makes the schemas; without them these tests skip, and in CI fail.
"""

import json
import os
from pathlib import Path

import jsonschema
import pytest

from qgm_observe.dashboards.grafana_rules import panels
from qgm_observe.dashboards.site import BOARDS

SCHEMAS = Path(__file__).parents[2] / ".tools" / "grafana-schema.json"
OF_THE_DATASOURCE = ("expr", "titleFormat")
"""Keys of an annotation that Grafana's types leave to the datasource, here Prometheus."""


@pytest.fixture(scope="module")
def validators():
    if not SCHEMAS.exists():
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent("no .tools/grafana-schema.json: run `make tools`")
    told = json.loads(SCHEMAS.read_text())
    return {name: jsonschema.Draft7Validator(schema) for name, schema in told.items()}


def errors(validators, board):
    def complaints(name, data, place):
        for found in validators[name].iter_errors(data):
            yield f"{name}: {place}: {found.json_path}: {found.message}"

    for annotation in board["annotations"]["list"]:
        for key in OF_THE_DATASOURCE:
            annotation.pop(key)
    yield from complaints("dashboard", board | {"panels": []}, "board")
    for panel in panels(board):
        kind = panel["type"].replace("-", "").lower()
        yield from complaints("panel", panel, panel["title"])
        yield from complaints(f"{kind}.options", panel["options"], panel["title"])
        if f"{kind}.custom" in validators:
            custom = panel["fieldConfig"]["defaults"]["custom"]
            yield from complaints(f"{kind}.custom", custom, panel["title"])


@pytest.mark.parametrize("slug", BOARDS)
def test_every_board_has_grafanas_types(validators, rendered, slug):
    """No key too many, none missing, no value of another type; also of each panel's options."""
    assert list(errors(validators, rendered[slug])) == []


def test_rows_have_grafanas_types(validators, rendered):
    """Rows, collapsed or not, are rows and no panels."""
    for board in rendered.values():
        rows = [each for each in board["panels"] if each["type"] == "row"]
        bare = [row | {"panels": []} for row in rows]
        del board["annotations"]
        assert rows
        assert not list(validators["dashboard"].iter_errors(board | {"panels": bare}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda panel: panel["options"].update(legned={}), "timeseries.options"),
        (lambda panel: panel["options"]["tooltip"].update(mode="all"), "timeseries.options"),
        (lambda panel: panel["fieldConfig"]["defaults"].update(unit=5), "panel"),
        (
            lambda panel: panel["fieldConfig"]["defaults"]["custom"].update(drawStyle="area"),
            "timeseries.custom",
        ),
        (
            lambda panel: panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0].update(
                value="null"
            ),
            "panel",
        ),
        (lambda panel: panel.update(span=6), "panel"),
    ],
    ids=["misspelt", "no such mode", "unit", "no such style", "null", "legacy"],
)
def test_the_types_are_strict(validators, rendered, change, message):
    """What Grafana does not know is found, so that no error means something."""
    board = rendered["on-call"]
    (panel,) = [each for each in panels(board) if each["title"] == "Evidence against objectives"]
    change(panel)

    assert message in {found.split(":")[0] for found in errors(validators, board)}
