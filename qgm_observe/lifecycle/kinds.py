"""What a thing is, by the names of its classes: no library is imported only to ask."""

from functools import lru_cache


def kinds_of(thing: object) -> frozenset[str]:
    """Return the names of a thing's class and of all that it inherits from."""
    return _names(type(thing).__mro__)


@lru_cache(maxsize=64)
def _names(classes: tuple[type, ...]) -> frozenset[str]:
    return frozenset(each.__name__ for each in classes)
