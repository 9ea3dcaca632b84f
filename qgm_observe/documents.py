"""Files that people write: YAML into typed models, every complaint with file and line.

The one door to the YAML library and to pydantic. A document is at most 1 MiB, 50 levels deep and
10,000 nodes; it may use no aliases (a few lines of them can grow into gigabytes) and no key twice.
"""

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, get_args

from qgm_observe.errors import MissingExtra, UsageError

try:
    import yaml
    from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
except ImportError as error:
    raise MissingExtra("reading YAML files", "export") from error

__all__ = ["Document", "Field", "Model", "field_validator", "load", "load_all", "parse", "read"]

MOST_BYTES = 2**20
MOST_NODES = 10_000
DEEPEST = 50

Place = tuple[str | int, ...]
_PLACED = re.compile(r".+:[0-9]+: ")
M = TypeVar("M", bound="Model")


class Model(BaseModel):
    """Base of what a document may say: frozen, and no field that is not declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def camel(name: str) -> str:
    """Return a field's name as Kubernetes and OpenSLO write it: `time_window` is `timeWindow`."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


class CamelModel(Model):
    """Base of what a document says in camelCase."""

    model_config = ConfigDict(alias_generator=camel)


def load(path: Path, model: type[M]) -> M:
    """Read a file of one document into a model.

    Raises:
        UsageError: `file:line: what is wrong and what to write instead`.
    """
    documents = load_all(path, model)
    if len(documents) != 1:
        raise UsageError(f"{path}: write exactly one document, not {len(documents)}")
    return documents[0]


def load_all(path: Path, model: type[M]) -> list[M]:
    """Read a file of documents divided by `---` into models; see `load`."""
    return [each.validated(model) for each in read(path)]


def read(path: Path) -> list["Document"]:
    """Return the documents of a file as plain data, for checks that a model cannot state.

    Raises:
        UsageError: it cannot be read; see `parse`.
    """
    return parse(_text(path), str(path))


def parse(text: str, name: str) -> list["Document"]:
    """Return the documents of a text as plain data, with the line of every part.

    Raises:
        UsageError: it is no YAML, or larger than a person would write.
    """
    try:
        nodes = list(_nodes(text, name))
    except UsageError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UsageError(f"{name}:{line}: no YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise UsageError(f"{name}: no YAML that can be read; write UTF-8 text") from None
    return [Document(node, name) for node in nodes]


class Document:
    """One document as plain data.

    Attributes:
        data: Mappings, lists, text, numbers, booleans and `None`.
        name: Of the file.
    """

    def __init__(self, node: Any, name: str) -> None:
        self.name = name
        self._lines: dict[Place, int] = {}
        self._resolver = yaml.SafeLoader("")
        self.data = self._built(node, ())

    def line(self, place: Place) -> int:
        """Return the line of a part, or of the nearest part above it that is there."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def error(self, place: Place, message: str) -> UsageError:
        """Return the complaint about a part, with file and line."""
        return UsageError(f"{self.name}:{self.line(place)}: {message}")

    @contextmanager
    def at(self, *place: str | int) -> Iterator[None]:
        """Give what is raised within the file and line of a part, unless it has its own already."""
        try:
            yield
        except UsageError as error:
            if _PLACED.match(str(error)):
                raise
            raise self.error(place, str(error)) from None

    def validated(self, model: type[M], example: str = "") -> M:
        """Return it as a model.

        Args:
            model: What it has to fit.
            example: A line that stands in the complaint where something is missing.

        Raises:
            UsageError: the first part that is unknown or else does not fit, with its line, and
                others of which the same is to be said.
        """
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)
            first = min(found, key=lambda each: each["type"] != _UNKNOWN)
            said = _said(first, model)
            kin = [each for each in found if each["type"] == first["type"]][:_MOST_NAMED]
            places = [each["loc"] for each in kin if _said(each, model) == said]
            named = ", ".join(".".join(map(str, place)) or "document" for place in places)
            lacks = example and any(each["type"] in _INSTEAD for each in found)
            such = f"; for instance: {example}" if lacks else ""
            raise self.error(first["loc"], f"{named}: {said}{such}") from None

    def _built(self, node: Any, place: Place) -> Any:
        self._lines[place] = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            return [self._built(each, (*place, n)) for n, each in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        return self._scalar(node, place)

    def _mapping(self, node: Any, place: Place) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str) or key in built:
                self._lines[place] = key_node.start_mark.line + 1
                raise self.error(place, f"key {key!r} stands twice" if key in built else "odd key")
            built[key] = self._built(value_node, (*place, key))
            self._lines[(*place, key)] = key_node.start_mark.line + 1
        return built

    def _scalar(self, node: Any, place: Place) -> Any:
        try:
            return self._resolver.construct_object(node)
        except (yaml.YAMLError, ValueError):
            raise self.error(place, f"{node.tag} is not plain data: write text or number") from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path}: larger than 1 MiB; divide the file")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: write UTF-8 text") from None


def _nodes(text: str, name: str) -> Iterator[Any]:
    loader = yaml.SafeLoader(text)
    try:
        _refuse_bombs(text, name)
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield node
    finally:
        loader.dispose()


def _refuse_bombs(text: str, name: str) -> None:
    """Look at the text as a stream, before anything is built of it."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        nodes += isinstance(event, yaml.NodeEvent)
        where = f"{name}:{event.start_mark.line + 1 if event.start_mark else 1}"
        if isinstance(event, yaml.AliasEvent):
            raise UsageError(f"{where}: aliases are not read; write the value itself")
        if depth > DEEPEST or nodes > MOST_NODES:
            raise UsageError(f"{where}: larger than a person would write; divide the file")


_MOST_NAMED = 8
_UNKNOWN = "extra_forbidden"
_INSTEAD = {
    "missing": "missing; write it",
    "model_type": "write names with values, such as name: value",
    "list_type": "write a list, with - before each",
    "tuple_type": "write a list, with - before each",
    "too_short": "empty; write at least one",
}
_ALIKE = 0.75
"""How alike two names are, as `SequenceMatcher` counts, of which one may be meant."""


def _said(error: Any, model: type[BaseModel]) -> str:
    """Put pydantic's message, its commonest ones in words that say what to write."""
    kind, message = error["type"], str(error["msg"])
    if kind == _UNKNOWN:
        name, names = str(error["loc"][-1]), {*_names(model, set())}
        if name in names:
            return "not known here, but elsewhere; move it"
        alike = difflib.get_close_matches(name, names, 1, _ALIKE)
        return "unknown; remove it or mend its spelling" + "".join(f": {each}" for each in alike)
    if kind in _INSTEAD:
        return _INSTEAD[kind]
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _names(kind: Any, seen: set[Any]) -> Iterator[str]:
    """Yield the names that a model and the models within it know, as they are written."""
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        seen.add(kind)
        for name, field in kind.model_fields.items():
            yield field.alias or name
            yield from _names(field.annotation, seen)
    for part in get_args(kind):
        yield from _names(part, seen)
