"""Estimates against bills in job, batch and session mode: IBM's client over HTTP, virtual time.

Each script takes 100 steps of about 2 s on the device and 10 s elsewhere; one in a session takes
100 s elsewhere, after 60 of which the provider takes the device back. The provider bills; the
reconciler asks it afterwards, and the report puts both beside each other.

    python benchmarks/billing.py
"""

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import qgm_observe as qgm
from qgm_observe.catalog import ExecutionMode
from qgm_observe.exporters.polling.schedule import Budget
from qgm_observe.exporters.reconciling.desk import Desk
from qgm_observe.exporters.reconciling.docket import Docket, scan
from qgm_observe.exporters.reconciling.reconciler import Reconciler
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle import Device, Recorder, use
from qgm_observe.providers import open_provider
from qgm_observe.settings import load_settings
from qgm_observe.spend.pricing import tariff
from qgm_observe.spend.report import Row, report
from qgm_observe.spend.statement import Statement
from qgm_observe.testing.provider import IBMProvider, VirtualClock

STEPS, QPU_SECONDS, SHOTS = 100, 2.0, 1_000
CASES = (("job", 10.0), ("batch", 10.0), ("session", 10.0), ("session", 100.0))
"""Execution mode, and seconds elsewhere between two jobs."""

SPREAD = 0.1
PLAN = "pay-as-you-go"
DAY = 86_400.0
CLOSE = Decimal("0.01")
"""Of a bill against the charge; an estimate is told before and may be ten times as far off."""


class Bench:
    """A provider, its clock, and a recorder that lives on the same clock."""

    def __init__(self, folder: Path, provider: IBMProvider) -> None:
        self.clock, self.provider = provider.clock, provider
        self.device = next(iter(provider.devices.values()))
        self.path = folder / "journal.db"
        self.backend = provider.service().backend(self.device.name)
        self.random = random.Random(11)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record on virtual time."""

        def nanoseconds() -> int:
            return round(self.clock.now * 1e9)

        settings = load_settings(journal=self.path, plan=PLAN)
        made = Recorder(settings, now=nanoseconds, wall=nanoseconds)
        before = use(made)
        try:
            yield
        finally:
            made.close()
            use(before)

    def train(self, mode: str, elsewhere: float) -> None:
        """Take the steps of a training in one mode, and leave."""
        from qiskit_ibm_runtime import Batch, SamplerV2, Session

        kind = {"batch": Batch, "session": Session}.get(mode)
        with (
            nullcontext(self.backend) if kind is None else kind(self.backend) as asked,
            qgm.run(project=mode, model="qcbm") as run,
            nullcontext()
            if kind is None
            else run.session(self._device(), mode=mode, provider=asked) as session,
        ):
            sampler = SamplerV2(mode=asked)
            for index in range(STEPS):
                with (
                    run.step(index) as step,
                    step.job(self._device(), shots=SHOTS, session=session) as job,
                ):
                    self._job(job, sampler)
                self.clock.advance(elsewhere)
        self.clock.advance(60.0)

    def _device(self) -> Device:
        return Device("ibm", self.device.name, "us-east", ExecutionMode.JOB)

    def _job(self, job: Any, sampler: Any) -> None:
        seconds = QPU_SECONDS * self.random.lognormvariate(0, SPREAD)
        self.device.run_seconds = round(seconds, 3)
        attempt = job.attempt(sampler.run, [self._circuit()], shots=SHOTS)
        self.clock.advance(self.device.run_seconds)
        job.results(attempt, decode=None)

    def _circuit(self) -> Any:
        from qiskit import QuantumCircuit

        circuit = QuantumCircuit(self.backend.num_qubits, 1)
        circuit.sx(0)
        circuit.measure(0, 0)
        return circuit

    def bill(self) -> None:
        """Ask the provider for what it billed."""
        ibm = open_provider(
            "ibm", account="bench", api_url=f"{self.provider.url}/api/v1", plan=PLAN
        )
        with open_journal(self.path) as journal:
            docket = Docket(14 * DAY)
            scan(journal, docket, self.clock.now)
            desk = Desk("ibm", lambda: ibm, Budget(10_000, self.clock.now))
            Reconciler([desk], lambda: self.clock.now).settle(journal, docket, early=True)
        ibm.close()

    def rows(self) -> tuple[Row, float | None]:
        """Return the report, and by which share a job's estimate is off in the median.

        In a session a job's estimate holds the idle time before it, so that the whole alone can be
        compared.
        """
        with open_journal(self.path, read_only=True) as journal:
            spent = Statement.of(journal, tariff(PLAN).price)
            (row,) = report(spent, "mode", journal)
        off = [
            float(abs(line.estimated.amount / line.known.amount - 1))
            for line in spent.lines
            if line.estimated and line.known and line.mode is not ExecutionMode.SESSION
        ]
        return row, statistics.median(off) if off else None


def measured() -> dict[tuple[str, float], tuple[Row, float | None, float]]:
    """Return by case what the report says, and the seconds that the provider has charged."""
    os.environ["USAGE_DATA_OPT_OUT"] = "True"
    found: dict[tuple[str, float], tuple[Row, float | None, float]] = {}
    for mode, elsewhere in CASES:
        with tempfile.TemporaryDirectory() as folder:
            provider = IBMProvider(["fake_manila"], clock=VirtualClock(time.time()), seed=3)
            provider.account.limit(None)  # beyond a quota jobs would wait for ever
            with provider, provider.environment():
                bench = Bench(Path(folder), provider)
                with bench.recording():
                    bench.train(mode, elsewhere)
                bench.bill()
                found[mode, elsewhere] = *bench.rows(), provider.account.used_seconds
    return found


def is_billed(row: Row, charged: float) -> bool:
    """Whether a report shows what the provider charged, estimated as closely."""
    price = tariff(PLAN).price("ibm", "fake_manila")
    rate = price.per_second if price is not None else None
    owed, error = (rate or Decimal(0)) * Decimal(charged), row.error("USD")
    if not owed or error is None:
        return False
    return abs(row.known["USD"] / owed - 1) <= CLOSE and abs(error) <= 10 * CLOSE


def main() -> int:
    """Print the table; 1 if a bill is not what was charged."""
    broken = False
    began = time.perf_counter()
    print(f"{STEPS} steps of {QPU_SECONDS:g} s ± {SPREAD:.0%} on the device, {PLAN}")
    heads = (
        "mode, elsewhere",
        "provider charged",
        "estimated",
        "billed",
        "error",
        "a job's",
        "idle",
        "sum of jobs",
    )
    print(("{:<16}" + "{:>18}" * 7).format(*heads))
    for (mode, elsewhere), (row, off, charged) in measured().items():
        broken |= not is_billed(row, charged)
        estimated, billed = row.estimated["USD"], row.known["USD"]
        idle = row.wasted.get("idle", {}).get("USD", Decimal(0))
        cells = (
            f"{charged:.1f} s",
            f"{estimated:.2f} USD",
            f"{billed:.2f} USD",
            f"{row.error('USD') or 0:+.1%}",
            "" if off is None else f"{off:.1%}",
            f"{idle:.2f} USD",
            f"{billed - idle:.2f} USD",
        )
        print(f"{f'{mode}, {elsewhere:g} s':<16}" + "".join(f"{cell:>18}" for cell in cells))
    print(f"({time.perf_counter() - began:.0f} s)")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
