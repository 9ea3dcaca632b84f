"""What polling ten devices of 156 qubits costs, and what an outage and a hang do to it.

The devices are copies of one real snapshot (`fake_fez`) under ten names, each watched qubit by
qubit (`curated`), at a provider that changes every calibration once a day. Time is virtual but for
the last table: there a call hangs, and 1,000 expositions are timed on the wall clock.

- page: series, bytes, resident memory, provider calls a day
- flat: growth of resident memory over 10,000 polls, after a day and 1,000 polls
- outage: ten minutes in which every call fails
- hang: time to hand a page out while a call hangs

    python benchmarks/polling.py [--json] [--polls 10000]
"""

import argparse
import gc
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from qgm_observe.catalog import ErrorClass
from qgm_observe.exporters.config import load_config
from qgm_observe.exporters.polling.account import Account
from qgm_observe.exporters.polling.accounts import Polling
from qgm_observe.exporters.polling.asker import Asker, Clocks
from qgm_observe.exporters.polling.page import Page
from qgm_observe.exporters.polling.question import Question
from qgm_observe.exporters.provider import ProviderExporter
from qgm_observe.providers.protocol import (
    AccountUsage,
    Calibration,
    Capability,
    DeviceInfo,
    DeviceState,
    DeviceStatus,
)
from qgm_observe.providers.registry import open_provider
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.prometheus import CLASSIC

DEVICES = 10
DAY = 86_400.0
EPOCH = 1_800_000_000.0
MOST_GROWTH = 5 * 2**20
MOST_P95 = 0.1
MOST_ASKED = 2
"""Calls that the polling itself may make meanwhile."""
CONFIG = """\
providers:
- provider: ibm
  account: team
  deadline_seconds: 1
  devices: {name: "*", detail: curated}
targets: [team]
"""


class Copies:
    """A provider of many devices that are copies of one snapshot.

    Args:
        snapshot: Of the one.
        now: Epoch seconds.
    """

    name, account = "ibm", "team"
    capabilities = frozenset(Capability)

    def __init__(self, snapshot: Calibration, now: Any) -> None:
        self._snapshot, self._now = snapshot, now
        self.calls = 0
        self.is_down = False
        self.hang: threading.Event | None = None

    def _ask(self) -> float:
        self.calls += 1
        if self.is_down:
            raise ConnectionError("CANARY")
        if self.hang is not None:
            self.hang.wait()
        return float(self._now())

    def devices(self) -> Sequence[tuple[DeviceInfo, DeviceStatus]]:
        """All of them, online, with a calibration of this day."""
        now = self._ask()
        return [(self.device(f"ibm_{n}"), self._status(f"ibm_{n}", now)) for n in range(DEVICES)]

    def device(self, name: str) -> DeviceInfo:
        """What there is to say of each."""
        return DeviceInfo(provider=self.name, name=name, num_qubits=len(self._snapshot.qubits))

    def status(self, device: str) -> DeviceStatus:
        """One of them."""
        return self._status(device, self._ask())

    def _status(self, device: str, now: float) -> DeviceStatus:
        return DeviceStatus(
            provider=self.name,
            device=device,
            state=DeviceState.ONLINE,
            observed_at=now,
            queue_jobs=int(now) % 97,
            updated_at=now // DAY,
        )

    def calibration(self, device: str, at: float | None = None) -> Calibration:  # noqa: ARG002
        """The snapshot, every T1 a little different each day."""
        day = self._ask() // DAY
        qubits = {
            qubit: {**told, "t1": replace(told["t1"], value=(told["t1"].value or 0) + day * 1e-9)}
            for qubit, told in self._snapshot.qubits.items()
        }
        raw = f"{device} {day}".encode()
        return replace(self._snapshot, provider=self.name, device=device, qubits=qubits, raw=raw)

    def usage(self) -> AccountUsage:
        """Some."""
        now = self._ask()
        return AccountUsage(provider="ibm", account="team", observed_at=now, used=60.0, limit=600.0)

    def jobs(self, **_: Any) -> list[Any]:
        """None are pending."""
        self._ask()
        return []

    def job(self, id_: str) -> Any:
        """There is none."""
        raise KeyError(id_)

    def session(self, id_: str) -> None:
        """There is none."""

    def price(self, device: str) -> None:  # noqa: ARG002
        """There is none."""
        self._ask()

    def classify(self, error: BaseException) -> ErrorClass:  # noqa: ARG002
        """Every error is of the network."""
        return ErrorClass.NETWORK

    def close(self) -> None:
        """Nothing is open."""


class Virtual:
    """The polling of the copies on virtual time."""

    def __init__(self, snapshot: Calibration, config_file: Path) -> None:
        self.now = 0.0
        clocks = Clocks(lambda: self.now, lambda: EPOCH + self.now)
        self.provider = Copies(snapshot, clocks.wall)
        config = load_config(config_file)
        aggregates = Aggregates("provider", config.scrape_interval_seconds, clocks.steady)
        self.page = Page(aggregates, config.most_series, config.targets)
        self.polling = Polling(self.page, clocks.steady)
        [told] = config.providers
        account = Account(told, config, self.page, clocks, random.Random(1))
        asker = Asker(told, lambda _: self.provider, clocks)
        self.polling.replace({account: partial(self._submit, account, asker)})

    def _submit(self, account: Account, asker: Asker, question: Question) -> None:
        self.polling.answered(account, asker.perform(question))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + max(self.polling.tick(), 0.01))

    @property
    def text(self) -> bytes:
        """The page."""
        return self.page.snapshot[None, CLASSIC].text


def resident() -> int:
    """Resident memory of this process, bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) * 1024


def page_row(virtual: Virtual, before: int) -> dict[str, Any]:
    """A day of polling."""
    began = time.process_time()
    virtual.run(DAY)
    spent = time.process_time() - began
    exposition = virtual.page.snapshot[None, CLASSIC]
    lines = [line for line in exposition.text.splitlines() if not line.startswith(b"#")]
    return {
        "series": len(lines),
        "duplicates": len(lines) - len({line.rpartition(b" ")[0] for line in lines}),
        "bytes": len(exposition.text),
        "gzip_bytes": len(exposition.gzip),
        "resident_mb": round(resident() / 2**20, 1),
        "resident_growth_mb": round((resident() - before) / 2**20, 1),
        "calls_a_day": virtual.provider.calls,
        "cpu_s_a_day": round(spent, 1),
        "ok": lines != [] and len({line.rpartition(b" ")[0] for line in lines}) == len(lines),
    }


def flat_row(virtual: Virtual, polls: int) -> dict[str, Any]:
    """Memory over many polls."""

    def poll(count: int) -> None:
        wanted = virtual.provider.calls + count
        while virtual.provider.calls < wanted:
            virtual.run(600)
        gc.collect()

    poll(1_000)
    before = resident()
    poll(polls)
    grown = resident() - before
    return {
        "polls": polls,
        "virtual_days": round(virtual.now / DAY, 1),
        "resident_growth_kb": round(grown / 1024),
        "ok": grown <= MOST_GROWTH,
    }


def outage_row(virtual: Virtual) -> dict[str, Any]:
    """Ten minutes in which nothing is answered."""
    virtual.provider.is_down, before = True, virtual.provider.calls
    virtual.run(600)
    text = virtual.text
    calls = virtual.provider.calls - before
    row = {
        "calls": calls,
        "device_states_shown": text.count(b"\nqgm_device_state{"),
        "up": b'qgm_provider_up{provider="ibm",account="team",source="provider"} 0' in text,
        "collectors_shown": text.count(b"\nqgm_provider_collector_up{"),
        "canaries": text.count(b"CANARY"),
    }
    virtual.provider.is_down = False
    virtual.run(600)
    back = virtual.text.count(b"\nqgm_device_state{")
    kept = row["up"] and row["collectors_shown"] and back and not row["device_states_shown"]
    return {
        **row,
        "device_states_after": back,
        "ok": bool(kept) and 0 < calls <= 100 and not row["canaries"],
    }


def hang_row(snapshot: Calibration, config_file: Path) -> dict[str, Any]:
    """How long a page takes while a call hangs, on the wall clock."""
    provider = Copies(snapshot, time.time)
    exporter = ProviderExporter(config_file, lambda _: provider)
    exporter.start()
    down = b'qgm_provider_up{provider="ibm",account="team",source="provider"} 0'
    while exporter.exposition(CLASSIC).text.count(b"\nqgm_qubit_t1") < DEVICES * 156:  # type: ignore[union-attr]
        time.sleep(0.05)
    asked = provider.calls
    for _ in range(1_000):
        exporter.exposition(CLASSIC)
    asked = provider.calls - asked
    provider.hang = threading.Event()
    while down not in exporter.exposition(CLASSIC).text:  # type: ignore[union-attr]
        time.sleep(0.05)
    took = []
    for _ in range(1_000):
        began = time.perf_counter()
        exporter.exposition(CLASSIC)
        took.append(time.perf_counter() - began)
        time.sleep(0.001)
    began = time.perf_counter()
    exporter.stop(1.0)
    p95 = statistics.quantiles(took, n=20)[18]
    stop = round(time.perf_counter() - began, 2)
    provider.hang.set()
    ok = p95 <= MOST_P95 and asked <= MOST_ASKED
    told = {"p95_us": round(p95 * 1e6, 1), "stop_s": stop, "calls_of_1000_pages": asked}
    return {**told, "ok": ok}


def main() -> int:
    """Print the tables; 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--polls", type=int, default=10_000, help="of the flat row")
    args = parser.parse_args()
    snapshot = open_provider("local").calibration("fake_fez")
    if snapshot is None:
        return 1
    with tempfile.TemporaryDirectory() as folder:
        config_file = Path(folder, "exporter.yml")
        config_file.write_text(CONFIG, encoding="utf-8")
        before = resident()
        virtual = Virtual(snapshot, config_file)
        rows = {
            "page": page_row(virtual, before),
            "flat": flat_row(virtual, args.polls),
            "outage": outage_row(virtual),
            "hang": hang_row(snapshot, config_file),
        }
    if args.json:
        print(json.dumps(rows))
    else:
        for name, row in rows.items():
            print(name.ljust(8), *(f"{key}={value}" for key, value in row.items()))
    return int(not all(row.get("ok", True) for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
