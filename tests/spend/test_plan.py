"""What is planned, as a line."""

import pytest

from qgm_observe.catalog import ExecutionMode
from qgm_observe.errors import UsageError
from qgm_observe.providers.cost import Cost
from qgm_observe.spend.plan import EXAMPLE, Plan, plan


def test_the_example_is_read():
    """The line that errors show as an example gives what it says."""
    assert plan(EXAMPLE) == Plan(
        device="ibm_fez",
        mode=ExecutionMode.SESSION,
        jobs=200,
        circuits=4,
        shots=1024,
        between=(10.0, 10.0),
    )


def test_every_part_can_be_written():
    """Provider, ranges, budgets and submission at once have words of their own."""
    told = plan("braket/Garnet, 1 job, 8-12 s between, 2-3.5 s each, at once, 20.50 USD, 600 s")

    assert (told.provider, told.device, told.jobs, told.at_once) == ("braket", "Garnet", 1, True)
    assert (told.between, told.each) == ((8.0, 12.0), (2.0, 3.5))
    assert told.money == Cost(pytest.approx(20.5), "USD")
    assert told.device_seconds == 600.0


@pytest.mark.parametrize(
    ("device", "provider"),
    [("ibm_fez", "ibm"), ("fake_fez", "local"), ("aer_simulator", "local")],
)
def test_a_simulator_is_local(device, provider):
    """A name that only a simulator has tells the provider, another one is IBM's."""
    assert plan(f"{device}, 3 jobs").provider == provider


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "name a device"),
        ("100 jobs", "name a device"),
        ("ibm_fez, 0 jobs", "count of 1 or more"),
        ("ibm_fez, 5 shots, 6 shots", "shots stands twice"),
        ("ibm_fez, ibm_kingston", "device stands twice"),
        ("ibm_fez, 3 potatoes", "cannot be read: write for instance"),
        ("ibm_fez, 12-8 s between", "write least, then most"),
        ("ibm_fez, 1.2.3 s between", "write a number"),
    ],
)
def test_what_cannot_be_meant_is_one_line(text, message):
    """Each mistake is told in one line that says what to write."""
    with pytest.raises(UsageError, match=message) as told:
        plan(text)

    assert "\n" not in str(told.value)
