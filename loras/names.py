"""What the tensors of a LoRA are called, in the dialects that are published for ACE-Step 1.5.

    PEFT        base_model.model.layers.0.self_attn.q_proj.lora_A.weight      as ACE-Step's own trainer writes it
    ComfyUI     diffusion_model.layers.0.self_attn.q_proj.lora_up.weight      with .alpha beside; transformer., decoder.
    LyCORIS     lycoris_layers_0_self_attn_q_proj.lora_down.weight            with .alpha beside; lora_unet_
    diffusers   transformer.layers.0.self_attn.to_q.lora_A.weight

A name becomes a module of diffusers' AceStepTransformer1DModel and a part: "down", "up" or "alpha".
"""

import re
from typing import NamedTuple

MAX_LAYERS = 1000
_PARTS = {
    "lora_A.weight": "down",
    "lora_A.default.weight": "down",
    "lora_down.weight": "down",
    "lora.down.weight": "down",
    "lora_B.weight": "up",
    "lora_B.default.weight": "up",
    "lora_up.weight": "up",
    "lora.up.weight": "up",
    "alpha": "alpha",
}
_PREFIX = re.compile(r"(?:base_model|model|module|diffusion_model|transformer|decoder)\.|(?:lycoris|lora_unet)_")
_LAYER = re.compile(r"layers[._](\d{1,4})[._](.+)")
ATTENTION = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "o_proj": "to_out.0"}
_INSIDE = {  # a layer: theirs -> diffusers'
    f"{kind}.{called}": f"{kind}.{ours}"
    for kind in ("self_attn", "cross_attn")
    for theirs, ours in ATTENTION.items()
    for called in (theirs, ours)
} | {f"mlp.{name}": f"mlp.{name}" for name in ("gate_proj", "up_proj", "down_proj")}
_AROUND = ["condition_embedder"] + [
    f"{clock}.{part}" for clock in ("time_embed", "time_embed_r") for part in ("linear_1", "linear_2", "time_proj")
]
# Names are flattened with underscores by some: what cannot be told apart then is looked up, not split.
_WITHIN = _INSIDE | {name.replace(".", "_"): ours for name, ours in _INSIDE.items()}
_OUTSIDE = {called: name for name in _AROUND for called in (name, name.replace(".", "_"))}

FAMILIES = {  # what else is published as an adapter, by a piece of its tensors' names
    ".lokr_": "a LoKr",
    ".hada_": "a LoHa",
    "dora_scale": "a DoRA",
    "lora_magnitude_vector": "a DoRA",
    ".oft_": "an OFT",
    ".boft_": "a BOFT",
    ".glora_": "a GLoRA",
    ".on_input": "an IA3",
    ".lora_mid": "a Tucker LoCon",
}
ELSEWHERE = {  # whose layers carry such names
    "transformer_blocks.": "ACE-Step 1 or an image model",
    "speaker_embedder": "ACE-Step 1",
    "double_blocks": "an image model",
    "single_blocks": "an image model",
    "down_blocks": "an image model",
    "up_blocks": "an image model",
    "mid_block": "an image model",
    "text_encoder": "a text encoder",
    "lora_te": "a text encoder",
    "text_model": "a text encoder",
    "model.language_model": "a language model",
    "embed_tokens": "a language model",
}


class Name(NamedTuple):
    """Where a tensor belongs: `module` as diffusers calls it, `part` "down", "up" or "alpha"."""

    module: str
    part: str


def read(name: str) -> Name | None:
    """A tensor's name, understood; None where it is none of a LoRA for ACE-Step 1.5."""
    for ending, part in _PARTS.items():
        if name.endswith(f".{ending}"):
            module = _module(name[: -len(ending) - 1])
            return Name(module, part) if module else None
    return None


def family(name: str) -> str | None:
    """What kind of adapter other than a LoRA has a tensor of this name; None if it may be one."""
    return next((kind for piece, kind in FAMILIES.items() if piece in name), None)


def elsewhere(name: str) -> str | None:
    """Whose LoRA a tensor of this name belongs to, where it is known."""
    return next((model for piece, model in ELSEWHERE.items() if piece in name), None)


def dialect(name: str) -> str:
    """Which of the dialects above a name is written in."""
    if name.startswith(("lycoris_", "lora_unet_")):
        return "LyCORIS"
    if name.startswith("diffusion_model.") or not ("lora_A" in name or "lora_B" in name):
        return "ComfyUI"
    return "diffusers" if name.startswith("transformer.") or ".to_" in name else "PEFT"


def ours(name: str) -> str:
    """A module, or the end of its name, as diffusers calls it: "self_attn.q_proj" is "self_attn.to_q"."""
    return ".".join(ATTENTION.get(part, part) for part in _bare(name).split("."))


def _module(name: str) -> str | None:
    name = _bare(name)
    if layer := _LAYER.fullmatch(name):
        inside = _WITHIN.get(layer[2])
        return f"layers.{int(layer[1])}.{inside}" if inside and int(layer[1]) < MAX_LAYERS else None
    return _OUTSIDE.get(name)


def _bare(name: str) -> str:
    while match := _PREFIX.match(name):
        name = name[match.end() :]
    return name
