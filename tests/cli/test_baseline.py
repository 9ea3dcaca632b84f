"""`qgm-observe baseline`: captured from the journal, shown, frozen."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qgm_observe.cli import main
from qgm_observe.journal import Event, open_journal

DAY = 86_400.0
START = 20_000 * DAY
LABELS = {"model": "qcbm", "model_version": "1", "device": "ibm_fez"}


def estimates(name: str, days: int, level: float, **more: Any) -> list[Event]:
    """One estimate a day about a level."""
    values = level + 0.01 * np.random.default_rng(1).standard_normal(days)
    return [
        Event(
            verb="estimate",
            noun="job",
            subject="j",
            at=START + day * DAY + 60,
            body=LABELS | more | {"name": name, "value": float(value)},
            id=f"{name}/{day}/{more}",
        )
        for day, value in enumerate(values)
    ]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Forty days of one score and ten of another."""
    path = tmp_path / "journal.db"
    with open_journal(path) as store:
        store.append([*estimates("linear_xeb", 40, 0.8), *estimates("effective_modes", 10, 5.0)])
    return path


@pytest.fixture
def ask(journal: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command on the journal: exit code, output, errors."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["baseline", *words, "--journal", str(journal)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_level_is_captured_and_shown(ask: Callable[..., tuple[int, str, str]]) -> None:
    """Forty days make a level with charts; ten do not, which is said."""
    code, out, err = ask("capture", "--json")
    (made,) = map(json.loads, out.splitlines())
    shown = ask("show")

    assert code == 0
    assert made["series"] == "linear_xeb/none/qcbm/1/ibm_fez/unknown"
    assert made["baseline"]["n"] == 40
    assert made["baseline"]["center"] == pytest.approx(0.8, abs=0.01)
    assert [chart["level"] for chart in made["state"]["charts"]] == [0, 0]
    assert err.startswith("not captured: 1 series lack 30 points yet (most: 10, one each 24 h): ")
    assert shown[0] == 0
    assert "linear_xeb" in shown[1]


def test_a_frozen_one_stays_as_it_is(
    ask: Callable[..., tuple[int, str, str]], journal: Path
) -> None:
    """After a freeze new history changes nothing without --force."""
    ask("capture")
    frozen = ask("freeze", "--json")
    with open_journal(journal) as store:
        store.append(estimates("linear_xeb", 40, 0.5, circuit="unknown"))
    refused = ask("capture", "--statistic", "linear_xeb")
    kept = json.loads(ask("show", "--json")[1])
    forced = ask("capture", "--statistic", "linear_xeb", "--force", "--json")

    assert json.loads(frozen[1])["frozen"]
    assert refused[0] == 2
    assert "--force" in refused[2]
    assert kept["baseline"]["center"] == pytest.approx(0.8, abs=0.01)
    assert forced[0] == 0
    assert json.loads(forced[1])["baseline"]["center"] == pytest.approx(0.65, abs=0.01)
    assert json.loads(forced[1])["frozen"]


def test_a_file_of_the_users_keeps_them_apart(
    ask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """With --file the journal is only read; freezing works in the file as well."""
    file = tmp_path / "b.json"
    captured = ask("capture", "--file", str(file))
    frozen = ask("freeze", "--file", str(file), "--json")
    again = ask("capture", "--file", str(file))
    thawed = ask("freeze", "--undo", "--file", str(file), "--json")

    assert [captured[0], frozen[0], again[0], thawed[0]] == [0, 0, 2, 0]
    assert not json.loads(thawed[1])["frozen"]
    assert json.loads(file.read_text()) == {
        name: value for name, value in json.loads(thawed[1]).items() if name != "series"
    }
    assert ask("show")[0] == 1


def test_each_evaluation_may_be_a_point(ask: Callable[..., tuple[int, str, str]]) -> None:
    """`--every evaluation` takes a level without spacing, and watches nothing."""
    code, out, _ = ask("capture", "--every", "evaluation", "--statistic", "linear_xeb")

    assert code == 0
    assert "not watched" in out


@pytest.mark.parametrize(
    ("words", "say"),
    [
        (("capture", "--statistic", "nothing"), "nothing was measured"),
        (("capture", "--statistic", "effective_modes"), "no series has 30 points yet (most: 10"),
        (("capture", "--until", "2001-01-01"), "nothing was measured until then"),
        (("capture", "--until", "2024-10-25T00:00+00:00"), "no series has 30 points yet (most: 21"),
        (("capture", "--since", "2099-01-01"), "nothing was measured"),
        (("show", "--file", "{folder}/bad"), "baseline capture --file"),
        (("capture", "--file", "{folder}/none/b", "--statistic", "linear_xeb"), "written"),
    ],
    ids=str,
)
def test_bad_input_is_one_line(
    words: tuple[str, ...], say: str, ask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """What cannot be done ends with code 2 and one line that says what to write."""
    (tmp_path / "bad").write_text("[]")
    code, out, err = ask(*(word.format(folder=tmp_path) for word in words))

    assert (code, out) == (2, "")
    assert say in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "value", "say"),
    [("--every", value, "write 1d, 6h, 1h or evaluation") for value in ("1m", "d", "0d", "infd")]
    + [("--false-alarms", value, "write a number above 0") for value in ("0", "many", "inf")],
)
def test_options_that_cannot_be_meant_are_refused(
    option: str,
    value: str,
    say: str,
    ask: Callable[..., tuple[int, str, str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A point each hour is the least that can be watched, and a rate is above 0."""
    with pytest.raises(SystemExit) as ended:
        ask("capture", option, value)

    assert ended.value.code == 2
    assert say in capsys.readouterr().err


def test_without_a_journal_it_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A journal that is not there is not made."""
    path = tmp_path / "none.db"

    assert main(["baseline", "show", "--journal", str(path)]) == 2
    assert "record some work first" in capsys.readouterr().err
    assert not path.exists()


def test_what_came_after_the_healthy_time_is_judged_at_once(
    ask: Callable[..., tuple[int, str, str]], journal: Path
) -> None:
    """A level until a date has its charts stepped over the days since; a fall shows as drift."""
    later = [
        replace(event, at=event.at + 40 * DAY, id=f"later/{event.id}")
        for event in estimates("linear_xeb", 10, 0.7)
    ]
    with open_journal(journal) as store:
        store.append(later)
    until = datetime.fromtimestamp(START + 40 * DAY, UTC).isoformat()
    made = json.loads(ask("capture", "--statistic", "linear_xeb", "--until", until, "--json")[1])

    assert made["baseline"]["n"] == 40
    assert made["state"]["observed"] == 10
    assert "drifting" in " ".join(ask("show")[1].split())
