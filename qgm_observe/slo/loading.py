"""Objectives from files: OpenSLO v1 or the short form, several documents a file; and the shipped.

A document with `apiVersion` is OpenSLO, one with `objectives` is the short form.
"""

from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path

from qgm_observe.documents import Document, Place, parse, read
from qgm_observe.errors import UsageError
from qgm_observe.slo import resolving, short
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.openslo import resource_of

SHIPPED = "objectives.yml"


def load(paths: Iterable[Path]) -> list[Objective]:
    """Return the objectives of files and of the YAML files in folders, by the order of files.

    Raises:
        UsageError: what is wrong, with file and line and what to write instead.
    """
    files = [file for path in paths for file in _files(path)]
    found = _objectives([document for file in files for document in read(file)])
    if files and not found:
        told = ", ".join(map(str, files))
        raise UsageError(f"{told}: no objective; write objectives: [...], or kind: SLO")
    return found


def shipped() -> list[Objective]:
    """Return the objectives that come with this package."""
    return _objectives(parse(shipped_text(), SHIPPED))


def shipped_text() -> str:
    """Return the file of the objectives that come with this package, with what it says of forms."""
    return resources.files(__package__).joinpath(SHIPPED).read_text("utf-8")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix in {".yml", ".yaml"})
    if not found:
        raise UsageError(f"{path}: no .yml or .yaml file in it; write a file of objectives")
    return found


def _objectives(documents: list[Document]) -> list[Objective]:
    made: list[Objective] = []
    resources_ = []
    for document in documents:
        data = document.data if isinstance(document.data, dict) else {}
        if "apiVersion" in data:
            resources_.append(resolving.Written(document, resource_of(document)))
        elif "objectives" in data:
            made += short.objectives_of(document)
        else:
            raise document.error((), "write apiVersion: openslo/v1, or objectives: [...]")
    made += resolving.objectives_of(resources_)
    _refuse_duplicates(documents)
    return made


def _refuse_duplicates(documents: list[Document]) -> None:
    seen: dict[str, str] = {}
    for document in documents:
        for place, name in _names(document):
            if name in seen:
                told = f"two objectives are named {name!r}, the other at {seen[name]}"
                raise document.error(place, f"{told}; rename one of them")
            seen[name] = f"{document.name}:{document.line(place)}"


def _names(document: Document) -> Iterator[tuple[Place, str]]:
    """Yield where the names of a document's objectives stand, and the names as they are made."""
    data = document.data
    if "objectives" in data:
        for number, each in enumerate(data["objectives"]):
            yield ("objectives", number, "name"), str(each["name"])
    elif data["kind"] == "SLO":
        for name in resolving.names_of(data["metadata"]["name"], len(data["spec"]["objectives"])):
            yield ("metadata", "name"), name
