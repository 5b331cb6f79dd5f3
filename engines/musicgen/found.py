"""Which MusicGen checkpoints are on this machine. Reads names and configs only, never weights."""

import hashlib
import json
from pathlib import Path

from settings import settings

KINDS = ("musicgen", "musicgen_melody", "audiocraft")  # what a checkpoint's config calls itself; the last has none
AUDIOCRAFT = "state_dict.bin"  # what audiocraft keeps the weights of a model in
GET = "studio models get musicgen-small"
LICENCE = "CC-BY-NC 4.0"  # of all weights that Meta publishes, and of what is made from them
_ENDS = 1 << 20  # bytes at either end of a weights file that tell it from another


def places() -> dict[str, Path]:
    """Folders with a checkpoint by name: those in STUDIO_CHECKPOINTS, the folder itself included, in alphabetical
    order."""
    root = settings().checkpoints
    if root is None or not root.is_dir():
        return {}
    return {folder.name: folder for folder in sorted([root, *root.iterdir()]) if kind(folder) in KINDS}


def kind(folder: Path) -> str | None:
    """What the config in a folder says it is; None where there is none that can be read."""
    if (folder / AUDIOCRAFT).is_file() and not (folder / "config.json").exists():
        return "audiocraft"
    try:
        return str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def revision(folder: Path) -> str:
    """A fingerprint of a checkpoint: its configs, and size, beginning and end of each file of weights."""
    found = hashlib.sha256()
    for path in sorted(folder.glob("*.json")):
        found.update(path.read_bytes())
    for path in sorted([*folder.glob("*.safetensors"), *folder.glob(AUDIOCRAFT)]):
        size = path.stat().st_size
        found.update(str(size).encode())
        with path.open("rb") as file:
            found.update(file.read(_ENDS))
            file.seek(max(0, size - _ENDS))
            found.update(file.read())
    return found.hexdigest()[:16]
