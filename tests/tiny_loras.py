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
