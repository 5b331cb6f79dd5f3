"""Vector code for numba, written as LLVM IR from Python: no compiler is needed where it runs.

A *panel* is P = 4 * lanes rows of a weight matrix, packed so that one step of the sum over inputs is one stretch of P
32-bit words: word p holds 1, 2 or 4 neighbouring weights of row p, as their precision has it. A product reads a panel
as one sequential stream and never adds across a vector:

    sums[m, 0:P] += sum over steps of words[step, 0:P] * x[m, step]

numba turns loops over such data into vector code only where no special instruction is needed; LLVM has not been seen to
find the dot products of AVX-512 by itself. An `intrinsic` is a function whose IR is written by hand: it runs when numba
compiles a caller, and what it emits is inlined there.

Addresses are int64; nothing here checks them.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from kernels.cpu import BF16_DOT, BF16_SHIFT, CPU, FP32, INT8_DOT, INT8_PAIRS, INT8_WIDE

intrinsic: Any = extending.intrinsic  # to its types, callers would have to pass numba's typing context

VECTORS = 4  # of a panel
LINE = 64  # bytes that memory is fetched in

_I8, _I16, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()


class _BFloat(ir.Type):
    """LLVM's bfloat, which llvmlite does not name."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash("bfloat")


class Vectors:
    """An IR builder with the few vector operations that panels are made of."""

    def __init__(self, builder: ir.IRBuilder, lanes: int):
        self.builder, self.lanes = builder, lanes
        self.words = ir.VectorType(_I32, lanes)
        self.floats = ir.VectorType(_F32, lanes)
        self.pairs = ir.VectorType(_I16, 2 * lanes)

    def at(self, address: ir.Value, offset: int) -> ir.Value:
        return self.builder.add(address, _I64(offset)) if offset else address

    def load(self, address: ir.Value, type: ir.Type, align: int = 4) -> ir.Value:
        loaded = self.builder.load(self.builder.inttoptr(address, type.as_pointer()))
        loaded.align = align
        return loaded

    def store(self, value: ir.Value, address: ir.Value) -> None:
        self.builder.store(value, self.builder.inttoptr(address, value.type.as_pointer())).align = 4

    def all(self, constant: int, type: ir.Type | None = None) -> ir.Constant:
        type = type or self.words
        return ir.Constant(type, [constant] * type.count)

    def spread(self, scalar: ir.Value) -> ir.Value:
        """One number in every lane."""
        type = ir.VectorType(scalar.type, self.lanes)
        first = self.builder.insert_element(ir.Constant(type, ir.Undefined), scalar, _I32(0))
        return self.builder.shuffle_vector(first, ir.Constant(type, ir.Undefined), self.all(0))

    def call(self, name: str, result: ir.Type, *given: ir.Value) -> ir.Value:
        kind = ir.FunctionType(result, [value.type for value in given])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), given)


# --- how a word of weights meets the activations ----------------------------------------------------------------------


def _unpacked(kind: int, v: Vectors, word: ir.Value, part: int) -> ir.Value:
    """One of the factors in a vector of weight words."""
    b = v.builder
    if kind == FP32:
        return b.bitcast(word, v.floats)
    if kind == BF16_SHIFT:  # a bfloat16 is the upper half of a float32; the even input lies in the lower half of a word
        return b.bitcast(b.and_(word, v.all(0xFFFF0000)) if part else b.shl(word, v.all(16)), v.floats)
    if kind == INT8_WIDE:
        left = b.shl(word, v.all(24 - 8 * part)) if part < 3 else word
        return b.sitofp(b.ashr(left, v.all(24)), v.floats)
    if kind == INT8_PAIRS:  # inputs 0 and 2 as int16, then 1 and 3
        pairs, eight = b.bitcast(word, v.pairs), v.all(8, v.pairs)
        return b.ashr(pairs if part else b.shl(pairs, eight), eight)
    return word


def _add_product(kind: int, v: Vectors, total: ir.Value, x: ir.Value, weight: ir.Value) -> ir.Value:
    b = v.builder
    if kind in (FP32, BF16_SHIFT, INT8_WIDE):  # allowed to become one fused instruction
        return b.fadd(b.fmul(x, weight, flags=("contract",)), total, flags=("contract",))
    if kind == BF16_DOT:
        half = ir.VectorType(_BFloat(), 2 * v.lanes)
        return v.call("llvm.x86.avx512bf16.dpbf16ps.512", v.floats, total, b.bitcast(x, half), b.bitcast(weight, half))
    if kind == INT8_DOT:
        return v.call("llvm.x86.avx512.vpdpbusd.512", v.words, total, x, weight)
    name = {4: "sse2.pmadd.wd", 8: "avx2.pmadd.wd", 16: "avx512.pmaddw.d.512"}[v.lanes]
    return b.add(v.call(f"llvm.x86.{name}", v.words, b.bitcast(x, v.pairs), weight), total)


# How many activation words a step takes, and what they are.
_FEED = {
    FP32: (1, _F32),
    BF16_SHIFT: (2, _F32),
    BF16_DOT: (1, _I32),
    INT8_WIDE: (4, _F32),
    INT8_PAIRS: (2, _I32),
    INT8_DOT: (1, _I32),
}


def feed_bytes(kind: int) -> int:
    """Bytes of one row's activations that a step takes."""
    return 4 * _FEED[kind][0]


def emit_panel(builder: ir.IRBuilder, kind: int, rows: int, lanes: int, given: Any) -> None:
    """The loop of a panel for `rows` rows; `given` as `panel` has it."""
    sums, x, stride, words, steps, fresh = given
    v = Vectors(builder, lanes)
    feeds, feed = _FEED[kind]
    total_type = v.words if kind in (INT8_PAIRS, INT8_DOT) else v.floats
    places = [[4 * lanes * (VECTORS * m + vector) for vector in range(VECTORS)] for m in range(rows)]
    blank = builder.icmp_signed("!=", fresh, _I64(0))
    zero = ir.Constant(total_type, None)
    start = [
        [builder.select(blank, zero, v.load(v.at(sums, place), total_type)) for place in of_row] for of_row in places
    ]

    before = builder.block
    loop, done = builder.append_basic_block("loop"), builder.append_basic_block("done")
    builder.branch(loop)
    builder.position_at_end(loop)
    step, word, at = builder.phi(_I64), builder.phi(_I64), builder.phi(_I64)
    for value, first in ((step, _I64(0)), (word, words), (at, x)):
        value.add_incoming(first, before)
    totals = [[builder.phi(total_type) for _ in range(VECTORS)] for _ in range(rows)]
    for of_row, first in zip(totals, start, strict=True):
        for total, value in zip(of_row, first, strict=True):
            total.add_incoming(value, before)

    loaded = [v.load(v.at(word, 4 * lanes * vector), v.words, 4 * lanes) for vector in range(VECTORS)]
    sums_now = [list(of_row) for of_row in totals]
    row_at = [builder.add(at, builder.mul(stride, _I64(m))) for m in range(rows)]
    for part in range(feeds):  # one part of all vectors before the next, or there would not be registers enough
        weights = [_unpacked(kind, v, word_vector, part) for word_vector in loaded]
        for m in range(rows):
            factor = v.spread(v.load(v.at(row_at[m], 4 * part), feed))
            for vector in range(VECTORS):
                sums_now[m][vector] = _add_product(kind, v, sums_now[m][vector], factor, weights[vector])

    following = builder.add(step, _I64(1))
    step.add_incoming(following, loop)
    word.add_incoming(v.at(word, 4 * lanes * VECTORS), loop)
    at.add_incoming(v.at(at, 4 * feeds), loop)
    for of_row, values in zip(totals, sums_now, strict=True):
        for total, value in zip(of_row, values, strict=True):
            total.add_incoming(value, loop)
    builder.cbranch(builder.icmp_signed("<", following, steps), loop, done)
    builder.position_at_end(done)
    for of_row, offsets in zip(sums_now, places, strict=True):
        for value, place in zip(of_row, offsets, strict=True):
            v.store(value, v.at(sums, place))


def panel(kind: int, rows: int) -> Callable[..., None]:
    """An intrinsic: `panel(sums, x, stride, words, steps, fresh)` for `rows` rows of activations and steps >= 1.

    `sums` (rows, P) are float32, or int32 for the kinds that sum whole numbers; where `fresh` is 0 the product is added
    to what is there. Rows of `x` are `stride` bytes apart and hold what the kind feeds on.
    """

    @intrinsic
    def inner(typing, sums, x, stride, words, steps, fresh):
        def generate(context, builder, signature, given):
            emit_panel(builder, kind, rows, CPU.lanes, given)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 6), generate

    return inner


@intrinsic
def read(typing, address, size):
    """Sum of `size` bytes (a multiple of 512), as fast as this thread can read them."""

    def generate(context, builder, signature, given):
        v = Vectors(builder, 16)
        before = builder.block
        loop, done = builder.append_basic_block("loop"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        place = builder.phi(_I64)
        place.add_incoming(_I64(0), before)
        totals = [builder.phi(v.words) for _ in range(8)]
        now = []
        for part, total in enumerate(totals):
            total.add_incoming(ir.Constant(v.words, None), before)
            at = v.at(builder.add(given[0], place), LINE * part)
            now.append(builder.add(total, v.load(at, v.words)))
            total.add_incoming(now[-1], loop)
        following = builder.add(place, _I64(8 * LINE))
        place.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, given[1]), loop, done)
        builder.position_at_end(done)
        total = now[0]
        for other in now[1:]:
            total = builder.add(total, other)
        summed = builder.extract_element(total, _I32(0))
        for lane in range(1, 16):
            summed = builder.add(summed, builder.extract_element(total, _I32(lane)))
        return builder.sext(summed, _I64)

    return types.int64(types.int64, types.int64), generate


# --- memory by address, and other threads -----------------------------------------------------------------------------


def _pointer(element: Any, word: ir.Type) -> Callable[[int], Any]:
    @intrinsic
    def pointer(typing, address):
        def generate(context, builder, signature, given):
            return builder.inttoptr(given[0], word.as_pointer())

        return types.CPointer(element)(types.int64), generate

    return pointer


floats = _pointer(types.float32, _F32)  # the float32 numbers from an address on
words = _pointer(types.int32, _I32)
octets = _pointer(types.uint8, _I8)
halves = _pointer(types.uint16, _I16)
longs = _pointer(types.int64, _I64)


def _same_bits(source: Any, target: Any, word: ir.Type) -> Callable[[Any], Any]:
    @intrinsic
    def same_bits(typing, value):
        def generate(context, builder, signature, given):
            return builder.bitcast(given[0], word)

        return target(source), generate

    return same_bits


bits_of = _same_bits(types.float32, types.uint32, _I32)
float_of = _same_bits(types.uint32, types.float32, _F32)


@intrinsic
def count_up(typing, address):
    """Add one to the int64 at an address, and give what was there."""

    def generate(context, builder, signature, given):
        counter = builder.inttoptr(given[0], _I64.as_pointer())
        return builder.atomic_rmw("add", counter, _I64(1), "acq_rel")

    return types.int64(types.int64), generate


@intrinsic
def look_at(typing, address):
    """The int64 at an address, and all that was written before it."""

    def generate(context, builder, signature, given):
        return builder.load_atomic(builder.inttoptr(given[0], _I64.as_pointer()), "acquire", 8)

    return types.int64(types.int64), generate


@intrinsic
def pause(typing):
    """Tell the core that this thread is waiting."""

    def generate(context, builder, signature, given):
        architecture = llvm.get_process_triple().partition("-")[0]
        if architecture == "x86_64":
            Vectors(builder, 1).call("llvm.x86.sse2.pause", ir.VoidType())
        elif architecture in ("aarch64", "arm64"):
            Vectors(builder, 1).call("llvm.aarch64.hint", ir.VoidType(), _I32(1))  # yield
        return context.get_dummy_value()

    return types.void(), generate


# Of the C library that Python itself runs on.
post = types.ExternalFunction("sem_post", types.int32(types.int64))
wait = types.ExternalFunction("sem_wait", types.int32(types.int64))
let_others_run = types.ExternalFunction("sched_yield", types.int32())
nap: Any = types.ExternalFunction("usleep", types.int32(types.uint32))  # microseconds
