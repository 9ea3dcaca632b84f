"""Tests of asking a Prometheus: levels, since when, money, budgets."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from qgm_observe.catalog import provider_signals as provided
from qgm_observe.catalog import signals
from qgm_observe.runbooks import asking
from qgm_observe.runbooks.asking import LEVELS, ask_all
from qgm_observe.runbooks.budget import counted_by_roots
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.prometheus import Prometheus

from .situations import NOW

LABELS = {"provider": "ibm", "account": "team"}
SLOS = {"QgmSloBurnPage": "chem-training"}
UP = provided.PROVIDER_UP.prometheus


def series(query: str, held: list[str]) -> list[dict[str, object]]:
    """What the fake knows: levels, an active alert, money, and 18 good ones of 20 roots."""
    if query.startswith("{__name__"):
        return [
            {"metric": {"__name__": UP, **LABELS}, "value": [NOW, "0"]},
            {"metric": {"__name__": UP, "provider": "local"}, "value": [NOW, "NaN"]},
        ]
    if query.startswith("ALERTS_FOR_STATE"):
        return [
            {
                "metric": {"alertname": name, "slo": SLOS.get(name, "none")},
                "value": [NOW, str(NOW - ago)],
            }
            for name in held
            for ago in (600, 900)
        ]
    if signals.COST.prometheus in query:
        return [{"metric": {}, "value": [NOW, "12.5"]}]
    if 'project="chem"' in query:
        return [{"metric": {}, "value": [NOW, "3" if 'outcome="success"' in query else "9"]}]
    good = 'outcome="success"' in query
    return [{"metric": {}, "value": [NOW, "18" if good else "20"]}]


class FakePrometheus(BaseHTTPRequestHandler):
    """Answers instant queries; of a broken one everything but the first is refused."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        (query,) = parse_qs(body)["query"]
        self.server.asked.append(query)  # type: ignore[attr-defined]
        held = self.server.held  # type: ignore[attr-defined]
        told = {
            "status": "success",
            "data": {"resultType": "vector", "result": series(query, held)},
        }
        if self.server.breaks and len(self.server.asked) > 3:  # type: ignore[attr-defined]
            told = {"status": "error", "error": "too many samples"}
        data = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        """The rules of one objective of one's own, where there are any."""
        rules = self.server.rules  # type: ignore[attr-defined]
        told = {"status": "success", "data": {"groups": [{"rules": rules}]}}
        data = json.dumps(told).encode()
        self.send_response(200 if rules is not None else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A Prometheus on loopback."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), FakePrometheus)
    made.asked, made.breaks = [], False  # type: ignore[attr-defined]
    made.held = ["QgmSloBurnPage"]  # type: ignore[attr-defined]
    made.rules = []  # type: ignore[attr-defined]
    thread = Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join(10)


def asked(server: ThreadingHTTPServer, alert: str = "QgmSloBurnPage", **known: object) -> object:
    prometheus = Prometheus(f"http://127.0.0.1:{server.server_address[1]}")
    known = {"objectives": counted_by_roots(shipped())} | known
    return ask_all(alert, [], prometheus, lambda *_: (), now=NOW, **known)


def own_rules() -> list[dict[str, object]]:
    """What is rendered of an objective of project chem, as the API of a Prometheus tells it."""
    work = 'qgm_roots_total{source="journal",project="chem",outcome'
    counted, good = f'sum({work}=~"success|failure"}})', f'sum({work}="success"}})'
    labels = {"slo": "chem-training", "window": "28d"}
    rules = {
        "qgm:slo_events:count": counted,
        "qgm:slo_errors:count": f"{counted} - {good}",
        "qgm:slo_budget:ratio": "vector(0.05)",
    }
    return [{"name": name, "query": query, "labels": labels} for name, query in rules.items()]


def test_a_prometheus_tells_levels_since_when_money_and_budgets(server) -> None:
    """Numbers among the levels, the earliest activation, the hour's cost, and budgets."""
    server.held = ["QgmConsecutiveFailures"]
    told = asked(server, "QgmConsecutiveFailures")

    assert told.samples == [(UP, {"__name__": UP, **LABELS}, 0.0)]
    assert told.active_at == NOW - 900
    assert told.hour_usd == 12.5
    assert [each.left for each in told.statuses] == pytest.approx([-1.0, -1.0])
    assert told.silent == []
    assert (told.is_heard, told.has_prometheus, told.is_inactive) == (True, True, False)


@pytest.mark.parametrize(
    ("alert", "held", "is_inactive"),
    [
        ("QgmQuotaLow", ["QgmWatchdog"], True),
        ("QgmQuotaLow", ["QgmWatchdog", "QgmQuotaLow"], False),
        ("QgmQuotaLow", [], False),
        ("QgmWatchdog", [], True),
        ("QgmWatchdog", ["QgmWatchdog"], False),
    ],
)
def test_not_active_is_known_where_our_alerts_are_evaluated(server, alert, held, is_inactive):
    """The watchdog always fires: where it does and the alert does not, that is known."""
    server.held = held

    assert asked(server, alert).is_inactive is is_inactive


def test_the_objective_that_an_alert_guards_is_read_from_the_rules(server) -> None:
    """Its label names it, the rules tell what it counts, and its budget alone is told."""
    server.rules = own_rules()
    told = asked(server)
    (objective,) = told.about
    (status,) = told.statuses

    assert (objective.name, told.unknown) == ("chem-training", [])
    assert [m.values for m in objective.indicator.total[0].matchers if m.label == "project"] == [
        ("chem",)
    ]
    assert (status.objective.name, status.bad, status.total) == ("chem-training", 6, 9)
    assert {labels["slo"] for labels in told.held} == {"chem-training"}


@pytest.mark.parametrize("rules", [[], None])
def test_an_objective_that_nobody_knows_is_named(server, rules) -> None:
    """Without rules of it, or a way to them, no other's budget is told in its place."""
    server.rules = rules
    told = asked(server)

    assert (told.about, told.unknown, told.statuses) == ([], ["chem-training"], [])
    assert told.is_heard


def test_an_objective_that_was_asked_for_is_the_only_one(server) -> None:
    """Of an alert that is active for another one nothing is taken."""
    told = asked(server, slo="training-success")

    assert [each.name for each in told.about] == ["training-success"]
    assert (told.active_at, told.held, told.is_inactive) == (None, [], True)


def test_who_does_not_answer_is_told_apart() -> None:
    """A Prometheus that is gone is no exporter that is gone, and nobody was heard."""
    gone = ask_all("QgmSloBurnPage", [], Prometheus("http://127.0.0.1:9"), lambda *_: (), now=NOW)

    assert (gone.silent, gone.is_heard, gone.has_prometheus) == ([], False, False)
    assert gone.no_prometheus.startswith("Prometheus at 127.0.0.1:")


def test_every_level_is_asked_for_at_once(server) -> None:
    """One query asks for all levels, each by its name in the catalog."""
    asked(server)
    queries = [query for query in server.asked if query.startswith("{__name__")]

    assert len(queries) == 1
    assert all(signal.prometheus in queries[0] for signal in LEVELS)


def test_what_was_told_before_a_refusal_is_kept(server) -> None:
    """A Prometheus that refuses the budgets is named, and its levels are used all the same."""
    server.breaks = True
    told = asked(server, slo="training-success")

    assert told.samples
    assert told.statuses is None
    assert told.silent == []
    assert "too many samples" in told.no_prometheus


def test_all_who_hang_are_waited_for_together_within_ten_seconds(monkeypatch) -> None:
    """Three never answer: by default triage goes on after 8 s, and names each of them."""
    clock = SimpleNamespace(now=0.0)

    class Hanging:
        """A question that is never answered; to wait for it lets the time pass."""

        def __init__(self, **_: object) -> None:
            pass

        def start(self) -> None:
            """Ask."""

        def join(self, seconds: float) -> None:
            clock.now += seconds

        def is_alive(self) -> bool:
            return True

    monkeypatch.setattr(asking, "threading", SimpleNamespace(Thread=Hanging, Lock=Lock))
    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: clock.now))
    exporters = [SimpleNamespace(host="127.0.0.1", port=port) for port in (1, 2, 3)]
    told = ask_all("QgmSloBurnPage", exporters, None, lambda *_: (), now=NOW)

    assert clock.now == 8
    assert told.silent == [f"127.0.0.1:{port} (no answer in 8 s)" for port in (1, 2, 3)]


def test_one_answer_may_take_half_of_that(monkeypatch) -> None:
    """Each request to an exporter has 4 s, so that who hangs is named before all time is up."""
    given = []

    def get(path: str, seconds: float, longest: int) -> tuple[int, bytes]:
        given.append(seconds)
        raise TimeoutError

    exporter = SimpleNamespace(host="127.0.0.1", port=1, get=get)
    told = ask_all("QgmSloBurnPage", [exporter], None, lambda *_: (), now=NOW)

    assert given == [4]
    assert told.silent == ["127.0.0.1:1 (no answer in 4 s)"]
