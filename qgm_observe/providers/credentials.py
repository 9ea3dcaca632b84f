"""Secrets: read from a variable, a file or Vault when they are needed, and shown nowhere."""

import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from qgm_observe.errors import UsageError
from qgm_observe.redaction import MASK

LARGEST = 64 * 1024
"""Bytes of a secret's file; a larger file is none."""


class Secret:
    """A text that is shown as `***`, cannot be pickled and equals only another secret.

    Args:
        text: What `reveal` gives back.
    """

    __slots__ = ("_text",)
    __hash__ = None  # type: ignore[assignment]  # a hash in a log would tell it

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text; hand it to a library and keep it nowhere."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _memo: object) -> "Secret":
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled; give the other process its variable or file")


def secret(
    variable: str, file: Path | str | None = None, environ: Mapping[str, str] = os.environ
) -> Secret | None:
    """Return a secret from a file, a variable, or where two variables beside it point to.

    `<variable>_FILE` names a file, `<variable>_VAULT` a place in Vault as `mount/path#field`.

    Args:
        variable: Name of the environment variable.
        file: A file that holds it; it goes before the variables.
        environ: The environment.

    Returns:
        The text without white space around it, `None` where it is set nowhere.

    Raises:
        UsageError: it is set twice, empty, or where it is cannot be read; it is never quoted.
        MissingExtra: it is in Vault, and hvac is not installed.
    """
    if file is not None:
        return _read(Path(file).expanduser())
    named, vault = f"{variable}_FILE", f"{variable}_VAULT"
    told = [name for name in (variable, named, vault) if environ.get(name)]
    if len(told) > 1:
        raise UsageError(f"{told[0]} and {told[1]} are both set: write one of them")
    if environ.get(named):
        return _read(Path(environ[named]).expanduser(), f" of {named}")
    if environ.get(vault):
        return _from_vault(environ[vault], vault, environ)
    return _secret(environ[variable], variable) if environ.get(variable) else None


def _from_vault(place: str, where: str, environ: Mapping[str, str]) -> Secret:
    from qgm_observe.providers.vault import read_from_vault

    if environ.get("VAULT_TOKEN_VAULT"):
        raise UsageError("VAULT_TOKEN_VAULT: write VAULT_TOKEN or VAULT_TOKEN_FILE instead")
    token = secret("VAULT_TOKEN", environ=environ)
    if token is None:
        raise UsageError(f"{where} needs VAULT_TOKEN or VAULT_TOKEN_FILE as well")
    return _secret(read_from_vault(place, where, token.reveal(), environ), where)


def _read(path: Path, where: str = "") -> Secret:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path}{where} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise UsageError(f"{path}{where} is larger than 64 KiB: write the secret alone into it")
    try:
        return _secret(content.decode(), str(path))
    except UnicodeDecodeError:
        raise UsageError(f"{path}{where}: write UTF-8 text") from None


def _secret(text: str, where: str) -> Secret:
    if not text.strip():
        raise UsageError(f"{where} is empty: write the secret into it")
    return Secret(text.strip())
