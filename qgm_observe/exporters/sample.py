"""The configuration files of the shelf: every setting of a model, described, at its default.

`python -m qgm_observe.exporters.sample exporters` writes them anew. What has to be written is
written, for an example account; a setting at its default is commented out, so that taking the `#`
away changes nothing.
"""

import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from qgm_observe.documents import Model
from qgm_observe.exporters.config import ProviderConfig
from qgm_observe.exporters.journal_config import JournalConfig

WIDTH = 96
ACCOUNT = {
    "provider": "ibm",
    "account": "research",
    "credentials": {"token_file": "/run/secrets/qgm-observe/ibm-token"},
}
"""An example; the file that it names is what the manifests of the shelf mount."""

FILES: Mapping[str, tuple[type[Model], Mapping[str, Any], str]] = {
    "provider/config.yml": (
        ProviderConfig,
        {"providers": [ACCOUNT]},
        "What `qgm-observe export provider --config FILE` polls, and how often.",
    ),
    "journal/config.yml": (
        JournalConfig,
        {"state": "/state", "receive": "/state/received.db"},
        "What `qgm-observe export journal PATH... --config FILE` follows.",
    ),
}
"""By place on the shelf: the model, what is written, and what the file is."""


def sample(model: type[Model], written: Mapping[str, Any], brief: str) -> str:
    """Return a configuration file of a model as YAML."""
    head = (
        brief,
        "Every setting stands here. One behind a # is at its default; the # may go.",
        "Made from the configuration's model; `--check` reads a file and tells what would be done.",
    )
    lines = [f"# {line}" for line in head]
    return "\n".join([*lines, *_fields(model, written, "")]) + "\n"


def main(folder: Path) -> None:
    """Write the files below a shelf."""
    for place, (model, written, brief) in FILES.items():
        (folder / place).write_text(sample(model, written, brief), encoding="utf-8")


def _fields(
    model: type[Model], written: Mapping[str, Any], indent: str, mark: str = "#"
) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if (field.description or "").startswith("Refused"):
            continue
        told = written.get(name)
        shut = mark if told is None else ""
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        if not indent:
            yield ""
        about = textwrap.wrap(field.description or name, WIDTH - len(indent))
        yield from (f"{indent}# {line}" for line in about)
        parts = _parts(field.annotation)
        if isinstance(default, Model):
            yield f"{indent}{shut}{name}:"
            yield from _fields(type(default), told or {}, indent + "  ")
        elif parts is not None and (told or default):
            yield f"{indent}{shut}{name}:"
            for each in told or default or ():
                chosen = each if isinstance(each, dict) else each.model_dump(exclude_unset=True)
                yield from _item(parts, chosen, indent + "  ", shut)
        else:
            yield f"{indent}{shut}{name}: {_yaml(default if told is None else told)}"


def _item(model: type[Model], chosen: Mapping[str, Any], indent: str, shut: str) -> Iterator[str]:
    """A list's item: its dash stands before its first setting."""
    lines = list(_fields(model, chosen, indent + "  "))
    first = next(n for n, line in enumerate(lines) if not line.lstrip().startswith("# "))
    for number, line in enumerate(lines):
        bare = line.lstrip()
        if number < first:
            yield indent + bare
        elif number == first:
            yield f"{indent}{shut}- {bare.removeprefix('#')}"
        elif shut and not bare.startswith("#"):
            yield f"{line[: len(line) - len(bare)]}{shut}{bare}"
        else:
            yield line


def _parts(annotation: Any) -> type[Model] | None:
    """The model of which a field holds many, if it does."""
    found = [each for each in get_args(annotation) if isinstance(each, type)]
    return next((each for each in found if issubclass(each, Model)), None)


def _yaml(value: Any) -> str:
    return json.dumps(value, default=lambda each: each if isinstance(each, dict) else str(each))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
