"""A progress bar on standard error; in a pipe, nothing until the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[float | None], None]]:
    """Show a bar of `total` steps; the value it gives is called with the loss of each step."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total, loss="")

        def advance(loss: float | None) -> None:
            bar.update(task, advance=1, loss="" if loss is None else f"loss {loss:.4f}")

        yield advance
