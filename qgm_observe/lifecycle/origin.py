"""What a process is made of: packages, code, container. Looked up once, off the training thread.

Nothing here asks a network, and what could not be known is named with its reason.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from qgm_observe.redaction import MASK, redacted

PATIENCE = 0.2
"""Seconds that the end of a run waits for git, less than a submission waits for its intent."""

_GIT_SECONDS = 2.0
_MOST_FILES = 256
_LARGEST_FILE = 1024**2
_MOST_ARGUMENTS = 64
_LONGEST_ARGUMENT = 128
_TOKEN = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])\w{20,}\b")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CONTAINER = re.compile(r"\b[0-9a-f]{64}\b")
_IMAGE_VARIABLES = ("QGM_OBSERVE_IMAGE_DIGEST", "CONTAINER_IMAGE_DIGEST", "IMAGE_DIGEST")
_PACKAGE = Path(__file__).resolve().parents[1]
_DISTRIBUTIONS = {
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "google": "protobuf",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Import name to distribution, where the two differ in more than spelling."""

Facts = dict[str, Any]
Gaps = dict[str, str]


class Origin:
    """What this process is made of; one a process.

    Args:
        look: Asks git about a folder; replaced in tests.
    """

    def __init__(self, look: "Callable[[Path], Git] | None" = None) -> None:
        self._look = look or git_state
        self._modules = 0
        self._main: str | None = ""
        self._done = threading.Event()
        self._git = Git(None, None, "no answer in time")
        self._told: tuple[Facts, Gaps] = {}, {}
        self._knows_git = self._waited = False

    def begin(self) -> None:
        """Let a thread of its own ask git; anew where another main module has taken over."""
        main = _main_file()
        if main != self._main:
            self._main, self._modules = main, 0
            self._done, self._waited = threading.Event(), False
            self._git = Git(None, None, "no answer in time")
            asking = threading.Thread(target=self._ask, args=(self._done,), daemon=True)
            asking.name = "qgm-observe-origin"
            asking.start()

    def facts(self, *, patient: bool = False) -> tuple[Facts, Gaps]:
        """Return what is known, the same objects until more is, and what is not known.

        Args:
            patient: Whether git may take its time, once and within a bound.
        """
        self.begin()
        if patient and not self._waited:
            self._waited = True
            self._done.wait(PATIENCE)
        told = self._done.is_set()
        if len(sys.modules) != self._modules or told != self._knows_git:
            self._modules, self._knows_git = len(sys.modules), told
            self._told = self._looked()
        return self._told

    def _ask(self, done: threading.Event) -> None:
        try:
            told = self._look(code_folder())
            if done is self._done:
                self._git = told
        finally:
            done.set()

    def _looked(self) -> tuple[Facts, Gaps]:
        container = container_facts()
        facts: Facts = {
            "python": ".".join(map(str, sys.version_info[:3])),
            "platform": f"{sys.platform} {os.uname().machine}",
            "packages": packages(),
            "code": code_files(),
            "git": self._git.facts(),
            "container": container,
            "arguments": arguments(),
        }
        gaps: Gaps = {}
        if self._git.gap:
            gaps["git"] = self._git.gap
        if not container:
            gaps["container"] = "not told by the environment or the control groups"
        if self._main is None:
            gaps["code"] = "what is written in a notebook or at a prompt is in no file"
        elif not facts["code"]:
            gaps["code"] = "no file of this folder is loaded"
        return {name: value for name, value in facts.items() if value}, gaps


# -------------------------------------------------------------------------------------- packages


def packages() -> dict[str, str]:
    """Return the versions of the distributions of which something is loaded, by name."""
    found = {}
    for name in sorted({module.partition(".")[0] for module in list(sys.modules)}):
        if name not in sys.stdlib_module_names and not name.startswith("_"):
            version = _version(_DISTRIBUTIONS.get(name, name))
            if version is not None:
                found[_DISTRIBUTIONS.get(name, name).replace("_", "-")] = version
    return found


@cache
def _version(distribution: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except (metadata.PackageNotFoundError, ValueError):
        return None


# ------------------------------------------------------------------------------------------ code


def code_folder() -> Path:
    """Return where the code is that people wrote.

    That is the main module's folder, of `python -m package.module` the one that holds the package;
    where a notebook, a prompt or an installed program (pytest, torchrun) is the main module, the
    working folder.
    """
    file = _main_file()
    if file is None or _is_installed(Path(file)):
        return Path.cwd()
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    above = Path(file).resolve().parents
    depth = spec.name.count(".") if spec is not None else 0
    return above[min(depth, len(above) - 1)]


def code_files() -> dict[str, str]:
    """Return a hash of each loaded file of the working tree, by its path from `code_folder`.

    Without a repository around that folder, of each file below it. Twelve hexadecimal digits each,
    at most 256 files, those of the folder first; none of an installed package or of Python.
    """
    folder = code_folder()
    root = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)
    near, tree = f"{folder}{os.sep}", f"{root}{os.sep}"
    named = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    below = (each for each in named if isinstance(each, str) and each.startswith((near, tree)))
    files = {Path(os.path.realpath(each)) for each in (*below, _main_file() or "")}
    own = [each for each in files if each.is_relative_to(root) and not _is_installed(each)]
    own.sort(key=lambda file: (not file.is_relative_to(folder), str(file)))
    hashed = ((os.path.relpath(file, folder), _file_hash(file)) for file in own[:_MOST_FILES])
    return {name: digest for name, digest in hashed if digest is not None}


def _main_file() -> str | None:
    main = sys.modules.get("__main__")
    loader = getattr(main, "__loader__", None)  # remains when a script ends, `__file__` does not
    return getattr(main, "__file__", None) or getattr(loader, "path", None)


def _is_installed(file: Path) -> bool:
    """Whether Python or an installer put a file there, or it is of this package."""
    if file.suffix == ".so" or {"site-packages", "dist-packages"} & set(file.parts):
        return True
    if file.is_relative_to(_PACKAGE):
        return True
    places = {Path(sys.executable).parent, Path(sys.prefix) / "bin", Path(sys.prefix) / "Scripts"}
    return file.parent in places or Path(os.path.realpath(os.__file__)).parent in file.parents


@cache
def _file_hash(path: Path) -> str | None:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            return None
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:
        return None


class Git(NamedTuple):
    """The state of a working tree.

    Attributes:
        commit: The commit that is checked out, `None` where unknown.
        dirty: Whether tracked files differ from it; new files do not count.
        gap: Why it is not known.
    """

    commit: str | None
    dirty: bool | None
    gap: str = ""

    def facts(self) -> Facts:
        """Return what is known of it."""
        return {} if self.commit is None else {"commit": self.commit, "dirty": self.dirty}


def git_state(folder: Path) -> Git:
    """Return the state of the working tree around a folder, within two seconds, offline.

    Source: git-status(1), `--porcelain=v2 --branch`; git(1), `GIT_OPTIONAL_LOCKS` and
    `GIT_NO_LAZY_FETCH`.
    """
    if not any((place / ".git").exists() for place in (folder, *folder.parents)):
        return Git(None, None, "no repository around the code")
    program = shutil.which("git")
    if program is None:
        return Git(None, None, "git is not installed")
    words = ["-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch"]
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(  # noqa: S603  no text of anybody is in the command
            [program, *words, "--untracked-files=no", "--ignore-submodules=all"],
            cwd=folder,
            env=os.environ | quiet,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Git(None, None, "no answer in time")
    except OSError:
        return Git(None, None, "git cannot be started")
    return _read_status(done.stdout.decode("utf-8", "replace"))


def _read_status(text: str) -> Git:
    lines = text.splitlines()
    told = [line.split()[-1] for line in lines if line.startswith("# branch.oid ")]
    if not told or told[0] == "(initial)":
        return Git(None, None, "no commit")
    return Git(told[0], any(line and not line.startswith("#") for line in lines))


# ------------------------------------------------------------------------------------- arguments


def arguments(words: Sequence[str] | None = None) -> list[str]:
    """Return what the program was called with, without what looks like a secret.

    Masked is also what follows an option that is named like one, and any mixture of twenty or more
    letters and digits. At most 64, each of 128 characters at most.

    Args:
        words: As `sys.argv`, which is the default.
    """
    told: list[str] = []
    before = ""
    for word in (sys.argv if words is None else words)[1 : _MOST_ARGUMENTS + 1]:
        named = f"{before.lstrip('-')}={word}"
        is_value = before.startswith("-") and "=" not in before
        is_secret = is_value and redacted(named) != named
        plain = MASK if is_secret else _TOKEN.sub(MASK, redacted(word))
        told.append(plain[:_LONGEST_ARGUMENT])
        before = word
    return told


# ------------------------------------------------------------------------------------- container


def container_facts(proc: Path = Path("/proc/self")) -> dict[str, str]:
    """Return the digest of the container's image and its id, where they are known.

    The digest is what a deployment tells by `QGM_OBSERVE_IMAGE_DIGEST`, `CONTAINER_IMAGE_DIGEST`
    or `IMAGE_DIGEST`; the id is in the control groups or, in their second version, in the mounts.
    """
    facts = {}
    for variable in _IMAGE_VARIABLES:
        found = _DIGEST.search(os.environ.get(variable, ""))
        if found:
            facts["image"] = found[0]
            break
    for name in ("cgroup", "mountinfo"):
        found = _CONTAINER.search(_lines_with_containers(proc / name))
        if found:
            facts["id"] = found[0]
            break
    return facts


def _lines_with_containers(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(line for line in lines if re.search("docker|containers?[/-]|kubepods", line))
