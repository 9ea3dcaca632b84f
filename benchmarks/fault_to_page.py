"""How long a fault takes to reach whoever is called, with the shipped settings.

Computed part by part, at worst and on average; with `--live` also measured once, through a journal,
its exporter, Prometheus and Alertmanager with exactly these settings (three minutes of waiting).

    python benchmarks/fault_to_page.py [--live] [--json]
"""

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from qgm_observe.alerts.alertmanager import GROUP_WAIT
from qgm_observe.alerts.configuration import Written, load_configuration
from qgm_observe.alerts.shelf import rule_groups
from qgm_observe.exporters.journal_config import JournalConfig
from qgm_observe.slo.window import seconds_of

ROOT = Path(__file__).parents[1]
POLL, POLL_SECONDS = "poll", 60.0
"""Of a provider's states and queues, `interval_seconds.fleet`."""

TARGET_SECONDS = 300.0
"""From when what happened is in a journal, or was polled."""


@dataclass(frozen=True)
class Part:
    """What a fault waits for: seconds at worst, and half of that on average unless fixed."""

    what: str
    worst: float
    is_fixed: bool = False

    @property
    def mean(self) -> float:
        """Seconds, where the fault comes at any time."""
        return self.worst if self.is_fixed else self.worst / 2


def journal_path() -> list[Part]:
    """Return the way of an event in a journal."""
    written, exporter = Written(), JournalConfig()
    return [
        Part("writer commits", 1.0),
        Part("exporter follows", exporter.follow_seconds),
        Part("a new label set is held at 0", 2 * written.scrape_interval_seconds, is_fixed=True),
        Part("scrape", written.scrape_interval_seconds),
        Part("evaluation", written.evaluation_interval_seconds),
        Part("group_wait", GROUP_WAIT, is_fixed=True),
    ]


def provider_path() -> list[Part]:
    """Return the way of a provider's outage, which arrives with a poll, and has to hold."""
    written = Written()
    every = (
        rule for group in rule_groups(load_configuration()).values() for rule in group["rules"]
    )
    outage = next(rule for rule in every if rule.get("alert") == "QgmProviderOutage")
    return [
        Part(POLL, POLL_SECONDS),
        Part("scrape", written.scrape_interval_seconds),
        Part("evaluation", written.evaluation_interval_seconds),
        Part("for", seconds_of(outage["for"]), is_fixed=True),
        Part("group_wait", GROUP_WAIT, is_fixed=True),
    ]


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        f"live.{name}", ROOT / "tests" / "alerts" / f"{name}.py"
    )
    assert spec is not None  # noqa: S101  told to the type checker
    assert spec.loader is not None  # noqa: S101  told to the type checker
    module = importlib.util.module_from_spec(spec)
    sys.modules[f"live.{name}"] = module
    spec.loader.exec_module(module)
    return module


def measured() -> float:
    """Return seconds from three failed compilations in a journal to the webhook of the on-call."""
    sys.modules["live"] = ModuleType("live")
    sys.modules["live"].__path__ = [str(ROOT / "tests" / "alerts")]
    stack, live = _module("stack"), _module("test_live")
    stack.PATIENCE = 2 * TARGET_SECONDS
    from qgm_observe.journal import Journal

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with Journal.open(folder / "journal.db") as journal:
            journal.append([live.job(outcome="cancelled")])
            running: Any = stack.Stack(
                folder,
                folder / "journal.db",
                lambda n: ROOT / ".tools" / "bin" / n,
                as_shipped=True,
            )
            try:
                running.until(lambda: bool(running.series("qgm:jobs_ended:count")), "evaluated")
                began = time.monotonic()
                journal.append([live.job() for _ in range(3)])
                told = running.receiver.wait(live.of("QgmCompilationFailing"), stack.PATIENCE)
                return float(told.at - began)
            finally:
                running.stop()


def _line(what: str, mean: float, worst: float) -> str:
    return f"  {what:<30}{mean:7.1f} s on average {worst:7.1f} s at worst"


def main() -> int:
    """Print the parts, and 1 as exit code if one way takes longer than promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--live", action="store_true", help="measure it once, as well")
    parser.add_argument("--json", action="store_true", help="for machines")
    args = parser.parse_args()
    ways = {"an event in a journal": journal_path(), "an outage of a provider": provider_path()}
    facts: dict[str, Any] = {
        name: {"mean": sum(p.mean for p in parts), "worst": sum(p.worst for p in parts)}
        for name, parts in ways.items()
    }
    seconds = measured() if args.live else None
    if args.json:
        print(json.dumps(facts | {"measured": seconds}, indent=2))
    else:
        for name, parts in ways.items():
            print(name)
            for part in parts:
                print(_line(part.what, part.mean, part.worst))
            told = facts[name]
            print(_line("together", told["mean"], told["worst"]))
        if seconds is not None:
            print(f"measured once, three failed compilations: {seconds:.1f} s")
    arrived = (sum(p.worst for p in parts if p.what != POLL) for parts in ways.values())
    return 0 if max(*arrived, seconds or 0.0) <= TARGET_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
