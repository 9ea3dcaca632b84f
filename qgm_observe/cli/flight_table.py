"""A preflight's verdict for a reader."""

import math
import textwrap
from datetime import timedelta

from qgm_observe.records import Estimate
from qgm_observe.spend.checks import seconds
from qgm_observe.spend.forecast import Bill, Forecast
from qgm_observe.spend.plan import Plan
from qgm_observe.spend.preflight import Preflight

WIDTH = 100


def render(plan: Plan, told: Preflight) -> None:
    """Print the verdict, what each check says, and what each mode would take."""
    print(f"{told.answer}: {_work(plan)}")
    if told.change is not None:
        change = told.change
        cost = f", {change.bill:,.2f} {change.currency}" if change.bill is not None else ""
        share = math.floor(change.gives_up * 1e3 + 1e-6) / 10  # of 99.97 % no 100 are told
        less = f", {share:g}% of the shots less" if change.gives_up else ""
        print(f"it would go with {' and '.join(change.steps)}{cost}{less}")
    elif told.answer == "no-go":
        print("no change of the plan would make it go; `qgm-observe devices` ranks other devices")
    print()
    for finding in told.findings:
        said = textwrap.wrap(finding.told, WIDTH - 26) or [""]
        print(f"  {finding.answer:<12}{finding.check:<12}{said[0]}")
        for line in said[1:]:
            print(f"{'':<26}{line}")
    print()
    print(f"  {'mode':<10}{'device time':<28}{'cost':<38}until the last result")
    for each in told.forecasts:
        print(f"  {each.mode:<10}{seconds(each.usage):<28}{_cost(each):<38}{_finish(each)}")
    print(f"  wait: {_wait(told.wait)}")
    if told.quality is not None:
        print(f"  expected success: {_success(told.quality)}")


def _work(plan: Plan) -> str:
    jobs = f"{plan.jobs:,} job{'s' if plan.jobs > 1 else ''}"
    circuits = f"{plan.circuits:,} circuit{'s' if plan.circuits > 1 else ''}"
    return f"{jobs} of {circuits}, {plan.shots:,} shots each, {plan.mode} mode on {plan.device}"


def _cost(each: Forecast) -> str:
    bill = each.bill
    if bill is None:
        return "unknown"
    told = f"{bill.value:,.2f} {bill.currency}"
    return (
        told if not _has_interval(each, bill) else f"{told} ({bill.low:,.2f} to {bill.high:,.2f})"
    )


def _has_interval(each: Forecast, bill: Bill) -> bool:
    return each.usage.level is not None and bill.low != bill.high


def _finish(each: Forecast) -> str:
    if each.finish is None:
        return "unknown"
    return str(timedelta(seconds=round(each.finish.value)))


def _wait(wait: Estimate) -> str:
    if wait.value is None:
        return f"unknown: {wait.reason}"
    return f"{wait.value:,.0f} s ({wait.low:,.0f} to {wait.high:,.0f}), from {wait.method}"


def _success(told: Estimate) -> str:
    if told.value is None:
        return f"unknown: {told.reason}"
    return f"{told.value:.3f} ({told.low:.3f} to {told.high:.3f})"
