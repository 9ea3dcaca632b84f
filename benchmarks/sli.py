"""Indicators over 28 days at a minute: exact differences beside pandas resample and rolling.

10 groups, 8 windows and a million events, the same counts asked of both and compared.

    python benchmarks/sli.py [--json] [--events N] [--rounds N] [--seed N]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from qgm_observe.slo.history import History
from qgm_observe.slo.score import TRAFFIC_WINDOW, WINDOWS

DAYS, GROUPS, MINUTE = 28, 10, 60.0
NAMES = [f"group-{n}" for n in range(GROUPS)]
START = 1_767_225_600.0
BUDGET = 7.0


def with_pandas(times: np.ndarray, group: np.ndarray, bad: np.ndarray) -> list[pd.DataFrame]:
    """Count with pandas as its manual shows: resample to minutes, roll a sum a window."""
    index = pd.to_datetime(times, unit="s", utc=True)
    events = pd.DataFrame({"group": group, "total": 1.0, "bad": bad}, index=index)
    by_group = events.groupby("group").resample("1min", closed="right", label="right")
    minutes = by_group[["bad", "total"]].sum().unstack("group", fill_value=0.0)  # noqa: PD010
    return [minutes.rolling(f"{window:.0f}s").sum() for window in WINDOWS]


def with_history(times: np.ndarray, group: np.ndarray, bad: np.ndarray) -> list[pd.DataFrame]:
    """Count with this package."""
    history = History(NAMES, START, DAYS * 1440 + 1, max(WINDOWS))
    history.add(times, group, 1.0, bad)
    return [history.frame(window) for window in WINDOWS]


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Return the CPU time of the median round."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return statistics.median(found)


def a_minute(history: History, group: np.ndarray, bad: np.ndarray) -> None:
    """Append a minute and read all windows."""
    history.advance(group, 1.0, bad)
    for window in WINDOWS:
        history.newest(window)


def main() -> int:
    """Print the table; 1 if the budget is missed or the counts differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    times = np.sort(random.uniform(START, START + DAYS * 86400, args.events))
    group = random.integers(0, GROUPS, args.events)
    bad = (random.uniform(size=args.events) < 0.03).astype(float)
    ours, theirs = with_history(times, group, bad), with_pandas(times, group, bad)
    furthest = max(  # what is no number is as far as can be
        float(np.nan_to_num(np.abs(a.reindex(b.index).to_numpy() - b.to_numpy()), nan=np.inf).max())
        for a, b in zip(ours, theirs, strict=True)
    )
    history = History(NAMES, START, DAYS * 1440 + 1, TRAFFIC_WINDOW, room=1000)
    history.add(times, group, 1.0, bad)
    slow = seconds(lambda: with_pandas(times, group, bad), max(1, args.rounds // 2))
    fast = seconds(lambda: with_history(times, group, bad), args.rounds)
    minute = seconds(lambda: a_minute(history, group[:25], bad[:25]), 500)
    told = {
        "events": args.events,
        "pandas_seconds": round(slow, 3),
        "history_seconds": round(fast, 4),
        "ratio": round(slow / fast, 1),
        "minute_ms": round(minute * 1000, 3),
        "furthest_count": furthest,
    }
    if args.json:
        print(json.dumps(told))
    else:
        print("\n".join(f"{name:<16}{value:>12}" for name, value in told.items()))
    return 0 if told["ratio"] >= BUDGET and minute <= 1e-3 and furthest < 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main())
