"""What the alerts on trends and causes are tried on."""

from collections.abc import Iterator

from qgm_observe.alerts.account_trials import accounts, quality
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.courses import Trials
from qgm_observe.alerts.device_trials import devices
from qgm_observe.alerts.scenario import Trial
from qgm_observe.alerts.telemetry_trials import telemetry
from qgm_observe.alerts.work_trials import trends, work


def trials(configuration: Configuration) -> Iterator[Trial]:
    """Yield the trials of all trends and causes."""
    made = Trials(configuration)
    for each in (trends, work, devices, accounts, quality, telemetry):
        yield from each(made)
