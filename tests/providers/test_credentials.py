"""Secrets are read where they are and shown nowhere."""

import copy
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.providers.credentials import LARGEST, Secret, secret

CANARY = "canary-0123"


@dataclass
class Holder:
    key: Secret


def test_no_form_of_it_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    """Repr, str, format, f-strings, containers, logs and dataclasses show three stars."""
    kept = Secret(CANARY)
    holder = Holder(kept)
    logging.getLogger("x").warning("%s %r %s", kept, [kept], holder)
    shown = [repr(kept), str(kept), f"{kept:>20}", f"{kept!r}", repr({"k": kept}), str(holder)]
    shown += [str(asdict(holder)), "{}".format(kept), "%s" % kept, caplog.text, repr(dir(kept))]  # noqa: UP031, UP032

    assert CANARY not in " ".join(shown)
    assert str(kept) == "***"
    assert kept.reveal() == CANARY
    assert not hasattr(kept, "__dict__")


def test_it_is_neither_pickled_nor_written_as_json() -> None:
    """A secret refuses pickle and JSON, with errors that do not show it; a copy is itself."""
    kept = Secret(CANARY)
    for attempt in (lambda: pickle.dumps(kept), lambda: json.dumps({"key": kept})):
        with pytest.raises(TypeError) as caught:
            attempt()
        assert CANARY not in "".join(traceback.format_exception(caught.value))

    assert copy.copy(kept) is kept
    assert copy.deepcopy([kept])[0] is kept
    assert CANARY not in json.dumps({"key": kept}, default=str)


def test_it_equals_only_another_secret() -> None:
    """A secret equals one of the same text, never the text, and has no hash to be told by."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Secret("a"))


def test_it_is_read_from_a_variable_or_a_file(tmp_path: Path) -> None:
    """The variable, the file named by its _FILE, or a file told apart, without white space."""
    file = tmp_path / "key"
    file.write_text(f"{CANARY}\n")

    assert secret("KEY", environ={"KEY": CANARY}) == Secret(CANARY)
    assert secret("KEY", environ={"KEY_FILE": str(file)}) == Secret(CANARY)
    assert secret("KEY", file, environ={"KEY": "other"}) == Secret(CANARY)
    assert secret("KEY", environ={}) is None
    assert secret("KEY", environ={"KEY": ""}) is None


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    """What the file holds now counts, so that a key can be rotated."""
    file = tmp_path / "key"
    for text in ("first", "second"):
        file.write_text(text)
        assert secret("KEY", file) == Secret(text)


def test_what_cannot_be_read_gets_one_line(tmp_path: Path) -> None:
    """Twice set, absent, empty, too large or no text: one line that quotes no secret."""
    empty, large, binary = (tmp_path / name for name in ("empty", "large", "binary"))
    empty.write_text(" \n")
    large.write_text("x" * (LARGEST + 1))
    binary.write_bytes(b"\xff\xfe")
    for environ, said in (
        ({"KEY": CANARY, "KEY_FILE": str(empty)}, "KEY and KEY_FILE are both set"),
        ({"KEY_FILE": str(tmp_path / "none")}, "none of KEY_FILE cannot be read: No such file"),
        ({"KEY_FILE": str(empty)}, "empty is empty: write the secret into it"),
        ({"KEY_FILE": str(large)}, "larger than 64 KiB"),
        ({"KEY_FILE": str(binary)}, "write UTF-8 text"),
        ({"KEY": "  "}, "KEY is empty"),
    ):
        with pytest.raises(UsageError, match=said) as caught:
            secret("KEY", environ=environ)
        assert CANARY not in str(caught.value)
        assert "\n" not in str(caught.value)
