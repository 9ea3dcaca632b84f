"""What looks like a secret, wherever it stands."""

import pytest

from qgm_observe.redaction import LONGEST, MASK, redacted


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic ***"),
        ("password=hunter2 user=ann", "password=*** user=ann"),
        ("PASSWORD = 'two words' next", "PASSWORD = *** next"),
        ('{"api_key": "k-1", "shots": 5}', '{"api_key": ***, "shots": 5}'),
        ("QISKIT_IBM_TOKEN: abc", "QISKIT_IBM_TOKEN: ***"),
        ("apikey=abc&x=1", "apikey=***&x=1"),
        ("client_secret=s3cr3t", "client_secret=***"),
        ("on crn:v1:bluemix:public:q:us-east:a/1::", "on crn:***"),
        ("GET https://ann:pw@host/path", "GET https://***@host/path"),
        (f"id {'a1' * 20} done", "id *** done"),
        (f"run {'ab' * 16} kept", f"run {'ab' * 16} kept"),
        ("sent apikey 0123abcd as header", "sent apikey *** as header"),
        ("/instances/crn%3Av1%3Abluemix%3A%3A used", "/instances/crn:*** used"),
        ("nothing to hide, 1024 shots", "nothing to hide, 1024 shots"),
    ],
)
def test_what_looks_like_a_secret_is_masked(line: str, kept: str) -> None:
    """Credentials, keys, resource names and long random runs are masked; words are not."""
    assert redacted(line) == kept


def test_a_secret_across_the_cut_is_masked_whole() -> None:
    """A line is masked before it is cut: no part of a secret stays that is too short to be one."""
    line = redacted("x " * 240 + "A1" * 40)

    assert len("x " * 240) < LONGEST < len("x " * 240) + 40
    assert line == "x " * 240 + MASK
