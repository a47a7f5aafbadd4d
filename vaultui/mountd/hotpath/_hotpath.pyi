from collections.abc import Mapping
from typing import Any, Self

class Hot:
    answered: int
    handed_over: int

    def __new__(cls, parts: Mapping[str, Any], /) -> Self: ...
    def tell(self) -> None: ...
    def serve(self, patience_ms: int, /) -> int: ...
