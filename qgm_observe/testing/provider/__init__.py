"""A provider on loopback that speaks IBM's REST interface, for tests, drills and examples."""

from qgm_observe.testing.provider.clock import VirtualClock
from qgm_observe.testing.provider.faults import Fault
from qgm_observe.testing.provider.ibm import IBMProvider
from qgm_observe.testing.provider.jobs import Fate

__all__ = ["Fate", "Fault", "IBMProvider", "VirtualClock"]
