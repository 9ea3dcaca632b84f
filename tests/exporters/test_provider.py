"""The provider exporter as its server sees it: threads, reloads, hangs and bytes."""

import logging
import re
import subprocess
import threading
import time
from collections import Counter

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.exporters.exporter import Exporter
from qgm_observe.exporters.provider import ProviderExporter, open_exporter
from qgm_observe.telemetry.openmetrics import OPENMETRICS
from qgm_observe.telemetry.prometheus import CLASSIC

from ..waiting import until

TEXT = "providers:\n- provider: ibm\n  account: team\n  deadline_seconds: 0.2\n"
LOCAL = """\
providers:
- provider: local
  account: here
  devices:
  - {name: fake_fez, detail: curated}
  - {name: fake_kyoto, detail: used, qubits: [0, 1, 14]}
  - fake_kingston
targets: [fake_fez, here]
"""


def text(exporter, target=None):
    return exporter.exposition(CLASSIC, target).text.decode()


@pytest.fixture
def started(config_file):
    """Starts exporters and stops them at the end."""
    running = []

    def start(content, open_=None):
        path = config_file(content)
        exporter = ProviderExporter(path, open_, seed=1) if open_ else open_exporter(path)
        exporter.start()
        running.append(exporter)
        return exporter

    yield start
    for each in running:
        each.stop(2.0)


@pytest.fixture
def stuck(provider):
    """Makes the provider hang until it is let go."""
    free, entered = threading.Event(), threading.Event()

    def devices():
        entered.set()
        free.wait(30.0)
        return []

    provider.devices = devices
    yield entered
    free.set()


def test_it_is_what_a_server_is_written_for(config_file, provider):
    """It has every method of the Protocol, and answers no reads and takes no posts."""
    exporter: Exporter = ProviderExporter(config_file(TEXT), lambda _: provider)

    assert exporter.ask("/api/v1/runs", {}) is None
    assert exporter.take("/api/v1/events", b"") is None
    assert exporter.exposition(CLASSIC, "nobody") is None
    assert exporter.exposition(OPENMETRICS).text.endswith(b"# EOF\n")


def test_it_is_ready_after_the_first_poll_even_of_a_provider_that_is_down(started, provider):
    """Before the first poll it says whom it waits for; a failed poll makes it ready too."""
    provider.raises["*"] = ConnectionError()
    exporter = started(TEXT, lambda _: provider)
    until(lambda: exporter.readiness() is None)

    down = 'qgm_provider_up{provider="ibm",account="team",source="provider"} 0'
    until(lambda: down in text(exporter))


def test_it_says_why_it_is_not_ready(config_file, started, provider, stuck):
    """Not started, or whose devices were not asked for yet."""
    assert ProviderExporter(config_file(TEXT), lambda _: provider).readiness() == "not started"
    exporter = started(TEXT.replace("0.2", "60"), lambda _: provider)
    assert stuck.wait(20.0)

    assert exporter.readiness() == "not polled yet: team"


def test_a_hanging_provider_blocks_no_scrape_and_no_stop(started, provider, stuck):
    """While a call hangs p95 of 200 expositions is under 100 ms, up is 0, stop ends in time."""
    exporter = started(TEXT, lambda _: provider)
    assert stuck.wait(20.0)
    until(lambda: 'account="team",source="provider"} 0' in text(exporter))
    took = []
    for _ in range(200):
        began = time.perf_counter()
        assert b"qgm_provider_up{" in exporter.exposition(CLASSIC).text
        took.append(time.perf_counter() - began)
    began = time.perf_counter()
    exporter.stop(0.5)

    assert sorted(took)[189] < 0.1
    assert time.perf_counter() - began < 2.0


def test_a_reload_takes_a_new_account_and_keeps_what_stays(
    config_file, started, provider, other_provider
):
    """After a reload the new account is polled, and the old one's counters and samples stay."""
    given = {"team": provider, "lab": other_provider}
    exporter = started(TEXT, lambda config: given[config.account])
    until(lambda: "qgm_device_queue_jobs{" in text(exporter))
    config_file(f"{TEXT}- provider: ibm\n  account: lab\ntargets: [lab]\n")
    made = provider.calls.count("fleet")
    exporter.reload()
    until(lambda: 'account="lab",collector="fleet"' in text(exporter))

    assert exporter.exposition(CLASSIC, "lab") is not None
    assert provider.calls.count("fleet") == made
    assert exporter.readiness() is None


def test_a_reload_lets_an_account_go(config_file, started, provider, other_provider):
    """An account that is configured no longer is closed, and its health is gone."""
    given = {"team": provider, "lab": other_provider}
    exporter = started(f"{TEXT}- provider: ibm\n  account: lab\n", lambda c: given[c.account])
    until(lambda: 'qgm_provider_up{provider="ibm",account="lab"' in text(exporter))
    config_file(TEXT)
    closed = other_provider.closed
    exporter.reload()
    until(lambda: 'qgm_provider_up{provider="ibm",account="lab"' not in text(exporter))
    until(lambda: other_provider.closed == closed + 1)

    assert "qgm_provider_up{" in text(exporter)


def test_a_configuration_that_cannot_be_used_changes_nothing_and_is_counted(
    config_file, started, provider
):
    """A bad file raises with its line, the old accounts go on, the counter has its outcome."""
    exporter = started(TEXT, lambda _: provider)
    until(lambda: exporter.readiness() is None)
    config_file(f"{TEXT}  acount: lab\n")
    with pytest.raises(UsageError, match=r"exporter.yml:5: "):
        exporter.reload()

    assert exporter.config.providers[0].account == "team"
    family = exporter.page.aggregates._published.families["qgm.exporter.reloads"]
    assert {labels: series.number for labels, series in family.series.items()} == {
        ("success",): 0,
        ("failure",): 1,
    }


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("providers:\n- provider: acme\n  account: a\n", ":2: provider 'acme': write one of "),
        (
            "providers:\n- provider: local\n  account: a\n  options: {x: 1}\n",
            ":2: local has no option",
        ),
    ],
)
def test_a_provider_that_is_not_there_is_named_with_its_line(config_file, content, complaint):
    """An unknown provider or option is one line with file and line before anything starts."""
    with pytest.raises(UsageError) as caught:
        open_exporter(config_file(content))

    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_provider_that_breaks_at_its_opening_is_told_without_its_words(config_file):
    """What a plug-in raises is named by its type alone."""

    def open_(config):
        raise RuntimeError("CANARY")

    with pytest.raises(UsageError, match=r"ibm cannot be opened \(RuntimeError\)"):
        ProviderExporter(config_file(TEXT), open_)


def test_the_plan_tells_calls_and_series_before_anything_starts(config_file):
    """Per account: its devices, calls an hour and the budget, series; and the cap of all."""
    assert list(open_exporter(config_file(LOCAL)).plan()) == [
        "local/here: fake_fez (curated), fake_kyoto (used), fake_kingston (aggregates)",
        "  calls: at most 204 an hour; never more than 600",
        (
            "  series: fake_fez about 110 and 7 a qubit and 1 an edge; fake_kyoto about 110 and 21 "
            "of its qubits; fake_kingston about 110"
        ),
        "at most 50000 series of providers in all",
    ]


TOKEN = "credentials: {token_file: /nowhere/token}"


def test_a_plan_needs_no_token_and_names_what_is_missing(config_file):
    """A plan is told before the secrets are made; the exporter itself refuses to start then."""
    path = config_file(LOCAL.replace("  devices:\n", f"  {TOKEN}\n  devices:\n"))

    assert (
        "  before it starts: /nowhere/token cannot be read: No such file or directory"
        in open_exporter(path, needs_tokens=False).plan()
    )
    with pytest.raises(UsageError, match=r"2: /nowhere/token cannot be read"):
        open_exporter(path)


def test_real_snapshots_make_a_clean_page_without_duplicates(started, tools):
    """Fez curated, Kyoto used, Kingston in aggregates: promtool is content, no series is twice."""
    exporter = started(LOCAL)
    asked = 'qgm_device_t1_seconds{provider="local",device="fake_'
    until(lambda: text(exporter).count(asked) == 9, 60.0)
    page = text(exporter)
    names = Counter(line.rpartition(" ")[0] for line in page.splitlines() if line[0] != "#")
    checked = subprocess.run(
        [tools("promtool"), "check", "metrics"],
        input=page,
        capture_output=True,
        text=True,
        check=False,
    )

    assert [name for name, count in names.items() if count > 1] == []
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert (
        len(re.findall(r'^qgm_qubit_\w+\{provider="local",device="fake_fez"', page, re.MULTILINE))
        == 7 * 156
    )
    of_fez = 'provider="local",device="fake_fez",gate="cz"'
    of_kyoto = 'provider="local",device="fake_kyoto",gate="ecr"'
    assert f'qgm_device_edges{{{of_fez},condition="disabled",source="provider"}} 7' in page
    assert f'qgm_device_edges{{{of_kyoto},condition="disabled",source="provider"}} 144' in page
    assert f"qgm_device_gate_error{{{of_kyoto}" not in page
    assert 'device="fake_kingston",condition="missing",source="provider"} 1' in page
    assert "fake_kyoto" not in text(exporter, "fake_fez")


def test_a_canary_in_exceptions_appears_nowhere(started, provider, caplog, capfd):
    """Whatever a provider raises, its words are in no page, log line or output."""

    class Leaky(Exception):
        """An error whose words tell a secret."""

    provider.raises["*"] = Leaky("apikey=CANARY https://user:CANARY@host")
    with caplog.at_level(logging.DEBUG):
        exporter = started(TEXT, lambda _: provider)
        until(lambda: exporter.readiness() is None)
        exporter.stop(2.0)
    pages = [text(exporter), exporter.exposition(OPENMETRICS).text.decode(), repr(exporter.config)]

    assert "Leaky" in caplog.text
    assert "CANARY" not in "".join([*pages, caplog.text, *capfd.readouterr()])
