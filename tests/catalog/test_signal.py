"""The form of a signal: what cannot be exposed is refused when it is declared."""

import pytest

from qgm_observe.catalog import Kind, Label, Signal
from qgm_observe.errors import UsageError

MODEL = Label("model", "The model's name.", bound=10)


def declare(name="qgm.things", kind=Kind.COUNTER, unit="{thing}", brief="Things.", **more):
    return Signal(name, kind, unit, brief, **more)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "things"}, "write qgm.noun.what in lower case"),
        ({"name": "qgm.Things"}, "write qgm.noun.what in lower case"),
        ({"name": "other.things"}, "write qgm.noun.what in lower case"),
        ({"brief": "Things"}, "end the brief with a full stop"),
        ({"unit": "ms"}, "unit 'ms' is no base unit"),
        ({"unit": "%"}, "unit '%' is no base unit"),
        ({"buckets": (1.0, 2.0)}, "buckets go with histograms"),
        ({"kind": Kind.HISTOGRAM}, "buckets go with histograms"),
        ({"kind": Kind.HISTOGRAM, "buckets": (2.0, 1.0)}, "buckets have to ascend"),
        ({"kind": Kind.HISTOGRAM, "buckets": (1.0, 1.0)}, "buckets have to ascend"),
        ({"labels": (MODEL, MODEL)}, "a label stands twice"),
    ],
)
def test_a_signal_that_cannot_be_exposed_is_refused(change, message):
    """A wrong name, unit, brief, bucket or label is refused in one line."""
    with pytest.raises(UsageError, match=message):
        declare(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Model"}, "write lower case words joined by '_'"),
        ({"brief": "The model"}, "end the brief with a full stop"),
        ({"bound": 0}, "give either its values or a bound"),
        ({"values": ("a",)}, "give either its values or a bound"),
    ],
)
def test_a_label_without_a_bound_is_refused(change, message):
    """A label is named in lower case, explained, and bounded in exactly one way."""
    with pytest.raises(UsageError, match=message):
        Label(**({"name": "model", "brief": "The model.", "bound": 10} | change))


def test_a_signal_knows_its_label_names():
    """Label names come in exposition order."""
    label = Label("device", "The device.", bound=5)

    assert declare(labels=(label, MODEL)).label_names == ("device", "model")
