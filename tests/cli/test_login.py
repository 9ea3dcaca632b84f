"""A login at an exporter, by options."""

import argparse
from pathlib import Path

from qgm_observe.cli import login


def settings_of(*words: str) -> dict[str, object]:
    """What the options give."""
    parser = argparse.ArgumentParser()
    login.configure(parser)
    return login.given(parser.parse_args(words))


def test_what_is_not_written_is_left_to_the_settings() -> None:
    """Without an option nothing is given, so that environment and files hold."""
    assert settings_of() == {}


def test_what_is_written_is_a_setting_of_shipping() -> None:
    """Name, file of the password and certificates go by the names of their settings."""
    words = ("--user", "sre", "--token-file", "token", "--ca-file", "ca.pem")

    assert settings_of(*words) == {
        "ship_user": "sre",
        "ship_token_file": Path("token"),
        "ship_ca_file": Path("ca.pem"),
    }
