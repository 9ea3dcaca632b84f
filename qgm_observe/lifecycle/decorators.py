"""A function, coroutine function or generator whose every call has a context of its own."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AbstractContextManager
from typing import Any

Function = Callable[..., Any]
Context = Callable[[], AbstractContextManager[Any]]


def decorated(context: Context, function: Function) -> Function:
    """Return the function with a fresh `context()` around each call of it."""
    wrap = _plain
    if inspect.isasyncgenfunction(function):
        wrap = _async_generator
    elif inspect.iscoroutinefunction(function):
        wrap = _coroutine
    elif inspect.isgeneratorfunction(function):
        wrap = _generator
    return functools.wraps(function)(wrap(context, function))


def _plain(context: Context, function: Function) -> Function:
    def call(*args: Any, **kwargs: Any) -> Any:
        with context():
            return function(*args, **kwargs)

    return call


def _coroutine(context: Context, function: Function) -> Function:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with context():
            return await function(*args, **kwargs)

    return call


def _generator(context: Context, function: Function) -> Function:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with context():
            return (yield from function(*args, **kwargs))

    return call


def _async_generator(context: Context, function: Function) -> Function:
    async def call(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with context():
            async for item in function(*args, **kwargs):
                yield item

    return call
