"""Noise models that simulators were given, as content; each is written once."""

import weakref
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.lifecycle.programs import Content

_KEPT = 64

Written = Content | str
"""A model's content, or why there is none."""


class NoiseModels:
    """Those that backend objects hold, known by the object and the qubits in use.

    A model that is changed in place is taken for the one that was written.
    """

    def __init__(self) -> None:
        self._written: dict[tuple[int, frozenset[int]], tuple[Any, Written]] = {}

    def held(self, backend: Any, qubits: frozenset[int]) -> Written | None:
        """Return what the backend's noise model says of qubits, `None` where it has no model."""
        model = model_of(backend)
        if model is None:
            return None
        key = id(model), qubits
        known = self._written.get(key)
        if known is None or known[0]() is not model:
            if len(self._written) >= _KEPT:
                self._written.clear()
            known = self._written[key] = weakref.ref(model), _written(model, qubits)
        return known[1]


def model_of(backend: Any) -> Any:
    """Return the noise model that a Qiskit Aer backend was given, read without asking it."""
    options = getattr(backend, "__dict__", {}).get("_options")
    return getattr(options, "noise_model", None)


def _written(model: Any, qubits: frozenset[int]) -> Written:
    from qgm_observe.providers.noise_content import content_of

    try:
        return Content.of("noise_model", content_of(model, qubits))
    except UsageError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  a model of another package may be anything
        return f"it cannot be written: {type(error).__name__}"
