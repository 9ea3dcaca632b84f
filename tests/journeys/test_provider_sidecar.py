"""The provider's sidecar as it is deployed: a process, a provider over HTTP, a real Prometheus."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.testing.provider import IBMProvider

from ..waiting import answer_of, until

CONFIG = """\
providers:
- provider: ibm
  account: team
  options: {{api_url: "{url}/api/v1"}}
  deadline_seconds: 1
  devices: {{name: "*", detail: curated}}
interval_seconds: {{jobs: 10, fleet: 10}}
"""
SCRAPES = """\
global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}
scrape_configs:
- job_name: provider
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
MAIN = "import sys; from qgm_observe.cli import main; sys.exit(main())"
COMMAND = (sys.executable, "-c", MAIN, "export", "provider", "--listen", "127.0.0.1:0")
WAIT = 40.0
SLOWEST = 0.1
"""Seconds within which 95 % of the scrapes are answered while the provider hangs."""


@pytest.fixture
def provider() -> Iterator[IBMProvider]:
    """Two devices of 156 qubits over HTTP."""
    with IBMProvider(("fake_fez", "fake_marrakesh")) as provider:
        yield provider


@pytest.fixture
def sidecar(provider: IBMProvider, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command in a process of its own, and its port."""
    config = tmp_path / "provider.yml"
    config.write_text(CONFIG.format(url=provider.url))
    process = subprocess.Popen(
        [*COMMAND, "--config", str(config)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **provider.env, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if found := re.search(r"serving at http://127\.0\.0\.1:(\d+)/", line):
            break
    assert found, "".join(told)
    yield process, int(found[1])
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait(10)
    process.stderr.close()


@pytest.fixture
def query(
    sidecar: tuple[Any, int], tools: Callable[[str], Path], tmp_path: Path
) -> Iterator[Callable[[str], list[Any]]]:
    """A Prometheus that scrapes the sidecar twice a second."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(SCRAPES.format(port=sidecar[1]))
    words = [
        f"--config.file={configuration}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = subprocess.Popen([tools("prometheus"), *words], stderr=subprocess.DEVNULL)

    def ask(expression: str) -> list[Any]:
        words = urllib.parse.urlencode({"query": expression})
        answer = answer_of(f"http://127.0.0.1:{port}/api/v1/query?{words}")
        found = [] if answer is None else json.loads(answer)["data"]["result"]
        return [each["value"][1] for each in found]

    yield ask
    process.terminate()
    process.wait(10)


def page(port: int) -> str:
    """One scrape."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
        return str(response.read().decode())


@pytest.mark.slow
def test_prometheus_sees_the_fleet_and_then_that_its_provider_hangs(
    provider: IBMProvider, sidecar: tuple[Any, int], query: Callable[[str], list[Any]]
) -> None:
    """Every series is taken; while the provider hangs, 95 % of the scrapes take under 100 ms."""
    process, port = sidecar
    until(lambda: query("count(qgm_qubit_t1_seconds)") == ["312"])
    series = [line for line in page(port).splitlines() if line and not line.startswith("#")]
    until(lambda: query('count({__name__=~"qgm_.+"})') == [str(len(series))])
    assert query("qgm_provider_up") == ["1"]

    provider.faults.add("GET", "/**", hang=True)
    assert provider.faults.wait_hanging(1, WAIT)
    taken = []
    while "qgm_provider_up" not in (now := page(port)) or not re.search(
        r"^qgm_provider_up\{[^}]*\} 0$", now, re.MULTILINE
    ):
        begun = time.monotonic()
        page(port)
        taken.append(time.monotonic() - begun)
        assert len(taken) < WAIT / 0.02, "the provider never was down"
        threading.Event().wait(0.02)
    until(lambda: query("qgm_provider_up") == ["0"])

    assert sorted(taken)[int(len(taken) * 0.95)] <= SLOWEST
    assert len(taken) >= 20
    assert query("count(qgm_qubit_t1_seconds)") == ["312"]
    assert query("up") == ["1"]
    provider.faults.release()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
