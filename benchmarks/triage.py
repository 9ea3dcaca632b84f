"""How often triage is right: randomized incidents whose cause is known, with noise and gaps.

Each incident has errors that its cause makes, some of another class, failures that have nothing to
do with it, changes that did no harm, and half of the time no levels of the provider at all. The
table tells how often the side (ours or theirs) is right, wrong, or withheld.

Then nothing is wrong, but for failures that have no common cause, and every alert is asked about
all the same; and nobody answers. There no side may be named at all.

    python benchmarks/triage.py [--json] [--incidents N] [--seed N]
"""

import argparse
import json
import math
import random
import sys
import time
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

from qgm_observe.catalog import Signal, signals
from qgm_observe.catalog import provider_signals as provided
from qgm_observe.runbooks.conditions import shipped_thresholds
from qgm_observe.runbooks.diagnosis import UNTOLD, Diagnosis, diagnose
from qgm_observe.runbooks.priors import SAYS
from qgm_observe.runbooks.roots import roots_of
from qgm_observe.runbooks.scope import Scope
from qgm_observe.runbooks.situation import Situation
from qgm_observe.slo.indicator import Matcher, Ratio, Selection, Unit
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.objective import Objective
from qgm_observe.telemetry.conformity import Sample

NOW, HOUR = 1_800_000_000.0, 3600.0
CLASSES = ("network", "execution", "compile", "validation", "other", "queue_timeout", "auth")
MISREAD = 0.15
"""Share of errors that come under another class than their cause's."""

UNSEEN = 0.5
"""Share of incidents in which nobody exports what the provider says."""

SCRIPT = "a team's script raises"
"""The page is of this team's own objective, and jobs of the others fail meanwhile."""

INCIDENTS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "provider does not answer": ("theirs", (("network", "submit"), ("network", "queue"))),
    "device is offline": ("theirs", (("offline", "submit"), ("queue_timeout", "queue"))),
    "device fails jobs": ("theirs", (("execution", "execute"),)),
    "queue is too long": ("theirs", (("queue_timeout", "queue"),)),
    "calibration got worse": ("theirs", ()),
    "new compiler": ("ours", (("compile", "compile"), ("validation", "submit"))),
    "new model version": ("ours", (("validation", "submit"), ("other", "evaluate"))),
    "credentials refused": ("ours", (("auth", "submit"),)),
    "quota used up": ("ours", (("quota", "submit"), ("queue_timeout", "queue"))),
    "too many submissions": ("ours", (("rate_limit", "submit"),)),
    "processes are killed": ("ours", (("lost", ""), ("resource", "evaluate"))),
    "our network is down": ("ours", (("network", "submit"),)),
    "training lost its modes": ("ours", ()),
    "a team's script raises": ("ours", (("other", ""),)),
}
"""Incident to whose it is, and the errors it makes with their stages."""

WELL = ("nothing fails", "3 % fail by chance", "nobody answers")
"""Situations in which nothing has a cause."""


class Incident:
    """One incident, drawn at random.

    Args:
        kind: A key of `INCIDENTS`.
        chance: Draws everything.
    """

    def __init__(self, kind: str, chance: random.Random) -> None:
        self.kind, self.chance = kind, chance
        self.jobs: list[dict[str, Any]] = []
        self.samples: list[Sample] = []
        self.calibrations: list[dict[str, Any]] = []
        self.places = [("ibm", "fez"), ("ibm", "kyiv"), ("braket", "garnet")]
        self.pipelines = ["a", "b", "c"][: chance.randint(1, 3)]
        self.is_seen = chance.random() > UNSEEN

    def situation(self) -> Situation:
        """Return what triage gets to see."""
        start = self.chance.uniform(2, 12)
        for number, pipeline in enumerate(self.pipelines):
            self._history(pipeline, self.places[number % 3], start)
        if INCIDENTS[self.kind][1]:
            self._fail(start)
        self._levels()
        self._changes(start)
        return Situation(
            alert="QgmSloBurnPage" if INCIDENTS[self.kind][1] else "QgmQualityDrift",
            now=NOW,
            roots=roots_of([], self.jobs),
            samples=self.samples,
            calibrations=self.calibrations,
        )

    def _history(self, pipeline: str, place: tuple[str, str], start: float) -> None:
        """Two days of work of which 3 % fail for reasons of their own."""
        for _ in range(self.chance.randint(8, 60)):
            ago = self.chance.uniform(start + 0.5, 48)
            if self.chance.random() < 0.03:
                self._job(pipeline, place, ago, self.chance.choice(CLASSES), "execute")
            else:
                self._job(pipeline, place, ago)

    def _fail(self, start: float) -> None:
        errors = INCIDENTS[self.kind][1]
        error = self.chance.choice(errors)
        hit = self._hit()
        for number, pipeline in enumerate(self.pipelines):
            place = self.places[number % 3]
            for _ in range(self.chance.randint(3, 10)):
                ago = self.chance.uniform(0.1, start)
                if pipeline not in hit or self.chance.random() < 0.1:
                    self._job(pipeline, place, ago)
                elif self.chance.random() < MISREAD:
                    self._job(pipeline, place, ago, self.chance.choice(CLASSES), error[1])
                else:
                    self._job(pipeline, place, ago, *error)

    def _hit(self) -> list[str]:
        """Return the pipelines that fail: of one device, one provider, one owner, or all."""
        if self.kind in ("our network is down", "processes are killed"):
            return self.pipelines
        if self.kind in ("provider does not answer", "credentials refused", "quota used up"):
            return self.pipelines[:2]
        return self.pipelines[:1]

    def _job(
        self, pipeline: str, place: tuple[str, str], ago: float, error: str = "", stage: str = ""
    ) -> None:
        failed = {"error_class": error, "error_stage": stage} if error else {}
        self.jobs.append(
            {
                "id": f"{len(self.jobs):016x}",
                "run": None,
                "started_at": NOW - ago * HOUR - 30,
                "duration": 30.0,
                "outcome": "failure" if error else "success",
                "pipeline": pipeline,
                "provider": place[0],
                "device": place[1],
                "execution_mode": "job",
                "model_version": "1",
                "versions": {"qiskit": "2.5.1"},
                **failed,
            }
        )

    def _changes(self, start: float) -> None:
        """What changed, as the cause or for no harm."""
        if self.kind == "new compiler" and self.chance.random() < 0.8:
            self._changed(start, versions={"qiskit": "2.6.0"})
        if self.kind == "new model version" and self.chance.random() < 0.8:
            self._changed(start, model_version="2")
        if self.chance.random() < 0.15:
            self._changed(self.chance.uniform(start, 24), versions={"qiskit": "2.5.2"})
        often = 0.9 if self.kind == "calibration got worse" else 0.3
        for name, ago in (("old", 40.0), ("new", self.chance.uniform(start, start + 6))):
            if self.chance.random() < often:
                taken = NOW - ago * HOUR
                self.calibrations.append(
                    {
                        "provider": "ibm",
                        "device": "fez",
                        "taken_at": taken,
                        "calibration_id": name,
                    }
                )

    def _changed(self, start: float, **facts: Any) -> None:
        for job in self.jobs:
            if job["pipeline"] == "a" and job["started_at"] >= NOW - start * HOUR - 60:
                job.update(facts)

    def _levels(self) -> None:
        """What provider and quality say, where anybody exports it."""
        if self.kind == "calibration got worse":
            answer = self.chance.choices(("device", "both", "undecided"), (7, 1, 2))[0]
            self._level(signals.QUALITY_VERDICT, 1, question="cause", answer=answer)
            self._drift()
        if self.kind == "training lost its modes":
            self._level(signals.QUALITY_VERDICT, 1, question="collapse", answer="collapsed")
            if self.chance.random() < 0.5:
                self._level(signals.QUALITY_VERDICT, 1, question="cause", answer="unexplained")
        if not self.is_seen:
            return
        down = {"provider does not answer": {"ibm"}, "our network is down": {"ibm", "braket"}}
        silent = down.get(self.kind, {"ibm"} if self.kind == "credentials refused" else set())
        for provider in ("ibm", "braket")[: self.chance.randint(1, 2)]:
            self._level(provided.PROVIDER_UP, provider not in silent, provider=provider)
        off = self.kind == "device is offline"
        state = "offline" if off else "online"
        if "ibm" not in silent:
            self._level(provided.DEVICE_STATE, 1, provider="ibm", device="fez", device_state=state)
            reached = self.kind == "quota used up"
            self._level(provided.ACCOUNT_LIMIT_REACHED, reached, provider="ibm")

    def _drift(self) -> None:
        for name, number in (("valid_shot_ratio", 7), ("linear_xeb_residual", 2)):
            self._level(signals.QUALITY_DRIFT_LEVEL, number, statistic=name, chart="cusum")
            self._level(signals.QUALITY_DRIFT_LIMIT, 5, statistic=name, chart="cusum")

    def _level(self, signal: Signal, value: float, **labels: str) -> None:
        self.samples.append(Sample(signal.prometheus, labels, float(value)))


class Script(Incident):
    """A script raises after its jobs went well on a simulator; jobs of others fail as drawn.

    Args:
        chance: Draws everything.
    """

    def __init__(self, chance: random.Random) -> None:
        super().__init__(SCRIPT, chance)
        self.runs: list[dict[str, Any]] = []

    def situation(self) -> Situation:
        """Return what triage gets to see of a page of the team's own objective."""
        start = self.chance.uniform(2, 12)
        theirs = self.chance.choice([kind for kind, (_, errors) in INCIDENTS.items() if errors])
        self.kind = theirs
        for number, pipeline in enumerate(self.pipelines):
            self._history(pipeline, self.places[number % 3], start + 2)
        self._fail(start + 2)
        self._levels()
        self._changes(start)
        self._changed(start + 1, model_version="2")
        for job in self.jobs:
            if self.chance.random() < 0.3:
                job["model_version"] = "unknown"
        good, bad = self.chance.randint(3, 30), self.chance.randint(3, 10)
        for _ in range(good):
            self._run(self.chance.uniform(start, 48), is_good=True)
        for _ in range(bad):
            self._run(self.chance.uniform(0.1, start), is_good=self.chance.random() < 0.1)
        roots = roots_of(self.runs, self.jobs)
        scope = Scope([chems()])
        return Situation(
            alert="QgmSloBurnPage",
            now=NOW,
            roots=[root for root in roots if scope.admits(root)],
            others=[root for root in roots if not scope.admits(root)],
            samples=self.samples,
            calibrations=self.calibrations,
        )

    def _run(self, ago: float, *, is_good: bool) -> None:
        self._job("nightly", ("local", "aer_simulator"), ago)
        run = f"run{len(self.runs)}"
        self.jobs[-1] |= {"execution_mode": "local", "project": "chem", "run": run}
        self.runs.append({**self.jobs[-1], "id": run, "noun": "run"})
        if not is_good:
            failed = {"error_class": "other", "error_type": "builtins.RuntimeError"}
            self.runs[-1] |= {"outcome": "failure", **failed}


@cache
def chems() -> Objective:
    """Return an objective on the work of project chem."""
    shipped_one = next(each for each in shipped() if each.name == "training-success")
    mine = Matcher("project", ("chem",))
    total = Selection(signals.ROOTS, (mine, Matcher("outcome", ("success", "failure"))))
    good = Selection(signals.ROOTS, (mine, Matcher("outcome", ("success",))))
    return replace(shipped_one, name="chem", indicator=Ratio(Unit.RUN, (good,), (total,)))


class Health(Incident):
    """A time in which nothing is wrong, drawn at random.

    Args:
        failing: Share of jobs that fail for reasons of their own.
        chance: Draws everything.
    """

    def __init__(self, failing: float, chance: random.Random) -> None:
        super().__init__("", chance)
        self.failing = failing

    def facts(self) -> dict[str, Any]:
        """Return what triage gets to see, whatever alert it is asked about."""
        for number, pipeline in enumerate(self.pipelines):
            for _ in range(self.chance.randint(8, 60)):
                error = self.chance.choice(CLASSES) if self.chance.random() < self.failing else ""
                ago = self.chance.uniform(0.1, 48)
                self._job(pipeline, self.places[number % 3], ago, error, "execute" * bool(error))
        self._level(provided.EXPORTER_FOLLOWED, 1, journal="a.db")
        self._level(signals.RUNS_STALLED, 0)
        for question, answer in (("collapse", "whole"), ("inputs", "steady")):
            if self.chance.random() < UNSEEN:
                self._level(signals.QUALITY_VERDICT, 1, question=question, answer=answer)
        self._levels()
        self._changes(self.chance.uniform(2, 12))
        return {
            "now": NOW,
            "roots": roots_of([], self.jobs),
            "jobs": self.jobs,
            "samples": self.samples,
            "calibrations": self.calibrations,
            "thresholds": shipped_thresholds(),
        }


def interval(count: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    z, p = 1.96, count / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, middle - half), middle + half


def measured(incidents: int, seed: int) -> dict[str, Counter[str]]:
    """Return what was answered, by incident."""
    chance = random.Random(seed)
    found: dict[str, Counter[str]] = {}
    for kind, (side, _) in INCIDENTS.items():
        counter = found.setdefault(kind, Counter())
        for _ in range(incidents):
            incident = Script(chance) if kind == SCRIPT else Incident(kind, chance)
            told = diagnose(incident.situation()).side
            answer = "right" if told == side else "withheld" if told == UNTOLD else "wrong"
            counter[answer] += 1
            counter[f"{answer}, {'seen' if incident.is_seen else 'unseen'}"] += 1
    return found


def unharmed(times: int, seed: int) -> dict[str, Counter[str]]:
    """Return what was answered where nothing has a cause, of every alert, so many times each."""
    chance = random.Random(seed)
    found: dict[str, Counter[str]] = {kind: Counter() for kind in WELL}
    for kind, failing in zip(WELL, (0.0, 0.03), strict=False):
        for _ in range(times):
            facts = Health(failing, chance).facts()
            found[kind].update(_answer(diagnose(Situation(alert=alert, **facts))) for alert in SAYS)
    silence = {"now": NOW, "silent": ["exporter:9466 (Connection refused)"], "is_heard": False}
    found[WELL[-1]].update(_answer(diagnose(Situation(alert=alert, **silence))) for alert in SAYS)
    return found


def _answer(told: Diagnosis) -> str:
    if told.side != UNTOLD:
        return "verdict"
    return "not active" if told.is_quiet or told.is_over else "withheld"


def main() -> int:
    """Print the tables; 1 where a side is named although nothing has a cause."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--incidents", type=int, default=400)
    parser.add_argument("--seed", type=int, default=2)
    args = parser.parse_args()
    began = time.process_time()
    found = measured(args.incidents, args.seed)
    each = (time.process_time() - began) / (args.incidents * len(found)) * 1e3
    well = unharmed(args.incidents, args.seed)
    blamed = sum(well[kind]["verdict"] for kind in (WELL[0], WELL[-1]))
    total = sum(found.values(), Counter())
    if args.json:
        told = {"incidents": args.incidents, "seed": args.seed, "found": found, "well": well}
        print(json.dumps(told))
        return 1 if blamed else 0
    print(f"{args.incidents} incidents of each kind, seed {args.seed}, {each:.2f} ms CPU each")
    print(f"{'incident':<26}{'whose':<8}{'right':>8}{'wrong':>8}{'withheld':>10}")
    for kind, counter in found.items():
        shares = [counter[answer] / args.incidents for answer in ("right", "wrong", "withheld")]
        print(
            f"{kind:<26}{INCIDENTS[kind][0]:<8}{shares[0]:>8.1%}{shares[1]:>8.1%}{shares[2]:>10.1%}"
        )
    for name, rest in (("all", ""), ("provider seen", ", seen"), ("not seen", ", unseen")):
        counts = [total[f"{answer}{rest}"] for answer in ("right", "wrong", "withheld")]
        of = sum(counts)
        low, high = interval(counts[1], of)
        told = counts[0] + counts[1]
        print(
            f"{name:<34}{counts[0] / of:>8.1%}{counts[1] / of:>8.1%}{counts[2] / of:>10.1%}"
            f"   wrong {low:.1%} to {high:.1%}; when told, {counts[0] / told:.1%} right"
        )
    print(
        f"\n{'nothing has a cause':<26}{'asked':>8}{'a side':>8}{'not active':>12}{'withheld':>10}"
    )
    for kind, counter in well.items():
        asked = counter.total()
        shares = [counter[answer] / asked for answer in ("verdict", "not active", "withheld")]
        print(f"{kind:<26}{asked:>8,}{shares[0]:>8.1%}{shares[1]:>12.1%}{shares[2]:>10.1%}")
    return 1 if blamed else 0


if __name__ == "__main__":
    sys.exit(main())
