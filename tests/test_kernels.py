"""The decode step, judged by numpy: every kind of panel, every way to be called, and every wrong way."""

import math
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest
from llvmlite import ir

import kernels
from kernels import PRECISIONS, DecodeStep, KernelsUnfit, Layer, Shape, fitness
from kernels.arithmetic import INT8_TOP
from kernels.compiled import entry  # noqa: F401  (for what runs in a process of its own)
from kernels.cpu import BF16_SHIFT, CPU, FP32, INT8_WIDE  # noqa: F401
from kernels.crew import Crew
from kernels.fitness import check, expected_product, multiply
from kernels.memory import P, aligned, packed, padded, whole
from kernels.simd import emit_panel

ROOT = Path(__file__).resolve().parent.parent
# Relative error of logits against float64: rounding alone, bfloat16 weights, int8 weights and activations.
ALLOWED = {"fp32": 3e-6, "bf16": 1.5e-2, "int8": 5e-2}
PUBLISHED = Shape(layers=2, width=128, heads=2, inner=256, outputs=200)  # heads as wide as the published ones
ODD = Shape(layers=3, width=48, heads=3, inner=100, outputs=77)
TINY = Shape(layers=1, width=32, heads=4, inner=37, outputs=5)  # heads of 8
_erf = np.vectorize(math.erf)


class Reference:
    """The same decoder in float64, with nothing packed and nothing clever."""

    def __init__(self, shape: Shape, crosses: bool = True):
        chance = np.random.default_rng(7)
        width = shape.width

        def matrix(outputs: int, inputs: int) -> np.ndarray:
            return (chance.standard_normal((outputs, inputs)) / math.sqrt(inputs)).astype(np.float32)

        def norm() -> tuple[np.ndarray, np.ndarray]:
            weight, bias = chance.standard_normal((2, width)) / 10
            return (1 + weight).astype(np.float32), bias.astype(np.float32)

        self.shape, self.crosses = shape, crosses
        self.layers = [
            Layer(
                qkv=matrix(3 * width, width),
                out=matrix(width, width),
                up=matrix(shape.inner, width),
                down=matrix(width, shape.inner),
                norm_self=norm(),
                norm_inner=norm(),
                cross_query=matrix(width, width) if crosses else None,
                cross_out=matrix(width, width) if crosses else None,
                norm_cross=norm() if crosses else None,
            )
            for _ in range(shape.layers)
        ]
        self.final_norm, self.head = norm(), matrix(shape.outputs, width)
        self.past: list[list[np.ndarray]] = []

    def step(self, precision: str, threads: int = 1) -> DecodeStep:
        return DecodeStep(self.shape, iter(self.layers), self.final_norm, self.head, precision, threads)

    def begin(self, conditioned, context, lengths, hidden=None) -> None:
        self.conditioned, self.context, self.lengths, self.hidden = conditioned, context, lengths, hidden
        self.past = [[] for _ in self.layers]

    def __call__(self, embedded: np.ndarray) -> np.ndarray:
        stream = embedded.astype(np.float64)
        rows, heads, head = len(stream), self.shape.heads, self.shape.head_width
        for number, layer in enumerate(self.layers):
            projected = (_norm(stream, layer.norm_self) @ layer.qkv.T).reshape(rows, 3, heads, head)
            self.past[number].append(projected[:, 1:])
            keys, values = np.stack(self.past[number], 3).transpose(1, 0, 2, 3, 4)
            seen = np.ones((rows, keys.shape[2]), bool)
            for row, gap in enumerate(self.hidden if self.hidden is not None else []):
                seen[row, :gap] = False
            stream = stream + _attention(projected[:, 0], keys, values, seen).reshape(rows, -1) @ layer.out.T
            if self.conditioned:
                some = slice(0, self.conditioned)
                query = (_norm(stream[some], layer.norm_cross) @ layer.cross_query.T).reshape(-1, heads, head)
                keys, values = self.context[number]
                seen = np.arange(keys.shape[2])[None] < np.asarray(self.lengths)[:, None]
                attended = _attention(query, keys, values, seen)
                stream[some] += attended.reshape(self.conditioned, -1) @ layer.cross_out.T
            inner = _norm(stream, layer.norm_inner) @ layer.up.T
            stream = stream + (inner * 0.5 * (1 + _erf(inner / math.sqrt(2)))) @ layer.down.T
        return _norm(stream, self.final_norm) @ self.head.T


def _norm(x: np.ndarray, norm) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * norm[0] + norm[1]


def _attention(query, keys, values, seen) -> np.ndarray:
    scores = np.einsum("bhd,bhtd->bht", query, keys) / math.sqrt(query.shape[-1])
    scores = np.where(seen[:, None], scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return np.einsum("bht,bhtd->bhd", weights / weights.sum(-1, keepdims=True), values)


def error(found: np.ndarray, right: np.ndarray) -> float:
    return float(np.linalg.norm(found - right) / np.linalg.norm(right))


def context_of(shape: Shape, rows: int, tokens: int) -> list[tuple[np.ndarray, np.ndarray]]:
    chance = np.random.default_rng(8)
    size = (2, rows, shape.heads, tokens, shape.head_width)
    return [tuple(chance.standard_normal(size, np.float32)) for _ in range(shape.layers)]


def inputs(shape: Shape, rows: int, count: int) -> np.ndarray:
    return np.random.default_rng(9).standard_normal((count, rows, shape.width), np.float32)


@pytest.fixture(scope="module")
def crew():
    crew = Crew(1)
    yield crew
    crew.close()


@pytest.mark.parametrize("precision", range(3))
def test_products_agree_with_numpy(precision, crew):
    chance = np.random.default_rng(precision)
    for rows in range(1, 10):
        for outputs, inputs in ((1, 1), (P, P), (P + 1, 3 * P - 5), (5, 1100)):
            weight = chance.standard_normal((outputs, inputs), np.float32)
            x = chance.standard_normal((rows, inputs), np.float32)
            wide = padded(weight, whole(outputs), whole(inputs))
            fed = aligned(padded(x, rows, whole(inputs)))
            found = multiply(packed(wide, precision), fed, precision, crew, len(wide))
            right = expected_product(weight, x, precision)
            # An int8 activation half way between two steps may go either way.
            allowed = (2e-5 * np.abs(right).max()) + (precision == 2) * np.abs(x).max() / INT8_TOP * np.abs(
                weight
            ).max()
            assert np.abs(found[:, :outputs] - right).max() <= allowed, (rows, outputs, inputs)
            assert not found[:, outputs:].any()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("shape", "rows", "conditioned", "lengths"),
    [(PUBLISHED, 2, 1, [7]), (ODD, 3, 2, [7, 3]), (TINY, 9, 4, [1, 2, 7, 5]), (ODD, 1, 0, []), (TINY, 2, 2, [7, 7])],
)
def test_the_step_agrees_with_numpy(shape, rows, conditioned, lengths, precision):
    reference = Reference(shape)
    context = context_of(shape, conditioned, 7)
    step = reference.step(precision)
    step.begin(rows, conditioned, 2 * P, context, lengths)
    reference.begin(conditioned, context, lengths)
    for position, embedded in enumerate(inputs(shape, rows, P + 3)):
        assert error(step(embedded, position), reference(embedded)) < ALLOWED[precision], position
    step.close()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_decoder_without_cross_attention(precision):
    reference = Reference(ODD, crosses=False)
    step = reference.step(precision)
    step.begin(2, 0, 9)
    reference.begin(0, None, None)
    for position, embedded in enumerate(inputs(ODD, 2, 9)):
        assert error(step(embedded, position), reference(embedded)) < ALLOWED[precision]
    with pytest.raises(ValueError, match="no cross-attention"):
        step.begin(2, 1, 9, context_of(ODD, 1, 3))
    step.close()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_prefix_from_elsewhere(precision):
    """What a row does not see may be anything; the rest is as if it had been decoded here."""
    reference, count, hidden = Reference(ODD), P + 5, [0, 3, P + 1]
    step = reference.step(precision)
    step.begin(3, 0, P + 9, hidden=hidden)
    reference.begin(0, None, None)
    moments = inputs(ODD, 3, count + 4)
    for embedded in moments[:count]:
        reference(embedded)
    reference.hidden = hidden
    for layer, past in enumerate(reference.past):
        keys, values = np.stack(past, 3).transpose(1, 0, 2, 3, 4).astype(np.float32)
        step.fill(layer, keys[:, :, :3], values[:, :, :3])
        step.fill(layer, keys[:, :, 3:], values[:, :, 3:], at=3)
    for position, embedded in enumerate(moments[count:], start=count):
        assert error(step(embedded, position), reference(embedded)) < ALLOWED[precision]
    step.close()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_threads_and_neighbours_change_no_bit(precision):
    reference, rows = Reference(PUBLISHED), 5
    context = context_of(PUBLISHED, 3, 7)
    decoded = {}
    for threads in (1, 2, 3):
        step = reference.step(precision, threads)
        step.begin(rows, 3, 40, context, [7, 2, 5])
        decoded[threads] = [step(embedded, position) for position, embedded in enumerate(inputs(PUBLISHED, rows, 20))]
        step.close()
    step = reference.step(precision)
    step.begin(1, 1, 200, [(keys[1:2], values[1:2]) for keys, values in context], [2])
    alone = [step(embedded[1:2], position) for position, embedded in enumerate(inputs(PUBLISHED, rows, 20))]
    step.close()
    assert np.array_equal(decoded[1], decoded[2]) and np.array_equal(decoded[1], decoded[3])
    assert np.array_equal(np.array(decoded[1])[:, 1], np.array(alone)[:, 0])


def test_a_batch_after_another_starts_afresh():
    step = Reference(ODD).step("bf16", threads=2)
    moments = inputs(ODD, 2, 6)
    runs = []
    for rows in (2, 1, 2):
        step.begin(rows, 0, 10)
        runs.append([step(embedded[:rows], position) for position, embedded in enumerate(moments)])
    again = step(moments[2], 2)  # a position that is taken back
    step.close()
    assert np.array_equal(runs[0], runs[2])
    assert np.array_equal(again, runs[0][2])


def test_wrong_calls_raise():
    reference = Reference(ODD)
    step = reference.step("fp32")
    moment, context = inputs(ODD, 2, 1)[0], context_of(ODD, 2, 4)
    with pytest.raises(ValueError, match="begin first"):
        step(moment, 0)
    for wrong in (
        {"rows": 0, "conditioned": 0},
        {"rows": 2, "conditioned": 3},
        {"rows": 2, "conditioned": 2},
        {"rows": 2, "conditioned": 2, "context": context[:1]},
        {"rows": 2, "conditioned": 1, "context": context},
        {"rows": 2, "conditioned": 2, "context": context, "lengths": [4]},
        {"rows": 2, "conditioned": 2, "context": context, "lengths": [4, 5]},
        {"rows": 2, "conditioned": 2, "context": context, "lengths": [0, 4]},
        {"rows": 2, "conditioned": 2, "context": [(a.astype(np.float64), b) for a, b in context]},
        {"rows": 2, "conditioned": 0, "hidden": [-1, 0]},
        {"rows": 2, "conditioned": 0, "hidden": [0.5, 0]},
    ):
        with pytest.raises(ValueError):
            step.begin(positions=5, **wrong)
    step.begin(2, 2, 5, context)
    for embedded, position in (
        (moment, 1),
        (moment, -1),
        (moment, 5),
        (moment[:1], 0),
        (moment[:, 1:], 0),
        (moment.astype(np.float64), 0),
        (moment.tolist(), 0),
    ):
        with pytest.raises(ValueError):
            step(embedded, position)
    good = np.zeros((2, 3, 2, 16), np.float32)
    for layer, keys, at in ((3, good, 0), (0, good[:1], 0), (0, good, 1), (0, good[..., 1:], 0), (0, good, -1)):
        with pytest.raises(ValueError):
            step.fill(layer, keys, keys, at)
    assert step(moment[:, ::-1], 0).shape == (2, ODD.outputs)  # any strides will do
    step.close()
    with pytest.raises((ValueError, KernelsUnfit)):
        step(moment, 1)


def test_wrong_weights_raise():
    good = Reference(ODD)
    layer = good.layers[0]
    with pytest.raises(ValueError, match="precision"):
        good.step("int4")
    with pytest.raises(ValueError, match="threads"):
        good.step("fp32", threads=0)
    with pytest.raises(ValueError, match="multiple of heads"):
        DecodeStep(Shape(1, 10, 3, 4, 4), [], good.final_norm, good.head)
    wrong = {
        "qkv": layer.qkv[1:],
        "out": layer.out.astype(np.float64),
        "cross_out": None,
        "norm_self": layer.norm_self[:1],
    }
    for name, value in wrong.items():
        broken = Layer(**(vars(layer) | {name: value}))
        with pytest.raises(ValueError, match=name):
            DecodeStep(ODD, [broken] * 3, good.final_norm, good.head)
    for layers in (good.layers[:2], [*good.layers, layer], []):
        with pytest.raises(ValueError, match="layers"):
            DecodeStep(ODD, layers, good.final_norm, good.head)
    assert not _workers()


def _workers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("kernels-")]


def test_close_ends_the_threads():
    step = Reference(TINY).step("fp32", threads=3)
    step.begin(1, 0, 2)
    step(inputs(TINY, 1, 1)[0], 0)
    assert len(_workers()) == 2
    step.close()
    step.close()
    assert not _workers()
    forgotten = Reference(TINY).step("fp32", threads=2)
    assert len(_workers()) == 1
    del forgotten
    assert not _workers()


def test_threads_sleep_between_steps():
    step = Reference(TINY).step("fp32", threads=3)
    step.begin(1, 0, 2)
    step(inputs(TINY, 1, 1)[0], 0)
    time.sleep(0.05)
    spent = time.process_time()
    time.sleep(0.4)
    spent = time.process_time() - spent
    step.close()
    assert spent < 0.1


def test_more_threads_than_cores_while_others_compute():
    """Others take every core; the step is slower, but ends, and is the same."""
    reference = Reference(ODD)
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        step = reference.step("bf16", threads=(os.cpu_count() or 1) + 1)
        step.begin(2, 0, 100)
        crowded = [step(embedded, position) for position, embedded in enumerate(inputs(ODD, 2, 50))]
        step.close()
    finally:
        for process in busy:
            process.kill()
            process.wait()
    step = reference.step("bf16")
    step.begin(2, 0, 100)
    assert np.array_equal(crowded, [step(one, at) for at, one in enumerate(inputs(ODD, 2, 50))])
    step.close()


def test_a_fork_is_told_that_the_threads_are_gone():
    code = """
import os, numpy as np
from test_kernels import *
step = Reference(TINY).step("fp32", threads=2)
step.begin(1, 0, 2)
child = os.fork()
if child == 0:
    try:
        step(inputs(TINY, 1, 1)[0], 0)
    except KernelsUnfit:
        os._exit(7)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
step.close()
"""
    _run(code)


def _run(code: str, **environment: str) -> str:
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    ran = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **paths, **environment}, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout.strip()


JUDGED = """
import platform
platform.machine = lambda: "{machine}"
from test_kernels import *
crew = Crew(1)
for precision in range(3):
    test_products_agree_with_numpy(precision, crew)
crew.close()
for precision in PRECISIONS:
    test_the_step_agrees_with_numpy(ODD, 3, 2, [7, 3], precision)
print(CPU.lanes, CPU.rows, *CPU.kinds)
"""


@pytest.mark.parametrize(
    ("name", "machine", "kinds"),
    [
        ("generic", "x86_64", "4 2 0 1 4"),
        ("haswell", "x86_64", "8 2 0 1 4"),
        ("skylake-avx512", "x86_64", "16 4 0 1 4"),
        ("generic", "aarch64", "4 4 0 1 3"),  # what NEON gets, on this CPU's vectors
    ],
)
def test_other_cpus(name, machine, kinds):
    """Code for lesser CPUs, run on this one. Where this one is lesser still, what it cannot run is not asked of it."""
    assert _run(JUDGED.format(machine=machine), NUMBA_CPU_NAME=name) == kinds


@pytest.mark.parametrize(("kind", "wanted"), [(FP32, "fmla"), (BF16_SHIFT, "fmla"), (INT8_WIDE, "scvtf")])
def test_panels_become_neon_code(kind, wanted):
    """No ARM here to run it: what LLVM makes of a panel for one must hold vector instructions, and spill nothing."""
    module = ir.Module()
    module.triple = "aarch64-unknown-linux-gnu"
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.IntType(64)] * 6), "panel")
    builder = ir.IRBuilder(function.append_basic_block())
    emit_panel(builder, kind, 4, 4, function.args)
    builder.ret_void()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(module.triple).create_target_machine(cpu="generic", opt=3)
    code = machine.emit_assembly(llvm.parse_assembly(str(module)))
    loop = code[code.index(wanted) :]
    assert len(re.findall(rf"\b{wanted}\b.*v\d+\.4s", code)) >= 16 and "ldp\tq" in code
    assert "[sp" not in loop[: loop.index("b.")]


def test_code_from_the_disk_computes_the_same():
    """The first process compiles, the second reads what it left."""
    code = """
import hashlib
from test_kernels import *
results = b""
for precision in PRECISIONS:
    step = Reference(ODD).step(precision)
    step.begin(2, 0, 9)
    results += b"".join(step(one, at).tobytes() for at, one in enumerate(inputs(ODD, 2, 9)))
    step.close()
print(hashlib.sha256(results).hexdigest(), len(entry().stats.cache_hits))
"""
    with tempfile.TemporaryDirectory() as folder:
        fresh, kept = (_run(code, NUMBA_CACHE_DIR=folder).split() for _ in range(2))
    assert fresh[0] == kept[0]
    assert (fresh[1], kept[1]) == ("0", "1")


def test_panels_that_are_wrong_are_not_used(monkeypatch):
    monkeypatch.setattr(fitness, "expected_product", lambda weight, x, precision: np.ones((len(x), len(weight))))
    check.cache_clear()
    with pytest.raises(KernelsUnfit, match="compute wrongly"):
        Reference(TINY).step("fp32")
    with pytest.raises(KernelsUnfit):
        kernels.choose()
    monkeypatch.undo()
    Reference(TINY).step("fp32").close()


def test_the_choice_is_the_fastest():
    assert kernels.choose(["bf16"]) == "bf16"
    seconds = {precision: kernels.weight_seconds(precision) for precision in PRECISIONS}
    assert kernels.choose() in PRECISIONS and all(1e-12 < one < 1e-8 for one in seconds.values())
    assert 1e8 < kernels.read_bandwidth() < 1e13
