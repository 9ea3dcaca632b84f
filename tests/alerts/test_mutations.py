"""The rendered tests notice a broken rule; `benchmarks/mutations.py` prints the whole figure."""

import importlib
import random
from pathlib import Path

import pytest
import yaml

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PARTS = 4
TRIED = 2
"""Of each rule file; all together are tried in so many tests."""


@pytest.fixture(scope="module")
def mutations():
    """The benchmark, as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("mutations")


@pytest.fixture(scope="module")
def clauses(mutations):
    """What it breaks in an expression."""
    return importlib.import_module("clauses")


@pytest.fixture(scope="module")
def rendered(mutations):
    """The shelf with all alerts, and objectives of each form."""
    return mutations.shelf()


def test_clauses_are_dropped_turned_and_changed(clauses):
    """Each operand, comparison, matcher, value, number and label of an expression is broken."""
    told = {text.strip() for _, text in clauses.changes('a{x="1|2"} > 2 and on (y) b')}

    assert told == {
        "a{} > 2 and on (y) b",
        'a{x="1"} > 2 and on (y) b',
        'a{x="1|2"} < 2 and on (y) b',
        'a{x="1|2"} > 1 and on (y) b',
        'a{x="1|2"} > 2',
        'a{x="1|2"} > 2 and on () b',
        'a{x="1|2"} > 4 and on (y) b',
        'a{x="2"} > 2 and on (y) b',
        "b",
    }


def test_ranges_and_offsets_are_made_longer_and_shorter(clauses):
    """A range and an offset become four times as long, and a fourth."""
    told = {text for _, text in clauses.changes("rate(a[1h] offset 1d)")}

    assert told == {
        "rate(a[1h] offset 21600s)",
        "rate(a[1h] offset 345600s)",
        "rate(a[14400s] offset 1d)",
        "rate(a[900s] offset 1d)",
    }


def test_rules_that_are_whole_pass(mutations, rendered, tools):
    """Nothing is noticed of rules in which nothing is broken."""
    tools("promtool")
    group = yaml.safe_load(rendered["rules/quality.yml"])["groups"][0]

    assert not mutations.Bench(rendered).is_noticed(mutations.Mutant("quality", "whole", group))


@pytest.mark.parametrize("part", range(PARTS))
def test_a_broken_rule_of_any_file_is_noticed(mutations, rendered, tools, part):
    """Of each rule file two broken rules, drawn by a fixed seed, fail a rendered test."""
    tools("promtool")
    files = sorted(place[6:-4] for place in rendered if place.startswith("rules/"))
    broken = [
        mutant
        for file in files[part::PARTS]
        for mutant in random.Random(file).sample(mutations.all_mutants(rendered, file), TRIED)
    ]
    bench = mutations.Bench(rendered)

    assert [each.what for each in broken if not bench.is_noticed(each)] == []


def test_what_is_left_out_has_a_reason(mutations):
    """A broken rule that does the same is named with the proof that it does."""
    assert all(len(proof) > 40 for proof in mutations.EQUIVALENT.values())
    assert len(mutations.EQUIVALENT) <= 6
