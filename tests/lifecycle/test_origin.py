"""What a process is made of, looked up once and offline."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from qgm_observe.journal import open_journal
from qgm_observe.lifecycle.origin import (
    Git,
    Origin,
    arguments,
    code_files,
    code_folder,
    container_facts,
    git_state,
    packages,
)
from qgm_observe.lifecycle.provenance import read

ID = "0123456789abcdef" * 4


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, without anybody's settings."""
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *who, *words],
        cwd=folder,
        env=os.environ | quiet,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with one commit."""
    git(tmp_path, "init", "-q")
    (tmp_path / "train.py").write_text("x = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a file be a loaded module, or the main one."""

    def load(file: Path | None, name: str = "__main__", spec: str | None = None) -> None:
        module = ModuleType(name)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("x = 1\n")
            module.__file__ = str(file)
        module.__spec__ = None if spec is None else ModuleSpec(spec, None)
        monkeypatch.setitem(sys.modules, name, module)

    return load


def test_a_clean_tree_has_its_commit(tree: Path) -> None:
    """The commit is told also from a folder inside, and the tree is not dirty."""
    inside = tree / "deep"
    inside.mkdir()

    assert git_state(inside) == Git(git(tree, "rev-parse", "HEAD"), dirty=False)


def test_a_changed_file_makes_it_dirty_and_a_new_one_does_not(tree: Path) -> None:
    """Tracked files count, files that git does not know are none of the commit's."""
    (tree / "notes.txt").write_text("new")
    assert git_state(tree).dirty is False

    (tree / "train.py").write_text("x = 2\n")
    assert git_state(tree).dirty is True


def test_no_hook_of_a_repository_is_run(tree: Path) -> None:
    """A file system monitor that a repository configures is not started."""
    program = tree / "monitor.sh"
    program.write_text(f"#!/bin/sh\ntouch {tree}/started\n")
    program.chmod(0o755)
    git(tree, "config", "core.fsmonitor", str(program))

    assert git_state(tree).commit is not None
    assert not (tree / "started").exists()


def test_what_git_cannot_tell_has_a_reason(
    tree: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No repository, no commit and no git are gaps, each with its reason."""
    empty = tmp_path_factory.mktemp("empty")
    fresh = tmp_path_factory.mktemp("fresh")
    git(fresh, "init", "-q")

    assert git_state(empty).gap == "no repository around the code"
    assert git_state(fresh).gap == "no commit"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert git_state(tree).gap == "git is not installed"


def test_a_slow_git_is_a_gap_at_first() -> None:
    """Nobody waits for git longer than a bound; what it says later is told later."""
    import threading

    answer = threading.Event()

    def look(_: Path) -> Git:
        answer.wait(30)
        return Git("c" * 40, dirty=True)

    origin = Origin(look)
    first, gaps = origin.facts(patient=True)
    assert "git" not in first
    assert gaps["git"] == "no answer in time"

    answer.set()
    origin._done.wait(30)
    later, gaps = origin.facts()
    assert later["git"] == {"commit": "c" * 40, "dirty": True}
    assert "git" not in gaps


def test_it_is_looked_up_once() -> None:
    """As long as nothing more is loaded the same facts are given, not equal ones."""
    asked: list[Path] = []

    def look(folder: Path) -> Git:
        asked.append(folder)
        return Git("c" * 40, dirty=False)

    origin = Origin(look)
    origin.facts()
    origin._done.wait(30)
    first, _ = origin.facts()
    again, _ = origin.facts()

    assert again is first
    assert len(asked) == 1


def test_another_main_module_is_asked_about_anew(tmp_path: Path, load: Callable[..., None]) -> None:
    """A launcher that hands over to a script is not what the script's records rest on."""
    asked: list[Path] = []

    def look(folder: Path) -> Git:
        asked.append(folder)
        return Git(folder.name, dirty=False)

    origin = Origin(look)
    for name in ("launcher", "script"):
        load(tmp_path / name / "main.py")
        origin.facts()
        origin._done.wait(30)

    facts, _ = origin.facts()
    assert asked == [tmp_path / "launcher", tmp_path / "script"]
    assert facts["git"]["commit"] == "script"
    assert facts["code"] == {"main.py": sha256(b"x = 1\n").hexdigest()[:12]}


def test_the_end_of_a_script_takes_nothing_away(
    tree: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ends with its script has the code and the commit of that script."""
    script, path = tree / "train.py", tmp_path_factory.mktemp("kept") / "journal.db"
    script.write_text("import qgm_observe as qgm\nwith qgm.run(model='m'):\n    pass\n")
    git(tree, "commit", "-qam", "second")
    monkeypatch.chdir(path.parent)
    environment = os.environ | {"QGM_OBSERVE_JOURNAL": str(path)}
    subprocess.run([sys.executable, str(script)], env=environment, check=True)

    with open_journal(path, read_only=True) as journal:
        (run,) = journal.events(verbs=("finished",), nouns=("run",))
        told = read(journal, run.body)

    assert told["code"] == {"train.py": sha256(script.read_bytes()).hexdigest()[:12]}
    assert told["git"] == {"commit": git(tree, "rev-parse", "HEAD"), "dirty": False}
    assert "code" not in told["gaps"]


def test_only_loaded_packages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is installed and not loaded is not there; its name is the distribution's."""
    told = packages()
    assert told["pytest"] == pytest.__version__

    monkeypatch.delitem(sys.modules, "hypothesis", raising=False)
    for name in [name for name in sys.modules if name.startswith("hypothesis.")]:
        monkeypatch.delitem(sys.modules, name)
    assert "hypothesis" not in packages()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("cgroup", f"12:cpu:/docker/{ID}\n"),
        ("cgroup", f"0::/kubepods/besteffort/pod1/{ID}\n"),
        ("mountinfo", f"1 2 0:1 /var/lib/docker/containers/{ID}/hosts /etc/hosts rw - ext4 x rw\n"),
    ],
)
def test_a_container_is_known_by_its_id(tmp_path: Path, file: str, text: str) -> None:
    """Both versions of control groups tell it."""
    (tmp_path / file).write_text(text)

    assert container_facts(tmp_path)["id"] == ID


def test_an_image_is_known_where_the_deployment_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A digest is taken out of a reference; anything else in the variable is left alone."""
    (tmp_path / "cgroup").write_text("0::/\n")
    assert container_facts(tmp_path) == {}

    monkeypatch.setenv("IMAGE_DIGEST", f"registry/train@sha256:{ID}")
    assert container_facts(tmp_path) == {"image": f"sha256:{ID}"}

    monkeypatch.setenv("IMAGE_DIGEST", "latest")
    assert container_facts(tmp_path) == {}


# ---------------------------------------------------------------------------------- whose code


def test_the_code_of_a_module_is_where_its_package_is(
    tmp_path: Path, load: Callable[..., None]
) -> None:
    """`python -m project.scripts.train` is code of the folder that holds `project`."""
    load(tmp_path / "project" / "scripts" / "train.py", spec="project.scripts.train")
    assert code_folder() == tmp_path

    load(tmp_path / "train.py", spec="train")
    assert code_folder() == tmp_path

    load(tmp_path / "scripts" / "train.py")
    assert code_folder() == tmp_path / "scripts"


def test_an_installed_program_is_not_the_code(
    tmp_path: Path, load: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under pytest, torchrun or a notebook the code is that of the working folder."""
    monkeypatch.chdir(tmp_path)
    load(tmp_path / "model.py", "its_model")
    installed = tmp_path / "venv" / "site-packages" / "pytest" / "__main__.py"
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))

    for main in (installed, tmp_path / "venv" / "bin" / "pytest", None):
        load(main)
        assert code_folder() == tmp_path
        assert list(code_files()) == ["model.py"]


def test_what_is_typed_in_is_a_gap(
    tmp_path: Path, load: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cells of a notebook are in no file, and that is said also where files are known."""
    monkeypatch.chdir(tmp_path)
    load(None)
    load(tmp_path / "model.py", "its_model")
    facts, gaps = Origin(lambda _: Git(None, None, "none")).facts()

    assert list(facts["code"]) == ["model.py"]
    assert "notebook" in gaps["code"]


def test_code_is_all_that_is_loaded_of_the_working_tree(
    tree: Path, load: Callable[..., None]
) -> None:
    """A script's package beside its folder counts, what is installed or not loaded does not."""
    load(tree / "scripts" / "train.py")
    load(tree / "scripts" / ".." / "src" / "ansatz.py", "its_ansatz")
    load(tree / "src" / "model" / "core.py", "its_core")
    load(tree / ".venv" / "lib" / "site-packages" / "numpy.py", "its_numpy")
    (tree / "scripts" / "other.py").write_text("")

    assert list(code_files()) == ["train.py", "../src/ansatz.py", "../src/model/core.py"]


def test_without_a_repository_only_the_folder_counts(
    tmp_path: Path, load: Callable[..., None]
) -> None:
    """Where no repository tells what belongs together, files beside the folder do not count."""
    load(tmp_path / "scripts" / "train.py")
    load(tmp_path / "scripts" / "model" / "core.py", "its_core")
    load(tmp_path / "other" / "ansatz.py", "its_ansatz")

    assert set(code_files()) == {"train.py", "model/core.py"}


# ----------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--lr", "0.1", "--optimizer=adam", "7"], ["--lr", "0.1", "--optimizer=adam", "7"]),
        (["--api-key", "hunter2", "--seed", "7"], ["--api-key", "***", "--seed", "7"]),
        (["--token=hunter2", "-v"], ["--token=***", "-v"]),
        (["--note=key QpWoEiRuTy1029384756xx", "6"], ["--note=key ***", "6"]),
        (["a" * 300], ["***"]),
        (["word " * 100], ["word " * 25 + "wor"]),
    ],
    ids=["plain", "after", "within", "alone", "run", "long"],
)
def test_arguments_are_told_without_secrets(words: list[str], told: list[str]) -> None:
    """What an option named like a secret has, and what looks like one, is masked."""
    assert arguments(["train.py", *words]) == told


def test_arguments_are_bounded() -> None:
    """At most 64 are told."""
    assert len(arguments(["train.py", *map(str, range(1000))])) == 64
