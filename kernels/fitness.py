"""Whether the panels of this CPU are right, how fast they are, and how fast memory is."""

import functools
import time
from collections.abc import Callable, Sequence

import numpy as np

from kernels import table as at
from kernels.cpu import BF16_DOT, CPU, INT8_DOT, INT8_PAIRS, MOST_ROWS, NAMES, P
from kernels.crew import Crew
from kernels.errors import KernelsUnfit
from kernels.memory import Cache, Matrix, aligned, bfloat16, lines, packed

PRECISIONS = ("fp32", "bf16", "int8")  # of weights; with bf16 and int8 the caches are bfloat16
_INPUTS = P * (1 + 1024 // P)  # more than what meets all rows in one stretch, for every kind
_POSITIONS = 3 * P
_TOLERANCE = 2e-5  # of the largest output: what different orders of adding may come to
_PASSES = 3
_BLOCK = 1 << 26  # bytes of weights that a measurement of speed reads: more than most caches hold
_FAR = 1 << 28  # bytes that a measurement of memory reads


@functools.cache
def check(precision: str) -> None:
    """Compare the panels that a step of this precision uses with numpy, once. Raises KernelsUnfit where they differ."""
    kind = PRECISIONS.index(precision)
    crew = Crew(1)
    try:
        for name, right in ((NAMES[CPU.kinds[kind]], _products_are_right), ("attention", _attention_is_right)):
            if not right(kind, crew):
                raise KernelsUnfit(f"The {name} kernels compute wrongly on this CPU; the plain loop must do.")
    finally:
        crew.close()


def _products_are_right(precision: int, crew: Crew) -> bool:
    chance = np.random.default_rng(1)
    weight = chance.standard_normal((2 * P, _INPUTS), np.float32)
    for rows in range(1, 2 * MOST_ROWS + 2):
        x = aligned(_activations(precision, chance.standard_normal((rows, _INPUTS), np.float32)))
        y = multiply(packed(weight, precision), x, precision, crew, len(weight))
        if not _close(y, expected_product(weight, x, precision)):
            return False
    return True


def _activations(precision: int, x: np.ndarray) -> np.ndarray:
    """Whole numbers for int8: how a tie is rounded is nobody's fault."""
    top = {INT8_DOT: 127, INT8_PAIRS: 1023}.get(CPU.kinds[precision])
    if top is None:
        return x
    x = np.rint(np.clip(x * top / 3, -top, top))
    x[:, 0] = top
    return x.astype(np.float32)


def expected_product(weight: np.ndarray, x: np.ndarray, precision: int) -> np.ndarray:
    """x W^T in float64, from weights and activations as their precision rounds them."""
    kind = CPU.kinds[precision]
    if precision == 1:
        weight = widened(bfloat16(weight))
        x = widened(bfloat16(x)) if kind == BF16_DOT else x
    elif precision == 2:
        scales = np.abs(weight).max(axis=1, keepdims=True) / np.float32(127)
        weight = np.rint(weight / scales).astype(np.float64) * scales
        if kind in (INT8_DOT, INT8_PAIRS):
            steps = np.abs(x).max(axis=1, keepdims=True).astype(np.float64) / (127 if kind == INT8_DOT else 1023)
            x = np.rint(x / steps) * steps
    return x.astype(np.float64) @ weight.T.astype(np.float64)


def widened(bits: np.ndarray) -> np.ndarray:
    """bfloat16 bits -> float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def multiply(matrix: Matrix, x: np.ndarray, precision: int, crew: Crew, outputs: int) -> np.ndarray:
    """x W^T (rows, outputs) by the compiled panels; x (rows, inputs) float32."""
    rows, inputs = x.shape
    y = lines(4 * rows * outputs).view(np.float32).reshape(rows, outputs)
    table = crew.table
    crew.make_room(rows, inputs, P)
    table[[at.PRECISION, at.ROWS, at.PRODUCT_INPUTS, at.OUTPUTS]] = precision, rows, inputs, outputs
    table[at.HEAD_WORDS : at.HEAD_WORDS + 3] = matrix.places
    table[[at.PRODUCT_X, at.PRODUCT_Y]] = x.ctypes.data, y.ctypes.data
    crew.do(at.PRODUCT)
    return y


def _attention_is_right(precision: int, crew: Crew) -> bool:
    chance, head = np.random.default_rng(2), 2 * P
    cache = Cache(1, 1, 1, _POSITIONS, head, precision > 0)
    query = aligned(chance.standard_normal(head, np.float32))
    keys, values = chance.standard_normal((2, 1, 1, _POSITIONS - 1, head), np.float32)
    cache.put(0, keys[:, :, :-1], values[:, :, :-1])
    projected = aligned(np.concatenate([query, keys[0, 0, -1], values[0, 0, -1]]))
    if precision > 0:
        keys, values = widened(bfloat16(keys)), widened(bfloat16(values))
    scores = keys[0, 0].astype(np.float64) @ query / np.sqrt(head)
    weights = np.exp(scores - scores.max())
    return _close(_attended(cache, projected, crew), weights @ values[0, 0] / weights.sum())


def _attended(cache: Cache, projected: np.ndarray, crew: Crew) -> np.ndarray:
    """One head that appends to a cache and attends to it; `projected` is its query, key and value."""
    head, none = cache.head, np.zeros(1, np.int32)
    out, table = aligned(np.zeros(head, np.float32)), crew.table
    crew.make_room(1, head, cache.positions + 2 * P)
    scale = np.float32(1 / np.sqrt(head)).view(np.uint32)
    table[[at.ROWS, at.HEADS, at.HEAD, at.HEAD_SCALE_BITS]] = 1, 1, head, scale
    table[[at.POSITIONS, at.POSITION, at.CACHE_BYTES]] = cache.positions, cache.positions - 2, cache.number_bytes
    table[[at.KEYS, at.VALUES, at.HIDDEN]] = cache.keys.ctypes.data, cache.values.ctypes.data, none.ctypes.data
    table[[at.PROJECTED, at.ATTENDED]] = projected.ctypes.data, out.ctypes.data
    crew.do(at.ATTEND)
    return out


def _close(found: np.ndarray, right: np.ndarray) -> bool:
    return bool(np.abs(found - right).max() <= _TOLERANCE * np.abs(right).max())


# --- speed ------------------------------------------------------------------------------------------------------------


def weight_seconds(precision: str, rows: int = 2, threads: int = 1) -> float:
    """Seconds that a weight costs in a product of so many rows here and now: the best of a few passes."""
    kind = PRECISIONS.index(precision)
    inputs = 1024
    outputs = _BLOCK // inputs * (1 << kind) // 4 // P * P
    words = lines(_BLOCK).view(np.int8)
    words[:] = 1  # memory that was never written to is one page of zeros
    small = np.zeros(outputs, np.float32)
    matrix = Matrix(words, small, small.view(np.int32))
    x = aligned(np.ones((rows, inputs), np.float32))
    crew = Crew(threads)
    try:
        return _best(lambda: multiply(matrix, x, kind, crew, outputs)) / (inputs * outputs)
    finally:
        crew.close()


def choose(among: Sequence[str] = PRECISIONS, rows: int = 2, threads: int = 1) -> str:
    """The fastest of some precisions on this machine, measured now (a quarter of a second) among those whose panels
    are right. int8 is not always it: without dot products its weights cost more to unpack than to read.

    Raises KernelsUnfit where none can be used.
    """
    speeds: dict[str, float] = {}
    refused = KernelsUnfit("No precision was given to choose from.")
    for precision in among:
        try:
            check(precision)
            speeds[precision] = weight_seconds(precision, rows, threads)
        except KernelsUnfit as error:
            refused = error
    if not speeds:
        raise refused
    return min(speeds, key=speeds.__getitem__)


class Memory:
    """A buffer far larger than the caches, and threads that read it."""

    def __init__(self, threads: int = 1, size: int = _FAR):
        self._buffer = lines(size)
        self._buffer[:] = 1  # memory that was never written to is one page of zeros
        self._crew = Crew(threads)
        self._crew.table[[at.READ_FROM, at.READ_BYTES]] = self._buffer.ctypes.data, size

    def read(self) -> tuple[float, float]:
        """Bytes per second and per CPU second, of one pass."""
        begun, begun_cpu = time.perf_counter(), time.process_time()
        self._crew.do(at.READ)
        spent, spent_cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
        return self._buffer.size / spent, self._buffer.size / spent_cpu

    def close(self) -> None:
        self._crew.close()


def read_bandwidth(threads: int = 1) -> float:
    """Bytes per second that so many threads can read together, far beyond the caches: the best of a few passes."""
    memory = Memory(threads)
    try:
        return max(memory.read()[0] for _ in range(_PASSES))
    finally:
        memory.close()


def _best(work: Callable[[], object]) -> float:
    spent = []
    for _ in range(_PASSES):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return min(spent)
