"""How fast are the quality estimators, and what do they hold in memory?

Ratios in one run: the interval of the Jensen-Shannon divergence against `scipy.stats.bootstrap`,
the value of MMD^2 against the sum over all pairs of shots; and the widest evaluation.

    python benchmarks/estimators.py
"""

import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

from qgm_observe.quality.cells import Cells, align
from qgm_observe.quality.counts import Counts
from qgm_observe.quality.evaluation import evaluate
from qgm_observe.quality.jensen_shannon import jensen_shannon
from qgm_observe.quality.mmd import BANDWIDTHS, mmd_squared
from qgm_observe.quality.targets import as_target
from qgm_observe.records import Estimate

Vector = NDArray[np.float64]


def seconds(work: Callable[[], Any], times: int) -> float:
    """Least processor time of a call."""
    spent = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


def bootstrap_js(samples: NDArray[np.int64], p: Vector) -> Any:
    """The interval that users of SciPy would take."""
    from scipy.stats import bootstrap

    def statistic(drawn: NDArray[np.int64]) -> float:
        shares = np.bincount(drawn, minlength=p.size) / drawn.size
        return float(jensenshannon(p, shares, base=2) ** 2)

    return bootstrap(
        (samples,), statistic, n_resamples=1000, vectorized=False, method="percentile", rng=1
    )


def pairwise_mmd(samples: NDArray[np.int64]) -> float:
    """Mean of the kernel over all pairs of shots."""
    by_distance = np.mean([np.exp(-np.arange(64) / 2 / width) for width in BANDWIDTHS], axis=0)
    total = 0.0
    for start in range(0, samples.size, 500):
        distances = np.bitwise_count(samples[start : start + 500, None] ^ samples)
        total += float(by_distance[distances].sum())
    return (total - samples.size) / (samples.size * (samples.size - 1))


def speed() -> tuple[list[str], bool]:
    """Ratios in this run, the memory of the widest evaluation, and whether targets are met."""
    met = True
    rng = np.random.default_rng(22)
    p = rng.dirichlet(np.ones(1024))
    samples = rng.choice(p.size, size=10_000, p=p)
    cells = align(Counts.from_cells(np.bincount(samples, minlength=p.size)), p)
    lines = []
    rivals: list[tuple[str, Callable[[Cells], Estimate], Callable[[], Any], int]] = [
        ("JS, scipy.stats.bootstrap", jensen_shannon, lambda: bootstrap_js(samples, p), 100),
        ("MMD^2, value over all pairs", mmd_squared, lambda: pairwise_mmd(samples), 1_000),
    ]
    for name, method, rival, target in rivals:
        method(cells)  # tables are built once a process
        ours, peer = seconds(partial(method, cells), 30), seconds(rival, 2)
        ratio = f"{peer / ours:,.0f} times the {ours * 1e3:.2f} ms of ours (target {target:,})"
        met &= peer / ours >= target
        lines.append(f"{name}, 2^10 outcomes, 10,000 shots: {peer * 1e3:,.0f} ms, {ratio}")
    goal = as_target(rng.dirichlet(np.ones(2**20)))
    counts = Counts.from_cells(rng.multinomial(10**6, goal.probabilities))
    spent = seconds(lambda: evaluate(counts, goal), 1)
    tracemalloc.start()
    evaluate(counts, goal)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    lines.append(f"evaluate, 2^20 outcomes, 1e6 shots: {spent:.1f} s, peak {peak:,.0f} MiB")
    return lines, met


def main() -> int:
    """Print the figures; 1 if a target is missed."""
    lines, met = speed()
    print("\n".join(lines))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
