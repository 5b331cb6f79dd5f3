"""Weights read by the libraries that others keep: what everybody who does so has in common."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checkpoints.hashes import verify
from checkpoints.table import known
from checkpoints.whole import read_object
from song.errors import BadCheckpoint, Cancelled, CannotMake, StudioError
from song.progress import Progress

log = logging.getLogger("studio.checkpoints")


@contextlib.contextmanager
def complaining(what: str, name: str) -> Iterator[None]:
    """Whatever goes wrong while weights are read becomes one sentence; the log has the rest. `what` they are begins
    it: "The checkpoint". Raises CannotMake."""
    try:
        yield
    except (StudioError, Cancelled, MemoryError):
        raise
    except Exception as error:  # each library has faults of its own
        log.error("cannot read %s", name, exc_info=error)
        again = f"Get it again: studio models get {name}." if name in known() else "Mend it."
        raise CannotMake(
            f"{what} {name} cannot be read: it is damaged, incomplete or of a kind that is not known here. {again}"
        ) from error


def check_intact(name: str, folder: Path, progress: Progress) -> None:
    """Hold a checkpoint against the hashes that are known of it, where it changed since that was done last. Raises
    BadCheckpoint that names the file, and whatever `progress` raises."""
    verify(folder, lambda done, total, _: progress(0.0, f"Checking {name}, {done / total:.0%}"))


def language_model(folder: Path, device: str, precision: str, kind: str = "AutoModelForCausalLM") -> tuple[Any, Any]:
    """A model of transformers' class `kind` and its tokenizer: nothing from the network, no code of others, weights
    from safetensors alone. `precision` is "fp32" or "bf16". Its generation_config.json is left to whoever draws tokens.
    Raises BadCheckpoint, and whatever transformers does."""
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for name in ("config.json", "tokenizer.json"):  # transformers would make the second up
        read_object(folder / name)
    if not list(folder.glob("*.safetensors")):
        raise BadCheckpoint(f"{folder} holds no weights as safetensors; get it again, or copy the folder again.")
    own: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    net, report = getattr(transformers, kind).from_pretrained(
        folder,
        **own,
        use_safetensors=True,
        output_loading_info=True,
        generation_config=transformers.GenerationConfig(),
        dtype=torch.float32 if precision == "fp32" else torch.bfloat16,
    )
    if lacking := [*report["missing_keys"], *report["mismatched_keys"]]:
        raise ValueError(f"weights lack {lacking[:3]}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **own)
    if tokenizer.chat_template is None:
        raise BadCheckpoint(f"{folder.name} has no chat template, so it cannot be asked; choose an instruct model.")
    return net.eval().requires_grad_(False).to(device), tokenizer
