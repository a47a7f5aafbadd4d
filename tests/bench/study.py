"""What is not one time but a line of figures: apart from the ratios and from their mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from tests.bench.workload import Place

Figure = tuple[str, int, float, str]
"""Series, where on the line, value, unit."""


class Study(ABC):
    name: ClassVar[str]
    group: ClassVar[str]

    @abstractmethod
    def measure(self, place: Place) -> Iterator[Figure]:
        """Yield the figures of one program; raises WrongResult where it does not do its work."""
