"""The rendered tests notice a broken rule; `benchmarks/mutations.py` prints the whole figure."""

import importlib
import random
import re
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PARTS = 9
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
        'a{x="1|2"} >= 2 and on (y) b',
        'a{x="1|2"} > 1 and on (y) b',
        'a{x="1|2"} > 2',
        'a{x="1|2"} > 2 and on () b',
        'a{x="1|2"} > 4 and on (y) b',
        'a{x="2"} > 2 and on (y) b',
        "b",
    }


def test_ranges_and_offsets_are_made_longer_and_shorter(clauses):
    """A range and an offset become four times as long, and a fourth."""
    told = {text for _, text in clauses.changes("f(a[1h:5m] offset 1d)")}

    assert told == {
        "f(a[1h:5m] offset 21600s)",
        "f(a[1h:5m] offset 345600s)",
        "f(a[14400s:5m] offset 1d)",
        "f(a[900s:5m] offset 1d)",
        "f(a[1h:1200s] offset 1d)",
        "f(a[1h:75s] offset 1d)",
    }


@pytest.mark.parametrize(
    ("expression", "broken"),
    [
        ("sum by (a) (b)", {"max by (a) (b)", "sum by () (b)"}),
        ("max(a) - max(a)", {"min(a) - min(a)", "max(a) + max(a)"}),
        ("last_over_time(a[b])", {"min_over_time(a[b])", "max_over_time(a[b])"}),
        ("rate(a[b])", {"delta(a[b])"}),
        ('label_replace(a, "b", "c", "", "")', {"a"}),
        ("a * on () b", {"a / on () b", "a * b"}),
        ("a unless on () b @ end()", {"a", "a unless b @ end()", "a unless on () b"}),
    ],
    ids=["sum", "all-alike", "over-time", "rate", "label", "arithmetic", "alone"],
)
def test_calls_arithmetic_and_what_stands_alone_are_broken(clauses, expression, broken):
    """Functions become others, additions subtractions, and `on ()` and `@ end()` are left out."""
    assert {text.strip() for _, text in clauses.changes(expression)} == broken


def test_a_matcher_of_several_selectors_is_left_out_of_all(clauses):
    """What two selectors ask for is dropped of each, and of both at once."""
    told = {text for _, text in clauses.changes('a{x="1"} b{x="1",y="2"}')}

    assert told == {
        'a{} b{x="1",y="2"}',
        'a{x="1"} b{y="2"}',
        'a{x="1"} b{x="1"}',
        'a{} b{y="2"}',
    }


@pytest.mark.parametrize("file", ["quality", "slo-paged-burn"])
def test_rules_that_are_whole_pass(mutations, rendered, tools, file):
    """Nothing is noticed of rules in which nothing is broken, whichever alert is left of them."""
    tools("promtool")
    bench, whole = mutations.Bench(rendered), mutations.wholes(rendered, file)

    assert len(whole) > 1
    assert [each.what for each in whole if bench.is_noticed(each)] == []


def test_an_alert_is_tried_on_what_is_asked_of_it_alone(mutations, rendered):
    """What a test asks of another alert would fail without its rule, whatever is broken."""
    files = tuple(text for place, text in rendered.items() if place.startswith("tests/"))
    found = mutations._tests(files, "QgmSloBurnTicket")

    assert len(found) > 100
    assert not any("QgmSloBurnPage" in each for each in found)


def drawn(mutants, seed):
    """Mutants of different kinds, each kind as likely as any other."""
    chance, by_kind = random.Random(seed), {}
    for mutant in mutants:
        way, _, last = mutant.what.rpartition(" ")
        is_changed = way.endswith("becomes")
        kind = re.sub(r"[\d.]+", "number", last) if is_changed else mutant.what.split()[-2]
        by_kind.setdefault("drop" if ": drop" in mutant.what else kind, []).append(mutant)
    kinds = chance.sample(sorted(by_kind), TRIED)
    return [chance.choice(by_kind[kind]) for kind in kinds]


@pytest.mark.parametrize("part", range(PARTS))
def test_a_broken_rule_of_any_file_is_noticed(mutations, rendered, tools, part):
    """Of each rule file two broken rules, drawn by a fixed seed, fail a rendered test."""
    tools("promtool")
    files = sorted(place[6:-4] for place in rendered if place.startswith("rules/"))
    broken = [
        mutant
        for file in files[part::PARTS]
        for mutant in drawn(mutations.all_mutants(rendered, file), file)
    ]
    bench = mutations.Bench(rendered)

    assert [each.what for each in broken if not bench.is_noticed(each)] == []


def test_what_is_left_out_has_a_reason(mutations):
    """A broken rule that does the same is named with the proof that it does."""
    assert all(len(proof) > 30 for proof in mutations.EQUIVALENT.values())
    assert len(mutations.EQUIVALENT) <= 14
