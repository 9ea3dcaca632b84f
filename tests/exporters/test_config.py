"""The configuration of the provider exporter."""

import jsonschema
import pytest
import yaml

from qgm_observe.errors import UsageError
from qgm_observe.exporters.config import EXAMPLE, ProviderConfig, load_config, schema

ACCOUNT = "providers:\n- provider: ibm\n  account: team\n"
FULL = """\
providers:
  - provider: ibm
    account: team
    options: {region: us-east}
    devices:
      - ibm_fez
      - name: ibm_torino
        detail: used
        qubits: [0, 1, 2]
      - name: "*"
        detail: curated
    calls_per_hour: 300
    deadline_seconds: 5
  - provider: local
    account: here
interval_seconds: {fleet: 120}
max_stale_seconds: {usage: 600}
most_series: 20000
targets: [ibm_fez, team]
scrape_interval_seconds: 30
journal: runs.db
"""


def test_a_short_file_has_the_defaults(config_file):
    """Two words name an account; intervals are 60, 900, 300 and 30 s, and all devices count."""
    config = load_config(config_file(ACCOUNT))
    every = config.interval_seconds

    assert (every.fleet, every.calibration, every.usage, every.jobs) == (60, 900, 300, 30)
    assert config.providers[0].device("anything").detail == "aggregates"


def test_a_device_is_watched_by_its_name_first_and_by_the_star_else(config_file):
    """A name stands for aggregates, an entry for its detail, `*` for every other device."""
    account = load_config(config_file(FULL)).providers[0]

    assert account.device("ibm_fez").detail == "aggregates"
    assert account.device("ibm_torino").qubits == (0, 1, 2)
    assert account.device("ibm_boston").detail == "curated"


def test_an_account_is_called_as_its_provider_by_default(config_file):
    """`local` has no account of its own, and one account at IBM needs no alias."""
    config = load_config(config_file("providers: [{provider: local}, {provider: ibm}]\n"))

    assert [each.account for each in config.providers] == ["local", "ibm"]


def test_the_example_is_a_complete_file(config_file):
    """What errors and the help show as an example can be written as it stands."""
    account = load_config(config_file(EXAMPLE)).providers[0]

    assert (account.provider, account.account) == ("ibm", "research")
    assert [device.name for device in account.devices] == ["ibm_fez"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", ": nothing stands in it"),
        ("most_series: 500\n", ":1: providers: missing; write it"),
        ("providers: []\n", ":1: providers: empty; write at least one"),
        ("providers: [ibm]\n", ":1: providers.0: write names with values"),
        ("provider: ibm\n", ":1: provider: not known here, but elsewhere; move it"),
        (
            "providers:\n- account: a\n- devices: [ibm_fez]\n",
            ":2: providers.0.provider, providers.1.provider: missing; write it",
        ),
    ],
    ids=["nothing", "no_providers", "none", "names", "one_level_up", "nameless"],
)
def test_what_is_missing_is_told_at_once_with_an_example(config_file, text, complaint):
    """One line names all that is missing and ends with a file that is complete."""
    path = config_file(text)
    with pytest.raises(UsageError) as caught:
        load_config(path)

    said = str(caught.value)
    assert said.startswith(f"{path}{complaint}")
    assert said.endswith(f"; for instance: {EXAMPLE}")
    assert "\n" not in said


def test_a_list_without_the_star_watches_nothing_else(config_file):
    """A device that is not in the list is not watched."""
    text = f"{ACCOUNT}  devices: [ibm_fez]\n"

    assert load_config(config_file(text)).providers[0].device("ibm_boston") is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"{ACCOUNT}  token: CANARY\n", "4: providers.0.token: "),
        (
            f"{ACCOUNT}  credentials:\n    token: CANARY\n",
            "5: providers.0.credentials.token: write no token here",
        ),
        (f"{ACCOUNT}  options:\n    api_key: CANARY\n", "4: providers.0.options: write no secret"),
        (f"{ACCOUNT}  credentials: {{token_env: NOT_SET}}\n", "2: token_env: set the environment"),
        (f"{ACCOUNT}  credentials: {{token_file: /nowhere}}\n", "2: /nowhere cannot be read"),
        (
            f"{ACCOUNT}  credentials: {{token_file: a, token_env: b}}\n",
            "2: credentials: write token_env or token_file, not both",
        ),
        (f"{ACCOUNT}  devices: [{{name: a, detail: used}}]\n", "2: device a: detail used needs"),
        (f"{ACCOUNT}{ACCOUNT.partition(chr(10))[2]}", "4: account team stands twice"),
        (f"{ACCOUNT}interval_seconds:\n  calibration: 60\n", "5: interval_seconds.calibration: "),
        (f"{ACCOUNT}interval: 60\n", "4: interval: unknown; remove it or mend its spelling"),
        ("providers: []\n", "1: providers: "),
        ("- 1\n", "1: document: "),
        (f"{ACCOUNT}---\n{ACCOUNT}", "write exactly one document, not 2"),
        ("providers: [\n", "no YAML"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(config_file, text, complaint):
    """Each mistake is one line of text with file and line, and quotes no secret."""
    path = config_file(text)
    with pytest.raises(UsageError) as caught:
        load_config(path)

    said = str(caught.value)
    assert said.startswith(str(path))
    assert complaint in said
    assert "CANARY" not in said
    assert "\n" not in said


def test_a_further_check_is_named_with_the_line_of_the_account(config_file):
    """What the check of an account complains of gets the account's line."""

    def refuse(account):
        raise UsageError(f"no provider {account.provider}")

    with pytest.raises(UsageError, match=r"exporter.yml:2: no provider ibm$"):
        load_config(config_file(ACCOUNT), refuse)


def test_the_place_of_a_token_is_handed_on_and_the_token_is_not_kept(config_file, monkeypatch):
    """The adapter is told where the token is; no dump of the configuration holds it."""
    monkeypatch.setenv("TEAM_TOKEN", "CANARY")
    config = load_config(config_file(f"{ACCOUNT}  credentials: {{token_env: TEAM_TOKEN}}\n"))

    assert config.providers[0].credentials.options() == {"token_env": "TEAM_TOKEN"}
    assert "CANARY" not in repr(config)
    assert "CANARY" not in config.model_dump_json()


def test_the_schema_describes_every_field_and_takes_what_the_model_takes(config_file):
    """Each field has a description, and a whole configuration is valid by the schema."""
    printed = schema()
    jsonschema.Draft202012Validator.check_schema(printed)
    assert load_config(config_file(FULL))
    jsonschema.validate(yaml.safe_load(FULL), printed)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(FULL.replace("used", "some")), printed)

    models = [printed, *printed["$defs"].values()]
    bare = [
        name
        for each in models
        for name, field in each["properties"].items()
        if "description" not in field
    ]
    assert bare == []
    assert set(printed["properties"]) == set(ProviderConfig.model_fields)
