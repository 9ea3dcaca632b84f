"""Rendering is quick: a person who edits objectives sees the rules at once."""

import time
from dataclasses import replace

from qgm_observe.alerts.configuration import Configuration, Written
from qgm_observe.alerts.shelf import rule_groups
from qgm_observe.catalog.yaml_text import yaml_text
from qgm_observe.slo.loading import shipped


def test_two_hundred_objectives_are_rendered_in_a_second():
    """All rule files of 200 objectives take at most a second of CPU, burn rates among them."""
    base = [each for each in shipped() if each.method != "none"][:10]
    many = tuple(
        replace(each, name=f"{each.name}-{number}") for number in range(20) for each in base
    )
    configuration = Configuration(Written(), many)
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        texts = [yaml_text({"groups": [g]}) for g in rule_groups(configuration).values()]
        best = min(best, time.process_time() - began)

    assert len(texts) > 200
    assert best <= 1.0
