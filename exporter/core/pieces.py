"""How is work done piece by piece, by whoever is there to do it?"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from exporter.errors import ExporterError

A = TypeVar("A")
B = TypeVar("B")


class Mapper(Protocol):
    """Does pieces of work, perhaps several at a time, and yields the results in order."""

    def __call__(self, work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """Yield what `work` makes of each item."""
        ...


def one_by_one(work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Yield what `work` makes of each item, here and now."""
    return map(work, items)


class Stopped(ExporterError):
    """Work was told to end before it was through."""


def until(is_stopped: Callable[[], bool], pieces: Mapper) -> Mapper:
    """Return a mapper whose pieces raise `Stopped` once the work is to end."""

    def mapped(work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        def guarded(item: A) -> B:
            if is_stopped():
                raise Stopped("the cycle was told to end")
            return work(item)

        return pieces(guarded, items)

    return mapped
