"""Files that people write: what is wrong with them is told with file and line."""

import pytest

from qgm_observe import documents
from qgm_observe.errors import UsageError


class Device(documents.Model):
    name: str
    interval: float = 60


class Fleet(documents.Model):
    devices: list[Device]


@pytest.fixture
def complaint(tmp_path):
    """Load a text as a `Fleet` and return the one line that comes of it."""

    def load(text):
        path = tmp_path / "fleet.yml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(UsageError) as caught:
            documents.load(path, Fleet)
        message = str(caught.value)
        assert "\n" not in message
        return message.removeprefix(str(path))

    return load


def test_a_document_becomes_a_model(tmp_path):
    """What fits becomes the model, with its defaults."""
    path = tmp_path / "fleet.yml"
    path.write_text("devices:\n- name: ibm_fez\n- {name: ibm_torino, interval: 5}\n")

    fleet = documents.load(path, Fleet)

    assert [(each.name, each.interval) for each in fleet.devices] == [
        ("ibm_fez", 60),
        ("ibm_torino", 5),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("devices:\n- name: a\n  intervall: 5\n", ":3: devices.0.intervall: unknown"),
        (
            "devices:\n- nam: a\n",
            ":2: devices.0.nam: unknown; remove it or mend its spelling: name",
        ),
        ("devices:\n- interval: 5\n", ":2: devices.0.name: missing"),
        (
            "devices:\n- interval: 5\n- interval: 6\n",
            ":2: devices.0.name, devices.1.name: missing; write it",
        ),
        ("name: a\n", ":1: name: not known here, but elsewhere; move it"),
        ("devices: a\n", ":1: devices: write a list, with - before each"),
        ("devices: [a]\n", ":1: devices.0: write names with values, such as name: value"),
        ("devices:\n- name: a\n  interval: soon\n", ":3: devices.0.interval: "),
        ("devices:\n- name: a\n  name: b\n", ":3: key 'name' stands twice"),
        ("devices: &a\n- name: x\nmore: *a\n", ":3: aliases are not read"),
        ("devices: [\n", ":2: no YAML"),
        ("devices: !!python/object:os.system x\n", ":1: "),
        ("", ": write exactly one document, not 0"),
        ("devices: []\n---\ndevices: []\n", ": write exactly one document, not 2"),
        (b"devices: \xff\n", ": write UTF-8 text"),
        ("[" * 60 + "]" * 60, ":1: larger than a person would write"),
        ("devices: [" + "x, " * 10_001 + "]\n", ":1: larger than a person would write"),
        ("x" * (documents.MOST_BYTES + 1), ": larger than 1 MiB"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(complaint, text, said):
    """One line: the file, the line, what is wrong."""
    assert complaint(text).startswith(said)


def test_what_is_missing_is_shown_by_an_example(tmp_path):
    """The complaint about a missing part ends with the line handed in; another does not."""
    lacking = documents.parse("devices: [{interval: 5}]", "a.yml")[0]
    wrong = documents.parse("devices: [{name: a, interval: soon}]", "a.yml")[0]

    with pytest.raises(UsageError, match=r"missing; write it; for instance: devices: \[a\]$"):
        lacking.validated(Fleet, "devices: [a]")
    with pytest.raises(UsageError, match=r"interval: (?!.*for instance)"):
        wrong.validated(Fleet, "devices: [a]")


def test_of_many_mistakes_eight_are_named(complaint):
    """However long a file of one mistake is, its line stays short."""
    said = complaint("devices:\n" + "- interval: 5\n" * 2000)

    assert said.count(".name") == 8


def test_a_bomb_of_brackets_is_refused_and_not_met_with_recursion(complaint):
    """A megabyte of brackets is one clear line too."""
    assert complaint("[" * 500_000)


def test_a_missing_file_is_named(tmp_path):
    """A file that is not there is named."""
    with pytest.raises(UsageError, match=r"none\.yml cannot be read: No such file"):
        documents.load(tmp_path / "none.yml", Fleet)
