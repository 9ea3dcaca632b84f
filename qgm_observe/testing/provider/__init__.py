"""A provider on loopback that speaks IBM's REST interface, for tests, drills and examples.

    with IBMProvider(["fake_fez"], clock=VirtualClock(), seed=7) as provider:
        service = provider.service()  # an unmodified QiskitRuntimeService
        provider.devices["ibm_fez"].queue = 12
        provider.faults.add("GET", "/backends/*/status", status=503, count=2)
        provider.clock.advance(60)

For another process: `provider.env`, or `python -m qgm_observe.testing.provider`.

Jobs are simulated on Aer with the circuit's own qubits. Devices, configurations and calibrations
are the snapshots of the client's package, dates in UTC. Times are those of the virtual clock, but
for the times of access tokens, which the client compares with its own clock.

What is known of IBM's service, and from where:

- Paths, fields, states and the form of errors: IBM's OpenAPI text 0.45.3 and what client 0.51
  reads. `usage.qpu_charge_time_seconds` is the billed time since API version 2026-03-15.
- Error codes 1007, 1200 to 1205: the error code registry; 1305: the client. Other refusals carry
  their HTTP status as code.
- A session starts with its first job, keeps the device, goes inactive after its interactive time
  to live, and its later jobs queue again. At its maximum time to live what runs runs through and
  what waits fails. Unused for 30 minutes it closes: guides "Maximum execution time" and "Run jobs
  in a session". Closing by `DELETE` drops what waits: OpenAPI.
- Usage of a session is the time from its first start until it goes inactive, is closed or its
  last job ends; of a batch the time of its jobs: the client's `Session.usage`.
- The cost limit ends sessions: what runs runs through, what waits is cancelled; a job beyond its
  own maximum is cancelled: guide "Maximum execution time".
- With the quota used up, or the device off or in maintenance, jobs are taken and wait: the
  client's warning, and its lack of any.

Assumed, for no source tells: the interactive times (60 s, batch 1 s); billed time settles 30 s
after a job's end and equals its running time; jobs of one account run one at a time; a running job
survives its device's going off; a submission to a closed session gets 400; logs before the end get
404; properties before the first calibration are empty; `elapsed_time` is null while a session is
active. Left out: mock devices (`dry_run`), workloads, the legacy program `estimator`, TLS.
"""

from qgm_observe.testing.provider.clock import VirtualClock
from qgm_observe.testing.provider.faults import Fault
from qgm_observe.testing.provider.ibm import IBMProvider
from qgm_observe.testing.provider.jobs import RAN_TOO_LONG, Fate

__all__ = ["RAN_TOO_LONG", "Fate", "Fault", "IBMProvider", "VirtualClock"]
