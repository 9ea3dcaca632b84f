"""What a thing is, by the names of its classes."""

from qgm_observe.lifecycle.kinds import kinds_of


class Sampler:
    """A base class."""


class Named(Sampler):
    """An heir."""


def test_an_heir_is_of_its_ancestors_kinds() -> None:
    """A thing is of its own class and of each that it inherits from, by name alone."""
    assert kinds_of(Named()) == {"Named", "Sampler", "object"}


def test_classes_of_one_name_are_told_apart() -> None:
    """Another class of the same name has the ancestors that it has itself."""
    other = type("Named", (dict,), {})

    assert kinds_of(other()) == {"Named", "dict", "object"}
    assert kinds_of(Named()) == {"Named", "Sampler", "object"}
