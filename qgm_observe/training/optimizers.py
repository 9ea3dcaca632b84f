"""Stepwise optimizers whose state can be saved between any two steps.

SciPy's minimizers call the loss as often as they like and keep their state to themselves; one
submission a step and a resume to the last bit need the opposite.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from qgm_observe.training.losses import Vector
from qgm_observe.training.validation import require_choice

OPTIMIZERS = ("adam", "sgd")
"""The optimizers by name."""

State = dict[str, Any]
"""Numbers and lists of numbers, as JSON keeps them."""


class Optimizer(Protocol):
    """How a gradient moves the parameters."""

    def step(self, parameters: Vector, gradient: Vector) -> Vector:
        """Return the parameters of the next step, both of shape (P,)."""
        ...

    def state(self) -> State:
        """Return what a resume needs."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        ...


@dataclass
class Adam:
    """Steps scaled by running moments of the gradient.

    Kingma and Ba, International Conference on Learning Representations (2015). The second moment
    forgets faster than in deep learning, as trainings on devices are short.

    Attributes:
        learning_rate: Length of a typical step, in radians.
    """

    learning_rate: float
    first_decay: float = 0.9
    second_decay: float = 0.99
    tiny: float = 1e-8
    count: int = 0
    first: Vector = field(default_factory=lambda: np.zeros(0))
    second: Vector = field(default_factory=lambda: np.zeros(0))

    def step(self, parameters: Vector, gradient: Vector) -> Vector:
        """Move against the bias-corrected mean gradient over its root mean square."""
        if self.count == 0:
            self.first, self.second = np.zeros_like(gradient), np.zeros_like(gradient)
        self.count += 1
        self.first = self.first_decay * self.first + (1 - self.first_decay) * gradient
        self.second = self.second_decay * self.second + (1 - self.second_decay) * gradient**2
        mean = self.first / (1 - self.first_decay**self.count)
        scale = np.sqrt(self.second / (1 - self.second_decay**self.count))
        return parameters - self.learning_rate * mean / (scale + self.tiny)

    def state(self) -> State:
        """Return the number of steps and both moments."""
        return {
            "count": self.count,
            "first": self.first.tolist(),
            "second": self.second.tolist(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the number of steps and both moments."""
        self.count = int(state["count"])
        self.first = np.array(state["first"], dtype=np.float64)
        self.second = np.array(state["second"], dtype=np.float64)


@dataclass
class Sgd:
    """Plain steps whose gain decays as Spall recommends for SPSA.

    The gain of step k is a / (k + 1 + A)^0.602, scaled so that the first gain is the learning rate
    (Spall, Johns Hopkins APL Technical Digest 19, 482 (1998)).

    Attributes:
        learning_rate: Gain of the first step, in radians per unit of gradient.
        stability: The constant A: about a tenth of the steps that are planned.
    """

    learning_rate: float
    stability: float = 10.0
    decay: float = 0.602
    count: int = 0

    def step(self, parameters: Vector, gradient: Vector) -> Vector:
        """Move against the gradient by the current gain."""
        gain = ((1 + self.stability) / (1 + self.count + self.stability)) ** self.decay
        self.count += 1
        return np.asarray(parameters - self.learning_rate * gain * gradient, dtype=np.float64)

    def state(self) -> State:
        """Return the number of steps."""
        return {"count": self.count}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the number of steps."""
        self.count = int(state["count"])


def make_optimizer(name: str, learning_rate: float) -> Optimizer:
    """Build an optimizer by name.

    Raises:
        ValueError: If the name is unknown.
    """
    require_choice("optimizer", name, OPTIMIZERS)
    return Sgd(learning_rate) if name == "sgd" else Adam(learning_rate)
