"""Methods wrapped and given back."""

import inspect
from types import ModuleType
from typing import Any

import pytest

from qgm_observe.instrumentation import wrapping
from qgm_observe.instrumentation.wrapping import Target, Wrappings


class Machine:
    def run(self, work: str, *, times: int = 1) -> str:
        """Repeat."""
        return work * times


class Heir(Machine):
    """Has what it has from its base class alone."""


class Better(Machine):
    def run(self, work: str, *, times: int = 1) -> str:
        return super().run(work, times=times).upper()


@pytest.fixture
def module() -> ModuleType:
    made = ModuleType("factory")
    made.__dict__.update(Machine=Machine, Better=Better, number=3)
    return made


@pytest.fixture
def calls() -> list[Any]:
    return []


@pytest.fixture
def wrappings(calls: list[Any], module: ModuleType):
    def hook(own, *args, **kwargs):
        calls.append((args[1:], kwargs))
        return own(*args, **kwargs)

    targets = [
        Target("factory", "Machine", "run", hook),
        Target("elsewhere", "Better", "run", hook),
    ]
    made = Wrappings("factory", targets)
    made.active = True
    made.wrap(module)
    yield made
    made.unwrap()


def test_a_wrapped_method_calls_the_hook(wrappings: Wrappings, calls: list[Any]) -> None:
    """The hook gets the method's own function and the call; its answer is the answer."""
    assert Machine().run("a", times=2) == "aa"
    assert calls == [(("a",), {"times": 2})]


def test_an_overriding_subclass_is_caught_once(wrappings: Wrappings, calls: list[Any]) -> None:
    """A subclass that calls `super` reaches the hook one time."""
    assert Better().run("a", times=2) == "AA"
    assert len(calls) == 1


def test_a_wrapped_method_looks_like_itself(wrappings: Wrappings) -> None:
    """Name, docstring, signature and kind of a wrapped method are its own."""
    assert (Machine.run.__qualname__, Machine.run.__doc__) == ("Machine.run", "Repeat.")
    assert list(inspect.signature(Machine.run).parameters) == ["self", "work", "times"]
    assert inspect.isfunction(Machine.run)


def test_unwrapping_gives_the_very_same_function_back(module: ModuleType) -> None:
    """After `unwrap` the class holds the object it held before, also after wrapping twice."""
    own = vars(Machine)["run"]
    wrappings = Wrappings(
        "factory", [Target("factory", "Machine", "run", lambda own, *a, **k: own(*a, **k))]
    )
    wrappings.active = True
    wrappings.wrap(module)
    wrappings.wrap(module)
    assert vars(Machine)["run"] is not own
    wrappings.unwrap()

    assert vars(Machine)["run"] is own


def test_nothing_is_wrapped_before_it_is_wanted(module: ModuleType) -> None:
    """Wrappings that are not active leave a module alone."""
    own = vars(Machine)["run"]
    Wrappings("factory", [Target("factory", "Machine", "run", print)]).wrap(module)

    assert vars(Machine)["run"] is own


def test_a_method_that_is_only_inherited_is_a_gap(
    module: ModuleType, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class that no longer defines its method itself is told of once, works and is left alone."""
    gaps: list[str] = []
    monkeypatch.setattr(wrapping, "gap", gaps.append)
    module.__dict__["Heir"] = Heir
    wrappings = Wrappings("factory", [Target("factory", "Heir", "run", calls.append)])
    wrappings.active = True
    try:
        wrappings.wrap(module)
        assert Heir().run("a", times=2) == "aa"
    finally:
        wrappings.unwrap()

    assert gaps == ["factory.Heir.run"]
    assert calls == []
    assert "run" not in vars(Heir)


def test_a_wrapper_under_another_falls_silent(
    wrappings: Wrappings, module: ModuleType, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another tool wrapped ours, unwrapping leaves its work in place and silences ours."""
    ours = Machine.run

    def theirs(self: Machine, work: str, *, times: int = 1) -> str:
        return f"<{ours(self, work, times=times)}>"

    monkeypatch.setattr(Machine, "run", theirs)
    wrappings.unwrap()

    assert Machine().run("a") == "<a>"
    assert calls == []
    wrappings.active = True
    wrappings.wrap(module)
    assert Machine().run("a") == "<a>"
    assert len(calls) == 1
