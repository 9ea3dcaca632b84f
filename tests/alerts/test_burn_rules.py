"""An objective judged by burn rates: the names, labels and sums of sloth's rules, written out."""

from dataclasses import replace
from decimal import Decimal

import pytest

from qgm_observe.alerts.configuration import Configuration, Written
from qgm_observe.alerts.rules import rules as rules_of
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.window import Window
from qgm_observe.version import __version__

TRAINING = next(each for each in shipped() if each.name == "training-success")
SLO = '{slo="training-success"}'
OURS = {"slo": "training-success"}
SLOTH = {
    "sloth_id": "training-training-success",
    "sloth_service": "training",
    "sloth_slo": "training-success",
}


def rules(window="28d", **changes):
    """The rules of training's runs, by burn rates, after the counts they rest on."""
    burning = replace(TRAINING, method="burnrate", window=Window(window), **changes)
    made = list(rules_of(burning, Configuration(Written(), (burning,))))
    counts = ("qgm:slo_first:qgm_roots_total", "qgm:slo_events:count", "qgm:slo_errors:count")
    return [rule for rule in made if rule.get("record") not in counts]


def ratio(window):
    """What is recorded of one window: failed of all, and nothing where nothing ended."""
    chosen = f'{{slo="training-success",window="{window}"}}'
    return (
        f"slo:sli_error:ratio_rate{window}",
        f"qgm:slo_errors:count{chosen} / on () (qgm:slo_events:count{chosen} > 0)",
        OURS | SLOTH | {"sloth_window": window},
    )


@pytest.mark.parametrize(("window", "days"), [("28d", "28"), ("30d", "30")])
def test_all_that_is_recorded_is_written_out(window, days):
    """Eight ratios, then the objective, its budget, the burn rates, what is left, and its info."""
    every = OURS | SLOTH
    info = {
        "sloth_version": f"qgm-observe-{__version__}",
        "sloth_mode": "qgm-observe",
        "sloth_spec": "openslo/v1",
        "sloth_objective": "95",
    }
    told = [(r["record"], r["expr"], r["labels"]) for r in rules(window) if "record" in r]

    assert told == [
        ("qgm:slo_budget:ratio", "vector(0.05)", OURS | {"window": window}),
        *map(ratio, ("5m", "30m", "1h", "2h", "6h", "1d", "3d", window)),
        ("slo:objective:ratio", "vector(0.95)", every),
        ("slo:error_budget:ratio", "vector(0.05)", every),
        ("slo:time_period:days", f"vector({days})", every),
        ("slo:current_burn_rate:ratio", f"sum(slo:sli_error:ratio_rate5m{SLO}) / 0.05", every),
        (
            "slo:period_burn_rate:ratio",
            f"sum(slo:sli_error:ratio_rate{window}{SLO}) / 0.05",
            every,
        ),
        (
            "slo:period_error_budget_remaining:ratio",
            f"1 - sum(slo:period_burn_rate:ratio{SLO})",
            every,
        ),
        ("sloth_slo_info", "vector(1)", every | info),
    ]


def both(long, short, limit):
    """Fires where two windows are above one limit."""
    one, other = (f"slo:sli_error:ratio_rate{each}{SLO} > {limit}" for each in (long, short))
    return f"group({one} and on () {other})"


@pytest.mark.parametrize(
    ("window", "limits"),
    [
        # 5 % times 13.44, 5.6, 2.8 and 0.933: the workbook's shares of 28 days
        ("28d", ("0.672", "0.28", "0.14", "0.046667")),
        # 5 % times 14.4, 6, 3 and 1
        ("30d", ("0.72", "0.3", "0.15", "0.05")),
    ],
)
def test_a_page_and_a_ticket_of_two_pairs_each(window, limits):
    """Two percent in an hour or five in six pages; ten in a day or in three is a ticket."""
    told = [
        (r["alert"], r["expr"], r["labels"]["severity"], r["labels"]["sloth_severity"])
        for r in rules(window)
        if "alert" in r
    ]

    assert told == [
        (
            "QgmSloBurnPage",
            f"{both('1h', '5m', limits[0])}\nor\n{both('6h', '30m', limits[1])}",
            "page",
            "page",
        ),
        (
            "QgmSloBurnTicket",
            f"{both('1d', '2h', limits[2])}\nor\n{both('3d', '6h', limits[3])}",
            "ticket",
            "ticket",
        ),
    ]
    for rule in rules(window):
        if "alert" in rule:
            assert (OURS | SLOTH).items() <= rule["labels"].items()
            assert "for" not in rule  # the short window ends it: nothing is held back


def test_numbers_are_those_of_the_decimal():
    """99.9 % is 0.999 and leaves 0.001: no float shows through in a rule or a label."""
    made = rules(target=Decimal("0.999"), events_per_day=1000.0)
    told = {rule["record"]: rule for rule in made if "record" in rule}

    assert told["slo:objective:ratio"]["expr"] == "vector(0.999)"
    assert told["slo:error_budget:ratio"]["expr"] == "vector(0.001)"
    assert told["slo:current_burn_rate:ratio"]["expr"].endswith(" / 0.001")
    assert told["slo:period_burn_rate:ratio"]["expr"].endswith(" / 0.001")
    assert told["sloth_slo_info"]["labels"]["sloth_objective"] == "99.9"
