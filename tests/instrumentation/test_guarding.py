"""Guards stop scripts that nobody edits."""

import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler

from qgm_observe.errors import BudgetExceeded
from qgm_observe.lifecycle import RunHandle
from qgm_observe.spend.limits import limits


def test_a_guard_stops_a_sampler_before_it_runs(run: RunHandle, finished, bell: QuantumCircuit):
    """Of 2,500 shots two calls of 1,000 leave no third; its job ends as guarded."""
    run.limits = limits("2500 shots")
    sampler = StatevectorSampler()
    for _ in range(2):
        sampler.run([bell], shots=1_000).result()
    with pytest.raises(BudgetExceeded, match="3,000 of 2,500 shots; nothing was submitted"):
        sampler.run([bell], shots=1_000)

    assert [event.body["outcome"] for event in finished()] == ["success", "success", "guarded"]


def test_a_refused_call_leaves_the_hooks_in_order(run: RunHandle, finished, bell: QuantumCircuit):
    """After a refusal a smaller call goes through and is recorded as any other."""
    run.limits = limits("1500 shots")
    sampler = StatevectorSampler()
    with pytest.raises(BudgetExceeded):
        sampler.run([bell], shots=2_000)
    counts = sampler.run([bell], shots=1_000).result()[0].data.meas.get_counts()

    assert sum(counts.values()) == 1_000
    assert [event.body["outcome"] for event in finished()] == ["guarded", "success"]
