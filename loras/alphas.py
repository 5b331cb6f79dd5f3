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
KINDS = {"LORA": "LoRA", "LOKR": "LoKr", "LOHA": "LoHa"}  # by PEFT's name
PLAYED = "it plays LoRA, LoKr, LoHa and DoRA"


class Alphas:
    """Where the alphas of a LoRA come from: a module's own tensor, else the config, else the header, else the rank."""

    def __init__(self, config: Mapping[str, Any] | None, header: Mapping[str, str], called: str):
        self.called, self._guessed = called, False
        self._source = "the file" if config is None else CONFIG
        self.config = _of_header(header) if config is None else config
        self.alpha = self.config.get("lora_alpha", self.config.get("alpha"))  # LoKr's and LoHa's are called alpha

    @property
    def source(self) -> str:
        """Who said them, once all were asked for: "the file", "adapter_config.json" or, of one at least, "nobody"."""
        return "nobody" if self._guessed else self._source

    def scale(self, module: str, rank: int, own: float | None) -> float:
        """What factors of a rank are multiplied with at strength 1. Raises BadRequest for an alpha that is none."""
        alpha = self._pattern("alpha_pattern", module) if own is None else own
        alpha = self.alpha if alpha is None else alpha
        if own is not None:
            self._source = "the file"
        if alpha is None:
            self._guessed = True
            return 1.0
        if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha <= MAX_ALPHA:
            raise refusal(self.called, f"has {alpha!r:.40} as alpha of {module}, which must be above 0; {AGAIN}")
        return alpha / (math.sqrt(rank) if self.config.get("use_rslora") is True else rank)

    def whole(self, module: str) -> float:
        """What a LoKr is multiplied with whose factors are both whole: 1 as LyCORIS has it, whatever its alpha; PEFT
        takes alpha and rank all the same. Raises BadRequest."""
        if self.config.get("peft_type") != "LOKR":
            return 1.0
        rank = self._pattern("rank_pattern", module) or self.config.get("r")
        if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
            raise refusal(self.called, f"has {rank!r:.40} as rank of {module} in its {CONFIG}; {AGAIN}")
        return self.scale(module, rank, None)

    def _pattern(self, kind: str, module: str) -> Any:
        """The alpha or the rank of one module. PEFT reads these names as regular expressions; here they are names, as
        its trainers write them: a stranger's expression may never come to an end."""
        patterns = self.config.get(kind)
        found = patterns.items() if isinstance(patterns, Mapping) else ()
        ending = f".{module}".endswith
        return next((value for said, value in found if ending(f".{names.ours(said.removeprefix('^'))}")), None)


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
    """An adapter_config.json. Raises BadRequest where it is none, or describes what cannot be played."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_CONFIG:
            raise ValueError
        said = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise refusal(path.name, f"cannot be read; give the {CONFIG} that lies beside the LoRA") from None
    if not isinstance(said, dict) or "peft_type" not in said:
        raise refusal(path.name, f"does not say what kind of adapter it describes; give PEFT's {CONFIG}")
    if str(said["peft_type"]) not in KINDS:
        raise refusal(path.name, f"describes {str(said['peft_type'])[:20]}, which the studio cannot play; {PLAYED}")
    return said
