"""`qgm-observe devices`: readable at 100 columns, for machines, and silent on what is unknown."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import pytest

from qgm_observe.cli import main
from qgm_observe.cli.device_table import row
from qgm_observe.journal import Event, open_journal
from qgm_observe.providers import local, registry
from qgm_observe.providers.cost import Cost
from qgm_observe.providers.local import Local
from qgm_observe.providers.protocol import (
    Capability,
    DeviceInfo,
    DeviceState,
    DeviceStatus,
    Wait,
)
from qgm_observe.providers.ranking import Candidate

BELL = (
    'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[3];\ncreg c[3];\n'
    "h q[0];\ncx q[0],q[1];\ncx q[1],q[2];\nmeasure q -> c;\n"
)
FEW = ("fake_fez", "fake_manila", "fake_kingston", "aer_simulator")


class Fleet(Local):
    """Four local devices with queues that a test sets."""

    name = "fleet"
    capabilities = frozenset(Capability)

    def __init__(self, **statuses) -> None:
        super().__init__(account="mine")
        self.statuses = statuses

    def devices(self):
        return [(self.device(name), self.status(name)) for name in FEW]

    def status(self, device):
        told = {"state": DeviceState.ONLINE, "observed_at": 0.0, "provider": self.name}
        return DeviceStatus(device=device, **(told | self.statuses.get(device, {})))


@pytest.fixture
def fleet(monkeypatch):
    """Has `devices` ask this fleet instead of the 68 snapshots."""

    def use(provider=None, **statuses):
        opened = provider or Fleet(**statuses)
        monkeypatch.setattr(registry, "open_provider", lambda *_, **__: opened)
        monkeypatch.setenv("COLUMNS", "100")
        return opened

    return use


@pytest.fixture
def circuit(tmp_path):
    path = tmp_path / "bell.qasm"
    path.write_text(BELL)
    return str(path)


def asked(capsys, *words) -> list[dict]:
    assert main(["devices", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_all_snapshots_are_ranked_for_a_circuit(circuit, capsys):
    """Offline, every local device is listed: the best Heron first, the single qubit last."""
    found = asked(capsys, "--circuit", circuit, "--shots", "1000")
    by_name = {each["device"]: each for each in found}
    success = [each["expected_success"] for each in found]
    values = [each["value"] for each in success if each and each["value"] is not None]

    assert len(found) == 69
    assert values[0] == max(values) > 0.97
    assert by_name["fake_armonk"]["usable"] is False
    assert by_name["fake_armonk"]["reason"] == "1 qubits"
    assert found[-1]["usable"] is False
    assert by_name["aer_simulator"]["expected_success"] is None
    assert by_name["fake_fez"]["wait_seconds"] == {"p50": None, "p95": None, "source": "unknown"}
    assert by_name["fake_fez"]["cost"] == {"amount": "0", "currency": "USD"}


def test_the_table_fits_100_columns(fleet, circuit, capsys):
    """No line is longer than 100 columns, unknown is said, and the notes tell what it rests on."""
    wait = Wait(p50=320.0, p95=11_000.0)
    fleet(
        fake_fez={"wait": wait, "queue_jobs": 4003, "queue_is_lower_bound": True},
        fake_kingston={"state": DeviceState.OFFLINE},
    )
    assert main(["devices", "--circuit", circuit, "--by", "wait"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert max(map(len, lines)) <= 100
    assert lines[1].split()[:6] == ["1", "fake_fez", "online", "156", ">4,003", "5.3m"]
    assert "5.3m / 3.1h" in lines[1]
    assert [line.split()[1] for line in lines[1:5]] == [
        "fake_fez",
        "fake_manila",
        "aer_simulator",
        "fake_kingston",
    ]
    assert "unknown" in lines[2]
    assert lines[4].split()[2] == "offline"
    assert "wait: median / 95 %, from the provider" in lines


def test_a_layout_on_faulty_qubits_shows(fleet, capsys):
    """Kingston's qubit 146 has no T1 and its snapshot says so; a sound layout goes before it."""
    fleet()
    found = {each["device"]: each for each in asked(capsys, "--layout", "145,146")}

    assert found["fake_kingston"]["faults"]["missing_qubits"] == [146]
    assert found["fake_fez"]["faults"]["missing_qubits"] == []
    assert found["fake_manila"]["reason"] == "no qubit 146"


def test_stale_calibration_shows_on_a_device_and_not_on_a_snapshot(fleet, capsys):
    """A calibration older than 48 hours is stale, unless a simulator's snapshot, which is dated."""
    opened = fleet()
    (fez,) = [e for e in asked(capsys, "--layout", "0,1") if e["device"] == "fake_fez"]
    assert fez["faults"]["stale_qubits"] == []

    plain = opened.device
    opened.device = lambda name: replace(plain(name), is_simulator=False)
    (fez,) = [e for e in asked(capsys, "--layout", "0,1") if e["device"] == "fake_fez"]
    assert fez["faults"]["stale_qubits"] == [0, 1]
    days = str((time.time() - fez["calibrated_at"]) / 3600 + 24 * 400)
    found = asked(capsys, "--layout", "0,1", "--stale-after", days)
    assert [e["faults"]["stale_qubits"] for e in found if e["device"] == "fake_fez"] == [[]]


def waited(number: int, at: float, seconds: float) -> Event:
    labels = {"provider": "fleet", "device": "fake_manila", "execution_mode": "job"}
    body = {
        **labels,
        "start": at,
        "duration": seconds + 1,
        "outcome": "success",
        "stages": [["queue", 0.0, seconds, "provider"]],
    }
    name = f"job-{number}"
    return Event(verb="finished", noun="job", subject=name, at=at, body=body, id=f"{name}/finished")


def test_own_waits_of_a_journal_are_used(fleet, tmp_path, capsys):
    """Five own jobs around this hour of the week give the wait, whatever the provider tells."""
    fleet(fake_manila={"wait": Wait(p50=1.0)}, fake_fez={"wait": Wait(p50=100.0)})
    path, now = tmp_path / "journal.db", time.time()
    with open_journal(path) as journal:
        journal.append([waited(n, now - n * 7 * 86400.0 - 60, 50.0 * n) for n in range(1, 6)])
    found = asked(capsys, "--journal", str(path), "--by", "wait")
    manila = next(each for each in found if each["device"] == "fake_manila")

    assert manila["wait_seconds"]["p50"] == 150.0
    assert manila["wait_seconds"]["p95"] == 250.0
    assert manila["wait_seconds"]["source"].startswith("5 own jobs around")
    assert [each["device"] for each in found][:2] == ["fake_fez", "fake_manila"]


def test_prices_and_plans_give_costs(fleet, tmp_path, capsys):
    """A user's price file prices the job; without its seconds a price by the second is unknown."""
    fleet()
    prices = tmp_path / "prices.yml"
    prices.write_text(
        'prices:\n  - {provider: fleet, devices: [fake_fez], currency: EUR, per_second: "2",\n'
        "     source: contract, as_of: 2026-11-01, certainty: primary}\n"
    )

    def costs(*words):
        found = asked(capsys, "--prices", str(prices), *words)
        return {each["device"]: each["cost"] for each in found}

    assert costs("--seconds", "3") == {
        "fake_fez": {"amount": "6.0", "currency": "EUR"},
        "fake_manila": None,
        "fake_kingston": None,
        "aer_simulator": None,
    }
    assert costs()["fake_fez"] is None


def test_without_yaml_there_is_no_cost():
    """Where nothing reads the price file the devices are listed and the extra is named once."""
    program = (
        "import sys; sys.modules['yaml'] = None; from qgm_observe.cli import main; "
        "sys.exit(main(['devices', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert {each["cost"] for each in json.loads(done.stdout)} == {None}
    assert "no cost: " in done.stderr
    assert "pip install 'qgm-observe[guard]'" in done.stderr


def test_aer_alone_names_what_brings_ibms_devices(capsys, monkeypatch):
    """Where no snapshot is installed the list is Aer, and a line says how to have the others."""
    monkeypatch.setattr(local, "find_spec", lambda name: None if "ibm" in name else find_spec(name))
    monkeypatch.setattr(local, "device_names", lambda: ("aer_simulator",))

    assert main(["devices"]) == 0
    told = capsys.readouterr()
    assert "aer_simulator" in told.out
    assert "a snapshot of an IBM device, needs more packages: pip install" in told.err


def test_a_provider_that_fails_is_named(fleet, capsys):
    """A provider that does not answer costs its devices alone: a line on standard error, exit 1."""

    class Broken(Fleet):
        def devices(self):
            raise ConnectionError("refused\nand more")

    fleet(Broken())

    assert main(["devices"]) == 1
    told = capsys.readouterr()
    assert told.err.splitlines()[-1] == "qgm-observe: fleet: network: refused"


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--circuit", "absent.qasm"], "absent.qasm cannot be read"),
        (["--qubits", "0"], "--qubits 0: write a count of 1 or more"),
        (["--qubits", "3", "--layout", "0,1"], "--layout names 2 qubits: write 3"),
        (["--config", "a.yml", "--provider", "local"], "write --config or --provider"),
        (["--journal", "absent.db"], "absent.db"),
        (["--prices", "absent.yml"], "absent.yml cannot be read"),
    ],
)
def test_bad_input_is_one_line(words, advice, capsys, tmp_path, monkeypatch):
    """Exit code 2 and one line that says what to write instead."""
    monkeypatch.chdir(tmp_path)
    assert main(["devices", *words]) == 2
    told = capsys.readouterr()

    assert told.err.count("\n") == 1
    assert advice in told.err


@pytest.mark.parametrize("text", ["0,0", "-1", "a", ""])
def test_a_layout_is_different_qubits(text, capsys):
    """Twice the same qubit, a negative one and no number are refused by the parser."""
    with pytest.raises(SystemExit) as ended:
        main(["devices", f"--layout={text}"])

    assert ended.value.code == 2
    assert "write different qubits such as 0,1,4" in capsys.readouterr().err


def test_every_unknown_column_says_so():
    """Of a device of which nothing is known every column but its name and state says unknown."""
    status = DeviceStatus(provider="p", device="d", state=DeviceState.UNKNOWN, observed_at=0.0)
    told = row(Candidate(info=DeviceInfo(provider="p", name="d"), status=status), 0.0)

    assert told[0] == "d"
    assert set(told[1:]) == {"unknown"}


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "0.00 USD"), ("0.0009", "0.0009 USD"), ("1234.5", "1,234.50 USD")],
)
def test_a_small_cost_is_not_nothing(amount, shown):
    """An amount below a cent keeps a digit, so that it does not look free."""
    status = DeviceStatus(provider="p", device="d", state=DeviceState.ONLINE, observed_at=0.0)
    info = DeviceInfo(provider="p", name="d")
    each = Candidate(info=info, status=status, cost=Cost(Decimal(amount), "USD"))

    assert row(each, 0.0)[-1] == shown


def test_devices_of_two_providers_say_whose_they_are(capsys, monkeypatch):
    """With more than one provider each device's name begins with its provider's."""
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["devices", "--provider", "braket", "--provider", "local", "--top", "100"]) == 0
    told = capsys.readouterr().out

    assert " braket/braket_sv " in told
    assert " local/fake_fez " in told


def test_listing_loads_no_qiskit() -> None:
    """Without a circuit the command imports no quantum package."""
    program = (
        "import sys; from qgm_observe.cli import main; main(['devices', '--json']); "
        "sys.exit(bool({'qiskit', 'qiskit_aer', 'braket'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, cwd=Path("/")
    )

    assert done.returncode == 0, done.stderr
