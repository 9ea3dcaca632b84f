"""Money end to end: IBM's client over HTTP, a provider that bills, scripts that are killed."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import Batch, SamplerV2, Session

import qgm_observe as qgm
from qgm_observe.catalog import ExecutionMode
from qgm_observe.errors import BudgetExceeded
from qgm_observe.exporters.polling.schedule import Budget
from qgm_observe.exporters.reconciling.desk import Desk
from qgm_observe.exporters.reconciling.docket import Docket, scan
from qgm_observe.exporters.reconciling.reconciler import Reconciler
from qgm_observe.journal import Totals, open_journal
from qgm_observe.lifecycle import Device, Recorder, use
from qgm_observe.providers import open_provider
from qgm_observe.settings import load_settings
from qgm_observe.spend.pricing import tariff
from qgm_observe.spend.report import Row, report
from qgm_observe.spend.statement import Statement
from qgm_observe.testing.provider import IBMProvider, VirtualClock

DEVICE = "ibmq_manila"
PLAN = "pay-as-you-go"
MODES = {"job": None, "batch": Batch, "session": Session}
SCRIPT = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
import qgm_observe as qgm
from qgm_observe.instrumentation import instrument
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2, Session

how, run_id, first, dies_at = sys.argv[1], sys.argv[2] or None, int(sys.argv[3]), int(sys.argv[4])
service = QiskitRuntimeService()
backend = service.backend("ibmq_manila")
circuit = QuantumCircuit(5, 1)
circuit.sx(0)
circuit.measure(0, 0)
if "hooks" in how:
    instrument()

class Sampler:
    def __init__(self, mode):
        self.own = SamplerV2(mode=mode)
        self.options = self.own.options

    def run(self, *args, **kwargs):
        job = self.own.run(*args, **kwargs)
        if how == "while submitting" and step.index == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return job

with qgm.run(id=run_id, resumed_from=first if run_id else None) as run:
    print(run.id, flush=True)
    opened = Session(backend) if how == "in a session" else None
    session = run.session(backend, provider=opened).begin() if opened else None
    sampler = Sampler(opened or backend)
    for index in range(first, 4):
        if "hooks" in how:
            with run.step(index):
                submitted = SamplerV2(mode=backend).run([circuit], shots=100)
                if index == dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                submitted.result()
            continue
        with run.step(index) as step, step.job(backend, shots=100, session=session) as job:
            attempt = job.attempt(sampler.run, [circuit], shots=100)
            if how != "while submitting" and index == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            job.results(attempt, decode=None)
"""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the client from walking the stack at each request."""
    monkeypatch.setenv("USAGE_DATA_OPT_OUT", "True")
    warnings.simplefilter("ignore", DeprecationWarning)


@pytest.fixture
def provider() -> Iterator[IBMProvider]:
    """A provider whose time passes when told, and settles bills half a minute later."""
    with IBMProvider(["fake_manila"], clock=VirtualClock(time.time()), seed=5) as made:
        yield made


class Lab:
    """A device, a sampler of any mode, and a recorder on the provider's own clock."""

    def __init__(self, path: Path, provider: IBMProvider, backend: Any) -> None:
        self.path, self.provider, self.backend = path, provider, backend
        self.clock = provider.clock
        self.device = Device("ibm", DEVICE, "us-east", ExecutionMode.JOB)
        self.circuit = QuantumCircuit(5, 1)
        self.circuit.sx(0)
        self.circuit.measure(0, 0)

    def train(self, mode: str, steps: int, **options: Any) -> None:
        """Take steps of 2 s on the device and 10 s elsewhere."""
        kind = MODES[mode]
        with (
            nullcontext(self.backend) if kind is None else kind(self.backend) as asked,
            qgm.run(**options) as run,
            nullcontext()
            if kind is None
            else run.session(self.device, mode=mode, provider=asked) as session,
        ):
            sampler = SamplerV2(mode=asked)
            for index in range(steps):
                with (
                    run.step(index) as step,
                    step.job(self.device, shots=1_000, session=session) as job,
                ):
                    self.take(job, sampler)
                self.clock.advance(10.0)

    def take(self, job: Any, sampler: Any) -> None:
        """Submit, let the device work for 2 s, take the result."""
        attempt = job.attempt(sampler.run, [self.circuit], shots=1_000)
        self.clock.advance(2.0)
        job.results(attempt, decode=None)

    def settle(self) -> None:
        """Ask for the bills, a minute later."""
        self.clock.advance(60.0)
        url = f"{self.provider.url}/api/v1"
        ibm = open_provider("ibm", account="lab", api_url=url, plan=PLAN)
        with open_journal(self.path) as journal:
            journal.reap(time.time() + 3600.0)
            docket = Docket(14 * 86400.0)
            scan(journal, docket, self.clock.now)
            desk = Desk("ibm", lambda: ibm, Budget(1_000, self.clock.now))
            Reconciler([desk], lambda: self.clock.now).settle(journal, docket, early=True)
        ibm.close()

    def row(self) -> Row:
        """The report on all there is."""
        with open_journal(self.path, read_only=True) as journal:
            (row,) = report(Statement.of(journal, tariff(PLAN).price), "device", journal)
            return row

    def totals(self) -> Totals:
        """What the journal counts."""
        with open_journal(self.path, read_only=True) as journal:
            return journal.snapshot()[0]


@pytest.fixture
def lab(tmp_path: Path, provider: IBMProvider) -> Iterator[Lab]:
    """The lab, recording on virtual time."""
    with provider.environment():
        made = Lab(tmp_path / "journal.db", provider, provider.service().backend(DEVICE))

        def nanoseconds() -> int:
            return round(provider.clock.now * 1e9)

        settings = load_settings(journal=made.path, plan=PLAN)
        recorder = Recorder(settings, now=nanoseconds, wall=nanoseconds)
        before = use(recorder)
        yield made
        recorder.close()
        use(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "billed", "idle"),
    [("job", "16", None), ("batch", "16", None), ("session", "96", "80")],
)
def test_each_mode_costs_what_the_provider_charged(
    lab: Lab, mode: str, billed: str, idle: str | None
) -> None:
    """Five steps of 2 s and 10 s: ten seconds at 1.60 a job or batch, a minute as a session."""
    lab.train(mode, 5)
    qgm.flush()
    lab.settle()
    row = lab.row()
    charged = Decimal(str(lab.provider.account.used_seconds)) * Decimal("1.60")
    counted = lab.totals().counters["qgm.cost"]

    assert abs(row.known["USD"] - Decimal(billed)) < Decimal("0.01")
    assert abs(row.known["USD"] - charged) < Decimal("0.01")
    wasted = row.wasted.get("idle", {}).get("USD", Decimal(0))
    assert abs(wasted - Decimal(idle or 0)) < Decimal("0.01")
    by_basis = {
        b: sum(n for k, n in counted.items() if k[-1] == b) for b in ("estimated", "billed")
    }
    assert abs(by_basis["billed"] / 1e9 - float(billed)) < 0.01
    assert abs(row.error("USD") or 1.0) < 0.05
    assert row.pending == 0


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "submitted"), [("job", 12), ("batch", 12), ("session", 2)])
def test_a_guard_stops_the_run_at_the_right_job_in_every_mode(
    lab: Lab, mode: str, submitted: int
) -> None:
    """Of 40 USD jobs of 3.20 leave twelve; a session is spent by the clock and leaves two."""
    with pytest.raises(BudgetExceeded, match=r"of 40\.00 USD; nothing was submitted"):
        lab.train(mode, 20, guard="40 USD")
    qgm.flush()
    lab.settle()
    row, counted = lab.row(), lab.totals().counters

    assert len(lab.provider.jobs) == submitted
    assert Decimal(38) < row.known["USD"] <= Decimal(40)
    assert [k[-1] for k in counted["qgm.runs"]] == ["guarded"]
    assert sum(counted["qgm.cost.prevented"].values()) > 3 * 10**9


@pytest.mark.slow
def test_threads_and_coroutines_stop_together(lab: Lab) -> None:
    """Eight threads, then eight coroutines, submit at once: the shots allow five jobs each time."""
    sampler = SamplerV2(mode=lab.backend)
    stopped: list[BudgetExceeded] = []

    def submit(run: Any) -> None:
        try:
            with run.job(lab.device, shots=1_000) as job:
                job.attempt(sampler.run, [lab.circuit], shots=1_000)
        except BudgetExceeded as error:
            stopped.append(error)

    with qgm.run(guard="5000 shots") as run:
        threads = [threading.Thread(target=submit, args=(run,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    by_threads = len(lab.provider.jobs), len(stopped)

    async def run_later(*args: Any, **options: Any) -> Any:
        return await asyncio.to_thread(sampler.run, *args, **options)

    async def one(run: Any) -> None:
        async with run.job(lab.device, shots=1_000) as job:
            await job.attempt(run_later, [lab.circuit], shots=1_000)

    async def main() -> list[Any]:
        async with qgm.run(guard="5000 shots") as run:
            return await asyncio.gather(*(one(run) for _ in range(8)), return_exceptions=True)

    outcomes = asyncio.run(main())

    assert by_threads == (5, 3)
    assert len(lab.provider.jobs) == 10
    assert [type(each) for each in outcomes if each is not None] == [BudgetExceeded] * 3


@pytest.fixture
def script(tmp_path: Path, provider: IBMProvider) -> Callable[..., "tuple[int, str]"]:
    """Runs the script in a process of its own; returns its exit code and the id of its run."""
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)

    def run(how: str, run_id: str, first: int, dies_at: int) -> tuple[int, str]:
        settings = {"QGM_OBSERVE_JOURNAL": str(tmp_path / "journal.db"), "QGM_OBSERVE_PLAN": PLAN}
        done = subprocess.run(
            [sys.executable, str(path), how, run_id, str(first), str(dies_at)],
            env={**os.environ, **provider.env, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
        assert done.stdout, done.stderr
        return done.returncode, done.stdout.strip()

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "then"),
    [
        ("while waiting", "to the end"),
        ("while submitting", "to the end"),
        ("while waiting, by the hooks", "to the end, by the hooks"),
    ],
    ids=["while waiting", "while submitting", "by the hooks"],
)
def test_a_killed_run_that_is_resumed_submits_nothing_twice(
    script: Callable[..., Any], provider: IBMProvider, tmp_path: Path, how: str, then: str
) -> None:
    """Killed at the third of four jobs and resumed from the first, a run has four jobs in all."""
    provider.clock.per_request = 1.0
    code, run_id = script(how, "", 0, 2)
    before = list(provider.jobs)
    again, same = script(then, run_id, 0, -1)
    with open_journal(tmp_path / "journal.db", read_only=True) as journal:
        submitted = {
            (event.body["step_index"], event.body["provider_job_id"])
            for event in journal.events(verbs=("submitted",))
        }

    assert (code, len(before)) == (-signal.SIGKILL, 3)
    assert (again, same) == (0, run_id)
    assert len(provider.jobs) == 4
    assert sorted(step for step, _ in submitted) == [0, 1, 2, 3]
    assert {id_ for _, id_ in submitted} == set(provider.jobs)


@pytest.mark.slow
def test_the_cost_of_a_killed_script_is_completed_later(
    script: Callable[..., Any], provider: IBMProvider, tmp_path: Path
) -> None:
    """A session whose script was killed is billed to the end of its idle time, by reconciling."""
    provider.clock.per_request = 1.0
    code, _ = script("in a session", "", 0, 2)
    provider.clock.per_request = 0.0
    lab = Lab(tmp_path / "journal.db", provider, None)
    pending = lab.row()
    provider.clock.advance(3_600.0)  # the session goes inactive after a minute without a job
    (session,) = provider.sessions.values()
    provider.scheduler.close(session)
    with provider.environment():
        lab.settle()
    row = lab.row()

    assert code == -signal.SIGKILL
    assert (pending.pending, pending.known) == (3, {})  # two jobs, and the session's idle time
    assert (row.pending, row.attempts) == (0, 3)
    charged = Decimal(str(provider.account.used_seconds)) * Decimal("1.60")
    assert abs(row.known["USD"] - charged) < Decimal("0.01")
    assert row.wasted["idle"]["USD"] > Decimal(60)
