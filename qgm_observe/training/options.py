"""The settings of a training: what each means, and the check that it can be meant."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from qgm_observe.training.gradients import GRADIENTS
from qgm_observe.training.losses import LOSSES
from qgm_observe.training.optimizers import OPTIMIZERS
from qgm_observe.training.validation import (
    require_choice,
    require_integer,
    require_number,
    require_weight,
)

_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "loss": LOSSES,
        "gradient": GRADIENTS,
        "optimizer": OPTIMIZERS,
        "entanglement": ("linear", "reverse_linear", "circular", "pairwise", "full", "sca"),
    }
)
_ROTATIONS = ("rx", "ry", "rz")
_SMALLEST: Mapping[str, int] = MappingProxyType(
    {
        "shots": 2,
        "seed": 0,
        "reps": 0,
        "directions": 1,
        "optimization_level": 0,
        "keep_checkpoints": 1,
    }
)


@dataclass(kw_only=True, eq=False)
class Options:
    """Settings of a circuit Born machine, checked when it is built.

    The defaults learn the bars and stripes of 2 x 2 pixels within 40 steps on the noise of a
    current device.

    Attributes:
        shots: Shots of each circuit of a step, at least 2.
        seed: Seed of every random choice: first angles, perturbations, simulated shots.
        loss: "nll" or "mmd", see `losses`.
        gradient: "parameter-shift" (2P + 1 circuits a step) or "spsa" (1 + 2 a direction).
        optimizer: "adam" or "sgd", see `optimizers`.
        learning_rate: Length of a typical step in radians for adam, first gain for sgd.
        reps: Entangling layers of the ansatz (`qiskit.circuit.library.efficient_su2`).
        rotations: Pauli rotations of each layer, for instance ("ry",) or ("ry", "rz").
        entanglement: Which qubits a layer entangles, as Qiskit names it; "linear" suits a chain.
        initial_angle: Standard deviation of the first angles in radians. Small ones keep clear of
            barren plateaus (Grant et al., Quantum 3, 214 (2019), give the reason).
        bandwidths: Variances of the kernel of "mmd", in flipped bits.
        clip: Smallest probability that enters a logarithm.
        entropy_weight: Reward for spread, against mode collapse; 0 turns it off.
        perturbation: How far "spsa" moves each angle, in radians.
        directions: Random directions that "spsa" averages in a step.
        optimization_level: Effort of Qiskit's preset pass manager, 0 to 3.
        keep_checkpoints: How many checkpoint files remain.

    Raises:
        ValueError: If a setting is out of range or unknown; one line says what to write.
    """

    shots: int = 1024
    seed: int = 0
    loss: str = "nll"
    gradient: str = "parameter-shift"
    optimizer: str = "adam"
    learning_rate: float = 0.1
    reps: int = 3
    rotations: tuple[str, ...] = ("ry",)
    entanglement: str = "linear"
    initial_angle: float = 0.1
    bandwidths: tuple[float, ...] = (0.25, 1.0)
    clip: float = 1e-3
    entropy_weight: float = 0.0
    perturbation: float = 0.3
    directions: int = 1
    optimization_level: int = 1
    keep_checkpoints: int = 3

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            require_choice(name, getattr(self, name), choices)
        for name, smallest in _SMALLEST.items():
            require_integer(name, getattr(self, name), smallest)
        for name in ("learning_rate", "clip", "perturbation"):
            require_number(name, getattr(self, name), above=0)
        for name in ("initial_angle", "entropy_weight"):
            require_weight(name, getattr(self, name))
        self._check_lists()

    def settings(self) -> dict[str, Any]:
        """Give every setting by name."""
        return {item.name: getattr(self, item.name) for item in fields(Options)}

    def _check_lists(self) -> None:
        self.rotations, self.bandwidths = tuple(self.rotations), tuple(self.bandwidths)
        for name in ("rotations", "bandwidths"):
            if not getattr(self, name):
                raise ValueError(f"{name}=() is refused: write at least one")
        for rotation in self.rotations:
            require_choice("rotation", rotation, _ROTATIONS)
        for bandwidth in self.bandwidths:
            require_number("bandwidth", bandwidth, above=0)
        if self.optimization_level > 3:  # noqa: PLR2004
            raise ValueError(f"optimization_level={self.optimization_level} is refused: 0 to 3")
