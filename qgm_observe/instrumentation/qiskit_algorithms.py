"""Qiskit's optimizers, in qiskit-algorithms and qiskit-machine-learning alike, and its fits.

Each optimizer loops in a `minimize` of its own. None is given a callback for our sake, because with
one some of them evaluate the loss more often, and a seeded training would come out different; what
tells an iteration instead is a method that the optimizer calls once in each.

Source of the list: qiskit-algorithms 0.4 and qiskit-machine-learning 0.9.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from qgm_observe.instrumentation import stepping
from qgm_observe.instrumentation.fitting import Fit
from qgm_observe.instrumentation.instrumentor import Instrumentor
from qgm_observe.instrumentation.stepping import Mark, Optimization
from qgm_observe.instrumentation.wrapping import Target
from qgm_observe.lifecycle import recorder

_MARKS = {
    "SPSA": Mark.BEGIN,
    "UMDA": Mark.BEGIN,
    "GSLS": Mark.BEGIN,
    "AQGD": Mark.BEGIN,
    "SteppableOptimizer": Mark.BEGIN,
    "ADAM": Mark.GRADIENT,
}
"""What tells the iterations of an optimizer that inherits from one of these."""


def minimize(own: Callable[..., Any], optimizer: Any, *args: Any, **kwargs: Any) -> Any:
    """See an optimizer at work."""
    with Optimization(type(optimizer).__name__, _mark(optimizer)) as made:
        if made is None:
            return own(optimizer, *args, **kwargs)
        with recorder().guard("instrumentation"):
            bound = made.watched(own, (optimizer, *args), kwargs)
            optimizer, *args = bound.args  # type: ignore[assignment]
            kwargs = bound.kwargs
        result = own(optimizer, *args, **kwargs)
        with recorder().guard("instrumentation"):
            made.ended(
                iterations=getattr(result, "nit", None), evaluations=getattr(result, "nfev", None)
            )
        return result


def begins(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """See an iteration begin."""
    told = stepping.optimization()
    if told is not None and told.mark is Mark.BEGIN:
        told.began()
    return own(*args, **kwargs)


def updates(own: Callable[..., Any], optimizer: Any, *args: Any, **kwargs: Any) -> Any:
    """See an iteration of SPSA begin, and its own estimate of the loss."""
    told = stepping.optimization()
    if told is None or told.mark is not Mark.BEGIN:
        return own(optimizer, *args, **kwargs)
    told.began()
    answer = own(optimizer, *args, **kwargs)
    with recorder().guard("instrumentation"):
        told.tells(answer[0], args[1] if len(args) > 1 else kwargs.get("x"))
    return answer


def differences(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """See a gradient being estimated by differences, where one begins an iteration."""
    told = stepping.optimization()
    if told is not None and told.mark is Mark.GRADIENT:
        told.began()
    return own(*args, **kwargs)


def fit(own: Callable[..., Any], model: Any, *args: Any, **kwargs: Any) -> Any:
    """See the fit of a model."""
    facts: dict[str, Any] = {}
    with recorder().guard("instrumentation"):
        network = getattr(model, "neural_network", None)
        facts = {"fit": type(model).__name__}
        facts |= {} if network is None else {"network": type(network).__name__}
    with Fit(type(model).__name__, **facts):
        return own(model, *args, **kwargs)


def _mark(optimizer: Any) -> Mark:
    names = (kind.__name__ for kind in type(optimizer).__mro__)
    return next((_MARKS[name] for name in names if name in _MARKS), Mark.EVALUATION)


def _optimizers(package: str) -> tuple[Target, ...]:
    return (
        Target(f"{package}.optimizer", "Optimizer", "minimize", minimize, heirs=True),
        Target(f"{package}.optimizer", "Optimizer", "gradient_num_diff", differences),
        Target(f"{package}.steppable_optimizer", "SteppableOptimizer", "step", begins),
        Target(f"{package}.spsa", "SPSA", "_compute_update", updates),
        Target(f"{package}.umda", "UMDA", "_check_generation", begins),
        Target(f"{package}.gsls", "GSLS", "sample_set", begins),
        Target(f"{package}.aqgd", "AQGD", "_converged_parameter", begins),
    )


class QiskitAlgorithmsInstrumentor(Instrumentor):
    """Sees the optimizers of qiskit-algorithms."""

    library = "qiskit_algorithms"
    requires = ("qiskit-algorithms >= 0.4",)
    targets: ClassVar[tuple[Target, ...]] = _optimizers("qiskit_algorithms.optimizers")


class QiskitMachineLearningInstrumentor(Instrumentor):
    """Sees the fits and the optimizers of qiskit-machine-learning."""

    library = "qiskit_machine_learning"
    requires = ("qiskit-machine-learning >= 0.9",)
    targets: ClassVar[tuple[Target, ...]] = (
        *_optimizers("qiskit_machine_learning.optimizers"),
        Target("qiskit_machine_learning.algorithms.trainable_model", "TrainableModel", "fit", fit),
    )
