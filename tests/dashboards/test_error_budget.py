"""The board of one objective: how long its budget lasts, also where little was counted."""

import json
import subprocess

import pytest

SERIES = {"events": "qgm:slo_events:count", "errors": "qgm:slo_errors:count"}


@pytest.fixture
def answered(tools, tmp_path, rendered_once):
    """Whether promtool agrees on what "Budget lasts" reads, in seconds; `None` for NaN."""
    (panel,) = [each for each in rendered_once["slo"]["panels"] if each["title"] == "Budget lasts"]
    asked = panel["targets"][0]["expr"].replace("$slo", "own")

    def ask(bad, of, recently, seconds):
        counts = {"28d": (bad, of), "3d": recently}
        told = [
            {"series": f'{name}{{slo="own",window="{window}"}}', "values": f"{value}x9"}
            for window, pair in counts.items()
            for name, value in zip((SERIES["errors"], SERIES["events"]), pair, strict=True)
        ]
        told.append({"series": 'qgm:slo_budget:ratio{slo="own",window="28d"}', "values": "0.05x9"})
        samples = [] if seconds is None else [{"value": seconds}]
        expected = {"expr": f"({asked}) >= 0", "eval_time": "5m", "exp_samples": samples}
        trial = {"interval": "1m", "input_series": told, "promql_expr_test": [expected]}
        file = tmp_path / "trial.yml"
        file.write_text(json.dumps({"rule_files": [], "tests": [trial]}))
        done = subprocess.run(
            [tools("promtool"), "test", "rules", file], capture_output=True, text=True, check=False
        )
        return done.returncode == 0, done.stdout + done.stderr

    return ask


@pytest.mark.parametrize(
    ("bad", "of", "recently", "seconds"),
    [
        (6, 9, (6, 9), 0),
        (50, 1000, (0, 100), 0),
        (25, 1000, (10, 100), 0.5 * 28 * 86400 / 2),
        (0, 1000, (0, 100), 90 * 86400),
        (0, 9, (0, 9), None),
    ],
    ids=["gone on few events", "just gone", "at twice the pace", "at no pace", "kept on few"],
)
def test_how_long_a_budget_lasts(answered, bad, of, recently, seconds):
    """What is spent is gone, however few events tell it; else few events tell no pace."""
    agreed, said = answered(bad, of, recently, seconds)

    assert agreed, said
