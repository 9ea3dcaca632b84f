"""`qgm-observe preflight`: verdict, exit code and lines, against a provider over HTTP."""

import json
import re
import time
from importlib.util import find_spec

import pytest

from qgm_observe.cli import main
from qgm_observe.journal import Event, open_journal
from qgm_observe.providers import local, registry
from qgm_observe.testing.provider import IBMProvider, VirtualClock

BELL = (
    'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[3];\ncreg c[3];\n'
    "h q[0];\ncx q[0],q[1];\ncx q[1],q[2];\nmeasure q -> c;\n"
)
DEVICE = ("--device", "ibmq_manila")
EACH = ("--each", "2-3")


@pytest.fixture
def server(monkeypatch):
    """IBM's interface on loopback, opened by the command as the provider `ibm`."""
    opened = registry.open_provider
    provider = IBMProvider(["fake_manila"], clock=VirtualClock(time.time()))
    with provider as made, made.environment():
        url = f"{made.url}/api/v1"
        monkeypatch.setattr(registry, "open_provider", lambda kind, **_: opened(kind, api_url=url))
        yield made


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """A journal that is there and empty."""
    path = tmp_path / "journal.db"
    open_journal(path).close()
    monkeypatch.setenv("QGM_OBSERVE_JOURNAL", str(path))
    return path


@pytest.fixture
def circuit(tmp_path):
    path = tmp_path / "bell.qasm"
    path.write_text(BELL)
    return str(path)


def test_a_go(server, journal, circuit, capsys):
    """With quota left and a device that works it is exit code 0; nothing is submitted."""
    assert main(["preflight", circuit, *DEVICE, *EACH, "--jobs", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == "go: 3 jobs of 1 circuit, 4,096 shots each, job mode on ibmq_manila"
    assert any(line.split()[:2] == ["go", "quota"] for line in lines)
    assert any(line.startswith("  expected success: 0.8") for line in lines)
    assert max(map(len, lines)) <= 110
    assert server.requests.count("POST", "/jobs") == 0


def test_a_no_go_with_its_change(server, journal, circuit, capsys):
    """200 jobs are beyond a quota of 100 s by any chance; what fits is offered, exit code 1."""
    server.account.limit(100.0)
    words = ["--jobs", "200", "--guard", "5/min", "--json"]
    assert main(["preflight", circuit, *DEVICE, *EACH, *words]) == 1
    told = json.loads(capsys.readouterr().out)

    assert told["answer"] == "no-go"
    assert told["change"]["steps"] == ["33 jobs"]
    assert {each["mode"]: each["usage"]["high"] for each in told["modes"]} == {
        "job": 600.0,
        "batch": 600.0,
        "session": 2355.0,
    }


def test_a_mode_that_is_written(server, journal, circuit, capsys):
    """In session mode the idle time between jobs counts: 3 jobs of 2 to 3 s, twice 20 s."""
    words = ["--mode", "session", "--jobs", "3", "--between", "20"]
    assert main(["preflight", circuit, *DEVICE, *EACH, *words]) == 0

    assert "48 s (46 to 49) of 600 s of the quota left" in capsys.readouterr().out


def test_what_cannot_be_told(server, journal, circuit, capsys):
    """A quota that may or may not be enough is exit code 2, with the reason on its line."""
    server.account.limit(25.0)

    assert main(["preflight", circuit, *DEVICE, *EACH, "--jobs", "10", "--guard", "5/min"]) == 2
    assert "cannot tell" in capsys.readouterr().out


def test_a_provider_that_does_not_answer(server, journal, circuit, capsys):
    """Where usage is refused the verdict is open, and the reason is named."""
    server.faults.add("GET", "/instances/usage", status=403)

    assert main(["preflight", circuit, *DEVICE, *EACH]) == 2
    assert "ibm does not tell" in capsys.readouterr().out


def test_a_disabled_layout(server, journal, circuit, capsys):
    """A layout over a pair that is switched off is no-go; another one is the change."""
    device = server.devices["ibmq_manila"]

    def disable(properties):
        for gate in properties["gates"]:
            if set(gate["qubits"]) == {0, 1}:
                for parameter in gate["parameters"]:
                    if parameter["name"] == "gate_error":
                        parameter["value"] = 1.0

    device.recalibrate(server.clock.now - 60, disable)

    assert main(["preflight", circuit, *DEVICE, *EACH, "--layout", "0,1,2"]) == 1
    out = capsys.readouterr().out
    assert "0-1 of the layout disabled" in out
    assert "it would go with the layout of qubits" in out


def _ran(path, pipeline: str, mode: str = "session") -> None:
    """Journals a run of 4 jobs, 2 s long and 10 s apart."""
    labels = {"project": "p", "pipeline": pipeline, "model": "m", "model_version": "1"}
    labels |= {"kind": "training"}
    device = {"provider": "ibm", "device": "ibmq_manila", "region": "us-east"}
    device |= {"execution_mode": mode, "shot_class": "1k", "shots": 2_000, "circuits": 2}
    start = time.time() - 1_000
    events = [
        Event(
            verb="finished",
            noun="job",
            subject=f"j{number}",
            run="r" * 32,
            at=start,
            id=f"j{number}/finished",
            body=labels
            | device
            | {"start": start + 12 * number, "duration": 2.0, "outcome": "success"},
        )
        for number in range(4)
    ]
    whole = labels | {"start": start, "duration": 50.0, "outcome": "success"}
    events.append(
        Event(
            verb="finished",
            noun="run",
            subject="r" * 32,
            run="r" * 32,
            at=start,
            id="r/finished",
            body=whole,
        )
    )
    with open_journal(path) as journal:
        journal.append(events)


def test_a_script_is_what_its_last_run_was(server, journal, tmp_path, capsys):
    """Jobs, circuits, shots, pauses, mode and device are those of the script's newest run."""
    script = tmp_path / "train.py"
    script.write_text("")
    _ran(journal, "train")

    assert main(["preflight", str(script), *EACH]) == 0
    out = capsys.readouterr().out
    assert out.startswith("go: 4 jobs of 2 circuits, 1,000 shots each, session mode on ibmq_manila")
    assert "40 s (38 to 42)" in out


def test_a_fake_device_is_local(journal, circuit, capsys):
    """A snapshot needs no `--provider local` and no key."""
    assert main(["preflight", circuit, "--device", "fake_manila"]) == 0
    assert "job mode on fake_manila" in capsys.readouterr().out


def test_a_fake_device_without_ibms_package_names_the_extra(journal, circuit, capsys, monkeypatch):
    """Where only Aer is installed, the one line says which package has the snapshots."""
    monkeypatch.setattr(local, "find_spec", lambda name: None if "ibm" in name else find_spec(name))
    monkeypatch.setattr(local, "device_names", lambda: ("aer_simulator",))

    assert main(["preflight", circuit, "--device", "fake_manila"]) == 2
    assert "pip install 'qgm-observe[ibm]'" in capsys.readouterr().err


def test_a_fake_device_is_local_after_a_run_at_ibm(journal, tmp_path, capsys):
    """The provider of the script's last run is not that of a snapshot that is named instead."""
    script = tmp_path / "train.py"
    script.write_text("")
    _ran(journal, "train")

    assert main(["preflight", str(script), "--device", "fake_manila"]) == 0
    assert "session mode on fake_manila" in capsys.readouterr().out


def test_a_script_that_ran_on_a_simulator_needs_a_device(journal, tmp_path, capsys):
    """What it would do is known, where it would do it is asked for."""
    script = tmp_path / "train.py"
    script.write_text("")
    _ran(journal, "train", "local")

    assert main(["preflight", str(script)]) == 2
    assert "train.py: its last run was on a simulator: write --device" in capsys.readouterr().err


def test_a_file_without_the_account_names_those_it_has(journal, circuit, tmp_path, capsys):
    """A device of IBM cannot be asked for through a file whose only account is local."""
    path = tmp_path / "fleet.yml"
    path.write_text("providers: [{provider: local, account: here}]")

    assert main(["preflight", circuit, *DEVICE, "--config", str(path)]) == 2
    assert "no account of ibm; write --provider local, or add one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no device: write --device NAME"),
        (["--device", "ibm_fezz"], "'ibm_fezz': ibm has none"),
        (["nowhere.py", *DEVICE], "nowhere.py: no such file"),
        (["ibm_fez"], "ibm_fez: no such file; write a script's path, or a circuit's; a device is"),
        (["nowhere.qasm", *DEVICE], "nowhere.qasm: no such file"),
        ([*DEVICE, "--guard", "much"], "guard 'much' cannot be read"),
        ([*DEVICE, "--maintenance", "x", "y"], "write a time such as"),
        ([*DEVICE, "--between", "9-8"], "write least, then most"),
        ([*DEVICE, "--plan", "gold"], "plan 'gold'"),
    ],
)
def test_bad_input_is_one_line(server, journal, capsys, words, message):
    """Exit code 2 and one line on standard error that says what to write."""
    assert main(["preflight", *words]) == 2
    told = capsys.readouterr()

    assert message in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_nearly_all_shots_are_not_told_as_all(server, journal, circuit, capsys):
    """Of 20,000 jobs some fit the quota: what is given up is less than 100 %."""
    assert main(["preflight", circuit, *DEVICE, "--jobs", "20000", "--shots", "1000"]) == 1
    change = capsys.readouterr().out.splitlines()[1]
    share = float(re.search(r"([\d.]+)% of the shots less$", change)[1])

    assert 99 < share < 100


def test_a_script_that_never_ran(server, journal, tmp_path, capsys):
    """What it submits is not known, and the line says what to write instead."""
    script = tmp_path / "new.py"
    script.write_text("")

    assert main(["preflight", str(script), *DEVICE]) == 2
    assert "no run of it is in the journal" in capsys.readouterr().err
