"""Which qubits of a device to use: a connected chain with small errors.

Works on plain mappings of errors, so that what counts as usable is decided by who reads the
calibration; only usable qubits and edges may be handed in.
"""

import math
from collections.abc import Callable, Iterator, Mapping

Edge = tuple[int, int]
Chain = tuple[int, ...]

_BEAM = 256


def choose_qubits(
    qubit_errors: Mapping[int, float], edge_errors: Mapping[Edge, float], size: int
) -> Chain:
    """Choose connected qubits whose product of success probabilities is large.

    A chain, in which neighbors in the result are neighbors on the device, is preferred; where the
    device has none of that size, any connected set is taken. The search keeps the 256 best partial
    choices at each size, and equal choices are ordered by qubit number, so that it is
    deterministic.

    Args:
        qubit_errors: Error of each usable qubit, in [0, 1).
        edge_errors: Error of each usable edge, in [0, 1); either direction will do.
        size: How many qubits are wanted, at least 1.

    Returns:
        The chosen qubits in chain order, or nothing if there is no connected set of that size.
    """
    costs = {qubit: -math.log1p(-error) for qubit, error in qubit_errors.items()}
    links = _links(costs, edge_errors)
    return _search(costs, links, size, _at_ends) or _search(costs, links, size, _anywhere)


def largest_group(qubits: Mapping[int, float], edges: Mapping[Edge, float]) -> int:
    """Count the qubits of the largest connected set."""
    links = _links(qubits, edges)
    unseen, largest = set(links), 0
    while unseen:
        frontier, group = [unseen.pop()], 1
        while frontier:
            fresh = unseen & links[frontier.pop()].keys()
            unseen -= fresh
            frontier += fresh
            group += len(fresh)
        largest = max(largest, group)
    return largest


_Links = Mapping[int, Mapping[int, float]]
_Growth = Callable[[Chain, _Links], Iterator[tuple[Chain, int, float]]]


def _links(qubits: Mapping[int, float], edges: Mapping[Edge, float]) -> _Links:
    links: dict[int, dict[int, float]] = {qubit: {} for qubit in sorted(qubits)}
    for (left, right), error in edges.items():
        if left in links and right in links:
            cost = min(-math.log1p(-error), links[left].get(right, math.inf))
            links[left][right] = links[right][left] = cost
    return links


def _search(costs: Mapping[int, float], links: _Links, size: int, grow: _Growth) -> Chain:
    beam: list[tuple[float, Chain]] = sorted((cost, (qubit,)) for qubit, cost in costs.items())
    for _ in range(size - 1):
        grown: dict[Chain, tuple[float, Chain]] = {}
        for cost, chain in beam:
            for longer, added, link in grow(chain, links):
                candidate = (cost + link + costs[added], longer)
                key = min(longer, longer[::-1])
                grown[key] = min(grown.get(key, candidate), candidate)
        beam = sorted(grown.values())[:_BEAM]
    return beam[0][1] if beam else ()


def _at_ends(chain: Chain, links: _Links) -> Iterator[tuple[Chain, int, float]]:
    for added, link in links[chain[-1]].items():
        if added not in chain:
            yield (*chain, added), added, link
    for added, link in links[chain[0]].items():
        if added not in chain:
            yield (added, *chain), added, link


def _anywhere(chain: Chain, links: _Links) -> Iterator[tuple[Chain, int, float]]:
    for member in chain:
        for added, link in links[member].items():
            if added not in chain:
                yield (*chain, added), added, link
