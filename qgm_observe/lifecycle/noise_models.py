"""Noise models that simulators were given, as content; each is written once."""

import weakref
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.lifecycle.programs import Content

MOST_QUBITS = 32
"""Qubits of which a model is written where none in use is seen; a large one takes seconds."""

_KEPT = 64

Written = Content | str
"""A model's content, or why there is none."""


class NoiseModels:
    """Those that backend objects hold, known by the object and the qubits in use.

    A model that is changed in place is taken for the one that was written.
    """

    def __init__(self) -> None:
        self._written: dict[tuple[int, frozenset[int] | None], tuple[Any, Written]] = {}

    def held(self, backend: Any, qubits: frozenset[int] | None) -> Written | None:
        """Return what the backend's noise model says, `None` where it has no model.

        Args:
            backend: Of Qiskit.
            qubits: Those in use, `None` where they are not seen: then all of which it tells.
        """
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


def _written(model: Any, qubits: frozenset[int] | None) -> Written:
    from qgm_observe.providers.noise_content import content_of

    try:
        if qubits is None and len(model.noise_qubits) > MOST_QUBITS:
            return f"no qubit in use is seen, and it tells of more than {MOST_QUBITS}"
        return Content.of("noise_model", content_of(model, qubits))
    except UsageError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  a model of another package may be anything
        return f"it cannot be written: {type(error).__name__}"
