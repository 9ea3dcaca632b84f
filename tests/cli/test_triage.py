"""`qgm-observe triage ALERT`, against real exporters on loopback."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import bcrypt
import pytest

from qgm_observe.alerts.table import BY_NAME
from qgm_observe.cli import main
from qgm_observe.journal import OpenWork, open_journal
from qgm_observe.records import current_process

from ..runbooks import incidents
from ..runbooks.serving import journal_exporter, provider_exporter

GONE = "http://127.0.0.1:9"


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Callable[[Any], str]]:
    """Serves the journal of an incident, and returns its address."""
    open_ = []

    def serve(incident: Any, web_file: Path | None = None) -> str:
        path = incidents.written(tmp_path / f"{len(open_)}.db", incident(time.time()))
        context = journal_exporter(path, web_file)
        open_.append(context)
        return context.__enter__()

    yield serve
    for context in open_:
        context.__exit__(None, None, None)


@pytest.fixture
def provider() -> Iterator[str]:
    """An exporter of a provider whose device is offline."""
    with provider_exporter() as url:
        yield url


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An exporter of a journal in which nothing is wrong."""
    path = tmp_path_factory.mktemp("healthy") / "journal.db"
    with journal_exporter(incidents.written(path, incidents.healthy(time.time()))) as url:
        yield url


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = main(["triage", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_our_own_fault_is_told_with_the_change(exporter, capsys):
    """Compile failures after a new library: ours, the library is named, and how to go back."""
    code, found = told(
        capsys, "QgmCompilationFailing", "--url", exporter(incidents.broken_compiler)
    )

    assert code == 0
    assert (found["side"], found["cause"]) == ("ours", "compiler")
    assert (found["failed"], found["pipelines"]) == (3, ["nightly"])
    change = found["changes"][-1]
    assert (change["what"], change["before"], change["after"]) == ("qiskit", "2.5.1", "2.6.0")
    assert found["next"]["command"] == "pip install 'qiskit==2.5.1'"
    assert abs(found["since"] - (time.time() - 3 * 3600)) < 120


def test_the_providers_fault_is_told_with_ids_and_calibration(exporter, provider, capsys):
    """A device that fails jobs and is offline: theirs, with its job ids and its calibration."""
    url = exporter(incidents.failing_device)
    code, found = told(capsys, "QgmSloBurnPage", "--url", url, "--url", provider)

    assert code == 0
    assert (found["side"], found["cause"]) == ("theirs", "device")
    assert found["pipelines"] == ["nightly", "serving"]
    assert len(found["provider_job_ids"]) == 6
    assert [c["after"] for c in found["changes"] if c["what"] == "calibration"] == ["cal-0816"]
    assert "ibm ibm_fez is offline" in found["for"]


def test_the_budget_is_counted_from_the_records(exporter, capsys):
    """3 failed of 23 runs are 2.6 times the 5 % that may fail; nobody was asked for samples."""
    _, found = told(capsys, "QgmSloBurnPage", "--url", exporter(incidents.broken_compiler))

    assert found["budget_left"]["training-success"] == pytest.approx(1 - 3 / (23 * 0.05))
    assert found["budget_left"]["inference-success"] is None


def test_people_get_a_page_that_fits(exporter, capsys):
    """What people see names verdict, evidence, since when, budget, spend and one next action."""
    code = main(["triage", "QgmCompilationFailing", "--url", exporter(incidents.broken_compiler)])
    text = capsys.readouterr().out

    assert code == 0
    assert "ours: our circuits no longer compile" in text
    names = ("for", "since", "pipelines", "changed", "budget", "spend", "next")
    assert [name for name in names if f"\n{name} " not in text] == []
    assert "since run 0" in text
    assert "On the machine of nightly, put qiskit back to 2.5.1" in " ".join(text.split())
    assert len(text.splitlines()) < 40


def test_the_vendor_text_holds_what_they_need_and_no_secret(exporter, capsys):
    """Job ids, device, times, error codes and calibration stand in it; no secret, no model."""
    url = exporter(incidents.failing_device)
    code = main(["triage", "QgmSloBurnPage", "--url", url, "--vendor"])
    text = capsys.readouterr().out

    assert code == 0
    assert text.startswith("Subject: jobs fail on ibm ibm_fez")
    assert text.count("execute/execution") == 6
    assert "cal-0816" in text
    assert "UTC" in text
    for ours in (incidents.SECRET, "qcbm", "nightly", "chem"):
        assert ours not in text


def test_an_alert_without_any_failure_is_not_active(exporter, capsys):
    """After one healthy run there is nobody to blame: not active, 0, and the budget whole."""
    url = exporter(incidents.healthy)
    code = main(["triage", "QgmSloBurnPage", "--url", url])
    text = capsys.readouterr().out

    assert code == 0
    assert "QgmSloBurnPage  not active: no failure in the one that is known" in text
    assert "training-success: 100% left (0 of 1 bad)" in text
    assert "ours" not in text


@pytest.mark.parametrize("incident", [incidents.healthy, incidents.broken_compiler])
def test_there_is_no_text_for_a_provider_who_did_nothing(incident, exporter, capsys):
    """Nothing failed, or only the compiler: one line on standard error, exit code 1."""
    code = main(["triage", "QgmSloBurnPage", "--url", exporter(incident), "--vendor"])
    said = capsys.readouterr()

    assert (code, said.out) == (1, "")
    assert said.err.startswith("qgm-observe triage: no job of ours has failed at a provider")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("failures", "compile/compile TroubleError"),
        ("jobs", "success"),
        ("runs", "qcbm 3"),
        ("readings", "cal-0815"),
        ("devices", "device state offline"),
        ("account", "account remaining 2 h 00 min"),
        ("journals", "exporter journal up"),
    ],
)
def test_lists_show_what_is_behind_the_verdict(what, words, exporter, provider, capsys):
    """Each list shows its rows, and none shows a secret from a log line."""
    url = exporter(incidents.broken_compiler)
    code = main(["triage", "QgmSloBurnPage", "--url", url, "--url", provider, "--show", what])
    text = capsys.readouterr().out

    assert code == 0
    assert words in text
    assert incidents.SECRET not in text


def test_one_run_is_shown_with_its_jobs_and_log(exporter, capsys):
    """A run's id gives all that is known of it; one that is not there says where to look."""
    url = exporter(incidents.broken_compiler)
    code, found = told(capsys, "QgmSloBurnPage", "--url", url, "--show", "failures")
    run = next(each["id"] for each in found if each["noun"] == "run")
    assert main(["triage", "QgmSloBurnPage", "--url", url, "--run", run]) == 0
    text = capsys.readouterr().out

    assert code == 0
    assert "ERROR went wrong" in text
    assert "qiskit" in text
    assert main(["triage", "QgmSloBurnPage", "--url", url, "--run", "f" * 32]) == 2
    assert "--show runs" in capsys.readouterr().err


def test_a_filter_looks_at_one_pipeline(exporter, capsys):
    """Narrowed to one pipeline the verdict is about that one, and the others are compared to."""
    url = exporter(incidents.failing_device)
    _, found = told(capsys, "QgmSloBurnPage", "--url", url, "--pipeline", "serving")

    assert (found["pipelines"], found["failed"]) == (["serving"], 3)


@pytest.mark.parametrize("alert", ["QgmTelemetryLost", "QgmSloBurnPage"])
def test_who_reaches_no_exporter_is_not_told_a_cause(alert, capsys):
    """A wrong address looks the same: cannot tell, exit code 1, and the address is what is next."""
    began = time.monotonic()
    code, found = told(capsys, alert, "--url", GONE)

    assert code == 1
    assert (found["side"], found["cause"], found["heard"]) == ("cannot tell", None, False)
    assert found["verdict"].startswith("cannot tell: no exporter answered from here: 127.0.0.1:9 (")
    assert "address is right" in found["next"]["text"]
    assert found["next"]["command"] == f"qgm-observe triage {alert} --url {GONE}"
    assert time.monotonic() - began < 10


def test_https_of_an_exporter_that_speaks_http_is_told(exporter, capsys):
    """The scheme is what is wrong, and the line says which one to write."""
    url = exporter(incidents.healthy).replace("http:", "https:")

    assert main(["triage", "QgmSloBurnPage", "--url", url]) == 1
    assert "it does not speak https: write http://" in " ".join(capsys.readouterr().out.split())


def test_a_list_of_nobody_is_not_called_empty(capsys):
    """Nobody answered: the list is not known, and nothing is said of what stands in it."""
    assert main(["triage", "QgmSloBurnPage", "--url", GONE, "--show", "failures"]) == 1
    assert capsys.readouterr().out.startswith("no answer from 127.0.0.1:9 (")


def test_one_exporter_of_two_that_is_gone_is_evidence(exporter, capsys):
    """The other one answers: that this one does not bears out that telemetry is lost."""
    url = exporter(incidents.healthy)
    code, found = told(capsys, "QgmTelemetryLost", "--url", url, "--url", GONE)

    assert (code, found["side"], found["cause"]) == (0, "ours", "telemetry")
    assert "127.0.0.1:9" in found["not_known"][0]


@pytest.mark.parametrize("alert", sorted(BY_NAME))
def test_a_healthy_exporter_blames_nobody(alert, healthy, capsys):
    """Every alert asked of a healthy exporter: no side, and 0 only where it is known not active."""
    code, found = told(capsys, alert, "--url", healthy)

    assert found["side"] == "cannot tell"
    assert code == (0 if found["quiet"] else 1)
    if not found["quiet"]:
        assert found["next"]["command"].endswith(("$QGM_PROVIDER", "$QGM_PROMETHEUS"))


def test_a_device_is_asked_about_alone(exporter, provider, capsys):
    """Narrowed to a device, another one's state tells nothing; others are then looked for."""
    words = ["QgmProviderOutage", "--url", exporter(incidents.healthy), "--url", provider]
    _, of_fez = told(capsys, *words, "--device", "ibm_fez")
    _, of_kyiv = told(capsys, *words, "--device", "ibm_kyiv")

    assert (of_fez["side"], of_fez["cause"]) == ("theirs", "device")
    assert of_fez["next"]["command"].endswith("--show devices")
    assert "--device" not in of_fez["next"]["command"]
    assert of_kyiv["side"] == "cannot tell"
    assert "--device ibm_kyiv" in of_kyiv["next"]["command"]


class Silent(BaseHTTPRequestHandler):
    """Takes a question and answers nothing until it is let go."""

    def do_GET(self) -> None:
        self.server.let_go.wait(30)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_who_does_not_answer_holds_nobody_up(exporter, capsys, monkeypatch):
    """One exporter hangs: the other's answer is told in time, and the silent one is named."""
    from threading import Event

    from qgm_observe.runbooks import asking

    monkeypatch.setattr(asking, "SECONDS", 0.3)
    monkeypatch.setattr(asking, "TOGETHER", 2.0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    server.let_go = Event()  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever)
    thread.start()
    hanging = f"http://127.0.0.1:{server.server_address[1]}"
    url = exporter(incidents.broken_compiler)
    code, found = told(capsys, "QgmCompilationFailing", "--url", hanging, "--url", url)
    server.let_go.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join(10)

    assert code == 0
    assert found["cause"] == "compiler"
    assert any(hanging.removeprefix("http://") in line for line in found["not_known"])


def test_a_login_is_told_and_never_shown(exporter, tmp_path, capsys):
    """With the password of a file the exporter answers; a wrong one is a line without it."""
    web, good, bad = (tmp_path / name for name in ("web.yml", "good", "bad"))
    hashed = bcrypt.hashpw(b"sesame-canary", bcrypt.gensalt(4)).decode()
    web.write_text(f"basic_auth_users:\n  oncall: {hashed}\n")
    good.write_text("sesame-canary\n")
    bad.write_text("wrong-canary\n")
    url = exporter(incidents.broken_compiler, web)
    words = ["triage", "QgmSloBurnPage", "--url", url, "--user", "oncall", "--token-file"]

    assert main([*words, str(good)]) == 0
    assert "canary" not in capsys.readouterr().out
    assert main([*words, str(bad)]) == 2
    error = capsys.readouterr().err
    assert "refuses the login: mend --user, --token-file" in error
    assert "canary" not in error


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["QgmSloBurnPag", "--url", GONE], "such as QgmSloBurnPage"),
        (["QgmSloBurnPage"], "nobody to ask: write --url"),
        (["QgmSloBurnPage", "--url", "ftp://x"], "write http:// or https://HOST:PORT"),
        (["QgmSloBurnPage", "--url", "http://user:pw@host:1"], "write http://"),
        (["QgmSloBurnPage", "--prometheus", "x"], "write an address such as"),
    ],
)
def test_bad_words_are_one_line(words, line, capsys):
    """A name that is none, nobody to ask, an address that is none: one line, exit code 2."""
    assert main(["triage", *words]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
    assert "pw" not in error


def test_devices_tell_what_layouts_in_use_rest_on(tmp_path, capsys):
    """The oldest parameters below open jobs are named with their instants, and lost pairs."""
    path = incidents.written(tmp_path / "open.db", incidents.healthy(time.time()))
    oldest = datetime(2026, 11, 20, 7, 30, tzinfo=UTC).timestamp()
    body = {"provider": "ibm", "device": "ibm_fez", "region": "us-east", "kind": "training"}
    body |= {"calibrated_at": {"t2": oldest, "cz_error": oldest + 60}, "disabled_edges": 1}
    here, now = current_process(), time.time()
    work = OpenWork(
        subject="f" * 16,
        noun="job",
        run=None,
        opened_at=now,
        heartbeat=now,
        process=(here.host, here.boot, here.pid, here.started),
        body=body,
    )
    with open_journal(path) as journal:
        journal.append([], open_work=[work])
    with journal_exporter(path) as url:
        words = ["QgmCalibrationStale", "--url", url, "--show", "devices"]
        assert main(["triage", *words]) == 0
    text = capsys.readouterr().out

    assert text.startswith("ibm ibm_fez: ")
    assert "layout calibration (parameter t2, region us-east) 2026-11-20 07:30" in text
    assert "layout calibration (parameter cz_error, region us-east) 2026-11-20 07:31" in text
    assert "layout edges disabled (region us-east) 1" in text


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("account", "nothing of an account is known: add --url of the provider's exporter"),
        ("devices", "no device is known: add --url of the provider's exporter"),
    ],
)
def test_what_nobody_tells_is_said_with_who_would(what, line, exporter, capsys):
    """A list without anything in it names whom to ask for it."""
    words = ["triage", "QgmSloBurnPage", "--url", exporter(incidents.healthy), "--show", what]

    assert main(words) == 0
    assert capsys.readouterr().out.startswith(line)
