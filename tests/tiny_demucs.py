"""A tiny HTDemucs with random weights, in the format that Demucs 4.1 is published in: a .yaml that names its models,
and each as safetensors with class and arguments as JSON in the metadata."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

SOURCES = ("drums", "bass", "other", "vocals")
SEGMENT = Fraction(3, 5)  # seconds it hears at once; published: 39/5
ARGUMENTS: dict[str, Any] = {
    "sources": list(SOURCES),
    "audio_channels": 2,
    "channels": 8,
    "nfft": 1024,
    "depth": 4,
    "bottom_channels": 16,
    "t_layers": 1,
    "t_heads": 2,
    "dconv_mode": 3,
    "dconv_comp": 4,
    "segment": SEGMENT,
    "samplerate": 44_100,
}


def built(seed: int = 0) -> Any:
    """The model itself."""
    import torch
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(seed)
    return HTDemucs(**ARGUMENTS).eval()


def checkpoint(folder: Path, name: str = "htdemucs", **about: str) -> Path:
    """A whole checkpoint in `folder`; `about` changes what the weights say of themselves."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    segment = {"_type": "fraction", "numerator": SEGMENT.numerator, "denominator": SEGMENT.denominator}
    said = {
        "klass": "demucs.htdemucs.HTDemucs",
        "args": "[]",
        "kwargs": json.dumps(ARGUMENTS | {"segment": segment}),
    }
    (folder / f"{name}.yaml").write_text("models: ['0ddba11']\n")
    save_file(built().half().state_dict(), folder / "0ddba11.safetensors", said | about)
    return folder
