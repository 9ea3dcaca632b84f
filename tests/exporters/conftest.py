"""A provider that says what it is told to, and an exporter of it whose time moves when told."""

import gzip
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.catalog import ErrorClass
from qgm_observe.exporters.config import load_config
from qgm_observe.exporters.exporter import Reply
from qgm_observe.exporters.journal import JournalExporter
from qgm_observe.exporters.polling.account import Account
from qgm_observe.exporters.polling.accounts import Polling
from qgm_observe.exporters.polling.asker import Asker, Clocks
from qgm_observe.exporters.polling.page import Page
from qgm_observe.exporters.polling.question import Question
from qgm_observe.exporters.polling.readings import Readings
from qgm_observe.providers.protocol import (
    AccountUsage,
    Calibration,
    Capability,
    DeviceInfo,
    DeviceState,
    DeviceStatus,
    GateCalibration,
    Measurement,
    Price,
    ProviderJob,
)
from qgm_observe.settings import Settings
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.prometheus import CLASSIC, Exposition, Form
from qgm_observe.telemetry.shipping import Shipper, receiver_of

from .central import Central
from .journals import Clock, close_all
from .web_files import WebFiles

EPOCH = 1_800_000_000.0
CONFIG = "providers:\n- provider: ibm\n  account: team\n"


class FakeProvider:
    """Answers from its attributes and writes down what it was asked."""

    name = "ibm"

    def __init__(self, account: str = "team", devices: Sequence[str] = ("ibm_fez",)) -> None:
        self.account = account
        self.capabilities: set[Capability] = set(Capability)
        self.names = list(devices)
        self.updated_at: float | None = 1.0
        self.raw = b"first"
        self.pending: list[ProviderJob] = []
        self.raises: dict[str, Exception] = {}
        self.calls: list[str] = []
        self.told: dict[str, Any] = {}
        self.closed = 0

    def _asked(self, what: str) -> None:
        self.calls.append(what)
        error = self.raises.get(what) or self.raises.get("*")
        if error is not None:
            raise error

    def devices(self) -> Sequence[tuple[DeviceInfo, DeviceStatus]]:
        self._asked("fleet")
        return [self._device(name) for name in self.names]

    def _device(self, name: str) -> tuple[DeviceInfo, DeviceStatus]:
        status = DeviceStatus(
            provider="ibm",
            device=name,
            state=DeviceState.ONLINE,
            observed_at=EPOCH,
            queue_jobs=4,
            updated_at=self.updated_at,
        )
        return DeviceInfo(provider="ibm", name=name, num_qubits=2), status

    def device(self, name: str) -> DeviceInfo:
        return self._device(name)[0]

    def status(self, device: str) -> DeviceStatus:
        return self._device(device)[1]

    def calibration(self, device: str, at: float | None = None) -> Calibration | None:
        self._asked("calibration")
        return Calibration(
            provider="ibm",
            device=device,
            observed_at=EPOCH,
            taken_at=self.updated_at,
            qubits={0: {"t1": Measurement(1e-4, 5.0)}, 1: {"t1": Measurement(2e-4, 6.0)}},
            gates={("cz", (0, 1)): GateCalibration(Measurement(0.01, 7.0))},
            raw=self.raw,
        )

    def job(self, id_: str) -> ProviderJob:
        raise NotImplementedError

    def jobs(
        self, *, pending: bool | None = None, tag: str | None = None, limit: int = 200
    ) -> Sequence[ProviderJob]:
        self._asked("jobs")
        return self.pending

    def session(self, id_: str) -> None:
        raise NotImplementedError

    def usage(self) -> AccountUsage | None:
        self._asked("usage")
        return AccountUsage(
            provider="ibm", account=self.account, observed_at=EPOCH, used=60.0, limit=600.0
        )

    def price(self, device: str) -> Price | None:
        self._asked("price")
        return None

    def classify(self, error: BaseException) -> ErrorClass:
        return self.told.get(type(error).__name__, ErrorClass.NETWORK)

    def close(self) -> None:
        self.closed += 1


class Polled:
    """The polling of a configuration on a clock of its own, each call made where it is due."""

    def __init__(self, path: Path, providers: dict[str, FakeProvider]) -> None:
        self.now = 100.0
        self.config = load_config(path)
        self.clocks = Clocks(lambda: self.now, lambda: EPOCH + self.now)
        self.providers = providers
        self.hangs: set[str] = set()
        self.hanging: list[Callable[[], None]] = []
        aggregates = Aggregates("provider", 15.0, lambda: self.now)
        self.page = Page(aggregates, self.config.most_series, self.config.targets)
        self.polling = Polling(self.page, self.clocks.steady)
        readings = Readings(self.config.journal) if self.config.journal else None
        self.accounts: dict[str, Account] = {}
        submits = {}
        for each in self.config.providers:
            account = Account(each, self.config, self.page, self.clocks, random.Random(7))
            asker = Asker(each, lambda c: self.providers[c.account], self.clocks, readings)
            self.accounts[each.account] = account
            submits[account] = partial(self._submit, account, asker)
        self.polling.replace(submits)

    def _submit(self, account: Account, asker: Asker, question: Question) -> None:
        def call() -> None:
            self.polling.answered(account, asker.perform(question))

        if account.config.account in self.hangs:
            self.hanging.append(call)
        else:
            call()

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + max(self.polling.tick(), 0.01))
        while self.polling.tick() == 0.0:
            pass

    def release(self) -> None:
        """Let calls that hang return."""
        self.hangs.clear()
        while self.hanging:
            self.hanging.pop()()

    def text(self, target: str | None = None) -> str:
        """Return the page."""
        return self.page.snapshot[target, CLASSIC].text.decode()

    def numbers(self, target: str | None = None) -> dict[str, float]:
        """Return the page's samples, the constant label left out."""
        lines = [line.rpartition(" ") for line in self.text(target).splitlines() if line[0] != "#"]
        found = {
            name.replace('source="provider"', "").replace(",}", "}"): n for name, _, n in lines
        }
        return {name: float(number) for name, number in found.items()}

    def named(self, name: str) -> list[float]:
        """Return the numbers of one metric."""
        return [n for key, n in self.numbers().items() if key.partition("{")[0] == name]


@pytest.fixture
def provider() -> FakeProvider:
    """A provider with one device of two qubits."""
    return FakeProvider()


@pytest.fixture
def other_provider() -> FakeProvider:
    """A provider of another account."""
    return FakeProvider("lab")


@pytest.fixture
def config_file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration file."""

    def write(text: str = CONFIG) -> Path:
        path = tmp_path / "exporter.yml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def polled(provider: FakeProvider, config_file: Callable[[str], Path]) -> Callable[..., Polled]:
    """Polls the provider, and others by their account, as a configuration says."""

    def start(text: str = CONFIG, **others: FakeProvider) -> Polled:
        return Polled(config_file(text), {"team": provider} | others)

    return start


# ---------------------------------------------------------------------------------- the web side


class StillExporter:
    """Shows one page and writes down what it was asked."""

    def __init__(self) -> None:
        text = b"# HELP qgm_x X.\n# TYPE qgm_x gauge\n" + b'qgm_x{a="1"} 1\n' * 200
        self.page = Exposition(text, gzip.compress(text))
        self.calls: list[str] = []
        self.scrapes = 0
        self.unready: str | None = None
        self.raises: Exception | None = None
        self.plan: Any = None

    def start(self) -> None:
        self.calls.append("start")

    def stop(self, timeout: float) -> None:
        self.calls.append("stop")

    def exposition(self, form: Form, target: str | None = None) -> Exposition | None:
        self.scrapes += 1
        if self.raises is not None:
            raise self.raises
        return self.page if target in {None, "ibm_fez"} else None

    def readiness(self) -> str | None:
        return self.unready

    def reload(self) -> None:
        self.calls.append("reload")
        if self.raises is not None:
            raise self.raises

    def ask(self, path: str, query: Mapping[str, str]) -> Reply | None:
        return Reply(200, {"asked": dict(query)}) if path == "/api/v1/jobs" else None

    def take(self, path: str, body: bytes) -> Reply | None:
        return Reply(202, {"bytes": len(body)}) if path == "/api/v1/events" else None


@pytest.fixture
def still_exporter() -> StillExporter:
    """An exporter whose page never changes."""
    return StillExporter()


@pytest.fixture
def web_files(tmp_path: Path) -> WebFiles:
    """A folder with a certificate authority in it."""
    return WebFiles(tmp_path)


# ------------------------------------------------------------------ exporters of journals


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(clock: Clock) -> Iterator[Callable[..., JournalExporter]]:
    """Begins exporters whose time is the clock's, and ends them."""
    begun: list[JournalExporter] = []

    def start(*paths: Path, config: Path | None = None) -> JournalExporter:
        exporter = JournalExporter([str(path) for path in paths], config, clock)
        begun.append(exporter)
        exporter.tick()
        return exporter

    yield start
    for exporter in begun:
        exporter.stop(1)


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Closes the journals of a test."""
    yield
    close_all()


@pytest.fixture
def central(tmp_path: Path, clock: Clock) -> Iterator[Central]:
    (tmp_path / "central").mkdir()
    made = Central(tmp_path / "central", clock)
    yield made
    made.close()
    close_all()


@pytest.fixture
def ship(central: Central) -> Callable[..., Shipper]:
    """Ships a journal once, as the settings say; gives the shipper."""

    def ship(path: Path, **settings: Any) -> Shipper:
        receiver = receiver_of(Settings(ship_to=central.url, **settings))
        shipper = Shipper(path, receiver, 5.0, blobs=settings.get("ship_blobs", False))
        shipper.finish(20)
        return shipper

    return ship
