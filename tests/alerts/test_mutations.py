"""The rendered tests notice a broken rule; `benchmarks/mutations.py` prints the whole figure."""

import importlib.util
import random
import sys
from pathlib import Path

import pytest
import yaml

SOURCE = Path(__file__).parents[2] / "benchmarks" / "mutations.py"
FILES = ("quality", "telemetry")
TRIED = 4


@pytest.fixture(scope="module")
def mutations():
    """The benchmark, as a module."""
    spec = importlib.util.spec_from_file_location("mutations", SOURCE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutations"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rendered(mutations):
    """The shelf with all alerts."""
    return mutations.shelf(())


def test_clauses_are_dropped_turned_and_changed(mutations):
    """Each set operator, comparison, matcher and number of an expression is broken once."""
    told = dict(mutations.changes('a{x="1"} > 2 unless on (y) b'))

    assert sorted(told.values()) == [
        'a{x="1"} < 2 unless on (y) b',
        'a{x="1"} > 2',
        'a{x="1"} > 21 unless on (y) b',
        "a{} > 2 unless on (y) b",
    ]


@pytest.mark.parametrize("file", FILES)
def test_a_whole_rule_passes_and_a_broken_one_is_noticed(mutations, rendered, tools, file):
    """The tests of a file pass with its rules, and fail for each of four broken clauses."""
    tools("promtool")
    group = yaml.safe_load(rendered[f"rules/{file}.yml"])["groups"][0]
    tests = mutations.tests_of(file, rendered)
    broken = random.Random(file).sample(list(mutations.mutants(file, group)), TRIED)

    assert not mutations.is_noticed(mutations.Mutant(file, "whole", group), tests)
    assert [each.what for each in broken if not mutations.is_noticed(each, tests)] == []
