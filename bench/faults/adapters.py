"""LoKr, LoHa and DoRA as the libraries that train them compute them: the outputs of every layer, in float32.

Files of every kind are played by a transformer with the names of the real one, wide enough that both factors of a LoKr
are products. The judges are PEFT, with files that it wrote itself; LyCORIS, where it can be imported, for it is no
dependency; and LyCORIS' formula, written anew in 64 bit.
"""

import hashlib
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bench.faults import ROOT, Row, main

sys.path[:0] = [place for place in (str(ROOT), str(ROOT / "tests")) if place not in sys.path]

RIGHT = "with LoKr, LoHa and DoRA every layer gives what PEFT and LyCORIS give, to 1e-6"
MOST = 1e-6
WIDTH, QUICK = 256, 64
STRENGTHS = (1.0, 0.6)
LENGTHS = {"": None, "rows": True, "columns": False}  # of a DoRA, and LyCORIS' word for it (wd_on_out)
Outputs = dict[float, dict[str, np.ndarray]]  # by strength, by layer
Judge = Callable[[Any, Path], tuple[Path, Outputs]]  # a transformer, a folder -> a file, what is to come


def measure(home: Path, quick: bool) -> Row:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        errors = {case: _error(home, case, QUICK if quick else WIDTH, judge) for case, judge in _cases()}
    finally:
        torch.set_num_threads(threads)
    wrong = tuple(f"{case}: off by {error:.2g}" for case, error in errors.items() if not error <= MOST)
    judges = {"adapter_judge_peft": 1.0, "adapter_judge_lycoris": float(find_spec("lycoris") is not None)}
    return Row({"adapter_error": max(errors.values()), "adapter_cases": float(len(errors)), **judges}, wrong)


def _cases() -> Iterator[tuple[str, Judge]]:
    """What is tried, and who judges it."""
    import tiny_loras as tiny

    for kind in tiny.KINDS:
        for lengths in LENGTHS:
            if kind == "LoRA" and not lengths:
                continue  # PEFT itself plays those
            yield f"{kind} {lengths}", partial(_formula, kind, lengths)
            if find_spec("lycoris"):
                yield f"{kind} {lengths} of LyCORIS", partial(_lycoris, kind, lengths)
    for kind in ("LoKr", "LoKr both", "LoHa", "DoRA"):
        yield f"{kind} of PEFT", partial(_peft, kind)


def _error(home: Path, case: str, width: int, judge: Judge) -> float:
    """The largest difference of an output; infinity where the file changes no output at all."""
    import torch

    import loras
    import tiny_acestep
    from engines.acestep.adapters import Adapters, Used

    torch.manual_seed(0)
    net = tiny_acestep.transformer("turbo", width).requires_grad_(False)
    plain = {name: _heard(layer, name) for name, layer in _layers(net).items()}
    folder = home / case.replace(" ", "-")
    folder.mkdir()
    path, expected = judge(net, folder)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    lora = loras.Lora(case, digest, path.stat().st_size, 0.0, "", path)
    adapters = Adapters(_Pipeline(net))
    worst = 0.0
    for strength, outputs in expected.items():
        adapters.use([Used(lora, lora.inside(), strength)])
        heard = {name: _heard(layer, name) for name, layer in _layers(net).items()}
        if not all(np.abs(outputs[name] - plain[name]).max() > 100 * MOST for name in outputs):
            return float("inf")
        worst = max(worst, *(float(np.abs(heard[name] - outputs[name]).max()) for name in outputs))
    return worst


class _Pipeline:
    """As much of a pipeline as adapters within the weights need."""

    def __init__(self, transformer: Any):
        self.transformer = transformer


def _layers(net: Any) -> dict[str, Any]:
    import torch

    return {name: one for name, one in net.named_modules() if isinstance(one, torch.nn.Linear)}


def _heard(layer: Any, name: str) -> np.ndarray:
    """What a layer makes of numbers that are its own, (4, out)."""
    import torch

    with torch.no_grad():
        return layer(torch.from_numpy(_told(layer, name))).numpy()


def _told(layer: Any, name: str) -> np.ndarray:
    chance = np.random.default_rng(list(name.encode()))
    return chance.normal(0, 0.2, (4, layer.in_features)).astype(np.float32)


# --- judges -----------------------------------------------------------------------------------------------------------


def _formula(kind: str, lengths: str, net: Any, home: Path) -> tuple[Path, Outputs]:
    import tiny_loras as tiny

    layers, held = _layers(net), tiny.kin(kind, net, lengths=lengths)

    def output(name: str, strength: float) -> np.ndarray:
        layer = layers[name]
        weight = tiny.changed(layer.weight.numpy(), held[name], strength)
        bias = 0 if layer.bias is None else layer.bias.numpy().astype(np.float64)
        return np.asarray(_told(layer, name).astype(np.float64) @ weight.T + bias)

    path = tiny.lycoris(home / "lora.safetensors", held)
    return path, {strength: {name: output(name, strength) for name in held} for strength in STRENGTHS}


def _lycoris(kind: str, lengths: str, net: Any, home: Path) -> tuple[Path, Outputs]:
    import torch

    import tiny_loras as tiny

    lycoris: Any = import_module("lycoris.modules")

    said: dict[str, Any] = {"lora_dim": 2, "alpha": 3.0, "weight_decompose": bool(lengths)}
    said["wd_on_out"] = LENGTHS[lengths] is not False
    if kind.startswith("LoKr"):
        said |= {"factor": tiny.FACTOR, "decompose_both": kind == "LoKr both", "full_matrix": kind == "LoKr"}
    classes = {"LoRA": lycoris.LoConModule, "LoHa": lycoris.LohaModule}
    held: dict[str, Any] = {}
    modules: dict[str, Any] = {}
    torch.manual_seed(1)
    for name, layer in _layers(net).items():
        modules[name] = module = classes.get(kind, lycoris.LokrModule)(name, layer, **said)
        with torch.no_grad():
            for part, values in module.named_parameters():
                values.mul_(1 + 0.3 * torch.rand_like(values)) if part == "dora_scale" else values.normal_(0, 0.15)
        held[name] = {part: values.detach().numpy() for part, values in module.state_dict().items()}

    def output(name: str, strength: float) -> np.ndarray:
        modules[name].multiplier = strength
        return _heard(_Layer(modules[name]), name)

    path = tiny.lycoris(home / "lora.safetensors", held)
    return path, {strength: {name: output(name, strength) for name in held} for strength in STRENGTHS}


class _Layer:
    """A LyCORIS module as a layer."""

    def __init__(self, module: Any):
        self.module, self.in_features = module, module.shape[1]

    def __call__(self, told: Any) -> Any:
        return self.module(told)


def _peft(kind: str, net: Any, home: Path) -> tuple[Path, Outputs]:
    """The transformer is wrapped for the judging, and comes out as it was."""
    import peft
    import torch

    targets = ["to_q", "to_k", "to_v", "to_out.0", "gate_proj", "down_proj", "condition_embedder", "time_proj"]
    config: Any = {
        "LoKr": lambda: peft.LoKrConfig(r=64, alpha=96, decompose_factor=8, init_weights=False),  # both factors whole
        "LoKr both": lambda: peft.LoKrConfig(r=2, alpha=3, decompose_factor=8, decompose_both=True, init_weights=False),
        "LoHa": lambda: peft.LoHaConfig(r=2, alpha=3, init_weights=False),
        "DoRA": lambda: peft.LoraConfig(r=2, lora_alpha=3, use_dora=True, init_lora_weights=False),
    }[kind]()
    config.target_modules = set(targets)
    torch.manual_seed(1)
    wrapped = peft.get_peft_model(net, config)
    layers = {name: one for name, one in net.named_modules() if hasattr(one, "base_layer")}
    with torch.no_grad():
        for name, values in wrapped.named_parameters():
            if "lora_magnitude" in name:
                values.mul_(1 + 0.3 * torch.rand_like(values))
            elif values.requires_grad:
                values.normal_(0, 0.15)

    def output(name: str, strength: float) -> np.ndarray:
        layers[name].set_scale("default", strength)
        return _heard(layers[name], name)

    expected = {strength: {name: output(name, strength) for name in layers} for strength in STRENGTHS}
    wrapped.save_pretrained(home)
    wrapped.unload()
    return home / "adapter_model.safetensors", expected


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
