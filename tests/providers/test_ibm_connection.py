"""What goes wrong at IBM, as one classified line in bounded time, and nothing secret in it."""

import io
import logging
import pickle
import threading
import time
import traceback
from collections.abc import Callable, Iterator

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.providers import Provider, ProviderError
from qgm_observe.providers.credentials import Secret
from qgm_observe.providers.ibm_login import Login, parts_of, region_of
from qgm_observe.testing.provider import IBMProvider

FEZ = "ibm_fez"
STATUS = f"/backends/{FEZ}/status"
CANARY = "canary-key-0123"
CRN = "crn:v1:bluemix:public:quantum-computing:eu-de:a/canaryaccount:canaryinstance::"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 400}, ("validation", 400, None)),
        ({"status": 401}, ("auth", 401, None)),
        ({"status": 403}, ("auth", 403, None)),
        ({"status": 404}, ("not_found", 404, None)),
        ({"status": 409}, ("quota", 409, None)),
        ({"status": 413}, ("validation", 413, None)),
        ({"status": 429}, ("rate_limit", 429, None)),
        ({"status": 429, "retry_after": 30}, ("rate_limit", 429, "30")),
        ({"status": 400, "code": 1202}, ("rate_limit", 400, None)),
        ({"status": 500}, ("network", 500, None)),
        ({"status": 502}, ("network", 502, None)),
        ({"status": 503, "retry_after": 7}, ("network", 503, "7")),
        ({"drop": True}, ("network", None, None)),
    ],
)
def test_each_fault_has_its_class(
    server: IBMProvider, ibm: Provider, fault: dict, expected: tuple
) -> None:
    """Status and Retry-After come through; each fault is one request, as nothing is retried."""
    ibm.usage()
    planted = server.faults.add("GET", STATUS, **fault)
    before = time.monotonic()

    with pytest.raises(ProviderError, match=rf"^ibm status of {FEZ}: ") as caught:
        ibm.status(FEZ)

    error = caught.value
    assert (error.error_class, error.status_code, error.retry_after) == expected
    assert ibm.classify(error) == expected[0]
    assert planted.hits == 1
    assert time.monotonic() - before < 2.0
    assert "\n" not in str(error)


def test_what_ibm_says_is_the_message(server: IBMProvider, ibm: Provider) -> None:
    """The line holds what was asked, the HTTP status and IBM's own sentence, and its code apart."""
    with pytest.raises(ProviderError) as caught:
        ibm.status("ibm_nowhere")

    assert (
        str(caught.value) == "ibm status of ibm_nowhere: HTTP 404: Backend ibm_nowhere not found."
    )
    assert caught.value.code == "1007"


def test_a_hanging_server_is_given_up(server: IBMProvider, opened: Callable[..., Provider]) -> None:
    """Where an answer never comes the call ends at the deadline, and threads stay bounded."""
    ibm = opened(deadline=0.1)
    ibm.usage()
    before = threading.active_count()
    server.faults.add("GET", STATUS, hang=True)
    started = time.monotonic()
    for _ in range(12):
        with pytest.raises(ProviderError, match=r"no answer within 0\.1 s|timed out") as caught:
            ibm.status(FEZ)
        assert caught.value.error_class == "network"

    assert time.monotonic() - started < 12 * 0.1 + 5.0
    assert threading.active_count() - before <= 2 * 8  # ours, and the server's for each
    for thread in threading.enumerate():
        if thread.name.startswith("qgm-ibm"):
            thread.join(10)
            assert not thread.is_alive()  # the socket gave up too, though the server hangs on
    server.faults.clear()
    assert ibm.status(FEZ).state == "online"


def test_a_hanging_token_is_given_up(server: IBMProvider, opened: Callable[..., Provider]) -> None:
    """The token's own request has the deadline too, and the next call asks for it at once."""
    ibm = opened(deadline=0.3)
    server.faults.add("POST", "/identity/token", hang=True, count=1)
    with pytest.raises(ProviderError) as caught:
        ibm.usage()
    assert caught.value.error_class == "network"
    for thread in threading.enumerate():
        if thread.name.startswith("qgm-ibm"):
            thread.join(10)

    assert ibm.usage() is not None


def test_a_refused_key_is_said_and_read_anew(
    server: IBMProvider, opened: Callable[..., Provider], tmp_path
) -> None:
    """A wrong key is an error and no warning, and a mended file is taken without restart."""
    file = tmp_path / "key"
    file.write_text(CANARY)
    ibm = opened(token_file=file)
    for _ in range(2):
        with pytest.raises(
            ProviderError, match=r"ibm usage: .*API key could not be found"
        ) as caught:
            ibm.usage()
        assert (caught.value.error_class, caught.value.status_code) == ("auth", 400)
    file.write_text(server.account.key)

    assert ibm.usage() is not None


def test_a_token_that_is_refused_is_fetched_anew(server: IBMProvider, ibm: Provider) -> None:
    """After a 401 the next call fetches a new token; a 403 costs none."""
    ibm.usage()
    for status, fetched in ((403, 1), (401, 2)):
        server.faults.add("GET", STATUS, status=status, count=1)
        with pytest.raises(ProviderError):
            ibm.status(FEZ)
        ibm.usage()
        assert server.requests.count("POST", "/identity/token") == fetched


def test_a_fleet_that_may_not_be_seen_is_not_empty(server: IBMProvider, ibm: Provider) -> None:
    """An instance without the right to list devices is refused; IBM's client would show none."""
    server.faults.add("GET", "/backends", status=403)

    with pytest.raises(ProviderError, match=r"^ibm devices: HTTP 403") as caught:
        ibm.devices()
    assert caught.value.error_class == "auth"


def test_trouble_of_the_token_service_is_no_wrong_key(server: IBMProvider, ibm: Provider) -> None:
    """A token service that is down is the network's fault, and recovers at the next call."""
    server.faults.add("POST", "/identity/token", status=503, count=1)
    with pytest.raises(ProviderError) as caught:
        ibm.usage()

    assert caught.value.error_class == "network"
    assert ibm.usage() is not None


def test_a_token_that_cannot_be_renewed_is_tried_again_at_once(
    server: IBMProvider, opened: Callable[..., Provider]
) -> None:
    """After one failed renewal the client would sleep for a minute; the next call does not."""
    ibm = opened(deadline=5.0)
    ibm.usage()
    ibm._connection._client._session.auth.tm.expire_time = 0
    server.faults.add("POST", "/identity/token", status=503, count=1)
    with pytest.raises(ProviderError):
        ibm.usage()
    before = time.monotonic()

    assert ibm.usage() is not None
    assert time.monotonic() - before < 5.0


def test_without_a_key_one_line_says_where_to_put_it(
    monkeypatch: pytest.MonkeyPatch, opened: Callable[..., Provider]
) -> None:
    """No key anywhere, or an account that was never saved, names the variables to set."""
    monkeypatch.delenv("QISKIT_IBM_TOKEN")
    for options, said in (
        ({}, "ibm: no key; set QISKIT_IBM_TOKEN or QISKIT_IBM_TOKEN_FILE, or save an account"),
        ({"saved_account": "work"}, "ibm: no account saved as 'work'; set QISKIT_IBM_TOKEN"),
        ({"token_env": "MY_KEY"}, "set MY_KEY or MY_KEY_FILE"),
    ):
        with pytest.raises(UsageError, match=said):
            opened(**options).usage()


@pytest.mark.parametrize(
    "options",
    [{"token": None, "token_file": "/nowhere/key"}, {"api_url": "http://quantum.example.com/api"}],
)
def test_what_cannot_be_meant_is_refused_at_once(
    opened: Callable[..., Provider], options: dict
) -> None:
    """A file that is not there, or plain http over a network, is refused before any request."""
    with pytest.raises(UsageError, match=r"cannot be read|write https://"):
        opened(**options)


def test_the_only_instance_is_found_by_itself(
    server: IBMProvider, monkeypatch: pytest.MonkeyPatch, opened: Callable[..., Provider]
) -> None:
    """Without an instance the account's only one is taken, and a name stands for its CRN."""
    monkeypatch.delenv("QISKIT_IBM_INSTANCE")

    assert opened().devices()[0][0].region == "us-east"
    assert opened(instance="instance-1").usage() is not None
    with pytest.raises(UsageError, match="to one instance; this account has instance-1"):
        opened(instance="instance-2").usage()


def test_ibms_own_variables_are_enough(server: IBMProvider) -> None:
    """Key, instance and URL may come from the variables of IBM's own client."""
    from qgm_observe.providers import open_provider

    provider = open_provider("ibm")

    assert len(provider.devices()) == 2
    provider.close()


def test_closing_lets_go_and_asking_opens_again(server: IBMProvider, ibm: Provider) -> None:
    """After close the next question opens a new connection with a new token."""
    ibm.usage()
    ibm.close()
    ibm.close()

    assert ibm.usage() is not None
    assert server.requests.count("POST", "/identity/token") == 2


def test_region_and_secret_parts_of_a_resource_name() -> None:
    """A CRN gives its region; account and instance are what is masked apart from the whole."""
    assert region_of(CRN) == "eu-de"
    assert [region_of(text) for text in (None, "", "crn:v1:a:b:c::d", "name")] == ["unknown"] * 4
    assert parts_of(CRN) == ("canaryaccount", "canaryinstance")


# ---------------------------------------------------------------------------------------- secrets


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that any logger says, down to debug."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    loggers = [
        logging.getLogger(name) for name in (None, "qiskit_ibm_runtime", "ibm-cloud-sdk-core")
    ]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.addHandler(handler)
        each.setLevel(logging.DEBUG)
    yield stream
    for each, level in zip(loggers, levels, strict=True):
        each.removeHandler(handler)
        each.setLevel(level)


def test_no_failure_shows_key_or_instance(
    server: IBMProvider, opened: Callable[..., Provider], logged: io.StringIO, capfd
) -> None:
    """After every forced failure no message, traceback, log line or object holds key or CRN."""
    server.account.key = CANARY
    server.account.instance = CRN
    ibm = opened(token=Secret(CANARY), instance=CRN, deadline=5.0)
    shown = [repr(ibm.devices()), repr(ibm.usage()), repr(vars(ibm)), repr(vars(ibm._connection))]
    quoting = f'{{"errors": [{{"code": 1200, "message": "key {CANARY} on {CRN}"}}]}}'
    text = f"token={CANARY} instance canaryinstance of canaryaccount"
    for fault in (
        {"status": 401, "body": quoting},
        {"status": 403, "body": quoting},
        {"status": 500, "body": text},
        {"status": 200, "body": text},
        {"drop": True},
    ):
        planted = server.faults.add("GET", "**", count=5, **fault)
        for ask in (
            ibm.devices,
            ibm.usage,
            lambda: ibm.status(FEZ),
            lambda: ibm.job("j"),
            lambda: ibm.calibration(FEZ),
        ):
            with pytest.raises(ProviderError) as caught:
                ask()
            shown += traceback.format_exception(caught.value)
            shown += [repr(caught.value), repr(caught.value.args), repr(vars(caught.value))]
            assert caught.value.__context__ is None
        planted.count = 0
    shown += [logged.getvalue(), *capfd.readouterr()]

    assert len(logged.getvalue()) > 1_000
    for secret in (CANARY, CRN, "canaryaccount", "canaryinstance"):
        assert secret not in "".join(shown)


def test_logins_hold_no_readable_key() -> None:
    """A login can be printed, but not pickled with the key in it."""
    login = Login(token=Secret(CANARY), instance=Secret(CRN))

    assert CANARY not in repr(login)
    assert CRN not in repr(login)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(login)
