"""Preflight against what then happens, in random situations at a provider on a virtual clock.

Each situation draws a plan, a quota, a queue, a layout (some on disabled gates), shots against an
objective and a gradient, earlier submissions and maintenance. Preflight asks the provider over
HTTP and judges; then the work is handed to the provider's own scheduler, and what comes of it is
the truth. Of the shots the truth is simulated. "Cannot tell" is counted apart.

    python benchmarks/preflight.py [SITUATIONS]
"""

import contextlib
import math
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from qgm_observe.catalog import ExecutionMode
from qgm_observe.providers import open_provider
from qgm_observe.providers.protocol import Provider
from qgm_observe.spend.foresight import History, formula
from qgm_observe.spend.outlook import Outlook, look
from qgm_observe.spend.plan import Plan
from qgm_observe.spend.preflight import Preflight, preflight
from qgm_observe.testing.provider import IBMProvider, VirtualClock
from qgm_observe.testing.provider.clock import START
from qgm_observe.testing.provider.jobs import Job

SITUATIONS = 300
EARLIER = 60
SPREAD, WAIT_SPREAD = 0.15, 0.8
PAIRS = ((0, 1), (1, 2), (2, 3), (3, 4))
CHAINS = ((0, 1, 2), (2, 1, 0), (1, 2, 3), (3, 2, 1), (2, 3, 4), (4, 3, 2))
MINUTE = 60.0
SIMULATED = 1.06
"""By how much simulated shots may miss where a change takes just enough of them."""
MODES = (ExecutionMode.JOB, ExecutionMode.BATCH, ExecutionMode.SESSION)


@dataclass
class Situation:
    """A plan in a world, whose chances follow from a seed."""

    seed: int
    plan: Plan
    quota: float
    slowness: float
    median_wait: float
    recent: list[float]
    maintenance: tuple[float, float] | None
    disabled: tuple[int, int] | None
    score_sd: float


@dataclass
class Truth:
    """What came of it."""

    reasons: list[str] = field(default_factory=list)
    charged: float = 0.0
    wait: float | None = None


def drawn(seed: int) -> Situation:
    """Return a random situation."""
    chance = random.Random(seed)
    mode = chance.choice(MODES)
    jobs = chance.randint(1, 12)
    shots = round(10 ** chance.uniform(2.5, 4))
    slowness, between = chance.lognormvariate(0, 0.3), chance.uniform(0, 25)
    sd = chance.uniform(0.3, 0.5)
    at_once = chance.random() < 0.2
    each = slowness * formula(shots)
    idle = 0.0 if at_once else between * (jobs - 1)
    need = each * jobs + (idle if mode is ExecutionMode.SESSION else 0.0)
    life = each * jobs + idle
    plan = Plan(
        device="ibmq_manila",
        mode=mode,
        jobs=jobs,
        shots=shots,
        qubits=3,
        layout=chance.choice(((), *CHAINS)),
        between=(between, between),
        at_once=at_once,
        throttled=5.0 if chance.random() < 0.5 else None,
        session_seconds=max(life * _off(chance), 5.0) if chance.random() < 0.3 else 28_800.0,
        shot_sd=sd,
        half_width=1.96 * sd / math.sqrt(shots * _off(chance)) if chance.random() < 0.3 else None,
        gradient_variance=sd**2 / 2 / (shots * _off(chance)) if chance.random() < 0.3 else None,
    )
    starts = START + chance.uniform(0, 3) * max(life, 60.0)
    return Situation(
        seed=seed,
        plan=plan,
        quota=need * _off(chance) if chance.random() < 0.5 else 1e6,
        slowness=slowness,
        median_wait=chance.choice((0.0, 20.0, 300.0)),
        recent=[chance.uniform(1, 59) for _ in range(chance.choice((0, 0, 0, 1, 3)))],
        maintenance=(starts, starts + 3600) if chance.random() < 0.2 else None,
        disabled=chance.choice(PAIRS) if chance.random() < 0.5 else None,
        score_sd=sd,
    )


def _off(chance: random.Random) -> float:
    """What there is over what is needed: as often too little as enough, rarely near."""
    return math.exp(chance.choice((-1, 1, 1)) * chance.uniform(0, 1.5))


class World:
    """A provider in a situation."""

    def __init__(self, server: IBMProvider, situation: Situation) -> None:
        self.server, self.situation = server, situation
        self.device = server.devices["ibmq_manila"]
        self.chance = random.Random(situation.seed + 1)
        waits = random.Random(situation.seed + 2)
        self.hours = [waits.lognormvariate(0, WAIT_SPREAD) for _ in range(4 * EARLIER)]
        server.scheduler._execute = lambda _: "{}"  # noqa: SLF001  samples do not matter here
        self.device.seconds_per_job = 1.0
        self.device.queue = self._queue
        if situation.disabled:
            self.device.recalibrate(START - 60, self._disable)

    def _queue(self, at: float) -> float:
        hour = int((at - START) // 900)
        return self.situation.median_wait * self.hours[hour % len(self.hours)]

    def _disable(self, properties: Any) -> None:
        for gate in properties["gates"]:
            if set(gate["qubits"]) == set(self.situation.disabled or ()):
                for parameter in gate["parameters"]:
                    if parameter["name"] == "gate_error":
                        parameter["value"] = 1.0

    def seconds(self) -> float:
        """Draw how long the device works on a job."""
        noise = self.chance.lognormvariate(0, SPREAD)
        return self.situation.slowness * formula(self.situation.plan.executions) * noise

    def outlook(self, provider: Provider, circuit: Any) -> Outlook:
        """Ask the provider, with what earlier jobs have taught."""
        situation, plan = self.situation, self.situation.plan
        history = History()
        for _ in range(EARLIER):
            history.add("ibm", plan.device, plan.executions, self.seconds())
        moments = [START - 900.0 * number for number in range(EARLIER)]
        told = look(
            provider,
            plan.device,
            at=START,
            circuit=circuit,
            layout=plan.layout,
            history=history,
            waits=[(at, self._queue(at)) for at in moments],
            maintenance=[situation.maintenance] if situation.maintenance else (),
        )
        return replace(told, submitted=[START - age for age in situation.recent])

    def happen(self, plan: Plan, outlook: Outlook, slack: float = 1.0) -> Truth:
        """Do the work and see what comes of it."""
        truth = Truth()
        account, clock, scheduler = (
            self.server.account,
            self.server.clock,
            self.server.scheduler,
        )
        account.limit(None)
        if plan.start_at:
            clock.advance(plan.start_at - clock.now)
        self._plan_maintenance()
        begun = [START - age for age in self.situation.recent]
        session = None
        if plan.mode is not ExecutionMode.JOB:
            kind = "dedicated" if plan.mode is ExecutionMode.SESSION else "batch"
            session = scheduler.open(self.device, kind, math.ceil(plan.session_seconds))
        jobs: list[Job] = []
        for number in range(plan.jobs):
            self._throttle(plan, [job.created for job in jobs])
            recent = [at for at in begun if clock.now - MINUTE < at]
            if len(recent) >= 5:
                truth.reasons.append("submissions")
                break
            if session is not None and session.state == "closed":
                truth.reasons.append("session")
                break
            begun.append(clock.now)
            self.device.run_seconds = self.seconds()
            jobs.append(scheduler.submit(self.device, session, program="sampler"))
            if not plan.at_once:
                self._finish(jobs[-1])
                if number + 1 < plan.jobs:
                    clock.advance(self.chance.uniform(*plan.between))
        for job in jobs:
            self._finish(job)
        if session is not None and session.state != "closed":
            scheduler.close(session)
        clock.advance(120.0)
        self._judge(truth, plan, outlook, jobs, session)
        truth.reasons += shot_reasons(plan, self.situation, slack)
        return truth

    def _plan_maintenance(self) -> None:
        window = self.situation.maintenance
        if window is None:
            return

        def turn(word: str) -> Callable[[], None]:
            return lambda: setattr(self.device, "status", word)

        self.server.clock.at(window[0], turn("maintenance"))
        self.server.clock.at(window[1], turn("active"))

    def _throttle(self, plan: Plan, created: list[float]) -> None:
        limit = int(plan.throttled) if plan.throttled else 0
        clock = self.server.clock
        if limit and len(created) >= limit and clock.now <= created[-limit] + MINUTE:
            clock.advance(created[-limit] + MINUTE - clock.now + 1e-3)

    def _finish(self, job: Job) -> None:
        clock = self.server.clock
        for _ in range(100_000):
            if not job.is_pending:
                return
            due = clock._due  # noqa: SLF001  nothing happens before
            clock.advance(max(due[0][0] - clock.now, 0.0) if due else 1.0)
        raise RuntimeError("a job never ended")

    def _judge(
        self, truth: Truth, plan: Plan, outlook: Outlook, jobs: list[Job], session: Any
    ) -> None:
        if session is not None and plan.mode is ExecutionMode.SESSION:
            truth.charged = session.usage_seconds
        else:
            truth.charged = sum((j.finished or 0) - j.started for j in jobs if j.started)
        if jobs and jobs[0].started is not None:
            truth.wait = jobs[0].started - jobs[0].created
        window = self.situation.maintenance
        if any(job.status != "Completed" for job in jobs) and "session" not in truth.reasons:
            truth.reasons.append("session")
        late = window and any((job.finished or 0) > window[0] for job in jobs)
        if window and late and min(job.created for job in jobs) < window[1]:
            truth.reasons.append("maintenance")
        if truth.charged > self.situation.quota:
            truth.reasons.append("quota")
        if self._is_on_disabled(plan, outlook):
            truth.reasons.append("layout")

    def _is_on_disabled(self, plan: Plan, outlook: Outlook) -> bool:
        """The circuit is a chain: its neighbours on the device, or what the compiler chose."""
        off = set(self.situation.disabled or ())
        if plan.layout:
            chain = plan.layout
            return any({a, b} == off for a, b in pairwise(chain))
        return len(off) > 0 and off < set(outlook.layouts[()].qubits)


def shot_reasons(plan: Plan, situation: Situation, slack: float) -> list[str]:
    """Measure by simulation whether shots are too few; 4,000 repetitions of a Gaussian mean."""
    chance = random.Random(situation.seed + 3)
    reasons = []
    error = situation.score_sd / math.sqrt(plan.shots)
    if plan.half_width is not None:
        means = sorted(abs(chance.gauss(0, error)) for _ in range(4_000))
        if means[round(0.95 * len(means))] > plan.half_width * slack:
            reasons.append("objective")
    if plan.gradient_variance is not None:
        shifted = [(chance.gauss(0, error) - chance.gauss(0, error)) / 2 for _ in range(4_000)]
        snr = plan.gradient_variance / statistics.pvariance(shifted)
        if snr * slack < plan.gradient_snr:
            reasons.append("gradient")
    return reasons


def chain() -> Any:
    """Return a circuit of three qubits in a line."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.measure_all()
    return circuit


@dataclass
class Outcome:
    """A verdict and what then happened, also with the change that was offered."""

    situation: Situation
    told: Preflight
    truth: Truth
    changed: Truth | None = None


def tried(seed: int, circuit: Any) -> Outcome:
    """Judge a situation, do the work, and do it once more as the verdict says to change it."""
    situation = drawn(seed)
    with IBMProvider(["fake_manila"], clock=VirtualClock(START), seed=seed) as server:
        world = World(server, situation)
        server.account.limit_seconds = server.account.used_seconds + situation.quota
        with server.environment(), contextlib.closing(_opened(server)) as provider:
            outlook = world.outlook(provider, circuit)
        told = preflight(situation.plan, outlook)
        truth = world.happen(situation.plan, outlook)
    if told.change is None:
        return Outcome(situation, told, truth)
    with IBMProvider(["fake_manila"], clock=VirtualClock(START), seed=seed) as server:
        changed = World(server, situation).happen(told.change.plan, outlook, SIMULATED)
    return Outcome(situation, told, truth, changed)


def main() -> int:
    """Print the table; 1 if fewer than 95 of 100 verdicts are right, or intervals hold under 90."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SITUATIONS
    began, circuit = time.process_time(), chain()
    outcomes = [tried(seed, circuit) for seed in range(number)]
    said = Counter((str(each.told.answer), not each.truth.reasons) for each in outcomes)
    print(f"{number} situations; {'verdict':<14}{'went':>8}{'did not':>10}")
    for answer in ("go", "no-go", "cannot tell"):
        print(f"{'':<18}{answer:<14}{said[answer, True]:>8}{said[answer, False]:>10}")
    right, judged = verdicts(outcomes)
    print(f"right: {right} of {judged} ({right / judged:.1%}), cannot tell: {number - judged}")
    for name, (held, all_) in coverage(outcomes).items():
        print(f"{name} within its interval: {held} of {all_} ({held / all_:.1%})")
    offered = [each for each in outcomes if each.changed is not None and is_all_told(each)]
    went = sum(not each.changed.reasons for each in offered if each.changed)
    refused = sum(each.told.answer == "no-go" for each in outcomes)
    some = sum(each.changed is not None for each in outcomes)
    print(f"{refused} no-go, {some} with a change; where nothing else was open {went} of ", end="")
    print(f"{len(offered)} went then")
    for each in outcomes:
        if each in offered and each.changed and each.changed.reasons and "-v" in sys.argv:
            print(f"  change {each.situation.seed}: {each.told.line} | {each.changed.reasons}")
        if is_wrong(each):
            print(f"  {each.situation.seed}: {each.told.line} | {each.truth.reasons}")
    print(f"({time.process_time() - began:.0f} s of CPU)")
    holds = [held >= 0.9 * all_ > 0 for held, all_ in coverage(outcomes).values()]
    return 0 if right >= 0.95 * judged > 0 and all(holds) else 1


def _opened(server: IBMProvider) -> Provider:
    return open_provider("ibm", account="bench", api_url=f"{server.url}/api/v1")


def is_all_told(each: Outcome) -> bool:
    """Whether no check had to leave open what it was asked."""
    return all(finding.answer != "cannot tell" for finding in each.told.findings)


def is_wrong(each: Outcome) -> bool:
    """Whether a verdict was given and did not come true."""
    return each.told.answer != "cannot tell" and (each.told.answer == "go") == bool(
        each.truth.reasons
    )


def verdicts(outcomes: list[Outcome]) -> tuple[int, int]:
    """Return how many verdicts were right, of those that were given."""
    judged = [each for each in outcomes if each.told.answer != "cannot tell"]
    return sum(not is_wrong(each) for each in judged), len(judged)


def coverage(outcomes: list[Outcome]) -> dict[str, tuple[int, int]]:
    """Return how often device time (at a price a second, so the cost) and wait lay within."""
    held: dict[str, list[bool]] = {"cost": [], "wait": []}
    for each in outcomes:
        (mine,) = (f for f in each.told.forecasts if f.mode is each.situation.plan.mode)
        if not set(each.truth.reasons) & {"submissions", "session", "maintenance"}:
            held["cost"].append(mine.usage.low <= each.truth.charged <= mine.usage.high)
        has_waited = mine.wait is not None and each.truth.wait is not None
        if has_waited and "maintenance" not in each.truth.reasons:
            held["wait"].append(mine.wait.low <= each.truth.wait <= mine.wait.high + 0.5)
    return {name: (sum(hits), len(hits)) for name, hits in held.items()}


if __name__ == "__main__":
    sys.exit(main())
