"""Objectives that a user writes: what is rendered for them passes its own tests as well."""

import subprocess

import pytest

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.alerts.shelf import render

OWN = """\
objectives:
  - name: own
    service: training
    brief: Runs end well.
    unit: run
    good: {signal: qgm.roots, match: {kind: training, outcome: success}}
    total: {signal: qgm.roots, match: {kind: training, outcome: [success, failure]}}
    target: TARGET %
    events_per_day: 100
    design_effect: EFFECT
"""


@pytest.mark.slow
@pytest.mark.parametrize(("target", "effect"), [(95, 4), (75, 3), (99.5, 1)])
def test_its_rendered_tests_pass(tools, tmp_path, target, effect):
    """Whatever its target, and however many fail together, an incident is one that pages."""
    (tmp_path / "own.yml").write_text(
        OWN.replace("TARGET", str(target)).replace("EFFECT", str(effect))
    )
    (tmp_path / "config.yml").write_text("objectives: [own.yml]\n")
    for place, text in render(load_configuration(tmp_path / "config.yml")).items():
        path = tmp_path / "alerts" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tests = sorted((tmp_path / "alerts" / "tests").glob("slo-own*.yml"))
    done = subprocess.run(
        [tools("promtool"), "test", "rules", *tests],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert len(tests) > 3
    assert done.returncode == 0, done.stdout + done.stderr
