"""The decode step of a transformer: one position of several rows in, logits out."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from kernels import table as at
from kernels.cpu import P
from kernels.crew import Crew
from kernels.errors import KernelsUnfit
from kernels.fitness import PRECISIONS, check
from kernels.memory import Arena, Cache, Matrix, aligned, lines, packed, padded, whole

INT8_INPUTS = 16_384  # more of them could exceed what a sum of int8 products holds
Norm = tuple[np.ndarray, np.ndarray]  # weight, bias


@dataclass(frozen=True)
class Shape:
    """`inner` is the width between the two products of a feed-forward; `outputs` are codebooks x vocabulary."""

    layers: int
    width: int
    heads: int
    inner: int
    outputs: int

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    def check(self) -> None:
        """Raises ValueError where this is no shape of a transformer."""
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"{field.name} must be at least 1, not {getattr(self, field.name)}")
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, but {self.width} is none of {self.heads}")


@dataclass(frozen=True, eq=False)
class Layer:
    """One pre-norm decoder layer: float32 matrices (outputs, inputs), and norms as (weight, bias).

    With W the width and F the inner width: `qkv` (3 W, W), `out`, `cross_query`, `cross_out` (W, W), `up` (F, W),
    `down` (W, F). Where the decoder has no cross-attention, its three are None.
    """

    qkv: np.ndarray
    out: np.ndarray
    up: np.ndarray
    down: np.ndarray
    norm_self: Norm
    norm_inner: Norm
    cross_query: np.ndarray | None = None
    cross_out: np.ndarray | None = None
    norm_cross: Norm | None = None


class DecodeStep:
    """Packed weights, caches and threads. For one caller at a time; `close` it, or let go of it.

    Pre-norm layers (epsilon 1e-5), no biases but the norms', attention scaled by 1 / sqrt(head width), GELU by erf.
    Logits are bitwise the same for any number of threads, and for a row alone or among others.
    """

    def __init__(
        self,
        shape: Shape,
        layers: Iterable[Layer],
        final_norm: Norm,
        head: np.ndarray,
        precision: str = "bf16",
        threads: int = 1,
    ):
        """Packs layer by layer: `layers` may make each when asked. `head` (outputs, width) float32.

        Raises ValueError where something has the wrong shape or type, KernelsUnfit where the kernels cannot be used.
        """
        shape.check()
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
        if precision == "int8" and max(shape.width, shape.inner) > INT8_INPUTS:
            raise KernelsUnfit(f"int8 products are exact for up to {INT8_INPUTS} inputs only; use bf16.")
        check(precision)
        self.shape, self.precision = shape, precision
        self._kind = PRECISIONS.index(precision)
        # In memory everything is whole panels; what is added is zero and stays zero.
        self._width, self._inner, self._outputs = whole(shape.width), whole(shape.inner), whole(shape.outputs)
        self._head = whole(shape.head_width)
        self._across = shape.heads * self._head
        self._kept: list[np.ndarray | Matrix] = []
        self._arena = Arena()
        self._caches: list[Cache] = []  # of the rows, and of their context
        self._crew = Crew(threads, shape.layers)
        try:
            self._crosses = self._take(layers)
            self._take_ends(final_norm, head)
        except BaseException:
            self.close()
            raise
        self._filled = np.zeros(shape.layers, np.int64)
        self._rows = self._positions = 0

    # -- weights ------------------------------------------------------------------------------------------------------

    def _take(self, layers: Iterable[Layer]) -> bool:
        """Whether there is cross-attention."""
        crosses = set()
        count = 0
        for count, layer in enumerate(layers, start=1):
            if count > self.shape.layers:
                break
            self._take_layer(count - 1, layer)
            crosses.add(layer.cross_query is not None)
        if count != self.shape.layers:
            raise ValueError(f"there must be {self.shape.layers} layers, not {'more' if count > 0 else 'none'}")
        if len(crosses) > 1:
            raise ValueError("cross-attention must be in all layers or in none")
        return crosses.pop()

    def _take_layer(self, number: int, layer: Layer) -> None:
        width, heads, head, inner = self.shape.width, self.shape.heads, self.shape.head_width, self.shape.inner
        row = self._crew.layers[number]
        name = f"layer {number}"

        def put(place: int, what: str, given: np.ndarray | None, outputs: tuple[int, ...], inputs: tuple[int, ...]):
            right = _given(given, f"{name}: {what}", (math.prod(outputs), math.prod(inputs)))
            sizes = [self._whole(axes) for axes in (outputs, inputs)]
            split = padded(right.reshape(*outputs, *inputs), *sizes[0], *sizes[1])
            row[place : place + 3] = self._pack(split.reshape(math.prod(sizes[0]), math.prod(sizes[1])))

        put(at.QKV, "qkv", layer.qkv, (3, heads, head), (width,))
        put(at.OUT, "out", layer.out, (width,), (heads, head))
        if layer.cross_query is not None or layer.cross_out is not None or layer.norm_cross is not None:
            put(at.CROSS_QUERY, "cross_query", layer.cross_query, (heads, head), (width,))
            put(at.CROSS_OUT, "cross_out", layer.cross_out, (width,), (heads, head))
            row[at.NORM_CROSS : at.NORM_CROSS + 2] = self._norm(layer.norm_cross, f"{name}: norm_cross")
        put(at.UP, "up", layer.up, (inner,), (width,))
        put(at.DOWN, "down", layer.down, (width,), (inner,))
        row[at.NORM_SELF : at.NORM_SELF + 2] = self._norm(layer.norm_self, f"{name}: norm_self")
        row[at.NORM_INNER : at.NORM_INNER + 2] = self._norm(layer.norm_inner, f"{name}: norm_inner")

    def _whole(self, axes: tuple[int, ...]) -> tuple[int, ...]:
        """Sizes in memory: the last axis is whole panels, so that every head is."""
        return (*axes[:-1], whole(axes[-1]))

    def _pack(self, weight: np.ndarray) -> tuple[int, int, int]:
        matrix = packed(weight, self._kind, self._arena)
        self._kept.append(matrix)
        return matrix.places

    def _norm(self, given: Norm | None, name: str) -> tuple[int, int]:
        if given is None or len(given) != 2:
            raise ValueError(f"{name} must be a pair of weight and bias")
        parts = [
            aligned(_given(part, f"{name} {what}", (self.shape.width,)))
            for part, what in zip(given, ("weight", "bias"), strict=True)
        ]
        self._kept += parts
        return parts[0].ctypes.data, parts[1].ctypes.data

    def _take_ends(self, final_norm: Norm, head: np.ndarray) -> None:
        table, shape = self._crew.table, self.shape
        table[[at.FINAL_WEIGHT, at.FINAL_BIAS]] = self._norm(final_norm, "final_norm")
        right = padded(_given(head, "head", (shape.outputs, shape.width)), self._outputs, self._width)
        table[at.HEAD_WORDS : at.HEAD_WORDS + 3] = self._pack(right)
        scale = np.float32(1 / math.sqrt(shape.head_width)).view(np.uint32)
        table[[at.PRECISION, at.LAYERS, at.WIDTH, at.PADDED]] = self._kind, shape.layers, shape.width, self._width
        table[[at.HEADS, at.HEAD, at.HEAD_SCALE_BITS]] = shape.heads, self._head, scale
        table[[at.INNER, at.OUTPUTS]] = self._inner, self._outputs

    @property
    def threads(self) -> int:
        return self._crew.threads

    @property
    def weight_bytes(self) -> int:
        """What one step reads of weights."""
        return sum(part.nbytes for part in self._kept)

    def cache_bytes(self, position: int) -> int:
        """What the step at `position` reads of keys and values, context included, after `begin`."""
        number, each = (4 if self._kind == 0 else 2), self.shape.layers * self.shape.width * 2
        return number * each * (int((position + 1 - self._hidden).sum()) + int(self._lengths.sum()))

    # -- a batch ------------------------------------------------------------------------------------------------------

    def begin(
        self,
        rows: int,
        conditioned: int,
        positions: int,
        context: Sequence[tuple[np.ndarray, np.ndarray]] | None = None,
        lengths: Sequence[int] | np.ndarray | None = None,
        hidden: Sequence[int] | np.ndarray | None = None,
    ) -> None:
        """A new batch of `rows` rows with empty caches for `positions` positions.

        The first `conditioned` rows attend to `context`: for every layer keys and values (conditioned, heads, tokens,
        head width) float32, of which a row sees its first `lengths` tokens (all where None). The other rows skip
        cross-attention. `hidden`: how many of the first positions each row does not see, 0 where None; attention knows
        no order, so that a row with fewer positions than others can have the gap there.
        Raises ValueError.
        """
        if not (1 <= rows <= 4096 and 0 <= conditioned <= rows and 1 <= positions <= 1 << 20):
            raise ValueError(
                f"a batch must have rows >= 1, conditioned <= rows and positions >= 1, not {rows}, {conditioned} "
                f"and {positions}"
            )
        given = self._context(conditioned, context)
        tokens = given[0][0].shape[2] if given else 0
        self._lengths = _counts(lengths, "lengths", conditioned, tokens, 1, tokens)
        self._hidden = _counts(hidden, "hidden", rows, 0, 0, positions)
        self._rows, self._positions = 0, positions  # not to be used if what follows fails
        self._allocate(rows, conditioned, positions, tokens)
        contexts = self._caches[1]
        for number, (keys, values) in enumerate(given):
            contexts.put(number, keys, values)
            row = self._crew.layers[number]
            row[at.CONTEXT_KEYS] = contexts.keys[number].ctypes.data
            row[at.CONTEXT_VALUES] = contexts.values[number].ctypes.data
        self._filled[:] = 0
        self._rows = rows

    def _context(
        self, conditioned: int, context: Sequence[tuple[np.ndarray, np.ndarray]] | None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        if conditioned == 0:
            return []
        if not self._crosses:
            raise ValueError("this decoder has no cross-attention, so no row can be conditioned")
        if context is None or len(context) != self.shape.layers:
            raise ValueError(f"context must have keys and values for each of {self.shape.layers} layers")
        tokens = np.shape(context[0][0])[2:3]
        if not tokens or tokens[0] < 1:
            raise ValueError("context must have at least one token")
        size = (conditioned, self.shape.heads, int(tokens[0]), self.shape.head_width)
        return [
            (_given(keys, f"context keys of layer {one}", size), _given(values, f"context values of layer {one}", size))
            for one, (keys, values) in enumerate(context)
        ]

    def _allocate(self, rows: int, conditioned: int, positions: int, tokens: int) -> None:
        shape, crew, narrow, head = self.shape, self._crew, self._kind > 0, self._head
        self._caches.clear()  # the old ones go before the new ones come
        own = Cache(shape.layers, rows, shape.heads, whole(positions), head, narrow)
        self._caches += [own, Cache(shape.layers, conditioned, shape.heads, whole(tokens), head, narrow)]
        self._stream = lines(4 * rows * self._width).view(np.float32).reshape(rows, self._width)
        self._logits = lines(4 * rows * self._outputs).view(np.float32).reshape(rows, self._outputs)
        self._between = [
            lines(4 * rows * count) for count in (3 * self._across, max(self._across, self._width), self._inner)
        ]
        self._counts = aligned(self._hidden), aligned(self._lengths)
        table = crew.table
        table[[at.ROWS, at.CONDITIONED, at.POSITIONS, at.TOKENS]] = rows, conditioned, whole(positions), whole(tokens)
        table[[at.HIDDEN, at.LENGTHS]] = [part.ctypes.data for part in self._counts]
        table[[at.KEYS, at.VALUES]] = own.keys.ctypes.data, own.values.ctypes.data
        table[at.CACHE_BYTES] = own.number_bytes
        table[[at.STREAM, at.LOGITS]] = self._stream.ctypes.data, self._logits.ctypes.data
        table[[at.PROJECTED, at.ATTENDED, at.EXPANDED]] = [part.ctypes.data for part in self._between]
        widest = max(self._width, self._across, self._inner)
        crew.make_room(rows, widest, max(whole(positions), whole(tokens)) + 2 * P)

    def fill(self, layer: int, keys: np.ndarray, values: np.ndarray, at: int = 0) -> None:
        """Keys and values (rows, heads, n, head width) float32 of positions [at, at + n) that were computed elsewhere.
        Raises ValueError."""
        self._begun()
        if not 0 <= layer < self.shape.layers:
            raise ValueError(f"layer must be from 0 to {self.shape.layers - 1}, not {layer}")
        count = np.shape(keys)[2] if np.ndim(keys) == 4 else 0
        size = (self._rows, self.shape.heads, count, self.shape.head_width)
        keys, values = _given(keys, "keys", size), _given(values, "values", size)
        if not 0 <= at <= self._filled[layer] or at + count > self._positions:
            raise ValueError(
                f"positions {at} to {at + count} must follow on {self._filled[layer]} and end by {self._positions}"
            )
        self._caches[0].put(layer, keys, values, at)
        self._filled[layer] = at + count

    def __call__(self, embedded: np.ndarray, position: int) -> np.ndarray:
        """Embedded rows (rows, width) float32 at a position -> logits (rows, outputs) float32, a new array.

        The position is at most that after the last; an earlier one is written anew, and what was after it is gone.
        Raises ValueError, and KernelsUnfit after `close`.
        """
        self._begun()
        embedded = _given(embedded, "embedded", (self._rows, self.shape.width))
        if not 0 <= position < self._positions or (self._filled < position).any():
            known = min(int(self._filled.min()), self._positions - 1)
            raise ValueError(f"position must be from 0 to {known}, not {position}")
        if (self._hidden > position).any():
            raise ValueError(f"at position {position} every row must see itself, but some are hidden for longer")
        self._stream[:, : self.shape.width] = embedded
        self._stream[:, self.shape.width :] = 0
        self._crew.table[at.POSITION] = position
        self._crew.do(at.STEP)
        self._filled[:] = position + 1
        return self._logits[:, : self.shape.outputs].copy()

    def _begun(self) -> None:
        if not self._rows:
            raise ValueError("call begin first")

    def close(self) -> None:
        """End the threads and let go of weights and caches. May be called more than once."""
        self._crew.close()
        self._rows = 0
        self._caches.clear()
        self._kept.clear()
        self._arena = Arena()


def _given(values: np.ndarray | None, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """What the caller gave, if it is float32 of that shape. Raises ValueError."""
    if not isinstance(values, np.ndarray) or values.dtype != np.float32:
        found = getattr(values, "dtype", type(values).__name__)
        raise ValueError(f"{name} must be a float32 array, not {found}")
    if values.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, not {values.shape}")
    return values


def _counts(
    given: Sequence[int] | np.ndarray | None, name: str, size: int, default: int, low: int, high: int
) -> np.ndarray:
    counts = np.full(size, default) if given is None else np.asarray(given)
    if counts.shape != (size,) or (size and counts.dtype.kind not in "iu"):
        raise ValueError(f"{name} must be {size} whole numbers")
    if size and not (low <= counts.min() and counts.max() <= high):
        raise ValueError(f"{name} must be from {low} to {high}")
    return counts.astype(np.int32)
