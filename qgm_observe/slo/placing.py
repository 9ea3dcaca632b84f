"""Complaints about a part of a document, with its file and line."""

from collections.abc import Iterator
from contextlib import contextmanager

from qgm_observe.documents import Document
from qgm_observe.errors import UsageError


class PlacedError(UsageError):
    """A complaint that names its file and line already."""


@contextmanager
def at(document: Document, *place: str | int) -> Iterator[None]:
    """Give every complaint that is raised within the file and line of a part."""
    try:
        yield
    except PlacedError:
        raise
    except UsageError as error:
        raise PlacedError(str(document.error(place, str(error)))) from None
