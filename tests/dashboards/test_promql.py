"""Every query is taken by Prometheus 2.42, once Grafana's macros and choices are filled in."""

import json
import re
import subprocess

import pytest

from qgm_observe.dashboards.grafana_rules import targets

MACROS = {"$__rate_interval": "5m", "$__interval": "5m", "$__range": "6h"}


def filled(expr):
    for macro, value in MACROS.items():
        expr = expr.replace(macro, value)
    return re.sub(r"\$\w+", ".*", expr)


def queries(board):
    for panel, target in targets(board):
        yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


@pytest.fixture
def complaints(tools, tmp_path):
    """What promtool says of queries, as recording rules; nothing where all are taken."""

    def ask(told):
        rules = [
            {"record": "a:b:c", "labels": {"place": place}, "expr": filled(expr)}
            for place, expr in told
        ]
        file = tmp_path / "rules.yml"
        file.write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
        command = [tools("promtool"), "check", "rules", "--lint=none", file]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or done.stderr
        return "" if done.returncode == 0 else done.stderr

    return ask


@pytest.mark.parametrize("slug", ["executive", "on-call", "debug", "calibration", "slo"])
def test_every_query_is_taken(rendered, complaints, slug):
    """Panels and annotations ask nothing that Prometheus cannot read."""
    told = list(queries(rendered[slug]))

    assert len(told) > 30
    assert complaints(told) == ""


@pytest.mark.parametrize("expr", ["rate(up)", "sum(up", 'up{a=~"("}', "histogram_quantile(0.5)"])
def test_a_wrong_query_is_refused(complaints, expr):
    """Types, brackets, patterns and arguments are all looked at."""
    assert "could not parse expression" in complaints([("place", expr)])
