"""Weights and caches in the form that panels read, and memory for them. In numpy: this happens once per model."""

import contextlib
import mmap
from dataclasses import dataclass

import numpy as np

from kernels.arithmetic import INT8_TOP
from kernels.cpu import INT8, INT8_DOT, P
from kernels.simd import LINE

HUGE = 1 << 21  # bytes of a huge page
CHUNK = 1 << 26  # bytes that an arena asks for at once


@dataclass(frozen=True, eq=False)
class Matrix:
    """A packed matrix: words (panels, steps, P, weights in a word); for int8 also a scale (rows,) float32 per output
    and (rows,) int32 that is taken off its sum."""

    words: np.ndarray
    scales: np.ndarray | None = None
    offsets: np.ndarray | None = None

    @property
    def places(self) -> tuple[int, int, int]:
        """Addresses, 0 for what is not there."""
        parts = (self.words, self.scales, self.offsets)
        return tuple(0 if part is None else part.ctypes.data for part in parts)  # type: ignore[return-value]

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in (self.words, self.scales, self.offsets) if part is not None)


def lines(size: int) -> np.ndarray:
    """`size` bytes of zeros that begin on a line of memory; much of it in huge pages, which the system finds faster and
    the core reads ahead in."""
    if size < HUGE:
        room = np.zeros(size + LINE, np.uint8)
        return room[-room.ctypes.data % LINE :][:size]
    pages = mmap.mmap(-1, size + HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(AttributeError, OSError):  # a system without them has small ones
        pages.madvise(mmap.MADV_HUGEPAGE)
    room = np.frombuffer(pages, np.uint8)
    return room[-room.ctypes.data % HUGE :][:size]


class Arena:
    """Memory for many things that are read one after the other."""

    def __init__(self) -> None:
        self._free = np.zeros(0, np.uint8)

    def aligned(self, values: np.ndarray) -> np.ndarray:
        """A copy that is contiguous and begins on a line."""
        size = -(-values.nbytes // LINE) * LINE
        if len(self._free) < size:
            self._free = lines(max(size, CHUNK))
        taken, self._free = self._free[: values.nbytes], self._free[size:]
        copy = taken.view(values.dtype).reshape(values.shape)
        copy[...] = values
        return copy


def aligned(values: np.ndarray) -> np.ndarray:
    """A copy that is contiguous and begins on a line, in memory of its own."""
    copy = lines(values.nbytes).view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


def whole(count: int) -> int:
    """The next multiple of a panel."""
    return -(-count // P) * P


def bfloat16(values: np.ndarray) -> np.ndarray:
    """float32 -> the bits of the nearest bfloat16, ties to even, uint16."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def packed(weight: np.ndarray, precision: int, arena: Arena | None = None) -> Matrix:
    """(outputs, inputs) float32, both whole panels, at precision 0 fp32, 1 bf16 or 2 int8."""
    keep = arena.aligned if arena else aligned
    if precision == 0:
        return Matrix(keep(_panels(weight, 1)))
    if precision == 1:
        return Matrix(keep(_panels(bfloat16(weight), 2)))
    scales = np.maximum(np.abs(weight).max(axis=1), np.float32(1e-30)) / np.float32(INT8_TOP)
    rounded = np.rint(weight / scales[:, None]).astype(np.int8)
    # Activations of this kind are 128 too high, so every sum is too high by 128 times the weights.
    offset = 128 if INT8 == INT8_DOT else 0
    offsets = (rounded.sum(axis=1, dtype=np.int32) * offset).astype(np.int32)
    return Matrix(keep(_panels(rounded, 4)), keep(scales.astype(np.float32)), keep(offsets))


def _panels(weight: np.ndarray, in_word: int) -> np.ndarray:
    outputs, inputs = weight.shape
    # A word is moved as one number: four times faster than its parts.
    word = np.ascontiguousarray(weight).view(np.uint32)
    return word.reshape(outputs // P, P, inputs // in_word).transpose(0, 2, 1)


def padded(values: np.ndarray, *shape: int) -> np.ndarray:
    """With zeros after what is there, up to `shape`."""
    if values.shape == shape:
        return values
    wider = np.zeros(shape, values.dtype)
    wider[tuple(slice(0, count) for count in values.shape)] = values
    return wider


class Cache:
    """Keys and values of (blocks, rows, heads): in float32, or in bfloat16 where `narrow`."""

    def __init__(self, blocks: int, rows: int, heads: int, positions: int, head: int, narrow: bool):
        """`positions` and `head` are whole panels."""
        self.narrow, self.step = narrow, 2 if narrow else 1
        size = blocks * rows * heads * positions * head * self.number_bytes
        kind = np.uint16 if narrow else np.float32
        self.keys, self.values = (
            lines(size).view(kind).reshape(blocks, rows, heads, positions * head) for _ in range(2)
        )
        self.positions, self.head = positions, head

    @property
    def number_bytes(self) -> int:
        return 2 if self.narrow else 4

    def put(self, block: int, keys: np.ndarray, values: np.ndarray, at: int = 0) -> None:
        """(rows, heads, n, width) float32 as positions from `at` on, for the first rows of a block."""
        rows, heads, count, _ = keys.shape
        place, step, head = np.arange(at, at + count), self.step, self.head
        keys, values = (padded(part, rows, heads, count, head) for part in (keys, values))
        if self.narrow:
            keys, values = bfloat16(keys), bfloat16(values)
        kept = self.keys[block, :rows].reshape(rows, heads, self.positions // P, head // step, P, step)
        kept = kept.transpose(0, 1, 2, 4, 3, 5)
        kept[:, :, place // P, place % P] = keys.reshape(rows, heads, count, head // step, step)
        held = self.values[block, :rows].reshape(rows, heads, head // P, self.positions // step, P, step)
        held = held.transpose(0, 1, 3, 5, 2, 4)
        held[:, :, place // step, place % step] = values.reshape(rows, heads, count, head // P, P)
