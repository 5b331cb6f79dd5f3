"""Convolutions and what follows them, judged by numpy in float64."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kernels import Convolution, Snake
from kernels.convolution import BLOCK, narrows
from kernels.fitness import widened
from kernels.memory import bfloat16, padded

ROOT = Path(__file__).resolve().parent.parent
PRECISIONS = ("fp32", "bf16")
SUMS = 3e-6  # of the largest output: float32 sums of rounded inputs
ACTIVE = {"fp32": 1e-4, "bf16": 2**-8}  # after Snake, whose argument is rounded to float32 far from zero


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


def rounded(values: np.ndarray, precision: str) -> np.ndarray:
    return widened(bfloat16(values)).reshape(values.shape) if narrows(precision) else values


def entering(values: np.ndarray, width: int, precision: str) -> np.ndarray:
    """(rows, channels) as a convolution takes them."""
    wide = padded(values, len(values), width)
    return bfloat16(wide) if narrows(precision) else wide


def convolved(signal, weight, bias, dilation) -> np.ndarray:
    rows = len(signal) - (weight.shape[-1] - 1) * dilation
    parts = (signal[tap * dilation :][:rows].astype(np.float64) @ weight[..., tap].T for tap in range(weight.shape[-1]))
    return sum(parts) + bias


def assert_close(found, right, allowed):
    assert np.abs(found - right).max() <= allowed * np.abs(right).max()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("inputs", "outputs", "taps", "dilation", "rows"),
    [(64, 64, 7, 9, 2 * BLOCK + 5), (128, 192, 2, 1, BLOCK), (5, 70, 3, 4, 1), (130, 2, 1, 1, 11)],
)
def test_sum_residual_and_snake(precision, inputs, outputs, taps, dilation, rows):
    """Whole panels and parts of them, more rows than meet at once, and a single one."""
    weight, bias, added = normal(outputs, inputs, taps), normal(outputs), normal(rows, outputs)
    signal = normal(rows + (taps - 1) * dilation, inputs)
    a, b = np.exp(normal(2, outputs))
    one = Convolution(weight, bias, dilation, precision)
    stream = padded(added, rows, one.outputs).copy()
    active = np.zeros((rows, one.outputs), np.uint16 if one.narrow else np.float32)
    one(entering(signal, one.inputs, precision), kept=stream, added=stream, snake=Snake.of(a, b), active=active)
    sums = convolved(rounded(signal, precision), rounded(weight, precision), bias, dilation) + added
    assert_close(stream[:, :outputs], sums, SUMS)
    found = widened(active) if one.narrow else active
    assert_close(found[:, :outputs], sums + np.sin(a * sums) ** 2 / b, ACTIVE[precision])
    assert not found[:, outputs:].any()  # channels that are not there stay silent


def test_snake_of_many_turns():
    """Far from zero, where only the rest of a division by pi counts."""
    one = Convolution(np.ones((1, 1, 1), np.float32), None, precision="fp32")
    values = np.linspace(-2000, 2000, 4001, dtype=np.float32)
    active = np.zeros((len(values), one.outputs), np.float32)
    one(padded(values[:, None], len(values), one.inputs), snake=Snake.of(*np.ones((2, 1), np.float32)), active=active)
    assert np.abs(active[:, 0] - (values + np.sin(values.astype(np.float64)) ** 2)).max() < 1e-3


def test_rows_do_not_depend_on_their_neighbours():
    """A piece of a signal gives the same bits as the whole."""
    one, signal = Convolution(normal(64, 64, 7), normal(64), 3), normal(300, 64)
    signal = entering(signal, one.inputs, "bf16")
    whole, part = np.zeros((300 - 18, one.outputs), np.float32), np.zeros((50, one.outputs), np.float32)
    one(signal, kept=whole)
    one(signal[101 : 101 + 68], kept=part)
    assert np.array_equal(part, whole[101:151])


def test_what_does_not_fit_is_refused():
    one = Convolution(normal(64, 64, 3), normal(64), precision="fp32")
    signal, kept = np.zeros((10, one.inputs), np.float32), np.zeros((8, one.outputs), np.float32)
    for wrong in (signal[:, :-1], signal.astype(np.float64), signal[::2], np.zeros((2, one.inputs), np.float32)):
        with pytest.raises(ValueError, match="contiguous"):
            one(wrong, kept=kept)
    with pytest.raises(ValueError, match="contiguous"):
        one(signal, kept=kept[1:])
    with pytest.raises(ValueError, match="together"):
        one(signal, kept=kept, active=kept)
    with pytest.raises(ValueError, match="bias"):
        Convolution(normal(64, 64, 3), normal(63))


@pytest.mark.parametrize(("name", "machine"), [("haswell", "x86_64"), ("generic", "aarch64")])
def test_other_cpus(name, machine):
    """Code for other CPUs, run on this one: what the first uses compare with numpy must agree."""
    code = f"""
import platform
platform.machine = lambda: "{machine}"
from kernels.convolution import check
check("fp32")
check("bf16")
"""
    command, surroundings = [sys.executable, "-W", "ignore", "-c", code], os.environ | {"NUMBA_CPU_NAME": name}
    ran = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-2000:]
