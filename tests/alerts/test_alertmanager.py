"""Alertmanager's configuration, as amtool checks and routes it."""

import subprocess

import pytest

from qgm_observe.alerts.alertmanager import alertmanager
from qgm_observe.alerts.configuration import Configuration, Written, load_configuration
from qgm_observe.alerts.table import ALERTS
from qgm_observe.catalog.yaml_text import yaml_text

QUIET = """\
overnight: ticket
night_begin: "19:30"
receivers: {on-call: "https://pager.example.org/hook"}
maintenance:
  - {name: firmware, weekdays: [tuesday], begin: "06:00", end: "08:00"}
retrains:
  - {name: weekly, weekdays: [saturday, sunday], begin: "22:00", end: "04:00"}
"""


@pytest.fixture
def written(tmp_path):
    """Writes the configuration that some settings give, and returns its path."""

    def write(settings=""):
        own = tmp_path / "config.yml"
        own.write_text(settings)
        configuration = load_configuration(own if settings else None)
        path = tmp_path / "alertmanager.yml"
        path.write_text(yaml_text(alertmanager(configuration)))
        return path

    return write


@pytest.fixture
def amtool(tools):
    """Runs amtool."""

    def run(*words):
        done = subprocess.run(
            [tools("amtool"), *words], capture_output=True, text=True, check=False, timeout=30
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize("settings", ["", QUIET])
def test_amtool_accepts_it(written, amtool, settings):
    """The shipped configuration and one with quiet times pass `amtool check-config`."""
    code, told = amtool("check-config", written(settings))

    assert code == 0, told
    assert "5 inhibit rules" in told


def routed(amtool, path, **labels):
    words = [f"{name}={value}" for name, value in labels.items()]
    code, told = amtool("config", "routes", "test", f"--config.file={path}", *words)
    assert code == 0, told
    return told.splitlines()[0].split(",")  # what follows is a warning about an address


def test_who_is_told(written, amtool):
    """Pages reach the on-call and, later, the escalation; tickets a queue; information nobody."""
    path = written()
    page = {"severity": "page", "layer": "device", "escalation": "provider"}

    assert routed(amtool, path, alertname="QgmWatchdog", severity="info") == ["watchdog"]
    assert routed(amtool, path, alertname="QgmDeviceMaintenance", severity="info") == ["nobody"]
    assert routed(amtool, path, **page) == ["provider-support", "on-call"]
    assert routed(amtool, path, severity="page", layer="work", escalation="quantum-expert") == [
        "quantum-expert",
        "on-call",
    ]
    assert routed(amtool, path, severity="page", escalation="model-owner") == ["on-call"]
    for layer in ("device", "work", "quality", "account", "telemetry"):
        assert routed(amtool, path, severity="ticket", layer=layer) == ["tickets"]


def test_training_may_wait_for_the_morning(written, amtool):
    """With `overnight: ticket` pages about training take the night's route, and no others do."""
    path = written(QUIET)
    paged = {"severity": "page", "escalation": "model-owner"}

    assert routed(amtool, path, **paged, overnight="ticket") == ["tickets", "on-call"]
    assert routed(amtool, path, **paged) == ["on-call"]


def test_nobody_is_called_at_night_about_what_may_wait(written):
    """Every route of such a page, its escalation too, rests at night, but that of the tickets."""
    configuration = load_configuration(written(QUIET).with_name("config.yml"))
    waits = 'overnight="ticket"'
    at_night = {
        route["receiver"]: "overnight" in route.get("mute_time_intervals", ())
        for route in alertmanager(configuration)["route"]["routes"]
        if waits in route["matchers"]
    }

    assert at_night == {
        "quantum-expert": True,
        "provider-support": True,
        "tickets": False,
        "on-call": True,
    }


@pytest.mark.parametrize(
    "alert", [each for each in ALERTS if each.severity == "page"], ids=lambda it: it.name
)
def test_each_page_is_muted_at_night_only_where_it_may_wait(written, amtool, alert):
    """A page of the table reaches the same people, by routes that rest at night if it may wait."""
    path = written(QUIET)
    labels = {"severity": "page", "escalation": alert.escalation, "layer": alert.layer}
    by_day = routed(amtool, path, **labels)

    assert by_day[-1] == "on-call"
    assert sorted(routed(amtool, path, **labels, overnight="ticket")) == sorted(
        [*by_day, "tickets"]
    )


def test_the_night_is_two_spans_and_each_route_keeps_to_its_own():
    """Night is from 20:00 to 24:00 and from 0:00 to 8:00 UTC; the page is muted in it."""
    configuration = load_configuration()
    at_night = configuration.written.model_copy(update={"overnight": "ticket"})
    made = alertmanager(type(configuration)(at_night, configuration.objectives))

    assert made["time_intervals"] == [
        {
            "name": "overnight",
            "time_intervals": [
                {
                    "times": [
                        {"start_time": "20:00", "end_time": "24:00"},
                        {"start_time": "00:00", "end_time": "08:00"},
                    ]
                }
            ],
        }
    ]
    night, day = (
        route
        for route in made["route"]["routes"]
        if route["matchers"] == ['severity="page"', 'overnight="ticket"']
    )
    assert (night["receiver"], night["active_time_intervals"]) == ("tickets", ["overnight"])
    assert (day["receiver"], day["mute_time_intervals"]) == ("on-call", ["overnight"])


def test_maintenance_mutes_devices_and_retrains_mute_tickets_of_work(written):
    """Quiet times stand at the routes they are for, and at no page about the work."""
    written(QUIET)
    muted = {}
    configuration = load_configuration(written(QUIET).with_name("config.yml"))
    for route in alertmanager(configuration)["route"]["routes"]:
        for name in route.get("mute_time_intervals", ()):
            muted.setdefault(name, []).append(tuple(route["matchers"]))

    assert muted["maintenance"] == [
        ('severity="page"', 'escalation="provider"', 'overnight="ticket"'),
        ('severity="page"', 'escalation="provider"', 'overnight!="ticket"'),
        ('severity="page"', 'layer="device"'),
        ('severity="ticket"', 'layer="device"'),
    ]
    assert muted["retrains"] == [('severity="ticket"', 'layer=~"work|quality"')]


def test_every_route_knows_its_alerts():
    """Severities, layers and escalations of the table are those that routes match."""
    made = alertmanager(load_configuration())
    receivers = {each["name"] for each in made["receivers"]}
    named = {route["receiver"] for route in made["route"]["routes"]}

    assert named | {made["route"]["receiver"]} == receivers
    assert {alert.severity for alert in ALERTS} == {"page", "ticket", "info"}
    pages = [alert for alert in ALERTS if alert.severity == "page"]
    assert {alert.escalation for alert in pages} >= {"quantum-expert", "provider"}


def test_no_secret_stands_in_it():
    """Tokens are files; addresses are placeholders until you write yours."""
    for receiver in alertmanager(load_configuration())["receivers"]:
        for hook in receiver.get("webhook_configs", ()):
            assert hook["url"].endswith(".example.org/alerts")
            assert hook["http_config"] == {
                "authorization": {
                    "credentials_file": f"/etc/alertmanager/tokens/{receiver['name']}"
                }
            }


PAGING, TICKET = 'severity="page"', 'severity="ticket"'
AT_ONCE = {"receiver": "on-call", "group_wait": "30s", "repeat_interval": "1h"}
LATER = {"group_wait": "30m", "repeat_interval": "4h", "continue": True}


def test_the_routes_are_written_out():
    """What is one notification, how long it waits for more of it, and how often it is repeated."""
    assert alertmanager(Configuration(Written(), ()))["route"] == {
        "receiver": "tickets",
        "group_by": ["alertname", "slo", "pipeline", "device", "region"],
        "group_wait": "2m",
        "group_interval": "5m",
        "repeat_interval": "12h",
        "routes": [
            {
                "matchers": ['alertname="QgmWatchdog"'],
                "receiver": "watchdog",
                "group_wait": "0s",
                "group_interval": "1m",
                "repeat_interval": "5m",
            },
            {"matchers": ['severity="info"'], "receiver": "nobody"},
            {
                "matchers": [PAGING, 'escalation="quantum-expert"'],
                "receiver": "quantum-expert",
                **LATER,
            },
            {
                "matchers": [PAGING, 'escalation="provider"'],
                "receiver": "provider-support",
                **LATER,
            },
            {"matchers": [PAGING, 'layer="device"'], **AT_ONCE},
            {"matchers": [PAGING], **AT_ONCE},
            {"matchers": [TICKET, 'layer="device"'], "receiver": "tickets"},
            {"matchers": [TICKET, 'layer=~"work|quality"'], "receiver": "tickets"},
        ],
    }


def test_the_night_adds_four_routes():
    """With `overnight: ticket` what may wait has routes of its own, as quick as the others."""
    routes = alertmanager(Configuration(Written(overnight="ticket"), ()))["route"]
    waits, muted = 'overnight="ticket"', {"mute_time_intervals": ["overnight"]}

    assert [each for each in routes["routes"] if waits in each["matchers"]] == [
        {
            "matchers": [PAGING, 'escalation="quantum-expert"', waits],
            "receiver": "quantum-expert",
            **LATER,
            **muted,
        },
        {
            "matchers": [PAGING, 'escalation="provider"', waits],
            "receiver": "provider-support",
            **LATER,
            **muted,
        },
        {
            "matchers": [PAGING, waits],
            "receiver": "tickets",
            "active_time_intervals": ["overnight"],
            "continue": True,
        },
        {"matchers": [PAGING, waits], **AT_ONCE, **muted},
    ]


def test_the_end_of_an_alert_is_told():
    """All who are told of an alert are told of its end; the watchdog is heard or it is not."""
    told = {
        receiver["name"]: [hook["send_resolved"] for hook in receiver.get("webhook_configs", ())]
        for receiver in alertmanager(Configuration(Written(), ()))["receivers"]
    }

    assert told == {
        "nobody": [],
        "on-call": [True],
        "tickets": [True],
        "quantum-expert": [True],
        "provider-support": [True],
        "watchdog": [False],
    }
