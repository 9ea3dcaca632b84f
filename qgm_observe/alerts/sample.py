"""The configuration file of the shelf: every setting, at its default behind a `#`."""

import json
import textwrap
from collections.abc import Iterator

from qgm_observe.documents import Model

WIDTH = 96
_HEAD = """\
# rendered by qgm-observe: what `qgm-observe render DIR --config FILE` makes the shelves from.
# Every setting stands here at its default; copy the file, take a # away and change the value.
"""


def sample(model: type[Model]) -> str:
    """Return a file in which every setting of a model is described, and commented out."""
    return _HEAD + "\n".join(_lines(model, "")) + "\n"


def _lines(model: type[Model], indent: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if not indent:
            yield ""
        for line in textwrap.wrap(field.description or "", WIDTH):
            yield f"{indent}# {line}"
        default = field.get_default(call_default_factory=True)
        if isinstance(default, Model):
            yield f"#{name}:"
            yield from _lines(type(default), "  ")
        else:
            yield f"{indent}#{name}: {json.dumps(default)}"
