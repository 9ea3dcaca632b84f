"""What samplers and estimators are set to: their options and their seeds."""

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from qgm_observe.lifecycle.kinds import kinds_of
from qgm_observe.redaction import redacted

_SEEDS = (
    ("_seed",),
    ("seed",),
    ("options", "seed_simulator"),
    ("options", "simulator", "seed_simulator"),
    ("_backend", "options", "seed_simulator"),
)
"""Where samplers of Qiskit, Aer and IBM's client keep their seeds."""

_NO_OPTIONS = {
    *("environment", "simulator", "noise_model", "default_shots", "shots", "max_execution_time"),
    *("seed_simulator", "seed_estimator", "seed"),
}
_MOST_OPTIONS, _LONGEST_OPTION, _DEEPEST = 64, 64, 2
_GLOBALLY_SEEDED = ("qiskit_algorithms", "qiskit_machine_learning")
"""Each by `algorithm_globals.random_seed` of its `utils`."""


def seeds_of(sampler: Any) -> dict[str, int]:
    """Return the seeds that a sampler holds, by where they are."""
    found: dict[str, int] = {}
    for path in _SEEDS:
        place = sampler
        for name in path:
            place = None if place is None else getattr(place, name, None)
        if isinstance(place, int) and not isinstance(place, bool):
            found.setdefault("sampler" if len(path) == 1 else "simulator", place)
    return found


def options_of(sampler: Any) -> dict[str, bool | int | float | str]:
    """Return what a sampler was set to, such as `dynamical_decoupling.enable`, by dotted name.

    Numbers, truth values and short texts; not its seeds, its shots and what is said to the provider
    about the job itself (`environment`), which are told elsewhere or tell nothing of results.
    """
    options = getattr(sampler, "options", None)
    if not any(_parts_of(options).values()):
        return {}
    return dict(islice(_set_options(options, ""), _MOST_OPTIONS))


def _parts_of(options: Any) -> Mapping[str, Any]:
    return options if isinstance(options, Mapping) else getattr(options, "__dict__", {})


def _set_options(told: Any, where: str) -> Iterator[tuple[str, Any]]:
    for name, value in _parts_of(told).items():
        if str(name).startswith("_") or name in _NO_OPTIONS:
            continue
        if isinstance(value, bool | int | float):
            yield f"{where}{name}", value
        elif isinstance(value, str):
            if redacted(f"{name}={value}") == f"{name}={value}" and len(value) <= _LONGEST_OPTION:
                yield f"{where}{name}", value
        elif where.count(".") < _DEEPEST and type(value).__name__.endswith(
            ("Options", "V2", "dict")
        ):
            yield from _set_options(value, f"{where}{name}.")


def library_seeds() -> dict[str, int]:
    """Return the seeds that loaded libraries were given for all of the process, by library."""
    told = {
        library: getattr(sys.modules.get(f"{library}.utils"), "algorithm_globals", None)
        for library in _GLOBALLY_SEEDED
    }
    seeds = {library: getattr(each, "random_seed", None) for library, each in told.items()}
    return {library: seed for library, seed in seeds.items() if isinstance(seed, int)}


def is_estimator(primitive: Any) -> bool:
    """Return whether a primitive estimates observables, so that its pubs have them as well."""
    return any("Estimator" in name for name in kinds_of(primitive))
