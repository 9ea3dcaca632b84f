"""The side of an account that talks to its provider."""

import pytest

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import UsageError
from qgm_observe.exporters.config import AccountConfig
from qgm_observe.exporters.polling.asker import Asker, Clocks
from qgm_observe.exporters.polling.question import UNSUPPORTED, Question
from qgm_observe.exporters.polling.schedule import Timer
from qgm_observe.providers.failures import ProviderError

CONFIG = AccountConfig(provider="ibm", account="team")


class Refused(Exception):
    """What a provider's library raises."""


def question(collector="fleet", device=""):
    return Question(collector, device, Timer(60.0, 0.0), 300.0)


@pytest.fixture
def opened(provider):
    """Counts how often the provider is opened."""
    calls = []

    def open_(config):
        calls.append(config.account)
        return provider

    times = iter(range(1_000))
    clock = Clocks(lambda: float(next(times)), lambda: 0.0)
    return Asker(CONFIG, open_, clock), calls


def test_it_opens_the_provider_once_and_times_each_call(opened, provider):
    """Two questions take one opening; the duration is that of the steady clock."""
    asker, calls = opened
    answers = [asker.perform(question()), asker.perform(question("usage"))]

    assert calls == ["team"]
    assert [each.failure for each in answers] == [None, None]
    assert [each.seconds for each in answers] == [1.0, 1.0]
    assert answers[1].value.used == 60.0


@pytest.mark.parametrize("collector", ["calibration", "usage", "jobs", "price"])
def test_what_the_provider_cannot_tell_asks_nobody(opened, provider, collector):
    """Without the capability the answer says so, and no method was called."""
    provider.capabilities = set()
    asker, _ = opened

    assert asker.perform(question(collector, "ibm_fez")).value is UNSUPPORTED
    assert provider.calls == []


def test_of_an_error_its_class_wait_and_type_are_told(opened, provider):
    """The words of a library's error go nowhere, those of ours are redacted."""
    asker, _ = opened
    error = Refused("CANARY")
    error.retry_after = "30"
    provider.raises["fleet"] = error
    provider.told["Refused"] = ErrorClass.RATE_LIMIT
    provider.raises["usage"] = ProviderError("usage: token=CANARY", ErrorClass.NETWORK)
    first, second = asker.perform(question()), asker.perform(question("usage"))

    assert (first.failure, first.retry_after, first.error) == (
        ErrorClass.RATE_LIMIT,
        30.0,
        "Refused",
    )
    assert second.error == "ProviderError: usage: token=***"


def test_after_a_refused_token_the_provider_is_opened_anew(opened, provider):
    """So that a token that was changed meanwhile is read."""
    asker, calls = opened
    provider.raises["fleet"] = Refused()
    provider.told["Refused"] = ErrorClass.AUTH
    asker.perform(question())
    provider.raises.clear()
    answer = asker.perform(question())

    assert (calls, provider.closed, answer.failure) == (["team", "team"], 1, None)


def test_a_provider_that_cannot_be_opened_is_a_failure_and_tried_again():
    """Opening that raises becomes an answer; the next question opens again."""
    tries = []

    def open_(config):
        tries.append(config)
        raise UsageError("no token")

    asker = Asker(CONFIG, open_, Clocks(lambda: 0.0, lambda: 0.0))
    answers = [asker.perform(question()) for _ in range(2)]

    assert len(tries) == 2
    assert [each.error for each in answers] == ["UsageError: no token"] * 2


def test_a_plug_in_that_cannot_even_classify_is_survived(opened, provider):
    """A `classify` that raises, or returns nonsense, makes the class `other`."""
    asker, _ = opened
    provider.raises["*"] = Refused()
    provider.told["Refused"] = "nonsense"

    assert asker.perform(question()).failure is ErrorClass.OTHER


def test_closing_never_raises(opened, provider):
    """A provider whose `close` raises is let go all the same."""
    asker, _ = opened
    asker.perform(question())

    def fail():
        raise Refused("CANARY")

    provider.close = fail
    asker.close()
    asker.close()
