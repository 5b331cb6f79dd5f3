"""The same work on many parts at once. Where parts begin and end never depends on how many hands there are."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def each(work: Callable[[int], Any], parts: Iterable[int]) -> list[Any]:
    """What `work` makes of every part, in their order; the kernels let go of the interpreter."""
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        return list(pool.map(work, parts))
