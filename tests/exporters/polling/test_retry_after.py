"""Retry-After, wherever a library leaves it."""

from email.message import Message
from urllib.error import HTTPError

import pytest
import requests

from qgm_observe.catalog import ErrorClass
from qgm_observe.exporters.polling.retry_after import retry_after
from qgm_observe.providers.failures import ProviderError

NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT, the example of RFC 9110


def of_requests(value: str) -> requests.HTTPError:
    response = requests.Response()
    response.headers["retry-after"] = value
    return requests.HTTPError("429", response=response)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("120", 120.0),
        ("Wed, 21 Oct 2015 07:29:30 GMT", 90.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("-5", 0.0),
        ("999999999", 3600.0),
        ("nan", None),
        ("soon", None),
        ("Wed, 99 Oct 2015 07:27:00 GMT", None),
    ],
)
def test_seconds_and_dates_are_read_and_bounded(told, seconds):
    """Both forms of RFC 9110 give seconds from 0 to an hour, anything else nothing."""
    assert retry_after(of_requests(told), NOW) == seconds


def test_it_is_found_in_what_the_error_was_raised_from():
    """A library that raises its own error from that of requests does not hide it."""
    outer = RuntimeError("failed")
    outer.__context__ = of_requests("7")

    assert retry_after(outer, NOW) == 7.0


def test_urllib_botocore_and_our_own_error_tell_too():
    """Headers of urllib, the reply of botocore and a plain attribute are looked at."""
    headers = Message()
    headers["Retry-After"] = "8"
    of_botocore = RuntimeError()
    of_botocore.response = {"ResponseMetadata": {"HTTPHeaders": {"retry-after": "9"}}}
    ours = ProviderError("429", ErrorClass.RATE_LIMIT, retry_after="10")

    with HTTPError("http://x", 429, "", headers, None) as of_urllib:
        assert retry_after(of_urllib, NOW) == 8.0
    assert retry_after(of_botocore, NOW) == 9.0
    assert retry_after(ours, NOW) == 10.0


def test_an_error_without_it_and_a_circle_of_errors_tell_nothing():
    """Where nothing is told, or causes go round in a circle, the answer is None."""
    one, other = RuntimeError(), RuntimeError()
    one.__context__, other.__context__ = other, one

    assert retry_after(one, NOW) is None
