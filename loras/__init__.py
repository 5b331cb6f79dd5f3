"""LoRAs: what others trained on top of a model. Looked through, kept, and held against the model before they are used.

names    what their tensors are called; file: whether a file is what it says; alphas: by how much it counts
patch    what one does to a matrix, as LoRA, LoKr, LoHa or DoRA
inside   what it holds, and whether that fits a model
shelf    those that are here
"""

from loras.alphas import read_config
from loras.inside import Inside, check_fit, check_width, inside, size
from loras.patch import Patch
from loras.shelf import Lora, add, find, forget, there

__all__ = [
    "Inside",
    "Lora",
    "Patch",
    "add",
    "check_fit",
    "check_width",
    "find",
    "forget",
    "inside",
    "read_config",
    "size",
    "there",
]
