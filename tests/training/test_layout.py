import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.training.layout import choose_qubits, largest_group

STAR = {(0, 1): 0.01, (0, 2): 0.01, (0, 3): 0.01}
ERRORS = st.floats(0, 0.4)


def success(chain, qubits, edges):
    links = [edges.get((a, b), edges.get((b, a))) for a, b in itertools.pairwise(chain)]
    return math.prod(1 - error for error in [*links, *(qubits[qubit] for qubit in chain)])


@given(st.lists(ERRORS, min_size=6, max_size=6), st.lists(ERRORS, min_size=6, max_size=6))
def test_the_best_chain_of_a_ring_is_found(qubit_errors, edge_errors):
    """On a ring of six no other chain of four has a larger product of success probabilities."""
    qubits = dict(enumerate(qubit_errors))
    edges = {(place, (place + 1) % 6): error for place, error in enumerate(edge_errors)}
    chains = [tuple((start + step) % 6 for step in range(4)) for start in range(6)]

    chosen = choose_qubits(qubits, edges, 4)

    best = max(success(chain, qubits, edges) for chain in chains)
    assert success(chosen, qubits, edges) == pytest.approx(best)


def test_a_star_has_no_chain_of_four_so_a_connected_set_is_taken():
    """Three arms around a center give a chain of three, and all four qubits when asked for four."""
    qubits = dict.fromkeys(range(4), 0.01)

    assert choose_qubits(qubits, STAR, 3)[1] == 0
    assert set(choose_qubits(qubits, STAR, 4)) == {0, 1, 2, 3}


def test_only_given_qubits_are_chosen():
    """An edge to a qubit that is not usable does not bring that qubit back."""
    qubits = {0: 0.1, 2: 0.1, 3: 0.1}

    assert choose_qubits(qubits, {(0, 1): 0.0, (1, 2): 0.0, (2, 3): 0.3}, 2) == (2, 3)
    assert choose_qubits(qubits, {(0, 1): 0.0, (1, 2): 0.0, (2, 3): 0.3}, 3) == ()


def test_a_single_qubit_is_the_one_with_the_smallest_error():
    """For one qubit no edge is needed."""
    assert choose_qubits({4: 0.2, 7: 0.05, 9: 0.1}, {}, 1) == (7,)


def test_the_better_direction_of_an_edge_counts():
    """An edge that is given both ways is judged by its smaller error, in either order."""
    qubits = dict.fromkeys(range(3), 0.0)
    edges = {(0, 1): 0.3, (1, 0): 0.1, (1, 2): 0.2}

    assert choose_qubits(qubits, edges, 2) == (0, 1)
    assert choose_qubits(qubits, dict(reversed(edges.items())), 2) == (0, 1)


def test_the_largest_group_is_counted():
    """Of a pair, a triple and a lone qubit the triple is the largest connected set."""
    qubits = dict.fromkeys(range(6), 0.0)

    assert largest_group(qubits, {(0, 1): 0.1, (2, 3): 0.1, (4, 3): 0.1}) == 3
    assert largest_group(qubits, {}) == 1
    assert largest_group({}, {}) == 0
