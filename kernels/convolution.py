"""Convolutions over time as packed matrix products, and what follows them written in the same pass.

A signal is (rows, width): a row for every moment, channels side by side, the width a whole number of panels. A tap is
then a product of rows as they lie, some rows further on, and a transposed convolution is one of two taps whose outputs,
read row by row, are already in order. Sums are float32; signals are bfloat16 where the CPU multiplies it, else float32.

What may follow a sum: a bias, another signal (a residual), and Snake, x + sin^2(a x) / b with an a and a b for every
channel (Ziyin, Hartwig, Ueda 2020, "Neural Networks Fail to Learn Periodic Functions and How to Fix It"; with two
parameters: Lee et al. 2023, "BigVGAN").
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit, types

from kernels.arithmetic import EXACT, FAST, bf16_bits, f32
from kernels.compiled import ENTRY, fingerprint
from kernels.cpu import BF16, BF16_DOT, P
from kernels.errors import KernelsUnfit
from kernels.fitness import widened
from kernels.memory import aligned, bfloat16, lines, packed, padded, whole
from kernels.product import PANEL_BYTES, add_bf16, add_fp32
from kernels.simd import floats, halves

BLOCK = 96  # rows that meet a tap before the next one: with its weights they stay in the first caches
_ROUND = f32(1.5 * 2**23)  # adding and taking it away leaves the nearest whole number
# sin(pi r) = r (S[0] + S[1] r^2 + ...): Taylor's series, absolute error below 2e-7 for |r| <= 1/2.
_S1, _S3, _S5, _S7, _S9, _S11 = (f32((-1) ** (n // 2) * math.pi**n / math.factorial(n)) for n in range(1, 12, 2))
_EXACT, _ROUNDED = 2e-5, 2**-8  # of the largest output: what another order of adding, or bfloat16, may come to


def narrows(precision: str) -> bool:
    """Whether signals of this precision, "bf16" or "fp32", are kept as bfloat16 here."""
    return precision == "bf16" and BF16 == BF16_DOT


@dataclass(frozen=True, eq=False)
class Snake:
    """Parameters for every channel, padded to whole panels: a / pi, and 1 / b."""

    frequency: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, a: np.ndarray, b: np.ndarray, times: int = 1) -> "Snake":
        """From a and b, (channels,) float32 each, `times` over."""
        width = whole(len(a))
        return cls(*(aligned(np.tile(padded(one, width), times)) for one in (a / np.float32(math.pi), 1 / b)))


class Convolution:
    """Packed weights of one convolution.

    Row r of what comes out is summed from rows r, r + dilation, ... r + (taps - 1) * dilation of what goes in, so that
    `reach` fewer rows come out. `inputs` and `outputs` are widths in memory.
    """

    def __init__(self, weight: np.ndarray, bias: np.ndarray | None, dilation: int = 1, precision: str = "bf16"):
        """`weight` (outputs, inputs, taps) and `bias` (outputs,) float32; precision "bf16" or "fp32".

        Raises ValueError for other shapes, KernelsUnfit where this CPU computes wrongly.
        """
        check(precision)
        if bias is not None and bias.shape != weight.shape[:1]:
            raise ValueError(f"bias must be of shape {weight.shape[:1]}, not {bias.shape}")
        self._pack(weight, bias, dilation, narrows(precision))

    def _pack(self, weight: np.ndarray, bias: np.ndarray | None, dilation: int, narrow: bool) -> None:
        outputs, inputs, self.taps = weight.shape
        self.outputs, self.inputs, self.dilation, self.narrow = whole(outputs), whole(inputs), dilation, narrow
        shape = self.outputs, self.inputs
        taps = [packed(padded(weight[..., tap], *shape), int(narrow)).words for tap in range(self.taps)]
        self._words = aligned(np.stack(taps, axis=1))  # (panels, taps, steps, P)
        self._bias = aligned(padded(np.zeros(outputs, np.float32) if bias is None else bias, self.outputs))

    @property
    def reach(self) -> int:
        return (self.taps - 1) * self.dilation

    def __call__(
        self,
        signal: np.ndarray,
        kept: np.ndarray | None = None,
        added: np.ndarray | None = None,
        snake: Snake | None = None,
        active: np.ndarray | None = None,
    ) -> None:
        """Convolve `signal` (rows, inputs). The sum, with `added` if given, becomes `kept`; `snake` of it `active`.

        All three are (rows - reach, outputs), `active` of the signal's type, the others float32 and maybe the same.
        May be called by many threads at once. Raises ValueError.
        """
        rows, kind = len(signal) - self.reach, np.uint16 if self.narrow else np.float32
        _fit(signal, (rows + self.reach, self.inputs), kind)
        _fit(active, (rows, self.outputs), kind)
        for one in (kept, added):
            _fit(one, (rows, self.outputs), np.float32)
        if (active is None) != (snake is None):
            raise ValueError("snake and active are given together or not at all")
        if snake is not None:
            _fit(snake.frequency, (self.outputs,), np.float32)
        sums = lines(4 * P * BLOCK)
        waves = (0, 0) if snake is None else (_at(snake.frequency), _at(snake.size))
        places = (_at(one) for one in (signal, self._words, self._bias, added, kept, active, sums))
        _entry()(self.narrow, rows, self.inputs, self.taps, self.dilation, self.outputs, *places, *waves)


def _at(values: np.ndarray | None) -> int:
    return 0 if values is None else values.ctypes.data


def _fit(values: np.ndarray | None, shape: tuple[int, ...], kind: type[np.number]) -> None:
    """The compiled code looks at nothing. Raises ValueError."""
    if values is None:
        return
    if values.shape != shape or values.dtype != kind or not values.flags.c_contiguous or min(shape) < 1:
        raise ValueError(f"wanted {kind.__name__} {shape}, contiguous, not {values.dtype} {values.shape}")


# --- compiled ---------------------------------------------------------------------------------------------------------


@njit(**EXACT)
def _square_of_sine(turns):
    """sin^2(pi turns), float32."""
    r = turns - ((turns + _ROUND) - _ROUND)
    q = r * r
    p = _S11
    p = p * q + _S9
    p = p * q + _S7
    p = p * q + _S5
    p = p * q + _S3
    p = p * q + _S1
    s = p * r
    return s * s


@njit(**FAST)
def _plus(sums_at, more_at):
    sums, more = floats(sums_at), floats(more_at)
    for i in range(P):
        sums[i] += more[i]


@njit(**FAST)
def _put(narrow, sums_at, out_at):
    sums = floats(sums_at)
    if narrow:
        short = halves(out_at)
        for i in range(P):
            short[i] = np.uint16(bf16_bits(sums[i]))
    else:
        long = floats(out_at)
        for i in range(P):
            long[i] = sums[i]


@njit(**FAST)
def _wave(sums_at, frequency_at, size_at):
    sums, frequency, size = floats(sums_at), floats(frequency_at), floats(size_at)
    for i in range(P):
        sums[i] += _square_of_sine(sums[i] * frequency[i]) * size[i]


@functools.cache
def _entry() -> Callable[..., int]:
    """The compiled convolution, or what the disk has of it."""
    stamp = fingerprint()

    @njit(types.int64(types.boolean, *[types.int64] * 14), cache=True, **ENTRY)
    def convolve(
        narrow, rows, inputs, taps, dilation, outputs, signal, words, bias, added, kept, active, sums, frequency, size
    ):
        number = 2 if narrow else 4  # bytes
        stride, steps = inputs * number, inputs // 2 if narrow else inputs
        for first in range(0, rows, BLOCK):
            count = min(BLOCK, rows - first)
            for panel in range(outputs // P):
                for tap in range(taps):
                    weights = words + (panel * taps + tap) * steps * PANEL_BYTES
                    x = signal + (first + tap * dilation) * stride
                    if narrow:
                        add_bf16(sums, x, stride, weights, steps, count, tap == 0)
                    else:
                        add_fp32(sums, x, stride, weights, steps, count, tap == 0)
                column = panel * PANEL_BYTES
                for row in range(count):
                    at, place = sums + row * PANEL_BYTES, (first + row) * outputs + panel * P
                    _plus(at, bias + column)
                    if added != 0:
                        _plus(at, added + place * 4)
                    if kept != 0:
                        _put(False, at, kept + place * 4)
                    if active != 0:
                        _wave(at, frequency + column, size + column)
                        _put(narrow, at, active + place * number)
        return stamp

    return convolve


# --- fitness ----------------------------------------------------------------------------------------------------------


@functools.cache
def check(precision: str) -> None:
    """Compare a convolution with numpy, once. Raises KernelsUnfit where they differ."""
    chance, rows, narrow = np.random.default_rng(3), 2 * BLOCK + 7, narrows(precision)
    weight, bias = chance.standard_normal((P, P, 3), np.float32), chance.standard_normal(P, np.float32)
    signal, added = chance.standard_normal((rows + 4, P), np.float32), chance.standard_normal((rows, P), np.float32)
    a, b = chance.uniform(0.5, 2, (2, P)).astype(np.float32)
    one = Convolution.__new__(Convolution)
    one._pack(weight, bias, 2, narrow)
    kept, active = np.zeros((rows, P), np.float32), np.zeros((rows, P), np.uint16 if narrow else np.float32)
    one(bfloat16(signal) if narrow else signal, kept, added, Snake.of(a, b), active)
    if narrow:
        weight, signal = widened(bfloat16(weight)), widened(bfloat16(signal))
    sums = added + bias + sum(signal[2 * tap : rows + 2 * tap] @ weight[..., tap].T for tap in range(3))
    found = widened(active) if narrow else active
    if not (_close(kept, sums, _EXACT) and _close(found, sums + np.sin(a * sums) ** 2 / b, _ROUNDED)):
        raise KernelsUnfit("The convolution kernels compute wrongly on this CPU; PyTorch's own must do.")


def _close(found: np.ndarray, right: np.ndarray, tolerance: float) -> bool:
    return bool(np.abs(found - right).max() <= tolerance * np.abs(right).max())
