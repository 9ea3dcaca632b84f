"""Which quantum libraries a record ran with: what changed before a failure is often one of them.

They stand in the record itself, and so are told where the contents that it rests on are not, for
instance by an exporter that journals are shipped to. The whole list is in its provenance.
"""

import sys
from collections.abc import Mapping
from functools import lru_cache

from qgm_observe.lifecycle.origin import packages

LIBRARIES = ("qiskit", "qiskit-aer", "qiskit-ibm-runtime", "pennylane", "amazon-braket-sdk")
"""By the names under which they are installed."""


def loaded_versions() -> Mapping[str, str]:
    """Return name to version of those libraries that are loaded now; nothing is imported for it."""
    return _versions(len(sys.modules))


@lru_cache(maxsize=1)
def _versions(_modules: int) -> Mapping[str, str]:
    return {name: version for name, version in packages().items() if name in LIBRARIES}
