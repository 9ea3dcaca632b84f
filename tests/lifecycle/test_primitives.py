"""Options and seeds are read where samplers of each library keep them."""

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit_aer.primitives import SamplerV2
from qiskit_ibm_runtime import SamplerV2 as IBMSampler
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qgm_observe.lifecycle.primitives import library_seeds, options_of, seeds_of


@pytest.mark.parametrize(
    ("sampler", "seeds"),
    [
        (SamplerV2(seed=5), {"sampler": 5}),
        (StatevectorSampler(seed=6), {"sampler": 6}),
        (SimpleNamespace(options=SimpleNamespace(seed_simulator=7)), {"simulator": 7}),
        (
            SimpleNamespace(options=SimpleNamespace(simulator=SimpleNamespace(seed_simulator=8))),
            {"simulator": 8},
        ),
        (StatevectorSampler(seed=np.random.default_rng(1)), {}),
        (SimpleNamespace(seed=True), {}),
        (None, {}),
    ],
    ids=["aer", "statevector", "option", "ibm", "generator", "flag", "nothing"],
)
def test_seeds_are_where_samplers_keep_them(sampler: Any, seeds: dict[str, int]) -> None:
    """A whole number at a known place is a seed; a generator has none to be told."""
    assert seeds_of(sampler) == seeds


def test_options_of_a_sampler_are_those_that_are_set() -> None:
    """What decides results is told by dotted name; the provider's defaults are not made up."""
    sampler = IBMSampler(mode=FakeManilaV2())
    assert options_of(sampler) == {}

    sampler.options.dynamical_decoupling.enable = True
    sampler.options.dynamical_decoupling.sequence_type = "XY4"
    sampler.options.twirling.num_randomizations = 8
    sampler.options.default_shots = 500
    sampler.options.environment.job_tags = ["x"]
    sampler.options.simulator.seed_simulator = 7
    assert options_of(sampler) == {
        "dynamical_decoupling.enable": True,
        "dynamical_decoupling.sequence_type": "XY4",
        "twirling.num_randomizations": 8,
    }


def test_options_are_bounded_and_hold_no_secret() -> None:
    """Aer's are plain mappings; what is named like a secret and what is long is left out."""
    told = {"method": "statevector", "token": "abc", "note": "x" * 65, "noise_model": object()}
    sampler = SamplerV2(options={"backend_options": {}, "run_options": told})
    many = SimpleNamespace(options={f"o{number}": number for number in range(1000)})

    assert options_of(sampler) == {"run_options.method": "statevector"}
    assert len(options_of(many)) == 64
    assert options_of(None) == options_of(SimpleNamespace(options=5)) == {}


def test_libraries_tell_their_own_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed of Qiskit's algorithms is told where it is loaded and was set."""
    library: Any = ModuleType("qiskit_algorithms.utils")
    library.algorithm_globals = SimpleNamespace(random_seed=None)
    monkeypatch.setitem(__import__("sys").modules, "qiskit_algorithms.utils", library)
    assert "qiskit_algorithms" not in library_seeds()

    library.algorithm_globals.random_seed = 11
    assert library_seeds()["qiskit_algorithms"] == 11
