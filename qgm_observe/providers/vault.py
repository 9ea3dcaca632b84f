"""Secrets from HashiCorp Vault, its key-value engine of version 2, read when they are needed.

Vault is told by its own variables: `VAULT_ADDR`, `VAULT_TOKEN` or `VAULT_TOKEN_FILE`, and where
they are needed `VAULT_NAMESPACE` and `VAULT_CACERT`. The token needs no more than `read` on the
path. Whoever runs Vault's agent gives the file it writes instead, as `<variable>_FILE`.

Source: HashiCorp, "KV secrets engine - version 2 (API)"; hvac 2.4.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from qgm_observe.errors import MissingExtra, UsageError

SECONDS = 5
"""How long Vault has for its answer."""

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def read_from_vault(place: str, where: str, token: str, environ: Mapping[str, str]) -> str:
    """Return the text that a place in Vault holds.

    Args:
        place: Mount, path and field, such as `secret/quantum/ibm#token`.
        where: The variable that names the place, for errors.
        token: Vault's own.
        environ: The environment.

    Raises:
        UsageError: the place is none, or Vault does not give it; no secret is quoted.
        MissingExtra: hvac is not installed.
    """
    mount, path, field = _parts(place, where)
    address = _address(environ)
    try:
        import hvac
        import hvac.exceptions as refused
    except ImportError as error:
        raise MissingExtra("Vault", "vault") from error
    client = hvac.Client(
        url=address,
        token=token,
        namespace=environ.get("VAULT_NAMESPACE") or None,
        verify=environ.get("VAULT_CACERT") or True,
        timeout=SECONDS,
        allow_redirects=False,
    )
    try:
        answer = client.secrets.kv.v2.read_secret_version(
            path=path, mount_point=mount, raise_on_deleted_version=True
        )
        told = answer["data"]["data"]
    except refused.Forbidden:
        raise UsageError(f"Vault refuses the token for {where}: allow `read` on {place}") from None
    except refused.InvalidPath:
        raise UsageError(f"Vault holds nothing at {place} of {where}") from None
    except refused.VaultError as error:
        raise UsageError(f"Vault, for {where}: {type(error).__name__}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:  # requests' errors are OSErrors
        raise UsageError(f"Vault at {address} gives no answer: {type(error).__name__}") from None
    finally:
        client.adapter.close()
    if not isinstance(told, Mapping) or not isinstance(told.get(field), str):
        raise UsageError(f"Vault holds no text {field!r} at {mount}/{path} of {where}")
    return str(told[field])


def _parts(place: str, where: str) -> tuple[str, str, str]:
    whole, _, field = place.strip().partition("#")
    mount, _, path = whole.strip("/").partition("/")
    if not (mount and path and field):
        raise UsageError(f"{where}: write mount/path#field, such as secret/quantum/ibm#token")
    return mount, path.removeprefix("data/"), field


def _address(environ: Mapping[str, str]) -> str:
    address = environ.get("VAULT_ADDR", "")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise UsageError("VAULT_ADDR: write Vault's address, such as https://vault.example:8200")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise UsageError("VAULT_ADDR: write https, for http would carry secrets in clear text")
    return address
