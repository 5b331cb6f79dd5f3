"""Small LoRAs in every dialect that is published, and files that only pretend to be one."""

import json
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEADS, GROUPS, HEAD, LAYERS = 32, 4, 2, 8, 2  # of the tiny transformer, see tiny_acestep
OURS = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out.0": "o_proj"}
Matrices = dict[str, tuple[np.ndarray, np.ndarray]]  # module as diffusers calls it -> down (rank, in), up (out, rank)


def matrices(seed: int = 0, rank: int = 4, width: int = WIDTH, layers: int = LAYERS) -> Matrices:
    """A pair for every projection of both attentions, as ACE-Step's own trainer makes them; float32."""
    chance = np.random.default_rng(seed)
    shapes = {
        "to_q": (HEADS * HEAD, width),
        "to_k": (GROUPS * HEAD, width),
        "to_v": (GROUPS * HEAD, width),
        "to_out.0": (width, HEADS * HEAD),
    }

    def some(*shape: int) -> np.ndarray:
        return chance.normal(0, 0.3, shape).astype(np.float32)

    return {
        f"layers.{layer}.{kind}.{part}": (some(rank, into), some(out, rank))
        for layer in range(layers)
        for kind in ("self_attn", "cross_attn")
        for part, (out, into) in shapes.items()
    }


def named(module: str, dialect: str) -> tuple[str, str, str]:
    """What a dialect calls the two matrices and the alpha of a module."""
    theirs = module
    for ours, name in OURS.items():
        theirs = theirs.replace(f".{ours}", f".{name}")
    stem = {
        "PEFT": f"base_model.model.{theirs}",
        "ComfyUI": f"diffusion_model.{theirs}",
        "LyCORIS": f"lycoris_{theirs.replace('.', '_')}",
        "diffusers": f"transformer.{module}",
    }[dialect]
    down, up = ("lora_A", "lora_B") if dialect in ("PEFT", "diffusers") else ("lora_down", "lora_up")
    return f"{stem}.{down}.weight", f"{stem}.{up}.weight", f"{stem}.alpha"


def lora(path: Path, dialect: str = "PEFT", alpha: float | None = None, dtype: str = "F32", **said: Any) -> Path:
    """A whole LoRA as a file. `alpha` goes beside each pair; `said` goes to `matrices`."""
    tensors: dict[str, np.ndarray] = {}
    for module, (down, up) in matrices(**said).items():
        names = named(module, dialect)
        tensors |= {names[0]: down, names[1]: up}
        if alpha is not None:
            tensors[names[2]] = np.array(alpha, np.float32)
    return write(path, tensors, dtype)


def folder(place: Path, alpha: float = 8, **said: Any) -> Path:
    """A LoRA as PEFT leaves it: a folder with its weights and its settings."""
    place.mkdir(parents=True)
    lora(place / "adapter_model.safetensors", "PEFT", **said)
    settings = {"peft_type": "LORA", "r": 4, "lora_alpha": alpha, "target_modules": [*OURS.values()], "bias": "none"}
    (place / "adapter_config.json").write_text(json.dumps(settings))
    return place


def write(
    path: Path, tensors: dict[str, np.ndarray], dtype: str = "F32", metadata: dict[str, str] | None = None
) -> Path:
    """A safetensors file, whose header can say what numpy cannot (BF16)."""
    head: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    data = b""
    for name, values in tensors.items():
        raw = packed(values, dtype)
        head[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    return assemble(path, json.dumps(head).encode(), data)


def assemble(path: Path, header: bytes, data: bytes = b"", length: int | None = None) -> Path:
    """Any bytes as header and data; `length` is what the first eight bytes say."""
    path.write_bytes((len(header) if length is None else length).to_bytes(8, "little") + header + data)
    return path


def packed(values: np.ndarray, dtype: str) -> bytes:
    if dtype == "BF16":
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return values.astype({"F32": "<f4", "F16": "<f2", "F64": "<f8", "F8_E4M3": "u1"}[dtype]).tobytes()


# --- LoKr, LoHa and DoRA ----------------------------------------------------------------------------------------------

FACTOR = 8  # rows and columns of a LoKr's first factor: a product of rank 2 is smaller
KINDS = ("LoKr", "LoKr w2", "LoKr both", "LoHa", "LoRA")  # "w2", "both": which factors are products
Parts = dict[str, np.ndarray]


def matrix_shapes(transformer: Any) -> dict[str, tuple[int, int]]:
    """Every matrix of a transformer that an adapter can change: module -> (out, in)."""
    import torch

    linear = ((name, one) for name, one in transformer.named_modules() if isinstance(one, torch.nn.Linear))
    return {name: (one.out_features, one.in_features) for name, one in linear}


def parts(
    kind: str, out: int, into: int, chance: np.random.Generator, rank: int = 2, alpha: float = 3, lengths: str = ""
) -> Parts:
    """What LyCORIS keeps of one matrix, float32. `lengths` "rows" or "columns" make it a DoRA."""

    def some(rows: int, columns: int) -> np.ndarray:
        return chance.normal(0, 0.2, (rows, columns)).astype(np.float32)

    def factor(name: str, rows: int, columns: int, product: bool) -> Parts:
        if product:
            return {f"{name}_a": some(rows, rank), f"{name}_b": some(rank, columns)}
        return {name: some(rows, columns) / 2}

    if kind == "LoRA":
        made = {"lora_up.weight": some(out, rank), "lora_down.weight": some(rank, into)}
    elif kind == "LoHa":
        made = factor("hada_w1", out, into, True) | factor("hada_w2", out, into, True)
    else:
        made = factor("lokr_w1", FACTOR, FACTOR, kind == "LoKr both")
        made |= factor("lokr_w2", out // FACTOR, into // FACTOR, kind != "LoKr")
    made["alpha"] = np.array(alpha, np.float32)
    if lengths:
        size, usual = (
            ((out, 1), 1.0) if lengths == "rows" else ((1, into), (out / into) ** 0.5)
        )  # of torch's own weights
        made["dora_scale"] = (usual * chance.uniform(0.3, 0.9, size)).astype(np.float32)
    return made


def kin(kind: str, transformer: Any, seed: int = 0, **said: Any) -> dict[str, Parts]:
    """Such parts of every matrix of a transformer."""
    chance = np.random.default_rng(seed)
    return {module: parts(kind, *shape, chance, **said) for module, shape in matrix_shapes(transformer).items()}


def lycoris(path: Path, modules: dict[str, Parts], dialect: str = "LyCORIS") -> Path:
    """A file of such parts, as a dialect names them; diffusers' names of modules become ACE-Step's own."""
    tensors: Parts = {}
    for module, held in modules.items():
        stem = named(module, dialect)[2].removesuffix("alpha")
        tensors |= {f"{stem}{part}": values for part, values in held.items()}
    return write(path, tensors)


def changed(weight: np.ndarray, held: Parts, strength: float = 1) -> np.ndarray:
    """A weight as LyCORIS 4.1 would have it, in 64 bit: its modules' forward, written anew."""
    t = {part: values.astype(np.float64) for part, values in held.items()}
    w = weight.astype(np.float64)
    rank = next((len(values) for part, values in t.items() if part.endswith(("_b", "down.weight"))), 0)
    if "lora_up.weight" in t:
        delta = t["lora_up.weight"] @ t["lora_down.weight"]
    elif "hada_w1_a" in t:
        delta = (t["hada_w1_a"] @ t["hada_w1_b"]) * (t["hada_w2_a"] @ t["hada_w2_b"])
    else:
        one, two = (t[f"lokr_w{n}"] if f"lokr_w{n}" in t else t[f"lokr_w{n}_a"] @ t[f"lokr_w{n}_b"] for n in (1, 2))
        delta = np.einsum("ab,cd->acbd", one, two).reshape(w.shape)
    delta *= float(t["alpha"]) / rank if rank else 1
    if "dora_scale" not in t:
        return w + strength * delta
    new = w + delta
    axis = 0 if t["dora_scale"].shape[0] == 1 else 1
    return new * (1 + strength * (t["dora_scale"] / np.sqrt((new**2).sum(axis, keepdims=True)) - 1))
