"""How a preview draws a node graph: places, colors, words."""

import re

from qgm_observe.dashboards.preview.asking import Answer, Frame, Line
from qgm_observe.dashboards.preview.graph import graph

FRAME = Frame(0.0, 600.0, 60.0)
PANEL = {"title": "Map", "type": "nodeGraph"}


def answer(ref, *labels):
    lines = tuple(Line(each["id"], each, ((0.0, 1.0),)) for each in labels)
    return Answer(ref, "x", lines, "", FRAME)


def node(number, device="d", **more):
    return {"id": f"{device} {number}", "title": str(number), "subtitle": device, **more}


def edge(one, other, device="d", **more):
    ends = {"source": f"{device} {one}", "target": f"{device} {other}"}
    return {"id": f"{device} {one}-{other}", **ends, **more}


def circles(made):
    return {
        name: (float(x), float(y))
        for x, y, name in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)".*?<title>(.*?):', made)
    }


def test_neighbors_stand_side_by_side_and_parts_below_each_other():
    """A node's column is its distance from the first one; two devices do not mix."""
    ring = [edge(0, 1), edge(0, 2), edge(1, 3), edge(2, 3)]
    nodes = [*map(node, range(4)), node(0, "e"), node(1, "e")]
    places = circles(
        graph(PANEL, [answer("A", *nodes), answer("B", *ring, edge(0, 1, "e"))], 600, 400)
    )

    assert places["d 0"][0] < places["d 1"][0] == places["d 2"][0] < places["d 3"][0]
    assert places["d 1"][1] < places["d 2"][1]
    assert places["e 0"][0] < places["e 1"][0]
    assert max(y for name, (_, y) in places.items() if name[0] == "d") < places["e 0"][1]


def test_numbers_are_in_their_order():
    """Qubit 9 comes before qubit 10."""
    places = circles(graph(PANEL, [answer("A", node(10), node(9))], 600, 400))

    assert places["d 9"][1] < places["d 10"][1]


def test_an_edge_has_its_color_dash_and_words():
    """What is disabled is dashed; the figure stands at the line, the gate in its title."""
    told = edge(0, 1, color="orange", mainstat="1.2 %", secondarystat="cz", strokedasharray="4 4")
    made = graph(PANEL, [answer("A", node(0), node(1)), answer("B", told)], 600, 400)

    assert 'stroke-dasharray="4 4"' in made
    assert "<title>d 0-1 1.2 % cz</title>" in made
    assert 'stroke="#a35200"' in made


def test_an_edge_without_its_nodes_is_not_drawn():
    """Half an edge has no place."""
    made = graph(PANEL, [answer("A", node(0)), answer("B", edge(0, 1))], 600, 400)

    assert "<line" not in made
    assert "1 nodes, 0 edges" in made


def test_what_a_stranger_named_is_only_text():
    """A label value never becomes markup."""
    evil = '"><script>alert(1)</script>'
    told = edge(0, 1, mainstat=evil, strokedasharray=evil)
    made = graph(PANEL, [answer("A", node(0, mainstat=evil), node(1)), answer("B", told)], 600, 400)

    assert "<script" not in made


def test_a_hundred_and_fifty_qubits_keep_their_places():
    """Two nodes never share one."""
    many = [node(number) for number in range(156)]
    pairs = [edge(number, number + 1) for number in range(155) if number % 12]
    places = circles(graph(PANEL, [answer("A", *many), answer("B", *pairs)], 680, 480))

    assert len(places) == len(set(places.values())) == 156
