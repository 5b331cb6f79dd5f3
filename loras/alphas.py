"""By how much a LoRA counts, and who says so: the file, PEFT's adapter_config.json, or nobody."""

import contextlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loras import names
from loras.file import AGAIN, refusal

CONFIG = "adapter_config.json"
ALONE = ("lora_alpha", "alpha", "ss_network_alpha")  # what trainers call it in a header
MAX_CONFIG = 1_000_000  # bytes
MAX_ALPHA = 1e6


class Alphas:
    """Where the alphas of one LoRA come from: a pair's own tensor, else the config, else the header, else the rank.

    `source` says who, once `scale` was asked: "the file", "adapter_config.json" or "nobody".
    """

    def __init__(self, config: Mapping[str, Any] | None, header: Mapping[str, str], called: str):
        self.called, self.source = called, "nobody"
        self.config = _of_header(header) if config is None else config
        patterns = self.config.get("alpha_pattern") or {}
        self.patterns: Mapping[str, Any] = patterns if isinstance(patterns, Mapping) else {}
        if self.config.get("lora_alpha") is not None or self.patterns:
            self.source = "the file" if config is None else CONFIG

    def scale(self, module: str, rank: int, own: float | None) -> float:
        """What a pair's product is multiplied with at strength 1. Raises BadRequest for an alpha that is none."""
        alpha = self._pattern(module) if own is None else own
        alpha = self.config.get("lora_alpha") if alpha is None else alpha
        if own is not None:
            self.source = "the file"
        if alpha is None:
            return 1.0
        if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha <= MAX_ALPHA:
            raise refusal(self.called, f"has {alpha!r:.40} as alpha of {module}, which must be above 0; {AGAIN}")
        return alpha / (math.sqrt(rank) if self.config.get("use_rslora") is True else rank)

    def _pattern(self, module: str) -> Any:
        """The alpha of one module. PEFT reads these names as regular expressions; here they are names, as its trainers
        write them: a stranger's expression may never come to an end."""
        return next(
            (
                alpha
                for said, alpha in self.patterns.items()
                if f".{module}".endswith(f".{names.ours(said.removeprefix('^'))}")
            ),
            None,
        )


def _of_header(header: Mapping[str, str]) -> dict[str, Any]:
    """What a header says beside its tensors: diffusers writes all of PEFT's settings there, with the component in front
    of each name, others the alpha alone."""
    try:
        said = json.loads(header.get("lora_adapter_metadata", "{}"))
    except (ValueError, RecursionError):
        said = {}
    settings = (
        {name.removeprefix("transformer."): value for name, value in said.items()} if isinstance(said, dict) else {}
    )
    for name in ALONE:
        with contextlib.suppress(ValueError):  # "None" is written, too
            settings.setdefault("lora_alpha", float(header.get(name, "")))
    return settings


def read_config(path: Path) -> dict[str, Any]:
    """An adapter_config.json. Raises BadRequest where it is none, or describes no plain LoRA."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_CONFIG:
            raise ValueError
        said = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise refusal(path.name, f"cannot be read; give the {CONFIG} that lies beside the LoRA") from None
    if not isinstance(said, dict) or "peft_type" not in said:
        raise refusal(path.name, f"does not say what kind of adapter it describes; give PEFT's {CONFIG}")
    if said["peft_type"] != "LORA" or said.get("use_dora") is True:
        kind = "a DoRA" if said["peft_type"] == "LORA" else str(said["peft_type"])[:20]
        raise refusal(path.name, f"describes {kind}, which the studio cannot play; it plays plain LoRAs")
    return said
