"""Rendering is quick: a person who edits objectives sees the rules at once, the tests soon."""

import time
from dataclasses import replace

from qgm_observe.alerts.configuration import Configuration, Written
from qgm_observe.alerts.shelf import render, rule_groups
from qgm_observe.catalog.yaml_text import yaml_text
from qgm_observe.slo.loading import shipped


def objectives(times):
    """Ten shipped objectives, burn rates among them, so many times under names of their own."""
    base = [each for each in shipped() if each.method != "none"][:10]
    return tuple(
        replace(each, name=f"{each.name}-{number}") for number in range(times) for each in base
    )


def quickest(made, runs):
    """The least seconds of CPU that it took, and what it made."""
    best = float("inf")
    for _ in range(runs):
        began = time.process_time()
        found = made()
        best = min(best, time.process_time() - began)
    return best, found


def test_two_hundred_objectives_are_rendered_in_a_second():
    """All rule files of 200 objectives take at most a second of CPU; their tests are not in it."""
    configuration = Configuration(Written(), objectives(20))
    seconds, texts = quickest(
        lambda: [yaml_text({"groups": [g]}) for g in rule_groups(configuration).values()], 3
    )

    assert len(texts) > 200
    assert seconds <= 1.0


def test_the_whole_shelf_takes_a_tenth_of_a_second_an_objective():
    """With tests, objects for Kubernetes and README twenty objectives take at most two seconds."""
    configuration = Configuration(Written(), objectives(2))
    seconds, files = quickest(lambda: render(configuration), 2)

    assert len([path for path in files if path.startswith("rules/slo-")]) == 20
    assert len([path for path in files if path.startswith("tests/slo-")]) >= 20
    assert seconds <= 2.0
