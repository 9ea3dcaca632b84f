"""How an IBM account is reached: its key and instance, read when a connection is made."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from qgm_observe.errors import UsageError
from qgm_observe.providers.credentials import Secret, secret

_CHANNEL = "ibm_quantum_platform"
_AUTO = "auto"
_REGION = 5
_TELLING = 4
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where key and instance are; what a file or variable holds is read anew at each connection.

    Attributes:
        token: The API key itself; without it the next two are looked at, then a saved account.
        token_env: Environment variable of the key, or with `_FILE` behind it of its file.
        token_file: File of the key.
        instance: Cloud resource name or name of the instance; without it the variable, the saved
            account, and at last the account's only instance.
        instance_env: Environment variable of the instance, or with `_FILE` behind it of its file.
        instance_file: File of the instance.
        saved_account: Name of an account that was saved with IBM's own client.
        api_url: The REST interface's base, where it is not the region's own.
    """

    token: Secret | None = None
    token_env: str = "QISKIT_IBM_TOKEN"  # noqa: S105  the name of a variable
    token_file: Path | str | None = None
    instance: Secret | None = None
    instance_env: str = "QISKIT_IBM_INSTANCE"
    instance_file: Path | str | None = None
    saved_account: str | None = None
    api_url: str | None = None

    def __post_init__(self) -> None:
        """Refuse to send a token in plain text over a network."""
        url = urlsplit(self.api_url or "https://")
        if url.scheme != "https" and url.hostname not in _LOOPBACK:
            raise UsageError(f"api_url {self.api_url}: write https://; http is for loopback alone")

    def parameters(self) -> Any:
        """Return the parameters of IBM's client; asks IBM only for an instance without a CRN.

        Raises:
            UsageError: there is no key, or no instance can be told.
        """
        from qiskit_ibm_runtime.api.client_parameters import ClientParameters

        account = self._account()
        url = self.api_url
        return ClientParameters(
            channel=account.channel,
            token=account.token,
            url=account.url,
            instance=self._crn(account),
            proxies=account.proxies,
            verify=account.verify,
            private_endpoint=account.private_endpoint,
            url_resolver=(lambda *_: url) if url else None,
        )

    def key(self) -> Secret | None:
        """Return the API key where it is told apart from a saved account."""
        return self.token or secret(self.token_env, self.token_file)

    def _account(self) -> Any:
        from qiskit_ibm_runtime.accounts import Account, AccountManager
        from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError

        key = self.key()
        if key is not None and self.saved_account is None:
            url = os.environ.get("QISKIT_IBM_URL")
            return Account.create_account(channel=_CHANNEL, token=key.reveal(), url=url)
        try:
            return AccountManager.get(name=self.saved_account)
        except AccountNotFoundError:
            named = (
                f"no account saved as {self.saved_account!r}" if self.saved_account else "no key"
            )
            raise UsageError(
                f"ibm: {named}; set {self.token_env} or {self.token_env}_FILE, or save an account"
            ) from None

    def _crn(self, account: Any) -> str:
        told = self.instance or secret(self.instance_env, self.instance_file)
        wanted = told.reveal() if told else account.instance
        if wanted and wanted.startswith("crn:"):
            return str(wanted)
        found = account.list_instances()
        fitting = [each for each in found if wanted in (None, _AUTO, each["name"])]
        if len(fitting) == 1:
            return str(fitting[0]["crn"])
        names = ", ".join(sorted(str(each["name"]) for each in found)) or "none that it may use"
        raise UsageError(f"ibm: set {self.instance_env} to one instance; this account has {names}")


def region_of(crn: str | None) -> str:
    """Return the region of a cloud resource name, `unknown` of anything else."""
    parts = (crn or "").split(":")
    return parts[_REGION] or "unknown" if len(parts) > _REGION else "unknown"


def parts_of(crn: str | None) -> tuple[str, ...]:
    """Return what of a cloud resource name tells whose it is: account and instance."""
    parts = (crn or "").replace("a/", "").split(":")[_REGION + 1 :]
    return tuple(part for part in parts if len(part) >= _TELLING)
