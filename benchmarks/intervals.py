"""Do the quality intervals cover what they say? A study over targets, samplers and shots.

Every cell of the grid is one target, one sampler and one number of shots, drawn many times. For
each method the table shows how often its interval holds the truth where it answers, on average and
in the worst cell; the share of cells in which it answers "insufficient"; how often a perfect
sampler is flagged, as the interval excludes it; and how often the value at 16 times the shots lies
outside the interval at the fewer. Beside the share of "insufficient" stands the share of cells
where no interval is known to cover.

    python benchmarks/intervals.py [--repetitions 100] [--json]
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from qgm_observe.quality.cells import Cells, align
from qgm_observe.quality.counts import Counts
from qgm_observe.quality.diversity import effective_modes, entropy
from qgm_observe.quality.goodness import goodness_of_fit
from qgm_observe.quality.hellinger import hellinger_fidelity
from qgm_observe.quality.jensen_shannon import jensen_shannon
from qgm_observe.quality.kl import kullback_leibler
from qgm_observe.quality.mmd import BANDWIDTHS, Kernel, mmd_squared
from qgm_observe.quality.modes import mode_collapse
from qgm_observe.quality.scores import linear_xeb, valid_shot_ratio
from qgm_observe.quality.targets import Target, as_target
from qgm_observe.quality.tvd import total_variation
from qgm_observe.records import Estimate

Vector = NDArray[np.float64]

SHOTS = (100, 1_000, 10_000, 100_000)
MEAN_TARGET, WORST_TARGET, FLAGGED_TARGET = 0.93, 0.85, 0.05
ABSTAINED_BEYOND = 0.02
FACTOR = 16

# ----------------------------------------------------------------------------------- the targets


def gaussians(size: int) -> Vector:
    """Two normal modes over the integers."""
    place = (np.arange(size) + 0.5) / size
    shares = 0.6 * np.exp(-(((place - 0.3) / 0.08) ** 2) / 2)
    shares += 0.4 * np.exp(-(((place - 0.75) / 0.06) ** 2) / 2)
    return np.asarray(shares / shares.sum())


def bars_and_stripes(side: int) -> Vector:
    """Images of whole bars or whole stripes, all alike."""
    shares = np.zeros(2 ** (side * side))
    for line in range(2**side):
        bits = [str(line >> place & 1) for place in range(side)]
        shares[int("".join(bits * side), 2)] = 1
        shares[int("".join(bit * side for bit in bits), 2)] = 1
    return shares / shares.sum()


def cardinality(bits: int) -> Vector:
    """Bitstrings with half of their bits set, all alike."""
    chosen = np.bitwise_count(np.arange(2**bits)) == bits // 2
    return np.asarray(chosen / chosen.sum())


def porter_thomas(size: int) -> Vector:
    """Exponentially distributed probabilities, as random circuits have."""
    shares = np.random.default_rng(5).exponential(size=size)
    return np.asarray(shares / shares.sum())


TARGETS: dict[str, Vector] = {
    **{f"gaussian-{size}": gaussians(size) for size in (8, 64, 256, 1024, 4096)},
    "bars-and-stripes-2x2": bars_and_stripes(2),
    "bars-and-stripes-3x3": bars_and_stripes(3),
    "cardinality-6": cardinality(6),
    "cardinality-10": cardinality(10),
    "porter-thomas-256": porter_thomas(256),
}

# ---------------------------------------------------------------------------------- the samplers


def depolarized(strength: float, target: Vector) -> Vector:
    """A mixture of the target and uniform noise."""
    return (1 - strength) * target + strength / target.size


def collapsed(target: Vector) -> Vector:
    """Half of the modes keep 5 % of their share."""
    support = np.flatnonzero(target)
    lost = np.random.default_rng(3).permutation(support)[: support.size // 2]
    shares = target.copy()
    shares[lost] *= 0.05
    return np.asarray(shares / shares.sum())


def misread(target: Vector) -> Vector:
    """Each bit is read wrongly with a probability of 3 %."""
    shares = target.reshape((2,) * (target.size.bit_length() - 1))
    for axis in range(shares.ndim):
        shares = 0.97 * shares + 0.03 * np.flip(shares, axis)
    return shares.ravel()


def flattened(target: Vector) -> Vector:
    """A model that learned the target a little too flat."""
    shares = np.where(target > 0, target**0.8, 0.0)
    return np.asarray(shares / shares.sum())


SAMPLERS: dict[str, Callable[[Vector], Vector]] = {
    "perfect": np.copy,
    "depolarized-5": partial(depolarized, 0.05),
    "depolarized-20": partial(depolarized, 0.2),
    "collapsed": collapsed,
    "misread": misread,
    "flattened": flattened,
}

# ----------------------------------------------------------------------------------- the methods


def smoothed(shares: Vector) -> Vector:
    """The kernel of the MMD times a vector."""
    kernel, bits = Kernel.from_bandwidths(BANDWIDTHS), shares.size.bit_length() - 1
    return kernel.apply(shares[None, :], np.arange(shares.size), bits)[0]


def true_js(p: Vector, q: Vector) -> float:
    """Jensen-Shannon divergence in bits."""
    both = np.maximum(p + q, 1e-300)
    return float((xlogy(p, 2 * p / both) + xlogy(q, 2 * q / both)).sum() / np.log(4))


def true_kl(p: Vector, q: Vector) -> float:
    """Kullback-Leibler divergence in nats, infinite where the sampler misses a cell."""
    if np.any((p > 0) & (q == 0)):
        return float("inf")
    return float(xlogy(p, p / np.where(p > 0, q, 1)).sum())


def true_xeb(p: Vector, q: Vector) -> float:
    """Linear cross-entropy score."""
    return float((p @ q - 1 / p.size) / (p @ p - 1 / p.size))


def measured_valid(cells: Cells) -> Estimate:
    """Share of shots on the target's support."""
    return valid_shot_ratio(int(cells.numbers[cells.target_p > 0].sum()), cells.shots)


METHODS: dict[str, tuple[Callable[[Cells], Estimate], Callable[[Vector, Vector], float]]] = {
    "valid shots": (measured_valid, lambda p, q: float(q[p > 0].sum())),
    "linear XEB": (linear_xeb, true_xeb),
    "TVD": (total_variation, lambda p, q: float(np.abs(p - q).sum() / 2)),
    "Jensen-Shannon": (jensen_shannon, true_js),
    "Hellinger fidelity": (hellinger_fidelity, lambda p, q: float(np.sqrt(p * q).sum() ** 2)),
    "KL": (kullback_leibler, true_kl),
    "MMD^2": (mmd_squared, lambda p, q: float((p - q) @ smoothed(p - q))),
    "entropy": (entropy, lambda _, q: float(-xlogy(q, q).sum() / np.log(2))),
    "effective modes": (effective_modes, lambda _, q: float(1 / (q @ q))),
}


def seen_share(q: Vector, shots: float) -> float:
    """Expected probability of the outcomes that so many shots show."""
    return float(1 - q @ (1 - q) ** shots)


JUSTIFIED: dict[str, Callable[[Vector, Vector, float], bool]] = {
    # no interval covers below one shot a cell
    "Jensen-Shannon": lambda p, _, shots: shots < np.count_nonzero(p),
    # none reaches 93 % below ten
    "Hellinger fidelity": lambda p, _, shots: shots < 10 * np.count_nonzero(p),
    # below a hundred a cell, or five on the rarest, it measures how zeros are clipped
    "KL": lambda p, q, shots: (
        shots < 100 * np.count_nonzero(p) or shots * min(p[p > 0].min(), q[p > 0].min()) < 5
    ),
    "entropy": lambda _, q, shots: seen_share(q, shots) < 0.6,
    # below ten pairs of equal shots the error is half of the value
    "effective modes": lambda _, q, shots: shots**2 * (q @ q) / 2 < 10,
}
"""Method to where no interval is known to cover, so that "insufficient" is the right answer."""

TWO_SAMPLE = ("TVD", "Jensen-Shannon", "Hellinger fidelity", "MMD^2")


@dataclass(slots=True)
class Tally:
    """What one method did in one cell of the grid."""

    method: str
    target: str
    sampler: str
    shots: int
    answered: int = 0
    covered: int = 0
    compared: int = 0
    moved: int = 0

    def add(self, estimate: Estimate, truth: float, later: Estimate | None) -> None:
        """Count one draw, and the value at more shots where there is one."""
        if estimate.value is None or estimate.low is None or estimate.high is None:
            return
        slack = 1e-9 * max(abs(truth), 1e-6)
        self.answered += 1
        self.covered += estimate.low - slack <= truth <= estimate.high + slack
        if later is not None and later.value is not None:
            self.compared += 1
            self.moved += not estimate.low - slack <= later.value <= estimate.high + slack

    @property
    def coverage(self) -> float:
        """Share of answers that hold the truth."""
        return self.covered / self.answered


def draw(rng: np.random.Generator, shares: Vector, goal: Target, shots: int, rows: int) -> Cells:
    """Sample counts, and a data set of so many rows in place of the target where asked."""
    counts = Counts.from_cells(rng.multinomial(shots, shares))
    if not rows:
        return align(counts, goal)
    dense = np.zeros(goal.size)
    dense[goal.outcomes] = goal.probabilities
    return align(counts, Counts.from_cells(rng.multinomial(rows, dense)))


def study(
    targets: Iterable[str],
    shots: Sequence[int],
    repetitions: int,
    methods: Iterable[str] = METHODS,
    *,
    rows: int = 0,
) -> list[Tally]:
    """Draw every cell of the grid and tally each method.

    Args:
        targets: Names of targets.
        shots: Numbers of shots.
        repetitions: Draws a cell.
        methods: Names of methods.
        rows: Rows of the data set that stands for the target; 0 for the known target.
    """
    rng = np.random.default_rng(20)
    chosen = {name: METHODS[name] for name in methods}
    tallies = []
    for target in targets:
        p = TARGETS[target]
        goal = as_target(p)
        for sampler, spoil in SAMPLERS.items():
            q = spoil(p)
            truths = {name: truth(p, q) for name, (_, truth) in chosen.items()}
            for number in shots:
                cell = {name: Tally(name, target, sampler, number) for name in chosen}
                for _ in range(repetitions):
                    few = draw(rng, q, goal, number, rows)
                    many = draw(rng, q, goal, FACTOR * number, FACTOR * rows)
                    for name, (method, _) in chosen.items():
                        cell[name].add(method(few), truths[name], method(many))
                tallies += cell.values()
    return tallies


def justified(tally: Tally, rows: int) -> bool:
    """Whether nothing better than "insufficient" is known for a cell of the grid."""
    p = TARGETS[tally.target]
    shots = 1 / (1 / tally.shots + 1 / rows) if rows else tally.shots
    # the target's own shares are as unknown below one row a cell as the sampler's
    method = "Jensen-Shannon" if rows and tally.method == "TVD" else tally.method
    return method in JUSTIFIED and bool(JUSTIFIED[method](p, SAMPLERS[tally.sampler](p), shots))


def summary(
    tallies: Sequence[Tally], repetitions: int, *, data_rows: int = 0
) -> list[dict[str, Any]]:
    """One row a method; `data_rows` are those of the data set that stands for the target."""
    rows = []
    for method in dict.fromkeys(tally.method for tally in tallies):
        mine = [tally for tally in tallies if tally.method == method]
        answering = [tally for tally in mine if tally.answered >= repetitions / 2]
        perfect = [1 - tally.coverage for tally in answering if tally.sampler == "perfect"]
        if not answering:
            rows.append(silent(method, mine, data_rows))
            continue
        worst = min(answering, key=lambda tally: tally.coverage)
        rows.append(
            {
                "method": method,
                "mean": float(np.mean([tally.coverage for tally in answering])),
                "worst": worst.coverage,
                "worst_cell": f"{worst.target}, {worst.sampler}, {worst.shots:,}",
                "insufficient": 1 - len(answering) / len(mine),
                "justified": float(np.mean([justified(tally, data_rows) for tally in mine])),
                "flagged": float(np.mean(perfect)) if perfect else 0.0,
                "moved": sum(t.moved for t in mine) / max(sum(t.compared for t in mine), 1),
            }
        )
    return rows


def silent(method: str, mine: Sequence[Tally], data_rows: int) -> dict[str, Any]:
    """The row of a method that abstains everywhere."""
    share = float(np.mean([justified(tally, data_rows) for tally in mine]))
    row = {"method": method, "mean": 0.0, "worst": 0.0, "worst_cell": "none", "insufficient": 1.0}
    return row | {"justified": share, "flagged": 0.0, "moved": 0.0}


def is_honest(row: dict[str, Any]) -> bool:
    """Whether a method abstains no more often than is justified."""
    return bool(row["insufficient"] <= row["justified"] + ABSTAINED_BEYOND)


def is_kept(row: dict[str, Any]) -> bool:
    """Whether a method meets every target."""
    covers = row["mean"] >= MEAN_TARGET and row["worst"] >= WORST_TARGET
    return covers and row["flagged"] <= FLAGGED_TARGET and is_honest(row)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The coverage as Markdown; a figure that misses its target is marked with an exclamation."""
    head = (
        *("method", "mean", "worst cell", "of it", "insufficient", "justified"),
        *("perfect flagged", "x16 moved"),
    )
    lines = [f"| {' | '.join(head)} |", "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |"]
    for row in rows:
        mean = f"{row['mean']:.3f}{'' if row['mean'] >= MEAN_TARGET else ' !'}"
        worst = f"{row['worst']:.2f}{'' if row['worst'] >= WORST_TARGET else ' !'}"
        flagged = f"{row['flagged']:.1%}{'' if row['flagged'] <= FLAGGED_TARGET else ' !'}"
        lines.append(
            f"| {row['method']} | {mean} | {worst} | {row['worst_cell']} "
            f"| {row['insufficient']:.0%}{'' if is_honest(row) else ' !'} | {row['justified']:.0%} "
            f"| {flagged} | {row['moved']:.1%} |"
        )
    return "\n".join(lines)


def verdicts(repetitions: int) -> dict[str, float]:
    """How often tests and the verdict on collapse say yes, over all targets and shots."""
    rng = np.random.default_rng(21)
    samplers = {name: SAMPLERS[name] for name in ("perfect", "depolarized-20", "collapsed")}
    samplers["depolarized-60"] = partial(depolarized, 0.6)
    found: dict[str, list[bool]] = {}
    for p, (sampler, spoil), shots in product(TARGETS.values(), samplers.items(), SHOTS):
        goal, q = as_target(p), spoil(p)
        for _ in range(repetitions):
            cells = draw(rng, q, goal, shots, 0)
            answers = {f"collapse: {sampler}": mode_collapse(cells).collapsed}
            if sampler == "perfect":
                for test in ("chi_square", "g_test"):
                    value = goodness_of_fit(cells, test).value
                    answers[f"{test} below 5 %"] = None if value is None else value < 0.05
            for key, answer in answers.items():
                if answer is not None:
                    found.setdefault(key, []).append(answer)
    return {key: float(np.mean(values)) for key, values in found.items()}


def main() -> int:
    """Run the study and print it; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    start = time.process_time()
    repetitions = options.repetitions
    rows = summary(study(TARGETS, SHOTS, repetitions), repetitions)
    small = [name for name, p in TARGETS.items() if p.size <= 1024]
    paired = summary(
        study(small, SHOTS, repetitions, TWO_SAMPLE, rows=5_000), repetitions, data_rows=5_000
    )
    answers = verdicts(max(repetitions // 4, 1))
    if options.json:
        json.dump({"known": rows, "data_set": paired, "verdicts": answers}, sys.stdout)
        return int(not all(map(is_kept, rows + paired)))
    print(f"Known target, {repetitions} draws a cell\n\n{table(rows)}\n")
    print(f"A data set of 5,000 rows as target, {repetitions} draws a cell\n\n{table(paired)}\n")
    for name, share in answers.items():
        print(f"{name}: {share:.1%}")
    print(f"\n{time.process_time() - start:.0f} s of processor time")
    return int(not all(map(is_kept, rows + paired)))


if __name__ == "__main__":
    sys.exit(main())
