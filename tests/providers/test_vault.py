"""Secrets come from Vault by one door; nothing shows them or Vault's own token."""

import json
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.providers.credentials import secret

CANARY = "canary-vault-0123456789"
TOKEN = "canary-token-9876543210"
SECRETS = {"/v1/secret/data/quantum/ibm": {"token": CANARY, "number": 7, "empty": " "}}


class Handler(BaseHTTPRequestHandler):
    """Vault's key-value engine, version 2, as far as reading goes."""

    def do_GET(self) -> None:
        asked: Any = self.server
        asked.asked.append((self.path, dict(self.headers)))
        if self.path == "/v1/secret/data/away":
            self._answer(307, {}, Location="http://127.0.0.1:9/v1/secret/data/quantum/ibm")
        elif self.headers.get("X-Vault-Token") != TOKEN:
            self._answer(403, {"errors": [f"permission denied {TOKEN}"]})
        elif self.path not in SECRETS:
            self._answer(404, {"errors": []})
        else:
            told = {"data": {"data": SECRETS[self.path], "metadata": {"version": 3}}}
            self._answer(200, told)

    def _answer(self, status: int, content: Any, **headers: str) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def vault() -> Iterator[Any]:
    """A Vault on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def told(vault: Any, place: str = "secret/quantum/ibm#token", **more: str) -> dict[str, str]:
    """The variables that lead to a place."""
    address = f"http://127.0.0.1:{vault.server_address[1]}"
    return {"KEY_VAULT": place, "VAULT_ADDR": address, "VAULT_TOKEN": TOKEN} | more


def refusal(environ: dict[str, str]) -> str:
    """The whole traceback of what is refused."""
    with pytest.raises(UsageError) as caught:
        secret("KEY", environ=environ)
    shown = "".join(traceback.format_exception(caught.value))
    assert CANARY not in shown
    assert TOKEN not in shown
    return str(caught.value)


def test_a_place_in_vault_gives_its_text(vault: Any) -> None:
    """`<variable>_VAULT` names mount, path and field; one request reads them."""
    found = secret("KEY", environ=told(vault))

    assert found is not None
    assert found.reveal() == CANARY
    assert [path for path, _ in vault.asked] == ["/v1/secret/data/quantum/ibm"]
    assert str(found) == "***"


def test_vaults_own_token_may_be_in_a_file(vault: Any, tmp_path: Path) -> None:
    """`VAULT_TOKEN_FILE` is read like any other secret's file, and the namespace is told."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    environ = told(vault, VAULT_TOKEN_FILE=str(file), VAULT_NAMESPACE="quantum")
    del environ["VAULT_TOKEN"]

    found = secret("KEY", environ=environ)

    assert found is not None
    assert found.reveal() == CANARY
    assert vault.asked[0][1]["X-Vault-Namespace"] == "quantum"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("secret/quantum/ibm", "write mount/path#field"),
        ("#token", "write mount/path#field"),
        ("secret/other#token", "Vault holds nothing at secret/other#token of KEY_VAULT"),
        ("secret/quantum/ibm#user", "Vault holds no text 'user'"),
        ("secret/quantum/ibm#number", "Vault holds no text 'number'"),
        ("secret/quantum/ibm#empty", "KEY_VAULT is empty"),
    ],
)
def test_a_place_that_gives_nothing_is_one_line(vault: Any, place: str, words: str) -> None:
    """A malformed, unknown or empty place says what is wrong, and shows no secret."""
    assert words in refusal(told(vault, place))


def test_a_refused_token_is_not_shown(vault: Any) -> None:
    """A token without the right is told by the name of the variable it was for."""
    assert "allow `read` on secret" in refusal(told(vault, VAULT_TOKEN="s.wrong-one"))


def test_no_redirect_takes_the_token_elsewhere(vault: Any) -> None:
    """A redirect is refused: it would hand Vault's token to another address."""
    refusal(told(vault, "secret/away#token"))

    assert len(vault.asked) == 1


def test_vault_has_to_be_known_and_safe(vault: Any) -> None:
    """No address, clear text to another machine, a login in the address, and no token fail."""
    assert "VAULT_ADDR: write Vault's address" in refusal(told(vault, VAULT_ADDR=""))
    assert "write https" in refusal(told(vault, VAULT_ADDR="http://vault.example:8200"))
    assert "write Vault's address" in refusal(told(vault, VAULT_ADDR=f"https://u:{TOKEN}@v"))
    assert "needs VAULT_TOKEN" in refusal(told(vault, VAULT_TOKEN=""))
    assert "gives no answer" in refusal(told(vault, VAULT_ADDR="http://127.0.0.1:1"))
    assert vault.asked == []


def test_a_secret_is_in_one_place(vault: Any) -> None:
    """A variable, its file and its place in Vault exclude each other."""
    assert "KEY and KEY_VAULT are both set" in refusal(told(vault, KEY=CANARY))
    assert "KEY_FILE and KEY_VAULT are both set" in refusal(told(vault, KEY_FILE="/x"))
