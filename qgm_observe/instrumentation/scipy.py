"""SciPy: `scipy.optimize.minimize`, by the functions that it calls for its methods.

`minimize` itself is a function that scripts bind early, by `from scipy.optimize import minimize`;
what it calls is looked up by name at each call, so that every such script is seen. A method is told
its iterations by a callback of ours around the script's own.

Source of the list: SciPy 1.15 to 1.17, `scipy/optimize/_minimize.py`.
"""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from qgm_observe.instrumentation.instrumentor import Instrumentor
from qgm_observe.instrumentation.stepping import Mark, Optimization, optimization
from qgm_observe.instrumentation.wrapping import Target
from qgm_observe.lifecycle import recorder

_PREFIX = "_minimize_"
_METHODS = (
    *("neldermead", "powell", "cg", "bfgs", "newtoncg", "lbfgsb", "tnc", "cobyla", "cobyqa"),
    *("slsqp", "trustregion_constr", "dogleg", "trust_ncg", "trust_krylov", "trustregion_exact"),
)


def minimize(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """See a minimization: an optimizer around it that tells no iterations is told them by it."""
    outer = optimization()
    if outer is not None:
        if outer.mark is not Mark.EVALUATION:
            return own(*args, **kwargs)
        outer.mark = Mark.END
        outer.began()
        return _called(own, args, kwargs, outer, is_outer=True)
    with Optimization(own.__name__.removeprefix(_PREFIX), Mark.END) as made:
        if made is None:
            return own(*args, **kwargs)
        return _called(own, args, kwargs, made, is_outer=False)


def _called(
    own: Callable[..., Any], args: Any, kwargs: Any, told: Optimization, *, is_outer: bool
) -> Any:
    with recorder().guard("instrumentation"):
        bound = inspect.signature(own).bind(*args, **kwargs) if is_outer else None
        bound = bound or told.watched(own, args, kwargs)
        options = _options(bound)
        options["callback"] = Iterations(told, options.get("callback"))
        args, kwargs = bound.args, bound.kwargs
    result = own(*args, **kwargs)
    with recorder().guard("instrumentation"):
        told.ended(
            iterations=getattr(result, "nit", None),
            evaluations=getattr(result, "nfev", None),
            converged=getattr(result, "success", None),
        )
    return result


def _options(bound: inspect.BoundArguments) -> dict[str, Any]:
    """Where a callback belongs: among the arguments, or among what a method hands on."""
    kinds = {each.kind: name for name, each in bound.signature.parameters.items()}
    rest = kinds.get(inspect.Parameter.VAR_KEYWORD)
    if "callback" in bound.signature.parameters or rest is None:
        return bound.arguments
    options: dict[str, Any] = bound.arguments.setdefault(rest, {})
    return options


class Iterations:
    """A callback that counts iterations and calls the script's own, if there is one.

    Methods look at a callback's parameters to choose what they hand to it, and leave on it whether
    it has stopped them: both are those of the script's own.
    """

    def __init__(self, told: Optimization, own: Callable[..., Any] | None) -> None:
        self._told = told
        self._own = own
        self.__signature__ = _WITH_RESULT if own is None else inspect.signature(own)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take note of an iteration."""
        with recorder().guard("instrumentation"):
            state = args[0] if args else kwargs.get("intermediate_result")
            self._told.iterated(getattr(state, "fun", None), getattr(state, "x", state))
        return None if self._own is None else self._own(*args, **kwargs)

    @property
    def stop_iteration(self) -> bool:
        """Whether the script's callback has stopped the method."""
        return bool(getattr(self._own, "stop_iteration", False))

    @stop_iteration.setter
    def stop_iteration(self, stop: bool) -> None:
        if self._own is not None:
            self._own.stop_iteration = stop  # type: ignore[attr-defined]


_WITH_RESULT = inspect.Signature(
    [inspect.Parameter("intermediate_result", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
)


class SciPyInstrumentor(Instrumentor):
    """Sees the minimizations of SciPy."""

    library = "scipy"
    requires = ("scipy >= 1.15",)
    targets: ClassVar[tuple[Target, ...]] = tuple(
        Target("scipy.optimize._minimize", "", _PREFIX + method, minimize) for method in _METHODS
    )
