"""A user's shell: the installed command in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("qgm-observe"))


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `qgm-observe` with words in a fresh folder; telemetry's guard swallows as for users."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *words],
            cwd=tmp_path,
            env={**os.environ, "QGM_OBSERVE_STRICT": "0", "COLUMNS": "100", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )

    return run
