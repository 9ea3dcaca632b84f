"""Whatever is imported first, and how: the hooks see it. Each case is an interpreter of its own."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from qgm_observe.journal import open_journal

CLASSES = {
    "sampler": ("qiskit.primitives", "StatevectorSampler"),
    "aer": ("qiskit_aer.primitives", "SamplerV2"),
}
OURS = "import qgm_observe; qgm_observe.instrument(model='m')\n"
IMPORTS = {
    "module": "import {module} as library\n",
    "from": "from {module} import {name} as kind\n",
}
MAKE = {"module": "library.{name}(seed=1)", "from": "kind(seed=1)"}
CIRCUIT = """
from qiskit import QuantumCircuit
bell = QuantumCircuit(2)
bell.h(0)
bell.cx(0, 1)
bell.measure_all()
"""
RUN = "{make}.run([bell], shots=8).result()\n"
LAZY = "def work():\n    {load}    {make}.run([bell], shots=8).result()\nwork()\n"

ORDERS = {
    "before": "{ours}{load}{circuit}{run}",
    "after": "{load}{circuit}{ours}{run}",
    "lazy": "{ours}{circuit}{lazy}",
    "made before": "{load}{circuit}early = {make}\n{ours}early.run([bell], shots=8).result()\n",
    "unloaded": "{ours}qgm_observe.uninstrument()\n{load}{circuit}{ours}{run}",
}


CASES = {
    "sampler": [
        *itertools.product(IMPORTS, ("before", "after", "lazy")),
        ("from", "made before"),
        ("from", "unloaded"),
    ],
    "aer": [("from", "before"), ("module", "after"), ("from", "lazy")],
}


@pytest.mark.parametrize("library", CASES)
def test_order_and_form_of_imports_do_not_matter(library: str, tmp_path: Path) -> None:
    """Before, after, from-import, lazily, with an early object: always one job."""
    module, name = CLASSES[library]
    scripts = {}
    for form, order in CASES[library]:
        parts = {"module": module, "name": name}
        load, make = IMPORTS[form].format(**parts), MAKE[form].format(**parts)
        scripts[form, order] = ORDERS[order].format(
            ours=OURS,
            load=load,
            make=make,
            circuit=CIRCUIT,
            run=RUN.format(make=make),
            lazy=LAZY.format(load=load, make=make),
        )
    for number, script in enumerate(scripts.values()):
        (tmp_path / f"{number}.py").write_text(script)
    started = [
        subprocess.Popen(
            [sys.executable, tmp_path / f"{number}.py"],
            env={"QGM_OBSERVE_JOURNAL": str(tmp_path / f"{number}.db"), "OMP_NUM_THREADS": "1"},
        )
        for number in range(len(scripts))
    ]

    assert [each.wait() for each in started] == [0] * len(scripts)
    jobs = {}
    for number, case in enumerate(scripts):
        with open_journal(tmp_path / f"{number}.db", read_only=True) as journal:
            events = journal.events(verbs=["finished"], nouns=["job"])
            jobs[case] = [event.body["shots"] for event in events]
    assert jobs == {case: [8] for case in scripts}
