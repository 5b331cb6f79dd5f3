"""What the tensors of a LoRA and its kin are called, in the dialects that are published for ACE-Step 1.5.

    PEFT        base_model.model.layers.0.self_attn.q_proj.lora_A.weight      as ACE-Step's own trainer writes it
    ComfyUI     diffusion_model.layers.0.self_attn.q_proj.lora_up.weight      with .alpha beside; transformer., decoder.
    LyCORIS     lycoris_layers_0_self_attn_q_proj.lora_down.weight            with .alpha beside; lora_unet_
    diffusers   transformer.layers.0.self_attn.to_q.lora_A.weight

LoKr (.lokr_w1, .lokr_w2_a ...), LoHa (.hada_w1_a ...) and the lengths of a DoRA (.dora_scale, PEFT's
.lora_magnitude_vector) end names of all four.

A name becomes a module of diffusers' AceStepTransformer1DModel and a part: "down", "up", "alpha", "magnitude" (PEFT's
lengths), or LyCORIS' own name of it.
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
    "dora_scale": "dora_scale",
    **{f"lora_magnitude_vector{end}": "magnitude" for end in ("", ".weight", ".default", ".default.weight")},
}
_PARTS |= {
    f"{part}{end}": part
    for part in (
        *("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b"),
        *("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"),
    )
    for end in ("", ".default")
}
_PREFIX = re.compile(
    r"(?:base_model|model|module|diffusion_model|transformer|decoder)\.|(?:lycoris|lora_unet|lora_transformer)_|decoder_"
)
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
    ".oft_": "an OFT",
    ".boft_": "a BOFT",
    ".glora_": "a GLoRA",
    ".on_input": "an IA3",
}
CONVOLUTIONS = (".lora_mid", ".lokr_t", ".hada_t")  # Tucker products, which only convolutions have
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
    """Where a tensor belongs: `module` as diffusers calls it, `part` as above."""

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
    """What kind of adapter that cannot be played has a tensor of this name; None if it may be one that can."""
    return next((kind for piece, kind in FAMILIES.items() if piece in name), None)


def convolution(name: str) -> bool:
    """Whether a tensor of this name changes a convolution: ACE-Step 1.5 has one where its latents come in, and one
    where they leave."""
    return any(piece in name for piece in CONVOLUTIONS) or _bare(name).startswith(("proj_in", "proj_out"))


def elsewhere(name: str) -> str | None:
    """Whose LoRA a tensor of this name belongs to, where it is known."""
    return next((model for piece, model in ELSEWHERE.items() if piece in name), None)


def dialect(name: str) -> str:
    """Which of the dialects above a name is written in."""
    if name.startswith(("lycoris_", "lora_unet_", "lora_transformer_")):
        return "LyCORIS"
    if name.startswith("diffusion_model.") or any(piece in name for piece in ("lora_up", "lora_down", "lora.")):
        return "ComfyUI"
    if name.startswith("transformer.") or ("lora_" in name and ".to_" in name):
        return "diffusers"
    return "PEFT" if name.startswith("base_model.") or "lora_" in name else "LyCORIS"


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
