"""Complaints about a part of a document, with its file and line."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from qgm_observe.documents import Document
from qgm_observe.errors import UsageError

_PLACED = re.compile(r".+:[0-9]+: ")


@contextmanager
def at(document: Document, *place: str | int) -> Iterator[None]:
    """Give what is raised within the file and line of a part, unless it has its own already."""
    try:
        yield
    except UsageError as error:
        if _PLACED.match(str(error)):
            raise
        raise document.error(place, str(error)) from None
