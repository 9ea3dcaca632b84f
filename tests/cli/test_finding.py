"""Runs by what people write."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qgm_observe.cli.finding import find, find_run
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, Store, open_journal

Began = Callable[..., None]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Store]:
    """An empty journal."""
    with open_journal(tmp_path / "journal.db") as made:
        yield made


@pytest.fixture
def began(journal: Store) -> Began:
    """Lets runs be in the journal, each with the one it is inside."""

    def begin(*runs: tuple[str, float, str | None]) -> None:
        for name, start, parent in runs:
            body = {"start": start} | ({} if parent is None else {"parent": parent * 8})
            subject = name * 8
            place = {"noun": "run", "subject": subject, "run": subject, "body": body}
            journal.append(
                [Event(verb="finished", at=start + 100, id=f"{subject}/finished", **place)]
            )

    return begin


def test_runs_are_found_by_when_they_began(journal: Store, began: Began) -> None:
    """The latest is the one that began last, though another was written after it."""
    began(("bbbb", 2.0, None), ("cccc", 3.0, None), ("aaaa", 1.0, None))

    assert find_run(journal, "latest").subject == "cccc" * 8
    assert find_run(journal, "previous").subject == "bbbb" * 8
    assert find_run(journal, "aaaa").subject == "aaaa" * 8


def test_runs_inside_one_another_are_one_execution(journal: Store, began: Began) -> None:
    """A script with a run of its own is compared with the execution before, not with itself."""
    began(("aaaa", 1.0, None), ("bbbb", 2.0, "aaaa"))
    assert find(journal, "run", "previous") is None

    began(("cccc", 11.0, None), ("dddd", 12.0, "cccc"), ("eeee", 13.0, "dddd"))
    assert find_run(journal, "latest").subject == "eeee" * 8
    assert find_run(journal, "previous").subject == "bbbb" * 8


def test_a_run_whose_parent_is_gone_is_an_execution(journal: Store, began: Began) -> None:
    """What retention has pruned holds nothing together."""
    began(("aaaa", 1.0, "ffff"), ("bbbb", 2.0, None))

    assert find_run(journal, "previous").subject == "aaaa" * 8


def test_what_is_not_there_is_one_line(journal: Store, began: Began) -> None:
    """A journal with one execution has no previous one, and says what to write."""
    began(("aaaa", 1.0, None))

    with pytest.raises(UsageError, match="run 'previous' is not in"):
        find_run(journal, "previous")
