"""Providers are found by entry point, ours and those of others."""

import sys
from pathlib import Path

import pytest

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.providers import Provider, open_provider, providers

ACME = '''
"""A provider of somebody else's: one device, and nothing that it cannot tell."""

from qgm_observe.providers.failures import class_of
from qgm_observe.providers.protocol import Capability, DeviceInfo, DeviceState, DeviceStatus
from qgm_observe.providers.registry import known_options


class Acme:
    name = "acme"
    capabilities = frozenset({Capability.STATUS})

    def __init__(self, account, deadline, qubits):
        self.account = account
        self.deadline = deadline
        self.qubits = qubits

    def devices(self):
        return [(self.device("one"), self.status("one"))]

    def device(self, name):
        return DeviceInfo(provider="acme", name=name, num_qubits=self.qubits)

    def status(self, device):
        return DeviceStatus(
            provider="acme", device=device, state=DeviceState.ONLINE, observed_at=1.0
        )

    def calibration(self, device, at=None):
        return None

    def job(self, id_):
        raise KeyError(id_)

    def jobs(self, *, pending=None, tag=None, limit=200):
        return ()

    def session(self, id_):
        return None

    def usage(self):
        return None

    def price(self, device):
        return None

    def classify(self, error):
        return class_of(error)

    def close(self):
        pass


def open_acme(options):
    told = known_options("acme", options, "qubits")
    return Acme(told["account"], told["deadline_seconds"], told.get("qubits"))


def open_half(options):
    return object()
'''

POINTS = """[qgm_observe.providers]
acme = {module}:open_acme
half = {module}:open_half
absent = {module}_absent:open_it
renamed = {module}:open_renamed
local = {module}:open_half
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs a package of somebody else's in a folder of the path."""
    (tmp_path / "acme_quantum.py").write_text(ACME)
    folder = tmp_path / "acme_quantum-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-quantum\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(POINTS.format(module="acme_quantum"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "acme_quantum", raising=False)


def test_ours_are_there() -> None:
    """IBM, Amazon Braket and this machine are known by name."""
    assert set(providers()) >= {"braket", "ibm", "local"}


@pytest.mark.usefixtures("acme")
def test_a_package_of_others_is_found() -> None:
    """A third-party package is opened by its name, with alias, deadline and its own options."""
    provider = open_provider("acme", account="lab", deadline=3.0, qubits=5)

    assert "acme" in providers()
    assert isinstance(provider, Provider)
    assert (provider.account, provider.deadline) == ("lab", 3.0)
    assert provider.devices()[0][0].num_qubits == 5


@pytest.mark.usefixtures("acme")
def test_nobody_takes_a_name_of_ours() -> None:
    """A package that calls itself local does not replace ours."""
    assert open_provider("local").name == "local"


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("nowhere", {}, r"provider 'nowhere': write one of .*acme.*braket.*ibm.*local"),
        ("acme", {"qubit": 5}, "acme has no option 'qubit': write one of qubits"),
        ("local", {"token": "x"}, "local has no option 'token': it takes none"),
        ("ibm", {"tokn_file": "x"}, "ibm has no option 'tokn_file': write one of api_url, .*plan"),
        ("half", {}, "provider 'half': its package returned no Provider"),
        ("absent", {}, "provider 'absent' cannot be loaded: No module named 'acme_quantum_absent'"),
        ("renamed", {}, "provider 'renamed' cannot be loaded: .*open_renamed"),
        ("acme", {"deadline": 0}, "deadline 0: write seconds above 0"),
        ("acme", {"account": "crn:v1:bluemix"}, "account: write an alias of your own"),
    ],
)
def test_what_cannot_be_opened_gets_one_line(kind: str, options: dict, said: str) -> None:
    """An unknown name, option, module or callable gets one line that says what to write."""
    with pytest.raises(UsageError, match=said) as caught:
        open_provider(kind, **options)

    assert "\n" not in str(caught.value)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without IBM's client the pip command is told."""
    for name in [name for name in sys.modules if name.startswith("qiskit_ibm_runtime")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime", None)

    with pytest.raises(MissingExtra, match=r"pip install 'qgm-observe\[ibm\]'"):
        open_provider("ibm")
