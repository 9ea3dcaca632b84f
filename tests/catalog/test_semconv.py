"""The catalog as OpenTelemetry semantic conventions, held against the form of version 2."""

from typing import Any

import jsonschema
import pytest
import yaml

from qgm_observe.catalog import SIGNALS, STAGES, Kind, Label, Signal, Stability
from qgm_observe.catalog.semconv import semconv
from qgm_observe.cli import main

STABILITY = {"enum": ["stable", "release_candidate", "beta", "alpha", "development"]}
TEXT = {"type": "string"}


def closed(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """Give the schema of an object that holds what it must and may hold, and nothing else."""
    return {
        "type": "object",
        "properties": required | optional | {"annotations": {"type": "object"}},
        "required": list(required),
        "additionalProperties": False,
    }


MEMBER = closed({"id": TEXT, "value": TEXT, "stability": STABILITY}, brief=TEXT)
ATTRIBUTE = closed(
    {
        "key": TEXT,
        "type": {
            "anyOf": [
                {"enum": ["string", "int", "double", "boolean"]},
                closed({"members": {"type": "array", "items": MEMBER, "minItems": 1}}),
            ]
        },
        "brief": TEXT,
        "stability": STABILITY,
    }
)
METRIC = closed(
    {
        "name": TEXT,
        "instrument": {"enum": ["counter", "gauge", "histogram", "updowncounter"]},
        "unit": TEXT,
        "brief": TEXT,
        "stability": STABILITY,
    },
    attributes={"type": "array", "items": closed({"ref": TEXT})},
)
DEFINITION = closed(
    {
        "file_format": {"const": "definition/2"},
        "attributes": {"type": "array", "items": ATTRIBUTE},
        "metrics": {"type": "array", "items": METRIC},
    }
)
"""What weaver's documentation of version 2 (schemas/semconv-syntax.v2.md) asks of the parts that
are written here: which properties there are, which are required, and their values."""


@pytest.fixture
def written() -> dict[str, Any]:
    """The definition file of the whole catalog, read by another library."""
    told: dict[str, Any] = yaml.safe_load(semconv(SIGNALS.values()))
    return told


def test_it_keeps_to_version_2_of_the_definition_language(written):
    """Every property is one that the language knows, and none that it requires is missing."""
    jsonschema.Draft202012Validator(DEFINITION).validate(written)


@pytest.mark.parametrize(
    ("place", "name"), [("metrics", "unit"), ("metrics", "brief"), ("attributes", "stability")]
)
def test_that_form_is_no_formality(written, place, name):
    """A definition that lacks a required property, or has a surplus one, does not pass."""
    entry = written[place][0]
    kept = entry.pop(name)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, DEFINITION)
    entry |= {name: kept, "made_up": "x"}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, DEFINITION)


def test_every_signal_is_a_metric(written):
    """Name, unit and brief are those of the catalog, in its order."""
    told = [(each["name"], each["unit"], each["brief"]) for each in written["metrics"]]

    assert told == [(s.name, s.unit, s.brief) for s in SIGNALS.values()]


def test_kinds_are_instruments_and_stability_has_otels_words(written):
    """Counters, gauges and histograms keep their names, info is a gauge; not stable is development.

    The Prometheus name stands in the annotations.
    """
    for each, signal in zip(written["metrics"], SIGNALS.values(), strict=True):
        info = signal.kind is Kind.INFO
        assert each["instrument"] == ("gauge" if info else signal.kind.value)
        assert (each["stability"] == "stable") == (signal.stability is Stability.STABLE)
        assert each["annotations"] == {"prometheus": {"name": signal.prometheus}}


def test_labels_are_attributes(written):
    """Each metric refers to the attributes of its labels, and each attribute is defined once."""
    labels = {label.name: label for s in SIGNALS.values() for label in s.labels}
    defined = [each["key"] for each in written["attributes"]]

    assert sorted(defined) == sorted(f"qgm.{name}" for name in labels)
    for each, signal in zip(written["metrics"], SIGNALS.values(), strict=True):
        refs = [attribute["ref"] for attribute in each.get("attributes", [])]
        assert refs == [f"qgm.{name}" for name in signal.label_names]


def test_closed_sets_are_enums(written):
    """The values of a label are the members of its attribute; any other attribute is a string."""
    labels = {f"qgm.{label.name}": label for s in SIGNALS.values() for label in s.labels}
    for attribute in written["attributes"]:
        label = labels[attribute["key"]]
        kind = attribute["type"]
        values = () if kind == "string" else tuple(each["value"] for each in kind["members"])
        assert values == label.values
        assert attribute["brief"] == label.brief


def test_stages_explain_themselves(written):
    """The members of the attribute for stages carry the brief of each stage."""
    (stages,) = [each for each in written["attributes"] if each["key"] == "qgm.stage"]
    told = {each["id"]: each["brief"] for each in stages["type"]["members"]}

    assert told == {stage.name: stage.brief for stage in STAGES.values()}


def test_an_attribute_is_stable_if_a_stable_signal_carries_it():
    """What a stable signal refers to may be relied on, whoever else refers to it."""
    both, one = Label("both", "In both.", bound=2), Label("one", "In one.", bound=2)
    signals = [
        Signal("qgm.a", Kind.GAUGE, "1", "A.", (both, one)),
        Signal("qgm.b", Kind.GAUGE, "1", "B.", (both,), stability=Stability.STABLE),
        Signal("qgm.c", Kind.GAUGE, "1", "C.", (both,)),
    ]
    told = yaml.safe_load(semconv(signals))["attributes"]

    assert {each["key"]: each["stability"] for each in told} == {
        "qgm.both": "stable",
        "qgm.one": "development",
    }


def test_the_command_prints_it(capsys):
    """`catalog --format semconv` writes the file to standard output."""
    assert main(["catalog", "--format", "semconv"]) == 0
    assert capsys.readouterr().out == semconv(SIGNALS.values())
