"""`qgm-observe model compare`: verdict, exit code, lines."""

import json
import shlex
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from qgm_observe.cli import main
from qgm_observe.journal import OpenWork, open_journal
from qgm_observe.records import current_process
from qgm_observe.trackers import Version

from .canary_journal import BEGIN, DAY, canary

COMPARE = ("model", "compare", "qcbm", "3", "4")
WIDE = ("--margin", "success=0.15", "--margin", "latency=0.6")


@pytest.fixture
def ask(tmp_path, capsys):
    """The command on a journal, days after the canary began: exit code, output, errors."""

    def call(*words, days=6.5, **world):
        path = tmp_path / "journal.db"
        if not path.exists():
            canary(path, **world)
        until = datetime.fromtimestamp(BEGIN + days * DAY, UTC).isoformat()
        code = main([*COMPARE, "--journal", str(path), "--until", until, *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_an_equal_version_is_promoted(ask):
    """Exit code 0, each criterion within its margin, and the command that promotes it."""
    code, out, _ = ask(*WIDE)
    lines = out.splitlines()

    assert code == 0
    assert lines[0] == "promote: 4 is within the margin of every criterion"
    assert [line[2:22].strip() for line in lines[3:8]] == [
        *("success", "valid_shot_ratio", "latency p50, s", "latency p95, s"),
        "cost of a sample, s",
    ]
    assert all(line.endswith("within margin") for line in lines[3:8])
    assert lines[-1] == "next: qgm-observe model promote qcbm 4"


@pytest.mark.parametrize(
    ("world", "criterion"),
    [
        ({"failures": (0.05, 0.5)}, "success"),
        ({"scores": (0.8, 0.72)}, "valid_shot_ratio"),
        ({"seconds": (3.0, 6.0)}, "latency p50"),
        ({"device_seconds": (2.0, 3.0)}, "cost of a sample"),
    ],
    ids=["success", "quality", "latency", "cost"],
)
def test_a_worse_version_is_rolled_back(ask, world, criterion):
    """Exit code 1, what it is worse in, and the command that takes it back."""
    code, out, _ = ask(**world)
    lines = out.splitlines()

    assert code == 1
    assert lines[0] == f"roll back: 4 is worse in {criterion}"
    assert lines[-1] == "next: qgm-observe model rollback qcbm"


def test_too_little_is_held(ask, tmp_path):
    """Exit code 2, when an equal one is promoted, and the command that asks again."""
    code, out, err = ask(*WIDE, days=1.5, a_day=(60, 20))
    lines = out.splitlines()

    assert (code, err) == (2, "")
    assert lines[0].startswith("hold: it cannot be told yet for success, ")
    assert lines[0].endswith("; too few roots so far")
    assert lines[1].startswith("an equal 4 is promoted by about day ")
    assert lines[1].endswith(" roots a day (power 0.8)")
    assert "; the next at 2025-06-1" in out
    again = lines[-1].removeprefix("next: ")
    path = str(tmp_path / "journal.db")
    assert shlex.split(again) == ["qgm-observe", *COMPARE, "--journal", path, *WIDE]


def test_a_canary_that_takes_longer_than_all_looks_says_so_on_its_first_day(ask):
    """3 of 30 roots a day: days, and each way to begin it anew, before ten roots were seen."""
    _, out, _ = ask(days=1.5, a_day=(27, 3))
    lines = out.splitlines()
    days = float(lines[1].removeprefix("an equal 4 takes about ").split()[0])
    told = json.loads(ask("--json", days=1.5)[1])["expected"]

    assert "no look yet with 10 roots" in lines[0]
    assert days > 28
    assert lines[1].endswith("and 28 looks end on day 28:")
    assert lines[2].startswith("begin anew with --every ")
    assert 24 * days / 28 <= float(lines[2].split()[4].rstrip(",")) <= 24 * days / 28 + 1.2
    assert lines[2].endswith("or a wider --margin success")
    assert (told["is_planned"], told["slowest"]) == (False, "success")
    assert told["days"] == pytest.approx(days, rel=0.01)


def test_more_traffic_is_a_way_where_it_suffices(ask):
    """With fewer looks than needed, the roots a day are told with which they do."""
    lines = ask("--looks", "10", days=2.5, a_day=(90, 30))[1].splitlines()
    words = lines[2].split()

    assert lines[2].endswith(" roots a day for it or a wider --margin success")
    assert 30 < int(words[5]) <= 60


def test_before_ten_roots_nothing_is_foretold(ask):
    """On the first hours the line says what will tell how long it takes."""
    lines = ask(days=0.1, a_day=(27, 3))[1].splitlines()

    assert lines[1] == "the first 10 roots of 3 tell how long it takes"


class Registry:
    """A registry of one model, with aliases."""

    def __init__(self, **aliases):
        self.aliases = aliases

    def alias(self, model, alias):
        return self.aliases.get(alias) if model == "qcbm" else None

    def versions(self, model=None):
        pointed = [
            (each, tuple(name for name, version in self.aliases.items() if version == each))
            for each in ("4", "3")
        ]
        return [
            Version("qcbm", each, None, "", names, {}, 0.0)
            for each, names in pointed
            if model == "qcbm"
        ]

    def close(self):
        return


@pytest.fixture
def by_alias(tmp_path, monkeypatch, capsys):
    """The command with aliases of a registry: exit code, output, errors."""

    def call(*words, aliases, **world):
        def opened(name, address, *, create):
            assert (name, create) == ("mlflow", False)
            return Registry(**aliases)

        monkeypatch.setattr("qgm_observe.trackers.open_tracker", opened)
        path = tmp_path / "journal.db"
        if world:
            canary(path, **world)
        until = datetime.fromtimestamp(BEGIN + 6.5 * DAY, UTC).isoformat()
        code = main(["model", "compare", *words, "--journal", str(path), "--until", until])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.mark.parametrize(
    ("world", "code", "step"),
    [
        ({"scores": (0.8, 0.8)}, 0, "promote qcbm 4 --alias champion"),
        ({"scores": (0.8, 0.6)}, 1, "promote qcbm 3 --alias challenger"),
    ],
    ids=["equal", "worse"],
)
def test_aliases_are_asked_for(by_alias, world, code, step):
    """Versions are those that aliases point to, and the next command moves an alias."""
    told = by_alias(
        *("qcbm", "@champion", "@challenger", *WIDE),
        aliases={"champion": "3", "challenger": "4"},
        **world,
    )

    assert told[0] == code
    assert told[1].splitlines()[-1] == f"next: qgm-observe model {step}"


def test_a_later_look_compares_the_same_versions(by_alias):
    """The command that asks again names versions, for aliases may point elsewhere by then."""
    _, out, _ = by_alias("qcbm", "@champion", "4", aliases={"champion": "3"}, a_day=(27, 3))

    assert out.splitlines()[-1].startswith("next: qgm-observe model compare qcbm 3 4 --journal ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("qcbm", "@champion", "@next"),
            "model 'qcbm' has no alias 'next': write one of @champion",
        ),
        (("qgan", "@champion", "4"), "the registry has no model 'qgan': write versions instead"),
        (("qcbm", "3", "@champion"), "3 and @champion of qcbm are both version 3: point one"),
    ],
    ids=["alias", "model", "same"],
)
def test_what_the_registry_does_not_know_is_one_line(by_alias, words, said):
    """Exit code 2 and what to write instead, before a journal is read."""
    code, out, err = by_alias(*words, aliases={"champion": "3"})

    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_what_looks_worse_is_said(ask):
    """Where the candidate is behind by a margin, and that may be chance, no number is foretold."""
    code, out, _ = ask(days=1.5, a_day=(60, 15), failures=(0.02, 0.4))

    assert code == 2
    assert "4 is behind by a margin or more in success" in out.splitlines()[0]


def test_a_first_day_says_what_is_missing(ask):
    """Before ten roots of each there is no number, and the line says so."""
    code, out, _ = ask(days=1.5, a_day=(60, 4))

    assert code == 2
    assert "no look yet with 10 roots or sessions of each version" in out.splitlines()[0]
    assert "open: 60 and 4, needs 10 of each" in out


def test_machines_get_all_of_it(ask):
    """JSON has verdict, plan, estimates with intervals and counts, differences, the next step."""
    code, out, _ = ask("--json", scores=(0.8, 0.72))
    told = json.loads(out)
    by_name = {each["name"]: each for each in told["criteria"]}

    assert (code, told["verdict"], told["look"]) == (1, "roll back", 1)
    assert told["plan"]["false_rollback"] == 0.05
    assert told["next"] == "qgm-observe model rollback qcbm"
    quality = by_name["valid_shot_ratio"]
    assert quality["state"] == "worse"
    assert quality["stable"]["low"] < 0.8 < quality["stable"]["high"]
    assert quality["difference"]["low"] < -0.08 < quality["difference"]["high"] < 0
    assert by_name["success"]["clusters"] == [90, 30]
    assert (
        by_name["latency p50"]["difference"]["low"]
        < 1
        < by_name["latency p50"]["difference"]["high"]
    )


def test_asking_often_changes_nothing(ask):
    """Between two looks the verdict and its numbers are those of the last look."""
    first, again = (json.loads(ask("--json", days=days)[1]) for days in (2.1, 2.9))

    assert first["criteria"] == again["criteria"]
    assert first["look"] == again["look"] == 2


def test_what_never_ends_is_told(ask, tmp_path):
    """Open work of the candidate is counted, for it has no outcome that could count."""
    canary(tmp_path / "journal.db")
    process = current_process()
    body = {"model": "qcbm", "model_version": "4", "kind": "inference"}
    with open_journal(tmp_path / "journal.db") as journal:
        at = BEGIN + 4.5 * DAY
        work = OpenWork(
            subject="f" * 16,
            noun="job",
            run=None,
            opened_at=at,
            heartbeat=at,
            process=(process.host, process.boot, process.pid, process.started),
            body=body,
        )
        journal.append([], open_work=[work])

    assert "1 of 4 have not ended, the oldest began 48 h ago" in ask()[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--margin", "speed=1"), "--margin speed=1: write success, quality, latency, cost"),
        (("--margin", "cost"), "such as success=0.03"),
        (("--margin", "cost=-1"), "margin of cost of a sample"),
        (("--looks", "99"), "99 looks: write 1 to 60"),
        (("--every", "0"), "--every 0: write hours above 0"),
        (("--power", "1"), "power 1.0"),
        (("--kind", "training"), "no training of qcbm 4: write a model_version that is in the"),
    ],
)
def test_bad_input_is_one_line(ask, words, said):
    """Exit code 2, nothing on standard output, and what to write instead."""
    code, out, err = ask(*words, days=1.5, a_day=(20, 10))

    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_one_version_is_no_comparison(capsys):
    """The same version twice is refused before anything is read."""
    assert main(["model", "compare", "qcbm", "3", "3"]) == 2
    assert "3 twice: write the stable version, then the candidate" in capsys.readouterr().err


def test_help_loads_no_numbers():
    """The options of `model` need neither numpy nor a registry."""
    program = (
        "import sys, contextlib; from qgm_observe.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['model', 'compare', '--help'])\n"
        "sys.exit(bool({'numpy', 'scipy', 'mlflow'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)

    assert ended.returncode == 0
    assert b"Exit codes: 0 promote; 1 roll back; 2 hold" in b" ".join(ended.stdout.split())
