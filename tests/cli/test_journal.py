"""The command `journal`: info, export and prune as a user types them."""

import csv
import io
import json
from datetime import datetime

import pytest

from qgm_observe.cli import main
from qgm_observe.journal import Event, Journal, JsonlJournal, Totals

NOON = datetime(2026, 10, 1, 12).astimezone().timestamp()


def finished(noun, subject, at, **body):
    return Event(
        verb="finished",
        noun=noun,
        subject=subject,
        at=at,
        run="r",
        id=f"{subject}/finished",
        body={
            "start": at - 2.0,
            "duration": 2.0,
            "outcome": "success",
            "stages": [["compile", 0.0, 0.5, "local"]],
            **body,
        },
    )


EVENTS = [
    finished("job", "j1", NOON - 3600, device="aer", shots=1024),
    finished("job", "j2", NOON + 3600, device="ibm_fez"),
    finished("run", "r", NOON + 3700, model="qcbm", steps=1, process="p"),
]


@pytest.fixture(params=[Journal, JsonlJournal])
def path(request, tmp_path):
    """A journal with a run of two jobs, in either form, recorded a year ago."""
    name = "journal.db" if request.param is Journal else "journal.jsonl"
    with request.param.open(tmp_path / name, clock=lambda: NOON) as journal:
        journal.append(EVENTS)
    return tmp_path / name


@pytest.fixture
def call(capsys):
    """Runs the command line; returns exit code, output and errors."""

    def call(*words):
        try:
            code = main(["journal", *map(str, words)])
        except SystemExit as leaving:
            code = leaving.code
        return (code, *capsys.readouterr())

    return call


def test_info_tells_what_is_there(call, path):
    """Rows, runs, sizes and the path stand one a line."""
    code, out, err = call("info", "--journal", path)
    told = dict(line.split(maxsplit=1) for line in out.splitlines() if not line.startswith("open"))
    assert (code, err) == (0, "")
    assert told["journal"] == str(path)
    assert told["job"] == "2 finished"
    assert told["runs"] == "1"
    assert "integrity" not in told
    assert "open now    nothing" in out


def test_info_speaks_json(call, path):
    """For machines the same facts are one JSON object."""
    code, out, _ = call("info", "--json", "--check", "--journal", path)
    told = json.loads(out)
    assert code == 0
    assert told["rows"] == {"job": {"finished": 2}, "run": {"finished": 1}}
    assert (told["integrity"], told["path"]) == ("ok", str(path))


def test_a_fault_is_exit_code_1(call, tmp_path):
    """A check that finds a fault says which and fails."""
    path = tmp_path / "journal.db"
    with Journal.open(path) as journal:
        journal.append(EVENTS)
    path.write_bytes(path.read_bytes().replace(b"/finished", b"/finishex", 1))
    code, out, _ = call("info", "--check", "--journal", path)
    assert code == 1
    assert "missing from index" in out


def test_a_run_is_shown_again(call, path):
    """The latest run is told with its jobs and what its process tallied in its time."""
    tallied = Totals()
    for number in range(7):
        tallied.add(finished("job", f"t{number}", NOON + 3650, shots=10, circuits=1))
    body = {"totals": tallied.to_json()}
    opening = Journal.open if path.suffix == ".db" else JsonlJournal.open
    counted = [
        Event(verb="tallied", noun="process", subject=who, at=NOON + at, body=body, id=f"{who}{at}")
        for at, who in ((3701, "p"), (3701, "other"), (7000, "p"))
    ]
    with opening(path, clock=lambda: NOON + 9000) as journal:
        journal.append(counted)
    code, out, _ = call("show", "--journal", path, "--json")

    told = json.loads(out)
    assert (code, told["run"], told["outcome"], told["seconds"]) == (0, "r", "success", 2.0)
    assert told["jobs"] == {"success": 9}
    assert "2.00 s" in call("show", "latest", "--journal", path)[1]


def test_export_writes_a_record_a_line(call, path):
    """Jobs are the default, each a JSON object with its labels and stages."""
    code, out, _ = call("export", "--journal", path)
    jobs = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(job["id"], job["device"], job["shots"]) for job in jobs] == [
        ("j1", "aer", 1024),
        ("j2", "ibm_fez", None),
    ]
    assert jobs[0]["stages"][0]["stage"] == "compile"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--since", "2026-10-01T12:00"], ["j2"]),
        (["--until", "2026-10-01 12:00"], ["j1"]),
        (["--since", "2026-10-01", "--until", "2026-10-02"], ["j1", "j2"]),
        (["--since", "2026-10-02"], []),
        (["--noun", "run"], ["r"]),
        (["--noun", "step"], []),
    ],
)
def test_export_is_bounded_by_time_and_noun(call, path, words, expected):
    """Dates and times are local; what began in between is exported."""
    _, out, _ = call("export", "--journal", path, *words)
    assert [json.loads(line)["id"] for line in out.splitlines()] == expected


def test_export_of_events_has_every_row(call, path):
    """The noun `event` gives the rows themselves, with their bodies."""
    _, out, _ = call("export", "--journal", path, "--noun", "event")
    events = [json.loads(line) for line in out.splitlines()]
    assert [(event["id"], event["body"]) for event in events] == [
        (event.id, event.body) for event in EVENTS
    ]


def test_export_as_csv_has_a_column_a_field(call, path):
    """A table has the labels, the outcome and the seconds of each stage."""
    _, out, _ = call("export", "--journal", path, "--format", "csv")
    first, second = csv.DictReader(io.StringIO(out))
    assert (first["id"], first["shots"], first["compile_seconds"]) == ("j1", "1024", "0.5")
    assert (second["device"], second["shots"], second["queue_seconds"]) == ("ibm_fez", "", "")


def test_events_as_csv_carry_their_bodies_as_json(call, path):
    """A body in a table is JSON again when it is read back."""
    _, out, _ = call("export", "--journal", path, "--format", "csv", "--noun", "event")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [json.loads(row["body"]) for row in rows] == [event.body for event in EVENTS]


def test_export_writes_into_a_file(call, path, tmp_path):
    """With --output nothing is printed and the file holds the lines."""
    target = tmp_path / "out.jsonl"
    assert call("export", "--journal", path, "--output", target) == (0, "", "")
    assert len(target.read_text().splitlines()) == 2


def test_export_into_a_place_that_cannot_be_written(call, path, tmp_path):
    """An output that cannot be written is one line and exit code 2."""
    code, out, err = call("export", "--journal", path, "--output", tmp_path / "none" / "x")
    assert (code, out) == (2, "")
    assert err.endswith("No such file or directory; give another file\n")
    assert err.count("\n") == 1


def test_a_dry_run_tells_and_keeps(call, path):
    """Nothing is removed, also without being asked."""
    code, out, _ = call("prune", "--journal", path, "--older-than", "1e9", "--dry-run")
    assert code == 0
    assert out.startswith("0 rows and 0 blobs would go")
    assert len(call("export", "--journal", path)[1].splitlines()) == 2


@pytest.fixture
def old(tmp_path):
    """A SQLite journal whose rows were recorded long ago."""
    path = tmp_path / "journal.db"
    with Journal.open(path, clock=lambda: 1000.0) as journal:
        journal.append(EVENTS)
    return path


def test_prune_removes_what_is_old(call, old):
    """With --yes the old rows go, except the newest, and the line says how many."""
    code, out, _ = call("prune", "--journal", old, "--older-than", "30", "--yes")
    assert code == 0
    assert out.startswith("2 rows and 0 blobs pruned")
    assert "2 rows, kept in the totals" in call("info", "--journal", old)[1]


def test_prune_takes_its_limits_from_the_settings(call, old, monkeypatch):
    """Without options the configured retention holds."""
    monkeypatch.setenv("QGM_OBSERVE_RETENTION_DAYS", "1e6")
    assert call("prune", "--journal", old, "--yes")[1].startswith("0 rows")
    monkeypatch.delenv("QGM_OBSERVE_RETENTION_DAYS")
    assert call("prune", "--journal", old, "--yes")[1].startswith("2 rows")


def test_prune_asks_before_it_removes(call, old, monkeypatch):
    """At a terminal a no keeps everything and is exit code 1; a yes prunes."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, code, told in (("n", 1, "nothing was pruned\n"), ("y", 0, "2 rows")):
        monkeypatch.setattr("builtins.input", lambda question, answer=answer: answer)
        found = call("prune", "--journal", old)
        assert found[0] == code
        assert found[1].startswith(told)


def test_prune_in_a_script_needs_yes(call, old):
    """Where nobody can be asked, one line tells the two options."""
    code, out, err = call("prune", "--journal", old)
    assert (code, out) == (2, "")
    assert err == (
        "qgm-observe: prune removes rows: write --yes, or --dry-run to see what would go\n"
    )


def test_the_journal_of_the_settings_is_the_default(call, old, monkeypatch):
    """Without --journal the environment names the journal."""
    monkeypatch.setenv("QGM_OBSERVE_JOURNAL", str(old))
    code, out, _ = call("info")
    assert code == 0
    assert str(old) in out


@pytest.mark.parametrize("verb", ["info", "show", "export", "prune"])
def test_a_journal_that_is_not_there_is_not_created(call, tmp_path, verb):
    """A mistyped path is one line and exit code 2, and stays absent."""
    code, out, err = call(verb, "--journal", tmp_path / "none.db")
    assert (code, out) == (2, "")
    assert err.startswith(f"qgm-observe: no journal at {tmp_path / 'none.db'}")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["export", "--since", "yesterday"], "write a date or time such as 2026-10-01"),
        (["prune", "--older-than", "-1"], "write a number of 0 or more"),
        (["prune", "--max-bytes", "nan"], "write a number of 0 or more"),
        (["export", "--noun", "circuit"], "invalid choice"),
        (["shout"], "invalid choice"),
        ([], "VERB"),
    ],
)
def test_bad_input_is_one_line(call, words, line):
    """What cannot be read is exit code 2 and one line that says what to write."""
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1


def test_what_is_no_journal_is_one_line(call, tmp_path):
    """A file that is no journal is refused, and stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("just notes" * 100)
    code, _, err = call("info", "--journal", path)
    assert (code, err.count("\n")) == (2, 1)
    assert path.read_text() == "just notes" * 100
