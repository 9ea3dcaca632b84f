"""What a run rests on, gathered from its record and those of its jobs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.cli.run_facts import RunFacts, by_option, facts_of
from qgm_observe.journal import Blob, Event, Store, open_journal

RUN = "ab" * 16
ENTRY = {"structure": "5tr", "layout": [3, 1], "gates": {"cz": 4}, "parameters": 8}

Gather = Callable[..., RunFacts]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], {}),
        (["--lr", "0.1", "--fast", "--out=x"], {"--lr": "0.1", "--fast": "given", "--out": "x"}),
        (
            ["7", "-3", "--shift", "-0.5"],
            {"argument 1": "7", "argument 2": "-3", "--shift": "-0.5"},
        ),
        (["-v", "-n", "4", "data"], {"-v": "given", "-n": "4", "argument 1": "data"}),
    ],
    ids=["none", "options", "negative", "short"],
)
def test_arguments_by_option(words: list[str], told: dict[str, str]) -> None:
    """An option has the word that follows it or its equals sign; the rest is told by place."""
    assert by_option(words) == told


@pytest.fixture
def gather(tmp_path: Path) -> Iterator[Gather]:
    """Facts of a run with one document, and of jobs with one each."""
    with open_journal(tmp_path / "journal.db") as journal:

        def gather(run: dict[str, Any], *jobs: dict[str, Any], **body: Any) -> RunFacts:
            for number, job in enumerate(jobs):
                inline = {"provenance": {"seeds": job.pop("inline", {})}}
                shots = {"shots": 1_000 * (number + 1), "circuits": 2}
                place = {"provider": "ibm", "device": "ibm_fez"}
                append(journal, "job", f"j{number}", job, **inline, **shots, **place)
            return facts_of(journal, append(journal, "run", RUN, run, **body))

        yield gather


def append(journal: Store, noun: str, subject: str, document: Any, **body: Any) -> Event:
    """Append a finished record with a document of provenance."""
    blob = Blob("provenance", json.dumps(document).encode())
    told = {"blobs": {"provenance": [blob.hash]}} | body
    event = Event(
        verb="finished", noun=noun, subject=subject, run=RUN, at=1.0, body=told, id=f"{subject}/f"
    )
    journal.append([event], blobs=[blob])
    return event


def test_seeds_are_gathered_from_everywhere(gather: Gather) -> None:
    """Of the core, of arguments, of jobs; of samplers seeded anew for each job the least."""
    facts = gather(
        {"settings": {"seed": 7, "reps": 2}, "arguments": ["--seed", "7", "--lr", "1"]},
        {"seeds": {"seed_transpiler": 11}, "inline": {"sampler": 102}},
        {"seeds": {"seed_transpiler": 11}, "inline": {"sampler": 101}},
    )

    assert facts.seeds == {"seed": 7, "--seed": "7", "seed_transpiler": 11, "sampler": 101}
    assert facts.settings == {"reps": 2}
    assert facts.arguments == {"--lr": "1"}


def test_options_of_samplers_are_settings(gather: Gather) -> None:
    """What a sampler was set to is compared like any other setting."""
    facts = gather({}, {"options": {"dynamical_decoupling.enable": True}})

    assert facts.settings == {"sampler dynamical_decoupling.enable": True}


def test_levels_are_those_of_the_jobs(gather: Gather) -> None:
    """What hooks saw of compilations goes before what a core says it asked for."""
    seen = ENTRY | {"compiled": {"optimization_level": 3, "layout_method": "sabre"}}
    facts = gather({"settings": {"optimization_level": 1}}, {"circuits": [seen]})

    assert facts.levels == {"3"}
    assert facts.settings == {"layout_method": "sabre"}


def test_a_core_s_level_is_told_where_no_job_tells(gather: Gather) -> None:
    """A level among the settings is a level, and no setting."""
    facts = gather({"settings": {"optimization_level": 1}}, {"circuits": [ENTRY]})

    assert (facts.levels, facts.settings) == ({"1"}, {})


def test_circuits_are_told_by_layout_gates_and_size(gather: Gather) -> None:
    """The qubits in use are those of all layouts; one without a layout has no size in qubits."""
    bare = {"structure": "0th", "layout": None, "gates": {"h": 1}, "parameters": 0}
    facts = gather({}, {"circuits": [ENTRY]}, {"circuits": [bare, ENTRY]})

    assert facts.qubits == {1, 3}
    assert facts.gates == {'{"cz": 4}', '{"h": 1}'}
    assert facts.sizes == {(2, 8), (0, 0)}
    assert facts.shots == 750.0


def test_what_tells_nothing_of_results_is_left_out(gather: Gather) -> None:
    """A checkpoint's path and an exit code are no settings; a note is."""
    facts = gather({}, attributes={"checkpoint": "x", "exit_code": 0, "ansatz": "su2"})

    assert facts.settings == {"ansatz": "su2"}
    assert facts.gaps == {}


def test_a_failed_compilation_is_no_device(tmp_path: Path) -> None:
    """A job that failed while compiling tells how, and its unknown device is none of the run's."""
    failed = {"pass": "VF2Layout", "error": {"type": "qiskit.TranspilerError"}}
    with open_journal(tmp_path / "journal.db") as journal:
        place = {"provider": "unknown", "device": "unknown"}
        append(journal, "job", "j", {}, attributes={"compilation": failed}, **place)
        facts = facts_of(journal, append(journal, "run", RUN, {}))

    assert facts.failures == {"VF2Layout: TranspilerError"}
    assert facts.devices == {}


def test_a_noise_model_is_told_by_the_job_that_knows_most(tmp_path: Path) -> None:
    """A content of all qubits goes before one of some, whichever job was the last."""
    whole = Blob("noise_model", b'{"gates":[],"passes":[],"qubits":[],"readout":[],"whole":true}')
    some = Blob("noise_model", b'{"gates":[],"passes":[],"qubits":[0,1],"readout":[]}')
    with open_journal(tmp_path / "journal.db") as journal:
        for number, blob in enumerate((some, whole, some)):
            journal.append([], blobs=[blob])
            append(journal, "job", f"j{number}", {"noise_model": {"hash": blob.hash}})
        facts = facts_of(journal, append(journal, "run", RUN, {}))

    assert facts.noise is not None
    assert (facts.noise["hash"], facts.noise["whole"]) == (whole.hash, True)


def test_a_noise_model_that_is_not_kept_is_its_hash(gather: Gather) -> None:
    """Without its content it can still be compared."""
    facts = gather({}, {"noise_model": {"hash": "0123456789abcdef", "qubits": 2}})

    assert facts.noise == {"hash": "0123456789abcdef"}


def test_a_gap_of_some_jobs_says_of_how_many(gather: Gather) -> None:
    """What other jobs of the run tell is not simply unknown."""
    known = {"noise_model": {"hash": "0123456789abcdef"}, "gaps": {"layout": "none"}}
    facts = gather({}, known, {"gaps": {"noise_model": "it cannot be written", "layout": "none"}})

    assert facts.gaps == {
        "noise_model": "of 1 of 2 jobs: it cannot be written",
        "layout": "none",
    }
