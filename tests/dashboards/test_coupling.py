"""The coupling map: fields by the names that a node graph reads, colors by the errors' steps."""

import re

import pytest

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.catalog import labels as by
from qgm_observe.dashboards.board import Kind
from qgm_observe.dashboards.coupling import coupling_map
from qgm_observe.dashboards.expressions import made_labels
from qgm_observe.dashboards.site import site


@pytest.fixture(scope="module")
def panel():
    return coupling_map(site(load_configuration(), by.PROVIDER, by.DEVICE))


def test_nodes_and_edges_have_the_fields_that_are_read(panel):
    """An edge is told from a node by its source, and both have an id."""
    nodes, edges = (query.expr for query in panel.queries)

    assert panel.kind is Kind.NODEGRAPH
    assert made_labels(nodes) == {"id", "title", "subtitle", "mainstat", "color"}
    assert made_labels(edges) == {
        "id", "source", "target", "mainstat", "secondarystat", "color", "strokedasharray",
    }  # fmt: skip
    assert all(query.instant for query in panel.queries)


def test_colors_are_those_of_the_errors_steps(panel):
    """Of qubits from 3 and 10 %, of pairs from 1 and 5 %; what is disabled has none of them."""
    nodes, edges = (query.expr for query in panel.queries)
    bounds = r'\)( (?:>=|<) [\d.]+(?: < [\d.]+)?), "color", "(\w+)"'

    assert re.findall(bounds, nodes) == [
        (" < 0.03", "green"), (" >= 0.03 < 0.1", "orange"), (" >= 0.1", "red"),
    ]  # fmt: skip
    assert re.findall(bounds, edges) == [
        (" < 0.01", "green"), (" >= 0.01 < 0.05", "orange"), (" >= 0.05", "red"),
    ]  # fmt: skip
    assert '"color", "gray"' in nodes
    assert '"color", "gray"' in edges


def test_an_empty_map_tells_how_to_fill_it(panel):
    """Most exporters tell aggregates alone."""
    assert "detail: used" in panel.empty
