"""The configuration file of the shelf: every setting, at its default behind a `#`."""

SAMPLE = """\
# rendered by qgm-observe: what `qgm-observe render DIR --config FILE` makes the shelves from.
# Every setting stands here, at its default; copy the file, take a # away and change the value.

# Files and folders of objectives, relative to this file; by default those that are shipped.
#objectives: []

# Only work of these labels: project, pipeline, model, kind, provider, device, region, account ...
#selector: {}

# `starter`: at most 12 alerts, at most 4 of them pages; `full`: all.
#profile: "starter"

# `ticket`: pages about the training budget wait for the morning; times are UTC.
#overnight: "page"
#night_begin: "20:00"
#night_end: "08:00"

# Of Prometheus; alert texts and the time from a fault to a page are told by them.
#scrape_interval_seconds: 30
#evaluation_interval_seconds: 30

# Where runbooks, Grafana and the exporter of journals are reached by whoever is called.
#runbooks_url: "https://runbooks.example.org"
#boards_url: "https://grafana.example.org"
#exporter_url: "https://qgm-observe-journal:9466"

# Prometheus' jobs that scrape the sidecars, as a regular expression.
#exporter_job: "qgm-observe-.*"

# Addresses of webhooks: on-call, tickets, quantum-expert, provider-support, watchdog. Their bearer
# tokens are files: /etc/alertmanager/tokens/NAME.
#receivers: {}

# Times in which nobody is told: of the provider's maintenance, and of heavy retrains. UTC.
#maintenance: []
#  - {name: "firmware", weekdays: ["tuesday"], begin: "06:00", end: "08:00"}
#retrains: []
#  - {name: "weekly", weekdays: ["saturday", "sunday"], begin: "00:00", end: "24:00"}

# Where causes become alerts.
#thresholds:
"""


def sample(thresholds: dict[str, tuple[float, str]]) -> str:
    """Return the file; thresholds by name, with default and description."""
    lines = [
        line
        for name, (default, about) in thresholds.items()
        for line in (f"#  # {about}", f"#  {name}: {default:.10g}")
    ]
    return SAMPLE + "\n".join(lines) + "\n"
