"""This machine's simulators, and what the snapshots of 68 devices hold."""

import json
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.providers import calibration as calibrations
from qgm_observe.providers import local, open_provider
from qgm_observe.providers.calibration import Conditions
from qgm_observe.providers.local import Local, device_names, open_local
from qgm_observe.providers.protocol import (
    AER,
    Calibration,
    Capability,
    DeviceState,
    Provider,
    Quality,
)

from .conftest import OPENED

FOLDER = Path(find_spec("qiskit_ibm_runtime").origin).parent / "fake_provider" / "backends"
MICRO = {"us", "µs"}


@pytest.fixture(scope="module")
def raw() -> dict[str, dict]:
    """The properties of each snapshot, as the files have them."""
    folders = [each for each in FOLDER.iterdir() if (each / f"props_{each.name}.json").exists()]
    return {
        f"fake_{each.name}": json.loads((each / f"props_{each.name}.json").read_text())
        for each in folders
    }


def test_every_fake_backend_is_read(snapshots: dict[str, Calibration]) -> None:
    """All 68 fake backends give a calibration, of the sizes that their devices have."""
    sizes = Counter(len(each.qubits) for each in snapshots.values())

    assert len(snapshots) == 68
    assert sizes == {
        1: 1, 5: 16, 7: 6, 15: 1, 16: 1, 20: 5, 27: 12, 28: 1, 33: 1, 53: 1, 65: 2, 120: 3,
        127: 11, 133: 1, 156: 6,
    }  # fmt: skip


def test_the_names_are_those_of_the_library(snapshots: dict[str, Calibration]) -> None:
    """Each device bears the name that its backend object in the library bears."""
    texts = [path.read_text() for path in FOLDER.glob("*/fake_*.py")]
    named = {
        line.split('"')[1]
        for text in texts
        for line in text.splitlines()
        if "backend_name =" in line
    }

    assert set(snapshots) == named


def test_disabled_gates_are_found(snapshots, raw) -> None:
    """Every gate error of 1 in the files is a disabled gate, of each kind as many as counted."""
    in_files: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for told in raw.values():
        errors = {
            (gate["gate"], tuple(gate["qubits"])): each["value"]
            for gate in told["gates"]
            for each in gate["parameters"]
            if each["name"] == "gate_error"
        }
        off = {key for key, error in errors.items() if error >= 1}
        in_files.update("one qubit" if len(qs) == 1 else name for name, qs in off)
        pairs.update(
            name
            for name, low in {(name, tuple(sorted(qs))) for name, qs in off if len(qs) == 2}
            if all((name, qs) in off or (name, qs) not in errors for qs in (low, low[::-1]))
        )
    found = Counter()
    for each in snapshots.values():
        found.update({name: c.disabled for name, c in calibrations.edge_conditions(each).items()})
        found["one qubit"] += sum(
            told.error.quality is Quality.DISABLED
            for (_, places), told in each.gates.items()
            if len(places) == 1
        )

    assert in_files == {"cz": 118, "rzz": 588, "ecr": 214, "cx": 75, "one qubit": 54}
    assert {name: found[name] for name in pairs} == pairs
    assert (found["cz"], found["rzz"], found["ecr"]) == (59, 294, 214)
    assert found["one qubit"] == 54


def test_t2_beyond_its_bound_is_found(snapshots, raw) -> None:
    """58 qubits in 26 devices have T2 > 2 T1, of which 49 in 22 exceed the tolerance."""
    above: Counter[str] = Counter()
    for name, told in raw.items():
        for qubit in told["qubits"]:
            value = {each["name"]: each["value"] for each in qubit}
            above[name] += "T1" in value and value["T2"] > 2 * value["T1"]
    suspect = {
        name: sum(
            told["t2"].quality is Quality.SUSPECT for told in each.qubits.values() if "t2" in told
        )
        for name, each in snapshots.items()
    }

    assert (above.total(), len(+above)) == (58, 26)
    assert (sum(suspect.values()), len(+Counter(suspect))) == (49, 22)


def test_readout_like_a_coin_is_found(snapshots) -> None:
    """32 qubits in 6 devices read out no better than a coin; Cusco alone has 27 of them."""
    suspect = Counter(
        name
        for name, each in snapshots.items()
        for told in each.qubits.values()
        if told["readout_error"].quality is Quality.SUSPECT
    )

    assert (suspect.total(), len(suspect)) == (32, 6)
    assert suspect["fake_cusco"] == 27


def test_units_are_base_units(snapshots, raw) -> None:
    """Both spellings of microseconds occur, and every T1 of every device is read in seconds."""
    units: Counter[str] = Counter()
    for name, told in raw.items():
        for index, qubit in enumerate(told["qubits"]):
            for each in qubit:
                if each["name"] == "T1":
                    units[each["unit"]] += 1
                    read = snapshots[name].qubits[index]["t1"].value
                    assert read == pytest.approx(each["value"] / 1e6)

    assert set(units) == MICRO
    assert units.total() == 3647
    fez = snapshots["fake_fez"].qubits[0]
    assert fez["readout_duration"].value == pytest.approx(1.56e-6)
    assert 4e9 < snapshots["fake_manila"].qubits[0]["frequency"].value < 6e9


def test_kingston_lacks_one_t1(snapshots) -> None:
    """Qubit 146 of Kingston has no T1 and no T2 and is the one qubit that counts as missing."""
    missing = Counter(
        {name: calibrations.qubit_conditions(c).missing for name, c in snapshots.items()}
    )
    kingston = snapshots["fake_kingston"]

    assert +missing == {"fake_kingston": 1}
    assert {"t1", "t2"}.isdisjoint(kingston.qubits[146])
    assert calibrations.qubit_conditions(kingston).disabled == 5
    assert calibrations.aggregates(kingston)["t1"].size == 155


@pytest.mark.parametrize(
    ("device", "gate", "pairs", "disabled"),
    [
        ("fake_manila", "cx", 4, 0),
        ("fake_hanoi", "cx", 28, 0),  # two are switched off in one direction alone
        ("fake_brisbane", "ecr", 144, 1),
        ("fake_sherbrooke", "ecr", 144, 9),
        ("fake_kyoto", "ecr", 144, 144),
        ("fake_cusco", "ecr", 144, 19),
        ("fake_torino", "cz", 150, 11),
        ("fake_torino", "rzz", 150, 150),
        ("fake_fez", "cz", 176, 7),
        ("fake_fez", "rzz", 176, 49),
        ("fake_marrakesh", "cz", 176, 13),
        ("fake_marrakesh", "rzz", 176, 68),
        ("fake_kingston", "cz", 176, 7),
        ("fake_boston", "cz", 176, 1),
        ("fake_pittsburgh", "cz", 176, 5),
        ("fake_aachen", "cz", 176, 2),
        ("fake_miami", "cz", 218, 7),
        ("fake_berlin", "cz", 218, 6),
        ("fake_cairo", "cx", 12, 0),
        ("fake_cairo", "ecr", 14, 1),
        ("fake_manhattan", "cx", 72, 22),
    ],
)
def test_each_pair_counts_once(snapshots, device, gate, pairs, disabled) -> None:
    """A gate that the file has both ways is one pair, so that files' counts are halved."""
    assert calibrations.edge_conditions(snapshots[device])[gate] == Conditions(
        pairs, disabled, 0, 0
    )


def test_freshness_differs_by_parameter(snapshots) -> None:
    """Fez's oldest T1 is two months older than its newest, its oldest readout error three days."""
    told = calibrations.measured_at(snapshots["fake_fez"])
    days = {
        name: (snapshots["fake_fez"].taken_at - each.worst) / 86_400 for name, each in told.items()
    }

    assert days["t1"] == pytest.approx(60.5, abs=0.1)
    assert days["readout_error"] == pytest.approx(2.3, abs=0.1)
    assert (told["t1"].median - told["t1"].worst) / 86_400 == pytest.approx(60.2, abs=0.1)


def test_a_device_where_all_is_disabled_has_no_median(snapshots) -> None:
    """Kyoto, all of whose ecr are off, gets no ecr error at all rather than 1."""
    assert "ecr_error" not in calibrations.aggregates(snapshots["fake_kyoto"])
    assert calibrations.aggregates(snapshots["fake_sherbrooke"])["ecr_error"].worst < 1


def test_equal_snapshots_hash_equally(snapshots) -> None:
    """Reading again at another instant gives the same content, and no two devices share one."""
    again = Local(now=lambda: OPENED + 60).calibration("fake_fez")

    assert again.observed_at == OPENED + 60
    assert calibrations.content_hash(again) == calibrations.content_hash(snapshots["fake_fez"])
    assert len({calibrations.content_hash(each) for each in snapshots.values()}) == 68


def test_local_devices_are_online_and_have_no_queue() -> None:
    """68 fake backends and Aer are online simulators; a queue and waits are unknown, not 0."""
    listed = Local(now=lambda: OPENED).devices()

    assert len(listed) == 69
    assert {status.state for _, status in listed} == {DeviceState.ONLINE}
    assert {status.queue_jobs for _, status in listed} == {None}
    assert {status.wait.p50 for _, status in listed} == {None}
    assert all(info.is_simulator and info.region == "local" for info, _ in listed)


def test_a_configuration_says_what_the_device_is() -> None:
    """Edges stand once, processor, gates and the most shots come from the snapshot."""
    info = Local().device("fake_fez")

    assert (info.num_qubits, len(info.edges), info.max_shots) == (156, 176, 100_000)
    assert info.edges[:2] == ((0, 1), (1, 2))
    assert (info.processor, info.version, info.clops) == ("Heron r2", "1.2.8", 195_000)
    assert info.native_gates == ("cz", "id", "rz", "sx", "x")
    assert len(Local().device("fake_cairo").edges) == 28
    assert Local().device("fake_armonk").edges == ()


def test_an_ideal_simulator_has_no_calibration() -> None:
    """Aer has neither calibration nor a made-up size, and no snapshot has a history."""
    assert Local().calibration(AER) is None
    assert Local().device(AER).num_qubits is None
    assert Local().calibration("fake_fez", at=OPENED) is None


def test_absence_is_stated() -> None:
    """The local provider tells status and calibration; what it does not tell is nothing, not 0."""
    provider = open_provider("local", account="laptop")

    assert isinstance(provider, Provider)
    assert provider.account == "laptop"
    assert set(provider.capabilities) == {Capability.STATUS, Capability.CALIBRATION}
    assert provider.usage() is None
    assert provider.price("fake_fez") is None
    assert provider.session("s") is None
    assert provider.jobs() == ()
    with pytest.raises(UsageError, match="no job 'j' is kept"):
        provider.job("j")


@pytest.mark.parametrize("name", ["fake_nowhere", "../fez", "fake_../fez", ""])
def test_an_unknown_device_gets_one_line(name: str) -> None:
    """A name that is no installed device is refused with what to write instead."""
    for ask in (Local().device, Local().status, Local().calibration):
        with pytest.raises(UsageError, match="write aer_simulator or fake_<name>"):
            ask(name)


def test_nothing_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Aer and without IBM's client the pip command is told."""
    monkeypatch.setattr(local, "find_spec", lambda _name: None)
    device_names.cache_clear()
    with pytest.raises(MissingExtra, match=r"pip install 'qgm-observe\[aer\]'"):
        open_local({})
    device_names.cache_clear()


def test_a_snapshot_names_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Aer alone the name of a snapshot is told from a misspelled one."""
    monkeypatch.setattr(local, "find_spec", lambda name: None if "ibm" in name else find_spec(name))
    monkeypatch.setattr(local, "device_names", lambda: (AER,))

    with pytest.raises(MissingExtra, match=r"fake_fez, a snapshot .* install .*\[ibm\]"):
        Local().device("fake_fez")
    with pytest.raises(UsageError, match="no device 'aer'"):
        Local().device("aer")


def test_reading_a_snapshot_imports_no_quantum_package() -> None:
    """The local provider reads a calibration without importing qiskit or anything of it."""
    script = (
        "import sys\n"
        "import qgm_observe.providers\n"
        "assert 'qgm_observe.providers.registry' not in sys.modules\n"
        "provider = qgm_observe.providers.open_provider('local')\n"
        "assert len(provider.calibration('fake_fez').qubits) == 156\n"
        "print([m for m in sys.modules if m.startswith(('qiskit', 'numpy', 'yaml', 'braket'))])"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert told.stdout == "[]\n"
