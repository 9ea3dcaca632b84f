"""Which text format and which encoding a scrape gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.telemetry.negotiation import accepted_form, accepts_gzip
from qgm_observe.telemetry.openmetrics import OPENMETRICS
from qgm_observe.telemetry.prometheus import CLASSIC

OPEN, PLAIN = "application/openmetrics-text;version=1.0.0", "text/plain;version=0.0.4"
PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PARTS = st.sampled_from(
    ["", ",", ";", "=", "q=", "q=1", "q=nan", "0.5", "*/*", " ", OPEN, PLAIN, "text/*", "\xff", '"']
)


@pytest.mark.parametrize(
    "field",
    [
        PROMETHEUS_2_42,
        PROMETHEUS_3,
        OPEN,
        "application/openmetrics-text",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        'application/openmetrics-text;version="1.0.0"',
        f"{OPEN}, */*",
        f"text/plain;q=0.4,{OPEN};q=0.5",
        f"text/*,{PLAIN};q=0,{OPEN};q=0.1",
        "application/*",
        f"{PLAIN};q=2,{OPEN}",
    ],
)
def test_who_prefers_openmetrics_gets_it(field):
    """A greater weight or a closer range than that of the classic text asks for OpenMetrics."""
    assert accepted_form(field) is OPENMETRICS


@pytest.mark.parametrize(
    "field",
    [
        "",
        "*/*",
        BROWSER,
        PLAIN,
        f"{OPEN},{PLAIN}",
        f"{OPEN};q=0.5,{PLAIN}",
        f"{OPEN};q=0.5,text/*;q=0.6",
        f"{OPEN};q=0",
        f"{OPEN};q=much",
        f"{OPEN};q=nan",
        f"{OPEN};q=-1",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=2.0.0",
        f"*/*;q=0.5,{OPEN};q=0.4",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
        "nonsense",
    ],
)
def test_everybody_else_gets_the_classic_text(field):
    """The default is the classic text, and so is a tie, a refusal and a version we do not speak."""
    assert accepted_form(field) is CLASSIC


@given(st.lists(PARTS, max_size=12).map("".join))
def test_any_field_leads_to_a_format(field):
    """Nothing that a client writes raises."""
    assert accepted_form(field) in (CLASSIC, OPENMETRICS)


@pytest.mark.parametrize(
    ("field", "accepted"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("deflate;q=0.5, gzip;q=0.8", True),
        ("*", True),
        ("gzip; q=1.0", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("*, gzip;q=0", False),
        ("gzip;q=zero", False),
        ("x-gzip", False),
    ],
)
def test_gzip_is_sent_to_who_accepts_it(field, accepted):
    """Accept-Encoding decides, weights included (RFC 9110 section 12.5.3)."""
    assert accepts_gzip(field) is accepted
