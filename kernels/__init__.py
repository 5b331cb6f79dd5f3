"""Packed matrix products, the decode step of a transformer and convolutions on a CPU, as fast as it and its memory are.

Numbers in, numbers out: knows no model, no tokens and no sound. Weights are packed once, as fp32, bf16 or int8; a step
then reads each of them once, as one stream, however many rows are decoded together. All of it is Python: numba compiles
the step, and where vector instructions must be named, `simd` writes LLVM's language. It runs on x86-64 (SSE2, AVX2,
AVX-512 with and without dot products) and aarch64 (NEON); what this CPU gets is compared with numpy when first used.

    step = DecodeStep(shape, layers, final_norm, head, precision="bf16", threads=2)
    step.begin(rows=2, conditioned=1, positions=1500, context=context)
    logits = step(embedded, position=0)
    step.close()

    Convolution(weight, bias, dilation=3)(signal, kept=sums, added=residual, snake=Snake.of(a, b), active=following)
"""

from kernels.convolution import Convolution, Snake
from kernels.decode import DecodeStep, Layer, Norm, Shape
from kernels.errors import KernelsUnfit
from kernels.fitness import PRECISIONS, choose, read_bandwidth, weight_seconds

__all__ = [
    "PRECISIONS",
    "Convolution",
    "DecodeStep",
    "KernelsUnfit",
    "Layer",
    "Norm",
    "Shape",
    "Snake",
    "choose",
    "read_bandwidth",
    "weight_seconds",
]
