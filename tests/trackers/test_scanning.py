"""Secrets are found by form and by value, and never shown."""

import io
from pathlib import Path

import numpy as np
import pytest

from qgm_observe.trackers.scanning import secrets_in

CANARY = "canary-0123-abcd-4567"


@pytest.mark.parametrize(
    "text",
    [
        'token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"',
        'aws_access_key_id = "AKIAIOSFODNN7EXAMPLE"',
        "-----BEGIN RSA PRIVATE KEY-----",
        "https://user:pass-word1@host/x",
        f'{{"settings": {{"api_token": "{CANARY}"}}}}',
        f"password: {CANARY}",
    ],
)
def test_known_forms_are_found(text: str) -> None:
    """Tokens, keys, logins in addresses and what follows a name like password are found."""
    found = secrets_in({"a.json": f"first line\n{text}\n".encode()}, {})

    assert found
    assert {(each.file, each.line) for each in found} == {("a.json", 2)}
    assert not any(CANARY in str(each) for each in found)


def test_the_value_of_a_variable_is_found_anywhere(tmp_path: Path) -> None:
    """Also in a binary file, and also one that a `*_FILE` variable's file holds."""
    file = tmp_path / "key"
    file.write_text(f"{CANARY}\n")
    data = b"\x00\x01" + CANARY.encode() + b"\xff"

    (one,) = secrets_in({"x.qpy": data}, {"QISKIT_IBM_TOKEN": CANARY})
    (two,) = secrets_in({"x.qpy": data}, {"QISKIT_IBM_TOKEN_FILE": str(file)})

    assert str(one) == "x.qpy:1 (the value of QISKIT_IBM_TOKEN)"
    assert str(two) == "x.qpy:1 (the value of QISKIT_IBM_TOKEN_FILE)"


def test_what_is_registered_holds_none() -> None:
    """Hashes, versions of packages that are named like secrets, and parameters pass."""
    file = io.BytesIO()
    np.savez(file, parameters=np.random.default_rng(1).normal(size=200))
    told = (
        b'{"packages": {"detect-secrets": "1.5.0", "tokenizers": "0.20.3"},'
        b'"structure": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",'
        b'"image": "sha256:' + b"ab" * 32 + b'", "max_tokens": 128, "address": "8.8.8.8"}'
    )

    assert secrets_in({"parameters.npz": file.getvalue(), "provenance.json": told}, {}) == []


def test_a_script_may_be_called_like_a_secret() -> None:
    """The hash of tokenizer.py in a provenance is none; the same after another name is one."""
    hashed = b'{\n "a/tokenizer.py": "0123456789ab",\n "secrets.py": "ab0123456789"\n}'

    assert secrets_in({"provenance.json": hashed}, {}) == []
    assert secrets_in({"provenance.json": hashed.replace(b".py", b"")}, {}) != []


def test_short_values_and_other_variables_are_no_secrets() -> None:
    """A variable without such a name, and a value of a few characters, are not looked for."""
    environ = {"TOKENIZERS_PARALLELISM": "false", "HOME": "/home/somebody"}

    assert secrets_in({"a": b"false /home/somebody"}, environ) == []
