import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.training.checkpoints import (
    FORMAT,
    Checkpoint,
    CheckpointStore,
    require_same,
    write_json,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def checkpoint(step, value=0.5):
    random = dict(np.random.default_rng(step).bit_generator.state)
    return Checkpoint(step, [value], {"count": step}, random, [1.0] * step, {"seed": 0})


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def full_disk(_):
    raise OSError(28, "No space left on device")


@given(st.lists(FINITE, max_size=20), st.integers(0, 2**128 - 1))
def test_a_checkpoint_comes_back_to_the_last_bit(tmp_path_factory, parameters, word):
    """Doubles and 128-bit generator states survive the file exactly."""
    store = CheckpointStore(tmp_path_factory.mktemp("run"))
    saved = Checkpoint(3, parameters, {"first": parameters}, {"state": word}, parameters, {"a": 1})

    store.save(saved)

    assert store.latest() == saved
    assert list(map(repr, store.latest().parameters)) == list(map(repr, parameters))


def test_old_checkpoints_are_pruned(tmp_path):
    """Of five saves the newest two files remain, and nothing else."""
    store = CheckpointStore(tmp_path, keep=2)
    for step in range(1, 6):
        store.save(checkpoint(step))

    assert names_in(tmp_path) == ["step-00000004.json", "step-00000005.json"]
    assert store.latest().step == 5


def test_a_failed_write_leaves_the_older_files_alone(tmp_path, monkeypatch):
    """A disk that is full while writing keeps the last checkpoint whole and leaves no draft."""
    store = CheckpointStore(tmp_path)
    store.save(checkpoint(1))
    monkeypatch.setattr(os, "fsync", full_disk)

    with pytest.raises(OSError, match="No space left"):
        store.save(checkpoint(2))

    assert names_in(tmp_path) == ["step-00000001.json"]
    assert store.latest().step == 1


def test_a_file_appears_only_when_it_is_complete(tmp_path, monkeypatch):
    """Until the content is on the disk a reader sees the old content under the name."""
    path = tmp_path / "model.json"
    write_json(path, {"version": 1})
    seen = []
    flush = os.fsync

    def look(descriptor):
        flush(descriptor)
        seen.append(json.loads(path.read_text()))

    monkeypatch.setattr(os, "fsync", look)
    write_json(path, {"version": 2})

    assert seen == [{"version": 1}]
    assert json.loads(path.read_text()) == {"version": 2}


def test_a_reader_keeps_the_file_that_it_opened(tmp_path):
    """A file is replaced, never overwritten: who has the old one open reads the old content."""
    path = write_json(tmp_path / "model.json", {"version": 1})
    with path.open(encoding="utf-8") as reader:
        write_json(path, {"version": 2})

        assert json.load(reader) == {"version": 1}


def test_a_draft_left_by_a_killed_process_is_not_read(tmp_path):
    """A draft beside the checkpoints is ignored, and replaced by the next save of that step."""
    store = CheckpointStore(tmp_path)
    store.save(checkpoint(1))
    (tmp_path / ".step-00000002.json.draft").write_text('{"format"')

    assert store.latest().step == 1
    store.save(checkpoint(2))
    assert names_in(tmp_path) == ["step-00000001.json", "step-00000002.json"]


@pytest.mark.parametrize("damage", ["", '{"format": 1, "step"', "[]", '{"format": 1}', '{"a": 1}'])
def test_a_damaged_checkpoint_is_passed_over(tmp_path, damage):
    """The newest file is torn: the one before it is used, with one warning that names the file."""
    store = CheckpointStore(tmp_path)
    store.save(checkpoint(1))
    (tmp_path / "step-00000002.json").write_text(damage)

    with pytest.warns(UserWarning, match=r"step-00000002\.json is damaged"):
        assert store.latest().step == 1


@pytest.mark.filterwarnings("ignore:checkpoint")
def test_only_damaged_checkpoints_are_an_error(tmp_path):
    """A training never silently starts anew where checkpoints were."""
    (tmp_path / "step-00000001.json").write_text("torn")

    with pytest.raises(ValueError, match=r"every checkpoint in .* is damaged"):
        CheckpointStore(tmp_path).latest()


def test_a_newer_format_is_refused(tmp_path):
    """A file of a newer version is neither read nor taken for damaged."""
    (tmp_path / "step-00000001.json").write_text(json.dumps({"format": FORMAT + 1, "new": 0}))

    with pytest.raises(ValueError, match="newer version: upgrade"):
        CheckpointStore(tmp_path).latest()


def test_an_empty_or_missing_folder_has_no_checkpoint(tmp_path):
    """No file means None: a resume then starts at the first step."""
    assert CheckpointStore(tmp_path).latest() is None
    assert CheckpointStore(tmp_path / "missing").latest() is None


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    """A file in the way gives one line with the path and the reason."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ValueError, match=r"checkpoint=.*file.* is refused: "):
        CheckpointStore(tmp_path / "file" / "run").open()


def test_different_settings_are_named():
    """A resume under another seed is refused in a line that shows both; tuples equal lists."""
    require_same({"seed": 1, "rotations": ["ry"]}, {"seed": 1, "rotations": ("ry",)})

    with pytest.raises(ValueError, match="written with seed=1, not 2"):
        require_same({"seed": 1}, {"seed": 2})


def test_at_least_one_checkpoint_is_kept(tmp_path):
    """Keeping no file at all is refused."""
    with pytest.raises(ValueError, match="keep=0 is refused"):
        CheckpointStore(tmp_path, keep=0)


def test_numbers_that_json_cannot_keep_are_refused(tmp_path):
    """A NaN is an error at the time of writing and leaves no file."""
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "model.json", {"loss": float("nan")})

    assert names_in(tmp_path) == []
