"""Tests of the versions that a record ran with."""

import sys

import pytest

import qgm_observe as qgm
from qgm_observe.lifecycle import versions


@pytest.fixture(autouse=True)
def uncached():
    """Lets each test look anew."""
    versions._versions.cache_clear()


def test_only_loaded_quantum_libraries_are_told(monkeypatch):
    """Of what is loaded the quantum libraries are told, under their installed names."""
    loaded = {"qiskit": "2.6.1", "numpy": "2.3", "qiskit-aer": "0.18"}
    monkeypatch.setattr(versions, "packages", lambda: loaded)

    assert versions.loaded_versions() == {"qiskit": "2.6.1", "qiskit-aer": "0.18"}


def test_a_library_that_is_loaded_later_is_told(monkeypatch):
    """It is looked anew when more modules are loaded than before."""
    loaded = {}
    monkeypatch.setattr(versions, "packages", lambda: loaded)
    before = versions.loaded_versions()
    loaded["qiskit"] = "2.6.1"
    monkeypatch.setitem(sys.modules, "a_module_of_this_test", sys)

    assert before == {}
    assert versions.loaded_versions() == {"qiskit": "2.6.1"}


def test_runs_and_jobs_of_their_own_carry_them(recorder, rows, monkeypatch):
    """A run and a job outside any run say what they ran with; a job of a run does not repeat it."""
    monkeypatch.setattr(versions, "packages", lambda: {"qiskit": "2.6.1"})
    with qgm.run(), qgm.job("aer"):
        pass
    with qgm.job("aer"):
        pass

    told = rows(verbs=("finished",))
    by_kind = {(each.noun, each.run is None): each.body.get("versions") for each in told}
    assert by_kind["run", False] == {"qiskit": "2.6.1"}
    assert by_kind["job", True] == {"qiskit": "2.6.1"}
    assert by_kind["job", False] is None
