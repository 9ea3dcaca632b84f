"""Answers: the right format for each client, put together once an exposition."""

import urllib.request

import pytest

from qgm_observe.telemetry.connection import Answers
from qgm_observe.telemetry.endpoint import Endpoint, serve
from qgm_observe.telemetry.http import Request
from qgm_observe.telemetry.openmetrics import OPENMETRICS
from qgm_observe.telemetry.prometheus import CLASSIC, Form


def scrape(place: Endpoint, **headers: str) -> tuple[str, bytes]:
    """Read media type and body of a scrape."""
    request = urllib.request.Request(place.url, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.headers["Content-Type"], response.read()


def request(form: Form) -> Request:
    return Request("GET", "/metrics", gzip=False, keep=True, form=form)


def test_each_client_gets_the_format_it_prefers(aggregates):
    """OpenMetrics and the classic text come from one address, in turns, compressed or not."""
    with serve(aggregates.exposition, port=0) as place:
        for form in (OPENMETRICS, CLASSIC, OPENMETRICS):
            exposition = aggregates.exposition(form)
            accept = form.content_type.replace("charset=utf-8", "q=0.8")
            packed = scrape(place, **{"Accept": accept, "Accept-Encoding": "gzip"})

            assert scrape(place, Accept=accept) == (form.content_type, exposition.text)
            assert packed == (form.content_type, exposition.gzip)


def test_without_a_wish_it_is_the_classic_text(aggregates):
    """A client that accepts anything, or says nothing, gets what every scraper understands."""
    with serve(aggregates.exposition, port=0) as place:
        classic = (CLASSIC.content_type, aggregates.exposition().text)

        assert scrape(place) == scrape(place, Accept="*/*") == classic


@pytest.mark.parametrize("other", [CLASSIC, OPENMETRICS])
def test_an_answer_is_put_together_once(aggregates, event, other):
    """An unchanged exposition has the very same answer, whatever else is asked for between."""
    answers = Answers(aggregates.exposition)
    first = answers.of(request(OPENMETRICS))
    answers.of(request(other))
    second = answers.of(request(OPENMETRICS))
    aggregates.fold([event("job", outcome="success")])

    assert second is first
    assert answers.of(request(OPENMETRICS)) is not first
